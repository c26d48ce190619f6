//! The credential that a page is read with: whose it is, what it may do, how long it goes on.

use super::super::{Answer, Standard, Subject, Verdict, fails, holds, not_said, not_stated};
use super::access::{ENDS_SOON, moment};
use crate::model::{Credential, Holder, Timestamp};
use crate::platform::permissions;
use crate::text::dates;

/// The credential as it was last looked into.
fn credential(subject: &Subject) -> Result<&Credential, Verdict> {
    let seen = subject.credential.as_ref();
    let seen = seen.ok_or_else(|| {
        not_said("its credential has not been looked into: pagekeeper connect does it, or check-config")
    })?;
    match (&seen.trouble, &seen.not_told) {
        (None, Some(why)) if seen.holder.is_none() => Err(not_said(why.clone())),
        _ => Ok(seen),
    }
}

/// How long it may still read: what the platform says of the credential, and of the access with the page's own facts.
pub fn token(subject: &Subject, standard: &Standard) -> Answer {
    if let Some(trouble) = subject.credential.as_ref().and_then(|seen| seen.trouble.as_ref()) {
        return fails(format!("its credential is no good any more: {trouble}"), [subject.stated.seq]);
    }
    let seen = subject.credential.as_ref().and_then(|seen| seen.expires_at);
    let page = subject.page();
    let told = page.as_ref().ok().and_then(|page| Some((page.fact("user_access_expire_time")?, page.seq)));
    let told = match told {
        Some((text, seq)) => match moment(text) {
            Some(at) => Some((at, seq)),
            None => return Err(not_said(format!("the end of the credential cannot be read: {text}"))),
        },
        None => None,
    };
    let ends = told.into_iter().chain(seen.map(|at| (at, subject.stated.seq))).min();
    match ends {
        Some((ends, seq)) => until(ends, seq, standard, "the access that its credential rests on ends"),
        None if subject.credential.as_ref().is_some_and(|seen| seen.is_lasting) => holds("its credential has no end"),
        None => {
            page?;
            Err(not_said(format!(
                "{} does not tell with the page's facts when the credential ends",
                subject.platform()
            )))
        }
    }
}

fn until(ends: Timestamp, seq: u64, standard: &Standard, what: &str) -> Answer {
    let day = dates::day(ends, standard.now, &standard.zone);
    if ends <= standard.now + ENDS_SOON {
        fails(format!("{what} on {day}"), [seq])
    } else {
        holds(format!("{what} on {day}"))
    }
}

/// Ninety days after the person was last seen Meta gives no more data, though the token lives.
pub fn token_data(subject: &Subject, standard: &Standard) -> Answer {
    let seen = credential(subject)?;
    match seen.data_access_expires_at {
        Some(ends) => until(ends, subject.stated.seq, standard, "its credential gives no data any more"),
        None if seen.scopes.is_some() => holds("the data that its credential gives has no end"),
        None => Err(not_said(format!("{} does not tell for how long the credential gives data", subject.platform()))),
    }
}

/// Nobody's personal login stands behind it.
pub fn token_kind(subject: &Subject, standard: &Standard) -> Answer {
    if standard.stated.system_user != Some(true) {
        return Err(not_stated("whether tokens are to be a system user's: [audit] system_user"));
    }
    let seen = credential(subject)?;
    match seen.holder {
        Some(Holder::SystemUser) => holds(format!("it is read with {}", seen.title())),
        Some(Holder::Person) => {
            fails(format!("it is read with {}: it dies with that login", seen.title()), [subject.stated.seq])
        }
        Some(Holder::Page | Holder::Application) | None => {
            Err(not_said(format!("{} does not tell whose login stands behind the credential", subject.platform())))
        }
    }
}

/// It may do what reading needs and nothing beside.
pub fn token_scopes(subject: &Subject, standard: &Standard) -> Answer {
    let seen = credential(subject)?;
    let Some(scopes) = &seen.scopes else {
        return Err(not_said(format!("{} does not tell what the credential may do", subject.platform())));
    };
    let Some(platform) = subject.account.connector() else { return Err(not_said("nothing reads it")) };
    // Meta names the pages that a permission holds for, also where an Instagram account linked to one is meant.
    let page = &subject.account.row.native_id;
    let is_missing = |scope: &str| match platform.as_str() {
        "facebook" => seen.may(scope, page) == Some(false),
        _ => !scopes.iter().any(|one| one == scope),
    };
    let missing = permissions::for_reading(platform).iter().filter(|needed| is_missing(needed.scope));
    let missing: Vec<&str> = missing.map(|needed| needed.scope).collect();
    let accepted = &standard.stated.accepted_permissions;
    let beyond = scopes.iter().filter(|scope| permissions::could_write(scope) && !accepted.contains(scope));
    let beyond: Vec<&str> = beyond.map(String::as_str).collect();
    let mut wrong = Vec::new();
    if !missing.is_empty() {
        wrong.push(format!("its credential may not read everything: {} is missing", missing.join(", ")));
    }
    if !beyond.is_empty() {
        wrong.push(format!("its credential may do more than read: {}", beyond.join(", ")));
    }
    match wrong.as_slice() {
        [] => holds("its credential may read, and nothing beside that is not accepted"),
        wrong => fails(wrong.join("; "), [subject.stated.seq]),
    }
}
