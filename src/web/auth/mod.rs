//! Signing in, sessions, and what a person may do.
//!
//! A request to a page behind the sign-in passes three walls: [`guard::same_site`] (the host is ours, a form comes from our own page),
//! [`required`] (somebody is signed in, and a form carries her session's token), and the right that its route names in [`Routes`].
//! Objects are looked up through [`scope`], which knows schools and categories.

pub mod guard;
pub mod join;
pub mod me;
pub mod oidc;
mod password;
mod rights;
pub mod scope;
pub mod sign_in;
#[cfg(test)]
mod tests;
mod totp;
mod vault;

use std::net::{IpAddr, SocketAddr};

use anyhow::Result;
use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{AppendHeaders, IntoResponse, Response};
use jiff::SignedDuration;
use sha2::{Digest as _, Sha256};

pub use rights::{Need, Routes};

use super::{Error, Site, see};
use crate::config::Config;
use crate::db::{Tx, sessions, users};
use crate::model::people::Rights;
use crate::model::{Secret, Timestamp};
use crate::platform::oidc::Provider;
use crate::seal::Hash;

/// How long a one-time link may be used.
const LINK_LIVES: SignedDuration = SignedDuration::from_hours(24);

/// The longest name of a user, and the longest part of a browser's own description that is kept.
const MOST_NAME: usize = 80;
const MOST_AGENT: usize = 200;

/// How long a browser is known.
const BROWSER_KNOWN_SECONDS: i64 = 180 * 24 * 60 * 60;

/// What signing in needs beside the database.
pub struct SignIn {
    vault: vault::Vault,
    passwords: password::Passwords,
    /// The digest of the one token that lets anybody in as any user: the demo's, and never a daemon's.
    demo: Option<Hash>,
    provider: Option<Provider>,
}

impl SignIn {
    /// Opens the key that seals second factors, and makes it where none is yet.
    pub fn open(config: &Config) -> Result<SignIn> {
        let vault = vault::Vault::open(&config.secrets_dir().join("users.key"))?;
        let (oidc, back) = (&config.web.oidc, config.link("/sign-in/oidc/back"));
        let provider = (!oidc.issuer.is_empty()).then(|| Provider::new(oidc, back)).transpose()?;
        Ok(SignIn { vault, passwords: password::Passwords::default(), demo: None, provider })
    }

    /// For a fictional district: whoever has the token comes in as whom she likes, in one step.
    pub fn for_demo(self, token: &Secret) -> SignIn {
        SignIn { demo: Some(digest("demo", token.reveal())), ..self }
    }

    /// A fresh random token of 128 bits.
    pub fn new_token() -> Result<Secret> {
        random(16).map(Secret::new)
    }
}

/// Who is in front of the browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub id: i64,
    /// As the record calls her, and nobody else ever.
    pub name: String,
    pub display_name: String,
    pub rights: Rights,
    /// The schools whose pages are hers to see; none: the whole district.
    pub schools: Vec<String>,
    /// Every form of hers carries it.
    pub form_token: String,
    session: Hash,
}

impl Person {
    /// Whether the pages of a school are hers to see.
    pub fn has_school(&self, school: &str) -> bool {
        self.schools.is_empty() || self.schools.iter().any(|own| own == school)
    }

    fn of(user: users::User, cookie: &str) -> Person {
        let standing = user.standing;
        Person {
            id: user.id,
            name: user.name,
            rights: Rights::of(&standing.roles, standing.concerns),
            display_name: standing.display_name,
            schools: standing.schools,
            form_token: form_token(cookie),
            session: digest("session", cookie),
        }
    }
}

/// The token of a session's forms: known to whoever has the cookie, and to nobody who has not.
pub fn form_token(cookie: &str) -> String {
    hex::encode(digest("form", cookie))
}

/// From where somebody asks.
#[derive(Debug, Clone)]
pub struct Client {
    pub address: String,
    pub agent: String,
    browser: Option<Hash>,
    session: Option<Hash>,
}

impl FromRequestParts<Site> for Client {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, site: &Site) -> Result<Client, Self::Rejection> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
        let names = Names::of(site);
        let digest_of = |what, name| cookie(&parts.headers, name).map(|value| digest(what, value));
        let agent = parts.headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
        Ok(Client {
            address: address(peer, &parts.headers).map_or_else(String::new, |address| address.to_string()),
            agent: agent.chars().take(MOST_AGENT).collect(),
            browser: digest_of("browser", names.browser),
            session: digest_of("session", names.session),
        })
    }
}

/// The address of whoever asks. Behind a proxy on this machine it is the one that the proxy saw: the last it wrote down.
fn address(peer: Option<IpAddr>, headers: &HeaderMap) -> Option<IpAddr> {
    let peer = peer?;
    let told = headers.get_all("x-forwarded-for").iter().filter_map(|line| line.to_str().ok()).next_back();
    let told = told.and_then(|line| line.rsplit(',').next()?.trim().parse().ok());
    Some(if peer.is_loopback() { told.unwrap_or(peer) } else { peer })
}

/// The cookies' names, and what is added to each: over https they are bound to the host.
struct Names {
    session: &'static str,
    browser: &'static str,
    secure: &'static str,
}

impl Names {
    fn of(site: &Site) -> Names {
        if site.config().web.public_url.starts_with("https://") {
            Names { session: "__Host-pagekeeper", browser: "__Host-pagekeeper-browser", secure: "; Secure" }
        } else {
            Names { session: "pagekeeper", browser: "pagekeeper-browser", secure: "" }
        }
    }
}

/// The values of the cookies of a session that was begun.
pub struct Entered {
    session: String,
    browser: String,
}

