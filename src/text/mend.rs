//! Words typed in a hurry: a letter too many, one too few, two swapped. Only words that rules look for are mended, only long
//! ones, and never a word that is one in its own right.

use std::collections::{HashMap, HashSet};

use super::views::{View, Word};

/// The shortest word that may be meant.
const SHORTEST: usize = 6;
/// Longer words are not tried: nobody's slip, and no time lost on them.
const LONGEST: usize = 24;
const BASE: u64 = 0x0100_0000_01B3;
/// Bits of the filter before the table.
const FILTER_BITS: u32 = 17;

/// Knows the words that may be meant.
#[derive(Debug, Clone, Default)]
pub struct Mender {
    words: Vec<String>,
    /// Hashes of the words, and of the words without one letter, with the word's number.
    whole: HashMap<u64, u32>,
    short: HashMap<u64, u32>,
    known: HashSet<u64>,
    filter: Vec<u64>,
}

impl Mender {
    /// `meant` are the words to find; `known` further words that stay as they are.
    pub fn new<'w>(meant: impl IntoIterator<Item = &'w str>, known: impl IntoIterator<Item = &'w str>) -> Mender {
        let mut mender = Mender { filter: vec![0; 1 << (FILTER_BITS - 6)], ..Mender::default() };
        for word in meant.into_iter().filter(|word| word.bytes().all(|b| b.is_ascii_lowercase())) {
            mender.known.insert(hash(word.as_bytes()));
            if (SHORTEST..=LONGEST).contains(&word.len()) {
                mender.learn(word);
            }
        }
        mender.known.extend(known.into_iter().map(|word| hash(word.as_bytes())));
        mender
    }

    fn learn(&mut self, word: &str) {
        let number = u32::try_from(self.words.len()).unwrap_or(u32::MAX);
        let bytes = word.as_bytes();
        self.words.push(word.to_owned());
        self.mark(hash(bytes));
        self.whole.insert(hash(bytes), number);
        for skip in 0..bytes.len() {
            let shorter = hash_iter(bytes.iter().enumerate().filter(|(at, _)| *at != skip).map(|(_, b)| *b));
            self.mark(shorter);
            self.short.entry(shorter).or_insert(number);
        }
    }

    fn mark(&mut self, hash: u64) {
        let bit = spread(hash);
        self.filter[bit >> 6] |= 1 << (bit & 63);
    }

    fn maybe(&self, hash: u64) -> bool {
        let bit = spread(hash);
        self.filter[bit >> 6] >> (bit & 63) & 1 == 1
    }

    /// A view with slips mended; `None` where there is nothing to mend.
    pub fn mend(&self, view: &View) -> Option<View> {
        if self.words.is_empty() {
            return None;
        }
        let bytes = view.text.as_bytes();
        let meant = |word: &Word| self.meant(&bytes[word.start as usize..word.end as usize]);
        let first = view.words.iter().position(|word| meant(word).is_some())?;
        let mut mended =
            View { text: String::with_capacity(bytes.len() + 8), words: Vec::with_capacity(view.words.len()) };
        mended.text.push(' ');
        for (at, word) in view.words.iter().enumerate() {
            let start = u32::try_from(mended.text.len()).unwrap_or(u32::MAX);
            let fixed = if at < first { None } else { meant(word) };
            mended.text.push_str(fixed.unwrap_or_else(|| view.word(at)));
            let end = u32::try_from(mended.text.len()).unwrap_or(u32::MAX);
            mended.words.push(Word { start, end, ..*word });
            mended.text.push(' ');
        }
        Some(mended)
    }

    /// The word that a slip stands for.
    fn meant(&self, typed: &[u8]) -> Option<&str> {
        if !(SHORTEST - 1..=LONGEST).contains(&typed.len()) || !typed.iter().all(u8::is_ascii_lowercase) {
            return None;
        }
        let mut prefix = [0u64; LONGEST + 1];
        let mut power = [1u64; LONGEST + 1];
        for (at, &byte) in typed.iter().enumerate() {
            prefix[at + 1] = step(prefix[at], byte);
            power[at + 1] = power[at].wrapping_mul(BASE);
        }
        let len = typed.len();
        let whole = prefix[len];
        if self.maybe(whole) && self.known.contains(&whole) {
            return None;
        }
        let found = self.one_missing(typed, whole).or_else(|| {
            (0..len).find_map(|at| {
                // The hash of what follows a place is the whole less the part before it.
                let tail = |from: usize| whole.wrapping_sub(prefix[from].wrapping_mul(power[len - from]));
                let without = prefix[at].wrapping_mul(power[len - at - 1]).wrapping_add(tail(at + 1));
                self.one_too_many(typed, at, without).or_else(|| {
                    let next = *typed.get(at + 1)?;
                    let swapped = step(step(prefix[at], next), typed[at]);
                    self.two_swapped(typed, at, swapped.wrapping_mul(power[len - at - 2]).wrapping_add(tail(at + 2)))
                })
            })
        })?;
        (!self.known.contains(&whole)).then_some(found)
    }

    fn one_missing(&self, typed: &[u8], hash: u64) -> Option<&str> {
        let word = self.lookup(&self.short, hash)?;
        let bytes = word.as_bytes();
        let at = (0..typed.len()).find(|&at| bytes[at] != typed[at]).unwrap_or(typed.len());
        // A missing last letter is an ending, not a slip.
        (bytes.len() == typed.len() + 1 && at < typed.len() && bytes[at + 1..] == typed[at..]).then_some(word)
    }

    fn one_too_many(&self, typed: &[u8], at: usize, hash: u64) -> Option<&str> {
        let word = self.lookup(&self.whole, hash)?;
        let bytes = word.as_bytes();
        // A letter more at the end is an ending, not a slip, unless it is a doubled one.
        let ending = at + 1 == typed.len() && typed[at] != typed[at - 1];
        (!ending && bytes[..at] == typed[..at] && bytes[at..] == typed[at + 1..]).then_some(word)
    }

    fn two_swapped(&self, typed: &[u8], at: usize, hash: u64) -> Option<&str> {
        let word = self.lookup(&self.whole, hash)?;
        let bytes = word.as_bytes();
        let swapped = bytes[at] == typed[at + 1] && bytes[at + 1] == typed[at];
        (swapped && bytes[..at] == typed[..at] && bytes[at + 2..] == typed[at + 2..]).then_some(word)
    }

    fn lookup(&self, table: &HashMap<u64, u32>, hash: u64) -> Option<&str> {
        if !self.maybe(hash) {
            return None;
        }
        table.get(&hash).map(|&number| self.words[number as usize].as_str())
    }
}

