//! Reading the answers of account servers and of the AppView: pure and total.

use std::collections::BTreeSet;

use serde_json::value::RawValue;

use super::identity::{Place, web_page, written};
use super::record::{self, Blobs, author_of};
use crate::model::{Author, Content, Counts, Exchange, Kind, Media, Observation, Page};
use crate::platform::lenient::{Body, Obj};

/// How deep a thread is followed in one answer: twice as deep as is asked for.
const DEPTH: usize = 400;

/// What is needed to read any answer of an account.
#[derive(Debug, Clone, Copy)]
pub struct Eye<'a> {
    pub blobs: Blobs<'a>,
    pub handle: &'a str,
    /// Replies that the account hides (its threadgates).
    pub hidden: &'a BTreeSet<String>,
}

/// One record of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub uri: String,
    /// When it was written, as far as that can be told.
    pub at: Option<crate::model::Timestamp>,
    /// A post that answers none: a thread stands under it.
    pub root: bool,
    /// It shows another's words: they are to be had from the AppView.
    pub quotes: bool,
    /// What a repost passes on.
    pub subject: Option<String>,
}

/// A page of records of the account's own server.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Listed {
    pub page: Page,
    pub next: Option<String>,
    pub records: Vec<Record>,
    /// Something on it could not be read.
    pub lost: bool,
}

/// Reads a listing of posts or reposts, or one record by itself. Posts that quote are left to the AppView unless `alone`:
/// then this is all that is to be had of them.
pub fn parse_records(exchange: &Exchange, eye: Eye, alone: bool) -> Listed {
    let body = Body::of(exchange);
    let mut listed = Listed::default();
    if let Some(root) = body.root() {
        root.expect(&["records", "cursor", "uri", "cid", "value"]);
        listed.next = root.str("cursor").filter(|cursor| !cursor.is_empty());
        let (items, lost) = if root.has("value") { (vec![root.clone()], false) } else { root.all_objects("records") };
        for item in &items {
            read_record(item, eye, alone, exchange, &mut listed);
        }
        listed.lost |= lost;
    }
    listed.page.problems = body.problems();
    listed.page.exchange = exchange.clone();
    listed
}

fn read_record(item: &Obj, eye: Eye, alone: bool, exchange: &Exchange, listed: &mut Listed) {
    let (Some(uri), Some(value)) = (item.str("uri"), item.obj("value")) else {
        listed.lost = true;
        return item.problem("uri", "a record without address or value");
    };
    let Some(place) = Place::of(&uri) else {
        listed.lost = true;
        return item.problem("uri", "no address of a record");
    };
    let repost = value.str("$type").as_deref() == Some("app.bsky.feed.repost");
    let at = written(value.time("createdAt"), None, place.rkey, exchange.at);
    let quotes = !repost && record::quotes(&value);
    let subject = repost.then(|| value.obj("subject").and_then(|subject| subject.str("uri"))).flatten();
    let root = !repost && !value.has("reply");
    if alone || !(repost || quotes) {
        let mut seen = if repost { passed_on(&uri, subject.as_deref(), None) } else { post(&uri, &value, None, eye) };
        seen.in_part |= repost;
        seen.created_at = at;
        seen.author.handle = Some(eye.handle.to_owned()).filter(|handle| !handle.is_empty());
        seen.raw = item.range();
        listed.page.observations.push(seen);
    }
    listed.records.push(Record { uri: uri.clone(), at, root, quotes, subject });
}

/// The account's threadgates.
#[derive(Debug, Default)]
pub struct Gates {
    pub page: Page,
    pub next: Option<String>,
    pub uris: Vec<String>,
    /// The answers that they hide.
    pub hidden: BTreeSet<String>,
}

/// The replies that the account hides, out of a listing of its threadgates.
pub fn parse_gates(exchange: &Exchange) -> Gates {
    let body = Body::of(exchange);
    let mut gates = Gates::default();
    if let Some(root) = body.root() {
        gates.next = root.str("cursor").filter(|cursor| !cursor.is_empty());
        for item in root.objects("records") {
            gates.uris.extend(item.str("uri"));
            gates.hidden.extend(item.obj("value").into_iter().flat_map(|gate| gate.strs("hiddenReplies")));
        }
    }
    gates.page.problems = body.problems();
    gates.page.exchange = exchange.clone();
    gates
}

/// Posts by their addresses, as the AppView shows them; `reposts` tells which of them the account passes on, and by what
/// record: such an item is the passing on, not the post.
pub fn parse_posts(exchange: &Exchange, eye: Eye, reposts: &[Record]) -> (Page, Vec<String>) {
    let body = Body::of(exchange);
    let mut page = Page::default();
    let mut found = Vec::new();
    if let Some(root) = body.root() {
        root.expect(&["posts"]);
        for object in root.objects("posts") {
            let Some(seen) = shown(&object, eye, exchange) else { continue };
            found.push(seen.native_id.clone());
            let passing = reposts.iter().filter(|repost| repost.subject.as_deref() == Some(&seen.native_id));
            let passed: Vec<Observation> = passing
                .map(|repost| Observation {
                    created_at: repost.at,
                    raw: object.range(),
                    ..passed_on(&repost.uri, Some(&seen.native_id), Some(&seen.content))
                })
                .collect();
            if reposts.is_empty() {
                page.observations.push(seen);
            }
            page.observations.extend(passed);
        }
    }
    page.problems = body.problems();
    page.exchange = exchange.clone();
    (page, found)
}

