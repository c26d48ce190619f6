//! The web app: an overview, one page a flag, health and metrics. Everything works without JavaScript.
//!
//! Who asks, and what she may do, is the matter of [`auth`]: a page behind the sign-in names the right it takes where it is put up.

mod accounts;
mod answer;
mod attest;
mod audit;
pub mod auth;
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
mod show;
mod tickets;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use askama::Template;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Router, response::Redirect};
use tokio::net::TcpListener;
use tokio::sync::watch;

use auth::{Need, Person, Routes};
pub use error::Error;

pub use auth::SignIn;

use crate::config::Config;
use crate::db::{self, Db};
use crate::model::Clock;
use crate::model::people::Thing;

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
        let hosts = vec![auth::guard::host_of(&config.web.public_url).to_owned()];
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

    fn hosts(&self) -> &[String] {
        &self.parts.hosts
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
    let app = router(site).into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, app).with_graceful_shutdown(stopped).await.context("serve the web app")
}

/// Report cards are of flags, and packs that wait are a matter of settings.
const RULES: Need = Need::Either(&[Need::Read(Thing::Flags), Need::Read(Thing::Settings)]);

/// The pages behind the sign-in, each with the right that it takes.
pub fn pages(site: &Site) -> Routes {
    let (flags, decide) = (Need::Read(Thing::Flags), Need::Write(Thing::Flags));
    let (register, change) = (Need::Read(Thing::Register), Need::Write(Thing::Register));
    let comments = Need::Read(Thing::PublicComments);
    Routes::new(site)
        .get("/", register, overview::page)
        .get("/flags", flags, queue::list)
        .get("/flags/{key}", flags, review::page)
        .post("/flags/{key}/review", decide, review::decide)
        .get("/ack/{key}", Need::SignedIn, review::stop_page)
        .post("/ack/{key}", Need::SignedIn, review::stop)
        .get("/accounts", register, register::page)
        .post("/accounts/add", change, register::add)
        .get("/accounts/{slug}", register, accounts::page)
        .get("/attest", register, attest::list)
        .get("/attest/{slug}", change, attest::page)
        .upload("/attest/{slug}", change, attest::record)
        .get("/evidence/{entry}", register, attest::evidence)
        .get("/accounts/{slug}/edit", change, edit::page)
        .post("/accounts/{slug}/edit", change, edit::change)
        .get("/accounts/{slug}/retire", change, retire::page)
        .post("/accounts/{slug}/retire", change, retire::retire)
        .post("/accounts/{slug}/stay", change, retire::stay)
        .get("/accounts/{slug}/receipt", register, retire::receipt)
        .get("/audit", register, audit::page)
        .post("/audit", change, audit::again)
        .get("/audit.csv", register, audit::csv)
        .get("/entries/{seq}", register, entry::page)
        .get("/accounts/{slug}/moderation", comments, moderation::page)
        .post("/accounts/{slug}/moderation", comments, moderation::make)
        .post("/accounts/{slug}/moderation/enter", decide, moderation::enter)
        .get("/reports", flags, reports::list)
        .get("/reports/{id}", flags, reports::page)
        .get("/reports/{id}/kept/{figure}", flags, reports::kept)
        .get("/rules", RULES, rules::page)
        .post("/rules/harmless/{entry}/end", decide, rules::end)
        .post(
            "/rules/offer/{digest}",
            Need::Either(&[Need::Write(Thing::Flags), Need::Write(Thing::Settings)]),
            offer::accept,
        )
        .get("/sample", decide, sample::page)
        .post("/sample/{id}", decide, sample::look)
        .get("/tickets", register, tickets::page)
        .post("/tickets/switch", change, tickets::switch)
        .post("/tickets/accept", change, tickets::accept)
        .post("/tickets/reopen", change, tickets::reopen)
        .get("/me", Need::SignedIn, auth::me::page)
        .post("/me/password", Need::SignedIn, auth::me::change_password)
        .post("/me/sign-out-others", Need::SignedIn, auth::me::sign_out_others)
        .post("/sign-out", Need::SignedIn, auth::sign_out)
}

/// Every page.
pub fn router(site: Site) -> Router {
    let signed_in = pages(&site).into_router().layer(middleware::from_fn_with_state(site.clone(), auth::required));
    let open = Router::new()
        .route("/sign-in", get(auth::sign_in::page).post(auth::sign_in::sign_in))
        .route("/sign-in/demo", post(auth::sign_in::demo))
        .route("/sign-in/oidc", get(auth::oidc::begin))
        .route("/sign-in/oidc/back", get(auth::oidc::back))
        .route("/join/{token}", get(auth::join::page).post(auth::join::join))
        .route("/answer/{token}", get(answer::page).post(answer::record))
        .route("/assets/style.css", get(style))
        .route("/assets/icon.svg", get(icon));
    let pages = signed_in.merge(open).layer(middleware::from_fn_with_state(site.clone(), auth::guard::same_site));
    let watched = Router::new().route("/healthz", get(health::healthz)).route("/metrics", get(health::metrics));
    pages
        .merge(watched)
        .fallback(async || Error::NotFound)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(middleware::from_fn_with_state(site.clone(), headers))
        .with_state(site)
}

async fn headers(State(site): State<Site>, request: Request, next: Next) -> Response {
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
    if site.config().web.public_url.starts_with("https://") {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
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
    /// Every form carries it: `{% include "token.html" %}`.
    form_token: String,
    has_register: bool,
    has_rules: bool,
    /// `None`: for this person there are no flags.
    open_flags: Option<u64>,
    foot: String,
}

impl Frame {
    fn new(site: &Site, person: &Person) -> Result<Frame> {
        let has_flags = person.rights.reads(Thing::Flags);
        let (entries, runs, open_flags) = site.db().read(|conn| {
            let open_flags = has_flags.then(|| auth::scope::count_open(conn, person)).transpose()?;
            Ok((db::ledger::size(conn)?, db::jobs::newest(conn)?, open_flags))
        })?;
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
        let entries = show::number(entries);
        let version = env!("CARGO_PKG_VERSION");
        let zone = zone.iana_name().unwrap_or("UTC");
        Ok(Frame {
            district: site.config().district.name.clone(),
            person: person.display_name.clone(),
            form_token: person.form_token.clone(),
            has_register: person.rights.reads(Thing::Register),
            has_rules: RULES.is_met(&person.rights),
            open_flags,
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
