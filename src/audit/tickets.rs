//! Tickets: an owner is asked to mend what is hers to mend, at once, after two days, then every five, never in the holidays, in one
//! mail for all her pages. Her answer rests it; the audit has the last word.
//!
//! Nothing goes to owners until an administrator has switched it on. Until the archive is live, mails go to the administrator alone.

mod link;
mod list;
mod spanish;
mod words;

use std::collections::{BTreeMap, HashMap};

use anyhow::Result;
use jiff::civil::Date;

pub use link::Links;
pub use list::{Facts, Listed, list};
pub use words::sample;

use super::{CHECKS, Check, Turn};
use crate::config::Config;
use crate::db::accounts::Account;
use crate::db::tickets::{self, Answer, State, Step, Ticket, Told};
use crate::db::{Conn, Db, accounts, alerts, mails};
use crate::mail::Kind;
use crate::model::{AccountStatus, Timestamp};
use crate::text::dates;
use crate::text::letter::Mark;
use words::{PageOf, Thing, Words};

/// From the first mail to the second, and between later ones.
const SECOND_AFTER_DAYS: i32 = 2;
const LATER_AFTER_DAYS: i32 = 5;

/// An answer that it is done is taken back after so long, also when not everything that the finding rests on was read again.
const DONE_HOLDS_DAYS: i32 = 5;

/// The owner's address as the register has it; empty where it is none.
pub fn address(account: &Account) -> &str {
    let address = account.row.owner_email.trim();
    if is_address(address) { address } else { "" }
}

/// Whether this is one address, to which a mail can go.
pub fn is_address(address: &str) -> bool {
    let is_one = |(name, host): (&str, &str)| !name.is_empty() && host.contains('.') && !host.contains('@');
    address.split_once('@').is_some_and(is_one) && !address.contains(|c: char| c.is_whitespace() || c == ',')
}

/// How a ticket stands today, in the order in which a list has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// The owner asks IT for help, or says that the page is another's.
    Help,
    NotMine,
    /// Nobody can be asked: the register has no address, or the page is not active.
    NoAddress,
    NotActive,
    /// The owner was asked.
    Asked,
    /// It waits for its first mail.
    Waits,
    /// The owner says that it is done; the next look decides.
    Done,
    /// IT's or the principal's turn: nobody is mailed.
    Others,
    Accepted,
    /// The check was seen to hold again.
    Verified,
}

impl Standing {
    /// As `--json` has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Standing::Help => "help",
            Standing::NotMine => "not_mine",
            Standing::NoAddress => "no_address",
            Standing::NotActive => "not_active",
            Standing::Asked => "open",
            Standing::Waits => "waits",
            Standing::Done => "done",
            Standing::Others => "not_the_owners",
            Standing::Accepted => "accepted",
            Standing::Verified => "verified",
        }
    }

    pub const fn words(self) -> &'static str {
        match self {
            Standing::Help => "The owner asks for help: IT's turn",
            Standing::NotMine => "The owner says that the page is another's: IT finds out whose",
            Standing::NoAddress => "Nobody to ask: the register has no address of an owner",
            Standing::NotActive => "Nobody is asked: the page is not active in the register",
            Standing::Asked => "Open: the owner was asked",
            Standing::Waits => "Open: waits for the first mail",
            Standing::Done => "The owner says that it is done: the next audit decides",
            Standing::Others => "IT's or the principal's turn: no owner is mailed",
            Standing::Accepted => "Accepted as it is for now",
            Standing::Verified => "Verified: the check was seen to hold",
        }
    }

    /// Nobody is mailed until a person or a day ends it.
    pub const fn rests(self) -> bool {
        matches!(self, Standing::Help | Standing::NotMine | Standing::Done | Standing::Accepted)
    }

    pub fn of(ticket: &Ticket, account: &Account, today: Date) -> Standing {
        if ticket.ended_at.is_some() {
            return Standing::Verified;
        }
        let same_owner = ticket.owner.eq_ignore_ascii_case(address(account));
        match &ticket.state {
            State::Accepted { until, .. } if *until >= today => Standing::Accepted,
            _ if ticket.turn != Turn::Owner.as_str() => Standing::Others,
            _ if address(account).is_empty() => Standing::NoAddress,
            _ if account.status != AccountStatus::Active => Standing::NotActive,
            State::Answered { answer, .. } if same_owner => match answer {
                Answer::Done => Standing::Done,
                Answer::Help => Standing::Help,
                Answer::NotMine => Standing::NotMine,
            },
            State::Open if ticket.mails > 0 => Standing::Asked,
            _ => Standing::Waits,
        }
    }
}

