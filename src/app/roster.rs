//! The roster's key, and the verbs on the roster: import, forget, and what is in force.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail, ensure};

use super::App;
use crate::config::{Config, Problems, read_secret};
use crate::db::{Conn, inputs, roster as stored};
use crate::model::Timestamp;
use crate::rules::roster::{self, Bad, Facts, Roster};
use crate::seal::{self, Keyed};

/// The kind of input that stands for the roster.
const ROSTER: &str = "roster";
const FORGOTTEN: &str = "forgotten";

/// What an import did.
#[derive(Debug, Clone)]
pub struct Imported {
    pub facts: Facts,
    /// Rows of others than students.
    pub others: u64,
    pub bad: Vec<Bad>,
    /// The very roster was in force already: nothing was written.
    pub same: bool,
}

impl App {
    /// Puts the students of a file in the place of the former roster. The names are gone when this returns.
    pub fn import_roster(&self, file: &Path, actor: &str, now: Timestamp) -> Result<Imported> {
        key_file(&self.config)?;
        let bytes = fs::read(file).with_context(|| format!("could not read {}", file.display()))?;
        let sheet = roster::read(&bytes, &self.config.roster).map_err(|bad| anyhow!("{}:{bad}", file.display()))?;
        if sheet.students.is_empty() {
            let first = sheet.bad.first().map(|bad| format!(" (line {bad})")).unwrap_or_default();
            bail!("{} has no student that could be read{first}: the roster stays as it was", file.display());
        }
        let key = self.roster_key_or_new()?;
        let names = roster::hashed(&sheet.students, &key);
        let released = sheet.students.iter().filter(|student| student.released).count() as u64;
        let students = sheet.students.len() as u64;
        let facts = Facts {
            students,
            released,
            withheld: students - released,
            file: hex::encode(seal::sha256(&bytes)),
            hashes: roster::digest(&names),
            key: roster::fingerprint(&key),
        };
        let (text, actor) = (serde_json::to_string(&facts)?, actor.to_owned());
        let changed = self.db.writer.write(move |tx| {
            let changed = inputs::put_by(tx, ROSTER, &text, Some(&actor), now)?;
            if changed {
                stored::replace(tx, &names)?;
            }
            Ok(changed)
        })?;
        Ok(Imported { facts, others: sheet.others, bad: sheet.bad, same: !changed })
    }

    /// Destroys the key, then the hashes: from the first moment on, no copy of them says anything. False: there was nothing.
    pub fn forget_roster(&self, actor: &str, now: Timestamp) -> Result<bool> {
        let had_key = self.config.rules.roster_key_file.as_deref().is_some_and(Path::exists);
        let known = self.db.read(roster_on_record)?;
        ensure!(
            known.is_none() || self.config.rules.roster_key_file.is_some(),
            "the config does not say where the roster's key lies: set [rules] roster_key_file, so that it can be destroyed"
        );
        if let Some(file) = self.config.rules.roster_key_file.as_deref().filter(|_| had_key) {
            destroy(file)?;
        }
        if known.is_some() {
            let actor = actor.to_owned();
            self.db.writer.write(move |tx| {
                stored::clear(tx)?;
                inputs::put_by(tx, ROSTER, FORGOTTEN, Some(&actor), now)
            })?;
            self.db.settle()?;
        }
        Ok(had_key || known.is_some())
    }

    /// What is on record of the roster in force, if there is one.
    pub fn roster_facts(&self) -> Result<Option<Facts>> {
        let Some(text) = self.db.read(roster_on_record)? else { return Ok(None) };
        serde_json::from_str(&text).context("the roster on record").map(Some)
    }

