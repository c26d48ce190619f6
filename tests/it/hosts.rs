//! X, YouTube and Bluesky as the sandbox serves them: their own words for what is long, edited, hidden, deep or not there.

#![allow(clippy::disallowed_types, reason = "the test is another program")]

use std::collections::BTreeSet;

use pagekeeper::model::{Platform, Timestamp};
use pagekeeper::sandbox::{Host, Sandbox, World, person};
use reqwest::Client;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

struct Desk {
    sandbox: Sandbox,
    client: Client,
}

impl Desk {
    async fn open(world: World) -> Desk {
        let _already_installed = rustls::crypto::ring::default_provider().install_default();
        Desk { sandbox: Sandbox::start(world).await.unwrap(), client: Client::new() }
    }

    async fn bare() -> Desk {
        Desk::open(World::bare("2026-11-24T17:00:00Z".parse::<Timestamp>().unwrap())).await
    }

    fn world(&self) -> &World {
        self.sandbox.world()
    }

    async fn bytes(&self, host: Host, target: &str, key: &str) -> (u16, Vec<u8>) {
        let ask = self.client.get(format!("{}{target}", self.sandbox.base(host)));
        let ask = match host {
            Host::X => ask.bearer_auth(key),
            Host::Youtube => ask.header("x-goog-api-key", key),
            _ => ask,
        };
        let answer = ask.send().await.unwrap();
        (answer.status().as_u16(), answer.bytes().await.unwrap().to_vec())
    }

    async fn get(&self, host: Host, target: &str) -> (u16, Value) {
        let platform = if host == Host::X { Platform::X } else { Platform::Youtube };
        let key = self.world().token(platform).unwrap();
        let (status, bytes) = self.bytes(host, target, &key).await;
        (status, serde_json::from_slice(&bytes).unwrap())
    }

    async fn good(&self, host: Host, target: &str) -> Value {
        let (status, value) = self.get(host, target).await;
        assert_eq!(status, 200, "{target}: {value}");
        value
    }
}

