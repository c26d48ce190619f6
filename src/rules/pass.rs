//! The pass over one item's words: pure, deterministic, linear in the length of the text.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::engine;
use super::pack::{Packs, Rule, Status};
use super::roster::Roster;
use super::slots::Compiled;
use crate::model::{Category, Kind, Role, Severity};
use crate::text::detect::{Allow, Detectors};

/// All rules, ready to be applied. Made once for a set of packs and an allow-list; shared between threads.
#[derive(Debug, Clone)]
pub struct Engine {
    pub(super) rules: Vec<Arc<Rule>>,
    pub(super) compiled: Arc<Compiled>,
    pub(super) detectors: Detectors,
    roster: Option<Arc<Roster>>,
    digest: String,
}

/// The words of one content of one item, with what decides which rules run on them.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'s> {
    pub text: &'s str,
    /// Further words the item shows as its own: link titles, shared posts, alt text, poll options.
    pub parts: &'s [String],
    pub links: &'s [String],
    pub role: Role,
    pub platform: &'s str,
    pub kind: Kind,
    /// It shows a picture or a video.
    pub has_media: bool,
    /// Measures matching: every rule runs on every role and the gate is ignored, but political advocacy stays the district's.
    pub every_role: bool,
}

/// What the law and a page's own words allow on items of the public (and of unknown authors).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gate {
    /// Ed. Code 49073.6: the categories for which a basis is recorded; `None`: no rule runs on a public comment.
    pub public_categories: Option<BTreeSet<Category>>,
    /// The district has stated expectations for its pages: without them rules resting on III.4 do not run on public comments. Whether
    /// a page shows them is applied when its flags are read.
    pub expectations_posted: bool,
}

impl Gate {
    /// Nothing is held back.
    pub fn all() -> Gate {
        Gate { public_categories: Some(Category::ALL.iter().copied().collect()), expectations_posted: true }
    }

    /// No rule runs on items of the public.
    pub const fn district_only() -> Gate {
        Gate { public_categories: None, expectations_posted: false }
    }
}

/// One rule that matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    pub rule: Arc<Rule>,
    pub category: Category,
    /// The rule's, less what modifiers took off.
    pub severity: Severity,
    /// The clause for this author's role.
    pub clause: Option<String>,
    /// The words that matched, in order and without overlap; empty when only `Subject::links` matched.
    pub spans: Vec<Span>,
    /// Names of the modifiers that acted.
    pub modifiers: Vec<String>,
    pub shadow: bool,
}

/// Where matched words stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// 0 is the text, 1 and on are `parts`.
    pub part: usize,
    /// Bytes of that raw text, always on character boundaries.
    pub start: usize,
    pub end: usize,
}

impl Engine {
    pub fn new(packs: &Packs, allow: &Allow) -> Engine {
        Engine {
            rules: packs.rules.clone(),
            compiled: Arc::clone(&packs.compiled),
            detectors: Detectors::new(allow),
            roster: None,
            digest: packs.digest.clone(),
        }
    }

    /// The same, with names of students to look for beside pictures.
    pub fn with_roster(self, roster: Option<Roster>) -> Engine {
        Engine { roster: roster.map(Arc::new), ..self }
    }

