use std::collections::BTreeMap;

use jiff::SignedDuration;
use pagekeeper::audit::tickets;
use pagekeeper::db::flags::{self, Opening};
use pagekeeper::db::{alerts, ledger};
use pagekeeper::mail::{Kind as MailKind, Mailer};
use pagekeeper::model::{Category, Kind, Mode, Outcome, Severity};
use pagekeeper::{alert, connect, db};

use super::world::{HIGH, MIDDLE, OFFICE, Put, World, check, snapshot};

const THREAT: Category = Category::ThreatViolence;

fn minutes_between(world: &World, name: &str) -> Vec<i64> {
    let times: Vec<_> = world.to(name).iter().map(|mail| mail.date).collect();
    times.windows(2).map(|pair| pair[1].duration_since(pair[0]).as_mins()).collect()
}

#[test]
fn an_urgent_mail_says_what_to_do_and_nothing_of_what_was_written() {
    let world = World::live();
    world.comment(HIGH, THREAT, Severity::Critical);
    world.look();
    assert_eq!(
        world.subjects(),
        [
            "principal: Mesa Vista USD pages: 1 possible threat, Mesa Vista High (Facebook), Sat 2:45 pm",
            "safety: Mesa Vista USD pages: 1 possible threat, Mesa Vista High (Facebook), Sat 2:45 pm"
        ]
    );
    let mail = &world.to("safety")[0];
    assert!(mail.important && mail.kind == MailKind::Urgent);
    snapshot("urgent", &mail.text);
    snapshot("urgent_html", &mail.html);
}

#[test]
fn each_flag_is_in_the_ledger_before_it_is_mailed_and_once() {
    let world = World::live();
    let flag = world.comment(HIGH, THREAT, Severity::Critical);
    alert::catch_up(&world.db, &world.config, world.now.get()).unwrap();
    assert!(world.send().sent == 0 && world.sent().is_empty());
    let entries = || {
        let all = world.db.read(|conn| ledger::entries(conn, 0, 1000)).unwrap();
        all.into_iter().filter(|entry| entry.kind == "alert").collect::<Vec<_>>()
    };
    assert_eq!(entries().len(), 1);
    assert!(entries()[0].kept.as_ref().unwrap().1.contains(&flag.key()));
    world.minutes(30);
    assert_eq!(entries().len(), 1);
}

#[test]
fn flags_of_one_account_within_ten_minutes_share_a_mail() {
    let world = World::live();
    world.comment(MIDDLE, THREAT, Severity::Critical);
    world.minutes(1);
    for _ in 0..3 {
        world.comment(MIDDLE, THREAT, Severity::High);
        world.minutes(2);
    }
    assert_eq!(world.to("safety").len(), 1);
    world.minutes(4);
    let mails = world.to("safety");
    assert_eq!(mails.len(), 2);
    assert!(mails[1].subject.contains("3 possible threats, Ocotillo Middle (Facebook)"), "{}", mails[1].subject);
    assert_eq!(world.to("principal").len(), 0, "another school's page");
}

