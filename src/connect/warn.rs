//! A word before a credential dies: at fourteen, seven, three days and one, once each, to IT and to the owner of a page that it alone is for.

use std::collections::BTreeSet;

use anyhow::Result;
use jiff::{SignedDuration, Timestamp};

use crate::config::Config;
use crate::db::accounts::Account;
use crate::db::credentials::{self, Seen};
use crate::db::{Db, Tx, accounts, alerts, mails};
use crate::mail::{Kind, Message};
use crate::model::{AccountStatus, Credential, Holder, Platform};
use crate::seal;
use crate::text::dates;
use crate::text::letter::{Letter, Mark, count};

/// Days before the end at which somebody is told.
const STEPS: [i64; 4] = [14, 7, 3, 1];

/// Tokens of one making that end at one time: Facebook and Instagram may be read with the same.
#[derive(Debug, Clone)]
pub struct Ending<'s> {
    pub ends_at: Timestamp,
    pub credential: &'s Credential,
    seen: Vec<&'s Seen>,
}

/// What ends within so many days, the first to end first; what has ended is trouble and no warning.
pub fn ending<'s>(seen: &'s [Seen], config: &Config, days: i64, now: Timestamp) -> Vec<Ending<'s>> {
    let mut found: Vec<Ending<'s>> = Vec::new();
    for one in seen.iter().filter(|one| config.platform(one.platform).is_some()) {
        let Some(ends_at) = one.credential.ends_at().filter(|_| one.credential.trouble.is_none()) else { continue };
        if ends_at <= now || ends_at > now + SignedDuration::from_hours(24 * days) {
            continue;
        }
        let same =
            found.iter_mut().find(|known| known.ends_at == ends_at && is_same(known.credential, &one.credential));
        match same {
            Some(known) => known.seen.push(one),
            None => found.push(Ending { ends_at, credential: &one.credential, seen: vec![one] }),
        }
    }
    found.sort_by_key(|ending| ending.ends_at);
    found
}

fn is_same(a: &Credential, b: &Credential) -> bool {
    (a.holder, &a.granted_by, &a.application_id, &a.page) == (b.holder, &b.granted_by, &b.application_id, &b.page)
}

impl Ending<'_> {
    /// *Facebook and Instagram*.
    pub fn platforms(&self) -> String {
        let mut titles: Vec<&str> = self.seen.iter().map(|seen| seen.platform.title()).collect();
        titles.dedup();
        titles.join(" and ")
    }

    /// Whole days that are left, begun ones counted.
    pub fn days_left(&self, now: Timestamp) -> i64 {
        days_left(self.ends_at, now)
    }

    /// Whose turn it is, and what to do.
    pub fn act(&self) -> String {
        let by = match self.credential.granted_by.as_str() {
            "" => "Whoever granted it",
            name => name,
        };
        let verb = self.seen.first().map_or("facebook", |seen| seen.platform.as_str());
        let is_data = self.credential.ends_at() != self.credential.expires_at;
        match self.credential.holder {
            _ if is_data => format!(
                "{by} logs in to Facebook and grants the access again (Settings › Business integrations › View and edit); then IT runs \
                 pagekeeper check-config."
            ),
            Some(Holder::SystemUser) => format!(
                "IT makes a new one for the system user {by} (Business settings › Users › System users › Generate new token, expiration \
                 Never) and brings it with pagekeeper connect {verb}."
            ),
            _ => format!(
                "{by} makes a new one and IT brings it with pagekeeper connect {verb}, which says what to click. A system user's token \
                 would have no end."
            ),
        }
    }

    /// The owners of the pages that it alone is for: whoever has the page has to click.
    fn owners<'r>(&self, register: &'r [Account]) -> BTreeSet<&'r str> {
        let own = |account: &&Account| {
            account.status == AccountStatus::Active && self.seen.iter().any(|seen| seen.account == account.id)
        };
        let addresses = register.iter().filter(own).map(|account| account.row.owner_email.trim());
        addresses.filter(|address| address.contains('@')).collect()
    }

    fn accounts(&self, register: &[Account]) -> u64 {
        let serves = |account: &&Account| {
            account.status == AccountStatus::Active
                && self.seen.iter().any(|seen| {
                    account.connector() == Some(seen.platform) && (seen.account == 0 || seen.account == account.id)
                })
        };
        register.iter().filter(serves).count() as u64
    }
}

fn days_left(ends_at: Timestamp, now: Timestamp) -> i64 {
    const DAY: i64 = 24 * 60 * 60;
    let seconds = ends_at.duration_since(now).as_secs();
    seconds.div_euclid(DAY) + i64::from(seconds.rem_euclid(DAY) > 0)
}