/// To whom mails go.
#[derive(Debug)]
pub enum Audience<'a> {
    /// To each owner, with links of hers.
    Owners(&'a Links),
    /// Before going live: all of them to the administrator, with links that lead to no answer.
    Administrator(&'a str),
    /// To be looked at, as the owners would get them; the links lead to no answer.
    Nobody,
}

/// What a look at the tickets needs.
#[derive(Debug)]
pub struct Desk {
    pub tickets: Vec<Ticket>,
    pub accounts: HashMap<i64, Account>,
}

impl Desk {
    pub fn gather(conn: &Conn) -> Result<Desk> {
        let accounts = accounts::all(conn)?.into_iter().map(|account| (account.id, account)).collect();
        Ok(Desk { tickets: tickets::open(conn)?, accounts })
    }
}

/// Makes the mails that are due and puts them into the outbox; returns how many. Does nothing while it is switched off, in the
/// holidays, or without a mail section.
pub fn run(db: &Db, config: &Config, now: Timestamp) -> Result<usize> {
    let today = dates::date(now, &config.time_zone);
    let Some(mail) = &config.mail else { return Ok(0) };
    if config.audit.holidays.iter().any(|days| days.contains(today)) || !db.read(tickets::is_on)? {
        return Ok(0);
    }
    let (links, administrator) = (Links::open(config)?, mail.administrator.clone());
    let config = config.clone();
    // Read and written in one transaction: an answer that comes at the same time is before it or after it.
    db.writer.write(move |tx| {
        let is_live = alerts::live_since(tx)?.is_some();
        let audience = match (&administrator, is_live) {
            (_, true) => Audience::Owners(&links),
            (Some(address), false) => Audience::Administrator(address),
            (None, false) => return Ok(0),
        };
        let steps = plan(&Desk::gather(tx)?, &config, &audience, now);
        tickets::carry_out(tx, &steps, now)
    })
}

/// The mails that would go if they were switched on now, as the owners would get them.
pub fn preview(conn: &Conn, config: &Config, now: Timestamp) -> Result<Vec<mails::New>> {
    let steps = plan(&Desk::gather(conn)?, config, &Audience::Nobody, now);
    Ok(steps.into_iter().map(|step| step.mail).collect())
}

/// Why a finding is in a mail, and whether the mail goes because of it.
struct Asked<'d> {
    ticket: &'d Ticket,
    check: &'static Check,
    is_due: bool,
    again: Option<&'static str>,
}

/// Which mails are due: pure, from findings, tickets, register and the time.
pub fn plan(desk: &Desk, config: &Config, audience: &Audience<'_>, now: Timestamp) -> Vec<Step> {
    let today = dates::date(now, &config.time_zone);
    let mut by_owner: BTreeMap<String, BTreeMap<&str, Vec<Asked<'_>>>> = BTreeMap::new();
    for ticket in &desk.tickets {
        let Some(account) = desk.accounts.get(&ticket.account) else { continue };
        if is_disowned(desk, account, today) {
            continue;
        }
        let reader = match audience {
            Audience::Administrator(address) => address,
            _ => address(account),
        };
        if let Some(asked) = asked(ticket, account, reader, config, today) {
            let owner = by_owner.entry(address(account).to_lowercase()).or_default();
            owner.entry(account.row.slug.as_str()).or_default().push(asked);
        }
    }
    let due = |pages: &BTreeMap<&str, Vec<Asked<'_>>>| pages.values().flatten().any(|asked| asked.is_due);
    by_owner.values().filter(|pages| due(pages)).map(|pages| step(desk, pages, config, audience, now)).collect()
}

/// The owner of now has said that the page is another's: she is asked nothing more about it.
fn is_disowned(desk: &Desk, account: &Account, today: Date) -> bool {
    let own = |ticket: &&Ticket| ticket.account == account.id;
    desk.tickets.iter().filter(own).any(|ticket| Standing::of(ticket, account, today) == Standing::NotMine)
}

