//! The layering rule of the design, held by reading the source: a line uses only the lines below it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;

/// The lines of the map, the highest first. The nouns (`model`) lie below the other words.
const LAYERS: [&[&str]; 7] = [
    &["main", "cli"],
    &["jobs", "web"],
    &["app"],
    &["harvest", "import", "rules", "index", "audit", "connect", "alert", "weekly", "outbox", "proof", "records"],
    &["db", "platform", "mail"],
    &["seal", "text", "config"],
    &["model"],
];

/// What only some modules may name, and which.
const DOORS: [(&str, &[&str]); 5] = [
    ("rusqlite", &["db"]),
    ("tantivy", &["index", "text"]),
    ("lettre", &["mail"]),
    ("reqwest", &["platform"]),
    ("openidconnect", &["platform"]),
];

/// The modules that read the clock; everything else is told the time. Beyond those of invariant 11: `app` and `harvest`, whose
/// work outlives any time that it could be told.
const EDGES: [&str; 8] = ["main", "cli", "jobs", "web", "platform", "sandbox", "app", "harvest"];

const MOST_LINES: usize = 600;

static SQL: LazyLock<Regex> = LazyLock::new(|| {
    let words =
        r"SELECT|INSERT\s+INTO|INSERT\s+OR|UPDATE\s+\w+\s+SET|DELETE\s+FROM|CREATE\s+\w+|PRAGMA|BEGIN\s+IMMEDIATE";
    Regex::new(&format!(r"\b(?:{words})\s")).expect("a constant")
});
static REPLACE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i)\bOR\s+REPLACE\b|\bREPLACE\s+INTO\b").expect("a constant"));
static WORD: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\b[A-Za-z_]\w*\b").expect("a constant"));
static CLOCK: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i)clock(?:\(\))?\s*\.\s*now\s*\(").expect("a constant"));

#[test]
fn every_module_uses_only_the_lines_below_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for file in files(&root.join("src")) {
        let path = file.strip_prefix(root).expect("it was listed there").to_string_lossy().replace('\\', "/");
        found.extend(complaints(&path, &fs::read_to_string(&file).expect("a source file")));
    }
    for file in files(root).into_iter().filter(|file| file.extension().is_some_and(|end| end == "sql")) {
        found.extend(sql_complaints(&file.to_string_lossy(), &fs::read_to_string(&file).expect("a schema")));
    }
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

/// What is wrong with one source file, one line each. `path` is relative to the crate: `src/db/items.rs`.
pub fn complaints(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let lines = text.lines().count();
    if lines > MOST_LINES {
        found.push(format!("{path}: {lines} lines, more than {MOST_LINES}: split it"));
    }
    if !path.ends_with(".rs") {
        return found;
    }
    let place = Place::of(path);
    for line in statements(text, &place) {
        let mut say = |what: String| found.push(format!("{path}:{}: {what}", line.number));
        if REPLACE.is_match(&line.with_strings) {
            say("OR REPLACE deletes a row behind the triggers' back".into());
        }
        for word in ["todo!", "unimplemented!"] {
            if line.code.contains(word) {
                say(format!("{word} is no code"));
            }
        }
        for used in &line.uses {
            if let Some(what) = misuse(&place.top, used, line.in_test) {
                say(what);
            }
        }
        if line.in_test {
            continue;
        }
        for (library, owners) in DOORS {
            if WORD.find_iter(&line.code).any(|word| word.as_str() == library) && !owners.contains(&place.top.as_str())
            {
                say(format!("{library} is for {} only", owners.join(" and ")));
            }
        }
        if place.top != "db" && SQL.is_match(&line.with_strings) {
            say("SQL is for db only".into());
        }
        if CLOCK.is_match(&line.code) && !EDGES.contains(&place.top.as_str()) {
            say("the clock is read at the edges only: take `now`".into());
        }
    }
    found
}

fn sql_complaints(path: &str, text: &str) -> Vec<String> {
    let faulty = |line: &str| REPLACE.is_match(line.split("--").next().unwrap_or_default());
    let lines = text.lines().enumerate().filter(|(_, line)| faulty(line));
    lines.map(|(at, _)| format!("{path}:{}: OR REPLACE", at + 1)).collect()
}

/// Why a module may not use another; `None` when it may.
fn misuse(user: &str, used: &str, in_test: bool) -> Option<String> {
    if user == used || user == "lib" {
        return None;
    }
    if used == "sandbox" {
        return (user != "cli" && !in_test).then(|| format!("{user} uses sandbox, which is for cli and tests only"));
    }
    if user == "sandbox" {
        return (!["text", "model"].contains(&used)).then(|| format!("sandbox uses {used}: text and model only"));
    }
    let line_of = |name: &str| LAYERS.iter().position(|layer| layer.contains(&name));
    match (line_of(user), line_of(used)) {
        (None, _) => Some(format!("{user} is not on the map: give it a line in tests/it/tidy.rs")),
        (_, None) => Some(format!("{user} uses {used}, which is not on the map")),
        (Some(0), Some(0)) => None,
        (Some(high), Some(low)) if high < low => None,
        (Some(high), Some(low)) if high == low => Some(format!("{user} uses its sibling {used}")),
        _ => Some(format!("{user} uses {used}, which stands above it")),
    }
}

/// Where a file stands in the tree of modules.
struct Place {
    /// The module right under the crate; `main` and `lib` for the roots.
    top: String,
    modules: Vec<String>,
    is_test: bool,
}

impl Place {
    fn of(path: &str) -> Place {
        let inside = path.trim_start_matches("src/").trim_end_matches(".rs");
        let mut modules: Vec<String> = inside.split('/').map(str::to_owned).collect();
        if modules.last().is_some_and(|last| last == "mod") {
            modules.pop();
        }
        let top = modules[0].clone();
        if modules.len() == 1 && ["main", "lib"].contains(&top.as_str()) {
            modules.clear();
        }
        Place { is_test: modules.last().is_some_and(|last| last == "tests"), top, modules }
    }
}

/// One line of code, read in its module.
struct Line {
    number: usize,
    /// Without comments and with strings blanked.
    code: String,
    /// Without comments.
    with_strings: String,
    /// The crate's top modules that a path beginning on this line names.
    uses: Vec<String>,
    in_test: bool,
}

fn statements(text: &str, place: &Place) -> Vec<Line> {
    static INLINE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\bmod\s+(\w+)\s*\{").expect("a constant"));
    let (code, with_strings) = strip(text);
    let mut starts = vec![0];
    starts.extend(code.match_indices('\n').map(|(at, _)| at + 1));
    let mut inline: Vec<(String, usize)> = Vec::new();
    let (mut depth, mut found) = (0_usize, Vec::new());
    for (at, (line, shown)) in code.lines().zip(with_strings.lines()).enumerate() {
        let opened = INLINE.captures(line).map(|found| found[1].to_owned());
        let modules: Vec<&str> =
            place.modules.iter().map(String::as_str).chain(inline.iter().map(|(name, _)| name.as_str())).collect();
        let in_test = place.is_test || inline.iter().any(|(name, _)| name == "tests");
        let uses = paths(&code, starts[at], line.len(), &modules);
        found.push(Line { number: at + 1, code: line.to_owned(), with_strings: shown.to_owned(), uses, in_test });
        if let Some(name) = opened {
            inline.push((name, depth));
        }
        depth = (depth + line.matches('{').count()).saturating_sub(line.matches('}').count());
        while inline.last().is_some_and(|(_, outside)| depth <= *outside) {
            inline.pop();
        }
    }
    found
}

/// The top modules named by `crate::`, `super::` and `pagekeeper::` paths that begin in `code[start..start + len]`.
fn paths(code: &str, start: usize, len: usize, modules: &[&str]) -> Vec<String> {
    static ROOT: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"\b(crate|pagekeeper|(?:super\s*::\s*)*super)\s*::\s*").expect("a constant"));
    let mut found = Vec::new();
    for root in ROOT.captures_iter(&code[start..start + len]) {
        let ups = root[1].matches("super").count();
        let inside = modules.len().saturating_sub(ups);
        if ups > 0 && inside > 0 {
            found.push(modules[0].to_owned());
            continue;
        }
        let rest = &code[start + root.get(0).expect("the whole match").end()..];
        found.extend(heads(rest));
    }
    found
}

