//! The nouns: what a page, an item, an observation and a flag are. No I/O and no SQL.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

pub use jiff::Timestamp;
use serde::{Deserialize, Serialize};

mod credential;
pub use credential::{Credential, Found, Given, Holder};

/// A word that is not one of a closed list, with the list it should have come from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{word:?} is not one of {known}")]
pub struct UnknownWord {
    pub word: String,
    pub known: String,
}

/// What is said of an account whose node is of a person: nothing of it is kept (policy III.3).
pub const A_PERSON: &str = "is a person's profile and not a page";

/// Declares a closed list of words: an enum with its text, parsed and printed the same way everywhere.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$vmeta])* #[serde(rename = $text)] $variant),+ }

        impl $name {
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The word as it stands in the database, in JSON and on the command line.
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;
            fn from_str(word: &str) -> Result<Self, UnknownWord> {
                Self::ALL.iter().copied().find(|known| known.as_str() == word).ok_or_else(|| UnknownWord {
                    word: word.to_owned(),
                    known: Self::ALL.iter().map(|known| known.as_str()).collect::<Vec<_>>().join(", "),
                })
            }
        }
    };
}

pub mod people;

words! {
    /// The platforms with a connector. A register row may name others: it is kept and shown as *not kept*.
    Platform {
        Facebook = "facebook",
        Instagram = "instagram",
        X = "x",
        Youtube = "youtube",
        Bluesky = "bluesky",
    }
}

impl Platform {
    /// The name as its users write it.
    pub const fn title(self) -> &'static str {
        match self {
            Platform::Facebook => "Facebook",
            Platform::Instagram => "Instagram",
            Platform::X => "X",
            Platform::Youtube => "YouTube",
            Platform::Bluesky => "Bluesky",
        }
    }
}

/// A platform's name for people: known ones in their own spelling, others with a capital.
pub fn platform_title(name: &str) -> String {
    if let Ok(platform) = name.parse::<Platform>() {
        return platform.title().to_owned();
    }
    match name {
        "linkedin" => return "LinkedIn".to_owned(),
        "tiktok" => return "TikTok".to_owned(),
        _ => {}
    }
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

words! {
    /// What an item is.
    Kind {
        Post = "post",
        Comment = "comment",
        Reply = "reply",
        Story = "story",
        Video = "video",
        Profile = "profile",
    }
}

impl Kind {
    /// Posts, stories and videos stand at the root of a thread.
    pub const fn is_root(self) -> bool {
        matches!(self, Kind::Post | Kind::Story | Kind::Video)
    }
}

words! {
    /// Who wrote an item, derived from the register. `Unknown`: the platform withholds it.
    Role { District = "district", Public = "public", Unknown = "unknown" }
}

words! {
    /// How an item was last found.
    State { Visible = "visible", Hidden = "hidden", Missing = "missing", Gone = "gone" }
}

words! {
    /// What a version records.
    Change {
        Created = "created",
        Edited = "edited",
        Hidden = "hidden",
        Shown = "shown",
        Missing = "missing",
        Gone = "gone",
        Restored = "restored",
    }
}

words! {
    /// Why an item is missing or gone, as far as the platform says: itself, or what it stood under.
    Cause { Platform = "platform", Parent = "parent" }
}

words! {
    /// What one harvest sets out to do.
    Mode { Recent = "recent", Backfill = "backfill", Revisit = "revisit", Profile = "profile" }
}

words! {
    /// Ordered: a later one is more severe.
    Severity { Low = "low", Medium = "medium", High = "high", Critical = "critical" }
}

words! {
    /// What a rule may flag.
    Category {
        ThreatViolence = "threat_violence",
        SelfHarm = "self_harm",
        ChildAbuseDisclosure = "child_abuse_disclosure",
        SexualExploitation = "sexual_exploitation",
        HarassmentBullying = "harassment_bullying",
        HateDiscrimination = "hate_discrimination",
        Obscenity = "obscenity",
        PiiPhone = "pii_phone",
        PiiAddress = "pii_address",
        PiiStudentRecord = "pii_student_record",
        PiiSsnDob = "pii_ssn_dob",
        PoliticalAdvocacy = "political_advocacy",
        PhishingMalware = "phishing_malware",
        DefamationAccusation = "defamation_accusation",
        Conduct = "conduct",
        Copyright = "copyright",
        LegalConclusion = "legal_conclusion",
        StudentImage = "student_image",
    }
}

impl Category {
    /// The four that somebody may have to report by law.
    pub const fn is_concern(self) -> bool {
        matches!(
            self,
            Category::ThreatViolence
                | Category::SelfHarm
                | Category::ChildAbuseDisclosure
                | Category::SexualExploitation
        )
    }

    /// The category in a person's words, to follow *possible*.
    pub const fn words(self) -> &'static str {
        match self {
            Category::ThreatViolence => "threat",
            Category::SelfHarm => "self-harm",
            Category::ChildAbuseDisclosure => "disclosure of abuse",
            Category::SexualExploitation => "sexual exploitation",
            Category::HarassmentBullying => "harassment",
            Category::HateDiscrimination => "hate or discrimination",
            Category::Obscenity => "obscenity",
            Category::PiiPhone => "phone number of a person",
            Category::PiiAddress => "home address",
            Category::PiiStudentRecord => "student record",
            Category::PiiSsnDob => "social security number or date of birth",
            Category::PoliticalAdvocacy => "political advocacy",
            Category::PhishingMalware => "phishing",
            Category::DefamationAccusation => "accusation",
            Category::Conduct => "conduct",
            Category::Copyright => "use of others' work",
            Category::LegalConclusion => "legal conclusion",
            Category::StudentImage => "image of a student",
        }
    }
}

