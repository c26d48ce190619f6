//! The moderation record over time: what was hidden, gone or blocked on the sandbox's page, beside what stayed, and what it never says.

use std::fmt::Write as _;
use std::io::Cursor;
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use jiff::civil::Date;
use pagekeeper::app::moderation::{self, Ask, Entry, Record, Row};
use pagekeeper::import;
use pagekeeper::model::{Mode, Outcome, Platform};
use pagekeeper::sandbox::ids::Dice;
use pagekeeper::sandbox::person;
use rustix::time::{ClockId, clock_gettime};

use crate::kills::command;
use crate::rig::{PAGE, Rig, X};

const ANGRY: &str = "The board are liars and thieves and their new budget is bullshit";
const ALIKE: &str = "Liars and thieves, the whole board, and the new budget is bullshit too";
const KIND: &str = "Thank you to every volunteer at the garden day, what a turnout";
const HOSTILE: &str = "=HYPERLINK(\"http://x.example\") <script>alert(1)</script> \u{202e}thgir ot tfel";

struct Story {
    rig: Rig,
    angry: String,
    alike: String,
    kind: String,
    hostile: String,
}

async fn looked(rig: &Rig, modes: &[Mode]) {
    for mode in modes {
        rig.harvest(*mode).await;
    }
    rig.follow().await.unwrap();
    rig.pass(SignedDuration::from_mins(30));
}

/// A morning on one page: a comment is hidden by somebody, one is hidden from the start, one goes, a person is blocked and let back,
/// and in between the page's settings and admins change.
async fn story() -> Story {
    let rig = Rig::small().await;
    let world = rig.sandbox.world();
    let post = world.add_post(PAGE, "The board meets tonight").unwrap();
    let say = |text: &str| world.add_comment(&post, "Pat Reyes", text).unwrap();
    let (angry, alike, kind, hostile) = (say(ANGRY), say(ALIKE), say(KIND), say(HOSTILE));
    world.hide_comment(&hostile, true);
    looked(&rig, &[Mode::Profile, Mode::Backfill]).await;
    looked(&rig, &[Mode::Recent]).await;
    world.hide_comment(&angry, true);
    world.change_profile(PAGE, |page| {
        page.blocked.push(person(Platform::Facebook, "Wade Pruitt"));
        page.settings
            .iter_mut()
            .filter(|(name, _)| name == "PROFANITY_FILTER")
            .for_each(|(_, value)| *value = "Off".into());
        page.helpers.truncate(1);
    });
    looked(&rig, &[Mode::Recent, Mode::Profile]).await;
    world.delete_comment(&kind);
    looked(&rig, &[Mode::Recent, Mode::Profile]).await;
    world.change_profile(PAGE, |page| page.blocked.clear());
    rig.try_harvest(Mode::Revisit, true).await.unwrap();
    looked(&rig, &[Mode::Recent, Mode::Profile]).await;
    Story { rig, angry, alike, kind, hostile }
}

fn name(id: &str) -> String {
    format!("facebook:{id}")
}

async fn make(rig: &Rig, account: &str, from: &str, to: &str) -> Record {
    let day = |text: &str| text.parse::<Date>().unwrap();
    let (app, ask) = (rig.app().clone(), Ask { account: account.to_owned(), from: day(from), to: day(to) });
    tokio::task::spawn_blocking(move || app.moderation(&ask, "Counsel")).await.unwrap().unwrap().unwrap()
}

async fn enter(rig: &Rig, entry: Entry) -> anyhow::Result<u64> {
    let (app, now) = (rig.app().clone(), rig.clock.now());
    tokio::task::spawn_blocking(move || moderation::enter(&app.db, &app.config, &entry, "Dana Whitfield", now))
        .await
        .unwrap()
}

fn row<'r>(record: &'r Record, id: &str) -> &'r Row {
    let found = record.rows.iter().find(|row| row.item.as_deref() == Some(name(id).as_str()));
    found.unwrap_or_else(|| panic!("{id} has a row: {record:#?}"))
}

