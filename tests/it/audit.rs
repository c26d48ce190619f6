//! The audit against a district that fails, holds and leaves open every check: what is so on the pages is what it says.

use std::time::Instant;

use jiff::SignedDuration;
use pagekeeper::app::App;
use pagekeeper::audit::attest::{self, Saying};
use pagekeeper::audit::{self, Audit, CHECKS, Line, Report, topics};
use pagekeeper::config::Config;
use pagekeeper::db::accounts::{self, Registration};
use pagekeeper::db::attestations::Answer;
use pagekeeper::db::findings::{self, Changed};
use pagekeeper::db::{self, Db, Fault};
use pagekeeper::model::{Clock, Mode, Timestamp};
use pagekeeper::sandbox::world::{File, Medium};
use pagekeeper::sandbox::{Form, World};
use serde_json::json;

use crate::kills::command;
use crate::rig::{BLUESKY, INSTAGRAM, NOW, PAGE, Rig, X, YOUTUBE};

const USD: &str = "mesa-vista-usd";
const OCOTILLO: &str = "ocotillo-elementary";
const FAMILIES: &str = "familias-mesa-vista";
const SPORT: &str = "condor-athletics";
const USD_INSTAGRAM: &str = "mesa-vista-usd-instagram";
/// In the register alone: a person's profile, and a page that no interface reads.
const COACH: &str = "coach-profile";
const NEXTDOOR: &str = "mesa-vista-nextdoor";

/// Check, a page on which it holds, one on which it fails, and one on which the platform does not say, or nobody stated anything.
const TRUTH: &[(&str, &str, &str, &str)] = &[
    ("page_kind", USD, COACH, ""),
    ("kept", USD, COACH, NEXTDOOR),
    ("token", USD, PAGE, OCOTILLO),
    ("approved_admins", USD, SPORT, USD_INSTAGRAM),
    ("enough_admins", SPORT, OCOTILLO, X),
    ("leavers", USD, PAGE, SPORT),
    ("two_factor", USD, PAGE, SPORT),
    ("password_holder", USD_INSTAGRAM, X, YOUTUBE),
    ("recovery_email", USD_INSTAGRAM, X, YOUTUBE),
    ("blocked_words", USD, PAGE, SPORT),
    ("malware", USD, PAGE, SPORT),
    ("acceptable_use", USD, PAGE, SPORT),
    // Holds and fails on pages that grow old: tests/it/attest.rs.
    ("looked_at", "", "", NEXTDOOR),
    ("unregistered", PAGE, USD, FAMILIES),
    ("expectations", USD, INSTAGRAM, SPORT),
    ("emergency", USD, INSTAGRAM, SPORT),
    ("visitor_posts", USD, OCOTILLO, COACH),
    ("profanity_filter", USD, SPORT, COACH),
    ("age_gate", USD, PAGE, COACH),
    ("settings", USD, OCOTILLO, COACH),
    ("subscribed_applications", USD, SPORT, COACH),
    ("publishing_applications", PAGE, OCOTILLO, USD),
    ("owner_named", USD, PAGE, SPORT),
    ("supervisor_notified", USD, PAGE, SPORT),
    ("it_notified", USD, PAGE, SPORT),
    ("approved", USD, PAGE, SPORT),
    ("name", USD, SPORT, NEXTDOOR),
    ("handle", USD, USD_INSTAGRAM, NEXTDOOR),
    ("website", USD, OCOTILLO, YOUTUBE),
    ("website", BLUESKY, "", NEXTDOOR),
    ("listed", USD, SPORT, ""),
    ("verification", USD, PAGE, USD_INSTAGRAM),
    ("never_posted", USD, FAMILIES, NEXTDOOR),
    ("dormant", USD, X, FAMILIES),
    ("alt_text", USD_INSTAGRAM, BLUESKY, USD),
    ("alt_text", "", "", INSTAGRAM),
    ("captions", YOUTUBE, "", FAMILIES),
    ("flyers", USD_INSTAGRAM, OCOTILLO, INSTAGRAM),
    ("hashtags", PAGE, USD, FAMILIES),
    ("click_here", PAGE, OCOTILLO, FAMILIES),
    ("capitals", PAGE, SPORT, FAMILIES),
];

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

