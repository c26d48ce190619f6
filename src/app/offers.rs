//! Packs that changed on the disk are offered: replayed over the archive, shown, and in force once a person says so.

use anyhow::{Context as _, Result};

use super::App;
use crate::db::offers::{self, Change, Found, Offer};
use crate::db::{self, ledger};
use crate::model::Timestamp;
use crate::rules::{self, Packs};
use crate::seal::{self, Hash};

/// How many examples are kept of each kind of change to a rule's flags.
const EXAMPLES: u64 = 3;

impl App {
    /// Brings the offer up to the disk. `changed`: packs there that are not those in force. The replay reads every text: it is run once
    /// for the same packs against the same inputs, whoever looks.
    pub(super) fn offer(&self, changed: Option<&str>, now: Timestamp) -> Result<()> {
        let known = self.db.read(offers::known)?;
        let Some(text) = changed else { return self.withdraw(known.is_some()) };
        let (digest, against) = (seal::sha256(text.as_bytes()), self.compared_with()?);
        if known == Some((digest, against)) {
            return Ok(());
        }
        let Some(packs) = super::packs::loaded(text) else { return self.withdraw(known.is_some()) };
        let through = self.db.read(ledger::size)?;
        let found = self.would_do(&packs)?;
        let offer = Offer { digest, text: text.to_owned(), at: now, against, through, found };
        self.db.writer.write(move |tx| offers::put(tx, &offer))
    }

    fn withdraw(&self, is_there: bool) -> Result<()> {
        if is_there { self.db.writer.write(offers::withdraw) } else { Ok(()) }
    }

    fn compared_with(&self) -> Result<Hash> {
        let (.., inputs) = self.rules_in_force()?;
        let version = format!("{} {}", env!("CARGO_PKG_VERSION"), rules::follow::CODE);
        Ok(seal::sha256(&[&inputs[..], version.as_bytes()].concat()))
    }

    fn would_do(&self, packs: &Packs) -> Result<Found> {
        let mut found = Found::default();
        let replayed = self.replay(packs, &mut |difference| {
            let rule = found.rules.entry(difference.rule.clone()).or_default();
            let Change { new, gone, changed, examples } = rule;
            let count = match difference.change {
                "new" => new,
                "gone" => gone,
                _ => changed,
            };
            *count += 1;
            if *count <= EXAMPLES {
                examples.push((difference.change.to_owned(), difference.item.clone()));
            }
            Ok(())
        })?;
        Ok(Found {
            texts: replayed.texts,
            stayed: replayed.same,
            new: replayed.new,
            gone: replayed.gone,
            changed: replayed.changed,
            ..found
        })
    }

    /// What is offered, looked at anew.
    pub fn offered(&self, now: Timestamp) -> Result<Option<Offer>> {
        self.follow(now)?;
        self.db.read(offers::standing)
    }

    /// Puts the offered packs in force for a person, and has the flags follow. `None`: nothing is offered.
    pub fn accept_packs(&self, actor: &str, now: Timestamp) -> Result<Option<Offer>> {
        let Some(offer) = self.db.read(offers::standing)? else { return Ok(None) };
        let (digest, actor) = (offer.digest, actor.to_owned());
        self.db.writer.write(move |tx| offers::accept(tx, &digest, &actor, now))?;
        self.follow(now)?;
        Ok(Some(offer))
    }
}

/// How the offered files differ from those in force: *threats.toml is new*.
pub fn files(conn: &db::Conn, offer: &Offer) -> Result<Vec<String>> {
    let in_force = db::inputs::in_force(conn, db::inputs::PACKS)?.map(|(_, text)| text).unwrap_or_default();
    let (old, new) = (listed(&in_force)?, listed(&offer.text)?);
    let text_of =
        |files: &[(String, String)], name: &str| files.iter().find(|file| file.0 == name).map(|file| file.1.clone());
    let told = new.iter().filter_map(|(name, text)| match text_of(&old, name) {
        None => Some(format!("{name} is new")),
        Some(known) => (known != *text).then(|| format!("{name} has changed")),
    });
    let missing = old.iter().filter(|file| text_of(&new, &file.0).is_none());
    Ok(told.chain(missing.map(|file| format!("{} is not there any more", file.0))).collect())
}

fn listed(text: &str) -> Result<Vec<(String, String)>> {
    if text.is_empty() { Ok(Vec::new()) } else { serde_json::from_str(text).context("the files of packs") }
}
