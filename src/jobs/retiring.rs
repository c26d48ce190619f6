//! Pages that somebody wants retired: each is read a last time, and then retired.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use jiff::SignedDuration;

use super::Stop;
use crate::app::App;
use crate::app::retire::{self, Outcome};
use crate::db::retired::{self, Wish};
use crate::db::{self, ledger};

/// How often the ledger is looked at for a new wish.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// A page that could not be read is tried again after this long.
const AGAIN: SignedDuration = SignedDuration::from_mins(10);

/// Another run has the page: it is over soon.
const BUSY: SignedDuration = SignedDuration::from_secs(2);

/// Fulfils the wishes as they come, until `stop` is given. Only trouble with the archive ends it. A wish stands in the ledger, so
/// one that was interrupted begins again.
pub async fn keep_retiring(app: Arc<App>, mut stop: Stop) -> Result<()> {
    let (mut next, mut seen) = (HashMap::new(), None);
    while !*stop.borrow() {
        let size = app.db.read(ledger::size)?;
        if seen != Some(size) || !next.is_empty() {
            seen = Some(size);
            let wishes = app.db.read(retired::wishes)?;
            next.retain(|slug, _| wishes.iter().any(|wish| wish.slug == *slug));
            for wish in wishes {
                let now = app.clock.now();
                if next.get(&wish.slug).is_some_and(|at| *at > now) {
                    continue;
                }
                let wait = tokio::select! {
                    wait = fulfil(&app, &wish) => wait?,
                    // What was committed stays, and the wish with it.
                    _ = stop.changed() => return Ok(()),
                };
                next.insert(wish.slug, app.clock.now() + wait);
            }
        }
        tokio::select! {
            _ = stop.changed() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
    Ok(())
}

/// Tries once, and says how long to wait before it is tried again.
async fn fulfil(app: &Arc<App>, wish: &Wish) -> Result<SignedDuration> {
    let page = &wish.slug;
    match retire::fulfil(app, wish).await {
        Ok(Outcome::Retired(receipt)) => {
            tracing::info!(page, versions = receipt.kept.versions, "the page was read a last time and is retired");
            Ok(AGAIN)
        }
        Ok(Outcome::NotRead(cause)) => {
            tracing::warn!(page, "the last harvest before the page is retired was not possible: {cause}");
            Ok(AGAIN)
        }
        Ok(Outcome::Busy | Outcome::TakenBack) => Ok(BUSY),
        Err(error) if db::is_storage(&error) => Err(error).with_context(|| format!("retire {page}")),
        Err(error) => {
            tracing::error!(page, "the page could not be retired: {error:#}");
            Ok(AGAIN)
        }
    }
}
