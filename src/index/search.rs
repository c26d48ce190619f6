//! Searching: the newest or the best items of a query, their exact number, and counts by facet, in one pass.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use tantivy::collector::{Collector, SegmentCollector};
use tantivy::columnar::Column;
use tantivy::{COLLECT_BLOCK_BUFFER_LEN, DocId, Score, Searcher, SegmentOrdinal, SegmentReader};

use super::plan::{Context, Planner};
use super::query::{Query, midnight};
use super::schema::{ACCOUNT, CREATED, FACTS, Facts, Fields, ITEM};
use super::set::ItemSet;
use crate::model::{Category, Change, Kind, Platform, Role, State};

/// What comes first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sort {
    /// The newest; of items of one millisecond the one with the larger id.
    #[default]
    Date,
    /// What fits the words best.
    Relevance,
}

/// What a search is to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// How many items at most; `usize::MAX` for all.
    pub limit: usize,
    /// How many to leave out before them.
    pub skip: usize,
    pub sort: Sort,
    pub facets: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options { limit: 20, skip: 0, sort: Sort::Date, facets: false }
    }
}

/// What a search found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// How many items match in all.
    pub total: u64,
    /// The items asked for, first things first.
    pub items: Vec<u64>,
    pub took: Duration,
    pub facets: Option<Facets>,
}

/// How many of the matching items have what. Words that no item has are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facets {
    pub platforms: Vec<(Platform, u64)>,
    pub kinds: Vec<(Kind, u64)>,
    pub roles: Vec<(Role, u64)>,
    pub states: Vec<(State, u64)>,
    pub was: Vec<(Change, u64)>,
    /// Empty when whoever asks may not know of flags.
    pub flags: Vec<(Category, u64)>,
    pub with_media: u64,
    pub with_link: u64,
    /// Each set of accounts under which an item was seen, and how many such items: from it follow the counts by account,
    /// school and group, see [`Facets::seen_under`].
    pub accounts: BTreeMap<Vec<u64>, u64>,
    /// The first day of each month that has items, and how many it has, in the district's time zone.
    pub months: Vec<(Date, u64)>,
}

impl Facets {
    /// How many of the items were seen under any of these accounts: one account's, a school's, a group's.
    pub fn seen_under(&self, accounts: &[u64]) -> u64 {
        let among = |seen: &[u64]| seen.iter().any(|account| accounts.contains(account));
        self.accounts.iter().filter(|(seen, _)| among(seen)).map(|(_, count)| count).sum()
    }
}

/// Runs a query on what the searcher sees.
pub(super) fn search(
    searcher: &Searcher,
    fields: &Fields,
    query: &Query,
    context: &Context<'_>,
    options: &Options,
) -> anyhow::Result<Found> {
    let start = Instant::now();
    let scored = options.sort == Sort::Relevance;
    let plan = Planner { query, fields, searcher, context, scored }.plan()?;
    let collector = Hits {
        keep: options.skip.saturating_add(options.limit).min(usize::try_from(searcher.num_docs())?),
        sort: options.sort,
        tally: options.facets.then(|| Tally::new(searcher, context)).transpose()?,
    };
    let mut hits = searcher.search(&plan, &collector)?;
    hits.top.sort_unstable_by_key(|hit| Reverse(*hit));
    Ok(Found {
        total: hits.total,
        items: hits.top.into_iter().skip(options.skip).take(options.limit).map(|(_, item)| item).collect(),
        facets: hits.counts.map(|counts| counts.facets(collector.tally.as_ref())),
        took: start.elapsed(),
    })
}

/// The items that a query with scores finds, the best first.
pub(super) fn best(searcher: &Searcher, query: &dyn tantivy::query::Query, limit: usize) -> tantivy::Result<Vec<u64>> {
    let mut hits = searcher.search(query, &Hits { keep: limit, sort: Sort::Relevance, tally: None })?;
    hits.top.sort_unstable_by_key(|hit| Reverse(*hit));
    Ok(hits.top.into_iter().map(|(_, item)| item).collect())
}

