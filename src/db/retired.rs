//! Pages that are given up: the wish, the entry that ends them, and the receipt of what is kept.

use anyhow::{Context as _, Result, ensure};
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction};
use serde::{Deserialize, Serialize};

use super::accounts::{self, Account};
use super::ledger::Log;
use super::{at, checkpoints, findings, flags, seq};
use crate::model::{AccountStatus, Kind, Timestamp};
use crate::seal::Hash;

/// A person wants a page retired once it has been read for a last time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    pub slug: String,
    pub reason: String,
    pub actor: String,
    pub at: Timestamp,
}

/// How one run of the last harvest ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRun {
    pub mode: String,
    pub outcome: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Versions that it brought.
    pub versions: u64,
}

/// What is kept of a page.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    pub items: Vec<Items>,
    pub versions: u64,
    pub media_files: u64,
    pub media_bytes: u64,
    /// Media that posts name and nobody could fetch.
    pub media_not_had: u64,
    pub gaps: Vec<Gap>,
    /// Items of which something is not held.
    pub item_gaps: u64,
    pub open_flags: u64,
    pub last_capture: Option<Capture>,
    /// The first and the last ledger entry that holds one of its versions.
    pub entries: Option<(u64, u64)>,
    /// The newest signed checkpoint of that moment.
    pub checkpoint: Option<Head>,
    /// Empty: it was retired without a last harvest.
    pub last_harvest: Vec<LastRun>,
}

/// Items of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Items {
    pub kind: Kind,
    pub count: u64,
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
}

/// A time that was not watched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    pub cause: String,
}

/// The newest exchange with the platform over the page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capture {
    pub at: Timestamp,
    pub digest: String,
}

/// A signed checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    pub size: u64,
    pub root: String,
}

/// A retired page with what is kept of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Receipt {
    pub account: String,
    pub title: String,
    /// The ledger entry by which it was retired, when, by whom and why. `None`: an import of the register says so.
    pub entry: Option<Entry>,
    #[serde(flatten)]
    pub kept: Kept,
    /// The first signed checkpoint that covers the entry; `None` until it is signed.
    pub covered_by: Option<Head>,
}

/// How a page was retired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    pub seq: u64,
    pub at: Timestamp,
    pub actor: String,
    pub reason: String,
}

/// Takes note that a page is to be retired after a last harvest.
pub fn ask(tx: &Transaction<'_>, slug: &str, reason: &str, actor: &str, now: Timestamp) -> Result<()> {
    still_there(tx, slug)?;
    let fields = [("change", "retiring".to_owned()), ("reason", reason.to_owned())];
    Log::open(tx)?.record(now, "account", Some(slug), Some(actor), &fields)?;
    Ok(())
}

/// Takes the wish back: the page stays.
pub fn take_back(tx: &Transaction<'_>, slug: &str, actor: &str, now: Timestamp) -> Result<()> {
    if wish(tx, slug)?.is_some() {
        Log::open(tx)?.record(now, "account", Some(slug), Some(actor), &[("change", "stays".to_owned())])?;
    }
    Ok(())
}

fn still_there(conn: &Connection, slug: &str) -> Result<Account> {
    let account = accounts::by_slug(conn, slug)?.with_context(|| format!("{slug} is not in the register"))?;
    ensure!(account.status != AccountStatus::Retired, "{slug} is retired already");
    Ok(account)
}

/// Every wish that nobody has taken back and that is not fulfilled.
pub fn wishes(conn: &Connection) -> Result<Vec<Wish>> {
    some_wishes(conn, None)
}

/// The wish to retire a page.
pub fn wish(conn: &Connection, slug: &str) -> Result<Option<Wish>> {
    Ok(some_wishes(conn, Some(slug))?.pop())
}

