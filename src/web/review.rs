//! Is this flag right, and why? One page a flag, and a person's outcome.

use anyhow::Result;
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::{Extension, Form};
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::auth::{Person, scope};
use super::queue::Titles;
use super::show::{Piece, When, change_words, initials, list_words, pieces, shorten, state_words};
use super::{Error, Frame, Site, book, diff, render, see};
use crate::db::flags::{Flag, Opening};
use crate::db::items::read::{self, Shown, Stored};
use crate::db::{self, Conn};
use crate::model::people::Thing;
use crate::model::{Category, Outcome, Role, Timestamp};
use crate::text::dates;

/// The most of a thread that one page shows.
const MOST_OF_THREAD: usize = 100;

/// A text of more bytes than this does not push the rest of the page away.
const LONG: usize = 4000;

/// The longest reason and note, in characters.
const MOST_REASON: usize = 300;
const MOST_NOTE: usize = 4000;

/// *Possible threat*; what a flag on a public comment rests on is said with it.
pub fn title(flag: &Flag) -> String {
    format!("Possible {}", flag.category.words())
}

fn state(flag: &Flag) -> String {
    let state = flag.state.replace('_', " ");
    flag.because.map_or_else(|| state.clone(), |because| format!("{state}: {because}"))
}

/// What the flag rests on, for this author's role.
fn ground(flag: &Flag) -> &'static str {
    match flag.category {
        _ if flag.role == Role::District => "The district's guidelines for its own pages",
        category if category.is_concern() => "Possible concern: somebody may have to report it",
        category if is_privacy(category) => "Privacy: care for a person's own facts",
        _ => "Against this page's posted expectations?",
    }
}

fn is_privacy(category: Category) -> bool {
    category.as_str().starts_with("pii_")
}

pub const fn role_words(role: Role) -> &'static str {
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
    account: String,
    why: Why,
    is_concern: bool,
    may_decide: bool,
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
    openings: Vec<(String, When)>,
    first_flagged: When,
    likely: Likely,
    /// What a known-benign phrase begins with: the words, and a year from now.
    phrase: String,
    until: String,
}

/// What made the flag, and what it rests on.
struct Why {
    ground: &'static str,
    clause: String,
    clause_title: String,
    clause_text: String,
    /// `None`: the rule stands in no pack any more.
    rule_title: Option<String>,
    rule: String,
    pack: String,
    looks_for: String,
    matched: Vec<String>,
    modifiers: Vec<String>,
    report_card: String,
}

/// The reason that an outcome has when the person writes none: the likely one, shown beside its button.
struct Likely {
    confirmed: String,
    not_a_concern: String,
    benign: String,
}

/// An item as people saw it.
pub struct Post {
    pub item: String,
    pub initials: String,
    pub author: String,
    pub role: &'static str,
    pub kind: &'static str,
    pub created: Option<When>,
    pub state: &'static str,
    pub pieces: Vec<Piece>,
    pub parts: Vec<Vec<Piece>>,
    pub links: Vec<String>,
    pub media: Vec<String>,
    pub url: Option<String>,
    pub is_this: bool,
    /// It scrolls in a box of its own.
    pub is_long: bool,
    /// The flag of a possible concern: its words stand there.
    pub closed: Option<String>,
}

struct Change {
    seq: u64,
    change: String,
    state: &'static str,
    observed: When,
    words: Vec<diff::Change>,
    more: Vec<String>,
    is_long: bool,
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
    // Opening the page is the exposure from which this person's clocks run: it is recorded before anything is shown.
    let record = move |site: &Site| {
        site.db().writer.write(move |tx| {
            let flag = scope::flag(tx, &person, &key)?;
            flag.map(|flag| db::flags::open(tx, &flag, Opening::Exposure, &person.name, now)).transpose()
        })
    };
    site.blocking(record).await?.ok_or(Error::NotFound)?;
    render(&site.blocking(move |site| gather(site, &reader, key, now)).await?.ok_or(Error::NotFound)?)
}

fn parse(key: &str) -> Result<db::flags::FlagKey, Error> {
    let bytes = hex::decode(key).map_err(|_| Error::NotFound)?;
    bytes.try_into().map_err(|_| Error::NotFound)
}

