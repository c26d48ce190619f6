//! The audit to print: a first page that can be read alone, then a table a page of the register.

use anyhow::Result;
use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::auth::Person;
use super::auth::scope::Pages;
use super::show::{When, counted};
use super::{Error, Frame, Site, render, see};
use crate::audit::{self, Line, Report};
use crate::db;
use crate::model::Timestamp;

#[derive(Template)]
#[template(path = "audit.html")]
struct Page {
    frame: Frame,
    at: When,
    /// When the findings were last brought up to what the pages show.
    kept_at: Option<When>,
    summary: Vec<String>,
    pages: Vec<OnePage>,
    /// Why there is no audit.
    unchecked: Option<String>,
}

struct OnePage {
    slug: String,
    title: String,
    owner: String,
    failing: Vec<Failing>,
    rest: String,
}

struct Failing {
    clause: &'static str,
    asks: &'static str,
    words: String,
    since: Option<When>,
    turn: &'static str,
    act: String,
}

pub async fn page(State(site): State<Site>, Extension(person): Extension<Person>) -> Result<Response, Error> {
    let now = site.clock().now();
    render(&site.blocking(move |site| gather(site, &person, now)).await?)
}

fn gather(site: &Site, person: &Person, now: Timestamp) -> Result<Page> {
    let (frame, zone) = (Frame::new(site, person)?, &site.config().time_zone);
    let last = site.db().read(|conn| db::findings::last_run(conn, Timestamp::MAX))?;
    let (report, unchecked) = match look(site, person, now) {
        Ok(report) => (report, None),
        Err(error) if db::is_storage(&error) => return Err(error),
        Err(error) => (Report { summary: Vec::new(), lines: Vec::new() }, Some(format!("{error:#}"))),
    };
    Ok(Page {
        frame,
        at: When::new(now, zone),
        kept_at: last.map(|run| When::new(run.at, zone)),
        pages: pages(site, &report.lines),
        summary: report.summary,
        unchecked,
    })
}

/// The pages as they are known now; nothing is written.
fn look(site: &Site, person: &Person, now: Timestamp) -> Result<Report> {
    site.db().read(|conn| {
        let audit = audit::look(conn, site.config(), now)?;
        let mut report = audit::report(conn, &audit, &site.config().time_zone)?;
        let pages = Pages::of(conn, person)?;
        report.lines.retain(|line| pages.has(&line.account));
        if !person.schools.is_empty() {
            report.summary.clear();
        }
        Ok(report)
    })
}

/// The lines by page, those with the gravest finding first, as the lines themselves are.
fn pages(site: &Site, lines: &[Line]) -> Vec<OnePage> {
    let mut slugs: Vec<&str> = Vec::new();
    for line in lines {
        if !slugs.contains(&line.account.as_str()) {
            slugs.push(&line.account);
        }
    }
    slugs.into_iter().map(|slug| one(site, slug, lines)).collect()
}

fn one(site: &Site, slug: &str, lines: &[Line]) -> OnePage {
    let own: Vec<&Line> = lines.iter().filter(|line| line.account == slug).collect();
    let count = |verdict: &str| own.iter().filter(|line| line.verdict == verdict).count() as u64;
    let failing = own.iter().filter(|line| line.verdict == "fails").map(|line| Failing {
        clause: line.clause,
        asks: line.asks,
        words: line.words.clone(),
        since: line.since.map(|at| When::new(at, &site.config().time_zone)),
        turn: audit::turn_words(line.turn),
        act: line.act.clone(),
    });
    let first = own.first();
    let owner = first.map(|line| line.owner.clone()).filter(|owner| !owner.is_empty());
    OnePage {
        slug: slug.to_owned(),
        title: first.map(|line| line.title.clone()).unwrap_or_default(),
        owner: owner.unwrap_or_else(|| "not stated".to_owned()),
        failing: failing.collect(),
        rest: format!(
            "{} hold; {} could not be answered; {} not stated.",
            counted(count("holds"), "check", "checks"),
            count("not_said"),
            count("not_stated")
        ),
    }
}

/// Looks again now, and brings the findings up to it.
pub async fn again(State(site): State<Site>) -> Result<Response, Error> {
    let now = site.clock().now();
    let looked = site.blocking(move |site| match audit::run(site.db(), site.config(), now) {
        Err(error) if db::is_storage(&error) => Err(error),
        // What is wrong with the district's own files stands on the page.
        _ => Ok(()),
    });
    looked.await?;
    Ok(see("/audit"))
}

/// Every verdict, for a spreadsheet.
pub async fn csv(State(site): State<Site>, Extension(person): Extension<Person>) -> Result<Response, Error> {
    let now = site.clock().now();
    let table = site.blocking(move |site| audit::csv(&look(site, &person, now)?.lines)).await?;
    let named = "attachment; filename=\"audit.csv\"";
    let headers = [(header::CONTENT_TYPE, "text/csv; charset=utf-8"), (header::CONTENT_DISPOSITION, named)];
    Ok((headers, table).into_response())
}
