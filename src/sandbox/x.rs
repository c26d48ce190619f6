//! X's API v2: users, timelines, mentions, searches and lookups, in both field vocabularies (`tweet.*` and `post.*`).

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::graph;
use super::server::{Ask, Reply};
use super::world::{Form, Item, Owner, State, World};
use super::xask;
use super::xpost::{Post, Show, User};
use crate::model::{Platform, Timestamp};

/// A refusal: its status and its body, in one of X's two shapes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fault {
    pub status: u16,
    pub body: Value,
}

type Answer = Result<Value, Fault>;

/// How far back the recent search reaches.
const REACH: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How far back the full archive reaches where nobody says.
const MONTH: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How many of an account's newest posts, and of its mentions, are given at most.
const TIMELINE: usize = 3_200;
const MENTIONS: usize = 800;

/// One call, and the world as it stands while it is answered.
pub(super) struct View<'a> {
    pub state: &'a State,
    pub ask: &'a Ask,
    pub show: Show<'a>,
}

/// Answers one call to X.
pub fn answer(world: &World, ask: &Ask) -> Reply {
    let state = world.lock();
    let (limit, answer) = answered(&state, ask);
    let (status, body) = match answer {
        Ok(body) => (200, body),
        Err(fault) => (fault.status, fault.body),
    };
    let kind = if status == 200 { "application/json; charset=utf-8" } else { "application/problem+json" };
    // A window never runs out by itself: to be throttled is a misbehavior, told to happen.
    let left = limit - 1 - ask.number % (limit / 2);
    let reset = state.now.as_second() - state.now.as_second().rem_euclid(900) + 900;
    Reply::new(status, kind, body.to_string().into_bytes())
        .with("api-version", "2.166")
        .with("x-rate-limit-limit", limit.to_string())
        .with("x-rate-limit-remaining", left.to_string())
        .with("x-rate-limit-reset", reset.to_string())
        .with("x-access-level", "read")
}

/// The calls a quarter of an hour allows, and the answer.
fn answered(state: &State, ask: &Ask) -> (u64, Answer) {
    let owner = match caller(state, ask) {
        Ok(owner) => owner,
        Err(fault) => return (300, Err(fault)),
    };
    let path: Vec<&str> = ask.path.trim_matches('/').split('/').collect();
    let view = View { state, ask, show: Show::of(state, ask) };
    if ask.method != "GET" {
        return (300, Err(problem(405, "Method Not Allowed", "about:blank", "Method Not Allowed")));
    }
    match path.as_slice() {
        ["2", "users", "me"] => (75, view.me(&owner)),
        ["2", "users", "by", "username", name] => (300, view.user("username", name)),
        ["2", "users", id] => (300, view.user("id", id)),
        ["2", "users", id, "tweets"] => (10_000, view.timeline(id)),
        ["2", "users", id, "mentions"] => (450, view.mentions(id)),
        ["2", "usage", "tweets"] => (50, usage(state)),
        ["2", "tweets", "search", "recent"] => (450, view.search(100, Some(REACH), 512)),
        ["2", "tweets", "search", "all"] => (300, view.archive(&owner)),
        ["2", "tweets"] => (3_500, view.lookup()),
        ["2", "tweets", id] => (450, view.single(id)),
        ["2", "tweets", id, "quote_tweets"] => (75, view.quotes(id)),
        _ => (300, Err(problem(404, "Not Found", "about:blank", "Not Found"))),
    }
}

/// What the project may read a month and has read.
fn usage(state: &State) -> Answer {
    let used = state.items.iter().filter(|item| item.platform == Platform::X).count();
    Ok(
        json!({ "data": { "cap_reset_day": 3, "project_cap": 1_000_000, "project_id": "1800000000000000001", "project_usage": used } }),
    )
}

pub(super) fn problem(status: u16, title: &str, kind: &str, detail: &str) -> Fault {
    Fault { status, body: json!({ "title": title, "type": kind, "status": status, "detail": detail }) }
}

fn unsupported() -> Fault {
    problem(
        403,
        "Unsupported Authentication",
        "https://api.twitter.com/2/problems/unsupported-authentication",
        "Authenticating with this kind of credential is forbidden for this endpoint.",
    )
}

fn caller(state: &State, ask: &Ask) -> Result<Owner, Fault> {
    let unauthorized = || problem(401, "Unauthorized", "about:blank", "Unauthorized");
    let token = ask.bearer().and_then(|token| state.tokens.get(token)).filter(|token| token.dead.is_none());
    match token.map(|token| &token.owner) {
        Some(owner @ Owner::App(Platform::X)) => Ok(owner.clone()),
        // A token that speaks for an account on X.
        Some(owner @ Owner::Page(id)) if state.account(id).is_some_and(|a| a.platform == Platform::X) => {
            Ok(owner.clone())
        }
        _ => Err(unauthorized()),
    }
}

