//! The tickets as people see them: how each stands, and what was said of it.

use anyhow::Result;
use jiff::SignedDuration;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::super::CHECKS;
use super::{Desk, Standing, address};
use crate::config::Config;
use crate::db::Conn;
use crate::db::accounts::Account;
use crate::db::tickets::{self, State, Ticket};
use crate::model::Timestamp;
use crate::text::dates;

/// Verified ones are listed for so long.
const VERIFIED_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What a ticket adds to a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Facts {
    pub state: &'static str,
    #[serde(skip)]
    pub standing: Standing,
    /// How many mails it was in, and when the last one went.
    pub mails: u32,
    pub last_mailed_at: Option<Timestamp>,
    /// The owner's note, or why it was accepted.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted_by: Option<String>,
    /// The last day of an acceptance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted_until: Option<String>,
}

impl Facts {
    pub fn of(ticket: &Ticket, account: &Account, now: Timestamp, zone: &TimeZone) -> Facts {
        let standing = Standing::of(ticket, account, dates::date(now, zone));
        let (reason, accepted_by, accepted_until) = match &ticket.state {
            State::Accepted { by, reason, until } if standing == Standing::Accepted => {
                (reason.clone(), Some(by.clone()), Some(until.to_string()))
            }
            State::Answered { note, .. } => (note.clone(), None, None),
            _ => (String::new(), None, None),
        };
        let (mails, last_mailed_at) = (ticket.mails, ticket.last_mailed_at);
        Facts { state: standing.as_str(), standing, mails, last_mailed_at, reason, accepted_by, accepted_until }
    }
}

/// A ticket with its page and its finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    pub account: String,
    pub title: String,
    pub check: String,
    pub clause: String,
    pub asks: &'static str,
    pub what: String,
    pub since: Timestamp,
    /// The owner's address; empty where the register has none.
    pub owner: String,
    pub ticket: Facts,
}

/// Every open finding with how its ticket stands, what needs IT first; then what was verified of late.
pub fn list(conn: &Conn, config: &Config, now: Timestamp) -> Result<Vec<Listed>> {
    let desk = Desk::gather(conn)?;
    let verified = tickets::verified(conn, now - VERIFIED_FOR)?;
    let place = |id: &str| CHECKS.iter().position(|check| check.id == id);
    let one = |ticket: &Ticket| {
        let account = desk.accounts.get(&ticket.account)?;
        Some(Listed {
            account: account.row.slug.clone(),
            title: account.title(),
            check: ticket.check.clone(),
            clause: ticket.clause.clone(),
            asks: place(&ticket.check).map_or("", |at| CHECKS[at].title),
            what: ticket.what.clone(),
            since: ticket.since,
            owner: address(account).to_owned(),
            ticket: Facts::of(ticket, account, now, &config.time_zone),
        })
    };
    let mut found: Vec<Listed> = desk.tickets.iter().chain(&verified).filter_map(one).collect();
    found.sort_by(|a, b| {
        let key = |one: &Listed| (one.ticket.standing, one.account.clone(), place(&one.check));
        key(a).cmp(&key(b))
    });
    Ok(found)
}
