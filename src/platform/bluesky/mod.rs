//! Bluesky: the account's own posts and reposts from its own server, which is the truth about them, and threads from the
//! AppView. Public reads want no credential.
//!
//! A handle leads to a DID, its document to the account's server. Items are kept under `at://` addresses with the DID. A
//! thread answer ends at some depth, and leaves out whom it does not show: a post that counts more replies than came along
//! is asked for again by itself, once; what is still missing then is said and nothing is called absent.

mod calls;
mod identity;
mod judge;
mod parse;
mod record;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

pub use calls::{discover, probe};
pub use judge::judge;
pub use parse::{
    Eye, Gates, Listed, Node, Profile, Record, Thread, parse_gates, parse_posts, parse_profile, parse_records,
    parse_thread,
};
pub use record::Blobs;

use self::calls::{Calls, POSTS, REPOSTS, parse_standing};
use self::identity::{Place, parse_document};
use super::http::Http;
use super::listing::Listing;
use super::{Endpoint, Errand, Error, Failure, Known, Target};
use crate::model::{Answer, Exchange, Observation, Page, Problem, Scope, Shortfall, Timestamp};

/// How many posts one call may name.
const LOOKUP: usize = 25;

/// One errand over one account.
pub struct Walk {
    calls: Calls,
    span: Span,
    todo: VecDeque<Step>,
    /// Replies that the account's threadgates hide.
    hidden: BTreeSet<String>,
    thread: Progress,
    position: Option<Timestamp>,
    /// What the end of the records shows once those that quote have been read as well.
    ending: Option<Scope>,
    /// Something was left out: a backfill may not resume below it, and posts may be missing for that reason alone.
    stuck: bool,
    unfinished: Option<String>,
    /// The documents of people whose posts were not found, by DID: their servers, or that they are gone for good.
    servers: BTreeMap<String, Option<String>>,
}

/// Which part of the records is wanted.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Span {
    Since(Timestamp),
    Whole,
    Before(Timestamp),
    None,
}

#[derive(Debug, Clone)]
enum Step {
    Handle,
    Document,
    Profile,
    Gates(Listing),
    Reposts(Listing),
    Posts(Listing),
    /// Posts that quote, or posts passed on, with the words they show.
    Words(Vec<Record>),
    /// One record of the account by itself: there, or gone.
    Own(String),
    Thread {
        root: String,
        at: String,
    },
    /// Somebody else's reply whose presence is in question; then her document, then her own server.
    Reply(String),
    Author(String),
    Original(String),
    /// Whether an author's repository is away for now or is no more: one read of a record does not tell.
    Standing(String),
}

/// The thread in work.
#[derive(Debug, Clone, Default)]
struct Progress {
    asked: BTreeSet<String>,
    withheld: i64,
    hidden: BTreeSet<String>,
    unread: Option<String>,
}

impl Walk {
    pub fn new(target: Target, errand: Errand, endpoint: &Endpoint) -> Walk {
        let mut todo: VecDeque<Step> = target.native_id.is_empty().then_some(Step::Handle).into_iter().collect();
        let span = match &errand {
            Errand::Recent { since } => Span::Since(*since),
            Errand::Backfill { before: None } => Span::Whole,
            Errand::Backfill { before: Some(before) } => Span::Before(*before),
            Errand::Revisit { .. } | Errand::Profile => Span::None,
        };
        match errand {
            Errand::Profile => todo.extend([Step::Document, Step::Profile]),
            Errand::Recent { .. } | Errand::Backfill { .. } => {
                let start = Listing::default;
                todo.extend([Step::Document, Step::Gates(start()), Step::Reposts(start()), Step::Posts(start())]);
            }
            Errand::Revisit { threads, check } => {
                todo.extend([Step::Document, Step::Gates(Listing::default())]);
                todo.extend(revisits(&target.native_id, &threads, &check));
            }
        }
        Walk {
            calls: Calls::new(target, endpoint.clone()),
            span,
            todo,
            hidden: BTreeSet::new(),
            thread: Progress::default(),
            position: None,
            ending: None,
            stuck: false,
            unfinished: None,
            servers: BTreeMap::new(),
        }
    }

