//! Flags (a view) and the reviews of them (for good), joined by the flag key.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use super::alerts::concerns;
use super::ledger::Log;
use super::standing::{PAST, counts, is_open, standing, withheld};
use super::{at, inputs, ms, replays, row_id, seq, suppressions};
use crate::model::{Category, Kind, Outcome, Role, Severity, Timestamp};
use crate::seal::Hash;

/// The key of a flag as stored: see [`crate::seal::flag_key`].
pub type FlagKey = [u8; 8];

/// A flag as the rule pass makes it.
#[derive(Debug, Clone)]
pub struct New {
    pub flag: FlagKey,
    pub item: i64,
    pub content: Hash,
    pub version: u64,
    pub rule: String,
    pub category: Category,
    pub severity: Severity,
    pub clause: String,
    /// Part (0 is the text), start and end in bytes.
    pub spans: Vec<(usize, usize, usize)>,
    pub modifiers: Vec<String>,
    pub shadow: bool,
    pub past: bool,
    pub first_flagged_at: Timestamp,
    /// The suppressions in force that cover it.
    pub suppressions: Vec<u64>,
}

/// Where the rule pass writes: beside the flags in force while it computes them anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    InForce,
    Anew,
}

impl Table {
    const fn name(self) -> &'static str {
        match self {
            Table::InForce => "flags",
            Table::Anew => "flags_anew",
        }
    }
}

/// Makes the empty table of a full replay.
pub fn begin_anew(tx: &Transaction<'_>) -> Result<()> {
    tx.execute_batch(
        "DROP TABLE IF EXISTS flags_anew; CREATE TABLE flags_anew AS SELECT * FROM flags WHERE 0;
         CREATE UNIQUE INDEX flags_anew_by_key ON flags_anew (flag);",
    )?;
    Ok(())
}

/// Puts the replayed flags in force in one swap. A flag that was there before keeps when it was first flagged, and whether it
/// came from the past; one that is new by changed inputs comes from the past. `changed`: inputs had changed, at this time; what
/// the replay up to an entry made of it is kept.
pub fn swap(tx: &Transaction<'_>, changed: Option<(Timestamp, u64)>) -> Result<()> {
    if let Some((now, through)) = changed {
        replays::compare(tx, through, now)?;
    }
    tx.execute(
        "UPDATE flags_anew SET past = CASE WHEN flag IN (SELECT flag FROM flags)
             THEN (SELECT f.past FROM flags f WHERE f.flag = flags_anew.flag) ELSE max(past, ?1) END,
           first_flagged_at = coalesce((SELECT f.first_flagged_at FROM flags f WHERE f.flag = flags_anew.flag), first_flagged_at)",
        [changed.is_some()],
    )?;
    tx.execute_batch("DELETE FROM flags; INSERT INTO flags SELECT * FROM flags_anew; DROP TABLE flags_anew;")?;
    Ok(())
}

/// Adds a flag where its key is not there yet. Says whether it was added.
pub fn add(tx: &Transaction<'_>, table: Table, new: &New) -> Result<bool> {
    let name = table.name();
    let mut known = tx.prepare_cached(&format!("SELECT EXISTS (SELECT 1 FROM {name} WHERE flag = ?1)"))?;
    if known.query_row([new.flag], |row| row.get(0))? {
        return Ok(false);
    }
    tx.prepare_cached(&format!(
        "INSERT INTO {name} (flag, item_id, content, version_seq, rule, category, severity, clause, spans, modifiers, shadow,
           past, first_flagged_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)"
    ))?
    .execute(params![
        new.flag,
        new.item,
        new.content,
        row_id(new.version),
        new.rule,
        new.category,
        new.severity,
        new.clause,
        serde_json::to_string(&new.spans)?,
        serde_json::to_string(&new.modifiers)?,
        new.shadow,
        new.past,
        ms(new.first_flagged_at),
    ])?;
    new.suppressions.iter().try_for_each(|entry| suppressions::cover(tx, &new.flag, *entry))?;
    Ok(true)
}

