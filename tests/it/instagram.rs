//! The Instagram connector against the sandbox: what it reads is what is true there.

use std::collections::BTreeSet;

use pagekeeper::model::{Answer, Kind, Platform, Scope, Secret, Timestamp};
use pagekeeper::platform::{Errand, Known};
use pagekeeper::sandbox::{Host, Misbehavior, Origin};

use crate::facebook::{Bench, expected};

fn accounts(bench: &Bench) -> Vec<String> {
    let all = bench.sandbox.world().accounts();
    all.into_iter().filter(|account| account.platform == Platform::Instagram).map(|account| account.slug).collect()
}

#[tokio::test]
async fn an_account_read_whole_is_its_truth() {
    let bench = Bench::new().await;
    assert!(!accounts(&bench).is_empty());
    for slug in accounts(&bench) {
        let walked = bench.walk(&slug, Errand::Backfill { before: None }).await;
        assert_eq!(walked.errors(), Vec::<String>::new());
        assert_eq!(walked.problems(), Vec::<String>::new(), "{slug}");
        let (items, truth) = (walked.items(), expected(bench.sandbox.world(), &slug));
        let (read, wanted): (BTreeSet<_>, BTreeSet<_>) = (items.keys().collect(), truth.keys().collect());
        assert_eq!(read, wanted, "{slug}");
        for (id, item) in &items {
            let truth = &truth[id];
            assert_eq!(item.content.text, truth.text, "{id}");
            assert_eq!(item.kind, truth.kind, "{id}");
            assert_eq!((&item.parent, &item.root), (&truth.parent, &truth.root), "{id}");
            assert_eq!(item.hidden, truth.hidden, "{id}");
            assert_eq!(item.created_at.map(Timestamp::as_second), Some(truth.created_at.as_second()), "{id}");
            assert_eq!(item.content.media.len(), truth.media.len(), "{id}");
            if truth.origin != Origin::Tagged {
                assert_eq!(item.author.native_id, truth.author.as_ref().map(|author| author.id.clone()), "{id}");
            }
            if truth.media.len() > 1 {
                let ids: Vec<&String> = item.content.media.iter().map(|medium| &medium.native_id).collect();
                assert_eq!(ids, truth.media.iter().map(|medium| &medium.id).collect::<Vec<_>>(), "{id}");
                let alts: Vec<&Option<String>> = item.content.media.iter().map(|medium| &medium.alt).collect();
                assert_eq!(alts, truth.media.iter().map(|medium| &medium.alt).collect::<Vec<_>>(), "{id}");
            }
        }
        assert!(walked.finished().contains(&Scope::Posts { since: None }), "{slug}");
        let lasting = truth
            .values()
            .filter(|item| item.parent.is_none() && item.origin == Origin::Own && item.kind != Kind::Story);
        let threads = walked.finished().iter().filter(|scope| matches!(scope, Scope::Thread { .. })).count();
        assert_eq!(threads, lasting.count(), "{slug}");
    }
}

#[tokio::test]
async fn no_item_s_json_lies_inside_another_s() {
    let bench = Bench::new().await;
    let walked = bench.walk(&accounts(&bench)[0], Errand::Backfill { before: None }).await;
    for page in &walked.pages {
        let mut ranges: Vec<_> = page.observations.iter().map(|item| item.raw.clone()).collect();
        ranges.sort_by_key(|range| range.start);
        assert!(ranges.windows(2).all(|pair| pair[0].end <= pair[1].start), "{}", page.exchange.target);
    }
}

#[tokio::test]
async fn what_is_counted_and_not_given_is_a_shortfall() {
    let bench = Bench::new().await;
    let mut found = 0;
    for slug in accounts(&bench) {
        let walked = bench.walk(&slug, Errand::Backfill { before: None }).await;
        let short = walked.pages.iter().flat_map(|page| &page.shortfalls);
        for short in short.filter(|short| short.stream == "comments") {
            assert!(short.cause.contains("counts"), "{short:?}");
            found += 1;
        }
    }
    assert!(found > 0, "the sandbox holds nothing back");
}

