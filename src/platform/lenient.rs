//! Reads a platform's JSON piece by piece, so that nothing unexpected loses an item (invariant 9).
//!
//! Every value is looked at on its own: one of an unexpected type becomes a [`Problem`] and counts as absent, an unknown
//! field becomes a problem too, and the rest of the item is read all the same. Values keep their place in the body, so
//! that an item can name the byte range of its own JSON. Nesting is never followed by recursion: a hostile answer cannot
//! exhaust the stack.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde_json::value::RawValue;

use super::elements::Elements;
use crate::model::{Exchange, Problem, Timestamp};

/// The place of a problem that concerns a whole body: the answer could not be read at all.
pub const WHOLE: &str = "body";
/// How many problems of one answer are noted.
const MOST_PROBLEMS: usize = 1_000;

/// A body as text, byte for byte as long as the original, and what was found wrong on the way.
pub struct Body<'a> {
    text: Cow<'a, str>,
    notes: RefCell<Notes>,
}

#[derive(Default)]
struct Notes {
    problems: Vec<Problem>,
    seen: BTreeSet<(String, String)>,
}

impl<'a> Body<'a> {
    pub fn of(exchange: &'a Exchange) -> Body<'a> {
        let body = Body { text: readable(&exchange.body), notes: RefCell::default() };
        if matches!(body.text, Cow::Owned(_)) {
            body.problem("body (encoding)", "bytes that are not UTF-8");
        }
        body
    }

    /// The object that a body is expected to be.
    pub fn root(&'a self) -> Option<Obj<'a>> {
        match serde_json::from_str::<&RawValue>(&self.text) {
            Ok(raw) => self.object(String::new(), raw),
            Err(_) if self.text.trim().is_empty() => {
                self.problem(WHOLE, "empty");
                None
            }
            Err(error) => {
                self.problem(WHOLE, format!("not JSON (line {}, column {})", error.line(), error.column()));
                None
            }
        }
    }

    /// Notes a problem, once for each place and kind however many items share it; of very many the first.
    pub fn problem(&self, place: impl Into<String>, what: impl Into<String>) {
        let mut notes = self.notes.borrow_mut();
        let (place, what) = match notes.problems.len() {
            0..MOST_PROBLEMS => (place.into(), what.into()),
            _ => ("body (problems)".to_owned(), format!("more than {MOST_PROBLEMS}: only these are noted")),
        };
        if notes.seen.insert((place.clone(), what.clone())) {
            notes.problems.push(Problem::new(place, what));
        }
    }

    pub fn problems(&self) -> Vec<Problem> {
        self.notes.borrow().problems.clone()
    }

    /// An object at a place; anything else is a problem.
    pub fn object(&'a self, place: String, raw: &'a RawValue) -> Option<Obj<'a>> {
        match serde_json::from_str::<BTreeMap<String, &RawValue>>(raw.get()) {
            Ok(fields) => Some(Obj { body: self, place, raw, fields }),
            Err(_) => {
                let place = if place.is_empty() { WHOLE.to_owned() } else { place };
                self.problem(place, format!("{} where an object was expected", kind_of(raw)));
                None
            }
        }
    }

    /// The text of a JSON string. Characters that are none become U+FFFD, and so does NUL, at which databases cut.
    fn text(&self, place: &str, raw: &RawValue) -> String {
        let text: String = serde_json::from_str(raw.get()).unwrap_or_else(|_| {
            self.problem(place, "half a character (a lone surrogate); it is read as U+FFFD");
            without_escapes(raw.get())
        });
        if text.contains('\0') {
            self.problem(place, "NUL; it is read as U+FFFD");
            return text.replace('\0', "\u{fffd}");
        }
        text
    }

    fn range(&self, raw: &RawValue) -> Range<usize> {
        let start = (raw.get().as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        start..start + raw.get().len()
    }
}

/// One JSON object whose fields are read one by one.
#[derive(Clone)]
pub struct Obj<'a> {
    body: &'a Body<'a>,
    place: String,
    raw: &'a RawValue,
    fields: BTreeMap<String, &'a RawValue>,
}

impl<'a> Obj<'a> {
    /// Where this object stands in the body, in bytes.
    pub fn range(&self) -> Range<usize> {
        self.body.range(self.raw)
    }

    pub fn body(&self) -> &'a Body<'a> {
        self.body
    }

    /// The path of a field of this object.
    pub fn at(&self, key: &str) -> String {
        if self.place.is_empty() { key.to_owned() } else { format!("{}.{key}", self.place) }
    }

    pub fn has(&self, key: &str) -> bool {
        self.raw(key).is_some()
    }

    pub fn is_list(&self, key: &str) -> bool {
        self.raw(key).is_some_and(|raw| raw.get().starts_with('['))
    }

    pub fn problem(&self, key: &str, what: impl Into<String>) {
        self.body.problem(self.at(key), what);
    }

