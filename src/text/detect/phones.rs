//! Phone numbers, also spelled out, spaced out or with signs between, in English and Spanish.

use std::ops::Range;
use std::sync::LazyLock;

use phonenumber::country;
use regex::Regex;

use crate::text::fold::is_combining;
use crate::text::views::spelled_digit;

/// A text with its digits written plainly: spelled ones as digits, signs between them as spaces.
#[derive(Debug, Default)]
struct DigitView {
    text: String,
    raw: Vec<Range<u32>>,
}

impl DigitView {
    fn of(raw: &str) -> DigitView {
        let mut view = DigitView::default();
        let mut word = 0;
        for (at, c) in raw.char_indices().chain(std::iter::once((raw.len(), ' '))) {
            if c.is_alphabetic() {
                continue;
            }
            view.letters(raw, word..at);
            word = at + c.len_utf8();
            if word > raw.len() || is_combining(c) {
                word = word.min(raw.len());
                continue;
            }
            view.push(plain(c), at..word);
        }
        view
    }

    /// A run of letters: a spelled digit becomes the digit, others stay one mark each so that nothing joins over them.
    fn letters(&mut self, raw: &str, run: Range<usize>) {
        let word = &raw[run.clone()];
        if word.is_empty() {
            return;
        }
        let digit = spelled_digit(&word.to_lowercase());
        let between_digits = self.text.ends_with(|c: char| c.is_ascii_digit())
            || raw[run.end..].starts_with(|c: char| c.is_ascii_digit());
        match digit {
            Some(digit) => self.push(digit, run),
            None if between_digits && word.chars().all(|c| matches!(c, 'O' | 'o')) => {
                run.for_each(|at| self.push('0', at..at + 1));
            }
            None if between_digits && matches!(word, "l" | "I") => self.push('1', run),
            None if word.len() <= 16 => self.push(if word.eq_ignore_ascii_case("dash") { ' ' } else { 'x' }, run),
            None => self.push('x', run),
        }
    }

    fn push(&mut self, c: char, raw: Range<usize>) {
        let at = |offset| u32::try_from(offset).unwrap_or(u32::MAX);
        self.text.push(c);
        self.raw.push(at(raw.start)..at(raw.end));
    }

    /// Every pushed mark is one ASCII byte, so that a byte of the view is an index of the map.
    fn raw_range(&self, found: Range<usize>) -> Range<usize> {
        self.raw[found.start].start as usize..self.raw[found.end - 1].end as usize
    }
}

/// One ASCII character for anything that is no letter.
fn plain(c: char) -> char {
    match c {
        '0'..='9' | '+' | '(' | ')' | '/' | ':' | ',' | '#' | '$' | '%' | '=' => c,
        '\u{FF0B}' => '+',
        '.' => '.',
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '-' => '-',
        '\n' | '\r' => '\n',
        '@' | '!' | '?' | '&' | '"' | ';' => 'x',
        _ => match c.to_digit(10).or_else(|| other_digit(c)) {
            Some(digit) => char::from_digit(digit, 10).unwrap_or(' '),
            None => ' ',
        },
    }
}

/// Fullwidth, circled, mathematical and superscript digits.
fn other_digit(c: char) -> Option<u32> {
    if c.is_ascii() {
        return None;
    }
    let mut digit = None;
    unicode_normalization::char::decompose_compatible(c, |piece| digit = digit.or(piece.to_digit(10)));
    digit
}

static NUMBER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\+?\(?[0-9](?:[ .()\-/]{0,3}[0-9]){6,14}").expect("the pattern is part of the program")
});

/// Numbers with their national digits and where they stand.
pub fn find(raw: &str) -> Vec<(String, Range<usize>)> {
    let view = DigitView::of(raw);
    let mut found = Vec::new();
    for hit in NUMBER.find_iter(&view.text) {
        let before = view.text[..hit.start()].chars().next_back().unwrap_or(' ');
        let after = view.text[hit.end()..].chars().next().unwrap_or(' ');
        if after.is_ascii_digit()
            || matches!(after, '/' | ':' | '%')
            || matches!(before, '$' | '=' | '/' | ':' | '#') && before != ':'
        {
            continue;
        }
        let at = view.raw_range(hit.range());
        if let Some(digits) = number(hit.as_str(), raw, &at) {
            found.push((digits, at));
        }
    }
    found
}

/// The national digits of an official number as written in the config.
pub fn national(number: &str) -> String {
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    digits.strip_prefix('1').filter(|rest| rest.len() == 10).map_or(digits.clone(), ToOwned::to_owned)
}