#[test]
fn nobody_gets_more_than_six_urgent_mails_an_hour_and_nothing_is_lost() {
    let world = World::live();
    let mut keys = Vec::new();
    for n in 0..10 {
        world.register(&format!("school-{n}"), &format!("School {n}"), "", "facebook");
    }
    for minute in 0..90 {
        if minute < 40 {
            let flag = world.comment(&format!("school-{}", minute % 10), THREAT, Severity::High);
            keys.push(flag.key());
        }
        world.minutes(1);
    }
    let mails = world.to("safety");
    for mail in &mails {
        let hour = mails
            .iter()
            .filter(|other| other.date >= mail.date && other.date < mail.date + SignedDuration::from_hours(1));
        assert!(hour.count() <= 6);
    }
    let all: String = mails.iter().map(|mail| mail.text.clone()).collect();
    let missing: Vec<_> = keys.iter().filter(|key| !all.contains(*key)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn many_accounts_at_once_are_all_told_of_in_the_first_minute() {
    let world = World::live();
    let mut keys = Vec::new();
    for n in 0..10 {
        world.register(&format!("school-{n}"), &format!("School {n}"), "", "facebook");
        keys.push(world.comment(&format!("school-{n}"), THREAT, Severity::High).key());
    }
    world.look();
    let mails = world.to("safety");
    assert_eq!(mails.len(), 6);
    assert!(mails[5].subject.contains("5 possible threats, 5 pages"), "{}", mails[5].subject);
    let all: String = mails.iter().map(|mail| mail.text.clone()).collect();
    assert!(keys.iter().all(|key| all.contains(key)));
}

#[test]
fn a_mail_is_repeated_until_somebody_has_opened_the_item() {
    let world = World::live();
    let flag = world.comment(HIGH, THREAT, Severity::Critical);
    world.look();
    world.minutes(50);
    assert_eq!(minutes_between(&world, "safety"), [20, 20]);
    assert!(world.to("safety")[1].subject.starts_with("Reminder: "));
    world.answer(&flag, Opening::Exposure, "principal");
    world.minutes(120);
    assert_eq!((world.to("safety").len(), world.to("principal").len()), (3, 3));
    assert!(world.to("superintendent").is_empty());
}

#[test]
fn who_opened_an_item_before_it_was_edited_has_not_seen_what_it_says_now() {
    let world = World::live();
    let put = |text| Put {
        page: MIDDLE,
        kind: Kind::Comment,
        district: false,
        text,
        created_at: world.now.get(),
        mode: Some(Mode::Recent),
    };
    let phone = world.flagged(&put("zzcanary 1"), Category::PiiPhone, Severity::High);
    world.answer(&phone, Opening::Exposure, "principal");
    world.later(60);
    let (item, native_id, version, content) = world.observe(&put("zzcanary 2"), &phone.native_id);
    let threat = world.flag(item, &native_id, version, content, THREAT, Severity::Critical, false);
    world.look();
    assert_eq!(world.to("safety").len(), 1);
    world.answer(&threat, Opening::Exposure, "principal");
    world.minutes(30);
    assert_eq!(world.to("safety").len(), 1);
}

#[test]
fn a_reviewed_flag_is_not_repeated_and_a_withdrawn_review_is_none() {
    let world = World::live();
    let flag = world.comment(HIGH, THREAT, Severity::Critical);
    world.look();
    world.review(&flag, Outcome::NotAConcern);
    world.minutes(40);
    assert_eq!(world.to("safety").len(), 1);
    world.review(&flag, Outcome::Withdrawn);
    world.minutes(1);
    assert_eq!(world.to("safety").len(), 2);
}

#[test]
fn who_acknowledges_stops_her_own_repeats_alone() {
    let world = World::live();
    let flag = world.comment(HIGH, THREAT, Severity::Critical);
    world.look();
    world.answer(&flag, Opening::Acknowledgement, "principal@mesavista.example.org");
    world.minutes(45);
    assert_eq!((world.to("principal").len(), world.to("safety").len()), (1, 3));
    world.answer(&flag, Opening::Acknowledgement, "safety");
    world.minutes(10);
    assert_eq!(world.to("safety").len(), 3, "the name on the command line is the name before the @");
    world.minutes(10);
    assert_eq!(world.to("superintendent").len(), 1, "nobody has opened it: it still goes to the second list");
}

#[test]
fn a_stop_link_says_whose_mail_it_was_and_about_what() {
    let world = World::live();
    let first = world.comment(HIGH, THREAT, Severity::Critical);
    let second = world.comment(HIGH, Category::SelfHarm, Severity::High);
    world.look();
    let mail = &world.to("principal")[0];
    let link = mail.text.lines().find(|line| line.contains("/ack/")).unwrap();
    let token = link.split("mail=").nth(1).unwrap();
    let (to, flags) = world.db.read(|conn| db::mails::told(conn, token)).unwrap().unwrap();
    assert_eq!(to, "principal@mesavista.example.org");
    assert_eq!(flags.len(), 2);
    assert!(flags.contains(&first.flag) && flags.contains(&second.flag));
    assert_eq!(world.db.read(|conn| db::mails::told(conn, "urgent-00")).unwrap(), None);
    assert_eq!(alert::acknowledge_mail(&world.db, "urgent-00", world.now.get()).unwrap(), None);
    assert_eq!(alert::acknowledge_mail(&world.db, token, world.now.get()).unwrap(), Some(2));
    world.minutes(25);
    assert_eq!((world.to("principal").len(), world.to("safety").len()), (1, 2));
}

#[test]
fn what_nobody_opens_goes_to_the_second_list() {
    let world = World::live();
    let flag = world.comment(HIGH, THREAT, Severity::Critical);
    world.look();
    world.minutes(59);
    assert!(world.to("superintendent").is_empty());
    world.minutes(1);
    let mails = world.to("superintendent");
    assert_eq!(mails.len(), 1);
    assert!(mails[0].text.contains("Nobody has opened this for 60 minutes"), "{}", mails[0].text);
    let row = world.db.read(|conn| alerts::by_flag(conn, &flag.flag)).unwrap().unwrap();
    assert_eq!(row.escalated_at, Some(world.now.get()));
    world.minutes(20);
    assert_eq!(world.to("superintendent").len(), 2, "repeated there too");
}

#[test]
fn a_flag_that_nobodys_list_wants_goes_to_the_second_list_at_once() {
    let mut world = World::live();
    world.config.alerts.recipients.retain(|to| !to.schools.is_empty());
    world.comment(OFFICE, THREAT, Severity::Critical);
    world.look();
    assert_eq!(world.to("superintendent").len(), 1);
}

#[test]
fn lower_concerns_are_in_one_mail_at_seven_on_both_sides_of_a_clock_change() {
    // Clocks go back on Sunday, November 1, 2026: seven is 14:00 UTC on Saturday and 15:00 on Sunday.
    for (evening, before, seven) in [
        ("2026-10-31T03:00:00Z", "2026-10-31T13:59:00Z", "2026-10-31T14:00:00Z"),
        ("2026-11-01T03:00:00Z", "2026-11-01T14:59:00Z", "2026-11-01T15:00:00Z"),
        ("2027-03-14T03:00:00Z", "2027-03-14T13:59:00Z", "2027-03-14T14:00:00Z"),
    ] {
        let world = World::live();
        world.at(evening);
        world.comment(HIGH, THREAT, Severity::Medium);
        world.comment(MIDDLE, Category::SelfHarm, Severity::Low);
        world.look();
        world.at(before);
        world.look();
        assert!(world.sent().is_empty(), "{before}");
        world.at(seven);
        world.look();
        assert_eq!((world.to("safety").len(), world.to("principal").len()), (1, 1), "{seven}");
        world.minutes(120);
        assert_eq!(world.sent().len(), 2);
    }
}

#[test]
fn a_clock_that_jumps_a_day_keeps_no_alert_from_anybody() {
    for day in [24 * 60, -24 * 60] {
        let world = World::live();
        let first = world.comment(HIGH, THREAT, Severity::Critical);
        world.look();
        world.later(day);
        let second = world.comment(HIGH, THREAT, Severity::Critical);
        world.look();
        world.minutes(50);
        assert_eq!(minutes_between(&world, "safety"), [day, 20, 20], "told at once, and again until somebody looks");
        assert!(world.to("safety")[1].subject.contains("2 possible threats"));
        assert!(!world.to("superintendent").is_empty(), "{day}");
        let told = world.sent().len();
        world.answer(&first, Opening::Exposure, "principal");
        world.answer(&second, Opening::Exposure, "principal");
        world.minutes(120);
        assert_eq!(world.sent().len(), told, "{day}");

        // A mail that waited while the clock jumped goes out.
        world.comment(MIDDLE, THREAT, Severity::Critical);
        alert::catch_up(&world.db, &world.config, world.now.get()).unwrap();
        alert::tick(&world.db, &world.config, world.now.get()).unwrap();
        world.later(day);
        assert_eq!(world.send().sent, 1, "{day}");
        assert_eq!(world.send().sent, 0, "{day}: once");
    }
}

#[test]
fn a_morning_that_was_missed_is_made_up_once() {
    let world = World::live();
    world.comment(HIGH, THREAT, Severity::Medium);
    world.look();
    world.at("2026-11-24T20:00:00Z");
    world.look();
    world.minutes(3);
    let mails = world.to("principal");
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].subject, "Mesa Vista USD pages: 1 possible threat, Tue, Nov 24");
    snapshot("morning", &mails[0].text);
}

