//! Urgent mail, the morning mail and the summary of what turned up from the past.
//!
//! [`catch_up`] follows the flags and stores one alert a flag key, before anything is sent and never twice. [`tick`] makes the
//! mails that are due and puts them into the outbox. Until somebody goes live they go to the administrator alone.

mod plan;
mod sample;
mod words;

use std::collections::HashMap;

use anyhow::Result;

use crate::config::{Config, LawFacts};
use crate::db::{Db, accounts, alerts, flags, mails};
use crate::model::{Severity, Timestamp};

pub use sample::sample;

/// How many alerts one transaction stores.
const BATCH: u32 = 1000;

/// Stores an alert for each flag that wants one and has none. A rebuild of the flags finds the alerts there and stores none.
pub fn catch_up(db: &Db, config: &Config, now: Timestamp) -> Result<()> {
    let mark = db.read(alerts::mark)?;
    loop {
        let fresh_days = config.alerts.fresh_days;
        let found = db.read(|conn| alerts::candidates(conn, mark.done, fresh_days, BATCH))?;
        let is_last = found.len() < BATCH as usize;
        if !found.is_empty() || mark.is_behind() {
            let new: Vec<_> = found.into_iter().map(|flag| (class_of(&flag), flag)).map(|(c, f)| (f, c)).collect();
            db.writer.write(move |tx| {
                alerts::store(tx, &new, now)?;
                if is_last { alerts::set_mark(tx, &mark) } else { Ok(()) }
            })?;
        }
        if is_last {
            return Ok(());
        }
    }
}

/// When a flag is mailed: concerns that are critical or high at once, lower ones in the morning, the past in its summary.
fn class_of(flag: &alerts::Candidate) -> alerts::Class {
    match (flag.past, flag.severity) {
        (true, _) => alerts::Class::Past,
        (false, Severity::Critical | Severity::High) => alerts::Class::Urgent,
        (false, Severity::Medium | Severity::Low) => alerts::Class::Morning,
    }
}

/// Everything that one look at the alerts needs.
#[derive(Debug)]
struct Seen {
    live_since: Option<Timestamp>,
    urgent: Vec<alerts::Open>,
    morning: Vec<alerts::Open>,
    past: alerts::Past,
    recent: HashMap<String, Vec<mails::Recent>>,
    accounts: HashMap<i64, accounts::Account>,
}

/// Makes the mails that are due at `now` and puts them into the outbox; returns how many. Called every minute.
pub fn tick(db: &Db, config: &Config, now: Timestamp) -> Result<usize> {
    if config.mail.is_none() {
        return Ok(0);
    }
    let seven = plan::latest_seven(now, &config.time_zone);
    let seen = db.read(|conn| {
        let (urgent, morning, past) = (alerts::urgent(conn)?, alerts::morning(conn, seven)?, alerts::past(conn)?);
        if urgent.is_empty() && morning.is_empty() && past.newest_at.is_none() {
            return Ok(None);
        }
        Ok(Some(Seen {
            live_since: alerts::live_since(conn)?,
            urgent,
            morning,
            past,
            recent: mails::urgent_since(conn, now - plan::HOUR)?,
            accounts: accounts::all(conn)?.into_iter().map(|account| (account.id, account)).collect(),
        }))
    })?;
    let Some(seen) = seen else { return Ok(0) };
    let decision = plan::decide(&seen, config, &law(config), now);
    if decision.is_empty() {
        return Ok(0);
    }
    db.writer.write(move |tx| alerts::carry_out(tx, &decision, now))
}

/// *Stop repeats for me*, pressed on the page that a mail's link opens: the mail's recipient acknowledges every flag it told of.
/// `mail` is what stands behind `?mail=` in the link. `None`: there is no such mail.
pub fn acknowledge_mail(db: &Db, mail: &str, now: Timestamp) -> Result<Option<usize>> {
    let mail = mail.to_owned();
    db.writer.write(move |tx| {
        let Some((reader, keys)) = mails::told(tx, &mail)? else { return Ok(None) };
        for key in &keys {
            if let Some(flag) = flags::by_key(tx, key)? {
                flags::open(tx, &flag, flags::Opening::Acknowledgement, &reader, now)?;
            }
        }
        Ok(Some(keys.len()))
    })
}

/// Why an urgent mail would reach nobody, in words for `check-config` and the overview; `None`: somebody would get it.
pub fn unheard(config: &Config, is_live: bool) -> Option<&'static str> {
    let Some(mail) = &config.mail else { return Some("no mail is sent: the config has no [mail] section") };
    let alerts = &config.alerts;
    match is_live {
        false if mail.administrator.is_none() => Some("previews reach nobody: state [mail] administrator, or go live"),
        true if alerts.recipients.is_empty() && alerts.escalate_to.is_empty() && mail.administrator.is_none() => {
            Some("urgent mail reaches nobody: state [alerts] recipients")
        }
        _ => None,
    }
}

/// The state's facts. A law file that cannot be read must not keep a warning back: then those of this program hold.
fn law(config: &Config) -> LawFacts {
    LawFacts::load(&config.law.file).unwrap_or_else(|error| {
        tracing::warn!("mails use the facts that came with the program: {error:#}");
        LawFacts::parse(include_str!("../config/law/california.toml")).expect("the shipped file is read by a test")
    })
}