words! {
    /// A person's outcome on a flag, as the command line takes it.
    Outcome {
        Confirmed = "confirmed",
        NotAConcern = "not-a-concern",
        WrongCategory = "wrong-category",
        BenignPhrase = "benign-phrase",
        Withdrawn = "withdrawn",
    }
}

words! {
    /// Where a register row stands.
    AccountStatus { Proposed = "proposed", Active = "active", Retired = "retired" }
}

/// Who wrote an item, as the platform told it. All absent: the platform withheld the author.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Author {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub native_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handle: Option<String>,
}

/// One picture, video or file of an item.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Media {
    /// The platform's own id of the medium; never a signed URL.
    pub native_id: String,
    /// Where its bytes can be had now; not part of the content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mime: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alt: Option<String>,
    /// When `url` stops working, where the platform tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// SHA-256 of the bytes in hex, known from an import or once fetched; not part of the content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// What an item says: the part of it that the content digest covers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Content {
    pub text: String,
    /// Further words the item shows as its own: titles of shared links, shared posts, poll options, captions.
    pub parts: Vec<String>,
    pub links: Vec<String>,
    pub media: Vec<Media>,
}

impl Content {
    /// All its words: the text, the parts, the alt texts. A span of a flag names one of them by its place here.
    pub fn texts(&self) -> Vec<&str> {
        let alts = self.media.iter().filter_map(|medium| medium.alt.as_deref());
        std::iter::once(self.text.as_str()).chain(self.parts.iter().map(String::as_str)).chain(alts).collect()
    }
}

/// The platform's own counts. Absent means that it did not say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comments: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reactions: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shares: Option<i64>,
}

/// One item as one exchange showed it.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    pub native_id: String,
    /// Other ids the platform gives the same item.
    pub aliases: Vec<String>,
    pub kind: Kind,
    pub parent: Option<String>,
    pub root: Option<String>,
    pub author: Author,
    pub created_at: Option<Timestamp>,
    pub url: Option<String>,
    pub hidden: bool,
    pub content: Content,
    pub counts: Counts,
    /// Where the item's own JSON stands in the exchange's body, in bytes.
    pub raw: Range<usize>,
    /// An earlier text out of the platform's own edit history: kept once, never the current one.
    pub superseded: bool,
    /// Another's words that it shows were not to be had, which is no change of its own: those seen before stay.
    pub in_part: bool,
}

/// Something in an exchange that could not be read as expected. The exchange is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Where: a path into the JSON, or a word for the whole.
    pub place: String,
    /// What was found there, in words, without content.
    pub what: String,
}

impl Problem {
    pub fn new(place: impl Into<String>, what: impl Into<String>) -> Problem {
        Problem { place: place.into(), what: what.into() }
    }
}

/// One HTTP exchange, already without secrets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exchange {
    /// When the answer was complete.
    pub at: Timestamp,
    pub method: String,
    /// The URL without secrets.
    pub target: String,
    /// 0: no answer came.
    pub status: u16,
    /// Response headers, names in lower case, without cookies.
    pub headers: Vec<(String, String)>,
    /// The decoded body with secrets blanked.
    pub body: Vec<u8>,
    /// What was blanked, by place.
    pub redactions: Vec<String>,
    /// What the same call met before, when it was sent again: oldest first.
    pub earlier: Vec<Attempt>,
}

