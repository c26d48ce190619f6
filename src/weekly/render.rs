//! A report's words, in its own order: what needs a person first.

use std::collections::HashMap;

use super::gather::{FindingLine, FlagLine, Lists};
use crate::config::Config;
use crate::db::reports::Kept;
use crate::model::{Role, Severity, Timestamp};
use crate::text::dates;
use crate::text::letter::{Letter, Mark, count, thousands};

/// So many flags have a line of their own.
const MOST_FLAGS: usize = 15;
/// So much of a post of the page's own is shown, in characters.
const MOST_WORDS: usize = 140;

/// A report to be rendered, whole or for some pages.
pub(super) struct Page<'p> {
    pub config: &'p Config,
    pub lists: &'p Lists,
    /// Words of the district's own posts, by flag.
    pub words: &'p HashMap<String, String>,
    pub report: i64,
    pub now: Timestamp,
    pub next: Option<Timestamp>,
}

pub(super) struct Written {
    pub subject: String,
    pub letter: Letter,
}

impl Page<'_> {
    pub fn render(&self, scope: Option<usize>, mark: Mark) -> Written {
        let own = scope.map(|scope| self.lists.of(scope));
        let lists = own.as_ref().unwrap_or(self.lists);
        let subject = self.subject(lists);
        let mut letter = Letter::new(&subject);
        if let Some(notice) = mark.notice() {
            letter.notice(notice);
        }
        let link = |section: &str| {
            let query = scope.map_or_else(String::new, |scope| format!("?for={scope}"));
            self.config.link(&format!("/reports/{}{query}#{section}", self.report))
        };
        self.needs(&mut letter, lists, &link);
        self.earlier(&mut letter, lists, &link);
        self.flags(&mut letter, lists, &link);
        self.kept(&mut letter, lists, &link);
        findings(&mut letter, lists, &link);
        self.record(&mut letter, lists);
        Written { subject: mark.subject(&subject), letter }
    }

    /// *3 need a person, 12 flags, 1 gap: pages of Mesa Vista USD, Nov 16–22, 2026*
    fn subject(&self, lists: &Lists) -> String {
        let needs = match lists.needs() {
            0 => "nothing needs a person".to_owned(),
            1 => "1 needs a person".to_owned(),
            n => format!("{} need a person", thousands(n as u64)),
        };
        let some = |n: usize, one: &str, many: &str| {
            if n == 0 { format!("no {many}") } else { count(n as u64, one, many) }
        };
        let subject = format!(
            "{needs}, {}, {}: pages of {}, {}",
            some(lists.flags.len(), "flag", "flags"),
            some(lists.gaps.len(), "gap", "gaps"),
            self.config.district.short_name(),
            dates::range(lists.from_day, lists.to_day)
        );
        let mut letters = subject.chars();
        letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
    }

    fn needs(&self, letter: &mut Letter, lists: &Lists, link: &dyn Fn(&str) -> String) {
        letter.heading("Needs a person");
        for line in &lists.not_kept {
            let since = line.since.map_or_else(String::new, |at| format!(" since {}", self.day(at)));
            let owner = if line.owner.is_empty() { "not stated" } else { &line.owner };
            let title = title(lists, &line.account);
            let cause = line.cause.trim_end_matches('.');
            let words = format!("{title} has not been kept{since}: {cause}. Owner: {owner}. Reconnect");
            letter.item_to(words, self.config.link(&format!("/accounts/{}", line.account)));
        }
        let concerns = lists.concerns.len() as u64;
        if concerns > 0 {
            let words = format!("{} that nobody has opened", count(concerns, "concern", "concerns"));
            letter.item_to(words, link("concerns"));
        }
        let past = lists.past_concerns.len() as u64;
        if past > 0 {
            let past = count(past, "possible concern", "possible concerns");
            letter.item_to(format!("{past} from the past that nobody has opened"), link("past"));
        }
        let refused = lists.refused_mails.len() as u64;
        if refused > 0 {
            let words = format!("{} refused for good by the mail server", count(refused, "mail was", "mails were"));
            letter.item_to(words, link("mails"));
        }
        for (_, words) in &lists.asking {
            letter.item_to(words, self.config.link("/tickets"));
        }
        if lists.is_damaged {
            letter.item("The last check of the record found a fault. Run: pagekeeper verify");
        }
        if lists.needs() == 0 {
            letter.paragraph("Nothing needs a person.");
        }
    }

    fn earlier(&self, letter: &mut Letter, lists: &Lists, link: &dyn Fn(&str) -> String) {
        if let Some(oldest) = lists.still_open.iter().map(|line| line.at).min() {
            let n = count(lists.still_open.len() as u64, "flag", "flags");
            letter.figures(format!("Still open from earlier weeks: {n}, oldest of {}", self.day(oldest)), link("open"));
        }
        if !lists.past.is_empty() {
            let n = count(lists.past.len() as u64, "flag", "flags");
            let concerns = lists.past.iter().filter(|line| line.category.is_concern()).count();
            let concerns = if concerns == 0 { String::new() } else { format!(", {concerns} of them concerns") };
            letter.figures(format!("From the past, not decided: {n}{concerns}"), link("past"));
        }
    }

    fn flags(&self, letter: &mut Letter, lists: &Lists, link: &dyn Fn(&str) -> String) {
        if lists.flags.is_empty() {
            letter.heading("No flags this week");
            return;
        }
        let by_severity: Vec<String> = Severity::ALL
            .iter()
            .rev()
            .map(|severity| (severity, lists.flags.iter().filter(|line| line.severity == *severity).count()))
            .filter(|(_, n)| *n > 0)
            .map(|(severity, n)| format!("{} {severity}", thousands(n as u64)))
            .collect();
        let total = thousands(lists.flags.len() as u64);
        let reviewed = lists.flags.iter().filter(|line| line.is_reviewed).count() as u64;
        letter.heading_to(
            format!("Flags this week: {total} ({}), {} reviewed", by_severity.join(", "), thousands(reviewed)),
            link("flags"),
        );
        for line in lists.flags.iter().take(MOST_FLAGS) {
            letter.item_to(self.flag(lists, line), self.config.link(&format!("/flags/{}", line.flag)));
        }
        if lists.flags.len() > MOST_FLAGS {
            letter.item_to(format!("{} more", thousands((lists.flags.len() - MOST_FLAGS) as u64)), link("flags"));
        }
    }

    /// The kind, the page and the day. Words only of a post of the district's own that holds nothing private.
    fn flag(&self, lists: &Lists, line: &FlagLine) -> String {
        let whose = match (line.role, line.kind) {
            (Role::District, kind) => format!("the page's own {kind}"),
            (Role::Public | Role::Unknown, kind) => format!("public {kind}"),
        };
        let mut words = format!(
            "{}: possible {}, {}, {whose}, {}",
            title(lists, &line.account),
            line.category.words(),
            line.severity,
            self.day(line.at)
        );
        if let Some(own) = self.words.get(&line.flag) {
            words.push_str(&format!(": “{}”", shorten(own)));
        }
        words
    }

    fn kept(&self, letter: &mut Letter, lists: &Lists, link: &dyn Fn(&str) -> String) {
        let mut kept = Kept::default();
        lists.kept.values().for_each(|own| kept.add(own));
        let figures = [
            count(kept.posts, "post", "posts"),
            count(kept.comments, "comment", "comments"),
            count(kept.edits, "edit", "edits"),
            format!("{} hidden", thousands(kept.hidden)),
            format!("{} missing", thousands(kept.missing)),
        ];
        letter.figures(format!("Kept this week: {}", figures.join(", ")), link("kept"));
        let connected = lists.accounts.values().filter(|account| account.is_connected).count();
        let whole = connected.saturating_sub(lists.gaps.len());
        let accounts = format!(
            "{whole} of {} without a gap; {} not connected",
            count(connected as u64, "connected account", "connected accounts"),
            lists.accounts.len() - connected
        );
        if lists.gaps.is_empty() {
            letter.paragraph(format!("{accounts}."));
        } else {
            letter.figures(accounts, link("gaps"));
        }
        if !lists.has_basis {
            letter.strong(
                "No legal basis is recorded for rules on public comments (Education Code 49073.6; [law] safety_basis is \
                 \"off\"): no rule runs on them. Posts and comments are kept and can be searched all the same.",
            );
        }
        lists.notes.iter().for_each(|note| letter.strong(note));
    }

    fn record(&self, letter: &mut Letter, lists: &Lists) {
        let entries = count(lists.entries, "entry", "entries");
        let zone = &self.config.time_zone;
        let checkpoint = lists.checkpoint.as_ref().map_or_else(String::new, |root| format!(" ({root})"));
        letter.quiet(match lists.checked_at {
            Some(at) if lists.is_damaged => {
                format!("Record: {entries}; a fault was found {}{checkpoint}.", dates::moment(at, zone))
            }
            Some(at) => format!("Record intact: {entries}, last checked {}{checkpoint}.", dates::short(at, zone)),
            None => format!("Record: {entries}, not checked as a whole yet{checkpoint}."),
        });
        if let Some(next) = self.next {
            let next = dates::moment(next, zone);
            letter.quiet(format!("Next report {next}; if it does not come, call IT."));
        }
    }

    fn day(&self, at: Timestamp) -> String {
        dates::day(at, self.now, &self.config.time_zone)
    }
}

/// *Findings: 2 new, 1 fixed, 3 overdue*
fn findings(letter: &mut Letter, lists: &Lists, link: &dyn Fn(&str) -> String) {
    let Some(found) = &lists.findings else { return };
    let number = |list: &[FindingLine]| thousands(list.len() as u64);
    let (new, fixed, overdue) = (number(&found.new), number(&found.fixed), number(&found.overdue));
    letter.figures(format!("Findings: {new} new, {fixed} fixed, {overdue} overdue"), link("findings"));
}

fn title<'l>(lists: &'l Lists, slug: &'l str) -> &'l str {
    lists.accounts.get(slug).map_or(slug, |account| account.title.as_str())
}

/// The first words, cut between two of them.
fn shorten(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.chars().count() <= MOST_WORDS {
        return text;
    }
    let start: String = text.chars().take(MOST_WORDS).collect();
    let whole = start.rsplit_once(' ').map_or(start.as_str(), |(whole, _)| whole);
    format!("{whole} …")
}
