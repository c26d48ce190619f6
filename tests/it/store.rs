//! What `store` makes of what is seen, seen again, and not seen.

use jiff::SignedDuration;
use pagekeeper::db::{self, Fault, items};
use pagekeeper::model::{Answer, Change, Kind, Mode, Role, State};

use crate::archive::{PageOf, TestArchive};

fn changes(archive: &TestArchive, name: &str) -> Vec<(Change, State)> {
    archive.shown(name).document.versions.iter().map(|version| (version.change, version.state)).collect()
}

#[test]
fn an_item_seen_twice_has_one_version_and_an_edited_one_has_two() {
    let archive = TestArchive::new();
    let first = || PageOf::new(archive.clock.now()).post("100_1", "Back to school night").page();
    assert_eq!(archive.harvest([first()]).new, 1);
    assert_eq!(archive.harvest([first()]).versions(), 0);
    let edited = PageOf::new(archive.clock.now()).post("100_1", "Back to school night, 6 pm").page();
    assert_eq!(archive.harvest([edited]).edited, 1);
    assert_eq!(
        changes(&archive, "facebook:100_1"),
        [(Change::Created, State::Visible), (Change::Edited, State::Visible)]
    );
    assert_eq!(archive.shown("facebook:100_1").document.role, Role::District);
}

#[test]
fn others_words_that_are_not_to_be_had_stay_and_an_edit_of_its_own_is_one() {
    let archive = TestArchive::new();
    let shown = |text: &str, parts: &[&str], in_part| {
        let mut page = PageOf::new(archive.clock.now()).post("100_1", text).page();
        page.observations[0].content.parts = parts.iter().map(|part| (*part).to_owned()).collect();
        page.observations[0].in_part = in_part;
        page
    };
    archive.harvest([shown("See this", &["Pool closes early"], false)]);
    assert_eq!(archive.harvest([shown("See this", &[], true)]).versions(), 0);
    assert_eq!(archive.harvest([shown("See this: pool", &[], true)]).edited, 1);
    let versions = archive.shown("facebook:100_1").document.versions;
    assert_eq!(versions[1].content.text, "See this: pool");
    assert_eq!(versions[1].content.parts, ["Pool closes early"]);
    assert_eq!(archive.harvest([shown("See this: pool", &["Pool closes early"], false)]).versions(), 0);
}

#[test]
fn a_hidden_comment_is_kept_as_hidden_and_shown_again_as_shown() {
    let archive = TestArchive::new();
    let seen = |hidden| {
        PageOf::new(archive.clock.now())
            .post("100_1", "Lunch menu")
            .item("1_7", Kind::Comment, Some("100_1"), "No pizza again", "900", hidden)
            .page()
    };
    archive.harvest([seen(false)]);
    archive.harvest([seen(true)]);
    archive.harvest([seen(false)]);
    let states: Vec<State> = changes(&archive, "facebook:1_7").into_iter().map(|(_, state)| state).collect();
    assert_eq!(states, [State::Visible, State::Hidden, State::Visible]);
    assert_eq!(archive.shown("facebook:1_7").document.role, Role::Public);
}

#[test]
fn a_comment_absent_from_a_whole_walk_is_missing_then_gone_then_restored() {
    let archive = TestArchive::new();
    let thread = |with: bool| {
        let page = PageOf::new(archive.clock.now()).post("100_1", "Picture day").comment("1_2", "100_1", "Thanks");
        let page = if with { page.comment("1_3", "100_1", "When are retakes?") } else { page };
        page.thread_ends("100_1").page()
    };
    archive.harvest([thread(true)]);
    assert_eq!(archive.harvest([thread(false)]).missing, 1);
    assert_eq!(archive.shown("facebook:1_3").document.state, State::Missing);
    assert_eq!(archive.harvest([thread(false)]).versions(), 0, "missing is said once");

    let begun = archive.begin(Mode::Revisit);
    let mut page = PageOf::new(archive.clock.now()).page();
    page.answers = vec![Answer::Gone("1_3".into())];
    let digest = pagekeeper::seal::sha256(&page.exchange.body);
    let stored = archive.store(archive.sight(begun), page).unwrap();
    let (sight, at) = (archive.sight(begun), archive.clock.now());
    let confirm = move |tx: &db::Tx<'_>| items::confirm_gone(tx, &sight, "1_3", stored.capture, digest, at);
    assert_eq!(archive.db.writer.write(confirm).unwrap().gone, 1);
    archive.end(begun, "complete");
    archive.check();

    assert_eq!(archive.harvest([thread(true)]).restored, 1);
    let seen: Vec<Change> = changes(&archive, "facebook:1_3").into_iter().map(|(change, _)| change).collect();
    assert_eq!(seen, [Change::Created, Change::Missing, Change::Gone, Change::Restored]);
}

