//! The archive's words, in Tantivy: a view that follows the ledger and can be built anew at any time.
//!
//! - One document an item, replaced on each new version ([`Document`]). It holds what the ledger says of the item and
//!   nothing else: a replay makes the same documents.
//! - How far the index has followed ([`Watermark`]) is the payload of its commits. A commit without a payload would lose
//!   it, so exactly one function here commits.
//! - The caller holds `follow.lock` while it calls [`Index::catch_up`]; a writer lives no longer than that call. Others
//!   open the same folder and see new commits at their next search.

mod alike;
mod plan;
pub mod query;
mod schema;
mod search;
mod set;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, bail, ensure};
use tantivy::indexer::{IndexWriterOptions, LogMergePolicy};
use tantivy::tokenizer::TextAnalyzer;
use tantivy::{IndexReader, IndexSettings, IndexWriter, ReloadPolicy, Term};

pub use alike::Alike;
pub use plan::{Context, Named};
pub use schema::Document;
pub use search::{Facets, Found, Options, Sort};
pub use set::ItemSet;

use crate::text::tokenize::{TOKENIZER, WordTokenizer};
use query::Query;
use schema::{Fields, ITEM};

/// How far the index has followed the ledger: a number and the leaf that stood there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watermark {
    pub seq: u64,
    pub leaf_hash: [u8; 32],
}

/// What happened after a `seq`: the documents of the items that got versions, as they are at `through`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    pub docs: Vec<Document>,
    /// The last entry this batch takes in, whether or not an item had to do with it.
    pub through: u64,
    /// The leaf of that entry.
    pub leaf_hash: [u8; 32],
    /// Whether there are entries after it.
    pub more: bool,
}

/// What a catch-up did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    pub documents: u64,
    pub commits: u64,
    /// Where the index stands now; 0 when nothing was ever indexed.
    pub through: u64,
}

/// How much a catch-up may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    pub threads: usize,
    /// Memory for each thread, in bytes; at least 15 MB. A thread that has filled it writes a segment.
    pub heap: usize,
    /// How many documents to ask for at once.
    pub batch: usize,
    /// Commit when so many documents are waiting, or the first has waited so long.
    pub commit_docs: u64,
    pub commit_after: Duration,
}

impl Effort {
    /// A first build, an import, a backfill.
    pub const BULK: Effort = Effort {
        threads: 2,
        heap: 100 << 20,
        batch: 2_000,
        commit_docs: 500_000,
        commit_after: Duration::from_secs(30),
    };
    /// The few items of a harvest.
    pub const LIVE: Effort = Effort {
        threads: 1,
        heap: 15_000_000,
        commit_docs: 10_000,
        commit_after: Duration::from_secs(1),
        ..Effort::BULK
    };
}

/// The index in its folder. Clones share one reader.
#[derive(Clone)]
pub struct Index {
    dir: PathBuf,
    index: tantivy::Index,
    fields: Fields,
    reader: IndexReader,
    /// What `meta.json` was when the reader last looked.
    seen: Arc<Mutex<Option<Stamp>>>,
    bulk: Effort,
    live: Effort,
}

impl Index {
    /// Opens the index for whoever holds `follow.lock`. An index of another version of the program is emptied, a missing
    /// one made: either way it will be built anew by the next catch-up.
    pub fn open_or_create(dir: &Path) -> anyhow::Result<Index> {
        if dir.join(META).exists() {
            let index = Index::open_in(dir)?;
            if index.is_current()? {
                return Index::with(dir, index);
            }
            remove(dir)?;
        }
        std::fs::create_dir_all(dir).with_context(|| format!("make the folder {} for the index", dir.display()))?;
        let settings = IndexSettings { docstore_compress_dedicated_thread: false, ..IndexSettings::default() };
        let index = tantivy::Index::builder()
            .schema(Fields::new().0)
            .settings(settings)
            .create_in_dir(dir)
            .with_context(|| format!("create the index in {}", dir.display()))?;
        drop(index);
        Index::with(dir, Index::open_in(dir)?)
    }

