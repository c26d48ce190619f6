//! What each kind of Facebook node holds, and the edges that lead from it.

use serde_json::{Map, Value, json};

use super::facebook::{Node, Params, View};
use super::graph::{self, Fault, Field, by_time, time};
use super::world::{Account, Form, Item, Medium, Origin, Owner, Person, Standing};
use super::{fbpage, picture};

impl Node<'_> {
    pub fn id(&self) -> String {
        match self {
            Node::User => "122100000000000010".to_owned(),
            Node::Page(account) | Node::Instagram(account) => account.id.clone(),
            Node::Post(item) => story_id(item),
            Node::Comment(item) | Node::Media(item) | Node::Remark(item) => item.id.clone(),
            Node::Photo(_, medium) | Node::Video(_, medium) | Node::Child(_, medium) => medium.id.clone(),
            Node::Album(account, item) => album_id(account, *item),
        }
    }

    pub fn type_name(&self) -> &'static str {
        match self {
            Node::User => "User",
            Node::Page(_) => "Page",
            Node::Post(_) => "PagePost",
            Node::Comment(_) => "Comment",
            Node::Photo(..) => "Photo",
            Node::Video(..) => "Video",
            Node::Album(..) => "Album",
            Node::Instagram(_) => "IGUser",
            Node::Media(_) | Node::Child(..) => "IGMedia",
            Node::Remark(_) => "IGComment",
        }
    }

    /// What comes when no fields are named.
    pub fn defaults(&self) -> &'static [&'static str] {
        match self {
            Node::User | Node::Page(_) => &["name", "id"],
            Node::Post(_) => &["created_time", "message", "story", "id"],
            Node::Comment(_) => &["created_time", "from", "message", "id"],
            Node::Photo(..) | Node::Album(..) => &["created_time", "name", "id"],
            Node::Video(..) => &["updated_time", "description", "id"],
            Node::Instagram(_) | Node::Media(_) | Node::Child(..) => &["id"],
            Node::Remark(_) => &["timestamp", "text", "id"],
        }
    }

    pub fn edges(&self) -> &'static [&'static str] {
        match self {
            Node::User => &["accounts"],
            Node::Page(_) => fbpage::EDGES,
            Node::Post(_) => &["comments", "attachments", "subattachments", "reactions", "likes", "sharedposts"],
            Node::Comment(_) => &["comments", "reactions", "likes"],
            Node::Photo(..) | Node::Video(..) => &["comments", "reactions", "likes", "sponsor_tags", "thumbnails"],
            Node::Album(..) => &["photos", "comments", "reactions", "likes"],
            Node::Instagram(_) => &["media", "stories", "tags", "live_media", "collaborative_media"],
            Node::Media(_) => &["comments", "children"],
            Node::Child(..) => &[],
            Node::Remark(_) => &["replies"],
        }
    }

    /// Fields of the type that this world has nothing to say about: left out of the answer without an error.
    pub fn known(&self) -> &'static [&'static str] {
        match self {
            Node::User => &["email", "first_name", "last_name", "picture"],
            Node::Page(_) => fbpage::KNOWN,
            Node::Post(_) => &[
                "actions",
                "admin_creator",
                "application",
                "backdated_time",
                "call_to_action",
                "child_attachments",
                "coordinates",
                "event",
                "feed_targeting",
                "full_picture",
                "icon",
                "instagram_eligibility",
                "is_inline_created",
                "is_spherical",
                "message",
                "message_tags",
                "parent_id",
                "picture",
                "place",
                "promotable_id",
                "promotion_status",
                "properties",
                "scheduled_publish_time",
                "shares",
                "story",
                "story_tags",
                "tagged_time",
                "target",
                "targeting",
                "timeline_visibility",
                "to",
                "via",
                "from",
            ],
            Node::Comment(_) => &[
                "id",
                "admin_creator",
                "application",
                "attachment",
                "from",
                "live_broadcast_timestamp",
                "message_tags",
                "parent",
                "private_reply_conversation",
            ],
            Node::Photo(..) => &[
                "alt_text",
                "alt_text_custom",
                "album",
                "backdated_time",
                "event",
                "from",
                "name",
                "name_tags",
                "page_story_id",
                "place",
                "target",
                "webp_images",
            ],
            Node::Video(..) => &[
                "backdated_time",
                "description",
                "event",
                "format",
                "from",
                "place",
                "post_id",
                "scheduled_publish_time",
                "title",
            ],
            Node::Album(..) => &["backdated_time", "cover_photo", "description", "event", "location", "place"],
            Node::Instagram(_) => &[
                "business_discovery",
                "legacy_instagram_user_id",
                "mentioned_comment",
                "mentioned_media",
                "owner_business",
            ],
            Node::Media(_) | Node::Child(..) => &[
                "alt_text",
                "caption",
                "children",
                "comments",
                "copyright_check_information",
                "has_poll",
                "has_slider",
                "legacy_instagram_media_id",
                "like_count",
                "media_url",
                "thumbnail_url",
                "video_title",
                "view_count",
                "boosts_info",
                "comments_count",
                "is_shared_to_feed",
            ],
            Node::Remark(_) => &["from", "legacy_instagram_comment_id", "parent_id", "user", "username"],
        }
    }
}

