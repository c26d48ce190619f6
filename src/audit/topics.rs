//! What a person has to say of a page because no platform shows it: the topics, and of which pages each is asked.

use jiff::civil::Date;
use jiff::{SignedDuration, tz::TimeZone};

use crate::config::Audit as Stated;
use crate::db::accounts::Account;
use crate::db::attestations::{Answer, Attestation};
use crate::model::AccountStatus;
use crate::text::dates;

/// Who does not know has so long to find out.
const FIND_OUT: i64 = 14;

/// An answer that runs out sooner than this is asked for again.
const SOON: i64 = 14;

/// One topic.
#[derive(Debug)]
pub struct Topic {
    /// Never changes its meaning: attestations and findings hang on it, and the check has the same.
    pub id: &'static str,
    /// The clause of `policy.toml`.
    pub clause: &'static str,
    pub title: &'static str,
    /// For a person; *yes* is as it should be.
    pub question: &'static str,
    /// The end of *nobody has said …*.
    pub about: &'static str,
    /// What a *yes* and a *no* say.
    pub yes: &'static str,
    pub no: &'static str,
    /// What is written beside the answer.
    pub words: &'static str,
    /// A *yes* without these words says nothing.
    pub needs_words: bool,
    /// Its words are a list: two of them are compared entry by entry.
    pub is_list: bool,
    on: On,
}

/// Of which pages a topic is asked.
#[derive(Debug, Clone, Copy)]
enum On {
    Every,
    Only(&'static [&'static str]),
    AllBut(&'static str),
    /// Pages that no connector reads.
    Bookmarks,
}

/// In the order of the form.
pub const TOPICS: &[Topic] = &[
    Topic {
        id: "leavers",
        clause: "III.7",
        title: "Leavers",
        question: "Has everybody who left, or does other work now, lost access to it?",
        about: "whether everybody who left has lost access",
        yes: "nobody who left still has access",
        no: "somebody who left still has access",
        words: "Who lost access since the last time",
        needs_words: false,
        is_list: false,
        on: On::Every,
    },
    Topic {
        id: "two_factor",
        clause: "III.7",
        title: "Two-step sign-in",
        question: "Is two-step sign-in on for everybody who can get in?",
        about: "whether two-step sign-in is on",
        yes: "two-step sign-in is on for everybody who can get in",
        no: "two-step sign-in is not on for everybody who can get in",
        words: "How (an app, a key, text messages), and for whom",
        needs_words: false,
        is_list: false,
        on: On::Every,
    },
    Topic {
        id: "password_holder",
        clause: "III.7",
        title: "Password",
        question: "Is it known who holds the password, and is it kept where the district can reach it?",
        about: "who holds the password",
        yes: "it is known who holds the password",
        no: "the password is not in the district's hands",
        words: "Who holds it and where it is kept; never the password itself",
        needs_words: true,
        is_list: false,
        on: On::AllBut("facebook"),
    },
    Topic {
        id: "recovery_email",
        clause: "III.7",
        title: "Recovery address",
        question: "Do the email address and the telephone number for getting back in belong to the district?",
        about: "whether the recovery address is the district's",
        yes: "the recovery address is the district's",
        no: "the recovery address is not the district's",
        words: "Which address and number",
        needs_words: false,
        is_list: false,
        on: On::AllBut("facebook"),
    },
    Topic {
        id: "blocked_words",
        clause: "III.7",
        title: "Blocked words",
        question: "Are the page's blocked words the district's list?",
        about: "which words are blocked",
        yes: "its blocked words are the district's list",
        no: "its blocked words are not the district's list",
        words: "The blocked words, with commas or one a line",
        needs_words: true,
        is_list: true,
        on: On::Only(&["facebook", "instagram", "threads", "youtube", "tiktok"]),
    },
    Topic {
        id: "malware",
        clause: "I.9",
        title: "Malware protection",
        question: "Do all computers and telephones that administer it run current protection against malware?",
        about: "whether the devices that administer it are protected against malware",
        yes: "the devices that administer it are protected against malware",
        no: "a device that administers it has no current protection against malware",
        words: "Which product, and who looks after it",
        needs_words: false,
        is_list: false,
        on: On::Every,
    },
    Topic {
        id: "acceptable_use",
        clause: "III.1",
        title: "Acceptable use",
        question: "Has everybody who administers it read and signed the acceptable use agreement?",
        about: "whether the acceptable use agreement is signed",
        yes: "everybody who administers it signed the acceptable use agreement",
        no: "somebody who administers it did not sign the acceptable use agreement",
        words: "Who signed since the last time",
        needs_words: false,
        is_list: false,
        on: On::Every,
    },
    Topic {
        id: LOOKED_AT,
        clause: "III.1",
        title: "Looked at",
        question: "Has a person looked at the page, and was all as it should be?",
        about: "that a person has looked at it",
        yes: "a person has looked at it and found nothing",
        no: "a person has looked at it and found something",
        words: "What was found",
        needs_words: false,
        is_list: false,
        on: On::Bookmarks,
    },
];

