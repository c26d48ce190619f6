//! The quarterly collection: page after page, what no platform shows, each question beside the last answer.

use std::collections::{BTreeMap, HashMap};

use anyhow::Result;
use askama::Template;
use axum::Extension;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{Multipart, Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::civil::Date;
use serde::Deserialize;

use super::auth::{Person, scope};
use super::diff::{self, Change};
use super::show::counted;
use super::{Error, Frame, Site, render, see};
use crate::audit::attest::{self, Compared, LARGEST_FILE, Open, Refused, Saying};
use crate::audit::topics::{self, Due, TOPICS, Topic};
use crate::config::Config;
use crate::db::accounts::{self, Account};
use crate::db::attestations::{self, Answer, Attestation};
use crate::db::{self, Conn};
use crate::model::Timestamp;
use crate::seal;
use crate::text::dates;

/// The largest form: a file that is larger than one may be is still read to its end, so that the browser hears why it is refused.
pub const LARGEST_FORM: usize = 4 * LARGEST_FILE;

#[derive(Template)]
#[template(path = "attest.html")]
struct List {
    frame: Frame,
    saved: Option<Saved>,
    pages: Vec<PageRow>,
    due: String,
}

/// A page with how much is to be asked of it.
struct PageRow {
    slug: String,
    title: String,
    owner: String,
    due: String,
    is_done: bool,
}

#[derive(Template)]
#[template(path = "attest_page.html")]
struct Form {
    frame: Frame,
    saved: Option<Saved>,
    slug: String,
    title: String,
    owner: String,
    place: String,
    questions: Vec<Question>,
    largest: usize,
}

/// One question with what was said the last time.
struct Question {
    topic: &'static Topic,
    due: &'static str,
    last: Option<Last>,
}

/// An answer as a page shows it.
pub struct Last {
    pub standing: String,
    pub words: String,
    /// The entry of its file, and the file's name.
    pub file: Option<(u64, String)>,
}

/// What was just said of a page, beside what was said before.
struct Saved {
    slug: String,
    title: String,
    answers: Vec<Answered>,
}

struct Answered {
    title: &'static str,
    changes: Vec<String>,
    words: Vec<Change>,
}

#[derive(Debug, Default, Deserialize)]
pub struct After {
    /// The page whose answers were just recorded.
    #[serde(default)]
    after: String,
}

/// Every page, those with something due first.
pub async fn list(
    State(site): State<Site>,
    Extension(person): Extension<Person>,
    Query(after): Query<After>,
) -> Result<Response, Error> {
    let now = site.clock().now();
    let page = site.blocking(move |site| {
        let (frame, config) = (Frame::new(site, &person)?, site.config());
        let today = dates::date(now, &config.time_zone);
        site.db().read(|conn| {
            let mut open: HashMap<i64, Vec<Open>> = HashMap::new();
            attest::open(conn, today)?.into_iter().for_each(|one| open.entry(one.account.id).or_default().push(one));
            let is_hers = |account: &Account| person.has_school(&account.row.school);
            let asked =
                accounts::all(conn)?.into_iter().filter(is_hers).filter(|account| asked(account).next().is_some());
            let mut pages: Vec<PageRow> = asked.map(|account| row(&account, open.get(&account.id))).collect();
            pages.sort_by_key(|page| page.is_done);
            let waiting = pages.iter().filter(|page| !page.is_done).count() as u64;
            let due = format!("{} of {}", waiting, counted(pages.len() as u64, "page", "pages"));
            Ok(List { frame, saved: saved(conn, &after.after)?, pages, due })
        })
    });
    render(&page.await?)
}

fn row(account: &Account, open: Option<&Vec<Open>>) -> PageRow {
    let open: &[Open] = open.map_or(&[], Vec::as_slice);
    let count = |due: Due| open.iter().filter(|one| one.due == due).count();
    let say = |count: usize, words: &str| (count > 0).then(|| format!("{count} {words}"));
    let parts = [
        say(count(Due::Overdue), "overdue"),
        say(count(Due::Never), "never said"),
        say(count(Due::Soon), "running out"),
    ];
    let due = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
    PageRow {
        slug: account.row.slug.clone(),
        title: account.title(),
        owner: account.row.owner_name.clone(),
        is_done: open.is_empty(),
        due: if open.is_empty() { "all said".to_owned() } else { due },
    }
}

fn asked(account: &Account) -> impl Iterator<Item = &'static Topic> {
    TOPICS.iter().filter(move |topic| topic.is_asked(account))
}

