//! The Graph API's own manners, whatever it speaks of: field lists, paging, errors, tokens, headers.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::district::APP_SECRET;
use super::grant::Grant;
use super::ids::Dice;
use super::server::{Ask, Host, Reply};
use super::world::{Item, Owner, State};
use crate::model::Timestamp;

/// One entry of a `fields` list: `edge.limit(5).as(other){a,b}`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Field {
    pub name: String,
    pub arguments: Vec<(String, String)>,
    pub sub: Vec<Field>,
}

impl Field {
    /// Under what name the answer stands.
    pub fn key(&self) -> &str {
        self.arguments.iter().find(|(name, _)| name == "as").map_or(&self.name, |(_, alias)| alias)
    }
}

/// Reads a `fields` list. `None` when it cannot be read.
pub fn fields(text: &str) -> Option<Vec<Field>> {
    let mut rest = text.trim();
    let list = list(&mut rest)?;
    rest.is_empty().then_some(list)
}

fn list(rest: &mut &str) -> Option<Vec<Field>> {
    let mut found = Vec::new();
    loop {
        let name = word(rest);
        if !name.is_empty() {
            found.push(entry(name, rest)?);
        }
        match rest.strip_prefix(',') {
            Some(after) => *rest = after,
            None => return Some(found),
        }
    }
}

fn word<'a>(rest: &mut &'a str) -> &'a str {
    *rest = rest.trim_start();
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
    let (word, after) = rest.split_at(end);
    *rest = after.trim_start();
    word
}

fn entry(name: &str, rest: &mut &str) -> Option<Field> {
    let mut field = Field { name: name.to_owned(), ..Field::default() };
    while let Some(after) = rest.strip_prefix('.') {
        *rest = after;
        let argument = word(rest).to_owned();
        let inside = rest.strip_prefix('(')?;
        let (value, after) = inside.split_once(')')?;
        field.arguments.push((argument, value.to_owned()));
        *rest = after.trim_start();
    }
    if let Some(after) = rest.strip_prefix('{') {
        *rest = after;
        field.sub = list(rest)?;
        *rest = rest.strip_prefix('}')?.trim_start();
    }
    Some(field)
}

/// An error in the Graph API's form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub status: u16,
    pub code: i64,
    pub subcode: Option<i64>,
    pub kind: &'static str,
    pub message: String,
    pub transient: bool,
}

impl Fault {
    pub fn new(status: u16, code: i64, message: impl Into<String>) -> Fault {
        Fault { status, code, subcode: None, kind: "OAuthException", message: message.into(), transient: false }
    }

    #[must_use]
    pub fn subcode(mut self, subcode: i64) -> Fault {
        self.subcode = Some(subcode);
        self
    }

    /// An object that is not there, or not for the caller: the platform does not say which.
    pub fn missing(id: &str, kind: &'static str) -> Fault {
        let message = format!(
            "Unsupported get request. Object with ID '{id}' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api"
        );
        Fault { kind, ..Fault::new(400, 100, message).subcode(33) }
    }

    pub fn field(name: &str, node: &str) -> Fault {
        Fault::new(400, 100, format!("(#100) Tried accessing nonexisting field ({name}) on node type ({node})"))
    }

    pub fn permission(needed: &str) -> Fault {
        Fault::new(
            403,
            10,
            format!(
                "(#10) This endpoint requires the '{needed}' permission or the 'Page Public Content Access' feature."
            ),
        )
    }

    /// The end of a token, by its subcode.
    pub fn dead(subcode: u16) -> Fault {
        let message = match subcode {
            458 => "Error validating access token: The user has not authorized application 480915550100.",
            459 => {
                "Error validating access token: You cannot access the app till you log in to www.facebook.com and follow the instructions given."
            }
            460 => {
                "Error validating access token: The session has been invalidated because the user changed their password or Facebook has changed the session for security reasons."
            }
            463 => {
                "Error validating access token: Session has expired on Sunday, 22-Nov-26 04:00:00 PST. The current time is Tuesday, 24-Nov-26 08:15:00 PST."
            }
            492 => "Error validating access token: The user is not an admin of this page.",
            _ => "Invalid OAuth access token.",
        };
        let fault = Fault::new(400, 190, message);
        if subcode == 0 { fault } else { fault.subcode(i64::from(subcode)) }
    }

    pub fn body(&self, trace: u64) -> Value {
        let mut error = Map::new();
        error.insert("message".to_owned(), json!(self.message));
        error.insert("type".to_owned(), json!(self.kind));
        if self.transient {
            error.insert("is_transient".to_owned(), json!(true));
        }
        error.insert("code".to_owned(), json!(self.code));
        if let Some(subcode) = self.subcode {
            error.insert("error_subcode".to_owned(), json!(subcode));
        }
        error.insert("fbtrace_id".to_owned(), json!(format!("A{}", Dice::of(&trace.to_string()).letters(22))));
        json!({ "error": error })
    }
}

