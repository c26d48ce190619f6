//! `audit`: every page of the register against the district's own standard.

use std::io::Write as _;

use anyhow::Result;

use super::{Exit, print, print_json};
use crate::app::App;
use crate::audit::tickets::Facts;
use crate::audit::{self, Line};
use crate::text::dates;
use crate::text::letter::wrap;

/// What a terminal holds.
const COLUMNS: usize = 100;

pub fn run(app: &App, json: bool, csv: bool) -> Result<Exit> {
    let now = app.clock.now();
    let (audit, _) = audit::run(&app.db, &app.config, now)?;
    let zone = &app.config.time_zone;
    let report = app.db.read(|conn| audit::report(conn, &audit, zone))?;
    if json {
        report.lines.iter().try_for_each(print_json)?;
    } else if csv {
        std::io::stdout().lock().write_all(&audit::csv(&report.lines)?)?;
    } else {
        let mut page = String::new();
        report.summary.iter().for_each(|paragraph| wrap(&mut page, COLUMNS, "", "", paragraph));
        print(page.trim_end())?;
        table(&report.lines, |line| line.since.map(|at| dates::day(at, now, zone)).unwrap_or_default())?;
    }
    Ok(Exit::Done)
}

/// What fails, one line each with what to do under it.
fn table(lines: &[Line], since: impl Fn(&Line) -> String) -> Result<()> {
    let (accepted, failing): (Vec<&Line>, Vec<&Line>) =
        lines.iter().filter(|line| line.verdict == "fails").partition(|line| line.is_accepted());
    if !failing.is_empty() {
        rows(&failing, &since, |line| format!("For {}: {}", audit::turn_words(line.turn), line.act))?;
    }
    if !accepted.is_empty() {
        print("\nAccepted for now:")?;
        rows(&accepted, &since, |line| {
            let ticket = line.ticket.as_ref();
            let said = |of: fn(&Facts) -> Option<String>| ticket.and_then(of).unwrap_or_default();
            let (until, by) = (said(|ticket| ticket.accepted_until.clone()), said(|ticket| ticket.accepted_by.clone()));
            format!("until {until}, by {by}: {}", said(|ticket| Some(ticket.reason.clone())))
        })?;
    }
    Ok(())
}

fn rows(failing: &[&Line], since: impl Fn(&Line) -> String, under: impl Fn(&Line) -> String) -> Result<()> {
    let width = failing.iter().map(|line| line.account.len()).max().unwrap_or_default().max(4);
    let row = |page: &str, clause: &str, since: &str, what: &str| {
        print(format!("{page:<width$}  {clause:<13}  {since:<18} {what}"))
    };
    print("")?;
    row("PAGE", "CLAUSE", "SINCE", "WHAT")?;
    for line in failing {
        row(&line.account, line.clause, &since(line), &line.words)?;
        row("", "", "", &under(line))?;
    }
    Ok(())
}
