//! Items and their versions. [`store`] is the one way an observation enters the archive, for harvest and import alike.

use std::collections::HashMap;

use anyhow::Result;
use rusqlite::{OptionalExtension as _, Transaction, params};

use super::ledger::Log;
use super::{harvests, ms, row_id, seq};
use crate::model::{Author, Change, Content, Counts, Kind, Media, Observation, Platform, Role, State, Timestamp};
use crate::seal::Hash;

mod absence;
mod capture;
mod due;
mod enter;
mod imported;
pub mod read;
mod version;

pub use absence::{Evidence, confirm_gone};
pub use capture::{Failed, Sealed, store_attempts};
pub use due::{next_due, reschedule};
pub use imported::{Imported, ImportedVersion, store_imported};
pub use read::{Document, Shown, Text, Thread, by_name, documents, show, texts, thread};
pub use version::{Identity, New, Prior, verify_version};

use self::enter::{Entrant, Place, Root};

/// Under what circumstances a page is stored.
#[derive(Debug, Clone)]
pub struct Sighting {
    pub now: Timestamp,
    pub platform: String,
    /// The account whose page was walked.
    pub account: i64,
    pub harvest: Option<i64>,
    /// Whether an absence may be read from this walk: not from one that was resumed.
    pub whole: bool,
    pub evidence: Evidence,
    /// Whose media are fetched: `district`, `all` or `none`.
    pub fetch_media: String,
}

/// What one page brought.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Tally {
    pub new: u64,
    pub edited: u64,
    pub hidden: u64,
    pub shown: u64,
    pub missing: u64,
    pub gone: u64,
    pub restored: u64,
    pub pages: u64,
    pub problems: u64,
}

impl Tally {
    pub fn add(&mut self, other: &Tally) {
        self.new += other.new;
        self.edited += other.edited;
        self.hidden += other.hidden;
        self.shown += other.shown;
        self.missing += other.missing;
        self.gone += other.gone;
        self.restored += other.restored;
        self.pages += other.pages;
        self.problems += other.problems;
    }

    pub(crate) fn count(&mut self, change: Change) {
        let counter = match change {
            Change::Created => &mut self.new,
            Change::Edited => &mut self.edited,
            Change::Hidden => &mut self.hidden,
            Change::Shown => &mut self.shown,
            Change::Missing => &mut self.missing,
            Change::Gone => &mut self.gone,
            Change::Restored => &mut self.restored,
        };
        *counter += 1;
    }

    /// How many versions that is.
    pub fn versions(&self) -> u64 {
        self.new + self.edited + self.hidden + self.shown + self.missing + self.gone + self.restored
    }
}

/// What [`store`] did.
#[derive(Debug, Clone, Copy)]
pub struct Stored {
    pub capture: i64,
    /// The newest ledger entry afterwards.
    pub seq: u64,
    pub tally: Tally,
}

/// Commits one exchange and all that was read from it: capture, versions, ledger entries, absences, gaps, position.
pub fn store(tx: &Transaction<'_>, sight: &Sighting, sealed: &Sealed) -> Result<Stored> {
    let page = &sealed.page;
    store_attempts(tx, sight, &sealed.earlier)?;
    let capture = capture::insert(tx, sight, sealed)?;
    let mut keeper = Keeper {
        tx,
        log: Log::open(tx)?,
        sight,
        capture,
        digest: sealed.digest,
        body: &page.exchange.body,
        seen_at: page.exchange.at,
        registered: Registered::read(tx, &sight.platform)?,
        named: HashMap::new(),
        next_item: None,
        tally: Tally { pages: 1, problems: page.problems.len() as u64, ..Tally::default() },
    };
    for (seen, content) in page.observations.iter().zip(&sealed.contents) {
        keeper.observe(seen, content)?;
    }
    for scope in &page.finished {
        absence::mark(&mut keeper, scope)?;
    }
    for answer in &page.answers {
        absence::direct(&mut keeper, answer)?;
    }
    let tally = keeper.tally;
    capture::insert_problems(tx, sight, capture, &page.problems)?;
    harvests::note_shortfalls(tx, &mut keeper.log, sight, page)?;
    if let Some(position) = page.position {
        harvests::set_position(tx, sight.account, position)?;
    }
    let cited = tally.versions() > 0 || !page.problems.is_empty() || !page.shortfalls.is_empty();
    capture::insert_body(tx, capture, cited, sealed)?;
    if let Some(harvest) = sight.harvest {
        harvests::count(tx, harvest, &tally)?;
    }
    Ok(Stored { capture, seq: keeper.log.next_seq() - 1, tally })
}

/// The registered accounts of a platform: who the district is.
struct Registered {
    by_native_id: HashMap<String, i64>,
    by_handle: HashMap<String, i64>,
}

