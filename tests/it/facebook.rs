//! The Facebook connector against the sandbox: what it reads is what is true there, whatever goes wrong on the way.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use pagekeeper::model::{Answer, Clock, Kind, Observation, Page, Platform, Scope, Secret, Timestamp};
use pagekeeper::platform::http::{Http, HttpSettings};
use pagekeeper::platform::{self, Endpoint, Errand, Error, Failure, Known, Target};
use pagekeeper::sandbox::{APP_SECRET, Form, Host, Misbehavior, Origin, Sandbox, Standing, Truth, World};

const NOW: &str = "2026-11-24T17:00:00Z";

pub(crate) struct Bench {
    pub(crate) sandbox: Sandbox,
    pub(crate) http: Http,
    pub(crate) now: Timestamp,
}

impl Bench {
    pub(crate) async fn new() -> Bench {
        Bench::of(World::mesa_vista(NOW.parse().unwrap())).await
    }

    pub(crate) async fn of(world: World) -> Bench {
        let now = world.now();
        let sandbox = Sandbox::start(world).await.unwrap();
        let settings = HttpSettings { requests_per_minute: 1_000_000, ..HttpSettings::default() };
        Bench { sandbox, http: Http::new(settings, Clock::manual(now)).unwrap(), now }
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint {
            api_base: self.sandbox.base_url(Platform::Facebook),
            api_version: "v26.0".into(),
            directory_base: String::new(),
            secrets_dir: PathBuf::new(),
        }
    }

    pub(crate) fn target(&self, slug: &str) -> Target {
        let account = self.sandbox.world().account(slug).unwrap();
        let page = account.linked.clone().filter(|_| account.platform == Platform::Instagram);
        Target {
            platform: account.platform,
            native_id: account.id.clone(),
            handle: account.handle,
            token: self.sandbox.world().page_token(page.as_ref().unwrap_or(&account.id)).map(Secret::new),
            app_secret: Some(Secret::new(APP_SECRET)),
            field_names: String::new(),
            full_archive: false,
        }
    }

    pub(crate) async fn walk(&self, slug: &str, errand: Errand) -> Walked {
        let mut walk = platform::walk(self.target(slug), errand, &self.endpoint());
        let mut walked = Walked::default();
        while let Some(step) = walk.next(&self.http, self.now).await {
            match step {
                Ok(page) => walked.pages.push(page),
                Err(failure) => walked.failures.push(failure),
            }
            assert!(walked.pages.len() + walked.failures.len() < 5_000, "the walk does not end");
        }
        walked
    }
}

#[derive(Default)]
pub(crate) struct Walked {
    pub(crate) pages: Vec<Page>,
    pub(crate) failures: Vec<Failure>,
}

impl Walked {
    pub(crate) fn items(&self) -> BTreeMap<String, Observation> {
        let observations = self.pages.iter().flat_map(|page| &page.observations);
        observations.map(|seen| (seen.native_id.clone(), seen.clone())).collect()
    }

    pub(crate) fn problems(&self) -> Vec<String> {
        let problems = self.pages.iter().flat_map(|page| &page.problems);
        problems.map(|problem| format!("{}: {}", problem.place, problem.what)).collect()
    }

    pub(crate) fn finished(&self) -> Vec<Scope> {
        self.pages.iter().flat_map(|page| page.finished.clone()).collect()
    }

    pub(crate) fn errors(&self) -> Vec<String> {
        self.failures.iter().map(|failure| failure.error.to_string()).collect()
    }
}

fn shown(truth: &Truth) -> bool {
    matches!(truth.standing, Standing::Visible | Standing::Hidden)
}

/// What the connector should have read of an account; comments under posts on others' pages are others' business.
pub(crate) fn expected(world: &World, slug: &str) -> BTreeMap<String, Truth> {
    let truth = world.truth_of(slug);
    let elsewhere: BTreeSet<String> =
        truth.iter().filter(|item| item.origin == Origin::Tagged).map(|item| item.id.clone()).collect();
    truth
        .into_iter()
        .filter(shown)
        .filter(|item| item.root.as_ref().is_none_or(|root| !elsewhere.contains(root)))
        .map(|item| (item.id.clone(), item))
        .collect()
}

