//! Exchanges as they are kept: a row for each that was sent, its bytes where something may cite them.

use std::cell::RefCell;

use anyhow::{Context as _, Result};
use rusqlite::{Transaction, params};

use super::Sighting;
use crate::db::ms;
use crate::model::{Attempt, Page, Problem};
use crate::seal::{self, Hash};

/// A page with everything about it that needs no database: digests and the compressed body. Made off the writer's thread.
#[derive(Debug)]
pub struct Sealed {
    pub page: Page,
    pub(crate) digest: Hash,
    pub(crate) contents: Vec<Hash>,
    pub(crate) body: Vec<u8>,
    pub(crate) earlier: Vec<Failed>,
}

impl Sealed {
    pub fn new(mut page: Page) -> Result<Sealed> {
        let earlier = std::mem::take(&mut page.exchange.earlier);
        let earlier = earlier.into_iter().map(Failed::new).collect::<Result<_>>()?;
        let digest = seal::sha256(&page.exchange.body);
        let contents = page.observations.iter().map(|seen| seal::content_digest(&seen.content)).collect();
        let body = packed(&page.exchange.body)?;
        Ok(Sealed { page, digest, contents, body, earlier })
    }

    /// The digest of the exchange's body.
    pub fn digest(&self) -> Hash {
        self.digest
    }
}

/// An exchange that brought nothing but trouble, sealed, with the attempts before it.
#[derive(Debug)]
pub struct Failed {
    sealed: Sealed,
    say: String,
}

impl Failed {
    pub fn new(attempt: Attempt) -> Result<Failed> {
        let sealed = Sealed::new(Page { exchange: attempt.exchange, ..Page::default() })?;
        Ok(Failed { sealed, say: attempt.say })
    }
}

/// Records attempts that came to nothing: the row of each, the bytes of its answer, and why as a problem.
pub fn store_attempts(tx: &Transaction<'_>, sight: &Sighting, attempts: &[Failed]) -> Result<()> {
    for Failed { sealed, say } in attempts {
        store_attempts(tx, sight, &sealed.earlier)?;
        let capture = insert(tx, sight, sealed)?;
        insert_body(tx, capture, true, sealed)?;
        insert_problems(tx, sight, capture, &[Problem::new("exchange", say)])?;
    }
    Ok(())
}

pub(super) fn insert(tx: &Transaction<'_>, sight: &Sighting, sealed: &Sealed) -> Result<i64> {
    let exchange = &sealed.page.exchange;
    let origin = if sight.harvest.is_some() { "harvest" } else { "import" };
    tx.prepare_cached(
        "INSERT INTO captures (harvest_id, at, origin, method, target, status, headers, redactions, size, digest)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?
    .execute(params![
        sight.harvest,
        ms(exchange.at),
        origin,
        exchange.method,
        exchange.target,
        exchange.status,
        serde_json::to_string(&exchange.headers)?,
        serde_json::to_string(&exchange.redactions)?,
        i64::try_from(exchange.body.len())?,
        sealed.digest,
    ])?;
    Ok(tx.last_insert_rowid())
}

/// Keeps the bytes of an answer, where there are any.
pub(super) fn insert_body(tx: &Transaction<'_>, capture: i64, cited: bool, sealed: &Sealed) -> Result<()> {
    if sealed.page.exchange.body.is_empty() {
        return Ok(());
    }
    tx.prepare_cached("INSERT INTO bodies (capture_id, cited, body) VALUES (?1, ?2, ?3)")?.execute(params![
        capture,
        cited,
        sealed.body
    ])?;
    Ok(())
}

pub(super) fn insert_problems(
    tx: &Transaction<'_>,
    sight: &Sighting,
    capture: i64,
    problems: &[Problem],
) -> Result<()> {
    let mut statement = tx
        .prepare_cached("INSERT INTO problems (capture_id, account_id, at, place, what) VALUES (?1, ?2, ?3, ?4, ?5)")?;
    for problem in problems {
        statement.execute(params![capture, sight.account, ms(sight.now), problem.place, problem.what])?;
    }
    Ok(())
}

/// The bytes of a capture as they are kept. Each thread keeps its compressor: making one takes longer than a line of an import.
fn packed(bytes: &[u8]) -> Result<Vec<u8>> {
    thread_local! {
        static COMPRESSOR: RefCell<Option<zstd::bulk::Compressor<'static>>> = const { RefCell::new(None) };
    }
    COMPRESSOR.with_borrow_mut(|held| {
        let compressor = match held {
            Some(compressor) => compressor,
            None => held.insert(zstd::bulk::Compressor::new(3)?),
        };
        compressor.compress(bytes).context("could not compress a capture")
    })
}
