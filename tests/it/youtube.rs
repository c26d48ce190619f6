//! The YouTube walk against answers as YouTube gives them, with what goes wrong there.
#![allow(clippy::unwrap_used, reason = "a test whose footing is gone ends here")]

use pagekeeper::model::{Answer, Kind, Platform, Scope};
use pagekeeper::platform::{Errand, Error, Known};
use serde_json::{Value, json};

use crate::replay::{Asked, Replay, SECRET};

/// A channel with three videos: one with a large thread, one with comments turned off, one made private.
fn channel(asked: &Asked) -> (u16, Value) {
    match asked.path.trim_start_matches("/youtube/v3/") {
        "channels" => (
            200,
            json!({"items": [{"id": "UC1", "snippet": {"title": "Mesa Vista USD", "customUrl": "@mesavista"},
                "statistics": {"videoCount": "3"}, "contentDetails": {"relatedPlaylists": {"uploads": "UU1"}}}]}),
        ),
        "playlistItems" if asked.get("pageToken").is_empty() => (
            200,
            json!({"nextPageToken": "p2", "items": [upload("v1", "2026-11-20T10:00:00Z"), upload("v2", "2026-11-18T10:00:00Z")]}),
        ),
        "playlistItems" => (200, json!({"items": [upload("v3", "2026-11-01T10:00:00Z")]})),
        "videos" => {
            let given = asked.get("id").split(',').filter(|id| matches!(*id, "v1" | "v2")).map(|id| {
                json!({"id": id, "snippet": {"title": format!("Video {id}"), "channelId": "UC1", "publishedAt": "2026-11-20T10:00:00Z"},
                    "statistics": {"commentCount": "4"}})
            });
            (200, json!({"items": given.collect::<Vec<_>>()}))
        }
        "commentThreads" => threads(asked),
        "comments" if asked.get("parentId") == "Ug1" => match asked.get("pageToken") {
            "" => (200, json!({"nextPageToken": "r2", "items": [comment("Ug1.a", Some("Ug1"))]})),
            _ => (200, json!({"items": [comment("Ug1.b", Some("Ug1"))]})),
        },
        "comments" => {
            let given = asked.get("id").split(',').filter(|id| matches!(*id, "Ug1" | "Ug1.a" | "Ug2"));
            (200, json!({"items": given.map(|id| comment(id, None)).collect::<Vec<_>>()}))
        }
        other => panic!("{other}"),
    }
}

fn threads(asked: &Asked) -> (u16, Value) {
    match (asked.get("videoId"), asked.get("pageToken")) {
        ("v1", "") => (200, json!({"nextPageToken": "t2", "items": [thread("Ug1", 3)]})),
        ("v1", _) if asked.before == 0 => refusal(400, "processingFailure"),
        ("v1", _) => (200, json!({"items": [thread("Ug2", 0)]})),
        ("v2", _) => refusal(403, "commentsDisabled"),
        _ => refusal(404, "videoNotFound"),
    }
}

fn refusal(status: u16, reason: &str) -> (u16, Value) {
    (status, json!({"error": {"code": status, "message": reason, "errors": [{"domain": "d", "reason": reason}]}}))
}

fn upload(video: &str, at: &str) -> Value {
    json!({"id": format!("UU.{video}"), "snippet": {"publishedAt": at}, "contentDetails": {"videoId": video, "videoPublishedAt": at}})
}

fn thread(id: &str, replies: i64) -> Value {
    json!({"id": id, "snippet": {"videoId": "v1", "totalReplyCount": replies, "topLevelComment": comment(id, None)}})
}

fn comment(id: &str, parent: Option<&str>) -> Value {
    let mut comment =
        json!({"id": id, "snippet": {"textDisplay": format!("text of {id}"), "publishedAt": "2026-11-20T11:00:00Z"}});
    if let Some(parent) = parent {
        comment["snippet"]["parentId"] = parent.into();
    }
    comment
}

#[tokio::test]
async fn a_channel_is_read_to_the_end_and_what_it_does_not_give_is_said() {
    let replay = Replay::start(Platform::Youtube, channel).await;
    let walked = replay.walk("", Errand::Backfill { before: None }).await;
    assert!(walked.failures.is_empty(), "{:?}", walked.failures);
    assert_eq!(walked.ids(), ["UC1", "Ug1", "Ug1.a", "Ug1.b", "Ug2", "v1", "v2"]);
    assert_eq!(walked.items()["Ug1.b"].kind, Kind::Reply);
    assert_eq!(walked.items()["Ug1.b"].root.as_deref(), Some("v1"));
    let thread = Scope::Thread { root: "v1".into() };
    assert_eq!(walked.finished(), [&thread, &Scope::Posts { since: None }]);
    let causes = walked.shortfalls();
    let said = |item: &str, words: &str| causes.iter().any(|(of, cause)| *of == Some(item) && cause.contains(words));
    assert!(said("v2", "turned off") && said("v3", "private") && said("v1", "counts 3 replies"), "{causes:?}");
    assert_eq!(walked.positions(), ["2026-11-18T10:00:00Z".parse().unwrap(), "2026-11-01T10:00:00Z".parse().unwrap()]);
    assert!(replay.header("x-goog-api-key").iter().all(|key| key == SECRET));
    assert!(replay.asked().iter().all(|asked| !asked.contains(SECRET)));
    let spent = replay.http.take_spent();
    let units = u64::try_from(replay.asked().len()).unwrap();
    assert!(spent.contains(&("youtube:key".to_owned(), units)), "{spent:?}");
}

