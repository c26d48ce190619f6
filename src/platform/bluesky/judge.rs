//! What refusals on the AT Protocol mean.

use jiff::SignedDuration;

use crate::model::{Exchange, Timestamp};
use crate::platform::Error;
use crate::platform::http::{Verdict, told_wait};
use crate::platform::lenient::Body;

/// 429 parks, 5xx passes; what 400, 404 and 501 say with a JSON body is the caller's to read.
pub fn judge(exchange: &Exchange, what: &str) -> Verdict {
    let told = told(exchange);
    match exchange.status {
        200..=299 if told.json => Verdict::Take,
        200..=299 => Verdict::Again(format!("{what}: the answer was no JSON, perhaps cut short")),
        400 | 404 | 410 | 501 if told.json => Verdict::Take,
        429 => Verdict::Refuse(limited(exchange, what)),
        500.. => {
            Verdict::Again(format!("{what}: the server answered with trouble of its own (HTTP {})", exchange.status))
        }
        401 | 403 => Verdict::Refuse(Error::Unauthorized {
            say: format!(
                "{what}: the server wants a sign-in (HTTP {}{}); public reads need none at https://public.api.bsky.app, see api_base \
                 in [platform.bluesky]",
                exchange.status,
                told.words()
            ),
        }),
        status => Verdict::Refuse(Error::Unexpected {
            say: format!("{what}: the server refused the request (HTTP {status}{})", told.words()),
        }),
    }
}

fn limited(exchange: &Exchange, what: &str) -> Error {
    let later = exchange.at.checked_add(SignedDuration::from_mins(5)).unwrap_or(Timestamp::MAX);
    let until = told_wait(exchange).unwrap_or(later);
    let say = format!("{what}: asked too often; nothing more is asked before {}", until.strftime("%Y-%m-%d %H:%M UTC"));
    Error::RateLimited { until, say }
}

/// The error of an answer: a word and a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    pub json: bool,
    pub error: String,
    pub message: String,
}

impl Told {
    pub fn words(&self) -> String {
        // Messages quote ids and parameters, never content.
        let said = if self.message.is_empty() { &self.error } else { &self.message };
        if said.is_empty() { String::new() } else { format!(": {}", said.chars().take(160).collect::<String>()) }
    }

    /// Whether the one thing that was asked for is not there. Servers say so in several ways, all with 400 or 404.
    pub fn absent(&self) -> bool {
        matches!(self.error.as_str(), "NotFound" | "RecordNotFound")
            || (self.error == "InvalidRequest" && self.message.starts_with("Could not locate record"))
    }

    /// Whether the author's account as a whole is away for now: not a deletion of anything.
    pub fn withdrawn(&self) -> bool {
        let word = self.error.as_str();
        matches!(word, "RepoDeactivated" | "RepoSuspended" | "RepoTakendown" | "AccountDeactivated" | "AccountTakedown")
    }

    /// Whether the server has no such repository to show. To a read of one record it says so of deactivated ones too.
    pub fn no_repository(&self) -> bool {
        self.error == "RepoNotFound" || self.message.starts_with("Could not find repo")
    }
}

pub fn told(exchange: &Exchange) -> Told {
    let body = Body::of(exchange);
    let Some(root) = body.root() else { return Told::default() };
    if matches!(exchange.status, 200..=299) {
        return Told { json: true, ..Told::default() };
    }
    Told { json: true, error: root.str("error").unwrap_or_default(), message: root.str("message").unwrap_or_default() }
}
