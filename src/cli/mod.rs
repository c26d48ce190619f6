//! The command line: one subcommand, one function: parse, call a verb, print.

mod accounts;
mod attest;
mod audit;
mod cards;
mod connect;
pub mod demo;
mod harvest;
mod items;
mod mails;
mod moderation;
mod offers;
mod proof;
mod retire;
mod roster;
mod rules;
mod search;
mod serve;
mod setup;
mod tickets;
mod transfer;
mod users;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::app::App;
use crate::config::{Config, Problems};
use crate::db;
use crate::model::{Clock, Mode, Outcome};

/// Keeps the public record of a school district's official social media pages.
///
/// Each command works beside a running daemon. Results go to standard output, everything else to standard error.
/// Exit codes: 0 done, 1 failed, 2 usage or config, 3 partly done.
#[derive(Debug, Parser)]
#[command(name = "pagekeeper", version)]
pub struct Args {
    /// The config; every key is explained in the file that comes with the program.
    #[arg(long, global = true, default_value = "/etc/pagekeeper/pagekeeper.toml", value_name = "FILE")]
    config: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the whole job on a fictional district: no config, no accounts, no network.
    Demo(demo::Demo),
    /// Make the data directory, the database and the signing key that the config names.
    Init,
    /// Print what was understood of the config, without secrets, and test each credential.
    CheckConfig,
    /// Connect a platform, or connect it anew.
    ///
    /// Says what to click there, takes the token or key, and shows what it really gives of each account.
    /// Example: pagekeeper connect facebook --token-file token.txt
    Connect(connect::Connect),
    /// Run the daemon: jobs and web pages, until SIGTERM or Ctrl-C.
    Serve(serve::Serve),
    /// Look at accounts now: every active one, or those named.
    Harvest(harvest::Harvest),
    /// The register of official pages.
    #[command(subcommand)]
    Accounts(accounts::Accounts),
    /// Hold every page of the register against the district's own standard.
    ///
    /// A first page that can be read alone, then what fails, since when, and whose turn it is. It works on the first day, from the
    /// register alone; the daemon runs it every night. Example: pagekeeper audit --csv > audit.csv
    Audit {
        /// One JSON object a line: every verdict, failures first.
        #[arg(long, conflicts_with = "csv")]
        json: bool,
        /// The same as a table for a spreadsheet.
        #[arg(long)]
        csv: bool,
    },
    /// Put on record what a person says of a page because no platform shows it.
    ///
    /// Two-step sign-in, blocked words, who holds the password: once a quarter, or when it changed.
    /// Example: pagekeeper attest mesa-vista-high --topic malware --answer yes --said-by "Ana Ruiz" --evidence screen.png
    Attest(attest::Attest),
    Moderation(moderation::Moderation),
    /// Show what owners were asked to mend, and how each thing stands.
    ///
    /// Nothing goes to them until you have read `tickets preview` and switched it on. Example: pagekeeper tickets preview
    Tickets {
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
        #[command(subcommand)]
        what: Option<tickets::Tickets>,
    },
    /// Search everything that is kept, edited and gone included. Example: pagekeeper search 'bus after:2026-11-01'
    Search(search::Search),
    /// Show an item with its versions, thread and flags. Example: `pagekeeper show facebook:123_456`
    Show {
        /// Platform and native id, as `search` shows them.
        item: String,
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// List open flags, the gravest first.
    Flags {
        /// With reviewed ones and those of rules in shadow.
        #[arg(long)]
        all: bool,
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Record a person's outcome on a flag. Example: pagekeeper review 1a2b3c4d5e6f7a8b not-a-concern --reason "game talk"
    Review {
        /// The flag: 16 hex digits, as `flags` shows them.
        flag: String,
        /// confirmed, not-a-concern, wrong-category, benign-phrase, or withdrawn (takes your last outcome back).
        #[arg(value_parser = |word: &str| word.parse::<Outcome>())]
        outcome: Outcome,
        /// Why, in a few words; it stands on record.
        #[arg(long)]
        reason: String,
        /// Anything more that a colleague should know.
        #[arg(long, default_value = "", hide_default_value = true)]
        note: String,
        /// With benign-phrase: the words that are harmless for this rule; those that matched by default.
        #[arg(long)]
        phrase: Option<String>,
        /// With benign-phrase: until which day, as in 2027-06-30; a year from now by default.
        #[arg(long, value_name = "DAY")]
        until: Option<String>,
        /// For whom; the system user by default.
        #[arg(long = "as", value_name = "NAME")]
        actor: Option<String>,
    },
    /// Acknowledge an urgent mail: its repeats to you stop.
    Ack {
        /// The flag: 16 hex digits, as the mail's link and `flags` show them.
        flag: String,
        /// For whom; the system user by default.
        #[arg(long = "as", value_name = "NAME")]
        actor: Option<String>,
    },
    /// Rule packs: check, measure, and see what they would change.
    #[command(subcommand)]
    Rules(rules::Rules),
    /// The release roster: which students may be shown. Names are kept as keyed hashes alone.
    #[command(subcommand)]
    Roster(roster::Roster),
    /// Render the weekly report of what came in since the last one, and send it.
    Weekly {
        /// A week that was reported, as in 2026-W47.
        #[arg(long, value_parser = parse_week)]
        week: Option<String>,
        /// Print it; store and send nothing.
        #[arg(long)]
        dry_run: bool,
    },
    /// Try the mail server.
    #[command(subcommand)]
    Mail(mails::Mail),
    /// Who may sign in to the web pages.
    #[command(subcommand)]
    Users(users::Users),
    /// End the quiet start: mails go to the people the config names, no longer as previews to the administrator alone.
    GoLive {
        /// For whom; the system user by default.
        #[arg(long = "as", value_name = "NAME")]
        actor: Option<String>,
    },
    /// Bring items in from elsewhere.
    #[command(subcommand)]
    Import(transfer::Import),
    /// Write items out.
    #[command(subcommand)]
    Export(transfer::Export),
    /// Copy the archive into a folder while the daemon runs, and verify the copy.
    Backup {
        /// A folder outside of the data directory; one that holds an earlier backup gets what is new.
        dir: PathBuf,
    },
    /// Accept after a restore that the archive went back to a backup.
    ///
    /// Checkpoints are signed again from then on. The published one that it can no longer prove is set aside, and your word stands
    /// on record. Example: pagekeeper accept-restore --reason "the disk failed on Monday"
    AcceptRestore {
        /// What happened, in a few words.
        #[arg(long)]
        reason: String,
        /// For whom; the system user by default.
        #[arg(long = "as", value_name = "NAME")]
        actor: Option<String>,
    },
    /// Compute the search index or the flags anew from the record. People's outcomes stay.
    Rebuild {
        #[arg(value_parser = ["index", "flags"])]
        view: String,
    },
    /// Read everything again: payloads, media, ledger, tree, checkpoints. Exit 1 with each fault named.
    Verify {
        /// A backup to read instead of the archive.
        dir: Option<PathBuf>,
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Done,
    Failed,
    Partly,
}

/// Parses the command line and runs it.
pub fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    match run(args) {
        Ok(Exit::Done) => ExitCode::SUCCESS,
        Ok(Exit::Failed) => ExitCode::from(1),
        Ok(Exit::Partly) => ExitCode::from(3),
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pagekeeper: {error:#}");
            let usage = error.chain().any(|cause| cause.is::<Problems>() || cause.is::<Usage>());
            ExitCode::from(if usage { 2 } else { 1 })
        }
    }
}

/// Something about the command itself that a person can mend.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

fn run(args: Args) -> Result<Exit> {
    if !matches!(args.command, Command::Serve(_)) {
        serve::log_what_went_wrong();
    }
    let open = || App::open(Config::load(&args.config)?, Clock::System);
    match args.command {
        Command::Demo(demo) => runtime()?.block_on(demo.run()),
        Command::Init => setup::init(&Config::load(&args.config)?, &args.config),
        Command::CheckConfig => {
            let config = Config::load(&args.config)?;
            runtime()?.block_on(setup::check_config(&config))
        }
        Command::Connect(connect) => {
            let app = open()?;
            runtime()?.block_on(connect.run(&app, &args.config))
        }
        Command::Serve(serve) => {
            let app = open()?;
            runtime()?.block_on(serve.run(app))
        }
        Command::Harvest(harvest) => {
            let app = open()?;
            runtime()?.block_on(harvest.run(&app))
        }
        Command::Accounts(accounts) => accounts.run(open()?),
        Command::Audit { json, csv } => audit::run(&open()?, json, csv),
        Command::Attest(attest) => attest.run(&open()?),
        Command::Moderation(moderation) => moderation.run(&open()?),
        Command::Tickets { json, what } => tickets::run(&open()?, json, what),
        Command::Search(search) => search.run(&open()?),
        Command::Show { item, json } => items::show(&open()?, &item, json),
        Command::Flags { all, json } => items::flags(&open()?, all, json),
        Command::Review { flag, outcome, reason, note, phrase, until, actor } => {
            let decision = items::Decision { outcome, reason, note, phrase, until };
            items::review(&open()?, &flag, decision, &actor.unwrap_or_else(system_user))
        }
        Command::Ack { flag, actor } => items::ack(&open()?, &flag, &actor.unwrap_or_else(system_user)),
        Command::Rules(rules) => rules.run(&args.config),
        Command::Roster(roster) => roster.run(&open()?),
        Command::Weekly { week, dry_run } => {
            let app = open()?;
            runtime()?.block_on(mails::weekly(&app, week, dry_run))
        }
        Command::Mail(mail) => {
            let config = Config::load(&args.config)?;
            runtime()?.block_on(mail.run(&config))
        }
        Command::GoLive { actor } => mails::go_live(&open()?, &actor.unwrap_or_else(system_user)),
        Command::Users(users) => users.run(&open()?),
        Command::Import(import) => import.run(&open()?),
        Command::Export(export) => export.run(&open()?),
        Command::Backup { dir } => proof::backup(&open()?, &dir),
        Command::AcceptRestore { reason, actor } => {
            proof::accept_restore(&open()?, &reason, &actor.unwrap_or_else(system_user))
        }
        Command::Rebuild { view } => proof::rebuild(&open()?, &view),
        Command::Verify { dir: Some(dir), json } => proof::verify_backup(&Config::load(&args.config)?, &dir, json),
        Command::Verify { dir: None, json } => proof::verify(&open()?, json),
    }
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}

/// The name of whoever runs this.
fn system_user() -> String {
    std::env::var("SUDO_USER")
        .or_else(|_| std::env::var("USER"))
        .or_else(|_| std::env::var("LOGNAME"))
        .unwrap_or_else(|_| "root".into())
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
    })
}

