//! Reading JSON that may be anything: fast where it is as expected, mended where it is not, with a problem for each
//! thing that was left out (invariant 9). Every repair keeps lengths, so that byte ranges of the body stay true.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use serde::de::{self, Deserialize, Deserializer, IgnoredAny, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::elements::{Elements, MOST_ON_A_PAGE, too_many};
use crate::model::{Problem, Timestamp};

/// An id, count or time that a platform may send as a string or as a number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Id<'a>(pub(super) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Id<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Id<'a>, D::Error> {
        struct IdVisitor;
        impl<'de> Visitor<'de> for IdVisitor {
            type Value = Id<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a number")
            }
            fn visit_borrowed_str<E: de::Error>(self, value: &'de str) -> Result<Id<'de>, E> {
                Ok(Id(Cow::Borrowed(value)))
            }
            fn visit_str<E: de::Error>(self, value: &str) -> Result<Id<'de>, E> {
                Ok(Id(Cow::Owned(value.to_owned())))
            }
            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Id<'de>, E> {
                Ok(Id(Cow::Owned(value.to_string())))
            }
            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Id<'de>, E> {
                Ok(Id(Cow::Owned(value.to_string())))
            }
        }
        deserializer.deserialize_any(IdVisitor)
    }
}

/// A text that is borrowed where JSON escapes nothing in it.
pub(super) type Text<'a> = Option<TextOf<'a>>;

#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(transparent)]
pub(super) struct TextOf<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

impl std::ops::Deref for TextOf<'_> {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

/// A count, sent as a number or as a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Count(pub(super) i64);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Count, D::Error> {
        struct CountVisitor;
        impl Visitor<'_> for CountVisitor {
            type Value = Count;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a count")
            }
            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Count, E> {
                i64::try_from(value).map(Count).map_err(E::custom)
            }
            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Count, E> {
                Ok(Count(value))
            }
            fn visit_str<E: de::Error>(self, value: &str) -> Result<Count, E> {
                value.parse().map(Count).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(CountVisitor)
    }
}

/// A field that we ask for, keep in the capture and do not read.
pub(super) type Unread = Option<IgnoredAny>;

/// The objects of an answer, with where each stands in the body.
pub(super) struct Objects<'a> {
    pub(super) objects: Vec<(Cow<'static, str>, &'a RawValue)>,
    /// The answer around `data`, without it; empty where the answer is one object.
    pub(super) paging: Option<Paging<'a>>,
    pub(super) summary: Option<Summary>,
    /// How many objects there may have been that could not be told apart at all.
    pub(super) unread: usize,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct Paging<'a> {
    #[serde(borrow)]
    pub(super) cursors: Option<Cursors<'a>>,
    #[serde(borrow)]
    pub(super) next: Text<'a>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct Cursors<'a> {
    #[serde(borrow)]
    pub(super) after: Text<'a>,
}

#[derive(Debug, Default, Clone, serde::Deserialize)]
#[serde(default)]
pub(super) struct Summary {
    pub(super) total_count: Option<Count>,
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Envelope<'a> {
    #[serde(borrow)]
    data: Option<Elements<'a>>,
    #[serde(borrow)]
    paging: Option<Paging<'a>>,
    summary: Option<Summary>,
}

/// The body as UTF-8 of the same length: bytes that are none become question marks, with a problem.
pub(super) fn readable<'a>(body: &'a [u8], problems: &mut Vec<Problem>) -> Cow<'a, str> {
    if let Ok(text) = std::str::from_utf8(body) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(body.len());
    for chunk in body.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| '?'));
    }
    problems.push(Problem::new("body", "holds bytes that are not UTF-8; they are read as question marks"));
    Cow::Owned(text)
}

/// The objects of an answer: its `data`, or itself, or the objects it maps ids to.
pub(super) fn objects<'a>(text: &'a str, problems: &mut Vec<Problem>) -> Objects<'a> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    if let Ok(Envelope { data: Some(data), paging, summary }) = Envelope::deserialize(&mut deserializer) {
        if deserializer.end().is_err() {
            problems.push(Problem::new("body", "goes on after its end"));
        }
        let (objects, unread) = placed(data, problems);
        return Objects { objects, paging, summary, unread };
    }
    odd_objects(text, problems)
}

