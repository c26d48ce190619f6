//! What it takes to have the shipped packs ready.

use std::path::Path;

use anyhow::{Context as _, Result, anyhow};
use pagekeeper::rules::{self, PackError, Packs};

use crate::measure::{spent, status_mb};

/// Reads the packs, prints what that takes, and gives them.
pub fn measured() -> Result<Packs> {
    let files = shipped()?;
    let before = status_mb("self", "RssAnon:");
    let (compiled, packs) = spent(|| rules::load_known(&files).map_err(said))?;
    let held = status_mb("self", "RssAnon:") - before;
    let again = (0..4).map(|_| Ok(spent(|| rules::load_known(&files).map_err(said))?.0.wall));
    let compiled = again.collect::<Result<Vec<f64>>>()?.into_iter().fold(compiled.wall, f64::min);
    let (proven, _) = spent(|| rules::load(&files).map_err(said))?;
    println!("The shipped packs: {} files, {} rules", files.len(), packs.rules.len());
    println!("  {:>10.0} ms to read and compile them", compiled * 1e3);
    println!("  {:>10.0} ms more to run their examples and the guard of their times", (proven.wall - compiled) * 1e3);
    println!("  {held:>10.0} MB held when compiled");
    println!();
    Ok(packs)
}

fn said(errors: Vec<PackError>) -> anyhow::Error {
    anyhow!("{}", errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

fn shipped() -> Result<Vec<(String, String)>> {
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    let mut paths = vec![config.join("elections.toml")];
    for entry in std::fs::read_dir(config.join("rules"))? {
        paths.push(entry?.path());
    }
    let packs = paths.iter().filter(|path| path.extension().is_some_and(|end| end == "toml"));
    packs
        .map(|path| {
            let name = path.file_name().context("a file has a name")?.to_string_lossy().into_owned();
            Ok((name, std::fs::read_to_string(path)?))
        })
        .collect()
}
