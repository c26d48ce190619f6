//! Speed and memory of the rule pass with every shipped pack. Run it with
//!
//! ```sh
//! cargo bench --bench rules -- [--items N] [--texts] [--dir DIR]
//! ```
//!
//! On a machine with other work to do, compare the CPU columns: wall time tells of the neighbors.

#[path = "../archive/corpus.rs"]
#[allow(dead_code, reason = "the archive's bench describes it, this one does not")]
mod corpus;
mod hostile;
#[path = "../archive/load.rs"]
#[allow(dead_code, reason = "this bench loads in one way only")]
mod load;
#[path = "../archive/measure.rs"]
#[allow(dead_code, reason = "the archive's bench measures more")]
mod measure;
mod packs;
mod replay;
mod texts;
#[path = "../archive/words.rs"]
mod words;

use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;
use pagekeeper::rules::{Engine, Gate};
use pagekeeper::text::detect::Allow;

use corpus::{BLOCK, Corpus};

#[derive(Debug, Parser)]
struct Args {
    /// Items to load and replay, rounded up to whole blocks of a thousand.
    #[arg(long, default_value_t = 1_000_000)]
    items: u64,
    /// Single texts and packs only: no archive.
    #[arg(long)]
    texts: bool,
    /// Where the archive is made; a temporary folder that is removed afterwards by default.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// What `cargo bench` adds.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let corpus = Corpus::new(2026);
    let packs = packs::measured()?;
    let engine = Engine::new(&packs, &Allow::default());
    texts::measured(&engine, &corpus)?;
    hostile::measured(&engine);
    if !args.texts {
        let temporary = tempfile::tempdir()?;
        let dir = args.dir.unwrap_or_else(|| temporary.path().to_owned());
        replay::measured(&packs, &corpus, args.items.div_ceil(BLOCK) * BLOCK, &dir.join("replay"))?;
    }
    Ok(())
}

/// Every rule reads the words but none may look for anything: what is left is reading, slips, terms and the detectors.
fn no_rule() -> Gate {
    Gate { public_categories: Some(std::collections::BTreeSet::new()), expectations_posted: true }
}
