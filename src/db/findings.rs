//! Where accounts fall short of the audit: what is open, since when, and what became of it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use super::ledger::Log;
use super::{at, ms, row_id, seq};
use crate::model::Timestamp;

/// A check that an account was seen to fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failing {
    pub account: i64,
    pub slug: String,
    pub check: &'static str,
    pub clause: &'static str,
    pub turn: &'static str,
    pub what: String,
    /// The ledger entries it rests on.
    pub evidence: Vec<u64>,
}

/// How a finding ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The check was seen to hold.
    Fixed,
    /// It is not asked any more.
    Withdrawn,
}

impl End {
    const fn as_str(self) -> &'static str {
        match self {
            End::Fixed => "fixed",
            End::Withdrawn => "withdrawn",
        }
    }
}

/// A finding as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub account: i64,
    pub check: String,
    pub clause: String,
    pub turn: String,
    pub what: String,
    pub evidence: Vec<u64>,
    pub since: Timestamp,
    /// When it was last seen to be so: a check that lacks data leaves it open.
    pub seen_at: Timestamp,
    pub opened_seq: u64,
    /// When it was seen to be mended, or was not asked any more.
    pub ended_at: Option<Timestamp>,
    id: i64,
}

const SELECT: &str =
    "SELECT id, account_id, check_id, what, evidence, since, seen_at, opened_seq, clause, turn, ended_at
    FROM findings";

/// Nobody has accepted it as it is until the day `?2` or a later one.
const NOT_ACCEPTED: &str =
    "NOT EXISTS (SELECT 1 FROM tickets t WHERE t.finding_id = findings.id AND t.state = 'accepted'
    AND t.accepted_until >= ?2)";

fn finding(row: &Row<'_>) -> Result<Finding> {
    Ok(Finding {
        id: row.get(0)?,
        account: row.get(1)?,
        check: row.get(2)?,
        what: row.get(3)?,
        evidence: serde_json::from_str(&row.get::<_, String>(4)?)?,
        since: at(row.get(5)?),
        seen_at: at(row.get(6)?),
        opened_seq: seq(row.get(7)?),
        clause: row.get(8)?,
        turn: row.get(9)?,
        ended_at: row.get::<_, Option<i64>>(10)?.map(at),
    })
}

/// Every open finding, the oldest first.
pub fn open(conn: &Connection) -> Result<Vec<Finding>> {
    select(conn, "WHERE ended IS NULL ORDER BY since, id", params![])
}

/// Open findings of one account, the oldest first.
pub fn of(conn: &Connection, account: i64) -> Result<Vec<Finding>> {
    select(conn, "WHERE ended IS NULL AND account_id = ?1 ORDER BY since, id", params![account])
}

/// Those that opened with the entries after `from` up to `to`.
pub fn opened(conn: &Connection, from: u64, to: u64) -> Result<Vec<Finding>> {
    select(conn, "WHERE opened_seq > ?1 AND opened_seq <= ?2 ORDER BY opened_seq", params![row_id(from), row_id(to)])
}

/// Those that were seen to be mended with the entries after `from` up to `to`.
pub fn fixed(conn: &Connection, from: u64, to: u64) -> Result<Vec<Finding>> {
    let rest = "WHERE ended = 'fixed' AND ended_seq > ?1 AND ended_seq <= ?2 ORDER BY ended_seq";
    select(conn, rest, params![row_id(from), row_id(to)])
}

/// Open ones that opened before a time, the oldest first, without those that somebody has accepted for `today` (a day as in
/// 2027-06-30).
pub fn overdue(conn: &Connection, before: Timestamp, today: &str) -> Result<Vec<Finding>> {
    let rest = format!("WHERE ended IS NULL AND since < ?1 AND {NOT_ACCEPTED} ORDER BY since, id");
    select(conn, &rest, params![ms(before), today])
}

fn select(conn: &Connection, rest: &str, values: &[&dyn rusqlite::ToSql]) -> Result<Vec<Finding>> {
    let mut statement = conn.prepare_cached(&format!("{SELECT} {rest}"))?;
    let mut rows = statement.query(values)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(finding(row)?);
    }
    Ok(found)
}

/// What a run of the audit changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Changed {
    pub opened: u64,
    pub fixed: u64,
    pub withdrawn: u64,
}

