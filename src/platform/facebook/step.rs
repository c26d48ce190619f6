//! One exchange of a walk: what is asked, and what the answer leads to.

use std::collections::{HashMap, HashSet, VecDeque};

use super::edges;
use super::parse::{self, Batch, Shape};
use super::profile::{self, Audit};
use super::{kept_kind, shortfall, wire};
use crate::model::{Exchange, Kind, Observation, Page, Problem, Shortfall, Timestamp};
use crate::platform::edges::Edge;
use crate::platform::graph::{self, Next};
use crate::platform::{Known, Target};

pub(super) enum Step {
    Edge(Edge),
    Comments(Comments),
    Album(Album),
    Node(Node),
    Profile,
    Audit(Audit),
}

impl Step {
    /// The path below the version, and the step in words.
    pub(super) fn path(&self, target: &Target) -> (Vec<String>, String) {
        let page = if target.native_id.is_empty() { &target.handle } else { &target.native_id };
        let under = |id: &str, edge: &str| vec![id.to_owned(), edge.to_owned()];
        match self {
            Step::Edge(edge) => (under(page, edge.kind.path), format!("its {}", edge.kind.stream)),
            Step::Comments(comments) => (under(&comments.place, "comments"), format!("comments of {}", comments.root)),
            Step::Album(album) => {
                (under(&album.post.native_id, "attachments"), format!("album of {}", album.post.native_id))
            }
            Step::Node(node) => (vec![node.known.native_id.clone()], format!("item {}", node.known.native_id)),
            Step::Profile => (vec![page.clone()], "its facts".to_owned()),
            Step::Audit(audit) => (under(page, audit.edge), format!("its {}", audit.words())),
        }
    }

    pub(super) fn fields(&self, dropped: &HashSet<String>) -> String {
        let fields = match self {
            Step::Edge(edge) => shape_fields(edges::shape(edge)),
            Step::Comments(_) => wire::COMMENT_FIELDS,
            Step::Album(album) => return album.fields(),
            Step::Node(node) if node.known.kind.is_root() => shape_fields(node.shape()),
            Step::Node(_) => wire::COMMENT_FIELDS,
            Step::Profile => profile::FIELDS,
            Step::Audit(audit) => audit.fields(),
        };
        graph::asked(fields, dropped)
    }

    pub(super) fn query(&self) -> Vec<(String, String)> {
        let mut query: Vec<(String, String)> = Vec::new();
        let mut add = |name: &str, value: &str| query.push((name.to_owned(), value.to_owned()));
        let next = match self {
            Step::Edge(edge) => return edge.query(),
            Step::Comments(comments) => {
                add("filter", "stream");
                add("order", "chronological");
                add("summary", "true");
                add("limit", &comments.limit.to_string());
                &comments.next
            }
            Step::Audit(audit) => {
                audit.query().iter().for_each(|(name, value)| add(name, value));
                &audit.next
            }
            Step::Album(_) | Step::Node(_) | Step::Profile => &None,
        };
        query.extend(next.iter().flat_map(|next| next.0.clone()));
        query
    }

    /// Halves the page size; false when there is nothing left to halve.
    pub(super) fn ask_for_less(&mut self) -> bool {
        match self {
            Step::Edge(edge) => edge.halve(),
            Step::Comments(Comments { limit, .. }) | Step::Album(Album { limit, .. }) => {
                *limit /= 2;
                *limit >= 1
            }
            Step::Node(_) | Step::Profile | Step::Audit(_) => false,
        }
    }
}

fn shape_fields(shape: Shape) -> &'static [&'static str] {
    match shape {
        Shape::Post => wire::POST_FIELDS,
        Shape::Video => wire::VIDEO_FIELDS,
        Shape::Photo => wire::PHOTO_FIELDS,
        Shape::Story => wire::STORY_FIELDS,
    }
}

