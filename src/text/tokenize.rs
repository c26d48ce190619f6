//! The index's tokenizer: how a text falls into searchable words. Pure.
//!
//! Case and accents are folded away here, once, for the index, for queries and for marking what matched, so that the
//! three can't disagree. A word is letters and digits with the apostrophes inside it dropped (`don't` is `dont`);
//! everything else separates. Beside the words stand *other forms* at the same place, so that a phrase over the plain
//! words still fits:
//!
//! - `#GoTigers` and `@mesa.vista_hs` as a whole with their sign, and the hashtag without it beside `go` and `tigers`;
//! - ten digits grouped as a phone number, joined: `(760) 555-0134` is also `7605550134`.
//!
//! An emoji is a word of its own without skin tone and variation; the same one many times in a row is one. Han and kana
//! are a word a character. Stems are not made here: a query finds the words with its stem in the index's dictionary.

use frostem::{Algorithm, Stemmer};
use tantivy::tokenizer::{Token, TokenStream, Tokenizer};
use unicode_normalization::char::{canonical_combining_class, decompose_compatible, is_combining_mark};

/// The longest word that is kept, in bytes; what is longer is cut in the index and in queries alike.
pub const MAX_WORD: usize = 64;

/// What a token is to the text it stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A word, a number, an emoji: each has its own position.
    Word,
    /// A hashtag or handle with its sign; shares the position of its first word.
    Tag,
    /// A hashtag of several words without its sign; shares the position of its first word.
    Whole,
    /// The digits of a phone number joined; shares the position of its first group.
    Joined,
}

/// Where a token stands: bytes in the text, and its position in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub start: usize,
    pub end: usize,
    pub position: usize,
    pub form: Form,
}

/// The tokens of a text in order. [`Words::next_into`] writes each folded token into one buffer.
#[derive(Debug, Clone)]
pub struct Words<'a> {
    text: &'a str,
    at: usize,
    position: usize,
    /// The hashtag being read ends here.
    hashtag_until: usize,
    /// The word of a hashtag that is being taken apart ends here.
    parts_until: usize,
    /// A phone number whose joined form was given already ends here.
    joined_until: usize,
    /// The last character taken, to see where a sign stands at the start of a word.
    after_word: bool,
}

