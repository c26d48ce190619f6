//! What the pages say, and what strangers' words cannot do to them.

use super::*;
use crate::model::Platform;
use crate::weekly;

pub(super) async fn page(served: &Served, path: &str) -> Answer {
    let cookie = served.cookie().await;
    served.ask("GET", path, &[("Cookie", cookie.as_str())], "").await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_strangers_write_is_text_whatever_it_pretends_to_be() {
    let word = "w".repeat(100 * 1024);
    let texts = [
        "<script>alert(1)</script><img src=x onerror=alert(1)> 760-555-0199".to_owned(),
        "\u{202e}txet desrever \u{2066}760-555-0199 \u{202d} & more".to_owned(),
        format!("{word} 760-555-0199"),
        "🏴‍☠️👩‍👩‍👧‍👦 760-555-0199 e\u{301}\u{301}\u{301}\u{301}\u{301} \u{0}\u{7}".to_owned(),
        "</p></article></main><form action=\"/sign-out\" method=post><button>Confirm</button></form> 760-555-0199"
            .to_owned(),
        "{{ frame.foot }} {% include \"x\" %} 760-555-0199".to_owned(),
    ];
    for text in texts {
        let author = "\u{202e}<b onmouseover=alert(1)>Admin</b>";
        let served = Served::showing("", Category::PiiPhone, &text, author).await;
        let path = format!("/flags/{}", served.flag);
        for path in ["/", "/flags", "/flags?past=yes", path.as_str(), "/accounts/mesa-vista-high"] {
            let answer = page(&served, path).await;
            let start: String = text.chars().take(40).collect();
            assert_eq!(answer.status, 200, "{path}: {start}");
            for markup in ["<script", "<img", "<b onmouseover", "style=", "{%", "javascript:"] {
                assert!(
                    !answer.body.replace("{% include &#34;x&#34; %}", "").contains(markup),
                    "{path}: {markup}: {start}"
                );
            }
            let forms = answer.body.matches("<form").count();
            assert_eq!(forms, if path.starts_with("/flags/") { 2 } else { 1 }, "{path}: {start}");
            assert_eq!(answer.body.matches("</main>").count(), 1, "{path}: {start}");
        }
        let answer = page(&served, &path).await;
        assert!(answer.body.contains("<mark>760-555-0199</mark>"));
        assert!(answer.body.contains("dir=\"auto\"") && answer.body.contains("<bdi>"), "its direction stays its own");
        assert_eq!(answer.body.contains("class=\"said long\" tabindex=\"0\""), text.len() > 4000);
        assert!(answer.body.len() < 2 * 1024 * 1024);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flag_s_page_has_the_clause_in_the_district_s_own_words_and_what_the_rule_looks_for() {
    let served = Served::new().await;
    let now = served.clock.now();
    let (name, pack) = ("privacy.toml", include_str!("../../../config/rules/privacy.toml"));
    let rules = crate::rules::stated(&[(name.to_owned(), pack.to_owned())]);
    let rule = rules.iter().find(|rule| rule.category == Category::PiiPhone).unwrap();
    let text = serde_json::to_string(&[(name, pack.replace(&rule.id, "test.rule"))]).unwrap();
    served.db.writer.write_async(move |tx| db::inputs::put(tx, crate::app::PACKS, &text, now)).await.unwrap();
    let guidelines = served._folder.path().join("policy.toml");
    std::fs::write(guidelines, "[[clause]]\nid = \"I.2\"\ntitle = \"Protected\"\ntext = \"No telephone <numbers>.\"\n")
        .unwrap();
    let body = page(&served, &format!("/flags/{}", served.flag)).await.body;
    for words in [
        "Possible phone number of a person",
        "clause I.2, Protected",
        "<blockquote>No telephone &#60;numbers&#62;.</blockquote>",
        &rule.title.replace('\'', "&#39;"),
        "words for phone.",
        "1 flag so far, none decided yet",
        "Mesa Vista High (Facebook)",
    ] {
        assert!(body.contains(words), "{words}: {body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_without_a_reason_of_one_s_own_has_the_likely_one() {
    let served = Served::new().await;
    let cookie = served.cookie().await;
    let signed_in = [("Cookie", cookie.as_str()), ("Sec-Fetch-Site", "same-origin")];
    let review = format!("/flags/{}/review", served.flag);
    for (outcome, reason) in [
        ("confirmed", "clause I.2"),
        ("not-a-concern", "ordinary speech"),
        ("benign-phrase", "“760-555-0199” known to be benign here"),
    ] {
        let form = format!("outcome={outcome}&reason=");
        assert_eq!(served.ask("POST", &review, &signed_in, &form).await.status, 303);
        let key = hex::decode(&served.flag).unwrap().try_into().unwrap();
        let reviews = served.db.read(|conn| flags::reviews(conn, &key)).unwrap();
        assert_eq!(reviews.last().unwrap().reason, reason);
    }
    let long = format!("outcome=confirmed&reason={}", "x".repeat(301));
    assert_eq!(served.ask("POST", &review, &signed_in, &long).await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_is_shown_by_the_words_that_changed() {
    let served = Served::new().await;
    let now = served.clock.now();
    served.db.writer.write_async(move |tx| edit(tx, "Call 760-555-0199 or do not", now)).await.unwrap();
    let body = page(&served, &format!("/flags/{}", served.flag)).await.body;
    assert!(body.contains("<b>Edited</b>") && body.contains("<del>") && body.contains("<ins>"), "{body}");
    assert!(body.contains("<mark>760-555-0199</mark>"), "the flagged version is shown, not the newest");
}

/// The flagged comment with another text.
fn edit(tx: &db::Tx<'_>, text: &str, now: Timestamp) -> Result<()> {
    let comment = Observation {
        native_id: "1_2".into(),
        aliases: Vec::new(),
        kind: Kind::Comment,
        parent: Some("100_1".into()),
        root: Some("100_1".into()),
        author: Author { native_id: Some("7".into()), name: Some("Person 7".into()), handle: None },
        created_at: Some(now),
        url: None,
        hidden: false,
        content: Content { text: text.into(), ..Content::default() },
        counts: Counts::default(),
        raw: 0..1,
        superseded: false,
        in_part: false,
    };
    let exchange = Exchange { at: now, method: "GET".into(), status: 200, body: b"[]".to_vec(), ..Exchange::default() };
    let sealed = Sealed::new(Page { exchange, observations: vec![comment], ..Page::default() })?;
    let sight = Sighting {
        now,
        platform: Platform::Facebook.as_str().into(),
        account: 1,
        harvest: None,
        whole: false,
        evidence: Default::default(),
        fetch_media: "none".into(),
    };
    items::store(tx, &sight, &sealed).map(|_| ())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_concern_is_read_on_its_own_page_only_and_who_opened_it_is_on_record() {
    let served = Served::with("", Category::SelfHarm).await;
    for path in ["/", "/flags", "/flags?unopened=yes", "/accounts/mesa-vista-high"] {
        let body = page(&served, path).await.body;
        assert!(!body.contains("760-555-0199"), "{path}");
    }
    assert!(page(&served, "/flags?unopened=yes").await.body.contains("Possible self-harm"));
    let before = served.db.read(db::ledger::size).unwrap();
    let path = format!("/flags/{}", served.flag);
    let body = page(&served, &path).await.body;
    assert!(body.contains("Opened by <bdi>priya.nair</bdi>"), "{body}");
    page(&served, &path).await;
    assert_eq!(served.db.read(db::ledger::size).unwrap(), before + 1, "one exposure a person");
    assert!(!page(&served, "/flags?unopened=yes").await.body.contains("Possible self-harm"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_past_has_a_list_of_its_own() {
    let served = Served::new().await;
    assert!(page(&served, "/flags?past=yes").await.body.contains("No flag from the past is open"));
    assert!(page(&served, "/flags?account=mesa-vista-high").await.body.contains("of Mesa Vista High (Facebook)?"));
    assert!(page(&served, "/flags?account=nobody").await.body.contains("No flag is open"));
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_is_said_in_words_with_whose_turn_it_is_and_where_to_mend_it() {
    let served = Served::new().await;
    let now = served.clock.now();
    assert!(page(&served, "/").await.body.contains("Mail is in preview:"));
    served
        .db
        .writer
        .write_async(move |tx| {
            let account = db::accounts::by_slug(tx, "mesa-vista-high")?.unwrap();
            let harvest =
                db::harvests::begin(tx, account.id, crate::model::Mode::Recent, db::harvests::Claimant::this(), now)?
                    .unwrap();
            let ending = db::harvests::Ending {
                outcome: "failed",
                cause: Some("token expired".into()),
                trouble: Some("token expired".into()),
                parked_until: None,
                units: 0,
            };
            db::harvests::end(tx, account.id, harvest, &ending, now)?;
            db::alerts::go_live(tx, "Priya", now)
        })
        .await
        .unwrap();
    let body = page(&served, "/").await.body;
    for words in [
        "Mesa Vista High (Facebook) is not being kept: token expired. Its owner: not stated.",
        "<a href=\"/accounts/mesa-vista-high\">Reconnect</a>",
        "0 of 1 connected account is being kept",
        "not being kept: token expired",
        "Mail is live since",
        "0 of 90 days watched",
    ] {
        assert!(body.contains(words), "{words}: {body}");
    }
    let body = page(&served, "/accounts/mesa-vista-high").await.body;
    assert!(body.contains("Reconnect") && body.contains("gap since Mon, Nov 16, 3:20 pm, token expired"), "{body}");
    assert_eq!(page(&served, "/accounts/nobody").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_s_numbers_open_what_they_counted_when_it_was_made() {
    let more = "[weekly]\nrecipients = [{ address = \"a@mesavista.example.org\", schools = [\"Ocotillo\"] }]\n";
    let served = Served::with(more, Category::PiiPhone).await;
    let (db, now, config) = (served.db.clone(), served.clock.now(), served.config.clone());
    let made = tokio::task::spawn_blocking(move || weekly::run(&db, &config, &weekly::Ask::default(), now)).await;
    let report = made.unwrap().unwrap().report;
    served.db.writer.write_async(move |tx| edit(tx, "Call 760-555-0142", now)).await.unwrap();
    let body = page(&served, &format!("/reports/{}", report.id)).await.body;
    for id in ["concerns", "mails", "open", "past", "flags", "kept", "gaps"] {
        assert!(body.contains(&format!("id=\"{id}\"")), "{id}: {body}");
    }
    for words in
        ["Flags this week: 1", "/reports/1/kept/posts\">1</a>", "/reports/1/kept/comments\">1</a>", &served.flag]
    {
        assert!(body.contains(words), "{words}: {body}");
    }
    let comments = page(&served, "/reports/1/kept/comments").await.body;
    assert!(comments.contains("<h1>1 comment</h1>") && comments.contains("See you &#60;b&#62;there"), "{comments}");
    let part = page(&served, "/reports/1?for=0").await.body;
    assert!(part.contains("The pages of Ocotillo") && part.contains("Flags this week: 0"), "{part}");
    assert!(!part.contains(&served.flag));
    assert!(page(&served, "/reports/1/kept/comments?for=0").await.body.contains("<h1>0 comments</h1>"));
    for path in ["/reports/2", "/reports/1?for=1", "/reports/1/kept/likes"] {
        assert_eq!(page(&served, path).await.status, 404, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rules_page_shows_how_rules_fare_what_is_harmless_and_what_serves_each_clause() {
    let served = Served::new().await;
    let now = served.clock.now();
    let (name, pack) = ("privacy.toml", include_str!("../../../config/rules/privacy.toml"));
    let first = crate::rules::stated(&[(name.to_owned(), pack.to_owned())]).remove(0);
    let text = serde_json::to_string(&[(name, pack.replacen(&first.id, "test.rule", 1))]).unwrap();
    served.db.writer.write_async(move |tx| db::inputs::put(tx, crate::app::PACKS, &text, now)).await.unwrap();
    let cookie = served.cookie().await;
    let signed_in = [("Cookie", cookie.as_str()), ("Sec-Fetch-Site", "same-origin")];
    let form = "outcome=benign-phrase&reason=office&phrase=call+760-555-0199&until=2099-06-30";
    let review = format!("/flags/{}/review", served.flag);
    assert_eq!(served.ask("POST", &review, &signed_in, form).await.status, 303);
    for wrong in ["until=yesterday", "until=2001-01-01"] {
        let form = format!("outcome=benign-phrase&reason=office&phrase=x&{wrong}");
        assert_eq!(served.ask("POST", &review, &signed_in, &form).await.status, 400, "{wrong}");
    }
    let body = page(&served, "/rules").await.body;
    for words in
        ["test.rule", "1 decided: 0 upheld (0 of 100)", "“<bdi class=\"anywhere\">call 760-555-0199</bdi>”", "office"]
    {
        assert!(body.contains(words), "{words}: {body}");
    }
    let (entry, actor) = served.db.read(db::suppressions::all).map(|all| (all[0].seq, all[0].actor.clone())).unwrap();
    assert!(body.contains(&actor) && body.contains(&format!("/rules/harmless/{entry}/end")));
    let end = format!("/rules/harmless/{entry}/end");
    assert_eq!(served.ask("POST", &end, &signed_in, "reason=").await.status, 400);
    assert_eq!(served.ask("POST", &end, &signed_in, "reason=moved").await.status, 303);
    assert!(page(&served, "/rules").await.body.contains("ended"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unflagged_sample_waits_for_a_look_and_is_gone_after_it() {
    let served = Served::new().await;
    let (now, size) = (served.clock.now(), served.db.read(db::ledger::size).unwrap());
    let draw = move |tx: &db::Tx<'_>| db::samples::draw(tx, "2026-W47", 0, size, 20, now);
    let drawn = served.db.writer.write_async(draw).await.unwrap();
    assert!(drawn > 0);
    let cookie = served.cookie().await;
    let signed_in = [("Cookie", cookie.as_str()), ("Sec-Fetch-Site", "same-origin")];
    let waiting = served.db.read(db::samples::waiting).unwrap();
    assert!(page(&served, "/sample").await.body.contains(&waiting[0].name));
    let look = format!("/sample/{}", waiting[0].id);
    assert_eq!(served.ask("POST", &look, &signed_in, "look=nonsense").await.status, 400);
    assert_eq!(served.ask("POST", &look, &signed_in, "look=threat_violence&note=odd").await.status, 303);
    assert!(!page(&served, "/sample").await.body.contains(&format!("/sample/{}\"", waiting[0].id)));
    let tally = served.db.read(|conn| db::samples::tallies(conn, 1)).unwrap().remove(0);
    assert_eq!((tally.drawn, tally.looked, tally.missed), (drawn as u64, 1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_packs_are_shown_with_what_they_would_do_and_count_after_a_press() {
    let served = Served::new().await;
    let now = served.clock.now();
    let (text, digest) = (r#"[["a.toml",""]]"#.to_owned(), crate::seal::sha256(br#"[["a.toml",""]]"#));
    let rule =
        db::offers::Change { new: 2, examples: vec![("new".into(), "facebook:1_2".into())], ..Default::default() };
    let rules = [("test.rule".to_owned(), rule)].into();
    let found = db::offers::Found { texts: 1_234, new: 2, rules, ..Default::default() };
    let offer = db::offers::Offer { digest, text, at: now, against: [0; 32], through: 7, found };
    served.db.writer.write_async(move |tx| db::offers::put(tx, &offer)).await.unwrap();
    let body = page(&served, "/rules").await.body;
    let (form, short) = (format!("/rules/offer/{}", hex::encode(digest)), hex::encode(&digest[..4]));
    for words in ["a.toml is new", "1,234 texts", "test.rule", "new facebook:1_2", "Put in force", &form, &short] {
        assert!(body.contains(words), "{words}: {body}");
    }
    assert!(page(&served, "/").await.body.contains("Changed rule packs wait for a person"));
    let gauge = async || served.ask("GET", "/metrics", &[], "").await.body.contains("pagekeeper_packs_offered 1");
    assert!(gauge().await);
    let cookie = served.cookie().await;
    let signed_in = [("Cookie", cookie.as_str()), ("Sec-Fetch-Site", "same-origin")];
    let others = format!("/rules/offer/{}", "00".repeat(32));
    assert_eq!(served.ask("POST", &others, &signed_in, "").await.status, 409);
    assert_eq!(served.ask("POST", "/rules/offer/xyz", &signed_in, "").await.status, 404);
    assert_eq!(served.ask("POST", &form, &[("Cookie", cookie.as_str())], "").await.status, 403);
    assert_eq!(served.ask("POST", &form, &signed_in, "").await.status, 303);
    assert_eq!(served.ask("POST", &form, &signed_in, "").await.status, 409, "once");
    let in_force = served.db.read(|conn| db::inputs::in_force(conn, db::inputs::PACKS)).unwrap().unwrap();
    assert_eq!((in_force.0, gauge().await), (digest, false));
    let body = page(&served, "/rules").await.body;
    assert!(!body.contains("Put in force"));
}