#[test]
fn what_stood_under_a_gone_post_is_gone_with_it_because_of_its_parent() {
    let archive = TestArchive::new();
    let page = PageOf::new(archive.clock.now()).post("100_1", "Old news").comment("1_2", "100_1", "Hm").posts_end();
    archive.harvest([page.page()]);
    archive.harvest([PageOf::new(archive.clock.now()).post("100_2", "New news").posts_end().page()]);
    assert_eq!(archive.shown("facebook:100_1").document.state, State::Missing);
    assert_eq!(archive.shown("facebook:1_2").document.state, State::Visible, "its own absence was not seen");
    let begun = archive.begin(Mode::Revisit);
    let page = PageOf::new(archive.clock.now()).post("100_2", "New news").page();
    let digest = pagekeeper::seal::sha256(&page.exchange.body);
    let stored = archive.store(archive.sight(begun), page).unwrap();
    let (sight, at) = (archive.sight(begun), archive.clock.now());
    let confirm = move |tx: &db::Tx<'_>| items::confirm_gone(tx, &sight, "100_1", stored.capture, digest, at);
    assert_eq!(archive.db.writer.write(confirm).unwrap().gone, 2);
    archive.end(begun, "complete");
    archive.check();
    assert_eq!(archive.shown("facebook:1_2").latest().cause, Some(pagekeeper::model::Cause::Parent));
}

#[test]
fn where_replies_outlive_what_they_answer_only_what_was_answered_is_missing_and_gone() {
    let archive = TestArchive::new();
    let sight = |begun| items::Sighting { platform: "bluesky".into(), ..archive.sight(begun) };
    let harvest = |page: PageOf, gone: Option<&'static str>| {
        let begun = archive.begin(Mode::Revisit);
        let mut page = page.thread_ends("at_1").page();
        for seen in page.observations.iter_mut().filter(|seen| seen.kind == Kind::Reply) {
            seen.parent = Some("at_2".into());
        }
        let digest = pagekeeper::seal::sha256(&page.exchange.body);
        let stored = archive.store(sight(begun), page).unwrap();
        let (sight, at) = (sight(begun), archive.clock.now());
        let confirm = |id| move |tx: &db::Tx<'_>| items::confirm_gone(tx, &sight, id, stored.capture, digest, at);
        let gone = gone.map(|id| archive.db.writer.write(confirm(id)).unwrap().gone);
        archive.end(begun, "complete");
        archive.check();
        (stored.tally.missing, gone)
    };
    let whole = || PageOf::new(archive.clock.now()).post("at_1", "Menu").comment("at_2", "at_1", "Again?");
    harvest(whole().item("at_3", Kind::Reply, Some("at_1"), "Yes", "901", false), None);
    let alone = || PageOf::new(archive.clock.now()).post("at_1", "Menu");
    assert_eq!(harvest(alone(), None), (1, None));
    assert_eq!(archive.shown("bluesky:at_3").document.state, State::Visible);

    let due = archive.db.read(|conn| items::read::due(conn, archive.account, archive.clock.now(), 9, true)).unwrap();
    let orphans = archive.db.read(|conn| items::read::answers(conn, &due, items::read::Alone::Orphans)).unwrap();
    assert_eq!(orphans, [("at_3".to_owned(), Kind::Reply, "at_1".to_owned())]);
    let all = archive.db.read(|conn| items::read::answers(conn, &due, items::read::Alone::All)).unwrap();
    assert_eq!(all, orphans, "what is missing is asked for anyway");

    assert_eq!(harvest(alone(), Some("at_2")), (0, Some(1)));
    assert_eq!(archive.shown("bluesky:at_3").document.state, State::Visible);
}

