//! `connect`, the daily look at credentials and the mails before one dies, against the platforms in small over HTTP.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use jiff::SignedDuration;
use pagekeeper::config::Config;
use pagekeeper::connect;
use pagekeeper::db::accounts::{self, Registration};
use pagekeeper::db::{self, credentials};
use pagekeeper::model::{Clock, Credential, Holder, Mode, Platform, Timestamp};
use pagekeeper::sandbox::{Grant, Owner, World};

use crate::kills::command;
use crate::rig::{BLUESKY, INSTAGRAM, NOW, PAGE, Rig, X, YOUTUBE, small_world};
use crate::secrets;

/// What a command said and how it ended.
struct Said {
    code: i32,
    out: String,
    err: String,
}

struct Bench {
    rig: Rig,
    /// Everything that was ever printed or logged.
    said: String,
    /// Tokens that were brought and are none of the sandbox's.
    brought: Vec<String>,
}

impl Bench {
    async fn of(world: World, slugs: &[&str]) -> Bench {
        let rig = Rig::with(world, Clock::manual(NOW.parse().unwrap()), slugs).await;
        Bench { rig, said: String::new(), brought: Vec::new() }
    }

    async fn small() -> Bench {
        Bench::of(small_world(PAGE, 6), &[PAGE]).await
    }

    fn world(&self) -> &World {
        self.rig.sandbox.world()
    }

    fn run(&mut self, words: &[&str], input: &str) -> Said {
        let mut child = command(&self.rig.config, words);
        let child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = child.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let done = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let said = Said { code: done.status.code().unwrap(), out: text(done.stdout), err: text(done.stderr) };
        self.said.push_str(&format!("{}{}", said.out, said.err));
        said
    }

    fn connect(&mut self, platform: &str, token: &str) -> Said {
        self.brought.push(token.to_owned());
        self.run(&["connect", platform], token)
    }

    fn configured(&self) -> PathBuf {
        self.rig.folder.path().join("credentials/meta")
    }

    fn renewed(&self, platform: &str) -> PathBuf {
        self.rig.folder.path().join(format!("data/secrets/{platform}/platform.token"))
    }

    fn seen(&self, platform: Platform, account: i64) -> Option<Credential> {
        self.rig.read(|conn| credentials::of(conn, platform, account))
    }

    /// No secret is anywhere but in the files for secrets.
    fn no_secret_got_out(&self) {
        assert_eq!(secrets::found(&self.rig, &self.said), Vec::<String>::new());
        let brought: Vec<Vec<u8>> =
            self.brought.iter().filter(|token| token.len() > 12).map(|token| token.clone().into_bytes()).collect();
        let may = |file: &Path| {
            file.components().any(|part| part.as_os_str() == "secrets" || part.as_os_str() == "credentials")
        };
        assert_eq!(secrets::places(&self.rig, &self.said, &brought, &may), Vec::<String>::new());
    }
}

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn in_days(days: i64) -> Option<Timestamp> {
    Some(now() + SignedDuration::from_hours(24 * days))
}

/// What a person's login gives: an hour or two, and data for ninety days.
fn short() -> Grant {
    let expires_at = Some(now() + SignedDuration::from_hours(2));
    Grant { expires_at, data_access_expires_at: in_days(90), ..Grant::default() }
}

fn scopes(words: &[&str]) -> Option<Vec<String>> {
    Some(words.iter().map(|&word| word.to_owned()).collect())
}

