//! Measures the index: `cargo run --release --example index_speed -- [DOCUMENTS] [THREADS]`.
//!
//! A deterministic corpus of short texts (about 93 bytes, words after Zipf's law, 8 % Spanish, a third with accents or
//! emoji) is indexed in bulk, then searched; it prints documents a second, bytes a document and the times of each kind
//! of query.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use jiff::tz::TimeZone;
use pagekeeper::index::query::parse;
use pagekeeper::index::{Batch, Context, Document, Effort, Index, ItemSet, Named, Options, Sort};
use pagekeeper::model::{Category, Change, Kind, Platform, Role, State};

/// A small generator of numbers (SplitMix64), the same on every machine.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// A rank with about the frequencies of words in a language.
    fn rank(&mut self, words: u64) -> u64 {
        let unit = (self.next() >> 11) as f64 / (1u64 << 53) as f64;
        (words as f64).powf(unit) as u64
    }
}

const COMMON: &[&str] = &[
    "the",
    "school",
    "and",
    "to",
    "you",
    "is",
    "students",
    "for",
    "our",
    "we",
    "of",
    "in",
    "thank",
    "great",
    "this",
    "parents",
    "day",
    "please",
    "my",
    "kids",
    "they",
    "at",
    "all",
    "teachers",
    "so",
    "game",
    "tonight",
    "are",
    "love",
    "congratulations",
];
const SPANISH: &[&str] = &[
    "la",
    "escuela",
    "los",
    "niños",
    "gracias",
    "de",
    "que",
    "mañana",
    "reunión",
    "padres",
    "para",
    "el",
    "educación",
    "maestra",
    "por",
    "favor",
];

fn word(rank: u64, spanish: bool) -> String {
    let list = if spanish { SPANISH } else { COMMON };
    if let Some(word) = usize::try_from(rank).ok().and_then(|rank| list.get(rank)) {
        return (*word).to_owned();
    }
    let (onsets, vowels) = (["b", "ch", "d", "f", "gr", "l", "m", "n", "pr", "s", "t", "v"], ["a", "e", "i", "o", "u"]);
    let mut left = rank;
    let mut word = String::new();
    while left > 0 {
        word.push_str(onsets[(left % 12) as usize]);
        left /= 12;
        word.push_str(vowels[(left % 5) as usize]);
        left /= 5;
    }
    word.push_str(["", "s", "ed", "ing"][(rank % 4) as usize]);
    word
}

fn document(item: u64) -> Document {
    let mut numbers = Numbers(item);
    let spanish = numbers.below(100) < 8;
    let mut text = String::new();
    let length = 60 + numbers.below(66) as usize;
    while text.len() < length {
        let rank = numbers.rank(60_000);
        text.push_str(&word(rank, spanish));
        text.push(' ');
    }
    match numbers.below(9) {
        0 => text.push('🔥'),
        1 => text.push_str("❤️ #GoTigers"),
        2 => text.push_str("señor"),
        _ => {}
    }
    let edited = numbers.below(50) == 0;
    let created_ms = 1_500_000_000_000 + (numbers.below(300_000_000_000) as i64);
    Document {
        item,
        created_ms,
        accounts: vec![numbers.below(60)],
        platform: Platform::ALL[numbers.below(5) as usize],
        kind: if item.is_multiple_of(10) { Kind::Post } else { Kind::Comment },
        author: Some(format!("{} {}", word(40 + numbers.below(800), false), word(40 + numbers.below(3_000), false))),
        handle: None,
        role: if item.is_multiple_of(10) { Role::District } else { Role::Public },
        state: State::Visible,
        was: if edited { vec![Change::Edited] } else { vec![] },
        changed_ms: if edited { vec![created_ms + 3_600_000] } else { vec![] },
        has_media: numbers.below(10) == 0,
        has_link: numbers.below(20) == 0,
        texts: vec![text],
    }
}

