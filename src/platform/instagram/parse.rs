//! Instagram's half of the Graph API to observations: pure and total.

use serde::Deserialize;

use crate::model::{Author, Content, Counts, Exchange, Kind, Media, Observation, Page, Problem, Timestamp};
use crate::platform::graph::{self, Next};
use crate::platform::json::{self, Count, Id, Object, Text, TextOf, Unread, wire};

/// What is asked of a medium.
pub(super) const MEDIA_FIELDS: &[&str] = &[
    "id",
    "ig_id",
    "shortcode",
    "permalink",
    "caption",
    "alt_text",
    "media_type",
    "media_product_type",
    "media_url",
    "timestamp",
    "username",
    "owner{id}",
    "is_comment_enabled",
    "is_shared_to_feed",
    "comments_count",
    "like_count",
    "children{id,media_type,media_url,alt_text,permalink}",
];

/// Of media in which the account is tagged, the owner is not told.
pub(super) const TAG_FIELDS: &[&str] = &[
    "id",
    "permalink",
    "caption",
    "media_type",
    "media_url",
    "timestamp",
    "username",
    "comments_count",
    "like_count",
    "children{id,media_type,media_url,permalink}",
];

/// What is asked of a comment or reply. Of its replies the ids alone: each is read whole over its own edge, so that no
/// item's JSON lies inside another's.
pub(super) const COMMENT_FIELDS: &[&str] =
    &["id", "text", "timestamp", "username", "from{id,username}", "hidden", "like_count", "parent_id", "replies{id}"];

pub(super) const REPLY_FIELDS: &[&str] =
    &["id", "text", "timestamp", "username", "from{id,username}", "hidden", "like_count", "parent_id"];

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Owner<'a> {
    #[serde(borrow)]
    id: Option<Id<'a>>,
    #[serde(borrow)]
    username: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Medium<'a> {
    #[serde(borrow)]
    id: Option<Id<'a>>,
    ig_id: Unread,
    shortcode: Unread,
    #[serde(borrow)]
    permalink: Text<'a>,
    #[serde(borrow)]
    caption: Text<'a>,
    #[serde(borrow)]
    alt_text: Text<'a>,
    #[serde(borrow)]
    media_type: Text<'a>,
    #[serde(borrow)]
    media_product_type: Text<'a>,
    #[serde(borrow)]
    media_url: Text<'a>,
    thumbnail_url: Unread,
    #[serde(borrow)]
    timestamp: Option<Id<'a>>,
    #[serde(borrow)]
    username: Text<'a>,
    #[serde(borrow)]
    owner: Option<Owner<'a>>,
    is_comment_enabled: Unread,
    is_shared_to_feed: Unread,
    comments_count: Option<Count>,
    like_count: Option<Count>,
    view_count: Unread,
    #[serde(borrow)]
    video_title: Text<'a>,
    legacy_instagram_media_id: Unread,
    #[serde(borrow)]
    children: Option<Children<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Children<'a> {
    #[serde(borrow)]
    data: Vec<Medium<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Remark<'a> {
    #[serde(borrow)]
    id: Option<Id<'a>>,
    #[serde(borrow)]
    text: Text<'a>,
    #[serde(borrow)]
    timestamp: Option<Id<'a>>,
    #[serde(borrow)]
    username: Text<'a>,
    #[serde(borrow)]
    from: Option<Owner<'a>>,
    #[serde(borrow)]
    user: Option<Owner<'a>>,
    hidden: Option<bool>,
    like_count: Option<Count>,
    #[serde(borrow)]
    parent_id: Option<Id<'a>>,
    media: Unread,
    legacy_instagram_comment_id: Unread,
    #[serde(borrow)]
    replies: Option<Replies<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Replies<'a> {
    #[serde(borrow)]
    data: Vec<&'a serde_json::value::RawValue>,
}

/// One answer, read: what goes into the page, and what only the walk needs.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) observations: Vec<Observation>,
    pub(super) problems: Vec<Problem>,
    pub(super) next: Option<Next>,
    /// How many objects the answer held, read or not.
    pub(super) objects: usize,
    pub(super) oldest: Option<Timestamp>,
    pub(super) newest: Option<Timestamp>,
    /// Comments that have replies.
    pub(super) answered: Vec<String>,
    /// Media whose bytes the platform gives no address for.
    pub(super) withheld: Vec<String>,
}