    /// The next exchange, parsed. `None`: the walk is at its end. After a failure that passes it goes on without what
    /// depended on that.
    pub async fn next(&mut self, http: &Http, _now: Timestamp) -> Option<Result<Page, Failure>> {
        loop {
            let step = self.todo.pop_front()?;
            let failed = match self.step(http, step.clone()).await {
                Ok(None) => continue,
                Ok(Some(page)) => return Some(Ok(page)),
                Err(failure) => failure,
            };
            self.stuck = true;
            match step {
                Step::Thread { root: of, .. } if failed.error.passes() => {
                    self.thread = Progress::default();
                    self.todo.retain(|step| !matches!(step, Step::Thread { root, .. } if *root == of));
                }
                Step::Words(_) | Step::Own(_) | Step::Reply(_) if failed.error.passes() => {}
                _ => self.todo.clear(),
            }
            return Some(Err(failed));
        }
    }

    /// What was not read though no exchange failed, and what a person can do.
    pub fn unfinished(&self) -> Option<&str> {
        self.unfinished.as_deref()
    }

    async fn step(&mut self, http: &Http, step: Step) -> Result<Option<Page>, Failure> {
        let page = match step {
            Step::Handle => self.handle(http).await,
            Step::Document => self.document(http).await,
            Step::Profile => self.profile(http).await,
            Step::Gates(listing) => self.gates(http, listing).await,
            Step::Reposts(listing) => self.reposts(http, listing).await,
            Step::Posts(listing) => self.posts(http, listing).await,
            Step::Words(records) => self.words(http, records).await,
            Step::Own(uri) => self.own(http, uri).await,
            Step::Thread { root, at } => self.thread(http, root, at).await,
            Step::Reply(uri) => self.reply(http, uri).await,
            Step::Author(uri) => return self.author(http, uri).await,
            Step::Original(uri) => return self.original(http, uri).await,
            Step::Standing(uri) => return self.standing(http, uri).await,
        };
        page.map(Some)
    }

    async fn handle(&mut self, http: &Http) -> Result<Page, Failure> {
        let exchange = http.send(&self.calls.resolve()?).await?;
        let did = calls::parse_did(&exchange);
        let Some(did) = did else { return Err(self.calls.no_account(exchange)) };
        self.calls.target.native_id = did;
        Ok(Page { exchange, ..Page::default() })
    }

    async fn document(&mut self, http: &Http) -> Result<Page, Failure> {
        let did = self.calls.target.native_id.clone();
        let exchange = http.send(&self.calls.document(&did)?).await?;
        if matches!(exchange.status, 404 | 410) {
            return Err(self.calls.no_account(exchange));
        }
        match parse_document(&exchange, &did) {
            Ok(document) => {
                self.calls.server = document.server;
                if let Some(handle) = document.handle.filter(|_| self.calls.target.handle.is_empty()) {
                    self.calls.target.handle = handle;
                }
                Ok(Page { exchange, ..Page::default() })
            }
            Err(why) => {
                let say = format!("Bluesky {}: the account's DID document is of no use: {why}", self.calls.who());
                Err(Failure { error: Error::Unexpected { say }, exchange: Some(Box::new(exchange)) })
            }
        }
    }

    async fn profile(&mut self, http: &Http) -> Result<Page, Failure> {
        let exchange = http.send(&self.calls.profile()?).await?;
        let (page, profile) = parse_profile(&exchange);
        if profile.is_none() {
            return Err(self.calls.no_account(exchange));
        }
        Ok(page)
    }

    async fn gates(&mut self, http: &Http, listing: Listing) -> Result<Page, Failure> {
        let exchange = http.send(&listing.on(self.calls.records("app.bsky.feed.threadgate")?, "cursor")).await?;
        let Gates { mut page, next, uris, hidden } = parse_gates(&exchange);
        // Without the gates the AppView's word about what is hidden stands alone.
        note_refusal(&exchange, &mut page);
        self.hidden.extend(hidden);
        match listing.after(next.as_deref(), &uris) {
            Ok(Some(next)) => self.todo.push_front(Step::Gates(next)),
            Ok(None) => {}
            Err(repeated) => page.problems.push(Problem::new("cursor", repeated)),
        }
        Ok(page)
    }

