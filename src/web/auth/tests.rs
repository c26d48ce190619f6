//! Signing in, from a one-time link to the end of a session, and what strangers cannot do on the way.

use axum::body::Body;
use axum::extract::Request;
use jiff::SignedDuration;

use super::sign_in::purpose;
use super::totp::SecondFactor;
use super::{digest, form_token, guard, new_link};
use crate::db::{sessions, users};
use crate::model::people::Role;
use crate::model::{Category, Timestamp};
use crate::seal::Hash;
use crate::web::tests::{Answer, Served};

const OWN: (&str, &str) = ("Sec-Fetch-Site", "same-origin");
const PASSWORD: &str = "tin heron sleeps on brass";
const ENCODED: &str = "tin+heron+sleeps+on+brass";

/// A one-time link for a user: its path and what is kept of it.
async fn link(served: &Served, name: &str) -> (String, Hash) {
    let (config, now, name) = (served.site.config().clone(), served.clock.now(), name.to_owned());
    let (link, digest, expires) = new_link(&config, now).unwrap();
    let give = move |tx: &crate::db::Tx<'_>| {
        let user = users::by_name(tx, &name)?.unwrap();
        users::link(tx, user.id, digest, expires, "test", now)
    };
    served.db.writer.write_async(give).await.unwrap();
    (format!("/join/{}", link.rsplit_once('/').unwrap().1), digest)
}

fn factor(served: &Served, secret: &[u8]) -> SecondFactor {
    let _ = served;
    SecondFactor::new(secret, "x", "").unwrap()
}

/// Sets a user's password by a link, and gives her second factor and what the page answered.
async fn join(served: &Served, name: &str) -> (SecondFactor, Answer) {
    let (path, digest) = link(served, name).await;
    let secret = served.site.sign_in().vault.derive("link", &digest);
    let code = factor(served, &secret).code(served.clock.now());
    let form = format!("password={ENCODED}&again={ENCODED}&code={code}");
    (factor(served, &secret), served.send("POST", &path, &[OWN], &form).await)
}

async fn sign_in(served: &Served, headers: &[(&str, &str)], name: &str, password: &str, code: &str) -> Answer {
    let all: Vec<(&str, &str)> = headers.iter().copied().chain([OWN]).collect();
    served.send("POST", "/sign-in", &all, &format!("name={name}&password={password}&code={code}&next=%2Fflags")).await
}

