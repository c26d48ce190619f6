//! Everything that can go wrong between a platform and a reader, on demand.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io::Write;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::Response;
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

use super::graph::{self, Fault};
use super::server::{Ask, Host, Reply, respond};
use super::world::{Owner, World};

/// One thing to go wrong, and when.
#[derive(Debug, Clone)]
pub struct Plan {
    pub host: Host,
    /// A part of the path; any path when empty.
    pub path: String,
    /// Only calls about this account, by native id.
    pub account: Option<String>,
    /// Calls that still go well first.
    pub skip: u32,
    /// Calls that still go wrong; `u32::MAX` is for ever.
    pub times: u32,
    pub what: Misbehavior,
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq)]
pub enum Misbehavior {
    /// 429, with this `Retry-After` if any: a number, a huge or negative one, a date.
    TooMany {
        retry_after: Option<String>,
    },
    /// Any status with any body.
    Status {
        status: u16,
        content_type: String,
        body: Vec<u8>,
        headers: Vec<(String, String)>,
    },
    /// 200, and the body is an error in the platform's form.
    OkWithError,
    /// 200 and a web page.
    Html,
    NoContent,
    NotModified,
    /// The body ends after so many per cent, with a right length.
    Truncated {
        percent: usize,
    },
    TrailingGarbage,
    /// Every `id` comes twice in its object, the second time as the real one.
    DuplicateKeys,
    /// A byte that is no UTF-8, inside a text.
    InvalidUtf8,
    /// Half a surrogate pair, escaped, inside a text.
    LoneSurrogate,
    /// An escaped NUL inside a text.
    Nul,
    /// A field with a number beyond 2^53.
    HugeNumber,
    /// Ids as numbers that were strings.
    NumericIds,
    /// `null` where the list should be.
    NullList,
    /// A word nobody knows, wherever this field stands.
    UnknownWord {
        field: String,
    },
    /// This field is silently left out.
    DroppedField {
        field: String,
    },
    /// The first page comes again, whatever cursor was sent.
    RepeatedPage,
    /// Each page's cursor leads back to the second page.
    CursorLoop,
    /// Nothing on this page, and the way on.
    EmptyPage,
    /// The last page says there is more.
    EndlessPaging,
    /// The page's items in reverse order.
    OutOfOrder,
    /// The page's first item is said to have been written two days from now.
    SkewedTime,
    /// The answer is right; then the world changes before the next call.
    Meanwhile(Change),
    /// The caller's token ends now with this subcode of Meta's error 190, for good.
    TokenDies {
        subcode: u16,
    },
    /// Meta: error 10. Others: 403.
    PermissionLost,
    /// Meta's throttles 4, 17, 32, 613, 80001, 80002, with the usage header and the minutes until access comes back.
    Throttled {
        code: i64,
        minutes: f64,
    },
    /// "Please reduce the amount of data you're asking for", as long as `limit` is above this.
    ReduceData {
        above: usize,
    },
    /// A field is gone from the API: error 100 as long as it is asked for.
    NonexistingField {
        name: String,
    },
    /// Served by another version than asked for.
    OtherVersion {
        version: String,
    },
    /// A body of so many bytes of spaces before the JSON.
    Oversized {
        bytes: usize,
    },
    /// So many megabytes of spaces, compressed to a thousandth.
    GzipBomb {
        megabytes: usize,
    },
    /// `Content-Length` says more than comes.
    WrongLength,
    /// Pieces without end.
    NeverEnding,
    /// A byte every so many milliseconds.
    SlowDrip {
        millis: u64,
    },
    /// No answer for so long, then the right one.
    Stall {
        millis: u64,
    },
    /// The connection breaks in the middle.
    CutOff,
    Redirect {
        to: String,
    },
    /// The right answer with one header more: a `Sunset`, a `Warning`.
    Header {
        name: String,
        value: String,
    },
    /// Another type than the bytes are of.
    WrongMime {
        mime: String,
    },
    /// 200 and not one byte.
    NoBytes,
}

impl Misbehavior {
    /// A bare status: 403 for a picture whose link has run out, 500, 503 …
    pub fn status(status: u16) -> Misbehavior {
        Misbehavior::answer(status, "text/plain", "something went wrong")
    }

