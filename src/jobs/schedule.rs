//! What is due, as a pure function of the expressions, the last runs and the time.
//!
//! The cron crate lists civil times, jiff places them: a civil time that does not exist is placed where the clock has
//! jumped, one that comes twice is placed at its first coming, so that it runs once.

use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, civil};

use crate::config::Cron;
use crate::model::Timestamp;

/// No clock is set back by more than this.
const LONGEST_FOLD: SignedDuration = SignedDuration::from_hours(3);

/// A job that should run now, and the time it should have run at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    pub name: &'static str,
    pub scheduled_at: Timestamp,
}

/// The jobs due at `now`, each once however often it was missed. `last_run` is the scheduled time of a job's last run; for
/// one that never ran, the time the archive was made, so that a new archive owes nothing of the past.
pub fn due(
    jobs: &[(&'static str, &Cron)],
    last_run: impl Fn(&str) -> Timestamp,
    now: Timestamp,
    zone: &TimeZone,
) -> Vec<Due> {
    let newest = |(name, cron): &(&'static str, &Cron)| {
        let scheduled_at = latest(cron, now, zone)?;
        (scheduled_at > last_run(name)).then_some(Due { name, scheduled_at })
    };
    jobs.iter().filter_map(newest).collect()
}

/// The last time at or before `now` that the expression names.
pub fn latest(cron: &Cron, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    // In the second coming of an hour, times ahead of the civil clock have already been.
    let from = civil_at(now, zone).checked_add(LONGEST_FOLD + SignedDuration::from_secs(1)).ok()?;
    let named = cron.schedule().after(&to_chrono(from)?).rev();
    named.filter_map(|time| place(from_chrono(time)?, zone)).find(|at| *at <= now)
}

/// The first time after `now` that the expression names.
pub fn next(cron: &Cron, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    let from = civil_at(now, zone).checked_sub(LONGEST_FOLD).ok()?;
    let named = cron.schedule().after(&to_chrono(from)?);
    named.filter_map(|time| place(from_chrono(time)?, zone)).find(|at| *at > now)
}

/// The instant of a civil time.
fn place(time: civil::DateTime, zone: &TimeZone) -> Option<Timestamp> {
    let ambiguous = zone.to_ambiguous_timestamp(time);
    match ambiguous.offset() {
        AmbiguousOffset::Gap { after, .. } => {
            let before_the_jump = after.to_timestamp(time).ok()?;
            zone.following(before_the_jump).next().map(|jump| jump.timestamp())
        }
        _ => ambiguous.earlier().ok(),
    }
}

/// The civil time in whole seconds.
fn civil_at(now: Timestamp, zone: &TimeZone) -> civil::DateTime {
    let time = zone.to_datetime(now);
    time.with().subsec_nanosecond(0).build().unwrap_or(time)
}

/// A civil time as the cron crate wants it: in UTC, where every civil time exists once.
fn to_chrono(time: civil::DateTime) -> Option<chrono::DateTime<chrono::Utc>> {
    let seconds = TimeZone::UTC.to_timestamp(time).ok()?.as_second();
    chrono::DateTime::from_timestamp(seconds, 0)
}

fn from_chrono(time: chrono::DateTime<chrono::Utc>) -> Option<civil::DateTime> {
    Timestamp::from_second(time.timestamp()).ok().map(|at| TimeZone::UTC.to_datetime(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone() -> TimeZone {
        TimeZone::get("America/Los_Angeles").unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn cron(text: &str) -> Cron {
        text.parse().unwrap()
    }

    /// The times at which a job runs when somebody looks every minute from `from` to `to`.
    fn runs(expression: &str, from: &str, to: &str) -> Vec<String> {
        let (cron, zone, mut last, mut now) = (cron(expression), zone(), at(from), at(from));
        let mut found = Vec::new();
        while now <= at(to) {
            for due in due(&[("job", &cron)], |_| last, now, &zone) {
                last = due.scheduled_at;
                found.push(now.to_zoned_datetime(zone.clone()).strftime("%H:%M %Z").to_string());
            }
            now += SignedDuration::from_mins(1);
        }
        found
    }

    #[test]
    fn a_time_that_does_not_exist_runs_when_the_clock_has_jumped() {
        // Sunday, March 14, 2027: 2:00 PST is 3:00 PDT.
        assert_eq!(runs("0 30 2 * * *", "2027-03-14T08:00:00Z", "2027-03-14T20:00:00Z"), ["03:00 PDT"]);
        assert_eq!(runs("0 0 2 * * *", "2027-03-14T08:00:00Z", "2027-03-14T20:00:00Z"), ["03:00 PDT"]);
        assert_eq!(runs("0 0 3 * * *", "2027-03-14T08:00:00Z", "2027-03-14T20:00:00Z"), ["03:00 PDT"]);
        assert_eq!(runs("0 59 1 * * *", "2027-03-14T08:00:00Z", "2027-03-14T20:00:00Z"), ["01:59 PST"]);
    }

    #[test]
    fn the_times_of_a_lost_hour_run_once_together() {
        let quarter = runs("0 */15 * * * *", "2027-03-14T09:31:00Z", "2027-03-14T10:31:00Z");
        assert_eq!(quarter, ["01:45 PST", "03:00 PDT", "03:15 PDT", "03:30 PDT"]);
    }

    #[test]
    fn a_time_that_comes_twice_runs_once_at_its_first_coming() {
        // Sunday, November 7, 2027: 2:00 PDT is 1:00 PST.
        assert_eq!(runs("0 30 1 * * *", "2027-11-07T07:01:00Z", "2027-11-07T20:00:00Z"), ["01:30 PDT"]);
        assert_eq!(runs("0 0 1 * * *", "2027-11-07T07:01:00Z", "2027-11-07T20:00:00Z"), ["01:00 PDT"]);
        assert_eq!(runs("0 0 2 * * *", "2027-11-07T07:01:00Z", "2027-11-07T20:00:00Z"), ["02:00 PST"]);
        let quarter = runs("0 */15 * * * *", "2027-11-07T08:31:00Z", "2027-11-07T10:16:00Z");
        assert_eq!(quarter, ["01:45 PDT", "02:00 PST", "02:15 PST"]);
    }

    #[test]
    fn the_weekly_report_goes_at_seven_on_either_side_of_the_change() {
        let weekly = runs("0 0 7 * * MON", "2027-03-07T00:00:00Z", "2027-03-20T00:00:00Z");
        assert_eq!(weekly, ["07:00 PST", "07:00 PDT"]);
        let weekly = runs("0 0 7 * * MON", "2027-10-31T00:00:00Z", "2027-11-13T00:00:00Z");
        assert_eq!(weekly, ["07:00 PDT", "07:00 PST"]);
    }

    #[test]
    fn missed_runs_are_made_up_once() {
        let (harvest, zone) = (cron("0 */15 * * * *"), zone());
        let last = at("2026-11-20T16:00:00Z");
        let jobs = [("harvest", &harvest)];
        let found = due(&jobs, |_| last, at("2026-11-23T10:07:00Z"), &zone);
        assert_eq!(found, [Due { name: "harvest", scheduled_at: at("2026-11-23T10:00:00Z") }]);
        assert!(due(&jobs, |_| found[0].scheduled_at, at("2026-11-23T10:07:01Z"), &zone).is_empty());
    }

    #[test]
    fn a_job_is_due_at_its_very_second_and_not_before() {
        let (weekly, zone) = (cron("0 0 7 * * MON"), zone());
        let (jobs, last) = ([("weekly", &weekly)], at("2026-11-17T00:00:00Z"));
        assert!(due(&jobs, |_| last, at("2026-11-23T14:59:59.999Z"), &zone).is_empty());
        assert_eq!(due(&jobs, |_| last, at("2026-11-23T15:00:00Z"), &zone).len(), 1);
    }

    #[test]
    fn a_new_archive_owes_nothing_of_the_past() {
        let (weekly, zone) = (cron("0 0 7 * * MON"), zone());
        let made = at("2026-11-24T10:00:00Z");
        assert!(due(&[("weekly", &weekly)], |_| made, at("2026-11-29T10:00:00Z"), &zone).is_empty());
        assert_eq!(due(&[("weekly", &weekly)], |_| made, at("2026-11-30T15:00:00Z"), &zone).len(), 1);
    }

    #[test]
    fn the_next_time_follows_the_latest_one_across_both_changes() {
        let zone = zone();
        for expression in ["0 */15 * * * *", "0 30 1 * * *", "0 30 2 * * *", "0 0 7 * * MON", "30 5 3 1 * *"] {
            let cron = cron(expression);
            for day in ["2027-03-14T07:00:00Z", "2027-11-07T06:00:00Z"] {
                for minutes in 0..(8 * 60) {
                    let now = at(day) + SignedDuration::from_mins(minutes);
                    let next = next(&cron, now, &zone).unwrap();
                    assert!(next > now, "{expression} at {now}");
                    assert_eq!(latest(&cron, next, &zone), Some(next), "{expression} at {now}");
                    assert!(latest(&cron, next - SignedDuration::from_secs(1), &zone).unwrap() <= now);
                }
            }
        }
    }
}
