//! What a credential may read of an account.

use serde_json::Value;

use crate::model::Found;
use crate::platform::graph;
use crate::platform::http::Http;
use crate::platform::{Endpoint, Probed, Target};

/// What is asked for by itself: edge, name, words, fields.
const ASKED: &[(&str, &str, &str, &str)] = &[
    ("media", "posts", "posts", "id,comments_count,comments.limit(25){id,text,username,hidden}"),
    ("stories", "stories", "stories", "id"),
    ("tags", "tags", "posts that tag the account", "id"),
];

/// Asks a little of everything and says in words what the credential may read.
pub async fn probe(http: &Http, target: &Target, endpoint: &Endpoint) -> Probed {
    let who = graph::who(target);
    if target.native_id.is_empty() {
        let say =
            format!("{who}: its id is not known yet; run a profile harvest or `accounts discover instagram` first");
        return Probed { found: vec![Found::new("posts", None, say)], reads: false };
    }
    let (mut found, mut reads) = (Vec::new(), false);
    for (edge, what, words, fields) in ASKED {
        let call = graph::call(target, endpoint, &[&target.native_id, edge], words);
        let answer = match call {
            Ok(call) => graph::answered(http, &call.query("fields", fields).query("limit", "10")).await,
            Err(error) => Err(error),
        };
        found.push(match &answer {
            Ok(_) => Found::new(what, Some(true), format!("{who}: {words} can be read")),
            Err(error) => Found::new(what, Some(false), error.to_string()),
        });
        if let (Ok(body), "media") = (&answer, *edge) {
            reads = true;
            found.extend(comments_said(&who, body));
        }
    }
    Probed { found, reads }
}

/// Whether comments come at all, with their authors, and hidden ones too: each may be withheld while all looks well.
fn comments_said(who: &str, body: &[u8]) -> Vec<Found> {
    let posts: Value = serde_json::from_slice(body).unwrap_or_default();
    let posts = posts["data"].as_array().map_or(&[][..], Vec::as_slice);
    let counted: i64 = posts.iter().filter_map(|post| post["comments_count"].as_i64()).sum();
    let comments: Vec<&Value> = posts.iter().filter_map(|post| post["comments"]["data"].as_array()).flatten().collect();
    let all = comments.len();
    let nameless = comments.iter().filter(|comment| comment["username"].is_null()).count();
    let hidden = comments.iter().filter(|comment| comment["hidden"] == true).count();
    match all {
        0 if counted > 0 => {
            let say = format!(
                "{who}: none of the {counted} comments under the newest posts is given: instagram_manage_comments is missing or the app is in development mode"
            );
            return vec![Found::new("comments", Some(false), say)];
        }
        0 => {
            let say = format!(
                "{who}: no comment was found under the newest posts, so it is not known whether comments can be read"
            );
            return vec![Found::new("comments", None, say)];
        }
        _ => {}
    }
    let names = match nameless {
        0 => format!("{who}: commenters' names are given"),
        _ => format!("{who}: {nameless} of {all} comments looked at came without an author"),
    };
    let hides = match hidden {
        0 => format!(
            "{who}: none of the {all} comments looked at is hidden, so it is not known whether hidden ones are given"
        ),
        _ => format!("{who}: hidden comments are given ({hidden} of {all} looked at)"),
    };
    vec![
        Found::new("comments", Some(true), format!("{who}: others' comments can be read")),
        Found::new("commenters_names", Some(nameless < all), names),
        Found::new("hidden_comments", (hidden > 0).then_some(true), hides),
    ]
}
