//! What the daemon does by itself, and when: what is due runs, every outcome is recorded.

mod retiring;
mod schedule;
mod table;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use futures_util::future::BoxFuture;
use jiff::tz::TimeZone;
use tokio::sync::watch;
use tokio::task::JoinSet;

pub use retiring::keep_retiring;
pub use schedule::{Due, due, latest, next};
pub use table::{keep_following, table};

use crate::config::Cron;
use crate::db::{self, Db};
use crate::model::{Clock, Timestamp};

/// The longest sleep between two looks at the clock, which may be set while we sleep.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long a stop waits for running jobs; the unit's `TimeoutStopSec` is longer.
const STOP_WITHIN: Duration = Duration::from_secs(75);

/// Tells everything that runs to come to an end: true once somebody asked.
pub type Stop = watch::Receiver<bool>;

/// Something done again and again.
#[derive(Clone)]
pub struct Job {
    pub name: &'static str,
    pub cron: Cron,
    /// One run. It ends early, and well, when the stop is given.
    pub run: Arc<dyn Fn(Stop) -> BoxFuture<'static, Result<()>> + Send + Sync>,
}

impl Job {
    pub fn new<F, R>(name: &'static str, cron: &Cron, run: F) -> Job
    where
        F: Fn(Stop) -> R + Send + Sync + 'static,
        R: Future<Output = Result<()>> + Send + 'static,
    {
        Job { name, cron: cron.clone(), run: Arc::new(move |stop| Box::pin(run(stop))) }
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Job({} at {})", self.name, self.cron)
    }
}

/// Runs what is due until `stop` is given, then waits for what is running. Only trouble with the archive itself ends it
/// with an error (invariant 6); whatever else goes wrong in a job is its recorded outcome.
pub async fn run(db: &Db, clock: &Clock, zone: &TimeZone, jobs: &[Job], mut stop: Stop) -> Result<()> {
    let now = clock.now();
    db.writer.write_async(move |tx| db::jobs::interrupt(tx, now)).await.context("look at the jobs' last runs")?;
    let mut running = Running::default();
    while !*stop.borrow() {
        for due in owed(db, jobs, clock.now(), zone)? {
            running.start(db, clock, jobs, due, &stop);
        }
        // The watchdog is fed here: a loop that does not come round is what it is to notice.
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Watchdog]);
        let wait = until_next(jobs, clock.now(), zone);
        tokio::select! {
            _ = stop.changed() => {}
            Some(ended) = running.tasks.join_next_with_id(), if !running.tasks.is_empty() => running.ended(ended)?,
            () = tokio::time::sleep(wait) => {}
        }
    }
    running.finish().await
}

/// What should run now, by the record of what has run.
fn owed(db: &Db, jobs: &[Job], now: Timestamp, zone: &TimeZone) -> Result<Vec<Due>> {
    let (last, since) = db.read(|conn| Ok((db::jobs::last_ended(conn)?, db::jobs::since(conn)?)))?;
    let table: Vec<(&'static str, &Cron)> = jobs.iter().map(|job| (job.name, &job.cron)).collect();
    Ok(due(&table, |name| last.get(name).copied().unwrap_or(since), now, zone))
}

fn until_next(jobs: &[Job], now: Timestamp, zone: &TimeZone) -> Duration {
    let first = jobs.iter().filter_map(|job| next(&job.cron, now, zone)).min();
    let wait = first.and_then(|at| Duration::try_from(at.duration_since(now)).ok());
    wait.map_or(LOOK_EVERY, |wait| wait.min(LOOK_EVERY))
}

/// The runs in hand: at most one of each job.
#[derive(Default)]
struct Running {
    tasks: JoinSet<Result<()>>,
    names: BTreeSet<(&'static str, tokio::task::Id)>,
}

impl Running {
    fn start(&mut self, db: &Db, clock: &Clock, jobs: &[Job], due: Due, stop: &Stop) {
        let Some(job) = jobs.iter().find(|job| job.name == due.name) else { return };
        if self.names.iter().any(|(name, _)| *name == due.name) {
            return;
        }
        let task = self.tasks.spawn(one_run(db.clone(), clock.clone(), job.clone(), due, stop.clone()));
        self.names.insert((due.name, task.id()));
    }

    fn ended(&mut self, ended: Result<(tokio::task::Id, Result<()>), tokio::task::JoinError>) -> Result<()> {
        let (id, outcome) = match ended {
            Ok((id, outcome)) => (id, outcome),
            Err(error) => (error.id(), Err(error).context("a job's record was lost")),
        };
        self.names.retain(|(_, task)| *task != id);
        outcome
    }

    /// Waits for the runs in hand. What does not end in time is left as it stands: the next start marks it interrupted.
    async fn finish(mut self) -> Result<()> {
        let all = async {
            while let Some(ended) = self.tasks.join_next_with_id().await {
                self.ended(ended)?;
            }
            Ok(())
        };
        tokio::time::timeout(STOP_WITHIN, all).await.unwrap_or_else(|_| {
            tracing::warn!("jobs did not end in time and were left to be made up");
            Ok(())
        })
    }
}

/// One run with its record. Trouble with the archive is the only error.
async fn one_run(db: Db, clock: Clock, job: Job, due: Due, stop: Stop) -> Result<()> {
    let Due { name, scheduled_at } = due;
    let now = clock.now();
    db.writer.write_async(move |tx| db::jobs::begin(tx, name, scheduled_at, now)).await?;
    let outcome = match tokio::spawn((job.run)(stop.clone())).await {
        Ok(outcome) => outcome,
        Err(error) if error.is_cancelled() => return Ok(()),
        Err(error) => Err(anyhow::anyhow!("the job stopped on a fault of the program: {error}")),
    };
    if let Err(error) = &outcome {
        tracing::error!(job = name, "the job failed: {error:#}");
    }
    let (say, now) = (outcome.as_ref().err().map(|error| format!("{error:#}")), clock.now());
    db.writer.write_async(move |tx| db::jobs::end(tx, name, scheduled_at, say.as_deref(), now)).await?;
    match outcome {
        Err(error) if db::is_storage(&error) => Err(error.context(format!("the job {name}"))),
        _ => Ok(()),
    }
}
