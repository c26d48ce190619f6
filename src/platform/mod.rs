//! The only talk with platforms: one HTTP client, one file a platform.
//!
//! A [`Walk`] is pulled: each [`Walk::next`] makes one exchange, parses it (pure and total, invariant 9) and returns the
//! [`Page`] to be committed before the next call. A walk keeps its own paging tokens and never gives them away: what is
//! stored across runs is a time (`Page::position`).

pub mod bluesky;
mod edges;
mod elements;
pub mod facebook;
mod graph;
mod guard;
pub mod http;
pub mod instagram;
mod json;
pub mod lenient;
mod listing;
pub mod media;
mod meters;
pub mod permissions;
pub mod oidc;
mod redact;
pub mod tokens;
mod unreachable;
pub mod webpage;
pub mod x;
pub mod youtube;

use std::path::PathBuf;

pub use self::http::Http;
use crate::config::{Config, PlatformConfig};
use crate::model::{Attempt, Exchange, Found, Kind, Page, Platform, Secret, Timestamp};

/// What went wrong with an exchange, as far as a caller acts on it. Each carries words for an operator.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// The platform meters us: nothing more for this account before `until`.
    #[error("{say}")]
    RateLimited { until: Timestamp, say: String },
    /// The credential is missing, dead or may not do this: nothing will work until a person mends it.
    #[error("{say}")]
    Unauthorized { say: String },
    /// The platform says that this one thing is not there (any more), or is not shown to us.
    #[error("{say}")]
    Gone { say: String },
    /// Worth another try later: network, timeouts, 5xx.
    #[error("{say}")]
    Transient { say: String },
    /// An answer that makes no sense here.
    #[error("{say}")]
    Unexpected { say: String },
}

impl Error {
    /// Whether a walk may go on with what does not depend on the failed exchange.
    pub fn passes(&self) -> bool {
        matches!(self, Error::Gone { .. } | Error::Transient { .. } | Error::Unexpected { .. })
    }
}

/// A failed step of a walk, with the exchange that shows it where there was one.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    pub error: Error,
    pub exchange: Option<Box<Exchange>>,
}

impl Failure {
    /// The same, with what the call had met before.
    fn after(mut self, earlier: Vec<Attempt>) -> Failure {
        if let Some(exchange) = &mut self.exchange {
            exchange.earlier = earlier;
        }
        self
    }

    /// The failed exchange with its reason, where there was one that may be kept.
    fn attempt(self) -> Option<Attempt> {
        Some(Attempt { exchange: *self.exchange?, say: self.error.to_string() })
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure { error, exchange: None }
    }
}

/// The account a walk is over, and with what credential.
#[derive(Debug, Clone)]
pub struct Target {
    pub platform: Platform,
    /// Empty when only the handle is known yet: the profile fills it in.
    pub native_id: String,
    pub handle: String,
    /// The credential for this very account, where the platform wants one.
    pub token: Option<Secret>,
    /// Meta: with it each call carries a proof.
    pub app_secret: Option<Secret>,
    /// X: `tweet` or `post`. Others ignore it.
    pub field_names: String,
    /// X: whether answers of any age may be searched for. Others ignore it.
    pub full_archive: bool,
}

/// One item to look at again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    pub native_id: String,
    pub kind: Kind,
    /// The root it stands under; itself for a post.
    pub root: String,
}

/// What a walk is to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Errand {
    /// Posts written since then, and their comments to the end.
    Recent { since: Timestamp },
    /// Everything the platform gives, newest first, from `before` on where an earlier run got so far.
    Backfill { before: Option<Timestamp> },
    /// These threads read again in whole, and these items each by a direct read.
    Revisit { threads: Vec<Known>, check: Vec<Known> },
    /// The account's own facts, settings, people and applications.
    Profile,
}

/// An account that a credential reaches, for `accounts discover`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    pub platform: Platform,
    pub native_id: String,
    pub handle: String,
    pub name: String,
    /// The account's own credential where one came along (Meta page tokens): stored as a secret, never shown.
    pub token: Option<Secret>,
}

/// Where the platform's API stands and which version is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Scheme, host and port, without a trailing slash.
    pub api_base: String,
    pub api_version: String,
    /// Bluesky: the PLC directory.
    pub directory_base: String,
    /// Where page tokens and the like that the program obtains are kept.
    pub secrets_dir: PathBuf,
}

impl Endpoint {
    /// Where a platform's API stands, by the config.
    pub fn of(config: &Config, platform: Platform) -> Endpoint {
        let section = config.platform(platform);
        Endpoint {
            api_base: section.map(|section| section.api_base.trim_end_matches('/').to_owned()).unwrap_or_default(),
            api_version: section.map(|section| section.api_version.clone()).unwrap_or_default(),
            directory_base: section.and_then(|section| section.directory_base.clone()).unwrap_or_default(),
            secrets_dir: config.secrets_dir(),
        }
    }
}

