//! X, by its API v2: the account's own posts, the answers under them as far as search reaches, and profiles.
//!
//! X withholds much: the newest 3,200 posts of an account, answers of the last seven days. What it does not give becomes
//! a shortfall in words. Its search proves no absence, so that no thread is ever called seen in whole: whether a post is
//! still there is asked by a direct lookup. An edit makes a new id; an item is kept under the first one.

mod judge;
mod parse;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::{SignedDuration, ToSpan};

pub use judge::judge;
pub use parse::{Names, Read, Summary, User, parse_posts, parse_user, snowflake};

use super::http::{Auth, Call, Http};
use super::{Endpoint, Errand, Error, Failure, Known, Reached, Target};
use crate::model::{Answer, Exchange, Page, Platform, Scope, Shortfall, Timestamp};

/// How far back X's recent search reaches.
const SEARCH_REACH: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How many posts of an account X gives at most, the newest.
const TIMELINE_REACH: i64 = 3_200;
/// How long a search query may be, in characters.
const QUERY_LENGTH: usize = 512;
/// How many ids one lookup may name.
const LOOKUP: usize = 100;

/// What is metered, finest first: one kind of call, then the application as a whole (spend, monthly cap).
pub const APP_METER: &str = "x:app";

/// One errand over one account.
pub struct Walk {
    endpoint: Endpoint,
    target: Target,
    names: Names,
    todo: VecDeque<Step>,
    errand: Kind,
    /// Posts seen on the timeline, and how many X counts.
    seen: i64,
    counted: Option<i64>,
    oldest: Option<Timestamp>,
    looked_up: BTreeSet<String>,
    /// Something was left out: a backfill may not resume below it.
    stuck: bool,
}

/// What the end of the timeline shows.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Since(Timestamp),
    Whole,
    Resumed,
    Other,
}

#[derive(Debug, Clone, PartialEq)]
enum Step {
    User,
    Timeline { start: Option<Timestamp>, end: Option<Timestamp>, token: Option<String> },
    Search { threads: Vec<Thread>, token: Option<String>, position: Option<Timestamp> },
    Lookup { ids: Vec<String>, why: Why, position: Option<Timestamp> },
}

/// Why posts are looked up by id.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Why {
    /// Roots whose threads are then searched.
    Threads,
    /// Items whose presence is in question.
    Check,
    /// Newest edits that another answer named.
    Newest,
}

/// A thread to search: the root and every id of its history.
#[derive(Debug, Clone, PartialEq, Default)]
struct Thread {
    native_id: String,
    ids: Vec<String>,
    created_at: Option<Timestamp>,
}

impl Walk {
    pub fn new(target: Target, errand: Errand, endpoint: &Endpoint) -> Walk {
        let endpoint = endpoint.clone();
        let mut todo = VecDeque::new();
        let mut names = Names::default();
        let timeline = |start, end| Step::Timeline { start, end, token: None };
        let kind = match errand {
            Errand::Profile => {
                todo.push_back(Step::User);
                Kind::Other
            }
            Errand::Recent { since } => {
                todo.extend(target.native_id.is_empty().then_some(Step::User));
                todo.push_back(timeline(Some(since), None));
                Kind::Since(since)
            }
            Errand::Backfill { before } => {
                todo.push_back(Step::User);
                todo.push_back(timeline(None, before));
                if before.is_some() { Kind::Resumed } else { Kind::Whole }
            }
            Errand::Revisit { threads, check } => {
                todo.extend(lookups(&threads, Why::Threads));
                for thread in &threads {
                    names.root(std::slice::from_ref(&thread.root), &thread.root);
                }
                let rest: Vec<Known> = check.into_iter().filter(|known| !threads.contains(known)).collect();
                todo.extend(lookups(&rest, Why::Check));
                Kind::Other
            }
        };
        let looked_up = BTreeSet::new();
        Walk {
            endpoint,
            target,
            names,
            todo,
            errand: kind,
            seen: 0,
            counted: None,
            oldest: None,
            looked_up,
            stuck: false,
        }
    }

    /// The next exchange, parsed. `None`: the walk is at its end. After a failure that passes it goes on without what
    /// depended on that.
    pub async fn next(&mut self, http: &Http, now: Timestamp) -> Option<Result<Page, Failure>> {
        let step = self.todo.pop_front()?;
        let essential = matches!(step, Step::User | Step::Timeline { .. });
        let page = match step {
            Step::User => self.user(http).await,
            Step::Timeline { start, end, token } => self.timeline(http, now, start, end, token).await,
            Step::Search { threads, token, position } => self.search(http, threads, token, position).await,
            Step::Lookup { ids, why, position } => self.lookup(http, ids, why, position).await,
        };
        if let Err(failure) = &page {
            self.stuck = true;
            if essential || !failure.error.passes() {
                self.todo.clear();
            }
        }
        Some(page.map(|page| if self.stuck { Page { position: None, ..page } } else { page }))
    }

