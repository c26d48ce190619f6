//! A whole archive against the platforms in small, as the command line would set it up: for tests of what goes wrong.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use pagekeeper::app::{App, Followed};
use pagekeeper::cli::demo;
use pagekeeper::config::Config;
use pagekeeper::db::accounts::{self, Account};
use pagekeeper::db::harvests::{self, Interval};
use pagekeeper::db::{self, items};
use pagekeeper::harvest::{Report, Request};
use pagekeeper::model::{Change, Clock, Mode, Platform, State, Timestamp};
use pagekeeper::platform::http::{Http, HttpSettings};
use pagekeeper::proof::{self, Verified};
use pagekeeper::sandbox::world::{File, Medium};
use pagekeeper::sandbox::{Form, Origin, Sandbox, Standing, Truth, World};

pub const NOW: &str = "2026-11-24T17:00:00Z";
pub const PAGE: &str = "mesa-vista-high";
pub const INSTAGRAM: &str = "mesa-vista-high-instagram";
pub const X: &str = "mesa-vista-usd-x";
pub const YOUTUBE: &str = "mesa-vista-usd-youtube";
pub const BLUESKY: &str = "mesa-vista-usd-bluesky";

pub struct Rig {
    pub folder: tempfile::TempDir,
    pub sandbox: Sandbox,
    pub config: PathBuf,
    pub clock: Clock,
    understood: Config,
    verifier_key: String,
    /// `None` while other processes are to have the archive for themselves.
    app: Option<Arc<App>>,
}

/// An item as the archive has it: its versions, oldest first.
pub type Kept = BTreeMap<String, Vec<(u64, Change, State, String)>>;

impl Rig {
    /// An archive of the named pages of a world; of every page when none is named.
    pub async fn with(world: World, clock: Clock, slugs: &[&str]) -> Rig {
        let sandbox = Sandbox::start(world).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let config = demo::settle(folder.path(), &sandbox, "127.0.0.1:0").unwrap();
        thin_packs(&folder.path().join("config/rules"));
        App::init(&Config::load(&config).unwrap(), clock.now()).unwrap();
        let app = open(&config, clock.clone());
        let rows = demo::registrations(&sandbox).into_iter();
        let rows: Vec<_> = rows.filter(|row| slugs.is_empty() || slugs.contains(&row.slug.as_str())).collect();
        let now = clock.now();
        let put = move |tx: &db::Tx<'_>| rows.iter().try_for_each(|row| accounts::put(tx, row, None, now).map(|_| ()));
        app.db.writer.write_async(put).await.unwrap();
        let (understood, verifier_key) = (Config::load(&config).unwrap(), app.verifier_key());
        Rig { folder, sandbox, config, clock, understood, verifier_key, app: Some(app) }
    }

    /// One page with a handful of posts and threads, all of the last ten days.
    pub async fn small() -> Rig {
        Rig::with(small_world(PAGE, 6), Clock::manual(NOW.parse().unwrap()), &[PAGE]).await
    }

    pub fn app(&self) -> &Arc<App> {
        self.app.as_ref().expect("the archive is open")
    }

    /// Lets go of the archive: nobody but those who read it now and then has it open.
    pub fn close(&mut self) {
        self.app = None;
    }

    /// The same archive opened anew, as after a restart.
    pub fn reopen(&mut self) {
        self.app = Some(open(&self.config, self.clock.clone()));
    }

    /// Reads the archive, be it open or not.
    pub fn read<T>(&self, run: impl FnOnce(&db::Conn) -> anyhow::Result<T>) -> T {
        match &self.app {
            Some(app) => app.db.read(run).unwrap(),
            None => run(&db::open_for_reading(&self.understood.database()).unwrap()).unwrap(),
        }
    }

    pub fn accounts(&self) -> Vec<Account> {
        self.read(accounts::all)
    }

    /// One run over every account; storage trouble comes back.
    pub async fn try_harvest(&self, mode: Mode, every: bool) -> anyhow::Result<Vec<Report>> {
        let mut reports = Vec::new();
        for account in self.accounts() {
            let request = Request { mode, every, until: None };
            reports.push(self.app().harvester().run(&account, request, self.clock.now()).await?);
        }
        Ok(reports)
    }

    pub async fn harvest(&self, mode: Mode) -> Report {
        self.try_harvest(mode, false).await.unwrap().remove(0)
    }

    /// What follows a commit, logged where this thread logs.
    pub async fn follow(&self) -> anyhow::Result<Followed> {
        let (app, now) = (self.app().clone(), self.clock.now());
        let log = tracing::dispatcher::get_default(Clone::clone);
        let follow = move || tracing::dispatcher::with_default(&log, || app.follow(now));
        tokio::task::spawn_blocking(follow).await.unwrap()
    }

    /// Lets time pass, for the platforms and for us.
    pub fn pass(&self, by: SignedDuration) {
        self.clock.advance(by);
        self.sandbox.world().set_now(self.clock.now());
    }

