//! `serve` as the system sees it: ready, watched, alone on its archive, and stopped in order.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use pagekeeper::model::Clock;
use pagekeeper::sandbox::World;

use crate::rig::Rig;

const BIN: &str = env!("CARGO_BIN_EXE_pagekeeper");

/// A new archive of its own, and where its pages will be.
struct Place {
    folder: tempfile::TempDir,
    config: PathBuf,
    listen: SocketAddr,
}

impl Place {
    fn new() -> Place {
        let folder = tempfile::tempdir().unwrap();
        let listen = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
        let config = folder.path().join("pagekeeper.toml");
        let text = format!(
            "data_dir = \"data\"\n[district]\nname = \"Mesa Vista USD\"\n[web]\nlisten = \"{listen}\"\n[rules]\ndir = {:?}\n",
            shipped.join("rules")
        );
        std::fs::write(&config, text).unwrap();
        let place = Place { folder, config, listen };
        assert!(place.command("init").status().unwrap().success());
        place
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(BIN);
        command.arg("--config").arg(&self.config).arg(name).stderr(Stdio::null()).stdout(Stdio::null());
        command
    }

    fn get(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(self.listen).ok()?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.listen).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }
}

/// Waits, for at most half a minute, for something to come about.
fn until<T>(mut what: impl FnMut() -> Option<T>) -> T {
    for _ in 0..600 {
        if let Some(found) = what() {
            return found;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("it did not come about");
}

fn terminate(child: &Child) {
    assert!(Command::new("kill").arg("-TERM").arg(child.id().to_string()).status().unwrap().success());
}

#[test]
fn serve_says_when_it_is_ready_feeds_the_watchdog_is_alone_and_stops_on_sigterm() {
    let place = Place::new();
    let socket = place.folder.path().join("notify");
    let inbox = UnixDatagram::bind(&socket).unwrap();
    inbox.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut daemon = place.command("serve").env("NOTIFY_SOCKET", &socket).spawn().unwrap();
    let mut heard = String::new();
    while !(heard.contains("READY=1") && heard.contains("WATCHDOG=1")) {
        let mut buffer = [0; 1024];
        let size = inbox.recv(&mut buffer).unwrap();
        heard.push_str(&String::from_utf8_lossy(&buffer[..size]));
        heard.push('\n');
    }
    let health = until(|| place.get("/healthz").filter(|answer| answer.starts_with("HTTP/1.1 200")));
    assert!(health.contains("\"ok\":true"), "{health}");
    let second = place.command("serve").status().unwrap();
    assert_eq!(second.code(), Some(1), "one daemon an archive");
    let beside = place.command("flags").status().unwrap();
    assert!(beside.success(), "every other command works beside it");
    terminate(&daemon);
    let ended = until(|| daemon.try_wait().unwrap());
    assert_eq!(ended.code(), Some(0));
}

#[test]
fn serve_never_makes_an_archive() {
    let place = Place::new();
    let data = place.folder.path().join("data");
    std::fs::remove_dir_all(&data).unwrap();
    let refused = place.command("serve").status().unwrap();
    assert_eq!(refused.code(), Some(1));
    assert!(!data.exists());
}

#[test]
fn check_config_says_what_would_not_work_and_ends_with_a_failure() {
    let place = Place::new();
    let mut text = std::fs::read_to_string(&place.config).unwrap();
    let packs = place.folder.path().join("packs");
    std::fs::create_dir(&packs).unwrap();
    let ask = |place: &Place| {
        let answer = Command::new(BIN).arg("--config").arg(&place.config).arg("check-config").output().unwrap();
        (answer.status.code(), String::from_utf8(answer.stderr).unwrap())
    };
    let (code, said) = ask(&place);
    assert_eq!(code, Some(0), "{said}");
    for words in ["No legal basis", "No checkpoints are published", "no [mail] section", "rules load"] {
        assert!(said.contains(words), "{words} is not in {said}");
    }
    std::fs::write(packs.join("broken.toml"), "[[rule]]\nid = 7\n").unwrap();
    text = text.replace(&format!("{:?}", Path::new(env!("CARGO_MANIFEST_DIR")).join("config/rules")), "\"packs\"");
    text.push_str("[mail]\ntransport = \"file\"\ndir = \"mails\"\nfrom = \"pagekeeper@mesavista.example.org\"\n");
    text.push_str("[platform.facebook]\nenabled = true\ntoken_file = \"not-there\"\n");
    text.push_str("[audit]\nsite_list = \"no-list\"\n");
    std::fs::write(&place.config, text).unwrap();
    let (code, said) = ask(&place);
    assert_eq!(code, Some(1), "{said}");
    for words in ["Rules: ", "broken.toml", "Facebook: ", "not-there", "previews reach nobody", "Audit: ", "no-list"] {
        assert!(said.contains(words), "{words} is not in {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn check_config_ends_partly_done_where_a_credential_is_no_good() {
    let now = "2026-11-24T17:00:00Z".parse().unwrap();
    let rig = Rig::with(World::bare(now), Clock::manual(now), &["mesa-vista-usd-youtube"]).await;
    let ask = || {
        let answer = Command::new(BIN).arg("--config").arg(&rig.config).arg("check-config").output().unwrap();
        (answer.status.code(), String::from_utf8(answer.stderr).unwrap())
    };
    let (code, said) = ask();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("the key reads public videos"), "{said}");
    std::fs::write(rig.folder.path().join("credentials/youtube"), "not-a-key").unwrap();
    let (code, said) = ask();
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("does not accept the API key; write a valid one"), "{said}");
}

#[test]
fn init_makes_no_archive_in_a_folder_that_is_another_users() {
    let folder = tempfile::tempdir().unwrap();
    let theirs = folder.path().join("theirs");
    std::fs::create_dir(&theirs).unwrap();
    // Only root can give a folder away; to anybody else this one is root's.
    let given = std::os::unix::fs::chown(&theirs, Some(65_534), None).is_ok();
    let data = if given { theirs } else { PathBuf::from("/usr") };
    let config = folder.path().join("pagekeeper.toml");
    std::fs::write(&config, format!("data_dir = {data:?}\n[district]\nname = \"Mesa Vista USD\"\n")).unwrap();
    let refused = Command::new(BIN).arg("--config").arg(&config).arg("init").output().unwrap();
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("belongs to another system user; run this as that one:\n  sudo -u"), "{said}");
    assert!(!data.join("pagekeeper.db").exists() && !data.join("secrets").exists());
}
