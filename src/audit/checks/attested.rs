//! What a person said of the page, where no platform shows it.

use super::super::topics::{self, LOOKED_AT, Topic, day, later};
use super::super::{Answer, Standard, Subject, fails, holds, not_said, not_stated};
use crate::db::attestations::{self, Attestation};
use crate::text::dates;

/// The newest answer to a topic is a *yes* that has not run out.
pub fn said(subject: &Subject, standard: &Standard, id: &str) -> Answer {
    let Some(topic) = topics::topic(id) else { return Err(not_stated(format!("a question named {id}"))) };
    let Some(last) = subject.attested.iter().find(|one| one.topic == topic.id) else {
        return never(topic, subject, standard);
    };
    let who = format!("{} on {}", last.said_by, day(dates::date(last.at, &standard.zone)));
    let until = day(last.expires_on);
    match (last.answer, last.expires_on < standard.today) {
        (attestations::Answer::No, _) => fails(format!("{}{}: said {who}", topic.no, words(last)), [last.seq]),
        (_, true) => {
            fails(format!("what {who} said held until {until}, and nobody has said since {}", topic.about), [last.seq])
        }
        (attestations::Answer::Yes, false) => holds(format!("{}: said {who}, until {until}", topic.yes)),
        (attestations::Answer::Unknown, false) => {
            Err(not_said(format!("{who} did not know {}; to be found out by {until}", topic.about)))
        }
    }
}

fn words(last: &Attestation) -> String {
    if last.words.is_empty() { String::new() } else { format!(" ({})", last.words.replace('\n', "; ")) }
}

/// A look is due by itself; the other topics once their collection has begun: on the day that the district set, or when anybody
/// has answered for any page.
fn never(topic: &Topic, subject: &Subject, standard: &Standard) -> Answer {
    if topic.id == LOOKED_AT {
        let added = dates::date(subject.account.added_at, &standard.zone);
        return if later(added, standard.stated.look_every_days.into()) < standard.today {
            fails(
                format!("no API reads it, and nobody has looked at it since it was registered on {}", day(added)),
                [subject.stated.seq],
            )
        } else {
            Err(not_stated("a first look at the pages that no API reads"))
        };
    }
    let is_begun =
        standard.begun.contains(topic.id) || standard.stated.attest_from.is_some_and(|from| from <= standard.today);
    if is_begun {
        fails(format!("nobody has said {}", topic.about), [subject.stated.seq])
    } else {
        Err(not_stated("what no platform shows and a person has to say: it is recorded at /attest"))
    }
}
