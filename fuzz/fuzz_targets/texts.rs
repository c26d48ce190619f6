//! Whatever is written under a post, the shipped packs read it: the same flags each time, at places that can be shown. The first
//! byte says who wrote what; parts and links are parted by NUL.
#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use pagekeeper::model::{Kind, Role};
use pagekeeper::rules::{self, Engine, Gate, Subject};
use pagekeeper::text::detect::Allow;

static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/rules");
    let files = std::fs::read_dir(folder).expect("the shipped packs").filter_map(|entry| {
        let path = entry.ok()?.path();
        let name = path.file_name()?.to_str().filter(|name| name.ends_with(".toml"))?.to_owned();
        Some((name, std::fs::read_to_string(&path).ok()?))
    });
    let packs = rules::load_known(&files.collect::<Vec<_>>()).expect("the shipped packs load");
    Engine::new(&packs, &Allow { domains: vec!["mesavista.example.org".to_owned()], ..Allow::default() })
});

fuzz_target!(|input: (u8, &str)| {
    let (how, text) = input;
    let mut pieces = text.split('\0').map(str::to_owned);
    let text = pieces.next().unwrap_or_default();
    let (parts, links): (Vec<String>, Vec<String>) = pieces.partition(|piece| !piece.contains("://"));
    let subject = Subject {
        text: &text,
        parts: &parts,
        links: &links,
        role: Role::ALL[how as usize % Role::ALL.len()],
        platform: ["facebook", "instagram", "x", "youtube", "bluesky"][how as usize / 4 % 5],
        kind: Kind::ALL[how as usize % Kind::ALL.len()],
        has_media: how % 2 == 1,
        every_role: how > 127,
    };
    let hits = ENGINE.apply(&subject, &Gate::all());
    assert_eq!(hits, ENGINE.apply(&subject, &Gate::all()));
    for span in hits.iter().flat_map(|hit| &hit.spans) {
        let shown = if span.part == 0 { &text } else { &parts[span.part - 1] };
        assert!(shown.get(span.start..span.end).is_some_and(|words| !words.is_empty()), "{span:?}");
    }
});
