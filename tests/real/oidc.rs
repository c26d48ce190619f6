//! Signing in by a real identity provider (oidc-provider), through the web app as a browser goes.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use pagekeeper::config::Config;
use pagekeeper::db::{self, Db, users};
use pagekeeper::model::Clock;
use pagekeeper::model::people::Role;
use pagekeeper::web::{self, SignIn, Site};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::tools::{Server, node, node_folder, repository};

#[tokio::test(flavor = "multi_thread")]
async fn people_come_in_by_the_provider_with_the_roles_of_their_groups_today() {
    let mut district = District::start().await;
    let mut ana = Browser::default();
    let there = ana.get(&format!("{}/sign-in/oidc?next=%2Fflags", district.own));
    let asked = there.location();
    for part in
        ["response_type=code", "code_challenge_method=S256", "code_challenge=", "nonce=", "state=", "scope=openid"]
    {
        assert!(asked.contains(part), "{part}: {asked}");
    }
    let back = ana.at_provider(&district, asked, "ana");
    let entered = ana.get(&back);
    assert_eq!((entered.status, entered.location()), (303, "/flags"), "{}", entered.body);
    let me = ana.get(&format!("{}/me", district.own));
    assert!(
        me.body.contains("Ana Flores") && me.body.contains("reviewer") && me.body.contains("identity provider"),
        "{}",
        me.body
    );
    let user = district.user("ana.flores").unwrap();
    assert_eq!((user.standing.roles, user.has_password), (vec![Role::Reviewer], false));
    assert_eq!(user.issuer.as_deref(), Some(district.issuer.as_str()));

    assert_eq!(ana.get(&back).status, 403, "what came back once is not taken again");
    let mut stranger = Browser::default();
    assert_eq!(stranger.get(&back).status, 403, "another browser did not begin it");

    // The very code, with another state or in a browser that began another sign-in.
    let asked = ana.get(&format!("{}/sign-in/oidc", district.own)).location().to_owned();
    let back = ana.at_provider(&district, &asked, "ana");
    stranger.get(&format!("{}/sign-in/oidc", district.own));
    assert_eq!(stranger.get(&back).status, 403);
    let (head, _) = back.split_once("state=").unwrap();
    assert_eq!(ana.get(&format!("{head}state=another")).status, 403);
    let again = ana.get(&back);
    assert_eq!((again.status, again.location()), (303, "/"), "{}", again.body);

    let mut ben = Browser::default();
    let asked = ben.get(&format!("{}/sign-in/oidc", district.own)).location().to_owned();
    let back = ben.at_provider(&district, &asked, "ben");
    assert_eq!(ben.get(&back).status, 403, "none of his groups has a role");
    assert!(district.user("ben.tran").is_none());

    district.provider.ask("groups ana Staff");
    let mut elsewhere = Browser::default();
    let asked = elsewhere.get(&format!("{}/sign-in/oidc", district.own)).location().to_owned();
    let back = elsewhere.at_provider(&district, &asked, "ana");
    assert_eq!(elsewhere.get(&back).status, 403);
    assert_eq!(ana.get(&format!("{}/me", district.own)).status, 303, "and her earlier session has ended");
}

/// A served archive and its identity provider.
struct District {
    _folder: tempfile::TempDir,
    _stop: watch::Sender<bool>,
    db: Db,
    provider: Server,
    own: String,
    issuer: String,
}

impl District {
    async fn start() -> District {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = format!("http://{}", listener.local_addr().unwrap());
        let mut command = node();
        command.arg(repository().join("tests/tools/oidc/server.mjs")).arg(node_folder());
        let provider = Server::start(command.arg(format!("{own}/sign-in/oidc/back")));
        let issuer = format!("http://127.0.0.1:{}", provider.port("port"));
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path(), &own, &issuer);
        let clock = Clock::System;
        std::fs::create_dir_all(config.data_dir()).unwrap();
        db::create(&config.database(), "mesavista.example.org/pages", clock.now()).unwrap();
        let db = Db::open(&config.database()).unwrap();
        let site = Site::new(db.clone(), Arc::new(config.clone()), clock, SignIn::open(&config).unwrap());
        let (tell, stop) = watch::channel(false);
        tokio::spawn(web::serve(listener, site, stop));
        District { _folder: folder, _stop: tell, db, provider, own, issuer }
    }

    fn user(&self, name: &str) -> Option<users::User> {
        self.db.read(|conn| users::by_name(conn, name)).unwrap()
    }
}

fn config(folder: &Path, own: &str, issuer: &str) -> Config {
    std::fs::write(folder.join("secret"), "a-secret-of-the-client\n").unwrap();
    let text = format!(
        "data_dir = \"data\"\n[district]\nname = \"Mesa Vista USD\"\n[web]\npublic_url = \"{own}\"\n[web.oidc]\nissuer = \"{issuer}\"\n\
         client_id = \"pagekeeper\"\nclient_secret_file = \"secret\"\nscopes = [\"profile\", \"groups\"]\n\
         roles = {{ \"Communications\" = [\"reviewer\"] }}\n"
    );
    Config::parse(&text, folder).unwrap()
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn location(&self) -> &str {
        let line = self.head.lines().find(|line| line.to_lowercase().starts_with("location:"));
        line.and_then(|line| line.split_once(':')).map_or("", |(_, value)| value.trim())
    }
}

/// A browser as far as cookies and forms go: those of one host are kept together.
#[derive(Default)]
struct Browser {
    cookies: BTreeMap<String, BTreeMap<String, String>>,
}

impl Browser {
    fn get(&mut self, url: &str) -> Answer {
        self.ask("GET", url, "")
    }

    /// Signs in at the provider and agrees to whatever it asks; gives the address to which it sends the browser back.
    fn at_provider(&mut self, district: &District, url: &str, login: &str) -> String {
        let mut url = url.to_owned();
        for _ in 0..20 {
            if url.starts_with(&district.own) {
                return url;
            }
            let mut answer = self.get(&url);
            if let Some(rest) = answer.body.split_once("action=\"").map(|(_, rest)| rest) {
                let action = absolute(&district.issuer, rest.split('"').next().unwrap());
                let prompt = if answer.body.contains("name=\"login\"") { "login" } else { "consent" };
                answer = self.ask("POST", &action, &format!("prompt={prompt}&login={login}&password=x"));
            }
            url = absolute(&district.issuer, answer.location());
            assert!(!answer.location().is_empty(), "HTTP {}: {}", answer.status, answer.body);
        }
        panic!("the provider does not let {login} in");
    }

    fn ask(&mut self, method: &str, url: &str, form: &str) -> Answer {
        let rest = url.strip_prefix("http://").unwrap();
        let (host, path) = rest.split_once('/').unwrap();
        let jar = self.cookies.entry(host.to_owned()).or_default();
        let sent: Vec<String> = jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut lines = format!(
            "{method} /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nCookie: {}\r\n",
            sent.join("; ")
        );
        if method == "POST" {
            lines += &format!("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n", form.len());
        }
        let mut stream = TcpStream::connect(host).unwrap();
        stream.write_all(format!("{lines}\r\n{form}").as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        for line in head.lines().filter(|line| line.to_lowercase().starts_with("set-cookie:")) {
            let pair = line.split_once(':').unwrap().1.split(';').next().unwrap().trim();
            let (name, value) = pair.split_once('=').unwrap();
            match value {
                "" => jar.remove(name),
                _ => jar.insert(name.to_owned(), value.to_owned()),
            };
        }
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }
}

fn absolute(base: &str, location: &str) -> String {
    if location.starts_with("http") { location.to_owned() } else { format!("{base}{location}") }
}
