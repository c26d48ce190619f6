//! `rules replay` of every pack over an archive, and where its time goes.

use std::path::Path;

use anyhow::Result;
use pagekeeper::app::App;
use pagekeeper::db::items::{self, Text};
use pagekeeper::db::ledger;
use pagekeeper::rules::{Engine, Gate, Packs};
use pagekeeper::text::detect::{Allow, Detectors};
use pagekeeper::text::views::Views;

use crate::corpus::Corpus;
use crate::load::Archive;
use crate::measure::{Spent, forget_peak, peak_mb, spent, thread_cpu};
use crate::texts::comment;

/// Texts read at once, as the replay does.
const BATCH: usize = 2000;

/// Loads an archive, replays the packs over it, and prints what took how long.
pub fn measured(packs: &Packs, corpus: &Corpus, count: u64, dir: &Path) -> Result<()> {
    std::fs::create_dir_all(dir)?;
    let archive = Archive::create(dir)?;
    archive.load(corpus, count)?;
    forget_peak();
    let (whole, found) = spent(|| archive.app.replay(packs, &mut |_| Ok(())))?;
    println!(
        "rules replay of {} texts: {} flags stay, {} differ",
        found.texts,
        found.same,
        found.new + found.gone + found.changed
    );
    println!("  {:>10.0} items/s ({:.1} s), {:.0} MB at most", found.texts as f64 / whole.wall, whole.wall, peak_mb());
    println!();
    println!("Where its time goes: CPU µs a text, one thread after the other");
    let stages = Stages::over(&archive.app, packs)?;
    stages.print(found.texts, whole);
    drop(archive);
    Ok(std::fs::remove_dir_all(dir)?)
}

/// CPU seconds of each stage, with those of what it builds on.
#[derive(Default)]
struct Stages {
    reading: f64,
    views: f64,
    detectors: f64,
    without_rules: f64,
    matching: f64,
}

impl Stages {
    fn over(app: &App, packs: &Packs) -> Result<Stages> {
        let engine = Engine::new(packs, &Allow::default());
        let detectors = Detectors::new(&Allow::default());
        let (none, all) = (crate::no_rule(), Gate::all());
        let mut stages = Stages::default();
        let (size, mut through) = (app.db.read(ledger::size)?, 0);
        while through < size {
            let read = || app.db.read(|conn| items::texts(conn, through, size, BATCH));
            let texts = add(&mut stages.reading, read)?;
            through = if texts.len() < BATCH { size } else { texts.last().map_or(size, |text| text.seq) };
            each(&mut stages.views, &texts, |text| drop(std::hint::black_box(Views::of(text))))?;
            each(&mut stages.detectors, &texts, |text| detected(&detectors, text))?;
            each(&mut stages.without_rules, &texts, |text| drop(engine.apply(&comment(text), &none)))?;
            each(&mut stages.matching, &texts, |text| drop(engine.apply(&comment(text), &all)))?;
        }
        Ok(stages)
    }

    fn print(&self, texts: u64, whole: Spent) {
        let show = |name: &str, cpu: f64| println!("  {name:<44} {:>8.2}", cpu / texts as f64 * 1e6);
        show("reading texts from SQLite", self.reading);
        show("views", self.views);
        show("detectors", self.detectors - self.views);
        show("slips and terms", self.without_rules - self.detectors);
        show("slots, names, the packs' own structures", self.matching - self.without_rules);
        show("keys, comparing and what else there is", whole.cpu - self.reading - self.matching);
        show("all", whole.cpu);
        println!();
    }
}

fn detected(detectors: &Detectors, text: &str) {
    let views = Views::of(text);
    if views.digits + views.spelled >= 2 {
        std::hint::black_box((
            detectors.phones(text, &views),
            detectors.addresses(&views),
            detectors.ssns(text, &views),
            detectors.births(text, &views),
            detectors.student_ids(text, &views),
        ));
    }
    std::hint::black_box((detectors.handles(text), detectors.links(text)));
}

fn each(total: &mut f64, texts: &[Text], look: impl Fn(&str)) -> Result<()> {
    add(total, || {
        texts.iter().for_each(|text| look(&text.content.text));
        Ok(())
    })
}

fn add<T>(total: &mut f64, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let before = thread_cpu();
    let answer = work()?;
    *total += thread_cpu() - before;
    Ok(answer)
}
