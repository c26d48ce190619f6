//! The one HTTP client against small servers that answer as no server should.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use pagekeeper::model::{Clock, Media, Secret, Timestamp};
use pagekeeper::platform::http::{Auth, Call, Http, HttpSettings, Trust};
use pagekeeper::platform::{Error, media};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// A server on loopback that gives the same bytes to every request, then `drip` again and again where there is one.
struct Server {
    base: String,
    asked: Arc<AtomicU32>,
}

async fn server(answer: Vec<u8>, drip: Option<&'static [u8]>) -> Server {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicU32::new(0));
    let count = asked.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (answer, count) = (answer.clone(), count.clone());
            tokio::spawn(async move {
                let mut request = [0; 8192];
                let _ = stream.read(&mut request).await;
                count.fetch_add(1, Ordering::SeqCst);
                let _ = stream.write_all(&answer).await;
                while let Some(drip) = drip {
                    if stream.write_all(drip).await.is_err() {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                let _ = stream.shutdown().await;
            });
        }
    });
    Server { base, asked }
}

fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n", body.len());
    [head.as_bytes(), body].concat()
}

const NOW: &str = "2026-11-22T12:00:00Z";

fn http(deadline: Duration, max_body: usize) -> Http {
    let settings = HttpSettings { deadline, max_body, ..HttpSettings::default() };
    Http::new(settings, Clock::manual(NOW.parse().unwrap())).unwrap()
}

fn usual() -> Http {
    http(Duration::from_secs(10), 1 << 20)
}

fn call(server: &Server) -> Call {
    Call::get(&server.base, &["v1", "posts"], "Test page").unwrap().meter("test:account:1").meter("test:app")
}

fn in_seconds(seconds: i64) -> Timestamp {
    NOW.parse::<Timestamp>().unwrap() + jiff::SignedDuration::from_secs(seconds)
}

#[tokio::test]
async fn a_gzip_bomb_is_refused_by_its_decoded_size() {
    let mut bomb = std::process::Command::new("gzip");
    bomb.arg("-c").stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut running = bomb.spawn().unwrap();
    let mut into = running.stdin.take().unwrap();
    let writer = std::thread::spawn(move || std::io::Write::write_all(&mut into, &vec![b' '; 64 << 20]).unwrap());
    let packed = running.wait_with_output().unwrap().stdout;
    writer.join().unwrap();
    assert!(packed.len() < 1 << 20);
    let server = server(answer("200 OK", "content-encoding: gzip\r\n", &packed), None).await;
    let failure = usual().send(&call(&server)).await.unwrap_err();
    assert!(matches!(&failure.error, Error::Unexpected { say } if say.contains("larger than 1 MiB")), "{failure:?}");
}

#[tokio::test]
async fn a_body_without_end_is_refused_by_its_size() {
    let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    let drip: &'static [u8] =
        Box::leak([b"10000\r\n".as_slice(), &[b' '; 0x10000], b"\r\n"].concat().into_boxed_slice());
    let server = server(head, Some(drip)).await;
    let failure = usual().send(&call(&server)).await.unwrap_err();
    assert!(matches!(&failure.error, Error::Unexpected { say } if say.contains("larger than")), "{failure:?}");
}

#[tokio::test]
async fn a_slow_drip_ends_at_the_deadline_however_steady() {
    let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    let server = server(head, Some(b"1\r\n \r\n")).await;
    let failure = http(Duration::from_millis(150), 1 << 20).send(&call(&server)).await.unwrap_err();
    assert!(matches!(&failure.error, Error::Transient { say } if say.contains("not complete within")), "{failure:?}");
    assert_eq!(server.asked.load(Ordering::SeqCst), 3, "trouble that may pass is tried again, a few times");
}