fn build(dir: &Path, documents: u64, threads: usize) -> anyhow::Result<Index> {
    let effort = Effort { threads, ..Effort::BULK };
    let mut index = Index::open_or_create(dir)?.with_efforts(effort, Effort::LIVE);
    let mut making = Duration::ZERO;
    let start = Instant::now();
    index.catch_up(&mut |after, limit| {
        let start = Instant::now();
        let docs: Vec<Document> =
            (after + 1..).take_while(|item| *item <= documents).take(limit).map(document).collect();
        let through = after + docs.len() as u64;
        making += start.elapsed();
        Ok(Batch { docs, through, leaf_hash: [1; 32], more: through < documents })
    })?;
    let took = start.elapsed();
    let bytes: u64 =
        std::fs::read_dir(dir)?.flatten().filter_map(|file| file.metadata().ok()).map(|meta| meta.len()).sum();
    println!(
        "{documents} documents on {threads} threads: {took:.1?} ({making:.1?} of it making texts on the caller's thread), \
         {:.0} documents/s, {} bytes/document",
        documents as f64 / took.as_secs_f64(),
        bytes / documents
    );
    Ok(index)
}

fn ask(index: &Index, flagged: &Arc<ItemSet>, query: &str, options: &Options) -> anyhow::Result<()> {
    let accounts = |named: Named, _: &str| if named == Named::Account { vec![7] } else { (10..20).collect() };
    let sets = |category| if category == Category::Conduct { flagged.clone() } else { Arc::default() };
    let context = Context {
        time_zone: TimeZone::get("America/Los_Angeles")?,
        accounts: &accounts,
        flagged: Some(&sets),
        scope: None,
    };
    let mut times = Vec::new();
    let mut total = 0;
    for _ in 0..200 {
        let start = Instant::now();
        total = index.search(&parse(query)?, &context, options)?.total;
        times.push(start.elapsed());
    }
    times.sort_unstable();
    println!("{query:<44} {total:>9} {:>9.2?} {:>9.2?}", times[times.len() / 2], times[times.len() * 99 / 100]);
    Ok(())
}

fn live(index: &mut Index, documents: u64) -> anyhow::Result<()> {
    let mut times = Vec::new();
    for round in 0..40u64 {
        let through = documents + (round + 1) * 100;
        let docs: Vec<Document> = (through - 99..=through).map(document).collect();
        let start = Instant::now();
        index.catch_up(&mut |_, _| Ok(Batch { docs: docs.clone(), through, leaf_hash: [1; 32], more: false }))?;
        times.push(start.elapsed());
    }
    times.sort_unstable();
    println!("100 documents live: median {:.1?}, longest {:.1?}", times[times.len() / 2], times[times.len() - 1]);
    Ok(())
}

fn main() -> anyhow::Result<()> {
    let number = |at: usize, default: u64| std::env::args().nth(at).map_or(Ok(default), |word| word.parse());
    let (documents, threads) = (number(1, 1_000_000)?, number(2, 2)?);
    let dir = std::env::temp_dir().join(format!("pagekeeper-index-{documents}-{threads}-{}", std::process::id()));
    let mut index = build(&dir, documents, usize::try_from(threads)?)?;
    let flagged: Arc<ItemSet> = Arc::new((1..documents).filter(|item| item % 97 == 0).collect());
    println!("{:<44} {:>9} {:>9} {:>9}", "query", "total", "p50", "p99");
    let queries = [
        "school",
        "\"school\"",
        "congratulations",
        "mapre",
        "school students",
        "\"thank you\"",
        "\"the school\"",
        "kind:post",
        "account:a",
        "school account:a",
        "school school:x after:2020-01-01 before:2021-01-01",
        "on:2020-06-01",
        "changed:2020",
        "flag:conduct",
        "school flag:conduct",
        "school -students",
        "escuela OR niños",
        "cong*",
        "s*",
        "stud*",
        "studnets~",
        "congratulatoins~",
        "#gotigers",
        "🔥",
        "author:\"a b\" OR kind:story",
        "",
    ];
    for query in queries {
        ask(&index, &flagged, query, &Options::default())?;
    }
    println!("by relevance");
    for query in ["school", "school students", "\"thank you\""] {
        ask(&index, &flagged, query, &Options { sort: Sort::Relevance, ..Options::default() })?;
    }
    println!("with facets");
    for query in ["school", "congratulations", "kind:post", ""] {
        ask(&index, &flagged, query, &Options { facets: true, ..Options::default() })?;
    }
    live(&mut index, documents)?;
    std::fs::remove_dir_all(&dir).with_context(|| format!("remove {}", dir.display()))
}
