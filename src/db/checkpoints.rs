//! Signed tree heads.

use anyhow::Result;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::{at, ms, row_id, seq};
use crate::model::Timestamp;
use crate::seal::Hash;

/// A checkpoint as kept: the whole signed note with its size and root.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    pub size: u64,
    pub at: Timestamp,
    pub root: Hash,
    pub note: String,
}

/// Keeps a checkpoint; one of a size that is there already stays.
pub fn keep(tx: &Transaction<'_>, new: &Checkpoint) -> Result<()> {
    tx.execute(
        "INSERT INTO checkpoints (size, at, root, note) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
        params![row_id(new.size), ms(new.at), new.root, new.note],
    )?;
    Ok(())
}

/// The newest checkpoint.
pub fn newest(conn: &Connection) -> Result<Option<Checkpoint>> {
    Ok(select(conn, "ORDER BY size DESC LIMIT 1")?.pop())
}

/// All checkpoints, oldest first.
pub fn all(conn: &Connection) -> Result<Vec<Checkpoint>> {
    select(conn, "ORDER BY size")
}

fn select(conn: &Connection, rest: &str) -> Result<Vec<Checkpoint>> {
    let mut statement = conn.prepare_cached(&format!("SELECT size, at, root, note FROM checkpoints {rest}"))?;
    let rows = statement.query_map([], |row| {
        Ok(Checkpoint { size: seq(row.get(0)?), at: at(row.get(1)?), root: row.get(2)?, note: row.get(3)? })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The log's name, fixed when the archive was made.
pub fn origin(conn: &Connection) -> Result<String> {
    Ok(conn.query_row("SELECT origin FROM archive", [], |row| row.get(0))?)
}

/// When an administrator went live; `None`: mails are previews.
pub fn went_live_at(conn: &Connection) -> Result<Option<Timestamp>> {
    let found: Option<Option<i64>> =
        conn.query_row("SELECT went_live_at FROM archive", [], |row| row.get(0)).optional()?;
    Ok(found.flatten().map(at))
}
