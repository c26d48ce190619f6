//! Recorded answers of the platforms: each is read without a panic, whole and cut short, and no item of it is lost. The
//! recordings are others' and lie outside the repository.

use std::collections::BTreeSet;

use pagekeeper::model::{Exchange, Page};
use pagekeeper::platform::{bluesky, x, youtube};
use serde_json::Value;

use crate::tools::shared;

#[test]
fn every_recorded_post_of_x_is_kept() {
    let names = x::Names::default();
    let kept = each("x", |recorded| {
        x::parse_user(&recorded.exchange);
        let page = x::parse_posts(&recorded.exchange, &names).page;
        let posts = members(&recorded.body["data"]).filter(|post| post["text"].is_string());
        check(recorded, &page, posts.filter_map(|post| post["id"].as_str()).collect())
    });
    assert!(kept > 100, "{kept}");
}

#[test]
fn every_recorded_edit_of_x_is_a_version_of_one_post() {
    each("x", |recorded| {
        let read = x::parse_posts(&recorded.exchange, &x::Names::default());
        for post in &read.posts {
            let versions = read.page.observations.iter().filter(|seen| seen.native_id == post.native_id);
            let current = versions.filter(|seen| !seen.superseded).count();
            assert!(current == 1 || !read.behind.is_empty(), "{}: {}", recorded.name, post.native_id);
        }
        0
    });
}

#[test]
fn every_recorded_item_of_youtube_is_kept() {
    let kept = each("youtube", |recorded| {
        let exchange = &recorded.exchange;
        let items: Vec<&Value> = members(&recorded.body["items"]).collect();
        let kind = recorded.body["kind"].as_str().unwrap_or_default();
        let ids = || items.iter().filter_map(|item| item["id"].as_str()).collect::<BTreeSet<_>>();
        // Every parser takes every answer; only its own kind must be understood.
        let channels = youtube::parse_channels(exchange).page;
        let playlist = youtube::parse_playlist(exchange);
        let videos = youtube::parse_videos(exchange).page;
        let threads = youtube::parse_threads(exchange, "video").page;
        let comments = youtube::parse_comments(exchange, |_| "video".to_owned(), None).page;
        match kind {
            "youtube#channelListResponse" => check(recorded, &channels, ids()),
            "youtube#videoListResponse" => check(recorded, &videos, ids()),
            "youtube#commentListResponse" => check(recorded, &comments, ids()),
            "youtube#playlistItemListResponse" => {
                assert_eq!(playlist.found.len(), items.len(), "{}", recorded.name);
                items.len()
            }
            "youtube#commentThreadListResponse" => {
                let replies = items.iter().flat_map(|item| members(&item["replies"]["comments"]));
                let replies: Vec<&str> = replies.filter_map(|reply| reply["id"].as_str()).collect();
                check(recorded, &threads, ids().into_iter().chain(replies).collect())
            }
            _ => 0,
        }
    });
    assert!(kept > 20, "{kept}");
}

#[test]
fn every_recorded_post_of_bluesky_is_kept() {
    let none = BTreeSet::new();
    let eye = bluesky::Eye {
        blobs: bluesky::Blobs { did: "did:plc:x", server: "https://pds.example.org" },
        handle: "mesavista.example.org",
        hidden: &none,
    };
    let kept = each("bluesky", |recorded| {
        let exchange = &recorded.exchange;
        bluesky::parse_gates(exchange);
        bluesky::parse_profile(exchange);
        let posts = bluesky::parse_posts(exchange, eye, &[]).0;
        let thread = bluesky::parse_thread(exchange, eye).page;
        let records = bluesky::parse_records(exchange, eye, true).page;
        let uris = |key: &str| members(&recorded.body[key]).filter_map(|post| post["uri"].as_str()).collect();
        let mut nodes = BTreeSet::new();
        below(&recorded.body["thread"], &mut nodes);
        check(recorded, &posts, uris("posts"))
            + check(recorded, &records, uris("records"))
            + check(recorded, &thread, if recorded.exchange.status == 200 { nodes } else { BTreeSet::new() })
    });
    assert!(kept > 100, "{kept}");
}

/// The posts of a thread answer, by a second reading of it.
fn below<'a>(node: &'a Value, uris: &mut BTreeSet<&'a str>) {
    uris.extend(node["post"]["uri"].as_str());
    for reply in members(&node["replies"]) {
        below(reply, uris);
    }
}

struct Recorded {
    name: String,
    exchange: Exchange,
    body: Value,
}

/// Hands every recorded answer of a platform over, and sums what comes back.
fn each(platform: &str, mut read: impl FnMut(&Recorded) -> usize) -> usize {
    let entries = std::fs::read_dir(shared().join("fixtures").join(platform)).unwrap();
    let mut kept = 0;
    for entry in entries {
        let path = entry.unwrap().path();
        if !path.extension().is_some_and(|extension| extension == "json" || extension == "jsonl") {
            continue;
        }
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        for document in serde_json::Deserializer::from_str(&text).into_iter::<Value>() {
            let recorded = recorded(&name, document.unwrap());
            kept += read(&recorded);
            cut_short(&recorded, &mut read);
        }
    }
    kept
}

/// A recording is a body by itself, an answer, or a request with its answer.
fn recorded(name: &str, document: Value) -> Recorded {
    let answer = if document["response"]["status"].is_u64() { &document["response"] } else { &document };
    let whole = answer["status"].is_u64() && !answer["body"].is_null();
    let body = if whole { answer["body"].clone() } else { document.clone() };
    let status = answer["status"].as_u64().filter(|_| whole).and_then(|status| u16::try_from(status).ok());
    let at = "2026-11-23T12:00:00Z".parse().unwrap();
    let bytes = serde_json::to_vec(&body).unwrap();
    let exchange = Exchange { at, status: status.unwrap_or(200), body: bytes, ..Exchange::default() };
    Recorded { name: name.to_owned(), exchange, body }
}

/// The same answer broken off in several places: nothing is expected of it but that it does no harm.
fn cut_short(whole: &Recorded, read: &mut impl FnMut(&Recorded) -> usize) {
    for part in 0..8 {
        let length = whole.exchange.body.len() * part / 8;
        let exchange = Exchange { body: whole.exchange.body[..length].to_vec(), ..whole.exchange.clone() };
        read(&Recorded { name: format!("{} (cut)", whole.name), exchange, body: Value::Null });
    }
}

/// Every id is observed, and each observation names JSON of its own in the body.
fn check(recorded: &Recorded, page: &Page, ids: BTreeSet<&str>) -> usize {
    let names = page.observations.iter().flat_map(|seen| std::iter::once(&seen.native_id).chain(&seen.aliases));
    let observed: BTreeSet<&str> = names.map(String::as_str).collect();
    let lost: Vec<&&str> = ids.iter().filter(|id| !observed.contains(*id)).collect();
    assert!(lost.is_empty(), "{}: lost {lost:?}: {:?}", recorded.name, page.problems);
    for seen in &page.observations {
        let raw: Value = serde_json::from_slice(&recorded.exchange.body[seen.raw.clone()]).unwrap();
        assert!(raw.is_object(), "{}: {}", recorded.name, seen.native_id);
    }
    ids.len()
}

fn members(list: &Value) -> impl Iterator<Item = &Value> {
    let single = list.is_object().then_some(list);
    list.as_array().into_iter().flatten().chain(single)
}
