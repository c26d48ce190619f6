//! Whatever goes wrong on the way of a Facebook walk: nothing read is lost, and nothing is called whole that was not seen.

use std::collections::BTreeMap;

use pagekeeper::model::{Observation, Scope};
use pagekeeper::platform::{Errand, Error};
use pagekeeper::sandbox::{Host, Misbehavior};

use crate::facebook::{Bench, Walked};

const SLUG: &str = "mesa-vista-high";

async fn after(path: &str, times: u32, what: Misbehavior) -> (Bench, Walked) {
    let bench = Bench::new().await;
    bench.sandbox.misbehave(Host::Graph, path, times, what);
    let walked = bench.walk(SLUG, Errand::Backfill { before: None }).await;
    (bench, walked)
}

/// Items as they are without trouble, to compare with.
async fn untroubled(bench: &Bench) -> BTreeMap<String, Observation> {
    bench.sandbox.behave();
    bench.walk(SLUG, Errand::Backfill { before: None }).await.items()
}

fn texts(items: &BTreeMap<String, Observation>) -> Vec<(&String, &String)> {
    items.iter().map(|(id, item)| (id, &item.content.text)).collect()
}

fn shows_all_posts(walked: &Walked) -> bool {
    walked.finished().iter().any(|scope| matches!(scope, Scope::Posts { .. }))
}

#[tokio::test]
async fn what_passes_is_tried_again_and_loses_nothing() {
    for what in [
        Misbehavior::Html,
        Misbehavior::NoContent,
        Misbehavior::Truncated { percent: 60 },
        Misbehavior::WrongLength,
        Misbehavior::CutOff,
    ] {
        let named = format!("{what:?}");
        let (bench, walked) = after("/published_posts", 1, what).await;
        assert_eq!(walked.errors(), Vec::<String>::new(), "{named}");
        assert!(shows_all_posts(&walked), "{named}");
        assert_eq!(texts(&walked.items()), texts(&untroubled(&bench).await), "{named}");
    }
}

#[tokio::test]
async fn odd_json_is_read_and_named() {
    for (what, words) in [
        (Misbehavior::TrailingGarbage, "goes on after its end"),
        (Misbehavior::DuplicateKeys, "comes twice"),
        (Misbehavior::HugeNumber, "not known"),
        (Misbehavior::UnknownWord { field: "status_type".into() }, "not known"),
    ] {
        let named = format!("{what:?}");
        let (bench, walked) = after("/published_posts", u32::MAX, what).await;
        assert_eq!(walked.errors(), Vec::<String>::new(), "{named}");
        assert!(walked.problems().iter().any(|problem| problem.contains(words)), "{named}: {:?}", walked.problems());
        assert_eq!(texts(&walked.items()), texts(&untroubled(&bench).await), "{named}");
    }
}

#[tokio::test]
async fn broken_characters_cost_no_item() {
    for what in [Misbehavior::InvalidUtf8, Misbehavior::LoneSurrogate, Misbehavior::Nul] {
        let named = format!("{what:?}");
        let (bench, walked) = after("/comments", u32::MAX, what).await;
        assert_eq!(walked.errors(), Vec::<String>::new(), "{named}");
        assert!(!walked.problems().is_empty(), "{named}");
        let (items, whole) = (walked.items(), untroubled(&bench).await);
        assert!(items.keys().eq(whole.keys()), "{named}");
        assert!(items.values().all(|item| !item.content.text.contains('\0')), "{named}");
    }
}

#[tokio::test]
async fn ids_as_numbers_are_the_same_ids() {
    let (bench, walked) = after("", u32::MAX, Misbehavior::NumericIds).await;
    assert_eq!(walked.errors(), Vec::<String>::new());
    assert!(walked.items().keys().eq(untroubled(&bench).await.keys()));
}

#[tokio::test]
async fn paging_that_goes_in_circles_ends_and_finishes_nothing() {
    for what in [Misbehavior::RepeatedPage, Misbehavior::CursorLoop, Misbehavior::EndlessPaging] {
        let named = format!("{what:?}");
        let bench = Bench::new().await;
        bench.sandbox.misbehave(Host::Graph, "/published_posts", u32::MAX, Misbehavior::ReduceData { above: 10 });
        bench.sandbox.misbehave(Host::Graph, "/comments", u32::MAX, what);
        let walked = bench.walk(SLUG, Errand::Backfill { before: None }).await;
        let whole = untroubled(&bench).await;
        for id in walked.items().keys() {
            assert!(whole.contains_key(id), "{named}");
        }
        assert!(walked.pages.len() < 2_000, "{named}: {}", walked.pages.len());
    }
}

