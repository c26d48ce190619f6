use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::tz::TimeZone;
use proptest::prelude::*;
use tempfile::TempDir;

use super::query::{QueryError, parse};
use super::*;
use crate::model::{Category, Change, Kind, Role, State};

/// A ledger in small: an entry is a document.
#[derive(Default, Clone)]
struct Ledger(Vec<Document>);

impl Ledger {
    fn leaf(seq: u64) -> [u8; 32] {
        [u8::try_from(seq % 251).unwrap(); 32]
    }

    fn last(&self) -> u64 {
        self.0.len() as u64
    }

    fn batch(&self, after: u64, limit: usize) -> anyhow::Result<Batch> {
        let after = usize::try_from(after)?;
        let docs: Vec<Document> = self.0[after..].iter().take(limit).cloned().collect();
        let through = (after + docs.len()) as u64;
        Ok(Batch { docs, through, leaf_hash: Ledger::leaf(through), more: through < self.last() })
    }
}

fn item(item: u64, text: &str) -> Document {
    Document {
        item,
        created_ms: 1_767_225_600_000 + i64::try_from(item).unwrap() * 86_400_000,
        accounts: vec![item % 3],
        platform: "facebook".into(),
        kind: if item.is_multiple_of(4) { Kind::Post } else { Kind::Comment },
        author: Some("Jane Doe".into()),
        handle: Some("jane.doe".into()),
        role: Role::Public,
        state: State::Visible,
        was: vec![],
        changed_ms: vec![],
        has_media: false,
        has_link: false,
        texts: vec![text.to_owned()],
    }
}

fn small() -> Effort {
    Effort { threads: 1, heap: 15_000_000, batch: 3, commit_docs: 7, commit_after: Duration::from_secs(60) }
}

fn open(dir: &TempDir) -> Index {
    Index::open_or_create(&dir.path().join("index")).unwrap().with_efforts(small(), small())
}

fn follow(index: &mut Index, ledger: &Ledger) -> Progress {
    index.catch_up(&mut |after, limit| ledger.batch(after, limit)).unwrap()
}