const fn step(hash: u64, byte: u8) -> u64 {
    hash.wrapping_mul(BASE).wrapping_add(byte as u64)
}

fn hash(bytes: &[u8]) -> u64 {
    hash_iter(bytes.iter().copied())
}

fn hash_iter(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0, step)
}

/// Where a hash stands in the filter.
fn spread(hash: u64) -> usize {
    (hash.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - FILTER_BITS)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::views::Views;

    fn mended(raw: &str) -> Option<String> {
        let mender = Mender::new(["parents", "molested", "bruise", "kill"], ["parent", "present"]);
        mender.mend(&Views::of(raw).folded).map(|view| view.text.trim().to_owned())
    }

    #[test]
    fn slips_in_words_that_are_looked_for_are_mended() {
        assert_eq!(mended("my PAERNTS and").as_deref(), Some("my parents and"));
        assert_eq!(mended("was mloested").as_deref(), Some("was molested"));
        assert_eq!(mended("a bruuise, paents").as_deref(), Some("a bruise parents"));
        assert_eq!(mended("pparents parentss").as_deref(), Some("parents parents"));
    }

    #[test]
    fn words_in_their_own_right_endings_and_short_words_stay() {
        for raw in ["my parents", "parent teacher", "kil", "bruised", "modested", "presents", ""] {
            assert_eq!(mended(raw), None, "{raw}");
        }
    }

    proptest::proptest! {
        #[test]
        fn mending_never_panics_and_keeps_every_word(raw in "[a-z bruiseparntño]{0,60}") {
            let mender = Mender::new(["parents", "bruise"], []);
            let view = Views::of(&raw).folded;
            if let Some(mended) = mender.mend(&view) {
                assert_eq!(mended.words.len(), view.words.len());
            }
        }
    }
}
