//! An archive filled along the product's own path, whole and stage by stage.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufReader, BufWriter, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use pagekeeper::app::App;
use pagekeeper::config::Config;
use pagekeeper::db::accounts::{self, Registration};
use pagekeeper::db::harvests::{self, Claimant, Ending};
use pagekeeper::db::items::{self, Evidence, Sealed, Sighting, Stored};
use pagekeeper::import;
use pagekeeper::model::{Clock, Mode, Page, Scope};
use pagekeeper::platform::facebook::{parse_comments, parse_posts};
use pagekeeper::rules;

use crate::corpus::{ACCOUNTS, BLOCK, Corpus, GraphPage, PAGE, page_id, page_name};
use crate::measure::{Spent, bytes, spent, thread_cpu};

/// An archive in a folder, with the official pages of the corpus in its register.
pub struct Archive {
    pub app: Arc<App>,
    accounts: Vec<i64>,
}

/// What a load took.
#[derive(Debug, Default)]
pub struct Loaded {
    pub spent: Spent,
    /// CPU seconds that went into making the corpus: not the program's.
    pub corpus: f64,
    pub flags: u64,
}

impl Archive {
    pub fn create(dir: &Path) -> Result<Archive> {
        let file = dir.join("pagekeeper.toml");
        std::fs::write(&file, config(dir))?;
        App::init(&Config::load(&file)?, Clock::System.now())?;
        Archive::open(dir)
    }

    pub fn open(dir: &Path) -> Result<Archive> {
        let app = App::open(Config::load(&dir.join("pagekeeper.toml"))?, Clock::System)?;
        let rows: Vec<Registration> = (0..ACCOUNTS).map(registration).collect();
        let now = app.clock.now();
        let accounts = app.db.writer.write(move |tx| {
            rows.iter().try_for_each(|row| accounts::put(tx, row, Some("bench"), now).map(|_| ()))?;
            Ok(accounts::all(tx)?.into_iter().map(|account| account.id).collect())
        })?;
        Ok(Archive { app: Arc::new(app), accounts })
    }

    /// The whole path, pipelined: pages are made, parsed and sealed on one thread, committed on the writer's, followed by rules
    /// and index on a third, which starts its own.
    pub fn load(&self, corpus: &Corpus, items: u64) -> Result<Loaded> {
        let ended = AtomicBool::new(false);
        let (spent, (corpus, flags)) = spent(|| {
            std::thread::scope(|scope| {
                let follower = scope.spawn(|| self.follow_until(&ended));
                let produced = self.produce(corpus, items);
                ended.store(true, Ordering::SeqCst);
                let flags = follower.join().ok().context("the follower panicked")??;
                Ok((produced?, flags))
            })
        })?;
        Ok(Loaded { spent, corpus, flags })
    }

