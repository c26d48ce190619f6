//! The door to people's mailboxes: one [`Message`], one recipient, one [`Mailer`].
//!
//! A message is stored before it is sent and carries a Message-ID that its caller fixed then, so that sending it twice
//! (an answer lost on the way back) shows as one message. The same message makes the same bytes every time. An address
//! is never printed: not in an error, not in `Debug`, and not in what a server said.

use std::fmt;
use std::io::Write as _;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters, TlsParametersBuilder,
};
use lettre::transport::smtp::extension::ClientId;
use sha2::{Digest as _, Sha256};

use crate::config::{self, Tls, Transport, read_secret};
use crate::model::Timestamp;

/// Where mail goes.
#[derive(Debug, Clone)]
pub enum Mailer {
    /// To the district's mail server.
    Smtp(Smtp),
    /// Into a folder, one .eml a message.
    File(Folder),
    /// Nowhere but here: for tests.
    Memory(Outbox),
}

impl Mailer {
    /// The mailer of the config's `[mail]`. Nothing is connected to and nothing is written yet.
    pub fn open(mail: &config::Mail) -> Result<Mailer, Error> {
        mailbox("mail.from", &mail.from)?;
        match mail.transport {
            Transport::Smtp => {
                let smtp = Smtp {
                    host: mail.host.clone(),
                    port: mail.port,
                    tls: mail.tls,
                    username: mail.username.clone(),
                    password_file: mail.password_file.clone(),
                    ca_file: mail.ca_file.clone(),
                    from: mail.from.clone(),
                    timeout: TIMEOUT,
                };
                smtp.check().map(|()| Mailer::Smtp(smtp))
            }
            Transport::File => {
                let dir = mail.dir.clone().ok_or_else(|| Error::setup("mail.dir is missing"))?;
                Ok(Mailer::File(Folder { dir, from: mail.from.clone() }))
            }
        }
    }

    /// Sends one message and returns what the receiving side said.
    pub async fn send(&self, message: &Message) -> Result<Receipt, Error> {
        match self {
            Mailer::Smtp(smtp) => smtp.send(message).await,
            Mailer::File(folder) => folder.write(message),
            Mailer::Memory(outbox) => outbox.take(message),
        }
    }
}

/// What a message is about; mail rules can sort by it (header `X-Pagekeeper`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Something a person should look at now, its repeats and its escalation.
    Urgent,
    /// Concerns of lower severity, once in the morning.
    Morning,
    /// What a backfill, an import or a changed pack turned up, once a run.
    Summary,
    Weekly,
    Ticket,
    /// A credential that ends soon.
    Credential,
}

impl Kind {
    pub const ALL: &'static [Kind] =
        &[Kind::Urgent, Kind::Morning, Kind::Summary, Kind::Weekly, Kind::Ticket, Kind::Credential];

    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Urgent => "urgent",
            Kind::Morning => "morning",
            Kind::Summary => "summary",
            Kind::Weekly => "weekly",
            Kind::Ticket => "ticket",
            Kind::Credential => "credential",
        }
    }
}

/// One message to one person.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// `name@host` or `Name <name@host>`.
    pub to: String,
    pub subject: String,
    pub text: String,
    pub html: String,
    /// Sets `Importance: high`.
    pub important: bool,
    /// `<unique@host>`, fixed before the first try and the same in every further one.
    pub message_id: String,
    pub kind: Kind,
    pub date: Timestamp,
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("kind", &self.kind)
            .field("message_id", &self.message_id)
            .finish_non_exhaustive()
    }
}

/// The receiving side's answer, without addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt(pub String);

/// Why a message was not taken, as far as a caller acts on it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The server took the connection and refused this message for good: trying again will not help.
    #[error("the mail server refused the message: {code} {text}")]
    Refused { code: u16, text: String },
    /// The server is away, overloaded or says *later*: the same message may pass on another try. It may also have
    /// arrived with only the answer lost.
    #[error("{say}")]
    Away { say: String },
    /// Nothing will be sent until a person mends what this names.
    #[error("{say}")]
    Setup { say: String },
}

impl Error {
    fn away(say: impl fmt::Display) -> Error {
        Error::Away { say: without_addresses(&say.to_string()) }
    }

    fn setup(say: impl fmt::Display) -> Error {
        Error::Setup { say: without_addresses(&say.to_string()) }
    }
}

