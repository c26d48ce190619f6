//! `rules cards`, `suppressions`, `coverage` and `sample`: how rules fare, what is called harmless, what serves which clause.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::json;

use super::search::one_line;
use super::{Exit, Usage, print, print_json};
use crate::app::App;
use crate::app::search::local;
use crate::audit;
use crate::config::{Clauses, Config};
use crate::db::items::read;
use crate::db::samples::{self, Look};
use crate::db::{flags, suppressions};
use crate::model::{Timestamp, rfc3339};
use crate::rules::{self, Rule};
use crate::text::dates;

/// A day as typed, in the district's time; a year from now when none is.
pub fn until(app: &App, day: Option<&str>) -> Result<Timestamp> {
    let (zone, now) = (&app.config.time_zone, app.clock.now());
    let next_year = || (zone.to_datetime(now).date() + jiff::Span::new().years(1)).to_string();
    let day = day.map_or_else(next_year, ToOwned::to_owned);
    let until = dates::day_to_come(&day, zone, now);
    Ok(until.ok_or_else(|| Usage(format!("{day:?} is no day to come: write it as in 2027-06-30")))?)
}

/// Report cards, those of rules in shadow too.
pub fn cards(app: &App, json: bool) -> Result<Exit> {
    for (rule, card) in app.db.read(flags::report_cards)? {
        if json {
            let months: BTreeMap<&str, _> = card
                .months
                .iter()
                .map(|(month, [fired, confirmed, refused])| {
                    (month.as_str(), json!({"fired": fired, "confirmed": confirmed, "refused": refused}))
                })
                .collect();
            print_json(
                &json!({"rule": rule, "fired": card.fired, "confirmed": card.confirmed, "refused": card.refused, "months": months}),
            )?;
            continue;
        }
        let upheld = card.upheld().map_or("none decided".to_owned(), |upheld| format!("{upheld} of 100 upheld"));
        let decided = card.confirmed + card.refused;
        print(format!("{rule:<40} {:>6} fired {decided:>6} decided  {upheld}", card.fired))?;
    }
    Ok(Exit::Done)
}

/// What is or was called harmless.
pub fn list(app: &App, json: bool) -> Result<Exit> {
    for one in app.db.read(suppressions::all)? {
        if json {
            print_json(&json!({
                "suppression": one.seq, "rule": one.rule, "phrase": one.phrase, "reason": one.reason, "actor": one.actor,
                "at": rfc3339(one.at), "expires_at": rfc3339(one.expires_at), "ended_at": one.ended_at.map(rfc3339),
            }))?;
            continue;
        }
        let zone = &app.config.time_zone;
        let until = match one.ended_at {
            None => format!("until {}", local(one.expires_at, zone)),
            Some(ended) => format!("ended {}", local(ended, zone)),
        };
        print(format!("{:>8}  {:<32} {:?}  {until}, by {}: {}", one.seq, one.rule, one.phrase, one.actor, one.reason))?;
    }
    Ok(Exit::Done)
}

/// Calls a phrase harmless for a rule.
pub fn suppress(app: &App, rule: &str, phrase: &str, reason: &str, day: Option<&str>, actor: &str) -> Result<Exit> {
    let (engine, ..) = app.rules_in_force()?;
    if !engine.rules().iter().any(|known| known.id == rule) {
        return Err(Usage(format!("no rule in force is named {rule}; `pagekeeper rules coverage` lists them")).into());
    }
    let expires_at = until(app, day)?;
    let new =
        suppressions::New { rule: rule.to_owned(), phrase: phrase.to_owned(), reason: reason.to_owned(), expires_at };
    let (actor, now) = (actor.to_owned(), app.clock.now());
    let (entry, covered) = app.db.writer.write(move |tx| suppressions::begin(tx, &new, &actor, now))?;
    app.follow(now)?;
    eprintln!(
        "Suppression {entry}: {covered} flags leave the queue, until {}.",
        local(expires_at, &app.config.time_zone)
    );
    Ok(Exit::Done)
}

/// Ends a suppression.
pub fn end(app: &App, entry: u64, reason: &str, actor: &str) -> Result<Exit> {
    let (reason, by, now) = (reason.to_owned(), actor.to_owned(), app.clock.now());
    app.db.writer.write(move |tx| suppressions::end(tx, entry, &reason, &by, now))?;
    eprintln!("Suppression {entry} is ended, by {actor}: its flags are in the queue again.");
    Ok(Exit::Done)
}

/// Each clause of the policy with the rules that serve it, and what else does. Needs no archive.
pub fn coverage(config: &Path, files: &[(String, String)]) -> Result<Exit> {
    let own = Path::new("config/policy.toml");
    let policy = match config.exists() {
        true => Clauses::load(&Config::load(config)?.policy.clauses)?,
        false => Clauses::load(own).context("there is no config, and no config/policy.toml here")?,
    };
    let stated = rules::stated(files);
    for clause in policy.all() {
        let names = |rule: &&std::sync::Arc<Rule>| {
            [&rule.clause.district, &rule.clause.public].iter().any(|id| id.as_deref() == Some(clause.id.as_str()))
        };
        let own: Vec<&str> = stated.iter().filter(names).map(|rule| rule.id.as_str()).collect();
        print(format!("{:<6} {}", clause.id, clause.title))?;
        if !own.is_empty() {
            print(format!("         rules: {}", own.join(", ")))?;
        }
        let checks = audit::serving(&clause.id);
        if !checks.is_empty() {
            print(format!("         checks of the audit: {}", checks.join(", ")))?;
        }
        match (own.is_empty() && checks.is_empty(), clause.served_by.is_empty()) {
            (true, true) => print("         nothing is checked: a person must look")?,
            (_, false) => print(format!("         {}", clause.served_by))?,
            _ => {}
        }
    }
    Ok(Exit::Done)
}

/// The unflagged items that wait for a look.
pub fn sample(app: &App, json: bool) -> Result<Exit> {
    let waiting = app.db.read(samples::waiting)?;
    for one in &waiting {
        let shown = app.db.read(|conn| read::show(conn, one.item))?;
        let text = shown.document.versions.iter().find(|version| version.seq == one.version);
        let text = text.map(|version| version.content.text.as_str()).unwrap_or_default();
        if json {
            print_json(
                &json!({"sample": one.id, "week": one.week, "item": one.name, "account": one.account_slug, "text": text}),
            )?;
        } else {
            print(format!("{:>6}  {}  {}  {}", one.id, one.week, one.name, one_line(text)))?;
        }
    }
    if waiting.is_empty() {
        eprintln!("None waits; the next weekly report draws twenty.");
    }
    Ok(Exit::Done)
}

/// Records what a person saw in one of them: `fine`, or the category that a rule should have named.
pub fn looked(app: &App, id: i64, saw: &str, note: &str, actor: &str) -> Result<Exit> {
    let look = match saw {
        "fine" => Look::Fine,
        category => Look::Missed(category.parse().map_err(|error| Usage(format!("fine, or a category: {error}")))?),
    };
    let (note, by, now) = (note.to_owned(), actor.to_owned(), app.clock.now());
    app.db.writer.write(move |tx| samples::look(tx, id, look, &note, &by, now))?;
    eprintln!("Sample {id}: {saw}, by {actor}.");
    Ok(Exit::Done)
}
