//! What a page says of itself and what stands behind its links.

use pagekeeper::sandbox::{Host, Misbehavior};

use super::*;

const RULES: &str = "/athletics-rules";
const SHOWN: &str = "mesavista.example.org/athletics-rules";

/// Puts a page on the district's site, lets a day pass, reads the pages' facts again, and says what the check makes of it.
async fn with_site(rig: &Rig, page: Option<WebPage>) -> (&'static str, String) {
    {
        let mut state = rig.sandbox.world().lock();
        state.site.remove(RULES);
        state.site.extend(page.map(|page| (RULES.to_owned(), page)));
    }
    rig.pass(SignedDuration::from_hours(24));
    rig.try_harvest(Mode::Profile, false).await.unwrap();
    verdict(&audit(rig.app(), rig.clock.now()).0, "expectations", SPORT)
}

fn own_words(rig: &Rig) -> String {
    std::fs::read_to_string(&rig.app().config.policy.comment_expectations[0]).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stands_behind_a_pages_link_is_read_and_compared() {
    let rig = district().await;
    let (value, words) = verdict(&audit(rig.app(), rig.clock.now()).0, "expectations", USD);
    assert_eq!(value, "holds");
    assert!(words.contains("mesavista.example.org/social-media"), "{words}");
    let (value, words) = with_site(&rig, Some(WebPage::words("Be nice, or else. Call 911."))).await;
    assert_eq!(value, "fails");
    assert!(words.contains(SHOWN) && words.contains("do not stand there"), "{words}");
    let after = audit(rig.app(), rig.clock.now()).0;
    let (value, words) = verdict(&after, "emergency", SPORT);
    assert_eq!((value, words.contains("988"), words.contains("911")), ("fails", true, false), "{words}");
    let failing = after.pages.iter().find(|page| page.account.row.slug == SPORT).unwrap();
    let evidence = failing.verdicts.iter().find(|(check, _)| check.id == "expectations").unwrap().1.evidence();
    let rests = format!(
        "SELECT i.native_id FROM versions v JOIN items i ON i.id = v.item_id WHERE v.seq IN ({}, {})",
        evidence[0], evidence[1]
    );
    assert!(rig.column(&rests).iter().any(|id| id.ends_with("/profile/comment_policy")), "it rests on what was read");
    assert_eq!(with_site(&rig, Some(WebPage::words(&own_words(&rig)))).await.0, "holds");
    let (value, words) = with_site(&rig, None).await;
    assert_eq!((value, words.contains("dead"), words.contains("404")), ("fails", true, true), "{words}");
    let moved = WebPage::moved("https://www.mesavista.example.org/social-media");
    assert_eq!(with_site(&rig, Some(moved)).await.0, "holds", "a page may move within the site");
    rig.check("after pages of the site were read");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_of_the_site_is_not_said_and_is_no_trouble_of_the_page() {
    let rig = district().await;
    let pdf = WebPage { content_type: "application/pdf", ..WebPage::words("%PDF") };
    assert_eq!(with_site(&rig, Some(pdf)).await.0, "not_said");
    let seen = || rig.sandbox.seen().iter().filter(|seen| seen.host == Host::Site && seen.path == RULES).count();
    let before = seen();
    let abroad = WebPage::moved("https://example.net/athletics-rules");
    assert_eq!(with_site(&rig, Some(abroad)).await.0, "not_said");
    assert_eq!(seen(), before + 1, "another host is not asked");
    assert!(rig.column("SELECT what FROM problems").iter().any(|what| what.contains("leads on to example.net")));
    let turning = WebPage::moved("https://mesavista.example.org/athletics-rules");
    assert_eq!(with_site(&rig, Some(turning)).await.0, "not_said");
    assert!(seen() < before + 10, "a page that leads to itself is let go");
    rig.sandbox.misbehave(Host::Site, RULES, u32::MAX, Misbehavior::status(503));
    assert_eq!(with_site(&rig, Some(WebPage::words("x"))).await.0, "not_said");
    let account = rig.accounts().into_iter().find(|account| account.row.slug == SPORT).unwrap();
    assert_eq!(account.trouble, None);
    rig.check("after a site that was no help");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_site_is_asked_with_the_pages_facts_alone_and_no_other_site_ever() {
    let rig = district().await;
    rig.sandbox.world().change_profile(OCOTILLO, |page| {
        page.description = "Rules: https://ocotillo-parents.example.net/rules and mesavista.example.org".into();
    });
    rig.sandbox.forget_seen();
    let site = || rig.sandbox.seen().into_iter().filter(|seen| seen.host == Host::Site).collect::<Vec<_>>();
    rig.try_harvest(Mode::Recent, false).await.unwrap();
    assert_eq!(site(), []);
    rig.try_harvest(Mode::Profile, false).await.unwrap();
    let asked = site();
    assert!(
        !asked.is_empty()
            && asked.iter().all(|seen| !seen.bearer && (seen.path == RULES || seen.path == "/social-media"))
    );
    let (value, words) = verdict(&audit(rig.app(), rig.clock.now()).0, "expectations", OCOTILLO);
    assert_eq!(value, "fails", "{words}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registered_page_of_expectations_that_nothing_leads_to_is_said() {
    let rig = district().await;
    let row = Registration {
        comment_policy_url: "https://mesavista.example.org/social-media".into(),
        ..row(&rig, INSTAGRAM)
    };
    put(&rig.app().db, vec![row]).await;
    rig.try_harvest(Mode::Profile, false).await.unwrap();
    let (value, words) = verdict(&audit(rig.app(), rig.clock.now()).0, "expectations", INSTAGRAM);
    assert_eq!((value, words.contains("nothing on it leads to")), ("fails", true), "{words}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_a_persons_profile_is_kept() {
    let rig = district().await;
    let account = rig.accounts().into_iter().find(|account| account.row.slug == COACH).unwrap();
    assert!(account.trouble.as_deref().is_some_and(|say| say.contains("is a person's profile and not a page")));
    assert_eq!(
        rig.column(&format!("SELECT native_id FROM items WHERE page_id = {} OR account_id = {0}", account.id)),
        Vec::<String>::new()
    );
    let asked = rig.sandbox.seen().into_iter().filter(|seen| seen.path.contains(PERSON));
    assert!(
        asked.clone().count() > 0
            && asked
                .into_iter()
                .all(|seen| seen.target.ends_with("fields=category") || seen.target.contains("fields=category&"))
    );
}
