//! The archive's words, in Tantivy.

pub mod query;
