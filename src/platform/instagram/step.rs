//! One exchange of a walk: what is asked, and what the answer leads to.

use std::collections::{HashSet, VecDeque};

use super::{ids, parse, profile, shortfall};
use crate::model::{Observation, Shortfall};
use crate::platform::edges::Edge;
use crate::platform::graph::{self, Next};
use crate::platform::{Known, Target};

pub(super) enum Step {
    Edge(Edge),
    Thread(Thread),
    Node { known: Known, thread: bool },
    Profile,
}

impl Step {
    /// The path below the version, and the step in words.
    pub(super) fn path(&self, target: &Target) -> (Vec<String>, String) {
        let under = |id: &str, edge: &str| vec![id.to_owned(), edge.to_owned()];
        match self {
            Step::Edge(edge) => (under(&target.native_id, edge.kind.path), format!("its {}", edge.kind.stream)),
            Step::Thread(Thread { root, parent: None, .. }) => (under(root, "comments"), format!("comments of {root}")),
            Step::Thread(Thread { parent: Some(parent), .. }) => {
                (under(parent, "replies"), format!("replies to {parent}"))
            }
            Step::Node { known, .. } => (vec![known.native_id.clone()], format!("item {}", known.native_id)),
            // With the page's credential, "me" is the page: its account is found even where only the handle is known.
            Step::Profile if target.native_id.is_empty() => (vec!["me".to_owned()], "its facts".to_owned()),
            Step::Profile => (vec![target.native_id.clone()], "its facts".to_owned()),
        }
    }

    pub(super) fn fields(&self, target: &Target, dropped: &HashSet<String>) -> String {
        let fields = match self {
            Step::Edge(edge) if edge.kind.path == "tags" => parse::TAG_FIELDS,
            Step::Edge(_) => parse::MEDIA_FIELDS,
            Step::Node { known, .. } if known.kind.is_root() => parse::MEDIA_FIELDS,
            Step::Thread(Thread { parent: None, .. }) => parse::COMMENT_FIELDS,
            Step::Thread(_) | Step::Node { .. } => parse::REPLY_FIELDS,
            Step::Profile => profile::FIELDS,
        };
        let kept = graph::asked(fields, dropped);
        match self {
            Step::Profile if target.native_id.is_empty() => format!("instagram_business_account{{{kept}}}"),
            _ => kept,
        }
    }

    pub(super) fn query(&self) -> Vec<(String, String)> {
        match self {
            Step::Edge(edge) => edge.query(),
            Step::Thread(thread) => {
                let mut query = vec![("limit".to_owned(), thread.limit.to_string())];
                query.extend(thread.next.iter().flat_map(|next| next.0.clone()));
                query
            }
            Step::Node { .. } | Step::Profile => Vec::new(),
        }
    }

    /// Halves the page size; false when there is nothing left to halve.
    pub(super) fn ask_for_less(&mut self) -> bool {
        match self {
            Step::Edge(edge) => edge.halve(),
            Step::Thread(thread) => {
                thread.limit /= 2;
                thread.limit >= 1
            }
            Step::Node { .. } | Step::Profile => false,
        }
    }
}

/// The comments of one medium to the last page, then the replies to each that has some.
pub(super) struct Thread {
    pub(super) root: String,
    /// Whose replies are being read; none while the comments are.
    pub(super) parent: Option<String>,
    answered: VecDeque<String>,
    pub(super) limit: u32,
    pub(super) next: Option<Next>,
    seen: HashSet<String>,
    total: Option<i64>,
    /// Something could not be read: the thread has not been seen in whole.
    pub(super) lost: bool,
    walked: HashSet<Next>,
    barren: u32,
}

impl Thread {
    pub(super) fn of(root: &str, total: Option<i64>) -> Thread {
        Thread {
            root: root.to_owned(),
            parent: None,
            answered: VecDeque::new(),
            limit: 50,
            next: None,
            seen: HashSet::new(),
            total,
            lost: false,
            walked: HashSet::new(),
            barren: 0,
        }
    }

    /// Takes a page in; true when something on it was new.
    pub(super) fn take(&mut self, seen: &[Observation], answered: Vec<String>) -> bool {
        let before = self.seen.len();
        self.seen.extend(ids(seen));
        for id in answered {
            if !self.answered.contains(&id) {
                self.answered.push_back(id);
            }
        }
        self.seen.len() > before
    }

    /// Turns to the next page, unless the pages repeat themselves.
    pub(super) fn goes_on(&mut self, next: Next, barren: bool) -> bool {
        self.barren = if barren { self.barren + 1 } else { 0 };
        self.next = Some(next.clone());
        self.barren <= 20 && self.walked.insert(next)
    }

    /// Turns to the replies of the next comment that has some.
    pub(super) fn turn_to_replies(&mut self) -> bool {
        let Some(parent) = self.answered.pop_front() else { return false };
        self.parent = Some(parent);
        self.next = None;
        self.barren = 0;
        self.walked.clear();
        true
    }

    /// Whether the thread was seen in whole. No comment at all while some are counted shows nothing: an app in development
    /// mode is answered so.
    pub(super) fn is_whole(&self) -> bool {
        !self.lost && (!self.seen.is_empty() || self.total.unwrap_or(0) <= 0)
    }

    pub(super) fn shortfall(&self) -> Option<Shortfall> {
        let (total, had) = (self.total?, i64::try_from(self.seen.len()).unwrap_or(i64::MAX));
        if total <= had {
            return None;
        }
        let cause = format!("Instagram counts {total} and gave {had}: restricted accounts, or not shown to us");
        Some(shortfall(Some(self.root.clone()), "comments", &cause))
    }
}
