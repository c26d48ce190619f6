//! Several readings of one text: folded, leet resolved, spaced letters joined, repeats collapsed. Every reading is a run of
//! words with the place each has in the raw text, so that what matched can be shown in the very words.

use std::ops::Range;

use super::fold::{Folded, emoji_word, fold_ascii, fold_char, is_combining, leet};

/// How many places a sentence's end counts for when the distance of two words is measured.
const SENTENCE_GAP: u32 = 3;

/// One word of a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word {
    /// Bytes in the view's text.
    pub start: u32,
    pub end: u32,
    /// Bytes in the raw text.
    pub raw_start: u32,
    pub raw_end: u32,
    /// Its place, where a sentence's end counts for several: distances are differences of places.
    pub place: u32,
    /// Its first letter is a capital and not all of it is.
    pub capital: bool,
    /// The first word of its sentence.
    pub opens: bool,
}

/// One reading of a text: a space before, between and after its words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct View {
    pub text: String,
    pub words: Vec<Word>,
}

impl View {
    /// The raw bytes behind a range of the view's text, widened to whole words; `None` where it holds none.
    pub fn raw(&self, range: Range<usize>) -> Option<Range<usize>> {
        self.words_in(range).map(|(first, after)| self.raw_words(first..after))
    }

    /// The first word that a range of the view's text touches and the word after the last; `None` where it touches none.
    pub fn words_in(&self, range: Range<usize>) -> Option<(usize, usize)> {
        let first = self.words.partition_point(|word| word.end as usize <= range.start);
        let after = self.words.partition_point(|word| (word.start as usize) < range.end);
        (first < after).then_some((first, after))
    }

    /// The raw bytes from the first to the last of some words; the range must not be empty.
    pub fn raw_words(&self, words: Range<usize>) -> Range<usize> {
        self.words[words.start].raw_start as usize..self.words[words.end - 1].raw_end as usize
    }

    /// A word's own text.
    pub fn word(&self, at: usize) -> &str {
        let word = &self.words[at];
        &self.text[word.start as usize..word.end as usize]
    }
}

/// The readings of one text. Only the first always exists: others are made when something in the text asks for them.
#[derive(Debug, Clone, Default)]
pub struct Views {
    /// NFKC, look-alikes, accents and case folded; what is no letter or digit is a space, apostrophes are nothing.
    pub folded: View,
    /// Digits and signs inside words read as letters.
    pub leet: Option<View>,
    /// Single letters with spaces or dots between them read as one word (on top of `leet`).
    pub joined: Option<View>,
    /// Letters repeated three times and more read as one (on top of `joined`).
    pub collapsed: Option<View>,
    /// The same, read as two.
    pub doubled: Option<View>,
    /// Digits in the text, written as digits in any script.
    pub digits: usize,
    /// Words that spell a digit, English and Spanish.
    pub spelled: usize,
}

impl Views {
    pub fn of(raw: &str) -> Views {
        let mut signs = Signs::default();
        let folded = read(raw, Reading::default(), &mut signs);
        let spelled = folded.words.iter().filter(|w| spelled_digit(word_of(&folded, w)).is_some()).count();
        let mut views = Views { spelled, digits: signs.digits, ..Views::default() };
        let mut reading = Reading::default();
        if signs.leet {
            reading.leet = true;
            views.leet = Some(read(raw, reading, &mut Signs::default()));
        }
        let latest = views.leet.as_ref().unwrap_or(&folded);
        if has_spaced_letters(latest) {
            views.joined = Some(join(latest));
        }
        let latest = views.joined.as_ref().or(views.leet.as_ref()).unwrap_or(&folded);
        if signs.repeats {
            views.collapsed = Some(collapse(latest, 1));
            views.doubled = Some(collapse(latest, 2));
        }
        views.folded = folded;
        views
    }

