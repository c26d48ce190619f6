//! `tickets`: what owners were asked to mend, what would be asked, and who left what as it is.

use anyhow::Result;
use clap::Subcommand;
use jiff::civil::Date;

use super::{Exit, Usage, print, print_json, system_user};
use crate::app::App;
use crate::audit::CHECKS;
use crate::audit::tickets::{self, Listed};
use crate::db;
use crate::text::{dates, plain};

/// Tickets.
#[derive(Debug, Subcommand)]
pub enum Tickets {
    /// Print the mails that would go to owners now. Sends and records nothing.
    Preview,
    /// Mails go to owners from now on, at the times of [jobs] tickets. Example: pagekeeper tickets on --as "Dana Whitfield"
    On {
        /// For whom; the system user by default.
        #[arg(long = "as", value_name = "NAME")]
        actor: Option<String>,
    },
    /// No more mails go to owners. What was answered stays.
    Off {
        /// For whom; the system user by default.
        #[arg(long = "as", value_name = "NAME")]
        actor: Option<String>,
    },
    /// Leave a finding as it is for a time: no mail, and apart in the audit.
    /// Example: pagekeeper tickets accept mesa-vista-high dormant --reason "closed over the summer" --until 2027-08-15
    Accept {
        /// The page, by its slug.
        account: String,
        /// The check, as `tickets` and `audit --json` name it.
        check: String,
        /// Why, in a few words; it stands on record.
        #[arg(long)]
        reason: String,
        /// The last day; the finding comes back on the next.
        #[arg(long, value_name = "DAY")]
        until: Date,
        /// For whom; the system user by default.
        #[arg(long = "as", value_name = "NAME")]
        actor: Option<String>,
    },
    /// Ask the owner again, from the first mail on: once IT has helped, when the page is hers after all, or to end an acceptance.
    /// Example: pagekeeper tickets reopen mesa-vista-high website --reason "showed her where it stands"
    Reopen {
        /// The page, by its slug.
        account: String,
        /// The check, as `tickets` and `audit --json` name it.
        check: String,
        /// Why, in a few words; it stands on record.
        #[arg(long, default_value = "", hide_default_value = true)]
        reason: String,
        /// For whom; the system user by default.
        #[arg(long = "as", value_name = "NAME")]
        actor: Option<String>,
    },
}

pub fn run(app: &App, json: bool, what: Option<Tickets>) -> Result<Exit> {
    match what {
        None => list(app, json),
        Some(Tickets::Preview) => preview(app),
        Some(Tickets::On { actor }) => switch(app, true, actor),
        Some(Tickets::Off { actor }) => switch(app, false, actor),
        Some(Tickets::Accept { account, check, reason, until, actor }) => {
            accept(app, (account, check), reason, until, actor.unwrap_or_else(system_user))
        }
        Some(Tickets::Reopen { account, check, reason, actor }) => {
            reopen(app, (account, check), reason, actor.unwrap_or_else(system_user))
        }
    }
}

fn list(app: &App, json: bool) -> Result<Exit> {
    let now = app.clock.now();
    let (listed, is_on) =
        app.db.read(|conn| Ok((tickets::list(conn, &app.config, now)?, db::tickets::is_on(conn)?)))?;
    if json {
        listed.iter().try_for_each(print_json)?;
        return Ok(Exit::Done);
    }
    if !is_on {
        eprintln!("No mail goes to owners yet: read  pagekeeper tickets preview  and then  pagekeeper tickets on");
    }
    if listed.is_empty() {
        eprintln!("Nothing is open. Each run of  pagekeeper audit  may find something.");
    }
    let mut before = None;
    for one in &listed {
        let standing = one.ticket.standing;
        if before.replace(standing) != Some(standing) {
            print(format!("\n{}", standing.words()))?;
        }
        print(format!("  {}  {}", one.account, one.check))?;
        print(format!("    {} ({})", one.what, said(app, one)))?;
    }
    Ok(Exit::Done)
}

/// *since Tue, Nov 24; 2 mails, the last on Thu, Nov 26*
fn said(app: &App, one: &Listed) -> String {
    let day = |at| dates::day(at, app.clock.now(), &app.config.time_zone);
    let mut said = vec![format!("since {}", day(one.since))];
    if let (n, Some(at)) = (one.ticket.mails, one.ticket.last_mailed_at) {
        said.push(format!("{n} mail{}, the last on {}", if n == 1 { "" } else { "s" }, day(at)));
    }
    if let (Some(by), Some(until)) = (&one.ticket.accepted_by, &one.ticket.accepted_until) {
        said.push(format!("accepted by {by} until {until}"));
    }
    if !one.ticket.reason.is_empty() {
        said.push(format!("“{}”", one.ticket.reason));
    }
    said.join("; ")
}

fn preview(app: &App) -> Result<Exit> {
    let mails = app.db.read(|conn| tickets::preview(conn, &app.config, app.clock.now()))?;
    for mail in &mails {
        print(format!("To: {}\nSubject: {}\n\n{}", mail.recipient, mail.subject, mail.text))?;
    }
    let n = mails.len();
    eprintln!(
        "{n} mail{} would go. Nothing was sent; the owners' own links stand in the mails alone.",
        if n == 1 { "" } else { "s" }
    );
    Ok(Exit::Done)
}

fn switch(app: &App, on: bool, actor: Option<String>) -> Result<Exit> {
    let (actor, now) = (actor.unwrap_or_else(system_user), app.clock.now());
    let by = actor.clone();
    let changed = app.db.writer.write(move |tx| db::tickets::switch(tx, on, &by, now))?;
    let is_live = app.db.read(db::alerts::live_since)?.is_some();
    let what = match (on, is_live) {
        (false, _) => "no mail goes to owners",
        (true, true) => "mails go to owners, at the times of [jobs] tickets",
        (true, false) => "until somebody goes live, the owners' mails go to the administrator alone, as previews",
    };
    eprintln!("{}, by {actor}: {what}.", if changed { "Switched" } else { "It was so already" });
    Ok(Exit::Done)
}

fn accept(app: &App, finding: (String, String), reason: String, until: Date, actor: String) -> Result<Exit> {
    let now = app.clock.now();
    if until < dates::date(now, &app.config.time_zone) {
        return Err(Usage(format!("{until} has passed: name a day to come")).into());
    }
    known(&finding.1)?;
    let (account, check) = finding.clone();
    app.db
        .writer
        .write(move |tx| db::tickets::accept(tx, (&account, &check), &plain::line(&reason), until, &actor, now))?;
    eprintln!("{} {}: accepted as it is; it comes back when {until} has passed.", finding.0, finding.1);
    Ok(Exit::Done)
}

fn reopen(app: &App, finding: (String, String), reason: String, actor: String) -> Result<Exit> {
    known(&finding.1)?;
    let (now, (account, check)) = (app.clock.now(), finding.clone());
    let reopened =
        move |tx: &db::Tx<'_>| db::tickets::reopen(tx, (&account, &check), &plain::line(&reason), &actor, now);
    let begun = app.db.writer.write(reopened)?;
    let more =
        if begun > 1 { format!(" with the {} others that she said are not hers", begun - 1) } else { String::new() };
    eprintln!("{} {}: open again{more}; the owner is asked from the first mail on.", finding.0, finding.1);
    Ok(Exit::Done)
}

fn known(check: &str) -> Result<(), Usage> {
    match CHECKS.iter().any(|known| known.id == check) {
        true => Ok(()),
        false => Err(Usage(format!("there is no check {check:?}; `pagekeeper tickets` names them"))),
    }
}
