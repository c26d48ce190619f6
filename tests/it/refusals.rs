//! Bad input on the command line and in files: the exit code, and words that name the place and what to do.

use std::path::Path;
use std::process::Stdio;

use pagekeeper::model::{Clock, Mode};

use crate::kills::command;
use crate::rig::{NOW, PAGE, Rig, small_world};

/// Runs a command on an archive: its exit code, and everything it said.
fn said(config: &Path, words: &[&str]) -> (Option<i32>, String) {
    let output = command(config, words).stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code(), said)
}

fn refuses(config: &Path, words: &[&str], code: i32, expected: &[&str]) {
    let (ended, said) = said(config, words);
    assert_eq!(ended, Some(code), "{words:?}: {said}");
    for part in expected {
        assert!(said.contains(part), "{words:?} does not say {part:?}: {said}");
    }
    assert!(!said.contains("panicked"), "{words:?}: {said}");
}

async fn rig() -> Rig {
    let mut rig = Rig::with(small_world(PAGE, 3), Clock::manual(NOW.parse().unwrap()), &[PAGE]).await;
    rig.harvest(Mode::Backfill).await;
    rig.follow().await.unwrap();
    rig.close();
    rig
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_config_is_refused_by_line_and_key() {
    let rig = rig().await;
    let good = std::fs::read_to_string(&rig.config).unwrap();
    let zone = "time_zone = \"America/Los_Angeles\"";
    let rows: [(&str, &str, &[&str]); 9] = [
        ("[web]\nlisten", "[web]\nlisten_on", &["line 34, in [web]", "\"listen_on\"", "did you mean \"listen\""]),
        (zone, "time_zone = \"America/San_Diego\"", &["line 3", "America/San_Diego", "write a name such as"]),
        (zone, "time_zone = 8", &["line 3"]),
        ("requests_per_minute = 6000", "requests_per_minute = \"many\"", &["in [platform.facebook]", "\"many\""]),
        ("api_base = \"http://127.0.0.1", "api_base = \"http://graph.example.org", &["api_base", "write https"]),
        ("[weekly]", "[weekly]\ncron = \"0 0 7 * * 1\"", &["[weekly]", "MON"]),
        ("[weekly]", "[weekly", &["line 43", "unclosed table"]),
        ("safety_basis = \"counsel\"", "safety_basis = \"perhaps\"", &["\"perhaps\" is not a choice"]),
        ("[mail]\ntransport = \"file\"", "[mail]\ntransport = \"pigeon\"", &["\"pigeon\" is not a choice"]),
    ];
    for (from, to, expected) in rows {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good, "{from}");
        let file = rig.folder.path().join("bad.toml");
        std::fs::write(&file, bad).unwrap();
        refuses(&file, &["flags"], 2, expected);
    }
    let nowhere = rig.folder.path().join("nowhere.toml");
    refuses(&nowhere, &["flags"], 2, &["nowhere.toml", "cannot be read"]);
    std::fs::write(rig.folder.path().join("bytes.toml"), [0xff, 0xfe, 0]).unwrap();
    refuses(&rig.folder.path().join("bytes.toml"), &["flags"], 2, &["bytes.toml", "UTF-8"]);
    let moved = good.replace("/data\"", "/elsewhere\"");
    std::fs::write(&nowhere, moved).unwrap();
    refuses(&nowhere, &["flags"], 1, &["no archive at", "pagekeeper init"]);
    let renamed = good.replace("mesavista.example.org/pages", "else.example.org/pages");
    std::fs::write(&nowhere, renamed).unwrap();
    refuses(&nowhere, &["flags"], 1, &["the name never changes", "set [ledger] origin back"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_register_file_is_refused_by_line() {
    let rig = rig().await;
    let file = rig.folder.path().join("rows.csv");
    let name = file.to_str().unwrap();
    let rows: [(&[u8], i32, &[&str]); 9] = [
        (b"slug,name\na,b\n", 2, &["line 1", "no column `platform`", "the columns are slug, platform"]),
        (b"", 2, &["line 1", "no column `platform`"]),
        (b"platform,handle,status\nfacebook,abc,maybe\n", 2, &["line 2", "\"maybe\" is not one of proposed, active"]),
        (b"platform,handle\nfacebook,caf\xe9\nfacebook,ni\xc3\xb1o\n", 2, &["line 2, column handle"]),
        (b"platform,handle\nfacebook,abc\nfacebook,\n", 2, &["line 3", "native_id or its handle"]),
        (b"platform,handle\n,abc\n", 2, &["line 2", "platform is not named"]),
        (b"platform,handle\nfacebook,\"abc\nfacebook,def\n", 2, &["line 2", "quotation mark not closed"]),
        (
            b"platform,handle,native_id,slug\nfacebook,ok1,77001,one\nfacebook,ok2,77001,two\n",
            2,
            &["line 3, column native_id: 77001 stands in line 2 too"],
        ),
        (b"platform,handle\nnextdoor,abc\n", 0, &["not kept: pagekeeper has no connector for Nextdoor"]),
    ];
    for (bytes, code, expected) in rows {
        std::fs::write(&file, bytes).unwrap();
        refuses(&rig.config, &["accounts", "import", name], code, expected);
    }
    refuses(&rig.config, &["accounts", "import", "/nowhere.csv"], 1, &["could not read /nowhere.csv"]);
    rig.check("after bad registers");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_lines_of_an_import_are_named_and_the_others_are_imported() {
    let rig = rig().await;
    let file = rig.folder.path().join("items.jsonl");
    let lines: [&[u8]; 8] = [
        b"{\"platform\":\"facebook\",\"account\":\"mesa-vista-high\",\"native_id\":\"1_1\",\"kind\":\"post\",\"text\":\"good\"}",
        b"{bad",
        b"",
        b"{\"platform\":\"facebook\",\"native_id\":\"1_2\"}",
        b"{\"platform\":\"facebook\",\"account\":\"mesa-vista-high\",\"native_id\":\"1_3\",\"kind\":\"tweet\"}",
        b"\xff\xff",
        b"{\"platform\":\"facebook\",\"account\":\"mesa-vista-high\",\"native_id\":\"1_4\",\"kind\":\"post\",\"created_at\":\"yesterday\"}",
        b"{\"platform\":\"facebook\",\"account\":\"mesa-vista-high\",\"native_id\":\"1_5\",\"kind\":\"post\",\"text\":\"last\"}",
    ];
    std::fs::write(&file, lines.join(&b'\n')).unwrap();
    let name = file.to_str().unwrap();
    let expected = [":2:", ":4:", "account", ":5:", "tweet", ":6:", ":7:", "2 items new", "5 lines skipped"];
    refuses(&rig.config, &["import", "jsonl", name], 3, &expected);
    refuses(&rig.config, &["import", "jsonl", name], 3, &["0 items new"]);
    rig.check("after a bad import");
    refuses(&rig.config, &["import", "jsonl", "/nowhere"], 1, &["could not read /nowhere"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queries_names_and_keys_that_cannot_be_read_are_refused_in_words() {
    let rig = rig().await;
    let rows: [(&[&str], &[&str]); 18] = [
        (&["search", "after:yesterday"], &["column 7", "is not a date", "2026-01-31"]),
        (&["search", "\"abc"], &["column 1", "quotation mark is not closed"]),
        (&["search", "(a OR"], &["column 4", "after `OR`"]),
        (&["search", "colour:red"], &["column 1", "there is no field `colour`", "account, platform"]),
        (&["search", "kind:tweet"], &["column 6", "post, comment, reply"]),
        (&["search", "state:"], &["expected a value after `state:`"]),
        (&["search", "*"], &["column 1", "expected a word before `*`"]),
        (&["show", "nonsense"], &["there is no item nonsense", "platform:native_id"]),
        (&["show", "facebook:1_2"], &["there is no item facebook:1_2"]),
        (&["review", "xyz", "confirmed", "--reason", "r"], &["\"xyz\" is no flag", "16 hex digits"]),
        (&["review", "0011223344556677", "confirmed", "--reason", "r"], &["no flag 0011223344556677", "flags --all"]),
        (&["review", "0011223344556677", "maybe", "--reason", "r"], &["not one of confirmed, not-a-concern"]),
        (&["review", "0011223344556677", "confirmed"], &["--reason"]),
        (&["ack", "zz"], &["\"zz\" is no flag"]),
        (&["harvest", "nobody"], &["\"nobody\" is not in the register", "accounts list"]),
        (&["harvest", "--mode", "deep"], &["not one of recent, backfill, revisit, profile"]),
        (&["flags", "--bogus"], &["--bogus"]),
        (&["weekly", "--week", "bogus"], &["write year and ISO week, as in 2026-W47"]),
    ];
    for (words, expected) in rows {
        refuses(&rig.config, words, 2, expected);
    }
    refuses(&rig.config, &["verify", "/nowhere"], 1, &["no archive at /nowhere/pagekeeper.db"]);
    let folder = rig.folder.path().to_str().unwrap();
    refuses(&rig.config, &["backup", folder], 1, &["not a backup", "name an empty folder"]);
    let packs = tempfile::tempdir().unwrap();
    std::fs::write(packs.path().join("x.toml"), "[[rule]]\nid = 5\n").unwrap();
    refuses(&rig.config, &["rules", "check", packs.path().to_str().unwrap()], 1, &["x.toml:2", "expected a string"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_credential_that_cannot_be_used_is_a_recorded_failure_that_names_the_file_and_never_its_words() {
    let rig = rig().await;
    let file = rig.folder.path().join("credentials/meta");
    let secret = "EAAsomething-nobody-may-see";
    let rows: [(Option<String>, &[&str]); 5] = [
        (None, &["credentials/meta"]),
        (Some(String::new()), &["credentials/meta is empty", "put the secret in it"]),
        (Some(format!("{secret}\nmore\n")), &["credentials/meta has more than one line"]),
        (Some(format!("{secret}\u{1}")), &["credentials/meta"]),
        (Some(secret.to_owned()), &["Facebook"]),
    ];
    for (words, expected) in rows {
        match &words {
            None => std::fs::remove_file(&file).unwrap(),
            Some(words) => std::fs::write(&file, words).unwrap(),
        }
        let (code, said) = said(&rig.config, &["harvest"]);
        assert_eq!(code, Some(3), "{words:?}: {said}");
        for part in expected {
            assert!(said.contains(part), "{words:?} does not say {part:?}: {said}");
        }
        assert!(!said.contains(secret), "{said}");
        assert!(rig.words().iter().all(|words| !words.contains(secret)));
        assert!(!rig.column("SELECT trouble FROM accounts WHERE trouble IS NOT NULL").is_empty(), "{words:?}");
        rig.check("after a bad credential");
    }
}
