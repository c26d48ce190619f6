//! Recorded answers of Meta's platforms: each is read without a panic, whole and cut short, and no object with an id is lost.

use std::collections::BTreeSet;

use pagekeeper::model::{Exchange, Page};
use pagekeeper::platform::{facebook, instagram};
use serde_json::Value;

use crate::tools::shared;

fn recorded(folder: &str) -> Vec<(String, Vec<u8>)> {
    let shared = shared();
    let files = std::fs::read_dir(shared.join("fixtures/meta").join(folder)).unwrap();
    let mut recorded: Vec<(String, Vec<u8>)> = files
        .map(|file| file.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap()))
        .collect();
    recorded.sort();
    assert!(recorded.len() > 10);
    recorded
}

fn exchange(body: &[u8]) -> Exchange {
    Exchange { status: 200, body: body.to_vec(), ..Exchange::default() }
}

/// The ids of an answer's own objects: those in its list, itself, or those it maps ids to.
fn ids(body: &[u8]) -> BTreeSet<String> {
    let Ok(value) = serde_json::from_slice::<Value>(body) else { return BTreeSet::new() };
    let objects: Vec<&Value> = match (&value, value.get("data")) {
        (_, Some(Value::Array(list))) => list.iter().collect(),
        (Value::Object(fields), None) if fields.get("id").is_none() && fields.values().all(Value::is_object) => {
            fields.values().collect()
        }
        _ => vec![&value],
    };
    let id = |object: &&Value| match object.get("id")? {
        Value::String(id) => Some(id.clone()),
        other => Some(other.to_string()),
    };
    objects.iter().filter_map(id).collect()
}

fn read(page: &Page) -> BTreeSet<String> {
    let items = page.observations.iter();
    items.flat_map(|item| [item.native_id.clone()].into_iter().chain(item.aliases.clone())).collect()
}

type Parser = (&'static str, fn(&Exchange) -> Page);

const PARSERS: &[Parser] = &[
    ("facebook posts", |exchange| facebook::parse_posts(exchange, "112")),
    ("facebook comments", |exchange| facebook::parse_comments(exchange, "112_900")),
    ("instagram posts", |exchange| instagram::parse_posts(exchange, "17841400000000000")),
    ("instagram comments", |exchange| instagram::parse_comments(exchange, "17900000000000000")),
];

#[test]
fn no_object_with_an_id_is_lost() {
    for folder in ["facebook", "instagram"] {
        for (name, body) in recorded(folder) {
            // What is pushed to a server of ours is another form, which is not read here.
            if name.starts_with("wh_") {
                continue;
            }
            for (parser, parse) in PARSERS.iter().filter(|(parser, _)| parser.starts_with(folder)) {
                let page = parse(&exchange(&body));
                let (wanted, read) = (ids(&body), read(&page));
                assert!(wanted.is_subset(&read), "{folder}/{name} as {parser}: {wanted:?}, read {read:?}");
            }
        }
    }
}

#[test]
fn comments_whose_ids_are_withheld_are_found_by_their_links() {
    for (name, body) in recorded("facebook").into_iter().filter(|(name, _)| name.starts_with("comments_p")) {
        let page = facebook::parse_comments(&exchange(&body), "112_900");
        let value: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(page.observations.len(), value["data"].as_array().unwrap().len(), "{name}");
    }
}

#[test]
fn anything_cut_short_or_spoiled_is_read_without_a_panic() {
    for folder in ["facebook", "instagram", "errors", "headers"] {
        let shared = shared();
        if !shared.join("fixtures/meta").join(folder).is_dir() {
            continue;
        }
        for file in std::fs::read_dir(shared.join("fixtures/meta").join(folder)).unwrap() {
            let body = std::fs::read(file.unwrap().path()).unwrap();
            for (_, parse) in PARSERS {
                for cut in (0..body.len()).step_by(37) {
                    let page = parse(&exchange(&body[..cut]));
                    assert!(!page.problems.is_empty(), "an answer cut short is a problem");
                    let mut spoiled = body.clone();
                    spoiled[cut] = 0xff;
                    let page = parse(&exchange(&spoiled));
                    for item in page.observations {
                        assert!(item.raw.end <= body.len());
                    }
                }
            }
        }
    }
}
