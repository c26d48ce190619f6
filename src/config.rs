//! Every key of the config file, with its meaning and its default.
//!
//! The doc comment on a field is the comment above the key in `config/pagekeeper.toml`, word for word; a test holds the
//! two together. Unknown keys are refused with the nearest known one. A secret is never in the file: a key names the
//! file that holds it, and that file is read again at each use. Relative paths are relative to the config file's folder.

#![expect(clippy::doc_markdown, reason = "the comments stand in a TOML file too, where nobody expects backticks")]

mod check;
mod defaults;
mod law;
mod paths;
mod policy;
mod read;
#[cfg(test)]
mod tests;
mod types;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

pub use check::is_loopback;
pub use law::{Compliance, Duty, LawFacts, PublicNumbers, RecordsRequest};
pub use paths::{Allow, keep_secret, read_secret};
pub use policy::{Clauses, PolicyClause};
pub use read::Problems;
pub use types::{Cron, Days};

use crate::model::Category;
use crate::model::people::Role;

/// The whole file, with every default filled in and every path made absolute or relative to the working directory.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where everything the program keeps lies: database, media, index, obtained tokens. One folder, owned by the user
    /// the daemon runs as.
    pub data_dir: PathBuf,
    /// The district's time zone, as the tz database names it. Times of day in this file, in mails and on screens are in it.
    #[serde(with = "types::zone", default = "types::default_zone")]
    pub time_zone: TimeZone,
    pub district: District,
    #[serde(default)]
    pub policy: Policy,
    #[serde(default)]
    pub law: Law,
    #[serde(default)]
    pub concerns: Concerns,
    #[serde(default)]
    pub ledger: Ledger,
    #[serde(default)]
    pub web: Web,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mail: Option<Mail>,
    #[serde(default)]
    pub weekly: Weekly,
    #[serde(default)]
    pub alerts: Alerts,
    #[serde(default)]
    pub jobs: Jobs,
    #[serde(default)]
    pub audit: Audit,
    #[serde(default)]
    pub rules: Rules,
    #[serde(default)]
    pub roster: Roster,
    #[serde(default)]
    pub media: MediaConfig,
    #[serde(default)]
    pub platform: BTreeMap<String, PlatformConfig>,
}

/// Who the district is, and what of its own is no private matter.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct District {
    /// The district's name, as mails and reports give it.
    pub name: String,
    /// Telephone numbers that are the district's own, in any spelling: no rule flags them.
    #[serde(default)]
    pub official_numbers: Vec<String>,
    /// Street addresses of schools and offices, in any spelling: no rule flags them.
    #[serde(default)]
    pub official_addresses: Vec<String>,
    /// The district's own domains; each stands for its subdomains too. The first one names the ledger.
    #[serde(default)]
    pub domains: Vec<String>,
}

/// The district's own rules for its pages.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// The clauses of the district's social media guidelines: ids, titles and the district's own words.
    pub clauses: PathBuf,
    /// The expectations for comments that official pages are to post, one file a language.
    pub comment_expectations: Vec<PathBuf>,
    /// Whether the district's own rule wants a page approved, and not only notified, before it starts.
    pub approval_required: bool,
    /// Dates, ballot measures and candidates that the advocacy rules know. Left out: they know none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elections: Option<PathBuf>,
}

/// On what basis rules may run on public comments.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SafetyBasis {
    /// No rule runs on a public comment.
    #[default]
    Off,
    /// The board adopted a program under Education Code 49073.6.
    Adopted,
    /// Counsel advised that the section does not bind this use.
    Counsel,
}

/// Education Code 49073.6, and the state's facts behind mails and screens.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Law {
    /// The recorded basis for running rules on public comments (California Education Code 49073.6): "off" runs none of
    /// them; "adopted" when the board adopted a program after notice and public comment; "counsel" when counsel advised
    /// in writing that none is needed. The last two need the four keys below. The archive, the search and the rules on
    /// the district's own items run in any case.
    pub safety_basis: SafetyBasis,
    /// The day of the adoption or of counsel's advice.
    #[serde(with = "types::date", skip_serializing_if = "Option::is_none")]
    pub basis_date: Option<Date>,
    /// Where it is written down: meeting and agenda item, or counsel's letter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub basis_reference: Option<String>,
    /// The day on which pupils and parents were notified.
    #[serde(with = "types::date", skip_serializing_if = "Option::is_none")]
    pub notice_date: Option<Date>,
    /// Who entered this basis here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recorded_by: Option<String>,
    /// The categories whose rules run on public comments; a trailing * stands for every ending. Left out: under
    /// "adopted" the four concerns, harassment_bullying, hate_discrimination, pii_* and phishing_malware; under
    /// "counsel" whatever the packs say.
    #[serde(with = "types::categories", skip_serializing_if = "Option::is_none")]
    pub public_categories: Option<Vec<Category>>,
    /// The state's facts: what to do for each kind of concern, and dates of compliance.
    pub file: PathBuf,
}

