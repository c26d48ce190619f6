//! Threads and how they are searched; what a lookup says of single posts.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use super::parse::Summary;
use crate::model::{Answer, Page, Shortfall, Timestamp};
use crate::platform::listing::Listing;

/// How far back X's recent search reaches.
pub(super) const SEARCH_REACH: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How long a search query may be, in characters.
pub(super) const QUERY_LENGTH: usize = 512;

/// A thread to search: the root and every id of its history.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Thread {
    pub(super) native_id: String,
    pub(super) ids: Vec<String>,
    pub(super) created_at: Option<Timestamp>,
}

/// A search over several threads, as far as it has come.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Search {
    pub(super) threads: Vec<Thread>,
    /// In the full archive, from then on; `None`: in the last seven days.
    pub(super) archive: Option<Timestamp>,
    pub(super) listing: Listing,
    /// Something in it could not be read: the threads were not looked through.
    pub(super) lost: bool,
    pub(super) position: Option<Timestamp>,
}

/// The searches that these threads need. With the full archive those older than recent search reaches have one of their own.
pub(super) fn searches(threads: Vec<Thread>, archive: bool, reach: Timestamp) -> Vec<Search> {
    let is_old = |thread: &Thread| archive && thread.created_at.is_none_or(|created| created < reach);
    let (old, young): (Vec<Thread>, Vec<Thread>) = threads.into_iter().partition(is_old);
    let recent = batches(young).into_iter().map(|threads| Search { threads, ..Search::default() });
    let archived = batches(old).into_iter().map(|threads| {
        let oldest = threads.iter().map(|thread| thread.created_at.unwrap_or(Timestamp::MIN)).min();
        Search { threads, archive: oldest, ..Search::default() }
    });
    recent.chain(archived).collect()
}

/// What a lookup said about each id it was asked for. An id neither given nor explained stays without an answer.
pub(super) fn answer(asked: &[String], posts: &[Summary], not_found: &[String], not_shown: &[String], page: &mut Page) {
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
pub(super) fn out_of_reach(thread: &Thread, reach: Timestamp) -> Option<Shortfall> {
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
    pub(super) fn of(post: &Summary) -> Thread {
        Thread { native_id: post.native_id.clone(), ids: post.ids.clone(), created_at: post.created_at }
    }
}

/// As many threads a search as its query holds; one with a long history may fill a query alone.
pub(super) fn batches(threads: Vec<Thread>) -> Vec<Vec<Thread>> {
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
pub(super) fn query(threads: &[Thread]) -> String {
    let ids = threads.iter().flat_map(|thread| thread.ids.iter());
    ids.map(|id| format!("conversation_id:{id}")).collect::<Vec<_>>().join(" OR ")
}
