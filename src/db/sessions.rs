//! Who is signed in, from which browsers, and which sign-ins failed. No ledger entry: what ended is removed.

use anyhow::Result;
use jiff::SignedDuration;
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use super::{at, ms};
use crate::model::Timestamp;
use crate::seal::Hash;

/// A session ends when it was not used for this long …
pub const IDLE: SignedDuration = SignedDuration::from_mins(30);

/// … and after this long in any case.
pub const LONGEST: SignedDuration = SignedDuration::from_hours(12);

/// How often a use is written down.
const WRITTEN_EVERY: SignedDuration = SignedDuration::from_secs(60);

/// How many sessions a person has at once; the one used longest ago makes room.
const MOST_SESSIONS: i64 = 20;

/// How many browsers are known of a person, and for how long.
const MOST_BROWSERS: i64 = 10;
const BROWSER_KNOWN: SignedDuration = SignedDuration::from_hours(24 * 180);

/// After how long a failed sign-in is forgotten, and how many are remembered at most: strangers can make rows.
const FORGOTTEN_AFTER: SignedDuration = SignedDuration::from_hours(24);
const MOST_FAILURES: i64 = 20_000;

/// A session that lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub digest: Hash,
    pub user: i64,
    pub made_at: Timestamp,
    pub used_at: Timestamp,
    pub address: String,
    pub agent: String,
}

impl Session {
    /// Whether its use is to be written down.
    pub fn is_due(&self, now: Timestamp) -> bool {
        now.duration_since(self.used_at) >= WRITTEN_EVERY
    }
}

const SELECT: &str = "SELECT digest, user_id, made_at, used_at, address, agent FROM sessions";

fn session(row: &Row<'_>) -> rusqlite::Result<Session> {
    Ok(Session {
        digest: row.get(0)?,
        user: row.get(1)?,
        made_at: at(row.get(2)?),
        used_at: at(row.get(3)?),
        address: row.get(4)?,
        agent: row.get(5)?,
    })
}

/// Begins a session.
pub fn begin(
    tx: &Transaction<'_>,
    digest: &Hash,
    user: i64,
    (address, agent): (&str, &str),
    now: Timestamp,
) -> Result<()> {
    sweep(tx, now)?;
    tx.execute(
        "DELETE FROM sessions WHERE user_id = ?1 AND digest NOT IN
           (SELECT digest FROM sessions WHERE user_id = ?1 ORDER BY used_at DESC, made_at DESC LIMIT ?2)",
        [user, MOST_SESSIONS - 1],
    )?;
    let ends = now.checked_add(LONGEST).unwrap_or(now);
    tx.execute(
        "INSERT INTO sessions (digest, user_id, made_at, used_at, ends_at, address, agent)
         VALUES (?1, ?2, ?3, ?3, ?4, ?5, ?6)",
        params![digest, user, ms(now), ms(ends), address, agent],
    )?;
    Ok(())
}

/// The session of a cookie, while it lives and its user is not disabled.
pub fn find(conn: &Connection, digest: &Hash, now: Timestamp) -> Result<Option<Session>> {
    let mut statement = conn.prepare_cached(&format!(
        "{SELECT} WHERE digest = ?1 AND ends_at > ?2 AND used_at > ?3
           AND (SELECT disabled_at FROM users WHERE id = user_id) IS NULL"
    ))?;
    Ok(statement.query_row(params![digest, ms(now), ms(since(now, IDLE))], session).optional()?)
}

