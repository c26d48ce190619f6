//! One run over one account: claim it, walk it page by page, commit each page before the next is asked for, fetch the media,
//! and say how it ended. Time goes on with the exchanges' own stamps. Platform trouble is a recorded fact; storage trouble comes back as an error and ends the process.

use anyhow::Result;
use jiff::SignedDuration;

use crate::config::{Config, keep_secret};
use crate::db::accounts::{self, Account};
use crate::db::harvests::{self, Begun, Claimant, Ending};
use crate::db::items::{self, Evidence, Sealed, Sighting, Tally};
use crate::db::{Db, Tx, media};
use crate::model::{Answer, Kind, Mode, Page, Platform, Scope, Secret, Timestamp};
use crate::platform::http::Http;
use crate::platform::media::Missed;
use crate::platform::{self, Endpoint, Errand, Error, Failure, Known, Target};
use crate::seal::Hash;

mod policy;
mod trouble;

/// How far back a recent harvest looks at least: comments come late, and posts are edited.
const LOOKBACK_DAYS: i64 = 14;

/// Threads that one revisit reads again, and items it reads directly.
const REVISIT_THREADS: u32 = 100;
const REVISIT_CHECKS: u32 = 50;

/// Media that one run fetches at most; the others stay wanted.
const MEDIA_A_RUN: u32 = 500;

/// What a run stands on.
#[derive(Clone, Copy)]
pub struct Harvester<'h> {
    pub config: &'h Config,
    pub db: &'h Db,
    pub http: &'h Http,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    pub mode: Mode,
    /// Revisit: every kept thread, due or not.
    pub every: bool,
    /// A long run pauses here; the next one goes on.
    pub until: Option<Timestamp>,
}

/// How a run ended, for the command line and the log.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Report {
    pub account: String,
    pub mode: Mode,
    /// complete, paused, partial, failed, busy or `not_kept`
    pub outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    #[serde(flatten)]
    pub tally: Tally,
    pub media: u64,
    /// The newest ledger entry of the run.
    pub seq: u64,
}

impl Report {
    /// Whether the account was walked to its end.
    pub fn is_whole(&self) -> bool {
        matches!(self.outcome, "complete" | "not_kept")
    }
}

impl Harvester<'_> {
    /// Runs one harvest. Errors are storage trouble only.
    pub async fn run(&self, account: &Account, request: Request, now: Timestamp) -> Result<Report> {
        let mut report = Report {
            account: account.row.slug.clone(),
            mode: request.mode,
            outcome: "not_kept",
            cause: None,
            tally: Tally::default(),
            media: 0,
            seq: 0,
        };
        let platform = match self.readable(account) {
            Ok(platform) => platform,
            Err(why) => {
                report.cause = Some(why);
                return Ok(report);
            }
        };
        if self.nothing_is_due(account, request, now)? {
            report.outcome = "complete";
            return Ok(report);
        }
        let (id, mode) = (account.id, request.mode);
        let claim = move |tx: &Tx<'_>| harvests::begin(tx, id, mode, Claimant::this(), now);
        let Some(begun) = self.db.writer.write_async(claim).await? else {
            report.outcome = "busy";
            report.cause = Some("another run over this account is under way".into());
            return Ok(report);
        };
        let mut run = Run::new(*self, account.clone(), platform, request, begun, now);
        run.walk_and_fetch().await?;
        run.end(report).await
    }

    /// A revisit without anything to look at again is no run: it leaves no row.
    fn nothing_is_due(&self, account: &Account, request: Request, now: Timestamp) -> Result<bool> {
        if request.mode != Mode::Revisit || request.every {
            return Ok(false);
        }
        self.db.read(|conn| {
            let due = items::read::due(conn, account.id, now, 1, false)?;
            Ok(due.is_empty() && items::read::missing(conn, account.id, 0, 1)?.is_empty())
        })
    }

    fn readable(&self, account: &Account) -> Result<Platform, String> {
        match (self.config.why_off(&account.row.platform), account.connector()) {
            (None, Some(platform)) => Ok(platform),
            (why, _) => Err(why.unwrap_or_else(|| "there is no connector".into())),
        }
    }

    /// Where a platform's API stands.
    pub fn endpoint(&self, platform: Platform) -> Endpoint {
        Endpoint::of(self.config, platform)
    }
}

