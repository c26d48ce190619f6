//! X where its limits lie: long timelines, old answers, mentions without end, what an access does not include, and what it costs.

use jiff::SignedDuration;
use pagekeeper::config::Config;
use pagekeeper::model::{Change, Clock, Kind, Mode, Platform, Scope, State, Timestamp};
use pagekeeper::platform::{self, Endpoint, Errand, Target};
use pagekeeper::sandbox::{Host, Misbehavior, World};

use crate::facebook::Bench;
use crate::kills::command;
use crate::rig::{NOW, Rig};
use crate::walks::{a_week_before, compare, items, target, walk, whole, within_reach};

const SLUG: &str = "mesa-vista-usd-x";

fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

/// An old post, corrected and then talked about, with an answer of yesterday by the account; and a hundred newer posts.
fn long_world() -> (World, String) {
    let now: Timestamp = NOW.parse().unwrap();
    let world = World::bare(now);
    world.set_now(now - days(60));
    let root = world.add_post(SLUG, "The board meets on Tuesday").unwrap();
    world.set_now(now - days(60) + SignedDuration::from_mins(3));
    world.add_comment(&root, "Pat Reyes", "Where?").unwrap();
    world.set_now(now - days(60) + SignedDuration::from_mins(9));
    world.edit(&root, "The board meets on Tuesday at six");
    world.set_now(now - days(50));
    let asked = world.add_comment(&root, "Sam Ortiz", "Is it open to all?").unwrap();
    world.set_now(now - days(49));
    let again = world.add_comment(&asked, "Jo Park", "I would like to know as well").unwrap();
    world.set_now(now - days(48));
    world.add_comment(&again, "Lee Marsh", "Nobody ever answers this").unwrap();
    for number in 0..110 {
        world.set_now(now - days(40) + SignedDuration::from_hours(8 * number));
        world.add_post(SLUG, &format!("Condor news {number}")).unwrap();
    }
    world.set_now(now - days(1));
    let answer = world.add_answer(&again, "Yes, everybody is welcome").unwrap();
    world.set_now(now - SignedDuration::from_hours(2));
    world.add_comment(&answer, "Jo Park", "Great").unwrap();
    world.set_now(now);
    (world, root)
}

#[tokio::test]
async fn what_the_account_answered_is_kept_also_where_its_thread_begins_pages_later() {
    let (world, root) = long_world();
    let bench = Bench::of(world.clone()).await;
    let truth = within_reach(&world, SLUG, a_week_before(bench.now));
    let names = |text: &str| truth.values().any(|item| item.text.starts_with(text));
    assert!(names("Is it open") && names("I would like") && !names("Nobody ever"), "what the answers lead up to");
    for names in ["tweet", "post"] {
        let target = Target { field_names: names.into(), ..target(&bench, SLUG) };
        let walked = walk(&bench, target, whole()).await;
        assert_eq!((walked.errors(), walked.problems()), (vec![], vec![]), "{names}");
        compare(&items(&walked), &truth);
        assert!(walked.finished().contains(&Scope::Posts { since: None }));
    }
    // A recent walk has the answer without its post, and searches the thread of that.
    let since = bench.now - days(14);
    let found = items(&walk(&bench, target(&bench, SLUG), Errand::Recent { since }).await);
    let of_thread: Vec<&str> = found
        .values()
        .filter(|item| item.root.as_deref() == Some(root.as_str()))
        .map(|item| item.content.text.as_str())
        .collect();
    assert_eq!(of_thread, ["I would like to know as well", "Yes, everybody is welcome", "Great"]);
    assert!(found.contains_key(&root));
}

#[tokio::test]
async fn with_the_full_archive_every_answer_is_kept_and_no_gap_is_said() {
    let bench = Bench::new().await;
    for slug in ["mesa-vista-usd-x", "mvusd-transport-x"] {
        for names in ["tweet", "post"] {
            let target = Target { field_names: names.into(), full_archive: true, ..target(&bench, slug) };
            let walked = walk(&bench, target, whole()).await;
            assert_eq!((walked.errors(), walked.problems()), (vec![], vec![]), "{slug} {names}");
            compare(&items(&walked), &within_reach(bench.sandbox.world(), slug, Timestamp::MIN));
            let short: Vec<_> = walked.pages.iter().flat_map(|page| &page.shortfalls).collect();
            assert!(short.is_empty(), "{short:?}");
        }
    }
    let asked = bench.sandbox.seen();
    let archive = asked.iter().filter(|call| call.path.ends_with("/search/all"));
    assert!(archive.clone().all(|call| call.target.contains("start_time=") && call.target.contains("max_results=500")));
    assert!(archive.count() > 0 && asked.iter().any(|call| call.path.ends_with("/search/recent")));
}

