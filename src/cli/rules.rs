//! `rules`: check packs, measure them, and see what they would change.

use std::collections::BTreeMap;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Subcommand;

use super::{Exit, Usage, cards, offers, print, print_json};
use crate::app::{self, App};
use crate::config::Config;
use crate::model::{Clock, Kind, Role};
use crate::rules::explain::{self, Why};
use crate::rules::{self, Engine, Gate, PackError, Packs, Rule, Subject, eval};
use crate::text::detect::Allow;

/// Rule packs.
#[derive(Debug, Subcommand)]
pub enum Rules {
    /// Load packs and run their examples. Exit 1 with file, line, rule and example when something is wrong.
    Check {
        /// The folder with the packs; the config's by default.
        dir: Option<PathBuf>,
    },
    /// Read lines of id, text and author role and print the flags of each: measures matching, needs no database.
    Eval {
        file: PathBuf,
        /// TOML with the district's official numbers, addresses and domains.
        #[arg(long)]
        allow: Option<PathBuf>,
        /// The folder with the packs; the config's, or `config/rules` here, by default.
        #[arg(long)]
        dir: Option<PathBuf>,
    },
    /// Say how a text is read, which rules fire on it and by which words, and what keeps others from firing.
    Explain {
        /// The text, in quotation marks.
        text: String,
        /// Who wrote it: district or public.
        #[arg(long, default_value = "public")]
        role: Role,
        /// The folder with the packs; the config's, or `config/rules` here, by default.
        #[arg(long)]
        dir: Option<PathBuf>,
    },
    /// How each rule has fared: flags, and how many of those decided were upheld.
    Cards {
        #[arg(long)]
        json: bool,
    },
    /// Phrases that were called harmless for a rule, and until when.
    Suppressions {
        #[arg(long)]
        json: bool,
    },
    /// Call a phrase harmless for a rule: its flags whose words all lie in it leave the queue until then.
    Suppress {
        rule: String,
        phrase: String,
        #[arg(long)]
        reason: String,
        /// Until which day, as in 2027-06-30; a year from now by default.
        #[arg(long, value_name = "DAY")]
        until: Option<String>,
        /// For whom; the system user by default.
        #[arg(long = "as", value_name = "NAME")]
        actor: Option<String>,
    },
    /// End a suppression before its time.
    Unsuppress {
        /// Its number, as `rules suppressions` shows it.
        suppression: u64,
        #[arg(long)]
        reason: String,
        /// For whom; the system user by default.
        #[arg(long = "as", value_name = "NAME")]
        actor: Option<String>,
    },
    /// Each clause of the policy with the rules that serve it, and those that nothing can serve.
    Coverage {
        /// The folder with the packs; the config's, or `config/rules` here, by default.
        dir: Option<PathBuf>,
    },
    /// Items that no rule flagged, drawn by the weekly report for a person's look.
    Sample {
        #[arg(long)]
        json: bool,
    },
    /// Record what you saw in one of them: fine, or the category that a rule should have named.
    Looked {
        sample: i64,
        saw: String,
        #[arg(long, default_value = "", hide_default_value = true)]
        note: String,
        /// For whom; the system user by default.
        #[arg(long = "as", value_name = "NAME")]
        actor: Option<String>,
    },
    /// Show packs that changed on the disk and wait: what they would do to the flags, by rule, with some items. Changes nothing.
    Offered {
        #[arg(long)]
        json: bool,
    },
    /// Put the offered packs in force, as `rules offered` or the page Rules showed them. The record names who did.
    Accept {
        /// For whom; the system user by default.
        #[arg(long = "as", value_name = "NAME")]
        actor: Option<String>,
    },
    /// Show what the packs in DIR would change over the archive: new, gone and changed flags. Changes nothing.
    Replay {
        /// The folder with the packs; the config's by default.
        dir: Option<PathBuf>,
        #[arg(long)]
        json: bool,
    },
}