fn compare(items: &BTreeMap<String, Observation>, truth: &BTreeMap<String, Truth>) {
    let (read, true_): (BTreeSet<&String>, BTreeSet<&String>) = (items.keys().collect(), truth.keys().collect());
    let lost: Vec<_> = true_.difference(&read).map(|id| &truth[*id]).collect();
    let invented: Vec<_> = read.difference(&true_).map(|id| &items[*id]).collect();
    assert!(lost.is_empty() && invented.is_empty(), "lost: {lost:#?}\ninvented: {invented:#?}");
    for (id, item) in items {
        let truth = &truth[id];
        assert_eq!(item.content.text, truth.text, "{id}");
        assert_eq!(item.kind, truth.kind, "{id}");
        assert_eq!(item.parent, truth.parent, "{id}");
        assert_eq!(item.root, truth.root, "{id}");
        assert_eq!(item.hidden, truth.hidden, "{id}");
        assert_eq!(item.created_at.map(Timestamp::as_second), Some(truth.created_at.as_second()), "{id}");
        if truth.form != Form::Story {
            assert_eq!(item.author.native_id, truth.author.as_ref().map(|author| author.id.clone()), "{id}");
        }
        let media = |ids: Vec<&String>| ids.into_iter().cloned().collect::<Vec<_>>();
        let read = media(item.content.media.iter().map(|medium| &medium.native_id).collect());
        assert_eq!(read, media(truth.media.iter().map(|medium| &medium.id).collect()), "{id}");
        for alias in &item.aliases {
            let photo = truth.media.len() == 1 && truth.media[0].id == *alias;
            assert!(photo || truth.aliases.contains(alias), "{id} has the alias {alias}, not of {:?}", truth.aliases);
        }
    }
}

fn pages_of(bench: &Bench) -> Vec<String> {
    let accounts = bench.sandbox.world().accounts();
    accounts.into_iter().filter(|account| account.platform == Platform::Facebook).map(|account| account.slug).collect()
}

#[tokio::test]
async fn a_page_read_whole_is_its_truth() {
    let bench = Bench::new().await;
    for slug in pages_of(&bench) {
        let walked = bench.walk(&slug, Errand::Backfill { before: None }).await;
        assert_eq!(walked.errors(), Vec::<String>::new());
        let mut problems = walked.problems();
        problems.retain(|problem| !problem.contains("album"));
        assert_eq!(problems, Vec::<String>::new(), "{slug}");
        let truth = expected(bench.sandbox.world(), &slug);
        compare(&walked.items(), &truth);
        assert!(walked.finished().contains(&Scope::Posts { since: None }), "{slug}");
        let roots = truth
            .values()
            .filter(|item| item.parent.is_none() && item.form != Form::Story && item.origin != Origin::Tagged);
        for root in roots {
            // Where comments are counted and none is given, nothing is shown of the thread.
            let whole = walked.finished().contains(&Scope::Thread { root: root.id.clone() });
            let given = truth.values().any(|item| item.root.as_ref() == Some(&root.id));
            let mut shortfalls = walked.pages.iter().flat_map(|page| &page.shortfalls);
            assert!(whole || (!given && shortfalls.any(|short| short.item.as_ref() == Some(&root.id))), "{root:#?}");
        }
        let positions: Vec<Timestamp> = walked.pages.iter().filter_map(|page| page.position).collect();
        assert!(positions.is_sorted_by(|a, b| a > b), "{positions:?}");
    }
}

#[tokio::test]
async fn an_items_own_json_stands_where_its_range_says() {
    let bench = Bench::new().await;
    let walked = bench.walk("mesa-vista-usd", Errand::Backfill { before: None }).await;
    for page in &walked.pages {
        for item in &page.observations {
            let raw = &page.exchange.body[item.raw.clone()];
            let value: serde_json::Value = serde_json::from_slice(raw).unwrap();
            let text = value.get("message").or(value.get("description")).or(value.get("name"));
            if item.raw.len() < page.exchange.body.len() {
                assert_eq!(text.and_then(|text| text.as_str()).unwrap_or_default(), item.content.text);
            }
        }
    }
}