#[test]
fn flags_that_are_no_concern_wait_for_the_weekly_report() {
    let world = World::live();
    world.comment(HIGH, Category::PiiPhone, Severity::High);
    world.look();
    world.minutes(60 * 24);
    assert!(world.sent().is_empty());
}

#[test]
fn what_comes_from_the_past_is_one_summary_mail() {
    let world = World::live();
    for n in 0..30 {
        let written = world.now.get() - SignedDuration::from_hours(24 * 400);
        let text = format!("old words {n}");
        let (mode, category) = match n % 3 {
            0 => (None, THREAT),
            1 => (Some(Mode::Backfill), Category::PiiPhone),
            _ => (Some(Mode::Recent), Category::SelfHarm),
        };
        let put = Put { page: HIGH, kind: Kind::Comment, district: false, text: &text, created_at: written, mode };
        world.flagged(&put, category, Severity::Critical);
    }
    world.look();
    assert!(world.sent().is_empty());
    world.minutes(300);
    let mails = world.to("safety");
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].subject, "Mesa Vista USD pages: 30 flags from the past on 1 page");
    snapshot("summary", &mails[0].text);
}

#[test]
fn an_old_item_that_is_edited_today_is_not_from_the_past() {
    let world = World::live();
    let written = world.now.get() - SignedDuration::from_hours(24 * 400);
    let put = |text| Put {
        page: HIGH,
        kind: Kind::Comment,
        district: false,
        text,
        created_at: written,
        mode: Some(Mode::Recent),
    };
    let (_, native_id, ..) = world.put(&put("nice game"));
    world.later(60);
    let (item, native_id, version, content) = world.observe(&put("zzcanary now"), &native_id);
    world.flag(item, &native_id, version, content, THREAT, Severity::Critical, false);
    world.look();
    let mails = world.to("safety");
    assert_eq!(mails.len(), 1);
    assert!(mails[0].text.replace('\n', " ").contains("and changed since"), "{}", mails[0].text);
}

