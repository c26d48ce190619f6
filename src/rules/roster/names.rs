//! How a person's name may be written: the forms that a roster keeps hashes of, and the runs of words in a text that may be one.
//! Both are the letters of the folded words without spaces, so that a hyphen, a space and a hashtag are the same.

use crate::text::views::{View, Word, fold_phrase};

/// One way to write a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    pub name: String,
    /// It is the whole name, not a part of it or the name a student goes by.
    pub full: bool,
}

/// So many words a name in a text may have, the small ones of surnames among them, and so many without those.
const MOST_WORDS: usize = 9;
const MOST_NAMES: usize = 5;

/// Every form of a student's name: with the name she goes by, with the first of several given names, with the first of two
/// surnames, without what stands behind a surname. None where a first or last name has no letter.
pub fn forms(first: &str, last: &str, nickname: &str) -> Vec<Form> {
    let (first, last, nickname) = (words(first), without_suffix(words(last)), words(nickname));
    if first.is_empty() || last.is_empty() {
        return Vec::new();
    }
    let given = [&first[..], &first[..1], &nickname[..]];
    let family = [&last[..], &last[..paternal(&last)]];
    let mut forms: Vec<Form> = Vec::new();
    for (at, given) in given.iter().enumerate().filter(|(_, given)| !given.is_empty()) {
        for (behind, family) in family.iter().enumerate() {
            let name: Vec<&str> = given.iter().chain(*family).map(String::as_str).collect();
            for name in joined(&name) {
                if forms.iter().all(|known| known.name != name) {
                    forms.push(Form { name, full: at == 0 && behind == 0 });
                }
            }
        }
    }
    forms
}

fn words(name: &str) -> Vec<String> {
    fold_phrase(name).split_whitespace().map(ToOwned::to_owned).collect()
}

fn without_suffix(mut words: Vec<String>) -> Vec<String> {
    while words.len() > 1 && matches!(words[words.len() - 1].as_str(), "jr" | "sr" | "ii" | "iii" | "iv") {
        words.pop();
    }
    words
}

/// How many words the first of several surnames has.
fn paternal(last: &[String]) -> usize {
    let small = last.iter().take_while(|word| is_particle(word)).count();
    (small + 1).min(last.len())
}

/// The words as one; where initials stand among them, without those as well.
fn joined(words: &[&str]) -> Vec<String> {
    let whole = words.concat();
    let initial = |(at, word): (usize, &&str)| at == 0 || word.chars().nth(1).is_some();
    if words.iter().enumerate().all(initial) {
        return vec![whole];
    }
    let shorter: Vec<&str> =
        words.iter().enumerate().filter(|pair| initial((pair.0, pair.1))).map(|(_, word)| *word).collect();
    if shorter.len() < 2 { vec![whole] } else { vec![whole, shorter.concat()] }
}

/// Words of a surname that are written small.
fn is_particle(word: &str) -> bool {
    matches!(
        word,
        "de" | "del"
            | "la"
            | "las"
            | "los"
            | "y"
            | "da"
            | "das"
            | "do"
            | "dos"
            | "di"
            | "du"
            | "van"
            | "von"
            | "der"
            | "den"
            | "san"
            | "santa"
            | "st"
            | "bin"
            | "al"
            | "el"
            | "le"
    )
}

/// A run of words that may be a name.
pub struct Written {
    /// The word after its last.
    pub to: usize,
    /// Its forms, the fullest first.
    pub forms: Vec<String>,
}

/// The runs that begin with the word at `from`, the longest first. Words of a name begin with a capital, but for the small ones of
/// a surname and what stands in a hashtag or handle.
pub fn written_from<'v>(view: &'v View, raw: &'v str, from: usize) -> impl Iterator<Item = Written> + 'v {
    let tag = tag_end(view, raw, from);
    let last = if is_name(raw, &view.words[from]) || tag > from { run_end(view, raw, from, tag) } else { from };
    let shortest = if tag > from { from } else { from + 1 };
    (shortest..last)
        .rev()
        .filter(move |&at| at < tag || (is_name(raw, &view.words[at]) && !is_initial(&view.words[at])))
        .map(move |at| Written { to: at + 1, forms: forms_of(view, raw, from, at + 1, tag) })
}

/// The word after the last that may belong to a name.
fn run_end(view: &View, raw: &str, from: usize, tag: usize) -> usize {
    let most = view.words.len().min(from + MOST_WORDS);
    let fits = |at: usize| {
        at < tag
            || (tag <= from
                && (is_name(raw, &view.words[at]) || is_particle(view.word(at)))
                && goes_on(view, raw, at)
                && tag_end(view, raw, at) == at)
    };
    let mut names = 1;
    let mut ends = |at: usize| {
        names += usize::from(!is_particle(view.word(at)));
        names > MOST_NAMES || !fits(at)
    };
    (from + 1..most).find(|&at| ends(at)).unwrap_or(most)
}

/// The word after a hashtag's or handle's last, where one begins with this word; else the word itself.
fn tag_end(view: &View, raw: &str, from: usize) -> usize {
    if !raw[..view.words[from].raw_start as usize].ends_with(['#', '@', '＃', '＠']) {
        return from;
    }
    let inside = |at: usize| gap(view, raw, at).chars().all(|c| matches!(c, '_' | '.' | '-'));
    (from + 1..view.words.len()).find(|&at| !inside(at)).unwrap_or(view.words.len())
}

/// What stands in the text between a word and the one before it.
fn gap<'r>(view: &View, raw: &'r str, at: usize) -> &'r str {
    raw.get(view.words[at - 1].raw_end as usize..view.words[at].raw_start as usize).unwrap_or(",")
}

/// Whether a word may belong to the same name as the one before it.
fn goes_on(view: &View, raw: &str, at: usize) -> bool {
    let gap = gap(view, raw, at);
    let before = &view.words[at - 1];
    let abbreviated = before.end - before.start <= 2;
    let fits = |c: char| match c {
        '\n' | '\r' => false,
        '.' => abbreviated,
        '"' | '“' | '”' | '(' | ')' | '\'' | '’' | '‘' => true,
        _ => c.is_whitespace() || c.is_control(),
    };
    matches!(gap, "-" | "\u{2010}" | "\u{2011}") || (gap.chars().all(fits) && (abbreviated || !view.words[at].opens))
}

fn is_name(raw: &str, word: &Word) -> bool {
    raw_word(raw, word).contains(char::is_uppercase)
}

fn is_initial(word: &Word) -> bool {
    word.end - word.start == 1
}

fn raw_word<'r>(raw: &'r str, word: &Word) -> &'r str {
    raw.get(word.raw_start as usize..word.raw_end as usize).unwrap_or_default()
}

fn forms_of(view: &View, raw: &str, from: usize, to: usize, tag: usize) -> Vec<String> {
    let words: Vec<&str> = (from..to).map(|at| view.word(at)).collect();
    let mut forms = joined(&words);
    let last = raw_word(raw, &view.words[to - 1]).to_lowercase();
    let apostrophe = |c: char| matches!(c, '\'' | '’' | '‘' | '´' | '`' | 'ʼ');
    if last.strip_suffix('s').is_some_and(|owner| owner.ends_with(apostrophe)) {
        forms.extend(forms.clone().iter().filter_map(|form| form.strip_suffix('s')).map(ToOwned::to_owned));
    }
    if to == tag {
        let year = |form: &String| form.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned();
        forms.extend(forms.clone().iter().map(year).filter(|form| !form.is_empty()));
    }
    forms
}
