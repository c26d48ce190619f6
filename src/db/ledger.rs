//! The append-only log and the Merkle tree over it.

use anyhow::{Context as _, Result};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{at, ms, row_id, seq};
use crate::model::Timestamp;
use crate::seal::{self, Edge, Fields, Hash};

/// How many leaves or nodes make a tile.
const TILE: u64 = 256;

/// Appends to the log inside one transaction. What it knows of the log was read inside that transaction (invariant 2).
#[derive(Debug)]
pub struct Log<'c> {
    conn: &'c Connection,
    next: u64,
    /// Random bytes not yet given out: asking the system for each salt costs more than the salt.
    random: Vec<Hash>,
}

/// How many salts are asked for at once.
const SALTS: usize = 32;

impl<'c> Log<'c> {
    pub fn open(conn: &'c Connection) -> Result<Log<'c>> {
        Ok(Log { conn, next: size(conn)? + 1, random: Vec::new() })
    }

    /// Appends an entry that says what `fields` say, and keeps them.
    pub fn record(
        &mut self,
        now: Timestamp,
        kind: &'static str,
        subject: Option<&str>,
        actor: Option<&str>,
        fields: &[(&'static str, String)],
    ) -> Result<u64> {
        let salt = self.salt()?;
        let mut sealed = Fields::new();
        sealed.text("subject", subject);
        sealed.text("actor", actor);
        fields.iter().for_each(|(name, value)| sealed.put(name, value.as_bytes()));
        let seq = self.append(now, kind, subject, actor, &sealed.commit(kind, &salt))?;
        let fields: serde_json::Map<String, serde_json::Value> =
            fields.iter().map(|(name, value)| ((*name).to_owned(), value.as_str().into())).collect();
        self.conn.prepare_cached("INSERT INTO entries (seq, salt, fields) VALUES (?1, ?2, ?3)")?.execute(params![
            row_id(seq),
            salt,
            serde_json::to_string(&fields)?
        ])?;
        Ok(seq)
    }

    /// Appends a leaf for a commitment whose fields the caller keeps elsewhere.
    pub fn append(
        &mut self,
        now: Timestamp,
        kind: &str,
        subject: Option<&str>,
        actor: Option<&str>,
        commitment: &Hash,
    ) -> Result<u64> {
        let seq = self.next;
        let hash = seal::leaf_hash(&seal::leaf(seq, now, kind, commitment));
        self.conn
            .prepare_cached(
                "INSERT INTO ledger (seq, at, kind, subject, actor, commitment, leaf_hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![row_id(seq), ms(now), kind, subject, actor, commitment, hash])?;
        self.next += 1;
        self.close_tiles(seq)?;
        Ok(seq)
    }

    /// 32 random bytes, each time others.
    pub fn salt(&mut self) -> Result<Hash> {
        if self.random.is_empty() {
            let mut bytes = [0; SALTS * 32];
            getrandom::fill(&mut bytes).context("the system gives no random numbers")?;
            self.random.extend(bytes.as_chunks::<32>().0);
        }
        self.random.pop().context("there are random numbers now")
    }

    /// The number the next entry will have.
    pub fn next_seq(&self) -> u64 {
        self.next
    }

    /// Writes the node of every tile that the entry `size` completes.
    fn close_tiles(&self, size: u64) -> Result<()> {
        let mut level = 0;
        let mut leaves = TILE;
        while size.is_multiple_of(leaves) {
            let idx = size / leaves - 1;
            let hash = seal::root_of(&nodes(self.conn, level, idx * TILE, (idx + 1) * TILE)?);
            self.conn.prepare_cached("INSERT INTO tree (level, idx, hash) VALUES (?1, ?2, ?3)")?.execute(params![
                level + 1,
                row_id(idx),
                hash
            ])?;
            level += 1;
            leaves = leaves.saturating_mul(TILE);
        }
        Ok(())
    }
}

/// How many entries there are: also the number of the newest one.
pub fn size(conn: &Connection) -> Result<u64> {
    let newest: Option<i64> = conn.prepare_cached("SELECT max(seq) FROM ledger")?.query_row([], |row| row.get(0))?;
    Ok(newest.map_or(0, seq))
}

/// The leaf hash of an entry.
pub fn leaf_hash(conn: &Connection, of: u64) -> Result<Option<Hash>> {
    let mut statement = conn.prepare_cached("SELECT leaf_hash FROM ledger WHERE seq = ?1")?;
    Ok(statement.query_row([row_id(of)], |row| row.get(0)).optional()?)
}

/// When the archive's newest entry was written.
pub fn newest_at(conn: &Connection) -> Result<Option<Timestamp>> {
    let newest: Option<i64> =
        conn.query_row("SELECT at FROM ledger ORDER BY seq DESC LIMIT 1", [], |row| row.get(0)).optional()?;
    Ok(newest.map(at))
}

/// Hashes `from..to` of a level: leaf hashes on level 0, roots of complete subtrees of 256^level leaves above.
pub fn nodes(conn: &Connection, level: u32, from: u64, to: u64) -> Result<Vec<Hash>> {
    let sql = match level {
        0 => "SELECT leaf_hash FROM ledger WHERE seq > ?1 AND seq <= ?2 ORDER BY seq",
        _ => "SELECT hash FROM tree WHERE level = ?3 AND idx >= ?1 AND idx < ?2 ORDER BY idx",
    };
    let mut statement = conn.prepare_cached(sql)?;
    let read = |row: &rusqlite::Row<'_>| row.get::<_, Hash>(0);
    let hashes = match level {
        0 => statement.query_map(params![row_id(from), row_id(to)], read)?.collect::<rusqlite::Result<Vec<_>>>()?,
        _ => statement.query_map(params![row_id(from), row_id(to), level], read)?.collect::<rusqlite::Result<_>>()?,
    };
    anyhow::ensure!(hashes.len() as u64 == to - from, "the tree has a hole on level {level} between {from} and {to}");
    Ok(hashes)
}

/// The right edge of the tree over the first `size` entries, from complete subtrees.
pub fn edge(conn: &Connection, size: u64) -> Result<Edge> {
    let mut edge = Edge::default();
    let top = (0..7).rev().find(|level| size >> (8 * level) > 0).unwrap_or(0);
    for level in (0..=top).rev() {
        let to = size >> (8 * level);
        let from = (to >> 8) << 8;
        let from = if level == top { 0 } else { from };
        for hash in nodes(conn, level, from, to)? {
            edge.push(1 << (8 * level), hash);
        }
    }
    Ok(edge)
}

/// One entry, to look at or to verify.
#[derive(Debug, Clone)]
pub struct Entry {
    pub seq: u64,
    pub at: Timestamp,
    pub kind: String,
    pub subject: Option<String>,
    pub actor: Option<String>,
    pub commitment: Hash,
    pub leaf_hash: Hash,
    /// Of any kind but `version`: salt and fields.
    pub kept: Option<(Hash, String)>,
}

/// Up to `limit` entries after `after`, in order.
pub fn entries(conn: &Connection, after: u64, limit: usize) -> Result<Vec<Entry>> {
    let mut statement = conn.prepare_cached(
        "SELECT l.seq, l.at, l.kind, l.subject, l.actor, l.commitment, l.leaf_hash, e.salt, e.fields
         FROM ledger l LEFT JOIN entries e USING (seq) WHERE l.seq > ?1 ORDER BY l.seq LIMIT ?2",
    )?;
    let rows = statement.query_map(params![row_id(after), i64::try_from(limit)?], |row| {
        let salt: Option<Hash> = row.get(7)?;
        let fields: Option<String> = row.get(8)?;
        Ok(Entry {
            seq: seq(row.get(0)?),
            at: at(row.get(1)?),
            kind: row.get(2)?,
            subject: row.get(3)?,
            actor: row.get(4)?,
            commitment: row.get(5)?,
            leaf_hash: row.get(6)?,
            kept: salt.zip(fields),
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
