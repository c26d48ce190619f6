//! The district's guidelines, clause by clause, as `config/policy.toml` has them.

use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::read::{Problems, in_words};

/// The clauses in the order of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clauses {
    clause: Vec<PolicyClause>,
}

/// One clause: the id that rules and records name, and the district's own words.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyClause {
    pub id: String,
    pub title: String,
    pub text: String,
    /// What serves the clause beside rules: a check of the accounts, a person's word, or nothing.
    #[serde(default)]
    pub served_by: String,
}

impl Clauses {
    /// In the order of the file.
    pub fn all(&self) -> &[PolicyClause] {
        &self.clause
    }

    pub fn load(path: &Path) -> Result<Clauses> {
        let text = std::fs::read_to_string(path).with_context(|| format!("read the guidelines {}", path.display()))?;
        Clauses::parse(&text).with_context(|| format!("in the guidelines {}", path.display()))
    }

    pub fn parse(text: &str) -> Result<Clauses, Problems> {
        toml::from_str(text).map_err(|error| Problems(vec![in_words(text, error.message(), error.span())]))
    }

    /// The clause with this id.
    pub fn get(&self, id: &str) -> Option<&PolicyClause> {
        self.clause.iter().find(|clause| clause.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_guidelines_give_each_clause_its_words() {
        let clauses = Clauses::parse(include_str!("../../config/policy.toml")).unwrap();
        assert_eq!(clauses.get("I.3").unwrap().title, "Mandatory reporting");
        assert!(clauses.get("III.5").unwrap().text.contains("ballot measure"));
        assert_eq!(clauses.get("XX"), None);
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line() {
        let error = Clauses::parse("[[clause]]\nid = \"P\"\ntitle = \"t\"\ntext = \"w\"\nwords = 1\n").unwrap_err();
        assert!(error.to_string().contains("line 5") || error.to_string().contains(":5"), "{error}");
    }
}
