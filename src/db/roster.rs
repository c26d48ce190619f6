//! The names of students as keyed hashes, with whether a release form is on file.

use std::collections::HashMap;

use anyhow::Result;
use rusqlite::{Connection, Transaction};

use crate::seal::Hash;

/// Puts a roster in the place of the one before.
pub fn replace(tx: &Transaction<'_>, names: &HashMap<Hash, bool>) -> Result<()> {
    clear(tx)?;
    let mut insert = tx.prepare_cached("INSERT INTO roster (hash, released) VALUES (?1, ?2)")?;
    let mut sorted: Vec<(&Hash, &bool)> = names.iter().collect();
    sorted.sort_unstable();
    for (hash, released) in sorted {
        insert.execute((hash, released))?;
    }
    Ok(())
}

/// Removes every hash; what they stood in is overwritten (`secure_delete`).
pub fn clear(tx: &Transaction<'_>) -> Result<()> {
    tx.execute("DELETE FROM roster", [])?;
    Ok(())
}

/// The whole roster.
pub fn all(conn: &Connection) -> Result<HashMap<Hash, bool>> {
    let mut statement = conn.prepare_cached("SELECT hash, released FROM roster")?;
    Ok(statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?)
}
