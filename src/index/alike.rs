//! More like this: items whose words are those of a text. The rarer a word is in the index, the more it counts.

use std::collections::{BTreeSet, HashMap};

use tantivy::query::{BooleanQuery, ConstScoreQuery, Occur, Query, TermQuery};
use tantivy::schema::IndexRecordOption;
use tantivy::{Searcher, Term};

use super::Index;
use super::schema::{Fields, fact};
use super::search::best;
use crate::model::{Role, State};
use crate::text::tokenize::{Form, tokens};

/// A text is looked for by so many of its words, the rarest.
const WORDS: usize = 12;
/// Of a very long text so much is looked at, in bytes.
const LONGEST: usize = 4_000;

/// Looks for items like a text in one state of the index, and remembers how rare each word is.
pub struct Alike {
    searcher: Searcher,
    fields: Fields,
    weights: HashMap<String, f32>,
}

impl Index {
    /// Begins to look for items like others.
    pub fn alike(&self) -> anyhow::Result<Alike> {
        self.refresh()?;
        Ok(Alike { searcher: self.reader.searcher(), fields: self.fields, weights: HashMap::new() })
    }
}

impl Alike {
    /// The items that share the most of a text's rare words, the likest first: visible ones that are not the district's own,
    /// seen under `account` where one is given.
    pub fn find(&mut self, text: &str, account: Option<u64>, limit: usize) -> anyhow::Result<Vec<u64>> {
        let words = self.rarest(text)?;
        if words.is_empty() {
            return Ok(Vec::new());
        }
        let word = |(word, weight): (String, f32)| {
            let term = Term::from_field_text(self.fields.text, &word);
            let found = TermQuery::new(term, IndexRecordOption::Basic);
            (Occur::Should, Box::new(ConstScoreQuery::new(Box::new(found), weight)) as Box<dyn Query>)
        };
        let any: Box<dyn Query> = Box::new(BooleanQuery::new(words.into_iter().map(word).collect()));
        let is = |term| {
            let only = TermQuery::new(term, IndexRecordOption::Basic);
            Box::new(ConstScoreQuery::new(Box::new(only), 0.0)) as Box<dyn Query>
        };
        let has = |name, word| is(Term::from_field_text(self.fields.fact, &fact(name, word)));
        let mut all = vec![
            (Occur::Must, any),
            (Occur::Must, has("state", State::Visible.as_str())),
            (Occur::MustNot, has("role", Role::District.as_str())),
        ];
        all.extend(account.map(|id| (Occur::Must, is(Term::from_field_u64(self.fields.account, id)))));
        Ok(best(&self.searcher, &BooleanQuery::new(all), limit)?)
    }

    /// How much two texts have in common by their words, from 0 to 1: the weight of the words that stand in both, of the weight of
    /// all their words.
    pub fn share(&mut self, one: &str, other: &str) -> anyhow::Result<f32> {
        let (one, other) = (words(one), words(other));
        let (mut both, mut all) = (0.0, 0.0);
        for word in one.union(&other) {
            let weight = self.weight(word)?;
            all += weight;
            both += if one.contains(word) && other.contains(word) { weight } else { 0.0 };
        }
        Ok(if all > 0.0 { both / all } else { 0.0 })
    }

    /// The rarest words of a text that stand in another item as well.
    fn rarest(&mut self, text: &str) -> anyhow::Result<Vec<(String, f32)>> {
        let mut found = Vec::new();
        for word in words(text) {
            if self.count(&word)? > 1 {
                let weight = self.weight(&word)?;
                found.push((word, weight));
            }
        }
        found.sort_by(|one, other| other.1.total_cmp(&one.1));
        found.truncate(WORDS);
        Ok(found)
    }

    fn count(&self, word: &str) -> anyhow::Result<u64> {
        Ok(self.searcher.doc_freq(&Term::from_field_text(self.fields.text, word))?)
    }

    /// The usual inverse document frequency.
    fn weight(&mut self, word: &str) -> anyhow::Result<f32> {
        if let Some(known) = self.weights.get(word) {
            return Ok(*known);
        }
        let (with, all) = (self.count(word)? as f32, self.searcher.num_docs() as f32);
        let weight = (1.0 + (all - with).max(0.0) / (with + 0.5)).ln();
        self.weights.insert(word.to_owned(), weight);
        Ok(weight)
    }
}

/// The words of a text, each once.
fn words(text: &str) -> BTreeSet<String> {
    let end = text.char_indices().map(|(at, _)| at).find(|at| *at >= LONGEST).unwrap_or(text.len());
    tokens(&text[..end]).into_iter().filter(|(place, _)| place.form == Form::Word).map(|(_, word)| word).collect()
}
