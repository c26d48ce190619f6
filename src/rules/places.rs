//! Where slots stand in one reading, looked for as far as somebody asks: what takes long only where all else is there.

use super::engine::{Fill, Seen, index};
use super::pass::Engine;
use super::slots::{SlotId, Structure};
use crate::text::views::View;

/// The places that are known so far.
pub struct Places<'p> {
    engine: &'p Engine,
    view: &'p View,
    seen: &'p Seen,
    fills: Vec<Fill>,
    /// A bit for each slot whose terms and names were looked for, and for each that has a place.
    asked: Vec<u64>,
    filled: Vec<u64>,
    /// Of each of the packs' own structures whether it was looked for.
    ran: Vec<bool>,
}

impl<'p> Places<'p> {
    pub fn new(engine: &'p Engine, view: &'p View, seen: &'p Seen) -> Places<'p> {
        let blocks = seen.slots.len();
        let mut places = Places {
            engine,
            view,
            seen,
            fills: Vec::with_capacity(64),
            asked: vec![0; blocks],
            filled: vec![0; blocks],
            ran: vec![false; engine.compiled.regexes.len()],
        };
        seen.structures.iter().for_each(|fill| places.put(*fill));
        places
    }

    fn put(&mut self, fill: Fill) {
        self.filled[fill.slot as usize / 64] |= 1 << (fill.slot % 64);
        self.fills.push(fill);
    }

    /// Looks for the words and names of slots.
    pub fn words(&mut self, slots: impl Iterator<Item = SlotId>) {
        let mut fresh = vec![0u64; self.asked.len()];
        slots.for_each(|slot| fresh[slot as usize / 64] |= 1 << (slot % 64));
        fresh.iter_mut().zip(&mut self.asked).for_each(|(fresh, asked)| {
            *fresh &= !*asked;
            *asked |= *fresh;
        });
        for &(term, from, to) in &self.seen.terms {
            for &(block, bits) in &self.engine.compiled.terms[term as usize] {
                let mut wanted = bits & fresh[block as usize];
                while wanted != 0 {
                    let slot = block * 64 + u16::try_from(wanted.trailing_zeros()).unwrap_or(0);
                    wanted &= wanted - 1;
                    self.put(Fill { slot, from, to });
                }
            }
        }
        self.names(&|slot| fresh[slot as usize / 64] >> (slot % 64) & 1 == 1);
    }

    /// Looks for what the packs' own structures put into a slot.
    pub fn structures(&mut self, slot: SlotId) {
        let engine = self.engine;
        for &number in &engine.compiled.structured[slot as usize] {
            self.own_structure(number as usize);
        }
    }

    /// Whether a slot has a place, after its structures were looked for too.
    pub fn has(&mut self, slot: SlotId) -> bool {
        self.structures(slot);
        self.filled[slot as usize / 64] >> (slot % 64) & 1 == 1
    }

    /// Everything found, by slot and in order.
    pub fn sorted(mut self) -> Vec<Fill> {
        self.fills.sort_unstable();
        self.fills
    }

    /// What one of the packs' own regular expressions finds. All of them as one set is slower by far: few are asked for, and
    /// together they outgrow any cache of states.
    fn own_structure(&mut self, number: usize) {
        if std::mem::replace(&mut self.ran[number], true) {
            return;
        }
        let own = &self.engine.compiled.regexes[number];
        if !self.seen.may_fill(own.cue) {
            return;
        }
        for hit in own.regex.find_iter(self.view.text.as_bytes()) {
            if let Some((from, to)) = self.view.words_in(hit.range()) {
                own.slots.iter().for_each(|&slot| self.put(Fill { slot, from: index(from), to: index(to) }));
            }
        }
    }

    /// Capitalized words may be names: inside a sentence one, at its start only where nothing else will do.
    fn names(&mut self, is_wanted: &dyn Fn(SlotId) -> bool) {
        let slots = |structure| -> Vec<SlotId> {
            let all = self.engine.compiled.structures.get(&structure).into_iter().flatten();
            all.copied().filter(|slot| is_wanted(*slot)).collect()
        };
        let (inside, first, two) = (slots(Structure::Name), slots(Structure::FirstName), slots(Structure::TwoNames));
        if inside.is_empty() && first.is_empty() && two.is_empty() {
            return;
        }
        let view = self.view;
        for (at, word) in view.words.iter().enumerate().filter(|(_, word)| word.capital) {
            if !is_name(view, at) {
                continue;
            }
            let from = index(at);
            let mut put = |slots: &[SlotId], to| slots.iter().for_each(|&slot| self.put(Fill { slot, from, to }));
            put(&first, from + 1);
            if !word.opens {
                put(&inside, from + 1);
            }
            if view.words.get(at + 1).is_some_and(|next| next.capital && !next.opens) && is_name(view, at + 1) {
                put(&two, from + 2);
            }
        }
    }
}

pub fn is_name(view: &View, at: usize) -> bool {
    let word = &view.words[at];
    word.capital && word.end - word.start > 2 && !is_no_name(view.word(at))
}

/// Capitalized words that name no person.
fn is_no_name(word: &str) -> bool {
    matches!(
        word,
        "monday"
            | "tuesday"
            | "wednesday"
            | "thursday"
            | "friday"
            | "saturday"
            | "sunday"
            | "january"
            | "february"
            | "march"
            | "april"
            | "may"
            | "june"
            | "july"
            | "august"
            | "september"
            | "october"
            | "november"
            | "december"
            | "school"
            | "high"
            | "middle"
            | "elementary"
            | "district"
            | "board"
            | "english"
            | "spanish"
            | "math"
            | "science"
            | "facebook"
            | "instagram"
            | "christmas"
            | "thanksgiving"
            | "halloween"
            | "god"
            | "jesus"
            | "american"
            | "america"
            | "california"
            | "mexico"
            | "mom"
            | "dad"
            | "grade"
            | "iep"
            | "gpa"
            | "pta"
            | "the"
            | "and"
            | "you"
            | "please"
            | "thank"
            | "thanks"
            | "congrats"
            | "congratulations"
            | "measure"
            | "prop"
            | "proposition"
            | "street"
            | "road"
            | "avenue"
    )
}