    async fn user(&mut self, http: &Http) -> Result<Page, Failure> {
        let call = user_call(&self.endpoint, &self.target)?;
        let exchange = http.send(&call).await?;
        let (page, user) = parse_user(&exchange);
        let Some(user) = user else { return Err(no_account(&self.target, exchange)) };
        self.counted = user.posts;
        self.target.native_id = user.id;
        Ok(page)
    }

    async fn timeline(
        &mut self,
        http: &Http,
        now: Timestamp,
        start: Option<Timestamp>,
        end: Option<Timestamp>,
        token: Option<String>,
    ) -> Result<Page, Failure> {
        let call = self.timeline_call(now, start, end, token.as_deref())?;
        let exchange = http.send(&call).await?;
        let read = parse_posts(&exchange, &self.names);
        if read.posts.is_empty() && !(read.not_found.is_empty() && read.not_shown.is_empty()) {
            return Err(no_account(&self.target, exchange));
        }
        let mut page = read.page;
        self.seen += i64::try_from(read.posts.len()).unwrap_or(0);
        let oldest = read.posts.iter().filter_map(|post| post.created_at).min();
        self.oldest = [self.oldest, oldest].into_iter().flatten().min();
        match &read.next {
            Some(token) => self.todo.push_front(Step::Timeline { start, end, token: Some(token.clone()) }),
            None => self.end_of_timeline(&mut page),
        }
        let threads = read.posts.iter().filter(|post| post.root && !post.repost).map(Thread::of).collect();
        let position = oldest.filter(|_| start.is_none());
        let waits = self.go_into(threads, read.behind, position);
        page.position = position.filter(|_| !waits);
        Ok(page)
    }

    /// Puts the searches for these threads, and lookups of newest edits, before everything else; the last of them
    /// carries the position. False when there is nothing to do.
    fn go_into(&mut self, threads: Vec<Thread>, behind: Vec<String>, position: Option<Timestamp>) -> bool {
        for thread in &threads {
            self.names.root(&thread.ids, &thread.native_id);
        }
        let behind: Vec<String> = behind.into_iter().filter(|id| self.looked_up.insert(id.clone())).collect();
        let newest =
            behind.chunks(LOOKUP).map(|ids| Step::Lookup { ids: ids.to_vec(), why: Why::Newest, position: None });
        let mut steps: Vec<Step> = newest.collect();
        steps.extend(batches(threads).into_iter().map(|threads| Step::Search { threads, token: None, position: None }));
        match steps.last_mut() {
            Some(Step::Search { position: last, .. } | Step::Lookup { position: last, .. }) => *last = position,
            _ => return false,
        }
        for step in steps.into_iter().rev() {
            self.todo.push_front(step);
        }
        true
    }

    fn end_of_timeline(&self, page: &mut Page) {
        let cut = self.seen >= TIMELINE_REACH || self.counted.is_some_and(|counted| counted > TIMELINE_REACH);
        match self.errand {
            Kind::Since(_) if self.seen >= TIMELINE_REACH => {
                page.finished.extend(self.oldest.map(|since| Scope::Posts { since: Some(since) }));
            }
            Kind::Since(since) => page.finished.push(Scope::Posts { since: Some(since) }),
            Kind::Whole if cut => page.finished.extend(self.oldest.map(|oldest| Scope::Posts { since: Some(oldest) })),
            Kind::Whole => page.finished.push(Scope::Posts { since: None }),
            Kind::Resumed | Kind::Other => {}
        }
        if matches!(self.errand, Kind::Whole | Kind::Resumed) {
            page.shortfalls.extend(self.timeline_shortfall(cut));
        }
    }

    fn timeline_shortfall(&self, cut: bool) -> Option<Shortfall> {
        let counted = self.counted.unwrap_or(self.seen);
        let cause = if cut {
            format!("X gives only the newest 3,200 posts of an account; this one has {counted}")
        } else if self.errand == Kind::Whole && counted > self.seen {
            format!("X counts {counted} posts and gave {}", self.seen)
        } else {
            return None;
        };
        Some(Shortfall { item: None, stream: "posts".to_owned(), from: None, to: self.oldest, cause })
    }

