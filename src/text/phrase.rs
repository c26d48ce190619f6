//! A phrase in a text: written in any case, with any accents, by whole words.

use std::ops::Range;

use super::views::{Views, fold_phrase};

/// Whether every span lies in some place where the phrase stands. No phrase and no spans cover nothing.
pub fn covers(phrase: &str, text: &str, spans: &[Range<usize>]) -> bool {
    let places = places(phrase, text);
    let lies = |span: &Range<usize>| places.iter().any(|place| place.start <= span.start && span.end <= place.end);
    !spans.is_empty() && spans.iter().all(lies)
}

/// The words of a text from the first span to the last, as they stand.
pub fn around<'t>(text: &'t str, spans: &[Range<usize>]) -> Option<&'t str> {
    let from = spans.iter().map(|span| span.start).min()?;
    let to = spans.iter().map(|span| span.end).max()?;
    text.get(from..to).map(str::trim).filter(|words| !words.is_empty())
}

/// Where a phrase stands, in bytes of the raw text.
fn places(phrase: &str, text: &str) -> Vec<Range<usize>> {
    let folded = fold_phrase(phrase);
    if folded.is_empty() {
        return Vec::new();
    }
    let needle = format!(" {folded} ");
    let view = Views::of(text).folded;
    let mut places = Vec::new();
    let mut from = 0;
    while let Some(at) = view.text[from..].find(&needle).map(|at| at + from) {
        places.extend(view.raw(at + 1..at + needle.len() - 1));
        // The space behind one place may be the space before the next.
        from = at + 1;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phrase_covers_what_lies_in_it_however_it_is_written() {
        let text = "Go team! We'll KILL it on Friday. He will kill him.";
        let at = |words: &str| text.find(words).map(|from| from..from + words.len()).unwrap();
        assert!(covers("kill it on friday", text, &[at("KILL")]));
        assert!(covers("¡Kill it!", text, &[at("KILL"), at("it")]));
        assert!(!covers("kill it on friday", text, &[at("KILL"), at("kill")]));
        assert!(!covers("kil", text, &[at("KILL")]), "whole words only");
        assert!(!covers("", text, &[at("KILL")]) && !covers("kill it", text, &[]));
        assert_eq!(around(text, &[at("Friday"), at("KILL")]), Some("KILL it on Friday"));
        assert_eq!(places("a b", "a b a b").len(), 2);
    }
}
