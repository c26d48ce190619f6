//! Graph answers to observations: pure and total.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use serde_json::value::RawValue;

use super::wire::{Attachment, Attachments, Comment, Named, Person, Photo, Post, Story, Summed, Video};
use crate::model::{Author, Content, Counts, Exchange, Kind, Media, Observation, Page, Problem, Timestamp};
use crate::platform::graph::{self, Next};
use crate::platform::json::{self, Count, FieldList, Id, Object, Objects, Text, wire};

/// One answer, read: what goes into the page, and what only the walk needs.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) observations: Vec<Observation>,
    pub(super) problems: Vec<Problem>,
    pub(super) next: Option<Next>,
    /// The platform's own count for this edge.
    pub(super) total: Option<i64>,
    /// How many objects the answer held, read or not.
    pub(super) objects: usize,
    pub(super) oldest: Option<Timestamp>,
    pub(super) newest: Option<Timestamp>,
    /// Posts whose album did not fit into this answer: their observations are not among the others.
    pub(super) albums: Vec<Observation>,
    /// Photos that stand in a post of their own: the post is the item.
    pub(super) in_posts: usize,
    /// How many comments each of them has of its own.
    pub(super) commented: HashMap<String, i64>,
    /// Posts that pass on another's: what is said of its photos is said on another's page.
    pub(super) passed_on: HashSet<String>,
    /// Comments that came without an id, where not even their link tells it.
    pub(super) nameless: usize,
}

/// Which objects an answer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Post,
    Video,
    Photo,
    Story,
}

/// Posts of a page, or a single one.
pub fn parse_posts(exchange: &Exchange, page_id: &str) -> Page {
    page(exchange, roots(&exchange.body, Shape::Post, page_id))
}

/// Comments and replies of one post, or a single one.
pub fn parse_comments(exchange: &Exchange, post_id: &str) -> Page {
    page(exchange, comments(&exchange.body, post_id))
}

fn page(exchange: &Exchange, batch: Batch) -> Page {
    let mut observations = batch.observations;
    observations.extend(batch.albums);
    Page { exchange: exchange.clone(), observations, problems: batch.problems, ..Page::default() }
}

pub(super) fn roots(body: &[u8], shape: Shape, page_id: &str) -> Batch {
    read(body, |batch, object| {
        let (observation, whole) = match shape {
            Shape::Post => {
                let (post, whole) = post(batch, object, page_id)?;
                (post, whole)
            }
            Shape::Video => (video(batch, object, page_id)?, true),
            Shape::Photo => (photo(batch, object)?, true),
            Shape::Story => (story(batch, object, page_id)?, true),
        };
        if let Some(at) = observation.created_at {
            batch.oldest = Some(batch.oldest.map_or(at, |oldest| oldest.min(at)));
            batch.newest = Some(batch.newest.map_or(at, |newest| newest.max(at)));
        }
        if whole {
            batch.observations.push(observation)
        } else {
            batch.albums.push(observation)
        }
        Some(())
    })
}

pub(super) fn comments(body: &[u8], post_id: &str) -> Batch {
    read(body, |batch, object| {
        let comment = comment(batch, object, post_id)?;
        batch.observations.push(comment);
        Some(())
    })
}

/// One page of a post's album, in the album's own order.
#[derive(Default)]
pub(super) struct AlbumPage {
    pub(super) content: Content,
    pub(super) problems: Vec<Problem>,
    /// Where the album goes on: its pages are nested, and so is their cursor.
    pub(super) after: Option<String>,
}

pub(super) fn album(body: &[u8]) -> AlbumPage {
    let mut page = AlbumPage::default();
    let batch = read(body, |batch, object| {
        let mended;
        let attachment = wire!(Attachment, batch, object, mended);
        attach(&mut page.content, &attachment);
        let onward = attachment.subattachments.as_ref().and_then(|inner| inner.paging.as_ref());
        let onward = onward.filter(|paging| paging.next.is_some()).and_then(|paging| paging.cursors.as_ref());
        page.after = onward.and_then(|cursors| cursors.after.as_deref()).map(str::to_owned);
        Some(())
    });
    page.problems = batch.problems;
    page
}

