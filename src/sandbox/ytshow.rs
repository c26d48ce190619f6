//! Channels, videos and comments as YouTube shows them to a key.

use serde_json::{Value, json};

use super::graph;
use super::server::{Ask, Host};
use super::world::{Account, Item, Person, State};
use super::youtube::etag;
use crate::model::{Platform, Timestamp};

/// How many replies come along with a thread.
const ALONG: usize = 5;
/// How long a title may be.
const TITLE: usize = 100;

/// What is shown of a world, and to whom.
pub(super) struct Show<'a> {
    pub state: &'a State,
    pub ask: &'a Ask,
}

impl<'a> Show<'a> {
    pub fn of(state: &'a State, ask: &'a Ask) -> Show<'a> {
        Show { state, ask }
    }

    fn given(&self, condition: impl Fn(&Item) -> bool) -> Vec<&'a Item> {
        let open = |item: &Item| self.state.account(&item.account).is_some_and(|account| account.published);
        let meant = |item: &&Item| {
            item.platform == Platform::Youtube && condition(item) && self.state.is_shown(item) && open(item)
        };
        let mut found: Vec<&Item> = self.state.items.iter().filter(meant).collect();
        found.sort_by_key(|item| std::cmp::Reverse(graph::by_time(item)));
        found
    }

    /// A channel's videos, newest first.
    pub fn uploads(&self, account: &Account) -> Vec<&'a Item> {
        self.given(|item| item.account == account.id && item.parent.is_none())
    }

    pub fn video(&self, id: &str) -> Option<&'a Item> {
        self.given(|item| item.id == id && item.parent.is_none()).pop()
    }

    pub fn comment(&self, id: &str) -> Option<&'a Item> {
        self.given(|item| item.id == id && item.parent.is_some() && !self.is_off(item)).pop()
    }

    /// Whether nobody may comment, or read comments, where this stands.
    fn is_off(&self, item: &Item) -> bool {
        item.root.as_deref().and_then(|root| self.state.item(root)).is_some_and(|root| root.comments_off)
    }

    /// The first comments of threads, newest first.
    pub fn firsts(&self, condition: impl Fn(&Item) -> bool) -> Vec<&'a Item> {
        self.given(|item| item.parent.is_some() && item.parent == item.root && condition(item) && !self.is_off(item))
    }

    /// The replies in a thread, newest first.
    pub fn replies(&self, thread: &str) -> Vec<&'a Item> {
        self.given(|item| item.parent.as_deref() == Some(thread) && item.root != item.parent)
    }

    pub fn channel(&self, account: &Account) -> Value {
        let (portrait, base) = (&account.picture.id, self.ask.base(Host::Media));
        let size =
            |side: u32| json!({ "url": format!("{base}/ytc/{portrait}.jpg?s={side}"), "width": side, "height": side });
        let (title, about) = (&account.name, &account.about);
        json!({
            "kind": "youtube#channel", "etag": etag(&format!("{} {}", account.id, account.about)), "id": account.id,
            "snippet": { "title": title, "description": about, "customUrl": account.handle.to_lowercase(),
                "publishedAt": time(account.created_at),
                "thumbnails": { "default": size(88), "medium": size(240), "high": size(800) },
                "localized": { "title": title, "description": about }, "country": "US" },
            "contentDetails": { "relatedPlaylists": { "likes": "", "uploads": account.id.replacen("UC", "UU", 1) } },
            "statistics": { "viewCount": (account.followers * 61).to_string(), "subscriberCount": account.followers.to_string(),
                "hiddenSubscriberCount": false, "videoCount": self.uploads(account).len().to_string() },
            "status": { "privacyStatus": "public", "isLinked": true, "longUploadsStatus": "longUploadsUnspecified", "madeForKids": false },
            "brandingSettings": { "channel": { "title": title, "description": about, "country": "US" },
                "image": { "bannerExternalUrl": format!("{base}/ytc/{portrait}1.jpg") } },
        })
    }

    fn pictures(&self, video: &str) -> Value {
        let base = self.ask.base(Host::Media);
        let size = |name: &str, width: u32, height: u32| json!({ "url": format!("{base}/vi/{video}/{name}.jpg"), "width": width, "height": height });
        json!({ "default": size("default", 120, 90), "medium": size("mqdefault", 320, 180), "high": size("hqdefault", 480, 360),
            "standard": size("sddefault", 640, 480), "maxres": size("maxresdefault", 1280, 720) })
    }

    /// A video's place in the playlist of uploads.
    pub fn upload(&self, account: &Account, item: &Item, position: usize) -> Value {
        let (title, description) = words(&item.text);
        json!({
            "kind": "youtube#playlistItem", "etag": etag(&format!("{} in {}", item.id, account.id)), "id": etag(&item.id),
            "snippet": { "publishedAt": time(item.created_at), "channelId": account.id, "title": title, "description": description,
                "thumbnails": self.pictures(&item.id), "channelTitle": account.name,
                "playlistId": account.id.replacen("UC", "UU", 1), "position": position,
                "resourceId": { "kind": "youtube#video", "videoId": item.id },
                "videoOwnerChannelTitle": account.name, "videoOwnerChannelId": account.id },
            "contentDetails": { "videoId": item.id, "videoPublishedAt": time(item.created_at) },
            "status": { "privacyStatus": "public" },
        })
    }

    pub fn film(&self, item: &Item) -> Value {
        let (title, description) = words(&item.text);
        let channel = self.state.account(&item.account).map_or("", |account| account.name.as_str());
        let mut out = json!({
            "kind": "youtube#video", "etag": etag(&format!("{} {}", item.id, item.text)), "id": item.id,
            "snippet": { "publishedAt": time(item.created_at), "channelId": item.account, "title": title, "description": description,
                "thumbnails": self.pictures(&item.id), "channelTitle": channel, "categoryId": "27", "liveBroadcastContent": "none",
                "localized": { "title": title, "description": description }, "defaultAudioLanguage": "en" },
            "contentDetails": { "duration": "PT4M13S", "dimension": "2d", "definition": "hd", "caption": if item.captioned { "true" } else { "false" },
                "licensedContent": false, "contentRating": {}, "projection": "rectangular" },
            "status": { "uploadStatus": "processed", "privacyStatus": "public", "license": "youtube", "embeddable": true,
                "publicStatsViewable": true, "madeForKids": false },
            "statistics": { "viewCount": (item.reactions * 31 + 7).to_string(), "likeCount": item.reactions.to_string(), "favoriteCount": "0" },
        });
        // Where nobody may comment there is no count either.
        if !item.comments_off {
            out["statistics"]["commentCount"] = json!(self.state.counted(item).to_string());
        }
        out
    }

    pub fn thread(&self, first: &Item) -> Value {
        let under = |item: &&Item| {
            item.parent.as_ref() == Some(&first.id) && item.gone_at.is_none() && item.root != item.parent
        };
        // Held replies are counted as well.
        let counted = self.state.items.iter().filter(under).count();
        let mut out = json!({
            "kind": "youtube#commentThread", "etag": etag(&format!("thread {} {counted}", first.id)), "id": first.id,
            "snippet": { "channelId": first.account, "videoId": first.root, "topLevelComment": self.remark(first), "canReply": true,
                "totalReplyCount": counted, "isPublic": true },
        });
        let replies: Vec<Value> = self.replies(&first.id).iter().take(ALONG).map(|item| self.remark(item)).collect();
        if !replies.is_empty() {
            out["replies"] = json!({ "comments": replies });
        }
        out
    }

    /// A comment. What its author typed is shown to herself alone: to others, what it looks like, as HTML unless asked otherwise.
    pub fn remark(&self, item: &Item) -> Value {
        let plain = self.ask.param("textFormat") == Some("plainText");
        let text = if plain { item.text.clone() } else { html(&item.text) };
        let Person { id, handle, .. } = &item.author;
        let mut snippet = json!({
            "channelId": item.account, "videoId": item.root, "textDisplay": text,
            "authorDisplayName": handle, "authorProfileImageUrl": format!("{}/ytc/{id}.jpg?s=48", self.ask.base(Host::Media)),
            "authorChannelUrl": format!("http://www.youtube.com/{handle}"), "authorChannelId": { "value": id },
            "canRate": true, "viewerRating": "none", "likeCount": item.reactions,
            "publishedAt": time(item.created_at), "updatedAt": time(item.updated_at),
        });
        if item.parent != item.root {
            snippet["parentId"] = json!(item.parent);
        }
        json!({ "kind": "youtube#comment", "etag": etag(&format!("{} {}", item.id, item.text)), "id": item.id, "snippet": snippet })
    }
}

/// A title and a description: what does not fit into the one begins the other.
pub fn words(text: &str) -> (&str, &str) {
    let Some((end, _)) = text.char_indices().nth(TITLE) else { return (text, "") };
    let at = text[..end].rfind(' ').unwrap_or(end);
    (&text[..at], text[at..].trim_start_matches(' '))
}

fn html(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&#39;").replace('\n', "<br>")
}

fn time(at: Timestamp) -> Value {
    json!(at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}
