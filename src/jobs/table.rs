//! The daemon's jobs over an opened archive, and the following of the ledger between them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use futures_util::StreamExt as _;
use jiff::SignedDuration;

use super::{Job, Stop, latest, next};
use crate::alert;
use crate::app::{self, App};
use crate::audit;
use crate::connect;
use crate::db::accounts::{self, Account};
use crate::db::{self, harvests, ledger};
use crate::harvest::Request;
use crate::mail::Mailer;
use crate::model::{AccountStatus, Mode};
use crate::outbox;
use crate::proof;
use crate::weekly;

/// Accounts that are walked at the same time. The platforms' ceilings hold for all of them together.
const AT_ONCE: usize = 4;

/// A backfill gives its account back after this long, so that the next look at what is new can have it.
const BACKFILL_AT_MOST: SignedDuration = SignedDuration::from_mins(8);

/// How long a walk in hand may go on when a stop was asked for. What was committed stays; the next run goes on from there.
const WALK_AFTER_STOP: Duration = Duration::from_secs(20);

/// How often the ledger is looked at for something to follow …
const LOOK_EVERY: Duration = Duration::from_millis(300);

/// … and how often it is followed in any case: packs on the disk may have changed.
const FOLLOW_ANYWAY: Duration = Duration::from_secs(300);

/// After a failure that is not the archive's, following waits this long.
const FOLLOW_AGAIN: Duration = Duration::from_secs(30);

/// What runs by itself, as the config times it.
pub fn table(app: &Arc<App>) -> Vec<Job> {
    let jobs = &app.config.jobs;
    let walk = |mode: Mode| {
        let app = app.clone();
        move |stop| walk_all(app.clone(), mode, stop)
    };
    let keeper = app.clone();
    let (auditor, verifier, alerter, reporter, asker) =
        (app.clone(), app.clone(), app.clone(), app.clone(), app.clone());
    vec![
        Job::new("harvest", &jobs.harvest, walk(Mode::Recent)),
        Job::new("backfill", &jobs.backfill, walk(Mode::Backfill)),
        Job::new("revisit", &jobs.revisit, walk(Mode::Revisit)),
        Job::new("profile", &jobs.profile, walk(Mode::Profile)),
        Job::new("credentials", &jobs.credentials, move |_| credentials(keeper.clone())),
        Job::new("audit", &jobs.audit, move |_| audit_all(auditor.clone())),
        Job::new("verify", &jobs.verify, move |_| verify(verifier.clone())),
        Job::new("tickets", &jobs.tickets, move |_| tickets(asker.clone())),
        Job::new("alerts", &jobs.alerts, move |_| alerts(alerter.clone())),
        Job::new("weekly", &app.config.weekly.cron, move |_| weekly(reporter.clone())),
    ]
}

/// Walks every active account that can be walked, a few at a time. Trouble with a platform is on record with its account
/// and is no failure of the job; only trouble with the archive is.
async fn walk_all(app: Arc<App>, mode: Mode, stop: Stop) -> Result<()> {
    let accounts = app.db.read(|conn| {
        let mut found = Vec::new();
        for account in accounts::all(conn)?.into_iter().filter(|account| account.status == AccountStatus::Active) {
            let is_whole = harvests::position(conn, account.id)?.1.is_some();
            if mode != Mode::Backfill || !is_whole {
                found.push(account);
            }
        }
        Ok(found)
    })?;
    let walks = spread(accounts).into_iter().map(|account| {
        let (app, stop) = (app.clone(), stop.clone());
        async move { walk_one(&app, &account, mode, stop).await }
    });
    let mut walks = futures_util::stream::iter(walks).buffer_unordered(AT_ONCE);
    while let Some(walked) = walks.next().await {
        walked?;
    }
    Ok(())
}

/// Platforms by turns, so that one that is slow or wants rest does not keep the others waiting.
fn spread(accounts: Vec<Account>) -> Vec<Account> {
    let mut turns: BTreeMap<String, usize> = BTreeMap::new();
    let mut placed: Vec<(usize, Account)> = accounts
        .into_iter()
        .map(|account| {
            let turn = turns.entry(account.row.platform.clone()).or_default();
            *turn += 1;
            (*turn, account)
        })
        .collect();
    placed.sort_by_key(|(turn, _)| *turn);
    placed.into_iter().map(|(_, account)| account).collect()
}

async fn walk_one(app: &App, account: &Account, mode: Mode, mut stop: Stop) -> Result<()> {
    if *stop.borrow() {
        return Ok(());
    }
    let until = (mode == Mode::Backfill).then(|| app.clock.now() + BACKFILL_AT_MOST);
    let harvester = app.harvester();
    let walk = harvester.run(account, Request { mode, every: false, until }, app.clock.now());
    let patience = async {
        let _ = stop.wait_for(|stop| *stop).await;
        tokio::time::sleep(WALK_AFTER_STOP).await;
    };
    tokio::select! {
        report = walk => {
            let report = report.with_context(|| format!("{mode} of {}", account.row.slug))?;
            if let (false, Some(cause)) = (report.is_whole(), &report.cause) {
                tracing::info!(account = account.row.slug, mode = mode.as_str(), outcome = report.outcome, "{cause}");
            }
            Ok(())
        }
        () = patience => Ok(()),
    }
}

