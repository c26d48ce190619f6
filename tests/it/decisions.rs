//! What people decide about rules: phrases that are harmless, packs that change, items that nobody flagged.

use jiff::SignedDuration;
use pagekeeper::app::packs;
use pagekeeper::db::samples::{self, Look};
use pagekeeper::db::{flags, inputs, offers, replays, suppressions};
use pagekeeper::model::{Category, Mode};
use pagekeeper::rules;
use pagekeeper::weekly;

use crate::kills::command;
use crate::rig::{PAGE, Rig};

/// The state of each flag, by the text of its item.
fn states(rig: &Rig) -> Vec<(String, String)> {
    let kept = rig.kept();
    let flags = rig.read(|conn| flags::list(conn, true));
    let mut states: Vec<(String, String)> =
        flags.into_iter().map(|flag| (kept[&flag.native_id].last().unwrap().3.clone(), flag.state)).collect();
    states.sort();
    states
}

fn state_of(rig: &Rig, text: &str) -> String {
    states(rig).into_iter().find(|(known, _)| known == text).map(|(_, state)| state).unwrap_or_default()
}

/// A page with one post, and comments under it.
async fn rig(comments: &[&str]) -> (Rig, String) {
    let rig = Rig::small().await;
    let post = rig.sandbox.world().add_post(PAGE, "Semifinal tonight").unwrap();
    for text in comments {
        rig.sandbox.world().add_comment(&post, "Pat Reyes", text).unwrap();
    }
    rig.harvest(Mode::Recent).await;
    rig.follow().await.unwrap();
    (rig, post)
}

