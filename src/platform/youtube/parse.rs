//! Reading YouTube's answers: pure and total.

use jiff::SignedDuration;

use crate::model::{Author, Content, Counts, Exchange, Kind, Media, Observation, Page, Timestamp};
use crate::platform::lenient::{Body, Obj};

/// A channel's own facts, as far as a walk needs them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Channel {
    pub id: String,
    pub handle: String,
    pub title: String,
    /// The playlist of everything uploaded.
    pub uploads: Option<String>,
    pub videos: Option<i64>,
}

/// One entry of the playlist of uploads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub video: String,
    /// When the video was published, else when it was put on the list.
    pub published_at: Option<Timestamp>,
    pub added_at: Option<Timestamp>,
}

/// A thread under a video: its id is that of its first comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadRead {
    pub id: String,
    /// How many replies YouTube counts, and how many came along (five at most).
    pub counted: i64,
    pub given: Vec<String>,
}

/// A page of a listing with the ids on it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Listed<T> {
    pub page: Page,
    pub next: Option<String>,
    pub found: Vec<T>,
    /// Something on it could not be read.
    pub lost: bool,
}

pub fn parse_channels(exchange: &Exchange) -> Listed<Channel> {
    listed(exchange, |item, page| {
        item.expect(CHANNEL);
        let id = identified(item)?;
        let snippet = item.obj("snippet");
        let text = |key: &str| snippet.as_ref().and_then(|snippet| snippet.str(key)).unwrap_or_default();
        let channel = Channel {
            handle: text("customUrl"),
            title: text("title"),
            uploads: item
                .obj("contentDetails")
                .and_then(|d| d.obj("relatedPlaylists"))
                .and_then(|lists| lists.id("uploads")),
            videos: item.obj("statistics").and_then(|statistics| statistics.int("videoCount")),
            id,
        };
        page.observations.push(profile(item, &channel));
        Some(channel)
    })
}

pub fn parse_playlist(exchange: &Exchange) -> Listed<Entry> {
    listed(exchange, |item, _page| {
        item.expect(&["kind", "etag", "id", "snippet", "contentDetails", "status"]);
        let details = item.obj("contentDetails");
        let snippet = item.obj("snippet");
        let resource = snippet.as_ref().and_then(|snippet| snippet.obj("resourceId"));
        let video = details.as_ref().and_then(|details| details.id("videoId")).or_else(|| resource?.id("videoId"));
        if video.is_none() {
            item.problem("contentDetails.videoId", "an upload without a video id");
        }
        let added_at = snippet.and_then(|snippet| snippet.time("publishedAt"));
        let published_at = details.and_then(|details| details.time("videoPublishedAt")).or(added_at);
        Some(Entry { video: video?, published_at, added_at })
    })
}

/// Reads videos; what is found are their ids and how many comments YouTube counts.
pub fn parse_videos(exchange: &Exchange) -> Listed<(String, Option<i64>)> {
    listed(exchange, |item, page| {
        item.expect(VIDEO);
        let id = identified(item)?;
        let observation = video(item, &id);
        let counted = observation.counts.comments;
        page.observations.push(observation);
        Some((id, counted))
    })
}

/// Reads of videos whether somebody wrote captions for them, by id.
pub fn parse_captions(exchange: &Exchange) -> Listed<(String, String)> {
    listed(exchange, |item, _page| {
        item.expect(&["kind", "etag", "id", "contentDetails"]);
        Some((identified(item)?, item.obj("contentDetails")?.str("caption")?))
    })
}

/// Reads threads with the replies that came along. `video` is the one that was asked for; a page over a whole channel
/// names it itself.
pub fn parse_threads(exchange: &Exchange, video: &str) -> Listed<ThreadRead> {
    let at = exchange.at;
    listed(exchange, |item, page| {
        item.expect(&["kind", "etag", "id", "snippet", "replies"]);
        let snippet = item.obj("snippet");
        if let Some(snippet) = &snippet {
            snippet.expect(&["channelId", "videoId", "topLevelComment", "canReply", "totalReplyCount", "isPublic"]);
        }
        let told = snippet.as_ref().and_then(|snippet| snippet.id("videoId"));
        let video = told.unwrap_or_else(|| video.to_owned());
        let counted = snippet.as_ref().and_then(|snippet| snippet.int("totalReplyCount"));
        let top = snippet.as_ref().and_then(|snippet| snippet.obj("topLevelComment"));
        if top.is_none() {
            item.problem("snippet.topLevelComment", "a thread without its first comment");
        }
        let mut first = top.and_then(|top| comment(&top, &video, None, at));
        if let Some(first) = &mut first {
            first.counts.comments = counted;
        }
        let id = first.as_ref().map(|first| first.native_id.clone()).or_else(|| item.id("id"))?;
        let replies = item.obj("replies").map(|replies| replies.objects("comments")).unwrap_or_default();
        let replies: Vec<Observation> =
            replies.iter().filter_map(|reply| comment(reply, &video, Some(&id), at)).collect();
        let given: Vec<String> = replies.iter().map(|reply| reply.native_id.clone()).collect();
        page.observations.extend(first.into_iter().chain(replies));
        let counted = counted.unwrap_or(i64::try_from(given.len()).unwrap_or(0));
        Some(ThreadRead { id, counted, given })
    })
}

