//! The web app: an overview, one page a flag, health and metrics. Everything works without JavaScript.
//!
//! Sign-in is one random token, printed by who starts the program, until the users' own issue replaces it. A person gives
//! her name with it: the record names who reviewed.

mod accounts;
mod answer;
mod attest;
mod audit;
mod book;
mod coverage;
mod diff;
mod edit;
mod entry;
mod error;
mod health;
mod history;
mod moderation;
mod offer;
mod overview;
mod queue;
mod register;
mod reports;
mod retire;
mod review;
mod rules;
mod sample;
mod session;
mod show;
mod tickets;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use anyhow::{Context as _, Result};
use askama::Template;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Router, response::Redirect};
use tokio::net::TcpListener;
use tokio::sync::watch;

pub use error::Error;
pub use session::SignIn;

use crate::config::Config;
use crate::db::{self, Db};
use crate::model::Clock;

/// The largest form.
const LARGEST_BODY: usize = 64 * 1024;

/// Nothing but our own style sheet is ever loaded, nothing runs, nobody frames us.
const CSP: &str =
    "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; img-src 'self'";

/// What the pages are made of.
#[derive(Clone)]
pub struct Site {
    parts: Arc<Parts>,
}

struct Parts {
    db: Db,
    config: Arc<Config>,
    clock: Clock,
    sign_in: SignIn,
    book: book::Book,
    pace: answer::Pace,
    /// The addresses we answer to.
    hosts: Vec<String>,
}

impl Site {
    pub fn new(db: Db, config: Arc<Config>, clock: Clock, sign_in: SignIn) -> Site {
        let hosts = vec![session::host_of(&config.web.public_url).to_owned()];
        Site {
            parts: Arc::new(Parts {
                db,
                config,
                clock,
                sign_in,
                book: book::Book::default(),
                pace: answer::Pace::default(),
                hosts,
            }),
        }
    }

    fn db(&self) -> &Db {
        &self.parts.db
    }

    fn config(&self) -> &Config {
        &self.parts.config
    }

    fn clock(&self) -> &Clock {
        &self.parts.clock
    }

    fn book(&self) -> &book::Book {
        &self.parts.book
    }

    fn sign_in(&self) -> &SignIn {
        &self.parts.sign_in
    }

    /// Runs what may block, a read for the most part, away from the async threads.
    async fn blocking<T: Send + 'static>(
        &self,
        run: impl FnOnce(&Site) -> Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let site = self.clone();
        let done = tokio::task::spawn_blocking(move || run(&site)).await.context("a page's work was lost")?;
        Ok(done?)
    }
}

/// Serves on `listener` until `stop` is given, then answers what was asked already.
pub async fn serve(listener: TcpListener, site: Site, mut stop: watch::Receiver<bool>) -> Result<()> {
    let stopped = async move {
        while !*stop.borrow_and_update() {
            if stop.changed().await.is_err() {
                break;
            }
        }
    };
    axum::serve(listener, router(site)).with_graceful_shutdown(stopped).await.context("serve the web app")
}

