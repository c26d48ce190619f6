//! What people attest: on record with its file, missed by the audit when it is not there, and collected through tables.

use std::fs;

use jiff::SignedDuration;
use pagekeeper::audit::attest::{self, Saying};
use pagekeeper::audit::{self, topics};
use pagekeeper::config::Config;
use pagekeeper::db::accounts::{self, Registration};
use pagekeeper::db::attestations::{self, Answer};
use pagekeeper::db::{self, findings};
use pagekeeper::model::Clock;
use pagekeeper::proof;
use pagekeeper::sandbox::World;
use pagekeeper::seal;

use crate::kills::command;
use crate::rig::{INSTAGRAM, NOW, PAGE, Rig};

const NEXTDOOR: &str = "mesa-vista-nextdoor";

/// Two pages that are read, and one that only a person can read.
async fn rig() -> Rig {
    let now = NOW.parse().unwrap();
    let rig = Rig::with(World::bare(now), Clock::manual(now), &[PAGE, INSTAGRAM]).await;
    let row = Registration {
        slug: NEXTDOOR.into(),
        platform: "nextdoor".into(),
        handle: "mesa-vista".into(),
        owner_name: "Dana Whitfield".into(),
        status: "active".into(),
        ..Registration::default()
    };
    let put = move |tx: &db::Tx<'_>| accounts::put(tx, &row, Some("it"), now).map(|_| ());
    rig.app().db.writer.write_async(put).await.unwrap();
    rig
}

fn saying(topic: &str, answer: Answer, words: &str) -> Saying {
    let topic = topics::topic(topic).unwrap();
    Saying { topic, answer, words: words.into(), said_by: "Ana Ruiz".into(), until: None, file: None }
}

/// Says it of a page; what it is refused for comes back.
fn say(rig: &Rig, slug: &str, saying: Saying) -> Result<u64, String> {
    let account = rig.accounts().into_iter().find(|account| account.row.slug == slug).unwrap();
    let (app, now) = (rig.app(), rig.clock.now());
    let said = || attest::say(&app.db, &app.config, &account, vec![saying], "Priya Nair", now);
    tokio::task::block_in_place(said).map(|entries| entries[0]).map_err(|error| error.to_string())
}

fn verdict(rig: &Rig, config: &Config, check: &str, slug: &str) -> (&'static str, String) {
    let run = || audit::run(&rig.app().db, config, rig.clock.now());
    let (audit, _) = tokio::task::block_in_place(run).unwrap();
    let page = audit.pages.iter().find(|page| page.account.row.slug == slug).unwrap();
    let found = page.verdicts.iter().find(|(one, _)| one.id == check);
    found.map_or(("unasked", String::new()), |(_, verdict)| (verdict.as_str(), verdict.words().to_owned()))
}