/// Pages with a post or two each, written so that each check of posts finds something.
fn world() -> World {
    let world = World::bare(now());
    let alt = |words: Option<&str>| words.map(str::to_owned);
    let posts: [(&str, i64, &str, Option<Option<String>>); 10] = [
        (USD, 3, "Robotics has a page of its own: https://www.facebook.com/MesaVistaRobotics #mesavistarobotics", None),
        (PAGE, 2, "Picture day is Friday at 9 a.m. in the library. #CondorPride", Some(None)),
        (OCOTILLO, 4, "Winter concert! See the flyer for details.", Some(None)),
        (OCOTILLO, 5, "Sign up for the book fair: click here https://mesavista.example.org/fair", None),
        (SPORT, 1, "WE BEAT PALO VERDE FOURTEEN TO SEVEN TONIGHT", None),
        (
            USD_INSTAGRAM,
            2,
            "The garden club harvested twelve pounds of chard and carrots at noon today.",
            Some(alt(Some("Three children hold a basket of chard"))),
        ),
        (INSTAGRAM, 2, "Game day", Some(None)),
        (BLUESKY, 2, "The choir sang in the plaza last night.", Some(None)),
        (X, 300, "Buses run on the early schedule today.", None),
        (YOUTUBE, 6, "The board meeting of November", None),
    ];
    for (number, (page, days, text, picture)) in posts.into_iter().enumerate() {
        world.set_now(now() - SignedDuration::from_hours(24 * days));
        let mut state = world.lock();
        let form = if picture.is_some() { Form::Photo } else { Form::Status };
        let id = state.add_post(page, text, form).unwrap();
        let item = state.items.iter_mut().find(|item| item.id == id).unwrap();
        item.application = match (page, number) {
            (PAGE, _) => Some(("173847642670370".into(), "Meta Business Suite".into())),
            (OCOTILLO, 2) => Some(("480915550199".into(), "ScoreBlaster Free".into())),
            _ => None,
        };
        item.captioned = page == YOUTUBE;
        if let Some(alt) = picture {
            let id = if page.ends_with("instagram") { id } else { format!("44000000000{number:02}") };
            item.media = vec![Medium { id, file: File::Jpeg, alt }];
        }
    }
    world.set_now(now());
    world
}

/// The district's pages with what their owners did to them, registered as a careful and a careless hand would.
async fn district() -> Rig {
    let rig = Rig::with(world(), Clock::manual(now()), &[]).await;
    let world = rig.sandbox.world();
    let set = |page: &str, name: &'static str, value: serde_json::Value| {
        world.change_profile(page, |account| {
            account.settings.iter_mut().filter(|(known, _)| known == name).for_each(|(_, old)| *old = value.clone());
        });
    };
    set(PAGE, "AGE_RESTRICTIONS", json!("18+"));
    world.change_profile(OCOTILLO, |page| page.website = "https://ocotillo-parents.example.net/".into());
    world.change_profile(USD, |page| page.access_ends = Some(now() + SignedDuration::from_hours(24 * 200)));
    world.change_profile(PAGE, |page| page.access_ends = Some(now() + SignedDuration::from_hours(24 * 5)));
    world.change_profile(SPORT, |page| {
        page.name = "Condor Sports".into();
        page.description = "What we ask of comments: mesavista.example.org/athletics-rules".into();
    });
    world.change_profile(USD_INSTAGRAM, |page| page.handle = "mesavistaunified".into());
    register(&rig).await;
    rig.try_harvest(Mode::Profile, false).await.unwrap();
    rig.try_harvest(Mode::Backfill, false).await.unwrap();
    rig.follow().await.unwrap();
    rig
}

