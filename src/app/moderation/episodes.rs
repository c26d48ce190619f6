//! From versions to what happened: the times in which an item was not shown, and in which a person stood on a list of blocked people.
//! Pure. Nothing here says who did it (invariant 7).

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use crate::db::moderation::{Facts, Item, Step};
use crate::model::{Cause, State, Timestamp};

/// What is hidden when it is first seen, so soon after it was written, was probably hidden by a filter.
const AT_ONCE: SignedDuration = SignedDuration::from_hours(2);

/// Something happened after one look (where there was one) and by the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub after: Option<Timestamp>,
    pub by: Timestamp,
}

impl Span {
    /// Whether it happened, or may have happened, in `from..to`.
    pub fn meets(&self, (from, to): (Timestamp, Timestamp)) -> bool {
        self.by >= from && self.after.is_none_or(|after| after < to)
    }
}

/// A time in which an item was hidden, missing or gone.
#[derive(Debug, Clone)]
pub struct Episode<'i> {
    /// The versions that say so, and the one that shows it again.
    pub steps: &'i [Step],
    pub began: Span,
    pub ended: Option<Span>,
    /// It was so when it was first seen.
    pub at_first_sight: bool,
}

/// Every time in which an item was not shown, in order.
pub fn episodes(item: &Item) -> Vec<Episode<'_>> {
    let steps = item.steps.as_slice();
    let is_shown = |place: usize| steps[place].state == State::Visible;
    let begins = (0..steps.len()).filter(|&place| !is_shown(place) && (place == 0 || is_shown(place - 1)));
    begins
        .map(|begin| {
            let end = (begin..steps.len()).find(|&place| is_shown(place));
            let before = if begin == 0 { item.created_at } else { seen_before(steps, begin) };
            Episode {
                steps: &steps[begin..end.map_or(steps.len(), |end| end + 1)],
                began: Span { after: before, by: steps[begin].observed_at },
                ended: end.map(|end| Span { after: seen_before(steps, end), by: steps[end].observed_at }),
                at_first_sight: begin == 0,
            }
        })
        .collect()
}

/// When an item was last seen before a version; of an imported one, when the version before it was.
fn seen_before(steps: &[Step], place: usize) -> Option<Timestamp> {
    steps[place].seen_before.or_else(|| Some(steps[place.checked_sub(1)?].observed_at))
}

impl Episode<'_> {
    /// How it ended up: hidden, missing or gone.
    pub fn worst(&self) -> &Step {
        let of_this = self.steps.iter().rev().find(|step| step.state != State::Visible);
        of_this.unwrap_or(&self.steps[0])
    }

    /// What the platform showed, and what that says of the cause.
    pub fn cause(&self, created_at: Option<Timestamp>) -> String {
        let last = self.worst();
        let with_parent = last.cause == Some(Cause::Parent);
        match last.state {
            State::Gone if with_parent => "gone with what it stood under, of which the platform said so".into(),
            State::Gone => "gone: the platform said so, while others of the page could be read".into(),
            State::Missing if with_parent => "missing with what it stood under".into(),
            State::Missing => "missing since the first whole look that did not show it: nothing says why".into(),
            _ if !self.at_first_sight => HIDDEN.into(),
            _ if created_at.is_some_and(|written| self.began.by.duration_since(written) <= AT_ONCE) => {
                "hidden at first sight: probably a filter".into()
            }
            _ => format!("{HIDDEN}; it was hidden already when it was first seen, long after it was written"),
        }
    }
}

const HIDDEN: &str = "hidden: the platform shows it as hidden (a filter or a person: it does not say which)";

/// A person on a page's list of blocked people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocked {
    pub name: String,
    /// The platform's id; empty where it gives none.
    pub id: String,
    pub began: Span,
    /// The platform itself says when.
    pub is_dated: bool,
    /// The name stood there when the list was first read.
    pub at_first_reading: bool,
    pub ended: Option<Span>,
    /// The ledger entries of the lists that first had it and first did not.
    pub entries: Vec<u64>,
}

/// Who stood on the list of blocked people, and when: from each state of the list to the next.
pub fn blocked(facts: &[Facts]) -> Vec<Blocked> {
    let mut found: Vec<Blocked> = Vec::new();
    let mut listed: BTreeMap<String, usize> = BTreeMap::new();
    let lists = facts.iter().filter(|facts| facts.edge == "blocked");
    for (number, list) in lists.enumerate() {
        let before = list.seen_before.filter(|_| number > 0);
        let people: Vec<Person<'_>> = list.content.parts.iter().map(|fact| person(fact)).collect();
        let now: BTreeSet<&str> = people.iter().map(Person::key).collect();
        listed.retain(|key, place| {
            let stays = now.contains(key.as_str());
            if !stays {
                found[*place].ended = Some(Span { after: before, by: list.observed_at });
                found[*place].entries.push(list.seq);
            }
            stays
        });
        for person in people.into_iter().filter(|person| !person.name.is_empty() || !person.id.is_empty()) {
            if listed.contains_key(person.key()) {
                continue;
            }
            listed.insert(person.key().to_owned(), found.len());
            let seen = Span { after: before, by: list.observed_at };
            found.push(Blocked {
                name: person.name.to_owned(),
                id: person.id.to_owned(),
                began: person.since.map_or(seen, |since| Span { after: Some(since), by: since }),
                is_dated: person.since.is_some(),
                at_first_reading: number == 0,
                ended: None,
                entries: vec![list.seq],
            });
        }
    }
    found
}

