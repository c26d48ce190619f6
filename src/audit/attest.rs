//! The collection of what no platform shows: what is due, what somebody says, and how it differs from the last time.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use anyhow::{Context as _, Result};
use jiff::civil::Date;

use super::topics::{self, Due, TOPICS, Topic, day};
use crate::config::Config;
use crate::db::accounts::{self, Account};
use crate::db::attestations::{self, Answer, Attestation, Evidence, New};
use crate::db::{Conn, Db};
use crate::model::{AccountStatus, Timestamp};
use crate::platform::media::Incoming;
use crate::text::dates;
use crate::text::plain::{is_plain, line, lines};

/// The largest evidence file.
pub const LARGEST_FILE: usize = 20 << 20;

const LONGEST_WORDS: usize = 5000;
const LONGEST_NAME: usize = 120;

/// What is said cannot be taken as it is; the words say what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);

/// What somebody says.
#[derive(Debug)]
pub struct Saying {
    pub topic: &'static Topic,
    pub answer: Answer,
    pub words: String,
    pub said_by: String,
    /// The last day on which it is to hold; by the config when nobody says.
    pub until: Option<Date>,
    /// Name and bytes of a file that shows it.
    pub file: Option<(String, Vec<u8>)>,
}

/// Records what is said of a page, all of it or nothing. Returns the ledger entries.
pub fn say(
    db: &Db,
    config: &Config,
    account: &Account,
    sayings: Vec<Saying>,
    actor: &str,
    now: Timestamp,
) -> Result<Vec<u64>> {
    let today = dates::date(now, &config.time_zone);
    sayings.iter().try_for_each(|saying| check(account, saying, today))?;
    let news = sayings.into_iter().map(|saying| understood(saying, config, today));
    let (id, news, actor) = (account.id, news.collect::<Result<Vec<New>>>()?, actor.to_owned());
    db.writer.write(move |tx| news.iter().map(|new| attestations::record(tx, id, new, &actor, now)).collect())
}

/// Records what is said of many pages, all of it or nothing, but for what was said today in the same words: how many were recorded,
/// and how many stood there. Read and written in one transaction: the same table may be brought twice at once.
pub fn say_all(
    db: &Db,
    config: &Config,
    said: Vec<(&Account, Saying)>,
    actor: &str,
    now: Timestamp,
) -> Result<(usize, usize)> {
    let today = dates::date(now, &config.time_zone);
    said.iter().try_for_each(|(account, saying)| check(account, saying, today))?;
    let news = said.into_iter().map(|(account, saying)| Ok((account.id, understood(saying, config, today)?)));
    let (news, actor, zone) = (news.collect::<Result<Vec<(i64, New)>>>()?, actor.to_owned(), config.time_zone.clone());
    db.writer.write(move |tx| {
        let known = attestations::in_force(tx)?;
        let stands = |(account, new): &&(i64, New)| {
            known.get(account).into_iter().flatten().any(|one| {
                (one.topic.as_str(), one.answer) == (new.topic, new.answer)
                    && (&one.words, &one.said_by) == (&new.words, &new.said_by)
                    && dates::date(one.at, &zone) == today
            })
        };
        let (same, fresh): (Vec<_>, Vec<_>) = news.iter().partition(stands);
        fresh.iter().try_for_each(|(id, new)| attestations::record(tx, *id, new, &actor, now).map(|_| ()))?;
        Ok((fresh.len(), same.len()))
    })
}

/// As it will be recorded, its file kept.
fn understood(saying: Saying, config: &Config, today: Date) -> Result<New> {
    Ok(New {
        topic: saying.topic.id,
        answer: saying.answer,
        words: lines(&saying.words),
        said_by: line(&saying.said_by),
        expires_on: saying.until.unwrap_or_else(|| saying.topic.holds_until(saying.answer, &config.audit, today)),
        evidence: saying.file.map(|(name, bytes)| keep(&config.media_dir(), &name, &bytes)).transpose()?,
    })
}