/// Who is calling, and what of theirs decides about the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    pub token: String,
    pub owner: Owner,
    pub moderate: bool,
    pub grant: Grant,
}

/// Checks the credential and, where one is sent, its proof.
pub fn caller(state: &State, ask: &Ask) -> Result<Caller, Fault> {
    let Some(token) = ask.bearer().or_else(|| ask.param("access_token")).filter(|token| !token.is_empty()) else {
        return Err(Fault::new(400, 104, "An access token is required to request this resource."));
    };
    let Some(entry) = state.tokens.get(token) else {
        return Err(Fault::new(401, 190, "Invalid OAuth access token - Cannot parse access token"));
    };
    if let Some(subcode) = entry.death(state.now) {
        return Err(Fault::dead(subcode));
    }
    if ask.param("appsecret_proof").is_some_and(|proof| proof != self::proof(token)) {
        return Err(Fault::new(400, 100, "Invalid appsecret_proof provided in the API argument"));
    }
    Ok(Caller {
        token: token.to_owned(),
        owner: entry.owner.clone(),
        moderate: entry.moderate,
        grant: entry.grant.clone(),
    })
}

/// HMAC-SHA256 of a token under the application's secret, in hex.
pub fn proof(token: &str) -> String {
    let mut key = [0_u8; 64];
    for (place, byte) in key.iter_mut().zip(APP_SECRET.bytes()) {
        *place = byte;
    }
    let keyed = |pad: u8| key.map(|byte| byte ^ pad);
    let inner = Sha256::new().chain_update(keyed(0x36)).chain_update(token).finalize();
    hex::encode(Sha256::new().chain_update(keyed(0x5C)).chain_update(inner).finalize())
}

/// One part of a longer list, and the cursors that lead on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice<T> {
    pub items: Vec<T>,
    pub before: Option<String>,
    pub after: Option<String>,
    pub more: bool,
    pub earlier: bool,
}

/// Cuts the page that a cursor points to out of a list in order. A cursor is a place between two keys, so it survives
/// what happens to the items beside it.
pub fn slice<T: Clone>(
    all: &[T],
    key: impl Fn(&T) -> (i64, String),
    newest_first: bool,
    after: Option<&str>,
    limit: usize,
) -> Slice<T> {
    let place = after.and_then(read_cursor);
    let passed = |item: &T| match &place {
        None => false,
        Some(place) if newest_first => key(item) >= *place,
        Some(place) => key(item) <= *place,
    };
    let start = all.iter().take_while(|item| passed(item)).count();
    let items: Vec<T> = all.iter().skip(start).take(limit).cloned().collect();
    let (before, after) = (items.first().map(|item| cursor(&key(item))), items.last().map(|item| cursor(&key(item))));
    Slice { more: limit > 0 && start + items.len() < all.len(), earlier: start > 0, items, before, after }
}

fn cursor((order, id): &(i64, String)) -> String {
    format!("{}ZD", URL_SAFE_NO_PAD.encode(format!("{order}|{id}")))
}

fn read_cursor(cursor: &str) -> Option<(i64, String)> {
    let plain = URL_SAFE_NO_PAD.decode(cursor.strip_suffix("ZD")?).ok()?;
    let plain = String::from_utf8(plain).ok()?;
    let (order, id) = plain.split_once('|')?;
    Some((order.parse().ok()?, id.to_owned()))
}

/// The key by which items stand in time.
pub fn by_time(item: &&Item) -> (i64, String) {
    (item.created_at.as_millisecond(), item.id.clone())
}

/// The page of an edge with its paging block: cursors always, `next` (with the token in it) only while there is more.
pub fn page<T: Clone>(
    ask: &Ask,
    token: &str,
    (node, edge, params): (&str, &str, &BTreeMap<String, String>),
    slice: &Slice<T>,
    data: Vec<Value>,
) -> Map<String, Value> {
    let mut out = Map::new();
    out.insert("data".to_owned(), Value::Array(data));
    let (Some(before), Some(after)) = (&slice.before, &slice.after) else { return out };
    let mut paging = json!({ "cursors": { "before": before, "after": after } });
    let link = |name: &str, cursor: &str| {
        let mut query = format!("access_token={}&pretty=0", encode(token));
        for (key, value) in params.iter().filter(|(key, _)| !["after", "before", "as"].contains(&key.as_str())) {
            query.push_str(&format!("&{}={}", encode(key), encode(value)));
        }
        let version = version(ask).map_or_else(String::new, |version| format!("/{version}"));
        format!("{}{version}/{node}/{edge}?{query}&{name}={}", ask.base(Host::Graph), encode(cursor))
    };
    if slice.more {
        paging["next"] = json!(link("after", after));
    }
    if slice.earlier {
        paging["previous"] = json!(link("before", before));
    }
    out.insert("paging".to_owned(), paging);
    out
}

