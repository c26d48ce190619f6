//! A person's own page: what she may do, where she is signed in, and her password.

use anyhow::{Context as _, Result};
use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Form};
use serde::Deserialize;

use super::super::show::When;
use super::super::{Error, Frame, Site, render, see};
use super::{Client, Person, digest, enter, join};
use crate::db::sessions::{self, Brake, Session};
use crate::db::users;
use crate::model::Timestamp;

#[derive(Template)]
#[template(path = "me.html")]
struct Page {
    frame: Frame,
    name: String,
    display_name: String,
    roles: String,
    schools: String,
    is_local: bool,
    codes_left: u64,
    sessions: Vec<Row>,
}

struct Row {
    made: When,
    used: When,
    address: String,
    agent: String,
    is_this: bool,
}

pub async fn page(State(site): State<Site>, Extension(person): Extension<Person>) -> Result<Response, Error> {
    let now = site.clock().now();
    render(&site.blocking(move |site| gather(site, &person, now)).await?)
}

fn gather(site: &Site, person: &Person, now: Timestamp) -> Result<Page> {
    let frame = Frame::new(site, person)?;
    let zone = &site.config().time_zone;
    site.db().read(|conn| {
        let user = users::by_id(conn, person.id)?.context("she is signed in")?;
        let roles: Vec<&str> = user.standing.roles.iter().map(|role| role.words()).collect();
        let row = |session: Session| Row {
            made: When::new(session.made_at, zone),
            used: When::new(session.used_at, zone),
            is_this: session.digest == person.session,
            address: session.address,
            agent: session.agent,
        };
        Ok(Page {
            frame,
            name: user.name,
            display_name: user.standing.display_name,
            roles: roles.join(", "),
            schools: user.standing.schools.join(", "),
            is_local: user.has_password,
            codes_left: users::codes_left(conn, person.id)?,
            sessions: sessions::of_user(conn, person.id, now)?.into_iter().map(row).collect(),
        })
    })
}

/// Ends every session of hers but this one.
pub async fn sign_out_others(
    State(site): State<Site>,
    Extension(person): Extension<Person>,
) -> Result<Response, Error> {
    site.db().writer.write_async(move |tx| sessions::end_all(tx, person.id, Some(&person.session))).await?;
    Ok(see("/me"))
}

#[derive(Deserialize)]
pub struct Change {
    current: String,
    password: String,
    again: String,
}

/// Another password, by whoever knows the present one. Every other session ends, and this one gets another cookie.
pub async fn change_password(
    State(site): State<Site>,
    Extension(person): Extension<Person>,
    client: Client,
    Form(form): Form<Change>,
) -> Result<Response, Error> {
    let refuse = |say: &str| {
        Error::Refused(StatusCode::BAD_REQUEST, format!("{say} Go back and try again: nothing was changed."))
    };
    let now = site.clock().now();
    let (id, name) = (person.id, person.name.clone());
    let (user, known) = site
        .blocking(move |site| site.db().read(|conn| Ok((users::by_id(conn, id)?, users::credentials(conn, &name)?))))
        .await?;
    let (Some(user), Some(Some(hash))) = (user, known.map(|known| known.password)) else {
        return Err(refuse("Your password is kept by the identity provider."));
    };
    let key = hex::encode(digest("password", &person.name));
    let brakes = vec![Brake { key, free: 5, longest: jiff::SignedDuration::from_mins(5) }];
    let tried = brakes.clone();
    if site.db().writer.write_async(move |tx| sessions::try_once(tx, &tried, now)).await?.is_err() {
        return Err(Error::Refused(StatusCode::TOO_MANY_REQUESTS, "Too many tries. Wait a few minutes.".into()));
    }
    if !site.sign_in().passwords.is(&form.current, Some(hash)).await? {
        return Err(refuse("The present password is not right."));
    }
    let (first, again) = (form.password.clone(), form.again);
    if let Some(fault) = site.blocking(move |site| Ok(join::fault(site, &user, &first, &again))).await? {
        return Err(refuse(&fault));
    }
    let fresh = site.sign_in().passwords.hash(&form.password).await?;
    let entered = site.db().writer.write_async(move |tx| {
        sessions::release(tx, &brakes)?;
        users::set_password(tx, person.id, &fresh, &person.session, now)?;
        enter(tx, person.id, &client, now)
    });
    Ok((entered.await?.cookies(&site), see("/me")).into_response())
}