#[tokio::test]
async fn a_full_page_without_a_way_on_finishes_no_thread() {
    let bench = Bench::new().await;
    let slug = accounts(&bench)[0].clone();
    let truth = expected(bench.sandbox.world(), &slug);
    let root = truth.values().find(|item| item.parent.is_none() && item.kind == Kind::Post).unwrap().id.clone();
    let comments: Vec<String> =
        (0..50).map(|n| format!(r#"{{"id":"9{n}","text":"fine","timestamp":"2026-11-01T10:00:00+0000"}}"#)).collect();
    let body = format!(r#"{{"data":[{}]}}"#, comments.join(","));
    let what = Misbehavior::Status {
        status: 200,
        content_type: "application/json".into(),
        body: body.into_bytes(),
        headers: Vec::new(),
    };
    bench.sandbox.misbehave(Host::Graph, "/comments", 1, what);
    let known = Known { native_id: root.clone(), kind: Kind::Post, root: root.clone() };
    let walked = bench.walk(&slug, Errand::Revisit { threads: vec![known], check: Vec::new() }).await;
    assert_eq!(walked.items().len(), 51);
    assert_eq!(walked.finished(), []);
    assert!(
        walked.pages.iter().any(|page| page.shortfalls.iter().any(|short| short.cause.contains("no way to the next")))
    );
}

#[tokio::test]
async fn a_revisit_reads_a_thread_and_says_what_is_gone() {
    let bench = Bench::new().await;
    let slug = accounts(&bench)[0].clone();
    let world = bench.sandbox.world().clone();
    let truth = expected(&world, &slug);
    let comment = truth.values().find(|item| item.kind == Kind::Comment).unwrap();
    let root = comment.root.clone().unwrap();
    let known = Known { native_id: comment.id.clone(), kind: comment.kind, root: root.clone() };
    world.delete_comment(&comment.id);
    let threads = vec![Known { native_id: root.clone(), kind: truth[&root].kind, root: root.clone() }];
    let walked = bench.walk(&slug, Errand::Revisit { threads, check: vec![known] }).await;
    assert_eq!(walked.errors(), Vec::<String>::new());
    let answers: Vec<Answer> = walked.pages.iter().flat_map(|page| page.answers.clone()).collect();
    assert_eq!(answers, [Answer::Readable(root.clone()), Answer::Gone(comment.id.clone())]);
    assert_eq!(walked.finished(), [Scope::Thread { root }]);
    assert!(!walked.items().contains_key(&comment.id));
}

#[tokio::test]
async fn a_profile_is_found_by_the_page_s_credential_alone() {
    let bench = Bench::new().await;
    let slug = accounts(&bench)[0].clone();
    let account = bench.sandbox.world().account(&slug).unwrap();
    let by_id = bench.walk(&slug, Errand::Profile).await.items();
    let profile = &by_id[&format!("{}/profile", account.id)];
    assert_eq!(profile.content.text, account.about);
    assert_eq!(profile.author.handle.as_deref(), Some(account.handle.as_str()));
    let mut target = bench.target(&slug);
    target.native_id.clear();
    let mut walk = pagekeeper::platform::walk(target, Errand::Profile, &bench.endpoint());
    let page = walk.next(&bench.http, bench.now).await.unwrap().unwrap();
    assert_eq!(page.observations[0].native_id, profile.native_id);
}

#[tokio::test]
async fn discovery_reaches_linked_accounts_with_their_page_s_token() {
    let bench = Bench::new().await;
    let mut target = bench.target(&accounts(&bench)[0]);
    target.token = bench.sandbox.world().token(Platform::Facebook).map(Secret::new);
    let reached = pagekeeper::platform::facebook::discover(&bench.http, &target, &bench.endpoint()).await.unwrap();
    assert_eq!(reached.len(), accounts(&bench).len());
    assert!(reached.iter().all(|account| account.platform == Platform::Instagram && account.token.is_some()));
}
