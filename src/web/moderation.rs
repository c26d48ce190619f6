//! The moderation record of one page, for counsel: asked for with its days, made, shown and not kept; and what a person enters.

use anyhow::Result;
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Form};
use jiff::Span;
use serde::Deserialize;

use super::auth::Person;
use super::show::{When, counted};
use super::{Error, Frame, Site, render, see};
use crate::app::moderation::{self, Ask, Entry, FlagNote, Record, Refused, Row, Standing, Stayed};
use crate::db;
use crate::db::moderation::Act;
use crate::index::Index;
use crate::model::Timestamp;
use crate::text::dates;

/// When nobody has named days yet: so many up to today.
const DAYS: i64 = 30;

#[derive(Template)]
#[template(path = "moderation.html")]
struct Page {
    frame: Frame,
    title: String,
    slug: String,
    from: String,
    to: String,
    today: String,
    entered: Option<u64>,
    acts: [Act; 5],
    made: Option<Made>,
}

struct Made {
    record: Record,
    days: String,
    at: When,
    rows: Vec<RowView>,
    expectations: Vec<ExpectationView>,
    standings: Vec<StandingView>,
}

struct RowView {
    row: Row,
    written: Option<When>,
    last: Option<When>,
    first: Option<When>,
    until: Option<When>,
    flags: Vec<FlagView>,
    similar: Vec<(moderation::Similar, Option<When>)>,
}

struct FlagView {
    note: FlagNote,
    at: When,
    reviews: Vec<(moderation::ReviewNote, When)>,
}

struct ExpectationView {
    head: String,
    stayed: Vec<(Stayed, Option<When>, Vec<FlagView>)>,
}

struct StandingView {
    standing: Standing,
    since: Option<When>,
}

#[derive(Debug, Default, Deserialize)]
pub struct After {
    entered: Option<u64>,
}

/// The two forms; nothing is made by looking at them.
pub async fn page(
    State(site): State<Site>,
    Extension(person): Extension<Person>,
    Path(slug): Path<String>,
    Query(after): Query<After>,
) -> Result<Response, Error> {
    let today = dates::date(site.clock().now(), &site.config().time_zone);
    let from = today.saturating_sub(Span::new().days(DAYS - 1)).to_string();
    let page = site.blocking(move |site| {
        let Some(account) = site.db().read(|conn| db::accounts::by_slug(conn, &slug))? else { return Ok(None) };
        let (frame, title, to) = (Frame::new(site, &person)?, account.title(), today.to_string());
        Ok(Some(Page {
            frame,
            title,
            slug,
            from,
            today: to.clone(),
            to,
            entered: after.entered,
            acts: Act::ALL,
            made: None,
        }))
    });
    render(&page.await?.ok_or(Error::NotFound)?)
}

#[derive(Debug, Deserialize)]
pub struct Days {
    from: String,
    to: String,
    #[serde(default)]
    form: String,
}

/// Makes the record: as a page, or with `form=csv` as a table to take along.
pub async fn make(
    State(site): State<Site>,
    Extension(person): Extension<Person>,
    Path(slug): Path<String>,
    Form(days): Form<Days>,
) -> Result<Response, Error> {
    let (from, to) = moderation::days(&days.from, &days.to).map_err(|refused| refuse(refused.into()))?;
    let now = site.clock().now();
    let is_csv = days.form == "csv";
    let answer = site.blocking(move |site| {
        let index = Index::open(&site.config().index_dir())?;
        let ask = Ask { account: slug, from, to };
        let Some(record) = moderation::make(site.db(), site.config(), index, &ask, &person.name, now)? else {
            return Ok(None);
        };
        if is_csv {
            let name = format!("moderation-{}-{from}-{to}.csv", record.account);
            return Ok(Some(Answer::Csv(name, moderation::csv(&record)?)));
        }
        Ok(Some(Answer::Page(Box::new(Page {
            frame: Frame::new(site, &person)?,
            title: record.title.clone(),
            slug: record.account.clone(),
            from: record.from.clone(),
            to: record.to.clone(),
            today: dates::date(now, &site.config().time_zone).to_string(),
            entered: None,
            acts: Act::ALL,
            made: Some(made(site, record, dates::range(from, to))),
        }))))
    });
    match answer.await?.ok_or(Error::NotFound)? {
        Answer::Page(page) => render(&*page),
        Answer::Csv(name, bytes) => {
            let kind = (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned());
            // A slug is letters, digits, dots and dashes.
            let file = (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\""));
            Ok(([kind, file], bytes).into_response())
        }
    }
}

