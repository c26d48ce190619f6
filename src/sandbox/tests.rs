//! The sandbox reads as the platforms do, to the end, and its truth is what was read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::server::{Ask, Host};
use super::world::{Form, Item, Origin, Standing, Truth, World};
use super::{facebook, graph, picture};
use crate::model::{Platform, Timestamp};

fn world() -> World {
    World::mesa_vista("2026-11-24T17:00:00Z".parse::<Timestamp>().unwrap())
}

/// One call to the Graph with a page's token, its answer as JSON.
fn get(world: &World, token: &str, target: &str) -> (u16, Value) {
    let uri: axum::http::Uri = target.parse().unwrap();
    let axum::extract::Query(mut query) = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&uri).unwrap();
    if !query.iter().any(|(name, _)| name == "access_token") {
        query.push(("access_token".to_owned(), token.to_owned()));
    }
    let ask = Ask {
        host: Host::Graph,
        method: "GET".to_owned(),
        path: uri.path().to_owned(),
        query,
        headers: axum::http::HeaderMap::new(),
        bases: Arc::new(BTreeMap::from([(Host::Graph, String::new()), (Host::Media, "http://media".to_owned())])),
        number: 7,
    };
    let reply = facebook::answer(world, &ask);
    (reply.status, serde_json::from_slice(&reply.body).unwrap())
}

/// Every object of an edge, following `paging.next` to its end.
fn walk(world: &World, token: &str, target: &str) -> Vec<Value> {
    let (mut next, mut found) = (Some(target.to_owned()), Vec::new());
    while let Some(target) = next {
        let (status, page) = get(world, token, &target);
        assert_eq!(status, 200, "{page}");
        found.extend(page["data"].as_array().unwrap().iter().cloned());
        next = page["paging"]["next"].as_str().map(ToOwned::to_owned);
    }
    found
}

fn ids(values: &[Value]) -> BTreeSet<String> {
    values.iter().map(|value| value["id"].as_str().unwrap().to_owned()).collect()
}

fn shown(truth: &Truth) -> bool {
    matches!(truth.standing, Standing::Visible | Standing::Hidden)
}

#[test]
fn the_same_moment_makes_the_same_world() {
    assert_eq!(world().truth(), world().truth());
}

#[test]
fn ids_are_unique() {
    let truth = world().truth();
    let mut seen = BTreeSet::new();
    for item in &truth {
        for id in [&item.id].into_iter().chain(&item.aliases) {
            assert!(seen.insert((item.platform, id.clone())), "{id} twice");
        }
    }
    assert!(truth.len() > 1_500, "{}", truth.len());
}

#[test]
fn a_page_read_to_the_end_is_its_truth() {
    let (world, mut answered) = (world(), false);
    for page in world.accounts().iter().filter(|account| account.platform == Platform::Facebook) {
        let token = world.page_token(&page.id).unwrap();
        let truth = world.truth_of(&page.slug);
        let feed = walk(&world, &token, &format!("/v26.0/{}/feed?fields=id,message,from&limit=7", page.id));
        let reels = walk(&world, &token, &format!("/v26.0/{}/video_reels?limit=2", page.id));
        let stories = ["PUBLISHED", "ARCHIVED"]
            .map(|status| walk(&world, &token, &format!("/v26.0/{}/stories?status={status}", page.id)));
        let loose =
            walk(&world, &token, &format!("/v26.0/{}/photos?type=uploaded&fields=id,page_story_id&limit=50", page.id));
        let loose: Vec<Value> = loose.into_iter().filter(|photo| photo["page_story_id"].is_null()).collect();
        let mut roots = ids(&feed);
        roots.extend(ids(&reels));
        roots.extend(ids(&loose));
        roots.extend(
            stories.iter().flatten().map(|story| format!("{}_{}", page.id, story["post_id"].as_str().unwrap())),
        );
        let expected: BTreeSet<String> =
            truth.iter().filter(|item| item.parent.is_none() && shown(item)).map(|item| item.id.clone()).collect();
        assert_eq!(roots, expected, "{}", page.slug);
        let mut comments = BTreeMap::new();
        let roots = roots.iter().map(|root| world.item(root).unwrap()).filter(|root| root.form != Form::Story);
        // Each picture of an album has comments of its own.
        let pictures = |root: &Item| root.media.iter().map(|medium| medium.id.clone()).collect::<Vec<_>>();
        let places = roots.flat_map(|root| {
            let pictures = if root.form == Form::Album { pictures(&root) } else { Vec::new() };
            [root.id].into_iter().chain(pictures)
        });
        for place in places {
            let target = format!(
                "/v26.0/{place}/comments?filter=stream&order=chronological&limit=50&fields=id,message,is_hidden,from,parent"
            );
            let answers = walk(&world, &token, &target);
            comments.extend(answers.into_iter().map(|comment| (comment["id"].as_str().unwrap().to_owned(), comment)));
        }
        let expected: Vec<&Truth> = truth.iter().filter(|item| item.parent.is_some() && shown(item)).collect();
        assert_eq!(comments.len(), expected.len(), "{}", page.slug);
        answered |= expected.iter().any(|item| item.picture.is_some() && item.parent != item.root);
        for item in expected {
            let comment = &comments[&item.id];
            assert_eq!(comment["message"], item.text.as_str());
            assert_eq!(comment["is_hidden"], item.hidden);
            assert_eq!(comment["from"]["name"].as_str(), item.author.as_ref().map(|author| author.name.as_str()));
            let parent = comment["parent"]["id"].as_str().or(item.root.as_deref());
            assert_eq!(parent, item.parent.as_deref());
        }
    }
    assert!(answered, "no comment under a picture has an answer");
}

