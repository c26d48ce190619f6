//! The moderation record of a page and some days, for counsel: what was hidden, missing, gone or blocked, what matched the same posted
//! expectation and stayed, and what is like it by its words and stayed. Made when it is asked for, never kept, never mailed; that
//! it was made is a ledger entry. It judges nobody.

mod enter;
mod episodes;
mod sheet;
mod standing;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use anyhow::Result;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::App;
use crate::audit::Standard;
use crate::config::Config;
use crate::db::accounts::{self, Account};
use crate::db::flags::{self, Flag};
use crate::db::moderation::{self, Entered, Item};
use crate::db::{Conn, Db};
use crate::index::{Alike, Index};
use crate::model::{Category, Kind, Outcome, State, Timestamp, platform_title};
use crate::text::dates;

pub use enter::{Entry, Refused, days, enter};
pub use episodes::Span;
pub use sheet::csv;
pub use standing::Standing;

use episodes::{Blocked, Episode};
use standing::Standings;

/// What stands over every list of similar comments.
pub const SIMILAR: &str = "Similar by words. Not a finding that they were treated unequally.";

/// So many similar ones stand beside each.
const BESIDE: usize = 3;
/// Of so many that the index finds the likest are taken.
const LOOKED_AT: usize = 8;
/// Less than this in common is not called similar.
const LIKE: f32 = 0.25;

/// The clause on the posted expectations.
const EXPECTATIONS: &str = "III.4";

/// Which page and which days, both included.
#[derive(Debug, Clone)]
pub struct Ask {
    pub account: String,
    pub from: Date,
    pub to: Date,
}

/// All of it.
#[derive(Debug, Clone, Serialize)]
pub struct Record {
    pub account: String,
    pub title: String,
    pub from: String,
    pub to: String,
    pub made_at: Timestamp,
    pub made_by: String,
    /// The ledger entry that says it was made.
    pub entry: u64,
    /// What a reader has to know first.
    pub notes: Vec<String>,
    pub rows: Vec<Row>,
    pub expectations: Vec<Expectation>,
    /// How the page stood on those days; rows name them by number.
    pub standings: Vec<Standing>,
}

/// Something that was not shown, or somebody who was blocked.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    pub number: usize,
    /// hidden, missing, gone, blocked; of an entry that nothing on the platform goes with, what it says.
    pub what: &'static str,
    pub item: Option<String>,
    pub kind: Option<Kind>,
    pub url: Option<String>,
    /// Who wrote it, or who was blocked, as the platform names them.
    pub person: Option<String>,
    pub written_at: Option<Timestamp>,
    /// `None` of a person, and where it is withheld.
    pub text: Option<String>,
    /// Its thread has a flag for possible sexual exploitation: its words are not shown here.
    pub withheld: bool,
    pub last_seen_shown: Option<Timestamp>,
    pub first_seen_so: Option<Timestamp>,
    /// When it was seen shown again, or the name no longer listed.
    pub until: Option<Timestamp>,
    /// What the platform showed, and what that says of the cause.
    pub cause: String,
    /// What people entered.
    pub entered: Vec<Entered>,
    /// The clause that somebody named, or *no clause named*.
    pub clause: String,
    pub flags: Vec<FlagNote>,
    pub similar: Vec<Similar>,
    /// How the page stood when it was first seen so.
    pub standing: usize,
    /// The page stood otherwise when it was last seen shown.
    pub standing_changed: bool,
    /// The ledger entries it rests on.
    pub entries: Vec<u64>,
}

/// A flag on an item, and how its times lie to when the item was first seen hidden, missing or gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FlagNote {
    pub flag: String,
    pub rule: String,
    pub category: Category,
    pub clause: String,
    pub flagged_at: Timestamp,
    /// *3 hours before*, *2 days after*; of what stayed `None`.
    pub apart: Option<String>,
    pub reviews: Vec<ReviewNote>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReviewNote {
    pub outcome: Outcome,
    pub by: String,
    pub at: Timestamp,
    pub apart: Option<String>,
}

