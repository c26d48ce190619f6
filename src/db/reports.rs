//! Weekly reports as they were sent, and what they are made from.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use super::alerts::{OPENED, fresh_ms, from_the_past};
use super::flags::FlagKey;
use super::ledger::{self, Log};
use super::standing::{counts, is_open};
use super::{at, inputs, mails, ms, row_id, seq};
use crate::model::{Category, Change, Kind, Role, Severity, Timestamp};
use crate::seal::{self, Hash};

/// A report as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub id: i64,
    pub week: String,
    /// It covers the entries after this one …
    pub from_seq: u64,
    /// … up to and with this one.
    pub to_seq: u64,
    pub made_at: Timestamp,
    pub subject: String,
    pub text: String,
    pub html: String,
    /// What its numbers counted, as JSON.
    pub lists: String,
}

const SELECT: &str = "SELECT id, week, from_seq, to_seq, made_at, subject, text, html, lists FROM reports";

fn report(row: &Row<'_>) -> rusqlite::Result<Report> {
    Ok(Report {
        id: row.get(0)?,
        week: row.get(1)?,
        from_seq: seq(row.get(2)?),
        to_seq: seq(row.get(3)?),
        made_at: at(row.get(4)?),
        subject: row.get(5)?,
        text: row.get(6)?,
        html: row.get(7)?,
        lists: row.get(8)?,
    })
}

/// The newest report.
pub fn latest(conn: &Connection) -> Result<Option<Report>> {
    Ok(conn.query_row(&format!("{SELECT} ORDER BY to_seq DESC, id DESC LIMIT 1"), [], report).optional()?)
}

/// The newest report of an ISO week, as in *2026-W47*.
pub fn of_week(conn: &Connection, week: &str) -> Result<Option<Report>> {
    Ok(conn.query_row(&format!("{SELECT} WHERE week = ?1 ORDER BY to_seq DESC LIMIT 1"), [week], report).optional()?)
}

/// One report.
pub fn by_id(conn: &Connection, id: i64) -> Result<Option<Report>> {
    Ok(conn.query_row(&format!("{SELECT} WHERE id = ?1"), [id], report).optional()?)
}

/// Every report's id, week, time and subject, the newest first.
pub fn list(conn: &Connection) -> Result<Vec<(i64, String, Timestamp, String)>> {
    let mut statement = conn.prepare_cached("SELECT id, week, made_at, subject FROM reports ORDER BY to_seq DESC")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, at(row.get(2)?), row.get(3)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Stores a report with its ledger entry and its mails, all of it together. It must follow the newest one without a hole.
pub fn store(tx: &Transaction<'_>, report: &Report, letters: &[mails::New]) -> Result<u64> {
    let newest = latest(tx)?;
    let (next_id, next_from) = newest.map_or((1, 0), |last| (last.id + 1, last.to_seq));
    ensure!(
        (report.id, report.from_seq) == (next_id, next_from),
        "another report was made in the meantime: run it again to see that one"
    );
    let fields = [
        ("week", report.week.clone()),
        ("from_seq", report.from_seq.to_string()),
        ("to_seq", report.to_seq.to_string()),
        ("digest", hex::encode(seal::sha256(report.lists.as_bytes()))),
    ];
    let entry = Log::open(tx)?.record(report.made_at, "report", Some(&report.week), None, &fields)?;
    tx.execute(
        "INSERT INTO reports (id, week, from_seq, to_seq, made_at, subject, text, html, lists, seq)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            report.id,
            report.week,
            row_id(report.from_seq),
            row_id(report.to_seq),
            ms(report.made_at),
            report.subject,
            report.text,
            report.html,
            report.lists,
            row_id(entry)
        ],
    )?;
    for letter in letters {
        mails::put(tx, letter, report.made_at)?;
    }
    Ok(entry)
}

/// The entry up to which a report can be made that begins after `from`: the newest, or the last one that the flags have
/// followed while they are behind, so that no flag falls between two reports.
pub fn end(conn: &Connection, from: u64) -> Result<u64> {
    let followed = inputs::watermark(conn, "flags")?.map(|(seq, ..)| seq);
    let size = ledger::size(conn)?;
    let Some(followed) = followed.filter(|followed| *followed > from && *followed < size) else { return Ok(size) };
    let behind: bool = conn
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM versions WHERE seq > ?1)")?
        .query_row([row_id(followed)], |row| row.get(0))?;
    Ok(if behind { followed } else { size })
}

/// When the archive was made.
pub fn archive_made_at(conn: &Connection) -> Result<Timestamp> {
    let made: i64 = conn.query_row("SELECT created_at FROM archive", [], |row| row.get(0))?;
    Ok(at(made))
}

