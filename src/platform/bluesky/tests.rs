use super::*;
use crate::model::Kind;
use crate::platform::http::Verdict;

const DISTRICT: &str = "did:plc:district";
const NOW: &str = "2026-11-22T12:00:00Z";

fn exchange(status: u16, body: &str) -> Exchange {
    Exchange { at: NOW.parse().unwrap(), status, body: body.as_bytes().to_vec(), ..Exchange::default() }
}

fn eye(hidden: &BTreeSet<String>) -> Eye<'_> {
    Eye { blobs: Blobs { did: DISTRICT, server: "https://pds.example.org" }, handle: "mesavista.example.org", hidden }
}

fn uri(did: &str, rkey: &str) -> String {
    format!("at://did:plc:{did}/app.bsky.feed.post/{rkey}")
}

fn view(did: &str, rkey: &str, replies: i64, record: &str) -> String {
    format!(
        r#"{{"uri":"{}","cid":"bafy{rkey}","author":{{"did":"did:plc:{did}","handle":"{did}.example.org","displayName":"{did}"}},
        "record":{record},"replyCount":{replies},"repostCount":1,"likeCount":2,"quoteCount":3,"indexedAt":"2026-11-20T08:00:00.000Z"}}"#,
        uri(did, rkey)
    )
}

fn answer(parent: &str, text: &str) -> String {
    format!(
        r#"{{"$type":"app.bsky.feed.post","text":"{text}","createdAt":"2026-11-20T07:59:00Z",
        "reply":{{"root":{{"uri":"{}","cid":"c"}},"parent":{{"uri":"{parent}","cid":"c"}}}}}}"#,
        uri("district", "root")
    )
}

const ROOT: &str = r#"{"$type":"app.bsky.feed.post","text":"Doors open at six","createdAt":"2026-11-20T07:58:00Z"}"#;
const NODE: &str = r#""$type":"app.bsky.feed.defs#threadViewPost""#;

#[test]
fn a_thread_is_read_with_hidden_replies_and_says_where_more_is_counted_than_shown() {
    let hidden_reply = format!(
        r#"{{{NODE},"post":{},"replies":[]}}"#,
        view("pat", "two", 0, &answer(&uri("district", "root"), "rude"))
    );
    let edge = format!(r#"{{{NODE},"post":{}}}"#, view("ana", "three", 1, &answer(&uri("ana", "one"), "and more")));
    let first = format!(
        r#"{{{NODE},"post":{},"replies":[{edge},{{"$type":"app.bsky.feed.defs#blockedPost","uri":"at://x","blocked":true}}]}}"#,
        view("ana", "one", 1, &answer(&uri("district", "root"), "thanks"))
    );
    let body = format!(
        r#"{{"thread":{{{NODE},"post":{},"replies":[{first},{hidden_reply}]}},
        "threadgate":{{"uri":"at://g","record":{{"$type":"app.bsky.feed.threadgate","hiddenReplies":["{}"]}}}}}}"#,
        view("district", "root", 2, ROOT),
        uri("pat", "two")
    );
    let exchange = exchange(200, &body);
    let none = BTreeSet::new();
    let thread = parse_thread(&exchange, eye(&none));
    assert!(thread.page.problems.is_empty(), "{:?}", thread.page.problems);
    let seen: Vec<_> = thread.page.observations.iter().map(|o| (o.content.text.as_str(), o.kind, o.hidden)).collect();
    assert_eq!(
        seen,
        [
            ("Doors open at six", Kind::Post, false),
            ("thanks", Kind::Comment, false),
            ("and more", Kind::Reply, false),
            ("rude", Kind::Comment, true)
        ]
    );
    let short: Vec<&str> = thread.nodes.iter().filter(|n| n.counted > n.shown).map(|n| n.uri.as_str()).collect();
    assert_eq!(short, [uri("ana", "three")]);
    let first = &thread.page.observations[1];
    assert_eq!(first.created_at, "2026-11-20T07:59:00Z".parse().ok());
    assert_eq!(first.counts.shares, Some(4));
    assert!(exchange.body[first.raw.clone()].starts_with(format!("{{\"uri\":\"{}\"", uri("ana", "one")).as_bytes()));
    assert_eq!(thread.hidden.len(), 1);
}