/// A flag with its item and where it stands.
#[derive(Debug, Clone)]
pub struct Flag {
    pub flag: FlagKey,
    pub item_id: i64,
    pub platform: String,
    pub native_id: String,
    pub account: i64,
    pub account_slug: String,
    pub kind: Kind,
    pub role: Role,
    pub created_at: Option<Timestamp>,
    pub content: Hash,
    pub version: u64,
    pub rule: String,
    pub category: Category,
    pub severity: Severity,
    pub clause: String,
    pub spans: Vec<(usize, usize, usize)>,
    pub modifiers: Vec<String>,
    /// Turned up by a backfill, an import or a changed pack, or withheld until its page showed its expectations.
    pub past: bool,
    /// open, confirmed, `not_a_concern`, `wrong_category`, `benign_phrase`, suppressed, shadow
    pub state: String,
    /// Why it is suppressed where no phrase is the reason.
    pub because: Option<&'static str>,
    pub first_flagged_at: Timestamp,
}

impl Flag {
    /// `platform:native_id` of the item.
    pub fn item(&self) -> String {
        format!("{}:{}", self.platform, self.native_id)
    }

    /// The key as people type it.
    pub fn key(&self) -> String {
        hex::encode(self.flag)
    }

    pub fn is_open(&self) -> bool {
        self.state == "open"
    }
}

/// Of a flag that rests on the expectations of a page which does not show them.
const WITHHELD: &str = "the page shows no expectations: the finding comes first";

fn select_sql(rest: &str) -> String {
    let standing = standing();
    format!(
        "SELECT f.flag, f.item_id, i.platform, i.native_id, i.account_id, a.slug, i.kind, i.role, i.created_at,
           f.content, f.version_seq, f.rule, f.category, f.severity, f.clause, f.spans, f.modifiers, {PAST},
           {standing} AS standing, f.first_flagged_at
         FROM flags f JOIN items i ON i.id = f.item_id JOIN accounts a ON a.id = i.account_id {rest}"
    )
}

fn flag(row: &Row<'_>) -> Result<Flag> {
    let standing: String = row.get(18)?;
    let is_withheld = standing == "withheld";
    Ok(Flag {
        flag: row.get(0)?,
        item_id: row.get(1)?,
        platform: row.get(2)?,
        native_id: row.get(3)?,
        account: row.get(4)?,
        account_slug: row.get(5)?,
        kind: row.get(6)?,
        role: row.get(7)?,
        created_at: row.get::<_, Option<i64>>(8)?.map(at),
        content: row.get(9)?,
        version: seq(row.get(10)?),
        rule: row.get(11)?,
        category: row.get(12)?,
        severity: row.get(13)?,
        clause: row.get(14)?,
        spans: serde_json::from_str(&row.get::<_, String>(15)?).context("spans of a flag")?,
        modifiers: serde_json::from_str(&row.get::<_, String>(16)?).context("modifiers of a flag")?,
        past: row.get(17)?,
        state: if is_withheld { "suppressed".to_owned() } else { standing.replace('-', "_") },
        because: is_withheld.then_some(WITHHELD),
        first_flagged_at: at(row.get(19)?),
    })
}

fn select(conn: &Connection, rest: &str, params: impl rusqlite::Params) -> Result<Vec<Flag>> {
    let mut statement = conn.prepare_cached(&select_sql(rest))?;
    let mut rows = statement.query(params)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(flag(row)?);
    }
    Ok(found)
}

/// Flags, the most severe first, then the newest. `all`: with the reviewed ones and those in shadow.
pub fn list(conn: &Connection, all: bool) -> Result<Vec<Flag>> {
    let which = if all { "" } else { "WHERE standing = 'open'" };
    let order = "ORDER BY CASE f.severity WHEN 'critical' THEN 0 WHEN 'high' THEN 1 WHEN 'medium' THEN 2 ELSE 3 END,
      f.first_flagged_at DESC, f.flag";
    select(conn, &format!("{which} {order}"), [])
}

/// Flags whose version was entered after `from` and up to `to`, in order.
pub fn between(conn: &Connection, from: u64, to: u64) -> Result<Vec<Flag>> {
    select(
        conn,
        "WHERE f.version_seq > ?1 AND f.version_seq <= ?2 ORDER BY f.version_seq, f.flag",
        params![row_id(from), row_id(to)],
    )
}

/// The flags of one item.
pub fn of_item(conn: &Connection, item: i64) -> Result<Vec<Flag>> {
    select(conn, "WHERE f.item_id = ?1 ORDER BY f.version_seq, f.flag", [item])
}

