//! The page behind a one-time link: a person sets her password and her second factor, in one step. Looking at it uses nothing up, so a
//! mail program that looks ahead spoils no link.

use anyhow::Result;
use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::super::{Error, Site, render, status};
use super::sign_in::purpose;
use super::totp::{self, SecondFactor};
use super::{Client, digest, enter, password};
use crate::db::users::{self, Fresh, User};
use crate::seal::Hash;

#[derive(Template)]
#[template(path = "join.html")]
struct Page {
    district: String,
    token: String,
    name: String,
    wrong: Option<String>,
    /// The second factor as a link, as letters to type, and as a picture: its side and path.
    link: String,
    typed: String,
    side: i32,
    path: String,
}

#[derive(Template)]
#[template(path = "joined.html")]
struct Joined {
    district: String,
    codes: Vec<String>,
}

pub async fn page(State(site): State<Site>, Path(token): Path<String>) -> Result<Response, Error> {
    let (digest, now) = (digest("link", &token), site.clock().now());
    let page = site.blocking(move |site| {
        let user = site.db().read(|conn| users::of_link(conn, &digest, now))?;
        user.map(|user| page_of(site, &user, token, &digest, None)).transpose()
    });
    render(&page.await?.ok_or_else(void)?)
}

fn void() -> Error {
    let say = "This link was used, has run out, or was replaced by a newer one. Ask for another: pagekeeper users reset NAME.";
    Error::Refused(StatusCode::NOT_FOUND, say.into())
}

/// The secret of a link's second factor is a function of the link: nothing is stored before it is used, and looking twice shows the same.
fn secret(site: &Site, link: &Hash) -> Vec<u8> {
    site.sign_in().vault.derive("link", link)
}

fn page_of(site: &Site, user: &User, token: String, digest: &Hash, wrong: Option<String>) -> Result<Page> {
    let secret = secret(site, digest);
    let link = SecondFactor::new(&secret, &user.name, &site.config().district.short_name())?.link()?;
    let (side, path) = totp::picture(&link)?;
    Ok(Page {
        district: site.config().district.name.clone(),
        token,
        name: user.name.clone(),
        wrong,
        typed: totp::typed(&secret),
        link,
        side,
        path,
    })
}

#[derive(Deserialize)]
pub struct Chosen {
    password: String,
    again: String,
    code: String,
}

pub async fn join(
    State(site): State<Site>,
    Path(token): Path<String>,
    client: Client,
    Form(chosen): Form<Chosen>,
) -> Result<Response, Error> {
    let (link, now) = (digest("link", &token), site.clock().now());
    let found = site.blocking(move |site| site.db().read(|conn| users::of_link(conn, &link, now))).await?;
    let user = found.ok_or_else(void)?;
    let secret = secret(&site, &link);
    let step = SecondFactor::new(&secret, &user.name, "")?.step(&chosen.code, now);
    let known = user.clone();
    let (first, again) = (chosen.password.clone(), chosen.again);
    let wrong = site.blocking(move |site| Ok(fault(site, &known, &first, &again))).await?;
    let wrong =
        wrong.or_else(|| step.is_none().then(|| "The six digits are not those of now. Wait for the next ones.".into()));
    let (None, Some(totp_step)) = (&wrong, step) else {
        let page = site.blocking(move |site| page_of(site, &user, token, &link, wrong)).await?;
        return Ok(status(StatusCode::BAD_REQUEST, render(&page)?));
    };
    let codes = totp::new_codes()?;
    let fresh = Fresh {
        password: site.sign_in().passwords.hash(&chosen.password).await?,
        totp: site.sign_in().vault.seal(&purpose(&user.name), &secret)?,
        totp_step,
        recovery: codes.iter().filter_map(|code| totp::code_digest(code)).collect(),
    };
    let joined = site.db().writer.write_async(move |tx| {
        let user = users::join(tx, &link, &fresh, now)?;
        user.map(|user| enter(tx, user.id, &client, now)).transpose()
    });
    let entered = joined.await?.ok_or_else(void)?;
    let page = render(&Joined { district: site.config().district.name.clone(), codes })?;
    Ok((entered.cookies(&site), page).into_response())
}

/// What is wrong with a password that a person chose, in words.
pub fn fault(site: &Site, user: &User, password: &str, again: &str) -> Option<String> {
    if password != again {
        return Some("The two passwords are not the same.".into());
    }
    let district = &site.config().district;
    let mut known: Vec<&str> = vec![&user.name, &user.standing.display_name, &district.name];
    known.extend(district.domains.iter().map(String::as_str));
    password::fault(password, &known)
}
