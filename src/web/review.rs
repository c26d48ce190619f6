//! Is this flag right, and why? The list of open flags, one page a flag, and a person's outcome.

use anyhow::Result;
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::{Extension, Form};
use serde::Deserialize;

use super::session::Person;
use super::show::{Piece, When, initials, pieces, state_words};
use super::{Error, Frame, Site, render, see};
use crate::db;
use crate::db::flags::{Flag, Opening};
use crate::db::items::read::{self, Shown, Stored};
use crate::model::{Category, Outcome, Role, Timestamp};

/// The most of a thread that one page shows.
const MOST_OF_THREAD: usize = 100;

#[derive(Template)]
#[template(path = "flags.html")]
struct ListPage {
    frame: Frame,
    fresh: Vec<ListRow>,
    past: Vec<ListRow>,
}

struct ListRow {
    key: String,
    title: String,
    severity: &'static str,
    account: String,
    kind: &'static str,
    role: &'static str,
    since: When,
}

pub async fn list(State(site): State<Site>, Extension(person): Extension<Person>) -> Result<Response, Error> {
    let page = site
        .blocking(move |site| {
            let flags = site.db().read(|conn| db::flags::list(conn, false))?;
            let (past, fresh): (Vec<Flag>, Vec<Flag>) = flags.into_iter().partition(|flag| flag.past);
            let rows = |flags: Vec<Flag>| flags.iter().map(|flag| list_row(site, flag)).collect();
            Ok(ListPage { frame: Frame::new(site, &person)?, fresh: rows(fresh), past: rows(past) })
        })
        .await?;
    render(&page)
}

fn list_row(site: &Site, flag: &Flag) -> ListRow {
    ListRow {
        key: flag.key(),
        title: title(flag),
        severity: flag.severity.as_str(),
        account: format!("{} ({})", flag.account_slug, crate::model::platform_title(&flag.platform)),
        kind: flag.kind.as_str(),
        role: role_words(flag.role),
        since: When::new(flag.first_flagged_at, &site.config().time_zone),
    }
}

/// *Possible threat*; what a flag on a public comment rests on is said with it.
fn title(flag: &Flag) -> String {
    format!("Possible {}", flag.category.words())
}

/// What the flag rests on, for this author's role.
fn ground(flag: &Flag) -> String {
    if flag.role == Role::District {
        return format!("District guidelines, clause {}", flag.clause);
    }
    match flag.category {
        category if category.is_concern() => {
            format!("Possible concern: somebody may have to report it (clause {})", flag.clause)
        }
        category if is_privacy(category) => format!("Privacy: care for a person's own facts (clause {})", flag.clause),
        _ => format!("Against this page's posted expectations? (clause {})", flag.clause),
    }
}

fn is_privacy(category: Category) -> bool {
    category.as_str().starts_with("pii_")
}

const fn role_words(role: Role) -> &'static str {
    match role {
        Role::District => "the district's own page",
        Role::Public => "public",
        Role::Unknown => "author not told by the platform",
    }
}

#[derive(Template)]
#[template(path = "flag.html")]
struct FlagPage {
    frame: Frame,
    key: String,
    title: String,
    severity: &'static str,
    rule: String,
    ground: String,
    modifiers: Vec<String>,
    is_concern: bool,
    state: String,
    is_open: bool,
    past: bool,
    item: Post,
    parent: Option<Post>,
    thread: Vec<Post>,
    thread_rest: usize,
    versions: Vec<Change>,
    reviews: Vec<Reviewed>,
    duty: Option<Duty>,
    first_flagged: When,
}

/// An item as people saw it.
struct Post {
    item: String,
    initials: String,
    author: String,
    role: &'static str,
    kind: &'static str,
    created: Option<When>,
    state: &'static str,
    pieces: Vec<Piece>,
    parts: Vec<Vec<Piece>>,
    links: Vec<String>,
    media: Vec<String>,
    url: Option<String>,
    is_this: bool,
}

struct Change {
    seq: u64,
    change: &'static str,
    state: &'static str,
    observed: When,
    text: String,
    is_flagged: bool,
}

struct Reviewed {
    outcome: &'static str,
    reason: String,
    note: String,
    actor: String,
    at: When,
}

/// What a person may have to do, for a concern.
struct Duty {
    sentence: String,
    numbers: Vec<(String, String)>,
}

