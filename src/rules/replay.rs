//! What other packs would change over the archive: nothing is written.

use std::collections::HashMap;
use std::sync::mpsc;

use anyhow::Result;

use super::follow::{BATCH, flags_of};
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
    // Texts are read ahead while others are matched.
    std::thread::scope(|scope| {
        let (send, batches) = mpsc::sync_channel(2);
        let reader = scope.spawn(move || read(db, size, &send));
        for texts in batches {
            found.texts += texts.len() as u64;
            // Few texts have flags: their names are made when they are told of.
            let name = |item: i64| {
                let text = texts.iter().find(|text: &&Text| text.item == item);
                text.map(|text| format!("{}:{}", text.platform, text.native_id)).unwrap_or_default()
            };
            for new in flags_of(engine, gate, &InForce::new(), &texts, None) {
                if seen.insert(new.flag) {
                    compare(&mut found, in_force.remove(&new.flag), &new, name, tell)?;
                }
            }
        }
        reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
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

/// Sends all texts up to an entry, in order, until nobody takes them.
fn read(db: &Db, size: u64, send: &mpsc::SyncSender<Vec<Text>>) -> Result<()> {
    let mut through = 0;
    while through < size {
        let texts = db.read(|conn| items::texts(conn, through, size, BATCH))?;
        through = if texts.len() < BATCH { size } else { texts.last().map_or(size, |text| text.seq) };
        if send.send(texts).is_err() {
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
