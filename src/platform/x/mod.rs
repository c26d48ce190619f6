//! X, by its API v2: the account's own posts, the answers under them as far as search reaches, posts that name the account or
//! quote its posts, and profiles.
//!
//! X withholds much: it gives the newest 3,200 posts of an account, the newest 800 that name it, and, without the full archive,
//! answers of the last seven days. What it does not give becomes a shortfall in words. Its search proves no absence, so that no
//! thread is ever called seen in whole: whether a post is still there is asked by a direct lookup. An edit makes a new id; an
//! item is kept under the first one.
//!
//! What others write is an answer where it stands under a post of the account's own, and else a post by the public: one that
//! names the account, one that quotes a post (its links name which), also where it answers somebody elsewhere (its parent). So is
//! what the account itself writes under somebody else's post. Threads that others began are not read. Posts that quote are asked
//! for where X counts any: by a backfill, by a revisit, and by a recent walk within a day of the post; a quiet page costs a
//! recent walk three calls.

mod calls;
mod envelope;
mod judge;
mod lists;
mod parse;
#[cfg(test)]
mod tests;
mod threads;
mod user;

use std::collections::{BTreeSet, VecDeque};

use jiff::SignedDuration;

pub use calls::{discover, probe};
pub use judge::judge;
pub use parse::{Names, Read, Summary, parse_posts, snowflake};
pub use user::{User, parse_user};

use self::calls::{Calls, no_account};
use self::lists::{List, Of, TIMELINE_REACH, place};
use self::threads::{SEARCH_REACH, Search, Thread, answer, out_of_reach, searches};
use super::http::Http;
use super::listing::Listing;
use super::{Endpoint, Errand, Error, Failure, Known, Target};
use crate::model::{Answer, Page, Problem, Scope, Shortfall, Timestamp};

/// How many ids one lookup may name.
const LOOKUP: usize = 100;
/// So long after it was written a recent walk asks who quotes a post; later, revisits do.
const QUOTED_FRESH: SignedDuration = SignedDuration::from_hours(24);

/// What is metered, finest first: one kind of call, then the application as a whole (spend, monthly cap).
pub const APP_METER: &str = "x:app";
/// Calls a minute, evenly spaced, that stay below what X allows in a quarter of an hour: 75 for quotes, 300 (and one a second)
/// for the full archive.
pub const PACES: [(&str, u32); 2] = [("x:quotes", 4), ("x:archive", 18)];

/// One errand over one account.
pub struct Walk {
    calls: Calls,
    names: Names,
    todo: VecDeque<Step>,
    errand: Kind,
    /// How many posts of its own X counts.
    counted: Option<i64>,
    /// Whether the full archive may be searched.
    archive: bool,
    quotes: bool,
    looked_up: BTreeSet<String>,
    searched: BTreeSet<String>,
    /// Conversations that somebody else began.
    elsewhere: BTreeSet<String>,
    /// Every id seen, and what is to be looked up in the end unless it was.
    seen: BTreeSet<String>,
    above: BTreeSet<String>,
    /// What the end of the timeline shows, once the last of its posts has been placed; nothing when one could not be.
    shown: Option<Vec<Scope>>,
    /// Why not everything was read though no exchange failed.
    unfinished: Option<String>,
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
    List(List),
    Search(Search),
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
    /// Answers, and the first posts of their conversations: whose are those?
    Roots,
    /// What posts of the account's own threads answer.
    Above,
}

