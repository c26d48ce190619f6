//! Phrases that people called harmless for one rule: until when, by whom and why.

use std::collections::HashMap;
use std::ops::Range;

use anyhow::{Context as _, Result, ensure};
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use super::flags::FlagKey;
use super::items::content_of;
use super::ledger::Log;
use super::{at, ms, row_id, seq};
use crate::model::{Content, Timestamp, rfc3339};
use crate::text::phrase;

/// A phrase for one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppression {
    /// The ledger entry that began it.
    pub seq: u64,
    pub rule: String,
    pub phrase: String,
    pub reason: String,
    pub actor: String,
    pub at: Timestamp,
    pub expires_at: Timestamp,
    /// When a person ended it, or it expired.
    pub ended_at: Option<Timestamp>,
}

/// One that is about to be made.
#[derive(Debug, Clone)]
pub struct New {
    pub rule: String,
    pub phrase: String,
    pub reason: String,
    pub expires_at: Timestamp,
}

/// The phrases in force by rule, for the pass.
pub type InForce = HashMap<String, Vec<(u64, String)>>;

/// Begins a suppression; the flags it covers leave the queue. Returns its ledger entry and how many flags it covers.
pub fn begin(tx: &Transaction<'_>, new: &New, actor: &str, now: Timestamp) -> Result<(u64, u64)> {
    ensure!(!new.phrase.trim().is_empty(), "a suppression needs the words it is for");
    ensure!(!new.reason.trim().is_empty(), "a suppression needs a reason");
    ensure!(new.expires_at > now, "a suppression ends in the future");
    let fields = [
        ("rule", new.rule.clone()),
        ("phrase", new.phrase.clone()),
        ("reason", new.reason.clone()),
        ("expires_at", rfc3339(new.expires_at)),
    ];
    let entry = Log::open(tx)?.record(now, "suppression", None, Some(actor), &fields)?;
    tx.execute(
        "INSERT INTO suppressions (seq, rule, phrase, reason, actor, at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![row_id(entry), new.rule, new.phrase, new.reason, actor, ms(now), ms(new.expires_at)],
    )?;
    let mut covered = 0;
    for (flag, spans, content) in flags_of(tx, &new.rule)? {
        if covers(&new.phrase, &content, &spans) {
            cover(tx, &flag, entry)?;
            covered += 1;
        }
    }
    Ok((entry, covered))
}

/// The words that a flag's match spans from the first to the last: what a suppression begins with when nobody says more. Of a
/// match in several texts, those of the first.
pub fn words_of(conn: &Connection, key: &FlagKey) -> Result<Option<String>> {
    let mut statement = conn.prepare_cached(
        "SELECT f.spans, v.text, v.more FROM flags f JOIN versions v ON v.seq = f.version_seq WHERE f.flag = ?1",
    )?;
    let row = |row: &Row<'_>| Ok((row.get::<_, String>(0)?, row.get(1)?, row.get::<_, Option<String>>(2)?));
    let Some((spans, text, more)) = statement.query_row([key], row).optional()? else { return Ok(None) };
    let spans: Vec<(usize, usize, usize)> = serde_json::from_str(&spans).context("spans of a flag")?;
    let content = content_of(text, more.as_deref())?;
    let Some(part) = spans.first().map(|span| span.0) else { return Ok(None) };
    let own: Vec<Range<usize>> = spans.iter().filter(|span| span.0 == part).map(|span| span.1..span.2).collect();
    Ok(content.texts().get(part).and_then(|text| phrase::around(text, &own)).map(str::to_owned))
}

/// Ends a suppression before its time: its flags are in the queue again.
pub fn end(tx: &Transaction<'_>, entry: u64, reason: &str, actor: &str, now: Timestamp) -> Result<()> {
    ensure!(!reason.trim().is_empty(), "ending a suppression needs a reason");
    let rule: Option<String> = tx
        .query_row("SELECT rule FROM suppressions WHERE seq = ?1 AND ended_at IS NULL", [row_id(entry)], |row| {
            row.get(0)
        })
        .optional()?;
    let rule = rule.with_context(|| format!("no suppression in force has the number {entry}"))?;
    let fields = [("rule", rule), ("ended", entry.to_string()), ("reason", reason.to_owned())];
    Log::open(tx)?.record(now, "suppression", None, Some(actor), &fields)?;
    tx.execute("UPDATE suppressions SET ended_at = ?2 WHERE seq = ?1", params![row_id(entry), ms(now)])?;
    Ok(())
}

