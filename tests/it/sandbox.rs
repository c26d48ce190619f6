//! The sandbox over real HTTP: it answers, and every way to go wrong is what it says.
#![allow(clippy::unwrap_used, reason = "a test whose footing is gone ends here")]
#![allow(clippy::disallowed_types, reason = "the test is another program")]

use std::time::Duration;

use pagekeeper::model::{Platform, Timestamp};
use pagekeeper::sandbox::{APP_SECRET, Change, Host, Misbehavior, Sandbox, World};
use reqwest::{Client, Response};
use serde_json::Value;

struct Desk {
    sandbox: Sandbox,
    client: Client,
    page: String,
    token: String,
}

impl Desk {
    async fn open() -> Desk {
        let _already_installed = rustls::crypto::ring::default_provider().install_default();
        let world = World::mesa_vista("2026-11-24T17:00:00Z".parse::<Timestamp>().unwrap());
        let sandbox = Sandbox::start(world).await.unwrap();
        let page = sandbox.world().account("mesa-vista-usd").unwrap().id;
        let token = sandbox.world().page_token(&page).unwrap();
        let plain =
            Client::builder().redirect(reqwest::redirect::Policy::none()).no_gzip().timeout(Duration::from_secs(20));
        Desk { sandbox, client: plain.build().unwrap(), page, token }
    }

    async fn send(&self, target: &str) -> reqwest::Result<Response> {
        let url = format!("{}{target}", self.sandbox.base_url(Platform::Facebook));
        self.client.get(url).bearer_auth(&self.token).send().await
    }

    async fn posts(&self) -> reqwest::Result<Response> {
        self.send(&format!("/v26.0/{}/published_posts?fields=id,message,status_type&limit=5", self.page)).await
    }

    /// What one misbehaving call to the page's posts gives: its status and bytes.
    async fn wrong(&self, what: Misbehavior) -> (u16, Vec<u8>) {
        self.sandbox.behave();
        self.sandbox.misbehave(Host::Graph, "published_posts", 1, what);
        let response = self.posts().await.unwrap();
        (response.status().as_u16(), response.bytes().await.unwrap().to_vec())
    }

    async fn wrong_json(&self, what: Misbehavior) -> Value {
        serde_json::from_slice(&self.wrong(what).await.1).unwrap()
    }
}

#[tokio::test]
async fn a_page_answers_in_the_graphs_words_and_headers() {
    let desk = Desk::open().await;
    let response = desk.posts().await.unwrap();
    assert_eq!(response.headers()["facebook-api-version"], "v26.0");
    assert!(response.headers()["x-business-use-case-usage"].to_str().unwrap().contains(&desk.page));
    let text = response.text().await.unwrap();
    assert!(text.is_ascii() && text.contains("\\/"));
    let page: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(page["data"].as_array().unwrap().len(), 5);
    let next = page["paging"]["next"].as_str().unwrap();
    assert!(next.starts_with(&desk.sandbox.base_url(Platform::Facebook)) && next.contains(&desk.token));
    let followed: Value = desk.client.get(next).send().await.unwrap().json().await.unwrap();
    assert_ne!(followed["data"][0]["id"], page["data"][0]["id"]);
    assert_eq!(desk.send(&format!("/v26.0/{}/feed?limit=101", desk.page)).await.unwrap().status(), 400);
}

#[tokio::test]
async fn credentials_are_checked_as_the_graph_checks_them() {
    let desk = Desk::open().await;
    let url = format!("{}/v26.0/me", desk.sandbox.base_url(Platform::Facebook));
    let code = async |token: &str| {
        let answer: Value =
            desk.client.get(format!("{url}?access_token={token}")).send().await.unwrap().json().await.unwrap();
        answer["error"]["code"].as_i64()
    };
    assert_eq!(code("").await, Some(104));
    assert_eq!(code("EAAGnothing").await, Some(190));
    assert_eq!(code(&desk.token).await, None);
    let proof = desk.send("/v26.0/me?appsecret_proof=00").await.unwrap();
    assert_eq!(proof.status(), 400);
    let debugged: Value =
        desk.send(&format!("/v26.0/debug_token?input_token={}", desk.token)).await.unwrap().json().await.unwrap();
    assert_eq!((&debugged["data"]["type"], &debugged["data"]["is_valid"]), (&"PAGE".into(), &true.into()));
    desk.sandbox.world().end_token(&desk.token, Some(460));
    let dead: Value = desk.posts().await.unwrap().json().await.unwrap();
    assert_eq!(dead["error"]["error_subcode"], 460);
    assert!(!APP_SECRET.is_empty());
}