fn gather(site: &Site, person: &Person, key: db::flags::FlagKey, now: Timestamp) -> Result<Option<FlagPage>> {
    let frame = Frame::new(site, person)?;
    site.db().read(|conn| {
        let Some(flag) = scope::flag(conn, person, &key)? else { return Ok(None) };
        let shown = read::show(conn, flag.item_id)?;
        let flagged = flagged_version(&shown, &flag).clone();
        let zone = &site.config().time_zone;
        let (thread, thread_rest) = thread(conn, site, person, &shown)?;
        let why = why(conn, site, &flag, &flagged)?;
        Ok(Some(FlagPage {
            frame,
            key: flag.key(),
            title: title(&flag),
            severity: flag.severity.as_str(),
            account: Titles::read(conn)?.of(&flag.account_slug),
            likely: Likely::of(&why),
            why,
            is_concern: flag.category.is_concern(),
            may_decide: person.rights.decides(flag.category),
            state: state(&flag),
            is_open: flag.is_open(),
            past: flag.past,
            item: post(site, &shown, &flagged, &flag.spans, true),
            parent: parent(conn, site, person, (&flag, &shown))?,
            thread,
            thread_rest,
            versions: changes(site, &shown, flagged.seq),
            reviews: db::flags::reviews(conn, &key)?.into_iter().map(|review| reviewed(review, zone)).collect(),
            duty: duty(site, flag.category),
            openings: db::flags::exposed(conn, &key)?
                .into_iter()
                .map(|(actor, at)| (actor, When::new(at, zone)))
                .collect(),
            first_flagged: When::new(flag.first_flagged_at, zone),
            phrase: db::suppressions::words_of(conn, &key)?.unwrap_or_default(),
            until: in_a_year(zone, now),
        }))
    })
}

/// The thread in order, as much of it as one page shows, and how many more there are.
fn thread(conn: &Conn, site: &Site, person: &Person, shown: &Shown) -> Result<(Vec<Post>, usize)> {
    let ids = shown.root_id.map(|root| read::thread(conn, root)).transpose()?.unwrap_or_default();
    let mut found = Vec::new();
    for id in ids.iter().take(MOST_OF_THREAD) {
        let other = read::show(conn, *id)?;
        let is_this = *id == shown.document.item;
        let mut post = post(site, &other, other.latest(), &[], is_this);
        if !is_this && let Some(key) = concern(conn, person, *id)? {
            post.close(key);
        }
        found.push(post);
    }
    Ok((found, ids.len().saturating_sub(MOST_OF_THREAD)))
}

/// What the item stands under, when that is held.
fn parent(conn: &Conn, site: &Site, person: &Person, (flag, shown): (&Flag, &Shown)) -> Result<Option<Post>> {
    let Some(parent) = &shown.parent else { return Ok(None) };
    let Some(id) = read::by_name(conn, &format!("{}:{parent}", flag.platform))? else { return Ok(None) };
    let parent = read::show(conn, id)?;
    let mut post = post(site, &parent, parent.latest(), &[], false);
    if let Some(key) = concern(conn, person, id)? {
        post.close(key);
    }
    Ok(Some(post))
}

/// The flag of a possible concern on an item. To read such an item is to open it, and that is on record: elsewhere its words are
/// left out and the flag is named. For whom there are no concerns it is an item like any other.
pub fn concern(conn: &Conn, person: &Person, item: i64) -> Result<Option<String>> {
    if !person.rights.reads(Thing::Concerns) {
        return Ok(None);
    }
    let flags = db::flags::of_item(conn, item)?;
    let concern = |flag: &&Flag| flag.category.is_concern() && flag.state != "shadow";
    Ok(flags.iter().find(concern).map(Flag::key))
}

impl Post {
    /// Leaves out what it says, and names the flag behind which it can be read.
    fn close(&mut self, key: String) {
        (self.pieces, self.parts, self.links, self.media) = Default::default();
        self.closed = Some(key);
    }
}

fn reviewed(review: db::flags::Review, zone: &TimeZone) -> Reviewed {
    Reviewed {
        outcome: outcome_words(review.outcome),
        reason: review.reason,
        note: review.note,
        actor: review.actor,
        at: When::new(review.at, zone),
    }
}

