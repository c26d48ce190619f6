//! `attest`: what people say of pages that no platform shows, asked for once a quarter.

use std::collections::{HashMap, HashSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use clap::{Args, Subcommand};
use jiff::civil::Date;

use super::{Exit, Usage, print, system_user};
use crate::app::App;
use crate::audit::attest::{self, Open, Refused, Saying};
use crate::audit::topics::{self, TOPICS, Topic};
use crate::db::accounts::{self, Account};
use crate::db::attestations::{self, Answer};
use crate::text::{dates, sheet};

/// What a person says of a page because no platform shows it.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Attest {
    #[command(subcommand)]
    from: Option<From>,
    /// The page, as `accounts list` shows it; alone it shows what was said of it.
    account: Option<String>,
    /// leavers, `two_factor`, `password_holder`, `recovery_email`, `blocked_words`, malware, `acceptable_use` or `looked_at`.
    #[arg(long, value_parser = parse_topic, requires_all = ["account", "answer"])]
    topic: Option<&'static Topic>,
    /// yes (all is as it should be), no, or unknown (there are two weeks to find out).
    #[arg(long, requires = "topic")]
    answer: Option<Answer>,
    /// What the topic asks for beside the answer, as the list of blocked words. Never a password.
    #[arg(long, default_value = "", hide_default_value = true)]
    words: String,
    /// Who says so; whoever writes it down by default.
    #[arg(long, value_name = "NAME")]
    said_by: Option<String>,
    /// A file that shows it; a copy is kept, and its digest stands in the ledger.
    #[arg(long, value_name = "FILE")]
    evidence: Option<PathBuf>,
    /// The last day on which it holds, as in 2027-06-30; by the config's `[audit]` otherwise.
    #[arg(long, value_name = "DAY")]
    until: Option<Date>,
    /// For whom it is written down; the system user by default.
    #[arg(long = "as", value_name = "NAME")]
    actor: Option<String>,
    /// List what is overdue, runs out within two weeks or was never said, by owner.
    #[arg(long, conflicts_with_all = ["account", "topic"])]
    due: bool,
    /// With --due: a table to send round; filled in, it goes to `attest import`.
    #[arg(long, requires = "due")]
    csv: bool,
}

#[derive(Debug, Subcommand)]
enum From {
    /// Record the answers of a table that `attest --due --csv` wrote and people filled in: all of them or none.
    Import {
        /// Its columns account, topic, answer, words, `said_by` and until are read; a row without an answer is left out.
        file: PathBuf,
        /// For whom; the system user by default.
        #[arg(long = "as", value_name = "NAME")]
        actor: Option<String>,
    },
}

fn parse_topic(word: &str) -> Result<&'static Topic, String> {
    let known = || TOPICS.iter().map(|topic| topic.id).collect::<Vec<_>>().join(", ");
    topics::topic(word).ok_or_else(|| format!("the topics are {}", known()))
}

impl Attest {
    pub fn run(self, app: &App) -> Result<Exit> {
        if let Some(From::Import { file, actor }) = self.from {
            return import(app, &file, &actor.unwrap_or_else(system_user));
        }
        if self.due {
            return due(app, self.csv);
        }
        let Some(slug) = self.account.as_deref() else {
            return Err(Usage("name a page, or ask --due; pagekeeper attest --help says more".into()).into());
        };
        let account = app.db.read(|conn| accounts::by_slug(conn, slug))?;
        let account = account.ok_or_else(|| Usage(format!("there is no page {slug}; accounts list shows all")))?;
        match (self.topic, self.answer) {
            (Some(topic), Some(answer)) => self.say(app, &account, topic, answer),
            _ => show(app, &account),
        }
    }

    fn say(self, app: &App, account: &Account, topic: &'static Topic, answer: Answer) -> Result<Exit> {
        let actor = self.actor.unwrap_or_else(system_user);
        let file = self.evidence.as_deref().map(evidence).transpose()?;
        let said_by = self.said_by.unwrap_or_else(|| actor.clone());
        let saying = Saying { topic, answer, words: self.words, said_by, until: self.until, file };
        record(app, account, vec![saying], &actor)?;
        app.follow(app.clock.now())?;
        let history = app.db.read(|conn| attestations::of_account(conn, account.id))?;
        for compared in attest::newest_round(&history) {
            let changes = compared.changes();
            let changes = if changes.is_empty() { "as before".to_owned() } else { changes.join("; ") };
            let until = topics::day(compared.now.expires_on);
            print(format!("{}: {changes}; holds until {until} (entry {})", topic.title, compared.now.seq))?;
        }
        Ok(Exit::Done)
    }
}

/// Name and bytes of a file; one that is too large is not read.
fn evidence(file: &Path) -> Result<(String, Vec<u8>)> {
    let unread = || format!("could not read {}", file.display());
    let size = std::fs::metadata(file).with_context(unread)?.len();
    if size > attest::LARGEST_FILE as u64 {
        let most = attest::LARGEST_FILE >> 20;
        return Err(Usage(format!("{} is larger than {most} MiB", file.display())).into());
    }
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok((name, std::fs::read(file).with_context(unread)?))
}

fn record(app: &App, account: &Account, sayings: Vec<Saying>, actor: &str) -> Result<()> {
    let said = attest::say(&app.db, &app.config, account, sayings, actor, app.clock.now());
    said.map(|_| ()).map_err(|error| match error.downcast::<Refused>() {
        Ok(Refused(words)) => Usage(words).into(),
        Err(error) => error,
    })
}