#[tokio::test]
async fn media_are_served_until_their_links_run_out() {
    let desk = Desk::open().await;
    let target = format!("/v26.0/{}/photos?type=uploaded&fields=images&limit=1", desk.page);
    let photos: Value = desk.send(&target).await.unwrap().json().await.unwrap();
    let url = photos["data"][0]["images"][0]["source"].as_str().unwrap().to_owned();
    let picture = desk.client.get(&url).send().await.unwrap();
    assert!(picture.headers()["content-type"].to_str().unwrap().starts_with("image/"));
    assert!(picture.bytes().await.unwrap().len() > 50);
    let forged = desk.client.get(url.replace("oe=", "oe=7")).send().await.unwrap();
    assert_eq!(forged.status(), 403);
    desk.sandbox.world().set_now(desk.sandbox.world().now() + jiff::SignedDuration::from_hours(24 * 8));
    assert_eq!(desk.client.get(&url).send().await.unwrap().status(), 403);
}

#[tokio::test]
async fn envelopes_go_wrong() {
    let desk = Desk::open().await;
    for retry_after in
        [None, Some("30"), Some("99999999999999999999"), Some("-5"), Some("Wed, 25 Nov 2026 07:28:00 GMT")]
    {
        desk.sandbox.misbehave(
            Host::Graph,
            "",
            1,
            Misbehavior::TooMany { retry_after: retry_after.map(ToOwned::to_owned) },
        );
        let response = desk.posts().await.unwrap();
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers().get("retry-after").map(|value| value.to_str().unwrap()), retry_after);
    }
    assert!(desk.wrong_json(Misbehavior::OkWithError).await["error"]["code"].is_number());
    assert!(desk.wrong(Misbehavior::Html).await.1.starts_with(b"<!DOCTYPE"));
    assert_eq!(desk.wrong(Misbehavior::NoContent).await, (204, Vec::new()));
    assert_eq!(desk.wrong(Misbehavior::NotModified).await, (304, Vec::new()));
    assert_eq!(desk.wrong(Misbehavior::NoBytes).await, (200, Vec::new()));
    for what in [Misbehavior::Truncated { percent: 60 }, Misbehavior::TrailingGarbage] {
        assert!(serde_json::from_slice::<Value>(&desk.wrong(what).await.1).is_err());
    }
    desk.sandbox.behave();
    desk.sandbox.misbehave(Host::Graph, "", 1, Misbehavior::Redirect { to: "http://10.0.0.1/".to_owned() });
    assert_eq!(desk.posts().await.unwrap().headers()["location"], "http://10.0.0.1/");
}

#[tokio::test]
async fn json_goes_wrong() {
    let desk = Desk::open().await;
    let text = async |what| String::from_utf8_lossy(&desk.wrong(what).await.1).into_owned();
    assert!(text(Misbehavior::DuplicateKeys).await.contains("\"id\":\"0\",\"id\":"));
    assert!(String::from_utf8(desk.wrong(Misbehavior::InvalidUtf8).await.1).is_err());
    assert!(text(Misbehavior::LoneSurrogate).await.contains("\"\\ud83d"));
    assert!(text(Misbehavior::Nul).await.contains("\\u0000"));
    assert!(text(Misbehavior::HugeNumber).await.contains("90071992547409931234"));
    assert!(desk.wrong_json(Misbehavior::NullList).await["data"].is_null());
    let unknown = desk.wrong_json(Misbehavior::UnknownWord { field: "status_type".to_owned() }).await;
    assert_eq!(unknown["data"][0]["status_type"], "SOMETHING_NEW");
    let dropped = desk.wrong_json(Misbehavior::DroppedField { field: "message".to_owned() }).await;
    assert!(dropped["data"].as_array().unwrap().iter().all(|post| post["message"].is_null()));
    desk.sandbox.misbehave(Host::Graph, "/photos", 1, Misbehavior::NumericIds);
    let target = format!("/v26.0/{}/photos?type=uploaded", desk.page);
    let photos: Value = desk.send(&target).await.unwrap().json().await.unwrap();
    assert!(photos["data"][0]["id"].is_number());
}

#[tokio::test]
async fn paging_goes_wrong() {
    let desk = Desk::open().await;
    let first: Value = desk.posts().await.unwrap().json().await.unwrap();
    let next = first["paging"]["next"].as_str().unwrap().to_owned();
    let follow = async |url: &str| desk.client.get(url).send().await.unwrap().json::<Value>().await.unwrap();
    let misbehave = |what| desk.sandbox.misbehave(Host::Graph, "published_posts", 1, what);

    misbehave(Misbehavior::RepeatedPage);
    assert_eq!(follow(&next).await["data"], first["data"]);

    let second = follow(&next).await;
    misbehave(Misbehavior::CursorLoop);
    let third = follow(second["paging"]["next"].as_str().unwrap()).await;
    assert_eq!(follow(third["paging"]["next"].as_str().unwrap()).await["data"], second["data"]);

    misbehave(Misbehavior::EmptyPage);
    let empty = follow(&next).await;
    assert_eq!((empty["data"].as_array().unwrap().len(), empty["paging"]["next"].is_string()), (0, true));

    misbehave(Misbehavior::OutOfOrder);
    assert_eq!(follow(&next).await["data"][4], second["data"][0]);

    let last =
        format!("{}/v26.0/{}/roles?access_token={}", desk.sandbox.base_url(Platform::Facebook), desk.page, desk.token);
    desk.sandbox.misbehave(Host::Graph, "/roles", 1, Misbehavior::EndlessPaging);
    assert!(follow(&last).await["paging"]["next"].is_string());

    let victim = second["data"][1]["id"].as_str().unwrap().to_owned();
    misbehave(Misbehavior::Meanwhile(Change::Delete(victim.clone())));
    assert_eq!(desk.posts().await.unwrap().status(), 200);
    let after = follow(&next).await;
    assert!(after["data"].as_array().unwrap().iter().all(|post| post["id"] != victim.as_str()));
    assert!(desk.sandbox.is_exhausted());
}

