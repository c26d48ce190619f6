//! Every exchange leaves a row: also each attempt of a call that is sent again, answered or not.

use std::collections::BTreeMap;
use std::time::Duration;

use pagekeeper::db;
use pagekeeper::model::{Clock, Exchange, Mode, Secret};
use pagekeeper::platform::http::{Auth, Call, Http, HttpSettings};
use pagekeeper::platform::{Error, Failure};
use pagekeeper::sandbox::{Host, Misbehavior as M};

use crate::rig::{NOW, Rig};
use crate::secrets;

/// One row of `captures`: path, status, kept bytes, and what the problem of the exchange says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub path: String,
    pub status: u16,
    pub headers: String,
    pub bytes: Option<Vec<u8>>,
    pub says: Vec<String>,
}

pub fn rows(rig: &Rig) -> Vec<Row> {
    let read = |conn: &db::Conn| {
        let mut statement = conn.prepare(
            "SELECT c.target, c.status, c.headers, b.body, (SELECT group_concat(p.what, char(10)) FROM problems p
               WHERE p.capture_id = c.id AND p.place = 'exchange') FROM captures c
             LEFT JOIN bodies b ON b.capture_id = c.id AND b.cited = 1 ORDER BY c.id",
        )?;
        let rows = statement.query_map([], |row| {
            let target: String = row.get(0)?;
            let path = reqwest::Url::parse(&target).map_or(target, |url| url.path().to_owned());
            let bytes: Option<Vec<u8>> = row.get(3)?;
            let says: Option<String> = row.get(4)?;
            Ok(Row {
                path,
                status: row.get(1)?,
                headers: row.get(2)?,
                bytes: bytes.map(|bytes| zstd::stream::decode_all(&bytes[..]).unwrap()),
                says: says.iter().flat_map(|says| says.lines()).map(str::to_owned).collect(),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    };
    rig.read(read)
}

/// Paths that a platform was asked for more often than there are rows. What carries or returns a token is never captured, and
/// media are kept as files.
pub fn without_a_row(rig: &Rig) -> Vec<String> {
    let mut asked = BTreeMap::<String, i64>::new();
    for seen in rig.sandbox.seen() {
        let is_medium = seen.host == Host::Media || seen.path.ends_with("/com.atproto.sync.getBlob");
        if !is_medium && !seen.path.ends_with("/me/accounts") {
            *asked.entry(seen.path).or_default() += 1;
        }
    }
    for row in rows(rig) {
        *asked.entry(row.path).or_default() -= 1;
    }
    asked.into_iter().filter(|(_, more)| *more > 0).map(|(path, more)| format!("{path}: {more}")).collect()
}

async fn posts_after(times: u32, what: M) -> (Rig, Vec<Row>) {
    let rig = Rig::small().await;
    rig.sandbox.misbehave(Host::Graph, "/published_posts", times, what);
    rig.harvest(Mode::Backfill).await;
    rig.check("after trouble");
    assert_eq!(without_a_row(&rig), Vec::<String>::new());
    assert_eq!(secrets::found(&rig, ""), Vec::<String>::new());
    let posts = rows(&rig).into_iter().filter(|row| row.path.ends_with("/published_posts")).collect();
    (rig, posts)
}

fn statuses(rows: &[Row]) -> Vec<u16> {
    rows.iter().map(|row| row.status).collect()
}

#[tokio::test]
async fn what_was_answered_with_trouble_and_then_went_well_leaves_a_row_for_each_attempt() {
    let (_rig, posts) = posts_after(2, M::answer(503, "text/plain", "down for a moment")).await;
    assert_eq!(statuses(&posts), [503, 503, 200]);
    for row in &posts[..2] {
        assert_eq!(row.bytes.as_deref(), Some(b"down for a moment".as_slice()));
        assert!(row.says.iter().any(|says| says.contains("HTTP 503")), "{row:?}");
    }
    assert_eq!(posts[2].says, Vec::<String>::new());
}

#[tokio::test]
async fn what_fails_for_good_leaves_a_row_for_each_attempt() {
    let (_rig, posts) = posts_after(u32::MAX, M::answer(500, "text/plain", "down")).await;
    assert_eq!(statuses(&posts), [500, 500, 500]);
    assert!(posts.iter().all(|row| row.bytes.as_deref() == Some(b"down") && row.says.len() == 1), "{posts:?}");
}

#[tokio::test]
async fn an_attempt_without_an_answer_leaves_a_row_without_bytes() {
    let (_rig, posts) = posts_after(1, M::Stall { millis: 2_000 }).await;
    assert_eq!(statuses(&posts), [0, 200]);
    assert_eq!((posts[0].headers.as_str(), &posts[0].bytes), ("[]", &None));
    assert!(posts[0].says[0].contains("not complete within"), "{:?}", posts[0]);
}

#[tokio::test]
async fn an_answer_that_breaks_off_leaves_its_head_and_none_of_its_bytes() {
    for what in [M::Oversized { bytes: 5 << 20 }, M::NeverEnding] {
        let named = format!("{what:?}");
        let (_rig, posts) = posts_after(1, what).await;
        assert_eq!((posts[0].status, &posts[0].bytes), (200, &None), "{named}");
        assert!(posts[0].headers.contains("application/json"), "{named}: {:?}", posts[0]);
        assert!(posts[0].says[0].contains("larger than"), "{named}: {:?}", posts[0]);
    }
}

#[tokio::test]
async fn a_server_of_somebody_else_that_is_down_leaves_its_row_too() {
    let page = "mesa-vista-usd-bluesky";
    let rig = Rig::with(crate::rig::small_world(page, 3), Clock::manual(NOW.parse().unwrap()), &[page]).await;
    rig.harvest(Mode::Backfill).await;
    let reply = rig.truth().into_iter().find(|item| item.parent.is_some() && item.parent == item.root).unwrap();
    rig.sandbox.world().delete_comment(&reply.id);
    rig.harvest(Mode::Recent).await;
    let did = reply.author.unwrap().id;
    rig.sandbox.misbehave(Host::Directory, &did, u32::MAX, M::status(503));
    rig.pass(jiff::SignedDuration::from_hours(26));
    rig.try_harvest(Mode::Revisit, true).await.unwrap();
    let asked: Vec<Row> = rows(&rig).into_iter().filter(|row| row.path.ends_with(&did)).collect();
    assert_eq!(statuses(&asked), [503, 503, 503]);
    assert!(asked.iter().all(|row| row.says.len() == 1), "{asked:?}");
    assert_eq!(without_a_row(&rig), Vec::<String>::new());
}

fn nobody_listens() -> Call {
    let call = Call::get("http://127.0.0.1:1", &["me"], "Test page").unwrap();
    call.auth(Auth::Bearer(Secret::new("canarytoken"))).proof(Some(("appsecret_proof", Secret::new("canaryproof"))))
}

async fn send(call: &Call) -> Failure {
    let settings = HttpSettings { deadline: Duration::from_secs(5), ..HttpSettings::default() };
    Http::new(settings, Clock::manual(NOW.parse().unwrap())).unwrap().send(call).await.unwrap_err()
}

#[tokio::test]
async fn a_refused_connection_is_an_exchange_without_an_answer_and_without_a_secret() {
    let failure = send(&nobody_listens()).await;
    let exchange = failure.exchange.clone().unwrap();
    let all: Vec<&Exchange> = exchange.earlier.iter().map(|attempt| &attempt.exchange).chain([&*exchange]).collect();
    assert_eq!(all.len(), 3);
    for exchange in all {
        assert_eq!((exchange.status, exchange.headers.len(), exchange.body.len()), (0, 0, 0));
        assert!(exchange.target.ends_with("/me?appsecret_proof=REDACTED"), "{}", exchange.target);
    }
    assert!(!format!("{failure:?}").contains("canary"), "{failure:?}");
}

#[tokio::test]
async fn what_was_never_sent_or_carries_a_token_leaves_nothing() {
    let failure = send(&nobody_listens().secret()).await;
    assert!(matches!(failure.error, Error::Transient { .. }) && failure.exchange.is_none(), "{failure:?}");
    let unsendable = nobody_listens().auth(Auth::Bearer(Secret::new("a\nb")));
    assert_eq!(send(&unsendable).await.exchange, None);
}
