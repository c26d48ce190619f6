//! What X, YouTube and Bluesky can do wrong.

use pagekeeper::sandbox::{Host, Misbehavior as M};

use super::{ALWAYS, Row, row};
use crate::rig::{BLUESKY, X, YOUTUBE};

/// The account's own posts on X; `{id}` is the account.
const TIMELINE: &str = "/users/{id}/tweets";
const MENTIONS: &str = "/users/{id}/mentions";
const QUOTES: &str = "/quote_tweets";
/// Lookups by id, searches, and who quotes a post.
const POSTS: &str = "/2/tweets";
const SEARCH: &str = "/search/recent";
const UPLOADS: &str = "/playlistItems";
const VIDEOS: &str = "/videos";
const THREADS: &str = "/commentThreads";
const RECORDS: &str = "com.atproto.repo.listRecords";
const THREAD: &str = "app.bsky.feed.getPostThread";

fn x(path: &'static str, times: u32, what: M, says: &'static str) -> Row {
    Row { page: X, host: Host::X, ..row(path, times, what, says) }
}

fn youtube(path: &'static str, times: u32, what: M, says: &'static str) -> Row {
    Row { page: YOUTUBE, host: Host::Youtube, ..row(path, times, what, says) }
}

fn bluesky(path: &'static str, times: u32, what: M, says: &'static str) -> Row {
    Row { page: BLUESKY, host: Host::Bluesky, ..row(path, times, what, says) }
}

/// The list of posts alone: the lists of gates and of reposts before it are good.
fn records(times: u32, what: M, says: &'static str) -> Row {
    Row { skip: 2, ..bluesky(RECORDS, times, what, says) }
}

/// More posts than one answer holds.
fn paged(row: Row) -> Row {
    Row { posts: if row.page == YOUTUBE { 54 } else { 104 }, ..row }
}

fn after(value: &str) -> M {
    M::TooMany { retry_after: Some(value.into()) }
}

fn without(field: &str) -> M {
    M::DroppedField { field: field.into() }
}

fn inside() -> M {
    M::Redirect { to: "http://169.254.169.254/latest/meta-data".into() }
}

/// Each of the three at its list of posts and at its threads: what goes wrong there on any platform.
fn everywhere(times: u32, what: &M, says: &'static str) -> Vec<Row> {
    vec![
        x(TIMELINE, times, what.clone(), says),
        x(SEARCH, times, what.clone(), says),
        youtube(UPLOADS, times, what.clone(), says),
        youtube(THREADS, times, what.clone(), says),
        records(times, what.clone(), says),
        bluesky(THREAD, times, what.clone(), says),
    ]
}

