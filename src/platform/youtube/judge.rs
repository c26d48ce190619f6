//! What YouTube's refusals mean. The reason in the body decides, not the status.

use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, ToSpan};

use crate::model::{Exchange, Timestamp};
use crate::platform::Error;
use crate::platform::http::{Verdict, told_wait};
use crate::platform::lenient::Body;

/// Reads status and reason. States of a video (`commentsDisabled`, `videoNotFound`) and `processingFailure` are the
/// caller's to read.
pub fn judge(exchange: &Exchange, what: &str) -> Verdict {
    let told = reason(exchange);
    let reason = told.reason.as_str();
    match (exchange.status, reason) {
        (200..=299, _) if told.json => Verdict::Take,
        (200..=299, _) => Verdict::Again(format!("{what}: the answer was no JSON, perhaps cut short")),
        (_, "quotaExceeded" | "dailyLimitExceeded" | "dailyLimitExceededUnreg") => {
            Verdict::Refuse(used_up(exchange, what))
        }
        (429, _) | (_, "rateLimitExceeded" | "userRateLimitExceeded" | "RATE_LIMIT_EXCEEDED") => {
            Verdict::Refuse(too_fast(exchange, what))
        }
        (500.., _) | (_, "backendError" | "internalError") => {
            Verdict::Again(format!("{what}: YouTube answered with trouble of its own (HTTP {})", exchange.status))
        }
        (400, "processingFailure" | "invalidPageToken") | (403, "commentsDisabled") | (404, _) => Verdict::Take,
        (400, _) if told.key => {
            refuse(what, "does not accept the API key; write a valid one to the api_key_file of [platform.youtube]")
        }
        (401, _) => {
            refuse(what, "wants another credential; write an API key to the api_key_file of [platform.youtube]")
        }
        (403, "accessNotConfigured" | "SERVICE_DISABLED") => refuse(
            what,
            "is not switched on for the key's project; enable \"YouTube Data API v3\" in the Google Cloud console",
        ),
        (403, "ipRefererBlocked" | "API_KEY_IP_ADDRESS_BLOCKED" | "API_KEY_SERVICE_BLOCKED") => {
            refuse(what, "refuses the key from this server; allow its address and this API in the key's restrictions")
        }
        (403, _) => refuse(
            what,
            &format!("forbids it ({}); look at the key's project in the Google Cloud console", told.words()),
        ),
        (status, _) => Verdict::Refuse(Error::Unexpected {
            say: format!("{what}: YouTube refused the request (HTTP {status}, {})", told.words()),
        }),
    }
}

/// When YouTube's daily units are given anew: midnight Pacific.
pub fn refill(now: Timestamp) -> Timestamp {
    let pacific =
        TimeZone::get("America/Los_Angeles").unwrap_or_else(|_no_zones| TimeZone::fixed(Offset::constant(-8)));
    let tomorrow = now.to_zoned_datetime(pacific).tomorrow().and_then(|tomorrow| tomorrow.start_of_day());
    tomorrow.map_or_else(|_out_of_range| now.checked_add(24.hours()).unwrap_or(Timestamp::MAX), |day| day.timestamp())
}

fn used_up(exchange: &Exchange, what: &str) -> Error {
    let until = refill(exchange.at);
    let say = format!(
        "{what}: the key's daily units are used up; nothing more is asked before {} (midnight Pacific). Lower \
         requests or ask Google for more units",
        until.strftime("%Y-%m-%d %H:%M UTC")
    );
    Error::RateLimited { until, say }
}

fn too_fast(exchange: &Exchange, what: &str) -> Error {
    let until = told_wait(exchange)
        .unwrap_or_else(|| exchange.at.checked_add(SignedDuration::from_secs(60)).unwrap_or(Timestamp::MAX));
    let say = format!(
        "{what}: YouTube was asked too often; nothing more is asked before {}",
        until.strftime("%Y-%m-%d %H:%M UTC")
    );
    Error::RateLimited { until, say }
}

fn refuse(what: &str, mend: &str) -> Verdict {
    Verdict::Refuse(Error::Unauthorized { say: format!("{what}: YouTube {mend}") })
}

/// Why YouTube refused, as its error body says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    pub json: bool,
    pub reason: String,
    message: String,
    /// It is the key itself that is refused.
    key: bool,
}

impl Told {
    fn words(&self) -> String {
        let said = if self.message.is_empty() { &self.reason } else { &self.message };
        if said.is_empty() { "without a reason".to_owned() } else { said.chars().take(160).collect() }
    }
}

pub fn reason(exchange: &Exchange) -> Told {
    let body = Body::of(exchange);
    let Some(root) = body.root() else { return Told::default() };
    let Some(error) = root.obj("error") else { return Told { json: true, ..Told::default() } };
    let details = error.objects("details").iter().find_map(|detail| detail.str("reason"));
    let reasons = error.objects("errors");
    // The older list has the finer word, unless it says no more than that the request was bad.
    let reason = reasons.iter().find_map(|reason| reason.str("reason")).filter(|reason| reason != "badRequest");
    let message = error.str("message").unwrap_or_default();
    let key = details.as_deref() == Some("API_KEY_INVALID") || message.contains("API key");
    Told { json: true, reason: reason.or(details).unwrap_or_default(), message, key }
}