/// The comments and replies of one root, flat and in order, to the last page; then those of each photo of an album.
pub(super) struct Comments {
    pub(super) root: String,
    pub(super) created_at: Option<Timestamp>,
    /// The object that is asked for them: the root, or a photo of it.
    pub(super) place: String,
    others: VecDeque<String>,
    photos: VecDeque<String>,
    pub(super) next: Option<Next>,
    pub(super) limit: u32,
    /// Those met at this place, and before it.
    pub(super) ids: HashSet<String>,
    had: usize,
    /// How many the places before this one lack.
    lacked: i64,
    pub(super) total: Option<i64>,
    /// An object could not be read as a comment.
    pub(super) lost: bool,
    pub(super) nameless: usize,
    /// A page came empty.
    pub(super) hollow: bool,
    walked: HashSet<Next>,
    barren: u32,
}

impl Comments {
    pub(super) fn at(root: &str) -> Comments {
        Comments {
            root: root.to_owned(),
            created_at: None,
            place: root.to_owned(),
            others: VecDeque::new(),
            photos: VecDeque::new(),
            next: None,
            limit: 100,
            ids: HashSet::new(),
            had: 0,
            lacked: 0,
            total: None,
            lost: false,
            nameless: 0,
            hollow: false,
            walked: HashSet::new(),
            barren: 0,
        }
    }

    pub(super) fn of(root: &Observation, passed_on: bool) -> Comments {
        // A post of one photo is two objects, and comments may hang on either.
        let last = root.native_id.rsplit('_').next().unwrap_or_default();
        let others = root.aliases.iter().filter(|alias| *alias != last && !alias.contains('_')).cloned().collect();
        let photos = if passed_on || root.content.media.len() < 2 { &[][..] } else { &root.content.media };
        let photos = photos.iter().map(|photo| photo.native_id.clone()).collect();
        Comments { created_at: root.created_at, others, photos, ..Comments::at(&root.native_id) }
    }

    pub(super) fn has_photos(&self) -> bool {
        !self.photos.is_empty()
    }

    /// Whether to ask for the next page: not when the pages repeat themselves.
    pub(super) fn goes_on(&mut self, next: &Next, barren: bool) -> bool {
        self.barren = if barren { self.barren + 1 } else { 0 };
        self.barren <= 20 && self.walked.insert(next.clone())
    }

    /// Turns to the next object where comments hang: to the other one of a post of one photo when some are missing, to each
    /// photo of an album unless it is known to have none.
    pub(super) fn turn(&mut self, commented: &HashMap<String, i64>) -> bool {
        let other = self.others.pop_front().filter(|_| self.missing() > 0);
        let silent = |photo: &String| commented.get(photo) == Some(&0);
        let Some(place) = other.or_else(|| self.next_photo(silent)) else { return false };
        self.place = place;
        self.next = None;
        self.barren = 0;
        self.walked.clear();
        true
    }

    /// Each photo has a count of its own, so this place is settled first.
    fn next_photo(&mut self, silent: impl Fn(&String) -> bool) -> Option<String> {
        let photo = std::iter::from_fn(|| self.photos.pop_front()).find(|photo| !silent(photo))?;
        self.lost |= !self.is_whole();
        self.lacked += self.missing().max(0);
        self.had += std::mem::take(&mut self.ids).len();
        self.total = None;
        self.hollow = false;
        Some(photo)
    }

    fn missing(&self) -> i64 {
        self.total.unwrap_or(0) - i64::try_from(self.ids.len()).unwrap_or(i64::MAX)
    }

    /// Whether the thread was seen in whole. An empty page while comments are counted shows nothing: a credential of the
    /// wrong kind is answered so.
    pub(super) fn is_whole(&self) -> bool {
        !self.lost && (!self.hollow || self.missing() <= 0)
    }

