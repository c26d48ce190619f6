use jiff::civil::date;
use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::day::Period;
use super::*;

fn stem(word: &str) -> Node {
    Node::Text(Text { target: Target::Texts, find: Find::Stem(word.to_owned()) })
}

fn exact(words: &[&str]) -> Node {
    let words = words.iter().enumerate().map(|(at, word)| (at, (*word).to_owned())).collect();
    Node::Text(Text { target: Target::Texts, find: Find::Exact(words) })
}

fn tree(source: &str) -> Node {
    parse(source).unwrap().root
}

fn filter(source: &str) -> Filter {
    match tree(source) {
        Node::Filter(_, filter) => filter,
        other => panic!("{source}: {other:?}"),
    }
}

#[test]
fn words_are_anded_and_or_binds_looser() {
    assert_eq!(tree("Fight gym"), Node::And(vec![stem("fight"), stem("gym")]));
    assert_eq!(tree("a b OR c"), Node::Or(vec![Node::And(vec![stem("a"), stem("b")]), stem("c")]));
    assert_eq!(tree("a (b OR c)"), Node::And(vec![stem("a"), Node::Or(vec![stem("b"), stem("c")])]));
    assert_eq!(tree("a AND b"), tree("a b"));
    assert_eq!(tree("a or b"), Node::And(vec![stem("a"), stem("or"), stem("b")]));
    assert_eq!(tree("  "), Node::All);
}

#[test]
fn a_minus_excludes_a_word_a_phrase_a_filter_or_a_group() {
    assert_eq!(tree("-gym"), Node::Not(Box::new(stem("gym"))));
    assert_eq!(tree("a -\"b c\""), Node::And(vec![stem("a"), Node::Not(Box::new(exact(&["b", "c"])))]));
    assert!(matches!(tree("-(a OR b)"), Node::Not(_)));
    assert!(matches!(tree("-kind:post"), Node::Not(_)));
    assert_eq!(tree("one-two"), exact(&["one", "two"]));
    assert_eq!(tree("a - b"), tree("a b"));
}

#[test]
fn quoted_words_are_not_stemmed() {
    assert_eq!(tree("\"Schools\""), exact(&["schools"]));
    assert_eq!(tree("“mesa vista”"), exact(&["mesa", "vista"]));
}

#[test]
fn tags_numbers_and_emoji_are_looked_for_as_they_stand() {
    assert_eq!(tree("#GoTigers"), exact(&["#gotigers"]));
    assert_eq!(tree("@mesa.vista"), exact(&["@mesa.vista"]));
    assert_eq!(tree("760-555-0134"), exact(&["7605550134"]));
    assert_eq!(tree("555-0134"), exact(&["555", "0134"]));
    assert_eq!(tree("10:30"), exact(&["10", "30"]));
    assert_eq!(tree("🔥"), exact(&["🔥"]));
    assert_eq!(tree("https://mesavista.example.org/a"), exact(&["https", "mesavista", "example", "org", "a"]));
}

#[test]
fn prefixes_and_fuzzy_words() {
    let texts = |find| Node::Text(Text { target: Target::Texts, find });
    assert_eq!(tree("Thr*"), texts(Find::Prefix(vec![], (0, "thr".into()))));
    assert_eq!(tree("#go*"), texts(Find::Prefix(vec![], (0, "#go".into()))));
    assert_eq!(tree("threat~"), texts(Find::Fuzzy("threat".into(), 1)));
    assert_eq!(tree("threatened~"), texts(Find::Fuzzy("threatened".into(), 2)));
    assert_eq!(tree("threatened~1"), texts(Find::Fuzzy("threatened".into(), 1)));
}

#[test]
fn filters_take_their_own_words() {
    assert_eq!(filter("platform:Facebook"), Filter::Platform("facebook".into()));
    assert_eq!(filter("state:deleted"), Filter::State(vec![State::Missing, State::Gone]));
    assert_eq!(filter("was:hidden"), Filter::Was(vec![Change::Hidden]));
    assert_eq!(filter("flag:self-harm"), Filter::Flag(Category::SelfHarm));
    assert_eq!(filter("has:media"), Filter::Media);
    assert_eq!(filter("school:\"Mesa Vista High\""), Filter::School("Mesa Vista High".into()));
    assert_eq!(filter("Account:mesa-vista-high"), Filter::Account("mesa-vista-high".into()));
    let author =
        Node::Text(Text { target: Target::Author, find: Find::Exact(vec![(0, "jane".into()), (1, "doe".into())]) });
    assert_eq!(tree("author:\"Jane Doe\""), author);
    assert!(parse("x OR author:@jane").unwrap().names_author());
    assert!(parse("-flag:conduct").unwrap().names_flags());
}