    /// Notes every field that is not among the known ones.
    pub fn expect(&self, known: &[&str]) {
        for key in self.fields.keys().filter(|key| !known.contains(&key.as_str())) {
            self.problem(key, "unknown field");
        }
    }

    /// A text. Lone surrogates and NUL, which are no text, are replaced and noted.
    pub fn str(&self, key: &str) -> Option<String> {
        let raw = self.raw(key)?;
        if !raw.get().starts_with('"') {
            return self.wrong(key, raw, "a text");
        }
        Some(self.body.text(&self.at(key), raw))
    }

    /// The first of several names under which a platform gives the same text.
    pub fn str_of(&self, keys: &[&str]) -> Option<String> {
        keys.iter().find(|key| self.has(key)).and_then(|key| self.str(key))
    }

    /// An id: a text, or a number where a platform forgets that ids are none. An empty one is no id.
    pub fn id(&self, key: &str) -> Option<String> {
        let raw = self.raw(key)?;
        if raw.get().starts_with(|first: char| first.is_ascii_digit()) {
            self.problem(key, "a number where a text was expected");
            return Some(raw.get().to_owned());
        }
        self.str(key).filter(|id| !id.is_empty())
    }

    /// A whole number, given as a number or as a text.
    pub fn int(&self, key: &str) -> Option<i64> {
        let raw = self.raw(key)?;
        match raw.get().trim_matches('"').parse::<i64>() {
            Ok(number) => Some(number),
            Err(_) => self.wrong(key, raw, "a whole number"),
        }
    }

    pub fn flag(&self, key: &str) -> Option<bool> {
        let raw = self.raw(key)?;
        match raw.get() {
            "true" => Some(true),
            "false" => Some(false),
            _ => self.wrong(key, raw, "true or false"),
        }
    }

    /// A time as RFC 3339, or in the older form of X.
    pub fn time(&self, key: &str) -> Option<Timestamp> {
        let text = self.str(key)?;
        let time = moment(&text);
        if time.is_none() {
            self.problem(key, "a text that is no time");
        }
        time
    }

    pub fn obj(&self, key: &str) -> Option<Obj<'a>> {
        self.raw(key).and_then(|raw| self.body.object(self.at(key), raw))
    }

    /// The elements of a list, each with the path shared by all of them; absent and wrong lists are empty.
    pub fn list(&self, key: &str) -> Vec<&'a RawValue> {
        self.elements(key).read
    }

    fn elements(&self, key: &str) -> Elements<'a> {
        let Some(raw) = self.raw(key) else { return Elements::default() };
        let elements = serde_json::from_str(raw.get()).unwrap_or_else(|_| {
            self.problem(key, format!("{} where a list was expected", kind_of(raw)));
            Elements::default()
        });
        elements.too_many().into_iter().for_each(|what| self.problem(key, what));
        elements
    }

    /// The objects of a list.
    pub fn objects(&self, key: &str) -> Vec<Obj<'a>> {
        self.objects_of(key, self.list(key))
    }

    fn objects_of(&self, key: &str, list: Vec<&'a RawValue>) -> Vec<Obj<'a>> {
        let place = format!("{}[]", self.at(key));
        list.into_iter().filter_map(|raw| self.body.object(place.clone(), raw)).collect()
    }

    /// The objects of a list that must be there, and whether something of it could not be read.
    pub fn all_objects(&self, key: &str) -> (Vec<Obj<'a>>, bool) {
        if !self.is_list(key) {
            self.problem(key, "is not a list");
            return (Vec::new(), true);
        }
        let elements = self.elements(key);
        let objects = self.objects_of(key, elements.read);
        let lost = objects.len() < elements.count;
        (objects, lost)
    }

    /// The texts of a list.
    pub fn strs(&self, key: &str) -> Vec<String> {
        let place = format!("{}[]", self.at(key));
        let texts = self.list(key).into_iter().filter_map(|raw| {
            if raw.get().starts_with('"') {
                return Some(self.body.text(&place, raw));
            }
            self.body.problem(place.clone(), format!("{} where a text was expected", kind_of(raw)));
            None
        });
        texts.collect()
    }

    /// A word out of a closed list as far as it is known; an unknown one is noted and given all the same.
    pub fn word(&self, key: &str, known: &[&str]) -> Option<String> {
        let word = self.str(key)?;
        if !known.contains(&word.as_str()) {
            self.problem(key, "an unknown value");
        }
        Some(word)
    }

    fn raw(&self, key: &str) -> Option<&'a RawValue> {
        self.fields.get(key).copied().filter(|raw| raw.get() != "null")
    }

    fn wrong<T>(&self, key: &str, raw: &RawValue, expected: &str) -> Option<T> {
        self.problem(key, format!("{} where {expected} was expected", kind_of(raw)));
        None
    }
}