    /// Opens an index to search in it, and changes nothing. `None` where there is none of this version yet.
    pub fn open(dir: &Path) -> anyhow::Result<Option<Index>> {
        if !dir.join(META).exists() {
            return Ok(None);
        }
        let index = Index::open_in(dir)?;
        if !index.is_current()? { Ok(None) } else { Index::with(dir, index).map(Some) }
    }

    /// With other measures for a bulk load and for the live case.
    pub fn with_efforts(self, bulk: Effort, live: Effort) -> Index {
        Index { bulk, live, ..self }
    }

    /// How far the index has followed; `None` when it is empty.
    pub fn watermark(&self) -> anyhow::Result<Option<Watermark>> {
        let payload = self.index.load_metas().context("read the state of the index")?.payload;
        Ok(payload.as_deref().and_then(Watermark::read).filter(|mark| mark.seq > 0))
    }

    /// Whether the database is not the one the index followed: its newest entry `seq` is behind the index, or the leaf
    /// at the watermark is another (`None`: there is no such entry). Then the database was restored: [`Index::clear`].
    pub fn is_ahead_of_or_differs(&self, seq: u64, leaf: Option<[u8; 32]>) -> anyhow::Result<bool> {
        Ok(self.watermark()?.is_some_and(|mark| mark.seq > seq || leaf != Some(mark.leaf_hash)))
    }

    /// Takes in all that `source` has after the watermark. `source` is given a `seq` and how many documents are wanted.
    /// A crash before a commit loses nothing but the work: the next catch-up begins at the last commit.
    pub fn catch_up(
        &mut self,
        source: &mut dyn FnMut(u64, usize) -> anyhow::Result<Batch>,
    ) -> anyhow::Result<Progress> {
        let mut through = self.watermark()?.map_or(0, |mark| mark.seq);
        let mut batch = source(through, self.bulk.batch)?;
        let mut progress = Progress { through, ..Progress::default() };
        if batch.through <= through {
            ensure!(batch.docs.is_empty() && !batch.more, "the batch after {through} ends at {}", batch.through);
            return Ok(progress);
        }
        let effort = if batch.more { self.bulk } else { self.live };
        let mut writer = self.writer(&effort)?;
        let mut newest = self.largest_item()?;
        let (mut waiting, mut since) = (0, Instant::now());
        loop {
            for document in batch.docs.drain(..) {
                self.replace(&writer, &document, &mut newest)?;
                waiting += 1;
                progress.documents += 1;
            }
            let is_due = waiting >= effort.commit_docs || since.elapsed() >= effort.commit_after;
            if !batch.more || is_due {
                commit(&mut writer, Watermark { seq: batch.through, leaf_hash: batch.leaf_hash })?;
                progress.commits += 1;
                progress.through = batch.through;
                (waiting, since) = (0, Instant::now());
                self.reload()?;
            }
            if !batch.more {
                break;
            }
            through = batch.through;
            batch = source(through, effort.batch)?;
            if batch.through <= through {
                bail!("the batch after {through} does not go beyond it");
            }
        }
        writer.wait_merging_threads().context("merge segments of the index")?;
        self.reload()?;
        Ok(progress)
    }

    /// Finds items. A query that turns out wrong only now (an account nobody knows, flags that are not for whoever asks)
    /// is a [`query::QueryError`] inside the error.
    pub fn search(&self, query: &Query, context: &Context<'_>, options: &Options) -> anyhow::Result<Found> {
        self.refresh()?;
        search::search(&self.reader.searcher(), &self.fields, query, context, options)
    }

    /// How many items are in the index.
    pub fn count(&self) -> anyhow::Result<u64> {
        self.refresh()?;
        Ok(self.reader.searcher().num_docs())
    }

