//! Packs: TOML files of rules, owned by people who are not programmers. Reading is pure; every error names the file, the line,
//! the rule and what was expected. Examples are run when a pack is loaded.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use sha2::{Digest, Sha256};
use toml::Spanned;

use super::cues::structure_pattern;
use super::elections::{Elections, is_list};
use super::examples::{self, Example};
use super::lines::Lines;
use super::slots::Compiled;
use crate::model::{Category, Kind, Role, Severity};

/// Everything that was loaded, with one digest over all of it.
#[derive(Debug, Clone)]
pub struct Packs {
    pub rules: Vec<Arc<Rule>>,
    /// SHA-256 in hex over names and texts of the files, in order of their names.
    pub digest: String,
    /// Made once, when the packs had been read.
    pub(super) compiled: Arc<Compiled>,
}

/// What files declare, before it is compiled.
#[derive(Debug, Clone, Default)]
pub(super) struct Declared {
    pub rules: Vec<Arc<Rule>>,
    /// Words by concept, each already folded; shared between all rules.
    pub lexicons: BTreeMap<String, Vec<String>>,
    /// Regular expressions over the folded view.
    pub structures: BTreeMap<String, regex::bytes::Regex>,
    pub modifiers: BTreeMap<String, Modifier>,
}

/// One rule, as its pack states it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Never changes; flags and reviews hang on it.
    pub id: String,
    pub title: String,
    /// The file it stands in and the line on which it begins.
    pub pack: String,
    pub line: usize,
    pub category: Category,
    pub severity: Severity,
    pub clause: Clause,
    /// Platforms by name; empty means all.
    pub platforms: Vec<String>,
    /// Kinds of item; empty means all.
    pub kinds: Vec<Kind>,
    pub status: Status,
    /// Alternatives; each is a list of slots. A slot is `@lexicon`, `$structure` or words, several parted by `|`.
    pub find: Vec<Vec<String>>,
    /// From the first slot's first word to the last slot's last, in places (a sentence's end counts three).
    pub within: u32,
    pub order: Order,
    /// Slots whose matches cancel what they cover.
    pub benign: Vec<String>,
    /// Modifiers by name and what each does to this rule.
    pub modifiers: BTreeMap<String, Effect>,
    pub matches: Vec<String>,
    pub no_matches: Vec<String>,
}

/// The clause a rule rests on, by who wrote the item. It does not run on a role for which it names none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clause {
    pub district: Option<String>,
    pub public: Option<String>,
}

impl Clause {
    /// The clause for a role; unknown authors count as public.
    pub fn of(&self, role: Role) -> Option<&str> {
        match role {
            Role::District => self.district.as_deref(),
            Role::Public | Role::Unknown => self.public.as_deref(),
        }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    #[default]
    On,
    /// Counted, not queued.
    Shadow,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// Slots follow one another as written.
    #[default]
    Written,
    Any,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// One severity lower.
    Lower,
    /// No flag; a concern in the first person or about a named person becomes two severities lower instead.
    Drop,
}

/// Words around a match that change what it means.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Modifier {
    pub terms: Vec<String>,
    pub scope: Scope,
    /// How many places away it still acts.
    #[serde(default = "default_reach")]
    pub reach: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Scope {
    Before,
    After,
    Near,
    Text,
}

const fn default_reach() -> u32 {
    4
}

/// Why a pack is refused.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PackError {
    pub file: String,
    /// From 1; 0 when no line can be named.
    pub line: usize,
    pub rule: Option<String>,
    pub example: Option<String>,
    /// What was expected, and what was found instead.
    pub expected: String,
}