/// Whom to call. The numbers stand in urgent mails and beside concerns, big enough to dial from.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Concerns {
    /// The county's child abuse hotline, as { name, number, verified_on }: the day on which somebody called it and it was right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub child_abuse_hotline: Option<Contact>,
    /// The police or sheriff who answer for the schools: not the district's own police, to whom an abuse report may not go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub law_enforcement: Option<Contact>,
    /// The district's crisis team for self-harm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crisis_team: Option<Contact>,
}

/// Somebody to call, and when the number was last found right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    pub name: String,
    pub number: String,
    #[serde(with = "types::date", default, skip_serializing_if = "Option::is_none")]
    pub verified_on: Option<Date>,
}

/// The ledger's name, key and outside witness.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ledger {
    /// The log's name, fixed when the archive is made. Left out: the district's first domain and "/pagekeeper".
    pub origin: String,
    /// The key that signs checkpoints; made by `init`. Left out: secrets/signing.key in the data directory.
    pub signing_key_file: PathBuf,
    /// Where signed checkpoints are published: outside the data directory, best on another machine's share, so that a
    /// rolled-back archive is noticed. Left out: none are published, and `check-config` says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint_dir: Option<PathBuf>,
}

/// The web app.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Web {
    /// Address and port to listen on. The program speaks plain HTTP: keep it on loopback behind a proxy that speaks TLS.
    pub listen: SocketAddr,
    /// The address people use, as links in mails give it; https unless it is loopback. Left out: http and the address above.
    pub public_url: String,
    pub oidc: Oidc,
}

/// Signing in by the district's identity provider (OpenID Connect), beside users who have a password here. It sends people back to
/// public_url and /sign-in/oidc/back.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Oidc {
    /// The provider's address, exactly as its own discovery document states it. Left out: nobody comes in by a provider.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub issuer: String,
    /// What the provider calls this program.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub client_id: String,
    /// The file that holds the secret which the provider gave this program.
    #[serde(skip_serializing_if = "is_nowhere")]
    pub client_secret_file: PathBuf,
    /// What is asked for beside "openid": it has to bring the name and the groups.
    pub scopes: Vec<String>,
    /// The claim that lists a person's groups.
    pub group_claim: String,
    /// The roles of each group, as { "group" = ["reviewer"] }: viewer, it_auditor, reviewer, records_officer, counsel, log_auditor,
    /// administrator. Who is in none of them is not let in.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub roles: BTreeMap<String, Vec<Role>>,
}

fn is_nowhere(path: &Path) -> bool {
    path.as_os_str().is_empty()
}

/// How mail leaves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    #[default]
    Smtp,
    File,
}

/// How the connection to the mail server is protected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tls {
    #[default]
    Required,
    Starttls,
    None,
}

/// Mail. Without this section none is sent.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mail {
    /// "smtp", or "file": one .eml a message in `dir`, for a first look or another program to send.
    pub transport: Transport,
    /// The mail server's name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub host: String,
    /// Its port. Left out: 465 with tls "required", 587 with "starttls", 25 with "none".
    pub port: u16,
    /// "required": TLS from the first byte; "starttls": plain first, then TLS or nothing; "none": loopback servers only.
    pub tls: Tls,
    /// The name to sign in with. Left out: no sign-in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The file that holds the password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
    /// PEM certificates of the authorities to trust, and no others, where the mail server's is the district's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// The sender of every mail.
    pub from: String,
    /// The folder for transport "file".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dir: Option<PathBuf>,
    /// The administrator's address: all mail goes there alone, marked preview, until somebody presses Go live.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub administrator: Option<String>,
}

/// The weekly report.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Weekly {
    /// When it is sent: six fields, seconds first, weekdays as names.
    pub cron: Cron,
    /// Who gets it: a list of { address, schools, groups }: the pages of these schools and those in these groups; without
    /// either, everything.
    pub recipients: Vec<ReportRecipient>,
}

