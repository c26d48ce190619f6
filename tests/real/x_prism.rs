//! The X connector against Prism, which answers from X's own specifications and refuses what they do not allow: once
//! in the `tweet` vocabulary, once in the `post` one. The files are X's and lie outside the repository.

use std::path::PathBuf;

use pagekeeper::model::{Clock, Exchange, Kind, Platform, Secret};
use pagekeeper::platform::http::{Http, HttpSettings};
use pagekeeper::platform::{Endpoint, Errand, Error, Failure, Known, Target, x};

use crate::tools::{Server, free_port, node, node_folder, shared};

const SPECS: [(&str, &str); 2] =
    [("tweet", "openapi-2.166-tweet-names.json"), ("post", "openapi-2.167-post-names.json")];

/// The newer file's example is a repost, under which nothing is searched for but by `check-config`; nobody quotes in either.
const CALLS: [&str; 7] = [
    "/2/tweets",
    "/2/tweets/search/all",
    "/2/tweets/search/recent",
    "/2/users/by/username/mesavistahigh",
    "/2/users/{id}",
    "/2/users/{id}/mentions",
    "/2/users/{id}/tweets",
];

#[tokio::test]
async fn every_call_of_every_errand_is_one_that_x_specifies() {
    for (names, file) in SPECS {
        let prism = Prism::start(file);
        let mut asked = Vec::new();
        for (errand, target) in errands(names) {
            let mut walk = x::Walk::new(target, errand.clone(), &prism.endpoint());
            // Prism offers a further page after every page, so a walk here has no end of its own. And a backfill goes
            // on with the id that the profile gave: the newer file's example of one is no id.
            let steps = if names == "post" && matches!(errand, Errand::Backfill { .. }) { 1 } else { 4 };
            for _ in 0..steps {
                let Some(page) = walk.next(&prism.http, prism.http.clock().now()).await else { break };
                let page = page.unwrap_or_else(|e| panic!("{names}: {errand:?}: {:?}: {}", e.error, body(&e.exchange)));
                assert_eq!(page.exchange.status, 200);
                asked.push(path(&page.exchange.target));
            }
        }
        asked.sort();
        asked.dedup();
        let archive = Target { full_archive: true, ..target(names, "55") };
        x::probe(&prism.http, &archive, &prism.endpoint()).await.unwrap_or_else(|e| panic!("{names}: {:?}", e.error));
        let calls =
            CALLS.iter().filter(|call| !call.ends_with("/all") && (names == "tweet" || !call.ends_with("/recent")));
        assert_eq!(asked, calls.copied().collect::<Vec<_>>(), "{names}");
    }
}

#[tokio::test]
async fn the_specified_answers_are_read_as_posts() {
    for (names, file) in SPECS {
        let prism = Prism::start(file);
        let timeline = Errand::Recent { since: "2026-11-20T00:00:00Z".parse().unwrap() };
        let mut walk = x::Walk::new(target(names, "55"), timeline, &prism.endpoint());
        let page = walk.next(&prism.http, prism.http.clock().now()).await.unwrap().unwrap();
        let read = x::parse_posts(&page.exchange, &x::Names::default());
        assert_eq!(read.posts.len(), 1, "{names}: {:?}", page.problems);
        assert!(read.next.is_some());
        assert!(page.observations.iter().any(|item| item.kind == Kind::Post || item.kind == Kind::Reply));
    }
}

