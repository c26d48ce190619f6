//! The one HTTP client: ceilings, parking, budgets, retries, caps, deadlines and the blanking of secrets.
//!
//! A [`Call`] is typed: secrets go into its `auth` or `proof` and nowhere else, and what comes back is blanked before
//! anybody parses or hashes it (invariant 10).

#![allow(clippy::disallowed_types, reason = "the one place that sends requests")]

use std::time::Duration;

use anyhow::Context as _;
use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderValue};

use super::guard::{self, Guard};
use super::meters::Meters;
use super::redact;
use super::unreachable::unreachable_host;
use super::{Error, Failure};
use crate::model::{Clock, Exchange, Secret, Timestamp};

/// What the operator fixes for every exchange.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    pub user_agent: String,
    /// From the first byte sent to the last byte read, however steadily they drip.
    pub deadline: Duration,
    /// The most bytes of a decoded body. An answer of a hundred items is some hundred kilobytes.
    pub max_body: usize,
    /// How often one call is sent at most, the first time included.
    pub attempts: u32,
    /// The ceiling of each thing that a platform meters, unless [`Http::set_ceiling`] says otherwise.
    pub requests_per_minute: u32,
}

impl Default for HttpSettings {
    fn default() -> HttpSettings {
        HttpSettings {
            user_agent: concat!("pagekeeper/", env!("CARGO_PKG_VERSION")).to_owned(),
            deadline: Duration::from_secs(60),
            max_body: 12 << 20,
            attempts: 3,
            requests_per_minute: 120,
        }
    }
}

/// How a call shows who we are.
#[derive(Debug, Clone, Default)]
pub enum Auth {
    #[default]
    None,
    Bearer(Secret),
    Header(&'static str, Secret),
}

/// Who chose the host of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Trust {
    /// The operator did, in the config: private addresses are the operator's business.
    #[default]
    Configured,
    /// Somebody else did (a DID document, a media URL): public addresses only.
    Foreign,
    /// Somebody else did while the operator's own API stands on loopback: loopback is allowed as well.
    ForeignOrLoopback,
}

impl Trust {
    /// The trust in hosts that others name, for an operator whose API stands at `api_base`.
    pub fn foreign(api_base: &str) -> Trust {
        match Url::parse(api_base) {
            Ok(url) if guard::is_loopback(&url) => Trust::ForeignOrLoopback,
            _ => Trust::Foreign,
        }
    }
}

/// What a platform thinks of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// To be read by the caller.
    Take,
    /// Trouble that may pass: try again, and give up as [`Error::Transient`] with these words.
    Again(String),
    /// A [`Error::RateLimited`] also parks the call's first meter.
    Refuse(Error),
}

/// Reads an answer's status, headers and body.
pub type Judge = fn(&Exchange, &str) -> Verdict;