#[test]
fn an_instagram_account_read_to_the_end_is_its_truth() {
    let world = world();
    for account in world.accounts().iter().filter(|account| account.platform == Platform::Instagram) {
        let token = world.page_token(account.linked.as_deref().unwrap()).unwrap();
        let truth = world.truth_of(&account.slug);
        let media = walk(&world, &token, &format!("/v26.0/{}/media?fields=id,caption,children&limit=9", account.id));
        let stories = walk(&world, &token, &format!("/v26.0/{}/stories", account.id));
        let mut roots = ids(&media);
        roots.extend(ids(&stories));
        let expected: BTreeSet<String> =
            truth.iter().filter(|item| item.parent.is_none() && shown(item)).map(|item| item.id.clone()).collect();
        assert_eq!(roots, expected, "{}", account.slug);
        let mut found = BTreeSet::new();
        for root in &roots {
            let comments = walk(&world, &token, &format!("/v26.0/{root}/comments?limit=50"));
            for comment in ids(&comments) {
                found.extend(ids(&walk(&world, &token, &format!("/v26.0/{comment}/replies?limit=2"))));
                found.insert(comment);
            }
        }
        let expected: BTreeSet<String> =
            truth.iter().filter(|item| item.parent.is_some() && shown(item)).map(|item| item.id.clone()).collect();
        assert_eq!(found, expected, "{}", account.slug);
    }
}

#[test]
fn a_users_token_is_shown_no_comments() {
    let world = world();
    let user = world.token(Platform::Facebook).unwrap();
    let crowd = world.truth().into_iter().filter(|item| item.platform == Platform::Facebook && item.parent.is_some());
    let root = crowd.filter_map(|item| item.root).next().unwrap();
    assert_eq!(get(&world, &user, &format!("/v26.0/{root}/comments")).1, serde_json::json!({ "data": [] }));
    let pages = walk(&world, &user, "/v26.0/me/accounts?fields=id,access_token&limit=2");
    assert_eq!(pages.len(), 5);
    assert_eq!(pages[0]["access_token"].as_str(), world.page_token(pages[0]["id"].as_str().unwrap()).as_deref());
}

#[test]
fn a_deleted_item_is_answered_like_one_that_never_was() {
    let world = world();
    let item = world
        .truth_of("mesa-vista-usd")
        .into_iter()
        .find(|item| item.parent.is_none() && item.origin == Origin::Own)
        .unwrap();
    let token = world.page_token(&item.account).unwrap();
    assert_eq!(get(&world, &token, &format!("/v26.0/{}", item.id)).0, 200);
    assert!(world.delete_post(&item.id));
    let (status, body) = get(&world, &token, &format!("/v26.0/{}", item.id));
    assert_eq!((status, &body["error"]["code"], &body["error"]["error_subcode"]), (400, &100.into(), &33.into()));
}

#[test]
fn nested_fields_are_read_as_the_graph_reads_them() {
    let read =
        graph::fields("id,comments.filter(stream).limit(5).summary(true){id,from{name}},reactions.type(LIKE).as(like)")
            .unwrap();
    assert_eq!(read.iter().map(graph::Field::key).collect::<Vec<_>>(), ["id", "comments", "like"]);
    assert_eq!(read[1].sub[1].sub[0].name, "name");
    assert_eq!(graph::fields("id,from{name"), None);
}

#[test]
fn an_unknown_field_fails_the_whole_call() {
    let world = world();
    let page = world.account("mesa-vista-high").unwrap();
    let token = world.page_token(&page.id).unwrap();
    let (status, body) = get(&world, &token, &format!("/v26.0/{}?fields=id,shoe_size", page.id));
    assert_eq!((status, body["error"]["code"].as_i64()), (400, Some(100)));
    assert!(body["error"]["message"].as_str().unwrap().contains("nonexisting field (shoe_size)"));
}

#[test]
fn pages_go_on_changing_and_the_truth_with_them() {
    let world = world();
    let before = world.truth();
    for minute in 1..200 {
        world.tick("2026-11-24T17:00:00Z".parse::<Timestamp>().unwrap() + jiff::SignedDuration::from_mins(minute));
    }
    let after = world.truth();
    assert!(after.len() > before.len() + 80);
    assert!(after.iter().any(|item| item.standing == Standing::Gone));
}

#[test]
fn pictures_begin_as_their_kind_does() {
    for truth in world().truth() {
        for medium in &truth.media {
            let bytes = picture::bytes(medium);
            let magic: &[u8] = match medium.file.extension() {
                "jpg" => b"\xFF\xD8\xFF",
                "png" => b"\x89PNG",
                _ => b"\0\0\0",
            };
            assert!(bytes.starts_with(magic));
        }
    }
}
