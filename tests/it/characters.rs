//! Answers with bytes that are no UTF-8, halves of characters and NULs: every item is kept, what was wrong is on record, and the
//! rules read the words around.

use std::collections::BTreeSet;

use pagekeeper::db::flags;
use pagekeeper::model::{Clock, Mode};
use pagekeeper::sandbox::{Host, Misbehavior as M};

use crate::rig::{INSTAGRAM, NOW, PAGE, Rig, small_world};

const PAGES: [(&str, Host); 5] = [
    (PAGE, Host::Graph),
    (INSTAGRAM, Host::Graph),
    ("mesa-vista-usd-x", Host::X),
    ("mesa-vista-usd-youtube", Host::Youtube),
    ("mesa-vista-usd-bluesky", Host::Bluesky),
];

/// A page on which everybody swears, read for the first time while its platform answers in this way.
async fn read(page: &str, host: Host, what: Option<M>) -> Rig {
    let world = small_world(page, 2);
    world.lock().items.iter_mut().for_each(|item| item.text = "Such bullshit again".into());
    let rig = Rig::with(world, Clock::manual(NOW.parse().unwrap()), &[page]).await;
    if let Some(what) = what {
        rig.sandbox.misbehave(host, "", u32::MAX, what);
    }
    assert!(rig.harvest(Mode::Backfill).await.is_whole(), "{page}");
    rig.follow().await.unwrap();
    rig
}

fn flagged(rig: &Rig) -> BTreeSet<String> {
    let flags = rig.read(|conn| flags::list(conn, true));
    flags.into_iter().map(|flag| flag.native_id).collect()
}

#[tokio::test]
async fn broken_characters_cost_no_item_no_flag_and_are_on_record() {
    for (page, host) in PAGES {
        let whole = read(page, host, None).await;
        assert!(flagged(&whole).len() >= 3, "{page}: {:?}", flagged(&whole));
        for (what, says) in [(M::InvalidUtf8, "not UTF-8"), (M::LoneSurrogate, "surrogate"), (M::Nul, "NUL")] {
            let named = format!("{page}, {what:?}");
            let rig = read(page, host, Some(what)).await;
            let (kept, expected) = (rig.kept(), whole.kept());
            assert!(kept.keys().eq(expected.keys()), "{named}: {kept:?}");
            let texts: Vec<&String> = kept.values().flatten().map(|(.., text)| text).collect();
            assert!(texts.iter().any(|text| text.starts_with(['\u{fffd}', '?'])), "{named}: {texts:?}");
            assert!(texts.iter().all(|text| !text.contains('\0')), "{named}: {texts:?}");
            let words = rig.column("SELECT what FROM problems");
            assert!(words.iter().any(|word| word.contains(says)), "{named}: {words:?}");
            assert_eq!(flagged(&rig), flagged(&whole), "{named}");
            rig.check(&named);
        }
    }
}
