//! Harvests: claims, outcomes, coverage and gaps, positions, what an account is being kept from.

use anyhow::{Context as _, Result};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::items::{Sighting, Tally};
use super::ledger::Log;
use super::{at, ms, row_id, seq};
use crate::model::{Answer, Mode, Page, Scope, Shortfall, Timestamp};

/// A run that was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Begun {
    pub id: i64,
}

/// The process that claims an account: number and start time, so that a later process with the same number is told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claimant {
    pub pid: u32,
    pub started: i64,
}

impl Claimant {
    /// This process.
    pub fn this() -> Claimant {
        let pid = std::process::id();
        Claimant { pid, started: started(pid).unwrap_or(0) }
    }

    /// Whether that process still runs.
    fn lives(self) -> bool {
        started(self.pid) == Some(self.started)
    }
}

/// When a process started, in the kernel's ticks since boot (field 22 of proc(5) `stat`).
fn started(pid: u32) -> Option<i64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

/// Claims an account and opens a harvest. `None`: another living process, or another run of this one, has it.
pub fn begin(
    tx: &Transaction<'_>,
    account: i64,
    mode: Mode,
    claimant: Claimant,
    now: Timestamp,
) -> Result<Option<Begun>> {
    let claim: Option<Claimant> = tx
        .query_row("SELECT pid, started FROM claims WHERE account_id = ?1", [account], |row| {
            Ok(Claimant { pid: row.get(0)?, started: row.get(1)? })
        })
        .optional()?;
    if claim.is_some_and(Claimant::lives) {
        return Ok(None);
    }
    tx.execute("DELETE FROM claims WHERE account_id = ?1", [account])?;
    tx.execute(
        "INSERT INTO claims (account_id, pid, started, at) VALUES (?1, ?2, ?3, ?4)",
        params![account, claimant.pid, claimant.started, ms(now)],
    )?;
    bury_the_dead(tx, account, now)?;
    tx.execute(
        "INSERT INTO harvests (account_id, mode, started_at) VALUES (?1, ?2, ?3)",
        params![account, mode, ms(now)],
    )?;
    Ok(Some(Begun { id: tx.last_insert_rowid() }))
}

/// Voids every claim, as when the process that held them has ended: for tests.
#[doc(hidden)]
pub fn void_claims(tx: &Transaction<'_>) -> Result<()> {
    tx.execute("DELETE FROM claims", [])?;
    Ok(())
}

/// Ends runs that died without saying so, and sweeps what they left uncited.
fn bury_the_dead(tx: &Transaction<'_>, account: i64, now: Timestamp) -> Result<()> {
    let mut statement = tx.prepare_cached("SELECT id FROM harvests WHERE account_id = ?1 AND outcome = 'running'")?;
    let dead = statement.query_map([account], |row| row.get(0))?.collect::<rusqlite::Result<Vec<i64>>>()?;
    for id in dead {
        tx.execute(
            "UPDATE harvests SET outcome = 'died', cause = 'the program ended during the run', ended_at = ?2 WHERE id = ?1",
            params![id, ms(now)],
        )?;
        sweep(tx, id)?;
    }
    Ok(())
}

/// Removes the bytes of this harvest's exchanges that nothing cites. Their rows and digests stay.
fn sweep(tx: &Transaction<'_>, harvest: i64) -> Result<()> {
    tx.prepare_cached(
        "DELETE FROM bodies WHERE cited = 0 AND capture_id IN (SELECT id FROM captures WHERE harvest_id = ?1)",
    )?
    .execute([harvest])?;
    Ok(())
}

/// How a run ended.
#[derive(Debug, Clone)]
pub struct Ending {
    /// complete, partial or failed
    pub outcome: &'static str,
    /// In words for an operator, when it was not complete.
    pub cause: Option<String>,
    /// The account cannot be read until a person mends something.
    pub trouble: Option<String>,
    /// The platform wants rest until then.
    pub parked_until: Option<Timestamp>,
    /// Metered exchanges made.
    pub units: u32,
}

