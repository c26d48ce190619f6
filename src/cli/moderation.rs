//! `moderation`: what was hidden, gone or blocked on a page, and what a person enters about it.

use std::io::Write as _;

use anyhow::Result;
use clap::{Args, Subcommand};

use super::search::one_line;
use super::{Exit, Usage, print, print_json, system_user};
use crate::app::App;
use crate::app::moderation::{self, Ask, Entry, Record, Refused, Row};
use crate::text::dates;

/// Make the moderation record of a page, for counsel.
///
/// What was hidden, missing, gone or blocked in these days, beside what matched the same posted expectation and what is similar by its
/// words, and stayed. Made when asked for, never kept; that it was made is on record.
/// Example: pagekeeper moderation mesa-vista-high --from 2026-11-01 --to 2026-11-30 --csv
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Moderation {
    #[command(subcommand)]
    act: Option<Act>,
    /// The page, as `accounts list` names it.
    #[arg(required = true)]
    account: Option<String>,
    /// The first day, as in 2026-11-01, in the district's time.
    #[arg(long, required = true, value_name = "DAY")]
    from: Option<String>,
    /// The last day.
    #[arg(long, required = true, value_name = "DAY")]
    to: Option<String>,
    /// All of it as one JSON object.
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// A table for a spreadsheet.
    #[arg(long)]
    csv: bool,
    /// For whom; the system user by default.
    #[arg(long = "as", value_name = "NAME")]
    actor: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Put on record what was done on a page, and who says so.
    ///
    /// When something was hidden, removed or blocked: why, nobody learns otherwise. Example: `pagekeeper moderation enter
    /// mesa-vista-high --act hidden --item facebook:123_456 --clause III.4 --reason "names a student" --on 2026-11-17`
    Enter {
        /// The page, as `accounts list` names it.
        account: String,
        /// hidden, removed or shown (of an item); blocked or unblocked (of a person).
        #[arg(long)]
        act: String,
        /// Platform and native id, as `search` shows them.
        #[arg(long, default_value = "", hide_default_value = true)]
        item: String,
        /// Whom a block is about, as the page shows the name.
        #[arg(long, default_value = "", hide_default_value = true, value_name = "NAME")]
        person: String,
        /// The clause of the posted expectations that was named for it; none when left out.
        #[arg(long, default_value = "", hide_default_value = true)]
        clause: String,
        /// Why, as it was given.
        #[arg(long)]
        reason: String,
        /// The day it was done, as in 2026-11-17; today by default.
        #[arg(long, default_value = "", hide_default_value = true, value_name = "DAY")]
        on: String,
        /// Who says so; the system user by default.
        #[arg(long = "as", value_name = "NAME")]
        actor: Option<String>,
    },
}

impl Moderation {
    pub fn run(self, app: &App) -> Result<Exit> {
        if let Some(Act::Enter { account, act, item, person, clause, reason, on, actor }) = self.act {
            let entry = Entry { account, act, item, person, clause, reason, on };
            let actor = actor.unwrap_or_else(system_user);
            let number = moderation::enter(&app.db, &app.config, &entry, &actor, app.clock.now()).map_err(mendable)?;
            print(format!("Recorded as ledger entry {number}, said by {actor}."))?;
            return Ok(Exit::Done);
        }
        let [account, from, to] = [self.account, self.from, self.to].map(Option::unwrap_or_default);
        let (from, to) = moderation::days(&from, &to).map_err(|refused| mendable(refused.into()))?;
        let actor = self.actor.unwrap_or_else(system_user);
        let Some(record) = app.moderation(&Ask { account: account.clone(), from, to }, &actor)? else {
            return Err(Usage(format!("the register has no page {account:?}: pagekeeper accounts list")).into());
        };
        if self.json {
            print_json(&record)?;
        } else if self.csv {
            std::io::stdout().lock().write_all(&moderation::csv(&record)?)?;
        } else {
            show(app, &record)?;
        }
        Ok(Exit::Done)
    }
}

/// What a person can mend is a matter of usage.
fn mendable(error: anyhow::Error) -> anyhow::Error {
    match error.downcast::<Refused>() {
        Ok(refused) => Usage(refused.0).into(),
        Err(error) => error,
    }
}

fn show(app: &App, record: &Record) -> Result<()> {
    print(format!("{}, {} to {}", one_line(&record.title), record.from, record.to))?;
    record.notes.iter().try_for_each(print)?;
    if record.rows.is_empty() {
        print("\nNothing was seen hidden, missing, gone or blocked in these days, and nobody entered anything.")?;
    }
    record.rows.iter().try_for_each(|row| show_row(app, row))?;
    for one in &record.expectations {
        print(format!(
            "\nMatched {} {}: {} above, {} stayed",
            one.clause,
            one.category,
            one.not_shown,
            one.stayed.len()
        ))?;
        for stayed in &one.stayed {
            let words = stayed.text.as_deref().map_or("(not shown here)".to_owned(), one_line);
            print(format!("  {}  {words}", stayed.item))?;
        }
    }
    for standing in &record.standings {
        print(format!(
            "\nThe page as of {}: filter {}; {}; run by {}",
            standing.number,
            one_line(&standing.profanity_filter),
            one_line(&standing.expectations),
            one_line(&standing.admins.join(", "))
        ))?;
    }
    eprintln!("That this was made is ledger entry {}.", record.entry);
    Ok(())
}

fn show_row(app: &App, row: &Row) -> Result<()> {
    let zone = &app.config.time_zone;
    let time = |at: Option<crate::model::Timestamp>| at.map_or("not known".to_owned(), |at| dates::full(at, zone));
    let about = row.item.as_deref().or(row.person.as_deref()).unwrap_or_default();
    print(format!("\n{}. {}  {}", row.number, row.what, one_line(about)))?;
    match &row.text {
        Some(text) => print(format!("   {}", one_line(text)))?,
        None if row.withheld => print("   (possible sexual exploitation in the thread: not shown here)")?,
        None => {}
    }
    print(format!("   {}", row.cause))?;
    print(format!("   last seen shown {}; first seen so {}", time(row.last_seen_shown), time(row.first_seen_so)))?;
    for one in &row.entered {
        print(format!(
            "   a person entered it: {} on {}, said by {}: {}",
            one.act.as_str(),
            one.happened_on,
            one_line(&one.by),
            one_line(&one.reason)
        ))?;
    }
    print(format!("   {}; the page as of {}", one_line(&row.clause), row.standing))?;
    for flag in &row.flags {
        print(format!("   flagged {} {}, {}", flag.clause, flag.category, flag.apart.as_deref().unwrap_or_default()))?;
    }
    for like in &row.similar {
        print(format!("   {:>3} of 100 alike, stayed: {}  {}", like.likeness, like.item, one_line(&like.text)))?;
    }
    Ok(())
}
