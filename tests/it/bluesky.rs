//! The Bluesky walk against answers as the directory, the account's server and the `AppView` give them, all on one address.
#![allow(clippy::unwrap_used, reason = "a test whose footing is gone ends here")]

use jiff::SignedDuration;
use pagekeeper::model::{Answer, Clock, Kind, Mode, Platform, Scope};
use pagekeeper::platform::{Errand, Error, Known};
use pagekeeper::sandbox::{Form, World};
use serde_json::{Value, json};

use crate::replay::{Asked, Replay};
use crate::rig::{NOW, Rig};

const DID: &str = "did:plc:district";
const NODE: &str = "app.bsky.feed.defs#threadViewPost";

fn uri(did: &str, rkey: &str) -> String {
    format!("at://{did}/app.bsky.feed.post/{rkey}")
}

/// Two posts (one quotes a stranger), two reposts (of one the original is deleted), and a thread deeper than one answer.
fn network(base: &str, asked: &Asked) -> (u16, Value) {
    match asked.path.trim_start_matches("/xrpc/") {
        "com.atproto.identity.resolveHandle" => (200, json!({"did": DID})),
        "/did:plc:district" | "/did:plc:away" => {
            let did = asked.path.trim_start_matches('/');
            let service = json!([{"id": "#atproto_pds", "type": "AtprotoPersonalDataServer", "serviceEndpoint": base}]);
            (200, json!({"id": did, "alsoKnownAs": ["at://mesavista"], "service": service}))
        }
        "com.atproto.repo.listRecords" => match (asked.get("collection"), asked.get("cursor")) {
            ("app.bsky.feed.threadgate", _) => (
                200,
                json!({"records": [{"uri": "at://g", "cid": "c", "value": {"hiddenReplies": [uri("did:plc:pat", "two")]}}]}),
            ),
            ("app.bsky.feed.repost", _) => (200, json!({"records": [repost("3ra", "kept"), repost("3rb", "deleted")]})),
            (_, "") => (200, json!({"cursor": "c1", "records": [record("3b", quoting())]})),
            _ => (200, json!({"records": [record("3a", plain("2026-11-01T10:00:00Z"))]})),
        },
        "app.bsky.feed.getPosts" => {
            let shown: Vec<Value> = [("3b", quoting()), ("kept", plain("2026-10-01T10:00:00Z"))]
                .into_iter()
                .map(|(rkey, record)| view(if rkey == "kept" { "did:plc:park" } else { DID }, rkey, 0, record))
                .collect();
            let wanted = reqwest::Url::parse(&format!("http://localhost/?{}", asked.raw)).unwrap();
            let wanted: Vec<String> = wanted.query_pairs().map(|(_, value)| value.into_owned()).collect();
            let shown = shown.into_iter().filter(|post| wanted.iter().any(|uri| post["uri"] == **uri));
            (200, json!({"posts": shown.collect::<Vec<_>>()}))
        }
        "com.atproto.repo.getRecord" => match (asked.get("collection"), asked.get("repo"), asked.get("rkey")) {
            ("app.bsky.feed.repost", _, rkey) => (200, repost(rkey, "deleted")),
            (_, DID, "3a") => (200, record("3a", plain("2026-11-01T10:00:00Z"))),
            (_, "did:plc:away", "kept") => {
                (400, json!({"error": "RepoDeactivated", "message": "Repo has been deactivated"}))
            }
            _ => (400, json!({"error": "RecordNotFound", "message": "Could not locate record: at://x"})),
        },
        "app.bsky.feed.getPostThread" => thread(asked),
        other => panic!("{other}"),
    }
}

fn thread(asked: &Asked) -> (u16, Value) {
    let below = |rkey: &str, parent: &str| answer(rkey, parent);
    let top = match asked.get("uri").rsplit('/').next().unwrap() {
        "3a" => {
            let edge = json!({"$type": NODE, "post": view("did:plc:ana", "one", 1, below("one", "3a"))});
            let hidden =
                json!({"$type": NODE, "post": view("did:plc:pat", "two", 0, below("two", "3a")), "replies": []});
            json!({"$type": NODE, "post": view(DID, "3a", 2, plain("2026-11-01T10:00:00Z")), "replies": [edge, hidden]})
        }
        "one" => {
            let next =
                json!({"$type": NODE, "post": view("did:plc:ana", "deep", 1, below("deep", "one")), "replies": []});
            json!({"$type": NODE, "post": view("did:plc:ana", "one", 1, below("one", "3a")), "replies": [next]})
        }
        // It counts an answer that is never shown: its author has deactivated.
        "deep" => json!({"$type": NODE, "post": view("did:plc:ana", "deep", 1, below("deep", "one")), "replies": []}),
        "3b" => json!({"$type": NODE, "post": view(DID, "3b", 0, quoting()), "replies": []}),
        _ => return (400, json!({"error": "NotFound", "message": "Post not found: at://x"})),
    };
    (200, json!({"thread": top}))
}