/// The id under which a root stands as a post: a reel has one beside its video id.
fn story_id(item: &Item) -> String {
    item.aliases.first().filter(|_| item.form == Form::Reel).unwrap_or(&item.id).clone()
}

/// An album's id: of an album post, or of the page's timeline photos.
pub(super) fn album_id(account: &Account, item: Option<&Item>) -> String {
    match item {
        Some(item) => format!("77{}", item.id.rsplit('_').next().unwrap_or_default()),
        None => format!("78{}", account.id.trim_start_matches("1067")),
    }
}

pub(super) fn full<'a>(view: &View<'a>, node: Node<'a>) -> Map<String, Value> {
    let value = match node {
        Node::User if view.caller.owner == Owner::User => json!({ "name": "Dana Whitfield", "id": node.id() }),
        Node::User => json!({ "name": "Mesa Vista Archive", "id": node.id() }),
        Node::Page(account) => fbpage::full(view, account),
        Node::Post(item) => post(view, item),
        Node::Comment(item) => comment(view, item),
        Node::Photo(item, medium) => photo(view, item, medium),
        Node::Video(item, medium) => video(view, item, medium),
        Node::Album(account, item) => album(view, account, item),
        Node::Instagram(_) | Node::Media(_) | Node::Child(..) | Node::Remark(_) => Value::Null,
    };
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn from(person: &Person) -> Value {
    json!({ "name": person.name, "id": person.id })
}

/// A picture's link as Facebook's own network would have it.
fn source(view: &View<'_>, medium: &Medium) -> Value {
    json!(view.ask.media_url(medium, view.state.now))
}

/// The still of a medium: itself, or a film's poster.
fn still(view: &View<'_>, medium: &Medium) -> Value {
    if medium.file == super::world::File::Mp4 { source(view, &picture::poster(medium)) } else { source(view, medium) }
}

fn post(view: &View<'_>, item: &Item) -> Value {
    let talk = view.visible(|other| other.root.as_ref() == Some(&item.id));
    // It moves when somebody comments, too.
    let updated =
        talk.iter().map(|comment| comment.created_at).chain([item.updated_at]).max().unwrap_or(item.updated_at);
    let id = story_id(item);
    let short = id.rsplit('_').next().unwrap_or_default();
    let own = item.origin == Origin::Own;
    let mut out = json!({
        "id": id, "created_time": time(item.created_at), "updated_time": time(updated), "is_published": true,
        "is_hidden": item.hidden, "is_expired": false, "status_type": status_type(item),
        "permalink_url": format!("https://www.facebook.com/{}/posts/{short}", item.account),
        "privacy": { "allow": "", "deny": "", "description": "Public", "friends": "", "value": "EVERYONE" },
        "is_eligible_for_promotion": own, "is_instagram_eligible": false, "subscribed": false, "is_popular": false,
    });
    if !item.author_withheld {
        out["from"] = from(&item.author);
    }
    if !item.text.is_empty() {
        out["message"] = json!(item.text);
    }
    if let Some((id, name)) = &item.application {
        out["application"] = json!({ "link": "https://www.mesavista.example.org/", "name": name, "id": id });
    }
    if item.shares > 0 {
        out["shares"] = json!({ "count": item.shares });
    }
    if let Some(medium) = item.media.first() {
        (out["full_picture"], out["picture"]) = (still(view, medium), still(view, medium));
    }
    if item.form == Form::Album {
        let name = &item.author.name;
        out["story"] = json!(format!("{name} added {} new photos.", item.media.len()));
    }
    if item.origin == Origin::Tagged {
        let name = view.state.account(&item.account).map_or("", |page| page.name.as_str());
        if let Some(at) = item.text.find(name) {
            // Offsets are in UTF-16 code units.
            let units = |text: &str| text.encode_utf16().count();
            out["message_tags"] = json!([{ "id": item.account, "name": name, "type": "page", "offset": units(&item.text[..at]),
                "length": units(name) }]);
        }
        out["tagged_time"] = time(item.created_at);
        out["to"] = json!({ "data": [{ "name": view.state.account(&item.account).map(|page| &page.name), "id": item.account }] });
    }
    if own && view.caller.moderate {
        out["admin_creator"] = view
            .state
            .account(&item.account)
            .and_then(|page| page.helpers.first())
            .map_or(Value::Null, |helper| from(&helper.person));
    }
    out
}

