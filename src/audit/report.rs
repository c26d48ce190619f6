//! The audit in words: the first page, which can be read alone, and the lines behind it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::Result;
use jiff::tz::TimeZone;

use super::tickets::{self, Desk, Facts, Standing};
use super::{Audit, CHECKS, Check, Examined, Turn, Verdict};
use crate::db::Conn;
use crate::db::findings::{self, Changed, Finding};
use crate::model::{Timestamp, platform_title};
use crate::text::{dates, sheet};

/// What a run said, for people.
#[derive(Debug, Clone)]
pub struct Report {
    /// The first page, a paragraph each.
    pub summary: Vec<String>,
    /// Every verdict, failures first, the gravest of them before others.
    pub lines: Vec<Line>,
}

/// One verdict on one page.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Line {
    pub account: String,
    pub title: String,
    pub platform: String,
    pub owner: String,
    pub check: &'static str,
    pub clause: &'static str,
    pub asks: &'static str,
    pub verdict: &'static str,
    pub words: String,
    pub since: Option<Timestamp>,
    pub turn: &'static str,
    pub act: String,
    /// The ledger entries it rests on.
    pub evidence: Vec<u64>,
    /// How an open finding's ticket stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket: Option<Facts>,
}

impl Line {
    /// It fails, and somebody has left it so for now.
    pub fn is_accepted(&self) -> bool {
        self.ticket.as_ref().is_some_and(|ticket| ticket.standing == Standing::Accepted)
    }
}

/// Accounts and checks whose findings are accepted today.
type Accepted = BTreeSet<(i64, String)>;

/// Puts a run into words. What is open beside it (a check that lacks data leaves its finding open) stands in the lines too.
pub fn report(conn: &Conn, audit: &Audit, zone: &TimeZone) -> Result<Report> {
    let open: HashMap<(i64, String), Finding> =
        findings::open(conn)?.into_iter().map(|one| ((one.account, one.check.clone()), one)).collect();
    let desk = Desk::gather(conn)?;
    let facts: HashMap<(i64, String), Facts> = desk
        .tickets
        .iter()
        .filter_map(|ticket| {
            let account = desk.accounts.get(&ticket.account)?;
            Some(((ticket.account, ticket.check.clone()), Facts::of(ticket, account, audit.at, zone)))
        })
        .collect();
    let is_accepted = |(_, facts): &(&(i64, String), &Facts)| facts.standing == Standing::Accepted;
    let accepted: Accepted = facts.iter().filter(is_accepted).map(|(key, _)| key.clone()).collect();
    let mut lines: Vec<(u8, usize, Line)> = Vec::new();
    for page in &audit.pages {
        for (check, verdict) in &page.verdicts {
            let key = (page.account.id, check.id.to_owned());
            let line = Line { ticket: facts.get(&key).cloned(), ..line(page, check, verdict, open.get(&key)) };
            lines.push((order(verdict, line.is_accepted()), super::place(check.id), line));
        }
    }
    lines.sort_by(|a, b| (a.0, a.1, &a.2.account).cmp(&(b.0, b.1, &b.2.account)));
    let lines = lines.into_iter().map(|(.., line)| line).collect();
    let today = day_start(audit.at, zone);
    let before = findings::last_run(conn, today)?;
    let change = before.map(|run| Ok::<_, anyhow::Error>((run.at, findings::since(conn, run.at)?))).transpose()?;
    Ok(Report { summary: summary(audit, &accepted, change, zone), lines })
}

/// The beginning of a day: the audit compares itself with the last one of an earlier day.
fn day_start(at: Timestamp, zone: &TimeZone) -> Timestamp {
    let day = dates::date(at, zone);
    zone.to_timestamp(day.at(0, 0, 0, 0)).unwrap_or(at)
}

const fn order(verdict: &Verdict, is_accepted: bool) -> u8 {
    match verdict {
        Verdict::Fails { .. } if is_accepted => 1,
        Verdict::Fails { .. } => 0,
        Verdict::NotSaid { .. } => 2,
        Verdict::NotStated { .. } => 3,
        Verdict::Holds { .. } => 4,
    }
}

fn line(page: &Examined, check: &'static Check, verdict: &Verdict, open: Option<&Finding>) -> Line {
    let row = &page.account.row;
    let still = open.filter(|_| matches!(verdict, Verdict::NotSaid { .. }));
    Line {
        account: row.slug.clone(),
        title: page.account.title(),
        platform: row.platform.clone(),
        owner: row.owner_name.clone(),
        check: check.id,
        clause: check.clause,
        asks: check.title,
        verdict: verdict.as_str(),
        words: match still {
            Some(found) => format!("{}; last seen to fail: {}", verdict.words(), found.what),
            None => verdict.words().to_owned(),
        },
        since: open.map(|found| found.since),
        turn: check.turn.as_str(),
        act: check.act_and_record(&row.slug),
        evidence: still.map_or_else(|| verdict.evidence().to_vec(), |found| found.evidence.clone()),
        ticket: None,
    }
}

