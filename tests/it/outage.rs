//! Trouble that would pass by itself and does not: an account that cannot be read for an hour is called not kept, in words, and
//! kept again with the first whole look.

use jiff::SignedDuration;
use pagekeeper::db::accounts::Account;
use pagekeeper::model::{Clock, Mode, Timestamp};
use pagekeeper::sandbox::{Host, Misbehavior as M};

use crate::rig::{INSTAGRAM, NOW, PAGE, Rig, small_world};

const PAGES: [(&str, Host); 5] = [
    (PAGE, Host::Graph),
    (INSTAGRAM, Host::Graph),
    ("mesa-vista-usd-x", Host::X),
    ("mesa-vista-usd-youtube", Host::Youtube),
    ("mesa-vista-usd-bluesky", Host::Bluesky),
];

/// A page that was read whole a quarter of an hour ago.
async fn kept(page: &str) -> Rig {
    let rig = Rig::with(small_world(page, 2), Clock::manual(NOW.parse().unwrap()), &[page]).await;
    assert!(rig.harvest(Mode::Backfill).await.is_whole());
    assert!(rig.harvest(Mode::Recent).await.is_whole());
    rig.pass(SignedDuration::from_mins(15));
    rig
}

fn account(rig: &Rig) -> Account {
    rig.accounts().remove(0)
}

/// Harvests every quarter of an hour for so long; when the account was called not kept, counted from the first look.
async fn harvests(rig: &Rig, minutes: i64) -> Option<i64> {
    let (began, mut called) = (rig.clock.now(), None);
    for _ in 0..minutes / 15 {
        assert!(!rig.harvest(Mode::Recent).await.is_whole());
        let passed = rig.clock.now().duration_since(began).as_mins();
        called = called.or_else(|| account(rig).trouble.map(|_| passed));
        rig.pass(SignedDuration::from_mins(15));
    }
    called
}

#[tokio::test]
async fn an_account_that_fails_for_hours_is_called_not_kept_after_one() {
    for (page, host) in PAGES {
        let rig = kept(page).await;
        let began: Timestamp = rig.clock.now();
        rig.sandbox.misbehave(host, "", u32::MAX, M::status(503));
        let hours = if page == PAGE { 24 } else { 3 };
        assert_eq!(harvests(&rig, hours * 60).await, Some(60), "{page}");
        let found = account(&rig);
        let trouble = found.trouble.unwrap();
        assert!(trouble.starts_with("not read to its end since Tue, Nov 24, 9:15 am"), "{page}: {trouble}");
        assert!(trouble.contains("HTTP 503") && trouble.contains("reports an outage"), "{page}: {trouble}");
        assert_eq!(found.trouble_since, Some(began), "{page}: since the first look that failed");

        rig.sandbox.behave();
        assert!(rig.harvest(Mode::Recent).await.is_whole(), "{page}");
        let found = account(&rig);
        assert_eq!((found.trouble, found.trouble_since), (None, None), "{page}");
        // X says besides that it gives no answers older than a week.
        let gaps = rig.coverage().into_iter().filter_map(|gap| Some((gap.gap_kind?, gap.from, gap.to)));
        let gaps: Vec<_> = gaps.filter(|(kind, ..)| kind != "shortfall").collect();
        let (from, to) = (Some(began), Some(rig.clock.now()));
        let watched = began - SignedDuration::from_mins(15);
        assert_eq!(gaps, [("missing".into(), from, to), ("not_watched".into(), Some(watched), to)], "{page}");
        rig.check(page);
    }
}

#[tokio::test]
async fn silence_is_an_outage_too() {
    let rig = kept(PAGE).await;
    rig.sandbox.misbehave(Host::Graph, "", u32::MAX, M::CutOff);
    assert_eq!(harvests(&rig, 90).await, Some(60));
    assert!(account(&rig).trouble.unwrap().contains("could not be read"));
}

#[tokio::test]
async fn posts_that_cannot_be_read_are_an_outage_though_the_rest_of_the_page_is_read() {
    let rig = kept(PAGE).await;
    rig.sandbox.misbehave(Host::Graph, "/published_posts", u32::MAX, M::status(500));
    assert_eq!(harvests(&rig, 90).await, Some(60));
}

#[tokio::test]
async fn what_passes_within_the_hour_is_nobody_s_business() {
    let rig = kept(PAGE).await;
    rig.sandbox.misbehave(Host::Graph, "", u32::MAX, M::status(503));
    assert_eq!(harvests(&rig, 60).await, None);
    rig.sandbox.behave();
    assert!(rig.harvest(Mode::Recent).await.is_whole());
    rig.pass(SignedDuration::from_mins(15));
    rig.sandbox.misbehave(Host::Graph, "", u32::MAX, M::status(503));
    assert_eq!(harvests(&rig, 60).await, None, "the hour begins anew");
}

#[tokio::test]
async fn a_dead_credential_stays_the_reason_while_the_platform_is_away_as_well() {
    let rig = kept(PAGE).await;
    rig.sandbox.misbehave(Host::Graph, "", 1, M::TokenDies { subcode: 463 });
    rig.harvest(Mode::Recent).await;
    let trouble = account(&rig).trouble.unwrap();
    rig.sandbox.behave();
    rig.sandbox.misbehave(Host::Graph, "", u32::MAX, M::status(503));
    rig.pass(SignedDuration::from_mins(15));
    for mode in [Mode::Recent, Mode::Profile] {
        rig.harvest(mode).await;
        assert_eq!(account(&rig).trouble.as_ref(), Some(&trouble), "{mode}");
    }
}
