//! The sign-in: name, password and second factor in one form, with one answer for all that is wrong.

use anyhow::Result;
use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::SignedDuration;
use serde::Deserialize;

use super::super::{Error, Site, render, see, status};
use super::totp::{SecondFactor, code_digest};
use super::{Client, Entered, digest, enter, home, local};
use crate::db::sessions::{self, Brake};
use crate::db::users::{self, Credentials};
use crate::db::{Db, Tx};
use crate::model::Timestamp;
use crate::model::people::Rights;

/// How sign-ins that fail are slowed down.
const BY_BROWSER: (i64, SignedDuration) = (5, SignedDuration::from_mins(5));
const BY_USER: (i64, SignedDuration) = (10, SignedDuration::from_mins(1));
const BY_ADDRESS: (i64, SignedDuration) = (20, SignedDuration::from_mins(15));

const WRONG: &str = "Name, password or code is not right.";

#[derive(Template)]
#[template(path = "sign_in.html")]
struct Page {
    district: String,
    next: String,
    name: String,
    wrong: Option<String>,
    /// The users of a demo, with what they are.
    demo: Vec<(String, String)>,
    is_demo: bool,
    /// Whether there is another way in: by the identity provider.
    provider: bool,
}

fn page_of(site: &Site, next: &str, name: &str, wrong: Option<String>) -> Result<Page> {
    let is_demo = site.sign_in().demo.is_some();
    let people = if is_demo { site.db().read(users::all)? } else { Vec::new() };
    let line = |user: users::User| {
        let roles: Vec<&str> = user.standing.roles.iter().map(|role| role.words()).collect();
        let schools = match user.standing.schools.join(", ") {
            schools if schools.is_empty() => String::new(),
            schools => format!(", {schools} only"),
        };
        let named = if user.standing.concerns { ", named for concerns" } else { "" };
        (user.name, format!("{}: {}{named}{schools}", user.standing.display_name, roles.join(", ")))
    };
    Ok(Page {
        district: site.config().district.name.clone(),
        next: local(next).to_owned(),
        name: name.to_owned(),
        wrong,
        demo: people.into_iter().map(line).collect(),
        is_demo,
        provider: site.sign_in().provider.is_some(),
    })
}

#[derive(Debug, Default, Deserialize)]
pub struct After {
    #[serde(default)]
    pub next: String,
}

pub async fn page(State(site): State<Site>, Query(query): Query<After>) -> Result<Response, Error> {
    render(&site.blocking(move |site| page_of(site, &query.next, "", None)).await?)
}

#[derive(Deserialize)]
pub struct Entry {
    name: String,
    password: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    next: String,
}

pub async fn sign_in(State(site): State<Site>, client: Client, Form(entry): Form<Entry>) -> Result<Response, Error> {
    let (now, next) = (site.clock().now(), local(&entry.next).to_owned());
    let name: String = entry.name.trim().to_lowercase().chars().take(200).collect();
    let (brakes, known) = {
        let (name, client) = (name.clone(), client.clone());
        site.blocking(move |site| known(site.db(), &name, &client)).await?
    };
    let tried = brakes.clone();
    if let Err(until) = site.db().writer.write_async(move |tx| sessions::try_once(tx, &tried, now)).await? {
        return too_often(&site, &next, &name, until, now).await;
    }
    // The same work for a user who is not there: the answer comes as late, and says no more.
    let is_password = site.sign_in().passwords.is(&entry.password, known.password.clone()).await?;
    let (user, code) = (name.clone(), entry.code);
    let entered = site.blocking(move |site| finish(site, &user, &known, is_password, &code, &brakes, &client, now));
    match entered.await? {
        Some((entered, rights)) => {
            tracing::info!(user = name, "signed in");
            let to = if next == "/" { home(rights).to_owned() } else { next };
            Ok((entered.cookies(&site), see(&to)).into_response())
        }
        None => {
            tracing::warn!("a sign-in failed");
            let page = site.blocking(move |site| page_of(site, &next, &name, Some(WRONG.into()))).await?;
            Ok(status(StatusCode::FORBIDDEN, render(&page)?))
        }
    }
}

/// What to check against, and what slows a sign-in down: in a browser that the user has signed in from before that browser's own failures
/// alone, so that strangers who try her name do not keep her out.
fn known(db: &Db, name: &str, client: &Client) -> Result<(Vec<Brake>, Credentials)> {
    db.read(|conn| {
        let credentials = users::credentials(conn, name)?;
        let brake = |key: String, (free, longest)| Brake { key, free, longest };
        if let (Some(browser), Some(known)) = (&client.browser, &credentials)
            && sessions::is_known(conn, browser, known.user)?
        {
            let key = format!("browser {} {}", known.user, hex::encode(browser));
            return Ok((vec![brake(key, BY_BROWSER)], credentials.unwrap_or_default()));
        }
        let brakes = vec![
            brake(format!("user {}", hex::encode(digest("user", name))), BY_USER),
            brake(format!("address {}", network(&client.address)), BY_ADDRESS),
        ];
        Ok((brakes, credentials.unwrap_or_default()))
    })
}