/// The elements of `data`, each with its place, and how many more there are.
fn placed<'a>(list: Elements<'a>, problems: &mut Vec<Problem>) -> (Vec<(Cow<'static, str>, &'a RawValue)>, usize) {
    problems.extend(list.too_many().map(|what| Problem::new("data", what)));
    let unread = list.count - list.read.len();
    let place = |n: usize| Cow::Owned(format!("data[{n}]"));
    (list.read.into_iter().enumerate().map(|(n, raw)| (place(n), raw)).collect(), unread)
}

fn odd_objects<'a>(text: &'a str, problems: &mut Vec<Problem>) -> Objects<'a> {
    let nothing = Objects { objects: Vec::new(), paging: None, summary: None, unread: 1 };
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    let Some(Ok(whole)) = values.next() else {
        problems.push(Problem::new("body", not_json(text)));
        return nothing;
    };
    if values.next().is_some() {
        problems.push(Problem::new("body", "goes on after its end"));
    }
    if let Ok(list) = serde_json::from_str::<Elements>(whole.get()) {
        let (objects, unread) = placed(list, problems);
        return Objects { objects, paging: None, summary: None, unread };
    }
    let Ok(fields) = serde_json::from_str::<indexed::Fields<'a>>(whole.get()) else {
        problems.push(Problem::new("body", "is neither an object nor a list"));
        return nothing;
    };
    let field = |name: &str| fields.0.iter().find(|(known, _)| known == name).map(|(_, raw)| *raw);
    let paging = field("paging").and_then(|raw| serde_json::from_str(raw.get()).ok());
    let summary = field("summary").and_then(|raw| serde_json::from_str(raw.get()).ok());
    let is_object = |raw: &RawValue| raw.get().starts_with('{');
    let mut unread = 0;
    let objects = if let Some(data) = field("data") {
        match serde_json::from_str::<Elements>(data.get()) {
            Ok(list) => {
                let (objects, beyond) = placed(list, problems);
                unread = beyond;
                objects
            }
            Err(_) if is_object(data) => vec![(Cow::Borrowed("data"), data)],
            Err(_) => {
                problems.push(Problem::new("data", "is not a list"));
                unread = 1;
                Vec::new()
            }
        }
    } else if field("id").is_none() && !fields.0.is_empty() && fields.0.iter().all(|(_, raw)| is_object(raw)) {
        unread = fields.0.len().saturating_sub(MOST_ON_A_PAGE);
        if unread > 0 {
            problems.push(Problem::new("body", too_many(fields.0.len())));
        }
        let named = fields.0.iter().take(MOST_ON_A_PAGE);
        named.map(|(name, raw)| (Cow::Owned(name.clone().into_owned()), *raw)).collect()
    } else {
        vec![(Cow::Borrowed("body"), whole)]
    };
    Objects { objects, paging, summary, unread }
}

fn not_json(text: &str) -> &'static str {
    match text.trim_start().as_bytes().first() {
        None => "is empty",
        Some(b'<') => "is HTML, not JSON",
        Some(b'{' | b'[') => "is JSON that breaks off or breaks its rules",
        Some(_) => "is not JSON",
    }
}

/// An object's fields in their order, each as it stands in the text.
mod indexed {
    use std::borrow::Cow;

    use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
    use serde_json::value::RawValue;

    pub(in crate::platform) struct Fields<'a>(pub(super) Vec<(Cow<'a, str>, &'a RawValue)>);

    impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Fields<'a>, D::Error> {
            struct FieldsVisitor;
            impl<'de> Visitor<'de> for FieldsVisitor {
                type Value = Fields<'de>;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("an object")
                }
                fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                    let mut fields = Vec::new();
                    while let Some((name, value)) = map.next_entry::<super::TextOf<'de>, &'de RawValue>()? {
                        fields.push((name.0, value));
                    }
                    Ok(Fields(fields))
                }
            }
            deserializer.deserialize_map(FieldsVisitor)
        }
    }
}