    /// A status with a body of its own.
    pub fn answer(status: u16, content_type: &str, body: &str) -> Misbehavior {
        let (content_type, body) = (content_type.to_owned(), body.as_bytes().to_vec());
        Misbehavior::Status { status, content_type, body, headers: Vec::new() }
    }
}

/// What happens in the world between two calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    Delete(String),
    Edit(String, String),
    Hide(String),
    Deactivate(String),
}

/// Takes the first plan that meets this call, and counts it.
pub(super) fn due(plans: &mut [Plan], ask: &Ask, about: Option<&str>) -> Option<Misbehavior> {
    for plan in plans.iter_mut().filter(|plan| plan.times > 0) {
        let meant = plan.account.as_deref().is_none_or(|account| Some(account) == about);
        if plan.host != ask.host || !ask.path.contains(&plan.path) || !meant || !concerns(&plan.what, ask) {
            continue;
        }
        if plan.skip > 0 {
            plan.skip -= 1;
            return None;
        }
        if plan.times != u32::MAX {
            plan.times -= 1;
        }
        return Some(plan.what.clone());
    }
    None
}

/// Some things go wrong only for those who ask for them.
fn concerns(what: &Misbehavior, ask: &Ask) -> bool {
    match what {
        Misbehavior::NonexistingField { name } => {
            let asked = ask.param("fields").unwrap_or_default();
            asked.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|field| field == name)
        }
        Misbehavior::ReduceData { above } => {
            ask.param("limit").and_then(|limit| limit.parse::<usize>().ok()).unwrap_or(25) > *above
        }
        _ => true,
    }
}

