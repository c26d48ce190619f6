//! Days, months and years of a query, before they are given a time zone.

use anyhow::Context as _;
use jiff::ToSpan as _;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// A day, a month or a year as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Period {
    pub first: Date,
    /// The day after its last.
    pub after: Date,
}

impl Period {
    /// Reads `2026`, `2026-01` or `2026-01-31`.
    pub fn parse(word: &str) -> Option<Period> {
        let mut parts = word.split('-');
        let year = number(parts.next()?, 4)?;
        let month = parts.next().map(|part| number(part, 2)).map_or(Some(None), |part| part.map(Some))?;
        let day = parts.next().map(|part| number(part, 2)).map_or(Some(None), |part| part.map(Some))?;
        if parts.next().is_some() || !(1900..=9000).contains(&year) {
            return None;
        }
        let date = |month, day| Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok();
        let (first, span) = match (month, day) {
            (None, _) => (date(1, 1)?, 1.year()),
            (Some(month), None) => (date(month, 1)?, 1.month()),
            (Some(month), Some(day)) => (date(month, day)?, 1.day()),
        };
        Some(Period { first, after: first.checked_add(span).ok()? })
    }

    /// Whether it begins later than the other ends.
    pub fn is_after(&self, other: &Period) -> bool {
        self.first >= other.after
    }
}

/// The millisecond in which a day begins in that time zone; where midnight is skipped, the first instant there is.
pub(crate) fn midnight(day: Date, zone: &TimeZone) -> anyhow::Result<i64> {
    let start =
        day.to_zoned_datetime(zone.clone()).with_context(|| format!("place {day} in the district's time zone"))?;
    Ok(start.timestamp().as_millisecond())
}

fn number(digits: &str, length: usize) -> Option<i16> {
    let all = digits.len() == length && digits.bytes().all(|b| b.is_ascii_digit());
    all.then(|| digits.parse().ok()).flatten()
}
