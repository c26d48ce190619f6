//! The Bluesky connector against Bluesky's own servers (the directory, an account's server, the view that apps see): seeded,
//! walked, changed, and walked again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use pagekeeper::model::{Answer, Clock, Kind, Observation, Page, Platform, Scope};
use pagekeeper::platform::http::{Http, HttpSettings};
use pagekeeper::platform::{Endpoint, Errand, Known, Target, bluesky};
use serde_json::Value;

use crate::tools::{Server, node, node_folder, repository};

#[tokio::test(flavor = "multi_thread")]
async fn the_real_network_is_read_whole_and_its_changes_are_told_apart() {
    let mut network = Network::start();
    let before = network.server.ready.clone();

    let pages = network.walk("", Errand::Backfill { before: None }).await;
    let seen = newest(&pages);
    for item in items(&before) {
        let found = seen.get(text(item, "uri")).unwrap_or_else(|| panic!("{} was not found", item["name"]));
        check(item, found);
    }
    let strangers: Vec<_> = seen.keys().filter(|uri| items(&before).iter().all(|item| item["uri"] != **uri)).collect();
    assert!(strangers.is_empty(), "{strangers:?}");
    let finished: Vec<&Scope> = pages.iter().flat_map(|page| &page.finished).collect();
    assert!(finished.contains(&&Scope::Posts { since: None }));
    for root in roots(&before) {
        assert!(finished.contains(&&Scope::Thread { root: root.to_owned() }), "{root} was not seen in whole");
    }
    assert!(pages.iter().all(|page| page.problems.is_empty() && page.shortfalls.is_empty()), "{:?}", trouble(&pages));

    let after = network.server.ask("change");
    let district = text(&after, "district");
    let (threads, check_again) = items(&before).into_iter().map(known).partition(|known| known.kind == Kind::Post);
    let pages = network.walk(district, Errand::Revisit { threads, check: check_again }).await;
    let seen = newest(&pages);
    let answers: Vec<&Answer> = pages.iter().flat_map(|page| &page.answers).collect();
    let gone: BTreeSet<&str> = answers.iter().filter_map(|answer| is_gone(answer)).collect();
    let wanted: BTreeSet<&str> = in_state(&after, "gone");
    assert_eq!(gone, wanted, "what is gone");
    for item in items(&after).iter().filter(|item| item["state"] == "visible" || item["state"] == "hidden") {
        let uri = text(item, "uri");
        let found = seen.get(uri).unwrap_or_else(|| panic!("{} was not found again", item["name"]));
        check(item, found);
    }
    // Whoever deactivates takes her words with her; nothing says that they are deleted.
    let shortfalls: BTreeSet<&str> =
        pages.iter().flat_map(|page| &page.shortfalls).filter_map(|shortfall| shortfall.item.as_deref()).collect();
    let left = items(&after).into_iter().find(|item| item["name"] == "p4-leaver").unwrap();
    assert!(shortfalls.contains(text(left, "uri")), "{shortfalls:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_and_a_recent_walk_are_read() {
    let network = Network::start();
    let pages = network.walk("", Errand::Profile).await;
    let seen = newest(&pages);
    let profile = seen.values().find(|item| item.kind == Kind::Profile).expect("a profile");
    assert!(profile.content.text == "Mesa Vista USD", "{:?}", profile.content);

    let written = items(&network.server.ready);
    let since = "2026-11-02T16:10:30Z";
    let pages = network.walk("", Errand::Recent { since: since.parse().unwrap() }).await;
    let seen = newest(&pages);
    let young: BTreeSet<&str> =
        written.iter().filter(|item| text(item, "created_at") >= since).map(|item| text(item, "uri")).collect();
    for item in written.iter().filter(|item| young.contains(text(item, "root"))) {
        assert!(seen.contains_key(text(item, "uri")), "{}", item["name"]);
    }
    // Later than all that stands there: the account's records are looked at, and no thread is.
    let later = network.http.clock().now() + jiff::SignedDuration::from_hours(1);
    let pages = network.walk("", Errand::Recent { since: later }).await;
    let district = text(&network.server.ready, "district");
    assert!(newest(&pages).values().all(|item| item.author.native_id.as_deref() == Some(district)));
}

/// The network, and a client for it.
struct Network {
    server: Server,
    http: Http,
}

impl Network {
    fn start() -> Network {
        let scripts = repository().join("tests/tools/bluesky");
        let mut command = node();
        command.arg("--require").arg(scripts.join("loopback.cjs")).arg(scripts.join("server.mjs")).arg(node_folder());
        let server = Server::start(&mut command);
        let settings = HttpSettings { requests_per_minute: 60_000, ..HttpSettings::default() };
        Network { server, http: Http::new(settings, Clock::System).unwrap() }
    }

    /// Walks to the end. Without an id the handle leads to it.
    async fn walk(&self, native_id: &str, errand: Errand) -> Vec<Page> {
        let target = Target {
            platform: Platform::Bluesky,
            native_id: native_id.to_owned(),
            handle: text(&self.server.ready, "handle").to_owned(),
            token: None,
            app_secret: None,
            field_names: String::new(),
            full_archive: false,
        };
        let endpoint = Endpoint {
            api_base: text(&self.server.ready, "appview").to_owned(),
            api_version: String::new(),
            directory_base: text(&self.server.ready, "plc").to_owned(),
            secrets_dir: PathBuf::new(),
        };
        let mut walk = bluesky::Walk::new(target, errand, &endpoint);
        let mut pages = Vec::new();
        while let Some(page) = walk.next(&self.http, self.http.clock().now()).await {
            pages.push(page.unwrap_or_else(|failure| panic!("{failure:?}")));
            assert!(pages.len() < 1000, "the walk does not end");
        }
        pages
    }
}

/// An item as the seed has it against the item as it was read.
fn check(wanted: &Value, found: &Observation) {
    let name = &wanted["name"];
    assert_eq!(found.kind.as_str(), wanted["kind"], "{name}");
    assert_eq!(found.content.text, wanted["text"], "{name}");
    assert_eq!(found.author.native_id.as_deref(), wanted["author"].as_str(), "{name}");
    assert_eq!(found.parent.as_deref(), wanted["parent"].as_str(), "{name}");
    if found.kind != Kind::Post {
        assert_eq!(found.root.as_deref(), wanted["root"].as_str(), "{name}");
    }
    let created = text(wanted, "created_at").parse().unwrap();
    assert_eq!(found.created_at, Some(created), "{name}");
    assert_eq!(found.hidden, wanted["state"] == "hidden", "{name}");
    let alt = found.content.media.first().and_then(|medium| medium.alt.as_deref());
    assert_eq!(alt, wanted["alt"].as_str(), "{name}");
}

/// The last observation of each item of a walk.
fn newest(pages: &[Page]) -> BTreeMap<&str, &Observation> {
    let observations = pages.iter().flat_map(|page| &page.observations).filter(|item| !item.superseded);
    observations.map(|item| (item.native_id.as_str(), item)).collect()
}

fn known(item: &Value) -> Known {
    Known {
        native_id: text(item, "uri").to_owned(),
        kind: text(item, "kind").parse().unwrap(),
        root: text(item, "root").to_owned(),
    }
}

fn is_gone<'a>(answer: &&'a Answer) -> Option<&'a str> {
    match answer {
        Answer::Gone(uri) => Some(uri),
        Answer::Readable(_) => None,
    }
}

fn in_state<'a>(truth: &'a Value, state: &str) -> BTreeSet<&'a str> {
    items(truth).into_iter().filter(|item| item["state"] == state).map(|item| text(item, "uri")).collect()
}

fn roots(truth: &Value) -> BTreeSet<&str> {
    items(truth).into_iter().map(|item| text(item, "root")).collect()
}

fn items(truth: &Value) -> Vec<&Value> {
    truth["items"].as_array().unwrap().iter().collect()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap()
}

fn trouble(pages: &[Page]) -> Vec<String> {
    let problems = pages.iter().flat_map(|page| &page.problems).map(|problem| format!("{problem:?}"));
    problems.chain(pages.iter().flat_map(|page| &page.shortfalls).map(|shortfall| format!("{shortfall:?}"))).collect()
}
