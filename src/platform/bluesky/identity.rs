//! Names on the AT Protocol: DIDs and their documents, `at://` URIs, and the time in a record key. Pure.

use jiff::SignedDuration;
use reqwest::Url;

use crate::model::{Exchange, Timestamp};
use crate::platform::lenient::Body;

/// The parts of `at://did/collection/rkey`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place<'a> {
    pub did: &'a str,
    pub collection: &'a str,
    pub rkey: &'a str,
}

impl<'a> Place<'a> {
    pub fn of(uri: &'a str) -> Option<Place<'a>> {
        let mut parts = uri.strip_prefix("at://")?.split('/');
        let place = Place { did: parts.next()?, collection: parts.next()?, rkey: parts.next()? };
        let whole = parts.next().is_none() && !place.collection.is_empty() && !place.rkey.is_empty();
        (whole && place.did.starts_with("did:")).then_some(place)
    }
}

/// The web page of a post or account; with the DID, since handles change.
pub fn web_page(uri: &str) -> Option<String> {
    let place = Place::of(uri)?;
    Some(format!("https://bsky.app/profile/{}/post/{}", place.did, place.rkey))
}

/// When a record key was made: most are TIDs, microseconds and a clock id in sortable base32. It is as good as the clock of
/// whoever made it.
pub fn tid_time(rkey: &str) -> Option<Timestamp> {
    const DIGITS: &[u8] = b"234567abcdefghijklmnopqrstuvwxyz";
    if rkey.len() != 13 {
        return None;
    }
    let value = rkey.bytes().try_fold(0_u128, |value, byte| {
        let digit = DIGITS.iter().position(|known| *known == byte)?;
        Some((value << 5) | digit as u128)
    })?;
    let micros = i64::try_from(value >> 10).ok()?;
    Timestamp::from_millisecond(micros / 1000).ok()
}

/// When a post was written: its own claim, unless that is absurd or later than when a server first saw it.
pub fn written(
    claimed: Option<Timestamp>,
    indexed: Option<Timestamp>,
    rkey: &str,
    now: Timestamp,
) -> Option<Timestamp> {
    let latest = indexed.unwrap_or_else(|| now.checked_add(SignedDuration::from_mins(5)).unwrap_or(now));
    let sane = |at: &Timestamp| *at >= OLDEST && *at <= latest;
    claimed.filter(sane).or(indexed).or_else(|| tid_time(rkey).filter(sane))
}

/// Nobody wrote here before the year 2000.
const OLDEST: Timestamp = Timestamp::constant(946_684_800, 0);

/// A DID document, as far as it is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The account's own server.
    pub server: String,
    pub handle: Option<String>,
}

/// Reads a DID document; the words say what is wrong with it.
pub fn parse_document(exchange: &Exchange, did: &str) -> Result<Document, String> {
    let body = Body::of(exchange);
    let root = body.root().ok_or("it is no JSON object")?;
    if root.str("id").as_deref() != Some(did) {
        return Err("it is that of another DID".to_owned());
    }
    let handle = root.strs("alsoKnownAs").into_iter().find_map(|name| name.strip_prefix("at://").map(str::to_owned));
    let own = |id: &str| id == "#atproto_pds" || id.strip_prefix(did) == Some("#atproto_pds");
    let service = root.objects("service").into_iter().find(|service| service.str("id").is_some_and(|id| own(&id)));
    let server =
        service.and_then(|service| service.str("serviceEndpoint")).ok_or("it names no server (#atproto_pds)")?;
    let url = Url::parse(&server).map_err(|_| "its server is no address".to_owned())?;
    if !matches!(url.scheme(), "https" | "http") || url.host_str().is_none() {
        return Err("its server is no web address".to_owned());
    }
    Ok(Document { server: server.trim_end_matches('/').to_owned(), handle })
}

