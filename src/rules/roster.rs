//! The roster check (clause III.6): whether the words beside a picture or a video name a student for whom no release form is on
//! file. The roster is keyed hashes of names; a name is known only while somebody asks for that very name.

mod names;
mod read;

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use read::{Bad, Sheet, Student, read};

use super::pack::{Clause, Order, Rule, Status};
use super::pass::{Hit, Span, Subject};
use crate::model::{Category, Role, Severity};
use crate::seal::{self, Hash, Keyed};
use crate::text::views::Views;

/// What is on record of a roster: counts and digests, no name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    pub students: u64,
    pub released: u64,
    pub withheld: u64,
    /// SHA-256 of the file, in hex.
    pub file: String,
    /// SHA-256 over the hashes, in hex: another roster, or the same under another key, is another input.
    pub hashes: String,
    /// What the key makes of nothing: tells whether a key is the one of this roster.
    pub key: String,
}

/// Hashes of names, with whether a release form is on file.
pub type Names = HashMap<Hash, bool>;

/// A roster that can be asked.
#[derive(Debug, Clone)]
pub struct Roster {
    key: Keyed,
    names: Names,
    rule: Arc<Rule>,
}

impl Roster {
    pub fn new(key: Keyed, names: Names) -> Roster {
        Roster { key, names, rule: Arc::new(rule()) }
    }

    /// The flag of an item of the district's own with pictures or a video whose words name a student not on the release list.
    pub(super) fn look(&self, subject: &Subject<'_>) -> Option<Hit> {
        if subject.role != Role::District || !subject.has_media {
            return None;
        }
        let texts = std::iter::once(subject.text).chain(subject.parts.iter().map(String::as_str));
        let spans: Vec<Span> = texts.enumerate().flat_map(|(part, text)| self.withheld(part, text)).collect();
        (!spans.is_empty()).then(|| Hit {
            rule: Arc::clone(&self.rule),
            category: self.rule.category,
            severity: self.rule.severity,
            clause: self.rule.clause.of(subject.role).map(ToOwned::to_owned),
            spans,
            modifiers: Vec::new(),
            shadow: false,
        })
    }

    /// Where a text names a student not on the release list. The longest name that is known counts: nobody is flagged for the
    /// first half of a name that is released as a whole.
    fn withheld(&self, part: usize, text: &str) -> Vec<Span> {
        let view = Views::of(text).folded;
        let mut found = Vec::new();
        let mut at = 0;
        while at < view.words.len() {
            let mut written = names::written_from(&view, text, at);
            let known = written.find_map(|name| Some((name.to, self.released(&name.forms)?)));
            if let Some((to, false)) = known {
                let raw = view.raw_words(at..to);
                found.push(Span { part, start: raw.start, end: raw.end });
            }
            at = known.map_or(at + 1, |(to, _)| to);
        }
        found
    }

    fn released(&self, forms: &[String]) -> Option<bool> {
        forms.iter().find_map(|form| self.names.get(&self.key.hash(form.as_bytes())).copied())
    }
}

/// The hashes of some students' names, in every form. Where two students share a name, the one in whose full name it is decides;
/// where both are called just that, the one who is withheld.
pub fn hashed(students: &[Student], key: &Keyed) -> Names {
    let mut ranked: HashMap<Hash, (bool, bool)> = HashMap::new();
    for student in students {
        for form in &student.forms {
            let hash = key.hash(form.name.as_bytes());
            ranked
                .entry(hash)
                .and_modify(|(full, released)| {
                    if form.full == *full {
                        *released &= student.released;
                    } else if form.full {
                        (*full, *released) = (true, student.released);
                    }
                })
                .or_insert((form.full, student.released));
        }
    }
    ranked.into_iter().map(|(hash, (_, released))| (hash, released)).collect()
}

/// SHA-256 over hashes in their order, in hex.
pub fn digest(names: &Names) -> String {
    let mut sorted: Vec<(&Hash, &bool)> = names.iter().collect();
    sorted.sort_unstable();
    let bytes: Vec<u8> =
        sorted.into_iter().flat_map(|(hash, released)| hash.iter().copied().chain([u8::from(*released)])).collect();
    hex::encode(seal::sha256(&bytes))
}

/// Tells one key from another and nothing else: no name is empty.
pub fn fingerprint(key: &Keyed) -> String {
    hex::encode(&key.hash(b"")[..8])
}

/// The rule behind the flags of this check: it stands in no pack, since it has no words of its own.
pub fn rule() -> Rule {
    Rule {
        id: "images.named-student".into(),
        title: "Named student not on the release list".into(),
        pack: "the roster".into(),
        line: 0,
        category: Category::StudentImage,
        severity: Severity::Medium,
        clause: Clause { district: Some("III.6".into()), public: None },
        platforms: Vec::new(),
        kinds: Vec::new(),
        status: Status::On,
        find: vec![vec!["@names_of_students_not_on_the_release_list".into()]],
        within: 1,
        order: Order::Written,
        benign: Vec::new(),
        modifiers: std::collections::BTreeMap::new(),
        matches: Vec::new(),
        no_matches: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
