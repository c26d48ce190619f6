//! Whatever a platform does wrong, nothing acknowledged is lost: a first look and a later one go wrong in every way the sandbox
//! knows, each is followed by a good one, and the record is read again after each.

mod others;

use std::io::Write;
use std::sync::{Arc, Mutex};

use jiff::SignedDuration;
use pagekeeper::db;
use pagekeeper::db::accounts::{self, Registration};
use pagekeeper::db::harvests::Interval;
use pagekeeper::model::{Change, Clock, Mode};
use pagekeeper::sandbox::{Change as Happening, Form, Host, Misbehavior as M, Origin, Standing, Truth};
use tracing_subscriber::layer::SubscriberExt as _;

use crate::attempts;
use crate::rig::{INSTAGRAM, NOW, PAGE, Rig, shows_what_is_hidden, small_world};
use crate::secrets;

/// One way to go wrong: where, how often, and what must then be on record in words (nothing, where nothing is lost by it).
struct Row {
    page: &'static str,
    host: Host,
    /// `{id}` is the page's id.
    path: &'static str,
    /// Calls that go well first.
    skip: u32,
    times: u32,
    posts: usize,
    what: M,
    says: &'static str,
}

const ALWAYS: u32 = u32::MAX;

fn row(path: &'static str, times: u32, what: M, says: &'static str) -> Row {
    Row { page: PAGE, host: Host::Graph, path, skip: 0, times, posts: 6, what, says }
}

/// As [`row`], on a page with more posts than one answer holds.
fn paged(path: &'static str, times: u32, what: M, says: &'static str) -> Row {
    Row { posts: 54, ..row(path, times, what, says) }
}

fn instagram_row(path: &'static str, times: u32, what: M, says: &'static str) -> Row {
    Row { page: INSTAGRAM, ..row(path, times, what, says) }
}

fn medium(what: M, says: &'static str) -> Row {
    Row { host: Host::Media, ..row("", ALWAYS, what, says) }
}

fn status_and_envelope() -> Vec<Row> {
    let after = |value: &str| M::TooMany { retry_after: Some(value.into()) };
    vec![
        row("", ALWAYS, M::TooMany { retry_after: None }, "limit"),
        row("/published_posts", 1, after("120"), "limit"),
        row("/comments", 1, after("99999999999999"), "limit"),
        row("/comments", 1, after("-5"), "limit"),
        row("/visitor_posts", 1, after("Fri, 31 Dec 2027 23:59:59 GMT"), "limit"),
        row("/published_posts", ALWAYS, M::status(500), "HTTP 500"),
        row("/comments", ALWAYS, M::status(503), "HTTP 503"),
        row("/published_posts", ALWAYS, M::answer(404, "text/html", "<html>"), "404"),
        row("/published_posts", ALWAYS, M::OkWithError, "code 2"),
        row("/comments", ALWAYS, M::Html, "not JSON"),
        row("/published_posts", 1, M::Html, ""),
        row("/published_posts", ALWAYS, M::NoContent, "not JSON"),
        row("/comments", ALWAYS, M::NotModified, "not modified"),
    ]
}

fn json() -> Vec<Row> {
    vec![
        row("/published_posts", ALWAYS, M::Truncated { percent: 60 }, "JSON"),
        row("/comments", ALWAYS, M::Truncated { percent: 90 }, "JSON"),
        row("", ALWAYS, M::TrailingGarbage, "goes on after its end"),
        row("", ALWAYS, M::DuplicateKeys, "comes twice"),
        row("/comments", ALWAYS, M::InvalidUtf8, "UTF-8"),
        row("/published_posts", 1, M::InvalidUtf8, "UTF-8"),
        row("/comments", ALWAYS, M::LoneSurrogate, "surrogate"),
        row("/published_posts", ALWAYS, M::Nul, "NUL"),
        row("", ALWAYS, M::HugeNumber, "not known"),
        row("", ALWAYS, M::NumericIds, ""),
        row("/published_posts", ALWAYS, M::NullList, "is not a list"),
        row("/comments", ALWAYS, M::NullList, "is not a list"),
        row("", ALWAYS, M::UnknownWord { field: "status_type".into() }, "not known"),
        row("", ALWAYS, M::DroppedField { field: "created_time".into() }, "when it was written is not known"),
        row("/comments", ALWAYS, M::DroppedField { field: "id".into() }, "id"),
        row("/published_posts", ALWAYS, M::DroppedField { field: "id".into() }, "id"),
        row("/comments", ALWAYS, M::DroppedField { field: "message".into() }, ""),
    ]
}

