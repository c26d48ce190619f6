//! How a page stood at a time: the expectations it had posted, its filter, its admins, by the newest version of each at that time.

use serde::Serialize;

use super::episodes::Span;
use crate::audit::{self, Seen, Standard};
use crate::db::moderation::Facts;
use crate::model::Timestamp;

/// The lists of a page that a standing is made of; the page itself has no name.
const EDGES: [&str; 5] = ["", "settings", "roles", "assigned_users", audit::POLICY];

/// A page as it was at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Standing {
    pub number: usize,
    /// Since when, as far as it was read.
    pub since: Option<Timestamp>,
    /// Whether the district's expectations were posted, in words.
    pub expectations: String,
    /// What the page said of itself.
    pub page_text: String,
    pub profanity_filter: String,
    pub admins: Vec<String>,
    /// The ledger entries it rests on.
    pub entries: Vec<u64>,
}

/// Gives each time its standing; those that rest on the same versions are one.
pub struct Standings<'f> {
    facts: &'f [Facts],
    standard: Result<Standard, String>,
    own_url: &'f str,
    known: Vec<Vec<u64>>,
    pub found: Vec<Standing>,
}

impl<'f> Standings<'f> {
    pub fn new(facts: &'f [Facts], standard: Result<Standard, String>, own_url: &'f str) -> Standings<'f> {
        Standings { facts, standard, own_url, known: Vec::new(), found: Vec::new() }
    }

    /// The number of the standing at the end of a span, and whether it is known to have been another one at its beginning.
    pub fn of(&mut self, span: Span) -> (usize, bool) {
        let entries = self.entries(span.by);
        let before = span.after.map(|after| self.entries(after)).unwrap_or_default();
        let changed = !before.is_empty() && before != entries;
        let place = self.known.iter().position(|known| *known == entries).unwrap_or_else(|| {
            let standing = self.standing(&entries);
            self.known.push(entries);
            self.found.push(standing);
            self.found.len() - 1
        });
        (place + 1, changed)
    }

    fn entries(&self, at: Timestamp) -> Vec<u64> {
        EDGES.iter().filter_map(|edge| self.newest(edge, at)).map(|facts| facts.seq).collect()
    }

    fn newest(&self, edge: &str, at: Timestamp) -> Option<&'f Facts> {
        self.facts.iter().rev().find(|facts| facts.edge == edge && facts.observed_at <= at)
    }

    fn standing(&self, entries: &[u64]) -> Standing {
        let of = |edge: &str| self.facts.iter().find(|facts| facts.edge == edge && entries.contains(&facts.seq));
        let since = self.facts.iter().filter(|facts| entries.contains(&facts.seq)).map(|facts| facts.observed_at).max();
        let (seen, read) = (of("").map(seen), of(audit::POLICY).map(seen));
        let expectations = match (&seen, &self.standard) {
            (None, _) => NOT_READ.to_owned(),
            (Some(seen), Ok(standard)) => audit::posted_words(seen, read.as_ref(), self.own_url, standard),
            (Some(_), Err(why)) => format!("not compared: {why}"),
        };
        let filter = of("settings").map(|facts| {
            let mut parts = facts.content.parts.iter();
            let value = parts.find_map(|part| part.strip_prefix("PROFANITY_FILTER: "));
            value.unwrap_or("the platform does not say").to_owned()
        });
        let mut admins: Vec<String> = ["roles", "assigned_users"]
            .iter()
            .filter_map(|edge| of(edge))
            .flat_map(|facts| facts.content.parts.clone())
            .collect();
        if admins.is_empty() {
            admins.push("not known: the platform does not say, or had not been asked yet".to_owned());
        }
        Standing {
            number: self.found.len() + 1,
            since,
            expectations,
            page_text: seen.map(|seen| seen.content.text).unwrap_or_default(),
            profanity_filter: filter.unwrap_or_else(|| NOT_READ.to_owned()),
            admins,
            entries: entries.to_vec(),
        }
    }
}

fn seen(facts: &Facts) -> Seen {
    Seen { seq: facts.seq, name: facts.name.clone(), handle: facts.handle.clone(), content: facts.content.clone() }
}

const NOT_READ: &str = "not known: it had not been read by then";
