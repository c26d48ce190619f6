//! Changed packs on the page *Rules*: what they would do, and the button that puts them in force.

use anyhow::Result;
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use jiff::tz::TimeZone;

use super::auth::Person;
use super::show::{When, number};
use super::{Error, Site, see};
use crate::app;
use crate::db::offers::{self, Change};
use crate::db::{self, Conn};

/// An offer as the page shows it.
pub struct Offered {
    pub digest: String,
    pub short: String,
    pub at: When,
    pub files: Vec<String>,
    pub texts: String,
    /// *1 new, 0 gone, 2 of another severity, 31 as before*
    pub words: String,
    pub rules: Vec<Row>,
}

/// What it would do to one rule's flags.
pub struct Row {
    pub id: String,
    pub new: String,
    pub gone: String,
    pub changed: String,
    /// *new `facebook:1_2`, gone `facebook:1_3`*
    pub examples: String,
}

/// The offer that stands.
pub fn gather(conn: &Conn, zone: &TimeZone) -> Result<Option<Offered>> {
    let Some(offer) = offers::standing(conn)? else { return Ok(None) };
    let found = &offer.found;
    Ok(Some(Offered {
        digest: hex::encode(offer.digest),
        short: hex::encode(&offer.digest[..4]),
        at: When::new(offer.at, zone),
        files: app::offers::files(conn, &offer)?,
        texts: number(found.texts),
        words: format!(
            "{} new, {} gone, {} of another severity, {} as before",
            number(found.new),
            number(found.gone),
            number(found.changed),
            number(found.stayed)
        ),
        rules: found.rules.iter().map(row).collect(),
    }))
}

fn row((id, change): (&String, &Change)) -> Row {
    let example = |(what, item): &(String, String)| format!("{what} {item}");
    Row {
        id: id.clone(),
        new: number(change.new),
        gone: number(change.gone),
        changed: number(change.changed),
        examples: change.examples.iter().map(example).collect::<Vec<_>>().join(", "),
    }
}

/// Puts the packs that she was shown in force; the flags follow.
pub async fn accept(
    State(site): State<Site>,
    Extension(person): Extension<Person>,
    Path(digest): Path<String>,
) -> Result<Response, Error> {
    let shown = hex::decode(&digest).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok()).ok_or(Error::NotFound)?;
    let now = site.clock().now();
    let is_there = site.blocking(move |site| {
        site.db().writer.write(move |tx: &db::Tx<'_>| {
            let is_offered = offers::known(tx)?.is_some_and(|(digest, _)| digest == shown);
            if is_offered { offers::accept(tx, &shown, &person.name, now).map(|_| true) } else { Ok(false) }
        })
    });
    if !is_there.await? {
        let words = "These packs are not offered any more: go back and look at what is.";
        return Err(Error::Refused(StatusCode::CONFLICT, words.into()));
    }
    Ok(see("/rules#changes"))
}