async fn register(rig: &Rig) {
    let mut rows: Vec<Registration> = rig.accounts().into_iter().map(|account| account.row).collect();
    for row in &mut rows {
        let mut fill = |owner: &str, day: &str, it: &str| {
            (row.owner_name, row.owner_email) = ("Dana Whitfield".into(), owner.into());
            (row.supervisor_notified_on, row.it_notified_on) = (day.into(), it.into());
            row.extra.insert("approved_on".into(), day.into());
            row.extra.insert("verified".into(), "yes".into());
        };
        match row.slug.as_str() {
            USD => fill("dana@schools.mesavista.example.org", "2026-08-03", "2026-08-03"),
            PAGE => fill("dana@mail.example.net", "soon", "2027-08-03"),
            USD_INSTAGRAM => fill("dana@mesavista.example.org", "2026-08-03", "2026-08-03"),
            SPORT => row.comment_policy_url = "https://mesavista.example.org/athletics-rules".into(),
            _ => {}
        }
    }
    for (slug, platform, handle) in
        [(COACH, "facebook", "profile.php?id=100077001"), (NEXTDOOR, "nextdoor", "mesa-vista-usd")]
    {
        let (slug, platform, handle) = (slug.into(), platform.into(), handle.into());
        rows.push(Registration {
            slug,
            platform,
            handle,
            name: "Coach".into(),
            status: "active".into(),
            ..Registration::default()
        });
    }
    put(&rig.app().db, rows).await;
    attested(rig);
}

/// What the truth table says that people said: yes, no, and that they do not know.
fn attested(rig: &Rig) {
    let (app, accounts) = (rig.app(), rig.accounts());
    for (check, yes, no, unknown) in TRUTH {
        let Some(topic) = topics::topic(check) else { continue };
        for (slug, answer) in [(yes, Answer::Yes), (no, Answer::No), (unknown, Answer::Unknown)] {
            let Some(account) = accounts.iter().find(|account| account.row.slug == *slug) else { continue };
            let (words, said_by) = ("as agreed".to_owned(), "Ana Ruiz".to_owned());
            let said = vec![Saying { topic, answer, words, said_by, until: None, file: None }];
            let say = || attest::say(&app.db, &app.config, account, said, "it", now());
            tokio::task::block_in_place(say).unwrap();
        }
    }
}

async fn put(db: &Db, rows: Vec<Registration>) {
    let put =
        move |tx: &db::Tx<'_>| rows.iter().try_for_each(|row| accounts::put(tx, row, Some("it"), now()).map(|_| ()));
    db.writer.write_async(put).await.unwrap();
}

fn audit(app: &App, now: Timestamp) -> (Audit, Changed) {
    held_to(&app.config, app, now).unwrap()
}

/// An audit against the standard of a config.
fn held_to(config: &Config, app: &App, now: Timestamp) -> anyhow::Result<(Audit, Changed)> {
    tokio::task::block_in_place(|| audit::run(&app.db, config, now))
}

fn report(app: &App, audit: &Audit) -> Report {
    app.db.read(|conn| audit::report(conn, audit, &app.config.time_zone)).unwrap()
}

/// How a check of the register alone, and how any other, says that it cannot say.
fn open_as(check: &str) -> &'static str {
    let of_register = ["owner_named", "supervisor_notified", "it_notified", "approved"];
    if of_register.contains(&check) { "not_stated" } else { "not_said" }
}

