//! How patterns are found in one text: anchors first, then the logic of the rules whose anchors fired.

use std::ops::Range;

use super::pack::{Effect, Order, Rule, Scope};
use super::pass::Engine;
use super::places::{Places, is_name};
use super::slots::{Pattern, SlotId, Structure, Use};
use crate::model::Severity;
use crate::text::detect::LinkKind;
use crate::text::views::{View, Views};

/// One rule's match in one text.
pub struct Match {
    pub rule: usize,
    pub severity: Severity,
    pub spans: Vec<Range<usize>>,
    pub modifiers: Vec<String>,
}

/// A slot filled by the words `from..to` of a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Fill {
    pub slot: SlotId,
    pub from: u32,
    pub to: u32,
}

/// How many matches of a rule in one text are shown.
const SHOWN: usize = 8;

/// How many matches of one slot on each side are looked at where only the nearest matter.
const NEAREST: usize = 4;

/// Every rule that `runs` admits and that matches, each once.
pub fn matches(engine: &Engine, raw: &str, runs: &dyn Fn(&Rule) -> bool) -> Vec<Match> {
    let views = Views::of(raw);
    let latest = views.doubled.as_ref().or(views.joined.as_ref()).or(views.leet.as_ref()).unwrap_or(&views.folded);
    let mended = engine.compiled.mender.mend(latest);
    let mut found: Vec<Match> = Vec::new();
    let mut seen = Seen::new(engine.compiled.anchors.len());
    let mut plain: Vec<u32> = Vec::new();
    for (number, view) in views.all().chain(mended.as_ref()).enumerate() {
        seen.clear();
        literals(engine, view, &mut seen);
        let terms = seen.terms.iter().map(|&(term, ..)| term);
        if number == 0 {
            plain.extend(terms);
            structures(engine, raw, &views, &mut seen);
        } else if plain.iter().copied().eq(terms) {
            // Read in another way it says the same words: most often a digit that is one.
            continue;
        }
        let candidates = candidates(engine, &seen, &found, runs);
        if !candidates.is_empty() {
            look(engine, view, &seen, candidates, &mut found);
        }
    }
    found
}

/// What candidates find in one view. What is around a match is looked for where there may be one.
fn look(engine: &Engine, view: &View, seen: &Seen, mut candidates: Vec<u32>, found: &mut Vec<Match>) {
    let compiled = &engine.compiled;
    let pattern = |number: &u32| &compiled.patterns[*number as usize];
    let mut places = Places::new(engine, view, seen);
    places.words(candidates.iter().flat_map(|number| &pattern(number).slots).copied());
    candidates.retain(|number| pattern(number).slots.iter().all(|&slot| places.has(slot)));
    if candidates.is_empty() {
        return;
    }
    let around = |number: &u32| around(engine, pattern(number).rule);
    places.words(candidates.iter().flat_map(around));
    candidates.iter().flat_map(around).for_each(|slot| places.structures(slot));
    Text { engine, view, fills: &places.sorted() }.look(&candidates, found);
}

/// The slots of a rule's benign phrases and modifiers.
pub(super) fn around(engine: &Engine, rule: usize) -> impl Iterator<Item = SlotId> + '_ {
    let compiled = &engine.compiled;
    compiled.benign[rule].iter().copied().chain(compiled.uses[rule].iter().map(|used| used.slot))
}

/// Whether any word that a rule looks for is in the text.
pub fn holds_words_of(engine: &Engine, rule: usize, raw: &str) -> bool {
    let compiled = &engine.compiled;
    let mut patterns = compiled.patterns.iter().filter(|pattern| pattern.rule == rule);
    let mut seen = vec![0u64; compiled.anchors.len()];
    for view in Views::of(raw).all() {
        compiled.finder.find(view, |term, _, _| {
            compiled.terms[term as usize].iter().for_each(|&(block, bits)| seen[block as usize] |= bits);
        });
    }
    let sees = |slot: SlotId| seen[slot as usize / 64] >> (slot % 64) & 1 == 1;
    patterns.any(|pattern| pattern.slots.iter().any(|&slot| sees(slot)))
}

/// What was seen in one view: terms, structures, and one bit for each slot that may be filled.
pub(super) struct Seen {
    /// Number of the term, its first word and the word after it.
    pub terms: Vec<(u32, u32, u32)>,
    pub structures: Vec<Fill>,
    pub slots: Vec<u64>,
}

impl Seen {
    pub fn new(blocks: usize) -> Seen {
        Seen { terms: Vec::with_capacity(64), structures: Vec::new(), slots: vec![0; blocks] }
    }