/// Reads comments by themselves: replies of a thread, or some asked for by id. `root` tells the video of each.
pub fn parse_comments(exchange: &Exchange, root: impl Fn(&str) -> String, thread: Option<&str>) -> Listed<String> {
    let at = exchange.at;
    listed(exchange, |item, page| {
        let id = item.id("id").unwrap_or_default();
        let observation = comment(item, &root(&id), thread, at)?;
        page.observations.push(observation);
        Some(id)
    })
}

fn listed<T>(exchange: &Exchange, mut read: impl FnMut(&Obj, &mut Page) -> Option<T>) -> Listed<T> {
    let body = Body::of(exchange);
    let mut listed = Listed { page: Page::default(), next: None, found: Vec::new(), lost: false };
    if let Some(root) = body.root() {
        root.expect(&[
            "kind",
            "etag",
            "nextPageToken",
            "prevPageToken",
            "pageInfo",
            "items",
            "error",
            "eventId",
            "visitorId",
            "tokenPagination",
            "regionCode",
        ]);
        listed.next = root.str("nextPageToken").filter(|token| !token.is_empty());
        if matches!(exchange.status, 200..=299) {
            let (items, lost) = root.all_objects("items");
            listed.found.extend(items.iter().filter_map(|item| read(item, &mut listed.page)));
            listed.lost = lost || listed.found.len() < items.len() || hollow(&root, &listed);
        }
    }
    listed.page.problems = body.problems();
    listed.page.exchange = exchange.clone();
    listed
}

/// Whether a page without anything on it and without a way on counts something all the same.
fn hollow<T>(root: &Obj, listed: &Listed<T>) -> bool {
    let counted = root.obj("pageInfo").and_then(|info| info.int("totalResults"));
    listed.found.is_empty() && listed.next.is_none() && counted.is_some_and(|counted| counted > 0)
}

fn identified(item: &Obj) -> Option<String> {
    let id = item.id("id");
    if id.is_none() {
        item.problem("id", "missing");
    }
    id
}

const CHANNEL: &[&str] = &[
    "kind",
    "etag",
    "id",
    "snippet",
    "statistics",
    "contentDetails",
    "brandingSettings",
    "status",
    "auditDetails",
    "contentOwnerDetails",
    "conversionPings",
    "localizations",
    "topicDetails",
];
const VIDEO: &[&str] = &[
    "kind",
    "etag",
    "id",
    "snippet",
    "status",
    "statistics",
    "contentDetails",
    "liveStreamingDetails",
    "ageGating",
    "brandPartner",
    "fileDetails",
    "localizations",
    "monetizationDetails",
    "paidProductPlacementDetails",
    "player",
    "processingDetails",
    "projectDetails",
    "recordingDetails",
    "suggestions",
    "topicDetails",
];
const VIDEO_SNIPPET: &[&str] = &[
    "categoryId",
    "channelId",
    "channelTitle",
    "defaultAudioLanguage",
    "defaultLanguage",
    "description",
    "liveBroadcastContent",
    "localized",
    "publishedAt",
    "tags",
    "thumbnails",
    "title",
];
const COMMENT: &[&str] = &[
    "authorChannelId",
    "authorChannelUrl",
    "authorDisplayName",
    "authorProfileImageUrl",
    "canRate",
    "channelId",
    "imageUrl",
    "likeCount",
    "moderationStatus",
    "parentId",
    "publishedAt",
    "textDisplay",
    "textOriginal",
    "updatedAt",
    "videoId",
    "viewerRating",
];

fn video(item: &Obj, id: &str) -> Observation {
    let snippet = item.obj("snippet");
    if let Some(snippet) = &snippet {
        snippet.expect(VIDEO_SNIPPET);
    }
    if let Some(status) = item.obj("status") {
        status.word("privacyStatus", &["public", "unlisted", "private", "privacyStatusUnspecified"]);
        status.word("uploadStatus", &["processed", "uploaded", "failed", "rejected", "deleted"]);
    }
    let text = |key: &str| snippet.as_ref().and_then(|snippet| snippet.str(key)).filter(|text| !text.is_empty());
    let statistics = item.obj("statistics");
    let count = |key: &str| statistics.as_ref().and_then(|statistics| statistics.int(key));
    let words: Vec<String> = [text("title"), text("description")].into_iter().flatten().collect();
    Observation {
        native_id: id.to_owned(),
        aliases: Vec::new(),
        kind: Kind::Video,
        parent: None,
        root: None,
        author: Author { native_id: text("channelId"), name: text("channelTitle"), handle: None },
        created_at: snippet.as_ref().and_then(|snippet| snippet.time("publishedAt")),
        url: Some(format!("https://www.youtube.com/watch?v={id}")),
        hidden: false,
        content: Content {
            text: words.join("\n\n"),
            media: snippet
                .as_ref()
                .and_then(|snippet| picture(snippet, format!("{id}/thumbnail")))
                .into_iter()
                .collect(),
            ..Content::default()
        },
        counts: Counts { comments: count("commentCount"), reactions: count("likeCount"), shares: None },
        raw: item.range(),
        superseded: false,
        in_part: false,
    }
}

