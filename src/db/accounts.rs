//! The register.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};
use serde::Serialize;

use super::ledger::Log;
use super::{at, ms};
use crate::model::{AccountStatus, Platform, Timestamp};

/// A register row. Empty means *not stated*.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Registration {
    pub slug: String,
    pub platform: String,
    pub native_id: String,
    pub handle: String,
    pub name: String,
    pub school: String,
    pub groups: String,
    pub purpose: String,
    pub owner_name: String,
    pub owner_email: String,
    pub supervisor: String,
    pub status: String,
    pub supervisor_notified_on: String,
    pub it_notified_on: String,
    pub comment_policy_url: String,
    /// Columns of an imported file that the register does not know.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<String, String>,
}

/// The register's columns in the order of the file.
pub const COLUMNS: [&str; 15] = [
    "slug",
    "platform",
    "native_id",
    "handle",
    "name",
    "school",
    "groups",
    "purpose",
    "owner_name",
    "owner_email",
    "supervisor",
    "status",
    "supervisor_notified_on",
    "it_notified_on",
    "comment_policy_url",
];

impl Registration {
    /// The value of a column by its name in the file.
    pub fn column(&mut self, name: &str) -> Option<&mut String> {
        Some(match name {
            "slug" => &mut self.slug,
            "platform" => &mut self.platform,
            "native_id" => &mut self.native_id,
            "handle" => &mut self.handle,
            "name" => &mut self.name,
            "school" => &mut self.school,
            "groups" => &mut self.groups,
            "purpose" => &mut self.purpose,
            "owner_name" => &mut self.owner_name,
            "owner_email" => &mut self.owner_email,
            "supervisor" => &mut self.supervisor,
            "status" => &mut self.status,
            "supervisor_notified_on" => &mut self.supervisor_notified_on,
            "it_notified_on" => &mut self.it_notified_on,
            "comment_policy_url" => &mut self.comment_policy_url,
            _ => return None,
        })
    }
}

/// A registered account with what the last harvest left on it.
#[derive(Debug, Clone)]
pub struct Account {
    pub id: i64,
    pub row: Registration,
    pub status: AccountStatus,
    pub added_at: Timestamp,
    pub trouble: Option<String>,
    pub trouble_since: Option<Timestamp>,
    pub parked_until: Option<Timestamp>,
}

impl Account {
    /// The connector that reads it, where there is one.
    pub fn connector(&self) -> Option<Platform> {
        self.row.platform.parse().ok()
    }

    /// Name and platform as people know the page: *Mesa Vista High (Facebook)*.
    pub fn title(&self) -> String {
        let name = if self.row.name.is_empty() { &self.row.slug } else { &self.row.name };
        format!("{name} ({})", crate::model::platform_title(&self.row.platform))
    }

    pub fn groups(&self) -> impl Iterator<Item = &str> {
        self.row.groups.split(';').map(str::trim).filter(|group| !group.is_empty())
    }
}

const SELECT: &str = "SELECT id, slug, platform, coalesce(native_id, ''), handle, name, school, groups, purpose, owner_name,
    owner_email, supervisor, status, supervisor_notified_on, it_notified_on, comment_policy_url, extra, added_at, trouble,
    trouble_since, parked_until FROM accounts";

fn account(row: &Row<'_>) -> Result<Account> {
    let extra: String = row.get(16)?;
    let status: AccountStatus = row.get(12)?;
    Ok(Account {
        id: row.get(0)?,
        row: Registration {
            slug: row.get(1)?,
            platform: row.get(2)?,
            native_id: row.get(3)?,
            handle: row.get(4)?,
            name: row.get(5)?,
            school: row.get(6)?,
            groups: row.get(7)?,
            purpose: row.get(8)?,
            owner_name: row.get(9)?,
            owner_email: row.get(10)?,
            supervisor: row.get(11)?,
            status: status.to_string(),
            supervisor_notified_on: row.get(13)?,
            it_notified_on: row.get(14)?,
            comment_policy_url: row.get(15)?,
            extra: serde_json::from_str(&extra).context("extra columns of the register")?,
        },
        status,
        added_at: at(row.get(17)?),
        trouble: row.get(18)?,
        trouble_since: row.get::<_, Option<i64>>(19)?.map(at),
        parked_until: row.get::<_, Option<i64>>(20)?.map(at),
    })
}

