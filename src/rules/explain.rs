//! Why rules fire on a text and why others do not: for people who write packs.

use std::sync::Arc;

use super::engine::{self, Fill, Refusal, Seen, Text};
use super::pack::Rule;
use super::pass::{Engine, Gate, Hit, Subject};
use super::places::Places;
use super::slots::{Pattern, SlotId};
use crate::text::views::{View, Views};

/// Everything about one text.
#[derive(Debug)]
pub struct Explained {
    /// The readings of the text by name, the plainest first.
    pub views: Vec<(&'static str, String)>,
    /// What the pass finds, each with the slots that met.
    pub fired: Vec<(Hit, Vec<Met>)>,
    /// Rules of which something was there, the nearest first.
    pub nearly: Vec<Nearly>,
}

/// A slot, as its pack writes it, and the words of the text that fill it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Met {
    pub slot: String,
    pub words: Option<String>,
}

/// A rule that does not fire.
#[derive(Debug)]
pub struct Nearly {
    pub rule: Arc<Rule>,
    pub slots: Vec<Met>,
    pub why: Why,
}

/// What keeps a rule from firing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// All its slots met, and a modifier dropped it.
    Dropped(String),
    /// All its slots met inside a benign phrase.
    Benign,
    /// All its slots are in the text, but not in order or not near enough.
    Apart,
    /// The gate holds it back on this author's items, or it does not run on this platform, kind or role.
    DoesNotRun,
    /// So many slots have no words.
    Lacks(usize),
}

/// How many rules that nearly fire are told of.
const NEAREST: usize = 6;

/// Explains the text of a subject. The pass itself decides what fires; this looks at what it saw on the way.
pub fn explain(engine: &Engine, subject: &Subject<'_>, gate: &Gate) -> Explained {
    let views = Views::of(subject.text);
    let mended = engine.compiled.mender.mend(views.all().last().unwrap_or(&views.folded));
    let mut seen = Seen::new(engine.compiled.anchors.len());
    let hits = engine.apply(subject, gate);
    let mut explained = Explained { views: named(&views, mended.as_ref()), fired: Vec::new(), nearly: Vec::new() };
    let mut met: Vec<Option<Vec<Met>>> = vec![None; hits.len()];
    for (number, view) in views.all().chain(mended.as_ref()).enumerate() {
        seen.clear();
        engine::literals(engine, view, &mut seen);
        if number == 0 {
            engine::structures(engine, subject.text, &views, &mut seen);
        }
        let fills = everything(engine, view, &seen);
        let text = Text { engine, view, fills: &fills };
        for pattern in &engine.compiled.patterns {
            let rule = &engine.rules[pattern.rule];
            let (slots, why) = look(&text, pattern, subject.text);
            let hit = hits.iter().position(|hit| hit.rule.id == rule.id);
            match (hit, why) {
                (Some(hit), None) => drop(met[hit].get_or_insert(slots)),
                (Some(_), Some(_)) => {}
                (None, why) => keep(&mut explained.nearly, rule, slots, why.unwrap_or(Why::DoesNotRun)),
            }
        }
    }
    explained.fired = hits.into_iter().zip(met).map(|(hit, met)| (hit, met.unwrap_or_default())).collect();
    explained.nearly.sort_by(|a, b| a.why.cmp(&b.why));
    explained.nearly.truncate(NEAREST);
    explained
}

/// The places of all slots.
fn everything(engine: &Engine, view: &View, seen: &Seen) -> Vec<Fill> {
    let mut places = Places::new(engine, view, seen);
    let slots = || (0..).take(engine.compiled.specs.len());
    places.words(slots());
    slots().for_each(|slot| places.structures(slot));
    places.sorted()
}

fn named(views: &Views, mended: Option<&View>) -> Vec<(&'static str, String)> {
    let others = [
        ("leet resolved", views.leet.as_ref()),
        ("letters joined", views.joined.as_ref()),
        ("repeats as one", views.collapsed.as_ref()),
        ("repeats as two", views.doubled.as_ref()),
        ("slips mended", mended),
    ];
    let mut named = vec![("folded", views.folded.text.trim().to_owned())];
    named.extend(others.into_iter().filter_map(|(name, view)| Some((name, view?.text.trim().to_owned()))));
    named
}

