//! What makes the record tamper-evident: content digests, commitments, leaves and the arithmetic of the Merkle tree. Pure.
//!
//! A leaf carries no personal data: the line `pagekeeper/leaf/v1 seq at kind base64(commitment)`. The commitment hides its
//! fields under a salt; who destroys salt and fields leaves every other proof valid. The tree is that of RFC 6962 (SHA-256).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest, Sha256};

use crate::model::{Content, Timestamp, rfc3339};

/// A SHA-256 value.
pub type Hash = [u8; 32];

/// SHA-256 of bytes.
pub fn sha256(bytes: &[u8]) -> Hash {
    Sha256::digest(bytes).into()
}

/// HMAC-SHA-256 (RFC 2104) under one key. It shows nothing of the key.
#[derive(Clone)]
pub struct Keyed {
    inner: Sha256,
    outer: Sha256,
}

impl Keyed {
    pub fn new(key: &[u8]) -> Keyed {
        let mut block = [0; 64];
        if key.len() > block.len() {
            block[..32].copy_from_slice(&sha256(key));
        } else {
            block[..key.len()].copy_from_slice(key);
        }
        let padded = |pad: u8| Sha256::new_with_prefix(block.map(|byte| byte ^ pad));
        Keyed { inner: padded(0x36), outer: padded(0x5c) }
    }

    /// The hash of a message.
    pub fn hash(&self, message: &[u8]) -> Hash {
        let inner = self.inner.clone().chain_update(message).finalize();
        self.outer.clone().chain_update(inner).finalize().into()
    }
}

impl std::fmt::Debug for Keyed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keyed")
    }
}

/// Where a file lies by its content, under the media folder: two letters, then the rest.
pub fn content_address(digest: &Hash) -> String {
    let name = hex::encode(digest);
    format!("{}/{}", &name[..2], &name[2..])
}

/// The digest of what an item says: text, further words, links, media by the platform's id, alt texts. No state, no counts,
/// no signed URLs. Each list and each string is preceded by its length (u32, big-endian).
pub fn content_digest(content: &Content) -> Hash {
    let mut hash = Sha256::new_with_prefix(b"pagekeeper/content/v1\0");
    let mut put = |text: &str| {
        hash.update(length(text.len()));
        hash.update(text.as_bytes());
    };
    put(&content.text);
    for list in [&content.parts, &content.links] {
        put(&list.len().to_string());
        list.iter().for_each(|entry| put(entry));
    }
    for medium in &content.media {
        put(&medium.native_id);
        put(medium.alt.as_deref().unwrap_or(""));
    }
    hash.finalize().into()
}

/// The key of a flag: the first 8 bytes of SHA-256 over item, content digest in hex, and rule, a line each but the last.
pub fn flag_key(item: &str, content: &Hash, rule: &str) -> [u8; 8] {
    let digest = sha256(format!("{item}\n{}\n{rule}", hex::encode(content)).as_bytes());
    let mut key = [0; 8];
    key.copy_from_slice(&digest[..8]);
    key
}

/// Named values under one commitment. An absent value is left out, an empty one is not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields<'a> {
    sorted: Vec<(&'static str, std::borrow::Cow<'a, [u8]>)>,
}

impl<'a> Fields<'a> {
    pub fn new() -> Fields<'a> {
        Fields { sorted: Vec::with_capacity(24) }
    }

    /// Adds a value as stored; names come in any order, each once.
    pub fn put(&mut self, name: &'static str, value: impl Into<std::borrow::Cow<'a, [u8]>>) {
        let at = self.sorted.partition_point(|(known, _)| *known < name);
        self.sorted.insert(at, (name, value.into()));
    }

    /// Adds a text where there is one.
    pub fn text(&mut self, name: &'static str, value: Option<&'a str>) {
        if let Some(value) = value {
            self.put(name, value.as_bytes());
        }
    }

    /// Adds an owned text.
    pub fn owned(&mut self, name: &'static str, value: String) {
        self.put(name, value.into_bytes());
    }

    /// Adds a time where there is one.
    pub fn time(&mut self, name: &'static str, value: Option<Timestamp>) {
        if let Some(value) = value {
            self.owned(name, rfc3339(value));
        }
    }

    /// The commitment to these fields: see the module's line and the design's *The ledger*.
    pub fn commit(&self, kind: &str, salt: &Hash) -> Hash {
        commit(kind, salt, self.sorted.iter().map(|(name, value)| (*name, &**value)))
    }
}

/// `SHA-256("pagekeeper/record/v1\0" ‖ kind ‖ "\0" ‖ for each field: len(name) ‖ name ‖ SHA-256(k ‖ value))` with
/// `k = SHA-256(salt ‖ name)`. Fields come sorted by the bytes of their names.
pub fn commit<'f>(kind: &str, salt: &Hash, fields: impl Iterator<Item = (&'f str, &'f [u8])>) -> Hash {
    let mut hash = Sha256::new_with_prefix(b"pagekeeper/record/v1\0");
    hash.update(kind.as_bytes());
    hash.update(b"\0");
    for (name, value) in fields {
        hash.update(length(name.len()));
        hash.update(name.as_bytes());
        hash.update(hide(salt, name, value));
    }
    hash.finalize().into()
}

