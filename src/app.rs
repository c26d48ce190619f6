//! Builds the parts once, and runs what follows when anything was committed: rules, index, alerts, checkpoint. The only
//! orchestration: `cli`, `jobs` and `web` call [`App::follow`] after a verb.

pub mod moderation;
pub mod offers;
pub mod packs;
pub mod retire;
pub mod roster;
pub mod search;

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use jiff::SignedDuration;

use crate::config::Config;
use crate::db::{self, Db, inputs, ledger};
use crate::harvest::Harvester;
use crate::index::{Batch, Document, Index, Watermark};
use crate::model::{Category, Clock, Timestamp};
use crate::platform::http::{Http, HttpSettings};
use crate::proof::{self, Signer};
use crate::rules::{self, Engine, Gate};
use crate::seal::{self, Hash};
use crate::text::detect::Allow;

/// The kinds of input that flags depend on.
pub use crate::db::inputs::PACKS;
const DISTRICT: &str = "district";
const LAW: &str = "law";

/// Between two checkpoints.
const CHECKPOINT_EVERY: SignedDuration = SignedDuration::from_secs(60);

/// The parts of a running program. Built once, shared by reference.
pub struct App {
    pub config: Arc<Config>,
    pub db: Db,
    pub http: Http,
    pub clock: Clock,
    signer: Signer,
    index: Mutex<Option<Index>>,
    engine: Mutex<Option<(Hash, Arc<Engine>)>>,
}

/// What `follow` did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Followed {
    /// Every view stands at this entry or beyond.
    pub through: u64,
    pub flags: u64,
    pub documents: u64,
}

impl App {
    /// Makes the data directory, the signing key and the database. Refuses where an archive stands.
    pub fn init(config: &Config, now: Timestamp) -> Result<()> {
        let data = config.data_dir();
        ensure!(!config.database().exists(), "an archive stands already at {}", config.database().display());
        fs::create_dir_all(data).with_context(|| format!("could not make {}", data.display()))?;
        // A package makes the folder for the daemon's user: an archive of somebody else's in it could not be served.
        owned_by_us(data)?;
        for folder in [config.media_dir(), config.secrets_dir()] {
            fs::create_dir_all(&folder).with_context(|| format!("could not make {}", folder.display()))?;
            only_for_owner(&folder)?;
        }
        only_for_owner(data)?;
        if !config.ledger.signing_key_file.exists() {
            Signer::create(&config.ledger.origin, &config.ledger.signing_key_file)?;
        }
        db::create(&config.database(), &config.ledger.origin, now)
    }

    /// Opens the archive that the config names. Never makes one.
    pub fn open(config: Config, clock: Clock) -> Result<App> {
        owned_by_us(config.data_dir())?;
        let db = Db::open(&config.database())?;
        let origin = db.read(db::checkpoints::origin)?;
        ensure!(
            origin == config.ledger.origin,
            "the archive's log is named {origin} and the config says {}: the name never changes; set [ledger] origin back",
            config.ledger.origin
        );
        let signer = Signer::load(&origin, &config.ledger.signing_key_file)?;
        let http = Http::new(HttpSettings::default(), clock.clone())?;
        // Content networks do not meter what a district reads; on loopback there is nothing to spare.
        let on_loopback = config.platform.values().any(|platform| platform.on_loopback());
        http.set_ceiling("media:", if on_loopback { 60_000 } else { 600 });
        for (name, platform) in &config.platform {
            http.set_ceiling(&format!("{name}:"), platform.requests_per_minute);
        }
        if !on_loopback {
            crate::platform::x::PACES.iter().for_each(|(meter, per_minute)| http.set_pace(meter, *per_minute));
        }
        let config = Arc::new(config);
        let app = App { config, db, http, clock, signer, index: Mutex::default(), engine: Mutex::default() };
        app.expire(app.clock.now())?;
        Ok(app)
    }

