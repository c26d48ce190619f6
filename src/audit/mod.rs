//! The audit: every page of the register against the district's own standard. A check is one function from the facts to a verdict;
//! what lacks data says so and never that all is well. Findings follow the verdicts and keep since when and on what they rest.

mod approvals;
pub mod attest;
mod checks;
mod links;
mod report;
mod standard;
mod subject;
#[cfg(test)]
mod tests;
pub mod tickets;
pub mod topics;

use std::collections::BTreeMap;

use anyhow::Result;

pub use approvals::Approval;
pub use checks::{CHECKS, POLICY, posted_words};
pub use links::PageName;
pub use report::{Line, Report, csv, report};
pub use standard::Standard;
pub use subject::{Seen, Subject};

use crate::config::Config;
use crate::db::findings::{self, Changed, End, Failing};
use crate::db::{self, Conn, Db};
use crate::model::Timestamp;

/// What a check says of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Holds {
        why: String,
    },
    /// `evidence` names the ledger entries it rests on.
    Fails {
        what: String,
        evidence: Vec<u64>,
    },
    /// The platform does not say, or we lack data.
    NotSaid {
        why: String,
    },
    /// Nobody filled in the register's cell, or the district has stated no standard: no failure.
    NotStated {
        what: String,
    },
}

impl Verdict {
    pub const fn as_str(&self) -> &'static str {
        match self {
            Verdict::Holds { .. } => "holds",
            Verdict::Fails { .. } => "fails",
            Verdict::NotSaid { .. } => "not_said",
            Verdict::NotStated { .. } => "not_stated",
        }
    }

    /// The reason, in a sentence's words.
    pub fn words(&self) -> &str {
        match self {
            Verdict::Holds { why } | Verdict::NotSaid { why } => why,
            Verdict::Fails { what, .. } | Verdict::NotStated { what } => what,
        }
    }

    pub fn evidence(&self) -> &[u64] {
        match self {
            Verdict::Fails { evidence, .. } => evidence,
            _ => &[],
        }
    }
}

/// A verdict, or the one that comes of what is missing on the way to it.
pub type Answer = Result<Verdict, Verdict>;

fn holds(why: impl Into<String>) -> Answer {
    Ok(Verdict::Holds { why: why.into() })
}

fn fails(what: impl Into<String>, evidence: impl IntoIterator<Item = u64>) -> Answer {
    Ok(Verdict::Fails { what: what.into(), evidence: evidence.into_iter().collect() })
}

fn not_said(why: impl Into<String>) -> Verdict {
    Verdict::NotSaid { why: why.into() }
}

fn not_stated(what: impl Into<String>) -> Verdict {
    Verdict::NotStated { what: what.into() }
}

/// Whose turn it is when a check fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Turn {
    Owner,
    It,
    Principal,
}

impl Turn {
    pub const fn as_str(self) -> &'static str {
        match self {
            Turn::Owner => "owner",
            Turn::It => "it",
            Turn::Principal => "principal",
        }
    }

    pub const fn words(self) -> &'static str {
        match self {
            Turn::Owner => "the page's owner",
            Turn::It => "IT",
            Turn::Principal => "the principal",
        }
    }
}

/// One check. The table has the gravest first.
pub struct Check {
    /// Never changes: findings hang on it.
    pub id: &'static str,
    /// The clause of `policy.toml`, or the law that asks for it.
    pub clause: &'static str,
    pub title: &'static str,
    pub turn: Turn,
    /// What to do, in the platform's own words where it is done there.
    pub act: &'static str,
    /// The platforms it is asked on; every one when empty. What a person has to say is asked where its topic is.
    pub platforms: &'static [&'static str],
    pub run: fn(&Subject, &Standard) -> Answer,
}

impl Check {
    /// What to do, for whoever audits: what only a person can say is asked of the owner and recorded by IT.
    pub fn act_and_record(&self, slug: &str) -> String {
        let recorded = topics::topic(self.id).map(|_| format!("; what was said is recorded at /attest/{slug}"));
        format!("{}{}", self.act, recorded.unwrap_or_default())
    }

    /// The verdict on a page; `None` where it is not asked.
    pub fn of(&self, subject: &Subject, standard: &Standard) -> Option<Verdict> {
        let platform = subject.account.row.platform.as_str();
        let is_asked = (self.platforms.is_empty() || self.platforms.contains(&platform))
            && topics::topic(self.id).is_none_or(|topic| topic.is_asked(&subject.account));
        is_asked.then(|| (self.run)(subject, standard).unwrap_or_else(|verdict| verdict))
    }
}

/// Where a check stands in the table: the gravest first, one that is not in it any more behind all.
pub fn place(id: &str) -> usize {
    CHECKS.iter().position(|check| check.id == id).unwrap_or(CHECKS.len())
}

/// Whose turn, by the word that a finding keeps.
pub fn turn_words(turn: &str) -> &'static str {
    let known = [Turn::Owner, Turn::It, Turn::Principal].into_iter().find(|known| known.as_str() == turn);
    known.unwrap_or(Turn::It).words()
}