fn status_type(item: &Item) -> &'static str {
    match (item.origin, item.form) {
        (Origin::Visitor | Origin::Tagged, _) => "wall_post",
        (_, Form::Photo | Form::Album | Form::LoosePhoto) => "added_photos",
        (_, Form::Video | Form::Reel) => "added_video",
        (_, Form::Link) => "shared_story",
        _ => "mobile_status_update",
    }
}

fn comment(view: &View<'_>, item: &Item) -> Value {
    let replies =
        view.state.items.iter().filter(|other| other.parent.as_ref() == Some(&item.id) && other.gone_at.is_none());
    let root = item.root.clone().unwrap_or_default();
    let object = item.picture.as_ref().unwrap_or(&root);
    let mut out = json!({
        "created_time": time(item.created_at), "message": item.text, "is_hidden": item.hidden, "is_private": false,
        "can_hide": true, "can_remove": true, "can_comment": true, "can_like": true, "can_reply_privately": true,
        "comment_count": replies.count(), "like_count": item.reactions, "user_likes": false,
        "permalink_url": format!("https://www.facebook.com/{}/posts/{}?comment_id={}", item.account,
            object.rsplit('_').next().unwrap_or_default(), item.id.rsplit('_').next().unwrap_or_default()),
        "object": { "id": object },
    });
    if view.caller.moderate {
        out["id"] = json!(item.id);
    }
    if !item.author_withheld {
        out["from"] = from(&item.author);
    }
    let parent = item.parent.as_ref().filter(|parent| **parent != root).and_then(|parent| view.state.item(parent));
    if let Some(parent) = parent {
        out["parent"] = json!({ "created_time": time(parent.created_at), "message": parent.text, "id": parent.id });
        if !parent.author_withheld {
            out["parent"]["from"] = from(&parent.author);
        }
    }
    if let Some(medium) = item.media.first() {
        out["attachment"] = json!({
            "media": { "image": { "height": 64, "src": source(view, medium), "width": 64 } },
            "target": { "id": medium.id, "url": format!("https://www.facebook.com/photo/?fbid={}", medium.id) },
            "type": if item.text.is_empty() { "sticker" } else { "photo" },
            "url": format!("https://www.facebook.com/photo/?fbid={}", medium.id),
        });
    }
    out
}

fn photo(view: &View<'_>, item: &Item, medium: &Medium) -> Value {
    let Some(account) = view.state.account(&item.account) else { return Value::Null };
    let album = if item.form == Form::Album { Some(item) } else { None };
    let link = format!("https://www.facebook.com/photo.php?fbid={}&set=a.{}", medium.id, album_id(account, album));
    let image = json!({ "height": 720, "source": source(view, medium), "width": 960 });
    let mut out = json!({
        "id": medium.id, "created_time": time(item.created_at), "updated_time": time(item.updated_at), "link": link,
        "images": [image], "picture": source(view, medium), "source": source(view, medium), "height": 720, "width": 960,
        "icon": "https://static.xx.fbcdn.net/rsrc.php/v3/yz/r/StEh3RhPvjk.gif", "position": 0, "can_delete": true, "can_tag": true,
        "can_backdate": true,
        "album": { "created_time": time(account.created_at), "name": if album.is_some() { "Album" } else { "Timeline photos" }, "id": album_id(account, album) },
    });
    if !item.author_withheld {
        out["from"] = from(&item.author);
    }
    if item.form != Form::Album && !item.text.is_empty() {
        out["name"] = json!(item.text);
    }
    if item.form != Form::LoosePhoto {
        out["page_story_id"] = json!(item.id);
    }
    if let Some(alt) = &medium.alt {
        out["alt_text"] = json!(alt);
        out["alt_text_custom"] = json!(alt);
    }
    out
}

