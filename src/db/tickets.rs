//! Tickets: what owners were asked to mend, what they answered, and what was accepted as it is. A ticket belongs to one finding.

use std::collections::HashMap;

use anyhow::{Context as _, Result, ensure};
use jiff::civil::Date;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use super::ledger::Log;
use super::{at, inputs, mails, ms, row_id, seq};
use crate::model::Timestamp;

/// The kind of the input that says whether mails go to owners: `on`, or `off`.
const SWITCH: &str = "tickets";

/// What an owner says of her page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Answer {
    Done,
    Help,
    NotMine,
}

impl Answer {
    pub const ALL: [Answer; 3] = [Answer::Done, Answer::Help, Answer::NotMine];

    pub const fn as_str(self) -> &'static str {
        match self {
            Answer::Done => "done",
            Answer::Help => "help",
            Answer::NotMine => "not_mine",
        }
    }
}

impl FromSql for Answer {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Answer> {
        let word = value.as_str()?;
        Answer::ALL.into_iter().find(|one| one.as_str() == word).ok_or(FromSqlError::InvalidType)
    }
}

/// How a ticket stands by what people said. What depends on today (an acceptance that has run out) is applied by who reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    Open,
    Answered {
        answer: Answer,
        at: Timestamp,
        /// The owner's note.
        note: String,
        /// What the finding rests on was looked at again since: the audit's word counts.
        is_looked_at: bool,
    },
    /// Left as it is until this day has passed.
    Accepted {
        by: String,
        reason: String,
        until: Date,
    },
}

/// A finding with its ticket. One that was never mailed, answered or accepted has no row: it is open, and `mails` is 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    pub finding: i64,
    pub account: i64,
    pub check: String,
    pub clause: String,
    /// Whose turn it is, as the audit words it.
    pub turn: String,
    pub what: String,
    pub since: Timestamp,
    pub seen_at: Timestamp,
    /// When the check was seen to hold, for one that is verified.
    pub ended_at: Option<Timestamp>,
    pub state: State,
    /// The address last written to.
    pub owner: String,
    /// How many mails it was in, since it was last begun from the first step.
    pub mails: u32,
    pub last_mailed_at: Option<Timestamp>,
    /// The newest ledger entry about it: its own, or the finding's.
    pub seq: u64,
}

/// `is_looked_at`: every post or page that the finding rests on was read again after the owner's answer.
const SELECT: &str = "SELECT f.id, f.account_id, f.check_id, f.clause, f.turn, f.what, f.since, f.seen_at, f.ended_at,
      t.state, t.answer, t.answered_at, t.reason, t.accepted_by, t.accepted_until, coalesce(t.owner, ''), coalesce(t.mails, 0),
      t.last_mailed_at, coalesce(t.seq, f.opened_seq),
      NOT EXISTS (SELECT 1 FROM json_each(f.evidence) e JOIN versions v ON v.seq = e.value JOIN items i ON i.id = v.item_id
                  WHERE i.last_seen_at <= t.answered_at)
    FROM findings f LEFT JOIN tickets t ON t.finding_id = f.id";

fn ticket(row: &Row<'_>) -> Result<Ticket> {
    Ok(Ticket {
        finding: row.get(0)?,
        account: row.get(1)?,
        check: row.get(2)?,
        clause: row.get(3)?,
        turn: row.get(4)?,
        what: row.get(5)?,
        since: at(row.get(6)?),
        seen_at: at(row.get(7)?),
        ended_at: row.get::<_, Option<i64>>(8)?.map(at),
        state: state(row)?,
        owner: row.get(15)?,
        mails: row.get(16)?,
        last_mailed_at: row.get::<_, Option<i64>>(17)?.map(at),
        seq: seq(row.get(18)?),
    })
}

fn state(row: &Row<'_>) -> Result<State> {
    Ok(match row.get::<_, Option<String>>(9)?.as_deref() {
        Some("answered") => State::Answered {
            answer: row.get(10)?,
            at: at(row.get(11)?),
            note: row.get(12)?,
            is_looked_at: row.get(19)?,
        },
        Some("accepted") => State::Accepted {
            by: row.get::<_, Option<String>>(13)?.unwrap_or_default(),
            reason: row.get(12)?,
            until: row.get::<_, String>(14)?.parse().context("the day until which a finding is accepted")?,
        },
        _ => State::Open,
    })
}