fn paging() -> Vec<Row> {
    vec![
        paged("/published_posts", ALWAYS, M::RepeatedPage, "repeat themselves"),
        paged("/published_posts", ALWAYS, M::CursorLoop, "repeat themselves"),
        paged("/published_posts", 1, M::EmptyPage, "asked for once more"),
        paged("/published_posts", 2, M::EmptyPage, "an empty page among its posts"),
        row("/comments", ALWAYS, M::EmptyPage, "counts"),
        paged("/published_posts", ALWAYS, M::EndlessPaging, "repeat themselves"),
        row("/comments", ALWAYS, M::EndlessPaging, "repeat themselves"),
        paged("/published_posts", ALWAYS, M::OutOfOrder, ""),
        paged("/published_posts", ALWAYS, M::SkewedTime, ""),
        paged("/published_posts", ALWAYS, M::ReduceData { above: 7 }, "smaller"),
        row("/comments", ALWAYS, M::ReduceData { above: 1 }, "smaller"),
        row("/comments", ALWAYS, M::ReduceData { above: 0 }, "code 1"),
    ]
}

fn access_and_version() -> Vec<Row> {
    vec![
        row("/comments", 1, M::TokenDies { subcode: 463 }, "expired"),
        row("/comments", ALWAYS, M::PermissionLost, "permission"),
        row("/published_posts", ALWAYS, M::PermissionLost, "permission"),
        row("/visitor_posts", ALWAYS, M::PermissionLost, "permission"),
        row("/published_posts", 1, M::Throttled { code: 4, minutes: 0.0 }, "limit"),
        row("/comments", 1, M::Throttled { code: 32, minutes: 0.0 }, "limit"),
        row("/comments", 1, M::Throttled { code: 80_001, minutes: 40.0 }, "limit"),
        row("", ALWAYS, M::NonexistingField { name: "message_tags".into() }, "message_tags"),
        row("", ALWAYS, M::OtherVersion { version: "v31.0".into() }, "v31.0"),
        row("", ALWAYS, M::Header { name: "sunset".into(), value: "Thu, 31 Dec 2026 23:59:59 GMT".into() }, ""),
    ]
}

fn body() -> Vec<Row> {
    vec![
        row("/published_posts", ALWAYS, M::Oversized { bytes: 5 << 20 }, "larger than"),
        row("/comments", ALWAYS, M::GzipBomb { megabytes: 64 }, "larger than"),
        row("/published_posts", ALWAYS, M::WrongLength, "could not be read"),
        row("/comments", 1, M::WrongLength, ""),
        row("/published_posts", ALWAYS, M::NeverEnding, "larger than"),
        row("/published_posts", 3, M::SlowDrip { millis: 20 }, "within"),
        row("/published_posts", 3, M::Stall { millis: 2500 }, "within"),
        row("/comments", ALWAYS, M::CutOff, "could not be read"),
        row(
            "/published_posts",
            ALWAYS,
            M::Redirect { to: "http://169.254.169.254/latest/meta-data".into() },
            "redirect",
        ),
        row("/comments", ALWAYS, M::WrongMime { mime: "text/html".into() }, ""),
        row("/comments", ALWAYS, M::NoBytes, "JSON"),
    ]
}

fn media() -> Vec<Row> {
    vec![
        medium(M::status(403), "expired"),
        medium(M::status(500), "HTTP 500"),
        medium(M::WrongMime { mime: "text/html".into() }, ""),
        medium(M::NoBytes, "empty"),
        medium(M::Html, "web page"),
        medium(M::CutOff, "could not be read"),
        medium(M::WrongLength, "could not be read"),
        medium(M::NeverEnding, ""),
        medium(M::Redirect { to: "http://127.0.0.1:1/x.jpg".into() }, "not followed"),
    ]
}

