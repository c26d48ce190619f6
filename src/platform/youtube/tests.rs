use super::*;
use crate::platform::http::Verdict;
use crate::platform::listing::{Listing, Trouble};

fn exchange(status: u16, body: &str) -> Exchange {
    Exchange {
        at: "2026-11-22T12:00:00Z".parse().unwrap(),
        status,
        body: body.as_bytes().to_vec(),
        ..Exchange::default()
    }
}

fn refusal(reason: &str) -> String {
    format!(
        r#"{{"error":{{"code":403,"message":"m","errors":[{{"domain":"youtube.commentThread","reason":"{reason}","message":"m"}}]}}}}"#
    )
}

const THREADS: &str = r#"{"kind":"youtube#commentThreadListResponse","etag":"e","nextPageToken":"QURT","pageInfo":{"totalResults":2,"resultsPerPage":2},
  "items":[{"kind":"youtube#commentThread","etag":"e","id":"Ug1","snippet":{"channelId":"UC1","videoId":"vid00000001","canReply":true,
    "totalReplyCount":7,"isPublic":true,"topLevelComment":{"kind":"youtube#comment","etag":"e","id":"Ug1","snippet":{"channelId":"UC1",
    "videoId":"vid00000001","textDisplay":"When is practice?","authorDisplayName":"@pat.rivera","authorChannelId":{"value":"UC9"},
    "likeCount":2,"publishedAt":"2026-11-20T10:00:00Z","updatedAt":"2026-11-20T10:00:00Z","canRate":true,"viewerRating":"none"}}},
    "replies":{"comments":[{"kind":"youtube#comment","etag":"e","id":"Ug1.a","snippet":{"videoId":"vid00000001","parentId":"Ug1",
    "textDisplay":"At four","imageUrl":"https://lh.example.org/signed","publishedAt":"2026-11-20T11:00:00.000Z","moderationStatus":"heldForReview"}}]}},
  {"kind":"youtube#commentThread","id":"Ug2","snippet":{"videoId":"vid00000001","totalReplyCount":"0","sparkle":true}}]}"#;

#[test]
fn threads_are_read_with_their_replies_and_what_is_still_to_get() {
    let exchange = exchange(200, THREADS);
    let read = parse_threads(&exchange, "vid00000001");
    let [first, reply] = read.page.observations.as_slice() else { panic!("{:?}", read.page.observations) };
    assert_eq!(
        (first.kind, first.parent.as_deref(), first.root.as_deref()),
        (Kind::Comment, Some("vid00000001"), Some("vid00000001"))
    );
    assert_eq!(
        (reply.kind, reply.parent.as_deref(), reply.root.as_deref()),
        (Kind::Reply, Some("Ug1"), Some("vid00000001"))
    );
    assert_eq!(first.author.handle.as_deref(), Some("@pat.rivera"));
    assert!(reply.hidden && !first.hidden);
    assert_eq!(reply.content.media[0].expires_at, Some("2026-11-22T18:00:00Z".parse().unwrap()));
    assert!(exchange.body[first.raw.clone()].starts_with(b"{\"kind\":\"youtube#comment\""));
    assert_eq!(read.found[0], ThreadRead { id: "Ug1".into(), counted: 7, given: vec!["Ug1.a".into()] });
    assert_eq!(read.next.as_deref(), Some("QURT"));
    let places: Vec<&str> = read.page.problems.iter().map(|problem| problem.place.as_str()).collect();
    assert_eq!(places, ["items[].snippet.sparkle", "items[].snippet.topLevelComment"]);
}

