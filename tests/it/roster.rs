//! The roster check, from the file of students to the flag and to nothing again; and that no name is ever kept.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use pagekeeper::app;
use pagekeeper::config::Config;
use pagekeeper::db::{self, inputs};
use pagekeeper::model::{Clock, Mode};
use pagekeeper::rules::roster::{self, Facts};
use pagekeeper::sandbox::ids::Dice;
use pagekeeper::sandbox::world::{File, Medium};
use pagekeeper::sandbox::{Form, World};
use serde_json::Value;

use crate::kills::command;
use crate::restored::run;
use crate::rig::{INSTAGRAM, NOW, PAGE, Rig, small_world};
use crate::secrets;

const HEADER: &str = "student.lastName,student.firstName,student.nickname,student.photoRelease";
const RULE: &str = "images.named-student";

/// An archive of two pages whose config names a roster's key and columns.
async fn rig(world: World) -> Rig {
    let mut rig = Rig::with(world, Clock::manual(NOW.parse().unwrap()), &[PAGE, INSTAGRAM]).await;
    rig.close();
    let text = fs::read_to_string(&rig.config).unwrap();
    let key = key_file(&rig);
    fs::create_dir(key.parent().unwrap()).unwrap();
    let rules = format!("[rules]\nroster_key_file = {key:?}\n");
    let roster = "\n[roster]\nnickname = \"student.nickname\"\nrelease = \"student.photoRelease\"\n";
    assert!(text.contains("[rules]\n"));
    fs::write(&rig.config, text.replace("[rules]\n", &rules) + roster).unwrap();
    rig.reopen();
    rig
}

fn key_file(rig: &Rig) -> PathBuf {
    rig.folder.path().join("keys/roster.key")
}

/// A file of students outside of everything the archive has.
fn students(folder: &Path, rows: &[&str]) -> String {
    let file = folder.join("students.csv");
    fs::write(&file, format!("{HEADER}\n{}\n", rows.join("\n"))).unwrap();
    file.to_str().unwrap().to_owned()
}

/// A post with a picture.
fn photo(world: &World, page: &str, text: &str, alt: Option<&str>) -> String {
    let mut state = world.lock();
    let id = state.add_post(page, text, Form::Photo).unwrap();
    let medium = format!("44{}", state.items.len());
    let item = state.items.iter_mut().find(|item| item.id == id).unwrap();
    item.media = vec![Medium { id: medium, file: File::Jpeg, alt: alt.map(str::to_owned) }];
    id
}

async fn look(rig: &Rig, mode: Mode) {
    for report in rig.try_harvest(mode, false).await.unwrap() {
        assert!(report.is_whole(), "{}: {:?}", report.account, report.cause);
    }
}

