//! The edges over which an account's posts come on the Graph API, walked side by side, newest first: no single one gives
//! all posts.

use std::collections::HashSet;

use super::Error;
use super::graph::Next;
use super::http::later;
use crate::model::{Observation, Problem, Scope, Timestamp};

/// What is known about an edge beforehand.
#[derive(Debug)]
pub(super) struct Kind {
    /// Its name in a path.
    pub(super) path: &'static str,
    /// Its name in a coverage statement.
    pub(super) stream: &'static str,
    /// The page size it begins with.
    pub(super) limit: u32,
    /// What each call of it says beside.
    pub(super) query: &'static [(&'static str, &'static str)],
    /// Without it there is no walk; the platform may refuse any other.
    pub(super) required: bool,
    /// What stands under its posts stands on the account's own page.
    pub(super) comments: bool,
    /// What comes over it is the account's own even where nobody is named.
    pub(super) own: bool,
    /// Its objects last: one that is not there any more is missing.
    pub(super) lasting: bool,
}

/// One edge, as far as it has been walked.
#[derive(Debug, Clone)]
pub(super) struct Edge {
    pub(super) kind: &'static Kind,
    pub(super) next: Option<Next>,
    pub(super) limit: u32,
    until: Option<Timestamp>,
    walked: HashSet<Next>,
    barren: u32,
    /// This page came empty, though more were to follow, and is asked for once more.
    again: bool,
    /// How far back it has been read.
    reached: Option<Timestamp>,
}

impl Edge {
    pub(super) fn query(&self) -> Vec<(String, String)> {
        let mut query = vec![("limit".to_owned(), self.limit.to_string())];
        query.extend(self.kind.query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        if let Some(until) = self.until {
            query.push(("until".to_owned(), until.as_second().to_string()));
        }
        for (name, value) in self.next.iter().flat_map(|next| &next.0) {
            query.retain(|(known, _)| known != name);
            query.push((name.clone(), value.clone()));
        }
        query
    }

    /// The same again with a smaller page; false when it cannot be smaller.
    pub(super) fn halve(&mut self) -> bool {
        self.limit /= 2;
        self.limit >= 1
    }

    fn is(&self, other: &Edge) -> bool {
        std::ptr::eq(self.kind, other.kind)
    }
}

/// All edges of one walk.
#[derive(Debug)]
pub(super) struct Union {
    since: Option<Timestamp>,
    before: Option<Timestamp>,
    backfill: bool,
    open: Vec<Edge>,
    /// Edges that failed: how far each had come.
    broken: Vec<Option<Timestamp>>,
    /// Something under a post failed, or an object could not be read: the position goes no further.
    held_back: bool,
    /// An object of an edge could not be read, or an edge that must be read was refused: no absence can be shown.
    incomplete: bool,
    position: Option<Timestamp>,
    scope_said: bool,
    /// Why the walk will not have come to its end, in words, where no failure said so.
    unfinished: Option<String>,
    /// What an empty page in the middle leaves unknown.
    hollow: Option<String>,
}

impl Union {
    pub(super) fn recent(kinds: &'static [Kind], since: Timestamp) -> Union {
        Union::new(kinds, Some(since), None, false)
    }

    pub(super) fn backfill(kinds: &'static [Kind], before: Option<Timestamp>) -> Union {
        Union::new(kinds, None, before, true)
    }

    fn new(kinds: &'static [Kind], since: Option<Timestamp>, before: Option<Timestamp>, backfill: bool) -> Union {
        // Posts of the very second where the last run got to are read again.
        let until = before.map(|before| later(before, 1));
        let (walked, next, reached) = (HashSet::new(), None, None);
        let edge = Edge { kind: &kinds[0], next, limit: 0, until, walked, barren: 0, again: false, reached };
        Union {
            since,
            before,
            backfill,
            open: kinds.iter().map(|kind| Edge { kind, limit: kind.limit, ..edge.clone() }).collect(),
            broken: Vec::new(),
            held_back: false,
            incomplete: false,
            position: before,
            scope_said: false,
            unfinished: None,
            hollow: None,
        }
    }

    /// Why not everything was read though no exchange failed; `None` when all of it was, or a failure or gap says why not.
    pub(super) fn unfinished(&self) -> Option<&str> {
        self.unfinished.as_deref()
    }

    /// The gap that the last page leaves, in words, once.
    pub(super) fn take_hollow(&mut self) -> Option<String> {
        self.hollow.take()
    }

    pub(super) fn since(&self) -> Option<Timestamp> {
        self.since
    }

    /// The edge that is the least far back: so all of them come down together.
    pub(super) fn pick(&mut self) -> Option<Edge> {
        let newest = |edge: &Edge| edge.reached.unwrap_or(Timestamp::MAX);
        let first = (0..self.open.len()).min_by_key(|at| (std::cmp::Reverse(newest(&self.open[*at])), *at))?;
        Some(self.open[first].clone())
    }

