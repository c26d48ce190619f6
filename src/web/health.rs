//! `/healthz` for whoever watches the server, `/metrics` for Prometheus. Neither names a person or says what was written.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::Result;
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::SignedDuration;
use serde::Serialize;

use super::{Error, Site, show};
use crate::config::Config;
use crate::db::accounts::Account;
use crate::db::credentials::Seen;
use crate::db::findings;
use crate::db::health::Figures;
use crate::db::jobs::Run;
use crate::db::{self, Db};
use crate::model::{AccountStatus, Severity, Timestamp};

/// How long the views may lag behind the ledger before somebody should look.
const BEHIND: SignedDuration = SignedDuration::from_mins(5);

/// Something a person should look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// `mail`, `follow`, `job`, `account`: for a program that sorts them.
    pub what: &'static str,
    /// In words.
    pub say: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

/// Everything the judgment rests on.
pub struct Standing {
    pub figures: Figures,
    pub runs: Vec<Run>,
    pub accounts: Vec<Account>,
    pub credentials: Vec<Seen>,
    pub audit: AuditFigures,
}

/// How the audit stands, in figures.
pub struct AuditFigures {
    /// Open findings by check and whose turn it is.
    open: BTreeMap<(String, String), u64>,
    last: Option<findings::Run>,
    failed: u64,
}

impl AuditFigures {
    fn gather(conn: &db::Conn) -> Result<AuditFigures> {
        let mut open = BTreeMap::new();
        findings::open(conn)?.into_iter().for_each(|one| *open.entry((one.check, one.turn)).or_default() += 1);
        let (last, failed) = (findings::last_run(conn, Timestamp::MAX)?, db::jobs::failures(conn, "audit")?);
        Ok(AuditFigures { open, last, failed })
    }

    fn write(&self, out: &mut Exposition, overdue: u64) {
        let open = self.open.iter().map(|((check, turn), count)| (labels(&[("check", check), ("turn", turn)]), *count));
        out.gauge("pagekeeper_findings", "Open findings of the audit, by check and whose turn it is.", open);
        let overdue = [(String::new(), overdue)];
        out.gauge("pagekeeper_findings_overdue", "Findings open for longer than the config allows.", overdue);
        let ran = self.last.map(|run| (String::new(), u64::try_from(run.at.as_second()).unwrap_or(0)));
        out.gauge("pagekeeper_audit_timestamp_seconds", "When the pages were last audited.", ran);
        let failed = [(String::new(), self.failed)];
        out.gauge("pagekeeper_audits_failed", "Audits by the clock that failed.", failed);
    }
}

impl Standing {
    pub fn gather(db: &Db) -> Result<Standing> {
        db.read(|conn| {
            Ok(Standing {
                figures: db::health::figures(conn)?,
                runs: db::jobs::newest(conn)?.into_values().collect(),
                accounts: db::accounts::all(conn)?,
                audit: AuditFigures::gather(conn)?,
                credentials: db::credentials::all(conn)?,
            })
        })
    }

    /// What is not as it should be. Accounts that cannot be connected at all are no fault of the day and are not in it.
    pub fn reasons(&self, config: &Config, now: Timestamp) -> Vec<Reason> {
        let mut found = self.mail();
        found.extend(self.follow(now));
        found.extend(self.runs.iter().filter_map(failed_job));
        found.extend(self.accounts.iter().filter_map(|account| not_kept(account, config)));
        found
    }

    fn mail(&self) -> Vec<Reason> {
        let mails = &self.figures.mails;
        let mut found = Vec::new();
        if mails.tried > 0 {
            let answer = mails.answer.as_deref().map(|answer| format!(": {answer}")).unwrap_or_default();
            let say =
                format!("{} not accepted by the mail server{answer}", show::counted(mails.tried, "mail", "mails"));
            found.push(Reason { what: "mail", say, since: mails.since });
        }
        if mails.refused > 0 {
            let say = format!("{} refused by the mail server for good", show::counted(mails.refused, "mail", "mails"));
            found.push(Reason { what: "mail", say, since: None });
        }
        found
    }

