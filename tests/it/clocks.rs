//! The server's clock jumps by a day between two looks: nothing is doubled, nothing runs backward, nothing is called absent.

use jiff::SignedDuration;
use pagekeeper::model::{Clock, Mode, Timestamp};
use pagekeeper::platform::Error;
use pagekeeper::platform::http::{Call, Http, HttpSettings};
use pagekeeper::sandbox::World;

use crate::rig::{PAGE, Rig};

/// Looks, jumps, looks, jumps back, looks.
async fn jumps(by: SignedDuration) {
    let rig = Rig::small().await;
    rig.harvest(Mode::Backfill).await;
    rig.harvest(Mode::Recent).await;
    let before = rig.kept();
    for jump in [by, -by] {
        // The clock of the platform goes right; only ours jumps.
        rig.clock.advance(jump);
        for mode in [Mode::Recent, Mode::Revisit, Mode::Recent] {
            let report = rig.harvest(mode).await;
            assert!(report.is_whole(), "{jump:?}: {:?}", report.cause);
            assert_eq!(report.tally.versions(), 0, "{jump:?}: nothing happened on the page");
        }
        rig.check("after a jump");
        assert_eq!(rig.kept(), before, "{jump:?}");
        for interval in rig.coverage() {
            let backward = interval.from.zip(interval.to).is_some_and(|(from, to)| from > to);
            assert!(!backward, "{jump:?}: {interval:?}");
        }
    }
    assert_eq!(rig.differences(), Vec::<String>::new());
    let comment = rig.truth().into_iter().find(|item| item.parent.is_some()).unwrap();
    rig.sandbox.world().edit(&comment.id, "Said otherwise");
    assert_eq!(rig.harvest(Mode::Recent).await.tally.edited, 1);
    rig.follow().await.unwrap();
    rig.check("in the end");
}

#[tokio::test]
async fn a_clock_that_jumps_a_day_ahead_and_back_doubles_nothing() {
    jumps(SignedDuration::from_hours(24)).await;
}

#[tokio::test]
async fn a_clock_that_jumps_a_day_back_and_ahead_doubles_nothing() {
    jumps(SignedDuration::from_hours(-24)).await;
}

/// Clocks in Los Angeles go back at two on Sunday, November 1, 2026: the hour from one to two comes twice. On Sunday, March 14,
/// 2027, the hour from two to three does not come.
#[tokio::test]
async fn an_hour_that_comes_twice_or_not_at_all_is_watched_as_long_as_it_lasted() {
    for (began, half_past) in [("2026-11-01T07:00:00Z", [3, 5]), ("2027-03-14T08:00:00Z", [3, 4])] {
        let began: Timestamp = began.parse().unwrap();
        let world = World::bare(began);
        let post = world.add_post(PAGE, "Clocks change tonight").unwrap();
        let comment = world.add_comment(&post, "Pat Reyes", "Which way?").unwrap();
        let rig = Rig::with(world, Clock::manual(began), &[PAGE]).await;
        assert!(rig.harvest(Mode::Backfill).await.is_whole());
        assert!(rig.harvest(Mode::Recent).await.is_whole());
        for half_hour in 1..=8 {
            rig.pass(SignedDuration::from_mins(30));
            if half_past.contains(&half_hour) {
                rig.sandbox.world().edit(&comment, &format!("Which way? (look {half_hour})"));
            }
            assert!(rig.harvest(Mode::Recent).await.is_whole());
        }
        let texts: Vec<String> = rig.kept()[&comment].iter().map(|version| version.3.clone()).collect();
        let edited = half_past.map(|look| format!("Which way? (look {look})"));
        assert_eq!(texts, ["Which way?", &edited[0], &edited[1]]);
        let coverage = rig.coverage();
        assert!(coverage.iter().all(|interval| interval.gap_kind.is_none()), "{coverage:?}");
        let watched: Vec<_> = coverage.iter().filter(|interval| interval.kind == "watched").collect();
        let [interval] = watched.as_slice() else { panic!("{watched:?}") };
        assert_eq!((interval.from, interval.to), (Some(began), Some(began + SignedDuration::from_hours(4))));
        assert_eq!(interval.longest, Some(30 * 60 * 1000), "no hour is missing and none is longer");
        rig.follow().await.unwrap();
        rig.check("after the change");
    }
}

#[tokio::test]
async fn a_name_that_is_nobody_s_is_trouble_that_may_pass_and_leaves_its_row() {
    let http = Http::new(HttpSettings::default(), Clock::manual(crate::rig::NOW.parse().unwrap()));
    let call = Call::get("https://graph.nobody.invalid", &["me"], "Test page").unwrap();
    let failure = http.unwrap().send(&call).await.unwrap_err();
    assert!(matches!(&failure.error, Error::Transient { say } if say.contains("graph.nobody.invalid")), "{failure:?}");
    assert_eq!(failure.exchange.map(|exchange| exchange.status), Some(0));
}
