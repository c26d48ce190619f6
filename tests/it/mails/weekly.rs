use jiff::SignedDuration;
use pagekeeper::db::flags::Opening;
use pagekeeper::db::{self, harvests, reports};
use pagekeeper::mail::Error;
use pagekeeper::model::{Category, Kind, Mode, Outcome, Severity, Timestamp};
use pagekeeper::weekly::{self, Ask, Lists, Made};

use super::world::{CANARY, HIGH, MIDDLE, Put, World, check, snapshot};

const SATURDAY: &str = "2026-11-21T23:00:00Z";
const MONDAY: &str = "2026-11-23T15:00:00Z";

fn ask() -> Ask {
    Ask { next: Some("2026-11-30T15:00:00Z".parse().unwrap()), ..Ask::default() }
}

fn make(world: &World) -> Made {
    let made = weekly::run(&world.db, &world.config, &ask(), world.now.get()).unwrap();
    check_counts(&made);
    made
}

fn lists(made: &Made) -> Lists {
    serde_json::from_str(&made.report.lists).unwrap()
}

/// The subject and the first lines say as many as the lists hold.
fn check_counts(made: &Made) {
    let lists = lists(made);
    let number = |word: &str| {
        let before = made.report.subject.split(word).next().unwrap();
        before.trim_end().rsplit([' ', ',']).next().unwrap().replace(',', "").parse::<usize>().unwrap_or(0)
    };
    let subject = made.report.subject.to_lowercase();
    assert_eq!(number(" need"), if subject.starts_with("nothing") { 0 } else { lists.needs() }, "{subject}");
    assert_eq!(number(" flag"), lists.flags.len(), "{subject}");
    assert_eq!(number(" gap"), lists.gaps.len(), "{subject}");
}

/// A week with something of everything.
fn busy() -> World {
    let world = World::live();
    world.comment(HIGH, Category::ThreatViolence, Severity::Critical);
    let phone = world.comment(HIGH, Category::PiiPhone, Severity::High);
    world.comment(MIDDLE, Category::SelfHarm, Severity::Medium);
    world.post(HIGH, "Vote yes on Measure Q this November, families!", Category::PoliticalAdvocacy, Severity::Medium);
    world.post(MIDDLE, "Call Pat at 760-555-0199", Category::PiiPhone, Severity::Medium);
    let old = Put {
        page: HIGH,
        kind: Kind::Comment,
        district: false,
        text: "long ago zzcanary",
        created_at: "2024-01-05T20:00:00Z".parse().unwrap(),
        mode: None,
    };
    world.flagged(&old, Category::Obscenity, Severity::Low);
    world.review(&phone, Outcome::Confirmed);
    world.register("x-district", "Mesa Vista District", "", "x");
    cannot_be_read(&world, MIDDLE, "the token has expired");
    world
}

fn cannot_be_read(world: &World, slug: &str, cause: &'static str) {
    let (account, now) = (world.account(slug), world.now.get());
    let ending = harvests::Ending {
        outcome: "failed",
        cause: Some(cause.into()),
        trouble: Some(cause.into()),
        parked_until: None,
        units: 1,
    };
    world
        .db
        .writer
        .write(move |tx| {
            let begun = harvests::begin(tx, account, Mode::Recent, harvests::Claimant::this(), now)?.unwrap();
            harvests::end(tx, account, begun, &ending, now)
        })
        .unwrap();
}

#[test]
fn a_report_reads_as_the_screens_write_it() {
    let world = busy();
    world.at(MONDAY);
    let made = make(&world);
    assert!(made.is_new && made.mails == 2);
    assert_eq!(made.report.subject, "3 need a person, 5 flags, 1 gap: pages of Mesa Vista USD, Nov 21–22, 2026");
    assert_eq!(made.report.week, "2026-W47");
    snapshot("weekly", &made.report.text);
    snapshot("weekly_html", &made.report.html);
}

