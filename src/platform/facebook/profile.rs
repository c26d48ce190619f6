//! A page's own facts, settings, people and applications: items of kind `profile`, versioned like any other.

use serde_json::Value;

use super::parse;
use crate::model::{Author, Content, Counts, Exchange, Kind, Media, Observation, Page, Problem, rfc3339};
use crate::platform::graph::{self, Next};
use crate::platform::json;

/// What is asked of a page (platform reference, 1.1).
pub(super) const FIELDS: &[&str] = &[
    "id",
    "name",
    "username",
    "link",
    "about",
    "bio",
    "description",
    "general_info",
    "mission",
    "company_overview",
    "impressum",
    "category",
    "category_list{id,name}",
    "website",
    "emails",
    "phone",
    "single_line_address",
    "location",
    "hours",
    "is_always_open",
    "temporary_status",
    "is_permanently_closed",
    "is_published",
    "is_verified",
    "verification_status",
    "is_community_page",
    "is_owned",
    "is_unclaimed",
    "has_transitioned_to_new_page_experience",
    "can_post",
    "fan_count",
    "followers_count",
    "talking_about_count",
    "new_like_count",
    "rating_count",
    "overall_star_rating",
    "cover",
    "picture{url,is_silhouette}",
    "parent_page",
    "best_page",
    "owner_business",
    "business",
    "instagram_business_account{id,username}",
    "connected_instagram_account",
    "has_added_app",
    "is_webhooks_subscribed",
    "is_messenger_bot_get_started_enabled",
    "privacy_info_url",
    "user_access_expire_time",
];

/// What a page says about itself in sentences: the item's text, in this order.
const TEXTS: &[&str] = &["about", "bio", "description", "general_info", "mission", "company_overview", "impressum"];

/// Counts change by the hour and are no content; pictures are media; the id is the item's.
const NO_FACTS: &[&str] = &[
    "id",
    "fan_count",
    "followers_count",
    "talking_about_count",
    "new_like_count",
    "rating_count",
    "overall_star_rating",
    "cover",
    "picture",
];

/// The page's node as its profile, and what else to ask about it.
pub(super) fn read(exchange: &Exchange, page_id: &str) -> (Page, Vec<Audit>) {
    let mut page = Page::default();
    let text = json::readable(&exchange.body, &mut page.problems);
    let fields = parse::fields(&text);
    let mut values = Vec::with_capacity(fields.len());
    for (name, raw) in fields {
        match serde_json::from_str::<Value>(raw.get()) {
            Ok(value) => values.push((name, value)),
            Err(_) => page.problems.push(Problem::new(name, "cannot be read; its bytes are kept")),
        }
    }
    let field = |name: &str| values.iter().find(|(known, _)| known == name).map(|(_, value)| value);
    let word = |name: &str| field(name).and_then(Value::as_str).map(str::to_owned);
    let Some(id) = field("id").map(scalar).or_else(|| Some(page_id.to_owned()).filter(|id| !id.is_empty())) else {
        page.problems.push(Problem::new("id", "is missing: this is not a page"));
        return (page, Vec::new());
    };
    let mut facts = Vec::new();
    for (name, value) in &values {
        if !NO_FACTS.contains(&name.as_str()) && !TEXTS.contains(&name.as_str()) {
            flatten(name, value, &mut facts);
        }
    }
    facts.sort();
    let texts: Vec<String> = TEXTS.iter().filter_map(|name| word(name)).filter(|text| !text.is_empty()).collect();
    let author = Author { native_id: Some(id.clone()), name: word("name"), handle: word("username") };
    page.observations.push(Observation {
        url: word("link"),
        content: Content {
            text: texts.join("\n\n").replace('\0', "\u{fffd}"),
            parts: facts,
            links: word("website").into_iter().collect(),
            media: [field("picture"), field("cover")].into_iter().flatten().filter_map(picture).collect(),
        },
        counts: Counts { reactions: field("followers_count").and_then(Value::as_i64), ..Counts::default() },
        ..profile_item(format!("{id}/profile"), author.clone(), exchange)
    });
    let business = ["business", "owner_business"].iter().find_map(|name| field(name)?.get("id").map(scalar));
    let audits = EDGES
        .iter()
        .filter(|edge| **edge != "assigned_users" || business.is_some())
        .map(|edge| Audit {
            edge,
            page: id.clone(),
            author: author.clone(),
            business: business.clone(),
            facts: Vec::new(),
            next: None,
            pages: 0,
        })
        .collect();
    (page, audits)
}

fn profile_item(native_id: String, author: Author, exchange: &Exchange) -> Observation {
    Observation {
        native_id,
        aliases: Vec::new(),
        kind: Kind::Profile,
        parent: None,
        root: None,
        author,
        created_at: None,
        url: None,
        hidden: false,
        content: Content::default(),
        counts: Counts::default(),
        raw: 0..exchange.body.len(),
        superseded: false,
        in_part: false,
    }
}

/// A value as facts, `name: value` each; lists of named things on a line each.
fn flatten(name: &str, value: &Value, facts: &mut Vec<String>) {
    match value {
        Value::Null => {}
        Value::Object(fields) if fields.contains_key("id") || fields.contains_key("name") => {
            facts.push(format!("{name}: {}", named(value)));
        }
        Value::Object(fields) => {
            fields.iter().for_each(|(inner, value)| flatten(&format!("{name}.{inner}"), value, facts))
        }
        Value::Array(list) => list.iter().for_each(|value| flatten(name, value, facts)),
        _ => facts.push(format!("{name}: {}", scalar(value))),
    }
}