    pub fn harvester(&self) -> Harvester<'_> {
        Harvester { config: &self.config, db: &self.db, http: &self.http }
    }

    /// The public key of the log.
    pub fn verifier_key(&self) -> String {
        self.signer.verifier_key()
    }

    /// The search index, opened at the first use; `None` until something was followed.
    pub fn index(&self) -> Result<Option<Index>> {
        let mut held = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        if held.is_none() {
            *held = Index::open(&self.config.index_dir())?;
        }
        Ok(held.clone())
    }

    /// Brings every view up to the newest entry. One process at a time does; others wait until the views have passed the entry
    /// that was newest when they asked. Call it from a thread that may block.
    pub fn follow(&self, now: Timestamp) -> Result<Followed> {
        let wanted = self.db.read(ledger::size)?;
        let lock = File::create(self.config.follow_lock()).context("could not open follow.lock")?;
        loop {
            match lock.try_lock() {
                Ok(()) => return self.follow_locked(now),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(error).context("could not lock follow.lock"),
            }
            let through = self.views_at()?;
            if through >= wanted {
                return Ok(Followed { through, ..Followed::default() });
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The entry that the slowest view has passed.
    pub fn views_at(&self) -> Result<u64> {
        let flags = self.db.read(|conn| inputs::watermark(conn, rules::follow::VIEW))?.map_or(0, |(seq, ..)| seq);
        let index = self.index()?.map(|index| index.watermark()).transpose()?.flatten().map_or(0, |mark| mark.seq);
        Ok(flags.min(index))
    }

    /// What depends on today and is cached in a row: suppressions that have expired.
    pub fn expire(&self, now: Timestamp) -> Result<()> {
        if self.db.read(|conn| db::suppressions::is_any_due(conn, now))? {
            self.db.writer.write(move |tx| db::suppressions::expire(tx, now))?;
        }
        Ok(())
    }

    fn follow_locked(&self, now: Timestamp) -> Result<Followed> {
        self.expire(now)?;
        let changed = self.refresh_inputs(now)?;
        // First, so that no list and no mail has a flag that a page's finding holds back.
        self.catch_up_audit(now)?;
        let (engine, gate, digest) = self.rules_in_force()?;
        let flagged = rules::follow::catch_up(&self.db, &engine, &gate, &digest, now)?;
        let indexed = self.catch_up_index()?;
        crate::alert::catch_up(&self.db, &self.config, now)?;
        self.offer(changed.as_deref(), now)?;
        self.checkpoint(now)?;
        Ok(Followed { through: flagged.through.min(indexed.0), flags: flagged.flags, documents: indexed.1 })
    }

    /// A changed setting is a finding the same day. A standard that cannot be read is said and stops nothing else.
    fn catch_up_audit(&self, now: Timestamp) -> Result<()> {
        match crate::audit::catch_up(&self.db, &self.config, now) {
            Err(error) if !db::is_storage(&error) => {
                tracing::error!("the pages could not be audited: {error:#}");
                Ok(())
            }
            other => other,
        }
    }

    /// Signs and publishes, once a minute at most. A refusal (a restored or altered database) is said loudly and stops nothing else.
    pub fn checkpoint(&self, now: Timestamp) -> Result<()> {
        let newest = self.db.read(db::checkpoints::newest)?;
        if newest.is_some_and(|newest| now.duration_since(newest.at).abs() < CHECKPOINT_EVERY) {
            return Ok(());
        }
        let dir = self.config.ledger.checkpoint_dir.as_deref();
        match proof::publish(&self.db, &self.signer, dir, now) {
            Err(error) if !db::is_storage(&error) => {
                tracing::error!("no checkpoint was signed: {error:#}");
                Ok(())
            }
            other => other.map(|_| ()),
        }
    }

    /// A person accepts that the archive went back to a backup; signing goes on at once. Gives the checkpoint that was set aside.
    pub fn accept_restore(&self, reason: &str, actor: &str) -> Result<proof::Published> {
        let dir = self.config.ledger.checkpoint_dir.as_deref();
        let dir = dir.context("no checkpoints are published: `[ledger] checkpoint_dir` names no folder")?;
        let now = self.clock.now();
        let withdrawn = proof::accept_restore(&self.db, &self.signer, dir, actor, reason, now)?;
        proof::publish(&self.db, &self.signer, Some(dir), now)?;
        self.follow(now)?;
        Ok(withdrawn)
    }

    /// Recomputes the flags from the first entry on.
    pub fn rebuild_flags(&self, now: Timestamp) -> Result<u64> {
        let _lock = self.wait_for_follow_lock()?;
        self.refresh_inputs(now)?;
        let (engine, gate, digest) = self.rules_in_force()?;
        Ok(rules::follow::rebuild(&self.db, &engine, &gate, &digest)?.flags)
    }

    /// What other packs would change over the archive; nothing is written.
    pub fn replay(
        &self,
        packs: &rules::Packs,
        tell: &mut dyn FnMut(&rules::replay::Difference) -> Result<()>,
    ) -> Result<rules::replay::Replayed> {
        let roster = self.askable(self.db.read(|conn| roster::in_force(&self.config, conn))?)?;
        let engine = Engine::new(packs, &self.allow()).with_roster(roster);
        rules::replay::replay(&self.db, &engine, &self.gate(), tell)
    }

    /// Builds the index anew.
    pub fn rebuild_index(&self) -> Result<u64> {
        let _lock = self.wait_for_follow_lock()?;
        let mut index = Index::open_or_create(&self.config.index_dir())?;
        index.clear()?;
        *self.index.lock().unwrap_or_else(PoisonError::into_inner) = Some(index);
        Ok(self.catch_up_index()?.1)
    }

    fn wait_for_follow_lock(&self) -> Result<File> {
        let lock = File::create(self.config.follow_lock()).context("could not open follow.lock")?;
        lock.lock().context("could not lock follow.lock")?;
        Ok(lock)
    }

    fn catch_up_index(&self) -> Result<(u64, u64)> {
        let mut index = self.index_to_write()?;
        let (size, leaf) = self.db.read(|conn| {
            let mark: Option<Watermark> = index.watermark()?;
            Ok((ledger::size(conn)?, mark.map(|mark| ledger::leaf_hash(conn, mark.seq)).transpose()?.flatten()))
        })?;
        if index.is_ahead_of_or_differs(size, leaf)? {
            tracing::warn!("the index followed another database (a restored one?): it is built anew");
            index.clear()?;
        }
        // Up to what stood there when it began: while a long harvest goes on writing, the flags must have their turn.
        let db = &self.db;
        let progress = index.catch_up(&mut |after, limit| db.read(|conn| batch(conn, after, size, limit)))?;
        Ok((progress.through, progress.documents))
    }

    /// A handle of its own, so that searches go on while it catches up.
    fn index_to_write(&self) -> Result<Index> {
        let mut held = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        match &*held {
            Some(index) => Ok(index.clone()),
            None => Ok(held.insert(Index::open_or_create(&self.config.index_dir())?).clone()),
        }
    }

    /// Puts the district's facts and the legal basis in force where they have changed, and the files' packs where none are in force
    /// that this version reads. Returns other packs that lie on the disk: they are offered.
    pub fn refresh_inputs(&self, now: Timestamp) -> Result<Option<String>> {
        let stated = [
            (DISTRICT, Some(serde_json::to_string(&self.config.district)?)),
            (LAW, Some(serde_json::to_string(&self.config.law)?)),
            (PACKS, self.stated_packs()?),
        ];
        // Most often nothing has changed: then no pack is loaded and no example run.
        let mut changed = self.db.read(|conn| {
            let mut changed = Vec::new();
            for (kind, text) in stated {
                let Some(text) = text else { continue };
                if inputs::in_force(conn, kind)?.is_none_or(|(_, known)| known != text) {
                    changed.push((kind, text));
                }
            }
            Ok(changed)
        })?;
        let place = changed.iter().position(|(kind, _)| *kind == PACKS);
        let mut waiting = place.map(|place| changed.remove(place).1);
        if waiting.is_some() && !self.reads_packs_in_force()? {
            changed.extend(waiting.take_if(|text| packs::loaded(text).is_some()).map(|text| (PACKS, text)));
        }
        if !changed.is_empty() {
            self.db.writer.write(move |tx| {
                changed.iter().try_for_each(|(kind, text)| inputs::put(tx, kind, text, now).map(|_| ()))
            })?;
        }
        Ok(waiting)
    }

    /// Whether packs are in force that this version can read. Without any, nobody is to be asked.
    fn reads_packs_in_force(&self) -> Result<bool> {
        let is_compiled = self.engine.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        if is_compiled {
            return Ok(true);
        }
        let in_force = self.db.read(|conn| inputs::in_force(conn, PACKS))?;
        Ok(in_force.is_some_and(|(_, text)| packs::compile(&text, &self.allow()).is_ok()))
    }

    fn stated_packs(&self) -> Result<Option<String>> {
        match packs::read(&self.config) {
            Ok(files) => Ok(Some(serde_json::to_string(&files)?)),
            Err(error) => {
                tracing::error!("the packs could not be read, the last good ones stay in force: {error:#}");
                Ok(None)
            }
        }
    }

    /// The rules in force: compiled from the newest good input in the database, not from the files.
    pub fn rules_in_force(&self) -> Result<(Arc<Engine>, Gate, Hash)> {
        let texts = self.db.read(|conn| {
            let text =
                |kind| Ok::<_, anyhow::Error>(inputs::in_force(conn, kind)?.map(|(_, text)| text).unwrap_or_default());
            Ok([text(PACKS)?, text(DISTRICT)?, text(LAW)?])
        })?;
        let mut stated = texts.join("\0");
        let roster = self.db.read(|conn| roster::in_force(&self.config, conn))?;
        if let Some(Ok((facts, _))) = &roster {
            stated = [stated, facts.clone()].join("\0");
        }
        let digest = seal::sha256(stated.as_bytes());
        let mut held = self.engine.lock().unwrap_or_else(PoisonError::into_inner);
        let engine = match held.as_ref().filter(|(known, _)| *known == digest) {
            Some((_, engine)) => engine.clone(),
            None => {
                let roster = self.askable(roster)?;
                let engine = Arc::new(packs::compile(&texts[0], &self.allow())?.with_roster(roster));
                *held = Some((digest, engine.clone()));
                engine
            }
        };
        Ok((engine, self.gate(), digest))
    }

    fn allow(&self) -> Allow {
        let district = &self.config.district;
        Allow {
            official_numbers: district.official_numbers.clone(),
            official_addresses: district.official_addresses.clone(),
            domains: district.domains.clone(),
        }
    }

    /// What the recorded basis allows on items of the public.
    fn gate(&self) -> Gate {
        let law = &self.config.law;
        let categories: BTreeSet<Category> =
            Category::ALL.iter().copied().filter(|category| law.runs_on_public(*category)).collect();
        Gate {
            public_categories: law.has_basis().then_some(categories),
            expectations_posted: !self.config.policy.comment_expectations.is_empty(),
        }
    }
}

/// The documents of the items that got versions after an entry, up to the entry `size`.
pub fn batch(conn: &db::Conn, after: u64, size: u64, limit: usize) -> Result<Batch> {
    let through = size.min(after.saturating_add(u64::try_from(limit)?));
    let leaf_hash = ledger::leaf_hash(conn, through)?.unwrap_or_default();
    let docs = db::items::documents(conn, after, through)?.into_iter().filter_map(document).collect();
    Ok(Batch { docs, through, leaf_hash, more: through < size })
}

/// An item as the index takes it.
fn document(item: db::items::Document) -> Option<Document> {
    let latest = item.versions.last()?;
    let mut texts: Vec<String> = Vec::new();
    let mut seen: BTreeSet<Hash> = BTreeSet::new();
    for version in
        item.versions.iter().filter(|version| !version.content.text.is_empty() || !version.content.parts.is_empty())
    {
        if seen.insert(version.content_digest) {
            let content = &version.content;
            let alts = content.media.iter().filter_map(|medium| medium.alt.clone());
            texts.extend([&content.text].into_iter().chain(&content.parts).chain(&content.links).cloned().chain(alts));
        }
    }
    texts.retain(|text| !text.is_empty());
    let first = item.versions.first()?;
    Some(Document {
        item: u64::try_from(item.item).ok()?,
        created_ms: db::ms(item.created_at.unwrap_or(first.observed_at)),
        accounts: item.accounts.iter().filter_map(|id| u64::try_from(*id).ok()).collect(),
        platform: item.platform,
        kind: item.kind,
        author: latest.author.name.clone(),
        handle: latest.author.handle.clone(),
        role: item.role,
        state: item.state,
        was: item.versions.iter().map(|version| version.change).collect(),
        changed_ms: item.versions.iter().map(|version| db::ms(version.observed_at)).collect(),
        has_media: !latest.content.media.is_empty(),
        has_link: !latest.content.links.is_empty(),
        texts,
    })
}

/// Only the owner may look into a folder of the archive.
fn only_for_owner(folder: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
        .with_context(|| format!("could not close {} to others", folder.display()))
}

/// A command run by another system user than the owner of the data touches nothing (invariant 3).
fn owned_by_us(data: &Path) -> Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    let owner = fs::metadata(data)
        .with_context(|| format!("there is no archive at {}: run `pagekeeper init` to make one", data.display()))?
        .uid();
    let us = fs::metadata("/proc/self").map_or(owner, |process| process.uid());
    if owner == us {
        return Ok(());
    }
    let command: Vec<String> = std::env::args().collect();
    bail!(
        "{} belongs to another system user; run this as that one:\n  sudo -u '#{owner}' {}",
        data.display(),
        command.join(" ")
    )
}
