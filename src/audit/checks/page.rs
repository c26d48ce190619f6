//! What the page says of itself, against the register and the district's expectations.

use std::collections::HashSet;
use std::sync::LazyLock;

use regex::Regex;

use super::super::links::{self, PageName};
use super::super::{Answer, Seen, Standard, Subject, Verdict, fails, holds, not_said, not_stated};
use super::words::runs;
use crate::model::A_PERSON;

/// Facts that Facebook gives of pages and never of persons.
const PAGE_ONLY: [&str; 4] = ["category", "is_published", "can_post", "is_owned"];

/// A page of an organization, not somebody's profile. An address does not tell: pages without a name of their own have `profile.php`
/// in theirs as persons do.
pub fn page_kind(subject: &Subject, _: &Standard) -> Answer {
    if subject.not_kept.as_ref().is_some_and(|why| why.contains(A_PERSON)) {
        return fails("Facebook says that it is a person's profile: nothing of it is kept", [subject.stated.seq]);
    }
    let page = subject.page()?;
    if PAGE_ONLY.iter().any(|fact| page.fact(fact).is_some()) {
        holds("Facebook gives the facts that only pages have")
    } else {
        Err(not_said("Facebook gives none of the facts that tell a page from a profile"))
    }
}

pub fn name(subject: &Subject, _: &Standard) -> Answer {
    let stated = &subject.account.row.name;
    if stated.is_empty() {
        return Err(not_stated("the page's name"));
    }
    let page = subject.page()?;
    match page.name.as_str() {
        "" => Err(not_said(format!("{} gives no name", subject.platform()))),
        name if name.trim() == stated.trim() => holds(format!("it is named {name}")),
        name => fails(format!("it is named {name} and registered as {stated}"), [page.seq, subject.stated.seq]),
    }
}

/// The register's own handle follows the platform, so that the page is found: a person is to know of it all the same.
pub fn handle(subject: &Subject, _: &Standard) -> Answer {
    let stated = PageName::new("", &subject.stated.handle).name;
    if stated.is_empty() {
        return Err(not_stated("the page's handle"));
    }
    let page = subject.page()?;
    match PageName::new("", &page.handle).name {
        now if now.is_empty() => Err(not_said(format!("{} gives no handle", subject.platform()))),
        now if now == stated => holds(format!("its handle is {}", page.handle)),
        _ => fails(
            format!("its handle is {} now and was registered as {}", page.handle, subject.stated.handle),
            [page.seq, subject.stated.seq],
        ),
    }
}

/// It leads to the district's site: the half of the links both ways that stands on the page.
pub fn website(subject: &Subject, standard: &Standard) -> Answer {
    let stated = subject.cell("website");
    if stated.is_empty() && standard.domains.is_empty() {
        return Err(not_stated("the district's domains"));
    }
    let page = subject.page()?;
    let is_right = |link: &&String| match stated {
        "" => standard.is_own_host(&links::parts(link).0),
        stated => links::plain(link) == links::plain(stated),
    };
    let platform = subject.account.row.platform.as_str();
    match (page.content.links.iter().find(is_right), page.content.links.first()) {
        (Some(link), _) => holds(format!("it links to {link}")),
        (None, _) if names(platform, page, standard, stated) => holds("its text names the district's site"),
        (None, _) if platform == "youtube" => Err(not_said("YouTube's interface does not tell a channel's links")),
        (None, Some(other)) => fails(format!("it links to {other} and not to the district's site"), [page.seq]),
        (None, None) => fails("it links to no website", [page.seq]),
    }
}

/// Where the text, or a handle that is a domain, is the place for an address.
fn names(platform: &str, page: &Seen, standard: &Standard, stated: &str) -> bool {
    let words = page.words().to_lowercase();
    let mut hosts = words.split_whitespace().map(|word| links::parts(word.trim_matches(['(', ')', ',', '.', ';'])).0);
    let is_named = match stated {
        "" => hosts.any(|host| standard.is_own_host(&host)),
        stated => words.contains(&links::plain(stated)),
    };
    matches!(platform, "youtube" | "bluesky") && is_named
}

/// The other half: the district's site lists it.
pub fn listed(subject: &Subject, standard: &Standard) -> Answer {
    let Some(list) = &standard.site_list else {
        return Err(not_stated("the list of pages on the district's site: [audit] site_list"));
    };
    let row = &subject.account.row;
    let seen = subject.told.get("").map(|seen| seen.handle.as_str());
    let names = [Some(row.handle.as_str()), Some(row.native_id.as_str()), seen];
    let mut names = names.into_iter().flatten().filter(|name| !name.is_empty());
    if names.any(|name| list.contains(&PageName::new(&row.platform, name))) {
        holds("the district's site lists it")
    } else {
        fails("the district's site does not list it", [subject.stated.seq])
    }
}

