//! X, YouTube and Bluesky against the sandbox: what their connectors read is what is true there, as far as the platform
//! gives it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use jiff::SignedDuration;
use pagekeeper::model::{Answer, Content, Kind, Observation, Platform, Scope, Secret, Timestamp};
use pagekeeper::platform::{self, Endpoint, Errand, Known, Target};
use pagekeeper::sandbox::{Form, Host, Misbehavior, Origin, Standing, Truth, World};

use crate::facebook::{Bench, Walked, expected};

fn accounts(bench: &Bench, platform: Platform) -> Vec<String> {
    let all = bench.sandbox.world().accounts();
    all.into_iter().filter(|account| account.platform == platform).map(|account| account.slug).collect()
}

fn endpoint(bench: &Bench, platform: Platform) -> Endpoint {
    Endpoint {
        api_base: bench.sandbox.base_url(platform),
        api_version: String::new(),
        directory_base: bench.sandbox.directory_base(),
        secrets_dir: PathBuf::new(),
    }
}

pub(crate) fn target(bench: &Bench, slug: &str) -> Target {
    let account = bench.sandbox.world().account(slug).unwrap();
    Target {
        platform: account.platform,
        native_id: account.id,
        handle: account.handle,
        token: bench.sandbox.world().token(account.platform).map(Secret::new),
        app_secret: None,
        field_names: "tweet".to_owned(),
        full_archive: false,
    }
}

pub(crate) async fn walk(bench: &Bench, target: Target, errand: Errand) -> Walked {
    let mut walk = platform::walk(target.clone(), errand, &endpoint(bench, target.platform));
    let mut walked = Walked::default();
    while let Some(step) = walk.next(&bench.http, bench.now).await {
        match step {
            Ok(page) => walked.pages.push(page),
            Err(failure) => walked.failures.push(failure),
        }
        assert!(walked.pages.len() + walked.failures.len() < 5_000, "the walk does not end");
    }
    walked
}

pub(crate) fn whole() -> Errand {
    Errand::Backfill { before: None }
}

/// The items as last seen: without profiles and earlier versions.
pub(crate) fn items(walked: &Walked) -> BTreeMap<String, Observation> {
    let seen = walked.pages.iter().flat_map(|page| &page.observations);
    seen.filter(|item| item.kind != Kind::Profile && !item.superseded)
        .map(|item| (item.native_id.clone(), item.clone()))
        .collect()
}

pub(crate) fn answers(walked: &Walked) -> Vec<Answer> {
    walked.pages.iter().flat_map(|page| page.answers.clone()).collect()
}

fn known(item: &Truth) -> Known {
    let root = item.root.clone().unwrap_or_else(|| item.id.clone());
    Known { native_id: item.id.clone(), kind: item.kind, root }
}

/// Neither lost nor invented, each with its place, time and author.
pub(crate) fn compare(items: &BTreeMap<String, Observation>, truth: &BTreeMap<String, Truth>) {
    let (read, wanted): (BTreeSet<&String>, BTreeSet<&String>) = (items.keys().collect(), truth.keys().collect());
    let lost: Vec<_> = wanted.difference(&read).map(|id| &truth[*id]).collect();
    let invented: Vec<_> = read.difference(&wanted).map(|id| &items[*id]).collect();
    assert!(lost.is_empty() && invented.is_empty(), "lost: {lost:#?}\ninvented: {invented:#?}");
    for (id, item) in items {
        let truth = &truth[id];
        assert_eq!(item.kind, truth.kind, "{id}");
        assert_eq!((&item.parent, &item.root), (&truth.parent, &truth.root), "{id}");
        assert_eq!(item.hidden, truth.hidden, "{id}");
        assert_eq!(item.created_at.map(Timestamp::as_second), Some(truth.created_at.as_second()), "{id}");
        let author = if truth.form == Form::Repost { &truth.account } else { &truth.author.as_ref().unwrap().id };
        assert_eq!(item.author.native_id.as_ref(), Some(author), "{id}");
        assert_eq!(item.author.native_id == Some(truth.account.clone()), *author == truth.account, "{id}");
    }
}

