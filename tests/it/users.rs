//! `users` as an administrator types it: who gets in, and what a slip is answered with.

use std::path::PathBuf;
use std::process::Command;

use pagekeeper::db;

const BIN: &str = env!("CARGO_BIN_EXE_pagekeeper");

/// A new archive with one registered page.
struct Place {
    folder: tempfile::TempDir,
    config: PathBuf,
}

struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Place {
    fn new() -> Place {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("pagekeeper.toml");
        let text = "data_dir = \"data\"\n[district]\nname = \"Mesa Vista USD\"\n[web]\npublic_url = \"https://pages.mesavista.example.org\"\n";
        std::fs::write(&config, text).unwrap();
        let place = Place { folder, config };
        assert_eq!(place.run(&["init"]).code, Some(0));
        let register = place.folder.path().join("accounts.csv");
        let rows = "slug,platform,handle,school,status\nocotillo,facebook,ocotillo,Ocotillo Elementary,active\n";
        std::fs::write(&register, rows).unwrap();
        let imported = place.run(&["accounts", "import", register.to_str().unwrap()]);
        assert_eq!(imported.code, Some(0), "{}", imported.err);
        place
    }

    fn run(&self, words: &[&str]) -> Said {
        let done = Command::new(BIN).arg("--config").arg(&self.config).args(words).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Said { code: done.status.code(), out: text(done.stdout), err: text(done.stderr) }
    }

    fn listed(&self) -> Vec<serde_json::Value> {
        self.run(&["users", "list", "--json"]).out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

#[test]
fn the_first_user_is_made_by_a_command_that_prints_a_link_for_her_alone() {
    let place = Place::new();
    let added = place.run(&[
        "users",
        "add",
        "Priya.Nair",
        "--role",
        "reviewer",
        "--role",
        "it-auditor",
        "--school",
        "Ocotillo Elementary",
        "--concerns",
        "yes",
        "--display-name",
        "Priya Nair",
        "--as",
        "it",
    ]);
    assert_eq!(added.code, Some(0), "{}", added.err);
    let link = added.out.trim();
    let token = link.strip_prefix("https://pages.mesavista.example.org/join/").unwrap();
    assert_eq!(token.len(), 64, "256 bits");
    assert_eq!(added.out.lines().count(), 1, "standard output is the link alone");
    let user = &place.listed()[0];
    assert_eq!(user["name"], "priya.nair");
    assert_eq!(user["roles"], serde_json::json!(["it-auditor", "reviewer"]));
    assert_eq!(user["schools"], serde_json::json!(["Ocotillo Elementary"]));
    assert_eq!((&user["concerns"], &user["state"]), (&true.into(), &"has not used a link yet".into()));
    let database = place.folder.path().join("data/pagekeeper.db");
    let stored = std::fs::read(&database).unwrap();
    assert!(!stored.windows(token.len()).any(|part| part == token.as_bytes()), "its digest is kept, and not the link");
    let conn = db::open_for_reading(&database).unwrap();
    let entries = db::ledger::entries(&conn, 0, 100).unwrap();
    let of_users: Vec<_> = entries.iter().filter(|entry| entry.kind == "user").collect();
    assert_eq!(of_users.len(), 2, "added, and given a link");
    assert!(
        of_users
            .iter()
            .all(|entry| entry.actor.as_deref() == Some("it") && entry.subject.as_deref() == Some("priya.nair"))
    );
}

#[test]
fn users_are_changed_shut_out_and_given_new_links() {
    let place = Place::new();
    place.run(&["users", "add", "hal", "--role", "administrator"]);
    let set = place.run(&["users", "set", "hal", "--role", "viewer", "--display-name", "Hal Nakamura"]);
    assert_eq!((set.code, set.out.as_str()), (Some(0), "Changed.\n"), "{}", set.err);
    assert_eq!(place.run(&["users", "set", "HAL", "--role", "viewer"]).out, "Nothing to change.\n");
    assert_eq!(place.listed()[0]["roles"], serde_json::json!(["viewer"]));
    assert!(place.run(&["users", "reset", "hal"]).out.contains("/join/"));
    assert_eq!(place.run(&["users", "sign-out", "hal"]).code, Some(0));
    assert_eq!(place.run(&["users", "disable", "hal"]).code, Some(0));
    assert_eq!(place.listed()[0]["state"], "disabled");
    assert_eq!(place.run(&["users", "disable", "hal", "--undo"]).code, Some(0));
    assert_eq!(place.listed()[0]["state"], "has not used a link yet");
    let plain = place.run(&["users", "list"]).out;
    assert_eq!(plain, "hal  Hal Nakamura  viewer  whole district  has not used a link yet\n");
    assert_eq!(place.run(&["verify"]).code, Some(0));
}

#[test]
fn a_slip_is_answered_with_what_to_do_and_changes_nothing() {
    let place = Place::new();
    place.run(&["users", "add", "hal", "--role", "administrator"]);
    for (words, say) in [
        (vec!["users", "add", "new"], "name a role with --role: viewer, it-auditor"),
        (vec!["users", "add", "new", "--role", "boss"], "not one of"),
        (vec!["users", "add", "new one", "--role", "viewer"], "cannot be a name"),
        (vec!["users", "add", "HAL", "--role", "viewer"], "already"),
        (vec!["users", "add", "new", "--role", "viewer", "--school", "Nowhere"], "it knows Ocotillo Elementary"),
        (vec!["users", "add", "new", "--role", "viewer", "--concerns", "yes"], "only a reviewer is named"),
        (vec!["users", "set", "nobody", "--role", "viewer"], "there is no user nobody"),
        (vec!["users", "reset", "nobody"], "users list"),
    ] {
        let said = place.run(&words);
        assert!(said.code == Some(2) && said.err.contains(say), "{words:?}: {:?} {}", said.code, said.err);
        assert!(said.out.is_empty(), "{words:?}");
    }
    assert_eq!(place.listed().len(), 1);
}
