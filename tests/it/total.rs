//! Whatever stands in place of any one value of an answer, the parsers take it: no panic, and each item that is read names
//! JSON of its own. What `fuzz/` does without end is done here for a moment.
#![allow(clippy::unwrap_used, reason = "a test whose footing is gone ends here")]

use std::collections::BTreeSet;

use pagekeeper::model::{Exchange, Page};
use pagekeeper::platform::{bluesky, facebook, instagram, x, youtube};
use pagekeeper::{import, rules};
use proptest::prelude::*;
use serde_json::{Value, json};

#[test]
fn any_value_in_any_place_is_taken() {
    let mut tried = 0;
    for whole in [post(), thread(), comments(), records(), graph()] {
        for place in places(&whole) {
            for other in [
                Value::Null,
                json!(7),
                json!(-1.5e300),
                json!(""),
                json!("x"),
                json!([]),
                json!([[]]),
                json!({}),
                json!(true),
            ] {
                let mut body = whole.clone();
                *body.pointer_mut(&place).unwrap() = other;
                read(&body);
                tried += 1;
            }
        }
    }
    assert!(tried > 1_000, "{tried}");
}

fn read(body: &Value) {
    let exchange = exchange(serde_json::to_vec(body).unwrap());
    for seen in pages(&exchange).iter().flat_map(|page| &page.observations) {
        let raw: Value = serde_json::from_slice(&exchange.body[seen.raw.clone()]).unwrap();
        assert!(raw.is_object(), "{}", seen.native_id);
    }
}

fn exchange(body: Vec<u8>) -> Exchange {
    Exchange { at: "2026-11-22T12:00:00Z".parse().unwrap(), status: 200, body, ..Exchange::default() }
}

/// What every parser makes of an answer.
fn pages(exchange: &Exchange) -> [Page; 14] {
    let hidden = BTreeSet::new();
    let blobs = bluesky::Blobs { did: "did:plc:district", server: "https://pds.example.org" };
    let eye = bluesky::Eye { blobs, handle: "mesavista.example.org", hidden: &hidden };
    [
        facebook::parse_posts(exchange, "1"),
        facebook::parse_comments(exchange, "1_2"),
        instagram::parse_posts(exchange, "1"),
        instagram::parse_comments(exchange, "2"),
        x::parse_posts(exchange, &x::Names::default()).page,
        x::parse_user(exchange).0,
        youtube::parse_channels(exchange).page,
        youtube::parse_videos(exchange).page,
        youtube::parse_threads(exchange, "v1").page,
        youtube::parse_comments(exchange, |_| "v1".to_owned(), None).page,
        bluesky::parse_records(exchange, eye, true).page,
        bluesky::parse_posts(exchange, eye, &[]).0,
        bluesky::parse_thread(exchange, eye).page,
        bluesky::parse_profile(exchange).0,
    ]
}

/// Bytes as they may come: an answer, a line or a pack with some of it cut out and something else put there.
fn broken(wholes: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let odd = ["", "\0", "\\ud83d", "\\u0000", "\"", "{", "]", "\n", "'", "= [", "\u{feff}"];
    let odd = odd.map(|odd| odd.as_bytes().to_vec()).to_vec();
    let odd = prop_oneof![prop::sample::select(odd), prop::collection::vec(any::<u8>(), 0..6)];
    (prop::sample::select(wholes), any::<prop::sample::Index>(), 0..40_usize, odd).prop_map(
        |(mut bytes, at, cut, odd)| {
            let from = at.index(bytes.len());
            let to = (from + cut).min(bytes.len());
            bytes.splice(from..to, odd);
            bytes
        },
    )
}

fn answers() -> Vec<Vec<u8>> {
    [post(), thread(), comments(), records(), graph()].iter().map(|whole| serde_json::to_vec(whole).unwrap()).collect()
}

fn lines() -> Vec<Vec<u8>> {
    let line = json!({"platform": "x", "account": "a", "native_id": "1", "kind": "post", "text": "né", "created_at": "2026-11-20T10:00:00Z",
        "author": {"id": "7", "name": "n", "role": "public"}, "media": [{"sha256": "00", "alt": "a"}], "versions": [{"observed_at":
        "2026-11-20T10:00:00Z", "change": "created", "state": "visible", "text": "n", "media": ["00"], "evidence": []}]});
    vec![serde_json::to_vec(&line).unwrap()]
}

