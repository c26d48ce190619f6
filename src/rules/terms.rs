//! Finds every term of every slot in a reading: the words of the terms are a tree, and each word of the text begins a walk in it.

use crate::text::hash::{Table, step};
use crate::text::views::View;

/// All terms. A term is words with single spaces between; a `*` at its end stands for any ending of its last word.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    /// Every word and every stem of any term, by number.
    texts: Vec<Box<[u8]>>,
    /// Their numbers by hash. Which of two that share a hash is there is decided when it is made: see `number_of`.
    words: Table<Vec<u32>>,
    stems: Table<Vec<u32>>,
    /// A bit for each length that a stem has.
    stem_lengths: u64,
    /// From a node over a word to the next; 0 is where all begin.
    steps: Table<u32>,
    nodes: Vec<Node>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Node {
    /// The term that ends here.
    term: Option<u32>,
    goes_on: bool,
}

/// Longer stems than this are taken for words that nobody ends otherwise.
const LONGEST_STEM: usize = 63;

impl Terms {
    /// Terms get the numbers of their order.
    pub fn new<'t>(terms: impl IntoIterator<Item = &'t str>) -> Terms {
        let mut all = Terms { nodes: vec![Node::default()], ..Terms::default() };
        for (term, number) in terms.into_iter().zip(0..) {
            all.learn(term, number);
        }
        all
    }

    fn learn(&mut self, term: &str, number: u32) {
        let (body, is_stem) = term.strip_suffix('*').map_or((term, false), |body| (body, true));
        let (before, last) = body.rsplit_once(' ').unwrap_or(("", body));
        let mut at = 0;
        for word in before.split(' ').filter(|word| !word.is_empty()) {
            let word = number_of(&mut self.words, &mut self.texts, word);
            at = self.go(at, word);
        }
        let last = if is_stem && last.len() <= LONGEST_STEM {
            self.stem_lengths |= 1 << last.len();
            number_of(&mut self.stems, &mut self.texts, last)
        } else {
            number_of(&mut self.words, &mut self.texts, last)
        };
        let end = self.go(at, last);
        self.nodes[end as usize].term = Some(number);
    }

    /// The node behind another, made where there is none.
    fn go(&mut self, at: u32, word: u32) -> u32 {
        let fresh = index(self.nodes.len());
        let next = *self.steps.entry(key(at, word)).or_insert(fresh);
        if next == fresh {
            self.nodes.push(Node::default());
            self.nodes[at as usize].goes_on = true;
        }
        next
    }

    /// Calls `found` with each term that stands in the view, its first word and the word after it.
    pub fn find(&self, view: &View, mut found: impl FnMut(u32, u32, u32)) {
        let read = self.read(view);
        for from in 0..read.words.len() {
            let mut at = 0;
            for (to, word) in read.words.iter().enumerate().skip(from) {
                for &stem in &read.stems[word.stems.0 as usize..word.stems.1 as usize] {
                    if let Some(term) = self.next(at, stem).and_then(|next| self.nodes[next as usize].term) {
                        found(term, index(from), index(to) + 1);
                    }
                }
                let Some(next) = word.number.and_then(|number| self.next(at, number)) else { break };
                let node = self.nodes[next as usize];
                if let Some(term) = node.term {
                    found(term, index(from), index(to) + 1);
                }
                if !node.goes_on {
                    break;
                }
                at = next;
            }
        }
    }

    fn next(&self, at: u32, word: u32) -> Option<u32> {
        self.steps.get(&key(at, word)).copied()
    }

    /// What is known of each word of a view: its number and those of the stems that it begins with.
    fn read(&self, view: &View) -> Read {
        let mut read = Read { words: Vec::with_capacity(view.words.len()), stems: Vec::new() };
        for at in 0..view.words.len() {
            let word = view.word(at).as_bytes();
            let begun = index(read.stems.len());
            let mut hash = 0;
            for (length, &byte) in (1..).zip(word) {
                hash = step(hash, byte);
                if length <= LONGEST_STEM && self.stem_lengths >> length & 1 == 1 {
                    read.stems.extend(self.known(&self.stems, hash, &word[..length]));
                }
            }
            let number = self.known(&self.words, hash, word);
            read.words.push(Word { number, stems: (begun, index(read.stems.len())) });
        }
        read
    }

    fn known(&self, table: &Table<Vec<u32>>, hash: u64, text: &[u8]) -> Option<u32> {
        table.get(&hash)?.iter().copied().find(|&number| *self.texts[number as usize] == *text)
    }
}

/// The words of a view as the terms know them.
struct Read {
    words: Vec<Word>,
    stems: Vec<u32>,
}

struct Word {
    number: Option<u32>,
    stems: (u32, u32),
}

fn number_of(table: &mut Table<Vec<u32>>, texts: &mut Vec<Box<[u8]>>, word: &str) -> u32 {
    let same_hash = table.entry(crate::text::hash::hash(word.as_bytes())).or_default();
    if let Some(&known) = same_hash.iter().find(|&&number| *texts[number as usize] == *word.as_bytes()) {
        return known;
    }
    let fresh = index(texts.len());
    texts.push(word.as_bytes().into());
    same_hash.push(fresh);
    fresh
}

fn key(node: u32, word: u32) -> u64 {
    u64::from(node) << 32 | u64::from(word)
}

fn index(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::text::views::Views;

    const TERMS: [&str; 8] = ["my dad", "my", "dad hurt*", "hurt*", "hurts me", "hurts", "my dad hurts me bad", "ni_*"];

    fn found(text: &str) -> Vec<(&'static str, u32, u32)> {
        let mut found = Vec::new();
        let view = Views::of(text).folded;
        Terms::new(TERMS).find(&view, |term, from, to| found.push((TERMS[term as usize], from, to)));
        found.sort_unstable();
        found
    }

    #[test]
    fn terms_are_found_by_whole_words_and_stems_by_beginnings() {
        assert_eq!(
            found("My dad hurts me"),
            [("dad hurt*", 1, 3), ("hurt*", 2, 3), ("hurts", 2, 3), ("hurts me", 2, 4), ("my", 0, 1), ("my dad", 0, 2)]
        );
        assert_eq!(found("dad, hurtful"), [("dad hurt*", 0, 2), ("hurt*", 1, 2)]);
        assert_eq!(found("hur mydad h u r t"), []);
    }

    proptest! {
        #[test]
        fn what_is_found_is_what_the_letters_say(text in "(my |dad |hurt|hurts |me |bad |h|s| ){0,20}") {
            let view = Views::of(&text).folded;
            let mut expected: Vec<(&str, usize)> = Vec::new();
            for term in TERMS {
                let needle = term.strip_suffix('*').map_or(format!(" {term} "), |stem| format!(" {stem}"));
                let places = (0..view.text.len()).filter(|&at| view.text[at..].starts_with(&needle));
                expected.extend(places.map(|at| (term, view.words.partition_point(|word| word.start as usize <= at))));
            }
            let mut found: Vec<(&str, usize)> = found(&text).into_iter().map(|(term, from, _)| (term, from as usize)).collect();
            expected.sort_unstable();
            found.sort_unstable();
            prop_assert_eq!(found, expected);
        }
    }
}