#[tokio::test]
async fn a_length_that_promises_more_than_comes_is_trouble_that_may_pass() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\nconnection: close\r\n\r\n{\"data\":[".to_vec();
    let server = server(head, None).await;
    let failure = usual().send(&call(&server)).await.unwrap_err();
    assert!(matches!(failure.error, Error::Transient { .. }), "{failure:?}");
    let exchange = failure.exchange.unwrap();
    for exchange in exchange.earlier.iter().map(|attempt| &attempt.exchange).chain([&*exchange]) {
        assert_eq!((exchange.status, exchange.headers[0].1.as_str(), exchange.body.len()), (200, "500", 0));
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = server(answer("200 OK", "", b"{}"), None).await;
    let headers = format!("location: {}/inside\r\n", elsewhere.base);
    let server = server(answer("302 Found", &headers, b""), None).await;
    let failure = usual().send(&call(&server)).await.unwrap_err();
    assert!(matches!(&failure.error, Error::Unexpected { say } if say.contains("redirect")), "{failure:?}");
    assert_eq!(elsewhere.asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn too_many_requests_park_the_meter_as_long_as_told() {
    for (header, seconds) in [
        ("retry-after: 120\r\n", 120),
        ("retry-after: -5\r\n", 1),
        ("retry-after: 99999999999999\r\n", 24 * 3600),
        ("retry-after: Sun, 22 Nov 2026 12:10:00 GMT\r\n", 600),
        ("x-rate-limit-reset: 1795349100\r\n", 300),
        ("", 900),
    ] {
        let server = server(answer("429 Too Many Requests", header, b"{}"), None).await;
        let http = usual();
        let failure = http.send(&call(&server)).await.unwrap_err();
        let Error::RateLimited { until, say } = &failure.error else { panic!("{failure:?}") };
        assert_eq!(*until, in_seconds(seconds), "{header}");
        assert!(say.starts_with("Test page: "), "{say}");
        assert!(failure.exchange.is_some());
        let again = http.send(&call(&server)).await.unwrap_err();
        assert!(matches!(again.error, Error::RateLimited { .. }));
        assert_eq!(server.asked.load(Ordering::SeqCst), 1, "a parked meter sends nothing");
        let other = call(&server);
        let other = Call { meters: vec!["test:account:2".into()], ..other };
        assert!(http.send(&other).await.is_err());
        assert_eq!(server.asked.load(Ordering::SeqCst), 2, "another account is not parked");
    }
}

#[tokio::test]
async fn trouble_of_the_platform_s_own_is_tried_again_and_then_told() {
    let server = server(answer("503 Service Unavailable", "", b"down"), None).await;
    let failure = usual().send(&call(&server)).await.unwrap_err();
    assert!(matches!(&failure.error, Error::Transient { say } if say.contains("503")), "{failure:?}");
    assert_eq!(failure.exchange.unwrap().body, b"down");
    assert_eq!(server.asked.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_budget_that_is_used_up_sends_nothing() {
    let server = server(answer("200 OK", "", b"{}"), None).await;
    let http = usual();
    http.set_budget("test:app", 2, in_seconds(3600));
    let call = call(&server);
    assert!(http.send(&call).await.is_ok() && http.send(&call).await.is_ok());
    let failure = http.send(&call).await.unwrap_err();
    assert!(matches!(&failure.error, Error::RateLimited { until, .. } if *until == in_seconds(3600)));
    assert_eq!(server.asked.load(Ordering::SeqCst), 2);
    assert_eq!(http.take_spent_on("test:app"), 2);
}

#[tokio::test]
async fn canaries_are_found_nowhere() {
    let (token, proof) = ("canary|token/1", "canaryproof");
    let body = r#"{"echo":"canary|token\/1","paging":{"next":"https://g/?access_token=canary%7Ctoken%2F1&appsecret_proof=canaryproof&after=x"}}"#;
    let headers = "set-cookie: session=canarycookie\r\nx-debug: canary|token/1\r\n";
    let server = server(answer("200 OK", headers, body.as_bytes()), None).await;
    let call =
        call(&server).auth(Auth::Bearer(Secret::new(token))).proof(Some(("appsecret_proof", Secret::new(proof))));
    let exchange = usual().send(&call).await.unwrap();
    let shown = format!("{exchange:?} {call:?} {}", String::from_utf8_lossy(&exchange.body));
    assert!(!shown.contains("canary"), "{shown}");
    assert!(exchange.target.ends_with("/v1/posts?appsecret_proof=REDACTED"));
    assert_eq!(exchange.body.len(), body.len());
    for place in ["request.header.authorization", "request.query.appsecret_proof", "response.body: the credential"] {
        assert!(exchange.redactions.iter().any(|known| known == place), "{:?}", exchange.redactions);
    }
}

#[tokio::test]
async fn an_exchange_that_returns_a_secret_is_no_evidence() {
    let server = server(answer("500 Oh", "", br#"{"access_token":"canary"}"#), None).await;
    let failure = usual().send(&call(&server).secret()).await.unwrap_err();
    assert_eq!(failure.exchange, None);
}

#[tokio::test]
async fn an_error_never_shows_the_proof() {
    let unreachable = Call::get("http://127.0.0.1:1", &["me"], "Test page")
        .unwrap()
        .proof(Some(("appsecret_proof", Secret::new("canaryproof"))));
    let failure = usual().send(&unreachable).await.unwrap_err();
    assert!(!format!("{failure:?}").contains("canary"), "{failure:?}");
}

fn medium(url: String) -> Media {
    Media { native_id: "77".into(), url: Some(url), ..Media::default() }
}

async fn fetch(url: String, trust: Trust, folder: &std::path::Path) -> Result<media::Fetched, media::Missed> {
    media::fetch(&usual(), &medium(url), trust, &|host| host == "127.0.0.1", 1 << 20, folder).await
}

#[tokio::test]
async fn a_medium_is_kept_under_its_digest() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = [b"\xff\xd8\xff\xe0".as_slice(), &[7; 5000]].concat();
    let server = server(answer("200 OK", "content-type: image/jpeg\r\n", &bytes), None).await;
    for _ in 0..2 {
        let url = format!("{}/a.jpg?oe=1", server.base);
        let fetched = fetch(url, Trust::ForeignOrLoopback, folder.path()).await.unwrap();
        assert_eq!((fetched.size, fetched.mime.as_str()), (5004, "image/jpeg"));
        let name = hex::encode(fetched.sha256);
        assert_eq!(std::fs::read(folder.path().join(&name[..2]).join(&name[2..])).unwrap(), bytes);
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
}

#[tokio::test]
async fn what_is_no_medium_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    for (status, headers, body, words) in [
        ("200 OK", "content-type: image/jpeg\r\n", b"<html>gone</html>".as_slice(), "a web page"),
        ("200 OK", "content-type: text/html\r\n", b"gone", "a web page"),
        ("200 OK", "content-type: image/jpeg\r\n", b"", "empty"),
        ("200 OK", "content-type: application/zip\r\n", b"PK", "application/zip"),
        ("403 Forbidden", "", b"URL signature expired", "expired"),
        ("302 Found", "location: http://10.0.0.1/\r\n", b"", "not followed"),
        ("200 OK", "content-type: image/jpeg\r\n", &[7; 2 << 20], "larger than 1 MiB"),
    ] {
        let server = server(answer(status, headers, body), None).await;
        let error = fetch(format!("{}/a.jpg", server.base), Trust::ForeignOrLoopback, folder.path()).await.unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
}

#[tokio::test]
async fn a_medium_inside_is_not_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(answer("200 OK", "content-type: image/jpeg\r\n", b"\xff\xd8\xff"), None).await;
    let error = fetch(format!("{}/a.jpg", server.base), Trust::Foreign, folder.path()).await.unwrap_err();
    assert!(error.to_string().contains("not a public address"), "{error}");
    let (http, named) = (usual(), medium("https://localhost/a.jpg".into()));
    let fetched = media::fetch(&http, &named, Trust::Foreign, &|_| true, 1 << 20, folder.path()).await;
    assert!(
        matches!(fetched, Err(media::Missed::Platform(Error::Transient { .. }))),
        "the resolver refuses the address"
    );
    assert_eq!(server.asked.load(Ordering::SeqCst), 0);
}
