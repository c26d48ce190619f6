//! The words of the mails. Nothing of what was written stands in them, and nobody's name.

use std::collections::{BTreeMap, HashMap};

use jiff::SignedDuration;

use crate::config::{Config, Duty, LawFacts};
use crate::db::accounts::Account;
use crate::db::alerts::Open;
use crate::db::mails;
use crate::model::{Category, Change, Kind, Role, Timestamp};
use crate::text::dates;
use crate::text::letter::{Letter, Mark, count, in_words};

const NEVER_ASKS: &str = "This mail never asks for a password; the IT help desk can confirm it.";

/// What every mail is written with.
pub(super) struct Words<'w> {
    pub config: &'w Config,
    pub law: &'w LawFacts,
    pub accounts: &'w HashMap<i64, Account>,
    pub mark: Mark,
    pub live_since: Option<Timestamp>,
    pub now: Timestamp,
}

/// A mail before it has a recipient.
pub(super) struct Written {
    pub subject: String,
    pub letter: Letter,
}

impl Written {
    pub fn mail(&self, kind: &'static str, message_id: String, recipient: &str, important: bool) -> mails::New {
        mails::New {
            kind,
            message_id,
            recipient: recipient.to_owned(),
            subject: self.subject.clone(),
            text: self.letter.text(),
            html: self.letter.html(),
            important,
        }
    }
}

