//! From the words of a rule to numbers: every distinct slot, term and structure once, and which patterns each slot anchors.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::cues::{Cue, cue, is_common};
use super::pack::{Declared, Effect, Modifier, PackError};
use super::terms::Terms;
use crate::text::mend::Mender;
use crate::text::views::fold_phrase;

pub type SlotId = u16;

/// What a detector of `text::detect` or the reader itself finds; the `$name` of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Structure {
    Phone,
    Address,
    Ssn,
    Birth,
    StudentId,
    LinkAny,
    LinkLookalike,
    LinkPunycode,
    LinkShortener,
    LinkExecutable,
    LinkOdd,
    Handle,
    /// A capitalized word inside a sentence.
    Name,
    /// A capitalized word, also at a sentence's start.
    FirstName,
    /// Two capitalized words in a row.
    TwoNames,
}

impl Structure {
    const ALL: [(&'static str, Structure); 15] = [
        ("phone", Structure::Phone),
        ("address", Structure::Address),
        ("ssn", Structure::Ssn),
        ("birth", Structure::Birth),
        ("student_id", Structure::StudentId),
        ("link", Structure::LinkAny),
        ("link_lookalike", Structure::LinkLookalike),
        ("link_punycode", Structure::LinkPunycode),
        ("link_shortener", Structure::LinkShortener),
        ("link_executable", Structure::LinkExecutable),
        ("link_odd", Structure::LinkOdd),
        ("handle", Structure::Handle),
        ("name", Structure::Name),
        ("first_name", Structure::FirstName),
        ("two_names", Structure::TwoNames),
    ];

    fn named(name: &str) -> Option<Structure> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, structure)| *structure)
    }
}

/// The slots that one term fills, as bits: a block of 64 slots, and which of them.
pub type Filled = Vec<(u16, u64)>;

fn filled(slots: &[SlotId]) -> Filled {
    let mut bits: BTreeMap<u16, u64> = BTreeMap::new();
    slots.iter().for_each(|slot| *bits.entry(slot / 64).or_default() |= 1 << (slot % 64));
    bits.into_iter().collect()
}

/// One alternative of a rule.
#[derive(Debug, Clone)]
pub struct Pattern {
    pub rule: usize,
    pub slots: Vec<SlotId>,
    /// The slot without which nothing else is looked for.
    pub anchor: SlotId,
}

/// A modifier as a rule uses it.
#[derive(Debug, Clone)]
pub struct Use {
    pub name: String,
    pub slot: SlotId,
    pub modifier: Modifier,
    pub effect: Effect,
}

/// All rules of all packs, ready to be looked for.
#[derive(Debug, Clone)]
pub struct Compiled {
    /// What each slot looks for, as its pack writes it.
    pub specs: Vec<String>,
    pub finder: Terms,
    pub mender: Mender,
    pub terms: Vec<Filled>,
    /// The same, and the slots of structures that a term may be part of: those that may be filled where it stands.
    pub hints: Vec<Filled>,
    pub patterns: Vec<Pattern>,
    /// For each slot the patterns that it anchors.
    pub anchored: Vec<Vec<u32>>,
    /// A bit for each slot that anchors any.
    pub anchors: Vec<u64>,
    /// A bit for each slot that may be filled in any text, and for each that may be where there is a digit.
    pub anywhere: Vec<u64>,
    pub digits: Vec<u64>,
    pub structures: BTreeMap<Structure, Vec<SlotId>>,
    pub regexes: Vec<Own>,
    /// For each slot the numbers of the `regexes` that may fill it.
    pub structured: Vec<Vec<u16>>,
    /// For each rule its benign slots and its modifiers.
    pub benign: Vec<Vec<SlotId>>,
    pub uses: Vec<Vec<Use>>,
}

/// One of the packs' own structures.
#[derive(Debug, Clone)]
pub struct Own {
    pub regex: regex::bytes::Regex,
    pub slots: Vec<SlotId>,
    /// A slot of its own, seen where its cue is.
    pub cue: SlotId,
}

