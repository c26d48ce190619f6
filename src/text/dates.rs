//! Times as people read them, in the district's zone: American order, twelve hours.

use jiff::civil::{Date, ISOWeekDate, Weekday};
use jiff::tz::TimeZone;

use crate::model::Timestamp;

/// *Sat, Nov 21, 9:02 pm*.
pub fn moment(at: Timestamp, zone: &TimeZone) -> String {
    form(at, zone, "%a, %b %-d, %-I:%M %P")
}

/// *Mon, Nov 16, 2026, 3:20 pm*.
pub fn full(at: Timestamp, zone: &TimeZone) -> String {
    form(at, zone, "%a, %b %-d, %Y, %-I:%M %P")
}

/// *Sat 9:02 pm*.
pub fn short(at: Timestamp, zone: &TimeZone) -> String {
    form(at, zone, "%a %-I:%M %P")
}

/// *Tue, Nov 17*; with the year when it is not that of `now`.
pub fn day(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let same_year = date(at, zone).year() == date(now, zone).year();
    form(at, zone, if same_year { "%a, %b %-d" } else { "%a, %b %-d, %Y" })
}

/// *9:14 pm*.
pub fn clock(at: Timestamp, zone: &TimeZone) -> String {
    form(at, zone, "%-I:%M %P")
}

/// *9:14 pm* on the day of `now`, else *Fri, Nov 20, 9:14 pm*.
pub fn clock_or_moment(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    if date(at, zone) == date(now, zone) { clock(at, zone) } else { moment(at, zone) }
}

/// *Nov 16–22, 2026*, *Nov 30–Dec 6, 2026*, *Dec 28, 2026–Jan 3, 2027*: both days included.
pub fn range(from: Date, to: Date) -> String {
    let with_year = to.strftime("%b %-d, %Y");
    if from == to {
        with_year.to_string()
    } else if from.year() != to.year() {
        format!("{}–{with_year}", from.strftime("%b %-d, %Y"))
    } else if from.month() != to.month() {
        format!("{}–{with_year}", from.strftime("%b %-d"))
    } else {
        format!("{}–{}", from.strftime("%b %-d"), to.strftime("%-d, %Y"))
    }
}

/// The calendar day of a time.
pub fn date(at: Timestamp, zone: &TimeZone) -> Date {
    zone.to_datetime(at).date()
}

/// The ISO week of a day: *2026-W47*.
pub fn week(day: Date) -> String {
    let week = day.iso_week_date();
    format!("{:04}-W{:02}", week.year(), week.week())
}

/// Whether this names a week that there is, as *2026-W47* does.
pub fn is_week(word: &str) -> bool {
    let number =
        |digits: &str, length| digits.parse().ok().filter(|_| digits.len() == length && !digits.starts_with('+'));
    let named = word.split_once("-W").and_then(|(year, week)| Some((number(year, 4)?, number(week, 2)?)));
    named.is_some_and(|(year, week)| {
        i8::try_from(week).is_ok_and(|week| ISOWeekDate::new(year, week, Weekday::Monday).is_ok())
    })
}

fn form(at: Timestamp, zone: &TimeZone, how: &str) -> String {
    at.to_zoned_datetime(zone.clone()).strftime(how).to_string()
}

/// The beginning of a day written as *2027-06-30*; `None` where it is no day, or not one to come.
pub fn day_to_come(written: &str, zone: &TimeZone, now: Timestamp) -> Option<Timestamp> {
    let day: jiff::civil::Date = written.trim().parse().ok()?;
    zone.to_timestamp(day.at(0, 0, 0, 0)).ok().filter(|at| *at > now)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone() -> TimeZone {
        TimeZone::get("America/Los_Angeles").unwrap()
    }

    #[test]
    fn times_read_as_the_screens_write_them() {
        let at = "2026-11-22T05:02:00Z".parse().unwrap();
        assert_eq!(moment(at, &zone()), "Sat, Nov 21, 9:02 pm");
        assert_eq!(full(at, &zone()), "Sat, Nov 21, 2026, 9:02 pm");
        assert_eq!(short(at, &zone()), "Sat 9:02 pm");
        assert_eq!(clock_or_moment(at, at, &zone()), "9:02 pm");
        assert_eq!(day(at, "2027-01-02T00:00:00Z".parse().unwrap(), &zone()), "Sat, Nov 21, 2026");
        assert_eq!(clock("2026-11-22T08:05:00Z".parse().unwrap(), &zone()), "12:05 am");
    }

    #[test]
    fn a_range_says_each_month_and_year_once() {
        let day = |text: &str| text.parse::<Date>().unwrap();
        assert_eq!(range(day("2026-11-16"), day("2026-11-22")), "Nov 16–22, 2026");
        assert_eq!(range(day("2026-11-30"), day("2026-12-06")), "Nov 30–Dec 6, 2026");
        assert_eq!(range(day("2026-12-28"), day("2027-01-03")), "Dec 28, 2026–Jan 3, 2027");
        assert_eq!(range(day("2026-11-16"), day("2026-11-16")), "Nov 16, 2026");
        assert_eq!(week(day("2026-11-22")), "2026-W47");
        assert_eq!(week(day("2027-01-03")), "2026-W53");
    }

    #[test]
    fn a_week_is_one_that_there_is() {
        assert!(is_week("2026-W47") && is_week("2026-W53"));
        for word in
            ["", "bogus", "2026-47", "2026-W00", "2027-W53", "2026-W7", "26-W07", "2026-W+7", "2026-W047", "2026-W47 "]
        {
            assert!(!is_week(word), "{word}");
        }
    }
}
