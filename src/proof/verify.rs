//! Reads everything again: every payload, media file, ledger entry, tree hash and checkpoint. Names each fault; mends nothing.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use sha2::{Digest as _, Sha256};

use super::checkpoint::{Published, newest_published};
use crate::db::{self, Conn, attestations, checkpoints, items, ledger, media};
use crate::seal::{self, Edge, Hash};

/// Entries read at once.
const BATCH: usize = 4096;

/// One thing that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Fault {
    /// What it is about: `entry 17`, `media 3fa9…`, `checkpoint of 120 entries`.
    pub about: String,
    pub fault: String,
}

/// What was read, and what was found.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct Verified {
    pub entries: u64,
    pub versions: u64,
    pub captures: u64,
    pub media: u64,
    pub checkpoints: u64,
    /// The root over all entries, in hex.
    pub root: String,
    pub faults: Vec<Fault>,
}

impl Verified {
    fn fault(&mut self, about: impl Into<String>, fault: impl std::fmt::Display) {
        self.faults.push(Fault { about: about.into(), fault: fault.to_string() });
    }
}

/// Verifies an archive. `verifier_key`: checkpoints must be signed with it; `None` when the key is not at hand.
pub fn verify(
    conn: &Conn,
    media_dir: &Path,
    checkpoint_dir: Option<&Path>,
    verifier_key: Option<&str>,
    progress: &mut dyn FnMut(u64),
) -> Result<Verified> {
    let mut found = Verified::default();
    for fault in db::integrity(conn)? {
        found.fault("database", fault);
    }
    let signed: BTreeMap<u64, checkpoints::Checkpoint> =
        checkpoints::all(conn)?.into_iter().map(|kept| (kept.size, kept)).collect();
    let published = match checkpoint_dir.map(newest_published).transpose() {
        Ok(published) => published.flatten(),
        Err(error) => {
            found.fault("published checkpoint", format!("{error:#}"));
            None
        }
    };
    walk_ledger(conn, &mut found, &signed, published.as_ref(), progress)?;
    check_signatures(&mut found, &signed, published.as_ref(), verifier_key);
    check_payloads(conn, &mut found)?;
    check_media(conn, media_dir, &mut found)?;
    check_attestations(conn, media_dir, &mut found)?;
    Ok(found)
}

fn walk_ledger(
    conn: &Conn,
    found: &mut Verified,
    signed: &BTreeMap<u64, checkpoints::Checkpoint>,
    published: Option<&Published>,
    progress: &mut dyn FnMut(u64),
) -> Result<()> {
    let mut edge = Edge::default();
    let mut tiles = Tiles::default();
    let mut bodies = Bodies { conn, newest: None };
    loop {
        let batch = ledger::entries(conn, found.entries, BATCH)?;
        if batch.is_empty() {
            break;
        }
        for entry in &batch {
            found.entries += 1;
            let about = format!("entry {}", entry.seq);
            if entry.seq != found.entries {
                found.fault(&about, format!("entry {} is not there", found.entries));
                found.entries = entry.seq;
            }
            let hash = seal::leaf_hash(&seal::leaf(entry.seq, entry.at, &entry.kind, &entry.commitment));
            if hash != entry.leaf_hash {
                found.fault(&about, "its leaf hash is not that of its leaf");
            }
            if let Err(error) = check_entry(conn, entry, &mut bodies) {
                found.fault(&about, format!("{error:#}"));
            }
            found.versions += u64::from(entry.kind == "version");
            edge.push(1, entry.leaf_hash);
            tiles.push(conn, entry.leaf_hash, found)?;
            check_root(found, signed, published, &edge);
        }
        progress(found.entries);
    }
    if let Some(published) = published.filter(|published| published.size > found.entries) {
        found.fault(
            "published checkpoint",
            format!("it names {} entries and the ledger has {}", published.size, found.entries),
        );
    }
    for size in signed.keys().filter(|size| **size > found.entries) {
        found.faults.push(Fault {
            about: format!("checkpoint of {size} entries"),
            fault: format!("the ledger has {} entries", found.entries),
        });
    }
    found.root = hex::encode(edge.root());
    Ok(())
}

/// Computes an entry's commitment again from what is kept of it.
fn check_entry(conn: &Conn, entry: &ledger::Entry, bodies: &mut Bodies<'_>) -> Result<()> {
    if entry.kind == "version" {
        let body = bodies.of_version(entry.seq)?;
        return items::verify_version(conn, entry.seq, &entry.commitment, body);
    }
    let (salt, text) = entry.kept.as_ref().context("what it says is not there")?;
    let mut fields: BTreeMap<String, String> = serde_json::from_str(text).context("what it says cannot be read")?;
    fields.extend(entry.subject.iter().map(|subject| ("subject".to_owned(), subject.clone())));
    fields.extend(entry.actor.iter().map(|actor| ("actor".to_owned(), actor.clone())));
    let named = fields.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    ensure!(seal::commit(&entry.kind, salt, named) == entry.commitment, "what is kept does not match its commitment");
    Ok(())
}

fn check_root(
    found: &mut Verified,
    signed: &BTreeMap<u64, checkpoints::Checkpoint>,
    published: Option<&Published>,
    edge: &Edge,
) {
    let size = found.entries;
    if signed.get(&size).is_some_and(|kept| kept.root != edge.root()) {
        found.fault(format!("checkpoint of {size} entries"), "its root is not that of the ledger");
    }
    if published.is_some_and(|published| published.size == size && published.root != edge.root()) {
        found.fault("published checkpoint", "its root is not that of the ledger");
    }
}

