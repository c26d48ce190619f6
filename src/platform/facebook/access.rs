//! What a credential reaches and may read.

use serde::Deserialize;

use crate::model::{Found, Platform, Secret};
use crate::platform::graph::{self, Next};
use crate::platform::http::{Call, Http};
use crate::platform::json::{self, Id, Text};
use crate::platform::{Endpoint, Error, Failure, Probed, Reached, Target};

#[derive(Default, Deserialize)]
#[serde(default)]
struct Account<'a> {
    #[serde(borrow)]
    id: Option<Id<'a>>,
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    username: Text<'a>,
    #[serde(borrow)]
    access_token: Text<'a>,
    #[serde(borrow)]
    instagram_business_account: Option<Linked<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Linked<'a> {
    #[serde(borrow)]
    id: Option<Id<'a>>,
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    username: Text<'a>,
}

const FIELDS: &str = "id,name,username,instagram_business_account{id,name,username}";

/// The pages (or the Instagram accounts linked to them) that a user, system-user or page credential reaches, each with
/// its own credential where one came along. `target` carries the credential; its ids are not looked at.
///
/// These exchanges carry secrets and are never captured.
pub async fn discover(http: &Http, target: &Target, endpoint: &Endpoint) -> Result<Vec<Reached>, Failure> {
    let mut reached = Vec::new();
    let mut next: Option<Next> = None;
    for _page in 0..100 {
        let mut call = graph::call(target, endpoint, &["me", "accounts"], "the pages its credential reaches")?
            .query("fields", &format!("{FIELDS},access_token,tasks"))
            .query("limit", "100");
        for (name, value) in next.iter().flat_map(|next| &next.0) {
            call = call.query(name, value);
        }
        let exchange = graph::send(http, &call.secret()).await?;
        if let Some(refusal) = graph::refusal(&exchange) {
            // A page has no list of pages: the credential is the page's own.
            if refusal.code() == 100 || refusal.code() == 2500 {
                return Ok(vec![own(http, target, endpoint).await?].into_iter().flatten().collect());
            }
            return Err(graph::error(&refusal, &graph::who(target)).into());
        }
        let text = json::readable(&exchange.body, &mut Vec::new());
        let objects = json::objects(&text, &mut Vec::new());
        let accounts = objects.objects.iter().filter_map(|(_, raw)| serde_json::from_str(raw.get()).ok());
        reached.extend(accounts.filter_map(|account| account_of(target.platform, &account, None)));
        match graph::after(&objects).filter(|onward| next.as_ref() != Some(onward)) {
            Some(onward) => next = Some(onward),
            None => break,
        }
    }
    Ok(reached)
}

/// Why the credential does not reach an id or name as a page: `say`, unless it is a person's. The exchange that was to tell comes along.
pub async fn not_reached(http: &Http, target: &Target, endpoint: &Endpoint, say: String) -> Failure {
    let page = if target.native_id.is_empty() { &target.handle } else { &target.native_id };
    // A field that pages have and persons do not: nothing of a person is asked for.
    let call =
        graph::call(target, endpoint, &[page], "whether it is a page").map(|call| call.query("fields", "category"));
    let sent = match call {
        Ok(call) => graph::send(http, &call).await,
        Err(error) => Err(error.into()),
    };
    match sent {
        Ok(exchange) => {
            let is_person = graph::refusal(&exchange).is_some_and(|refusal| refusal.is_of_person());
            let error = if is_person { graph::of_person(target) } else { Error::Unauthorized { say } };
            Failure { error, exchange: Some(Box::new(exchange)) }
        }
        Err(failure) => Failure { error: Error::Unauthorized { say }, ..failure },
    }
}

async fn own(http: &Http, target: &Target, endpoint: &Endpoint) -> Result<Option<Reached>, Failure> {
    let call =
        graph::call(target, endpoint, &["me"], "who its credential speaks for")?.query("fields", FIELDS).secret();
    let exchange = graph::send(http, &call).await?;
    if let Some(refusal) = graph::refusal(&exchange) {
        return Err(graph::error(&refusal, &graph::who(target)).into());
    }
    let account: Account<'_> = serde_json::from_slice(&exchange.body).map_err(|_not_a_page| Error::Unexpected {
        say: format!("{}: the answer about the credential itself makes no sense", graph::who(target)),
    })?;
    Ok(account_of(target.platform, &account, target.token.clone()))
}

