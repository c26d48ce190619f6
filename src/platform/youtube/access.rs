//! What a key reads of a channel.

use super::parse::{parse_channels, parse_playlist};
use super::{call, channel_call, no_channel};
use crate::model::{Exchange, Found};
use crate::platform::http::Http;
use crate::platform::{Endpoint, Failure, Target};

/// Asks a little of everything, a unit of the day's quota each, and says what the key may do.
pub async fn probe(http: &Http, target: &Target, endpoint: &Endpoint) -> Result<Vec<Found>, Failure> {
    let exchange = http.send(&channel_call(endpoint, target)?).await?;
    let Some(channel) = parse_channels(&exchange).found.into_iter().next() else {
        return Err(no_channel(target, exchange));
    };
    let who = format!("YouTube {}", channel.title);
    let uploads = channel.uploads.unwrap_or_else(|| channel.id.replacen("UC", "UU", 1));
    let list = call(endpoint, target, "playlistItems", "videos")?
        .query("part", "snippet,contentDetails,status")
        .query("playlistId", &uploads)
        .query("maxResults", "5");
    let exchange = http.send(&list).await?;
    let videos = parse_playlist(&exchange).found;
    let mut found = vec![match (exchange.status, videos.is_empty()) {
        (200..=299, false) => Found::new("posts", Some(true), format!("{who}: the key reads public videos")),
        (200..=299 | 404, _) => {
            Found::new("posts", None, format!("{who}: the key reads public videos; none was found to try it on"))
        }
        (status, _) => {
            Found::new("posts", Some(false), format!("{who}: YouTube refused to list its videos (HTTP {status})"))
        }
    }];
    if let Some(video) = videos.first() {
        let threads = call(endpoint, target, "commentThreads", "comments")?
            .query("part", "id,snippet")
            .query("videoId", &video.video)
            .query("maxResults", "5");
        found.extend(comments(&who, http.send(&threads).await));
    }
    let hidden = format!("{who}: comments held for review, private videos and community posts are not given to a key");
    found.push(Found::new("hidden_comments", Some(false), hidden));
    Ok(found)
}

fn comments(who: &str, answer: Result<Exchange, Failure>) -> Vec<Found> {
    let exchange = match answer {
        Ok(exchange) => exchange,
        Err(failure) => return vec![Found::new("comments", Some(false), failure.error.to_string())],
    };
    let body: serde_json::Value = serde_json::from_slice(&exchange.body).unwrap_or_default();
    let threads = body["items"].as_array().map_or(&[][..], Vec::as_slice);
    let of = |name: &'static str| {
        move |thread: &&serde_json::Value| !thread["snippet"]["topLevelComment"]["snippet"][name].is_null()
    };
    let (all, named) = (threads.len(), threads.iter().filter(of("authorDisplayName")).count());
    match (exchange.status, all) {
        (200..=299, 0) => {
            let say = format!(
                "{who}: no comment was found under its newest video, so it is not known whether comments can be read"
            );
            vec![Found::new("comments", None, say)]
        }
        (200..=299, _) => vec![
            Found::new("comments", Some(true), format!("{who}: comments and replies can be read")),
            Found::new(
                "commenters_names",
                Some(named > 0),
                format!("{who}: {named} of {all} comments looked at came with a name"),
            ),
        ],
        (403, _) => {
            let say = format!(
                "{who}: comments are turned off under its newest video, so it is not known whether they can be read"
            );
            vec![Found::new("comments", None, say)]
        }
        (status, _) => {
            vec![Found::new("comments", Some(false), format!("{who}: YouTube refused its comments (HTTP {status})"))]
        }
    }
}
