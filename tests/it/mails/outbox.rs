use pagekeeper::db;
use pagekeeper::mail::Error;
use pagekeeper::model::{Category, Severity};

use super::world::{HIGH, MIDDLE, World};

fn trouble(world: &World) -> db::mails::Trouble {
    world.db.read(db::mails::outbox_trouble).unwrap()
}

#[test]
fn a_server_that_is_away_delays_mail_and_loses_none() {
    let world = World::live();
    world.outbox.set_trouble(Some(Error::Away { say: "nobody answers".into() }));
    let since = world.now.get();
    world.comment(HIGH, Category::ThreatViolence, Severity::Critical);
    world.look();
    world.minutes(45);
    let found = trouble(&world);
    assert!(found.is_away());
    assert_eq!((found.away_since, found.oldest_waiting), (Some(since), Some(since)));
    assert_eq!(found.answer.as_deref(), Some("nobody answers"));
    assert_eq!(found.waiting, 6, "two people, one mail and two reminders");
    world.outbox.set_trouble(None);
    world.minutes(11);
    assert_eq!(world.sent().len(), 6);
    assert_eq!(trouble(&world), db::mails::Trouble::default());
}

#[test]
fn a_mail_refused_for_good_is_kept_and_said() {
    let world = World::live();
    world.outbox.set_trouble(Some(Error::Refused { code: 550, text: "no such user".into() }));
    world.comment(MIDDLE, Category::ThreatViolence, Severity::Critical);
    world.look();
    world.outbox.set_trouble(None);
    world.minutes(5);
    assert!(world.sent().is_empty());
    let found = trouble(&world);
    assert_eq!((found.waiting, found.refused, found.is_away()), (0, 1, false));
    let refused = world.db.read(|conn| db::mails::refused_since(conn, db::at(0))).unwrap();
    assert_eq!(refused.len(), 1);
    assert!(refused[0].answer.contains("550"));
}

#[test]
fn a_crash_between_sending_and_marking_sends_twice_under_one_id() {
    let world = World::live();
    world.comment(MIDDLE, Category::ThreatViolence, Severity::Critical);
    pagekeeper::alert::catch_up(&world.db, &world.config, world.now.get()).unwrap();
    pagekeeper::alert::tick(&world.db, &world.config, world.now.get()).unwrap();
    world.db.writer.fail(1, db::Fault::BeforeCommit).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mailer = pagekeeper::mail::Mailer::Memory(world.outbox.clone());
    let died = runtime.block_on(pagekeeper::outbox::send_due(&world.db, &mailer, world.now.get()));
    assert!(died.is_err());
    assert_eq!(world.sent().len(), 1);
    assert_eq!(world.send().sent, 0, "it is held for a while: whoever took it may still be sending");
    world.later(5);
    assert_eq!(world.send().sent, 1);
    let ids: Vec<_> = world.sent().into_iter().map(|mail| (mail.message_id, mail.date)).collect();
    assert_eq!(ids[0], ids[1]);
    world.later(60);
    assert_eq!(world.send().sent, 0);
}
