//! The media of items: what is still wanted, and what became of it.

use anyhow::Result;
use rusqlite::{Connection, Transaction, params};

use super::ledger::Log;
use super::{at, ms, row_id};
use crate::model::{Media, Timestamp};
use crate::seal::Hash;

/// A medium whose bytes are still to be fetched.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub item_id: i64,
    /// `platform:native_id`.
    pub item: String,
    pub medium: Media,
    pub tries: u32,
}

/// Wanted media of an account whose next try is due, soonest to expire first.
pub fn wanted(conn: &Connection, account: i64, now: Timestamp, limit: u32) -> Result<Vec<Wanted>> {
    let mut statement = conn.prepare_cached(
        "SELECT m.item_id, i.platform || ':' || i.native_id, m.native_id, m.url, m.mime, m.expires_at, m.tries
         FROM media m JOIN items i ON i.id = m.item_id
         WHERE m.state = 'wanted' AND i.page_id = ?1 AND coalesce(m.next_try_at, 0) <= ?2
         ORDER BY coalesce(m.expires_at, 9223372036854775807), m.item_id LIMIT ?3",
    )?;
    let rows = statement.query_map(params![account, ms(now), limit], |row| {
        Ok(Wanted {
            item_id: row.get(0)?,
            item: row.get(1)?,
            medium: Media {
                native_id: row.get(2)?,
                url: row.get(3)?,
                mime: row.get(4)?,
                expires_at: row.get::<_, Option<i64>>(5)?.map(at),
                ..Media::default()
            },
            tries: row.get(6)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The bytes of a medium lie in the archive: a `media` entry names their digest and the version.
pub fn kept(
    tx: &Transaction<'_>,
    wanted: &Wanted,
    sha256: &Hash,
    size: u64,
    mime: &str,
    now: Timestamp,
) -> Result<u64> {
    let fields = [
        ("medium", wanted.medium.native_id.clone()),
        ("sha256", hex::encode(sha256)),
        ("size", size.to_string()),
        ("mime", mime.to_owned()),
    ];
    let seq = Log::open(tx)?.record(now, "media", Some(&wanted.item), None, &fields)?;
    tx.execute(
        "UPDATE media SET state = 'kept', sha256 = ?3, size = ?4, mime = ?5, url = NULL, cause = NULL, seq = ?6
         WHERE item_id = ?1 AND native_id = ?2",
        params![wanted.item_id, wanted.medium.native_id, sha256, i64::try_from(size)?, mime, row_id(seq)],
    )?;
    Ok(seq)
}

/// A try failed: another is due later, unless the link has expired by then. What is lost is a gap on the item.
pub fn not_had(tx: &Transaction<'_>, account: i64, wanted: &Wanted, cause: &str, now: Timestamp) -> Result<()> {
    let wait = 60_000 << wanted.tries.min(10);
    let next = ms(now) + wait;
    let lost = wanted.medium.expires_at.is_some_and(|expires| ms(expires) <= next) || wanted.tries >= 8;
    tx.execute(
        "UPDATE media SET tries = tries + 1, next_try_at = ?3, cause = ?4, state = ?5 WHERE item_id = ?1 AND native_id = ?2",
        params![wanted.item_id, wanted.medium.native_id, next, cause, if lost { "lost" } else { "wanted" }],
    )?;
    if lost {
        let slug: String = tx.query_row("SELECT slug FROM accounts WHERE id = ?1", [account], |row| row.get(0))?;
        let fields = [
            ("stream", "media".to_owned()),
            ("kind", "shortfall".to_owned()),
            ("cause", format!("{}: {cause}", wanted.item)),
        ];
        let seq = Log::open(tx)?.record(now, "coverage", Some(&slug), None, &fields)?;
        tx.execute(
            "INSERT INTO coverage (account_id, stream, kind, gap_kind, cause, item_id, opened_seq)
             VALUES (?1, 'media', 'gap', 'shortfall', ?2, ?3, ?4)",
            params![account, cause, wanted.item_id, row_id(seq)],
        )?;
    }
    Ok(())
}

/// Digest and size of every medium that is kept, for `verify`.
pub fn all_kept(conn: &Connection) -> Result<Vec<(Hash, i64)>> {
    let mut statement = conn.prepare("SELECT DISTINCT sha256, size FROM media WHERE state = 'kept' ORDER BY sha256")?;
    Ok(statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?)
}