/// Replaces `@lexicon` inside lexicons and modifiers by its words, and folds them all. Says what nobody declared.
pub fn resolve(packs: &mut Declared) -> Vec<PackError> {
    let mut errors = Vec::new();
    let folded: BTreeMap<String, Vec<String>> =
        std::mem::take(&mut packs.lexicons).into_iter().map(|(name, terms)| (name, folded(terms))).collect();
    for name in folded.keys() {
        let mut terms = Vec::new();
        collect(name, &folded, &mut terms, &mut Vec::new(), &mut errors);
        terms.sort_unstable();
        terms.dedup();
        packs.lexicons.insert(name.clone(), terms.into_iter().cloned().collect());
    }
    for (name, modifier) in &mut packs.modifiers {
        let mut terms = BTreeSet::new();
        for term in &modifier.terms {
            match term.strip_prefix('@').map(|other| packs.lexicons.get(other)) {
                None => drop(terms.insert(fold_term(term))),
                Some(Some(list)) => terms.extend(list.iter().cloned()),
                Some(None) => errors.push(undeclared(&format!("modifier {name:?}"), term)),
            }
        }
        modifier.terms = terms.into_iter().collect();
    }
    errors
}

/// Terms as texts are folded; what includes another lexicon stays.
fn folded(terms: Vec<String>) -> Vec<String> {
    terms.into_iter().map(|term| if term.starts_with('@') { term } else { fold_term(&term) }).collect()
}

fn undeclared(whose: &str, lexicon: &str) -> PackError {
    let expected = format!("{whose} uses the lexicon {lexicon}, which no pack declares");
    PackError { file: "packs".to_owned(), expected, ..PackError::default() }
}

fn collect<'l>(
    name: &str,
    all: &'l BTreeMap<String, Vec<String>>,
    into: &mut Vec<&'l String>,
    open: &mut Vec<String>,
    errors: &mut Vec<PackError>,
) {
    if open.iter().any(|outer| outer == name) {
        let expected = format!("the lexicon @{name} must not contain itself");
        return errors.push(PackError { file: "packs".to_owned(), expected, ..PackError::default() });
    }
    let Some(terms) = all.get(name) else {
        let whose = format!("lexicon {:?}", open.last().map_or("", String::as_str));
        return errors.push(undeclared(&whose, name));
    };
    open.push(name.to_owned());
    for term in terms {
        match term.strip_prefix('@') {
            Some(other) => collect(other, all, into, open, errors),
            None => into.push(term),
        }
    }
    open.pop();
}

/// Folds a term as texts are folded. A `*` at its end stands for any ending; `_` in it for masked letters.
fn fold_term(term: &str) -> String {
    let is_plain = term.split(' ').all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase()));
    if is_plain {
        return term.to_owned();
    }
    let (body, ending) = term.strip_suffix('*').map_or((term, ""), |body| (body, "*"));
    let folded: Vec<String> = body.split('_').map(fold_phrase).collect();
    folded.join("_") + ending
}

/// Says what slots and modifiers of rules name that nobody declared.
pub fn check(packs: &Declared) -> Vec<PackError> {
    let mut errors = Vec::new();
    for rule in &packs.rules {
        let mut fault = |expected: String| {
            errors.push(PackError {
                file: rule.pack.clone(),
                line: rule.line,
                rule: Some(rule.id.clone()),
                example: None,
                expected,
            });
        };
        for part in rule.find.iter().flatten().chain(&rule.benign).flat_map(|slot| parts(slot)) {
            match part {
                Part::Lexicon(name) if !packs.lexicons.contains_key(name) => {
                    fault(format!("no pack declares the lexicon @{name}"))
                }
                Part::Structure(name) if Structure::named(name).is_none() && !packs.structures.contains_key(name) => {
                    fault(format!("there is no structure ${name}"));
                }
                Part::Words(words) if fold_term(words).trim_end_matches('*').is_empty() => {
                    fault("a slot must hold words".to_owned())
                }
                _ => {}
            }
        }
        for name in rule.modifiers.keys().filter(|name| !packs.modifiers.contains_key(*name)) {
            fault(format!("no pack declares the modifier {name:?}"));
        }
    }
    errors
}