/// One run under way.
struct Run<'h> {
    on: Harvester<'h>,
    account: Account,
    platform: Platform,
    request: Request,
    begun: Begun,
    started: Timestamp,
    /// When the newest exchange was complete.
    now: Timestamp,
    whole: bool,
    evidence: Evidence,
    sibling_readable: bool,
    /// Items a direct read called gone, with the capture that says so.
    gone: Vec<(String, i64, Hash, Timestamp)>,
    tally: Tally,
    fetched: u64,
    /// Threads that were due when this run began.
    due: Vec<i64>,
    failures: u32,
    /// Whether the newest failure was of the kind that passes by itself.
    passing: bool,
    ending: Ending,
}

impl<'h> Run<'h> {
    fn new(
        on: Harvester<'h>,
        account: Account,
        platform: Platform,
        request: Request,
        begun: Begun,
        now: Timestamp,
    ) -> Run<'h> {
        Run {
            started: now,
            now,
            on,
            account,
            platform,
            request,
            begun,
            whole: true,
            evidence: Evidence::default(),
            sibling_readable: false,
            gone: Vec::new(),
            tally: Tally::default(),
            fetched: 0,
            due: Vec::new(),
            failures: 0,
            passing: false,
            ending: Ending { outcome: "complete", cause: None, trouble: None, parked_until: None, units: 0 },
        }
    }

    async fn walk_and_fetch(&mut self) -> Result<()> {
        if let Some(until) = self.account.parked_until.filter(|until| *until > self.started) {
            self.ending.parked_until = Some(until);
            self.fall_short("failed", format!("the platform asked for rest until {}", minute(self.on.config, until)));
            return Ok(());
        }
        self.set_budget()?;
        match self.credential().await {
            Ok(token) => {
                self.identify(token.clone()).await?;
                if self.ending.outcome == "complete" {
                    let errand = self.errand()?;
                    self.walk(errand, token).await?;
                    if self.request.mode == Mode::Profile && self.ending.outcome == "complete" {
                        self.read_policy().await?;
                    }
                }
            }
            Err(failure) => {
                self.failed(failure).await?;
            }
        }
        self.confirm_gone().await?;
        self.fetch_media().await
    }

    /// What is left of the day's budget: counted in the database, so that it holds over restarts and processes.
    fn set_budget(&self) -> Result<()> {
        let Some(section) = self.on.config.platform(self.platform) else { return Ok(()) };
        let Some(a_day) = section.units_per_day.or(section.requests_per_day) else { return Ok(()) };
        let since = day_start(self.on.config, self.platform, self.started);
        let name = self.platform.as_str();
        let spent = self.on.db.read(|conn| harvests::units_since(conn, name, since))?;
        let refill = since.saturating_add(SignedDuration::from_hours(24)).unwrap_or(since);
        self.on.http.set_budget(&budget_meter(self.platform), u64::from(a_day).saturating_sub(spent), refill);
        Ok(())
    }

    /// The account's own credential. Meta: a page token is derived from the platform's token and kept as a secret.
    async fn credential(&self) -> Result<Option<Secret>, Failure> {
        let slug = &self.account.row.slug;
        let say = |error: anyhow::Error| Error::Unauthorized { say: format!("{}: {error:#}", self.account.title()) };
        let own = self.on.config.credential(self.platform, slug).map_err(say)?;
        let shared = self.on.config.credential(self.platform, "").map_err(say)?;
        let derived = matches!(self.platform, Platform::Facebook | Platform::Instagram);
        let Some(shared) = shared.filter(|shared| derived && own.as_ref() == Some(shared)) else { return Ok(own) };
        let endpoint = self.on.endpoint(self.platform);
        let reached = platform::discover(self.on.http, &self.target(Some(shared.clone())), &endpoint).await;
        let mine = |reached: &platform::Reached| {
            let row = &self.account.row;
            if row.native_id.is_empty() {
                reached.handle.eq_ignore_ascii_case(&row.handle)
            } else {
                reached.native_id == row.native_id
            }
        };
        match reached {
            Ok(reached) => match reached.into_iter().find(mine).and_then(|reached| reached.token) {
                Some(token) => {
                    let file = self.on.config.obtained_token_file(self.platform, slug);
                    keep_secret(&file, &token).map_err(say)?;
                    Ok(Some(token))
                }
                None => Err(self.not_reached(shared, &endpoint).await),
            },
            // A page token as the platform's token has no list of pages: it is used as it is.
            Err(Failure { error: Error::Unexpected { .. } | Error::Gone { .. }, .. }) => Ok(Some(shared)),
            Err(failure) => Err(failure),
        }
    }

    /// Why the credential does not reach a page: it may be none, which is another matter.
    async fn not_reached(&self, shared: Secret, endpoint: &Endpoint) -> Failure {
        let say = format!(
            "{}: the credential does not reach this page: give its person or system user a role on the page",
            self.account.title()
        );
        let target = self.target(Some(shared));
        match self.platform {
            Platform::Facebook => platform::facebook::not_reached(self.on.http, &target, endpoint, say).await,
            _ => Error::Unauthorized { say }.into(),
        }
    }

    fn target(&self, token: Option<Secret>) -> Target {
        let section = self.on.config.platform(self.platform);
        let row = &self.account.row;
        Target {
            platform: self.platform,
            native_id: row.native_id.clone(),
            handle: row.handle.clone(),
            token,
            app_secret: section.and_then(|section| section.app_secret().ok().flatten()),
            field_names: section
                .and_then(|section| section.field_names)
                .map_or_else(|| "tweet".to_owned(), |names| names.as_str().to_owned()),
            full_archive: section.is_some_and(|section| section.full_archive == Some(true)),
        }
    }

    /// An account known by its handle alone is looked up first: without its id nothing can be told apart.
    async fn identify(&mut self, token: Option<Secret>) -> Result<()> {
        if !self.account.row.native_id.is_empty() {
            return Ok(());
        }
        self.walk(Errand::Profile, token).await?;
        self.account = self.on.db.read(|conn| accounts::by_id(conn, self.account.id))?;
        if self.account.row.native_id.is_empty() && self.ending.outcome == "complete" {
            self.fall_short("failed", format!("the platform did not tell the id of {}", self.account.row.handle));
        }
        Ok(())
    }

    fn errand(&mut self) -> Result<Errand> {
        let id = self.account.id;
        Ok(match self.request.mode {
            Mode::Recent => {
                let window = self.started.saturating_sub(SignedDuration::from_hours(24 * LOOKBACK_DAYS));
                let window = window.unwrap_or(self.started);
                let known = self.on.db.read(|conn| items::read::newest_post(conn, id))?;
                Errand::Recent { since: known.map_or(window, |known| known.min(window)) }
            }
            Mode::Backfill => {
                let (before, _) = self.on.db.read(|conn| harvests::position(conn, id))?;
                self.whole = before.is_none();
                Errand::Backfill { before }
            }
            Mode::Revisit => {
                let (errand, due) = self.on.db.read(|conn| {
                    let limit = if self.request.every { u32::MAX } else { REVISIT_THREADS };
                    let due = items::read::due(conn, id, self.started, limit, self.request.every)?;
                    let missing = items::read::missing(conn, id, self.begun.id, REVISIT_CHECKS)?;
                    let known = |thread: items::Thread| Known {
                        root: thread.native_id.clone(),
                        native_id: thread.native_id,
                        kind: thread.kind,
                    };
                    let check = |(native_id, kind, root)| Known { native_id, kind, root };
                    let mut check: Vec<Known> = missing.into_iter().map(check).collect();
                    // Where no walk sees a thread in whole, and where replies outlive what they answer, each is asked for.
                    let alone = match self.platform {
                        Platform::X => items::read::Alone::All,
                        Platform::Bluesky => items::read::Alone::Orphans,
                        _ => items::read::Alone::None,
                    };
                    for (native_id, kind, root) in items::read::answers(conn, &due, alone)? {
                        check.push(Known { native_id, kind, root });
                    }
                    let ids: Vec<i64> = due.iter().map(|thread| thread.item).collect();
                    Ok((Errand::Revisit { threads: due.into_iter().map(known).collect(), check }, ids))
                })?;
                self.due = due;
                errand
            }
            Mode::Profile => Errand::Profile,
        })
    }

    async fn walk(&mut self, errand: Errand, token: Option<Secret>) -> Result<()> {
        let mut walk = platform::walk(self.target(token), errand, &self.on.endpoint(self.platform));
        while let Some(step) = walk.next(self.on.http, self.now).await {
            match step {
                Ok(page) => {
                    self.failures = 0;
                    self.store(page).await?;
                }
                Err(failure) => {
                    let stop = self.failed(failure).await?;
                    if stop {
                        return Ok(());
                    }
                }
            }
            if self.request.until.is_some_and(|until| self.now >= until) {
                self.fall_short("paused", "the time for this run was over; the next one goes on from here".into());
                return Ok(());
            }
        }
        // No exchange failed, and yet not everything was read: such a walk closes nothing either (invariant 8).
        if let Some(why) = walk.unfinished().filter(|_| self.ending.outcome == "complete") {
            self.fall_short("partial", why.to_owned());
        }
        Ok(())
    }

    /// Commits one page and takes note of what the rest of the run needs to know of it.
    async fn store(&mut self, page: Page) -> Result<()> {
        let profile = page.observations.iter().find(|seen| seen.kind == Kind::Profile).map(|seen| seen.author.clone());
        let brings_posts = page.observations.iter().any(|seen| seen.kind.is_root());
        let vouches = page.vouches;
        let ends_thread = page.finished.iter().any(|scope| matches!(scope, Scope::Thread { .. }));
        let readable = !page.observations.is_empty() || page.answers.iter().any(|a| matches!(a, Answer::Readable(_)));
        let gone: Vec<String> = page
            .answers
            .iter()
            .filter_map(|answer| match answer {
                Answer::Gone(native_id) => Some(native_id.clone()),
                Answer::Readable(_) => None,
            })
            .collect();
        let seen_at = page.exchange.at;
        self.now = self.now.max(seen_at);
        let sealed = Sealed::new(page)?;
        let digest = sealed.digest();
        let sight = self.sight();
        let (harvest, units) = (self.begun.id, self.spent());
        let stored = self
            .on
            .db
            .writer
            .write_async(move |tx| {
                harvests::spend(tx, harvest, units)?;
                items::store(tx, &sight, &sealed)
            })
            .await?;
        self.tally.add(&stored.tally);
        if readable {
            self.sibling_readable = true;
            self.ending.trouble = None;
        }
        self.gone.extend(gone.into_iter().map(|native_id| (native_id, stored.capture, digest, seen_at)));
        self.evidence.thread.push(stored.capture);
        if brings_posts {
            self.evidence.posts.push(stored.capture);
        }
        if vouches {
            self.evidence.counts.push(stored.capture);
        }
        if ends_thread {
            self.evidence.thread.clear();
        }
        self.take_identity(profile).await
    }

    async fn take_identity(&mut self, profile: Option<crate::model::Author>) -> Result<()> {
        let Some(profile) = profile else { return Ok(()) };
        let row = &self.account.row;
        let native_id = profile.native_id.unwrap_or_default();
        let handle = profile.handle.unwrap_or_default();
        let name = profile.name.unwrap_or_default();
        let news = (row.native_id.is_empty() && !native_id.is_empty())
            || (!handle.is_empty() && handle != row.handle)
            || (row.name.is_empty() && !name.is_empty());
        if !news {
            return Ok(());
        }
        let (id, now) = (self.account.id, self.now);
        let identify = move |tx: &Tx<'_>| accounts::identify(tx, id, &native_id, &handle, &name, now);
        self.on.db.writer.write_async(identify).await?;
        self.account = self.on.db.read(|conn| accounts::by_id(conn, id))?;
        Ok(())
    }

    async fn confirm_gone(&mut self) -> Result<()> {
        if !self.sibling_readable {
            return Ok(());
        }
        for (native_id, capture, digest, seen_at) in std::mem::take(&mut self.gone) {
            let sight = self.sight();
            let confirm = move |tx: &Tx<'_>| items::confirm_gone(tx, &sight, &native_id, capture, digest, seen_at);
            let tally = self.on.db.writer.write_async(confirm).await?;
            self.tally.add(&tally);
        }
        Ok(())
    }

    async fn fetch_media(&mut self) -> Result<()> {
        let id = self.account.id;
        let wanted = self.on.db.read(|conn| media::wanted(conn, id, self.now, MEDIA_A_RUN))?;
        let settings = &self.on.config.media;
        let trust = platform::http::Trust::foreign(&self.on.endpoint(self.platform).api_base);
        for wanted in wanted {
            let fetched = platform::media::fetch(
                self.on.http,
                &wanted.medium,
                trust,
                &|host| settings.allows(host),
                settings.max_bytes,
                &self.on.config.media_dir(),
            )
            .await;
            let now = self.now;
            match fetched {
                Ok(fetched) => {
                    self.fetched += 1;
                    let keep =
                        move |tx: &Tx<'_>| media::kept(tx, &wanted, &fetched.sha256, fetched.size, &fetched.mime, now);
                    self.on.db.writer.write_async(keep).await?;
                }
                Err(Missed::Storage(error)) => return Err(error),
                Err(Missed::Platform(error)) => {
                    let say = error.to_string();
                    let note = move |tx: &Tx<'_>| media::not_had(tx, id, &wanted, &say, now);
                    self.on.db.writer.write_async(note).await?;
                }
            }
        }
        Ok(())
    }

    async fn end(mut self, mut report: Report) -> Result<Report> {
        self.ending.units = self.spent();
        self.settle_trouble()?;
        let (id, begun, ending, now) = (self.account.id, self.begun, self.ending.clone(), self.now);
        // Looked at is looked at, also where the platform gave less than it counts: else such a thread would be due for ever.
        let looked = if ending.outcome == "complete" { std::mem::take(&mut self.due) } else { Vec::new() };
        let finish = move |tx: &Tx<'_>| {
            looked.iter().try_for_each(|thread| items::reschedule(tx, *thread, now))?;
            harvests::end(tx, id, begun, &ending, now)
        };
        report.seq = self.on.db.writer.write_async(finish).await?;
        report.outcome = self.ending.outcome;
        report.cause = self.ending.cause;
        report.tally = self.tally;
        report.media = self.fetched;
        Ok(report)
    }

    /// Metered exchanges since this was last asked.
    fn spent(&self) -> u32 {
        let meter = budget_meter(self.platform);
        let units = self.on.http.take_spent_on(&meter);
        u32::try_from(units).unwrap_or(u32::MAX)
    }

    fn sight(&self) -> Sighting {
        Sighting {
            now: self.now,
            platform: self.platform.as_str().to_owned(),
            account: self.account.id,
            harvest: Some(self.begun.id),
            whole: self.whole,
            evidence: self.evidence.clone(),
            fetch_media: self.on.config.media.fetch_from.as_str().to_owned(),
        }
    }
}

/// The meter that a platform's daily budget is counted on.
fn budget_meter(platform: Platform) -> String {
    match platform {
        Platform::Youtube => platform::youtube::METER.to_owned(),
        _ => format!("{}:app", platform.as_str()),
    }
}

/// When the platform's day began: YouTube's quota is reset at midnight Pacific, others count by the district's day.
fn day_start(config: &Config, platform: Platform, now: Timestamp) -> Timestamp {
    let zone = match platform {
        Platform::Youtube => jiff::tz::TimeZone::get("America/Los_Angeles").unwrap_or(jiff::tz::TimeZone::UTC),
        _ => config.time_zone.clone(),
    };
    now.to_zoned_datetime(zone).start_of_day().map_or(now, |midnight| midnight.timestamp())
}

/// A time to the minute in the district's time zone.
fn minute(config: &Config, at: Timestamp) -> String {
    at.to_zoned_datetime(config.time_zone.clone()).strftime("%a, %b %-d, %-I:%M %P").to_string()
}