/// Somebody who gets the weekly report, and on which pages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportRecipient {
    pub address: String,
    #[serde(default)]
    pub schools: Vec<String>,
    #[serde(default)]
    pub groups: Vec<String>,
}

/// Urgent mail.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Alerts {
    /// Who gets it: a list of { address, schools, categories }; without schools and categories, everything. What nobody's
    /// list wants goes to the second list, else to the administrator.
    pub recipients: Vec<AlertRecipient>,
    /// Minutes between two mails on the same flag while nobody has opened it.
    pub repeat_minutes: u32,
    /// Minutes after which an unopened flag goes to the second list too.
    pub escalate_after_minutes: u32,
    /// The second list: addresses.
    pub escalate_to: Vec<String>,
    /// What was written more than this many days before it was first seen is never mailed by itself.
    pub fresh_days: u32,
}

/// Somebody who gets urgent mail, and about what.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlertRecipient {
    pub address: String,
    #[serde(default)]
    pub schools: Vec<String>,
    #[serde(with = "types::category_list", default)]
    pub categories: Vec<Category>,
}

/// When the daemon does what. Six fields, seconds first, weekdays as names.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Jobs {
    /// New posts and their comments, of every active account.
    pub harvest: Cron,
    /// What a platform still gives of the past, for accounts that are not whole yet.
    pub backfill: Cron,
    /// Kept items that are due for another look.
    pub revisit: Cron,
    /// Each page's own facts, settings, people and applications.
    pub profile: Cron,
    /// Credentials: looked into, renewed before they end, and a mail before one dies.
    pub credentials: Cron,
    /// Every page of the register against the district's own standard.
    pub audit: Cron,
    /// The whole archive against its own proofs.
    pub verify: Cron,
    /// Urgent mail: new, repeated, escalated; and the morning mail at seven.
    pub alerts: Cron,
    /// Mails to owners on what their pages want, once somebody has switched them on.
    pub tickets: Cron,
}

/// What the district holds its own pages to. A standard that is not stated is not checked, and the audit says so.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Audit {
    /// Days without a post of its own after which a page is dormant.
    pub dormant_days: u32,
    /// Days after which a finding that nobody has mended or accepted is overdue.
    pub overdue_days: u32,
    /// How many people at least administer a page, so that nobody is locked out when one leaves.
    pub admins_at_least: u32,
    /// Who may administer pages, by name or id as the platform gives it. The register's column admins adds to it for one
    /// page, as a list with semicolons.
    pub approved_admins: Vec<String>,
    /// The applications that may publish posts or be subscribed to a page, by name or id. The archive's own needs no mention.
    pub approved_applications: Vec<String>,
    /// Whether visitors may post on a Facebook page. Left out: not checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub visitor_posts: Option<bool>,
    /// The strengths of Facebook's profanity filter that are good enough. Left out: not checked.
    pub profanity_filter: Vec<String>,
    /// The age limits of a Facebook page that are right, in Facebook's words. Left out: not checked.
    pub age_gate: Vec<String>,
    /// Where the district's site shows its expectations for comments. What stands behind a page's link to it, or to
    /// another page under [district] domains, is read once a day and compared with them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expectations_url: Option<String>,
    /// Where this server reaches the district's own site, if not at its own address: behind a firewall, or for a trial.
    /// Left out: its own address, and public addresses only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site_base: Option<String>,
    /// The addresses of pages that the district's site lists as its own, one a line. Left out: not checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site_list: Option<PathBuf>,
    /// Words in the names of the district's own pages, written as one: a page that is linked, has one of them in its name and
    /// does not stand in the register is a finding. The first words of the district's domains need no mention.
    pub page_words: Vec<String>,
    /// The register of approvals for logos and mascots: a CSV file with the columns art, approver, role, date, pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approvals: Option<PathBuf>,
    /// The day from which the district's own new posts are to be accessible. Left out: the first such day of the law file.
    #[serde(with = "types::date", skip_serializing_if = "Option::is_none")]
    pub accessible_from: Option<Date>,
    /// How many days a person's word holds on what no platform shows; 92 for a collection each quarter.
    pub attest_every_days: u32,
    /// The day of the first collection: from then on a word that nobody has given is a finding. Left out: for each question, from
    /// the first answer for any page.
    #[serde(with = "types::date", skip_serializing_if = "Option::is_none")]
    pub attest_from: Option<Date>,
    /// Days after which a person has to look again at a page that no API reads.
    pub look_every_days: u32,
    /// Whether Meta's tokens are to be a system user's, so that nobody's personal login stands behind one. Left out: not checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_user: Option<bool>,
    /// Permissions that a token may hold though they could change something, by the platform's names.
    pub accepted_permissions: Vec<String>,
    /// Further settings of a Facebook page and what they are to be, by Facebook's own names.
    pub settings: BTreeMap<String, String>,
    /// Days on which no mail goes to owners, as the school calendar has them: a day, or two with .. between, both included.
    pub holidays: Vec<Days>,
}

