//! Regular expressions of packs, and what each cannot match without: looked for with all other words, so that it runs on few
//! texts.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Hir, HirKind};

/// A structure of a pack: a regular expression over the folded view, on bytes so that nothing in it is slow.
pub fn structure_pattern(pattern: &str) -> Result<regex::bytes::Regex, String> {
    regex::bytes::RegexBuilder::new(pattern)
        .unicode(false)
        .size_limit(1 << 20)
        .dfa_size_limit(8 << 20)
        .build()
        .map_err(|cause| cause.to_string().lines().last().unwrap_or("unreadable").to_owned())
}

/// What stands in every match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cue {
    /// At least one of these, as a whole word.
    Words(BTreeSet<String>),
    /// A digit.
    Digit,
    /// Nothing that could be looked for.
    Nothing,
}

/// More strings than this are not listed.
const LISTED: usize = 400;

/// The cue of an expression over a folded reading, where words have single spaces around them.
pub fn cue(pattern: &str) -> Cue {
    let Ok(hir) = ParserBuilder::new().unicode(false).utf8(false).build().parse(pattern) else { return Cue::Nothing };
    match words(&hir, Apart::default()) {
        Some(words) => Cue::Words(words),
        None if has_digit(&hir) => Cue::Digit,
        None => Cue::Nothing,
    }
}

fn words(hir: &Hir, apart: Apart) -> Option<BTreeSet<String>> {
    match hir.kind() {
        HirKind::Alternation(branches) if listed(hir).is_none() => either(branches.iter().map(|it| words(it, apart))),
        HirKind::Concat(parts) => Run::over(parts, apart).best,
        HirKind::Capture(group) => words(&group.sub, apart),
        HirKind::Repetition(repeated) if listed(hir).is_none() => {
            // Only the first of several has what is before all of them, and the last what is behind.
            let alone = |max: Option<u32>| if max == Some(1) { apart } else { Apart::default() };
            (repeated.min > 0).then(|| words(&repeated.sub, alone(repeated.max)))?
        }
        _ => Run::over(std::slice::from_ref(hir), apart).best,
    }
}

/// Whether a space is known to stand before and behind.
#[derive(Debug, Clone, Copy, Default)]
struct Apart {
    before: bool,
    behind: bool,
}

const fn space(is_there: bool) -> &'static str {
    if is_there { " " } else { "" }
}

/// One of each branch.
fn either(branches: impl Iterator<Item = Option<BTreeSet<String>>>) -> Option<BTreeSet<String>> {
    branches.collect::<Option<Vec<_>>>().map(|sets| sets.into_iter().flatten().collect())
}

/// Parts in a row: the strings of those that can be listed are put together, and the best set of words so far is kept.
#[derive(Default)]
struct Run {
    open: Vec<String>,
    best: Option<BTreeSet<String>>,
}

impl Run {
    fn over(parts: &[Hir], apart: Apart) -> Run {
        let mut run = Run { open: vec![space(apart.before).to_owned()], best: None };
        for (at, part) in parts.iter().enumerate() {
            match listed(part) {
                Some(strings) => run.append(&strings),
                // What is no single thing is looked into only where it is one of several parts: else there is no end.
                None if parts.len() > 1 => {
                    let next = parts.get(at + 1);
                    let behind =
                        next.map_or(apart.behind, |part| listed(part).is_some_and(|all| all_begin_apart(&all)));
                    let before = run.open.iter().all(|string| string.ends_with(' '));
                    run.close("");
                    run.offer(words(part, Apart { before, behind }));
                    run.open = vec![String::new()];
                }
                None => return run,
            }
        }
        run.close(space(apart.behind));
        run
    }

    fn append(&mut self, strings: &[String]) {
        if self.open.len() * strings.len() > LISTED {
            self.close(space(all_begin_apart(strings)));
        }
        let longer = self.open.iter().flat_map(|head| strings.iter().map(move |tail| format!("{head}{tail}")));
        self.open = longer.collect::<BTreeSet<String>>().into_iter().collect();
    }

