//! The edges over which a page's posts come (platform reference, 1.3), and what their objects are.

use super::parse::Shape;
use crate::platform::edges::{Edge, Kind};

const POSTS: Kind = Kind {
    path: "published_posts",
    stream: "posts",
    limit: 50,
    query: &[("include_hidden", "true"), ("show_expired", "true")],
    required: true,
    comments: true,
    own: false,
    lasting: true,
};

/// The path that tells of each photo how many comments it has.
pub(super) const PHOTOS: &str = "photos";

pub(super) static EDGES: [Kind; 7] = [
    POSTS,
    Kind { path: "visitor_posts", stream: "visitor posts", required: false, ..POSTS },
    Kind { path: "tagged", stream: "posts that name the page", query: &[], required: false, comments: false, ..POSTS },
    Kind { path: "video_reels", stream: "reels", query: &[], required: false, own: true, ..POSTS },
    Kind {
        path: PHOTOS,
        stream: "photos without a post",
        limit: 100,
        query: &[("type", "uploaded")],
        required: false,
        own: true,
        ..POSTS
    },
    STORIES,
    Kind { query: &[("status", "ARCHIVED")], ..STORIES },
];

const STORIES: Kind = Kind {
    path: "stories",
    stream: "stories",
    limit: 100,
    query: &[("status", "PUBLISHED")],
    required: false,
    comments: false,
    own: true,
    lasting: false,
};

pub(super) fn shape(edge: &Edge) -> Shape {
    match edge.kind.path {
        "video_reels" => Shape::Video,
        PHOTOS => Shape::Photo,
        "stories" => Shape::Story,
        _ => Shape::Post,
    }
}
