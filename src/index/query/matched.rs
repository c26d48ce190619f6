//! Which of an item's texts a query matched, and where: read from the rows on the page, with the index's own tokenizer.

use std::ops::Range;

use super::{Find, Node, Query, Target, Text};
use crate::text::tokenize::{Place, Stems, tokens};

/// How much of a text a snippet shows, in bytes, about.
const SNIPPET: usize = 240;

/// A piece of a text with the places that matched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snippet {
    pub text: String,
    /// In bytes of `text`, in order and apart.
    pub marks: Vec<Range<usize>>,
}

/// Which of the texts matches: the first that has all that is asked for, else the one with the most of it. `None` when
/// the query asks for no words, or none of them is here.
pub fn matched(query: &Query, texts: &[&str]) -> Option<usize> {
    let mut best = None;
    for (index, text) in texts.iter().enumerate() {
        let tokens = tokens(text);
        let mut leaves = Vec::new();
        positive(query.root(), &mut leaves);
        let found = leaves.iter().filter(|leaf| !places(leaf, &tokens).is_empty()).count();
        if found > 0 && holds(query.root(), &tokens) {
            return Some(index);
        }
        if found > best.map_or(0, |(most, _)| most) {
            best = Some((found, index));
        }
    }
    best.map(|(_, index)| index)
}

/// Where the words that the query asks for stand in a text, in bytes.
pub fn marks(query: &Query, text: &str) -> Vec<Range<usize>> {
    let tokens = tokens(text);
    let mut leaves = Vec::new();
    positive(query.root(), &mut leaves);
    let mut marks: Vec<Range<usize>> = leaves.iter().flat_map(|leaf| places(leaf, &tokens)).collect();
    marks.sort_by_key(|mark| (mark.start, mark.end));
    marks.dedup_by(|next, kept| {
        let overlap = next.start < kept.end;
        kept.end = if overlap { kept.end.max(next.end) } else { kept.end };
        overlap
    });
    marks
}

/// The piece of a text around the first match, on one line; the beginning where nothing matches.
pub fn excerpt(query: &Query, text: &str) -> Snippet {
    let found = marks(query, text);
    let first = found.first().map_or(0, |mark| mark.start);
    let start = if text.len() <= SNIPPET { 0 } else { word_start(text, first.saturating_sub(SNIPPET / 4)) };
    let end = if text.len() <= start + SNIPPET { text.len() } else { word_start(text, start + SNIPPET) };
    let lead = if start > 0 { "…" } else { "" };
    let line = text[start..end].replace(['\n', '\r', '\t'], " ");
    let tail = if end < text.len() { "…" } else { "" };
    let shift = |at: usize| at.clamp(start, end) - start + lead.len();
    let marks = found.iter().filter(|mark| mark.start < end && mark.end > start);
    Snippet {
        marks: marks.map(|mark| shift(mark.start)..shift(mark.end)).collect(),
        text: format!("{lead}{}{tail}", line.trim_end()),
    }
    .within()
}

/// [`excerpt`] in one string, the matches between « and ».
pub fn snippet(query: &Query, text: &str) -> String {
    let excerpt = excerpt(query, text);
    let mut marked = String::with_capacity(excerpt.text.len() + 4 * excerpt.marks.len());
    let mut at = 0;
    for mark in &excerpt.marks {
        marked.push_str(&excerpt.text[at..mark.start]);
        marked.push('«');
        marked.push_str(&excerpt.text[mark.clone()]);
        marked.push('»');
        at = mark.end;
    }
    marked.push_str(&excerpt.text[at..]);
    marked
}

impl Snippet {
    /// Marks that reach into the space cut off at the end are shortened.
    fn within(mut self) -> Snippet {
        let length = self.text.len();
        self.marks.iter_mut().for_each(|mark| mark.end = mark.end.min(length));
        self.marks.retain(|mark| mark.start < mark.end && self.text.get(mark.clone()).is_some());
        self
    }
}

/// The start of the word that `at` falls into, or of the character when the word is long.
fn word_start(text: &str, at: usize) -> usize {
    let at = (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let space = text[..at].char_indices().rev().take(40).find(|(_, c)| c.is_whitespace());
    space.map_or(at, |(space, c)| space + c.len_utf8())
}

/// The texts' leaves that are asked for, not those excluded.
fn positive<'q>(node: &'q Node, leaves: &mut Vec<&'q Find>) {
    match node {
        Node::And(nodes) | Node::Or(nodes) => nodes.iter().for_each(|node| positive(node, leaves)),
        Node::Text(Text { target: Target::Texts, find }) => leaves.push(find),
        _ => {}
    }
}

/// Whether one text by itself has what the query asks of texts. Filters and exclusions were the index's to judge.
fn holds(node: &Node, tokens: &[(Place, String)]) -> bool {
    match node {
        Node::And(nodes) => nodes.iter().all(|node| holds(node, tokens)),
        Node::Or(nodes) => nodes.iter().any(|node| holds(node, tokens)),
        Node::Text(Text { target: Target::Texts, find }) => !places(find, tokens).is_empty(),
        _ => true,
    }
}

fn places(find: &Find, tokens: &[(Place, String)]) -> Vec<Range<usize>> {
    match find {
        Find::Stem(word) => {
            let stems = Stems::of(word);
            single(tokens, |token| stems.meet(token))
        }
        Find::Fuzzy(word, distance) => {
            single(tokens, |token| strsim::osa_distance(word, token) <= usize::from(*distance))
        }
        Find::Exact(words) => run(tokens, words, None),
        Find::Prefix(words, last) => run(tokens, words, Some(last)),
    }
}

fn single(tokens: &[(Place, String)], test: impl Fn(&str) -> bool) -> Vec<Range<usize>> {
    tokens.iter().filter(|(_, token)| test(token)).map(|(place, _)| place.start..place.end).collect()
}

/// Words at their distances from each other, the last of them perhaps only begun.
fn run(tokens: &[(Place, String)], words: &[(usize, String)], begun: Option<&(usize, String)>) -> Vec<Range<usize>> {
    let wanted: Vec<(usize, &str, bool)> = words
        .iter()
        .map(|(offset, word)| (*offset, word.as_str(), true))
        .chain(begun.map(|(offset, word)| (*offset, word.as_str(), false)))
        .collect();
    let fits = |token: &str, word: &str, whole: bool| if whole { token == word } else { token.starts_with(word) };
    let Some(&(zero, first, whole)) = wanted.first() else { return Vec::new() };
    let mut found = Vec::new();
    for (at, (place, token)) in tokens.iter().enumerate() {
        if !fits(token, first, whole) {
            continue;
        }
        let last = wanted[1..].iter().try_fold(place.end, |end, (offset, word, whole)| {
            let position = place.position + offset - zero;
            let mut rest = tokens[at..].iter().take_while(|(place, _)| place.position <= position);
            let next = rest.find(|(place, token)| place.position == position && fits(token, word, *whole))?;
            Some(end.max(next.0.end))
        });
        found.extend(last.map(|end| place.start..end));
    }
    found
}