    async fn reposts(&mut self, http: &Http, listing: Listing) -> Result<Page, Failure> {
        let exchange = http.send(&listing.on(self.calls.records(REPOSTS)?, "cursor")).await?;
        if !matches!(exchange.status, 200..=299) {
            return Err(self.calls.refused(exchange, "reposts"));
        }
        let read = parse_records(&exchange, self.eye(), false);
        let (wanted, more) = self.wanted(&read.records);
        if let Some(next) = self.onward(listing, &read, "reposts").filter(|_| more) {
            self.todo.push_front(Step::Reposts(next));
        }
        self.read_words(wanted);
        Ok(read.page)
    }

    async fn posts(&mut self, http: &Http, listing: Listing) -> Result<Page, Failure> {
        let exchange = http.send(&listing.on(self.calls.records(POSTS)?, "cursor")).await?;
        if !matches!(exchange.status, 200..=299) {
            return Err(self.calls.refused(exchange, "posts"));
        }
        let read = parse_records(&exchange, self.eye(), false);
        let (wanted, more) = self.wanted(&read.records);
        let oldest = read.records.iter().filter_map(|record| record.at).min();
        let onward = self.onward(listing, &read, "posts").filter(|_| more);
        let mut page = read.page;
        match onward {
            Some(next) => self.todo.push_front(Step::Posts(next)),
            None => {
                self.ending = match self.span {
                    Span::Since(since) => Some(Scope::Posts { since: Some(since) }),
                    Span::Whole => Some(Scope::Posts { since: None }),
                    Span::Before(_) | Span::None => None,
                }
            }
        }
        self.position = oldest.filter(|_| !matches!(self.span, Span::Since(_)));
        for record in wanted.iter().filter(|record| record.root).rev() {
            self.todo.push_front(Step::Thread { root: record.uri.clone(), at: record.uri.clone() });
        }
        self.read_words(wanted.into_iter().filter(|record| record.quotes).collect());
        self.close(&mut page);
        Ok(page)
    }

    /// The rest of a listing. What could not be read, and pages that repeat themselves, leave the walk unfinished.
    fn onward(&mut self, listing: Listing, read: &Listed, what: &str) -> Option<Listing> {
        let uris: Vec<String> = read.records.iter().map(|record| record.uri.clone()).collect();
        let after = listing.after(read.next.as_deref(), &uris);
        if read.lost {
            self.leave_out(&format!(
                "something in its list of {what} could not be read; the answer is kept. Install the newest pagekeeper; if \
                 that does not read it either, report the problem shown with the account"
            ));
        }
        after.unwrap_or_else(|repeated| {
            self.leave_out(&format!(
                "{repeated}: older {what} were not read. The next run tries again; if it says so for days, tell whoever \
                 runs the account's server"
            ));
            None
        })
    }

    fn leave_out(&mut self, why: &str) {
        self.stuck = true;
        self.unfinished.get_or_insert_with(|| format!("Bluesky {}: {why}", self.calls.who()));
    }

    /// Which of these records are in the span, and whether older ones may be: a page must be older as a whole, since a
    /// record says itself when it was written.
    fn wanted(&self, records: &[Record]) -> (Vec<Record>, bool) {
        let inside = |record: &&Record| match self.span {
            Span::Since(since) => record.at.is_none_or(|at| at >= since),
            Span::Before(before) => record.at.is_none_or(|at| at <= before),
            Span::Whole | Span::None => true,
        };
        let chosen: Vec<Record> = records.iter().filter(inside).cloned().collect();
        let more = !matches!(self.span, Span::Since(_)) || !chosen.is_empty() || records.is_empty();
        (chosen, more)
    }

    fn read_words(&mut self, records: Vec<Record>) {
        for chunk in records.chunks(LOOKUP).rev() {
            self.todo.push_front(Step::Words(chunk.to_vec()));
        }
    }