    /// The roster, ready to be asked. One without its key is said loudly and stops nothing else.
    pub(super) fn askable(&self, in_force: Option<Result<(String, Keyed)>>) -> Result<Option<Roster>> {
        match in_force {
            None => Ok(None),
            Some(Ok((_, key))) => Ok(Some(Roster::new(key, self.db.read(stored::all)?))),
            Some(Err(error)) => {
                tracing::error!("no item is checked against the roster: {error:#}");
                Ok(None)
            }
        }
    }

    /// The key; a new one where none lies yet. Whoever comes second to making it takes the first one's.
    fn roster_key_or_new(&self) -> Result<Keyed> {
        let file = key_file(&self.config)?;
        if !file.exists() {
            make_key(file).with_context(|| {
                format!(
                    "could not make the roster's key {}: its folder must be there and be this user's, or put 64 random hex \
                     digits there yourself (mode 0600)",
                    file.display()
                )
            })?;
        }
        read_key(&self.config)
    }
}

/// The roster's record and its key, where there is a roster. The inner error says why it cannot be asked: then no item is checked
/// against it.
pub fn in_force(config: &Config, conn: &Conn) -> Result<Option<Result<(String, Keyed)>>> {
    let Some(text) = roster_on_record(conn)? else { return Ok(None) };
    let facts: Facts = serde_json::from_str(&text).context("the roster on record")?;
    Ok(Some(read_key(config).and_then(|key| {
        ensure!(
            roster::fingerprint(&key) == facts.key,
            "the key in [rules] roster_key_file is another than the roster was imported with: import the roster again"
        );
        Ok((text, key))
    })))
}

fn read_key(config: &Config) -> Result<Keyed> {
    let file = key_file(config)?;
    let secret = read_secret(file)?;
    // In words alone, as for every secret: an I/O error in the chain would pass for trouble with the archive.
    let mode = fs::metadata(file).map_err(|error| anyhow!("{}: {error}", file.display()))?.permissions().mode();
    ensure!(mode & 0o077 == 0, "others may read the roster's key: run  chmod 600 {}", file.display());
    let key = hex::decode(secret.reveal()).ok().filter(|key| key.len() == 32);
    let key = key.with_context(|| format!("{} does not hold a roster's key: 64 hex digits", file.display()))?;
    Ok(Keyed::new(&key))
}

fn key_file(config: &Config) -> Result<&Path> {
    let unset = "[rules] roster_key_file is not set: name a file outside of data directory and backups for the key";
    let file = config.rules.roster_key_file.as_deref();
    Ok(file.ok_or_else(|| Problems(vec![unset.to_owned()]))?)
}

fn roster_on_record(conn: &Conn) -> Result<Option<String>> {
    Ok(inputs::in_force(conn, ROSTER)?.map(|(_, text)| text).filter(|text| text != FORGOTTEN))
}

/// Writes a new key beside its place and moves it there whole; a key that lies there already stays.
fn make_key(file: &Path) -> Result<()> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).context("the system gives no random numbers")?;
    let folder = file.parent().context("it lies in no folder")?;
    let mut new = tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o600)).tempfile_in(folder)?;
    new.write_all(hex::encode(key).as_bytes())?;
    new.as_file().sync_all()?;
    match new.persist_noclobber(file) {
        Err(error) if error.error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error.error.into()),
        _ => {}
    }
    Ok(File::open(folder)?.sync_all()?)
}

/// Overwrites a key, empties its file and removes that. Where the folder may not be written, the empty file stays.
fn destroy(file: &Path) -> Result<()> {
    let overwrite = || -> std::io::Result<()> {
        let length = usize::try_from(fs::metadata(file)?.len()).unwrap_or(64);
        let mut open = OpenOptions::new().write(true).open(file)?;
        open.write_all(&vec![b'0'; length])?;
        open.sync_all()?;
        open.set_len(0)?;
        open.sync_all()
    };
    overwrite().with_context(|| {
        format!("could not destroy the roster's key {}: the roster is not forgotten", file.display())
    })?;
    match fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::PermissionDenied => Err(error.into()),
        _ => Ok(()),
    }
}
