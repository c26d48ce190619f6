//! YouTube's Data API v3 for who has an API key: channels, uploads, videos, comment threads and comments.

use serde_json::{Map, Value, json};

use super::graph;
use super::ids::Dice;
use super::server::{Ask, Reply};
use super::world::{Account, Item, Owner, State, World};
use super::ytshow::Show;
use crate::model::{Platform, Timestamp};

/// A refusal. The reason decides; the status alone says little.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fault {
    status: u16,
    message: String,
    reason: &'static str,
    domain: &'static str,
    /// The parameter at fault, where there is one.
    location: Option<String>,
}

type Answer = Result<Value, Fault>;

/// What a key may ask in a day, and what it has asked. Every call costs a unit, refused ones too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota {
    pub per_day: u64,
    pub used: u64,
    /// The day in Los Angeles that `used` is of.
    pub(super) day: String,
}

impl Default for Quota {
    fn default() -> Quota {
        Quota { per_day: 10_000, used: 0, day: String::new() }
    }
}

impl Quota {
    /// Counts a call; false when the day's units are used up.
    fn spend(&mut self, units: u64, now: Timestamp) -> bool {
        let zone = jiff::tz::TimeZone::get("America/Los_Angeles").unwrap_or(jiff::tz::TimeZone::UTC);
        let day = now.to_zoned_datetime(zone).date().to_string();
        if day != self.day {
            (self.day, self.used) = (day, 0);
        }
        self.used += units;
        self.used <= self.per_day
    }
}

/// Answers one call to YouTube.
pub fn answer(world: &World, ask: &Ask) -> Reply {
    let mut state = world.lock();
    let (status, value) = match answered(&mut state, ask) {
        Ok(value) => (200, value),
        Err(fault) => (fault.status, fault.body()),
    };
    Reply::new(status, "application/json; charset=UTF-8", format!("{value:#}\n").into_bytes())
        .with("vary", "Origin, X-Origin, Referer")
        .with("cache-control", "private")
}

fn answered(state: &mut State, ask: &Ask) -> Answer {
    key(state, ask)?;
    let list = ask.path.strip_prefix("/youtube/v3/").unwrap_or_default();
    let known = ["channels", "playlistItems", "videos", "commentThreads", "comments", "search"];
    if !known.contains(&list) {
        return Err(Fault::new(404, "notFound", "global", "Method not found."));
    }
    if ask.method != "GET" {
        return Err(Fault::new(401, "required", "global", "Login Required."));
    }
    let now = state.now;
    if !state.quota.spend(if list == "search" { 100 } else { 1 }, now) {
        let message = "The request cannot be completed because you have exceeded your <a href=\"/youtube/v3/getting-started#quota\">quota</a>.";
        return Err(Fault::new(403, "quotaExceeded", "youtube.quota", message));
    }
    let show = Show::of(state, ask);
    match list {
        "channels" => channels(&show),
        "playlistItems" => playlist(&show),
        "videos" => videos(&show),
        "commentThreads" => threads(&show),
        "comments" => comments(&show),
        _ => Err(Fault::new(501, "notImplemented", "global", "The sandbox does not search.")),
    }
}

/// A key comes in its header or, as clients of Google's do it, in the address.
fn key(state: &State, ask: &Ask) -> Result<(), Fault> {
    let Some(key) = ask.header("x-goog-api-key").or_else(|| ask.param("key")) else {
        let message = "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other form of API consumer identity to call this API.";
        return Err(Fault::new(403, "forbidden", "global", message));
    };
    let good = |token: &super::world::Token| token.owner == Owner::App(Platform::Youtube) && token.dead.is_none();
    if state.tokens.get(key).is_some_and(good) {
        return Ok(());
    }
    Err(Fault::new(400, "badRequest", "global", "API key not valid. Please pass a valid API key."))
}

impl Fault {
    fn new(status: u16, reason: &'static str, domain: &'static str, message: impl Into<String>) -> Fault {
        Fault { status, message: message.into(), reason, domain, location: None }
    }

    fn at(self, parameter: &str) -> Fault {
        Fault { location: Some(parameter.to_owned()), ..self }
    }

    /// A listing without anything that says of what.
    fn no_filter(names: &str) -> Fault {
        let message = format!("No filter selected. Expected one of: {names}");
        Fault::new(400, "missingRequiredParameter", "youtube.parameter", message).at("parameters.")
    }

    fn body(&self) -> Value {
        let mut error = json!({ "message": self.message, "domain": self.domain, "reason": self.reason });
        if let Some(location) = &self.location {
            error["location"] = json!(location);
            error["locationType"] = json!("parameter");
        }
        let mut body = json!({ "error": { "code": self.status, "message": self.message, "errors": [error] } });
        // Older faults of YouTube's own come without the newer status word.
        if self.domain == "global" {
            body["error"]["status"] = json!(match self.status {
                400 => "INVALID_ARGUMENT",
                401 => "UNAUTHENTICATED",
                403 => "PERMISSION_DENIED",
                404 => "NOT_FOUND",
                _ => "UNIMPLEMENTED",
            });
        }
        if self.message.starts_with("API key not valid") {
            body["error"]["details"] = json!([{ "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID",
                "domain": "googleapis.com", "metadata": { "service": "youtube.googleapis.com" } }]);
        }
        body
    }
}