/// Ends a run: outcome, ledger entry, coverage, and the claim is given back.
pub fn end(tx: &Transaction<'_>, account: i64, harvest: Begun, ending: &Ending, now: Timestamp) -> Result<u64> {
    let (slug, mode, started, counts): (String, Mode, i64, String) = tx.query_row(
        "SELECT a.slug, h.mode, h.started_at, h.counts FROM harvests h JOIN accounts a ON a.id = h.account_id WHERE h.id = ?1",
        [harvest.id],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
    )?;
    tx.execute(
        "UPDATE harvests SET ended_at = ?2, outcome = ?3, cause = ?4, units = units + ?5 WHERE id = ?1",
        params![harvest.id, ms(now), ending.outcome, ending.cause, ending.units],
    )?;
    sweep(tx, harvest.id)?;
    tx.execute("DELETE FROM claims WHERE account_id = ?1", [account])?;
    let unread = unread_since(tx, account)?;
    tx.execute(
        "UPDATE accounts SET trouble = ?2, parked_until = ?4,
           trouble_since = CASE WHEN ?2 IS NULL THEN NULL ELSE coalesce(trouble_since, ?3) END WHERE id = ?1",
        params![account, ending.trouble, ms(unread.unwrap_or(now)), ending.parked_until.map(ms)],
    )?;
    let mut log = Log::open(tx)?;
    let mut fields = vec![
        ("mode", mode.to_string()),
        ("outcome", ending.outcome.to_owned()),
        ("from", crate::model::rfc3339(at(started))),
        ("counts", counts),
    ];
    fields.extend(ending.cause.iter().map(|cause| ("cause", cause.clone())));
    log.record(now, "harvest", Some(&slug), None, &fields)?;
    cover(tx, &mut log, account, &slug, mode, at(started), ending, now)?;
    Ok(log.next_seq() - 1)
}

/// Two looks further apart than this leave a *not watched* gap between them for good.
pub const WATCHED_WITHIN_MS: i64 = 2 * 3_600_000;

/// Since when no recent walk over an account has reached its end, where that is so now.
pub fn unread_since(conn: &Connection, account: i64) -> Result<Option<Timestamp>> {
    let since: Option<Option<i64>> = conn
        .query_row(
            "SELECT from_at FROM coverage WHERE account_id = ?1 AND gap_kind = 'missing' AND closed_at IS NULL
               AND item_id IS NULL AND stream = 'posts_and_comments'",
            [account],
            |row| row.get(0),
        )
        .optional()?;
    Ok(since.flatten().map(at))
}

/// Brings coverage up to date with a run that ended. An unfinished walk never closes or extends an interval (invariant 8).
#[expect(clippy::too_many_arguments, reason = "private, called once")]
fn cover(
    tx: &Transaction<'_>,
    log: &mut Log<'_>,
    account: i64,
    slug: &str,
    mode: Mode,
    started: Timestamp,
    ending: &Ending,
    now: Timestamp,
) -> Result<()> {
    let mut keeper = Coverage { tx, log, account, slug, now };
    match (mode, ending.outcome) {
        (Mode::Recent, "complete") => keeper.watched(started),
        (Mode::Backfill, "complete") => keeper.backfilled(started),
        (Mode::Recent, _) => {
            keeper.not_read(started, ending.cause.as_deref().unwrap_or("the walk did not reach its end"))
        }
        _ => Ok(()),
    }
}

struct Coverage<'k, 'c, 'l> {
    tx: &'k Transaction<'c>,
    log: &'k mut Log<'l>,
    account: i64,
    slug: &'k str,
    now: Timestamp,
}

