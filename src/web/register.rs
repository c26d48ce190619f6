//! Every official page with what is open on it: the register as an auditor reads it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::{Extension, Form};
use jiff::SignedDuration;
use serde::Deserialize;

use super::auth::Person;
use super::show::{When, counted};
use super::{Error, Frame, Site, overview, render, see};
use crate::audit::{self, PageName, Turn};
use crate::db::accounts::{self, Account, Registration};
use crate::db::findings::{self, Finding};
use crate::db::{self, Conn};
use crate::model::{AccountStatus, Timestamp, platform_title};
use crate::text::dates;

/// Which pages are shown: each empty word shows all.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Filter {
    school: String,
    group: String,
    platform: String,
    owner: String,
    clause: String,
    turn: String,
    /// active, proposed, kept, `not_kept`
    status: String,
    check: String,
    /// yes: pages with a finding that is overdue.
    overdue: String,
}

#[derive(Template)]
#[template(path = "register.html")]
struct Page {
    frame: Frame,
    heading: String,
    is_part: bool,
    is_empty: bool,
    turns: Vec<(String, String)>,
    choices: Vec<Choice>,
    rows: Vec<Row>,
    strays: Vec<Stray>,
    strays_unread: Option<String>,
    retired: Vec<(String, String)>,
}

/// A field of the filter: its name, what it is called, its values with their words, and which one is chosen.
struct Choice {
    name: &'static str,
    label: &'static str,
    values: Vec<(String, String, bool)>,
}

struct Row {
    slug: String,
    title: String,
    platform: String,
    school: String,
    owner: String,
    turn: String,
    findings: usize,
    gravest: String,
    state: String,
    fine: bool,
    looked: Option<When>,
}

struct Stray {
    words: String,
    platform: String,
    name: String,
}

/// An account with its open findings, the gravest first.
struct Standing {
    account: Account,
    findings: Vec<Finding>,
    is_overdue: bool,
    state: String,
    fine: bool,
}

pub async fn page(
    State(site): State<Site>,
    Extension(person): Extension<Person>,
    Query(filter): Query<Filter>,
) -> Result<Response, Error> {
    let now = site.clock().now();
    render(&site.blocking(move |site| gather(site, &person, &filter, now)).await?)
}

fn gather(site: &Site, person: &Person, filter: &Filter, now: Timestamp) -> Result<Page> {
    let frame = Frame::new(site, person)?;
    site.db().read(|conn| {
        let (gone, all): (Vec<Standing>, Vec<Standing>) = standings(site, conn, now)?
            .into_iter()
            .filter(|one| person.has_school(&one.account.row.school))
            .partition(|one| one.account.status == AccountStatus::Retired);
        let shown: Vec<&Standing> = all.iter().filter(|one| filter.shows(one)).collect();
        let (strays, strays_unread) = match audit::strays(conn, site.config(), now) {
            // Pages that nobody registered are of no school.
            Ok(_) if !person.schools.is_empty() => (Vec::new(), None),
            Ok(strays) => (strays.into_iter().map(stray).collect(), None),
            Err(error) if db::is_storage(&error) => return Err(error),
            Err(error) => (Vec::new(), Some(format!("{error:#}"))),
        };
        Ok(Page {
            frame,
            heading: counted(shown.len() as u64, "page", "pages"),
            is_part: filter.is_part(),
            is_empty: all.is_empty() && gone.is_empty(),
            turns: turns(&all),
            choices: choices(&all, filter),
            rows: shown.iter().map(|one| row(site, conn, filter, one)).collect::<Result<_>>()?,
            strays,
            strays_unread,
            retired: gone.iter().map(|one| (one.account.row.slug.clone(), one.account.title())).collect(),
        })
    })
}