fn record(rkey: &str, value: Value) -> Value {
    json!({"uri": uri(DID, rkey), "cid": "c", "value": value})
}

fn repost(rkey: &str, subject: &str) -> Value {
    json!({"uri": format!("at://{DID}/app.bsky.feed.repost/{rkey}"), "cid": "c", "value": {"$type": "app.bsky.feed.repost",
        "subject": {"uri": uri("did:plc:park", subject), "cid": "c"}, "createdAt": "2026-11-10T10:00:00Z"}})
}

fn plain(at: &str) -> Value {
    json!({"$type": "app.bsky.feed.post", "text": "Pool hours", "createdAt": at})
}

fn quoting() -> Value {
    json!({"$type": "app.bsky.feed.post", "text": "See this", "createdAt": "2026-11-20T10:00:00Z",
        "embed": {"$type": "app.bsky.embed.record", "record": {"uri": uri("did:plc:park", "kept"), "cid": "c"}}})
}

fn answer(rkey: &str, parent: &str) -> Value {
    let parent = if parent == "3a" { uri(DID, "3a") } else { uri("did:plc:ana", parent) };
    json!({"$type": "app.bsky.feed.post", "text": format!("text of {rkey}"), "createdAt": "2026-11-02T10:00:00Z",
        "reply": {"root": {"uri": uri(DID, "3a"), "cid": "c"}, "parent": {"uri": parent, "cid": "c"}}})
}

fn view(did: &str, rkey: &str, replies: i64, record: Value) -> Value {
    let mut view = json!({"uri": uri(did, rkey), "cid": "c", "author": {"did": did, "handle": "h.example.org"}, "record": record,
        "replyCount": replies, "indexedAt": "2026-11-20T10:00:01Z"});
    if record["embed"].is_object() {
        view["embed"] = json!({"$type": "app.bsky.embed.record#view", "record": {"$type": "app.bsky.embed.record#viewRecord",
            "value": {"text": "Pool closes early"}}});
    }
    view
}

async fn start() -> Replay {
    Replay::start(Platform::Bluesky, |asked| network(&asked.base, asked)).await
}

#[tokio::test]
async fn an_account_is_read_from_its_own_server_and_its_threads_to_the_depth_edge() {
    let replay = start().await;
    let walked = replay.walk("", Errand::Backfill { before: None }).await;
    assert!(walked.failures.is_empty(), "{:?}", walked.failures);
    assert_eq!(walked.problems(), Vec::<String>::new());
    let items = walked.items();
    for (did, rkey, kind, hidden) in [
        (DID, "3a", Kind::Post, false),
        (DID, "3b", Kind::Post, false),
        ("did:plc:ana", "one", Kind::Comment, false),
        ("did:plc:ana", "deep", Kind::Reply, false),
        ("did:plc:pat", "two", Kind::Comment, true),
    ] {
        let item = items[uri(did, rkey).as_str()];
        assert_eq!((item.kind, item.hidden), (kind, hidden), "{rkey}");
    }
    assert_eq!(items[uri(DID, "3b").as_str()].content.parts, ["Pool closes early"]);
    let passed = |rkey: &str| items[format!("at://{DID}/app.bsky.feed.repost/{rkey}").as_str()];
    assert_eq!(passed("3ra").content.parts, ["Pool hours"]);
    assert_eq!(passed("3rb").content.links.len(), 1, "the record stands though its original is deleted");
    assert_eq!(items.len(), 7);

    let whole = Scope::Thread { root: uri(DID, "3b") };
    assert_eq!(walked.finished(), [&whole, &Scope::Posts { since: None }]);
    let [(passed, lost), (Some(item), cause)] = walked.shortfalls()[..] else { panic!("{:?}", walked.shortfalls()) };
    assert!(passed.unwrap().ends_with("3rb") && lost.contains("not to be had any more"), "{lost}");
    assert!(item == uri(DID, "3a") && cause.starts_with("1 answers are counted and not shown"), "{cause}");
    assert_eq!(walked.positions(), ["2026-11-20T10:00:00Z".parse().unwrap(), "2026-11-01T10:00:00Z".parse().unwrap()]);
}