    async fn words(&mut self, http: &Http, records: Vec<Record>) -> Result<Page, Failure> {
        let passing = records.iter().any(|record| record.subject.is_some());
        let named = |record: &Record| record.subject.clone().unwrap_or_else(|| record.uri.clone());
        let uris: BTreeSet<String> = records.iter().map(named).collect();
        let exchange = http.send(&self.calls.posts(&uris)?).await?;
        let (mut page, found) = parse_posts(&exchange, self.eye(), if passing { &records } else { &[] });
        note_refusal(&exchange, &mut page);
        // What the AppView does not show is still there if the account's own server has it.
        let unseen = |record: &&Record| self.span != Span::None && !found.contains(&named(record));
        for record in records.iter().rev().filter(unseen) {
            self.todo.push_front(Step::Own(record.uri.clone()));
        }
        page.shortfalls.extend(in_part(&page.observations));
        // In a look again the account's own server was asked before.
        let lost = |record: &&Record| self.span == Span::None && !found.contains(&named(record));
        page.shortfalls.extend(records.iter().filter(lost).map(|record| words_missing(&record.uri)));
        self.close(&mut page);
        Ok(page)
    }

    async fn own(&mut self, http: &Http, uri: String) -> Result<Page, Failure> {
        let exchange = http.send(&self.calls.record(&uri, None)?).await?;
        let told = judge::told(&exchange);
        let mut page = if matches!(exchange.status, 200..=299) {
            let Listed { mut page, records, .. } = parse_records(&exchange, self.eye(), true);
            // Words that it shows of another's are the AppView's to tell, which on the way of a listing was asked before.
            let asked = self.span != Span::None;
            let shows = |record: &Record| record.quotes || record.subject.is_some();
            if asked {
                page.shortfalls.extend(in_part(&page.observations));
            }
            self.read_words(records.into_iter().filter(|record| !asked && shows(record)).collect());
            Page { answers: vec![Answer::Readable(uri)], ..page }
        } else if told.absent() {
            Page { answers: vec![Answer::Gone(uri)], exchange, ..Page::default() }
        } else {
            return Err(self.calls.refused(exchange, "one post"));
        };
        self.close(&mut page);
        Ok(page)
    }

    async fn thread(&mut self, http: &Http, root: String, at: String) -> Result<Page, Failure> {
        if at == root {
            self.thread = Progress::default();
        }
        let exchange = http.send(&self.calls.thread(&at, DEPTH)?).await?;
        let read = self.read_thread(&exchange);
        let mut page = read.page;
        self.thread.hidden.extend(read.hidden);
        self.thread.asked.insert(at.clone());
        if read.lost {
            self.thread.unread.get_or_insert_with(|| "something among the answers could not be read".to_owned());
        }
        if read.nodes.is_empty() {
            note_refusal(&exchange, &mut page);
            if at == root {
                self.unseen(&exchange, &root);
            }
        }
        for node in read.nodes.iter().rev().filter(|node| node.counted > node.shown) {
            if self.thread.asked.contains(&node.uri) {
                self.thread.withheld += node.counted - node.shown;
            } else {
                self.todo.push_front(Step::Thread { root: root.clone(), at: node.uri.clone() });
            }
        }
        self.ended(&mut page, &root);
        Ok(page)
    }

    fn read_thread(&self, exchange: &Exchange) -> Thread {
        let hidden = self.hidden.union(&self.thread.hidden).cloned().collect();
        parse_thread(exchange, Eye { hidden: &hidden, ..self.eye() })
    }

    /// The AppView does not show a root. The account's own server knows whether it is still there.
    fn unseen(&mut self, exchange: &Exchange, root: &str) {
        let told = judge::told(exchange);
        self.thread.unread =
            Some(format!("the AppView does not show the post{}, so that answers cannot be read", told.words()));
        if self.span == Span::None {
            self.todo.push_front(Step::Own(root.to_owned()));
        }
    }