/// Answers a call the wrong way. `right` gives what the platform would have said.
pub(super) async fn apply(what: &Misbehavior, world: &World, ask: &Ask, right: impl Fn(&Ask) -> Reply) -> Response {
    use Misbehavior as M;
    match what {
        M::TooMany { retry_after } => {
            let reply = Reply::json(
                429,
                &json!({ "error": { "message": "Too many requests", "type": "OAuthException", "code": 4 },
                "title": "Too Many Requests", "detail": "Too Many Requests", "type": "about:blank", "status": 429 }),
            );
            respond(match retry_after {
                Some(value) => reply.with("retry-after", value),
                None => reply,
            })
        }
        M::Status { status, content_type, body, headers } => {
            let reply = Reply::new(*status, content_type, body.clone());
            respond(headers.iter().fold(reply, |reply, (name, value)| reply.with(name, value)))
        }
        M::OkWithError => {
            let fault = Fault { transient: true, ..Fault::new(500, 2, "Service temporarily unavailable") };
            respond(Reply::json(200, &fault.body(ask.number)))
        }
        M::Html => respond(Reply::new(
            200,
            "text/html; charset=utf-8",
            b"<!DOCTYPE html><html><head><title>Error</title></head><body>Sorry, something went wrong.</body></html>"
                .to_vec(),
        )),
        M::NoContent => respond(Reply { status: 204, headers: Vec::new(), body: Vec::new() }),
        M::NotModified => respond(Reply { status: 304, headers: Vec::new(), body: Vec::new() }),
        M::Truncated { percent } => {
            respond(body(right(ask), |body| body.truncate(body.len() * (*percent).min(100) / 100)))
        }
        M::TrailingGarbage => respond(body(right(ask), |body| body.extend(b"\n}]<!-- 0.2s -->"))),
        M::DuplicateKeys => respond(replaced(right(ask), "\"id\":", "\"id\":\"0\",\"id\":")),
        M::InvalidUtf8 => respond(in_text(right(ask), b"\xC3\x28\xFF")),
        M::LoneSurrogate => respond(in_text(right(ask), b"\\ud83d")),
        M::Nul => respond(in_text(right(ask), b"\\u0000")),
        M::HugeNumber => respond(replaced(right(ask), "\"id\":", "\"big\":90071992547409931234,\"id\":")),
        M::NumericIds => respond(json_of(right(ask), |value| each_object(value, &mut numeric_id))),
        M::NullList => respond(json_of(right(ask), |value| with_list(value, |list| *list = Value::Null))),
        M::UnknownWord { field } => respond(json_of(right(ask), |value| {
            each_object(value, &mut |object| {
                if object.contains_key(field) {
                    object[field] = json!("SOMETHING_NEW");
                }
            });
        })),
        M::DroppedField { field } => respond(json_of(right(ask), |value| {
            each_object(value, &mut |object| {
                object.remove(field);
            })
        })),
        M::RepeatedPage => respond(right(&without_cursor(ask))),
        M::CursorLoop => respond(looped(ask, right)),
        M::EmptyPage => respond(json_of(right(ask), |value| with_list(value, |list| *list = json!([])))),
        M::EndlessPaging => respond(json_of(right(ask), |value| endless(ask, value))),
        M::OutOfOrder => respond(json_of(right(ask), |value| {
            with_list(value, |list| {
                if let Some(list) = list.as_array_mut() {
                    list.reverse();
                }
            })
        })),
        M::SkewedTime => {
            let later = world.now() + jiff::SignedDuration::from_hours(48);
            respond(json_of(right(ask), |value| with_list(value, |list| skew(list, ask.host, later))))
        }
        M::Meanwhile(change) => {
            let reply = right(ask);
            happen(world, change);
            respond(reply)
        }
        M::TokenDies { subcode } => {
            if let Some(token) = ask.credential() {
                world.end_token(token, Some(*subcode));
            }
            respond(right(ask))
        }
        M::PermissionLost => respond(match ask.host {
            Host::Graph => graph::reply(ask, None, Err(Fault::permission("pages_read_user_content"))),
            _ => Reply::json(
                403,
                &json!({ "title": "Forbidden", "detail": "Forbidden", "type": "about:blank", "status": 403,
                "error": { "code": 403, "message": "Forbidden", "errors": [{ "domain": "global", "reason": "forbidden", "message": "Forbidden" }] } }),
            ),
        }),
        M::Throttled { code, minutes } => respond(throttled(world, ask, *code, *minutes)),
        M::ReduceData { .. } => {
            let message = "Please reduce the amount of data you're asking for, then retry your request";
            respond(Reply::json(500, &json!({ "error": { "code": 1, "message": message } })))
        }
        M::NonexistingField { name } => respond(graph::reply(ask, None, Err(Fault::field(name, "PagePost")))),
        M::OtherVersion { version } => {
            let mut reply = right(ask);
            reply.headers.retain(|(name, _)| name != "facebook-api-version");
            respond(reply.with("facebook-api-version", version))
        }
        M::Oversized { bytes } => respond(body(right(ask), |body| {
            body.splice(0..0, std::iter::repeat_n(b' ', *bytes));
        })),
        M::GzipBomb { megabytes } => respond(bomb(right(ask), *megabytes)),
        M::WrongLength => streamed(right(ask), |body| {
            let length = body.len() + 512;
            (Some(length), Body::from_stream(stream::iter([Ok::<_, Infallible>(Bytes::from(body))])))
        }),
        M::NeverEnding => streamed(right(ask), |_| {
            let pieces = stream::repeat(Bytes::from(vec![b' '; 16 * 1024]));
            (None, Body::from_stream(pieces.map(Ok::<_, Infallible>)))
        }),
        M::SlowDrip { millis } => {
            let pause = Duration::from_millis(*millis);
            streamed(right(ask), |body| {
                let bytes = stream::iter(body).then(move |byte| async move {
                    tokio::time::sleep(pause).await;
                    Ok::<_, Infallible>(Bytes::from(vec![byte]))
                });
                (None, Body::from_stream(bytes))
            })
        }
        M::Stall { millis } => {
            tokio::time::sleep(Duration::from_millis(*millis)).await;
            respond(right(ask))
        }
        M::CutOff => streamed(right(ask), |body| {
            let half = Bytes::from(body[..body.len() / 2].to_vec());
            let pieces = [Ok(half), Err(std::io::Error::other("the line went dead"))];
            (Some(body.len()), Body::from_stream(stream::iter(pieces)))
        }),
        M::Header { name, value } => respond(right(ask).with(name, value)),
        M::Redirect { to } => respond(Reply::new(302, "text/plain", Vec::new()).with("location", to)),
        M::WrongMime { mime } => {
            let mut reply = right(ask);
            reply.headers.retain(|(name, _)| name != "content-type");
            respond(reply.with("content-type", mime))
        }
        M::NoBytes => respond(body(right(ask), Vec::clear)),
    }
}

