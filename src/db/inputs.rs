//! What derived views depend on beside items: packs, the district's facts, the legal basis. The newest row of a kind is in force.

use anyhow::Result;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::ledger::Log;
use super::{ms, row_id};
use crate::model::Timestamp;
use crate::seal::{self, Hash};

/// The kind of the rule packs.
pub const PACKS: &str = "packs";

/// Puts an input in force: a ledger entry with its text kept. Nothing happens when the same text is in force already.
pub fn put(tx: &Transaction<'_>, kind: &'static str, text: &str, now: Timestamp) -> Result<bool> {
    put_by(tx, kind, text, None, now)
}

/// As [`put`], by a person.
pub fn put_by(
    tx: &Transaction<'_>,
    kind: &'static str,
    text: &str,
    actor: Option<&str>,
    now: Timestamp,
) -> Result<bool> {
    let digest = seal::sha256(text.as_bytes());
    if in_force(tx, kind)?.is_some_and(|(known, _)| known == digest) {
        return Ok(false);
    }
    let fields = [("digest", hex::encode(digest)), ("text", text.to_owned())];
    let seq = Log::open(tx)?.record(now, "input", Some(kind), actor, &fields)?;
    tx.execute(
        "INSERT INTO inputs (seq, kind, digest, text, at) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![row_id(seq), kind, digest, text, ms(now)],
    )?;
    Ok(true)
}

/// Digest and text of the input of a kind that is in force.
pub fn in_force(conn: &Connection, kind: &str) -> Result<Option<(Hash, String)>> {
    let mut statement =
        conn.prepare_cached("SELECT digest, text FROM inputs WHERE kind = ?1 ORDER BY seq DESC LIMIT 1")?;
    Ok(statement.query_row([kind], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
}

/// How far a view has come, with which inputs and code. `None`: it has never run.
pub fn watermark(conn: &Connection, view: &str) -> Result<Option<(u64, Hash, i64)>> {
    let mut statement = conn.prepare_cached("SELECT seq, inputs, code FROM watermarks WHERE view = ?1")?;
    Ok(statement.query_row([view], |row| Ok((super::seq(row.get(0)?), row.get(1)?, row.get(2)?))).optional()?)
}

/// Notes how far a view has come.
pub fn set_watermark(tx: &Transaction<'_>, view: &str, seq: u64, inputs: &Hash, code: i64) -> Result<()> {
    tx.prepare_cached(
        "INSERT INTO watermarks (view, seq, inputs, code) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (view) DO UPDATE SET seq = excluded.seq, inputs = excluded.inputs, code = excluded.code",
    )?
    .execute(params![view, row_id(seq), inputs, code])?;
    Ok(())
}
