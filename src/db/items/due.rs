//! When a thread is to be looked at again.

use anyhow::Result;
use rusqlite::{Transaction, params};

use crate::db::{at, ms};
use crate::model::Timestamp;

/// After these many hours an item is looked at again; then yearly.
const REVISIT_HOURS: [i64; 7] = [2, 24, 72, 168, 720, 4320, 8760];

/// When an item written at `created` is next to be looked at, as of `now`: steps that are past count as done.
pub fn next_due(created: Timestamp, now: Timestamp) -> Timestamp {
    let hour = 3_600_000;
    let (created, now) = (ms(created), ms(now));
    let step = REVISIT_HOURS.iter().map(|hours| created.saturating_add(hours * hour)).find(|due| *due > now);
    let year = 8760 * hour;
    at(step.unwrap_or_else(|| created.saturating_add((now.saturating_sub(created) / year + 1).saturating_mul(year))))
}

/// Sets when a thread is due again, from all items in it: called when the thread has been walked.
pub fn reschedule(tx: &Transaction<'_>, root: i64, now: Timestamp) -> Result<()> {
    let mut statement = tx.prepare_cached(
        "SELECT coalesce(created_at, first_seen_at) FROM items WHERE root_id = ?1 AND kind IS NOT NULL",
    )?;
    let written =
        statement.query_map([root], |row| row.get::<_, Option<i64>>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
    let due = written.into_iter().flatten().map(|created| next_due(at(created), now)).min();
    tx.prepare_cached("UPDATE items SET due_at = ?2 WHERE id = ?1")?.execute(params![root, due.map(ms)])?;
    Ok(())
}
