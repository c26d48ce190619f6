//! A restored backup and a damaged database: what was published is never unsaid, and what cannot be read is left as it is.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use pagekeeper::model::{Clock, Mode};
use pagekeeper::proof::Published;

use crate::kills::command;
use crate::rig::{NOW, PAGE, Rig, small_world};

pub fn run(rig: &Rig, words: &[&str]) -> (Option<i32>, String) {
    let output = command(&rig.config, words).stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code(), said)
}

fn database(rig: &Rig) -> PathBuf {
    rig.folder.path().join("data/pagekeeper.db")
}

fn published(rig: &Rig) -> Published {
    Published::parse(&fs::read_to_string(rig.folder.path().join("checkpoints/checkpoint")).unwrap()).unwrap()
}

async fn rig() -> Rig {
    let mut rig = Rig::with(small_world(PAGE, 3), Clock::manual(NOW.parse().unwrap()), &[PAGE]).await;
    rig.harvest(Mode::Backfill).await;
    rig.follow().await.unwrap();
    rig.close();
    // What the write-ahead log holds is brought into the file: the tests damage that one.
    let log = rig.folder.path().join("data/pagekeeper.db-wal");
    for _ in 0..400 {
        let conn = rusqlite::Connection::open(database(&rig)).unwrap();
        conn.pragma_query(None, "user_version", |_| Ok(())).unwrap();
        drop(conn);
        if !log.exists() {
            return rig;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("the archive is still open");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_backup_signs_nothing_below_what_was_published_and_its_index_is_built_anew() {
    let rig = rig().await;
    let backup = rig.folder.path().join("backup");
    let folder = backup.to_str().unwrap();
    assert_eq!(run(&rig, &["backup", folder]).0, Some(0));
    assert_eq!(run(&rig, &["verify", folder]).0, Some(0));

    // The archive goes on, and publishes.
    rig.sandbox.world().add_post(PAGE, "Written after the backup: cafeteria closed").unwrap();
    assert_eq!(run(&rig, &["harvest", "--mode", "backfill"]).0, Some(0));
    assert!(run(&rig, &["search", "cafeteria"]).1.contains("1 items"));
    let newest = published(&rig);
    let id = rig.truth().last().unwrap().id.clone();
    assert!(rig.kept().contains_key(&id));

    // The database is lost, and the backup put in its place.
    for end in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{end}", database(&rig).display()));
    }
    fs::copy(backup.join("pagekeeper.db"), database(&rig)).unwrap();
    let (code, said) = run(&rig, &["rebuild", "flags"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("no checkpoint was signed") && said.contains("a restored backup?"), "{said}");
    assert!(said.contains("the index followed another database"), "{said}");
    assert_eq!(published(&rig), newest, "what was published stands");
    assert!(run(&rig, &["search", "cafeteria"]).1.contains("0 items"), "the index is that of this database");

    // The platform still has it: it comes back, and still nothing is signed beside what was published.
    let (_, said) = run(&rig, &["harvest", "--mode", "backfill"]);
    assert!(said.contains("no checkpoint was signed"), "{said}");
    assert!(rig.kept().contains_key(&id));
    assert!(run(&rig, &["search", "cafeteria"]).1.contains("1 items"));
    assert_eq!(published(&rig), newest);
    let (code, said) = run(&rig, &["verify"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("published checkpoint"), "{said}");

    // A person accepts it: on record, what was published is kept under another name, and signing goes on.
    let (code, said) =
        run(&rig, &["accept-restore", "--as", "it.lead", "--reason", "disk lost, backup of that morning"]);
    assert_eq!(code, Some(0), "{said}");
    let aside = rig.folder.path().join(format!("checkpoints/checkpoint.withdrawn.{}", newest.size));
    assert_eq!(Published::parse(&fs::read_to_string(aside).unwrap()).unwrap(), newest);
    assert_ne!(published(&rig), newest);
    assert_eq!(run(&rig, &["verify"]).0, Some(0));
    let (code, said) = run(&rig, &["accept-restore", "--reason", "again"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("nothing keeps it from signing"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_database_is_refused_and_left_as_it_is() {
    let rig = rig().await;
    let file = database(&rig);
    let good = fs::read(&file).unwrap();
    let other = tempfile::NamedTempFile::new().unwrap();
    rusqlite::Connection::open(other.path()).unwrap().execute_batch("CREATE TABLE notes (text TEXT)").unwrap();
    let damaged = |from: usize, length: usize| {
        let mut bytes = good.clone();
        bytes[from..from + length].fill(0xa5);
        bytes
    };
    let rows: [(&str, Vec<u8>, &str); 6] = [
        ("empty", Vec::new(), "left as it is"),
        ("words", b"these are only words".to_vec(), "left as it is"),
        ("another program's", fs::read(other.path()).unwrap(), "left as it is"),
        ("cut short", good[..good.len() / 3].to_vec(), "left as it is"),
        ("its beginning", damaged(0, 64), "left as it is"),
        ("its schema", damaged(100, 200), "left as it is"),
    ];
    for (what, bytes, words) in rows {
        for command in [&["flags"][..], &["harvest"], &["serve"], &["verify"]] {
            fs::write(&file, &bytes).unwrap();
            let (code, said) = run(&rig, command);
            assert_eq!(code, Some(1), "{what}, {command:?}: {said}");
            assert!(said.contains(words) && said.contains("pagekeeper.db"), "{what}, {command:?}: {said}");
            assert!(fs::read(&file).unwrap() == bytes, "{what}, {command:?}: the file was changed");
        }
    }
    fs::remove_file(&file).unwrap();
    for command in [&["flags"][..], &["harvest"], &["serve"]] {
        let (code, said) = run(&rig, command);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("pagekeeper init") && !file.exists(), "{said}");
    }
    fs::write(&file, &good).unwrap();
    assert_eq!(run(&rig, &["verify"]).0, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_page_deep_in_the_database_is_found_by_verify_and_nothing_is_made_of_it() {
    let rig = rig().await;
    let file = database(&rig);
    let good = fs::read(&file).unwrap();
    let intact = run(&rig, &["verify"]).1;
    let pages: Vec<usize> = (good.len() / 8192 / 3..good.len() / 8192).step_by(5).collect();
    let mut found = 0;
    for page in &pages {
        let mut bytes = good.clone();
        bytes[page * 8192..page * 8192 + 8192].fill(0xa5);
        fs::write(&file, &bytes).unwrap();
        let (code, said) = run(&rig, &["verify"]);
        assert!(!said.contains("panicked"), "page {page}: {said}");
        // A page that holds nothing may be damaged: then everything else reads as before.
        assert!(code == Some(1) || (code == Some(0) && said == intact), "page {page}: {code:?} {said}");
        found += usize::from(code == Some(1));
        let (_, said) = run(&rig, &["harvest", "--mode", "backfill"]);
        assert!(!said.contains("panicked"), "page {page}: {said}");
        for end in ["-wal", "-shm"] {
            let _ = fs::remove_file(format!("{}{end}", file.display()));
        }
    }
    assert!(found * 2 > pages.len(), "{found} of {} damaged pages were found", pages.len());
}
