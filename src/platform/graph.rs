//! What Facebook and Instagram share: one call of the Graph API, its errors in words, its meters and its paging.

use std::collections::HashSet;

use serde::Deserialize;

use super::http::{Auth, Call, Http, Verdict, header, later, minute};
use super::json::{Id, Objects, Text};
use super::{Endpoint, Error, Failure, Target};
use crate::model::{A_PERSON, Exchange, Problem, Secret, Shortfall, Timestamp};
use crate::seal::Keyed;

/// The `error` object of an answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Refusal<'a> {
    #[serde(borrow)]
    pub(super) message: Text<'a>,
    #[serde(borrow)]
    pub(super) code: Option<Id<'a>>,
    #[serde(borrow)]
    pub(super) error_subcode: Option<Id<'a>>,
    pub(super) is_transient: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Answer<'a> {
    #[serde(borrow)]
    error: Option<Refusal<'a>>,
}

impl Refusal<'_> {
    fn number(id: Option<&Id<'_>>) -> i64 {
        id.and_then(|id| id.0.parse().ok()).unwrap_or(0)
    }

    pub(super) fn code(&self) -> i64 {
        Refusal::number(self.code.as_ref())
    }

    fn subcode(&self) -> i64 {
        Refusal::number(self.error_subcode.as_ref())
    }

    /// "Please reduce the amount of data you're asking for": the same call with a smaller page may work.
    pub(super) fn wants_less(&self) -> bool {
        self.message.as_deref().is_some_and(|message| message.contains("reduce the amount of data"))
    }

    /// What was asked is a person's node: Meta says so with fields and names that persons have none of.
    pub(super) fn is_of_person(&self) -> bool {
        let says = |words: &str| self.message.as_deref().is_some_and(|message| message.contains(words));
        says("on node type (User)") || says("Cannot query users by their username")
    }

    /// The field that this version does not know, where that is what is wrong.
    pub(super) fn unknown_field(&self) -> Option<&str> {
        let message = self.message.as_deref()?;
        let (_, rest) = message.split_once("nonexisting field (")?;
        rest.split_once(')').map(|(field, _)| field)
    }
}

/// The refusal in an answer of any status, where there is one.
pub(super) fn refusal(exchange: &Exchange) -> Option<Refusal<'_>> {
    if exchange.status < 400 && !exchange.body.starts_with(b"{\"error\"") && !small_error(&exchange.body) {
        return None;
    }
    serde_json::from_slice::<Answer<'_>>(&exchange.body).ok()?.error
}

/// An error may come with HTTP 200; a body of thousands of bytes is not one.
fn small_error(body: &[u8]) -> bool {
    body.len() < 4096 && body.windows(7).any(|window| window == b"\"error\"")
}

/// A call of the Graph API for one account: version, credential, proof, meters and judge are the same for all.
pub(super) fn call(target: &Target, endpoint: &Endpoint, segments: &[&str], what: &str) -> Result<Call, Error> {
    let who = who(target);
    let token = target.token.clone().ok_or_else(|| Error::Unauthorized {
        say: format!("{who}: there is no credential for it; run `accounts discover` or name one in tokens_dir"),
    })?;
    let mut path = vec![endpoint.api_version.as_str()];
    path.extend(segments);
    let proof = target.app_secret.as_ref().map(|secret| ("appsecret_proof", proof(secret, &token)));
    let name = target.platform.as_str();
    let page = if target.native_id.is_empty() { &target.handle } else { &target.native_id };
    Ok(Call::get(&endpoint.api_base, &path, format!("{who}: {what}"))?
        .auth(Auth::Bearer(token))
        .proof(proof)
        .meter(format!("{name}:account:{page}"))
        .meter(format!("{name}:app"))
        .judge(judge))
}

/// The account in an operator's words.
pub(super) fn who(target: &Target) -> String {
    let name = if target.handle.is_empty() { &target.native_id } else { &target.handle };
    match target.platform {
        crate::model::Platform::Facebook => format!("Facebook page {name}"),
        platform => format!("{} account {name}", platform.title()),
    }
}

/// Sends a call and parks its meters where the usage headers say that they are nearly used up.
pub(super) async fn send(http: &Http, call: &Call) -> Result<Exchange, Failure> {
    let sent = http.send(call).await;
    let seen = match &sent {
        Ok(exchange) => Some(exchange),
        Err(failure) => failure.exchange.as_deref(),
    };
    if let Some(exchange) = seen {
        for (meter, until) in usage(exchange) {
            let Some(name) = call.meters.iter().find(|name| name.contains(meter)) else { continue };
            http.park(
                name,
                until,
                &format!("{}: nearly all that Meta grants is used; resting until {}", call.what, minute(until)),
            );
        }
    }
    sent
}

