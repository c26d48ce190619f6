//! What a report is about, as lists: each number in it is the length of one of them.

use std::collections::{BTreeMap, HashMap};

use jiff::SignedDuration;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::config::{Config, ReportRecipient};
use crate::db::findings::Finding;
use crate::db::reports::{Flag, Gap, Kept, Record, Report};
use crate::db::{accounts, mails, tickets};
use crate::model::{AccountStatus, Category, Kind, Role, Severity, Timestamp};
use crate::text::dates;

/// What a report counted: stored with it as JSON, and what its links open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lists {
    /// *2026-W47*
    pub week: String,
    /// The days it covers, both included.
    pub from_day: Date,
    pub to_day: Date,
    /// The ledger entries it covers: after the first, up to and with the second.
    pub from_seq: u64,
    pub to_seq: u64,
    /// The register as it was, by slug.
    pub accounts: BTreeMap<String, Account>,
    /// Whose mails show fewer pages than all, by `?for=` in their links.
    pub scopes: Vec<Scope>,
    pub not_kept: Vec<NotKept>,
    /// Concerns that nobody has opened.
    pub concerns: Vec<FlagLine>,
    /// Mails that the server refused for good, by id.
    pub refused_mails: Vec<i64>,
    /// Flags on what this week's entries brought.
    pub flags: Vec<FlagLine>,
    /// Flags of earlier weeks that nobody has decided.
    pub still_open: Vec<FlagLine>,
    /// The same of what a backfill, an import or a changed pack turned up.
    pub past: Vec<FlagLine>,
    /// Of those, concerns that nobody has opened.
    #[serde(default)]
    pub past_concerns: Vec<FlagLine>,
    /// Accounts with a gap.
    pub gaps: Vec<GapLine>,
    /// What the version entries of the range say, by account.
    pub kept: BTreeMap<String, Kept>,
    pub entries: u64,
    pub checked_at: Option<Timestamp>,
    /// The last check found a fault.
    pub is_damaged: bool,
    /// The first eight digits of the newest checkpoint's root.
    pub checkpoint: Option<String>,
    /// Whether rules run on public comments at all.
    pub has_basis: bool,
    /// What the reader should know of the rules beside their flags.
    #[serde(default)]
    pub notes: Vec<String>,
    /// Owners who ask for help or say that a page is another's: its slug, and the sentence.
    #[serde(default)]
    pub asking: Vec<(String, String)>,
    /// Of the audit; `None` until one was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub findings: Option<Findings>,
}

/// Where pages fell short of the audit, as it was.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Findings {
    /// Opened with this week's entries.
    pub new: Vec<FindingLine>,
    /// Seen to be mended with them.
    pub fixed: Vec<FindingLine>,
    /// Open for longer than the district waits.
    pub overdue: Vec<FindingLine>,
}

impl Findings {
    fn lists(&mut self) -> [&mut Vec<FindingLine>; 3] {
        [&mut self.new, &mut self.fixed, &mut self.overdue]
    }
}

/// A finding: its first entry, and what a line says of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingLine {
    pub entry: u64,
    pub account: String,
    pub check: String,
    pub clause: String,
    pub what: String,
    pub since: Timestamp,
}

/// A register row as a report needs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    pub title: String,
    pub school: String,
    pub groups: Vec<String>,
    /// Active, on a platform that is read.
    pub is_connected: bool,
}

/// The pages of a recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    pub schools: Vec<String>,
    pub groups: Vec<String>,
}

impl Scope {
    /// A page of one of the schools, or in one of the groups.
    fn has(&self, account: &Account) -> bool {
        self.schools.contains(&account.school) || account.groups.iter().any(|group| self.groups.contains(group))
    }
}

/// A connected account that is not being kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotKept {
    pub account: String,
    pub since: Option<Timestamp>,
    pub cause: String,
    pub owner: String,
}

