//! What credentials were seen to be and to give when they were last asked about: a cache, without secrets.

use anyhow::{Context as _, Result};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::{at, ms};
use crate::model::{Credential, Platform, Timestamp};

/// A credential that is kept an eye on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub platform: Platform,
    /// The one account it is for; 0 for the whole platform's.
    pub account: i64,
    pub probed_at: Timestamp,
    pub credential: Credential,
}

/// Puts what was seen in the place of what was seen before.
pub fn put(
    tx: &Transaction<'_>,
    platform: Platform,
    account: i64,
    credential: &Credential,
    now: Timestamp,
) -> Result<()> {
    let facts = serde_json::to_string(credential)?;
    tx.prepare_cached(
        "INSERT INTO credentials (platform, account_id, probed_at, facts) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (platform, account_id) DO UPDATE SET probed_at = excluded.probed_at, facts = excluded.facts",
    )?
    .execute(params![platform.as_str(), account, ms(now), facts])?;
    Ok(())
}

/// One credential as it was last seen.
pub fn of(conn: &Connection, platform: Platform, account: i64) -> Result<Option<Credential>> {
    let mut statement = conn.prepare_cached("SELECT facts FROM credentials WHERE platform = ?1 AND account_id = ?2")?;
    let facts: Option<String> =
        statement.query_row(params![platform.as_str(), account], |row| row.get(0)).optional()?;
    facts.map(|facts| serde_json::from_str(&facts).context("what was seen of a credential")).transpose()
}

/// Every credential as it was last seen.
pub fn all(conn: &Connection) -> Result<Vec<Seen>> {
    let mut statement = conn.prepare_cached(
        "SELECT platform, account_id, probed_at, facts FROM credentials ORDER BY platform, account_id",
    )?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let (platform, facts): (String, String) = (row.get(0)?, row.get(3)?);
        // A platform of a later version is not this one's business.
        let Ok(platform) = platform.parse() else { continue };
        let credential = serde_json::from_str(&facts).context("what was seen of a credential")?;
        found.push(Seen { platform, account: row.get(1)?, probed_at: at(row.get(2)?), credential });
    }
    Ok(found)
}