/// What X gives of an account: all of its own and what names or quotes it, what others answered there within a week or, with the
/// full archive, ever, and what any of that answers. What stands in threads that others began is a post.
pub(crate) fn within_reach(world: &World, slug: &str, since: Timestamp) -> BTreeMap<String, Truth> {
    let account = world.account(slug).unwrap();
    let stands = |item: &Truth| item.standing == Standing::Visible;
    let all: BTreeMap<String, Truth> =
        world.truth_of(slug).into_iter().filter(stands).map(|item| (item.id.clone(), item)).collect();
    let own = |item: &Truth| item.author.as_ref().is_some_and(|author| author.id == account.id);
    let elsewhere = |item: &Truth| {
        item.root.as_ref().and_then(|root| all.get(root)).is_some_and(|root| root.origin == Origin::Tagged)
    };
    let named = |item: &Truth| {
        let answers = item.parent.as_ref().and_then(|parent| all.get(parent)).is_some_and(own);
        answers || item.text.contains(&format!("@{}", account.handle))
    };
    let given = |item: &Truth| match item.parent {
        None => true,
        Some(_) => own(item) || named(item) || (!elsewhere(item) && item.created_at >= since),
    };
    let mut kept: BTreeSet<String> = all.values().filter(|item| given(item)).map(|item| item.id.clone()).collect();
    loop {
        let within = kept.iter().map(|id| &all[id]).filter(|item| !elsewhere(item));
        let answered: BTreeSet<String> = within
            .filter_map(|item| item.parent.clone())
            .filter(|id| all.contains_key(id) && !kept.contains(id))
            .collect();
        if answered.is_empty() {
            break;
        }
        kept.extend(answered);
    }
    let placed = |id: String| {
        let mut item = all[&id].clone();
        if elsewhere(&item) {
            (item.kind, item.root) = (Kind::Post, None);
        }
        (id, item)
    };
    kept.into_iter().map(placed).collect()
}

pub(crate) fn a_week_before(now: Timestamp) -> Timestamp {
    now - SignedDuration::from_hours(7 * 24)
}

/// A text of X as its author wrote it: X puts its own links in place of others, and one more for pictures.
fn plain(item: &Observation, truth: &Truth) -> bool {
    let mut read: Vec<&str> = item.content.text.split_whitespace().collect();
    if !truth.media.is_empty() || truth.quotes.is_some() {
        assert!(read.pop().is_some_and(|word| word.starts_with("https://t.co/")));
    }
    let written: Vec<&str> = truth.text.split_whitespace().collect();
    let mut links = item.content.links.iter();
    let same = read.iter().zip(&written).all(|(read, written)| {
        read == written
            || (read.starts_with("https://t.co/")
                && links.next().is_some_and(|link| written.starts_with(link.as_str())))
    });
    same && read.len() == written.len()
}

#[tokio::test]
async fn an_x_account_is_read_as_far_as_x_gives_it_in_either_vocabulary() {
    let bench = Bench::new().await;
    for slug in accounts(&bench, Platform::X) {
        let truth = within_reach(bench.sandbox.world(), &slug, a_week_before(bench.now));
        assert!(truth.values().any(|item| item.parent.is_some()), "{slug} has no answers of this week");
        let mut before = None;
        for names in ["tweet", "post"] {
            let target = Target { field_names: names.to_owned(), ..target(&bench, &slug) };
            let walked = walk(&bench, target, whole()).await;
            assert_eq!(walked.errors(), Vec::<String>::new(), "{slug} {names}");
            assert_eq!(walked.problems(), Vec::<String>::new(), "{slug} {names}");
            let items = items(&walked);
            compare(&items, &truth);
            for (id, item) in &items {
                let truth = &truth[id];
                if truth.form == Form::Repost {
                    assert!(item.content.text.starts_with("RT @") && item.content.parts == [truth.text.clone()]);
                } else {
                    assert!(plain(item, truth), "{:?} is not {:?}", item.content.text, truth.text);
                }
                let quoted = truth.quotes.as_ref().map(|id| bench.sandbox.world().item(id).unwrap());
                let ids = quoted.iter().flat_map(|item| item.aliases.iter().chain([&item.id]));
                let names =
                    |id: &String| item.content.links.iter().any(|link| link.ends_with(&format!("/status/{id}")));
                assert_eq!(ids.filter(|id| names(id)).count(), usize::from(quoted.is_some()), "{:?}", item.content);
                assert_eq!(item.aliases, truth.aliases, "{id}");
                let media: Vec<_> = item.content.media.iter().map(|medium| &medium.native_id[2..]).collect();
                assert_eq!(media, truth.media.iter().map(|medium| &medium.id).collect::<Vec<_>>(), "{id}");
            }
            let earlier = walked.pages.iter().flat_map(|page| &page.observations).filter(|item| item.superseded);
            let earlier: BTreeSet<String> = earlier.map(|item| item.native_id.clone()).collect();
            let edited = truth.values().filter(|item| !item.earlier.is_empty()).map(|item| item.id.clone());
            assert_eq!(earlier, edited.collect(), "{slug} {names}");
            assert!(walked.finished().contains(&Scope::Posts { since: None }), "{slug} {names}");
            let contents: Vec<_> = items.into_values().map(|item| (item.native_id, item.content)).collect();
            assert_eq!(*before.get_or_insert_with(|| contents.clone()), contents, "{slug}");
        }
    }
}