#[tokio::test]
async fn a_list_of_records_that_repeats_itself_or_cannot_be_read_leaves_the_walk_unfinished() {
    for (unreadable, words) in [(false, "repeat themselves: older posts"), (true, "could not be read")] {
        let replay = Replay::start(Platform::Bluesky, move |asked| {
            let (status, mut body) = network(&asked.base, asked);
            if asked.get("collection") == "app.bsky.feed.post" && !asked.get("cursor").is_empty() {
                match unreadable {
                    true => body["records"][0] = json!({"uri": 7}),
                    false => body["cursor"] = "c1".into(),
                }
            }
            (status, body)
        })
        .await;
        let walked = replay.walk("", Errand::Backfill { before: None }).await;
        assert!(walked.failures.is_empty(), "{:?}", walked.failures);
        assert!(!walked.finished().iter().any(|scope| matches!(scope, Scope::Posts { .. })));
        let said = walked.unfinished.unwrap();
        assert!(said.starts_with("Bluesky mesavista: ") && said.contains(words), "{said}");
    }
}

#[tokio::test]
async fn only_what_its_own_server_says_is_not_there_is_gone() {
    let replay = start().await;
    let known = |uri: String| Known { native_id: uri, kind: Kind::Comment, root: uri_of_root() };
    let check = vec![
        known(uri("did:plc:ana", "one")),
        known(uri("did:plc:away", "kept")),
        known(uri("did:plc:away", "lost")),
        known(uri(DID, "3a")),
        known(uri(DID, "never")),
    ];
    let walked = replay.walk(DID, Errand::Revisit { threads: vec![], check }).await;
    assert!(walked.failures.is_empty(), "{:?}", walked.failures);
    let gone = |uri: String| Answer::Gone(uri);
    let readable = |uri: String| Answer::Readable(uri);
    let answers: std::collections::BTreeSet<String> = walked.answers().iter().map(|a| format!("{a:?}")).collect();
    let wanted = [
        readable(uri("did:plc:ana", "one")),
        gone(uri("did:plc:away", "lost")),
        readable(uri(DID, "3a")),
        gone(uri(DID, "never")),
    ];
    assert_eq!(answers, wanted.iter().map(|a| format!("{a:?}")).collect());
    let away = uri("did:plc:away", "kept");
    assert!(walked.shortfalls().iter().any(|(item, cause)| *item == Some(&away) && cause.contains("deactivated")));
}

fn uri_of_root() -> String {
    uri(DID, "3a")
}

#[tokio::test]
async fn a_server_inside_the_network_is_not_asked() {
    let replay = Replay::start(Platform::Bluesky, |asked| match asked.path.as_str() {
        "/did:plc:district" => network("http://10.0.0.8", asked),
        _ => network(&asked.base, asked),
    })
    .await;
    let walked = replay.walk("", Errand::Backfill { before: None }).await;
    assert!(
        matches!(&walked.failures[0].error, Error::Unexpected { say } if say.contains("10.0.0.8")),
        "{:?}",
        walked.failures
    );
}

#[tokio::test]
async fn what_an_item_shows_of_anothers_may_vanish_without_an_edit_of_the_item() {
    let clock = Clock::manual(NOW.parse().unwrap());
    let slug = "mesa-vista-usd-bluesky";
    let rig = Rig::with(World::mesa_vista(clock.now()), clock, &[slug]).await;
    rig.harvest(Mode::Backfill).await;
    let repost = rig.truth().into_iter().find(|item| item.form == Form::Repost).unwrap();
    let before = rig.kept();
    rig.sandbox.world().deactivate(&repost.author.unwrap().id, true);
    for (mode, every) in [(Mode::Recent, false), (Mode::Backfill, false), (Mode::Revisit, true), (Mode::Recent, false)]
    {
        rig.pass(SignedDuration::from_hours(1));
        let report = rig.try_harvest(mode, every).await.unwrap().remove(0);
        assert_eq!((report.outcome, report.tally.edited, report.tally.missing), ("complete", 0, 0), "{report:?}");
    }
    assert_eq!(rig.kept()[&repost.id], before[&repost.id], "one version, with the words as they were seen");
    let gaps = rig.coverage();
    let told = |cause: &String| cause.contains("stay as they were last seen");
    assert_eq!(gaps.iter().filter(|gap| gap.cause.as_ref().is_some_and(told)).count(), 1, "said once");
    rig.check("after the original of a repost had vanished");
}
