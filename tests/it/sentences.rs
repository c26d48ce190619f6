//! The project's own sentences (tests/eval): what the shipped packs find of what they must, and flag of what they must not. Their
//! authors wrote them beside the rules, so that a floor here shows what was lost, not how good the packs are.

use std::collections::BTreeMap;
use std::path::Path;

use pagekeeper::model::{Category, Kind, Role, Severity};
use pagekeeper::rules::{self, Engine, Gate, Subject};
use pagekeeper::text::detect::Allow;
use serde::Deserialize;

#[derive(Deserialize)]
struct Sentence {
    text: String,
    author_role: Role,
    label: Vec<Category>,
    slice: String,
}

/// Of a hundred sentences of a category so many are found at least.
const FOUND: usize = 90;
/// Of a hundred that look like one but are none, and of plain ones, so many are flagged at most.
const HARD: usize = 8;
const PLAIN: usize = 2;

/// What the district's own tone may be flagged for is low by intent.
const TONE: [Category; 3] = [Category::Conduct, Category::LegalConclusion, Category::Copyright];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn shipped() -> Engine {
    let files = pagekeeper::app::packs::read_toml(&root().join("config/rules")).unwrap();
    let elections = std::fs::read_to_string(root().join("config/elections.toml")).unwrap();
    let files = [files, vec![(rules::ELECTIONS.to_owned(), elections)]].concat();
    let packs = rules::load_known(&files).unwrap_or_else(|errors| panic!("{errors:#?}"));
    let official_numbers = (0..10).map(|number| format!("760-555-010{number}")).collect();
    Engine::new(&packs, &Allow { official_numbers, ..Allow::default() })
}

fn found(engine: &Engine, sentence: &Sentence) -> Vec<Category> {
    let subject = Subject {
        text: &sentence.text,
        parts: &[],
        links: &[],
        role: sentence.author_role,
        platform: "facebook",
        kind: Kind::Comment,
        has_media: false,
        every_role: true,
    };
    let hits = engine.apply(&subject, &Gate::all());
    let counts = |category| if TONE.contains(&category) { Severity::Low } else { Severity::Medium };
    hits.iter().filter(|hit| hit.severity >= counts(hit.category)).map(|hit| hit.category).collect()
}

#[test]
fn the_shipped_packs_find_what_the_project_s_own_sentences_say() {
    let engine = shipped();
    let mut wanted: BTreeMap<Category, (usize, usize)> = BTreeMap::new();
    let mut alarms: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for entry in std::fs::read_dir(root().join("tests/eval")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "jsonl") {
            continue;
        }
        for line in std::fs::read_to_string(&path).unwrap().lines() {
            let sentence: Sentence =
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{path:?}: {error}: {line}"));
            let found = found(&engine, &sentence);
            for label in &sentence.label {
                let (hits, all) = wanted.entry(*label).or_default();
                *hits += usize::from(found.contains(label));
                *all += 1;
            }
            let found: Vec<_> = found.into_iter().filter(|category| !TONE.contains(category)).collect();
            if sentence.label.is_empty() {
                let kind = if sentence.slice == "hard_negative" { "hard" } else { "plain" };
                let (hits, all) = alarms.entry(kind).or_default();
                *hits += usize::from(!found.is_empty());
                *all += 1;
            }
        }
    }
    assert!(wanted.len() >= 14, "every category has sentences: {wanted:?}");
    let low: Vec<_> = wanted.iter().filter(|(_, (hits, all))| hits * 100 < all * FOUND).collect();
    assert!(low.is_empty(), "found too rarely: {low:?}");
    for (kind, most) in [("hard", HARD), ("plain", PLAIN)] {
        let (hits, all) = alarms[kind];
        assert!(all > 100 && hits * 100 <= all * most, "{kind}: {hits} of {all} are flagged");
    }
    println!("{wanted:?} {alarms:?}");
}
