//! What people say of an account that no API gives: who said it, when, until when it holds, and the file that shows it.

use std::collections::{BTreeSet, HashMap};

use anyhow::{Context as _, Result, ensure};
use jiff::civil::Date;
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use super::ledger::Log;
use super::{at, ms, row_id, seq};
use crate::model::Timestamp;
use crate::seal::Hash;

/// What somebody answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    Yes,
    No,
    Unknown,
}

impl Answer {
    pub const fn as_str(self) -> &'static str {
        match self {
            Answer::Yes => "yes",
            Answer::No => "no",
            Answer::Unknown => "unknown",
        }
    }

    pub const fn words(self) -> &'static str {
        match self {
            Answer::Yes => "yes",
            Answer::No => "no",
            Answer::Unknown => "does not know",
        }
    }
}

impl std::str::FromStr for Answer {
    type Err = String;

    fn from_str(word: &str) -> Result<Answer, String> {
        let all = [Answer::Yes, Answer::No, Answer::Unknown];
        let found = all.into_iter().find(|answer| answer.as_str().eq_ignore_ascii_case(word.trim()));
        found.ok_or_else(|| format!("{word:?} is no answer: yes, no or unknown"))
    }
}

/// A file that lies among the media under its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    pub sha256: Hash,
    /// As whoever brought it named it.
    pub name: String,
}

/// One that is about to be made.
#[derive(Debug, Clone)]
pub struct New {
    pub topic: &'static str,
    pub answer: Answer,
    pub words: String,
    pub said_by: String,
    pub expires_on: Date,
    pub evidence: Option<Evidence>,
}

/// One as it stands on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attestation {
    pub seq: u64,
    pub account: i64,
    pub topic: String,
    pub answer: Answer,
    pub words: String,
    pub said_by: String,
    /// Who wrote it down.
    pub actor: String,
    pub at: Timestamp,
    /// The last day on which it holds.
    pub expires_on: Date,
    pub evidence: Option<Evidence>,
}

/// Records what somebody said of an account. Returns its ledger entry.
pub fn record(tx: &Transaction<'_>, account: i64, new: &New, actor: &str, now: Timestamp) -> Result<u64> {
    ensure!(!new.said_by.trim().is_empty(), "an attestation needs the name of who says so");
    let slug: Option<String> =
        tx.query_row("SELECT slug FROM accounts WHERE id = ?1", [account], |row| row.get(0)).optional()?;
    let slug = slug.context("there is no such account")?;
    let mut fields = vec![
        ("topic", new.topic.to_owned()),
        ("answer", new.answer.as_str().to_owned()),
        ("words", new.words.clone()),
        ("said_by", new.said_by.clone()),
        ("expires_on", new.expires_on.to_string()),
    ];
    if let Some(evidence) = &new.evidence {
        fields.push(("evidence", hex::encode(evidence.sha256)));
        fields.push(("evidence_name", evidence.name.clone()));
    }
    let entry = Log::open(tx)?.record(now, "attestation", Some(&slug), Some(actor), &fields)?;
    tx.prepare_cached(
        "INSERT INTO attestations (seq, account_id, topic, answer, words, said_by, actor, at, expires_on, evidence,
           evidence_name) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?
    .execute(params![
        row_id(entry),
        account,
        new.topic,
        new.answer.as_str(),
        new.words,
        new.said_by,
        actor,
        ms(now),
        new.expires_on.to_string(),
        new.evidence.as_ref().map(|evidence| evidence.sha256),
        new.evidence.as_ref().map_or("", |evidence| evidence.name.as_str()),
    ])?;
    Ok(entry)
}

const SELECT: &str =
    "SELECT seq, account_id, topic, answer, words, said_by, actor, at, expires_on, evidence, evidence_name
    FROM attestations";

fn read(row: &Row<'_>) -> Result<Attestation> {
    let (answer, expires_on): (String, String) = (row.get(3)?, row.get(8)?);
    let evidence: Option<Hash> = row.get(9)?;
    Ok(Attestation {
        seq: seq(row.get(0)?),
        account: row.get(1)?,
        topic: row.get(2)?,
        answer: answer.parse().map_err(anyhow::Error::msg)?,
        words: row.get(4)?,
        said_by: row.get(5)?,
        actor: row.get(6)?,
        at: at(row.get(7)?),
        expires_on: expires_on.parse().context("the last day of an attestation")?,
        evidence: evidence
            .map(|sha256| Ok::<_, rusqlite::Error>(Evidence { sha256, name: row.get(10)? }))
            .transpose()?,
    })
}

