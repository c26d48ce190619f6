//! A search as people see it: the index finds, the rows tell, the coverage says what is not held.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use serde::Serialize;

use super::App;
use crate::db::accounts::{self, Account};
use crate::db::{flags, harvests, items};
use crate::index::query::{self, Query};
use crate::index::{Context, Facets, Found, ItemSet, Named, Options, Sort};
use crate::model::{Author, Category, Kind, Role, State, Timestamp, rfc3339};

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Ask {
    pub query: String,
    pub limit: usize,
    pub sort: Sort,
    /// Adds every item of a thread in which one matches.
    pub with_threads: bool,
    /// Whoever asks may know of flags.
    pub flags: bool,
}

/// One result.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    pub item: String,
    pub platform: String,
    pub account: String,
    pub native_id: String,
    pub kind: Kind,
    pub author: Author,
    pub role: Role,
    pub created_at: Option<String>,
    pub state: State,
    pub url: Option<String>,
    pub text: String,
    /// The ledger entry of the version that matched; absent on an item that is here for its thread.
    pub matched_version: Option<u64>,
    pub snippet: Option<String>,
    /// Here because its thread matched, not by its own words.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub in_thread: bool,
}

/// What of an account is held, for the range that was searched.
#[derive(Debug, Clone, Serialize)]
pub struct Covered {
    pub account: String,
    /// From, to, and the longest time between two looks in minutes.
    pub watched: Vec<(String, String, i64)>,
    /// From, to, and when that was what stood.
    pub backfilled: Vec<(Option<String>, Option<String>, String)>,
    pub gaps: Vec<Gap>,
    pub not_given: Vec<&'static str>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Gap {
    pub from: Option<String>,
    pub to: Option<String>,
    pub stream: String,
    /// missing, `not_watched` or shortfall
    pub kind: String,
    pub cause: String,
}

/// All of an answer.
#[derive(Debug, Clone)]
pub struct Answer {
    pub total: u64,
    /// With the items that their threads brought along.
    pub with_threads: Option<u64>,
    pub took_ms: f64,
    pub rows: Vec<Row>,
    pub coverage: Vec<Covered>,
    pub facets: Option<Facets>,
}

impl App {
    /// Searches. A query that cannot be read is a [`query::QueryError`].
    pub fn search(&self, ask: &Ask) -> Result<Answer> {
        let register = self.db.read(accounts::all)?;
        let limit = if ask.with_threads { usize::MAX } else { ask.limit };
        let (query, found) = self.ask_index(ask, limit, &register)?;
        let ids: Vec<i64> = found.items.iter().filter_map(|id| i64::try_from(*id).ok()).collect();
        let (ids, with_threads) = if ask.with_threads { self.threads_of(&ids)? } else { (ids, None) };
        let matching: BTreeSet<u64> = found.items.iter().copied().collect();
        let rows = self.db.read(|conn| {
            ids.iter().take(ask.limit).map(|id| row(items::show(conn, *id)?, &query, &matching)).collect::<Result<_>>()
        })?;
        Ok(Answer {
            total: found.total,
            with_threads,
            took_ms: found.took.as_secs_f64() * 1000.0,
            rows,
            coverage: self.coverage(&register)?,
            facets: found.facets,
        })
    }

    /// The row ids of everything that a query finds.
    pub fn found(&self, ask: &Ask) -> Result<Vec<i64>> {
        let register = self.db.read(accounts::all)?;
        let (_, found) = self.ask_index(ask, ask.limit, &register)?;
        Ok(found.items.into_iter().filter_map(|id| i64::try_from(id).ok()).collect())
    }

    fn ask_index(&self, ask: &Ask, limit: usize, register: &[Account]) -> Result<(Query, Found)> {
        let query = query::parse(&ask.query)?;
        let index = self
            .index()?
            .context("nothing is indexed yet: harvest or import something, or run `pagekeeper rebuild index`")?;
        let named = |named: Named, name: &str| accounts_named(register, named, name);
        let flagged = |category: Category| Arc::new(self.flagged(category).unwrap_or_default());
        let context = Context {
            time_zone: self.config.time_zone.clone(),
            accounts: &named,
            flagged: ask.flags.then_some(&flagged),
            scope: None,
            only: None,
        };
        let found = index.search(&query, &context, &Options { limit, skip: 0, sort: ask.sort, facets: false })?;
        Ok((query, found))
    }

    /// The flagged items of a category, as a set for the collector.
    fn flagged(&self, category: Category) -> Result<ItemSet> {
        let mut set = ItemSet::default();
        for id in self.db.read(|conn| flags::items_with(conn, category))? {
            set.insert(u64::try_from(id)?);
        }
        Ok(set)
    }