impl Walk {
    pub fn new(target: Target, errand: Errand, endpoint: &Endpoint) -> Walk {
        let mut todo = VecDeque::new();
        let list = |of, start, end| Step::List(List::new(of, start, end));
        let kind = match errand {
            Errand::Profile => {
                todo.push_back(Step::User);
                Kind::Other
            }
            Errand::Recent { since } => {
                todo.extend(target.native_id.is_empty().then_some(Step::User));
                todo.extend([Of::Own, Of::Mentions].map(|of| list(of, Some(since), None)));
                Kind::Since(since)
            }
            Errand::Backfill { before } => {
                todo.push_back(Step::User);
                todo.push_back(list(Of::Own, None, before));
                todo.push_back(list(Of::Mentions, None, None));
                if before.is_some() { Kind::Resumed } else { Kind::Whole }
            }
            Errand::Revisit { threads, check } => {
                todo.extend(lookups(&threads, Why::Threads));
                let rest: Vec<Known> = check.into_iter().filter(|known| !threads.contains(known)).collect();
                todo.extend(lookups(&rest, Why::Check));
                Kind::Other
            }
        };
        Walk {
            names: Names::of(&target.native_id),
            archive: target.full_archive,
            calls: Calls { endpoint: endpoint.clone(), target },
            todo,
            errand: kind,
            counted: None,
            quotes: true,
            looked_up: BTreeSet::new(),
            searched: BTreeSet::new(),
            elsewhere: BTreeSet::new(),
            seen: BTreeSet::new(),
            above: BTreeSet::new(),
            shown: Some(Vec::new()),
            unfinished: None,
            stuck: false,
        }
    }

    /// The next exchange, parsed. `None`: the walk is at its end. After a failure that passes it goes on without what
    /// depended on that.
    pub async fn next(&mut self, http: &Http, now: Timestamp) -> Option<Result<Page, Failure>> {
        let step = self.todo.pop_front().or_else(|| self.last_look())?;
        let essential = matches!(&step, Step::User | Step::List(List { of: Of::Own, .. }));
        let places = matches!(&step, Step::Lookup { why: Why::Roots, .. });
        let page = match step {
            Step::User => self.user(http).await,
            Step::List(list) => self.list(http, now, list).await,
            Step::Search(search) => self.search(http, search).await,
            Step::Lookup { ids, why, position } => self.lookup(http, ids, why, position).await,
        };
        if let Err(failure) = &page {
            self.stuck = true;
            self.shown = self.shown.take().filter(|_| !places);
            if essential || !failure.error.passes() {
                self.todo.clear();
                self.above.clear();
            }
        }
        Some(page.map(|page| self.noted(page)))
    }

    /// Why not everything was read though no exchange failed, in words; `None` when a failure or a gap says it.
    pub fn unfinished(&self) -> Option<&str> {
        self.unfinished.as_deref()
    }

    fn noted(&mut self, mut page: Page) -> Page {
        if !self.todo.iter().any(|step| matches!(step, Step::Lookup { why: Why::Roots, .. })) {
            page.finished.extend(self.shown.iter_mut().flat_map(std::mem::take));
        }
        let ids = page.observations.iter().flat_map(|seen| seen.aliases.iter().chain([&seen.native_id]));
        self.seen.extend(ids.cloned());
        if self.stuck { Page { position: None, ..page } } else { page }
    }

    /// Once everything else is read: what answers under the account's posts answer themselves, and search did not give.
    fn last_look(&mut self) -> Option<Step> {
        let above = std::mem::take(&mut self.above);
        let mut ids: Vec<String> =
            above.into_iter().filter(|id| !self.seen.contains(id) && !self.looked_up.contains(id)).collect();
        self.above.extend(ids.split_off(ids.len().min(LOOKUP)));
        self.looked_up.extend(ids.iter().cloned());
        (!ids.is_empty()).then_some(Step::Lookup { ids, why: Why::Above, position: None })
    }

    async fn user(&mut self, http: &Http) -> Result<Page, Failure> {
        let exchange = http.send(&self.calls.user()?).await?;
        let (page, user) = parse_user(&exchange);
        let Some(user) = user else { return Err(no_account(&self.calls.target, exchange)) };
        self.counted = user.posts;
        if self.calls.target.native_id.is_empty() {
            self.names = Names::of(&user.id);
        }
        self.calls.target.native_id = user.id;
        Ok(page)
    }

