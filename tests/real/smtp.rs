//! Mail against a real mail server: aiosmtpd with STARTTLS and AUTH.

use std::path::Path;
use std::time::Duration;

use pagekeeper::config::Tls;
use pagekeeper::mail::{Error, Kind, Mailer, Message, Smtp};
use serde_json::Value;
use tempfile::TempDir;

use crate::tools::{Server, python};

#[tokio::test]
async fn a_message_of_every_kind_arrives_with_both_parts() {
    for tls in [Tls::Starttls, Tls::Required] {
        let post = Post::open();
        for (n, kind) in Kind::ALL.iter().enumerate() {
            let sent = message("dana.okafor", *kind);
            let receipt = Mailer::Smtp(post.smtp(tls)).send(&sent).await.unwrap();
            assert_eq!(receipt.0, format!("250 2.0.0 queued as {:04} for (address)", n + 1));
            let got = post.received(n + 1);
            assert_eq!(got["sender"], "pages@mesavista.example.org");
            assert_eq!(got["recipients"], serde_json::json!(["dana.okafor@mesavista.example.org"]));
            assert_eq!(got["encrypted"], true);
            assert_eq!(got["defects"], serde_json::json!([]));
            assert_eq!(header(&got, "Subject"), [sent.subject]);
            assert_eq!(header(&got, "Message-ID"), [sent.message_id]);
            assert_eq!(header(&got, "Date"), ["Sun, 22 Nov 2026 05:14:00 +0000"]);
            assert_eq!(header(&got, "Auto-Submitted"), ["auto-generated"]);
            assert_eq!(header(&got, "X-Pagekeeper"), [kind.as_str()]);
            assert_eq!(header(&got, "Importance").len(), usize::from(*kind == Kind::Urgent));
            assert_eq!(got["text"], sent.text);
            assert_eq!(got["html"], sent.html);
        }
    }
}

#[tokio::test]
async fn a_recipient_refused_for_good_is_told_from_one_refused_for_now() {
    let post = Post::open();
    let mailer = Mailer::Smtp(post.smtp(Tls::Starttls));
    let refused = mailer.send(&message("bounce", Kind::Urgent)).await.unwrap_err();
    assert_eq!(refused, Error::Refused { code: 550, text: "5.1.1 (address) no such user".to_owned() });
    let later = mailer.send(&message("slow", Kind::Urgent)).await.unwrap_err();
    assert!(matches!(&later, Error::Away { say } if say.contains("451") || say.contains("greylisted")), "{later:?}");
    assert!(!later.to_string().contains('@'), "{later}");
    mailer.send(&message("dana.okafor", Kind::Urgent)).await.unwrap();
}

#[tokio::test]
async fn a_wrong_password_is_for_a_person_to_mend_and_a_mended_file_counts_at_once() {
    let post = Post::open();
    let mailer = Mailer::Smtp(post.smtp(Tls::Starttls));
    std::fs::write(post.password_file(), "wrong\n").unwrap();
    let error = mailer.send(&message("dana.okafor", Kind::Weekly)).await.unwrap_err();
    assert!(
        matches!(&error, Error::Setup { say } if say.starts_with("signing in to mail server localhost:")),
        "{error:?}"
    );
    assert!(!format!("{error:?}").contains("wrong"));
    std::fs::write(post.password_file(), PASSWORD).unwrap();
    mailer.send(&message("dana.okafor", Kind::Weekly)).await.unwrap();
}

#[tokio::test]
async fn plain_text_and_mail_without_signing_in_are_refused_by_the_server() {
    let post = Post::open();
    let plain = Smtp { tls: Tls::None, username: None, password_file: None, ..post.smtp(Tls::Starttls) };
    let error = Mailer::Smtp(plain).send(&message("dana.okafor", Kind::Urgent)).await.unwrap_err();
    assert!(matches!(&error, Error::Setup { say } if say.contains("STARTTLS")), "{error:?}");
    let unnamed = Smtp { username: None, password_file: None, ..post.smtp(Tls::Starttls) };
    let error = Mailer::Smtp(unnamed).send(&message("dana.okafor", Kind::Urgent)).await.unwrap_err();
    assert!(matches!(&error, Error::Setup { say } if say.contains("Authentication required")), "{error:?}");
    assert!(!post.has_received(1));
}