    /// Every reading there is, the plainest first.
    pub fn all(&self) -> impl Iterator<Item = &View> {
        std::iter::once(&self.folded)
            .chain(self.leet.as_ref())
            .chain(self.joined.as_ref())
            .chain(self.collapsed.as_ref())
            .chain(self.doubled.as_ref())
    }
}

/// The digit a word spells, in English or Spanish.
pub fn spelled_digit(word: &str) -> Option<char> {
    if !(2..=6).contains(&word.len()) {
        return None;
    }
    Some(match word {
        "zero" | "cero" | "oh" => '0',
        "one" | "uno" => '1',
        "two" | "dos" => '2',
        "three" | "tres" => '3',
        "four" | "cuatro" => '4',
        "five" | "cinco" => '5',
        "six" | "seis" => '6',
        "seven" | "siete" => '7',
        "eight" | "ocho" => '8',
        "nine" | "nueve" => '9',
        _ => return None,
    })
}

/// Folds a phrase as the first view folds a text: words with single spaces between.
pub fn fold_phrase(phrase: &str) -> String {
    read(phrase, Reading::default(), &mut Signs::default()).text.trim().to_owned()
}

fn word_of<'v>(view: &'v View, word: &Word) -> &'v str {
    &view.text[word.start as usize..word.end as usize]
}

/// What a first reading noticed: reasons to read again.
#[derive(Default)]
struct Signs {
    leet: bool,
    repeats: bool,
    digits: usize,
}

#[derive(Default, Clone, Copy)]
struct Reading {
    leet: bool,
}

/// The words of a text while it is being read.
struct Reader {
    view: View,
    /// Where the open word began, in the raw text.
    open: Option<u32>,
    raw_end: u32,
    place: u32,
    /// A sentence ended since the last word.
    gap: bool,
    stop: bool,
    capital: bool,
    lower: bool,
    last: char,
    run: u32,
}

impl Reader {
    fn new(size: usize) -> Reader {
        let mut text = String::with_capacity(size + 2);
        text.push(' ');
        let view = View { text, words: Vec::with_capacity(size / 5 + 2) };
        Reader {
            view,
            open: None,
            raw_end: 0,
            place: 0,
            gap: true,
            stop: false,
            capital: false,
            lower: false,
            last: ' ',
            run: 0,
        }
    }

    fn letter(&mut self, letter: char, raw: Range<usize>, capital: bool) {
        if self.open.is_none() {
            self.open = Some(offset(raw.start));
            self.capital = capital;
            self.lower = false;
            self.stop = false;
        }
        self.lower |= !capital;
        self.raw_end = offset(raw.end);
        self.view.text.push(letter);
    }

    fn close(&mut self) {
        let Some(raw_start) = self.open.take() else { return };
        let start = self.view.words.last().map_or(1, |word| word.end + 1);
        let end = offset(self.view.text.len());
        self.place += if self.gap && !self.view.words.is_empty() { SENTENCE_GAP } else { 1 };
        self.view.words.push(Word {
            start,
            end,
            raw_start,
            raw_end: self.raw_end,
            place: self.place,
            capital: self.capital && self.lower,
            opens: self.gap,
        });
        self.gap = false;
        self.view.text.push(' ');
    }

    fn count_run(&mut self, c: char, signs: &mut Signs) {
        self.run = if c == self.last { self.run + 1 } else { 1 };
        self.last = c;
        signs.repeats |= self.run == 3 && c.is_ascii_lowercase();
    }
}

/// Offsets are kept in four bytes; a text is refused long before by the platforms, and cut here.
fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

