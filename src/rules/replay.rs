//! What other packs would change over the archive: nothing is written.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, mpsc};

use anyhow::Result;

use super::follow::{BATCH, flags_of_each};
use super::pass::{Engine, Gate};
use crate::db::flags::{self, FlagKey, New};
use crate::db::items::{self, Text};
use crate::db::suppressions::InForce;
use crate::db::{Db, ledger};
use crate::model::{Category, Severity};

/// One flag that would be another.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Difference {
    /// new, gone or changed
    pub change: &'static str,
    pub flag: String,
    pub item: String,
    pub rule: String,
    pub category: Category,
    pub severity: Severity,
    /// Of a changed one: what it is now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub was: Option<Severity>,
}

/// How much was read and what would differ.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Replayed {
    pub texts: u64,
    pub same: u64,
    pub new: u64,
    pub gone: u64,
    pub changed: u64,
}

/// Runs the engine over every text and compares with the flags in force.
pub fn replay(
    db: &Db,
    engine: &Engine,
    gate: &Gate,
    tell: &mut dyn FnMut(&Difference) -> Result<()>,
) -> Result<Replayed> {
    let mut in_force: HashMap<FlagKey, flags::Flag> =
        db.read(|conn| flags::list(conn, true))?.into_iter().map(|flag| (flag.flag, flag)).collect();
    let mut found = Replayed::default();
    let mut seen: std::collections::HashSet<FlagKey> = std::collections::HashSet::new();
    let size = db.read(ledger::size)?;
    matched(db, engine, gate, size, &mut |texts, news| {
        found.texts += texts.len() as u64;
        // Few texts have flags: their names are made when they are told of.
        let name = |item: i64| {
            let text = texts.iter().find(|text| text.item == item);
            text.map(|text| format!("{}:{}", text.platform, text.native_id)).unwrap_or_default()
        };
        for new in news {
            if seen.insert(new.flag) {
                compare(&mut found, in_force.remove(&new.flag), &new, name, tell)?;
            }
        }
        Ok(())
    })?;
    let mut gone: Vec<flags::Flag> = in_force.into_values().collect();
    gone.sort_by_key(|flag| (flag.version, flag.flag));
    for flag in gone {
        found.gone += 1;
        tell(&Difference {
            change: "gone",
            flag: flag.key(),
            item: flag.item(),
            rule: flag.rule.clone(),
            category: flag.category,
            severity: flag.severity,
            was: None,
        })?;
    }
    Ok(found)
}

/// All texts up to an entry, in order, with what the engine finds in them: they are read ahead, and every core matches.
fn matched(db: &Db, engine: &Engine, gate: &Gate, size: u64, take: &mut Take<'_>) -> Result<()> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        let (send, batches) = mpsc::sync_channel(cores);
        let (done, results) = mpsc::sync_channel(cores);
        let reader = scope.spawn(move || read(db, size, &send));
        let batches = Arc::new(Mutex::new(batches));
        for _ in 0..cores {
            let (batches, done) = (Arc::clone(&batches), done.clone());
            scope.spawn(move || {
                while let Some((number, texts)) = next(&batches) {
                    let found = flags_of_each(engine, gate, &InForce::new(), &texts, None);
                    if done.send((number, texts, found)).is_err() {
                        break;
                    }
                }
            });
        }
        drop((batches, done));
        let mut early = BTreeMap::new();
        let mut due = 0;
        for (number, texts, found) in results {
            early.insert(number, (texts, found));
            while let Some((texts, found)) = early.remove(&due) {
                take(&texts, found)?;
                due += 1;
            }
        }
        reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

type Batch = (u64, Vec<Text>);
type Take<'t> = dyn FnMut(&[Text], Vec<New>) -> Result<()> + 't;

fn next(batches: &Mutex<mpsc::Receiver<Batch>>) -> Option<Batch> {
    batches.lock().ok()?.recv().ok()
}

/// Sends all texts up to an entry, in order and numbered, until nobody takes them.
fn read(db: &Db, size: u64, send: &mpsc::SyncSender<Batch>) -> Result<()> {
    let mut through = 0;
    for number in 0.. {
        if through >= size {
            break;
        }
        let texts = db.read(|conn| items::texts(conn, through, size, BATCH))?;
        through = if texts.len() < BATCH { size } else { texts.last().map_or(size, |text| text.seq) };
        if send.send((number, texts)).is_err() {
            break;
        }
    }
    Ok(())
}

fn compare(
    found: &mut Replayed,
    known: Option<flags::Flag>,
    new: &New,
    name: impl Fn(i64) -> String,
    tell: &mut dyn FnMut(&Difference) -> Result<()>,
) -> Result<()> {
    let (change, was) = match known {
        Some(known) if known.severity == new.severity => {
            found.same += 1;
            return Ok(());
        }
        Some(known) => ("changed", Some(known.severity)),
        None => ("new", None),
    };
    if was.is_some() {
        found.changed += 1
    } else {
        found.new += 1
    }
    tell(&Difference {
        change,
        flag: hex::encode(new.flag),
        item: name(new.item),
        rule: new.rule.clone(),
        category: new.category,
        severity: new.severity,
        was,
    })
}