    /// Every invariant that can be read from what is stored.
    pub fn check(&self, when: &str) -> Verified {
        let config = &self.understood;
        let (media, checkpoints, key) = (config.media_dir(), &config.ledger.checkpoint_dir, &self.verifier_key);
        let (verified, inconsistencies) = self.read(|conn| {
            let verified = proof::verify(conn, &media, checkpoints.as_deref(), Some(key), &mut |_| {})?;
            Ok((verified, db::inconsistencies(conn)?))
        });
        assert_eq!(verified.faults, [], "{when}: the record is intact");
        assert_eq!(inconsistencies, Vec::<String>::new(), "{when}: caches agree with the record");
        verified
    }

    /// All that is acknowledged: the versions of every item but of the pages' own facts.
    pub fn kept(&self) -> Kept {
        let read = |conn: &db::Conn| {
            let size = db::ledger::size(conn)?;
            items::documents(conn, 0, size)
        };
        let mut kept = Kept::new();
        for document in self.read(read) {
            let versions = document.versions.iter();
            let versions = versions.map(|v| (v.seq, v.change, v.state, v.content.text.clone())).collect();
            kept.insert(document.native_id, versions);
        }
        kept
    }

    /// What was acknowledged before is there still, in the same order.
    pub fn nothing_lost_since(&self, before: &Kept, when: &str) {
        let now = self.kept();
        for (item, versions) in before {
            let kept = now.get(item).unwrap_or_else(|| panic!("{when}: {item} is lost"));
            assert_eq!(&kept[..versions.len().min(kept.len())], &versions[..], "{when}: {item}");
        }
    }

    /// Items that a reader of these pages should have by now, as they are.
    pub fn truth(&self) -> Vec<Truth> {
        let slugs: Vec<String> = self.accounts().into_iter().map(|account| account.row.slug).collect();
        let all: Vec<Truth> =
            self.sandbox.world().truth().into_iter().filter(|item| slugs.contains(&item.slug)).collect();
        let tagged = |id: &String| all.iter().any(|item| item.id == *id && item.origin == Origin::Tagged);
        // On X what the account writes elsewhere comes with its own posts, and answers to it with those that name it.
        let own = |item: &Truth| {
            item.platform == Platform::X && item.author.as_ref().is_some_and(|author| author.id == item.account)
        };
        let answers = |item: &Truth| all.iter().any(|above| item.parent.as_ref() == Some(&above.id) && own(above));
        let here = |item: &&Truth| item.root.as_ref().is_none_or(|root| !tagged(root)) || own(item) || answers(item);
        all.iter().filter(here).cloned().collect()
    }

    /// Items that stand on the pages and are not in the archive, and those that are there otherwise than they stand.
    pub fn differences(&self) -> Vec<String> {
        let (kept, mut found) = (self.kept(), Vec::new());
        for item in self.truth() {
            let versions = kept.get(&item.id).or_else(|| item.aliases.iter().find_map(|alias| kept.get(alias)));
            let newest = versions.and_then(|versions| versions.last());
            let stands = match item.standing {
                Standing::Visible => State::Visible,
                Standing::Hidden => State::Hidden,
                Standing::Gone | Standing::Withdrawn => {
                    if newest.is_some_and(|(_, _, state, _)| !matches!(state, State::Missing | State::Gone)) {
                        found.push(format!("{} is not there any more and kept as if it were", item.id));
                    }
                    continue;
                }
            };
            match newest {
                None => found.push(format!("{} {} ({:?}) is not kept", item.kind, item.id, item.form)),
                Some((.., state, text))
                    if *state != stands || (item.form != Form::Repost && !same_words(&item, text)) =>
                {
                    found.push(format!("{} is {stands} {:?} and kept as {state} {text:?}", item.id, item.text));
                }
                Some(_) => {}
            }
        }
        found
    }

    /// Items that the archive calls missing or gone while they stand on the page.
    pub fn falsely_absent(&self) -> Vec<String> {
        let kept = self.kept();
        let stands = |item: &Truth| matches!(item.standing, Standing::Visible | Standing::Hidden);
        let absent = |versions: &Vec<(u64, Change, State, String)>| {
            versions.iter().any(|(_, change, ..)| matches!(change, Change::Missing | Change::Gone))
        };
        let truth = self.truth().into_iter().filter(stands).map(|item| item.id);
        truth.filter(|id| kept.get(id).is_some_and(absent)).collect()
    }

    pub fn coverage(&self) -> Vec<Interval> {
        self.read(harvests::coverage)
    }