/// One node of a thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    pub uri: String,
    /// How many direct replies are counted, and how many were shown.
    pub counted: i64,
    pub shown: i64,
}

/// What a thread answer holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Thread {
    pub page: Page,
    /// The first is the post that was asked for.
    pub nodes: Vec<Node>,
    /// Replies hidden by the threadgate that came along.
    pub hidden: BTreeSet<String>,
    /// A post stands in it that could not be read.
    pub lost: bool,
}

/// Reads a thread downward from the post that was asked for. Parents are not read: each post is observed under its own
/// thread.
pub fn parse_thread(exchange: &Exchange, eye: Eye) -> Thread {
    let body = Body::of(exchange);
    let mut thread = Thread::default();
    if let Some(root) = body.root().filter(|_| matches!(exchange.status, 200..=299)) {
        root.expect(&["thread", "threadgate"]);
        let top = root.obj("thread");
        thread.hidden = gated(&root);
        thread.hidden.extend(top.as_ref().and_then(|top| top.obj("post")).map(|post| gated(&post)).unwrap_or_default());
        let hidden = eye.hidden.union(&thread.hidden).cloned().collect();
        if let Some(top) = top {
            descend(top, Eye { hidden: &hidden, ..eye }, exchange, &mut thread);
        }
    }
    thread.page.problems = body.problems();
    thread.page.exchange = exchange.clone();
    thread
}

fn gated(holder: &Obj) -> BTreeSet<String> {
    let record = holder.obj("threadgate").and_then(|gate| gate.obj("record"));
    record.map(|record| record.strs("hiddenReplies").into_iter().collect()).unwrap_or_default()
}

/// Walks the tree without recursion, in the order of reading.
fn descend<'a>(top: Obj<'a>, eye: Eye, exchange: &Exchange, thread: &mut Thread) {
    let body = top.body();
    let mut stack: Vec<(Obj<'a>, usize)> = vec![(top, 0)];
    while let Some((node, depth)) = stack.pop() {
        let kind = node.word("$type", NODES).unwrap_or_default();
        if kind.ends_with("#notFoundPost") || kind.ends_with("#blockedPost") {
            continue;
        }
        node.expect(&["$type", "post", "parent", "replies", "threadContext"]);
        let Some(post) = node.obj("post") else { continue };
        let replies: Vec<&RawValue> = node.list("replies");
        let Some(seen) = shown(&post, eye, exchange) else {
            thread.lost = true;
            continue;
        };
        let given = replies.len();
        let children: Vec<Obj> =
            replies.into_iter().filter_map(|raw| body.object("thread.replies[]".into(), raw)).collect();
        thread.lost |= children.len() < given;
        let is_post = |child: &&Obj| child.has("post");
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        let counted = seen.counts.comments.unwrap_or(0);
        let shown = count(children.iter().filter(is_post).count());
        thread.nodes.push(Node { uri: seen.native_id.clone(), counted, shown });
        thread.page.observations.push(seen);
        if depth >= DEPTH && !children.is_empty() {
            body.problem("thread.replies[]", "nested deeper than was asked for");
            continue;
        }
        stack.extend(children.into_iter().rev().map(|child| (child, depth + 1)));
    }
}

const NODES: &[&str] =
    &["app.bsky.feed.defs#threadViewPost", "app.bsky.feed.defs#notFoundPost", "app.bsky.feed.defs#blockedPost"];
const POST_VIEW: &[&str] = &[
    "$type",
    "uri",
    "cid",
    "author",
    "record",
    "embed",
    "bookmarkCount",
    "replyCount",
    "repostCount",
    "likeCount",
    "quoteCount",
    "indexedAt",
    "viewer",
    "labels",
    "threadgate",
    "debug",
];

/// A post as the AppView shows it.
fn shown(object: &Obj, eye: Eye, exchange: &Exchange) -> Option<Observation> {
    object.expect(POST_VIEW);
    let Some(uri) = object.str("uri") else {
        object.problem("uri", "missing");
        return None;
    };
    let rkey = Place::of(&uri).map_or("", |place| place.rkey);
    let record = object.obj("record");
    if record.is_none() {
        object.problem("record", "missing");
    }
    let empty = object.body();
    let mut seen = match &record {
        Some(record) => post(&uri, record, object.obj("embed").as_ref(), eye),
        None => passed_on(&uri, None, None),
    };
    let claimed = record.and_then(|record| record.time("createdAt"));
    seen.created_at = written(claimed, object.time("indexedAt"), rkey, exchange.at);
    if let Some(author) = object.obj("author") {
        seen.author.name = author.str("displayName").filter(|name| !name.is_empty());
        seen.author.handle = author.str("handle").filter(|handle| handle != "handle.invalid");
        if author.str("did").is_some_and(|did| did != author_of(&uri)) {
            empty.problem("author.did", "not the one of the post's address");
        }
    }
    let shares =
        [object.int("repostCount"), object.int("quoteCount")].into_iter().flatten().reduce(i64::saturating_add);
    seen.counts = Counts { comments: object.int("replyCount"), reactions: object.int("likeCount"), shares };
    seen.raw = object.range();
    Some(seen)
}

/// A post out of its record; who, when and how often is filled in from what surrounds it.
fn post(uri: &str, record: &Obj, view: Option<&Obj>, eye: Eye) -> Observation {
    let reply = record.obj("reply");
    let end = |key: &str| reply.as_ref().and_then(|reply| reply.obj(key)).and_then(|end| end.str("uri"));
    let (parent, root) = (end("parent"), end("root"));
    let root = root.or_else(|| parent.clone());
    let kind = match &parent {
        None => Kind::Post,
        Some(_) if parent == root => Kind::Comment,
        Some(_) => Kind::Reply,
    };
    Observation {
        kind,
        hidden: eye.hidden.contains(uri),
        content: record::content(record, view, author_of(uri), eye.blobs),
        in_part: record::lacks_words(record, view),
        parent,
        root,
        ..passed_on(uri, None, None)
    }
}

/// A repost: it has no words but those it passes on.
fn passed_on(uri: &str, subject: Option<&str>, content: Option<&Content>) -> Observation {
    let words = content.map(|content| content.parts.iter().chain([&content.text]).rev().cloned().collect());
    let author = Some(author_of(uri).to_owned()).filter(|did| !did.is_empty());
    Observation {
        native_id: uri.to_owned(),
        aliases: Vec::new(),
        kind: Kind::Post,
        parent: None,
        root: None,
        author: Author { native_id: author, ..Author::default() },
        created_at: None,
        url: web_page(subject.unwrap_or(uri)),
        hidden: false,
        content: Content {
            parts: words.unwrap_or_default(),
            links: subject.and_then(web_page).into_iter().collect(),
            ..Content::default()
        },
        counts: Counts::default(),
        raw: 0..0,
        superseded: false,
        in_part: false,
    }
}

/// The account's own facts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    pub did: String,
    pub handle: String,
    pub name: String,
    pub posts: Option<i64>,
}

