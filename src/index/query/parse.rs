//! From text to tree, by recursive descent.

use std::ops::Range;
use std::str::FromStr;

use super::day::Period;
use super::{Filter, Find, Node, QueryError, Target, Text};
use crate::model::{Category, Change, Kind, Role, State};
use crate::text::tokenize::{Form, tokens};

/// Longer queries are refused, in bytes.
const MAX_LENGTH: usize = 4_096;
/// Deeper parentheses are refused.
const MAX_DEPTH: usize = 32;
/// More words, phrases and filters than this are refused.
const MAX_PARTS: usize = 256;

const FIELDS: &[&str] = &[
    "account", "platform", "school", "group", "kind", "author", "role", "state", "was", "flag", "has", "after",
    "before", "on", "changed",
];

type Parsed<T> = Result<T, QueryError>;

pub(super) struct Parser<'a> {
    source: &'a str,
    at: usize,
    depth: usize,
    parts: usize,
}

impl<'a> Parser<'a> {
    pub fn new(source: &'a str) -> Parsed<Parser<'a>> {
        let parser = Parser { source, at: 0, depth: 0, parts: 0 };
        if source.len() > MAX_LENGTH {
            let cut = (0..=MAX_LENGTH).rev().find(|at| source.is_char_boundary(*at)).unwrap_or(0);
            return parser.fail(cut..cut, format!("the query is too long: at most {MAX_LENGTH} bytes are read"));
        }
        Ok(parser)
    }

    /// The whole query.
    pub fn whole(mut self) -> Parsed<Node> {
        self.skip_space();
        if self.at == self.source.len() {
            return Ok(Node::All);
        }
        let node = self.any_of()?;
        match self.peek() {
            None => Ok(node),
            Some(_) => self.fail(self.at..self.at + 1, "this `)` closes nothing: expected a word, or a `(` before it"),
        }
    }

    /// `one OR another`
    fn any_of(&mut self) -> Parsed<Node> {
        let mut nodes = vec![self.all_of()?];
        while let Some(place) = self.take_keyword("OR") {
            if matches!(self.peek(), None | Some(')')) || self.sees_keyword("OR") {
                return self.fail(place, "expected a word, a phrase or a filter after `OR`");
            }
            nodes.push(self.all_of()?);
        }
        Ok(flatten(nodes, Node::Or))
    }

    /// `one another`
    fn all_of(&mut self) -> Parsed<Node> {
        let start = self.at;
        let mut nodes = Vec::new();
        loop {
            self.skip_space();
            if self.take_keyword("AND").is_some() {
                continue;
            }
            if self.peek().is_none_or(|c| c == ')') || self.sees_keyword("OR") {
                break;
            }
            nodes.extend(self.unit()?);
        }
        if nodes.is_empty() {
            let say = if self.sees_keyword("OR") {
                "expected a word, a phrase or a filter before `OR`"
            } else {
                "expected a word, a phrase or a filter here: this has no letters, digits or emoji to look for"
            };
            let end = if self.at > start { self.at } else { self.after(self.at) };
            return self.fail(start..end, say);
        }
        Ok(flatten(nodes, Node::And))
    }

    /// A word, a phrase, a filter or a group, perhaps with a minus before it. Bare punctuation is nothing.
    fn unit(&mut self) -> Parsed<Option<Node>> {
        let start = self.at;
        if self.peek() == Some('-') && self.source[start + 1..].chars().next().is_some_and(|c| !c.is_whitespace()) {
            self.at += 1;
            let denied = if self.peek() == Some('-') { self.skip_word() } else { self.unit()? };
            return Ok(denied.map(|node| Node::Not(Box::new(node))));
        }
        match self.peek() {
            Some('(') => self.group().map(Some),
            Some(c) if is_quote(c) => {
                let (place, text) = self.quoted()?;
                self.count(&place)?;
                self.phrase(place, text, Target::Texts).map(Some)
            }
            _ => self.word_or_filter(),
        }
    }

    fn group(&mut self) -> Parsed<Node> {
        let open = self.at;
        self.at += 1;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.fail(open..open + 1, format!("parentheses are nested too deep: at most {MAX_DEPTH} are read"));
        }
        self.skip_space();
        if self.peek() == Some(')') {
            return self.fail(open..self.at + 1, "expected a word, a phrase or a filter between the parentheses");
        }
        let node = self.any_of()?;
        if self.peek() != Some(')') {
            return self.fail(open..open + 1, "this `(` is not closed: expected a `)`");
        }
        self.at += 1;
        self.depth -= 1;
        Ok(node)
    }