/// A person, page or application: its name and id.
fn named(value: &Value) -> String {
    let field = |name: &str| value.get(name).map(scalar);
    match (field("name").or_else(|| field("username")), field("id").or_else(|| field("fbid"))) {
        (Some(name), Some(id)) => format!("{name} ({id})"),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => scalar(value),
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => text.replace('\0', "\u{fffd}"),
        other => other.to_string(),
    }
}

/// A picture of the page: by its id, or by the file it lies in, whose signature changes and whose name does not.
fn picture(value: &Value) -> Option<Media> {
    let value = value.get("data").unwrap_or(value);
    let url = value.get("source").or_else(|| value.get("url"))?.as_str()?;
    let file = url.split('?').next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
    let id = value.get("id").or_else(|| value.get("cover_id")).map_or_else(|| file.to_owned(), scalar);
    Some(Media { native_id: id, url: Some(url.to_owned()), expires_at: graph::expiry(url), ..Media::default() })
}

/// One edge that tells who and what may act for the page: asked by itself, since each may be refused by itself.
#[derive(Debug, Clone)]
pub(super) struct Audit {
    pub(super) edge: &'static str,
    page: String,
    author: Author,
    business: Option<String>,
    facts: Vec<String>,
    pub(super) next: Option<Next>,
    pages: u32,
}

const EDGES: &[&str] = &["settings", "roles", "assigned_users", "subscribed_apps", "blocked"];

impl Audit {
    pub(super) fn words(&self) -> &'static str {
        match self.edge {
            "settings" => "settings",
            "subscribed_apps" => "applications",
            "blocked" => "list of blocked people",
            _ => "roles",
        }
    }

    pub(super) fn fields(&self) -> &'static [&'static str] {
        match self.edge {
            "roles" => &["id", "name", "role", "tasks", "is_active"],
            "assigned_users" => &["id", "name", "tasks"],
            "subscribed_apps" => &["id", "name", "link", "category", "subscribed_fields"],
            _ => &[],
        }
    }

    pub(super) fn query(&self) -> Vec<(&'static str, &str)> {
        let mut query = vec![("limit", "100")];
        if let (true, Some(business)) = (self.edge == "assigned_users", self.business.as_deref()) {
            query.push(("business", business));
        }
        query
    }

    /// Adds one answer; gives the item with the last one.
    pub(super) fn read(mut self, exchange: &Exchange) -> (Page, Option<Audit>) {
        let mut page = Page::default();
        let text = json::readable(&exchange.body, &mut page.problems);
        let objects = json::objects(&text, &mut page.problems);
        for (place, raw) in &objects.objects {
            match serde_json::from_str::<Value>(raw.get()) {
                Ok(value) => self.facts.push(self.fact(&value)),
                Err(_) => page.problems.push(Problem::new(place.clone(), "cannot be read; its bytes are kept")),
            }
        }
        self.pages += 1;
        if let Some(next) = graph::after(&objects).filter(|next| self.pages < 100 && self.next.as_ref() != Some(next)) {
            page.problems.push(Problem::new("paging.next", "the list goes on in the next answer"));
            self.next = Some(next);
            return (page, Some(self));
        }
        self.facts.sort();
        page.observations.push(Observation {
            content: Content { parts: self.facts, ..Content::default() },
            ..profile_item(format!("{}/profile/{}", self.page, self.edge), self.author, exchange)
        });
        (page, None)
    }

    fn fact(&self, value: &Value) -> String {
        if let Some(setting) = value.get("setting") {
            return format!("{}: {}", scalar(setting), value.get("value").map(scalar).unwrap_or_default());
        }
        if let Some(since) = value.get("block_time").and_then(|at| json::time(&scalar(at))) {
            return format!("{}: blocked {}", named(value), rfc3339(since));
        }
        let mut more: Vec<String> = value.get("role").map(scalar).into_iter().collect();
        let list = ["tasks", "subscribed_fields"].iter().find_map(|name| value.get(name)?.as_array());
        let mut words: Vec<String> = list.into_iter().flatten().map(scalar).collect();
        words.sort();
        more.extend(Some(words.join(", ")).filter(|words| !words.is_empty()));
        if value.get("is_active") == Some(&Value::Bool(false)) {
            more.push("not active".to_owned());
        }
        if more.is_empty() { named(value) } else { format!("{}: {}", named(value), more.join("; ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The list comes as profiles, or as the specification's own kind with its times; a stranger's name is only a name.
    #[test]
    fn people_who_are_blocked_are_names_ids_and_times_as_far_as_they_are_given() {
        let audit = Audit {
            edge: "blocked",
            page: "1".into(),
            author: Author::default(),
            business: None,
            facts: Vec::new(),
            next: None,
            pages: 0,
        };
        let fact = |json: &str| audit.fact(&serde_json::from_str(json).unwrap());
        assert_eq!(fact(r#"{"name":"Wade Pruitt","id":"31"}"#), "Wade Pruitt (31)");
        let told = r#"{"fbid":31,"username":"wade","block_time":"2026-11-17T20:00:00+0000","block_type":"page"}"#;
        assert_eq!(fact(told), "wade (31): blocked 2026-11-17T20:00:00.000Z");
        assert_eq!(fact(r#"{"id":"31","block_time":1779000000}"#), "31: blocked 2026-05-17T06:40:00.000Z");
        assert_eq!(fact(r#"{"name":"Pat","id":"32","block_time":"soon"}"#), "Pat (32)");
    }
}
