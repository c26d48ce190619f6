//! Reading items back: for the views that follow the ledger, for revisits, and to show one.

use std::collections::HashMap;

use anyhow::{Context as _, Result};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{Cited, content_of};
use crate::db::{at, ms, row_id, seq};
use crate::model::{Author, Cause, Change, Content, Counts, Kind, Role, State, Timestamp};
use crate::seal::Hash;

/// A version's words, for the rule pass.
#[derive(Debug, Clone)]
pub struct Text {
    pub seq: u64,
    /// When the version's ledger entry was written.
    pub entered_at: Timestamp,
    pub item: i64,
    pub platform: String,
    pub native_id: String,
    pub account: i64,
    pub kind: Kind,
    pub role: Role,
    pub created_at: Option<Timestamp>,
    pub content: Content,
    pub content_digest: Hash,
    /// Found by a backfill or an import: it goes to the queues marked *from the past*.
    pub past: bool,
}

/// Versions that brought content, after a ledger entry and up to another, in order.
pub fn texts(conn: &Connection, after: u64, through: u64, limit: usize) -> Result<Vec<Text>> {
    let mut statement = conn.prepare_cached(
        "SELECT v.seq, l.at, v.item_id, i.platform, i.native_id, i.account_id, i.kind, i.role, i.created_at, v.text, v.more,
           v.content, coalesce(h.mode, 'import')
         FROM versions v JOIN ledger l ON l.seq = v.seq JOIN items i ON i.id = v.item_id
           JOIN captures c ON c.id = v.capture_id LEFT JOIN harvests h ON h.id = c.harvest_id
         WHERE v.seq > ?1 AND v.seq <= ?2 AND v.change IN ('created', 'edited', 'restored') ORDER BY v.seq LIMIT ?3",
    )?;
    let mut rows = statement.query(params![row_id(after), row_id(through), i64::try_from(limit)?])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let mode: String = row.get(12)?;
        found.push(Text {
            seq: seq(row.get(0)?),
            entered_at: at(row.get(1)?),
            item: row.get(2)?,
            platform: row.get(3)?,
            native_id: row.get(4)?,
            account: row.get(5)?,
            kind: row.get(6)?,
            role: row.get(7)?,
            created_at: row.get::<_, Option<i64>>(8)?.map(at),
            content: content_of(row.get(9)?, row.get::<_, Option<String>>(10)?.as_deref())?,
            content_digest: row.get(11)?,
            past: mode == "backfill" || mode == "import",
        });
    }
    Ok(found)
}

/// An item with all its versions, as the index holds it.
#[derive(Debug, Clone)]
pub struct Document {
    pub item: i64,
    pub platform: String,
    pub native_id: String,
    pub kind: Kind,
    pub role: Role,
    pub state: State,
    pub created_at: Option<Timestamp>,
    /// Every account the item was seen under.
    pub accounts: Vec<i64>,
    pub versions: Vec<Stored>,
}

/// A version as stored.
#[derive(Debug, Clone)]
pub struct Stored {
    pub seq: u64,
    pub change: Change,
    pub state: State,
    pub cause: Option<Cause>,
    pub observed_at: Timestamp,
    pub author: Author,
    pub content: Content,
    pub content_digest: Hash,
    pub capture: i64,
    /// Captures that show an absence, or that an import cites.
    pub evidence: Vec<Cited>,
}

const VERSION: &str = "v.seq, v.change, v.state, v.cause, v.observed_at, v.author_id, v.author_name, v.author_handle,
    v.text, v.more, v.content, v.capture_id, v.evidence";

fn stored(row: &Row<'_>, from: usize) -> Result<Stored> {
    Ok(Stored {
        seq: seq(row.get(from)?),
        change: row.get(from + 1)?,
        state: row.get(from + 2)?,
        cause: row.get(from + 3)?,
        observed_at: at(row.get(from + 4)?),
        author: Author { native_id: row.get(from + 5)?, name: row.get(from + 6)?, handle: row.get(from + 7)? },
        content: content_of(row.get(from + 8)?, row.get::<_, Option<String>>(from + 9)?.as_deref())?,
        content_digest: row.get(from + 10)?,
        capture: row.get(from + 11)?,
        evidence: row
            .get::<_, Option<String>>(from + 12)?
            .as_deref()
            .map(serde_json::from_str)
            .transpose()?
            .unwrap_or_default(),
    })
}