/// A flag as a report counts it.
#[derive(Debug, Clone)]
pub struct Flag {
    pub flag: FlagKey,
    pub item: String,
    pub item_id: i64,
    pub account: String,
    pub kind: Kind,
    pub role: Role,
    pub category: Category,
    pub severity: Severity,
    pub version: u64,
    pub created_at: Option<Timestamp>,
    pub entered_at: Timestamp,
    /// Turned up by a backfill, an import or a changed pack, or written long before it was first seen.
    pub past: bool,
    pub reviewed: bool,
    /// Somebody has opened the item since.
    pub opened: bool,
}

/// Flags on versions up to `to` that are open, or on versions after `from`; the most severe first, then the newest.
pub fn flags(conn: &Connection, from: u64, to: u64, fresh_days: u32) -> Result<Vec<Flag>> {
    let (past, counts, is_open) = (from_the_past(), counts(), is_open());
    let mut statement = conn.prepare_cached(&format!(
        "SELECT f.flag, i.platform || ':' || i.native_id, f.item_id, a.slug, i.kind, i.role, f.category, f.severity,
           f.version_seq, i.created_at, l.at, {past}, NOT {is_open} AS reviewed,
           {OPENED}
         FROM flags f JOIN items i ON i.id = f.item_id JOIN accounts a ON a.id = i.account_id
           JOIN ledger l ON l.seq = f.version_seq
         WHERE {counts} AND f.version_seq <= ?3 AND (f.version_seq > ?2 OR NOT reviewed)
         ORDER BY CASE f.severity WHEN 'critical' THEN 0 WHEN 'high' THEN 1 WHEN 'medium' THEN 2 ELSE 3 END,
           f.version_seq DESC, f.flag"
    ))?;
    let rows = statement.query_map(params![fresh_ms(fresh_days), row_id(from), row_id(to)], |row| {
        Ok(Flag {
            flag: row.get(0)?,
            item: row.get(1)?,
            item_id: row.get(2)?,
            account: row.get(3)?,
            kind: row.get(4)?,
            role: row.get(5)?,
            category: row.get(6)?,
            severity: row.get(7)?,
            version: seq(row.get(8)?),
            created_at: row.get::<_, Option<i64>>(9)?.map(at),
            entered_at: at(row.get(10)?),
            past: row.get::<_, Option<bool>>(11)?.unwrap_or(false),
            reviewed: row.get(12)?,
            opened: row.get(13)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The words of a post of the district's own, unless a flag on any of its versions says that they are somebody's private
/// matter or a concern: then nothing of it goes into a mail, whatever else the post is flagged for.
pub fn own_words(conn: &Connection, flag: &Flag) -> Result<Option<String>> {
    if flag.role != Role::District || !flag.kind.is_root() {
        return Ok(None);
    }
    let mut statement = conn.prepare_cached("SELECT DISTINCT category FROM flags WHERE item_id = ?1")?;
    let categories =
        statement.query_map([flag.item_id], |row| row.get(0))?.collect::<rusqlite::Result<Vec<Category>>>()?;
    if categories.iter().any(|category| is_private(*category)) {
        return Ok(None);
    }
    let mut statement = conn.prepare_cached("SELECT text FROM versions WHERE seq = ?1")?;
    let text: Option<Option<String>> = statement.query_row([row_id(flag.version)], |row| row.get(0)).optional()?;
    Ok(text.flatten().filter(|text| !text.trim().is_empty()))
}

/// Of these a mail says the kind alone.
fn is_private(category: Category) -> bool {
    category.is_concern() || category.as_str().starts_with("pii_") || category == Category::StudentImage
}

/// What was kept of one account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Kept {
    pub posts: u64,
    pub comments: u64,
    pub edits: u64,
    pub hidden: u64,
    pub missing: u64,
}

impl Kept {
    pub fn add(&mut self, other: &Kept) {
        self.posts += other.posts;
        self.comments += other.comments;
        self.edits += other.edits;
        self.hidden += other.hidden;
        self.missing += other.missing;
    }

    fn count(&mut self, kind: Kind, change: Change, n: u64) {
        match (change, kind) {
            (_, Kind::Profile) => {}
            (Change::Created, kind) if kind.is_root() => self.posts += n,
            (Change::Created, _) => self.comments += n,
            (Change::Edited, _) => self.edits += n,
            (Change::Hidden, _) => self.hidden += n,
            (Change::Missing, _) => self.missing += n,
            (Change::Shown | Change::Gone | Change::Restored, _) => {}
        }
    }
}

/// What the version entries after `from` up to `to` say, by account. Imported versions do not count. The ledger never changes,
/// so the same range gives the same figures for good.
pub fn kept(conn: &Connection, from: u64, to: u64) -> Result<BTreeMap<String, Kept>> {
    let mut statement = conn.prepare_cached(
        "SELECT a.slug, i.kind, v.change, count(*) FROM versions v JOIN captures c ON c.id = v.capture_id
           JOIN items i ON i.id = v.item_id JOIN accounts a ON a.id = i.account_id
         WHERE v.seq > ?1 AND v.seq <= ?2 AND c.origin = 'harvest' GROUP BY a.slug, i.kind, v.change",
    )?;
    let mut rows = statement.query(params![row_id(from), row_id(to)])?;
    let mut found: BTreeMap<String, Kept> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let slug: String = row.get(0)?;
        found.entry(slug).or_default().count(row.get(1)?, row.get(2)?, seq(row.get(3)?));
    }
    Ok(found)
}

/// A figure of [`Kept`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Figure {
    Posts,
    Comments,
    Edits,
    Hidden,
    Missing,
}

/// The versions that a figure of a range counted, in order: what its link opens. As many as `limit` after the version `after`.
pub fn counted(
    conn: &Connection,
    from: u64,
    to: u64,
    figure: Figure,
    after: u64,
    limit: u32,
) -> Result<Vec<(u64, i64)>> {
    let which = match figure {
        Figure::Posts => "v.change = 'created' AND i.kind IN ('post', 'story', 'video')",
        Figure::Comments => "v.change = 'created' AND i.kind IN ('comment', 'reply')",
        Figure::Edits => "v.change = 'edited'",
        Figure::Hidden => "v.change = 'hidden'",
        Figure::Missing => "v.change = 'missing'",
    };
    let mut statement = conn.prepare_cached(&format!(
        "SELECT v.seq, v.item_id FROM versions v JOIN captures c ON c.id = v.capture_id JOIN items i ON i.id = v.item_id
         WHERE v.seq > max(?1, ?3) AND v.seq <= ?2 AND c.origin = 'harvest' AND i.kind <> 'profile' AND {which}
         ORDER BY v.seq LIMIT ?4"
    ))?;
    let rows = statement.query_map(params![row_id(from), row_id(to), row_id(after), limit], |row| {
        Ok((seq(row.get(0)?), row.get(1)?))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// A time in which an account was not read.
#[derive(Debug, Clone)]
pub struct Gap {
    pub account: String,
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    pub cause: String,
}

/// Gaps of whole accounts that were found after the entry `from`, are open, or ended after `since`.
pub fn gaps(conn: &Connection, from: u64, to: u64, since: Timestamp) -> Result<Vec<Gap>> {
    let mut statement = conn.prepare_cached(
        "SELECT a.slug, c.from_at, c.to_at, coalesce(c.cause, '') FROM coverage c JOIN accounts a ON a.id = c.account_id
         WHERE c.kind = 'gap' AND c.item_id IS NULL AND c.gap_kind IN ('missing', 'not_watched') AND c.opened_seq <= ?2
           AND (c.opened_seq > ?1 OR c.closed_at IS NULL OR c.closed_at > ?3)
         ORDER BY a.slug, c.id",
    )?;
    let rows = statement.query_map(params![row_id(from), row_id(to), ms(since)], |row| {
        Ok(Gap {
            account: row.get(0)?,
            from: row.get::<_, Option<i64>>(1)?.map(at),
            to: row.get::<_, Option<i64>>(2)?.map(at),
            cause: row.get(3)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// How the record itself stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    pub entries: u64,
    /// When `verify` last looked at everything, and whether it found a fault.
    pub checked: Option<(Timestamp, bool)>,
    /// The root of the newest checkpoint.
    pub checkpoint: Option<Hash>,
}

/// The record's size, its last check and its newest checkpoint.
pub fn record(conn: &Connection) -> Result<Record> {
    let checked: Option<(i64, String)> = conn
        .query_row(
            "SELECT ended_at, outcome FROM jobs WHERE name = 'verify' AND outcome IN ('done', 'failed')
             ORDER BY scheduled_at DESC LIMIT 1",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()
        .context("the last check of the record")?;
    let checkpoint =
        conn.query_row("SELECT root FROM checkpoints ORDER BY size DESC LIMIT 1", [], |row| row.get(0)).optional()?;
    Ok(Record {
        entries: ledger::size(conn)?,
        checked: checked.map(|(when, outcome)| (at(when), outcome == "done")),
        checkpoint,
    })
}
