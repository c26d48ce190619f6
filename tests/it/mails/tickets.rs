//! Tickets over several weeks: whom they reach and when, what an answer does, and what an administrator leaves as it is.

use jiff::SignedDuration;
use jiff::civil::Date;
use pagekeeper::audit::tickets::{self, Audience, Desk, Links, Standing};
use pagekeeper::audit::{self, CHECKS};
use pagekeeper::db::accounts::{self, Registration};
use pagekeeper::db::findings::{self, End, Failing};
use pagekeeper::db::tickets::{self as stored, Answer};
use pagekeeper::db::{Fault, ledger};
use pagekeeper::mail::{Kind as MailKind, Message};
use pagekeeper::model::{Kind, Mode};
use pagekeeper::text::dates;

use super::world::{HIGH, MIDDLE, OFFICE, Put, World, snapshot};

const LUIS: &str = "luis.ortega@mesavista.example.org";
const DANA: &str = "dana.whitfield@mesavista.example.org";

/// A Monday, eight in the morning, in the last week of summer time.
const START: &str = "2026-10-26T15:00:00Z";

fn switched_on(world: World) -> World {
    world.at(START);
    owned(&world, HIGH, LUIS, "");
    switch(&world, true);
    world
}

fn live() -> World {
    switched_on(World::live())
}

fn switch(world: &World, on: bool) {
    let now = world.now.get();
    world.db.writer.write(move |tx| stored::switch(tx, on, "Priya Nair", now)).unwrap();
}

fn owned(world: &World, slug: &str, address: &str, language: &str) {
    let row = world.db.read(|conn| Ok(accounts::by_slug(conn, slug)?.unwrap().row)).unwrap();
    let names = [(LUIS, "Luis Ortega"), (DANA, "Dana Whitfield")];
    let name = names
        .iter()
        .find(|(known, _)| *known == address)
        .map_or(if address.is_empty() { "" } else { "Ana Ruiz" }, |(_, name)| name);
    let mut row = Registration { owner_name: name.into(), owner_email: address.into(), ..row };
    row.extra.insert("owner_language".into(), language.into());
    let now = world.now.get();
    world.db.writer.write(move |tx| accounts::put(tx, &row, Some("admin"), now)).unwrap();
}

