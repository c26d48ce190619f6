//! Who answers in a platform's place gets nothing: a certificate that is not the platform's ends the exchange before anything is
//! sent, and the account says what a person can do.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::SignedDuration;
use pagekeeper::db::harvests;
use pagekeeper::model::{Clock, Mode};
use pagekeeper::sandbox::World;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, Stream};

use crate::kills::command;
use crate::rig::{NOW, Rig, X, small_world};

/// An authority that the program under test is told to trust.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, "An authority for tests");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Authority(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn written(&self, rig: &Rig) -> PathBuf {
        let file = rig.folder.path().join("authority.pem");
        let lines = BASE64_STANDARD.encode(self.0.as_ref().der());
        std::fs::write(&file, format!("-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n")).unwrap();
        file
    }

    /// A server with a certificate of this authority's.
    fn server(&self, name: &str, change: impl FnOnce(&mut CertificateParams), answer: &str) -> Server {
        let (params, key) = (named(name, change), KeyPair::generate().unwrap());
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Server::start(certificate.der().to_vec(), &key, answer)
    }
}

fn named(name: &str, change: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    change(&mut params);
    params
}

fn self_signed() -> Server {
    let key = KeyPair::generate().unwrap();
    let certificate = named(HERE, |_| {}).self_signed(&key).unwrap();
    Server::start(certificate.der().to_vec(), &key, NOTHING)
}

const HERE: &str = "127.0.0.1";
const NOTHING: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";

/// A server on loopback, and every byte that came to it in plain text, or after it was decrypted.
struct Server {
    port: u16,
    connections: Arc<Mutex<u32>>,
    got: Arc<Mutex<Vec<u8>>>,
}

impl Server {
    fn start(certificate: Vec<u8>, key: &KeyPair, answer: &str) -> Server {
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_no_client_auth().with_single_cert(vec![certificate.into()], key).unwrap();
        Server::listen(Some(Arc::new(config)), answer)
    }

    fn plain() -> Server {
        Server::listen(None, NOTHING)
    }

    fn listen(tls: Option<Arc<ServerConfig>>, answer: &str) -> Server {
        let listener = TcpListener::bind((HERE, 0)).unwrap();
        let server =
            Server { port: listener.local_addr().unwrap().port(), connections: Arc::default(), got: Arc::default() };
        let (connections, got, answer) = (server.connections.clone(), server.got.clone(), answer.to_owned());
        std::thread::spawn(move || {
            for mut socket in listener.incoming().flatten() {
                *connections.lock().unwrap() += 1;
                let mut request = [0; 8192];
                let mut serve = |stream: &mut dyn ReadWrite| {
                    let Ok(count) = stream.read(&mut request) else { return };
                    got.lock().unwrap().extend_from_slice(&request[..count]);
                    let _ = stream.write_all(answer.as_bytes()).and_then(|()| stream.flush());
                };
                match &tls {
                    None => serve(&mut socket),
                    Some(config) => {
                        let mut session = ServerConnection::new(config.clone()).unwrap();
                        serve(&mut Stream::new(&mut session, &mut socket));
                        session.send_close_notify();
                        let _ = session.write_tls(&mut socket);
                    }
                }
            }
        });
        server
    }

    fn got(&self) -> String {
        String::from_utf8_lossy(&self.got.lock().unwrap()).into_owned()
    }
}

trait ReadWrite: Read + Write {}
impl<T: Read + Write> ReadWrite for T {}

/// From now on the archive's account is asked for there.
fn move_to(rig: &mut Rig, server: &Server) {
    let config = std::fs::read_to_string(&rig.config).unwrap();
    let base = rig.sandbox.base_url(pagekeeper::model::Platform::X);
    assert!(config.contains(&base));
    rig.close();
    std::fs::write(&rig.config, config.replace(&base, &format!("https://{HERE}:{}", server.port))).unwrap();
}