    /// Completes a thread when nothing of it is left to do.
    fn ended(&mut self, page: &mut Page, root: &str) {
        let on = matches!(self.todo.front(), Some(Step::Thread { root: next, at }) if next == root && at != root);
        if !on {
            let thread = std::mem::take(&mut self.thread);
            let looked_through = self.span == Span::None && thread.unread.is_none();
            page.answers.extend(looked_through.then(|| Answer::Readable(root.to_owned())));
            let withheld = (thread.withheld > 0).then(|| {
                format!(
                    "{} answers are counted and not shown: their authors have deactivated, are blocked, or are hidden",
                    thread.withheld
                )
            });
            match thread.unread.or(withheld) {
                None => page.finished.push(Scope::Thread { root: root.to_owned() }),
                Some(cause) => page.shortfalls.push(comments_missing(root, cause)),
            }
        }
        self.close(page);
    }

    /// When all of a page of posts has been walked, a backfill may resume below it; when it was the last, all are seen.
    fn close(&mut self, page: &mut Page) {
        let inside = matches!(self.todo.front(), Some(Step::Thread { .. } | Step::Words(_) | Step::Own(_)));
        if !inside {
            page.position = self.position.take().filter(|_| !self.stuck);
            page.finished.extend(self.ending.take().filter(|_| !self.stuck));
        }
    }

    async fn reply(&mut self, http: &Http, uri: String) -> Result<Page, Failure> {
        let exchange = http.send(&self.calls.thread(&uri, 0)?).await?;
        let read = self.read_thread(&exchange);
        let mut page = read.page;
        if read.nodes.iter().any(|node| node.uri == uri) {
            page.answers.push(Answer::Readable(uri));
        } else if judge::told(&exchange).absent() {
            self.todo.push_front(Step::Author(uri));
        } else {
            note_refusal(&exchange, &mut page);
            page.shortfalls.push(comments_missing(&uri, NOT_SHOWN.to_owned()));
        }
        Ok(page)
    }

    /// A post that the AppView does not find may be deleted, or its author away: her own server tells, for this one post.
    async fn author(&mut self, http: &Http, uri: String) -> Result<Option<Page>, Failure> {
        let Some(did) = Place::of(&uri).map(|place| place.did.to_owned()) else { return Ok(None) };
        if self.servers.contains_key(&did) {
            self.todo.push_front(Step::Original(uri));
            return Ok(None);
        }
        let exchange = match self.foreign(http, self.calls.document(&did)).await {
            Ok(exchange) => exchange,
            Err(page) => return Ok(page),
        };
        let mut page = Page::default();
        match parse_document(&exchange, &did) {
            Ok(document) => drop(self.servers.insert(did, Some(document.server))),
            // The DID itself is no more: so is what was written under it.
            Err(_) if matches!(exchange.status, 404 | 410) => drop(self.servers.insert(did, None)),
            Err(why) => page.problems.push(Problem::new("body", format!("a DID document of no use: {why}"))),
        }
        match self.servers.get(Place::of(&uri).map_or("", |place| place.did)) {
            Some(Some(_)) => self.todo.push_front(Step::Original(uri)),
            Some(None) => page.answers.push(Answer::Gone(uri)),
            None => page.shortfalls.push(comments_missing(&uri, NOT_SHOWN.to_owned())),
        }
        page.exchange = exchange;
        Ok(Some(page))
    }

    async fn original(&mut self, http: &Http, uri: String) -> Result<Option<Page>, Failure> {
        let did = Place::of(&uri).map_or("", |place| place.did);
        // A DID that is no more answered that on the exchange before: there is none of its own to cite.
        let Some(Some(server)) = self.servers.get(did).cloned() else { return Ok(None) };
        let exchange = match self.foreign(http, self.calls.record(&uri, Some(&server))).await {
            Ok(exchange) => exchange,
            Err(page) => return Ok(page),
        };
        let told = judge::told(&exchange);
        let mut page = Page { exchange, ..Page::default() };
        if told.absent() {
            page.answers.push(Answer::Gone(uri));
        } else if told.withdrawn() {
            page.shortfalls.push(comments_missing(&uri, AWAY.to_owned()));
        } else if told.no_repository() {
            self.todo.push_front(Step::Standing(uri));
        } else {
            page.shortfalls.push(comments_missing(&uri, NOT_SHOWN.to_owned()));
        }
        Ok(Some(page))
    }

