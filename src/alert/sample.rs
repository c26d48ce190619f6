//! Samples for `mail test`: what each kind of mail looks like in somebody's mailbox, from invented alerts.

use std::collections::{BTreeMap, HashMap};

use jiff::SignedDuration;

use super::law;
use super::plan::message_id;
use super::words::Words;
use crate::config::Config;
use crate::db::accounts::{Account, Registration};
use crate::db::alerts::Open;
use crate::mail::{self, Message};
use crate::model::{AccountStatus, Category, Change, Kind, Role, Severity, Timestamp};
use crate::text::letter::Mark;

/// A mail of a kind, marked *test*, to one address. `None` for what others write: `weekly::sample`, `audit::tickets::sample`,
/// `connect::sample`.
pub fn sample(kind: mail::Kind, to: &str, config: &Config, now: Timestamp) -> Option<Message> {
    let law = law(config);
    let accounts = HashMap::from([(1, account(now))]);
    let words = Words { config, law: &law, accounts: &accounts, mark: Mark::Test, live_since: Some(now), now };
    let id = message_id(config, kind.as_str(), to, &["test".to_owned(), now.to_string()]);
    let threat = open(Category::ThreatViolence, Severity::Critical, now);
    let lower = open(Category::SelfHarm, Severity::Medium, now);
    let written = match kind {
        mail::Kind::Urgent => words.urgent(to, &[&threat], 1, &id),
        mail::Kind::Morning => words.morning(&[&lower]),
        mail::Kind::Summary => words.past(&[(1, Category::ThreatViolence, 2), (1, Category::PiiPhone, 12)]),
        mail::Kind::Weekly | mail::Kind::Ticket | mail::Kind::Credential => return None,
    };
    Some(Message {
        to: to.to_owned(),
        subject: written.subject,
        text: written.letter.text(),
        html: written.letter.html(),
        important: kind == mail::Kind::Urgent,
        message_id: id,
        kind,
        date: now,
    })
}

fn account(now: Timestamp) -> Account {
    let row = Registration {
        slug: "sample-high".into(),
        platform: "facebook".into(),
        name: "Sample High".into(),
        ..Registration::default()
    };
    Account {
        id: 1,
        row,
        status: AccountStatus::Active,
        added_at: now,
        trouble: None,
        trouble_since: None,
        parked_until: None,
    }
}

fn open(category: Category, severity: Severity, now: Timestamp) -> Open {
    Open {
        flag: [0; 8],
        account: 1,
        category,
        severity,
        stored_at: now,
        escalated_at: None,
        kind: Kind::Comment,
        role: Role::Public,
        created_at: Some(now - SignedDuration::from_mins(12)),
        change: Change::Created,
        observed_at: now,
        post_url: None,
        told: BTreeMap::new(),
        acknowledged: Vec::new(),
    }
}