fn video(view: &View<'_>, item: &Item, medium: &Medium) -> Value {
    let post = item.aliases.first().filter(|_| item.form == Form::Reel).unwrap_or(&item.id);
    let path = if item.form == Form::Reel {
        format!("/reel/{}/", medium.id)
    } else {
        format!("/{}/videos/{}/", item.account, medium.id)
    };
    let mut out = json!({
        "id": medium.id, "created_time": time(item.created_at), "updated_time": time(item.updated_at), "permalink_url": path,
        "published": true, "length": 21.4, "source": source(view, medium), "picture": source(view, &picture::poster(medium)),
        "icon": "https://static.xx.fbcdn.net/rsrc.php/v3/yD/r/DggDhA4z4tO.gif", "from": from(&item.author), "post_id": post,
        "views": item.reactions * 11, "post_views": item.reactions * 9, "content_category": "OTHER", "embeddable": true,
        "is_crosspost_video": false, "is_instagram_eligible": true, "live_status": Value::Null, "status": { "video_status": "ready" },
        "privacy": { "allow": "", "deny": "", "description": "Public", "friends": "", "networks": "", "value": "EVERYONE" },
        "spherical": false, "is_episode": false,
    });
    if !item.text.is_empty() {
        out["description"] = json!(item.text);
    }
    out
}

fn album(view: &View<'_>, account: &Account, item: Option<&Item>) -> Value {
    let photos = album_photos(view, account, item);
    let at = item.map_or(account.created_at, |item| item.created_at);
    let id = album_id(account, item);
    json!({
        "id": id, "created_time": time(at), "updated_time": time(at), "name": item.map_or("Timeline photos", |_| "Album"),
        "count": photos.len(), "photo_count": photos.len(), "video_count": 0, "can_upload": true, "can_backdate": true,
        "from": from(&account.as_person()), "is_user_facing": true, "privacy": "everyone", "type": if item.is_some() { "normal" } else { "wall" },
        "link": format!("https://www.facebook.com/album.php?fbid={id}&id={}&aid=-1", account.id), "modified_major": time(at), "edit_link": "",
    })
}

pub(super) fn album_photos<'a>(
    view: &View<'a>,
    account: &Account,
    item: Option<&'a Item>,
) -> Vec<(&'a Item, &'a Medium)> {
    if let Some(item) = item {
        return item.media.iter().map(|medium| (item, medium)).collect();
    }
    let single = |item: &Item| {
        item.account == account.id
            && item.origin == Origin::Own
            && matches!(item.form, Form::Photo | Form::LoosePhoto)
            && item.parent.is_none()
    };
    view.visible(single)
        .into_iter()
        .rev()
        .flat_map(|item| item.media.iter().map(move |medium| (item, medium)))
        .collect()
}

pub(super) fn edge<'a>(
    view: &View<'a>,
    node: Node<'a>,
    name: &str,
    params: &Params,
    fields: &[Field],
) -> Result<Value, Fault> {
    match (node, name) {
        (_, "reactions" | "likes") => reactions(node, params),
        (_, "comments") => comments(view, node, params, fields),
        (Node::Post(item), "attachments") => attachments(view, item, fields),
        (Node::Post(item), "subattachments") => subattachments(view, item, params, fields),
        (Node::Album(account, item), "photos") => {
            let photos = album_photos(view, account, item);
            photo_list(view, (node, name, params), &photos, fields)
        }
        (Node::Page(account), _) => fbpage::edge(view, account, name, params, fields),
        (Node::User, _) => fbpage::accounts(view, params, fields),
        _ => Ok(json!({ "data": [] })),
    }
}