const TODAY: &str = "2026-11-24";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_shown_stands_beside_what_stayed_with_its_times_and_no_more_than_is_known() {
    let Story { rig, angry, alike, kind, hostile } = story().await;
    let record = make(&rig, PAGE, TODAY, TODAY).await;

    let hidden = row(&record, &angry);
    assert_eq!((hidden.what, hidden.clause.as_str()), ("hidden", "no clause named"));
    assert!(hidden.cause.contains("a filter or a person: it does not say which"), "{}", hidden.cause);
    let (last, first) = (hidden.last_seen_shown.unwrap(), hidden.first_seen_so.unwrap());
    assert_eq!(first.duration_since(last), SignedDuration::from_mins(30), "the look before, not the first one");
    assert_eq!(hidden.text.as_deref(), Some(ANGRY));
    let flag = &hidden.flags[0];
    assert_eq!((flag.clause.as_str(), flag.apart.as_deref()), ("III.4", Some("60 minutes before")));

    let near = &hidden.similar[0];
    assert_eq!((near.item.as_str(), near.same_page), (name(&alike).as_str(), true));
    assert!(near.likeness >= 50 && hidden.similar.iter().all(|one| one.likeness < 100), "{:?}", hidden.similar);
    assert!(record.notes.iter().any(|note| note == moderation::SIMILAR), "{:?}", record.notes);
    let expectation = &record.expectations[0];
    assert_eq!((expectation.clause.as_str(), expectation.not_shown), ("III.4", 1));
    let stayed: Vec<&str> = expectation.stayed.iter().map(|one| one.item.as_str()).collect();
    assert_eq!(stayed, [name(&alike)]);

    assert_eq!(row(&record, &hostile).cause, "hidden at first sight: probably a filter");
    assert_eq!(row(&record, &hostile).last_seen_shown, None);
    let old = record.rows.iter().find(|row| row.text.as_deref() == Some("Rant 0")).unwrap();
    assert!(old.cause.contains("it was hidden already when it was first seen"), "{}", old.cause);
    let gone = row(&record, &kind);
    assert_eq!(gone.what, "gone");
    assert!(gone.cause.starts_with("gone: the platform said so"), "{}", gone.cause);
    assert!(gone.entries.len() == 2 && gone.last_seen_shown < gone.first_seen_so);

    let blocked = record.rows.iter().find(|row| row.what == "blocked").unwrap();
    assert_eq!(blocked.person.as_deref(), Some("Wade Pruitt"));
    assert!(blocked.until > blocked.first_seen_so && blocked.last_seen_shown < blocked.first_seen_so);
    assert!(blocked.cause.contains("does not say who did it"), "{}", blocked.cause);
    assert!(!record.rows.iter().any(|row| row.item.as_deref() == Some(name(&alike).as_str())));
    let all = serde_json::to_string(&record).unwrap();
    for claim in ["deleted by", "removed by", "violation"] {
        assert!(!all.contains(claim), "{claim}");
    }

    let before = make(&rig, PAGE, "2026-10-01", "2026-10-31").await;
    assert_eq!(before.rows.len(), 0, "{:#?}", before.rows);
    rig.check("after the record was made");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_row_has_the_page_as_it_was_that_day_and_says_where_it_changed_in_between() {
    let Story { rig, angry, kind, hostile, .. } = story().await;
    let record = make(&rig, PAGE, TODAY, TODAY).await;
    let standing = |id: &str| {
        let row = row(&record, id);
        (record.standings.iter().find(|standing| standing.number == row.standing).unwrap(), row.standing_changed)
    };
    let (first, _) = standing(&hostile);
    assert_eq!(first.profanity_filter, "Strong");
    assert_eq!(first.admins.len(), 2, "{:?}", first.admins);
    assert!(first.page_text.contains("Home of the Condors"), "{}", first.page_text);
    let (then, changed) = standing(&angry);
    assert_eq!((then.profanity_filter.as_str(), changed), ("Off", true), "it changed between the two looks");
    let (later, changed) = standing(&kind);
    assert_eq!((later.profanity_filter.as_str(), later.admins.len(), changed), ("Off", 1, false));
    assert_ne!(later.number, first.number);
    let blocked = record.rows.iter().find(|row| row.what == "blocked").unwrap();
    assert!(blocked.standing_changed, "the settings changed between the two looks at the list");
    let early = record.rows.iter().find(|row| row.text.as_deref() == Some("Rant 0")).unwrap();
    assert!(!early.standing_changed, "nothing had been read of the page when it was written: no change is known");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_did_it_is_said_only_where_a_person_entered_it_and_every_making_is_on_record() {
    let Story { rig, angry, alike, .. } = story().await;
    let fine = Entry {
        account: PAGE.into(),
        act: "hidden".into(),
        item: name(&angry),
        clause: "III.4".into(),
        reason: "names of the board with a curse".into(),
        on: TODAY.into(),
        ..Entry::default()
    };
    let entry = enter(&rig, fine.clone()).await.unwrap();
    let block = Entry {
        act: "blocked".into(),
        item: String::new(),
        person: "Wade Pruitt".into(),
        clause: String::new(),
        ..fine.clone()
    };
    enter(&rig, block.clone()).await.unwrap();
    enter(&rig, Entry { person: "Lee Marsh".into(), ..block }).await.unwrap();
    let refused = [
        (Entry { reason: "  ".into(), ..fine.clone() }, "reason"),
        (Entry { item: String::new(), ..fine.clone() }, "name the item"),
        (Entry { item: "facebook:0_0".into(), ..fine.clone() }, "nothing is held"),
        (Entry { act: "deleted".into(), ..fine.clone() }, "is none of"),
        (Entry { on: "2026-12-24".into(), ..fine.clone() }, "still to come"),
        (Entry { account: "nobody".into(), ..fine.clone() }, "no page"),
        (Entry { reason: "x".repeat(1001), ..fine }, "more than 1000"),
    ];
    for (entry, why) in refused {
        let said = enter(&rig, entry).await.unwrap_err().to_string();
        assert!(said.contains(why), "{said}");
    }
    let record = make(&rig, PAGE, TODAY, TODAY).await;
    let hidden = row(&record, &angry);
    assert_eq!((hidden.clause.as_str(), hidden.entered[0].entry), ("III.4", entry));
    assert_eq!((hidden.entered[0].by.as_str(), hidden.entered.len()), ("Dana Whitfield", 1));
    assert!(hidden.cause.contains("does not say which"), "what the platform shows stays as it is: {}", hidden.cause);
    let people: Vec<(&str, usize)> = record
        .rows
        .iter()
        .filter(|row| row.what == "blocked")
        .map(|row| (row.person.as_deref().unwrap(), row.entered.len()))
        .collect();
    assert_eq!(people.len(), 2, "the platform's row takes the entry to itself: {people:?}");
    assert!(people.contains(&("Wade Pruitt", 1)) && people.contains(&("Lee Marsh", 1)), "{people:?}");
    assert!(!serde_json::to_string(&record.rows).unwrap().contains(&format!("\"item\":\"{}\",\"kind\"", name(&alike))));

    let accesses =
        rig.column("SELECT l.actor || e.fields FROM ledger l JOIN entries e USING (seq) WHERE l.kind = 'access'");
    assert_eq!(accesses.len(), 1);
    let rows = record.rows.len().to_string();
    for field in
        ["Counsel", "\"what\":\"moderation record\"", TODAY, &format!("\"rows\":\"{rows}\""), "\"stayed\":\"1\""]
    {
        assert!(accesses[0].contains(field), "{field}: {}", accesses[0]);
    }
    assert!(!accesses[0].contains("liars"), "the record itself is not kept");
    rig.check("after entries and a making");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_prints_it_as_words_as_json_and_as_a_table_that_runs_no_formula() {
    let Story { rig, angry, hostile, .. } = story().await;
    let run = |words: &[&str]| {
        let output = command(&rig.config, words).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let days = ["--from", TODAY, "--to", TODAY, "--as", "Counsel"];
    let with = |more: &[&'static str]| [&["moderation", PAGE], &days[..], more].concat();
    let item = name(&angry);
    let (code, said, _) = run(&[
        "moderation",
        "enter",
        PAGE,
        "--act",
        "hidden",
        "--item",
        &item,
        "--reason",
        "=1+1",
        "--on",
        "2025-03-03",
        "--as",
        "@Dana",
    ]);
    assert_eq!((code, said.contains("ledger entry")), (Some(0), true), "{said}");
    let (code, csv, _) = run(&with(&["--csv"]));
    assert_eq!(code, Some(0));
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert!(rows.iter().flatten().all(|cell| !cell.starts_with(['=', '+', '-', '@', '\t', '\r'])), "{csv}");
    let of = |item: &str| rows.iter().find(|row| &row[0] == "row" && row[3] == *name(item)).unwrap();
    assert!(of(&hostile)[7].starts_with("'=HYPERLINK"), "{:?}", of(&hostile));
    assert!(of(&angry)[13].contains("said by @Dana: =1+1 (no clause named"), "{:?}", of(&angry));
    assert!(rows.iter().any(|row| &row[0] == "similar" && row[7] == *ALIKE));
    assert!(rows.iter().any(|row| &row[0] == "stayed" && &row[2] == "matched III.4 obscenity, stayed"));
    let (_, json, _) = run(&with(&["--json"]));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["rows"].as_array().unwrap().iter().filter(|row| row["item"] == item).count(), 1);
    let (code, words, beside) = run(&with(&[]));
    assert_eq!(code, Some(0));
    assert!(words.contains("a person entered it: hidden on 2025-03-03") && words.contains("said by @Dana"), "{words}");
    assert!(beside.contains("ledger entry"), "{beside}");
    for (wrong, why) in [
        (vec!["moderation", "nobody", "--from", TODAY, "--to", TODAY], "no page"),
        (vec!["moderation", PAGE, "--from", "yesterday", "--to", TODAY], "is no day"),
        (vec!["moderation", PAGE, "--from", TODAY, "--to", "2026-11-01"], "is after"),
        (vec!["moderation", PAGE], "--from"),
    ] {
        let (code, _, said) = run(&wrong);
        assert_eq!((code, said.contains(why)), (Some(2), true), "{wrong:?}: {said}");
    }
    let made = rig.column("SELECT actor FROM ledger WHERE kind = 'access'");
    assert_eq!(made, ["Counsel", "Counsel", "Counsel"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_platform_that_shows_nobody_what_is_hidden_is_said_to() {
    let rig = Rig::with(crate::rig::small_world(X, 6), rig_clock(), &[X]).await;
    rig.harvest(Mode::Backfill).await;
    rig.follow().await.unwrap();
    let record = make(&rig, X, "2026-11-01", TODAY).await;
    assert!(
        record.notes.iter().any(|note| note.contains("X shows nobody what a page has hidden")),
        "{:?}",
        record.notes
    );
    assert!(record.notes.iter().any(|note| note.contains("X gives us no list")), "{:?}", record.notes);
}

fn rig_clock() -> pagekeeper::model::Clock {
    pagekeeper::model::Clock::manual(crate::rig::NOW.parse().unwrap())
}

/// Comments of a few words each, every fortieth hidden a day later.
fn many(comments: usize) -> String {
    let mut dice = Dice::of("comments of a year");
    let words = [
        "board",
        "budget",
        "game",
        "liars",
        "thieves",
        "bus",
        "late",
        "garden",
        "thanks",
        "principal",
        "lunch",
        "vote",
        "parking",
    ];
    let mut lines = String::new();
    for number in 0..comments {
        let mut text: String =
            (0..8).map(|_| format!("{} ", words[usize::try_from(dice.below(13)).unwrap()])).collect();
        write!(text, "number{}", dice.below(3_000)).unwrap();
        let created = format!("2026-{:02}-{:02}T12:00:00Z", number % 10 + 1, number % 27 + 1);
        let mut versions =
            vec![serde_json::json!({"observed_at": created, "change": "created", "state": "visible", "text": text})];
        if number % 40 == 0 {
            let later = created.replace("T12", "T20");
            versions
                .push(serde_json::json!({"observed_at": later, "change": "hidden", "state": "hidden", "text": text}));
        }
        let state = versions.last().unwrap()["state"].clone();
        let line = serde_json::json!({
            "platform": "facebook", "account": PAGE, "native_id": format!("77_{number}"), "kind": "comment",
            "author": {"native_id": format!("{number}"), "name": "Pat Reyes", "role": "public"},
            "created_at": created, "first_seen_at": created, "last_seen_at": created, "state": state, "text": text, "versions": versions,
        });
        writeln!(lines, "{line}").unwrap();
    }
    lines
}

/// How long this thread has had a core: other tests and other programs do not count.
fn on_core() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_with_twenty_thousand_comments_and_five_hundred_hidden_ones_has_its_table_in_seconds() {
    let rig = Rig::small().await;
    let (app, now) = (rig.app().clone(), rig.clock.now());
    let lines = many(20_000);
    let load =
        move || import::jsonl(&app.db, Cursor::new(lines.into_bytes()), "year.jsonl", "records", now, &mut |_| {});
    let began = Instant::now();
    tokio::task::spawn_blocking(load).await.unwrap().unwrap();
    rig.follow().await.unwrap();
    let loaded = began.elapsed();
    let (app, day) = (rig.app().clone(), |text: &str| text.parse::<Date>().unwrap());
    let ask = Ask { account: PAGE.to_owned(), from: day("2026-01-01"), to: day("2026-12-31") };
    let timed = move || {
        let began = on_core();
        let record = app.moderation(&ask, "Counsel").unwrap().unwrap();
        (record, on_core() - began)
    };
    let (record, took) = tokio::task::spawn_blocking(timed).await.unwrap();
    eprintln!("loaded in {loaded:.1?}, made in {took:.1?}");
    assert_eq!(record.rows.len(), 500);
    let beside: usize = record.rows.iter().map(|row| row.similar.len()).sum();
    assert!(beside > 1_000, "{beside} similar ones");
    assert_eq!(record.rows[0].last_seen_shown.map(|at| at.to_string()), Some("2026-01-01T12:00:00Z".into()));
    // Not optimized: what is meant are five seconds of the program as it ships.
    assert!(took < Duration::from_secs(if cfg!(debug_assertions) { 20 } else { 5 }), "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn decisions_on_a_flag_stand_beside_it_with_their_times() {
    let Story { rig, angry, .. } = story().await;
    let flags = rig.read(|conn| pagekeeper::db::flags::list(conn, true));
    let flag = flags.into_iter().find(|flag| flag.native_id == angry).unwrap();
    let now = rig.clock.now();
    let decide = move |tx: &pagekeeper::db::Tx<'_>| {
        pagekeeper::db::flags::review(tx, &flag, Outcome::NotAConcern, "anger at a budget", "", "Priya Nair", now)
    };
    rig.app().db.writer.write_async(decide).await.unwrap();
    let record = make(&rig, PAGE, TODAY, TODAY).await;
    let review = &row(&record, &angry).flags[0].reviews[0];
    assert_eq!((review.outcome, review.by.as_str()), (Outcome::NotAConcern, "Priya Nair"));
    assert_eq!(review.apart.as_deref(), Some("90 minutes after"));
}
