//! Instagram professional accounts linked to a page: media, stories, media in which the account is tagged, comments and
//! replies, over the same host and credential as the page.

mod access;
mod parse;
mod profile;
mod step;

use std::collections::{HashSet, VecDeque};

pub use access::probe;
use parse::Batch;
pub use parse::{parse_comments, parse_posts};
use step::{Step, Thread};

use super::edges::{Edge, Kind as EdgeKind, Union};
use super::graph::{self, Refusal, shortfall};
use super::http::{Call, Http};
use super::{Endpoint, Errand, Error, Failure, Target};
use crate::model::{Answer, Exchange, Observation, Page, Problem, Scope, Shortfall, Timestamp};

const MEDIA: EdgeKind = EdgeKind {
    path: "media",
    stream: "posts",
    limit: 50,
    query: &[],
    required: true,
    comments: true,
    own: true,
    lasting: true,
};

static EDGES: [EdgeKind; 3] = [
    MEDIA,
    EdgeKind { path: "stories", stream: "stories", required: false, comments: false, lasting: false, ..MEDIA },
    EdgeKind {
        path: "tags",
        stream: "posts that tag the account",
        required: false,
        comments: false,
        own: false,
        ..MEDIA
    },
];

/// The platform gives no more media of an account than its newest 10,000.
const MOST_MEDIA: usize = 10_000;

/// One errand over one account. See [`super::Walk`].
pub struct Walk {
    target: Target,
    endpoint: Endpoint,
    /// What is to be read next, before the edges go on.
    steps: VecDeque<Step>,
    union: Option<Union>,
    met: HashSet<String>,
    own_media: usize,
    /// Fields that this version of the API does not know.
    dropped: HashSet<String>,
    /// The credential may not read comments at all: said once, not for each post.
    no_comments: bool,
    /// Failures in a row.
    troubles: u32,
    over: bool,
}

impl Walk {
    pub fn new(target: Target, errand: Errand, endpoint: &Endpoint) -> Walk {
        let (mut steps, mut union) = (VecDeque::new(), None);
        match errand {
            Errand::Recent { since } => union = Some(Union::recent(&EDGES, since)),
            Errand::Backfill { before } => union = Some(Union::backfill(&EDGES, before)),
            Errand::Revisit { threads, check } => {
                steps.extend(threads.into_iter().map(|known| Step::Node { known, thread: true }));
                steps.extend(check.into_iter().map(|known| Step::Node { known, thread: false }));
            }
            Errand::Profile => steps.push_back(Step::Profile),
        }
        Walk {
            target,
            endpoint: endpoint.clone(),
            steps,
            union,
            met: HashSet::new(),
            own_media: 0,
            dropped: HashSet::new(),
            no_comments: false,
            troubles: 0,
            over: false,
        }
    }

    /// Makes one exchange. After an error that may pass the walk can be continued: what failed is left out and nothing
    /// that depended on it is ever called finished.
    pub async fn next(&mut self, http: &Http, now: Timestamp) -> Option<Result<Page, Failure>> {
        if self.over {
            return None;
        }
        let step = self.steps.pop_front().or_else(|| self.union.as_mut()?.pick().map(Step::Edge))?;
        let sent = match self.call(&step) {
            Ok(call) => graph::send(http, &call).await,
            Err(error) => Err(error.into()),
        };
        let taken = match sent {
            Ok(exchange) => self.take(step, exchange, now),
            Err(failure) => self.give_up(&step, failure),
        };
        Some(taken.map(|page| self.concluded(page)))
    }

    /// Why not everything was read though no exchange failed.
    pub fn unfinished(&self) -> Option<&str> {
        self.union.as_ref()?.unfinished()
    }

    fn call(&self, step: &Step) -> Result<Call, Error> {
        let (segments, words) = step.path(&self.target);
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let mut call = graph::call(&self.target, &self.endpoint, &segments, &words)?;
        call = call.query("fields", &step.fields(&self.target, &self.dropped));
        for (name, value) in step.query() {
            call = call.query(&name, &value);
        }
        Ok(call)
    }