/// Verdict and words of a check on a page.
fn verdict(audit: &Audit, check: &str, page: &str) -> (&'static str, String) {
    let page = audit.pages.iter().find(|one| one.account.row.slug == page).unwrap();
    let found = page.verdicts.iter().find(|(one, _)| one.id == check);
    found.map_or(("unasked", String::new()), |(_, verdict)| (verdict.as_str(), verdict.words().to_owned()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_district_fails_holds_and_leaves_open_every_check() {
    let rig = district().await;
    let mut config = (*rig.app().config).clone();
    config.policy.approval_required = true;
    let (audit, _) = held_to(&config, rig.app(), rig.clock.now()).unwrap();
    let mut wrong = Vec::new();
    for (check, holds, fails, open) in TRUTH {
        for (page, wanted) in [(holds, "holds"), (fails, "fails"), (open, open_as(check))] {
            let (found, words) = if page.is_empty() { continue } else { verdict(&audit, check, page) };
            if found != wanted || words.is_empty() {
                wrong.push(format!("{check} on {page}: {found} ({words}), and not {wanted}"));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    let told: Vec<&str> = TRUTH.iter().map(|(check, ..)| *check).chain(["pictures"]).collect();
    assert_eq!(
        CHECKS.iter().map(|check| check.id).filter(|id| !told.contains(id)).collect::<Vec<_>>(),
        Vec::<&str>::new()
    );
    for page in &audit.pages {
        for (check, verdict) in &page.verdicts {
            let rests = verdict.as_str() != "fails" || !verdict.evidence().is_empty();
            assert!(rests, "{} on {} rests on nothing", check.id, page.account.row.slug);
        }
    }
    rig.check("after an audit");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standard_that_nobody_stated_and_a_page_that_nobody_read_are_never_said_to_hold() {
    let rig = district().await;
    let mut config = (*rig.app().config).clone();
    config.audit = pagekeeper::config::Audit::default();
    (config.law.file, config.policy.comment_expectations) = (rig.folder.path().join("no file"), Vec::new());
    let (bare, changed) = held_to(&config, rig.app(), rig.clock.now()).unwrap();
    let asks = [
        "approved_admins",
        "publishing_applications",
        "visitor_posts",
        "profanity_filter",
        "age_gate",
        "settings",
        "expectations",
        "emergency",
        "listed",
        "pictures",
    ];
    for check in asks.into_iter().chain(["alt_text", "captions", "flyers", "hashtags", "click_here", "capitals"]) {
        assert_eq!(verdict(&bare, check, USD).0, "not_stated", "{check}");
    }
    assert!(changed.withdrawn > 0, "what is not asked any more is withdrawn: {changed:?}");
    for (check, _, _, open) in TRUTH.iter().filter(|(.., open)| *open == NEXTDOOR) {
        assert_eq!(verdict(&bare, check, open).0, "not_said", "{check}");
    }
}

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

fn account(rig: &Rig, id: i64) -> String {
    rig.accounts().into_iter().find(|account| account.id == id).unwrap().row.slug
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
async fn the_first_page_reads_alone_and_works_from_the_register_alone() {
    let mut rig = Rig::with(World::bare(now()), Clock::manual(now()), &[]).await;
    register(&rig).await;
    let (first, changed) = audit(rig.app(), rig.clock.now());
    let words = report(rig.app(), &first).summary.join("\n");
    assert!(words.starts_with("15 pages. 0 are connected and kept, 15 are not (6 Facebook,"), "{words}");
    assert!(
        words.contains("need something: ")
            && words.contains("IT")
            && words.contains("there is none to compare it with"),
        "{words}"
    );
    assert!(words.contains("First: Coach (Facebook): the register has the address of a personal profile"), "{words}");
    assert!(words.contains("Not stated, and so not checked") && words.contains("who owns the page (12)"), "{words}");
    assert!(changed.opened > 0);
    rig.pass(SignedDuration::from_hours(24));
    let row = Registration { owner_email: "dana@mesavista.example.org".into(), ..row(&rig, PAGE) };
    put(&rig.app().db, vec![row]).await;
    let (second, _) = audit(rig.app(), rig.clock.now());
    let words = report(rig.app(), &second).summary.join("\n");
    assert!(
        words.contains("Since the audit of Tue, Nov 24, 2026, 9:00 am: 0 new, 1 fixed, 0 not asked any more."),
        "{words}"
    );
    rig.close();
    for flags in [&["audit"][..], &["audit", "--json"], &["audit", "--csv"]] {
        let done = command(&rig.config, flags).output().unwrap();
        let text = String::from_utf8(done.stdout).unwrap();
        assert!(done.status.success(), "{flags:?}: {}", String::from_utf8_lossy(&done.stderr));
        let begins = ["15 pages. ", "{\"account\":\"coach-profile\"", "account,page,"]
            .iter()
            .any(|begin| text.starts_with(begin));
        assert!(begins && text.contains("page_kind") | text.contains("III.3"), "{flags:?}: {text}");
    }
}

fn row(rig: &Rig, slug: &str) -> Registration {
    rig.accounts().into_iter().find(|account| account.row.slug == slug).unwrap().row
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
async fn two_thousand_pages_are_audited_in_less_than_two_seconds() {
    let rig = Rig::with(World::bare(now()), Clock::manual(now()), &[]).await;
    let row = |number: usize| Registration {
        slug: format!("page-{number}"),
        platform: ["facebook", "instagram", "x", "youtube", "bluesky", "nextdoor"][number % 6].into(),
        handle: format!("page.{number}"),
        name: format!("Page {number}"),
        owner_name: "Dana Whitfield".into(),
        owner_email: if number.is_multiple_of(4) {
            "dana@mail.example.net".into()
        } else {
            "dana@mesavista.example.org".into()
        },
        status: "active".into(),
        ..Registration::default()
    };
    put(&rig.app().db, (0..2000).map(row).collect()).await;
    let begun = Instant::now();
    let (all, changed) = audit(rig.app(), rig.clock.now());
    let report = report(rig.app(), &all);
    let took = begun.elapsed();
    assert_eq!(all.pages.len(), 2013);
    assert!(changed.opened >= 500 && report.lines.len() > 2013 * 15);
    assert!(took.as_secs_f64() < 2.0, "{took:?}");
}

#[test]
fn a_table_for_spreadsheets_holds_no_formula() {
    let line = Line {
        account: "=1+1".into(),
        title: "@here".into(),
        platform: "facebook".into(),
        owner: "-2".into(),
        check: "name",
        clause: "III.2",
        asks: "Its name",
        verdict: "fails",
        words: "=HYPERLINK(\"http://x.example.net\")".into(),
        since: None,
        turn: "it",
        act: "Ask",
        evidence: vec![3, 4],
        ticket: None,
    };
    let text = String::from_utf8(audit::csv(&[line]).unwrap()).unwrap();
    let cells = text.lines().nth(1).unwrap();
    assert_eq!(
        cells,
        "'=1+1,'@here,facebook,'-2,name,III.2,Its name,fails,\"'=HYPERLINK(\"\"http://x.example.net\"\")\",,it,Ask,3 4"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_register_from_a_spreadsheet_is_read_or_refused_with_line_and_column() {
    let mut rig = Rig::with(World::bare(now()), Clock::manual(now()), &[PAGE]).await;
    rig.close();
    let file = rig.folder.path().join("register.csv");
    let import = |bytes: &[u8]| {
        std::fs::write(&file, bytes).unwrap();
        let done = command(&rig.config, &["accounts", "import", file.to_str().unwrap()]).output().unwrap();
        (done.status.code(), String::from_utf8_lossy(&done.stderr).into_owned())
    };
    let (code, said) =
        import("\u{feff}slug;platform;handle;name;groups\r\nart-club;X;artclub;\"Art; club\";\"a;b\"\r\n".as_bytes());
    assert_eq!((code, said.contains("added: art-club")), (Some(0), true), "{said}");
    let row = row(&rig, "art-club");
    assert_eq!((row.platform.as_str(), row.name.as_str(), row.groups.as_str()), ("x", "Art; club", "a;b"));
    for (bytes, place) in [
        (&b"slug,platform,handle\na,x,one\na,x,two\n"[..], "line 3, column slug: a stands in line 2 too"),
        (b"slug,platform,handle,name\na,x,one,=A1&B1\n", "line 2, column name"),
        (b"slug,platform,handle,name\na,x,one,Jos\xe9\n", "line 2, column name"),
        (b"slug,platform,handle\na,,one\n", "line 2, column platform"),
        (b"slug,platform,handle\na,x,\n", "line 2, columns native_id and handle"),
        (b"slug,platform,handle,status\na,x,one,open\n", "line 2, column status"),
        (b"slug,handle\na,one\n", "no column `platform`"),
    ] {
        let (code, said) = import(bytes);
        assert_eq!((code, said.contains(place)), (Some(2), true), "{said}");
    }
    assert_eq!(rig.accounts().len(), 2, "a file that is refused changes nothing");
}
