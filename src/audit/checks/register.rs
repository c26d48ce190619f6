//! What the register itself says: it can be asked on the first day.

use super::super::{Answer, Standard, Subject, fails, holds, not_stated};

/// Somebody of the district answers for the page.
pub fn owner_named(subject: &Subject, standard: &Standard) -> Answer {
    let row = &subject.account.row;
    if row.owner_name.is_empty() {
        return Err(not_stated("who owns the page"));
    }
    if row.owner_email.is_empty() {
        return Err(not_stated("the owner's address"));
    }
    let host = row.owner_email.rsplit_once('@').map(|(_, host)| host.to_lowercase());
    match host {
        None => fails(format!("the owner's address {:?} is none", row.owner_email), [subject.stated.seq]),
        Some(host) if !standard.domains.is_empty() && !standard.is_own_host(&host) => {
            fails(format!("the owner's address is not the district's: {host}"), [subject.stated.seq])
        }
        Some(_) => holds(format!("{} owns it", row.owner_name)),
    }
}

pub fn supervisor_notified(subject: &Subject, standard: &Standard) -> Answer {
    day(subject, standard, &subject.account.row.supervisor_notified_on, "the supervisor was notified")
}

pub fn it_notified(subject: &Subject, standard: &Standard) -> Answer {
    day(subject, standard, &subject.account.row.it_notified_on, "the IT department was notified")
}

/// Only where the district's own rule asks for it; the column is `approved_on`.
pub fn approved(subject: &Subject, standard: &Standard) -> Answer {
    if !standard.approval_required {
        return holds("the district asks for notice and not for approval");
    }
    day(subject, standard, subject.cell("approved_on"), "the page was approved")
}

fn day(subject: &Subject, standard: &Standard, cell: &str, what: &str) -> Answer {
    if cell.is_empty() {
        return Err(not_stated(format!("when {what}")));
    }
    let evidence = [subject.stated.seq];
    match cell.parse::<jiff::civil::Date>() {
        Err(_) => fails(format!("{cell:?} is no day on which {what}: write it as in 2026-09-01"), evidence),
        Ok(day) if day > standard.today => fails(format!("the day on which {what} is still to come: {day}"), evidence),
        Ok(day) => holds(format!("{what} on {}", day.strftime("%b %-d, %Y"))),
    }
}
