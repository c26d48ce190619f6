//! A consistent copy of the archive while the daemon runs: database, media not yet there, newest checkpoint. No keys, no tokens.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};

use super::checkpoint::newest_published;
use super::verify::{Verified, hash_file, verify};
use crate::db::{self, Db, attestations, media};
use crate::seal;

/// What a backup holds.
#[derive(Debug, Clone)]
pub struct Backup {
    pub verified: Verified,
    pub media_copied: u64,
}

/// Copies the archive into `dir`, and verifies the copy before it says done. A folder with an earlier backup is brought up to
/// date: the database is replaced once the new one is whole, media are only added.
pub fn backup(
    db: &Db,
    media_dir: &Path,
    checkpoint_dir: Option<&Path>,
    verifier_key: Option<&str>,
    dir: &Path,
    progress: &mut dyn FnMut(u64),
) -> Result<Backup> {
    fs::create_dir_all(dir).with_context(|| format!("could not make {}", dir.display()))?;
    let foreign = fs::read_dir(dir)?
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .find(|name| !matches!(name.as_str(), "pagekeeper.db" | "pagekeeper.db.new" | "media" | "checkpoints"));
    if let Some(foreign) = foreign {
        bail!("{} holds something that is not a backup ({foreign}): name an empty folder", dir.display());
    }
    let new = dir.join("pagekeeper.db.new");
    let _ = fs::remove_file(&new);
    db.read(|conn| db::copy_into(conn, &new))?;
    fs::File::open(&new)?.sync_all()?;
    let copied = copy_media(&new, media_dir, &dir.join("media"))?;
    let checkpoints = dir.join("checkpoints");
    if let Some(newest) = checkpoint_dir.map(newest_published).transpose()?.flatten() {
        fs::create_dir_all(&checkpoints)?;
        fs::write(checkpoints.join("checkpoint"), &newest.note)?;
    }
    let conn = db::open_for_reading(&new)?;
    let held = checkpoints.is_dir().then_some(checkpoints.as_path());
    let verified = verify(&conn, &dir.join("media"), held, verifier_key, progress)?;
    drop(conn);
    if let Some(fault) = verified.faults.first() {
        bail!("the copy has {} faults, the first: {}: {}", verified.faults.len(), fault.about, fault.fault);
    }
    fs::rename(&new, dir.join("pagekeeper.db"))?;
    fs::File::open(dir)?.sync_all()?;
    Ok(Backup { verified, media_copied: copied })
}

/// Copies the media and the evidence files that the copied database names and the folder has not.
fn copy_media(database: &Path, from: &Path, to: &Path) -> Result<u64> {
    let conn = db::open_for_reading(database)?;
    let mut copied = 0;
    let media = media::all_kept(&conn)?.into_iter().map(|(digest, _)| digest);
    for digest in media.chain(attestations::evidence_files(&conn)?) {
        let name = seal::content_address(&digest);
        let target = to.join(&name);
        if target.exists() {
            continue;
        }
        let folder = target.parent().context("a medium lies in a folder")?;
        fs::create_dir_all(folder)?;
        let temporary = target.with_extension("new");
        fs::copy(from.join(&name), &temporary).with_context(|| format!("could not copy the medium {name}"))?;
        fs::File::open(&temporary)?.sync_all()?;
        ensure!(hash_file(&temporary)?.0 == digest, "the medium {name} does not have its digest");
        fs::rename(&temporary, &target)?;
        copied += 1;
    }
    Ok(copied)
}
