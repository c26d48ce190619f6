//! A page is given up: read a last time as deep as it goes, then retired, with a receipt of what is kept.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use jiff::tz::TimeZone;

use super::App;
use crate::db::accounts::{self, Account};
use crate::db::harvests;
use crate::db::retired::{self, Items, LastRun, Receipt, Wish};
use crate::harvest::Request;
use crate::model::{Kind, Mode, Timestamp};
use crate::text::dates;
use crate::text::letter::{count, thousands};

/// How it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Retired(Box<Receipt>),
    /// The page could not be read, and nothing was changed: why.
    NotRead(String),
    /// Another run is reading it: try again in a moment.
    Busy,
    /// The wish was taken back while the page was read: it stays.
    TakenBack,
}

/// Reads a page to its end and retires it. Errors are storage trouble only.
pub async fn retire(app: &Arc<App>, slug: &str, reason: &str, actor: &str) -> Result<Outcome> {
    match read_last(app, slug).await? {
        Ok(runs) => end(app, slug, reason, actor, runs, None).await,
        Err(outcome) => Ok(outcome),
    }
}

/// The same for a wish, which may be taken back for as long as the page is read.
pub async fn fulfil(app: &Arc<App>, wish: &Wish) -> Result<Outcome> {
    match read_last(app, &wish.slug).await? {
        Ok(runs) => end(app, &wish.slug, &wish.reason, &wish.actor, runs, Some(wish.clone())).await,
        Err(outcome) => Ok(outcome),
    }
}

/// Reads a page to its end; or why that is not done.
async fn read_last(app: &Arc<App>, slug: &str) -> Result<Result<Vec<LastRun>, Outcome>> {
    let account = app.db.read(|conn| accounts::by_slug(conn, slug))?;
    let account = account.with_context(|| format!("{slug} is not in the register"))?;
    let mut runs = Vec::new();
    for mode in modes(app, &account)? {
        let request = Request { mode, every: true, until: None };
        let report = app.harvester().run(&account, request, app.clock.now()).await?;
        let cause = report.cause.clone().unwrap_or_default();
        match (report.outcome, mode) {
            ("busy", _) => return Ok(Err(Outcome::Busy)),
            ("failed" | "not_kept", Mode::Recent) => return Ok(Err(Outcome::NotRead(cause))),
            _ => runs.push(LastRun {
                mode: mode.to_string(),
                outcome: report.outcome.to_owned(),
                cause: report.cause,
                versions: report.tally.versions(),
            }),
        }
    }
    Ok(Ok(runs))
}

/// Retires a page as it stands: nothing more is read of it.
pub async fn retire_unread(app: &Arc<App>, slug: &str, reason: &str, actor: &str) -> Result<Outcome> {
    end(app, slug, reason, actor, Vec::new(), None).await
}

/// What is new, what is not walked yet, everything kept once more, and the page's own facts.
fn modes(app: &App, account: &Account) -> Result<Vec<Mode>> {
    let is_whole = app.db.read(|conn| harvests::position(conn, account.id))?.1.is_some();
    let mut modes = vec![Mode::Recent, Mode::Backfill, Mode::Revisit, Mode::Profile];
    modes.retain(|mode| *mode != Mode::Backfill || !is_whole);
    Ok(modes)
}

async fn end(
    app: &Arc<App>,
    slug: &str,
    reason: &str,
    actor: &str,
    runs: Vec<LastRun>,
    wish: Option<Wish>,
) -> Result<Outcome> {
    let (app, slug, reason, actor) = (app.clone(), slug.to_owned(), reason.to_owned(), actor.to_owned());
    let work = move || {
        // The receipt counts flags: what was read just now is looked at before.
        app.follow(app.clock.now())?;
        let now = app.clock.now();
        let of = slug.clone();
        let is_retired = app.db.writer.write(move |tx| {
            let stands = wish.is_none() || retired::wish(tx, &of)? == wish;
            if stands { retired::retire(tx, &of, &reason, &actor, runs, now).map(|()| true) } else { Ok(false) }
        })?;
        if !is_retired {
            return Ok(Outcome::TakenBack);
        }
        app.follow(now)?;
        let receipt = app.db.read(|conn| {
            let account = accounts::by_slug(conn, &slug)?.context("a page that was retired just now")?;
            retired::receipt(conn, &account)
        })?;
        Ok(Outcome::Retired(Box::new(receipt)))
    };
    tokio::task::spawn_blocking(work).await.context("the end of a page was lost")?
}

