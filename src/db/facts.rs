//! What the audit asks of the archive: the pages' own facts as they were last read, and the district's own posts.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use anyhow::Result;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::items::content_of;
use super::items::read::{Stored, body, versions};
use super::{at, ms, seq};
use crate::model::{Author, Content, Kind, Timestamp};

/// What a page says of itself: the newest version of an item of kind `profile`.
#[derive(Debug, Clone)]
pub struct Profile {
    pub account: i64,
    pub item: i64,
    /// The item's own id: the page's, or with `/profile/settings` and the like behind it.
    pub native_id: String,
    /// The version's ledger entry.
    pub seq: u64,
    /// When the platform was last seen to say so.
    pub seen_at: Timestamp,
    pub author: Author,
    pub content: Content,
}

/// The newest of what one page says of itself, without the lists that are asked for by themselves.
pub fn profile(conn: &Connection, account: i64) -> Result<Option<Profile>> {
    let found = profiles(conn, Some(account))?;
    Ok(found.into_iter().find(|profile| !profile.native_id.contains("/profile/")))
}

/// The newest facts of every page, or of one.
pub fn profiles(conn: &Connection, account: Option<i64>) -> Result<Vec<Profile>> {
    let mut statement = conn.prepare_cached(
        "SELECT i.account_id, i.id, i.native_id, v.seq, i.last_seen_at, v.author_id, v.author_name, v.author_handle, v.text, v.more
         FROM items i JOIN versions v ON v.seq = i.last_seq
         WHERE i.kind = 'profile' AND i.state IN ('visible', 'hidden') AND i.account_id = coalesce(?1, i.account_id)
         ORDER BY i.account_id, i.native_id",
    )?;
    let mut rows = statement.query([account])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(Profile {
            account: row.get(0)?,
            item: row.get(1)?,
            native_id: row.get(2)?,
            seq: seq(row.get(3)?),
            seen_at: at(row.get(4)?),
            author: Author { native_id: row.get(5)?, name: row.get(6)?, handle: row.get(7)? },
            content: content_of(row.get(8)?, row.get::<_, Option<String>>(9)?.as_deref())?,
        });
    }
    Ok(found)
}

/// Every list of a page's own facts with all its versions, oldest first: what the page says, its settings, its people and
/// applications.
pub fn history(conn: &Connection, account: i64) -> Result<Vec<(String, Vec<Stored>)>> {
    let sql = "SELECT id, native_id FROM items WHERE kind = 'profile' AND account_id = ?1 ORDER BY native_id";
    let mut statement = conn.prepare_cached(sql)?;
    let items = statement.query_map([account], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let items: Vec<(i64, String)> = items.collect::<rusqlite::Result<_>>()?;
    items.into_iter().map(|(id, native_id)| Ok((native_id, versions(conn, id)?))).collect()
}

/// The entry that the newest facts of any page stand in.
pub fn newest_profile(conn: &Connection) -> Result<u64> {
    let mut statement = conn.prepare_cached("SELECT max(last_seq) FROM items WHERE kind = 'profile'")?;
    let newest: Option<i64> = statement.query_row([], |row| row.get(0))?;
    Ok(newest.map_or(0, seq))
}

/// A post of the account's own, as it stands.
#[derive(Debug, Clone)]
pub struct Post {
    pub seq: u64,
    pub item: String,
    pub kind: Kind,
    pub created_at: Option<Timestamp>,
    pub content: Content,
    /// Where the post's own JSON stands.
    pub capture: i64,
    pub raw: (i64, i64),
}

/// The newest posts of an account's own that were written at or after `since`.
pub fn own_posts(conn: &Connection, account: i64, since: Timestamp, limit: u32) -> Result<Vec<Post>> {
    let mut statement = conn.prepare_cached(
        "SELECT v.seq, i.platform || ':' || i.native_id, i.kind, i.created_at, v.text, v.more, v.capture_id, v.raw_start, v.raw_len
         FROM items i JOIN versions v ON v.seq = i.last_seq
         WHERE i.page_id = ?1 AND i.kind IN ('post', 'story', 'video') AND i.created_at >= ?2 AND i.role = 'district'
           AND i.account_id = ?1 AND i.state IN ('visible', 'hidden') ORDER BY i.created_at DESC LIMIT ?3",
    )?;
    let mut rows = statement.query(params![account, ms(since), limit])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(Post {
            seq: seq(row.get(0)?),
            item: row.get(1)?,
            kind: row.get(2)?,
            created_at: row.get::<_, Option<i64>>(3)?.map(at),
            content: content_of(row.get(4)?, row.get::<_, Option<String>>(5)?.as_deref())?,
            capture: row.get(6)?,
            raw: (row.get(7)?, row.get(8)?),
        });
    }
    Ok(found)
}

