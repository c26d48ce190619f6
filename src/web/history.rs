//! What a page said of itself, then and now: its facts, settings, people and applications as differences, by words.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::diff::{self, Change};
use super::show::When;
use crate::db::items::read::Stored;
use crate::model::Content;

/// So many changes are shown, the newest first.
const MOST: usize = 40;

/// One look that showed something else than the one before.
pub struct Changed {
    /// *Settings*
    pub list: &'static str,
    pub at: When,
    pub seq: u64,
    pub lines: Vec<Line>,
    /// The page's own text by the words that changed; empty where it is the same.
    pub words: Vec<Change>,
}

/// What changed in one fact.
pub struct Line {
    pub name: String,
    pub was: Option<String>,
    pub is: Option<String>,
}

/// What a page has been seen to change, and how many changes are not shown.
pub fn changes(history: &[(String, Vec<Stored>)], zone: &TimeZone) -> (Vec<Changed>, usize) {
    let mut found: Vec<Changed> = Vec::new();
    for (native_id, versions) in history {
        let Some(list) = list(native_id) else { continue };
        found.extend(versions.windows(2).filter_map(|pair| change(list, &pair[0], &pair[1], zone)));
    }
    found.sort_by_key(|change| std::cmp::Reverse(change.seq));
    let rest = found.len().saturating_sub(MOST);
    found.truncate(MOST);
    (found, rest)
}

/// What an item of kind `profile` is, in words. Who is blocked stands in the moderation record alone.
pub fn list(native_id: &str) -> Option<&'static str> {
    Some(match native_id.split_once("/profile").map_or("", |(_, rest)| rest.trim_start_matches('/')) {
        "" => "The page itself",
        "settings" => "Settings",
        "roles" => "People with a role",
        "assigned_users" => "People assigned by the business portfolio",
        "subscribed_apps" => "Applications subscribed",
        _ => return None,
    })
}

fn change(list: &'static str, old: &Stored, new: &Stored, zone: &TimeZone) -> Option<Changed> {
    let mut lines = Vec::new();
    let cells = [("name", &old.author.name, &new.author.name), ("handle", &old.author.handle, &new.author.handle)];
    for (name, was, is) in cells.into_iter().filter(|(_, was, is)| list == "The page itself" && was != is) {
        lines.push(Line { name: name.to_owned(), was: was.clone(), is: is.clone() });
    }
    lines.extend(facts(&old.content, &new.content));
    let texts = [
        ("pictures", pictures(&old.content), pictures(&new.content)),
        ("links", links(&old.content), links(&new.content)),
    ];
    for (name, was, is) in texts.into_iter().filter(|(_, was, is)| was != is) {
        lines.push(Line { name: name.to_owned(), was, is });
    }
    if old.state != new.state {
        let word = |version: &Stored| Some(version.state.to_string());
        lines.push(Line { name: "state".to_owned(), was: word(old), is: word(new) });
    }
    let is_other = old.content.text != new.content.text;
    let words = if is_other { diff::words(&old.content.text, &new.content.text) } else { Vec::new() };
    let says = !lines.is_empty() || !words.is_empty();
    says.then(|| Changed { list, at: When::new(new.observed_at, zone), seq: new.seq, lines, words })
}

/// Facts are `name: value`; a name may stand there more than once.
fn facts(old: &Content, new: &Content) -> Vec<Line> {
    let mut changed: BTreeMap<&str, (Vec<&str>, Vec<&str>)> = BTreeMap::new();
    let split = |part: &'_ str| part.find(": ").map_or((part.len(), part.len()), |at| (at, at + 2));
    for part in old.parts.iter().filter(|part| !new.parts.contains(part)) {
        let (name, value) = split(part);
        changed.entry(&part[..name]).or_default().0.push(&part[value..]);
    }
    for part in new.parts.iter().filter(|part| !old.parts.contains(part)) {
        let (name, value) = split(part);
        changed.entry(&part[..name]).or_default().1.push(&part[value..]);
    }
    let words = |values: Vec<&str>| (!values.is_empty()).then(|| said(&values));
    let line =
        |(name, (was, is)): (&str, (Vec<&str>, Vec<&str>))| Line { name: named(name), was: words(was), is: words(is) };
    changed.into_iter().map(line).collect()
}

/// A fact without a value, such as a person on a list, is there or is not.
fn said(values: &[&str]) -> String {
    let words: Vec<&str> = values.iter().map(|value| if value.is_empty() { "listed" } else { value }).collect();
    words.join(", ")
}

/// A fact's name as people read it. A setting keeps its own: it is what the platform shows.
fn named(name: &str) -> String {
    let is_word = name.chars().all(|letter| letter.is_ascii_lowercase() || "._".contains(letter));
    if is_word { name.replace(['_', '.'], " ") } else { name.to_owned() }
}

fn pictures(content: &Content) -> Option<String> {
    let ids: Vec<&str> = content.media.iter().map(|medium| medium.native_id.as_str()).collect();
    (!ids.is_empty()).then(|| ids.join(", "))
}

fn links(content: &Content) -> Option<String> {
    (!content.links.is_empty()).then(|| content.links.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fact_that_changed_says_what_was_and_what_is() {
        let content = |parts: &[&str]| Content {
            parts: parts.iter().map(|part| (*part).to_owned()).collect(),
            ..Content::default()
        };
        let old = content(&["USERS_CAN_POST: false", "can_post: true", "Dolores Whitcomb (7): Admin", "Pat Reyes (9)"]);
        let new =
            content(&["USERS_CAN_POST: true", "can_post: true", "Dolores Whitcomb (7): Editor", "Jo Lim (12): Admin"]);
        let lines: Vec<String> = facts(&old, &new)
            .into_iter()
            .map(|line| format!("{}: {:?} to {:?}", line.name, line.was.as_deref(), line.is.as_deref()))
            .collect();
        assert_eq!(
            lines,
            [
                "Dolores Whitcomb (7): Some(\"Admin\") to Some(\"Editor\")",
                "Jo Lim (12): None to Some(\"Admin\")",
                "Pat Reyes (9): Some(\"listed\") to None",
                "USERS_CAN_POST: Some(\"false\") to Some(\"true\")",
            ]
        );
        assert_eq!(
            (named("owner_business"), named("USERS_CAN_POST")),
            ("owner business".into(), "USERS_CAN_POST".into())
        );
    }
}