/// The first page.
fn summary(audit: &Audit, accepted: &Accepted, change: Option<(Timestamp, Changed)>, zone: &TimeZone) -> Vec<String> {
    let mut said = vec![pages(audit), needs(audit, accepted)];
    said.extend(firsts(audit, accepted));
    if !accepted.is_empty() {
        let verb = if accepted.len() == 1 { "is" } else { "are" };
        said.push(format!("{} {verb} accepted for now and not counted above.", counted(accepted.len(), "finding")));
    }
    if !audit.strays.is_empty() {
        said.push(format!("On the district's site and not in the register: {}.", {
            let strays: Vec<String> = audit.strays.iter().map(super::PageName::words).collect();
            strays.join(", ")
        }));
    }
    said.extend(unchecked(audit));
    said.extend(unstated(audit));
    said.push(match change {
        None => "This is the first day of the audit: there is none to compare it with.".to_owned(),
        Some((at, changed)) => format!(
            "Since the audit of {}: {} new, {} fixed, {} not asked any more.",
            dates::full(at, zone),
            changed.opened,
            changed.fixed,
            changed.withdrawn
        ),
    });
    said
}

/// *60 pages. 46 are connected and kept, 14 are not (9 X, 5 YouTube).*
fn pages(audit: &Audit) -> String {
    let all = audit.pages.len();
    let mut not_kept: BTreeMap<String, usize> = BTreeMap::new();
    for page in audit.pages.iter().filter(|page| page.not_kept.is_some()) {
        *not_kept.entry(platform_title(&page.account.row.platform)).or_default() += 1;
    }
    let count: usize = not_kept.values().sum();
    if all == 0 {
        return "The register is empty: pagekeeper accounts import FILE.csv".to_owned();
    }
    if count == 0 {
        return format!("{}, all connected and kept.", counted(all, "page"));
    }
    let mut by_platform: Vec<(String, usize)> = not_kept.into_iter().collect();
    by_platform.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let list: Vec<String> = by_platform.iter().map(|(platform, count)| format!("{count} {platform}")).collect();
    let verb = |count: usize| if count == 1 { "is" } else { "are" };
    let kept = all - count;
    format!(
        "{}. {kept} {} connected and kept, {count} {} not ({}).",
        counted(all, "page"),
        verb(kept),
        verb(count),
        list.join(", ")
    )
}

/// *21 need something: 12 from the page's owner, 6 from IT, 3 from the principal. 40 findings in all; each page counts once, with its gravest.*
fn needs(audit: &Audit, accepted: &Accepted) -> String {
    let mut turns: BTreeMap<Turn, usize> = BTreeMap::new();
    for turn in audit.pages.iter().filter_map(|page| Some(first_failure(page, accepted)?.0.turn)) {
        *turns.entry(turn).or_default() += 1;
    }
    let count: usize = turns.values().sum();
    let all = audit.pages.iter().flat_map(|page| &page.verdicts);
    let failures = all.filter(|(_, verdict)| matches!(verdict, Verdict::Fails { .. })).count();
    match count {
        0 => "None needs anything that could be checked.".to_owned(),
        count => {
            let list: Vec<String> =
                turns.iter().map(|(turn, count)| format!("{count} from {}", turn.words())).collect();
            let who = match count {
                1 => "1 needs".to_owned(),
                count if count == audit.pages.len() => format!("All {count} need"),
                count => format!("{count} need"),
            };
            let findings = counted(failures, "finding");
            format!(
                "{who} something: {}. {findings} in all; each page counts once, with its gravest.{}",
                list.join(", "),
                nobody(audit, accepted)
            )
        }
    }
}

/// Pages whose owner's turn it is, and the register knows no owner to write to.
fn nobody(audit: &Audit, accepted: &Accepted) -> String {
    let waits = |page: &&Examined| {
        tickets::address(&page.account).is_empty()
            && first_failure(page, accepted).is_some_and(|(check, _)| check.turn == Turn::Owner)
    };
    match audit.pages.iter().filter(waits).count() {
        0 => String::new(),
        1 => " The owner of 1 page cannot be asked: the register has no address.".to_owned(),
        count => format!(" The owners of {count} pages cannot be asked: the register has no address."),
    }
}

