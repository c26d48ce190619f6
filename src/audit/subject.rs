//! The facts of one page, as the archive knows them.

use std::collections::{BTreeMap, HashMap};

use anyhow::Result;
use jiff::SignedDuration;
use serde_json::Value;

use super::{Standard, Verdict, not_said};
use crate::config::Config;
use crate::db::Conn;
use crate::db::accounts::{self, Account};
use crate::db::attestations::{self, Attestation};
use crate::db::credentials::{self, Seen as Known};
use crate::db::facts::{self, Pictures, Post, Profile, Stated};
use crate::db::harvests;
use crate::model::{AccountStatus, Content, Credential, Timestamp, platform_title};
use crate::text::dates;

/// Facts that the platform has not told for so long are no data any more.
const STALE: SignedDuration = SignedDuration::from_hours(24 * 14);

/// Of the posts that checks read.
const POSTS_BACK: SignedDuration = SignedDuration::from_hours(24 * 90);
const MOST_POSTS: u32 = 200;

/// How many of the newest are read as they were received, for what the archive does not take out of them.
const READ_RAW: usize = 40;

/// One page with everything that is known of it.
#[derive(Debug, Clone)]
pub struct Subject {
    pub account: Account,
    /// Why nothing is being kept of it.
    pub not_kept: Option<String>,
    /// The credential that it is read with, as it was last looked into.
    pub credential: Option<Credential>,
    /// What people stated in the register, and the entry it stands in.
    pub stated: Stated,
    /// The page's own facts; by its name, each list that is asked for by itself (`settings`, `roles`, …).
    pub told: BTreeMap<String, Seen>,
    pub pictures: Vec<Pictures>,
    /// Entry and time of the newest post of its own.
    pub newest_post: Option<(u64, Timestamp)>,
    /// Everything that the platform gives of the past has been walked.
    pub is_whole: bool,
    pub posts: Vec<Post>,
    /// What its newest posts name as the application they were published through.
    pub through: Vec<Through>,
    /// The newest that people said of each topic.
    pub attested: Vec<Attestation>,
    /// The pages that its newest posts name with a sign, as Facebook tells them.
    pub tagged: Vec<Tagged>,
    /// The day by which a reader knows what was last read.
    last_told: Option<String>,
}

/// Facts as the platform last told them.
#[derive(Debug, Clone)]
pub struct Seen {
    pub seq: u64,
    pub name: String,
    pub handle: String,
    pub content: Content,
}

impl Seen {
    /// The value of a fact that the platform gives by name.
    pub fn fact(&self, name: &str) -> Option<&str> {
        self.content.parts.iter().find_map(|part| part.strip_prefix(name)?.strip_prefix(": "))
    }

    /// Everything it says in words, links included.
    pub fn words(&self) -> String {
        let texts = self.content.texts().into_iter().chain(self.content.links.iter().map(String::as_str));
        texts.collect::<Vec<_>>().join("\n")
    }
}

impl Subject {
    /// The page's own facts, or why they are not known.
    pub fn page(&self) -> Result<&Seen, Verdict> {
        self.list("", "anything about the page")
    }

    /// A list of facts that is asked for by itself.
    pub fn list(&self, name: &str, words: &str) -> Result<&Seen, Verdict> {
        self.told.get(name).ok_or_else(|| match (&self.not_kept, &self.last_told) {
            (Some(why), _) => not_said(format!("not read: {why}")),
            (None, Some(day)) if name.is_empty() => {
                not_said(format!("{} has told nothing since {day}", self.platform()))
            }
            (None, Some(_)) => not_said(format!("{} does not tell {words}", self.platform())),
            (None, None) => not_said("nothing has been read of the page yet"),
        })
    }

    pub fn platform(&self) -> String {
        platform_title(&self.account.row.platform)
    }

    /// A cell of a column that only some registers have.
    pub fn cell(&self, column: &str) -> &str {
        self.account.row.extra.get(column).map_or("", String::as_str)
    }
}

/// Every page of the register that is not retired, or one of them.
pub(super) fn load(
    conn: &Conn,
    config: &Config,
    standard: &Standard,
    only: Option<i64>,
    now: Timestamp,
) -> Result<Vec<Subject>> {
    let mut stated = facts::stated(conn)?;
    let mut attested = attestations::in_force(conn)?;
    let mut profiles: HashMap<i64, Vec<Profile>> = HashMap::new();
    for profile in facts::profiles(conn, only)? {
        profiles.entry(profile.account).or_default().push(profile);
    }
    let mut credentials = credentials::all(conn)?;
    // What each account was seen to give is long, and no check reads it.
    credentials.iter_mut().for_each(|seen| seen.credential.accounts.clear());
    let mut found = Vec::new();
    let accounts = only.map_or_else(|| accounts::all(conn), |id| Ok(vec![accounts::by_id(conn, id)?]))?;
    for account in accounts.into_iter().filter(|account| account.status != AccountStatus::Retired) {
        let stated = stated.remove(&account.row.slug).unwrap_or_default();
        let told = profiles.remove(&account.id).unwrap_or_default();
        let attested = attested.remove(&account.id).unwrap_or_default();
        let credential = credential(&credentials, &account);
        let subject = subject(conn, config, standard, account, stated, told, now)?;
        found.push(Subject { attested, credential, ..subject });
    }
    Ok(found)
}