impl fmt::Display for PackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.file, self.line)?;
        if let Some(rule) = &self.rule {
            write!(f, "rule {rule}: ")?;
        }
        f.write_str(&self.expected)?;
        match &self.example {
            Some(example) => write!(f, ": {example:?}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for PackError {}

/// Reads packs and runs their examples. Files are (name, text), in any order; what one declares all others may use.
/// A file named `elections.toml` is a list of elections and fills the lexicons `candidates` and `measures`.
///
/// # Errors
/// Every fault of every file.
pub fn load(files: &[(String, String)]) -> Result<Packs, Vec<PackError>> {
    let mut reading = read(files);
    let mut errors = std::mem::take(&mut reading.unproven);
    let examples = std::mem::take(&mut reading.examples);
    let packs = match compile(reading, files) {
        Ok(packs) if errors.is_empty() => packs,
        Ok(_) => return Err(errors),
        Err(more) => return Err([more, errors].concat()),
    };
    errors.extend(examples::faults(&packs, &examples));
    if errors.is_empty() { Ok(packs) } else { Err(errors) }
}

/// Packs that were loaded before and have been in force since: what a later version of the program asks of examples cannot take
/// them out of force.
///
/// # Errors
/// What cannot be compiled.
pub fn load_known(files: &[(String, String)]) -> Result<Packs, Vec<PackError>> {
    compile(read(files), files)
}

fn compile(reading: Reading, files: &[(String, String)]) -> Result<Packs, Vec<PackError>> {
    let Reading { mut declared, mut errors, .. } = reading;
    errors.extend(super::slots::resolve(&mut declared));
    if errors.is_empty() {
        errors.extend(super::slots::check(&declared));
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let compiled = Arc::new(super::slots::compile(&declared));
    Ok(Packs { rules: declared.rules, digest: digest(files), compiled })
}

fn read(files: &[(String, String)]) -> Reading {
    let mut files: Vec<&(String, String)> = files.iter().collect();
    files.sort();
    let mut reading = Reading::default();
    for lexicon in ["candidates", "measures"] {
        reading.declared.lexicons.insert(lexicon.to_owned(), Vec::new());
    }
    let parsed = parse_all(&files);
    for ((name, text), parsed) in files.into_iter().zip(parsed) {
        match parsed {
            Ok(Parsed::Pack(file)) => reading.pack(name, &Lines::of(text), file),
            Ok(Parsed::Elections(list)) => reading.elections(list),
            Err(fault) => reading.errors.push(fault),
        }
    }
    reading
}

/// Files are long and nothing in one depends on another: each core reads its share. A thread for each would keep more memory.
fn parse_all(files: &[&(String, String)]) -> Vec<Result<Parsed, PackError>> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let of = |share: &[&(String, String)]| share.iter().map(|(name, text)| parse(name, text)).collect::<Vec<_>>();
    std::thread::scope(|scope| {
        let shares = files.chunks(files.len().div_ceil(cores).max(1));
        let threads: Vec<_> = shares.map(|share| scope.spawn(move || of(share))).collect();
        threads.into_iter().flat_map(|it| it.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    })
}

enum Parsed {
    Pack(File),
    Elections(Elections),
}

fn parse(name: &str, text: &str) -> Result<Parsed, PackError> {
    let parsed = if is_list(name) {
        toml::from_str(text).map(Parsed::Elections)
    } else {
        toml::from_str(text).map(Parsed::Pack)
    };
    parsed.map_err(|error| toml_error(name, text, &error))
}

/// The rules as their packs state them, for showing: nothing is compiled and no example is run. A rule that cannot be read is
/// left out.
pub fn stated(files: &[(String, String)]) -> Vec<Arc<Rule>> {
    read(files).declared.rules
}

fn digest(files: &[(String, String)]) -> String {
    let mut files: Vec<&(String, String)> = files.iter().collect();
    files.sort();
    let mut hash = Sha256::new();
    for part in files.iter().flat_map(|(name, text)| [name, text]) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hex::encode(hash.finalize())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default, rename = "pack")]
    _pack: Option<About>,
    #[serde(default)]
    lexicon: BTreeMap<String, Spanned<Vec<String>>>,
    #[serde(default)]
    structure: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    modifier: BTreeMap<String, Spanned<Modifier>>,
    #[serde(default)]
    rule: Vec<RawRule>,
}

/// What a pack is about and whose it is: for its readers.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct About {
    #[serde(rename = "title")]
    _title: String,
    #[serde(default, rename = "owner")]
    _owner: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    id: Spanned<String>,
    title: String,
    category: Category,
    severity: Severity,
    clause: Clause,
    #[serde(default)]
    platforms: Vec<String>,
    #[serde(default)]
    kinds: Vec<Kind>,
    #[serde(default)]
    status: Status,
    find: Vec<Vec<String>>,
    #[serde(default = "default_within")]
    within: u32,
    #[serde(default)]
    order: Order,
    #[serde(default)]
    benign: Vec<String>,
    #[serde(default)]
    modifiers: BTreeMap<String, Effect>,
    #[serde(rename = "match")]
    matches: Vec<Spanned<String>>,
    no_match: Vec<Spanned<String>>,
}

