//! Who and what may act for the page, and how it is set.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use super::super::subject::Through;
use super::super::{Answer, Seen, Standard, Subject, Verdict, fails, holds, not_said, not_stated};
use crate::model::Timestamp;

/// A credential that ends sooner than this is a person's business now.
pub(super) const ENDS_SOON: SignedDuration = SignedDuration::from_hours(24 * 14);

/// It is connected, and what stands on it is being kept.
pub fn kept(subject: &Subject, _: &Standard) -> Answer {
    match (&subject.not_kept, &subject.account.trouble) {
        (Some(why), Some(trouble)) if why == trouble => {
            fails(format!("it is not being kept: {trouble}"), [subject.stated.seq])
        }
        (Some(why), _) => Err(not_said(why.clone())),
        (None, _) => holds("it is connected and kept"),
    }
}

/// A time as the Graph API writes it: seconds since 1970, or with an offset without a colon.
pub(super) fn moment(text: &str) -> Option<Timestamp> {
    if let Ok(seconds) = text.parse() {
        return Timestamp::from_second(seconds).ok();
    }
    text.parse().ok().or_else(|| Timestamp::strptime("%Y-%m-%dT%H:%M:%S%z", text).ok())
}

/// Somebody with a role on a page: *Dolores Whitcomb (122…): Administrator; ANALYZE, MANAGE*.
struct Helper<'s> {
    name: &'s str,
    id: &'s str,
    is_admin: bool,
}

fn helper(fact: &str) -> Option<Helper<'_>> {
    let (who, what) = fact.rsplit_once(": ")?;
    let (name, id) = who.rsplit_once(" (").map_or((who, who), |(name, id)| (name, id.trim_end_matches(')')));
    let words: Vec<&str> = what.split([';', ',']).map(str::trim).collect();
    let is_admin = words.iter().any(|word| matches!(*word, "Administrator" | "Admin" | "MANAGE"));
    Some(Helper { name, id, is_admin: is_admin && !words.contains(&"not active") })
}

/// Everybody who administers the page, of the lists that the platform gives; each once.
fn admins(subject: &Subject) -> Result<(Vec<Helper<'_>>, Vec<u64>), Verdict> {
    let lists: Vec<&Seen> = ["roles", "assigned_users"].iter().filter_map(|name| subject.told.get(*name)).collect();
    if lists.is_empty() {
        subject.list("roles", "who administers the page")?;
    }
    let mut found: Vec<Helper<'_>> = Vec::new();
    for one in lists.iter().flat_map(|list| list.content.parts.iter()).filter_map(|fact| helper(fact)) {
        if one.is_admin && !found.iter().any(|known| known.id == one.id) {
            found.push(one);
        }
    }
    Ok((found, lists.iter().map(|list| list.seq).collect()))
}

/// Enough people administer it that one may leave.
pub fn enough_admins(subject: &Subject, standard: &Standard) -> Answer {
    let (admins, evidence) = admins(subject)?;
    let names: Vec<&str> = admins.iter().map(|admin| admin.name).collect();
    let wanted = usize::try_from(standard.stated.admins_at_least).unwrap_or(usize::MAX);
    match names.as_slice() {
        [] => fails("nobody administers it", evidence),
        names if names.len() < wanted => fails(format!("{} alone administers it", names.join(", ")), evidence),
        names => holds(format!("{} administer it", names.join(", "))),
    }
}

/// Nobody administers it who is not approved.
pub fn approved_admins(subject: &Subject, standard: &Standard) -> Answer {
    let of_page = subject.cell("admins").split(';').map(str::trim).filter(|name| !name.is_empty());
    let approved: Vec<&str> = standard.stated.approved_admins.iter().map(String::as_str).chain(of_page).collect();
    if approved.is_empty() {
        return Err(not_stated(
            "who may administer the page: [audit] approved_admins, or the register's column admins",
        ));
    }
    let (admins, evidence) = admins(subject)?;
    let is_approved =
        |admin: &&Helper<'_>| approved.iter().any(|one| one.eq_ignore_ascii_case(admin.name) || *one == admin.id);
    let others: Vec<&str> = admins.iter().filter(|admin| !is_approved(admin)).map(|admin| admin.name).collect();
    match others.as_slice() {
        [] => holds("everybody who administers it is approved"),
        others => fails(format!("is administered by people who are not approved: {}", others.join(", ")), evidence),
    }
}

/// The value of one setting, and the entry it stands in.
fn setting<'s>(subject: &'s Subject, name: &str) -> Result<(&'s str, u64), Verdict> {
    let settings = subject.list("settings", "the page's settings")?;
    let value = settings.fact(name).ok_or_else(|| not_said(format!("Facebook does not tell the setting {name}")))?;
    Ok((value, settings.seq))
}

pub fn visitor_posts(subject: &Subject, standard: &Standard) -> Answer {
    let Some(wanted) = standard.stated.visitor_posts else {
        return Err(not_stated("whether visitors may post: [audit] visitor_posts"));
    };
    let (value, seq) = setting(subject, "USERS_CAN_POST")?;
    match (value == "true", wanted) {
        (is, wanted) if is == wanted => holds(if is { "visitors may post" } else { "visitors may not post" }),
        (true, _) => fails("visitors may post on it", [seq]),
        (false, _) => fails("visitors may not post on it", [seq]),
    }
}