    fn follow(&self, now: Timestamp) -> Option<Reason> {
        let since = self.figures.behind_since.filter(|since| now.duration_since(*since) > BEHIND)?;
        let last = self.figures.followed.values().min().copied().unwrap_or(0);
        let behind = show::counted(self.figures.entries.saturating_sub(last), "entry", "entries");
        let say = format!("rules, index or alerts are {behind} behind the ledger");
        Some(Reason { what: "follow", say, since: Some(since) })
    }
}

fn failed_job(run: &Run) -> Option<Reason> {
    let outcome = run.outcome.as_deref().filter(|outcome| *outcome != "done")?;
    let error = run.error.as_deref().unwrap_or("no reason was recorded");
    Some(Reason { what: "job", say: format!("the job {} {outcome}: {error}", run.name), since: run.ended_at })
}

/// An active account that could be kept and is not.
pub fn not_kept(account: &Account, config: &Config) -> Option<Reason> {
    let connectable = account.status == AccountStatus::Active && config.why_off(&account.row.platform).is_none();
    let trouble = account.trouble.as_ref().filter(|_| connectable)?;
    Some(Reason { what: "account", say: format!("{}: {trouble}", account.title()), since: account.trouble_since })
}

#[derive(Serialize)]
struct Health {
    ok: bool,
    version: &'static str,
    entries: u64,
    reasons: Vec<Reason>,
}

pub async fn healthz(State(site): State<Site>) -> Result<Response, Error> {
    let now = site.clock().now();
    let health = site
        .blocking(move |site| {
            let state = Standing::gather(site.db())?;
            let reasons = state.reasons(site.config(), now);
            let (ok, version) = (reasons.is_empty(), env!("CARGO_PKG_VERSION"));
            Ok(Health { ok, version, entries: state.figures.entries, reasons })
        })
        .await?;
    let code = if health.ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok((code, Json(health)).into_response())
}

pub async fn metrics(State(site): State<Site>) -> Result<Response, Error> {
    let now = site.clock().now();
    let text = site.blocking(move |site| {
        let beside = Beside {
            refused: crate::app::packs::trouble(site.db(), site.config())?.is_some(),
            offered: site.db().read(db::offers::known)?.is_some(),
            overdue: site.db().read(|conn| super::register::overdue(site, conn, now))?.len() as u64,
            now,
        };
        Ok(exposition(&Standing::gather(site.db())?, site.config(), &beside))
    });
    let text = text.await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}

/// What figures stand on beside the archive's rows.
struct Beside {
    /// The packs on the disk do not load.
    refused: bool,
    /// Changed packs wait for a person.
    offered: bool,
    overdue: u64,
    now: Timestamp,
}