fn body(mut reply: Reply, change: impl FnOnce(&mut Vec<u8>)) -> Reply {
    change(&mut reply.body);
    reply
}

fn replaced(reply: Reply, from: &str, to: &str) -> Reply {
    body(reply, |body| *body = String::from_utf8_lossy(body).replace(from, to).into_bytes())
}

/// Puts bytes at the start of the first text a person wrote.
fn in_text(reply: Reply, bytes: &[u8]) -> Reply {
    // A platform may give the same text in several fields: in each of them.
    const FIELDS: &[&str] = &["\"message\":", "\"caption\":", "\"text\":", "\"textOriginal\":", "\"textDisplay\":"];
    body(reply, |body| {
        for field in FIELDS {
            if let Some(at) = text_of(body, field.as_bytes()) {
                body.splice(at..at, bytes.iter().copied());
            }
        }
    })
}

/// Where the first text of a field begins; one platform writes a space before it.
fn text_of(body: &[u8], field: &[u8]) -> Option<usize> {
    body.windows(field.len() + 2).enumerate().find_map(|(at, window)| match window.strip_prefix(field)? {
        [b'"', _] => Some(at + field.len() + 1),
        b" \"" => Some(at + field.len() + 2),
        _ => None,
    })
}

/// Changes a reply as JSON; one that is none stays as it is.
fn json_of(reply: Reply, change: impl FnOnce(&mut Value)) -> Reply {
    body(reply, |body| {
        if let Ok(mut value) = serde_json::from_slice::<Value>(body) {
            change(&mut value);
            *body = value.to_string().into_bytes();
        }
    })
}

fn each_object(value: &mut Value, change: &mut impl FnMut(&mut serde_json::Map<String, Value>)) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(|value| each_object(value, change)),
        Value::Object(object) => {
            change(object);
            object.values_mut().for_each(|value| each_object(value, change));
        }
        _ => {}
    }
}

fn numeric_id(object: &mut serde_json::Map<String, Value>) {
    let number = object.get("id").and_then(Value::as_str).and_then(|id| id.parse::<u64>().ok());
    if let Some(number) = number {
        object["id"] = json!(number);
    }
}

/// The list a page is about, by the names the platforms give it.
fn with_list(value: &mut Value, change: impl FnOnce(&mut Value)) {
    const NAMES: &[&str] = &["data", "items", "feed", "records", "posts"];
    if let Some(list) = NAMES.iter().find(|name| value.get(**name).is_some()).and_then(|name| value.get_mut(*name)) {
        change(list);
    }
}

fn skew(list: &mut Value, host: Host, later: crate::model::Timestamp) {
    let later = if host == Host::Graph { graph::time(later) } else { json!(crate::model::rfc3339(later)) };
    let Some(first) = list.get_mut(0) else { return };
    each_object(first, &mut |object| {
        for name in ["created_time", "timestamp", "created_at", "createdAt", "publishedAt"] {
            if object.contains_key(name) {
                object[name] = later.clone();
            }
        }
    });
}

const CURSORS: &[&str] = &["after", "pagination_token", "next_token", "pageToken", "cursor"];

fn without_cursor(ask: &Ask) -> Ask {
    let mut first = ask.clone();
    first.query.retain(|(name, _)| !CURSORS.contains(&name.as_str()));
    first
}

/// The answer, with the way on leading back to the second page: A, B, C, B, C … or A, B, B … where there are but two.
fn looped(ask: &Ask, right: impl Fn(&Ask) -> Reply) -> Reply {
    let reply = right(ask);
    let first = right(&without_cursor(ask));
    if !ask.query.iter().any(|(name, _)| CURSORS.contains(&name.as_str())) {
        return reply;
    }
    let Ok(first) = serde_json::from_slice::<Value>(&first.body) else { return reply };
    json_of(reply, |value| copy_way_on(&first, value))
}

fn copy_way_on(from: &Value, to: &mut Value) {
    for name in ["paging", "meta", "nextPageToken", "cursor"] {
        if let (Some(way), Some(object)) = (from.get(name), to.as_object_mut()) {
            object.insert(name.to_owned(), way.clone());
        }
    }
}