/// The topic of pages that only a person can read.
pub const LOOKED_AT: &str = "looked_at";

/// The topic with this id.
pub fn topic(id: &str) -> Option<&'static Topic> {
    TOPICS.iter().find(|topic| topic.id == id)
}

impl Topic {
    /// Whether it is asked of a page.
    pub fn is_asked(&self, account: &Account) -> bool {
        let platform = account.row.platform.as_str();
        account.status == AccountStatus::Active
            && match self.on {
                On::Every => true,
                On::Only(platforms) => platforms.contains(&platform),
                On::AllBut(other) => platform != other,
                On::Bookmarks => is_bookmark(account),
            }
    }

    /// The last day on which an answer of today holds.
    pub fn holds_until(&self, answer: Answer, stated: &Stated, today: Date) -> Date {
        let days = match (answer, self.id) {
            (Answer::Unknown, _) => FIND_OUT,
            (_, LOOKED_AT) => stated.look_every_days.into(),
            _ => stated.attest_every_days.into(),
        };
        later(today, days)
    }

    /// Whether it has to be asked now.
    pub fn due(newest: Option<&Attestation>, today: Date) -> Due {
        match newest {
            None => Due::Never,
            Some(last) if last.expires_on < today => Due::Overdue,
            Some(last) if last.expires_on < later(today, SOON) => Due::Soon,
            Some(_) => Due::Not,
        }
    }
}

/// Whether a page stands in the register alone: no connector reads its platform.
pub fn is_bookmark(account: &Account) -> bool {
    account.connector().is_none()
}

/// So many days later.
pub fn later(day: Date, days: i64) -> Date {
    day.checked_add(SignedDuration::from_hours(days.saturating_mul(24))).unwrap_or(Date::MAX)
}

/// Why a topic has to be asked of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    Never,
    Overdue,
    Soon,
    Not,
}

/// *Feb 17, 2027*
pub fn day(day: Date) -> String {
    day.strftime("%b %-d, %Y").to_string()
}

/// How a topic stands on a page: *yes, said Ana Ruiz on Nov 17, 2026; holds until Feb 17, 2027*.
pub fn standing(newest: Option<&Attestation>, today: Date, zone: &TimeZone) -> String {
    let Some(last) = newest else { return "never said".to_owned() };
    let said = match last.answer {
        Answer::Unknown => format!("{} did not know on", last.said_by),
        answer => format!("{}, said {} on", answer.words(), last.said_by),
    };
    let on = day(dates::date(last.at, zone));
    let until = day(last.expires_on);
    match Topic::due(newest, today) {
        Due::Overdue => format!("overdue since {until}: {said} {on}"),
        Due::Soon => format!("{said} {on}; runs out on {until}"),
        _ => format!("{said} {on}; holds until {until}"),
    }
}