fn open(rig: &Rig, check: &str) -> usize {
    rig.read(findings::open).into_iter().filter(|one| one.check == check).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attestation_stands_in_the_ledger_and_its_file_is_verified_and_backed_up() {
    let rig = rig().await;
    let bytes = b"<html>a picture of settings</html>".to_vec();
    let file = Some(("C:\\two step.html".to_owned(), bytes.clone()));
    let entry = say(&rig, PAGE, Saying { file, ..saying("two_factor", Answer::Yes, "by app") }).unwrap();
    let digest = hex::encode(seal::sha256(&bytes));
    let fields = rig.column(&format!("SELECT fields FROM entries WHERE seq = {entry}")).remove(0);
    assert_eq!(
        fields,
        format!(
            "{{\"topic\":\"two_factor\",\"answer\":\"yes\",\"words\":\"by app\",\"said_by\":\"Ana Ruiz\",\
             \"expires_on\":\"2027-02-24\",\"evidence\":\"{digest}\",\"evidence_name\":\"two step.html\"}}"
        )
    );
    let by = rig.column(&format!("SELECT kind || ' ' || subject || ' ' || actor FROM ledger WHERE seq = {entry}"));
    assert_eq!(by, [format!("attestation {PAGE} Priya Nair")]);
    assert_eq!(rig.check("after an attestation").media, 1);

    let media = rig.app().config.media_dir();
    let stored = media.join(seal::content_address(&seal::sha256(&bytes)));
    let copy = rig.folder.path().join("copy");
    let back_up = || {
        let run = || proof::backup(&rig.app().db, &media, None, None, &copy, &mut |_| {});
        tokio::task::block_in_place(run)
    };
    let done = back_up().unwrap();
    assert_eq!((done.media_copied, done.verified.media), (1, 1));
    assert_eq!(fs::read(copy.join("media").join(seal::content_address(&seal::sha256(&bytes)))).unwrap(), bytes);
    fs::remove_dir_all(&copy).unwrap();

    let faults = || {
        let verified = rig.read(|conn| proof::verify(conn, &media, None, None, &mut |_| {}));
        verified.faults.into_iter().map(|fault| format!("{}: {}", fault.about, fault.fault)).collect::<Vec<_>>()
    };
    fs::write(&stored, b"<html>another picture</html>").unwrap();
    assert_eq!(faults(), [format!("evidence {digest}: the file does not have its digest")]);
    assert!(back_up().unwrap_err().to_string().contains("does not have its digest"));
    fs::remove_file(&stored).unwrap();
    assert_eq!(faults().len(), 1);
    fs::write(&stored, &bytes).unwrap();
    assert_eq!(faults(), Vec::<String>::new());

    let conn = rusqlite::Connection::open(rig.app().config.database()).unwrap();
    assert!(conn.execute("UPDATE attestations SET answer = 'no'", []).is_err(), "it never changes");
    assert!(conn.execute("DELETE FROM attestations", []).is_err());
    conn.execute_batch("DROP TRIGGER attestations_never_change; UPDATE attestations SET expires_on = '2099-01-01'")
        .unwrap();
    let altered = faults();
    let fault = format!("attestation {entry}: its row does not say what its ledger entry says");
    assert!(altered.contains(&fault), "{altered:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_word_that_is_missing_has_run_out_or_says_no_is_a_finding() {
    let rig = rig().await;
    let config = (*rig.app().config).clone();
    let said = |slug: &str| verdict(&rig, &config, "two_factor", slug);
    assert_eq!((said(PAGE).0, said(NEXTDOOR).0), ("not_stated", "not_stated"), "no collection has begun");
    let mut begun = config.clone();
    begun.audit.attest_from = Some("2026-11-24".parse().unwrap());
    assert_eq!(
        verdict(&rig, &begun, "two_factor", PAGE),
        ("fails", "nobody has said whether two-step sign-in is on".into())
    );
    begun.audit.attest_from = Some("2026-11-25".parse().unwrap());
    assert_eq!(verdict(&rig, &begun, "two_factor", PAGE).0, "not_stated", "its day has not come");
    assert_eq!(open(&rig, "two_factor"), 0);

    rig.pass(SignedDuration::from_hours(1));
    let entry = say(&rig, PAGE, saying("two_factor", Answer::Yes, "")).unwrap();
    rig.follow().await.unwrap();
    assert_eq!(open(&rig, "two_factor"), 2, "the others are missing from the same day on");
    assert_eq!(said(PAGE).0, "holds");
    assert_eq!(verdict(&rig, &config, "malware", PAGE).0, "not_stated", "each question begins by itself");
    assert_eq!(verdict(&rig, &config, "password_holder", PAGE).0, "unasked", "Facebook's pages have no password");
    assert_eq!(verdict(&rig, &config, "looked_at", PAGE).0, "unasked");

    say(&rig, INSTAGRAM, saying("two_factor", Answer::Unknown, "")).unwrap();
    say(&rig, NEXTDOOR, saying("two_factor", Answer::No, "one phone\nis shared")).unwrap();
    assert_eq!(said(INSTAGRAM).0, "not_said");
    let (failed, words) = said(NEXTDOOR);
    assert_eq!(failed, "fails");
    assert!(
        words.contains("is not on") && words.contains("(one phone; is shared): said Ana Ruiz on Nov 24, 2026"),
        "{words}"
    );
    rig.pass(SignedDuration::from_hours(24 * 15));
    let (failed, words) = said(INSTAGRAM);
    assert!(failed == "fails" && words.contains("held until Dec 8, 2026"), "two weeks to find out: {words}");
    assert_eq!(said(PAGE).0, "holds");
    rig.pass(SignedDuration::from_hours(24 * 77));
    assert_eq!(said(PAGE).0, "holds", "its last day counts");
    rig.pass(SignedDuration::from_hours(24));
    assert_eq!(said(PAGE).0, "fails");
    let found = rig.read(findings::open).into_iter().find(|one| one.check == "two_factor" && one.evidence == [entry]);
    assert!(found.is_some_and(|one| one.what.contains("held until Feb 24, 2027")), "it rests on the old word");
    say(&rig, PAGE, saying("two_factor", Answer::Yes, "")).unwrap();
    rig.follow().await.unwrap();
    assert_eq!((said(PAGE).0, open(&rig, "two_factor")), ("holds", 2));
    rig.check("after a year's quarter of attestations");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_no_api_reads_wants_a_look_again_and_again() {
    let rig = rig().await;
    let config = (*rig.app().config).clone();
    let said = || verdict(&rig, &config, "looked_at", NEXTDOOR);
    assert_eq!(said().0, "not_stated");
    rig.pass(SignedDuration::from_hours(24 * 31));
    assert_eq!(said().0, "not_stated");
    rig.pass(SignedDuration::from_hours(24));
    let (failed, words) = said();
    assert_eq!(failed, "fails");
    assert!(words.contains("nobody has looked at it since it was registered on Nov 24, 2026"), "{words}");
    say(&rig, NEXTDOOR, saying("looked_at", Answer::Yes, "")).unwrap();
    assert_eq!(said().0, "holds");
    let looked = rig.read(|conn| attest::looks(conn, &config));
    assert_eq!(looked.values().collect::<Vec<_>>(), ["looked at on Dec 26, 2026 by Ana Ruiz"]);
    rig.pass(SignedDuration::from_hours(24 * 32));
    assert_eq!(said().0, "fails", "the look has grown old");
    say(&rig, NEXTDOOR, saying("looked_at", Answer::No, "an old logo")).unwrap();
    assert!(said().1.contains("found something (an old logo)"), "{:?}", said());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_taken_is_refused_in_words() {
    let rig = rig().await;
    let refused = |slug: &str, saying: Saying| say(&rig, slug, saying).unwrap_err();
    let day = |text: &str| Some(text.parse().unwrap());
    let yes = || saying("malware", Answer::Yes, "");
    assert!(refused(PAGE, saying("password_holder", Answer::Yes, "x")).contains("is not asked of"));
    assert!(refused(PAGE, saying("blocked_words", Answer::Yes, " \u{202e} ")).contains("a yes alone says nothing"));
    assert!(refused(PAGE, Saying { said_by: "\u{7}".into(), ..yes() }).contains("who says so?"));
    assert!(refused(PAGE, Saying { until: day("2026-11-23"), ..yes() }).contains("a day to come"));
    assert!(refused(PAGE, Saying { until: day("2036-11-23"), ..yes() }).contains("two years"));
    assert!(refused(PAGE, Saying { words: "x".repeat(5001), ..yes() }).contains("5000 letters"));
    assert!(refused(PAGE, Saying { file: Some(("a".into(), Vec::new())), ..yes() }).contains("the file is empty"));
    let large = Some(("a".into(), vec![0; attest::LARGEST_FILE + 1]));
    assert!(refused(PAGE, Saying { file: large, ..yes() }).contains("larger than 20 MiB"));
    assert_eq!(rig.read(attestations::newest), 0);
    say(&rig, PAGE, Saying { until: day("2026-12-01"), ..saying("malware", Answer::Yes, "a\u{1b}[31mb\r\nc") })
        .unwrap();
    let stands = rig.column("SELECT words || ' ' || expires_on FROM attestations");
    assert_eq!(stands, ["a[31mb\nc 2026-12-01"], "nothing steers a terminal");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_goes_round_and_comes_back() {
    let mut rig = rig().await;
    rig.close();
    let run = |words: &[&str]| {
        let done = command(&rig.config, words).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (done.status.code(), text(&done.stdout), text(&done.stderr))
    };
    let file = rig.folder.path().join("round.csv");
    let import = |text: &str| {
        fs::write(&file, text).unwrap();
        run(&["attest", "import", file.to_str().unwrap(), "--as", "Priya Nair"])
    };
    let picture = rig.folder.path().join("settings.png");
    fs::write(&picture, b"\x89PNG\r\n\x1a\n").unwrap();
    let picture = picture.to_str().unwrap();
    let said = ["--answer", "yes", "--said-by", "Ana Ruiz", "--evidence", picture];
    let (code, out, err) = run(&[&["attest", PAGE, "--topic", "two_factor"][..], &said].concat());
    assert_eq!((code, out.contains("said for the first time: yes; holds until")), (Some(0), true), "{out}{err}");
    let (_, shown, _) = run(&["attest", PAGE]);
    assert!(shown.contains("yes, said Ana Ruiz on") && shown.contains("file settings.png"), "{shown}");
    for (words, say) in [
        (&["attest", PAGE, "--topic", "blocked_words", "--answer", "yes"][..], "a yes alone says nothing"),
        (&["attest", "nobody", "--topic", "malware", "--answer", "yes"], "there is no page nobody"),
        (&["attest", PAGE, "--topic", "weather", "--answer", "yes"], "the topics are leavers"),
        (&["attest", PAGE, "--topic", "malware", "--answer", "maybe"], "yes, no or unknown"),
        (&["attest"], "name a page, or ask --due"),
    ] {
        let (code, _, err) = run(words);
        assert_eq!((code, err.contains(say)), (Some(2), true), "{words:?}: {err}");
    }
    let (_, due, _) = run(&["attest", "--due"]);
    assert!(
        due.starts_with("Owner not stated\n") && due.contains("Dana Whitfield\n") && due.contains("never said"),
        "{due}"
    );
    let (code, table, _) = run(&["attest", "--due", "--csv"]);
    assert!(code == Some(0) && table.lines().count() == 19, "{table}");
    let (code, _, err) = import(&table);
    assert_eq!((code, err.contains("0 answers recorded")), (Some(0), true), "an empty table says nothing: {err}");
    let fill = |line: &str| match line.strip_suffix(",,,") {
        Some(row) if row.contains(",malware,") => format!("{row}unknown,,\"Lim, Jo\",\r\n"),
        Some(row) if row.contains(",looked_at,") => format!("{row}yes,,Jo Lim,\r\n"),
        _ => format!("{line}\r\n"),
    };
    let filled: String = table.lines().map(fill).collect();
    fs::write(&file, &filled).unwrap();
    let twice = ["attest", "import", file.to_str().unwrap(), "--as", "Priya Nair"];
    let started = [0, 1].map(|_| command(&rig.config, &twice).stderr(std::process::Stdio::piped()).spawn().unwrap());
    let said = started.map(|one| String::from_utf8(one.wait_with_output().unwrap().stderr).unwrap());
    let recorded = |words: &str| said.iter().filter(|said| said.contains(words)).count();
    assert_eq!((recorded("4 answers recorded"), recorded("0 answers recorded, 4 stood")), (1, 1), "{said:?}");
    assert!(import(&filled).2.contains("0 answers recorded, 4 stood there since today already"));
    let header = "account;topic;answer;words;said_by;until\n";
    for (row, say) in [
        ("nobody;malware;yes;;Jo Lim;", "line 2, column account"),
        ("mesa-vista-high;weather;yes;;Jo Lim;", "line 2, column topic"),
        ("mesa-vista-high;malware;si;;Jo Lim;", "line 2, column answer"),
        ("mesa-vista-high;malware;yes;;Jo Lim;soon", "line 2, column until"),
        ("mesa-vista-high;malware;yes;;;", "who says so?"),
        (
            "mesa-vista-high;malware;yes;;Jo Lim;\nmesa-vista-high;malware;no;;Jo Lim;",
            "line 3: malware stands there twice",
        ),
    ] {
        let (code, _, err) = import(&format!("{header}{row}\n"));
        assert_eq!((code, err.contains(say)), (Some(2), true), "{err}");
    }
    assert_eq!(rig.column("SELECT topic FROM attestations").len(), 5, "a table that is refused records nothing");
    let (_, listed, _) = run(&["accounts", "list"]);
    assert!(
        listed.lines().any(|line| line.starts_with(NEXTDOOR) && line.contains("bookmark, looked at on")),
        "{listed}"
    );
    assert_eq!(listed.matches("bookmark").count(), 1);
}