impl<'a> Words<'a> {
    pub fn new(text: &'a str) -> Words<'a> {
        Words { text, at: 0, position: 0, hashtag_until: 0, parts_until: 0, joined_until: 0, after_word: false }
    }

    /// The next token: its folded text in `word` (emptied first), its place as the answer.
    pub fn next_into(&mut self, word: &mut String) -> Option<Place> {
        loop {
            word.clear();
            let c = self.text[self.at..].chars().next()?;
            let place = if is_word(c) {
                self.word(c, word)
            } else if c == '#' || c == '@' {
                self.sign(c, word)
            } else if is_emoji(c) {
                self.emoji(c, word)
            } else {
                self.after_word &= is_ignorable(c);
                self.at += c.len_utf8();
                None
            };
            if place.is_some() && !word.is_empty() {
                return place;
            }
        }
    }

    fn word(&mut self, first: char, word: &mut String) -> Option<Place> {
        let start = self.at;
        if is_single(first) {
            self.at += first.len_utf8();
            fold_into(first, word);
            return self.place(start, self.at, Form::Word);
        }
        if first.is_ascii_digit()
            && start >= self.joined_until
            && let Some(end) = phone_end(self.text, start)
        {
            self.joined_until = end;
            join_digits(&self.text[start..end], word);
            return Some(Place { start, end, position: self.position, form: Form::Joined });
        }
        let end = word_end(self.text, start);
        if start < self.hashtag_until && start >= self.parts_until {
            self.parts_until = end;
            if part_end(&self.text[..end], start) < end {
                fold_word(&self.text[start..end], word);
                return Some(Place { start, end, position: self.position, form: Form::Whole });
            }
        }
        let end = if start < self.parts_until { part_end(&self.text[..end], start) } else { end };
        self.at = end;
        self.after_word = true;
        fold_word(&self.text[start..end], word);
        self.place(start, end, Form::Word)
    }

    /// A sign at the start of a word gives the whole tag; its words follow as usual.
    fn sign(&mut self, sign: char, word: &mut String) -> Option<Place> {
        let start = self.at;
        let starts = !self.after_word;
        self.at += sign.len_utf8();
        self.after_word = false;
        let end = if starts { tag_end(self.text, self.at, sign) } else { self.at };
        if end == self.at {
            return None;
        }
        if sign == '#' {
            self.hashtag_until = end;
        }
        word.push(sign);
        self.text[self.at..end].chars().for_each(|c| match c {
            '_' | '.' | '-' => push_capped(c, word),
            c => fold_into(c, word),
        });
        Some(Place { start, end, position: self.position, form: Form::Tag })
    }

    fn emoji(&mut self, c: char, word: &mut String) -> Option<Place> {
        let start = self.at;
        let unit = emoji_unit(&self.text[start..]);
        word.push(c);
        if is_regional(c) && unit > c.len_utf8() {
            word.extend(self.text[start..start + unit].chars().nth(1));
        }
        self.at += unit;
        while self.text[self.at..].starts_with(c) && self.text[self.at..].starts_with(word.as_str()) {
            self.at += emoji_unit(&self.text[self.at..]);
        }
        self.after_word = false;
        self.place(start, self.at, Form::Word)
    }

    /// A token with a position of its own.
    fn place(&mut self, start: usize, end: usize, form: Form) -> Option<Place> {
        if self.text[start..end].chars().all(|c| is_ignorable(c) || is_combining_mark(c)) {
            return None;
        }
        self.position += 1;
        Some(Place { start, end, position: self.position - 1, form })
    }
}

/// Every token of a text with its place.
pub fn tokens(text: &str) -> Vec<(Place, String)> {
    let mut words = Words::new(text);
    let mut word = String::new();
    let mut found = Vec::new();
    while let Some(place) = words.next_into(&mut word) {
        found.push((place, word.clone()));
    }
    found
}

/// The form under which [`tantivy`] knows the tokenizer.
#[derive(Debug, Clone, Copy, Default)]
pub struct WordTokenizer;

/// The name of [`WordTokenizer`] in an index's schema.
pub const TOKENIZER: &str = "words";

impl Tokenizer for WordTokenizer {
    type TokenStream<'a> = WordStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> WordStream<'a> {
        WordStream { words: Words::new(text), token: Token::default() }
    }
}

/// [`Words`] as Tantivy reads them.
pub struct WordStream<'a> {
    words: Words<'a>,
    token: Token,
}

impl TokenStream for WordStream<'_> {
    fn advance(&mut self) -> bool {
        let Some(place) = self.words.next_into(&mut self.token.text) else { return false };
        self.token.offset_from = place.start;
        self.token.offset_to = place.end;
        self.token.position = place.position;
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}

/// The stems of one folded word: English, and Spanish as far as it can be told without accents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stems {
    word: String,
    english: String,
    spanish: String,
}

impl Stems {
    /// Stems of a word that [`Words`] gave. What is no plain word (digits, signs, emoji, other scripts) is its own stem.
    pub fn of(word: &str) -> Stems {
        let plain = word.bytes().all(|b| b.is_ascii_lowercase());
        let (english, spanish) =
            if plain { (english_stem(word), spanish_stem(word)) } else { (word.to_owned(), word.to_owned()) };
        Stems { word: word.to_owned(), english, spanish }
    }

    /// Whether the other word has the same stem in either language.
    pub fn meet(&self, other: &str) -> bool {
        if self.word == other {
            return true;
        }
        other.bytes().all(|b| b.is_ascii_lowercase())
            && self.prefixes().iter().any(|prefix| other.starts_with(prefix))
            && (self.english == english_stem(other) || self.spanish == spanish_stem(other))
    }

    /// Every word with one of the stems begins with one of these: a stem without its last letter, which a suffix may
    /// change (`pony`, `poni`).
    pub fn prefixes(&self) -> Vec<&str> {
        if !self.word.bytes().all(|b| b.is_ascii_lowercase()) {
            return vec![&self.word];
        }
        let english = root(&self.english);
        let spanish = root(&self.spanish);
        if english.starts_with(spanish) {
            vec![spanish]
        } else if spanish.starts_with(english) {
            vec![english]
        } else {
            vec![english, spanish]
        }
    }
}

