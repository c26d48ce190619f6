//! The X walk against answers as X gives them.
#![allow(clippy::unwrap_used, reason = "a test whose footing is gone ends here")]

use pagekeeper::model::{Answer, Kind, Platform, Scope};
use pagekeeper::platform::{Errand, Error, Known};
use serde_json::{Value, json};

use crate::replay::{Asked, Replay, SECRET};

/// An account with an edited post, a post beyond the reach of search, a retweet, and answers under the two.
fn account(asked: &Asked) -> (u16, Value) {
    match asked.path.as_str() {
        "/2/users/by/username/mesavista" | "/2/users/55" => (
            200,
            json!({"data": {"id": "55", "name": "Mesa Vista USD", "username": "mesavista", "public_metrics": {"tweet_count": 3}}}),
        ),
        "/2/users/55/tweets" if asked.get("pagination_token").is_empty() => (
            200,
            json!({"data": [post("12", &["11", "12"], "2026-11-21T10:00:00Z"),
                {"id": "20", "text": "RT", "author_id": "55", "created_at": "2026-11-20T10:00:00Z",
                 "referenced_tweets": [{"type": "retweeted", "id": "9"}]}],
                "includes": {"tweets": [post("11", &["11", "12"], "2026-11-21T09:55:00Z")]},
                "meta": {"result_count": 2, "next_token": "t2"}}),
        ),
        "/2/users/55/tweets" => {
            (200, json!({"data": [post("5", &["5"], "2026-10-01T10:00:00Z")], "meta": {"result_count": 1}}))
        }
        "/2/tweets/search/recent" if asked.get("query").contains("conversation_id:12") => (
            200,
            json!({"data": [{"id": "31", "text": "thanks", "author_id": "7", "conversation_id": "12",
                "created_at": "2026-11-21T11:00:00Z", "referenced_tweets": [{"type": "replied_to", "id": "12"}]}], "meta": {"result_count": 1}}),
        ),
        "/2/tweets/search/recent" => (200, json!({"meta": {"result_count": 0}})),
        "/2/tweets" => lookup(asked),
        "/2/users/55/mentions" => (200, json!({"meta": {"result_count": 0}})),
        other => panic!("{other}"),
    }
}

fn lookup(asked: &Asked) -> (u16, Value) {
    let (mut data, mut errors) = (Vec::new(), Vec::new());
    for id in asked.get("ids").split(',') {
        match id {
            "11" | "12" => data.push(post(id, &["11", "12"], "2026-11-21T10:00:00Z")),
            "5" | "31" => data.push(post(id, &[id], "2026-10-01T10:00:00Z")),
            _ => errors.push(
                json!({"resource_id": id, "parameter": "ids", "resource_type": "tweet", "title": "Not Found Error",
                "type": "https://api.x.com/2/problems/resource-not-found"}),
            ),
        }
    }
    let mut body = json!({});
    for (key, list) in [("data", data), ("errors", errors)] {
        if !list.is_empty() {
            body[key] = list.into();
        }
    }
    (200, body)
}

fn post(id: &str, history: &[&str], at: &str) -> Value {
    json!({"id": id, "text": format!("text of {id}"), "author_id": "55", "conversation_id": id, "created_at": at,
        "edit_history_tweet_ids": history})
}