    /// Everything on record about what could not be read, in words.
    pub fn words(&self) -> Vec<String> {
        let mut words: Vec<String> = self.coverage().into_iter().filter_map(|interval| interval.cause).collect();
        for account in self.accounts() {
            let runs = self.read(|conn| harvests::newest(conn, account.id, 100));
            words.extend(runs.into_iter().filter_map(|run| run.cause));
        }
        words.extend(self.column("SELECT what FROM problems"));
        words.extend(self.column("SELECT cause FROM media WHERE cause IS NOT NULL"));
        words
    }

    pub fn column(&self, sql: &str) -> Vec<String> {
        let read = |conn: &db::Conn| {
            let mut statement = conn.prepare(sql)?;
            let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
            Ok(rows.collect::<Result<Vec<_>, _>>()?)
        };
        self.read(read)
    }

    /// Where a backfill of the one page would go on from, and when it was finished.
    pub fn position(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        let account = self.accounts()[0].id;
        self.read(|conn| harvests::position(conn, account))
    }
}

/// Opens an archive with a client that gives up soon and never waits for a ceiling.
pub fn open(config: &Path, clock: Clock) -> Arc<App> {
    let mut app = App::open(Config::load(config).unwrap(), clock.clone()).unwrap();
    let settings = HttpSettings {
        deadline: Duration::from_millis(700),
        max_body: 4 << 20,
        requests_per_minute: 1_000_000,
        ..HttpSettings::default()
    };
    app.http = Http::new(settings, clock).unwrap();
    Arc::new(app)
}

/// Leaves one pack: what rules find is another test's matter, and compiling all of them takes longer than a harvest.
fn thin_packs(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if !path.ends_with("obscenity.toml") && !path.ends_with("words.toml") {
            std::fs::remove_file(path).unwrap();
        }
    }
}

/// Posts of the last days on one page, with comments, replies, a hidden one and a picture.
pub fn small_world(page: &str, posts: usize) -> World {
    let now: Timestamp = NOW.parse().unwrap();
    let world = World::bare(now);
    // X's search for answers reaches back a week.
    let days = if page == X { 4 } else { 9 };
    let step = SignedDuration::from_hours(days * 24) / i32::try_from(posts).unwrap();
    for number in 0..posts {
        let ago = step * i32::try_from(posts - number).unwrap();
        world.set_now(now - ago);
        let form = if page == INSTAGRAM { Form::Photo } else { Form::Status };
        let post = world.lock().add_post(page, &format!("Condor news {number}"), form).unwrap();
        if number % 3 == 0 {
            world.set_now(now - ago + SignedDuration::from_mins(5));
            let first = world.add_comment(&post, "Pat Reyes", &format!("Question {number}")).unwrap();
            world.add_comment(&first, "Sam Ortiz", &format!("Answer {number}")).unwrap();
            let hidden = world.add_comment(&post, "Lee Marsh", &format!("Rant {number}")).unwrap();
            world.hide_comment(&hidden, shows_what_is_hidden(page));
        }
        if page == X && number + 2 == posts {
            talk_elsewhere(&world, &post);
        }
    }
    let mut state = world.lock();
    for item in state.items.iter_mut().filter(|item| item.form == Form::Photo) {
        item.media = vec![picture(&item.id)];
    }
    let newest = state.items.iter_mut().rfind(|item| item.parent.is_none()).unwrap();
    newest.form = Form::Photo;
    let id = if page == INSTAGRAM { newest.id.clone() } else { "4400000000001".into() };
    newest.media = vec![picture(&id)];
    drop(state);
    world.set_now(now);
    world
}

/// What others write on X about the account and its posts, and what it answers there.
fn talk_elsewhere(world: &World, post: &str) {
    world.add_quote(post, "Kevin Marsh", "Everybody should read this.").unwrap();
    let mention = world.add_mention(X, "Rosa Delgadillo", "Long line at the east gate again.").unwrap();
    let talk = world.add_comment(&mention, "Jo Park", "Same on Tuesday.").unwrap();
    let answer = world.add_answer(&talk, "We have opened a second lane.").unwrap();
    world.add_comment(&answer, "Jo Park", "That helps, thanks!").unwrap();
}

/// X and YouTube show nobody what a page has hidden.
pub fn shows_what_is_hidden(page: &str) -> bool {
    page != X && page != YOUTUBE
}

/// A text without its line breaks: a platform may put a title and a description where the world has one text. (A repost has no
/// words of its own.)
fn words_of(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

/// On X its own links stand in place of others, and one more for pictures and for what is quoted: words alone are compared.
fn same_words(item: &Truth, text: &str) -> bool {
    let written = words_of(&item.text);
    let words = |text: &[&str]| text.iter().filter(|word| !word.contains("://")).map(|word| word.to_string()).collect();
    let (kept, written): (Vec<String>, Vec<String>) = match item.platform {
        Platform::X => (words(&words_of(text)), words(&written)),
        _ => return words_of(text) == written,
    };
    kept == written
}

fn picture(id: &str) -> Medium {
    Medium { id: id.into(), file: File::Jpeg, alt: Some("The gym".into()) }
}