#[test]
fn a_video_is_its_title_and_description_with_counts_given_as_texts() {
    let read = parse_videos(&exchange(
        200,
        r#"{"items":[{"id":"vid00000001","snippet":{"title":"Board meeting","description":"Agenda: https://mesavista.example.org","channelId":"UC1",
        "channelTitle":"Mesa Vista USD","publishedAt":"2026-11-19T18:00:00Z","thumbnails":{"default":{"url":"https://i.example.org/d.jpg"},
        "high":{"url":"https://i.example.org/h.jpg"}}},"statistics":{"commentCount":"12","likeCount":"3"},"status":{"privacyStatus":"friends"}}]}"#,
    ));
    let video = &read.page.observations[0];
    assert_eq!(video.content.text, "Board meeting\n\nAgenda: https://mesavista.example.org");
    assert_eq!(video.content.media[0].url.as_deref(), Some("https://i.example.org/h.jpg"));
    assert_eq!((video.counts.comments, video.counts.reactions), (Some(12), Some(3)));
    assert_eq!(read.page.problems[0].place, "items[].status.privacyStatus");
}

#[test]
fn the_reason_decides_what_a_refusal_means() {
    let judged = |status, body: &str| judge(&exchange(status, body), "YouTube: comments");
    for state in ["commentsDisabled", "videoNotFound", "processingFailure"] {
        let status = match state {
            "commentsDisabled" => 403,
            "videoNotFound" => 404,
            _ => 400,
        };
        assert_eq!(judged(status, &refusal(state)), Verdict::Take, "{state}");
    }
    let Verdict::Refuse(Error::RateLimited { until, .. }) = judged(403, &refusal("quotaExceeded")) else { panic!() };
    assert_eq!(until, "2026-11-23T08:00:00Z".parse().unwrap());
    let Verdict::Refuse(Error::RateLimited { until, .. }) = judged(403, &refusal("rateLimitExceeded")) else {
        panic!()
    };
    assert_eq!(until, "2026-11-22T12:01:00Z".parse().unwrap());
    let bad_key = r#"{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","errors":[{"reason":"badRequest"}],
        "status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}}"#;
    assert!(matches!(judged(400, bad_key), Verdict::Refuse(Error::Unauthorized { .. })));
    assert!(matches!(judged(403, &refusal("accessNotConfigured")), Verdict::Refuse(Error::Unauthorized { .. })));
    assert!(matches!(judged(500, &refusal("backendError")), Verdict::Again(_)));
    assert!(matches!(judged(200, "{\"items\":["), Verdict::Again(_)));
    assert!(matches!(judged(400, r#"{"error":"error message"}"#), Verdict::Refuse(Error::Unexpected { .. })));
}

#[test]
fn units_come_back_at_midnight_pacific_in_summer_and_winter() {
    let refill = |now: &str| refill(now.parse().unwrap()).to_string();
    assert_eq!(refill("2026-07-01T06:59:00Z"), "2026-07-01T07:00:00Z");
    assert_eq!(refill("2026-11-22T12:00:00Z"), "2026-11-23T08:00:00Z");
    assert_eq!(refill("2026-11-01T08:30:00Z"), "2026-11-02T08:00:00Z");
}

#[test]
fn a_listing_goes_on_after_short_and_empty_pages_and_stops_at_a_repeated_one() {
    let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    let listing = Listing::default().after(Some("t1"), &ids(&["a"])).unwrap().unwrap();
    let listing = listing.after(Some("t2"), &[]).unwrap().unwrap();
    assert!(listing.clone().after(Some("t3"), &ids(&["a"])).is_err());
    assert!(listing.clone().after(None, &ids(&["a"])).unwrap().is_none());
    let listing = listing.after(Some("t3"), &ids(&["a", "b"])).unwrap().unwrap();
    let listing = listing.after(Some("t4"), &[]).unwrap().unwrap().after(Some("t5"), &[]).unwrap().unwrap();
    assert!(listing.after(Some("t6"), &[]).is_err());
}

#[test]
fn a_listing_that_breaks_off_is_tried_again_begun_anew_and_given_up() {
    let mut listing = Listing::default().after(Some("t1"), &["a".to_owned()]).unwrap().unwrap();
    let mut begun_anew = 0;
    for _ in 0..4 {
        let Trouble::Again(next) = listing.trouble() else { panic!() };
        begun_anew += usize::from(next.first() && !listing.first());
        listing = next;
    }
    assert_eq!(begun_anew, 1);
    assert!(matches!(listing.trouble(), Trouble::GiveUp));
}