/// Whether it can be recorded as it is.
pub fn check(account: &Account, saying: &Saying, today: Date) -> Result<(), Refused> {
    let (topic, slug) = (saying.topic, &account.row.slug);
    let refuse = |words: String| Err(Refused(words));
    if !topic.is_asked(account) {
        return refuse(format!("{} is not asked of {slug} ({})", topic.id, account.status));
    }
    if line(&saying.said_by).is_empty() {
        return refuse(format!("{} of {slug}: who says so? Write the name", topic.title));
    }
    if line(&saying.said_by).chars().count() > LONGEST_NAME || lines(&saying.words).chars().count() > LONGEST_WORDS {
        return refuse(format!(
            "{} of {slug}: {LONGEST_WORDS} letters are the most, and {LONGEST_NAME} for a name",
            topic.title
        ));
    }
    if topic.needs_words && saying.answer == Answer::Yes && lines(&saying.words).is_empty() {
        return refuse(format!("{} of {slug}: a yes alone says nothing. Write: {}", topic.title, topic.words));
    }
    if saying.until.is_some_and(|until| until < today || until > topics::later(today, 731)) {
        return refuse(format!("{} of {slug}: it holds until a day to come, two years from now at most", topic.title));
    }
    match &saying.file {
        Some((_, bytes)) if bytes.len() > LARGEST_FILE => refuse(too_large(topic)),
        Some((_, bytes)) if bytes.is_empty() => refuse(format!("{}: the file is empty", topic.title)),
        _ => Ok(()),
    }
}

pub fn too_large(topic: &Topic) -> String {
    format!("{}: the file is larger than {} MiB. Nothing was recorded", topic.title, LARGEST_FILE >> 20)
}

/// Puts a file among the media, whole or not at all. Nothing looks into it.
fn keep(folder: &Path, name: &str, bytes: &[u8]) -> Result<Evidence> {
    let mut file = Incoming::begin(folder)?;
    file.add(bytes).context("the evidence file could not be written")?;
    let kept = file.keep(folder, String::new())?;
    Ok(Evidence { sha256: kept.sha256, name: file_name(name) })
}

/// The last step of a path, without what steers a terminal or turns letters around.
pub fn file_name(given: &str) -> String {
    let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain: String = last.chars().filter(|letter| is_plain(*letter)).take(LONGEST_NAME).collect();
    let plain = plain.trim().trim_start_matches('.').trim();
    if plain.is_empty() { "evidence".to_owned() } else { plain.to_owned() }
}

/// A topic that has to be asked of a page.
#[derive(Debug, Clone)]
pub struct Open {
    pub account: Account,
    pub topic: &'static Topic,
    pub due: Due,
    pub last: Option<Attestation>,
}

/// Everything that is overdue, never said, or runs out soon, by owner.
pub fn open(conn: &Conn, today: Date) -> Result<Vec<Open>> {
    let mut known = attestations::in_force(conn)?;
    let mut found = Vec::new();
    for account in accounts::all(conn)?.into_iter().filter(|account| account.status == AccountStatus::Active) {
        let own = known.remove(&account.id).unwrap_or_default();
        for topic in TOPICS.iter().filter(|topic| topic.is_asked(&account)) {
            let last = own.iter().find(|one| one.topic == topic.id);
            let due = Topic::due(last, today);
            if due != Due::Not {
                found.push(Open { account: account.clone(), topic, due, last: last.cloned() });
            }
        }
    }
    found.sort_by(|a, b| owner(&a.account).cmp(&owner(&b.account)));
    Ok(found)
}

fn owner(account: &Account) -> (&str, &str) {
    (&account.row.owner_name, &account.row.slug)
}

/// What was said of a page in one go, each beside what was said before it.
#[derive(Debug, Clone)]
pub struct Compared {
    pub topic: &'static Topic,
    pub now: Attestation,
    pub before: Option<Attestation>,
}

/// The newest round of a page's history, which is newest first.
pub fn newest_round(history: &[Attestation]) -> Vec<Compared> {
    let Some(at) = history.first().map(|newest| newest.at) else { return Vec::new() };
    let mut seen = BTreeSet::new();
    let round = history.iter().filter(|one| one.at == at && seen.insert(one.topic.as_str()));
    let compared = round.filter_map(|now| {
        let before = history.iter().find(|one| one.topic == now.topic && one.seq < now.seq);
        Some(Compared { topic: topics::topic(&now.topic)?, now: now.clone(), before: before.cloned() })
    });
    let mut found: Vec<Compared> = compared.collect();
    found.sort_by_key(|one| one.now.seq);
    found
}

