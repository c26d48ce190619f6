//! Which objects are there for a person. What is not hers to see is not there: the answer is the same as for what does not exist.

use std::collections::HashSet;

use anyhow::Result;

use super::Person;
use crate::db::accounts::Account;
use crate::db::flags::{Flag, FlagKey};
use crate::db::{self, Conn};

/// The account with this slug.
pub fn account(conn: &Conn, person: &Person, slug: &str) -> Result<Option<Account>> {
    Ok(db::accounts::by_slug(conn, slug)?.filter(|account| person.has_school(&account.row.school)))
}

/// Whether the page that a ledger entry is about is hers; an entry about none is everybody's.
pub fn of_entry(conn: &Conn, person: &Person, seq: u64) -> Result<bool> {
    let entry = seq.checked_sub(1).map(|before| db::ledger::entries(conn, before, 1)).transpose()?;
    let slug = entry.and_then(|mut found| found.pop()?.subject);
    let account = slug.map(|slug| db::accounts::by_slug(conn, &slug)).transpose()?.flatten();
    Ok(account.is_none_or(|account| person.has_school(&account.row.school)))
}

/// The flag with this key: of a category that is hers to see, on a page of hers.
pub fn flag(conn: &Conn, person: &Person, key: &FlagKey) -> Result<Option<Flag>> {
    let Some(flag) = db::flags::by_key(conn, key)? else { return Ok(None) };
    let is_hers = person.rights.sees(flag.category) && Pages::of(conn, person)?.has(&flag.account_slug);
    Ok(is_hers.then_some(flag))
}

/// The pages of a person, for lists: all of them, or those of her schools.
pub struct Pages(Option<HashSet<String>>);

impl Pages {
    pub fn of(conn: &Conn, person: &Person) -> Result<Pages> {
        if person.schools.is_empty() {
            return Ok(Pages(None));
        }
        let all = db::accounts::all(conn)?.into_iter().filter(|account| person.has_school(&account.row.school));
        Ok(Pages(Some(all.map(|account| account.row.slug).collect())))
    }

    pub fn has(&self, slug: &str) -> bool {
        self.0.as_ref().is_none_or(|own| own.contains(slug))
    }
}

/// The open flags that are there for a person.
pub fn open_flags(conn: &Conn, person: &Person) -> Result<Vec<Flag>> {
    if !person.rights.reads(crate::model::people::Thing::Flags) {
        return Ok(Vec::new());
    }
    let pages = Pages::of(conn, person)?;
    let mut flags = db::flags::list(conn, false)?;
    flags.retain(|flag| person.rights.sees(flag.category) && pages.has(&flag.account_slug));
    Ok(flags)
}

/// How many there are, without reading them.
pub fn count_open(conn: &Conn, person: &Person) -> Result<u64> {
    db::flags::count_open(conn, person.rights.reads(crate::model::people::Thing::Concerns), &person.schools)
}
