//! The state's facts, as `config/law/california.toml` has them: what each kind of concern asks of a person.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use jiff::civil::Date;
use serde::Deserialize;

use super::read::{Problems, in_words};
use super::{Concerns, types};
use crate::model::Category;

/// A law file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LawFacts {
    #[serde(with = "types::date")]
    pub as_of: Option<Date>,
    pub concern: BTreeMap<Category, Duty>,
    pub numbers: PublicNumbers,
    pub duty: BTreeMap<String, String>,
    pub pupil_social_media: BTreeMap<String, String>,
    pub records_request: RecordsRequest,
    #[serde(default)]
    pub compliance: Vec<Compliance>,
}

/// What one kind of concern asks of the person who sees it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Duty {
    pub words: String,
    /// The sentence for mail and screen; it follows *What you may have to do:*.
    pub sentence: String,
    /// Keys of `[concerns]`, or public numbers.
    pub call: Vec<String>,
    /// Hours from the first look to the written report; absent: no such clock.
    pub written_report_hours: Option<u32>,
    pub cite: String,
    pub status: String,
}

/// Numbers that hold everywhere.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublicNumbers {
    pub emergency: String,
    pub suicide_and_crisis: String,
}

/// The clock of a public records request, in days.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordsRequest {
    pub determination_days: u32,
    pub determination_cite: String,
    pub extension_days: u32,
    pub extension_cite: String,
    pub calendar_days: bool,
    pub status: String,
}

/// A date from which something holds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compliance {
    pub what: String,
    #[serde(with = "types::date")]
    pub date: Option<Date>,
    pub cite: String,
    pub status: String,
}

impl LawFacts {
    pub fn load(path: &Path) -> Result<LawFacts> {
        let text = std::fs::read_to_string(path).with_context(|| format!("read the law file {}", path.display()))?;
        LawFacts::parse(&text).with_context(|| format!("in the law file {}", path.display()))
    }

    pub fn parse(text: &str) -> Result<LawFacts, Problems> {
        toml::from_str(text).map_err(|error| Problems(vec![in_words(text, error.message(), error.span())]))
    }

    /// What a flag of this category may ask of a person; `None` for categories that are no concern.
    pub fn duty(&self, category: Category) -> Option<&Duty> {
        self.concern.get(&category)
    }
}

impl Duty {
    /// Whom to call, as (name, number), in the law file's order. A contact that the district has not stated is left out.
    pub fn numbers(&self, concerns: &Concerns) -> Vec<(String, String)> {
        let named = |key: &String| match key.as_str() {
            "child_abuse_hotline" => concerns.child_abuse_hotline.as_ref(),
            "law_enforcement" => concerns.law_enforcement.as_ref(),
            "crisis_team" => concerns.crisis_team.as_ref(),
            _ => None,
        };
        let of_key = |key: &String| match named(key) {
            Some(contact) => Some((contact.name.clone(), contact.number.clone())),
            None if key.starts_with(|c: char| c.is_ascii_digit()) => Some((String::new(), key.clone())),
            None => None,
        };
        self.call.iter().filter_map(of_key).collect()
    }
}
