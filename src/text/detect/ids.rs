//! Numbers that identify a person: social security, date of birth, student number.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::{cues, near};
use crate::text::views::View;

static SSN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"[0-9]{3}([-. \x{2013}])[0-9]{2}[-. \x{2013}][0-9]{4}|[0-9]{9}")
        .expect("the pattern is part of the program")
});

static DATE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?xi) [0-9]{1,2} [/.\-] [0-9]{1,2} [/.\-] (?:(?:19|20)[0-9]{2}|[0-9]{2})
        | (?:19|20)[0-9]{2} [/.\-] [0-9]{1,2} [/.\-] [0-9]{1,2}
        | (?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.?\ [0-9]{1,2}(?:st|nd|rd|th)?,?\ (?:19|20)[0-9]{2}
        | [0-9]{1,2}\ (?:de\ )?(?:ene|feb|mar|abr|may|jun|jul|ago|sep|oct|nov|dic|jan|apr|aug|dec)[a-z]{0,7}\ (?:del?\ )?(?:19|20)[0-9]{2}",
    )
    .expect("the pattern is part of the program")
});

static STUDENT: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[0-9]{6,10}").expect("the pattern is part of the program"));

const SSN_CUES: [&str; 7] =
    ["ssn", "ss number", "social", "social security", "seguro social", "numero de seguro", "soc sec"];
const BIRTH_CUES: [&str; 12] = [
    "dob",
    "birthdate",
    "date of birth",
    "birth date",
    "born",
    "nacio",
    "nacido",
    "nacida",
    "fecha de nacimiento",
    "birthday",
    "bday",
    "cumple",
];
const STUDENT_CUES: [&str; 9] = [
    "student id",
    "student number",
    "student no",
    "ssid",
    "perm id",
    "lunch number",
    "id number",
    "id de estudiante",
    "numero de estudiante",
];

pub fn ssns(raw: &str, view: &View) -> Vec<Range<usize>> {
    let found: Vec<Range<usize>> = whole(raw, &SSN).collect();
    if found.is_empty() {
        return found;
    }
    let cues = cues(view, &SSN_CUES);
    found
        .into_iter()
        .filter(|at| {
            let digits: String = raw[at.clone()].chars().filter(char::is_ascii_digit).collect();
            let cued = cues.iter().any(|cue| near(view, cue.clone(), at, 6));
            let issued = !digits.starts_with("000")
                && !digits.starts_with("666")
                && &digits[3..5] != "00"
                && !digits.ends_with("0000");
            let own_notation = raw[at.clone()].contains('-') && !digits.starts_with('9');
            issued && (cued || own_notation)
        })
        .collect()
}

pub fn births(raw: &str, view: &View) -> Vec<Range<usize>> {
    let found: Vec<Range<usize>> = whole(raw, &DATE).filter(|at| recent(&raw[at.clone()])).collect();
    cued(found, view, &BIRTH_CUES)
}

/// Those of some ranges that stand near a cue.
fn cued(found: Vec<Range<usize>>, view: &View, phrases: &[&str]) -> Vec<Range<usize>> {
    if found.is_empty() {
        return found;
    }
    let cues = cues(view, phrases);
    found.into_iter().filter(|at| cues.iter().any(|cue| near(view, cue.clone(), at, 4))).collect()
}

/// The year is one of a living person; two digits may be any.
fn recent(date: &str) -> bool {
    let year = date
        .split(|c: char| !c.is_ascii_digit())
        .filter(|part| part.len() == 4)
        .find_map(|part| part.parse::<u16>().ok());
    year.is_none_or(|year| (1930..=2035).contains(&year))
}

pub fn student_ids(raw: &str, view: &View) -> Vec<Range<usize>> {
    cued(whole(raw, &STUDENT).collect(), view, &STUDENT_CUES)
}

/// Matches that no further digit touches.
fn whole<'t>(raw: &'t str, pattern: &'static Regex) -> impl Iterator<Item = Range<usize>> + 't {
    pattern.find_iter(raw).map(|hit| hit.range()).filter(move |at| {
        let touching = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
        !touching(raw[..at.start].chars().next_back()) && !touching(raw[at.end..].chars().next())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::views::Views;

    fn folded(raw: &str) -> View {
        Views::of(raw).folded
    }

    #[test]
    fn social_security_numbers_need_their_notation_or_a_cue() {
        assert_eq!(ssns("it is 219-09-9999", &folded("it is 219-09-9999")).len(), 1);
        assert_eq!(ssns("my ssn 219099999", &folded("my ssn 219099999")).len(), 1);
        assert!(ssns("order 219099999", &folded("order 219099999")).is_empty());
        assert!(ssns("000-12-3456", &folded("000-12-3456")).is_empty());
    }

    #[test]
    fn births_need_a_cue_and_a_whole_date() {
        for text in
            ["Ana, dob 4/5/2012", "born March 3, 2014", "nació el 3 de mayo de 2013", "fecha de nacimiento: 2011-02-09"]
        {
            assert_eq!(births(text, &folded(text)).len(), 1, "{text}");
        }
        for text in ["due 10/30/2026", "born to run", "Lincoln was born Feb 12, 1809", "registration opens 02/01/2027"]
        {
            assert!(births(text, &folded(text)).is_empty(), "{text}");
        }
    }

    #[test]
    fn student_numbers_need_a_cue() {
        assert_eq!(student_ids("student ID 4455667", &folded("student ID 4455667")).len(), 1);
        assert!(student_ids("ticket 4455667", &folded("ticket 4455667")).is_empty());
    }
}
