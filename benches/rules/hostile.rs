//! Texts that are made to take long: twice the length may take twice the time, not four times.

use std::time::Instant;

use pagekeeper::rules::{Engine, Gate};

use crate::texts::comment;

const UNITS: &[(&str, &str)] = &[
    ("one letter", "a"),
    ("digits", "7"),
    ("numbers", "760 555 0142 "),
    ("spelled digits", "siete one "),
    ("emoji", "😀"),
    ("combining marks", "e\u{301}\u{301}\u{301}"),
    ("anchors", "kill "),
    ("anchors and slots", "i will kill you my dad hits me "),
    ("names", "Ana Luz "),
    ("spaced letters", "k i l l "),
    ("zero width", "\u{200b}k\u{200d}i"),
    ("links", "bit.ly/a "),
    ("handles", "@fixer_77 "),
    ("masked letters", "f*ck sh!t "),
    ("slips", "mloested paernts "),
    ("sentences", "No. Kill! Me? "),
];

const SIZES: [usize; 3] = [16 << 10, 32 << 10, 64 << 10];

/// Prints the milliseconds of each kind of text at three sizes.
pub fn measured(engine: &Engine) {
    println!("Texts made to take long: ms");
    println!("  {:<20} {:>9} {:>9} {:>9}", "of", "16 KB", "32 KB", "64 KB");
    for (name, unit) in UNITS {
        let [small, middle, large] = SIZES.map(|size| shortest(engine, &unit.repeat(size / unit.len())));
        println!("  {name:<20} {small:>9.2} {middle:>9.2} {large:>9.2}");
    }
    println!();
}

fn shortest(engine: &Engine, text: &str) -> f64 {
    let once = || {
        let started = Instant::now();
        std::hint::black_box(engine.apply(&comment(text), &Gate::all()));
        started.elapsed().as_secs_f64() * 1e3
    };
    (0..3).map(|_| once()).fold(f64::INFINITY, f64::min)
}