/// Long enough for a server that looks at a message before it answers.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A mail server. A message has a connection of its own; files are read again at each, so that a renewed password or
/// certificate counts at once.
#[derive(Clone)]
pub struct Smtp {
    pub host: String,
    pub port: u16,
    pub tls: Tls,
    pub username: Option<String>,
    pub password_file: Option<PathBuf>,
    /// PEM: the only authorities to trust, for a server under a district's own one. Else the system's.
    pub ca_file: Option<PathBuf>,
    pub from: String,
    /// For one message as a whole, connection included.
    pub timeout: Duration,
}

impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Smtp").field("host", &self.host).field("port", &self.port).finish_non_exhaustive()
    }
}

impl Smtp {
    /// What can be said to be wrong without a connection; `check-config` and start-up ask.
    pub fn check(&self) -> Result<(), Error> {
        mailbox("mail.from", &self.from)?;
        if self.tls == Tls::None && !is_loopback(&self.host) {
            return Err(Error::setup(
                "mail.tls: \"none\" is for a server on this machine; use \"starttls\" or \"required\"",
            ));
        }
        self.credentials()?;
        self.tls_parameters().map(drop)
    }

    async fn send(&self, message: &Message) -> Result<Receipt, Error> {
        self.check()?;
        let email = render(&self.from, message)?;
        match tokio::time::timeout(self.timeout, self.deliver(&email)).await {
            Ok(answer) => answer,
            Err(_) => Err(Error::away(format!(
                "mail server {}:{} did not finish within {} s",
                self.host,
                self.port,
                self.timeout.as_secs()
            ))),
        }
    }

    /// One conversation from the greeting to the server's answer.
    async fn deliver(&self, email: &lettre::Message) -> Result<Receipt, Error> {
        let mut server = self.connect().await?;
        let answer = server.send(email.envelope(), &email.formatted()).await.map_err(|e| self.refusal(e))?;
        // The message is the server's now; how the good-bye goes changes nothing.
        let _ = server.quit().await;
        Ok(Receipt(without_addresses(&format!("{} {}", answer.code(), answer.message().collect::<Vec<_>>().join(" ")))))
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, Error> {
        let hello = ClientId::default();
        let tls = self.tls_parameters()?;
        let first = tls.clone().filter(|_| self.tls == Tls::Required);
        let address = (self.host.as_str(), self.port);
        let mut server = AsyncSmtpConnection::connect_tokio1(address, Some(self.timeout), &hello, first, None)
            .await
            .map_err(|e| self.trouble("connecting to", e))?;
        if let Some(tls) = tls.filter(|_| self.tls == Tls::Starttls) {
            server.starttls(tls, &hello).await.map_err(|e| self.trouble("starting TLS with", e))?;
        }
        if let Some(credentials) = self.credentials()? {
            server.auth(DEFAULT_MECHANISMS, &credentials).await.map_err(|e| self.trouble("signing in to", e))?;
        }
        Ok(server)
    }

    fn tls_parameters(&self) -> Result<Option<TlsParameters>, Error> {
        if self.tls == Tls::None {
            return Ok(None);
        }
        let mut builder = TlsParametersBuilder::new(self.host.clone());
        if let Some(path) = &self.ca_file {
            let wrong = |why: &dyn fmt::Display| Error::setup(format!("mail.ca_file: {}: {why}", path.display()));
            let pem = std::fs::read(path).map_err(|e| wrong(&e))?;
            let authorities = Certificate::from_pem(&pem).map_err(|e| wrong(&chain(&e)))?;
            builder = builder.certificate_store(CertificateStore::None).add_root_certificate(authorities);
        }
        builder.build().map(Some).map_err(|e| Error::setup(format!("mail.tls: {}", chain(&e))))
    }

    fn credentials(&self) -> Result<Option<Credentials>, Error> {
        let Some(username) = &self.username else { return Ok(None) };
        let path = self.password_file.as_ref().ok_or_else(|| Error::setup("mail.username needs mail.password_file"))?;
        let password = read_secret(path).map_err(|e| Error::setup(format!("mail.password_file: {e:#}")))?;
        Ok(Some(Credentials::new(username.clone(), password.reveal().to_owned())))
    }

    /// What an error before the message itself means: nothing was sent.
    fn trouble(&self, doing: &str, error: lettre::transport::smtp::Error) -> Error {
        let say = format!("{doing} mail server {}:{}: {}", self.host, self.port, chain(&error));
        if error.is_permanent() || error.is_client() || error.is_tls() || is_distrust(&error) {
            Error::setup(say)
        } else {
            Error::away(say)
        }
    }

    /// What an error about the message itself means. 530 is about the connection: it wants a sign-in or TLS first.
    fn refusal(&self, error: lettre::transport::smtp::Error) -> Error {
        match error.status().map(u16::from) {
            Some(code) if error.is_permanent() && code != 530 => {
                Error::Refused { code, text: without_addresses(&source(&error)) }
            }
            _ => self.trouble("sending to", error),
        }
    }
}

/// A folder that takes one .eml a message. A message sent again replaces its own file.
#[derive(Clone)]
pub struct Folder {
    pub dir: PathBuf,
    pub from: String,
}

impl fmt::Debug for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Folder").field("dir", &self.dir).finish_non_exhaustive()
    }
}