#[test]
fn each_recipient_gets_her_own_pages() {
    let world = busy();
    world.at(MONDAY);
    make(&world);
    world.send();
    let (all, own) = (&world.to("superintendent")[0], &world.to("principal")[0]);
    assert!(all.text.contains("Ocotillo Middle") && !own.text.contains("Ocotillo Middle"), "{}", own.text);
    assert_eq!(own.subject, "1 needs a person, 3 flags, no gaps: pages of Mesa Vista USD, Nov 21–22, 2026");
    assert!(own.text.contains("/reports/1?for=0#flags"), "{}", own.text);
}

#[test]
fn one_person_with_two_lists_gets_both() {
    let mut world = busy();
    let mut second = world.config.weekly.recipients[1].clone();
    second.schools = vec!["Ocotillo Middle".into()];
    world.config.weekly.recipients.push(second);
    world.at(MONDAY);
    assert_eq!(make(&world).mails, 3);
    world.send();
    let mails = world.to("principal");
    assert_eq!(mails.len(), 2);
    assert!(mails[1].text.contains("Ocotillo Middle") && !mails[1].text.contains("Mesa Vista High"));
}

#[test]
fn a_post_that_holds_something_private_shows_no_words_for_any_of_its_flags() {
    let world = World::live();
    let flag = world.post(HIGH, "Vote yes and call Pat at 760-555-0199", Category::PoliticalAdvocacy, Severity::Medium);
    world.flag(flag.item_id, &flag.native_id, flag.version, flag.content, Category::PiiPhone, Severity::High, false);
    world.post(HIGH, "Vote yes on Q", Category::PoliticalAdvocacy, Severity::Medium);
    world.at(MONDAY);
    let made = make(&world);
    assert!(!made.report.text.contains("0199") && !made.report.html.contains("call Pat"));
    assert!(made.report.text.contains("Vote yes on Q"));
}

#[test]
fn ranges_of_reports_follow_one_another_without_a_hole() {
    let world = World::live();
    let (mut ends, mut posts) = (0, 0);
    for week in 0..5 {
        for _ in 0..week {
            world.post(HIGH, "Vote yes", Category::PoliticalAdvocacy, Severity::Low);
            world.later(7);
        }
        world.later(60 * 24 * 7);
        let made = make(&world);
        assert_eq!(made.report.from_seq, ends);
        assert!(made.report.to_seq > ends);
        ends = made.report.to_seq;
        posts += lists(&made).kept.values().map(|kept| kept.posts).sum::<u64>();
        assert_eq!(lists(&made).flags.len(), week);
    }
    assert_eq!(posts, 1 + 2 + 3 + 4);
}

#[test]
fn a_report_that_was_made_for_its_time_is_not_made_again() {
    let world = busy();
    world.at(MONDAY);
    let slot = Some(world.now.get());
    let ask = Ask { slot, ..ask() };
    let first = weekly::run(&world.db, &world.config, &ask, world.now.get()).unwrap();
    world.later(3);
    let again = weekly::run(&world.db, &world.config, &ask, world.now.get()).unwrap();
    assert!(first.is_new && !again.is_new);
    assert_eq!(first.report, again.report);
    let by_week = Ask { week: Some("2026-W47".into()), ..Ask::default() };
    assert_eq!(weekly::run(&world.db, &world.config, &by_week, world.now.get()).unwrap().report, first.report);
    world.send();
    world.later(60);
    world.send();
    assert_eq!(world.sent().len(), 2);
    let unknown = Ask { week: Some("2026-W12".into()), ..Ask::default() };
    let error = weekly::run(&world.db, &world.config, &unknown, world.now.get()).unwrap_err();
    assert!(error.to_string().contains("no report of 2026-W12"), "{error}");
}

#[test]
fn a_crash_before_or_after_the_commit_makes_one_report() {
    for fault in [db::Fault::BeforeCommit, db::Fault::AnswerLost] {
        let world = busy();
        world.at(MONDAY);
        let ask = Ask { slot: Some(world.now.get()), ..ask() };
        world.db.writer.fail(0, fault).unwrap();
        assert!(weekly::run(&world.db, &world.config, &ask, world.now.get()).is_err());
        world.later(1);
        weekly::run(&world.db, &world.config, &ask, world.now.get()).unwrap();
        world.send();
        assert_eq!(world.db.read(reports::list).unwrap().len(), 1, "{fault:?}");
        assert_eq!(world.sent().len(), 2);
    }
}