/// Ends what has expired. Returns how many did.
pub fn expire(tx: &Transaction<'_>, now: Timestamp) -> Result<usize> {
    Ok(tx.execute(
        "UPDATE suppressions SET ended_at = expires_at WHERE ended_at IS NULL AND expires_at <= ?1",
        [ms(now)],
    )?)
}

/// Whether anything has expired that is still in force.
pub fn is_any_due(conn: &Connection, now: Timestamp) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM suppressions WHERE ended_at IS NULL AND expires_at <= ?1)";
    Ok(conn.prepare_cached(sql)?.query_row([ms(now)], |row| row.get(0))?)
}

/// All there ever were, the newest first.
pub fn all(conn: &Connection) -> Result<Vec<Suppression>> {
    let mut statement = conn.prepare_cached(
        "SELECT seq, rule, phrase, reason, actor, at, expires_at, ended_at FROM suppressions ORDER BY seq DESC",
    )?;
    Ok(statement.query_map([], read)?.collect::<rusqlite::Result<_>>()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Suppression> {
    Ok(Suppression {
        seq: seq(row.get(0)?),
        rule: row.get(1)?,
        phrase: row.get(2)?,
        reason: row.get(3)?,
        actor: row.get(4)?,
        at: at(row.get(5)?),
        expires_at: at(row.get(6)?),
        ended_at: row.get::<_, Option<i64>>(7)?.map(at),
    })
}

/// What the pass needs of them.
pub fn in_force(conn: &Connection) -> Result<InForce> {
    let mut statement =
        conn.prepare_cached("SELECT rule, seq, phrase FROM suppressions WHERE ended_at IS NULL ORDER BY seq")?;
    let mut rows = statement.query([])?;
    let mut found = InForce::new();
    while let Some(row) = rows.next()? {
        found.entry(row.get(0)?).or_default().push((seq(row.get(1)?), row.get(2)?));
    }
    Ok(found)
}

/// Whether a phrase covers all matched words of a content, each in its own text.
pub fn covers(words: &str, content: &Content, spans: &[(usize, usize, usize)]) -> bool {
    let texts = content.texts();
    let of = |part: usize| -> Vec<Range<usize>> {
        spans.iter().filter(|span| span.0 == part).map(|span| span.1..span.2).collect()
    };
    let mut parts: Vec<usize> = spans.iter().map(|span| span.0).collect();
    parts.dedup();
    !parts.is_empty()
        && parts.iter().all(|&part| texts.get(part).is_some_and(|text| phrase::covers(words, text, &of(part))))
}

/// Notes that a suppression covers a flag.
pub(super) fn cover(tx: &Transaction<'_>, flag: &FlagKey, suppression: u64) -> Result<()> {
    tx.prepare_cached("INSERT INTO suppressed (flag, suppression) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?
        .execute(params![flag, row_id(suppression)])?;
    Ok(())
}

type Flagged = (FlagKey, Vec<(usize, usize, usize)>, Content);

fn flags_of(conn: &Connection, rule: &str) -> Result<Vec<Flagged>> {
    let mut statement = conn.prepare_cached(
        "SELECT f.flag, f.spans, v.text, v.more FROM flags f JOIN versions v ON v.seq = f.version_seq WHERE f.rule = ?1",
    )?;
    let mut rows = statement.query([rule])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let spans = serde_json::from_str(&row.get::<_, String>(1)?).context("spans of a flag")?;
        let content = content_of(row.get(2)?, row.get::<_, Option<String>>(3)?.as_deref())?;
        found.push((row.get(0)?, spans, content));
    }
    Ok(found)
}