    pub fn may_fill(&self, slot: SlotId) -> bool {
        self.slots[slot as usize / 64] >> (slot % 64) & 1 == 1
    }

    fn mark(&mut self, slots: &[SlotId]) {
        slots.iter().for_each(|slot| self.slots[*slot as usize / 64] |= 1 << (slot % 64));
    }

    pub fn clear(&mut self) {
        self.terms.clear();
        self.structures.clear();
        self.slots.fill(0);
    }
}

/// Patterns whose anchor was seen and whose other slots may be filled.
fn candidates(engine: &Engine, seen: &Seen, found: &[Match], runs: &dyn Fn(&Rule) -> bool) -> Vec<u32> {
    let compiled = &engine.compiled;
    let mut candidates = Vec::new();
    let maybe = |slot: SlotId| seen.may_fill(slot);
    for (block, anchors) in compiled.anchors.iter().enumerate() {
        let mut bits = anchors & seen.slots[block];
        while bits != 0 {
            let slot = block * 64 + bits.trailing_zeros() as usize;
            bits &= bits - 1;
            candidates.extend(compiled.anchored[slot].iter().copied().filter(|&number| {
                let pattern = &compiled.patterns[number as usize];
                pattern.slots.iter().all(|&slot| maybe(slot)) && {
                    let rule = &engine.rules[pattern.rule];
                    let done = found.iter().any(|known| known.rule == pattern.rule && known.severity == rule.severity);
                    !done && runs(rule)
                }
            }));
        }
    }
    candidates
}

/// All terms of all slots, and every slot that something in the view hints at.
pub(super) fn literals(engine: &Engine, view: &View, seen: &mut Seen) {
    let compiled = &engine.compiled;
    seen.slots.copy_from_slice(&compiled.anywhere);
    compiled.finder.find(view, |number, from, to| {
        seen.terms.push((number, from, to));
        compiled.hints[number as usize].iter().for_each(|&(block, bits)| seen.slots[block as usize] |= bits);
    });
    if view.text.bytes().any(|byte| byte.is_ascii_digit()) {
        seen.slots.iter_mut().zip(&compiled.digits).for_each(|(seen, bits)| *seen |= bits);
    }
    let slots = |structure| compiled.structures.get(&structure).map_or(&[][..], Vec::as_slice);
    let mut names = (0..view.words.len()).filter(|&at| is_name(view, at)).peekable();
    if names.peek().is_some() {
        seen.mark(slots(Structure::FirstName));
        seen.mark(slots(Structure::TwoNames));
    }
    if names.any(|at| !view.words[at].opens) {
        seen.mark(slots(Structure::Name));
    }
}

pub(super) fn index(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// What detectors find, as words of the folded view.
pub(super) fn structures(engine: &Engine, raw: &str, views: &Views, seen: &mut Seen) {
    let view = &views.folded;
    let detectors = &engine.detectors;
    let mut put = |structure: Structure, found: Vec<Range<usize>>| {
        let slots = engine.compiled.structures.get(&structure).map_or(&[][..], Vec::as_slice);
        for (from, to) in found.iter().filter_map(|at| raw_words(view, at)) {
            seen.mark(slots);
            seen.structures.extend(slots.iter().map(|&slot| Fill { slot, from, to }));
        }
    };
    if views.digits + views.spelled >= 2 {
        put(Structure::Phone, detectors.phones(raw, views));
        put(Structure::Address, detectors.addresses(views));
        put(Structure::Ssn, detectors.ssns(raw, views));
        put(Structure::Birth, detectors.births(raw, views));
        put(Structure::StudentId, detectors.student_ids(raw, views));
    }
    put(Structure::Handle, detectors.handles(raw));
    for link in detectors.links(raw) {
        if let Some(structure) = structure_of(link.kind) {
            put(structure, vec![link.raw.clone()]);
        }
        if link.kind != LinkKind::Own {
            put(Structure::LinkAny, vec![link.raw]);
        }
    }
}

const fn structure_of(kind: LinkKind) -> Option<Structure> {
    match kind {
        LinkKind::Lookalike => Some(Structure::LinkLookalike),
        LinkKind::Punycode => Some(Structure::LinkPunycode),
        LinkKind::Executable => Some(Structure::LinkExecutable),
        LinkKind::Shortener => Some(Structure::LinkShortener),
        LinkKind::OddDomain | LinkKind::Bare => Some(Structure::LinkOdd),
        LinkKind::Plain | LinkKind::Own => None,
    }
}

fn may_be_name(view: &View, at: usize) -> bool {
    !view.words[at].opens && is_name(view, at)
}

fn raw_words(view: &View, raw: &Range<usize>) -> Option<(u32, u32)> {
    let from = view.words.partition_point(|word| (word.raw_end as usize) <= raw.start);
    let to = view.words.partition_point(|word| (word.raw_start as usize) < raw.end);
    (from < to).then(|| (index(from), index(to)))
}

/// One view with its fills, sorted by slot and place.
pub(super) struct Text<'t> {
    pub engine: &'t Engine,
    pub view: &'t View,
    pub fills: &'t [Fill],
}