const fn default_within() -> u32 {
    10
}

/// Packs while their files are read one after another.
#[derive(Default)]
struct Reading {
    declared: Declared,
    errors: Vec<PackError>,
    /// Faults of examples: the rules could be compiled all the same.
    unproven: Vec<PackError>,
    examples: Vec<Example>,
}

impl Reading {
    fn fault(&mut self, file: &str, line: usize, rule: Option<&str>, expected: String) {
        let rule = rule.map(ToOwned::to_owned);
        self.errors.push(PackError { file: file.to_owned(), line, rule, example: None, expected });
    }

    fn pack(&mut self, name: &str, lines: &Lines, file: File) {
        for (lexicon, terms) in file.lexicon {
            let line = lines.line(terms.span().start);
            if self.declared.lexicons.insert(lexicon.clone(), terms.into_inner()).is_some() {
                self.fault(name, line, None, format!("lexicon {lexicon:?} must be declared once"));
            }
        }
        for (structure, pattern) in file.structure {
            let line = lines.line(pattern.span().start);
            let regex = structure_pattern(pattern.get_ref())
                .map_err(|cause| format!("structure {structure:?} must be a regular expression: {cause}"));
            match regex.map(|regex| self.declared.structures.insert(structure.clone(), regex)) {
                Ok(None) => {}
                Ok(Some(_)) => self.fault(name, line, None, format!("structure {structure:?} must be declared once")),
                Err(fault) => self.fault(name, line, None, fault),
            }
        }
        for (modifier, declared) in file.modifier {
            let line = lines.line(declared.span().start);
            if self.declared.modifiers.insert(modifier.clone(), declared.into_inner()).is_some() {
                self.fault(name, line, None, format!("modifier {modifier:?} must be declared once"));
            }
        }
        file.rule.into_iter().for_each(|rule| self.rule(name, lines, rule));
    }

    fn rule(&mut self, name: &str, lines: &Lines, rule: RawRule) {
        let line = lines.line(rule.id.span().start);
        let id = rule.id.get_ref().clone();
        if self.declared.rules.iter().any(|known| known.id == id) {
            self.fault(name, line, Some(&id), "a rule's id must be its own".to_owned());
        }
        for fault in faults(&rule) {
            self.fault(name, line, Some(&id), fault);
        }
        let unproven =
            |expected| PackError { file: name.to_owned(), line, rule: Some(id.clone()), example: None, expected };
        self.unproven.extend(example_faults(&rule).into_iter().map(unproven));
        let number = self.declared.rules.len();
        for (matches, list) in [(true, &rule.matches), (false, &rule.no_match)] {
            self.examples.extend(list.iter().map(|example| Example {
                rule: number,
                line: lines.line(example.span().start),
                matches,
                text: example.get_ref().clone(),
            }));
        }
        self.declared.rules.push(Arc::new(finished(rule, name, line)));
    }

