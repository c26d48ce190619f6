//! `weekly`, `mail test`, `go-live`.

use anyhow::Result;
use clap::Subcommand;

use super::{Exit, Usage, print};
use crate::app::{App, packs};
use crate::audit::tickets;
use crate::config::Config;
use crate::jobs;
use crate::mail::{self, Kind, Mailer};
use crate::model::Clock;
use crate::{alert, connect, outbox, weekly};

/// Mail.
#[derive(Debug, Subcommand)]
pub enum Mail {
    /// Send a sample marked *test* and print the server's answer.
    Test {
        /// To whom; the administrator of the config by default.
        #[arg(long)]
        to: Option<String>,
        #[arg(long, default_value = "urgent", value_parser = ["urgent", "weekly", "ticket", "credential"])]
        kind: String,
    },
}

impl Mail {
    pub async fn run(self, config: &Config) -> Result<Exit> {
        let Mail::Test { to, kind } = self;
        let Some(section) = &config.mail else { return Err(Usage("the config has no [mail]".into()).into()) };
        let Some(to) = to.or_else(|| section.administrator.clone()) else {
            return Err(Usage("name an address with --to, or an administrator in [mail]".into()).into());
        };
        let now = Clock::System.now();
        let message = match kind.as_str() {
            "weekly" => weekly::sample(&to, config, now),
            "ticket" => tickets::sample(&to, config, now),
            "credential" => connect::sample(&to, config, now),
            _ => alert::sample(Kind::Urgent, &to, config, now).ok_or_else(|| Usage("there is no such mail".into()))?,
        };
        let mailer = Mailer::open(section)?;
        match mailer.send(&message).await {
            Ok(mail::Receipt(answer)) => {
                print(format!("accepted: {answer}"))?;
                Ok(Exit::Done)
            }
            Err(error) => {
                eprintln!("not accepted: {error}");
                Ok(Exit::Failed)
            }
        }
    }
}

/// Renders the weekly report and sends it; with `dry_run` it is printed and nothing is stored.
pub async fn weekly(app: &App, week: Option<String>, dry_run: bool) -> Result<Exit> {
    let now = app.clock.now();
    tokio::task::block_in_place(|| app.follow(now))?;
    let next = jobs::next(&app.config.weekly.cron, now, &app.config.time_zone);
    let notes = packs::notes(&app.db, &app.config, now)?;
    let ask = weekly::Ask { week, dry_run, slot: None, next, notes };
    let made = tokio::task::block_in_place(|| weekly::run(&app.db, &app.config, &ask, now))?;
    if dry_run {
        print(format!("Subject: {}\n\n{}", made.report.subject, made.report.text))?;
        return Ok(Exit::Done);
    }
    let Some(section) = &app.config.mail else {
        eprintln!("The report of {} is stored; the config has no [mail], so nothing was sent.", made.report.week);
        return Ok(Exit::Partly);
    };
    let sent = outbox::send_due(&app.db, &Mailer::open(section)?, now).await?;
    let what = if made.is_new { "made" } else { "had been made" };
    eprintln!(
        "The report of {} {what}: {} mails sent, {} waiting, {} refused.",
        made.report.week, sent.sent, sent.postponed, sent.refused
    );
    Ok(if sent.postponed + sent.refused == 0 { Exit::Done } else { Exit::Partly })
}

/// From here on mails go to everybody the config names, not as previews to the administrator.
pub fn go_live(app: &App, actor: &str) -> Result<Exit> {
    let (actor, now) = (actor.to_owned(), app.clock.now());
    let by = actor.clone();
    app.db.writer.write(move |tx| crate::db::alerts::go_live(tx, &actor, now))?;
    app.follow(now)?;
    eprintln!("Live, by {by}: urgent mails and the weekly report go to the people the config names.");
    Ok(Exit::Done)
}