/// Every page.
pub fn router(site: Site) -> Router {
    let signed_in = Router::new()
        .route("/", get(overview::page))
        .route("/flags", get(queue::list))
        .route("/flags/{key}", get(review::page))
        .route("/flags/{key}/review", post(review::decide))
        .route("/ack/{key}", get(review::stop_page).post(review::stop))
        .route("/accounts", get(register::page))
        .route("/accounts/add", post(register::add))
        .route("/accounts/{slug}", get(accounts::page))
        .route("/attest", get(attest::list))
        .route(
            "/attest/{slug}",
            get(attest::page).post(attest::record).layer(DefaultBodyLimit::max(attest::LARGEST_FORM)),
        )
        .route("/evidence/{entry}", get(attest::evidence))
        .route("/accounts/{slug}/edit", get(edit::page).post(edit::change))
        .route("/accounts/{slug}/retire", get(retire::page).post(retire::retire))
        .route("/accounts/{slug}/stay", post(retire::stay))
        .route("/accounts/{slug}/receipt", get(retire::receipt))
        .route("/audit", get(audit::page).post(audit::again))
        .route("/audit.csv", get(audit::csv))
        .route("/entries/{seq}", get(entry::page))
        .route("/accounts/{slug}/moderation", get(moderation::page).post(moderation::make))
        .route("/accounts/{slug}/moderation/enter", post(moderation::enter))
        .route("/reports", get(reports::list))
        .route("/reports/{id}", get(reports::page))
        .route("/reports/{id}/kept/{figure}", get(reports::kept))
        .route("/rules", get(rules::page))
        .route("/rules/harmless/{entry}/end", post(rules::end))
        .route("/rules/offer/{digest}", post(offer::accept))
        .route("/sample", get(sample::page))
        .route("/sample/{id}", post(sample::look))
        .route("/tickets", get(tickets::page))
        .route("/tickets/switch", post(tickets::switch))
        .route("/tickets/accept", post(tickets::accept))
        .route("/sign-out", post(session::sign_out))
        .layer(middleware::from_fn_with_state(site.clone(), session::required));
    let open = Router::new()
        .route("/sign-in", get(session::page).post(session::sign_in))
        .route("/answer/{token}", get(answer::page).post(answer::record))
        .route("/assets/style.css", get(style))
        .route("/assets/icon.svg", get(icon));
    let pages = signed_in.merge(open).layer(middleware::from_fn_with_state(site.clone(), session::same_site));
    let watched = Router::new().route("/healthz", get(health::healthz)).route("/metrics", get(health::metrics));
    pages
        .merge(watched)
        .fallback(async || Error::NotFound)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(middleware::from_fn(headers))
        .with_state(site)
}

async fn headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let set = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    let headers = response.headers_mut();
    for (name, value) in set {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // A file that somebody brought is held tighter still.
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(CSP));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

async fn style() -> impl IntoResponse {
    let kind = [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "max-age=300")];
    (kind, include_str!("assets/style.css"))
}

async fn icon() -> impl IntoResponse {
    let kind = [(header::CONTENT_TYPE, "image/svg+xml"), (header::CACHE_CONTROL, "max-age=86400")];
    (kind, include_str!("assets/icon.svg"))
}

fn render(template: &impl Template) -> Result<Response, Error> {
    Ok(Html(template.render().context("write a page")?).into_response())
}

/// What every page's frame shows.
struct Frame {
    district: String,
    person: String,
    open_flags: u64,
    foot: String,
}

impl Frame {
    fn new(site: &Site, person: &session::Person) -> Result<Frame> {
        let (figures, runs) = site.db().read(|conn| Ok((db::health::figures(conn)?, db::jobs::newest(conn)?)))?;
        let zone = &site.config().time_zone;
        let checked = runs.get("verify").filter(|run| run.outcome.as_deref() == Some("done"));
        let checked = checked.and_then(|run| run.ended_at).map_or_else(
            || ", not checked as a whole yet".to_owned(),
            |at| format!(", last checked {}", show::date(at, zone)),
        );
        let failed = runs.get("verify").is_some_and(|run| run.outcome.as_deref() == Some("failed"));
        let (state, checked) = match (failed, checked.starts_with(", last")) {
            (true, _) => ("record", ", the last check found a fault: run pagekeeper verify".to_owned()),
            (false, true) => ("record intact", checked),
            (false, false) => ("record", checked),
        };
        let entries = show::number(figures.entries);
        let version = env!("CARGO_PKG_VERSION");
        let zone = zone.iana_name().unwrap_or("UTC");
        Ok(Frame {
            district: site.config().district.name.clone(),
            person: person.name.clone(),
            open_flags: figures.open_flags.values().sum(),
            foot: format!("pagekeeper {version} · {state}: {entries} entries{checked} · times in {zone}"),
        })
    }
}

/// After a form: the browser asks for the page anew, so that going back does not send the form again.
fn see(path: &str) -> Response {
    Redirect::to(path).into_response()
}

fn status(code: StatusCode, response: Response) -> Response {
    (code, response).into_response()
}