/// The collector: a total, the first so many by their key, and counts where they are asked for.
struct Hits {
    keep: usize,
    sort: Sort,
    tally: Option<Tally>,
}

/// A key that sorts as its date or its score does, and the item.
type Hit = (u64, u64);

#[derive(Default)]
struct Sums {
    total: u64,
    top: Vec<Hit>,
    counts: Option<Counts>,
}

struct SegmentHits {
    keep: usize,
    sort: Sort,
    created: Column<i64>,
    item: Column<u64>,
    total: u64,
    top: BinaryHeap<Reverse<Hit>>,
    counts: Option<SegmentCounts>,
    dates: Box<[Option<i64>; COLLECT_BLOCK_BUFFER_LEN]>,
}

impl Collector for Hits {
    type Fruit = Sums;
    type Child = SegmentHits;

    fn for_segment(&self, _: SegmentOrdinal, reader: &SegmentReader) -> tantivy::Result<SegmentHits> {
        let columns = reader.fast_fields();
        let counts = self.tally.as_ref().map(|tally| SegmentCounts::new(tally, reader)).transpose()?;
        Ok(SegmentHits {
            keep: self.keep,
            sort: self.sort,
            created: columns.i64(CREATED)?,
            item: columns.u64(ITEM)?,
            total: 0,
            top: BinaryHeap::new(),
            counts,
            dates: Box::new([None; COLLECT_BLOCK_BUFFER_LEN]),
        })
    }

    fn requires_scoring(&self) -> bool {
        self.sort == Sort::Relevance
    }

    fn merge_fruits(&self, segments: Vec<Sums>) -> tantivy::Result<Sums> {
        let mut sums = Sums { counts: self.tally.as_ref().map(Counts::new), ..Sums::default() };
        for segment in segments {
            sums.total += segment.total;
            sums.top.extend(segment.top);
            if let (Some(all), Some(counts)) = (&mut sums.counts, segment.counts) {
                all.add(counts);
            }
        }
        if sums.top.len() > self.keep && self.keep > 0 {
            sums.top.select_nth_unstable_by_key(self.keep - 1, |hit| Reverse(*hit));
        }
        sums.top.truncate(self.keep);
        Ok(sums)
    }
}

impl SegmentHits {
    /// Keeps a document if it is among the first so far.
    fn offer(&mut self, key: u64, doc: DocId) {
        if self.top.len() < self.keep {
            self.top.push(Reverse((key, self.item_of(doc))));
        } else if let Some(Reverse(least)) = self.top.peek()
            && key >= least.0
        {
            let hit = (key, self.item_of(doc));
            if hit > *least {
                self.top.pop();
                self.top.push(Reverse(hit));
            }
        }
    }

    fn item_of(&self, doc: DocId) -> u64 {
        self.item.first(doc).unwrap_or(0)
    }
}

impl SegmentCollector for SegmentHits {
    type Fruit = Sums;

    fn collect(&mut self, doc: DocId, score: Score) {
        self.total += 1;
        if let Some(counts) = &mut self.counts {
            counts.count(doc);
        }
        if self.keep > 0 {
            let key = match self.sort {
                Sort::Date => date_key(self.created.first(doc).unwrap_or(i64::MIN)),
                Sort::Relevance => u64::from(score.max(0.0).to_bits()),
            };
            self.offer(key, doc);
        }
    }

    fn collect_block(&mut self, docs: &[DocId]) {
        self.total += docs.len() as u64;
        if let Some(counts) = &mut self.counts {
            docs.iter().for_each(|doc| counts.count(*doc));
        }
        if self.keep == 0 {
            return;
        }
        for docs in docs.chunks(COLLECT_BLOCK_BUFFER_LEN) {
            self.created.first_vals(docs, &mut self.dates[..docs.len()]);
            for (index, doc) in docs.iter().enumerate() {
                let key = date_key(self.dates[index].unwrap_or(i64::MIN));
                if self.top.len() < self.keep || self.top.peek().is_some_and(|Reverse(least)| key >= least.0) {
                    self.offer(key, *doc);
                }
            }
        }
    }

