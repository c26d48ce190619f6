//! What changed packs and other inputs did to the flags: counted before the changed flags count.

use std::collections::BTreeMap;

use anyhow::Result;
use rusqlite::{Connection, Row, Transaction, params};

use super::{at, inputs, ms, row_id, seq};
use crate::model::Timestamp;

/// One full replay by changed inputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    pub at: Timestamp,
    /// The ledger entry up to which texts were read.
    pub through: u64,
    /// The digest of the packs, in hex.
    pub packs: String,
    pub stayed: u64,
    pub new: u64,
    pub gone: u64,
    /// Of another severity.
    pub changed: u64,
    /// For each rule with any: new, gone, changed.
    pub rules: BTreeMap<String, [u64; 3]>,
}

/// Compares the flags computed anew with those in force and keeps what differs. To be called before the swap.
pub(super) fn compare(tx: &Transaction<'_>, through: u64, now: Timestamp) -> Result<()> {
    const CHANGES: [&str; 3] = [
        "SELECT rule, count(*) FROM flags_anew WHERE flag NOT IN (SELECT flag FROM flags) GROUP BY rule",
        "SELECT rule, count(*) FROM flags WHERE flag NOT IN (SELECT flag FROM flags_anew) GROUP BY rule",
        "SELECT f.rule, count(*) FROM flags f JOIN flags_anew n ON n.flag = f.flag WHERE n.severity <> f.severity GROUP BY f.rule",
    ];
    let mut rules: BTreeMap<String, [u64; 3]> = BTreeMap::new();
    for (place, sql) in CHANGES.iter().enumerate() {
        let mut statement = tx.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            rules.entry(row.get(0)?).or_default()[place] = seq(row.get(1)?);
        }
    }
    let total = |place: usize| rules.values().map(|changes| changes[place]).sum::<u64>();
    let anew: i64 = tx.query_row("SELECT count(*) FROM flags_anew", [], |row| row.get(0))?;
    let packs = inputs::in_force(tx, inputs::PACKS)?.map(|(digest, _)| hex::encode(digest)).unwrap_or_default();
    tx.execute(
        "INSERT INTO replays (at, through, packs, stayed, fresh, gone, changed, rules) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            ms(now),
            row_id(through),
            packs,
            anew - row_id(total(0)) - row_id(total(2)),
            row_id(total(0)),
            row_id(total(1)),
            row_id(total(2)),
            serde_json::to_string(&rules)?
        ],
    )?;
    Ok(())
}

/// The newest replays, the last one first.
pub fn newest(conn: &Connection, limit: u32) -> Result<Vec<Replay>> {
    let mut statement = conn.prepare_cached(
        "SELECT at, through, packs, stayed, fresh, gone, changed, rules FROM replays ORDER BY id DESC LIMIT ?1",
    )?;
    Ok(statement.query_map([limit], read)?.collect::<rusqlite::Result<_>>()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Replay> {
    Ok(Replay {
        at: at(row.get(0)?),
        through: seq(row.get(1)?),
        packs: row.get(2)?,
        stayed: seq(row.get(3)?),
        new: seq(row.get(4)?),
        gone: seq(row.get(5)?),
        changed: seq(row.get(6)?),
        rules: serde_json::from_str(&row.get::<_, String>(7)?).unwrap_or_default(),
    })
}
