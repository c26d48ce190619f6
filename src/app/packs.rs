//! The packs on the disk and those in force: what is in force is the newest that loaded, whatever lies on the disk.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};

use crate::config::Config;
use crate::db::{Db, inputs, offers};
use crate::model::Timestamp;
use crate::rules::{self, Engine};
use crate::text::detect::Allow;

/// The packs' files by name, with the list of elections beside them where the policy names one.
pub fn read(config: &Config) -> Result<Vec<(String, String)>> {
    let mut files = read_toml(&config.rules.dir)?;
    if let Some(elections) = &config.policy.elections {
        let text = fs::read_to_string(elections).with_context(|| format!("could not read {}", elections.display()))?;
        files.push((rules::ELECTIONS.to_owned(), text));
    }
    Ok(files)
}

/// The TOML files of a folder, by name.
pub fn read_toml(dir: &Path) -> Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).with_context(|| format!("could not read the packs in {}", dir.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let text = fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))?;
            files.push((name, text));
        }
    }
    files.sort();
    ensure!(!files.is_empty(), "there are no packs in {}", dir.display());
    Ok(files)
}

/// Why the packs on the disk do not load; `None`: they do, and are in force or offered.
pub fn trouble(db: &Db, config: &Config) -> Result<Option<String>> {
    let files = match read(config) {
        Ok(files) => files,
        Err(error) => return Ok(Some(format!("{error:#}"))),
    };
    let text = serde_json::to_string(&files)?;
    let digest = crate::seal::sha256(text.as_bytes());
    let is_known = db.read(|conn| {
        let in_force = inputs::in_force(conn, inputs::PACKS)?.is_some_and(|(known, _)| known == digest);
        Ok(in_force || offers::known(conn)?.is_some_and(|(known, _)| known == digest))
    })?;
    if is_known {
        return Ok(None);
    }
    Ok(rules::load(&files).err().and_then(|errors| Some(errors.first()?.to_string())))
}

/// Whether a list in force names an election that is still to come; without one the check of clause III.5 knows neither measures nor
/// candidates.
pub fn knows_elections(db: &Db, config: &Config, now: Timestamp) -> Result<bool> {
    let Some((_, text)) = db.read(|conn| inputs::in_force(conn, inputs::PACKS))? else { return Ok(false) };
    let files: Vec<(String, String)> = serde_json::from_str(&text).context("the packs in force")?;
    let today = config.time_zone.to_datetime(now).date();
    Ok(rules::elections(&files).iter().any(|day| *day >= today))
}

/// What people should know of the rules beside their flags: for the overview and the weekly report.
pub fn notes(db: &Db, config: &Config, now: Timestamp) -> Result<Vec<String>> {
    let mut notes = Vec::new();
    if let Some(cause) = trouble(db, config)? {
        notes.push(format!("The rule packs did not load, the last good ones stay in force: {cause}"));
    }
    if let Some(offer) = db.read(offers::standing)? {
        let offers::Found { new, gone, changed, .. } = offer.found;
        notes.push(format!(
            "Changed rule packs wait for a person to put them in force. Flags they would make: {new} new, {gone} gone, {changed} of \
             another severity."
        ));
    }
    if !knows_elections(db, config, now)? {
        notes.push(
            "The list of elections names none that is still to come: clause III.5 (no candidates, no ballot measures) is half \
             checked."
                .to_owned(),
        );
    }
    Ok(notes)
}

/// Packs whose examples hold; logs why they do not load.
pub(super) fn loaded(files: &str) -> Option<rules::Packs> {
    let files: Vec<(String, String)> = serde_json::from_str(files).unwrap_or_default();
    let say = |errors: &Vec<rules::PackError>| {
        let first = errors.first().map(ToString::to_string).unwrap_or_default();
        tracing::error!("the packs did not load, the last good ones stay in force: {first}");
    };
    rules::load(&files).inspect_err(say).ok()
}

/// The engine of the packs in force.
pub(super) fn compile(files: &str, allow: &Allow) -> Result<Engine> {
    if files.is_empty() {
        bail!("no packs have ever been in force: put packs that load into the folder that [rules] dir names");
    }
    let files: Vec<(String, String)> = serde_json::from_str(files).context("the packs in force")?;
    match rules::load_known(&files) {
        Ok(packs) => Ok(Engine::new(&packs, allow)),
        Err(errors) => bail!(
            "the packs in force do not load with this version: {}",
            errors.first().map(ToString::to_string).unwrap_or_default()
        ),
    }
}
