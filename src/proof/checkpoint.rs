//! Checkpoints: the tree's size and root as a C2SP signed note (`c2sp.org/tlog-checkpoint`, `c2sp.org/signed-note`, Ed25519).
//!
//! A checkpoint that was published can never be unsaid. A restored database is a rollback: nothing is signed below, or beside,
//! the newest checkpoint found in the folder.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::{Signature, Signer as _, SigningKey, Verifier as _, VerifyingKey};

use crate::db::{self, Db, ledger};
use crate::model::Timestamp;
use crate::seal::{self, Hash};

/// The file that always names the newest checkpoint.
const NEWEST: &str = "checkpoint";

/// The log's name and its Ed25519 key.
#[derive(Debug, Clone)]
pub struct Signer {
    origin: String,
    key: SigningKey,
}

impl Signer {
    /// Makes a new key and writes it where nothing stands, readable by its owner alone.
    pub fn create(origin: &str, file: &Path) -> Result<Signer> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).context("the system gives no random numbers")?;
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut out = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(file)
            .with_context(|| format!("could not make the signing key {}", file.display()))?;
        out.write_all(BASE64.encode(seed).as_bytes())?;
        out.sync_all()?;
        Ok(Signer { origin: origin.to_owned(), key: SigningKey::from_bytes(&seed) })
    }

    /// Reads the key of an archive.
    pub fn load(origin: &str, file: &Path) -> Result<Signer> {
        let text =
            fs::read_to_string(file).with_context(|| format!("could not read the signing key {}", file.display()))?;
        let seed: [u8; 32] = BASE64
            .decode(text.trim())
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .with_context(|| format!("{} does not hold a signing key", file.display()))?;
        Ok(Signer { origin: origin.to_owned(), key: SigningKey::from_bytes(&seed) })
    }

    /// The public key as others verify with it: `origin+hash+base64`.
    pub fn verifier_key(&self) -> String {
        let public = self.typed_key();
        format!("{}+{}+{}", self.origin, hex::encode(self.key_id()), BASE64.encode(public))
    }

    /// The public key after its algorithm byte (1: Ed25519).
    fn typed_key(&self) -> Vec<u8> {
        let mut public = vec![1];
        public.extend_from_slice(self.key.verifying_key().as_bytes());
        public
    }

    /// The first four bytes of `SHA-256(name ‖ "\n" ‖ typed key)`.
    fn key_id(&self) -> [u8; 4] {
        key_id(&self.origin, &self.typed_key())
    }

    /// The signed note for a tree.
    pub fn sign(&self, size: u64, root: &Hash) -> String {
        let body = format!("{}\n{size}\n{}\n", self.origin, BASE64.encode(root));
        let signature = self.key.sign(body.as_bytes());
        let mut line = self.key_id().to_vec();
        line.extend_from_slice(&signature.to_bytes());
        format!("{body}\n\u{2014} {} {}\n", self.origin, BASE64.encode(line))
    }
}

fn key_id(name: &str, typed_key: &[u8]) -> [u8; 4] {
    let digest = seal::sha256(&[name.as_bytes(), b"\n", typed_key].concat());
    [digest[0], digest[1], digest[2], digest[3]]
}

/// A checkpoint as read from a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    pub origin: String,
    pub size: u64,
    pub root: Hash,
    pub note: String,
}

impl Published {
    /// Reads a note; its signature is not yet checked.
    pub fn parse(note: &str) -> Result<Published> {
        let mut lines = note.lines();
        let origin =
            lines.next().filter(|origin| !origin.is_empty()).context("a checkpoint begins with its log's name")?;
        let size = lines.next().and_then(|size| size.parse().ok()).context("a checkpoint's second line is its size")?;
        let root =
            lines.next().and_then(|root| BASE64.decode(root).ok()).context("a checkpoint's third line is its root")?;
        let root = root.try_into().ok().context("a checkpoint's root has 32 bytes")?;
        Ok(Published { origin: origin.to_owned(), size, root, note: note.to_owned() })
    }

    /// Checks the signature against a verifier key.
    pub fn check(&self, verifier_key: &str) -> Result<()> {
        // A name has no plus sign; the key's base64 may have some.
        let mut parts = verifier_key.splitn(3, '+');
        let name = parts.next().context("a verifier key has three parts")?;
        let typed = parts.nth(1).and_then(|key| BASE64.decode(key).ok()).context("the key is not base64")?;
        let public: [u8; 32] = typed
            .get(1..)
            .and_then(|key| key.try_into().ok())
            .filter(|_| typed[0] == 1)
            .context("not an Ed25519 key")?;
        let public = VerifyingKey::from_bytes(&public)?;
        let (body, signatures) = self.note.split_once("\n\n").context("the checkpoint has no signature")?;
        let prefix = format!("\u{2014} {name} ");
        let line = signatures
            .lines()
            .find_map(|line| line.strip_prefix(&prefix))
            .with_context(|| format!("the checkpoint is not signed by {name}"))?;
        let bytes = BASE64.decode(line).context("the signature is not base64")?;
        ensure!(bytes.len() == 68 && bytes[..4] == key_id(name, &typed), "the checkpoint is signed with another key");
        let signature = Signature::from_slice(&bytes[4..])?;
        public.verify(format!("{body}\n").as_bytes(), &signature).context("the signature does not fit the checkpoint")
    }
}