/// The whole register, by slug.
pub fn all(conn: &Connection) -> Result<Vec<Account>> {
    let mut statement = conn.prepare_cached(&format!("{SELECT} ORDER BY slug"))?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(account(row)?);
    }
    Ok(found)
}

/// One account by its slug.
pub fn by_slug(conn: &Connection, slug: &str) -> Result<Option<Account>> {
    let mut statement = conn.prepare_cached(&format!("{SELECT} WHERE slug = ?1"))?;
    let mut rows = statement.query([slug])?;
    rows.next()?.map(account).transpose()
}

/// One account by its row id.
pub fn by_id(conn: &Connection, id: i64) -> Result<Account> {
    let mut statement = conn.prepare_cached(&format!("{SELECT} WHERE id = ?1"))?;
    let mut rows = statement.query([id])?;
    account(rows.next()?.with_context(|| format!("there is no account {id}"))?)
}

/// The newest entry of the register about a page: who edits the row says which one she saw.
pub fn newest_entry(conn: &Connection, slug: &str) -> Result<u64> {
    let sql = "SELECT coalesce(max(seq), 0) FROM ledger WHERE kind = 'account' AND subject = ?1";
    Ok(super::seq(conn.prepare_cached(sql)?.query_row([slug], |row| row.get(0))?))
}

/// What registering a row did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    Added,
    Changed,
    Same,
}

/// Adds a row, or changes the one with its slug. A native id that is known never changes.
pub fn put(tx: &Transaction<'_>, row: &Registration, actor: Option<&str>, now: Timestamp) -> Result<Put> {
    let known = by_slug(tx, &row.slug)?;
    if let Some(known) = &known {
        let native = &known.row.native_id;
        ensure!(
            native.is_empty() || row.native_id.is_empty() || *native == row.native_id,
            "{} is {native} on {}: an account's own id never changes; register another page under another slug",
            row.slug,
            row.platform
        );
        ensure!(known.row.platform == row.platform, "{} is registered on {}", row.slug, known.row.platform);
    }
    let mut row = row.clone();
    if let Some(known) = &known {
        if row.native_id.is_empty() {
            row.native_id.clone_from(&known.row.native_id);
        }
        if row.handle.is_empty() {
            row.handle.clone_from(&known.row.handle);
        }
        if known.row == row && !confirms(tx, &row.slug, actor)? {
            return Ok(Put::Same);
        }
    }
    taken(tx, &row)?;
    let retired = AccountStatus::Retired.as_str();
    let change = match &known {
        None => "added",
        Some(known) if known.row == row => "confirmed",
        Some(known) if row.status == retired && known.row.status != retired => "retired",
        Some(_) => "changed",
    };
    state(tx, row, change, &[], actor, now)?;
    Ok(match change {
        "added" => Put::Added,
        "confirmed" => Put::Same,
        _ => Put::Changed,
    })
}

