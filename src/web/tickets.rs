//! Tickets: what owners were asked to mend, what would be asked, and the switch.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::{Extension, Form};
use jiff::civil::Date;
use serde::Deserialize;

use super::auth::Person;
use super::auth::scope::Pages;
use super::show::When;
use super::{Error, Frame, Site, render, see};
use crate::audit::tickets::{self, Listed, Standing};
use crate::db;
use crate::db::mails;
use crate::text::{dates, plain};

/// The longest reason, in characters.
const LONGEST_REASON: usize = 300;

#[derive(Template)]
#[template(path = "tickets.html")]
struct Page {
    frame: Frame,
    is_on: bool,
    is_live: bool,
    has_mail: bool,
    groups: Vec<(&'static str, Vec<Row>)>,
    preview: Vec<mails::New>,
}

struct Row {
    one: Listed,
    since: When,
    mailed: Option<When>,
    /// Whether it can be accepted.
    is_open: bool,
    /// Whether the owner can be asked again.
    rests: bool,
}

pub async fn page(State(site): State<Site>, Extension(person): Extension<Person>) -> Result<Response, Error> {
    let now = site.clock().now();
    let page = site.blocking(move |site| {
        let (frame, config) = (Frame::new(site, &person)?, site.config());
        let when = |at| When::new(at, &config.time_zone);
        site.db().read(|conn| {
            let mut groups: Vec<(&'static str, Vec<Row>)> = Vec::new();
            let pages = Pages::of(conn, &person)?;
            for one in tickets::list(conn, config, now)?.into_iter().filter(|one| pages.has(&one.account)) {
                let standing = one.ticket.standing;
                let row = Row {
                    since: when(one.since),
                    mailed: one.ticket.last_mailed_at.map(when),
                    is_open: !matches!(standing, Standing::Accepted | Standing::Verified),
                    rests: standing.rests(),
                    one,
                };
                match groups.last_mut().filter(|(words, _)| *words == standing.words()) {
                    Some((_, rows)) => rows.push(row),
                    None => groups.push((standing.words(), vec![row])),
                }
            }
            Ok(Page {
                frame,
                is_on: db::tickets::is_on(conn)?,
                is_live: db::alerts::live_since(conn)?.is_some(),
                has_mail: config.mail.is_some(),
                groups,
                preview: tickets::preview(conn, config, now)?,
            })
        })
    });
    render(&page.await?)
}

#[derive(Debug, Deserialize)]
pub struct Switch {
    to: String,
}

/// Mails go to owners from now on, or no more.
pub async fn switch(
    State(site): State<Site>,
    Extension(person): Extension<Person>,
    Form(form): Form<Switch>,
) -> Result<Response, Error> {
    let on = match form.to.as_str() {
        "on" => true,
        "off" => false,
        _ => return Err(Error::Refused(StatusCode::BAD_REQUEST, "Switch it on or off: go back.".into())),
    };
    let now = site.clock().now();
    site.blocking(move |site| site.db().writer.write(move |tx| db::tickets::switch(tx, on, &person.name, now))).await?;
    Ok(see("/tickets"))
}

#[derive(Debug, Deserialize)]
pub struct Accept {
    account: String,
    check: String,
    reason: String,
    until: String,
}

/// Leaves a finding as it is until a day has passed.
pub async fn accept(
    State(site): State<Site>,
    Extension(person): Extension<Person>,
    Form(form): Form<Accept>,
) -> Result<Response, Error> {
    let now = site.clock().now();
    let today = dates::date(now, &site.config().time_zone);
    let until: Option<Date> = form.until.trim().parse().ok().filter(|day| *day >= today);
    let refuse = |say: &str| Error::Refused(StatusCode::BAD_REQUEST, format!("{say} Nothing was recorded: go back."));
    let until = until.ok_or_else(|| refuse("Write the last day, one to come, as in 2027-06-30."))?;
    let reason = plain::line(&form.reason);
    if reason.is_empty() || reason.chars().count() > LONGEST_REASON {
        return Err(refuse("Write why it is accepted, in at most 300 characters."));
    }
    let done = site.blocking(move |site| {
        let known = site.db().read(|conn| tickets::list(conn, site.config(), now))?;
        let pages = site.db().read(|conn| Pages::of(conn, &person))?;
        let is_open = |one: &Listed| one.account == form.account && one.check == form.check && pages.has(&one.account);
        if !known.iter().any(|one| is_open(one) && one.ticket.standing != Standing::Verified) {
            return Ok(false);
        }
        let accept = move |tx: &db::Tx<'_>| {
            db::tickets::accept(tx, (&form.account, &form.check), &reason, until, &person.name, now)
        };
        site.db().writer.write(accept).map(|()| true)
    });
    if done.await? { Ok(see("/tickets")) } else { Err(refuse("This finding is not open any more.")) }
}

#[derive(Debug, Deserialize)]
pub struct Reopen {
    account: String,
    check: String,
    #[serde(default)]
    reason: String,
}

/// Asks the owner again, from the first mail on.
pub async fn reopen(
    State(site): State<Site>,
    Extension(person): Extension<Person>,
    Form(form): Form<Reopen>,
) -> Result<Response, Error> {
    let now = site.clock().now();
    let reason: String = plain::line(&form.reason).chars().take(LONGEST_REASON).collect();
    let done = site.blocking(move |site| {
        let known = site.db().read(|conn| tickets::list(conn, site.config(), now))?;
        let rests =
            |one: &Listed| one.ticket.standing.rests() && one.account == form.account && one.check == form.check;
        if !known.iter().any(rests) {
            return Ok(false);
        }
        let begin =
            move |tx: &db::Tx<'_>| db::tickets::reopen(tx, (&form.account, &form.check), &reason, &person.name, now);
        site.db().writer.write(begin).map(|_| true)
    });
    let say = "This rests no more: somebody has begun it anew, or it is mended. Nothing was recorded: go back.";
    if done.await? { Ok(see("/tickets")) } else { Err(Error::Refused(StatusCode::CONFLICT, say.into())) }
}
