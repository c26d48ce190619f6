//! Facebook Pages: posts, visitors' posts, Reels, photos, stories, comments and replies, and a page's own facts.

mod access;
mod edges;
mod parse;
mod profile;
mod step;
mod wire;

use std::collections::{HashMap, HashSet, VecDeque};

pub use access::{discover, not_reached, probe};
pub use parse::{parse_comments, parse_posts};
use step::{Comments, Node, Step};

use super::edges::{Edge, Union};
use super::graph::{self, Refusal, shortfall};
use super::http::{Call, Http};
use super::{Endpoint, Errand, Error, Failure, Known, Target};
use crate::model::{Answer, Exchange, Observation, Page, Problem, Scope, Shortfall, Timestamp};

/// One errand over one page. See [`super::Walk`].
pub struct Walk {
    target: Target,
    endpoint: Endpoint,
    /// What is to be read next, before the edges go on.
    steps: VecDeque<Step>,
    union: Option<Union>,
    /// The roots met so far: the same post comes over several edges.
    met: HashSet<String>,
    /// Their other ids.
    also: HashSet<String>,
    /// How many comments each photo of an album has of its own, as far as the photos' edge has told.
    commented: HashMap<String, i64>,
    /// The comments of albums, until that edge has come so far.
    waiting: Vec<Comments>,
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
            Errand::Recent { since } => union = Some(Union::recent(&edges::EDGES, since)),
            Errand::Backfill { before } => union = Some(Union::backfill(&edges::EDGES, before)),
            Errand::Revisit { threads, check } => {
                steps.extend(threads.into_iter().map(|known| Step::Node(Node::new(known, true))));
                steps.extend(check.into_iter().map(|known| Step::Node(Node::new(known, false))));
            }
            Errand::Profile => steps.push_back(Step::Profile),
        }
        Walk {
            target,
            endpoint: endpoint.clone(),
            steps,
            union,
            met: HashSet::new(),
            also: HashSet::new(),
            commented: HashMap::new(),
            waiting: Vec::new(),
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
        self.release();
        Some(taken.map(|page| self.concluded(page)))
    }

    /// Why not everything was read though no exchange failed.
    pub fn unfinished(&self) -> Option<&str> {
        self.union.as_ref()?.unfinished()
    }

    fn call(&self, step: &Step) -> Result<Call, Error> {
        let fields = step.fields(&self.dropped);
        let (segments, words) = step.path(&self.target);
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let mut call = graph::call(&self.target, &self.endpoint, &segments, &words)?;
        if !fields.is_empty() {
            call = call.query("fields", &fields);
        }
        for (name, value) in step.query() {
            call = call.query(&name, &value);
        }
        Ok(call)
    }

    fn take(&mut self, step: Step, exchange: Exchange, now: Timestamp) -> Result<Page, Failure> {
        let version = graph::version_problem(&exchange, &self.endpoint);
        let taken = match graph::refusal(&exchange) {
            Some(refusal) => self.refused(step, &refusal, &exchange, now),
            None => Ok(self.read(step, &exchange)),
        };
        let exchange = Box::new(exchange);
        match taken {
            Ok(mut page) => {
                self.troubles = 0;
                page.problems.extend(version);
                page.exchange = *exchange;
                Ok(page)
            }
            Err(given_up) => {
                let (step, error) = *given_up;
                self.give_up(&step, Failure { error, exchange: Some(exchange) })
            }
        }
    }

    fn read(&mut self, step: Step, exchange: &Exchange) -> Page {
        let page_id = self.target.native_id.clone();
        match step {
            Step::Edge(edge) => self.read_edge(edge, exchange),
            Step::Comments(comments) => self.read_comments(comments, exchange),
            Step::Album(album) => {
                let (page, onward) = album.read(exchange);
                onward.into_iter().for_each(|step| self.then(step));
                page
            }
            Step::Node(node) => self.read_node(&node, exchange),
            Step::Profile => {
                let (page, audits) = profile::read(exchange, &page_id);
                self.steps.extend(audits.into_iter().map(Step::Audit));
                page
            }
            Step::Audit(audit) => {
                let (page, onward) = audit.read(exchange);
                if let Some(onward) = onward {
                    self.steps.push_front(Step::Audit(onward));
                }
                page
            }
        }
    }

    fn read_edge(&mut self, edge: Edge, exchange: &Exchange) -> Page {
        let batch = parse::roots(&exchange.body, edges::shape(&edge), &self.target.native_id);
        let mut page = Page { problems: batch.problems, ..Page::default() };
        page.vouches = !batch.commented.is_empty();
        self.commented.extend(batch.commented);
        let lost = batch.objects > batch.observations.len() + batch.albums.len() + batch.in_posts;
        let Some(mut union) = self.union.take() else { return page };
        let passed_on = |post: &Observation| batch.passed_on.contains(&post.native_id);
        let mut new = 0;
        let mut after = Vec::new();
        for mut post in batch.observations {
            if self.stands_elsewhere(&post) {
                continue;
            }
            // To be seen again in the same form does no harm.
            if self.meet(&post) {
                new += 1;
                if edge.kind.comments && union.wants_comments(&post) {
                    after.push(Step::Comments(Comments::of(&post, passed_on(&post))));
                }
            }
            if edge.kind.own && post.author == Default::default() {
                post.author.native_id = Some(self.target.native_id.clone());
            }
            page.observations.push(post);
        }
        for post in batch.albums {
            if self.meet(&post) {
                new += 1;
                let (thread, passed_on) = (edge.kind.comments && union.wants_comments(&post), passed_on(&post));
                after.push(Step::Album(step::Album::of(post, thread, passed_on)));
            }
        }
        let span = (batch.oldest, batch.newest);
        let stream = edge.kind.stream;
        page.problems.extend(union.advance(edge, batch.next, span, new + batch.in_posts, lost));
        page.shortfalls.extend(union.take_hollow().map(|what| shortfall(None, stream, &what)));
        self.union = Some(union);
        after.into_iter().rev().for_each(|step| self.then(step));
        page
    }

    /// Does this next. The comments of an album wait until the photos' edge has come so far: it tells under which of its
    /// photos there are any, and a quiet album then costs no call more than any other post.
    fn then(&mut self, step: Step) {
        match step {
            Step::Comments(_) if self.no_comments => {}
            Step::Comments(comments) if self.union.is_some() && comments.has_photos() => self.waiting.push(comments),
            step => self.steps.push_front(step),
        }
    }

    fn release(&mut self) {
        let Some(union) = &self.union else { return };
        let passed = |comments: &mut Comments| union.has_passed(edges::PHOTOS, comments.created_at);
        self.steps.extend(self.waiting.extract_if(.., passed).map(Step::Comments));
    }

    /// True for an object that another edge has shown as part of a post: a Reel by its video, a photo by its post.
    fn stands_elsewhere(&self, post: &Observation) -> bool {
        self.also.contains(&post.native_id)
            || post.aliases.iter().any(|alias| self.met.contains(alias) && *alias != post.native_id)
    }

    fn meet(&mut self, post: &Observation) -> bool {
        self.also.extend(post.aliases.iter().cloned());
        self.met.insert(post.native_id.clone())
    }

    fn read_comments(&mut self, mut comments: Comments, exchange: &Exchange) -> Page {
        let batch = parse::comments(&exchange.body, &comments.root);
        let mut page = Page { observations: batch.observations, problems: batch.problems, ..Page::default() };
        comments.total = batch.total.or(comments.total);
        comments.lost |= batch.objects > page.observations.len();
        if batch.objects > page.observations.len() + batch.nameless {
            self.leave_out(format!("something among the comments of {} could not be read", comments.root));
        }
        comments.nameless += batch.nameless;
        let known = comments.ids.len();
        comments.ids.extend(page.observations.iter().map(|comment| comment.native_id.clone()));
        let barren = comments.ids.len() == known;
        comments.hollow |= batch.objects == 0;
        match batch.next {
            Some(next) if comments.goes_on(&next, barren) => {
                comments.next = Some(next);
                self.steps.push_front(Step::Comments(comments));
            }
            Some(_) => {
                self.hold_back();
                let root = comments.root;
                let what = format!("the pages of comments of {root} repeat themselves; reading stopped");
                page.problems.push(Problem::new("paging.next", what));
                page.shortfalls.push(shortfall(Some(root), "comments", "the platform's pages repeat themselves"));
            }
            None if comments.turn(&self.commented) => self.steps.push_front(Step::Comments(comments)),
            None => {
                page.shortfalls.extend(comments.shortfall());
                if comments.is_whole() {
                    page.finished.push(Scope::Thread { root: comments.root });
                }
            }
        }
        page
    }

    fn read_node(&mut self, node: &Node, exchange: &Exchange) -> Page {
        let batch = node.parse(exchange, &self.target.native_id);
        let mut page = Page { problems: batch.problems, ..Page::default() };
        let id = &node.known.native_id;
        page.answers.push(Answer::Readable(id.clone()));
        let mut album = None;
        for mut found in batch.observations.into_iter().chain(batch.albums.clone()) {
            if found.native_id != *id {
                found.aliases.push(std::mem::replace(&mut found.native_id, id.clone()));
                found.aliases.retain(|alias| alias != id);
            }
            found.kind = node.kind_of(&found);
            if batch.albums.is_empty() { page.observations.push(found) } else { album = Some(found) }
        }
        let passed_on = !batch.passed_on.is_empty();
        match album {
            Some(post) => self.then(Step::Album(step::Album::of(post, node.thread, passed_on))),
            None if node.thread => {
                let post = page.observations.first();
                self.then(Step::Comments(post.map_or_else(|| Comments::at(id), |post| Comments::of(post, passed_on))));
            }
            None => {}
        }
        page
    }

    /// A refusal that the walk can live with becomes a page that says so; any other ends the step.
    fn refused(
        &mut self,
        mut step: Step,
        refusal: &Refusal<'_>,
        exchange: &Exchange,
        now: Timestamp,
    ) -> Result<Page, Box<(Step, Error)>> {
        let (_, words) = step.path(&self.target);
        let what = format!("{}: {words}", graph::who(&self.target));
        let error = graph::error(refusal, &what);
        if refusal.is_of_person() && matches!(step, Step::Profile | Step::Edge(_)) {
            return Err(Box::new((step, graph::of_person(&self.target))));
        }
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
        let step = match step {
            Step::Comments(comments) if comments.place != comments.root => {
                page.shortfalls.push(self.past_photo(comments, &error));
                return Ok(page);
            }
            step => step,
        };
        match (&step, &error) {
            (Step::Edge(edge), _) if !edge.kind.required => {
                let from = self.union.as_ref().and_then(Union::since);
                let stream = edge.kind.stream;
                page.shortfalls.push(Shortfall { from, to: Some(now), ..shortfall(None, stream, &error.to_string()) });
                if let Some(union) = &mut self.union {
                    union.refused(edge, &error);
                }
            }
            (Step::Node(node), Error::Gone { .. }) => page.answers.push(Answer::Gone(node.known.native_id.clone())),
            (Step::Comments(comments), Error::Gone { .. }) => {
                let cause = "the post went away, or out of our sight, while its comments were read";
                page.shortfalls.push(shortfall(Some(comments.root.clone()), "comments", cause));
                self.hold_back();
            }
            (Step::Comments(_), Error::Unauthorized { .. }) => {
                self.no_comments = true;
                self.leave_out(error.to_string());
                self.steps.retain(|step| !matches!(step, Step::Comments(_)));
                self.waiting.clear();
                page.shortfalls.push(shortfall(None, "comments", &error.to_string()));
            }
            (Step::Comments(comments), _) if comments.next.is_some() => {
                let cause = "the platform gives no further pages of these comments";
                page.shortfalls.push(shortfall(Some(comments.root.clone()), "comments", cause));
            }
            (Step::Album(album), _) => {
                page = album.as_it_is(page, exchange);
                album.comments().into_iter().for_each(|comments| self.then(Step::Comments(comments)));
            }
            (Step::Audit(_), _) => {}
            _ => return Err(Box::new((step, error))),
        }
        Ok(page)
    }

    /// The comments of one photo are refused: those of the others are read, and the thread is not called whole.
    fn past_photo(&mut self, mut comments: Comments, error: &Error) -> Shortfall {
        let short = shortfall(Some(comments.root.clone()), "comments", &format!("under one photo: {error}"));
        comments.lost = true;
        if comments.turn(&self.commented) {
            self.steps.push_front(Step::Comments(comments));
        }
        short
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

    /// What is true once everything that hangs on this page has been read.
    fn concluded(&mut self, mut page: Page) -> Page {
        if let Some(union) = self.union.as_mut().filter(|_| self.steps.is_empty()) {
            page.finished.extend(union.scope());
            page.position = union.position();
        }
        page
    }
}

/// The post or comment that a list of known ones names, as an observation's kind wants it.
fn kept_kind(known: &Known, found: &Observation) -> crate::model::Kind {
    if known.kind.is_root() && found.kind.is_root() { known.kind } else { found.kind }
}