/// Writes a row as it is stated now, with its entry; `more` are fields beside the register's columns.
pub(super) fn state(
    tx: &Transaction<'_>,
    mut row: Registration,
    change: &str,
    more: &[(&'static str, String)],
    actor: Option<&str>,
    now: Timestamp,
) -> Result<()> {
    let mut fields = vec![("change", change.to_owned())];
    for column in COLUMNS {
        let value = row.column(column).map(|value| value.clone()).unwrap_or_default();
        fields.push((column, value));
    }
    fields.push(("extra", serde_json::to_string(&row.extra)?));
    fields.extend_from_slice(more);
    fields.retain(|(_, value)| !value.is_empty());
    Log::open(tx)?.record(now, "account", Some(&row.slug), actor, &fields)?;
    write(tx, &row, now)
}

/// A person states what the program had taken over from the platform: that is worth an entry, for the audit asks what people stated.
fn confirms(tx: &Transaction<'_>, slug: &str, actor: Option<&str>) -> Result<bool> {
    let mut statement = tx
        .prepare_cached("SELECT actor FROM ledger WHERE kind = 'account' AND subject = ?1 ORDER BY seq DESC LIMIT 1")?;
    let last: Option<Option<String>> = statement.query_row([slug], |row| row.get(0)).optional()?;
    Ok(actor.is_some() && last == Some(None))
}

/// Another slug must not hold the same page.
fn taken(tx: &Transaction<'_>, row: &Registration) -> Result<()> {
    let other: Option<String> = tx
        .query_row(
            "SELECT slug FROM accounts WHERE platform = ?1 AND slug <> ?2
               AND ((?3 <> '' AND native_id = ?3) OR (?3 = '' AND ?4 <> '' AND lower(handle) = lower(?4)))",
            params![row.platform, row.slug, row.native_id, row.handle],
            |found| found.get(0),
        )
        .optional()?;
    match other {
        Some(other) => anyhow::bail!("{} is the same page as {other}, which is registered", row.slug),
        None => Ok(()),
    }
}

fn write(tx: &Transaction<'_>, row: &Registration, now: Timestamp) -> Result<()> {
    let native_id = (!row.native_id.is_empty()).then_some(&row.native_id);
    tx.execute(
        "INSERT INTO accounts (slug, platform, native_id, handle, name, school, groups, purpose, owner_name, owner_email,
           supervisor, status, supervisor_notified_on, it_notified_on, comment_policy_url, extra, added_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)
         ON CONFLICT (slug) DO UPDATE SET native_id = excluded.native_id, handle = excluded.handle, name = excluded.name,
           school = excluded.school, groups = excluded.groups, purpose = excluded.purpose, owner_name = excluded.owner_name,
           owner_email = excluded.owner_email, supervisor = excluded.supervisor, status = excluded.status,
           supervisor_notified_on = excluded.supervisor_notified_on, it_notified_on = excluded.it_notified_on,
           comment_policy_url = excluded.comment_policy_url, extra = excluded.extra",
        params![
            row.slug,
            row.platform,
            native_id,
            row.handle,
            row.name,
            row.school,
            row.groups,
            row.purpose,
            row.owner_name,
            row.owner_email,
            row.supervisor,
            row.status,
            row.supervisor_notified_on,
            row.it_notified_on,
            row.comment_policy_url,
            serde_json::to_string(&row.extra)?,
            ms(now),
        ],
    )?;
    Ok(())
}

/// Fills in what the platform said of an account whose id or handle was not known.
pub fn identify(
    tx: &Transaction<'_>,
    id: i64,
    native_id: &str,
    handle: &str,
    name: &str,
    now: Timestamp,
) -> Result<()> {
    let mut row = by_id(tx, id)?.row;
    let before = row.clone();
    if row.native_id.is_empty() {
        native_id.clone_into(&mut row.native_id);
    }
    if !handle.is_empty() {
        handle.clone_into(&mut row.handle);
    }
    if row.name.is_empty() {
        name.clone_into(&mut row.name);
    }
    if row != before {
        put(tx, &row, None, now)?;
    }
    Ok(())
}

/// A slug from a handle: lower case, words joined by hyphens; `-2`, `-3` … where it is taken.
pub fn free_slug(conn: &Connection, handle: &str) -> Result<String> {
    let mut base = String::new();
    for letter in handle.to_lowercase().chars() {
        match letter {
            'a'..='z' | '0'..='9' => base.push(letter),
            _ if !base.ends_with('-') && !base.is_empty() => base.push('-'),
            _ => {}
        }
    }
    let base = base.trim_end_matches('-').to_owned();
    let base = if base.is_empty() { "page".to_owned() } else { base };
    let mut candidate = base.clone();
    let mut number = 2;
    while by_slug(conn, &candidate)?.is_some() {
        candidate = format!("{base}-{number}");
        number += 1;
    }
    Ok(candidate)
}
