//! Runs of the daemon's jobs: what ran for which time, and how it ended.

use std::collections::BTreeMap;

use anyhow::Result;
use rusqlite::{Connection, Row, Transaction, params};

use super::{at, ms};
use crate::model::Timestamp;

/// How long the record of an ordinary run is kept; failures stay.
const KEPT_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// One run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    pub name: String,
    pub scheduled_at: Timestamp,
    pub started_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    /// `done`, `failed` or `interrupted`; absent while it runs.
    pub outcome: Option<String>,
    pub error: Option<String>,
}

/// The newest run of every job, by name.
pub fn newest(conn: &Connection) -> Result<BTreeMap<String, Run>> {
    let mut statement = conn.prepare_cached(
        "SELECT name, max(scheduled_at), started_at, ended_at, outcome, error FROM jobs GROUP BY name",
    )?;
    let rows = statement.query_map([], run)?.collect::<rusqlite::Result<Vec<Run>>>()?;
    Ok(rows.into_iter().map(|run| (run.name.clone(), run)).collect())
}

/// The scheduled time of each job's newest run that came to an end. One that was interrupted is still owed.
pub fn last_ended(conn: &Connection) -> Result<BTreeMap<String, Timestamp>> {
    let mut statement = conn
        .prepare_cached("SELECT name, max(scheduled_at) FROM jobs WHERE outcome IN ('done', 'failed') GROUP BY name")?;
    let pair = |row: &Row<'_>| Ok((row.get(0)?, at(row.get(1)?)));
    Ok(statement.query_map([], pair)?.collect::<rusqlite::Result<_>>()?)
}

/// How often a job has failed.
pub fn failures(conn: &Connection, name: &str) -> Result<u64> {
    let sql = "SELECT count(*) FROM jobs WHERE name = ?1 AND outcome = 'failed'";
    Ok(super::seq(conn.prepare_cached(sql)?.query_row([name], |row| row.get(0))?))
}

/// When the archive was made: jobs owe nothing from before.
pub fn since(conn: &Connection) -> Result<Timestamp> {
    Ok(at(conn.query_row("SELECT created_at FROM archive", [], |row| row.get(0))?))
}

/// A run begins; an interrupted one for the same time begins again.
pub fn begin(tx: &Transaction<'_>, name: &str, scheduled_at: Timestamp, now: Timestamp) -> Result<()> {
    tx.execute(
        "INSERT INTO jobs (name, scheduled_at, started_at) VALUES (?1, ?2, ?3)
         ON CONFLICT DO UPDATE SET started_at = excluded.started_at, ended_at = NULL, outcome = NULL, error = NULL",
        params![name, ms(scheduled_at), ms(now)],
    )?;
    Ok(())
}

/// A run has ended: well, or with the reason why not. Old records of runs that went well are dropped.
pub fn end(
    tx: &Transaction<'_>,
    name: &str,
    scheduled_at: Timestamp,
    error: Option<&str>,
    now: Timestamp,
) -> Result<()> {
    let outcome = if error.is_some() { "failed" } else { "done" };
    tx.execute(
        "UPDATE jobs SET ended_at = ?3, outcome = ?4, error = ?5 WHERE name = ?1 AND scheduled_at = ?2",
        params![name, ms(scheduled_at), ms(now), outcome, error],
    )?;
    tx.execute(
        "DELETE FROM jobs WHERE name = ?1 AND outcome = 'done' AND scheduled_at < ?2",
        params![name, ms(scheduled_at) - KEPT_MS],
    )?;
    Ok(())
}

/// Marks runs that an earlier process left behind. Called by the one daemon when it starts.
pub fn interrupt(tx: &Transaction<'_>, now: Timestamp) -> Result<usize> {
    let changed = tx.execute(
        "UPDATE jobs SET ended_at = ?1, outcome = 'interrupted', error = 'the program ended during the run'
         WHERE outcome IS NULL",
        [ms(now)],
    )?;
    Ok(changed)
}

fn run(row: &Row<'_>) -> rusqlite::Result<Run> {
    Ok(Run {
        name: row.get(0)?,
        scheduled_at: at(row.get(1)?),
        started_at: at(row.get(2)?),
        ended_at: row.get::<_, Option<i64>>(3)?.map(at),
        outcome: row.get(4)?,
        error: row.get(5)?,
    })
}