/// A flag: key, item and what a line says of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlagLine {
    pub flag: String,
    pub item: String,
    pub account: String,
    pub category: Category,
    pub severity: Severity,
    pub kind: Kind,
    pub role: Role,
    pub at: Timestamp,
    pub is_reviewed: bool,
}

/// An account with a gap in the time of the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GapLine {
    pub account: String,
    pub times: Vec<(Option<Timestamp>, Option<Timestamp>, String)>,
}

impl Lists {
    /// The number of a recipient's scope; `None` for one who gets everything.
    pub fn scope_of(&self, to: &ReportRecipient) -> Option<usize> {
        self.scopes.iter().position(|scope| scope.schools == to.schools && scope.groups == to.groups)
    }

    /// The lists of one scope alone.
    pub fn of(&self, scope: usize) -> Lists {
        let Some(scope) = self.scopes.get(scope) else { return self.clone() };
        let mut own = self.clone();
        own.keep(|account| scope.has(account), |_| true);
        own.refused_mails.clear();
        own
    }

    /// Leaves out what is on other pages than these, and flags of other categories.
    pub fn keep(&mut self, has: impl Fn(&Account) -> bool, sees: impl Fn(Category) -> bool) {
        self.accounts.retain(|_, account| has(account));
        let known = &self.accounts;
        self.kept.retain(|slug, _| known.contains_key(slug));
        self.not_kept.retain(|line| known.contains_key(&line.account));
        self.gaps.retain(|line| known.contains_key(&line.account));
        for flags in
            [&mut self.concerns, &mut self.flags, &mut self.still_open, &mut self.past, &mut self.past_concerns]
        {
            flags.retain(|line| known.contains_key(&line.account) && sees(line.category));
        }
        for list in self.findings.iter_mut().flat_map(Findings::lists) {
            list.retain(|line| known.contains_key(&line.account));
        }
        self.asking.retain(|(slug, _)| known.contains_key(slug));
    }

    /// How much needs a person.
    pub fn needs(&self) -> usize {
        let concerns = self.concerns.len() + self.past_concerns.len();
        let lists = self.not_kept.len() + concerns + self.refused_mails.len() + self.asking.len();
        lists + usize::from(self.is_damaged)
    }
}

/// What the database holds of the time of a report.
pub(super) struct Seen {
    pub from_seq: u64,
    pub to_seq: u64,
    pub from: Timestamp,
    pub accounts: Vec<accounts::Account>,
    pub flags: Vec<(Flag, Option<String>)>,
    pub kept: BTreeMap<String, Kept>,
    pub gaps: Vec<Gap>,
    pub refused: Vec<mails::Refused>,
    /// New, fixed and overdue ones; `None` until an audit was made.
    pub findings: Option<[Vec<Finding>; 3]>,
    pub record: Record,
    pub asking: Vec<tickets::Asking>,
    pub is_live: bool,
}

/// The lists, with the words of the district's own posts beside them: these are rendered and not stored twice.
pub(super) struct Gathered {
    pub lists: Lists,
    pub words: HashMap<String, String>,
    pub is_live: bool,
}