/// A receipt in words: what each line is about, and what it says.
pub fn words(receipt: &Receipt, zone: &TimeZone) -> Vec<(&'static str, String)> {
    let kept = &receipt.kept;
    let full = |at: Timestamp| dates::full(at, zone);
    let mut said = Vec::new();
    match &receipt.entry {
        Some(entry) => {
            let by = if entry.actor.is_empty() { "the program" } else { &entry.actor };
            said.push(("Retired", format!("{}, by {by}", full(entry.at))));
            said.push(("Reason", if entry.reason.is_empty() { "not stated".into() } else { entry.reason.clone() }));
            said.push(("Ledger entry", thousands(entry.seq)));
        }
        None => said.push(("Retired", "not by a person here; the figures are those of now".into())),
    }
    said.push(("Last harvest", last_harvest(&kept.last_harvest)));
    said.push(("Items", items(&kept.items, zone)));
    said.push(("Versions", versions(receipt)));
    said.push(("Media", media(receipt)));
    said.push(("Gaps", gaps(receipt, &full)));
    said.push(("Flags still open", thousands(kept.open_flags)));
    said.push((
        "Last capture",
        match &kept.last_capture {
            Some(capture) => format!("{}, SHA-256 {}", full(capture.at), capture.digest),
            None => "none: nothing was ever read of it".into(),
        },
    ));
    said.push((
        "Checkpoint",
        match (&receipt.covered_by, &kept.checkpoint) {
            (Some(head), _) => format!("{} entries, root {}; it covers all of this", thousands(head.size), head.root),
            (None, Some(head)) => {
                format!("{} entries, root {}; the next one covers this entry", thousands(head.size), head.root)
            }
            (None, None) => "none is signed yet".into(),
        },
    ));
    said
}

fn last_harvest(runs: &[LastRun]) -> String {
    if runs.is_empty() {
        return "none was made: the page could not be read".into();
    }
    let brought: u64 = runs.iter().map(|run| run.versions).sum();
    let short: Vec<String> = runs
        .iter()
        .filter(|run| run.outcome != "complete")
        .map(|run| format!("{} {}: {}", run.mode, run.outcome, run.cause.as_deref().unwrap_or("no cause was recorded")))
        .collect();
    let brought = count(brought, "new version", "new versions");
    match short.is_empty() {
        true => format!("read to the end, {brought}"),
        false => format!("{brought}; what could not be read: {}", short.join("; ")),
    }
}

fn items(items: &[Items], zone: &TimeZone) -> String {
    let day = |at: Timestamp| dates::date(at, zone);
    let one = |items: &Items| {
        let (one, many) = match items.kind {
            Kind::Post => ("post", "posts"),
            Kind::Comment => ("comment", "comments"),
            Kind::Reply => ("reply", "replies"),
            Kind::Story => ("story", "stories"),
            Kind::Video => ("video", "videos"),
            Kind::Profile => ("list of the page's own facts", "lists of the page's own facts"),
        };
        let counted = count(items.count, one, many);
        // A page's own facts bear the day on which the page was made.
        match items.from.zip(items.to).filter(|_| items.kind != Kind::Profile) {
            Some((from, to)) => format!("{counted} ({})", dates::range(day(from), day(to))),
            None => counted,
        }
    };
    if items.is_empty() { "none".into() } else { items.iter().map(one).collect::<Vec<_>>().join(", ") }
}

fn versions(receipt: &Receipt) -> String {
    let counted = thousands(receipt.kept.versions);
    match receipt.kept.entries {
        Some((first, last)) => format!("{counted}, in ledger entries {} to {}", thousands(first), thousands(last)),
        None => counted,
    }
}

fn media(receipt: &Receipt) -> String {
    let kept = &receipt.kept;
    let files = format!("{}, {} bytes", count(kept.media_files, "file", "files"), thousands(kept.media_bytes));
    match kept.media_not_had {
        0 => files,
        n => format!("{files}; {} could not be had", thousands(n)),
    }
}

fn gaps(receipt: &Receipt, full: &impl Fn(Timestamp) -> String) -> String {
    let time = |at: Option<Timestamp>, none: &str| at.map_or_else(|| none.to_owned(), full);
    let one = |gap: &retired::Gap| {
        format!("{} to {}: {}", time(gap.from, "the beginning"), time(gap.to, "the end"), gap.cause)
    };
    let mut said: Vec<String> = receipt.kept.gaps.iter().map(one).collect();
    if receipt.kept.item_gaps > 0 {
        said.push(format!("{} not held in whole", count(receipt.kept.item_gaps, "item is", "items are")));
    }
    if said.is_empty() { "no gap since it was registered".into() } else { said.join("; ") }
}