#[test]
fn a_thread_that_was_looked_through_is_due_again_later_though_it_was_not_seen_in_whole() {
    let archive = TestArchive::new();
    let begun = archive.begin(Mode::Revisit);
    let store = |answers: Vec<Answer>| {
        let mut page = PageOf::new(archive.clock.now()).post("9_1", "Menu").page();
        page.answers = answers;
        archive.store(items::Sighting { platform: "x".into(), ..archive.sight(begun) }, page).unwrap();
        archive.db.read(|conn| items::read::due(conn, archive.account, archive.clock.now(), 9, true)).unwrap()[0].due_at
    };
    let first = store(vec![]);
    archive.clock.advance(SignedDuration::from_hours(24 * 9));
    assert_eq!(store(vec![]), first);
    assert!(store(vec![Answer::Readable("9_1".into())]) > first);
    archive.end(begun, "complete");
}

#[test]
fn a_walk_that_was_resumed_shows_no_absence() {
    let archive = TestArchive::new();
    let page = PageOf::new(archive.clock.now()).post("100_1", "A").comment("1_2", "100_1", "B").thread_ends("100_1");
    archive.harvest([page.page()]);
    let begun = archive.begin(Mode::Backfill);
    let mut sight = archive.sight(begun);
    sight.whole = false;
    let page = PageOf::new(archive.clock.now()).post("100_1", "A").thread_ends("100_1").posts_end().page();
    assert_eq!(archive.store(sight, page).unwrap().tally.missing, 0);
    archive.end(begun, "paused");
    archive.check();
}

#[test]
fn the_record_cannot_be_changed_or_removed_by_sql() {
    let archive = TestArchive::new();
    archive.harvest([PageOf::new(archive.clock.now()).post("100_1", "A").page()]);
    for statement in db::FORBIDDEN_FOR_TESTS {
        let refused = archive.db.writer.write(move |tx| Ok(tx.execute_batch(statement)?));
        assert!(refused.is_err(), "{statement} was let through");
    }
    archive.check();
}

#[test]
fn every_write_of_a_page_fails_both_ways_and_the_next_run_heals_it() {
    for fault in [Fault::BeforeCommit, Fault::AnswerLost] {
        for nth in 0..3 {
            let archive = TestArchive::new();
            let page = |text| PageOf::new(archive.clock.now()).post("100_1", text).comment("1_2", "100_1", "B").page();
            archive.harvest([page("A")]);
            archive.clock.advance(SignedDuration::from_mins(15));
            archive.db.writer.fail(nth, fault).unwrap();
            let (account, now) = (archive.account, archive.clock.now());
            let begun = archive
                .db
                .writer
                .write(move |tx| db::harvests::begin(tx, account, Mode::Recent, db::harvests::Claimant::this(), now));
            if let Ok(Some(begun)) = begun {
                let _ = archive.store(archive.sight(begun), page("A, edited"));
                let ending = db::harvests::Ending {
                    outcome: "complete",
                    cause: None,
                    trouble: None,
                    parked_until: None,
                    units: 0,
                };
                let _ = archive.db.writer.write(move |tx| db::harvests::end(tx, account, begun, &ending, now));
            }
            archive.check();
            // The claim of this very process may stand: in life the process has ended and the claim is void.
            archive.db.writer.write(db::harvests::void_claims).unwrap();
            archive.harvest([page("A, edited")]);
            assert_eq!(archive.shown("facebook:100_1").document.versions.len(), 2, "{fault:?} at write {nth}");
        }
    }
}

#[test]
fn an_item_seen_under_another_page_is_one_item_found_by_either() {
    let archive = TestArchive::new();
    archive.harvest([PageOf::new(archive.clock.now()).post("100_1", "Shared by two pages").page()]);
    let other = archive.register("ocotillo-elementary", "200");
    let size = archive.db.read(db::ledger::size).unwrap();
    let begun = archive.begin(Mode::Recent);
    for _ in 0..2 {
        let mut sight = archive.sight(begun);
        sight.account = other;
        let page = PageOf::new(archive.clock.now()).post("100_1", "Shared by two pages").page();
        assert_eq!(archive.store(sight, page).unwrap().tally.versions(), 0);
    }
    let now = archive.db.read(db::ledger::size).unwrap();
    assert_eq!(now, size + 1, "the second page is one entry, once");
    let documents = archive.db.read(|conn| items::documents(conn, size, now)).unwrap();
    assert_eq!(documents.len(), 1);
    assert_eq!(documents[0].accounts, [archive.account, other]);
    archive.end(begun, "complete");
    archive.check();
}