    async fn search(
        &mut self,
        http: &Http,
        threads: Vec<Thread>,
        token: Option<String>,
        position: Option<Timestamp>,
    ) -> Result<Page, Failure> {
        let call = self.search_call(&threads, token.as_deref())?;
        let exchange = http.send(&call).await?;
        let reach = exchange.at.checked_sub(SEARCH_REACH).unwrap_or(exchange.at);
        let first = token.is_none();
        let read = parse_posts(&exchange, &self.names);
        let mut page = read.page;
        if first {
            page.shortfalls.extend(threads.iter().filter_map(|thread| out_of_reach(thread, reach)));
        }
        match read.next {
            Some(token) => self.todo.push_front(Step::Search { threads, token: Some(token), position }),
            // No search sees a thread in whole; the answer says that it was looked through.
            None => {
                page.position = position;
                if self.errand == Kind::Other {
                    page.answers.extend(threads.into_iter().map(|thread| Answer::Readable(thread.native_id)));
                }
            }
        }
        let behind = read.behind.into_iter().filter(|id| self.looked_up.insert(id.clone())).collect::<Vec<_>>();
        for ids in behind.chunks(LOOKUP) {
            self.todo.push_back(Step::Lookup { ids: ids.to_vec(), why: Why::Newest, position: None });
        }
        Ok(page)
    }

    async fn lookup(
        &mut self,
        http: &Http,
        ids: Vec<String>,
        why: Why,
        position: Option<Timestamp>,
    ) -> Result<Page, Failure> {
        let call = self.lookup_call(&ids)?;
        let exchange = http.send(&call).await?;
        let read = parse_posts(&exchange, &self.names);
        let mut page = read.page;
        page.position = position;
        if why != Why::Newest {
            answer(&ids, &read.posts, &read.not_found, &read.not_shown, &mut page);
            // Of a root it is said once its thread has been searched.
            let roots = read.posts.iter().filter(|post| post.root).flat_map(|post| &post.ids);
            let roots: BTreeSet<&String> = roots.collect();
            page.answers.retain(|answer| !matches!(answer, Answer::Readable(id) if roots.contains(id)));
        }
        if why == Why::Threads {
            self.go_into(read.posts.iter().map(Thread::of).collect(), read.behind, position);
        } else if why == Why::Check {
            self.go_into(Vec::new(), read.behind, position);
        }
        Ok(page)
    }

    fn timeline_call(
        &self,
        now: Timestamp,
        start: Option<Timestamp>,
        end: Option<Timestamp>,
        token: Option<&str>,
    ) -> Result<Call, Error> {
        let what = format!("X @{}: posts", self.target.handle);
        let mut call = self.call(&["2", "users", &self.target.native_id, "tweets"], what)?;
        call = self.ask_for_posts(call.query("max_results", "100"));
        // Seconds only: a start is cut, an end goes to the second after, so that nothing at the edge is lost.
        if let Some(start) = start.map(|start| start.max(FIRST_TIME)) {
            call = call.query("start_time", &seconds(start));
        }
        let end = end.and_then(|end| end.checked_add(1.second()).ok());
        if let Some(end) = end.filter(|end| now.duration_since(*end) > SignedDuration::from_secs(30)) {
            call = call.query("end_time", &seconds(end));
        }
        if let Some(token) = token {
            call = call.query("pagination_token", token);
        }
        Ok(call.meter("x:timeline").meter(APP_METER))
    }

    fn search_call(&self, threads: &[Thread], token: Option<&str>) -> Result<Call, Error> {
        let what = format!("X @{}: answers", self.target.handle);
        let call = self.call(&["2", "tweets", "search", "recent"], what)?;
        let mut call = self.ask_for_posts(call.query("query", &query(threads)).query("max_results", "100"));
        if let Some(token) = token {
            call = call.query("next_token", token);
        }
        Ok(call.meter("x:search").meter(APP_METER))
    }

    fn lookup_call(&self, ids: &[String]) -> Result<Call, Error> {
        let call = self.call(&["2", "tweets"], format!("X @{}: posts by id", self.target.handle))?;
        Ok(self.ask_for_posts(call.query("ids", &ids.join(","))).meter("x:lookup").meter(APP_METER))
    }