pub(super) fn photo_list<'a>(
    view: &View<'a>,
    edge: (Node<'a>, &str, &Params),
    photos: &[(&'a Item, &'a Medium)],
    fields: &[Field],
) -> Result<Value, Fault> {
    let numbered: Vec<(usize, (&Item, &Medium))> = photos.iter().copied().enumerate().collect();
    let limit = graph::limit(edge.2.get("limit"), 25, 100, true)?;
    let key =
        |(place, (_, medium)): &(usize, (&Item, &Medium))| (i64::try_from(*place).unwrap_or(0), medium.id.clone());
    let slice = graph::slice(&numbered, key, false, edge.2.get("after").map(String::as_str), limit);
    let page = view.list(edge, &slice, |(_, (item, medium))| view.node(Node::Photo(item, medium), fields))?;
    Ok(Value::Object(page))
}

/// Counts only: who reacted is nobody's business here, and `limit(0)` is how it is asked.
fn reactions(node: Node<'_>, params: &Params) -> Result<Value, Fault> {
    let all = match node {
        Node::Post(item) | Node::Comment(item) | Node::Photo(item, _) | Node::Video(item, _) => item.reactions,
        _ => 0,
    };
    let of_type = match params.get("type").map(String::as_str) {
        None | Some("NONE") => all,
        Some("LIKE") => all - all / 4 - all / 10,
        Some("LOVE") => all / 4,
        Some("WOW") => all / 10,
        Some("HAHA" | "SAD" | "ANGRY" | "CARE" | "THANKFUL" | "PRIDE" | "FIRE" | "HUNDRED") => 0,
        Some(_) => {
            return Err(Fault::new(
                400,
                100,
                "(#100) Param type must be one of {NONE, LIKE, LOVE, WOW, HAHA, SAD, ANGRY, THANKFUL, PRIDE, CARE, FIRE, HUNDRED}",
            ));
        }
    };
    let mut out = json!({ "data": [] });
    match params.get("summary").map(String::as_str) {
        Some("total_count") => out["summary"] = json!({ "total_count": of_type }),
        Some("true" | "1") => out["summary"] = json!({ "total_count": of_type, "viewer_reaction": "NONE" }),
        _ => {}
    }
    Ok(out)
}

fn comments<'a>(view: &View<'a>, node: Node<'a>, params: &Params, fields: &[Field]) -> Result<Value, Fault> {
    let (root, under, picture) = match node {
        Node::Post(item) => (item, None, None),
        // What is said of a single photo or film is said of its post; each picture of an album has its own comments.
        Node::Photo(item, _) | Node::Video(item, _) if item.media.len() == 1 => (item, None, None),
        Node::Photo(item, medium) => (item, None, Some(&medium.id)),
        Node::Comment(item) => (item, Some(&item.id), None),
        _ => return Ok(json!({ "data": [] })),
    };
    // A user's token is let in and shown nothing: it looks healthy and is not.
    if view.caller.owner.is_somebody() {
        return Ok(json!({ "data": [] }));
    }
    if !view.caller.grant.may("pages_read_user_content") {
        return Err(Fault::permission("pages_read_user_content"));
    }
    let stream = match params.get("filter").map(String::as_str) {
        Some("stream") => true,
        None | Some("toplevel") => false,
        Some(_) => {
            return Err(Fault::new(400, 100, "(#100) Param filter must be one of {STREAM, TOPLEVEL} - got another"));
        }
    };
    let newest_first = params.get("order").is_some_and(|order| order == "reverse_chronological");
    let since = params.get("since").and_then(|since| graph::moment(since));
    let meant = |item: &Item| match under {
        Some(comment) => item.parent.as_ref() == Some(comment),
        None => {
            item.root.as_ref() == Some(&root.id)
                && item.picture.as_ref() == picture
                && (stream || item.parent.as_ref() == Some(&root.id))
        }
    };
    let mut found = view.visible(meant);
    found.retain(|item| since.is_none_or(|since| item.created_at >= since));
    if newest_first {
        found.reverse();
    }
    let limit = graph::limit(params.get("limit"), 25, 100, false)?;
    let slice = graph::slice(&found, by_time, newest_first, params.get("after").map(String::as_str), limit);
    let mut page = view.list((node, "comments", params), &slice, |item| view.node(Node::Comment(item), fields))?;
    if params.get("summary").is_some_and(|summary| summary != "false") {
        // What stood under a deleted comment is not counted any more either.
        let stands = |item: &Item| view.state.standing(item) != Standing::Gone;
        let held = view.state.items.iter().filter(|item| meant(item) && stands(item)).count();
        let lost = if under.is_none() && picture.is_none() { root.lost_comments } else { 0 };
        let order = if params.contains_key("order") { "chronological" } else { "ranked" };
        let total = i64::try_from(held).unwrap_or(0) + lost;
        page.insert("summary".to_owned(), json!({ "order": order, "total_count": total, "can_comment": true }));
    }
    Ok(Value::Object(page))
}

