//! What a route asks of whoever calls it. A page behind the sign-in is put up with a [`Need`] or not at all.

use axum::Router;
use axum::extract::{DefaultBodyLimit, RawPathParams, Request, State};
use axum::handler::Handler;
use axum::http::{Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};

use super::super::{Error, Site, see};
use super::guard::LARGEST_UPLOAD;
use super::{Person, home, scope};
use crate::model::people::{Rights, Thing};

/// What somebody has to be allowed for a page to open or a form to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Whoever is signed in: for what is her own.
    SignedIn,
    Read(Thing),
    Write(Thing),
    /// One of these is enough.
    Either(&'static [Need]),
}

impl Need {
    pub fn is_met(self, rights: &Rights) -> bool {
        match self {
            Need::SignedIn => true,
            Need::Read(thing) => rights.reads(thing),
            Need::Write(thing) => rights.writes(thing),
            Need::Either(needs) => needs.iter().any(|need| need.is_met(rights)),
        }
    }
}

/// The pages behind the sign-in, each with its need.
pub struct Routes {
    site: Site,
    router: Router<Site>,
    list: Vec<(Method, &'static str, Need)>,
}

impl Routes {
    pub fn new(site: &Site) -> Routes {
        Routes { site: site.clone(), router: Router::new(), list: Vec::new() }
    }

    pub fn get<H: Handler<T, Site>, T: 'static>(self, path: &'static str, need: Need, page: H) -> Routes {
        self.on(Method::GET, path, need, get(page))
    }

    pub fn post<H: Handler<T, Site>, T: 'static>(self, path: &'static str, need: Need, page: H) -> Routes {
        self.on(Method::POST, path, need, post(page))
    }

    /// A form with files in it.
    pub fn upload<H: Handler<T, Site>, T: 'static>(self, path: &'static str, need: Need, page: H) -> Routes {
        self.on(Method::POST, path, need, post(page).layer(DefaultBodyLimit::max(LARGEST_UPLOAD)))
    }

    fn on(mut self, method: Method, path: &'static str, need: Need, page: MethodRouter<Site>) -> Routes {
        let page = page.route_layer(middleware::from_fn_with_state((self.site.clone(), need), allowed));
        self.list.push((method, path, need));
        Routes { router: self.router.route(path, page), ..self }
    }

    pub fn into_router(self) -> Router<Site> {
        self.router
    }

    /// Every page with its need: for the test that opens each as every role.
    pub fn list(&self) -> &[(Method, &'static str, Need)] {
        &self.list
    }
}

/// Lets those through whose rights meet the need. Somebody without the overview goes to her own page instead. Where the path names an
/// account (`{slug}`), it has to be on a page of hers.
async fn allowed(
    State((site, need)): State<(Site, Need)>,
    path: RawPathParams,
    request: Request,
    next: Next,
) -> Response {
    let Some(person) = request.extensions().get::<Person>() else {
        // Only where a page with a need stands outside of the sign-in: a fault of ours, and nobody comes in by it.
        return Error::Internal(anyhow::anyhow!("{} asks for a right of nobody", request.uri().path())).into_response();
    };
    if need.is_met(&person.rights) {
        let slug = path.iter().find(|(name, _)| *name == "slug").map(|(_, slug)| slug.to_owned());
        return match has_page(&site, person.clone(), slug).await {
            Ok(true) => next.run(request).await,
            Ok(false) => Error::NotFound.into_response(),
            Err(error) => error.into_response(),
        };
    }
    if request.uri().path() == "/" {
        return see(home(person.rights));
    }
    tracing::warn!(user = person.name, path = request.uri().path(), "not allowed");
    let say = "Your role does not include this. An administrator of pagekeeper gives roles: pagekeeper users set.";
    Error::Refused(StatusCode::FORBIDDEN, say.into()).into_response()
}

/// Whether the account that a path names is hers; one that is not there is the page's own matter.
async fn has_page(site: &Site, person: Person, slug: Option<String>) -> Result<bool, Error> {
    let Some(slug) = slug.filter(|_| !person.schools.is_empty()) else { return Ok(true) };
    site.blocking(move |site| Ok(site.db().read(|conn| scope::account(conn, &person, &slug))?.is_some())).await
}