impl Registered {
    fn read(tx: &Transaction<'_>, platform: &str) -> Result<Registered> {
        let mut statement = tx.prepare_cached("SELECT id, native_id, handle FROM accounts WHERE platform = ?1")?;
        let mut registered = Registered { by_native_id: HashMap::new(), by_handle: HashMap::new() };
        let mut rows = statement.query([platform])?;
        while let Some(row) = rows.next()? {
            let id: i64 = row.get(0)?;
            if let Some(native_id) = row.get::<_, Option<String>>(1)? {
                registered.by_native_id.insert(native_id, id);
            }
            let handle: String = row.get(2)?;
            if !handle.is_empty() {
                registered.by_handle.insert(handle.to_lowercase(), id);
            }
        }
        Ok(registered)
    }

    /// By id where the platform gives one; a handle alone can be taken by anybody once it is free, so it comes second.
    fn account_of(&self, author: &Author) -> Option<i64> {
        match &author.native_id {
            Some(native_id) => self.by_native_id.get(native_id).copied(),
            None => self.by_handle.get(&author.handle.as_ref()?.to_lowercase()).copied(),
        }
    }

    fn role(&self, author: &Author) -> Role {
        match self.account_of(author) {
            Some(_) => Role::District,
            None if *author == Author::default() => Role::Unknown,
            None => Role::Public,
        }
    }
}

/// Everything that storing the observations of one page needs.
struct Keeper<'k, 'c> {
    tx: &'k Transaction<'c>,
    log: Log<'k>,
    sight: &'k Sighting,
    capture: i64,
    digest: Hash,
    body: &'k [u8],
    seen_at: Timestamp,
    registered: Registered,
    /// The items that this page names.
    named: HashMap<String, Place>,
    /// The row id of the next new item, once it was read in this transaction.
    next_item: Option<i64>,
    tally: Tally,
}

/// What `items` holds of an item.
#[derive(Debug, Clone)]
struct Item {
    id: i64,
    /// Its own native id, where it was found by another.
    native_id: Option<String>,
    known: Option<Latest>,
}

/// Of an item with versions: where it stands.
#[derive(Debug, Clone)]
struct Latest {
    last_seq: u64,
    state: State,
    page: Option<i64>,
    role: Role,
}

impl Keeper<'_, '_> {
    fn observe(&mut self, seen: &Observation, content: &Hash) -> Result<()> {
        let id = match self.find(&seen.native_id, &seen.aliases)? {
            Some(Item { id, known: Some(latest), .. }) => {
                self.seen_again(id, &latest, seen, content)?;
                id
            }
            referenced => self.first_sight(referenced.map(|item| item.id), seen, content)?,
        };
        self.alias(id, seen)
    }

    /// The item of a native id or one of its aliases.
    fn find(&mut self, native_id: &str, aliases: &[String]) -> Result<Option<Item>> {
        for id in std::iter::once(native_id).chain(aliases.iter().map(String::as_str)) {
            if let Some(item) = self.lookup(id)? {
                return Ok(Some(item));
            }
        }
        Ok(None)
    }