fn standings(site: &Site, conn: &Conn, now: Timestamp) -> Result<Vec<Standing>> {
    let mut open: BTreeMap<i64, Vec<Finding>> = BTreeMap::new();
    findings::open(conn)?.into_iter().for_each(|one| open.entry(one.account).or_default().push(one));
    let overdue: BTreeSet<i64> = overdue(site, conn, now)?.into_iter().map(|one| one.account).collect();
    let stand = |account: Account| {
        let mut findings = open.remove(&account.id).unwrap_or_default();
        findings.sort_by_key(|one| audit::place(&one.check));
        let (state, fine) = overview::state(site, &account);
        Standing { is_overdue: overdue.contains(&account.id), account, findings, state, fine }
    };
    Ok(accounts::all(conn)?.into_iter().map(stand).collect())
}

/// Findings that have been open for longer than the district waits.
pub fn overdue(site: &Site, conn: &Conn, now: Timestamp) -> Result<Vec<Finding>> {
    let today = dates::date(now, &site.config().time_zone).to_string();
    let days = i64::from(site.config().audit.overdue_days);
    findings::overdue(conn, now - SignedDuration::from_hours(24 * days), &today)
}

impl Filter {
    fn is_part(&self) -> bool {
        let words = [&self.school, &self.group, &self.platform, &self.owner, &self.clause, &self.turn];
        words.into_iter().chain([&self.status, &self.check, &self.overdue]).any(|word| !word.is_empty())
    }

    fn shows(&self, one: &Standing) -> bool {
        let row = &one.account.row;
        let is = |wanted: &str, value: &str| wanted.is_empty() || wanted == value;
        let status = match self.status.as_str() {
            "kept" => one.fine && one.account.status == AccountStatus::Active,
            "not_kept" => !one.fine,
            other => is(other, &row.status),
        };
        let asks = !(self.clause.is_empty() && self.turn.is_empty() && self.check.is_empty());
        status
            && is(&self.school, &row.school)
            && is(&self.platform, &row.platform)
            && is(&self.owner, &row.owner_name)
            && (self.group.is_empty() || one.account.groups().any(|group| group == self.group))
            && (self.overdue.is_empty() || one.is_overdue)
            && (!asks || self.gravest(one).is_some())
    }

    /// The gravest of the findings that are asked for.
    fn gravest<'s>(&self, one: &'s Standing) -> Option<&'s Finding> {
        let is = |wanted: &str, value: &str| wanted.is_empty() || wanted == value;
        one.findings.iter().find(|found| {
            is(&self.clause, &found.clause) && is(&self.turn, &found.turn) && is(&self.check, &found.check)
        })
    }
}

fn row(site: &Site, conn: &Conn, filter: &Filter, one: &Standing) -> Result<Row> {
    let row = &one.account.row;
    let looked = db::harvests::newest(conn, one.account.id, 1)?.first().map(|run| run.started_at);
    let gravest = filter.gravest(one);
    Ok(Row {
        slug: row.slug.clone(),
        title: if row.name.is_empty() { row.slug.clone() } else { row.name.clone() },
        platform: platform_title(&row.platform),
        school: row.school.clone(),
        owner: if row.owner_name.is_empty() { "not stated".into() } else { row.owner_name.clone() },
        turn: gravest.map_or_else(|| "nobody’s".to_owned(), |found| audit::turn_words(&found.turn).to_owned()),
        findings: one.findings.len(),
        gravest: gravest.map(|found| format!("{} ({})", found.what, found.clause)).unwrap_or_default(),
        state: one.state.clone(),
        fine: one.fine,
        looked: looked.map(|at| When::new(at, &site.config().time_zone)),
    })
}

fn stray(page: PageName) -> Stray {
    Stray { words: page.words(), platform: page.platform, name: page.name }
}

/// *the page's owner: 5 pages*, each with the address that shows these.
fn turns(all: &[Standing]) -> Vec<(String, String)> {
    let of = |turn: Turn| {
        let waits = |one: &&Standing| one.findings.iter().any(|found| found.turn == turn.as_str());
        let count = all.iter().filter(waits).count() as u64;
        let words = format!("{}: {}", turn.words(), counted(count, "page", "pages"));
        (count > 0).then(|| (format!("/accounts?turn={}", turn.as_str()), words))
    };
    [Turn::Owner, Turn::It, Turn::Principal].into_iter().filter_map(of).collect()
}