/// A walk with what it says in the end.
async fn told(bench: &Bench, target: Target, errand: Errand) -> (Vec<String>, Option<String>) {
    let endpoint = Endpoint {
        api_base: bench.sandbox.base_url(Platform::X),
        api_version: String::new(),
        directory_base: String::new(),
        secrets_dir: "".into(),
    };
    let (mut walk, mut errors) = (platform::walk(target, errand, &endpoint), Vec::new());
    while let Some(step) = walk.next(&bench.http, bench.now).await {
        errors.extend(step.err().map(|failure| failure.error.to_string()));
    }
    (errors, walk.unfinished().map(str::to_owned))
}

#[tokio::test]
async fn what_an_access_does_not_include_is_left_out_and_said_with_what_to_do() {
    for (path, words) in [
        ("/search/all", "set full_archive = false in [platform.x]"),
        ("/mentions", "posts that name the account"),
        ("/quote_tweets", "posts that quote it"),
    ] {
        let bench = Bench::new().await;
        bench.sandbox.misbehave(Host::X, path, u32::MAX, Misbehavior::status(403));
        let target = Target { full_archive: true, ..target(&bench, SLUG) };
        let (errors, unfinished) = told(&bench, target.clone(), whole()).await;
        assert_eq!(errors, Vec::<String>::new(), "{path}");
        let said = unfinished.unwrap_or_default();
        assert!(
            said.contains(words) && said.contains("HTTP 403") && said.contains("developer portal"),
            "{path}: {said}"
        );
        let found = items(&walk(&bench, target, whole()).await);
        let (posts, truth) = (|item: &_| matches!(item, Kind::Post), bench.sandbox.world().truth_of(SLUG));
        let own = truth.iter().filter(|item| item.parent.is_none() && item.author.as_ref().unwrap().id == item.account);
        assert!(own.map(|item| &item.id).all(|id| found.get(id).is_some_and(|item| posts(&item.kind))), "{path}");
        let refused = bench.sandbox.seen().iter().filter(|call| call.path.ends_with(path)).count();
        assert_eq!(refused, 2, "{path} is asked for once a walk");
    }
}

#[tokio::test]
async fn of_mentions_without_end_the_newest_are_kept_and_the_rest_is_a_gap() {
    let now: Timestamp = NOW.parse().unwrap();
    let world = World::bare(now);
    for number in 0..810 {
        world.set_now(now - SignedDuration::from_hours(820 - number));
        world.add_mention(SLUG, "Pat Reyes", &format!("question {number}")).unwrap();
    }
    world.set_now(now);
    let bench = Bench::of(world).await;
    let walked = walk(&bench, target(&bench, SLUG), whole()).await;
    let found = items(&walked);
    assert_eq!(found.len(), 800);
    assert!(found.values().all(|item| item.kind == Kind::Post && item.root.is_none()));
    let [gap] = walked.pages.iter().flat_map(|page| &page.shortfalls).collect::<Vec<_>>()[..] else { panic!() };
    assert_eq!((gap.stream.as_str(), gap.to), ("mentions", Some(now - SignedDuration::from_hours(810))));
    assert!(gap.cause.contains("newest 800"), "{}", gap.cause);
}

#[tokio::test]
async fn a_quiet_page_costs_three_calls_and_a_quoted_post_one_more() {
    let now: Timestamp = NOW.parse().unwrap();
    let world = World::bare(now);
    let mut newest = String::new();
    for number in 0..8 {
        world.set_now(now - days(9) + days(number) + SignedDuration::from_hours(28));
        newest = world.add_post(SLUG, &format!("Condor news {number}")).unwrap();
        world.add_comment(&newest, "Pat Reyes", "Thanks").unwrap();
    }
    world.set_now(now);
    let bench = Bench::of(world.clone()).await;
    let recent = || Errand::Recent { since: now - days(14) };
    assert_eq!(walk(&bench, target(&bench, SLUG), recent()).await.pages.len(), 3);
    world.add_quote(&newest, "Sam Ortiz", "Good news").unwrap();
    let walked = walk(&bench, target(&bench, SLUG), recent()).await;
    assert_eq!(walked.pages.len(), 4);
    assert!(items(&walked).values().any(|item| item.content.text.starts_with("Good news")));
    // Later on revisits see to it.
    world.set_now(now + days(2));
    let later = Bench::of(world.clone()).await;
    assert_eq!(walk(&later, target(&later, SLUG), recent()).await.pages.len(), 3);
}