    /// Whether an edge has been read to before this time, or is read no more.
    pub(super) fn has_passed(&self, path: &str, at: Option<Timestamp>) -> bool {
        let before = |edge: &Edge| at.is_none_or(|at| edge.reached.is_some_and(|reached| reached < at));
        self.open.iter().all(|edge| edge.kind.path != path || before(edge))
    }

    /// Comments of posts outside the errand's span are another errand's.
    pub(super) fn wants_comments(&self, post: &Observation) -> bool {
        let Some(at) = post.created_at else { return true };
        self.since.is_none_or(|since| at >= since) && self.before.is_none_or(|before| at <= before)
    }

    /// Notes one page of an edge, and whether and how it goes on.
    pub(super) fn advance(
        &mut self,
        mut edge: Edge,
        next: Option<Next>,
        (oldest, newest): (Option<Timestamp>, Option<Timestamp>),
        new: usize,
        lost: bool,
    ) -> Option<Problem> {
        let at = self.open.iter().position(|open| open.is(&edge))?;
        self.incomplete |= lost;
        if lost {
            self.leave_out(format!("something among its {} could not be read; the answer is kept", edge.kind.stream));
        }
        let is_hollow = new == 0 && oldest.is_none() && !lost && next.is_some();
        if let Some(problem) = self.hollow(at, &edge, is_hollow) {
            return Some(problem);
        }
        edge.again = false;
        edge.reached = oldest.into_iter().chain(edge.reached).min();
        edge.barren = if new == 0 { edge.barren + 1 } else { 0 };
        // One old post proves nothing, since order is not kept; a whole page of them does.
        let past = self.since.is_some_and(|since| newest.is_some_and(|newest| newest < since));
        let Some(next) = next.filter(|_| !past) else {
            self.open.remove(at);
            return None;
        };
        if edge.barren > 20 || !edge.walked.insert(next.clone()) {
            let what = format!("the pages of {} repeat themselves; reading stopped", edge.kind.stream);
            self.broken(&edge);
            self.unfinished.get_or_insert_with(|| what.clone());
            return Some(Problem::new("paging.next", what));
        }
        edge.next = Some(next);
        self.open[at] = edge;
        None
    }

    /// A page that holds nothing while more are to follow may have lost what it held: it is asked for once more. Platforms do
    /// give such pages for good, so the walk then goes on, shows no absence, and leaves a gap.
    fn hollow(&mut self, at: usize, edge: &Edge, is_hollow: bool) -> Option<Problem> {
        if !is_hollow {
            return None;
        }
        let stream = edge.kind.stream;
        if !edge.again {
            self.open[at].again = true;
            return Some(Problem::new(
                "data",
                format!("is empty though more {stream} follow; it is asked for once more"),
            ));
        }
        self.incomplete = true;
        self.hollow = Some(format!("the platform gave an empty page among its {stream}, and more after it"));
        None
    }

    /// An edge failed: neither can an absence be shown nor the position pass the place.
    pub(super) fn broken(&mut self, edge: &Edge) {
        if let Some(at) = self.open.iter().position(|open| open.is(edge)) {
            self.broken.push(self.open.remove(at).reached);
        }
    }

    /// The platform does not give this edge: the others go on without it. Where it does not exist for us (as GET of Reels
    /// may not) it never gave a post either; where a permission is missing, posts known from before are only out of sight.
    pub(super) fn refused(&mut self, edge: &Edge, error: &Error) {
        self.open.retain(|open| !open.is(edge));
        let out_of_sight = matches!(error, Error::Unauthorized { .. }) && edge.kind.lasting;
        self.incomplete |= out_of_sight || edge.next.is_some();
    }

    pub(super) fn hold_back(&mut self) {
        self.held_back = true;
    }

    /// Something was not read though no exchange failed: the position goes no further, and the walk says why.
    pub(super) fn leave_out(&mut self, why: String) {
        self.held_back = true;
        self.unfinished.get_or_insert(why);
    }

    /// All posts have been seen, once that is so. A resumed walk has not seen those before it.
    pub(super) fn scope(&mut self) -> Option<Scope> {
        let whole = self.open.is_empty() && self.broken.is_empty() && !self.incomplete && self.before.is_none();
        if !whole || self.scope_said {
            return None;
        }
        self.scope_said = true;
        Some(Scope::Posts { since: self.since })
    }

    /// Every post younger than this has been walked with its comments; `None` unless that has moved.
    pub(super) fn position(&mut self) -> Option<Timestamp> {
        if !self.backfill || self.held_back {
            return None;
        }
        let mut reached = self.open.iter().map(|edge| edge.reached).chain(self.broken.iter().copied());
        let position = reached.try_fold(None::<Timestamp>, |furthest, edge| Some(furthest.max(Some(edge?))))??;
        if self.position.is_some_and(|known| known <= position) {
            return None;
        }
        self.position = Some(position);
        Some(position)
    }
}
