//! Sign-in by one printed token, sessions, and the check that a form came from our own page.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};
use askama::Template;
use axum::Form;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use jiff::SignedDuration;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::{Error, Site, render, see, status};
use crate::model::{Secret, Timestamp};

/// A session ends when it was not used for this long …
const IDLE: SignedDuration = SignedDuration::from_mins(30);

/// … and after this long in any case.
const LONGEST: SignedDuration = SignedDuration::from_hours(12);

/// More sessions than people who could be here; the oldest one makes room.
const MOST_SESSIONS: usize = 500;

type Digest = [u8; 32];

/// The token that opens the web app, and who came in with it. Sessions live in memory: a restart signs everybody out.
#[derive(Debug, Clone)]
pub struct SignIn {
    token: Digest,
    sessions: Arc<Mutex<HashMap<Digest, Session>>>,
}

#[derive(Debug, Clone)]
struct Session {
    person: Person,
    made_at: Timestamp,
    used_at: Timestamp,
}

/// Who is in front of the browser, as she named herself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub name: String,
}

impl SignIn {
    /// A sign-in by this token. Only its digest is held.
    pub fn with(token: &Secret) -> SignIn {
        SignIn { token: digest(token.reveal()), sessions: Arc::default() }
    }

    /// A fresh random token of 128 bits.
    pub fn new_token() -> Result<Secret> {
        random(16).map(Secret::new)
    }

    /// The token that lies in `secrets/sign-in.token` under the secrets folder, made when it is not there yet.
    pub fn token_in(secrets: &Path) -> Result<Secret> {
        let file = secrets.join("sign-in.token");
        if !file.exists() {
            std::fs::create_dir_all(secrets).with_context(|| format!("make {}", secrets.display()))?;
            let token = SignIn::new_token()?;
            write_private(&file, token.reveal()).with_context(|| format!("write {}", file.display()))?;
        }
        crate::config::read_secret(&file)
    }

    /// Lets a person in who has the token: the new session's cookie value.
    fn enter(&self, token: &str, name: &str, now: Timestamp) -> Result<Option<String>> {
        // Digests are compared, so that the time taken tells nothing of the token.
        if digest(token.trim()) != self.token {
            return Ok(None);
        }
        let value = random(32)?;
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|_, session| session.lives(now));
        if sessions.len() >= MOST_SESSIONS
            && let Some(oldest) = sessions.iter().min_by_key(|(_, session)| session.used_at).map(|(key, _)| *key)
        {
            sessions.remove(&oldest);
        }
        let session = Session { person: Person { name: name.to_owned() }, made_at: now, used_at: now };
        sessions.insert(digest(&value), session);
        Ok(Some(value))
    }

    fn person(&self, cookie: &str, now: Timestamp) -> Option<Person> {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let session = sessions.get_mut(&digest(cookie)).filter(|session| session.lives(now))?;
        session.used_at = now;
        Some(session.person.clone())
    }

    fn leave(&self, cookie: &str) {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).remove(&digest(cookie));
    }
}