pub(super) use indexed::Fields as FieldList;

impl<'a> FieldList<'a> {
    pub(super) fn read(text: &'a str) -> Option<Vec<(Cow<'a, str>, &'a RawValue)>> {
        serde_json::from_str::<FieldList<'a>>(text).ok().map(|fields| fields.0)
    }
}

/// Where an object stands in the text that it was read from.
pub(super) fn range_in(text: &str, raw: &RawValue) -> Range<usize> {
    let start = raw.get().as_ptr().addr().wrapping_sub(text.as_ptr().addr());
    start..start.saturating_add(raw.get().len())
}

/// One object of an answer.
pub(super) struct Object<'a, 'p> {
    pub(super) place: &'p str,
    pub(super) raw: &'a RawValue,
    pub(super) range: std::ops::Range<usize>,
}

impl Object<'_, '_> {
    pub(super) fn mend(&self, check: fn(&str) -> Option<Fault>, problems: &mut Vec<Problem>) -> Option<String> {
        mend(self.raw.get(), self.place, check, problems)
    }
}

/// Where an object stands that is part of another.
pub(super) fn range_within(outer: &Object<'_, '_>, raw: &RawValue) -> Range<usize> {
    let whole = range_in(outer.raw.get(), raw);
    // A mended text is another one: then the object around stands for it.
    if whole.end > outer.range.len() {
        outer.range.clone()
    } else {
        outer.range.start + whole.start..outer.range.start + whole.end
    }
}

/// Reads an object as `$wire`: at once, or mended. The text that it borrows from is kept in `$mended`.
macro_rules! wire {
    ($wire:ident, $batch:ident, $object:ident, $mended:ident) => {
        match serde_json::from_str::<$wire<'_>>($object.raw.get()) {
            Ok(wire) => wire,
            Err(_) => {
                $mended = $object.mend(|text| crate::platform::json::fault::<$wire<'_>>(text), &mut $batch.problems)?;
                match serde_json::from_str::<$wire<'_>>(&$mended) {
                    Ok(wire) => wire,
                    Err(_) => return None,
                }
            }
        }
    };
}

pub(super) use wire;

/// Where and why a text cannot be read as what it should be.
pub(super) struct Fault {
    path: Vec<Step>,
    duplicate: bool,
    unknown: bool,
}

enum Step {
    Key(String),
    Index(usize),
}

/// Tries to read a text as `T`, for [`mend`].
pub(super) fn fault<'a, T: Deserialize<'a>>(text: &'a str) -> Option<Fault> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let error = serde_path_to_error::deserialize::<_, T>(&mut deserializer).err()?;
    let mut path: Vec<Step> = error
        .path()
        .iter()
        .filter_map(|segment| match segment {
            serde_path_to_error::Segment::Seq { index } => Some(Step::Index(*index)),
            serde_path_to_error::Segment::Map { key } => Some(Step::Key(key.clone())),
            _ => None,
        })
        .collect();
    let words = error.inner().to_string();
    let twice = words.strip_prefix("duplicate field `").and_then(|rest| rest.split('`').next());
    path.extend(twice.map(|field| Step::Key(field.to_owned())));
    Some(Fault { path, duplicate: twice.is_some(), unknown: words.starts_with("unknown field") })
}

/// An object without what cannot be read, as a text that `check` finds no fault with; `None` when nothing helps.
pub(super) fn mend(
    raw: &str,
    place: &str,
    check: fn(&str) -> Option<Fault>,
    problems: &mut Vec<Problem>,
) -> Option<String> {
    let mut text = whole_characters(raw, place, problems);
    let Ok(mut value) = serde_json::from_str::<Value>(&text) else {
        problems.push(Problem::new(place, "cannot be read; its bytes are kept"));
        return None;
    };
    if !value.is_object() {
        problems.push(Problem::new(place, "is not an object"));
        return None;
    }
    for _ in 0..200 {
        let Some(fault) = check(&text) else { return Some(text) };
        let at = format!("{place}{}", shown(&fault.path));
        if fault.duplicate {
            problems.push(Problem::new(at, "comes twice; the last one counts"));
        } else {
            let what = if fault.unknown { "is a field that is not known" } else { "is not of the expected type" };
            problems.push(Problem::new(at, what));
            remove(&mut value, &fault.path)?;
        }
        text = value.to_string();
    }
    problems.push(Problem::new(place, "holds too much that is unexpected; its bytes are kept"));
    None
}