    fn harvest(self) -> Sums {
        Sums {
            total: self.total,
            top: self.top.into_iter().map(|Reverse(hit)| hit).collect(),
            counts: self.counts.map(SegmentCounts::finish),
        }
    }
}

/// Milliseconds in an order that `u64` has too.
fn date_key(ms: i64) -> u64 {
    tantivy::i64_to_u64(ms)
}

/// What is to be counted.
struct Tally {
    flags: Vec<(Category, Arc<ItemSet>)>,
    /// Where each month begins, in milliseconds, with its first day.
    months: Arc<Vec<(i64, Date)>>,
}

impl Tally {
    fn new(searcher: &Searcher, context: &Context<'_>) -> anyhow::Result<Tally> {
        let sets = context.flagged.iter().flat_map(|flagged| Category::ALL.iter().map(|c| (*c, flagged(*c))));
        let flags = sets.filter(|(_, items)| !items.is_empty()).collect();
        Ok(Tally { flags, months: Arc::new(months(searcher, &context.time_zone)?) })
    }
}

/// Items dated after this are counted in the last month: a platform's nonsense must not make a million months.
const YEAR_2100: i64 = 4_102_444_800_000;

/// The months from the oldest to the newest item that the index may have.
fn months(searcher: &Searcher, zone: &TimeZone) -> anyhow::Result<Vec<(i64, Date)>> {
    let mut range: Option<(i64, i64)> = None;
    for segment in searcher.segment_readers() {
        let created = segment.fast_fields().i64(CREATED)?;
        let (min, max) = range.unwrap_or((i64::MAX, i64::MIN));
        range = Some((min.min(created.min_value()), max.max(created.max_value())));
    }
    let Some((min, max)) = range else { return Ok(Vec::new()) };
    let day = |ms: i64| -> anyhow::Result<Date> {
        let at = Timestamp::from_millisecond(ms.clamp(0, YEAR_2100))?;
        Ok(zone.to_datetime(at).date())
    };
    let (mut month, last) = (day(min)?.first_of_month(), day(max)?);
    let mut months = Vec::new();
    while month <= last {
        months.push((midnight(month, zone)?, month));
        month = month.last_of_month().tomorrow()?;
    }
    Ok(months)
}

/// Counts of one segment or of all.
struct Counts {
    platforms: [u64; 16],
    kinds: [u64; 16],
    roles: [u64; 4],
    states: [u64; 4],
    was: [u64; 16],
    with_media: u64,
    with_link: u64,
    flags: Vec<u64>,
    months: Vec<u64>,
    accounts: BTreeMap<Vec<u64>, u64>,
}

impl Counts {
    fn new(tally: &Tally) -> Counts {
        Counts {
            platforms: [0; 16],
            kinds: [0; 16],
            roles: [0; 4],
            states: [0; 4],
            was: [0; 16],
            with_media: 0,
            with_link: 0,
            flags: vec![0; tally.flags.len()],
            months: vec![0; tally.months.len()],
            accounts: BTreeMap::new(),
        }
    }

    fn add(&mut self, other: Counts) {
        fn sum(to: &mut [u64], from: &[u64]) {
            to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
        }
        sum(&mut self.platforms, &other.platforms);
        sum(&mut self.kinds, &other.kinds);
        sum(&mut self.roles, &other.roles);
        sum(&mut self.states, &other.states);
        sum(&mut self.was, &other.was);
        sum(&mut self.flags, &other.flags);
        sum(&mut self.months, &other.months);
        self.with_media += other.with_media;
        self.with_link += other.with_link;
        for (accounts, count) in other.accounts {
            *self.accounts.entry(accounts).or_default() += count;
        }
    }