/// The first names of a path's tail: one, or those of a group in braces.
fn heads(rest: &str) -> Vec<String> {
    let word = |text: &str| WORD.find(text).filter(|found| found.start() == 0).map(|found| found.as_str().to_owned());
    let Some(group) = rest.strip_prefix('{') else { return word(rest).into_iter().collect() };
    let (mut depth, mut item, mut found) = (0, String::new(), Vec::new());
    for c in group.chars() {
        match c {
            '}' if depth == 0 => break,
            ',' if depth == 0 => found.extend(word(std::mem::take(&mut item).trim())),
            _ => {
                depth += i32::from(c == '{') - i32::from(c == '}');
                item.push(c);
            }
        }
    }
    found.extend(word(item.trim()));
    found.retain(|name| name != "self");
    found
}

/// The text without comments: once with strings blanked, once with them. Lines stay where they are.
fn strip(text: &str) -> (String, String) {
    let chars: Vec<char> = text.chars().collect();
    let (mut code, mut shown, mut at) = (String::new(), String::new(), 0);
    let begins = |at: usize, what: &str| what.chars().enumerate().all(|(i, c)| chars.get(at + i) == Some(&c));
    while at < chars.len() {
        let from = at;
        if begins(at, "//") {
            while at < chars.len() && chars[at] != '\n' {
                at += 1;
            }
        } else if begins(at, "/*") {
            at = (at + 2..chars.len()).find(|end| begins(*end, "*/")).map_or(chars.len(), |end| end + 2);
            let lines = "\n".repeat(chars[from..at].iter().filter(|c| **c == '\n').count());
            code.push_str(&lines);
            shown.push_str(&lines);
        } else if let Some(end) = string_end(&chars, at) {
            at = end;
            let blank = |c: &char| if *c == '\n' { '\n' } else { ' ' };
            code.push('"');
            code.extend(chars[from + 1..at.max(from + 2) - 1].iter().map(blank));
            code.push('"');
            shown.extend(&chars[from..at]);
        } else {
            code.push(chars[at]);
            shown.push(chars[at]);
            at += 1;
        }
    }
    (code, shown)
}