/// A comment like another that stands in sight.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Similar {
    pub item: String,
    pub account: String,
    pub same_page: bool,
    /// Of a hundred: the weight of the words in both, of all their words.
    pub likeness: u8,
    pub written_at: Option<Timestamp>,
    pub url: Option<String>,
    pub text: String,
}

/// An expectation that something in the record matched by a rule, and what matched it in these days and stayed.
#[derive(Debug, Clone, Serialize)]
pub struct Expectation {
    pub clause: String,
    pub category: Category,
    /// How many rows matched it.
    pub not_shown: usize,
    pub stayed: Vec<Stayed>,
}

/// Matched the same expectation and is visible now.
#[derive(Debug, Clone, Serialize)]
pub struct Stayed {
    pub item: String,
    pub url: Option<String>,
    pub written_at: Option<Timestamp>,
    /// `None` where it is withheld.
    pub text: Option<String>,
    pub flags: Vec<FlagNote>,
}

impl App {
    /// As [`make`].
    pub fn moderation(&self, ask: &Ask, actor: &str) -> Result<Option<Record>> {
        make(&self.db, &self.config, self.index()?, ask, actor, self.clock.now())
    }
}

/// Makes the record and puts on record that it was made, before anybody sees it. `None` where the register has no such page.
pub fn make(
    db: &Db,
    config: &Config,
    index: Option<Index>,
    ask: &Ask,
    actor: &str,
    now: Timestamp,
) -> Result<Option<Record>> {
    let Some(mut record) = db.read(|conn| gather(conn, config, index, ask, actor, now))? else { return Ok(None) };
    let (slug, days) = (record.account.clone(), (record.from.clone(), record.to.clone()));
    let counts = (record.rows.len(), record.expectations.iter().map(|one| one.stayed.len()).sum());
    let actor = actor.to_owned();
    record.entry =
        db.writer.write(move |tx| moderation::accessed(tx, &slug, (&days.0, &days.1), counts, &actor, now))?;
    Ok(Some(record))
}

fn gather(
    conn: &Conn,
    config: &Config,
    index: Option<Index>,
    ask: &Ask,
    actor: &str,
    now: Timestamp,
) -> Result<Option<Record>> {
    let Some(account) = accounts::by_slug(conn, &ask.account)? else { return Ok(None) };
    let zone = &config.time_zone;
    let facts = moderation::facts(conn, account.id)?;
    let standard = Standard::load(config, now).map_err(|error| format!("{error:#}"));
    let alike = index.as_ref().map(Index::alike).transpose()?;
    let mut notes = notes(conn, config, &account, alike.is_some())?;
    let mut maker = Maker {
        conn,
        account: &account,
        zone,
        range: (midnight(ask.from, zone)?, midnight(ask.to.tomorrow()?, zone)?),
        ask,
        alike,
        withheld: moderation::withheld(conn)?,
        standings: Standings::new(&facts, standard, &account.row.comment_policy_url),
        entered: moderation::entered(conn, account.id)?,
        told: BTreeSet::new(),
        items: HashSet::new(),
        rows: Vec::new(),
    };
    maker.items()?;
    maker.blocked(&episodes::blocked(&facts));
    maker.entered_alone()?;
    maker.rows.sort_by_key(|row| row.first_seen_so);
    (1..).zip(&mut maker.rows).for_each(|(number, row)| row.number = number);
    let expectations = maker.expectations()?;
    if maker.rows.iter().any(|row| !row.similar.is_empty()) {
        notes.push(SIMILAR.to_owned());
    }
    Ok(Some(Record {
        title: account.title(),
        from: ask.from.to_string(),
        to: ask.to.to_string(),
        made_at: now,
        made_by: actor.to_owned(),
        entry: 0,
        notes,
        expectations,
        rows: maker.rows,
        standings: maker.standings.found,
        account: account.row.slug.clone(),
    }))
}