#[tokio::test]
async fn an_answer_on_x_outlives_the_post_it_stands_under() {
    let bench = Bench::new().await;
    let world = bench.sandbox.world().clone();
    let slug = &accounts(&bench, Platform::X)[0];
    let truth = within_reach(&world, slug, a_week_before(bench.now));
    let own = |item: &Truth| item.author.as_ref().is_some_and(|author| author.id == item.account);
    let comment = truth.values().find(|item| item.kind == Kind::Comment && !own(item)).unwrap();
    let root = truth[comment.root.as_ref().unwrap()].clone();
    world.delete_post(&root.id);
    let errand = Errand::Revisit { threads: vec![known(&root)], check: vec![known(comment)] };
    let walked = walk(&bench, target(&bench, slug), errand).await;
    assert_eq!(walked.errors(), Vec::<String>::new());
    assert_eq!(answers(&walked), [Answer::Gone(root.id.clone()), Answer::Readable(comment.id.clone())]);
    assert!(items(&walked).contains_key(&comment.id));
}

#[tokio::test]
async fn a_youtube_channel_read_whole_is_its_truth() {
    let bench = Bench::new().await;
    for slug in accounts(&bench, Platform::Youtube) {
        let walked = walk(&bench, target(&bench, &slug), whole()).await;
        assert_eq!(walked.errors(), Vec::<String>::new());
        assert_eq!(walked.problems(), Vec::<String>::new(), "{slug}");
        let (items, truth) = (items(&walked), expected(bench.sandbox.world(), &slug));
        assert!(truth.len() > 150, "{}", truth.len());
        compare(&items, &truth);
        for (id, item) in &items {
            // A title holds a hundred characters; the rest is the description.
            let read = if item.kind == Kind::Video {
                item.content.text.replacen("\n\n", " ", 1)
            } else {
                item.content.text.clone()
            };
            assert_eq!(read, truth[id].text, "{id}");
        }
        assert!(walked.finished().contains(&Scope::Posts { since: None }));
        let shortfalls: Vec<_> = walked.pages.iter().flat_map(|page| &page.shortfalls).collect();
        assert!(shortfalls.iter().any(|short| short.cause == "comments are turned off"), "{shortfalls:#?}");
        let threads = walked.finished().iter().filter(|scope| matches!(scope, Scope::Thread { .. })).count();
        let videos = truth.values().filter(|item| item.kind == Kind::Video).count();
        assert_eq!(threads, videos - 1);
    }
}

#[tokio::test]
async fn a_day_without_units_is_waited_for_until_midnight_in_california() {
    let bench = Bench::new().await;
    bench.sandbox.world().set_units_per_day(3);
    let slug = &accounts(&bench, Platform::Youtube)[0];
    let walked = walk(&bench, target(&bench, slug), whole()).await;
    assert_eq!(walked.pages.len(), 3);
    let until: Timestamp = "2026-11-25T08:00:00Z".parse().unwrap();
    let [failure] = walked.failures.as_slice() else { panic!("{:?}", walked.errors()) };
    assert!(matches!(&failure.error, platform::Error::RateLimited { until: told, .. } if *told == until));
}

#[tokio::test]
async fn a_deleted_comment_on_youtube_is_gone_and_its_replies_with_it() {
    let bench = Bench::new().await;
    let world = bench.sandbox.world().clone();
    let slug = &accounts(&bench, Platform::Youtube)[0];
    let truth = expected(&world, slug);
    let reply = truth.values().find(|item| item.kind == Kind::Reply).unwrap();
    let (thread, root) = (&truth[reply.parent.as_ref().unwrap()], &truth[reply.root.as_ref().unwrap()]);
    world.delete_comment(&thread.id);
    let errand = Errand::Revisit { threads: vec![known(root)], check: vec![known(thread), known(reply)] };
    let walked = walk(&bench, target(&bench, slug), errand).await;
    assert_eq!(walked.errors(), Vec::<String>::new());
    let gone = answers(&walked);
    assert!(
        gone.contains(&Answer::Gone(thread.id.clone())) && gone.contains(&Answer::Gone(reply.id.clone())),
        "{gone:?}"
    );
    assert!(gone.contains(&Answer::Readable(root.id.clone())));
}

