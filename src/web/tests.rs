use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use super::*;
use crate::db::flags::{self, New, Table};
use crate::db::items::{self, Sealed, Sighting};
use crate::db::users;
use crate::model::people::Role;
use crate::model::{Author, Category, Content, Counts, Exchange, Kind, Observation, Page, Secret, Severity, Timestamp};

mod accounts;
mod answers;
mod attest;
mod moderation;
mod pages;
mod rights;

const TEXT: &str = "See you <b>there</b>, or call 760-555-0199 & ask";

/// A served archive with one page, one comment, and one flag on it.
pub struct Served {
    _folder: tempfile::TempDir,
    pub at: SocketAddr,
    pub db: Db,
    pub site: Site,
    config: Arc<Config>,
    pub clock: Clock,
    /// The token of a demo's sign-in.
    pub token: Secret,
    pub flag: String,
    tell: watch::Sender<bool>,
}

/// One answer, whole.
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let named = |line: &&str| line.to_lowercase().starts_with(&format!("{name}:"));
        self.head.lines().find(named).and_then(|line| line.split_once(':')).map(|(_, value)| value.trim())
    }
}

impl Served {
    pub async fn new() -> Served {
        Served::with("[law]\nsafety_basis = \"off\"\n", Category::PiiPhone).await
    }

    pub async fn with(more: &str, category: Category) -> Served {
        Served::showing(more, category, TEXT, "Person 7").await
    }

    /// With this text and this author's name on the flagged comment.
    async fn showing(more: &str, category: Category, said: &str, author: &str) -> Served {
        let folder = tempfile::tempdir().unwrap();
        let now: Timestamp = "2026-11-16T23:20:00Z".parse().unwrap();
        let text = format!(
            "data_dir = \"data\"\n[district]\nname = \"Mesa Vista USD\"\n{more}\n[platform.facebook]\n[platform.bluesky]\n"
        );
        let config = Config::parse(&text, folder.path()).unwrap();
        std::fs::create_dir_all(config.data_dir()).unwrap();
        let file = config.database();
        let (said, author) = (said.to_owned(), author.to_owned());
        let (db, flag) = tokio::task::spawn_blocking(move || {
            db::create(&file, "mesavista.example.org/pagekeeper", now).unwrap();
            let db = Db::open(&file).unwrap();
            let flag = fill(&db, category, now, &said, &author);
            (db, flag)
        })
        .await
        .unwrap();
        let token = SignIn::new_token().unwrap();
        let (clock, config) = (Clock::manual(now), Arc::new(config));
        let sign_in = SignIn::open(&config).unwrap().for_demo(&token);
        let site = Site::new(db.clone(), config.clone(), clock.clone(), sign_in);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let (tell, stop) = watch::channel(false);
        tokio::spawn(serve(listener, site.clone(), stop));
        let served = Served { _folder: folder, at, db, site, config, clock, token, flag, tell };
        served.user("priya.nair", &[Role::ItAuditor, Role::Reviewer], true, &[]).await;
        served
    }

    /// Adds a user; of *priya.nair* the display name is *Priya Nair*.
    pub async fn user(&self, name: &str, roles: &[Role], concerns: bool, schools: &[&str]) {
        let words = name.split('.').map(|word| word[..1].to_uppercase() + &word[1..]);
        let standing = users::Standing {
            display_name: words.collect::<Vec<_>>().join(" "),
            roles: roles.to_vec(),
            schools: schools.iter().map(|school| (*school).to_owned()).collect(),
            concerns,
        };
        let (name, now) = (name.to_owned(), self.clock.now());
        self.db.writer.write_async(move |tx| users::add(tx, &name, &standing, "test", now)).await.unwrap();
    }

