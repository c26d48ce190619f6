//! The outbox: every mail, stored before it is sent and kept until somebody took it or refused it for good.

use std::collections::HashMap;

use anyhow::Result;
use jiff::SignedDuration;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::flags::FlagKey;
use super::{at, ms, seq};
use crate::model::Timestamp;

/// A mail to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct New {
    /// As [`crate::mail::Kind`] has it.
    pub kind: &'static str,
    /// Derived from what the mail is, so that the same mail made twice is stored once.
    pub message_id: String,
    pub recipient: String,
    pub subject: String,
    pub text: String,
    pub html: String,
    pub important: bool,
}

/// Stores a mail, to be sent from `now` on. `None`: it stands there already.
pub fn put(tx: &Transaction<'_>, mail: &New, now: Timestamp) -> Result<Option<i64>> {
    let added = tx
        .prepare_cached(
            "INSERT INTO mails (kind, message_id, recipient, subject, text, html, important, stored_at, next_try_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8) ON CONFLICT (message_id) DO NOTHING",
        )?
        .execute(params![
            mail.kind,
            mail.message_id,
            mail.recipient,
            mail.subject,
            mail.text,
            mail.html,
            mail.important,
            ms(now)
        ])?;
    Ok((added > 0).then(|| tx.last_insert_rowid()))
}

/// A mail that waits to be sent.
#[derive(Debug, Clone)]
pub struct Waiting {
    pub id: i64,
    pub kind: String,
    pub message_id: String,
    pub recipient: String,
    pub subject: String,
    pub text: String,
    pub html: String,
    pub important: bool,
    pub stored_at: Timestamp,
    /// Tries that found nobody, and this one.
    pub tries: u32,
}

/// No try is put off for so long: a later time was written by a clock that ran ahead.
const LONGEST_HELD: SignedDuration = SignedDuration::from_hours(1);

/// Takes the next mail that is due and keeps it from others until `until`: whoever took it and died leaves it due again then.
pub fn take(tx: &Transaction<'_>, now: Timestamp, until: Timestamp) -> Result<Option<Waiting>> {
    let found = tx
        .prepare_cached(
            "SELECT id, kind, message_id, recipient, subject, text, html, important, stored_at, tries FROM mails
             WHERE sent_at IS NULL AND refused_at IS NULL AND (next_try_at <= ?1 OR next_try_at > ?2)
             ORDER BY important DESC, id LIMIT 1",
        )?
        .query_row([ms(now), ms(now + LONGEST_HELD)], |row| {
            Ok(Waiting {
                id: row.get(0)?,
                kind: row.get(1)?,
                message_id: row.get(2)?,
                recipient: row.get(3)?,
                subject: row.get(4)?,
                text: row.get(5)?,
                html: row.get(6)?,
                important: row.get(7)?,
                stored_at: at(row.get(8)?),
                tries: row.get::<_, u32>(9)? + 1,
            })
        })
        .optional()?;
    if let Some(mail) = &found {
        tx.prepare_cached("UPDATE mails SET next_try_at = ?2 WHERE id = ?1")?.execute(params![mail.id, ms(until)])?;
    }
    Ok(found)
}

/// Somebody took it.
pub fn sent(tx: &Transaction<'_>, id: i64, answer: &str, now: Timestamp) -> Result<()> {
    tx.prepare_cached("UPDATE mails SET sent_at = ?2, answer = ?3, away_since = NULL WHERE id = ?1")?
        .execute(params![id, ms(now), answer])?;
    Ok(())
}

/// The server said no for good: it is not tried again.
pub fn refused(tx: &Transaction<'_>, id: i64, answer: &str, now: Timestamp) -> Result<()> {
    tx.prepare_cached("UPDATE mails SET refused_at = ?2, answer = ?3, away_since = NULL WHERE id = ?1")?
        .execute(params![id, ms(now), answer])?;
    Ok(())
}

/// Nobody was there to take it: it waits until `next`.
pub fn postponed(tx: &Transaction<'_>, id: i64, answer: &str, next: Timestamp, now: Timestamp) -> Result<()> {
    tx.prepare_cached(
        "UPDATE mails SET next_try_at = ?2, answer = ?3, tries = tries + 1, away_since = coalesce(away_since, ?4) WHERE id = ?1",
    )?
    .execute(params![id, ms(next), answer, ms(now)])?;
    Ok(())
}

