//! `verify`, `backup`, `rebuild`.

use std::io::IsTerminal as _;
use std::path::Path;

use anyhow::Result;

use super::{Exit, print, print_json};
use crate::app::App;
use crate::config::Config;
use crate::db;
use crate::proof::{self, Signer, Verified};

/// Verifies the archive that the config names.
pub fn verify(app: &App, json: bool) -> Result<Exit> {
    let config = &app.config;
    let verified = app.db.read(|conn| {
        proof::verify(
            conn,
            &config.media_dir(),
            config.ledger.checkpoint_dir.as_deref(),
            Some(&app.verifier_key()),
            &mut progress(),
        )
    })?;
    report(&verified, json)
}

/// Verifies a backup.
pub fn verify_backup(config: &Config, dir: &Path, json: bool) -> Result<Exit> {
    let conn = db::open_for_reading(&dir.join("pagekeeper.db"))?;
    let key = Signer::load(&db::checkpoints::origin(&conn)?, &config.ledger.signing_key_file).ok();
    let checkpoints = dir.join("checkpoints");
    let held = checkpoints.is_dir().then_some(checkpoints.as_path());
    let key = key.map(|key| key.verifier_key());
    report(&proof::verify(&conn, &dir.join("media"), held, key.as_deref(), &mut progress())?, json)
}

fn report(verified: &Verified, json: bool) -> Result<Exit> {
    if json {
        print_json(verified)?;
    } else {
        for fault in &verified.faults {
            print(format!("{}: {}", fault.about, fault.fault))?;
        }
        print(format!(
            "{} entries, {} versions, {} payloads, {} media, {} checkpoints read; root {}",
            verified.entries, verified.versions, verified.captures, verified.media, verified.checkpoints, verified.root
        ))?;
        print(if verified.faults.is_empty() {
            "The record is intact.".to_owned()
        } else {
            match verified.faults.len() {
                1 => "1 fault, named above.".to_owned(),
                faults => format!("{faults} faults, named above."),
            }
        })?;
    }
    Ok(if verified.faults.is_empty() { Exit::Done } else { Exit::Failed })
}

/// Copies the archive and verifies the copy.
pub fn backup(app: &App, dir: &Path) -> Result<Exit> {
    let config = &app.config;
    let checkpoints = config.ledger.checkpoint_dir.as_deref();
    let made =
        proof::backup(&app.db, &config.media_dir(), checkpoints, Some(&app.verifier_key()), dir, &mut progress())?;
    eprintln!(
        "Backed up {} entries and {} new media into {}; the copy was read again and is intact. Keys and tokens are not in it.",
        made.verified.entries,
        made.media_copied,
        dir.display()
    );
    Ok(Exit::Done)
}

/// Lets signing go on after a restore.
pub fn accept_restore(app: &App, reason: &str, actor: &str) -> Result<Exit> {
    let withdrawn = app.accept_restore(reason, actor)?;
    eprintln!(
        "Accepted by {actor}: the published checkpoint of {} entries is set aside as checkpoint.withdrawn.{0}; keep it, it proves \
         what was once here. Checkpoints are signed again.",
        withdrawn.size
    );
    Ok(Exit::Done)
}

/// Recomputes a view.
pub fn rebuild(app: &App, view: &str) -> Result<Exit> {
    match view {
        "index" => eprintln!("{} items indexed.", app.rebuild_index()?),
        _ => eprintln!("{} flags computed.", app.rebuild_flags(app.clock.now())?),
    }
    app.follow(app.clock.now())?;
    Ok(Exit::Done)
}

/// A line now and then while many entries are read.
fn progress() -> impl FnMut(u64) {
    let step = if std::io::stderr().is_terminal() { 50_000 } else { 1_000_000 };
    let mut said = 0;
    move |entries| {
        if entries >= said + step {
            said = entries;
            eprintln!("{entries} entries read …");
        }
    }
}