#[test]
fn dates_may_be_days_months_or_years() {
    assert_eq!(filter("after:2026-01-01"), Filter::Created(Some(date(2026, 1, 1)), None));
    assert_eq!(filter("before:2026-01"), Filter::Created(None, Some(date(2026, 1, 1))));
    assert_eq!(filter("on:2026-12-31"), Filter::Created(Some(date(2026, 12, 31)), Some(date(2027, 1, 1))));
    assert_eq!(filter("changed:2026-01..2026-06"), Filter::Changed(Some(date(2026, 1, 1)), Some(date(2026, 7, 1))));
    assert_eq!(filter("changed:2026"), Filter::Changed(Some(date(2026, 1, 1)), Some(date(2027, 1, 1))));
    assert_eq!(filter("changed:..2026-02-28"), Filter::Changed(None, Some(date(2026, 3, 1))));
    assert_eq!(Period::parse("2026-02-30"), None);
    let zone = TimeZone::get("America/Los_Angeles").unwrap();
    let (day, next) = (midnight(date(2026, 11, 1), &zone).unwrap(), midnight(date(2026, 11, 2), &zone).unwrap());
    assert_eq!(next - day, 25 * 3_600_000);
}

/// Each query with the column and a piece of the message of its error.
const UNREADABLE: &[(&str, usize, &str)] = &[
    ("acount:high", 1, "did you mean `account`?"),
    ("fight kind:pots", 12, "did you mean `post`?"),
    ("fight \"gym", 7, "not closed"),
    ("(fight gym", 1, "not closed"),
    ("fight) gym", 6, "closes nothing"),
    ("fight OR", 7, "after `OR`"),
    ("OR fight", 1, "before `OR`"),
    ("a OR OR b", 3, "after `OR`"),
    ("()", 1, "between the parentheses"),
    ("after:yesterday", 7, "not a date"),
    ("changed:2026-06..2026-01", 9, "ends before it begins"),
    ("account:", 1, "the account's name"),
    ("account: high", 1, "the account's name"),
    ("has:dog", 5, "`media` or `link`"),
    ("ñandú *", 7, "before `*`"),
    ("th*eat", 3, "end of a word"),
    ("one-two~", 1, "single word"),
    ("...", 1, "letters, digits or emoji"),
    ("\"...\"", 1, "letters, digits or emoji"),
    ("was:created", 5, "expected one of edited"),
];

#[test]
fn an_unreadable_query_says_where_and_what_was_expected() {
    for (source, column, piece) in UNREADABLE {
        let error = parse(source).expect_err(source);
        assert_eq!(error.column(), *column, "{source}: {error}");
        assert!(error.message().contains(piece), "{source}: {error}");
    }
    let error = parse("fight kind:pots gym").unwrap_err();
    assert_eq!(error.caret(), "fight kind:pots gym\n           ^^^^");
}

#[test]
fn a_query_that_is_too_deep_or_too_long_is_refused() {
    assert!(parse(&format!("{}a{}", "(".repeat(40), ")".repeat(40))).is_err());
    assert!(parse(&"(".repeat(4_000)).is_err());
    assert!(parse(&"-(".repeat(2_000)).is_err());
    assert!(parse(&"a ".repeat(1_000)).is_err());
    assert!(parse(&"ñ".repeat(4_000)).is_err());
}

#[test]
fn the_matching_version_has_all_words_or_else_the_most() {
    let query = parse("fight gym").unwrap();
    assert_eq!(matched(&query, &["nothing", "the gym", "fights in the gym"]), Some(2));
    assert_eq!(matched(&query, &["nothing", "the gym", "no"]), Some(1));
    assert_eq!(matched(&query, &["nothing"]), None);
    assert_eq!(matched(&parse("kind:post").unwrap(), &["a text"]), None);
    assert_eq!(matched(&parse("-gym fight").unwrap(), &["gym", "fight"]), Some(1));
}

#[test]
fn a_snippet_marks_what_matched() {
    assert_eq!(snippet(&parse("escuela").unwrap(), "Las ESCUELAS abren"), "Las «ESCUELAS» abren");
    assert_eq!(
        snippet(&parse("\"go tigers\"").unwrap(), "We say #GoTigers!\nGo Tigers"),
        "We say #«GoTigers»! «Go Tigers»"
    );
    assert_eq!(snippet(&parse("kind:post").unwrap(), "a text"), "a text");
    let long = format!("{} needle {}", "hay ".repeat(200), "hay ".repeat(200));
    let found = excerpt(&parse("needle").unwrap(), &long);
    assert_eq!(&found.text[found.marks[0].clone()], "needle");
    assert!(found.text.len() < 300 && found.text.starts_with('…') && found.text.ends_with('…'));
}

proptest! {
    #[test]
    fn no_query_panics(source in "\\PC{0,60}") {
        if let Err(error) = parse(&source) {
            prop_assert!(error.column() >= 1 && !error.to_string().is_empty());
        }
    }

    #[test]
    fn no_query_of_the_languages_own_signs_panics(source in "([a-c\"()*~: -]|OR |kind:|after:2026|flag:|author:|\\.\\.|ñ|🔥|@|#|\n){0,40}") {
        if let Err(error) = parse(&source) {
            prop_assert!(error.caret().contains('^'));
        }
    }

    #[test]
    fn marking_never_panics(source in "[a-d \"*~()-]{0,20}", text in "[a-dA-Dñé@#🔥\n 0-9'-]{0,600}") {
        if let Ok(query) = parse(&source) {
            let found = excerpt(&query, &text);
            for mark in found.marks {
                prop_assert!(found.text.get(mark).is_some());
            }
            snippet(&query, &text);
        }
    }
}
