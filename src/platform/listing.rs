//! One paged listing: its token, what it has shown, and how often it broke off.

use std::collections::BTreeSet;

use crate::platform::http::Call;

/// How many pages in a row may be empty and still name a next one.
const EMPTY_PAGES: u32 = 3;

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Listing {
    token: Option<String>,
    seen: BTreeSet<String>,
    empty: u32,
    broken: u32,
}

/// What to do after an answer that broke off the listing.
pub enum Trouble {
    Again(Listing),
    GiveUp,
}

impl Listing {
    /// Whether the next page is the first.
    pub fn first(&self) -> bool {
        self.token.is_none()
    }

    /// The call for the next page; `name` is the platform's word for its token.
    pub fn on(&self, call: Call, name: &str) -> Call {
        match &self.token {
            Some(token) => call.query(name, token),
            None => call,
        }
    }

    /// The listing after a page: `None` at its end, words when it only repeats what it has shown.
    pub fn after(mut self, next: Option<&str>, ids: &[String]) -> Result<Option<Listing>, String> {
        let fresh = ids.iter().filter(|id| self.seen.insert((*id).clone())).count();
        let Some(next) = next else { return Ok(None) };
        self.empty = if fresh == 0 { self.empty + 1 } else { 0 };
        if fresh == 0 && !ids.is_empty() {
            return Err("the pages of the list repeat themselves".to_owned());
        }
        if self.empty >= EMPTY_PAGES {
            return Err("the pages of the list stay empty and do not end".to_owned());
        }
        self.token = Some(next.to_owned());
        Ok(Some(self))
    }

    /// The same page is tried twice more, then the listing begun anew, which may break off once more.
    pub fn trouble(&self) -> Trouble {
        let mut next = self.clone();
        next.broken += 1;
        match next.broken {
            1 | 2 => Trouble::Again(next),
            3 => Trouble::Again(Listing { broken: 3, ..Listing::default() }),
            4 => Trouble::Again(next),
            _ => Trouble::GiveUp,
        }
    }
}