    /// The digest of the packs this was made of.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    pub fn rules(&self) -> &[Arc<Rule>] {
        &self.rules
    }

    /// Every rule that matches, in the order of the packs, each once with its gravest match; the roster's last.
    pub fn apply(&self, subject: &Subject<'_>, gate: &Gate) -> Vec<Hit> {
        if subject.role != Role::District && !subject.every_role && gate.public_categories.is_none() {
            return Vec::new();
        }
        let runs = |rule: &Rule| runs(rule, subject, gate);
        let mut hits: Vec<(usize, Hit)> = Vec::new();
        let texts = std::iter::once(subject.text).chain(subject.parts.iter().map(String::as_str));
        for (part, text) in texts.enumerate() {
            for found in engine::matches(self, text, &runs) {
                self.keep(&mut hits, found, part, subject.role);
            }
        }
        for link in subject.links.iter().filter(|link| !subject.text.contains(link.as_str())) {
            for mut found in engine::matches(self, link, &runs) {
                found.spans.clear();
                self.keep(&mut hits, found, 0, subject.role);
            }
        }
        hits.sort_by_key(|(rule, _)| *rule);
        let named = self.roster.as_ref().and_then(|roster| roster.look(subject));
        hits.into_iter().map(|(_, hit)| hit).chain(named).collect()
    }

    fn keep(&self, hits: &mut Vec<(usize, Hit)>, found: engine::Match, part: usize, role: Role) {
        let known = hits.iter().position(|(rule, _)| *rule == found.rule);
        if known.is_some_and(|at| hits[at].1.severity >= found.severity) {
            return;
        }
        let rule = &self.rules[found.rule];
        let hit = Hit {
            rule: Arc::clone(rule),
            category: rule.category,
            severity: found.severity,
            clause: rule.clause.of(role).map(ToOwned::to_owned),
            spans: found.spans.into_iter().map(|at| Span { part, start: at.start, end: at.end }).collect(),
            modifiers: found.modifiers,
            shadow: rule.status == Status::Shadow,
        };
        match known {
            Some(at) => hits[at].1 = hit,
            None => hits.push((found.rule, hit)),
        }
    }
}