fn shown(path: &[Step]) -> String {
    path.iter().fold(String::new(), |shown, step| match step {
        Step::Key(key) => shown + "." + key,
        Step::Index(index) => shown + &format!("[{index}]"),
    })
}

fn remove(value: &mut Value, path: &[Step]) -> Option<()> {
    let (last, before) = path.split_last()?;
    let mut at = value;
    for step in before {
        at = match step {
            Step::Key(key) => at.get_mut(key.as_str())?,
            Step::Index(index) => at.get_mut(*index)?,
        };
    }
    match (last, at) {
        (Step::Key(key), Value::Object(fields)) => fields.shift_remove(key.as_str()).map(|_| ()),
        (Step::Index(index), Value::Array(list)) if *index < list.len() => {
            list.remove(*index);
            Some(())
        }
        _ => None,
    }
}

/// Replaces escapes of half a character (lone surrogates) with those of U+FFFD, which are as long.
fn whole_characters(raw: &str, place: &str, problems: &mut Vec<Problem>) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    let mut lone = false;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        let length = match escape(rest.as_bytes()) {
            Escape::Other(length) => length,
            Escape::Pair => 12,
            Escape::Lone => {
                lone = true;
                text.push_str("\\ufffd");
                rest = &rest[6..];
                continue;
            }
        };
        let length = (0..=length.min(rest.len())).rev().find(|end| rest.is_char_boundary(*end)).unwrap_or(rest.len());
        text.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    text.push_str(rest);
    if lone {
        problems.push(Problem::new(place, "holds half a character (a lone surrogate); it is read as U+FFFD"));
    }
    text
}

enum Escape {
    /// Anything but a surrogate, with its length.
    Other(usize),
    Pair,
    Lone,
}