/// Why slots that all met are no match.
#[derive(Debug, Clone, Copy)]
pub(super) enum Refusal<'t> {
    /// The words are part of a benign phrase.
    Benign,
    /// A modifier dropped it.
    Dropped(&'t str),
}

impl<'t> Text<'t> {
    fn look(&self, candidates: &[u32], found: &mut Vec<Match>) {
        for &number in candidates {
            let pattern = &self.engine.compiled.patterns[number as usize];
            let rule = &self.engine.rules[pattern.rule];
            let known = found.iter().position(|known| known.rule == pattern.rule);
            if known.is_some_and(|at| found[at].severity == rule.severity) || self.drops_all(pattern.rule, rule) {
                continue;
            }
            let Some(fresh) = self.evaluate(pattern, rule) else { continue };
            match known {
                Some(at) if found[at].severity >= fresh.severity => {}
                Some(at) => found[at] = fresh,
                None => found.push(fresh),
            }
        }
    }

    /// A modifier that acts wherever it stands in the text drops every match of a rule, but for what somebody discloses.
    fn drops_all(&self, number: usize, rule: &Rule) -> bool {
        let drops = |used: &Use| used.effect == Effect::Drop && used.modifier.scope == Scope::Text;
        let mut uses = self.engine.compiled.uses[number].iter();
        !rule.category.is_concern() && uses.any(|used| drops(used) && !self.of(used.slot).is_empty())
    }

