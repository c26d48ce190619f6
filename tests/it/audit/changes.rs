//! What changes from one audit to the next: findings open, stay, and end.

use jiff::SignedDuration;
use pagekeeper::db::accounts::Registration;
use pagekeeper::db::findings::{self, Changed};
use pagekeeper::db::{self, Fault};
use pagekeeper::model::{Clock, Mode};
use pagekeeper::sandbox::{Form, World};
use serde_json::json;

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_setting_is_a_finding_the_same_day_and_is_seen_fixed() {
    let rig = district().await;
    let world = rig.sandbox.world();
    let open_to_all = |open: bool| {
        let setting = move |page: &mut pagekeeper::sandbox::Account| {
            page.settings
                .iter_mut()
                .filter(|(name, _)| name == "USERS_CAN_POST")
                .for_each(|(_, value)| *value = json!(open));
        };
        world.change_profile(USD, setting);
    };
    let entries = |change: &str| {
        let sql = format!(
            "SELECT e.fields FROM ledger l JOIN entries e USING (seq) WHERE l.kind = 'finding' AND l.subject = '{USD}'
             AND e.fields ->> 'check' = 'visitor_posts' AND e.fields ->> 'change' = '{change}'"
        );
        rig.column(&sql)
    };
    let found = || {
        rig.read(findings::open)
            .into_iter()
            .find(|one| one.check == "visitor_posts" && account(&rig, one.account) == USD)
    };
    assert_eq!((found(), entries("opened").len()), (None, 0));
    rig.pass(SignedDuration::from_hours(5));
    open_to_all(true);
    rig.try_harvest(Mode::Profile, false).await.unwrap();
    rig.follow().await.unwrap();
    let one = found().expect("the change is a finding");
    assert_eq!((one.since, one.what.as_str()), (rig.clock.now(), "visitors may post on it"));
    assert_eq!(entries("opened").len(), 1);
    assert!(one.evidence.iter().all(|seq| *seq < one.opened_seq), "it rests on what was there before it");
    rig.pass(SignedDuration::from_hours(24));
    let (_, changed) = audit(rig.app(), rig.clock.now());
    assert_eq!((changed, entries("opened").len()), (Changed::default(), 1), "what is known is not said again");
    assert_eq!(found().map(|again| (again.since, again.seen_at)), Some((one.since, rig.clock.now())));
    rig.pass(SignedDuration::from_hours(24 * 15));
    audit(rig.app(), rig.clock.now());
    assert!(found().is_some(), "facts that have grown old fix nothing");
    open_to_all(false);
    rig.try_harvest(Mode::Profile, false).await.unwrap();
    rig.follow().await.unwrap();
    assert_eq!((found(), entries("fixed").len()), (None, 1));
    rig.check("after a finding was fixed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_picture_wants_an_approval_of_its_own_time() {
    let rig = district().await;
    let said = |page: &str| verdict(&audit(rig.app(), rig.clock.now()).0, "pictures", page);
    assert_eq!((said(USD).0, said(NEXTDOOR).0), ("holds", "not_said"));
    rig.pass(SignedDuration::from_hours(48));
    for page in [USD, PAGE] {
        rig.sandbox.world().change_profile(page, |page| page.picture.id = format!("9{}", page.picture.id));
    }
    rig.try_harvest(Mode::Profile, false).await.unwrap();
    assert_eq!(
        (said(USD).0, said(PAGE).0, said(FAMILIES).0),
        ("fails", "fails", "holds"),
        "an old approval is for the old picture"
    );
    let file = rig.folder.path().join("config/approvals.csv");
    std::fs::write(&file, format!("art,approver,role,date,pages\nSeal,Ana Ruiz,Services,2026-11-25,{USD}\n")).unwrap();
    assert_eq!((said(USD).0, said(PAGE).0), ("holds", "fails"));
    std::fs::write(&file, "art,approver,role,date,pages\nSeal,,Services,2026-11-25,\n").unwrap();
    let refused = held_to(&rig.app().config, rig.app(), rig.clock.now()).map(|_| ()).unwrap_err();
    assert!(format!("{refused:#}").contains("line 2, column approver"), "{refused:#}");
    std::fs::remove_file(&file).unwrap();
    let refused = held_to(&rig.app().config, rig.app(), rig.clock.now()).map(|_| ()).unwrap_err();
    assert!(!db::is_storage(&refused), "a missing list is no trouble with the archive: {refused:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_who_states_the_new_handle_ends_the_finding() {
    let rig = district().await;
    assert_eq!(verdict(&audit(rig.app(), rig.clock.now()).0, "handle", USD_INSTAGRAM).0, "fails");
    let followed = row(&rig, USD_INSTAGRAM);
    assert_eq!(followed.handle, "mesavistaunified", "the register follows the platform");
    put(&rig.app().db, vec![followed.clone(), followed.clone()]).await;
    assert_eq!(verdict(&audit(rig.app(), rig.clock.now()).0, "handle", USD_INSTAGRAM).0, "holds");
    let sql = format!(
        "SELECT fields ->> 'change' FROM entries e JOIN ledger l USING (seq) WHERE l.kind = 'account' AND l.subject = '{USD_INSTAGRAM}'"
    );
    assert_eq!(rig.column(&sql).iter().filter(|change| *change == "confirmed").count(), 1, "it is said once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retired_page_takes_its_findings_with_it() {
    let rig = district().await;
    let open = || rig.read(findings::open).into_iter().filter(|one| account(&rig, one.account) == SPORT).count();
    assert!(open() > 0);
    let row = Registration { status: "retired".into(), ..row(&rig, SPORT) };
    put(&rig.app().db, vec![row]).await;
    let (after, changed) = audit(rig.app(), rig.clock.now());
    assert!(after.pages.iter().all(|page| page.account.row.slug != SPORT));
    assert_eq!(open(), 0);
    assert!(changed.withdrawn > 0 && changed.fixed == 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_audit_that_breaks_off_leaves_all_of_it_or_nothing_and_is_not_said_twice() {
    let rig = Rig::with(World::bare(now()), Clock::manual(now()), &[]).await;
    register(&rig).await;
    let stands = || rig.read(|conn| Ok((findings::open(conn)?.len(), db::ledger::size(conn)?)));
    let before = stands();
    rig.app().db.writer.fail(0, Fault::BeforeCommit).unwrap();
    assert!(held_to(&rig.app().config, rig.app(), now()).is_err());
    assert_eq!(stands(), before, "nothing of it is kept");
    rig.app().db.writer.fail(0, Fault::AnswerLost).unwrap();
    assert!(held_to(&rig.app().config, rig.app(), now()).is_err());
    let after = stands();
    assert!(after.0 > 0 && after.1 == before.1 + after.0 as u64, "an entry for each finding: {before:?} {after:?}");
    assert_eq!((audit(rig.app(), now()).1, stands()), (Changed::default(), after));
    rig.check("after audits that broke off");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_film_without_captions_is_a_finding_until_somebody_writes_them() {
    let rig = district().await;
    let said = || verdict(&audit(rig.app(), rig.clock.now()).0, "captions", YOUTUBE);
    assert_eq!(said().0, "holds");
    let film = rig.sandbox.world().lock().add_post(YOUTUBE, "The winter concert", Form::Video).unwrap();
    rig.pass(SignedDuration::from_hours(1));
    rig.try_harvest(Mode::Recent, false).await.unwrap();
    assert_eq!(said().0, "holds", "of the new film nothing is known yet");
    rig.try_harvest(Mode::Profile, false).await.unwrap();
    let (value, words) = said();
    assert_eq!(value, "fails");
    assert!(words.starts_with("newest films without captions that somebody wrote: 1 of 2"), "{words}");
    rig.pass(SignedDuration::from_hours(24));
    rig.sandbox.world().lock().items.iter_mut().find(|item| item.id == film).unwrap().captioned = true;
    rig.try_harvest(Mode::Profile, false).await.unwrap();
    assert_eq!(said().0, "holds");
    rig.check("after captions were written");
}
