//! The daemon over a full archive with nothing to do: how soon it is ready, and what it holds.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::measure::status_mb;

/// What the daemon took.
#[derive(Debug)]
pub struct Idle {
    /// From start to the word that it is ready, in seconds.
    pub ready: f64,
    /// Resident, in MB, and the part of it that no file backs.
    pub resident: f64,
    pub anonymous: f64,
}

/// Starts `serve`, waits until it says that it is ready as it would say to systemd, and looks at it a little later.
pub fn measured(dir: &Path) -> Result<Idle> {
    let socket = dir.join("notify");
    let inbox = UnixDatagram::bind(&socket).context("could not make a socket")?;
    inbox.set_read_timeout(Some(Duration::from_secs(60)))?;
    let start = Instant::now();
    let mut daemon = Command::new(env!("CARGO_BIN_EXE_pagekeeper"))
        .arg("--config")
        .arg(dir.join("pagekeeper.toml"))
        .arg("serve")
        .env("NOTIFY_SOCKET", &socket)
        // As the unit has it.
        .env("MALLOC_ARENA_MAX", "2")
        .stderr(Stdio::null())
        .spawn()
        .context("could not start the daemon")?;
    let seen = look(&inbox, start, &daemon);
    stop(&mut daemon)?;
    seen
}

fn look(inbox: &UnixDatagram, start: Instant, daemon: &Child) -> Result<Idle> {
    let mut word = [0; 256];
    loop {
        let length = inbox.recv(&mut word).context("the daemon never said that it is ready")?;
        if word[..length].starts_with(b"READY=1") {
            break;
        }
    }
    let ready = start.elapsed().as_secs_f64();
    std::thread::sleep(Duration::from_secs(5));
    let process = daemon.id().to_string();
    Ok(Idle { ready, resident: status_mb(&process, "VmRSS:"), anonymous: status_mb(&process, "RssAnon:") })
}

/// SIGTERM, as systemd sends it.
fn stop(daemon: &mut Child) -> Result<()> {
    Command::new("kill").arg(daemon.id().to_string()).status()?;
    daemon.wait()?;
    Ok(())
}
