//! The Graph API's Instagram half: professional accounts linked to a page, reached on the same host with the page's token.

use jiff::SignedDuration;
use serde_json::{Map, Value, json};

use super::facebook::{Node, Params, View};
use super::graph::{self, Fault, Field, by_time, time};
use super::ids::Dice;
use super::picture;
use super::world::{Account, File, Form, Item, Medium, Origin};

pub(super) fn full<'a>(view: &View<'a>, node: Node<'a>) -> Map<String, Value> {
    let value = match node {
        Node::Instagram(account) => user(view, account),
        Node::Media(item) => media(view, item),
        Node::Child(item, medium) => child(view, item, medium),
        Node::Remark(item) => remark(item),
        _ => Value::Null,
    };
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn user(view: &View<'_>, account: &Account) -> Value {
    let count = view.visible(|item| item.account == account.id && in_media(item)).len();
    json!({
        "id": account.id, "ig_id": account.id.trim_start_matches("1784140").parse::<u64>().unwrap_or(0), "username": account.handle,
        "name": account.name, "biography": account.about, "website": account.website, "followers_count": account.followers,
        "follows_count": 61, "media_count": count, "is_published": account.published, "has_profile_pic": true,
        "profile_picture_url": view.ask.media_url(&account.picture, view.state.now),
        "shopping_product_tag_eligibility": false, "shopping_review_status": "",
    })
}

/// What an account's media edge holds: no stories.
fn in_media(item: &Item) -> bool {
    item.parent.is_none() && item.origin == Origin::Own && item.form != Form::Story
}

fn media_type(item: &Item) -> &'static str {
    match (item.form, item.media.first().map(|medium| medium.file)) {
        (Form::Album, _) => "CAROUSEL_ALBUM",
        (_, Some(File::Mp4)) => "VIDEO",
        _ => "IMAGE",
    }
}

fn shortcode(id: &str) -> String {
    format!("C{}", Dice::of(id).letters(10))
}

fn media(view: &View<'_>, item: &Item) -> Value {
    let account = view.state.account(&item.account);
    let (code, handle) = (shortcode(&item.id), account.map_or("", |account| account.handle.as_str()));
    let product = match item.form {
        Form::Reel => "REELS",
        Form::Story => "STORY",
        _ => "FEED",
    };
    let permalink = match item.form {
        Form::Story => format!("https://instagram.com/stories/{handle}/{}", item.id),
        Form::Reel => format!("https://www.instagram.com/reel/{code}/"),
        _ => format!("https://www.instagram.com/p/{code}/"),
    };
    let mut out = json!({
        "id": item.id, "ig_id": item.id.chars().rev().collect::<String>(), "shortcode": code, "permalink": permalink,
        "media_type": media_type(item), "media_product_type": product, "timestamp": time(item.created_at), "username": handle,
        "owner": { "id": item.account }, "is_comment_enabled": !item.comments_off, "comments_count": view.state.counted(item),
    });
    if !item.text.is_empty() {
        out["caption"] = json!(item.text);
    }
    // Some accounts hide their likes, and then there is no count; musical reels come without a link to the film.
    if item.reactions % 7 != 0 {
        out["like_count"] = json!(item.reactions);
    }
    if item.form == Form::Reel {
        out["is_shared_to_feed"] = json!(true);
        out["view_count"] = json!(item.reactions * 13);
    }
    if let Some(medium) = item.media.first() {
        files(view, &mut out, medium, item.form == Form::Reel && item.reactions % 5 == 0);
        if let Some(alt) = medium.alt.as_ref().filter(|_| item.form == Form::Photo) {
            out["alt_text"] = json!(alt);
        }
    }
    out
}

fn files(view: &View<'_>, out: &mut Value, medium: &Medium, protected: bool) {
    if !protected {
        out["media_url"] = json!(view.ask.media_url(medium, view.state.now));
    }
    if medium.file == File::Mp4 {
        out["thumbnail_url"] = json!(view.ask.media_url(&picture::poster(medium), view.state.now));
    }
}

fn child(view: &View<'_>, item: &Item, medium: &Medium) -> Value {
    let code = shortcode(&medium.id);
    let handle = view.state.account(&item.account).map_or("", |account| account.handle.as_str());
    let kind = if medium.file == File::Mp4 { "VIDEO" } else { "IMAGE" };
    let mut out = json!({
        "id": medium.id, "ig_id": medium.id.chars().rev().collect::<String>(), "shortcode": code,
        "permalink": format!("https://www.instagram.com/p/{code}/"), "media_type": kind, "timestamp": time(item.created_at),
        "username": handle, "owner": { "id": item.account },
    });
    files(view, &mut out, medium, false);
    if let Some(alt) = &medium.alt {
        out["alt_text"] = json!(alt);
    }
    out
}