    fn take(&mut self, step: Step, exchange: Exchange, now: Timestamp) -> Result<Page, Failure> {
        let version = graph::version_problem(&exchange, &self.endpoint);
        let taken = match graph::refusal(&exchange) {
            Some(refusal) => self.refused(step, &refusal, now),
            None => Ok(self.read(step, &exchange)),
        };
        match taken {
            Ok(mut page) => {
                self.troubles = 0;
                page.problems.extend(version);
                page.exchange = exchange;
                Ok(page)
            }
            Err(given_up) => {
                let (step, error) = *given_up;
                self.give_up(&step, Failure { error, exchange: Some(Box::new(exchange)) })
            }
        }
    }

    fn read(&mut self, step: Step, exchange: &Exchange) -> Page {
        match step {
            Step::Edge(edge) => self.read_edge(edge, exchange),
            Step::Thread(thread) => self.read_thread(thread, exchange),
            Step::Node { known, thread } => {
                let id = known.native_id.clone();
                let batch = if known.kind.is_root() {
                    parse::media(&exchange.body, &self.target.native_id)
                } else {
                    parse::comments(&exchange.body, &known.root, None)
                };
                let mut page = page_of(batch);
                page.answers.push(Answer::Readable(id.clone()));
                if thread && known.kind != crate::model::Kind::Story && !self.no_comments {
                    let total = page.observations.first().and_then(|seen| seen.counts.comments);
                    self.steps.push_front(Step::Thread(Thread::of(&id, total)));
                }
                page
            }
            Step::Profile => profile::read(exchange, &self.target),
        }
    }

    fn read_edge(&mut self, edge: Edge, exchange: &Exchange) -> Page {
        let account = if edge.kind.own { self.target.native_id.as_str() } else { "" };
        let mut batch = parse::media(&exchange.body, account);
        let (next, span) = (batch.next.take(), (batch.oldest, batch.newest));
        let lost = batch.objects > batch.observations.len();
        let mut page = page_of(batch);
        let Some(mut union) = self.union.take() else { return page };
        let mut new = 0;
        for medium in &mut page.observations {
            if edge.kind.own && medium.author.handle.is_none() {
                medium.author.handle = Some(self.target.handle.clone()).filter(|handle| !handle.is_empty());
            }
            if !self.met.insert(medium.native_id.clone()) {
                continue;
            }
            new += 1;
            if edge.kind.comments {
                self.own_media += 1;
                if union.wants_comments(medium) && !self.no_comments {
                    self.steps.push_back(Step::Thread(Thread::of(&medium.native_id, medium.counts.comments)));
                }
            }
        }
        if edge.kind.required && next.is_none() && self.own_media >= MOST_MEDIA {
            let cause = "Instagram gives no more than the newest 10,000 posts of an account";
            page.shortfalls.push(Shortfall { to: span.0, ..shortfall(None, "posts", cause) });
        }
        let stream = edge.kind.stream;
        page.problems.extend(union.advance(edge, next, span, new, lost));
        page.shortfalls.extend(union.take_hollow().map(|what| shortfall(None, stream, &what)));
        self.union = Some(union);
        page
    }

    fn read_thread(&mut self, mut thread: Thread, exchange: &Exchange) -> Page {
        let mut batch = parse::comments(&exchange.body, &thread.root, thread.parent.as_deref());
        let next = batch.next.take();
        let full_without_way_on = next.is_none() && batch.objects >= 50 && thread.limit >= 50;
        let answered = std::mem::take(&mut batch.answered);
        if batch.objects > batch.observations.len() {
            thread.lost = true;
            self.leave_out(format!("something among the comments of {} could not be read", thread.root));
        }
        let mut page = page_of(batch);
        let barren = !thread.take(&page.observations, answered);
        if full_without_way_on {
            thread.lost = true;
            let cause = "Instagram gave a full page of fifty comments and no way to the next";
            page.shortfalls.push(shortfall(Some(thread.root.clone()), "comments", cause));
        }
        if let Some(next) = next {
            if thread.goes_on(next, barren) {
                self.steps.push_front(Step::Thread(thread));
                return page;
            }
            thread.lost = true;
            let what = format!("the pages of comments of {} repeat themselves; reading stopped", thread.root);
            page.problems.push(Problem::new("paging.next", what));
            let cause = "the platform's pages repeat themselves";
            page.shortfalls.push(shortfall(Some(thread.root.clone()), "comments", cause));
        }
        if thread.turn_to_replies() {
            self.steps.push_front(Step::Thread(thread));
        } else {
            page.shortfalls.extend(thread.shortfall());
            if thread.lost {
                self.hold_back();
            }
            if thread.is_whole() {
                page.finished.push(Scope::Thread { root: thread.root });
            }
        }
        page
    }

