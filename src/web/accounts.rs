//! One registered account: what is open on it and whose turn it is, what every check says, what it changed, how it was watched.

use anyhow::Result;
use askama::Template;
use axum::Extension;
use axum::extract::{Path, State};
use axum::response::Response;

use super::attest::{self, Last};
use super::auth::{Person, scope};
use super::coverage::Strip;
use super::history::{self, Changed};
use super::show::{When, counted};
use super::{Error, Frame, Site, book, overview, render};
use crate::audit::tickets::{self, Listed};
use crate::audit::topics::{TOPICS, Topic};
use crate::audit::{self, Examined, Verdict};
use crate::db::accounts::Account;
use crate::db::facts::Profile;
use crate::db::findings::Finding;
use crate::db::harvests::{Harvest, Interval};
use crate::db::{self, Conn, facts, findings, retired};
use crate::model::people::Thing;
use crate::model::{AccountStatus, Timestamp};
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
    is_retired: bool,
    may_change: bool,
    has_comments: bool,
    /// Who wants it retired, since when, and why the last harvest was not possible yet.
    wish: Option<(String, When, Option<String>)>,
    findings: Vec<FindingRow>,
    turn: String,
    tickets: Vec<TicketRow>,
    /// Verdicts by kind: the heading, and each with its check and its words.
    verdicts: Vec<(String, Vec<VerdictRow>)>,
    /// Why the checks could not be run.
    unchecked: Option<String>,
    changes: Vec<Changed>,
    changes_rest: usize,
    people: Vec<(&'static str, When, u64, Vec<String>)>,
    facts: Vec<(&'static str, String)>,
    strip: Strip,
    gaps: Vec<String>,
    gaps_rest: usize,
    open_flags: Option<String>,
    harvests: Vec<Run>,
    /// What a person has to say, by title, and the newest answer.
    attested: Vec<(&'static str, Option<Last>)>,
}

struct FindingRow {
    title: String,
    clause: String,
    clause_title: String,
    what: String,
    since: When,
    seen: When,
    turn: &'static str,
    act: String,
    evidence: Vec<u64>,
}

struct TicketRow {
    asks: &'static str,
    standing: &'static str,
    mails: u32,
    mailed: Option<When>,
    reason: String,
}

struct VerdictRow {
    title: &'static str,
    clause: &'static str,
    words: String,
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
        let Some(account) = scope::account(conn, person, slug)? else { return Ok(None) };
        let intervals = db::harvests::coverage(conn)?;
        let own: Vec<&Interval> = intervals.iter().filter(|interval| interval.account == account.id).collect();
        let of_items = |interval: &&&Interval| interval.item.is_some() && interval.closed_at.is_none();
        let gaps: Vec<String> = own.iter().filter(of_items).map(|gap| item_gap(gap)).collect();
        let (state, fine) = overview::state(site, &account);
        let open = scope::open_flags(conn, person)?.iter().filter(|flag| flag.account == account.id).count();
        let harvests = db::harvests::newest(conn, account.id, MOST_HARVESTS)?;
        let mut found = findings::of(conn, account.id)?;
        found.sort_by_key(|one| audit::place(&one.check));
        let (verdicts, unchecked) = checked(conn, site, account.id, now)?;
        let (changes, changes_rest) = history::changes(&facts::history(conn, account.id)?, zone);
        let wish = retired::wish(conn, slug)?;
        Ok(Some(Page {
            frame,
            title: account.title(),
            slug: account.row.slug.clone(),
            state,
            fine,
            since: account.trouble_since.filter(|_| account.trouble.is_some()).map(|at| When::new(at, zone)),
            may_change: person.rights.writes(Thing::Register),
            has_comments: person.rights.reads(Thing::PublicComments),
            is_retired: account.status == AccountStatus::Retired,
            wish: wish.map(|wish| (wish.actor, When::new(wish.at, zone), account.trouble.clone())),
            turn: found.first().map_or_else(String::new, |one| audit::turn_words(&one.turn).to_owned()),
            findings: found.into_iter().map(|one| finding(site, slug, one)).collect(),
            tickets: tickets::list(conn, site.config(), now)?
                .into_iter()
                .filter(|one| one.account == slug)
                .map(|one| ticket(site, one))
                .collect(),
            verdicts,
            unchecked,
            changes,
            changes_rest,
            people: facts::profiles(conn, Some(account.id))?.iter().filter_map(|one| people(one, site)).collect(),
            is_broken: super::health::not_kept(&account, site.config()).is_some(),
            facts: facts(&account),
            strip: Strip::of(&account, &own, zone, now),
            gaps_rest: gaps.len().saturating_sub(MOST_GAPS),
            gaps: gaps.into_iter().take(MOST_GAPS).collect(),
            open_flags: person.rights.reads(Thing::Flags).then(|| counted(open as u64, "open flag", "open flags")),
            attested: attested(conn, site, &account, now)?,
            harvests: harvests.into_iter().map(|harvest| run(harvest, site)).collect(),
        }))
    })
}

