//! A bare archive for tests, and `check`: every invariant of the record, read again after each step.

use std::path::PathBuf;

use pagekeeper::db::accounts::Registration;
use pagekeeper::db::harvests::{self, Begun, Claimant, Ending};
use pagekeeper::db::items::{self, Evidence, Sealed, Sighting, Stored};
use pagekeeper::db::{self, Db};
use pagekeeper::model::{Author, Clock, Content, Counts, Exchange, Kind, Mode, Observation, Page, Scope, Timestamp};
use pagekeeper::proof::{self, Verified};

pub const ORIGIN: &str = "mesavista.example.org/pages";

pub struct TestArchive {
    pub dir: tempfile::TempDir,
    pub db: Db,
    pub clock: Clock,
    pub account: i64,
}

impl TestArchive {
    pub fn new() -> TestArchive {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::manual("2026-11-16T15:00:00Z".parse().unwrap());
        let file = dir.path().join("pagekeeper.db");
        db::create(&file, ORIGIN, clock.now()).unwrap();
        let db = Db::open(&file).unwrap();
        let mut archive = TestArchive { dir, db, clock, account: 0 };
        archive.account = archive.register("mesa-vista-high", "100");
        archive
    }

    pub fn register(&self, slug: &str, native_id: &str) -> i64 {
        let row = Registration {
            slug: slug.into(),
            platform: "facebook".into(),
            native_id: native_id.into(),
            handle: slug.replace('-', ""),
            name: "Mesa Vista High".into(),
            school: "Mesa Vista High".into(),
            status: "active".into(),
            ..Registration::default()
        };
        let now = self.clock.now();
        self.db.writer.write(move |tx| db::accounts::put(tx, &row, Some("it"), now)).unwrap();
        self.db.read(|conn| db::accounts::by_slug(conn, slug)).unwrap().unwrap().id
    }

    pub fn media_dir(&self) -> PathBuf {
        self.dir.path().join("media")
    }

    pub fn begin(&self, mode: Mode) -> Begun {
        let (account, now) = (self.account, self.clock.now());
        self.db.writer.write(move |tx| harvests::begin(tx, account, mode, Claimant::this(), now)).unwrap().unwrap()
    }

    pub fn end(&self, begun: Begun, outcome: &'static str) {
        let (account, now) = (self.account, self.clock.now());
        let cause = (outcome != "complete").then(|| "the token has expired".to_owned());
        let ending = Ending { outcome, cause, trouble: None, parked_until: None, units: 0 };
        self.db.writer.write(move |tx| harvests::end(tx, account, begun, &ending, now)).unwrap();
    }

    pub fn sight(&self, begun: Begun) -> Sighting {
        Sighting {
            now: self.clock.now(),
            platform: "facebook".into(),
            account: self.account,
            harvest: Some(begun.id),
            whole: true,
            evidence: Evidence::default(),
            fetch_media: "district".into(),
        }
    }

    pub fn store(&self, sight: Sighting, page: Page) -> anyhow::Result<Stored> {
        let sealed = Sealed::new(page)?;
        self.db.writer.write(move |tx| items::store(tx, &sight, &sealed))
    }

    /// One whole harvest that sees these pages.
    pub fn harvest(&self, pages: impl IntoIterator<Item = Page>) -> items::Tally {
        let begun = self.begin(Mode::Recent);
        let mut tally = items::Tally::default();
        for page in pages {
            tally.add(&self.store(self.sight(begun), page).unwrap().tally);
        }
        self.end(begun, "complete");
        self.check();
        tally
    }

    /// Every invariant that can be read from what is stored.
    pub fn check(&self) -> Verified {
        let verified = self.db.read(|conn| proof::verify(conn, &self.media_dir(), None, None, &mut |_| {})).unwrap();
        assert_eq!(verified.faults, [], "the record is intact");
        assert_eq!(self.db.read(db::inconsistencies).unwrap(), Vec::<String>::new(), "caches agree with the record");
        verified
    }

    pub fn shown(&self, name: &str) -> items::Shown {
        self.db.read(|conn| items::show(conn, items::by_name(conn, name)?.expect("the item is there"))).unwrap()
    }
}

/// A page of hand-made items, as Graph would show them.
pub struct PageOf {
    at: Timestamp,
    body: String,
    observations: Vec<Observation>,
    finished: Vec<Scope>,
}

impl PageOf {
    pub fn new(at: Timestamp) -> PageOf {
        PageOf { at, body: "{\"data\":[".into(), observations: Vec::new(), finished: Vec::new() }
    }

    pub fn post(self, id: &str, text: &str) -> PageOf {
        self.item(id, Kind::Post, None, text, "100", false)
    }

    pub fn comment(self, id: &str, root: &str, text: &str) -> PageOf {
        self.item(id, Kind::Comment, Some(root), text, "900", false)
    }

    pub fn item(mut self, id: &str, kind: Kind, root: Option<&str>, text: &str, author: &str, hidden: bool) -> PageOf {
        let start = self.body.len();
        self.body.push_str(&serde_json::json!({"id": id, "message": text}).to_string());
        let raw = start..self.body.len();
        self.body.push(',');
        self.observations.push(Observation {
            native_id: id.into(),
            aliases: vec![],
            kind,
            parent: root.map(str::to_owned),
            root: root.map(str::to_owned),
            author: Author { native_id: Some(author.into()), name: Some("Pat Reyes".into()), handle: None },
            created_at: Some("2026-11-15T18:00:00Z".parse().unwrap()),
            url: Some(format!("https://www.facebook.com/{id}")),
            hidden,
            content: Content { text: text.into(), ..Content::default() },
            counts: Counts::default(),
            raw,
            superseded: false,
            in_part: false,
        });
        self
    }

    pub fn thread_ends(mut self, root: &str) -> PageOf {
        self.finished.push(Scope::Thread { root: root.into() });
        self
    }

    pub fn posts_end(mut self) -> PageOf {
        self.finished.push(Scope::Posts { since: None });
        self
    }

    pub fn page(self) -> Page {
        Page {
            exchange: Exchange {
                at: self.at,
                method: "GET".into(),
                target: "http://graph.example/v26.0/100/published_posts".into(),
                status: 200,
                body: (self.body.trim_end_matches(',').to_owned() + "]}").into_bytes(),
                ..Exchange::default()
            },
            observations: self.observations,
            finished: self.finished,
            ..Page::default()
        }
    }
}