    /// Whole threads in the order of their first match, each item once.
    fn threads_of(&self, ids: &[i64]) -> Result<(Vec<i64>, Option<u64>)> {
        let mut seen = BTreeSet::new();
        let mut all = Vec::new();
        self.db.read(|conn| {
            for id in ids {
                let shown = items::show(conn, *id)?;
                let thread = shown.root_id.map_or(Ok(vec![*id]), |root| items::thread(conn, root))?;
                all.extend(thread.into_iter().filter(|id| seen.insert(*id)));
            }
            Ok(())
        })?;
        let count = u64::try_from(all.len())?;
        Ok((all, Some(count)))
    }

    /// What is held of each account that can be searched.
    pub fn coverage(&self, register: &[Account]) -> Result<Vec<Covered>> {
        let mut by_account: BTreeMap<i64, Covered> = BTreeMap::new();
        for account in register.iter().filter(|account| account.connector().is_some()) {
            by_account.insert(
                account.id,
                Covered {
                    account: account.row.slug.clone(),
                    watched: vec![],
                    backfilled: vec![],
                    gaps: vec![],
                    not_given: vec!["direct_messages"],
                },
            );
        }
        for interval in self.db.read(harvests::coverage)? {
            let Some(covered) = by_account.get_mut(&interval.account) else { continue };
            let (from, to) = (interval.from.map(rfc3339), interval.to.map(rfc3339));
            match interval.kind.as_str() {
                "watched" => {
                    let minutes = interval.longest.unwrap_or(0).div_euclid(60_000);
                    covered.watched.push((from.unwrap_or_default(), to.unwrap_or_default(), minutes));
                }
                "backfilled" => covered.backfilled.push((from, to, interval.as_of.map(rfc3339).unwrap_or_default())),
                _ if interval.gap_kind.as_deref() == Some("shortfall") && interval.closed_at.is_some() => {}
                _ => covered.gaps.push(Gap {
                    from,
                    to,
                    stream: interval.stream,
                    kind: interval.gap_kind.unwrap_or_default(),
                    cause: interval.cause.unwrap_or_default(),
                }),
            }
        }
        Ok(by_account.into_values().collect())
    }
}

/// Account ids by slug, school or group; case is ignored.
fn accounts_named(register: &[Account], named: Named, name: &str) -> Vec<u64> {
    let is = |value: &str| value.eq_ignore_ascii_case(name) || value.to_lowercase() == name.to_lowercase();
    register
        .iter()
        .filter(|account| match named {
            Named::Account => is(&account.row.slug) || is(&account.row.handle),
            Named::School => is(&account.row.school),
            Named::Group => account.groups().any(is),
        })
        .filter_map(|account| u64::try_from(account.id).ok())
        .collect()
}

fn row(shown: items::Shown, query: &Query, matching: &BTreeSet<u64>) -> Result<Row> {
    let matches = u64::try_from(shown.document.item).is_ok_and(|id| matching.contains(&id));
    // The newest version that matches: who searches wants to know whether it still says so.
    let newest_first: Vec<&items::read::Stored> = shown.document.versions.iter().rev().collect();
    let texts: Vec<String> = newest_first.iter().map(|version| words(version)).collect();
    let borrowed: Vec<&str> = texts.iter().map(String::as_str).collect();
    let place = query::matched(query, &borrowed).unwrap_or(0);
    let version = newest_first.get(place).context("an item has a version")?;
    let latest = shown.latest();
    Ok(Row {
        item: shown.name(),
        platform: shown.document.platform.clone(),
        account: shown.account.clone(),
        native_id: shown.document.native_id.clone(),
        kind: shown.document.kind,
        author: latest.author.clone(),
        role: shown.document.role,
        created_at: shown.document.created_at.map(rfc3339),
        state: shown.document.state,
        url: shown.url.clone(),
        text: latest.content.text.clone(),
        matched_version: matches.then_some(version.seq),
        snippet: matches.then(|| query::snippet(query, &texts[place])),
        in_thread: !matches,
    })
}

/// All words of a version, as the index holds them.
fn words(version: &items::read::Stored) -> String {
    let content = &version.content;
    let alts = content.media.iter().filter_map(|medium| medium.alt.as_ref());
    let all: Vec<&str> = [&content.text]
        .into_iter()
        .chain(&content.parts)
        .chain(&content.links)
        .chain(alts)
        .map(String::as_str)
        .collect();
    all.join("\n")
}

/// A time for people: in the district's time zone, with its offset.
pub fn local(at: Timestamp, zone: &jiff::tz::TimeZone) -> String {
    at.to_zoned_datetime(zone.clone()).strftime("%Y-%m-%d %H:%M %:z").to_string()
}
