//! One comment at a time, as a harvest meets it, on one thread.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result};
use pagekeeper::model::{Kind, Role};
use pagekeeper::rules::{Engine, Gate, Subject};

use crate::corpus::{BLOCK, Corpus};
use crate::load;

/// How often each text is read; the shortest time counts, so that the neighbors do not.
const TRIES: usize = 5;

/// Prints what one comment takes: texts of the project's own evaluation, and as many of the corpus.
pub fn measured(engine: &Engine, corpus: &Corpus) -> Result<()> {
    let written = evaluated()?;
    let made: Vec<String> = (0..).flat_map(|block| made(corpus, block)).take(written.len()).collect();
    println!("One comment, one thread: µs");
    println!("  {:<28} {:>7} {:>9} {:>9} {:>9} {:>12}", "texts", "", "bytes", "median", "p99", "without rules");
    for (name, texts) in [("written for the evaluation", &written), ("the corpus", &made)] {
        let (all, none) = (times(engine, texts, &Gate::all()), times(engine, texts, &crate::no_rule()));
        let bytes = texts.iter().map(String::len).sum::<usize>() / texts.len().max(1);
        println!(
            "  {name:<28} {:>7} {bytes:>9} {:>9.1} {:>9.1} {:>12.1}",
            texts.len(),
            percentile(&all, 50),
            percentile(&all, 99),
            percentile(&none, 50)
        );
    }
    println!();
    Ok(())
}

/// A comment of the public.
pub fn comment(text: &str) -> Subject<'_> {
    Subject {
        text,
        parts: &[],
        links: &[],
        role: Role::Public,
        platform: "facebook",
        kind: Kind::Comment,
        has_media: false,
        every_role: false,
    }
}

/// Microseconds of each text, the shortest first.
fn times(engine: &Engine, texts: &[String], gate: &Gate) -> Vec<f64> {
    let once = |text: &String| {
        let started = Instant::now();
        std::hint::black_box(engine.apply(&comment(text), gate));
        started.elapsed().as_secs_f64() * 1e6
    };
    let mut times: Vec<f64> =
        texts.iter().map(|text| (0..TRIES).map(|_| once(text)).fold(f64::INFINITY, f64::min)).collect();
    times.sort_by(f64::total_cmp);
    times
}

fn percentile(sorted: &[f64], percent: usize) -> f64 {
    sorted.get(sorted.len() * percent / 100).copied().unwrap_or(f64::NAN)
}

fn evaluated() -> Result<Vec<String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/eval");
    let mut texts = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "jsonl") {
            continue;
        }
        for line in std::fs::read_to_string(path)?.lines() {
            let row: serde_json::Value = serde_json::from_str(line)?;
            texts.push(row["text"].as_str().context("a row without a text")?.to_owned());
        }
    }
    Ok(texts)
}

fn made(corpus: &Corpus, block: u64) -> Vec<String> {
    let pages = corpus.block(block).into_iter();
    let seen = pages.flat_map(|page| load::parsed(&page).observations);
    seen.map(|seen| seen.content.text).take(usize::try_from(BLOCK).unwrap_or(0)).collect()
}
