//! Every page as every role, and what schools and concerns leave out.

use super::*;
use crate::model::people::Role::{self, *};

/// Who may open each page and send each form. A page that is not here fails the test.
const TABLE: &[(&str, &str, &[Role])] = &[
    ("GET", "/", REGISTER),
    ("GET", "/flags", FLAGS),
    ("GET", "/flags/{key}", FLAGS),
    ("POST", "/flags/{key}/review", &[Reviewer]),
    ("GET", "/ack/{key}", Role::ALL),
    ("POST", "/ack/{key}", Role::ALL),
    ("GET", "/accounts", REGISTER),
    ("POST", "/accounts/add", CHANGE),
    ("GET", "/accounts/{slug}", REGISTER),
    ("GET", "/attest", REGISTER),
    ("GET", "/attest/{slug}", CHANGE),
    ("POST", "/attest/{slug}", CHANGE),
    ("GET", "/evidence/{entry}", REGISTER),
    ("GET", "/accounts/{slug}/edit", CHANGE),
    ("POST", "/accounts/{slug}/edit", CHANGE),
    ("GET", "/accounts/{slug}/retire", CHANGE),
    ("POST", "/accounts/{slug}/retire", CHANGE),
    ("POST", "/accounts/{slug}/stay", CHANGE),
    ("GET", "/accounts/{slug}/receipt", REGISTER),
    ("GET", "/audit", REGISTER),
    ("POST", "/audit", CHANGE),
    ("GET", "/audit.csv", REGISTER),
    ("GET", "/entries/{seq}", REGISTER),
    ("GET", "/accounts/{slug}/moderation", COMMENTS),
    ("POST", "/accounts/{slug}/moderation", COMMENTS),
    ("POST", "/accounts/{slug}/moderation/enter", &[Reviewer]),
    ("GET", "/reports", FLAGS),
    ("GET", "/reports/{id}", FLAGS),
    ("GET", "/reports/{id}/kept/{figure}", FLAGS),
    ("GET", "/rules", &[Reviewer, Counsel, Administrator]),
    ("POST", "/rules/harmless/{entry}/end", &[Reviewer]),
    ("POST", "/rules/offer/{digest}", &[Reviewer, Administrator]),
    ("GET", "/sample", &[Reviewer]),
    ("POST", "/sample/{id}", &[Reviewer]),
    ("GET", "/tickets", REGISTER),
    ("POST", "/tickets/switch", CHANGE),
    ("POST", "/tickets/accept", CHANGE),
    ("POST", "/tickets/reopen", CHANGE),
    ("GET", "/me", Role::ALL),
    ("POST", "/me/password", Role::ALL),
    ("POST", "/me/sign-out-others", Role::ALL),
    ("POST", "/sign-out", Role::ALL),
];

/// Every field that some form wants, with nothing in it that any of them takes.
const FORM: &str = "outcome=x&reason=&look=x&mail=&current=&password=&again=&to=x&account=x&check=x&until=x&from=x&on=x&act=x&item=&person=&clause=&\
                    platform=x&name=x";

const REGISTER: &[Role] = &[Viewer, ItAuditor, Reviewer, RecordsOfficer, Counsel, Administrator];
const CHANGE: &[Role] = &[ItAuditor, Administrator];
const COMMENTS: &[Role] = &[Reviewer, RecordsOfficer, Counsel];
const FLAGS: &[Role] = &[Reviewer, Counsel];

#[tokio::test(flavor = "multi_thread")]
async fn every_page_opens_for_the_roles_that_the_table_gives_it_and_for_no_other() {
    let served = Served::new().await;
    let pages = super::super::pages(&served.site);
    let stated: Vec<_> = TABLE.iter().map(|(method, path, _)| (*method, *path)).collect();
    let there: Vec<_> = pages.list().iter().map(|(method, path, _)| (method.as_str(), *path)).collect();
    assert_eq!(there, stated, "every page has its line in the table, in the order of the router");
    for role in Role::ALL {
        let name = format!("only.{}", role.as_str().replace('_', "-"));
        served.user(&name, &[*role], false, &[]).await;
        for (method, path, roles) in TABLE {
            let cookie = served.cookie_of(&name).await;
            let filled = path
                .replace("{slug}", "mesa-vista-high")
                .replace("{key}", &served.flag)
                .replace("{figure}", "posts")
                .replace("{id}", "1")
                .replace("{entry}", "1")
                .replace("{seq}", "2")
                .replace("{digest}", &"00".repeat(32));
            let headers = [("Cookie", cookie.as_str()), ("Sec-Fetch-Site", "same-origin")];
            let answer = served.ask(method, &filled, &headers, FORM).await;
            if roles.contains(role) {
                assert!(![401, 403].contains(&answer.status), "{role} {method} {path}: {}", answer.status);
                assert!(
                    answer.header("location").is_none_or(|to| !to.starts_with("/sign-in?")),
                    "{role} {method} {path}"
                );
                assert!(
                    ![422, 415].contains(&answer.status) && answer.status < 500 || path.starts_with("/attest"),
                    "{role} {method} {path}: {}",
                    answer.body
                );
            } else if *path == "/" {
                assert_eq!((answer.status, answer.header("location")), (303, Some("/me")), "{role}");
            } else {
                assert_eq!(answer.status, 403, "{role} {method} {path}");
            }
        }
    }
}