/// The version segment of the path, as asked.
pub fn version(ask: &Ask) -> Option<&str> {
    let first = ask.path.trim_start_matches('/').split('/').next()?;
    let number = first.strip_prefix('v')?;
    number.chars().all(|c| c.is_ascii_digit() || c == '.').then_some(first)
}

/// How many of an edge: the default when not said, refused when not a number, refused or cut down above the most there is.
pub fn limit(asked: Option<&String>, default: usize, most: usize, strict: bool) -> Result<usize, Fault> {
    let Some(asked) = asked else { return Ok(default) };
    match asked.parse::<usize>() {
        Ok(limit) if limit > most && strict => {
            Err(Fault::new(400, 100, format!("(#100) Param limit must be less than or equal to {most}")))
        }
        Ok(limit) => Ok(limit.min(most)),
        Err(_) => Err(Fault::new(400, 100, "(#100) Param limit must be an integer greater than or equal to 0")),
    }
}

/// A time as a caller may give it: Unix seconds, RFC 3339, with `+0000`, or a day.
pub fn moment(text: &str) -> Option<Timestamp> {
    if let Ok(seconds) = text.parse::<i64>() {
        return Timestamp::from_second(seconds).ok();
    }
    let day = || jiff::tz::TimeZone::UTC.to_timestamp(text.parse::<jiff::civil::Date>().ok()?.at(0, 0, 0, 0)).ok();
    text.parse().ok().or_else(|| Timestamp::strptime("%Y-%m-%dT%H:%M:%S%z", text).ok()).or_else(day)
}

/// A time as the Graph API writes it.
pub fn time(at: Timestamp) -> Value {
    json!(at.strftime("%Y-%m-%dT%H:%M:%S+0000").to_string())
}

/// Keeps of a value what a sub-list of fields names; all of it where the list is empty.
pub fn select(value: Value, sub: &[Field]) -> Value {
    if sub.is_empty() {
        return value;
    }
    match value {
        Value::Array(values) => Value::Array(values.into_iter().map(|value| select(value, sub)).collect()),
        Value::Object(mut map) if map.contains_key("data") => {
            if let Some(data) = map.get_mut("data") {
                *data = select(data.take(), sub);
            }
            Value::Object(map)
        }
        Value::Object(mut map) => {
            let kept = |field: &Field| Some((field.key().to_owned(), select(map.remove(&field.name)?, &field.sub)));
            Value::Object(sub.iter().filter_map(kept).collect())
        }
        other => other,
    }
}

/// The answer as it goes out: ASCII with escaped slashes, the version, and what the call cost.
pub fn reply(ask: &Ask, caller: Option<&Caller>, answer: Result<Value, Fault>) -> Reply {
    let (status, value) = match answer {
        Ok(value) => (200, value),
        Err(fault) => (fault.status, fault.body(ask.number)),
    };
    let reply = Reply::new(status, "application/json; charset=UTF-8", ascii(&value.to_string()).into_bytes())
        .with("facebook-api-version", served_version(ask))
        .with("x-fb-request-id", Dice::of(&ask.number.to_string()).letters(22))
        .with("cache-control", "private, no-cache, no-store, must-revalidate");
    // It never nears the ceiling by itself: throttling is a misbehavior, told to happen.
    let percent = (ask.number / 400).min(20);
    match caller.map(|caller| &caller.owner) {
        Some(Owner::Page(page)) => {
            let usage = json!({ page: [{ "type": "pages", "call_count": percent, "total_cputime": 1, "total_time": percent / 2,
                "estimated_time_to_regain_access": 0 }] });
            reply.with("x-business-use-case-usage", usage.to_string())
        }
        Some(_) => {
            let usage = json!({ "call_count": percent, "total_time": percent / 2, "total_cputime": 1 });
            reply.with("x-app-usage", usage.to_string())
        }
        None => reply,
    }
}

/// The version that serves a call: an ended one falls forward to the oldest that lives, silently.
fn served_version(ask: &Ask) -> String {
    let asked = version(ask).and_then(|version| version.strip_prefix('v')?.parse::<f64>().ok()).unwrap_or(26.0);
    format!("v{asked:.1}", asked = asked.clamp(21.0, 26.0))
}

/// JSON text with everything beyond ASCII, and every slash, escaped: how the Graph API writes it.
pub fn ascii(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut units = [0_u16; 2];
    for c in json.chars() {
        match c {
            '/' => out.push_str("\\/"),
            c if c.is_ascii() => out.push(c),
            c => c.encode_utf16(&mut units).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}"))),
        }
    }
    out
}

/// Percent-encodes a query value.
pub fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
        out
    })
}
