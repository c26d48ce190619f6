//! Hostile answers do not eat the server's memory: the built program harvests every platform while each answers like this, and the
//! most that it ever held is read from the kernel.

use std::process::{Child, Stdio};
use std::time::Duration;

use pagekeeper::model::{Clock, Mode};
use pagekeeper::sandbox::{Host, Misbehavior as M, World};

use crate::kills::command;
use crate::rig::{BLUESKY, INSTAGRAM, PAGE, Rig, X, YOUTUBE};

const MOST_MIB: u64 = 512;
/// Just below what one answer may hold.
const LARGE: usize = 11 << 20;

/// The most that a process held until it ended, in MiB.
async fn peak(mut child: Child) -> u64 {
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
        peak = peak.max(kib.unwrap_or(0) >> 10);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    peak
}

fn large(body: &str) -> M {
    assert!((LARGE - (1 << 20)..LARGE + (1 << 10)).contains(&body.len()), "{} bytes", body.len());
    M::answer(200, "application/json", body)
}

/// A list of many of these elements, under the name of the platform's lists.
fn list(name: &str, element: &str) -> M {
    let elements = format!("{element},").repeat(LARGE / (element.len() + 1));
    large(&format!(r#"{{"{name}":[{elements}{element}]}}"#))
}

/// An object with many names, each of an empty object.
fn names() -> M {
    let names: Vec<String> = (0..LARGE / 13).map(|number| format!("\"{number:07x}\":{{}}")).collect();
    large(&format!("{{{}}}", names.join(",")))
}

fn nested(name: &str, open: &str, close: &str) -> M {
    let deep = LARGE / (open.len() + close.len());
    large(&format!(r#"{{"{name}":[{}1{}]}}"#, open.repeat(deep), close.repeat(deep)))
}

/// The accounts of a platform, where its answers go wrong once the credential is had and the account found, and what its lists
/// are called.
fn of(host: Host) -> (&'static [&'static str], &'static [&'static str], &'static str) {
    match host {
        Host::X => (&[X], &["/tweets"], "data"),
        Host::Youtube => (&[YOUTUBE], &["/playlistItems"], "items"),
        Host::Bluesky => (&[BLUESKY], &["listRecords"], "records"),
        _ => (&[PAGE, INSTAGRAM], &["/published_posts", "/media"], "data"),
    }
}

async fn held_while(hosts: [Host; 2], what: impl Fn(&str) -> M) -> u64 {
    let clock = Clock::System;
    let slugs: Vec<&str> = hosts.iter().flat_map(|host| of(*host).0).copied().collect();
    let mut rig = Rig::with(World::mesa_vista(clock.now()), clock, &slugs).await;
    rig.close();
    for host in hosts {
        let (_, paths, name) = of(host);
        paths.iter().for_each(|path| rig.sandbox.misbehave(host, path, u32::MAX, what(name)));
    }
    let mut harvest = command(&rig.config, &["harvest", "--mode", Mode::Backfill.as_str()]);
    let held = peak(harvest.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()).await;
    for host in hosts {
        let is_asked =
            |path: &&str| rig.sandbox.seen().iter().any(|seen| seen.host == host && seen.path.contains(*path));
        assert!(of(host).1.iter().any(is_asked), "{host:?} was asked");
    }
    rig.reopen();
    rig.check("after hostile answers");
    held
}

macro_rules! bounded {
    ($($name:ident: $other:ident, $what:expr;)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let held = held_while([Host::Graph, Host::$other], $what).await;
            eprintln!("{held} MiB");
            assert!((1..MOST_MIB).contains(&held), "{held} MiB");
        }
    )+};
}

// One client reads all platforms, the Graph's answers are read in one way and those of the three others in another: of these each
// row takes one.
bounded! {
    an_answer_larger_than_may_be_read_is_held_in_bounds: X, |_| M::Oversized { bytes: 200 << 20 };
    a_gzip_bomb_is_held_in_bounds: Bluesky, |_| M::GzipBomb { megabytes: 200 };
    an_answer_without_end_is_held_in_bounds: Youtube, |_| M::NeverEnding;
    a_huge_list_of_bare_numbers_is_held_in_bounds: X, |name| list(name, "1");
    a_huge_list_of_empty_objects_is_held_in_bounds: Youtube, |name| list(name, "{}");
    a_huge_list_of_items_without_words_is_held_in_bounds: Bluesky, |name| list(name, r#"{"id":"1","created_time":"x","odd":[]}"#);
    an_object_with_a_million_names_is_held_in_bounds: Youtube, |_| names();
    a_deep_nest_of_lists_is_held_in_bounds: X, |name| nested(name, "[", "]");
    a_deep_nest_of_objects_is_held_in_bounds: Bluesky, |name| nested(name, "{\"a\":", "}");
}