const PROFILE: &[&str] = &[
    "did",
    "handle",
    "displayName",
    "description",
    "pronouns",
    "website",
    "avatar",
    "banner",
    "followersCount",
    "followsCount",
    "postsCount",
    "associated",
    "joinedViaStarterPack",
    "indexedAt",
    "createdAt",
    "viewer",
    "labels",
    "pinnedPost",
    "verification",
    "status",
    "debug",
];

pub fn parse_profile(exchange: &Exchange) -> (Page, Option<Profile>) {
    let body = Body::of(exchange);
    let mut page = Page::default();
    let root = body.root().filter(|_| matches!(exchange.status, 200..=299));
    let profile = root.and_then(|root| {
        root.expect(PROFILE);
        let text = |key: &str| root.str(key).filter(|text| !text.is_empty());
        let did = text("did")?;
        let pinned = root.obj("pinnedPost").and_then(|post| post.str("uri")).map(|uri| format!("pinned: {uri}"));
        let profile = Profile {
            handle: text("handle").unwrap_or_default(),
            name: text("displayName").unwrap_or_default(),
            posts: root.int("postsCount"),
            did,
        };
        let picture = |key: &str| text(key).map(|url| picture(&url));
        page.observations.push(Observation {
            native_id: profile.did.clone(),
            kind: Kind::Profile,
            author: Author {
                native_id: Some(profile.did.clone()),
                name: Some(profile.name.clone()).filter(|name| !name.is_empty()),
                handle: Some(profile.handle.clone()).filter(|handle| !handle.is_empty()),
            },
            created_at: root.time("createdAt"),
            url: Some(format!("https://bsky.app/profile/{}", profile.did)),
            content: Content {
                text: profile.name.clone(),
                parts: [text("description"), text("pronouns"), text("handle"), pinned].into_iter().flatten().collect(),
                links: text("website").into_iter().collect(),
                media: picture("avatar").into_iter().chain(picture("banner")).collect(),
            },
            raw: root.range(),
            ..passed_on(&profile.did, None, None)
        });
        Some(profile)
    });
    page.problems = body.problems();
    page.exchange = exchange.clone();
    (page, profile)
}

/// The CDN's address of a picture ends in the CID of its blob.
fn picture(url: &str) -> Media {
    let last = url.rsplit('/').next().unwrap_or(url);
    let cid = last.split(['@', '?']).next().unwrap_or(last);
    Media { native_id: cid.to_owned(), url: Some(url.to_owned()), ..Media::default() }
}