/// What the built program, which trusts the authority, has on record after a look at that server.
async fn looked(authority: &Authority, server: &Server) -> (Rig, String) {
    let clock = Clock::System;
    let mut rig = Rig::with(World::bare(clock.now()), clock, &[X]).await;
    move_to(&mut rig, server);
    let mut harvest = command(&rig.config, &["harvest"]);
    let output = harvest.env("SSL_CERT_FILE", authority.written(&rig)).env_remove("SSL_CERT_DIR").output().unwrap();
    assert!(!output.status.success(), "the account was not read");
    rig.reopen();
    rig.check("after a look");
    let account = rig.accounts()[0].id;
    let run = rig.read(|conn| harvests::newest(conn, account, 1)).remove(0);
    let cause = run.cause.unwrap();
    let gaps: Vec<String> = rig.coverage().into_iter().filter_map(|gap| gap.cause).collect();
    assert!(gaps.contains(&cause), "{cause}: {gaps:?}");
    (rig, cause)
}

#[tokio::test]
async fn a_certificate_that_is_not_the_platform_s_is_sent_nothing_and_the_account_says_what_to_do() {
    let authority = Authority::new();
    let expired = |params: &mut CertificateParams| params.not_after = rcgen::date_time_ymd(2026, 1, 31);
    let early = |params: &mut CertificateParams| params.not_before = rcgen::date_time_ymd(4000, 1, 31);
    for (server, fault, act) in [
        (self_signed(), "nobody known to this server vouches for", "ca-certificates"),
        (authority.server(HERE, expired, NOTHING), "has expired", "this server's clock"),
        (authority.server(HERE, early, NOTHING), "is not valid yet", "this server's clock"),
        (authority.server("graph.example.org", |_| {}, NOTHING), "another name", "hosts file"),
    ] {
        let (_rig, cause) = looked(&authority, &server).await;
        assert!(cause.starts_with("X @MesaVistaUSD: ") && cause.contains("so nothing was sent"), "{cause}");
        assert!(cause.contains(fault) && cause.contains(act), "{cause}");
        assert!(*server.connections.lock().unwrap() > 0, "{fault}: it was tried");
        assert_eq!(server.got(), "", "{fault}");
    }
}

#[tokio::test]
async fn a_redirect_from_https_to_http_is_not_followed() {
    let (authority, plain) = (Authority::new(), Server::plain());
    let answer = format!(
        "HTTP/1.1 302 Found\r\nlocation: http://{HERE}:{}/2/users\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        plain.port
    );
    let server = authority.server(HERE, |_| {}, &answer);
    let (rig, cause) = looked(&authority, &server).await;
    assert!(cause.contains("redirect (HTTP 302)"), "{cause}");
    let token = std::fs::read_to_string(rig.folder.path().join("credentials/x")).unwrap();
    assert!(server.got().contains(&token), "the platform itself was asked, since its certificate is good");
    assert_eq!((*plain.connections.lock().unwrap(), plain.got()), (0, String::new()));
}

#[tokio::test]
async fn an_account_behind_a_strange_certificate_for_an_hour_is_called_not_kept_with_what_to_do() {
    let mut rig = Rig::with(small_world(X, 2), Clock::manual(NOW.parse().unwrap()), &[X]).await;
    assert!(rig.harvest(Mode::Backfill).await.is_whole());
    let (kept, server) = (rig.kept(), self_signed());
    move_to(&mut rig, &server);
    rig.reopen();
    for _ in 0..5 {
        rig.pass(SignedDuration::from_mins(15));
        assert!(!rig.harvest(Mode::Recent).await.is_whole());
    }
    let trouble = rig.accounts().remove(0).trouble.unwrap();
    assert!(trouble.contains("vouches for") && trouble.contains("ca-certificates"), "{trouble}");
    assert_eq!(server.got(), "");
    assert_eq!(rig.kept(), kept, "what was kept stays as it was last seen");
    rig.check("in the end");
}