/// The rule packs.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// The folder of packs, one file a policy area.
    pub dir: PathBuf,
    /// The key under which names of the release roster are hashed; outside data directory and backups. Made by the first
    /// roster import, destroyed by roster forget. Left out: no roster checks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roster_key_file: Option<PathBuf>,
}

/// The columns of the file that roster import reads: an export of Infinite Campus, or users.csv of OneRoster, whose own names for
/// the columns of names are known.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Roster {
    /// The column with a student's first name.
    pub first_name: String,
    /// The column with a student's last name, both of them where there are two.
    pub last_name: String,
    /// The column with the name that a student goes by. Left out: none is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nickname: Option<String>,
    /// The column that says whether a release form is on file, or whether a parent opted out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// What stands in that column where the student may be shown, small letters or capitals. Everything else, an empty cell too,
    /// means withheld.
    pub released: Vec<String>,
}

/// Whose pictures and videos are fetched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FetchFrom {
    #[default]
    District,
    All,
    None,
}

impl FetchFrom {
    pub const fn as_str(self) -> &'static str {
        match self {
            FetchFrom::District => "district",
            FetchFrom::All => "all",
            FetchFrom::None => "none",
        }
    }
}

/// Pictures and videos.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MediaConfig {
    /// Whose are fetched: "district" (the official pages' own), "all" (commenters' too), "none".
    pub fetch_from: FetchFrom,
    /// Hosts they may be fetched from; each stands for its subdomains too. Others are refused.
    pub allowed_hosts: Vec<String>,
    /// The largest file fetched, in bytes; a larger one is a gap on its item.
    pub max_bytes: u64,
}

/// X's two vocabularies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FieldNames {
    #[default]
    Tweet,
    Post,
}

impl FieldNames {
    pub const fn as_str(self) -> &'static str {
        match self {
            FieldNames::Tweet => "tweet",
            FieldNames::Post => "post",
        }
    }
}

/// One platform. A platform without a section is off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PlatformConfig {
    /// Whether its accounts are harvested.
    pub enabled: bool,
    /// Replaces the platform's own scheme, host and port; plain http for loopback addresses only.
    pub api_base: String,
    /// The version of the API that is asked for.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub api_version: String,
    /// The most requests a minute; the platform's own limits hold beside it.
    pub requests_per_minute: u32,
    /// The most requests a day. Left out: no limit of our own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_per_day: Option<u32>,
    /// The file with one credential for the whole platform. Facebook and Instagram: a user or system-user token, from
    /// which page tokens are derived, or a page token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
    /// A folder with one credential file an account, named by the account's slug. It wins over the one above.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_dir: Option<PathBuf>,
    /// The app's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_id: Option<String>,
    /// The file with the app's secret: with it each call carries a proof, and tokens can be checked and prolonged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_secret_file: Option<PathBuf>,
    /// Who acknowledged that X's terms for government use hold for this archive. All three, or X stays off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledged_by: Option<String>,
    /// The day of the acknowledgement.
    #[serde(with = "types::date", skip_serializing_if = "Option::is_none")]
    pub acknowledged_on: Option<Date>,
    /// The plan the district holds with X.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// The vocabulary of requests: "tweet" or "post". Answers in either are read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field_names: Option<FieldNames>,
    /// Whether answers of any age are searched for, where the plan includes the full archive. Without it X gives answers
    /// of the last seven days, and older ones that were not kept by then are a gap.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full_archive: Option<bool>,
    /// The file with the API key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key_file: Option<PathBuf>,
    /// The most quota units a day, counted by us: the platform does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub units_per_day: Option<u32>,
    /// The PLC directory that says on which server an account lives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub directory_base: Option<String>,
}
