//! Every write of a harvest, and of what follows it, fails both ways; and the disk is full at every page. The program stops, what
//! was acknowledged is whole, and the next run heals.

use pagekeeper::db::{self, Fault, harvests};
use pagekeeper::model::{Clock, Mode};
use pagekeeper::sandbox::World;

use crate::rig::{NOW, PAGE, Rig, small_world};

/// A page with three posts: few writes, and one of every kind.
async fn rig() -> Rig {
    Rig::with(small_world(PAGE, 3), Clock::manual(NOW.parse().unwrap()), &[PAGE]).await
}

/// A whole look, and what follows it.
async fn look(rig: &Rig) -> anyhow::Result<()> {
    rig.try_harvest(Mode::Profile, false).await?;
    rig.try_harvest(Mode::Backfill, false).await?;
    rig.follow().await.map(|_| ())
}

/// The process has ended and another one begins: no claim of it is valid any more.
async fn restart(rig: &mut Rig) {
    rig.close();
    rig.reopen();
    rig.app().db.writer.write_async(harvests::void_claims).await.unwrap();
}

/// After a restart a whole look mends everything.
async fn heals(rig: &mut Rig, when: &str) {
    rig.check(when);
    let kept = rig.kept();
    restart(rig).await;
    look(rig).await.unwrap_or_else(|error| panic!("{when}: the next run fails too: {error:#}"));
    rig.check(when);
    rig.nothing_lost_since(&kept, when);
    assert_eq!(rig.differences(), Vec::<String>::new(), "{when}");
    assert!(rig.position().1.is_some(), "{when}: the backfill was finished");
    let indexed = rig.app().index().unwrap().unwrap().count().unwrap();
    assert_eq!(usize::try_from(indexed).unwrap(), rig.kept().len(), "{when}: every item is searchable");
}

#[tokio::test]
async fn every_write_that_fails_before_or_after_its_commit_stops_the_run_and_the_next_one_heals() {
    for fault in [Fault::BeforeCommit, Fault::AnswerLost] {
        let mut writes = 0;
        loop {
            let mut rig = rig().await;
            let when = format!("{fault:?} at write {writes}");
            rig.app().db.writer.fail(writes, fault).unwrap();
            let Err(error) = look(&rig).await else { break };
            assert!(db::is_storage(&error), "{when}: {error:#}");
            heals(&mut rig, &when).await;
            writes += 1;
        }
        let rig = rig().await;
        rig.app().db.writer.fail(writes, fault).unwrap();
        look(&rig).await.unwrap();
        let next = rig.app().db.writer.write_async(|_| Ok(())).await;
        assert!(next.is_err(), "the failure of write {writes} was swallowed");
        assert!(writes > 12, "a harvest has more writes than {writes}");
        eprintln!("{fault:?}: {writes} writes");
    }
}

#[tokio::test]
async fn a_database_that_may_not_grow_stops_the_run_in_words_and_goes_on_when_there_is_room() {
    let pages =
        |rig: &Rig| rig.read(|conn| Ok(conn.pragma_query_value(None, "page_count", |row| row.get::<_, i64>(0))?));
    let (mut room, mut stopped) = (0, 0);
    loop {
        let mut rig = rig().await;
        let most = pages(&rig) + room;
        let limit = move |tx: &db::Tx<'_>| Ok(tx.pragma_update_and_check(None, "max_page_count", most, |_| Ok(()))?);
        rig.app().db.writer.write_async(limit).await.unwrap();
        let Err(error) = look(&rig).await else { break };
        let when = format!("room for {room} pages");
        assert!(db::is_storage(&error), "{when}: {error:#}");
        assert!(format!("{error:#}").contains("full"), "{when}: {error:#}");
        heals(&mut rig, &when).await;
        (room, stopped) = (room + 1, stopped + 1);
    }
    assert!(stopped > 3, "{stopped}");
}

/// The real program on a small file system of its own. Needs root, and says so where it is not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_stops_the_program_in_words_and_it_goes_on_when_there_is_room() {
    let may_mount = std::process::Command::new("unshare").args(["-m", "true"]).output();
    if !may_mount.is_ok_and(|output| output.status.success()) {
        eprintln!("NOT RUN: a small file system can be mounted by root only (unshare -m, mount -t tmpfs)");
        return;
    }
    let mut rig = Rig::with(World::mesa_vista(Clock::System.now()), Clock::System, &["mesa-vista-high"]).await;
    rig.close();
    let data = rig.folder.path().join("data");
    let script = format!(
        r#"set -u
        pk() {{ {bin:?} --config {config:?} "$@"; echo "$1 ended with $?"; }}
        mkdir {data:?}.old && cp -a {data:?}/. {data:?}.old/
        mount -t tmpfs -o size=$1 tmpfs {data:?} && chmod 700 {data:?} && cp -a {data:?}.old/. {data:?}/ || exit 9
        pk harvest --mode backfill
        echo "--"
        pk verify
        mount -o remount,size=64m {data:?} || exit 9
        pk harvest --mode backfill
        pk search news
        pk verify
        "#,
        bin = env!("CARGO_BIN_EXE_pagekeeper"),
        config = rig.config,
    );
    let mut stopped = 0;
    for size in ["1200k", "1500k", "1800k", "2200k", "2600k", "3000k"] {
        // Each size begins with the archive as it was made, and with nothing published.
        let _ = std::fs::remove_dir_all(format!("{}.old", data.display()));
        let _ = std::fs::remove_dir_all(rig.folder.path().join("checkpoints"));
        let run = std::process::Command::new("unshare").args(["-m", "sh", "-c", &script, "sh", size]).output();
        let run = run.unwrap();
        let (out, err) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
        let said = format!("{size}:\n{out}\n{err}");
        assert_ne!(run.status.code(), Some(9), "{said}");
        let (before, after) = out.split_once("--\n").unwrap();
        if before.contains("harvest ended with 1") {
            stopped += 1;
            assert!(err.contains("full") || err.contains("No space left"), "{said}");
        }
        assert!(!before.contains("panicked") && !err.contains("panicked"), "{said}");
        assert_eq!(after.matches("The record is intact.").count(), 2, "{said}");
        assert!(after.contains("harvest ended with 0") && after.contains("search ended with 0"), "{said}");
    }
    assert!(stopped > 0, "no size was too small");
    eprintln!("{stopped} of 6 sizes were too small");
}