fn remark(item: &Item) -> Value {
    let own = item.author.id == item.account;
    let mut out = json!({
        "id": item.id, "text": item.text, "timestamp": time(item.created_at), "hidden": item.hidden, "like_count": item.reactions,
        "media": { "id": item.root },
    });
    if !item.author_withheld {
        out["username"] = json!(item.author.handle);
        out["from"] = json!({ "id": item.author.id, "username": item.author.handle });
    }
    if own {
        out["user"] = json!({ "id": item.author.id });
        out["from"]["self_ig_scoped_id"] = json!(Dice::of(&item.author.id).digits(16));
    }
    let root = item.root.as_ref();
    if let Some(parent) = item.parent.as_ref().filter(|parent| Some(*parent) != root) {
        out["parent_id"] = json!(parent);
    }
    out
}

pub(super) fn edge<'a>(
    view: &View<'a>,
    node: Node<'a>,
    name: &str,
    params: &Params,
    fields: &[Field],
) -> Result<Value, Fault> {
    if !view.caller.grant.may("instagram_basic") {
        return Err(Fault::new(403, 10, "(#10) Application does not have permission for this action"));
    }
    if !view.caller.grant.may("instagram_manage_comments") && matches!(name, "comments" | "replies") {
        return Ok(json!({ "data": [] }));
    }
    match (node, name) {
        (Node::Instagram(account), "media" | "stories" | "tags") => media_list(view, account, name, params, fields),
        (Node::Media(item), "children") => {
            let all = if item.form == Form::Album { item.media.as_slice() } else { &[] };
            let data = all
                .iter()
                .map(|medium| view.node(Node::Child(item, medium), fields))
                .collect::<Result<Vec<Value>, Fault>>()?;
            Ok(json!({ "data": data }))
        }
        (Node::Media(item), "comments") => remarks(view, node, (name, &item.id), params, fields),
        (Node::Remark(item), "replies") => remarks(view, node, (name, &item.id), params, fields),
        _ => Ok(json!({ "data": [] })),
    }
}

fn media_list<'a>(
    view: &View<'a>,
    account: &'a Account,
    name: &str,
    params: &Params,
    fields: &[Field],
) -> Result<Value, Fault> {
    let bound = |name: &str| params.get(name).and_then(|text| graph::moment(text));
    let (since, until) = (bound("since"), bound("until"));
    let fresh = |item: &Item| view.state.now.duration_since(item.created_at) < SignedDuration::from_hours(24);
    let meant = |item: &Item| {
        let listed = match name {
            "stories" => item.form == Form::Story && item.parent.is_none() && fresh(item),
            "tags" => item.origin == Origin::Tagged && item.parent.is_none(),
            _ => in_media(item),
        };
        let within =
            since.is_none_or(|since| item.created_at >= since) && until.is_none_or(|until| item.created_at <= until);
        item.account == account.id && listed && within
    };
    let mut found = view.visible(meant);
    found.reverse();
    let limit = graph::limit(params.get("limit"), 25, 100, false)?;
    let slice = graph::slice(&found, by_time, true, params.get("after").map(String::as_str), limit);
    let page =
        view.list((Node::Instagram(account), name, params), &slice, |item| view.node(Node::Media(item), fields))?;
    Ok(Value::Object(page))
}

/// Comments of a post or replies to a comment: fifty at most, newest first, without a `before` cursor.
fn remarks<'a>(
    view: &View<'a>,
    node: Node<'a>,
    (name, parent): (&str, &str),
    params: &Params,
    fields: &[Field],
) -> Result<Value, Fault> {
    let mut found = view.visible(|item| item.parent.as_deref() == Some(parent));
    found.reverse();
    let limit = graph::limit(params.get("limit"), 50, 50, false)?;
    let mut slice = graph::slice(&found, by_time, true, params.get("after").map(String::as_str), limit);
    slice.earlier = false;
    let mut page = view.list((node, name, params), &slice, |item| view.node(Node::Remark(item), fields))?;
    match page.get_mut("paging") {
        Some(paging) if slice.more => {
            if let Some(cursors) = paging.get_mut("cursors").and_then(Value::as_object_mut) {
                cursors.remove("before");
            }
        }
        _ => {
            page.remove("paging");
        }
    }
    Ok(Value::Object(page))
}
