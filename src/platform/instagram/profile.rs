//! An account's own facts: an item of kind `profile`, versioned like any other.

use serde_json::Value;

use crate::model::{Author, Content, Counts, Exchange, Kind, Media, Observation, Page, Problem};
use crate::platform::Target;
use crate::platform::{graph, json};

/// What is asked of an account (platform reference, 2.1).
pub(super) const FIELDS: &[&str] = &[
    "id",
    "ig_id",
    "username",
    "name",
    "biography",
    "website",
    "profile_picture_url",
    "followers_count",
    "follows_count",
    "media_count",
    "is_published",
    "has_profile_pic",
    "legacy_instagram_user_id",
    "owner_business{id,name}",
];

/// Counts are no content, the picture is a medium, the rest stands in fields of its own.
const NO_FACTS: &[&str] =
    &["id", "biography", "profile_picture_url", "followers_count", "follows_count", "media_count"];

pub(super) fn read(exchange: &Exchange, target: &Target) -> Page {
    let mut page = Page::default();
    let text = json::readable(&exchange.body, &mut page.problems);
    let Ok(whole) = serde_json::from_str::<Value>(&text) else {
        page.problems.push(Problem::new("body", "cannot be read; its bytes are kept"));
        return page;
    };
    let account = whole.get("instagram_business_account").unwrap_or(&whole);
    let word = |name: &str| account.get(name).and_then(Value::as_str).map(|word| word.replace('\0', "\u{fffd}"));
    let known = Some(target.native_id.clone()).filter(|id| !id.is_empty());
    let Some(id) = word("id").or(known) else {
        page.problems.push(Problem::new("id", "is missing: no Instagram account is linked to this page"));
        return page;
    };
    let mut facts: Vec<String> = account
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, value)| !NO_FACTS.contains(&name.as_str()) && !value.is_null())
        .map(|(name, value)| format!("{name}: {}", value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
        .collect();
    facts.sort();
    page.observations.push(Observation {
        native_id: format!("{id}/profile"),
        aliases: Vec::new(),
        kind: Kind::Profile,
        parent: None,
        root: None,
        author: Author { native_id: Some(id), name: word("name"), handle: word("username") },
        created_at: None,
        url: word("username").map(|handle| format!("https://www.instagram.com/{handle}/")),
        hidden: false,
        content: Content {
            text: word("biography").unwrap_or_default(),
            parts: facts,
            links: word("website").into_iter().collect(),
            media: word("profile_picture_url").into_iter().map(picture).collect(),
        },
        counts: Counts { reactions: account.get("followers_count").and_then(Value::as_i64), ..Counts::default() },
        raw: 0..exchange.body.len(),
        superseded: false,
        in_part: false,
    });
    page
}

/// The picture has no id; the signature of its address changes and the file's name does not.
fn picture(url: String) -> Media {
    let file = url.split('?').next().unwrap_or_default().rsplit('/').next().unwrap_or_default().to_owned();
    Media { native_id: file, expires_at: graph::expiry(&url), url: Some(url), ..Media::default() }
}