/// Puts the mails that are due into the outbox; how many were new.
pub fn warn(db: &Db, config: &Config, now: Timestamp) -> Result<usize> {
    if config.mail.is_none() {
        return Ok(0);
    }
    let of_it = recipients(config);
    let (seen, register, live) =
        db.read(|conn| Ok((credentials::all(conn)?, accounts::all(conn)?, alerts::live_since(conn)?)))?;
    let mut due = Vec::new();
    for ending in ending(&seen, config, STEPS[0], now) {
        let left = ending.days_left(now);
        let Some(step) = STEPS.iter().rev().find(|step| left <= **step) else { continue };
        let pages = ending.accounts(&register);
        let owners = if live.is_some() { ending.owners(&register) } else { BTreeSet::new() };
        let readers: BTreeSet<&str> = of_it.iter().map(String::as_str).chain(owners).collect();
        due.extend(readers.into_iter().map(|to| mail(&ending, pages, config, to, *step, now)));
    }
    if due.is_empty() {
        return Ok(0);
    }
    db.writer.write(move |tx: &Tx<'_>| {
        due.iter().try_fold(0, |new, mail| Ok(new + usize::from(mails::put(tx, mail, now)?.is_some())))
    })
}

/// Every credential is IT's matter: the administrator's, else the second list's.
fn recipients(config: &Config) -> Vec<String> {
    let administrator = config.mail.as_ref().and_then(|mail| mail.administrator.clone());
    administrator.map_or_else(|| config.alerts.escalate_to.clone(), |one| vec![one])
}

/// A sample of an invented token, marked *test*.
pub fn sample(to: &str, config: &Config, now: Timestamp) -> Message {
    let credential = Credential {
        holder: Some(Holder::SystemUser),
        granted_by: "Sample archive".into(),
        expires_at: now.checked_add(SignedDuration::from_hours(24 * 7)).ok(),
        ..Credential::default()
    };
    let seen = Seen { platform: Platform::Facebook, account: 0, probed_at: now, credential };
    let ending =
        Ending { ends_at: seen.credential.expires_at.unwrap_or(now), credential: &seen.credential, seen: vec![&seen] };
    let (subject, letter) = words(&ending, 12, config, Mark::Test, now);
    Message {
        to: to.to_owned(),
        subject,
        text: letter.text(),
        html: letter.html(),
        important: false,
        message_id: message_id(&ending, config, to, 7),
        kind: Kind::Credential,
        date: now,
    }
}

fn mail(ending: &Ending<'_>, pages: u64, config: &Config, to: &str, step: i64, now: Timestamp) -> mails::New {
    let (subject, letter) = words(ending, pages, config, Mark::Plain, now);
    mails::New {
        kind: Kind::Credential.as_str(),
        message_id: message_id(ending, config, to, step),
        recipient: to.to_owned(),
        subject,
        text: letter.text(),
        html: letter.html(),
        important: step <= 3,
    }
}

/// Subject and letter; `pages` rest on it.
fn words(ending: &Ending<'_>, pages: u64, config: &Config, mark: Mark, now: Timestamp) -> (String, Letter) {
    let day = dates::day(ending.ends_at, now, &config.time_zone);
    let left = count(u64::try_from(ending.days_left(now)).unwrap_or_default(), "day", "days");
    let platforms = ending.platforms();
    let subject = format!("{left} left: the token for {platforms} ends on {day}");
    let mut letter = Letter::new(&subject);
    if let Some(notice) = mark.notice() {
        letter.notice(notice);
    }
    letter.paragraph(format!(
        "What is kept of {platforms} for {} rests on {}. It ends on {day}. From then on nothing new is kept of {}.",
        config.district.name,
        ending.credential.title(),
        count(pages, "page", "pages")
    ));
    letter.strong(ending.act());
    if let Some(why) = &ending.credential.not_renewed {
        letter.paragraph(format!("The program could not renew it: {why}."));
    }
    letter.link("How the pages stand", config.link("/"));
    letter.quiet("You get this at 14, 7, 3 days and 1 day before the end. Nobody is ever asked for a token by mail.");
    (mark.subject(&subject), letter)
}

/// The same for the same end, step and reader: so it is told once.
fn message_id(ending: &Ending<'_>, config: &Config, to: &str, step: i64) -> String {
    let credential = ending.credential;
    let what = [&credential.granted_by, &credential.application_id, &credential.page].map(String::as_str).join("\0");
    let key = format!("{what}\0{}\0{step}\0{to}", ending.ends_at);
    let digest = hex::encode(&seal::sha256(key.as_bytes())[..12]);
    format!("<credential-{digest}@{}>", config.mail_domain())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_that_has_begun_counts() {
        let now: Timestamp = "2026-11-24T17:00:00Z".parse().unwrap();
        let left = |hours: i64| days_left(now + SignedDuration::from_hours(hours), now);
        assert_eq!([left(24 * 7), left(24 * 7 + 1), left(1), left(24)], [7, 8, 1, 1]);
    }
}
