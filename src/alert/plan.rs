//! Who gets which mail now: pure, from what the database holds and the time.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use jiff::civil::time;
use jiff::tz::TimeZone;

use super::Seen;
use super::words::Words;
use crate::config::{Config, LawFacts};
use crate::db::alerts::{Decision, Open};
use crate::db::flags::FlagKey;
use crate::db::mails;
use crate::model::{Category, Timestamp};
use crate::seal;
use crate::text::letter::Mark;

pub(super) const HOUR: SignedDuration = SignedDuration::from_hours(1);
/// One mail an account in this time.
const REST: SignedDuration = SignedDuration::from_mins(10);
/// Urgent mails a recipient and hour.
const MOST_AN_HOUR: usize = 6;
/// Of these, reminders leave so many for what is new.
const KEPT_FOR_NEW: usize = 2;
/// The past is summed up when nothing was added to it for so long …
const QUIET: SignedDuration = SignedDuration::from_mins(10);
/// … or when the first of it has waited so long, whatever still runs.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(24);

/// The last seven o'clock in the morning.
pub(super) fn latest_seven(now: Timestamp, zone: &TimeZone) -> Timestamp {
    let today = zone.to_datetime(now).date();
    let seven = |date: jiff::civil::Date| zone.to_timestamp(date.to_datetime(time(7, 0, 0, 0)));
    let of_today = seven(today).ok().filter(|at| *at <= now);
    of_today.or_else(|| seven(today.yesterday().ok()?).ok()).unwrap_or(now)
}

/// What is to be done now.
pub(super) fn decide(seen: &Seen, config: &Config, law: &LawFacts, now: Timestamp) -> Decision {
    let desk = Desk { seen, config, law, now };
    let mut decision = Decision::default();
    desk.urgent(&mut decision);
    desk.morning(&mut decision);
    desk.past(&mut decision);
    decision
}

struct Desk<'d> {
    seen: &'d Seen,
    config: &'d Config,
    law: &'d LawFacts,
    now: Timestamp,
}

impl<'d> Desk<'d> {
    fn mark(&self) -> Mark {
        if self.seen.live_since.is_some() { Mark::Plain } else { Mark::Preview }
    }