fn why(conn: &Conn, site: &Site, flag: &Flag, flagged: &Stored) -> Result<Why> {
    let rule = site.book().rule(conn, &flag.rule)?;
    let clause = book::clause(site, &flag.clause);
    let card = db::flags::report_cards(conn)?.remove(&flag.rule).unwrap_or_default();
    let (clause_title, clause_text) = clause.map_or_else(Default::default, |clause| (clause.title, clause.text));
    let texts = flagged.content.texts();
    let words = |span: &(usize, usize, usize)| Some(texts.get(span.0)?.get(span.1..span.2)?.trim().to_owned());
    let mut matched: Vec<String> = flag.spans.iter().filter_map(words).filter(|words| !words.is_empty()).collect();
    matched.dedup();
    Ok(Why {
        ground: ground(flag),
        clause: flag.clause.clone(),
        clause_title,
        clause_text,
        rule_title: rule.as_ref().map(|rule| rule.title.clone()),
        rule: flag.rule.clone(),
        pack: rule.as_ref().map(|rule| rule.pack.clone()).unwrap_or_default(),
        looks_for: rule.as_ref().map(|rule| book::looks_for(rule)).unwrap_or_default(),
        matched,
        modifiers: flag.modifiers.clone(),
        report_card: book::fared(&card),
    })
}

impl Likely {
    fn of(why: &Why) -> Likely {
        let clause = match why.clause_title.as_str() {
            "" => format!("clause {}", why.clause),
            title => format!("clause {}, {title}", why.clause),
        };
        let quoted: Vec<String> = why.matched.iter().take(3).map(|words| format!("“{}”", shorten(words, 60))).collect();
        Likely {
            confirmed: clause,
            not_a_concern: match why.modifiers.first() {
                Some(modifier) => modifier.replace('_', " "),
                None => "ordinary speech".into(),
            },
            benign: format!("{} known to be benign here", list_words(&quoted)).trim().to_owned(),
        }
    }

    /// `None`: the outcome has no likely reason, the person writes her own.
    fn reason(&self, outcome: Outcome) -> Option<&str> {
        match outcome {
            Outcome::Confirmed => Some(&self.confirmed),
            Outcome::NotAConcern => Some(&self.not_a_concern),
            Outcome::BenignPhrase => Some(&self.benign),
            Outcome::Withdrawn => Some("undone on its page"),
            Outcome::WrongCategory => None,
        }
    }
}

/// The version whose content the flag is about: the very one, else another one with the same content.
fn flagged_version<'s>(shown: &'s Shown, flag: &Flag) -> &'s Stored {
    let versions = &shown.document.versions;
    let same = |version: &&Stored| version.content_digest == flag.content;
    let exact = versions.iter().find(|version| version.seq == flag.version);
    exact.or_else(|| versions.iter().find(same)).unwrap_or_else(|| shown.latest())
}

/// An item with nothing marked in it.
pub fn unmarked(site: &Site, shown: &Shown, version: &Stored) -> Post {
    post(site, shown, version, &[], false)
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
        is_long: content.text.len() > LONG,
        closed: None,
    }
}

/// Each version with what changed against the one before.
fn changes(site: &Site, shown: &Shown, flagged: u64) -> Vec<Change> {
    let versions = &shown.document.versions;
    let before = std::iter::once(None).chain(versions.iter().map(Some));
    versions.iter().zip(before).map(|(version, before)| change(site, version, before, flagged)).collect()
}

