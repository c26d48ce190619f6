//! A Facebook page's own facts and the edges of a page: what an audit reads and where the posts are.

use serde_json::{Value, json};

use super::facebook::{Node, Params, View};
use super::fbnode::{self, album_id};
use super::graph::{self, Fault, Field, by_time};
use super::world::{Account, Form, Item, Medium, Origin, Owner};
use crate::model::Platform;
use jiff::SignedDuration;

pub(super) const EDGES: &[&str] = &[
    "published_posts",
    "posts",
    "feed",
    "visitor_posts",
    "tagged",
    "video_reels",
    "videos",
    "photos",
    "albums",
    "stories",
    "settings",
    "roles",
    "blocked",
    "assigned_users",
    "agencies",
    "subscribed_apps",
    "tabs",
    "call_to_actions",
    "ratings",
    "instagram_accounts",
    "page_backed_instagram_accounts",
    "events",
    "live_videos",
    "scheduled_posts",
    "ads_posts",
    "conversations",
];

pub(super) const KNOWN: &[&str] = &[
    "access_token",
    "best_page",
    "bio",
    "birthday",
    "company_overview",
    "connected_page_backed_instagram_account",
    "description_html",
    "differently_open_offerings",
    "display_subtext",
    "engagement",
    "featured_video",
    "founded",
    "general_info",
    "general_manager",
    "global_brand_page_name",
    "global_brand_root_id",
    "has_lead_access",
    "hours",
    "impressum",
    "instagram_business_account",
    "connected_instagram_account",
    "keywords",
    "location",
    "members",
    "mission",
    "name_with_location_descriptor",
    "parent_page",
    "parking",
    "press_contact",
    "price_range",
    "products",
    "public_transit",
    "start_info",
    "store_number",
    "temporary_status",
    "user_access_expire_time",
    "whatsapp_number",
    "overall_star_rating",
    "owner_business",
    "page_token",
    "business",
    "username",
    "tasks",
    "category_list",
    "privacy_info_url",
    "checkins",
    "were_here_count",
];

pub(super) fn full(view: &View<'_>, account: &Account) -> Value {
    let picture = view.ask.media_url(&account.picture, view.state.now);
    let mut out = json!({
        "id": account.id, "name": account.name, "username": account.handle, "link": format!("https://www.facebook.com/{}", account.handle),
        "about": account.about, "description": account.description, "category": "School District",
        "category_list": [{ "id": "2601", "name": "School District" }], "website": account.website, "emails": [account.email],
        "phone": account.phone, "single_line_address": account.address,
        "location": { "city": "Mesa Vista", "country": "United States", "state": "CA", "street": "4100 Ocotillo Way", "zip": "92000" },
        "is_always_open": false, "is_permanently_closed": false, "is_published": account.published, "is_verified": account.slug == "mesa-vista-usd",
        "verification_status": if account.slug == "mesa-vista-usd" { "blue_verified" } else { "not_verified" },
        "is_community_page": false, "is_owned": true, "is_unclaimed": false, "has_transitioned_to_new_page_experience": true,
        "can_post": true, "can_checkin": false, "fan_count": account.followers - 40, "followers_count": account.followers,
        "talking_about_count": account.followers / 90, "new_like_count": 3, "rating_count": 0, "has_added_app": true,
        "cover": { "cover_id": format!("9{}", account.picture.id), "offset_x": 50, "offset_y": 50, "source": picture, "id": format!("9{}", account.picture.id) },
        "picture": { "data": { "height": 50, "is_silhouette": false, "url": picture, "width": 50 } },
        "is_webhooks_subscribed": false, "is_messenger_bot_get_started_enabled": false, "is_eligible_for_branded_content": false,
        "unread_message_count": 0, "unread_notif_count": 0, "promotion_eligible": true, "offer_eligible": false, "is_chain": false,
        "tasks": tasks(),
    });
    if let Some(instagram) = account.linked.as_ref().and_then(|id| view.state.account(id)) {
        let linked = json!({ "id": instagram.id, "username": instagram.handle });
        (out["instagram_business_account"], out["connected_instagram_account"]) = (linked.clone(), linked);
    }
    if let Some(ends) = account.access_ends {
        out["user_access_expire_time"] = graph::time(ends);
    }
    // Only who has a role on the page is given its token.
    let own = view.caller.owner == Owner::Page(account.id.clone()) || view.caller.owner.is_somebody();
    if let Some(token) = view.state.page_token_from(&account.id, &view.caller.token).filter(|_| own) {
        out["access_token"] = json!(token);
    }
    out
}

fn tasks() -> Value {
    json!(["ADVERTISE", "ANALYZE", "CREATE_CONTENT", "MESSAGING", "MODERATE", "MANAGE"])
}