    fn follow_until(&self, ended: &AtomicBool) -> Result<u64> {
        let mut flags = 0;
        loop {
            let is_last = ended.load(Ordering::SeqCst);
            flags += self.app.follow(self.app.clock.now())?.flags;
            if is_last {
                return Ok(flags);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn produce(&self, corpus: &Corpus, items: u64) -> Result<f64> {
        let sights = self.begin()?;
        let (mut waiting, mut making) = (VecDeque::new(), 0.0);
        for block in 0..items.div_ceil(BLOCK) {
            let before = thread_cpu();
            let pages = corpus.block(block);
            making += thread_cpu() - before;
            for page in &pages {
                let sight = sights[usize::try_from(page.account)?].clone();
                let sealed = Sealed::new(parsed(page))?;
                waiting.push_back(self.app.db.writer.send(move |tx| items::store(tx, &sight, &sealed))?);
                if waiting.len() > 16
                    && let Some(oldest) = waiting.pop_front()
                {
                    is_stored(oldest.blocking_recv()?)?;
                }
            }
        }
        for answer in waiting {
            is_stored(answer.blocking_recv()?)?;
        }
        self.end(&sights)?;
        Ok(making)
    }

    fn begin(&self) -> Result<Vec<Sighting>> {
        let (accounts, now) = (self.accounts.clone(), self.app.clock.now());
        let begun = self.app.db.writer.write(move |tx| {
            let begin = |account: &i64| harvests::begin(tx, *account, Mode::Backfill, Claimant::this(), now);
            accounts.iter().map(begin).collect::<Result<Vec<_>>>()
        })?;
        let sight = |(account, begun): (&i64, Option<harvests::Begun>)| Sighting {
            now,
            platform: "facebook".into(),
            account: *account,
            harvest: begun.map(|begun| begun.id),
            whole: true,
            evidence: Evidence::default(),
            fetch_media: "district".into(),
        };
        Ok(self.accounts.iter().zip(begun).map(sight).collect())
    }

    fn end(&self, sights: &[Sighting]) -> Result<()> {
        let (sights, now) = (sights.to_vec(), self.app.clock.now());
        self.app.db.writer.write(move |tx| {
            let ending = Ending { outcome: "complete", cause: None, trouble: None, parked_until: None, units: 0 };
            for sight in &sights {
                let begun = harvests::Begun { id: sight.harvest.context("it was begun")? };
                harvests::end(tx, sight.account, begun, &ending, now)?;
            }
            Ok(())
        })
    }

    /// Each stage by itself, one after the other. Names, with what each took.
    pub fn stages(&self, corpus: &Corpus, items: u64) -> Result<Vec<(&'static str, Spent)>> {
        let sights = self.begin()?;
        let (mut parse, mut seal, mut store) = (Spent::default(), Spent::default(), Spent::default());
        // Many pages at a time, so that the kernel's coarse count of CPU has something to count.
        for chunk in (0..items.div_ceil(BLOCK)).collect::<Vec<_>>().chunks(20) {
            let pages: Vec<GraphPage> = chunk.iter().flat_map(|block| corpus.block(*block)).collect();
            let read: Vec<Page> = add(&mut parse, || Ok(pages.iter().map(parsed).collect()))?;
            let sealed: Vec<Sealed> = add(&mut seal, || read.into_iter().map(Sealed::new).collect())?;
            let jobs: Vec<_> = pages
                .iter()
                .zip(sealed)
                .map(|(page, sealed)| Ok((sights[usize::try_from(page.account)?].clone(), sealed)))
                .collect::<Result<_>>()?;
            add(&mut store, || {
                let send = |(sight, sealed): (Sighting, Sealed)| {
                    self.app.db.writer.send(move |tx| items::store(tx, &sight, &sealed))
                };
                let answers = jobs.into_iter().map(send).collect::<Result<Vec<_>>>()?;
                answers.into_iter().try_for_each(|answer| is_stored(answer.blocking_recv()?))
            })?;
        }
        self.end(&sights)?;
        let app = &self.app;
        app.refresh_inputs(app.clock.now())?;
        let (engine, gate, digest) = app.rules_in_force()?;
        let (rules, _) = spent(|| rules::follow::catch_up(&app.db, &engine, &gate, &digest, app.clock.now()))?;
        let (index, _) = spent(|| app.follow(app.clock.now()))?;
        Ok(vec![("parse", parse), ("seal", seal), ("store", store), ("rules", rules), ("index, alerts", index)])
    }

    /// `import jsonl` of the same items, and what follows it.
    pub fn import(&self, file: &Path) -> Result<Spent> {
        let app = &self.app;
        let (spent, done) = spent(|| {
            let input = BufReader::with_capacity(1 << 20, File::open(file)?);
            let done = import::jsonl(&app.db, input, "bench", "bench", app.clock.now(), &mut |_| {})?;
            app.follow(app.clock.now())?;
            Ok(done)
        })?;
        ensure!(done.bad.is_empty(), "a line was refused: {:?}", done.bad.first());
        Ok(spent)
    }
}

/// Writes the items of the corpus as lines of the interchange format.
pub fn write_lines(corpus: &Corpus, items: u64, file: &Path) -> Result<()> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(file)?);
    for block in 0..items.div_ceil(BLOCK) {
        for page in corpus.block(block) {
            for seen in parsed(&page).observations {
                let mut line = serde_json::json!({
                    "platform": "facebook", "account": slug(page.account), "native_id": seen.native_id, "kind": seen.kind,
                    "url": seen.url, "author": seen.author, "created_at": seen.created_at, "text": seen.content.text,
                    "counts": seen.counts,
                });
                if let (Some(parent), Some(root)) = (seen.parent, seen.root) {
                    line["parent_native_id"] = parent.into();
                    line["root_native_id"] = root.into();
                }
                serde_json::to_writer(&mut out, &line)?;
                out.write_all(b"\n")?;
            }
        }
    }
    Ok(out.flush()?)
}

/// Bytes of database and index once everything lies in them. The archive must be closed.
pub fn on_disk(dir: &Path) -> Result<(u64, u64)> {
    let data = dir.join("data");
    // The writer's thread puts the write-ahead log into the database when it ends.
    for _ in 0..3000 {
        if !data.join("pagekeeper.db-wal").exists() {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let config = Config::load(&dir.join("pagekeeper.toml"))?;
    Ok((bytes(&config.database()), bytes(&config.index_dir())))
}

/// A page as the connector gives it to the harvest.
pub fn parsed(page: &GraphPage) -> Page {
    match &page.post {
        None => {
            let mut read = parse_posts(&page.exchange, &page.page_id);
            read.position = page.oldest;
            read
        }
        Some(post) => {
            let mut read = parse_comments(&page.exchange, post);
            read.finished.push(Scope::Thread { root: post.clone() });
            read
        }
    }
}

fn is_stored(stored: Result<Stored>) -> Result<()> {
    let stored = stored?;
    ensure!(
        stored.tally.new == PAGE && stored.tally.problems == 0,
        "a page was not stored in whole: {:?}",
        stored.tally
    );
    Ok(())
}

fn add<T>(total: &mut Spent, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let (spent, answer) = spent(work)?;
    total.wall += spent.wall;
    total.cpu += spent.cpu;
    Ok(answer)
}

fn slug(account: u64) -> String {
    page_name(account).to_lowercase().replace(' ', "-")
}

fn registration(account: u64) -> Registration {
    Registration {
        slug: slug(account),
        platform: "facebook".into(),
        native_id: page_id(account),
        name: page_name(account),
        school: page_name(account),
        status: "active".into(),
        ..Registration::default()
    }
}

/// A district with a recorded basis, so that every rule of the shipped packs runs on every text.
fn config(dir: &Path) -> String {
    format!(
        r#"data_dir = "{dir}/data"
[district]
name = "Mesa Vista Unified School District"
official_numbers = ["760-555-0100"]
domains = ["mesavista.example.org"]
[policy]
clauses = "{shipped}/policy.toml"
comment_expectations = ["{shipped}/expectations.en.txt"]
elections = "{shipped}/elections.toml"
[law]
safety_basis = "counsel"
basis_date = "2026-08-11"
basis_reference = "Board resolution 2026-31 (invented)"
notice_date = "2026-08-18"
recorded_by = "District administrator"
file = "{shipped}/law/california.toml"
[ledger]
origin = "mesavista.example.org/pages"
checkpoint_dir = "{dir}/checkpoints"
[web]
listen = "127.0.0.1:0"
[rules]
dir = "{shipped}/rules"
"#,
        dir = dir.display(),
        shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/config"),
    )
}
