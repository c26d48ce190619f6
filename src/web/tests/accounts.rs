//! The register, one account, the audit and what people do there.

use super::pages::page;
use super::*;
use crate::db::accounts::{self, Registration};
use crate::db::findings;
use crate::{audit, weekly};

const HIGH: &str = "/accounts/mesa-vista-high";

/// A district that states a little, with a page on its site that the register lacks.
async fn served() -> Served {
    let more = "domains = [\"mesavista.example.org\"]\n[audit]\nsite_list = \"site.txt\"\n";
    let served = Served::with(more, Category::PiiPhone).await;
    let list = "https://www.facebook.com/mesavistaband\n";
    std::fs::write(served._folder.path().join("site.txt"), list).unwrap();
    served
}

impl Served {
    async fn post(&self, path: &str, form: &str) -> Answer {
        let cookie = self.cookie().await;
        self.ask("POST", path, &[("Cookie", cookie.as_str()), ("Sec-Fetch-Site", "same-origin")], form).await
    }

    async fn audited(&self) {
        let (db, config, now) = (self.db.clone(), self.config.clone(), self.clock.now());
        tokio::task::spawn_blocking(move || audit::run(&db, &config, now)).await.unwrap().unwrap();
    }

    fn row(&self, slug: &str) -> Registration {
        self.db.read(|conn| accounts::by_slug(conn, slug)).unwrap().unwrap().row
    }

