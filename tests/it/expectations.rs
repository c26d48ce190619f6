//! Clause III.4 binds the public by what a page shows: while it shows no expectations its flags wait, everywhere alike, and come with
//! hindsight when it does.

use jiff::SignedDuration;
use pagekeeper::db::accounts::{self, Registration};
use pagekeeper::db::{alerts, findings, flags, health, ledger, replays, reports};
use pagekeeper::model::{Category, Mode, Outcome};
use pagekeeper::{alert, audit};

use crate::kills::command;
use crate::rig::{PAGE, Rig};

const CURSE: &str = "What a bullshit call, ref";

/// A page that shows no expectations, and a comment against them under its one post.
async fn rig() -> (Rig, String) {
    let rig = Rig::small().await;
    show_expectations(&rig, false);
    let post = rig.sandbox.world().add_post(PAGE, "Semifinal tonight").unwrap();
    rig.sandbox.world().add_comment(&post, "Pat Reyes", CURSE).unwrap();
    rig.harvest(Mode::Profile).await;
    rig.harvest(Mode::Recent).await;
    rig.follow().await.unwrap();
    (rig, post)
}

fn show_expectations(rig: &Rig, shown: bool) {
    let words =
        if shown { "What we expect: https://mesavista.example.org/social-media" } else { "Home of the Condors." };
    assert!(rig.sandbox.world().change_profile(PAGE, |account| account.description = words.to_owned()));
}

async fn mend(rig: &Rig) {
    rig.pass(SignedDuration::from_hours(1));
    show_expectations(rig, true);
    rig.harvest(Mode::Profile).await;
    rig.follow().await.unwrap();
}

fn is_found(rig: &Rig) -> bool {
    rig.read(findings::open).iter().any(|finding| finding.check == "expectations")
}

/// The flags of the public that every reader tells of: the queue, the figures, `flag:`, the weekly report, the report cards.
fn told(rig: &Rig) -> [u64; 5] {
    rig.read(|conn| {
        let size = ledger::size(conn)?;
        let cards = flags::report_cards(conn)?;
        Ok([
            flags::list(conn, false)?.len() as u64,
            health::figures(conn)?.open_flags.values().sum(),
            flags::items_with(conn, Category::Obscenity)?.len() as u64,
            reports::flags(conn, 0, size, 14)?.iter().filter(|flag| !flag.reviewed).count() as u64,
            cards.values().map(|card| card.fired).sum(),
        ])
    })
}

fn only(rig: &Rig) -> flags::Flag {
    let mut all = rig.read(|conn| flags::list(conn, true));
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_against_expectations_that_a_page_does_not_show_waits_until_it_does() {
    let (rig, post) = rig().await;
    assert!(is_found(&rig));
    assert_eq!(told(&rig), [0; 5]);
    let flag = only(&rig);
    assert_eq!((flag.clause.as_str(), flag.state.as_str()), ("III.4", "suppressed"));
    assert!(flag.because.unwrap().contains("shows no expectations"));
    let said = |words: &[&str]| String::from_utf8(command(&rig.config, words).output().unwrap().stdout).unwrap();
    let because = "suppressed (the page shows no expectations: the finding comes first)";
    assert!(said(&["show", &flag.item()]).contains(because));
    assert!(said(&["flags", "--all"]).contains(because));
    assert!(said(&["flags", "--all", "--json"]).contains("\"because\":\"the page shows no expectations"));
    assert_eq!(said(&["flags"]), "");

    mend(&rig).await;
    assert!(!is_found(&rig));
    assert_eq!(told(&rig), [1; 5]);
    let flag = only(&rig);
    assert_eq!((flag.state.as_str(), flag.past, flag.because), ("open", true, None));
    assert!(rig.read(|conn| reports::flags(conn, 0, u64::MAX >> 1, 14))[0].past);
    assert_eq!(rig.read(|conn| replays::newest(conn, 1)), [], "nothing was computed anew");
    assert_eq!(rig.read(|conn| alerts::by_flag(conn, &flag.flag)), None);
    let (app, now) = (rig.app().clone(), rig.clock.now());
    let mails = tokio::task::spawn_blocking(move || alert::tick(&app.db, &app.config, now)).await.unwrap();
    assert_eq!(mails.unwrap(), 0, "nobody is mailed of it");

    // What is written from now on is of today.
    rig.pass(SignedDuration::from_mins(5));
    rig.sandbox.world().add_comment(&post, "Sam Ortiz", "bullshit again").unwrap();
    rig.harvest(Mode::Recent).await;
    rig.follow().await.unwrap();
    assert_eq!(told(&rig), [2; 5]);
    let pasts: Vec<bool> = rig.read(|conn| flags::list(conn, false)).iter().map(|flag| flag.past).collect();
    assert_eq!(pasts.iter().filter(|past| **past).count(), 1, "{pasts:?}");
    rig.check("in the end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decision_stands_while_the_page_shows_nothing_and_words_taken_off_it_hold_flags_back() {
    let (rig, _) = rig().await;
    let (flag, now) = (only(&rig), rig.clock.now());
    let confirm = move |tx: &pagekeeper::db::Tx<'_>| {
        flags::review(tx, &flag, Outcome::Confirmed, "a slur in Spanish beside it", "", "reviewer", now)
    };
    rig.app().db.writer.write_async(confirm).await.unwrap();
    assert_eq!(only(&rig).state, "confirmed");
    let flag = only(&rig);
    let undo =
        move |tx: &pagekeeper::db::Tx<'_>| flags::review(tx, &flag, Outcome::Withdrawn, "not so", "", "reviewer", now);
    rig.app().db.writer.write_async(undo).await.unwrap();
    assert_eq!(only(&rig).state, "suppressed");
    mend(&rig).await;
    assert_eq!(only(&rig).state, "open");
    rig.pass(SignedDuration::from_hours(1));
    show_expectations(&rig, false);
    rig.harvest(Mode::Profile).await;
    rig.follow().await.unwrap();
    assert_eq!((only(&rig).state.as_str(), told(&rig)), ("suppressed", [0; 5]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_is_retired_without_them_fills_nobodys_queue() {
    let (rig, _) = rig().await;
    let row = Registration { status: "retired".into(), ..rig.accounts()[0].row.clone() };
    let now = rig.clock.now();
    rig.app().db.writer.write_async(move |tx| accounts::put(tx, &row, None, now).map(|_| ())).await.unwrap();
    let app = rig.app().clone();
    tokio::task::spawn_blocking(move || audit::run(&app.db, &app.config, now).map(|_| ())).await.unwrap().unwrap();
    assert!(!is_found(&rig));
    assert_eq!((only(&rig).state.as_str(), told(&rig)), ("suppressed", [0; 5]));
}