/// The end of a string or character that begins at `at`, if one does.
fn string_end(chars: &[char], at: usize) -> Option<usize> {
    let before = at.checked_sub(1).map(|before| chars[before]);
    if chars[at] == 'r' && !before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
        let hashes = chars[at + 1..].iter().take_while(|c| **c == '#').count();
        if chars.get(at + 1 + hashes) == Some(&'"') {
            let closes = |end: &usize| chars[*end] == '"' && (1..=hashes).all(|i| chars.get(end + i) == Some(&'#'));
            return Some((at + 2 + hashes..chars.len()).find(closes).map_or(chars.len(), |end| end + 1 + hashes));
        }
    }
    if chars[at] == '\'' {
        // A character, not a lifetime: 'x' or '\…'.
        let escaped = chars.get(at + 1) == Some(&'\\');
        let plain = chars.get(at + 2) == Some(&'\'');
        return match (escaped, plain) {
            (true, _) => (at + 3..chars.len()).find(|end| chars[*end] == '\'').map(|end| end + 1),
            (false, true) => Some(at + 3),
            _ => None,
        };
    }
    if chars[at] != '"' {
        return None;
    }
    let mut end = at + 1;
    while end < chars.len() && chars[end] != '"' {
        end += if chars[end] == '\\' { 2 } else { 1 };
    }
    Some((end + 1).min(chars.len()))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder of the crate").map(|entry| entry.expect("an entry").path()) {
        let name = entry.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if entry.is_dir() && !name.starts_with('.') && name != "target" && name != "node_modules" {
            found.extend(files(&entry));
        } else if entry.is_file() {
            found.push(entry);
        }
    }
    found.retain(|file| file.extension().is_some_and(|end| end == "rs" || end == "sql"));
    found.sort();
    found
}

/// Whether some complaint about `text` says `words`.
fn says(path: &str, text: &str, words: &str) -> bool {
    complaints(path, text).iter().any(|complaint| complaint.contains(words))
}

#[test]
fn an_upward_path_is_found() {
    assert!(says("src/db/items.rs", "use crate::app::App;", "db uses app, which stands above it"));
    assert!(says("src/model.rs", "fn f() { crate::config::Config::load(p) }", "model uses config"));
    assert!(says("src/app.rs", "use crate::{\n    model::Page,\n    web::{Router, error},\n};", "app uses web"));
    assert!(says("src/db/mod.rs", "use super::app::App;", "db uses app"));
    assert!(says("src/db/items.rs", "use super::super::app::App;", "db uses app"));
    assert!(says("src/db/items.rs", "use super :: super::{model, jobs};", "db uses jobs"));
}

