//! From the query's tree to Tantivy's: words become the terms of the dictionary, names become ids.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use tantivy::query::{
    AllQuery, BooleanQuery, ConstScoreQuery, EmptyQuery, FuzzyTermQuery, InvertedIndexRangeQuery, Occur,
    PhrasePrefixQuery, PhraseQuery, Query as Plan, RangeQuery, TermQuery,
};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{Searcher, Term};

use super::query::{Filter, Find, Node, Query, Target, Text, midnight};
use super::schema::{Fields, fact};
use super::set::{ItemSet, ItemsQuery};
use crate::model::Category;
use crate::text::tokenize::Stems;

/// How an account is named in a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    Account,
    School,
    Group,
}

/// What a query means depends on: the register and the flags as they are now, and where the district is.
pub struct Context<'a> {
    /// In whose days `after:` and the like are meant.
    pub time_zone: TimeZone,
    /// The ids of the accounts that go by a name; none when nobody goes by it.
    pub accounts: &'a dyn Fn(Named, &str) -> Vec<u64>,
    /// The flagged items of a category; `None` when whoever asks may not know of flags.
    pub flagged: Option<&'a dyn Fn(Category) -> Arc<ItemSet>>,
    /// Only items seen under these accounts; `None` for all.
    pub scope: Option<&'a [u64]>,
    /// Only items that this query finds too: what a role may see. `None` for all.
    pub only: Option<&'a Query>,
}

/// Longer lists of words with one stem are cut: a two-letter word may have very many.
const MAX_FORMS: usize = 128;
/// How many endings a phrase with a prefix is tried with.
const MAX_ENDINGS: u32 = 1_024;

pub(super) struct Planner<'a> {
    pub query: &'a Query,
    pub fields: &'a Fields,
    pub searcher: &'a Searcher,
    pub context: &'a Context<'a>,
    /// Whether scores are wanted.
    pub scored: bool,
}

