//! What a person enters: checked once, for the command line and the browser alike.

use anyhow::Result;
use jiff::civil::Date;

use crate::config::Config;
use crate::db::accounts::{self, Account};
use crate::db::moderation::{self, Act, New};
use crate::db::{Conn, Db, items};
use crate::model::Timestamp;
use crate::text::{dates, plain};

/// A person can mend it: the words say how.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);

/// As a person fills it in; what is left out is empty.
#[derive(Debug, Clone, Default)]
pub struct Entry {
    pub account: String,
    pub act: String,
    /// `platform:native_id`.
    pub item: String,
    pub person: String,
    pub clause: String,
    pub reason: String,
    /// The day it was done, as in 2026-11-17; today when left out.
    pub on: String,
}

/// The longest name, clause and reason, in letters.
const LONGEST: [(&str, usize); 3] = [("name", 200), ("clause", 80), ("reason", 1_000)];

/// Two days as people write them, the first not after the last.
pub fn days(from: &str, to: &str) -> Result<(Date, Date), Refused> {
    let (from, to) = (day(from)?, day(to)?);
    if from > to {
        return Err(Refused(format!("{from} is after {to}: write the first day first")));
    }
    Ok((from, to))
}

fn day(written: &str) -> Result<Date, Refused> {
    let day: Option<Date> = written.trim().parse().ok();
    let sensible = day.filter(|day| (1990..=2200).contains(&day.year()));
    sensible.ok_or_else(|| Refused(format!("{written:?} is no day: write it as in 2026-11-17")))
}

/// Records what a person says was done. Gives its ledger entry.
pub fn enter(db: &Db, config: &Config, entry: &Entry, actor: &str, now: Timestamp) -> Result<u64> {
    let today = dates::date(now, &config.time_zone);
    let (account, new) = db.read(|conn| understood(conn, entry, today))?;
    let actor = actor.to_owned();
    db.writer.write(move |tx| moderation::enter(tx, &account, &new, &actor, now))
}

fn understood(conn: &Conn, entry: &Entry, today: Date) -> Result<(Account, New)> {
    let account = accounts::by_slug(conn, &entry.account)?
        .ok_or_else(|| Refused(format!("the register has no page {:?}: pagekeeper accounts list", entry.account)))?;
    let act: Act = entry.act.parse().map_err(Refused)?;
    let [person, clause, reason] = [&entry.person, &entry.clause, &entry.reason].map(|text| plain::line(text));
    for ((what, most), text) in LONGEST.iter().zip([&person, &clause, &reason]) {
        if text.chars().count() > *most {
            return Err(Refused(format!("the {what} has more than {most} letters")).into());
        }
    }
    if reason.is_empty() {
        return Err(Refused("write the reason that was given, or that none was".to_owned()).into());
    }
    let item = entry.item.trim();
    if act.is_of_a_person() && person.is_empty() {
        return Err(Refused("write whom it is about, as the page shows the name".to_owned()).into());
    }
    if !act.is_of_a_person() && item.is_empty() {
        return Err(Refused("name the item, as in facebook:123_456: search and show tell it".to_owned()).into());
    }
    let item = Some(item).filter(|item| !item.is_empty()).map(|item| on_page(conn, &account, item)).transpose()?;
    let happened_on = if entry.on.trim().is_empty() { today } else { day(&entry.on)? };
    if happened_on > today {
        return Err(Refused(format!("{happened_on} is still to come")).into());
    }
    Ok((account, New { act, item, person, clause, reason, happened_on: happened_on.to_string() }))
}

fn on_page(conn: &Conn, account: &Account, name: &str) -> Result<i64> {
    let id = items::by_name(conn, name)?.ok_or_else(|| Refused(format!("nothing is held as {name:?}")))?;
    match moderation::on_page(conn, account.id, id)? {
        Some(item) => Ok(item.id),
        None => Err(Refused(format!("{name} does not stand on {}, or is the district's own", account.title())).into()),
    }
}