fn first_failure<'p>(page: &'p Examined, accepted: &Accepted) -> Option<&'p (&'static Check, Verdict)> {
    let is_accepted = |check: &Check| accepted.contains(&(page.account.id, check.id.to_owned()));
    page.verdicts.iter().find(|(check, verdict)| matches!(verdict, Verdict::Fails { .. }) && !is_accepted(check))
}

/// The gravest three checks that do not hold, each by a page's name.
fn firsts(audit: &Audit, accepted: &Accepted) -> Option<String> {
    let said: Vec<String> = CHECKS.iter().filter_map(|check| one_of(audit, accepted, check)).take(3).collect();
    (!said.is_empty()).then(|| format!("First: {}.", said.join(". ")))
}

/// *Condor Athletics (Facebook) is administered by people who are not approved (III.7), and 2 more pages like it*
fn one_of(audit: &Audit, accepted: &Accepted, check: &Check) -> Option<String> {
    let failure = |page: &&Examined| {
        let is_accepted = accepted.contains(&(page.account.id, check.id.to_owned()));
        let own = page.verdicts.iter().find(|(one, _)| one.id == check.id);
        !is_accepted && own.is_some_and(|(_, verdict)| matches!(verdict, Verdict::Fails { .. }))
    };
    let failing: Vec<&Examined> = audit.pages.iter().filter(failure).collect();
    let page = failing.first()?;
    let words = page.verdicts.iter().find(|(one, _)| one.id == check.id)?.1.words();
    // Some say what the page does, others what there is to say of it.
    let between = if words.starts_with("is ") || words.starts_with("has ") { "" } else { ":" };
    let more = match failing.len() - 1 {
        0 => String::new(),
        more => format!(", and {} like it", counted(more, "more page")),
    };
    Some(format!("{}{between} {words} ({}){more}", page.account.title(), check.clause))
}

/// What could not be checked and why: each reason once, with how many answers it kept away.
fn unchecked(audit: &Audit) -> Option<String> {
    let reasons = tallied(audit, |verdict| match verdict {
        Verdict::NotSaid { why } => Some(why.strip_prefix("not read: ").unwrap_or(why).to_owned()),
        _ => None,
    });
    said(|questions| format!("{questions} could not be answered"), &reasons)
}

/// What nobody has stated yet.
fn unstated(audit: &Audit) -> Option<String> {
    let cells = tallied(audit, |verdict| match verdict {
        Verdict::NotStated { what } => Some(what.clone()),
        _ => None,
    });
    said(|questions| format!("Left until somebody states it, {questions}"), &cells)
}

fn tallied(audit: &Audit, of: impl Fn(&Verdict) -> Option<String>) -> Vec<(usize, String)> {
    let mut tally: BTreeMap<String, usize> = BTreeMap::new();
    for (_, verdict) in audit.pages.iter().flat_map(|page| &page.verdicts) {
        if let Some(words) = of(verdict) {
            *tally.entry(words).or_default() += 1;
        }
    }
    let mut found: Vec<(usize, String)> = tally.into_iter().map(|(words, count)| (count, words)).collect();
    found.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    found
}

/// The three that come up most; the lines have all.
fn said(begin: impl Fn(String) -> String, tally: &[(usize, String)]) -> Option<String> {
    const MOST: usize = 3;
    let total: usize = tally.iter().map(|(count, _)| count).sum();
    let mut list: Vec<String> = tally.iter().take(MOST).map(|(count, words)| format!("{words} ({count})")).collect();
    if tally.len() > MOST {
        let rest: usize = tally.iter().skip(MOST).map(|(count, _)| count).sum();
        list.push(format!("and {rest} more"));
    }
    (total > 0).then(|| format!("{}: {}.", begin(counted(total, "question")), list.join("; ")))
}

fn counted(count: usize, unit: &str) -> String {
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// Every line as CSV that a spreadsheet opens as words and never as formulas.
pub fn csv(lines: &[Line]) -> Result<Vec<u8>> {
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    writer.write_record([
        "account", "page", "platform", "owner", "check", "clause", "asks", "verdict", "words", "since", "turn", "act",
        "evidence", "ticket",
    ])?;
    for line in lines {
        let since = line.since.map(crate::model::rfc3339).unwrap_or_default();
        let evidence: Vec<String> = line.evidence.iter().map(u64::to_string).collect();
        let evidence = evidence.join(" ");
        let cells = [
            line.account.as_str(),
            &line.title,
            &line.platform,
            &line.owner,
            line.check,
            line.clause,
            line.asks,
            line.verdict,
            &line.words,
            &since,
            line.turn,
            &line.act,
            &evidence,
            line.ticket.as_ref().map_or("", |ticket| ticket.state),
        ];
        writer.write_record(cells.map(sheet::safe_cell))?;
    }
    Ok(writer.into_inner()?)
}