    fn call(&self, path: &[&str], what: String) -> Result<Call, Error> {
        call(&self.endpoint, &self.target, path, what)
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

const TWEET_FIELDS: &str = "id,text,author_id,created_at,conversation_id,in_reply_to_user_id,referenced_tweets,\
    edit_history_tweet_ids,edit_controls,note_tweet,attachments,entities,public_metrics,lang,possibly_sensitive,\
    reply_settings,withheld";
const TWEET_EXPANSIONS: &str =
    "author_id,attachments.media_keys,referenced_tweets.id,edit_history_tweet_ids,attachments.poll_ids";
/// In the newer vocabulary authors, references and histories are asked for as expansions only.
const POST_FIELDS: &str = "id,text,created_at,conversation_id,edit_controls,note_post,attachments,entities,\
    public_metrics,lang,possibly_sensitive,reply_settings,withheld";
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

/// Reads the account once and says what the credential may do, one line each.
pub async fn probe(http: &Http, target: &Target, endpoint: &Endpoint) -> Vec<String> {
    match reachable(http, target, endpoint).await {
        Ok(said) => said,
        Err(failure) => vec![failure.error.to_string()],
    }
}

async fn reachable(http: &Http, target: &Target, endpoint: &Endpoint) -> Result<Vec<String>, Failure> {
    let exchange = http.send(&user_call(endpoint, target)?).await?;
    let Some(user) = parse_user(&exchange).1 else { return Err(no_account(target, exchange)) };
    let mut said = vec![
        format!("X @{}: the credential reads the profile, the newest 3,200 posts, and answers of the last 7 days", user.username),
        "X: by its developer terms (Government Use) a public body needs an Enterprise plan; the connector is off until \
         acknowledged_by, acknowledged_on and plan stand in [platform.x]"
            .to_owned(),
    ];
    if user.protected {
        said.push(format!(
            "X @{}: the account is protected; its posts need the account's own credential",
            user.username
        ));
    }
    Ok(said)
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

fn no_account(target: &Target, exchange: Exchange) -> Failure {
    let say = format!(
        "X @{}: the account is not there, is suspended, or is not shown to this credential; look at it in a browser and \
         correct the register if its handle has changed",
        target.handle
    );
    Failure { error: Error::Gone { say }, exchange: Some(Box::new(exchange)) }
}

fn lookups(known: &[Known], why: Why) -> Vec<Step> {
    let distinct: BTreeSet<&String> = known.iter().map(|known| &known.native_id).collect();
    let ids: Vec<String> = distinct.into_iter().cloned().collect();
    ids.chunks(LOOKUP).map(|ids| Step::Lookup { ids: ids.to_vec(), why, position: None }).collect()
}

/// What a lookup said about each id it was asked for. An id neither given nor explained stays without an answer.
fn answer(asked: &[String], posts: &[Summary], not_found: &[String], not_shown: &[String], page: &mut Page) {
    let names: BTreeMap<&str, &Summary> =
        posts.iter().flat_map(|post| post.ids.iter().map(move |id| (id.as_str(), post))).collect();
    for id in asked {
        if names.contains_key(id.as_str()) {
            page.answers.push(Answer::Readable(id.clone()));
        } else if not_found.contains(id) {
            page.answers.push(Answer::Gone(id.clone()));
        } else if not_shown.contains(id) {
            let cause =
                "X does not show this post to the credential: its author is protected or suspended, or it is withheld";
            page.shortfalls.push(Shortfall {
                item: Some(id.clone()),
                stream: "posts".to_owned(),
                from: None,
                to: None,
                cause: cause.to_owned(),
            });
        }
    }
}

/// Answers written before `reach` are not given by search.
fn out_of_reach(thread: &Thread, reach: Timestamp) -> Option<Shortfall> {
    let from = thread.created_at.filter(|created| *created < reach)?;
    Some(Shortfall {
        item: Some(thread.native_id.clone()),
        stream: "comments".to_owned(),
        from: Some(from),
        to: Some(reach),
        cause: "X's search reaches back seven days: answers written before and not kept by then are not given"
            .to_owned(),
    })
}

impl Thread {
    fn of(post: &Summary) -> Thread {
        Thread { native_id: post.native_id.clone(), ids: post.ids.clone(), created_at: post.created_at }
    }
}

/// As many threads a search as its query holds; one with a long history may fill a query alone.
fn batches(threads: Vec<Thread>) -> Vec<Vec<Thread>> {
    let mut batches: Vec<Vec<Thread>> = Vec::new();
    for thread in threads {
        match batches.last_mut() {
            Some(batch) if query(&[batch.as_slice(), std::slice::from_ref(&thread)].concat()).len() <= QUERY_LENGTH => {
                batch.push(thread);
            }
            _ => batches.push(vec![thread]),
        }
    }
    batches
}

/// Every id of a history: after an edit, answers may stand under the first id or the newest.
fn query(threads: &[Thread]) -> String {
    let ids = threads.iter().flat_map(|thread| thread.ids.iter());
    ids.map(|id| format!("conversation_id:{id}")).collect::<Vec<_>>().join(" OR ")
}

fn seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