/// Items that got a version, or were seen under another page, after `after` and up to `through`: each once, with all their
/// versions up to now.
pub fn documents(conn: &Connection, after: u64, through: u64) -> Result<Vec<Document>> {
    const ITEM: &str = "i.id, i.platform, i.native_id, i.kind, i.role, i.state, i.created_at, i.account_id, i.page_id,
        i.first_seq <> i.last_seq, EXISTS (SELECT 1 FROM sightings s WHERE s.item_id = i.id)";
    let mut statement = conn.prepare_cached(&format!(
        "SELECT {ITEM}, {VERSION} FROM versions v JOIN items i ON i.id = v.item_id WHERE v.seq > ?1 AND v.seq <= ?2
         UNION ALL
         SELECT {ITEM}, {VERSION} FROM sightings t JOIN items i ON i.id = t.item_id JOIN versions v ON v.seq = i.last_seq
         WHERE t.seq > ?1 AND t.seq <= ?2"
    ))?;
    let mut rows = statement.query(params![row_id(after), row_id(through)])?;
    let mut found: Vec<Document> = Vec::new();
    let mut place: HashMap<i64, usize> = HashMap::new();
    let (mut changed, mut elsewhere): (Vec<usize>, Vec<usize>) = (Vec::new(), Vec::new());
    while let Some(row) = rows.next()? {
        let item: i64 = row.get(0)?;
        if place.contains_key(&item) {
            continue;
        }
        let account: i64 = row.get(7)?;
        let mut accounts = vec![account];
        accounts.extend(row.get::<_, Option<i64>>(8)?.filter(|page| *page != account));
        place.insert(item, found.len());
        if row.get(9)? {
            changed.push(found.len());
        }
        if row.get(10)? {
            elsewhere.push(found.len());
        }
        found.push(Document {
            item,
            platform: row.get(1)?,
            native_id: row.get(2)?,
            kind: row.get(3)?,
            role: row.get(4)?,
            state: row.get(5)?,
            created_at: row.get::<_, Option<i64>>(6)?.map(at),
            accounts,
            versions: vec![stored(row, 11)?],
        });
    }
    for index in changed {
        let document = &mut found[index];
        document.versions = versions(conn, document.item)?;
    }
    for index in elsewhere {
        let document = &mut found[index];
        let mut more = conn.prepare_cached("SELECT account_id FROM sightings WHERE item_id = ?1")?;
        let accounts = more.query_map([document.item], |row| row.get(0))?.collect::<rusqlite::Result<Vec<i64>>>()?;
        document.accounts.extend(accounts);
    }
    for document in &mut found {
        document.accounts.sort_unstable();
        document.accounts.dedup();
    }
    Ok(found)
}

/// All versions of an item, oldest first.
pub fn versions(conn: &Connection, item: i64) -> Result<Vec<Stored>> {
    let mut statement =
        conn.prepare_cached(&format!("SELECT {VERSION} FROM versions v WHERE v.item_id = ?1 ORDER BY v.seq"))?;
    let mut rows = statement.query([item])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(stored(row, 0)?);
    }
    Ok(found)
}

/// Everything held of one item.
#[derive(Debug, Clone)]
pub struct Shown {
    pub document: Document,
    pub account: String,
    pub parent: Option<String>,
    pub root: Option<String>,
    pub url: Option<String>,
    pub first_seen_at: Timestamp,
    pub last_seen_at: Timestamp,
    pub counts: Counts,
    pub first_seq: u64,
    pub root_id: Option<i64>,
}

impl Shown {
    /// `platform:native_id`.
    pub fn name(&self) -> String {
        format!("{}:{}", self.document.platform, self.document.native_id)
    }

    /// The newest version.
    pub fn latest(&self) -> &Stored {
        self.document.versions.last().expect("an item that is shown has a version")
    }
}

/// The row id of `platform:native_id`, by its own id or an alias. Only of items with versions.
pub fn by_name(conn: &Connection, name: &str) -> Result<Option<i64>> {
    let Some((platform, native_id)) = name.split_once(':') else { return Ok(None) };
    let mut own =
        conn.prepare_cached("SELECT id FROM items WHERE native_id = ?1 AND platform = ?2 AND kind IS NOT NULL")?;
    if let Some(id) = own.query_row([native_id, platform], |row| row.get(0)).optional()? {
        return Ok(Some(id));
    }
    let mut by_alias = conn.prepare_cached("SELECT item_id FROM aliases WHERE native_id = ?1 AND platform = ?2")?;
    Ok(by_alias.query_row([native_id, platform], |row| row.get(0)).optional()?)
}