fn with_context<T>(flagged: Option<&[u64]>, run: impl FnOnce(&Context<'_>) -> T) -> T {
    let set: Arc<ItemSet> = Arc::new(flagged.unwrap_or_default().iter().copied().collect());
    let sets = |category| if category == Category::Conduct { set.clone() } else { Arc::default() };
    let accounts = |named: Named, name: &str| match (named, name) {
        (Named::Account, "zero") => vec![0],
        (Named::School, "Mesa Vista High") => vec![0, 1],
        _ => vec![],
    };
    run(&Context {
        time_zone: TimeZone::get("America/Los_Angeles").unwrap(),
        accounts: &accounts,
        flagged: flagged.map(|_| &sets as &dyn Fn(Category) -> Arc<ItemSet>),
        scope: None,
        only: None,
    })
}

fn found(index: &Index, query: &str, options: Options) -> Found {
    with_context(Some(&[2, 3]), |context| index.search(&parse(query).unwrap(), context, &options)).unwrap()
}

/// The items of a query, newest first.
fn items(index: &Index, query: &str) -> Vec<u64> {
    let found = found(index, query, Options { limit: usize::MAX, facets: true, ..Options::default() });
    assert_eq!(found.total, found.items.len() as u64, "{query}");
    assert_eq!(found.facets.unwrap().kinds.iter().map(|(_, count)| count).sum::<u64>(), found.total, "{query}");
    found.items
}

fn indexed(documents: Vec<Document>) -> (TempDir, Index) {
    let dir = tempfile::tempdir().unwrap();
    let mut index = open(&dir);
    follow(&mut index, &Ledger(documents));
    (dir, index)
}

fn texts(texts: &[&str]) -> (TempDir, Index) {
    indexed((0u64..).zip(texts).map(|(number, text)| item(number, text)).collect())
}

#[test]
fn words_stems_phrases_prefixes_and_fuzzy_words_are_found() {
    let (_dir, index) = texts(&[
        "A fight in the gym",
        "They FIGHTS in gyms",
        "Las escuelas abren, educación",
        "Schools open",
        "the thread and the threat",
        "Call (760) 555-0134 now 🔥",
        "#GoTigers @mesa.vista",
    ]);
    let cases: &[(&str, &[u64])] = &[
        ("fight gym", &[1, 0]),
        ("\"fight\"", &[0]),
        ("\"in the gym\"", &[0]),
        ("fighting OR school", &[3, 1, 0]),
        ("escuela", &[2]),
        ("educaciones", &[2]),
        ("EDUCACIÓN", &[2]),
        ("thr*", &[4]),
        ("thraet~", &[4]),
        ("fight -gyms", &[]),
        ("fight -\"gyms\"", &[0]),
        ("-fight -threat", &[6, 5, 3, 2]),
        ("7605550134", &[5]),
        ("760.555.0134", &[5]),
        ("555-0134", &[5]),
        ("\"760 55*\"", &[]),
        ("760-55*", &[5]),
        ("🔥", &[5]),
        ("#gotigers", &[6]),
        ("tigers", &[6]),
        ("gotigers", &[6]),
        ("@mesa.vista", &[6]),
        ("#go*", &[6]),
        ("", &[6, 5, 4, 3, 2, 1, 0]),
        ("nothing", &[]),
    ];
    for (query, expected) in cases {
        assert_eq!(items(&index, query), *expected, "{query}");
    }
}

#[test]
fn a_phrase_does_not_cross_from_one_content_into_the_next() {
    let mut document = item(1, "first half");
    document.texts.push("second half".into());
    let (_dir, index) = indexed(vec![document]);
    assert!(items(&index, "\"half second\"").is_empty());
    assert_eq!(items(&index, "\"second half\" first"), [1]);
}

#[test]
fn filters_find_facts() {
    let mut hidden = item(1, "one");
    hidden.state = State::Gone;
    hidden.was = vec![Change::Created, Change::Hidden, Change::Gone];
    hidden.changed_ms = vec![1_772_400_000_000, 1_780_000_000_000];
    hidden.accounts = vec![0, 2];
    let mut pictured = item(2, "two");
    (pictured.has_media, pictured.has_link, pictured.role) = (true, true, Role::District);
    let (_dir, index) = indexed(vec![hidden, pictured, item(3, "three"), item(4, "four")]);
    let cases: &[(&str, &[u64])] = &[
        ("kind:post", &[4]),
        ("-kind:post", &[3, 2, 1]),
        ("state:gone", &[1]),
        ("state:deleted", &[1]),
        ("was:hidden", &[1]),
        ("was:missing", &[]),
        ("role:district", &[2]),
        ("has:media has:link", &[2]),
        ("platform:facebook platform:x", &[]),
        ("account:zero", &[3, 1]),
        ("school:\"Mesa Vista High\"", &[4, 3, 1]),
        ("author:jane", &[4, 3, 2, 1]),
        ("author:\"doe jane\"", &[]),
        ("author:@jane.doe kind:post", &[4]),
        ("jane", &[]),
        ("flag:conduct", &[3, 2]),
        ("flag:conduct OR kind:post", &[4, 3, 2]),
        ("-flag:conduct", &[4, 1]),
        ("flag:obscenity", &[]),
        ("after:2026-01-04", &[4]),
        ("before:2026-01-02", &[1]),
        ("on:2026-01-02", &[2]),
        ("changed:2026-03", &[1]),
        ("changed:2026-03-01..2026-03-02", &[1]),
        ("changed:2026-04", &[]),
        ("changed:2026-05..", &[1]),
    ];
    for (query, expected) in cases {
        assert_eq!(items(&index, query), *expected, "{query}");
    }
}

#[test]
fn days_are_the_districts() {
    let mut document = item(1, "late");
    document.created_ms = "2026-07-02T06:59:59.999Z".parse::<jiff::Timestamp>().unwrap().as_millisecond();
    let (_dir, index) = indexed(vec![document]);
    assert_eq!(items(&index, "on:2026-07-01"), [1]);
    assert!(items(&index, "on:2026-07-02").is_empty());
    let facets = found(&index, "", Options { facets: true, ..Options::default() }).facets.unwrap();
    assert_eq!(facets.months, [(jiff::civil::date(2026, 7, 1), 1)]);
}

#[test]
fn facets_count_what_the_query_finds() {
    let mut twice = item(6, "a");
    twice.accounts = vec![0, 1];
    twice.was = vec![Change::Edited];
    let (_dir, index) = indexed(vec![item(1, "a"), item(2, "a"), item(3, "b"), item(4, "a"), twice]);
    let found = found(&index, "a", Options { limit: 1, facets: true, ..Options::default() });
    let facets = found.facets.unwrap();
    assert_eq!((found.total, found.items), (4, vec![6]));
    assert_eq!(facets.kinds, [(Kind::Post, 1), (Kind::Comment, 3)]);
    assert_eq!(facets.flags, [(Category::Conduct, 1)]);
    assert_eq!(facets.was, [(Change::Edited, 1)]);
    assert_eq!((facets.seen_under(&[0]), facets.seen_under(&[1]), facets.seen_under(&[0, 1])), (1, 3, 3));
}

#[test]
fn who_may_not_know_of_flags_is_told_so_and_an_unknown_account_is_an_error_with_its_place() {
    let (_dir, index) = texts(&["a"]);
    let fails = |query: &str| {
        let result = with_context(None, |context| index.search(&parse(query).unwrap(), context, &Options::default()));
        result.unwrap_err().downcast::<QueryError>().unwrap()
    };
    assert_eq!(fails("a -flag:conduct").column(), 4);
    assert!(fails("a account:nobody").to_string().contains("no account goes by `nobody`"));
    let facets = with_context(None, |context| {
        index.search(&parse("").unwrap(), context, &Options { facets: true, ..Options::default() })
    });
    assert_eq!(facets.unwrap().facets.unwrap().flags, []);
}

#[test]
fn a_scope_narrows_every_query() {
    let (_dir, index) = texts(&["a", "a", "a", "b"]);
    for sort in [Sort::Date, Sort::Relevance] {
        let found = with_context(None, |context| {
            let context = Context { scope: Some(&[0]), time_zone: TimeZone::UTC, ..*context };
            index.search(&parse("a OR b").unwrap(), &context, &Options { sort, ..Options::default() })
        });
        let mut found = found.unwrap().items;
        found.sort_unstable();
        assert_eq!(found, [0, 3]);
    }
}

#[test]
fn the_best_fit_comes_first_by_relevance() {
    let (_dir, index) =
        texts(&["gym gym gym", "a long text in which the gym is named once among many other words", "no"]);
    let options = Options { sort: Sort::Relevance, ..Options::default() };
    assert_eq!(found(&index, "gym kind:comment OR gym", options).items, [0, 1]);
}

#[test]
fn pages_follow_each_other() {
    let (_dir, index) = texts(&["a"; 23]);
    let page = |skip| found(&index, "a", Options { limit: 10, skip, ..Options::default() });
    let all: Vec<u64> = [0, 10, 20, 30].into_iter().flat_map(|skip| page(skip).items).collect();
    assert_eq!(all, (0..23).rev().collect::<Vec<_>>());
    assert!([0, 10, 20, 30].into_iter().all(|skip| page(skip).total == 23));
}

#[test]
fn a_new_version_replaces_the_document() {
    let (dir, mut index) = texts(&["alpha", "beta"]);
    let mut ledger = Ledger(vec![item(0, "alpha"), item(1, "beta"), item(0, "gamma")]);
    ledger.0[2].texts.insert(0, "alpha".into());
    assert_eq!(follow(&mut index, &ledger).documents, 1);
    assert_eq!(items(&index, "alpha gamma"), [0]);
    assert_eq!(index.count().unwrap(), 2);
    assert_eq!(follow(&mut index, &ledger), Progress { documents: 0, commits: 0, through: 3 });
    let again = Index::open(&dir.path().join("index")).unwrap().unwrap();
    assert_eq!(again.watermark().unwrap(), Some(Watermark { seq: 3, leaf_hash: Ledger::leaf(3) }));
}

#[test]
fn a_catch_up_that_broke_off_begins_again_at_the_last_commit() {
    let ledger = Ledger((0..30).map(|number| item(number, "word")).collect());
    let (_dir, mut index) = indexed(vec![]);
    let mut calls = 0;
    let broken = index.catch_up(&mut |after, limit| {
        calls += 1;
        if calls == 6 {
            bail!("the lights went out")
        }
        ledger.batch(after, limit)
    });
    assert!(broken.is_err());
    let mark = index.watermark().unwrap().unwrap();
    assert!(mark.seq > 0 && mark.seq < 15, "{mark:?}");
    assert_eq!(items(&index, "word").len() as u64, mark.seq);
    assert_eq!(follow(&mut index, &ledger).through, 30);
    assert_eq!(items(&index, "word").len(), 30);
}

#[test]
fn a_restored_database_is_noticed() {
    let (_dir, mut index) = texts(&["a", "b", "c"]);
    assert!(!index.is_ahead_of_or_differs(3, Some(Ledger::leaf(3))).unwrap());
    assert!(!index.is_ahead_of_or_differs(9, Some(Ledger::leaf(3))).unwrap());
    assert!(index.is_ahead_of_or_differs(2, None).unwrap());
    assert!(index.is_ahead_of_or_differs(9, Some([9; 32])).unwrap());
    index.clear().unwrap();
    assert_eq!((index.watermark().unwrap(), index.count().unwrap()), (None, 0));
    assert!(!index.is_ahead_of_or_differs(0, None).unwrap());
    follow(&mut index, &Ledger(vec![item(7, "anew")]));
    assert_eq!(items(&index, ""), [7]);
}

#[test]
fn merges_keep_the_watermark_and_keep_segments_few() {
    let (dir, mut index) = indexed(vec![]);
    let mut ledger = Ledger::default();
    for number in 0..25 {
        ledger.0.push(item(number, "word"));
        follow(&mut index, &ledger);
    }
    assert_eq!(index.watermark().unwrap().map(|mark| mark.seq), Some(25));
    let segments = index.index.searchable_segment_ids().unwrap().len();
    assert!(segments < 12, "{segments}");
    assert_eq!(items(&index, "word").len(), 25);
    assert_eq!(items(&open(&dir), "word").len(), 25);
}

#[test]
fn another_reader_sees_a_commit_at_its_next_search() {
    let (dir, mut index) = texts(&["a"]);
    let reader = Index::open(&dir.path().join("index")).unwrap().unwrap();
    assert_eq!(items(&reader, "a"), [0]);
    follow(&mut index, &Ledger(vec![item(0, "a"), item(1, "a")]));
    assert_eq!(items(&reader, "a"), [1, 0]);
    assert!(Index::open(&dir.path().join("elsewhere")).unwrap().is_none());
}

#[test]
fn only_one_may_write() {
    let (dir, index) = texts(&["a"]);
    let _writer = index.writer(&small()).unwrap();
    let mut second = open(&dir);
    let error = second.catch_up(&mut |after, limit| Ledger(vec![item(1, "a"), item(2, "a")]).batch(after, limit));
    assert!(error.unwrap_err().to_string().contains("another process may be at it"));
}

#[test]
fn two_processes_that_take_turns_leave_no_files_behind() {
    let (dir, mut one) = indexed(vec![]);
    let mut other = open(&dir);
    let mut ledger = Ledger::default();
    for number in 0..24 {
        ledger.0.push(item(number, "word"));
        follow(if number % 2 == 0 { &mut one } else { &mut other }, &ledger);
    }
    one.expunge().unwrap();
    let segments = one.index.searchable_segment_ids().unwrap();
    let is_live = |name: &str| segments.iter().any(|segment| name.starts_with(&segment.uuid_string()));
    let files = std::fs::read_dir(dir.path().join("index")).unwrap();
    let names: Vec<String> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    let stray: Vec<&String> = names.iter().filter(|name| !is_live(name) && name.len() > 32).collect();
    assert!(stray.is_empty(), "{stray:?}");
    assert_eq!(items(&other, "word").len(), 24);
}

#[test]
fn a_rebuilt_index_takes_the_place_of_the_old_one() {
    let (dir, old) = texts(&["stale"]);
    let path = dir.path().join("index");
    let ledger = Ledger((0..9).map(|number| item(number, "fresh")).collect());
    let mut during = 0;
    let (new, progress) = Index::rebuild(&path, &mut |after, limit| {
        during += items(&old, "stale").len();
        ledger.batch(after, limit)
    })
    .unwrap();
    assert_eq!((during > 0, progress.through), (true, 9));
    assert_eq!(items(&new, "fresh").len(), 9);
    assert_eq!((items(&old, "fresh").len(), items(&old, "stale").len()), (9, 0));
    std::fs::write(path.join(META), "damaged").unwrap();
    assert!(Index::open(&path).is_err() && Index::open_or_create(&path).is_err());
    let (new, _) = Index::rebuild(&path, &mut |after, limit| ledger.batch(after, limit)).unwrap();
    assert_eq!(items(&new, "fresh").len(), 9);
    assert!(!dir.path().join("index.old").exists() && !dir.path().join("index.new").exists());
}

#[test]
fn a_role_sees_only_what_it_may() {
    let mut own = item(2, "a");
    own.role = Role::District;
    let (_dir, index) = indexed(vec![item(1, "a"), own]);
    let only = parse("role:district").unwrap();
    let found = with_context(None, |context| {
        let context = Context { only: Some(&only), time_zone: TimeZone::UTC, ..*context };
        index.search(&parse("a OR role:public").unwrap(), &context, &Options::default())
    });
    assert_eq!(found.unwrap().items, [2]);
}

#[test]
fn an_index_of_another_version_is_built_anew() {
    let (dir, index) = texts(&["a"]);
    let mut writer = index.writer(&small()).unwrap();
    let mut prepared = writer.prepare_commit().unwrap();
    prepared.set_payload("0-00000000:1:00");
    prepared.commit().unwrap();
    drop(writer);
    assert!(Index::open(&dir.path().join("index")).unwrap().is_none());
    let index = open(&dir);
    assert_eq!((index.watermark().unwrap(), index.count().unwrap()), (None, 0));
}

#[test]
fn after_a_disposal_the_index_does_not_know_the_word_any_more() {
    let (_dir, mut index) = texts(&["keepsake", "b", "c", "d", "e", "shibboleth"]);
    let mut ledger = Ledger((0..5).map(|number| item(number, "keepsake")).collect());
    ledger.0.extend([item(5, "shibboleth"), item(5, "")]);
    let knows = |index: &Index| {
        let term = Term::from_field_text(index.fields.text, "shibboleth");
        index.reader.searcher().doc_freq(&term).unwrap() > 0
    };
    follow(&mut index, &ledger);
    assert!(items(&index, "shibboleth").is_empty() && knows(&index));
    index.expunge().unwrap();
    assert_eq!(items(&index, "keepsake"), [0]);
    assert!(!knows(&index));
    assert_eq!(index.watermark().unwrap().map(|mark| mark.seq), Some(7));
}

/// Whether a document has a plain word: what `matched` says of its texts.
fn expected(documents: &BTreeMap<u64, Document>, query: &str) -> Vec<u64> {
    let query = parse(query).unwrap();
    let has = |document: &Document| {
        let texts: Vec<&str> = document.texts.iter().map(String::as_str).collect();
        query::matched(&query, &texts).is_some()
    };
    documents.values().rev().filter(|document| has(document)).map(|document| document.item).collect()
}

fn some_text() -> impl Strategy<Value = String> {
    let words =
        ["fight", "fights", "gym", "escuela", "escuelas", "#GoTigers", "760-555-0134", "🔥", "niño", "niños", "don't"];
    prop::collection::vec(prop::sample::select(words.to_vec()), 0..6).prop_map(|words| words.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn a_replay_gives_the_same_documents_and_the_index_agrees_with_the_rows(
        entries in prop::collection::vec((0u64..12, prop::collection::vec(some_text(), 1..3)), 1..40),
        cuts in prop::collection::vec(1usize..10, 0..6),
    ) {
        let document = |(number, texts): &(u64, Vec<String>)| Document { texts: texts.clone(), ..item(*number, "") };
        let ledger = Ledger(entries.iter().map(document).collect());
        let (_whole_dir, whole) = indexed(ledger.0.clone());
        let (_dir, mut stepped) = indexed(vec![]);
        let mut length = 0;
        for cut in cuts {
            length = (length + cut).min(ledger.0.len());
            follow(&mut stepped, &Ledger(ledger.0[..length].to_vec()));
        }
        follow(&mut stepped, &ledger);
        let latest: BTreeMap<u64, Document> = ledger.0.iter().map(|document| (document.item, document.clone())).collect();
        for query in ["fight", "\"fight\"", "escuela", "\"fight gym\"", "#gotigers", "7605550134", "🔥", "niñas", "esc*", "dont", "figth~"] {
            let found = items(&whole, query);
            prop_assert_eq!(&found, &items(&stepped, query), "{}", query);
            prop_assert_eq!(&found, &expected(&latest, query), "{}", query);
        }
        prop_assert_eq!(items(&whole, "").len(), latest.len());
    }
}

#[test]
fn what_is_like_a_text_shares_its_rare_words_and_stands_in_sight() {
    let dir = TempDir::new().unwrap();
    let mut index = open(&dir);
    let mut ledger = Ledger::default();
    let texts = [
        "The board are liars and thieves, all of them",
        "Those liars on the board! Thieves and liars!",
        "The game is on Friday and the board is there",
        "Liars and thieves, the whole board of them",
        "The board are liars and thieves",
        "Thank you all, what a game",
    ];
    ledger.0 = texts.iter().zip(1..).map(|(text, id)| Document { accounts: vec![7], ..item(id, text) }).collect();
    ledger.0[3].state = State::Hidden;
    ledger.0[4].role = Role::District;
    ledger.0.push(Document { accounts: vec![8], ..item(7, "Liars, thieves: the board") });
    follow(&mut index, &ledger);
    let mut alike = index.alike().unwrap();
    let near = alike.find(texts[0], Some(7), 3).unwrap();
    assert_eq!(near[..2], [1, 2], "the hidden one and the district's own are not among them: {near:?}");
    assert!(!near.contains(&4) && !near.contains(&5) && !near.contains(&7));
    assert!(alike.find(texts[0], None, 5).unwrap().contains(&7), "the whole district");
    assert_eq!(alike.find("zebra 🦓", None, 3).unwrap(), Vec::<u64>::new());
    assert_eq!(alike.find("", None, 3).unwrap(), Vec::<u64>::new());
    let (same, near) = (alike.share(texts[0], texts[0]).unwrap(), alike.share(texts[0], texts[1]).unwrap());
    let far = alike.share(texts[0], texts[2]).unwrap();
    assert!(same > 0.999 && same > near && near > far && far > 0.0, "{same} {near} {far}");
    assert_eq!(alike.share("", "").unwrap(), 0.0);
}
