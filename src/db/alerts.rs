//! Urgent mail: which flags people are told of, and when they were.

use std::collections::BTreeMap;

use anyhow::Result;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::flags::FlagKey;
use super::ledger::Log;
use super::standing::{PAST, counts, is_open};
use super::{at, inputs, mails, ms, row_id, seq};
use crate::model::{Category, Change, Kind, Role, Severity, Timestamp, rfc3339};
use crate::seal::Hash;

/// The view that the rule pass makes.
const FLAGS: &str = "flags";
/// How far the alerts have followed it.
const ALERTS: &str = "alerts";

/// Since when mails go to everybody; `None`: to the administrator alone.
pub fn live_since(conn: &Connection) -> Result<Option<Timestamp>> {
    let since: Option<i64> = conn.query_row("SELECT went_live_at FROM archive", [], |row| row.get(0))?;
    Ok(since.map(at))
}

/// From now on mails go to everybody. `None`: they did already.
pub fn go_live(tx: &Transaction<'_>, actor: &str, now: Timestamp) -> Result<Option<u64>> {
    if live_since(tx)?.is_some() {
        return Ok(None);
    }
    let fields = [("what", "went_live".to_owned()), ("value", rfc3339(now))];
    let seq = Log::open(tx)?.record(now, "config", Some("went_live"), Some(actor), &fields)?;
    tx.execute("UPDATE archive SET went_live_at = ?1", [ms(now)])?;
    Ok(Some(seq))
}

/// When an alert is mailed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// At once.
    Urgent,
    /// In the next morning's mail.
    Morning,
    /// Counted in one summary mail a run.
    Past,
}

impl Class {
    pub const fn as_str(self) -> &'static str {
        match self {
            Class::Urgent => "urgent",
            Class::Morning => "morning",
            Class::Past => "past",
        }
    }
}

/// A flag that has no alert yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    pub flag: FlagKey,
    pub item: i64,
    pub account: i64,
    pub account_slug: String,
    pub category: Category,
    pub severity: Severity,
    /// Turned up by a backfill, an import or a changed pack, or written long before it was first seen.
    pub past: bool,
}

/// How far the flags have come and the alerts with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    flags: Option<(u64, Hash, i64)>,
    /// Flags on versions up to here have their alerts.
    pub done: u64,
}

impl Mark {
    /// Whether much has been looked through, or all of it anew, that need not be looked at again.
    pub fn is_behind(&self) -> bool {
        self.flags.is_some_and(|(seq, ..)| seq.saturating_sub(self.done) > if self.done == 0 { 0 } else { 10_000 })
    }
}

/// Where to go on. Flags that were computed anew are looked through from the start: a changed pack finds old versions.
pub fn mark(conn: &Connection) -> Result<Mark> {
    let flags = inputs::watermark(conn, FLAGS)?;
    let mine = inputs::watermark(conn, ALERTS)?;
    let done = match (flags, mine) {
        (Some((_, inputs, code)), Some((seq, my_inputs, my_code))) if inputs == my_inputs && code == my_code => seq,
        _ => 0,
    };
    Ok(Mark { flags, done })
}

/// Notes that everything up to what [`mark`] read has its alert.
pub fn set_mark(tx: &Transaction<'_>, mark: &Mark) -> Result<()> {
    match mark.flags {
        Some((seq, inputs, code)) if seq != mark.done => inputs::set_watermark(tx, ALERTS, seq, &inputs, code),
        _ => Ok(()),
    }
}

/// Beside what is from the past anyway: written more than `?1` milliseconds before it was first seen. Only what an item first said is as
/// old as the item.
pub(super) fn from_the_past() -> String {
    format!("({PAST} OR (f.version_seq = i.first_seq AND i.created_at < i.first_seen_at - ?1))")
}

/// The four concerns as SQL text.
pub(super) fn concerns() -> String {
    let names = Category::ALL.iter().filter(|category| category.is_concern()).map(|name| format!("'{name}'"));
    names.collect::<Vec<_>>().join(", ")
}

