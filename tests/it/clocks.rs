//! The server's clock jumps by a day between two looks: nothing is doubled, nothing runs backward, nothing is called absent.

use jiff::SignedDuration;
use pagekeeper::model::Mode;
use pagekeeper::platform::Error;
use pagekeeper::platform::http::{Call, Http, HttpSettings};

use crate::rig::Rig;

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

#[tokio::test]
async fn a_name_that_is_nobody_s_is_trouble_that_may_pass_and_leaves_its_row() {
    let http = Http::new(HttpSettings::default(), pagekeeper::model::Clock::manual(crate::rig::NOW.parse().unwrap()));
    let call = Call::get("https://graph.nobody.invalid", &["me"], "Test page").unwrap();
    let failure = http.unwrap().send(&call).await.unwrap_err();
    assert!(matches!(&failure.error, Error::Transient { say } if say.contains("graph.nobody.invalid")), "{failure:?}");
    assert_eq!(failure.exchange.map(|exchange| exchange.status), Some(0));
}
