//! A small archive of an invented district, with items, flags and people's answers put in by hand.

use std::cell::Cell;

use jiff::SignedDuration;
use pagekeeper::config::Config;
use pagekeeper::db::items::{Evidence, Sealed, Sighting};
use pagekeeper::db::{self, Db, accounts, flags, harvests, items};
use pagekeeper::mail::{Mailer, Message, Outbox};
use pagekeeper::model::{
    Author, Category, Content, Counts, Exchange, Kind, Mode, Observation, Outcome, Page, Scope, Severity, Timestamp,
};
use pagekeeper::{alert, outbox, seal};

/// Stands in every public comment and every author's name: no mail may hold it.
pub const CANARY: &str = "zzcanary";
pub const HIGH: &str = "mesa-vista-high";
pub const MIDDLE: &str = "ocotillo-middle";
pub const OFFICE: &str = "district-office";

pub struct World {
    /// Held for as long as the archive in it is used.
    _dir: tempfile::TempDir,
    pub db: Db,
    pub config: Config,
    pub outbox: Outbox,
    pub now: Cell<Timestamp>,
    made: Cell<u32>,
}

/// One item to be put in.
pub struct Put<'p> {
    pub page: &'p str,
    pub kind: Kind,
    pub district: bool,
    pub text: &'p str,
    pub created_at: Timestamp,
    pub mode: Option<Mode>,
}

const CONFIG: &str = r#"
data_dir = "data"
[district]
name = "Mesa Vista Unified School District"
domains = ["mesavista.example.org"]
[concerns]
child_abuse_hotline = { name = "County child abuse hotline", number = "760-555-0150" }
law_enforcement = { name = "Sheriff's station", number = "760-555-0151" }
crisis_team = { name = "Student crisis team", number = "760-555-0152" }
[web]
public_url = "https://pages.mesavista.example.org"
[mail]
transport = "file"
dir = "mail"
from = "Mesa Vista pages <pages@mesavista.example.org>"
administrator = "admin@mesavista.example.org"
[alerts]
recipients = [
  { address = "safety@mesavista.example.org" },
  { address = "principal@mesavista.example.org", schools = ["Mesa Vista High"] },
]
escalate_to = ["superintendent@mesavista.example.org"]
[weekly]
recipients = [
  { address = "superintendent@mesavista.example.org" },
  { address = "principal@mesavista.example.org", schools = ["Mesa Vista High"] },
]
[platform.facebook]
token_file = "token"
"#;

impl World {
    /// At three in the afternoon of Saturday, November 21, 2026, and live.
    pub fn live() -> World {
        let world = World::preview();
        let now = world.now.get();
        world.db.writer.write(move |tx| db::alerts::go_live(tx, "admin", now)).unwrap();
        world
    }

    pub fn preview() -> World {
        World::with(CONFIG)
    }

    pub fn without_mail_section() -> World {
        let (before, rest) = CONFIG.split_once("[mail]").unwrap();
        let (_, after) = rest.split_once("[alerts]").unwrap();
        World::with(&format!("{before}[alerts]{after}"))
    }

    fn with(text: &str) -> World {
        let dir = tempfile::tempdir().unwrap();
        let config = Config::parse(text, dir.path()).unwrap();
        let now: Timestamp = "2026-11-21T23:00:00Z".parse().unwrap();
        let path = dir.path().join("pagekeeper.db");
        db::create(&path, "mesavista.example.org/pagekeeper", now).unwrap();
        let db = Db::open(&path).unwrap();
        let world = World { _dir: dir, db, config, outbox: Outbox::default(), now: Cell::new(now), made: Cell::new(0) };
        world.register(HIGH, "Mesa Vista High", "Mesa Vista High", "facebook");
        world.register(MIDDLE, "Ocotillo Middle", "Ocotillo Middle", "facebook");
        world.register(OFFICE, "Mesa Vista District", "", "facebook");
        world
    }

    pub fn register(&self, slug: &str, name: &str, school: &str, platform: &str) {
        let row = accounts::Registration {
            slug: slug.into(),
            platform: platform.into(),
            native_id: format!("page-{slug}"),
            handle: slug.into(),
            name: name.into(),
            school: school.into(),
            owner_name: "principal's office".into(),
            status: "active".into(),
            ..accounts::Registration::default()
        };
        let now = self.now.get();
        self.db.writer.write(move |tx| accounts::put(tx, &row, Some("admin"), now)).unwrap();
    }

    pub fn later(&self, minutes: i64) {
        self.now.set(self.now.get() + SignedDuration::from_mins(minutes));
    }