#[tokio::test]
async fn a_recent_walk_stops_at_its_time_and_a_resumed_one_begins_there() {
    let replay = Replay::start(Platform::Youtube, channel).await;
    let since = "2026-11-19T00:00:00Z".parse().unwrap();
    let walked = replay.walk("UC1", Errand::Recent { since }).await;
    assert!(walked.ids().contains(&"v1") && !walked.ids().contains(&"v2"));
    assert!(walked.finished().contains(&&Scope::Posts { since: Some(since) }));

    let before = Some("2026-11-18T10:00:00Z".parse().unwrap());
    let walked = replay.walk("UC1", Errand::Backfill { before }).await;
    assert!(walked.ids().contains(&"v2") && !walked.ids().contains(&"v1"));
    assert!(!walked.finished().iter().any(|scope| matches!(scope, Scope::Posts { .. })));
}

#[tokio::test]
async fn only_what_is_gone_is_called_gone() {
    let replay = Replay::start(Platform::Youtube, channel).await;
    let known = |id: &str, kind, root: &str| Known { native_id: id.into(), kind, root: root.into() };
    let threads = vec![known("v1", Kind::Video, "v1"), known("v2", Kind::Video, "v2"), known("v9", Kind::Video, "v9")];
    let check = vec![
        known("Ug1.a", Kind::Reply, "v1"),
        known("Ug8", Kind::Comment, "v1"),
        known("Ug7", Kind::Comment, "v2"),
        known("Ug6", Kind::Comment, "v8"),
    ];
    let walked = replay.walk("UC1", Errand::Revisit { threads, check }).await;
    let answers = walked.answers();
    for gone in ["v9", "Ug8", "Ug6"] {
        assert!(answers.contains(&&Answer::Gone(gone.into())), "{gone}: {answers:?}");
    }
    for readable in ["v1", "v2", "Ug1.a"] {
        assert!(answers.contains(&&Answer::Readable(readable.into())), "{readable}: {answers:?}");
    }
    assert!(!answers.contains(&&Answer::Gone("Ug7".into())), "its video's comments are turned off");
}

#[tokio::test]
async fn a_listing_that_always_breaks_off_is_given_up_and_shows_no_absence() {
    let replay = Replay::start(Platform::Youtube, |asked| match (asked.get("videoId"), asked.get("pageToken")) {
        ("v1", "t2") => refusal(400, "processingFailure"),
        _ => channel(asked),
    })
    .await;
    let walked = replay.walk("UC1", Errand::Backfill { before: None }).await;
    assert!(!walked.finished().contains(&&Scope::Thread { root: "v1".into() }));
    assert!(walked.shortfalls().iter().any(|(item, cause)| *item == Some("v1") && cause.contains("broke off")));
    assert!(walked.ids().contains(&"Ug1.b"));
}

#[tokio::test]
async fn a_list_of_videos_that_does_not_end_or_cannot_be_read_leaves_the_walk_unfinished() {
    for (fault, words) in
        [("broken", "broke off"), ("repeated", "repeat themselves"), ("unreadable", "could not be read")]
    {
        let replay = Replay::start(Platform::Youtube, move |asked| {
            let (status, mut body) = channel(asked);
            if asked.path.ends_with("playlistItems") {
                match fault {
                    "broken" => return refusal(400, "processingFailure"),
                    "repeated" => body["nextPageToken"] = "again".into(),
                    _ => body["items"][0] = json!({"kind": "youtube#playlistItem"}),
                }
            }
            (status, body)
        })
        .await;
        let walked = replay.walk("UC1", Errand::Backfill { before: None }).await;
        assert!(walked.failures.is_empty(), "{fault}: {:?}", walked.failures);
        assert!(!walked.finished().iter().any(|scope| matches!(scope, Scope::Posts { .. })), "{fault}");
        let said = walked.unfinished.unwrap();
        assert!(said.starts_with("YouTube mesavista: ") && said.contains(words), "{said}");
        assert!(said.contains(". The next run tries again") || said.contains(". Install the newest"), "{said}");
    }
}

#[tokio::test]
async fn a_day_without_units_ends_the_walk_until_midnight_pacific() {
    let replay = Replay::start(Platform::Youtube, |asked| match asked.path.ends_with("commentThreads") {
        true => refusal(403, "quotaExceeded"),
        false => channel(asked),
    })
    .await;
    let walked = replay.walk("UC1", Errand::Backfill { before: None }).await;
    let Some(Error::RateLimited { until, .. }) = walked.failures.first().map(|failure| failure.error.clone()) else {
        panic!("{:?}", walked.failures)
    };
    assert_eq!(until, "2026-11-23T08:00:00Z".parse().unwrap());
    assert_eq!(walked.failures.len(), 1);
    assert!(walked.positions().is_empty() && walked.finished().is_empty());
}
