//! The calls of the AT Protocol that are made, and what an account may be asked before any walk.

use std::collections::BTreeSet;

use super::identity::{Place, document_address, parse_document};
use super::judge::{self, judge};
use super::parse::parse_profile;
use crate::model::{Exchange, Found, Platform};
use crate::platform::http::{Call, Http, Trust};
use crate::platform::lenient::Body;
use crate::platform::{Endpoint, Error, Failure, Reached, Target};

/// Every call counts against the day's budget, whichever host it goes to.
pub const APP_METER: &str = "bluesky:app";
pub const POSTS: &str = "app.bsky.feed.post";
pub const REPOSTS: &str = "app.bsky.feed.repost";

/// Makes calls for one account.
pub struct Calls {
    pub target: Target,
    pub endpoint: Endpoint,
    /// The account's own server, once its document has named it.
    pub server: String,
}

impl Calls {
    pub fn new(mut target: Target, endpoint: Endpoint) -> Calls {
        target.handle = target.handle.trim_start_matches('@').to_owned();
        Calls { target, endpoint, server: String::new() }
    }

    /// The account in words.
    pub fn who(&self) -> &str {
        if self.target.handle.is_empty() { &self.target.native_id } else { &self.target.handle }
    }

    pub fn resolve(&self) -> Result<Call, Error> {
        Ok(self.view("com.atproto.identity.resolveHandle", "handle")?.query("handle", &self.target.handle))
    }

    pub fn document(&self, did: &str) -> Result<Call, Error> {
        let what = format!("Bluesky {}: DID document", self.who());
        let (base, path, foreign) = document_address(did, &self.endpoint.directory_base)
            .map_err(|why| Error::Unexpected { say: format!("{what}: {why}") })?;
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let call = Call::get(&base, &path, what)?.judge(judge).meter(meter(&base)).meter(APP_METER);
        Ok(if foreign { call.trust(Trust::foreign(&self.endpoint.api_base)) } else { call })
    }

    pub fn profile(&self) -> Result<Call, Error> {
        Ok(self.view("app.bsky.actor.getProfile", "profile")?.query("actor", &self.target.native_id))
    }

    pub fn records(&self, collection: &str) -> Result<Call, Error> {
        Ok(self
            .host(&self.server, "com.atproto.repo.listRecords", "records")?
            .query("repo", &self.target.native_id)
            .query("collection", collection)
            .query("limit", "100"))
    }

    /// One record, from the account's own server or another one.
    pub fn record(&self, uri: &str, server: Option<&str>) -> Result<Call, Error> {
        let Some(place) = Place::of(uri) else {
            return Err(Error::Unexpected {
                say: format!("Bluesky {}: {uri:?} is no address of a record", self.who()),
            });
        };
        Ok(self
            .host(server.unwrap_or(&self.server), "com.atproto.repo.getRecord", "one post")?
            .query("repo", place.did)
            .query("collection", place.collection)
            .query("rkey", place.rkey))
    }

    /// Whether somebody's repository is there, away, or no more.
    pub fn standing(&self, did: &str, server: &str) -> Result<Call, Error> {
        Ok(self.host(server, "com.atproto.sync.getRepoStatus", "an author's standing")?.query("did", did))
    }

    pub fn posts(&self, uris: &BTreeSet<String>) -> Result<Call, Error> {
        let call = self.view("app.bsky.feed.getPosts", "posts")?;
        Ok(uris.iter().fold(call, |call, uri| call.query("uris", uri)))
    }

    pub fn thread(&self, uri: &str, depth: usize) -> Result<Call, Error> {
        let call = self.view("app.bsky.feed.getPostThread", "answers")?;
        Ok(call.query("uri", uri).query("depth", &depth.to_string()).query("parentHeight", "0"))
    }

    /// A call to the AppView.
    fn view(&self, method: &str, what: &str) -> Result<Call, Error> {
        let call = Call::get(&self.endpoint.api_base, &["xrpc", method], format!("Bluesky {}: {what}", self.who()))?;
        Ok(call.judge(judge).meter(meter(&self.endpoint.api_base)).meter(APP_METER))
    }

    /// A call to a server that a DID document named.
    fn host(&self, server: &str, method: &str, what: &str) -> Result<Call, Error> {
        let call = Call::get(server, &["xrpc", method], format!("Bluesky {}: {what}", self.who()))?;
        Ok(call.judge(judge).meter(meter(server)).meter(APP_METER).trust(Trust::foreign(&self.endpoint.api_base)))
    }

