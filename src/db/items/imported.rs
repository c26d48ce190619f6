//! What an import brings: items with versions as somebody else observed them. The line itself is the capture.

use anyhow::{Result, ensure};
use rusqlite::{Transaction, params};

use super::version::{self, New};
use super::{Cited, Keeper, Registered, Sealed, Sighting, Tally, counts_text, insert_body, insert_capture};
use crate::db::ledger::Log;
use crate::db::{ms, row_id};
use crate::model::{Author, Cause, Change, Content, Counts, Kind, Role, State, Timestamp};
use crate::seal;

/// One line of the interchange format, understood.
#[derive(Debug, Clone)]
pub struct Imported {
    pub platform: String,
    pub native_id: String,
    pub kind: Kind,
    pub parent: Option<String>,
    pub root: Option<String>,
    pub url: Option<String>,
    pub author: Author,
    /// As claimed; derived from the register when absent.
    pub role: Option<Role>,
    pub created_at: Option<Timestamp>,
    pub first_seen_at: Timestamp,
    pub last_seen_at: Timestamp,
    pub counts: Counts,
    /// Oldest first; at least one.
    pub versions: Vec<ImportedVersion>,
}

/// One version as claimed.
#[derive(Debug, Clone)]
pub struct ImportedVersion {
    pub observed_at: Timestamp,
    pub change: Change,
    pub state: State,
    pub cause: Option<Cause>,
    pub content: Content,
    /// Digests of captures elsewhere.
    pub evidence: Vec<String>,
}

/// Stores a line: versions that are not there yet, in their order. The same line twice changes nothing.
pub fn store_imported(tx: &Transaction<'_>, sight: &Sighting, sealed: &Sealed, line: &Imported) -> Result<Tally> {
    ensure!(!line.versions.is_empty(), "an item has at least one version");
    let mut keeper = Keeper {
        tx,
        log: Log::open(tx)?,
        sight,
        capture: 0,
        digest: sealed.digest,
        body: &sealed.page.exchange.body,
        seen_at: line.last_seen_at,
        registered: Registered::read(tx, &line.platform)?,
        ids: std::collections::HashMap::new(),
        tally: Tally::default(),
    };
    let item = keeper.find(&line.native_id, &[])?;
    let is_new = item.known.is_none();
    let mut missing: Vec<&ImportedVersion> = Vec::new();
    for version in &line.versions {
        if is_new || !is_known(tx, item.id, version)? {
            missing.push(version);
        }
    }
    if missing.is_empty() {
        return Ok(Tally::default());
    }
    keeper.capture = insert_capture(tx, sight, sealed)?;
    insert_body(tx, keeper.capture, true, &sealed.body)?;
    if is_new {
        identify(&mut keeper, item.id, line, missing[0].state)?;
    }
    for (place, claimed) in missing.into_iter().enumerate() {
        let change = if is_new && place == 0 { Change::Created } else { claimed.change };
        append(&mut keeper, item.id, line, claimed, change)?;
    }
    if !is_new {
        tx.prepare_cached("UPDATE items SET last_seen_at = max(last_seen_at, ?2) WHERE id = ?1")?
            .execute(params![item.id, ms(line.last_seen_at)])?;
    }
    Ok(keeper.tally)
}

fn is_known(tx: &Transaction<'_>, item: i64, version: &ImportedVersion) -> Result<bool> {
    let mut statement = tx.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM versions WHERE item_id = ?1 AND content = ?2 AND state = ?3
           AND (observed_at = ?4 OR seq = (SELECT last_seq FROM items WHERE id = ?1)))",
    )?;
    let content = seal::content_digest(&version.content);
    Ok(statement.query_row(params![item, content, version.state, ms(version.observed_at)], |row| row.get(0))?)
}

fn identify(keeper: &mut Keeper<'_, '_>, id: i64, line: &Imported, state: State) -> Result<()> {
    let parent = line.parent.as_deref().map(|parent| keeper.reference(parent)).transpose()?;
    let root = match line.root.as_deref() {
        _ if line.kind.is_root() => Some(id),
        Some(root) => Some(keeper.reference(root)?),
        None => parent,
    };
    let role = line.role.unwrap_or_else(|| match line.kind {
        Kind::Profile => Role::District,
        _ => keeper.registered.role(&line.author),
    });
    keeper
        .tx
        .prepare_cached(
            "UPDATE items SET kind = ?2, account_id = ?3, page_id = ?3, parent_id = ?4, root_id = ?5, role = ?6, created_at = ?7,
               url = ?8, first_seen_at = ?9, last_seen_at = ?10, counts = ?11, first_seq = ?12, last_seq = ?12, state = ?13
             WHERE id = ?1",
        )?
        .execute(params![
            id,
            line.kind,
            keeper.sight.account,
            parent,
            root,
            role,
            line.created_at.map(ms),
            line.url,
            ms(line.first_seen_at),
            ms(line.last_seen_at),
            counts_text(&line.counts)?,
            row_id(keeper.log.next_seq()),
            state,
        ])?;
    Ok(())
}

fn append(
    keeper: &mut Keeper<'_, '_>,
    id: i64,
    line: &Imported,
    claimed: &ImportedVersion,
    change: Change,
) -> Result<()> {
    let evidence: Vec<Cited> = claimed.evidence.iter().cloned().map(Cited::Digest).collect();
    let new = New {
        item: id,
        capture: keeper.capture,
        capture_digest: keeper.digest,
        raw_start: 0,
        raw: keeper.body,
        change,
        state: claimed.state,
        cause: claimed.cause,
        observed_at: claimed.observed_at,
        author: &line.author,
        content: &claimed.content,
        content_digest: seal::content_digest(&claimed.content),
        evidence: (!evidence.is_empty()).then_some(&evidence),
    };
    version::insert(keeper.tx, &mut keeper.log, keeper.sight.now, &new)?;
    keeper.tally.count(change);
    Ok(())
}