impl Coverage<'_, '_, '_> {
    /// A whole recent walk that began at `looked`: the watched interval grows up to there, or a gap lies between.
    fn watched(&mut self, looked: Timestamp) -> Result<()> {
        let newest: Option<(i64, i64, i64)> = self
            .tx
            .query_row(
                "SELECT id, to_at, longest FROM coverage WHERE account_id = ?1 AND stream = 'posts_and_comments'
                   AND kind = 'watched' ORDER BY id DESC LIMIT 1",
                [self.account],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )
            .optional()?;
        let looked_ms = ms(looked);
        self.mended(looked)?;
        match newest {
            Some((id, to, longest)) if looked_ms - to <= WATCHED_WITHIN_MS => {
                self.tx.execute(
                    "UPDATE coverage SET to_at = max(to_at, ?2), longest = ?3 WHERE id = ?1",
                    params![id, looked_ms, longest.max(looked_ms - to)],
                )?;
            }
            Some((_, to, _)) => {
                self.gap(Some(at(to)), Some(looked), "not_watched", "nothing was looked at in this time")?;
                self.open("watched", Some(looked), Some(looked), None)?;
            }
            None => self.open("watched", Some(looked), Some(looked), None)?,
        }
        Ok(())
    }

    /// A whole backfill: everything older than the first look is held as it stood then.
    fn backfilled(&mut self, looked: Timestamp) -> Result<()> {
        self.open("backfilled", None, Some(looked), Some(looked))?;
        self.tx.execute(
            "INSERT INTO positions (account_id, at, finished_at) VALUES (?1, NULL, ?2)
             ON CONFLICT (account_id) DO UPDATE SET finished_at = excluded.finished_at, at = NULL",
            params![self.account, ms(self.now)],
        )?;
        Ok(())
    }

    /// A recent walk that did not see everything: one open gap for as long as it lasts.
    fn not_read(&mut self, since: Timestamp, cause: &str) -> Result<()> {
        let open: Option<i64> = self
            .tx
            .query_row(
                "SELECT id FROM coverage WHERE account_id = ?1 AND gap_kind = 'missing' AND closed_at IS NULL AND item_id IS NULL
                   AND stream = 'posts_and_comments'",
                [self.account],
                |row| row.get(0),
            )
            .optional()?;
        match open {
            Some(id) => {
                self.tx.execute("UPDATE coverage SET cause = ?2 WHERE id = ?1", params![id, cause])?;
            }
            None => self.gap(Some(since), None, "missing", cause)?,
        }
        Ok(())
    }

    /// The account is read in whole again: the open gap ends.
    fn mended(&mut self, looked: Timestamp) -> Result<()> {
        let closed = self.tx.execute(
            "UPDATE coverage SET to_at = ?2, closed_at = ?3 WHERE account_id = ?1 AND gap_kind = 'missing'
               AND closed_at IS NULL AND item_id IS NULL AND stream = 'posts_and_comments'",
            params![self.account, ms(looked), ms(self.now)],
        )?;
        if closed > 0 {
            let fields = [("stream", "posts_and_comments".to_owned()), ("kind", "mended".to_owned())];
            self.log.record(self.now, "coverage", Some(self.slug), None, &fields)?;
        }
        Ok(())
    }

    fn open(
        &mut self,
        kind: &'static str,
        from: Option<Timestamp>,
        to: Option<Timestamp>,
        as_of: Option<Timestamp>,
    ) -> Result<()> {
        let fields = [("stream", "posts_and_comments".to_owned()), ("kind", kind.to_owned())];
        let seq = self.log.record(self.now, "coverage", Some(self.slug), None, &fields)?;
        self.tx.execute(
            "INSERT INTO coverage (account_id, stream, kind, from_at, to_at, longest, as_of, opened_seq)
             VALUES (?1, 'posts_and_comments', ?2, ?3, ?4, 0, ?5, ?6)",
            params![self.account, kind, from.map(ms), to.map(ms), as_of.map(ms), row_id(seq)],
        )?;
        Ok(())
    }

    fn gap(&mut self, from: Option<Timestamp>, to: Option<Timestamp>, gap_kind: &str, cause: &str) -> Result<()> {
        let closed = to.map(|_| self.now);
        let gap = Gap { from, to, stream: "posts_and_comments", gap_kind, cause, item: None, closed };
        insert_gap(self.tx, self.log, self.account, self.slug, &gap, self.now)
    }
}

struct Gap<'g> {
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    stream: &'g str,
    gap_kind: &'g str,
    cause: &'g str,
    item: Option<i64>,
    closed: Option<Timestamp>,
}

fn insert_gap(
    tx: &Transaction<'_>,
    log: &mut Log<'_>,
    account: i64,
    slug: &str,
    gap: &Gap<'_>,
    now: Timestamp,
) -> Result<()> {
    let mut fields =
        vec![("stream", gap.stream.to_owned()), ("kind", gap.gap_kind.to_owned()), ("cause", gap.cause.to_owned())];
    fields.extend(gap.from.map(|from| ("from", crate::model::rfc3339(from))));
    fields.extend(gap.to.map(|to| ("to", crate::model::rfc3339(to))));
    let seq = log.record(now, "coverage", Some(slug), None, &fields)?;
    tx.execute(
        "INSERT INTO coverage (account_id, stream, kind, from_at, to_at, gap_kind, cause, item_id, opened_seq, closed_at)
         VALUES (?1, ?2, 'gap', ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            account,
            gap.stream,
            gap.from.map(ms),
            gap.to.map(ms),
            gap.gap_kind,
            gap.cause,
            gap.item,
            row_id(seq),
            gap.closed.map(ms)
        ],
    )?;
    Ok(())
}