/// The way on where there is none: to the page after the last, which is empty and says so again.
fn endless(ask: &Ask, value: &mut Value) {
    let cursor = CURSORS.iter().find_map(|name| ask.param(name)).unwrap_or("MHww-end").to_owned();
    let Some(object) = value.as_object_mut() else { return };
    match ask.host {
        Host::Graph => {
            let after = object
                .get("paging")
                .and_then(|paging| paging["cursors"]["after"].as_str())
                .unwrap_or(&cursor)
                .to_owned();
            let query: BTreeMap<&str, &str> =
                ask.query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let query: String = query
                .iter()
                .filter(|(name, _)| **name != "after")
                .map(|(name, value)| format!("{name}={}&", graph::encode(value)))
                .collect();
            let next = format!("{}{}?{query}after={}", ask.base(Host::Graph), ask.path, graph::encode(&after));
            object.insert("paging".to_owned(), json!({ "cursors": { "before": after, "after": after }, "next": next }));
        }
        Host::X => {
            let meta = object.entry("meta").or_insert_with(|| json!({}));
            meta["next_token"] = json!(cursor);
        }
        Host::Youtube => {
            object.insert("nextPageToken".to_owned(), json!(cursor));
        }
        Host::Bluesky | Host::Directory | Host::Media | Host::Site => {
            object.insert("cursor".to_owned(), json!(cursor));
        }
    }
}

fn happen(world: &World, change: &Change) {
    match change {
        Change::Delete(id) => drop(world.delete_comment(id)),
        Change::Edit(id, text) => drop(world.edit(id, text)),
        Change::Hide(id) => drop(world.hide_comment(id, true)),
        Change::Deactivate(person) => world.deactivate(person, true),
    }
}

/// Meta's throttle in its own words and headers.
fn throttled(world: &World, ask: &Ask, code: i64, minutes: f64) -> Reply {
    let message = match code {
        4 => "(#4) Application request limit reached",
        17 => "(#17) User request limit reached",
        32 => "(#32) Page request limit reached",
        613 => "(#613) Calls to this api have exceeded the rate limit.",
        80_002 => "(#80002) There have been too many calls to this Instagram account. Wait a bit and try again.",
        _ => "(#80001) There have been too many calls to this Page account. Wait a bit and try again.",
    };
    let fault = Fault { transient: code == 4, ..Fault::new(if code == 32 { 403 } else { 400 }, code, message) };
    let reply = Reply::json(fault.status, &fault.body(ask.number));
    if code < 80_000 {
        let usage = json!({ "call_count": 117, "total_time": 25, "total_cputime": 25 });
        return reply.with("x-app-usage", usage.to_string());
    }
    let token = ask.bearer().or_else(|| ask.param("access_token")).unwrap_or_default();
    let owner = world.lock().tokens.get(token).map(|token| token.owner.clone());
    let id = if let Some(Owner::Page(page)) = owner { page } else { "0".to_owned() };
    let kind = if code == 80_002 { "instagram" } else { "pages" };
    let usage = json!({ id: [{ "type": kind, "call_count": 104, "total_cputime": 16, "total_time": 45,
        "estimated_time_to_regain_access": minutes }] });
    reply.with("x-business-use-case-usage", usage.to_string())
}

fn bomb(reply: Reply, megabytes: usize) -> Reply {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let spaces = vec![b' '; 1 << 20];
    let packed =
        (0..megabytes).try_for_each(|_| packer.write_all(&spaces)).and_then(|()| packer.write_all(&reply.body));
    let packed = packed.and_then(|()| packer.finish()).unwrap_or_default();
    body(reply, |body| *body = packed).with("content-encoding", "gzip")
}

/// A reply whose body comes as a stream, with a length that need not be true.
fn streamed(reply: Reply, make: impl FnOnce(Vec<u8>) -> (Option<usize>, Body)) -> Response {
    let mut head = reply.clone();
    head.body = Vec::new();
    let (length, body) = make(reply.body);
    let head = match length {
        Some(length) => head.with("content-length", length.to_string()),
        None => head,
    };
    let mut response = respond(head);
    *response.body_mut() = body;
    response
}