    pub fn at(&self, time: &str) {
        self.now.set(time.parse().unwrap());
    }

    pub fn account(&self, slug: &str) -> i64 {
        self.db.read(|conn| Ok(accounts::by_slug(conn, slug)?.unwrap().id)).unwrap()
    }

    /// Stores one item through the one way in; returns row id, native id, version and content digest.
    pub fn put(&self, put: &Put<'_>) -> (i64, String, u64, seal::Hash) {
        let n = self.made.replace(self.made.get() + 1);
        let native_id = format!("{}-{n}", put.page);
        self.observe(put, &native_id)
    }

    /// The same item seen again with what it says now.
    pub fn observe(&self, put: &Put<'_>, native_id: &str) -> (i64, String, u64, seal::Hash) {
        let author = if put.district {
            Author { native_id: Some(format!("page-{}", put.page)), name: None, handle: None }
        } else {
            Author { native_id: Some("u1".into()), name: Some(format!("Pat {CANARY}")), handle: None }
        };
        let body = format!("{{\"text\":{:?}}}", put.text).into_bytes();
        let content = Content { text: put.text.into(), ..Content::default() };
        let digest = seal::content_digest(&content);
        let root = (!put.kind.is_root()).then(|| format!("root-{}", put.page));
        let mut observations = Vec::new();
        if let Some(root) = &root {
            let url = format!("https://www.facebook.com/{}/posts/1", put.page);
            let own = Author { native_id: Some(format!("page-{}", put.page)), ..Author::default() };
            let text = Content { text: "Homecoming is on Friday".into(), ..Content::default() };
            observations.push(observation(root, Kind::Post, None, own, put.created_at, Some(url), text));
        }
        observations.push(observation(native_id, put.kind, root, author, put.created_at, None, content));
        let page = Page {
            exchange: Exchange { at: self.now.get(), method: "GET".into(), status: 200, body, ..Exchange::default() },
            observations,
            ..Page::default()
        };
        self.store(put.page, put.mode, page);
        let name = format!("facebook:{native_id}");
        let (item, seq) = self
            .db
            .read(|conn| {
                let item = items::by_name(conn, &name)?.unwrap();
                Ok((item, items::read::versions(conn, item)?.last().unwrap().seq))
            })
            .unwrap();
        (item, native_id.to_owned(), seq, digest)
    }

    /// Everything of the thread under a page's post is read again and none of it is there.
    pub fn all_comments_missing(&self, page: &str) {
        let exchange = Exchange { at: self.now.get(), body: b"{}".to_vec(), ..Exchange::default() };
        let finished = vec![Scope::Thread { root: format!("root-{page}") }];
        self.store(page, Some(Mode::Recent), Page { exchange, finished, ..Page::default() });
    }

    fn store(&self, page_slug: &str, mode: Option<Mode>, page: Page) {
        let account = self.account(page_slug);
        let now = self.now.get();
        let sealed = Sealed::new(page).unwrap();
        self.db
            .writer
            .write(move |tx| {
                let harvest = match mode {
                    Some(mode) => harvests::begin(tx, account, mode, harvests::Claimant::this(), now)?,
                    None => None,
                };
                let sight = Sighting {
                    now,
                    platform: "facebook".into(),
                    account,
                    harvest: harvest.map(|begun| begun.id),
                    whole: true,
                    evidence: Evidence::default(),
                    fetch_media: "none".into(),
                };
                items::store(tx, &sight, &sealed)?;
                if let Some(harvest) = harvest {
                    harvests::end(tx, account, harvest, &complete(), now)?;
                }
                Ok(())
            })
            .unwrap();
    }

    /// A public comment, written a quarter of an hour ago, with a flag.
    pub fn comment(&self, page: &str, category: Category, severity: Severity) -> flags::Flag {
        let text = format!("I will {CANARY} number {}", self.made.get());
        let written = self.now.get() - SignedDuration::from_mins(15);
        self.flagged(
            &Put {
                page,
                kind: Kind::Comment,
                district: false,
                text: &text,
                created_at: written,
                mode: Some(Mode::Recent),
            },
            category,
            severity,
        )
    }

    /// A post of the page's own with a flag.
    pub fn post(&self, page: &str, text: &str, category: Category, severity: Severity) -> flags::Flag {
        let written = self.now.get() - SignedDuration::from_mins(15);
        self.flagged(
            &Put { page, kind: Kind::Post, district: true, text, created_at: written, mode: Some(Mode::Recent) },
            category,
            severity,
        )
    }