impl Rules {
    pub fn run(self, config: &Path) -> Result<Exit> {
        let open = || App::open(Config::load(config)?, Clock::System);
        let named = |actor: Option<String>| actor.unwrap_or_else(super::system_user);
        match self {
            Rules::Cards { json } => cards::cards(&open()?, json),
            Rules::Suppressions { json } => cards::list(&open()?, json),
            Rules::Suppress { rule, phrase, reason, until, actor } => {
                cards::suppress(&open()?, &rule, &phrase, &reason, until.as_deref(), &named(actor))
            }
            Rules::Unsuppress { suppression, reason, actor } => {
                cards::end(&open()?, suppression, &reason, &named(actor))
            }
            Rules::Coverage { dir } => cards::coverage(config, &packs(config, dir)?),
            Rules::Sample { json } => cards::sample(&open()?, json),
            Rules::Looked { sample, saw, note, actor } => cards::looked(&open()?, sample, &saw, &note, &named(actor)),
            Rules::Offered { json } => offers::offered(&open()?, json),
            Rules::Accept { actor } => offers::accept(&open()?, &named(actor)),
            Rules::Replay { dir, json } => replay(config, dir, json),
            Rules::Check { dir } => check(config, dir),
            Rules::Explain { text, role, dir } => explain(config, &text, role, dir),
            Rules::Eval { file, allow, dir } => evaluate(config, &file, allow.as_deref(), dir),
        }
    }
}

fn check(config: &Path, dir: Option<PathBuf>) -> Result<Exit> {
    let files = packs(config, dir)?;
    match rules::load(&files) {
        Ok(packs) => {
            let mut by_category: BTreeMap<&str, usize> = BTreeMap::new();
            packs.rules.iter().for_each(|rule| *by_category.entry(rule.category.as_str()).or_default() += 1);
            for (category, count) in by_category {
                print(format!("{count:>4}  {category}"))?;
            }
            print(format!("{} rules in {} files; every example holds.", packs.rules.len(), files.len()))?;
            Ok(Exit::Done)
        }
        Err(errors) => {
            errors.iter().try_for_each(print)?;
            Ok(Exit::Failed)
        }
    }
}

fn evaluate(config: &Path, file: &Path, allow: Option<&Path>, dir: Option<PathBuf>) -> Result<Exit> {
    let packs = loadable(config, dir)?;
    let allow = match allow {
        None => Allow::default(),
        Some(file) => {
            let text = std::fs::read_to_string(file).with_context(|| format!("could not read {}", file.display()))?;
            let read = crate::config::Allow::parse(&text)?;
            Allow {
                official_numbers: read.official_numbers,
                official_addresses: read.official_addresses,
                domains: read.domains,
            }
        }
    };
    let engine = Engine::new(&packs, &allow);
    let lines = std::fs::File::open(file).with_context(|| format!("could not read {}", file.display()))?;
    eval::eval(std::io::BufReader::new(lines), &engine, BufWriter::new(std::io::stdout().lock()))?;
    Ok(Exit::Done)
}

fn explain(config: &Path, text: &str, role: Role, dir: Option<PathBuf>) -> Result<Exit> {
    let packs = loadable(config, dir)?;
    let subject = Subject {
        text,
        parts: &[],
        links: &[],
        role,
        platform: "facebook",
        kind: Kind::Comment,
        has_media: false,
        every_role: false,
    };
    let told = explain::explain(&Engine::new(&packs, &Allow::default()), &subject, &Gate::all());
    for (name, view) in &told.views {
        print(format!("{name:<15} {view}"))?;
    }
    for (hit, slots) in &told.fired {
        let words = hit.category.words();
        let clause = hit.clause.as_deref().unwrap_or("no clause");
        print(format!("\nfires: {} · {} · possible {words} · {clause}", hit.rule.id, hit.severity))?;
        print(format!("    {}", hit.rule.title))?;
        print_slots(slots)?;
        for modifier in &hit.modifiers {
            print(format!("    modifier {modifier} acted: without it {}", hit.rule.severity))?;
        }
    }
    if told.fired.is_empty() {
        print("\nno rule fires")?;
    }
    for nearly in &told.nearly {
        print(format!("\ndoes not fire: {} · {}", nearly.rule.id, why(&nearly.why, &nearly.rule)))?;
        print_slots(&nearly.slots)?;
    }
    Ok(Exit::Done)
}