impl Planner<'_> {
    /// The whole query within the bounds of the context.
    pub fn plan(&self) -> anyhow::Result<Box<dyn Plan>> {
        let plan = self.node(self.query.root())?;
        let mut bounds = Vec::new();
        bounds.extend(self.context.scope.map(|accounts| self.accounts(accounts)));
        if let Some(query) = self.context.only {
            bounds.push(Planner { query, scored: false, ..*self }.node(query.root())?);
        }
        if bounds.is_empty() {
            return Ok(plan);
        }
        let mut parts = vec![(Occur::Must, plan)];
        let bound = |plan| -> (Occur, Box<dyn Plan>) { (Occur::Must, Box::new(ConstScoreQuery::new(plan, 0.0))) };
        parts.extend(bounds.into_iter().map(bound));
        Ok(Box::new(BooleanQuery::new(parts)))
    }

    fn node(&self, node: &Node) -> anyhow::Result<Box<dyn Plan>> {
        Ok(match node {
            Node::All => Box::new(AllQuery),
            Node::And(nodes) => self.all_of(nodes)?,
            Node::Or(nodes) => {
                Box::new(BooleanQuery::union(nodes.iter().map(|node| self.node(node)).collect::<Result<_, _>>()?))
            }
            Node::Not(_) => self.all_of(std::slice::from_ref(node))?,
            Node::Text(text) => self.text(text)?,
            Node::Filter(place, filter) => {
                let plan = self.filter(place, filter)?;
                if self.scored { Box::new(ConstScoreQuery::new(plan, 0.0)) } else { plan }
            }
        })
    }

    /// Where only exclusions stand, they are taken from everything.
    fn all_of(&self, nodes: &[Node]) -> anyhow::Result<Box<dyn Plan>> {
        let mut parts: Vec<(Occur, Box<dyn Plan>)> = Vec::with_capacity(nodes.len() + 1);
        for node in nodes {
            match node {
                Node::Not(denied) => parts.push((Occur::MustNot, self.node(denied)?)),
                node => parts.push((Occur::Must, self.node(node)?)),
            }
        }
        if parts.iter().all(|(occur, _)| *occur == Occur::MustNot) {
            parts.push((Occur::Must, Box::new(AllQuery)));
        }
        Ok(Box::new(BooleanQuery::new(parts)))
    }

    fn text(&self, text: &Text) -> anyhow::Result<Box<dyn Plan>> {
        let field = match text.target {
            Target::Texts => self.fields.text,
            Target::Author => self.fields.author,
        };
        Ok(match &text.find {
            Find::Stem(word) => self.forms(field, word)?,
            Find::Exact(words) => self.exact(field, words),
            Find::Prefix(words, (_, begun)) if words.is_empty() => begins(field, begun),
            Find::Prefix(words, begun) => {
                let terms = words.iter().chain([begun]).map(|(at, word)| (*at, Term::from_field_text(field, word)));
                let mut plan = PhrasePrefixQuery::new_with_offset(terms.collect());
                plan.set_max_expansions(MAX_ENDINGS);
                Box::new(plan)
            }
            Find::Fuzzy(word, distance) => {
                Box::new(FuzzyTermQuery::new(Term::from_field_text(field, word), *distance, true))
            }
        })
    }

    fn exact(&self, field: Field, words: &[(usize, String)]) -> Box<dyn Plan> {
        let term = |word: &str| Term::from_field_text(field, word);
        match words {
            [] => Box::new(EmptyQuery),
            [(_, word)] => self.term(term(word)),
            words => Box::new(PhraseQuery::new_with_offset(words.iter().map(|(at, word)| (*at, term(word))).collect())),
        }
    }

    fn term(&self, term: Term) -> Box<dyn Plan> {
        let record = if self.scored { IndexRecordOption::WithFreqs } else { IndexRecordOption::Basic };
        Box::new(TermQuery::new(term, record))
    }

    /// The word and every word of the dictionaries with one of its stems.
    fn forms(&self, field: Field, word: &str) -> anyhow::Result<Box<dyn Plan>> {
        let stems = Stems::of(word);
        let mut forms = BTreeSet::from([word.to_owned()]);
        for segment in self.searcher.segment_readers() {
            let inverted = segment.inverted_index(field)?;
            for prefix in stems.prefixes() {
                let mut terms = inverted.terms().range().ge(prefix.as_bytes());
                if let Some(end) = after_prefix(prefix) {
                    terms = terms.lt(end);
                }
                let mut terms = terms.into_stream()?;
                while terms.advance() && forms.len() < MAX_FORMS {
                    let Ok(other) = std::str::from_utf8(terms.key()) else { continue };
                    if !forms.contains(other) && stems.meet(other) {
                        forms.insert(other.to_owned());
                    }
                }
            }
        }
        let mut plans: Vec<_> = forms.iter().map(|form| self.term(Term::from_field_text(field, form))).collect();
        Ok(match plans.len() {
            1 => plans.swap_remove(0),
            _ => Box::new(BooleanQuery::union(plans)),
        })
    }

    fn filter(&self, place: &std::ops::Range<usize>, filter: &Filter) -> anyhow::Result<Box<dyn Plan>> {
        Ok(match filter {
            Filter::Account(name) => self.named(place, Named::Account, "account", name)?,
            Filter::School(name) => self.named(place, Named::School, "school", name)?,
            Filter::Group(name) => self.named(place, Named::Group, "group", name)?,
            Filter::Platform(word) => self.fact("platform", word),
            Filter::Kind(word) => self.fact("kind", word.as_str()),
            Filter::Role(word) => self.fact("role", word.as_str()),
            Filter::State(words) => any(words.iter().map(|word| self.fact("state", word.as_str()))),
            Filter::Was(words) => any(words.iter().map(|word| self.fact("was", word.as_str()))),
            Filter::Media => self.fact("has", "media"),
            Filter::Link => self.fact("has", "link"),
            Filter::Flag(category) => {
                let Some(flagged) = self.context.flagged else {
                    return Err(self.query.error(place, "`flag:` is not open to you: flags are for reviewers").into());
                };
                Box::new(ItemsQuery { field: self.fields.item, items: flagged(*category) })
            }
            Filter::Created(from, until) => self.between(self.fields.created(), *from, *until)?,
            Filter::Changed(from, until) => self.between(self.fields.changed(), *from, *until)?,
        })
    }

    fn named(
        &self,
        place: &std::ops::Range<usize>,
        by: Named,
        word: &str,
        name: &str,
    ) -> anyhow::Result<Box<dyn Plan>> {
        let accounts = (self.context.accounts)(by, name);
        if accounts.is_empty() {
            let say = match by {
                Named::Account => format!("no account goes by `{name}`: expected a name as the register has it"),
                _ => format!("no account has the {word} `{name}`: expected one as the register has it"),
            };
            return Err(self.query.error(place, say).into());
        }
        Ok(self.accounts(&accounts))
    }

    fn accounts(&self, accounts: &[u64]) -> Box<dyn Plan> {
        any(accounts.iter().map(|id| -> Box<dyn Plan> {
            Box::new(TermQuery::new(Term::from_field_u64(self.fields.account, *id), IndexRecordOption::Basic))
        }))
    }

    fn fact(&self, name: &str, word: &str) -> Box<dyn Plan> {
        let term = Term::from_field_text(self.fields.fact, &fact(name, word));
        Box::new(TermQuery::new(term, IndexRecordOption::Basic))
    }

    fn between(&self, field: Field, from: Option<Date>, until: Option<Date>) -> anyhow::Result<Box<dyn Plan>> {
        let bound = |day: Date| -> anyhow::Result<Term> {
            Ok(Term::from_field_i64(field, midnight(day, &self.context.time_zone)?))
        };
        let lower = from.map(&bound).transpose()?.map_or(Bound::Unbounded, Bound::Included);
        let upper = until.map(&bound).transpose()?.map_or(Bound::Unbounded, Bound::Excluded);
        Ok(Box::new(RangeQuery::new(lower, upper)))
    }
}

fn any(plans: impl Iterator<Item = Box<dyn Plan>>) -> Box<dyn Plan> {
    let mut plans: Vec<_> = plans.collect();
    match plans.len() {
        0 => Box::new(EmptyQuery),
        1 => plans.swap_remove(0),
        _ => Box::new(BooleanQuery::union(plans)),
    }
}

/// Every term that begins so.
fn begins(field: Field, prefix: &str) -> Box<dyn Plan> {
    let upper = after_prefix(prefix).map_or(Bound::Unbounded, |end| {
        let mut term = Term::from_field_text(field, "");
        term.append_bytes(&end);
        Bound::Excluded(term)
    });
    Box::new(InvertedIndexRangeQuery::new(Bound::Included(Term::from_field_text(field, prefix)), upper))
}

/// The least string of bytes above all that begin with the prefix.
fn after_prefix(prefix: &str) -> Option<Vec<u8>> {
    let mut end = prefix.as_bytes().to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return Some(end);
        }
    }
    None
}