/// Media of an account, or a single one.
pub fn parse_posts(exchange: &Exchange, account_id: &str) -> Page {
    page(exchange, media(&exchange.body, account_id))
}

/// Comments and replies of one medium, or a single one.
pub fn parse_comments(exchange: &Exchange, media_id: &str) -> Page {
    page(exchange, comments(&exchange.body, media_id, None))
}

fn page(exchange: &Exchange, batch: Batch) -> Page {
    Page { exchange: exchange.clone(), observations: batch.observations, problems: batch.problems, ..Page::default() }
}

/// Media; `account` wrote those that name nobody, unless it is empty.
pub(super) fn media(body: &[u8], account: &str) -> Batch {
    read(body, |batch, object| {
        let seen = medium(batch, object, account)?;
        batch.oldest = batch.oldest.into_iter().chain(seen.created_at).min();
        batch.newest = batch.newest.into_iter().chain(seen.created_at).max();
        batch.observations.push(seen);
        Some(())
    })
}

/// Comments of a medium, or replies to one of them.
pub(super) fn comments(body: &[u8], root: &str, parent: Option<&str>) -> Batch {
    read(body, |batch, object| remark(batch, object, root, parent))
}

fn read(body: &[u8], mut each: impl FnMut(&mut Batch, &Object<'_, '_>) -> Option<()>) -> Batch {
    let mut batch = Batch::default();
    let text = json::readable(body, &mut batch.problems);
    let objects = json::objects(&text, &mut batch.problems);
    batch.next = graph::after(&objects);
    batch.objects = objects.objects.len() + objects.unread;
    for (place, raw) in &objects.objects {
        let object = Object { place, raw, range: json::range_in(&text, raw) };
        // What an object lacks has been said where it was found missing.
        let _nothing_more = each(&mut batch, &object);
    }
    batch
}

fn medium(batch: &mut Batch, object: &Object<'_, '_>, account: &str) -> Option<Observation> {
    let mended;
    let medium = wire!(Medium, batch, object, mended);
    let Some(id) = medium.id.as_ref().map(|id| id.0.clone().into_owned()) else {
        batch.problems.push(Problem::new(object.place, "is a medium without an id"));
        return None;
    };
    let shown: Vec<Media> = match medium.children.as_ref().filter(|children| !children.data.is_empty()) {
        Some(children) => children.data.iter().filter_map(file).collect(),
        None => file(&medium).into_iter().collect(),
    };
    if shown.iter().any(|file| file.url.is_none()) {
        batch.withheld.push(id.clone());
    }
    let owner = medium.owner.as_ref();
    Some(Observation {
        native_id: id,
        aliases: Vec::new(),
        kind: kind(&medium, object.place, &mut batch.problems),
        parent: None,
        root: None,
        author: Author {
            native_id: owner
                .and_then(|owner| owner.id.as_ref())
                .map(|id| id.0.clone().into_owned())
                .or_else(|| Some(account.to_owned()).filter(|account| !account.is_empty())),
            name: None,
            handle: owned(medium.username.as_ref().or(owner.and_then(|owner| owner.username.as_ref()))),
        },
        created_at: created(medium.timestamp.as_ref(), object.place, &mut batch.problems),
        url: owned(medium.permalink.as_ref()),
        hidden: false,
        content: Content {
            text: text(medium.caption.as_ref(), object.place, "caption", &mut batch.problems),
            parts: owned(medium.video_title.as_ref()).into_iter().collect(),
            links: Vec::new(),
            media: shown,
        },
        counts: Counts {
            comments: medium.comments_count.map(|Count(count)| count),
            reactions: medium.like_count.map(|Count(count)| count),
            shares: None,
        },
        raw: object.range.clone(),
        superseded: false,
        in_part: false,
    })
}

