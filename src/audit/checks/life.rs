//! Whether the page is alive, which other pages it shows, and what it wears.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use super::super::links::{self, PageName};
use super::super::{Answer, Standard, Subject, fails, holds, not_said, not_stated};
use crate::text::dates;

/// It has posted of late.
pub fn dormant(subject: &Subject, standard: &Standard) -> Answer {
    let Some((seq, newest)) = subject.newest_post else {
        subject.page()?;
        return Err(not_said("no post of its own is known"));
    };
    let days = standard.now.duration_since(newest).as_hours() / 24;
    let day = dates::day(newest, standard.now, &standard.zone);
    if days <= i64::from(standard.stated.dormant_days) {
        return holds(format!("it last posted on {day}"));
    }
    match &subject.not_kept {
        Some(why) => Err(not_said(format!("its last post that is known is of {day}, but it is not being kept: {why}"))),
        None => fails(format!("it last posted on {day}, {days} days ago"), [seq]),
    }
}

/// It has posted at all.
pub fn never_posted(subject: &Subject, _: &Standard) -> Answer {
    if let Some((_, newest)) = subject.newest_post {
        return holds(format!("its newest post is of {}", newest.strftime("%b %-d, %Y")));
    }
    let page = subject.page()?;
    if subject.is_whole {
        fails("it has never posted", [page.seq])
    } else {
        Err(not_said("its past has not been walked to the end yet"))
    }
}

/// A new profile or cover picture stands in the register of approvals.
pub fn pictures(subject: &Subject, standard: &Standard) -> Answer {
    let Some(approvals) = &standard.approvals else {
        return Err(not_stated("the register of approvals: [audit] approvals"));
    };
    subject.page()?;
    let [.., before, newest] = subject.pictures.as_slice() else {
        return holds("its pictures have not changed since they were first seen");
    };
    let day = dates::date(newest.at, &standard.zone);
    let since = dates::date(before.at, &standard.zone);
    let slug = &subject.account.row.slug;
    let found = approvals.iter().find(|one| one.is_for(slug) && one.date >= since && one.date <= day);
    match found {
        Some(one) => holds(format!(
            "{} was approved by {} ({}) on {}",
            one.art,
            one.approver,
            one.role,
            one.date.strftime("%b %-d, %Y")
        )),
        None => fails(
            format!("its pictures changed by {} and no approval is on the register", day.strftime("%b %-d, %Y")),
            [before.seq, newest.seq],
        ),
    }
}

/// Pages that its posts link to and that seem to be the district's stand in the register.
pub fn unregistered(subject: &Subject, standard: &Standard) -> Answer {
    if standard.page_words.is_empty() {
        return Err(not_stated("how the district's own pages are named: [audit] page_words"));
    }
    if subject.posts.is_empty() {
        subject.page()?;
        return Err(not_said("no post of its own of the last 90 days is known"));
    }
    let mut strays: BTreeMap<String, u64> = BTreeMap::new();
    for tag in &subject.tagged {
        let is_known = standard.registered.contains(&PageName::new("facebook", &tag.id));
        if !is_known && sounds_ours(&tag.name, standard) {
            strays.entry(format!("{} ({}) on Facebook", tag.name, tag.id)).or_insert(tag.seq);
        }
    }
    for post in &subject.posts {
        let linked = post.content.links.iter().filter_map(|link| links::page_of(link));
        let linked = linked.chain(post.content.texts().into_iter().flat_map(addresses));
        let linked = linked.filter(|page| !standard.registered.contains(page));
        let mentioned = mentioned(subject, &post.content.text).into_iter();
        // A name with a sign is often one of another platform: *follow us there, @…*
        let mentioned = mentioned.filter(|page| !standard.registered_names.contains(&page.name));
        for page in linked.chain(mentioned).filter(|page| sounds_ours(&page.name, standard)) {
            strays.entry(page.words()).or_insert(post.seq);
        }
    }
    match strays.len() {
        0 => holds("every page of the district's that its posts of the last 90 days lead to is registered"),
        _ => {
            let named: Vec<&str> = strays.keys().map(String::as_str).collect();
            fails(
                format!("its posts lead to pages that are not registered: {}", named.join(", ")),
                strays.into_values(),
            )
        }
    }
}

fn addresses(text: &str) -> impl Iterator<Item = PageName> + '_ {
    text.split_whitespace()
        .filter(|word| word.contains('/'))
        .filter_map(|word| links::page_of(word.trim_matches(|mark: char| !mark.is_alphanumeric() && mark != '/')))
}

/// `@names` in the text, which are of the post's own platform. Whether one of them may be the district's is asked before anything is
/// said of it: nobody else is looked at.
fn mentioned(subject: &Subject, text: &str) -> Vec<PageName> {
    let platform = subject.account.row.platform.as_str();
    names(text).into_iter().map(|name| PageName::new(platform, name)).collect()
}

fn names(text: &str) -> Vec<&str> {
    static NAME: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"(?:^|[^\w@.＠])[@＠](\w[\w.\-]*)").expect("a constant"));
    // In an address the sign is part of its path, on whatever platform that is.
    let is_address =
        |word: &str| word.contains("://") || word.split_once('/').is_some_and(|(host, _)| host.contains('.'));
    let words = text.split_whitespace().filter(move |word| !is_address(word));
    let found = words.flat_map(|word| NAME.captures_iter(word)).filter_map(|found| found.get(1));
    found.map(|name| name.as_str().trim_end_matches(['.', '-'])).collect()
}

fn sounds_ours(name: &str, standard: &Standard) -> bool {
    let name = links::squashed(name);
    standard.page_words.iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_names_in_a_text_are_read_and_mail_addresses_are_not() {
        let named = |text: &str| addresses(text).map(|page| page.words()).collect::<Vec<_>>();
        assert_eq!(named("Follow (https://www.facebook.com/MesaVistaBand)!"), ["mesavistaband on Facebook"]);
        assert_eq!(named("Write to office@mesavista.example.org and/or call"), Vec::<String>::new());
    }

    #[test]
    fn names_with_a_sign_are_read_and_mail_addresses_and_paths_are_not() {
        let named = names;
        assert_eq!(
            named("@mvband, (@mv.choir) w/@mv_dance \"@mvrobotics\" ¡@mvfolklorico! @mv-art's @mvasb."),
            ["mvband", "mv.choir", "mv_dance", "mvrobotics", "mvfolklorico", "mv-art", "mvasb"]
        );
        assert_eq!(named("@mvband/@mvchoir por:@mvdanza\n@mvlibrary…"), ["mvband", "mvchoir", "mvdanza", "mvlibrary"]);
        assert_eq!(named("@mvband.mesavista.example.org"), ["mvband.mesavista.example.org"]);
        let none =
            "office@mesavista.example.org, https://youtube.com/@mesavista and tiktok.com/@mesavista, @ noon, 2@3";
        assert_eq!(named(none), Vec::<&str>::new());
    }
}