    pub fn of(&self, slot: SlotId) -> &'t [Fill] {
        let from = self.fills.partition_point(|fill| fill.slot < slot);
        let len = self.fills[from..].partition_point(|fill| fill.slot == slot);
        &self.fills[from..from + len]
    }

    /// The gravest match of a pattern, with the places of others as grave.
    fn evaluate(&self, pattern: &Pattern, rule: &Rule) -> Option<Match> {
        let mut best: Option<Match> = None;
        let mut after = 0;
        for first in self.of(pattern.slots[0]) {
            if first.from < after {
                continue;
            }
            let shown = SHOWN * pattern.slots.len();
            if best.as_ref().is_some_and(|known| known.severity == rule.severity && known.spans.len() >= shown) {
                break;
            }
            let Some(fills) = self.complete(*first, pattern, rule) else { continue };
            let Ok((severity, modifiers)) = self.judge(pattern.rule, rule, &fills) else { continue };
            after = fills.iter().map(|fill| fill.to).max().unwrap_or(0);
            let spans = fills.iter().map(|fill| self.view.raw_words(fill.from as usize..fill.to as usize));
            match &mut best {
                Some(known) if known.severity > severity || known.spans.len() >= shown => {}
                Some(known) if known.severity == severity => known.spans.extend(spans),
                _ => best = Some(Match { rule: pattern.rule, severity, spans: spans.collect(), modifiers }),
            }
        }
        best.map(|found| Match { spans: merged(found.spans), ..found })
    }

    /// The other slots around a first one: in order each the next there is, or in any order each the nearest.
    pub fn complete(&self, first: Fill, pattern: &Pattern, rule: &Rule) -> Option<Vec<Fill>> {
        let mut fills = vec![first];
        for &slot in &pattern.slots[1..] {
            let all = self.of(slot);
            let next = match rule.order {
                Order::Written => {
                    let after = fills[fills.len() - 1].to;
                    all.get(all.partition_point(|fill| fill.from < after)).copied()
                }
                Order::Any => self.nearest(all, &first, &fills),
            };
            let next = next?;
            if self.reach(&fills, &next) > rule.within {
                return None;
            }
            fills.push(next);
        }
        Some(fills)
    }

    fn nearest(&self, all: &[Fill], first: &Fill, taken: &[Fill]) -> Option<Fill> {
        let at = all.partition_point(|fill| fill.from < first.to);
        let free = |fill: &&Fill| taken.iter().all(|other| fill.to <= other.from || other.to <= fill.from);
        let before = all[..at].iter().rev().take(NEAREST).find(free);
        let behind = all[at..].iter().take(NEAREST).find(free);
        let distance = |fill: &Fill| self.place(fill.from).abs_diff(self.place(first.from));
        [behind, before].into_iter().flatten().copied().min_by_key(distance)
    }

    fn place(&self, word: u32) -> u32 {
        self.view.words[word as usize].place
    }

    /// From the first to the last word of some fills and another.
    fn reach(&self, fills: &[Fill], next: &Fill) -> u32 {
        let from = fills.iter().map(|fill| fill.from).fold(next.from, u32::min);
        let to = fills.iter().map(|fill| fill.to).fold(next.to, u32::max);
        self.place(to - 1) - self.place(from) + 1
    }

    /// The severity of a match after its modifiers.
    pub fn judge(&self, number: usize, rule: &Rule, fills: &[Fill]) -> Result<(Severity, Vec<String>), Refusal<'t>> {
        let compiled = &self.engine.compiled;
        if fills.iter().any(|fill| compiled.benign[number].iter().any(|&slot| self.covers(slot, fill))) {
            return Err(Refusal::Benign);
        }
        let from = fills.iter().map(|fill| fill.from).min().unwrap_or(0);
        let to = fills.iter().map(|fill| fill.to).max().unwrap_or(0);
        let mut severity = rule.severity;
        let mut modifiers = Vec::new();
        for used in &compiled.uses[number] {
            if !self.acts(used.slot, used.modifier.scope, used.modifier.reach, from..to) {
                continue;
            }
            let kept = rule.category.is_concern() && self.discloses(from..to);
            severity = match (used.effect, kept) {
                (Effect::Drop, false) => return Err(Refusal::Dropped(&used.name)),
                (Effect::Drop, true) => lower(lower(severity)).max(Severity::Medium.min(severity)),
                (Effect::Lower, _) => lower(severity),
            };
            modifiers.push(used.name.clone());
        }
        Ok((severity, modifiers))
    }

    /// A benign phrase that holds all the words of a fill, or begins in it and goes on behind it.
    fn covers(&self, slot: SlotId, fill: &Fill) -> bool {
        let all = self.of(slot);
        let at = all.partition_point(|benign| benign.from <= fill.from);
        all[..at].iter().rev().take(NEAREST).any(|benign| benign.to >= fill.to)
            || all[at..].iter().take_while(|benign| benign.from < fill.to).any(|benign| benign.to > fill.to)
    }

    fn acts(&self, slot: SlotId, scope: Scope, reach: u32, words: Range<u32>) -> bool {
        let all = self.of(slot);
        let (start, end) = (self.place(words.start), self.place(words.end - 1));
        let at = all.partition_point(|fill| fill.from < words.start);
        let behind = all.partition_point(|fill| fill.from < words.end);
        let before = || at > 0 && start.saturating_sub(self.place(all[at - 1].to - 1)) <= reach;
        let after = || all.get(behind).is_some_and(|fill| self.place(fill.from) - end <= reach);
        match scope {
            Scope::Before => before(),
            Scope::After => after(),
            Scope::Near => at < behind || before() || after(),
            Scope::Text => !all.is_empty(),
        }
    }

    /// First person singular, or a named person, in the match or right beside it: never dropped in a concern category.
    fn discloses(&self, words: Range<u32>) -> bool {
        let from = words.start.saturating_sub(2) as usize;
        let to = (words.end as usize + 1).min(self.view.words.len());
        (from..to).any(|at| is_first_person(self.view.word(at)) || may_be_name(self.view, at))
    }
}

fn is_first_person(word: &str) -> bool {
    matches!(
        word,
        "i" | "im"
            | "ive"
            | "id"
            | "ill"
            | "me"
            | "my"
            | "mine"
            | "myself"
            | "ima"
            | "imma"
            | "yo"
            | "mi"
            | "mis"
            | "mia"
            | "mio"
            | "conmigo"
            | "voy"
            | "quiero"
            | "estoy"
            | "tengo"
    )
}

const fn lower(severity: Severity) -> Severity {
    match severity {
        Severity::Critical => Severity::High,
        Severity::High => Severity::Medium,
        Severity::Medium | Severity::Low => Severity::Low,
    }
}

/// In order, overlapping ones made one.
fn merged(mut spans: Vec<Range<usize>>) -> Vec<Range<usize>> {
    spans.sort_by_key(|span| (span.start, span.end));
    let mut merged: Vec<Range<usize>> = Vec::with_capacity(spans.len());
    for span in spans {
        match merged.last_mut() {
            Some(last) if span.start < last.end => last.end = last.end.max(span.end),
            _ => merged.push(span),
        }
    }
    merged
}
