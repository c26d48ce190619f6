//! One version: its row, its commitment, and how the commitment is checked again later.

use std::borrow::Cow;

use anyhow::{Context as _, Result, ensure};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::{Cited, content_of, more_text};
use crate::db::ledger::Log;
use crate::db::{at, ms, row_id};
use crate::model::{Author, Cause, Change, Content, Observation, State, Timestamp};
use crate::seal::{self, Fields, Hash};

/// A version about to be appended.
#[derive(Debug)]
pub struct New<'v> {
    pub item: i64,
    /// What the item's row says of it.
    pub identity: &'v Identity<'v>,
    pub capture: i64,
    pub capture_digest: Hash,
    pub raw_start: usize,
    /// The item's own JSON as received; empty for an absence.
    pub raw: &'v [u8],
    pub change: Change,
    pub state: State,
    pub cause: Option<Cause>,
    pub observed_at: Timestamp,
    pub author: &'v Author,
    pub content: &'v Content,
    pub content_digest: Hash,
    /// Captures that show an absence.
    pub evidence: Option<&'v [Cited]>,
    /// When a harvest of ours last saw the item before.
    pub seen_before: Option<Timestamp>,
}

/// The newest version of an item, as a new state repeats it.
#[derive(Debug, Clone)]
pub struct Prior {
    pub author: Author,
    pub content: Content,
    pub content_digest: Hash,
}

impl Prior {
    /// Reads the newest version of an item.
    pub fn read(tx: &Connection, item: i64) -> Result<Prior> {
        let mut statement = tx.prepare_cached(
            "SELECT v.author_id, v.author_name, v.author_handle, v.text, v.more, v.content
             FROM items i JOIN versions v ON v.seq = i.last_seq WHERE i.id = ?1",
        )?;
        let (author, text, more, content_digest) = statement.query_row([item], |row| {
            let author = Author { native_id: row.get(0)?, name: row.get(1)?, handle: row.get(2)? };
            Ok((author, row.get::<_, Option<String>>(3)?, row.get::<_, Option<String>>(4)?, row.get::<_, Hash>(5)?))
        })?;
        Ok(Prior { author, content: content_of(text, more.as_deref())?, content_digest })
    }
}

/// What was seen in part, with the others' words as they were last seen.
pub(super) fn completed(tx: &Connection, item: i64, seen: &Observation) -> Result<(Observation, Hash)> {
    let parts = Prior::read(tx, item)?.content.parts;
    let content = Content { parts, ..seen.content.clone() };
    let digest = seal::content_digest(&content);
    Ok((Observation { content, ..seen.clone() }, digest))
}

/// Appends a version and its ledger entry, and brings the item's cache up to date.
pub fn insert(tx: &Transaction<'_>, log: &mut Log<'_>, now: Timestamp, new: &New<'_>) -> Result<u64> {
    let more = more_text(new.content)?;
    let salt = log.salt()?;
    let evidence = new.evidence.map(|captures| digests(tx, captures)).transpose()?;
    let text = (!new.content.text.is_empty()).then_some(new.content.text.as_str());
    let subject = new.identity.name();
    let mut fields = new.identity.fields(&subject);
    fields.text("change", Some(new.change.as_str()));
    fields.text("state", Some(new.state.as_str()));
    fields.text("cause", new.cause.map(Cause::as_str));
    fields.time("observed_at", Some(new.observed_at));
    fields.text("author_id", new.author.native_id.as_deref());
    fields.text("author_name", new.author.name.as_deref());
    fields.text("author_handle", new.author.handle.as_deref());
    fields.text("text", text);
    fields.text("more", more.as_deref());
    fields.owned("content", hex::encode(new.content_digest));
    fields.owned("capture", hex::encode(new.capture_digest));
    fields.put("raw", new.raw);
    fields.text("evidence", evidence.as_deref());
    fields.time("seen_before", new.seen_before);
    let seq = log.append(now, "version", Some(&subject), None, &fields.commit("version", &salt))?;
    tx.prepare_cached(
        "INSERT INTO versions (seq, item_id, capture_id, raw_start, raw_len, change, state, cause, observed_at,
           author_id, author_name, author_handle, text, more, content, evidence, salt)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
    )?
    .execute(params![
        row_id(seq),
        new.item,
        new.capture,
        i64::try_from(new.raw_start)?,
        i64::try_from(new.raw.len())?,
        new.change,
        new.state,
        new.cause,
        ms(new.observed_at),
        new.author.native_id,
        new.author.name,
        new.author.handle,
        text,
        more,
        new.content_digest,
        new.evidence.map(serde_json::to_string).transpose()?,
        salt,
    ])?;
    if let Some(seen) = new.seen_before {
        tx.prepare_cached("INSERT INTO seen_before (seq, at) VALUES (?1, ?2)")?
            .execute(params![row_id(seq), ms(seen)])?;
    }
    if new.change != Change::Created {
        tx.prepare_cached("UPDATE items SET last_seq = ?2, state = ?3 WHERE id = ?1")?.execute(params![
            new.item,
            row_id(seq),
            new.state
        ])?;
    }
    Ok(seq)
}

/// When an item was last seen, as its row has it.
pub(super) fn last_seen(tx: &Connection, item: i64) -> Result<Option<Timestamp>> {
    let mut statement = tx.prepare_cached("SELECT last_seen_at FROM items WHERE id = ?1")?;
    Ok(statement.query_row([item], |row| row.get::<_, Option<i64>>(0))?.map(at))
}