/// A check by its id.
pub fn check(id: &str) -> Option<&'static Check> {
    CHECKS.iter().find(|check| check.id == id)
}

/// The checks that serve a clause of the policy, by id.
pub fn serving(clause: &str) -> Vec<&'static str> {
    CHECKS.iter().filter(|check| check.clause == clause).map(|check| check.id).collect()
}

/// A page with every verdict on it.
pub struct Examined {
    pub account: db::accounts::Account,
    /// Why nothing is being kept of it; `None`: connected and kept.
    pub not_kept: Option<String>,
    pub verdicts: Vec<(&'static Check, Verdict)>,
}

/// One run over the register.
pub struct Audit {
    pub at: Timestamp,
    pub pages: Vec<Examined>,
    /// What the district's site lists and the register does not have.
    pub strays: Vec<PageName>,
    /// The newest ledger entry that was known.
    pub through: u64,
}

/// Looks at every page that is not retired, and brings the findings up to what it saw.
pub fn run(db: &Db, config: &Config, now: Timestamp) -> Result<(Audit, Changed)> {
    let audit = db.read(|conn| look(conn, config, now))?;
    let changed = keep(db, &audit, now)?;
    Ok((audit, changed))
}

/// Audits again when a page's facts have changed since the last time, or somebody has said something of a page.
pub fn catch_up(db: &Db, config: &Config, now: Timestamp) -> Result<()> {
    let is_due = db.read(|conn| {
        let last = findings::last_run(conn, Timestamp::MAX)?;
        let newest = db::facts::newest_profile(conn)?.max(db::attestations::newest(conn)?);
        Ok(newest > last.map_or(0, |run| run.through))
    })?;
    if is_due {
        run(db, config, now)?;
    }
    Ok(())
}

/// The same, and nothing is written.
pub fn look(conn: &Conn, config: &Config, now: Timestamp) -> Result<Audit> {
    let standard = standard(conn, config, now)?;
    let through = db::ledger::size(conn)?;
    let subjects = subject::load(conn, config, &standard, None, now)?;
    let pages = subjects.into_iter().map(|subject| examine(subject, &standard)).collect();
    Ok(Audit { at: now, pages, strays: standard.strays(), through })
}

/// One page with every verdict on it; `None` once it is retired.
pub fn look_at(conn: &Conn, config: &Config, account: i64, now: Timestamp) -> Result<Option<Examined>> {
    let standard = standard(conn, config, now)?;
    let subject = subject::load(conn, config, &standard, Some(account), now)?.pop();
    Ok(subject.map(|subject| examine(subject, &standard)))
}

/// What the district's site lists and the register does not have.
pub fn strays(conn: &Conn, config: &Config, now: Timestamp) -> Result<Vec<PageName>> {
    Ok(standard(conn, config, now)?.strays())
}

fn standard(conn: &Conn, config: &Config, now: Timestamp) -> Result<Standard> {
    let mut standard = Standard::load(config, now)?;
    standard.know(conn)?;
    standard.begun = db::attestations::topics(conn)?;
    Ok(standard)
}

fn examine(subject: Subject, standard: &Standard) -> Examined {
    let verdicts = CHECKS.iter().filter_map(|check| Some((check, check.of(&subject, standard)?))).collect();
    Examined { not_kept: subject.not_kept, account: subject.account, verdicts }
}

fn keep(db: &Db, audit: &Audit, now: Timestamp) -> Result<Changed> {
    let accounts: Vec<i64> = audit.pages.iter().map(|page| page.account.id).collect();
    let (mut failing, mut ended) = (Vec::new(), Vec::new());
    for page in &audit.pages {
        let mut asked: BTreeMap<&'static str, Option<End>> =
            CHECKS.iter().map(|check| (check.id, Some(End::Withdrawn))).collect();
        for (check, verdict) in &page.verdicts {
            asked.insert(check.id, end_of(verdict));
            if let Verdict::Fails { what, evidence } = verdict {
                failing.push(Failing {
                    account: page.account.id,
                    slug: page.account.row.slug.clone(),
                    check: check.id,
                    clause: check.clause,
                    turn: check.turn.as_str(),
                    what: what.clone(),
                    evidence: evidence.clone(),
                });
            }
        }
        ended.extend(asked.into_iter().filter_map(|(check, how)| Some((page.account.id, check, how?))));
    }
    let through = audit.through;
    db.writer.write(move |tx| findings::keep(tx, &accounts, &failing, &ended, through, now))
}

/// How an open finding ends with this verdict; what is not said leaves it open.
const fn end_of(verdict: &Verdict) -> Option<End> {
    match verdict {
        Verdict::Holds { .. } => Some(End::Fixed),
        Verdict::NotStated { .. } => Some(End::Withdrawn),
        Verdict::Fails { .. } | Verdict::NotSaid { .. } => None,
    }
}
