//! Reading what X says of an account.

use super::envelope::{data, errors};
use super::parse::{Read, author};
use crate::model::{Content, Counts, Exchange, Kind, Media, Observation, Page};
use crate::platform::lenient::{Body, Obj};

/// The account's own facts out of a user lookup, with how many posts X counts.
pub fn parse_user(exchange: &Exchange) -> (Page, Option<User>) {
    let body = Body::of(exchange);
    let mut read = Read::default();
    let mut found = None;
    if let Some(root) = body.root() {
        root.expect(&["data", "includes", "errors", "title", "detail", "type", "status"]);
        errors(&root, &mut read);
        for object in data(&root).0 {
            let Some(user) = User::of(&object) else { continue };
            read.page.observations.push(user.observation(&object));
            found = found.or(Some(user));
        }
    }
    read.page.problems = body.problems();
    read.page.exchange = exchange.clone();
    (read.page, found)
}

/// One X account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct User {
    pub id: String,
    pub username: String,
    pub name: String,
    pub posts: Option<i64>,
    pub protected: bool,
}

const USER_FIELDS: &[&str] = &[
    "id",
    "name",
    "username",
    "created_at",
    "description",
    "entities",
    "location",
    "pinned_tweet_id",
    "pinned_post_id",
    "most_recent_tweet_id",
    "most_recent_post_id",
    "profile_image_url",
    "profile_banner_url",
    "protected",
    "public_metrics",
    "url",
    "verified",
    "verified_type",
    "verified_followers_count",
    "withheld",
    "affiliation",
    "connection_status",
    "subscription_type",
    "subscription",
    "receives_your_dm",
    "subscribes_to_you",
    "parody",
    "is_identity_verified",
    "confirmed_email",
];

impl User {
    pub(super) fn of(object: &Obj) -> Option<User> {
        object.expect(USER_FIELDS);
        let id = object.id("id").or_else(|| {
            object.problem("id", "missing");
            None
        })?;
        let metrics = object.obj("public_metrics");
        let posts = metrics.and_then(|metrics| metrics.int("tweet_count").or_else(|| metrics.int("post_count")));
        Some(User {
            id,
            username: object.str("username").unwrap_or_default(),
            name: object.str("name").unwrap_or_default(),
            posts,
            protected: object.flag("protected").unwrap_or(false),
        })
    }

    fn observation(&self, object: &Obj) -> Observation {
        let facts = ["description", "location", "verified_type"].iter().filter_map(|key| object.str(key));
        let protected = self.protected.then(|| "protected".to_owned());
        let pinned = object.str_of(&["pinned_tweet_id", "pinned_post_id"]).map(|id| format!("pinned: {id}"));
        let portrait = object.str("profile_image_url").map(|url| picture(&url));
        let banner = object.str("profile_banner_url").map(|url| picture(&url));
        Observation {
            native_id: self.id.clone(),
            aliases: Vec::new(),
            kind: Kind::Profile,
            parent: None,
            root: None,
            author: author(&self.id, Some(self)),
            created_at: object.time("created_at"),
            url: (!self.username.is_empty()).then(|| format!("https://x.com/{}", self.username)),
            hidden: false,
            content: Content {
                text: self.name.clone(),
                parts: facts.chain(protected).chain(pinned).filter(|fact| !fact.is_empty()).collect(),
                links: profile_links(object),
                media: portrait.into_iter().chain(banner).collect(),
            },
            counts: Counts::default(),
            raw: object.range(),
            superseded: false,
            in_part: false,
        }
    }
}

/// A profile picture has no id: its path on X's media host names it.
fn picture(url: &str) -> Media {
    let path = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = path.split_once('/').map_or(path, |(_, path)| path);
    Media { native_id: path.to_owned(), url: Some(url.to_owned()), ..Media::default() }
}

fn profile_links(object: &Obj) -> Vec<String> {
    let Some(entities) = object.obj("entities") else { return object.str("url").into_iter().collect() };
    let groups = ["url", "description"].iter().filter_map(|key| entities.obj(key));
    groups.flat_map(|group| group.objects("urls")).filter_map(|url| url.str_of(&["expanded_url", "url"])).collect()
}