/// Prism makes answers up within what the file allows: odd, but never to be lost or to end a walk.
#[tokio::test]
async fn whatever_the_specification_allows_is_read_without_a_loss() {
    for (names, file) in SPECS {
        for seed in ["mesa", "vista"] {
            let prism = Prism::start_with(file, &["--dynamic", "--seed", seed]);
            let mut given = 0;
            for (errand, target) in errands(names) {
                let mut walk = x::Walk::new(target, errand.clone(), &prism.endpoint());
                let page = match walk.next(&prism.http, prism.http.clock().now()).await.unwrap() {
                    Ok(page) => page,
                    // Errors and no data: X's way to say that there is nothing there.
                    Err(Failure { error: Error::Gone { .. }, exchange: Some(exchange) }) => {
                        assert_eq!(posts(&exchange), 0, "{names}, {seed}: {errand:?}");
                        continue;
                    }
                    Err(failure) => panic!("{names}, {seed}: {errand:?}: {:?}", failure.error),
                };
                let posts = posts(&page.exchange);
                let kept = page.observations.iter().filter(|item| !item.superseded).count();
                assert!(kept + page.problems.len() >= posts, "{names}, {seed}: {errand:?}: {:?}", page.problems);
                given += posts;
            }
            assert!(given > 0, "{names}, {seed}");
        }
    }
}

/// Each errand with what it needs: by handle only, and by id.
fn errands(names: &str) -> Vec<(Errand, Target)> {
    let since = "2026-11-20T00:00:00Z".parse().unwrap();
    let known = |id: &str| Known { native_id: id.to_owned(), kind: Kind::Post, root: id.to_owned() };
    let revisit =
        Errand::Revisit { threads: vec![known("1790000000000000001")], check: vec![known("1790000000000000002")] };
    vec![
        (Errand::Profile, target(names, "")),
        (Errand::Profile, target(names, "55")),
        (Errand::Recent { since }, target(names, "55")),
        (Errand::Backfill { before: None }, target(names, "55")),
        (Errand::Backfill { before: Some(since) }, target(names, "55")),
        // Without an id of its own every thread is the walk's own: the example is somebody else's.
        (revisit, target(names, "")),
    ]
}

fn target(names: &str, native_id: &str) -> Target {
    Target {
        platform: Platform::X,
        native_id: native_id.to_owned(),
        handle: "mesavistahigh".to_owned(),
        token: Some(Secret::new("a-token-for-this-test")),
        app_secret: None,
        field_names: names.to_owned(),
        full_archive: false,
    }
}

struct Prism {
    _server: Server,
    base: String,
    http: Http,
}

impl Prism {
    /// Answers with the file's own examples.
    fn start(file: &str) -> Prism {
        Prism::start_with(file, &[])
    }

    fn start_with(file: &str, options: &[&str]) -> Prism {
        let port = free_port();
        let spec: PathBuf = shared().join("specs/x").join(file);
        let mut command = node();
        command.arg(node_folder().join("node_modules/.bin/prism"));
        command.args(["mock", "-h", "127.0.0.1", "-p", &port.to_string()]).args(options).arg(spec);
        let server = Server::start_when(&mut command, |line| {
            line.contains("Prism is listening").then_some(serde_json::Value::Null)
        });
        let settings = HttpSettings { requests_per_minute: 6_000, ..HttpSettings::default() };
        let http = Http::new(settings, Clock::System).unwrap();
        Prism { _server: server, base: format!("http://127.0.0.1:{port}"), http }
    }

    fn endpoint(&self) -> Endpoint {
        Endpoint {
            api_base: self.base.clone(),
            api_version: "2".to_owned(),
            directory_base: String::new(),
            secrets_dir: PathBuf::new(),
        }
    }
}

/// The path of a target, without host and query, each number in it as `{id}`.
fn path(target: &str) -> String {
    let rest = target.split_once("://").map_or(target, |(_, rest)| rest);
    let path = rest.find('/').map_or("", |at| &rest[at..]).split('?').next().unwrap_or_default();
    let is_id = |part: &str| part.len() > 1 && part.bytes().all(|byte| byte.is_ascii_digit());
    path.split('/').map(|part| if is_id(part) { "{id}" } else { part }).collect::<Vec<_>>().join("/")
}

/// How many posts an answer holds.
fn posts(exchange: &Exchange) -> usize {
    let body: serde_json::Value = serde_json::from_slice(&exchange.body).unwrap();
    body["data"].as_array().map_or(0, Vec::len)
}

fn body(exchange: &Option<Box<Exchange>>) -> String {
    exchange.as_ref().map_or_else(String::new, |e| String::from_utf8_lossy(&e.body).into_owned())
}