const PACK: &str = r#"
    [lexicon]
    harm = ["hit*", "d_rn", "@more"]
    more = ["kick"]
    [structure]
    twice = ' (?:ha ){2,4}'
    [modifier.play]
    terms = ["play"]
    scope = "near"
    [[rule]]
    id = "a.b"
    title = "A"
    category = "obscenity"
    severity = "low"
    clause = { public = "III.4" }
    find = [["@harm", "me|$name"], ["$twice"]]
    modifiers = { play = "drop" }
    benign = ["hit me up"]
    match = ["hits me", "ha ha", "el hit me"]
    no_match = ["hit me up", "me", "kick me in the play"]
"#;

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_taken_as_an_answer(body in broken(answers())) {
        let exchange = exchange(body);
        for seen in pages(&exchange).iter().flat_map(|page| &page.observations) {
            prop_assert!(exchange.body.get(seen.raw.clone()).is_some(), "{}", seen.native_id);
            prop_assert!(!seen.content.text.contains('\0'), "{}", seen.native_id);
        }
    }

    #[test]
    fn any_bytes_are_taken_as_a_line(line in broken(lines())) {
        if let Ok((account, item)) = import::parse(&line, "2026-11-22T12:00:00Z".parse().unwrap()) {
            prop_assert!(!account.is_empty() && !item.native_id.is_empty() && !item.versions.is_empty());
        }
    }

    #[test]
    fn any_text_is_taken_as_a_pack(pack in broken(vec![PACK.as_bytes().to_vec()])) {
        let files = [("a.toml".to_owned(), String::from_utf8_lossy(&pack).into_owned())];
        if let Err(errors) = rules::load(&files) {
            prop_assert!(errors.iter().all(|error| error.file == "a.toml" || error.file == "packs"), "{errors:?}");
            prop_assert!(!errors.is_empty());
        }
    }
}

/// A pointer to every value, the whole included.
fn places(value: &Value) -> Vec<String> {
    let below: Vec<(String, &Value)> = match value {
        Value::Array(members) => members.iter().enumerate().map(|(at, member)| (format!("/{at}"), member)).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, field)| (format!("/{}", name.replace('~', "~0").replace('/', "~1")), field))
            .collect(),
        _ => Vec::new(),
    };
    let nested =
        below.iter().flat_map(|(step, value)| places(value).into_iter().map(move |rest| format!("{step}{rest}")));
    std::iter::once(String::new()).chain(nested).collect()
}

fn post() -> Value {
    json!({"data": [{"id": "12", "text": "a", "author_id": "5", "created_at": "2026-11-21T10:00:00Z", "conversation_id": "12",
        "edit_history_tweet_ids": ["11", "12"], "referenced_tweets": [{"type": "quoted", "id": "9"}], "note_tweet": {"text": "b",
        "entities": {"urls": [{"url": "u", "expanded_url": "e", "title": "t"}]}}, "attachments": {"media_keys": ["3_1"], "poll_ids": ["4"]},
        "public_metrics": {"retweet_count": 1, "reply_count": 2, "like_count": 3, "quote_count": 4}, "withheld": {"copyright": false}}],
        "includes": {"tweets": [{"id": "9", "text": "q"}], "users": [{"id": "5", "name": "n", "username": "u"}],
        "media": [{"media_key": "3_1", "type": "video", "variants": [{"content_type": "video/mp4", "bit_rate": 1, "url": "v"}]}],
        "polls": [{"id": "4", "options": [{"position": 1, "label": "l"}]}]},
        "errors": [{"resource_id": "8", "parameter": "ids", "type": "https://api.x.com/2/problems/resource-not-found"}],
        "meta": {"next_token": "t"}})
}