#[tokio::test]
async fn posts_by_others_are_looked_at_again_and_never_missing_from_the_account_s_own_list() {
    let rig = Rig::with(World::mesa_vista(NOW.parse().unwrap()), Clock::manual(NOW.parse().unwrap()), &[SLUG]).await;
    let world = rig.sandbox.world().clone();
    for mode in [Mode::Backfill, Mode::Recent] {
        let report = rig.harvest(mode).await;
        assert!(report.is_whole(), "{:?}", report.cause);
    }
    let truth = world.truth_of(SLUG);
    let quote = truth.iter().find(|item| item.quotes.is_some()).unwrap();
    let mention = truth.iter().find(|item| item.text.contains("lost and found")).unwrap();
    let kept = rig.kept();
    assert!(kept.contains_key(&quote.id) && kept.contains_key(&mention.id));
    let by_others =
        rig.column("SELECT native_id FROM items WHERE kind = 'post' AND role = 'public' AND account_id = page_id");
    assert!(by_others.contains(&quote.id) && by_others.contains(&mention.id));
    rig.pass(days(1));
    let report = rig.harvest(Mode::Recent).await;
    assert_eq!((report.outcome, report.tally.missing), ("complete", 0));
    for item in [quote, mention] {
        world.delete_post(&item.id);
    }
    for _ in 0..2 {
        rig.pass(days(1));
        let reports = rig.try_harvest(Mode::Revisit, true).await.unwrap();
        assert!(reports[0].is_whole(), "{:?}", reports[0].cause);
    }
    let kept = rig.kept();
    for item in [quote, mention] {
        let changes: Vec<Change> = kept[&item.id].iter().map(|(_, change, ..)| *change).collect();
        assert_eq!(changes, [Change::Created, Change::Missing, Change::Gone], "{}", item.text);
    }
    assert_eq!(kept.values().flatten().filter(|(.., state, _)| *state == State::Gone).count(), 2);
    rig.check("after two revisits");
}

#[tokio::test]
async fn a_gap_of_seven_days_ends_once_the_full_archive_was_searched() {
    let mut rig =
        Rig::with(World::mesa_vista(NOW.parse().unwrap()), Clock::manual(NOW.parse().unwrap()), &[SLUG]).await;
    rig.harvest(Mode::Backfill).await;
    let open = |rig: &Rig| {
        let gaps = rig.coverage().into_iter().filter(|gap| gap.closed_at.is_none());
        gaps.filter(|gap| gap.cause.as_deref().is_some_and(|cause| cause.contains("seven days"))).count()
    };
    assert!(open(&rig) > 10);
    let text = std::fs::read_to_string(&rig.config).unwrap();
    let plan = "plan = \"enterprise\"\n";
    std::fs::write(&rig.config, text.replace(plan, &format!("{plan}full_archive = true\n"))).unwrap();
    assert_eq!(Config::load(&rig.config).unwrap().platform(Platform::X).unwrap().full_archive, Some(true));
    rig.close();
    rig.reopen();
    rig.pass(days(1));
    let reports = rig.try_harvest(Mode::Revisit, true).await.unwrap();
    assert!(reports[0].is_whole(), "{:?}", reports[0].cause);
    assert_eq!(open(&rig), 0);
    assert_eq!(rig.differences(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_config_says_what_the_key_reads_and_ends_with_three_when_x_refuses_it() {
    let mut rig = Rig::with(World::bare(NOW.parse().unwrap()), Clock::manual(NOW.parse().unwrap()), &[SLUG]).await;
    rig.close();
    let ask = |rig: &Rig| {
        let answer = command(&rig.config, &["check-config"]).output().unwrap();
        (answer.status.code(), String::from_utf8(answer.stderr).unwrap())
    };
    let (code, said) = ask(&rig);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("X: X @MesaVistaUSD: the credential reads the profile"), "{said}");
    assert!(said.contains("of the last 7 days") && !said.contains("Enterprise"), "{said}");

    let text = std::fs::read_to_string(&rig.config).unwrap();
    let plan = "plan = \"enterprise\"\n";
    std::fs::write(&rig.config, text.replace(plan, &format!("{plan}full_archive = true\n"))).unwrap();
    let (code, said) = ask(&rig);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("answers of any age"), "{said}");
    rig.sandbox.misbehave(Host::X, "/search/all", 1, Misbehavior::status(403));
    let (code, said) = ask(&rig);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("X forbids it (HTTP 403)"), "{said}");

    let token = rig.sandbox.world().token(Platform::X).unwrap();
    rig.sandbox.world().end_token(&token, Some(0));
    let (code, said) = ask(&rig);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("make a new bearer token in the developer portal"), "{said}");

    std::fs::write(&rig.config, text.replace(plan, "")).unwrap();
    let (code, said) = ask(&rig);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("X: not kept") && said.contains("Enterprise plan"), "{said}");
}