/// The network of an address: whoever has one IPv6 address has 2^64 of them.
fn network(address: &str) -> String {
    match address.parse() {
        Ok(std::net::IpAddr::V6(six)) => {
            let [a, b, c, d, ..] = six.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        _ => address.to_owned(),
    }
}

#[expect(clippy::too_many_arguments, reason = "one step of one function")]
fn finish(
    site: &Site,
    name: &str,
    known: &Credentials,
    is_password: bool,
    code: &str,
    brakes: &[Brake],
    client: &Client,
    now: Timestamp,
) -> Result<Option<(Entered, Rights)>> {
    let step = second_factor(site, name, known)?.step(code, now);
    let recovery = code_digest(code);
    let (user, brakes, client) = (known.user, brakes.to_vec(), client.clone());
    site.db().writer.write(move |tx| {
        if !is_password || !takes(tx, user, step, recovery)? {
            return Ok(None);
        }
        sessions::release(tx, &brakes)?;
        let Some(user) = users::by_id(tx, user)? else { return Ok(None) };
        let rights = Rights::of(&user.standing.roles, user.standing.concerns);
        Ok(Some((enter(tx, user.id, &client, now)?, rights)))
    })
}

/// Takes the code that came with a right password, once.
fn takes(tx: &Tx<'_>, user: i64, step: Option<i64>, recovery: Option<crate::seal::Hash>) -> Result<bool> {
    match (step, recovery) {
        (Some(step), _) => users::take_step(tx, user, step),
        (None, Some(code)) => users::take_code(tx, user, &code),
        (None, None) => Ok(false),
    }
}

/// Of a user who has none, or whose secret another key sealed, one that nobody knows.
pub fn second_factor(site: &Site, name: &str, known: &Credentials) -> Result<SecondFactor> {
    let vault = &site.sign_in().vault;
    let secret = known.totp.as_deref().and_then(|sealed| vault.unseal(&purpose(name), sealed));
    let secret = secret.unwrap_or_else(|| vault.derive("nobody", name.as_bytes()));
    SecondFactor::new(&secret, "user", "")
}

/// What a user's second factor is sealed for: it opens for her alone.
pub fn purpose(name: &str) -> String {
    format!("totp {name}")
}

async fn too_often(site: &Site, next: &str, name: &str, until: Timestamp, now: Timestamp) -> Result<Response, Error> {
    let seconds = until.duration_since(now).as_secs().max(1);
    let say = format!("Too many sign-ins failed. Wait {seconds} seconds and try again; nothing was checked.");
    let (next, name) = (next.to_owned(), name.to_owned());
    let page = site.blocking(move |site| page_of(site, &next, &name, Some(say))).await?;
    let wait = [(header::RETRY_AFTER, seconds.to_string())];
    Ok((StatusCode::TOO_MANY_REQUESTS, wait, render(&page)?).into_response())
}

#[derive(Deserialize)]
pub struct DemoEntry {
    token: String,
    name: String,
    #[serde(default)]
    next: String,
}

/// The demo's one step: whoever has the printed token comes in as whom she likes. There is no such page where nothing was printed.
pub async fn demo(State(site): State<Site>, client: Client, Form(entry): Form<DemoEntry>) -> Result<Response, Error> {
    let wanted = site.sign_in().demo.ok_or(Error::NotFound)?;
    let (now, next) = (site.clock().now(), local(&entry.next).to_owned());
    if digest("demo", entry.token.trim()) != wanted {
        let say = Some("This is not the token. It was printed when pagekeeper started.".to_owned());
        let page = site.blocking(move |site| page_of(site, &next, "", say)).await?;
        return Ok(status(StatusCode::FORBIDDEN, render(&page)?));
    }
    let entered = site.db().writer.write_async(move |tx| {
        let Some(user) = users::by_name(tx, &entry.name)?.filter(|user| user.disabled_at.is_none()) else {
            return Ok(None);
        };
        let rights = Rights::of(&user.standing.roles, user.standing.concerns);
        Ok(Some((enter(tx, user.id, &client, now)?, rights)))
    });
    let (entered, rights) = entered.await?.ok_or(Error::NotFound)?;
    let to = if next == "/" { home(rights).to_owned() } else { next };
    Ok((entered.cookies(&site), see(&to)).into_response())
}