fn why(why: &Why, rule: &Rule) -> String {
    match why {
        Why::Dropped(modifier) => format!("the modifier {modifier} drops it"),
        Why::Benign => "its words stand in a benign phrase".into(),
        Why::Apart => format!("its words are not in order or not within {} words", rule.within),
        Why::DoesNotRun => "it does not run on what this author writes".into(),
        Why::Lacks(1) => "1 slot has no words".into(),
        Why::Lacks(slots) => format!("{slots} slots have no words"),
    }
}

fn print_slots(slots: &[explain::Met]) -> Result<()> {
    let short = |slot: &str| match slot.char_indices().nth(30) {
        Some((at, _)) => format!("{}…", &slot[..at]),
        None => slot.to_owned(),
    };
    slots.iter().try_for_each(|met| {
        let words = met.words.as_ref().map_or("—".to_owned(), |words| format!("{words:?}"));
        print(format!("    {:<32} {words}", short(&met.slot)))
    })
}

/// Packs that load; every reason why they do not is a fault of usage.
fn loadable(config: &Path, dir: Option<PathBuf>) -> Result<Packs> {
    let said = |errors: Vec<PackError>| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    Ok(rules::load(&packs(config, dir)?).map_err(|errors| Usage(said(errors)))?)
}

fn replay(config: &Path, dir: Option<PathBuf>, json: bool) -> Result<Exit> {
    let packs = loadable(config, dir)?;
    let app = App::open(Config::load(config)?, Clock::System)?;
    let mut tell = |difference: &rules::replay::Difference| {
        if json {
            return print_json(difference);
        }
        let was = difference.was.map(|was| format!(" (is {was})")).unwrap_or_default();
        print(format!(
            "{:<8} {:<8}{was} possible {} · {} · {}",
            difference.change,
            difference.severity,
            difference.category.words(),
            difference.rule,
            difference.item
        ))
    };
    let found = app.replay(&packs, &mut tell)?;
    eprintln!(
        "{} texts read: {} flags stay, {} new, {} gone, {} of another severity. Nothing was changed.",
        found.texts, found.same, found.new, found.gone, found.changed
    );
    Ok(Exit::Done)
}

/// How many rules the config's packs hold, or every reason why they do not load, for `check-config`.
pub fn loaded(config: &Config) -> Result<usize, Vec<String>> {
    let files = app::packs::read(config).map_err(|error| vec![format!("{error:#}")])?;
    let packs = rules::load(&files).map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    Ok(packs.rules.len())
}

/// The packs of a folder, else of the config, else of this source tree.
fn packs(config: &Path, dir: Option<PathBuf>) -> Result<Vec<(String, String)>> {
    let here = Path::new("config/rules");
    match dir {
        Some(dir) => with_elections(&dir),
        None if config.exists() => app::packs::read(&Config::load(config)?),
        None if here.is_dir() => with_elections(here),
        None => Err(Usage("name the folder with the packs: there is no config and no config/rules here".into()).into()),
    }
}

/// A folder's packs, and the list of elections that lies beside the folder.
fn with_elections(dir: &Path) -> Result<Vec<(String, String)>> {
    let mut files = app::packs::read_toml(dir)?;
    let beside = dir.parent().map(|parent| parent.join("elections.toml")).filter(|file| file.is_file());
    if let Some(file) = beside {
        files.push(("elections.toml".into(), std::fs::read_to_string(file)?));
    }
    Ok(files)
}