#[test]
fn before_going_live_the_administrator_alone_gets_previews() {
    let world = World::preview();
    let flag = world.comment(HIGH, THREAT, Severity::Critical);
    world.comment(HIGH, THREAT, Severity::Low);
    world.look();
    world.minutes(60 * 20);
    assert!(world.sent().iter().all(|mail| mail.to.starts_with("admin@") && mail.subject.starts_with("[preview] ")));
    assert!(world.sent().iter().any(|mail| mail.kind == MailKind::Morning));
    assert!(world.sent()[0].text.contains("Preview"));
    let now = world.now.get();
    assert!(world.db.writer.write(move |tx| alerts::go_live(tx, "admin", now)).unwrap().is_some());
    assert!(world.db.writer.write(move |tx| alerts::go_live(tx, "admin", now)).unwrap().is_none());
    world.minutes(1);
    assert_eq!((world.to("safety").len(), world.to("superintendent").len()), (1, 0));
    assert!(!world.to("safety")[0].subject.contains("preview"));
    world.minutes(60);
    assert_eq!(world.to("superintendent").len(), 1, "the second list's time runs from going live");
    world.answer(&flag, Opening::Exposure, "principal");
}

#[test]
fn a_rebuild_of_the_flags_sends_nothing() {
    let world = World::live();
    let flag = world.comment(HIGH, THREAT, Severity::Critical);
    world.look();
    world.answer(&flag, Opening::Acknowledgement, "safety");
    world.answer(&flag, Opening::Acknowledgement, "principal");
    let again = flags::New {
        suppressions: Vec::new(),
        flag: flag.flag,
        item: flag.item_id,
        content: flag.content,
        version: flag.version,
        rule: flag.rule.clone(),
        category: flag.category,
        severity: Severity::High,
        clause: String::new(),
        spans: Vec::new(),
        modifiers: Vec::new(),
        shadow: false,
        past: true,
        first_flagged_at: world.now.get(),
    };
    let now = world.now.get();
    world
        .db
        .writer
        .write(move |tx| {
            flags::begin_anew(tx)?;
            flags::add(tx, flags::Table::Anew, &again)?;
            flags::swap(tx, Some((now, 100)))?;
            db::inputs::set_watermark(tx, "flags", 100, &[7; 32], 2)
        })
        .unwrap();
    world.minutes(55);
    assert_eq!(world.sent().len(), 2);
}

#[test]
fn a_changed_pack_is_looked_through_from_the_start() {
    let world = World::live();
    let mark = |seq: u64, inputs: u8| {
        world.db.writer.write(move |tx| db::inputs::set_watermark(tx, "flags", seq, &[inputs; 32], 1)).unwrap();
    };
    let (old, native_id, version, content) = world.put(&Put {
        page: HIGH,
        kind: Kind::Comment,
        district: false,
        text: "zzcanary",
        created_at: world.now.get(),
        mode: Some(Mode::Recent),
    });
    world.comment(HIGH, THREAT, Severity::Critical);
    mark(100, 1);
    world.look();
    world.flag(old, &native_id, version, content, Category::SelfHarm, Severity::Critical, true);
    mark(100, 2);
    world.look();
    let found = world.db.read(|conn| Ok(alerts::past(conn)?.counts)).unwrap();
    assert_eq!(found.len(), 1);
}