/// Records what the platform counts and does not give; closes the gap of a thread that is now whole.
pub(super) fn note_shortfalls(tx: &Transaction<'_>, log: &mut Log<'_>, sight: &Sighting, page: &Page) -> Result<()> {
    let slug: String =
        tx.prepare_cached("SELECT slug FROM accounts WHERE id = ?1")?.query_row([sight.account], |row| row.get(0))?;
    for short in &page.shortfalls {
        note_shortfall(tx, log, sight, &slug, short)?;
    }
    let threads = page.finished.iter().filter_map(|scope| match scope {
        Scope::Thread { root } => Some(root),
        Scope::Posts { .. } => None,
    });
    // X sees no thread in whole: there a gap ends when the post was read, and its thread searched, without one.
    let read = page.answers.iter().filter_map(|answer| match answer {
        Answer::Readable(id) if sight.platform == "x" => Some(id),
        _ => None,
    });
    for id in threads.chain(read) {
        if !page.shortfalls.iter().any(|short| short.item.as_ref() == Some(id)) {
            tx.prepare_cached(
                "UPDATE coverage SET closed_at = ?3 WHERE gap_kind = 'shortfall' AND closed_at IS NULL
                   AND (stream = 'comments' OR ?2 = 'x')
                   AND item_id = (SELECT id FROM items WHERE native_id = ?1 AND platform = ?2)",
            )?
            .execute(params![id, sight.platform, ms(sight.now)])?;
        }
    }
    Ok(())
}

fn note_shortfall(
    tx: &Transaction<'_>,
    log: &mut Log<'_>,
    sight: &Sighting,
    slug: &str,
    short: &Shortfall,
) -> Result<()> {
    let item: Option<i64> = match &short.item {
        None => None,
        Some(native_id) => tx
            .prepare_cached("SELECT id FROM items WHERE native_id = ?1 AND platform = ?2")?
            .query_row(params![native_id, sight.platform], |row| row.get(0))
            .optional()?,
    };
    let open: Option<i64> = tx
        .prepare_cached(
            "SELECT id FROM coverage WHERE account_id = ?1 AND stream = ?2 AND gap_kind = 'shortfall' AND closed_at IS NULL
               AND item_id IS ?3 AND (?3 IS NOT NULL OR from_at IS ?4 OR cause = ?5)",
        )?
        .query_row(params![sight.account, short.stream, item, short.from.map(ms), short.cause], |row| row.get(0))
        .optional()?;
    if let Some(id) = open {
        tx.execute(
            "UPDATE coverage SET cause = ?2, to_at = coalesce(?3, to_at) WHERE id = ?1",
            params![id, short.cause, short.to.map(ms)],
        )?;
        return Ok(());
    }
    let gap = Gap {
        from: short.from,
        to: short.to,
        stream: &short.stream,
        gap_kind: "shortfall",
        cause: &short.cause,
        item,
        closed: None,
    };
    insert_gap(tx, log, sight.account, slug, &gap, sight.now)
}

/// Adds what a page brought to its harvest.
pub(super) fn count(tx: &Transaction<'_>, harvest: i64, tally: &Tally) -> Result<()> {
    let counts: String =
        tx.prepare_cached("SELECT counts FROM harvests WHERE id = ?1")?.query_row([harvest], |row| row.get(0))?;
    let mut sum: Tally = if counts == "{}" { Tally::default() } else { serde_json::from_str(&counts)? };
    sum.add(tally);
    tx.prepare_cached("UPDATE harvests SET counts = ?2 WHERE id = ?1")?
        .execute(params![harvest, serde_json::to_string(&sum)?])?;
    Ok(())
}

/// Where a backfill may go on from.
pub(super) fn set_position(tx: &Transaction<'_>, account: i64, position: Timestamp) -> Result<()> {
    tx.prepare_cached(
        "INSERT INTO positions (account_id, at) VALUES (?1, ?2)
         ON CONFLICT (account_id) DO UPDATE SET at = excluded.at WHERE positions.finished_at IS NULL",
    )?
    .execute(params![account, ms(position)])?;
    Ok(())
}