#[tokio::test]
async fn access_goes_wrong() {
    let desk = Desk::open().await;
    let lost = desk.wrong_json(Misbehavior::PermissionLost).await;
    assert_eq!(lost["error"]["code"], 10);
    let throttled = Misbehavior::Throttled { code: 80_001, minutes: 17.5 };
    desk.sandbox.misbehave(Host::Graph, "", 1, throttled);
    let response = desk.posts().await.unwrap();
    let usage: Value = serde_json::from_str(response.headers()["x-business-use-case-usage"].to_str().unwrap()).unwrap();
    assert_eq!(usage[&desk.page][0]["estimated_time_to_regain_access"], 17.5);
    let field = Misbehavior::NonexistingField { name: "status_type".to_owned() };
    desk.sandbox.misbehave(Host::Graph, "", u32::MAX, field);
    assert_eq!(desk.posts().await.unwrap().status(), 400);
    assert_eq!(desk.send(&format!("/v26.0/{}/published_posts?fields=id", desk.page)).await.unwrap().status(), 200);
    desk.sandbox.behave();
    desk.sandbox.misbehave(Host::Graph, "", u32::MAX, Misbehavior::ReduceData { above: 4 });
    assert_eq!(desk.posts().await.unwrap().status(), 500);
    assert_eq!(desk.send(&format!("/v26.0/{}/published_posts?limit=4", desk.page)).await.unwrap().status(), 200);
    desk.sandbox.behave();
    desk.sandbox.misbehave_after(Host::Graph, "published_posts", 1, 1, Misbehavior::TokenDies { subcode: 463 });
    assert_eq!(desk.posts().await.unwrap().status(), 200);
    for _ in 0..2 {
        let dead: Value = desk.posts().await.unwrap().json().await.unwrap();
        assert_eq!(dead["error"]["error_subcode"], 463);
    }
}

#[tokio::test]
async fn bodies_go_wrong() {
    let desk = Desk::open().await;
    assert!(desk.wrong(Misbehavior::Oversized { bytes: 3_000_000 }).await.1.len() > 3_000_000);
    let bomb = desk.wrong(Misbehavior::GzipBomb { megabytes: 64 }).await.1;
    assert!(bomb.len() < 200_000 && bomb.starts_with(&[0x1F, 0x8B]));
    for what in [Misbehavior::WrongLength, Misbehavior::CutOff] {
        desk.sandbox.behave();
        desk.sandbox.misbehave(Host::Graph, "published_posts", 1, what);
        let whole = match desk.posts().await {
            Ok(response) => response.bytes().await.map(drop),
            Err(error) => Err(error),
        };
        assert!(whole.is_err());
    }
    for what in [Misbehavior::NeverEnding, Misbehavior::SlowDrip { millis: 5 }] {
        desk.sandbox.misbehave(Host::Graph, "published_posts", 1, what);
        let mut response = desk.posts().await.unwrap();
        assert!(response.chunk().await.unwrap().is_some_and(|piece| !piece.is_empty()));
        assert!(response.chunk().await.unwrap().is_some_and(|piece| !piece.is_empty()));
    }
}

#[tokio::test]
async fn every_call_is_noted_with_its_address() {
    let desk = Desk::open().await;
    desk.posts().await.unwrap();
    let seen = desk.sandbox.seen();
    assert_eq!(seen.len(), 1);
    assert!(seen[0].bearer && !seen[0].target.contains(&desk.token));
}

#[tokio::test]
async fn one_account_goes_wrong_and_the_others_do_not() {
    let desk = Desk::open().await;
    desk.sandbox.misbehave_for("mesa-vista-usd", u32::MAX, Misbehavior::status(503));
    assert_eq!(desk.posts().await.unwrap().status(), 503);
    let crowd = desk.sandbox.world().truth_of("mesa-vista-usd").into_iter().find_map(|item| item.root).unwrap();
    assert_eq!(desk.send(&format!("/v26.0/{crowd}/comments")).await.unwrap().status(), 503);
    let other = desk.sandbox.world().account("mesa-vista-high").unwrap().id;
    let token = desk.sandbox.world().page_token(&other).unwrap();
    let url = format!("{}/v26.0/{other}/feed?access_token={token}", desk.sandbox.base_url(Platform::Facebook));
    assert_eq!(desk.client.get(url).send().await.unwrap().status(), 200);
}