impl Words<'_> {
    /// Urgent mail to `reader` about flags of one account, or of several when the hour's mails are used up.
    pub fn urgent(&self, reader: &str, alerts: &[&Open], people: usize, message_id: &str) -> Written {
        let newest = alerts.iter().map(|alert| written_at(alert)).max().unwrap_or(self.now);
        let is_reminder = alerts.iter().all(|alert| alert.told.contains_key(reader));
        let what = possible(alerts.iter().map(|alert| alert.category));
        let subject = format!(
            "{}{} pages: {what}, {}, {}",
            if is_reminder { "Reminder: " } else { "" },
            self.config.district.short_name(),
            self.where_to(alerts),
            dates::short(newest, &self.config.time_zone)
        );
        let mut letter = self.letter(&subject);
        if self.comes_by_escalation(reader, alerts) {
            let minutes = self.config.alerts.escalate_after_minutes;
            letter.strong(format!("Nobody has opened this for {minutes} minutes, so it comes to you too."));
        }
        for alert in alerts {
            self.one(&mut letter, alert);
        }
        letter.strong(format!("If lives may be in danger call {}.", self.law.numbers.emergency));
        self.duties(&mut letter, alerts);
        if let Some(first) = alerts.first() {
            let mail = message_id.trim_start_matches('<').split('@').next().unwrap_or_default();
            letter.link("Stop repeats for me", self.config.link(&format!("/ack/{}?mail={mail}", first.key())));
        }
        letter.quiet(self.what_next(alerts, people));
        letter.quiet(NEVER_ASKS);
        Written { subject: self.mark.subject(&subject), letter }
    }

    /// The morning mail: concerns of lower severity.
    pub fn morning(&self, alerts: &[&Open]) -> Written {
        let subject = format!(
            "{} pages: {}, {}",
            self.config.district.short_name(),
            possible(alerts.iter().map(|alert| alert.category)),
            dates::day(self.now, self.now, &self.config.time_zone)
        );
        let mut letter = self.letter(&subject);
        let n = alerts.len() as u64;
        letter.paragraph(format!(
            "{} of lower severity came since the last morning mail. A person decides what each is.",
            count(n, "possible concern", "possible concerns")
        ));
        for alert in alerts {
            let words = format!(
                "{}: possible {}, {}, {}, {}",
                self.title(alert.account),
                alert.category.words(),
                alert.severity,
                thing(alert),
                dates::moment(written_at(alert), &self.config.time_zone)
            );
            letter.item_to(words, self.config.link(&format!("/flags/{}", alert.key())));
        }
        letter.strong(format!("If lives may be in danger call {}.", self.law.numbers.emergency));
        self.duties(&mut letter, alerts);
        letter.quiet(NEVER_ASKS);
        Written { subject: self.mark.subject(&subject), letter }
    }

    /// What a backfill, an import or a changed pack turned up, counted.
    pub fn past(&self, counts: &[(i64, Category, u64)]) -> Written {
        let total: u64 = counts.iter().map(|(_, _, n)| n).sum();
        let mut by_account: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (account, category, n) in counts {
            by_account.entry(self.title(*account)).or_default().push(possible_n(*category, *n));
        }
        let subject = format!(
            "{} pages: {} from the past on {}",
            self.config.district.short_name(),
            count(total, "flag", "flags"),
            count(by_account.len() as u64, "page", "pages")
        );
        let mut letter = self.letter(&subject);
        letter.paragraph(
            "A first reading of older posts and comments, an import or a changed rule pack found these. They are from the \
             past: no mail comes for each of them, and they wait in the queue under From the past.",
        );
        for (title, found) in by_account {
            letter.item(format!("{title}: {}", found.join(", ")));
        }
        letter.link("Look", self.config.link("/flags?past=yes"));
        letter.quiet(NEVER_ASKS);
        Written { subject: self.mark.subject(&subject), letter }
    }

    fn letter(&self, title: &str) -> Letter {
        let mut letter = Letter::new(title);
        if let Some(notice) = self.mark.notice() {
            letter.notice(notice);
        }
        letter
    }

    fn title(&self, account: i64) -> String {
        self.accounts.get(&account).map_or_else(|| "a page".to_owned(), Account::title)
    }

    /// The one account, or how many.
    fn where_to(&self, alerts: &[&Open]) -> String {
        let mut accounts: Vec<i64> = alerts.iter().map(|alert| alert.account).collect();
        accounts.sort_unstable();
        accounts.dedup();
        match accounts[..] {
            [one] => self.title(one),
            _ => format!("{} pages", accounts.len()),
        }
    }

    /// What happened, and where to look.
    fn one(&self, letter: &mut Letter, alert: &Open) {
        let zone = &self.config.time_zone;
        let edited = if alert.change == Change::Created { "" } else { " and changed since" };
        let when =
            alert.created_at.map_or_else(String::new, |at| format!(" posted {}{edited}", dates::moment(at, zone)));
        letter.paragraph(format!(
            "{}{when} on {} matched a rule for possible {} ({}). pagekeeper saw it at {}.",
            a_thing(alert),
            self.title(alert.account),
            plural(alert.category),
            alert.severity,
            dates::clock_or_moment(alert.observed_at, self.now, zone)
        ));
        letter.link("Look (sign in)", self.config.link(&format!("/flags/{}", alert.key())));
        if let Some(url) = alert.post_url.as_ref().filter(|url| url.starts_with("https://")) {
            let label = if alert.kind.is_root() {
                "Or open the post on the platform"
            } else {
                "Or open the page's post it stands under"
            };
            letter.link(label, url);
        }
    }

    /// Each kind's sentence and numbers, once.
    fn duties(&self, letter: &mut Letter, alerts: &[&Open]) {
        let mut said: Vec<&Duty> = Vec::new();
        for duty in alerts.iter().filter_map(|alert| self.law.duty(alert.category)) {
            if said.iter().any(|other| other.sentence == duty.sentence) {
                continue;
            }
            said.push(duty);
            letter.paragraph(format!("What you may have to do: {}", duty.sentence));
            for (name, number) in duty.numbers(&self.config.concerns) {
                letter.call(name, number);
            }
        }
    }

    fn comes_by_escalation(&self, reader: &str, alerts: &[&Open]) -> bool {
        let is_second = self.config.alerts.escalate_to.iter().any(|address| address == reader);
        let wait = SignedDuration::from_mins(i64::from(self.config.alerts.escalate_after_minutes));
        let base = |alert: &Open| self.live_since.map_or(alert.stored_at, |live| live.max(alert.stored_at));
        is_second
            && self.mark == Mark::Plain
            && alerts.iter().any(|alert| !alert.told.is_empty() && self.now >= base(alert) + wait)
            && alerts.iter().all(|alert| !alert.told.contains_key(reader))
    }

    /// *Sent to two people; nobody has opened it. Next reminder 9:35 pm, then to the second list.*
    fn what_next(&self, alerts: &[&Open], people: usize) -> String {
        let zone = &self.config.time_zone;
        let settings = &self.config.alerts;
        let minutes = |n: u32| SignedDuration::from_mins(i64::from(n));
        let people = if people == 1 { "one person".to_owned() } else { format!("{} people", in_words(people)) };
        let it = if alerts.len() == 1 { "it" } else { "them" };
        let reminder = self.now + minutes(settings.repeat_minutes);
        let mut words = format!(
            "Sent to {people}; nobody has opened {it}. Next reminder {}",
            dates::clock_or_moment(reminder, self.now, zone)
        );
        let escalates = alerts
            .iter()
            .filter(|alert| alert.escalated_at.is_none())
            .map(|alert| self.live_since.map_or(alert.stored_at, |live| live.max(alert.stored_at)))
            .map(|base| base + minutes(settings.escalate_after_minutes))
            .filter(|at| *at > self.now)
            .min();
        match escalates {
            Some(at) if self.mark != Mark::Preview && !settings.escalate_to.is_empty() => {
                let when = dates::clock_or_moment(at, self.now, zone);
                words.push_str(&if at <= reminder {
                    ", then to the second list.".to_owned()
                } else {
                    format!("; to the second list {when}.")
                });
            }
            _ => words.push('.'),
        }
        words
    }
}