/// The largest of the pictures YouTube made: it has no id of its own.
fn picture(snippet: &Obj, native_id: String) -> Option<Media> {
    let sizes = snippet.obj("thumbnails")?;
    let names = ["maxres", "uhd", "qhd", "fhd", "standard", "high", "medium", "default"];
    let url = names.iter().filter_map(|name| sizes.obj(name)).find_map(|size| size.str("url"))?;
    Some(Media { native_id, url: Some(url), mime: Some("image/jpeg".to_owned()), ..Media::default() })
}

fn comment(item: &Obj, video: &str, thread: Option<&str>, at: Timestamp) -> Option<Observation> {
    item.expect(&["kind", "etag", "id", "snippet"]);
    let id = identified(item)?;
    let Some(snippet) = item.obj("snippet") else {
        item.problem("snippet", "missing");
        return Some(bare(id, video, thread, item));
    };
    snippet.expect(COMMENT);
    let hidden = snippet
        .word("moderationStatus", &["published", "heldForReview", "likelySpam", "rejected"])
        .is_some_and(|status| status != "published");
    let video = snippet.id("videoId").unwrap_or_else(|| video.to_owned());
    // A reply's own id tells its thread where nothing else does.
    let parent = snippet.id("parentId").or_else(|| thread.map(str::to_owned));
    let parent = parent.or_else(|| id.split_once('.').map(|(thread, _)| thread.to_owned()));
    let picture = snippet.str("imageUrl").map(|url| Media {
        native_id: format!("{id}/image"),
        url: Some(url),
        expires_at: at.checked_add(SignedDuration::from_hours(6)).ok(),
        ..Media::default()
    });
    Some(Observation {
        kind: if parent.is_some() { Kind::Reply } else { Kind::Comment },
        parent: parent.or_else(|| Some(video.clone())),
        url: Some(format!("https://www.youtube.com/watch?v={video}&lc={id}")),
        root: Some(video),
        author: writer(&snippet),
        created_at: snippet.time("publishedAt"),
        hidden,
        content: Content {
            text: snippet.str_of(&["textOriginal", "textDisplay"]).unwrap_or_default(),
            media: picture.into_iter().collect(),
            ..Content::default()
        },
        counts: Counts { reactions: snippet.int("likeCount"), ..Counts::default() },
        ..bare(id, "", None, item)
    })
}

/// A comment of which nothing but its place is known.
fn bare(id: String, video: &str, thread: Option<&str>, item: &Obj) -> Observation {
    Observation {
        native_id: id,
        aliases: Vec::new(),
        kind: if thread.is_some() { Kind::Reply } else { Kind::Comment },
        parent: Some(thread.unwrap_or(video).to_owned()),
        root: Some(video.to_owned()),
        author: Author::default(),
        created_at: None,
        url: None,
        hidden: false,
        content: Content::default(),
        counts: Counts::default(),
        raw: item.range(),
        superseded: false,
        in_part: false,
    }
}

/// The author; what is displayed as a name is a handle nowadays.
fn writer(snippet: &Obj) -> Author {
    let name = snippet.str("authorDisplayName").filter(|name| !name.is_empty());
    Author {
        native_id: snippet.obj("authorChannelId").and_then(|channel| channel.id("value")),
        handle: name.clone().filter(|name| name.starts_with('@')),
        name,
    }
}

fn profile(item: &Obj, channel: &Channel) -> Observation {
    let snippet = item.obj("snippet");
    let branding = item.obj("brandingSettings");
    let settings = branding.as_ref().and_then(|branding| branding.obj("channel"));
    let banner = branding.and_then(|branding| branding.obj("image")).and_then(|image| image.str("bannerExternalUrl"));
    let text = |object: &Option<Obj>, key: &str| object.as_ref().and_then(|object| object.str(key));
    let parts = [text(&snippet, "description"), text(&settings, "keywords"), text(&snippet, "country")];
    let portrait = snippet.as_ref().and_then(|snippet| picture(snippet, format!("{}/picture", channel.id)));
    let banner =
        banner.map(|url| Media { native_id: format!("{}/banner", channel.id), url: Some(url), ..Media::default() });
    Observation {
        kind: Kind::Profile,
        parent: None,
        root: None,
        author: Author {
            native_id: Some(channel.id.clone()),
            name: Some(channel.title.clone()).filter(|title| !title.is_empty()),
            handle: Some(channel.handle.clone()).filter(|handle| !handle.is_empty()),
        },
        created_at: snippet.as_ref().and_then(|snippet| snippet.time("publishedAt")),
        url: Some(format!("https://www.youtube.com/channel/{}", channel.id)),
        content: Content {
            text: channel.title.clone(),
            parts: parts.into_iter().flatten().filter(|part| !part.is_empty()).collect(),
            links: Vec::new(),
            media: portrait.into_iter().chain(banner).collect(),
        },
        ..bare(channel.id.clone(), "", None, item)
    }
}
