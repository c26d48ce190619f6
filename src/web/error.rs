//! What a page says when it cannot be shown.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};

/// An error at the edge: the words are for the person in front of the browser.
#[derive(Debug)]
pub enum Error {
    NotFound,
    /// The form or the address cannot be taken as it is; the words say what to do.
    Refused(StatusCode, String),
    /// Logged here, once; the person learns only that it happened.
    Internal(anyhow::Error),
}

impl From<anyhow::Error> for Error {
    fn from(error: anyhow::Error) -> Error {
        Error::Internal(error)
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct Page {
    title: &'static str,
    say: String,
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let (code, title, say) = match self {
            Error::NotFound => {
                (StatusCode::NOT_FOUND, "Nothing is here", "There is no page at this address.".to_owned())
            }
            Error::Refused(code, say) => (code, "This cannot be done", say),
            Error::Internal(error) => {
                tracing::error!("a page failed: {error:#}");
                let say = "The page could not be made. The log of pagekeeper says why; IT can read it.";
                (StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong", say.to_owned())
            }
        };
        match (Page { title, say }).render() {
            Ok(page) => (code, Html(page)).into_response(),
            Err(_) => code.into_response(),
        }
    }
}
