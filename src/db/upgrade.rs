//! Brings an older archive to the present schema, one numbered step after the other. The schema of every released version is
//! kept under `tests/schemas/` and upgraded in a test.

use anyhow::{Context as _, Result, ensure};
use rusqlite::{Connection, TransactionBehavior};

/// A new database is this file.
pub const SCHEMA: &str = include_str!("../../schema.sql");

/// The schema's version, kept in `PRAGMA user_version`.
pub const VERSION: i64 = 1 + STEPS.len() as i64;

/// Step `n` (from 0) brings version `n + 1` to `n + 2`. A step that has been released never changes.
const STEPS: &[&str] = &[
    include_str!("upgrade/to_2.sql"),
    include_str!("upgrade/to_3.sql"),
    include_str!("upgrade/to_4.sql"),
    include_str!("upgrade/to_5.sql"),
];

/// Runs the missing steps, each in one transaction. A newer database than the program is refused.
pub fn bring_up_to_date(conn: &mut Connection) -> Result<()> {
    let mut version: i64 = conn.pragma_query_value(None, "user_version", |row| row.get(0))?;
    ensure!(
        version <= VERSION,
        "this database was written by a newer pagekeeper (schema {version}, this program knows {VERSION}): install that one"
    );
    ensure!(version >= 1, "this database has no schema of pagekeeper; it was left as it is");
    while let Some(step) = usize::try_from(version - 1).ok().and_then(|done| STEPS.get(done)) {
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        tx.execute_batch(step).with_context(|| format!("could not upgrade from schema {version}"))?;
        version += 1;
        tx.pragma_update(None, "user_version", version)?;
        tx.commit()?;
    }
    Ok(())
}
