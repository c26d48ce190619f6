//! The cells of a register row that people own, in one form. Each edit is an entry of the record.

use std::collections::BTreeMap;

use anyhow::Result;
use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::{Extension, Form};

use super::auth::Person;
use super::{Error, Frame, Site, render, see};
use crate::audit::tickets;
use crate::db::accounts::{self, Account, Registration};
use crate::model::AccountStatus;
use crate::text::plain;

/// The longest cell, in characters.
const LONGEST: usize = 500;

/// Column, label, the form's kind of input, and what to write.
const CELLS: [(&str, &str, &str, &str); 10] = [
    ("name", "Name", "text", "as the page shows it"),
    ("school", "School", "text", "empty for the whole district"),
    ("groups", "Groups", "text", "parted by semicolons"),
    ("purpose", "Purpose", "text", "in a few words"),
    ("owner_name", "Owner", "text", "who answers for the page"),
    ("owner_email", "Owner’s address", "email", "at one of the district’s domains"),
    ("supervisor", "Supervisor", "text", "of the owner"),
    ("supervisor_notified_on", "Supervisor notified on", "date", "the day the page was announced"),
    ("it_notified_on", "IT notified on", "date", "the day the page was announced"),
    ("comment_policy_url", "Comment policy", "url", "where the page’s expectations for comments stand"),
];

/// Where the district asks for approval, and in a column that not every register has.
const APPROVED: (&str, &str, &str, &str) =
    ("approved_on", "Approved on", "date", "by whom the district’s policy names");

#[derive(Template)]
#[template(path = "edit.html")]
struct Page {
    frame: Frame,
    slug: String,
    title: String,
    cells: Vec<Cell>,
    statuses: Vec<(String, bool)>,
    seen: u64,
}

struct Cell {
    name: &'static str,
    label: &'static str,
    kind: &'static str,
    hint: &'static str,
    value: String,
}

pub async fn page(
    State(site): State<Site>,
    Extension(person): Extension<Person>,
    Path(slug): Path<String>,
) -> Result<Response, Error> {
    let page = site.blocking(move |site| gather(site, &person, &slug)).await?;
    render(&page.ok_or(Error::NotFound)?)
}

fn gather(site: &Site, person: &Person, slug: &str) -> Result<Option<Page>> {
    let frame = Frame::new(site, person)?;
    site.db().read(|conn| {
        let Some(mut account) = accounts::by_slug(conn, slug)? else { return Ok(None) };
        let title = account.title();
        let cells = cells(site).into_iter().map(|(name, label, kind, hint)| {
            let value = cell(&mut account.row, name).clone();
            // A day that is none would be lost in a field of days.
            let kind = if kind == "date" && !value.is_empty() && !is_day(&value) { "text" } else { kind };
            Cell { name, label, kind, hint, value }
        });
        Ok(Some(Page {
            frame,
            slug: slug.to_owned(),
            title,
            cells: cells.collect(),
            statuses: statuses(&account),
            seen: accounts::newest_entry(conn, slug)?,
        }))
    })
}

fn cells(site: &Site) -> Vec<(&'static str, &'static str, &'static str, &'static str)> {
    let approved = site.config().policy.approval_required.then_some(APPROVED);
    CELLS.into_iter().chain(approved).collect()
}

fn cell<'r>(row: &'r mut Registration, name: &str) -> &'r mut String {
    if name == APPROVED.0 {
        return row.extra.entry(name.to_owned()).or_default();
    }
    row.column(name).expect("a column of the register")
}

/// Its own status, and active: a proposed or retired page is taken up again. To retire one there is a page of its own.
fn statuses(account: &Account) -> Vec<(String, bool)> {
    let own = account.row.status.clone();
    let active = AccountStatus::Active.to_string();
    let more = (own != active).then_some((active, false));
    std::iter::once((own, true)).chain(more).collect()
}

fn is_day(text: &str) -> bool {
    text.parse::<jiff::civil::Date>().is_ok()
}

/// What came of an edit.
enum Done {
    Kept,
    NotFound,
    Refused(String),
}

pub async fn change(
    State(site): State<Site>,
    Extension(person): Extension<Person>,
    Path(slug): Path<String>,
    Form(form): Form<BTreeMap<String, String>>,
) -> Result<Response, Error> {
    let path = format!("/accounts/{slug}#facts");
    match site.blocking(move |site| keep(site, &person, &slug, &form)).await? {
        Done::Kept => Ok(see(&path)),
        Done::NotFound => Err(Error::NotFound),
        Done::Refused(say) => Err(Error::Refused(StatusCode::BAD_REQUEST, say)),
    }
}

fn keep(site: &Site, person: &Person, slug: &str, form: &BTreeMap<String, String>) -> Result<Done> {
    let (account, newest) =
        site.db().read(|conn| Ok((accounts::by_slug(conn, slug)?, accounts::newest_entry(conn, slug)?)))?;
    let Some(account) = account else { return Ok(Done::NotFound) };
    if form.get("seen").and_then(|seen| seen.parse().ok()) != Some(newest) {
        return Ok(changed());
    }
    let known = statuses(&account);
    let mut row = account.row;
    for (name, label, kind, _) in cells(site) {
        let Some(value) = form.get(name).map(|value| value.trim()) else { continue };
        if let (false, Some(why)) = (value == cell(&mut row, name), wrong(kind, value)) {
            return Ok(Done::Refused(format!("{label}: {why}. Go back and correct it.")));
        }
        value.clone_into(cell(&mut row, name));
    }
    row.extra.retain(|name, value| name != APPROVED.0 || !value.is_empty());
    match form.get("status") {
        Some(status) if known.iter().any(|(known, _)| known == status) => row.status.clone_from(status),
        _ => return Ok(Done::Refused("That is no status which this page can have. Go back and choose one.".into())),
    }
    let (now, actor) = (site.clock().now(), person.name.clone());
    // Two may send the form in the same moment: what is compared and what is written are one transaction.
    let is_kept = site.db().writer.write(move |tx| {
        let is_seen = accounts::newest_entry(tx, &row.slug)? == newest;
        if is_seen { accounts::put(tx, &row, Some(&actor), now).map(|_| true) } else { Ok(false) }
    })?;
    Ok(if is_kept { Done::Kept } else { changed() })
}

fn changed() -> Done {
    Done::Refused("The row was changed in the meantime: go back, load the page anew, and look.".into())
}

/// Why a cell cannot be taken.
fn wrong(kind: &str, value: &str) -> Option<&'static str> {
    match kind {
        _ if value.chars().count() > LONGEST => Some("this is too long"),
        _ if !value.chars().all(plain::is_plain) => Some("this has characters that cannot be shown"),
        _ if value.is_empty() => None,
        "date" if !is_day(value) => Some("write the day as in 2026-09-01"),
        "email" if !tickets::is_address(value) => Some("this is no mail address, or more than one"),
        "url" if !value.starts_with("https://") && !value.starts_with("http://") => {
            Some("write the whole address, from https:// on")
        }
        _ => None,
    }
}