fn instagram() -> Vec<Row> {
    let field = |field: &str| M::DroppedField { field: field.into() };
    vec![
        instagram_row("/media", ALWAYS, M::Html, "not JSON"),
        instagram_row("/comments", ALWAYS, M::Truncated { percent: 70 }, "JSON"),
        instagram_row("/media", ALWAYS, M::NullList, "is not a list"),
        instagram_row("/comments", ALWAYS, M::NullList, "is not a list"),
        instagram_row("/media", ALWAYS, field("id"), "without an id"),
        instagram_row("/comments", ALWAYS, field("id"), "without an id"),
        instagram_row("/media", ALWAYS, field("timestamp"), "when it was written is not known"),
        instagram_row("", ALWAYS, M::NumericIds, ""),
        instagram_row("/comments", ALWAYS, M::LoneSurrogate, "surrogate"),
        instagram_row("/media", ALWAYS, M::Nul, "NUL"),
        Row { posts: 54, ..instagram_row("/media", ALWAYS, M::RepeatedPage, "repeat themselves") },
        Row { posts: 54, ..instagram_row("/media", 1, M::EmptyPage, "asked for once more") },
        instagram_row("/comments", ALWAYS, M::EndlessPaging, "repeat themselves"),
        instagram_row("/comments", 1, M::TokenDies { subcode: 460 }, "password"),
        instagram_row("/comments", ALWAYS, M::PermissionLost, "permission"),
        instagram_row("/media", 1, M::Throttled { code: 80_002, minutes: 40.0 }, "limit"),
        instagram_row("/comments", ALWAYS, M::CutOff, "could not be read"),
    ]
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Runs every row and fails with all that did not hold, each under its name.
async fn run(rows: Vec<Row>) {
    let mut failures = Vec::new();
    for row in rows {
        let name = format!("{:?} on {:?}{}", row.what, row.host, row.path);
        let name: String = name.chars().take(120).collect();
        let begun = std::time::Instant::now();
        failures.extend(one(row).await.into_iter().map(|what| format!("{name}: {what}")));
        eprintln!("{:>5} ms  {name}", begun.elapsed().as_millis());
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

async fn one(row: Row) -> Vec<String> {
    let log = Log::default();
    let writer = log.clone();
    let lines = tracing_subscriber::fmt::layer().with_writer(move || writer.clone()).with_ansi(false);
    let filter = tracing_subscriber::EnvFilter::new("pagekeeper=trace,debug");
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(filter).with(lines));
    let clock = Clock::manual(NOW.parse().unwrap());
    let rig = Rig::with(small_world(row.page, row.posts), clock, &[row.page]).await;
    let mut failures = Vec::new();

    // The first look goes wrong.
    let id = rig.sandbox.world().account(row.page).unwrap().id;
    let path = row.path.replace("{id}", &id);
    let wrong = |rig: &Rig| rig.sandbox.misbehave_after(row.host, &path, row.skip, row.times, row.what.clone());
    wrong(&rig);
    let report = rig.harvest(Mode::Backfill).await;
    failures.extend(sound(&rig, &format!("first look ({}, {:?})", report.outcome, report.cause)));
    let first = rig.kept();
    let mut words = rig.words();
    let complete = report.is_whole();
    heal(&rig);
    rig.pass(SignedDuration::from_hours(25));
    let report = rig.harvest(Mode::Backfill).await;
    if !report.is_whole() {
        failures.push(format!("the second look is {}: {:?}", report.outcome, report.cause));
    }
    rig.check("second look");
    rig.nothing_lost_since(&first, "second look");
    failures.extend(rig.differences().into_iter().map(|what| format!("second look: {what}")));
    if complete && rig.position().1.is_none() {
        failures.push("the backfill was called complete and is not finished".into());
    }

    // The pages change, and the next look goes wrong as well.
    happen(&rig, row.page);
    let before = rig.kept();
    wrong(&rig);
    let report = rig.harvest(Mode::Recent).await;
    failures.extend(sound(&rig, &format!("third look ({}, {:?})", report.outcome, report.cause)));
    rig.nothing_lost_since(&before, "third look");
    let before = rig.kept();
    heal(&rig);
    rig.pass(SignedDuration::from_hours(25));
    let report = rig.harvest(Mode::Recent).await;
    if !report.is_whole() {
        failures.push(format!("the last look is {}: {:?}", report.outcome, report.cause));
    }
    if row.host != Host::Graph {
        // Where no recent walk sees a thread in whole, what is gone shows when it is asked for.
        rig.try_harvest(Mode::Revisit, true).await.unwrap();
    }
    rig.nothing_lost_since(&before, "last look");
    failures.extend(rig.differences().into_iter().map(|what| format!("last look: {what}")));
    rig.follow().await.unwrap();
    rig.check("in the end");
    failures.extend(doubled(&rig));
    failures.extend(attempts::without_a_row(&rig).into_iter().map(|what| format!("exchanges without a row: {what}")));
    words.extend(rig.words());
    if !row.says.is_empty() && !words.iter().any(|words| words.contains(row.says)) {
        failures.push(format!("{:?} is nowhere on record: {words:.900?}", row.says));
    }
    let text = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    failures.extend(secrets::found(&rig, &text).into_iter().map(|place| format!("a secret in {place}")));
    failures
}

/// Everything goes well again: the platform answers, and a token that died is good again.
fn heal(rig: &Rig) {
    rig.sandbox.behave();
    let tokens: Vec<String> = rig.sandbox.world().lock().tokens.keys().cloned().collect();
    assert!(tokens.iter().all(|token| rig.sandbox.world().end_token(token, None)));
}

/// A post, a comment, an edit, a hiding and a deletion.
fn happen(rig: &Rig, page: &str) {
    let world = rig.sandbox.world();
    let comments: Vec<String> = rig
        .truth()
        .into_iter()
        .filter(|item| item.parent.is_some() && item.standing == Standing::Visible)
        .map(|item| item.id)
        .collect();
    let root = rig.sandbox.world().item(&comments[0]).unwrap().root.unwrap();
    rig.pass(SignedDuration::from_mins(30));
    world.add_comment(&root, "Ana Vidal", "One more thing").unwrap();
    let form = if page == INSTAGRAM { Form::Photo } else { Form::Status };
    let post = world.lock().add_post(page, "Early release on Friday", form).unwrap();
    world.add_comment(&post, "Pat Reyes", "At what time?").unwrap();
    world.edit(&comments[0], "Question, put better");
    let replies: Vec<&String> =
        comments.iter().filter(|id| world.item(id).unwrap().parent != Some(root.clone())).collect();
    world.hide_comment(replies[0], shows_what_is_hidden(page));
    world.delete_comment(replies[1]);
    rig.pass(SignedDuration::from_mins(30));
}

/// What must hold right after a look that went wrong.
fn sound(rig: &Rig, when: &str) -> Vec<String> {
    rig.check(when);
    let mut failures: Vec<String> = Vec::new();
    let mut say = |what: String| failures.push(format!("{when}: {what}"));
    rig.falsely_absent().into_iter().for_each(|id| say(format!("{id} stands on the page and is called absent")));
    let kept = rig.kept();
    let stands = |standing: Standing| matches!(standing, Standing::Visible | Standing::Hidden);
    let lost: Vec<_> =
        rig.truth().into_iter().filter(|item| stands(item.standing) && !kept.contains_key(&item.id)).collect();
    // What was not read is a gap with its cause, never silence.
    let gaps: Vec<String> =
        rig.coverage().into_iter().filter(|gap| gap.closed_at.is_none()).filter_map(|gap| gap.cause).collect();
    let causes = when.contains("Some(");
    if !lost.is_empty() && gaps.iter().all(String::is_empty) && !causes {
        say(format!("{} items were not read and no gap says so, e.g. {}", lost.len(), lost[0].id));
    }
    // The position has not passed an item that is not stored, unless a gap on record says that the platform did not give it.
    let (position, finished) = rig.position();
    let gaps = || rig.coverage().into_iter().filter(|gap| gap.closed_at.is_none());
    // What others write elsewhere has none: it is read from its newest on, whatever the position.
    let tagged: Vec<String> =
        rig.truth().into_iter().filter(|item| item.origin == Origin::Tagged).map(|item| item.id).collect();
    let is_own = |item: &&Truth| !tagged.contains(item.root.as_ref().unwrap_or(&item.id));
    for item in lost.iter().filter(|_| when.starts_with("first")).filter(|item| is_own(item)) {
        let root = item.root.clone().unwrap_or_else(|| item.id.clone());
        let at = rig.sandbox.world().item(&root).unwrap().created_at;
        let is_passed = finished.is_some() || position.is_some_and(|position| position < at);
        let name = format!("{}:{root}", item.platform);
        let is_told = |gap: Interval| {
            gap.gap_kind.as_deref() == Some("shortfall") && (gap.item.is_none() || gap.item.as_ref() == Some(&name))
        };
        if is_passed && !gaps().any(is_told) {
            say(format!("the position {position:?} (finished {finished:?}) has passed {} of {at}", item.id));
        }
    }
    failures
}

/// No item has two versions in a row that say the same, and none that nobody made: the world changed each at most once.
fn doubled(rig: &Rig) -> Vec<String> {
    let mut failures = Vec::new();
    for (item, versions) in rig.kept() {
        let created = versions.iter().filter(|(_, change, ..)| *change == Change::Created).count();
        if created != 1 {
            failures.push(format!("{item} was created {created} times"));
        }
        for pair in versions.windows(2) {
            if pair[0].2 == pair[1].2 && pair[0].3 == pair[1].3 {
                failures.push(format!("{item} has the same version twice: {:?}", pair[0]));
            }
        }
    }
    failures
}

macro_rules! tables {
    ($($(#[$doc:meta])* $name:ident: $rows:path;)+) => {$(
        $(#[$doc])*
        #[tokio::test]
        async fn $name() {
            run($rows()).await;
        }
    )+};
}

tables! {
    nothing_is_lost_by_a_wrong_status_or_envelope: status_and_envelope;
    nothing_is_lost_by_broken_json: json;
    nothing_is_lost_by_wrong_paging: paging;
    nothing_is_lost_by_lost_access_or_another_version: access_and_version;
    nothing_is_lost_by_a_wrong_body: body;
    nothing_is_lost_by_what_instagram_does_wrong: instagram;
    nothing_is_lost_by_media_that_cannot_be_had: media;
    nothing_is_lost_by_a_wrong_status_elsewhere: others::status_and_envelope;
    nothing_is_lost_by_broken_json_elsewhere: others::json;
    nothing_is_lost_by_wrong_paging_elsewhere: others::paging;
    nothing_is_lost_by_lost_access_elsewhere: others::access;
    nothing_is_lost_by_a_wrong_body_elsewhere: others::body;
    nothing_is_lost_by_what_others_write_on_x: others::talk;
    nothing_is_lost_by_media_that_cannot_be_had_elsewhere: others::media;
}

#[tokio::test]
async fn what_changes_between_two_pages_is_neither_lost_nor_doubled() {
    for change in ["delete", "edit", "hide", "deactivate"] {
        let rig = Rig::small().await;
        rig.harvest(Mode::Backfill).await;
        let before = rig.kept();
        let comment = rig.truth().into_iter().find(|item| item.parent.is_some()).unwrap();
        let happening = match change {
            "delete" => Happening::Delete(comment.id.clone()),
            "edit" => Happening::Edit(comment.id.clone(), "Said otherwise".into()),
            "hide" => Happening::Hide(comment.id.clone()),
            _ => Happening::Deactivate(comment.author.clone().unwrap().id),
        };
        rig.sandbox.misbehave(Host::Graph, "/published_posts", 1, M::Meanwhile(happening));
        rig.harvest(Mode::Recent).await;
        rig.check(change);
        rig.nothing_lost_since(&before, change);
        rig.pass(SignedDuration::from_hours(1));
        rig.harvest(Mode::Recent).await;
        rig.check(change);
        assert_eq!(rig.differences(), Vec::<String>::new(), "{change}");
        assert_eq!(doubled(&rig), Vec::<String>::new(), "{change}");
    }
}

#[tokio::test]
async fn an_account_that_is_not_there_is_not_called_kept() {
    let rig = Rig::with(small_world(PAGE, 2), Clock::manual(NOW.parse().unwrap()), &[PAGE]).await;
    let now = rig.clock.now();
    let nobody = Registration {
        slug: "nobody".into(),
        platform: "youtube".into(),
        handle: "@nobody-of-that-name".into(),
        status: "active".into(),
        ..Registration::default()
    };
    let put = move |tx: &db::Tx<'_>| accounts::put(tx, &nobody, None, now).map(drop);
    rig.app().db.writer.write_async(put).await.unwrap();
    rig.try_harvest(Mode::Recent, false).await.unwrap();
    let trouble = |slug: &str| rig.accounts().into_iter().find(|account| account.row.slug == slug).unwrap().trouble;
    assert!(trouble("nobody").unwrap().contains("no such channel"));
    assert_eq!(trouble(PAGE), None);
}