/// A stem without its last letter; short ones stay whole.
fn root(stem: &str) -> &str {
    match stem.len() {
        0..=2 => stem,
        n => stem.get(..n - 1).unwrap_or(stem),
    }
}

fn english_stem(word: &str) -> String {
    Stemmer::new(Algorithm::English).stem(word).into_owned()
}

/// Spanish stems want the accent that folding took: `-cion` and `-sion` always have one. Other accents are left, as
/// putting them back would part more nouns from their plurals than it would join verbs.
fn spanish_stem(word: &str) -> String {
    let stemmer = Stemmer::new(Algorithm::Spanish);
    let stem = match word.strip_suffix("ion") {
        Some(front) if front.ends_with(['c', 's']) => stemmer.stem(&format!("{front}ión")).into_owned(),
        _ => stemmer.stem(word).into_owned(),
    };
    if stem.is_ascii() { stem } else { word.to_owned() }
}

/// Letters, digits and the marks that belong to them.
fn is_word(c: char) -> bool {
    if c.is_ascii() {
        c.is_ascii_alphanumeric()
    } else {
        c.is_alphanumeric() || (is_combining_mark(c) && !is_variation(c))
    }
}

/// Invisible characters that part no word.
fn is_ignorable(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}') || is_variation(c)
}

fn is_variation(c: char) -> bool {
    matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

/// Scripts without spaces: every character is a word.
fn is_single(c: char) -> bool {
    matches!(c, '\u{2e80}'..='\u{2fdf}' | '\u{3005}'..='\u{3007}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

fn is_emoji(c: char) -> bool {
    matches!(c, '\u{203c}' | '\u{2049}' | '\u{2122}' | '\u{2139}' | '\u{2194}'..='\u{21aa}' | '\u{231a}'..='\u{23ff}'
        | '\u{25aa}'..='\u{25fe}' | '\u{2600}'..='\u{27bf}' | '\u{2934}'..='\u{2935}' | '\u{2b05}'..='\u{2b55}'
        | '\u{1f000}'..='\u{1faff}')
        && !is_skin_tone(c)
}

fn is_skin_tone(c: char) -> bool {
    matches!(c, '\u{1f3fb}'..='\u{1f3ff}')
}

fn is_regional(c: char) -> bool {
    matches!(c, '\u{1f1e6}'..='\u{1f1ff}')
}

/// The bytes of one emoji with what only modifies it; two regional letters are one flag.
fn emoji_unit(text: &str) -> usize {
    let mut chars = text.chars().peekable();
    let first = chars.next();
    let mut len = first.map_or(0, char::len_utf8);
    if first.is_some_and(is_regional)
        && let Some(second) = chars.next_if(|c| is_regional(*c))
    {
        len += second.len_utf8();
    }
    while let Some(c) = chars.next_if(|c| is_ignorable(*c) || is_skin_tone(*c) || *c == '\u{20e3}') {
        len += c.len_utf8();
    }
    len
}

fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '\u{2019}' | '\u{2bc}')
}

/// Where the word that begins at `start` ends; apostrophes and invisible characters inside it belong to it.
fn word_end(text: &str, start: usize) -> usize {
    let mut end = start;
    let mut chars = text[start..].char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if is_word(c) && !is_single(c) {
            end = start + at + c.len_utf8();
        } else if is_apostrophe(c) {
            if !chars.peek().is_some_and(|(_, next)| next.is_alphabetic() && !is_single(*next)) {
                break;
            }
        } else if !is_ignorable(c) {
            break;
        }
    }
    end
}

/// Where the first part of a hashtag's word ends: before a capital that follows a small letter or a digit, and before
/// the last capital of several (`PTAMeeting`).
fn part_end(text: &str, start: usize) -> usize {
    let mut chars = text[start..].char_indices().peekable();
    let Some((_, mut before)) = chars.next() else { return text.len() };
    while let Some((at, c)) = chars.next() {
        let next_small = chars.peek().is_some_and(|(_, next)| next.is_lowercase());
        if c.is_uppercase() && (!before.is_uppercase() || next_small) {
            return start + at;
        }
        before = c;
    }
    text.len()
}