/// The resume point of an account's backfill, and when it was finished.
pub fn position(conn: &Connection, account: i64) -> Result<(Option<Timestamp>, Option<Timestamp>)> {
    let found: Option<(Option<i64>, Option<i64>)> = conn
        .query_row("SELECT at, finished_at FROM positions WHERE account_id = ?1", [account], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    let (position, finished) = found.unwrap_or_default();
    Ok((position.map(at), finished.map(at)))
}

/// Metered exchanges of a platform since a time: what is left of a day's budget is counted here, not in memory.
pub fn units_since(conn: &Connection, platform: &str, since: Timestamp) -> Result<u64> {
    let units: i64 = conn.query_row(
        "SELECT coalesce(sum(h.units), 0) FROM harvests h JOIN accounts a ON a.id = h.account_id
         WHERE a.platform = ?1 AND h.started_at >= ?2",
        params![platform, ms(since)],
        |row| row.get(0),
    )?;
    Ok(u64::try_from(units).unwrap_or(0))
}

/// Counts metered exchanges as they are made, so that a killed run has spent what it spent.
pub fn spend(tx: &Transaction<'_>, harvest: i64, units: u32) -> Result<()> {
    tx.prepare_cached("UPDATE harvests SET units = units + ?2 WHERE id = ?1")?.execute(params![harvest, units])?;
    Ok(())
}

/// One run, to show.
#[derive(Debug, Clone)]
pub struct Harvest {
    pub id: i64,
    pub account: i64,
    pub mode: Mode,
    pub started_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    pub outcome: String,
    pub cause: Option<String>,
    pub tally: Tally,
}

/// An account's newest runs, newest first.
pub fn newest(conn: &Connection, account: i64, limit: u32) -> Result<Vec<Harvest>> {
    let mut statement = conn.prepare_cached(
        "SELECT id, account_id, mode, started_at, ended_at, outcome, cause, counts FROM harvests
         WHERE account_id = ?1 ORDER BY id DESC LIMIT ?2",
    )?;
    let mut rows = statement.query(params![account, limit])?;
    let mut harvests = Vec::new();
    while let Some(row) = rows.next()? {
        let counts: String = row.get(7)?;
        harvests.push(Harvest {
            id: row.get(0)?,
            account: row.get(1)?,
            mode: row.get(2)?,
            started_at: at(row.get(3)?),
            ended_at: row.get::<_, Option<i64>>(4)?.map(at),
            outcome: row.get(5)?,
            cause: row.get(6)?,
            tally: if counts == "{}" {
                Tally::default()
            } else {
                serde_json::from_str(&counts).context("harvest counts")?
            },
        });
    }
    Ok(harvests)
}

/// One interval of an account's coverage.
#[derive(Debug, Clone)]
pub struct Interval {
    pub account: i64,
    pub stream: String,
    pub kind: String,
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    /// Milliseconds between the two looks furthest apart.
    pub longest: Option<i64>,
    pub as_of: Option<Timestamp>,
    pub gap_kind: Option<String>,
    pub cause: Option<String>,
    /// `platform:native_id` of the item a gap is about.
    pub item: Option<String>,
    pub closed_at: Option<Timestamp>,
    pub opened_seq: u64,
}

/// All coverage, account by account in the order it came about.
pub fn coverage(conn: &Connection) -> Result<Vec<Interval>> {
    let mut statement = conn.prepare_cached(
        "SELECT c.account_id, c.stream, c.kind, c.from_at, c.to_at, c.longest, c.as_of, c.gap_kind, c.cause,
           i.platform || ':' || i.native_id, c.closed_at, coalesce(c.opened_seq, 0)
         FROM coverage c LEFT JOIN items i ON i.id = c.item_id ORDER BY c.account_id, c.id",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(Interval {
            account: row.get(0)?,
            stream: row.get(1)?,
            kind: row.get(2)?,
            from: row.get::<_, Option<i64>>(3)?.map(at),
            to: row.get::<_, Option<i64>>(4)?.map(at),
            longest: row.get(5)?,
            as_of: row.get::<_, Option<i64>>(6)?.map(at),
            gap_kind: row.get(7)?,
            cause: row.get(8)?,
            item: row.get(9)?,
            closed_at: row.get::<_, Option<i64>>(10)?.map(at),
            opened_seq: seq(row.get(11)?),
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
