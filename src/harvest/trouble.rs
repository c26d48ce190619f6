//! What goes wrong in a run, and when it keeps the account from being kept.

use anyhow::Result;
use jiff::SignedDuration;

use super::{Run, minute};
use crate::db::harvests;
use crate::db::items::{self, Failed};
use crate::model::{Attempt, Mode};
use crate::platform::{Error, Failure};

/// After so many failed exchanges in a row a walk is given up.
const GIVE_UP_AFTER: u32 = 4;

/// Trouble that passes by itself and has not passed for so long is a person's business.
const LASTING: SignedDuration = SignedDuration::from_mins(60);

impl Run<'_> {
    /// Records a failed exchange. Says whether the walk is over.
    pub(super) async fn failed(&mut self, failure: Failure) -> Result<bool> {
        let say = failure.error.to_string();
        tracing::warn!(account = self.account.row.slug, "{say}");
        if let Some(exchange) = failure.exchange {
            self.now = self.now.max(exchange.at);
            let failed = [Failed::new(Attempt { exchange: *exchange, say: say.clone() })?];
            let sight = self.sight();
            self.on.db.writer.write_async(move |tx| items::store_attempts(tx, &sight, &failed)).await?;
        }
        self.failures += 1;
        self.passing = matches!(failure.error, Error::Transient { .. });
        let outcome = if self.sibling_readable { "partial" } else { "failed" };
        match failure.error {
            Error::RateLimited { until, .. } => {
                self.ending.parked_until = Some(until);
                self.fall_short(outcome, say);
                Ok(true)
            }
            Error::Unauthorized { .. } => {
                self.ending.trouble = Some(say.clone());
                self.fall_short(outcome, say);
                Ok(true)
            }
            Error::Gone { .. } | Error::Transient { .. } | Error::Unexpected { .. } => {
                let account_gone = matches!(failure.error, Error::Gone { .. }) && !self.sibling_readable;
                // In a revisit it may be a thread that is gone.
                if account_gone && self.request.mode != Mode::Revisit {
                    self.ending.trouble.get_or_insert_with(|| say.clone());
                }
                self.fall_short(outcome, say);
                Ok(self.failures >= GIVE_UP_AFTER)
            }
        }
    }

    /// The first reason stays: what follows from it says less.
    pub(super) fn fall_short(&mut self, outcome: &'static str, cause: String) {
        self.ending.outcome = outcome;
        self.ending.cause.get_or_insert(cause);
    }

    /// Whether the account is being kept, now that the run is over. A dead credential or an account that is not there has been
    /// said already; what else kept it from being read to its end is said once it has lasted.
    pub(super) fn settle_trouble(&mut self) -> Result<()> {
        if self.ending.trouble.is_some() || !matches!(self.ending.outcome, "failed" | "partial") {
            return Ok(());
        }
        let id = self.account.id;
        let since = self.on.db.read(|conn| harvests::unread_since(conn, id))?;
        let lasts = since.filter(|since| self.now.duration_since(*since) >= LASTING);
        let earlier = || self.account.trouble.clone().filter(|_| !self.sibling_readable);
        self.ending.trouble = lasts.map(|since| self.lasting(&minute(self.on.config, since))).or_else(earlier);
        Ok(())
    }

    fn lasting(&self, since: &str) -> String {
        let cause = self.ending.cause.as_deref().unwrap_or("no reason was given").trim_end_matches('.');
        let act = if self.passing {
            ". Look whether the platform reports an outage, and whether this server reaches it: name service, firewall, TLS"
        } else {
            ""
        };
        format!("not read to its end since {since}, though each harvest tried. The newest said: {cause}{act}")
    }
}