/// Where the tag after a sign ends. Handles may have dots and dashes inside.
fn tag_end(text: &str, start: usize, sign: char) -> usize {
    let mut end = start;
    for (at, c) in text[start..].char_indices() {
        if is_word(c) || c == '_' {
            end = start + at + c.len_utf8();
        } else if !(is_ignorable(c) || (sign == '@' && matches!(c, '.' | '-') && end == start + at && at > 0)) {
            break;
        }
    }
    if text[start..end].chars().all(|c| c == '_') { start } else { end }
}

/// Where a US phone number ends that begins at `start`: ten digits as 3-3-4, or eleven with a leading 1. Ten digits
/// in one piece need no joining.
fn phone_end(text: &str, start: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = start;
    let mut groups = [0usize; 4];
    let mut count = 0;
    while count < 4 {
        let digits = bytes[at..].iter().take_while(|b| b.is_ascii_digit()).count();
        groups[count] = digits;
        count += 1;
        at += digits;
        let done = matches!(groups[..count], [11] | [3, 3, 4] | [1, 3, 3, 4] | [3, 7] | [1, 10]);
        if done {
            let leads = groups[0] != 1 && groups[0] != 11 || bytes[start] == b'1';
            let closed = !text[at..].chars().next().is_some_and(is_word);
            return (leads && closed).then_some(at);
        }
        let gap = phone_gap(&bytes[at..])?;
        at += gap;
    }
    None
}

/// The one or two characters between two groups of a phone number.
fn phone_gap(bytes: &[u8]) -> Option<usize> {
    let gap = bytes.iter().take(3).take_while(|b| b" -.()/".contains(b)).count();
    (gap > 0 && gap < 3 && bytes.get(gap).is_some_and(u8::is_ascii_digit)).then_some(gap)
}

/// The last ten digits, which leaves out the country's 1.
fn join_digits(number: &str, word: &mut String) {
    word.extend(number.chars().filter(char::is_ascii_digit));
    if word.len() == 11 {
        word.remove(0);
    }
}

fn fold_word(text: &str, word: &mut String) {
    text.chars().for_each(|c| fold_into(c, word));
}

/// One character without case, accent and width. Apostrophes and invisible characters vanish.
fn fold_into(c: char, word: &mut String) {
    if c.is_ascii() {
        if c.is_ascii_alphanumeric() {
            push_capped(c.to_ascii_lowercase(), word);
        }
        return;
    }
    let plain = match c {
        'ß' | 'ẞ' => "ss",
        'æ' | 'Æ' => "ae",
        'œ' | 'Œ' => "oe",
        'ø' | 'Ø' => "o",
        'ł' | 'Ł' => "l",
        'đ' | 'Đ' | 'ð' | 'Ð' => "d",
        'þ' | 'Þ' => "th",
        'ı' => "i",
        'ς' => "σ",
        _ => return decompose_compatible(c, |part| fold_part(part, word)),
    };
    plain.chars().for_each(|c| push_capped(c, word));
}

fn fold_part(part: char, word: &mut String) {
    let kept = part.is_alphanumeric() || (is_combining_mark(part) && canonical_combining_class(part) == 0);
    if kept && !is_ignorable(part) {
        part.to_lowercase().for_each(|c| push_capped(c, word));
    }
}