    /// One request with these headers, and a form when there is one: of somebody who is signed in with her session's token.
    pub async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], form: &str) -> Answer {
        let session = headers.iter().find(|(name, _)| *name == "Cookie").and_then(|(_, cookie)| cookie.split_once('='));
        match session {
            Some((_, value)) if method == "POST" => {
                let form = format!("{form}&form_token={}", auth::form_token(value));
                self.send(method, path, headers, &form).await
            }
            _ => self.send(method, path, headers, form).await,
        }
    }

    /// One request, as it is.
    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], form: &str) -> Answer {
        let at = self.at;
        let own_host = headers.iter().any(|(name, _)| *name == "Host");
        let mut lines = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
        if !own_host {
            lines.push_str(&format!("Host: {at}\r\n"));
        }
        for (name, value) in headers {
            lines.push_str(&format!("{name}: {value}\r\n"));
        }
        if method == "POST" {
            let size = form.len();
            lines.push_str(&format!("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {size}\r\n"));
        }
        let request = format!("{lines}\r\n{form}");
        tokio::task::spawn_blocking(move || {
            let mut stream = TcpStream::connect(at).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            let status = head.split(' ').nth(1).unwrap().parse().unwrap();
            Answer { status, head: head.to_owned(), body: body.to_owned() }
        })
        .await
        .unwrap()
    }

    /// The cookie of a new session of Priya Nair, who sees everything.
    pub async fn cookie(&self) -> String {
        self.cookie_of("priya.nair").await
    }

    pub async fn cookie_of(&self, name: &str) -> String {
        let (db, name, now) = (self.db.clone(), name.to_owned(), self.clock.now());
        let session = tokio::task::spawn_blocking(move || auth::begin_for_test(&db, &name, now)).await;
        format!("pagekeeper={}", session.unwrap().unwrap())
    }

    fn openings(&self) -> Vec<String> {
        let figures = self.db.read(crate::db::health::figures).unwrap();
        (0..figures.unseen_concerns).map(|_| "unseen".to_owned()).collect()
    }
}