/// The open flags of the check: item and matched words.
fn flags(rig: &Rig) -> Vec<(String, Value)> {
    let (code, said) = run(rig, &["flags", "--json"]);
    assert_eq!(code, Some(0), "{said}");
    let lines =
        said.lines().filter(|line| line.starts_with('{')).map(|line| serde_json::from_str::<Value>(line).unwrap());
    let of_rule = lines.filter(|flag| flag["rule"] == RULE);
    let mut found: Vec<(String, Value)> =
        of_rule.map(|flag| (flag["item"].as_str().unwrap().rsplit_once(':').unwrap().1.to_owned(), flag)).collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

fn items(flags: &[(String, Value)]) -> Vec<&str> {
    flags.iter().map(|(item, _)| item.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_withheld_student_named_beside_a_picture_is_flagged_until_the_roster_is_forgotten() {
    let world = small_world(PAGE, 3);
    let named = photo(&world, PAGE, "Congrats to XOCHI QUINTANILLA on the win", None);
    let pictured = photo(&world, INSTAGRAM, "Science fair", Some("Theo Fenwick with a volcano"));
    let released = photo(&world, PAGE, "Congrats to Ann Pruett on the win", None);
    world.add_comment(&released, "Pat Reyes", "and to Xochi Quintanilla, what a photo").unwrap();
    world.add_post(PAGE, "Xochi Quintanilla reads the announcements").unwrap();
    let rig = rig(world).await;
    look(&rig, Mode::Backfill).await;
    rig.follow().await.unwrap();
    let outside = tempfile::tempdir().unwrap();
    let file = students(
        outside.path(),
        &["Quintanilla Barros,Xóchitl,Xochi,No", "Fenwick,Theo,,", "Pruett,Ann,,Yes", "Lowe,,,Yes"],
    );

    assert_eq!(items(&flags(&rig)), Vec::<&str>::new(), "without a roster there is nothing to check against");
    let (code, said) = run(&rig, &["roster", "import", &file, "--as", "dana"]);
    assert_eq!(code, Some(3), "a row was left out: {said}");
    assert!(said.contains("students.csv:5: column \"student.firstName\" has no name"), "{said}");
    assert!(said.contains("3 students: 1 released, 2 withheld; 0 rows of others, 1 rows left out."), "{said}");
    assert_eq!(fs::metadata(key_file(&rig)).unwrap().permissions().mode() & 0o777, 0o600);

    let mut expected = [named.as_str(), pictured.as_str()];
    expected.sort_unstable();
    let found = flags(&rig);
    assert_eq!(items(&found), expected);
    let flag = &found.iter().find(|(item, _)| *item == named).unwrap().1;
    for (field, value) in [("category", "student_image"), ("clause", "III.6"), ("severity", "medium")] {
        assert_eq!(flag[field], value, "{flag}");
    }
    assert_eq!(flag["spans"][0]["text"], "XOCHI QUINTANILLA");
    let (_, flagged) = found.iter().find(|(item, _)| *item == pictured).unwrap();
    assert_eq!(flagged["spans"][0]["text"], "Theo Fenwick");

    // What a person decided stands when the roster is gone and there again; what comes in meanwhile is checked then.
    let key = flag["flag"].as_str().unwrap();
    let decided = run(&rig, &["review", key, "not-a-concern", "--reason", "the form came today"]);
    assert_eq!(decided.0, Some(0), "{}", decided.1);
    assert_eq!(items(&flags(&rig)), [pictured.as_str()]);
    assert_eq!(run(&rig, &["roster", "import", &file]).1.matches("in force already").count(), 1);
    let (code, said) = run(&rig, &["roster", "forget", "--as", "dana"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(!key_file(&rig).exists());
    assert_eq!(items(&flags(&rig)), Vec::<&str>::new());
    assert_eq!(rig.column("SELECT hex(hash) FROM roster"), Vec::<String>::new());
    assert!(run(&rig, &["roster", "show"]).1.contains("There is no roster."));
    let later = photo(rig.sandbox.world(), PAGE, "Theo Fenwick again", None);
    look(&rig, Mode::Recent).await;
    rig.follow().await.unwrap();
    assert_eq!(items(&flags(&rig)), Vec::<&str>::new());
    assert_eq!(run(&rig, &["roster", "import", &file]).0, Some(3));
    let mut expected = [pictured.as_str(), later.as_str()];
    expected.sort_unstable();
    assert_eq!(items(&flags(&rig)), expected);

    // A later file is the whole roster: who is not in it is not known.
    students(outside.path(), &["Fenwick,Theo,,released"]);
    assert_eq!(run(&rig, &["roster", "import", &file]).0, Some(0));
    assert_eq!(items(&flags(&rig)), Vec::<&str>::new());

    let entries = rig.column(
        "SELECT coalesce(actor, '') || ' ' || fields FROM ledger JOIN entries USING (seq)
         WHERE kind = 'input' AND subject = 'roster' ORDER BY seq",
    );
    let record: Vec<&str> = entries.iter().map(|entry| entry.split(' ').next().unwrap()).collect();
    assert_eq!(record.len(), 4, "{entries:?}");
    assert_eq!(&record[..2], ["dana", "dana"]);
    let digest = hex::encode(pagekeeper::seal::sha256(&fs::read(&file).unwrap()));
    assert!(entries[1].contains("forgotten") && entries[3].contains(&digest), "{entries:?}");
    rig.check("in the end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_roster_without_its_key_stops_nothing_and_is_said() {
    let world = small_world(PAGE, 3);
    let named = photo(&world, PAGE, "Congrats to Xochi Quintanilla", None);
    let mut rig = rig(world).await;
    look(&rig, Mode::Backfill).await;
    let outside = tempfile::tempdir().unwrap();
    let file = students(outside.path(), &["Quintanilla,Xochi,,N"]);
    assert_eq!(run(&rig, &["roster", "import", &file]).0, Some(0));
    assert_eq!(items(&flags(&rig)), [named.as_str()]);
    rig.close();
    let key = fs::read(key_file(&rig)).unwrap();
    let open = fs::Permissions::from_mode(0o644);
    type Harm<'h> = (&'h str, Box<dyn Fn(&Path)>);
    let harms: [Harm<'_>; 4] = [
        ("could not read the secret", Box::new(|file| fs::remove_file(file).unwrap())),
        ("does not hold a roster's key", Box::new(|file| fs::write(file, "short").unwrap())),
        ("another than the roster was imported with", Box::new(|file| fs::write(file, "ab".repeat(32)).unwrap())),
        ("others may read the roster's key", Box::new(move |file| fs::set_permissions(file, open.clone()).unwrap())),
    ];
    for (said, harm) in harms {
        harm(&key_file(&rig));
        let (code, words) = run(&rig, &["rebuild", "flags"]);
        assert_eq!(code, Some(0), "{words}");
        assert!(words.contains("no item is checked against the roster") && words.contains(said), "{words}");
        let config = Config::load(&rig.config).unwrap();
        let state = rig.read(|conn| app::roster::in_force(&config, conn)).unwrap();
        assert!(format!("{:#}", state.unwrap_err()).contains(said));
        assert_eq!(items(&flags(&rig)), Vec::<&str>::new());
        fs::write(key_file(&rig), &key).unwrap();
        fs::set_permissions(key_file(&rig), fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(run(&rig, &["rebuild", "flags"]).0, Some(0));
        assert_eq!(items(&flags(&rig)), [named.as_str()], "the key is there again");
    }

    // Forgetting that was cut off behind the key goes on from there.
    fs::remove_file(key_file(&rig)).unwrap();
    assert!(run(&rig, &["roster", "forget"]).1.contains("The roster and its key are destroyed."));
    assert_eq!(rig.column("SELECT hex(hash) FROM roster"), Vec::<String>::new());
    assert!(run(&rig, &["roster", "forget"]).1.contains("There is no roster."));

    let text = fs::read_to_string(&rig.config).unwrap();
    fs::write(&rig.config, text.replace("roster_key_file", "#roster_key_file")).unwrap();
    let (code, said) = run(&rig, &["roster", "import", &file]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("[rules] roster_key_file is not set"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_name_of_the_roster_is_in_any_file_backup_or_log() {
    let rig = rig(small_world(PAGE, 3)).await;
    look(&rig, Mode::Backfill).await;
    rig.follow().await.unwrap();
    let outside = tempfile::tempdir().unwrap();
    let rows = ["Zyzzogeton Q,Wolfram,Wolfie,N", "Vexillary,Ottoline,,Y", "Vexillary,7,,Y", "Zyzzogeton,Wolfram,N"];
    let file = students(outside.path(), &rows);
    let mut log = String::new();
    let mut say = |words: &[&str], code: i32| {
        let output = command(&rig.config, words).env("RUST_LOG", "trace").output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{}", String::from_utf8_lossy(&output.stderr));
        log.push_str(&String::from_utf8_lossy(&output.stdout));
        log.push_str(&String::from_utf8_lossy(&output.stderr));
    };
    say(&["roster", "import", &file], 3);
    let backup = rig.folder.path().join("backup");
    say(&["backup", backup.to_str().unwrap()], 0);
    say(&["verify", backup.to_str().unwrap()], 0);
    let key = fs::read_to_string(key_file(&rig)).unwrap();
    say(&["check-config"], 0);
    fs::write(outside.path().join("headless.csv"), rows.join("\n")).unwrap();
    say(&["roster", "import", outside.path().join("headless.csv").to_str().unwrap()], 1);
    fs::write(outside.path().join("bad.csv"), format!("{HEADER}\n{}\n", rows[2])).unwrap();
    say(&["roster", "import", outside.path().join("bad.csv").to_str().unwrap()], 1);
    say(&["flags", "--all", "--json"], 0);
    say(&["roster", "show"], 0);
    let names = ["zyzzogeton", "wolfram", "wolfie", "vexillary", "ottoline"];
    let title = |name: &&str| format!("{}{}", name[..1].to_uppercase(), &name[1..]);
    let mut words: Vec<Vec<u8>> =
        names.iter().map(title).chain(names.map(str::to_owned)).map(String::into_bytes).collect();
    words.extend([key.clone().into_bytes(), hex::decode(&key).unwrap()]);
    assert_eq!(secrets::places(&rig, &log, &words, &|file| file == key_file(&rig)), Vec::<String>::new());

    // Forgotten while somebody else has the archive open: the hashes are in no file but the backup's, and their key in none.
    let hashes: Vec<Vec<u8>> =
        rig.column("SELECT hex(hash) FROM roster").iter().map(|hash| hex::decode(hash).unwrap()).collect();
    assert!(hashes.len() > 4);
    let in_backup = |file: &Path| file.starts_with(&backup);
    assert!(!secrets::places(&rig, "", &hashes, &in_backup).is_empty(), "as long as there is a roster");
    let (code, said) = run(&rig, &["roster", "forget"]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(secrets::places(&rig, &said, &hashes, &in_backup), Vec::<String>::new());
    assert_eq!(secrets::places(&rig, &said, &words, &|_| false), Vec::<String>::new());
    assert!(!key_file(&rig).exists());
}

/// So many students that an import takes a while.
fn many(folder: &Path, name: &str, released: &str) -> String {
    let file = folder.join(name);
    let rows: Vec<String> =
        (0..6000).map(|at| format!("Family{} Second,Given{},,{released}", letters(at), letters(at))).collect();
    fs::write(&file, format!("{HEADER}\n{}\n", rows.join("\n"))).unwrap();
    file.to_str().unwrap().to_owned()
}

fn letters(mut number: u32) -> String {
    let mut word = String::new();
    for _ in 0..4 {
        word.push(char::from(b'a' + u8::try_from(number % 26).unwrap()));
        number /= 26;
    }
    word
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_import_leaves_one_roster_whole() {
    let mut rig = rig(small_world(PAGE, 3)).await;
    look(&rig, Mode::Backfill).await;
    rig.follow().await.unwrap();
    rig.close();
    let outside = tempfile::tempdir().unwrap();
    let files = [many(outside.path(), "one.csv", "Y"), many(outside.path(), "two.csv", "N")];
    let begun = std::time::Instant::now();
    run(&rig, &["roster", "import", &files[1]]);
    let whole_time = u64::try_from(begun.elapsed().as_millis()).unwrap();
    assert_eq!(run(&rig, &["roster", "forget"]).0, Some(0));
    let mut dice = Dice::of("killed imports");
    let (mut killed, mut seen) = (0, std::collections::BTreeSet::new());
    for number in 0..40 {
        let mut child = command(&rig.config, &["roster", "import", &files[number % 2]])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        tokio::time::sleep(Duration::from_millis(dice.below(whole_time))).await;
        killed += u32::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
        seen.insert(whole(&rig, number));
    }
    assert!(killed > 8 && seen.len() > 1, "{killed} killed at work, {seen:?}");
    for file in &files {
        let (code, said) = run(&rig, &["roster", "import", file]);
        assert_eq!(code, Some(0), "{said}");
        whole(&rig, 99);
    }
    rig.check("in the end");
}

/// What is on record of the roster is what is there, and its key is whole.
fn whole(rig: &Rig, number: usize) -> Option<String> {
    let (text, names) = rig.read(|conn| Ok((inputs::in_force(conn, "roster")?, db::roster::all(conn)?)));
    if let Ok(key) = fs::read_to_string(key_file(rig)) {
        assert_eq!(hex::decode(key).unwrap().len(), 32, "kill {number}");
    }
    let text = text.map(|(_, text)| text).filter(|text| text != "forgotten");
    let facts: Option<Facts> = text.map(|text| serde_json::from_str(&text).unwrap());
    match &facts {
        Some(facts) => assert_eq!(roster::digest(&names), facts.hashes, "kill {number}"),
        None => assert!(names.is_empty(), "kill {number}"),
    }
    facts.map(|facts| facts.file)
}