fn thread() -> Value {
    let view = |rkey: &str, embed: Value, shown: Value| {
        json!({"uri": format!("at://did:plc:district/app.bsky.feed.post/{rkey}"), "cid": "c", "author": {"did": "did:plc:district",
            "handle": "h"}, "record": {"$type": "app.bsky.feed.post", "text": "né", "createdAt": "2026-11-20T10:00:00Z", "embed": embed,
            "facets": [{"index": {"byteStart": 0, "byteEnd": 3}, "features": [{"$type": "app.bsky.richtext.facet#link", "uri": "u"}]}],
            "reply": {"root": {"uri": "at://r"}, "parent": {"uri": "at://p"}}}, "embed": shown, "replyCount": 1, "indexedAt": "2026-11-20T10:00:01Z"})
    };
    let image = json!({"alt": "a", "image": {"ref": {"$link": "bafk"}, "mimeType": "image/png"}});
    let both = json!({"$type": "app.bsky.embed.recordWithMedia", "record": {"record": {"uri": "at://q"}},
        "media": {"$type": "app.bsky.embed.images", "images": [image]}});
    let shown = json!({"record": {"record": {"value": {"text": "w"}}}, "media": {"images": [{"fullsize": "f"}]}});
    let card = json!({"$type": "app.bsky.embed.external", "external": {"uri": "u", "title": "t", "description": "d", "thumb": image["image"]}});
    json!({"thread": {"$type": "app.bsky.feed.defs#threadViewPost", "post": view("3a", both, shown.clone()),
        "replies": [{"$type": "app.bsky.feed.defs#threadViewPost", "post": view("3b", card, json!({})), "replies": []}]},
        "threadgate": {"record": {"hiddenReplies": ["at://x"]}}, "posts": [view("3c", json!({"$type": "app.bsky.embed.record",
        "record": {"uri": "at://q"}}), shown)]})
}

fn comments() -> Value {
    let comment = json!({"id": "Ug1", "snippet": {"textDisplay": "t", "authorDisplayName": "@a", "authorChannelId": {"value": "UC9"},
        "likeCount": 1, "publishedAt": "2026-11-20T11:00:00Z", "imageUrl": "i", "moderationStatus": "published", "parentId": "Ug0"}});
    json!({"nextPageToken": "p", "items": [{"id": "Ug1", "snippet": {"videoId": "v1", "totalReplyCount": 2, "topLevelComment": comment,
        "title": "t", "description": "d", "customUrl": "@c", "thumbnails": {"high": {"url": "u"}}}, "replies": {"comments": [comment]},
        "statistics": {"commentCount": "3", "videoCount": "4"}, "status": {"privacyStatus": "public"},
        "contentDetails": {"videoId": "v1", "relatedPlaylists": {"uploads": "UU1"}}, "brandingSettings": {"channel": {"keywords": "k"}}}]})
}

fn graph() -> Value {
    json!({"data": [{"id": "1_2", "message": "né", "caption": "c", "text": "t", "created_time": "2026-11-20T10:00:00+0000",
        "timestamp": "2026-11-20T10:00:00+0000", "from": {"id": "7", "name": "n"}, "username": "u", "is_hidden": false,
        "object": {"id": "1_2"}, "parent": {"id": "1_1"}, "comment_count": 1, "like_count": 2, "media_type": "IMAGE", "media_url": "m",
        "attachments": {"data": [{"type": "photo", "title": "t", "description": "d", "url": "u", "target": {"id": "3"},
        "media": {"image": {"src": "s"}}}]}, "comments": {"data": [], "summary": {"total_count": 3}}}],
        "paging": {"cursors": {"after": "a"}, "next": "n"}})
}

fn records() -> Value {
    json!({"cursor": "c", "records": [{"uri": "at://did:plc:district/app.bsky.feed.repost/3r", "cid": "c", "value": {
        "$type": "app.bsky.feed.repost", "subject": {"uri": "at://s"}, "createdAt": "2026-11-20T10:00:00Z"}}],
        "did": "did:plc:district", "handle": "h", "displayName": "n", "avatar": "a/b@jpeg", "pinnedPost": {"uri": "at://p"},
        "data": {"id": "5", "username": "u", "public_metrics": {"tweet_count": 1}, "entities": {"url": {"urls": [{"expanded_url": "e"}]}}}})
}