    fn words(&self) -> Words<'_> {
        Words {
            config: self.config,
            law: self.law,
            accounts: &self.seen.accounts,
            mark: self.mark(),
            live_since: self.seen.live_since,
            now: self.now,
        }
    }

    fn administrator(&self) -> Option<String> {
        self.config.mail.as_ref().and_then(|mail| mail.administrator.clone())
    }

    /// Who is told of a category on an account. Nobody's list leaving it out may make it vanish: then the second list has it,
    /// then the administrator.
    fn readers(&self, account: i64, category: Category) -> BTreeSet<String> {
        if self.mark() == Mark::Preview {
            return self.administrator().into_iter().collect();
        }
        let school = self.seen.accounts.get(&account).map_or("", |account| account.row.school.as_str());
        let alerts = &self.config.alerts;
        let mut readers: BTreeSet<String> =
            alerts.recipients.iter().filter(|to| to.wants(school, category)).map(|to| to.address.clone()).collect();
        if readers.is_empty() {
            readers.extend(alerts.escalate_to.iter().cloned());
        }
        if readers.is_empty() {
            readers.extend(self.administrator());
        }
        readers
    }

    fn urgent(&self, decision: &mut Decision) {
        let mut by_reader: BTreeMap<String, Vec<&'d Open>> = BTreeMap::new();
        let mut told: BTreeMap<FlagKey, usize> = BTreeMap::new();
        for alert in &self.seen.urgent {
            let mut readers = self.readers(alert.account, alert.category);
            let escalates = alert.escalated_at.is_none() && self.escalates(alert);
            if escalates {
                decision.escalated.push(alert.flag);
            }
            if self.mark() == Mark::Plain && (escalates || alert.escalated_at.is_some()) {
                readers.extend(self.config.alerts.escalate_to.iter().cloned());
            }
            told.insert(alert.flag, readers.len());
            for reader in readers {
                by_reader.entry(reader).or_default().push(alert);
            }
        }
        for (reader, alerts) in by_reader {
            self.urgent_for(&reader, &alerts, &told, decision);
        }
    }

    /// Nobody has opened it for too long; before going live there is no second list.
    fn escalates(&self, alert: &Open) -> bool {
        let Some(live) = self.seen.live_since else { return false };
        let wait = SignedDuration::from_mins(i64::from(self.config.alerts.escalate_after_minutes));
        !self.config.alerts.escalate_to.is_empty() && apart(self.now, alert.stored_at.max(live.min(self.now))) >= wait
    }

    fn urgent_for(&self, reader: &str, alerts: &[&'d Open], told: &BTreeMap<FlagKey, usize>, decision: &mut Decision) {
        let recent = self.seen.recent.get(reader).map_or(&[][..], Vec::as_slice);
        let in_last = |span| move |mail: &&mails::Recent| apart(mail.stored_at, self.now) < span;
        let resting: BTreeSet<i64> =
            recent.iter().filter(in_last(REST)).flat_map(|mail| mail.accounts.clone()).collect();
        let mut left = MOST_AN_HOUR.saturating_sub(recent.iter().filter(in_last(HOUR)).count());
        let repeat = SignedDuration::from_mins(i64::from(self.config.alerts.repeat_minutes));
        let awake = alerts.iter().copied().filter(|alert| {
            !resting.contains(&alert.account) && !alert.acknowledged.iter().any(|actor| is_same_person(actor, reader))
        });
        let (new, known): (Vec<&Open>, Vec<&Open>) = awake.partition(|alert| !alert.told.contains_key(reader));
        let mut due: Vec<&Open> =
            known.into_iter().filter(|alert| apart(alert.told[reader].1, self.now) >= repeat).collect();
        for mut group in groups(new, left) {
            let accounts: BTreeSet<i64> = group.iter().map(|alert| alert.account).collect();
            let (joins, rest): (Vec<&Open>, Vec<&Open>) =
                due.into_iter().partition(|alert| accounts.contains(&alert.account));
            group.extend(joins);
            due = rest;
            left -= 1;
            self.urgent_mail(reader, &group, told, decision);
        }
        if !due.is_empty() && left > KEPT_FOR_NEW {
            self.urgent_mail(reader, &due, told, decision);
        }
    }

    fn urgent_mail(&self, reader: &str, alerts: &[&Open], told: &BTreeMap<FlagKey, usize>, decision: &mut Decision) {
        let mut alerts = alerts.to_vec();
        alerts.sort_by_key(|alert| (Reverse(alert.severity), alert.stored_at, alert.flag));
        let what: Vec<String> = alerts
            .iter()
            .map(|alert| format!("{}:{}", alert.key(), alert.told.get(reader).map_or(0, |(times, _)| *times)))
            .collect();
        let id = message_id(self.config, "urgent", reader, &what);
        let people = alerts.iter().filter_map(|alert| told.get(&alert.flag)).max().copied().unwrap_or(1);
        let letter = self.words().urgent(reader, &alerts, people, &id);
        let flags = alerts.iter().map(|alert| alert.flag).collect();
        decision.mails.push((letter.mail("urgent", id, reader, true), flags));
    }

    fn morning(&self, decision: &mut Decision) {
        let mut by_reader: BTreeMap<String, Vec<&Open>> = BTreeMap::new();
        for alert in &self.seen.morning {
            decision.morning.push(alert.flag);
            for reader in self.readers(alert.account, alert.category) {
                by_reader.entry(reader).or_default().push(alert);
            }
        }
        for (reader, mut alerts) in by_reader {
            alerts.sort_by_key(|alert| (Reverse(alert.severity), alert.stored_at, alert.flag));
            let what: Vec<String> = alerts.iter().map(|alert| alert.key()).collect();
            let id = message_id(self.config, "morning", &reader, &what);
            let flags = alerts.iter().map(|alert| alert.flag).collect();
            decision.mails.push((self.words().morning(&alerts).mail("morning", id, &reader, false), flags));
        }
    }

    fn past(&self, decision: &mut Decision) {
        let past = &self.seen.past;
        let (Some(newest), Some(oldest)) = (past.newest_at, past.oldest_at) else { return };
        let is_whole = !past.running && self.now >= newest + QUIET;
        if !is_whole && self.now < oldest + LONGEST_WAIT {
            return;
        }
        decision.past_through = Some(past.through);
        let mut by_reader: BTreeMap<String, Vec<(i64, Category, u64)>> = BTreeMap::new();
        for (account, category, count) in &past.counts {
            for reader in self.readers(*account, *category) {
                by_reader.entry(reader).or_default().push((*account, *category, *count));
            }
        }
        for (reader, counts) in by_reader {
            let id = message_id(self.config, "summary", &reader, &[past.through.to_string()]);
            decision.mails.push((self.words().past(&counts).mail("summary", id, &reader, false), Vec::new()));
        }
    }
}

/// How long it is from one time to the other, whichever comes first: after a clock that ran ahead was put right, nothing waits
/// until that time has come again.
fn apart(one: Timestamp, other: Timestamp) -> SignedDuration {
    one.duration_since(other).abs()
}

/// New alerts by account, the most severe first; where there are more accounts than mails left this hour, the last mail has
/// all the rest. Nothing is left over unless no mail is left.
fn groups(new: Vec<&Open>, most: usize) -> Vec<Vec<&Open>> {
    let mut by_account: BTreeMap<i64, Vec<&Open>> = BTreeMap::new();
    for alert in new {
        by_account.entry(alert.account).or_default().push(alert);
    }
    let mut groups: Vec<Vec<&Open>> = by_account.into_values().collect();
    groups.sort_by_key(|group| {
        let worst = group.iter().map(|alert| alert.severity).max();
        (Reverse(worst), group.iter().map(|alert| alert.stored_at).min())
    });
    if most == 0 {
        return Vec::new();
    }
    let rest: Vec<&Open> = groups.split_off(most.min(groups.len())).into_iter().flatten().collect();
    if let Some(last) = groups.last_mut() {
        last.extend(rest);
    }
    groups
}

/// Whether somebody who acknowledged is the reader of an address: by the address, or by the name before its `@`.
fn is_same_person(actor: &str, address: &str) -> bool {
    let name = address.split_once('@').map_or(address, |(name, _)| name);
    actor.eq_ignore_ascii_case(address) || actor.eq_ignore_ascii_case(name)
}

/// The same for the same mail, however often it is made.
pub(super) fn message_id(config: &Config, kind: &str, reader: &str, what: &[String]) -> String {
    let digest = seal::sha256(format!("{kind}\n{reader}\n{}", what.join("\n")).as_bytes());
    format!("<{kind}-{}@{}>", hex::encode(&digest[..8]), config.mail_domain())
}