/// What an audit of now sees: these fail, and everything else holds.
fn audited(world: &World, failing: &[(&str, &'static str)]) {
    on_evidence(world, failing, &[]);
}

fn on_evidence(world: &World, failing: &[(&str, &'static str)], evidence: &[u64]) {
    let accounts: Vec<i64> = [HIGH, MIDDLE, OFFICE].map(|slug| world.account(slug)).into();
    let mut ended = Vec::new();
    for account in &accounts {
        ended.extend(CHECKS.iter().map(|check| (*account, check.id, End::Fixed)));
    }
    let one = |(slug, id): &(&str, &'static str)| {
        let check = CHECKS.iter().find(|check| check.id == *id).unwrap();
        Failing {
            account: world.account(slug),
            slug: (*slug).into(),
            check: check.id,
            clause: check.clause,
            turn: check.turn.as_str(),
            what: format!("what {id} found"),
            evidence: evidence.to_vec(),
        }
    };
    let failing: Vec<Failing> = failing.iter().map(one).collect();
    ended.retain(|(account, check, _)| !failing.iter().any(|one| one.account == *account && one.check == *check));
    let now = world.now.get();
    world.db.writer.write(move |tx| findings::keep(tx, &accounts, &failing, &ended, 1, now)).unwrap();
}

/// The job, and the outbox after it.
fn ask(world: &World) -> usize {
    let made = tickets::run(&world.db, &world.config, world.now.get()).unwrap();
    world.send();
    made
}

/// To eight o'clock of the next day, whatever the clocks do.
fn tomorrow(world: &World) -> Date {
    let zone = &world.config.time_zone;
    let day = dates::date(world.now.get(), zone).tomorrow().unwrap();
    world.now.set(zone.to_timestamp(day.at(8, 0, 0, 0)).unwrap());
    day
}

/// The same audit and the job, each weekday for so long: the days on which mails went.
fn days(world: &World, count: usize, failing: &[(&str, &'static str)]) -> Vec<String> {
    let before = world.sent().len();
    for _ in 0..count {
        let day = tomorrow(world);
        audited(world, failing);
        if day.weekday().to_monday_one_offset() <= 5 {
            ask(world);
        }
    }
    let day = |mail: &Message| dates::date(mail.date, &world.config.time_zone).strftime("%b %-d").to_string();
    world.sent()[before..].iter().map(day).collect()
}

fn answer(world: &World, slug: &str, owner: &'static str, answer: Answer) -> usize {
    let (account, now) = (world.account(slug), world.now.get());
    world.db.writer.write(move |tx| stored::answer(tx, account, owner, answer, "", now)).unwrap()
}

fn standing(world: &World, check: &str) -> Option<Standing> {
    let list = world.db.read(|conn| tickets::list(conn, &world.config, world.now.get())).unwrap();
    list.into_iter().find(|one| one.check == check).map(|one| one.ticket.standing)
}

/// The changes on record, oldest first.
fn changes(world: &World) -> Vec<String> {
    let entries = world.db.read(|conn| ledger::entries(conn, 0, 10_000)).unwrap();
    let of = |entry: &ledger::Entry| {
        let fields: serde_json::Value = serde_json::from_str(&entry.kept.as_ref().unwrap().1).unwrap();
        fields["change"].as_str().unwrap().to_owned()
    };
    entries.iter().filter(|entry| entry.kind == "ticket").map(of).collect()
}

#[test]
fn mails_go_at_once_after_two_days_and_then_every_five_and_not_in_the_holidays() {
    let mut world = live();
    world.config.audit.holidays = vec!["2026-11-23..2026-11-27".parse().unwrap(), "2026-11-11".parse().unwrap()];
    let failing = [(HIGH, "dormant")];
    audited(&world, &failing);
    assert_eq!(ask(&world), 1, "at once");
    assert_eq!((ask(&world), ask(&world)), (0, 0), "and once");
    assert_eq!(days(&world, 45, &failing), ["Oct 28", "Nov 2", "Nov 9", "Nov 16", "Nov 30", "Dec 7"]);
    let mails = world.to("luis.ortega");
    assert_eq!(mails[0].subject, "Your page Mesa Vista High (Facebook): 1 thing to fix");
    assert_eq!(mails[1].subject, "Reminder: Your page Mesa Vista High (Facebook): 1 thing to fix");
    let hours = mails.iter().map(|mail| dates::clock(mail.date, &world.config.time_zone));
    assert!(hours.into_iter().all(|hour| hour == "8:00 am"));
    let mut ids: Vec<_> = mails.iter().map(|mail| mail.message_id.clone()).collect();
    ids.dedup();
    assert_eq!(ids.len(), 7);
    assert_eq!(changes(&world).iter().filter(|change| *change == "mailed").count(), 7);
    audited(&world, &[]);
    assert_eq!(days(&world, 10, &[]), Vec::<String>::new(), "what was mended is asked for no more");
    assert_eq!(standing(&world, "dormant"), Some(Standing::Verified));
}

#[test]
fn an_owner_gets_one_mail_for_all_her_pages_with_what_to_click_and_what_to_paste() {
    let mut world = live();
    let file = world.config.data_dir.parent().unwrap().join("expectations.en.txt");
    std::fs::write(&file, "What we ask of comments\n\nBe kind, and\nstay on topic.\n\nNot watched around the clock. In an\nemergency call 911 or 988.\n").unwrap();
    world.config.policy.comment_expectations = vec![file];
    owned(&world, HIGH, DANA, "es");
    owned(&world, OFFICE, DANA, "");
    owned(&world, MIDDLE, LUIS, "");
    audited(
        &world,
        &[
            (HIGH, "emergency"),
            (HIGH, "expectations"),
            (OFFICE, "visitor_posts"),
            (MIDDLE, "dormant"),
            (HIGH, "handle"),
            (HIGH, "pictures"),
        ],
    );
    assert_eq!(ask(&world), 2, "what IT or the principal mends is in no mail");
    let mail = &world.to("dana.whitfield")[0];
    assert_eq!((mail.kind, mail.important), (MailKind::Ticket, false));
    assert_eq!(mail.subject, "Your pages: 3 things to fix on 2 pages");
    let links = Links::open(&world.config).unwrap();
    let masked = |text: &str| {
        let mut text = text.to_owned();
        for slug in [HIGH, OFFICE] {
            let account = world.db.read(|conn| accounts::by_slug(conn, slug)).unwrap().unwrap();
            let token = links.token(&account, world.now.get());
            assert!(text.contains(&token), "{slug}");
            text = text.replace(&token, &format!("(link of {slug})"));
        }
        text
    };
    snapshot("ticket", &masked(&mail.text));
    snapshot("ticket_html", &masked(&mail.html));
    assert!(!mail.text.contains("handle found") && !mail.text.contains("pictures found"), "{}", mail.text);
    let luis = &world.to("luis.ortega")[0].text;
    assert!(!luis.contains("Mesa Vista High") && !luis.contains("correo"), "hers alone, in her language: {luis}");
}

#[test]
fn nothing_goes_to_owners_before_it_is_switched_on_and_the_archive_is_live() {
    let world = World::preview();
    world.at(START);
    owned(&world, HIGH, LUIS, "");
    audited(&world, &[(HIGH, "dormant")]);
    assert_eq!(ask(&world), 0, "off");
    let preview = world.db.read(|conn| tickets::preview(conn, &world.config, world.now.get())).unwrap();
    assert_eq!((preview.len(), preview[0].recipient.as_str()), (1, LUIS));
    assert!(preview[0].text.contains("https://pages.mesavista.example.org/answer/preview"), "{}", preview[0].text);
    switch(&world, true);
    switch(&world, true);
    let entries = world.db.read(|conn| ledger::entries(conn, 0, 1000)).unwrap();
    let switches: Vec<_> = entries.iter().filter(|entry| entry.subject.as_deref() == Some("tickets")).collect();
    assert_eq!((switches.len(), switches[0].actor.as_deref()), (1, Some("Priya Nair")));
    assert_eq!(ask(&world), 1);
    let mail = &world.sent()[0];
    assert_eq!(mail.to, "admin@mesavista.example.org");
    assert!(mail.subject.starts_with("[preview] Your page") && mail.text.contains("/answer/preview"), "{}", mail.text);
    let now = world.now.get();
    world.db.writer.write(move |tx| pagekeeper::db::alerts::go_live(tx, "admin", now)).unwrap();
    tomorrow(&world);
    assert_eq!(ask(&world), 1, "the owner was asked by nobody yet");
    assert_eq!((world.sent()[1].to.as_str(), world.sent()[1].subject.starts_with("Your page")), (LUIS, true));
    switch(&world, false);
    assert_eq!(days(&world, 9, &[(HIGH, "dormant")]), Vec::<String>::new());
    let mut bare = World::without_mail_section();
    bare.config.mail = None;
    assert_eq!(ask(&switched_on(bare)), 0);
}

#[test]
fn done_rests_until_the_next_audit_which_has_the_last_word() {
    let world = live();
    let both = [(HIGH, "dormant"), (HIGH, "website")];
    audited(&world, &both);
    ask(&world);
    world.later(60);
    assert_eq!(answer(&world, HIGH, LUIS, Answer::Done), 2);
    assert_eq!(answer(&world, HIGH, LUIS, Answer::Done), 0, "said once");
    assert_eq!(standing(&world, "website"), Some(Standing::Done));
    for _ in 0..4 {
        tomorrow(&world);
        assert_eq!(ask(&world), 0, "nobody has looked since");
    }
    audited(&world, &[(HIGH, "website")]);
    assert_eq!(standing(&world, "dormant"), Some(Standing::Verified));
    assert_eq!(ask(&world), 1, "still so: mailed again");
    let mail = world.sent().pop().unwrap();
    assert_eq!(mail.subject, "Your page Mesa Vista High (Facebook): 1 thing to fix");
    let words = mail.text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("You answered on Mon, Oct 26 that it is done; on Fri, Oct 30 it was still so."), "{words}");
    assert_eq!(days(&world, 5, &[(HIGH, "website")]), ["Nov 2"], "the ladder begins anew: Sunday is no weekday");
    let wanted = ["opened", "mailed", "opened", "mailed", "answered", "answered", "reopened", "mailed", "mailed"];
    assert_eq!(changes(&world), wanted);
}

#[test]
fn done_is_judged_only_by_what_was_read_again_and_that_is_due_at_once() {
    let world = live();
    let written = world.now.get() - SignedDuration::from_hours(24 * 90);
    let put = Put {
        page: HIGH,
        kind: Kind::Post,
        district: true,
        text: "Picture day",
        created_at: written,
        mode: Some(Mode::Recent),
    };
    let (item, native_id, seq, _) = world.put(&put);
    let due = || {
        let sql = "SELECT due_at FROM items WHERE id = ?1";
        world.db.read(|conn| Ok(conn.query_row(sql, [item], |row| row.get::<_, Option<i64>>(0))?)).unwrap()
    };
    let first_due = due();
    let evidence = [seq];
    on_evidence(&world, &[(HIGH, "alt_text")], &evidence);
    ask(&world);
    world.later(60);
    answer(&world, HIGH, LUIS, Answer::Done);
    assert!(first_due.is_none() || due() <= Some(pagekeeper::db::ms(world.now.get())), "{:?}", due());
    tomorrow(&world);
    on_evidence(&world, &[(HIGH, "alt_text")], &evidence);
    assert_eq!(ask(&world), 0, "the post was not read since: the audit knows nothing new");
    world.later(60);
    world.observe(&put, &native_id);
    on_evidence(&world, &[(HIGH, "alt_text")], &evidence);
    assert_eq!(ask(&world), 1);
    world.later(60);
    answer(&world, HIGH, LUIS, Answer::Done);
    for _ in 0..5 {
        tomorrow(&world);
        on_evidence(&world, &[(HIGH, "alt_text")], &evidence);
    }
    assert_eq!(ask(&world), 1, "after five days it is asked again all the same");
}

#[test]
fn help_and_not_mine_stop_the_ladder_and_are_told_to_it() {
    let world = live();
    owned(&world, MIDDLE, DANA, "");
    let failing = [(HIGH, "dormant"), (HIGH, "website"), (MIDDLE, "dormant")];
    audited(&world, &failing);
    ask(&world);
    assert_eq!((answer(&world, HIGH, LUIS, Answer::Help), answer(&world, MIDDLE, DANA, Answer::NotMine)), (2, 1));
    assert_eq!(answer(&world, HIGH, DANA, Answer::Done), 0, "she was never asked about that page");
    assert_eq!(days(&world, 12, &failing), Vec::<String>::new());
    let asking: Vec<String> =
        world.db.read(stored::asking).unwrap().iter().map(|one| format!("{}: {}", one.slug, one.words())).collect();
    assert_eq!(
        asking,
        [
            "mesa-vista-high: The owner of Mesa Vista High (Facebook) asks for help with 2 findings",
            "ocotillo-middle: The listed owner of Ocotillo Middle (Facebook) says that this is not their page"
        ]
    );
    let report =
        pagekeeper::weekly::run(&world.db, &world.config, &Default::default(), world.now.get()).unwrap().report;
    assert!(report.subject.starts_with("2 need a person") && report.text.contains("asks for help"), "{}", report.text);
    let new = [(HIGH, "captions"), (HIGH, "dormant"), (HIGH, "website"), (MIDDLE, "dormant"), (MIDDLE, "captions")];
    audited(&world, &new);
    assert_eq!(ask(&world), 1, "something new on the page of who needs help; nothing to whose page it is not");
    assert!(world.sent().pop().unwrap().subject.ends_with("Mesa Vista High (Facebook): 1 thing to fix"));
    owned(&world, MIDDLE, LUIS, "");
    tomorrow(&world);
    assert_eq!(ask(&world), 1, "the next owner is asked from the first step");
    let mail = world.sent().pop().unwrap();
    assert!(mail.to == LUIS && mail.text.contains("Ocotillo Middle"), "{}", mail.text);
    assert!(mail.subject.starts_with("Your pages: "), "{}", mail.subject);
    assert_eq!(world.db.read(stored::asking).unwrap().len(), 1);
}

#[test]
fn another_owner_is_asked_from_the_first_step_and_nobody_where_there_is_no_address() {
    let world = live();
    let failing = [(HIGH, "dormant")];
    audited(&world, &failing);
    ask(&world);
    assert_eq!(days(&world, 3, &failing), ["Oct 28"]);
    owned(&world, HIGH, "", "");
    assert_eq!(days(&world, 6, &failing), Vec::<String>::new());
    assert_eq!(standing(&world, "dormant"), Some(Standing::NoAddress));
    for none in ["the office", "a b@mesavista.example.org", "a@b"] {
        owned(&world, HIGH, none, "");
        assert_eq!((ask(&world), standing(&world, "dormant")), (0, Some(Standing::NoAddress)), "{none}");
    }
    owned(&world, HIGH, DANA, "");
    assert_eq!(days(&world, 5, &failing), ["Nov 5", "Nov 9"]);
    assert_eq!(world.to("dana.whitfield").len(), 2);
    owned(&world, HIGH, &DANA.to_uppercase(), "");
    assert_eq!(days(&world, 3, &failing), Vec::<String>::new(), "the same address in capitals");
}

#[test]
fn what_is_accepted_is_mailed_no_more_stands_apart_and_comes_back_when_its_day_has_passed() {
    let world = live();
    let failing = [(HIGH, "dormant"), (HIGH, "website")];
    audited(&world, &failing);
    ask(&world);
    let accept = |check: &'static str, until: &str| {
        let (until, now): (Date, _) = (until.parse().unwrap(), world.now.get());
        world.db.writer.write(move |tx| stored::accept(tx, (HIGH, check), "closed for the summer", until, "IT", now))
    };
    accept("dormant", "2026-11-04").unwrap();
    accept("website", "2026-12-01").unwrap();
    assert!(accept("captions", "2026-12-01").is_err(), "there is no such finding");
    assert_eq!(answer(&world, HIGH, LUIS, Answer::Done), 0, "it is settled");
    assert_eq!(days(&world, 9, &failing), Vec::<String>::new(), "through Nov 4");
    assert_eq!(standing(&world, "dormant"), Some(Standing::Accepted));
    assert_eq!(days(&world, 1, &failing), ["Nov 5"]);
    assert!(world.sent().pop().unwrap().subject.ends_with(": 1 thing to fix"));
    assert_eq!(
        (standing(&world, "dormant"), standing(&world, "website")),
        (Some(Standing::Asked), Some(Standing::Accepted))
    );
}

#[test]
fn the_audit_tells_accepted_findings_apart() {
    let world = live();
    owned(&world, HIGH, "luis@mail.example.net", "");
    let run = || {
        let now = world.now.get();
        let (seen, _) = audit::run(&world.db, &world.config, now).unwrap();
        world.db.read(|conn| audit::report(conn, &seen, &world.config.time_zone)).unwrap()
    };
    let named = |report: &audit::Report| {
        report.lines.iter().find(|line| line.account == HIGH && line.check == "owner_named").unwrap().clone()
    };
    let before = run();
    assert!(!named(&before).is_accepted() && before.summary[1].contains("from IT"), "{:?}", before.summary);
    let now = world.now.get();
    let until = "2026-12-01".parse().unwrap();
    world
        .db
        .writer
        .write(move |tx| stored::accept(tx, (HIGH, "owner_named"), "a contractor", until, "Priya", now))
        .unwrap();
    let after = run();
    assert!(named(&after).is_accepted());
    let line = serde_json::to_value(named(&after)).unwrap();
    assert_eq!((&line["verdict"], &line["ticket"]["state"]), (&"fails".into(), &"accepted".into()));
    assert_eq!(
        (&line["ticket"]["accepted_until"], &line["ticket"]["reason"]),
        (&"2026-12-01".into(), &"a contractor".into())
    );
    assert!(after.summary.iter().any(|words| words.contains("1 finding is accepted for now")), "{:?}", after.summary);
    assert!(!after.summary.iter().any(|words| words.contains("First: Mesa Vista High")), "{:?}", after.summary);
}

#[test]
fn a_crash_sends_no_step_twice_and_loses_none() {
    let world = live();
    audited(&world, &[(HIGH, "dormant")]);
    let size = || world.db.read(ledger::size).unwrap();
    let before = size();
    world.db.writer.fail(0, Fault::BeforeCommit).unwrap();
    assert!(tickets::run(&world.db, &world.config, world.now.get()).is_err());
    assert_eq!((size(), world.send().sent), (before, 0), "nothing of it is kept");
    world.db.writer.fail(0, Fault::AnswerLost).unwrap();
    assert!(tickets::run(&world.db, &world.config, world.now.get()).is_err());
    assert_eq!(ask(&world), 0, "it stands, and is not made again");
    assert_eq!((world.sent().len(), changes(&world)), (1, vec!["opened".to_owned(), "mailed".to_owned()]));
    // Two processes that plan the same step from the same record: the second finds the mail there and moves nothing.
    tomorrow(&world);
    tomorrow(&world);
    let links = Links::open(&world.config).unwrap();
    let desk = world.db.read(Desk::gather).unwrap();
    let steps = tickets::plan(&desk, &world.config, &Audience::Owners(&links), world.now.get());
    let now = world.now.get();
    for wanted in [1, 0] {
        let steps = steps.clone();
        assert_eq!(world.db.writer.write(move |tx| stored::carry_out(tx, &steps, now)).unwrap(), wanted);
    }
    assert_eq!((world.send().sent, changes(&world).len()), (1, 3));
}

#[test]
fn what_rests_is_begun_anew_by_a_person_from_the_first_step() {
    let world = live();
    owned(&world, MIDDLE, DANA, "");
    let failing = [(HIGH, "dormant"), (HIGH, "website"), (MIDDLE, "dormant"), (MIDDLE, "website")];
    audited(&world, &failing);
    ask(&world);
    let reopen = |slug: &'static str, check: &'static str| {
        let now = world.now.get();
        world.db.writer.write(move |tx| stored::reopen(tx, (slug, check), "showed her where", "Priya Nair", now))
    };
    assert!(reopen(HIGH, "dormant").is_err(), "it does not rest");
    answer(&world, HIGH, LUIS, Answer::Help);
    answer(&world, MIDDLE, DANA, Answer::NotMine);
    assert_eq!(days(&world, 3, &failing), Vec::<String>::new());
    assert_eq!(reopen(HIGH, "dormant").unwrap(), 1);
    assert!(reopen(HIGH, "dormant").is_err(), "once");
    assert_eq!(standing(&world, "dormant"), Some(Standing::NotMine), "the other page's comes first");
    assert_eq!(ask(&world), 1, "at once");
    let mail = world.sent().pop().unwrap();
    assert!(mail.to == LUIS && mail.subject == "Your page Mesa Vista High (Facebook): 1 thing to fix", "{mail:?}");
    assert_eq!(days(&world, 12, &failing), ["Nov 2", "Nov 9"], "the second, and then five days");
    assert_eq!(reopen(MIDDLE, "website").unwrap(), 2, "that the page is another's was said of the page");
    assert_eq!(ask(&world), 1);
    assert!(world.sent().pop().unwrap().subject.ends_with("Ocotillo Middle (Facebook): 2 things to fix"));
    let asking = world.db.read(stored::asking).unwrap();
    assert_eq!(asking.iter().map(|one| (one.slug.as_str(), one.things)).collect::<Vec<_>>(), [(HIGH, 1)]);
    assert_eq!(changes(&world).iter().filter(|change| *change == "reopened").count(), 3);
    assert!(reopen(HIGH, "captions").is_err(), "there is no such finding");
}

#[test]
fn an_audit_that_looked_before_another_or_before_a_page_was_retired_changes_nothing() {
    let world = live();
    audited(&world, &[(HIGH, "dormant")]);
    let kept = |through: u64, failing: Vec<&'static str>| {
        let (high, now) = (world.account(HIGH), world.now.get());
        let failing: Vec<Failing> = failing
            .into_iter()
            .map(|check| Failing {
                account: high,
                slug: HIGH.into(),
                check,
                clause: "III.9",
                turn: "owner",
                what: "what it found".into(),
                evidence: Vec::new(),
            })
            .collect();
        let ended = [(high, "website", End::Fixed), (high, "dormant", End::Fixed)];
        let ended: Vec<_> =
            ended.into_iter().filter(|(_, check, _)| !failing.iter().any(|one| one.check == *check)).collect();
        world.db.writer.write(move |tx| findings::keep(tx, &[high], &failing, &ended, through, now)).unwrap()
    };
    assert_eq!(kept(9, vec![]).fixed, 1);
    assert_eq!(kept(8, vec!["dormant"]), Default::default(), "it looked earlier and came later");
    let row = world.db.read(|conn| Ok(accounts::by_slug(conn, HIGH)?.unwrap().row)).unwrap();
    let (row, now) = (Registration { status: "retired".into(), ..row }, world.now.get());
    world.db.writer.write(move |tx| accounts::put(tx, &row, Some("admin"), now)).unwrap();
    assert_eq!(kept(9, vec!["website"]).opened, 0, "the page was retired in between");
}