/// The pages a system user has a role on, each with its token: `/me/accounts`.
pub(super) fn accounts(view: &View<'_>, params: &Params, fields: &[Field]) -> Result<Value, Fault> {
    let grant = &view.caller.grant;
    if view.caller.token.starts_with("IG") {
        return Err(Fault::field("accounts", "IGUser"));
    }
    // Without the permission the list is empty and looks healthy.
    let given = |account: &&Account| {
        account.platform == Platform::Facebook && grant.may("pages_show_list") && grant.has(&account.id)
    };
    let pages: Vec<(usize, &Account)> = view.state.accounts.iter().filter(given).enumerate().collect();
    let names = ["access_token", "category", "category_list", "name", "id", "tasks"];
    let defaults: Vec<Field> = names.iter().map(|&name| Field { name: name.to_owned(), ..Field::default() }).collect();
    let fields = if fields.is_empty() { &defaults } else { fields };
    let limit = graph::limit(params.get("limit"), 25, 100, true)?;
    let key = |(place, account): &(usize, &Account)| (i64::try_from(*place).unwrap_or(0), account.id.clone());
    let slice = graph::slice(&pages, key, false, params.get("after").map(String::as_str), limit);
    let page =
        view.list((Node::User, "accounts", params), &slice, |(_, account)| view.node(Node::Page(account), fields))?;
    Ok(Value::Object(page))
}

pub(super) fn edge<'a>(
    view: &View<'a>,
    account: &'a Account,
    name: &str,
    params: &Params,
    fields: &[Field],
) -> Result<Value, Fault> {
    let own_token = view.caller.owner == Owner::Page(account.id.clone());
    let foreign = matches!(view.caller.owner, Owner::Page(_)) && !own_token;
    if foreign {
        return Err(Fault::permission("pages_read_engagement"));
    }
    let private = matches!(name, "settings" | "roles" | "blocked" | "subscribed_apps" | "conversations" | "stories");
    if private && !own_token {
        return Err(Fault::new(400, 190, "This method must be called with a Page Access Token").subcode(2_069_032));
    }
    let needed = match name {
        "visitor_posts" | "tagged" => "pages_read_user_content",
        _ => "pages_read_engagement",
    };
    if !view.caller.grant.may(needed) {
        return Err(Fault::permission(needed));
    }
    match name {
        "settings" => Ok(data(account.settings.iter().map(|(setting, value)| json!({ "setting": setting, "value": value })))),
        "roles" => Ok(data(account.helpers.iter().map(|helper| {
            json!({ "name": helper.person.name, "role": helper.role, "tasks": helper.tasks, "id": helper.person.id, "is_active": true })
        }))),
        "blocked" => Ok(data(account.blocked.iter().map(|person| json!({ "name": person.name, "id": person.id })))),
        "subscribed_apps" => Ok(data(account.applications.iter().map(|(id, name)| {
            json!({ "link": "https://www.mesavista.example.org/", "name": name, "id": id, "subscribed_fields": ["feed"] })
        }))),
        "assigned_users" if !params.contains_key("business") => Err(Fault::new(400, 100, "(#100) The parameter business is required")),
        "instagram_accounts" | "page_backed_instagram_accounts" | "assigned_users" | "agencies" | "tabs" | "call_to_actions" | "ratings"
        | "events" | "live_videos" | "scheduled_posts" | "ads_posts" => Ok(json!({ "data": [] })),
        "conversations" => Err(Fault::new(403, 200, "(#200) Requires pages_messaging permission to manage the object")),
        "stories" => stories(view, account, params),
        "albums" => albums(view, account, params, fields),
        "photos" => photos(view, account, params, fields),
        "video_reels" | "videos" => videos(view, account, name, params, fields),
        _ => posts(view, account, name, params, fields),
    }
}

fn data(values: impl Iterator<Item = Value>) -> Value {
    json!({ "data": values.collect::<Vec<Value>>() })
}

/// Whether a root belongs to one of the feed edges. Reels, stories and loose photos are in none of them.
fn is_in(item: &Item, edge: &str, include_hidden: bool) -> bool {
    let told = matches!(item.form, Form::Status | Form::Photo | Form::Album | Form::Link | Form::Video);
    let meant = match edge {
        "visitor_posts" => item.origin == Origin::Visitor,
        "tagged" => item.origin == Origin::Tagged,
        "feed" => true,
        _ => item.origin == Origin::Own,
    };
    told && meant && item.parent.is_none() && (include_hidden || !item.hidden)
}

/// The window that `since` and `until` open.
fn is_within(item: &Item, params: &Params) -> bool {
    let bound = |name: &str| params.get(name).and_then(|text| graph::moment(text));
    bound("since").is_none_or(|since| item.created_at >= since)
        && bound("until").is_none_or(|until| item.created_at <= until)
}