    /// Empties the index: the next catch-up builds it anew.
    pub fn clear(&mut self) -> anyhow::Result<()> {
        let mut writer = self.writer(&self.live)?;
        writer.delete_all_documents().context("empty the index")?;
        commit(&mut writer, Watermark { seq: 0, leaf_hash: [0; 32] })?;
        writer.wait_merging_threads().context("empty the index")?;
        self.reload()
    }

    /// Builds the whole index anew from `source`, in a folder beside the old one, which is searched until the new one
    /// takes its place; the old one may be damaged. The caller holds `follow.lock`.
    pub fn rebuild(
        dir: &Path,
        source: &mut dyn FnMut(u64, usize) -> anyhow::Result<Batch>,
    ) -> anyhow::Result<(Index, Progress)> {
        let (fresh, old) = (dir.with_extension("new"), dir.with_extension("old"));
        remove(&fresh)?;
        let progress = Index::open_or_create(&fresh)?.catch_up(source)?;
        remove(&old)?;
        if dir.exists() {
            std::fs::rename(dir, &old).with_context(|| format!("set the old index {} aside", dir.display()))?;
        }
        std::fs::rename(&fresh, dir).with_context(|| format!("put the new index in {}", dir.display()))?;
        remove(&old)?;
        Ok((Index::open_or_create(dir)?, progress))
    }

    /// Rewrites every segment that still holds the words of replaced documents, so that after a disposal not even the
    /// index's files have them.
    pub fn expunge(&mut self) -> anyhow::Result<()> {
        let mut writer = self.writer(&self.live)?;
        let metas = self.index.searchable_segment_metas().context("list the segments of the index")?;
        for meta in metas.iter().filter(|meta| meta.has_deletes()) {
            writer.merge(&[meta.id()]).wait().context("rewrite a segment of the index")?;
        }
        writer.wait_merging_threads().context("rewrite segments of the index")?;
        self.reload()?;
        let writer = self.writer(&self.live)?;
        writer.garbage_collect_files().wait().context("remove old segments of the index")?;
        writer.wait_merging_threads().context("remove old segments of the index")
    }

    /// Replaces an item's document. Tantivy has no primary id, so what may be there is deleted first; an item newer than
    /// all before can't be, which spares a bulk load most of its deletes.
    fn replace(&self, writer: &IndexWriter, document: &Document, newest: &mut u64) -> anyhow::Result<()> {
        if document.item <= *newest {
            writer.delete_term(Term::from_field_u64(self.fields.item, document.item));
        }
        *newest = document.item.max(*newest);
        writer.add_document(self.fields.document(document)).context("add an item to the index")?;
        Ok(())
    }

    /// No item in the index has a larger id.
    fn largest_item(&self) -> anyhow::Result<u64> {
        self.reload()?;
        let mut largest = 0;
        for segment in self.reader.searcher().segment_readers() {
            largest = largest.max(segment.fast_fields().u64(ITEM)?.max_value());
        }
        Ok(largest)
    }

    /// A writer on the index opened afresh: Tantivy reads only then which files are its own to remove, and another
    /// process may have made some since.
    fn writer(&self, effort: &Effort) -> anyhow::Result<IndexWriter> {
        let index = Index::open_in(&self.dir)?;
        let options = IndexWriterOptions::builder()
            .num_worker_threads(effort.threads)
            .memory_budget_per_thread(effort.heap)
            .num_merge_threads(1)
            .build();
        let writer: IndexWriter = index
            .writer_with_options(options)
            .with_context(|| format!("write to the index in {}: another process may be at it", self.dir.display()))?;
        writer.set_merge_policy(Box::new(merge_policy()));
        Ok(writer)
    }

    /// Looks for commits of other processes.
    fn refresh(&self) -> anyhow::Result<()> {
        let stamp = Stamp::of(&self.dir)?;
        let is_new = self.seen.lock().map_or(true, |seen| *seen != Some(stamp));
        if is_new { self.reload() } else { Ok(()) }
    }