struct Person<'f> {
    name: &'f str,
    id: &'f str,
    since: Option<Timestamp>,
}

impl Person<'_> {
    fn key(&self) -> &str {
        if self.id.is_empty() { self.name } else { self.id }
    }
}

/// A fact of the list: `Name (id)`, with `: blocked 2026-11-17T…` behind it where the platform says when.
fn person(fact: &str) -> Person<'_> {
    let dated = fact.rsplit_once(": blocked ").and_then(|(who, since)| Some((who, since.parse().ok()?)));
    let (who, since) = dated.map_or((fact, None), |(who, since)| (who, Some(since)));
    let named = who.strip_suffix(')').and_then(|who| who.rsplit_once(" ("));
    let (name, id) = named.unwrap_or((who, ""));
    Person { name, id, since }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Change, Content, Kind};

    fn at(minutes: i64) -> Timestamp {
        "2026-11-16T12:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minutes)
    }

    /// What happened, the state then, the cause, and the minutes of this look and the one before.
    type Seen = (Change, State, Option<Cause>, i64, Option<i64>);

    fn item(steps: &[Seen]) -> Item {
        let step = |(seq, (change, state, cause, seen, before)): (u64, &Seen)| Step {
            seq,
            change: *change,
            state: *state,
            cause: *cause,
            observed_at: at(*seen),
            seen_before: before.map(at),
            author: None,
            text: String::new(),
        };
        Item {
            id: 1,
            name: "facebook:1_2".into(),
            kind: Kind::Comment,
            url: None,
            created_at: Some(at(-10)),
            first_seen_at: at(0),
            root: None,
            steps: (1..).zip(steps).map(step).collect(),
        }
    }

    #[test]
    fn each_time_out_of_sight_is_one_episode_with_the_looks_around_it() {
        let item = item(&[
            (Change::Created, State::Visible, None, 0, None),
            (Change::Hidden, State::Hidden, None, 60, Some(45)),
            (Change::Shown, State::Visible, None, 120, Some(105)),
            (Change::Missing, State::Missing, Some(Cause::Platform), 200, Some(180)),
            (Change::Gone, State::Gone, Some(Cause::Platform), 260, Some(180)),
        ]);
        let found = episodes(&item);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].began, Span { after: Some(at(45)), by: at(60) });
        assert_eq!(found[0].ended, Some(Span { after: Some(at(105)), by: at(120) }));
        assert!(found[0].cause(item.created_at).contains("it does not say which"));
        assert_eq!(found[1].worst().state, State::Gone);
        assert!(found[1].cause(item.created_at).starts_with("gone: the platform said so"));
        assert!(found[0].began.meets((at(50), at(55))) && !found[0].began.meets((at(61), at(90))));
        assert!(!found[0].began.meets((at(0), at(45))), "it stood there at the last look before");
    }

    #[test]
    fn what_is_hidden_at_first_sight_was_probably_a_filter_only_when_it_was_seen_at_once() {
        let mut item = item(&[(Change::Created, State::Hidden, None, 0, None)]);
        assert_eq!(episodes(&item)[0].cause(item.created_at), "hidden at first sight: probably a filter");
        item.created_at = Some(at(-60 * 24 * 30));
        let late = episodes(&item)[0].cause(item.created_at);
        assert!(late.contains("does not say which") && !late.contains("probably"), "{late}");
    }

    #[test]
    fn people_are_told_apart_by_their_ids_and_a_name_cannot_pose_as_another() {
        let list = |seq, seen, before: Option<i64>, people: &[&str]| Facts {
            seq,
            edge: "blocked".into(),
            observed_at: at(seen),
            seen_before: before.map(at),
            name: String::new(),
            handle: String::new(),
            content: Content { parts: people.iter().map(|&fact| fact.to_owned()).collect(), ..Content::default() },
        };
        let found = blocked(&[
            list(1, 0, None, &["Wade Pruitt (11)"]),
            list(
                2,
                100,
                Some(90),
                &["Pat (11) Reyes (12)", "Wade P. (11)", "Lee Marsh (13): blocked 2026-11-16T13:00:00Z"],
            ),
            list(3, 200, Some(190), &["Lee Marsh (13): blocked 2026-11-16T13:00:00Z"]),
            list(4, 300, Some(290), &["Lee Marsh (13): blocked 2026-11-16T13:00:00Z", "Wade Pruitt (11)"]),
        ]);
        let names: Vec<&str> = found.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["Wade Pruitt", "Pat (11) Reyes", "Lee Marsh", "Wade Pruitt"]);
        assert!(found[0].at_first_reading && found[0].began.after.is_none());
        assert_eq!(found[0].ended, Some(Span { after: Some(at(190)), by: at(200) }), "a new name is the same person");
        assert_eq!(found[1].id, "12");
        assert_eq!((found[2].began, found[2].is_dated), (Span { after: Some(at(60)), by: at(60) }, true));
        assert_eq!((found[3].began, found[3].ended), (Span { after: Some(at(290)), by: at(300) }, None));
    }
}
