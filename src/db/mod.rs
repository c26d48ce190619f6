//! The only SQL. Every function takes a connection or a transaction; what is written goes through the one [`Writer`].

use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use rusqlite::config::DbConfig;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use crate::model::{
    AccountStatus, Category, Cause, Change, Kind, Mode, Outcome, Platform, Role, Severity, State, Timestamp,
};

pub mod accounts;
pub mod attestations;
pub mod checkpoints;
pub mod alerts;
pub mod credentials;
pub mod facts;
pub mod findings;
pub mod flags;
pub mod harvests;
pub mod health;
pub mod imports;
pub mod inputs;
pub mod items;
pub mod jobs;
pub mod ledger;
pub mod mails;
pub mod media;
pub mod moderation;
pub mod offers;
pub mod replays;
pub mod reports;
pub mod retired;
pub mod roster;
pub mod samples;
pub mod sessions;
mod standing;
pub mod suppressions;
pub mod tickets;
pub mod upgrade;
pub mod users;

/// An open transaction of the writer.
pub type Tx<'t> = Transaction<'t>;

/// A connection to read from.
pub type Conn = Connection;

/// Marks a file as an archive of ours (`PRAGMA application_id`): four letters.
const APPLICATION_ID: i32 = 0x5067_4b70;

/// SQLite before 3.51.3 can corrupt a WAL database that two connections use.
const OLDEST_SQLITE: i32 = 3_051_003;

/// Makes a new database. Refuses where a file stands.
pub fn create(path: &Path, origin: &str, now: Timestamp) -> Result<()> {
    ensure!(!path.exists(), "a database stands already at {}", path.display());
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut conn = Connection::open_with_flags(path, flags)?;
    conn.pragma_update(None, "page_size", 8192)?;
    plan_once(&conn)?;
    prepare(&conn)?;
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    tx.execute_batch(upgrade::SCHEMA)?;
    tx.pragma_update(None, "user_version", upgrade::VERSION)?;
    tx.pragma_update(None, "application_id", APPLICATION_ID)?;
    tx.execute("INSERT INTO archive (id, origin, created_at) VALUES (1, ?1, ?2)", (origin, ms(now)))?;
    let fields = [("origin", origin.to_owned()), ("program", env!("CARGO_PKG_VERSION").to_owned())];
    ledger::Log::open(&tx)?.record(now, "archive", None, None, &fields)?;
    tx.commit().context("could not write the new database")
}