    /// Answers that stand in conversations of which it is not known who began them: each looked up beside the first post of that.
    fn unplaced(&mut self, posts: &[Summary]) -> Vec<Step> {
        let here: BTreeSet<&String> =
            posts.iter().filter(|post| self.begins(post)).flat_map(|post| &post.ids).collect();
        let (mut ids, mut steps) = (BTreeSet::new(), Vec::new());
        for post in posts.iter().filter(|post| !post.root) {
            let Some(conversation) = post.conversation.as_ref().filter(|id| !here.contains(id)) else { continue };
            if !self.names.wants(Some(conversation)) && !self.elsewhere.contains(conversation) {
                ids.insert(post.native_id.clone());
                ids.extend(self.looked_up.insert(conversation.clone()).then(|| conversation.clone()));
            }
            if ids.len() + 2 > LOOKUP {
                steps.push(std::mem::take(&mut ids));
            }
        }
        steps.push(ids);
        let asked = steps.into_iter().filter(|ids| !ids.is_empty()).map(|ids| ids.into_iter().collect());
        asked.map(|ids| Step::Lookup { ids, why: Why::Roots, position: None }).collect()
    }

    /// A post of the account's own under which a thread may stand.
    fn begins(&self, post: &Summary) -> bool {
        post.root && !post.repost && self.names.owns(post.author.as_deref())
    }

    async fn list(&mut self, http: &Http, now: Timestamp, mut list: List) -> Result<Page, Failure> {
        let exchange = match http.send(&self.calls.list(now, &list)?).await {
            Err(failure) if list.of != Of::Own && is_forbidden(&failure) => {
                if list.of != Of::Mentions {
                    self.quotes = false;
                    self.todo.retain(|step| !matches!(step, Step::List(List { of: Of::Quotes(_), .. })));
                }
                return Ok(self.not_open(failure, "they are not kept until then"));
            }
            sent => sent?,
        };
        let read = parse_posts(&exchange, &self.names);
        if list.of == Of::Own && read.posts.is_empty() && !(read.not_found.is_empty() && read.not_shown.is_empty()) {
            return Err(no_account(&self.calls.target, exchange));
        }
        let oldest = read.posts.iter().filter_map(|post| post.created_at).min();
        list.seen += read.posts.len();
        list.oldest = list.oldest.into_iter().chain(oldest).min();
        let (next, whole) = self.onward(std::mem::take(&mut list.listing), &read, list.of.words());
        list.lost |= !whole;
        let mut page = read.page;
        self.look_above(read.above);
        let own = list.of == Of::Own;
        let position =
            if own { oldest.filter(|_| list.start.is_none()) } else { list.position.filter(|_| next.is_none()) };
        match next {
            Some(listing) => self.todo.push_front(Step::List(List { listing, ..list })),
            None if own => self.end_of_timeline(&list, &mut page),
            None => page.shortfalls.extend(list.mentions_shortfall()),
        }
        let posts: Vec<&Summary> = read.posts.iter().filter(|_| own).collect();
        let unplaced = self.unplaced(&read.posts);
        let waits = self.go_into(unplaced, &posts, read.behind, (exchange.at, position));
        page.position = position.filter(|_| !waits);
        place(&mut page, &read.posts, &self.names, |conversation| self.elsewhere.contains(conversation));
        Ok(page)
    }

    /// The rest of a listing, and whether all of it could be read so far: what could not, and pages that repeat themselves, leave
    /// the walk unfinished.
    fn onward(&mut self, listing: Listing, read: &Read, words: &str) -> (Option<Listing>, bool) {
        if read.lost {
            self.leave_out(format!("something among its {words} could not be read; the answer is kept"));
        }
        let ids: Vec<String> = read.posts.iter().map(|post| post.native_id.clone()).collect();
        match listing.after(read.next.as_deref(), &ids) {
            Ok(next) => (next, !read.lost),
            Err(repeated) => {
                self.leave_out(format!("its {words}: {repeated}; reading stopped"));
                (None, false)
            }
        }
    }

    fn leave_out(&mut self, why: String) {
        self.stuck = true;
        self.unfinished.get_or_insert(why);
    }