fn attachments<'a>(view: &View<'a>, item: &'a Item, fields: &[Field]) -> Result<Value, Fault> {
    let one = match (item.form, item.media.first(), &item.link) {
        (Form::Link, _, Some(link)) => {
            let shim = format!(
                "https://l.facebook.com/l.php?u={}&h=AT0{}",
                graph::encode(&link.url),
                super::ids::Dice::of(&item.id).letters(24)
            );
            json!({ "media_type": "link", "type": "share", "title": link.title, "description": link.description, "url": shim,
                "unshimmed_url": link.url, "target": { "url": shim } })
        }
        (Form::Album, Some(first), _) => {
            let account =
                view.state.account(&item.account).map_or_else(String::new, |account| album_id(account, Some(item)));
            let url = format!("https://www.facebook.com/media/set/?set=a.{account}&type=3");
            let mut album = json!({ "media_type": "album", "type": "album", "title": "Album", "description": item.text, "url": url, "unshimmed_url": url,
                "media": { "image": { "height": 720, "src": still(view, first), "width": 960 } }, "target": { "id": account, "url": url } });
            let sub = fields.iter().find(|field| field.name == "subattachments");
            if fields.is_empty() || sub.is_some() {
                let params: Params = sub.map(|field| field.arguments.iter().cloned().collect()).unwrap_or_default();
                album["subattachments"] =
                    subattachments(view, item, &params, sub.map_or(&[], |field| field.sub.as_slice()))?;
            }
            album
        }
        (_, Some(medium), _) => attachment(view, item, medium),
        _ => return Ok(json!({ "data": [] })),
    };
    let mut fields = fields.to_vec();
    for field in &mut fields {
        if field.name == "subattachments" {
            field.sub.clear();
        }
    }
    Ok(json!({ "data": [graph::select(one, &fields)] }))
}

/// One picture or film as an attachment. Alternative text stands in its `description` only where there is no caption.
fn attachment(view: &View<'_>, item: &Item, medium: &Medium) -> Value {
    let film = medium.file == super::world::File::Mp4;
    let url = if film {
        format!("https://www.facebook.com/{}/videos/{}/", item.account, medium.id)
    } else {
        format!("https://www.facebook.com/photo.php?fbid={}", medium.id)
    };
    let (kind, form) = if film { ("video", "video_inline") } else { ("photo", "photo") };
    let mut out = json!({ "media_type": kind, "type": form, "url": url, "unshimmed_url": url,
        "media": { "image": { "height": 720, "src": still(view, medium), "width": 960 } }, "target": { "id": medium.id, "url": url } });
    if film {
        out["media"]["source"] = source(view, medium);
        out["title"] = json!(item.author.name);
    }
    if !item.text.is_empty() && item.form != Form::Album {
        out["description"] = json!(item.text);
    }
    out
}

/// An album's pictures, a dozen unless more are asked for.
fn subattachments<'a>(view: &View<'a>, item: &'a Item, params: &Params, fields: &[Field]) -> Result<Value, Fault> {
    let all: Vec<(usize, &Medium)> = item.media.iter().enumerate().collect();
    let limit = graph::limit(params.get("limit"), 12, 100, false)?;
    let key = |(place, medium): &(usize, &Medium)| (i64::try_from(*place).unwrap_or(0), medium.id.clone());
    let slice = graph::slice(&all, key, false, params.get("after").map(String::as_str), limit);
    let data = slice.items.iter().map(|(_, medium)| graph::select(attachment(view, item, medium), fields)).collect();
    let page = graph::page(view.ask, &view.caller.token, (&story_id(item), "subattachments", params), &slice, data);
    Ok(Value::Object(page))
}