#[test]
fn a_crash_between_the_alert_and_its_mail_loses_nothing() {
    for fault in [db::Fault::BeforeCommit, db::Fault::AnswerLost] {
        let world = World::live();
        world.comment(MIDDLE, THREAT, Severity::Critical);
        world.db.writer.fail(0, fault).unwrap();
        assert!(alert::catch_up(&world.db, &world.config, world.now.get()).is_err());
        alert::catch_up(&world.db, &world.config, world.now.get()).unwrap();
        world.db.writer.fail(0, fault).unwrap();
        assert!(alert::tick(&world.db, &world.config, world.now.get()).is_err());
        world.minutes(2);
        assert_eq!(world.to("safety").len(), 1, "{fault:?}");
    }
}

/// Whatever comes in and whatever people do, for three hours: see each assertion.
#[test]
fn limits_and_promises_hold_whatever_happens() {
    for seed in 1..=6_u64 {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut dice = |sides: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % sides
        };
        let world = World::live();
        for n in 0..5 {
            world.register(&format!("school-{n}"), &format!("School {n}"), "", "facebook");
        }
        let (mut flags, mut answered) = (Vec::new(), BTreeMap::new());
        for minute in 0..180_u64 {
            if dice(6) == 0 && minute < 100 {
                flags.push(world.comment(&format!("school-{}", dice(5)), THREAT, Severity::High));
            }
            if dice(15) == 0 && !flags.is_empty() {
                let flag = flags[usize::try_from(dice(flags.len() as u64)).unwrap()].clone();
                match dice(2) {
                    0 => world.answer(&flag, Opening::Exposure, "principal"),
                    _ => world.review(&flag, Outcome::Confirmed),
                }
                answered.entry(flag.key()).or_insert(world.now.get());
            }
            world.minutes(1);
        }
        for reader in ["safety", "superintendent"] {
            let mails = world.to(reader);
            for (n, mail) in mails.iter().enumerate() {
                let rest = &mails[n..];
                let hour = mail.date + SignedDuration::from_hours(1);
                assert!(rest.iter().filter(|other| other.date < hour).count() <= 6, "seed {seed}: six an hour");
                let ten = mail.date + SignedDuration::from_mins(10);
                for page in 0..5 {
                    let about = format!("School {page} (Facebook)");
                    let of_page = |other: &&_| text_of(other).contains(&about);
                    let soon = rest.iter().filter(|other| other.date < ten).filter(of_page).count();
                    assert!(soon <= 1, "seed {seed}: one mail an account and ten minutes");
                }
                for (key, at) in &answered {
                    assert!(mail.date <= *at || !mail.text.contains(key), "seed {seed}: nothing after an answer");
                }
            }
            let told = |key: &str| mails.iter().any(|mail| mail.text.contains(key));
            for flag in flags.iter().filter(|flag| !answered.contains_key(&flag.key())) {
                assert!(told(&flag.key()), "seed {seed}: {reader} was told of what nobody answered");
            }
        }
    }
}

fn text_of(mail: &pagekeeper::mail::Message) -> String {
    mail.text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_config_by_which_nobody_is_told_is_named() {
    let mut world = World::live();
    assert_eq!(alert::unheard(&world.config, true), None);
    world.config.alerts.recipients.clear();
    world.config.alerts.escalate_to.clear();
    assert_eq!(alert::unheard(&world.config, true), None, "the administrator is told");
    world.config.mail.as_mut().unwrap().administrator = None;
    assert!(alert::unheard(&world.config, true).unwrap().contains("[alerts] recipients"));
    assert!(alert::unheard(&world.config, false).unwrap().contains("[mail] administrator"));
    assert!(alert::unheard(&World::without_mail_section().config, true).is_some());
}

#[test]
fn without_a_mail_section_nothing_is_mailed() {
    let world = World::without_mail_section();
    world.comment(HIGH, THREAT, Severity::Critical);
    world.look();
    assert!(world.sent().is_empty());
}

#[test]
fn every_kind_has_a_sample_marked_test() {
    let world = World::live();
    let mut kinds = BTreeMap::new();
    for kind in MailKind::ALL.iter().filter(|kind| **kind != MailKind::Weekly) {
        let (to, now) = ("it@mesavista.example.org", world.now.get());
        let mail = match kind {
            MailKind::Ticket => tickets::sample(to, &world.config, now),
            MailKind::Credential => connect::sample(to, &world.config, now),
            kind => alert::sample(*kind, to, &world.config, now).unwrap(),
        };
        check(&mail);
        assert!(mail.subject.starts_with("[test] ") && mail.text.starts_with("* Test"), "{}", mail.text);
        kinds.insert(kind.as_str(), mail.message_id.clone());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(Mailer::Memory(world.outbox.clone()).send(&mail)).unwrap();
    }
    assert_eq!(kinds.len(), 5);
}
