//! Finds every term of every slot in a reading: the words of the terms are a tree, and each word of the text begins a walk in it.

use crate::text::hash::{Table, hash, step};
use crate::text::views::View;

/// All terms. A term is words with single spaces between; a `*` at its end stands for any ending of its last word.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    /// Every word and every stem of any term, by number.
    texts: Vec<Box<[u8]>>,
    words: Numbers,
    stems: Numbers,
    /// For each two first letters a bit for each length that a stem has.
    stem_lengths: Vec<u64>,
    /// For each word and stem the node that it begins; 0 where it begins none.
    begins: Vec<u32>,
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

/// Longer stems than this, and those of one letter, are taken for words that nobody ends otherwise.
const LONGEST_STEM: usize = 63;

impl Terms {
    /// Terms get the numbers of their order.
    pub fn new<'t>(terms: impl IntoIterator<Item = &'t str>) -> Terms {
        let mut all = Terms { nodes: vec![Node::default()], stem_lengths: vec![0; 1 << 16], ..Terms::default() };
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
            let word = self.words.number_of(&mut self.texts, word);
            at = self.go(at, word);
        }
        let last = if is_stem && (2..=LONGEST_STEM).contains(&last.len()) {
            self.stem_lengths[first_two(last.as_bytes())] |= 1 << last.len();
            self.stems.number_of(&mut self.texts, last)
        } else {
            self.words.number_of(&mut self.texts, last)
        };
        let end = self.go(at, last);
        self.nodes[end as usize].term = Some(number);
    }

    /// The node behind another, made where there is none.
    fn go(&mut self, at: u32, word: u32) -> u32 {
        let fresh = index(self.nodes.len());
        self.begins.resize(self.texts.len(), 0);
        let next = if at == 0 {
            let begun = &mut self.begins[word as usize];
            if *begun == 0 {
                *begun = fresh;
            }
            *begun
        } else {
            *self.steps.entry(key(at, word)).or_insert(fresh)
        };
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
        match at {
            0 => Some(self.begins[word as usize]).filter(|next| *next > 0),
            _ => self.steps.get(&key(at, word)).copied(),
        }
    }

    /// What is known of each word of a view: its number and those of the stems that it begins with.
    fn read(&self, view: &View) -> Read {
        let mut read =
            Read { words: Vec::with_capacity(view.words.len()), stems: Vec::with_capacity(view.words.len()) };
        for at in 0..view.words.len() {
            let word = view.word(at).as_bytes();
            let begun = index(read.stems.len());
            let lengths = if word.len() < 2 { 0 } else { self.stem_lengths[first_two(word)] };
            let mut hash = 0;
            for (length, &byte) in (1..).zip(word) {
                hash = step(hash, byte);
                if length <= LONGEST_STEM && lengths >> length & 1 == 1 {
                    read.stems.extend(self.stems.get(&self.texts, hash, &word[..length]));
                }
            }
            let number = self.words.get(&self.texts, hash, word);
            read.words.push(Word { number, stems: (begun, index(read.stems.len())) });
        }
        read
    }
}

/// Two letters that a word begins with, as a number.
fn first_two(word: &[u8]) -> usize {
    usize::from(word[0]) << 8 | usize::from(word[1])
}

/// Numbers of words by their hash. The letters decide: those of a word that shares another's hash stand beside.
#[derive(Debug, Clone, Default)]
struct Numbers {
    by_hash: Table<u32>,
    others: Vec<(u64, u32)>,
}

impl Numbers {
    fn get(&self, texts: &[Box<[u8]>], hash: u64, word: &[u8]) -> Option<u32> {
        let first = *self.by_hash.get(&hash)?;
        let others = self.others.iter().filter(|(other, _)| *other == hash).map(|(_, number)| *number);
        std::iter::once(first).chain(others).find(|&number| *texts[number as usize] == *word)
    }

    fn number_of(&mut self, texts: &mut Vec<Box<[u8]>>, word: &str) -> u32 {
        let (word, hash) = (word.as_bytes(), hash(word.as_bytes()));
        if let Some(known) = self.get(texts, hash, word) {
            return known;
        }
        let fresh = index(texts.len());
        texts.push(word.into());
        if *self.by_hash.entry(hash).or_insert(fresh) != fresh {
            self.others.push((hash, fresh));
        }
        fresh
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