/// Those of a user that live, the last used first.
pub fn of_user(conn: &Connection, user: i64, now: Timestamp) -> Result<Vec<Session>> {
    let mut statement = conn.prepare_cached(&format!(
        "{SELECT} WHERE user_id = ?1 AND ends_at > ?2 AND used_at > ?3 ORDER BY used_at DESC, made_at DESC"
    ))?;
    let rows = statement.query_map(params![user, ms(now), ms(since(now, IDLE))], session)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub fn used(tx: &Transaction<'_>, digest: &Hash, now: Timestamp) -> Result<()> {
    tx.execute("UPDATE sessions SET used_at = max(used_at, ?2) WHERE digest = ?1", params![digest, ms(now)])?;
    Ok(())
}

pub fn end(tx: &Transaction<'_>, digest: &Hash) -> Result<()> {
    tx.execute("DELETE FROM sessions WHERE digest = ?1", [digest])?;
    Ok(())
}

/// Ends every session of a user but `kept`.
pub fn end_all(tx: &Transaction<'_>, user: i64, kept: Option<&Hash>) -> Result<()> {
    tx.execute("DELETE FROM sessions WHERE user_id = ?1 AND digest IS NOT ?2", params![user, kept])?;
    Ok(())
}

fn sweep(tx: &Transaction<'_>, now: Timestamp) -> Result<()> {
    tx.execute("DELETE FROM sessions WHERE ends_at <= ?1 OR used_at <= ?2", [ms(now), ms(since(now, IDLE))])?;
    tx.execute("DELETE FROM browsers WHERE used_at <= ?1", [ms(since(now, BROWSER_KNOWN))])?;
    Ok(())
}

/// Whether a user has signed in from this browser before.
pub fn is_known(conn: &Connection, browser: &Hash, user: i64) -> Result<bool> {
    let mut statement =
        conn.prepare_cached("SELECT EXISTS (SELECT 1 FROM browsers WHERE digest = ?1 AND user_id = ?2)")?;
    Ok(statement.query_row(params![browser, user], |row| row.get(0))?)
}

/// Knows a browser from now on, in place of what it was known by before.
pub fn know(tx: &Transaction<'_>, browser: &Hash, former: Option<&Hash>, user: i64, now: Timestamp) -> Result<()> {
    tx.execute("DELETE FROM browsers WHERE digest IS ?1 AND user_id = ?2", params![former, user])?;
    tx.execute(
        "DELETE FROM browsers WHERE user_id = ?1 AND digest NOT IN
           (SELECT digest FROM browsers WHERE user_id = ?1 ORDER BY used_at DESC LIMIT ?2)",
        [user, MOST_BROWSERS - 1],
    )?;
    tx.execute("INSERT INTO browsers (digest, user_id, used_at) VALUES (?1, ?2, ?3)", params![browser, user, ms(now)])?;
    Ok(())
}

/// Something that sign-ins are counted by, and how it makes the next one wait: free up to `free` failures, then two seconds,
/// doubled with each, up to `longest`.
#[derive(Debug, Clone)]
pub struct Brake {
    pub key: String,
    pub free: i64,
    pub longest: SignedDuration,
}

/// Counts one more try against every brake before it is known how it ends, so that many at once are not all let through; or says until
/// when it has to wait, and counts nothing.
pub fn try_once(tx: &Transaction<'_>, brakes: &[Brake], now: Timestamp) -> Result<Result<(), Timestamp>> {
    forget(tx, now)?;
    let mut statement = tx.prepare_cached("SELECT count, next_at FROM sign_in_failures WHERE key = ?1")?;
    let mut counts = Vec::new();
    for brake in brakes {
        let known = statement.query_row([&brake.key], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)));
        let (count, next) = known.optional()?.unwrap_or((0, 0));
        if next > ms(now) {
            return Ok(Err(at(next)));
        }
        counts.push(count + 1);
    }
    for (brake, count) in brakes.iter().zip(counts) {
        let doublings = u32::try_from(count - brake.free).unwrap_or(0).min(20);
        let wait = if count <= brake.free { SignedDuration::ZERO } else { SignedDuration::from_secs(1 << doublings) };
        let next = now.checked_add(wait.min(brake.longest)).unwrap_or(now);
        tx.execute(
            "INSERT INTO sign_in_failures (key, count, last_at, next_at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (key) DO UPDATE SET count = excluded.count, last_at = excluded.last_at, next_at = excluded.next_at",
            params![brake.key, count, ms(now), ms(next)],
        )?;
    }
    Ok(Ok(()))
}

/// A sign-in that was good: its tries are forgotten.
pub fn release(tx: &Transaction<'_>, brakes: &[Brake]) -> Result<()> {
    for brake in brakes {
        tx.execute("DELETE FROM sign_in_failures WHERE key = ?1", [&brake.key])?;
    }
    Ok(())
}

fn forget(tx: &Transaction<'_>, now: Timestamp) -> Result<()> {
    tx.execute("DELETE FROM sign_in_failures WHERE last_at <= ?1", [ms(since(now, FORGOTTEN_AFTER))])?;
    tx.execute(
        "DELETE FROM sign_in_failures WHERE key IN
           (SELECT key FROM sign_in_failures ORDER BY last_at DESC LIMIT -1 OFFSET ?1)",
        [MOST_FAILURES],
    )?;
    Ok(())
}

fn since(now: Timestamp, span: SignedDuration) -> Timestamp {
    now.checked_sub(span).unwrap_or(Timestamp::MIN)
}
