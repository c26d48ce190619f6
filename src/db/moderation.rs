//! What the moderation record is made of: items that were not shown at some time, a page's own facts as they followed one another,
//! and what people entered.

use std::collections::HashSet;
use std::str::FromStr;

use anyhow::{Result, ensure};
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};
use serde::Serialize;

use super::accounts::Account;
use super::items::content_of;
use super::ledger::Log;
use super::{at, ms, row_id, seq};
use crate::model::{Category, Cause, Change, Content, Kind, State, Timestamp};

/// What somebody did, as a person enters it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    Hidden,
    Removed,
    Shown,
    Blocked,
    Unblocked,
}

impl Act {
    pub const ALL: [Act; 5] = [Act::Hidden, Act::Removed, Act::Shown, Act::Blocked, Act::Unblocked];

    pub const fn as_str(self) -> &'static str {
        match self {
            Act::Hidden => "hidden",
            Act::Removed => "removed",
            Act::Shown => "shown",
            Act::Blocked => "blocked",
            Act::Unblocked => "unblocked",
        }
    }

    /// Of a person, not of an item.
    pub const fn is_of_a_person(self) -> bool {
        matches!(self, Act::Blocked | Act::Unblocked)
    }
}

impl FromStr for Act {
    type Err = String;

    fn from_str(word: &str) -> Result<Act, String> {
        let known = Act::ALL.into_iter().find(|act| act.as_str() == word);
        known.ok_or_else(|| format!("{word:?} is none of hidden, removed, shown, blocked, unblocked"))
    }
}

/// What a person enters.
#[derive(Debug, Clone)]
pub struct New {
    pub act: Act,
    pub item: Option<i64>,
    /// Whom a block is about, as the page shows the name.
    pub person: String,
    /// Empty: none was named.
    pub clause: String,
    pub reason: String,
    /// A day as in 2026-11-17.
    pub happened_on: String,
}

/// What a person entered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entered {
    /// The ledger entry.
    pub entry: u64,
    #[serde(skip)]
    pub item: Option<i64>,
    pub act: Act,
    pub person: String,
    pub clause: String,
    pub reason: String,
    /// Who says so.
    pub by: String,
    pub happened_on: String,
    pub at: Timestamp,
}

/// Records what a person says was done on a page. Returns the ledger entry.
pub fn enter(tx: &Transaction<'_>, account: &Account, new: &New, actor: &str, now: Timestamp) -> Result<u64> {
    ensure!(!new.reason.trim().is_empty(), "an entry needs a reason");
    ensure!(
        new.act.is_of_a_person() || new.item.is_some(),
        "an entry that something was {} needs the item",
        new.act.as_str()
    );
    ensure!(
        !new.act.is_of_a_person() || !new.person.is_empty(),
        "an entry that somebody was {} needs the name",
        new.act.as_str()
    );
    let mut fields = vec![
        ("act", new.act.as_str().to_owned()),
        ("reason", new.reason.clone()),
        ("happened_on", new.happened_on.clone()),
    ];
    if let Some(item) = new.item {
        let name =
            tx.query_row("SELECT platform || ':' || native_id FROM items WHERE id = ?1", [item], |row| row.get(0))?;
        fields.push(("item", name));
    }
    let named = [("person", &new.person), ("clause", &new.clause)];
    fields.extend(named.into_iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| (name, value.clone())));
    let entry = Log::open(tx)?.record(now, "moderation", Some(&account.row.slug), Some(actor), &fields)?;
    tx.execute(
        "INSERT INTO moderation (seq, account_id, item_id, act, person, clause, reason, actor, happened_on, at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            row_id(entry),
            account.id,
            new.item,
            new.act.as_str(),
            new.person,
            new.clause,
            new.reason,
            actor,
            new.happened_on,
            ms(now)
        ],
    )?;
    Ok(entry)
}

