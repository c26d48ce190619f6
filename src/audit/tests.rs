//! What holds of the table of checks, whatever they find.

use std::collections::BTreeSet;

use super::*;
use crate::config::Clauses;

#[test]
fn every_check_has_its_own_id_and_names_a_clause_or_the_law() {
    let clauses = Clauses::parse(include_str!("../../config/policy.toml")).unwrap();
    let ids: BTreeSet<&str> = CHECKS.iter().map(|check| check.id).collect();
    assert_eq!(ids.len(), CHECKS.len());
    for check in CHECKS {
        assert!(clauses.get(check.clause).is_some() || check.clause.contains("CFR"), "{}: {}", check.id, check.clause);
        assert!(!check.act.is_empty() && !check.title.ends_with('.'), "{}", check.id);
    }
}

#[test]
fn a_clause_names_the_checks_that_serve_it() {
    assert_eq!(serving("III.3"), ["page_kind"]);
    assert!(serving("III.7").contains(&"approved_admins"));
    assert_eq!(serving("I.7"), Vec::<&str>::new());
}

#[test]
fn what_is_not_said_leaves_a_finding_open_and_what_is_not_stated_withdraws_it() {
    assert_eq!(end_of(&not_said("x")), None);
    assert_eq!(end_of(&not_stated("x")), Some(End::Withdrawn));
    assert_eq!(end_of(&Verdict::Holds { why: "x".into() }), Some(End::Fixed));
    assert_eq!(end_of(&Verdict::Fails { what: "x".into(), evidence: Vec::new() }), None);
}