/// What X says beside the data about one thing that it does not give.
pub(super) fn missing(what: &str, parameter: &str, value: &str) -> Value {
    json!({
        "value": value, "detail": format!("Could not find {what} with {parameter}: [{value}]."), "title": "Not Found Error",
        "resource_type": what, "parameter": parameter, "resource_id": value,
        "type": "https://api.twitter.com/2/problems/resource-not-found",
    })
}

impl<'a> View<'a> {
    fn me(&self, owner: &Owner) -> Answer {
        xask::check(self.ask, xask::USER)?;
        match owner {
            Owner::Page(id) => self.user("id", id),
            _ => Err(unsupported()),
        }
    }

    fn user(&self, by: &str, name: &str) -> Answer {
        xask::check(self.ask, xask::USER)?;
        let good = match by {
            "id" => xask::is_id(name),
            _ => (1..=15).contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'),
        };
        if !good {
            return Err(xask::invalid(by, name, "is not valid"));
        }
        let same = |user: &User| if by == "id" { user.id() == name } else { user.handle().eq_ignore_ascii_case(name) };
        match self.show.users().into_iter().find(same) {
            Some(user) if user.is_closed() => Ok(json!({ "errors": [{
                "value": name, "detail": format!("User has been suspended: [{name}]."), "title": "Forbidden", "resource_type": "user",
                "parameter": by, "resource_id": name, "type": "https://api.twitter.com/2/problems/resource-not-found",
            }] })),
            Some(user) => Ok(json!({ "data": self.show.user(&user) })),
            None => Ok(json!({ "errors": [missing("user", by, name)] })),
        }
    }

    fn timeline(&self, id: &str) -> Answer {
        xask::check(self.ask, &[xask::LIST, &["exclude", "pagination_token"]].concat())?;
        let Some(user) = self.open(id)? else { return Ok(json!({ "errors": [missing("user", "id", id)] })) };
        let exclude: Vec<&str> = self.ask.param("exclude").unwrap_or_default().split(',').collect();
        let mut posts = self.newest(|post| {
            let out = (exclude.contains(&"replies") && post.item.parent.is_some())
                || (exclude.contains(&"retweets") && post.item.form == Form::Repost);
            post.author().id == user && !out
        });
        posts.truncate(TIMELINE);
        self.list(posts, (5, 100, 10))
    }

    fn mentions(&self, id: &str) -> Answer {
        xask::check(self.ask, &[xask::LIST, &["pagination_token"]].concat())?;
        let Some(user) = self.open(id)? else { return Ok(json!({ "errors": [missing("user", "id", id)] })) };
        let handle = self.show.users().into_iter().find(|known| known.id() == user);
        let named = handle.map(|user| format!("@{}", user.handle().to_lowercase())).unwrap_or_default();
        let mut posts = self.newest(|post| {
            // An answer names whom it answers, whether it says so or not.
            let answers = post.parent().is_some_and(|parent| parent.author().id == user);
            post.author().id != user && (answers || post.item.text.to_lowercase().contains(&named))
        });
        posts.truncate(MENTIONS);
        self.list(posts, (5, 100, 10))
    }

    /// The id of a user whose posts may be listed.
    fn open(&self, id: &str) -> Result<Option<String>, Fault> {
        if !xask::is_id(id) {
            return Err(xask::invalid("id", id, "is not valid"));
        }
        let user = self.show.users().into_iter().find(|user| user.id() == id && !user.is_closed());
        Ok(user.map(|user| user.id().to_owned()))
    }

    /// The full archive: for applications only; where no start is named it gives a month.
    fn archive(&self, owner: &Owner) -> Answer {
        if matches!(owner, Owner::Page(_)) {
            return Err(unsupported());
        }
        let month = self.ask.param("start_time").is_none().then_some(MONTH);
        self.search(500, month, 1_024)
    }

    fn search(&self, most: usize, reach: Option<SignedDuration>, length: usize) -> Answer {
        xask::check(self.ask, &[xask::LIST, &["query", "next_token", "pagination_token", "sort_order"]].concat())?;
        let query = self.ask.param("query").unwrap_or_default();
        if query.is_empty() {
            return Err(xask::invalid("query", query, "can not be empty"));
        }
        if query.chars().count() > length {
            let why = format!("is too long; the maximum length of a query is {length} characters");
            return Err(xask::invalid("query", query, &why));
        }
        let wanted = xask::query(query)?;
        let since = reach.map(|reach| self.state.now - reach);
        if let (Some(since), Some(start)) = (since, xask::time(self.ask, "start_time")?)
            && start < since
        {
            let start = self.ask.param("start_time").unwrap_or_default();
            return Err(xask::invalid("start_time", start, "must be within the last seven days"));
        }
        // Retweets left the search in 2026.
        let posts = self.newest(|post| {
            post.item.form != Form::Repost
                && since.is_none_or(|since| post.written() >= since)
                && wanted.iter().any(|terms| terms.iter().all(|term| self.meets(post, term)))
        });
        self.list(posts, (10, most, 10))
    }