fn show(app: &App, account: &Account) -> Result<Exit> {
    let (zone, today) = (&app.config.time_zone, dates::date(app.clock.now(), &app.config.time_zone));
    let history = app.db.read(|conn| attestations::of_account(conn, account.id))?;
    for topic in TOPICS.iter().filter(|topic| topic.is_asked(account)) {
        let last = history.iter().find(|one| one.topic == topic.id);
        print(format!("{:<16} {}", topic.id, topics::standing(last, today, zone)))?;
        let beside = last.map(|last| {
            let file = last.evidence.as_ref().map(|evidence| format!("file {}", evidence.name));
            let words = Some(last.words.replace('\n', "; ")).filter(|words| !words.is_empty());
            words.into_iter().chain(file).collect::<Vec<_>>()
        });
        beside.into_iter().flatten().try_for_each(|line| print(format!("{:<16} {line}", "")))?;
    }
    Ok(Exit::Done)
}

fn due(app: &App, csv: bool) -> Result<Exit> {
    let (zone, today) = (&app.config.time_zone, dates::date(app.clock.now(), &app.config.time_zone));
    let open = app.db.read(|conn| attest::open(conn, today))?;
    if csv {
        std::io::stdout().lock().write_all(&table(app, &open)?)?;
        return Ok(Exit::Done);
    }
    let width = open.iter().map(|one| one.account.row.slug.len()).max().unwrap_or_default();
    for of_owner in open.chunk_by(|a, b| a.account.row.owner_name == b.account.row.owner_name) {
        let row = &of_owner[0].account.row;
        print(match (row.owner_name.as_str(), row.owner_email.as_str()) {
            ("", _) => "Owner not stated".to_owned(),
            (name, "") => name.to_owned(),
            (name, address) => format!("{name} <{address}>"),
        })?;
        for one in of_owner {
            let standing = topics::standing(one.last.as_ref(), today, zone);
            print(format!("  {:<width$}  {:<16} {standing}", one.account.row.slug, one.topic.id))?;
        }
    }
    if open.is_empty() {
        eprintln!("Nothing is due: everything has been said and holds for two weeks at least.");
    }
    Ok(Exit::Done)
}

/// What is due, with room for the answers.
fn table(app: &App, open: &[Open]) -> Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record([
        "account",
        "page",
        "owner",
        "owner_email",
        "topic",
        "question",
        "asks_for",
        "last_time",
        "last_words",
        "answer",
        "words",
        "said_by",
        "until",
    ])?;
    let today = dates::date(app.clock.now(), &app.config.time_zone);
    for one in open {
        let row = &one.account.row;
        let last_time = topics::standing(one.last.as_ref(), today, &app.config.time_zone);
        let last_words = one.last.as_ref().map_or(String::new(), |last| last.words.replace('\n', "; "));
        let title = one.account.title();
        let cells = [
            row.slug.as_str(),
            &title,
            &row.owner_name,
            &row.owner_email,
            one.topic.id,
            one.topic.question,
            one.topic.words,
            &last_time,
            &last_words,
        ];
        writer.write_record(cells.map(sheet::safe_cell).iter().map(String::as_str).chain(["", "", "", ""]))?;
    }
    Ok(writer.into_inner()?)
}

fn import(app: &App, file: &Path, actor: &str) -> Result<Exit> {
    let bytes = std::fs::read(file).with_context(|| format!("could not read {}", file.display()))?;
    let pages: HashMap<String, Account> =
        app.db.read(accounts::all)?.into_iter().map(|account| (account.row.slug.clone(), account)).collect();
    let said = read(app, &bytes, &pages).map_err(|error| Usage(format!("{}: {error:#}", file.display())))?;
    let (done, same) = attest::say_all(&app.db, &app.config, said, actor, app.clock.now())?;
    app.follow(app.clock.now())?;
    eprintln!("{done} answers recorded, {same} stood there since today already.");
    Ok(Exit::Done)
}

/// The answers of a table, in the order of its pages. Whatever is wrong with one refuses the file, so that no half of it stands.
fn read<'p>(app: &App, bytes: &[u8], pages: &'p HashMap<String, Account>) -> Result<Vec<(&'p Account, Saying)>> {
    let table = sheet::read(bytes)?;
    let place = |name: &str| table.header.iter().position(|column| column == name);
    for name in ["account", "topic", "answer", "said_by"] {
        ensure!(place(name).is_some(), "line 1: there is no column {name}");
    }
    let today = dates::date(app.clock.now(), &app.config.time_zone);
    let (mut found, mut seen) = (Vec::new(), HashSet::new());
    for row in &table.rows {
        let cell = |name: &str| place(name).and_then(|at| row.cells.get(at)).map_or("", String::as_str);
        let at = |column: &str| format!("line {}, column {column}", row.line);
        if cell("answer").is_empty() {
            continue;
        }
        let account = pages.get(cell("account"));
        let account = account.with_context(|| format!("{}: there is no page {:?}", at("account"), cell("account")))?;
        let topic = parse_topic(cell("topic")).map_err(|error| anyhow::anyhow!("{}: {error}", at("topic")))?;
        let answer = cell("answer").parse().map_err(|error| anyhow::anyhow!("{}: {error}", at("answer")))?;
        let until = Some(cell("until")).filter(|day| !day.is_empty()).map(str::parse).transpose();
        let until = until.map_err(|_| anyhow::anyhow!("{}: write a day as in 2027-06-30", at("until")))?;
        let (words, said_by) = (cell("words").to_owned(), cell("said_by").to_owned());
        let saying = Saying { topic, answer, words, said_by, until, file: None };
        attest::check(account, &saying, today).with_context(|| format!("line {}", row.line))?;
        ensure!(seen.insert((account.id, topic.id)), "line {}: {} stands there twice", row.line, topic.id);
        found.push((account, saying));
    }
    found.sort_by_key(|(account, _)| account.id);
    Ok(found)
}