#[tokio::test]
async fn an_account_is_read_as_far_as_x_goes_and_the_rest_is_said() {
    let replay = Replay::start(Platform::X, account).await;
    let walked = replay.walk("", Errand::Backfill { before: None }).await;
    assert!(walked.failures.is_empty(), "{:?}", walked.failures);
    assert_eq!(walked.problems(), Vec::<String>::new());
    assert_eq!(walked.ids(), ["11", "20", "31", "5", "55"]);
    assert_eq!(walked.items()["31"].parent.as_deref(), Some("11"), "the first id of what was edited");
    let earlier = walked.pages.iter().flat_map(|page| &page.observations).filter(|seen| seen.superseded);
    assert_eq!(earlier.map(|seen| seen.content.text.as_str()).collect::<Vec<_>>(), ["text of 11"]);
    assert_eq!(walked.finished(), [&Scope::Posts { since: None }], "search proves no absence");
    let [(Some("5"), cause)] = walked.shortfalls()[..] else { panic!("{:?}", walked.shortfalls()) };
    assert!(cause.contains("seven days"));
    assert_eq!(walked.positions(), ["2026-11-20T10:00:00Z".parse().unwrap(), "2026-10-01T10:00:00Z".parse().unwrap()]);
    let asked = replay.asked();
    let search = asked.iter().find(|asked| asked.contains("search")).unwrap();
    assert!(search.contains("conversation_id%3A11+OR+conversation_id%3A12"), "{search}");
    assert!(replay.header("authorization").iter().all(|value| *value == format!("Bearer {SECRET}")));
}

#[tokio::test]
async fn a_recent_walk_and_a_resumed_one_name_their_times() {
    let replay = Replay::start(Platform::X, account).await;
    let since = "2026-11-19T08:30:00.5Z".parse().unwrap();
    let walked = replay.walk("55", Errand::Recent { since }).await;
    assert_eq!(walked.finished(), [&Scope::Posts { since: Some(since) }]);
    assert!(replay.asked()[0].contains("start_time=2026-11-19T08%3A30%3A00Z"));
    assert!(walked.positions().is_empty());

    replay.forget();
    let before = Some("2026-11-20T10:00:00Z".parse().unwrap());
    let walked = replay.walk("55", Errand::Backfill { before }).await;
    assert!(replay.asked()[1].contains("end_time=2026-11-20T10%3A00%3A01Z"), "{:?}", replay.asked());
    assert!(walked.finished().is_empty(), "a resumed walk shows no absence");
}

#[tokio::test]
async fn a_revisit_looks_each_kept_post_up_and_searches_its_thread() {
    let replay = Replay::start(Platform::X, account).await;
    let known = |id: &str, kind, root: &str| Known { native_id: id.into(), kind, root: root.into() };
    let threads = vec![known("11", Kind::Post, "11"), known("77", Kind::Post, "77")];
    let check = vec![known("31", Kind::Comment, "11"), known("32", Kind::Comment, "11")];
    let walked = replay.walk("55", Errand::Revisit { threads, check }).await;
    assert!(walked.failures.is_empty(), "{:?}", walked.failures);
    let answers = walked.answers();
    for gone in ["77", "32"] {
        assert!(answers.contains(&&Answer::Gone(gone.into())), "{gone}: {answers:?}");
    }
    assert!(answers.contains(&&Answer::Readable("11".into())), "{answers:?}");
    assert_eq!(walked.items()["11"].content.text, "text of 12", "the newest edit is looked up as well");
    assert!(walked.ids().contains(&"31"));
}

#[tokio::test]
async fn a_limit_on_searches_ends_the_walk_and_a_broken_one_is_left_out() {
    let limited = Replay::start(Platform::X, |asked| match asked.path.as_str() {
        "/2/tweets/search/recent" => (429, json!({"title": "Too Many Requests", "type": "about:blank", "status": 429})),
        _ => account(asked),
    })
    .await;
    let walked = limited.walk("55", Errand::Backfill { before: None }).await;
    assert!(matches!(walked.failures[0].error, Error::RateLimited { .. }));
    assert!(walked.finished().is_empty() && walked.positions().is_empty());

    let broken = Replay::start(Platform::X, |asked| match asked.path.as_str() {
        "/2/tweets/search/recent" => {
            (400, json!({"title": "Invalid Request", "errors": [{"message": "no such operator"}]}))
        }
        _ => account(asked),
    })
    .await;
    let walked = broken.walk("55", Errand::Backfill { before: None }).await;
    assert!(walked.failures.iter().all(|failure| failure.error.to_string().contains("no such operator")));
    assert!(walked.ids().contains(&"5"), "the walk goes on without it");
    assert!(walked.positions().is_empty(), "and may not be resumed below it");
}