    fn elections(&mut self, elections: Elections) {
        for election in elections.election {
            for (lexicon, list) in [("measures", election.measures), ("candidates", election.candidates)] {
                let names = list.into_iter().flat_map(|named| std::iter::once(named.name).chain(named.also));
                self.declared.lexicons.entry(lexicon.to_owned()).or_default().extend(names);
            }
        }
    }
}

/// What a rule must have beside its types.
fn faults(rule: &RawRule) -> Vec<String> {
    let mut faults = Vec::new();
    let mut must = |holds: bool, what: &str| {
        if !holds {
            faults.push(what.to_owned());
        }
    };
    let id = rule.id.get_ref();
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b);
    must(
        !id.is_empty() && id.bytes().all(plain),
        "an id has lower-case letters, digits, dots, hyphens and underscores",
    );
    must(
        rule.clause.district.is_some() || rule.clause.public.is_some(),
        "a clause must be named for the district, the public or both",
    );
    must(
        rule.category != Category::PoliticalAdvocacy || rule.clause.public.is_none(),
        "political advocacy binds the district's own items only: name no public clause",
    );
    must(
        !rule.find.is_empty() && rule.find.iter().all(|slots| !slots.is_empty()),
        "find needs a list with at least one slot",
    );
    must((1..=40).contains(&rule.within), "within is a number of words from 1 to 40");
    faults
}

/// What is wanting of a rule's examples, before they are run.
fn example_faults(rule: &RawRule) -> Vec<String> {
    let spanish = rule.matches.iter().any(|example| examples::looks_spanish(example.get_ref()));
    let wanting = [
        (rule.matches.len() < 3, "match needs at least three examples"),
        (!spanish, "match needs an example in Spanish"),
        (rule.no_match.len() < 3, "no_match needs at least three examples"),
    ];
    wanting.into_iter().filter(|(is_so, _)| *is_so).map(|(_, what)| what.to_owned()).collect()
}

fn finished(rule: RawRule, pack: &str, line: usize) -> Rule {
    let texts = |list: Vec<Spanned<String>>| list.into_iter().map(Spanned::into_inner).collect();
    Rule {
        id: rule.id.into_inner(),
        title: rule.title,
        pack: pack.to_owned(),
        line,
        category: rule.category,
        severity: rule.severity,
        clause: rule.clause,
        platforms: rule.platforms,
        kinds: rule.kinds,
        status: rule.status,
        find: rule.find,
        within: rule.within,
        order: rule.order,
        benign: rule.benign,
        modifiers: rule.modifiers,
        matches: texts(rule.matches),
        no_matches: texts(rule.no_match),
    }
}

