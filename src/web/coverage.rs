//! How an account was watched over the last ninety days: a strip with a cell a day, and the same in words.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, ToSpan as _};

use super::show::counted;
use crate::db::accounts::Account;
use crate::db::harvests::Interval;
use crate::model::Timestamp;
use crate::text::dates;

/// Days in the strip.
const DAYS: i64 = 90;

/// How one day was covered. A gap outweighs the rest of its day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Day {
    Gap,
    Watched,
    Backfilled,
    Before,
    Nothing,
}

impl Day {
    const fn class(self) -> &'static str {
        match self {
            Day::Gap => "gap",
            Day::Watched => "watched",
            Day::Backfilled => "backfilled",
            Day::Before => "before",
            Day::Nothing => "nothing",
        }
    }
}

/// The strip of one account.
pub struct Strip {
    pub runs: Vec<Run>,
    /// *87 of 90 days watched; gap Nov 3–5, token expired*
    pub words: String,
}

/// Days in a row that were covered alike: a shape in the strip, in its own units.
pub struct Run {
    pub class: &'static str,
    pub x: i64,
    pub width: i64,
    pub y: i64,
    pub height: i64,
}

impl Strip {
    /// `intervals`: those of this account.
    pub fn of(account: &Account, intervals: &[&Interval], zone: &TimeZone, now: Timestamp) -> Strip {
        let whole: Vec<&Interval> = intervals.iter().copied().filter(|interval| interval.item.is_none()).collect();
        let today = dates::date(now, zone);
        let first = today.saturating_sub((DAYS - 1).days());
        let days: Vec<Day> = (0..DAYS)
            .map(|n| day(&whole, first.saturating_add(n.days()), zone, dates::date(account.added_at, zone)))
            .collect();
        Strip { words: words(&days, &whole, first, now, zone), runs: runs(&days) }
    }
}

fn day(whole: &[&Interval], day: Date, zone: &TimeZone, added: Date) -> Day {
    let on = |at: Timestamp| dates::date(at, zone);
    let has = |interval: &&&Interval| {
        interval.from.is_none_or(|from| on(from) <= day) && interval.to.is_none_or(|to| day <= on(to))
    };
    let any = |kind: &str| whole.iter().filter(|interval| interval.kind == kind).any(|interval| has(&interval));
    if any("gap") {
        Day::Gap
    } else if any("watched") {
        Day::Watched
    } else if any("backfilled") {
        Day::Backfilled
    } else if day < added {
        Day::Before
    } else {
        Day::Nothing
    }
}

/// Shape before color: watched days stand tall, backfilled ones half, a gap is a low open box, and before it was registered a line.
fn runs(days: &[Day]) -> Vec<Run> {
    let mut found = Vec::new();
    let mut at = 0;
    for run in days.chunk_by(|a, b| a == b) {
        let width = i64::try_from(run.len()).unwrap_or(DAYS);
        let (y, height) = match run[0] {
            Day::Watched => (0, 16),
            Day::Backfilled => (8, 8),
            Day::Gap => (1, 14),
            Day::Before | Day::Nothing => (15, 1),
        };
        found.push(Run { class: run[0].class(), x: at * 2, width: width * 2, y, height });
        at += width;
    }
    found
}

fn words(days: &[Day], whole: &[&Interval], first: Date, now: Timestamp, zone: &TimeZone) -> String {
    let count = |wanted: Day| days.iter().filter(|day| **day == wanted).count();
    let mut said = vec![format!("{} of {DAYS} days watched", count(Day::Watched))];
    let and = |said: &mut Vec<String>, wanted, what: &str| {
        let n = count(wanted) as u64;
        if n > 0 {
            said.push(format!("{} {what}", counted(n, "day", "days")));
        }
    };
    and(&mut said, Day::Backfilled, "backfilled");
    and(&mut said, Day::Before, "before it was registered");
    and(&mut said, Day::Nothing, "not looked at");
    let since = now - SignedDuration::from_hours(24 * DAYS);
    let gaps = whole.iter().filter(|interval| interval.kind == "gap" && interval.to.is_none_or(|to| to >= since));
    let gaps: Vec<String> = gaps.map(|gap| gap_words(gap, first, now, zone)).collect();
    match gaps.len() {
        0 => said.push("no gap".into()),
        n => {
            said.extend(gaps.into_iter().rev().take(2));
            if n > 2 {
                said.push(format!("and {} more", counted(n as u64 - 2, "gap", "gaps")));
            }
        }
    }
    said.join("; ")
}

/// *gap Nov 3–5, 2026, token expired*; a gap within a day has its hours, one that lasts says so.
fn gap_words(gap: &Interval, first: Date, now: Timestamp, zone: &TimeZone) -> String {
    let from = gap.from.map_or(first, |from| dates::date(from, zone));
    let cause = gap.cause.as_deref().unwrap_or("no cause was recorded").trim_end_matches('.');
    let when = match (gap.from, gap.to) {
        (Some(start), None) => format!("since {}", dates::moment(start, zone)),
        (Some(start), Some(end)) if dates::date(start, zone) == dates::date(end, zone) => {
            format!("{}–{}", dates::moment(start, zone), dates::clock(end, zone))
        }
        (_, to) => dates::range(from, dates::date(to.unwrap_or(now), zone)),
    };
    format!("gap {when}, {cause}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn interval(kind: &str, from: Option<&str>, to: Option<&str>, cause: Option<&str>) -> Interval {
        Interval {
            account: 1,
            stream: "posts_and_comments".into(),
            kind: kind.into(),
            from: from.map(at),
            to: to.map(at),
            longest: None,
            as_of: None,
            gap_kind: cause.map(|_| "missing".into()),
            cause: cause.map(str::to_owned),
            item: None,
            closed_at: None,
            opened_seq: 1,
        }
    }

    fn strip(intervals: &[Interval]) -> Strip {
        let account = Account {
            id: 1,
            row: Default::default(),
            status: crate::model::AccountStatus::Active,
            added_at: at("2026-09-01T00:00:00Z"),
            trouble: None,
            trouble_since: None,
            parked_until: None,
        };
        let zone = TimeZone::get("America/Los_Angeles").unwrap();
        Strip::of(&account, &intervals.iter().collect::<Vec<_>>(), &zone, at("2026-11-16T20:00:00Z"))
    }

    #[test]
    fn the_strip_says_in_words_what_it_shows() {
        let found = strip(&[
            interval("backfilled", None, Some("2026-10-01T20:00:00Z"), None),
            interval("watched", Some("2026-10-01T20:00:00Z"), Some("2026-11-16T19:50:00Z"), None),
            interval("gap", Some("2026-11-03T20:00:00Z"), Some("2026-11-05T20:00:00Z"), Some("token expired")),
        ]);
        assert_eq!(found.words, "44 of 90 days watched; 43 days backfilled; gap Nov 3–5, 2026, token expired");
        assert_eq!(
            found.runs.iter().map(|run| run.class).collect::<Vec<_>>(),
            ["backfilled", "watched", "gap", "watched"]
        );
        assert_eq!(found.runs.iter().map(|run| run.width).sum::<i64>(), 180);
    }

    #[test]
    fn an_account_that_was_never_read_has_days_that_nobody_looked_at() {
        let found = strip(&[]);
        assert_eq!(
            found.words,
            "0 of 90 days watched; 12 days before it was registered; 78 days not looked at; no gap"
        );
        let open = strip(&[interval("gap", Some("2026-11-15T05:00:00Z"), None, Some("token expired."))]);
        assert!(open.words.ends_with("; gap since Sat, Nov 14, 9:00 pm, token expired"), "{}", open.words);
    }
}