impl Target {
    /// An account yet to be named, with a credential and what the config says of the platform.
    pub fn unnamed(config: &Config, platform: Platform, token: Option<Secret>) -> anyhow::Result<Target> {
        let section = config.platform(platform);
        let names = section.and_then(|section| section.field_names);
        Ok(Target {
            platform,
            native_id: String::new(),
            handle: String::new(),
            token,
            app_secret: section.map(PlatformConfig::app_secret).transpose()?.flatten(),
            field_names: names.map_or_else(|| "tweet".to_owned(), |names| names.as_str().to_owned()),
            full_archive: section.is_some_and(|section| section.full_archive == Some(true)),
        })
    }
}

/// One errand over one account, pulled exchange by exchange.
pub enum Walk {
    Facebook(Box<facebook::Walk>),
    Instagram(Box<instagram::Walk>),
    X(Box<x::Walk>),
    Youtube(Box<youtube::Walk>),
    Bluesky(Box<bluesky::Walk>),
}

/// Sets out on an errand.
pub fn walk(target: Target, errand: Errand, endpoint: &Endpoint) -> Walk {
    match target.platform {
        Platform::Facebook => Walk::Facebook(Box::new(facebook::Walk::new(target, errand, endpoint))),
        Platform::Instagram => Walk::Instagram(Box::new(instagram::Walk::new(target, errand, endpoint))),
        Platform::X => Walk::X(Box::new(x::Walk::new(target, errand, endpoint))),
        Platform::Youtube => Walk::Youtube(Box::new(youtube::Walk::new(target, errand, endpoint))),
        Platform::Bluesky => Walk::Bluesky(Box::new(bluesky::Walk::new(target, errand, endpoint))),
    }
}

impl Walk {
    /// Makes one exchange and gives what it held; `None` when the walk is over. After a failure that may pass
    /// ([`Error::Transient`], [`Error::Gone`], [`Error::Unexpected`]) the walk may be continued: what failed is left out
    /// and no scope that depended on it is ever finished.
    pub async fn next(&mut self, http: &Http, now: Timestamp) -> Option<Result<Page, Failure>> {
        match self {
            Walk::Facebook(walk) => walk.next(http, now).await,
            Walk::Instagram(walk) => walk.next(http, now).await,
            Walk::X(walk) => walk.next(http, now).await,
            Walk::Youtube(walk) => walk.next(http, now).await,
            Walk::Bluesky(walk) => walk.next(http, now).await,
        }
    }

    /// What was not read though no exchange failed, in words, and what a person can do: pages that repeat themselves, an object
    /// that could not be read. `None` when there is nothing to say, or a failure or a gap of the walk has said it.
    pub fn unfinished(&self) -> Option<&str> {
        match self {
            Walk::Facebook(walk) => walk.unfinished(),
            Walk::Instagram(walk) => walk.unfinished(),
            Walk::X(walk) => walk.unfinished(),
            Walk::Youtube(walk) => walk.unfinished(),
            Walk::Bluesky(walk) => walk.unfinished(),
        }
    }
}

/// What a credential reaches. `target` carries platform and credential; nothing else of it is looked at.
pub async fn discover(http: &Http, target: &Target, endpoint: &Endpoint) -> Result<Vec<Reached>, Failure> {
    match target.platform {
        Platform::Facebook | Platform::Instagram => facebook::discover(http, target, endpoint).await,
        Platform::X => x::discover(http, target, endpoint).await,
        Platform::Youtube => youtube::discover(http, target, endpoint).await,
        Platform::Bluesky => bluesky::discover(http, target, endpoint).await,
    }
}

/// What a credential may read of an account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Probed {
    pub found: Vec<Found>,
    /// Whether it reads the account's own posts, without which nothing is kept.
    pub reads: bool,
}

impl From<Result<Vec<Found>, Failure>> for Probed {
    fn from(probed: Result<Vec<Found>, Failure>) -> Probed {
        let found = probed.unwrap_or_else(|failure| vec![Found::new("posts", Some(false), failure.error.to_string())]);
        let refused = |found: &Found| found.what == "posts" && found.given == Some(false);
        Probed { reads: !found.iter().any(refused), found }
    }
}

/// Tries a credential on an account.
pub async fn probe(http: &Http, target: &Target, endpoint: &Endpoint) -> Probed {
    match target.platform {
        Platform::Facebook => facebook::probe(http, target, endpoint).await,
        Platform::Instagram => instagram::probe(http, target, endpoint).await,
        Platform::X => x::probe(http, target, endpoint).await.into(),
        Platform::Youtube => youtube::probe(http, target, endpoint).await.into(),
        Platform::Bluesky => bluesky::probe(http, target, endpoint).await.into(),
    }
}