#[tokio::test]
async fn an_account_that_is_not_there_is_said_to_be_gone() {
    let replay = Replay::start(Platform::X, |_| {
        (200, json!({"errors": [{"value": "mesavista", "parameter": "username", "resource_type": "user", "title": "Not Found Error",
            "resource_id": "mesavista", "type": "https://api.x.com/2/problems/resource-not-found"}]}))
    })
    .await;
    let walked = replay.walk("", Errand::Profile).await;
    assert!(matches!(&walked.failures[0].error, Error::Gone { say } if say.contains("@mesavista")));
    assert!(walked.failures[0].exchange.is_some());
}

#[tokio::test]
async fn a_timeline_that_could_not_be_read_or_goes_in_a_circle_shows_no_absence_and_says_so() {
    for (words, spoil, positions) in [("could not be read", false, 0), ("repeat themselves", true, 2)] {
        let replay = Replay::start(Platform::X, move |asked| match asked.path.as_str() {
            "/2/users/55/tweets" => {
                let (status, mut page) = account(asked);
                if spoil {
                    page["meta"]["next_token"] = json!("t2");
                } else {
                    page["data"].as_array_mut().unwrap().push(json!({"text": "a post without an id"}));
                }
                (status, page)
            }
            _ => account(asked),
        })
        .await;
        let walked = replay.walk("55", Errand::Backfill { before: None }).await;
        assert!(walked.failures.is_empty(), "{:?}", walked.failures);
        assert!(walked.unfinished.as_ref().is_some_and(|said| said.contains(words)), "{:?}", walked.unfinished);
        assert!(walked.finished().is_empty(), "{words}");
        assert_eq!(walked.positions().len(), positions, "{words}: up to what was read and no further");
        assert!(walked.ids().contains(&"5"), "{words}: what could be read is kept");
    }
}

/// The account answers in a conversation that begins nowhere on its timeline.
fn answering(asked: &Asked) -> (u16, Value) {
    match asked.path.as_str() {
        "/2/users/55/tweets" => (200, json!({"data": [answer()], "meta": {"result_count": 1}})),
        _ => account(asked),
    }
}

fn answer() -> Value {
    json!({"id": "41", "text": "we are on it", "author_id": "55", "conversation_id": "39",
        "created_at": "2026-11-21T10:00:00Z", "referenced_tweets": [{"type": "replied_to", "id": "40"}]})
}

#[tokio::test]
async fn an_answer_of_which_nobody_says_where_it_stands_is_left_to_the_next_run() {
    let broken = Replay::start(Platform::X, |asked| match asked.path.as_str() {
        "/2/tweets" => (400, json!({"title": "Invalid Request", "errors": [{"message": "not now"}]})),
        _ => answering(asked),
    })
    .await;
    let walked = broken.walk("55", Errand::Backfill { before: None }).await;
    assert_eq!(walked.failures.len(), 1);
    assert!(walked.finished().is_empty() && walked.positions().is_empty() && !walked.ids().contains(&"41"));

    let replay = Replay::start(Platform::X, |asked| match asked.path.as_str() {
        "/2/tweets" => {
            assert_eq!(asked.get("ids"), "39,41", "both at once");
            let mut first = post("39", &["39"], "2026-11-21T09:00:00Z");
            first["author_id"] = json!("9");
            (200, json!({"data": [first, answer()]}))
        }
        _ => answering(asked),
    })
    .await;
    let walked = replay.walk("55", Errand::Backfill { before: None }).await;
    assert_eq!(walked.ids(), ["41", "55"], "what somebody else began is no item");
    let answer = walked.items()["41"];
    assert_eq!((answer.kind, answer.parent.as_deref(), answer.root.as_deref()), (Kind::Post, Some("40"), None));
    assert_eq!(walked.finished(), [&Scope::Posts { since: None }]);
}