fn choices(all: &[Standing], filter: &Filter) -> Vec<Choice> {
    let named = |values: BTreeSet<String>, chosen: &str, words: &dyn Fn(&str) -> String| {
        let value = |value: String| (value.clone(), words(&value), value == chosen);
        values.into_iter().filter(|value| !value.is_empty()).map(value).collect()
    };
    let cells = |cell: &dyn Fn(&Account) -> Vec<String>| all.iter().flat_map(|one| cell(&one.account)).collect();
    let found = |cell: &dyn Fn(&Finding) -> String| all.iter().flat_map(|one| &one.findings).map(cell).collect();
    let as_is = |value: &str| value.to_owned();
    let status = |value: &str| match value {
        "not_kept" => "not kept".to_owned(),
        other => other.to_owned(),
    };
    let statuses = ["active", "proposed", "kept", "not_kept"].map(str::to_owned);
    let title = |id: &str| audit::check(id).map_or(id, |check| check.title).to_owned();
    let schools = named(cells(&|one| vec![one.row.school.clone()]), &filter.school, &as_is);
    let groups = named(cells(&|one| one.groups().map(str::to_owned).collect()), &filter.group, &as_is);
    let platforms = named(cells(&|one| vec![one.row.platform.clone()]), &filter.platform, &platform_title);
    let owners = named(cells(&|one| vec![one.row.owner_name.clone()]), &filter.owner, &as_is);
    let clauses = named(found(&|one| one.clause.clone()), &filter.clause, &as_is);
    let turns = named(found(&|one| one.turn.clone()), &filter.turn, &|turn| audit::turn_words(turn).to_owned());
    let checks = named(found(&|one| one.check.clone()), &filter.check, &title);
    let all = [
        ("school", "School", schools),
        ("group", "Group", groups),
        ("platform", "Platform", platforms),
        ("owner", "Owner", owners),
        ("status", "Status", named(statuses.into(), &filter.status, &status)),
        ("turn", "Whose turn", turns),
        ("clause", "Clause", clauses),
        ("check", "Check", checks),
    ];
    let some = |(name, label, values): (_, _, Vec<_>)| (!values.is_empty()).then_some(Choice { name, label, values });
    all.into_iter().filter_map(some).collect()
}

#[derive(Debug, Deserialize)]
pub struct Add {
    platform: String,
    name: String,
}

/// Takes a page of the district's site into the register, as proposed: only one that the site lists.
pub async fn add(
    State(site): State<Site>,
    Extension(person): Extension<Person>,
    Form(form): Form<Add>,
) -> Result<Response, Error> {
    let now = site.clock().now();
    let slug = site.blocking(move |site| propose(site, &person, &form, now)).await?;
    let gone = "The district's site does not list this page, or it stands in the register by now: go back and look.";
    let slug = slug.ok_or_else(|| Error::Refused(StatusCode::CONFLICT, gone.into()))?;
    Ok(see(&format!("/accounts/{slug}")))
}

fn propose(site: &Site, person: &Person, form: &Add, now: Timestamp) -> Result<Option<String>> {
    let listed = site.db().read(|conn| audit::strays(conn, site.config(), now))?;
    let Some(page) = listed.into_iter().find(|page| page.platform == form.platform && page.name == form.name) else {
        return Ok(None);
    };
    let slug = site.db().read(|conn| accounts::free_slug(conn, &page.name))?;
    let is_id = page.platform == "facebook" && page.name.chars().all(|letter| letter.is_ascii_digit());
    let (native_id, handle) = if is_id { (page.name, String::new()) } else { (String::new(), page.name) };
    let row = Registration {
        slug: slug.clone(),
        platform: page.platform,
        native_id,
        handle,
        status: AccountStatus::Proposed.to_string(),
        ..Registration::default()
    };
    let actor = person.name.clone();
    site.db().writer.write(move |tx| accounts::put(tx, &row, Some(&actor), now))?;
    Ok(Some(slug))
}