#[test]
fn a_dry_run_stores_and_sends_nothing() {
    let world = busy();
    world.at(MONDAY);
    let before = world.db.read(db::ledger::size).unwrap();
    let dry = Ask { dry_run: true, ..ask() };
    let made = weekly::run(&world.db, &world.config, &dry, world.now.get()).unwrap();
    assert!(made.report.text.contains("Needs a person"));
    assert_eq!(world.db.read(db::ledger::size).unwrap(), before);
    assert_eq!(world.send().sent, 0);
    assert_eq!(make(&world).report.text, made.report.text);
}

#[test]
fn before_going_live_the_administrator_alone_gets_the_report() {
    let world = World::preview();
    world.comment(MIDDLE, Category::Obscenity, Severity::High);
    world.at(MONDAY);
    assert_eq!(make(&world).mails, 1);
    world.send();
    let mails = world.sent();
    assert_eq!(mails.len(), 1);
    assert!(mails[0].to.starts_with("admin@") && mails[0].subject.starts_with("[preview] "));
}

#[test]
fn imported_items_count_in_no_figure() {
    let world = World::live();
    let put = |mode| Put {
        page: HIGH,
        kind: Kind::Post,
        district: true,
        text: "Welcome back",
        created_at: SATURDAY.parse::<Timestamp>().unwrap(),
        mode,
    };
    world.put(&put(None));
    world.put(&put(None));
    world.put(&put(Some(Mode::Recent)));
    world.at(MONDAY);
    let kept = lists(&make(&world)).kept;
    assert_eq!((kept.len(), kept[HIGH].posts), (1, 1));
}

#[test]
fn edits_and_absences_are_counted_by_what_the_entries_say() {
    let world = World::live();
    let put = |text| Put {
        page: HIGH,
        kind: Kind::Comment,
        district: false,
        text,
        created_at: SATURDAY.parse::<Timestamp>().unwrap(),
        mode: Some(Mode::Recent),
    };
    let (_, native_id, ..) = world.put(&put("one zzcanary"));
    world.later(20);
    world.observe(&put("two zzcanary"), &native_id);
    world.later(20);
    world.all_comments_missing(HIGH);
    world.at(MONDAY);
    let made = make(&world);
    let kept = lists(&made).kept[HIGH];
    assert_eq!((kept.posts, kept.comments, kept.edits, kept.missing), (1, 1, 1, 1));
    for (figure, n) in [
        (reports::Figure::Posts, kept.posts),
        (reports::Figure::Comments, kept.comments),
        (reports::Figure::Edits, kept.edits),
        (reports::Figure::Hidden, kept.hidden),
        (reports::Figure::Missing, kept.missing),
    ] {
        let (from, to) = (made.report.from_seq, made.report.to_seq);
        let opened = world.db.read(|conn| reports::counted(conn, from, to, figure, 0, 100)).unwrap();
        assert_eq!(opened.len() as u64, n, "{figure:?}");
    }
}

#[test]
fn what_stays_open_is_said_week_after_week_and_an_opened_concern_needs_nobody() {
    let world = World::live();
    let flag = world.comment(HIGH, Category::ThreatViolence, Severity::Critical);
    world.at(MONDAY);
    assert_eq!(lists(&make(&world)).concerns.len(), 1);
    world.answer(&flag, Opening::Exposure, "principal");
    world.later(60 * 24 * 7);
    let second = make(&world);
    let found = lists(&second);
    assert_eq!((found.concerns.len(), found.flags.len(), found.still_open.len()), (0, 0, 1));
    assert!(
        second.report.text.contains("Still open from earlier weeks: 1 flag, oldest of Sat,"),
        "{}",
        second.report.text
    );
    assert!(second.report.subject.starts_with("Nothing needs a person, no flags"), "{}", second.report.subject);
    world.review(&flag, Outcome::NotAConcern);
    world.later(60 * 24 * 7);
    assert!(lists(&make(&world)).still_open.is_empty());
}

