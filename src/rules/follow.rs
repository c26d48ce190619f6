//! The rule pass as a view: it follows the ledger by its watermark, and computes everything anew when its inputs changed.

use anyhow::Result;

use super::pass::{Engine, Gate, Hit, Subject};
use crate::db::flags::{self, Table};
use crate::db::items::{self, Text};
use crate::db::suppressions::{self, InForce};
use crate::db::{Db, inputs, ledger};
use crate::model::{Kind, Timestamp};
use crate::seal::{self, Hash};

/// The view's name in `watermarks`.
pub const VIEW: &str = "flags";

/// Raised when the code finds other things in the same text.
pub const CODE: i64 = 2;

/// Versions read, matched and written at once.
pub(super) const BATCH: usize = 2000;

/// What a catch-up did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    pub texts: u64,
    pub flags: u64,
    pub through: u64,
    /// The inputs had changed: all flags were computed anew.
    pub anew: bool,
}

/// Brings the flags up to the ledger's newest entry. `inputs` is the digest of packs, district facts and legal basis; another one
/// than last time means a full replay beside the flags in force, and one swap.
pub fn catch_up(db: &Db, engine: &Engine, gate: &Gate, inputs: &Hash, now: Timestamp) -> Result<Progress> {
    let mark = db.read(|conn| inputs::watermark(conn, VIEW))?;
    match mark {
        Some((seq, known, CODE)) if known == *inputs => follow(db, engine, gate, inputs, Table::InForce, seq, None),
        Some((seq, ..)) if seq > 0 => {
            db.writer.write(flags::begin_anew)?;
            let mut progress = follow(db, engine, gate, inputs, Table::Anew, 0, Some(now))?;
            let (inputs, through) = (*inputs, progress.through);
            db.writer.write(move |tx| {
                flags::swap(tx, Some((now, through)))?;
                inputs::set_watermark(tx, VIEW, through, &inputs, CODE)
            })?;
            progress.anew = true;
            // Entries that came in while the replay ran.
            let rest = follow(db, engine, gate, &inputs, Table::InForce, through, None)?;
            progress.through = rest.through;
            Ok(progress)
        }
        _ => follow(db, engine, gate, inputs, Table::InForce, 0, None),
    }
}

/// Computes every flag anew, whatever the watermark says.
pub fn rebuild(db: &Db, engine: &Engine, gate: &Gate, inputs: &Hash) -> Result<Progress> {
    db.writer.write(flags::begin_anew)?;
    let mut progress = follow(db, engine, gate, inputs, Table::Anew, 0, None)?;
    let (inputs, through) = (*inputs, progress.through);
    db.writer.write(move |tx| {
        flags::swap(tx, None)?;
        inputs::set_watermark(tx, VIEW, through, &inputs, CODE)
    })?;
    progress.anew = true;
    Ok(progress)
}

/// `flagged_at`: when flags of a replay count as first flagged; else when their version was entered.
fn follow(
    db: &Db,
    engine: &Engine,
    gate: &Gate,
    inputs: &Hash,
    table: Table,
    after: u64,
    flagged_at: Option<Timestamp>,
) -> Result<Progress> {
    let mut progress = Progress { through: after, ..Progress::default() };
    let size = db.read(ledger::size)?;
    while progress.through < size {
        let texts = db.read(|conn| items::texts(conn, progress.through, size, BATCH))?;
        let through = if texts.len() < BATCH { size } else { texts.last().map_or(size, |text| text.seq) };
        let harmless = db.read(suppressions::in_force)?;
        let found = flags_of(engine, gate, &harmless, &texts, flagged_at);
        let inputs = *inputs;
        progress.texts += texts.len() as u64;
        progress.flags += db.writer.write(move |tx| {
            let mut added = 0;
            for flag in &found {
                added += u64::from(flags::add(tx, table, flag)?);
            }
            if table == Table::InForce {
                inputs::set_watermark(tx, VIEW, through, &inputs, CODE)?;
            }
            Ok(added)
        })?;
        progress.through = through;
    }
    Ok(progress)
}

/// The flags of some texts, on both cores when there are many.
fn flags_of(
    engine: &Engine,
    gate: &Gate,
    harmless: &InForce,
    texts: &[Text],
    flagged_at: Option<Timestamp>,
) -> Vec<flags::New> {
    let of = |texts: &[Text]| flags_of_each(engine, gate, harmless, texts, flagged_at);
    if texts.len() < 200 {
        return of(texts);
    }
    let (left, right) = texts.split_at(texts.len() / 2);
    std::thread::scope(|scope| {
        let other = scope.spawn(|| of(right));
        let mut found = of(left);
        match other.join() {
            Ok(more) => found.extend(more),
            Err(panic) => std::panic::resume_unwind(panic),
        }
        found
    })
}

/// The flags of some texts, one after the other.
pub(super) fn flags_of_each(
    engine: &Engine,
    gate: &Gate,
    harmless: &InForce,
    texts: &[Text],
    flagged_at: Option<Timestamp>,
) -> Vec<flags::New> {
    texts.iter().flat_map(|text| flags_of_one(engine, gate, harmless, text, flagged_at)).collect()
}

fn flags_of_one(
    engine: &Engine,
    gate: &Gate,
    harmless: &InForce,
    text: &Text,
    flagged_at: Option<Timestamp>,
) -> Vec<flags::New> {
    let alts = text.content.media.iter().filter_map(|medium| medium.alt.clone());
    let parts: Vec<String> = text.content.parts.iter().cloned().chain(alts).collect();
    let subject = Subject {
        text: &text.content.text,
        parts: &parts,
        links: &text.content.links,
        role: text.role,
        platform: &text.platform,
        kind: text.kind,
        has_media: !text.content.media.is_empty() || matches!(text.kind, Kind::Video | Kind::Story),
        every_role: false,
    };
    let hits = engine.apply(&subject, gate);
    if hits.is_empty() {
        return Vec::new();
    }
    let name = format!("{}:{}", text.platform, text.native_id);
    hits.into_iter()
        .map(|hit| flags::New {
            suppressions: covering(harmless, &hit, text),
            flag: seal::flag_key(&name, &text.content_digest, &hit.rule.id),
            item: text.item,
            content: text.content_digest,
            version: text.seq,
            rule: hit.rule.id.clone(),
            category: hit.category,
            severity: hit.severity,
            clause: hit.clause.unwrap_or_default(),
            spans: hit.spans.iter().map(|span| (span.part, span.start, span.end)).collect(),
            modifiers: hit.modifiers,
            shadow: hit.shadow,
            past: text.past,
            first_flagged_at: flagged_at.unwrap_or(text.entered_at),
        })
        .collect()
}

/// The suppressions whose phrase covers everything that matched.
fn covering(harmless: &InForce, hit: &Hit, text: &Text) -> Vec<u64> {
    let Some(phrases) = harmless.get(&hit.rule.id) else { return Vec::new() };
    let spans: Vec<(usize, usize, usize)> = hit.spans.iter().map(|span| (span.part, span.start, span.end)).collect();
    let covers = |phrase: &str| suppressions::covers(phrase, &text.content, &spans);
    phrases.iter().filter(|(_, phrase)| covers(phrase)).map(|(entry, _)| *entry).collect()
}