/// Flags without an alert that want one: concerns, and everything from the past; up to `limit`, in the ledger's order.
pub fn candidates(conn: &Connection, after: u64, fresh_days: u32, limit: u32) -> Result<Vec<Candidate>> {
    let (old, counts) = (from_the_past(), counts());
    let mut statement = conn.prepare_cached(&format!(
        "SELECT f.flag, f.item_id, i.account_id, a.slug, f.category, f.severity, {old} AS old
         FROM flags f JOIN items i ON i.id = f.item_id JOIN accounts a ON a.id = i.account_id
         WHERE f.version_seq > ?2 AND {counts} AND (f.category IN ({}) OR old)
           AND NOT EXISTS (SELECT 1 FROM alerts k WHERE k.flag = f.flag)
         ORDER BY f.version_seq, f.flag LIMIT ?3",
        concerns()
    ))?;
    let rows = statement.query_map(params![fresh_ms(fresh_days), row_id(after), limit], |row| {
        Ok(Candidate {
            flag: row.get(0)?,
            item: row.get(1)?,
            account: row.get(2)?,
            account_slug: row.get(3)?,
            category: row.get(4)?,
            severity: row.get(5)?,
            past: row.get::<_, Option<bool>>(6)?.unwrap_or(false),
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Days as milliseconds.
pub(super) fn fresh_ms(days: u32) -> i64 {
    i64::from(days) * 86_400_000
}

/// Stores one row a flag key, and one ledger entry an account and class. A key that stands there is left alone.
pub fn store(tx: &Transaction<'_>, new: &[(Candidate, Class)], now: Timestamp) -> Result<u64> {
    let mut groups: BTreeMap<(&str, Class), Vec<&Candidate>> = BTreeMap::new();
    let mut known = tx.prepare_cached("SELECT EXISTS (SELECT 1 FROM alerts WHERE flag = ?1)")?;
    for (candidate, class) in new {
        if !known.query_row([candidate.flag], |row| row.get(0))? {
            groups.entry((&candidate.account_slug, *class)).or_default().push(candidate);
        }
    }
    let mut insert = tx.prepare_cached(
        "INSERT INTO alerts (flag, item_id, account_id, category, severity, class, stored_at, seq)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    let mut log = Log::open(tx)?;
    let mut stored = 0;
    for ((slug, class), candidates) in groups {
        let flags: Vec<String> = candidates.iter().map(|candidate| hex::encode(candidate.flag)).collect();
        let fields = [("class", class.as_str().to_owned()), ("flags", serde_json::to_string(&flags)?)];
        let entry = log.record(now, "alert", Some(slug), None, &fields)?;
        for one in candidates {
            insert.execute(params![
                one.flag,
                one.item,
                one.account,
                one.category,
                one.severity,
                class.as_str(),
                ms(now),
                row_id(entry)
            ])?;
            stored += 1;
        }
    }
    Ok(stored)
}

/// An alert that nobody has answered: its flag is open, and for urgent ones nobody has opened the item.
#[derive(Debug, Clone)]
pub struct Open {
    pub flag: FlagKey,
    pub account: i64,
    pub category: Category,
    pub severity: Severity,
    pub stored_at: Timestamp,
    pub escalated_at: Option<Timestamp>,
    pub kind: Kind,
    pub role: Role,
    pub created_at: Option<Timestamp>,
    /// What the flagged version records: an edit says that the words are younger than the item.
    pub change: Change,
    /// When pagekeeper saw the flagged words.
    pub observed_at: Timestamp,
    /// The platform's own link to the district's post that the item is or stands under.
    pub post_url: Option<String>,
    /// Who was told, and when last: urgent alerts only.
    pub told: BTreeMap<String, (u32, Timestamp)>,
    /// Who stopped her own repeats.
    pub acknowledged: Vec<String>,
}

impl Open {
    /// The key as people type it.
    pub fn key(&self) -> String {
        hex::encode(self.flag)
    }
}

/// Somebody has opened the item since the flagged words were entered: who saw it before they stood there has not seen them.
pub(super) const OPENED: &str =
    "EXISTS (SELECT 1 FROM openings o WHERE o.item_id = f.item_id AND o.kind = 'exposure' AND o.seq > f.version_seq)";

const OPEN: &str = "SELECT a.flag, a.account_id, a.category, a.severity, a.stored_at, a.escalated_at, i.kind, i.role,
       i.created_at, v.change, v.observed_at, CASE WHEN p.role = 'district' THEN p.url END
     FROM alerts a JOIN flags f ON f.flag = a.flag JOIN items i ON i.id = a.item_id
       JOIN versions v ON v.seq = f.version_seq LEFT JOIN items p ON p.id = i.root_id";

/// Urgent alerts that are open: a flag is reviewed, or its item opened by anybody, and it is not among them any more.
pub fn urgent(conn: &Connection) -> Result<Vec<Open>> {
    let rest = format!("WHERE a.class = 'urgent' AND {} AND NOT {OPENED}", is_open());
    let mut found = open(conn, &rest, [])?;
    for alert in &mut found {
        alert.told = told(conn, &alert.flag)?;
        alert.acknowledged = acknowledged(conn, &alert.flag)?;
    }
    Ok(found)
}

/// Alerts for the morning mail that were stored before a time and are in no mail yet.
pub fn morning(conn: &Connection, before: Timestamp) -> Result<Vec<Open>> {
    open(
        conn,
        &format!("WHERE a.class = 'morning' AND a.sends = 0 AND a.stored_at < ?1 AND {}", is_open()),
        [ms(before)],
    )
}

fn open(conn: &Connection, rest: &str, params: impl rusqlite::Params) -> Result<Vec<Open>> {
    let mut statement = conn.prepare_cached(&format!("{OPEN} {rest} ORDER BY a.seq, a.flag"))?;
    let rows = statement.query_map(params, |row| {
        Ok(Open {
            flag: row.get(0)?,
            account: row.get(1)?,
            category: row.get(2)?,
            severity: row.get(3)?,
            stored_at: at(row.get(4)?),
            escalated_at: row.get::<_, Option<i64>>(5)?.map(at),
            kind: row.get(6)?,
            role: row.get(7)?,
            created_at: row.get::<_, Option<i64>>(8)?.map(at),
            change: row.get(9)?,
            observed_at: at(row.get(10)?),
            post_url: row.get(11)?,
            told: BTreeMap::new(),
            acknowledged: Vec::new(),
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn told(conn: &Connection, flag: &FlagKey) -> Result<BTreeMap<String, (u32, Timestamp)>> {
    let mut statement = conn.prepare_cached(
        // Beside max() SQLite gives the columns of its row: the last mail, whatever the clock said then.
        "SELECT m.recipient, count(*), m.stored_at, max(m.id) FROM mailed t JOIN mails m ON m.id = t.mail_id
         WHERE t.flag = ?1 GROUP BY m.recipient",
    )?;
    let rows = statement.query_map([flag], |row| Ok((row.get(0)?, (row.get(1)?, at(row.get(2)?)))))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn acknowledged(conn: &Connection, flag: &FlagKey) -> Result<Vec<String>> {
    let mut statement = conn.prepare_cached(
        "SELECT DISTINCT actor FROM openings WHERE flag = ?1 AND kind = 'acknowledgement' ORDER BY 1",
    )?;
    Ok(statement.query_map([flag], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?)
}

/// What is new from the past, by account and category.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Past {
    pub counts: Vec<(i64, Category, u64)>,
    /// The newest alert's ledger entry among them.
    pub through: u64,
    pub newest_at: Option<Timestamp>,
    pub oldest_at: Option<Timestamp>,
    /// A backfill or an import may still add to them.
    pub running: bool,
}

/// Alerts from the past that no summary mail has counted yet.
pub fn past(conn: &Connection) -> Result<Past> {
    let mut past = Past {
        running: conn
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM harvests h JOIN claims c USING (account_id) WHERE h.outcome = 'running' AND h.mode = 'backfill')")?
            .query_row([], |row| row.get(0))?,
        ..Past::default()
    };
    let found: (Option<i64>, Option<i64>, Option<i64>) = conn
        .prepare_cached(
            "SELECT max(seq), max(stored_at), min(stored_at) FROM alerts WHERE class = 'past' AND sends = 0",
        )?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let Some(through) = found.0 else { return Ok(past) };
    past.through = seq(through);
    past.newest_at = found.1.map(at);
    past.oldest_at = found.2.map(at);
    let is_open = is_open();
    let mut statement = conn.prepare_cached(&format!(
        "SELECT a.account_id, a.category, count(*) FROM alerts a JOIN flags f ON f.flag = a.flag
         WHERE a.class = 'past' AND a.sends = 0 AND a.seq <= ?1 AND {is_open}
         GROUP BY a.account_id, a.category ORDER BY a.account_id, a.category"
    ))?;
    let rows = statement.query_map([through], |row| Ok((row.get(0)?, row.get(1)?, seq(row.get(2)?))))?;
    past.counts = rows.collect::<rusqlite::Result<_>>()?;
    Ok(past)
}

/// What one look at the alerts decided: mails to store, with the flags each tells of, and what that makes of the alerts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decision {
    pub mails: Vec<(mails::New, Vec<FlagKey>)>,
    /// Goes to the second list too from now on.
    pub escalated: Vec<FlagKey>,
    /// Alerts of the morning that have had their mail, also where nobody was to get it.
    pub morning: Vec<FlagKey>,
    /// Alerts from the past are counted up to this ledger entry.
    pub past_through: Option<u64>,
}

impl Decision {
    pub fn is_empty(&self) -> bool {
        *self == Decision::default()
    }
}

/// Stores what was decided, all of it together. Returns how many mails are new.
pub fn carry_out(tx: &Transaction<'_>, decision: &Decision, now: Timestamp) -> Result<usize> {
    let mut stored = 0;
    let mut touch = tx.prepare_cached("UPDATE alerts SET sends = sends + 1, last_sent_at = ?2 WHERE flag = ?1")?;
    let mut tell = tx.prepare_cached("INSERT INTO mailed (flag, mail_id) VALUES (?1, ?2)")?;
    for (mail, flags) in &decision.mails {
        let Some(id) = mails::put(tx, mail, now)? else { continue };
        stored += 1;
        for flag in flags {
            tell.execute(params![flag, id])?;
            touch.execute(params![flag, ms(now)])?;
        }
    }
    for flag in &decision.escalated {
        tx.prepare_cached("UPDATE alerts SET escalated_at = coalesce(escalated_at, ?2) WHERE flag = ?1")?
            .execute(params![flag, ms(now)])?;
    }
    for flag in &decision.morning {
        tx.prepare_cached("UPDATE alerts SET sends = 1, last_sent_at = ?2 WHERE flag = ?1 AND sends = 0")?
            .execute(params![flag, ms(now)])?;
    }
    if let Some(through) = decision.past_through {
        tx.prepare_cached(
            "UPDATE alerts SET sends = 1, last_sent_at = ?2 WHERE class = 'past' AND sends = 0 AND seq <= ?1",
        )?
        .execute(params![row_id(through), ms(now)])?;
    }
    Ok(stored)
}

/// One alert, to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub class: String,
    pub stored_at: Timestamp,
    pub sends: u32,
    pub last_sent_at: Option<Timestamp>,
    pub escalated_at: Option<Timestamp>,
    pub seq: u64,
}

/// The alert of a flag.
pub fn by_flag(conn: &Connection, flag: &FlagKey) -> Result<Option<Row>> {
    let mut statement = conn.prepare_cached(
        "SELECT class, stored_at, sends, last_sent_at, escalated_at, seq FROM alerts WHERE flag = ?1",
    )?;
    let found = statement.query_row([flag], |row| {
        Ok(Row {
            class: row.get(0)?,
            stored_at: at(row.get(1)?),
            sends: row.get(2)?,
            last_sent_at: row.get::<_, Option<i64>>(3)?.map(at),
            escalated_at: row.get::<_, Option<i64>>(4)?.map(at),
            seq: seq(row.get(5)?),
        })
    });
    Ok(found.optional()?)
}