fn read(body: &[u8], mut each: impl FnMut(&mut Batch, &Object<'_, '_>) -> Option<()>) -> Batch {
    let mut batch = Batch::default();
    let text = json::readable(body, &mut batch.problems);
    let objects: Objects<'_> = json::objects(&text, &mut batch.problems);
    batch.next = graph::after(&objects);
    batch.total = objects.summary.as_ref().and_then(|summary| summary.total_count).map(|Count(total)| total);
    batch.objects = objects.objects.len() + objects.unread;
    batch.observations.reserve(objects.objects.len());
    for (place, raw) in &objects.objects {
        let object = Object { place, raw, range: json::range_in(&text, raw) };
        // What an object lacks has been said where it was found missing.
        let _nothing_more = each(&mut batch, &object);
    }
    batch
}

fn post(batch: &mut Batch, object: &Object<'_, '_>, page_id: &str) -> Option<(Observation, bool)> {
    let mended;
    let post = wire!(Post, batch, object, mended);
    let Some(id) = post.id.as_ref() else {
        batch.problems.push(Problem::new(object.place, "is a post without an id"));
        return None;
    };
    let (native_id, mut aliases) = post_id(&id.0, page_id);
    let mut content = Content {
        text: text(post.message.as_ref(), object.place, "message", &mut batch.problems),
        ..Content::default()
    };
    // What the platform wrote about the post ("… updated their cover photo") is shown as its words.
    content.parts.extend(post.story.as_deref().map(|story| json::clean(story, object.place, &mut batch.problems)));
    let whole = attachments(&mut content, post.attachments.as_ref());
    content
        .links
        .extend(post.call_to_action.as_ref().and_then(|call| call.value.as_ref()?.link.as_deref()).map(unshimmed));
    let film = post.attachments.as_ref().is_some_and(|list| list.data.iter().any(is_film));
    let passed_on = post.parent_id.is_some() || matches!(post.status_type.as_deref(), Some("shared_story"));
    if passed_on {
        batch.passed_on.insert(native_id.clone());
    }
    // A photo is another id of the post that brought it, not of one that shares or shows it again.
    if post.story.is_none() && !passed_on {
        aliases.extend(single_target(post.attachments.as_ref()).filter(|alias| *alias != native_id));
    }
    note_unknown(batch, object.place, &post);
    if !whole {
        let place = format!("{}.attachments", object.place);
        batch.problems.push(Problem::new(place, "the album is longer than this answer; it is read again in whole"));
    }
    let observation = Observation {
        native_id,
        aliases,
        kind: if film { Kind::Video } else { Kind::Post },
        parent: None,
        root: None,
        author: author(post.from.as_ref()),
        created_at: created(post.created_time.as_ref(), object.place, &mut batch.problems),
        url: post.permalink_url.as_deref().map(str::to_owned),
        hidden: post.is_hidden == Some(true),
        content,
        counts: Counts {
            shares: post.shares.and_then(|shares| shares.count).map(|Count(count)| count),
            ..counts(post.comments.as_ref(), post.reactions.as_ref())
        },
        raw: object.range.clone(),
        superseded: false,
        in_part: false,
    };
    Some((observation, whole))
}

/// `{page}_{story}`; a bare story id is an alias of that.
fn post_id(id: &str, page_id: &str) -> (String, Vec<String>) {
    if id.contains('_') || page_id.is_empty() {
        (id.to_owned(), Vec::new())
    } else {
        (format!("{page_id}_{id}"), vec![id.to_owned()])
    }
}

fn comment(batch: &mut Batch, object: &Object<'_, '_>, post_id: &str) -> Option<Observation> {
    let mended;
    let comment = wire!(Comment, batch, object, mended);
    let host = comment.object.as_ref().and_then(|host| host.id.as_ref()).map_or(post_id, |id| &id.0);
    let host = last_segment(host);
    let (native_id, aliases) = match &comment.id {
        Some(id) => comment_id(&id.0, host),
        None => match comment.permalink_url.as_deref().and_then(linked_comment) {
            Some(number) => {
                batch.problems.push(Problem::new(object.place, "came without its id, which its link told"));
                (format!("{host}_{number}"), Vec::new())
            }
            None => {
                batch.nameless += 1;
                let words = "is a comment without an id; the credential lacks the MODERATE task on the page";
                batch.problems.push(Problem::new(object.place, words));
                return None;
            }
        },
    };
    let parent = comment.parent.as_ref().and_then(|parent| parent.id.as_ref()).map(|id| comment_id(&id.0, host).0);
    let mut content = Content {
        text: text(comment.message.as_ref(), object.place, "message", &mut batch.problems),
        ..Content::default()
    };
    if let Some(attachment) = &comment.attachment {
        attach(&mut content, attachment);
        unknown_form(batch, object.place, attachment);
    }
    Some(Observation {
        native_id,
        aliases,
        kind: if parent.is_some() { Kind::Reply } else { Kind::Comment },
        parent: Some(parent.unwrap_or_else(|| post_id.to_owned())),
        root: Some(post_id.to_owned()),
        author: author(comment.from.as_ref()),
        created_at: created(comment.created_time.as_ref(), object.place, &mut batch.problems),
        url: comment.permalink_url.as_deref().map(str::to_owned),
        hidden: comment.is_hidden == Some(true),
        content,
        counts: Counts {
            comments: comment.comment_count.map(|Count(count)| count),
            reactions: comment.like_count.map(|Count(count)| count),
            shares: None,
        },
        raw: object.range.clone(),
        superseded: false,
        in_part: false,
    })
}