/// Reads one candidate: ten digits in a way numbers are written, or seven or an odd grouping near a cue, or `+` and a country.
fn number(candidate: &str, raw: &str, at: &Range<usize>) -> Option<String> {
    let digits: String = candidate.chars().filter(char::is_ascii_digit).collect();
    if candidate.starts_with('+') && !digits.starts_with('1') {
        return valid(None, &format!("+{digits}")).then_some(digits);
    }
    let national = national(&digits);
    if national.len() == 10 {
        let natural = natural_groups(candidate);
        if toll_free(&national) || !(natural || cue_near(raw, at)) {
            return None;
        }
        let valid = valid(Some(country::US), &national) || (cue_near(raw, at) && valid(Some(country::MX), &national));
        return valid.then_some(national);
    }
    let local = national.len() == 7 && !national.starts_with(['0', '1']) && local_groups(candidate);
    (local && cue_near(raw, at)).then_some(national)
}

fn valid(country: Option<country::Id>, number: &str) -> bool {
    phonenumber::parse(country, number).is_ok_and(|number| phonenumber::is_valid(&number))
}

fn toll_free(national: &str) -> bool {
    ["800", "833", "844", "855", "866", "877", "888", "900"].iter().any(|code| national.starts_with(code))
}

fn groups(candidate: &str) -> Vec<usize> {
    candidate.split(|c: char| !c.is_ascii_digit()).filter(|group| !group.is_empty()).map(str::len).collect()
}

fn natural_groups(candidate: &str) -> bool {
    let all = groups(candidate);
    let rest = if all.len() > 1 && all[0] == 1 && candidate.trim_start_matches(['(', '+']).starts_with('1') {
        &all[1..]
    } else {
        &all[..]
    };
    matches!(rest, [10 | 11] | [3, 3, 4] | [3, 7] | [6, 4]) || all.iter().all(|&group| group == 1)
}

fn local_groups(candidate: &str) -> bool {
    let all = groups(candidate);
    matches!(all[..], [7] | [3, 4] | [3, 2, 2]) || all.iter().all(|&group| group == 1)
}

/// Words that announce a number, within 40 bytes before it or 24 after.
fn cue_near(raw: &str, at: &Range<usize>) -> bool {
    const CUES: [&str; 24] = [
        "call",
        "text",
        "txt",
        "cell",
        "phone",
        "reach",
        "my number",
        "his number",
        "her number",
        "their number",
        "mobile",
        "whatsapp",
        "contact",
        "dial",
        "cel",
        "tel",
        "llama",
        "marca",
        "mi numero",
        "mi número",
        "su numero",
        "su número",
        "celular",
        "answering",
    ];
    const NOT: [&str; 8] = ["order", "ticket", "room", "invoice", "confirmation", "zoom", "meeting id", "case no"];
    let from = floor(raw, at.start.saturating_sub(40));
    let to = floor(raw, (at.end + 24).min(raw.len()));
    let around = raw[from..to].to_lowercase();
    let has = |word: &&str| around.match_indices(*word).any(|(i, _)| !around[..i].ends_with(char::is_alphanumeric));
    CUES.iter().any(has) && !NOT.iter().any(has)
}

fn floor(raw: &str, mut at: usize) -> usize {
    while !raw.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(raw: &str) -> Vec<&str> {
        find(raw).into_iter().map(|(_, at)| &raw[at]).collect()
    }

    #[test]
    fn numbers_are_found_however_they_are_written() {
        for number in [
            "760-555-0142",
            "(760) 555-0142",
            "1 760.555.0142",
            "7605550142",
            "7 6 0 5 5 5 0 1 4 2",
            "760•555•0142",
            "76O-555-O142",
        ] {
            assert_eq!(found(&format!("hi {number} thanks")), [number], "{number}");
        }
        assert_eq!(
            found("it is seven six zero five five five zero one four two ok"),
            ["seven six zero five five five zero one four two"]
        );
        assert_eq!(found("siete seis cero cinco cinco cinco cero uno cuatro dos").len(), 1);
        assert_eq!(found("call me 555-0142").len(), 1);
    }

    #[test]
    fn other_numbers_are_no_phones() {
        for text in [
            "scores 21 14 35 28 10 7",
            "order 5559922",
            "1-800-422-4453",
            "2025-2026 planner",
            "due 10/30/2026",
            "ticket no 9912004",
            "zoom 811 2210 7765",
        ] {
            assert!(found(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn digits_in_masses_stay_quick() {
        assert!(find(&"1".repeat(65_536)).len() < 10_000);
        assert!(find(&"one ".repeat(16_384)).len() < 10_000);
        assert!(find(&"é7".repeat(20_000)).len() < 10_000);
    }

    #[test]
    fn words_that_grow_in_lower_case_keep_their_place() {
        assert_eq!(found("İİİ 760-555-0142").len(), 1);
    }
}