fn subject(
    conn: &Conn,
    config: &Config,
    standard: &Standard,
    account: Account,
    stated: Stated,
    profiles: Vec<Profile>,
    now: Timestamp,
) -> Result<Subject> {
    let not_kept = not_kept(conn, config, &account)?;
    let main = profiles.iter().find(|profile| edge(&profile.native_id).is_empty());
    let last_told = main.map(|profile| dates::day(profile.seen_at, now, &standard.zone));
    let pictures = main.map(|profile| facts::pictures(conn, profile.item)).transpose()?.unwrap_or_default();
    let is_read = !profiles.is_empty() || account.connector().is_some();
    let posts = match is_read {
        true => facts::own_posts(conn, account.id, now - POSTS_BACK, MOST_POSTS)?,
        false => Vec::new(),
    };
    let received = facts::received(conn, &posts[..posts.len().min(READ_RAW)])?;
    Ok(Subject {
        through: received.iter().filter_map(|(post, json)| through(post.seq, json)).collect(),
        tagged: received.iter().flat_map(|(post, json)| tagged(post.seq, json)).collect(),
        newest_post: facts::newest_own_post(conn, account.id)?,
        is_whole: harvests::position(conn, account.id)?.1.is_some(),
        told: profiles.into_iter().filter(|profile| now.duration_since(profile.seen_at) < STALE).map(seen).collect(),
        account,
        not_kept,
        credential: None,
        stated,
        pictures,
        posts,
        attested: Vec::new(),
        last_told,
    })
}

/// An account's own credential, else the platform's.
fn credential(known: &[Known], account: &Account) -> Option<Credential> {
    let platform = account.connector()?;
    let of = |id: i64| known.iter().find(|seen| seen.platform == platform && seen.account == id);
    of(account.id).or_else(|| of(0)).map(|seen| seen.credential.clone())
}

/// Why nothing is being kept of a page, in words.
fn not_kept(conn: &Conn, config: &Config, account: &Account) -> Result<Option<String>> {
    let known = config.why_off(&account.row.platform).or_else(|| account.trouble.clone());
    Ok(match known {
        Some(why) => Some(why),
        None if account.status == AccountStatus::Proposed => Some("it is proposed and not active yet".to_owned()),
        None if facts::last_read(conn, account.id)?.is_none() => Some("nothing has been read of it yet".to_owned()),
        None => None,
    })
}

fn seen(profile: Profile) -> (String, Seen) {
    let seen = Seen {
        seq: profile.seq,
        name: profile.author.name.unwrap_or_default(),
        handle: profile.author.handle.unwrap_or_default(),
        content: profile.content,
    };
    (edge(&profile.native_id).to_owned(), seen)
}

/// What of a page an item of kind `profile` is: empty for the page itself.
pub(super) fn edge(native_id: &str) -> &str {
    native_id.split_once("/profile").map_or("", |(_, rest)| rest.trim_start_matches('/'))
}

/// What a post names as the application it was published through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Through {
    /// The post's entry.
    pub seq: u64,
    pub name: String,
    /// Empty where the platform gives a name alone.
    pub id: String,
}

/// Facebook names it as `application`, X as `source`.
fn through(seq: u64, json: &Value) -> Option<Through> {
    let word = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let application = json.get("application");
    let id = word(application.and_then(|application| application.get("id")));
    let name = word(application.map_or_else(|| json.get("source"), |application| application.get("name")));
    // A film on Facebook has a `source` too: its address.
    let is_named = !name.is_empty() && !name.contains("://");
    (is_named || !id.is_empty()).then_some(Through { seq, name, id })
}

/// A page that a post names with a sign, which does not stand in the text as it is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tagged {
    /// The post's entry.
    pub seq: u64,
    pub id: String,
    pub name: String,
}

/// Facebook names them beside the text, in a list or, in older answers, in lists by where they stand.
fn tagged(seq: u64, json: &Value) -> Vec<Tagged> {
    let lists: Vec<&Value> = match json.get("message_tags") {
        Some(Value::Array(list)) => list.iter().collect(),
        Some(Value::Object(places)) => places.values().filter_map(Value::as_array).flatten().collect(),
        _ => Vec::new(),
    };
    let word = |tag: &Value, name: &str| tag.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    // People are named in the same list: they are nobody's business here.
    let pages = lists.into_iter().filter(|tag| word(tag, "type") == "page" && !word(tag, "id").is_empty());
    pages.map(|tag| Tagged { seq, id: word(tag, "id"), name: word(tag, "name") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_that_a_post_names_are_read_and_people_are_not() {
        let tags = r#"{"id":"1067","name":"Mesa Vista Band","type":"page","offset":3},{"id":"12","name":"Jo Lim","type":"user"}"#;
        let band = Tagged { seq: 7, id: "1067".into(), name: "Mesa Vista Band".into() };
        for json in [format!("[{tags}]"), format!("{{\"3\":[{tags}]}}")] {
            let post = serde_json::from_str(&format!("{{\"message_tags\":{json}}}")).unwrap();
            assert_eq!(tagged(7, &post), std::slice::from_ref(&band));
        }
        assert_eq!(tagged(7, &serde_json::json!({ "message_tags": "x" })), []);
    }

    #[test]
    fn the_application_is_read_as_each_platform_names_it() {
        let read = |json: Value| through(7, &json).map(|one| (one.name, one.id));
        let named = |name: &str, id: &str| Some((name.to_owned(), id.to_owned()));
        assert_eq!(
            read(serde_json::json!({ "application": { "id": "12", "name": "Planner" } })),
            named("Planner", "12")
        );
        assert_eq!(read(serde_json::json!({ "source": "Planner" })), named("Planner", ""));
        assert_eq!(read(serde_json::json!({ "source": "https://video.example.net/1.mp4" })), None);
        assert_eq!(read(serde_json::json!({ "text": "x" })), None);
    }
}