/// Begins a session: always with a value of our own making, and never beside the one that the browser had.
fn enter(tx: &Tx<'_>, user: i64, client: &Client, now: Timestamp) -> Result<Entered> {
    let entered = Entered { session: random(32)?, browser: random(32)? };
    if let Some(former) = &client.session {
        sessions::end(tx, former)?;
    }
    sessions::begin(tx, &digest("session", &entered.session), user, (&client.address, &client.agent), now)?;
    sessions::know(tx, &digest("browser", &entered.browser), client.browser.as_ref(), user, now)?;
    Ok(entered)
}

impl Entered {
    fn cookies(&self, site: &Site) -> AppendHeaders<[(header::HeaderName, String); 2]> {
        let Names { session, browser, secure } = Names::of(site);
        let longest = sessions::LONGEST.as_secs();
        let set = |name, value: &str, seconds: i64| {
            let cookie = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}");
            (header::SET_COOKIE, cookie)
        };
        AppendHeaders([set(session, &self.session, longest), set(browser, &self.browser, BROWSER_KNOWN_SECONDS)])
    }
}

pub async fn sign_out(State(site): State<Site>, person: axum::Extension<Person>) -> Result<Response, Error> {
    let session = person.session;
    site.db().writer.write_async(move |tx| sessions::end(tx, &session)).await?;
    let Names { session, secure, .. } = Names::of(&site);
    let cookie = format!("{session}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0{secure}");
    Ok(([(header::SET_COOKIE, cookie)], see("/sign-in")).into_response())
}

/// Lets a request through when somebody is signed in and, where it changes something, carries her session's token; others are shown
/// the sign-in.
pub async fn required(State(site): State<Site>, mut request: Request, next: Next) -> Response {
    let person = match person(&site, request.headers()).await {
        Ok(person) => person,
        Err(error) => return error.into_response(),
    };
    let Some(person) = person else { return to_sign_in(&request) };
    if !guard::is_safe(request.method()) {
        request = match guard::with_token(request, &person.form_token).await {
            Ok(request) => request,
            Err(error) => return error.into_response(),
        };
    }
    request.extensions_mut().insert(person);
    next.run(request).await
}

fn to_sign_in(request: &Request) -> Response {
    if request.method() == Method::GET {
        let wanted = request.uri().path_and_query().map_or("/", |wanted| wanted.as_str());
        return see(&format!("/sign-in?next={}", encoded(wanted)));
    }
    let say = "You are not signed in any more. Go back, sign in, and try again: nothing was recorded.";
    Error::Refused(StatusCode::FORBIDDEN, say.into()).into_response()
}

/// Who asks, as she stands now: what was taken from her a moment ago is gone already.
async fn person(site: &Site, headers: &HeaderMap) -> Result<Option<Person>, Error> {
    let Some(cookie) = cookie(headers, Names::of(site).session).map(str::to_owned) else { return Ok(None) };
    let now = site.clock().now();
    let found = site.blocking(move |site| {
        site.db().read(|conn| {
            let Some(session) = sessions::find(conn, &digest("session", &cookie), now)? else { return Ok(None) };
            let user = users::by_id(conn, session.user)?;
            Ok(user.map(|user| (Person::of(user, &cookie), session.is_due(now))))
        })
    });
    let Some((person, is_due)) = found.await? else { return Ok(None) };
    if is_due {
        let session = person.session;
        site.db().writer.write_async(move |tx| sessions::used(tx, &session, now)).await?;
    }
    Ok(Some(person))
}

/// Where somebody goes who asked for nothing else.
fn home(rights: Rights) -> &'static str {
    if rights.reads(crate::model::people::Thing::Register) { "/" } else { "/me" }
}

/// A path of our own to go on to; anything else leads to the overview.
fn local(next: &str) -> &str {
    let fine = next.starts_with('/')
        && !next.starts_with("//")
        && !next.contains('\\')
        && !next.contains(|c: char| c.is_control());
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

fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// A user's name as it is stored: case and the white space around it do not count.
pub fn stored_name(name: &str) -> Option<String> {
    let name = name.trim().to_lowercase();
    let fine = |c: char| c.is_alphanumeric() || ".-_@+".contains(c);
    (!name.is_empty() && name.chars().count() <= MOST_NAME && name.chars().all(fine)).then_some(name)
}

/// A one-time link for a user and the digest to keep of it: `https://…/join/TOKEN`, and until when.
pub fn new_link(config: &Config, now: Timestamp) -> Result<(String, Hash, Timestamp)> {
    let token = random(32)?;
    let link = format!("{}/join/{token}", config.web.public_url.trim_end_matches('/'));
    Ok((link, digest("link", &token), now.checked_add(LINK_LIVES)?))
}

/// What is kept of a secret of 80 bits or more; `what` keeps one kind from passing for another.
fn digest(what: &str, text: &str) -> Hash {
    let mut hash = Sha256::new_with_prefix(b"pagekeeper/sign-in/v1\0");
    hash.update(what.as_bytes());
    hash.update([0]);
    hash.update(text.as_bytes());
    hash.finalize().into()
}

/// A session of a user, as a sign-in begins one.
#[cfg(test)]
pub fn begin_for_test(db: &crate::db::Db, name: &str, now: Timestamp) -> Result<String> {
    let name = name.to_owned();
    db.writer.write(move |tx| {
        let user = users::by_name(tx, &name)?.ok_or_else(|| anyhow::anyhow!("there is no {name}"))?;
        let client = Client { address: "127.0.0.1".into(), agent: "test".into(), browser: None, session: None };
        Ok(enter(tx, user.id, &client, now)?.session)
    })
}

fn random(bytes: usize) -> Result<String> {
    let mut value = vec![0; bytes];
    getrandom::fill(&mut value).map_err(|error| anyhow::anyhow!("the system gives no random bytes: {error}"))?;
    Ok(hex::encode(value))
}
