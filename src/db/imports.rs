//! Imports in the ledger.

use anyhow::Result;
use rusqlite::Transaction;

use super::ledger::Log;
use crate::model::Timestamp;
use crate::seal::Hash;

/// Records that a file was imported: its name and digest, its lines, the versions kept, the lines skipped.
#[expect(clippy::too_many_arguments, reason = "the fields of one entry")]
pub fn record(
    tx: &Transaction<'_>,
    file: &str,
    digest: &Hash,
    lines: u64,
    kept: u64,
    skipped: usize,
    actor: &str,
    now: Timestamp,
) -> Result<u64> {
    let fields = [
        ("file", file.to_owned()),
        ("digest", hex::encode(digest)),
        ("lines", lines.to_string()),
        ("kept", kept.to_string()),
        ("skipped", skipped.to_string()),
    ];
    Log::open(tx)?.record(now, "import", None, Some(actor), &fields)
}