/// Brings the findings up to what an audit saw. `ended` names the checks that hold or are not asked; what neither fails nor ended
/// stays as it is. A finding whose account is not in `accounts` is withdrawn: the page was retired. An audit that looked before the
/// last one that was kept changes nothing, and one that looked before a page was retired opens nothing there.
pub fn keep(
    tx: &Transaction<'_>,
    accounts: &[i64],
    failing: &[Failing],
    ended: &[(i64, &'static str, End)],
    through: u64,
    now: Timestamp,
) -> Result<Changed> {
    if last_run(tx, Timestamp::MAX)?.is_some_and(|last| last.through > through) {
        return Ok(Changed::default());
    }
    let mut known: BTreeMap<(i64, String), Finding> =
        open(tx)?.into_iter().map(|found| ((found.account, found.check.clone()), found)).collect();
    let mut log = Log::open(tx)?;
    let mut changed = Changed::default();
    let retired = retired(tx)?;
    for one in failing.iter().filter(|one| !retired.contains(&one.account)) {
        match known.remove(&(one.account, one.check.to_owned())) {
            Some(found) => seen_again(tx, &found, one, now)?,
            None => {
                begin(tx, &mut log, one, now)?;
                changed.opened += 1;
            }
        }
    }
    for (account, check, how) in ended {
        if let Some(found) = known.remove(&(*account, (*check).to_owned())) {
            end(tx, &mut log, &found, *how, now)?;
            *(if *how == End::Fixed { &mut changed.fixed } else { &mut changed.withdrawn }) += 1;
        }
    }
    for found in known.into_values().filter(|found| !accounts.contains(&found.account)) {
        end(tx, &mut log, &found, End::Withdrawn, now)?;
        changed.withdrawn += 1;
    }
    tx.execute(
        "INSERT INTO audits (at, through, open) VALUES (?1, ?2, (SELECT count(*) FROM findings WHERE ended IS NULL))",
        params![ms(now), row_id(through)],
    )?;
    Ok(changed)
}

fn retired(tx: &Transaction<'_>) -> Result<BTreeSet<i64>> {
    let mut statement = tx.prepare_cached("SELECT id FROM accounts WHERE status = 'retired'")?;
    Ok(statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?)
}

/// Withdraws what is open of a page that is retired.
pub fn withdraw(tx: &Transaction<'_>, account: i64, now: Timestamp) -> Result<()> {
    let open = of(tx, account)?;
    let mut log = Log::open(tx)?;
    open.iter().try_for_each(|found| end(tx, &mut log, found, End::Withdrawn, now))
}

fn begin(tx: &Transaction<'_>, log: &mut Log<'_>, one: &Failing, now: Timestamp) -> Result<()> {
    let evidence = serde_json::to_string(&one.evidence)?;
    let fields = [
        ("check", one.check.to_owned()),
        ("clause", one.clause.to_owned()),
        ("change", "opened".to_owned()),
        ("what", one.what.clone()),
        ("evidence", evidence.clone()),
        ("turn", one.turn.to_owned()),
    ];
    let seq = log.record(now, "finding", Some(&one.slug), None, &fields)?;
    tx.prepare_cached(
        "INSERT INTO findings (account_id, check_id, clause, turn, what, evidence, since, seen_at, opened_seq)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, ?8)",
    )?
    .execute(params![one.account, one.check, one.clause, one.turn, one.what, evidence, ms(now), row_id(seq)])?;
    Ok(())
}

fn seen_again(tx: &Transaction<'_>, found: &Finding, one: &Failing, now: Timestamp) -> Result<()> {
    tx.prepare_cached("UPDATE findings SET what = ?2, evidence = ?3, turn = ?4, seen_at = ?5 WHERE id = ?1")?
        .execute(params![found.id, one.what, serde_json::to_string(&one.evidence)?, one.turn, ms(now)])?;
    Ok(())
}

fn end(tx: &Transaction<'_>, log: &mut Log<'_>, found: &Finding, how: End, now: Timestamp) -> Result<()> {
    let slug = super::accounts::by_id(tx, found.account)?.row.slug;
    let fields = [("check", found.check.clone()), ("change", how.as_str().to_owned()), ("what", found.what.clone())];
    let seq = log.record(now, "finding", Some(&slug), None, &fields)?;
    tx.prepare_cached("UPDATE findings SET ended = ?2, ended_at = ?3, ended_seq = ?4 WHERE id = ?1")?
        .execute(params![found.id, how.as_str(), ms(now), row_id(seq)])?;
    Ok(())
}

/// A run of the audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    pub at: Timestamp,
    /// The newest entry it knew.
    pub through: u64,
    /// How many findings were open after it.
    pub open: u64,
}

/// The newest run that began before a time.
pub fn last_run(conn: &Connection, before: Timestamp) -> Result<Option<Run>> {
    let mut statement =
        conn.prepare_cached("SELECT at, through, open FROM audits WHERE at < ?1 ORDER BY id DESC LIMIT 1")?;
    let read = |row: &Row<'_>| Ok(Run { at: at(row.get(0)?), through: seq(row.get(1)?), open: seq(row.get(2)?) });
    Ok(statement.query_row([ms(before)], read).optional()?)
}

/// How many findings opened, were fixed and were withdrawn after a time.
pub fn since(conn: &Connection, after: Timestamp) -> Result<Changed> {
    let count =
        |sql: &str| -> Result<u64> { Ok(seq(conn.prepare_cached(sql)?.query_row([ms(after)], |row| row.get(0))?)) };
    Ok(Changed {
        opened: count("SELECT count(*) FROM findings WHERE since > ?1")?,
        fixed: count("SELECT count(*) FROM findings WHERE ended = 'fixed' AND ended_at > ?1")?,
        withdrawn: count("SELECT count(*) FROM findings WHERE ended = 'withdrawn' AND ended_at > ?1")?,
    })
}
