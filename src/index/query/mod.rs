//! The query language: what a person types, as a tree. Pure; nothing here knows an index.
//!
//! ```text
//! words are ANDed   "a phrase"   -word   OR   ( )   prefix*   word~
//! account: platform: school: group: kind: author: role: state: was: flag: has: after: before: on: changed:
//! ```
//!
//! AND binds tighter than OR: `fight gym OR cafeteria` is `(fight gym) OR cafeteria`.

mod day;
mod matched;
mod parse;

use std::fmt;
use std::ops::Range;

pub(crate) use day::midnight;
pub use matched::{Snippet, excerpt, marks, matched, snippet};

use jiff::civil::Date;

use crate::model::{Category, Change, Kind, Role, State};

/// A query that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    source: String,
    root: Node,
}

/// Reads a query. The empty one matches everything.
pub fn parse(source: &str) -> Result<Query, QueryError> {
    let root = parse::Parser::new(source)?.whole()?;
    Ok(Query { source: source.to_owned(), root })
}

impl Query {
    /// The query as it was typed.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether it asks who wrote something: such a search wants a written reason.
    pub fn names_author(&self) -> bool {
        self.any(&|node| matches!(node, Node::Text(text) if text.target == Target::Author))
    }

    /// Whether it asks for flags: not everybody may.
    pub fn names_flags(&self) -> bool {
        self.any(&|node| matches!(node, Node::Filter(_, Filter::Flag(_))))
    }

    pub(crate) fn root(&self) -> &Node {
        &self.root
    }

    /// An error about a place in this query that only shows when it is run.
    pub(crate) fn error(&self, place: &Range<usize>, say: impl Into<String>) -> QueryError {
        QueryError::new(&self.source, place.clone(), say.into())
    }

    fn any(&self, test: &dyn Fn(&Node) -> bool) -> bool {
        fn walk(node: &Node, test: &dyn Fn(&Node) -> bool) -> bool {
            test(node)
                || match node {
                    Node::And(nodes) | Node::Or(nodes) => nodes.iter().any(|node| walk(node, test)),
                    Node::Not(node) => walk(node, test),
                    _ => false,
                }
        }
        walk(&self.root, test)
    }
}

/// A part of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    All,
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    Text(Text),
    Filter(Range<usize>, Filter),
}

/// Words to be found in the texts or in the author's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text {
    pub target: Target,
    pub find: Find,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    Texts,
    Author,
}

/// How words are to be found. All words are folded as the index's are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Find {
    /// A word or any other with one of its stems.
    Stem(String),
    /// These words next to each other, each at its distance from the first, as they stand.
    Exact(Vec<(usize, String)>),
    /// Words, and behind them one that begins so.
    Prefix(Vec<(usize, String)>, (usize, String)),
    /// A word with at most so many letters changed, added, left out or swapped.
    Fuzzy(String, u8),
}

/// A condition on an item's facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Filter {
    Account(String),
    School(String),
    Group(String),
    Platform(String),
    Kind(Kind),
    Role(Role),
    State(Vec<State>),
    Was(Vec<Change>),
    Flag(Category),
    Media,
    Link,
    /// Written from the first day on, and before the other.
    Created(Option<Date>, Option<Date>),
    /// Changed from the first day on, and before the other.
    Changed(Option<Date>, Option<Date>),
}

/// A query that could not be read, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryError {
    source: String,
    /// The place in bytes of the query.
    place: Range<usize>,
    say: String,
}

impl QueryError {
    fn new(source: &str, place: Range<usize>, say: String) -> QueryError {
        QueryError { source: source.to_owned(), place, say }
    }

    /// Where it went wrong, in characters from 1.
    pub fn column(&self) -> usize {
        self.source.get(..self.place.start).unwrap_or(&self.source).chars().count() + 1
    }

    /// How many characters are meant, at least one.
    pub fn width(&self) -> usize {
        self.source.get(self.place.clone()).map_or(1, |piece| piece.chars().count().max(1))
    }

    /// What is wrong and what was expected, in words.
    pub fn message(&self) -> &str {
        &self.say
    }

    /// The query with a line of carets under the place. Long queries are cut around it.
    pub fn caret(&self) -> String {
        let column = self.column() - 1;
        let skip = column.saturating_sub(60);
        let line: String =
            self.source.chars().skip(skip).take(100).map(|c| if c.is_control() { ' ' } else { c }).collect();
        let carets = "^".repeat(self.width().min(100 - (column - skip)));
        format!("{line}\n{}{carets}", " ".repeat(column - skip))
    }
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "column {}: {}", self.column(), self.say)?;
        self.caret().lines().try_for_each(|line| write!(f, "\n  {line}"))
    }
}

impl std::error::Error for QueryError {}

#[cfg(test)]
mod tests;