/// The badge, where the register says whether there is to be one.
pub fn verification(subject: &Subject, _: &Standard) -> Answer {
    let wanted = match subject.cell("verified").to_lowercase().as_str() {
        "" => return Err(not_stated("whether the page is verified: the register's column verified")),
        "yes" | "true" | "1" => true,
        _ => false,
    };
    let page = subject.page()?;
    let Some(is) = is_verified(&subject.account.row.platform, page) else {
        return Err(not_said(format!("{} does not tell whether a page is verified", subject.platform())));
    };
    match (is, wanted) {
        (true, true) => holds("it is verified"),
        (false, false) => holds("it is not verified, as registered"),
        (false, true) => fails("it is registered as verified and is not", [page.seq, subject.stated.seq]),
        (true, false) => fails("it is verified and not registered so", [page.seq, subject.stated.seq]),
    }
}

fn is_verified(platform: &str, page: &Seen) -> Option<bool> {
    match platform {
        "facebook" => page.fact("is_verified").map(|fact| fact == "true"),
        "x" => page.content.parts.iter().find_map(|part| match part.as_str() {
            "none" => Some(false),
            "blue" | "business" | "government" => Some(true),
            _ => None,
        }),
        _ => None,
    }
}

/// The district's expectations for comments stand on the page or behind its link.
pub fn expectations(subject: &Subject, standard: &Standard) -> Answer {
    let page = subject.page()?;
    match posted(page, subject.told.get(POLICY), &subject.account.row.comment_policy_url, standard)? {
        Posted::Here => holds("its own text carries the district's expectations"),
        Posted::Behind(url) => holds(format!("the district's expectations stand behind its link: {url}")),
        Posted::Unread(url) => {
            Err(not_said(format!("it links to {url}; what stands there was not read, or not of late")))
        }
        Posted::Other(what, seq) => fails(what, [page.seq, seq]),
        Posted::Unlinked(url, seq) => {
            fails(format!("nothing on it leads to {url}, where the district's expectations stand"), [page.seq, seq])
        }
        Posted::Nowhere => {
            fails("neither its text nor a link of it has the district's expectations for comments", [page.seq])
        }
    }
}

/// The expectations say that nobody watches around the clock, and name 911 and 988.
pub fn emergency(subject: &Subject, standard: &Standard) -> Answer {
    let page = subject.page()?;
    let own = page.words();
    let linked = match posted(page, subject.told.get(POLICY), &subject.account.row.comment_policy_url, standard)? {
        Posted::Here => standard.expectations.iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>().join("\n"),
        Posted::Behind(_) | Posted::Other(..) => {
            subject.told.get(POLICY).map(|read| read.content.text.clone()).unwrap_or_default()
        }
        Posted::Unread(url) if !missing(&own).is_empty() => {
            return Err(not_said(format!("it links to {url}; what stands there was not read, or not of late")));
        }
        Posted::Unread(_) | Posted::Unlinked(..) | Posted::Nowhere => String::new(),
    };
    match missing(&format!("{own}\n{linked}")).as_slice() {
        [] => holds("it says that it is not watched around the clock and names 911 and 988"),
        missing => fails(format!("it leaves out: {}", missing.join(", ")), [page.seq]),
    }
}

/// The list of facts that has what stands behind the page's link.
pub const POLICY: &str = "comment_policy";

enum Posted {
    Here,
    /// Behind a link that it shows.
    Behind(String),
    /// It shows a link, and what is behind it is not known.
    Unread(String),
    /// Something else is behind its link, or nothing: in words, and the entry that shows it.
    Other(String, u64),
    /// The register names a page with the expectations, and this one does not lead there.
    Unlinked(String, u64),
    Nowhere,
}

/// Whether a page's facts, of whatever day, carry the district's expectations for comments: in words. `read` is what was read behind its
/// link by then, `own` the address of its own expectations, as registered.
pub fn posted_words(page: &Seen, read: Option<&Seen>, own: &str, standard: &Standard) -> String {
    match posted(page, read, own, standard) {
        Ok(Posted::Here) => "its own text carries the district's expectations".to_owned(),
        Ok(Posted::Behind(url)) => format!("the district's expectations stand behind its link: {url}"),
        Ok(Posted::Unread(url)) => format!("it links to {url}; what stood there was not read"),
        Ok(Posted::Other(what, _)) => what,
        Ok(Posted::Unlinked(url, _)) => {
            format!("nothing on it leads to {url}, where the district's expectations stand")
        }
        Ok(Posted::Nowhere) => "neither its text nor a link of it has the district's expectations".to_owned(),
        Err(verdict) => format!("not stated: {}", verdict.words()),
    }
}

