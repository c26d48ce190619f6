//! One registered account: how it stands, how it was watched, and its last harvests.

use anyhow::Result;
use askama::Template;
use axum::Extension;
use axum::extract::{Path, State};
use axum::response::Response;

use super::attest::{self, Last};
use super::coverage::Strip;
use super::session::Person;
use super::show::{When, counted};
use super::{Error, Frame, Site, overview, render};
use crate::audit::topics::{TOPICS, Topic};
use crate::db;
use crate::db::accounts::Account;
use crate::db::harvests::{Harvest, Interval};
use crate::model::Timestamp;
use crate::text::dates;

/// So many harvests are listed.
const MOST_HARVESTS: u32 = 20;

/// So many gaps of its items are listed.
const MOST_GAPS: usize = 50;

#[derive(Template)]
#[template(path = "account.html")]
struct Page {
    frame: Frame,
    title: String,
    slug: String,
    state: String,
    fine: bool,
    since: Option<When>,
    is_broken: bool,
    facts: Vec<(&'static str, String)>,
    strip: Strip,
    gaps: Vec<String>,
    gaps_rest: usize,
    open_flags: String,
    harvests: Vec<Run>,
    /// What a person has to say, by title, and the newest answer.
    attested: Vec<(&'static str, Option<Last>)>,
}

struct Run {
    mode: &'static str,
    at: When,
    outcome: String,
    found: String,
}

pub async fn page(
    State(site): State<Site>,
    Extension(person): Extension<Person>,
    Path(slug): Path<String>,
) -> Result<Response, Error> {
    let now = site.clock().now();
    let page = site.blocking(move |site| gather(site, &person, &slug, now)).await?;
    render(&page.ok_or(Error::NotFound)?)
}

fn gather(site: &Site, person: &Person, slug: &str, now: Timestamp) -> Result<Option<Page>> {
    let frame = Frame::new(site, person)?;
    let zone = &site.config().time_zone;
    site.db().read(|conn| {
        let Some(account) = db::accounts::by_slug(conn, slug)? else { return Ok(None) };
        let intervals = db::harvests::coverage(conn)?;
        let own: Vec<&Interval> = intervals.iter().filter(|interval| interval.account == account.id).collect();
        let of_items = |interval: &&&Interval| interval.item.is_some() && interval.closed_at.is_none();
        let gaps: Vec<String> = own.iter().filter(of_items).map(|gap| item_gap(gap)).collect();
        let (state, fine) = overview::state(site, &account);
        let open = db::flags::list(conn, false)?.iter().filter(|flag| flag.account == account.id).count();
        let harvests = db::harvests::newest(conn, account.id, MOST_HARVESTS)?;
        Ok(Some(Page {
            frame,
            title: account.title(),
            slug: account.row.slug.clone(),
            state,
            fine,
            since: account.trouble_since.filter(|_| account.trouble.is_some()).map(|at| When::new(at, zone)),
            is_broken: super::health::not_kept(&account, site.config()).is_some(),
            facts: facts(&account),
            strip: Strip::of(&account, &own, zone, now),
            gaps_rest: gaps.len().saturating_sub(MOST_GAPS),
            gaps: gaps.into_iter().take(MOST_GAPS).collect(),
            open_flags: counted(open as u64, "open flag", "open flags"),
            attested: attested(conn, site, &account, now)?,
            harvests: harvests.into_iter().map(|harvest| run(harvest, site)).collect(),
        }))
    })
}

/// What the register states; what it does not state is said so.
fn facts(account: &Account) -> Vec<(&'static str, String)> {
    let row = &account.row;
    let stated = |value: &String| if value.is_empty() { "not stated".to_owned() } else { value.clone() };
    vec![
        ("Handle", stated(&row.handle)),
        ("Number on the platform", stated(&row.native_id)),
        ("School", stated(&row.school)),
        ("Groups", stated(&row.groups)),
        ("Owner", stated(&row.owner_name)),
        ("Supervisor", stated(&row.supervisor)),
        ("Purpose", stated(&row.purpose)),
    ]
}

fn attested(
    conn: &db::Conn,
    site: &Site,
    account: &Account,
    now: Timestamp,
) -> Result<Vec<(&'static str, Option<Last>)>> {
    let today = dates::date(now, &site.config().time_zone);
    let history = db::attestations::of_account(conn, account.id)?;
    let of = |topic: &'static Topic| {
        let last = history.iter().find(|one| one.topic == topic.id);
        (topic.title, last.map(|last| attest::shown(site.config(), last, today)))
    };
    Ok(TOPICS.iter().filter(|topic| topic.is_asked(account)).map(of).collect())
}

fn item_gap(gap: &Interval) -> String {
    let item = gap.item.as_deref().unwrap_or_default();
    format!("{item}: {}", gap.cause.as_deref().unwrap_or("no cause was recorded"))
}

fn run(harvest: Harvest, site: &Site) -> Run {
    let outcome = match &harvest.cause {
        Some(cause) => format!("{}: {cause}", harvest.outcome),
        None => harvest.outcome.clone(),
    };
    Run {
        mode: harvest.mode.as_str(),
        at: When::new(harvest.started_at, &site.config().time_zone),
        outcome,
        found: counted(harvest.tally.versions(), "version", "versions"),
    }
}
