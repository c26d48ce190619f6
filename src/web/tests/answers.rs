//! The page behind the link of a ticket mail, and the page of tickets.

use super::*;
use crate::audit::tickets::{Audience, Desk, Links, plan};
use crate::db::findings::{self, Failing};
use crate::db::{accounts, ledger, tickets};

const OWNER: &str = "luis.ortega@mesavista.example.org";

/// A served archive whose page's owner was mailed about one thing; the path of her link.
async fn mailed(language: &str) -> (Served, String) {
    let served = Served::new().await;
    owned(&served, OWNER, language).await;
    let (now, config, db) = (served.clock.now(), served.config.clone(), served.db.clone());
    let path = tokio::task::spawn_blocking(move || {
        let account = db.read(|conn| accounts::by_slug(conn, "mesa-vista-high")).unwrap().unwrap();
        let failing = Failing {
            account: account.id,
            slug: account.row.slug.clone(),
            check: "dormant",
            clause: "III.2",
            turn: "owner",
            what: "it last posted in the spring".into(),
            evidence: Vec::new(),
        };
        let links = Links::open(&config).unwrap();
        db.writer
            .write(move |tx| {
                findings::keep(tx, &[failing.account], &[failing], &[], 1, now)?;
                let steps = plan(&Desk::gather(tx)?, &config, &Audience::Owners(&links), now);
                tickets::carry_out(tx, &steps, now)?;
                Ok(format!("/answer/{}", links.token(&account, now)))
            })
            .unwrap()
    });
    let path = path.await.unwrap();
    (served, path)
}

async fn owned(served: &Served, address: &str, language: &str) {
    let (now, address, language) = (served.clock.now(), address.to_owned(), language.to_owned());
    let change = move |tx: &db::Tx<'_>| {
        let mut row = accounts::by_slug(tx, "mesa-vista-high")?.unwrap().row;
        row.owner_email = address;
        row.extra.insert("owner_language".into(), language);
        accounts::put(tx, &row, None, now)
    };
    served.db.writer.write_async(change).await.unwrap();
}

fn size(served: &Served) -> u64 {
    served.db.read(ledger::size).unwrap()
}

const OWN: [(&str, &str); 1] = [("Sec-Fetch-Site", "same-origin")];