fn posted(page: &Seen, read: Option<&Seen>, own: &str, standard: &Standard) -> Result<Posted, Verdict> {
    if standard.expectations.is_empty() {
        return Err(not_stated("the district's expectations for comments: [policy] comment_expectations"));
    }
    let words = page.words();
    if is_carried(&words, standard) {
        return Ok(Posted::Here);
    }
    let shown = words.to_lowercase();
    let links_to = |url: &str| !url.is_empty() && shown.contains(&links::plain(url));
    let read = read.and_then(|read| Some((read, read.fact("address")?)));
    let official = standard.stated.expectations_url.as_deref().unwrap_or_default();
    Ok(match read {
        Some((read, url)) if links_to(url) => behind(read, url, standard),
        Some((read, url)) if is_carried(&read.content.text, standard) => Posted::Unlinked(url.to_owned(), read.seq),
        _ => {
            let shown = [official, own].into_iter().find(|url| links_to(url));
            shown.map_or(Posted::Nowhere, |url| Posted::Unread(url.to_owned()))
        }
    })
}

/// What was found behind a link.
fn behind(read: &Seen, url: &str, standard: &Standard) -> Posted {
    match (read.fact("status"), read.fact("kind")) {
        (Some("200"), Some(_)) => Posted::Unread(url.to_owned()),
        (Some("200"), None) if is_carried(&read.content.text, standard) => Posted::Behind(url.to_owned()),
        (Some("200"), None) => {
            Posted::Other(format!("it links to {url}, and the district's expectations do not stand there"), read.seq)
        }
        (status, _) => {
            let status = status.unwrap_or("nothing");
            Posted::Other(format!("its link to {url} is dead: the district's site answers {status}"), read.seq)
        }
    }
}

fn is_carried(text: &str, standard: &Standard) -> bool {
    standard.expectations.iter().any(|(_, own)| carries(text, own))
}

/// How much of the district's own words a text must have to carry them: most, since a page may leave out a greeting.
const MOST: f64 = 0.7;

fn carries(text: &str, own: &HashSet<String>) -> bool {
    let wanted = MOST * own.len() as f64;
    // Most pages say far less of themselves.
    let may = !own.is_empty() && text.split_whitespace().count() as f64 >= wanted;
    may && runs(text).intersection(own).count() as f64 >= wanted
}

/// What a text does not say of an emergency.
fn missing(text: &str) -> Vec<&'static str> {
    static CLOCK: LazyLock<Regex> = LazyLock::new(|| {
        let english = r"not\s+(?:\w+\s+){0,2}(?:watched|monitored|staffed|checked)\s+(?:around\s+the\s+clock|24|at\s+all\s+times|continuously)";
        let spanish = r"no\s+(?:\w+\s+){0,3}(?:vigila|vigilada|supervisa|supervisada|revisa|monitorea|monitoreada)\w*\s+(?:las\s+24|todo\s+el\s+d[ií]a|en\s+todo\s+momento)";
        Regex::new(&format!(r"(?i){english}|{spanish}")).expect("a constant")
    });
    static NUMBER: LazyLock<[Regex; 2]> =
        LazyLock::new(|| [r"\b911\b", r"\b988\b"].map(|number| Regex::new(number).expect("a constant")));
    let [emergency, crisis] = &*NUMBER;
    [(&*CLOCK, "that nobody watches it around the clock"), (emergency, "911"), (crisis, "988")]
        .into_iter()
        .filter(|(said, _)| !said.is_match(text))
        .map(|(_, what)| what)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = include_str!("../../../config/expectations.en.txt");

    #[test]
    fn the_shipped_expectations_carry_themselves_and_say_what_to_do_in_an_emergency() {
        assert!(carries(OWN, &runs(OWN)));
        assert_eq!(missing(OWN), Vec::<&str>::new());
        let start = OWN.len() / 3;
        let end = (start..OWN.len()).find(|at| OWN.is_char_boundary(*at)).unwrap();
        assert!(!carries(&OWN[..end], &runs(OWN)), "a third of them is not all");
    }

    #[test]
    fn what_is_left_out_is_named_in_english_and_spanish() {
        assert_eq!(missing("Not monitored around the clock. Call 911."), ["988"]);
        assert_eq!(missing("Esta página no se supervisa las 24 horas. Llame al 911 o al 988."), Vec::<&str>::new());
        assert_eq!(missing("Call 760-555-9110").len(), 3);
    }
}