fn mode(file: &Path) -> u32 {
    fs::metadata(file).unwrap().permissions().mode() & 0o777
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_system_users_token_is_looked_into_tried_and_kept() {
    let mut bench = Bench::small().await;
    let token = bench.world().grant(Owner::SystemUser, Grant::default());
    let said = bench.connect("facebook", &format!("{token}\n"));
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(
        said.err.contains("1. business.facebook.com") && said.err.contains("pages_read_user_content"),
        "{}",
        said.err
    );
    for words in [
        "a system user's token (Mesa Vista Archive), does not end",
        "its posts can be read",
        "others' comments can be read",
        "commenters' names are given",
        "hidden comments are given",
        "settings can be read",
    ] {
        assert!(said.out.contains(words), "{words}: {}", said.out);
    }
    assert_eq!((fs::read_to_string(bench.configured()).unwrap(), mode(&bench.configured())), (token, 0o600));
    let seen = bench.seen(Platform::Facebook, 0).unwrap();
    assert_eq!((seen.holder, seen.is_lasting, seen.ends_at()), (Some(Holder::SystemUser), true, None));
    assert!(seen.accounts.iter().any(|given| given.account == PAGE && given.reads));
    bench.no_secret_got_out();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_persons_token_of_an_hour_becomes_one_of_sixty_days() {
    let mut bench = Bench::small().await;
    let token = bench.world().grant(Owner::User, short());
    bench.rig.sandbox.forget_seen();
    let said = bench.connect("facebook", &token);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(
        said.out.contains("a person's token (Dana Whitfield), ends on")
            && said.err.contains("Dana Whitfield's own login"),
        "{}{}",
        said.out,
        said.err
    );
    let kept = fs::read_to_string(bench.configured()).unwrap();
    assert_ne!(kept, token);
    let grant = bench.world().lock().tokens.get(&kept).unwrap().grant.clone();
    assert_eq!(grant.expires_at, in_days(60));
    let exchanges: Vec<_> =
        bench.rig.sandbox.seen().into_iter().filter(|seen| seen.path.ends_with("oauth/access_token")).collect();
    assert_eq!(exchanges.len(), 1);
    assert!(
        exchanges.iter().all(|seen| seen.method == "POST" && !seen.target.contains('?')),
        "secrets go in the body: {exchanges:?}"
    );
    let secrets = [pagekeeper::sandbox::APP_SECRET, &kept];
    let addresses: Vec<String> = bench
        .rig
        .sandbox
        .seen()
        .into_iter()
        .filter(|seen| !seen.path.ends_with("debug_token"))
        .map(|seen| seen.target)
        .collect();
    assert!(addresses.iter().all(|target| secrets.iter().all(|secret| !target.contains(secret))), "{addresses:?}");
    let seen = bench.seen(Platform::Facebook, 0).unwrap();
    assert_eq!(
        (seen.holder, seen.expires_at, seen.data_access_expires_at),
        (Some(Holder::Person), in_days(60), in_days(90))
    );
    bench.no_secret_got_out();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pages_own_token_is_kept_for_that_page_alone() {
    let mut bench = Bench::of(small_world(PAGE, 6), &[PAGE, "ocotillo-elementary"]).await;
    let (before, page) = (fs::read_to_string(bench.configured()).unwrap(), bench.world().account(PAGE).unwrap());
    let token = bench.world().page_token(&page.id).unwrap();
    let said = bench.connect("facebook", &token);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(
        said.err.contains("for mesa-vista-high alone") && !said.out.contains("ocotillo"),
        "{}{}",
        said.out,
        said.err
    );
    let own = bench.rig.folder.path().join("data/secrets/facebook/mesa-vista-high.token");
    assert_eq!((fs::read_to_string(&own).unwrap(), mode(&own)), (token, 0o600));
    assert_eq!(fs::read_to_string(bench.configured()).unwrap(), before);
    let id = bench.rig.accounts().into_iter().find(|one| one.row.slug == PAGE).unwrap().id;
    assert_eq!(bench.seen(Platform::Facebook, id).and_then(|seen| seen.holder), Some(Holder::Page));
    let unknown = bench.world().account("condor-athletics").unwrap().id;
    let unknown = bench.world().page_token(&unknown).unwrap();
    let said = bench.connect("facebook", &unknown);
    assert!(said.code == 2 && said.err.contains("not in the register"), "{}", said.err);
    bench.no_secret_got_out();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_is_no_good_is_said_to_be_and_is_not_kept() {
    let mut bench = Bench::small().await;
    let before = fs::read_to_string(bench.configured()).unwrap();
    let old = Grant { expires_at: in_days(-1), ..Grant::default() };
    let revoked = bench.world().grant(Owner::SystemUser, Grant::default());
    bench.world().end_token(&revoked, Some(460));
    let cases = [
        (bench.world().grant(Owner::User, old), "has expired"),
        (revoked, "password behind the credential was changed"),
        (
            bench.world().grant(Owner::User, Grant { is_foreign: true, ..short() }),
            "of another application than app_id names",
        ),
        ("EAAGcanarycanarycanary".to_owned(), "not valid"),
    ];
    for (token, words) in cases {
        let said = bench.connect("facebook", &token);
        assert_eq!((said.code, said.out.contains(words)), (1, true), "{words}: {}{}", said.out, said.err);
    }
    assert!(bench.connect("facebook", "two words").code == 2 && bench.connect("facebook", "").code == 2);
    fs::write(bench.rig.folder.path().join("credentials/meta-app"), "wrongsecret").unwrap();
    let token = bench.world().grant(Owner::SystemUser, Grant::default());
    let said = bench.connect("facebook", &token);
    assert!(said.code == 1 && said.err.contains("compare app_id and app_secret_file"), "{}", said.err);
    assert_eq!(fs::read_to_string(bench.configured()).unwrap(), before);
    assert_eq!(bench.seen(Platform::Facebook, 0), None);
    bench.no_secret_got_out();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_missing_is_said_with_whose_click_it_is() {
    let mut bench = Bench::of(small_world(PAGE, 6), &[PAGE, "ocotillo-elementary"]).await;
    let row = bench.rig.accounts().into_iter().find(|one| one.row.slug == "ocotillo-elementary").unwrap().row;
    let row =
        Registration { owner_name: "Luis Ortega".into(), owner_email: "luis@mesavista.example.org".into(), ..row };
    let put = move |tx: &db::Tx<'_>| accounts::put(tx, &row, Some("it"), now()).map(|_| ());
    bench.rig.app().db.writer.write_async(put).await.unwrap();
    let page = bench.world().account(PAGE).unwrap().id;
    let grant = Grant {
        scopes: scopes(&["pages_show_list", "pages_read_engagement", "pages_manage_posts"]),
        pages: Some(vec![page]),
        ..Grant::default()
    };
    let token = bench.world().grant(Owner::SystemUser, grant.clone());
    let said = bench.connect("facebook", &token);
    assert_eq!(said.code, 3, "{}{}", said.out, said.err);
    for words in [
        "pages_read_user_content is missing, without which it does not read others' comments",
        "pages_manage_posts could change something",
        "its posts can be read",
        "the token does not reach it; whoever runs the portfolio assigns it to the system user",
        "Luis Ortega (luis@mesavista.example.org)",
    ] {
        assert!(said.out.contains(words), "{words}: {}", said.out);
    }
    assert!(!said.out.contains("others' comments can be read"));
    let token = bench.world().grant(Owner::User, Grant { expires_at: short().expires_at, ..grant });
    bench.brought.push(token.clone());
    let said = bench.run(&["connect", "facebook", "--json"], &token);
    assert!(said.out.contains("Dana Whitfield left it out when granting access"), "{}", said.out);
    let lines: Vec<serde_json::Value> = said.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["credential"]["holder"], "person");
    let given = |what: &str| {
        lines.iter().find(|line| line["account"] == PAGE && line["what"] == what).map(|line| line["given"].clone())
    };
    assert_eq!((given("posts"), given("comments")), (Some(true.into()), Some(false.into())));
    bench.no_secret_got_out();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_stored_where_systemd_is_to_keep_it_and_nothing_secret_is_printed() {
    let mut bench = Bench::small().await;
    let before = fs::read_to_string(bench.configured()).unwrap();
    let token = bench.world().grant(Owner::SystemUser, Grant::default());
    bench.brought.push(token.clone());
    let file = bench.rig.folder.path().join("credentials/brought");
    fs::write(&file, &token).unwrap();
    let said = bench.run(&["connect", "facebook", "--print-credential", "--token-file", file.to_str().unwrap()], "");
    assert!(said.code == 0 && said.err.contains("systemd-creds encrypt --name=facebook-token"), "{}", said.err);
    assert_eq!(fs::read_to_string(bench.configured()).unwrap(), before);
    let token = bench.world().grant(Owner::User, short());
    bench.brought.push(token.clone());
    let said = bench.run(&["connect", "facebook", "--print-credential"], &token);
    assert!(said.code == 2 && said.err.contains("kept by it"), "{}", said.err);
    bench.no_secret_got_out();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_other_platforms_are_tried_as_they_are() {
    let mut bench = Bench::of(small_world(X, 6), &[X, YOUTUBE, BLUESKY, INSTAGRAM]).await;
    let token = |bench: &Bench, platform| bench.world().token(platform).unwrap();
    let x = token(&bench, Platform::X);
    let said = bench.connect("x", &x);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(
        said.out.contains("the newest 3,200 posts of its own")
            && said.out.contains("the plan grants 1000000 posts a month"),
        "{}",
        said.out
    );
    assert!(
        said.out.contains("answers of the last 7 days by others, with their names, can be searched"),
        "{}",
        said.out
    );
    let youtube = token(&bench, Platform::Youtube);
    let said = bench.connect("youtube", &youtube);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(said.out.contains("held for review"), "{}", said.out);
    let said = bench.run(&["connect", "bluesky"], "");
    assert!(
        said.code == 0 && said.out.contains("no credential is needed") && said.err.contains("without a credential"),
        "{}{}",
        said.out,
        said.err
    );
    let meta = token(&bench, Platform::Instagram);
    let said = bench.connect("instagram", &meta);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(said.out.contains("posts can be read"), "{}", said.out);
    for (platform, file) in [("x", "x"), ("youtube", "youtube")] {
        let file = bench.rig.folder.path().join("credentials").join(file);
        let before = fs::read_to_string(&file).unwrap();
        let said = bench.connect(platform, "canarycanarycanarycanary");
        assert!(said.code == 1 && said.err.contains("Nothing was stored"), "{}{}", said.out, said.err);
        assert_eq!(fs::read_to_string(&file).unwrap(), before, "{platform}");
    }
    for platform in [Platform::X, Platform::Youtube, Platform::Bluesky, Platform::Instagram] {
        assert!(bench.seen(platform, 0).is_some(), "{platform}");
    }
    bench.no_secret_got_out();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_with_an_end_is_renewed_before_it_and_read_with_at_once() {
    let mut bench = Bench::small().await;
    let grant = Grant { expires_at: in_days(25), ..Grant::default() };
    let token = bench.world().grant(Owner::User, grant);
    fs::write(bench.configured(), &token).unwrap();
    let watch = async |bench: &Bench| {
        let app = bench.rig.app();
        connect::watch(&app.db, &app.config, &app.http, bench.rig.clock.now()).await.unwrap();
    };
    watch(&bench).await;
    assert!(!bench.renewed("facebook").exists(), "with twenty-five days to go nothing is done");
    assert_eq!(bench.seen(Platform::Facebook, 0).unwrap().expires_at, in_days(25));
    assert_eq!(bench.rig.harvest(Mode::Recent).await.outcome, "complete");
    bench.rig.pass(SignedDuration::from_hours(24 * 6));
    watch(&bench).await;
    let seen = bench.seen(Platform::Facebook, 0).unwrap();
    assert_eq!((seen.expires_at, seen.renewed_at), (in_days(66), Some(bench.rig.clock.now())));
    let file = bench.renewed("facebook");
    let renewed = fs::read_to_string(&file).unwrap();
    assert_eq!((mode(&file), renewed == token), (0o600, false));
    let config = Config::load(&bench.rig.config).unwrap();
    assert_eq!(config.credential(Platform::Facebook, "").unwrap().unwrap().reveal(), renewed);
    assert_eq!(
        config.credential(Platform::Facebook, PAGE).unwrap().unwrap().reveal(),
        renewed,
        "page tokens are derived anew"
    );
    bench.world().end_token(&token, Some(463));
    let report = bench.rig.harvest(Mode::Recent).await;
    assert_eq!((report.outcome, report.cause), ("complete", None));
    assert!(bench.rig.kept().len() > 6, "comments are read too");
    bench.brought.extend([token, renewed]);
    bench.no_secret_got_out();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_system_users_token_with_an_end_and_instagrams_own_kind_are_renewed_in_their_own_ways() {
    let bench = Bench::of(small_world(INSTAGRAM, 4), &[INSTAGRAM]).await;
    let system = bench.world().grant(Owner::SystemUser, Grant { expires_at: in_days(10), ..Grant::default() });
    fs::write(bench.configured(), &system).unwrap();
    let app = bench.rig.app();
    connect::watch(&app.db, &app.config, &app.http, now()).await.unwrap();
    assert_eq!(bench.seen(Platform::Instagram, 0).unwrap().expires_at, in_days(60));
    let login = bench.world().grant_login(Grant { expires_at: in_days(30), ..Grant::default() });
    fs::remove_file(bench.renewed("instagram")).unwrap();
    fs::write(bench.configured(), &login).unwrap();
    connect::watch(&app.db, &app.config, &app.http, now()).await.unwrap();
    let seen = bench.seen(Platform::Instagram, 0).unwrap();
    assert!(
        seen.not_renewed.is_some() && !bench.renewed("instagram").exists(),
        "on its first day it cannot be: {seen:?}"
    );
    bench.rig.pass(SignedDuration::from_hours(25));
    connect::watch(&app.db, &app.config, &app.http, bench.rig.clock.now()).await.unwrap();
    let seen = bench.seen(Platform::Instagram, 0).unwrap();
    assert_eq!((seen.not_renewed, seen.renewed_at), (None, Some(bench.rig.clock.now())));
    assert_eq!(seen.expires_at.map(|at| at.duration_since(bench.rig.clock.now()).as_hours()), Some(24 * 60));
    assert!(fs::read_to_string(bench.renewed("instagram")).unwrap().starts_with("IG"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_hears_of_an_end_at_fourteen_seven_three_days_and_one_once_each() {
    let bench = Bench::of(small_world(PAGE, 6), &[PAGE, INSTAGRAM]).await;
    let grant = Grant { expires_at: in_days(17), data_access_expires_at: in_days(80), ..Grant::default() };
    let token = bench.world().grant(Owner::User, grant);
    fs::write(bench.configured(), token).unwrap();
    // Without the application nothing can be renewed.
    let mut config = (*bench.rig.app().config).clone();
    for section in config.platform.values_mut() {
        (section.app_id, section.app_secret_file) = (None, None);
    }
    let mut days = Vec::new();
    for day in 0..=18 {
        let (app, now) = (bench.rig.app(), bench.rig.clock.now());
        connect::watch(&app.db, &config, &app.http, now).await.unwrap();
        let new = tokio::task::block_in_place(|| connect::warn(&app.db, &config, now)).unwrap();
        let again = tokio::task::block_in_place(|| connect::warn(&app.db, &config, now)).unwrap();
        assert_eq!(again, 0, "day {day}: told once");
        days.extend((0..new).map(|_| 17 - day));
        bench.rig.pass(SignedDuration::from_hours(24));
    }
    assert_eq!(days, [14, 7, 3, 1], "one mail for both platforms");
    let subjects = bench.rig.column("SELECT subject FROM mails WHERE kind = 'credential' ORDER BY id");
    assert_eq!(subjects[1], "7 days left: the token for Facebook and Instagram ends on Fri, Dec 11");
    let texts =
        bench.rig.column("SELECT replace(text, char(10), ' ') FROM mails WHERE kind = 'credential' ORDER BY id");
    assert!(
        texts[0].contains("Dana Whitfield makes a new one") && texts[0].contains("pagekeeper connect facebook"),
        "{}",
        texts[0]
    );
    assert!(texts[0].contains("2 pages") && texts[0].contains("could not renew it"), "{}", texts[0]);
    let to = bench.rig.column("SELECT DISTINCT recipient FROM mails WHERE kind = 'credential'");
    assert_eq!(to, ["it@mesavista.example.org"]);
    assert!(bench.seen(Platform::Facebook, 0).unwrap().trouble.is_some(), "it has ended");
    bench.no_secret_got_out();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_owner_of_the_page_that_a_token_alone_is_for_hears_of_its_end_once_mails_are_live() {
    let bench = Bench::of(small_world(PAGE, 6), &[PAGE, "ocotillo-elementary"]).await;
    let (app, now) = (bench.rig.app(), bench.rig.clock.now());
    let account = bench.rig.accounts().into_iter().find(|one| one.row.slug == PAGE).unwrap();
    let row = Registration { owner_email: "luis@mesavista.example.org".into(), ..account.row };
    let own = Credential { holder: Some(Holder::Page), expires_at: in_days(6), ..Credential::default() };
    let put = move |tx: &db::Tx<'_>| {
        accounts::put(tx, &row, Some("it"), now)?;
        db::credentials::put(tx, Platform::Facebook, account.id, &own, now)
    };
    app.db.writer.write_async(put).await.unwrap();
    let warn = || tokio::task::block_in_place(|| connect::warn(&app.db, &app.config, now)).unwrap();
    let readers = || bench.rig.column("SELECT recipient FROM mails WHERE kind = 'credential' ORDER BY id");
    warn();
    assert_eq!(readers(), ["it@mesavista.example.org"], "before going live, nobody but IT");
    app.db.writer.write_async(move |tx| db::alerts::go_live(tx, "admin", now)).await.unwrap();
    warn();
    warn();
    assert_eq!(readers(), ["it@mesavista.example.org", "luis@mesavista.example.org"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_of_data_access_warns_too_and_an_answer_that_fails_leaves_what_was_known() {
    let bench = Bench::small().await;
    let grant = Grant { expires_at: in_days(60), data_access_expires_at: in_days(6), ..Grant::default() };
    let token = bench.world().grant(Owner::User, grant);
    fs::write(bench.configured(), token).unwrap();
    let app = bench.rig.app();
    connect::watch(&app.db, &app.config, &app.http, now()).await.unwrap();
    let known = bench.seen(Platform::Facebook, 0).unwrap();
    assert_eq!(known.ends_at(), in_days(6));
    bench.rig.sandbox.misbehave(
        pagekeeper::sandbox::Host::Graph,
        "debug_token",
        10,
        pagekeeper::sandbox::Misbehavior::status(503),
    );
    connect::watch(&app.db, &app.config, &app.http, now()).await.unwrap();
    assert_eq!(bench.seen(Platform::Facebook, 0).unwrap(), known);
    assert_eq!(tokio::task::block_in_place(|| connect::warn(&app.db, &app.config, now())).unwrap(), 1);
    let text = bench.rig.column("SELECT replace(text, char(10), ' ') FROM mails").remove(0);
    assert!(text.contains("grants the access again"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_config_says_the_same_of_what_is_configured() {
    let mut bench = Bench::small().await;
    let said = bench.run(&["check-config"], "");
    assert!(
        said.err.contains("Facebook token: a system user's token (Mesa Vista Archive), does not end"),
        "{}",
        said.err
    );
    assert!(said.err.contains("others' comments can be read") && said.err.contains("it reaches 5: "), "{}", said.err);
    fs::write(bench.configured(), "EAAGcanarycanarycanary").unwrap();
    bench.brought.push("EAAGcanarycanarycanary".into());
    let said = bench.run(&["check-config"], "");
    assert!(said.err.contains("not valid"), "{}", said.err);
    bench.no_secret_got_out();
}