fn some_wishes(conn: &Connection, slug: Option<&str>) -> Result<Vec<Wish>> {
    let mut statement = conn.prepare_cached(
        "SELECT l.subject, e.fields ->> 'reason', coalesce(l.actor, ''), l.at
         FROM ledger l JOIN entries e USING (seq) JOIN accounts a ON a.slug = l.subject AND a.status <> 'retired'
         WHERE l.kind = 'account' AND e.fields ->> 'change' = 'retiring' AND l.subject = coalesce(?1, l.subject)
           AND NOT EXISTS (SELECT 1 FROM ledger n JOIN entries f USING (seq) WHERE n.kind = 'account'
             AND n.subject = l.subject AND n.seq > l.seq AND f.fields ->> 'change' IN ('retiring', 'retired', 'stays'))
         ORDER BY l.seq",
    )?;
    let rows = statement.query_map([slug], |row| {
        Ok(Wish { slug: row.get(0)?, reason: row.get(1)?, actor: row.get(2)?, at: at(row.get(3)?) })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Retires a page: one entry with the reason and what is kept, its open findings withdrawn.
pub fn retire(
    tx: &Transaction<'_>,
    slug: &str,
    reason: &str,
    actor: &str,
    last_harvest: Vec<LastRun>,
    now: Timestamp,
) -> Result<()> {
    let account = still_there(tx, slug)?;
    let kept = Kept { last_harvest, ..kept(tx, account.id)? };
    findings::withdraw(tx, account.id, now)?;
    let mut row = account.row;
    row.status = AccountStatus::Retired.to_string();
    let more = [("reason", reason.to_owned()), ("kept", serde_json::to_string(&kept)?)];
    accounts::state(tx, row, "retired", &more, Some(actor), now)
}

/// What is kept of a page: as it stood when a person retired it, else as it stands.
pub fn receipt(conn: &Connection, account: &Account) -> Result<Receipt> {
    let slug = &account.row.slug;
    let entry = if account.status == AccountStatus::Retired { retired_by(conn, slug)? } else { None };
    let (entry, kept) = match entry {
        Some((entry, Some(kept))) => (Some(entry), serde_json::from_str(&kept).context("what a receipt says")?),
        other => (other.map(|(entry, _)| entry), kept(conn, account.id)?),
    };
    let covered_by = entry.as_ref().map(|entry| head_of(conn, entry.seq)).transpose()?.flatten();
    Ok(Receipt { account: slug.clone(), title: account.title(), entry, kept, covered_by })
}

fn retired_by(conn: &Connection, slug: &str) -> Result<Option<(Entry, Option<String>)>> {
    let mut statement = conn.prepare_cached(
        "SELECT l.seq, l.at, coalesce(l.actor, ''), coalesce(e.fields ->> 'reason', ''), e.fields ->> 'kept'
         FROM ledger l JOIN entries e USING (seq) WHERE l.kind = 'account' AND l.subject = ?1
           AND e.fields ->> 'change' = 'retired' ORDER BY l.seq DESC LIMIT 1",
    )?;
    let read = |row: &Row<'_>| {
        let entry = Entry { seq: seq(row.get(0)?), at: at(row.get(1)?), actor: row.get(2)?, reason: row.get(3)? };
        Ok((entry, row.get(4)?))
    };
    Ok(statement.query_row([slug], read).optional()?)
}

fn head_of(conn: &Connection, entry: u64) -> Result<Option<Head>> {
    let covers = |one: &checkpoints::Checkpoint| one.size >= entry;
    Ok(checkpoints::all(conn)?.into_iter().filter(covers).min_by_key(|one| one.size).map(head))
}

fn head(one: checkpoints::Checkpoint) -> Head {
    Head { size: one.size, root: hex::encode(one.root) }
}

fn kept(conn: &Connection, account: i64) -> Result<Kept> {
    let (versions, first, last): (i64, Option<i64>, Option<i64>) = conn.query_row(
        "SELECT count(*), min(v.seq), max(v.seq) FROM versions v JOIN items i ON i.id = v.item_id WHERE i.account_id = ?1",
        [account],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?;
    let (media_files, media_bytes): (i64, i64) = conn.query_row(
        "SELECT count(*), coalesce(sum(size), 0) FROM (SELECT DISTINCT m.sha256, m.size FROM media m
           JOIN items i ON i.id = m.item_id WHERE i.account_id = ?1 AND m.state = 'kept')",
        [account],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let count = |sql: &str| -> Result<u64> { Ok(seq(conn.query_row(sql, [account], |row| row.get(0))?)) };
    Ok(Kept {
        items: items(conn, account)?,
        versions: seq(versions),
        media_files: seq(media_files),
        media_bytes: seq(media_bytes),
        media_not_had: count(
            "SELECT count(*) FROM media m JOIN items i ON i.id = m.item_id WHERE i.account_id = ?1 AND m.state IN ('wanted', 'lost')",
        )?,
        gaps: gaps(conn, account)?,
        item_gaps: count(
            "SELECT count(DISTINCT item_id) FROM coverage WHERE account_id = ?1 AND kind = 'gap' AND item_id IS NOT NULL
               AND closed_at IS NULL",
        )?,
        open_flags: flags::list(conn, false)?.iter().filter(|flag| flag.account == account).count() as u64,
        last_capture: last_capture(conn, account)?,
        entries: first.zip(last).map(|(first, last)| (seq(first), seq(last))),
        checkpoint: checkpoints::newest(conn)?.map(head),
        last_harvest: Vec::new(),
    })
}

fn items(conn: &Connection, account: i64) -> Result<Vec<Items>> {
    let mut statement = conn.prepare_cached(
        "SELECT kind, count(*), min(created_at), max(created_at) FROM items WHERE account_id = ?1 AND kind IS NOT NULL
         GROUP BY kind ORDER BY count(*) DESC, kind",
    )?;
    let rows = statement.query_map([account], |row| {
        let time = |column| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(column)?.map(at));
        Ok(Items { kind: row.get(0)?, count: seq(row.get(1)?), from: time(2)?, to: time(3)? })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn gaps(conn: &Connection, account: i64) -> Result<Vec<Gap>> {
    let mut statement = conn.prepare_cached(
        "SELECT from_at, to_at, coalesce(cause, '') FROM coverage WHERE account_id = ?1 AND kind = 'gap' AND item_id IS NULL
         ORDER BY id",
    )?;
    let rows = statement.query_map([account], |row| {
        let time = |column| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(column)?.map(at));
        Ok(Gap { from: time(0)?, to: time(1)?, cause: row.get(2)? })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn last_capture(conn: &Connection, account: i64) -> Result<Option<Capture>> {
    let mut statement = conn.prepare_cached(
        "SELECT c.at, c.digest FROM harvests h JOIN captures c ON c.harvest_id = h.id WHERE h.account_id = ?1
         ORDER BY h.id DESC, c.id DESC LIMIT 1",
    )?;
    let read = |row: &Row<'_>| {
        let digest: Hash = row.get(1)?;
        Ok(Capture { at: at(row.get(0)?), digest: hex::encode(digest) })
    };
    Ok(statement.query_row([account], read).optional()?)
}
