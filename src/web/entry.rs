//! One entry of the ledger: what a finding rests on, as it stands on record.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use askama::Template;
use axum::Extension;
use axum::extract::{Path, State};
use axum::response::Response;

use super::auth::Person;
use super::review::concern;
use super::show::{When, change_words, state_words};
use super::{Error, Frame, Site, render};
use crate::db::items::read;
use crate::db::{accounts, ledger};
use crate::model::Role;
use crate::model::people::Thing;

/// Kinds whose fields are shown: what stands in others has pages of its own, or is for their own readers.
const SHOWN: [&str; 8] = ["account", "attestation", "coverage", "finding", "harvest", "media", "moderation", "ticket"];

#[derive(Template)]
#[template(path = "entry.html")]
struct Page {
    frame: Frame,
    seq: u64,
    kind: String,
    at: When,
    actor: Option<String>,
    commitment: String,
    /// The account it is about: slug and title.
    account: Option<(String, String)>,
    fields: Vec<(String, String)>,
    version: Option<Version>,
    is_closed: bool,
}

struct Version {
    item: String,
    what: String,
    observed: When,
    /// The flag of a possible concern: it is opened to be read.
    concern: Option<String>,
    text: String,
    parts: Vec<String>,
    url: Option<String>,
}

pub async fn page(
    State(site): State<Site>,
    Extension(person): Extension<Person>,
    Path(seq): Path<u64>,
) -> Result<Response, Error> {
    let page = site.blocking(move |site| gather(site, &person, seq)).await?;
    render(&page.ok_or(Error::NotFound)?)
}

fn gather(site: &Site, person: &Person, seq: u64) -> Result<Option<Page>> {
    let frame = Frame::new(site, person)?;
    let zone = &site.config().time_zone;
    site.db().read(|conn| {
        let Some(before) = seq.checked_sub(1) else { return Ok(None) };
        let Some(entry) = ledger::entries(conn, before, 1)?.pop() else { return Ok(None) };
        let (mut version, mut slug) = (None, entry.subject.clone());
        if let Some(item) = read::item_of(conn, seq)? {
            let shown = read::show(conn, item)?;
            let concern = concern(conn, person, item)?;
            let one = shown.document.versions.iter().find(|one| one.seq == seq).context("a version of this item")?;
            let thing =
                if shown.document.role == Role::District { Thing::DistrictItems } else { Thing::PublicComments };
            let is_open = concern.is_none() && person.rights.reads(thing);
            version = Some(Version {
                item: shown.name(),
                what: format!("{}, {}: {}", shown.document.kind, change_words(one.change), state_words(one.state)),
                observed: When::new(one.observed_at, zone),
                text: if is_open { one.content.text.clone() } else { String::new() },
                parts: if is_open {
                    [one.content.parts.clone(), one.content.links.clone()].concat()
                } else {
                    Vec::new()
                },
                concern,
                url: shown.url.clone().filter(|url| url.starts_with("https://")),
            });
            slug = Some(shown.account);
        }
        let account = slug.map(|slug| accounts::by_slug(conn, &slug)).transpose()?.flatten();
        let is_shown = SHOWN.contains(&entry.kind.as_str());
        // What is no page of hers, and what people did, is not there for whoever may not read the log.
        let is_hers = account.as_ref().is_none_or(|account| person.has_school(&account.row.school));
        if !is_hers || !is_shown && version.is_none() && !person.rights.reads(Thing::Log) {
            return Ok(None);
        }
        let fields: BTreeMap<String, String> = match (is_shown, &entry.kept) {
            (true, Some((_, fields))) => serde_json::from_str(fields).context("the fields of an entry")?,
            _ => BTreeMap::new(),
        };
        Ok(Some(Page {
            frame,
            seq,
            is_closed: !is_shown && version.is_none(),
            kind: entry.kind,
            at: When::new(entry.at, zone),
            actor: entry.actor,
            commitment: hex::encode(entry.commitment),
            account: account.map(|account| (account.row.slug.clone(), account.title())),
            fields: fields.into_iter().map(|(name, value)| (name.replace('_', " "), value)).collect(),
            version,
        }))
    })
}