/// The newest post of an account's own, whatever became of it: its entry, and when it was written.
pub fn newest_own_post(conn: &Connection, account: i64) -> Result<Option<(u64, Timestamp)>> {
    let mut statement = conn.prepare_cached(
        "SELECT last_seq, created_at FROM items WHERE page_id = ?1 AND kind IN ('post', 'story', 'video')
           AND created_at IS NOT NULL AND role = 'district' AND account_id = ?1 ORDER BY created_at DESC LIMIT 1",
    )?;
    let newest = statement.query_row([account], |row| Ok((seq(row.get(0)?), at(row.get(1)?)))).optional()?;
    Ok(newest)
}

/// One state of a page's pictures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pictures {
    pub seq: u64,
    pub at: Timestamp,
    pub ids: Vec<String>,
}

/// The pictures of a page as its versions showed them, oldest first; versions that changed something else are left out.
pub fn pictures(conn: &Connection, item: i64) -> Result<Vec<Pictures>> {
    let mut statement = conn.prepare_cached(
        "SELECT seq, observed_at, more FROM versions WHERE item_id = ?1 AND change NOT IN ('missing', 'gone') ORDER BY seq",
    )?;
    let mut rows = statement.query([item])?;
    let mut found: Vec<Pictures> = Vec::new();
    while let Some(row) = rows.next()? {
        let content = content_of(None, row.get::<_, Option<String>>(2)?.as_deref())?;
        let ids: Vec<String> = content.media.into_iter().map(|medium| medium.native_id).collect();
        if found.last().is_none_or(|last| last.ids != ids) {
            found.push(Pictures { seq: seq(row.get(0)?), at: at(row.get(1)?), ids });
        }
    }
    Ok(found)
}

/// What people have stated of an account in the register.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stated {
    /// The newest register entry that a person made; the first one where the program alone made them.
    pub seq: u64,
    /// The handle in it: the register's own follows the platform.
    pub handle: String,
}

/// By slug.
pub fn stated(conn: &Connection) -> Result<HashMap<String, Stated>> {
    let mut statement = conn.prepare_cached(
        "SELECT l.subject, l.seq, coalesce(e.fields ->> 'handle', '') FROM ledger l JOIN entries e USING (seq)
         WHERE l.kind = 'account' AND l.seq = coalesce(
           (SELECT max(p.seq) FROM ledger p JOIN entries q USING (seq) WHERE p.kind = 'account' AND p.subject = l.subject
              AND p.actor IS NOT NULL AND q.fields ->> 'change' NOT IN ('retiring', 'stays')),
           (SELECT min(p.seq) FROM ledger p WHERE p.kind = 'account' AND p.subject = l.subject))",
    )?;
    let rows = statement
        .query_map([], |row| Ok((row.get::<_, String>(0)?, Stated { seq: seq(row.get(1)?), handle: row.get(2)? })))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// When the last run over an account ended that read something.
pub fn last_read(conn: &Connection, account: i64) -> Result<Option<Timestamp>> {
    let mut statement = conn.prepare_cached(
        "SELECT ended_at FROM harvests WHERE account_id = ?1 AND outcome IN ('complete', 'partial', 'paused')
         ORDER BY id DESC LIMIT 1",
    )?;
    let ended: Option<Option<i64>> = statement.query_row([account], |row| row.get(0)).optional()?;
    Ok(ended.flatten().map(at))
}

/// Posts with their own JSON as it was received; one whose bytes are not kept is left out.
pub fn received<'p>(conn: &Connection, posts: &'p [Post]) -> Result<Vec<(&'p Post, serde_json::Value)>> {
    let mut bodies: HashMap<i64, Vec<u8>> = HashMap::new();
    let mut found = Vec::new();
    for post in posts {
        if let Entry::Vacant(place) = bodies.entry(post.capture) {
            place.insert(body(conn, post.capture)?.unwrap_or_default());
        }
        let (start, len) = (usize::try_from(post.raw.0)?, usize::try_from(post.raw.1)?);
        let raw = bodies.get(&post.capture).and_then(|bytes| bytes.get(start..start.saturating_add(len)));
        found.extend(raw.and_then(|raw| Some((post, serde_json::from_slice(raw).ok()?))));
    }
    Ok(found)
}