impl Session {
    fn lives(&self, now: Timestamp) -> bool {
        now.duration_since(self.used_at) < IDLE && now.duration_since(self.made_at) < LONGEST
    }
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct Page {
    district: String,
    next: String,
    wrong: Option<&'static str>,
}

#[derive(Debug, Default, Deserialize)]
pub struct After {
    #[serde(default)]
    next: String,
}

pub async fn page(
    State(site): State<Site>,
    axum::extract::Query(query): axum::extract::Query<After>,
) -> Result<Response, Error> {
    render(&Page { district: site.config().district.name.clone(), next: local(&query.next).to_owned(), wrong: None })
}

#[derive(Debug, Deserialize)]
pub struct Entry {
    token: String,
    name: String,
    #[serde(default)]
    next: String,
}

pub async fn sign_in(State(site): State<Site>, Form(entry): Form<Entry>) -> Result<Response, Error> {
    let next = local(&entry.next).to_owned();
    let name = entry.name.split_whitespace().collect::<Vec<_>>().join(" ");
    let refuse = |wrong| {
        let page = Page { district: site.config().district.name.clone(), next: next.clone(), wrong: Some(wrong) };
        render(&page).map(|page| status(StatusCode::FORBIDDEN, page))
    };
    if name.is_empty() || name.chars().count() > 80 || name.chars().any(char::is_control) {
        return refuse("Write your name, in at most 80 letters: the record names who reviewed.");
    }
    let Some(cookie) = site.sign_in().enter(&entry.token, &name, site.clock().now())? else {
        return refuse("This is not the token. It was printed when pagekeeper started.");
    };
    let (name, secure) = cookie_name(&site);
    let cookie = format!("{name}={cookie}; Path=/; HttpOnly; SameSite=Lax; Max-Age={}{secure}", LONGEST.as_secs());
    Ok(([(header::SET_COOKIE, cookie)], see(&next)).into_response())
}

pub async fn sign_out(State(site): State<Site>, headers: HeaderMap) -> Response {
    let (name, secure) = cookie_name(&site);
    if let Some(cookie) = cookie(&headers, name) {
        site.sign_in().leave(cookie);
    }
    let cookie = format!("{name}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0{secure}");
    ([(header::SET_COOKIE, cookie)], see("/sign-in")).into_response()
}

/// Lets a request through when somebody is signed in; others are shown the sign-in.
pub async fn required(State(site): State<Site>, mut request: Request, next: Next) -> Response {
    let (name, _) = cookie_name(&site);
    let person = cookie(request.headers(), name).and_then(|cookie| site.sign_in().person(cookie, site.clock().now()));
    match person {
        Some(person) => {
            request.extensions_mut().insert(person);
            next.run(request).await
        }
        None if request.method() == Method::GET => {
            let wanted = request.uri().path_and_query().map_or("/", |wanted| wanted.as_str());
            see(&format!("/sign-in?next={}", encoded(wanted)))
        }
        None => {
            let say = "You are not signed in any more. Go back, sign in, and try again: nothing was recorded.";
            Error::Refused(StatusCode::FORBIDDEN, say.into()).into_response()
        }
    }
}

/// Refuses a host that is not ours (a name that somebody else points here), and forms sent by other sites' pages.
pub async fn same_site(State(site): State<Site>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if !is_ours(&site, host) {
        let say = format!("This address is not pagekeeper's. Its own is {}", site.config().web.public_url);
        return Error::Refused(StatusCode::MISDIRECTED_REQUEST, say).into_response();
    }
    let safe = matches!(*request.method(), Method::GET | Method::HEAD);
    if !safe && !from_own_page(&site, headers, host) {
        let say =
            "The form was not sent from a page of pagekeeper. Open the page here and try again: nothing was recorded.";
        return Error::Refused(StatusCode::FORBIDDEN, say.into()).into_response();
    }
    next.run(request).await
}

fn is_ours(site: &Site, host: &str) -> bool {
    let own = |known: &String| known.eq_ignore_ascii_case(host);
    site.parts.hosts.iter().any(own) || crate::config::is_loopback(&format!("http://{host}"))
}

/// By the browser's own word where it gives one (`Sec-Fetch-Site`), else by `Origin`. Neither: refused.
fn from_own_page(site: &Site, headers: &HeaderMap, host: &str) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(fetch) = text("sec-fetch-site") {
        return fetch == "same-origin";
    }
    let Some(origin) = text("origin") else { return false };
    let from = host_of(origin);
    origin.contains("://") && (from.eq_ignore_ascii_case(host) || site.parts.hosts.iter().any(|own| own == from))
}

/// Host and port of a URL.
pub fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or_default()
}

/// A path of our own to go on to; anything else leads to the overview.
fn local(next: &str) -> &str {
    let fine = next.starts_with('/') && !next.starts_with("//") && !next.contains(['\\', '\r', '\n']);
    if fine { next } else { "/" }
}

/// A text as the value of a query.
fn encoded(text: &str) -> String {
    let letter = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(letter).collect()
}

/// The session cookie's name, and what is added to it: over https it is bound to the host.
fn cookie_name(site: &Site) -> (&'static str, &'static str) {
    if site.config().web.public_url.starts_with("https://") {
        ("__Host-pagekeeper", "; Secure")
    } else {
        ("pagekeeper", "")
    }
}

fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

fn digest(text: &str) -> Digest {
    Sha256::digest(text.as_bytes()).into()
}

fn random(bytes: usize) -> Result<String> {
    let mut value = vec![0; bytes];
    getrandom::fill(&mut value).map_err(|error| anyhow::anyhow!("the system gives no random bytes: {error}"))?;
    Ok(hex::encode(value))
}

fn write_private(file: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    writeln!(file, "{text}")
}
