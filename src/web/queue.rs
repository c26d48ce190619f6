//! The lists of flags: those of today, those from the past, and parts of both that a number on another page opens.

use anyhow::Result;
use askama::Template;
use axum::Extension;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;

use super::auth::{Person, scope};
use super::review::{role_words, title};
use super::show::{When, ago, counted, shorten};
use super::{Error, Frame, Site, render};
use crate::db::flags::Flag;
use crate::db::items::read;
use crate::db::{self, Conn};
use crate::model::Timestamp;

/// So many rows stand on one page; the rest is counted.
const MOST_ROWS: usize = 200;

/// The longest piece of matched words in a line, in characters.
const MOST_WORDS: usize = 60;

/// Which flags a page lists. Everything left out: all that are open.
#[derive(Debug, Default, Deserialize)]
pub struct Filter {
    /// `yes`: only what a backfill, an import or a changed pack turned up.
    #[serde(default)]
    past: String,
    /// The slug of an account.
    #[serde(default)]
    account: String,
    /// `yes`: only concerns that nobody has opened.
    #[serde(default)]
    unopened: String,
}

impl Filter {
    fn has(&self, conn: &Conn, flag: &Flag) -> Result<bool> {
        let asked = |value: &str| value == "yes";
        if !self.account.is_empty() && flag.account_slug != self.account || asked(&self.past) && !flag.past {
            return Ok(false);
        }
        Ok(!asked(&self.unopened)
            || flag.category.is_concern() && !flag.past && !db::flags::opened(conn, flag.item_id)?)
    }

    fn heading(&self, account: Option<String>) -> String {
        let of = account.map_or_else(String::new, |title| format!(" of {title}"));
        match (self.past.as_str(), self.unopened.as_str()) {
            ("yes", _) => format!("Which flags from the past are open{of}?"),
            (_, "yes") => "Which concerns has nobody opened?".into(),
            _ => format!("Which flags are open{of}?"),
        }
    }
}

#[derive(Template)]
#[template(path = "flags.html")]
struct ListPage {
    frame: Frame,
    heading: String,
    is_part: bool,
    is_past: bool,
    fresh: Vec<ListRow>,
    past: Vec<ListRow>,
    rest: Option<String>,
    clear: Option<String>,
}

struct ListRow {
    key: String,
    title: String,
    severity: &'static str,
    /// The first matched words; not of a concern, which is opened to be read.
    words: Option<String>,
    account: String,
    kind: &'static str,
    role: &'static str,
    since: When,
    age: String,
}

pub async fn list(
    State(site): State<Site>,
    Extension(person): Extension<Person>,
    Query(filter): Query<Filter>,
) -> Result<Response, Error> {
    let now = site.clock().now();
    render(&site.blocking(move |site| gather(site, &person, &filter, now)).await?)
}

fn gather(site: &Site, person: &Person, filter: &Filter, now: Timestamp) -> Result<ListPage> {
    let frame = Frame::new(site, person)?;
    site.db().read(|conn| {
        let mut flags = Vec::new();
        for flag in scope::open_flags(conn, person)? {
            if filter.has(conn, &flag)? {
                flags.push(flag);
            }
        }
        let (past, fresh): (Vec<Flag>, Vec<Flag>) = flags.into_iter().partition(|flag| flag.past);
        let total = past.len() + fresh.len();
        let shown = total.min(MOST_ROWS);
        let (mut rows, titles) = ((Vec::new(), Vec::new()), Titles::read(conn)?);
        for flag in fresh.iter().chain(&past).take(shown) {
            let list = if flag.past { &mut rows.1 } else { &mut rows.0 };
            list.push(list_row(conn, site, flag, &titles, now)?);
        }
        let rest = (total - shown) as u64;
        let account = (!filter.account.is_empty()).then(|| titles.of(&filter.account));
        Ok(ListPage {
            frame,
            heading: filter.heading(account),
            is_part: [&filter.past, &filter.account, &filter.unopened].iter().any(|value| !value.is_empty()),
            is_past: filter.past == "yes",
            clear: fresh.is_empty().then(|| counted(past.len() as u64, "flag", "flags")).filter(|_| !past.is_empty()),
            fresh: rows.0,
            past: rows.1,
            rest: (rest > 0).then(|| counted(rest, "flag", "flags")),
        })
    })
}

/// Accounts by slug, as people know them.
pub struct Titles(std::collections::HashMap<String, String>);

impl Titles {
    pub fn read(conn: &Conn) -> Result<Titles> {
        let all = db::accounts::all(conn)?;
        Ok(Titles(all.into_iter().map(|account| (account.row.slug.clone(), account.title())).collect()))
    }

    pub fn of(&self, slug: &str) -> String {
        self.0.get(slug).cloned().unwrap_or_else(|| slug.to_owned())
    }
}

fn list_row(conn: &Conn, site: &Site, flag: &Flag, titles: &Titles, now: Timestamp) -> Result<ListRow> {
    Ok(ListRow {
        key: flag.key(),
        title: title(flag),
        severity: flag.severity.as_str(),
        words: if flag.category.is_concern() { None } else { first_words(conn, flag)? },
        account: titles.of(&flag.account_slug),
        kind: flag.kind.as_str(),
        role: role_words(flag.role),
        since: When::new(flag.first_flagged_at, &site.config().time_zone),
        age: ago(flag.first_flagged_at, now),
    })
}

/// The first matched words of the flagged version.
fn first_words(conn: &Conn, flag: &Flag) -> Result<Option<String>> {
    let Some(span) = flag.spans.first() else { return Ok(None) };
    let versions = read::versions(conn, flag.item_id)?;
    let Some(version) = versions.iter().find(|version| version.seq == flag.version) else { return Ok(None) };
    let content = &version.content;
    let part = if span.0 == 0 { Some(&content.text) } else { content.parts.get(span.0 - 1) };
    let words = part.and_then(|part| part.get(span.1..span.2)).map(|words| shorten(words, MOST_WORDS));
    Ok(words.filter(|words| !words.trim().is_empty()))
}
