//! How X reads what it is asked: which parameters it knows, and what it says of those it does not.

use serde_json::json;

use super::server::Ask;
use super::x::Fault;
use super::xpost::Post;
use crate::model::Timestamp;

/// The parameters of a lookup of posts, in either vocabulary.
pub const ONE: &[&str] =
    &["tweet.fields", "post.fields", "expansions", "media.fields", "poll.fields", "user.fields", "place.fields"];
pub const LIST: &[&str] = &[
    "tweet.fields",
    "post.fields",
    "expansions",
    "media.fields",
    "poll.fields",
    "user.fields",
    "place.fields",
    "max_results",
    "start_time",
    "end_time",
    "since_id",
    "until_id",
];
pub const USER: &[&str] = &["user.fields", "expansions", "tweet.fields", "post.fields"];

/// Fields of a post that both vocabularies know.
const FIELDS: &[&str] = &[
    "article",
    "attachments",
    "card_uri",
    "community_id",
    "context_annotations",
    "conversation_id",
    "created_at",
    "display_text_range",
    "edit_controls",
    "entities",
    "geo",
    "id",
    "lang",
    "matched_media_notes",
    "media_metadata",
    "non_public_metrics",
    "note_request_suggestions",
    "organic_metrics",
    "paid_partnership",
    "possibly_sensitive",
    "promoted_metrics",
    "public_metrics",
    "reply_settings",
    "scopes",
    "source",
    "suggested_source_links",
    "suggested_source_links_with_counts",
    "text",
    "withheld",
];
const TWEET: &[&str] =
    &["author_id", "edit_history_tweet_ids", "in_reply_to_user_id", "note_tweet", "referenced_tweets"];
const POST: &[&str] = &["article_title", "note_post"];
const EXPANSIONS: &[&str] = &[
    "article.cover_media",
    "article.media_entities",
    "attachments.media_keys",
    "attachments.media_source_tweet",
    "attachments.poll_ids",
    "author_id",
    "entities.mentions.username",
    "geo.place_id",
    "in_reply_to_user_id",
    "edit_history_tweet_ids",
    "entities.note.mentions.username",
    "referenced_tweets.id",
    "referenced_tweets.id.attachments.media_keys",
    "referenced_tweets.id.author_id",
    "edit_history_post_ids",
    "referenced_posts",
    "username",
    "affiliation.user_id",
    "affiliation",
    "most_recent_tweet_id",
    "pinned_tweet_id",
    "most_recent_post_id",
    "pinned_post_id",
];
const USER_FIELDS: &[&str] = &[
    "affiliation",
    "confirmed_email",
    "connection_status",
    "created_at",
    "description",
    "entities",
    "id",
    "is_identity_verified",
    "location",
    "most_recent_tweet_id",
    "name",
    "parody",
    "pinned_tweet_id",
    "profile_banner_url",
    "profile_image_url",
    "protected",
    "public_metrics",
    "receives_your_dm",
    "subscribes_to_you",
    "subscription",
    "subscription_type",
    "url",
    "username",
    "verified",
    "verified_followers_count",
    "verified_type",
    "withheld",
];
const MEDIA_FIELDS: &[&str] = &[
    "alt_text",
    "duration_ms",
    "height",
    "media_key",
    "non_public_metrics",
    "organic_metrics",
    "preview_image_url",
    "promoted_metrics",
    "public_metrics",
    "type",
    "url",
    "variants",
    "width",
];
const POLL_FIELDS: &[&str] = &["duration_minutes", "end_datetime", "id", "options", "voting_status"];

/// The older of X's two shapes of a refusal.
pub fn invalid(parameter: &str, value: &str, why: &str) -> Fault {
    let message = format!("The `{parameter}` query parameter value [{value}] {why}");
    refused(parameter, value, &message)
}

fn refused(parameter: &str, value: &str, message: &str) -> Fault {
    let body = json!({
        "errors": [{ "parameters": { parameter: [value] }, "message": message }], "title": "Invalid Request",
        "detail": "One or more parameters to your request was invalid.",
        "type": "https://api.twitter.com/2/problems/invalid-request",
    });
    Fault { status: 400, body }
}