    pub fn no_account(&self, exchange: Exchange) -> Failure {
        let say = format!(
            "Bluesky {}: there is no such account, or it is closed{}; look at it in a browser and correct the register if its \
             handle has changed",
            self.who(),
            judge::told(&exchange).words()
        );
        Failure { error: Error::Gone { say }, exchange: Some(Box::new(exchange)) }
    }

    /// The account's own server refuses what every server must give.
    pub fn refused(&self, exchange: Exchange, what: &str) -> Failure {
        let told = judge::told(&exchange);
        if told.withdrawn() || told.no_repository() {
            return self.no_account(exchange);
        }
        let say = format!(
            "Bluesky {}: {what}: the account's server refused (HTTP {}{})",
            self.who(),
            exchange.status,
            told.words()
        );
        Failure { error: Error::Unexpected { say }, exchange: Some(Box::new(exchange)) }
    }
}

/// Each host meters for itself.
fn meter(base: &str) -> String {
    let host = base.split_once("://").map_or(base, |(_, rest)| rest);
    format!("bluesky:{}", host.split('/').next().unwrap_or(host))
}

pub fn parse_did(exchange: &Exchange) -> Option<String> {
    let body = Body::of(exchange);
    body.root()?.str("did").filter(|did| did.starts_with("did:"))
}

/// Whether a repository is active, where the answer says so.
pub fn parse_standing(exchange: &Exchange) -> Option<bool> {
    Body::of(exchange).root()?.flag("active")
}

/// There is no credential, and so nothing it reaches: what is named is resolved.
pub async fn discover(http: &Http, target: &Target, endpoint: &Endpoint) -> Result<Vec<Reached>, Failure> {
    let mut calls = Calls::new(target.clone(), endpoint.clone());
    if calls.who().is_empty() {
        let say = "Bluesky: public reads need no credential, so none can say which accounts are the district's; put them into the register";
        return Err(Error::Unexpected { say: say.to_owned() }.into());
    }
    if calls.target.native_id.is_empty() {
        calls.target.native_id = calls.target.handle.clone();
    }
    let exchange = http.send(&calls.profile()?).await?;
    let (_, profile) = parse_profile(&exchange);
    let Some(profile) = profile else { return Err(calls.no_account(exchange)) };
    let (native_id, handle, name) = (profile.did, profile.handle, profile.name);
    Ok(vec![Reached { platform: Platform::Bluesky, native_id, handle, name, token: None }])
}

/// Goes the way from the handle to the account's own server and says what can be read, one line each.
pub async fn probe(http: &Http, target: &Target, endpoint: &Endpoint) -> Result<Vec<Found>, Failure> {
    let mut calls = Calls::new(target.clone(), endpoint.clone());
    if calls.target.native_id.is_empty() {
        let exchange = http.send(&calls.resolve()?).await?;
        let Some(did) = parse_did(&exchange) else { return Err(calls.no_account(exchange)) };
        calls.target.native_id = did;
    }
    let did = calls.target.native_id.clone();
    let exchange = http.send(&calls.document(&did)?).await?;
    match parse_document(&exchange, &did) {
        Ok(document) => calls.server = document.server,
        Err(_) => return Err(calls.no_account(exchange)),
    }
    let exchange = http.send(&calls.records(POSTS)?).await?;
    if !matches!(exchange.status, 200..=299) {
        return Err(calls.refused(exchange, "posts"));
    }
    let profile = parse_profile(&http.send(&calls.profile()?).await?).1;
    let (who, base) = (calls.who(), &endpoint.api_base);
    let shown = match profile {
        Some(_) => {
            format!("Bluesky {who}: the AppView at {base} shows it, so answers by others can be read, with their names")
        }
        None => format!("Bluesky {who}: the AppView at {base} does not show it: answers cannot be read"),
    };
    Ok(vec![
        Found::new(
            "posts",
            Some(true),
            format!("Bluesky {who}: posts are read from {}; no credential is needed", calls.server),
        ),
        Found::new("comments", Some(profile.is_some()), shown),
        Found::new(
            "hidden_comments",
            Some(true),
            format!("Bluesky {who}: answers that it hides are named in its own records"),
        ),
    ])
}
