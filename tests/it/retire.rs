//! A page is given up: read a last time, retired, and its receipt says what is kept.

use std::sync::Arc;

use pagekeeper::app::retire::{self, Outcome};
use pagekeeper::db::accounts::{self, Registration};
use pagekeeper::db::retired::{self, Receipt};
use pagekeeper::jobs;
use pagekeeper::model::{Clock, Mode};
use pagekeeper::sandbox::Form;
use tokio::sync::watch;

use crate::kills::command;
use crate::rig::{NOW, PAGE, Rig, small_world};

fn receipt(rig: &Rig) -> Receipt {
    rig.read(|conn| retired::receipt(conn, &accounts::by_slug(conn, PAGE)?.unwrap()))
}

fn status(rig: &Rig) -> String {
    rig.accounts()[0].row.status.clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_is_read_to_its_end_and_its_receipt_counts_what_is_kept() {
    let rig = Rig::small().await;
    rig.harvest(Mode::Recent).await;
    rig.sandbox.world().lock().add_post(PAGE, "The last words of this page", Form::Status).unwrap();
    let done = retire::retire(rig.app(), PAGE, "the school has closed", "Priya Nair").await.unwrap();
    let Outcome::Retired(receipt) = done else { panic!("{done:?}") };
    assert_eq!(rig.differences(), Vec::<String>::new(), "everything that stands on the page is kept");
    let modes: Vec<&str> = receipt.kept.last_harvest.iter().map(|run| run.mode.as_str()).collect();
    assert_eq!(modes, ["recent", "backfill", "revisit", "profile"]);
    let count = |sql: &str| rig.column(sql)[0].parse::<u64>().unwrap();
    let items: u64 = receipt.kept.items.iter().map(|items| items.count).sum();
    assert_eq!(items, count("SELECT CAST(count(*) AS TEXT) FROM items WHERE kind IS NOT NULL"));
    assert_eq!(receipt.kept.versions, count("SELECT CAST(count(*) AS TEXT) FROM versions"));
    assert_eq!(
        receipt.kept.media_files,
        count("SELECT CAST(count(DISTINCT sha256) AS TEXT) FROM media WHERE state = 'kept'")
    );
    assert!(receipt.kept.media_bytes > 0 && receipt.kept.last_capture.is_some());
    let entry = receipt.entry.clone().unwrap();
    assert!(receipt.kept.entries.unwrap().1 < entry.seq, "the entry stands behind all that it counts");
    assert_eq!((status(&rig).as_str(), entry.reason.as_str()), ("retired", "the school has closed"));
    let words = retire::words(&receipt, &rig.app().config.time_zone);
    assert!(words.iter().any(|(about, say)| *about == "Items" && say.contains("posts (Nov ")), "{words:?}");
    let stands = receipt.kept.clone();
    rig.pass(jiff::SignedDuration::from_hours(1));
    rig.follow().await.unwrap();
    let later = self::receipt(&rig);
    assert_eq!(later.kept, stands, "a receipt stays what it was");
    assert!(later.covered_by.is_some_and(|head| head.size >= entry.seq), "a checkpoint covers it by now");
    rig.check("after a page was retired");
    let again = retire::retire(rig.app(), PAGE, "again", "Priya Nair").await;
    assert!(again.is_err(), "it is retired once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_cannot_be_read_is_not_retired_behind_one_s_back() {
    let mut rig = Rig::small().await;
    rig.harvest(Mode::Recent).await;
    std::fs::write(rig.folder.path().join("credentials/meta"), "a credential that is none").unwrap();
    let done = retire::retire(rig.app(), PAGE, "closed", "Priya Nair").await.unwrap();
    assert!(matches!(done, Outcome::NotRead(_)), "{done:?}");
    assert_eq!(status(&rig), "active");
    rig.close();
    let run = |more: &[&str]| {
        let base = ["accounts", "retire", PAGE, "--reason", "closed", "--as", "Priya Nair"];
        let done = command(&rig.config, &[&base[..], more].concat()).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (done.status.code(), text(done.stdout), text(done.stderr))
    };
    let (code, _, said) = run(&[]);
    assert!(code == Some(1) && said.contains("--without-harvest"), "{said}");
    let (code, text, said) = run(&["--without-harvest"]);
    assert!(code == Some(0) && text.contains("none was made: the page could not be read"), "{text}{said}");
    let (code, json, _) = run(&["--json"]);
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (code, value["account"].as_str(), value["entry"]["actor"].as_str()),
        (Some(0), Some(PAGE), Some("Priya Nair"))
    );
    let back = Registration { status: "active".into(), ..rig.accounts()[0].row.clone() };
    rig.reopen();
    let now = rig.clock.now();
    rig.app().db.writer.write_async(move |tx| accounts::put(tx, &back, Some("it"), now)).await.unwrap();
    assert_eq!(status(&rig), "active");
    rig.check("after it was taken up again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wish_that_is_taken_back_while_the_page_is_read_retires_nothing() {
    let rig = Rig::small().await;
    let now = rig.clock.now();
    let write = async |wish: bool| {
        let done = move |tx: &pagekeeper::db::Tx<'_>| match wish {
            true => retired::ask(tx, PAGE, "closed", "Priya Nair", now),
            false => retired::take_back(tx, PAGE, "Dana Whitfield", now),
        };
        rig.app().db.writer.write_async(done).await.unwrap();
    };
    write(true).await;
    let wish = rig.read(retired::wishes).pop().unwrap();
    write(false).await;
    assert_eq!(retire::fulfil(rig.app(), &wish).await.unwrap(), Outcome::TakenBack);
    assert_eq!(status(&rig), "active");
    write(true).await;
    let wish = rig.read(retired::wishes).pop().unwrap();
    let done = retire::fulfil(rig.app(), &wish).await.unwrap();
    assert!(matches!(done, Outcome::Retired(_)), "{done:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wish_of_the_web_page_is_fulfilled_by_the_daemon() {
    let rig = Rig::with(small_world(PAGE, 3), Clock::manual(NOW.parse().unwrap()), &[PAGE]).await;
    let (now, (tell, stop)) = (rig.clock.now(), watch::channel(false));
    rig.app().db.writer.write_async(move |tx| retired::ask(tx, PAGE, "closed", "Priya Nair", now)).await.unwrap();
    let daemon = tokio::spawn(jobs::keep_retiring(Arc::clone(rig.app()), stop));
    for _ in 0..1200 {
        if status(&rig) == "retired" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    tell.send(true).unwrap();
    daemon.await.unwrap().unwrap();
    let receipt = receipt(&rig);
    assert_eq!(receipt.entry.map(|entry| (entry.reason, entry.actor)), Some(("closed".into(), "Priya Nair".into())));
    assert!(receipt.kept.last_harvest.iter().all(|run| run.outcome == "complete"), "{:?}", receipt.kept.last_harvest);
    assert!(rig.read(retired::wishes).is_empty());
}
