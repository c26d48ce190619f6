//! Several processes on one archive (invariant 3): they do not double, they wait, and they say when somebody else is at it.

use std::fs::File;
use std::process::{Child, Output, Stdio};
use std::time::Duration;

use pagekeeper::config::Config;
use pagekeeper::model::{Clock, Mode};
use pagekeeper::sandbox::{Host, Misbehavior, World};

use crate::kills::command;
use crate::rig::{NOW, PAGE, Rig, small_world};

fn output(child: Child) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    (status.code(), format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr)))
}

fn start(rig: &Rig, words: &[&str]) -> Child {
    command(&rig.config, words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Waits, for at most a minute, until something is so.
async fn until(mut what: impl FnMut() -> bool) {
    for _ in 0..1200 {
        if what() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it did not come about");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_that_harvest_the_same_archive_double_nothing() {
    let slugs = ["mesa-vista-high", "ocotillo-elementary", "mesa-vista-high-instagram"];
    let mut rig = Rig::with(World::mesa_vista(Clock::System.now()), Clock::System, &slugs).await;
    rig.close();
    for mode in ["backfill", "recent", "revisit"] {
        let both = [0, 1].map(|_| start(&rig, &["harvest", "--mode", mode]));
        for (code, said) in both.map(output) {
            let is_busy = said.contains("another run over this account is under way");
            assert!(code == Some(0) || (code == Some(3) && is_busy), "{code:?}: {said}");
        }
        rig.check(mode);
    }
    assert_eq!(rig.differences(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_harvest_beside_one_over_the_same_account_says_that_it_is_busy() {
    let mut rig = Rig::small().await;
    rig.close();
    rig.sandbox.misbehave(Host::Graph, "/published_posts", 1, Misbehavior::Stall { millis: 30_000 });
    let mut first = start(&rig, &["harvest"]);
    until(|| !rig.column("SELECT 'claimed' FROM claims").is_empty()).await;
    let (code, said) = output(start(&rig, &["harvest", "--json", PAGE]));
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("\"busy\"") && said.contains("another run over this account is under way"), "{said}");
    first.kill().unwrap();
    first.wait().unwrap();
    rig.sandbox.behave();
    let (code, said) = output(start(&rig, &["harvest"]));
    assert_eq!(code, Some(0), "a claim of a process that is gone is void: {said}");
    rig.check("in the end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_follows_waits_for_the_lock_and_a_harvest_is_stored_before_that() {
    let world = small_world(PAGE, 3);
    let mut rig = Rig::with(world, Clock::manual(NOW.parse().unwrap()), &[PAGE]).await;
    rig.harvest(Mode::Backfill).await;
    rig.follow().await.unwrap();
    rig.sandbox.world().add_post(PAGE, "Early release on Friday").unwrap();
    rig.close();
    let lock = File::create(Config::load(&rig.config).unwrap().follow_lock()).unwrap();
    lock.lock().unwrap();
    let mut waiting = start(&rig, &["harvest", "--mode", "backfill"]);
    until(|| rig.column("SELECT mode FROM harvests WHERE outcome = 'complete'").len() == 2).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(waiting.try_wait().unwrap().is_none(), "it waits until the views have passed what it stored");
    drop(lock);
    let (code, said) = output(waiting);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = output(start(&rig, &["search", "release"]));
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("1 items in"), "{said}");
}