    /// A refusal that the walk can live with becomes a page that says so; any other ends the step.
    fn refused(&mut self, mut step: Step, refusal: &Refusal<'_>, now: Timestamp) -> Result<Page, Box<(Step, Error)>> {
        let (_, words) = step.path(&self.target);
        let error = graph::error(refusal, &format!("{}: {words}", graph::who(&self.target)));
        let mut page = Page::default();
        if let Some(problem) = graph::ask_again(refusal, &mut self.dropped, || step.ask_for_less()) {
            page.problems.push(problem);
            self.steps.push_front(step);
            return Ok(page);
        }
        if matches!(refusal.code(), 190 | 102) {
            return Err(Box::new((step, error)));
        }
        page.problems.push(Problem::new(format!("error {}", refusal.code()), error.to_string()));
        match (step, error) {
            (Step::Edge(edge), error) if !edge.kind.required => {
                let from = self.union.as_ref().and_then(Union::since);
                let short = shortfall(None, edge.kind.stream, &error.to_string());
                page.shortfalls.push(Shortfall { from, to: Some(now), ..short });
                if let Some(union) = &mut self.union {
                    union.refused(&edge, &error);
                }
            }
            (Step::Node { known, .. }, Error::Gone { .. }) => page.answers.push(Answer::Gone(known.native_id)),
            (Step::Thread(thread), Error::Gone { .. }) => {
                let cause = "the post went away, or out of our sight, while its comments were read";
                page.shortfalls.push(shortfall(Some(thread.root), "comments", cause));
                self.hold_back();
            }
            (Step::Thread(_), error @ Error::Unauthorized { .. }) => {
                self.no_comments = true;
                self.leave_out(error.to_string());
                self.steps.retain(|step| !matches!(step, Step::Thread(_)));
                page.shortfalls.push(shortfall(None, "comments", &error.to_string()));
            }
            (step, error) => return Err(Box::new((step, error))),
        }
        Ok(page)
    }

    fn give_up(&mut self, step: &Step, failure: Failure) -> Result<Page, Failure> {
        self.troubles += 1;
        self.over |= self.troubles >= 3;
        self.over |= matches!(failure.error, Error::RateLimited { .. } | Error::Unauthorized { .. });
        match (step, &mut self.union) {
            (Step::Edge(edge), Some(union)) => union.broken(edge),
            (_, Some(union)) => union.hold_back(),
            _ => {}
        }
        Err(failure)
    }

    fn hold_back(&mut self) {
        if let Some(union) = &mut self.union {
            union.hold_back();
        }
    }

    fn leave_out(&mut self, why: String) {
        if let Some(union) = &mut self.union {
            union.leave_out(why);
        }
    }

    /// What is true once everything that hangs on this page has been read. Beyond the newest 10,000 nothing is.
    fn concluded(&mut self, mut page: Page) -> Page {
        let capped = self.own_media >= MOST_MEDIA;
        if let Some(union) = self.union.as_mut().filter(|_| self.steps.is_empty()) {
            page.finished.extend(union.scope().filter(|_| !capped));
            page.position = union.position();
        }
        page
    }
}

fn page_of(batch: Batch) -> Page {
    let cause = "Instagram gives no address for it (rights are claimed in it, or it was flagged)";
    let shortfalls = batch.withheld.into_iter().map(|id| shortfall(Some(id), "media", cause)).collect();
    Page { observations: batch.observations, problems: batch.problems, shortfalls, ..Page::default() }
}

/// Whether any of these is new is for the thread to know.
fn ids(seen: &[Observation]) -> impl Iterator<Item = String> + '_ {
    seen.iter().map(|seen| seen.native_id.clone())
}