fn toml_error(name: &str, text: &str, error: &toml::de::Error) -> PackError {
    PackError {
        file: name.to_owned(),
        line: error.span().map_or(0, |span| Lines::of(text).line(span.start)),
        expected: error.message().replace('\n', "; "),
        ..PackError::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults_of(text: &str) -> Vec<PackError> {
        load(&[("a.toml".to_owned(), text.to_owned())]).expect_err("the pack has a fault")
    }

    fn rule(find: &str, matches: &str) -> String {
        format!(
            "[[rule]]\nid = \"a.b\"\ntitle = \"t\"\ncategory = \"obscenity\"\nseverity = \"low\"\nclause = {{ public = \"III.4\" }}\n\
             find = {find}\nmatch = [\"x\", \"x y\",\n{matches}]\nno_match = [\"y\", \"z\", \"w\"]\n"
        )
    }

    #[test]
    fn a_failing_example_is_named_by_file_line_and_rule() {
        let faults = faults_of(&rule("[[\"x\"]]", "\"nothing\""));
        assert_eq!(faults.len(), 1);
        assert_eq!(faults[0].to_string(), "a.toml:9: rule a.b: expected a match, found none: \"nothing\"");
    }

    #[test]
    fn examples_must_hold_spanish_and_a_hard_negative() {
        let faults = faults_of(&rule("[[\"x\"]]", "\"x\"").replace("x y", "x x"));
        assert_eq!(faults[0].expected, "match needs an example in Spanish");
        let faults = faults_of(&rule("[[\"x\"], [\"x\", \"v\"]]", "\"x\""));
        assert!(faults[0].to_string().contains("a.toml:2: rule a.b: no_match needs a hard negative"), "{faults:?}");
        let sound = rule("[[\"x\", \"q\"]]", "\"x q\"").replace("\"x\", \"x y\"", "\"el x q\", \"x y q\"");
        load(&[("a.toml".to_owned(), sound.replace("\"w\"", "\"x alone\""))]).unwrap();
    }

    #[test]
    fn unknown_keys_and_names_are_refused() {
        assert!(faults_of("[[rule]]\nid = \"a\"\ncolour = 1\n")[0].expected.contains("unknown field `colour`"));
        assert_eq!(faults_of("nonsense = [")[0].line, 1);
        assert!(faults_of(&rule("[[\"@nobody\"]]", "\"x\""))[0].expected.contains("@nobody"));
        assert!(faults_of(&rule("[[\"$nothing\"]]", "\"x\""))[0].expected.contains("$nothing"));
        assert!(faults_of("[lexicon]\na = [\"@a\"]\n")[0].expected.contains("must not contain itself"));
        assert!(faults_of("[structure]\na = \"(\"\n")[0].expected.contains("regular expression"));
    }

    #[test]
    fn a_sound_pack_loads_with_a_digest_of_its_text() {
        let text = rule("[[\"x\"]]", "\"x!\"");
        let packs = load(&[("a.toml".to_owned(), text.clone())]).unwrap();
        assert_eq!((packs.rules.len(), packs.digest.len(), packs.rules[0].line), (1, 64, 2));
        assert_ne!(packs.digest, load(&[("b.toml".to_owned(), text)]).unwrap().digest);
    }

    #[test]
    fn a_list_of_elections_fills_its_lexicons() {
        let list = "[[election]]\ndate = 2026-11-03\ntitle = \"General\"\nmeasures = [{ name = \"Measure Q\", also = [\"the bond\"] }]\n";
        let files = [("elections.toml".to_owned(), list.to_owned())];
        assert_eq!(read(&files).declared.lexicons["measures"], ["Measure Q", "the bond"]);
    }

    #[test]
    fn the_worked_example_for_writers_of_packs_loads() {
        let page = include_str!("../../config/rules/README.md");
        let pack = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
        let packs = load(&[("bus.toml".to_owned(), pack.to_owned())]).unwrap_or_else(|errors| panic!("{errors:#?}"));
        assert_eq!(packs.rules[0].id, "bus.texting");
    }

    #[test]
    fn the_shipped_packs_load_and_name_clauses_of_the_policy() {
        let config = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
        let text = |path: &std::path::Path| std::fs::read_to_string(path).unwrap();
        let packs = std::fs::read_dir(config.join("rules")).unwrap().map(|entry| entry.unwrap().path());
        let packs = packs.filter(|path| path.extension().is_some_and(|extension| extension == "toml"));
        let mut files: Vec<(String, String)> =
            packs.map(|path| (path.file_name().unwrap().to_string_lossy().into(), text(&path))).collect();
        files.push(("elections.toml".to_owned(), text(&config.join("elections.toml"))));
        let packs = load(&files).unwrap_or_else(|errors| panic!("{errors:#?}"));
        let policy: toml::Table = toml::from_str(&text(&config.join("policy.toml"))).unwrap();
        let clauses: Vec<&str> =
            policy["clause"].as_array().unwrap().iter().filter_map(|clause| clause["id"].as_str()).collect();
        for rule in &packs.rules {
            for clause in [&rule.clause.district, &rule.clause.public].into_iter().flatten() {
                assert!(clauses.contains(&clause.as_str()), "{} names {clause}", rule.id);
            }
        }
    }
}
