//! What a credential may read of an account.

use serde_json::Value;

use crate::platform::graph;
use crate::platform::http::Http;
use crate::platform::{Endpoint, Probed, Target};

/// Asks a little of everything and says in words what the credential may read.
pub async fn probe(http: &Http, target: &Target, endpoint: &Endpoint) -> Probed {
    let who = graph::who(target);
    if target.native_id.is_empty() {
        let say =
            format!("{who}: its id is not known yet; run a profile harvest or `accounts discover instagram` first");
        return Probed { said: vec![say], reads: false };
    }
    let (mut said, mut reads) = (Vec::new(), false);
    for (edge, words, fields) in [
        ("media", "posts and their comments", "id,comments_count,comments.limit(5){id,text,username}"),
        ("stories", "stories", "id"),
        ("tags", "posts that tag the account", "id"),
    ] {
        let call = graph::call(target, endpoint, &[&target.native_id, edge], words);
        let answer = match call {
            Ok(call) => graph::answered(http, &call.query("fields", fields).query("limit", "10")).await,
            Err(error) => Err(error),
        };
        match answer {
            Ok(body) if edge == "media" => {
                reads = true;
                said.push(comments_said(&who, &body));
            }
            Ok(_) => said.push(format!("{who}: {words} can be read")),
            Err(error) => said.push(error.to_string()),
        }
    }
    Probed { said, reads }
}

/// Whether comments come at all, and with their authors: both may be withheld while all looks well.
fn comments_said(who: &str, body: &[u8]) -> String {
    let posts: Value = serde_json::from_slice(body).unwrap_or_default();
    let posts = posts["data"].as_array().map_or(&[][..], Vec::as_slice);
    let counted: i64 = posts.iter().filter_map(|post| post["comments_count"].as_i64()).sum();
    let comments: Vec<&Value> = posts.iter().filter_map(|post| post["comments"]["data"].as_array()).flatten().collect();
    let nameless = comments.iter().filter(|comment| comment["username"].is_null()).count();
    match comments.len() {
        0 if counted > 0 => format!(
            "{who}: posts can be read; none of the {counted} comments under the newest is given: instagram_manage_comments is missing or the app is in development mode"
        ),
        0 => format!(
            "{who}: posts can be read; no comment was found under the newest, so it is not known whether comments can be read"
        ),
        all => format!(
            "{who}: posts and comments can be read; {nameless} of {all} comments looked at came without an author"
        ),
    }
}
