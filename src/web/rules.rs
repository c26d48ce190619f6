//! The rules as people know them: what is in force, how each rule has fared, what is called harmless, what a change did, and which
//! clause of the policy is served by what.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::Result;
use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::{Extension, Form};
use serde::Deserialize;

use super::auth::Person;
use super::offer::{self, Offered};
use super::show::{When, number};
use super::{Error, Frame, Site, book, render, see};
use crate::config::Clauses;
use crate::db::flags::ReportCard;
use crate::db::{self, samples, suppressions};
use crate::model::people::Thing;
use crate::rules::{Rule, Status};

#[derive(Template)]
#[template(path = "rules.html")]
struct Page {
    frame: Frame,
    notes: Vec<String>,
    offer: Option<Offered>,
    packs: String,
    rules: Vec<RuleRow>,
    suppressions: Vec<SuppressionRow>,
    replays: Vec<ReplayRow>,
    samples: Vec<samples::Tally>,
    waiting: usize,
    may_decide: bool,
    clauses: Vec<ClauseRow>,
}

struct RuleRow {
    id: String,
    title: String,
    category: String,
    severity: &'static str,
    clause: String,
    status: &'static str,
    fired: String,
    upheld: String,
    months: String,
}

struct SuppressionRow {
    seq: u64,
    phrase: String,
    rule: String,
    reason: String,
    actor: String,
    until: When,
    in_force: bool,
}

struct ReplayRow {
    at: When,
    words: String,
    rules: String,
}

struct ClauseRow {
    id: String,
    title: String,
    rules: Vec<String>,
    fired: u64,
    served_by: String,
}

pub async fn page(State(site): State<Site>, Extension(person): Extension<Person>) -> Result<Response, Error> {
    let now = site.clock().now();
    let page = site.blocking(move |site| {
        let notes = crate::app::packs::notes(site.db(), site.config(), now)?;
        gather(site, &person, notes)
    });
    render(&page.await?)
}

fn gather(site: &Site, person: &Person, notes: Vec<String>) -> Result<Page> {
    let frame = Frame::new(site, person)?;
    let zone = &site.config().time_zone;
    site.db().read(|conn| {
        let cards = db::flags::report_cards(conn)?;
        let (rules, hidden) = hers(person, site.book().all(conn)?);
        let suppressed = suppressions::all(conn)?.into_iter().filter(|one| !hidden.contains(&one.rule));
        let packs = db::inputs::in_force(conn, db::inputs::PACKS)?;
        Ok(Page {
            frame,
            notes,
            offer: offer::gather(conn, zone)?,
            packs: packs.map(|(digest, _)| hex::encode(&digest[..4])).unwrap_or_default(),
            clauses: clauses(site, &rules, &cards),
            rules: rules.iter().map(|rule| row(rule, cards.get(&rule.id))).collect(),
            may_decide: person.rights.writes(Thing::Flags),
            suppressions: suppressed
                .map(|one| SuppressionRow {
                    seq: one.seq,
                    phrase: one.phrase,
                    rule: one.rule,
                    reason: one.reason,
                    actor: one.actor,
                    until: When::new(one.ended_at.unwrap_or(one.expires_at), zone),
                    in_force: one.ended_at.is_none(),
                })
                .collect(),
            replays: db::replays::newest(conn, 10)?
                .into_iter()
                .map(|replay| ReplayRow {
                    at: When::new(replay.at, zone),
                    words: format!(
                        "{} new, {} gone, {} of another severity, {} as before",
                        number(replay.new),
                        number(replay.gone),
                        number(replay.changed),
                        number(replay.stayed)
                    ),
                    rules: changes(&replay.rules, &hidden),
                })
                .collect(),
            samples: samples::tallies(conn, 8)?,
            waiting: samples::waiting(conn)?.len(),
        })
    })
}

/// The rules that are there for a person, and the ids of those that are not.
fn hers(person: &Person, rules: Vec<Arc<Rule>>) -> (Vec<Arc<Rule>>, BTreeSet<String>) {
    let (hers, others): (Vec<_>, Vec<_>) = rules.into_iter().partition(|rule| person.rights.sees(rule.category));
    (hers, others.into_iter().map(|rule| rule.id.clone()).collect())
}