    fn meets(&self, post: &Post<'a>, term: &(String, String)) -> bool {
        let (name, value) = (term.0.as_str(), term.1.as_str());
        match name {
            "conversation_id" => post.conversation() == value,
            "from" => post.author().handle.eq_ignore_ascii_case(value) || post.author().id == value,
            "to" => post.parent().is_some_and(|parent| parent.author().handle.eq_ignore_ascii_case(value)),
            _ => post.item.text.to_lowercase().contains(&value.to_lowercase()),
        }
    }

    fn lookup(&self) -> Answer {
        xask::check(self.ask, &[xask::ONE, &["ids"]].concat())?;
        let ids = self.ask.param("ids").unwrap_or_default();
        let ids: Vec<&str> = ids.split(',').filter(|id| !id.is_empty()).collect();
        if !(1..=100).contains(&ids.len()) {
            let why = format!("size is {}, which is not between 1 and 100", ids.len());
            return Err(xask::invalid("ids", self.ask.param("ids").unwrap_or_default(), &why));
        }
        if let Some(bad) = ids.iter().find(|id| !xask::is_id(id)) {
            return Err(xask::invalid("ids", bad, "is not a valid id"));
        }
        let found: Vec<Post> = ids.iter().filter_map(|id| self.show.find(id)).collect();
        let lost = ids.iter().filter(|id| self.show.find(id).is_none());
        let errors: Vec<Value> = lost.map(|id| missing("tweet", "ids", id)).collect();
        let mut body = self.show.page(&found, errors);
        if !found.is_empty() {
            body["data"] = found.iter().map(|post| self.show.post(post)).collect();
        }
        Ok(body)
    }

    fn single(&self, id: &str) -> Answer {
        xask::check(self.ask, xask::ONE)?;
        if !xask::is_id(id) {
            return Err(xask::invalid("id", id, "is not valid"));
        }
        let Some(post) = self.show.find(id) else { return Ok(json!({ "errors": [missing("tweet", "id", id)] })) };
        let mut body = self.show.page(std::slice::from_ref(&post), Vec::new());
        body["data"] = self.show.post(&post);
        Ok(body)
    }

    fn quotes(&self, id: &str) -> Answer {
        xask::check(self.ask, &[xask::ONE, &["max_results", "pagination_token", "exclude"]].concat())?;
        if self.show.find(id).is_none() {
            return Ok(json!({ "errors": [missing("tweet", "id", id)] }));
        }
        let quotes = self.newest(|post| post.quoted().is_some_and(|quoted| quoted.id() == id));
        self.list(quotes, (10, 100, 10))
    }

    /// The posts that meet a condition as they stand now, newest first.
    fn newest(&self, condition: impl Fn(&Post<'a>) -> bool) -> Vec<Post<'a>> {
        let mut posts: Vec<Post> = self.show.posts().filter(|post| condition(post)).collect();
        posts.sort_by_key(|post| std::cmp::Reverse(post.number()));
        posts
    }

    /// A page of a list: between so many, with what it should be by default.
    fn list(&self, posts: Vec<Post<'a>>, (least, most, default): (usize, usize, usize)) -> Answer {
        let limit = xask::results(self.ask, least, most, default)?;
        let bounds = xask::Bounds::of(self.ask, self.state.now)?;
        let posts: Vec<Post> = posts.into_iter().filter(|post| bounds.hold(post)).collect();
        let token = self.ask.param("pagination_token").or_else(|| self.ask.param("next_token"));
        let key = |post: &Post| (i64::try_from(post.number()).unwrap_or(0), String::new());
        let slice = graph::slice(&posts, key, true, token, limit);
        let mut body = json!({});
        if !slice.items.is_empty() {
            body["data"] = slice.items.iter().map(|post| self.show.post(post)).collect();
        }
        if let (Value::Object(body), Value::Object(beside)) = (&mut body, self.show.page(&slice.items, Vec::new())) {
            body.extend(beside);
        }
        let mut meta = json!({ "result_count": slice.items.len() });
        if let (Some(first), Some(last)) = (slice.items.first(), slice.items.last()) {
            meta["newest_id"] = json!(first.id());
            meta["oldest_id"] = json!(last.id());
        }
        if let Some(next) = slice.after.filter(|_| slice.more) {
            meta["next_token"] = json!(next);
        }
        body["meta"] = meta;
        Ok(body)
    }
}

/// Whether an item is one of X that is given to anybody.
pub(super) fn is_open(state: &State, item: &Item) -> bool {
    item.platform == Platform::X
        && state.is_shown(item)
        && state.account(&item.author.id).is_none_or(|account| account.published)
}

/// When something happened, as X writes it.
pub(super) fn time(at: Timestamp) -> Value {
    json!(at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string())
}