pub fn profanity_filter(subject: &Subject, standard: &Standard) -> Answer {
    one_of(subject, "PROFANITY_FILTER", &standard.stated.profanity_filter, "profanity filter", "profanity_filter")
}

pub fn age_gate(subject: &Subject, standard: &Standard) -> Answer {
    one_of(subject, "AGE_RESTRICTIONS", &standard.stated.age_gate, "age limit", "age_gate")
}

fn one_of(subject: &Subject, name: &str, wanted: &[String], words: &str, key: &str) -> Answer {
    if wanted.is_empty() {
        return Err(not_stated(format!("the right {words}: [audit] {key}")));
    }
    let (value, seq) = setting(subject, name)?;
    if wanted.iter().any(|one| one.eq_ignore_ascii_case(value)) {
        holds(format!("the {words} is {value}"))
    } else {
        fails(format!("the {words} is {value} and is to be {}", wanted.join(" or ")), [seq])
    }
}

/// The settings that the district states by Facebook's own names.
pub fn settings(subject: &Subject, standard: &Standard) -> Answer {
    if standard.stated.settings.is_empty() {
        return Err(not_stated("further settings: [audit] settings"));
    }
    let settings = subject.list("settings", "the page's settings")?;
    let (mut wrong, mut untold) = (Vec::new(), Vec::new());
    for (name, wanted) in &standard.stated.settings {
        match settings.fact(name) {
            None => untold.push(name.as_str()),
            Some(value) if value.eq_ignore_ascii_case(wanted) => {}
            Some(value) => wrong.push(format!("{name} is {value} and is to be {wanted}")),
        }
    }
    match (wrong.as_slice(), untold.as_slice()) {
        ([], []) => holds("its settings are the district's"),
        ([], untold) => Err(not_said(format!("Facebook does not tell {}", untold.join(", ")))),
        (wrong, _) => fails(wrong.join("; "), [settings.seq]),
    }
}

/// No application is subscribed to the page that is not approved.
pub fn subscribed_applications(subject: &Subject, standard: &Standard) -> Answer {
    let list = subject.list("subscribed_apps", "which applications are subscribed")?;
    let applications = list.content.parts.iter().map(|fact| {
        let who = fact.rsplit_once("): ").map_or(fact.trim_end_matches(')'), |(who, _)| who);
        who.rsplit_once(" (").unwrap_or((who, who))
    });
    let others: Vec<String> = applications
        .filter(|(name, id)| !is_approved(standard, name, id))
        .map(|(name, id)| format!("{name} ({id})"))
        .collect();
    match others.as_slice() {
        [] => holds("every application subscribed to it is approved"),
        others => {
            fails(format!("applications are subscribed that are not approved: {}", others.join(", ")), [list.seq])
        }
    }
}

/// No post of its own was published through an application that is not approved.
pub fn publishing_applications(subject: &Subject, standard: &Standard) -> Answer {
    if standard.stated.approved_applications.is_empty() {
        return Err(not_stated("which applications may publish: [audit] approved_applications"));
    }
    if subject.through.is_empty() {
        subject.page()?;
        return Err(not_said("none of its newest posts names the application it was published through"));
    }
    let others: Vec<&Through> =
        subject.through.iter().filter(|one| !is_approved(standard, &one.name, &one.id)).collect();
    let names: BTreeSet<&str> = others.iter().map(|one| one.name.as_str()).collect();
    match others.len() {
        0 => holds("the applications that its newest posts name are approved"),
        count => {
            let names = names.into_iter().collect::<Vec<_>>().join(", ");
            fails(
                format!("{count} of its newest posts were published through {names}"),
                others.iter().map(|one| one.seq),
            )
        }
    }
}

fn is_approved(standard: &Standard, name: &str, id: &str) -> bool {
    standard.own_applications.iter().any(|one| one == id)
        || standard.stated.approved_applications.iter().any(|one| one.eq_ignore_ascii_case(name) || one == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_administers_is_read_from_role_or_tasks() {
        let is_admin = |fact: &str| helper(fact).map(|one| one.is_admin);
        assert_eq!(is_admin("Dolores Whitcomb (12): Administrator; ANALYZE, MANAGE"), Some(true));
        assert_eq!(is_admin("Ana Ruiz (13): ANALYZE, MANAGE"), Some(true));
        assert_eq!(is_admin("Marisol Ibarra (14): Editor; CREATE_CONTENT"), Some(false));
        assert_eq!(is_admin("Jo Lim (15): Administrator; not active"), Some(false));
        assert_eq!(
            helper("Dolores Whitcomb (12): MANAGE").map(|one| (one.name, one.id)),
            Some(("Dolores Whitcomb", "12"))
        );
    }

    #[test]
    fn the_end_of_an_access_is_read_in_either_form() {
        let at: Timestamp = "2026-12-01T00:00:00Z".parse().unwrap();
        assert_eq!(moment("2026-12-01T00:00:00+0000"), Some(at));
        assert_eq!(moment(&at.as_second().to_string()), Some(at));
        assert_eq!(moment("soon"), None);
    }
}
