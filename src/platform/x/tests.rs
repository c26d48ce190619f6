use super::threads::{QUERY_LENGTH, batches, query};
use super::*;
use crate::model::{Exchange, Kind as ItemKind, Observation};
use crate::platform::http::Verdict;

fn exchange(status: u16, body: &str) -> Exchange {
    Exchange {
        at: "2026-11-22T12:00:00Z".parse().unwrap(),
        status,
        body: body.as_bytes().to_vec(),
        ..Exchange::default()
    }
}

fn read(body: &str) -> Read {
    parse_posts(&exchange(200, body), &Names::default())
}

fn only(read: &Read) -> &Observation {
    assert_eq!(read.page.observations.len(), 1, "{:?}", read.page.problems);
    &read.page.observations[0]
}

const EDITED: &str = r#"{"data":[{"id":"1790000000000000002","text":"Doors open at 6 &amp; close at 9","author_id":"55",
    "conversation_id":"1790000000000000002","created_at":"2026-11-20T17:40:00.000Z",
    "edit_history_tweet_ids":["1790000000000000001","1790000000000000002"],
    "public_metrics":{"retweet_count":1,"reply_count":2,"like_count":3,"quote_count":4,"bookmark_count":0,"impression_count":9}}],
    "includes":{"users":[{"id":"55","name":"Mesa Vista High","username":"mesavistahigh"}],
    "tweets":[{"id":"1790000000000000001","text":"Doors open at 7","author_id":"55","created_at":"2026-11-20T17:30:00.000Z",
    "edit_history_tweet_ids":["1790000000000000001","1790000000000000002"]}]},"meta":{"result_count":1}}"#;

#[test]
fn an_edited_post_is_one_item_under_its_first_id_with_the_earlier_text_before_it() {
    let read = read(EDITED);
    let [earlier, current] = read.page.observations.as_slice() else { panic!("{:?}", read.page.observations) };
    assert!(earlier.superseded && !current.superseded);
    assert_eq!(
        (earlier.content.text.as_str(), current.content.text.as_str()),
        ("Doors open at 7", "Doors open at 6 & close at 9")
    );
    for observation in [earlier, current] {
        assert_eq!(observation.native_id, "1790000000000000001");
        assert_eq!(observation.aliases, ["1790000000000000002"]);
    }
    assert_eq!((current.counts.comments, current.counts.reactions, current.counts.shares), (Some(2), Some(3), Some(5)));
    assert_eq!(current.author.handle.as_deref(), Some("mesavistahigh"));
    assert_eq!(read.posts[0].ids, ["1790000000000000001", "1790000000000000002"]);
    assert!(read.page.problems.is_empty(), "{:?}", read.page.problems);
    assert!(read.next.is_none() && read.behind.is_empty());
}

#[test]
fn a_search_asks_for_every_id_of_a_history() {
    let thread = Thread::of(&read(EDITED).posts[0]);
    assert_eq!(query(&[thread]), "conversation_id:1790000000000000001 OR conversation_id:1790000000000000002");
}

#[test]
fn many_threads_share_a_search_as_long_as_its_query_may_be() {
    let threads: Vec<Thread> = (0..40)
        .map(|n| {
            let id = (1_790_000_000_000_000_000_i64 + n).to_string();
            Thread { native_id: id.clone(), ids: vec![id], created_at: None }
        })
        .collect();
    let batches = batches(threads.clone());
    assert!(batches.iter().all(|batch| query(batch).len() <= QUERY_LENGTH));
    assert_eq!(batches.concat(), threads);
    assert!(batches.len() <= 4);
}

#[test]
fn the_newer_vocabulary_is_read_as_the_older_one() {
    let newer = EDITED
        .replace("edit_history_tweet_ids", "edit_history_post_ids")
        .replace("retweet_count", "repost_count")
        .replace("\"tweets\"", "\"posts\"");
    let (older, newer) = (read(EDITED), read(&newer));
    let plain = |read: &Read| -> Vec<Observation> {
        read.page
            .observations
            .iter()
            .cloned()
            .map(|mut o| {
                o.raw = 0..0;
                o
            })
            .collect()
    };
    assert_eq!(plain(&older), plain(&newer));
    assert!(newer.page.problems.is_empty(), "{:?}", newer.page.problems);
}

#[test]
fn a_lookup_by_an_earlier_id_names_the_newest_one_to_look_up() {
    let read = read(
        r#"{"data":[{"id":"11","text":"old","edit_history_tweet_ids":["11","12"],"author_id":"5"}],"meta":{"result_count":1}}"#,
    );
    assert_eq!(read.behind, ["12"]);
    assert!(only(&read).superseded);
    assert_eq!(only(&read).native_id, "11");
}

