//! What an import brings: items with versions as somebody else observed them. The line itself is the capture.

use anyhow::{Result, ensure};
use rusqlite::{Transaction, params};

use super::version::{self, New};
use super::{Cited, Entrant, Identity, Keeper, Registered, Root, Sealed, Sighting, Tally, capture};
use crate::db::ledger::Log;
use crate::db::ms;
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
        named: std::collections::HashMap::new(),
        next_item: None,
        tally: Tally::default(),
    };
    let item = keeper.find(&line.native_id, &[])?;
    let known = item.as_ref().filter(|item| item.known.is_some()).map(|item| item.id);
    let mut missing: Vec<&ImportedVersion> = Vec::new();
    for version in &line.versions {
        if known.map_or(Ok(true), |id| is_known(tx, id, version).map(|known| !known))? {
            missing.push(version);
        }
    }
    if missing.is_empty() {
        return Ok(Tally::default());
    }
    keeper.capture = capture::insert(tx, sight, sealed)?;
    capture::insert_body(tx, keeper.capture, true, sealed)?;
    let entrant;
    let (id, identity) = match known {
        Some(id) => (id, Identity::read(tx, id)?),
        None => {
            entrant = entering(&mut keeper, line, missing[0].state)?;
            keeper.enter(item.map(|item| item.id), &entrant)?
        }
    };
    for (place, claimed) in missing.into_iter().enumerate() {
        let change = if known.is_none() && place == 0 { Change::Created } else { claimed.change };
        append(&mut keeper, (id, &identity), line, claimed, change)?;
    }
    if known.is_some() {
        tx.prepare_cached("UPDATE items SET last_seen_at = max(last_seen_at, ?2) WHERE id = ?1")?
            .execute(params![id, ms(line.last_seen_at)])?;
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

fn entering<'l>(keeper: &mut Keeper<'_, '_>, line: &'l Imported, state: State) -> Result<Entrant<'l>> {
    let parent = line.parent.as_deref().map(|parent| keeper.reference(parent)).transpose()?;
    let root = match line.root.as_deref() {
        _ if line.kind.is_root() => Root::Itself,
        Some(root) => Root::Other(keeper.reference(root)?),
        None => parent.clone().map_or(Root::Unknown, Root::Other),
    };
    let role = line.role.unwrap_or_else(|| match line.kind {
        Kind::Profile => Role::District,
        _ => keeper.registered.role(&line.author),
    });
    Ok(Entrant {
        native_id: &line.native_id,
        kind: line.kind,
        account: keeper.sight.account,
        parent,
        root,
        role,
        created_at: line.created_at,
        url: line.url.as_deref(),
        first_seen_at: line.first_seen_at,
        last_seen_at: line.last_seen_at,
        seen_in: None,
        counts: &line.counts,
        due_at: None,
        state,
    })
}

fn append(
    keeper: &mut Keeper<'_, '_>,
    (id, identity): (i64, &Identity<'_>),
    line: &Imported,
    claimed: &ImportedVersion,
    change: Change,
) -> Result<()> {
    let evidence: Vec<Cited> = claimed.evidence.iter().cloned().map(Cited::Digest).collect();
    let new = New {
        item: id,
        identity,
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
        seen_before: None,
    };
    version::insert(keeper.tx, &mut keeper.log, keeper.sight.now, &new)?;
    keeper.tally.count(change);
    Ok(())
}