/// The body of a small question, for a probe; a refusal is an error in words.
pub(super) async fn answered(http: &Http, call: &Call) -> Result<Vec<u8>, Error> {
    let exchange = send(http, call).await.map_err(|failure| failure.error)?;
    match refusal(&exchange) {
        Some(refusal) => Err(error(&refusal, &call.what)),
        None => Ok(exchange.body),
    }
}

/// Throttles and passing trouble; everything else is for the caller.
pub(super) fn judge(exchange: &Exchange, what: &str) -> Verdict {
    let Some(refusal) = refusal(exchange) else {
        return match exchange.status {
            200..=299 if !starts_as_json(&exchange.body) => {
                Verdict::Again(format!("{what}: the answer was not JSON though it said that all is well"))
            }
            200..=299 => Verdict::Take,
            // Not Meta's own words, so nothing follows from it for what was asked for: a page of a proxy, a wrong address.
            status @ 400..=499 if status != 429 => Verdict::Refuse(Error::Unexpected {
                say: format!("{what}: the answer was HTTP {status}, and not in Meta's own form"),
            }),
            _ => super::http::plain_judge(exchange, what),
        };
    };
    if let Some(until) = throttled(&refusal, exchange) {
        let say = format!(
            "{what}: Meta's limit of calls is reached (code {}); resting until {}",
            refusal.code(),
            minute(until)
        );
        return Verdict::Refuse(Error::RateLimited { until, say });
    }
    let passing = matches!(refusal.code(), 1 | 2) || refusal.is_transient == Some(true);
    if passing && !refusal.wants_less() {
        return Verdict::Again(format!("{what}: Meta had trouble of its own (code {})", refusal.code()));
    }
    Verdict::Take
}

fn starts_as_json(body: &[u8]) -> bool {
    let start = body.iter().find(|byte| !byte.is_ascii_whitespace());
    let end = body.iter().rev().find(|byte| !byte.is_ascii_whitespace());
    matches!((start, end), (Some(b'{' | b'['), Some(_))) && !breaks_off(body)
}

fn breaks_off(body: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(body).is_err_and(|error| error.is_eof())
}