    /// Puts some steps, and what is to be read of these posts, before everything else: newest edits, threads, and who quotes
    /// them. The last of it carries the position. False when there is nothing to do.
    fn go_into(
        &mut self,
        mut steps: Vec<Step>,
        posts: &[&Summary],
        behind: Vec<String>,
        (at, position): (Timestamp, Option<Timestamp>),
    ) -> bool {
        let behind: Vec<String> = behind.into_iter().filter(|id| self.looked_up.insert(id.clone())).collect();
        let newest = behind.chunks(LOOKUP).map(<[String]>::to_vec);
        let newest = newest.map(|ids| Step::Lookup { ids, why: Why::Newest, position: None });
        let threads = self.threads(posts);
        let reach = at.checked_sub(SEARCH_REACH).unwrap_or(at);
        steps.extend(newest);
        steps.extend(searches(threads, self.archive, reach).into_iter().map(Step::Search));
        let quoted = posts.iter().filter(|post| self.wants_quotes(post, at)).flat_map(|post| &post.ids);
        steps.extend(quoted.map(|id| Step::List(List::new(Of::Quotes(id.clone()), None, None))));
        match steps.last_mut() {
            Some(Step::Search(Search { position: last, .. })) => *last = position,
            Some(Step::List(List { position: last, .. }) | Step::Lookup { position: last, .. }) => *last = position,
            _ => return false,
        }
        for step in steps.into_iter().rev() {
            self.todo.push_front(step);
        }
        true
    }

    /// The threads under these posts that were not searched yet.
    fn threads(&mut self, posts: &[&Summary]) -> Vec<Thread> {
        let mut found = Vec::new();
        for post in posts {
            if self.begins(post) {
                self.names.root(&post.ids, &post.native_id);
                found.extend(self.searched.insert(post.native_id.clone()).then(|| Thread::of(post)));
            }
        }
        found
    }

    fn wants_quotes(&self, post: &Summary, at: Timestamp) -> bool {
        let fresh = post.created_at.is_none_or(|created| at.duration_since(created) < QUOTED_FRESH);
        post.quotes > 0
            && !post.repost
            && self.quotes
            && self.names.owns(post.author.as_deref())
            && (fresh || !matches!(self.errand, Kind::Since(_)))
    }

    fn end_of_timeline(&mut self, list: &List, page: &mut Page) {
        let most = i64::try_from(TIMELINE_REACH).unwrap_or(i64::MAX);
        let cut = list.seen >= TIMELINE_REACH || self.counted.is_some_and(|counted| counted > most);
        let since = match self.errand {
            Kind::Since(_) if list.seen >= TIMELINE_REACH => list.oldest.map(Some),
            Kind::Since(since) => Some(Some(since)),
            Kind::Whole if cut => list.oldest.map(Some),
            Kind::Whole => Some(None),
            Kind::Resumed | Kind::Other => None,
        };
        if let (Some(since), Some(shown), false) = (since, &mut self.shown, list.lost) {
            shown.push(Scope::Posts { since });
        }
        if matches!(self.errand, Kind::Whole | Kind::Resumed) {
            page.shortfalls.extend(self.timeline_shortfall(list, cut));
        }
    }

    fn timeline_shortfall(&self, list: &List, cut: bool) -> Option<Shortfall> {
        let seen = i64::try_from(list.seen).unwrap_or(i64::MAX);
        let counted = self.counted.unwrap_or(seen);
        let cause = if cut {
            format!("X gives only the newest 3,200 posts of an account; this one has {counted}")
        } else if self.errand == Kind::Whole && counted > seen {
            format!("X counts {counted} posts and gave {seen}")
        } else {
            return None;
        };
        Some(Shortfall { item: None, stream: "posts".to_owned(), from: None, to: list.oldest, cause })
    }

