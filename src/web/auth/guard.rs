//! Whether a request is for us, and whether a form was sent by our own page.

use axum::body::{Body, BodyDataStream, Bytes, to_bytes};
use axum::extract::{DefaultBodyLimit, Form, FromRequest as _, Multipart, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt as _, stream};
use serde::Deserialize;

use super::super::{Error, LARGEST_BODY, Site};

/// The largest form with files in it.
pub const LARGEST_UPLOAD: usize = super::super::attest::LARGEST_FORM;

/// How much of a form with files is read to find its token, and held for that.
const BEGINNING: usize = 8 * 1024;

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

/// Reads a form, and gives the request back as it was where the token in it is this session's. Of a form with files it reads the first
/// field alone: `{% include "token.html" %}` stands right after `<form>`.
pub async fn with_token(request: Request, token: &str) -> Result<Request, Error> {
    let (parts, body) = request.into_parts();
    let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let (sent, body) = if kind.starts_with("multipart/form-data") {
        let (start, rest) = beginning(body).await;
        let sent = of_upload(Request::from_parts(parts.clone(), Body::from(start.clone()))).await;
        (sent, Body::from_stream(stream::iter([Ok(start)]).chain(rest)))
    } else {
        let Ok(bytes) = to_bytes(body, LARGEST_BODY).await else {
            let say = "The form is too large: go back and send less. Nothing was recorded.";
            return Err(Error::Refused(StatusCode::PAYLOAD_TOO_LARGE, say.into()));
        };
        (of_form(Request::from_parts(parts.clone(), Body::from(bytes.clone()))).await, Body::from(bytes))
    };
    // Digests are compared: nobody can make one agree further on purpose.
    match sent {
        Some(sent) if super::digest("token", &sent) == super::digest("token", token) => {
            Ok(Request::from_parts(parts, body))
        }
        _ => Err(foreign()),
    }
}

/// The first kilobytes of a body, and what follows them.
async fn beginning(body: Body) -> (Bytes, BodyDataStream) {
    let (mut start, mut rest) = (Vec::new(), body.into_data_stream());
    while start.len() < BEGINNING {
        let Some(Ok(chunk)) = rest.next().await else { break };
        start.extend_from_slice(&chunk);
    }
    (Bytes::from(start), rest)
}

async fn of_form(request: Request) -> Option<String> {
    Form::<Token>::from_request(request, &()).await.ok().map(|Form(token)| token.form_token)
}

async fn of_upload(mut request: Request) -> Option<String> {
    DefaultBodyLimit::disable().apply(&mut request);
    let mut fields = Multipart::from_request(request, &()).await.ok()?;
    let first = fields.next_field().await.ok()??;
    if first.name() == Some(FIELD) { first.text().await.ok() } else { None }
}