/// One field as the commitment holds it.
fn hide(salt: &Hash, name: &str, value: &[u8]) -> Hash {
    let key = Sha256::new_with_prefix(salt).chain_update(name.as_bytes()).finalize();
    Sha256::new_with_prefix(key).chain_update(value).finalize().into()
}

fn length(of: usize) -> [u8; 4] {
    u32::try_from(of).unwrap_or(u32::MAX).to_be_bytes()
}

/// The line that is logged for an entry: nothing personal in it.
pub fn leaf(seq: u64, at: Timestamp, kind: &str, commitment: &Hash) -> String {
    format!("pagekeeper/leaf/v1 {seq} {} {kind} {}\n", rfc3339(at), BASE64.encode(commitment))
}

/// RFC 6962: `SHA-256(0x00 ‖ leaf)`.
pub fn leaf_hash(line: &str) -> Hash {
    Sha256::new_with_prefix([0]).chain_update(line.as_bytes()).finalize().into()
}

/// RFC 6962: `SHA-256(0x01 ‖ left ‖ right)`.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new_with_prefix([1]).chain_update(left).chain_update(right).finalize().into()
}

/// The right edge of a growing tree: complete subtrees from left to right, each smaller than the one before.
#[derive(Debug, Clone, Default)]
pub struct Edge {
    subtrees: Vec<(u64, Hash)>,
}

impl Edge {
    /// Appends a complete subtree of `leaves` leaves (a power of two, no larger than the last one appended still open).
    pub fn push(&mut self, leaves: u64, hash: Hash) {
        let mut new = (leaves, hash);
        while let Some((size, left)) = self.subtrees.last().copied().filter(|(size, _)| *size == new.0) {
            self.subtrees.pop();
            new = (size * 2, node_hash(&left, &new.1));
        }
        self.subtrees.push(new);
    }

    /// How many leaves the tree has.
    pub fn size(&self) -> u64 {
        self.subtrees.iter().map(|(size, _)| size).sum()
    }

    /// The root over all leaves; of an empty tree, the hash of nothing.
    pub fn root(&self) -> Hash {
        let mut from_right = self.subtrees.iter().rev().map(|(_, hash)| *hash);
        let Some(last) = from_right.next() else { return sha256(b"") };
        from_right.fold(last, |right, left| node_hash(&left, &right))
    }
}

/// The root over a run of leaf or subtree hashes of equal size.
pub fn root_of(hashes: &[Hash]) -> Hash {
    let mut edge = Edge::default();
    hashes.iter().for_each(|hash| edge.push(1, *hash));
    edge.root()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6962 by its own recursive definition, to hold the stack against.
    fn by_definition(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => sha256(b""),
            [one] => *one,
            many => {
                let split = many.len().next_power_of_two() / 2;
                node_hash(&by_definition(&many[..split]), &by_definition(&many[split..]))
            }
        }
    }

    #[test]
    fn the_edge_gives_the_root_of_rfc_6962_for_every_size() {
        let leaves: Vec<Hash> = (0..600u32).map(|n| leaf_hash(&n.to_string())).collect();
        let mut edge = Edge::default();
        for size in 0..leaves.len() {
            assert_eq!(edge.root(), by_definition(&leaves[..size]));
            assert_eq!(edge.size(), size as u64);
            edge.push(1, leaves[size]);
        }
    }

    #[test]
    fn a_keyed_hash_is_rfc_4231s() {
        let hash = |key: &[u8], message: &[u8]| hex::encode(Keyed::new(key).hash(message));
        assert_eq!(
            hash(b"Jefe", b"what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert_eq!(
            hash(&[0xaa; 131], b"Test Using Larger Than Block-Size Key - Hash Key First"),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
    }

    #[test]
    fn an_empty_field_is_not_an_absent_one() {
        let salt = [7; 32];
        let mut with = Fields::new();
        with.text("b", Some(""));
        with.text("a", Some("x"));
        let mut without = Fields::new();
        without.text("a", Some("x"));
        assert_ne!(with.commit("version", &salt), without.commit("version", &salt));
        assert_ne!(with.commit("version", &salt), with.commit("media", &salt));
    }

    #[test]
    fn the_content_digest_ignores_signed_urls_and_tells_lists_apart() {
        let medium = crate::model::Media { native_id: "1".into(), ..Default::default() };
        let a = Content { media: vec![medium.clone()], ..Default::default() };
        let b = Content {
            media: vec![crate::model::Media { url: Some("https://cdn.example/1?oe=2".into()), ..medium }],
            ..Default::default()
        };
        assert_eq!(content_digest(&a), content_digest(&b));
        let in_parts = Content { parts: vec!["x".into()], ..Default::default() };
        let in_links = Content { links: vec!["x".into()], ..Default::default() };
        assert_ne!(content_digest(&in_parts), content_digest(&in_links));
    }
}
