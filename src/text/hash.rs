//! Hashes of words that grow letter by letter, so that those of all beginnings of a word come along the way. Whoever looks
//! something up by one compares the letters: others may share it.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// What a letter more multiplies by.
pub(super) const BASE: u64 = 0x0100_0000_01B3;

/// The hash of a word with a letter more.
pub const fn step(hash: u64, byte: u8) -> u64 {
    hash.wrapping_mul(BASE).wrapping_add(byte as u64)
}

pub fn hash(word: &[u8]) -> u64 {
    word.iter().fold(0, |hash, &byte| step(hash, byte))
}

/// The bits of a hash, each of which hangs on all of it in the upper half.
pub const fn spread(hash: u64) -> u64 {
    hash.wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// A table by such hashes, or by other numbers: nothing is hashed again.
pub type Table<V> = HashMap<u64, V, BuildHasherDefault<Spread>>;

/// Hashes one number.
#[derive(Debug, Clone, Copy, Default)]
pub struct Spread(u64);

impl Hasher for Spread {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, &byte| step(hash, byte));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }

    fn finish(&self) -> u64 {
        // A table takes its place from the lower bits and its marks from the upper ones.
        spread(self.0).rotate_left(32)
    }
}
