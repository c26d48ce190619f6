//! `kill -9`, two hundred times in a row on one archive: after each the record is whole, and in the end it is the truth.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use pagekeeper::model::{Clock, Mode, Platform};
use pagekeeper::sandbox::ids::Dice;
use pagekeeper::sandbox::{Form, Item, Origin, Truth, World};

use crate::rig::Rig;

const BIN: &str = env!("CARGO_BIN_EXE_pagekeeper");
const KILLS: u32 = 200;
const ON_X: &str = "mvusd-transport-x";
const SEED: &str = "two hundred kills";

/// What a killed process was about to do.
const COMMANDS: [&[&str]; 7] = [
    &["harvest"],
    &["harvest", "--mode", "backfill"],
    &["harvest", "--mode", "revisit", "--all"],
    &["harvest", "--mode", "profile"],
    &["serve"],
    &["harvest", "--mode", "revisit"],
    &["rebuild", "index"],
];

pub fn command(config: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(BIN);
    command.arg("--config").arg(config).args(words).stdin(Stdio::null());
    command
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_kills_lose_nothing() {
    let clock = Clock::System;
    let world = World::mesa_vista(clock.now());
    let slugs = [
        "mesa-vista-high",
        "ocotillo-elementary",
        "mesa-vista-high-instagram",
        ON_X,
        "mesa-vista-usd-youtube",
        "mesa-vista-usd-bluesky",
    ];
    let mut rig = Rig::with(world, clock.clone(), &slugs).await;
    let mut dice = Dice::of(SEED);
    let begun = Instant::now();
    let mut kept = rig.kept();
    rig.close();
    let (mut killed, mut ended) = (0, 0);
    for number in 0..KILLS {
        let words = COMMANDS[usize::try_from(dice.below(COMMANDS.len() as u64)).unwrap()];
        let delay = Duration::from_millis(5 + dice.below(dice_span(number)));
        let log = std::fs::File::create(rig.folder.path().join("log")).unwrap();
        let mut child = command(&rig.config, words).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        tokio::time::sleep(delay).await;
        if kill(&mut child) {
            killed += 1
        } else {
            ended += 1
        }
        let when = format!("seed {SEED:?}, kill {number}, {words:?} after {delay:?}");
        rig.check(&when);
        rig.nothing_lost_since(&kept, &when);
        kept = rig.kept();
        if number % 20 == 19 {
            let verify = command(&rig.config, &["verify"]).output().unwrap();
            assert!(verify.status.success(), "{when}: {}", String::from_utf8_lossy(&verify.stdout));
        }
        for _ in 0..2 {
            rig.sandbox.world().tick(clock.now());
        }
        if number % 10 == 0 {
            spoken_of(rig.sandbox.world(), number);
        }
    }
    eprintln!("{killed} killed, {ended} had ended before, in {:.0} s", begun.elapsed().as_secs_f32());
    assert!(killed > KILLS / 2, "most of the processes must be killed at work: {killed}");

    // One whole harvest, and the archive is what the platforms hold.
    rig.reopen();
    for (mode, every) in [(Mode::Backfill, false), (Mode::Revisit, true), (Mode::Revisit, true), (Mode::Recent, false)]
    {
        for report in rig.try_harvest(mode, every).await.unwrap() {
            assert!(report.is_whole(), "{}: {} {:?}", report.account, report.outcome, report.cause);
        }
    }
    rig.follow().await.unwrap();
    rig.check("in the end");
    rig.nothing_lost_since(&kept, "in the end");
    let out_of_reach = out_of_reach(&rig);
    let differs = |said: &String| !out_of_reach.iter().any(|id| *said == format!("{id} is not kept"));
    let differences: Vec<String> = rig.differences().into_iter().filter(differs).collect();
    assert_eq!(differences, Vec::<String>::new());
    let items = rig.kept();
    let indexed = rig.app().index().unwrap().unwrap().count().unwrap();
    assert_eq!(usize::try_from(indexed).unwrap(), items.len(), "every item is searchable");
}

/// Somebody on X names the account, and passes one of its posts on.
fn spoken_of(world: &World, number: u32) {
    world.add_mention(ON_X, "Pat Reyes", &format!("question {number}")).unwrap();
    let own = world.truth_of(ON_X).into_iter();
    let mut own: Vec<Truth> =
        own.filter(|item| item.origin == Origin::Own && item.parent.is_none() && item.form != Form::Repost).collect();
    own.sort_by_key(|item| item.created_at);
    world.add_quote(&own[own.len() - 1 - number as usize / 10].id, "Sam Ortiz", &format!("read {number}")).unwrap();
}

/// What X does not give: answers to its posts older than seven days. Each is covered by a gap on record.
fn out_of_reach(rig: &Rig) -> Vec<String> {
    let since = rig.clock.now() - SignedDuration::from_hours(7 * 24);
    let gaps = rig.column(
        "SELECT i.native_id FROM coverage c JOIN items i ON i.id = c.item_id WHERE c.gap_kind = 'shortfall' AND c.closed_at IS NULL",
    );
    let covered = |item: &Truth| item.root.as_ref().is_some_and(|root| gaps.contains(root));
    let old = |item: &Truth| item.platform == Platform::X && item.parent.is_some() && item.created_at < since;
    // Bluesky shows an answer to a deleted post to nobody who did not know it before.
    let world = rig.sandbox.world();
    let above = |item: &Item| item.parent.as_deref().and_then(|parent| world.item(parent));
    let orphan = |item: Item| std::iter::successors(above(&item), above).any(|above| above.gone_at.is_some());
    let unseen = |item: &Truth| item.platform == Platform::Bluesky && world.item(&item.id).is_some_and(orphan);
    let truth = rig.truth().into_iter().filter(|item| (old(item) && covered(item)) || unseen(item));
    truth.map(|item| format!("{} {} ({:?})", item.kind, item.id, item.form)).collect()
}

/// Most delays are short; some let a run come far.
fn dice_span(number: u32) -> u64 {
    match number % 4 {
        0 => 60,
        1 => 150,
        2 => 400,
        _ => 800,
    }
}

/// Kills this very process. False when it had ended by itself.
fn kill(child: &mut Child) -> bool {
    let had_ended = child.try_wait().unwrap().is_some();
    child.kill().unwrap();
    child.wait().unwrap();
    !had_ended
}
