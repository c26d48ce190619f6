//! Absence is not deletion (invariant 7): *missing* when a whole walk did not contain an item, *gone* when on a later run the
//! direct read said so while a sibling was readable.

use anyhow::Result;
use rusqlite::{Transaction, params};

use super::version::{self, Identity, New, Prior};
use super::{Cited, Keeper, Latest, Sighting, Tally};
use crate::db::ledger::Log;
use crate::db::{harvests, ms};
use crate::model::{Answer, Cause, Change, Scope, State, Timestamp};
use crate::seal::Hash;

/// The captures of this harvest that show an absence, beside the one that ends the walk.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// Since the last thread was finished.
    pub thread: Vec<i64>,
    /// That brought posts.
    pub posts: Vec<i64>,
    /// That told where there are no comments to be read.
    pub counts: Vec<i64>,
}

/// Marks what a whole walk should have contained and did not; closes gaps that the walk has mended.
pub(super) fn mark(keeper: &mut Keeper<'_, '_>, scope: &Scope) -> Result<()> {
    match scope {
        Scope::Thread { root } => thread(keeper, root),
        Scope::Posts { since } => posts(keeper, *since),
    }
}

fn thread(keeper: &mut Keeper<'_, '_>, root: &str) -> Result<()> {
    let Some(root) = keeper.lookup(root)?.filter(|item| item.known.is_some()) else { return Ok(()) };
    super::reschedule(keeper.tx, root.id, keeper.sight.now)?;
    if !keeper.sight.whole {
        return Ok(());
    }
    let absent = ids(
        keeper.tx,
        "SELECT id FROM items WHERE root_id = ?1 AND id <> ?1 AND kind IN ('comment', 'reply')
           AND state IN ('visible', 'hidden') AND seen_in IS NOT ?2 AND page_id = ?3
           AND (NOT ?4 OR parent_id = ?1 OR EXISTS (SELECT 1 FROM items p WHERE p.id = items.parent_id AND p.seen_in IS ?2))
         ORDER BY id",
        params![root.id, keeper.sight.harvest, keeper.sight.account, outlive(&keeper.sight.platform)],
    )?;
    let shown = &keeper.sight.evidence;
    let mut evidence: Vec<i64> = shown.counts.iter().filter(|count| !shown.thread.contains(count)).copied().collect();
    evidence.extend(with_this(&shown.thread, keeper.capture));
    absent.into_iter().try_for_each(|id| missing(keeper, id, &evidence))
}

fn posts(keeper: &mut Keeper<'_, '_>, since: Option<Timestamp>) -> Result<()> {
    if !keeper.sight.whole {
        return Ok(());
    }
    let absent = ids(
        keeper.tx,
        "SELECT id FROM items WHERE page_id = ?1 AND kind IN ('post', 'video') AND created_at >= ?2
           AND state IN ('visible', 'hidden') AND seen_in IS NOT ?3
           AND (NOT ?4 OR (role = 'district' AND account_id = ?1)) ORDER BY id",
        params![
            keeper.sight.account,
            since.map_or(i64::MIN, ms),
            keeper.sight.harvest,
            lists_its_own_only(&keeper.sight.platform)
        ],
    )?;
    let evidence = with_this(&keeper.sight.evidence.posts, keeper.capture);
    absent.into_iter().try_for_each(|id| missing(keeper, id, &evidence))
}

/// What a direct read said. *Gone* is decided at the end of the harvest ([`confirm_gone`]): here it is only a first absence.
pub(super) fn direct(keeper: &mut Keeper<'_, '_>, answer: &Answer) -> Result<()> {
    let (Answer::Gone(native_id) | Answer::Readable(native_id)) = answer;
    let Some(item) = keeper.lookup(native_id)? else { return Ok(()) };
    if matches!(answer, Answer::Readable(_)) {
        return if looked_through(keeper, item.id)? {
            super::reschedule(keeper.tx, item.id, keeper.sight.now)
        } else {
            Ok(())
        };
    }
    match item.known {
        Some(Latest { state: State::Visible | State::Hidden, .. }) => missing(keeper, item.id, &[keeper.capture]),
        _ => Ok(()),
    }
}

/// Whether this answer says that a thread was looked through, though perhaps not in whole: these platforms give it for a root
/// when they come to its end, and some of their threads are never seen in whole.
fn looked_through(keeper: &Keeper<'_, '_>, id: i64) -> Result<bool> {
    if !matches!(keeper.sight.platform.as_str(), "x" | "youtube" | "bluesky") {
        return Ok(false);
    }
    let root = "SELECT EXISTS (SELECT 1 FROM items WHERE id = ?1 AND due_at IS NOT NULL)";
    Ok(keeper.tx.prepare_cached(root)?.query_row([id], |row| row.get(0))?)
}

/// Where a whole walk sees every post of the account's own, and of those that others wrote about it as many as are given.
fn lists_its_own_only(platform: &str) -> bool {
    platform == "x"
}

/// Where a reply outlives what it answers: a thread contains it only while that is there, and it is not gone with it.
fn outlive(platform: &str) -> bool {
    matches!(platform, "x" | "bluesky")
}

