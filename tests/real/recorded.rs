//! Recorded answers of the platforms: every parser takes every one of them without a panic, whole or cut short, and where
//! an answer holds items, each is kept or named as a problem. The recordings are others' and lie outside the repository.

use std::collections::BTreeSet;
use std::path::Path;

use pagekeeper::model::{Exchange, Page};
use pagekeeper::platform::x;
use serde_json::Value;

use crate::tools::shared;

#[test]
fn every_recorded_post_of_x_is_kept() {
    let mut posts = 0;
    for recorded in recordings("x") {
        let read = total(&recorded, |exchange| {
            x::parse_user(exchange);
            x::parse_posts(exchange, &x::Names::default()).page
        });
        posts += kept(&recorded, &read, &list(&recorded.body["data"]), |post| {
            let is_post = post["text"].is_string() && post.get("username").is_none();
            post["id"].as_str().filter(|_| is_post).map(str::to_owned)
        });
    }
    assert!(posts > 100, "{posts}");
}

/// One recorded answer.
struct Recorded {
    name: String,
    status: u16,
    body: Value,
}

/// Every JSON answer in a folder of the recordings: plain bodies, bodies a line, and whole exchanges.
fn recordings(platform: &str) -> Vec<Recorded> {
    let mut found = Vec::new();
    walk(&shared().join("fixtures").join(platform), &mut found);
    assert!(!found.is_empty(), "no recordings of {platform}");
    found
}

fn walk(folder: &Path, found: &mut Vec<Recorded>) {
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            walk(&path, found);
            continue;
        }
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = match path.extension().and_then(|extension| extension.to_str()) {
            Some("json" | "jsonl") => std::fs::read_to_string(&path).unwrap(),
            _ => continue,
        };
        let documents = serde_json::Deserializer::from_str(&text).into_iter::<Value>();
        for mut document in documents.map_while(Result::ok) {
            let status = document["response"]["status"].as_u64().and_then(|status| u16::try_from(status).ok());
            let body = match status {
                Some(_) => document["response"]["body"].take(),
                None => document,
            };
            found.push(Recorded { name: name.clone(), status: status.unwrap_or(200), body });
        }
    }
}

/// Reads an answer whole, and cut short at several places, which must only not panic.
fn total(recorded: &Recorded, parse: impl Fn(&Exchange) -> Page) -> Page {
    let body = serde_json::to_vec(&recorded.body).unwrap();
    let at = "2026-11-22T12:00:00Z".parse().unwrap();
    let exchange = |body: &[u8]| Exchange { at, status: recorded.status, body: body.to_vec(), ..Exchange::default() };
    for cut in 0..16 {
        parse(&exchange(&body[..body.len() * cut / 16]));
    }
    parse(&exchange(&body))
}

/// Counts the items among `objects`, each of which must be observed, or else the page must name a problem.
fn kept(recorded: &Recorded, page: &Page, objects: &[&Value], id: impl Fn(&Value) -> Option<String>) -> usize {
    let observed: BTreeSet<&str> = page
        .observations
        .iter()
        .flat_map(|item| std::iter::once(&item.native_id).chain(&item.aliases))
        .map(String::as_str)
        .collect();
    let wanted: Vec<String> = objects.iter().filter_map(|object| id(object)).collect();
    let lost: Vec<&String> = wanted.iter().filter(|id| !observed.contains(id.as_str())).collect();
    assert!(lost.len() <= page.problems.len(), "{}: {lost:?} are lost: {:?}", recorded.name, page.problems);
    wanted.len()
}

/// A list's members, or the one object that stands for a list.
fn list(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(members) => members.iter().collect(),
        Value::Object(_) => vec![value],
        _ => Vec::new(),
    }
}
