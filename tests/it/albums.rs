//! Comments under single photos of an album, which hang on the photo and not on the post.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use pagekeeper::model::{Change, Clock, Mode, Scope, State};
use pagekeeper::platform::{Errand, Known};
use pagekeeper::sandbox::world::{File, Medium};
use pagekeeper::sandbox::{Form, Host, Misbehavior, Truth, World};

use crate::facebook::{Bench, Walked, expected};
use crate::rig::{NOW, PAGE, Rig};

const SLUG: &str = "mesa-vista-usd";

fn albums(bench: &Bench) -> Vec<Truth> {
    expected(bench.sandbox.world(), SLUG).into_values().filter(|item| item.form == Form::Album).collect()
}

/// The photos under which something is said, and what.
fn said(bench: &Bench) -> Vec<Truth> {
    expected(bench.sandbox.world(), SLUG).into_values().filter(|item| item.picture.is_some()).collect()
}

fn threads(bench: &Bench) -> Errand {
    let known = |album: Truth| Known { native_id: album.id.clone(), kind: album.kind, root: album.id };
    Errand::Revisit { threads: albums(bench).into_iter().map(known).collect(), check: Vec::new() }
}

fn all_is_read(bench: &Bench, walked: &Walked) {
    let items = walked.items();
    for comment in said(bench) {
        assert_eq!(items[&comment.id].parent, comment.parent);
        assert!(comment.id.starts_with(comment.picture.as_ref().unwrap()), "its object is the photo");
    }
    for album in albums(bench) {
        assert!(walked.finished().contains(&Scope::Thread { root: album.id.clone() }), "{album:#?}");
    }
}

/// The photos whose comments were asked for.
fn asked(bench: &Bench) -> BTreeSet<String> {
    let seen = bench.sandbox.seen();
    let under = seen.iter().filter_map(|seen| seen.target.split_once("/comments?")?.0.rsplit('/').next());
    let photos: BTreeSet<String> =
        albums(bench).iter().flat_map(|album| &album.media).map(|photo| photo.id.clone()).collect();
    under.filter(|place| photos.contains(*place)).map(str::to_owned).collect()
}

#[tokio::test]
async fn every_errand_reads_what_is_said_under_single_photos() {
    for (errand, all_photos) in [("backfill", false), ("recent", false), ("revisit", true)] {
        let bench = Bench::new().await;
        let comment = said(&bench).swap_remove(0);
        bench.sandbox.world().add_comment(&comment.id, "Sam Ortiz", "So it is").unwrap();
        let since = bench.now - SignedDuration::from_hours(24 * 900);
        let walked = match errand {
            "backfill" => bench.walk(SLUG, Errand::Backfill { before: None }).await,
            "recent" => bench.walk(SLUG, Errand::Recent { since }).await,
            _ => bench.walk(SLUG, threads(&bench)).await,
        };
        assert_eq!(walked.errors(), Vec::<String>::new(), "{errand}");
        all_is_read(&bench, &walked);
        let counted: BTreeSet<String> =
            bench.sandbox.world().lock().items.iter().filter_map(|item| item.picture.clone()).collect();
        let silent: Vec<String> = asked(&bench).into_iter().filter(|photo| !counted.contains(photo)).collect();
        assert_eq!(silent.is_empty(), !all_photos, "{errand} asks under photos that have no comments: {silent:?}");
    }
}

#[tokio::test]
async fn where_the_photos_edge_is_refused_each_photo_is_asked_by_itself() {
    let bench = Bench::new().await;
    bench.sandbox.misbehave(Host::Graph, "/photos", u32::MAX, Misbehavior::PermissionLost);
    let walked = bench.walk(SLUG, Errand::Backfill { before: None }).await;
    assert_eq!(walked.errors(), Vec::<String>::new());
    all_is_read(&bench, &walked);
    assert_eq!(asked(&bench).len(), albums(&bench).iter().map(|album| album.media.len()).sum::<usize>());
}

#[tokio::test]
async fn one_photo_that_is_refused_leaves_the_others_and_the_thread_open() {
    let bench = Bench::new().await;
    let refused = said(&bench).swap_remove(0);
    let photo = refused.picture.clone().unwrap();
    bench.sandbox.misbehave(Host::Graph, &format!("/{photo}/comments"), u32::MAX, Misbehavior::PermissionLost);
    let walked = bench.walk(SLUG, Errand::Backfill { before: None }).await;
    assert_eq!(walked.errors(), Vec::<String>::new());
    let items = walked.items();
    for comment in said(&bench) {
        assert_eq!(items.contains_key(&comment.id), comment.picture.as_ref() != Some(&photo), "{comment:#?}");
    }
    let root = refused.root.unwrap();
    assert!(!walked.finished().contains(&Scope::Thread { root: root.clone() }));
    let mut shortfalls = walked.pages.iter().flat_map(|page| &page.shortfalls);
    assert!(shortfalls.any(|short| short.item.as_ref() == Some(&root) && short.cause.contains("one photo")));
}

#[tokio::test]
async fn a_comment_deleted_under_a_photo_is_missing_and_the_photos_counts_are_cited() {
    let clock = Clock::manual(NOW.parse().unwrap());
    let world = World::bare(clock.now());
    let album = world.lock().add_post(PAGE, "Homecoming", Form::Album).unwrap();
    let photo = |id: u64| Medium { id: format!("44000000{id}"), file: File::Jpeg, alt: None };
    world.lock().items[0].media = (0..120).map(photo).collect();
    let comment = world.add_picture_comment("44000000110", "Pat Reyes", "That is me in the middle").unwrap();
    let reply = world.add_comment(&comment, "Sam Ortiz", "So it is").unwrap();
    let rig = Rig::with(world, clock, &[PAGE]).await;
    assert_eq!(rig.harvest(Mode::Recent).await.outcome, "complete");
    assert_eq!(rig.differences(), Vec::<String>::new());
    rig.pass(SignedDuration::from_hours(1));
    assert!(rig.sandbox.world().delete_comment(&reply) && rig.sandbox.world().delete_comment(&comment));
    assert_eq!(rig.harvest(Mode::Recent).await.outcome, "complete");
    for id in [&comment, &reply] {
        assert!(matches!(rig.kept()[id].last(), Some((_, Change::Missing, State::Missing, _))), "{id}");
    }
    let cited = rig.column(&format!(
        "SELECT c.target FROM versions v JOIN items i ON i.id = v.item_id JOIN json_each(v.evidence) e
           JOIN captures c ON c.id = e.value WHERE i.native_id = '{comment}' AND v.change = 'missing'"
    ));
    assert!(cited.iter().any(|target| target.contains("/photos?")), "{cited:?}");
    assert!(cited.iter().any(|target| target.contains(&format!("/{album}/comments?"))), "{cited:?}");
    rig.check("after a comment under a photo was deleted");
}