fn escape(bytes: &[u8]) -> Escape {
    let unit = |at: usize| -> Option<u32> {
        let escape = bytes.get(at..at + 6)?;
        let digits = escape.strip_prefix(b"\\u")?;
        u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    match (unit(0), unit(6)) {
        (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => Escape::Pair,
        (Some(0xD800..=0xDFFF), _) => Escape::Lone,
        (Some(_), _) => Escape::Other(6),
        (None, _) => Escape::Other(2),
    }
}

/// A text for people and the index: NUL, which databases cut at, becomes U+FFFD, with a problem.
pub(super) fn clean(text: &str, place: &str, problems: &mut Vec<Problem>) -> String {
    if memchr_nul(text) {
        problems.push(Problem::new(place, "holds NUL; it is read as U+FFFD"));
        return text.replace('\0', "\u{fffd}");
    }
    text.to_owned()
}

fn memchr_nul(text: &str) -> bool {
    text.as_bytes().contains(&0)
}

/// A time as Meta's platforms write it: `2026-08-20T15:00:00+0000`, RFC 3339, or seconds since 1970.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    usual_time(text).or_else(|| text.parse().ok()).or_else(|| Timestamp::from_second(text.parse().ok()?).ok())
}

fn usual_time(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    if bytes.len() != 24 || &bytes[19..] != b"+0000" {
        return None;
    }
    let number = |range: Range<usize>| -> Option<i16> {
        bytes[range].iter().try_fold(0_i16, |n, byte| byte.is_ascii_digit().then(|| n * 10 + i16::from(byte - b'0')))
    };
    let small = |range| number(range).and_then(|n| i8::try_from(n).ok());
    let civil = jiff::civil::DateTime::new(
        number(0..4)?,
        small(5..7)?,
        small(8..10)?,
        small(11..13)?,
        small(14..16)?,
        small(17..19)?,
        0,
    );
    jiff::tz::Offset::UTC.to_timestamp(civil.ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, PartialEq, serde::Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Thing<'a> {
        #[serde(borrow)]
        id: Option<Id<'a>>,
        #[serde(borrow)]
        words: Text<'a>,
        likes: Option<Count>,
        #[serde(borrow)]
        inner: Vec<Thing<'a>>,
    }

    fn mended(raw: &str) -> (Option<String>, Vec<String>) {
        let mut problems = Vec::new();
        let text = mend(raw, "data[0]", |text| fault::<Thing<'_>>(text), &mut problems);
        (text, problems.into_iter().map(|problem| format!("{}: {}", problem.place, problem.what)).collect())
    }

    #[test]
    fn what_cannot_be_read_is_left_out_and_named() {
        let (text, problems) =
            mended(r#"{"id":12345678901234567890,"likes":[],"new":1,"inner":[{"id":{}},7,{"likes":"3"}]}"#);
        assert_eq!(text.unwrap(), r#"{"id":12345678901234567890,"inner":[{},{"likes":"3"}]}"#);
        assert_eq!(
            problems,
            [
                "data[0].likes: is not of the expected type",
                "data[0].new: is a field that is not known",
                "data[0].inner[0].id: is not of the expected type",
                "data[0].inner[1]: is not of the expected type",
            ]
        );
    }

    #[test]
    fn a_field_that_comes_twice_counts_once() {
        let (text, problems) = mended(r#"{"id":"1","id":"2"}"#);
        assert_eq!(text.unwrap(), r#"{"id":"2"}"#);
        assert_eq!(problems, ["data[0].id: comes twice; the last one counts"]);
    }

    #[test]
    fn half_a_character_is_read_as_the_replacement_character() {
        let (text, problems) = mended(r#"{"words":"a\ud83d\\ud83d \uD83D\uDE00 \"b"}"#);
        let text = text.unwrap();
        let thing: Thing<'_> = serde_json::from_str(&text).unwrap();
        assert_eq!(&*thing.words.unwrap(), "a\u{fffd}\\ud83d 😀 \"b");
        assert_eq!(problems.len(), 1);
    }

    #[test]
    fn times_are_read_in_every_form() {
        let expected: Timestamp = "2026-08-20T15:00:00Z".parse().unwrap();
        for text in [
            "2026-08-20T15:00:00+0000",
            "2026-08-20T15:00:00+00:00",
            "2026-08-20T15:00:00Z",
            "2026-08-20T17:00:00+0200",
            "1787238000",
        ] {
            assert_eq!(time(text), Some(expected), "{text}");
        }
        for text in ["", "yesterday", "2026-13-20T15:00:00+0000", "2026-08-2xT15:00:00+0000"] {
            assert_eq!(time(text), None, "{text}");
        }
    }

    #[test]
    fn answers_of_every_shape_give_their_objects() {
        let places = |text: &str| {
            let mut problems = Vec::new();
            let found = objects(text, &mut problems);
            let places: Vec<String> = found.objects.iter().map(|(place, _)| place.to_string()).collect();
            (places, problems.len())
        };
        assert_eq!(places(r#"{"data":[{},{}]}"#), (vec!["data[0]".into(), "data[1]".into()], 0));
        assert_eq!(places(r#"{"data":[{}]} trailing"#), (vec!["data[0]".into()], 1));
        assert_eq!(places(r#"{"data":null,"paging":{}}"#), (vec![], 1));
        assert_eq!(places(r#"{"id":"1","from":{}}"#), (vec!["body".into()], 0));
        assert_eq!(places(r#"{"1":{},"2":{}}"#), (vec!["1".into(), "2".into()], 0));
        assert_eq!(places("<html>"), (vec![], 1));
        assert_eq!(places(r#"{"data":[{"id":"1"},{"#), (vec![], 1));
        assert_eq!(places(""), (vec![], 1));
    }
}