pub(super) fn gather(seen: Seen, config: &Config, now: Timestamp) -> Gathered {
    let from_day = dates::date(seen.from, &config.time_zone);
    let yesterday = dates::date(now - SignedDuration::from_hours(24), &config.time_zone);
    let to_day = yesterday.max(from_day);
    let accounts = register(&seen.accounts, config);
    let is_new = |flag: &Flag| flag.version > seen.from_seq;
    let is_unopened = |flag: &Flag| flag.category.is_concern() && !flag.reviewed && !flag.opened;
    let lines = |which: &dyn Fn(&Flag) -> bool| {
        seen.flags.iter().map(|(flag, _)| flag).filter(|flag| which(flag)).map(line).collect::<Vec<_>>()
    };
    let mut still_open = lines(&|flag| !flag.past && !is_new(flag) && !flag.reviewed);
    still_open.sort_by_key(|line| line.at);
    let lists = Lists {
        week: dates::week(to_day),
        from_day,
        to_day,
        from_seq: seen.from_seq,
        to_seq: seen.to_seq,
        scopes: scopes(config),
        not_kept: not_kept(&seen.accounts, &accounts),
        concerns: lines(&|flag| is_unopened(flag) && !flag.past),
        refused_mails: seen.refused.iter().map(|mail| mail.id).collect(),
        flags: lines(&|flag| !flag.past && is_new(flag)),
        still_open,
        past: lines(&|flag| flag.past && !flag.reviewed),
        past_concerns: lines(&|flag| is_unopened(flag) && flag.past),
        gaps: by_account(&seen.gaps, &accounts),
        kept: seen.kept,
        entries: seen.record.entries,
        checked_at: seen.record.checked.map(|(at, _)| at),
        is_damaged: seen.record.checked.is_some_and(|(_, is_intact)| !is_intact),
        checkpoint: seen.record.checkpoint.map(|root| hex::encode(&root[..4])),
        has_basis: config.law.has_basis(),
        notes: Vec::new(),
        findings: seen.findings.map(|found| findings(&seen.accounts, found)),
        asking: seen.asking.iter().map(|one| (one.slug.clone(), one.words())).collect(),
        accounts,
    };
    let words = seen.flags.into_iter().filter_map(|(flag, words)| Some((hex::encode(flag.flag), words?))).collect();
    Gathered { lists, words, is_live: seen.is_live }
}

fn findings(all: &[accounts::Account], found: [Vec<Finding>; 3]) -> Findings {
    let slugs: HashMap<i64, &str> = all.iter().map(|account| (account.id, account.row.slug.as_str())).collect();
    let line = |one: Finding| {
        let account = (*slugs.get(&one.account)?).to_owned();
        let (entry, since) = (one.opened_seq, one.since);
        Some(FindingLine { entry, account, check: one.check, clause: one.clause, what: one.what, since })
    };
    let [new, fixed, overdue] = found.map(|list| list.into_iter().filter_map(line).collect());
    Findings { new, fixed, overdue }
}

fn register(all: &[accounts::Account], config: &Config) -> BTreeMap<String, Account> {
    let known = all.iter().filter(|account| account.status != AccountStatus::Retired);
    let row = |account: &accounts::Account| Account {
        title: account.title(),
        school: account.row.school.clone(),
        groups: account.groups().map(str::to_owned).collect(),
        is_connected: account.status == AccountStatus::Active && config.why_off(&account.row.platform).is_none(),
    };
    known.map(|account| (account.row.slug.clone(), row(account))).collect()
}

fn scopes(config: &Config) -> Vec<Scope> {
    let mut found: Vec<Scope> = Vec::new();
    for to in &config.weekly.recipients {
        let scope = Scope { schools: to.schools.clone(), groups: to.groups.clone() };
        let is_all = scope.schools.is_empty() && scope.groups.is_empty();
        if !is_all && !found.contains(&scope) {
            found.push(scope);
        }
    }
    found
}

fn not_kept(all: &[accounts::Account], register: &BTreeMap<String, Account>) -> Vec<NotKept> {
    let connected = |account: &&accounts::Account| register.get(&account.row.slug).is_some_and(|row| row.is_connected);
    let line = |account: &accounts::Account| {
        Some(NotKept {
            account: account.row.slug.clone(),
            since: account.trouble_since,
            cause: account.trouble.clone()?,
            owner: account.row.owner_name.clone(),
        })
    };
    all.iter().filter(connected).filter_map(line).collect()
}

fn by_account(gaps: &[Gap], register: &BTreeMap<String, Account>) -> Vec<GapLine> {
    let mut found: BTreeMap<&str, GapLine> = BTreeMap::new();
    for gap in gaps.iter().filter(|gap| register.get(&gap.account).is_some_and(|row| row.is_connected)) {
        let line =
            found.entry(&gap.account).or_insert_with(|| GapLine { account: gap.account.clone(), times: Vec::new() });
        line.times.push((gap.from, gap.to, gap.cause.clone()));
    }
    found.into_values().collect()
}