#[tokio::test]
async fn a_server_whose_authority_we_do_not_trust_gets_nothing() {
    let post = Post::open();
    for tls in [Tls::Starttls, Tls::Required] {
        let stranger = Smtp { ca_file: None, ..post.smtp(tls) };
        let error = Mailer::Smtp(stranger).send(&message("dana.okafor", Kind::Urgent)).await.unwrap_err();
        assert!(matches!(&error, Error::Setup { say } if say.contains("certificate")), "{error:?}");
    }
    assert!(!post.has_received(1));
}

#[tokio::test]
async fn a_server_that_was_away_takes_the_same_message_when_it_is_back() {
    let mut post = Post::open();
    let smtp = post.smtp(Tls::Starttls);
    let mailer = Mailer::Smtp(smtp.clone());
    let sent = message("dana.okafor", Kind::Urgent);
    post.close();
    for _ in 0..3 {
        let error = mailer.send(&sent).await.unwrap_err();
        assert!(matches!(&error, Error::Away { say } if say.contains("localhost")), "{error:?}");
    }
    post.reopen(smtp.port);
    mailer.send(&sent).await.unwrap();
    assert_eq!(header(&post.received(1), "Message-ID"), [sent.message_id]);
    assert!(!post.has_received(2));
}

const PASSWORD: &str = "correct horse ñ\n";

/// A mail server in a folder of its own.
pub struct Post {
    dir: TempDir,
    server: Option<Server>,
}

impl Post {
    pub fn open() -> Post {
        let mut post = Post { dir: tempfile::tempdir().unwrap(), server: None };
        std::fs::write(post.password_file(), PASSWORD).unwrap();
        post.reopen(0);
        post
    }

    pub fn reopen(&mut self, port: u16) {
        self.server = Some(Server::start(python("tools/smtp_server.py").arg(self.dir.path()).arg(port.to_string())));
    }

    pub fn close(&mut self) {
        self.server = None;
    }

    pub fn smtp(&self, tls: Tls) -> Smtp {
        let name = if tls == Tls::Required { "tls" } else { "starttls" };
        Smtp {
            host: "localhost".to_owned(),
            port: self.server.as_ref().unwrap().port(name),
            tls,
            username: Some("pages".to_owned()),
            password_file: Some(self.password_file()),
            ca_file: Some(self.dir.path().join("ca.pem")),
            from: "Pagekeeper <pages@mesavista.example.org>".to_owned(),
            timeout: Duration::from_secs(20),
        }
    }

    fn password_file(&self) -> std::path::PathBuf {
        self.dir.path().join("password")
    }

    pub fn has_received(&self, n: usize) -> bool {
        self.file(n).exists()
    }

    pub fn received(&self, n: usize) -> Value {
        serde_json::from_slice(&std::fs::read(self.file(n)).unwrap()).unwrap()
    }

    fn file(&self, n: usize) -> std::path::PathBuf {
        Path::join(self.dir.path(), format!("{n:04}.json"))
    }
}

pub fn header(message: &Value, name: &str) -> Vec<String> {
    let headers = message["headers"].as_array().unwrap().iter();
    headers.filter(|pair| pair[0] == name).map(|pair| pair[1].as_str().unwrap().to_owned()).collect()
}

fn message(name: &str, kind: Kind) -> Message {
    Message {
        to: format!("{name}@mesavista.example.org"),
        subject: "3 need a person, 12 flags, 1 gap: pages of Mesa Vista USD, Nov 16–22, 2026".to_owned(),
        text: "Needs a person\n\n- Ocotillo Middle (Facebook) has not been kept since Tue, Nov 17\n.\n..\nEspañol: ¿dónde?\n"
            .to_owned(),
        html: format!("<p>Español: ¿dónde?</p>\n<p>{}</p>\n", "a long line ".repeat(200)),
        important: kind == Kind::Urgent,
        message_id: format!("<{}-17@pagekeeper.mesavista.example.org>", kind.as_str()),
        kind,
        date: "2026-11-22T05:14:00Z".parse().unwrap(),
    }
}
