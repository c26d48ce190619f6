//! Does anything need a person? And the weekly reports as they were sent.

use anyhow::Result;
use askama::Template;
use axum::Extension;
use axum::extract::{Path, State};
use axum::response::Response;

use super::health::Standing;
use super::session::Person;
use super::show::{When, ago, counted};
use super::{Error, Frame, Site, render};
use crate::db::{self, accounts::Account};
use crate::model::{AccountStatus, Timestamp};

#[derive(Template)]
#[template(path = "overview.html")]
struct Page {
    frame: Frame,
    needs: Vec<Need>,
    calm: String,
    not_connected: Option<String>,
    accounts: Vec<Row>,
    items: String,
}

/// Something that needs a person: what, since when, one thing to do.
struct Need {
    what: String,
    since: Option<When>,
    link: Option<(&'static str, &'static str)>,
}

/// An account, as the table shows it.
struct Row {
    title: String,
    platform: String,
    school: String,
    state: String,
    fine: bool,
    looked_at: Option<Timestamp>,
    last_look: Option<When>,
    last_post: Option<When>,
    open_flags: usize,
}

pub async fn page(State(site): State<Site>, Extension(person): Extension<Person>) -> Result<Response, Error> {
    let now = site.clock().now();
    render(&site.blocking(move |site| gather(site, &person, now)).await?)
}

fn gather(site: &Site, person: &Person, now: Timestamp) -> Result<Page> {
    let standing = Standing::gather(site.db())?;
    let rows = rows(site, &standing)?;
    let active = || standing.accounts.iter().filter(|account| account.status == AccountStatus::Active);
    let connected = || active().filter(|account| site.config().why_off(&account.row.platform).is_none());
    let (all, kept) = (connected().count(), connected().filter(|account| account.trouble.is_none()).count());
    let looked = rows.iter().filter_map(|row| row.looked_at).max();
    let looked = looked.map_or_else(String::new, |at| format!(" Last looked {}.", ago(at, now)));
    let others: Vec<&Account> =
        active().filter(|account| site.config().why_off(&account.row.platform).is_some()).collect();
    Ok(Page {
        frame: Frame::new(site, person)?,
        needs: needs(site, &standing),
        calm: format!("{kept} of {} being kept.{looked}", counted_connected(all)),
        not_connected: not_connected(&others),
        accounts: rows,
        items: counted(standing.figures.items, "item", "items"),
    })
}

fn counted_connected(all: usize) -> String {
    if all == 1 { "1 connected account is".into() } else { format!("{all} connected accounts are") }
}

/// In the order of the design: concerns first, then pages, mail, jobs, and what is missing for good.
fn needs(site: &Site, standing: &Standing) -> Vec<Need> {
    let zone = &site.config().time_zone;
    let when = |at: Option<Timestamp>| at.map(|at| When::new(at, zone));
    let mut found = Vec::new();
    let figures = &standing.figures;
    if figures.unseen_concerns > 0 {
        let what = format!("{} that nobody has opened", counted(figures.unseen_concerns, "concern", "concerns"));
        found.push(Need { what, since: when(figures.oldest_unseen), link: Some(("/flags", "Look")) });
    }
    let mut reasons = standing.reasons(site.config(), site.clock().now());
    reasons.sort_by_key(|reason| ["account", "mail", "follow", "job"].iter().position(|what| *what == reason.what));
    let reason = |reason: super::health::Reason| {
        let what = if reason.what == "account" { format!("Not being kept: {}", reason.say) } else { reason.say };
        Need { what, since: when(reason.since), link: None }
    };
    found.extend(reasons.into_iter().map(reason));
    if !site.config().law.has_basis() {
        let what = "No legal basis is recorded, so no rule runs on public comments. They are kept and can be searched."
            .to_owned();
        found.push(Need { what, since: None, link: None });
    }
    if figures.went_live_at.is_none() {
        let what = "Mail is in preview: it goes to the administrator alone until somebody goes live.".to_owned();
        found.push(Need { what, since: None, link: None });
    }
    found
}

/// *2 are not connected: 1 on X, 1 on Threads.*
fn not_connected(others: &[&Account]) -> Option<String> {
    let mut platforms: Vec<&str> = others.iter().map(|account| account.row.platform.as_str()).collect();
    platforms.sort_unstable();
    let lists: Vec<String> = platforms
        .chunk_by(|a, b| a == b)
        .map(|same| format!("{} on {}", same.len(), crate::model::platform_title(same[0])))
        .collect();
    let verb = if others.len() == 1 { "is" } else { "are" };
    (!others.is_empty()).then(|| format!("{} {verb} not connected: {}.", others.len(), lists.join(", ")))
}

fn rows(site: &Site, standing: &Standing) -> Result<Vec<Row>> {
    let zone = &site.config().time_zone;
    site.db().read(|conn| {
        let flags = db::flags::list(conn, false)?;
        let mut found = Vec::new();
        for account in &standing.accounts {
            let looked_at = db::harvests::newest(conn, account.id, 1)?.first().map(|run| run.started_at);
            let posted_at = db::items::read::newest_post(conn, account.id)?;
            let (state, fine) = state(site, account);
            found.push(Row {
                title: if account.row.name.is_empty() { account.row.slug.clone() } else { account.row.name.clone() },
                platform: crate::model::platform_title(&account.row.platform),
                school: account.row.school.clone(),
                state,
                fine,
                looked_at,
                last_look: looked_at.map(|at| When::new(at, zone)),
                last_post: posted_at.map(|at| When::new(at, zone)),
                open_flags: flags.iter().filter(|flag| flag.account == account.id).count(),
            });
        }
        Ok(found)
    })
}

/// How an account stands, in words, and whether that is as it should be.
fn state(site: &Site, account: &Account) -> (String, bool) {
    if account.status != AccountStatus::Active {
        return (account.status.to_string(), true);
    }
    if let Some(why) = site.config().why_off(&account.row.platform) {
        return (format!("not connected: {why}"), false);
    }
    match &account.trouble {
        Some(trouble) => (format!("not kept: {trouble}"), false),
        None => ("kept".into(), true),
    }
}

#[derive(Template)]
#[template(path = "reports.html")]
struct ReportsPage {
    frame: Frame,
    reports: Vec<(i64, String, When)>,
}

pub async fn reports(State(site): State<Site>, Extension(person): Extension<Person>) -> Result<Response, Error> {
    let page = site
        .blocking(move |site| {
            let zone = &site.config().time_zone;
            let reports = site.db().read(db::health::reports)?;
            let reports =
                reports.into_iter().map(|report| (report.id, report.subject, When::new(report.made_at, zone)));
            Ok(ReportsPage { frame: Frame::new(site, &person)?, reports: reports.collect() })
        })
        .await?;
    render(&page)
}

#[derive(Template)]
#[template(path = "report.html")]
struct ReportPage {
    frame: Frame,
    subject: String,
    text: String,
    made_at: When,
}

pub async fn report(
    State(site): State<Site>,
    Extension(person): Extension<Person>,
    Path(id): Path<i64>,
) -> Result<Response, Error> {
    let page = site
        .blocking(move |site| {
            let found = site.db().read(db::health::reports)?.into_iter().find(|report| report.id == id);
            let Some(report) = found else { return Ok(None) };
            let made_at = When::new(report.made_at, &site.config().time_zone);
            let frame = Frame::new(site, &person)?;
            Ok(Some(ReportPage { frame, subject: report.subject, text: report.text, made_at }))
        })
        .await?;
    render(&page.ok_or(Error::NotFound)?)
}
