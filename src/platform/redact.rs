//! Blanks secrets in an exchange before anybody parses, hashes or keeps it (invariant 10).

use aho_corasick::AhoCorasick;

use crate::model::{Exchange, Secret};

/// What stands in place of a secret in a URL.
pub(super) const WORD: &str = "REDACTED";

/// What stands in place of each byte of a secret in a body: lengths and offsets stay.
const FILLER: u8 = b'X';

/// Names of query parameters whose values are secrets wherever a paging URL repeats them.
const SECRET_PARAMETERS: &[&str] = &["access_token", "appsecret_proof", "client_secret", "input_token"];

/// Blanks every spelling of the secrets in body and headers, and the tokens that a platform writes into paging URLs.
pub(super) fn blank(exchange: &mut Exchange, secrets: &[Secret]) {
    if let Some(finder) = finder(secrets) {
        if blank_found(&finder, &mut exchange.body) {
            exchange.redactions.push("response.body: the credential".to_owned());
        }
        let mut headers = std::mem::take(&mut exchange.headers);
        for (name, value) in &mut headers {
            let mut bytes = std::mem::take(value).into_bytes();
            if blank_found(&finder, &mut bytes) {
                exchange.redactions.push(format!("response.header.{name}"));
            }
            *value = String::from_utf8_lossy(&bytes).into_owned();
        }
        exchange.headers = headers;
    }
    blank_paging(exchange);
}

/// Finds a secret as it is, percent-encoded in either case, and with the slashes that JSON may escape.
fn finder(secrets: &[Secret]) -> Option<AhoCorasick> {
    let spellings: Vec<String> =
        secrets.iter().map(Secret::reveal).filter(|secret| secret.len() >= 4).flat_map(spellings).collect();
    if spellings.is_empty() {
        return None;
    }
    AhoCorasick::builder().match_kind(aho_corasick::MatchKind::LeftmostLongest).build(spellings).ok()
}

fn spellings(secret: &str) -> Vec<String> {
    let encoded = |upper: bool| {
        secret.bytes().fold(String::new(), |mut encoded, byte| {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
                _ if upper => encoded.push_str(&format!("%{byte:02X}")),
                _ => encoded.push_str(&format!("%{byte:02x}")),
            }
            encoded
        })
    };
    let mut spellings = vec![secret.to_owned(), encoded(true), encoded(false), secret.replace('/', "\\/")];
    spellings.sort();
    spellings.dedup();
    spellings
}

fn blank_found(finder: &AhoCorasick, bytes: &mut [u8]) -> bool {
    let found: Vec<_> = finder.find_iter(&*bytes).map(|found| found.range()).collect();
    for range in &found {
        bytes[range.clone()].fill(FILLER);
    }
    !found.is_empty()
}

/// Blanks secret parameters inside the strings of `"next"` and `"previous"`, which no user's words can spell: a quote
/// inside a text is escaped.
fn blank_paging(exchange: &mut Exchange) {
    let mut blanked: Vec<String> = Vec::new();
    for key in ["next", "previous"] {
        for string in strings_of(&exchange.body, key) {
            for parameter in SECRET_PARAMETERS {
                if blank_parameter(&mut exchange.body[string.clone()], parameter) {
                    blanked.push(format!("response.body.paging.{key}.{parameter}"));
                }
            }
        }
    }
    blanked.dedup();
    exchange.redactions.extend(blanked);
}

/// Where the string values of a key stand in a JSON text, without their quotes.
fn strings_of(body: &[u8], key: &str) -> Vec<std::ops::Range<usize>> {
    let key = format!("\"{key}\"");
    let mut strings = Vec::new();
    let mut from = 0;
    while let Some(at) = find(&body[from..], key.as_bytes()) {
        let mut start = from + at + key.len();
        from = start;
        let mut skip = |bytes: &[u8]| {
            while body.get(start).is_some_and(|byte| bytes.contains(byte)) {
                start += 1;
            }
        };
        skip(b" \t\r\n:");
        if body.get(start) != Some(&b'"') {
            continue;
        }
        let start = start + 1;
        let length = body[start..].iter().position(|byte| *byte == b'"').unwrap_or(body.len() - start);
        strings.push(start..start + length);
    }
    strings
}

fn blank_parameter(string: &mut [u8], parameter: &str) -> bool {
    let needle = format!("{parameter}=");
    let mut from = 0;
    let mut blanked = false;
    while let Some(at) = find(&string[from..], needle.as_bytes()) {
        let start = from + at + needle.len();
        let length =
            string[start..].iter().position(|byte| matches!(byte, b'&' | b'\\' | b'#')).unwrap_or(string.len() - start);
        string[start..start + length].fill(FILLER);
        blanked |= length > 0;
        from = start + length;
    }
    blanked
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    let mut from = 0;
    while let Some(at) = haystack[from..].iter().position(|byte| *byte == first) {
        let start = from + at;
        if haystack[start..].starts_with(needle) {
            return Some(start);
        }
        from = start + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blanked(body: &str, secret: &str) -> (String, Vec<String>) {
        let mut exchange = Exchange { body: body.as_bytes().to_vec(), ..Exchange::default() };
        blank(&mut exchange, &[Secret::new(secret)]);
        assert_eq!(exchange.body.len(), body.len());
        (String::from_utf8(exchange.body).unwrap(), exchange.redactions)
    }

    #[test]
    fn a_secret_is_blanked_in_every_spelling() {
        let (body, redactions) = blanked(r#"["12|ab/cd","12%7Cab%2Fcd","12%7cab%2fcd","12|ab\/cd"]"#, "12|ab/cd");
        assert_eq!(body, r#"["XXXXXXXX","XXXXXXXXXXXX","XXXXXXXXXXXX","XXXXXXXXX"]"#);
        assert_eq!(redactions, ["response.body: the credential"]);
    }

    #[test]
    fn a_foreign_token_in_a_paging_url_is_blanked_and_a_users_words_are_not() {
        let (body, redactions) = blanked(
            r#"{"message":"see \"next\":\"?access_token=mine\"","paging":{"next" : "https:\/\/g\/?access_token=EAAcanary&limit=5"}}"#,
            "unrelated",
        );
        assert!(body.contains(r"?access_token=mine\"));
        assert!(body.contains("access_token=XXXXXXXXX&limit=5"), "{body}");
        assert_eq!(redactions, ["response.body.paging.next.access_token"]);
    }

    #[test]
    fn a_header_that_repeats_the_secret_is_blanked() {
        let headers = vec![("x-debug".to_owned(), "Bearer canary".to_owned())];
        let mut exchange = Exchange { headers, ..Exchange::default() };
        blank(&mut exchange, &[Secret::new("canary")]);
        assert_eq!(exchange.headers[0].1, "Bearer XXXXXX");
        assert_eq!(exchange.redactions, ["response.header.x-debug"]);
    }
}