/// One request, with secrets only where they belong.
#[derive(Debug, Clone)]
pub struct Call {
    pub method: reqwest::Method,
    /// The URL with its query, without any secret.
    pub url: Url,
    /// Meta's proof: the one query parameter that is secret. It is blanked in the captured target.
    pub proof: Option<(&'static str, Secret)>,
    /// What goes in the body of a POST: where a platform wants secrets as parameters.
    pub form: Vec<(&'static str, Secret)>,
    pub auth: Auth,
    /// What the platform meters, finest first: `facebook:page:123`, `facebook:app`, …
    pub meters: Vec<String>,
    /// How many units it costs of each meter's budget.
    pub cost: u64,
    pub trust: Trust,
    /// False for exchanges that carry or return a secret: no failure carries them as evidence either.
    pub capture: bool,
    pub judge: Judge,
    /// What the call is for, in words that begin an error: `Facebook page Mesa Vista High: comments`.
    pub what: String,
}

impl Call {
    /// A GET of `segments` under `base`, each segment encoded by itself.
    pub fn get(base: &str, segments: &[&str], what: impl Into<String>) -> Result<Call, Error> {
        let what = what.into();
        let mut url = Url::parse(base)
            .map_err(|error| Error::Unexpected { say: format!("{what}: {base:?} is not an address: {error}") })?;
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        Ok(Call {
            method: reqwest::Method::GET,
            url,
            proof: None,
            form: Vec::new(),
            auth: Auth::None,
            meters: Vec::new(),
            cost: 1,
            trust: Trust::Configured,
            capture: true,
            judge: plain_judge,
            what,
        })
    }

    pub fn query(mut self, name: &str, value: &str) -> Call {
        self.url.query_pairs_mut().append_pair(name, value);
        self
    }

    pub fn auth(mut self, auth: Auth) -> Call {
        self.auth = auth;
        self
    }

    pub fn proof(mut self, proof: Option<(&'static str, Secret)>) -> Call {
        self.proof = proof;
        self
    }

    /// Makes it a POST with these parameters in its body.
    pub fn form(mut self, form: Vec<(&'static str, Secret)>) -> Call {
        (self.method, self.form) = (reqwest::Method::POST, form);
        self
    }

    pub fn meter(mut self, name: impl Into<String>) -> Call {
        self.meters.push(name.into());
        self
    }

    pub fn cost(mut self, units: u64) -> Call {
        self.cost = units;
        self
    }

    pub fn trust(mut self, trust: Trust) -> Call {
        self.trust = trust;
        self
    }

    pub fn judge(mut self, judge: Judge) -> Call {
        self.judge = judge;
        self
    }

    /// Marks the exchange as one that carries or returns a secret.
    pub fn secret(mut self) -> Call {
        self.capture = false;
        self
    }

    fn secrets(&self) -> Vec<Secret> {
        let mut secrets = Vec::new();
        if let Auth::Bearer(secret) | Auth::Header(_, secret) = &self.auth {
            secrets.push(secret.clone());
        }
        secrets.extend(self.proof.iter().chain(&self.form).map(|(_, secret)| secret.clone()));
        secrets
    }
}

/// The client. Cheap to share by reference; one a process, so that ceilings and parking hold for all.
pub struct Http {
    clock: Clock,
    settings: HttpSettings,
    configured: reqwest::Client,
    foreign: reqwest::Client,
    foreign_or_loopback: reqwest::Client,
    pub(super) meters: Meters,
}

impl Http {
    /// Fails when the system offers no TLS roots or the user agent cannot stand in a header.
    pub fn new(settings: HttpSettings, clock: Clock) -> anyhow::Result<Http> {
        // Somebody else in the process may have installed one: any provider will do.
        let _already_installed = rustls::crypto::ring::default_provider().install_default();
        Ok(Http {
            configured: client(&settings, Guard::Anything)?,
            foreign: client(&settings, Guard::Public)?,
            foreign_or_loopback: client(&settings, Guard::PublicOrLoopback)?,
            meters: Meters::new(clock.clone(), settings.requests_per_minute),
            clock,
            settings,
        })
    }

    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Fixes the ceiling of a meter, or of every meter whose name begins with `prefix`.
    pub fn set_ceiling(&self, prefix: &str, requests_per_minute: u32) {
        self.meters.set_ceiling(prefix, requests_per_minute);
    }

    /// As a ceiling, with the calls spread evenly over the minute: for platforms that also count the second.
    pub fn set_pace(&self, prefix: &str, requests_per_minute: u32) {
        self.meters.set_pace(prefix, requests_per_minute);
    }

    /// What may still be spent on a meter before `refill`: the caller counts across runs, in the database.
    pub fn set_budget(&self, meter: &str, units: u64, refill: Timestamp) {
        self.meters.set_budget(meter, units, refill);
    }

    /// What has been spent on each meter since this was last asked.
    pub fn take_spent(&self) -> Vec<(String, u64)> {
        self.meters.take_spent()
    }

    /// What has been spent on one meter since this was last asked.
    pub fn take_spent_on(&self, meter: &str) -> u64 {
        self.meters.take_spent_on(meter)
    }

    /// Until when nothing may be sent on a meter, where that is so.
    pub fn parked(&self, meter: &str) -> Option<Timestamp> {
        self.meters.parked(meter)
    }

    /// Nothing more on this meter before `until` (at most a day from now).
    pub fn park(&self, meter: &str, until: Timestamp, say: &str) {
        self.meters.park(meter, until, say);
    }

    /// The total time for a medium of at most `max_bytes`: the deadline of an answer, and a second for each 64 KiB more.
    pub(super) fn media_deadline(&self, max_bytes: u64) -> Duration {
        self.settings.deadline.saturating_add(Duration::from_secs((max_bytes >> 16).min(3600)))
    }

    /// Sends a call and reads the whole answer: within the deadline, within the cap, secrets blanked.
    ///
    /// Any status that the call's judge takes is an `Ok`; the caller reads it. Attempts before the last are in `earlier` of
    /// the exchange, answered or not: each is to leave its row.
    pub async fn send(&self, call: &Call) -> Result<Exchange, Failure> {
        let mut earlier = Vec::new();
        self.admit(call).await?;
        let mut attempt = 0;
        loop {
            attempt += 1;
            let failure = match self.attempt(call).await {
                Ok(exchange) => return Ok(Exchange { earlier, ..exchange }),
                Err(failure) => failure,
            };
            let passes = matches!(failure.error, Error::Transient { .. }) && attempt < self.settings.attempts;
            if !passes || !self.may_go_again(call, attempt).await {
                return Err(failure.after(earlier));
            }
            earlier.extend(failure.attempt());
        }
    }

    /// Waits a while after an attempt. What is parked or spent by then is not asked again: the failure stands as it is.
    async fn may_go_again(&self, call: &Call, attempt: u32) -> bool {
        self.pause(backoff(attempt)).await;
        self.admit(call).await.is_ok()
    }

    /// Waits for the ceilings and refuses what is parked or beyond a budget.
    pub(super) async fn admit(&self, call: &Call) -> Result<(), Error> {
        loop {
            match self.meters.admit(&call.meters, call.cost, &call.what)? {
                None => return Ok(()),
                Some(wait) => tokio::time::sleep(wait).await,
            }
        }
    }

    fn judged(&self, call: &Call, exchange: &Exchange) -> Option<Error> {
        if let Some(error) = unasked(exchange, &call.what) {
            return Some(error);
        }
        match (call.judge)(exchange, &call.what) {
            Verdict::Take => None,
            Verdict::Again(say) => Some(Error::Transient { say }),
            Verdict::Refuse(error) => {
                if let (Error::RateLimited { until, say }, Some(meter)) = (&error, call.meters.first()) {
                    self.park(meter, *until, say);
                }
                Some(error)
            }
        }
    }

    /// Sends a call once. What was sent and failed comes back as evidence, unless a secret may be in it.
    async fn attempt(&self, call: &Call) -> Result<Exchange, Failure> {
        let request = self.request(call)?;
        let mut exchange = Exchange {
            method: call.method.to_string(),
            target: target(call),
            redactions: sent_redactions(call),
            ..Exchange::default()
        };
        let reading = tokio::time::timeout(self.settings.deadline, self.read(call, request, &mut exchange));
        let read = reading.await.unwrap_or_else(|_elapsed| Err(self.late(call)));
        exchange.at = self.clock.now();
        if read.is_err() {
            // A secret that breaks off with the answer would not be found in it.
            exchange.body = Vec::new();
        }
        if call.capture {
            redact::blank(&mut exchange, &call.secrets());
        }
        match read.err().or_else(|| self.judged(call, &exchange)) {
            None => Ok(exchange),
            Some(error) => Err(Failure { error, exchange: call.capture.then(|| Box::new(exchange)) }),
        }
    }

    /// Sends the request and returns once the answer's headers are there.
    pub(super) async fn open(&self, call: &Call) -> Result<reqwest::Response, Error> {
        self.request(call)?.send().await.map_err(|error| unreachable_host(call, error))
    }

    /// The request with its secrets. An error here means that nothing is sent.
    fn request(&self, call: &Call) -> Result<reqwest::RequestBuilder, Error> {
        guard::check(&call.url, call.trust)
            .map_err(|why| Error::Unexpected { say: format!("{}: {why}, so nothing was sent", call.what) })?;
        let mut url = call.url.clone();
        if let Some((name, value)) = &call.proof {
            url.query_pairs_mut().append_pair(name, value.reveal());
        }
        let mut request = self.client(call.trust).request(call.method.clone(), url);
        if !call.form.is_empty() {
            request = request.header("content-type", "application/x-www-form-urlencoded").body(encoded(call)?);
        }
        Ok(match &call.auth {
            Auth::None => request,
            Auth::Bearer(secret) => {
                request.header("authorization", hidden(&call.what, &format!("Bearer {}", secret.reveal()))?)
            }
            Auth::Header(name, secret) => request.header(*name, hidden(&call.what, secret.reveal())?),
        })
    }

    async fn read(&self, call: &Call, request: reqwest::RequestBuilder, into: &mut Exchange) -> Result<(), Error> {
        let mut response = request.send().await.map_err(|error| unreachable_host(call, error))?;
        into.status = response.status().as_u16();
        into.headers = kept_headers(response.headers());
        while let Some(chunk) = response.chunk().await.map_err(|error| unreachable_host(call, error))? {
            if into.body.len() + chunk.len() > self.settings.max_body {
                let say = format!(
                    "{}: the answer is larger than {} MiB and was not read to the end",
                    call.what,
                    self.settings.max_body >> 20
                );
                return Err(Error::Unexpected { say });
            }
            into.body.extend_from_slice(&chunk);
        }
        Ok(())
    }

    fn client(&self, trust: Trust) -> &reqwest::Client {
        match trust {
            Trust::Configured => &self.configured,
            Trust::Foreign => &self.foreign,
            Trust::ForeignOrLoopback => &self.foreign_or_loopback,
        }
    }

    fn late(&self, call: &Call) -> Error {
        let seconds = self.settings.deadline.as_secs_f32();
        Error::Transient { say: format!("{}: the answer was not complete within {seconds} seconds", call.what) }
    }

    /// With a clock that is moved by hand no test waits for real time to pass.
    async fn pause(&self, wait: Duration) {
        let wait = if matches!(self.clock, Clock::Manual(_)) { wait.min(Duration::from_millis(2)) } else { wait };
        tokio::time::sleep(wait).await;
    }
}

/// The judge for platforms that use HTTP's own words: 429 parks, 5xx passes, the rest is the caller's.
pub fn plain_judge(exchange: &Exchange, what: &str) -> Verdict {
    match exchange.status {
        429 => {
            let until = told_wait(exchange).unwrap_or_else(|| later(exchange.at, 15 * 60));
            let say = format!("{what}: asked too often; nothing more is asked before {}", minute(until));
            Verdict::Refuse(Error::RateLimited { until, say })
        }
        status @ 500.. => {
            Verdict::Again(format!("{what}: the platform answered with trouble of its own (HTTP {status})"))
        }
        _ => Verdict::Take,
    }
}

/// When the answer's own headers say that we may ask again: `Retry-After`, or a limit's reset where nothing is left.
pub fn told_wait(exchange: &Exchange) -> Option<Timestamp> {
    let header = |name: &str| header(exchange, name);
    if let Some(until) = header("retry-after").and_then(|value| retry_after(value, exchange.at)) {
        return Some(until);
    }
    ["x-rate-limit-reset", "ratelimit-reset"].iter().find_map(|name| {
        let seconds: i64 = header(name)?.trim().parse().ok()?;
        Some(clamped(Timestamp::from_second(seconds).ok()?, exchange.at))
    })
}

/// `Retry-After` in either of its forms, between one second and one day from now; `None` when it is neither.
pub fn retry_after(value: &str, now: Timestamp) -> Option<Timestamp> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<f64>() {
        return seconds.is_finite().then(|| later(now, seconds.clamp(1.0, DAY as f64).ceil() as i64));
    }
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(later(now, DAY));
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(value).ok()?;
    Some(clamped(date, now))
}

/// The value of a response header, by its name in lower case.
pub fn header<'a>(exchange: &'a Exchange, name: &str) -> Option<&'a str> {
    exchange.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

const DAY: i64 = 24 * 60 * 60;

/// `seconds` after `now`, as far as times go.
pub(super) fn later(now: Timestamp, seconds: i64) -> Timestamp {
    now.checked_add(jiff::SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
}

/// A time told by a platform, no earlier than a second and no later than a day from now.
pub(super) fn clamped(until: Timestamp, now: Timestamp) -> Timestamp {
    until.clamp(later(now, 1), later(now, DAY))
}

/// A time to the minute, for an operator's eyes.
pub(super) fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

pub(super) fn client(settings: &HttpSettings, guard: Guard) -> anyhow::Result<reqwest::Client> {
    reqwest::Client::builder()
        .user_agent(settings.user_agent.as_str())
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .referer(false)
        .http1_only()
        .min_tls_version(reqwest::tls::Version::TLS_1_2)
        .connect_timeout(settings.deadline.min(Duration::from_secs(15)))
        .dns_resolver(std::sync::Arc::new(guard))
        .build()
        .context("cannot set up the HTTP client")
}

/// The parameters of a POST as a query would have them.
fn encoded(call: &Call) -> Result<String, Error> {
    let pairs = call.form.iter().map(|(name, secret)| (*name, secret.reveal()));
    let url = Url::parse_with_params("http://form.invalid", pairs)
        .map_err(|_no_url| Error::Unexpected { say: format!("{}: the parameters cannot be encoded", call.what) })?;
    Ok(url.query().unwrap_or_default().to_owned())
}

fn hidden(what: &str, value: &str) -> Result<HeaderValue, Error> {
    let mut header = HeaderValue::from_str(value).map_err(|_not_a_header| Error::Unauthorized {
        say: format!("{what}: the credential holds characters that no credential has; write its file again"),
    })?;
    header.set_sensitive(true);
    Ok(header)
}

/// Answers that nobody asked for, whatever the platform.
fn unasked(exchange: &Exchange, what: &str) -> Option<Error> {
    match exchange.status {
        304 => Some(Error::Transient { say: format!("{what}: the answer was \"not modified\", which was not asked") }),
        300..=399 => Some(Error::Unexpected {
            say: format!("{what}: the answer was a redirect (HTTP {}), which is not followed", exchange.status),
        }),
        _ => None,
    }
}

/// The captured URL: the proof stands in it by name only.
fn target(call: &Call) -> String {
    let mut url = call.url.clone();
    if let Some((name, _)) = &call.proof {
        url.query_pairs_mut().append_pair(name, redact::WORD);
    }
    url.into()
}

fn sent_redactions(call: &Call) -> Vec<String> {
    let auth = match &call.auth {
        Auth::None => None,
        Auth::Bearer(_) => Some("request.header.authorization".to_owned()),
        Auth::Header(name, _) => Some(format!("request.header.{}", name.to_ascii_lowercase())),
    };
    auth.into_iter().chain(call.proof.iter().map(|(name, _)| format!("request.query.{name}"))).collect()
}

fn kept_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "set-cookie" | "set-cookie2"))
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect()
}

