//! How the archive fares, in figures: for `/healthz`, `/metrics` and the overview.

use std::collections::BTreeMap;

use anyhow::Result;
use rusqlite::{Connection, OptionalExtension as _};
use serde::Serialize;

use super::alerts::concerns;
use super::standing::{PAST, is_open};
use super::{at, seq};
use crate::model::{Severity, Timestamp};

/// Figures that cost little to gather, however big the archive.
#[derive(Debug, Clone)]
pub struct Figures {
    /// Entries of the ledger.
    pub entries: u64,
    /// The highest row of an item: how many are known, those known only by reference included.
    pub items: u64,
    /// How far each view has followed the ledger.
    pub followed: BTreeMap<String, u64>,
    /// When the oldest entry was written that some view has not followed yet.
    pub behind_since: Option<Timestamp>,
    pub mails: Mails,
    pub open_flags: BTreeMap<Severity, u64>,
    /// Open flags of the four concern categories on items that nobody has opened, and the oldest of them.
    pub unseen_concerns: u64,
    pub oldest_unseen: Option<Timestamp>,
    /// The same of what a backfill, an import or a changed pack turned up.
    pub unseen_past: u64,
    /// The newest signed checkpoint.
    pub checkpoint: Option<(u64, Timestamp)>,
    pub went_live_at: Option<Timestamp>,
}

/// How the outgoing mail stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Mails {
    /// Stored and not yet accepted by the mail server.
    pub waiting: u64,
    /// Of those, tried at least once.
    pub tried: u64,
    /// When the oldest one that was tried was stored.
    pub since: Option<Timestamp>,
    /// Refused for good by the mail server.
    pub refused: u64,
    /// What the server, or the network, answered last.
    pub answer: Option<String>,
}

/// Gathers the figures.
pub fn figures(conn: &Connection) -> Result<Figures> {
    let count = |sql: &str| -> Result<u64> { Ok(seq(conn.prepare_cached(sql)?.query_row([], |row| row.get(0))?)) };
    let entries = count("SELECT coalesce(max(seq), 0) FROM ledger")?;
    let followed = followed(conn)?;
    let unseen = format!(
        "SELECT count(*), min(f.first_flagged_at) FROM flags f WHERE {PAST} = ?1 AND f.category IN ({}) AND {}
           AND NOT EXISTS (SELECT 1 FROM openings o WHERE o.item_id = f.item_id AND o.kind = 'exposure')",
        concerns(),
        is_open()
    );
    let unseen = |past: bool| -> Result<(i64, Option<i64>)> {
        Ok(conn.prepare_cached(&unseen)?.query_row([past], |row| Ok((row.get(0)?, row.get(1)?)))?)
    };
    let (unseen_concerns, oldest_unseen) = unseen(false)?;
    Ok(Figures {
        entries,
        items: count("SELECT coalesce(max(id), 0) FROM items")?,
        behind_since: behind_since(conn, &followed)?,
        followed,
        mails: mails(conn)?,
        open_flags: open_flags(conn)?,
        unseen_concerns: seq(unseen_concerns),
        oldest_unseen: oldest_unseen.map(at),
        unseen_past: seq(unseen(true)?.0),
        checkpoint: checkpoint(conn)?,
        went_live_at: conn
            .query_row("SELECT went_live_at FROM archive", [], |row| row.get::<_, Option<i64>>(0))?
            .map(at),
    })
}

fn followed(conn: &Connection) -> Result<BTreeMap<String, u64>> {
    let mut statement = conn.prepare_cached("SELECT view, seq FROM watermarks")?;
    let pair = statement.query_map([], |row| Ok((row.get(0)?, seq(row.get(1)?))))?;
    Ok(pair.collect::<rusqlite::Result<_>>()?)
}

fn behind_since(conn: &Connection, followed: &BTreeMap<String, u64>) -> Result<Option<Timestamp>> {
    let Some(last) = followed.values().min() else { return Ok(None) };
    let mut statement = conn.prepare_cached("SELECT at FROM ledger WHERE seq = ?1")?;
    let found: Option<i64> = statement.query_row([super::row_id(last + 1)], |row| row.get(0)).optional()?;
    Ok(found.map(at))
}

fn mails(conn: &Connection) -> Result<Mails> {
    let mut statement = conn.prepare_cached(
        "SELECT count(*), count(*) FILTER (WHERE tries > 0), min(stored_at) FILTER (WHERE tries > 0)
         FROM mails WHERE sent_at IS NULL AND refused_at IS NULL",
    )?;
    let (waiting, tried, since): (i64, i64, Option<i64>) =
        statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let refused: i64 =
        conn.query_row("SELECT count(*) FROM mails WHERE refused_at IS NOT NULL", [], |row| row.get(0))?;
    let answer: Option<Option<String>> = conn
        .query_row("SELECT answer FROM mails WHERE sent_at IS NULL AND tries > 0 ORDER BY id DESC LIMIT 1", [], |row| {
            row.get(0)
        })
        .optional()?;
    Ok(Mails {
        waiting: seq(waiting),
        tried: seq(tried),
        since: since.map(at),
        refused: seq(refused),
        answer: answer.flatten(),
    })
}

fn open_flags(conn: &Connection) -> Result<BTreeMap<Severity, u64>> {
    let mut statement = conn
        .prepare_cached(&format!("SELECT f.severity, count(*) FROM flags f WHERE {} GROUP BY f.severity", is_open()))?;
    let pair = statement.query_map([], |row| Ok((row.get(0)?, seq(row.get(1)?))))?;
    Ok(pair.collect::<rusqlite::Result<_>>()?)
}

fn checkpoint(conn: &Connection) -> Result<Option<(u64, Timestamp)>> {
    let mut statement = conn.prepare_cached("SELECT size, at FROM checkpoints ORDER BY size DESC LIMIT 1")?;
    Ok(statement.query_row([], |row| Ok((seq(row.get(0)?), at(row.get(1)?)))).optional()?)
}

/// Whom a mail went to, by the part of its Message-ID before the `@`.
pub fn recipient_of(conn: &Connection, mail: &str) -> Result<Option<String>> {
    let mut statement = conn.prepare_cached(
        "SELECT recipient FROM mails WHERE message_id > '<' || ?1 || '@' AND message_id < '<' || ?1 || 'A' LIMIT 1",
    )?;
    Ok(statement.query_row([mail], |row| row.get(0)).optional()?)
}

/// A weekly report as it was sent.
#[derive(Debug, Clone)]
pub struct Report {
    pub id: i64,
    pub week: String,
    pub made_at: Timestamp,
    pub subject: String,
    pub text: String,
}

/// The weekly reports, newest first.
pub fn reports(conn: &Connection) -> Result<Vec<Report>> {
    let mut statement = conn.prepare_cached("SELECT id, week, made_at, subject, text FROM reports ORDER BY id DESC")?;
    let rows = statement.query_map([], |row| {
        Ok(Report {
            id: row.get(0)?,
            week: row.get(1)?,
            made_at: at(row.get(2)?),
            subject: row.get(3)?,
            text: row.get(4)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