fn channels(show: &Show<'_>) -> Answer {
    let parts = parts(show.ask, CHANNEL_PARTS)?;
    let ask = show.ask;
    let open = |account: &&Account| account.platform == Platform::Youtube && account.published;
    let plain = |handle: &str| handle.trim_start_matches('@').to_lowercase();
    let wanted: Vec<&Account> = match (ask.param("id"), ask.param("forHandle")) {
        (Some(ids), _) => ids.split(',').filter_map(|id| show.state.account(id)).filter(open).collect(),
        (None, Some(handle)) => {
            let same = |account: &&Account| open(account) && plain(&account.handle) == plain(handle);
            show.state.accounts.iter().filter(same).collect()
        }
        _ if ask.param("mine").is_some() => {
            return Err(Fault::new(401, "authorizationRequired", "youtube.common", "Authorization required").at("mine"));
        }
        _ => return Err(Fault::no_filter("for_handle, for_username, id, managed_by_me, mine")),
    };
    let items: Vec<Value> = wanted.iter().map(|account| only(show.channel(account), &parts)).collect();
    let mut body = page("channel", Some(items.len()), 5);
    // With nobody to show, the list is not empty: it is not there.
    if !items.is_empty() {
        body["items"] = json!(items);
    }
    Ok(body)
}

fn playlist(show: &Show<'_>) -> Answer {
    let parts = parts(show.ask, &["id", "snippet", "contentDetails", "status"])?;
    let Some(id) = show.ask.param("playlistId") else { return Err(Fault::no_filter("id, playlistId")) };
    let limit = results(show.ask, 5, 50)?;
    let channel = id.replacen("UU", "UC", 1);
    let account = show.state.account(&channel).filter(|account| id.starts_with("UU") && account.published);
    let uploads: Vec<&Item> = account.map(|account| show.uploads(account)).unwrap_or_default();
    let Some(account) = account.filter(|_| !uploads.is_empty()) else {
        let message = format!(
            "The playlist identified with the request's <code>playlistId</code> parameter cannot be found. ({id})"
        );
        return Err(Fault::new(404, "playlistNotFound", "youtube.playlistItem", message).at("playlistId"));
    };
    let slice = graph::slice(&uploads, graph::by_time, true, show.ask.param("pageToken"), limit);
    let place = |item: &Item| uploads.iter().position(|known| known.id == item.id).unwrap_or(0);
    let items = slice.items.iter().map(|item| only(show.upload(account, item, place(item)), &parts)).collect();
    Ok(listed(page("playlistItem", Some(uploads.len()), limit), &slice, items))
}

fn videos(show: &Show<'_>) -> Answer {
    let parts = parts(show.ask, VIDEO_PARTS)?;
    let Some(ids) = show.ask.param("id") else { return Err(Fault::no_filter("chart, id, myRating")) };
    let ids: Vec<&str> = ids.split(',').filter(|id| !id.is_empty()).collect();
    if ids.len() > 50 {
        return Err(
            Fault::new(400, "invalidFilters", "youtube.parameter", "The request specifies too many ids.").at("id")
        );
    }
    let found: Vec<&Item> = ids.iter().filter_map(|id| show.video(id)).collect();
    let items: Vec<Value> = found.iter().map(|item| only(show.film(item), &parts)).collect();
    let mut body = page("video", Some(items.len()), items.len());
    body["items"] = json!(items);
    Ok(body)
}

fn threads(show: &Show<'_>) -> Answer {
    let parts = parts(show.ask, &["id", "snippet", "replies"])?;
    let ask = show.ask;
    let limit = results(ask, 20, 100)?;
    if let Some(order) = ask.param("order").filter(|order| !["time", "relevance"].contains(order)) {
        let message = format!(
            "Invalid value at 'order' (type.googleapis.com/youtube.api.v3.V3CommentThreadsListRequest.Order), \"{order}\""
        );
        return Err(Fault::new(400, "invalidParameter", "global", message).at("order"));
    }
    let firsts: Vec<&Item> = match (ask.param("videoId"), ask.param("id"), ask.param("allThreadsRelatedToChannelId")) {
        (Some(video), ..) => {
            let Some(video) = show.video(video) else {
                let message = format!(
                    "The video identified by the <code><a href=\"/youtube/v3/docs/commentThreads/list#videoId\">videoId</a></code> parameter could not be found. ({video})"
                );
                return Err(Fault::new(404, "videoNotFound", "youtube.commentThread", message).at("videoId"));
            };
            if video.comments_off {
                let message = "The video identified by the <code><a href=\"/youtube/v3/docs/commentThreads/list#videoId\">videoId</a></code> parameter has disabled comments.";
                return Err(Fault::new(403, "commentsDisabled", "youtube.commentThread", message).at("videoId"));
            }
            show.firsts(|item| item.root.as_ref() == Some(&video.id))
        }
        (_, Some(ids), _) => show.firsts(|item| ids.split(',').any(|id| id == item.id)),
        (.., Some(channel)) => show.firsts(|item| item.account == channel),
        _ => return Err(Fault::no_filter("all_threads_related_to_channel_id, channel_id, id, video_id")),
    };
    let slice = graph::slice(&firsts, graph::by_time, true, ask.param("pageToken"), limit);
    let items = slice.items.iter().map(|item| only(show.thread(item), &parts)).collect();
    Ok(listed(page("commentThread", Some(slice.items.len()), limit), &slice, items))
}