/// One page with its questions.
pub async fn page(
    State(site): State<Site>,
    Extension(person): Extension<Person>,
    Path(slug): Path<String>,
    Query(after): Query<After>,
) -> Result<Response, Error> {
    let now = site.clock().now();
    let page = site.blocking(move |site| {
        let (frame, config) = (Frame::new(site, &person)?, site.config());
        let today = dates::date(now, &config.time_zone);
        site.db().read(|conn| {
            let Some(account) = accounts::by_slug(conn, &slug)? else { return Ok(None) };
            let history = attestations::of_account(conn, account.id)?;
            let questions: Vec<Question> =
                asked(&account).map(|topic| question(config, topic, &history, today)).collect();
            let (waiting, saved) = (waiting(conn, today)?, saved(conn, &after.after)?);
            Ok((!questions.is_empty()).then(|| Form {
                frame,
                saved,
                place: place(&waiting, &account.row.slug),
                slug: account.row.slug.clone(),
                title: account.title(),
                owner: account.row.owner_name.clone(),
                questions,
                largest: LARGEST_FILE >> 20,
            }))
        })
    });
    render(&page.await?.ok_or(Error::NotFound)?)
}

/// *number 2 of the 14 pages with something due*
fn place(waiting: &[String], slug: &str) -> String {
    match waiting.iter().position(|one| one == slug) {
        Some(place) => {
            let all = counted(waiting.len() as u64, "page", "pages");
            format!("number {} of the {all} with something due", place + 1)
        }
        None => "nothing is due here".to_owned(),
    }
}

fn question(config: &Config, topic: &'static Topic, history: &[Attestation], today: Date) -> Question {
    let last = history.iter().find(|one| one.topic == topic.id);
    let due = match Topic::due(last, today) {
        Due::Never => "never said",
        Due::Overdue => "overdue",
        Due::Soon => "running out",
        Due::Not => "",
    };
    Question { topic, due, last: last.map(|last| shown(config, last, today)) }
}

/// An answer in words.
pub fn shown(config: &Config, last: &Attestation, today: Date) -> Last {
    Last {
        standing: topics::standing(Some(last), today, &config.time_zone),
        words: last.words.clone(),
        file: last.evidence.as_ref().map(|evidence| (last.seq, evidence.name.clone())),
    }
}

/// The pages with something due, by name.
fn waiting(conn: &Conn, today: Date) -> Result<Vec<String>> {
    let mut found: Vec<String> = attest::open(conn, today)?.into_iter().map(|one| one.account.row.slug).collect();
    found.sort();
    found.dedup();
    Ok(found)
}

fn saved(conn: &Conn, slug: &str) -> Result<Option<Saved>> {
    let Some(account) = accounts::by_slug(conn, slug)? else { return Ok(None) };
    let round = attest::newest_round(&attestations::of_account(conn, account.id)?);
    let answers = round.iter().map(answered).collect();
    Ok((!round.is_empty()).then(|| Saved { slug: account.row.slug.clone(), title: account.title(), answers }))
}

fn answered(compared: &Compared) -> Answered {
    let before = compared.before.as_ref().map(|before| before.words.as_str());
    let words = before.filter(|before| !compared.topic.is_list && *before != compared.now.words);
    Answered {
        title: compared.topic.title,
        changes: compared.changes(),
        words: words.map(|before| diff::words(before, &compared.now.words)).unwrap_or_default(),
    }
}