#[tokio::test]
async fn no_secret_is_in_anything_a_walk_gives() {
    let bench = Bench::new().await;
    let target = bench.target("mesa-vista-usd");
    let token = target.token.unwrap();
    for errand in [Errand::Backfill { before: None }, Errand::Profile] {
        let walked = bench.walk("mesa-vista-usd", errand).await;
        assert!(!walked.pages.is_empty());
        for page in &walked.pages {
            let shown = format!("{:?} {}", page, String::from_utf8_lossy(&page.exchange.body));
            assert!(!shown.contains(token.reveal()) && !shown.contains(APP_SECRET), "{}", page.exchange.target);
            assert!(page.exchange.target.contains("appsecret_proof=REDACTED"));
        }
    }
    assert!(bench.sandbox.seen().iter().all(|seen| seen.bearer && !seen.target.contains(token.reveal())));
}

#[tokio::test]
async fn a_recent_walk_stops_past_its_window_and_finishes_it() {
    let bench = Bench::new().await;
    let since = bench.now - jiff::SignedDuration::from_hours(24 * 14);
    let slug = "mesa-vista-usd";
    let whole = bench.walk(slug, Errand::Backfill { before: None }).await;
    let walked = bench.walk(slug, Errand::Recent { since }).await;
    assert!(walked.pages.len() < whole.pages.len() / 2, "{} of {}", walked.pages.len(), whole.pages.len());
    assert!(walked.finished().contains(&Scope::Posts { since: Some(since) }));
    let items = walked.items();
    for (id, truth) in expected(bench.sandbox.world(), slug) {
        let root = truth.root.clone().unwrap_or_else(|| id.clone());
        let root = bench.sandbox.world().item(&root).unwrap();
        if root.created_at >= since {
            assert!(items.contains_key(&id), "{truth:#?}");
        }
    }
}

#[tokio::test]
async fn a_backfill_goes_on_where_it_stopped_and_shows_no_absence() {
    let bench = Bench::new().await;
    let slug = "mesa-vista-usd";
    bench.sandbox.misbehave(Host::Graph, "/published_posts", u32::MAX, Misbehavior::ReduceData { above: 7 });
    let mut walk = platform::walk(bench.target(slug), Errand::Backfill { before: None }, &bench.endpoint());
    let mut first = Walked::default();
    while let Some(step) = walk.next(&bench.http, bench.now).await {
        first.pages.push(step.unwrap());
        if first.pages.iter().filter(|page| page.position.is_some()).count() == 2 {
            break;
        }
    }
    let before = first.pages.last().unwrap().position;
    assert!(before.is_some(), "the page is too small for this test");
    let rest = bench.walk(slug, Errand::Backfill { before }).await;
    assert!(!rest.finished().iter().any(|scope| matches!(scope, Scope::Posts { .. })));
    let mut items = first.items();
    items.extend(rest.items());
    compare(&items, &expected(bench.sandbox.world(), slug));
}

#[tokio::test]
async fn a_revisit_reads_threads_and_says_what_is_gone() {
    let bench = Bench::new().await;
    let world = bench.sandbox.world().clone();
    let slug = "mesa-vista-usd";
    let truth = expected(&world, slug);
    let comment = truth.values().find(|item| item.kind == Kind::Comment).unwrap();
    let root = truth[comment.root.as_ref().unwrap()].clone();
    let other = truth.values().find(|item| item.kind == Kind::Comment && item.root != comment.root).unwrap();
    world.delete_comment(&other.id);
    let known = |item: &Truth| Known {
        native_id: item.id.clone(),
        kind: item.kind,
        root: item.root.clone().unwrap_or_else(|| item.id.clone()),
    };
    let errand = Errand::Revisit { threads: vec![known(&root)], check: vec![known(comment), known(other)] };
    let walked = bench.walk(slug, errand).await;
    assert_eq!(walked.errors(), Vec::<String>::new());
    let answers: Vec<Answer> = walked.pages.iter().flat_map(|page| page.answers.clone()).collect();
    assert!(answers.contains(&Answer::Readable(root.id.clone())));
    assert!(answers.contains(&Answer::Readable(comment.id.clone())));
    assert!(answers.contains(&Answer::Gone(other.id.clone())));
    assert!(walked.finished().contains(&Scope::Thread { root: root.id.clone() }));
    let items = walked.items();
    let thread: BTreeMap<String, Truth> = expected(&world, slug)
        .into_iter()
        .filter(|(id, item)| *id == root.id || item.root.as_ref() == Some(&root.id))
        .collect();
    compare(&items, &thread);
}