fn check_signatures(
    found: &mut Verified,
    signed: &BTreeMap<u64, checkpoints::Checkpoint>,
    published: Option<&Published>,
    verifier_key: Option<&str>,
) {
    let notes =
        signed.values().map(|kept| (format!("checkpoint of {} entries", kept.size), kept.size, &kept.root, &kept.note));
    let published = published.map(|note| ("published checkpoint".to_owned(), note.size, &note.root, &note.note));
    let mut faults = Vec::new();
    for (about, size, root, note) in notes.chain(published) {
        found.checkpoints += 1;
        let checked = Published::parse(note).and_then(|parsed| {
            ensure!(parsed.size == size && parsed.root == *root, "the note names another tree than its row");
            verifier_key.map_or(Ok(()), |key| parsed.check(key))
        });
        faults.extend(checked.err().map(|error| (about, format!("{error:#}"))));
    }
    faults.into_iter().for_each(|(about, fault)| found.fault(about, fault));
}

/// Every kept body has the size and digest of its capture.
fn check_payloads(conn: &Conn, found: &mut Verified) -> Result<()> {
    let mut after = 0;
    while let Some(capture) = items::read::next_body(conn, after)? {
        after = capture.id;
        found.captures += 1;
        let about = format!("capture {}", capture.id);
        match items::read::body(conn, capture.id) {
            Ok(Some(body)) if seal::sha256(&body) == capture.digest => {}
            Ok(_) => found.fault(about, "its bytes do not have its digest"),
            Err(error) => found.fault(about, format!("{error:#}")),
        }
    }
    Ok(())
}

/// Every medium that is kept lies in the folder with its digest and size.
fn check_media(conn: &Conn, dir: &Path, found: &mut Verified) -> Result<()> {
    for (digest, size) in media::all_kept(conn)? {
        found.media += 1;
        let checked = hash_file(&dir.join(seal::content_address(&digest))).and_then(|(hash, read)| {
            ensure!(hash == digest, "the file does not have its digest");
            ensure!(i64::try_from(read)? == size, "the file does not have its size");
            Ok(())
        });
        if let Err(error) = checked {
            found.fault(format!("media {}", hex::encode(digest)), format!("{error:#}"));
        }
    }
    Ok(())
}

/// What people said stands in its table as in the ledger, and every evidence file lies among the media with its digest.
fn check_attestations(conn: &Conn, dir: &Path, found: &mut Verified) -> Result<()> {
    for entry in attestations::altered(conn)? {
        found.fault(format!("attestation {entry}"), "its row does not say what its ledger entry says");
    }
    for digest in attestations::evidence_files(conn)? {
        found.media += 1;
        let checked = hash_file(&dir.join(seal::content_address(&digest))).and_then(|(hash, _)| {
            ensure!(hash == digest, "the file does not have its digest");
            Ok(())
        });
        if let Err(error) = checked {
            found.fault(format!("evidence {}", hex::encode(digest)), format!("{error:#}"));
        }
    }
    Ok(())
}

/// SHA-256 and size of a file, read piece by piece.
pub(super) fn hash_file(file: &Path) -> Result<(Hash, u64)> {
    let mut input = std::fs::File::open(file).with_context(|| format!("could not read {}", file.display()))?;
    let mut hash = Sha256::new();
    let mut piece = vec![0; 1 << 16];
    let mut size = 0;
    loop {
        let read = input.read(&mut piece)?;
        if read == 0 {
            return Ok((hash.finalize().into(), size));
        }
        hash.update(&piece[..read]);
        size += read as u64;
    }
}

/// Recomputes the nodes above the leaves and compares each with its row.
#[derive(Default)]
struct Tiles {
    levels: Vec<Vec<Hash>>,
    done: Vec<u64>,
}

impl Tiles {
    fn push(&mut self, conn: &Conn, leaf: Hash, found: &mut Verified) -> Result<()> {
        let mut hash = leaf;
        for level in 0.. {
            if self.levels.len() <= level {
                self.levels.push(Vec::with_capacity(256));
                self.done.push(0);
            }
            self.levels[level].push(hash);
            if self.levels[level].len() < 256 {
                return Ok(());
            }
            hash = seal::root_of(&self.levels[level]);
            self.levels[level].clear();
            let idx = self.done[level];
            self.done[level] += 1;
            let above = u32::try_from(level)? + 1;
            let kept = ledger::nodes(conn, above, idx, idx + 1).ok().and_then(|nodes| nodes.first().copied());
            if kept != Some(hash) {
                found.fault(format!("tree node {idx} of level {above}"), "it is not the root of the entries below it");
            }
        }
        Ok(())
    }
}

/// The bodies of captures, one kept at hand: versions of a page follow one another.
struct Bodies<'c> {
    conn: &'c Conn,
    newest: Option<(i64, Vec<u8>)>,
}

impl Bodies<'_> {
    fn of_version(&mut self, seq: u64) -> Result<&[u8]> {
        let capture = items::read::capture_of(self.conn, seq)?.context("its version is not there")?;
        if self.newest.as_ref().is_none_or(|(id, _)| *id != capture) {
            let body = items::read::body(self.conn, capture)?.context("the bytes of its capture are not there")?;
            self.newest = Some((capture, body));
        }
        Ok(self.newest.as_ref().map_or(&[], |(_, body)| body))
    }
}
