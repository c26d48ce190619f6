//! Lines in: each is its own capture, a bad one is reported with its number and skipped, the rest is imported.

use std::collections::HashMap;
use std::io::BufRead;

use anyhow::{Context as _, Result};

use super::parse::parse;
use crate::db::accounts::{self, Registration};
use crate::db::items::{self, Evidence, Imported, Sealed, Sighting, Tally};
use crate::db::{Db, imports};
use crate::model::{Exchange, Page, Timestamp};
use crate::seal;

/// Lines committed at once.
const BATCH: usize = 500;

/// The longest line that is read.
const LONGEST: usize = 16 << 20;

/// What an import did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Done {
    pub lines: u64,
    pub tally: Tally,
    /// Line numbers with what is wrong with them.
    pub bad: Vec<(u64, String)>,
    /// Slugs that were not in the register and are in it as proposed now.
    pub proposed: Vec<String>,
}

/// One line, ready to be stored.
type Ready = (String, Imported, Sealed);

/// Imports lines. Lines are parsed while the writer commits the ones before.
pub fn jsonl(
    db: &Db,
    mut input: impl BufRead,
    name: &str,
    actor: &str,
    now: Timestamp,
    progress: &mut dyn FnMut(u64),
) -> Result<Done> {
    let mut done = Done::default();
    let mut accounts: HashMap<(String, String), i64> = HashMap::new();
    let mut batch: Vec<(i64, Ready)> = Vec::with_capacity(BATCH);
    let mut waiting = None;
    let mut line = Vec::new();
    let mut whole = sha2::Sha256::default();
    loop {
        line.clear();
        let read = input.read_until(b'\n', &mut line).context("could not read on")?;
        if read == 0 {
            break;
        }
        sha2::Digest::update(&mut whole, &line);
        done.lines += 1;
        let text = line.trim_ascii();
        if text.is_empty() {
            continue;
        }
        match ready(text, now) {
            Ok((slug, imported, sealed)) => {
                let key = (imported.platform.clone(), slug.clone());
                let account = match accounts.get(&key) {
                    Some(account) => *account,
                    None => {
                        let account = account_of(db, &key.0, &slug, actor, now, &mut done)?;
                        accounts.insert(key, account);
                        account
                    }
                };
                batch.push((account, (slug, imported, sealed)));
            }
            Err(error) => done.bad.push((done.lines, format!("{error:#}"))),
        }
        if batch.len() == BATCH {
            take(&mut waiting, &mut done)?;
            waiting = Some(send(db, std::mem::replace(&mut batch, Vec::with_capacity(BATCH)), now)?);
            progress(done.lines);
        }
    }
    take(&mut waiting, &mut done)?;
    waiting = Some(send(db, batch, now)?);
    take(&mut waiting, &mut done)?;
    if done.tally.versions() > 0 {
        let digest: seal::Hash = sha2::Digest::finalize(whole).into();
        let (name, actor, lines) = (name.to_owned(), actor.to_owned(), done.lines);
        let (kept, skipped) = (done.tally.versions(), done.bad.len());
        db.writer.write(move |tx| imports::record(tx, &name, &digest, lines, kept, skipped, &actor, now))?;
    }
    Ok(done)
}

fn ready(text: &[u8], now: Timestamp) -> Result<Ready> {
    anyhow::ensure!(text.len() <= LONGEST, "the line is longer than {LONGEST} bytes");
    let (slug, imported) = parse(text, now)?;
    let exchange = Exchange {
        at: imported.last_seen_at,
        method: "IMPORT".into(),
        target: format!("{}:{}", imported.platform, imported.native_id),
        body: text.to_vec(),
        ..Exchange::default()
    };
    Ok((slug, imported, Sealed::new(Page { exchange, ..Page::default() })?))
}

/// The account of a slug; one that is not in the register is added as proposed and named.
fn account_of(db: &Db, platform: &str, slug: &str, actor: &str, now: Timestamp, done: &mut Done) -> Result<i64> {
    if let Some(known) = db.read(|conn| accounts::by_slug(conn, slug))? {
        return Ok(known.id);
    }
    let row = Registration {
        slug: slug.to_owned(),
        platform: platform.to_owned(),
        status: "proposed".into(),
        ..Registration::default()
    };
    let actor = actor.to_owned();
    db.writer.write(move |tx| accounts::put(tx, &row, Some(&actor), now))?;
    done.proposed.push(slug.to_owned());
    let added = db.read(|conn| accounts::by_slug(conn, slug))?;
    Ok(added.context("the account was added just now")?.id)
}

type Waiting = Option<tokio::sync::oneshot::Receiver<Result<Tally>>>;

fn send(db: &Db, batch: Vec<(i64, Ready)>, now: Timestamp) -> Result<tokio::sync::oneshot::Receiver<Result<Tally>>> {
    db.writer.send(move |tx| {
        let mut tally = Tally::default();
        for (account, (_, imported, sealed)) in &batch {
            let sight = Sighting {
                now,
                platform: imported.platform.clone(),
                account: *account,
                harvest: None,
                whole: false,
                evidence: Evidence::default(),
                fetch_media: "none".into(),
            };
            tally.add(&items::store_imported(tx, &sight, sealed, imported)?);
        }
        Ok(tally)
    })
}

fn take(waiting: &mut Waiting, done: &mut Done) -> Result<()> {
    if let Some(answer) = waiting.take() {
        done.tally.add(&answer.blocking_recv().context("the writer has stopped")??);
    }
    Ok(())
}
