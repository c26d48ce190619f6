//! Whatever stands in place of any one value of an answer, the parsers take it: no panic, and each item that is read names
//! JSON of its own.
#![allow(clippy::unwrap_used, reason = "a test whose footing is gone ends here")]

use std::collections::BTreeSet;

use pagekeeper::model::{Exchange, Page};
use pagekeeper::platform::{bluesky, x, youtube};
use serde_json::{Value, json};

#[test]
fn any_value_in_any_place_is_taken() {
    let mut tried = 0;
    for whole in [post(), thread(), comments(), records()] {
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
    let at = "2026-11-22T12:00:00Z".parse().unwrap();
    let exchange = Exchange { at, status: 200, body: serde_json::to_vec(body).unwrap(), ..Exchange::default() };
    let hidden = BTreeSet::new();
    let blobs = bluesky::Blobs { did: "did:plc:district", server: "https://pds.example.org" };
    let eye = bluesky::Eye { blobs, handle: "mesavista.example.org", hidden: &hidden };
    let pages: [Page; 10] = [
        x::parse_posts(&exchange, &x::Names::default()).page,
        x::parse_user(&exchange).0,
        youtube::parse_channels(&exchange).page,
        youtube::parse_videos(&exchange).page,
        youtube::parse_threads(&exchange, "v1").page,
        youtube::parse_comments(&exchange, |_| "v1".to_owned(), None).page,
        bluesky::parse_records(&exchange, eye, true).page,
        bluesky::parse_posts(&exchange, eye, &[]).0,
        bluesky::parse_thread(&exchange, eye).page,
        bluesky::parse_profile(&exchange).0,
    ];
    for seen in pages.iter().flat_map(|page| &page.observations) {
        let raw: Value = serde_json::from_slice(&exchange.body[seen.raw.clone()]).unwrap();
        assert!(raw.is_object(), "{}", seen.native_id);
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

fn records() -> Value {
    json!({"cursor": "c", "records": [{"uri": "at://did:plc:district/app.bsky.feed.repost/3r", "cid": "c", "value": {
        "$type": "app.bsky.feed.repost", "subject": {"uri": "at://s"}, "createdAt": "2026-11-20T10:00:00Z"}}],
        "did": "did:plc:district", "handle": "h", "displayName": "n", "avatar": "a/b@jpeg", "pinnedPost": {"uri": "at://p"},
        "data": {"id": "5", "username": "u", "public_metrics": {"tweet_count": 1}, "entities": {"url": {"urls": [{"expanded_url": "e"}]}}}})
}