fn finding(site: &Site, slug: &str, found: Finding) -> FindingRow {
    let zone = &site.config().time_zone;
    let check = audit::check(&found.check);
    FindingRow {
        title: check.map_or(found.check, |check| check.title.to_owned()),
        clause_title: book::clause(site, &found.clause).map(|clause| clause.title).unwrap_or_default(),
        clause: found.clause,
        what: found.what,
        since: When::new(found.since, zone),
        seen: When::new(found.seen_at, zone),
        turn: audit::turn_words(&found.turn),
        act: check.map(|check| check.act_and_record(slug)).unwrap_or_default(),
        evidence: found.evidence,
    }
}

fn ticket(site: &Site, one: Listed) -> TicketRow {
    TicketRow {
        asks: one.asks,
        standing: one.ticket.standing.words(),
        mails: one.ticket.mails,
        mailed: one.ticket.last_mailed_at.map(|at| When::new(at, &site.config().time_zone)),
        reason: one.ticket.reason,
    }
}

/// What every check says of it now; a standard that cannot be read is said.
#[allow(clippy::type_complexity, reason = "the two halves of what the page shows")]
fn checked(
    conn: &Conn,
    site: &Site,
    account: i64,
    now: Timestamp,
) -> Result<(Vec<(String, Vec<VerdictRow>)>, Option<String>)> {
    match audit::look_at(conn, site.config(), account, now) {
        Ok(examined) => Ok((examined.map(verdicts).unwrap_or_default(), None)),
        Err(error) if db::is_storage(&error) => Err(error),
        Err(error) => Ok((Vec::new(), Some(format!("{error:#}")))),
    }
}

fn verdicts(examined: Examined) -> Vec<(String, Vec<VerdictRow>)> {
    let of = |kind: &str, words: &str| {
        let is = |verdict: &Verdict| verdict.as_str() == kind;
        let row = |(check, verdict): &(&'static audit::Check, Verdict)| VerdictRow {
            title: check.title,
            clause: check.clause,
            words: verdict.words().to_owned(),
        };
        let rows: Vec<VerdictRow> = examined.verdicts.iter().filter(|(_, verdict)| is(verdict)).map(row).collect();
        (!rows.is_empty()).then(|| (format!("{words}: {}", rows.len()), rows))
    };
    let kinds = [
        ("fails", "Does not hold"),
        ("not_said", "The platform does not say, or nothing was read"),
        ("not_stated", "Not stated by the district"),
        ("holds", "Holds"),
    ];
    kinds.into_iter().filter_map(|(kind, words)| of(kind, words)).collect()
}

/// People and applications as the platform last told them.
fn people(profile: &Profile, site: &Site) -> Option<(&'static str, When, u64, Vec<String>)> {
    let is_people = ["roles", "assigned_users", "subscribed_apps"].iter().any(|edge| profile.native_id.ends_with(edge));
    let list = history::list(&profile.native_id).filter(|_| is_people)?;
    let at = When::new(profile.seen_at, &site.config().time_zone);
    Some((list, at, profile.seq, profile.content.parts.clone()))
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
        ("Owner’s address", stated(&row.owner_email)),
        ("Supervisor", stated(&row.supervisor)),
        ("Supervisor notified", stated(&row.supervisor_notified_on)),
        ("IT notified", stated(&row.it_notified_on)),
        ("Purpose", stated(&row.purpose)),
        ("Comment policy", stated(&row.comment_policy_url)),
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