pub async fn page(
    State(site): State<Site>,
    Extension(person): Extension<Person>,
    Path(key): Path<String>,
) -> Result<Response, Error> {
    let key = parse(&key)?;
    let now = site.clock().now();
    let reader = person.clone();
    let page = site.blocking(move |site| gather(site, &reader, key)).await?.ok_or(Error::NotFound)?;
    // Opening the page is the exposure from which this person's clocks run: it is recorded before anything is shown.
    let record = move |site: &Site| {
        site.db().writer.write(move |tx| {
            let flag = db::flags::by_key(tx, &key)?;
            flag.map(|flag| db::flags::open(tx, &flag, Opening::Exposure, &person.name, now)).transpose()
        })
    };
    site.blocking(record).await?;
    render(&page)
}

fn parse(key: &str) -> Result<db::flags::FlagKey, Error> {
    let bytes = hex::decode(key).map_err(|_| Error::NotFound)?;
    bytes.try_into().map_err(|_| Error::NotFound)
}

fn gather(site: &Site, person: &Person, key: db::flags::FlagKey) -> Result<Option<FlagPage>> {
    let frame = Frame::new(site, person)?;
    site.db().read(|conn| {
        let Some(flag) = db::flags::by_key(conn, &key)? else { return Ok(None) };
        let shown = read::show(conn, flag.item_id)?;
        let flagged = flagged_version(&shown, &flag).clone();
        let zone = &site.config().time_zone;
        let mut thread = Vec::new();
        let ids = shown.root_id.map(|root| read::thread(conn, root)).transpose()?.unwrap_or_default();
        for id in ids.iter().take(MOST_OF_THREAD) {
            let other = read::show(conn, *id)?;
            thread.push(post(site, &other, other.latest(), &[], *id == flag.item_id));
        }
        let parent = match &shown.parent {
            Some(parent) => read::by_name(conn, &format!("{}:{parent}", flag.platform))?,
            None => None,
        };
        let parent = parent.map(|id| read::show(conn, id)).transpose()?;
        let reviews = db::flags::reviews(conn, &key)?;
        Ok(Some(FlagPage {
            frame,
            key: flag.key(),
            title: title(&flag),
            severity: flag.severity.as_str(),
            rule: flag.rule.clone(),
            ground: ground(&flag),
            modifiers: flag.modifiers.clone(),
            is_concern: flag.category.is_concern(),
            state: flag.state.replace('_', " "),
            is_open: flag.is_open(),
            past: flag.past,
            item: post(site, &shown, &flagged, &flag.spans, true),
            parent: parent.map(|parent| post(site, &parent, parent.latest(), &[], false)),
            thread_rest: ids.len().saturating_sub(thread.len()),
            thread,
            versions: shown.document.versions.iter().map(|version| change(site, version, flagged.seq)).collect(),
            reviews: reviews
                .into_iter()
                .map(|review| Reviewed {
                    outcome: outcome_words(review.outcome),
                    reason: review.reason,
                    note: review.note,
                    actor: review.actor,
                    at: When::new(review.at, zone),
                })
                .collect(),
            duty: duty(site, flag.category),
            first_flagged: When::new(flag.first_flagged_at, zone),
        }))
    })
}

/// The version whose content the flag is about: the very one, else another one with the same content.
fn flagged_version<'s>(shown: &'s Shown, flag: &Flag) -> &'s Stored {
    let versions = &shown.document.versions;
    let same = |version: &&Stored| version.content_digest == flag.content;
    let exact = versions.iter().find(|version| version.seq == flag.version);
    exact.or_else(|| versions.iter().find(same)).unwrap_or_else(|| shown.latest())
}

fn post(site: &Site, shown: &Shown, version: &Stored, spans: &[(usize, usize, usize)], is_this: bool) -> Post {
    let of_part = |part: usize| -> Vec<(usize, usize)> {
        spans.iter().filter(|span| span.0 == part).map(|span| (span.1, span.2)).collect()
    };
    let author = version.author.name.clone().or_else(|| version.author.handle.clone());
    let author = author.unwrap_or_else(|| "Author not told by the platform".into());
    let content = &version.content;
    let parts = content.parts.iter().enumerate().map(|(at, part)| pieces(part, &of_part(at + 1)));
    let medium = |medium: &crate::model::Media| match &medium.alt {
        Some(alt) => format!("picture or video, described as: {alt}"),
        None => "picture or video without a description".to_owned(),
    };
    Post {
        item: shown.name(),
        initials: initials(&author),
        author,
        role: role_words(shown.document.role),
        kind: shown.document.kind.as_str(),
        created: shown.document.created_at.map(|at| When::new(at, &site.config().time_zone)),
        state: state_words(version.state),
        pieces: pieces(&content.text, &of_part(0)),
        parts: parts.collect(),
        links: content.links.clone(),
        media: content.media.iter().map(medium).collect(),
        url: shown.url.clone().filter(|url| url.starts_with("https://")),
        is_this,
    }
}

