//! Rules that would hold up all others: refused when their pack is loaded.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use super::engine;
use super::pack::{PackError, Rule};
use super::pass::Engine;

/// How many times the reference (reading the text and finding all words, without any rule) one rule may take beside it.
const AT_MOST: u32 = 10;

/// The reference is at least this: a rule may always take a millisecond for a text of [`HOSTILE`] bytes.
const LEAST: Duration = Duration::from_micros(100);

/// Tried so often before a rule is refused, and the shortest times count: another program may have emptied the caches.
const TRIES: usize = 30;

/// Bytes of a text that is made of one thing again and again.
const HOSTILE: usize = 2048;

/// Every rule that takes longer than [`AT_MOST`] times the reference on its own examples, or on texts that repeat them, one
/// letter, digits, words or letters in no order.
pub fn too_slow(engine: &Engine) -> Vec<PackError> {
    let common = [repeated("a"), repeated("7 "), repeated("no te lo digo "), repeated("Ana Luz "), disorder()];
    let rules = engine.rules.iter().enumerate();
    rules.filter_map(|(number, rule)| Some(refusal(rule, slowest(engine, number, rule, &common)?))).collect()
}

fn refusal(rule: &Rule, times: u32) -> PackError {
    PackError {
        file: rule.pack.clone(),
        line: rule.line,
        rule: Some(rule.id.clone()),
        example: None,
        expected: format!("a rule may take {AT_MOST} times what reading the text takes, this one takes {times} times"),
    }
}

/// How many times the reference a rule takes where that is too much.
fn slowest(engine: &Engine, number: usize, rule: &Rule, common: &[String]) -> Option<u32> {
    let own = rule.matches.iter().map(|example| repeated(&format!("{example} ")));
    let ordinary = std::iter::once(rule.matches.iter().chain(&rule.no_matches).cloned().collect::<Vec<_>>().join("\n"));
    own.chain(ordinary).chain(common.iter().cloned()).find_map(|text| over(engine, number, &text))
}

fn over(engine: &Engine, number: usize, text: &str) -> Option<u32> {
    let is_rule = |rule: &Rule| rule.id == engine.rules[number].id;
    let (mut reference, mut alone, mut times) = (Duration::MAX, Duration::MAX, 0);
    for _ in 0..TRIES {
        reference = reference.min(taken(engine, text, &|_| false)).max(LEAST);
        alone = alone.min(taken(engine, text, &is_rule));
        let own = alone.saturating_sub(reference);
        times = u32::try_from(own.as_nanos() / reference.as_nanos()).unwrap_or(u32::MAX);
        if times <= AT_MOST {
            return None;
        }
    }
    Some(times)
}

fn taken(engine: &Engine, text: &str, runs: &dyn Fn(&Rule) -> bool) -> Duration {
    let started = worked();
    engine::matches(engine, text, runs);
    worked().saturating_sub(started)
}

/// How long this thread has had a processor: what others do on the machine does not count.
pub(super) fn worked() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap_or_default()
}

fn repeated(unit: &str) -> String {
    unit.repeat(HOSTILE.div_ceil(unit.len().max(1)))
}

/// Letters and spaces in an order that repeats nowhere: a regular expression with long counts finds no rest in it.
fn disorder() -> String {
    let mut state: u32 = 1;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from(b"ab e"[(state >> 30) as usize])
    };
    (0..HOSTILE).map(|_| next()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::pack::load;

    #[test]
    fn a_rule_that_holds_up_all_others_is_refused_by_name() {
        let pack = r#"
            [structure]
            slow = '[ab][abe ]{1,1400}[ab][abe ]{1,1400}[ab][abe ]{1,1400}[cdf]|q q zz'
            [[rule]]
            id = "slow.rule"
            title = "Slow"
            category = "obscenity"
            severity = "low"
            clause = { public = "III.4" }
            find = [["$slow"]]
            match = ["q q zz", "la q q zz", "a q q zz"]
            no_match = ["a", "b", "c"]
        "#;
        let loaded = load(&[("slow.toml".to_owned(), pack.to_owned())]).map(|packs| packs.rules.len());
        let errors = loaded.expect_err("it is far too slow");
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert!(
            errors[0].to_string().starts_with("slow.toml:5: rule slow.rule: a rule may take 10 times"),
            "{errors:?}"
        );
    }
}