/// Prints one JSON object on a line of its own.
fn print_json(value: &impl serde::Serialize) -> Result<()> {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, value)?;
    Ok(writeln!(out)?)
}

/// Prints a line.
fn print(line: impl std::fmt::Display) -> Result<()> {
    use std::io::Write as _;
    Ok(writeln!(std::io::stdout().lock(), "{line}")?)
}

/// The flag with this key, or a clear word that there is none.
fn flag_by_key(app: &App, key: &str) -> Result<db::flags::Flag> {
    let bytes = hex::decode(key).ok().and_then(|bytes| <[u8; 8]>::try_from(bytes).ok());
    let Some(bytes) = bytes else {
        return Err(
            Usage(format!("{key:?} is no flag: a flag is 16 hex digits, as `pagekeeper flags` shows them")).into()
        );
    };
    let found = app.db.read(|conn| db::flags::by_key(conn, &bytes))?;
    found.ok_or_else(|| Usage(format!("there is no flag {key}; `pagekeeper flags --all` lists them")).into())
}

fn parse_mode(word: &str) -> Result<Mode, crate::model::UnknownWord> {
    word.parse()
}

fn parse_week(word: &str) -> Result<String, String> {
    crate::text::dates::is_week(word)
        .then(|| word.to_owned())
        .ok_or_else(|| "write year and ISO week, as in 2026-W47".into())
}