/// A page as somebody.
async fn page_as(served: &Served, name: &str, path: &str) -> Answer {
    let cookie = served.cookie_of(name).await;
    served.ask("GET", path, &[("Cookie", cookie.as_str())], "").await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_on_another_school_s_page_is_not_there() {
    let served = Served::new().await;
    let (now, size) = (served.clock.now(), served.db.read(db::ledger::size).unwrap());
    served.db.writer.write_async(move |tx| db::samples::draw(tx, "2026-W47", 0, size, 20, now)).await.unwrap();
    let sample = format!("/sample/{}", served.db.read(db::samples::waiting).unwrap()[0].id);
    served.user("own.school", &[Role::Reviewer], true, &["Mesa Vista High"]).await;
    served.user("other.school", &[Role::Reviewer, Role::ItAuditor], true, &["Ocotillo Elementary"]).await;
    let (flag, account) = (format!("/flags/{}", served.flag), "/accounts/mesa-vista-high");
    for path in [flag.as_str(), account] {
        assert_eq!(page_as(&served, "own.school", path).await.status, 200, "{path}");
        assert_eq!(page_as(&served, "other.school", path).await.status, 404, "{path}");
    }
    let entries = served.db.read(db::ledger::size).unwrap();
    let cookie = served.cookie_of("other.school").await;
    let headers = [("Cookie", cookie.as_str()), ("Sec-Fetch-Site", "same-origin")];
    let review = format!("{flag}/review");
    assert_eq!(served.ask("POST", &review, &headers, "outcome=confirmed&reason=x").await.status, 404);
    assert_eq!(served.ask("POST", &sample, &headers, "look=fine").await.status, 404);
    assert_eq!(served.db.read(db::ledger::size).unwrap(), entries, "nothing was recorded");
    for path in ["/", "/flags", "/flags?account=mesa-vista-high", "/sample"] {
        let body = page_as(&served, "other.school", path).await.body;
        let start = body.find("<main").unwrap();
        for word in [served.flag.as_str(), "Possible phone", "760-555-0199", "Homecoming"] {
            assert!(!body[start..].contains(word), "{path}: {word}");
        }
        assert!(body.contains("<span class=\"count\">0</span>"), "{path}: its count says nothing either");
    }
    assert!(!page_as(&served, "other.school", "/").await.body.contains("mesa-vista-high"));
    assert!(page_as(&served, "own.school", "/").await.body.contains("<span class=\"count\">1</span>"));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_role_has_no_flags_there_is_no_column_count_or_link_of_them() {
    let served = Served::with("", Category::SelfHarm).await;
    served.user("only.viewer", &[Role::Viewer], true, &[]).await;
    for path in ["/", "/accounts/mesa-vista-high", "/me"] {
        let body = page_as(&served, "only.viewer", path).await.body;
        for word in ["Open flags", "open flag", "/flags", "Review", "concern", "Reports", "Rules"] {
            assert!(!body.contains(word), "{path}: {word}: {body}");
        }
    }
    assert!(page_as(&served, "priya.nair", "/").await.body.contains("Open flags"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_concern_is_not_there_for_a_reviewer_who_is_not_named_for_them() {
    let served = Served::with("", Category::SelfHarm).await;
    served.user("un.named", &[Role::Reviewer], false, &[]).await;
    let flag = format!("/flags/{}", served.flag);
    assert_eq!(page_as(&served, "un.named", &flag).await.status, 404);
    let cookie = served.cookie_of("un.named").await;
    let headers = [("Cookie", cookie.as_str()), ("Sec-Fetch-Site", "same-origin")];
    let review = format!("{flag}/review");
    assert_eq!(served.ask("POST", &review, &headers, "outcome=confirmed&reason=x").await.status, 404);
    let (db, now, config) = (served.db.clone(), served.clock.now(), served.config.clone());
    let ask = crate::weekly::Ask::default();
    let made = tokio::task::spawn_blocking(move || crate::weekly::run(&db, &config, &ask, now)).await;
    let report = format!("/reports/{}", made.unwrap().unwrap().report.id);
    for path in ["/", "/flags", "/flags?unopened=yes", report.as_str()] {
        let body = page_as(&served, "un.named", path).await.body;
        for word in [served.flag.as_str(), "self-harm", "1 concern", "Possible concern"] {
            assert!(!body.contains(word), "{path}: {word}: {body}");
        }
        assert!(body.contains("<span class=\"count\">0</span>"), "{path}");
    }
    assert!(page_as(&served, "priya.nair", &report).await.body.contains("self-harm"));
    served.user("the.counsel", &[Role::Counsel], false, &[]).await;
    let body = page_as(&served, "the.counsel", &flag).await.body;
    assert!(
        body.contains("Possible self-harm") && !body.contains("value=\"confirmed\""),
        "counsel reads and does not decide"
    );
}
