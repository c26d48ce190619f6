use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

/// A new archive in a temporary folder, and a clock at Monday, 6:59:30 am in the district.
fn archive() -> (tempfile::TempDir, Db, Clock) {
    let folder = tempfile::tempdir().unwrap();
    let now: Timestamp = "2026-11-23T14:59:30Z".parse().unwrap();
    let file = folder.path().join("pagekeeper.db");
    db::create(&file, "mesavista.example.org/pagekeeper", now).unwrap();
    let db = Db::open(Path::new(&file)).unwrap();
    (folder, db, Clock::manual(now))
}

fn zone() -> TimeZone {
    TimeZone::get("America/Los_Angeles").unwrap()
}

fn weekly() -> Cron {
    "0 0 7 * * MON".parse().unwrap()
}

/// Runs the loop beside `during`, then stops it and gives back how it ended.
async fn beside(db: &Db, clock: &Clock, jobs: Vec<Job>, during: impl AsyncFnOnce()) -> Result<()> {
    let (tell, stop) = watch::channel(false);
    let (db, clock) = (db.clone(), clock.clone());
    let task = tokio::spawn(async move { run(&db, &clock, &zone(), &jobs, stop).await });
    during().await;
    let _ = tell.send(true);
    task.await.unwrap()
}

/// Waits, for at most ten seconds, until `what` holds.
async fn until(what: impl Fn() -> bool) {
    for _ in 0..1000 {
        if what() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it did not come about");
}

fn outcome(db: &Db, name: &str) -> Option<String> {
    db.read(db::jobs::newest).unwrap().get(name).and_then(|run| run.outcome.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_runs_once_when_its_time_has_come_and_its_outcome_is_recorded() {
    let (_folder, db, clock) = archive();
    let count = Arc::new(AtomicU32::new(0));
    let seen = count.clone();
    let job = Job::new("weekly", &weekly(), move |_| {
        seen.fetch_add(1, Ordering::SeqCst);
        async { Ok(()) }
    });
    let ended = beside(&db, &clock, vec![job], async || {
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(count.load(Ordering::SeqCst), 0, "half a minute too early");
        clock.advance(jiff::SignedDuration::from_secs(31));
        until(|| outcome(&db, "weekly").as_deref() == Some("done")).await;
        clock.advance(jiff::SignedDuration::from_secs(3600));
        tokio::time::sleep(Duration::from_millis(1200)).await;
    });
    ended.await.unwrap();
    assert_eq!(count.load(Ordering::SeqCst), 1);
    let run = db.read(db::jobs::newest).unwrap().remove("weekly").unwrap();
    assert_eq!(run.scheduled_at, "2026-11-23T15:00:00Z".parse().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_fails_or_panics_is_recorded_and_the_others_go_on() {
    let (_folder, db, clock) = archive();
    clock.advance(jiff::SignedDuration::from_secs(60));
    let fails = Job::new("fails", &weekly(), |_| async { anyhow::bail!("the mail server said no") });
    let panics = Job::new("panics", &weekly(), |_| async { panic!("a fault") });
    let works = Job::new("works", &weekly(), |_| async { Ok(()) });
    let ended = beside(&db, &clock, vec![fails, panics, works], async || {
        until(|| ["fails", "panics", "works"].iter().all(|name| outcome(&db, name).is_some())).await;
    });
    ended.await.unwrap();
    let runs = db.read(db::jobs::newest).unwrap();
    assert_eq!(runs["fails"].outcome.as_deref(), Some("failed"));
    assert_eq!(runs["fails"].error.as_deref(), Some("the mail server said no"));
    assert!(runs["panics"].error.as_deref().unwrap().contains("a fault of the program"));
    assert_eq!(runs["works"].outcome.as_deref(), Some("done"));
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_with_the_archive_ends_the_loop() {
    let (_folder, db, clock) = archive();
    clock.advance(jiff::SignedDuration::from_secs(60));
    let job = Job::new("harvest", &weekly(), |_| async { Err(std::io::Error::other("disk full").into()) });
    let (_tell, stop) = watch::channel(false);
    let ended = tokio::time::timeout(Duration::from_secs(10), run(&db, &clock, &zone(), &[job], stop)).await.unwrap();
    assert!(format!("{:#}", ended.unwrap_err()).contains("disk full"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_run_is_made_up_at_the_next_start() {
    let (_folder, db, clock) = archive();
    let seven: Timestamp = "2026-11-23T15:00:00Z".parse().unwrap();
    db.writer.write_async(move |tx| db::jobs::begin(tx, "weekly", seven, seven)).await.unwrap();
    clock.advance(jiff::SignedDuration::from_hours(2));
    let count = Arc::new(AtomicU32::new(0));
    let seen = count.clone();
    let job = Job::new("weekly", &weekly(), move |_| {
        seen.fetch_add(1, Ordering::SeqCst);
        async { Ok(()) }
    });
    let ended = beside(&db, &clock, vec![job], async || {
        until(|| outcome(&db, "weekly").as_deref() == Some("done")).await;
    });
    ended.await.unwrap();
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_waits_for_the_run_in_hand() {
    let (_folder, db, clock) = archive();
    clock.advance(jiff::SignedDuration::from_secs(60));
    let job = Job::new("harvest", &weekly(), |mut stop: Stop| async move {
        stop.changed().await?;
        tokio::time::sleep(Duration::from_millis(50)).await;
        Ok(())
    });
    let ended = beside(&db, &clock, vec![job], async || {
        until(|| db.read(db::jobs::newest).unwrap().contains_key("harvest")).await;
    });
    ended.await.unwrap();
    assert_eq!(outcome(&db, "harvest").as_deref(), Some("done"));
}