    /// What stands between quotation marks, straight or curly.
    fn quoted(&mut self) -> Parsed<(Range<usize>, &'a str)> {
        let open = self.at;
        let start = self.after(open);
        let Some((length, close)) = self.source[start..].char_indices().find(|(_, c)| is_quote(*c)) else {
            return self.fail(open..start, "this quotation mark is not closed: expected another `\"`");
        };
        let end = start + length;
        self.at = end + close.len_utf8();
        Ok((open..self.at, &self.source[start..end]))
    }

    fn word_or_filter(&mut self) -> Parsed<Option<Node>> {
        if let Some((place, name)) = self.field()? {
            self.count(&place)?;
            return self.filter(place.start, name).map(Some);
        }
        let place = self.take_word();
        let raw = &self.source[place.clone()];
        self.count(&place)?;
        self.word(place, raw, Target::Texts)
    }

    /// The name of a field with its colon, if that is what stands here.
    fn field(&mut self) -> Parsed<Option<(Range<usize>, &'static str)>> {
        let rest = &self.source[self.at..];
        let length = rest.bytes().take_while(|b| b.is_ascii_alphabetic() || *b == b'_').count();
        if length == 0 || !rest[length..].starts_with(':') {
            return Ok(None);
        }
        let (place, typed) = (self.at..self.at + length, rest[..length].to_ascii_lowercase());
        if let Some(&name) = FIELDS.iter().find(|name| **name == typed) {
            self.at += length + 1;
            return Ok(Some((place, name)));
        }
        match rest[length + 1..].chars().next() {
            None | Some('/' | ':' | ')' | '(') => Ok(None),
            Some(c) if c.is_whitespace() => Ok(None),
            Some(_) => {
                let say = format!(
                    "there is no field `{typed}`: {}; to look for the words, quote them",
                    known(&typed, FIELDS)
                );
                self.fail(place, say)
            }
        }
    }

    /// The value of a field, quoted or up to the next space.
    fn filter(&mut self, start: usize, name: &'static str) -> Parsed<Node> {
        let is_quoted = self.peek().is_some_and(is_quote);
        let (place, value) = if is_quoted {
            self.quoted()?
        } else {
            let place = self.take_word();
            (place.clone(), &self.source[place])
        };
        let value = if name == "author" { value } else { value.trim() };
        if value.is_empty() {
            return self.fail(start..self.at, format!("expected {} after `{name}:`", expected(name)));
        }
        let whole = start..place.end;
        let filter = match name {
            "author" => {
                let value = value.trim_start_matches('@');
                if is_quoted {
                    return self.phrase(place, value, Target::Author);
                }
                let word = self.word(place.clone(), value, Target::Author)?;
                return word.map_or_else(|| self.fail(place, "expected a name or a handle after `author:`"), Ok);
            }
            "account" => Filter::Account(value.trim_start_matches('@').to_owned()),
            "school" => Filter::School(value.to_owned()),
            "group" => Filter::Group(value.to_owned()),
            "platform" => Filter::Platform(value.to_lowercase()),
            "kind" => Filter::Kind(self.one_of(name, place, value, Kind::ALL)?),
            "role" => Filter::Role(self.one_of(name, place, value, Role::ALL)?),
            "state" => match value.to_lowercase().as_str() {
                "deleted" => Filter::State(vec![State::Missing, State::Gone]),
                _ => Filter::State(vec![self.one_of(name, place, value, State::ALL)?]),
            },
            "was" => match value.to_lowercase().as_str() {
                "deleted" => Filter::Was(vec![Change::Missing, Change::Gone]),
                _ => Filter::Was(vec![self.one_of(name, place, value, WAS)?]),
            },
            "flag" => Filter::Flag(self.one_of(name, place, value, Category::ALL)?),
            "has" => match value.to_lowercase().as_str() {
                "media" => Filter::Media,
                "link" => Filter::Link,
                _ => return self.fail(place, format!("expected `media` or `link` after `has:`, not `{value}`")),
            },
            _ => self.dates(name, place, value)?,
        };
        Ok(Node::Filter(whole, filter))
    }