/// Tokens looked into and renewed; who must act hears of it.
async fn credentials(app: Arc<App>) -> Result<()> {
    let now = app.clock.now();
    connect::watch(&app.db, &app.config, &app.http, now).await?;
    let telling = app.clone();
    tokio::task::spawn_blocking(move || connect::warn(&telling.db, &telling.config, now))
        .await
        .context("the look at credentials was lost")??;
    send(&app).await
}

/// Every page against the district's own standard.
async fn audit_all(app: Arc<App>) -> Result<()> {
    let work = move || audit::run(&app.db, &app.config, app.clock.now()).map(|_| ());
    tokio::task::spawn_blocking(work).await.context("the audit was lost")?
}

/// Mails to owners on what their pages want.
async fn tickets(app: Arc<App>) -> Result<()> {
    let (asking, now) = (app.clone(), app.clock.now());
    let ask = move || audit::tickets::run(&asking.db, &asking.config, now);
    tokio::task::spawn_blocking(ask).await.context("the tickets were lost")??;
    send(&app).await
}

/// The whole archive against its own proofs. A fault found is the job's failure, so that everybody learns of it.
async fn verify(app: Arc<App>) -> Result<()> {
    let key = app.verifier_key();
    let work = move || {
        let (media, checkpoints) = (app.config.media_dir(), app.config.ledger.checkpoint_dir.clone());
        app.db.read(|conn| proof::verify(conn, &media, checkpoints.as_deref(), Some(&key), &mut |_| {}))
    };
    let verified = tokio::task::spawn_blocking(work).await.context("the check was lost")??;
    match verified.faults.first() {
        None => Ok(()),
        Some(first) => {
            bail!("{} faults in the archive; the first: {}: {}", verified.faults.len(), first.about, first.fault)
        }
    }
}

/// Takes up what changed without a harvest (packs, suppressions that expired), makes the urgent and morning mails that are due, and
/// sends whatever waits in the outbox.
async fn alerts(app: Arc<App>) -> Result<()> {
    let (ticking, now) = (app.clone(), app.clock.now());
    let tick = move || {
        ticking.follow(now)?;
        alert::tick(&ticking.db, &ticking.config, now)
    };
    tokio::task::spawn_blocking(tick).await.context("the look for alerts was lost")??;
    send(&app).await
}

/// Makes the weekly report from what was followed so far, and sends it. One that was made for this time is not made again.
async fn weekly(app: Arc<App>) -> Result<()> {
    let (making, now) = (app.clone(), app.clock.now());
    let make = move || {
        making.follow(now)?;
        let (cron, zone) = (&making.config.weekly.cron, &making.config.time_zone);
        let (slot, next) = (latest(cron, now, zone), next(cron, now, zone));
        let notes = app::packs::notes(&making.db, &making.config, now)?;
        weekly::run(&making.db, &making.config, &weekly::Ask { slot, next, notes, ..weekly::Ask::default() }, now)
    };
    tokio::task::spawn_blocking(make).await.context("the report was lost")??;
    send(&app).await
}

/// Sends what waits. A server that is away is on record with its mails; only a mailer that cannot be set up is a failure.
async fn send(app: &App) -> Result<()> {
    let Some(mail) = &app.config.mail else { return Ok(()) };
    let mailer = Mailer::open(mail)?;
    let sent = outbox::send_due(&app.db, &mailer, app.clock.now()).await?;
    if sent.refused + sent.postponed > 0 {
        tracing::warn!(sent.sent, sent.refused, sent.postponed, "not every mail was accepted");
    }
    Ok(())
}

/// Follows the ledger as it grows, whoever wrote to it, until `stop` is given. Only trouble with the archive ends it.
pub async fn keep_following(app: Arc<App>, mut stop: Stop) -> Result<()> {
    let (mut through, mut said, mut at_latest) = (None, String::new(), tokio::time::Instant::now());
    while !*stop.borrow() {
        let size = app.db.read(ledger::size)?;
        let mut wait = LOOK_EVERY;
        if through.is_none_or(|through| through < size) || tokio::time::Instant::now() >= at_latest {
            let following = app.clone();
            match tokio::task::spawn_blocking(move || following.follow(following.clock.now()))
                .await
                .context("following was lost")?
            {
                Ok(followed) => {
                    through = Some(followed.through.max(size));
                    at_latest = tokio::time::Instant::now() + FOLLOW_ANYWAY;
                    said.clear();
                }
                Err(error) if db::is_storage(&error) => return Err(error.context("follow the ledger")),
                Err(error) => {
                    let say = format!("{error:#}");
                    if say != said {
                        tracing::error!("the ledger could not be followed: {say}");
                        said = say;
                    }
                    wait = FOLLOW_AGAIN;
                }
            }
        }
        tokio::select! {
            _ = stop.changed() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::accounts::Registration;

    #[test]
    fn platforms_are_walked_by_turns() {
        let account = |slug: &str, platform: &str| Account {
            id: 0,
            row: Registration { slug: slug.into(), platform: platform.into(), ..Registration::default() },
            status: AccountStatus::Active,
            added_at: crate::model::Timestamp::UNIX_EPOCH,
            trouble: None,
            trouble_since: None,
            parked_until: None,
        };
        let all = vec![account("a", "facebook"), account("b", "facebook"), account("c", "x"), account("d", "bluesky")];
        let order: Vec<String> = spread(all).into_iter().map(|account| account.row.slug).collect();
        assert_eq!(order, ["a", "c", "d", "b"]);
    }
}
