//! `harvest`: look at accounts now.

use std::sync::Arc;

use anyhow::Result;
use clap::Args;

use super::{Exit, Usage, parse_mode, print, print_json};
use crate::app::App;
use crate::db::accounts::{self, Account};
use crate::harvest::{Report, Request};
use crate::model::{AccountStatus, Mode};

/// One run over the named accounts, or every active one.
#[derive(Debug, Args)]
pub struct Harvest {
    /// Slugs of the register; every active account when none is named.
    accounts: Vec<String>,
    /// recent, backfill, revisit or profile
    #[arg(long, default_value = "recent", value_parser = parse_mode)]
    mode: Mode,
    /// With --mode revisit: every kept item, due or not.
    #[arg(long)]
    all: bool,
    /// One JSON object an account.
    #[arg(long)]
    json: bool,
}

impl Harvest {
    /// Exit 0 when every account was walked to its end, 3 when some were not.
    pub async fn run(self, app: &App) -> Result<Exit> {
        let accounts = chosen(app, &self.accounts)?;
        if accounts.is_empty() {
            eprintln!("No account is active: pagekeeper accounts import FILE.csv");
        }
        let request = Request { mode: self.mode, every: self.all, until: None };
        let mut whole = true;
        for account in &accounts {
            let report = app.harvester().run(account, request, app.clock.now()).await?;
            tokio::task::block_in_place(|| app.follow(app.clock.now()))?;
            whole &= report.is_whole();
            if self.json { print_json(&report)? } else { print(line(account, &report))? }
        }
        Ok(if whole { Exit::Done } else { Exit::Partly })
    }
}

/// The accounts by their slugs; every active one when none is named.
fn chosen(app: &App, slugs: &[String]) -> Result<Vec<Account>> {
    let register = app.db.read(accounts::all)?;
    if slugs.is_empty() {
        return Ok(register.into_iter().filter(|account| account.status == AccountStatus::Active).collect());
    }
    slugs
        .iter()
        .map(|slug| {
            let found = register.iter().find(|account| account.row.slug == *slug).cloned();
            found.ok_or_else(|| Usage(format!("{slug:?} is not in the register: pagekeeper accounts list")).into())
        })
        .collect()
}

/// One account's run in a line.
pub fn line(account: &Account, report: &Report) -> String {
    let tally = &report.tally;
    let mut said = Vec::new();
    let counts = [
        (tally.new, "new"),
        (tally.edited, "edited"),
        (tally.hidden, "hidden"),
        (tally.shown, "shown again"),
        (tally.missing, "missing"),
        (tally.gone, "gone"),
        (tally.restored, "restored"),
        (report.media, "media"),
    ];
    said.extend(counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")));
    if said.is_empty() {
        said.push("nothing new".into());
    }
    let outcome = match (report.outcome, &report.cause) {
        ("complete", _) => String::new(),
        ("not_kept", Some(cause)) => return format!("{:<40} not kept: {cause}", account.title()),
        (outcome, Some(cause)) => format!("; {outcome}: {cause}"),
        (outcome, None) => format!("; {outcome}"),
    };
    format!("{:<40} {}{outcome}", account.title(), said.join(", "))
}

/// Shared by `demo` and the daemon: every active account once, views brought up to date after each.
pub async fn everything(app: &Arc<App>, request: Request) -> Result<Vec<(Account, Report)>> {
    let mut reports = Vec::new();
    for account in chosen(app, &[])? {
        let report = app.harvester().run(&account, request, app.clock.now()).await?;
        let following = app.clone();
        tokio::task::spawn_blocking(move || following.follow(following.clock.now())).await??;
        reports.push((account, report));
    }
    Ok(reports)
}
