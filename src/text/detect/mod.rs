//! What has a form of its own: phone numbers, street addresses, social security numbers, dates of birth, links. Every
//! detector gives byte ranges of the raw text, in order, and leaves out what the district named as its own.

mod addresses;
mod ids;
mod links;
mod phones;

use std::collections::HashSet;
use std::ops::Range;

use serde::{Deserialize, Serialize};

pub use links::{Link, LinkKind, brand_of};

use super::views::{Views, fold_phrase};

/// What a deployment holds to be official, and therefore no one's private matter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Allow {
    /// The district's own phone numbers, in any notation.
    pub official_numbers: Vec<String>,
    /// The district's own street addresses: number, street, kind of street.
    pub official_addresses: Vec<String>,
    /// The district's own domains; what lies under one is the district's too.
    pub domains: Vec<String>,
}

/// The detectors, with a deployment's allow-list made ready.
#[derive(Debug, Clone, Default)]
pub struct Detectors {
    numbers: HashSet<String>,
    addresses: HashSet<String>,
    domains: Vec<String>,
}

impl Detectors {
    pub fn new(allow: &Allow) -> Detectors {
        Detectors {
            numbers: allow.official_numbers.iter().map(|number| phones::national(number)).collect(),
            addresses: allow.official_addresses.iter().map(|address| addresses::key(&fold_phrase(address))).collect(),
            domains: allow.domains.iter().map(|domain| domain.trim().trim_matches('.').to_lowercase()).collect(),
        }
    }

    /// Phone numbers of persons: no official, toll-free or emergency ones.
    pub fn phones(&self, raw: &str, views: &Views) -> Vec<Range<usize>> {
        if views.digits + views.spelled < 7 {
            return Vec::new();
        }
        phones::find(raw).into_iter().filter(|(digits, _)| !self.numbers.contains(digits)).map(|(_, at)| at).collect()
    }

    /// Street addresses in English and Spanish forms.
    pub fn addresses(&self, views: &Views) -> Vec<Range<usize>> {
        if views.digits == 0 {
            return Vec::new();
        }
        addresses::find(&views.folded)
            .into_iter()
            .filter(|found| !self.addresses.contains(&found.key))
            .map(|found| found.raw)
            .collect()
    }

    /// Social security numbers: in their own notation, or nine digits near a cue.
    pub fn ssns(&self, raw: &str, views: &Views) -> Vec<Range<usize>> {
        if views.digits < 9 { Vec::new() } else { ids::ssns(raw, &views.folded) }
    }

    /// Whole dates near a word for birth.
    pub fn births(&self, raw: &str, views: &Views) -> Vec<Range<usize>> {
        if views.digits < 4 { Vec::new() } else { ids::births(raw, &views.folded) }
    }

    /// Student numbers near a word that says so.
    pub fn student_ids(&self, raw: &str, views: &Views) -> Vec<Range<usize>> {
        if views.digits < 6 { Vec::new() } else { ids::student_ids(raw, &views.folded) }
    }

    /// Links that ask for caution, and all others as `Plain`.
    pub fn links(&self, raw: &str) -> Vec<Link> {
        links::find(raw, &self.domains)
    }

    /// Mentions and handles: `@name`.
    pub fn handles(&self, raw: &str) -> Vec<Range<usize>> {
        links::handles(raw)
    }
}

/// The words from a cue at `at` to a found range, both as places of the view, are at most `reach` apart.
fn near(view: &super::views::View, cue: Range<usize>, raw: &Range<usize>, reach: u32) -> bool {
    let first = view.words.partition_point(|word| (word.raw_end as usize) <= raw.start);
    let after = view.words.partition_point(|word| (word.raw_start as usize) < raw.end);
    if first >= after {
        return false;
    }
    let (found_from, found_to) = (view.words[first].place, view.words[after - 1].place);
    let (cue_from, cue_to) = (view.words[cue.start].place, view.words[cue.end - 1].place);
    found_from.saturating_sub(cue_to) <= reach && cue_from.saturating_sub(found_to) <= reach
}

/// Where one of some folded phrases stands in a view, as a range of words.
fn cues(view: &super::views::View, phrases: &[&str]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for phrase in phrases {
        let words = phrase.split(' ').count();
        for (at, _) in view.text.match_indices(phrase) {
            let first = view.words.partition_point(|word| (word.start as usize) < at);
            let whole = view.words.get(first).is_some_and(|word| word.start as usize == at)
                && view.words.get(first + words - 1).is_some_and(|word| word.end as usize == at + phrase.len());
            if whole {
                found.push(first..first + words);
            }
        }
    }
    found.sort_by_key(|range| range.start);
    found
}