/// What a reader has to know before the table.
fn notes(conn: &Conn, config: &Config, account: &Account, indexed: bool) -> Result<Vec<String>> {
    let platform = platform_title(&account.row.platform);
    let mut notes = vec![
        "A row stands here when it happened, or may have happened, in these days: after the last look that showed it and by the first \
         that did not. What was written and hidden or removed between two looks is not held. No row says who did it unless a \
         person entered it."
            .to_owned(),
    ];
    if matches!(account.row.platform.as_str(), "x" | "youtube") {
        notes.push(format!("{platform} shows nobody what a page has hidden: a hidden comment looks missing here."));
    }
    let zone = &config.time_zone;
    notes.push(match (account.row.platform.as_str(), moderation::blocked_read_at(conn, account.id)?) {
        (_, Some(at)) => format!("People blocked: as {platform} listed them, last read {}.", dates::full(at, zone)),
        ("facebook", None) => {
            "People blocked: the page's list has not been read; only what people entered stands here.".into()
        }
        _ => format!("People blocked: {platform} gives us no list; only what people entered stands here."),
    });
    if !indexed {
        notes.push("Similar comments were not looked for: nothing is indexed yet.".to_owned());
    }
    if !config.law.has_basis() {
        notes.push(
            "No rule runs on public comments here (no recorded basis), so none is compared by what it matched."
                .to_owned(),
        );
    }
    Ok(notes)
}

struct Maker<'m> {
    conn: &'m Conn,
    account: &'m Account,
    zone: &'m TimeZone,
    range: (Timestamp, Timestamp),
    ask: &'m Ask,
    alike: Option<Alike>,
    /// Roots of threads whose words are not shown.
    withheld: HashSet<i64>,
    standings: Standings<'m>,
    entered: Vec<Entered>,
    /// The entries that stand in a row already.
    told: BTreeSet<u64>,
    /// The items that have a row.
    items: HashSet<i64>,
    rows: Vec<Row>,
}