/// `{post's object}_{n}`; a bare number is an alias of that.
fn comment_id(id: &str, host: &str) -> (String, Vec<String>) {
    if id.contains('_') { (id.to_owned(), Vec::new()) } else { (format!("{host}_{id}"), vec![id.to_owned()]) }
}

fn last_segment(id: &str) -> &str {
    id.rsplit_once('_').map_or(id, |(_, last)| last)
}

/// The id that a comment's link names, where the platform withholds the id itself.
fn linked_comment(url: &str) -> Option<String> {
    let url = reqwest::Url::parse(url).ok()?;
    let named = |name: &str| url.query_pairs().find(|(known, _)| known == name).map(|(_, id)| id.into_owned());
    named("reply_comment_id")
        .or_else(|| named("comment_id"))
        .map(|id| last_segment(&id).to_owned())
        .filter(|id| !id.is_empty())
}

fn video(batch: &mut Batch, object: &Object<'_, '_>, page_id: &str) -> Option<Observation> {
    let mended;
    let video = wire!(Video, batch, object, mended);
    let Some(id) = video.id.as_ref().map(|id| id.0.clone().into_owned()) else {
        batch.problems.push(Problem::new(object.place, "is a video without an id"));
        return None;
    };
    let picture = video.picture.as_deref();
    let media = Media {
        native_id: id.clone(),
        url: video.source.as_deref().or(picture).map(str::to_owned),
        expires_at: video.source.as_deref().or(picture).and_then(graph::expiry),
        ..Media::default()
    };
    Some(Observation {
        native_id: id,
        aliases: video.post_id.iter().map(|id| post_id(&id.0, page_id).0).collect(),
        kind: Kind::Video,
        parent: None,
        root: None,
        author: author(video.from.as_ref()),
        created_at: created(video.created_time.as_ref(), object.place, &mut batch.problems),
        url: video.permalink_url.as_deref().map(absolute),
        hidden: false,
        content: Content {
            text: text(video.description.as_ref(), object.place, "description", &mut batch.problems),
            parts: video.title.iter().map(|title| json::clean(title, object.place, &mut batch.problems)).collect(),
            links: Vec::new(),
            media: vec![media],
        },
        counts: counts(video.comments.as_ref(), video.reactions.as_ref()),
        raw: object.range.clone(),
        superseded: false,
        in_part: false,
    })
}

/// A photo that stands in no post; `None` for one that does.
fn photo(batch: &mut Batch, object: &Object<'_, '_>) -> Option<Observation> {
    let mended;
    let photo = wire!(Photo, batch, object, mended);
    let created_at = created(photo.created_time.as_ref(), object.place, &mut batch.problems);
    if photo.page_story_id.is_some() {
        batch.in_posts += 1;
        let comments = counts(photo.comments.as_ref(), None).comments;
        batch.commented.extend(photo.id.as_ref().map(|id| id.0.clone().into_owned()).zip(comments));
        batch.oldest = batch.oldest.into_iter().chain(created_at).min();
        batch.newest = batch.newest.into_iter().chain(created_at).max();
        return None;
    }
    let Some(id) = photo.id.as_ref().map(|id| id.0.clone().into_owned()) else {
        batch.problems.push(Problem::new(object.place, "is a photo without an id"));
        return None;
    };
    let largest = photo.images.iter().max_by_key(|image| image.width.map_or(0, |Count(width)| width));
    let url = largest.and_then(|image| image.source.as_deref().or(image.src.as_deref()));
    let media = Media {
        native_id: id.clone(),
        url: url.map(str::to_owned),
        alt: photo.alt_text_custom.as_deref().or(photo.alt_text.as_deref()).map(str::to_owned),
        expires_at: url.and_then(graph::expiry),
        ..Media::default()
    };
    Some(Observation {
        native_id: id,
        aliases: Vec::new(),
        kind: Kind::Post,
        parent: None,
        root: None,
        author: author(photo.from.as_ref()),
        created_at,
        url: photo.link.as_deref().map(str::to_owned),
        hidden: false,
        content: Content {
            text: text(photo.name.as_ref(), object.place, "name", &mut batch.problems),
            media: vec![media],
            ..Content::default()
        },
        counts: counts(photo.comments.as_ref(), photo.reactions.as_ref()),
        raw: object.range.clone(),
        superseded: false,
        in_part: false,
    })
}