const PHRASE: &str = "What a bullshit call, ref";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phrase_called_harmless_is_so_for_its_rule_its_words_and_its_time() {
    let others = ["that is bullshit", "What a BULLSHIT call, ref!!"];
    let (rig, post) = rig(&[PHRASE, others[0], others[1]]).await;
    assert!(states(&rig).iter().all(|(_, state)| state == "open"), "{:?}", states(&rig));
    let (now, app) = (rig.clock.now(), rig.app().clone());
    let flag = rig
        .read(|conn| flags::list(conn, false))
        .into_iter()
        .find(|flag| rig.kept()[&flag.native_id].last().unwrap().3 == PHRASE);
    let flag = flag.unwrap();
    let until = now + SignedDuration::from_hours(24 * 30);
    let covered = app.db.writer.write_async(move |tx| {
        flags::call_benign(tx, &flag, "bullshit call ref", until, ("game talk", ""), "reviewer", now)
    });
    assert_eq!(covered.await.unwrap(), 2);
    assert_eq!(state_of(&rig, PHRASE), "benign_phrase");
    assert_eq!(state_of(&rig, others[1]), "suppressed");
    assert_eq!(state_of(&rig, others[0]), "open", "other words are not covered");

    // What comes in later is covered as well, and a rebuild says the same.
    let later = "another bullshit call, ref";
    rig.sandbox.world().add_comment(&post, "Sam Ortiz", later).unwrap();
    rig.harvest(Mode::Recent).await;
    rig.follow().await.unwrap();
    assert_eq!(state_of(&rig, later), "suppressed");
    let before = states(&rig);
    let rebuilding = app.clone();
    tokio::task::spawn_blocking(move || rebuilding.rebuild_flags(now)).await.unwrap().unwrap();
    assert_eq!(states(&rig), before);

    // Its time is over: what it covered is in the queue again; the person's own decision stands.
    rig.pass(SignedDuration::from_hours(24 * 31));
    rig.follow().await.unwrap();
    assert_eq!(state_of(&rig, later), "open");
    assert_eq!(state_of(&rig, PHRASE), "benign_phrase");
    assert!(rig.read(suppressions::all)[0].ended_at.is_some());
    rig.check("in the end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suppression_can_be_ended_and_says_who_ended_it() {
    let (rig, _) = rig(&[PHRASE]).await;
    let rule = rig.read(|conn| flags::list(conn, false))[0].rule.clone();
    let (now, app) = (rig.clock.now(), rig.app().clone());
    let new = suppressions::New {
        rule,
        phrase: "bullshit call".into(),
        reason: "game talk".into(),
        expires_at: now + SignedDuration::from_hours(24),
    };
    let begun = app.db.writer.write_async(move |tx| suppressions::begin(tx, &new, "reviewer", now)).await.unwrap();
    assert_eq!((begun.1, state_of(&rig, PHRASE).as_str()), (1, "suppressed"));
    let end = move |tx: &pagekeeper::db::Tx<'_>| suppressions::end(tx, begun.0, "no longer", "counsel", now);
    app.db.writer.write_async(end).await.unwrap();
    assert_eq!(state_of(&rig, PHRASE), "open");
    assert!(app.db.writer.write_async(end).await.is_err(), "once");
    assert_eq!(rig.column("SELECT actor FROM ledger WHERE kind = 'suppression' ORDER BY seq"), ["reviewer", "counsel"]);
    rig.check("after both");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_pack_shows_what_it_does_and_a_broken_one_does_nothing() {
    let (rig, _) = rig(&[PHRASE, "the zamboni broke"]).await;
    let open = states(&rig).len();
    let pack = rig.folder.path().join("config/rules/zamboni.toml");
    let text = "[[rule]]\nid = \"test.zamboni\"\ntitle = \"A zamboni\"\ncategory = \"obscenity\"\nseverity = \"low\"\n\
                clause = { public = \"III.4\" }\nfind = [[\"zamboni\"]]\nmatch = [\"zamboni\", \"el zamboni\", \"a zamboni\"]\n\
                no_match = [\"zamba\", \"bonito\", \"rink\"]\n";
    std::fs::write(&pack, text).unwrap();
    // Beforehand: what it would do is told, and nothing is done.
    let packs = rules::load(&packs::read(&rig.app().config).unwrap()).unwrap();
    let mut told = Vec::new();
    let replayed = rig.app().replay(&packs, &mut |difference| {
        told.push(difference.clone());
        Ok(())
    });
    let replayed = replayed.unwrap();
    assert_eq!((replayed.new, replayed.gone, replayed.changed, replayed.same as usize), (1, 0, 0, open));
    assert_eq!(rig.kept()[told[0].item.trim_start_matches("facebook:")].last().unwrap().3, "the zamboni broke");
    assert_eq!(states(&rig).len(), open);

    // It is offered with what it would do, computed once, and does not count.
    rig.follow().await.unwrap();
    assert_eq!(states(&rig).len(), open);
    let offer = rig.read(offers::standing).unwrap();
    let counts = [offer.found.new, offer.found.gone, offer.found.changed, offer.found.stayed];
    assert_eq!(counts, [1, 0, 0, open as u64]);
    assert_eq!(offer.found.rules["test.zamboni"].examples, [("new".to_owned(), told[0].item.clone())]);
    assert_eq!(noted(&rig), (None, Some("1 new, 0 gone")));
    rig.pass(SignedDuration::from_hours(1));
    rig.follow().await.unwrap();
    assert_eq!(rig.read(offers::standing).unwrap(), offer, "a look later is no other replay");
    let (said, told) = run(&rig, &["rules", "offered"]);
    assert!(
        said.contains("zamboni.toml is new") && told.contains("1 new, 0 gone") && told.contains("not in force"),
        "{said}{told}"
    );
    assert!(run(&rig, &["rules", "offered", "--json"]).0.contains("\"test.zamboni\":{\"new\":1,"));
    assert_eq!((states(&rig).len(), rig.read(|conn| replays::newest(conn, 9))), (open, vec![]));

    accept(&rig).await;
    assert_eq!((states(&rig).len(), rig.read(offers::standing)), (open + 1, None));
    let by =
        rig.column("SELECT coalesce(actor, '') FROM ledger WHERE kind = 'input' AND subject = 'packs' ORDER BY seq");
    assert_eq!(by, ["", "dana"], "the first packs count by themselves");
    let replay = rig.read(|conn| replays::newest(conn, 1)).remove(0);
    assert_eq!((replay.new, replay.gone, replay.changed, replay.stayed as usize), (1, 0, 0, open));
    assert_eq!(replay.rules["test.zamboni"], [1, 0, 0]);
    assert!(run(&rig, &["rules", "accept"]).1.contains("No changed packs wait"));

    // A change that does not load takes the place of none.
    std::fs::write(&pack, text.replace("severity = \"low\"", "severity = \"high\"")).unwrap();
    rig.follow().await.unwrap();
    let offer = rig.read(offers::standing).unwrap();
    assert_eq!((offer.found.changed, offer.found.rules["test.zamboni"].changed), (1, 1));
    std::fs::write(&pack, text.replace("\"rink\"", "\"our zamboni\"")).unwrap();
    rig.follow().await.unwrap();
    assert_eq!((states(&rig).len(), rig.read(offers::standing)), (open + 1, None), "the last good packs stay in force");
    let app = rig.app();
    let said = packs::trouble(&app.db, &app.config).unwrap().unwrap();
    assert!(said.contains("zamboni.toml:9: rule test.zamboni: expected no match, found one"), "{said}");
    let notes = packs::notes(&app.db, &app.config, rig.clock.now()).unwrap();
    assert!(notes[0].contains("did not load"), "{notes:?}");
    let ask = weekly::Ask { notes, dry_run: true, ..weekly::Ask::default() };
    let made = weekly::run(&app.db, &app.config, &ask, rig.clock.now()).unwrap();
    assert!(made.report.text.contains("zamboni.toml:9"), "{}", made.report.text);

    std::fs::remove_file(&pack).unwrap();
    rig.follow().await.unwrap();
    assert_eq!((states(&rig).len(), rig.read(offers::standing).unwrap().found.gone), (open + 1, 1));
    accept(&rig).await;
    assert_eq!(states(&rig).len(), open);
    assert_eq!(rig.read(|conn| replays::newest(conn, 9)).len(), 2);
}

/// What the notes say of packs that did not load, and how much of what changed ones would do.
fn noted(rig: &Rig) -> (Option<String>, Option<&'static str>) {
    let app = rig.app();
    let notes = packs::notes(&app.db, &app.config, rig.clock.now()).unwrap();
    let waits = notes.iter().find(|note| note.contains("wait for a person"));
    let words = "1 new, 0 gone";
    (packs::trouble(&app.db, &app.config).unwrap(), waits.filter(|note| note.contains(words)).map(|_| words))
}

async fn accept(rig: &Rig) {
    let (app, now) = (rig.app().clone(), rig.clock.now());
    tokio::task::spawn_blocking(move || app.accept_packs("dana", now)).await.unwrap().unwrap().unwrap();
}

/// What a command says on standard output, and beside it.
fn run(rig: &Rig, words: &[&str]) -> (String, String) {
    let output = command(&rig.config, words).output().unwrap();
    assert!(output.status.success(), "{words:?}: {output:?}");
    (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_packs_that_were_shown_count_and_not_what_lies_on_the_disk_by_then() {
    let (rig, _) = rig(&[PHRASE]).await;
    let file = rig.folder.path().join("config/rules/words.toml");
    let known = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{known}\n# Of Monday.\n")).unwrap();
    rig.follow().await.unwrap();
    let monday = rig.read(offers::standing).unwrap();
    std::fs::write(&file, format!("{known}\n# Of Tuesday.\n")).unwrap();
    let (app, now) = (rig.app().clone(), rig.clock.now());
    let digest = monday.digest;
    let late = move |tx: &pagekeeper::db::Tx<'_>| offers::accept(tx, &digest, "dana", now);
    app.db.writer.write_async(late).await.unwrap();
    let in_force = rig.read(|conn| inputs::in_force(conn, inputs::PACKS)).unwrap();
    assert!(in_force.0 == monday.digest && in_force.1.contains("Of Monday"));
    rig.follow().await.unwrap();
    let tuesday = rig.read(offers::standing).unwrap();
    assert!(tuesday.text.contains("Of Tuesday") && tuesday.found.rules.is_empty());
    let refused = app.db.writer.write_async(late).await.unwrap_err();
    assert!(refused.to_string().contains("have changed again"), "{refused}");

    // The files are put back: nothing waits.
    std::fs::write(&file, format!("{known}\n# Of Monday.\n")).unwrap();
    rig.follow().await.unwrap();
    assert_eq!(rig.read(offers::standing), None);
    rig.check("in the end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_weekly_report_draws_what_nobody_flagged_for_a_look() {
    let (rig, _) = rig(&[PHRASE]).await;
    let (app, now) = (rig.app().clone(), rig.clock.now());
    let making = app.clone();
    let run = move || weekly::run(&making.db, &making.config, &weekly::Ask::default(), now);
    tokio::task::spawn_blocking(run).await.unwrap().unwrap();
    let waiting = rig.read(samples::waiting);
    assert!(!waiting.is_empty() && waiting.len() <= 20, "{}", waiting.len());
    let kept = rig.kept();
    let named = |sample: &samples::Sample| sample.name.trim_start_matches("facebook:").to_owned();
    assert!(
        waiting.iter().all(|sample| kept[&named(sample)].last().unwrap().3 != PHRASE),
        "flagged ones are not drawn"
    );
    let (first, second) = (waiting[0].id, waiting[1].id);
    let look = move |tx: &pagekeeper::db::Tx<'_>| {
        samples::look(tx, first, Look::Fine, "", "reviewer", now)?;
        samples::look(tx, second, Look::Missed(Category::Obscenity), "masked", "reviewer", now)
    };
    app.db.writer.write_async(look).await.unwrap();
    assert!(app.db.writer.write_async(look).await.is_err(), "a look is taken once");
    let tally = rig.read(|conn| samples::tallies(conn, 1)).remove(0);
    assert_eq!((tally.drawn, tally.looked, tally.missed), (waiting.len() as u64, 2, 1));
    rig.check("after the looks");
}