/// What a form says of one topic.
#[derive(Default)]
struct Entry {
    answer: String,
    words: String,
    file: Option<(String, Vec<u8>)>,
    is_too_large: bool,
}

/// A whole form.
#[derive(Default)]
struct Sent {
    said_by: String,
    all_same: bool,
    entries: BTreeMap<&'static str, Entry>,
}

/// Records what a form says, and goes on to the next page that has something due.
pub async fn record(
    State(site): State<Site>,
    Extension(person): Extension<Person>,
    Path(slug): Path<String>,
    mut form: Multipart,
) -> Result<Response, Error> {
    let mut sent = Sent::default();
    while let Some(field) = form.next_field().await.map_err(unread)? {
        take(&mut sent, field).await?;
    }
    let now = site.clock().now();
    let next = site.blocking(move |site| Ok(keep(site, &person, &slug, sent, now))).await??;
    Ok(see(&next))
}

/// One field: `said_by`, `all_same`, or `answer.`, `words.` or `file.` with a topic.
async fn take(sent: &mut Sent, mut field: Field<'_>) -> Result<(), Error> {
    let name = field.name().unwrap_or_default().to_owned();
    let (what, topic) = name.split_once('.').unwrap_or((&name, ""));
    match (what, topics::topic(topic)) {
        ("said_by", _) => sent.said_by = field.text().await.map_err(unread)?,
        ("all_same", _) => sent.all_same = true,
        ("answer", Some(topic)) => {
            sent.entries.entry(topic.id).or_default().answer = field.text().await.map_err(unread)?
        }
        ("words", Some(topic)) => {
            sent.entries.entry(topic.id).or_default().words = field.text().await.map_err(unread)?
        }
        ("file", Some(topic)) => {
            let name = field.file_name().unwrap_or_default().to_owned();
            let entry = sent.entries.entry(topic.id).or_default();
            let mut bytes = Vec::new();
            while let Some(chunk) = field.chunk().await.map_err(unread)? {
                entry.is_too_large |= bytes.len() + chunk.len() > LARGEST_FILE;
                if !entry.is_too_large {
                    bytes.extend_from_slice(&chunk);
                }
            }
            entry.file = (!name.is_empty() || !bytes.is_empty()).then_some((name, bytes));
        }
        _ => {}
    }
    Ok(())
}

fn unread(error: MultipartError) -> Error {
    let say = match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            format!("The form is too large: a file may have {} MiB. Nothing was recorded.", LARGEST_FILE >> 20)
        }
        _ => "The form broke off or cannot be read. Go back and send it again: nothing was recorded.".to_owned(),
    };
    Error::Refused(error.status(), say)
}

/// Where to go on to.
fn keep(site: &Site, person: &Person, slug: &str, sent: Sent, now: Timestamp) -> Result<String, Error> {
    let account = site.db().read(|conn| accounts::by_slug(conn, slug))?.ok_or(Error::NotFound)?;
    let history = site.db().read(|conn| attestations::of_account(conn, account.id))?;
    let sayings = sayings(&account, &history, sent)?;
    if sayings.is_empty() {
        return Err(bad("Nothing was answered. Go back and choose an answer for one question at least."));
    }
    match attest::say(site.db(), site.config(), &account, sayings, &person.name, now) {
        Ok(_) => {}
        Err(error) => match error.downcast::<Refused>() {
            Ok(Refused(words)) => return Err(bad(&format!("{words}. Go back: nothing was recorded."))),
            Err(error) => return Err(error.into()),
        },
    }
    // A standard that cannot be read is the daily audit's to say.
    match crate::audit::catch_up(site.db(), site.config(), now) {
        Err(error) if db::is_storage(&error) => return Err(error.into()),
        Err(error) => tracing::error!("the pages could not be audited: {error:#}"),
        Ok(()) => {}
    }
    let today = dates::date(now, &site.config().time_zone);
    let waiting = site.db().read(|conn| {
        let (pages, mut slugs) = (scope::Pages::of(conn, person)?, waiting(conn, today)?);
        slugs.retain(|slug| pages.has(slug));
        Ok(slugs)
    })?;
    let next =
        waiting.iter().find(|one| one.as_str() > slug).or_else(|| waiting.iter().find(|one| one.as_str() != slug));
    Ok(next.map_or_else(|| format!("/attest?after={slug}"), |next| format!("/attest/{next}?after={slug}")))
}

