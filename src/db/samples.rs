//! Items without a flag, drawn for a person to look at: how misses are seen.

use anyhow::{Context as _, Result};
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use super::ledger::Log;
use super::{ms, row_id, seq};
use crate::model::{Category, Timestamp};

/// An item that waits for a look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    pub id: i64,
    pub week: String,
    pub item: i64,
    /// `platform:native_id`
    pub name: String,
    pub account_slug: String,
    pub version: u64,
}

/// What a person saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Nothing that a rule should have found.
    Fine,
    /// A rule should have found this.
    Missed(Category),
}

/// How the looks of one week came out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    pub week: String,
    pub drawn: u64,
    pub looked: u64,
    pub missed: u64,
}

/// Draws up to `count` versions of the entries (from, to] that brought words and no flag. Which ones the ledger's own hashes decide:
/// nobody can choose them, and the same call draws the same. Does nothing for a week that was drawn.
pub fn draw(tx: &Transaction<'_>, week: &str, from: u64, to: u64, count: u32, now: Timestamp) -> Result<usize> {
    let drawn: bool =
        tx.query_row("SELECT EXISTS (SELECT 1 FROM samples WHERE week = ?1)", [week], |row| row.get(0))?;
    if drawn {
        return Ok(0);
    }
    let mut statement = tx.prepare(
        "SELECT v.seq, v.item_id FROM versions v JOIN ledger l ON l.seq = v.seq JOIN items i ON i.id = v.item_id
         WHERE v.seq > ?1 AND v.seq <= ?2 AND v.change IN ('created', 'edited') AND v.text IS NOT NULL AND i.kind <> 'profile'
           AND NOT EXISTS (SELECT 1 FROM flags f WHERE f.item_id = v.item_id)
           AND NOT EXISTS (SELECT 1 FROM samples s WHERE s.version_seq = v.seq)
         ORDER BY l.leaf_hash LIMIT ?3",
    )?;
    let found: Vec<(i64, i64)> = statement
        .query_map(params![row_id(from), row_id(to), count], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    if found.is_empty() {
        return Ok(0);
    }
    let versions: Vec<i64> = found.iter().map(|(version, _)| *version).collect();
    let fields = [("week", week.to_owned()), ("versions", serde_json::to_string(&versions)?)];
    let entry = Log::open(tx)?.record(now, "sample", None, None, &fields)?;
    let mut insert = tx.prepare("INSERT INTO samples (seq, week, item_id, version_seq) VALUES (?1, ?2, ?3, ?4)")?;
    for (version, item) in &found {
        insert.execute(params![row_id(entry), week, item, version])?;
    }
    Ok(found.len())
}

/// What waits, the oldest first.
pub fn waiting(conn: &Connection) -> Result<Vec<Sample>> {
    let mut statement = conn.prepare_cached(&format!("{SELECT} WHERE s.outcome IS NULL ORDER BY s.id"))?;
    Ok(statement.query_map([], read)?.collect::<rusqlite::Result<_>>()?)
}

const SELECT: &str = "SELECT s.id, s.week, s.item_id, i.platform || ':' || i.native_id, a.slug, s.version_seq
     FROM samples s JOIN items i ON i.id = s.item_id JOIN accounts a ON a.id = i.account_id";

fn read(row: &Row<'_>) -> rusqlite::Result<Sample> {
    Ok(Sample {
        id: row.get(0)?,
        week: row.get(1)?,
        item: row.get(2)?,
        name: row.get(3)?,
        account_slug: row.get(4)?,
        version: seq(row.get(5)?),
    })
}

/// Records what a person saw. A second look at the same one is refused.
pub fn look(tx: &Transaction<'_>, id: i64, look: Look, note: &str, actor: &str, now: Timestamp) -> Result<()> {
    let sample = tx.query_row(&format!("{SELECT} WHERE s.id = ?1 AND s.outcome IS NULL"), [id], read).optional()?;
    let sample = sample.with_context(|| format!("no sample that waits has the number {id}"))?;
    let (outcome, category) = match look {
        Look::Fine => ("fine", None),
        Look::Missed(category) => ("missed", Some(category)),
    };
    let mut fields = vec![("version", sample.version.to_string()), ("outcome", outcome.to_owned())];
    fields.extend(category.map(|category| ("category", category.to_string())));
    if !note.is_empty() {
        fields.push(("note", note.to_owned()));
    }
    let entry = Log::open(tx)?.record(now, "sample", Some(&sample.name), Some(actor), &fields)?;
    tx.execute(
        "UPDATE samples SET outcome = ?2, category = ?3, note = ?4, actor = ?5, looked_at = ?6, looked_seq = ?7 WHERE id = ?1",
        params![id, outcome, category, note, actor, ms(now), row_id(entry)],
    )?;
    Ok(())
}

/// How the newest weeks came out, the last one first.
pub fn tallies(conn: &Connection, limit: u32) -> Result<Vec<Tally>> {
    let mut statement = conn.prepare_cached(
        "SELECT week, count(*), count(outcome), count(*) FILTER (WHERE outcome = 'missed')
         FROM samples GROUP BY week ORDER BY max(id) DESC LIMIT ?1",
    )?;
    let rows = statement.query_map([limit], |row| {
        Ok(Tally { week: row.get(0)?, drawn: seq(row.get(1)?), looked: seq(row.get(2)?), missed: seq(row.get(3)?) })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
