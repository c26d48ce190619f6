//! Is the sandbox honest? The ecosystem's own clients, which know the platforms and nothing of us, read it to the end and
//! must find all that is there, and nothing else.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::Stdio;

use pagekeeper::model::{Platform, Timestamp};
use pagekeeper::sandbox::{APP_SECRET, Form, Sandbox, Standing, Truth, World};
use serde_json::{Value, json};

use crate::tools::python;

#[tokio::test(flavor = "multi_thread")]
async fn python_facebook_api_reads_every_page_to_the_end() {
    let sandbox = start().await;
    let found = read("facebook.py", &sandbox, Platform::Facebook, |account| account.id.clone()).await;
    // The feed holds neither stories nor photos and Reels that were never posted to it.
    compare(&sandbox, Platform::Facebook, &found, |truth| {
        !matches!(truth.form, Form::Story | Form::Reel | Form::LoosePhoto)
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn python_facebook_api_reads_every_instagram_account_to_the_end() {
    let sandbox = start().await;
    let found = read("instagram.py", &sandbox, Platform::Instagram, |account| account.id.clone()).await;
    compare(&sandbox, Platform::Instagram, &found, |truth| truth.form != Form::Story);
}

#[tokio::test(flavor = "multi_thread")]
async fn tweepy_reads_every_x_account_to_the_end() {
    let sandbox = start().await;
    let found = read("x.py", &sandbox, Platform::X, |account| account.handle.clone()).await;
    compare(&sandbox, Platform::X, &found, |_| true);
}

#[tokio::test(flavor = "multi_thread")]
async fn google_api_python_client_reads_every_youtube_channel_to_the_end() {
    let sandbox = start().await;
    let found = read("youtube.py", &sandbox, Platform::Youtube, |account| account.id.clone()).await;
    compare(&sandbox, Platform::Youtube, &found, |_| true);
}

#[tokio::test(flavor = "multi_thread")]
async fn atproto_reads_every_bluesky_account_to_the_end() {
    let sandbox = start().await;
    let found = read("bluesky.py", &sandbox, Platform::Bluesky, |account| account.handle.clone()).await;
    compare(&sandbox, Platform::Bluesky, &found, |_| true);
}

async fn start() -> Sandbox {
    let now: Timestamp = "2026-11-22T20:00:00Z".parse().unwrap();
    Sandbox::start(World::mesa_vista(now)).await.unwrap()
}

/// Runs a client over every account of a platform; the text of each item it found, by id.
async fn read(
    script: &str,
    sandbox: &Sandbox,
    platform: Platform,
    name: impl Fn(&pagekeeper::sandbox::Account) -> String,
) -> BTreeMap<String, String> {
    let accounts = sandbox.world().accounts();
    let order = json!({
        "base": sandbox.base_url(platform),
        "token": sandbox.world().token(platform),
        "app_secret": APP_SECRET,
        "version": "v26.0",
        "accounts": accounts.iter().filter(|account| account.platform == platform).map(name).collect::<Vec<_>>(),
    });
    let mut command = python(&format!("clients/{script}"));
    let printed = tokio::task::spawn_blocking(move || {
        let mut client = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        client.stdin.take().unwrap().write_all(order.to_string().as_bytes()).unwrap();
        client.wait_with_output().unwrap()
    });
    let printed = printed.await.unwrap();
    assert!(printed.status.success(), "{script} failed");
    let lines = String::from_utf8(printed.stdout).unwrap();
    let items = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let text = |item: &Value, key: &str| item[key].as_str().unwrap_or_default().to_owned();
    items.map(|item| (text(&item, "id"), text(&item, "text"))).collect()
}

/// What the client found against what is shown, item by item with its text. An item may be found by any of its ids.
fn compare(sandbox: &Sandbox, platform: Platform, found: &BTreeMap<String, String>, given: impl Fn(&Truth) -> bool) {
    let truth = sandbox.world().truth().into_iter().filter(|truth| truth.platform == platform);
    let shown = truth.filter(|truth| matches!(truth.standing, Standing::Visible | Standing::Hidden));
    let all: Vec<Truth> = shown.collect();
    let left_out: Vec<&str> = all.iter().filter(|truth| !given(truth)).map(|truth| truth.id.as_str()).collect();
    let under = |truth: &Truth| truth.root.as_deref().is_some_and(|root| left_out.contains(&root));
    let mut beyond = found.clone();
    let (mut wanted, mut missing) = (0, Vec::new());
    for truth in all.iter().filter(|truth| given(truth) && !under(truth)) {
        wanted += 1;
        let ids: Vec<&String> = std::iter::once(&truth.id).chain(&truth.aliases).collect();
        if !ids.iter().any(|id| found.get(*id) == Some(&truth.text)) {
            missing.push((&truth.id, &truth.text));
        }
        ids.iter().for_each(|id| drop(beyond.remove(*id)));
    }
    assert!(wanted > 50, "{wanted}");
    missing.truncate(5);
    assert!(missing.is_empty() && beyond.is_empty(), "not found: {missing:?}; not there: {beyond:?}");
}