    /// Takes the words of the open strings, and begins anew behind them.
    fn close(&mut self, next: &str) {
        let ends_apart = self.open.iter().all(|string| string.ends_with(' '));
        let open = std::mem::replace(&mut self.open, vec![space(ends_apart).to_owned()]);
        self.offer(open.iter().map(|string| whole_word(&format!("{string}{next}"))).collect());
    }

    fn offer(&mut self, words: Option<BTreeSet<String>>) {
        if rank(&words) > rank(&self.best) {
            self.best = words;
        }
    }
}

/// Words found in nearly every text are worst; of others long ones are rare, and few rarer than many.
fn rank(words: &Option<BTreeSet<String>>) -> Option<(bool, usize, Reverse<usize>)> {
    let words = words.as_ref()?;
    let shortest = words.iter().map(String::len).min()?;
    Some((!words.iter().any(|word| is_common(word)), shortest.min(4), Reverse(words.len())))
}

fn all_begin_apart(strings: &[String]) -> bool {
    strings.iter().all(|string| string.starts_with(' '))
}

/// The longest word that has spaces on both sides.
fn whole_word(text: &str) -> Option<String> {
    let (_, inner) = text.split_once(' ')?;
    let (inner, _) = inner.rsplit_once(' ')?;
    let longest = inner.split(' ').max_by_key(|word| word.len())?;
    (!longest.is_empty()).then(|| longest.to_owned())
}

/// Everything an expression matches, where that is no long list.
fn listed(hir: &Hir) -> Option<Vec<String>> {
    let strings = match hir.kind() {
        HirKind::Empty => vec![String::new()],
        HirKind::Literal(literal) => vec![String::from_utf8(literal.0.to_vec()).ok()?],
        HirKind::Class(class) => {
            let literal = class.literal();
            let single = || class_bytes(class).map(|bytes| bytes.map(|byte| char::from(byte).to_string()).collect());
            literal.map_or_else(single, |bytes| Some(vec![String::from_utf8(bytes).ok()?]))?
        }
        HirKind::Capture(group) => listed(&group.sub)?,
        HirKind::Repetition(repeated) => {
            let max = repeated.max.filter(|max| *max <= 3)?;
            let once = listed(&repeated.sub)?;
            let times = |count: u32| (0..count).try_fold(vec![String::new()], |heads, _| product(&heads, &once));
            (repeated.min..=max).map(times).collect::<Option<Vec<_>>>()?.concat()
        }
        HirKind::Concat(parts) => {
            parts.iter().try_fold(vec![String::new()], |heads, part| product(&heads, &listed(part)?))?
        }
        HirKind::Alternation(branches) => branches.iter().map(listed).collect::<Option<Vec<_>>>()?.concat(),
        HirKind::Look(_) => return None,
    };
    (strings.len() <= LISTED).then_some(strings)
}

fn product(heads: &[String], tails: &[String]) -> Option<Vec<String>> {
    let fits = heads.len() * tails.len() <= LISTED;
    fits.then(|| heads.iter().flat_map(|head| tails.iter().map(move |tail| format!("{head}{tail}"))).collect())
}

/// The bytes of a small class.
fn class_bytes(class: &regex_syntax::hir::Class) -> Option<impl Iterator<Item = u8> + '_> {
    let regex_syntax::hir::Class::Bytes(class) = class else { return None };
    let count: usize = class.ranges().iter().map(|range| usize::from(range.end() - range.start()) + 1).sum();
    (count <= 10).then(|| class.ranges().iter().flat_map(|range| range.start()..=range.end()))
}