fn all(conn: &Connection, which: &str, parameters: &[&dyn rusqlite::ToSql]) -> Result<Vec<Ticket>> {
    let mut statement = conn.prepare_cached(&format!("{SELECT} WHERE {which}"))?;
    let mut rows = statement.query(parameters)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(ticket(row)?);
    }
    Ok(found)
}

/// Every open finding with its ticket, the oldest first.
pub fn open(conn: &Connection) -> Result<Vec<Ticket>> {
    all(conn, "f.ended IS NULL ORDER BY f.since, f.id", &[])
}

/// Findings that were mailed, answered or accepted and whose check was seen to hold after a time, the newest first.
pub fn verified(conn: &Connection, after: Timestamp) -> Result<Vec<Ticket>> {
    let which = "f.ended = 'fixed' AND f.ended_at > ?1 AND t.finding_id IS NOT NULL ORDER BY f.ended_at DESC, f.id";
    all(conn, which, &[&ms(after)])
}

/// Whether mails go to owners.
pub fn is_on(conn: &Connection) -> Result<bool> {
    Ok(inputs::in_force(conn, SWITCH)?.is_some_and(|(_, text)| text == "on"))
}

/// Switches them on or off; `false`: they were so already.
pub fn switch(tx: &Transaction<'_>, on: bool, actor: &str, now: Timestamp) -> Result<bool> {
    if is_on(tx)? == on {
        return Ok(false);
    }
    inputs::put_by(tx, SWITCH, if on { "on" } else { "off" }, Some(actor), now)
}

/// One mail to be stored, and what it tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub mail: mails::New,
    /// The findings in it.
    pub told: Vec<Told>,
}

/// A finding in a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub finding: i64,
    /// Why it begins anew, where it was answered or accepted before, or went to another address.
    pub again: Option<&'static str>,
}

/// Stores the mails and moves their tickets on, all of it together. Returns how many are new.
pub fn carry_out(tx: &Transaction<'_>, steps: &[Step], now: Timestamp) -> Result<usize> {
    let mut log = Log::open(tx)?;
    let mut stored = 0;
    for step in steps {
        if mails::put(tx, &step.mail, now)?.is_none() {
            continue;
        }
        stored += 1;
        for told in &step.told {
            mailed(tx, &mut log, told, &step.mail.recipient, now)?;
        }
    }
    Ok(stored)
}

fn mailed(tx: &Transaction<'_>, log: &mut Log<'_>, told: &Told, owner: &str, now: Timestamp) -> Result<()> {
    let (slug, check) = begun(tx, log, told.finding, now)?;
    let named =
        |change: &str| vec![("check", check.clone()), ("change", change.to_owned()), ("owner", owner.to_owned())];
    if let Some(reason) = told.again {
        let mut fields = named("reopened");
        fields.push(("reason", reason.to_owned()));
        let entry = log.record(now, "ticket", Some(&slug), None, &fields)?;
        begin_anew(tx, told.finding, entry)?;
    }
    let entry = log.record(now, "ticket", Some(&slug), None, &named("mailed"))?;
    tx.prepare_cached(
        "UPDATE tickets SET owner = ?2, mails = mails + 1, last_mailed_at = ?3,
           first_mailed_at = coalesce(first_mailed_at, ?3), seq = ?4 WHERE finding_id = ?1",
    )?
    .execute(params![told.finding, owner, ms(now), row_id(entry)])?;
    Ok(())
}

