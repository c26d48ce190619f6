//! What of an item is in the index, and under which fields.
//!
//! Nothing is stored: a search gives item ids, the rows are SQLite's. Nothing that changes without a ledger entry of the
//! item is here either: no flags, no counts, no last sighting, and of the register only the accounts' ids.

use sha2::{Digest as _, Sha256};
use tantivy::TantivyDocument;
use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, NumericOptions, Schema, TextFieldIndexing, TextOptions,
};

use crate::model::{Change, Kind, Platform, Role, State};
use crate::text::tokenize::TOKENIZER;

/// Raised when the fields or the tokenizer change: an index of another number is built anew.
const VERSION: u32 = 2;

/// An item as the index wants it: everything that can be found, of all its versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The item's row id.
    pub item: u64,
    /// When it was written, in milliseconds since 1970; when it was first seen where the platform does not say.
    pub created_ms: i64,
    /// Every account it was seen under, its own first.
    pub accounts: Vec<u64>,
    /// As the item has it: an import may bring one that has no connector here.
    pub platform: String,
    pub kind: Kind,
    pub author: Option<String>,
    pub handle: Option<String>,
    pub role: Role,
    pub state: State,
    /// What ever happened to it.
    pub was: Vec<Change>,
    /// When it changed, in milliseconds since 1970.
    pub changed_ms: Vec<i64>,
    pub has_media: bool,
    pub has_link: bool,
    /// The texts of all its contents: a phrase is found within one of them only.
    pub texts: Vec<String>,
}

/// The fields of the index.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields {
    pub item: Field,
    pub account: Field,
    /// Words like `kind:post`, for filters.
    pub fact: Field,
    pub author: Field,
    pub text: Field,
    created: Field,
    changed: Field,
    /// The same facts in one number, for facets.
    facts: Field,
}

/// The names of the columns that are read in bulk.
pub(crate) const ITEM: &str = "item";
pub(crate) const CREATED: &str = "created";
pub(crate) const CHANGED: &str = "changed";
pub(crate) const ACCOUNT: &str = "account";
pub(crate) const FACTS: &str = "facts";

impl Fields {
    pub fn new() -> (Schema, Fields) {
        let mut schema = Schema::builder();
        let fields = Fields {
            item: schema.add_u64_field(ITEM, INDEXED | FAST),
            account: schema.add_u64_field(ACCOUNT, INDEXED | FAST),
            fact: schema.add_text_field("fact", words("raw", IndexRecordOption::Basic, false)),
            author: schema.add_text_field("author", words(TOKENIZER, IndexRecordOption::WithFreqsAndPositions, false)),
            text: schema.add_text_field("text", words(TOKENIZER, IndexRecordOption::WithFreqsAndPositions, true)),
            created: schema.add_i64_field(CREATED, NumericOptions::from(FAST)),
            changed: schema.add_i64_field(CHANGED, NumericOptions::from(FAST)),
            facts: schema.add_u64_field(FACTS, NumericOptions::from(FAST)),
        };
        (schema.build(), fields)
    }

    pub fn created(&self) -> Field {
        self.created
    }

    pub fn changed(&self) -> Field {
        self.changed
    }

    /// An item as Tantivy takes it.
    pub fn document(&self, item: &Document) -> TantivyDocument {
        let mut document = TantivyDocument::new();
        document.add_u64(self.item, item.item);
        document.add_i64(self.created, item.created_ms);
        document.add_u64(self.facts, Facts::of(item).0);
        item.accounts.iter().for_each(|account| document.add_u64(self.account, *account));
        item.changed_ms.iter().for_each(|at| document.add_i64(self.changed, *at));
        for_each_fact(item, |fact| document.add_text(self.fact, fact));
        for name in [&item.author, &item.handle].into_iter().flatten() {
            document.add_text(self.author, name);
        }
        item.texts.iter().for_each(|text| document.add_text(self.text, text));
        document
    }
}

fn words(tokenizer: &str, record: IndexRecordOption, norms: bool) -> TextOptions {
    let indexing = TextFieldIndexing::default().set_tokenizer(tokenizer).set_index_option(record).set_fieldnorms(norms);
    TextOptions::default().set_indexing_options(indexing)
}

/// The version of the index in a few signs: the fields' number and a digest of the words that facts are numbered by.
pub(crate) fn version() -> String {
    let mut digest = Sha256::new();
    Platform::ALL.iter().for_each(|word| digest.update(word.as_str()));
    Kind::ALL.iter().for_each(|word| digest.update(word.as_str()));
    Role::ALL.iter().for_each(|word| digest.update(word.as_str()));
    State::ALL.iter().for_each(|word| digest.update(word.as_str()));
    Change::ALL.iter().for_each(|word| digest.update(word.as_str()));
    format!("{VERSION}-{}", hex::encode(&digest.finalize()[..4]))
}

/// A fact's word: the query's own.
pub(crate) fn fact(name: &str, word: &str) -> String {
    format!("{name}:{word}")
}

fn for_each_fact(item: &Document, mut give: impl FnMut(&str)) {
    give(&fact("platform", &item.platform));
    give(&fact("kind", item.kind.as_str()));
    give(&fact("role", item.role.as_str()));
    give(&fact("state", item.state.as_str()));
    let mut was = item.was.clone();
    was.sort_unstable();
    was.dedup();
    was.iter().filter(|change| **change != Change::Created).for_each(|change| give(&fact("was", change.as_str())));
    if item.has_media {
        give("has:media");
    }
    if item.has_link {
        give("has:link");
    }
}

/// Where items of a platform without a connector are counted.
const OTHER_PLATFORM: u64 = 15;

/// An item's facts in one number, from the lowest bit: platform (4), kind (4), role (2), state (2), media, link, and a
/// bit for each change it ever went through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Facts(pub u64);

impl Facts {
    fn of(item: &Document) -> Facts {
        let was = item.was.iter().fold(0, |bits, change| bits | (1 << place(Change::ALL, change)));
        Facts(
            item.platform.parse().map_or(OTHER_PLATFORM, |known: Platform| place(Platform::ALL, &known))
                | (place(Kind::ALL, &item.kind) << 4)
                | (place(Role::ALL, &item.role) << 8)
                | (place(State::ALL, &item.state) << 10)
                | (u64::from(item.has_media) << 12)
                | (u64::from(item.has_link) << 13)
                | (was << 14),
        )
    }

    pub fn platform(self) -> usize {
        self.bits(0, 4)
    }

    pub fn kind(self) -> usize {
        self.bits(4, 4)
    }

    pub fn role(self) -> usize {
        self.bits(8, 2)
    }

    pub fn state(self) -> usize {
        self.bits(10, 2)
    }

    pub fn has_media(self) -> bool {
        self.bits(12, 1) == 1
    }

    pub fn has_link(self) -> bool {
        self.bits(13, 1) == 1
    }

    pub fn was(self, change: usize) -> bool {
        self.bits(14 + change, 1) == 1
    }

    fn bits(self, from: usize, count: usize) -> usize {
        usize::try_from((self.0 >> from) & ((1 << count) - 1)).unwrap_or(0)
    }
}

/// Where a word stands in its list.
fn place<T: PartialEq>(all: &[T], word: &T) -> u64 {
    all.iter().position(|known| known == word).unwrap_or(0) as u64
}