/// A call that was sent and came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Status 0 where no answer came; without bytes where an answer was not read to its end.
    pub exchange: Exchange,
    /// Why it did not count, in words.
    pub say: String,
}

/// A set of items that a walk has now seen in whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Every own or visitor post from `since` on (all there are when `None`).
    Posts { since: Option<Timestamp> },
    /// Every comment and reply of one thread, by the root's native id.
    Thread { root: String },
}

/// What a direct read of one item said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Readable(String),
    Gone(String),
}

/// Something that the platform says exists, or once did, and does not give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortfall {
    /// The item it is about; `None` for the account as a whole.
    pub item: Option<String>,
    /// `posts`, `comments`, `media`, `stories` …
    pub stream: String,
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    /// In words for the coverage statement.
    pub cause: String,
}

/// One exchange and all that was read from it: what is committed together.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    pub exchange: Exchange,
    pub observations: Vec<Observation>,
    pub problems: Vec<Problem>,
    /// What the walk has seen in whole with this exchange.
    pub finished: Vec<Scope>,
    pub answers: Vec<Answer>,
    pub shortfalls: Vec<Shortfall>,
    /// It tells where no comments are, so that the walk does not look there: absences in its threads rest on it too.
    pub vouches: bool,
    /// Every root post younger than this has been walked with its comments: where a backfill may resume.
    pub position: Option<Timestamp>,
}

/// A secret read from a file. It is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(value: impl Into<String>) -> Secret {
        Secret(value.into())
    }

    /// The secret itself, for a header or a HMAC and nothing else.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Where time comes from. Read at the edges only (invariant 11); everything else takes `now`.
#[derive(Debug, Clone, Default)]
pub enum Clock {
    #[default]
    System,
    /// Milliseconds since 1970, moved by hand: for tests.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    pub fn manual(at: Timestamp) -> Clock {
        Clock::Manual(Arc::new(AtomicI64::new(at.as_millisecond())))
    }

    /// Now, in whole milliseconds.
    pub fn now(&self) -> Timestamp {
        let millis = match self {
            #[expect(clippy::disallowed_methods, reason = "the one place where the system's clock is read")]
            Clock::System => Timestamp::now().as_millisecond(),
            Clock::Manual(millis) => millis.load(Ordering::SeqCst),
        };
        Timestamp::from_millisecond(millis).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// Moves a manual clock; the system's clock is not moved.
    pub fn advance(&self, by: jiff::SignedDuration) {
        if let Clock::Manual(millis) = self {
            millis.fetch_add(i64::try_from(by.as_millis()).unwrap_or(0), Ordering::SeqCst);
        }
    }
}

/// RFC 3339 in UTC with milliseconds: the one form in which times are stored and hashed.
pub fn rfc3339(at: Timestamp) -> String {
    let civil = jiff::tz::Offset::UTC.to_datetime(at);
    let (Ok(year), Ok(milli)) = (u32::try_from(civil.year()), u32::try_from(civil.millisecond())) else {
        return at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string();
    };
    // Written digit by digit: the general formatter takes ten times as long, and every version is hashed with three times.
    let mut text = String::with_capacity(24);
    let mut put = |value: u32, digits: u32, after: char| {
        (0..digits).rev().for_each(|place| text.extend(char::from_digit(value / 10u32.pow(place) % 10, 10)));
        text.push(after);
    };
    let two = |value: i8| u32::from(value.unsigned_abs());
    put(year, 4, '-');
    put(two(civil.month()), 2, '-');
    put(two(civil.day()), 2, 'T');
    put(two(civil.hour()), 2, ':');
    put(two(civil.minute()), 2, ':');
    put(two(civil.second()), 2, '.');
    put(milli, 3, 'Z');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_platform_is_named_as_its_users_write_it() {
        let named =
            [("youtube", "YouTube"), ("tiktok", "TikTok"), ("nextdoor", "Nextdoor"), ("élan", "Élan"), ("", "")];
        named.into_iter().for_each(|(name, title)| assert_eq!(platform_title(name), title));
    }

    #[test]
    fn times_are_written_as_the_general_formatter_writes_them() {
        let edges = [i64::MIN, -62_198_755_200_001, -62_135_596_800_000, -1, 0, 999, 1_795_000_000_123, i64::MAX];
        for millis in edges.into_iter().chain((0..2000).map(|n| n * 86_399_977 - 40_000_000_000)) {
            let at =
                Timestamp::from_millisecond(millis).unwrap_or(if millis < 0 { Timestamp::MIN } else { Timestamp::MAX });
            assert_eq!(rfc3339(at), at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string());
        }
    }
}