/// A time as platforms write it. Fractions are cut to milliseconds, the precision in which times are kept.
pub fn moment(text: &str) -> Option<Timestamp> {
    let time = text.parse::<Timestamp>().ok().or_else(|| {
        let parsed = jiff::fmt::strtime::parse("%a %b %d %H:%M:%S %z %Y", text).ok()?;
        parsed.to_timestamp().ok()
    })?;
    Timestamp::from_millisecond(time.as_millisecond()).ok()
}

/// UTF-8 as it is; anything else with each bad byte replaced by one question mark, so that byte ranges still hold.
fn readable(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| '?'));
    }
    Cow::Owned(text)
}

/// A JSON string that holds lone surrogates, each replaced.
fn without_escapes(raw: &str) -> String {
    let mut repaired = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        let (plain, escape) = rest.split_at(at);
        repaired.push_str(plain);
        let length = lengths(escape).find(|length| {
            escape.get(..*length).is_some_and(|piece| serde_json::from_str::<String>(&format!("\"{piece}\"")).is_ok())
        });
        match length {
            Some(length) => {
                repaired.push_str(&escape[..length]);
                rest = &escape[length..];
            }
            None => {
                repaired.push('\u{fffd}');
                rest = escape.get(6..).unwrap_or("");
            }
        }
    }
    repaired.push_str(rest);
    serde_json::from_str(&repaired).unwrap_or(repaired)
}

/// How long an escape may be: a pair of surrogates, one `\uXXXX`, or one letter.
fn lengths(escape: &str) -> impl Iterator<Item = usize> {
    let unicode = escape.starts_with("\\u");
    [12, 6, 2].into_iter().filter(move |length| (*length == 2) != unicode)
}

fn kind_of(raw: &RawValue) -> &'static str {
    match raw.get().as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "a list",
        Some(b'"') => "a text",
        Some(b't' | b'f') => "true or false",
        Some(b'n') => "null",
        _ => "a number",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchange(body: &[u8]) -> Exchange {
        Exchange { body: body.to_vec(), ..Exchange::default() }
    }

    #[test]
    fn an_item_names_the_byte_range_of_its_own_json() {
        let exchange = exchange("{\"data\":[{\"t\":\"né\"}, {\"t\":\"b\"}]}".as_bytes());
        let body = Body::of(&exchange);
        let items = body.root().unwrap().objects("data");
        assert_eq!(&exchange.body[items[1].range()], b"{\"t\":\"b\"}");
        assert_eq!(items[0].str("t").unwrap(), "né");
        assert!(body.problems().is_empty());
    }

    #[test]
    fn unexpected_types_and_fields_are_problems_noted_once() {
        let exchange = exchange(br#"{"data":[{"t":4,"new":1},{"t":5,"new":2},"word"],"n":"12"}"#);
        let body = Body::of(&exchange);
        let root = body.root().unwrap();
        for item in root.objects("data") {
            item.expect(&["t"]);
            assert_eq!(item.str("t"), None);
        }
        assert_eq!(root.int("n"), Some(12));
        let places: Vec<String> = body.problems().into_iter().map(|problem| problem.place).collect();
        assert_eq!(places, ["data[]", "data[].new", "data[].t"]);
    }

    #[test]
    fn a_body_that_is_no_json_and_a_text_with_half_characters_do_no_harm() {
        let broken = exchange(b"{\"data\":[");
        let body = Body::of(&broken);
        assert!(body.root().is_none());
        assert_eq!(body.problems()[0].place, WHOLE);

        let half = exchange(br#"{"t":"a \ud83d b \ud83d\ude00 \n","u":"caf\u00e9"}"#);
        let body = Body::of(&half);
        assert_eq!(body.root().unwrap().str("t").unwrap(), "a \u{fffd} b \u{1f600} \n");

        let nul = exchange(br#"{"t":"a\u0000b","l":["\ud83dc","\u0000",3]}"#);
        let body = Body::of(&nul);
        let root = body.root().unwrap();
        assert_eq!(
            (root.str("t").unwrap(), root.strs("l")),
            ("a\u{fffd}b".into(), vec!["\u{fffd}c".into(), "\u{fffd}".into()])
        );
        assert_eq!(body.problems().len(), 4);

        let latin = exchange(b"{\"t\":\"caf\xe9\",\"u\":\"x\"}");
        let body = Body::of(&latin);
        assert_eq!(body.root().unwrap().str("t").unwrap(), "caf?");
        assert_eq!(body.problems().len(), 1);
    }

    #[test]
    fn times_are_read_in_both_forms() {
        assert_eq!(moment("2026-11-02T16:20:00.123456Z").unwrap().as_millisecond() % 1000, 123);
        assert_eq!(moment("Wed Jan 06 18:40:40 +0000 2021"), moment("2021-01-06T18:40:40.000Z"));
        assert_eq!(moment("yesterday"), None);
    }
}