enum Part<'s> {
    Lexicon(&'s str),
    Structure(&'s str),
    Words(&'s str),
}

fn parts(slot: &str) -> impl Iterator<Item = Part<'_>> {
    slot.split('|').map(str::trim).map(|part| match part.chars().next() {
        Some('@') => Part::Lexicon(&part[1..]),
        Some('$') => Part::Structure(&part[1..]),
        _ => Part::Words(part),
    })
}

/// Gives numbers to everything and builds the finder of terms.
pub fn compile(packs: &Declared) -> Compiled {
    let mut book = Book::default();
    let mut patterns = Vec::new();
    let (mut benign, mut uses) = (Vec::new(), Vec::new());
    for (number, rule) in packs.rules.iter().enumerate() {
        for slots in &rule.find {
            let slots: Vec<SlotId> = slots.iter().map(|slot| book.slot(slot, packs)).collect();
            patterns.push(Pattern { rule: number, anchor: slots[0], slots });
        }
        benign.push(rule.benign.iter().map(|slot| book.slot(slot, packs)).collect());
        let mut used = Vec::new();
        for (name, effect) in &rule.modifiers {
            if let Some(modifier) = packs.modifiers.get(name) {
                let slot = book.modifier(name, modifier);
                used.push(Use { name: name.clone(), slot, modifier: modifier.clone(), effect: *effect });
            }
        }
        uses.push(used);
    }
    book.finish(patterns, benign, uses, packs)
}

/// Numbers while they are given out.
#[derive(Default)]
struct Book {
    slots: HashMap<String, SlotId>,
    /// The number of each folded term, and by number the slots that it fills.
    numbers: HashMap<String, u32>,
    terms: Vec<Vec<SlotId>>,
    /// The terms of lexicons that a slot has named.
    lexicons: HashMap<String, Vec<u32>>,
    structures: BTreeMap<Structure, Vec<SlotId>>,
    regexes: BTreeMap<String, (regex::bytes::Regex, Vec<SlotId>)>,
    /// Slots that common words or names fill: no anchors where another slot can be one.
    common: Vec<bool>,
}

impl Book {
    fn fresh(&mut self, key: &str) -> SlotId {
        let slot =
            SlotId::try_from(self.slots.len()).expect("packs are read from files far too small for so many slots");
        self.slots.insert(key.to_owned(), slot);
        self.common.push(false);
        slot
    }

    fn slot(&mut self, spec: &str, packs: &Declared) -> SlotId {
        if let Some(slot) = self.slots.get(spec) {
            return *slot;
        }
        let slot = self.fresh(spec);
        for part in parts(spec) {
            match part {
                Part::Words(words) => self.put(&[fold_term(words)], slot),
                Part::Lexicon(name) => self.lexicon(name, slot, packs),
                Part::Structure(name) => self.structure(name, slot, packs),
            }
        }
        slot
    }

    fn structure(&mut self, name: &str, slot: SlotId, packs: &Declared) {
        match (Structure::named(name), packs.structures.get(name)) {
            (Some(structure), _) => {
                self.structures.entry(structure).or_default().push(slot);
                self.common[slot as usize] |=
                    matches!(structure, Structure::Name | Structure::FirstName | Structure::TwoNames);
            }
            (None, Some(regex)) => {
                let own = self.regexes.entry(regex.as_str().to_owned());
                own.or_insert_with(|| (regex.clone(), Vec::new())).1.push(slot);
                self.common[slot as usize] = true;
            }
            (None, None) => {}
        }
    }

    fn lexicon(&mut self, name: &str, slot: SlotId, packs: &Declared) {
        let terms = packs.lexicons.get(name).map_or(&[][..], Vec::as_slice);
        let numbers = match self.lexicons.remove(name) {
            Some(known) => known,
            None => terms.iter().filter_map(|term| self.number(term)).collect(),
        };
        numbers.iter().for_each(|&number| self.fill(number, slot));
        self.common[slot as usize] |= terms.iter().any(|term| is_common(term));
        self.lexicons.insert(name.to_owned(), numbers);
    }

    fn modifier(&mut self, name: &str, modifier: &Modifier) -> SlotId {
        let key = format!("\0{name}");
        if let Some(slot) = self.slots.get(&key) {
            return *slot;
        }
        let slot = self.fresh(&key);
        self.put(&modifier.terms, slot);
        slot
    }

    fn put(&mut self, terms: &[String], slot: SlotId) {
        for term in terms {
            self.common[slot as usize] |= is_common(term);
            if let Some(number) = self.number(term) {
                self.fill(number, slot);
            }
        }
    }

    fn fill(&mut self, number: u32, slot: SlotId) {
        let slots = &mut self.terms[number as usize];
        if slots.last() != Some(&slot) {
            slots.push(slot);
        }
    }

    /// A term's number; an empty one has none.
    fn number(&mut self, term: &str) -> Option<u32> {
        if let Some(known) = self.numbers.get(term) {
            return Some(*known);
        }
        if term.trim_end_matches('*').is_empty() {
            return None;
        }
        let number = u32::try_from(self.terms.len()).ok()?;
        self.numbers.insert(term.to_owned(), number);
        self.terms.push(Vec::new());
        Some(number)
    }

    /// Words that rules look for are mended; endings of a stem are known, so that none is taken for a slip.
    fn mender(texts: &[String], packs: &Declared) -> Mender {
        let words = || texts.iter().flat_map(|term| term.split(' ')).filter(|word| !word.ends_with('*'));
        let stems =
            texts.iter().filter_map(|term| term.strip_suffix('*')).filter_map(|term| term.split(' ').next_back());
        let endings = ["", "s", "ed", "ing", "er", "ers"];
        let grown: Vec<String> = stems.flat_map(|stem| endings.map(|ending| format!("{stem}{ending}"))).collect();
        let never = packs.lexicons.get(NEVER_MENDED).into_iter().flatten().map(String::as_str);
        Mender::new(words().chain(grown.iter().map(String::as_str)), never)
    }

    /// All terms in the order of their numbers.
    fn texts(&mut self) -> Vec<String> {
        let mut texts: Vec<(u32, String)> =
            std::mem::take(&mut self.numbers).into_iter().map(|(term, number)| (number, term)).collect();
        texts.sort_unstable();
        texts.into_iter().map(|(_, term)| term).collect()
    }

    fn finish(
        mut self,
        mut patterns: Vec<Pattern>,
        benign: Vec<Vec<SlotId>>,
        uses: Vec<Vec<Use>>,
        packs: &Declared,
    ) -> Compiled {
        let written = self.terms.len();
        let mut hints = Hints::default();
        let regexes: Vec<Own> = std::mem::take(&mut self.regexes)
            .into_values()
            .map(|(regex, slots)| self.own(regex, slots, &mut hints))
            .collect();
        let texts = self.texts();
        let mut anchored = vec![Vec::new(); self.slots.len()];
        for (number, pattern) in patterns.iter_mut().enumerate() {
            let rare = pattern.slots.iter().find(|slot| !self.common[**slot as usize]);
            pattern.anchor = *rare.unwrap_or(&pattern.slots[0]);
            anchored[pattern.anchor as usize].push(u32::try_from(number).unwrap_or(u32::MAX));
        }
        let mut specs = vec![String::new(); self.slots.len()];
        self.slots.iter().for_each(|(spec, slot)| specs[*slot as usize].clone_from(spec));
        let blocks = self.slots.len().div_ceil(64);
        let bits = |slots: &mut dyn Iterator<Item = SlotId>| {
            let mut bits = vec![0u64; blocks];
            slots.for_each(|slot| bits[slot as usize / 64] |= 1 << (slot % 64));
            bits
        };
        let anchors =
            bits(&mut (0..).zip(&anchored).filter(|(_, patterns)| !patterns.is_empty()).map(|(slot, _)| slot));
        let mut structured = vec![Vec::new(); self.slots.len()];
        for (number, own) in (0..).zip(&regexes) {
            own.slots.iter().for_each(|slot| structured[*slot as usize].push(number));
        }
        let hinted = |(number, slots): (u32, &Vec<SlotId>)| {
            let more = hints.terms.get(&number).into_iter().flatten();
            filled(&slots.iter().chain(more).copied().collect::<Vec<_>>())
        };
        Compiled {
            hints: (0..).zip(&self.terms).map(hinted).collect(),
            mender: Book::mender(&texts[..written], packs),
            finder: Terms::new(texts.iter().map(String::as_str)),
            terms: self.terms.iter().map(|slots| filled(slots)).collect(),
            anywhere: bits(&mut hints.anywhere.into_iter()),
            digits: bits(&mut hints.digits.into_iter()),
            structures: self.structures,
            specs,
            patterns,
            anchored,
            anchors,
            structured,
            regexes,
            benign,
            uses,
        }
    }

    /// A structure with a slot for its cue.
    fn own(&mut self, regex: regex::bytes::Regex, slots: Vec<SlotId>, hints: &mut Hints) -> Own {
        let own_cue = self.fresh(&format!("\u{1}{}", regex.as_str()));
        let hinted = slots.iter().copied().chain([own_cue]);
        match cue(regex.as_str()) {
            Cue::Words(words) => {
                let numbers: Vec<u32> = words.iter().filter_map(|word| self.number(word)).collect();
                numbers.iter().for_each(|number| hints.terms.entry(*number).or_default().extend(hinted.clone()));
            }
            Cue::Digit => hints.digits.extend(hinted),
            Cue::Nothing => hints.anywhere.extend(hinted),
        }
        Own { cue: own_cue, regex, slots }
    }
}

/// What hints at the packs' own structures.
#[derive(Default)]
struct Hints {
    terms: HashMap<u32, Vec<SlotId>>,
    digits: Vec<SlotId>,
    anywhere: Vec<SlotId>,
}

/// The lexicon of words that are close to one that is looked for and yet right.
const NEVER_MENDED: &str = "never_mended";