    pub fn flagged(&self, put: &Put<'_>, category: Category, severity: Severity) -> flags::Flag {
        let (item, native_id, version, content) = self.put(put);
        let past = matches!(put.mode, None | Some(Mode::Backfill));
        self.flag(item, &native_id, version, content, category, severity, past)
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of a flag")]
    pub fn flag(
        &self,
        item: i64,
        native_id: &str,
        version: u64,
        content: seal::Hash,
        category: Category,
        severity: Severity,
        past: bool,
    ) -> flags::Flag {
        let rule = format!("rule-{category}");
        let key = seal::flag_key(&format!("facebook:{native_id}"), &content, &rule);
        let new = flags::New {
            suppressions: Vec::new(),
            flag: key,
            item,
            content,
            version,
            rule,
            category,
            severity,
            clause: "III.4".into(),
            spans: vec![(0, 0, 1)],
            modifiers: Vec::new(),
            shadow: false,
            past,
            first_flagged_at: self.now.get(),
        };
        self.db.writer.write(move |tx| flags::add(tx, flags::Table::InForce, &new)).unwrap();
        self.db.read(|conn| Ok(flags::by_key(conn, &key)?.unwrap())).unwrap()
    }

    /// What the daemon does after a commit and each minute.
    pub fn look(&self) {
        alert::catch_up(&self.db, &self.config, self.now.get()).unwrap();
        alert::tick(&self.db, &self.config, self.now.get()).unwrap();
        self.send();
    }

    /// Looks every minute for so long.
    pub fn minutes(&self, minutes: i64) {
        for _ in 0..minutes {
            self.later(1);
            self.look();
        }
    }

    pub fn send(&self) -> outbox::Sent {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mailer = Mailer::Memory(self.outbox.clone());
        runtime.block_on(outbox::send_due(&self.db, &mailer, self.now.get())).unwrap()
    }

    pub fn answer(&self, flag: &flags::Flag, what: flags::Opening, actor: &str) {
        let (flag, actor, now) = (flag.clone(), actor.to_owned(), self.now.get());
        self.db.writer.write(move |tx| flags::open(tx, &flag, what, &actor, now)).unwrap();
    }

    pub fn review(&self, flag: &flags::Flag, outcome: Outcome) {
        let (flag, now) = (flag.clone(), self.now.get());
        self.db.writer.write(move |tx| flags::review(tx, &flag, outcome, "ordinary speech", "", "rev", now)).unwrap();
    }

    /// Everything sent so far; checked for what no mail may hold.
    pub fn sent(&self) -> Vec<Message> {
        let sent = self.outbox.sent();
        for mail in &sent {
            check(mail);
        }
        sent
    }

    /// To whom, in order, with the subject.
    pub fn subjects(&self) -> Vec<String> {
        self.sent().iter().map(|mail| format!("{}: {}", mail.to.split('@').next().unwrap(), mail.subject)).collect()
    }

    /// The mails to one person.
    pub fn to(&self, name: &str) -> Vec<Message> {
        self.sent().into_iter().filter(|mail| mail.to.starts_with(&format!("{name}@"))).collect()
    }
}

/// What holds for every mail there is.
pub fn check(mail: &Message) {
    let whole = format!("{}\n{}\n{}", mail.subject, mail.text, mail.html);
    assert!(!whole.contains(CANARY), "a public word or an author's name is in a mail: {whole}");
    assert!(!whole.contains("<script") && !whole.contains("<img"), "{whole}");
    for line in mail.text.lines() {
        let is_link = line.trim_start().starts_with("https://") && !line.trim().contains(' ');
        assert!(line.chars().count() <= 60 || is_link, "wider than sixty columns: {line}");
    }
    assert!(mail.message_id.ends_with("@mesavista.example.org>"), "{}", mail.message_id);
}

fn complete() -> harvests::Ending {
    harvests::Ending { outcome: "complete", cause: None, trouble: None, parked_until: None, units: 1 }
}

fn observation(
    native_id: &str,
    kind: Kind,
    root: Option<String>,
    author: Author,
    created_at: Timestamp,
    url: Option<String>,
    content: Content,
) -> Observation {
    Observation {
        native_id: native_id.into(),
        aliases: Vec::new(),
        kind,
        parent: root.clone(),
        root,
        author,
        created_at: Some(created_at),
        url,
        hidden: false,
        content,
        counts: Counts::default(),
        raw: 0..2,
        superseded: false,
        in_part: false,
    }
}

/// Compares with the snapshot of that name under `tests/it/snapshots`.
pub fn snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}