    fn reload(&self) -> anyhow::Result<()> {
        let stamp = Stamp::of(&self.dir)?;
        self.reader.reload().context("open the newest state of the index")?;
        if let Ok(mut seen) = self.seen.lock() {
            *seen = Some(stamp);
        }
        Ok(())
    }

    fn open_in(dir: &Path) -> anyhow::Result<tantivy::Index> {
        let index = tantivy::Index::open_in_dir(dir).with_context(|| {
            format!("open the index in {}: `pagekeeper rebuild index` makes a new one", dir.display())
        })?;
        index.tokenizers().register(TOKENIZER, TextAnalyzer::builder(WordTokenizer).build());
        Ok(index)
    }

    fn with(dir: &Path, mut index: tantivy::Index) -> anyhow::Result<Index> {
        index.set_executor(tantivy::Executor::SingleThread);
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into().context("read the index")?;
        let seen = Arc::new(Mutex::new(None));
        let fields = Fields::new().1;
        Ok(Index { dir: dir.to_owned(), index, fields, reader, seen, bulk: Effort::BULK, live: Effort::LIVE })
    }
}

const META: &str = "meta.json";

/// Removes the folder of an index, if there is one.
fn remove(dir: &Path) -> anyhow::Result<()> {
    match std::fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("remove the index in {}", dir.display()))
        }
        _ => Ok(()),
    }
}

/// The one place that commits, so that no commit is without a payload.
fn commit(writer: &mut IndexWriter, mark: Watermark) -> anyhow::Result<()> {
    let mut prepared = writer.prepare_commit().context("prepare a commit of the index")?;
    prepared.set_payload(&mark.payload());
    prepared.commit().context("commit the index")?;
    Ok(())
}

/// Live commits make small segments: six of a size are merged, so that a search never has more than a few dozen to
/// look through. A segment of which a third is replaced is rewritten.
fn merge_policy() -> LogMergePolicy {
    let mut policy = LogMergePolicy::default();
    policy.set_min_num_segments(6);
    policy.set_min_layer_size(10_000);
    policy.set_level_log_size(2.0);
    policy.set_del_docs_ratio_before_merge(0.33);
    policy
}

impl Watermark {
    fn payload(&self) -> String {
        format!("{}:{}:{}", schema::version(), self.seq, hex::encode(self.leaf_hash))
    }

    /// Reads a payload of this version.
    fn read(payload: &str) -> Option<Watermark> {
        let mut parts = payload.split(':');
        let (version, seq, leaf) = (parts.next()?, parts.next()?, parts.next()?);
        let mut leaf_hash = [0; 32];
        hex::decode_to_slice(leaf, &mut leaf_hash).ok()?;
        (version == schema::version() && parts.next().is_none())
            .then_some(Watermark { seq: seq.parse().ok()?, leaf_hash })
    }
}

/// Whether an index was made by this version of the program.
trait Current {
    fn is_current(&self) -> anyhow::Result<bool>;
}

impl Current for tantivy::Index {
    fn is_current(&self) -> anyhow::Result<bool> {
        let metas = self.load_metas().context("read the state of the index")?;
        let payload = metas.payload.as_deref();
        Ok(metas.schema == Fields::new().0 && payload.is_none_or(|payload| Watermark::read(payload).is_some()))
    }
}

/// Tells one `meta.json` from the next: it is replaced as a file on each commit and merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: SystemTime,
    inode: u64,
    length: u64,
}

impl Stamp {
    fn of(dir: &Path) -> anyhow::Result<Stamp> {
        use std::os::unix::fs::MetadataExt as _;
        let meta =
            std::fs::metadata(dir.join(META)).with_context(|| format!("look at the index in {}", dir.display()))?;
        Ok(Stamp { modified: meta.modified()?, inode: meta.ino(), length: meta.len() })
    }
}

#[cfg(test)]
mod tests;