#[tokio::test]
async fn an_empty_page_while_comments_are_counted_shows_no_absence() {
    let (bench, walked) = after("/comments", 3, Misbehavior::EmptyPage).await;
    assert_eq!(walked.errors(), Vec::<String>::new());
    let (items, whole) = (walked.items(), untroubled(&bench).await);
    let unseen: Vec<_> = whole.values().filter(|item| !items.contains_key(&item.native_id)).collect();
    assert!(!unseen.is_empty());
    for item in unseen {
        let root = item.root.clone().unwrap();
        assert!(!walked.finished().contains(&Scope::Thread { root: root.clone() }), "{root}");
        let shortfalls = walked.pages.iter().flat_map(|page| &page.shortfalls);
        assert!(shortfalls.into_iter().any(|short| short.item.as_ref() == Some(&root)), "{root}");
    }
}

#[tokio::test]
async fn a_token_that_dies_on_the_way_ends_the_walk_in_words() {
    let bench = Bench::new().await;
    bench.sandbox.misbehave_after(Host::Graph, "/comments", 4, 1, Misbehavior::TokenDies { subcode: 492 });
    let walked = bench.walk(SLUG, Errand::Backfill { before: None }).await;
    let [failure] = &walked.failures[..] else { panic!("{:?}", walked.errors()) };
    assert!(matches!(&failure.error, Error::Unauthorized { say } if say.contains("lost her role")), "{failure:?}");
    assert!(failure.exchange.is_some());
    assert!(!shows_all_posts(&walked));
}

#[tokio::test]
async fn a_throttle_ends_the_walk_until_the_time_the_platform_names() {
    let bench = Bench::new().await;
    let what = Misbehavior::Throttled { code: 80001, minutes: 42.5 };
    bench.sandbox.misbehave_after(Host::Graph, "/comments", 2, 1, what);
    let walked = bench.walk(SLUG, Errand::Backfill { before: None }).await;
    let [failure] = &walked.failures[..] else { panic!("{:?}", walked.errors()) };
    let Error::RateLimited { until, .. } = failure.error else { panic!("{failure:?}") };
    assert_eq!(until.as_second() - bench.now.as_second(), 2550);
    assert!(!shows_all_posts(&walked));
}

#[tokio::test]
async fn a_permission_lost_for_comments_is_said_once_and_posts_are_still_read() {
    let (bench, walked) = after("/comments", u32::MAX, Misbehavior::PermissionLost).await;
    assert_eq!(walked.errors(), Vec::<String>::new());
    let shortfalls: Vec<_> = walked.pages.iter().flat_map(|page| &page.shortfalls).collect();
    assert_eq!(shortfalls.iter().filter(|short| short.stream == "comments").count(), 1, "{shortfalls:?}");
    let posts = |items: &BTreeMap<String, Observation>| items.values().filter(|item| item.parent.is_none()).count();
    assert_eq!(posts(&walked.items()), posts(&untroubled(&bench).await));
    assert!(walked.pages.iter().all(|page| page.position.is_none()), "the position must not pass unread comments");
}

#[tokio::test]
async fn a_field_that_is_gone_is_dropped_and_named() {
    let (bench, walked) = after("", u32::MAX, Misbehavior::NonexistingField { name: "is_expired".into() }).await;
    assert_eq!(walked.errors(), Vec::<String>::new());
    assert!(walked.problems().iter().any(|problem| problem.contains("is_expired")));
    assert_eq!(texts(&walked.items()), texts(&untroubled(&bench).await));
}

#[tokio::test]
async fn a_refused_edge_leaves_the_others_whole() {
    let (_bench, walked) = after("/video_reels", u32::MAX, Misbehavior::PermissionLost).await;
    assert_eq!(walked.errors(), Vec::<String>::new());
    assert!(walked.pages.iter().any(|page| page.shortfalls.iter().any(|short| short.stream == "reels")));
    assert!(!shows_all_posts(&walked), "known reels would be missing");
}

#[tokio::test]
async fn an_edge_that_fails_shows_no_absence() {
    let (_bench, walked) = after("/visitor_posts", u32::MAX, Misbehavior::Html).await;
    assert_eq!(walked.failures.len(), 1);
    assert!(!shows_all_posts(&walked));
    assert!(walked.items().len() > 50, "the rest was read all the same");
}

#[tokio::test]
async fn another_version_than_asked_for_is_a_problem() {
    let (_bench, walked) = after("/published_posts", 1, Misbehavior::OtherVersion { version: "v25.0".into() }).await;
    assert!(walked.problems().iter().any(|problem| problem.contains("served v25.0")), "{:?}", walked.problems());
}