impl Compared {
    /// What changed, a sentence each; empty when all is as before.
    pub fn changes(&self) -> Vec<String> {
        let Some(before) = &self.before else {
            return vec![format!("said for the first time: {}", self.now.answer.words())];
        };
        let mut found = Vec::new();
        if before.answer != self.now.answer {
            found.push(format!("{}, and before: {}", self.now.answer.words(), before.answer.words()));
        }
        if self.topic.is_list {
            let (old, new) = (entries(&before.words), entries(&self.now.words));
            let list = |which: Vec<&String>| which.into_iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            let (added, removed) = (list(new.difference(&old).collect()), list(old.difference(&new).collect()));
            found.extend((!added.is_empty()).then(|| format!("added: {added}")));
            found.extend((!removed.is_empty()).then(|| format!("removed: {removed}")));
        } else if before.words != self.now.words {
            found.push("other words".to_owned());
        }
        if before.said_by != self.now.said_by {
            found.push(format!("said by {}, and before by {}", self.now.said_by, before.said_by));
        }
        found
    }
}

/// The entries of a list, in small letters.
fn entries(words: &str) -> BTreeSet<String> {
    let entries = words.split([',', ';', '\n']).map(|entry| entry.trim().to_lowercase());
    entries.filter(|entry| !entry.is_empty()).collect()
}

/// When a person last looked at each page that no connector reads, in words.
pub fn looks(conn: &Conn, config: &Config) -> Result<HashMap<i64, String>> {
    let known = attestations::in_force(conn)?;
    let looked = known.into_iter().filter_map(|(account, own)| {
        let last = own.into_iter().find(|one| one.topic == topics::LOOKED_AT)?;
        let on = day(dates::date(last.at, &config.time_zone));
        Some((
            account,
            match last.answer {
                Answer::Unknown => format!("asked on {on}, and {} knew of no look", last.said_by),
                Answer::Yes | Answer::No => format!("looked at on {on} by {}", last.said_by),
            },
        ))
    });
    Ok(looked.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_s_name_leads_nowhere_and_turns_nothing_around() {
        for (given, kept) in [
            ("screen.png", "screen.png"),
            ("../../etc/passwd", "passwd"),
            ("C:\\fakepath\\two step.pdf", "two step.pdf"),
            ("a\r\nSet-Cookie: x=1\u{0}.png", "aSet-Cookie: x=1.png"),
            ("gnp.\u{202e}exe", "gnp.exe"),
            ("..", "evidence"),
            (".htaccess", "htaccess"),
            ("", "evidence"),
            ("folder/", "evidence"),
        ] {
            assert_eq!(file_name(given), kept, "{given:?}");
        }
        assert_eq!(file_name(&"é".repeat(500)).chars().count(), LONGEST_NAME);
    }

    #[test]
    fn a_list_is_compared_entry_by_entry() {
        let said = |seq: u64, answer, words: &str| Attestation {
            seq,
            account: 1,
            topic: "blocked_words".into(),
            answer,
            words: words.into(),
            said_by: "Ana Ruiz".into(),
            actor: "it".into(),
            at: Timestamp::from_second(i64::try_from(seq).unwrap()).unwrap(),
            expires_on: "2027-02-17".parse().unwrap(),
            evidence: None,
        };
        let history = [said(2, Answer::Yes, "Spam, fake\nfree money"), said(1, Answer::No, "fake; SPAM; loser")];
        let round = newest_round(&history);
        assert_eq!(round.len(), 1);
        assert_eq!(round[0].changes(), ["yes, and before: no", "added: free money", "removed: loser"]);
        let same = [said(2, Answer::Yes, "fake, spam"), said(1, Answer::Yes, "spam, fake")];
        assert_eq!(newest_round(&same)[0].changes(), Vec::<String>::new());
        assert_eq!(newest_round(&history[1..])[0].changes(), ["said for the first time: no"]);
    }
}