    fn facets(self, tally: Option<&Tally>) -> Facets {
        let flags = tally.map_or(&[][..], |tally| &tally.flags);
        let months = tally.map_or(&[][..], |tally| &tally.months);
        let flags: Vec<Category> = flags.iter().map(|(category, _)| *category).collect();
        let months: Vec<Date> = months.iter().map(|(_, month)| *month).collect();
        Facets {
            platforms: named(Platform::ALL, &self.platforms),
            kinds: named(Kind::ALL, &self.kinds),
            roles: named(Role::ALL, &self.roles),
            states: named(State::ALL, &self.states),
            was: named(Change::ALL, &self.was),
            flags: named(&flags, &self.flags),
            with_media: self.with_media,
            with_link: self.with_link,
            accounts: self.accounts,
            months: named(&months, &self.months),
        }
    }
}

fn named<T: Copy>(words: &[T], counts: &[u64]) -> Vec<(T, u64)> {
    words.iter().copied().zip(counts.iter().copied()).filter(|(_, count)| *count > 0).collect()
}

/// Counts in one segment, with its columns.
struct SegmentCounts {
    facts: Column<u64>,
    account: Column<u64>,
    created: Column<i64>,
    item: Column<u64>,
    flags: Vec<Arc<ItemSet>>,
    months: Arc<Vec<(i64, Date)>>,
    counts: Counts,
    /// Items seen under one account are counted here, the others in `counts.accounts`.
    alone: std::collections::HashMap<u64, u64>,
}

impl SegmentCounts {
    fn new(tally: &Tally, reader: &SegmentReader) -> tantivy::Result<SegmentCounts> {
        let columns = reader.fast_fields();
        Ok(SegmentCounts {
            facts: columns.u64(FACTS)?,
            account: columns.u64(ACCOUNT)?,
            created: columns.i64(CREATED)?,
            item: columns.u64(ITEM)?,
            flags: tally.flags.iter().map(|(_, items)| items.clone()).collect(),
            months: tally.months.clone(),
            counts: Counts::new(tally),
            alone: std::collections::HashMap::new(),
        })
    }

    fn count(&mut self, doc: DocId) {
        let facts = Facts(self.facts.first(doc).unwrap_or(0));
        let counts = &mut self.counts;
        counts.platforms[facts.platform()] += 1;
        counts.kinds[facts.kind()] += 1;
        counts.roles[facts.role()] += 1;
        counts.states[facts.state()] += 1;
        (0..Change::ALL.len()).for_each(|change| counts.was[change] += u64::from(facts.was(change)));
        counts.with_media += u64::from(facts.has_media());
        counts.with_link += u64::from(facts.has_link());
        if !self.flags.is_empty() {
            let item = self.item.first(doc).unwrap_or(0);
            for (count, items) in counts.flags.iter_mut().zip(&self.flags) {
                *count += u64::from(items.contains(item));
            }
        }
        let created = self.created.first(doc).unwrap_or(0);
        let month = self.months.partition_point(|(start, _)| *start <= created);
        if let Some(count) = counts.months.get_mut(month.saturating_sub(1)) {
            *count += 1;
        }
        self.count_accounts(doc);
    }

    fn count_accounts(&mut self, doc: DocId) {
        let mut seen = self.account.values_for_doc(doc);
        let (first, second) = (seen.next(), seen.next());
        match (first, second) {
            (Some(only), None) => *self.alone.entry(only).or_default() += 1,
            _ => {
                let mut seen: Vec<u64> = first.into_iter().chain(second).chain(seen).collect();
                seen.sort_unstable();
                *self.counts.accounts.entry(seen).or_default() += 1;
            }
        }
    }

    fn finish(self) -> Counts {
        let mut counts = self.counts;
        for (account, count) in self.alone {
            *counts.accounts.entry(vec![account]).or_default() += count;
        }
        counts
    }
}