fn row(rule: &Rule, card: Option<&ReportCard>) -> RuleRow {
    let card = card.cloned().unwrap_or_default();
    let month = |(month, counts): (&String, &[u64; 3])| format!("{month}: {} fired, {} upheld", counts[0], counts[1]);
    RuleRow {
        id: rule.id.clone(),
        title: rule.title.clone(),
        category: rule.category.words().to_owned(),
        severity: rule.severity.as_str(),
        clause: match (&rule.clause.district, &rule.clause.public) {
            (Some(district), Some(public)) if district == public => district.clone(),
            (Some(district), Some(public)) => format!("{district}; the public {public}"),
            (Some(district), None) => format!("{district}, district only"),
            (None, public) => format!("{}, the public only", public.as_deref().unwrap_or("none")),
        },
        status: if rule.status == Status::Shadow { "in shadow" } else { "on" },
        fired: number(card.fired),
        upheld: book::decided(&card),
        months: card.months.iter().rev().take(6).map(month).collect::<Vec<_>>().join("; "),
    }
}

fn changes(rules: &BTreeMap<String, [u64; 3]>, hidden: &BTreeSet<String>) -> String {
    let one = |(rule, counts): (&String, &[u64; 3])| {
        let [new, gone, changed] = counts;
        format!("{rule} +{new} −{gone} ±{changed}")
    };
    rules.iter().filter(|(rule, _)| !hidden.contains(*rule)).map(one).collect::<Vec<_>>().join(", ")
}

/// Every clause, with the rules that serve it and what else does.
fn clauses(site: &Site, rules: &[Arc<Rule>], cards: &BTreeMap<String, ReportCard>) -> Vec<ClauseRow> {
    let Ok(policy) = Clauses::load(&site.config().policy.clauses) else { return Vec::new() };
    let names = |rule: &Rule, id: &str| {
        [&rule.clause.district, &rule.clause.public].iter().any(|clause| clause.as_deref() == Some(id))
    };
    let of = |clause: &crate::config::PolicyClause| {
        let own: Vec<&Rule> = rules.iter().map(|rule| &**rule).filter(|rule| names(rule, &clause.id)).collect();
        ClauseRow {
            id: clause.id.clone(),
            title: clause.title.clone(),
            fired: own.iter().filter_map(|rule| cards.get(&rule.id)).map(|card| card.fired).sum(),
            rules: own.iter().map(|rule| rule.id.clone()).collect(),
            served_by: match (own.is_empty(), served_by(clause)) {
                (true, nothing) if nothing.is_empty() => "Nothing is checked: a person must look".to_owned(),
                (_, words) => words,
            },
        }
    };
    policy.all().iter().map(of).collect()
}

/// What serves a clause beside rules: the policy's own words, and the checks of the audit by name.
fn served_by(clause: &crate::config::PolicyClause) -> String {
    let checks = crate::audit::serving(&clause.id);
    match (clause.served_by.is_empty(), checks.is_empty()) {
        (_, true) => clause.served_by.clone(),
        (true, false) => format!("Checks of the audit: {}", checks.join(", ")),
        (false, false) => format!("{}. Checks of the audit: {}", clause.served_by, checks.join(", ")),
    }
}

#[derive(Debug, Deserialize)]
pub struct End {
    reason: String,
}

/// Ends a suppression before its time.
pub async fn end(
    State(site): State<Site>,
    Extension(person): Extension<Person>,
    Path(entry): Path<u64>,
    Form(form): Form<End>,
) -> Result<Response, Error> {
    if form.reason.trim().is_empty() {
        return Err(Error::Refused(StatusCode::BAD_REQUEST, "Say why it ends: go back and write a reason.".into()));
    }
    let now = site.clock().now();
    let found = site.blocking(move |site| {
        let is_hers = site.db().read(|conn| {
            let (_, hidden) = hers(&person, site.book().all(conn)?);
            Ok(suppressions::all(conn)?.iter().any(|one| one.seq == entry && !hidden.contains(&one.rule)))
        })?;
        let end = move |tx: &db::Tx<'_>| suppressions::end(tx, entry, &form.reason, &person.name, now);
        is_hers.then(|| site.db().writer.write(end)).transpose()
    });
    found.await?.ok_or(Error::NotFound)?;
    Ok(see("/rules#harmless"))
}