/// All that was ever said of an account, the newest first.
pub fn of_account(conn: &Connection, account: i64) -> Result<Vec<Attestation>> {
    let mut statement = conn.prepare_cached(&format!("{SELECT} WHERE account_id = ?1 ORDER BY seq DESC"))?;
    let mut rows = statement.query([account])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(row)?);
    }
    Ok(found)
}

/// The newest of each topic, by account.
pub fn in_force(conn: &Connection) -> Result<HashMap<i64, Vec<Attestation>>> {
    let newest = "WHERE seq IN (SELECT max(seq) FROM attestations GROUP BY account_id, topic) ORDER BY seq";
    let mut statement = conn.prepare_cached(&format!("{SELECT} {newest}"))?;
    let mut rows = statement.query([])?;
    let mut found: HashMap<i64, Vec<Attestation>> = HashMap::new();
    while let Some(row) = rows.next()? {
        let one = read(row)?;
        found.entry(one.account).or_default().push(one);
    }
    Ok(found)
}

/// The topics of which anybody ever said anything, of whatever account.
pub fn topics(conn: &Connection) -> Result<BTreeSet<String>> {
    let mut statement = conn.prepare_cached("SELECT DISTINCT topic FROM attestations")?;
    Ok(statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?)
}

/// The entry of the newest one; 0 when there is none.
pub fn newest(conn: &Connection) -> Result<u64> {
    let newest: Option<i64> =
        conn.prepare_cached("SELECT max(seq) FROM attestations")?.query_row([], |row| row.get(0))?;
    Ok(newest.map_or(0, seq))
}

/// The evidence file of an entry.
pub fn evidence_of(conn: &Connection, entry: u64) -> Result<Option<Evidence>> {
    let mut statement = conn
        .prepare_cached("SELECT evidence, evidence_name FROM attestations WHERE seq = ?1 AND evidence IS NOT NULL")?;
    let row = |row: &Row<'_>| Ok(Evidence { sha256: row.get(0)?, name: row.get(1)? });
    Ok(statement.query_row([i64::try_from(entry).unwrap_or(-1)], row).optional()?)
}

/// The digest of every evidence file as the ledger names it: what `verify` and `backup` look for among the media.
pub fn evidence_files(conn: &Connection) -> Result<Vec<Hash>> {
    let mut statement = conn.prepare(
        "SELECT DISTINCT e.fields ->> 'evidence' FROM ledger l JOIN entries e USING (seq)
         WHERE l.kind = 'attestation' AND e.fields ->> 'evidence' IS NOT NULL ORDER BY 1",
    )?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let written: String = row.get(0)?;
        let mut digest = Hash::default();
        hex::decode_to_slice(&written, &mut digest).context("the digest of an evidence file")?;
        found.push(digest);
    }
    Ok(found)
}

/// Rows that do not say what their ledger entry says.
pub fn altered(conn: &Connection) -> Result<Vec<u64>> {
    let mut statement = conn.prepare(
        "SELECT coalesce(a.seq, l.seq) FROM (SELECT * FROM ledger WHERE kind = 'attestation') l
           FULL JOIN attestations a ON a.seq = l.seq
           LEFT JOIN entries e ON e.seq = l.seq LEFT JOIN accounts c ON c.id = a.account_id
         WHERE a.seq IS NULL OR l.seq IS NULL OR c.slug IS NOT l.subject OR a.actor IS NOT l.actor OR a.at IS NOT l.at
            OR a.topic IS NOT e.fields ->> 'topic' OR a.answer IS NOT e.fields ->> 'answer'
            OR a.words IS NOT e.fields ->> 'words' OR a.said_by IS NOT e.fields ->> 'said_by'
            OR a.expires_on IS NOT e.fields ->> 'expires_on'
            OR lower(hex(a.evidence)) IS NOT coalesce(e.fields ->> 'evidence', '')
            OR a.evidence_name IS NOT coalesce(e.fields ->> 'evidence_name', '')",
    )?;
    Ok(statement.query_map([], |row| Ok(seq(row.get(0)?)))?.collect::<rusqlite::Result<_>>()?)
}
