//! Whatever a platform answers: items that name bytes of the answer, and problems for the rest.
#![no_main]

use std::collections::BTreeSet;

use libfuzzer_sys::fuzz_target;
use pagekeeper::model::{Exchange, Page, Timestamp};
use pagekeeper::platform::{bluesky, facebook, instagram, x, youtube};

fuzz_target!(|body: &[u8]| {
    let exchange = Exchange { at: Timestamp::UNIX_EPOCH, status: 200, body: body.to_vec(), ..Exchange::default() };
    let hidden = BTreeSet::new();
    let blobs = bluesky::Blobs { did: "did:plc:district", server: "https://pds.example.org" };
    let eye = bluesky::Eye { blobs, handle: "mesavista.example.org", hidden: &hidden };
    let pages: [Page; 14] = [
        facebook::parse_posts(&exchange, "1"),
        facebook::parse_comments(&exchange, "1_2"),
        instagram::parse_posts(&exchange, "1"),
        instagram::parse_comments(&exchange, "2"),
        x::parse_posts(&exchange, &x::Names::default()).page,
        x::parse_user(&exchange).0,
        youtube::parse_channels(&exchange).page,
        youtube::parse_videos(&exchange).page,
        youtube::parse_threads(&exchange, "v1").page,
        youtube::parse_comments(&exchange, |_| "v1".to_owned(), None).page,
        bluesky::parse_records(&exchange, eye, true).page,
        bluesky::parse_posts(&exchange, eye, &[]).0,
        bluesky::parse_thread(&exchange, eye).page,
        bluesky::parse_profile(&exchange).0,
    ];
    for seen in pages.iter().flat_map(|page| &page.observations) {
        assert!(exchange.body.get(seen.raw.clone()).is_some(), "{}", seen.native_id);
        assert!(!seen.content.text.contains('\0'), "{}", seen.native_id);
    }
});
