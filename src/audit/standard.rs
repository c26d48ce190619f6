//! What the district holds its pages to: its config and the files that this names.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::Path;

use anyhow::{Result, anyhow};
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::approvals::{self, Approval};
use super::links::{self, PageName};
use super::{Verdict, not_stated, subject};
use crate::config::{Audit as Stated, Config, LawFacts};
use crate::db::{Conn, accounts, facts};
use crate::model::Timestamp;
use crate::text::dates;

/// The district's own standard, with the register as it is now.
#[derive(Debug, Clone)]
pub struct Standard {
    pub now: Timestamp,
    pub today: Date,
    pub zone: TimeZone,
    pub stated: Stated,
    pub approval_required: bool,
    pub domains: Vec<String>,
    /// The texts of the expectations for comments.
    pub expectations: Vec<String>,
    /// The applications of the archive itself, by id.
    pub own_applications: Vec<String>,
    /// What the district's site lists.
    pub site_list: Option<BTreeSet<PageName>>,
    pub approvals: Option<Vec<Approval>>,
    /// Since when new posts are to be accessible, and what says so.
    accessible_from: Option<(Date, String)>,
    /// Every page of the register, by handle and by id.
    pub registered: BTreeSet<PageName>,
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
        let site_list = stated.site_list.as_deref().map(read).transpose()?;
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
                .collect(),
            own_applications: config.platform.values().filter_map(|platform| platform.app_id.clone()).collect(),
            site_list: site_list.map(|text| text.lines().filter_map(links::page_of).collect()),
            approvals,
            accessible_from: accessible_from(config),
            registered: BTreeSet::new(),
            begun: BTreeSet::new(),
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
        for account in accounts::all(conn)? {
            let names = [Some(account.row.handle), Some(account.row.native_id), handles.remove(&account.id)];
            let names = names.into_iter().flatten().filter(|name| !name.is_empty());
            self.registered.extend(names.map(|name| PageName::new(&account.row.platform, &name)));
        }
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
fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).map_err(|error| anyhow!("[audit] {} cannot be read: {error}", file.display()))
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