/// One item with its versions.
pub fn show(conn: &Connection, item: i64) -> Result<Shown> {
    let mut statement = conn.prepare_cached(
        "SELECT i.platform, i.native_id, i.kind, i.role, i.state, i.created_at, a.slug, i.account_id, p.native_id, r.native_id,
           i.url, i.first_seen_at, i.last_seen_at, i.counts, i.first_seq, i.root_id
         FROM items i JOIN accounts a ON a.id = i.account_id LEFT JOIN items p ON p.id = i.parent_id
           LEFT JOIN items r ON r.id = i.root_id WHERE i.id = ?1 AND i.kind IS NOT NULL",
    )?;
    let mut rows = statement.query([item])?;
    let row = rows.next()?.with_context(|| format!("there is no item {item}"))?;
    let counts: Option<String> = row.get(13)?;
    Ok(Shown {
        document: Document {
            item,
            platform: row.get(0)?,
            native_id: row.get(1)?,
            kind: row.get(2)?,
            role: row.get(3)?,
            state: row.get(4)?,
            created_at: row.get::<_, Option<i64>>(5)?.map(at),
            accounts: vec![row.get(7)?],
            versions: versions(conn, item)?,
        },
        account: row.get(6)?,
        parent: row.get(8)?,
        root: row.get(9)?,
        url: row.get(10)?,
        first_seen_at: at(row.get(11)?),
        last_seen_at: at(row.get(12)?),
        counts: counts.as_deref().map(serde_json::from_str).transpose()?.unwrap_or_default(),
        first_seq: seq(row.get(14)?),
        root_id: row.get(15)?,
    })
}

/// The row ids of a whole thread, the root first, then by time.
pub fn thread(conn: &Connection, root: i64) -> Result<Vec<i64>> {
    let mut statement = conn.prepare_cached(
        "SELECT id FROM items WHERE root_id = ?1 AND kind IS NOT NULL ORDER BY id <> ?1, created_at, id",
    )?;
    Ok(statement.query_map([root], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?)
}

/// A thread to be looked at again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thread {
    pub item: i64,
    pub native_id: String,
    pub kind: Kind,
    pub due_at: Timestamp,
}