/// Whether a rule runs on a subject at all.
fn runs(rule: &Rule, subject: &Subject<'_>, gate: &Gate) -> bool {
    let public = subject.role != Role::District;
    if public && rule.category == Category::PoliticalAdvocacy {
        return false;
    }
    let here = (rule.platforms.is_empty() || rule.platforms.iter().any(|name| name == subject.platform))
        && (rule.kinds.is_empty() || rule.kinds.contains(&subject.kind));
    if subject.every_role {
        return here;
    }
    let Some(clause) = rule.clause.of(subject.role) else { return false };
    let lawful = || gate.public_categories.as_ref().is_some_and(|set| set.contains(&rule.category));
    here && (!public || (lawful() && (gate.expectations_posted || clause != "III.4")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::pack::load;
    use super::*;

    const PACK: &str = r#"
        [lexicon]
        actor = ["my dad", "stepdad", "padrastro"]
        harm = ["hits", "hurt*", "pega"]
        me = ["me", "my sister"]
        swear = ["darn", "d_rn"]
        [modifier.story]
        terms = ["in the play"]
        scope = "text"
        [[rule]]
        id = "abuse.actor-harm"
        title = "Somebody at home hurts a child"
        category = "child_abuse_disclosure"
        severity = "critical"
        clause = { district = "I.3", public = "I.3" }
        find = [["@actor", "@harm", "@me"], ["@actor", "me", "@harm"]]
        within = 8
        modifiers = { story = "drop" }
        match = ["my dad hits me", "mi padrastro me pega", "my dad hurts my sister"]
        no_match = ["my dad came to the game", "he hits the ball", "the stepdad hurts the dragon in the play"]
        [[rule]]
        id = "words.swear"
        title = "Swearing"
        category = "obscenity"
        severity = "low"
        clause = { district = "I.4", public = "III.4" }
        find = [["@swear"]]
        match = ["darn", "d*rn it", "daaaarn", "es darn"]
        no_match = ["darning socks", "barn", "hijo de barn"]
        [[rule]]
        id = "privacy.phone"
        title = "A person's number"
        category = "pii_phone"
        severity = "medium"
        clause = { district = "I.2", public = "I.2" }
        find = [["$phone"]]
        match = ["call 760-555-0142", "(760) 555-0142", "mi cel 760 555 0142"]
        no_match = ["room 12", "due 10/30/2026", "llama al 911"]
    "#;

    fn engine() -> Engine {
        let packs = load(&[("test.toml".to_owned(), PACK.to_owned())]).unwrap_or_else(|errors| panic!("{errors:#?}"));
        Engine::new(&packs, &Allow::default())
    }

    fn public(text: &str) -> Subject<'_> {
        Subject {
            text,
            parts: &[],
            links: &[],
            role: Role::Public,
            platform: "facebook",
            kind: Kind::Comment,
            has_media: false,
            every_role: false,
        }
    }

    #[test]
    fn a_hit_shows_the_raw_words_that_matched() {
        let text = "ok so… My  Dad\u{301} keeps HURTING me 😭";
        let hits = engine().apply(&public(text), &Gate::all());
        assert_eq!(hits.len(), 1);
        let shown: Vec<&str> = hits[0].spans.iter().map(|span| &text[span.start..span.end]).collect();
        assert_eq!(shown, ["My  Dad\u{301}", "HURTING", "me"]);
        assert_eq!(hits[0].clause.as_deref(), Some("I.3"));
        assert_eq!(hits[0].severity, Severity::Critical);
    }

    #[test]
    fn without_a_basis_no_rule_runs_on_the_public() {
        let engine = engine();
        let subject = public("my dad hits me, call 760-555-0142");
        assert!(engine.apply(&subject, &Gate::district_only()).is_empty());
        let adopted = Gate { public_categories: Some(BTreeSet::from([Category::PiiPhone])), expectations_posted: true };
        let hits = engine.apply(&subject, &adopted);
        assert_eq!(hits.iter().map(|hit| hit.category).collect::<Vec<_>>(), [Category::PiiPhone]);
        let district = Subject { role: Role::District, ..subject };
        assert_eq!(engine.apply(&district, &Gate::district_only()).len(), 2);
    }

    #[test]
    fn rules_of_a_page_run_where_it_has_posted_its_expectations() {
        let engine = engine();
        let mut gate = Gate::all();
        assert_eq!(engine.apply(&public("d4rn"), &gate).len(), 1);
        gate.expectations_posted = false;
        assert!(engine.apply(&public("d4rn"), &gate).is_empty());
    }

    #[test]
    fn a_modifier_never_drops_a_first_person_disclosure() {
        let hits = engine().apply(&public("my stepdad hits me, not in the play"), &Gate::all());
        assert_eq!(hits[0].severity, Severity::Medium);
        assert_eq!(hits[0].modifiers, ["story"]);
    }

    #[test]
    fn parts_and_links_are_read_as_the_items_own_words() {
        let parts = ["Nice day".to_owned(), "my dad hits me".to_owned()];
        let hits = engine().apply(&Subject { parts: &parts, ..public("look") }, &Gate::all());
        assert_eq!(hits[0].spans[0], Span { part: 2, start: 0, end: 6 });
    }

    #[test]
    fn long_hostile_texts_stay_linear() {
        let engine = engine();
        let units = [
            "a",
            "1",
            "😀",
            "e\u{301}\u{301}\u{301}",
            "my dad ",
            "me ",
            "hits me my dad ",
            "f u c k ",
            "a.b@c ",
            "$4",
            "(1 ",
        ];
        for unit in units {
            let text = unit.repeat(65_536 / unit.len());
            let started = super::super::timing::worked();
            engine.apply(&public(&text), &Gate::all());
            let worked = super::super::timing::worked().saturating_sub(started);
            assert!(worked.as_secs() < 3, "{unit:?} took {worked:?}");
        }
    }

    proptest! {
        #[test]
        fn spans_lie_on_char_boundaries_and_nothing_panics(
            text in "(my dad |hits |hurt|me |d4rn|d\\*rn|760-555-0142|\\PC|[\u{0}-\u{7f}]|é|\u{301}|😀|\u{fb00}|İ|one |cero ){0,40}"
        ) {
            let subject = public(&text);
            let engine = ENGINE.get_or_init(engine);
            let hits = engine.apply(&subject, &Gate::all());
            prop_assert_eq!(&hits, &engine.apply(&subject, &Gate::all()));
            for span in hits.iter().flat_map(|hit| &hit.spans) {
                prop_assert!(text.get(span.start..span.end).is_some_and(|words| !words.is_empty()));
            }
        }
    }

    static ENGINE: std::sync::OnceLock<Engine> = std::sync::OnceLock::new();
}
