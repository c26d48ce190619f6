//! Speed and memory of the whole path, on a corpus made for it. Run it with
//!
//! ```sh
//! cargo bench --bench archive -- [--items N] [--search] [--idle] [--stages] [--import] [--dir DIR]
//! ```
//!
//! Without a choice everything is measured. On a machine with other work to do, compare the CPU columns: wall time tells of the
//! neighbors.

mod corpus;
mod find;
mod idle;
mod load;
mod measure;
mod words;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Parser;

use corpus::{BLOCK, Corpus};
use load::Archive;

#[derive(Debug, Parser)]
struct Args {
    /// Items to load, rounded up to whole blocks of a thousand.
    #[arg(long, default_value_t = 1_000_000)]
    items: u64,
    /// Also `import jsonl` of the same items.
    #[arg(long)]
    import: bool,
    /// Also search, at the full size.
    #[arg(long)]
    search: bool,
    /// Also the daemon with nothing to do, over all of it.
    #[arg(long)]
    idle: bool,
    /// Also each stage by itself.
    #[arg(long)]
    stages: bool,
    /// Where the archives are made; a temporary folder that is removed afterwards by default.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// What `cargo bench` adds.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<()> {
    let mut args = Args::parse();
    if !(args.import || args.search || args.stages || args.idle) {
        (args.import, args.search, args.stages, args.idle) = (true, true, true, true);
    }
    let temporary = tempfile::tempdir()?;
    let dir = args.dir.clone().unwrap_or_else(|| temporary.path().to_owned());
    let items = args.items.div_ceil(BLOCK) * BLOCK;
    let corpus = Corpus::new(2026);
    describe(&corpus, items);
    whole(&args, &corpus, items, &dir.join("whole"))?;
    if args.stages {
        stages(&corpus, items.min(200_000), &dir.join("stages"))?;
    }
    if args.import {
        import(&corpus, items, &dir.join("import"))?;
    }
    Ok(())
}

fn describe(corpus: &Corpus, items: u64) {
    let pages = corpus.block(0);
    let json: usize = pages.iter().map(|page| page.exchange.body.len()).sum();
    let text: usize =
        pages.iter().flat_map(|page| load::parsed(page).observations).map(|seen| seen.content.text.len()).sum();
    let each = |bytes: usize| bytes as f64 / BLOCK as f64;
    println!("{items} items in pages of 100; an item is {:.0} bytes of JSON and {:.0} of text", each(json), each(text));
    println!();
}

fn whole(args: &Args, corpus: &Corpus, items: u64, dir: &Path) -> Result<()> {
    std::fs::create_dir_all(dir).with_context(|| format!("could not make {}", dir.display()))?;
    let archive = Archive::create(dir)?;
    measure::forget_peak();
    let loaded = archive.load(corpus, items)?;
    let peak = measure::peak_mb();
    drop(archive);
    let (database, index) = load::on_disk(dir)?;
    let each = |total: f64| total / items as f64;
    println!("The whole path, pages to searchable");
    println!("  {:>10.0} items/s ({:.1} s)", items as f64 / loaded.spent.wall, loaded.spent.wall);
    println!(
        "  {:>10.1} µs of CPU an item, and {:.1} to make the corpus",
        each(loaded.spent.cpu - loaded.corpus) * 1e6,
        each(loaded.corpus) * 1e6
    );
    println!("  {peak:>10.0} MB at most");
    println!(
        "  {:>10.0} bytes an item on disk: database {:.0}, index {:.0}",
        each((database + index) as f64),
        each(database as f64),
        each(index as f64)
    );
    println!("  {:>10} flags", loaded.flags);
    println!();
    if args.search {
        let archive = Archive::open(dir)?;
        measure::forget_peak();
        println!("Search: a full page of 20, newest first, with count, rows, snippets and coverage");
        println!("  {:<10} {:>9} {:>9}   found", "query", "p50 ms", "p99 ms");
        for timed in find::timed(&archive.app)? {
            println!(
                "  {:<10} {:>9.2} {:>9.2}   {} to {}",
                timed.kind, timed.p50, timed.p99, timed.found.0, timed.found.1
            );
        }
        println!("  {:>10.0} MB at most", measure::peak_mb());
        println!();
    }
    if args.idle {
        let idle = idle::measured(dir)?;
        println!("serve with nothing to do");
        println!("  {:>10.2} s from start to ready", idle.ready);
        println!("  {:>10.0} MB resident, {:.0} of them anonymous", idle.resident, idle.anonymous);
        println!();
    }
    std::fs::remove_dir_all(dir).with_context(|| format!("could not remove {}", dir.display()))
}

fn stages(corpus: &Corpus, items: u64, dir: &Path) -> Result<()> {
    std::fs::create_dir_all(dir)?;
    println!("Each stage by itself, {items} items");
    println!("  {:<14} {:>12} {:>10}", "stage", "CPU µs/item", "items/s");
    let mut all = 0.0;
    for (name, spent) in Archive::create(dir)?.stages(corpus, items)? {
        all += spent.cpu;
        println!("  {name:<14} {:>12.2} {:>10.0}", spent.cpu / items as f64 * 1e6, items as f64 / spent.wall);
    }
    println!("  {:<14} {:>12.2}", "all", all / items as f64 * 1e6);
    println!();
    std::fs::remove_dir_all(dir).with_context(|| format!("could not remove {}", dir.display()))
}

fn import(corpus: &Corpus, items: u64, dir: &Path) -> Result<()> {
    std::fs::create_dir_all(dir)?;
    let file = dir.join("items.jsonl");
    load::write_lines(corpus, items, &file)?;
    let archive = Archive::create(dir)?;
    measure::forget_peak();
    let spent = archive.import(&file)?;
    let peak = measure::peak_mb();
    drop(archive);
    let (database, index) = load::on_disk(dir)?;
    println!("import jsonl of the same items, and what follows");
    println!("  {:>10.0} items/s ({:.1} s)", items as f64 / spent.wall, spent.wall);
    println!("  {:>10.1} µs of CPU an item", spent.cpu / items as f64 * 1e6);
    println!("  {peak:>10.0} MB at most");
    println!("  {:>10.0} bytes an item on disk", (database + index) as f64 / items as f64);
    println!();
    std::fs::remove_dir_all(dir).with_context(|| format!("could not remove {}", dir.display()))
}