/// What Bluesky gives of an account: its own records, and what hangs together under its posts.
fn in_threads(world: &World, slug: &str) -> BTreeMap<String, Truth> {
    let mut truth = expected(world, slug);
    loop {
        let before: BTreeSet<String> = truth.keys().cloned().collect();
        let own = |item: &Truth| item.author.as_ref().is_some_and(|author| author.id == item.account);
        truth.retain(|_, item| own(item) || item.parent.as_ref().is_none_or(|parent| before.contains(parent)));
        if truth.len() == before.len() {
            return truth;
        }
    }
}

#[tokio::test]
async fn a_bluesky_account_read_whole_is_its_truth() {
    let bench = Bench::new().await;
    for slug in accounts(&bench, Platform::Bluesky) {
        let walked = walk(&bench, target(&bench, &slug), whole()).await;
        assert_eq!(walked.errors(), Vec::<String>::new());
        assert_eq!(walked.problems(), Vec::<String>::new(), "{slug}");
        let (items, truth) = (items(&walked), in_threads(bench.sandbox.world(), &slug));
        assert!(truth.len() > 40, "{}", truth.len());
        compare(&items, &truth);
        for (id, item) in &items {
            let truth = &truth[id];
            match truth.form {
                Form::Repost => assert_eq!(item.content.parts, std::slice::from_ref(&truth.text)),
                _ => assert_eq!(item.content.text, truth.text, "{id}"),
            }
            assert_eq!(item.content.media.len(), truth.media.len(), "{id}");
            for (medium, true_) in item.content.media.iter().zip(&truth.media) {
                assert_eq!(medium.alt, true_.alt, "{id}");
                assert!(medium.native_id.starts_with("bafkrei") && medium.url.is_some(), "{medium:?}");
            }
        }
        assert!(walked.finished().contains(&Scope::Posts { since: None }));
        let threads = walked.finished().iter().filter(|scope| matches!(scope, Scope::Thread { .. })).count();
        let roots = truth.values().filter(|item| item.parent.is_none() && item.form != Form::Repost).count();
        assert_eq!(threads, roots);
    }
    let asked = bench.sandbox.seen();
    assert!(asked.iter().all(|call| call.status == 200), "{:?}", asked.iter().find(|call| call.status != 200));
}

#[tokio::test]
async fn a_bluesky_author_who_deactivates_takes_the_branch_from_view_and_nothing_is_called_gone() {
    let bench = Bench::new().await;
    let world = bench.sandbox.world().clone();
    let slug = "mesa-vista-usd-bluesky";
    let truth = in_threads(&world, slug);
    let reply = truth.values().find(|item| item.kind == Kind::Reply && item.text.starts_with("Point 2")).unwrap();
    let above = truth[reply.parent.as_ref().unwrap()].clone();
    let root = truth[reply.root.as_ref().unwrap()].clone();
    world.deactivate(&above.author.as_ref().unwrap().id, true);
    let errand = Errand::Revisit { threads: vec![known(&root)], check: vec![known(&above), known(reply)] };
    let walked = walk(&bench, target(&bench, slug), errand).await;
    assert_eq!(walked.errors(), Vec::<String>::new());
    assert_eq!(answers(&walked), [Answer::Readable(reply.id.clone()), Answer::Readable(root.id.clone())]);
    assert!(!walked.finished().contains(&Scope::Thread { root: root.id.clone() }));
    let short = walked.pages.iter().flat_map(|page| &page.shortfalls);
    assert!(short.clone().any(|short| short.item.as_ref() == Some(&above.id)), "{:?}", short.collect::<Vec<_>>());
    assert!(!items(&walked).contains_key(&above.id));
}

#[tokio::test]
async fn a_deleted_post_on_bluesky_is_gone_and_what_answers_it_lives_on() {
    let bench = Bench::new().await;
    let world = bench.sandbox.world().clone();
    let slug = "mesa-vista-usd-bluesky";
    let truth = in_threads(&world, slug);
    let reply = truth.values().find(|item| item.text.starts_with("Point 2")).unwrap();
    let above = truth[reply.parent.as_ref().unwrap()].clone();
    world.delete_comment(&above.id);
    let errand = Errand::Revisit { threads: Vec::new(), check: vec![known(&above), known(reply)] };
    let walked = walk(&bench, target(&bench, slug), errand).await;
    assert_eq!(walked.errors(), Vec::<String>::new());
    let mut found = answers(&walked);
    found.sort_by_key(|answer| matches!(answer, Answer::Gone(_)));
    assert_eq!(found, [Answer::Readable(reply.id.clone()), Answer::Gone(above.id.clone())]);
}