#[test]
fn answers_stand_under_the_first_id_of_what_they_answer() {
    let mut names = Names::default();
    names.root(&["11".to_owned(), "12".to_owned()], "11");
    let body = r#"{"data":[
        {"id":"21","text":"thanks","author_id":"7","conversation_id":"12","referenced_tweets":[{"type":"replied_to","id":"12"}]},
        {"id":"22","text":"you are welcome","author_id":"5","conversation_id":"12","referenced_tweets":[{"type":"replied_to","id":"21"}]}]}"#;
    let read = parse_posts(&exchange(200, body), &names);
    let placed: Vec<_> =
        read.page.observations.iter().map(|o| (o.kind, o.parent.as_deref(), o.root.as_deref())).collect();
    assert_eq!(placed, [(ItemKind::Comment, Some("11"), Some("11")), (ItemKind::Reply, Some("21"), Some("11"))]);
}

#[test]
fn a_long_post_is_read_from_its_note_and_media_carry_their_description() {
    let body = r#"{"data":{"id":"31","text":"The beginning of a long…","note_tweet":{"text":"The beginning of a long post & its end",
        "entities":{"urls":[{"start":0,"end":1,"url":"https://t.co/a","expanded_url":"https://mesavista.example.org/a","title":"Bell times"}]}},
        "entities":{"urls":[{"url":"https://t.co/p","expanded_url":"https://x.com/p/photo/1","media_key":"3_9"}]},
        "attachments":{"media_keys":["3_9","7_8"],"poll_ids":["41"]}},
        "includes":{"media":[{"media_key":"3_9","type":"photo","url":"https://pbs.example.org/a.jpg","alt_text":"the gym"},
        {"media_key":"7_8","type":"video","preview_image_url":"https://pbs.example.org/p.jpg","variants":[
        {"content_type":"application/x-mpegURL","url":"https://v.example.org/a.m3u8"},
        {"content_type":"video/mp4","bit_rate":256000,"url":"https://v.example.org/low.mp4"},
        {"content_type":"video/mp4","bit_rate":2176000,"url":"https://v.example.org/high.mp4"}]}],
        "polls":[{"id":"41","options":[{"position":1,"label":"Monday","votes":3},{"position":2,"label":"Friday","votes":1}]}]}}"#;
    let read = read(body);
    let content = &only(&read).content;
    assert_eq!(content.text, "The beginning of a long post & its end");
    assert_eq!(content.links, ["https://mesavista.example.org/a"]);
    assert_eq!(content.parts, ["Bell times", "Monday", "Friday"]);
    assert_eq!(content.media[0].alt.as_deref(), Some("the gym"));
    assert_eq!(content.media[0].mime.as_deref(), Some("image/jpeg"));
    assert_eq!(content.media[1].url.as_deref(), Some("https://v.example.org/high.mp4"));
    assert!(read.page.problems.is_empty(), "{:?}", read.page.problems);
}

#[test]
fn a_retweet_carries_the_words_it_passes_on() {
    let read = read(
        r#"{"data":[{"id":"61","text":"RT @parkdept: Pool…","author_id":"5","referenced_tweets":[{"type":"retweeted","id":"60"}]}],
        "includes":{"tweets":[{"id":"60","text":"Pool hours change on Monday","author_id":"9"}]}}"#,
    );
    assert_eq!(only(&read).content.parts, ["Pool hours change on Monday"]);
    assert!(read.posts[0].repost);
}

#[test]
fn two_hundred_with_errors_alone_says_which_posts_are_gone_and_which_are_not_shown() {
    let body = r#"{"errors":[
        {"value":"71","detail":"Could not find tweet with ids: [71].","title":"Not Found Error","resource_type":"tweet",
         "parameter":"ids","resource_id":"71","type":"https://api.x.com/2/problems/resource-not-found"},
        {"value":"72","title":"Authorization Error","resource_type":"tweet","parameter":"ids","resource_id":"72",
         "type":"https://api.x.com/2/problems/not-authorized-for-resource"}]}"#;
    let read = read(body);
    let mut page = Page::default();
    let asked = ["71".to_owned(), "72".to_owned(), "73".to_owned()];
    answer(&asked, &read.posts, &read.not_found, &read.not_shown, &mut page);
    assert_eq!(page.answers, [Answer::Gone("71".to_owned())]);
    assert_eq!(page.shortfalls[0].item.as_deref(), Some("72"));
}

