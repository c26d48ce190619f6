//! The page behind the link of a ticket mail: three buttons, no sign-in. It shows the page's name and nothing else; opening it
//! changes nothing, because mail scanners follow links. The link is the authority.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use anyhow::Result;
use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::{Error, Site, render, status};
use crate::audit::tickets::{self, Links};
use crate::db;
use crate::db::accounts::Account;
use crate::db::tickets::Answer;
use crate::model::Timestamp;
use crate::text::plain;

/// So many answers a page and hour are recorded.
const MOST_AN_HOUR: u32 = 20;

/// The longest note, in characters.
const LONGEST_NOTE: usize = 300;

/// How often pages were answered in the hour of now.
#[derive(Debug, Default)]
pub struct Pace(Mutex<HashMap<i64, (i64, u32)>>);

impl Pace {
    fn allows(&self, account: i64, now: Timestamp) -> bool {
        let hour = now.as_second() / 3600;
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(account).or_default();
        *count = if count.0 == hour { (hour, count.1 + 1) } else { (hour, 1) };
        count.1 <= MOST_AN_HOUR
    }
}

#[derive(Template)]
#[template(path = "answer.html")]
struct Page {
    district: String,
    title: String,
    is_spanish: bool,
    shows: Shows,
}

enum Shows {
    /// The three buttons.
    Buttons,
    /// What was recorded.
    Thanks(Answer),
    /// A sample's or a preview's link.
    Sample,
    /// Too old, another owner's, or not ours.
    Bad,
}

impl Page {
    fn of(site: &Site, account: Option<&Account>, shows: Shows) -> Page {
        let language = account.and_then(|account| account.row.extra.get("owner_language"));
        Page {
            district: site.config().district.name.clone(),
            title: account.map_or_else(|| "This link leads to no answer".to_owned(), Account::title),
            is_spanish: language.is_some_and(|language| language.trim().eq_ignore_ascii_case("es")),
            shows,
        }
    }
}

fn refused(site: &Site, token: &str) -> Result<Response, Error> {
    if token == "sample" || token == "preview" {
        return render(&Page::of(site, None, Shows::Sample));
    }
    Ok(status(StatusCode::NOT_FOUND, render(&Page::of(site, None, Shows::Bad))?))
}

/// The account that a link is for.
async fn account(site: &Site, token: &str, now: Timestamp) -> Result<Option<Account>, Error> {
    let token = token.to_owned();
    site.blocking(move |site| {
        let links = Links::open(site.config())?;
        let by_id = |id| Ok(site.db().read(db::accounts::all)?.into_iter().find(|account| account.id == id));
        links.read(&token, now, by_id)
    })
    .await
}

pub async fn page(State(site): State<Site>, Path(token): Path<String>) -> Result<Response, Error> {
    match account(&site, &token, site.clock().now()).await? {
        Some(account) => render(&Page::of(&site, Some(&account), Shows::Buttons)),
        None => refused(&site, &token),
    }
}

#[derive(Debug, Deserialize)]
pub struct Said {
    answer: String,
    #[serde(default)]
    note: String,
}

/// Records the answer on everything that the owner was asked about this page.
pub async fn record(
    State(site): State<Site>,
    Path(token): Path<String>,
    Form(said): Form<Said>,
) -> Result<Response, Error> {
    let now = site.clock().now();
    let Some(account) = account(&site, &token, now).await? else { return refused(&site, &token) };
    let Some(answer) = Answer::ALL.into_iter().find(|answer| answer.as_str() == said.answer) else {
        return Err(Error::Refused(StatusCode::BAD_REQUEST, "Press one of the three buttons: go back.".into()));
    };
    if !site.parts.pace.allows(account.id, now) {
        let say = "This page was answered many times within an hour. Your last answer stands; try again later.";
        return Err(Error::Refused(StatusCode::TOO_MANY_REQUESTS, say.into()));
    }
    let (id, owner, note) = (account.id, tickets::address(&account).to_owned(), cleaned(&said.note));
    site.blocking(move |site| {
        site.db().writer.write(move |tx| db::tickets::answer(tx, id, &owner, answer, &note, now))
    })
    .await?;
    render(&Page::of(&site, Some(&account), Shows::Thanks(answer)))
}

fn cleaned(note: &str) -> String {
    let words: String = note.chars().take(LONGEST_NOTE).collect();
    plain::line(&words)
}