/// The ticket of a finding, made where there is none: the page's slug and the check.
fn begun(tx: &Transaction<'_>, log: &mut Log<'_>, finding: i64, now: Timestamp) -> Result<(String, String)> {
    let (slug, check, is_there): (String, String, bool) = tx
        .prepare_cached(
            "SELECT a.slug, f.check_id, EXISTS (SELECT 1 FROM tickets t WHERE t.finding_id = f.id)
             FROM findings f JOIN accounts a ON a.id = f.account_id WHERE f.id = ?1",
        )?
        .query_row([finding], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    if !is_there {
        let fields = [("check", check.clone()), ("change", "opened".to_owned())];
        let entry = log.record(now, "ticket", Some(&slug), None, &fields)?;
        tx.prepare_cached("INSERT INTO tickets (finding_id, state, seq) VALUES (?1, 'open', ?2)")?
            .execute(params![finding, row_id(entry)])?;
    }
    Ok((slug, check))
}

/// Records what an owner says of what she was asked about her page; how many tickets that moved. Saying the same again moves none.
/// After *done* the posts that the findings rest on are due for another look at once.
pub fn answer(
    tx: &Transaction<'_>,
    account: i64,
    owner: &str,
    answer: Answer,
    note: &str,
    now: Timestamp,
) -> Result<usize> {
    let mut log = Log::open(tx)?;
    let slug = super::accounts::by_id(tx, account)?.row.slug;
    let mut moved = 0;
    for ticket in asked(tx, account, owner)? {
        if matches!(&ticket.state, State::Answered { answer: known, note: said, .. } if *known == answer && said == note)
        {
            continue;
        }
        let mut fields = vec![
            ("check", ticket.check.clone()),
            ("change", "answered".to_owned()),
            ("owner", ticket.owner.clone()),
            ("answer", answer.as_str().to_owned()),
        ];
        if !note.is_empty() {
            fields.push(("reason", note.to_owned()));
        }
        let entry = log.record(now, "ticket", Some(&slug), Some(&ticket.owner), &fields)?;
        tx.prepare_cached(
            "UPDATE tickets SET state = 'answered', answer = ?2, answered_at = ?3, reason = ?4, seq = ?5 WHERE finding_id = ?1",
        )?
        .execute(params![ticket.finding, answer.as_str(), ms(now), note, row_id(entry)])?;
        if answer == Answer::Done {
            look_again(tx, ticket.finding, now)?;
        }
        moved += 1;
    }
    Ok(moved)
}

/// What an owner was asked about a page and was not settled otherwise.
pub fn asked(conn: &Connection, account: i64, owner: &str) -> Result<Vec<Ticket>> {
    let which =
        "f.ended IS NULL AND f.account_id = ?1 AND t.state IN ('open', 'answered') AND t.mails > 0 ORDER BY f.id";
    let mut found = all(conn, which, &[&account])?;
    found.retain(|ticket| ticket.owner.eq_ignore_ascii_case(owner));
    Ok(found)
}

fn look_again(tx: &Transaction<'_>, finding: i64, now: Timestamp) -> Result<()> {
    tx.prepare_cached(
        "UPDATE items SET due_at = min(due_at, ?2) WHERE due_at IS NOT NULL AND id IN (
           SELECT v.item_id FROM findings f, json_each(f.evidence) e JOIN versions v ON v.seq = e.value WHERE f.id = ?1)",
    )?
    .execute(params![finding, ms(now)])?;
    Ok(())
}

/// A person leaves a finding as it is until a day has passed.
pub fn accept(
    tx: &Transaction<'_>,
    (slug, check): (&str, &str),
    reason: &str,
    until: Date,
    actor: &str,
    now: Timestamp,
) -> Result<()> {
    ensure!(!reason.trim().is_empty(), "say why it is accepted");
    let finding: Option<i64> = tx
        .prepare_cached(
            "SELECT f.id FROM findings f JOIN accounts a ON a.id = f.account_id
             WHERE a.slug = ?1 AND f.check_id = ?2 AND f.ended IS NULL",
        )?
        .query_row([slug, check], |row| row.get(0))
        .optional()?;
    let finding = finding.with_context(|| format!("{slug} has no open finding of the check {check}"))?;
    let mut log = Log::open(tx)?;
    begun(tx, &mut log, finding, now)?;
    let fields = [
        ("check", check.to_owned()),
        ("change", "accepted".to_owned()),
        ("reason", reason.to_owned()),
        ("until", until.to_string()),
    ];
    let entry = log.record(now, "ticket", Some(slug), Some(actor), &fields)?;
    tx.prepare_cached(
        "UPDATE tickets SET state = 'accepted', answer = NULL, answered_at = NULL, reason = ?2, accepted_by = ?3,
           accepted_until = ?4, seq = ?5 WHERE finding_id = ?1",
    )?
    .execute(params![finding, reason, actor, until.to_string(), row_id(entry)])?;
    Ok(())
}