fn comments(show: &Show<'_>) -> Answer {
    let parts = parts(show.ask, &["id", "snippet"])?;
    let ask = show.ask;
    if let Some(ids) = ask.param("id") {
        let found = ids.split(',').filter_map(|id| show.comment(id));
        let items: Vec<Value> = found.map(|item| only(show.remark(item), &parts)).collect();
        let mut body = page("comment", None, 0);
        body["items"] = json!(items);
        return Ok(body);
    }
    let Some(parent) = ask.param("parentId") else { return Err(Fault::no_filter("id, parent_id")) };
    let limit = results(ask, 20, 100)?;
    if show.comment(parent).is_none() {
        let message =
            "The API server failed to successfully process the request: the parent comment could not be found.";
        return Err(Fault::new(404, "commentNotFound", "youtube.comment", message).at("parentId"));
    }
    let replies = show.replies(parent);
    let slice = graph::slice(&replies, graph::by_time, true, ask.param("pageToken"), limit);
    let items = slice.items.iter().map(|item| only(show.remark(item), &parts)).collect();
    Ok(listed(page("comment", None, limit), &slice, items))
}

const CHANNEL_PARTS: &[&str] = &[
    "id",
    "snippet",
    "statistics",
    "contentDetails",
    "brandingSettings",
    "status",
    "topicDetails",
    "localizations",
    "contentOwnerDetails",
];
const VIDEO_PARTS: &[&str] = &[
    "id",
    "snippet",
    "status",
    "statistics",
    "contentDetails",
    "liveStreamingDetails",
    "player",
    "topicDetails",
    "localizations",
    "recordingDetails",
];

/// The parts that were asked for; without one nothing is answered, an unknown one is refused.
fn parts<'a>(ask: &'a Ask, known: &[&str]) -> Result<Vec<&'a str>, Fault> {
    let named = ask.query.iter().filter(|(name, _)| name == "part");
    let parts: Vec<&str> = named.flat_map(|(_, value)| value.split(',')).filter(|part| !part.is_empty()).collect();
    if parts.is_empty() {
        let message = "Required parameter: part";
        return Err(Fault::new(400, "required", "global", message).at("part"));
    }
    match parts.iter().find(|part| !known.contains(part)) {
        Some(bad) => Err(Fault::new(400, "unknownPart", "youtube.part", (*bad).to_owned()).at("part")),
        None => Ok(parts),
    }
}

fn results(ask: &Ask, default: usize, most: usize) -> Result<usize, Fault> {
    let Some(asked) = ask.param("maxResults") else { return Ok(default) };
    let within = asked.parse().ok().filter(|number| (0..=most).contains(number));
    let message = || format!("Invalid value '{asked}'. Values must be within the range: [0, {most}]");
    within.ok_or_else(|| Fault::new(400, "invalidParameter", "global", message()).at("maxResults"))
}

/// What every resource has, and the parts that were asked for.
fn only(whole: Value, parts: &[&str]) -> Value {
    let Value::Object(whole) = whole else { return Value::Null };
    let kept = |name: &str| ["kind", "etag", "id"].contains(&name) || parts.contains(&name);
    Value::Object(whole.into_iter().filter(|(name, _)| kept(name)).collect())
}

fn page(kind: &str, total: Option<usize>, per_page: usize) -> Value {
    let mut info = Map::new();
    if let Some(total) = total {
        info.insert("totalResults".to_owned(), json!(total));
    }
    if per_page > 0 {
        info.insert("resultsPerPage".to_owned(), json!(per_page));
    }
    json!({ "kind": format!("youtube#{kind}ListResponse"), "etag": etag(kind), "pageInfo": info })
}

fn listed(mut body: Value, slice: &graph::Slice<&Item>, items: Vec<Value>) -> Value {
    if let Some(next) = slice.after.as_ref().filter(|_| slice.more) {
        body["nextPageToken"] = json!(next);
    }
    body["items"] = json!(items);
    body
}

pub(super) fn etag(words: &str) -> String {
    Dice::of(words).letters(27)
}
