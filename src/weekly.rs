//! The weekly report: gathered from the ledger entries since the last one, stored with its lists and its mails in one
//! transaction, and sent from the outbox.

mod gather;
mod render;

use anyhow::{Result, bail};
use jiff::SignedDuration;

use crate::config::Config;
use crate::db::{self, Db, accounts, alerts, findings, mails, reports, samples, tickets};
use crate::mail::{Kind, Message};
use crate::model::Timestamp;
use crate::seal;
use crate::text::dates;
use crate::text::letter::Mark;

use gather::Seen;
pub use gather::{Account, FindingLine, Findings, FlagLine, GapLine, Lists, NotKept, Scope};
use render::Page;

/// How many items without a flag a report draws for a look.
const SAMPLE: u32 = 20;

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub struct Ask {
    /// An ISO week as in *2026-W47*; the report of a week that was sent is shown again.
    pub week: Option<String>,
    /// Renders what would be sent, and stores nothing.
    pub dry_run: bool,
    /// The newest time at or before now at which a report was due, by `[weekly] cron`: a report made since then is that one,
    /// and no second is made.
    pub slot: Option<Timestamp>,
    /// When the next one comes.
    pub next: Option<Timestamp>,
    /// What the reader should know of the rules beside their flags.
    pub notes: Vec<String>,
}

/// A report, made now or before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    pub report: reports::Report,
    /// Mails put into the outbox by this call.
    pub mails: usize,
    /// Whether this call made it; else it was made before, or nothing was stored.
    pub is_new: bool,
}

/// Makes the report that is due and puts its mails into the outbox; or shows one that was made.
pub fn run(db: &Db, config: &Config, ask: &Ask, now: Timestamp) -> Result<Made> {
    let last = db.read(reports::latest)?;
    if let Some(report) = made_before(db, ask, last.as_ref())? {
        return Ok(Made { report, mails: 0, is_new: false });
    }
    let mut gathered = gather::gather(see(db, config, last.as_ref(), now)?, config, now);
    gathered.lists.notes.clone_from(&ask.notes);
    if let Some(week) = ask.week.as_ref().filter(|week| **week != gathered.lists.week) {
        bail!("there is no report of {week}: the next one will be that of {}", gathered.lists.week);
    }
    let id = last.map_or(1, |last| last.id + 1);
    let page = Page { config, lists: &gathered.lists, words: &gathered.words, report: id, now, next: ask.next };
    let whole = page.render(None, Mark::Plain);
    let report = reports::Report {
        id,
        week: gathered.lists.week.clone(),
        from_seq: gathered.lists.from_seq,
        to_seq: gathered.lists.to_seq,
        made_at: now,
        subject: whole.subject,
        text: whole.letter.text(),
        html: whole.letter.html(),
        lists: serde_json::to_string(&gathered.lists)?,
    };
    if ask.dry_run {
        return Ok(Made { report, mails: 0, is_new: false });
    }
    let letters = letters(&page, config, gathered.is_live);
    let (kept, mails) = (report.clone(), letters.len());
    db.writer.write(move |tx| {
        reports::store(tx, &kept, &letters)?;
        samples::draw(tx, &kept.week, kept.from_seq, kept.to_seq, SAMPLE, now)
    })?;
    Ok(Made { report, mails, is_new: true })
}

/// The report that was asked for, when it stands.
fn made_before(db: &Db, ask: &Ask, last: Option<&reports::Report>) -> Result<Option<reports::Report>> {
    match (&ask.week, ask.slot) {
        (Some(week), _) => db.read(|conn| reports::of_week(conn, week)),
        (None, Some(slot)) if !ask.dry_run => Ok(last.filter(|last| last.made_at >= slot).cloned()),
        _ => Ok(None),
    }
}

/// Reads what the report is about: the entries since the last one, and how things stand.
fn see(db: &Db, config: &Config, last: Option<&reports::Report>, now: Timestamp) -> Result<Seen> {
    db.read(|conn| {
        let (from_seq, from) = gather::begins(last, reports::archive_made_at(conn)?);
        let to_seq = reports::end(conn, from_seq)?;
        let mut flags = Vec::new();
        for flag in reports::flags(conn, from_seq, to_seq, config.alerts.fresh_days)? {
            let words = if flag.version > from_seq { reports::own_words(conn, &flag)? } else { None };
            flags.push((flag, words));
        }
        Ok(Seen {
            from_seq,
            to_seq,
            from,
            accounts: accounts::all(conn)?,
            flags,
            kept: reports::kept(conn, from_seq, to_seq)?,
            gaps: reports::gaps(conn, from_seq, to_seq, from)?,
            refused: mails::refused_since(conn, from)?,
            findings: found(conn, config, from_seq, to_seq, now)?,
            record: reports::record(conn)?,
            asking: tickets::asking(conn)?,
            is_live: alerts::live_since(conn)?.is_some(),
        })
    })
}

/// Findings that are new, fixed and overdue; `None` until an audit was made.
fn found(
    conn: &db::Conn,
    config: &Config,
    from: u64,
    to: u64,
    now: Timestamp,
) -> Result<Option<[Vec<findings::Finding>; 3]>> {
    if findings::last_run(conn, Timestamp::MAX)?.is_none() {
        return Ok(None);
    }
    let today = dates::date(now, &config.time_zone).to_string();
    let waited = now - SignedDuration::from_hours(24 * i64::from(config.audit.overdue_days));
    let overdue = findings::overdue(conn, waited, &today)?.into_iter().filter(|one| one.opened_seq <= to);
    Ok(Some([findings::opened(conn, from, to)?, findings::fixed(conn, from, to)?, overdue.collect()]))
}

/// One mail a recipient, each with her own pages; before going live one to the administrator.
fn letters(page: &Page<'_>, config: &Config, is_live: bool) -> Vec<mails::New> {
    let Some(mail) = &config.mail else { return Vec::new() };
    let written = |to: &str, scope: Option<usize>, mark: Mark| {
        let written = page.render(scope, mark);
        mails::New {
            kind: Kind::Weekly.as_str(),
            message_id: message_id(config, to, &format!("{} {} {scope:?}", page.lists.from_seq, page.lists.to_seq)),
            recipient: to.to_owned(),
            subject: written.subject,
            text: written.letter.text(),
            html: written.letter.html(),
            important: false,
        }
    };
    if !is_live {
        return mail.administrator.iter().map(|to| written(to, None, Mark::Preview)).collect();
    }
    let recipients = config.weekly.recipients.iter();
    recipients.map(|to| written(&to.address, page.lists.scope_of(to), Mark::Plain)).collect()
}

fn message_id(config: &Config, to: &str, what: &str) -> String {
    let digest = seal::sha256(format!("weekly\n{to}\n{what}").as_bytes());
    format!("<weekly-{}@{}>", hex::encode(&digest[..8]), config.mail_domain())
}

/// A sample for `mail test`, marked *test*, from an invented week.
pub fn sample(to: &str, config: &Config, now: Timestamp) -> Message {
    let (lists, words) = gather::sample(config, now);
    let next = Some(now + SignedDuration::from_hours(24 * 7));
    let page = Page { config, lists: &lists, words: &words, report: 0, now, next };
    let written = page.render(None, Mark::Test);
    Message {
        to: to.to_owned(),
        subject: written.subject,
        text: written.letter.text(),
        html: written.letter.html(),
        important: false,
        message_id: message_id(config, to, &format!("test {now}")),
        kind: Kind::Weekly,
        date: now,
    }
}