    fn lookup(&mut self, native_id: &str) -> Result<Option<Item>> {
        const OWN: &str =
            "SELECT id, kind, last_seq, state, page_id, role FROM items WHERE native_id = ?1 AND platform = ?2";
        const BY_ALIAS: &str = "SELECT i.id, i.kind, i.last_seq, i.state, i.page_id, i.role, i.native_id FROM aliases a
             JOIN items i ON i.id = a.item_id WHERE a.native_id = ?1 AND a.platform = ?2";
        let read = |row: &rusqlite::Row<'_>, native_id: Option<String>| {
            let known = match row.get_ref(1)?.as_str_or_null()? {
                None => None,
                Some(_) => Some(Latest {
                    last_seq: seq(row.get(2)?),
                    state: row.get(3)?,
                    page: row.get(4)?,
                    role: row.get(5)?,
                }),
            };
            Ok(Item { id: row.get(0)?, native_id, known })
        };
        let key = params![native_id, self.sight.platform];
        if let Some(item) = self.tx.prepare_cached(OWN)?.query_row(key, |row| read(row, None)).optional()? {
            return Ok(Some(item));
        }
        Ok(self.tx.prepare_cached(BY_ALIAS)?.query_row(key, |row| read(row, Some(row.get(6)?))).optional()?)
    }

    fn first_sight(&mut self, referenced: Option<i64>, seen: &Observation, content: &Hash) -> Result<i64> {
        let parent = seen.parent.as_deref().map(|parent| self.reference(parent)).transpose()?;
        let root = match seen.root.as_deref() {
            _ if seen.kind.is_root() => Root::Itself,
            Some(root) => Root::Other(self.reference(root)?),
            None => parent.clone().map_or(Root::Unknown, Root::Other),
        };
        let due_at = ms(next_due(seen.created_at.unwrap_or(self.sight.now), self.sight.now));
        if let Root::Other(root) = &root {
            self.tx
                .prepare_cached("UPDATE items SET due_at = ?2 WHERE id = ?1 AND due_at > ?2")?
                .execute(params![root.id, due_at])?;
        }
        let entrant = Entrant {
            native_id: &seen.native_id,
            kind: seen.kind,
            account: self.registered.account_of(&seen.author).unwrap_or(self.sight.account),
            parent,
            root,
            role: if seen.kind == Kind::Profile { Role::District } else { self.registered.role(&seen.author) },
            created_at: seen.created_at,
            url: seen.url.as_deref(),
            first_seen_at: self.seen_at,
            last_seen_at: self.seen_at,
            seen_in: self.sight.harvest,
            counts: &seen.counts,
            // A story is gone after a day by its nature: nothing is learned by looking again.
            due_at: matches!(seen.kind, Kind::Post | Kind::Video).then_some(due_at),
            state: if seen.hidden { State::Hidden } else { State::Visible },
        };
        let (id, identity) = self.enter(referenced, &entrant)?;
        let seq = self.append(id, &identity, seen, content, Change::Created, entrant.state)?;
        self.want_media(id, seq, entrant.role, seen)?;
        Ok(id)
    }

    fn seen_again(&mut self, id: i64, latest: &Latest, seen: &Observation, content: &Hash) -> Result<()> {
        if latest.page != Some(self.sight.account) {
            self.seen_elsewhere(id, seen)?;
        }
        if seen.superseded {
            return self.keep_earlier_text(id, latest, seen, content);
        }
        let completed = seen.in_part.then(|| version::completed(self.tx, id, seen)).transpose()?;
        let (seen, content) = completed.as_ref().map_or((seen, content), |(seen, content)| (seen, content));
        let state = if seen.hidden { State::Hidden } else { State::Visible };
        let current: Hash = self
            .tx
            .prepare_cached("SELECT content FROM versions WHERE seq = ?1")?
            .query_row([row_id(latest.last_seq)], |row| row.get(0))?;
        let absent = matches!(latest.state, State::Missing | State::Gone);
        let mut newest = None;
        if absent {
            newest = Some(self.append_read(id, seen, content, Change::Restored, state)?);
        } else if current != *content {
            newest = Some(self.append_read(id, seen, content, Change::Edited, latest.state)?);
        }
        if !absent && latest.state != state {
            let change = if seen.hidden { Change::Hidden } else { Change::Shown };
            newest = Some(self.append_read(id, seen, content, change, state)?);
        }
        self.tx
            .prepare_cached(
                "UPDATE items SET last_seen_at = max(last_seen_at, ?2), seen_in = ?3, counts = coalesce(?4, counts) WHERE id = ?1",
            )?
            .execute(params![id, ms(self.seen_at), self.sight.harvest, counts_text(&seen.counts)?])?;
        match newest {
            Some(seq) if current != *content => self.want_media(id, seq, latest.role, seen),
            _ => self.renew_links(id, seen),
        }
    }

    /// The item stands under another page as well: said once a page, so that the index follows.
    fn seen_elsewhere(&mut self, id: i64, seen: &Observation) -> Result<()> {
        let known: bool = self
            .tx
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM sightings WHERE item_id = ?1 AND account_id = ?2)")?
            .query_row([id, self.sight.account], |row| row.get(0))?;
        if known {
            return Ok(());
        }
        let slug: String = self
            .tx
            .prepare_cached("SELECT slug FROM accounts WHERE id = ?1")?
            .query_row([self.sight.account], |row| row.get(0))?;
        let subject = format!("{}:{}", self.sight.platform, seen.native_id);
        let seq = self.log.record(self.sight.now, "sighting", Some(&subject), None, &[("account", slug)])?;
        self.tx
            .prepare_cached("INSERT INTO sightings (item_id, account_id, seq) VALUES (?1, ?2, ?3)")?
            .execute(params![id, self.sight.account, row_id(seq)])?;
        Ok(())
    }

    /// A text out of the platform's own history: kept once.
    fn keep_earlier_text(&mut self, id: i64, latest: &Latest, seen: &Observation, content: &Hash) -> Result<()> {
        let known: bool = self
            .tx
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM versions WHERE item_id = ?1 AND content = ?2)")?
            .query_row(params![id, content], |row| row.get(0))?;
        if !known {
            self.append_read(id, seen, content, Change::Edited, latest.state)?;
        }
        Ok(())
    }

    /// Appends a version of an item whose identity stands in its row.
    fn append_read(
        &mut self,
        id: i64,
        seen: &Observation,
        content: &Hash,
        change: Change,
        state: State,
    ) -> Result<u64> {
        let identity = Identity::read(self.tx, id)?;
        self.append(id, &identity, seen, content, change, state)
    }

    fn append(
        &mut self,
        id: i64,
        identity: &Identity<'_>,
        seen: &Observation,
        content: &Hash,
        change: Change,
        state: State,
    ) -> Result<u64> {
        let raw = self.body.get(seen.raw.clone()).unwrap_or_default();
        let new = New {
            item: id,
            identity,
            capture: self.capture,
            capture_digest: self.digest,
            raw_start: seen.raw.start,
            raw,
            change,
            state,
            cause: None,
            observed_at: self.seen_at,
            author: &seen.author,
            content: &seen.content,
            content_digest: *content,
            evidence: None,
            seen_before: match change {
                Change::Created => None,
                _ => version::last_seen(self.tx, id)?,
            },
        };
        let seq = version::insert(self.tx, &mut self.log, self.sight.now, &new)?;
        self.tally.count(change);
        Ok(seq)
    }

    fn alias(&mut self, id: i64, seen: &Observation) -> Result<()> {
        for alias in &seen.aliases {
            let taken = self.lookup(alias)?;
            if taken.is_some() {
                continue;
            }
            let subject = format!("{}:{}", self.sight.platform, seen.native_id);
            let fields = [("alias", alias.clone())];
            let seq = self.log.record(self.sight.now, "same", Some(&subject), None, &fields)?;
            self.tx
                .prepare_cached("INSERT INTO aliases (platform, native_id, item_id, seq) VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![self.sight.platform, alias, id, row_id(seq)])?;
        }
        Ok(())
    }

    fn want_media(&mut self, id: i64, seq: u64, role: Role, seen: &Observation) -> Result<()> {
        for medium in &seen.content.media {
            let fetched = match self.sight.fetch_media.as_str() {
                "all" => true,
                "district" => role == Role::District,
                _ => false,
            };
            let (state, cause) = match (fetched, &medium.url) {
                (true, Some(_)) => ("wanted", None),
                (true, None) => ("lost", Some("the platform gave no address for it")),
                (false, _) => ("not_fetched", Some("the configuration does not fetch these media")),
            };
            self.tx
                .prepare_cached(
                    "INSERT INTO media (item_id, native_id, version_seq, state, url, expires_at, mime, cause)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
                )?
                .execute(params![
                    id,
                    medium.native_id,
                    row_id(seq),
                    state,
                    medium.url.as_ref().filter(|_| state == "wanted"),
                    medium.expires_at.map(ms),
                    medium.mime,
                    cause,
                ])?;
        }
        Ok(())
    }

    /// A later page brings younger links to media that are still wanted, and a second chance for lost ones.
    fn renew_links(&mut self, id: i64, seen: &Observation) -> Result<()> {
        for medium in seen.content.media.iter().filter(|medium| medium.url.is_some()) {
            self.tx
                .prepare_cached(
                    "UPDATE media SET url = ?3, expires_at = ?4, state = 'wanted', cause = NULL
                     WHERE item_id = ?1 AND native_id = ?2 AND state IN ('wanted', 'lost')",
                )?
                .execute(params![id, medium.native_id, medium.url, medium.expires_at.map(ms)])?;
        }
        Ok(())
    }
}

