//! Whether a request is for us, and whether a form was sent by our own page.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{DefaultBodyLimit, Form, FromRequest as _, Multipart, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::super::{Error, LARGEST_BODY, Site};

/// The largest form with a file in it. A route may take less.
pub const LARGEST_UPLOAD: usize = super::super::attest::LARGEST_FORM;

/// The field of a form that carries the session's token.
const FIELD: &str = "form_token";

/// Methods that change nothing.
pub fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// Refuses a host that is not ours (a name that somebody else points here), and forms sent by other sites' pages.
pub async fn same_site(State(site): State<Site>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if !is_ours(&site, host) {
        let say = format!("This address is not pagekeeper's. Its own is {}", site.config().web.public_url);
        return Error::Refused(StatusCode::MISDIRECTED_REQUEST, say).into_response();
    }
    if !is_safe(request.method()) && !from_own_page(&site, headers, host) {
        return foreign().into_response();
    }
    next.run(request).await
}

fn foreign() -> Error {
    let say =
        "The form was not sent from a page of pagekeeper. Open the page here and try again: nothing was recorded.";
    Error::Refused(StatusCode::FORBIDDEN, say.into())
}

fn is_ours(site: &Site, host: &str) -> bool {
    let own = |known: &String| known.eq_ignore_ascii_case(host);
    site.hosts().iter().any(own) || crate::config::is_loopback(&format!("http://{host}"))
}

/// By the browser's own words, `Sec-Fetch-Site` and `Origin`: each one that is there must be right, and one must be there.
fn from_own_page(site: &Site, headers: &HeaderMap, host: &str) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let is_own = |origin: &str| {
        let from = host_of(origin);
        origin.contains("://") && (from.eq_ignore_ascii_case(host) || site.hosts().iter().any(|own| own == from))
    };
    match (text("sec-fetch-site"), text("origin")) {
        (None, None) => false,
        (fetch, origin) => fetch.is_none_or(|fetch| fetch == "same-origin") && origin.is_none_or(is_own),
    }
}

/// Host and port of a URL.
pub fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or_default()
}

#[derive(Deserialize)]
struct Token {
    form_token: String,
}

/// Reads a form, and gives the request back as it was where the token in it is this session's.
pub async fn with_token(request: Request, token: &str) -> Result<Request, Error> {
    let (parts, body) = request.into_parts();
    let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let has_file = kind.starts_with("multipart/form-data");
    let most = if has_file { LARGEST_UPLOAD } else { LARGEST_BODY };
    let Ok(bytes) = to_bytes(body, most).await else {
        let say = "The form is too large: go back and send less. Nothing was recorded.";
        return Err(Error::Refused(StatusCode::PAYLOAD_TOO_LARGE, say.into()));
    };
    let copy = again(&parts, &bytes);
    let sent = if has_file { of_upload(copy).await } else { of_form(copy).await };
    // The lengths are known, and a digest tells nothing by how far it agrees: nobody can make it agree further on purpose.
    match sent {
        Some(sent) if super::digest("token", &sent) == super::digest("token", token) => Ok(again(&parts, &bytes)),
        _ => Err(foreign()),
    }
}

fn again(parts: &Parts, bytes: &Bytes) -> Request {
    Request::from_parts(parts.clone(), Body::from(bytes.clone()))
}

async fn of_form(request: Request) -> Option<String> {
    Form::<Token>::from_request(request, &()).await.ok().map(|Form(token)| token.form_token)
}

async fn of_upload(mut request: Request) -> Option<String> {
    DefaultBodyLimit::disable().apply(&mut request);
    let mut parts = Multipart::from_request(request, &()).await.ok()?;
    while let Some(part) = parts.next_field().await.ok()? {
        if part.name() == Some(FIELD) {
            return part.text().await.ok();
        }
    }
    None
}
