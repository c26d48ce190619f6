//! The examples of rules: what must match, what must not, and what shows too little.

use super::pack::{PackError, Packs, Rule};
use super::pass::{Engine, Gate, Subject};
use super::{engine, timing};
use crate::model::{Kind, Role};
use crate::text::detect::Allow;

/// An example: its rule, where it stands, whether it must match, and its text.
pub struct Example {
    pub rule: usize,
    pub line: usize,
    pub matches: bool,
    pub text: String,
}

/// What is wrong with rules once they run: examples that fail or show too little, and rules that hold up all others.
pub fn faults(packs: &Packs, examples: &[Example]) -> Vec<PackError> {
    let engine = example_engine(packs);
    let mut faults = run_examples(&engine, examples);
    faults.extend(without_hard_negative(&engine));
    faults.extend(timing::too_slow(&engine));
    faults
}

fn example_engine(packs: &Packs) -> Engine {
    let allow = Allow { domains: vec!["mesavista.example.org".to_owned()], ..Allow::default() };
    Engine::new(packs, &allow)
}

/// Runs every example as its rule would meet it, written by the first role that the rule names a clause for.
fn run_examples(engine: &Engine, examples: &[Example]) -> Vec<PackError> {
    let failing =
        examples.iter().filter(|example| fires(engine, &engine.rules[example.rule], &example.text) != example.matches);
    failing
        .map(|example| PackError {
            file: engine.rules[example.rule].pack.clone(),
            line: example.line,
            rule: Some(engine.rules[example.rule].id.clone()),
            example: Some(example.text.clone()),
            expected: if example.matches { "expected a match, found none" } else { "expected no match, found one" }
                .to_owned(),
        })
        .collect()
}

/// Rules whose `no_match` shows only what is far from them. One with a single slot and nothing to hold it back fires on every word
/// of it.
fn without_hard_negative(engine: &Engine) -> Vec<PackError> {
    let held_back = |rule: &Rule| !rule.benign.is_empty() || !rule.modifiers.is_empty();
    let words = |rule: &Rule| {
        let slots = || rule.find.iter().flatten();
        (rule.find.iter().any(|slots| slots.len() > 1) || held_back(rule)) && slots().any(|slot| !slot.starts_with('$'))
    };
    let near =
        |number: usize, rule: &Rule| rule.no_matches.iter().any(|text| engine::holds_words_of(engine, number, text));
    let lacking = engine.rules.iter().enumerate().filter(|(number, rule)| words(rule) && !near(*number, rule));
    lacking
        .map(|(_, rule)| PackError {
            file: rule.pack.clone(),
            line: rule.line,
            rule: Some(rule.id.clone()),
            example: None,
            expected: "no_match needs a hard negative: one that holds words the rule looks for".to_owned(),
        })
        .collect()
}

/// Whether a text has a word that is written in Spanish only.
pub fn looks_spanish(text: &str) -> bool {
    const WORDS: [&str; 40] = [
        "el", "la", "los", "las", "de", "del", "al", "que", "mi", "mis", "tu", "tus", "su", "sus", "es", "en", "con",
        "por", "para", "un", "una", "y", "te", "se", "lo", "le", "les", "yo", "ya", "muy", "este", "esta", "eso",
        "voy", "va", "hay", "soy", "como", "pero", "si",
    ];
    let folded = crate::text::views::fold_phrase(text);
    text.contains(['ñ', '¿', '¡', 'á', 'é', 'í', 'ó', 'ú', 'Ñ']) || folded.split(' ').any(|word| WORDS.contains(&word))
}

fn fires(engine: &Engine, rule: &Rule, text: &str) -> bool {
    let role = if rule.clause.district.is_some() { Role::District } else { Role::Public };
    let platform = rule.platforms.first().map_or("facebook", String::as_str);
    let kind = rule.kinds.first().copied().unwrap_or(Kind::Comment);
    let subject = Subject { text, parts: &[], links: &[], role, platform, kind, has_media: false, every_role: true };
    engine.apply(&subject, &Gate::all()).iter().any(|hit| hit.rule.id == rule.id)
}
