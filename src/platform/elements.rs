//! A list in an answer, held in bounds however long it is.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// No platform puts so many things on one page. What comes beyond is not read, and the page is not called whole.
pub(super) const MOST_ON_A_PAGE: usize = 10_000;

/// The elements of a list as they stand in the text, as many as are read, and how many there are.
#[derive(Debug, Default)]
pub(super) struct Elements<'a> {
    pub(super) read: Vec<&'a RawValue>,
    pub(super) count: usize,
}

impl Elements<'_> {
    /// What is to be said of a list that is too long.
    pub(super) fn too_many(&self) -> Option<String> {
        (self.count > self.read.len()).then(|| too_many(self.count))
    }
}

pub(super) fn too_many(count: usize) -> String {
    format!("holds {count} things, of which the first {MOST_ON_A_PAGE} are read")
}

impl<'de: 'a, 'a> Deserialize<'de> for Elements<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Elements<'a>, D::Error> {
        struct ElementsVisitor;
        impl<'de> Visitor<'de> for ElementsVisitor {
            type Value = Elements<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Elements<'de>, A::Error> {
                let mut read = Vec::new();
                while read.len() < MOST_ON_A_PAGE {
                    let Some(element) = list.next_element::<&RawValue>()? else { break };
                    read.push(element);
                }
                let mut count = read.len();
                while list.next_element::<IgnoredAny>()?.is_some() {
                    count += 1;
                }
                Ok(Elements { read, count })
            }
        }
        deserializer.deserialize_seq(ElementsVisitor)
    }
}