enum Answer {
    Page(Box<Page>),
    Csv(String, Vec<u8>),
}

#[derive(Debug, Deserialize)]
pub struct Filled {
    act: String,
    #[serde(default)]
    item: String,
    #[serde(default)]
    person: String,
    #[serde(default)]
    clause: String,
    reason: String,
    #[serde(default)]
    on: String,
}

/// Records what a person says was done.
pub async fn enter(
    State(site): State<Site>,
    Extension(person): Extension<Person>,
    Path(slug): Path<String>,
    Form(filled): Form<Filled>,
) -> Result<Response, Error> {
    let now = site.clock().now();
    let Filled { act, item, person: about, clause, reason, on } = filled;
    let entry = Entry { account: slug.clone(), act, item, person: about, clause, reason, on };
    let run = move |site: &Site| Ok(moderation::enter(site.db(), site.config(), &entry, &person.name, now));
    let number = site.blocking(run).await?.map_err(refuse)?;
    Ok(see(&format!("/accounts/{slug}/moderation?entered={number}")))
}

/// What a person can mend is said to her; the rest is logged.
fn refuse(error: anyhow::Error) -> Error {
    match error.downcast::<Refused>() {
        Ok(refused) => {
            Error::Refused(StatusCode::BAD_REQUEST, format!("{refused}. Go back and try again: nothing was recorded."))
        }
        Err(error) => Error::Internal(error),
    }
}

fn made(site: &Site, mut record: Record, days: String) -> Made {
    let zone = &site.config().time_zone;
    let when = |at: Timestamp| When::new(at, zone);
    let flags = |notes: Vec<FlagNote>| -> Vec<FlagView> {
        let view = |note: FlagNote| FlagView {
            at: when(note.flagged_at),
            reviews: note.reviews.iter().map(|review| (review.clone(), when(review.at))).collect(),
            note,
        };
        notes.into_iter().map(view).collect()
    };
    let rows = std::mem::take(&mut record.rows).into_iter().map(|mut row| RowView {
        written: row.written_at.map(when),
        last: row.last_seen_shown.map(when),
        first: row.first_seen_so.map(when),
        until: row.until.map(when),
        flags: flags(std::mem::take(&mut row.flags)),
        similar: std::mem::take(&mut row.similar)
            .into_iter()
            .map(|one| (one.clone(), one.written_at.map(when)))
            .collect(),
        row,
    });
    let rows = rows.collect();
    let expectations = std::mem::take(&mut record.expectations).into_iter().map(|one| ExpectationView {
        head: format!(
            "{} ({}): {} above, {} that stayed",
            one.clause,
            one.category.as_str().replace('_', " "),
            counted(one.not_shown as u64, "row", "rows"),
            counted(one.stayed.len() as u64, "comment", "comments")
        ),
        stayed: one
            .stayed
            .into_iter()
            .map(|mut stayed| {
                let notes = flags(std::mem::take(&mut stayed.flags));
                (stayed.clone(), stayed.written_at.map(when), notes)
            })
            .collect(),
    });
    let expectations = expectations.collect();
    let standings = std::mem::take(&mut record.standings).into_iter();
    let standings = standings.map(|standing| StandingView { since: standing.since.map(when), standing }).collect();
    Made { at: when(record.made_at), record, days, rows, expectations, standings }
}