impl Folder {
    /// Writes beside and renames: a reader of the folder never sees half a message.
    fn write(&self, message: &Message) -> Result<Receipt, Error> {
        let bytes = render(&self.from, message)?.formatted();
        let name = file_name(message);
        let whole = self.dir.join(&name);
        let part = self.dir.join(format!(".{name}.part"));
        let written = std::fs::create_dir_all(&self.dir).and_then(|()| {
            let mut file = std::fs::File::create(&part)?;
            file.write_all(&bytes)?;
            file.sync_all()?;
            std::fs::rename(&part, &whole)
        });
        written.map_err(|e| Error::setup(format!("mail.dir: writing {}: {e}", whole.display())))?;
        Ok(Receipt(format!("written to {}", whole.display())))
    }
}

/// Mail that stays in memory. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Outbox(Arc<Mutex<Letters>>);

#[derive(Debug, Default)]
struct Letters {
    sent: Vec<Message>,
    trouble: Option<Error>,
}

impl Outbox {
    /// Everything taken so far, oldest first.
    pub fn sent(&self) -> Vec<Message> {
        self.lock().sent.clone()
    }

    /// From now on each message meets this error, until `None` is set.
    pub fn set_trouble(&self, trouble: Option<Error>) {
        self.lock().trouble = trouble;
    }

    fn take(&self, message: &Message) -> Result<Receipt, Error> {
        render("pagekeeper@localhost.example", message)?;
        let mut letters = self.lock();
        if let Some(trouble) = &letters.trouble {
            return Err(trouble.clone());
        }
        letters.sent.push(message.clone());
        Ok(Receipt("kept in memory".to_owned()))
    }

    fn lock(&self) -> MutexGuard<'_, Letters> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The message as it goes out: text and HTML side by side, nothing that differs from one try to the next.
fn render(from: &str, message: &Message) -> Result<lettre::Message, Error> {
    let mut builder = lettre::Message::builder()
        .from(mailbox("mail.from", from)?)
        .to(mailbox("the recipient", &message.to)?)
        .subject(one_line(&message.subject))
        .date(SystemTime::UNIX_EPOCH + Duration::from_secs(message.date.as_second().try_into().unwrap_or(0)))
        .message_id(Some(message_id(&message.message_id)?))
        .raw_header(header("Auto-Submitted", "auto-generated"))
        .raw_header(header("X-Pagekeeper", message.kind.as_str()));
    if message.important {
        builder = builder.raw_header(header("Importance", "high"));
    }
    let parts = MultiPart::alternative()
        .boundary(format!("part-{}", &digest(&message.message_id)[..32]))
        .singlepart(SinglePart::plain(message.text.clone()))
        .singlepart(SinglePart::html(message.html.clone()));
    builder.multipart(parts).map_err(|e| Error::setup(format!("building a message: {e}")))
}

fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

/// Reads an address without ever repeating it.
fn mailbox(place: &str, address: &str) -> Result<Mailbox, Error> {
    let wrong = || Error::Setup { say: format!("{place}: not a mail address (name@host or Name <name@host>)") };
    address.parse().map_err(|_| wrong())
}

fn message_id(id: &str) -> Result<String, Error> {
    let well_formed = id.starts_with('<')
        && id.ends_with('>')
        && id.contains('@')
        && id.chars().all(|c| c.is_ascii_graphic())
        && id.matches(['<', '>']).count() == 2;
    let wrong = || Error::Setup { say: "a Message-ID is not of the form <unique@host>".to_owned() };
    well_formed.then(|| id.to_owned()).ok_or_else(wrong)
}

/// A subject is one line whatever a page's name holds.
fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_control() || c.is_whitespace())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Sorted by time, told apart by Message-ID, and without the address.
fn file_name(message: &Message) -> String {
    let at = message.date.strftime("%Y%m%dT%H%M%SZ");
    format!("{at}-{}-{}.eml", message.kind.as_str(), &digest(&message.message_id)[..12])
}