#[test]
fn a_thread_of_any_depth_does_not_exhaust_the_stack() {
    let mut body = format!(r#"{{{NODE},"post":{},"replies":[]}}"#, view("ana", "last", 0, &answer("at://p", "end")));
    for n in 0..1_000 {
        body = format!(
            r#"{{{NODE},"post":{},"replies":[{body}]}}"#,
            view("ana", &format!("n{n}"), 1, &answer("at://p", "on"))
        );
    }
    let none = BTreeSet::new();
    let thread = parse_thread(&exchange(200, &format!(r#"{{"thread":{body}}}"#)), eye(&none));
    assert!(thread.nodes.len() > 400);
    assert!(thread.page.problems.iter().any(|problem| problem.what.contains("deeper")));
    let nest = format!("{{\"thread\":{}{}}}", "{\"replies\":[".repeat(100_000), "]}".repeat(100_000));
    parse_thread(&exchange(200, &nest), eye(&none));
}

#[test]
fn a_post_has_one_content_whether_its_server_or_the_appview_tells_it() {
    let record = r#"{"$type":"app.bsky.feed.post","text":"Fotos aquí: álbum","createdAt":"2026-11-20T07:58:00Z","langs":["es"],
        "facets":[{"index":{"byteStart":13,"byteEnd":19},"features":[{"$type":"app.bsky.richtext.facet#link","uri":"https://mesavista.example.org/a"}]}],
        "embed":{"$type":"app.bsky.embed.images","images":[{"alt":"the gym","image":{"$type":"blob","ref":{"$link":"bafkone"},"mimeType":"image/jpeg","size":9}},
        {"alt":"","image":{"cid":"bafktwo","mimeType":"image/png"}}]}}"#;
    let none = BTreeSet::new();
    let listing =
        format!(r#"{{"cursor":"c1","records":[{{"uri":"{}","cid":"c","value":{record}}}]}}"#, uri("district", "3abc"));
    let listed = parse_records(&exchange(200, &listing), eye(&none), false);
    let shown = view("district", "3abc", 0, record).replace(
        "\"replyCount\"",
        r#""embed":{"$type":"app.bsky.embed.images#view","images":[{"thumb":"t","fullsize":"https://cdn.example.org/x","alt":"the gym"}]},"replyCount""#,
    );
    let (page, found) = parse_posts(&exchange(200, &format!(r#"{{"posts":[{shown}]}}"#)), eye(&none), &[]);
    assert_eq!(found, [uri("district", "3abc")]);
    let (record, post) = (&listed.page.observations[0], &page.observations[0]);
    assert_eq!(record.content, post.content);
    assert_eq!(record.content.links, ["https://mesavista.example.org/a"]);
    assert_eq!(record.content.media[0].native_id, "bafkone");
    assert_eq!(record.content.media[0].alt.as_deref(), Some("the gym"));
    assert_eq!(
        record.content.media[1].url.as_deref(),
        Some("https://pds.example.org/xrpc/com.atproto.sync.getBlob?did=did:plc:district&cid=bafktwo")
    );
    assert!(listed.page.problems.is_empty() && page.problems.is_empty());
    assert_eq!(listed.next.as_deref(), Some("c1"));
}

#[test]
fn a_link_whose_bytes_do_not_fit_the_text_is_kept_and_noted() {
    let record = r#"{"$type":"app.bsky.feed.post","text":"né","createdAt":"2026-11-20T07:58:00Z",
        "facets":[{"index":{"byteStart":0,"byteEnd":2},"features":[{"$type":"app.bsky.richtext.facet#link","uri":"https://a.example.org"}]}]}"#;
    let none = BTreeSet::new();
    let listing = format!(r#"{{"records":[{{"uri":"{}","cid":"c","value":{record}}}]}}"#, uri("district", "3abc"));
    let listed = parse_records(&exchange(200, &listing), eye(&none), false);
    assert_eq!(listed.page.observations[0].content.links, ["https://a.example.org"]);
    assert_eq!(listed.page.problems[0].place, "records[].value.facets[].index");
}

#[test]
fn quoted_words_and_reposts_come_from_the_appview() {
    let quoting = format!(
        r#"{{"$type":"app.bsky.feed.post","text":"See this","createdAt":"2026-11-20T07:58:00Z",
        "embed":{{"$type":"app.bsky.embed.record","record":{{"uri":"{}","cid":"c"}}}}}}"#,
        uri("park", "pool")
    );
    let none = BTreeSet::new();
    let listing = format!(r#"{{"records":[{{"uri":"{}","cid":"c","value":{quoting}}}]}}"#, uri("district", "3q"));
    let listed = parse_records(&exchange(200, &listing), eye(&none), false);
    assert!(listed.page.observations.is_empty() && listed.records[0].quotes);
    assert_eq!(parse_records(&exchange(200, &listing), eye(&none), true).page.observations.len(), 1);

    let shown = view("district", "3q", 0, &quoting).replace(
        "\"replyCount\"",
        r#""embed":{"$type":"app.bsky.embed.record#view","record":{"$type":"app.bsky.embed.record#viewRecord","uri":"at://x","value":{"text":"Pool closes early"}}},"replyCount""#,
    );
    let (page, _) = parse_posts(&exchange(200, &format!(r#"{{"posts":[{shown}]}}"#)), eye(&none), &[]);
    assert_eq!(page.observations[0].content.parts, ["Pool closes early"]);
    assert_eq!(page.observations[0].content.links, ["https://bsky.app/profile/did:plc:park/post/pool"]);

    let repost = format!(
        r#"{{"records":[{{"uri":"at://did:plc:district/app.bsky.feed.repost/3r","cid":"c","value":{{"$type":"app.bsky.feed.repost",
        "subject":{{"uri":"{}","cid":"c"}},"createdAt":"2026-11-20T09:00:00Z"}}}}]}}"#,
        uri("park", "pool")
    );
    let reposts = parse_records(&exchange(200, &repost), eye(&none), false).records;
    let passed = view("park", "pool", 0, &ROOT.replace("Doors open at six", "Pool closes early"));
    let (page, _) = parse_posts(&exchange(200, &format!(r#"{{"posts":[{passed}]}}"#)), eye(&none), &reposts);
    let [repost] = page.observations.as_slice() else { panic!("{:?}", page.observations) };
    assert_eq!(repost.native_id, "at://did:plc:district/app.bsky.feed.repost/3r");
    assert_eq!(repost.author.native_id.as_deref(), Some(DISTRICT));
    assert_eq!(repost.content.parts, ["Pool closes early"]);
}

#[test]
fn refusals_are_told_apart() {
    let told = |body: &str| judge::told(&exchange(400, body));
    assert!(told(r#"{"error":"NotFound","message":"Post not found: at://x"}"#).absent());
    assert!(told(r#"{"error":"RecordNotFound","message":"Could not locate record: at://x"}"#).absent());
    assert!(told(r#"{"error":"InvalidRequest","message":"Could not locate record: at://x"}"#).absent());
    assert!(!told(r#"{"error":"InvalidRequest","message":"Profile not found"}"#).absent());
    assert!(told(r#"{"error":"RepoDeactivated","message":"Repo has been deactivated"}"#).withdrawn());
    let mut limited = exchange(429, r#"{"error":"RateLimitExceeded","message":"Rate Limit Exceeded"}"#);
    limited.headers.push(("retry-after".to_owned(), "90".to_owned()));
    let Verdict::Refuse(Error::RateLimited { until, .. }) = judge(&limited, "Bluesky") else { panic!() };
    assert_eq!(until, "2026-11-22T12:01:30Z".parse().unwrap());
    assert!(matches!(judge(&exchange(200, "<html>"), "Bluesky"), Verdict::Again(_)));
    assert!(matches!(judge(&exchange(502, ""), "Bluesky"), Verdict::Again(_)));
}

#[test]
fn a_threads_own_items_are_checked_where_the_truth_about_them_is() {
    let known = |uri: String, root: String| Known { native_id: uri, kind: Kind::Comment, root };
    let root = uri("district", "root");
    let threads = [known(root.clone(), root.clone())];
    let check = [
        known(root.clone(), root.clone()),
        known(uri("district", "own"), root.clone()),
        known(uri("pat", "two"), root.clone()),
    ];
    let steps = revisits(DISTRICT, &threads, &check);
    assert!(matches!(&steps[..], [Step::Own(_), Step::Reply(_), Step::Thread { .. }]), "{steps:?}");
}

#[test]
fn a_profile_is_read_with_its_pictures_by_cid() {
    let body = r#"{"did":"did:plc:district","handle":"mesavista.example.org","displayName":"Mesa Vista Unified","description":"Official",
        "avatar":"https://cdn.example.org/img/avatar/plain/did:plc:district/bafkface@jpeg","followersCount":3,"postsCount":9,"novel":1}"#;
    let (page, profile) = parse_profile(&exchange(200, body));
    assert_eq!(profile.unwrap().posts, Some(9));
    assert_eq!(page.observations[0].content.media[0].native_id, "bafkface");
    assert_eq!(page.problems[0].place, "novel");
}

#[test]
fn a_quote_whose_original_is_not_shown_is_seen_in_part() {
    let record = r#"{"$type":"app.bsky.feed.post","text":"See this","createdAt":"2026-11-20T07:58:00Z",
        "embed":{"$type":"app.bsky.embed.record","record":{"uri":"at://did:plc:park/app.bsky.feed.post/3p","cid":"c"}}}"#;
    let none = BTreeSet::new();
    let quoted = |kind: &str, more: &str| {
        let embed = format!(
            r#""embed":{{"$type":"app.bsky.embed.record#view","record":{{"$type":"app.bsky.embed.record#{kind}","uri":"at://p"{more}}}}},"replyCount""#
        );
        let shown = view("district", "3abc", 0, record).replace("\"replyCount\"", &embed);
        let (page, _) = parse_posts(&exchange(200, &format!(r#"{{"posts":[{shown}]}}"#)), eye(&none), &[]);
        (page.observations[0].in_part, page.observations[0].content.parts.len())
    };
    assert_eq!(quoted("viewRecord", r#","value":{"text":"Pool closes early"}"#), (false, 1));
    assert_eq!(quoted("viewRecord", r#","value":{"text":""}"#), (false, 0));
    assert_eq!(quoted("viewNotFound", r#","notFound":true"#), (true, 0));
    assert_eq!(quoted("viewBlocked", r#","blocked":true,"author":{"did":"did:plc:park"}"#), (true, 0));
    assert_eq!(quoted("viewDetached", r#","detached":true"#), (true, 0));
    let listing = format!(r#"{{"records":[{{"uri":"{}","cid":"c","value":{record}}}]}}"#, uri("district", "3abc"));
    assert!(parse_records(&exchange(200, &listing), eye(&none), true).page.observations[0].in_part);
}