/// What is wrong with the outbox, for `/healthz` and the overview.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trouble {
    /// Mails that are neither sent nor refused.
    pub waiting: u64,
    pub oldest_waiting: Option<Timestamp>,
    /// Since when the mail server takes nothing, when the newest try failed.
    pub away_since: Option<Timestamp>,
    /// What was said at the newest failed try, without addresses.
    pub answer: Option<String>,
    /// Mails that were refused for good, ever.
    pub refused: u64,
    pub last_refused: Option<Timestamp>,
}

impl Trouble {
    /// Whether mail does not leave: something has waited for longer than a few tries take.
    pub fn is_away(&self) -> bool {
        self.away_since.is_some()
    }
}

/// How the outbox stands.
pub fn outbox_trouble(conn: &Connection) -> Result<Trouble> {
    let waits = "sent_at IS NULL AND refused_at IS NULL";
    let (waiting, oldest, away): (i64, Option<i64>, Option<i64>) = conn
        .prepare_cached(&format!("SELECT count(*), min(stored_at), min(away_since) FROM mails WHERE {waits}"))?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let answer: Option<String> = conn
        .prepare_cached(&format!(
            "SELECT answer FROM mails WHERE {waits} AND away_since IS NOT NULL ORDER BY next_try_at DESC, id LIMIT 1"
        ))?
        .query_row([], |row| row.get(0))
        .optional()?
        .flatten();
    let (refused, last_refused): (i64, Option<i64>) = conn
        .prepare_cached("SELECT count(*), max(refused_at) FROM mails WHERE refused_at IS NOT NULL")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(Trouble {
        waiting: seq(waiting),
        oldest_waiting: oldest.map(at),
        away_since: away.map(at),
        answer,
        refused: seq(refused),
        last_refused: last_refused.map(at),
    })
}

/// A mail that no server will take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub id: i64,
    pub kind: String,
    pub recipient: String,
    pub refused_at: Timestamp,
    pub answer: String,
}

/// Mails refused for good from a time on, the newest first.
pub fn refused_since(conn: &Connection, since: Timestamp) -> Result<Vec<Refused>> {
    let mut statement = conn.prepare_cached(
        "SELECT id, kind, recipient, refused_at, coalesce(answer, '') FROM mails WHERE refused_at >= ?1
         ORDER BY refused_at DESC, id DESC",
    )?;
    let rows = statement.query_map([ms(since)], |row| {
        Ok(Refused {
            id: row.get(0)?,
            kind: row.get(1)?,
            recipient: row.get(2)?,
            refused_at: at(row.get(3)?),
            answer: row.get(4)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// An urgent mail of the last hour: to whom, when, about which account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recent {
    pub stored_at: Timestamp,
    pub accounts: Vec<i64>,
}

/// Urgent mails stored after a time, by recipient.
pub fn urgent_since(conn: &Connection, since: Timestamp) -> Result<HashMap<String, Vec<Recent>>> {
    let mut statement = conn.prepare_cached(
        "SELECT m.id, m.recipient, m.stored_at, a.account_id FROM mails m
           LEFT JOIN mailed t ON t.mail_id = m.id LEFT JOIN alerts a ON a.flag = t.flag
         WHERE m.kind = 'urgent' AND m.stored_at > ?1 ORDER BY m.id",
    )?;
    let mut rows = statement.query([ms(since)])?;
    let mut found: HashMap<String, Vec<Recent>> = HashMap::new();
    let mut newest = None;
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        let of_recipient = found.entry(row.get(1)?).or_default();
        if newest.replace(id) != Some(id) {
            of_recipient.push(Recent { stored_at: at(row.get(2)?), accounts: Vec::new() });
        }
        let account: Option<i64> = row.get(3)?;
        if let (Some(mail), Some(account)) = (of_recipient.last_mut(), account) {
            mail.accounts.push(account);
        }
    }
    Ok(found)
}

/// To whom the mail with a Message-ID went, and about which flags: for the page behind *Stop repeats for me*, which is opened by
/// the part of the Message-ID before the `@`.
pub fn told(conn: &Connection, local_part: &str) -> Result<Option<(String, Vec<FlagKey>)>> {
    let found: Option<(i64, String)> = conn
        .prepare_cached("SELECT id, recipient FROM mails WHERE message_id >= ?1 AND message_id < ?2")?
        .query_row([format!("<{local_part}@"), format!("<{local_part}A")], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((id, recipient)) = found else { return Ok(None) };
    let mut statement = conn.prepare_cached("SELECT flag FROM mailed WHERE mail_id = ?1 ORDER BY flag")?;
    let flags = statement.query_map([id], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    Ok(Some((recipient, flags)))
}