/// Until when to rest, for the codes that mean so: what the headers say, else a quarter of an hour.
fn throttled(refusal: &Refusal<'_>, exchange: &Exchange) -> Option<Timestamp> {
    let code = refusal.code();
    if !(matches!(code, 4 | 17 | 32 | 341 | 368 | 613) || (80000..=80014).contains(&code)) {
        return None;
    }
    let rest = if code == 368 { 24 * 60 * 60 } else { 15 * 60 };
    let told = usage(exchange).into_iter().map(|(_, until)| until).max();
    Some(told.or_else(|| super::http::told_wait(exchange)).unwrap_or_else(|| later(exchange.at, rest)))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Usage {
    call_count: f64,
    total_time: f64,
    total_cputime: f64,
    estimated_time_to_regain_access: f64,
}

impl Usage {
    /// How long to rest, in seconds: as told, or a quarter of an hour from 95 percent on.
    fn rest(&self) -> Option<i64> {
        let highest = self.call_count.max(self.total_time).max(self.total_cputime);
        match self.estimated_time_to_regain_access {
            minutes if minutes > 0.0 => Some((minutes.min(24.0 * 60.0) * 60.0).ceil() as i64),
            _ if highest >= 95.0 => Some(15 * 60),
            _ => None,
        }
    }
}

/// The meters (`:account:`, `:app`) that the usage headers say to rest, and until when.
fn usage(exchange: &Exchange) -> Vec<(&'static str, Timestamp)> {
    let mut rests = Vec::new();
    let app = header(exchange, "x-app-usage").and_then(|value| serde_json::from_str::<Usage>(value).ok());
    rests.extend(app.and_then(|usage| usage.rest()).map(|seconds| (":app", seconds)));
    type ByCase = std::collections::BTreeMap<String, Vec<Usage>>;
    let cases =
        header(exchange, "x-business-use-case-usage").and_then(|value| serde_json::from_str::<ByCase>(value).ok());
    let page = header(exchange, "x-page-usage").and_then(|value| serde_json::from_str::<Usage>(value).ok());
    let account = cases.into_iter().flat_map(|cases| cases.into_values().flatten()).chain(page);
    rests.extend(account.filter_map(|usage| usage.rest()).max().map(|seconds| (":account:", seconds)));
    rests.into_iter().map(|(meter, seconds)| (meter, later(exchange.at, seconds))).collect()
}

/// A refusal as an error in words that say what happened, to which account, and what to do (reference, §7).
pub(super) fn error(refusal: &Refusal<'_>, what: &str) -> Error {
    let (code, subcode) = (refusal.code(), refusal.subcode());
    let unauthorized = |words: &str| Error::Unauthorized { say: format!("{what}: {words}") };
    match (code, subcode) {
        (190, 458) => {
            unauthorized("the person behind the credential removed our app; log in again and renew the credential")
        }
        (190, 459) => unauthorized(
            "Facebook holds up the person behind the credential; she must log in at facebook.com, then renew it",
        ),
        (190, 460) => unauthorized("the password behind the credential was changed; renew the credential"),
        (190, 464) => unauthorized(
            "the person behind the credential has an unconfirmed account; she must confirm it at facebook.com",
        ),
        (190, 467) => unauthorized("the credential was revoked; renew it"),
        (190, 492) => unauthorized(
            "the person behind the credential lost her role on the page, and a new credential would fail too; give the role back, then renew it",
        ),
        (190, _) => unauthorized("the credential has expired or is not valid; renew it"),
        (102, _) => unauthorized("Meta does not accept the session; renew the credential"),
        (10, _) => unauthorized(
            "a permission was not granted or has lapsed (unused permissions lapse after 90 days); grant it again in the app's settings",
        ),
        (200..=299, _) => {
            unauthorized("the credential lacks a permission for this; see the README's list of permissions")
        }
        (1705, _) => {
            unauthorized("the credential speaks for a person, not for the page; use a page or system-user credential")
        }
        (3, _) => unauthorized("the app may not use this part of the API; ask Meta for the feature or leave it out"),
        (100, 33) | (803, _) => {
            Error::Gone { say: format!("{what}: not there, or not shown to our credential (Meta does not say which)") }
        }
        (100, _) if refusal.message.as_deref().is_some_and(|message| message.contains("permission")) => unauthorized(
            "a permission or feature is missing (Meta names it in the kept answer); grant it in the app's settings",
        ),
        (100, _) => Error::Unexpected {
            say: format!("{what}: Meta does not accept the question (code 100); see the kept answer"),
        },
        (2500, _) => Error::Unexpected { say: format!("{what}: Meta knows no such path (code 2500)") },
        (12 | 2635, _) => Error::Unexpected {
            say: format!("{what}: this version of the API has ended; set a newer api_version in the config"),
        },
        (code, _) => Error::Unexpected { say: format!("{what}: Meta refused with code {code}; see the kept answer") },
    }
}

/// A person's profile stands where a page should: nothing of it is read.
pub(super) fn of_person(target: &Target) -> Error {
    let say = format!(
        "{} {A_PERSON}: nothing of it is kept. Have a page made and registered, and retire this row",
        who(target)
    );
    Error::Unauthorized { say }
}

/// Whether the same can be asked in another way: without a field that this version does not know, or in smaller pages. Then what
/// is to be said of it.
pub(super) fn ask_again(
    refusal: &Refusal<'_>,
    dropped: &mut HashSet<String>,
    smaller: impl FnOnce() -> bool,
) -> Option<Problem> {
    let place = format!("error {}", refusal.code());
    if let Some(field) = refusal.unknown_field().filter(|field| dropped.insert((*field).to_owned())) {
        let words = format!("this version of the API does not know the field {field}; it is asked no more");
        return Some(Problem::new(place, words));
    }
    let words = "the platform wants smaller pages; the same is asked in smaller ones";
    (refusal.wants_less() && smaller()).then(|| Problem::new(place, words))
}

/// A list of fields as it is asked for, without those that this version does not know.
pub(super) fn asked(fields: &[&str], dropped: &HashSet<String>) -> String {
    let known = |field: &&&str| !field.split(['{', '.']).next().is_some_and(|name| dropped.contains(name));
    fields.iter().filter(known).copied().collect::<Vec<_>>().join(",")
}

pub(super) fn shortfall(item: Option<String>, stream: &str, cause: &str) -> Shortfall {
    Shortfall { item, stream: stream.to_owned(), from: None, to: None, cause: cause.to_owned() }
}

/// A note where Meta served another version than the one asked for: an ended version fails nowhere.
pub(super) fn version_problem(exchange: &Exchange, endpoint: &Endpoint) -> Option<Problem> {
    let served = header(exchange, "facebook-api-version")?;
    (served != endpoint.api_version).then(|| {
        let asked = &endpoint.api_version;
        Problem::new(
            "header facebook-api-version",
            format!("asked for {asked}, served {served}: set a newer api_version"),
        )
    })
}

/// How an edge goes on: `next` says whether, `after` says where; the URL in `next` is never followed.
pub(super) fn after(objects: &Objects<'_>) -> Option<Next> {
    let paging = objects.paging.as_ref()?;
    let next = paging.next.as_deref()?;
    if let Some(after) = paging.cursors.as_ref().and_then(|cursors| cursors.after.as_deref()) {
        return Some(Next(vec![("after".to_owned(), after.to_owned())]));
    }
    // Older edges page by time: their parameters are taken out of the URL, and nothing else is.
    let url = reqwest::Url::parse(next).ok()?;
    let wanted = ["after", "until", "since", "__paging_token", "__previous", "offset"];
    let pairs: Vec<(String, String)> = url
        .query_pairs()
        .filter(|(name, _)| wanted.contains(&name.as_ref()))
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    (!pairs.is_empty()).then_some(Next(pairs))
}

/// The parameters that ask for the next page. They live in a walk and are never stored.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Next(pub(super) Vec<(String, String)>);

/// When a signed URL of Meta's delivery network stops working: `oe`, seconds since 1970 in hex.
pub(super) fn expiry(url: &str) -> Option<Timestamp> {
    let query = url.split_once('?')?.1;
    let hex = query.split('&').find_map(|pair| pair.strip_prefix("oe="))?;
    Timestamp::from_second(i64::from_str_radix(hex, 16).ok()?).ok()
}

/// `appsecret_proof`: HMAC-SHA256 over the token with the app's secret, in hex.
fn proof(app_secret: &Secret, token: &Secret) -> Secret {
    Secret::new(hex::encode(Keyed::new(app_secret.reveal().as_bytes()).hash(token.reveal().as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Exchange {
        Exchange {
            at: "2026-11-22T12:00:00Z".parse().unwrap(),
            status,
            headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            body: body.as_bytes().to_vec(),
            ..Exchange::default()
        }
    }

    #[test]
    fn a_throttle_parks_for_as_many_minutes_as_the_header_says() {
        let usage = r#"{"1":[{"type":"pages","call_count":101,"total_cputime":1,"total_time":1,"estimated_time_to_regain_access":9.5}]}"#;
        let body = r#"{"error":{"code":80001,"message":"(#80001) too many calls"}}"#;
        let exchange = answer(400, &[("x-business-use-case-usage", usage)], body);
        let Verdict::Refuse(Error::RateLimited { until, .. }) = judge(&exchange, "t") else { panic!("not throttled") };
        assert_eq!(until, later(exchange.at, 570));
    }

    #[test]
    fn a_throttle_without_headers_parks_for_a_quarter_of_an_hour() {
        let exchange = answer(400, &[], r#"{"error":{"code":4,"is_transient":true,"message":"m"}}"#);
        let Verdict::Refuse(Error::RateLimited { until, .. }) = judge(&exchange, "t") else { panic!("not throttled") };
        assert_eq!(until, later(exchange.at, 900));
    }

    #[test]
    fn an_error_with_http_200_is_an_error() {
        let exchange = answer(200, &[], r#"{"error":{"code":190,"error_subcode":463,"message":"m"}}"#);
        let refusal = refusal(&exchange).unwrap();
        assert!(matches!(error(&refusal, "t"), Error::Unauthorized { .. }));
    }

    #[test]
    fn the_field_that_is_not_known_is_found() {
        let exchange = answer(
            400,
            &[],
            r#"{"error":{"code":100,"message":"(#100) Tried accessing nonexisting field (is_popular) on node type (PagePost)"}}"#,
        );
        assert_eq!(refusal(&exchange).unwrap().unknown_field(), Some("is_popular"));
    }

    #[test]
    fn trouble_that_passes_is_tried_again_and_too_much_data_is_not() {
        let passing = answer(500, &[], r#"{"error":{"code":2,"message":"m"}}"#);
        assert!(matches!(judge(&passing, "t"), Verdict::Again(_)));
        let much =
            answer(500, &[], r#"{"error":{"code":1,"message":"Please reduce the amount of data you're asking for"}}"#);
        assert_eq!(judge(&much, "t"), Verdict::Take);
        for body in ["", "<html></html>", "{\"data\":[{\"id\":\"1\"},{\"i"] {
            assert!(matches!(judge(&answer(200, &[], body), "t"), Verdict::Again(_)), "{body}");
        }
    }
}