/// Whether every match holds a digit.
fn has_digit(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Literal(literal) => literal.0.iter().any(u8::is_ascii_digit),
        HirKind::Class(regex_syntax::hir::Class::Bytes(class)) => {
            class.ranges().iter().all(|range| range.start() >= b'0' && range.end() <= b'9')
        }
        HirKind::Repetition(repeated) => repeated.min > 0 && has_digit(&repeated.sub),
        HirKind::Capture(group) => has_digit(&group.sub),
        HirKind::Concat(parts) => parts.iter().any(has_digit),
        HirKind::Alternation(branches) => branches.iter().all(has_digit),
        _ => false,
    }
}

/// Words found in nearly every text.
pub fn is_common(term: &str) -> bool {
    COMMON.binary_search(&term).is_ok()
}

/// In alphabetical order.
const COMMON: [&str; 78] = [
    "a", "a la", "al", "all", "and", "are", "at", "be", "con", "de", "el", "es", "esta", "for", "get", "got", "had",
    "has", "have", "he", "her", "him", "his", "i", "if", "im", "in", "is", "it", "just", "kid", "kids", "la", "las",
    "le", "lo", "los", "me", "mi", "my", "no", "nos", "not", "of", "on", "or", "our", "out", "para", "por", "que",
    "school", "se", "she", "so", "student", "students", "su", "te", "that", "the", "them", "they", "this", "to", "tu",
    "u", "un", "una", "up", "ur", "us", "was", "we", "with", "yo", "you", "your",
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cued(pattern: &str) -> Vec<String> {
        match cue(pattern) {
            Cue::Words(words) => words.into_iter().collect(),
            other => vec![format!("{other:?}")],
        }
    }

    #[test]
    fn the_rarest_words_of_every_branch_are_cues() {
        assert_eq!(cued(" (?:turn|put) (?:your |the )?(?:camera|webcam) on "), ["camera", "webcam"]);
        assert_eq!(cued(" [a-z]{2,14}s (?:house|place) | (?:my|his) home "), ["home", "house", "place"]);
        assert_eq!(cued(" i was [a-z]+ (?:hit|beaten)(?: up)? "), ["beaten", "hit"]);
        assert_eq!(cued(" hits? "), ["hit", "hits"]);
    }

    #[test]
    fn words_that_may_be_parts_of_others_are_none() {
        assert_eq!(cued("hits"), ["Nothing"]);
        assert_eq!(cued(" [a-z]+ing "), ["Nothing"]);
        assert_eq!(cued(" hits| [a-z]+ "), ["Nothing"]);
        assert_eq!(cued(" [0-9]{3} [0-9]{4} "), ["Digit"]);
        assert_eq!(cued(" (?:[0-9]{3}|[a-z]+) "), ["Nothing"]);
        assert_eq!(cued("("), ["Nothing"]);
    }

    const PIECES: [&str; 12] = [
        "(?:my|his|the)",
        "(?: |  )",
        " ",
        "dads?",
        "(?:hits |hit )?",
        "[a-d]{1,3}",
        "(?: [0-9])+",
        "(?:a|b [a-c]+) ",
        "(?:is )?me",
        " (?:so|to) ",
        "(?:x| y | z+ )",
        "[xy]",
    ];

    proptest! {
        #[test]
        fn no_match_is_without_its_cue(
            picked in proptest::collection::vec(0..PIECES.len(), 1..6),
            text in "( |my|his|dad|dads|hit|hits|a|b|c|is|me|so|x|y|z|1){0,24}",
        ) {
            let pattern: String = picked.iter().map(|at| PIECES[*at]).collect();
            let text = format!(" {} ", text.split_whitespace().collect::<Vec<_>>().join(" "));
            let is_match = regex::bytes::Regex::new(&pattern).is_ok_and(|regex| regex.is_match(text.as_bytes()));
            let is_there = match cue(&pattern) {
                Cue::Words(words) => text.split(' ').any(|word| words.contains(word)),
                Cue::Digit => text.bytes().any(|byte| byte.is_ascii_digit()),
                Cue::Nothing => true,
            };
            prop_assert!(is_there || !is_match, "{pattern:?} in {text:?}");
        }
    }
}
