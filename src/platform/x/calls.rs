//! What is asked of X, and what a credential may ask.

use jiff::{SignedDuration, ToSpan};

use super::lists::{List, Of};
use super::threads::{Search, Thread, query};
use super::user::parse_user;
use super::{APP_METER, judge};
use crate::model::{Exchange, Found, Platform, Timestamp};
use crate::platform::http::{Auth, Call, Http};
use crate::platform::{Endpoint, Error, Failure, Reached, Target};

/// Everything that one account's walk asks for.
pub(super) struct Calls {
    pub(super) endpoint: Endpoint,
    pub(super) target: Target,
}

impl Calls {
    pub(super) fn user(&self) -> Result<Call, Error> {
        user_call(&self.endpoint, &self.target)
    }

    /// One page of a list of posts.
    pub(super) fn list(&self, now: Timestamp, list: &List) -> Result<Call, Error> {
        let (words, meter) = (list.of.words(), list.of.meter());
        let own = self.target.native_id.as_str();
        let path = match &list.of {
            Of::Own => ["2", "users", own, "tweets"],
            Of::Mentions => ["2", "users", own, "mentions"],
            Of::Quotes(id) => ["2", "tweets", id, "quote_tweets"],
        };
        let mut call = self.ask_for_posts(self.call(&path, words)?.query("max_results", "100"));
        // Seconds only: a start is cut, an end goes to the second after, so that nothing at the edge is lost.
        if let Some(start) = list.start.map(|start| start.max(FIRST_TIME)) {
            call = call.query("start_time", &seconds(start));
        }
        let end = list.end.and_then(|end| end.checked_add(1.second()).ok());
        if let Some(end) = end.filter(|end| now.duration_since(*end) > SignedDuration::from_secs(30)) {
            call = call.query("end_time", &seconds(end));
        }
        Ok(list.listing.on(call, "pagination_token").meter(meter).meter(APP_METER))
    }

    /// One page of a search. The full archive gives 500 posts a page, and without a start only those of a month.
    pub(super) fn search(&self, search: &Search) -> Result<Call, Error> {
        let (reach, most, meter) = match search.archive {
            Some(_) => ("all", "500", "x:archive"),
            None => ("recent", "100", "x:search"),
        };
        let call = self.call(&["2", "tweets", "search", reach], "answers")?;
        let mut call = self.ask_for_posts(call.query("query", &query(&search.threads)).query("max_results", most));
        if let Some(start) = search.archive {
            call = call.query("start_time", &seconds(start.max(FIRST_TIME)));
        }
        Ok(search.listing.on(call, "next_token").meter(meter).meter(APP_METER))
    }

    /// The fewest posts of a list that X gives: to see whether it gives any.
    fn few(&self, path: &[&str], words: &str, meter: &str) -> Result<Call, Error> {
        Ok(self.call(path, words)?.query("max_results", "5").meter(meter).meter(APP_METER))
    }

    pub(super) fn lookup(&self, ids: &[String]) -> Result<Call, Error> {
        let call = self.call(&["2", "tweets"], "posts by id")?;
        Ok(self.ask_for_posts(call.query("ids", &ids.join(","))).meter("x:lookup").meter(APP_METER))
    }

    fn call(&self, path: &[&str], words: &str) -> Result<Call, Error> {
        call(&self.endpoint, &self.target, path, format!("X @{}: {words}", self.target.handle))
    }

    /// Names the fields that are wanted, in the configured vocabulary: an unknown name is refused by X.
    fn ask_for_posts(&self, call: Call) -> Call {
        let (name, fields, expansions) = if self.target.field_names == "post" {
            ("post.fields", POST_FIELDS, POST_EXPANSIONS)
        } else {
            ("tweet.fields", TWEET_FIELDS, TWEET_EXPANSIONS)
        };
        call.query(name, fields)
            .query("expansions", expansions)
            .query("media.fields", "url,preview_image_url,variants,alt_text,type,duration_ms")
            .query("poll.fields", "id,options")
            .query("user.fields", "id,name,username")
    }
}

/// `source`, the application that a post came through, is called deprecated in both vocabularies and still taken: where X gives none
/// of it, the audit says so.
const TWEET_FIELDS: &str = "id,text,author_id,created_at,conversation_id,in_reply_to_user_id,referenced_tweets,\
    edit_history_tweet_ids,edit_controls,note_tweet,attachments,entities,public_metrics,lang,possibly_sensitive,\
    reply_settings,source,withheld";
const TWEET_EXPANSIONS: &str =
    "author_id,attachments.media_keys,referenced_tweets.id,edit_history_tweet_ids,attachments.poll_ids";
/// In the newer vocabulary authors, references and histories are asked for as expansions only.
const POST_FIELDS: &str = "id,text,created_at,conversation_id,edit_controls,note_post,attachments,entities,\
    public_metrics,lang,possibly_sensitive,reply_settings,source,withheld";
const POST_EXPANSIONS: &str = "author_id,attachments.media_keys,referenced_posts,edit_history_post_ids,\
    in_reply_to_user_id,attachments.poll_ids";
const USER_FIELDS: &str = "created_at,description,entities,id,location,name,profile_banner_url,profile_image_url,\
    protected,public_metrics,url,username,verified,verified_type,withheld";

/// The first moment X accepts as a start: 6 November 2010, one second after midnight.
const FIRST_TIME: Timestamp = Timestamp::constant(1_289_001_601, 0);