fn posts<'a>(
    view: &View<'a>,
    account: &'a Account,
    name: &str,
    params: &Params,
    fields: &[Field],
) -> Result<Value, Fault> {
    let hidden = params.get("include_hidden").is_some_and(|value| value == "true" || value == "1");
    let meant = |item: &Item| item.account == account.id && is_in(item, name, hidden) && is_within(item, params);
    let mut found = view.visible(meant);
    found.reverse();
    let limit = graph::limit(params.get("limit"), 25, 100, true)?;
    let slice = graph::slice(&found, by_time, true, params.get("after").map(String::as_str), limit);
    let page = view.list((Node::Page(account), name, params), &slice, |item| view.node(Node::Post(item), fields))?;
    Ok(Value::Object(page))
}

fn videos<'a>(
    view: &View<'a>,
    account: &'a Account,
    name: &str,
    params: &Params,
    fields: &[Field],
) -> Result<Value, Fault> {
    let form = |item: &Item| item.form == Form::Reel || (name == "videos" && item.form == Form::Video);
    let mut found = view
        .visible(|item| item.account == account.id && item.parent.is_none() && form(item) && is_within(item, params));
    found.reverse();
    let limit = graph::limit(params.get("limit"), 25, 100, true)?;
    let slice = graph::slice(&found, by_time, true, params.get("after").map(String::as_str), limit);
    let page = view.list((Node::Page(account), name, params), &slice, |item| match item.media.first() {
        Some(film) => view.node(Node::Video(item, film), fields),
        None => Err(Fault::missing(&item.id, "GraphMethodException")),
    })?;
    Ok(Value::Object(page))
}

/// `type=uploaded` is every picture of the page's own; without it only the profile pictures are meant, and there are none.
fn photos<'a>(view: &View<'a>, account: &'a Account, params: &Params, fields: &[Field]) -> Result<Value, Fault> {
    let uploaded = params.get("type").is_some_and(|kind| kind == "uploaded");
    let picture = |item: &Item| {
        let form = matches!(item.form, Form::Photo | Form::Album | Form::LoosePhoto);
        uploaded
            && form
            && item.account == account.id
            && item.origin == Origin::Own
            && item.parent.is_none()
            && is_within(item, params)
    };
    let found: Vec<(&Item, &Medium)> = view
        .visible(picture)
        .into_iter()
        .rev()
        .flat_map(|item| item.media.iter().map(move |medium| (item, medium)))
        .collect();
    fbnode::photo_list(view, (Node::Page(account), "photos", params), &found, fields)
}

fn albums<'a>(view: &View<'a>, account: &'a Account, params: &Params, fields: &[Field]) -> Result<Value, Fault> {
    let posts = view.visible(|item| item.account == account.id && item.form == Form::Album && item.parent.is_none());
    let all: Vec<(usize, Option<&Item>)> = posts.into_iter().rev().map(Some).chain([None]).enumerate().collect();
    let limit = graph::limit(params.get("limit"), 25, 100, true)?;
    let key = |(place, item): &(usize, Option<&Item>)| (i64::try_from(*place).unwrap_or(0), album_id(account, *item));
    let slice = graph::slice(&all, key, false, params.get("after").map(String::as_str), limit);
    let page = view.list((Node::Page(account), "albums", params), &slice, |(_, item)| {
        view.node(Node::Album(account, *item), fields)
    })?;
    Ok(Value::Object(page))
}

/// Stories of the last day, or with `status=ARCHIVED` the older ones.
fn stories<'a>(view: &View<'a>, account: &'a Account, params: &Params) -> Result<Value, Fault> {
    let fresh = |item: &Item| view.state.now.duration_since(item.created_at) < SignedDuration::from_hours(24);
    let archived = params.get("status").is_some_and(|status| status == "ARCHIVED");
    let mut found = view.visible(|item| {
        item.account == account.id && item.form == Form::Story && fresh(item) != archived && is_within(item, params)
    });
    found.reverse();
    let limit = graph::limit(params.get("limit"), 25, 100, true)?;
    let slice = graph::slice(&found, by_time, true, params.get("after").map(String::as_str), limit);
    let page = view.list((Node::Page(account), "stories", params), &slice, |item| {
        let medium = item.media.first();
        Ok(json!({
            "post_id": item.id.rsplit('_').next(), "status": if archived { "archived" } else { "published" },
            "creation_time": item.created_at.as_second().to_string(), "media_type": "photo", "media_id": medium.map(|medium| &medium.id),
            "url": format!("https://facebook.com/stories/{}/{}", account.id, item.id.rsplit('_').next().unwrap_or_default()),
        }))
    })?;
    Ok(Value::Object(page))
}