fn change(site: &Site, version: &Stored, flagged: u64) -> Change {
    Change {
        seq: version.seq,
        change: version.change.as_str(),
        state: state_words(version.state),
        observed: When::new(version.observed_at, &site.config().time_zone),
        text: version.content.text.clone(),
        is_flagged: version.seq == flagged,
    }
}

/// From the law file. One that cannot be read is logged and leaves the sentence out; the numbers everybody knows stay.
fn duty(site: &Site, category: Category) -> Option<Duty> {
    if !category.is_concern() {
        return None;
    }
    match crate::config::LawFacts::load(&site.config().law.file) {
        Ok(law) => law
            .duty(category)
            .map(|duty| Duty { sentence: duty.sentence.clone(), numbers: duty.numbers(&site.config().concerns) }),
        Err(error) => {
            tracing::error!("the law file cannot be used: {error:#}");
            None
        }
    }
}

const fn outcome_words(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Confirmed => "Confirmed",
        Outcome::NotAConcern => "Not a concern",
        Outcome::WrongCategory => "Wrong category",
        Outcome::BenignPhrase => "Known-benign phrase",
        Outcome::Withdrawn => "Undone",
    }
}

#[derive(Debug, Deserialize)]
pub struct Decision {
    outcome: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    note: String,
}

pub async fn decide(
    State(site): State<Site>,
    Extension(person): Extension<Person>,
    Path(key): Path<String>,
    Form(form): Form<Decision>,
) -> Result<Response, Error> {
    let key = parse(&key)?;
    let refuse = |say: &str| Error::Refused(StatusCode::BAD_REQUEST, say.to_owned());
    let outcome: Outcome = form.outcome.parse().map_err(|_| refuse("Choose an outcome: nothing was recorded."))?;
    let (reason, note) = (form.reason.trim().to_owned(), form.note.trim().to_owned());
    if reason.is_empty() {
        return Err(refuse("An outcome needs a reason: go back and write one. Nothing was recorded."));
    }
    let now = site.clock().now();
    let found = site.blocking(move |site| record(site, key, outcome, reason, note, person, now)).await?;
    found.ok_or(Error::NotFound)?;
    Ok(see(&format!("/flags/{}", hex::encode(key))))
}

fn record(
    site: &Site,
    key: db::flags::FlagKey,
    outcome: Outcome,
    reason: String,
    note: String,
    person: Person,
    now: Timestamp,
) -> Result<Option<u64>> {
    site.db().writer.write(move |tx| {
        let Some(flag) = db::flags::by_key(tx, &key)? else { return Ok(None) };
        db::flags::review(tx, &flag, outcome, &reason, &note, &person.name, now).map(Some)
    })
}

#[derive(Template)]
#[template(path = "stop.html")]
struct StopPage {
    frame: Frame,
    key: String,
    mail: String,
    done: bool,
}

/// Which mail the link stood in: it tells whose repeats are to stop.
#[derive(Debug, Default, Deserialize)]
pub struct FromMail {
    #[serde(default)]
    mail: String,
}

/// The page behind *Stop repeats for me*: a button, and nothing of the item. Opening it changes nothing.
pub async fn stop_page(
    State(site): State<Site>,
    Extension(person): Extension<Person>,
    Path(key): Path<String>,
    Query(FromMail { mail }): Query<FromMail>,
) -> Result<Response, Error> {
    let key = hex::encode(parse(&key)?);
    render(
        &site.blocking(move |site| Ok(StopPage { frame: Frame::new(site, &person)?, key, mail, done: false })).await?,
    )
}

/// Records it for the mail's recipient; without a known mail, for the person who is signed in.
pub async fn stop(
    State(site): State<Site>,
    Extension(person): Extension<Person>,
    Path(key): Path<String>,
    Form(FromMail { mail }): Form<FromMail>,
) -> Result<Response, Error> {
    let (key, now) = (parse(&key)?, site.clock().now());
    let page = site
        .blocking(move |site| {
            let name = person.name.clone();
            let found = site.db().writer.write(move |tx| {
                let Some(flag) = db::flags::by_key(tx, &key)? else { return Ok(false) };
                let reader = db::health::recipient_of(tx, &mail)?.unwrap_or(name);
                db::flags::open(tx, &flag, Opening::Acknowledgement, &reader, now)?;
                Ok(true)
            })?;
            let frame = Frame::new(site, &person)?;
            Ok(found.then(|| StopPage { frame, key: hex::encode(key), mail: String::new(), done: true }))
        })
        .await?;
    render(&page.ok_or(Error::NotFound)?)
}
