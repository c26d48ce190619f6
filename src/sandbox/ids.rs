//! Identifiers in the platforms' own shapes, and the dice behind everything that looks random here.
//!
//! Nothing is drawn from the system: the same world comes out of the same moment, byte for byte.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::model::Timestamp;

/// A small deterministic generator (splitmix64).
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// Dice that always fall alike for the same words.
    pub fn of(words: &str) -> Dice {
        let digest = Sha256::digest(words.as_bytes());
        Dice(digest.iter().take(8).fold(0, |seed, byte| (seed << 8) | u64::from(*byte)))
    }

    /// The next 64 bits.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to `end`, `end` not included; 0 for an empty range.
    pub fn below(&mut self, end: u64) -> u64 {
        if end == 0 { 0 } else { self.roll() % end }
    }

    /// True in `percent` of a hundred cases.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of a list that is not empty.
    pub fn pick<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        list[usize::try_from(self.below(list.len() as u64)).unwrap_or(0)]
    }

    /// `length` decimal digits, the first not a zero.
    pub fn digits(&mut self, length: usize) -> String {
        (0..length)
            .map(|at| char::from(b'0' + if at == 0 { 1 + self.below(9) } else { self.below(10) } as u8))
            .collect()
    }

    /// `length` characters of the URL-safe base64 alphabet.
    pub fn letters(&mut self, length: usize) -> String {
        let bytes: Vec<u8> = (0..length).map(|_| self.below(256) as u8).collect();
        URL_SAFE_NO_PAD.encode(bytes).chars().take(length).collect()
    }

    /// `length` characters of the lower-case base32 alphabet that `did:plc` uses.
    pub fn base32(&mut self, length: usize) -> String {
        (0..length).map(|_| char::from(b"abcdefghijklmnopqrstuvwxyz234567"[self.below(32) as usize])).collect()
    }
}

/// A post's id on X: milliseconds since November 2010 in the high bits.
pub fn snowflake(at: Timestamp, sequence: u64) -> String {
    let millis = u64::try_from(at.as_millisecond() - 1_288_834_974_657).unwrap_or(0);
    ((millis << 22) | (sequence & 0x3F_FFFF)).to_string()
}

/// A record key of the AT Protocol: microseconds and a clock id in sortable base32.
pub fn tid(at: Timestamp, clock: u64) -> String {
    let value = (u64::try_from(at.as_microsecond()).unwrap_or(0) << 10) | (clock & 0x3FF);
    (0..13)
        .rev()
        .map(|place| char::from(b"234567abcdefghijklmnopqrstuvwxyz"[((value >> (place * 5)) & 31) as usize]))
        .collect()
}

/// A token that looks like the platforms' and can be found again anywhere it leaks to.
pub fn token(prefix: &str, words: &str) -> String {
    format!("{prefix}{}", Dice::of(words).letters(80).replace(['-', '_'], "Z"))
}