#[tokio::test]
async fn a_direct_read_sees_the_same_content_as_the_walk() {
    let bench = Bench::new().await;
    let slug = "mesa-vista-usd";
    let items = bench.walk(slug, Errand::Backfill { before: None }).await.items();
    let known = |item: &Observation| Known {
        native_id: item.native_id.clone(),
        kind: item.kind,
        root: item.root.clone().unwrap_or_else(|| item.native_id.clone()),
    };
    let check = items.values().filter(|item| item.kind != Kind::Story).map(known).collect();
    let walked = bench.walk(slug, Errand::Revisit { threads: Vec::new(), check }).await;
    assert_eq!(walked.errors(), Vec::<String>::new());
    for (id, again) in walked.items() {
        let mut before = items[&id].clone();
        before.raw = again.raw.clone();
        for medium in before.content.media.iter_mut() {
            medium.url = None;
            medium.expires_at = None;
        }
        let mut again = again;
        for medium in again.content.media.iter_mut() {
            medium.url = None;
            medium.expires_at = None;
        }
        before.aliases.sort();
        again.aliases.sort();
        assert_eq!(again, before);
    }
}

#[tokio::test]
async fn a_profile_is_facts_settings_people_and_applications() {
    let bench = Bench::new().await;
    let walked = bench.walk("mesa-vista-usd", Errand::Profile).await;
    assert_eq!(walked.errors(), Vec::<String>::new());
    let account = bench.sandbox.world().account("mesa-vista-usd").unwrap();
    let items = walked.items();
    let profile = &items[&format!("{}/profile", account.id)];
    assert!(profile.content.text.contains(&account.about), "{profile:#?}");
    assert!(profile.content.parts.contains(&format!("phone: {}", account.phone)), "{profile:#?}");
    assert_eq!(profile.author.handle.as_deref(), Some(account.handle.as_str()));
    assert!(!profile.content.parts.iter().any(|fact| fact.starts_with("fan_count")));
    let settings = &items[&format!("{}/profile/settings", account.id)];
    assert_eq!(settings.content.parts.len(), account.settings.len());
    for edge in ["roles", "subscribed_apps", "blocked"] {
        let item = items.get(&format!("{}/profile/{edge}", account.id));
        assert!(item.is_some() || walked.problems().iter().any(|problem| problem.contains("its")), "{edge}");
    }
}

#[tokio::test]
async fn discovery_derives_page_tokens_and_captures_nothing() {
    let bench = Bench::new().await;
    let mut target = bench.target("mesa-vista-usd");
    target.token = bench.sandbox.world().token(Platform::Facebook).map(Secret::new);
    let reached = platform::discover(&bench.http, &target, &bench.endpoint()).await.unwrap();
    assert_eq!(reached.len(), pages_of(&bench).len());
    for page in &reached {
        assert_eq!(
            page.token.as_ref().map(Secret::reveal),
            bench.sandbox.world().page_token(&page.native_id).as_deref()
        );
    }
    bench.sandbox.misbehave(Host::Graph, "accounts", 1, Misbehavior::TokenDies { subcode: 460 });
    let failure = platform::discover(&bench.http, &target, &bench.endpoint()).await.unwrap_err();
    assert!(matches!(&failure.error, Error::Unauthorized { say } if say.contains("password")), "{failure:?}");
    assert_eq!(failure.exchange, None);
}