impl Maker<'_> {
    /// A row for each time in which an item was not shown.
    fn items(&mut self) -> Result<()> {
        for item in moderation::not_shown(self.conn, self.account.id)? {
            for episode in episodes::episodes(&item) {
                let meets = |span: &Span| span.meets(self.range);
                if meets(&episode.began) || episode.ended.as_ref().is_some_and(meets) {
                    let row = self.of_item(&item, &episode)?;
                    self.items.insert(item.id);
                    self.rows.push(row);
                }
            }
        }
        Ok(())
    }

    fn of_item(&mut self, item: &Item, episode: &Episode<'_>) -> Result<Row> {
        let first = &episode.steps[0];
        let entered = self.entered_of(|one| one.item == Some(item.id));
        let (standing, standing_changed) = self.standings.of(episode.began);
        Ok(Row {
            what: match episode.worst().state {
                State::Gone => "gone",
                State::Missing => "missing",
                State::Hidden | State::Visible => "hidden",
            },
            last_seen_shown: episode.began.after.filter(|_| !episode.at_first_sight),
            first_seen_so: Some(episode.began.by),
            until: episode.ended.map(|ended| ended.by),
            cause: episode.cause(item.created_at),
            standing,
            standing_changed,
            entries: episode.steps.iter().map(|step| step.seq).collect(),
            ..self.with_words(item, first, entered, Some(episode.began.by))?
        })
    }

    /// What a row says of an item however it came to it.
    fn with_words(
        &mut self,
        item: &Item,
        version: &moderation::Step,
        entered: Vec<Entered>,
        moment: Option<Timestamp>,
    ) -> Result<Row> {
        let withheld = self.withheld.contains(&item.root.unwrap_or(item.id));
        Ok(Row {
            item: Some(item.name.clone()),
            kind: Some(item.kind),
            url: item.url.clone(),
            person: version.author.clone(),
            written_at: item.created_at,
            text: Some(version.text.clone()).filter(|_| !withheld),
            withheld,
            flags: self.flags(item.id, moment)?,
            similar: if withheld { Vec::new() } else { self.similar(item.id, &version.text)? },
            ..row_of(entered)
        })
    }

    fn blocked(&mut self, people: &[Blocked]) {
        for one in people {
            let ended = one.ended.is_some_and(|ended| ended.meets(self.range));
            if !one.began.meets(self.range) && !ended {
                continue;
            }
            let is_named = |entry: &Entered| entry.act.is_of_a_person() && entry.person.trim() == one.name.trim();
            let entered = self.entered_of(is_named);
            let (standing, standing_changed) = self.standings.of(one.began);
            self.rows.push(Row {
                what: "blocked",
                person: Some(if one.name.is_empty() { one.id.clone() } else { one.name.clone() }),
                last_seen_shown: one.began.after.filter(|_| !one.is_dated),
                first_seen_so: Some(one.began.by),
                until: one.ended.map(|ended| ended.by),
                cause: blocked_words(one),
                standing,
                standing_changed,
                entries: one.entries.clone(),
                ..row_of(entered)
            });
        }
    }

    /// What people entered that goes with nothing the platform showed.
    fn entered_alone(&mut self) -> Result<()> {
        let days = (self.ask.from.to_string(), self.ask.to.to_string());
        let is_within = |one: &Entered| one.happened_on >= days.0 && one.happened_on <= days.1;
        let alone: Vec<Entered> =
            self.entered.iter().filter(|one| !self.told.contains(&one.entry) && is_within(one)).cloned().collect();
        for one in alone {
            let day: Date = one.happened_on.parse()?;
            let span = Span { after: Some(midnight(day, self.zone)?), by: midnight(day.tomorrow()?, self.zone)? };
            let (standing, standing_changed) = self.standings.of(span);
            let item = one.item.map(|id| moderation::on_page(self.conn, self.account.id, id)).transpose()?.flatten();
            let (what, person, entry) = (one.act.as_str(), one.person.clone(), one.entry);
            let row = match item.as_ref().and_then(|item| Some((item, item.steps.last()?))) {
                Some((item, newest)) => self.with_words(item, newest, vec![one], span.after)?,
                None => Row { person: Some(person), ..row_of(vec![one]) },
            };
            self.items.extend(item.map(|item| item.id));
            self.rows.push(Row {
                what,
                first_seen_so: span.after,
                cause: "nothing that the platform showed goes with it".to_owned(),
                standing,
                standing_changed,
                entries: vec![entry],
                ..row
            });
        }
        Ok(())
    }

    fn entered_of(&mut self, is_meant: impl Fn(&Entered) -> bool) -> Vec<Entered> {
        let found: Vec<Entered> = self.entered.iter().filter(|one| is_meant(one)).cloned().collect();
        self.told.extend(found.iter().map(|one| one.entry));
        found
    }

    fn flags(&self, item: i64, moment: Option<Timestamp>) -> Result<Vec<FlagNote>> {
        let flags = flags::of_item(self.conn, item)?;
        flags.into_iter().filter(|flag| flag.state != "shadow").map(|flag| note(self.conn, flag, moment)).collect()
    }

    /// The likest that stand in sight: of the same page, then of the district's other pages.
    fn similar(&mut self, item: i64, text: &str) -> Result<Vec<Similar>> {
        let Some(alike) = &mut self.alike else { return Ok(Vec::new()) };
        let mut found: Vec<Similar> = Vec::new();
        for page in [u64::try_from(self.account.id).ok(), None] {
            if found.len() >= BESIDE {
                break;
            }
            let mut more = Vec::new();
            for id in alike.find(text, page, LOOKED_AT)?.into_iter().filter_map(|id| i64::try_from(id).ok()) {
                let Some(other) = moderation::shown(self.conn, id)?.filter(|_| id != item) else { continue };
                let share = alike.share(text, &other.text)?;
                let is_known = found.iter().any(|known: &Similar| known.item == other.name);
                if share < LIKE || is_known || self.withheld.contains(&other.root.unwrap_or(id)) {
                    continue;
                }
                more.push(Similar {
                    item: other.name,
                    same_page: other.account == self.account.id,
                    account: other.slug,
                    likeness: (share * 100.0).round() as u8,
                    written_at: other.created_at,
                    url: other.url,
                    text: other.text,
                });
            }
            more.sort_by_key(|one| std::cmp::Reverse(one.likeness));
            found.extend(more);
        }
        found.truncate(BESIDE);
        Ok(found)
    }

    /// What matched the same expectations and stayed.
    fn expectations(&self) -> Result<Vec<Expectation>> {
        let mut matched: BTreeMap<(&str, Category), BTreeSet<usize>> = BTreeMap::new();
        for row in &self.rows {
            for flag in row.flags.iter().filter(|flag| flag.clause == EXPECTATIONS) {
                matched.entry((&flag.clause, flag.category)).or_default().insert(row.number);
            }
        }
        let expectation = |((clause, category), rows): ((&str, Category), BTreeSet<usize>)| {
            let ids = moderation::flagged_and_shown(self.conn, self.account.id, self.range, (clause, category))?;
            let ids = ids.into_iter().filter(|id| !self.items.contains(id));
            let stayed = ids.map(|id| self.stayed(id)).filter_map(Result::transpose).collect::<Result<_>>()?;
            Ok(Expectation { clause: clause.to_owned(), category, not_shown: rows.len(), stayed })
        };
        matched.into_iter().map(expectation).collect()
    }

    fn stayed(&self, id: i64) -> Result<Option<Stayed>> {
        let Some(shown) = moderation::shown(self.conn, id)? else { return Ok(None) };
        let withheld = self.withheld.contains(&shown.root.unwrap_or(id));
        Ok(Some(Stayed {
            item: shown.name,
            url: shown.url,
            written_at: shown.created_at,
            text: Some(shown.text).filter(|_| !withheld),
            flags: self.flags(id, None)?,
        }))
    }
}

