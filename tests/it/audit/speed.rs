//! A large register is audited while somebody waits.

use std::time::{Duration, Instant};

use pagekeeper::db::items::{self, Sealed, Sighting};
use pagekeeper::model::{Author, Content, Counts, Exchange, Kind, Media, Observation, Page};
use rustix::time::{ClockId, clock_gettime};

use super::*;

/// Pages of the register; of so many the platform has told its facts, and of so many of those the posts are kept.
const PAGES: usize = 2_000;
const TOLD: usize = 1_500;
const KEPT: usize = 50;
const POSTS: usize = 200;

/// What is promised, for the program as it is installed, which is several times faster than a test's build.
const PROMISED: Duration = Duration::from_secs(2);
const IN_A_TEST: u32 = 3;

fn row_of(number: usize) -> Registration {
    let host = if number.is_multiple_of(4) { "mail.example.net" } else { "mesavista.example.org" };
    Registration {
        slug: format!("page-{number}"),
        // The first ones are Facebook's: it tells most.
        platform: ["facebook", "instagram", "x", "youtube", "bluesky", "nextdoor"]
            [if number < TOLD { 0 } else { number % 6 }]
        .into(),
        native_id: format!("10670{number:06}"),
        handle: format!("page.{number}"),
        name: format!("Ocotillo Page {number}"),
        school: format!("School {}", number % 30),
        owner_name: "Dana Whitfield".into(),
        owner_email: format!("dana@{host}"),
        status: "active".into(),
        ..Registration::default()
    }
}

fn seen(native_id: String, kind: Kind, author: &Author, at: Timestamp) -> Observation {
    Observation {
        native_id,
        aliases: Vec::new(),
        kind,
        parent: None,
        root: None,
        author: author.clone(),
        created_at: Some(at),
        url: None,
        hidden: false,
        content: Content::default(),
        counts: Counts::default(),
        raw: 0..0,
        superseded: false,
        in_part: false,
    }
}

/// A page's facts as Facebook tells them: itself, its settings, who has a role, which applications are subscribed.
fn facts(number: usize, author: &Author) -> Page {
    let id = format!("10670{number:06}");
    let lines = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
    let list = |edge: &str, parts: Vec<String>| Observation {
        content: Content { parts, ..Content::default() },
        created_at: None,
        ..seen(format!("{id}/profile{edge}"), Kind::Profile, author, now())
    };
    let mut page = list("", lines(&["category: School", "is_published: true", "is_verified: false", "can_post: true"]));
    page.content.text = format!("Official page of School {}. See mesavista.example.org/social-media.", number % 30);
    page.content.links = vec!["https://www.mesavista.example.org/".into()];
    page.content.media = vec![Media { native_id: format!("{number}.jpg"), ..Media::default() }];
    let settings = lines(&["AGE_RESTRICTIONS: Anyone (13+)", "PROFANITY_FILTER: Strong", "USERS_CAN_POST: false"]);
    let roles =
        lines(&["Dolores Whitcomb (12): Administrator; MANAGE", "Priya Ramanathan (13): Administrator; MANAGE"]);
    let apps = lines(&["Mesa Vista Archive (480915550100): feed"]);
    let observations = vec![page, list("/settings", settings), list("/roles", roles), list("/subscribed_apps", apps)];
    Page { exchange: exchange(b"{}".to_vec()), observations, ..Page::default() }
}

fn exchange(body: Vec<u8>) -> Exchange {
    Exchange {
        at: now(),
        method: "GET".into(),
        target: "https://graph.example.org/".into(),
        status: 200,
        body,
        ..Exchange::default()
    }
}

/// Posts as a school writes them, with their JSON as it came.
fn posts(number: usize, author: &Author) -> Page {
    let (mut body, mut observations) = (Vec::new(), Vec::new());
    for post in 0..POSTS {
        let text = format!(
            "Reminder {post} from School {}: picture day is Friday at 9 a.m. in the library, and the book fair is open all week. \
             Details at https://www.facebook.com/page.{number} or ask @page.{post}. #CondorPride #readingweek",
            number % 30
        );
        let from = body.len();
        let json = json!({ "id": format!("10670{number:06}_{post}"), "message": text, "application": { "id": "9", "name": "Planner" },
            "attachments": { "data": [{ "media_type": "photo", "target": { "id": "1" } }] } });
        body.extend_from_slice(json.to_string().as_bytes());
        let written = now() - SignedDuration::from_hours(10 * i64::try_from(post).unwrap());
        let mut one = seen(format!("10670{number:06}_{post}"), Kind::Post, author, written);
        one.content.links = vec![format!("https://www.facebook.com/page.{number}")];
        one.content.media = vec![Media { native_id: format!("{number}{post}"), ..Media::default() }];
        one.content.text = text;
        one.raw = from..body.len();
        observations.push(one);
    }
    Page { exchange: exchange(body), observations, ..Page::default() }
}

async fn fill(rig: &Rig) {
    put(&rig.app().db, (0..PAGES).map(row_of).collect()).await;
    let ids: Vec<(String, i64)> = rig.accounts().into_iter().map(|account| (account.row.slug, account.id)).collect();
    let id_of = |number: usize| ids.iter().find(|(slug, _)| *slug == format!("page-{number}")).unwrap().1;
    for number in 0..TOLD {
        let author = Author {
            native_id: Some(format!("10670{number:06}")),
            name: Some(format!("Ocotillo Page {number}")),
            handle: Some(format!("page.{number}")),
        };
        let sight = Sighting {
            now: now(),
            platform: "facebook".into(),
            account: id_of(number),
            harvest: None,
            whole: false,
            evidence: items::Evidence::default(),
            fetch_media: "none".into(),
        };
        let mut pages = vec![Sealed::new(facts(number, &author)).unwrap()];
        pages.extend((number < KEPT).then(|| Sealed::new(posts(number, &author)).unwrap()));
        let store = move |tx: &db::Tx<'_>| pages.iter().try_for_each(|page| items::store(tx, &sight, page).map(|_| ()));
        rig.app().db.writer.write_async(store).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_pages_are_audited_in_less_than_two_seconds() {
    let rig = Rig::with(World::bare(now()), Clock::manual(now()), &[PAGE]).await;
    fill(&rig).await;
    let begun = (Instant::now(), on_core());
    let (all, changed) = audit(rig.app(), rig.clock.now());
    let first = (begun.0.elapsed(), on_core() - begun.1);
    let begun = (Instant::now(), on_core());
    let (_, again) = audit(rig.app(), rig.clock.now());
    let report = report(rig.app(), &all);
    let second = (begun.0.elapsed(), on_core() - begun.1);
    eprintln!("{PAGES} pages, {} posts: {first:?} the first time, {second:?} with the report after", KEPT * POSTS);
    assert_eq!((all.pages.len(), again), (PAGES + 1, Changed::default()));
    assert!(changed.opened >= 500 && report.lines.len() > PAGES * 15);
    let read = all.pages.iter().filter(|page| verdict_of(page, "hashtags") == "fails").count();
    assert_eq!(read, KEPT, "their posts were read");
    let most = PROMISED * if cfg!(debug_assertions) { IN_A_TEST } else { 1 };
    assert!(first.1 < most && second.1 < most, "{first:?}, {second:?}");
}

/// How long this thread has had a core: other tests and other programs do not count.
fn on_core() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap()
}

fn verdict_of(page: &audit::Examined, check: &str) -> &'static str {
    page.verdicts.iter().find(|(one, _)| one.id == check).map_or("unasked", |(_, verdict)| verdict.as_str())
}