/// Whether a finding belongs into a mail to `reader`; `None`: it rests, or is nobody's to be mailed.
fn asked<'d>(ticket: &'d Ticket, account: &Account, reader: &str, config: &Config, today: Date) -> Option<Asked<'d>> {
    let check = CHECKS.iter().find(|check| check.id == ticket.check)?;
    let day = |at: Timestamp| dates::date(at, &config.time_zone);
    let anew = |again| Some(Asked { ticket, check, is_due: true, again });
    match Standing::of(ticket, account, today) {
        Standing::Waits | Standing::Asked | Standing::Done => {}
        _ => return None,
    }
    let is_known = ticket.mails > 0 || matches!(ticket.state, State::Answered { .. });
    if is_known && !matches!(ticket.state, State::Accepted { .. }) && !ticket.owner.eq_ignore_ascii_case(reader) {
        return anew(Some("it goes to another address"));
    }
    match &ticket.state {
        State::Accepted { .. } => anew(Some("the day until which it was accepted has passed")),
        State::Answered { at, is_looked_at, .. } => {
            let is_old = days_between(day(*at), day(ticket.seen_at)) >= DONE_HOLDS_DAYS;
            let still_fails = ticket.seen_at > *at && (*is_looked_at || is_old);
            if still_fails { anew(Some("the check still fails after the answer that it is done")) } else { None }
        }
        State::Open => {
            let rest = if ticket.mails < 2 { SECOND_AFTER_DAYS } else { LATER_AFTER_DAYS };
            let has_rested = |at| days_between(day(at), today) >= rest;
            let is_due = ticket.mails == 0 || ticket.last_mailed_at.is_none_or(has_rested);
            Some(Asked { ticket, check, is_due, again: None })
        }
    }
}

/// By the calendar, so that a mail comes at the same hour when the clocks change.
fn days_between(from: Date, to: Date) -> i32 {
    from.until(to).map_or(0, |span| span.get_days())
}

fn step(
    desk: &Desk,
    pages: &BTreeMap<&str, Vec<Asked<'_>>>,
    config: &Config,
    audience: &Audience<'_>,
    now: Timestamp,
) -> Step {
    let mut things: Vec<&Asked<'_>> = pages.values().flatten().collect();
    things.sort_by_key(|asked| asked.ticket.finding);
    let told = things.iter().map(|asked| Told { finding: asked.ticket.finding, again: asked.again }).collect();
    let what: Vec<String> =
        things.iter().map(|asked| format!("{}:{}", asked.ticket.finding, asked.ticket.seq)).collect();
    let of = |asked: &&Asked<'_>| desk.accounts.get(&asked.ticket.account);
    let owner = things.first().and_then(of).map_or("", address);
    let recipient = match audience {
        Audience::Administrator(address) => address,
        _ => owner,
    };
    let words = Words {
        config,
        pages: pages.values().filter_map(|asked| page(desk, asked, config, audience, now)).collect(),
        mark: if matches!(audience, Audience::Administrator(_)) { Mark::Preview } else { Mark::Plain },
        is_reminder: things.iter().all(|asked| asked.again.is_none() && asked.ticket.mails > 0),
        now,
    };
    let written = words.write();
    let mail = mails::New {
        kind: Kind::Ticket.as_str(),
        message_id: words::message_id(config, &format!("{recipient}\n{owner}"), &what),
        recipient: recipient.to_owned(),
        subject: written.subject,
        text: written.letter.text(),
        html: written.letter.html(),
        important: false,
    };
    Step { mail, told }
}

fn page<'d>(
    desk: &'d Desk,
    asked: &[Asked<'d>],
    config: &Config,
    audience: &Audience<'_>,
    now: Timestamp,
) -> Option<PageOf<'d>> {
    let account = desk.accounts.get(&asked.first()?.ticket.account)?;
    let token = match audience {
        Audience::Owners(links) => links.token(account, now),
        Audience::Administrator(_) | Audience::Nobody => "preview".to_owned(),
    };
    let said_done = |ticket: &Ticket| match &ticket.state {
        State::Answered { answer: Answer::Done, at, .. } => Some((*at, ticket.seen_at)),
        _ => None,
    };
    let mut things: Vec<Thing<'d>> = asked
        .iter()
        .map(|one| Thing {
            check: one.check,
            what: &one.ticket.what,
            said_done: said_done(one.ticket).filter(|_| one.again.is_some() && one.ticket.owner == address(account)),
        })
        .collect();
    things.sort_by_key(|thing| CHECKS.iter().position(|check| check.id == thing.check.id));
    Some(PageOf { account, link: config.link(&format!("/answer/{token}")), things })
}