    fn dates(&self, name: &str, place: Range<usize>, value: &str) -> Parsed<Filter> {
        if name != "changed" {
            let period = self.period(&place, value)?;
            return Ok(match name {
                "after" => Filter::Created(Some(period.first), None),
                "before" => Filter::Created(None, Some(period.first)),
                _ => Filter::Created(Some(period.first), Some(period.after)),
            });
        }
        let (from, to) = value.split_once("..").unwrap_or((value, value));
        let side = |side: &str| if side.is_empty() { Ok(None) } else { self.period(&place, side).map(Some) };
        let (from, to) = (side(from)?, side(to)?);
        match (&from, &to) {
            (None, None) => {
                self.fail(place, "expected a day, a month or a year beside `..`, as in `changed:2026-01..2026-06`")
            }
            (Some(first), Some(last)) if first.is_after(last) => {
                self.fail(place, "this range ends before it begins: expected the earlier date first")
            }
            _ => Ok(Filter::Changed(from.map(|period| period.first), to.map(|period| period.after))),
        }
    }

    fn period(&self, place: &Range<usize>, word: &str) -> Parsed<Period> {
        match Period::parse(word) {
            Some(period) => Ok(period),
            None => self.fail(
                place.clone(),
                format!("`{word}` is not a date: expected a day (2026-01-31), a month (2026-01) or a year (2026)"),
            ),
        }
    }

    /// One word of a closed list, in any case, with `_` or `-` or a space.
    fn one_of<T: FromStr + Copy + std::fmt::Display>(
        &self,
        name: &str,
        place: Range<usize>,
        value: &str,
        all: &[T],
    ) -> Parsed<T> {
        let plain = value.to_lowercase().replace(['-', ' '], "_");
        if let Some(found) = all.iter().find(|known| known.to_string() == plain) {
            return Ok(*found);
        }
        let words: Vec<String> = all.iter().map(ToString::to_string).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        self.fail(place, format!("`{name}:` does not know `{value}`: {}", known(&plain, &words)))
    }

    /// What is not quoted: stems, prefixes, fuzzy words. Nothing when it has nothing to look for.
    fn word(&self, place: Range<usize>, raw: &str, target: Target) -> Parsed<Option<Node>> {
        let (body, ending) = split_ending(raw);
        if let Some(star) = body.find('*') {
            let at = place.start + (place.len() - raw.len()) + star;
            return self
                .fail(at..at + 1, "`*` can only stand at the end of a word; to look for the sign, quote the word");
        }
        let words = plain_words(body);
        if words.is_empty() && ending != Ending::None {
            return self.fail(place, "expected a word before `*` or `~`");
        }
        let find = match (ending, words) {
            (_, words) if words.is_empty() => return Ok(None),
            (Ending::None, words) => whole_word(words, target),
            (Ending::Prefix, mut words) => match words.pop() {
                Some(last) => Find::Prefix(words, last),
                None => return Ok(None),
            },
            (Ending::Fuzzy(distance), mut words) => match (words.pop(), words.is_empty()) {
                (Some((_, word)), true) => Find::Fuzzy(word.clone(), distance.unwrap_or_else(|| reach(&word))),
                _ => return self.fail(place, "`~` works on a single word: expected letters and digits only before it"),
            },
        };
        Ok(Some(Node::Text(Text { target, find })))
    }

    fn phrase(&self, place: Range<usize>, text: &str, target: Target) -> Parsed<Node> {
        let words = plain_words(text);
        if words.is_empty() {
            return self.fail(place, "expected words between the quotation marks: letters, digits or emoji");
        }
        Ok(Node::Text(Text { target, find: Find::Exact(words) }))
    }

    fn count(&mut self, place: &Range<usize>) -> Parsed<()> {
        self.parts += 1;
        match self.parts > MAX_PARTS {
            true => self.fail(place.clone(), format!("the query has too many parts: at most {MAX_PARTS} are read")),
            false => Ok(()),
        }
    }

    fn skip_word(&mut self) -> Option<Node> {
        self.take_word();
        None
    }

    /// Up to the next space, parenthesis or quotation mark; at least one character.
    fn take_word(&mut self) -> Range<usize> {
        let start = self.at;
        let stop = |c: char| c.is_whitespace() || matches!(c, '(' | ')') || is_quote(c);
        self.at += self.source[start..].find(stop).unwrap_or(self.source.len() - start);
        start..self.at
    }