fn kind(medium: &Medium<'_>, place: &str, problems: &mut Vec<Problem>) -> Kind {
    let mut unknown =
        |field: &str| problems.push(Problem::new(format!("{place}.{field}"), "is a word that is not known"));
    match medium.media_product_type.as_deref() {
        Some("STORY") => return Kind::Story,
        Some("REELS") => return Kind::Video,
        None | Some("FEED" | "AD") => {}
        Some(_) => unknown("media_product_type"),
    }
    match medium.media_type.as_deref() {
        Some("VIDEO") => Kind::Video,
        None | Some("IMAGE" | "CAROUSEL_ALBUM") => Kind::Post,
        Some(_) => {
            unknown("media_type");
            Kind::Post
        }
    }
}

/// The picture or film of a medium. Its address is left out by the platform where rights are claimed in it.
fn file(medium: &Medium<'_>) -> Option<Media> {
    let url = medium.media_url.as_deref();
    Some(Media {
        native_id: medium.id.as_ref()?.0.clone().into_owned(),
        url: url.map(str::to_owned),
        alt: owned(medium.alt_text.as_ref()),
        expires_at: url.and_then(graph::expiry),
        ..Media::default()
    })
}

fn remark(batch: &mut Batch, object: &Object<'_, '_>, root: &str, parent: Option<&str>) -> Option<()> {
    let mended;
    let remark = wire!(Remark, batch, object, mended);
    let Some(id) = remark.id.as_ref().map(|id| id.0.clone().into_owned()) else {
        batch.problems.push(Problem::new(object.place, "is a comment without an id"));
        return None;
    };
    let above = remark.parent_id.as_ref().map(|id| &*id.0).or(parent).filter(|above| *above != root);
    let from = remark.from.as_ref().or(remark.user.as_ref());
    let seen = Observation {
        native_id: id.clone(),
        aliases: Vec::new(),
        kind: if above.is_some() { Kind::Reply } else { Kind::Comment },
        parent: Some(above.unwrap_or(root).to_owned()),
        root: Some(root.to_owned()),
        author: Author {
            native_id: from.and_then(|from| from.id.as_ref()).map(|id| id.0.clone().into_owned()),
            name: None,
            handle: owned(from.and_then(|from| from.username.as_ref()).or(remark.username.as_ref())),
        },
        created_at: created(remark.timestamp.as_ref(), object.place, &mut batch.problems),
        url: None,
        hidden: remark.hidden == Some(true),
        content: Content {
            text: text(remark.text.as_ref(), object.place, "text", &mut batch.problems),
            ..Content::default()
        },
        counts: Counts { reactions: remark.like_count.map(|Count(count)| count), ..Counts::default() },
        raw: object.range.clone(),
        superseded: false,
        in_part: false,
    };
    batch.observations.push(seen);
    let replies = remark.replies.as_ref().map_or(&[][..], |replies| &replies.data);
    if !replies.is_empty() {
        batch.answered.push(id.clone());
    }
    for (n, reply) in replies.iter().enumerate() {
        nested(batch, object, &format!("{}.replies[{n}]", object.place), reply, (root, &id));
    }
    Some(())
}

/// A reply that came inside its comment: nothing where it is the bare id that we ask for.
fn nested(
    batch: &mut Batch,
    outer: &Object<'_, '_>,
    place: &str,
    raw: &serde_json::value::RawValue,
    (root, parent): (&str, &str),
) {
    let bare = serde_json::from_str::<Remark<'_>>(raw.get())
        .is_ok_and(|reply| reply.id.is_some() && reply.text.is_none() && reply.timestamp.is_none());
    if !bare {
        let object = Object { place, raw, range: json::range_within(outer, raw) };
        let _nothing_more = remark(batch, &object, root, Some(parent));
    }
}

fn owned(text: Option<&TextOf<'_>>) -> Option<String> {
    text.map(|text| text.to_string())
}

fn text(text: Option<&TextOf<'_>>, place: &str, field: &str, problems: &mut Vec<Problem>) -> String {
    text.map_or_else(String::new, |text| json::clean(text, &format!("{place}.{field}"), problems))
}

fn created(time: Option<&Id<'_>>, place: &str, problems: &mut Vec<Problem>) -> Option<Timestamp> {
    let read = time.and_then(|time| json::time(&time.0));
    if read.is_none() {
        let what = if time.is_some() { "is not a time" } else { "is not there: when it was written is not known" };
        problems.push(Problem::new(format!("{place}.timestamp"), what));
    }
    read
}