    async fn standing(&mut self, http: &Http, uri: String) -> Result<Option<Page>, Failure> {
        let did = Place::of(&uri).map_or("", |place| place.did);
        let Some(Some(server)) = self.servers.get(did) else { return Ok(None) };
        let exchange = match self.foreign(http, self.calls.standing(did, server)).await {
            Ok(exchange) => exchange,
            Err(page) => return Ok(page),
        };
        let told = judge::told(&exchange);
        let mut page = Page { exchange, ..Page::default() };
        if told.no_repository() {
            page.answers.push(Answer::Gone(uri));
        } else {
            let away = told.withdrawn() || parse_standing(&page.exchange) == Some(false);
            let cause = if away { AWAY } else { NOT_SHOWN };
            page.shortfalls.push(comments_missing(&uri, cause.to_owned()));
        }
        Ok(Some(page))
    }

    /// A server that somebody else runs may be down: that ends nothing and shows nothing. What was sent is on record.
    async fn foreign(&self, http: &Http, call: Result<super::http::Call, Error>) -> Result<Exchange, Option<Page>> {
        let sent = match call {
            Ok(call) => http.send(&call).await,
            Err(error) => Err(error.into()),
        };
        sent.map_err(|failure| {
            let problems = vec![Problem::new("exchange", failure.error.to_string())];
            failure.exchange.map(|exchange| Page { exchange: *exchange, problems, ..Page::default() })
        })
    }

    fn eye(&self) -> Eye<'_> {
        Eye {
            blobs: Blobs { did: &self.calls.target.native_id, server: &self.calls.server },
            handle: &self.calls.target.handle,
            hidden: &self.hidden,
        }
    }
}

/// How deep a thread is asked for at once.
const DEPTH: usize = 200;
const AWAY: &str = "its author's account is deactivated or suspended: not shown, and not deleted";
const NOT_SHOWN: &str = "the AppView does not show it, though it may still be there";

fn comments_missing(item: &str, cause: String) -> Shortfall {
    Shortfall { item: Some(item.to_owned()), stream: "comments".to_owned(), from: None, to: None, cause }
}

fn in_part(seen: &[Observation]) -> Vec<Shortfall> {
    seen.iter().filter(|seen| seen.in_part).map(|seen| words_missing(&seen.native_id)).collect()
}

/// That another's post is not to be had is no edit of the one that shows it.
fn words_missing(item: &str) -> Shortfall {
    let cause =
        "the post of another's that it shows is not to be had any more: deleted, blocked, or its author is away";
    let (item, stream) = (Some(item.to_owned()), "posts".to_owned());
    Shortfall { item, stream, from: None, to: None, cause: format!("{cause}; its words stay as they were last seen") }
}

/// Single items first, the account's own at its own server, others' where they are shown: a reply to a deleted post stands
/// in no thread and lives on. Then threads by their roots.
fn revisits(did: &str, threads: &[Known], check: &[Known]) -> Vec<Step> {
    let own = |uri: &str| Place::of(uri).is_some_and(|place| place.did == did);
    let thread = |uri: &str| uri.contains("/app.bsky.feed.post/");
    let roots: BTreeSet<&String> = threads.iter().map(|known| &known.root).collect();
    let single = check.iter().map(|known| &known.native_id).filter(|uri| !roots.contains(uri));
    let single: BTreeSet<&String> = single.collect();
    let alone = |uri: &String| if own(uri) { Step::Own(uri.clone()) } else { Step::Reply(uri.clone()) };
    let whole = |root: &String| match thread(root) {
        true => Step::Thread { root: root.clone(), at: root.clone() },
        false => Step::Own(root.clone()),
    };
    single.into_iter().map(alone).chain(roots.into_iter().map(whole)).collect()
}

/// A refusal that ends nothing is a problem of its page.
fn note_refusal(exchange: &Exchange, page: &mut Page) {
    if !matches!(exchange.status, 200..=299) {
        let told = judge::told(exchange);
        page.problems.push(Problem::new("error", format!("HTTP {} {}", exchange.status, told.error)));
    }
}