fn bad(say: &str) -> Error {
    Error::Refused(StatusCode::BAD_REQUEST, say.to_owned())
}

/// The answers that a form gives. *Same as last time* says the last answer and words again; the old file does not show how things
/// are today, so it stays with the old answer.
fn sayings(account: &Account, history: &[Attestation], mut sent: Sent) -> Result<Vec<Saying>, Error> {
    let mut found = Vec::new();
    for topic in asked(account) {
        let entry = sent.entries.remove(topic.id).unwrap_or_default();
        if entry.is_too_large {
            return Err(Error::Refused(StatusCode::PAYLOAD_TOO_LARGE, format!("{}.", attest::too_large(topic))));
        }
        let last = history.iter().find(|one| one.topic == topic.id);
        let is_same = entry.answer == "same" || (sent.all_same && entry.answer.is_empty() && last.is_some());
        let (answer, words) = match (is_same, last) {
            (true, Some(last)) => (last.answer, last.words.clone()),
            (true, None) => return Err(bad("There is no last time that this could be the same as. Go back.")),
            (false, _) if entry.answer.is_empty() && entry.file.is_none() => continue,
            (false, _) => match entry.answer.parse::<Answer>() {
                Ok(answer) => (answer, entry.words),
                Err(_) => {
                    let title = topic.title;
                    return Err(bad(&format!("{title}: choose an answer. Go back: nothing was recorded.")));
                }
            },
        };
        let said_by = sent.said_by.clone();
        found.push(Saying { topic, answer, words, said_by, until: None, file: entry.file });
    }
    Ok(found)
}

/// An evidence file, for saving and never to be shown: whatever it is, nothing in it runs.
pub async fn evidence(
    State(site): State<Site>,
    Extension(person): Extension<Person>,
    Path(entry): Path<u64>,
) -> Result<Response, Error> {
    let found = site
        .blocking(move |site| {
            let evidence = site.db().read(|conn| {
                let is_hers = scope::of_entry(conn, &person, entry)?;
                Ok(db::attestations::evidence_of(conn, entry)?.filter(|_| is_hers))
            })?;
            let Some(evidence) = evidence else { return Ok(None) };
            let file = site.config().media_dir().join(seal::content_address(&evidence.sha256));
            Ok(Some((evidence, std::fs::read(file))))
        })
        .await?;
    let (evidence, bytes) = found.ok_or(Error::NotFound)?;
    let Some(bytes) = bytes.ok().filter(|bytes| seal::sha256(bytes) == evidence.sha256) else {
        tracing::error!("the evidence file of entry {entry} is missing or altered: run pagekeeper verify");
        let say = "The file is not there as it was received. IT runs pagekeeper verify, and restores it from a backup.";
        return Err(Error::Refused(StatusCode::INTERNAL_SERVER_ERROR, say.into()));
    };
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    headers.insert(header::CONTENT_DISPOSITION, disposition(entry, &evidence.name)?);
    Ok((headers, bytes).into_response())
}

/// A name that no header breaks at: the entry's number for old browsers, and the whole name in percent signs.
fn disposition(entry: u64, name: &str) -> Result<HeaderValue, Error> {
    let letter = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    let coded: String = name.bytes().map(letter).collect();
    let value = format!("attachment; filename=\"evidence-{entry}\"; filename*=UTF-8''{coded}");
    HeaderValue::try_from(value).map_err(|error| Error::Internal(error.into()))
}