fn ids(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_long_post_on_x_is_cut_and_whole_in_its_note() {
    let desk = Desk::bare().await;
    let text = format!("Tomorrow & <later>: {}", "please read this to the very end. ".repeat(12));
    let id = desk.world().add_post("mesa-vista-usd-x", text.trim()).unwrap();
    let post = desk.good(Host::X, &format!("/2/tweets/{id}?tweet.fields=note_tweet")).await["data"].clone();
    assert!(post["text"].as_str().unwrap().chars().count() <= 280);
    let note = post["note_tweet"]["text"].as_str().unwrap();
    assert_eq!(note.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"), text.trim());
    let post = desk.good(Host::X, &format!("/2/tweets/{id}?post.fields=note_post")).await["data"].clone();
    assert!(post["note_post"]["text"].as_str() == Some(note) && post["edit_history_post_ids"] == json!([id]));
}

#[tokio::test]
async fn an_edit_on_x_makes_an_id_and_a_conversation_of_its_own() {
    let desk = Desk::bare().await;
    let world = desk.world();
    let first = world.add_post("mesa-vista-usd-x", "Doors open at six").unwrap();
    let early = world.add_comment(&first, "Ana Flores", "See you").unwrap();
    world.set_now(world.now() + jiff::SignedDuration::from_mins(5));
    world.edit(&first, "Doors open at seven");
    world.set_now(world.now() + jiff::SignedDuration::from_mins(5));
    let late = world.add_comment(&first, "Pat Reyes", "Thanks for the correction").unwrap();
    let second = world.item(&first).unwrap().aliases[0].clone();
    let fields = "tweet.fields=conversation_id,referenced_tweets&expansions=edit_history_tweet_ids";
    let account = world.account("mesa-vista-usd-x").unwrap().id;
    let page = desk.good(Host::X, &format!("/2/users/{account}/tweets?{fields}")).await;
    assert_eq!(ids(&page["data"]), std::slice::from_ref(&second));
    assert_eq!(page["data"][0]["conversation_id"], json!(second));
    let history: BTreeSet<String> = ids(&page["includes"]["tweets"]).into_iter().collect();
    assert_eq!(history, [first.clone(), second.clone()].into());
    for (conversation, answer) in [(&first, &early), (&second, &late)] {
        let query = format!("/2/tweets/search/recent?query=conversation_id:{conversation}%20-x&{fields}");
        assert_eq!(desk.get(Host::X, &query).await.0, 400);
        let found = desk.good(Host::X, &query.replace("%20-x", "")).await;
        assert!(ids(&found["data"]).contains(answer), "{found}");
        let reply = desk.good(Host::X, &format!("/2/tweets/{answer}?{fields}")).await;
        assert_eq!(reply["data"]["referenced_tweets"], json!([{ "type": "replied_to", "id": conversation }]));
    }
}

#[tokio::test]
async fn x_says_in_its_own_words_what_is_wrong_or_not_there() {
    let desk = Desk::bare().await;
    let id = desk.world().add_post("mesa-vista-usd-x", "Here").unwrap();
    let page = desk.good(Host::X, &format!("/2/tweets?ids={id},12")).await;
    assert_eq!((page["data"][0]["id"].as_str(), page["errors"][0]["resource_id"].as_str()), (Some(&*id), Some("12")));
    let none = desk.good(Host::X, "/2/tweets/search/recent?query=conversation_id:12").await;
    assert_eq!(none, json!({ "meta": { "result_count": 0 } }));
    for wrong in [
        "/2/tweets?ids=12&novel=1",
        "/2/tweets?ids=12&tweet.fields=novel",
        "/2/tweets?ids=x",
        "/2/users/by/username/a-b",
    ] {
        let (status, body) = desk.get(Host::X, wrong).await;
        assert_eq!((status, body["title"].as_str()), (400, Some("Invalid Request")), "{wrong}");
    }
    let (status, body) = desk.bytes(Host::X, "/2/tweets?ids=12", "wrong").await;
    assert_eq!(
        (status, serde_json::from_slice::<Value>(&body).unwrap()["title"].as_str()),
        (401, Some("Unauthorized"))
    );
}

#[tokio::test]
async fn youtube_gives_five_replies_along_with_a_thread_and_text_as_html() {
    let desk = Desk::bare().await;
    let world = desk.world();
    let video = world.add_post("mesa-vista-usd-youtube", "Board meeting").unwrap();
    let comment = world.add_comment(&video, "Ana Flores", "First <b>\nand \"best\"").unwrap();
    let replies: Vec<String> =
        (0..7).map(|n| world.add_comment(&comment, "Pat Reyes", &format!("No {n}")).unwrap()).collect();
    let threads = format!("/youtube/v3/commentThreads?part=snippet,replies&videoId={video}");
    let thread = desk.good(Host::Youtube, &threads).await["items"][0].clone();
    assert_eq!(thread["snippet"]["totalReplyCount"], json!(7));
    assert_eq!(thread["replies"]["comments"].as_array().unwrap().len(), 5);
    let text =
        |thread: &Value| thread["snippet"]["topLevelComment"]["snippet"]["textDisplay"].as_str().unwrap().to_owned();
    assert_eq!(text(&thread), "First &lt;b&gt;<br>and &quot;best&quot;");
    let plain = desk.good(Host::Youtube, &format!("{threads}&textFormat=plainText")).await["items"][0].clone();
    assert_eq!(text(&plain), "First <b>\nand \"best\"");
    let mut found = Vec::new();
    let mut token = String::new();
    loop {
        let page = format!("/youtube/v3/comments?part=id&parentId={comment}&maxResults=3{token}");
        let page = desk.good(Host::Youtube, &page).await;
        found.extend(ids(&page["items"]));
        let Some(next) = page["nextPageToken"].as_str() else { break };
        token = format!("&pageToken={next}");
    }
    found.sort();
    let mut replies = replies;
    replies.sort();
    assert_eq!(found, replies);
}

#[tokio::test]
async fn youtube_takes_a_key_from_the_header_or_the_address_and_no_other() {
    let desk = Desk::bare().await;
    let key = desk.world().token(Platform::Youtube).unwrap();
    let target = "/youtube/v3/channels?part=id&forHandle=MesaVistaUSD";
    assert_eq!(desk.bytes(Host::Youtube, target, &key).await.0, 200);
    assert_eq!(desk.bytes(Host::Youtube, target, "wrong").await.0, 400);
    let base = desk.sandbox.base(Host::Youtube);
    assert_eq!(desk.client.get(format!("{base}{target}&key={key}")).send().await.unwrap().status(), 200);
    assert_eq!(desk.client.get(format!("{base}{target}")).send().await.unwrap().status(), 403);
}

#[tokio::test]
async fn a_thread_on_bluesky_ends_ten_deep_without_a_list_of_answers() {
    let desk = Desk::bare().await;
    let world = desk.world();
    let root = world.add_post("mesa-vista-usd-bluesky", "Ask us").unwrap();
    let mut under = root.clone();
    for step in 0..12 {
        under = world.add_comment(&under, "Ana Flores", &format!("Step {step}")).unwrap();
    }
    for (asked, deep) in [("", 6), ("&depth=2", 2), ("&depth=1000", 10)] {
        let thread = format!("/xrpc/app.bsky.feed.getPostThread?uri={root}{asked}");
        let mut node = desk.good(Host::Bluesky, &thread).await["thread"].clone();
        for _ in 0..deep {
            node = node["replies"][0].clone();
        }
        assert_eq!(node["post"]["replyCount"], json!(1));
        assert!(node.get("replies").is_none() && node.get("post").is_some(), "{node}");
    }
    world.delete_comment(&world.item(&under).unwrap().parent.unwrap());
    let last = desk.good(Host::Bluesky, &format!("/xrpc/app.bsky.feed.getPostThread?uri={under}")).await;
    assert_eq!(last["thread"]["parent"]["$type"], json!("app.bsky.feed.defs#notFoundPost"));
    assert_eq!(last["thread"]["replies"], json!([]));
}

#[tokio::test]
async fn bluesky_shows_what_a_gate_hides_and_not_whom_somebody_blocks_or_who_is_away() {
    let desk = Desk::bare().await;
    let world = desk.world();
    let root = world.add_post("mesa-vista-usd-bluesky", "Ask us").unwrap();
    let rude = world.add_comment(&root, "Pat Reyes", "No").unwrap();
    let blocked = world.add_comment(&root, "Wade Pruitt", "Never").unwrap();
    let away = world.add_comment(&root, "Ana Flores", "Maybe").unwrap();
    world.hide_comment(&rude, true);
    world.change_profile("mesa-vista-usd-bluesky", |account| {
        account.blocked = vec![person(Platform::Bluesky, "Wade Pruitt")]
    });
    let ana = world.item(&away).unwrap().author.id;
    world.deactivate(&ana, true);
    let answer = desk.good(Host::Bluesky, &format!("/xrpc/app.bsky.feed.getPostThread?uri={root}")).await;
    assert_eq!(answer["threadgate"]["record"]["hiddenReplies"], json!([rude]));
    let nodes = answer["thread"]["replies"].as_array().unwrap();
    let shown: BTreeSet<&str> = nodes.iter().filter_map(|node| node["post"]["uri"].as_str()).collect();
    assert_eq!((nodes.len(), shown), (2, [rude.as_str()].into()));
    let closed = nodes.iter().find(|node| node["$type"] == json!("app.bsky.feed.defs#blockedPost")).unwrap();
    assert_eq!((&closed["uri"], &closed["blocked"]), (&json!(blocked), &json!(true)));
    assert_eq!(answer["thread"]["post"]["replyCount"], json!(3));
    let posts = format!("/xrpc/app.bsky.feed.getPosts?uris={rude}&uris={away}");
    assert_eq!(desk.good(Host::Bluesky, &posts).await["posts"].as_array().unwrap().len(), 1);
    let rkey = away.rsplit('/').next().unwrap();
    let record = format!("/xrpc/com.atproto.repo.getRecord?repo={ana}&collection=app.bsky.feed.post&rkey={rkey}");
    let (status, told) = desk.get(Host::Bluesky, &record).await;
    assert_eq!((status, told["message"].as_str()), (400, Some(&*format!("Could not find repo: {ana}"))));
    let standing = desk.good(Host::Bluesky, &format!("/xrpc/com.atproto.sync.getRepoStatus?did={ana}")).await;
    assert_eq!((&standing["active"], &standing["status"]), (&json!(false), &json!("deactivated")));
    assert_eq!(desk.good(Host::Directory, &format!("/{ana}")).await["id"], json!(ana));
}

#[tokio::test]
async fn a_blob_is_named_by_the_hash_of_its_bytes() {
    let desk = Desk::open(World::mesa_vista("2026-11-24T17:00:00Z".parse::<Timestamp>().unwrap())).await;
    let did = desk.world().account("mesa-vista-usd-bluesky").unwrap().id;
    let list = format!("/xrpc/com.atproto.repo.listRecords?repo={did}&collection=app.bsky.feed.post&limit=100");
    let records = desk.good(Host::Bluesky, &list).await["records"].clone();
    let images = records.as_array().unwrap().iter().filter_map(|record| record["value"]["embed"]["images"].as_array());
    let images: Vec<&Value> = images.flatten().map(|image| &image["image"]).collect();
    assert!(!images.is_empty());
    for image in images {
        let cid = image["ref"]["$link"].as_str().unwrap();
        let blob = format!("/xrpc/com.atproto.sync.getBlob?did={did}&cid={cid}");
        let (status, bytes) = desk.bytes(Host::Bluesky, &blob, "").await;
        assert_eq!((status, bytes.len() as u64), (200, image["size"].as_u64().unwrap()));
        let binary = [&[1, 0x55, 0x12, 32], &Sha256::digest(&bytes)[..]].concat();
        assert_eq!(cid[1..], base32(&binary));
        let shown = format!("/img/feed_fullsize/plain/{did}/{cid}@jpeg");
        assert_eq!(desk.bytes(Host::Media, &shown, "").await, (200, bytes));
    }
}

fn base32(bytes: &[u8]) -> String {
    let bits: String = bytes.iter().map(|byte| format!("{byte:08b}")).collect();
    let digits = bits.as_bytes().chunks(5).map(|five| format!("{:0<5}", std::str::from_utf8(five).unwrap()));
    digits
        .map(|five| char::from(b"abcdefghijklmnopqrstuvwxyz234567"[usize::from_str_radix(&five, 2).unwrap()]))
        .collect()
}