/// The slots of a pattern in one reading, and what keeps it from matching.
fn look(text: &Text<'_>, pattern: &Pattern, raw: &str) -> (Vec<Met>, Option<Why>) {
    let rule = &text.engine.rules[pattern.rule];
    let lacking = pattern.slots.iter().filter(|slot| text.of(**slot).is_empty()).count();
    let first_of_each: Vec<Fill> = pattern.slots.iter().filter_map(|slot| text.of(*slot).first().copied()).collect();
    if lacking > 0 {
        let anchored = !text.of(pattern.anchor).is_empty();
        let slots = if anchored { met(text, &pattern.slots, &first_of_each, raw) } else { Vec::new() };
        return (slots, Some(Why::Lacks(lacking)));
    }
    let mut nearest = (first_of_each, Why::Apart);
    for fills in text.of(pattern.slots[0]).iter().filter_map(|first| text.complete(*first, pattern, rule)) {
        match text.judge(pattern.rule, rule, &fills) {
            Ok(_) => return (met(text, &pattern.slots, &fills, raw), None),
            Err(Refusal::Benign) => nearest = (fills, Why::Benign),
            Err(Refusal::Dropped(modifier)) => nearest = (fills, Why::Dropped(modifier.to_owned())),
        }
    }
    (met(text, &pattern.slots, &nearest.0, raw), Some(nearest.1))
}

fn met(text: &Text<'_>, slots: &[SlotId], fills: &[Fill], raw: &str) -> Vec<Met> {
    let words = |slot: &SlotId| {
        let fill = fills.iter().find(|fill| fill.slot == *slot)?;
        raw.get(text.view.raw_words(fill.from as usize..fill.to as usize)).map(ToOwned::to_owned)
    };
    let spec = |slot: &SlotId| text.engine.compiled.specs[*slot as usize].clone();
    slots.iter().map(|slot| Met { slot: spec(slot), words: words(slot) }).collect()
}

/// Of each rule its nearest pattern; one without its anchor, or of which more is missing than there, is not near.
fn keep(nearly: &mut Vec<Nearly>, rule: &Arc<Rule>, slots: Vec<Met>, why: Why) {
    let there = slots.iter().filter(|met| met.words.is_some()).count();
    if there * 2 < slots.len().max(1) {
        return;
    }
    match nearly.iter_mut().find(|known| known.rule.id == rule.id) {
        Some(known) if known.why <= why => {}
        Some(known) => (known.slots, known.why) = (slots, why),
        None => nearly.push(Nearly { rule: Arc::clone(rule), slots, why }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::pack::load;
    use super::*;
    use crate::model::{Kind, Role};
    use crate::text::detect::Allow;

    const PACK: &str = r#"
        [lexicon]
        actor = ["my dad", "padrastro"]
        harm = ["hits", "pega"]
        [modifier.game]
        terms = ["inning"]
        scope = "text"
        [[rule]]
        id = "a.harm"
        title = "Somebody hurts"
        category = "harassment_bullying"
        severity = "high"
        clause = { district = "I.5", public = "III.4" }
        find = [["@actor", "@harm", "me|it|him"]]
        within = 5
        modifiers = { game = "drop" }
        match = ["my dad hits me", "mi padrastro pega, me", "my dad hits him"]
        no_match = ["my dad hits", "me", "my dad hits it in the last inning"]
    "#;

    fn explained(text: &str) -> Explained {
        let packs = load(&[("a.toml".to_owned(), PACK.to_owned())]).unwrap_or_else(|errors| panic!("{errors:#?}"));
        let subject = Subject {
            text,
            parts: &[],
            links: &[],
            role: Role::Public,
            platform: "facebook",
            kind: Kind::Comment,
            has_media: false,
            every_role: false,
        };
        explain(&Engine::new(&packs, &Allow::default()), &subject, &Gate::all())
    }

    #[test]
    fn what_fires_names_its_slots_with_the_very_words() {
        let told = explained("My  DAD hits me");
        let words: Vec<_> = told.fired[0].1.iter().map(|met| (met.slot.as_str(), met.words.as_deref())).collect();
        assert_eq!(words, [("@actor", Some("My  DAD")), ("@harm", Some("hits")), ("me|it|him", Some("me"))]);
        assert!(told.nearly.is_empty());
        assert_eq!(told.views, [("folded", "my dad hits me".to_owned())]);
    }

    #[test]
    fn what_does_not_fire_names_what_keeps_it() {
        let why = |text: &str| explained(text).nearly.pop().map(|nearly| nearly.why);
        assert_eq!(why("my dad hits the ball"), Some(Why::Lacks(1)));
        assert_eq!(why("my dad hits it in the last inning"), Some(Why::Dropped("game".into())));
        assert_eq!(why("me, hits? my dad"), Some(Why::Apart));
        assert_eq!(why("nothing here"), None);
    }
}
