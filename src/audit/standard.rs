//! What the district holds its pages to: its config and the files that this names.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, ensure};
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::approvals::{self, Approval};
use super::checks::{Names, runs};
use super::links::{self, PageName};
use super::{Verdict, not_stated, subject};
use crate::config::{Audit as Stated, Config, LawFacts};
use crate::db::{Conn, accounts, facts};
use crate::model::Timestamp;
use crate::text::{dates, decode};

/// The district's own standard, with the register as it is now.
#[derive(Debug, Clone)]
pub struct Standard {
    pub now: Timestamp,
    pub today: Date,
    pub zone: TimeZone,
    pub stated: Stated,
    pub approval_required: bool,
    pub domains: Vec<String>,
    /// The texts of the expectations for comments, and the words of each three by three.
    pub expectations: Vec<(String, HashSet<String>)>,
    /// The applications of the archive itself, by id.
    pub own_applications: Vec<String>,
    /// What the district's site lists.
    pub site_list: Option<BTreeSet<PageName>>,
    pub approvals: Option<Vec<Approval>>,
    /// Since when new posts are to be accessible, and what says so.
    accessible_from: Option<(Date, String)>,
    /// Every page of the register, by handle and by id.
    pub registered: BTreeSet<PageName>,
    /// The names alone: people write those of one platform on another.
    pub registered_names: BTreeSet<String>,
    /// The names of the district, its schools and its pages.
    pub names: Names,
    /// Words that the names of the district's own pages have in them.
    pub page_words: Vec<String>,
    /// The topics that people have begun to answer.
    pub begun: BTreeSet<String>,
}

impl Standard {
    /// Reads the files that the config names; one that is named and cannot be read is an error.
    pub fn load(config: &Config, now: Timestamp) -> Result<Standard> {
        let stated = config.audit.clone();
        let first = |domain: &String| domain.split('.').next().unwrap_or_default().to_owned();
        let words = config.district.domains.iter().map(first).chain(stated.page_words.iter().cloned());
        let site_list = stated.site_list.as_deref().map(site_list).transpose()?;
        let approvals = stated.approvals.as_deref().map(approvals::load).transpose()?;
        Ok(Standard {
            now,
            today: dates::date(now, &config.time_zone),
            zone: config.time_zone.clone(),
            approval_required: config.policy.approval_required,
            domains: config.district.domains.iter().map(|domain| domain.to_lowercase()).collect(),
            expectations: config
                .policy
                .comment_expectations
                .iter()
                .filter_map(|file| fs::read_to_string(file).ok())
                .map(|text| {
                    let runs = runs(&text);
                    (text, runs)
                })
                .collect(),
            own_applications: config.platform.values().filter_map(|platform| platform.app_id.clone()).collect(),
            site_list,
            approvals,
            accessible_from: accessible_from(config),
            registered: BTreeSet::new(),
            begun: BTreeSet::new(),
            registered_names: BTreeSet::new(),
            names: Names::of([config.district.name.as_str()]),
            page_words: words.map(|word| links::squashed(&word)).filter(|word| word.len() > 3).collect(),
            stated,
        })
    }

    /// Takes note of the pages that stand in the register, retired ones included.
    pub(super) fn know(&mut self, conn: &Conn) -> Result<()> {
        let told = facts::profiles(conn, None)?.into_iter();
        let told = told.filter(|profile| subject::edge(&profile.native_id).is_empty());
        let mut handles: HashMap<i64, String> =
            told.filter_map(|profile| Some((profile.account, profile.author.handle?))).collect();
        let accounts = accounts::all(conn)?;
        for account in &accounts {
            let row = &account.row;
            let names = [Some(row.handle.clone()), Some(row.native_id.clone()), handles.remove(&account.id)];
            let names = names.into_iter().flatten().filter(|name| !name.is_empty());
            self.registered.extend(names.map(|name| PageName::new(&row.platform, &name)));
        }
        self.registered_names = self.registered.iter().map(|page| page.name.clone()).collect();
        self.names = self.names.and(accounts.iter().flat_map(|one| [one.row.name.as_str(), one.row.school.as_str()]));
        Ok(())
    }

    /// What the district's site lists and the register does not have.
    pub(super) fn strays(&self) -> Vec<PageName> {
        self.site_list.iter().flatten().filter(|page| !self.registered.contains(page)).cloned().collect()
    }

