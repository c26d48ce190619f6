//! Words typed in a hurry: a letter too many, one too few, two swapped. Only words that rules look for are mended, only long
//! ones, and never a word that is one in its own right.

use super::hash::{BASE, Table, hash, spread, step};
use super::views::{View, Word};

/// The shortest word that may be meant.
const SHORTEST: usize = 6;
/// Longer words are not tried: nobody's slip, and no time lost on them.
const LONGEST: usize = 24;

/// What the letters of a word's beginning are worth in the hash of the whole.
const POWERS: [u64; LONGEST + 1] = {
    let mut powers = [1u64; LONGEST + 1];
    let mut at = 0;
    while at < LONGEST {
        powers[at + 1] = powers[at].wrapping_mul(BASE);
        at += 1;
    }
    powers
};

/// Knows the words that may be meant.
#[derive(Debug, Clone, Default)]
pub struct Mender {
    words: Vec<String>,
    /// The words, and the words without one letter, with the word's number.
    whole: Sieved,
    short: Sieved,
    known: Table<()>,
}

/// A table behind a filter: most of what is asked for is not in it.
#[derive(Debug, Clone, Default)]
struct Sieved {
    table: Table<u32>,
    bits: u32,
    filter: Vec<u64>,
}

impl Sieved {
    fn new(table: Table<u32>) -> Sieved {
        // Sixteen bits for each entry: one in sixteen strangers passes.
        let bits = (table.len() * 16).next_power_of_two().trailing_zeros().max(6);
        let mut filter = vec![0u64; 1 << (bits - 6)];
        for &hash in table.keys() {
            let bit = spread(hash) >> (64 - bits);
            filter[(bit >> 6) as usize] |= 1 << (bit & 63);
        }
        Sieved { table, bits, filter }
    }

    fn get(&self, hash: u64) -> Option<u32> {
        let bit = spread(hash) >> (64 - self.bits);
        if self.filter[(bit >> 6) as usize] >> (bit & 63) & 1 == 0 {
            return None;
        }
        self.table.get(&hash).copied()
    }
}

impl Mender {
    /// `meant` are the words to find; `known` further words that stay as they are.
    pub fn new<'w>(meant: impl IntoIterator<Item = &'w str>, known: impl IntoIterator<Item = &'w str>) -> Mender {
        let mut mender = Mender::default();
        let (mut whole, mut short) = (Table::default(), Table::default());
        for word in meant.into_iter().filter(|word| word.bytes().all(|b| b.is_ascii_lowercase())) {
            let hash = hash(word.as_bytes());
            mender.known.insert(hash, ());
            if (SHORTEST..=LONGEST).contains(&word.len()) {
                let number = u32::try_from(mender.words.len()).unwrap_or(u32::MAX);
                mender.words.push(word.to_owned());
                whole.insert(hash, number);
                for shorter in without_one(word.as_bytes()) {
                    short.entry(shorter).or_insert(number);
                }
            }
        }
        (mender.whole, mender.short) = (Sieved::new(whole), Sieved::new(short));
        mender.known.extend(known.into_iter().map(|word| (hash(word.as_bytes()), ())));
        mender
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
        for (at, &byte) in typed.iter().enumerate() {
            prefix[at + 1] = step(prefix[at], byte);
        }
        let len = typed.len();
        let whole = prefix[len];
        if self.known.contains_key(&whole) {
            return None;
        }
        self.one_missing(typed, whole).or_else(|| {
            (0..len).find_map(|at| {
                // The hash of what follows a place is the whole less the part before it.
                let tail = |from: usize| whole.wrapping_sub(prefix[from].wrapping_mul(POWERS[len - from]));
                let without = prefix[at].wrapping_mul(POWERS[len - at - 1]).wrapping_add(tail(at + 1));
                self.one_too_many(typed, at, without).or_else(|| {
                    let next = *typed.get(at + 1)?;
                    let swapped = step(step(prefix[at], next), typed[at]);
                    self.two_swapped(typed, at, swapped.wrapping_mul(POWERS[len - at - 2]).wrapping_add(tail(at + 2)))
                })
            })
        })
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

    fn lookup(&self, table: &Sieved, hash: u64) -> Option<&str> {
        table.get(hash).map(|number| self.words[number as usize].as_str())
    }
}

/// The hashes of a word without each of its letters.
fn without_one(word: &[u8]) -> impl Iterator<Item = u64> + '_ {
    (0..word.len()).map(|skip| {
        let others = word.iter().enumerate().filter(move |(at, _)| *at != skip);
        others.fold(0, |hash, (_, &byte)| step(hash, byte))
    })
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