    pub(super) fn shortfall(&self) -> Option<Shortfall> {
        let missing = self.missing().max(0) + self.lacked;
        if missing <= 0 {
            return None;
        }
        let had = self.ids.len() + self.had;
        let total = missing + i64::try_from(had).unwrap_or(i64::MAX);
        let cause = if self.nameless > 0 {
            format!(
                "{} comments came without an id, since the credential lacks the MODERATE task on the page; they cannot be kept as items",
                self.nameless
            )
        } else {
            format!("Facebook counts {total} and gave {had}: deleted, held for review, or not shown to us")
        };
        Some(shortfall(Some(self.root.clone()), "comments", &cause))
    }
}

/// An album too large for the answer its post came with: read again from its beginning.
pub(super) struct Album {
    pub(super) post: Observation,
    /// Its comments are read after it.
    thread: bool,
    passed_on: bool,
    limit: u32,
    after: Option<String>,
    pages: u32,
}

impl Album {
    pub(super) fn of(post: Observation, thread: bool, passed_on: bool) -> Album {
        Album { post, thread, passed_on, limit: 100, after: None, pages: 0 }
    }

    /// The comments to be read once all its photos are known.
    pub(super) fn comments(&self) -> Option<Comments> {
        self.thread.then(|| Comments::of(&self.post, self.passed_on))
    }

    fn fields(&self) -> String {
        let after = self.after.as_ref().map_or_else(String::new, |after| format!(".after({after})"));
        wire::ATTACHMENT_FIELDS.replace(".limit(100)", &format!(".limit({}){after}", self.limit))
    }

    /// Puts a page of the album into the post, which the last one gives; what is to be read next.
    pub(super) fn read(mut self, exchange: &Exchange) -> (Page, Option<Step>) {
        let album = parse::album(&exchange.body);
        let mut page = Page { problems: album.problems, ..Page::default() };
        let content = &mut self.post.content;
        let before = content.media.len();
        for medium in album.content.media {
            if !content.media.iter().any(|known| known.native_id == medium.native_id) {
                content.media.push(medium);
            }
        }
        for part in album.content.parts {
            if part != content.text && !content.parts.contains(&part) {
                content.parts.push(part);
            }
        }
        self.pages += 1;
        match album.after.filter(|_| (self.pages == 1 || content.media.len() > before) && self.pages < 200) {
            Some(after) => {
                page.problems.push(Problem::new("subattachments.paging", "the album goes on in the next answer"));
                self.after = Some(after);
                (page, Some(Step::Album(self)))
            }
            None => {
                self.post.raw = 0..exchange.body.len();
                let comments = self.comments();
                page.observations.push(self.post);
                (page, comments.map(Step::Comments))
            }
        }
    }

    /// The post with what its first answer held, when the rest is refused.
    pub(super) fn as_it_is(&self, mut page: Page, exchange: &Exchange) -> Page {
        let cause = "the platform does not give the whole album";
        page.shortfalls.push(shortfall(Some(self.post.native_id.clone()), "media", cause));
        page.observations.push(Observation { raw: 0..exchange.body.len(), ..self.post.clone() });
        page
    }
}

/// One item by a direct read.
pub(super) struct Node {
    pub(super) known: Known,
    /// Its comments are read after it.
    pub(super) thread: bool,
}

impl Node {
    pub(super) fn new(known: Known, thread: bool) -> Node {
        Node { known, thread }
    }

    /// What the object behind an id is: posts have two numbers, films and photos one.
    fn shape(&self) -> Shape {
        match self.known.kind {
            _ if self.known.native_id.contains('_') => Shape::Post,
            Kind::Video => Shape::Video,
            _ => Shape::Photo,
        }
    }

    pub(super) fn parse(&self, exchange: &Exchange, page_id: &str) -> Batch {
        if self.known.kind.is_root() {
            parse::roots(&exchange.body, self.shape(), page_id)
        } else {
            parse::comments(&exchange.body, &self.known.root)
        }
    }

    pub(super) fn kind_of(&self, found: &Observation) -> Kind {
        kept_kind(&self.known, found)
    }
}
