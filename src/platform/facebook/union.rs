//! The edges over which a page's posts come, walked side by side, newest first: no single one gives all posts.

use std::collections::HashSet;

use super::parse::Shape;
use crate::model::{Observation, Problem, Scope, Timestamp};
use crate::platform::Error;
use crate::platform::graph::Next;
use crate::platform::http::later;

/// One edge, as far as it has been walked.
#[derive(Debug, Clone)]
pub(super) struct Edge {
    pub(super) name: &'static str,
    pub(super) next: Option<Next>,
    pub(super) limit: u32,
    pub(super) until: Option<Timestamp>,
    walked: HashSet<Next>,
    barren: u32,
    /// How far back it has been read.
    reached: Option<Timestamp>,
}

/// Edges, the page size each begins with, and what their objects are.
const EDGES: &[(&str, u32, Shape)] = &[
    ("published_posts", 50, Shape::Post),
    ("visitor_posts", 50, Shape::Post),
    ("tagged", 50, Shape::Post),
    ("video_reels", 50, Shape::Video),
    ("photos", 100, Shape::Photo),
    ("stories", 100, Shape::Story),
    (ARCHIVED, 100, Shape::Story),
];

/// Stories whose day is over: the same edge with another status.
const ARCHIVED: &str = "archived stories";

impl Edge {
    /// The edge's name in a path.
    pub(super) fn path(&self) -> &'static str {
        if self.name == ARCHIVED { "stories" } else { self.name }
    }

    pub(super) fn shape(&self) -> Shape {
        EDGES.iter().find(|(name, ..)| *name == self.name).map_or(Shape::Post, |(_, _, shape)| *shape)
    }

    pub(super) fn stream(&self) -> &'static str {
        match self.name {
            "visitor_posts" => "visitor posts",
            "tagged" => "posts that name the page",
            "video_reels" => "reels",
            "photos" => "photos without a post",
            "stories" | ARCHIVED => "stories",
            _ => "posts",
        }
    }

    /// Without its own posts there is no walk; the platform may refuse any other edge.
    pub(super) fn may_be_refused(&self) -> bool {
        self.name != "published_posts"
    }

    /// What stands under a post that merely names the page stands on somebody else's page.
    pub(super) fn has_comments(&self) -> bool {
        !matches!(self.name, "tagged" | "stories" | ARCHIVED)
    }

    pub(super) fn is_own(&self) -> bool {
        matches!(self.name, "video_reels" | "photos" | "stories" | ARCHIVED)
    }

    pub(super) fn query(&self) -> Vec<(String, String)> {
        let mut query = vec![("limit".to_owned(), self.limit.to_string())];
        match self.name {
            "published_posts" | "visitor_posts" => {
                query.push(("include_hidden".to_owned(), "true".to_owned()));
                query.push(("show_expired".to_owned(), "true".to_owned()));
            }
            "photos" => query.push(("type".to_owned(), "uploaded".to_owned())),
            "stories" => query.push(("status".to_owned(), "PUBLISHED".to_owned())),
            ARCHIVED => query.push(("status".to_owned(), "ARCHIVED".to_owned())),
            _ => {}
        }
        if let Some(until) = self.until {
            query.push(("until".to_owned(), until.as_second().to_string()));
        }
        for (name, value) in self.next.iter().flat_map(|next| &next.0) {
            query.retain(|(known, _)| known != name);
            query.push((name.clone(), value.clone()));
        }
        query
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
}

impl Union {
    pub(super) fn recent(since: Timestamp) -> Union {
        Union::new(Some(since), None, false)
    }

    pub(super) fn backfill(before: Option<Timestamp>) -> Union {
        Union::new(None, before, true)
    }

    fn new(since: Option<Timestamp>, before: Option<Timestamp>, backfill: bool) -> Union {
        // Posts of the very second where the last run got to are read again.
        let until = before.map(|before| later(before, 1));
        let open = EDGES
            .iter()
            .map(|&(name, limit, _)| Edge {
                name,
                next: None,
                limit,
                until,
                walked: HashSet::new(),
                barren: 0,
                reached: None,
            })
            .collect();
        Union {
            since,
            before,
            backfill,
            open,
            broken: Vec::new(),
            held_back: false,
            incomplete: false,
            position: before,
            scope_said: false,
        }
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
        let at = self.open.iter().position(|open| open.name == edge.name)?;
        self.incomplete |= lost;
        self.held_back |= lost;
        edge.reached = oldest.into_iter().chain(edge.reached).min();
        edge.barren = if new == 0 { edge.barren + 1 } else { 0 };
        // One old post proves nothing, since order is not kept; a whole page of them does.
        let past = self.since.is_some_and(|since| newest.is_some_and(|newest| newest < since));
        let Some(next) = next.filter(|_| !past) else {
            self.open.remove(at);
            return None;
        };
        if edge.barren > 20 || !edge.walked.insert(next.clone()) {
            let what = format!("the pages of {} repeat themselves; reading stopped", edge.name);
            self.broken(&edge);
            return Some(Problem::new("paging.next", what));
        }
        edge.next = Some(next);
        self.open[at] = edge;
        None
    }

    /// An edge failed: neither can an absence be shown nor the position pass the place.
    pub(super) fn broken(&mut self, edge: &Edge) {
        if let Some(at) = self.open.iter().position(|open| open.name == edge.name) {
            self.broken.push(self.open.remove(at).reached);
        }
    }

    /// The platform does not give this edge: the others go on without it. Where it does not exist for us (as GET of Reels
    /// may not) it never gave a post either; where a permission is missing, posts known from before are only out of sight.
    pub(super) fn refused(&mut self, edge: &Edge, error: &Error) {
        self.open.retain(|open| open.name != edge.name);
        let out_of_sight = matches!(error, Error::Unauthorized { .. }) && edge.shape() != Shape::Story;
        self.incomplete |= out_of_sight || edge.next.is_some();
    }

    /// The same again with a smaller page.
    pub(super) fn halve(edge: &mut Edge) -> bool {
        edge.limit /= 2;
        edge.limit >= 1
    }

    pub(super) fn hold_back(&mut self) {
        self.held_back = true;
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