#[test]
fn what_is_unknown_is_noted_and_the_post_is_kept() {
    let read = read(
        r#"{"data":[{"id":"81","text":["no","text"],"sparkle":1,"referenced_tweets":[{"type":"remixed","id":"80"}],"created_at":"soon"},
        "word",{"text":"without an id"}],"meta":{"next_token":"b26"}}"#,
    );
    assert_eq!(only(&read).native_id, "81");
    let places: Vec<&str> = read.page.problems.iter().map(|problem| problem.place.as_str()).collect();
    for place in
        ["data[]", "data[].id", "data[].text", "data[].sparkle", "data[].referenced_tweets[].type", "data[].created_at"]
    {
        assert!(places.contains(&place), "{place} in {places:?}");
    }
    assert_eq!(read.next.as_deref(), Some("b26"));
}

#[test]
fn answers_beyond_the_reach_of_search_are_a_shortfall_with_its_times() {
    let at: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
    let reach = at.checked_sub(SEARCH_REACH).unwrap();
    let thread = |created: &str| Thread { created_at: Some(created.parse().unwrap()), ..Thread::default() };
    assert!(out_of_reach(&thread("2026-11-20T00:00:00Z"), reach).is_none());
    let shortfall = out_of_reach(&thread("2026-10-01T00:00:00Z"), reach).unwrap();
    assert_eq!(shortfall.to, Some("2026-11-15T12:00:00Z".parse().unwrap()));
}

#[test]
fn a_used_up_month_is_not_a_quarter_of_an_hour() {
    let capped = exchange(
        429,
        r#"{"title":"UsageCapExceeded","type":"https://api.x.com/2/problems/usage-capped","detail":"x"}"#,
    );
    let Verdict::Refuse(Error::RateLimited { until, .. }) = judge(&capped, "X") else { panic!() };
    assert_eq!(until.duration_since(capped.at), SignedDuration::from_hours(24));

    let mut limited = exchange(429, r#"{"title":"Too Many Requests","type":"about:blank","status":429}"#);
    limited.headers.push(("x-rate-limit-reset".to_owned(), (limited.at.as_second() + 300).to_string()));
    let Verdict::Refuse(Error::RateLimited { until, .. }) = judge(&limited, "X") else { panic!() };
    assert_eq!(until.duration_since(limited.at), SignedDuration::from_mins(5));
}

#[test]
fn refusals_say_what_to_do() {
    let said = |status, body: &str| match judge(&exchange(status, body), "X @mesavista: posts") {
        Verdict::Refuse(error) => error.to_string(),
        other => panic!("{other:?}"),
    };
    assert!(said(401, r#"{"title":"Unauthorized","type":"about:blank","status":401}"#).contains("token_file"));
    assert!(
        said(403, r#"{"title":"Client Forbidden","type":"https://api.x.com/2/problems/client-forbidden"}"#)
            .contains("project")
    );
    assert!(said(402, "{}").contains("credit"));
    assert!(said(400, r#"{"errors":[{"message":"bad id"}],"title":"Invalid Request"}"#).contains("bad id"));
    assert!(matches!(judge(&exchange(200, "<html>"), "X"), Verdict::Again(_)));
    assert!(matches!(judge(&exchange(503, ""), "X"), Verdict::Again(_)));
}

#[test]
fn a_profile_is_an_item_of_its_own() {
    let body = r#"{"data":{"id":"55","name":"Mesa Vista High","username":"mesavistahigh","description":"Go Hawks",
        "public_metrics":{"tweet_count":4100,"followers_count":1},"profile_image_url":"https://pbs.example.org/profile_images/1/a.jpg"}}"#;
    let (page, user) = parse_user(&exchange(200, body));
    assert_eq!(user.unwrap().posts, Some(4_100));
    assert_eq!(page.observations[0].kind, ItemKind::Profile);
    assert_eq!(page.observations[0].content.media[0].native_id, "profile_images/1/a.jpg");
}

#[test]
fn a_reference_of_an_unknown_kind_into_another_conversation_is_an_answer() {
    let post = |conversation: &str| {
        format!(
            r#"{{"data":[{{"id":"2","text":"t","conversation_id":"{conversation}","referenced_tweets":[{{"type":"NEW","id":"1"}}]}}]}}"#
        )
    };
    let root = |conversation: &str| parse_posts(&exchange(200, &post(conversation)), &Names::default()).posts[0].root;
    assert!(root("2") && !root("1"));
}