#[tokio::test]
async fn the_three_accounts_are_found_by_their_handles_alone() {
    let bench = Bench::new().await;
    for platform in [Platform::X, Platform::Youtube, Platform::Bluesky] {
        for slug in accounts(&bench, platform) {
            let account = bench.sandbox.world().account(&slug).unwrap();
            let target = Target { native_id: String::new(), ..target(&bench, &slug) };
            let walked = walk(&bench, target, Errand::Profile).await;
            assert_eq!((walked.errors(), walked.problems()), (Vec::<String>::new(), Vec::<String>::new()), "{slug}");
            let profile = walked.pages.iter().flat_map(|page| &page.observations).next().unwrap();
            assert_eq!(
                (profile.native_id.as_str(), profile.content.text.as_str()),
                (account.id.as_str(), account.name.as_str())
            );
            assert_eq!(
                profile.author.handle.as_ref().map(|handle| handle.to_lowercase()),
                Some(account.handle.to_lowercase())
            );
            assert!(profile.content.parts.contains(&account.about), "{:?}", profile.content.parts);
        }
    }
}

#[tokio::test]
async fn a_look_again_sees_the_same_content_as_the_walk() {
    let bench = Bench::new().await;
    for platform in [Platform::X, Platform::Youtube, Platform::Bluesky] {
        for slug in accounts(&bench, platform) {
            let before = items(&walk(&bench, target(&bench, &slug), whole()).await);
            let root = |item: &Observation| item.root.clone().unwrap_or_else(|| item.native_id.clone());
            let known =
                |item: &Observation| Known { native_id: item.native_id.clone(), kind: item.kind, root: root(item) };
            let all: Vec<Known> = before.values().map(known).collect();
            let threads = all.iter().filter(|known| known.native_id == known.root).cloned().collect();
            let walked = walk(&bench, target(&bench, &slug), Errand::Revisit { threads, check: all.clone() }).await;
            assert_eq!((walked.errors(), walked.problems()), (Vec::<String>::new(), Vec::<String>::new()), "{slug}");
            let again = items(&walked);
            assert_eq!(again.keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>(), "{slug}");
            for (id, item) in again {
                assert_eq!(without_links(item.content), without_links(before[&id].content.clone()), "{id}");
            }
            let readable = answers(&walked);
            for known in all {
                assert!(readable.contains(&Answer::Readable(known.native_id.clone())), "{slug}: {known:?}");
            }
        }
    }
}

/// Links to pictures are signed anew each time.
fn without_links(mut content: Content) -> Content {
    for medium in &mut content.media {
        (medium.url, medium.expires_at) = (None, None);
    }
    content
}

#[tokio::test]
async fn one_account_goes_wrong_and_its_neighbor_does_not() {
    let bench = Bench::new().await;
    let neighbors = [Platform::X, Platform::Bluesky].map(|platform| accounts(&bench, platform));
    for slugs in neighbors {
        bench.sandbox.misbehave_for(&slugs[0], u32::MAX, Misbehavior::status(404));
        assert!(!walk(&bench, target(&bench, &slugs[0]), whole()).await.errors().is_empty(), "{}", slugs[0]);
        assert_eq!(walk(&bench, target(&bench, &slugs[1]), whole()).await.errors(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_credential_that_ends_on_the_way_ends_the_walk() {
    let bench = Bench::new().await;
    for (platform, host) in [(Platform::X, Host::X), (Platform::Youtube, Host::Youtube)] {
        let slug = accounts(&bench, platform).remove(0);
        bench.sandbox.misbehave_after(host, "", 2, 1, Misbehavior::TokenDies { subcode: 0 });
        let walked = walk(&bench, target(&bench, &slug), whole()).await;
        assert_eq!(walked.pages.len(), 2, "{slug}");
        let [failure] = walked.failures.as_slice() else { panic!("{:?}", walked.errors()) };
        assert!(matches!(failure.error, platform::Error::Unauthorized { .. }), "{:?}", failure.error);
        assert!(!walked.finished().iter().any(|scope| matches!(scope, Scope::Thread { .. })), "{slug}");
    }
}
