//! Export, import into an empty archive, export again: the same but for the numbers.

use std::io::Cursor;

use pagekeeper::db::items;
use pagekeeper::import;
use pagekeeper::model::{Kind, Media};
use serde_json::Value;

use crate::archive::{PageOf, TestArchive};

fn exported(archive: &TestArchive) -> Vec<Value> {
    archive
        .db
        .read(|conn| {
            let items = items::read::in_order(conn, 0, 1000)?;
            items.into_iter().map(|(_, item)| import::line(conn, &items::show(conn, item)?)).collect()
        })
        .unwrap()
}

fn imported(archive: &TestArchive, lines: &str) -> import::Done {
    let now = archive.clock.now();
    import::jsonl(&archive.db, Cursor::new(lines.as_bytes().to_vec()), "items.jsonl", "records", now, &mut |_| {})
        .unwrap()
}

fn without_numbers(mut lines: Vec<Value>) -> Vec<Value> {
    for line in &mut lines {
        for version in line["versions"].as_array_mut().unwrap() {
            version.as_object_mut().unwrap().remove("seq");
        }
    }
    lines
}

fn eventful() -> TestArchive {
    let archive = TestArchive::new();
    let now = || archive.clock.now();
    archive.harvest([PageOf::new(now()).post("100_1", "Welcome back").comment("1_2", "100_1", "¡Gracias! 🌵").page()]);
    let mut page =
        PageOf::new(now()).item("1_2", Kind::Comment, Some("100_1"), "Thanks", "900", true).post("100_3", "Map");
    page = page.thread_ends("100_1");
    let mut page = page.page();
    page.observations[1].content.media =
        vec![Media { native_id: "77".into(), alt: Some("A map of the campus".into()), ..Media::default() }];
    page.observations[1].content.links = vec!["https://mesavista.example.org/map".into()];
    archive.harvest([page]);
    archive.harvest([PageOf::new(now()).post("100_1", "Welcome back").thread_ends("100_1").page()]);
    archive
}

#[test]
fn an_export_imported_into_an_empty_archive_and_exported_again_differs_only_in_seq() {
    let archive = eventful();
    let first = exported(&archive);
    assert_eq!(first.len(), 3);
    let text: String = first.iter().map(|line| format!("{line}\n")).collect();
    let other = TestArchive::new();
    let done = imported(&other, &text);
    assert_eq!((done.lines, done.bad.len(), done.tally.new), (3, 0, 3));
    other.check();
    assert_eq!(without_numbers(exported(&other)), without_numbers(first));
}

#[test]
fn the_same_line_twice_changes_nothing() {
    let archive = eventful();
    let text: String = exported(&archive).iter().map(|line| format!("{line}\n")).collect();
    let other = TestArchive::new();
    imported(&other, &text);
    let before = exported(&other);
    assert_eq!(imported(&other, &text).tally.versions(), 0);
    assert_eq!(exported(&other), before);
    assert_eq!(imported(&archive, &text).tally.versions(), 0, "its own export is nothing new to an archive");
    archive.check();
}

#[test]
fn a_bad_line_is_reported_with_its_number_and_the_rest_is_imported() {
    let archive = TestArchive::new();
    let good = |id: &str| {
        format!(
            r#"{{"platform":"threads","account":"asb-threads","native_id":"{id}","kind":"post","text":"Spirit week"}}"#
        )
    };
    let lines = [
        good("1"),
        "{\"platform\":".into(),
        "[]".into(),
        good("2").replace("\"post\"", "\"poem\""),
        good("3").replace("\"text\"", "\"versions\":[],\"text\""),
        String::new(),
        good("4"),
    ];
    let done = imported(&archive, &lines.join("\n"));
    assert_eq!(done.bad.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2, 3, 4, 5]);
    assert!(done.bad[2].1.contains("poem"), "{}", done.bad[2].1);
    assert_eq!(done.tally.new, 2);
    assert_eq!(done.proposed, ["asb-threads"]);
    archive.check();
}

#[test]
fn a_line_without_versions_makes_one_and_absent_stays_unknown() {
    let archive = TestArchive::new();
    let line =
        r#"{"platform":"facebook","account":"mesa-vista-high","native_id":"100_9","kind":"comment","text":"Hm"}"#;
    assert_eq!(imported(&archive, line).tally.new, 1);
    let exported = exported(&archive);
    assert_eq!(exported[0]["versions"].as_array().unwrap().len(), 1);
    assert_eq!(exported[0]["author"]["role"], "unknown");
    assert!(exported[0].get("created_at").is_none() && exported[0].get("url").is_none());
}
