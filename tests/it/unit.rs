//! The unit is as confined as the design asks, and agrees with the package around it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use pagekeeper::config::Config;

const UNIT: &str = include_str!("../../systemd/pagekeeper.service");

fn crate_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The values of a setting in the unit.
fn setting(key: &str) -> Vec<&'static str> {
    UNIT.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('=')).collect()
}

#[test]
fn the_unit_s_exposure_is_at_most_two() {
    let run = Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--no-pager"])
        .arg(crate_file("systemd/pagekeeper.service"))
        .env("LC_ALL", "C.UTF-8")
        .output();
    let output = match run {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            eprintln!("not run: systemd-analyze is not here (Debian: apt install systemd)");
            return;
        }
        run => run.unwrap(),
    };
    let text = String::from_utf8_lossy(&output.stdout);
    let last = text.lines().rev().find(|line| line.contains("Overall exposure level")).unwrap_or(&text);
    let exposure: f64 = last.rsplit(": ").next().unwrap().split_whitespace().next().unwrap().parse().unwrap();
    assert!(exposure <= 2.0, "{text}");
}

#[test]
fn the_unit_runs_a_fixed_user_that_the_sysusers_file_makes() {
    assert_eq!(setting("User"), ["pagekeeper"]);
    assert!(setting("DynamicUser").is_empty());
    let sysusers = std::fs::read_to_string(crate_file("systemd/pagekeeper.sysusers")).unwrap();
    assert!(sysusers.lines().any(|line| line.starts_with("u pagekeeper ")));
}

#[test]
fn the_unit_tells_of_readiness_and_is_watched() {
    assert_eq!(setting("Type"), ["notify"]);
    assert_eq!(setting("WatchdogSec"), ["60"]);
    assert_eq!(setting("RestartPreventExitStatus"), ["2"], "a config error is no reason to start again");
}

#[test]
fn the_unit_may_write_where_the_shipped_config_says() {
    let config = Config::load(&crate_file("config/pagekeeper.toml")).unwrap();
    let folders: Vec<PathBuf> =
        setting("StateDirectory")[0].split(' ').map(|name| Path::new("/var/lib").join(name)).collect();
    assert!(folders.contains(&config.data_dir));
    assert!(folders.contains(&config.ledger.checkpoint_dir.unwrap()));
    assert!(setting("ExecStart")[0].contains("--config /etc/pagekeeper/pagekeeper.toml serve"));
}
