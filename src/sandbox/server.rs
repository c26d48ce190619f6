//! Real HTTP on loopback: one listener a platform, so that paths are the platform's own.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State as Shared};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::misbehave::{self, Misbehavior, Plan};
use super::world::World;
use super::{bluesky, facebook, media, site, x, youtube};
use crate::model::Platform;

/// One of the hosts that the platforms' real ones stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Host {
    /// graph.facebook.com: Facebook and Instagram.
    Graph,
    /// api.x.com
    X,
    /// youtube.googleapis.com
    Youtube,
    /// public.api.bsky.app, and the personal data server at the same address.
    Bluesky,
    /// plc.directory
    Directory,
    /// The content delivery networks of all of them.
    Media,
    /// The district's own website.
    Site,
}

impl Host {
    pub const ALL: &'static [Host] =
        &[Host::Graph, Host::X, Host::Youtube, Host::Bluesky, Host::Directory, Host::Media, Host::Site];
}

/// What was asked, as a platform's file sees it.
#[derive(Debug, Clone)]
pub struct Ask {
    pub host: Host,
    pub method: String,
    pub path: String,
    /// Decoded, in order; a name may come twice.
    pub query: Vec<(String, String)>,
    pub headers: HeaderMap,
    /// Where this host and the others can be reached: scheme, host and port.
    pub bases: Arc<BTreeMap<Host, String>>,
    /// How many calls this sandbox has had before.
    pub number: u64,
}

impl Ask {
    /// The first value of a parameter.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The credential in the `Authorization` header.
    pub fn bearer(&self) -> Option<&str> {
        self.header("authorization").and_then(|value| value.strip_prefix("Bearer ").or(value.strip_prefix("OAuth ")))
    }

    /// The credential wherever it may stand: the header, Google's own header, or, as some clients do, the address.
    pub fn credential(&self) -> Option<&str> {
        let address = || self.param("access_token").or_else(|| self.param("key"));
        self.bearer().or_else(|| self.header("x-goog-api-key")).or_else(address)
    }

    pub fn base(&self, host: Host) -> &str {
        self.bases.get(&host).map_or("", String::as_str)
    }

    /// Where a medium's bytes are, signed until a week from now as the platforms sign their links.
    pub fn media_url(&self, medium: &super::world::Medium, now: crate::model::Timestamp) -> String {
        media::url(self.base(Host::Media), medium, now)
    }
}

/// What is answered, before anything goes wrong with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    /// JSON as it is.
    pub fn json(status: u16, value: &Value) -> Reply {
        Reply::new(status, "application/json; charset=utf-8", value.to_string().into_bytes())
    }

    pub fn new(status: u16, content_type: &str, body: Vec<u8>) -> Reply {
        Reply { status, headers: vec![("content-type".to_owned(), content_type.to_owned())], body }
    }

    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Reply {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

/// One call as it came in: for tests that count calls and look for secrets in addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub host: Host,
    pub method: String,
    pub path: String,
    /// The whole path and query as it stood in the request line.
    pub target: String,
    /// Whether a credential came in the `Authorization` header.
    pub bearer: bool,
    pub status: u16,
}

#[derive(Debug, Default)]
pub(super) struct Desk {
    pub plans: Vec<Plan>,
    pub seen: Vec<Seen>,
    pub calls: u64,
}

/// So many calls are remembered; a demo that runs for weeks forgets the older half now and then.
const REMEMBERED: usize = 200_000;

impl Desk {
    fn note(&mut self, seen: Seen) {
        self.calls += 1;
        if self.seen.len() >= REMEMBERED {
            self.seen.drain(..REMEMBERED / 2);
        }
        self.seen.push(seen);
    }
}

/// The platforms in small. They stop when this is dropped.
#[derive(Debug)]
pub struct Sandbox {
    world: World,
    bases: Arc<BTreeMap<Host, String>>,
    desk: Arc<Mutex<Desk>>,
    servers: Vec<JoinHandle<()>>,
}

#[derive(Clone)]
struct Counter {
    host: Host,
    world: World,
    bases: Arc<BTreeMap<Host, String>>,
    desk: Arc<Mutex<Desk>>,
}

impl Sandbox {
    /// Listens on free loopback ports. Fails when loopback cannot be listened on.
    pub async fn start(world: World) -> anyhow::Result<Sandbox> {
        let (mut listeners, mut bases) = (Vec::new(), BTreeMap::new());
        for host in Host::ALL.iter().copied() {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("sandbox: listen on loopback")?;
            let address = listener.local_addr().context("sandbox: read the port")?;
            bases.insert(host, format!("http://{address}"));
            listeners.push((host, listener));
        }
        let (bases, desk) = (Arc::new(bases), Arc::new(Mutex::new(Desk::default())));
        let servers = listeners.into_iter().map(|(host, listener)| {
            let counter = Counter { host, world: world.clone(), bases: bases.clone(), desk: desk.clone() };
            let app = Router::new().fallback(serve).with_state(counter);
            tokio::spawn(async move {
                if let Err(error) = axum::serve(listener, app).await {
                    tracing::warn!(%error, "sandbox server ended");
                }
            })
        });
        let servers = servers.collect();
        Ok(Sandbox { world, bases, desk, servers })
    }

    pub fn world(&self) -> &World {
        &self.world
    }

    /// What to put into `api_base`: scheme, host and port.
    pub fn base_url(&self, platform: Platform) -> String {
        self.base(match platform {
            Platform::Facebook | Platform::Instagram => Host::Graph,
            Platform::X => Host::X,
            Platform::Youtube => Host::Youtube,
            Platform::Bluesky => Host::Bluesky,
        })
    }

    /// What to put into Bluesky's `directory_base`.
    pub fn directory_base(&self) -> String {
        self.base(Host::Directory)
    }

