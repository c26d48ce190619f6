//! Every schema that was released is upgraded to the present one; what is not ours, or newer, is refused and left alone.

use std::fs;
use std::path::Path;

use pagekeeper::db::{self, Db, upgrade};
use rusqlite::Connection;

/// The schemas of the released versions, oldest first; the last is the present one.
const RELEASED: [&str; 1] = [include_str!("../schemas/v1.sql")];

fn structure(file: &Path) -> Vec<(String, String)> {
    let conn = Connection::open(file).unwrap();
    let mut statement = conn.prepare("SELECT name, coalesce(sql, '') FROM sqlite_master ORDER BY name").unwrap();
    statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
}

fn new_archive(dir: &Path) -> std::path::PathBuf {
    let file = dir.join("new.db");
    db::create(&file, "mesavista.example.org/pages", "2026-11-16T15:00:00Z".parse().unwrap()).unwrap();
    file
}

#[test]
fn every_released_schema_is_kept_and_comes_out_as_the_present_one() {
    assert_eq!(RELEASED.len() as i64, upgrade::VERSION, "a released schema is kept under tests/schemas");
    assert_eq!(RELEASED[RELEASED.len() - 1], upgrade::SCHEMA, "the newest kept schema is the present one");
    let dir = tempfile::tempdir().unwrap();
    let new = new_archive(dir.path());
    for (place, schema) in RELEASED.iter().enumerate() {
        let file = dir.path().join(format!("v{}.db", place + 1));
        let id: i64 =
            Connection::open(&new).unwrap().pragma_query_value(None, "application_id", |row| row.get(0)).unwrap();
        let old = Connection::open(&file).unwrap();
        old.execute_batch(schema).unwrap();
        old.pragma_update(None, "application_id", id).unwrap();
        old.pragma_update(None, "user_version", place as i64 + 1).unwrap();
        drop(old);
        drop(Db::open(&file).unwrap());
        assert_eq!(structure(&file), structure(&new), "from version {}", place + 1);
    }
}

#[test]
fn a_newer_database_is_refused_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let file = new_archive(dir.path());
    Connection::open(&file).unwrap().pragma_update(None, "user_version", upgrade::VERSION + 1).unwrap();
    let refused = format!("{:#}", Db::open(&file).unwrap_err());
    assert!(refused.contains("newer pagekeeper"), "{refused}");
}

#[test]
fn what_is_no_archive_is_refused_and_left_byte_for_byte_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let foreign = dir.path().join("foreign.db");
    Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE notes (text)").unwrap();
    let damaged = dir.path().join("damaged.db");
    fs::write(&damaged, b"SQLite format 3\0 and then nothing that makes sense").unwrap();
    for file in [&foreign, &damaged] {
        let before = fs::read(file).unwrap();
        let refused = format!("{:#}", Db::open(file).unwrap_err());
        assert!(refused.contains("left as it is") || refused.contains("left as it was"), "{refused}");
        assert_eq!(fs::read(file).unwrap(), before);
    }
    let nowhere = dir.path().join("nowhere.db");
    assert!(Db::open(&nowhere).is_err() && !nowhere.exists(), "an archive is never made on the way");
}