/// Refuses parameters and words of theirs that X does not know.
pub fn check(ask: &Ask, known: &[&str]) -> Result<(), Fault> {
    for (name, value) in &ask.query {
        if !known.contains(&name.as_str()) {
            let message = format!("The query parameter [{name}] is not one of [{}]", known.join(","));
            return Err(refused(name, value, &message));
        }
        let words: Vec<&str> = match name.as_str() {
            "tweet.fields" => [FIELDS, TWEET].concat(),
            "post.fields" => [FIELDS, POST].concat(),
            "expansions" => EXPANSIONS.to_vec(),
            "user.fields" => USER_FIELDS.to_vec(),
            "media.fields" => MEDIA_FIELDS.to_vec(),
            "poll.fields" => POLL_FIELDS.to_vec(),
            _ => continue,
        };
        if let Some(bad) = value.split(',').find(|word| !words.contains(word)) {
            return Err(invalid(name, bad, &format!("is not one of [{}]", words.join(","))));
        }
    }
    Ok(())
}

pub fn is_id(text: &str) -> bool {
    (1..=19).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// How many results a page may hold.
pub fn results(ask: &Ask, least: usize, most: usize, default: usize) -> Result<usize, Fault> {
    let Some(asked) = ask.param("max_results") else { return Ok(default) };
    let within = asked.parse().ok().filter(|number| (least..=most).contains(number));
    within.ok_or_else(|| invalid("max_results", asked, &format!("is not between {least} and {most}")))
}

/// A time as X wants it: to the second, in UTC.
pub fn time(ask: &Ask, name: &str) -> Result<Option<Timestamp>, Fault> {
    let Some(text) = ask.param(name) else { return Ok(None) };
    let good = text.len() >= 20 && text.ends_with('Z');
    let at = text.parse().ok().filter(|_| good);
    at.map(Some).ok_or_else(|| invalid(name, text, "is not a valid date in the format YYYY-MM-DDTHH:mm:ssZ"))
}

/// What times and ids a list is cut at.
pub struct Bounds {
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    since: u64,
    until: u64,
}

/// The first moment X takes: 6 November 2010.
const FIRST: Timestamp = Timestamp::constant(1_289_001_600, 0);

impl Bounds {
    pub fn of(ask: &Ask, now: Timestamp) -> Result<Bounds, Fault> {
        let number = |name: &str| match ask.param(name) {
            Some(id) if is_id(id) => Ok(id.parse::<u64>().ok()),
            Some(id) => Err(invalid(name, id, "is not valid")),
            None => Ok(None),
        };
        let (start, end) = (time(ask, "start_time")?, time(ask, "end_time")?);
        let words = |name: &str| ask.param(name).unwrap_or_default().to_owned();
        if start.is_some_and(|start| start < FIRST) {
            return Err(invalid("start_time", &words("start_time"), "must be on or after 2010-11-06T00:00:00Z"));
        }
        if end.is_some_and(|end| now.duration_since(end).as_secs() < 10) {
            return Err(invalid(
                "end_time",
                &words("end_time"),
                "must be a minimum of 10 seconds prior to the request time",
            ));
        }
        if let (Some(start), Some(end)) = (start, end)
            && start >= end
        {
            return Err(invalid("start_time", &words("start_time"), "must be earlier than `end_time`"));
        }
        Ok(Bounds {
            start,
            end,
            since: number("since_id")?.unwrap_or(0),
            until: number("until_id")?.unwrap_or(u64::MAX),
        })
    }

    pub fn hold(&self, post: &Post<'_>) -> bool {
        let at = post.written();
        self.start.is_none_or(|start| at >= start)
            && self.end.is_none_or(|end| at < end)
            && post.number() > self.since
            && post.number() < self.until
    }
}

/// Reads a search: terms that must all be met, in groups of which one must be. Terms are name and value; a bare word has no
/// name. Parentheses and negation are not read here.
pub fn query(text: &str) -> Result<Vec<Vec<(String, String)>>, Fault> {
    let mut groups = vec![Vec::new()];
    for word in text.split_whitespace() {
        if word == "OR" {
            groups.push(Vec::new());
            continue;
        }
        let (name, value) = word.split_once(':').unwrap_or(("", word));
        let known = ["", "conversation_id", "from", "to"].contains(&name) && !word.starts_with(['(', '-']);
        if !known || value.is_empty() {
            let message = format!(
                "There were errors processing your request: Reference to invalid operator '{word}'. Operator is not available in current product or product packaging."
            );
            return Err(refused("query", text, &message));
        }
        if let Some(group) = groups.last_mut() {
            group.push((name.to_owned(), value.to_owned()));
        }
    }
    if groups.iter().any(Vec::is_empty) {
        return Err(refused("query", text, "There were errors processing your request: missing expression at OR"));
    }
    Ok(groups)
}
