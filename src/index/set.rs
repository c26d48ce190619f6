//! A set of items, from SQLite into a search.

use tantivy::query::{BitSetDocSet, ConstScorer, EmptyScorer, EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{BitSet, DocId, DocSet as _, Score, SegmentReader, TERMINATED, TantivyError, Term};

use super::schema::ITEM;

/// Row ids of items, a bit each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ItemSet {
    bits: Vec<u64>,
    len: usize,
}

impl ItemSet {
    pub fn insert(&mut self, item: u64) {
        let (word, bit) = split(item);
        if word >= self.bits.len() {
            self.bits.resize(word + 1, 0);
        }
        self.len += usize::from(self.bits[word] & bit == 0);
        self.bits[word] |= bit;
    }

    pub fn contains(&self, item: u64) -> bool {
        let (word, bit) = split(item);
        self.bits.get(word).is_some_and(|bits| bits & bit != 0)
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The items in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        self.bits.iter().zip(0u64..).flat_map(|(bits, word)| {
            (0..64u64).filter(move |bit| bits & (1 << bit) != 0).map(move |bit| word * 64 + bit)
        })
    }
}

impl FromIterator<u64> for ItemSet {
    fn from_iter<I: IntoIterator<Item = u64>>(items: I) -> ItemSet {
        let mut set = ItemSet::default();
        items.into_iter().for_each(|item| set.insert(item));
        set
    }
}

fn split(item: u64) -> (usize, u64) {
    (usize::try_from(item / 64).unwrap_or(usize::MAX / 64), 1 << (item % 64))
}

/// Finds the documents of the items in a set. As a part of the query tree it may stand under OR and minus, and totals,
/// facets and results see the same documents.
#[derive(Debug, Clone)]
pub(crate) struct ItemsQuery {
    pub field: Field,
    pub items: std::sync::Arc<ItemSet>,
}

impl Query for ItemsQuery {
    fn weight(&self, _: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weight for ItemsQuery {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        if self.items.is_empty() {
            return Ok(Box::new(EmptyScorer));
        }
        let mut docs = BitSet::with_max_value(reader.max_doc());
        if self.items.len() < reader.max_doc() as usize / 256 {
            self.look_up(reader, &mut docs)?;
        } else {
            self.scan(reader, &mut docs)?;
        }
        Ok(Box::new(ConstScorer::new(BitSetDocSet::from(docs), boost)))
    }

    fn explain(&self, reader: &SegmentReader, doc: DocId) -> tantivy::Result<Explanation> {
        match self.scorer(reader, 1.0)?.seek(doc) == doc {
            true => Ok(Explanation::new("an item of the set", 1.0)),
            false => Err(TantivyError::InvalidArgument(format!("document {doc} is not in the set"))),
        }
    }
}

impl ItemsQuery {
    /// A small set: each item is found by its term.
    fn look_up(&self, reader: &SegmentReader, docs: &mut BitSet) -> tantivy::Result<()> {
        let inverted = reader.inverted_index(self.field)?;
        for item in self.items.iter() {
            let term = Term::from_field_u64(self.field, item);
            if let Some(mut postings) = inverted.read_postings(&term, IndexRecordOption::Basic)? {
                while postings.doc() != TERMINATED {
                    docs.insert(postings.doc());
                    postings.advance();
                }
            }
        }
        Ok(())
    }

    /// A large set: the column of items is read through.
    fn scan(&self, reader: &SegmentReader, docs: &mut BitSet) -> tantivy::Result<()> {
        let column = reader.fast_fields().u64(ITEM)?;
        let values = column.first_or_default_col(u64::MAX);
        let mut block = [0u64; 512];
        let mut start = 0u32;
        while start < reader.max_doc() {
            let count = (reader.max_doc() - start).min(512);
            let block = &mut block[..count as usize];
            values.get_range(u64::from(start), block);
            for (doc, item) in (start..).zip(block.iter()) {
                if self.items.contains(*item) {
                    docs.insert(doc);
                }
            }
            start += count;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_set_holds_what_was_put_in(items in prop::collection::btree_set(0u64..5_000, 0..60)) {
            let set: ItemSet = items.iter().copied().chain(items.iter().copied()).collect();
            prop_assert_eq!(set.len(), items.len());
            prop_assert_eq!(set.iter().collect::<Vec<_>>(), items.iter().copied().collect::<Vec<_>>());
            prop_assert!((0..5_000).all(|item| set.contains(item) == items.contains(&item)));
        }
    }
}
