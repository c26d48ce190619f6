//! `show`, `flags`, `review`, `ack`.

use anyhow::{Context as _, Result};
use serde_json::json;

use super::search::one_line;
use super::{Exit, Usage, flag_by_key, print, print_json};
use crate::app::App;
use crate::app::search::local;
use crate::db::flags::{self, Flag, Opening};
use crate::db::inputs;
use crate::db::items::{self, Shown};
use crate::db::suppressions;
use crate::model::{Outcome, rfc3339};

/// One item with its versions, thread and flags.
pub fn show(app: &App, name: &str, as_json: bool) -> Result<Exit> {
    let item = app.db.read(|conn| items::by_name(conn, name))?;
    let Some(item) = item else {
        return Err(
            Usage(format!("there is no item {name}: an item is platform:native_id, as `search` shows it")).into()
        );
    };
    let (shown, thread, flagged) = app.db.read(|conn| {
        let shown = items::show(conn, item)?;
        let thread = shown.root_id.map_or(Ok(vec![item]), |root| items::thread(conn, root))?;
        let thread = thread.into_iter().map(|id| items::show(conn, id)).collect::<Result<Vec<_>>>()?;
        Ok((shown, thread, flags::of_item(conn, item)?))
    })?;
    expose(app, &flagged)?;
    if as_json {
        let mut line = app.db.read(|conn| crate::import::line(conn, &shown))?;
        line["thread"] = thread.iter().map(Shown::name).collect();
        line["flags"] = flagged.iter().map(|flag| flag_json(app, flag)).collect::<Result<_>>()?;
        print_json(&line)?;
        return Ok(Exit::Done);
    }
    let zone = &app.config.time_zone;
    print(format!("{} ({})  {}", shown.name(), shown.document.kind, shown.url.as_deref().unwrap_or("")))?;
    for version in &shown.document.versions {
        let cause = version.cause.map(|cause| format!(" ({cause})")).unwrap_or_default();
        print(format!("  entry {}  {}  {}{cause}", version.seq, local(version.observed_at, zone), version.change))?;
        print(format!("    {}", one_line(&version.content.text)))?;
    }
    for flag in &flagged {
        print(format!(
            "  flag {}  possible {} · {} · {} · {}",
            flag.key(),
            flag.category.words(),
            flag.severity,
            flag.rule,
            state(flag)
        ))?;
    }
    print("  thread:")?;
    for other in &thread {
        let mark = if other.document.item == shown.document.item { ">" } else { " " };
        print(format!("  {mark} {}  {}", other.name(), one_line(&other.latest().content.text)))?;
    }
    Ok(Exit::Done)
}

/// Who opens an item with a possible concern has seen it: her clocks run from here, and its urgent mails stop repeating.
fn expose(app: &App, flagged: &[Flag]) -> Result<()> {
    let concerns: Vec<Flag> = flagged.iter().filter(|flag| flag.category.is_concern()).cloned().collect();
    if concerns.is_empty() {
        return Ok(());
    }
    let (actor, now) = (super::system_user(), app.clock.now());
    app.db.writer.write(move |tx| {
        concerns.iter().try_for_each(|flag| flags::open(tx, flag, Opening::Exposure, &actor, now).map(|_| ()))
    })?;
    eprintln!(
        "This item has a possible concern. You may have a duty to report yourself; that you opened it is on record."
    );
    Ok(())
}

/// The list of flags.
pub fn flags(app: &App, all: bool, as_json: bool) -> Result<Exit> {
    let found = app.db.read(|conn| flags::list(conn, all))?;
    for flag in &found {
        if as_json {
            print_json(&flag_json(app, flag)?)?;
            continue;
        }
        print(format!(
            "{}  {:<8}  possible {:<38} {:<28} {}  {}",
            flag.key(),
            flag.severity,
            flag.category.words(),
            flag.account_slug,
            state(flag),
            flag.item()
        ))?;
    }
    if found.is_empty() {
        eprintln!("No open flags.");
    }
    Ok(Exit::Done)
}

/// *suppressed (the page shows no expectations: the finding comes first)*
fn state(flag: &Flag) -> String {
    flag.because.map_or_else(|| flag.state.clone(), |because| format!("{} ({because})", flag.state))
}