/// A row with what people entered and nothing else yet.
fn row_of(entered: Vec<Entered>) -> Row {
    let clauses: BTreeSet<&str> = entered.iter().map(|one| one.clause.as_str()).filter(|one| !one.is_empty()).collect();
    let clause = if clauses.is_empty() { "no clause named".to_owned() } else { Vec::from_iter(clauses).join(", ") };
    Row {
        number: 0,
        what: "",
        item: None,
        kind: None,
        url: None,
        person: None,
        written_at: None,
        text: None,
        withheld: false,
        last_seen_shown: None,
        first_seen_so: None,
        until: None,
        cause: String::new(),
        entered,
        clause,
        flags: Vec::new(),
        similar: Vec::new(),
        standing: 0,
        standing_changed: false,
        entries: Vec::new(),
    }
}

fn blocked_words(one: &Blocked) -> String {
    let mut words = "the platform lists the person as blocked: it does not say who did it, or why".to_owned();
    if one.is_dated {
        words.push_str("; the time is the platform's");
    } else if one.at_first_reading {
        words.push_str("; the name stood there when the list was first read");
    }
    if one.ended.is_some() {
        words.push_str("; later the list no longer had the name");
    }
    words
}

fn note(conn: &Conn, flag: Flag, moment: Option<Timestamp>) -> Result<FlagNote> {
    let reviews = flags::reviews(conn, &flag.flag)?.into_iter().map(|review| ReviewNote {
        outcome: review.outcome,
        by: review.actor,
        at: review.at,
        apart: moment.map(|moment| apart(review.at, moment)),
    });
    Ok(FlagNote {
        reviews: reviews.collect(),
        flag: flag.key(),
        rule: flag.rule,
        category: flag.category,
        clause: flag.clause,
        flagged_at: flag.first_flagged_at,
        apart: moment.map(|moment| apart(flag.first_flagged_at, moment)),
    })
}

/// How far a time lies from another: *3 hours before*.
fn apart(at: Timestamp, moment: Timestamp) -> String {
    let minutes = at.duration_since(moment).as_mins();
    let side = if at < moment { "before" } else { "after" };
    let (number, unit) = match minutes.unsigned_abs() {
        0 => return "in the same minute".to_owned(),
        minutes @ 1..=119 => (minutes, "minute"),
        minutes @ 120..=2879 => (minutes / 60, "hour"),
        minutes => (minutes / 1440, "day"),
    };
    format!("{number} {unit}{} {side}", if number == 1 { "" } else { "s" })
}

fn midnight(day: Date, zone: &TimeZone) -> Result<Timestamp> {
    Ok(zone.to_timestamp(day.at(0, 0, 0, 0))?)
}