fn story(batch: &mut Batch, object: &Object<'_, '_>, page_id: &str) -> Option<Observation> {
    let mended;
    let story = wire!(Story, batch, object, mended);
    let Some(id) = story.post_id.as_ref() else {
        batch.problems.push(Problem::new(object.place, "is a story without an id"));
        return None;
    };
    let (native_id, aliases) = post_id(&id.0, page_id);
    let media = story.media_id.as_ref().map(|id| Media { native_id: id.0.clone().into_owned(), ..Media::default() });
    if let Some(status) =
        story.status.as_deref().filter(|status| !matches!(*status, "published" | "archived" | "PUBLISHED" | "ARCHIVED"))
    {
        batch.problems.push(Problem::new(format!("{}.status", object.place), unknown_word(status)));
    }
    Some(Observation {
        native_id,
        aliases,
        kind: Kind::Story,
        parent: None,
        root: None,
        author: Author { native_id: Some(page_id.to_owned()).filter(|id| !id.is_empty()), ..Author::default() },
        created_at: created(story.creation_time.as_ref(), object.place, &mut batch.problems),
        url: story.url.as_deref().map(str::to_owned),
        hidden: false,
        content: Content { media: media.into_iter().collect(), ..Content::default() },
        counts: Counts::default(),
        raw: object.range.clone(),
        superseded: false,
        in_part: false,
    })
}

fn text(text: Option<&json::TextOf<'_>>, place: &str, field: &str, problems: &mut Vec<Problem>) -> String {
    let Some(text) = text else { return String::new() };
    if text.as_bytes().contains(&0) {
        return json::clean(text, &format!("{place}.{field}"), problems);
    }
    (**text).to_owned()
}

fn author(from: Option<&Person<'_>>) -> Author {
    let Some(from) = from else { return Author::default() };
    let owned = |text: &Text<'_>| text.as_deref().map(str::to_owned);
    Author {
        native_id: from.id.as_ref().map(|id| id.0.clone().into_owned()),
        name: owned(&from.name),
        handle: owned(&from.username),
    }
}

fn created(time: Option<&Id<'_>>, place: &str, problems: &mut Vec<Problem>) -> Option<Timestamp> {
    let read = time.and_then(|time| json::time(&time.0));
    if read.is_none() {
        let what = if time.is_some() { "is not a time" } else { "is not there: when it was written is not known" };
        problems.push(Problem::new(format!("{place}.created_time"), what));
    }
    read
}

fn counts(comments: Option<&Summed>, reactions: Option<&Summed>) -> Counts {
    let total = |summed: Option<&Summed>| {
        summed
            .and_then(|summed| summed.summary.as_ref())
            .and_then(|summary| summary.total_count)
            .map(|Count(count)| count)
    };
    Counts { comments: total(comments), reactions: total(reactions), shares: None }
}

/// Puts attachments into a content; false when an album was cut short.
fn attachments(content: &mut Content, attachments: Option<&Attachments<'_>>) -> bool {
    let Some(attachments) = attachments else { return true };
    let mut whole = true;
    for attachment in &attachments.data {
        attach(content, attachment);
        whole &= attachment.subattachments.as_ref().is_none_or(|inner| {
            let onward = inner.paging.as_ref().is_some_and(|paging| paging.next.is_some());
            !onward && inner.data.len() < 100
        });
    }
    whole
}

fn attach(content: &mut Content, attachment: &Attachment<'_>) {
    for words in [&attachment.title, &attachment.description] {
        let words = words.as_deref().unwrap_or_default();
        if !words.is_empty() && words != content.text && !content.parts.iter().any(|part| part == words) {
            content.parts.push(words.replace('\0', "\u{fffd}"));
        }
    }
    if let Some(inner) = attachment.subattachments.as_ref().filter(|inner| !inner.data.is_empty()) {
        inner.data.iter().for_each(|attachment| attach(content, attachment));
        return;
    }
    match medium(attachment) {
        Some(medium) if content.media.iter().any(|known| known.native_id == medium.native_id) => {}
        Some(medium) => content.media.push(medium),
        None => {
            let url = attachment.unshimmed_url.as_deref().or(attachment.url.as_deref());
            content.links.extend(url.filter(|url| !url.is_empty()).map(unshimmed));
        }
    }
}