fn push_capped(c: char, word: &mut String) {
    if word.len() + c.len_utf8() <= MAX_WORD {
        word.push(c);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(text: &str) -> Vec<String> {
        tokens(text).into_iter().filter(|(place, _)| place.form == Form::Word).map(|(_, word)| word).collect()
    }

    fn others(text: &str) -> Vec<(usize, String)> {
        let other = |(place, word): (Place, String)| (place.form != Form::Word).then_some((place.position, word));
        tokens(text).into_iter().filter_map(other).collect()
    }

    #[test]
    fn case_accents_and_width_are_folded() {
        assert_eq!(words("NIÑOS Educación ＡＢＣ 𝐁𝐨𝐥𝐝 Straße"), ["ninos", "educacion", "abc", "bold", "strasse"]);
        assert_eq!(words("cafe\u{301}"), words("café"));
        assert_eq!(words("th\u{200b}reat"), ["threat"]);
    }

    #[test]
    fn apostrophes_inside_a_word_vanish() {
        assert_eq!(words("don't 'quoted' the school’s"), ["dont", "quoted", "the", "schools"]);
    }

    #[test]
    fn a_tag_is_found_whole_and_by_its_words() {
        assert_eq!(words("Hi @mesa.vista_hs. #GoTigers!"), ["hi", "mesa", "vista", "hs", "go", "tigers"]);
        let expected = [(1, "@mesa.vista_hs".to_owned()), (4, "#gotigers".to_owned()), (4, "gotigers".to_owned())];
        assert_eq!(others("Hi @mesa.vista_hs. #GoTigers!"), expected);
        assert_eq!(others("jane@mesavista.example.org"), []);
        assert_eq!(words("#PTAMeeting"), ["pta", "meeting"]);
    }

    #[test]
    fn a_phone_number_is_found_however_it_is_grouped() {
        for number in ["(760) 555-0134", "760-555-0134", "760.555.0134", "1-760-555-0134", "+17605550134"] {
            assert_eq!(others(number).first().map(|(_, word)| word.as_str()), Some("7605550134"), "{number}");
        }
        assert_eq!(words("7605550134"), ["7605550134"]);
        assert_eq!(others("123-45-6789 2026-11-24 10:30"), []);
        assert_eq!(words("call 760-555-0134"), ["call", "760", "555", "0134"]);
    }

    #[test]
    fn an_emoji_is_a_word_without_its_tone() {
        assert_eq!(words("go 🔥🔥🔥 👍🏽 ❤️ 🇲🇽"), ["go", "🔥", "👍", "❤", "🇲🇽"]);
        assert_eq!(words("🔥 🔥"), ["🔥", "🔥"]);
    }

    #[test]
    fn a_very_long_word_is_cut() {
        assert_eq!(words(&"a".repeat(5_000)), ["a".repeat(MAX_WORD)]);
        assert!(words(&"ñ名".repeat(500)).iter().all(|word| word.len() <= MAX_WORD));
    }

    #[test]
    fn stems_meet_in_english_and_in_spanish() {
        let pairs = [
            ("school", "schools"),
            ("pony", "ponies"),
            ("threatening", "threatened"),
            ("possible", "possibility"),
            ("hope", "hoping"),
            ("escuela", "escuelas"),
            ("educacion", "educaciones"),
            ("amenaza", "amenazas"),
            ("maestra", "maestros"),
        ];
        for (a, b) in pairs {
            assert!(Stems::of(a).meet(b) && Stems::of(b).meet(a), "{a} {b}");
        }
        assert!(!Stems::of("school").meet("scholar"));
        assert!(!Stems::of("2026").meet("2025"));
    }

    #[test]
    fn a_text_without_letters_has_no_words() {
        assert_eq!(tokens("--- ... *** \u{200d}\u{fe0f}"), []);
    }

    proptest! {
        #[test]
        fn every_text_falls_into_words_in_order(text in "\\PC{0,80}") {
            let mut last = 0;
            for (place, word) in tokens(&text) {
                prop_assert!(!word.is_empty() && word.len() <= MAX_WORD);
                prop_assert!(text.get(place.start..place.end).is_some());
                prop_assert!(place.position >= last);
                last = place.position;
            }
        }

        #[test]
        fn folding_twice_changes_nothing(text in "[a-zA-ZñÑéÉüß' ]{0,40}") {
            let once = words(&text);
            prop_assert_eq!(words(&once.join(" ")), once);
        }

        #[test]
        fn a_word_with_the_same_stem_begins_with_a_prefix(a in "[a-z]{1,12}", suffix in "(s|es|ed|ing|ly|ness|cion|es|as|os|ies|ability)") {
            let (stems, other) = (Stems::of(&a), format!("{a}{suffix}"));
            if stems.english == english_stem(&other) || stems.spanish == spanish_stem(&other) {
                prop_assert!(stems.meet(&other), "{} {}", a, other);
            }
        }
    }
}