/// What the credential reaches. An application's own token belongs to no account: then the failure says so.
pub async fn discover(http: &Http, target: &Target, endpoint: &Endpoint) -> Result<Vec<Reached>, Failure> {
    let call = call(endpoint, target, &["2", "users", "me"], "X: the account of the credential".to_owned())?;
    let call = call.query("user.fields", USER_FIELDS).meter("x:user").meter(APP_METER).judge(judge::own_account);
    let exchange = http.send(&call).await?;
    let reached = parse_user(&exchange).1.map(|user| Reached {
        platform: Platform::X,
        native_id: user.id,
        handle: user.username,
        name: user.name,
        token: None,
    });
    Ok(reached.into_iter().collect())
}

/// Asks a little of everything and says what the credential may do; a failure when it is good for nothing, or not for the full
/// archive though that is configured.
pub async fn probe(http: &Http, target: &Target, endpoint: &Endpoint) -> Result<Vec<Found>, Failure> {
    let exchange = http.send(&user_call(endpoint, target)?).await?;
    let Some(user) = parse_user(&exchange).1 else { return Err(no_account(target, exchange)) };
    let who = format!("X @{}", user.username);
    let target = Target { native_id: user.id, handle: user.username, ..target.clone() };
    let calls = Calls { endpoint: endpoint.clone(), target };
    let mut found = Vec::new();
    let own =
        http.send(&calls.few(&["2", "users", &calls.target.native_id, "tweets"], "own posts", "x:timeline")?).await;
    found.push(said(
        "posts",
        own,
        format!("{who}: the credential reads the profile and the newest 3,200 posts of its own"),
    ));
    if user.protected {
        let say = format!("{who}: the account is protected; its posts need the account's own credential");
        found.push(Found::new("protected", Some(true), say));
    }
    let mentions = calls.few(&["2", "users", &calls.target.native_id, "mentions"], "mentions", "x:mentions")?;
    found.push(said(
        "mentions",
        http.send(&mentions).await,
        format!("{who}: the newest 800 posts that name it can be read"),
    ));
    // No conversation has this id: nothing is given, and nothing is charged for.
    let threads = || vec![Thread { ids: vec!["1".to_owned()], ..Thread::default() }];
    let recent = calls.search(&Search { threads: threads(), ..Search::default() })?;
    let age = if calls.target.full_archive { "of any age" } else { "of the last 7 days" };
    let words = format!("{who}: answers {age} by others, with their names, can be searched");
    found.push(said("comments", http.send(&recent).await, words));
    if calls.target.full_archive {
        http.send(&calls.search(&Search { threads: threads(), archive: Some(FIRST_TIME), ..Search::default() })?)
            .await?;
    }
    let hidden = format!("{who}: X tells nobody but the account itself which answers it hides");
    found.push(Found::new("hidden_comments", Some(false), hidden));
    found.push(plan(http, &calls).await?);
    Ok(found)
}

/// What came of a question that may be refused by itself.
fn said(what: &str, answer: Result<Exchange, Failure>, words: String) -> Found {
    match answer {
        Ok(exchange) if exchange.status < 400 => Found::new(what, Some(true), words),
        Ok(exchange) => Found::new(what, Some(false), format!("{what}: X refused (HTTP {})", exchange.status)),
        Err(failure) => Found::new(what, Some(false), failure.error.to_string()),
    }
}

/// How much the plan grants a month, and how much of that is used.
async fn plan(http: &Http, calls: &Calls) -> Result<Found, Failure> {
    let call = calls.call(&["2", "usage", "tweets"], "what the plan grants")?.query("days", "1");
    let Ok(exchange) = http.send(&call.meter("x:usage").meter(APP_METER)).await else {
        return Ok(Found::new("plan", None, "X: what the plan grants is not told to this credential"));
    };
    let body: serde_json::Value = serde_json::from_slice(&exchange.body).unwrap_or_default();
    // A number in one vocabulary, a word in another.
    let number = |name: &str| {
        let value = &body["data"][name];
        value.as_i64().or_else(|| value.as_str()?.parse().ok())
    };
    Ok(match (number("project_cap"), number("project_usage"), number("cap_reset_day")) {
        (Some(cap), Some(used), day) => {
            let day = day.map_or_else(String::new, |day| format!("; it starts anew on day {day} of the month"));
            Found::new(
                "plan",
                Some(used < cap),
                format!("X: the plan grants {cap} posts a month, and {used} are used{day}"),
            )
        }
        _ => Found::new("plan", None, "X: what the plan grants is not told to this credential"),
    })
}

fn call(endpoint: &Endpoint, target: &Target, path: &[&str], what: String) -> Result<Call, Error> {
    let Some(token) = target.token.clone() else {
        return Err(Error::Unauthorized {
            say: format!("{what}: there is no credential; write the bearer token to the token_file of [platform.x]"),
        });
    };
    Ok(Call::get(&endpoint.api_base, path, what)?.auth(Auth::Bearer(token)).judge(judge))
}

fn user_call(endpoint: &Endpoint, target: &Target) -> Result<Call, Error> {
    let handle = target.handle.trim_start_matches('@');
    let what = format!("X @{handle}: profile");
    let call = if target.native_id.is_empty() {
        call(endpoint, target, &["2", "users", "by", "username", handle], what)?
    } else {
        call(endpoint, target, &["2", "users", &target.native_id], what)?
    };
    let pinned = if target.field_names == "post" { "pinned_post_id" } else { "pinned_tweet_id" };
    Ok(call.query("user.fields", USER_FIELDS).query("expansions", pinned).meter("x:user").meter(APP_METER))
}

pub(super) fn no_account(target: &Target, exchange: Exchange) -> Failure {
    let say = format!(
        "X @{}: the account is not there, is suspended, or is not shown to this credential; look at it in a browser and \
         correct the register if its handle has changed",
        target.handle
    );
    Failure { error: Error::Gone { say }, exchange: Some(Box::new(exchange)) }
}

fn seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
