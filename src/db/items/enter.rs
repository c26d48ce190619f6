//! A new item's row: all that never changes of it, written once.

use std::borrow::Cow;
use std::rc::Rc;

use anyhow::Result;
use rusqlite::params;

use super::{Identity, Keeper, counts_text};
use crate::db::{at, ms, row_id};
use crate::model::{Counts, Kind, Role, State, Timestamp};

/// An item that another one names.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub id: i64,
    /// Its own native id, whatever it was named by.
    pub native_id: Rc<str>,
}

/// Under which root an item stands.
#[derive(Debug, Clone)]
pub(super) enum Root {
    Itself,
    Other(Place),
    Unknown,
}

/// An item of which nothing or only its name was known.
#[derive(Debug)]
pub(super) struct Entrant<'e> {
    pub native_id: &'e str,
    pub kind: Kind,
    pub account: i64,
    pub parent: Option<Place>,
    pub root: Root,
    pub role: Role,
    pub created_at: Option<Timestamp>,
    pub url: Option<&'e str>,
    pub first_seen_at: Timestamp,
    pub last_seen_at: Timestamp,
    pub seen_in: Option<i64>,
    pub counts: &'e Counts,
    pub due_at: Option<i64>,
    pub state: State,
}

impl Keeper<'_, '_> {
    /// Writes an item's row; its first version is the next entry of the log. `referenced`: the row that already names it.
    pub(super) fn enter<'e>(&mut self, referenced: Option<i64>, new: &'e Entrant<'_>) -> Result<(i64, Identity<'e>)> {
        // Its own page may have named it as what it stands under itself.
        let referenced = referenced.or_else(|| self.named.get(new.native_id).map(|place| place.id));
        let id = referenced.map_or_else(|| self.new_row(), Ok)?;
        let root = match &new.root {
            Root::Itself => Some(id),
            Root::Other(root) => Some(root.id),
            Root::Unknown => None,
        };
        const INSERT: &str =
            "INSERT INTO items (id, kind, account_id, page_id, parent_id, root_id, role, created_at, url,
               first_seen_at, last_seen_at, seen_in, counts, due_at, first_seq, last_seq, state, platform, native_id)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?15, ?16, ?17, ?18)";
        // Platform and native id are those the row has: they are named so that both statements take the same values.
        const UPDATE: &str = "UPDATE items SET kind = ?2, account_id = ?3, page_id = ?4, parent_id = ?5, root_id = ?6, role = ?7,
               created_at = ?8, url = ?9, first_seen_at = ?10, last_seen_at = ?11, seen_in = ?12, counts = ?13, due_at = ?14,
               first_seq = ?15, last_seq = ?15, state = ?16 WHERE id = ?1 AND ?17 IS NOT NULL AND ?18 IS NOT NULL";
        self.tx.prepare_cached(if referenced.is_some() { UPDATE } else { INSERT })?.execute(params![
            id,
            new.kind,
            new.account,
            self.sight.account,
            new.parent.as_ref().map(|parent| parent.id),
            root,
            new.role,
            new.created_at.map(ms),
            new.url,
            ms(new.first_seen_at),
            ms(new.last_seen_at),
            new.seen_in,
            counts_text(new.counts)?,
            new.due_at,
            row_id(self.log.next_seq()),
            new.state,
            self.sight.platform,
            new.native_id,
        ])?;
        let identity = match referenced {
            Some(_) => Identity::read(self.tx, id)?,
            None => self.identity(new),
        };
        Ok((id, identity))
    }

    /// What the row of a new item says, without reading it again.
    fn identity<'e>(&self, new: &'e Entrant<'_>) -> Identity<'e> {
        let named = |place: &'e Place| Cow::Borrowed(&*place.native_id);
        Identity {
            platform: Cow::Owned(self.sight.platform.clone()),
            native_id: Cow::Borrowed(new.native_id),
            kind: Cow::Borrowed(new.kind.as_str()),
            role: Cow::Borrowed(new.role.as_str()),
            created_at: new.created_at.map(|created| at(ms(created))),
            url: new.url.map(Cow::Borrowed),
            parent: new.parent.as_ref().map(named),
            root: match &new.root {
                Root::Itself => Some(Cow::Borrowed(new.native_id)),
                Root::Other(root) => Some(named(root)),
                Root::Unknown => None,
            },
        }
    }

    /// An item that another one names: known, or known by reference from now on.
    pub(super) fn reference(&mut self, native_id: &str) -> Result<Place> {
        if let Some(place) = self.named.get(native_id) {
            return Ok(place.clone());
        }
        let place = match self.lookup(native_id)? {
            Some(item) => Place { id: item.id, native_id: item.native_id.as_deref().unwrap_or(native_id).into() },
            None => {
                let id = self.new_row()?;
                self.tx
                    .prepare_cached("INSERT INTO items (id, platform, native_id) VALUES (?1, ?2, ?3)")?
                    .execute(params![id, self.sight.platform, native_id])?;
                Place { id, native_id: native_id.into() }
            }
        };
        self.named.insert(native_id.to_owned(), place.clone());
        Ok(place)
    }

    /// The id of the next new row: items are never removed, and nobody else writes while this transaction is open.
    fn new_row(&mut self) -> Result<i64> {
        let next = match self.next_item {
            Some(next) => next,
            None => {
                self.tx.prepare_cached("SELECT coalesce(max(id), 0) + 1 FROM items")?.query_row([], |row| row.get(0))?
            }
        };
        self.next_item = Some(next + 1);
        Ok(next)
    }
}
