//! The servers that `tests/run` has installed, each started by the test that needs it and ended with it.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

/// A running server. It ends with the value: its standard input is closed, and then it is killed.
pub struct Server {
    child: Child,
    _stdin: Option<ChildStdin>,
    /// The one line of JSON it printed when it was ready.
    pub ready: serde_json::Value,
}

impl Server {
    /// Starts a program and waits for its line. Its standard error goes where the test's does.
    pub fn start(command: &mut Command) -> Server {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("{command:?} does not start ({e}): run tests/run, which installs it"));
        let stdin = child.stdin.take();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| serde_json::from_str(&line).ok())
            .unwrap_or_else(|| panic!("{command:?} ended before it was ready"));
        // A server whose pipe nobody reads would stop at some line.
        std::thread::spawn(move || lines.for_each(drop));
        Server { child, _stdin: stdin, ready }
    }

    /// A port it said it listens on.
    pub fn port(&self, name: &str) -> u16 {
        let port = self.ready[name].as_u64().and_then(|port| u16::try_from(port).ok());
        port.unwrap_or_else(|| panic!("no port {name:?} in {}", self.ready))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where `tests/run` installs.
pub fn folder() -> PathBuf {
    std::env::var_os("PAGEKEEPER_TOOLS").map_or_else(|| repository().join("target/test-tools"), PathBuf::from)
}

/// A script of `tests/`, to be run by the installed Python.
pub fn python(script: &str) -> Command {
    let mut command = Command::new(folder().join("venv/bin/python"));
    command.arg(repository().join("tests").join(script));
    command
}

pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