/// The digests of captures as one JSON list: what an absence commits to.
fn digests(conn: &Connection, cited: &[Cited]) -> Result<String> {
    let mut statement = conn.prepare_cached("SELECT digest FROM captures WHERE id = ?1")?;
    let found = cited
        .iter()
        .map(|cited| match cited {
            Cited::Capture(id) => Ok(hex::encode(statement.query_row([id], |row| row.get::<_, Hash>(0))?)),
            Cited::Digest(digest) => Ok(digest.clone()),
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(serde_json::to_string(&found)?)
}

/// What never changes of an item: exactly what its row says.
#[derive(Debug, Clone)]
pub struct Identity<'i> {
    pub platform: Cow<'i, str>,
    pub native_id: Cow<'i, str>,
    pub kind: Cow<'i, str>,
    pub role: Cow<'i, str>,
    pub created_at: Option<Timestamp>,
    pub url: Option<Cow<'i, str>>,
    /// The native ids of what it stands under.
    pub parent: Option<Cow<'i, str>>,
    pub root: Option<Cow<'i, str>>,
}

impl Identity<'_> {
    pub fn read(conn: &Connection, item: i64) -> Result<Identity<'static>> {
        let mut statement = conn.prepare_cached(
            "SELECT i.platform, i.native_id, i.kind, i.role, i.created_at, i.url, p.native_id, r.native_id
             FROM items i LEFT JOIN items p ON p.id = i.parent_id LEFT JOIN items r ON r.id = i.root_id WHERE i.id = ?1",
        )?;
        Ok(statement.query_row([item], |row| {
            let word = |at: usize| row.get::<_, String>(at).map(Cow::Owned);
            let text = |at: usize| Ok::<_, rusqlite::Error>(row.get::<_, Option<String>>(at)?.map(Cow::Owned));
            Ok(Identity {
                platform: word(0)?,
                native_id: word(1)?,
                kind: word(2)?,
                role: word(3)?,
                created_at: row.get::<_, Option<i64>>(4)?.map(at),
                url: text(5)?,
                parent: text(6)?,
                root: text(7)?,
            })
        })?)
    }

    fn name(&self) -> String {
        format!("{}:{}", self.platform, self.native_id)
    }

    fn fields<'f>(&'f self, name: &'f str) -> Fields<'f> {
        let mut fields = Fields::new();
        fields.text("subject", Some(name));
        fields.text("kind", Some(&self.kind));
        fields.text("role", Some(&self.role));
        fields.time("created_at", self.created_at);
        fields.text("url", self.url.as_deref());
        fields.text("parent", self.parent.as_deref());
        fields.text("root", self.root.as_deref());
        fields
    }
}

/// Computes a version's commitment again from what is kept, and checks its bytes against its capture. `body` is the
/// decompressed body of its capture. Says in words what does not agree.
pub fn verify_version(conn: &Connection, seq: u64, commitment: &Hash, body: &[u8]) -> Result<()> {
    struct Row {
        item: i64,
        start: i64,
        len: i64,
        change: String,
        state: String,
        cause: Option<String>,
        observed_at: Timestamp,
        author: Author,
        text: Option<String>,
        more: Option<String>,
        content: Hash,
        evidence: Option<String>,
        salt: Option<Hash>,
        capture: Hash,
        seen_before: Option<Timestamp>,
    }
    let mut statement = conn.prepare_cached(
        "SELECT v.item_id, v.raw_start, v.raw_len, v.change, v.state, v.cause, v.observed_at, v.author_id, v.author_name,
           v.author_handle, v.text, v.more, v.content, v.evidence, v.salt, c.digest, b.at
         FROM versions v JOIN captures c ON c.id = v.capture_id LEFT JOIN seen_before b ON b.seq = v.seq WHERE v.seq = ?1",
    )?;
    let row = statement
        .query_row([row_id(seq)], |row| {
            Ok(Row {
                item: row.get(0)?,
                start: row.get(1)?,
                len: row.get(2)?,
                change: row.get(3)?,
                state: row.get(4)?,
                cause: row.get(5)?,
                observed_at: at(row.get(6)?),
                author: Author { native_id: row.get(7)?, name: row.get(8)?, handle: row.get(9)? },
                text: row.get(10)?,
                more: row.get(11)?,
                content: row.get(12)?,
                evidence: row.get(13)?,
                salt: row.get(14)?,
                capture: row.get(15)?,
                seen_before: row.get::<_, Option<i64>>(16)?.map(at),
            })
        })
        .optional()?
        .context("its version is not there")?;
    let salt = row.salt.context("its salt is not there")?;
    let start = usize::try_from(row.start)?;
    let raw = body.get(start..start + usize::try_from(row.len)?).context("its bytes lie outside of its capture")?;
    let content = content_of(row.text.clone(), row.more.as_deref())?;
    ensure!(seal::content_digest(&content) == row.content, "its content does not have its content digest");
    let captures: Option<Vec<Cited>> = row.evidence.as_deref().map(serde_json::from_str).transpose()?;
    let evidence = captures.map(|captures| digests(conn, &captures)).transpose()?;
    let identity = Identity::read(conn, row.item)?;
    let name = identity.name();
    let mut fields = identity.fields(&name);
    fields.text("change", Some(&row.change));
    fields.text("state", Some(&row.state));
    fields.text("cause", row.cause.as_deref());
    fields.time("observed_at", Some(row.observed_at));
    fields.text("author_id", row.author.native_id.as_deref());
    fields.text("author_name", row.author.name.as_deref());
    fields.text("author_handle", row.author.handle.as_deref());
    fields.text("text", row.text.as_deref());
    fields.text("more", row.more.as_deref());
    fields.owned("content", hex::encode(row.content));
    fields.owned("capture", hex::encode(row.capture));
    fields.put("raw", raw);
    fields.text("evidence", evidence.as_deref());
    fields.time("seen_before", row.seen_before);
    ensure!(fields.commit("version", &salt) == *commitment, "what is kept does not match its commitment");
    Ok(())
}