    async fn search(&mut self, http: &Http, mut search: Search) -> Result<Page, Failure> {
        if !self.archive {
            search.archive = None;
        }
        let exchange = match http.send(&self.calls.search(&search)?).await {
            Err(failure) if search.archive.is_some() && is_forbidden(&failure) => {
                self.archive = false;
                self.todo.push_front(Step::Search(Search { listing: Listing::default(), ..search }));
                return Ok(self.not_open(failure, "or set full_archive = false in [platform.x]"));
            }
            sent => sent?,
        };
        let reach = exchange.at.checked_sub(SEARCH_REACH).unwrap_or(exchange.at);
        let read = parse_posts(&exchange, &self.names);
        let (next, whole) = self.onward(std::mem::take(&mut search.listing), &read, "answers");
        search.lost |= !whole;
        let mut page = read.page;
        self.look_above(read.above);
        match next {
            Some(listing) => self.todo.push_front(Step::Search(Search { listing, ..search })),
            // No search sees a thread in whole; the answer says that it was looked through.
            None => {
                page.position = search.position;
                if search.archive.is_none() {
                    page.shortfalls.extend(search.threads.iter().filter_map(|thread| out_of_reach(thread, reach)));
                }
                if self.errand == Kind::Other && !search.lost {
                    page.answers.extend(search.threads.into_iter().map(|thread| Answer::Readable(thread.native_id)));
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
        let exchange = http.send(&self.calls.lookup(&ids)?).await?;
        let read = parse_posts(&exchange, &self.names);
        let mut page = read.page;
        if matches!(why, Why::Threads | Why::Check) {
            answer(&ids, &read.posts, &read.not_found, &read.not_shown, &mut page);
        }
        let threads: Vec<&Summary> = read.posts.iter().filter(|post| self.begins(post)).collect();
        let waits = match why {
            Why::Threads => {
                // Of a root whose thread is searched it is said once that is done.
                let searched = |post: &&&Summary| !self.searched.contains(&post.native_id);
                let roots: BTreeSet<&String> = threads.iter().filter(searched).flat_map(|post| &post.ids).collect();
                page.answers.retain(|answer| !matches!(answer, Answer::Readable(id) if roots.contains(id)));
                let own: Vec<&Summary> = read.posts.iter().collect();
                self.go_into(Vec::new(), &own, read.behind, (exchange.at, position))
            }
            Why::Check => self.go_into(Vec::new(), &[], read.behind, (exchange.at, position)),
            Why::Roots => {
                let is_own = |id: &String| threads.iter().any(|post| post.ids.contains(id));
                if read.lost {
                    self.leave_out("some of the posts that its answers stand under could not be read".to_owned());
                    self.shown = None;
                } else {
                    self.elsewhere.extend(ids.iter().filter(|id| !is_own(id)).cloned());
                }
                // What others began is no item here, only what answers there.
                let strange: Vec<&Summary> = read.posts.iter().filter(|post| post.root && !self.begins(post)).collect();
                let is_strange = |id: &String| strange.iter().any(|post| post.ids.contains(id));
                page.observations.retain(|seen| !is_strange(&seen.native_id));
                let behind = read.behind.into_iter().filter(|id| !is_strange(id)).collect();
                let waits = self.go_into(Vec::new(), &threads, behind, (exchange.at, position));
                place(&mut page, &read.posts, &self.names, |conversation| self.elsewhere.contains(conversation));
                waits
            }
            Why::Newest | Why::Above => false,
        };
        page.position = position.filter(|_| !waits);
        self.look_above(read.above);
        Ok(page)
    }

    /// Takes note of what posts in the account's threads answer. A recent walk reads them as they come: it asks only for those
    /// whose pictures are missing.
    fn look_above(&mut self, above: Vec<(bool, String)>) {
        let everything = !matches!(self.errand, Kind::Since(_));
        self.above.extend(above.into_iter().filter(|(bare, _)| *bare || everything).map(|(_, id)| id));
    }

    /// X does not let this access make a call: the walk goes on without, and says what a person must do.
    fn not_open(&mut self, failure: Failure, mend: &str) -> Page {
        let words = format!("{}; {mend}", failure.error);
        self.unfinished.get_or_insert_with(|| words.clone());
        let exchange = failure.exchange.map(|exchange| *exchange).unwrap_or_default();
        Page { exchange, problems: vec![Problem::new("exchange", words)], ..Page::default() }
    }
}

fn is_forbidden(failure: &Failure) -> bool {
    let forbidden = failure.exchange.as_ref().is_some_and(|exchange| exchange.status == 403);
    forbidden && matches!(failure.error, Error::Unauthorized { .. })
}

fn lookups(known: &[Known], why: Why) -> Vec<Step> {
    let distinct: BTreeSet<&String> = known.iter().map(|known| &known.native_id).collect();
    let ids: Vec<String> = distinct.into_iter().cloned().collect();
    ids.chunks(LOOKUP).map(|ids| Step::Lookup { ids: ids.to_vec(), why, position: None }).collect()
}
