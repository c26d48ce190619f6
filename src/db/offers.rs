//! Packs that changed on the disk: what they would do, until a person puts them in force or they change again.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use serde::{Deserialize, Serialize};

use super::{at, inputs, ms, row_id, seq};
use crate::model::Timestamp;
use crate::seal::Hash;

/// Packs that load and wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    pub digest: Hash,
    /// The files as an input has them.
    pub text: String,
    pub at: Timestamp,
    /// What they were compared with: the inputs in force and the version of the program.
    pub against: Hash,
    /// The ledger entry up to which texts were read.
    pub through: u64,
    pub found: Found,
}

/// What they would do to the flags.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    pub texts: u64,
    pub stayed: u64,
    pub new: u64,
    pub gone: u64,
    /// Of another severity.
    pub changed: u64,
    /// Each rule with any of them.
    pub rules: BTreeMap<String, Change>,
}

/// What they would do to the flags of one rule.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub new: u64,
    pub gone: u64,
    pub changed: u64,
    /// Some of them: new, gone or changed, and the item.
    pub examples: Vec<(String, String)>,
}

/// The offer that stands.
pub fn standing(conn: &Connection) -> Result<Option<Offer>> {
    let mut statement = conn.prepare_cached("SELECT digest, text, at, against, through, found FROM offers")?;
    let mut rows = statement.query([])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some(Offer {
        digest: row.get(0)?,
        text: row.get(1)?,
        at: at(row.get(2)?),
        against: row.get(3)?,
        through: seq(row.get(4)?),
        found: serde_json::from_str(&row.get::<_, String>(5)?).context("what the offered packs would do")?,
    }))
}

/// Its digest, and what it was compared with.
pub fn known(conn: &Connection) -> Result<Option<(Hash, Hash)>> {
    let mut statement = conn.prepare_cached("SELECT digest, against FROM offers")?;
    Ok(statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
}

/// Offers packs in place of those offered before.
pub fn put(tx: &Transaction<'_>, offer: &Offer) -> Result<()> {
    withdraw(tx)?;
    tx.execute(
        "INSERT INTO offers (id, digest, text, at, against, through, found) VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            offer.digest,
            offer.text,
            ms(offer.at),
            offer.against,
            row_id(offer.through),
            serde_json::to_string(&offer.found)?
        ],
    )?;
    Ok(())
}

/// Nothing is offered any more.
pub fn withdraw(tx: &Transaction<'_>) -> Result<()> {
    tx.execute("DELETE FROM offers", [])?;
    Ok(())
}

/// A person puts the packs with this digest in force, as they were shown to her. Returns what they would do.
pub fn accept(tx: &Transaction<'_>, digest: &Hash, actor: &str, now: Timestamp) -> Result<Found> {
    let offer =
        standing(tx)?.context("no changed packs wait: others have put them in force, or the files are as before")?;
    ensure!(offer.digest == *digest, "the packs have changed again in the meantime: look at what is offered now");
    inputs::put_by(tx, inputs::PACKS, &offer.text, Some(actor), now)?;
    withdraw(tx)?;
    Ok(offer.found)
}