/// Begins anew what was answered or accepted: the owner is asked again from the first step. An answer that the page is another's is
/// about the page: all that it rests goes with it. Returns how many tickets that is.
pub fn reopen(
    tx: &Transaction<'_>,
    (slug, check): (&str, &str),
    reason: &str,
    actor: &str,
    now: Timestamp,
) -> Result<usize> {
    let answered = all(tx, "f.ended IS NULL AND t.state IN ('answered', 'accepted') ORDER BY f.id", &[])?;
    let account = super::accounts::by_slug(tx, slug)?.with_context(|| format!("{slug} is not in the register"))?.id;
    let own: Vec<Ticket> = answered.into_iter().filter(|ticket| ticket.account == account).collect();
    let named = own.iter().find(|ticket| ticket.check == check);
    let named = named.with_context(|| format!("{check} of {slug} is neither answered nor accepted: nothing rests"))?;
    let is_disowned = |ticket: &&Ticket| matches!(ticket.state, State::Answered { answer: Answer::NotMine, .. });
    let with_it = |ticket: &&Ticket| ticket.check == check || (is_disowned(&named) && is_disowned(ticket));
    let mut log = Log::open(tx)?;
    let mut begun = 0;
    for ticket in own.iter().filter(with_it) {
        let mut fields = vec![("check", ticket.check.clone()), ("change", "reopened".to_owned())];
        fields.extend((!reason.is_empty()).then(|| ("reason", reason.to_owned())));
        let entry = log.record(now, "ticket", Some(slug), Some(actor), &fields)?;
        begin_anew(tx, ticket.finding, entry)?;
        begun += 1;
    }
    Ok(begun)
}

fn begin_anew(tx: &Transaction<'_>, finding: i64, entry: u64) -> Result<()> {
    tx.prepare_cached(
        "UPDATE tickets SET state = 'open', mails = 0, answer = NULL, answered_at = NULL, reason = '', accepted_by = NULL,
           accepted_until = NULL, seq = ?2 WHERE finding_id = ?1",
    )?
    .execute(params![finding, row_id(entry)])?;
    Ok(())
}

/// Pages whose owner asks for help, or says that the page is not hers, and how many things that is about: IT's turn. An answer of
/// somebody who is not the owner any more asks for nothing.
pub fn asking(conn: &Connection) -> Result<Vec<Asking>> {
    let accounts: HashMap<i64, super::accounts::Account> =
        super::accounts::all(conn)?.into_iter().map(|account| (account.id, account)).collect();
    let mut found: Vec<Asking> = Vec::new();
    for ticket in all(conn, "f.ended IS NULL AND t.answer IN ('help', 'not_mine') ORDER BY t.answered_at, f.id", &[])? {
        let (State::Answered { answer, at, note, .. }, Some(account)) = (ticket.state, accounts.get(&ticket.account))
        else {
            continue;
        };
        if !account.row.owner_email.trim().eq_ignore_ascii_case(&ticket.owner) {
            continue;
        }
        match found.iter_mut().find(|one| one.slug == account.row.slug && one.answer == answer) {
            Some(one) => one.things += 1,
            None => found.push(Asking {
                slug: account.row.slug.clone(),
                title: account.title(),
                answer,
                since: at,
                note,
                things: 1,
            }),
        }
    }
    Ok(found)
}

/// See [`asking`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asking {
    pub slug: String,
    pub title: String,
    pub answer: Answer,
    pub since: Timestamp,
    pub note: String,
    pub things: usize,
}

impl Asking {
    /// *The owner of Mesa Vista High (Facebook) asks for help with 2 findings*
    pub fn words(&self) -> String {
        let findings = if self.things == 1 { "1 finding".to_owned() } else { format!("{} findings", self.things) };
        match self.answer {
            Answer::NotMine => format!("The listed owner of {} says that this is not their page", self.title),
            _ => format!("The owner of {} asks for help with {findings}", self.title),
        }
    }
}