fn read(raw: &str, reading: Reading, signs: &mut Signs) -> View {
    let mut reader = Reader::new(raw.len());
    let mut before = ' ';
    for (at, c) in raw.char_indices() {
        let end = at + c.len_utf8();
        if reader.stop && c.is_whitespace() {
            reader.gap = true;
        }
        if reader.stop && !matches!(c, '.' | '!' | '?') {
            reader.stop = false;
        }
        let next = || raw[end..].chars().next().unwrap_or(' ');
        if leet(c).is_some() && (before.is_alphabetic() || next().is_alphabetic()) {
            signs.leet |= !reading.leet;
            if reading.leet && stands_in_word(c, before, next()) {
                reader.letter(leet(c).unwrap_or(c), at..end, false);
                reader.last = c;
                before = 'x';
                continue;
            }
        }
        before = c;
        if c.is_ascii() {
            take(&mut reader, fold_ascii(c as u8), at..end, c.is_ascii_uppercase(), signs);
        } else if let Some(words) = emoji_word(c) {
            reader.close();
            for word in words.split(' ') {
                word.chars().for_each(|letter| reader.letter(letter, at..end, false));
                reader.close();
            }
        } else {
            let capital = c.is_uppercase();
            fold_char(c, |piece| take(&mut reader, piece, at..end, capital, signs));
            if is_combining(c) && reader.open.is_some() {
                reader.raw_end = offset(end);
            }
        }
    }
    reader.close();
    reader.view
}

/// A sign at the end of a word is punctuation unless it masks letters or is doubled into one.
fn stands_in_word(c: char, before: char, next: char) -> bool {
    match c {
        '!' | '|' | '+' | '#' => before.is_alphanumeric() && next.is_alphanumeric(),
        '@' => next.is_alphanumeric() || before.is_alphabetic(),
        _ => true,
    }
}

fn take(reader: &mut Reader, piece: Folded, raw: Range<usize>, capital: bool, signs: &mut Signs) {
    match piece {
        Folded::Letter(c) => {
            signs.digits += usize::from(c.is_ascii_digit());
            reader.count_run(c, signs);
            reader.letter(c, raw, capital);
        }
        Folded::Nothing => {}
        Folded::Break => {
            reader.close();
            reader.last = ' ';
        }
        Folded::Stop => {
            reader.close();
            reader.last = ' ';
            reader.stop = true;
        }
        Folded::Line => {
            reader.close();
            reader.last = ' ';
            reader.gap = true;
        }
    }
}

fn is_single(view: &View, word: &Word) -> bool {
    word.end - word.start == 1 && view.text.as_bytes()[word.start as usize].is_ascii_alphabetic()
}

fn has_spaced_letters(view: &View) -> bool {
    let mut run = 0;
    view.words.iter().any(|word| {
        run = if is_single(view, word) { run + 1 } else { 0 };
        run == 3
    })
}

/// Runs of three and more single letters become one word.
fn join(view: &View) -> View {
    let mut joined = View { text: String::with_capacity(view.text.len()), words: Vec::with_capacity(view.words.len()) };
    joined.text.push(' ');
    let mut at = 0;
    while at < view.words.len() {
        let run = run_of_singles(view, at);
        let take = if run >= 3 { run } else { 1 };
        let words = &view.words[at..at + take];
        let start = offset(joined.text.len());
        words.iter().for_each(|word| joined.text.push_str(word_of(view, word)));
        joined.words.push(Word { start, end: offset(joined.text.len()), raw_end: words[take - 1].raw_end, ..words[0] });
        joined.text.push(' ');
        at += take;
    }
    joined
}

/// How many single letters from `at` on make one word: up to a wider gap than the first, and without a last *u* (you).
fn run_of_singles(view: &View, at: usize) -> usize {
    let gap = |at: usize| view.words[at + 1].raw_start - view.words[at].raw_end;
    let mut run = 0;
    while view.words.get(at + run).is_some_and(|word| is_single(view, word))
        && (run < 2 || gap(at + run - 1) <= gap(at))
    {
        run += 1;
    }
    if run > 3 && view.word(at + run - 1) == "u" { run - 1 } else { run }
}

/// Letters that stand three times and more in a row are kept `keep` times.
fn collapse(view: &View, keep: usize) -> View {
    let mut collapsed =
        View { text: String::with_capacity(view.text.len()), words: Vec::with_capacity(view.words.len()) };
    collapsed.text.push(' ');
    for word in &view.words {
        let start = offset(collapsed.text.len());
        push_collapsed(&mut collapsed.text, word_of(view, word), keep);
        collapsed.words.push(Word { start, end: offset(collapsed.text.len()), ..*word });
        collapsed.text.push(' ');
    }
    collapsed
}