/// When the words were written, as far as anybody knows.
fn written_at(alert: &Open) -> Timestamp {
    match (alert.change, alert.created_at) {
        (Change::Created, Some(at)) => at,
        _ => alert.observed_at,
    }
}

fn a_thing(alert: &Open) -> &'static str {
    match (alert.role, alert.kind) {
        (Role::District, Kind::Post) => "A post of the page's own",
        (_, Kind::Post) => "A post",
        (_, Kind::Comment) => "A comment",
        (_, Kind::Reply) => "A reply",
        (_, Kind::Story) => "A story",
        (_, Kind::Video) => "A video",
        (_, Kind::Profile) => "The page's own description",
    }
}

fn thing(alert: &Open) -> &'static str {
    match (alert.role, alert.kind) {
        (Role::District, Kind::Post) => "post of the page's own",
        (_, kind) => kind.as_str(),
    }
}

/// *2 possible threats, 1 possible disclosure of abuse*.
fn possible(categories: impl Iterator<Item = Category>) -> String {
    let mut counts: BTreeMap<Category, u64> = BTreeMap::new();
    for category in categories {
        *counts.entry(category).or_default() += 1;
    }
    counts.into_iter().map(|(category, n)| possible_n(category, n)).collect::<Vec<_>>().join(", ")
}

fn possible_n(category: Category, n: u64) -> String {
    let words = if n == 1 { category.words() } else { plural(category) };
    count(n, &format!("possible {words}"), &format!("possible {words}"))
}

/// A category's words for more than one, to follow *possible*.
const fn plural(category: Category) -> &'static str {
    match category {
        Category::ThreatViolence => "threats",
        Category::ChildAbuseDisclosure => "disclosures of abuse",
        Category::PiiPhone => "phone numbers of people",
        Category::PiiAddress => "home addresses",
        Category::PiiStudentRecord => "student records",
        Category::PiiSsnDob => "social security numbers or dates of birth",
        Category::DefamationAccusation => "accusations",
        Category::LegalConclusion => "legal conclusions",
        Category::StudentImage => "images of students",
        other => other.words(),
    }
}