/// The newest checkpoint in a folder, where there is one.
pub fn newest_published(dir: &Path) -> Result<Option<Published>> {
    let file = dir.join(NEWEST);
    match fs::read_to_string(&file) {
        Ok(note) => Published::parse(&note).map(Some).with_context(|| format!("in {}", file.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("could not read {}", file.display())),
    }
}

/// Signs the tree as it stands now and publishes it. Nothing is done when the newest checkpoint is of this size. Refuses when
/// the folder holds a checkpoint that this ledger does not contain: the database was restored or altered.
pub fn publish(db: &Db, signer: &Signer, dir: Option<&Path>, now: Timestamp) -> Result<Option<Published>> {
    let size = db.read(ledger::size)?;
    if let Some(newest) = dir.map(newest_published).transpose()?.flatten() {
        ensure!(newest.origin == signer.origin, "the checkpoint folder belongs to another log, {}", newest.origin);
        contains(db, &newest, size)?;
        if newest.size == size {
            return Ok(None);
        }
    }
    if dir.is_none() && db.read(db::checkpoints::newest)?.is_some_and(|known| known.size == size) {
        return Ok(None);
    }
    let root = db.read(|conn| ledger::edge(conn, size))?.root();
    let note = signer.sign(size, &root);
    let kept = db::checkpoints::Checkpoint { size, at: now, root, note: note.clone() };
    db.writer.write(move |tx| db::checkpoints::keep(tx, &kept))?;
    if let Some(dir) = dir {
        put(dir, now, &note)?;
    }
    Ok(Some(Published { origin: signer.origin.clone(), size, root, note }))
}

/// A person's word that the archive went back to a backup: it is an entry, with the checkpoint that this ledger can no longer
/// prove, which is set aside under another name. Signing goes on from there. Refuses where nothing stands in the way.
pub fn accept_restore(
    db: &Db,
    signer: &Signer,
    dir: &Path,
    actor: &str,
    reason: &str,
    now: Timestamp,
) -> Result<Published> {
    let newest =
        newest_published(dir)?.context("no checkpoint was published: nothing keeps this archive from signing")?;
    ensure!(newest.origin == signer.origin, "the checkpoint folder belongs to another log, {}", newest.origin);
    let size = db.read(ledger::size)?;
    ensure!(
        contains(db, &newest, size).is_err(),
        "the ledger contains the newest published checkpoint ({} entries): nothing keeps it from signing",
        newest.size
    );
    let fields = [
        ("reason", reason.to_owned()),
        ("size", size.to_string()),
        ("published_size", newest.size.to_string()),
        ("published_root", hex::encode(newest.root)),
    ];
    let actor = actor.to_owned();
    db.writer.write(move |tx| ledger::Log::open(tx)?.record(now, "restore", None, Some(&actor), &fields))?;
    let aside = format!("{NEWEST}.withdrawn.{}", newest.size);
    fs::rename(dir.join(NEWEST), dir.join(aside)).context("could not set the published checkpoint aside")?;
    fs::File::open(dir)?.sync_all()?;
    Ok(newest)
}

/// Whether the ledger still has, as its beginning, the tree that a checkpoint names.
pub(super) fn contains(db: &Db, published: &Published, size: u64) -> Result<()> {
    if published.size > size {
        bail!(
            "the ledger has {size} entries and the newest published checkpoint {}: this database is older than what was \
             published (a restored backup?); nothing is signed until a person has looked at it",
            published.size
        );
    }
    let root = db.read(|conn| ledger::edge(conn, published.size))?.root();
    ensure!(
        root == published.root,
        "the first {} entries are not those of the published checkpoint: the ledger was altered, or went on from a restored \
         backup; nothing is signed until a person has looked at it",
        published.size
    );
    Ok(())
}

/// Writes the note as the last one of its day (in UTC), then as the newest: each whole or not at all.
fn put(dir: &Path, now: Timestamp, note: &str) -> Result<()> {
    fs::create_dir_all(dir).with_context(|| format!("could not make the checkpoint folder {}", dir.display()))?;
    for name in [format!("{NEWEST}.{}", now.strftime("%Y-%m-%d")), NEWEST.to_owned()] {
        let temporary: PathBuf = dir.join(format!(".{name}.new"));
        let mut out = fs::File::create(&temporary)?;
        out.write_all(note.as_bytes())?;
        out.sync_all()?;
        fs::rename(&temporary, dir.join(&name))?;
    }
    fs::File::open(dir)?.sync_all()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_with_a_plus_sign_in_them_are_read() {
        for seed in 0..64u8 {
            let signer =
                Signer { origin: "mesavista.example.org/pages".into(), key: SigningKey::from_bytes(&[seed; 32]) };
            let note = Published::parse(&signer.sign(7, &[seed; 32])).unwrap();
            note.check(&signer.verifier_key()).unwrap();
        }
    }

    #[test]
    fn a_checkpoint_is_checked_by_the_ecosystems_own_reader_and_refused_when_a_byte_differs() {
        let dir = tempfile::tempdir().unwrap();
        let signer = Signer::create("mesavista.example.org/pages", &dir.path().join("key")).unwrap();
        let note = signer.sign(733, &[9; 32]);
        let published = Published::parse(&note).unwrap();
        assert_eq!((published.size, published.root), (733, [9; 32]));
        published.check(&signer.verifier_key()).unwrap();
        let verifier = signed_note::StandardVerifier::new(&signer.verifier_key()).unwrap();
        let read = signed_note::Note::from_bytes(note.as_bytes()).unwrap();
        read.verify(&signed_note::VerifierList::new(vec![Box::new(verifier)])).unwrap();
        let forged = Published::parse(&note.replace("733", "734")).unwrap();
        assert!(forged.check(&signer.verifier_key()).is_err());
        let again = Signer::load("mesavista.example.org/pages", &dir.path().join("key")).unwrap();
        assert_eq!(again.sign(1, &[0; 32]), signer.sign(1, &[0; 32]));
    }
}
