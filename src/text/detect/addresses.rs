//! Street addresses: a house number, a name and a kind of street, or the Spanish order.

use std::ops::Range;

use crate::text::views::View;

/// An address with the key by which an allow-list knows it.
pub struct Found {
    pub key: String,
    pub raw: Range<usize>,
}

/// Number and first word of the name: what two notations of one address share.
pub fn key(folded: &str) -> String {
    folded.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

pub fn find(view: &View) -> Vec<Found> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < view.words.len() {
        let Some(end) = english(view, at).or_else(|| spanish(view, at)) else {
            at += 1;
            continue;
        };
        let after = with_unit(view, end);
        found.push(Found { key: key_at(view, at, after), raw: view.raw_words(at..after) });
        at = after;
    }
    found
}

fn key_at(view: &View, at: usize, after: usize) -> String {
    let number = (at..after).find(|&i| is_number(view.word(i), 1)).unwrap_or(at);
    let name = if number == at { at + 1 } else { at };
    format!("{} {}", view.word(number), view.word(name))
}

/// `1234 Willow Creek Rd`, `1234 Camino Real`: the word after the last one that belongs to it.
fn english(view: &View, at: usize) -> Option<usize> {
    if !is_number(view.word(at), 1) {
        return None;
    }
    let long = view.word(at).len() >= 3;
    if long && follows(view, at) && is_via(view.get(at + 1)) && view.get(at + 2).len() > 2 && follows(view, at + 1) {
        return capital(view, at + 1).then_some(at + 3);
    }
    for step in 2..=4 {
        let end = at + step;
        if end >= view.words.len() || !follows(view, end - 1) || is_function_word(view.word(end - 1)) {
            return None;
        }
        if is_number(view.word(end - 1), 1) && step > 2 {
            return None;
        }
        let kind = view.word(end);
        if step == 2 && !follows(view, at) {
            return None;
        }
        let sure = is_short_kind(kind) || (capital(view, end - 1) && capital(view, end));
        if (is_kind(kind) || is_short_kind(kind)) && !is_drive(view.word(end - 1), kind) {
            let backed = has_unit(view, end + 1) || has_zip(view, end + 1);
            if (long && (sure || is_street(kind))) || backed {
                return Some(end + 1);
            }
        }
    }
    None
}

/// `calle Luna 123`, `avenida de las Palmas número 45`.
fn spanish(view: &View, at: usize) -> Option<usize> {
    if !is_via(view.word(at)) || view.word(at) == "via" {
        return None;
    }
    for step in 2..=6 {
        let end = at + step;
        if end >= view.words.len()
            || !follows(view, end - 1)
            || matches!(view.word(at + 1), "a" | "al" | "que" | "y" | "en")
        {
            return None;
        }
        let word = view.word(end);
        if is_number(word, 2) && word.len() <= 5 {
            return Some(end + 1);
        }
    }
    None
}

fn with_unit(view: &View, end: usize) -> usize {
    if has_unit(view, end) { (end + 2).min(view.words.len()) } else { end }
}

fn has_unit(view: &View, at: usize) -> bool {
    matches!(
        view.get(at),
        "apt" | "apartment" | "unit" | "suite" | "ste" | "depto" | "departamento" | "apto" | "spc" | "lot"
    )
}

/// A five-digit number within four words.
fn has_zip(view: &View, at: usize) -> bool {
    (at..(at + 4).min(view.words.len())).any(|i| view.word(i).len() == 5 && is_number(view.word(i), 5))
}

impl View {
    /// A word, or nothing past the end.
    fn get(&self, at: usize) -> &str {
        if at < self.words.len() { self.word(at) } else { "" }
    }
}

/// The next word is in the same sentence.
fn follows(view: &View, at: usize) -> bool {
    at + 1 < view.words.len() && view.words[at + 1].place == view.words[at].place + 1
}

fn capital(view: &View, at: usize) -> bool {
    view.words[at].capital
}

fn is_number(word: &str, least: usize) -> bool {
    (least..=6).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_digit())
}

fn is_via(word: &str) -> bool {
    matches!(
        word,
        "calle" | "avenida" | "av" | "camino" | "callejon" | "calzada" | "privada" | "paseo" | "via" | "bulevar"
    )
}

/// Kinds of street that mean nothing else.
fn is_short_kind(word: &str) -> bool {
    matches!(word, "st" | "ave" | "rd" | "blvd" | "ln" | "cir" | "ct" | "dr" | "pl" | "hwy" | "pkwy" | "ter" | "trl")
}

fn is_street(word: &str) -> bool {
    matches!(word, "street" | "avenue" | "road" | "boulevard" | "lane" | "highway" | "parkway" | "circle")
}

fn is_kind(word: &str) -> bool {
    is_street(word)
        || matches!(
            word,
            "drive"
                | "court"
                | "place"
                | "way"
                | "terrace"
                | "trail"
                | "loop"
                | "pass"
                | "square"
                | "crescent"
                | "close"
        )
}

/// A drive that collects something, or a count of people and times.
fn is_drive(before: &str, kind: &str) -> bool {
    kind == "drive"
        && matches!(
            before,
            "food" | "toy" | "book" | "blood" | "coat" | "supply" | "fund" | "sock" | "can" | "membership" | "clothing"
        )
}

/// Words that no street name holds.
fn is_function_word(word: &str) -> bool {
    matches!(
        word,
        "the"
            | "of"
            | "on"
            | "in"
            | "at"
            | "to"
            | "a"
            | "an"
            | "for"
            | "and"
            | "or"
            | "is"
            | "are"
            | "was"
            | "were"
            | "more"
            | "my"
            | "your"
            | "our"
            | "his"
            | "her"
            | "their"
            | "this"
            | "that"
            | "with"
            | "from"
            | "by"
            | "per"
            | "will"
            | "students"
            | "kids"
            | "people"
            | "families"
            | "miles"
            | "minutes"
            | "am"
            | "pm"
            | "hour"
            | "hours"
            | "day"
            | "days"
            | "grade"
            | "points"
            | "percent"
            | "years"
            | "year"
            | "pts"
            | "times"
            | "new"
            | "down"
            | "up"
            | "cars"
            | "student"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::views::Views;

    fn found(raw: &str) -> Vec<&str> {
        find(&Views::of(raw).folded).into_iter().map(|found| &raw[found.raw]).collect()
    }

    #[test]
    fn street_addresses_are_found() {
        assert_eq!(found("come to 14412 Willow Creek Rd, ok"), ["14412 Willow Creek Rd"]);
        assert_eq!(found("at 1209 juniper ave apt 4b thanks"), ["1209 juniper ave apt 4b"]);
        assert_eq!(found("vivo en la calle Luna 123"), ["calle Luna 123"]);
        assert_eq!(found("her house is 2210 Camino Real"), ["2210 Camino Real"]);
    }

    #[test]
    fn other_numbers_are_no_addresses() {
        for text in [
            "7 Dr appointments lol",
            "1st St parade",
            "3 way tie",
            "2026 food drive",
            "500 kids on the road",
            "room 14",
            "120 students. Street fair",
        ] {
            assert!(found(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn two_notations_of_an_address_share_a_key() {
        let text = Views::of("at 17000 School House Road today");
        assert_eq!(find(&text.folded)[0].key, key("17000 school house rd"));
    }
}
