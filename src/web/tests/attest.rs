//! The collection's form: what it records, what it refuses, and what becomes of the files that it is sent.

use super::*;
use crate::audit::attest::LARGEST_FILE;
use crate::db::attestations::{self, Attestation};

const PAGE: &str = "/attest/mesa-vista-high";
const EDGE: &str = "----edge";

/// A form as a browser writes it: fields by name, and files with name and bytes.
fn form(fields: &[(&str, &str)], files: &[(&str, &str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in fields {
        let head = format!("--{EDGE}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend_from_slice(head.as_bytes());
    }
    for (name, file, bytes) in files {
        let head = format!("--{EDGE}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{file}\"\r\n");
        body.extend_from_slice(format!("{head}Content-Type: text/html\r\n\r\n").as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{EDGE}--\r\n").as_bytes());
    body
}

impl Served {
    async fn upload(&self, path: &str, cookie: &str, site: &str, body: Vec<u8>) -> Answer {
        let at = self.at;
        let token = auth::form_token(cookie.split_once('=').unwrap().1);
        let first = format!("--{EDGE}\r\nContent-Disposition: form-data; name=\"form_token\"\r\n\r\n{token}\r\n");
        let body = [first.as_bytes(), &body].concat();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\nCookie: {cookie}\r\nSec-Fetch-Site: {site}\r\n\
             Content-Type: multipart/form-data; boundary={EDGE}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let ask = move || {
            let mut stream = TcpStream::connect(at).unwrap();
            stream.write_all(head.as_bytes()).unwrap();
            // Who is refused early finds the line closed.
            let _ = stream.write_all(&body);
            let mut text = Vec::new();
            let _ = stream.read_to_end(&mut text);
            let text = String::from_utf8_lossy(&text).into_owned();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            let status = head.split(' ').nth(1).unwrap().parse().unwrap();
            Answer { status, head: head.to_owned(), body: body.to_owned() }
        };
        tokio::task::spawn_blocking(ask).await.unwrap()
    }

    fn said(&self) -> Vec<Attestation> {
        let read = |conn: &db::Conn| {
            let account = db::accounts::by_slug(conn, "mesa-vista-high")?.unwrap();
            attestations::of_account(conn, account.id)
        };
        self.db.read(read).unwrap()
    }

    fn files(&self) -> usize {
        fn count(folder: &std::path::Path) -> usize {
            let entries = std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
            entries.map(|path| if path.is_dir() { count(&path) } else { 1 }).sum()
        }
        count(&self.config.media_dir())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_round_is_recorded_with_its_files_and_shown_beside_the_last_one() {
    let served = Served::new().await;
    let cookie = served.cookie().await;
    let signed_in = [("Cookie", cookie.as_str())];
    let list = served.ask("GET", "/attest", &signed_in, "").await;
    assert!(
        list.body.contains("href=\"/attest/mesa-vista-high\"") && list.body.contains("never said"),
        "{}",
        list.body
    );
    let empty = served.ask("GET", PAGE, &signed_in, "").await;
    assert!(empty.body.contains("Nobody has said it yet.") && !empty.body.contains("value=\"same\""), "{}", empty.body);
    let fields = [
        ("said_by", "Ana Ruiz"),
        ("answer.blocked_words", "yes"),
        ("words.blocked_words", "spam, loser"),
        ("answer.two_factor", "no"),
        ("words.two_factor", "the coach has none"),
    ];
    let files = [("file.blocked_words", "words.png", &b"\x89PNG\r\n\x1a\nnot looked into"[..])];
    let sent = served.upload(PAGE, &cookie, "same-origin", form(&fields, &files)).await;
    assert_eq!(sent.status, 303, "{}", sent.body);
    assert_eq!(sent.header("location"), Some("/attest/mesa-vista-tok?after=mesa-vista-high"), "on to the next page");
    let said = served.said();
    assert_eq!(said.len(), 2);
    assert!(said.iter().all(|one| one.said_by == "Ana Ruiz" && one.actor == "priya.nair"));
    let next = served.ask("GET", "/attest/mesa-vista-tok?after=mesa-vista-high", &signed_in, "").await;
    assert!(next.body.contains("said for the first time: yes"), "{}", next.body);

    served.clock.advance(jiff::SignedDuration::from_hours(24 * 93));
    let cookie = served.cookie().await;
    let signed_in = [("Cookie", cookie.as_str())];
    let overdue = served.ask("GET", PAGE, &signed_in, "").await;
    assert!(
        overdue.body.contains("overdue since Feb 16, 2027: yes, said Ana Ruiz on Nov 16, 2026"),
        "{}",
        overdue.body
    );
    assert!(overdue.body.contains("spam, loser") && overdue.body.contains("words.png"), "{}", overdue.body);
    let account = served.ask("GET", "/accounts/mesa-vista-high", &signed_in, "").await;
    assert!(
        account.body.contains("overdue since Feb 16, 2027") && account.body.contains("never said"),
        "{}",
        account.body
    );
    let fields = [
        ("said_by", "Jo Lim"),
        ("answer.blocked_words", "yes"),
        ("words.blocked_words", "Spam; fake"),
        ("words.two_factor", "not read"),
        ("all_same", "yes"),
    ];
    let sent = served.upload(PAGE, &cookie, "same-origin", form(&fields, &[("file.two_factor", "", b"")])).await;
    assert_eq!(sent.status, 303, "{}", sent.body);
    let said = served.said();
    let newest = |topic: &str| said.iter().find(|one| one.topic == topic).unwrap();
    assert_eq!((said.len(), newest("two_factor").words.as_str()), (4, "the coach has none"), "the same as last time");
    assert_eq!(newest("blocked_words").evidence, None, "an old file does not show today");
    let after = served.ask("GET", "/attest?after=mesa-vista-high", &signed_in, "").await;
    assert!(
        after.body.contains("added: fake; removed: loser; said by Jo Lim, and before by Ana Ruiz"),
        "{}",
        after.body
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_comes_back_as_it_was_and_never_as_a_page() {
    let served = Served::new().await;
    let cookie = served.cookie().await;
    let page = b"<script>alert(1)</script>";
    let name = "..\\..\\<img src=x>\u{202e}gnp.html";
    let fields = [("said_by", "Ana <b>Ruiz</b>"), ("answer.malware", "yes"), ("words.malware", "</dd><script>")];
    let sent = served.upload(PAGE, &cookie, "same-origin", form(&fields, &[("file.malware", name, page)])).await;
    assert_eq!(sent.status, 303, "{}", sent.body);
    let said = served.said();
    let evidence = said[0].evidence.as_ref().unwrap();
    assert_eq!(evidence.name, "<img src=x>gnp.html");
    let path = format!("/evidence/{}", said[0].seq);
    let signed_in = [("Cookie", cookie.as_str())];
    let file = served.ask("GET", &path, &signed_in, "").await;
    assert_eq!((file.status, file.body.as_bytes()), (200, &page[..]));
    assert_eq!(file.header("content-type"), Some("application/octet-stream"));
    assert_eq!(file.header("content-security-policy"), Some("default-src 'none'; sandbox"));
    assert_eq!(file.header("x-content-type-options"), Some("nosniff"));
    let kept = file.header("content-disposition").unwrap();
    let coded = "%3Cimg%20src%3Dx%3Egnp.html";
    assert_eq!(kept, format!("attachment; filename=\"evidence-{}\"; filename*=UTF-8''{coded}", said[0].seq));
    for path in [PAGE, "/accounts/mesa-vista-high", "/attest?after=mesa-vista-high"] {
        let shown = served.ask("GET", path, &signed_in, "").await;
        assert_eq!(shown.status, 200, "{path}");
        for markup in ["<script", "<img", "<b>Ruiz"] {
            assert!(!shown.body.contains(markup), "{path}: {markup}");
        }
    }
    assert_eq!(served.ask("GET", &path, &[], "").await.status, 303, "who is not signed in gets no file");
    for other in ["/evidence/1", "/evidence/18446744073709551615"] {
        assert_eq!(served.ask("GET", other, &signed_in, "").await.status, 404, "{other}");
    }
    let stored = served.config.media_dir().join(crate::seal::content_address(&evidence.sha256));
    std::fs::write(stored, b"something else").unwrap();
    let altered = served.ask("GET", &path, &signed_in, "").await;
    assert_eq!(altered.status, 500);
    assert!(!altered.body.contains("something else") && altered.body.contains("pagekeeper verify"), "{}", altered.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_cannot_be_taken_records_nothing_and_says_why() {
    let served = Served::new().await;
    let cookie = served.cookie().await;
    let large = vec![b'x'; LARGEST_FILE + 1];
    let by = ("said_by", "Ana Ruiz");
    let yes = ("answer.malware", "yes");
    let cases: [(u16, &str, Vec<u8>); 9] = [
        (400, "the file is empty", form(&[by, yes], &[("file.malware", "a.png", b"")])),
        (413, "Malware protection: the file is larger than 20 MiB", form(&[by, yes], &[("file.malware", "a", &large)])),
        (400, "Nothing was answered", form(&[by], &[])),
        (400, "who says so?", form(&[("said_by", " "), yes], &[])),
        (400, "a yes alone says nothing", form(&[by, yes, ("answer.blocked_words", "yes")], &[])),
        (400, "choose an answer", form(&[by, ("answer.malware", "maybe")], &[])),
        (400, "choose an answer", form(&[by], &[("file.malware", "a.png", b"x")])),
        (400, "no last time", form(&[by, ("answer.malware", "same")], &[])),
        (400, "Nothing was answered", form(&[by, ("answer.looked_at", "yes"), ("answer.nonsense", "yes")], &[])),
    ];
    for (status, words, body) in cases {
        let answer = served.upload(PAGE, &cookie, "same-origin", body).await;
        assert_eq!(answer.status, status, "{words}: {}", answer.body);
        assert!(answer.body.contains(words), "{words}: {}", answer.body);
    }
    let whole = form(&[by, yes], &[("file.malware", "a.png", b"x")]);
    let broken = served.upload(PAGE, &cookie, "same-origin", whole[..whole.len() - 20].to_vec()).await;
    assert_eq!(broken.status, 400, "{}", broken.body);
    for site in ["cross-site", "same-site", "none"] {
        assert_eq!(served.upload(PAGE, &cookie, site, whole.clone()).await.status, 403, "{site}");
    }
    assert_eq!(served.upload(PAGE, "pagekeeper=00", "same-origin", whole.clone()).await.status, 403, "not signed in");
    assert_eq!(served.upload("/attest/nobody", &cookie, "same-origin", whole).await.status, 404);
    assert_eq!((served.said(), served.files()), (Vec::new(), 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_beyond_every_measure_is_cut_off() {
    let served = Served::new().await;
    let cookie = served.cookie().await;
    let endless = vec![b'x'; 4 * LARGEST_FILE + 1];
    let fields = [("said_by", "Ana Ruiz"), ("answer.malware", "yes")];
    let body = form(&fields, &[("file.malware", "a", &endless)]);
    let answer = served.upload(PAGE, &cookie, "same-origin", body).await;
    assert_eq!((answer.status, served.said(), served.files()), (413, Vec::new(), 0), "{}", answer.body);
}
