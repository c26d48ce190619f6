//! A page is given up: what will happen first, then the button; and the receipt of what is kept.

use anyhow::Result;
use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::{Extension, Form};
use serde::Deserialize;

use super::auth::Person;
use super::{Error, Frame, Site, render, see};
use crate::app;
use crate::db::accounts::{self, Account};
use crate::db::retired::{self, Receipt};
use crate::model::AccountStatus;
use crate::text::plain;

/// The longest reason, in characters.
const MOST_REASON: usize = 300;

#[derive(Template)]
#[template(path = "retire.html")]
struct Page {
    frame: Frame,
    slug: String,
    title: String,
    /// Why nothing more can be read of it.
    unreadable: Option<String>,
    /// Somebody has asked for it: the reason.
    wish: Option<String>,
}

pub async fn page(
    State(site): State<Site>,
    Extension(person): Extension<Person>,
    Path(slug): Path<String>,
) -> Result<Response, Error> {
    let gather = move |site: &Site| {
        let frame = Frame::new(site, &person)?;
        let (account, wish) =
            site.db().read(|conn| Ok((accounts::by_slug(conn, &slug)?, retired::wish(conn, &slug)?)))?;
        let account = account.filter(|account| account.status != AccountStatus::Retired);
        Ok(account.map(|account| Page {
            frame,
            unreadable: unreadable(site, &account),
            title: account.title(),
            wish: wish.map(|wish| wish.reason),
            slug,
        }))
    };
    render(&site.blocking(gather).await?.ok_or(Error::NotFound)?)
}

/// Why nothing can be read of a page at the moment.
fn unreadable(site: &Site, account: &Account) -> Option<String> {
    site.config().why_off(&account.row.platform).or_else(|| account.trouble.clone())
}

#[derive(Debug, Deserialize)]
pub struct Wish {
    #[serde(default)]
    reason: String,
    /// yes: nothing more is read of it.
    #[serde(default)]
    without: String,
}

enum Done {
    Retired,
    Asked,
    NotFound,
    Refused(&'static str),
}

/// Retires at once a page that cannot be read; any other is read a last time first, by the daemon.
pub async fn retire(
    State(site): State<Site>,
    Extension(person): Extension<Person>,
    Path(slug): Path<String>,
    Form(wish): Form<Wish>,
) -> Result<Response, Error> {
    let page = format!("/accounts/{slug}");
    match site.blocking(move |site| decide(site, person.name, slug, &wish)).await? {
        Done::Retired => Ok(see(&format!("{page}/receipt"))),
        Done::Asked => Ok(see(&page)),
        Done::NotFound => Err(Error::NotFound),
        Done::Refused(say) => Err(Error::Refused(StatusCode::BAD_REQUEST, say.into())),
    }
}

fn decide(site: &Site, actor: String, slug: String, wish: &Wish) -> Result<Done> {
    let (account, asked) = site.db().read(|conn| Ok((accounts::by_slug(conn, &slug)?, retired::wish(conn, &slug)?)))?;
    let Some(account) = account.filter(|account| account.status != AccountStatus::Retired) else {
        return Ok(Done::NotFound);
    };
    let given = Some(plain::line(&wish.reason)).filter(|reason| !reason.is_empty());
    let reason = match given.or_else(|| asked.as_ref().map(|asked| asked.reason.clone())) {
        None => return Ok(Done::Refused("Say why the page is given up: go back and write a reason.")),
        Some(long) if long.chars().count() > MOST_REASON => {
            return Ok(Done::Refused("The reason is too long: go back and say it in at most 300 characters."));
        }
        Some(reason) => reason,
    };
    let (now, without) = (site.clock().now(), wish.without == "yes");
    match (site.config().why_off(&account.row.platform), unreadable(site, &account)) {
        (_, Some(_)) if without => {
            site.db().writer.write(move |tx| retired::retire(tx, &slug, &reason, &actor, Vec::new(), now))?;
            Ok(Done::Retired)
        }
        (Some(_), _) => Ok(Done::Refused("Nothing can be read of this page: go back and say that you know it.")),
        (None, _) if asked.is_some() => Ok(Done::Asked),
        (None, _) => {
            site.db().writer.write(move |tx| retired::ask(tx, &slug, &reason, &actor, now))?;
            Ok(Done::Asked)
        }
    }
}

/// Takes the wish back.
pub async fn stay(
    State(site): State<Site>,
    Extension(person): Extension<Person>,
    Path(slug): Path<String>,
) -> Result<Response, Error> {
    let (page, now) = (format!("/accounts/{slug}"), site.clock().now());
    site.blocking(move |site| site.db().writer.write(move |tx| retired::take_back(tx, &slug, &person.name, now)))
        .await?;
    Ok(see(&page))
}

#[derive(Template)]
#[template(path = "receipt.html")]
struct ReceiptPage {
    frame: Frame,
    slug: String,
    receipt: Receipt,
    lines: Vec<(&'static str, String)>,
}

pub async fn receipt(
    State(site): State<Site>,
    Extension(person): Extension<Person>,
    Path(slug): Path<String>,
) -> Result<Response, Error> {
    let gather = move |site: &Site| {
        let frame = Frame::new(site, &person)?;
        let receipt = site.db().read(|conn| {
            let account = accounts::by_slug(conn, &slug)?;
            let account = account.filter(|account| account.status == AccountStatus::Retired);
            account.map(|account| retired::receipt(conn, &account)).transpose()
        })?;
        Ok(receipt.map(|receipt| {
            let lines = app::retire::words(&receipt, &site.config().time_zone);
            ReceiptPage { frame, slug, receipt, lines }
        }))
    };
    render(&site.blocking(gather).await?.ok_or(Error::NotFound)?)
}