/// Registers a page, keeps a post and a comment on it, and flags the comment.
fn fill(db: &Db, category: Category, now: Timestamp, said: &str, author: &str) -> String {
    let row = crate::db::accounts::Registration {
        slug: "mesa-vista-high".into(),
        platform: "facebook".into(),
        native_id: "100".into(),
        name: "Mesa Vista High".into(),
        school: "Mesa Vista High".into(),
        status: "active".into(),
        ..Default::default()
    };
    let tiktok = crate::db::accounts::Registration {
        slug: "mesa-vista-tok".into(),
        platform: "tiktok".into(),
        handle: "mesavista".into(),
        status: "active".into(),
        ..Default::default()
    };
    db.writer
        .write(move |tx| {
            crate::db::accounts::put(tx, &row, None, now)?;
            crate::db::accounts::put(tx, &tiktok, None, now)
        })
        .unwrap();
    let account = db.read(|conn| crate::db::accounts::by_slug(conn, "mesa-vista-high")).unwrap().unwrap().id;
    let seen = |id: &str, kind, text: &str, parent: Option<&str>, author: (&str, &str), raw| Observation {
        native_id: id.into(),
        aliases: Vec::new(),
        kind,
        parent: parent.map(str::to_owned),
        root: Some(parent.unwrap_or(id).to_owned()),
        author: Author { native_id: Some(author.0.into()), name: Some(author.1.into()), handle: None },
        created_at: Some(now),
        url: Some("https://www.facebook.com/100_1".into()),
        hidden: false,
        content: Content { text: text.into(), ..Content::default() },
        counts: Counts::default(),
        raw,
        superseded: false,
        in_part: false,
    };
    let post = seen("100_1", Kind::Post, "Homecoming is on Friday", None, ("100", "Mesa Vista High"), 0..1);
    let comment = seen("1_2", Kind::Comment, said, Some("100_1"), ("7", author), 1..2);
    let exchange = Exchange { at: now, method: "GET".into(), status: 200, body: b"[]".to_vec(), ..Exchange::default() };
    let content = crate::seal::content_digest(&comment.content);
    let page = Page { exchange, observations: vec![post, comment], ..Page::default() };
    let sealed = Sealed::new(page).unwrap();
    let sight = Sighting {
        now,
        platform: "facebook".into(),
        account,
        harvest: None,
        whole: true,
        evidence: Default::default(),
        fetch_media: "none".into(),
    };
    let rule = "test.rule";
    let place = said.find("760").unwrap();
    let key = crate::seal::flag_key("facebook:1_2", &content, rule);
    db.writer
        .write(move |tx| {
            let claimant = crate::db::harvests::Claimant::this();
            let mode = crate::model::Mode::Profile;
            let harvest = crate::db::harvests::begin(tx, account, mode, claimant, now)?.unwrap();
            let sight = Sighting { harvest: Some(harvest.id), ..sight };
            items::store(tx, &sight, &sealed)?;
            let (cause, trouble, parked_until) = (None, None, None);
            let ending = crate::db::harvests::Ending { outcome: "complete", cause, trouble, parked_until, units: 0 };
            crate::db::harvests::end(tx, account, harvest, &ending, now)?;
            let item = items::by_name(tx, "facebook:1_2")?.unwrap();
            let version = items::show(tx, item)?.latest().seq;
            let start = place;
            let new = New {
                suppressions: Vec::new(),
                flag: key,
                item,
                content,
                version,
                rule: rule.into(),
                category,
                severity: Severity::High,
                clause: "I.2".into(),
                spans: vec![(0, start, start + 12)],
                modifiers: Vec::new(),
                shadow: false,
                past: false,
                first_flagged_at: now,
            };
            flags::add(tx, Table::InForce, &new)
        })
        .unwrap();
    hex::encode(key)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_wants_a_sign_in_and_every_answer_forbids_scripts() {
    let served = Served::new().await;
    let flag = format!("/flags/{}", served.flag);
    for path in ["/", "/flags", flag.as_str(), "/reports", "/reports/1"] {
        let answer = served.ask("GET", path, &[], "").await;
        assert_eq!(answer.status, 303, "{path}");
        assert_eq!(answer.header("location"), Some(format!("/sign-in?next={path}").as_str()));
    }
    for path in ["/", "/sign-in", "/assets/style.css", "/healthz", "/nothing"] {
        let answer = served.ask("GET", path, &[], "").await;
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{path}");
        assert!(!policy.contains("script-src") && !policy.contains("unsafe"), "{path}");
        assert!(!answer.body.contains("<script") && !answer.body.contains("style="), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_from_another_site_records_nothing() {
    let served = Served::new().await;
    let cookie = served.cookie().await;
    let path = format!("/flags/{}/review", served.flag);
    let form = "outcome=confirmed&reason=because";
    let own = format!("http://{}", served.at);
    for headers in [
        vec![("Cookie", cookie.as_str())],
        vec![("Cookie", cookie.as_str()), ("Sec-Fetch-Site", "cross-site"), ("Origin", own.as_str())],
        vec![("Cookie", cookie.as_str()), ("Sec-Fetch-Site", "same-site")],
        vec![("Cookie", cookie.as_str()), ("Origin", "https://evil.example")],
        vec![("Cookie", cookie.as_str()), ("Origin", "null")],
    ] {
        let answer = served.ask("POST", &path, &headers, form).await;
        assert_eq!(answer.status, 403, "{headers:?}");
    }
    let rebound = [("Host", "evil.example"), ("Cookie", cookie.as_str()), ("Sec-Fetch-Site", "same-origin")];
    assert_eq!(served.ask("POST", &path, &rebound, form).await.status, 421);
    let open = served.db.read(|conn| flags::list(conn, false)).unwrap();
    assert!(open[0].is_open());
    let from_origin = [("Cookie", cookie.as_str()), ("Origin", own.as_str())];
    assert_eq!(served.ask("POST", &path, &from_origin, form).await.status, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flag_s_page_shows_the_very_words_and_takes_an_outcome_that_can_be_undone() {
    let served = Served::new().await;
    let cookie = served.cookie().await;
    let path = format!("/flags/{}", served.flag);
    let signed_in = [("Cookie", cookie.as_str()), ("Sec-Fetch-Site", "same-origin")];
    let list = served.ask("GET", "/flags", &signed_in, "").await;
    assert!(list.body.contains(&path) && list.body.contains("Possible phone number of a person"), "{}", list.body);
    let page = served.ask("GET", &path, &signed_in, "").await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("<mark>760-555-0199</mark>"), "{}", page.body);
    assert!(page.body.contains("&#60;b&#62;there") && !page.body.contains("<b>there"), "text is never markup");
    assert!(page.body.contains("Homecoming is on Friday"), "the post it stands under is there");
    assert!(page.body.contains("Privacy:") && !page.body.contains("violation"));
    assert!(page.body.contains("Mon, Nov 16, 2026, 3:20 pm"));
    assert!(page.body.contains("ordinary speech") && page.body.contains("clause I.2"), "{}", page.body);
    let without = served.ask("POST", &format!("{path}/review"), &signed_in, "outcome=wrong-category&reason=+").await;
    assert_eq!(without.status, 400, "nobody can guess which category it is");
    let review = format!("{path}/review");
    let decided = served.ask("POST", &review, &signed_in, "outcome=not-a-concern&reason=her+own+shop&note=asked").await;
    assert_eq!(decided.status, 303);
    let page = served.ask("GET", &path, &signed_in, "").await;
    assert!(
        page.body.contains("<b>Not a concern</b> by <bdi>priya.nair</bdi>") && page.body.contains("her own shop"),
        "{}",
        page.body
    );
    assert!(served.db.read(|conn| flags::list(conn, false)).unwrap().is_empty());
    served.ask("POST", &review, &signed_in, "outcome=withdrawn&reason=Undone").await;
    assert_eq!(served.db.read(|conn| flags::list(conn, false)).unwrap().len(), 1);
    assert_eq!(served.ask("GET", "/flags/0000000000000000", &signed_in, "").await.status, 404);
    assert_eq!(served.ask("GET", "/flags/zz", &signed_in, "").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn opening_a_concern_is_an_exposure_and_stopping_repeats_is_not() {
    let served = Served::with("", Category::ThreatViolence).await;
    let cookie = served.cookie().await;
    let signed_in = [("Cookie", cookie.as_str()), ("Sec-Fetch-Site", "same-origin")];
    let overview = served.ask("GET", "/", &signed_in, "").await;
    assert!(overview.body.contains("1 concern that nobody has opened"), "{}", overview.body);
    let stop = format!("/ack/{}", served.flag);
    let unsigned = served.ask("GET", &format!("{stop}?mail=m1"), &[], "").await;
    assert_eq!(unsigned.header("location"), Some(format!("/sign-in?next={stop}%3Fmail%3Dm1").as_str()));
    let page = served.ask("GET", &stop, &signed_in, "").await;
    assert!(!page.body.contains("760-555-0199") && page.body.contains("Stop repeats for me"));
    assert_eq!(served.ask("POST", &stop, &signed_in, "mail=m1").await.status, 200);
    assert_eq!(served.openings().len(), 1);
    let page = served.ask("GET", &format!("/flags/{}", served.flag), &signed_in, "").await;
    assert!(page.body.contains("You may have a duty to report yourself") && page.body.contains("911"));
    assert!(served.openings().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_when_it_is_not_used_and_at_sign_out() {
    let served = Served::new().await;
    let cookie = served.cookie().await;
    let signed_in = [("Cookie", cookie.as_str()), ("Sec-Fetch-Site", "same-origin")];
    served.clock.advance(jiff::SignedDuration::from_mins(29));
    assert_eq!(served.ask("GET", "/", &signed_in, "").await.status, 200);
    served.clock.advance(jiff::SignedDuration::from_mins(31));
    assert_eq!(served.ask("GET", "/", &signed_in, "").await.status, 303);
    let cookie = served.cookie().await;
    let signed_in = [("Cookie", cookie.as_str()), ("Sec-Fetch-Site", "same-origin")];
    assert_eq!(served.ask("POST", "/sign-out", &signed_in, "").await.status, 303);
    assert_eq!(served.ask("GET", "/", &signed_in, "").await.status, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_overview_counts_pages_kept_and_names_those_that_cannot_be() {
    let served = Served::new().await;
    let cookie = served.cookie().await;
    let page = served.ask("GET", "/", &[("Cookie", cookie.as_str())], "").await.body;
    for words in [
        "1 of 1 connected account is being kept",
        "1 is not connected: 1 on TikTok.",
        "No legal basis is recorded",
        "Mesa Vista High",
        "not connected: pagekeeper has no connector for TikTok",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    for word in ["760-555-0199", "Homecoming", "!</"] {
        assert!(!page.contains(word), "{word}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn healthz_is_well_until_a_job_fails_and_says_why() {
    let served = Served::new().await;
    let answer = served.ask("GET", "/healthz", &[], "").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let now = served.clock.now();
    served
        .db
        .writer
        .write_async(move |tx| {
            crate::db::jobs::begin(tx, "weekly", now, now)?;
            crate::db::jobs::end(tx, "weekly", now, Some("no recipients"), now)
        })
        .await
        .unwrap();
    let answer = served.ask("GET", "/healthz", &[], "").await;
    assert_eq!(answer.status, 503);
    let health: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(health["ok"], false);
    assert_eq!(health["reasons"][0]["what"], "job");
    assert_eq!(health["reasons"][0]["say"], "the job weekly failed: no recipients");
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_in_prometheus_text_and_name_nobody() {
    let served = Served::new().await;
    let answer = served.ask("GET", "/metrics", &[], "").await;
    assert!(answer.header("content-type").unwrap().starts_with("text/plain; version=0.0.4"));
    for line in [
        "# TYPE pagekeeper_ledger_entries gauge",
        "pagekeeper_open_flags{severity=\"high\"} 1",
        "pagekeeper_accounts{state=\"kept\"} 1",
        "pagekeeper_accounts{state=\"not_connected\"} 1",
    ] {
        assert!(answer.body.lines().any(|found| found == line), "{line}: {}", answer.body);
    }
    let well_formed =
        |line: &str| line.starts_with("# ") || line.rsplit_once(' ').is_some_and(|(_, n)| n.parse::<f64>().is_ok());
    assert!(answer.body.lines().all(well_formed), "{}", answer.body);
    assert!(!answer.body.contains("Person"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_stops_when_it_is_told() {
    let served = Served::new().await;
    served.tell.send(true).unwrap();
    for _ in 0..500 {
        if TcpStream::connect(served.at).is_err() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("it still listens");
}