/// A flag as the contract has it; offsets in Unicode code points of the version's text.
fn flag_json(app: &App, flag: &Flag) -> Result<serde_json::Value> {
    let shown = app.db.read(|conn| items::show(conn, flag.item_id))?;
    let version =
        shown.document.versions.iter().find(|version| version.seq == flag.version).context("the flag's version")?;
    let texts = version.content.texts();
    let spans: Vec<serde_json::Value> = flag
        .spans
        .iter()
        .filter_map(|(part, start, end)| {
            let text = texts.get(*part)?;
            let points = |at: usize| text.get(..at).map_or(0, |before| before.chars().count());
            let mut span = json!({"start": points(*start), "end": points(*end), "text": text.get(*start..*end)?});
            if *part > 0 {
                span["part"] = (*part).into();
            }
            Some(span)
        })
        .collect();
    let packs = app.db.read(|conn| inputs::in_force(conn, inputs::PACKS))?;
    Ok(json!({
        "flag": flag.key(),
        "item": flag.item(),
        "platform": flag.platform,
        "account": flag.account_slug,
        "native_id": flag.native_id,
        "version": flag.version,
        "rule": flag.rule,
        "packs": packs.map(|(digest, _)| hex::encode(digest)),
        "category": flag.category,
        "severity": flag.severity,
        "clause": flag.clause,
        "spans": spans,
        "state": flag.state,
        "because": flag.because,
        "first_flagged_at": rfc3339(flag.first_flagged_at),
    }))
}

/// A person's outcome as it was typed.
pub struct Decision {
    pub outcome: Outcome,
    pub reason: String,
    pub note: String,
    /// Of a known-benign phrase: the words, and until when.
    pub phrase: Option<String>,
    pub until: Option<String>,
}

/// Records an outcome.
pub fn review(app: &App, key: &str, decision: Decision, actor: &str) -> Result<Exit> {
    let Decision { outcome, reason, note, phrase, until } = decision;
    if reason.trim().is_empty() {
        return Err(Usage("an outcome needs a reason: --reason \"…\"".into()).into());
    }
    if outcome != Outcome::BenignPhrase && (phrase.is_some() || until.is_some()) {
        return Err(Usage("--phrase and --until belong to the outcome benign-phrase".into()).into());
    }
    let flag = flag_by_key(app, key)?;
    let (actor, now, item) = (actor.to_owned(), app.clock.now(), flag.item());
    let by = actor.clone();
    if outcome != Outcome::BenignPhrase {
        app.db.writer.write(move |tx| flags::review(tx, &flag, outcome, &reason, &note, &actor, now))?;
        app.follow(now)?;
        eprintln!("{key} on {item}: {outcome}, by {by}.");
        return Ok(Exit::Done);
    }
    let until = super::cards::until(app, until.as_deref())?;
    let words = match phrase {
        Some(phrase) => phrase,
        None => app
            .db
            .read(|conn| suppressions::words_of(conn, &flag.flag))?
            .ok_or_else(|| Usage("this flag marks no words: say which are harmless with --phrase \"…\"".into()))?,
    };
    let said = words.clone();
    let covered =
        app.db.writer.write(move |tx| flags::call_benign(tx, &flag, &words, until, (&reason, &note), &actor, now))?;
    app.follow(now)?;
    eprintln!(
        "{key} on {item}: {outcome}, by {by}. \"{said}\" is harmless for its rule until {}: {covered} flags.",
        local(until, &app.config.time_zone)
    );
    Ok(Exit::Done)
}

/// Records that a person has the urgent mail: her repeats stop.
pub fn ack(app: &App, key: &str, actor: &str) -> Result<Exit> {
    let flag = flag_by_key(app, key)?;
    let (actor, now) = (actor.to_owned(), app.clock.now());
    let by = actor.clone();
    let entry = app.db.writer.write(move |tx| flags::open(tx, &flag, Opening::Acknowledgement, &actor, now))?;
    app.follow(app.clock.now())?;
    match entry {
        Some(entry) => eprintln!("Acknowledged by {by} (entry {entry}). Reminders to {by} stop; others go on."),
        None => eprintln!("{by} had acknowledged it before."),
    }
    Ok(Exit::Done)
}