fn counts_text(counts: &Counts) -> Result<Option<String>> {
    Ok(if *counts == Counts::default() { None } else { Some(serde_json::to_string(counts)?) })
}

/// What shows an absence, or what an import cites: a capture of ours by its row, or one elsewhere by its digest in hex.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(untagged)]
pub enum Cited {
    Capture(i64),
    Digest(String),
}

/// The content of a version as `more` keeps it beside the text.
#[derive(Debug, Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct More {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub media: Vec<Media>,
}

/// `more` of a content: without signed URLs; `None` when there is nothing in it.
pub(crate) fn more_text(content: &Content) -> Result<Option<String>> {
    if content.parts.is_empty() && content.links.is_empty() && content.media.is_empty() {
        return Ok(None);
    }
    let media = content.media.iter().map(|medium| Media { url: None, expires_at: None, ..medium.clone() }).collect();
    let more = More { parts: content.parts.clone(), links: content.links.clone(), media };
    Ok(Some(serde_json::to_string(&more)?))
}

/// The content a version keeps.
pub(crate) fn content_of(text: Option<String>, more: Option<&str>) -> Result<Content> {
    let more: More = more.map(serde_json::from_str).transpose()?.unwrap_or_default();
    Ok(Content { text: text.unwrap_or_default(), parts: more.parts, links: more.links, media: more.media })
}

/// Whether a platform name is one we read: for rows of others.
pub fn connector(platform: &str) -> Option<Platform> {
    platform.parse().ok()
}