/// An opened archive: the writer thread and as many readers as are asked for at once. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Db {
    pub writer: Writer,
    path: Arc<PathBuf>,
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl Db {
    /// Opens an existing archive for reading and writing, upgrading an older one. Never creates, repairs or renames one.
    pub fn open(path: &Path) -> Result<Db> {
        let conn = open_for_writing(path)?;
        Ok(Db { writer: Writer::start(conn)?, path: Arc::new(path.to_owned()), idle: Arc::default() })
    }

    /// Runs a read on a read-only connection.
    pub fn read<T>(&self, run: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let pooled = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let conn = match pooled {
            Some(conn) => conn,
            None => open_for_reading(&self.path)?,
        };
        let answer = run(&conn);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(conn);
        answer
    }

    /// Empties the write-ahead log into the file, so that what was overwritten there stands nowhere any more. Somebody who reads
    /// for long may keep it from that; the log is emptied later then.
    pub fn settle(&self) -> Result<()> {
        let conn = open_existing(&self.path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        conn.busy_timeout(Duration::from_secs(5))?;
        conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        Ok(())
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Opens an archive to read only: for `verify` on a backup as well.
pub fn open_for_reading(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = open_existing(path, flags)?;
    conn.pragma_update(None, "mmap_size", 0)?;
    conn.set_prepared_statement_cache_capacity(128);
    let version: i64 = conn.pragma_query_value(None, "user_version", |row| row.get(0))?;
    ensure!(version == upgrade::VERSION, "this database has schema {version}, this program reads {}", upgrade::VERSION);
    Ok(conn)
}

/// What SQLite's own check finds wrong, and rows that point nowhere.
pub fn integrity(conn: &Connection) -> Result<Vec<String>> {
    let mut statement = conn.prepare("PRAGMA integrity_check")?;
    let found = statement.query_map([], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>();
    let mut faults = found.unwrap_or_else(|error| vec![error.to_string()]);
    faults.retain(|line| line != "ok");
    let mut statement = conn.prepare("SELECT \"table\", count(*) FROM pragma_foreign_key_check GROUP BY 1")?;
    let dangling = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))?;
    for row in dangling {
        let (table, count) = row?;
        faults.push(format!("{count} rows of {table} point at rows that are not there"));
    }
    Ok(faults)
}

/// Where a cache disagrees with the record it is a cache of: for tests, after each step.
#[doc(hidden)]
pub fn inconsistencies(conn: &Connection) -> Result<Vec<String>> {
    const CHECKS: [(&str, &str); 6] = [
        (
            "an item's newest version is not its last",
            "SELECT native_id FROM items i WHERE kind IS NOT NULL AND last_seq IS NOT
               (SELECT max(seq) FROM versions v WHERE v.item_id = i.id)",
        ),
        (
            "an item's state is not that of its newest version",
            "SELECT native_id FROM items i JOIN versions v ON v.seq = i.last_seq WHERE v.state IS NOT i.state",
        ),
        (
            "two versions in a row say the same",
            "SELECT i.native_id FROM versions a JOIN versions b ON b.item_id = a.item_id AND b.seq =
               (SELECT min(seq) FROM versions c WHERE c.item_id = a.item_id AND c.seq > a.seq)
             JOIN items i ON i.id = a.item_id WHERE a.content = b.content AND a.state = b.state",
        ),
        (
            "a version without bytes",
            "SELECT seq FROM versions v LEFT JOIN bodies b USING (capture_id) WHERE b.cited IS NOT 1",
        ),
        (
            "a first version that is not a beginning",
            "SELECT native_id FROM items i JOIN versions v ON v.seq = i.first_seq
             WHERE v.change <> 'created'",
        ),
        (
            "an item without a version",
            "SELECT native_id FROM items i WHERE kind IS NOT NULL AND NOT EXISTS
             (SELECT 1 FROM versions v WHERE v.item_id = i.id)",
        ),
    ];
    let mut found = Vec::new();
    for (what, sql) in CHECKS {
        let mut statement = conn.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            found.push(format!("{what}: {:?}", row.get_ref(0)?));
        }
    }
    Ok(found)
}

/// Statements that must all be refused: for tests.
#[doc(hidden)]
pub const FORBIDDEN_FOR_TESTS: [&str; 9] = [
    "UPDATE ledger SET at = at + 1",
    "DELETE FROM ledger",
    "UPDATE versions SET text = 'x'",
    "DELETE FROM versions",
    "UPDATE captures SET target = 'x'",
    "UPDATE bodies SET body = x'00'",
    "DELETE FROM bodies",
    "UPDATE items SET native_id = 'x'",
    "INSERT INTO ledger SELECT max(seq) + 2, at, kind, subject, actor, commitment, leaf_hash FROM ledger",
];

/// Copies the whole database, as of now, into a new file.
pub fn copy_into(conn: &Connection, file: &Path) -> Result<()> {
    let target = file.to_str().context("the folder's name is not UTF-8")?;
    conn.execute("VACUUM INTO ?1", [target]).with_context(|| format!("could not copy the database to {target}"))?;
    Ok(())
}

fn open_for_writing(path: &Path) -> Result<Connection> {
    let mut conn = open_existing(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    prepare(&conn)
        .and_then(|()| upgrade::bring_up_to_date(&mut conn))
        .with_context(|| format!("{} could not be opened; it was left as it is", path.display()))?;
    Ok(conn)
}

fn open_existing(path: &Path, flags: OpenFlags) -> Result<Connection> {
    ensure!(rusqlite::version_number() >= OLDEST_SQLITE, "SQLite {} is too old", rusqlite::version());
    ensure!(path.exists(), "there is no archive at {}: run `pagekeeper init` to make one", path.display());
    let conn = Connection::open_with_flags(path, flags)
        .with_context(|| format!("could not open the database {}", path.display()))?;
    conn.busy_timeout(Duration::from_secs(60))?;
    plan_once(&conn)?;
    let id: i32 = conn
        .pragma_query_value(None, "application_id", |row| row.get(0))
        .with_context(|| format!("{} cannot be read as a database; it was left as it is", path.display()))?;
    ensure!(id == APPLICATION_ID, "{} is not an archive of pagekeeper; it was left as it is", path.display());
    Ok(conn)
}

/// Plans a statement once. By default one that meets a partial index is planned anew whenever another value is bound to it: that
/// took a third of the writer's time.
fn plan_once(conn: &Connection) -> Result<()> {
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// The pragmas of the writing connection. `recursive_triggers`: without it a replacing insert walks past a delete trigger.
fn prepare(conn: &Connection) -> Result<()> {
    conn.busy_timeout(Duration::from_secs(60))?;
    let mode: String = conn.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    ensure!(mode == "wal", "the file system does not allow a write-ahead log (journal mode {mode})");
    for (pragma, value) in
        [("synchronous", "FULL"), ("foreign_keys", "ON"), ("recursive_triggers", "ON"), ("trusted_schema", "OFF")]
    {
        conn.pragma_update(None, pragma, value)?;
    }
    conn.pragma_update(None, "cell_size_check", "ON")?;
    conn.pragma_update(None, "secure_delete", "ON")?;
    conn.pragma_update(None, "mmap_size", 0)?;
    conn.pragma_update(None, "cache_size", -65_536)?;
    conn.pragma_update(None, "wal_autocheckpoint", 4000)?;
    conn.set_prepared_statement_cache_capacity(128);
    Ok(())
}

type Job = Box<dyn FnOnce(&mut Connection, &mut Faults) + Send>;

/// The one writing thread. A closure is one `BEGIN IMMEDIATE`; nothing is kept between two of them (invariant 2).
#[derive(Debug, Clone)]
pub struct Writer {
    jobs: mpsc::SyncSender<Job>,
}

impl Writer {
    fn start(mut conn: Connection) -> Result<Writer> {
        let (jobs, inbox) = mpsc::sync_channel::<Job>(8);
        std::thread::Builder::new().name("writer".into()).spawn(move || {
            let mut faults = Faults::default();
            while let Ok(job) = inbox.recv() {
                job(&mut conn, &mut faults);
            }
        })?;
        Ok(Writer { jobs })
    }

    /// Runs one transaction and waits for it. An error leaves nothing behind. Call it from a thread that may block.
    pub fn write<T: Send + 'static>(
        &self,
        run: impl FnOnce(&Transaction<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.send(run)?.blocking_recv().unwrap_or_else(|_| bail!("the writer has stopped"))
    }

    /// Hands a transaction over and returns at once; the receiver tells when it is committed. Order is kept.
    pub fn send<T: Send + 'static>(
        &self,
        run: impl FnOnce(&Transaction<'_>) -> Result<T> + Send + 'static,
    ) -> Result<tokio::sync::oneshot::Receiver<Result<T>>> {
        let (tell, answer) = tokio::sync::oneshot::channel();
        let job: Job = Box::new(move |conn, faults| {
            let _ = tell.send(one_transaction(conn, faults, run));
        });
        self.jobs.send(job).map_err(|_| anyhow!("the writer has stopped"))?;
        Ok(answer)
    }

    /// As [`Writer::write`], for async code.
    pub async fn write_async<T: Send + 'static>(
        &self,
        run: impl FnOnce(&Transaction<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let writer = self.clone();
        let answer = tokio::task::spawn_blocking(move || writer.send(run)).await??;
        answer.await.unwrap_or_else(|_| bail!("the writer has stopped"))
    }

    /// Makes the `nth` write from now (0: the next) fail, for tests of what a crash leaves behind.
    #[doc(hidden)]
    pub fn fail(&self, nth: u32, fault: Fault) -> Result<()> {
        let job: Job = Box::new(move |_, faults| faults.planned = Some((nth, fault)));
        self.jobs.send(job).map_err(|_| anyhow!("the writer has stopped"))
    }
}

/// How a planned write fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing of it is kept.
    BeforeCommit,
    /// All of it is kept, and the caller never hears of it.
    AnswerLost,
}

#[derive(Debug, Default)]
struct Faults {
    planned: Option<(u32, Fault)>,
}

impl Faults {
    fn next(&mut self) -> Option<Fault> {
        let (left, fault) = self.planned?;
        self.planned = left.checked_sub(1).map(|left| (left, fault));
        (left == 0).then_some(fault)
    }
}

fn one_transaction<T>(
    conn: &mut Connection,
    faults: &mut Faults,
    run: impl FnOnce(&Transaction<'_>) -> Result<T>,
) -> Result<T> {
    let fault = faults.next();
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let answer = run(&tx)?;
    if fault == Some(Fault::BeforeCommit) {
        return Err(StorageFailure("a planned fault before the commit".into()).into());
    }
    tx.commit().context("could not commit")?;
    match fault {
        None => Ok(answer),
        Some(_) => Err(StorageFailure("a planned fault after the commit".into()).into()),
    }
}

/// The disk or the database failed: the process ends (invariant 6).
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StorageFailure(String);

/// Whether an error means that the archive itself cannot be written or read, as against trouble with a platform.
pub fn is_storage(error: &anyhow::Error) -> bool {
    error
        .chain()
        .any(|cause| cause.is::<rusqlite::Error>() || cause.is::<StorageFailure>() || cause.is::<std::io::Error>())
}

/// A time as stored.
pub fn ms(at: Timestamp) -> i64 {
    at.as_millisecond()
}

/// A stored time; outside of what can be a time, the nearest one that can.
pub fn at(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap_or(if millis < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

/// A sequence number as stored.
pub fn row_id(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}

/// A stored sequence number.
pub fn seq(row: i64) -> u64 {
    u64::try_from(row).unwrap_or(0)
}

macro_rules! stored_words {
    ($($name:ident),+) => {$(
        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(ToSqlOutput::Borrowed(ValueRef::Text(self.as_str().as_bytes())))
            }
        }

        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                value.as_str()?.parse().map_err(FromSqlError::other)
            }
        }
    )+};
}

stored_words!(AccountStatus, Category, Cause, Change, Kind, Mode, Outcome, Platform, Role, Severity, State);