/// Threads of an account that are due, newest posts first but for a fifth that goes to the longest overdue. `every`: all threads,
/// due or not.
pub fn due(conn: &Connection, account: i64, now: Timestamp, limit: u32, every: bool) -> Result<Vec<Thread>> {
    let by = |order: &str, limit: u32| -> Result<Vec<Thread>> {
        let mut statement = conn.prepare_cached(&format!(
            "SELECT id, native_id, kind, due_at FROM items
             WHERE page_id = ?1 AND due_at IS NOT NULL AND due_at <= ?2 AND state <> 'gone' ORDER BY {order} LIMIT ?3"
        ))?;
        let until = if every { i64::MAX } else { ms(now) };
        let rows = statement.query_map(params![account, until, limit], |row| {
            Ok(Thread { item: row.get(0)?, native_id: row.get(1)?, kind: row.get(2)?, due_at: at(row.get(3)?) })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    };
    let mut found = by("due_at", limit.div_ceil(5))?;
    for newest in by("created_at DESC", limit)? {
        if found.len() < usize::try_from(limit).unwrap_or(usize::MAX) && !found.contains(&newest) {
            found.push(newest);
        }
    }
    Ok(found)
}

/// How many threads of an account are overdue, and since when the oldest is.
pub fn overdue(conn: &Connection, account: i64, now: Timestamp) -> Result<(u64, Option<Timestamp>)> {
    let (count, oldest): (i64, Option<i64>) = conn.query_row(
        "SELECT count(*), min(due_at) FROM items WHERE page_id = ?1 AND due_at IS NOT NULL AND due_at <= ?2 AND state <> 'gone'",
        params![account, ms(now)],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    Ok((u64::try_from(count).unwrap_or(0), oldest.map(at)))
}

/// Items of an account that were found missing in an earlier harvest than `harvest`, with kind and root, for a direct read.
pub fn missing(conn: &Connection, account: i64, harvest: i64, limit: u32) -> Result<Vec<(String, Kind, String)>> {
    let mut statement = conn.prepare_cached(
        "SELECT i.native_id, i.kind, coalesce(r.native_id, i.native_id) FROM items i LEFT JOIN items r ON r.id = i.root_id
         WHERE i.page_id = ?1 AND i.state = 'missing' AND i.kind <> 'story' AND i.checked_in IS NOT ?2 ORDER BY i.last_seq DESC LIMIT ?3",
    )?;
    let rows =
        statement.query_map(params![account, harvest, limit], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Which answers in a thread are asked for one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alone {
    None,
    /// Those under an answer that is no longer there.
    Orphans,
    All,
}

/// Kept answers of these threads that are to be read directly, with kind and root.
pub fn answers(conn: &Connection, threads: &[Thread], alone: Alone) -> Result<Vec<(String, Kind, String)>> {
    if alone == Alone::None {
        return Ok(Vec::new());
    }
    let mut statement = conn.prepare_cached(
        "SELECT i.native_id, i.kind FROM items i LEFT JOIN items p ON p.id = i.parent_id
         WHERE i.root_id = ?1 AND i.kind IN ('comment', 'reply') AND i.state IN ('visible', 'hidden')
           AND (?2 OR p.state IN ('missing', 'gone')) ORDER BY i.id",
    )?;
    let mut found = Vec::new();
    for thread in threads {
        let rows =
            statement.query_map(params![thread.item, alone == Alone::All], |row| Ok((row.get(0)?, row.get(1)?)))?;
        for row in rows {
            let (native_id, kind) = row?;
            found.push((native_id, kind, thread.native_id.clone()));
        }
    }
    Ok(found)
}

/// When an account's newest post was written, as far as held.
pub fn newest_post(conn: &Connection, account: i64) -> Result<Option<Timestamp>> {
    let newest: Option<i64> = conn.query_row(
        "SELECT max(created_at) FROM items WHERE page_id = ?1 AND kind IN ('post', 'story', 'video')",
        [account],
        |row| row.get(0),
    )?;
    Ok(newest.map(at))
}

/// Digests of the media of an item whose bytes are kept, by the platform's media id.
pub fn kept_media_of(conn: &Connection, item: i64) -> Result<HashMap<String, Hash>> {
    let mut statement =
        conn.prepare_cached("SELECT native_id, sha256 FROM media WHERE item_id = ?1 AND sha256 IS NOT NULL")?;
    Ok(statement.query_map([item], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?)
}

/// The bytes of a capture, decompressed. `None` when nothing cites them and they were swept.
pub fn body(conn: &Connection, capture: i64) -> Result<Option<Vec<u8>>> {
    let mut statement = conn
        .prepare_cached("SELECT b.body, c.size FROM captures c JOIN bodies b ON b.capture_id = c.id WHERE c.id = ?1")?;
    let found: Option<(Vec<u8>, i64)> =
        statement.query_row([capture], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let Some((packed, size)) = found else { return Ok(None) };
    let bytes = zstd::bulk::decompress(&packed, usize::try_from(size)?)
        .with_context(|| format!("the bytes of capture {capture} cannot be unpacked"))?;
    Ok(Some(bytes))
}

/// A capture whose bytes are kept.
#[derive(Debug, Clone, Copy)]
pub struct Kept {
    pub id: i64,
    pub digest: Hash,
}

/// The next capture after `after` whose bytes are kept.
pub fn next_body(conn: &Connection, after: i64) -> Result<Option<Kept>> {
    let mut statement = conn.prepare_cached(
        "SELECT c.id, c.digest FROM bodies b JOIN captures c ON c.id = b.capture_id WHERE b.capture_id > ?1
         ORDER BY b.capture_id LIMIT 1",
    )?;
    Ok(statement.query_row([after], |row| Ok(Kept { id: row.get(0)?, digest: row.get(1)? })).optional()?)
}

/// The item that a version is of; `None`: the entry is no version.
pub fn item_of(conn: &Connection, version: u64) -> Result<Option<i64>> {
    let mut statement = conn.prepare_cached("SELECT item_id FROM versions WHERE seq = ?1")?;
    Ok(statement.query_row([row_id(version)], |row| row.get(0)).optional()?)
}

/// The capture that a version was read from.
pub fn capture_of(conn: &Connection, version: u64) -> Result<Option<i64>> {
    let mut statement = conn.prepare_cached("SELECT capture_id FROM versions WHERE seq = ?1")?;
    Ok(statement.query_row([row_id(version)], |row| row.get(0)).optional()?)
}

/// The digest of a capture.
pub fn capture_digest(conn: &Connection, capture: i64) -> Result<Hash> {
    let mut statement = conn.prepare_cached("SELECT digest FROM captures WHERE id = ?1")?;
    Ok(statement.query_row([capture], |row| row.get(0))?)
}

/// Row ids of items with versions, in the order of their first entries, after one of these.
pub fn in_order(conn: &Connection, after: u64, limit: usize) -> Result<Vec<(u64, i64)>> {
    let mut statement = conn.prepare_cached(
        "SELECT v.seq, v.item_id FROM versions v JOIN items i ON i.id = v.item_id AND i.first_seq = v.seq
         WHERE v.seq > ?1 ORDER BY v.seq LIMIT ?2",
    )?;
    let rows = statement
        .query_map(params![row_id(after), i64::try_from(limit)?], |row| Ok((seq(row.get(0)?), row.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