/// How many flags are open on the pages of these schools (none: of all), with concerns or without.
pub fn count_open(conn: &Connection, with_concerns: bool, schools: &[String]) -> Result<u64> {
    let mut statement = conn.prepare_cached(&format!(
        "SELECT count(*) FROM flags f WHERE {} AND (?1 OR f.category NOT IN ({}))
           AND (?2 = '[]' OR (SELECT a.school FROM items i JOIN accounts a ON a.id = i.account_id WHERE i.id = f.item_id)
             IN (SELECT value FROM json_each(?2)))",
        is_open(),
        concerns()
    ))?;
    let count = statement.query_row(params![with_concerns, serde_json::to_string(schools)?], |row| row.get(0))?;
    Ok(seq(count))
}

/// One flag by its key.
pub fn by_key(conn: &Connection, key: &FlagKey) -> Result<Option<Flag>> {
    Ok(select(conn, "WHERE f.flag = ?1", [key])?.pop())
}

/// Row ids of the items with a flag of a category that is neither in shadow nor withheld, whatever its outcome: what `flag:` finds.
pub fn items_with(conn: &Connection, category: Category) -> Result<Vec<i64>> {
    let counts = counts();
    let mut statement = conn.prepare_cached(&format!(
        "SELECT DISTINCT f.item_id FROM flags f WHERE f.category = ?1 AND {counts} ORDER BY f.item_id"
    ))?;
    Ok(statement.query_map([category], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?)
}

/// A person's outcome on a flag.
#[derive(Debug, Clone)]
pub struct Review {
    pub seq: u64,
    pub outcome: Outcome,
    pub reason: String,
    pub note: String,
    pub actor: String,
    pub at: Timestamp,
}

/// Records an outcome. Undo is the outcome *withdrawn*. Returns the ledger entry.
pub fn review(
    tx: &Transaction<'_>,
    flag: &Flag,
    outcome: Outcome,
    reason: &str,
    note: &str,
    actor: &str,
    now: Timestamp,
) -> Result<u64> {
    ensure!(!reason.trim().is_empty(), "an outcome needs a reason");
    let mut fields = vec![
        ("flag", flag.key()),
        ("content", hex::encode(flag.content)),
        ("rule", flag.rule.clone()),
        ("outcome", outcome.to_string()),
        ("reason", reason.to_owned()),
    ];
    if !note.is_empty() {
        fields.push(("note", note.to_owned()));
    }
    if let Some((packs, _)) = inputs::in_force(tx, inputs::PACKS)? {
        fields.push(("packs", hex::encode(packs)));
    }
    let seq = Log::open(tx)?.record(now, "review", Some(&flag.item()), Some(actor), &fields)?;
    tx.execute(
        "INSERT INTO reviews (seq, flag, item_id, content, rule, outcome, reason, note, actor, at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![row_id(seq), flag.flag, flag.item_id, flag.content, flag.rule, outcome, reason, note, actor, ms(now)],
    )?;
    Ok(seq)
}

/// Records the outcome *known-benign phrase* and begins the suppression it stands for: these words, for this rule, until then.
/// Returns how many flags it covers.
pub fn call_benign(
    tx: &Transaction<'_>,
    flag: &Flag,
    phrase: &str,
    until: Timestamp,
    (reason, note): (&str, &str),
    actor: &str,
    now: Timestamp,
) -> Result<u64> {
    review(tx, flag, Outcome::BenignPhrase, reason, note, actor, now)?;
    let new = suppressions::New {
        rule: flag.rule.clone(),
        phrase: phrase.to_owned(),
        reason: reason.to_owned(),
        expires_at: until,
    };
    Ok(suppressions::begin(tx, &new, actor, now)?.1)
}

/// All outcomes on a flag, oldest first.
pub fn reviews(conn: &Connection, key: &FlagKey) -> Result<Vec<Review>> {
    let mut statement =
        conn.prepare_cached("SELECT seq, outcome, reason, note, actor, at FROM reviews WHERE flag = ?1 ORDER BY seq")?;
    let rows = statement.query_map([key], |row| {
        Ok(Review {
            seq: seq(row.get(0)?),
            outcome: row.get(1)?,
            reason: row.get(2)?,
            note: row.get(3)?,
            actor: row.get(4)?,
            at: at(row.get(5)?),
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// How a rule has fared: its flags, and of those decided how many got each outcome.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReportCard {
    pub fired: u64,
    pub confirmed: u64,
    /// Decided otherwise.
    pub refused: u64,
    /// The same by the month (UTC, *2026-11*) in which the flags were first made, oldest first.
    pub months: BTreeMap<String, [u64; 3]>,
}

impl ReportCard {
    /// Of those decided, how many of a hundred were confirmed; `None` while nobody has decided any.
    pub fn upheld(&self) -> Option<u64> {
        (self.confirmed * 100).checked_div(self.confirmed + self.refused)
    }
}

/// The report cards of all rules that have ever fired and still have flags, those in shadow too and those withheld not.
pub fn report_cards(conn: &Connection) -> Result<BTreeMap<String, ReportCard>> {
    let withheld = withheld();
    let mut statement = conn.prepare_cached(&format!(
        "SELECT rule, month, count(*), count(*) FILTER (WHERE outcome = 'confirmed'),
           count(*) FILTER (WHERE outcome NOT IN ('confirmed', 'withdrawn'))
         FROM (SELECT f.rule AS rule, strftime('%Y-%m', f.first_flagged_at / 1000, 'unixepoch') AS month,
             (SELECT r.outcome FROM reviews r WHERE r.flag = f.flag ORDER BY r.seq DESC LIMIT 1) AS outcome FROM flags f WHERE NOT {withheld})
         GROUP BY rule, month ORDER BY rule, month"
    ))?;
    let mut rows = statement.query([])?;
    let mut cards: BTreeMap<String, ReportCard> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let counts = [seq(row.get(2)?), seq(row.get(3)?), seq(row.get(4)?)];
        let card = cards.entry(row.get(0)?).or_default();
        card.fired += counts[0];
        card.confirmed += counts[1];
        card.refused += counts[2];
        card.months.insert(row.get(1)?, counts);
    }
    Ok(cards)
}

/// What a person did with a flagged item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// She opened the item or its concern: her clocks run from here.
    Exposure,
    /// She stopped the repeats of an urgent mail for herself.
    Acknowledgement,
}

impl Opening {
    const fn as_str(self) -> &'static str {
        match self {
            Opening::Exposure => "exposure",
            Opening::Acknowledgement => "acknowledgement",
        }
    }
}

/// Records that a person opened a flagged item or acknowledged its mail: once a person, kind and flag.
pub fn open(tx: &Transaction<'_>, flag: &Flag, what: Opening, actor: &str, now: Timestamp) -> Result<Option<u64>> {
    let known: Option<i64> = tx
        .query_row(
            "SELECT seq FROM openings WHERE item_id = ?1 AND kind = ?2 AND actor = ?3 AND flag IS ?4",
            params![flag.item_id, what.as_str(), actor, flag.flag],
            |row| row.get(0),
        )
        .optional()?;
    if known.is_some() {
        return Ok(None);
    }
    let fields = [("flag", flag.key())];
    let seq = Log::open(tx)?.record(now, what.as_str(), Some(&flag.item()), Some(actor), &fields)?;
    tx.execute(
        "INSERT INTO openings (seq, kind, item_id, flag, actor, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![row_id(seq), what.as_str(), flag.item_id, flag.flag, actor, ms(now)],
    )?;
    Ok(Some(seq))
}

/// Whether anybody has opened an item that is flagged.
pub fn opened(conn: &Connection, item: i64) -> Result<bool> {
    let mut statement =
        conn.prepare_cached("SELECT EXISTS (SELECT 1 FROM openings WHERE item_id = ?1 AND kind = 'exposure')")?;
    Ok(statement.query_row([item], |row| row.get(0))?)
}

/// Who has opened a flag, and when first: her clocks run from there.
pub fn exposed(conn: &Connection, key: &FlagKey) -> Result<Vec<(String, Timestamp)>> {
    let mut statement = conn.prepare_cached(
        "SELECT actor, min(at) FROM openings WHERE flag = ?1 AND kind = 'exposure' GROUP BY actor ORDER BY 2, 1",
    )?;
    let rows = statement.query_map([key], |row| Ok((row.get(0)?, at(row.get(1)?))))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