fn digest(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Each word with an `@` in it becomes `(address)`: servers like to repeat addresses.
fn without_addresses(text: &str) -> String {
    text.split_whitespace()
        .map(|word| if word.contains('@') { "(address)" } else { word })
        .collect::<Vec<_>>()
        .join(" ")
}

/// An error and what is behind it, in one line.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    std::iter::successors(Some(error), |e| e.source()).map(ToString::to_string).fold(String::new(), |say, next| {
        // Some errors print their cause themselves.
        if say.ends_with(&next) {
            say
        } else if say.is_empty() {
            next
        } else {
            format!("{say}: {next}")
        }
    })
}

/// What the server itself said.
fn source(error: &(dyn std::error::Error + 'static)) -> String {
    error.source().map_or_else(|| error.to_string(), ToString::to_string)
}

/// Whether TLS failed because of who the server is, rather than because the line broke.
fn is_distrust(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |e| e.source())
        .filter_map(|e| e.downcast_ref::<std::io::Error>())
        .filter_map(|e| e.get_ref()?.downcast_ref::<rustls::Error>())
        .any(|e| !matches!(e, rustls::Error::AlertReceived(_)))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn message() -> Message {
        Message {
            to: "Dana Okafor <dana.okafor@mesavista.example.org>".to_owned(),
            subject: "Mesa Vista USD pages: 1 possible threat, Mesa Vista High (Facebook), Sat 9:02 pm".to_owned(),
            text: "Look here.\nMás información: ñ.\n".to_owned(),
            html: "<p>Look here.</p>\n<p>Más información: ñ.</p>\n".to_owned(),
            important: true,
            message_id: "<alert-17.1@pagekeeper.mesavista.example.org>".to_owned(),
            kind: Kind::Urgent,
            date: "2026-11-22T05:14:00Z".parse().unwrap(),
        }
    }

    fn folder(dir: &Path) -> Mailer {
        Mailer::File(Folder { dir: dir.to_owned(), from: "Pagekeeper <pages@mesavista.example.org>".to_owned() })
    }

    fn smtp(host: &str, tls: Tls) -> Smtp {
        Smtp {
            host: host.to_owned(),
            port: 587,
            tls,
            username: None,
            password_file: None,
            ca_file: None,
            from: "pages@mesavista.example.org".to_owned(),
            timeout: Duration::from_secs(5),
        }
    }

    #[tokio::test]
    async fn a_message_sent_twice_to_a_folder_is_one_file_with_the_same_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let mailer = folder(dir.path());
        mailer.send(&message()).await.unwrap();
        let files = || {
            let names = std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().path());
            names.map(|path| (path.clone(), std::fs::read(path).unwrap())).collect::<Vec<_>>()
        };
        let first = files();
        mailer.send(&message()).await.unwrap();
        assert_eq!(first, files());
        assert_eq!(first.len(), 1);
        let name = first[0].0.file_name().unwrap().to_str().unwrap();
        assert!(name.starts_with("20261122T051400Z-urgent-") && name.ends_with(".eml"), "{name}");
    }

    #[test]
    fn a_message_carries_its_headers_and_both_parts() {
        let email = String::from_utf8(render("pages@mesavista.example.org", &message()).unwrap().formatted()).unwrap();
        for header in [
            "From: pages@mesavista.example.org\r\n",
            "To: \"Dana Okafor\" <dana.okafor@mesavista.example.org>\r\n",
            "Date: Sun, 22 Nov 2026 05:14:00 +0000\r\n",
            "Message-ID: <alert-17.1@pagekeeper.mesavista.example.org>\r\n",
            "Auto-Submitted: auto-generated\r\n",
            "X-Pagekeeper: urgent\r\n",
            "Importance: high\r\n",
            "Content-Type: multipart/alternative;",
            "Content-Type: text/plain; charset=utf-8",
            "Content-Type: text/html; charset=utf-8",
        ] {
            assert!(email.contains(header), "{header:?} in\n{email}");
        }
        assert!(email.is_ascii());
        let plain = Message { important: false, ..message() };
        let email = String::from_utf8(render("pages@mesavista.example.org", &plain).unwrap().formatted()).unwrap();
        assert!(!email.contains("Importance"));
    }

    #[test]
    fn a_subject_cannot_add_a_header() {
        let sly = Message { subject: "One\r\nBcc: other@mesavista.example.org\u{85}two".to_owned(), ..message() };
        let email = String::from_utf8(render("pages@mesavista.example.org", &sly).unwrap().formatted()).unwrap();
        assert!(email.contains("Subject: One Bcc: other@mesavista.example.org two\r\n"), "{email}");
    }

    #[tokio::test]
    async fn an_address_or_message_id_that_cannot_be_one_is_named_without_repeating_it() {
        let mailer = Mailer::Memory(Outbox::default());
        let wrong = Message { to: "dana.okafor at mesavista".to_owned(), ..message() };
        let error = mailer.send(&wrong).await.unwrap_err();
        assert_eq!(error.to_string(), "the recipient: not a mail address (name@host or Name <name@host>)");
        for id in ["alert-17@host", "<a>\r\nBcc: <b@c>", "<a b@c>", "<ab>"] {
            let wrong = Message { message_id: id.to_owned(), ..message() };
            assert!(matches!(mailer.send(&wrong).await, Err(Error::Setup { .. })), "{id:?}");
        }
    }

    #[tokio::test]
    async fn memory_keeps_what_it_took_and_can_be_in_trouble() {
        let outbox = Outbox::default();
        let mailer = Mailer::Memory(outbox.clone());
        outbox.set_trouble(Some(Error::Away { say: "the mail server is away".to_owned() }));
        assert!(matches!(mailer.send(&message()).await, Err(Error::Away { .. })));
        outbox.set_trouble(None);
        mailer.send(&message()).await.unwrap();
        assert_eq!(outbox.sent(), [message()]);
    }

    #[tokio::test]
    async fn a_server_that_says_nothing_is_away_after_the_timeout() {
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Smtp {
            port: silent.local_addr().unwrap().port(),
            timeout: Duration::from_millis(100),
            ..smtp("localhost", Tls::None)
        };
        let error = Mailer::Smtp(server).send(&message()).await.unwrap_err();
        assert!(matches!(&error, Error::Away { say } if say.contains("did not finish within")), "{error:?}");
    }

    #[test]
    fn no_tls_is_for_this_machine_only() {
        for host in ["localhost", "127.0.0.1", "[::1]", "::1"] {
            smtp(host, Tls::None).check().unwrap();
        }
        for host in ["mail.mesavista.example.org", "10.0.0.5", "localhost.example.org"] {
            let error = smtp(host, Tls::None).check().unwrap_err();
            assert!(error.to_string().contains("\"starttls\" or \"required\""), "{error}");
            smtp(host, Tls::Starttls).check().unwrap();
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_named_by_its_key() {
        let mut server = smtp("localhost", Tls::Starttls);
        server.username = Some("pages".to_owned());
        assert_eq!(server.check().unwrap_err().to_string(), "mail.username needs mail.password_file");
        server.password_file = Some("/nowhere/password".into());
        assert!(server.check().unwrap_err().to_string().contains("/nowhere/password"));
        server.username = None;
        server.ca_file = Some("/nowhere/ca.pem".into());
        assert!(server.check().unwrap_err().to_string().starts_with("mail.ca_file: /nowhere/ca.pem: "));
    }

    #[test]
    fn no_address_is_printed() {
        assert_eq!(without_addresses("5.1.1 <a@b.example.org>: user unknown"), "5.1.1 (address) user unknown");
        let shown = format!("{:?} {:?} {:?}", message(), smtp("localhost", Tls::None), folder(Path::new("/tmp")));
        assert!(!shown.contains("dana") && !shown.contains("pages@"), "{shown}");
    }
}