/// Everything that people entered of a page, oldest first.
pub fn entered(conn: &Connection, account: i64) -> Result<Vec<Entered>> {
    let mut statement = conn.prepare_cached(
        "SELECT seq, item_id, act, person, clause, reason, actor, happened_on, at FROM moderation
         WHERE account_id = ?1 ORDER BY seq",
    )?;
    let rows = statement.query_map([account], |row| {
        let act: String = row.get(2)?;
        Ok(Entered {
            entry: seq(row.get(0)?),
            item: row.get(1)?,
            act: act.parse().unwrap_or(Act::Hidden),
            person: row.get(3)?,
            clause: row.get(4)?,
            reason: row.get(5)?,
            by: row.get(6)?,
            happened_on: row.get(7)?,
            at: at(row.get(8)?),
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Records that a person had the moderation record of a page made: of which days, and how much it showed.
pub fn accessed(
    tx: &Transaction<'_>,
    slug: &str,
    (from, to): (&str, &str),
    (rows, stayed): (usize, usize),
    actor: &str,
    now: Timestamp,
) -> Result<u64> {
    let fields = [
        ("what", "moderation record".to_owned()),
        ("from", from.to_owned()),
        ("to", to.to_owned()),
        ("rows", rows.to_string()),
        ("stayed", stayed.to_string()),
    ];
    Log::open(tx)?.record(now, "access", Some(slug), Some(actor), &fields)
}

/// An item of others on a page.
#[derive(Debug, Clone)]
pub struct Item {
    pub id: i64,
    /// `platform:native_id`.
    pub name: String,
    pub kind: Kind,
    pub url: Option<String>,
    pub created_at: Option<Timestamp>,
    pub first_seen_at: Timestamp,
    pub root: Option<i64>,
    pub steps: Vec<Step>,
}

/// One version of it.
#[derive(Debug, Clone)]
pub struct Step {
    pub seq: u64,
    pub change: Change,
    pub state: State,
    pub cause: Option<Cause>,
    pub observed_at: Timestamp,
    /// When a harvest last saw it before; unknown of an imported version.
    pub seen_before: Option<Timestamp>,
    pub author: Option<String>,
    pub text: String,
}

/// What stands on a page and was not written by the district.
const OF_OTHERS: &str = "(i.page_id = ?1 OR i.account_id = ?1) AND i.kind <> 'profile' AND i.role IS NOT 'district'";

/// The items of others on a page that were hidden, missing or gone at some time, with all their versions.
pub fn not_shown(conn: &Connection, account: i64) -> Result<Vec<Item>> {
    let sql = format!(
        "SELECT {ITEM} FROM items i WHERE i.id IN (SELECT v.item_id FROM versions v WHERE v.state <> 'visible')
           AND {OF_OTHERS} ORDER BY i.first_seq"
    );
    let mut statement = conn.prepare_cached(&sql)?;
    let items = statement.query_map([account], item)?.collect::<rusqlite::Result<Vec<_>>>()?;
    items.into_iter().map(|item| Ok(Item { steps: steps(conn, item.id)?, ..item })).collect()
}

/// One item of others on a page; `None` where it is another page's, or the district's own.
pub fn on_page(conn: &Connection, account: i64, id: i64) -> Result<Option<Item>> {
    let sql = format!("SELECT {ITEM} FROM items i WHERE i.id = ?2 AND i.kind IS NOT NULL AND {OF_OTHERS}");
    let found = conn.prepare_cached(&sql)?.query_row([account, id], item).optional()?;
    found.map(|item| Ok(Item { steps: steps(conn, item.id)?, ..item })).transpose()
}

const ITEM: &str = "i.id, i.platform || ':' || i.native_id, i.kind, i.url, i.created_at, i.first_seen_at, i.root_id";

fn item(row: &Row<'_>) -> rusqlite::Result<Item> {
    Ok(Item {
        id: row.get(0)?,
        name: row.get(1)?,
        kind: row.get(2)?,
        url: row.get(3)?,
        created_at: row.get::<_, Option<i64>>(4)?.map(at),
        first_seen_at: at(row.get(5)?),
        root: row.get(6)?,
        steps: Vec::new(),
    })
}

fn steps(conn: &Connection, item: i64) -> Result<Vec<Step>> {
    let mut statement = conn.prepare_cached(
        "SELECT v.seq, v.change, v.state, v.cause, v.observed_at, b.at, v.author_name, coalesce(v.text, '')
         FROM versions v LEFT JOIN seen_before b ON b.seq = v.seq WHERE v.item_id = ?1 ORDER BY v.seq",
    )?;
    let rows = statement.query_map([item], |row| {
        Ok(Step {
            seq: seq(row.get(0)?),
            change: row.get(1)?,
            state: row.get(2)?,
            cause: row.get(3)?,
            observed_at: at(row.get(4)?),
            seen_before: row.get::<_, Option<i64>>(5)?.map(at),
            author: row.get(6)?,
            text: row.get(7)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// A text of others that stands in sight: what another is compared with.
#[derive(Debug, Clone)]
pub struct Shown {
    pub name: String,
    pub account: i64,
    pub slug: String,
    pub url: Option<String>,
    pub created_at: Option<Timestamp>,
    pub root: Option<i64>,
    pub text: String,
}

/// An item of others if it is visible now.
pub fn shown(conn: &Connection, id: i64) -> Result<Option<Shown>> {
    let mut statement = conn.prepare_cached(
        "SELECT i.platform || ':' || i.native_id, a.slug, i.url, i.created_at, i.root_id, coalesce(v.text, ''), a.id
         FROM items i JOIN versions v ON v.seq = i.last_seq JOIN accounts a ON a.id = coalesce(i.page_id, i.account_id)
         WHERE i.id = ?1 AND i.state = 'visible' AND i.role IS NOT 'district'",
    )?;
    let found = statement.query_row([id], |row| {
        Ok(Shown {
            name: row.get(0)?,
            slug: row.get(1)?,
            url: row.get(2)?,
            created_at: row.get::<_, Option<i64>>(3)?.map(at),
            root: row.get(4)?,
            text: row.get(5)?,
            account: row.get(6)?,
        })
    });
    Ok(found.optional()?)
}

/// The items of others on a page that are visible now, were written in `from..to` and are flagged for the public's clause and
/// category.
pub fn flagged_and_shown(
    conn: &Connection,
    account: i64,
    (from, to): (Timestamp, Timestamp),
    (clause, category): (&str, Category),
) -> Result<Vec<i64>> {
    let sql = format!(
        "SELECT DISTINCT i.id FROM flags f JOIN items i ON i.id = f.item_id
         WHERE f.shadow = 0 AND f.clause = ?4 AND f.category = ?5 AND i.state = 'visible' AND {OF_OTHERS}
           AND coalesce(i.created_at, i.first_seen_at) >= ?2 AND coalesce(i.created_at, i.first_seen_at) < ?3
         ORDER BY coalesce(i.created_at, i.first_seen_at), i.id"
    );
    let mut statement = conn.prepare_cached(&sql)?;
    let rows = statement.query_map(params![account, ms(from), ms(to), clause, category], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The roots of the threads in which something is flagged as possible sexual exploitation: none of their words are shown around.
pub fn withheld(conn: &Connection) -> Result<HashSet<i64>> {
    let mut statement = conn.prepare_cached(
        "SELECT DISTINCT coalesce(i.root_id, i.id) FROM flags f JOIN items i ON i.id = f.item_id
         WHERE f.category = 'sexual_exploitation'",
    )?;
    Ok(statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?)
}

/// What a page said of itself at one time.
#[derive(Debug, Clone)]
pub struct Facts {
    pub seq: u64,
    /// Empty for the page itself, else `settings`, `roles` and the like.
    pub edge: String,
    pub observed_at: Timestamp,
    /// When the facts before these were last read.
    pub seen_before: Option<Timestamp>,
    pub name: String,
    pub handle: String,
    pub content: Content,
}

/// All that a page ever said of itself, in order.
pub fn facts(conn: &Connection, account: i64) -> Result<Vec<Facts>> {
    let mut statement = conn.prepare_cached(
        "SELECT v.seq, i.native_id, v.observed_at, b.at, coalesce(v.author_name, ''), coalesce(v.author_handle, ''), v.text, v.more
         FROM items i JOIN versions v ON v.item_id = i.id LEFT JOIN seen_before b ON b.seq = v.seq
         WHERE i.kind = 'profile' AND i.account_id = ?1 AND v.state IN ('visible', 'hidden') ORDER BY v.seq",
    )?;
    let mut rows = statement.query([account])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let native_id: String = row.get(1)?;
        let edge = native_id.split_once("/profile").map_or("", |(_, rest)| rest.trim_start_matches('/'));
        found.push(Facts {
            seq: seq(row.get(0)?),
            edge: edge.to_owned(),
            observed_at: at(row.get(2)?),
            seen_before: row.get::<_, Option<i64>>(3)?.map(at),
            name: row.get(4)?,
            handle: row.get(5)?,
            content: content_of(row.get(6)?, row.get::<_, Option<String>>(7)?.as_deref())?,
        });
    }
    Ok(found)
}

/// When a page's list of blocked people was last read.
pub fn blocked_read_at(conn: &Connection, account: i64) -> Result<Option<Timestamp>> {
    let mut statement = conn.prepare_cached(
        "SELECT max(last_seen_at) FROM items WHERE kind = 'profile' AND account_id = ?1 AND native_id LIKE '%/profile/blocked'",
    )?;
    Ok(statement.query_row([account], |row| row.get::<_, Option<i64>>(0))?.map(at))
}