fn line(flag: &Flag) -> FlagLine {
    FlagLine {
        flag: hex::encode(flag.flag),
        item: flag.item.clone(),
        account: flag.account.clone(),
        category: flag.category,
        severity: flag.severity,
        kind: flag.kind,
        role: flag.role,
        at: flag.created_at.unwrap_or(flag.entered_at),
        is_reviewed: flag.reviewed,
    }
}

/// Where the next report begins: after the last one, or with the archive.
pub(super) fn begins(last: Option<&Report>, archive_made_at: Timestamp) -> (u64, Timestamp) {
    last.map_or((0, archive_made_at), |last| (last.to_seq, last.made_at))
}

/// An invented week, for the sample.
pub(super) fn sample(config: &Config, now: Timestamp) -> (Lists, HashMap<String, String>) {
    let to_day = dates::date(now, &config.time_zone);
    let from_day = to_day.checked_sub(SignedDuration::from_hours(24 * 6)).unwrap_or(to_day);
    let account = |title: &str, is_connected| Account {
        title: title.to_owned(),
        school: String::new(),
        groups: Vec::new(),
        is_connected,
    };
    let flag = |n: u8, category, severity, kind, role| FlagLine {
        flag: hex::encode([n; 8]),
        item: format!("facebook:sample-{n}"),
        account: "sample-high".to_owned(),
        category,
        severity,
        kind,
        role,
        at: now - SignedDuration::from_hours(24 * i64::from(n)),
        is_reviewed: n > 2,
    };
    let advocacy = flag(2, Category::PoliticalAdvocacy, Severity::Medium, Kind::Post, Role::District);
    let words =
        HashMap::from([(advocacy.flag.clone(), "A post of the page's own, as it would stand here.".to_owned())]);
    let threat = flag(1, Category::ThreatViolence, Severity::High, Kind::Comment, Role::Public);
    let shared = FindingLine {
        entry: 1,
        account: "sample-high".to_owned(),
        check: "enough_admins".to_owned(),
        clause: "III.7".to_owned(),
        what: "one person alone administers it".to_owned(),
        since: now - SignedDuration::from_hours(24 * 20),
    };
    let lists = Lists {
        week: dates::week(to_day),
        from_day,
        to_day,
        from_seq: 0,
        to_seq: 0,
        accounts: BTreeMap::from([
            ("sample-high".to_owned(), account("Sample High (Facebook)", true)),
            ("sample-middle".to_owned(), account("Sample Middle (Instagram)", true)),
            ("sample-district".to_owned(), account("Sample District (X)", false)),
        ]),
        scopes: Vec::new(),
        not_kept: vec![NotKept {
            account: "sample-middle".to_owned(),
            since: Some(now - SignedDuration::from_hours(50)),
            cause: "token expired".to_owned(),
            owner: "principal's office".to_owned(),
        }],
        concerns: vec![threat.clone()],
        refused_mails: Vec::new(),
        flags: vec![threat, advocacy, flag(3, Category::PiiPhone, Severity::Low, Kind::Reply, Role::Public)],
        still_open: Vec::new(),
        past: Vec::new(),
        past_concerns: Vec::new(),
        gaps: vec![GapLine {
            account: "sample-middle".to_owned(),
            times: vec![(Some(now - SignedDuration::from_hours(50)), None, "token expired".to_owned())],
        }],
        kept: BTreeMap::from([(
            "sample-high".to_owned(),
            Kept { posts: 14, comments: 1_902, edits: 31, hidden: 6, missing: 4 },
        )]),
        entries: 220_113,
        checked_at: Some(now - SignedDuration::from_hours(28)),
        is_damaged: false,
        checkpoint: Some("7f3a91c2".to_owned()),
        has_basis: config.law.has_basis(),
        notes: Vec::new(),
        findings: Some(Findings { new: vec![shared.clone()], fixed: Vec::new(), overdue: vec![shared] }),
        asking: Vec::new(),
    };
    (lists, words)
}