fn change(site: &Site, version: &Stored, before: Option<&Stored>, flagged: u64) -> Change {
    let text = &version.content.text;
    let changed = before.filter(|before| before.content.text != *text);
    let words = match (before, changed) {
        (None, _) => vec![diff::Change { tag: "same", text: text.clone() }],
        (Some(_), Some(before)) => diff::words(&before.content.text, text),
        (Some(_), None) => Vec::new(),
    };
    let mut more = Vec::new();
    if let Some(before) = before {
        let (old, new) = (&before.content, &version.content);
        let differ = [
            ("the words of attachments", old.parts != new.parts),
            ("the links", old.links != new.links),
            ("pictures, videos or their descriptions", old.media != new.media),
        ];
        more.extend(differ.iter().filter(|(_, differs)| *differs).map(|(what, _)| format!("Also changed: {what}.")));
        if changed.is_none() {
            more.insert(0, "The text is the same.".to_owned());
        }
    }
    Change {
        seq: version.seq,
        change: change_words(version.change).to_owned(),
        state: state_words(version.state),
        observed: When::new(version.observed_at, &site.config().time_zone),
        words,
        more,
        is_long: text.len() > LONG,
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
    /// Of a known-benign phrase: the words, and until when.
    #[serde(default)]
    phrase: String,
    #[serde(default)]
    until: String,
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
    if reason.chars().count() > MOST_REASON || note.chars().count() > MOST_NOTE {
        return Err(refuse("The reason or the note is too long: go back and shorten it. Nothing was recorded."));
    }
    if reason.is_empty() && outcome == Outcome::WrongCategory {
        return Err(refuse("Say which category it is: go back and write it as the reason. Nothing was recorded."));
    }
    let now = site.clock().now();
    let harmless = match outcome {
        Outcome::BenignPhrase => Some(harmless(&site, &form, now).map_err(|say| refuse(&say))?),
        _ => None,
    };
    let found = site.blocking(move |site| record(site, key, (outcome, harmless), reason, note, person, now)).await?;
    found.ok_or(Error::NotFound)?;
    Ok(see(&format!("/flags/{}#decide", hex::encode(key))))
}

/// The phrase that is called harmless, where the person wrote one, and until when (a year from now by default); or what is wrong.
fn harmless(site: &Site, form: &Decision, now: Timestamp) -> Result<(Option<String>, Timestamp), String> {
    if form.phrase.chars().count() > MOST_REASON {
        return Err("The phrase is too long: go back and shorten it. Nothing was recorded.".into());
    }
    let zone = &site.config().time_zone;
    let until = if form.until.trim().is_empty() { in_a_year(zone, now) } else { form.until.clone() };
    let until = dates::day_to_come(&until, zone, now).ok_or(
        "Say until when the phrase is harmless, a day to come as in 2027-06-30: go back and write it. Nothing was recorded.",
    )?;
    Ok((Some(form.phrase.trim().to_owned()).filter(|phrase| !phrase.is_empty()), until))
}

fn in_a_year(zone: &TimeZone, now: Timestamp) -> String {
    (zone.to_datetime(now).date() + jiff::Span::new().years(1)).to_string()
}

/// Without a reason of her own it is the likely one, which the page shows beside the button.
fn record(
    site: &Site,
    key: db::flags::FlagKey,
    (outcome, harmless): (Outcome, Option<(Option<String>, Timestamp)>),
    reason: String,
    note: String,
    person: Person,
    now: Timestamp,
) -> Result<Option<u64>> {
    let likely = site.db().read(|conn| {
        let Some(flag) = decidable(conn, &person, &key)? else { return Ok(None) };
        let shown = read::show(conn, flag.item_id)?;
        let likely = Likely::of(&why(conn, site, &flag, flagged_version(&shown, &flag))?);
        Ok::<_, anyhow::Error>(likely.reason(outcome).map(str::to_owned))
    })?;
    let reason = if reason.is_empty() { likely.unwrap_or_default() } else { reason };
    site.db().writer.write(move |tx| {
        let Some(flag) = decidable(tx, &person, &key)? else { return Ok(None) };
        let words = match harmless {
            Some((None, until)) => db::suppressions::words_of(tx, &key)?.map(|words| (words, until)),
            Some((Some(phrase), until)) => Some((phrase, until)),
            None => None,
        };
        match words {
            Some((phrase, until)) => {
                db::flags::call_benign(tx, &flag, &phrase, until, (&reason, &note), &person.name, now).map(Some)
            }
            // A flag on a link alone marks no words: the outcome is its own.
            None => db::flags::review(tx, &flag, outcome, &reason, &note, &person.name, now).map(Some),
        }
    })
}

fn decidable(conn: &Conn, person: &Person, key: &db::flags::FlagKey) -> Result<Option<Flag>> {
    Ok(scope::flag(conn, person, key)?.filter(|flag| person.rights.decides(flag.category)))
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