/// Half a second, doubled for each attempt, and up to half as much again so that clients do not march in step.
fn backoff(attempt: u32) -> Duration {
    let base = 500_u64 << attempt.saturating_sub(1).min(6);
    let jitter = getrandom::u32().map_or(0, |random| u64::from(random) % (base / 2));
    Duration::from_millis(base + jitter)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-22T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn retry_after_is_read_in_both_forms_and_clamped() {
        let seconds = |value: &str| retry_after(value, now()).map(|until| until.as_second() - now().as_second());
        assert_eq!(seconds("120"), Some(120));
        assert_eq!(seconds(" 1.5 "), Some(2));
        assert_eq!(seconds("-30"), Some(1));
        assert_eq!(seconds("99999999999999999999"), Some(DAY));
        assert_eq!(seconds("Sun, 22 Nov 2026 12:05:00 GMT"), Some(300));
        assert_eq!(seconds("Sun, 22 Nov 2020 12:05:00 GMT"), Some(1));
        assert_eq!(seconds("Mon, 22 Nov 2100 12:05:00 GMT"), Some(DAY));
        assert_eq!(seconds("soon"), None);
        assert_eq!(seconds("NaN"), None);
        assert_eq!(seconds(""), None);
    }

    #[test]
    fn a_path_segment_cannot_climb_out_of_its_place() {
        let call = Call::get("https://graph.example.org", &["v26.0", "1/../../me", "comments"], "test").unwrap();
        assert_eq!(call.url.as_str(), "https://graph.example.org/v26.0/1%2F..%2F..%2Fme/comments");
    }

    #[test]
    fn the_captured_target_has_the_proof_by_name_only() {
        let call = Call::get("https://graph.example.org", &["me"], "test")
            .unwrap()
            .query("limit", "5")
            .proof(Some(("appsecret_proof", Secret::new("canary"))));
        assert_eq!(target(&call), "https://graph.example.org/me?limit=5&appsecret_proof=REDACTED");
    }
}
