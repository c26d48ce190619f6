//! What a flag rests on, in words: the rule as its pack states it, and the clause of the district's guidelines.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};

use super::Site;
use super::show::{counted, list_words, number};
use crate::app::PACKS;
use crate::config::{Clauses, PolicyClause};
use crate::db::flags::ReportCard;
use crate::db::{Conn, inputs};
use crate::rules::pack::Order;
use crate::rules::{self, Rule};
use crate::seal::Hash;

/// So many words of one slot are shown.
const MOST_WORDS: usize = 4;

type Rules = HashMap<String, Arc<Rule>>;

/// The rules in force by id, read again only when other packs came into force.
#[derive(Debug, Default)]
pub struct Book {
    held: Mutex<Option<(Hash, Arc<Rules>)>>,
}

impl Book {
    /// A rule in force. `None`: it stands in no pack any more.
    pub fn rule(&self, conn: &Conn, id: &str) -> Result<Option<Arc<Rule>>> {
        Ok(self.rules(conn)?.get(id).cloned())
    }

    /// All rules in force, by category and id.
    pub fn all(&self, conn: &Conn) -> Result<Vec<Arc<Rule>>> {
        let mut all: Vec<Arc<Rule>> = self.rules(conn)?.values().cloned().collect();
        all.sort_by(|a, b| (a.category, &a.id).cmp(&(b.category, &b.id)));
        Ok(all)
    }

    fn rules(&self, conn: &Conn) -> Result<Arc<Rules>> {
        let Some((digest, text)) = inputs::in_force(conn, PACKS)? else { return Ok(Arc::default()) };
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, rules)) = held.as_ref().filter(|(known, _)| *known == digest) {
            return Ok(rules.clone());
        }
        let files: Vec<(String, String)> = serde_json::from_str(&text).context("the packs in force")?;
        let rules: Rules = rules::stated(&files)
            .into_iter()
            .chain([Arc::new(rules::roster::rule())])
            .map(|rule| (rule.id.clone(), rule))
            .collect();
        Ok(held.insert((digest, Arc::new(rules))).1.clone())
    }
}

/// A clause in the district's own words. A file that cannot be read is logged, and the page shows the clause's id alone.
pub fn clause(site: &Site, id: &str) -> Option<PolicyClause> {
    match Clauses::load(&site.config().policy.clauses) {
        Ok(clauses) => clauses.get(id).cloned(),
        Err(error) => {
            tracing::error!("the guidelines cannot be shown: {error:#}");
            None
        }
    }
}

/// What a rule looks for, in one sentence.
pub fn looks_for(rule: &Rule) -> String {
    let Some(first) = rule.find.first() else { return String::new() };
    let slots: Vec<String> = first.iter().map(|slot| slot_words(slot)).collect();
    let mut sentence = match (slots.len(), rule.order) {
        (1, _) => slots[0].clone(),
        (_, Order::Written) => format!("{}, in this order, within {} words", slots.join(", then "), rule.within),
        (_, Order::Any) => format!("{}, in any order, within {} words", list_words(&slots), rule.within),
    };
    match rule.find.len() - 1 {
        0 => {}
        1 => sentence.push_str("; or one other combination"),
        more => sentence.push_str(&format!("; or one of {more} other combinations")),
    }
    sentence.push('.');
    sentence
}

/// A slot is `@lexicon`, `$structure` or words, several parted by `|`.
fn slot_words(slot: &str) -> String {
    let mut words: Vec<String> = slot.split('|').map(str::trim).filter(|word| !word.is_empty()).map(named).collect();
    let more = words.len() > MOST_WORDS;
    words.truncate(MOST_WORDS);
    if more {
        words.push("the like".into());
    }
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

fn named(word: &str) -> String {
    match word.strip_prefix(['@', '$']) {
        Some(name) => format!("words for {}", name.replace('_', " ")),
        None => format!("“{word}”"),
    }
}

/// *21 decided: 18 upheld (86 of 100)*, of the decided ones.
pub fn decided(card: &ReportCard) -> String {
    match card.upheld() {
        None => "none decided yet".into(),
        Some(of_a_hundred) => format!(
            "{} decided: {} upheld ({of_a_hundred} of 100)",
            number(card.confirmed + card.refused),
            number(card.confirmed)
        ),
    }
}

/// How a rule has fared, in words, for its flags' pages.
pub fn fared(card: &ReportCard) -> String {
    format!("{}, {}", counted(card.fired, "flag so far", "flags so far"), decided(card))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(find: &str, more: &str) -> Arc<Rule> {
        let text = format!(
            "[pack]\ntitle = \"t\"\nowner = \"o\"\n[[rule]]\nid = \"test.rule\"\ntitle = \"A test\"\ncategory = \"conduct\"\n\
             severity = \"low\"\nclause = {{ public = \"I.1\" }}\nfind = {find}\n{more}\nmatch = [\"x\"]\nno_match = [\"y\"]\n"
        );
        rules::stated(&[("test.toml".into(), text)]).pop().unwrap()
    }

    #[test]
    fn what_a_rule_looks_for_is_one_sentence() {
        assert_eq!(looks_for(&rule("[[\"$phone\"]]", "")), "words for phone.");
        assert_eq!(
            looks_for(&rule(
                "[[\"@parent_figure\", \"hits | beats | hurts | burns | bites\", \"me\"], [\"x\"]]",
                "within = 6"
            )),
            "words for parent figure, then “hits”, “beats”, “hurts”, “burns” or the like, then “me”, in this order, within 6 \
             words; or one other combination."
        );
        assert_eq!(
            looks_for(&rule("[[\"a\", \"b\"], [\"x\"], [\"y\"]]", "order = \"any\"")),
            "“a” and “b”, in any order, within 10 words; or one of 2 other combinations."
        );
    }

    #[test]
    fn every_shipped_rule_can_be_said() {
        let files = [("privacy.toml".to_owned(), include_str!("../../config/rules/privacy.toml").to_owned())];
        let rules = rules::stated(&files);
        assert!(!rules.is_empty());
        assert!(rules.iter().all(|rule| looks_for(rule).len() > 5));
        assert_eq!(looks_for(&rules::roster::rule()), "words for names of students not on the release list.");
    }
}