    fn take_keyword(&mut self, keyword: &str) -> Option<Range<usize>> {
        if !self.sees_keyword(keyword) {
            return None;
        }
        let place = self.at..self.at + keyword.len();
        self.at = place.end;
        self.skip_space();
        Some(place)
    }

    fn sees_keyword(&self, keyword: &str) -> bool {
        let rest = self.source[self.at..].strip_prefix(keyword);
        rest.is_some_and(|rest| {
            rest.chars().next().is_none_or(|c| c.is_whitespace() || matches!(c, '(' | ')') || is_quote(c))
        })
    }

    fn skip_space(&mut self) {
        let rest = &self.source[self.at..];
        self.at += rest.len() - rest.trim_start().len();
    }

    fn peek(&self) -> Option<char> {
        self.source[self.at..].chars().next()
    }

    /// The place behind the character at `at`.
    fn after(&self, at: usize) -> usize {
        at + self.source[at..].chars().next().map_or(0, char::len_utf8)
    }

    fn fail<T>(&self, place: Range<usize>, say: impl Into<String>) -> Parsed<T> {
        Err(QueryError::new(self.source, place, say.into()))
    }
}

/// What an item may have been; every item was created and shown.
const WAS: &[Change] =
    &[Change::Edited, Change::Hidden, Change::Shown, Change::Missing, Change::Gone, Change::Restored];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    None,
    Prefix,
    Fuzzy(Option<u8>),
}

/// Takes `*`, `~`, `~1` or `~2` off the end of a word.
fn split_ending(raw: &str) -> (&str, Ending) {
    if let Some(body) = raw.strip_suffix('*') {
        return (body, Ending::Prefix);
    }
    for (suffix, distance) in [("~", None), ("~1", Some(1)), ("~2", Some(2))] {
        if let Some(body) = raw.strip_suffix(suffix) {
            return (body, Ending::Fuzzy(distance));
        }
    }
    (raw, Ending::None)
}

/// The words of a piece of a query with their distance from the first. A tag or a phone number that is the whole piece
/// is the one word it is in the index.
fn plain_words(text: &str) -> Vec<(usize, String)> {
    let found = tokens(text);
    let last = found.iter().rev().find(|(place, _)| place.form == Form::Word).map_or(0, |(place, _)| place.end);
    let is_whole = |form: Form| matches!(form, Form::Tag | Form::Joined);
    if let Some((place, word)) = found.first()
        && is_whole(place.form)
        && place.end >= last
    {
        return vec![(0, word.clone())];
    }
    found
        .into_iter()
        .filter(|(place, _)| place.form == Form::Word)
        .map(|(place, word)| (place.position, word))
        .collect()
}

/// One unquoted word is looked for by its stems, names and words of several parts as they stand.
fn whole_word(mut words: Vec<(usize, String)>, target: Target) -> Find {
    if target == Target::Texts && words.len() == 1 && words[0].1.bytes().all(|b| b.is_ascii_lowercase()) {
        let (_, word) = words.swap_remove(0);
        return Find::Stem(word);
    }
    Find::Exact(words)
}

/// How many letters of a fuzzy word may differ when the query does not say.
fn reach(word: &str) -> u8 {
    match word.chars().count() {
        0..=2 => 0,
        3..=7 => 1,
        _ => 2,
    }
}

fn flatten(mut nodes: Vec<Node>, join: fn(Vec<Node>) -> Node) -> Node {
    match nodes.len() {
        1 => nodes.swap_remove(0),
        _ => join(nodes),
    }
}

fn is_quote(c: char) -> bool {
    matches!(c, '"' | '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{ab}' | '\u{bb}')
}

fn expected(field: &str) -> &'static str {
    match field {
        "account" => "the account's name in the register",
        "school" | "group" => "a name (in quotes when it has spaces)",
        "author" => "a name or a handle",
        "after" | "before" | "on" => "a day (2026-01-31), a month or a year",
        "changed" => "a range of days, months or years (2026-01..2026-06)",
        _ => "a value",
    }
}

/// The nearest known word, and all of them.
fn known(typed: &str, words: &[&str]) -> String {
    let nearest = words.iter().map(|word| (strsim::osa_distance(typed, word), *word)).min();
    let all = words.join(", ");
    match nearest {
        Some((distance, word)) if distance <= 2 && distance < typed.chars().count() => {
            format!("did you mean `{word}`? Expected one of {all}")
        }
        _ => format!("expected one of {all}"),
    }
}