    pub fn base(&self, host: Host) -> String {
        self.bases.get(&host).cloned().unwrap_or_default()
    }

    /// Goes wrong on the next `times` calls to a host whose path contains `path` (any, when empty).
    pub fn misbehave(&self, host: Host, path: &str, times: u32, what: Misbehavior) {
        self.misbehave_after(host, path, 0, times, what);
    }

    /// As [`Sandbox::misbehave`], but the first `skip` such calls go well.
    pub fn misbehave_after(&self, host: Host, path: &str, skip: u32, times: u32, what: Misbehavior) {
        self.desk().plans.push(Plan { host, path: path.to_owned(), account: None, skip, times, what });
    }

    /// Goes wrong on the next `times` calls about one account, by slug or native id: itself, what stands on its page, or, where the
    /// address does not tell, whatever is asked with its token.
    pub fn misbehave_for(&self, account: &str, times: u32, what: Misbehavior) {
        let platform = self.world.account(account).map(|account| (account.platform, account.id));
        let (host, account) = match platform {
            Some((Platform::X, id)) => (Host::X, id),
            Some((Platform::Youtube, id)) => (Host::Youtube, id),
            Some((Platform::Bluesky, id)) => (Host::Bluesky, id),
            Some((_, id)) => (Host::Graph, id),
            None => return,
        };
        self.desk().plans.push(Plan { host, path: String::new(), account: Some(account), skip: 0, times, what });
    }

    /// Everything goes well again.
    pub fn behave(&self) {
        self.desk().plans.clear();
    }

    /// Whether every planned misbehavior with an end has happened as often as it was to.
    pub fn is_exhausted(&self) -> bool {
        self.desk().plans.iter().all(|plan| plan.times == 0 || plan.times == u32::MAX)
    }

    /// Every call so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.desk().seen.clone()
    }

    pub fn forget_seen(&self) {
        self.desk().seen.clear();
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        for server in &self.servers {
            server.abort();
        }
    }
}

async fn serve(Shared(counter): Shared<Counter>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    // Forms come in the body where a platform takes a POST; nothing here is larger.
    let form = axum::body::to_bytes(body, 1 << 20).await.unwrap_or_default();
    let mut query = pairs(parts.uri.query().unwrap_or_default());
    query.extend(pairs(&String::from_utf8_lossy(&form)));
    let desk = || counter.desk.lock().unwrap_or_else(PoisonError::into_inner);
    let ask = Ask {
        host: counter.host,
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query,
        headers: parts.headers,
        bases: counter.bases.clone(),
        number: desk().calls,
    };
    let about = account_of(&counter.world, &ask);
    let plan = misbehave::due(&mut desk().plans, &ask, about.as_deref());
    let response = match plan {
        None => respond(answer(&counter.world, &ask)),
        Some(what) => misbehave::apply(&what, &counter.world, &ask, |ask| answer(&counter.world, ask)).await,
    };
    desk().note(Seen {
        host: ask.host,
        target: parts.uri.path_and_query().map_or_else(String::new, ToString::to_string),
        bearer: ask.bearer().is_some(),
        status: response.status().as_u16(),
        method: ask.method,
        path: ask.path,
    });
    response
}

/// The account a call is about: named in the address, or the owner of what is, or of the token.
fn account_of(world: &World, ask: &Ask) -> Option<String> {
    let state = world.lock();
    let named = |word: &str| {
        let account = state.accounts.iter().find(|account| account.id == word || account.handle == word);
        account.map(|account| account.id.clone()).or_else(|| state.item(word).map(|item| item.account.clone()))
    };
    // Lists of ids, X's `conversation_id:`, and the playlist of uploads, which has the channel's id but for a letter.
    let parts = |value: &str| {
        value.split([' ', ',']).map(|word| word.trim_start_matches("conversation_id:").to_owned()).collect::<Vec<_>>()
    };
    let listed = ask
        .query
        .iter()
        .flat_map(|(_, value)| [vec![value.clone(), value.replacen("UU", "UC", 1)], parts(value)].concat());
    let words: Vec<String> = ask.path.split('/').map(str::to_owned).chain(listed).collect();
    let token = || ask.bearer().or_else(|| ask.param("access_token")).and_then(|token| state.tokens.get(token));
    let owner = || match token().map(|token| &token.owner) {
        Some(super::world::Owner::Page(page)) => Some(page.clone()),
        _ => None,
    };
    words.iter().filter(|word| !word.is_empty()).find_map(|word| named(word)).or_else(owner)
}

fn pairs(query: &str) -> Vec<(String, String)> {
    let uri = format!("/?{query}").parse().unwrap_or_default();
    axum::extract::Query::try_from_uri(&uri).map(|axum::extract::Query(pairs)| pairs).unwrap_or_default()
}

/// What the platform says when all goes well. A closed list: a new platform is added here.
fn answer(world: &World, ask: &Ask) -> Reply {
    match ask.host {
        Host::Graph => facebook::answer(world, ask),
        Host::Media if ask.path.starts_with("/img/") => bluesky::image(world, ask),
        Host::Media => media::answer(world, ask),
        Host::X => x::answer(world, ask),
        Host::Youtube => youtube::answer(world, ask),
        Host::Bluesky => bluesky::answer(world, ask),
        Host::Directory => bluesky::directory(world, ask),
        Host::Site => site::answer(world, ask),
    }
}

/// A reply as it goes over the wire when nothing is wrong with it.
pub(super) fn respond(reply: Reply) -> Response {
    let mut response = Response::new(Body::from(reply.body));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in reply.headers {
        if let (Ok(name), Ok(value)) = (name.parse::<axum::http::HeaderName>(), value.parse()) {
            response.headers_mut().append(name, value);
        }
    }
    response
}
