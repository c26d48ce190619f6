//! The moderation record in the browser: asked for, made, entered, and what strangers' words cannot do to it.

use super::*;

const PATH: &str = "/accounts/mesa-vista-high/moderation";

async fn send(served: &Served, method: &str, path: &str, form: &str) -> Answer {
    let cookie = served.cookie().await;
    served.ask(method, path, &[("Cookie", cookie.as_str()), ("Sec-Fetch-Site", "same-origin")], form).await
}

fn entries(served: &Served, kind: &str) -> usize {
    let all = served.db.read(|conn| db::ledger::entries(conn, 0, 1_000)).unwrap();
    all.iter().filter(|entry| entry.kind == kind).count()
}

/// A person says that the comment was hidden, for this reason.
async fn entered(served: &Served, reason: &str) {
    let form = format!("act=hidden&item=facebook%3A1_2&clause=III.4&reason={reason}&on=2026-11-16");
    let answer = send(served, "POST", &format!("{PATH}/enter"), &form).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    let back = answer.header("location").unwrap().to_owned();
    let answer = send(served, "GET", &back, "").await;
    assert!(back.contains("?entered=") && answer.body.contains("Recorded as ledger entry"), "{back}");
}

const DAYS: &str = "from=2026-11-10&to=2026-11-16";

#[tokio::test(flavor = "multi_thread")]
async fn looking_makes_nothing_asking_makes_it_and_each_making_is_on_record() {
    let served = Served::new().await;
    let account = send(&served, "GET", "/accounts/mesa-vista-high", "").await;
    assert!(account.body.contains(&format!("href=\"{PATH}\"")));
    let asked = send(&served, "GET", PATH, "").await;
    assert!(asked.body.contains("value=\"2026-10-18\"") && asked.body.contains("value=\"2026-11-16\""), "thirty days");
    assert_eq!((asked.status, entries(&served, "access")), (200, 0));
    let empty = send(&served, "POST", PATH, DAYS).await;
    assert!(empty.body.contains("Nothing was seen hidden, missing, gone or blocked"), "{}", empty.body);
    assert_eq!(entries(&served, "access"), 1);

    entered(&served, "names%1B+a%E2%80%AE%00+neighbor").await;
    let made = send(&served, "POST", PATH, DAYS).await;
    for words in [
        "said by <bdi class=\"anywhere\">priya.nair</bdi>",
        "names a neighbor",
        "III.4",
        "Nov 10–16, 2026",
        "nothing that the platform showed",
    ] {
        assert!(made.body.contains(words), "{words}: {}", made.body);
    }
    let csv = send(&served, "POST", PATH, &format!("{DAYS}&form=csv")).await;
    assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8"));
    assert!(
        csv.header("content-disposition").unwrap().contains("moderation-mesa-vista-high-2026-11-10-2026-11-16.csv")
    );
    assert!(csv.body.contains("names a neighbor") && !csv.body.contains("<html"));
    assert_eq!((entries(&served, "access"), entries(&served, "moderation")), (3, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_taken_is_said_and_nothing_is_recorded() {
    let served = Served::new().await;
    for (path, form, why) in [
        (PATH.to_owned(), "from=today&to=2026-11-16", "is no day"),
        (PATH.to_owned(), "from=2026-11-17&to=2026-11-16", "is after"),
        (format!("{PATH}/enter"), "act=hidden&reason=why", "name the item"),
        (format!("{PATH}/enter"), "act=hidden&item=facebook%3A100_1&reason=why", "the district"),
        (format!("{PATH}/enter"), "act=blocked&reason=why", "whom it is about"),
        (format!("{PATH}/enter"), "act=blocked&person=Lee&reason=+", "reason"),
    ] {
        let answer = send(&served, "POST", &path, form).await;
        assert_eq!(answer.status, 400, "{form}");
        assert!(answer.body.contains(why) && answer.body.contains("nothing was recorded"), "{form}: {}", answer.body);
    }
    assert_eq!(send(&served, "POST", "/accounts/nobody/moderation", DAYS).await.status, 404);
    let cookie = served.cookie().await;
    let foreign = [("Cookie", cookie.as_str()), ("Sec-Fetch-Site", "cross-site")];
    assert_eq!(served.ask("POST", PATH, &foreign, DAYS).await.status, 403);
    assert_eq!((entries(&served, "access"), entries(&served, "moderation")), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_strangers_wrote_stays_text_and_keeps_its_own_direction() {
    let text = "</p></td></table><script>alert(1)</script> \u{202e}sdrawkcab 760-555-0199";
    let author = "\u{202e}<b onmouseover=alert(1)>Admin</b>";
    let served = Served::showing("", Category::PiiPhone, text, author).await;
    entered(&served, "%3Cimg+src%3Dx+onerror%3Dalert%281%29%3E").await;
    let made = send(&served, "POST", PATH, DAYS).await;
    assert_eq!(made.status, 200);
    for markup in ["<script", "<img", "<b onmouseover", "style="] {
        assert!(!made.body.contains(markup), "{markup}");
    }
    assert!(made.body.contains("<p class=\"said\" dir=\"auto\">&#60;/p&#62;"), "{}", made.body);
    assert_eq!((made.body.matches("</table>").count(), made.body.matches("</main>").count()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn words_of_a_thread_with_possible_exploitation_are_not_shown() {
    let served = Served::with("", Category::SexualExploitation).await;
    entered(&served, "taken+down").await;
    let made = send(&served, "POST", PATH, DAYS).await;
    assert!(made.body.contains("its words are not shown here") && !made.body.contains("See you"), "{}", made.body);
    let csv = send(&served, "POST", PATH, &format!("{DAYS}&form=csv")).await;
    assert!(csv.body.contains("not shown here") && !csv.body.contains("See you"), "{}", csv.body);
}