    fn open(&self, slug: &str) -> usize {
        let of = |conn: &db::Conn| findings::of(conn, accounts::by_slug(conn, slug)?.unwrap().id);
        self.db.read(of).unwrap().len()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_says_what_is_open_who_was_asked_and_what_people_say_in_this_order() {
    let served = served().await;
    served.audited().await;
    let body = page(&served, HIGH).await.body;
    let tickets = format!("Tickets: {}</h2>", served.open("mesa-vista-high"));
    let order = ["id=\"findings\"", tickets.as_str(), "id=\"attested\"", "id=\"history\"", "Moderation record</a>"];
    let places: Vec<usize> = order.iter().map(|part| body.find(part).expect(part)).collect();
    assert!(places.is_sorted(), "{places:?}");
    assert!(body.contains("turn: no owner is mailed"), "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_register_shows_what_is_open_whose_turn_it_is_and_the_part_that_was_asked_for() {
    let served = served().await;
    assert_eq!(page(&served, "/accounts").await.body.matches("#findings").count(), 0, "before the first audit");
    served.audited().await;
    let body = page(&served, "/accounts").await.body;
    let high = format!("{HIGH}#findings\">{}</a>", served.open("mesa-vista-high"));
    for words in [
        "Accounts: 2 pages",
        high.as_str(),
        "IT: 2 pages",
        "not connected: pagekeeper has no connector for TikTok",
        "<a href=\"/audit\">",
        "<a href=\"/tickets\">",
        "<a href=\"/attest\">",
        "mesavistaband on Facebook",
        "<option value=\"listed\">The district&#39;s site lists it</option>",
    ] {
        assert!(body.contains(words), "{words}: {body}");
    }
    for (part, shown) in [
        ("platform=tiktok", "1 page"),
        ("platform=x", "0 pages"),
        ("check=listed", "2 pages"),
        ("status=not_kept", "1 page"),
        ("overdue=yes", "0 pages"),
        ("turn=it&platform=facebook", "1 page"),
    ] {
        let body = page(&served, &format!("/accounts?{part}")).await.body;
        assert!(body.contains(&format!("Accounts: {shown}</h1>")), "{part}: {body}");
    }
    served.clock.advance(jiff::SignedDuration::from_hours(24 * 15));
    let overview = page(&served, "/").await.body;
    assert!(overview.contains("Findings of 2 pages are overdue: open for more than 14 days"), "{overview}");
    assert!(page(&served, "/accounts?overdue=yes").await.body.contains("Accounts: 2 pages</h1>"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_shows_each_finding_with_its_evidence_and_what_every_check_says() {
    let served = served().await;
    served.audited().await;
    let body = page(&served, HIGH).await.body;
    let found = served.db.read(findings::open).unwrap();
    let listed = found.iter().find(|one| one.check == "listed").unwrap();
    let evidence = format!("/entries/{}", listed.evidence[0]);
    for words in [
        &format!("Findings: {}", served.open("mesa-vista-high")),
        "It is the turn of",
        &listed.what.replace('\'', "&#39;"),
        &evidence,
        "The platform does not say, or nothing was read: ",
        "Not stated by the district: ",
        "nothing that the page says of itself has been seen to change",
    ] {
        assert!(body.contains(words), "{words}: {body}");
    }
    let entry = page(&served, &evidence).await.body;
    assert!(entry.contains("Mesa Vista High (Facebook)") && entry.contains("<dt>change</dt>"), "{entry}");
    for path in ["/entries/0", "/entries/999999", "/accounts/nobody/edit", "/accounts/mesa-vista-high/receipt"] {
        assert_eq!(page(&served, path).await.status, 404, "{path}");
    }
    std::fs::remove_file(served._folder.path().join("site.txt")).unwrap();
    for path in [HIGH, "/accounts", "/audit"] {
        let answer = page(&served, path).await;
        assert!(answer.status == 200 && answer.body.contains("site.txt cannot be read"), "{path}: {}", answer.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_of_a_possible_concern_keeps_its_words_behind_the_flag() {
    let served = Served::with("", Category::SelfHarm).await;
    let version = served.db.read(|conn| db::flags::list(conn, false)).unwrap()[0].version;
    let body = page(&served, &format!("/entries/{version}")).await.body;
    assert!(!body.contains("760-555-0199") && body.contains(&format!("/flags/{}", served.flag)), "{body}");
    let served = Served::showing("", Category::PiiPhone, "<script>x</script> 760-555-0199", "<b>x</b>").await;
    let version = served.db.read(|conn| db::flags::list(conn, false)).unwrap()[0].version;
    let body = page(&served, &format!("/entries/{version}")).await.body;
    assert!(body.contains("&#60;script&#62;") && !body.contains("<script"), "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_is_changed_by_hand_with_its_entry_and_a_cell_that_cannot_be_is_refused() {
    let served = served().await;
    let path = format!("{HIGH}/edit");
    let seen = |served: &Served| served.db.read(|conn| accounts::newest_entry(conn, "mesa-vista-high")).unwrap();
    let first = seen(&served);
    let form = |more: &str| format!("seen={first}&status=active&{more}");
    for wrong in [
        "it_notified_on=soon",
        "owner_email=dana",
        "owner_email=a%40b.org,c%40d.org",
        "name=a%E2%80%AEb",
        "comment_policy_url=javascript:x",
        "status=retired",
    ] {
        let form = form(wrong).replacen("status=active&status", "status", 1);
        assert_eq!(served.post(&path, &form).await.status, 400, "{wrong}");
    }
    assert_eq!(seen(&served), first, "nothing of it is kept");
    let good = form(
        "name=<b>High</b>&owner_name=Dana+Whitfield&owner_email=dana%40mesavista.example.org&it_notified_on=2026-08-03",
    );
    assert_eq!(served.post(&path, &good).await.status, 303);
    let row = served.row("mesa-vista-high");
    assert_eq!(
        (row.owner_name.as_str(), row.it_notified_on.as_str(), row.native_id.as_str()),
        ("Dana Whitfield", "2026-08-03", "100")
    );
    let entry = page(&served, &format!("/entries/{}", seen(&served))).await.body;
    assert!(entry.contains("by <bdi>priya.nair</bdi>") && entry.contains("Dana Whitfield"), "{entry}");
    for path in ["/accounts", HIGH, path.as_str(), "/audit", "/accounts/mesa-vista-high/retire"] {
        let body = page(&served, path).await.body;
        assert!(body.contains("&#60;b&#62;High") && !body.contains("<b>High"), "{path}: {body}");
    }
    assert_eq!(served.post(&path, &good).await.status, 400, "who saw the older row looks again first");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_who_change_a_row_in_the_same_moment_one_looks_again() {
    let served = served().await;
    let cookie = served.cookie().await;
    let signed_in = [("Cookie", cookie.as_str()), ("Sec-Fetch-Site", "same-origin")];
    let path = format!("{HIGH}/edit");
    for round in 0..20 {
        let seen = served.db.read(|conn| accounts::newest_entry(conn, "mesa-vista-high")).unwrap();
        let form = |who: &str| format!("seen={seen}&status=active&purpose={who}+{round}");
        let (one, two) = (form("one"), form("two"));
        let both =
            tokio::join!(served.ask("POST", &path, &signed_in, &one), served.ask("POST", &path, &signed_in, &two));
        let mut both = [both.0.status, both.1.status];
        both.sort_unstable();
        assert_eq!(both, [303, 400]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_the_district_s_site_is_taken_in_as_proposed_and_no_other_is() {
    let served = served().await;
    assert_eq!(served.post("/accounts/add", "platform=facebook&name=somebody.else").await.status, 409);
    let added = served.post("/accounts/add", "platform=facebook&name=mesavistaband").await;
    assert_eq!(added.header("location"), Some("/accounts/mesavistaband"));
    let row = served.row("mesavistaband");
    assert_eq!((row.status.as_str(), row.handle.as_str()), ("proposed", "mesavistaband"));
    assert!(!page(&served, "/accounts").await.body.contains("not in the register"));
    assert_eq!(served.post("/accounts/add", "platform=facebook&name=mesavistaband").await.status, 409);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_prints_from_the_register_alone_and_is_run_by_a_button() {
    let served = served().await;
    let before = served.db.read(db::ledger::size).unwrap();
    let body = page(&served, "/audit").await.body;
    for words in ["2 pages. ", "no findings were kept yet", "just now", "Audit of the official pages", "Mesa Vista USD"]
    {
        assert!(body.contains(words), "{words}: {body}");
    }
    assert_eq!(served.db.read(db::ledger::size).unwrap(), before, "to look is not to keep");
    assert_eq!(served.post("/audit", "").await.status, 303);
    assert!(served.db.read(db::ledger::size).unwrap() > before);
    assert!(page(&served, "/audit").await.body.contains("findings last kept"));
    let table = page(&served, "/audit.csv").await;
    assert!(table.header("content-type").unwrap().starts_with("text/csv") && table.body.starts_with("account,page,"));
    let metrics = served.ask("GET", "/metrics", &[], "").await.body;
    let count = served.db.read(findings::open).unwrap().iter().filter(|one| one.check == "listed").count();
    for line in [
        format!("pagekeeper_findings{{check=\"listed\",turn=\"it\"}} {count}"),
        "pagekeeper_findings_overdue 0".to_owned(),
        "pagekeeper_audits_failed 0".to_owned(),
        format!("pagekeeper_audit_timestamp_seconds {}", served.clock.now().as_second()),
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line}: {metrics}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_cannot_be_read_is_retired_only_by_who_says_so_and_its_receipt_stays() {
    let served = served().await;
    served.audited().await;
    let tok = "/accounts/mesa-vista-tok";
    let retire = format!("{tok}/retire");
    let body = page(&served, &retire).await.body;
    assert!(body.contains("no connector for TikTok") && body.contains("name=\"without\""), "{body}");
    for refused in ["reason=", "reason=ended", &format!("without=yes&reason={}", "x".repeat(301))] {
        assert_eq!(served.post(&retire, refused).await.status, 400, "{refused}");
    }
    assert!(served.open("mesa-vista-tok") > 0);
    let done = served.post(&retire, "without=yes&reason=the+club+%3Cended%3E").await;
    assert_eq!(done.header("location"), Some(format!("{tok}/receipt").as_str()));
    assert_eq!(served.open("mesa-vista-tok"), 0, "what was open is withdrawn with it");
    let receipt = page(&served, &format!("{tok}/receipt")).await.body;
    for words in
        ["by priya.nair", "the club &#60;ended&#62;", "none was made", "nothing was ever read of it", "Ledger entry"]
    {
        assert!(receipt.contains(words), "{words}: {receipt}");
    }
    let register = page(&served, "/accounts").await.body;
    assert!(register.contains("Retired: 1") && register.contains("Accounts: 1 page<"), "{register}");
    assert_eq!(page(&served, &retire).await.status, 404);
    let back = Registration { status: "active".into(), ..served.row("mesa-vista-tok") };
    let now = served.clock.now();
    served.db.writer.write_async(move |tx| accounts::put(tx, &back, Some("it"), now)).await.unwrap();
    assert!(page(&served, "/accounts").await.body.contains("Accounts: 2 pages"));
    assert!(served.db.read(db::retired::wishes).unwrap().is_empty(), "an old wish does not come back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_can_be_read_is_asked_for_and_may_stay_after_all() {
    let served = served().await;
    let retire = format!("{HIGH}/retire");
    assert!(!page(&served, &retire).await.body.contains("name=\"without\""));
    assert_eq!(served.post(&retire, "reason=moved&without=yes").await.header("location"), Some(HIGH));
    let wishes = served.db.read(db::retired::wishes).unwrap();
    assert_eq!((wishes.len(), wishes[0].reason.as_str(), wishes[0].actor.as_str()), (1, "moved", "priya.nair"));
    assert_eq!(served.row("mesa-vista-high").status, "active", "it is read a last time first");
    assert!(page(&served, HIGH).await.body.contains("It is to be retired"));
    assert_eq!(served.post(&format!("{HIGH}/stay"), "").await.status, 303);
    assert!(served.db.read(db::retired::wishes).unwrap().is_empty());
    assert!(!page(&served, HIGH).await.body.contains("It is to be retired"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_numbers_of_a_weekly_report_open_the_very_findings_for_good() {
    let served = served().await;
    served.audited().await;
    served.clock.advance(jiff::SignedDuration::from_hours(24 * 15));
    let made = |served: &Served| {
        let (db, now, config) = (served.db.clone(), served.clock.now(), served.config.clone());
        tokio::task::spawn_blocking(move || weekly::run(&db, &config, &weekly::Ask::default(), now))
    };
    let open = served.db.read(findings::open).unwrap().len();
    let report = made(&served).await.unwrap().unwrap().report;
    assert!(report.text.contains(&format!("Findings: {open} new, 0 fixed, {open} overdue")), "{}", report.text);
    let before = page(&served, "/reports/1").await.body;
    let row = Registration { it_notified_on: "2026-08-03".into(), ..served.row("mesa-vista-high") };
    let row = Registration { owner_name: "Dana".into(), owner_email: "dana@mesavista.example.org".into(), ..row };
    let now = served.clock.now();
    served.db.writer.write_async(move |tx| accounts::put(tx, &row, Some("it"), now)).await.unwrap();
    std::fs::write(served._folder.path().join("site.txt"), "https://www.facebook.com/100\n").unwrap();
    served.audited().await;
    let after = page(&served, "/reports/1").await.body;
    let section =
        |body: &str| body.split("id=\"findings\"").nth(1).unwrap().split("</main>").next().unwrap().to_owned();
    assert_eq!(section(&before), section(&after), "what was counted does not change");
    assert!(section(&after).contains(&format!("<a href=\"#findings-new\">{open} new</a>, 0 fixed")), "{after}");
    let second = made(&served).await.unwrap().unwrap().report;
    let lists: weekly::Lists = serde_json::from_str(&second.lists).unwrap();
    let found = lists.findings.unwrap();
    assert_eq!(found.fixed.iter().map(|line| line.check.as_str()).collect::<Vec<_>>(), ["listed"]);
    assert!(found.new.is_empty() && found.overdue.len() == open - 1);
    let body = section(&page(&served, "/reports/2").await.body);
    assert_eq!(body.matches("/entries/").count(), open, "a line each");
}
