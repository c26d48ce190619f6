//! Answers written by hand, given over real HTTP on loopback: what a walk asks for, in which order, and what it makes of it.
#![allow(clippy::unwrap_used, reason = "a test whose footing is gone ends here")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::IntoResponse;
use pagekeeper::model::{Answer, Clock, Observation, Page, Platform, Scope, Secret, Timestamp};
use pagekeeper::platform::http::{Http, HttpSettings};
use pagekeeper::platform::{self, Endpoint, Errand, Failure, Target};
use serde_json::Value;

pub const NOW: &str = "2026-11-22T12:00:00Z";
pub const SECRET: &str = "canary-of-a-credential";

/// One request: its path and its query.
pub struct Asked {
    pub path: String,
    pub query: BTreeMap<String, String>,
    /// The query as it came: some names come more than once.
    pub raw: String,
    /// Where this server stands.
    pub base: String,
    /// How often the very same request came before.
    pub before: usize,
}

impl Asked {
    pub fn get(&self, name: &str) -> &str {
        self.query.get(name).map_or("", String::as_str)
    }
}

/// A server on loopback that answers as a function says.
pub struct Replay {
    pub base: String,
    asked: Arc<Mutex<Vec<String>>>,
    headers: Arc<Mutex<Vec<HeaderMap>>>,
    pub http: Http,
    platform: Platform,
}

impl Replay {
    pub async fn start(platform: Platform, answer: impl Fn(&Asked) -> (u16, Value) + Send + Sync + 'static) -> Replay {
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let headers: Arc<Mutex<Vec<HeaderMap>>> = Arc::default();
        let (log, heads, answer) = (asked.clone(), headers.clone(), Arc::new(answer));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let here = base.clone();
        let app = axum::Router::new().fallback(move |uri: Uri, head: HeaderMap| {
            let (log, heads, answer, base) = (log.clone(), heads.clone(), answer.clone(), here.clone());
            async move {
                let before = log.lock().unwrap().iter().filter(|known| **known == uri.to_string()).count();
                log.lock().unwrap().push(uri.to_string());
                heads.lock().unwrap().push(head);
                let url = reqwest::Url::parse(&format!("http://localhost{uri}")).unwrap();
                let query = url.query_pairs().into_owned().collect();
                let raw = uri.query().unwrap_or_default().to_owned();
                let (status, body) = answer(&Asked { path: uri.path().to_owned(), query, raw, base, before });
                (StatusCode::from_u16(status).unwrap(), axum::Json(body)).into_response()
            }
        });
        tokio::spawn(async move { axum::serve(listener, app).await });
        let settings = HttpSettings { requests_per_minute: 1_000_000, ..HttpSettings::default() };
        let http = Http::new(settings, Clock::manual(NOW.parse().unwrap())).unwrap();
        Replay { base, asked, headers, http, platform }
    }

    pub fn target(&self, native_id: &str) -> Target {
        Target {
            platform: self.platform,
            native_id: native_id.to_owned(),
            handle: "mesavista".to_owned(),
            token: Some(Secret::new(SECRET)),
            app_secret: None,
            field_names: "tweet".to_owned(),
            full_archive: false,
        }
    }

    pub async fn walk(&self, native_id: &str, errand: Errand) -> Walked {
        let endpoint = Endpoint {
            api_base: self.base.clone(),
            api_version: String::new(),
            directory_base: self.base.clone(),
            secrets_dir: PathBuf::new(),
        };
        let mut walk = platform::walk(self.target(native_id), errand, &endpoint);
        let mut walked = Walked::default();
        while let Some(step) = walk.next(&self.http, self.http.clock().now()).await {
            match step {
                Ok(page) => walked.pages.push(page),
                Err(failure) => walked.failures.push(failure),
            }
            assert!(walked.pages.len() + walked.failures.len() < 500, "the walk does not end");
        }
        walked.unfinished = walk.unfinished().map(str::to_owned);
        for page in &walked.pages {
            assert!(!page.exchange.target.contains(SECRET));
            for seen in &page.observations {
                let raw: Value = serde_json::from_slice(&page.exchange.body[seen.raw.clone()]).unwrap();
                assert!(raw.is_object());
            }
        }
        walked
    }

    /// The requests so far, each as path and query.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    pub fn forget(&self) {
        self.asked.lock().unwrap().clear();
    }

    pub fn header(&self, name: &str) -> Vec<String> {
        let headers = self.headers.lock().unwrap();
        headers.iter().map(|head| head.get(name).map_or("", |value| value.to_str().unwrap()).to_owned()).collect()
    }
}

/// All that a walk gave.
#[derive(Default)]
pub struct Walked {
    pub pages: Vec<Page>,
    pub failures: Vec<Failure>,
    pub unfinished: Option<String>,
}

impl Walked {
    /// The current observation of each item, by id.
    pub fn items(&self) -> BTreeMap<&str, &Observation> {
        let seen = self.pages.iter().flat_map(|page| &page.observations).filter(|seen| !seen.superseded);
        seen.map(|seen| (seen.native_id.as_str(), seen)).collect()
    }

    pub fn ids(&self) -> Vec<&str> {
        self.items().into_keys().collect()
    }

    pub fn finished(&self) -> Vec<&Scope> {
        self.pages.iter().flat_map(|page| &page.finished).collect()
    }

    pub fn answers(&self) -> Vec<&Answer> {
        self.pages.iter().flat_map(|page| &page.answers).collect()
    }

    pub fn positions(&self) -> Vec<Timestamp> {
        self.pages.iter().filter_map(|page| page.position).collect()
    }

    /// Item and cause of each shortfall.
    pub fn shortfalls(&self) -> Vec<(Option<&str>, &str)> {
        let shortfalls = self.pages.iter().flat_map(|page| &page.shortfalls);
        shortfalls.map(|shortfall| (shortfall.item.as_deref(), shortfall.cause.as_str())).collect()
    }

    pub fn problems(&self) -> Vec<String> {
        let problems = self.pages.iter().flat_map(|page| &page.problems);
        problems.map(|problem| format!("{}: {}", problem.place, problem.what)).collect()
    }
}
