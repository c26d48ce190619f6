//! Every released schema is upgraded to the present one with all it holds; what is not ours, or newer, is refused and left alone.

use std::fs;
use std::path::{Path, PathBuf};

use pagekeeper::db::{self, Db, upgrade};
use pagekeeper::model::Mode;
use pagekeeper::proof;
use rusqlite::Connection;
use rusqlite::types::Value;

use crate::rig::Rig;

/// The schemas of the versions before the present one, oldest first, as they were released.
const FORMER: [&str; 4] = [
    include_str!("../schemas/v1.sql"),
    include_str!("../schemas/v2.sql"),
    include_str!("../schemas/v3.sql"),
    include_str!("../schemas/v4.sql"),
];

fn structure(file: &Path) -> Vec<(String, String)> {
    let conn = Connection::open(file).unwrap();
    let mut statement = conn.prepare("SELECT name, coalesce(sql, '') FROM sqlite_master ORDER BY name").unwrap();
    statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
}

fn new_archive(dir: &Path) -> PathBuf {
    let file = dir.join("new.db");
    db::create(&file, "mesavista.example.org/pages", "2026-11-16T15:00:00Z".parse().unwrap()).unwrap();
    file
}

/// An archive of a former version, with everything of `from` that this version had a place for. Returns its tables.
fn former_archive(file: &Path, place: usize, from: &Path) -> Vec<String> {
    let old = Connection::open(file).unwrap();
    old.pragma_update(None, "foreign_keys", "OFF").unwrap();
    old.execute_batch(FORMER[place]).unwrap();
    let found = tables(&old);
    old.execute("ATTACH ?1 AS present", [from.to_str().unwrap()]).unwrap();
    for table in &found {
        old.execute(&format!("INSERT INTO main.{table} SELECT * FROM present.{table} ORDER BY 1"), []).unwrap();
    }
    let id: i64 = old.pragma_query_value(Some("present"), "application_id", |row| row.get(0)).unwrap();
    old.pragma_update(Some("main"), "application_id", id).unwrap();
    old.pragma_update(Some("main"), "user_version", place as i64 + 1).unwrap();
    found
}

fn tables(conn: &Connection) -> Vec<String> {
    let sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name";
    let mut statement = conn.prepare(sql).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

/// Every value of some tables.
fn rows(file: &Path, tables: &[String]) -> Vec<(String, Vec<Vec<Value>>)> {
    let conn = Connection::open(file).unwrap();
    let of = |table: &String| {
        let mut statement = conn.prepare(&format!("SELECT * FROM {table} ORDER BY 1, 2")).unwrap();
        let columns = statement.column_count();
        let row = |row: &rusqlite::Row<'_>| (0..columns).map(|column| row.get(column)).collect();
        let found = statement.query_map([], row).unwrap().map(Result::unwrap).collect();
        (table.clone(), found)
    };
    tables.iter().map(of).collect()
}

#[test]
fn every_former_schema_is_kept_and_comes_out_as_the_present_one() {
    assert_eq!(FORMER.len() as i64 + 1, upgrade::VERSION, "a released schema is kept under tests/schemas");
    let dir = tempfile::tempdir().unwrap();
    let new = new_archive(dir.path());
    for place in 0..FORMER.len() {
        let file = dir.path().join(format!("v{}.db", place + 1));
        former_archive(&file, place, &new);
        drop(Db::open(&file).unwrap());
        assert_eq!(structure(&file), structure(&new), "from version {}", place + 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_former_archive_holds_is_there_after_the_upgrade_and_verifies() {
    let mut rig = Rig::small().await;
    rig.harvest(Mode::Backfill).await;
    rig.follow().await.unwrap();
    let present = rig.app().db.path().to_owned();
    rig.close();
    for place in 0..FORMER.len() {
        let file = rig.folder.path().join(format!("v{}.db", place + 1));
        let tables = former_archive(&file, place, &present);
        let before = rows(&file, &tables);
        let filled = before.iter().filter(|(_, rows)| !rows.is_empty()).count();
        assert!(filled > 12, "the archive is one of some use: {filled} tables hold something");
        assert!(db::open_for_reading(&file).is_err(), "a former version is upgraded before it is read");
        for opened in 1..=2 {
            drop(Db::open(&file).unwrap());
            assert_eq!(rows(&file, &tables), before, "from version {}, opened {opened} times", place + 1);
        }
        let conn = db::open_for_reading(&file).unwrap();
        let media = present.with_file_name("media");
        assert_eq!(proof::verify(&conn, &media, None, None, &mut |_| {}).unwrap().faults, []);
        assert_eq!(db::inconsistencies(&conn).unwrap(), Vec::<String>::new());
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