/// The cookies that an answer sets, as a browser sends them back.
fn cookies(answer: &Answer) -> Vec<String> {
    let lines = answer.head.lines().filter_map(|line| line.strip_prefix("set-cookie: "));
    lines.map(|line| line.split(';').next().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_sets_password_and_second_factor_once_and_both_are_asked_for_then() {
    let served = Served::new().await;
    let (path, digest) = link(&served, "priya.nair").await;
    let page = served.send("GET", &path, &[], "").await;
    assert!(page.status == 200 && page.body.contains("otpauth://totp/") && page.body.contains("<svg"), "{}", page.body);
    assert_eq!(page.header("cache-control"), Some("no-store"));
    let secret = served.site.sign_in().vault.derive("link", &digest);
    let code = factor(&served, &secret).code(served.clock.now());
    for (form, words) in [
        (format!("password={ENCODED}&again={ENCODED}x&code={code}"), "not the same"),
        (format!("password=short&again=short&code={code}"), "at least 15"),
        (format!("password=Priya+Nair+Priya+Nair&again=Priya+Nair+Priya+Nair&code={code}"), "easy to guess"),
        (format!("password={ENCODED}&again={ENCODED}&code=000000"), "six digits"),
    ] {
        let answer = served.send("POST", &path, &[OWN], &form).await;
        assert!(answer.status == 400 && answer.body.contains(words), "{words}: {}", answer.body);
    }
    let form = format!("password={ENCODED}&again={ENCODED}&code={code}");
    let joined = served.send("POST", &path, &[OWN], &form).await;
    assert!(joined.status == 200 && joined.body.contains("Keep these codes"), "{}", joined.body);
    let own = cookies(&joined)[0].clone();
    assert_eq!(served.ask("GET", "/flags", &[("Cookie", own.as_str())], "").await.status, 200, "she is signed in");
    assert_eq!(served.send("POST", &path, &[OWN], &form).await.status, 404, "a link is used once");
    assert_eq!(served.send("GET", &path, &[], "").await.status, 404);

    let spent = sign_in(&served, &[], "priya.nair", ENCODED, &code).await;
    assert_eq!(spent.status, 403, "the code that set it up is used up");
    served.clock.advance(SignedDuration::from_secs(30));
    let next = factor(&served, &secret).code(served.clock.now());
    assert_eq!(sign_in(&served, &[], "priya.nair", "another+heron+on+brass", &next).await.status, 403);
    let good = sign_in(&served, &[], " Priya.Nair ", ENCODED, &next).await;
    assert_eq!((good.status, good.header("location")), (303, Some("/flags")), "{}", good.body);
    assert_eq!(sign_in(&served, &[], "priya.nair", ENCODED, &next).await.status, 403, "no code is taken twice");
    let codes: Vec<&str> = joined
        .body
        .split("<code>")
        .skip(1)
        .filter_map(|rest| rest.split_once("</code>"))
        .map(|(code, _)| code)
        .collect();
    assert_eq!(codes.len(), 10);
    assert_eq!(sign_in(&served, &[], "priya.nair", ENCODED, codes[3]).await.status, 303);
    assert_eq!(
        sign_in(&served, &[], "priya.nair", ENCODED, codes[3]).await.status,
        403,
        "a recovery code is used once"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_ends_after_a_day_at_a_newer_one_and_when_its_user_is_disabled() {
    let served = Served::new().await;
    let (first, _) = link(&served, "priya.nair").await;
    let (second, _) = link(&served, "priya.nair").await;
    assert_eq!(served.send("GET", &first, &[], "").await.status, 404);
    assert_eq!(served.send("GET", &second, &[], "").await.status, 200);
    served.clock.advance(SignedDuration::from_hours(24));
    assert_eq!(served.send("GET", &second, &[], "").await.status, 404);
    let (third, _) = link(&served, "priya.nair").await;
    let now = served.clock.now();
    served.db.writer.write_async(move |tx| users::set_disabled(tx, 1, true, "test", now)).await.unwrap();
    assert_eq!(served.send("GET", &third, &[], "").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_password_or_a_second_factor_is_in_the_ledger_and_the_secret_is_sealed() {
    let served = Served::new().await;
    let (_, joined) = join(&served, "priya.nair").await;
    assert_eq!(joined.status, 200);
    let known = served.db.read(|conn| users::credentials(conn, "priya.nair")).unwrap().unwrap();
    let hash = known.password.clone().unwrap();
    assert!(hash.starts_with("$argon2id$"));
    let sealed = known.totp.unwrap();
    let vault = &served.site.sign_in().vault;
    let secret = vault.unseal(&purpose("priya.nair"), &sealed).unwrap();
    assert!(vault.unseal(&purpose("another"), &sealed).is_none());
    assert!(!sealed.windows(secret.len()).any(|part| part == secret));
    let entries = served.db.read(|conn| crate::db::ledger::entries(conn, 0, 1000)).unwrap();
    let said: Vec<String> =
        entries.into_iter().filter(|entry| entry.kind == "user").filter_map(|entry| Some(entry.kept?.1)).collect();
    assert_eq!(said.len(), 3, "{said:?}");
    assert!(said[0].contains("added") && said[0].contains("reviewer") && said[2].contains("password"), "{said:?}");
    for line in &said {
        assert!(!line.contains("argon2") && !line.contains(&hex::encode(&sealed)) && !line.contains("brass"), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_name_is_answered_with_the_same_words_and_the_same_work() {
    let served = Served::new().await;
    join(&served, "priya.nair").await;
    let mut answers = Vec::new();
    for name in ["priya.nair", "nobody.here", "%3Cscript%3E", &"x".repeat(300)] {
        let before = served.site.sign_in().passwords.done();
        let answer = sign_in(&served, &[], name, "wrong+heron+sleeps+on+brass", "123456").await;
        assert_eq!(served.site.sign_in().passwords.done(), before + 1, "{name}");
        assert!(cookies(&answer).is_empty() && !answer.body.contains("<script"));
        let (start, rest) = answer.body.split_once("name=\"name\" value=\"").unwrap();
        answers.push((answer.status, start.to_owned(), rest.split_once('"').unwrap().1.to_owned()));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0] && answer.0 == 403), "{answers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_slow_strangers_down_and_do_not_keep_her_out_of_her_own_browser() {
    let served = Served::new().await;
    let (factor, joined) = join(&served, "priya.nair").await;
    let own = cookies(&joined).join("; ");
    for name in ["priya.nair", "nobody.here"] {
        let from = if name == "priya.nair" { "203.0.113.7" } else { "203.0.113.8" };
        let forwarded = [("X-Forwarded-For", from)];
        for _ in 0..11 {
            assert_eq!(sign_in(&served, &forwarded, name, "x", "1").await.status, 403);
        }
        let slow = sign_in(&served, &forwarded, name, "x", "1").await;
        assert_eq!((slow.status, slow.header("retry-after")), (429, Some("2")), "{name}");
        let elsewhere = sign_in(&served, &[("X-Forwarded-For", "198.51.100.9")], name, "x", "1").await;
        assert_eq!(elsewhere.status, 429, "{name}: another address does not help");
        served.clock.advance(SignedDuration::from_secs(2));
        assert_eq!(sign_in(&served, &forwarded, name, "x", "1").await.status, 403, "{name}: it is checked again");
    }
    served.clock.advance(SignedDuration::from_secs(30));
    for _ in 0..2 {
        sign_in(&served, &[("X-Forwarded-For", "203.0.113.9")], "priya.nair", "x", "1").await;
    }
    let code = factor.code(served.clock.now());
    let strange = sign_in(&served, &[], "priya.nair", ENCODED, &code).await;
    assert_eq!(strange.status, 429, "an unknown browser waits");
    let known = sign_in(&served, &[("Cookie", own.as_str())], "priya.nair", ENCODED, &code).await;
    assert_eq!(known.status, 303, "hers does not: {}", known.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn waits_double_up_to_their_longest_and_are_forgotten_after_a_day() {
    let served = Served::new().await;
    let start: Timestamp = served.clock.now();
    let tries = move |tx: &crate::db::Tx<'_>| {
        let brake = sessions::Brake { key: "k".into(), free: 2, longest: SignedDuration::from_secs(10) };
        let brakes = [brake];
        let (mut now, mut waits) = (start, Vec::new());
        for _ in 0..7 {
            sessions::try_once(tx, &brakes, now)?.unwrap();
            let until = sessions::try_once(tx, &brakes, now)?;
            let wait = until.err().map_or(0, |until| until.duration_since(now).as_secs());
            waits.push(wait);
            now = now.checked_add(SignedDuration::from_secs(wait))?;
            if wait == 0 {
                // The second look was a try of its own.
                sessions::release(tx, &brakes)?;
                sessions::try_once(tx, &brakes, now)?.unwrap();
                sessions::try_once(tx, &brakes, now)?.unwrap();
            }
        }
        let later = now.checked_add(SignedDuration::from_hours(25))?;
        for _ in 0..2 {
            sessions::try_once(tx, &brakes, later)?.unwrap();
        }
        Ok(waits)
    };
    assert_eq!(served.db.writer.write_async(tries).await.unwrap(), [0, 2, 4, 8, 10, 10, 10]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_never_the_one_that_the_browser_brought_along() {
    let served = Served::new().await;
    let planted = "ab".repeat(32);
    let headers = [("Cookie", format!("pagekeeper={planted}"))];
    let headers = [(headers[0].0, headers[0].1.as_str()), OWN];
    let form = format!("token={}&name=priya.nair&next=%2Fflags", served.token.reveal());
    let answer = served.send("POST", "/sign-in/demo", &headers, &form).await;
    assert_eq!((answer.status, answer.header("location")), (303, Some("/flags")), "{}", answer.body);
    let first = cookies(&answer)[0].clone();
    assert!(!first.contains(&planted));
    assert_eq!(served.ask("GET", "/", &[headers[0]], "").await.status, 303, "the planted one opens nothing");
    let again = served.send("POST", "/sign-in/demo", &[("Cookie", first.as_str()), OWN], &form).await;
    let second = cookies(&again)[0].clone();
    assert_ne!(first, second);
    assert_eq!(served.ask("GET", "/", &[("Cookie", first.as_str())], "").await.status, 303, "the former one has ended");
    assert_eq!(served.ask("GET", "/", &[("Cookie", second.as_str())], "").await.status, 200);
    let stored = served.db.read(|conn| sessions::of_user(conn, 1, served.clock.now())).unwrap();
    assert_eq!(stored[0].digest, digest("session", second.split_once('=').unwrap().1), "only its digest is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_after_twelve_hours_however_busy_and_is_written_once_a_minute() {
    let served = Served::new().await;
    let cookie = served.cookie().await;
    let used = || served.db.read(|conn| sessions::of_user(conn, 1, served.clock.now())).unwrap()[0].used_at;
    let begun = used();
    for (seconds, moved) in [(30, 0), (29, 0), (1, 60), (59, 60), (1, 120)] {
        served.clock.advance(SignedDuration::from_secs(seconds));
        assert_eq!(served.ask("GET", "/", &[("Cookie", cookie.as_str())], "").await.status, 200);
        assert_eq!(used().duration_since(begun).as_secs(), moved);
    }
    for _ in 0..28 {
        served.clock.advance(SignedDuration::from_mins(25));
        assert_eq!(served.ask("GET", "/", &[("Cookie", cookie.as_str())], "").await.status, 200);
    }
    served.clock.advance(SignedDuration::from_mins(18));
    assert_eq!(served.ask("GET", "/", &[("Cookie", cookie.as_str())], "").await.status, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_from_a_user_is_gone_at_once() {
    let served = Served::new().await;
    let cookie = served.cookie().await;
    let other = served.cookie().await;
    let both = [("Cookie", cookie.as_str()), OWN];
    let page = served.ask("GET", "/me", &both, "").await.body;
    assert!(page.contains("This one") && page.contains("Another") && page.contains("IT auditor, reviewer"), "{page}");
    assert_eq!(served.ask("POST", "/me/sign-out-others", &both, "").await.status, 303);
    assert_eq!(served.ask("GET", "/", &[("Cookie", other.as_str())], "").await.status, 303);
    assert_eq!(served.ask("GET", "/", &both, "").await.status, 200);
    let now = served.clock.now();
    let change = move |tx: &crate::db::Tx<'_>| {
        let user = users::by_id(tx, 1)?.unwrap();
        let standing = users::Standing { roles: vec![Role::Viewer], ..user.standing };
        users::change(tx, 1, &standing, "test", now)
    };
    assert!(served.db.writer.write_async(change).await.unwrap());
    assert_eq!(served.ask("GET", "/", &both, "").await.status, 303, "other rights begin with another sign-in");
    let cookie = served.cookie().await;
    assert_eq!(served.ask("GET", "/flags", &[("Cookie", cookie.as_str())], "").await.status, 403);
    served.db.writer.write_async(move |tx| users::set_disabled(tx, 1, true, "test", now)).await.unwrap();
    assert_eq!(served.ask("GET", "/", &[("Cookie", cookie.as_str())], "").await.status, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_changed_by_whoever_knows_the_present_one_and_ends_other_sessions() {
    let served = Served::new().await;
    let (_, joined) = join(&served, "priya.nair").await;
    let (own, other) = (cookies(&joined)[0].clone(), served.cookie().await);
    let headers = [("Cookie", own.as_str()), OWN];
    let fresh = "seven+lamps+above+gravel";
    let wrong = format!("current=not+this+one+at+all&password={fresh}&again={fresh}");
    assert_eq!(served.ask("POST", "/me/password", &headers, &wrong).await.status, 400);
    let weak = format!("current={ENCODED}&password=passwordpassword&again=passwordpassword");
    assert_eq!(served.ask("POST", "/me/password", &headers, &weak).await.status, 400);
    let form = format!("current={ENCODED}&password={fresh}&again={fresh}");
    let changed = served.ask("POST", "/me/password", &headers, &form).await;
    assert_eq!(changed.status, 303, "{}", changed.body);
    let rotated = cookies(&changed)[0].clone();
    for (cookie, status) in [(own.as_str(), 303), (other.as_str(), 303), (rotated.as_str(), 200)] {
        assert_eq!(served.ask("GET", "/", &[("Cookie", cookie)], "").await.status, status);
    }
    let hash = served.db.read(|conn| users::credentials(conn, "priya.nair")).unwrap().unwrap().password;
    let passwords = &served.site.sign_in().passwords;
    assert!(passwords.is("seven lamps above gravel", hash.clone()).await.unwrap());
    assert!(!passwords.is(PASSWORD, hash).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_needs_its_own_session_s_token_beside_the_browser_s_word() {
    let served = Served::new().await;
    let (own, other) = (served.cookie().await, served.cookie().await);
    let token = |cookie: &str| form_token(cookie.split_once('=').unwrap().1);
    let path = format!("/flags/{}/review", served.flag);
    let here = format!("http://{}", served.at);
    let evil = ("Origin", "https://evil.example");
    let origin = ("Origin", here.as_str());
    let good = format!("outcome=confirmed&reason=x&form_token={}", token(&own));
    for (headers, form, status) in [
        (vec![OWN], "outcome=confirmed&reason=x".to_owned(), 403),
        (vec![OWN, origin], "outcome=confirmed&reason=x&form_token=".to_owned(), 403),
        (vec![OWN, origin], format!("outcome=confirmed&reason=x&form_token={}", token(&other)), 403),
        (vec![OWN, evil], good.clone(), 403),
        (vec![("Sec-Fetch-Site", "cross-site"), origin], good.clone(), 403),
        (vec![], good.clone(), 403),
        (vec![OWN], good.clone(), 303),
        (vec![origin], good.clone(), 303),
        (vec![OWN, origin], good.clone(), 303),
    ] {
        let all: Vec<_> = headers.iter().copied().chain([("Cookie", own.as_str())]).collect();
        assert_eq!(served.send("POST", &path, &all, &form).await.status, status, "{headers:?} {form}");
    }
}

#[tokio::test]
async fn a_form_with_a_file_carries_the_token_as_a_field_and_comes_through_whole() {
    let body = |token: &str| {
        format!(
            "--b\r\nContent-Disposition: form-data; name=\"form_token\"\r\n\r\n{token}\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\nwords\r\n--b--\r\n"
        )
    };
    let request = |token: &str| {
        let kind = "multipart/form-data; boundary=b";
        Request::builder().method("POST").header("content-type", kind).body(Body::from(body(token))).unwrap()
    };
    let request_back = guard::with_token(request("t0"), "t0").await.unwrap();
    let bytes = axum::body::to_bytes(request_back.into_body(), 10_000).await.unwrap();
    assert_eq!(bytes, body("t0").as_bytes());
    assert!(guard::with_token(request("t1"), "t0").await.is_err());
    let large = Request::builder().header("content-type", "application/x-www-form-urlencoded");
    let large = large.body(Body::from(format!("form_token=t0&x={}", "x".repeat(70_000)))).unwrap();
    assert!(guard::with_token(large, "t0").await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn over_https_cookies_are_bound_to_the_host_and_browsers_stay_with_it() {
    let more = "[web]\npublic_url = \"https://pages.mesavista.example.org\"\n";
    let served = Served::with(more, Category::PiiPhone).await;
    let form = format!("token={}&name=priya.nair", served.token.reveal());
    let answer = served.send("POST", "/sign-in/demo", &[OWN], &form).await;
    let set: Vec<&str> = answer.head.lines().filter_map(|line| line.strip_prefix("set-cookie: ")).collect();
    assert_eq!(set.len(), 2);
    for cookie in &set {
        assert!(cookie.starts_with("__Host-pagekeeper"), "{cookie}");
        for attribute in ["; Path=/", "; HttpOnly", "; SameSite=Lax", "; Secure"] {
            assert!(cookie.contains(attribute), "{cookie}");
        }
        assert!(!cookie.contains("Domain"), "{cookie}");
    }
    let cookie = cookies(&answer)[0].clone();
    let page = served.send("GET", "/", &[("Cookie", cookie.as_str())], "").await;
    assert_eq!(page.status, 200);
    for (name, value) in [
        ("strict-transport-security", "max-age=31536000"),
        ("cache-control", "no-store"),
        ("referrer-policy", "same-origin"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(page.header(name), Some(value));
    }
    let plain = format!("pagekeeper={}", cookie.split_once('=').unwrap().1);
    assert_eq!(
        served.send("GET", "/", &[("Cookie", plain.as_str())], "").await.status,
        303,
        "another name is no session"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_in_never_leads_to_another_site() {
    let served = Served::new().await;
    for next in ["https%3A%2F%2Fevil.example", "%2F%2Fevil.example", "%2F%5Cevil.example", "%2F%09%2Fevil.example"] {
        let form = format!("token={}&name=priya.nair&next={next}", served.token.reveal());
        let answer = served.send("POST", "/sign-in/demo", &[OWN], &form).await;
        assert_eq!(answer.header("location"), Some("/"), "{next}");
    }
    let wrong = served.send("POST", "/sign-in/demo", &[OWN], "token=0123&name=priya.nair").await;
    assert!(wrong.status == 403 && cookies(&wrong).is_empty());
}
