//! Items without a flag, drawn each week for a look: how misses are seen.

use anyhow::Result;
use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::{Extension, Form};
use serde::Deserialize;

use super::auth::Person;
use super::auth::scope::Pages;
use super::queue::Titles;
use super::review::{Post, unmarked};
use super::{Error, Frame, Site, render, see};
use crate::db::items::read;
use crate::db::samples::{self, Look};
use crate::model::Category;

#[derive(Template)]
#[template(path = "sample.html")]
struct Page {
    frame: Frame,
    waiting: Vec<(i64, String, Post)>,
    categories: Vec<(&'static str, &'static str)>,
}

pub async fn page(State(site): State<Site>, Extension(person): Extension<Person>) -> Result<Response, Error> {
    let page = site.blocking(move |site| {
        let frame = Frame::new(site, &person)?;
        site.db().read(|conn| {
            let (mut waiting, titles, pages) = (Vec::new(), Titles::read(conn)?, Pages::of(conn, &person)?);
            for sample in samples::waiting(conn)? {
                if !pages.has(&sample.account_slug) {
                    continue;
                }
                let shown = read::show(conn, sample.item)?;
                let version = shown.document.versions.iter().find(|version| version.seq == sample.version);
                let post = unmarked(site, &shown, version.unwrap_or_else(|| shown.latest()));
                waiting.push((sample.id, titles.of(&sample.account_slug), post));
            }
            let categories = Category::ALL.iter().map(|category| (category.as_str(), category.words())).collect();
            Ok(Page { frame, waiting, categories })
        })
    });
    render(&page.await?)
}

#[derive(Debug, Deserialize)]
pub struct Seen {
    /// `fine`, or the category that a rule should have named.
    look: String,
    #[serde(default)]
    note: String,
}

pub async fn look(
    State(site): State<Site>,
    Extension(person): Extension<Person>,
    Path(id): Path<i64>,
    Form(form): Form<Seen>,
) -> Result<Response, Error> {
    let look = match (form.look.as_str(), form.look.parse::<Category>()) {
        ("fine", _) => Look::Fine,
        (_, Ok(category)) => Look::Missed(category),
        _ => {
            let say = "Choose what a rule should have found: go back. Nothing was recorded.";
            return Err(Error::Refused(StatusCode::BAD_REQUEST, say.into()));
        }
    };
    let now = site.clock().now();
    let found = site.blocking(move |site| {
        site.db().writer.write(move |tx| {
            let pages = Pages::of(tx, &person)?;
            let is_hers = samples::waiting(tx)?.iter().any(|sample| sample.id == id && pages.has(&sample.account_slug));
            is_hers.then(|| samples::look(tx, id, look, form.note.trim(), &person.name, now)).transpose()
        })
    });
    found.await?.ok_or(Error::NotFound)?;
    Ok(see("/sample"))
}