/// The picture or film of an attachment. A link's preview picture is none: it has no id and belongs to somebody else.
fn medium(attachment: &Attachment<'_>) -> Option<Media> {
    if is_link(attachment) {
        return None;
    }
    let media = attachment.media.as_ref()?;
    let id = attachment.target.as_ref().and_then(|target| target.id.as_ref())?;
    let picture = media.image.as_ref().and_then(|image| image.src.as_deref());
    let url = media.source.as_deref().or(picture);
    Some(Media {
        native_id: id.0.clone().into_owned(),
        url: url.map(str::to_owned),
        expires_at: url.and_then(graph::expiry),
        ..Media::default()
    })
}

fn is_link(attachment: &Attachment<'_>) -> bool {
    matches!(attachment.media_type.as_deref(), Some("link"))
        || matches!(attachment.form.as_deref(), Some("share" | "share_severe" | "map" | "event"))
}

fn is_film(attachment: &Attachment<'_>) -> bool {
    attachment.media_type.as_deref() == Some("video")
        || attachment.form.as_deref().is_some_and(|form| form.starts_with("video"))
}

/// The photo or film that a post consists of: comments may hang there, and people link to it.
fn single_target(attachments: Option<&Attachments<'_>>) -> Option<String> {
    let [attachment] = attachments?.data.as_slice() else { return None };
    if is_link(attachment) || attachment.subattachments.as_ref().is_some_and(|inner| !inner.data.is_empty()) {
        return None;
    }
    let Named { id } = attachment.target.as_ref()?;
    attachment.media.as_ref()?;
    id.as_ref().map(|id| id.0.clone().into_owned())
}

/// The address behind Facebook's redirector, and any other address as it is.
fn unshimmed(url: &str) -> String {
    let Ok(parsed) = reqwest::Url::parse(url) else { return url.to_owned() };
    let shim = parsed.host_str().is_some_and(|host| host == "l.facebook.com" || host == "lm.facebook.com");
    if !shim || parsed.path() != "/l.php" {
        return url.to_owned();
    }
    parsed.query_pairs().find(|(name, _)| name == "u").map_or_else(|| url.to_owned(), |(_, url)| url.into_owned())
}

fn absolute(link: &str) -> String {
    if link.starts_with('/') { format!("https://www.facebook.com{link}") } else { link.to_owned() }
}

/// Names words of closed lists that are not among those known; nothing depends on them.
fn note_unknown(batch: &mut Batch, place: &str, post: &Post<'_>) {
    const STATUS: &[&str] = &[
        "added_photos",
        "added_video",
        "app_created_story",
        "approved_friend",
        "created_event",
        "created_group",
        "created_note",
        "mobile_status_update",
        "published_story",
        "shared_story",
        "tagged_in_photo",
        "wall_post",
    ];
    if let Some(status) = post.status_type.as_deref().filter(|status| !STATUS.contains(status)) {
        batch.problems.push(Problem::new(format!("{place}.status_type"), unknown_word(status)));
    }
    for attachment in post.attachments.iter().flat_map(|list| &list.data) {
        unknown_form(batch, place, attachment);
    }
}

fn unknown_form(batch: &mut Batch, place: &str, attachment: &Attachment<'_>) {
    const MEDIA: &[&str] =
        &["album", "event", "link", "music", "offer", "photo", "video", "status", "share", "sticker"];
    if let Some(word) = attachment.media_type.as_deref().filter(|word| !MEDIA.contains(word)) {
        batch.problems.push(Problem::new(format!("{place}.attachments.media_type"), unknown_word(word)));
    }
}

/// A platform's word is not content, but what stands in its place might be: only a plain word is repeated.
fn unknown_word(word: &str) -> Cow<'static, str> {
    let plain = word.len() <= 40 && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if plain {
        Cow::Owned(format!("is a word that is not known: {word}"))
    } else {
        Cow::Borrowed("is a word that is not known")
    }
}

/// An answer's fields as facts, for profiles.
pub(super) fn fields(text: &str) -> Vec<(String, &RawValue)> {
    FieldList::read(text).unwrap_or_default().into_iter().map(|(name, raw)| (name.into_owned(), raw)).collect()
}