fn push_collapsed(into: &mut String, word: &str, keep: usize) {
    let mut rest = word;
    while let Some(letter) = rest.chars().next() {
        let run = rest.chars().take_while(|&c| c == letter).count();
        let kept = if run >= 3 && !letter.is_ascii_digit() { keep } else { run };
        into.extend(std::iter::repeat_n(letter, kept));
        rest = &rest[run * letter.len_utf8()..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(raw: &str) -> String {
        Views::of(raw).folded.text
    }

    #[test]
    fn spaced_letters_are_joined_up_to_a_wider_gap_and_leave_a_last_you() {
        let joined = |raw: &str| Views::of(raw).joined.unwrap().text;
        assert_eq!(joined("gonna k i l l u"), " gonna kill u ");
        assert_eq!(joined("k i l l   y o u r s e l f"), " kill yourself ");
        assert_eq!(joined("f.u.c.k this"), " fuck this ");
    }

    #[test]
    fn accents_case_and_look_alikes_are_folded() {
        assert_eq!(folded("¡Ánimo, NIÑA! Don’t"), " animo nina dont ");
        assert_eq!(folded("𝐤𝐢𝐥𝐥 ｙｏｕ кill"), " kill you kill ");
        assert_eq!(folded("e\u{301}l 🔫"), " el gun ");
    }

    #[test]
    fn a_view_points_back_to_the_raw_words() {
        let raw = "¡Ánimo,  NIN\u{303}A!";
        let view = Views::of(raw).folded;
        let at = view.text.find("nina").unwrap();
        assert_eq!(&raw[view.raw(at..at + 4).unwrap()], "NIN\u{303}A");
        assert_eq!(&raw[view.raw(0..view.text.len()).unwrap()], "Ánimo,  NIN\u{303}A");
        assert_eq!(view.raw(0..1), None);
    }

    #[test]
    fn further_views_exist_only_when_asked_for() {
        let plain = Views::of("Great game last night, see everyone Friday at 7!");
        assert_eq!(plain.all().count(), 1);
        assert_eq!(Views::of("k1ll y0ur$elf").leet.unwrap().text, " kill yourself ");
        assert_eq!(Views::of("f*ck sh!t a$$").leet.unwrap().text, " f_ck shit ass ");
        assert_eq!(Views::of("go k y s now").joined.unwrap().text, " go kys now ");
        let long = Views::of("fuuuuck assss");
        assert_eq!(long.collapsed.unwrap().text, " fuck as ");
        assert_eq!(long.doubled.unwrap().text, " fuuck ass ");
    }

    #[test]
    fn a_sentence_end_counts_for_several_places() {
        let view = Views::of("one two. three example.com four").folded;
        let places: Vec<u32> = view.words.iter().map(|word| word.place).collect();
        assert_eq!(places, [1, 2, 5, 6, 7, 8]);
        assert!(view.words[2].opens && !view.words[3].opens);
    }

    #[test]
    fn empty_and_odd_texts_have_empty_views() {
        for raw in ["", " ", "\u{0}\u{0}", "\u{300}", "👨‍👩‍👧", "...!!!"] {
            assert!(Views::of(raw).folded.words.is_empty(), "{raw:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn every_word_lies_on_char_boundaries_of_the_raw_text(raw in "(\\PC|[a-z0-9*@$!. \u{300}ﬀﷺ]){0,60}") {
            for view in Views::of(&raw).all() {
                let mut last = 0;
                for (at, word) in view.words.iter().enumerate() {
                    assert!(raw.get(word.raw_start as usize..word.raw_end as usize).is_some());
                    assert!(word.raw_start >= last || word.raw_start < word.raw_end);
                    assert!(!view.word(at).is_empty());
                    last = word.raw_start;
                }
            }
        }
    }
}