#[tokio::test(flavor = "multi_thread")]
async fn opening_the_link_changes_nothing_and_shows_the_page_s_name_alone() {
    let (served, path) = mailed("es").await;
    let before = size(&served);
    for (method, headers) in [
        ("GET", vec![("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "navigate")]),
        ("HEAD", vec![]),
        ("GET", vec![]),
    ] {
        let answer = served.ask(method, &path, &headers, "").await;
        assert_eq!(answer.status, 200, "{method}: {}", answer.body);
        assert!(answer.header("content-security-policy").is_some() && answer.header("set-cookie").is_none());
        for word in ["spring", "dormant", "Homecoming", "760-555", OWNER, "TikTok", "<script"] {
            assert!(!answer.body.contains(word), "{word}: {}", answer.body);
        }
        let shown = [
            "Mesa Vista High (Facebook)",
            "I need help",
            "This is not my page",
            "Necesito ayuda",
            "<form method=\"post\">",
        ];
        assert!(method == "HEAD" || shown.iter().all(|word| answer.body.contains(word)), "{}", answer.body);
    }
    assert_eq!(size(&served), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_button_records_the_answer_and_only_from_our_own_page() {
    let (served, path) = mailed("").await;
    let before = size(&served);
    for headers in [vec![], vec![("Sec-Fetch-Site", "cross-site")], vec![("Origin", "https://evil.example")]] {
        assert_eq!(served.ask("POST", &path, &headers, "answer=done").await.status, 403, "{headers:?}");
    }
    assert_eq!(served.ask("POST", &path, &OWN, "answer=maybe").await.status, 400);
    assert_eq!(size(&served), before);
    let note = "answer=help&note=who+is%0A%3Cb%3E+the%1B+%E2%80%AE%22admin%22";
    let answer = served.ask("POST", &path, &OWN, note).await;
    assert_eq!((answer.status, answer.body.contains("recorded as done")), (200, false), "{}", answer.body);
    assert!(answer.body.contains("IT department reads that you need help"), "{}", answer.body);
    let asking = served.db.read(tickets::asking).unwrap();
    assert_eq!(
        asking.iter().map(|one| (one.things, one.note.as_str())).collect::<Vec<_>>(),
        [(1, "who is <b> the \"admin\"")]
    );
    assert_eq!(size(&served), before + 1);
    served.ask("POST", &path, &OWN, note).await;
    assert_eq!(size(&served), before + 1, "the same again is no news");
    let cookie = served.cookie().await;
    let overview = served.ask("GET", "/", &[("Cookie", cookie.as_str())], "").await.body;
    assert!(overview.contains("The owner of Mesa Vista High (Facebook) asks for help with 1 finding"), "{overview}");
    let own = format!("http://{}", served.at);
    let from_mail = [("Origin", own.as_str())];
    assert!(served.ask("POST", &path, &from_mail, "answer=done").await.body.contains("recorded as done"));
    let mut refused = 0;
    for turn in 0..25 {
        let form = if turn % 2 == 0 { "answer=help" } else { "answer=done" };
        refused += usize::from(served.ask("POST", &path, &OWN, form).await.status == 429);
    }
    assert!(refused >= 5, "nobody fills the record: {refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_is_too_old_or_another_owner_s_says_whom_to_ask_and_records_nothing() {
    let (served, path) = mailed("").await;
    let before = size(&served);
    let refused = async |path: &str| {
        for method in ["GET", "POST"] {
            let answer = served.ask(method, path, &OWN, "answer=done").await;
            assert_eq!(answer.status, 404, "{path}");
            assert!(answer.body.contains("Ask the IT help desk of Mesa Vista USD"), "{}", answer.body);
            assert!(!answer.body.contains("Mesa Vista High"), "{}", answer.body);
        }
    };
    refused(&path[..path.len() - 1]).await;
    refused("/answer/1.99999999999.AAAAAAAAAAAAAAAAAAAAAA").await;
    refused("/answer/..%2F..").await;
    let sample = served.ask("GET", "/answer/preview", &[], "").await;
    assert!(sample.status == 200 && sample.body.contains("a sample or a preview"), "{}", sample.body);
    assert_eq!(size(&served), before);
    owned(&served, "dana@mesavista.example.org", "").await;
    refused(&path).await;
    owned(&served, OWNER, "").await;
    assert_eq!(served.ask("GET", &path, &[], "").await.status, 200);
    served.clock.advance(jiff::SignedDuration::from_hours(30 * 24));
    refused(&path).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_tickets_lists_them_shows_the_preview_and_takes_switch_and_acceptance() {
    let (served, _) = mailed("").await;
    let cookie = served.cookie().await;
    let signed_in = [("Cookie", cookie.as_str()), ("Sec-Fetch-Site", "same-origin")];
    assert_eq!(served.ask("GET", "/tickets", &[], "").await.status, 303);
    let page = served.ask("GET", "/tickets", &signed_in, "").await.body;
    for words in
        ["Off: no mail goes to owners", "Open: the owner was asked", "it last posted in the spring", "No mail is due"]
    {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert_eq!(served.ask("POST", "/tickets/switch", &signed_in, "to=on").await.status, 303);
    assert!(served.db.read(tickets::is_on).unwrap());
    let page = served.ask("GET", "/tickets", &signed_in, "").await.body;
    assert!(page.contains("to the administrator alone, as previews") && page.contains("Switch off"), "{page}");
    let form = |until: &str| format!("account=mesa-vista-high&check=dormant&reason=closed&until={until}");
    for (form, code) in
        [(form("2026-11-15"), 400), (form("soon"), 400), (form("2026-12-31").replace("dormant", "kept"), 400)]
    {
        assert_eq!(served.ask("POST", "/tickets/accept", &signed_in, &form).await.status, code, "{form}");
    }
    assert_eq!(served.ask("POST", "/tickets/accept", &signed_in, &form("2026-12-31")).await.status, 303);
    let page = served.ask("GET", "/tickets", &signed_in, "").await.body;
    assert!(page.contains("Accepted until 2026-12-31 by <bdi>priya.nair</bdi>"), "{page}");
    let long = "account=mesa-vista-high&check=dormant&until=2026-12-31&reason=".to_owned() + &"x".repeat(301);
    assert_eq!(served.ask("POST", "/tickets/accept", &signed_in, &long).await.status, 400);
    assert!(page.contains("Ask the owner again"), "{page}");
    let again = "account=mesa-vista-high&check=dormant&reason=she+is+back";
    assert_eq!(served.ask("POST", "/tickets/reopen", &signed_in, again).await.status, 303);
    assert_eq!(served.ask("POST", "/tickets/reopen", &signed_in, again).await.status, 409, "it does not rest");
    let page = served.ask("GET", "/tickets", &signed_in, "").await.body;
    assert!(page.contains("Open: waits for the first mail") && !page.contains("Ask the owner again"), "{page}");
    assert_eq!(served.ask("POST", "/tickets/accept", &signed_in, &form("2026-12-31")).await.status, 303);
    served.clock.advance(jiff::SignedDuration::from_hours(24 * 20));
    let cookie = served.cookie().await;
    let later = [("Cookie", cookie.as_str())];
    served.clock.advance(jiff::SignedDuration::from_mins(1));
    assert!(served.ask("GET", "/tickets", &later, "").await.body.contains("Accepted until 2026-12-31"));
}
