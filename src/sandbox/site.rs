//! The district's own website in small: what its pages on the platforms link to.

use std::collections::BTreeMap;

use super::server::{Ask, Reply};
use super::world::World;

/// One page of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebPage {
    pub status: u16,
    pub content_type: &'static str,
    /// Where it leads on, for a redirect.
    pub location: Option<String>,
    pub body: Vec<u8>,
}

impl WebPage {
    /// Paragraphs between what a site has around them.
    pub fn words(text: &str) -> WebPage {
        let text = text.replace('&', "&amp;").replace('<', "&lt;");
        let paragraphs: Vec<String> = text.split("\n\n").map(|one| format!("<p>{one}</p>")).collect();
        let body = format!(
            "<!doctype html><html lang=\"en\"><head><title>Mesa Vista USD</title><style>p {{ margin: 1em }}</style></head><body>\
             <nav><a href=\"/\">Home</a> <a href=\"/lunch\">Lunch today: tacos</a></nav><main>{}</main>\
             <script>document.write(\"<p>Call 911</p>\")</script></body></html>",
            paragraphs.join("\n")
        );
        WebPage { status: 200, content_type: "text/html; charset=utf-8", location: None, body: body.into_bytes() }
    }

    pub fn moved(to: &str) -> WebPage {
        WebPage { status: 301, content_type: "text/html", location: Some(to.to_owned()), body: Vec::new() }
    }
}

/// What stands there at first: the district's expectations for comments.
pub(super) fn pages() -> BTreeMap<String, WebPage> {
    let expectations = include_str!("../../config/expectations.en.txt");
    BTreeMap::from([("/social-media".to_owned(), WebPage::words(expectations))])
}

pub(super) fn answer(world: &World, ask: &Ask) -> Reply {
    let Some(page) = world.lock().site.get(&ask.path).cloned() else {
        return Reply::new(404, "text/html; charset=utf-8", b"<h1>Page not found</h1>".to_vec());
    };
    let reply = Reply::new(page.status, page.content_type, page.body);
    match page.location {
        Some(location) => reply.with("location", location),
        None => reply,
    }
}