/// Where the document of a DID stands: the directory for `did:plc`, the host itself for `did:web`. The flag says whether
/// somebody else than the operator chose the host.
pub fn document_address(did: &str, directory: &str) -> Result<(String, Vec<String>, bool), String> {
    if did.starts_with("did:plc:") {
        return Ok((directory.to_owned(), vec![did.to_owned()], false));
    }
    let Some(host) = did.strip_prefix("did:web:") else {
        return Err(format!("{did} is of a kind that is not known here"));
    };
    let decoded = host.replacen("%3A", ":", 1).replacen("%3a", ":", 1);
    let (name, port) = decoded.split_once(':').unwrap_or((&decoded, "443"));
    let plain = name.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-'));
    // A colon that is not encoded begins a path, which accounts do not have.
    if name.is_empty() || !plain || port.parse::<u16>().is_err() || host.contains(':') {
        return Err(format!("{did} names no host"));
    }
    // A port is allowed for development only: such a host is reached by plain HTTP if it is this very machine.
    let scheme = if matches!(name, "localhost" | "127.0.0.1") { "http" } else { "https" };
    Ok((format!("{scheme}://{decoded}"), vec![".well-known".to_owned(), "did.json".to_owned()], true))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(body: &str) -> Result<Document, String> {
        parse_document(&Exchange { body: body.as_bytes().to_vec(), ..Exchange::default() }, "did:plc:abc")
    }

    #[test]
    fn a_record_key_tells_its_time_if_it_is_a_tid() {
        assert_eq!(tid_time("3jzfcijpj2z2a").unwrap().to_string(), "2023-06-30T15:03:01.887Z");
        for other in ["self", "3jzfcijpj2z2aa", "3jzfcijpj2z2!", ""] {
            assert_eq!(tid_time(other), None, "{other}");
        }
    }

    #[test]
    fn an_absurd_claim_gives_way_to_the_servers_time() {
        let at = |text: &str| text.parse::<Timestamp>().ok();
        let now = at("2026-11-22T12:00:00Z").unwrap();
        let indexed = at("2026-11-20T08:00:00Z");
        assert_eq!(written(at("2026-11-20T07:59:00Z"), indexed, "x", now), at("2026-11-20T07:59:00Z"));
        assert_eq!(written(at("2087-01-01T00:00:00Z"), indexed, "x", now), indexed);
        assert_eq!(written(at("0001-01-01T00:00:00Z"), indexed, "x", now), indexed);
        assert_eq!(written(at("2087-01-01T00:00:00Z"), None, "3jzfcijpj2z2a", now), tid_time("3jzfcijpj2z2a"));
        assert_eq!(written(None, None, "x", now), None);
    }

    #[test]
    fn a_document_names_the_server_and_must_be_that_of_the_did() {
        let service = r##""service":[{"id":"#atproto_pds","type":"AtprotoPersonalDataServer","serviceEndpoint":"https://pds.example.org/"}]"##;
        let good =
            document(&format!(r#"{{"id":"did:plc:abc","alsoKnownAs":["at://mesavista.example.org"],{service}}}"#))
                .unwrap();
        assert_eq!(
            (good.server.as_str(), good.handle.as_deref()),
            ("https://pds.example.org", Some("mesavista.example.org"))
        );
        assert!(document(&format!(r#"{{"id":"did:plc:other",{service}}}"#)).is_err());
        assert!(document(r#"{"id":"did:plc:abc"}"#).is_err());
        assert!(
            document(&format!(
                r#"{{"id":"did:plc:abc",{}}}"#,
                service.replace("https://pds.example.org/", "file:///etc")
            ))
            .is_err()
        );
    }

    #[test]
    fn documents_are_looked_for_where_the_kind_of_did_says() {
        let address = |did: &str| document_address(did, "https://plc.example.org");
        assert_eq!(
            address("did:plc:abc").unwrap(),
            ("https://plc.example.org".into(), vec!["did:plc:abc".into()], false)
        );
        assert_eq!(address("did:web:mesavista.example.org").unwrap().0, "https://mesavista.example.org");
        assert_eq!(address("did:web:localhost%3A2583").unwrap().0, "http://localhost:2583");
        for bad in ["did:key:z6", "did:web:", "did:web:a.example.org:user", "did:web:a/b", "did:web:a@b"] {
            assert!(address(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_uri_has_three_parts_and_a_did() {
        assert!(Place::of("at://did:plc:abc/app.bsky.feed.post/3jz").is_some());
        for bad in [
            "at://handle.test/app.bsky.feed.post/3jz",
            "at://did:plc:abc/app.bsky.feed.post",
            "https://did:plc:abc/a/b",
            "at://did:plc:abc/a/b/c",
        ] {
            assert!(Place::of(bad).is_none(), "{bad}");
        }
    }
}