    /// Whether an address lies under one of the district's own domains.
    pub fn is_own_host(&self, host: &str) -> bool {
        self.domains.iter().any(|own| host == own || host.strip_suffix(own).is_some_and(|rest| rest.ends_with('.')))
    }

    /// The day from which new posts are to be accessible, and what says so.
    pub fn accessible_from(&self) -> Result<(Date, &str), Verdict> {
        let stated = self.accessible_from.as_ref().map(|(day, cite)| (*day, cite.as_str()));
        stated.ok_or_else(|| not_stated("the day from which posts are to be accessible"))
    }
}

/// A file of the district's that cannot be read is no trouble with the archive, and the error says so.
fn site_list(file: &Path) -> Result<BTreeSet<PageName>> {
    let bytes = fs::read(file).map_err(|error| anyhow!("[audit] {} cannot be read: {error}", file.display()))?;
    listed(&bytes).with_context(|| format!("in the site list {}", file.display()))
}

/// The pages that a list of addresses names, however a spreadsheet or an editor saved it: what stands beside an address in its line is
/// not looked at, and a heading, a remark after `#` and an address of a platform that is not known name no page.
fn listed(bytes: &[u8]) -> Result<BTreeSet<PageName>> {
    let text = decode::file(bytes).map_err(|at| {
        let line = 1 + bytes[..at].iter().filter(|byte| **byte == b'\n').count();
        anyhow!("line {line}: is in no one encoding: save it as UTF-8")
    })?;
    let mut found = BTreeSet::new();
    for (number, line) in text.split(['\n', '\r']).enumerate() {
        let cut = |mark: char| matches!(mark, ',' | ';' | '"' | '\'') || mark.is_whitespace();
        let mut words = line.split('#').next().unwrap_or_default().split(cut);
        ensure!(
            !line.contains(|letter: char| letter.is_control() && letter != '\t') && line.len() < 10_000,
            "line {}: is no line of a list of addresses",
            number + 1
        );
        found.extend(words.find_map(links::page_of));
    }
    Ok(found)
}

/// The district's own day, else the first one of the law file.
fn accessible_from(config: &Config) -> Option<(Date, String)> {
    if let Some(day) = config.audit.accessible_from {
        return Some((day, "[audit] accessible_from".to_owned()));
    }
    let law = LawFacts::load(&config.law.file).ok()?;
    let of_pages = law.compliance.into_iter().filter(|entry| entry.what.contains("WCAG"));
    of_pages.filter_map(|entry| Some((entry.date?, entry.cite))).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_addresses_is_read_however_it_was_saved() {
        let words = |bytes: &[u8]| listed(bytes).unwrap().iter().map(PageName::words).collect::<Vec<_>>();
        let both = ["mesavistahigh on Facebook", "mvusdbuses on X"];
        let utf16 = |text: &str| -> Vec<u8> {
            [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect()
        };
        for bytes in [
            &b"https://www.facebook.com/MesaVistaHigh\nhttps://x.com/MVUSDbuses\n"[..],
            b"\xef\xbb\xbfName;Address\r\nHigh school;\"https://m.facebook.com/MesaVistaHigh/\"\r\n;twitter.com/MVUSDbuses\r\n",
            b"facebook.com/MesaVistaHigh\r# Jos\x8e's\r@MVUSDbuses,https://x.com/MVUSDbuses\r",
            b"# Jos\xe9\nfacebook.com/MesaVistaHigh # main\n'x.com/MVUSDbuses\nhttps://nextdoor.com/mesa-vista\n",
            &utf16("facebook.com/MesaVistaHigh\r\nx.com/MVUSDbuses\r\n"),
        ] {
            assert_eq!(words(bytes), both, "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn what_is_no_list_is_refused_with_its_line() {
        let refused = |bytes: &[u8]| format!("{:#}", listed(bytes).unwrap_err());
        assert!(refused(b"x.com/a\nx.com/b\0\n").starts_with("line 2"));
        assert!(
            refused("x.com/José\nx.com/Jos".as_bytes().iter().chain(b"\xe9").copied().collect::<Vec<u8>>().as_slice())
                .starts_with("line 2")
        );
        assert!(refused(&b"x".repeat(10 << 20)).starts_with("line 1"));
    }
}
