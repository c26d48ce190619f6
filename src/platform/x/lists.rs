//! Lists of posts: the account's own, those that name it, those that quote one of its posts.

use std::collections::HashMap;

use super::parse::{Names, Summary};
use crate::model::{Kind, Page, Shortfall, Timestamp};
use crate::platform::listing::Listing;

/// How many posts of an account X gives at most, the newest.
pub(super) const TIMELINE_REACH: usize = 3_200;
/// How many posts that name an account X gives at most, the newest.
const MENTIONS_REACH: usize = 800;

/// Which posts a list holds.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Of {
    Own,
    Mentions,
    /// By the id of what they quote.
    Quotes(String),
}

impl Of {
    pub(super) fn words(&self) -> &'static str {
        match self {
            Of::Own => "posts",
            Of::Mentions => "posts that name the account",
            Of::Quotes(_) => "posts that quote it",
        }
    }

    pub(super) fn meter(&self) -> &'static str {
        match self {
            Of::Own => "x:timeline",
            Of::Mentions => "x:mentions",
            Of::Quotes(_) => "x:quotes",
        }
    }
}

/// A list, as far as it has been read.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct List {
    pub(super) of: Of,
    pub(super) start: Option<Timestamp>,
    pub(super) end: Option<Timestamp>,
    pub(super) listing: Listing,
    pub(super) seen: usize,
    pub(super) oldest: Option<Timestamp>,
    /// Something in it could not be read: it shows no absence.
    pub(super) lost: bool,
    /// What holds once it has been read to its end.
    pub(super) position: Option<Timestamp>,
}

impl List {
    pub(super) fn new(of: Of, start: Option<Timestamp>, end: Option<Timestamp>) -> List {
        List { of, start, end, listing: Listing::default(), seen: 0, oldest: None, lost: false, position: None }
    }

    /// What X holds back at the end of the posts that name an account.
    pub(super) fn mentions_shortfall(&self) -> Option<Shortfall> {
        (self.of == Of::Mentions && self.seen >= MENTIONS_REACH).then(|| Shortfall {
            item: None,
            stream: "mentions".to_owned(),
            from: self.start,
            to: self.oldest,
            cause: "X gives only the newest 800 posts that name an account: older ones are not given".to_owned(),
        })
    }
}

/// Puts each post of a list where it stands: in a thread of the account's own, or, what answers elsewhere, as a post. What stands
/// in a conversation of which nothing is known is left to the next run.
pub(super) fn place(page: &mut Page, posts: &[Summary], names: &Names, is_elsewhere: impl Fn(&str) -> bool) {
    let given: HashMap<&str, &Summary> = posts.iter().map(|post| (post.native_id.as_str(), post)).collect();
    page.observations.retain_mut(|seen| {
        let conversation = given.get(seen.native_id.as_str()).and_then(|post| post.conversation.as_deref());
        let Some(conversation) = conversation.filter(|id| seen.parent.is_some() && !names.wants(Some(id))) else {
            return true;
        };
        // A root is looked at again on its own: so an answer under what nobody here keeps is one.
        (seen.kind, seen.root) = (Kind::Post, None);
        is_elsewhere(conversation)
    });
}