#[test]
fn a_possible_concern_from_the_past_needs_a_person_until_somebody_has_opened_it() {
    let world = World::live();
    let put = Put {
        page: HIGH,
        kind: Kind::Comment,
        district: false,
        text: "long ago",
        created_at: "2024-01-05T20:00:00Z".parse().unwrap(),
        mode: Some(Mode::Backfill),
    };
    let flag = world.flagged(&put, Category::ChildAbuseDisclosure, Severity::Critical);
    world.at(MONDAY);
    let first = make(&world);
    assert!(first.report.subject.starts_with("1 needs a person, no flags"), "{}", first.report.subject);
    let text = first.report.text.replace('\n', " ");
    assert!(text.contains("1 possible concern from the past that nobody has opened"), "{text}");
    assert!(!text.contains("Nothing needs a person"), "{text}");
    world.answer(&flag, Opening::Exposure, "principal");
    world.later(60 * 24 * 7);
    let second = make(&world);
    assert!(second.report.subject.starts_with("Nothing needs a person"), "{}", second.report.subject);
    assert_eq!(lists(&second).past.len(), 1);
}

#[test]
fn a_refused_mail_and_a_missing_legal_basis_are_said() {
    let world = World::live();
    world.outbox.set_trouble(Some(Error::Refused { code: 550, text: "no".into() }));
    world.comment(MIDDLE, Category::ThreatViolence, Severity::Critical);
    world.look();
    world.outbox.set_trouble(None);
    world.at(MONDAY);
    let made = make(&world);
    assert_eq!(lists(&made).refused_mails.len(), 1);
    let text = made.report.text.replace('\n', " ");
    assert!(text.contains("1 mail was refused for good by the mail server"), "{text}");
    assert!(text.contains("No legal basis is recorded"), "{text}");
}

#[test]
fn a_report_waits_for_the_flags_so_that_none_falls_between_two() {
    let world = World::live();
    let followed = world.db.read(db::ledger::size).unwrap();
    world.db.writer.write(move |tx| db::inputs::set_watermark(tx, "flags", followed, &[1; 32], 1)).unwrap();
    world.at(SATURDAY);
    world.post(HIGH, "Vote yes", Category::PoliticalAdvocacy, Severity::Low);
    let later = followed + 1;
    world.at(MONDAY);
    assert!(make(&world).report.to_seq >= followed);
    world.db.writer.write(move |tx| db::inputs::set_watermark(tx, "flags", later, &[1; 32], 1)).unwrap();
    world.later(60 * 24 * 7);
    assert_eq!(make(&world).report.from_seq, world.db.read(|conn| reports::by_id(conn, 1)).unwrap().unwrap().to_seq);
}

#[test]
fn more_than_fifteen_flags_end_in_a_link_to_the_rest() {
    let world = World::live();
    for _ in 0..18 {
        world.comment(HIGH, Category::HarassmentBullying, Severity::Medium);
    }
    world.at(MONDAY);
    let text = make(&world).report.text;
    assert_eq!(text.matches("possible harassment").count(), 15);
    assert!(text.contains("- 3 more\n"), "{text}");
}

#[test]
fn the_sample_is_marked_and_looks_like_a_report() {
    let world = World::live();
    let mail = weekly::sample("it@mesavista.example.org", &world.config, world.now.get());
    check(&mail);
    assert!(mail.subject.starts_with("[test] 2 need a person, 3 flags, 1 gap"), "{}", mail.subject);
    let again =
        weekly::sample("it@mesavista.example.org", &world.config, world.now.get() + SignedDuration::from_secs(1));
    assert_ne!(mail.message_id, again.message_id);
    assert!(!mail.text.contains(CANARY));
}