/// Makes *gone* what a direct read in this harvest called gone, and an earlier harvest had found missing. Called only when a
/// sibling was readable in the same harvest with the same credential. What stood under a gone item is gone with it, but where
/// replies outlive what they answer.
pub fn confirm_gone(
    tx: &Transaction<'_>,
    sight: &Sighting,
    native_id: &str,
    capture: i64,
    digest: Hash,
    seen_at: Timestamp,
) -> Result<Tally> {
    let mut tally = Tally::default();
    let confirmed = ids(
        tx,
        "SELECT id FROM items WHERE platform = ?1 AND native_id = ?2 AND state = 'missing' AND checked_in IS NOT ?3",
        params![sight.platform, native_id, sight.harvest],
    )?;
    let Some(id) = confirmed.first().copied() else { return Ok(tally) };
    let mut log = Log::open(tx)?;
    let under = ids(
        tx,
        "WITH RECURSIVE under(id) AS (
           SELECT id FROM items WHERE root_id = (SELECT root_id FROM items WHERE id = ?1)
             AND (parent_id = ?1 OR root_id = ?1) AND id <> ?1
           UNION SELECT i.id FROM items i JOIN under u ON i.parent_id = u.id
             WHERE i.root_id = (SELECT root_id FROM items WHERE id = ?1))
         SELECT i.id FROM under JOIN items i USING (id)
         WHERE i.kind IN ('comment', 'reply') AND i.state <> 'gone' AND NOT ?2 ORDER BY i.id",
        params![id, outlive(&sight.platform)],
    )?;
    for (id, cause) in std::iter::once((id, Cause::Platform)).chain(under.into_iter().map(|id| (id, Cause::Parent))) {
        let shown = Absence { capture, digest, seen_at, change: Change::Gone, state: State::Gone, cause };
        append(tx, &mut log, sight, id, &shown, &[capture])?;
        tally.count(Change::Gone);
    }
    if let Some(harvest) = sight.harvest {
        harvests::count(tx, harvest, &tally)?;
    }
    tx.execute("UPDATE bodies SET cited = 1 WHERE capture_id = ?1 AND cited = 0", [capture])?;
    Ok(tally)
}

fn missing(keeper: &mut Keeper<'_, '_>, id: i64, evidence: &[i64]) -> Result<()> {
    let shown = Absence {
        capture: keeper.capture,
        digest: keeper.digest,
        seen_at: keeper.seen_at,
        change: Change::Missing,
        state: State::Missing,
        cause: cause(keeper.tx, id)?,
    };
    append(keeper.tx, &mut keeper.log, keeper.sight, id, &shown, evidence)?;
    keeper
        .tx
        .prepare_cached("UPDATE items SET checked_in = ?2 WHERE id = ?1")?
        .execute(params![id, keeper.sight.harvest])?;
    let mut cite = keeper.tx.prepare_cached("UPDATE bodies SET cited = 1 WHERE capture_id = ?1 AND cited = 0")?;
    for capture in evidence {
        cite.execute([capture])?;
    }
    keeper.tally.count(Change::Missing);
    Ok(())
}

/// An item under a missing comment is missing because of that one.
fn cause(tx: &Transaction<'_>, id: i64) -> Result<Cause> {
    let parent_absent: bool = tx
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM items i JOIN items p ON p.id = i.parent_id
               WHERE i.id = ?1 AND p.id <> i.id AND p.state IN ('missing', 'gone'))",
        )?
        .query_row([id], |row| row.get(0))?;
    Ok(if parent_absent { Cause::Parent } else { Cause::Platform })
}

/// What shows an absence, and of which kind it is.
struct Absence {
    capture: i64,
    digest: Hash,
    seen_at: Timestamp,
    change: Change,
    state: State,
    cause: Cause,
}

fn append(
    tx: &Transaction<'_>,
    log: &mut Log<'_>,
    sight: &Sighting,
    id: i64,
    shown: &Absence,
    evidence: &[i64],
) -> Result<u64> {
    let prior = Prior::read(tx, id)?;
    let evidence: Vec<Cited> = evidence.iter().copied().map(Cited::Capture).collect();
    let identity = Identity::read(tx, id)?;
    let new = New {
        item: id,
        identity: &identity,
        capture: shown.capture,
        capture_digest: shown.digest,
        raw_start: 0,
        raw: &[],
        change: shown.change,
        state: shown.state,
        cause: Some(shown.cause),
        observed_at: shown.seen_at,
        author: &prior.author,
        content: &prior.content,
        content_digest: prior.content_digest,
        evidence: Some(&evidence),
        seen_before: version::last_seen(tx, id)?,
    };
    version::insert(tx, log, sight.now, &new)
}

fn with_this(evidence: &[i64], capture: i64) -> Vec<i64> {
    let mut all = evidence.to_vec();
    if !all.contains(&capture) {
        all.push(capture);
    }
    all
}

fn ids(tx: &Transaction<'_>, sql: &str, params: impl rusqlite::Params) -> Result<Vec<i64>> {
    let mut statement = tx.prepare_cached(sql)?;
    let found = statement.query_map(params, |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    Ok(found)
}
