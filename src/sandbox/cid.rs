//! Content identifiers: the SHA-256 of a blob's bytes, or of a record as DAG-CBOR, in base32.

use serde_json::Value;
use sha2::{Digest, Sha256};

/// The CID of a blob (raw bytes).
pub fn of_blob(bytes: &[u8]) -> String {
    cid(0x55, bytes)
}

/// The CID of a record.
pub fn of_record(record: &Value) -> String {
    let mut bytes = Vec::new();
    encode(record, &mut bytes);
    cid(0x71, &bytes)
}

fn cid(codec: u8, bytes: &[u8]) -> String {
    let mut binary = vec![1, codec, 0x12, 32];
    binary.extend(Sha256::digest(bytes));
    format!("b{}", base32(&binary))
}

const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

fn base32(bytes: &[u8]) -> String {
    let mut out = String::new();
    let (mut buffer, mut bits) = (0_u32, 0);
    for byte in bytes {
        buffer = (buffer << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            out.push(char::from(ALPHABET[(buffer >> bits) as usize & 31]));
        }
        buffer &= (1 << bits) - 1;
    }
    if bits > 0 {
        out.push(char::from(ALPHABET[(buffer << (5 - bits)) as usize & 31]));
    }
    out
}

fn unbase32(text: &str) -> Vec<u8> {
    let (mut out, mut buffer, mut bits) = (Vec::new(), 0_u32, 0);
    for digit in text.bytes().filter_map(|byte| ALPHABET.iter().position(|known| *known == byte)) {
        buffer = (buffer << 5) | u32::try_from(digit).unwrap_or(0);
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            out.push((buffer >> bits) as u8);
            buffer &= (1 << bits) - 1;
        }
    }
    out
}

/// DAG-CBOR: shortest heads, keys by length and then bytes, links as tag 42.
fn encode(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.push(0xF6),
        Value::Bool(value) => out.push(if *value { 0xF5 } else { 0xF4 }),
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => head(0, number, out),
            (None, Some(number)) => head(1, u64::try_from(-1 - number).unwrap_or(0), out),
            // Records hold no fractions.
            (None, None) => out.push(0xF6),
        },
        Value::String(text) => {
            head(3, text.len() as u64, out);
            out.extend(text.bytes());
        }
        Value::Array(values) => {
            head(4, values.len() as u64, out);
            values.iter().for_each(|value| encode(value, out));
        }
        Value::Object(map) => match map.get("$link").and_then(Value::as_str).filter(|_| map.len() == 1) {
            Some(link) => {
                let bytes = unbase32(link.trim_start_matches('b'));
                head(6, 42, out);
                head(2, bytes.len() as u64 + 1, out);
                out.push(0);
                out.extend(bytes);
            }
            None => {
                let mut entries: Vec<(&String, &Value)> = map.iter().collect();
                entries.sort_by(|a, b| (a.0.len(), a.0).cmp(&(b.0.len(), b.0)));
                head(5, entries.len() as u64, out);
                for (key, value) in entries {
                    head(3, key.len() as u64, out);
                    out.extend(key.bytes());
                    encode(value, out);
                }
            }
        },
    }
}

fn head(major: u8, number: u64, out: &mut Vec<u8>) {
    let major = major << 5;
    let bytes = number.to_be_bytes();
    match number {
        0..24 => out.push(major | bytes[7]),
        24..0x100 => out.extend([major | 24, bytes[7]]),
        0x100..0x1_0000 => out.extend([&[major | 25], &bytes[6..]].concat()),
        0x1_0000..0x1_0000_0000 => out.extend([&[major | 26], &bytes[4..]].concat()),
        _ => out.extend([&[major | 27], &bytes[..]].concat()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cid_is_the_hash_that_others_compute() {
        // The raw block "hello world" and the empty DAG-CBOR map, as hashed by hand.
        assert_eq!(of_blob(b"hello world"), "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e");
        assert_eq!(of_record(&serde_json::json!({})), "bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua");
        let cid = of_blob(b"x");
        assert_eq!(base32(&unbase32(&cid[1..])), cid[1..]);
    }
}