/// Each of the three at one place, by turns its list of posts and its threads: one client reads them all.
fn by_turns(table: &[(u32, M, &'static str)]) -> Vec<Row> {
    let places = |(turn, (times, what, says)): (usize, &(u32, M, &'static str))| {
        everywhere(*times, what, says).into_iter().skip(turn % 2).step_by(2).collect::<Vec<_>>()
    };
    table.iter().enumerate().flat_map(places).collect()
}

pub fn status_and_envelope() -> Vec<Row> {
    let mut rows = by_turns(&[
        (ALWAYS, M::TooMany { retry_after: None }, ""),
        (1, after("99999999999999"), ""),
        (ALWAYS, M::status(503), "HTTP 503"),
        (ALWAYS, M::answer(404, "text/html", "<html>"), "404"),
        (ALWAYS, M::Html, "no JSON"),
        (1, M::NoContent, "no JSON"),
        (ALWAYS, M::NotModified, "not modified"),
    ]);
    rows.extend([
        x("", 1, after("-5"), "limit"),
        youtube("", 1, after("Fri, 31 Dec 2027 23:59:59 GMT"), "too often"),
        bluesky("", 1, after("120"), "too often"),
        Row { host: Host::Directory, ..bluesky("", ALWAYS, M::status(500), "HTTP 500") },
        Row { host: Host::Directory, ..bluesky("", ALWAYS, M::Html, "no JSON") },
        x(TIMELINE, ALWAYS, M::OkWithError, ""),
        youtube(UPLOADS, ALWAYS, M::OkWithError, ""),
        records(ALWAYS, M::OkWithError, ""),
    ]);
    rows
}

pub fn json() -> Vec<Row> {
    let mut rows = by_turns(&[
        (ALWAYS, M::Truncated { percent: 60 }, "JSON"),
        (ALWAYS, M::TrailingGarbage, ""),
        (ALWAYS, M::LoneSurrogate, ""),
        (ALWAYS, M::InvalidUtf8, ""),
        (ALWAYS, M::Nul, ""),
    ]);
    rows.extend(everywhere(ALWAYS, &M::NullList, ""));
    rows.extend([
        x("", ALWAYS, M::DuplicateKeys, ""),
        youtube("", ALWAYS, M::DuplicateKeys, ""),
        x("", ALWAYS, M::HugeNumber, ""),
        youtube("", ALWAYS, M::HugeNumber, ""),
        x("", ALWAYS, M::NumericIds, ""),
        youtube("", ALWAYS, M::UnknownWord { field: "privacyStatus".into() }, ""),
        x(TIMELINE, ALWAYS, without("id"), ""),
        x(SEARCH, ALWAYS, without("id"), ""),
        x(TIMELINE, ALWAYS, without("created_at"), ""),
        x(SEARCH, ALWAYS, without("conversation_id"), ""),
        youtube(UPLOADS, ALWAYS, without("videoId"), ""),
        youtube(VIDEOS, ALWAYS, without("id"), ""),
        youtube(THREADS, ALWAYS, without("id"), ""),
        youtube("", ALWAYS, without("publishedAt"), ""),
        records(ALWAYS, without("uri"), ""),
        records(ALWAYS, without("createdAt"), ""),
        bluesky(THREAD, ALWAYS, without("uri"), ""),
        bluesky(THREAD, ALWAYS, without("replyCount"), ""),
    ]);
    rows
}

pub fn paging() -> Vec<Row> {
    let mut rows = vec![
        paged(x(TIMELINE, ALWAYS, M::RepeatedPage, "repeat themselves")),
        paged(x(TIMELINE, 1, M::EmptyPage, "")),
        paged(youtube(UPLOADS, ALWAYS, M::CursorLoop, "repeat themselves")),
        paged(records(ALWAYS, M::RepeatedPage, "repeat themselves")),
    ];
    for what in [M::EndlessPaging, M::EmptyPage, M::OutOfOrder, M::SkewedTime] {
        rows.push(x(TIMELINE, ALWAYS, what.clone(), ""));
        rows.push(youtube(UPLOADS, ALWAYS, what.clone(), ""));
        // A list of records has no count: an empty one cannot be told from one whose records were all deleted.
        if what != M::EmptyPage {
            rows.push(records(ALWAYS, what, ""));
        }
    }
    for what in [M::EndlessPaging, M::EmptyPage] {
        rows.push(x(SEARCH, ALWAYS, what.clone(), ""));
        rows.push(youtube(THREADS, ALWAYS, what, ""));
    }
    rows
}

pub fn access() -> Vec<Row> {
    let refusal = |reason: &str| {
        let body = format!(r#"{{"error":{{"code":403,"message":"no","errors":[{{"reason":"{reason}"}}]}}}}"#);
        M::answer(403, "application/json", &body)
    };
    let capped = r#"{"title":"UsageCapExceeded","detail":"Usage cap exceeded","type":"https://api.twitter.com/2/problems/usage-capped"}"#;
    vec![
        x(TIMELINE, ALWAYS, M::PermissionLost, "forbids"),
        x(SEARCH, ALWAYS, M::PermissionLost, "forbids"),
        youtube(UPLOADS, ALWAYS, M::PermissionLost, "forbids"),
        youtube(THREADS, ALWAYS, M::PermissionLost, "forbids"),
        records(ALWAYS, M::PermissionLost, "sign-in"),
        bluesky(THREAD, ALWAYS, M::PermissionLost, "sign-in"),
        x(SEARCH, 1, M::TokenDies { subcode: 463 }, "credential"),
        youtube(THREADS, 1, M::TokenDies { subcode: 463 }, "API key"),
        x(SEARCH, 1, M::answer(429, "application/json", capped), "this month"),
        x(TIMELINE, ALWAYS, M::answer(402, "application/json", r#"{"title":"CreditsDepleted"}"#), "no credit"),
        youtube(THREADS, 1, refusal("quotaExceeded"), "used up"),
        youtube(UPLOADS, 1, refusal("rateLimitExceeded"), "too often"),
        youtube(THREADS, ALWAYS, refusal("commentsDisabled"), "turned off"),
        x("", ALWAYS, M::Header { name: "sunset".into(), value: "Thu, 31 Dec 2026 23:59:59 GMT".into() }, ""),
    ]
}

pub fn body() -> Vec<Row> {
    let mut rows = by_turns(&[
        (ALWAYS, M::Oversized { bytes: 5 << 20 }, "larger than"),
        (ALWAYS, M::GzipBomb { megabytes: 16 }, "larger than"),
        (ALWAYS, M::WrongLength, "could not be read"),
        (ALWAYS, M::NeverEnding, "larger than"),
        (ALWAYS, M::CutOff, "could not be read"),
        (ALWAYS, inside(), "redirect"),
        (ALWAYS, M::WrongMime { mime: "text/html".into() }, ""),
        (ALWAYS, M::NoBytes, "JSON"),
    ]);
    // These take seconds, and one client reads all platforms.
    rows.push(youtube(UPLOADS, 3, M::SlowDrip { millis: 20 }, "within"));
    rows.push(x(SEARCH, 3, M::Stall { millis: 2500 }, "within"));
    rows
}

/// On X: who names the account, who quotes it, and whose the conversations are that it answers in.
pub fn talk() -> Vec<Row> {
    let mut rows = Vec::new();
    for what in
        [M::NullList, M::EmptyPage, M::EndlessPaging, M::status(503), M::PermissionLost, without("id"), M::CutOff]
    {
        rows.push(x(MENTIONS, ALWAYS, what.clone(), ""));
        rows.push(x(QUOTES, ALWAYS, what.clone(), ""));
        rows.push(x(POSTS, ALWAYS, what, ""));
    }
    rows.extend([
        x(POSTS, ALWAYS, without("conversation_id"), ""),
        x(POSTS, ALWAYS, without("author_id"), ""),
        x(MENTIONS, ALWAYS, without("conversation_id"), ""),
        x(MENTIONS, ALWAYS, M::OutOfOrder, ""),
        x(MENTIONS, 1, after("-5"), "limit"),
        x("", ALWAYS, M::UnknownWord { field: "type".into() }, ""),
    ]);
    rows
}

pub fn media() -> Vec<Row> {
    let medium = |row: Row| Row { host: Host::Media, ..row };
    vec![
        medium(x("", ALWAYS, M::status(403), "expired")),
        medium(x("", ALWAYS, M::WrongMime { mime: "text/html".into() }, "")),
        medium(x("", ALWAYS, M::NoBytes, "empty")),
        bluesky("com.atproto.sync.getBlob", ALWAYS, M::status(403), "expired"),
        bluesky("com.atproto.sync.getBlob", ALWAYS, M::Html, "web page"),
        bluesky("com.atproto.sync.getBlob", ALWAYS, M::CutOff, "could not be read"),
    ]
}