/// The figures in Prometheus' text format.
fn exposition(state: &Standing, config: &Config, beside: &Beside) -> String {
    let figures = &state.figures;
    let mut out = Exposition::default();
    out.gauge("pagekeeper_info", "The running version.", [(labels(&[("version", env!("CARGO_PKG_VERSION"))]), 1)]);
    out.gauge("pagekeeper_ledger_entries", "Entries of the ledger.", [(String::new(), figures.entries)]);
    out.gauge("pagekeeper_items", "Items known.", [(String::new(), figures.items)]);
    let followed = figures.followed.iter().map(|(view, seq)| (labels(&[("view", view)]), *seq));
    out.gauge("pagekeeper_followed_entries", "How far a view has followed the ledger.", followed);
    let checkpoint = figures.checkpoint.map(|(size, _)| (String::new(), size));
    out.gauge("pagekeeper_checkpoint_entries", "Entries under the newest signed checkpoint.", checkpoint);
    let flags = Severity::ALL.iter().map(|severity| {
        (labels(&[("severity", severity.as_str())]), figures.open_flags.get(severity).copied().unwrap_or(0))
    });
    out.gauge("pagekeeper_open_flags", "Flags without an outcome.", flags);
    let mails =
        [("waiting", figures.mails.waiting), ("tried", figures.mails.tried), ("refused", figures.mails.refused)];
    let mails = mails.map(|(state, count)| (labels(&[("state", state)]), count));
    out.gauge(
        "pagekeeper_mails",
        "Mails not accepted by the mail server: waiting, of those tried, and refused.",
        mails,
    );
    let refused = [(String::new(), u64::from(beside.refused))];
    out.gauge(
        "pagekeeper_packs_refused",
        "Whether the packs on the disk did not load: older ones are in force.",
        refused,
    );
    let offered = [(String::new(), u64::from(beside.offered))];
    out.gauge("pagekeeper_packs_offered", "Whether changed packs wait for a person to put them in force.", offered);
    out.gauge("pagekeeper_accounts", "Registered accounts.", accounts(state, config));
    state.audit.write(&mut out, beside.overdue);
    out.gauge(
        "pagekeeper_credential_days_left",
        "Days until a credential ends; 0 once it has.",
        days_left(state, beside.now),
    );
    let failed = state.runs.iter().map(|run| {
        let failed = run.outcome.as_deref().is_some_and(|outcome| outcome != "done");
        (labels(&[("job", &run.name)]), u64::from(failed))
    });
    out.gauge("pagekeeper_job_failed", "Whether the newest run of a job failed or was interrupted.", failed);
    let ended = state
        .runs
        .iter()
        .filter_map(|run| Some((labels(&[("job", &run.name)]), u64::try_from(run.ended_at?.as_second()).unwrap_or(0))));
    out.gauge("pagekeeper_job_ended_timestamp_seconds", "When the newest run of a job ended.", ended);
    out.text
}

/// How many accounts are kept, are not kept though they could be, cannot be connected, or are not active.
fn accounts(state: &Standing, config: &Config) -> [(String, u64); 4] {
    let class = |account: &Account| {
        if account.status != AccountStatus::Active {
            "not_active"
        } else if config.why_off(&account.row.platform).is_some() {
            "not_connected"
        } else if account.trouble.is_some() {
            "not_kept"
        } else {
            "kept"
        }
    };
    ["kept", "not_kept", "not_connected", "not_active"].map(|name| {
        let count = state.accounts.iter().filter(|account| class(account) == name).count();
        (labels(&[("state", name)]), u64::try_from(count).unwrap_or(u64::MAX))
    })
}

/// Begun days counted. A credential without an end has no line.
fn days_left(state: &Standing, now: Timestamp) -> Vec<(String, u64)> {
    let slug =
        |id: i64| state.accounts.iter().find(|account| account.id == id).map(|account| account.row.slug.as_str());
    let line = |seen: &Seen| {
        let ends = seen.credential.ends_at()?;
        let hours = ends.duration_since(now).as_hours();
        let days = if ends <= now || seen.credential.trouble.is_some() { 0 } else { hours / 24 + 1 };
        let names = [("platform", seen.platform.as_str()), ("account", slug(seen.account).unwrap_or_default())];
        Some((labels(&names), u64::try_from(days).unwrap_or_default()))
    };
    state.credentials.iter().filter_map(line).collect()
}

#[derive(Default)]
struct Exposition {
    text: String,
}

impl Exposition {
    fn gauge(&mut self, name: &str, help: &str, values: impl IntoIterator<Item = (String, u64)>) {
        let mut write =
            |line: std::fmt::Arguments<'_>| self.text.write_fmt(line).expect("a String takes what is written");
        write(format_args!("# HELP {name} {help}\n# TYPE {name} gauge\n"));
        for (labels, value) in values {
            write(format_args!("{name}{labels} {value}\n"));
        }
    }
}

fn labels(pairs: &[(&str, &str)]) -> String {
    let escape = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}=\"{}\"", escape(value))).collect();
    format!("{{{}}}", pairs.join(","))
}