#[test]
fn a_sideways_path_is_found() {
    assert!(says("src/alert.rs", "use super::weekly::Report;", "alert uses its sibling weekly"));
    assert!(says("src/rules/pass.rs", "let x = crate::index::query(y);", "rules uses its sibling index"));
    assert!(says("src/web/mod.rs", "use crate::jobs::Job;", "web uses its sibling jobs"));
    assert!(says("src/alert.rs", "mod tests {\n    use super::super::weekly;\n}", "alert uses its sibling weekly"));
}

#[test]
fn a_path_downward_or_inside_is_no_complaint() {
    for (path, text) in [
        ("src/db/items.rs", "use super::ledger;\nuse crate::db::Writer;\nuse crate::{model, seal::Leaf};"),
        (
            "src/alert.rs",
            "#[cfg(test)]\nmod tests {\n    use super::*;\n    use crate::model::Clock;\n}\nuse crate::db;",
        ),
        ("src/cli/mod.rs", "use crate::{app, jobs, sandbox, web};"),
        ("src/main.rs", "fn main() { pagekeeper::cli::main() }"),
        (
            "src/app.rs",
            "// use crate::web;\n/* use crate::jobs; */ let s = \"crate::web::x\"; let r = r#\"crate::jobs\"#;",
        ),
        ("src/sandbox/meta.rs", "use super::World;\nuse crate::{model::Kind, text};"),
        ("src/harvest.rs", "fn f<'a>(x: &'a str) -> char { '\"' } // crate::web\nuse crate::db;"),
    ] {
        assert_eq!(complaints(path, text), Vec::<String>::new(), "{path}: {text}");
    }
}

#[test]
fn the_sandbox_is_used_by_cli_and_tests_alone_and_uses_text_and_model_alone() {
    assert!(says("src/harvest.rs", "use crate::sandbox::World;", "for cli and tests only"));
    assert!(!says("src/harvest.rs", "mod tests {\n    use crate::sandbox::World;\n}", "sandbox"));
    assert!(says("src/sandbox/mod.rs", "use crate::platform::Error;", "sandbox uses platform"));
}

#[test]
fn a_library_outside_its_door_is_found() {
    assert!(says("src/alert.rs", "use rusqlite::Connection;", "rusqlite is for db only"));
    assert!(says("src/alert.rs", "let q = \"SELECT flag FROM flags\";", "SQL is for db only"));
    assert!(says("src/app.rs", "run(\"\n  DELETE FROM flags\n\")", "SQL is for db only"));
    assert!(says("src/rules/pass.rs", "use tantivy::Index;", "tantivy is for index and text only"));
    assert!(says("src/weekly.rs", "let m: lettre::Message;", "lettre is for mail only"));
    assert!(says("src/web/mod.rs", "reqwest::get(url)", "reqwest is for platform only"));
    assert!(!says("src/platform/http.rs", "use reqwest::Client;", "reqwest"));
    assert!(!says("src/weekly.rs", "// lettre and SELECT x are elsewhere", "only"));
}

#[test]
fn other_forbidden_lines_are_found() {
    assert!(says("src/db/items.rs", "\"INSERT OR REPLACE INTO items\"", "OR REPLACE"));
    assert!(says("src/db/items.rs", "\"replace into items\"", "OR REPLACE"));
    assert!(says("src/db/items.rs", "fn f() { todo!() }", "todo! is no code"));
    assert!(says("src/db/items.rs", "fn f() { unimplemented!() }", "unimplemented! is no code"));
    assert!(says("src/weekly.rs", "let now = self.clock.now();", "take `now`"));
    assert!(!says("src/jobs.rs", "let now = self.clock.now();", "take `now`"));
    let after_text = complaints("src/alert.rs", "let a = \"\n\n\";\nuse crate::weekly;");
    assert_eq!(after_text, ["src/alert.rs:4: alert uses its sibling weekly"]);
    assert!(says("src/db/items.rs", &"\n".repeat(MOST_LINES + 1), "more than 600"));
    assert!(says("src/helpers.rs", "use crate::db;", "helpers is not on the map"));
    assert!(!sql_complaints("schema.sql", "CREATE TRIGGER t; INSERT OR REPLACE INTO x").is_empty());
    assert!(sql_complaints("schema.sql", "-- never OR REPLACE").is_empty());
}