fn account_of(platform: Platform, account: &Account<'_>, own: Option<Secret>) -> Option<Reached> {
    let owned = |text: &Text<'_>| text.as_deref().unwrap_or_default().to_owned();
    let token = account.access_token.as_deref().map(Secret::new).or(own);
    let (id, name, handle) = match platform {
        Platform::Instagram => {
            let linked = account.instagram_business_account.as_ref()?;
            (linked.id.as_ref()?, owned(&linked.name), owned(&linked.username))
        }
        _ => (account.id.as_ref()?, owned(&account.name), owned(&account.username)),
    };
    let native_id = id.0.clone().into_owned();
    let name = if name.is_empty() { owned(&account.name) } else { name };
    let handle = if handle.is_empty() { native_id.clone() } else { handle };
    Some(Reached { platform, native_id, handle, name, token })
}

/// What is asked for by itself: edge, name, words.
const ASKED: &[(&str, &str, &str)] = &[
    ("published_posts", "posts", "its posts"),
    ("visitor_posts", "visitor_posts", "visitors' posts"),
    ("video_reels", "reels", "reels"),
    ("settings", "settings", "settings"),
    ("roles", "roles", "roles"),
    ("subscribed_apps", "applications", "applications"),
    ("blocked", "blocked", "blocked people"),
];

/// Asks a little of everything and says in words what the credential may read.
pub async fn probe(http: &Http, target: &Target, endpoint: &Endpoint) -> Probed {
    let who = graph::who(target);
    let page = if target.native_id.is_empty() { &target.handle } else { &target.native_id };
    let mut found = Vec::new();
    for (edge, what, words) in ASKED {
        let call = graph::call(target, endpoint, &[page, edge], words).map(|call| call.query("limit", "1"));
        found.push(match asked(http, call).await {
            Ok(_) => Found::new(what, Some(true), format!("{who}: {words} can be read")),
            Err(error) => Found::new(what, Some(false), error.to_string()),
        });
    }
    let reads = found.iter().any(|one| one.what == "posts" && one.given == Some(true));
    let fields = "id,comments.filter(stream).limit(25){id,message,from,is_hidden}";
    let call = graph::call(target, endpoint, &[page, "published_posts"], "comments")
        .map(|call| call.query("fields", fields).query("limit", "10"));
    match asked(http, call).await {
        Ok(body) => found.extend(comments_said(&who, &body)),
        Err(error) => found.push(Found::new("comments", Some(false), error.to_string())),
    }
    Probed { found, reads }
}

async fn asked(http: &Http, call: Result<Call, Error>) -> Result<Vec<u8>, Error> {
    graph::answered(http, &call?).await
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Sample {
    comments: Option<Samples>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Samples {
    data: Vec<SampleComment>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct SampleComment {
    id: Option<serde::de::IgnoredAny>,
    from: Option<serde::de::IgnoredAny>,
    is_hidden: bool,
}

/// Whether comments come with ids and authors, and hidden ones too: each may be withheld while all looks well.
fn comments_said(who: &str, body: &[u8]) -> Vec<Found> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Posts {
        data: Vec<Sample>,
    }
    let posts: Posts = serde_json::from_slice(body).unwrap_or_default();
    let comments: Vec<SampleComment> =
        posts.data.into_iter().filter_map(|post| post.comments).flat_map(|comments| comments.data).collect();
    let count = |of: fn(&SampleComment) -> bool| comments.iter().filter(|comment| of(comment)).count();
    let all = comments.len();
    if all == 0 {
        let say = format!(
            "{who}: no comment was found under its newest posts, so it is not known whether comments can be read"
        );
        return vec![Found::new("comments", None, say)];
    }
    if count(|comment| comment.id.is_none()) == all {
        let say = format!("{who}: comments come without ids; give the credential the MODERATE task on the page");
        return vec![Found::new("comments", Some(false), say)];
    }
    let (nameless, hidden) = (count(|comment| comment.from.is_none()), count(|comment| comment.is_hidden));
    let names = match nameless {
        0 => format!("{who}: commenters' names are given"),
        _ => format!(
            "{who}: {nameless} of {all} comments looked at came without an author, which Meta withholds below Advanced Access"
        ),
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
