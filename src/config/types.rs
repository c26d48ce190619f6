//! The values of the config file that are more than text: cron expressions, dates, zones, categories.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A cron expression of six fields, seconds first. It lists civil times; `jobs` places them in the district's zone.
#[derive(Debug, Clone)]
pub struct Cron {
    text: String,
    schedule: cron::Schedule,
}

impl Cron {
    /// The expression as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn schedule(&self) -> &cron::Schedule {
        &self.schedule
    }
}

impl FromStr for Cron {
    type Err = String;

    /// Reads an expression. Weekdays are names: the numbers mean Sunday is 0 to some programs and 1 to others.
    fn from_str(text: &str) -> Result<Cron, String> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [.., weekdays] = fields[..] else { return Err("a cron expression is empty: write six fields".into()) };
        if fields.len() != 6 {
            let found = fields.len();
            return Err(format!(
                "cron expression {text:?} has {found} fields: write six (second minute hour day month weekday), as in \"0 0 7 * * MON\""
            ));
        }
        if weekdays.contains(|c: char| c.is_ascii_digit()) {
            return Err(format!(
                "cron expression {text:?} gives the weekday as a number: write names, as in MON or MON-FRI"
            ));
        }
        let schedule = cron::Schedule::from_str(text)
            .map_err(|error| format!("cron expression {text:?} cannot be read: {}", first_line(&error.to_string())))?;
        Ok(Cron { text: text.to_owned(), schedule })
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl PartialEq for Cron {
    fn eq(&self, other: &Cron) -> bool {
        self.text == other.text
    }
}

impl Serialize for Cron {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Cron {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Cron, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// A day, or several in a row, as a school calendar lists them: `2027-02-15`, or `2026-11-23..2026-11-27` with both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days {
    from: Date,
    to: Date,
}

impl Days {
    pub fn contains(&self, day: Date) -> bool {
        (self.from..=self.to).contains(&day)
    }
}

impl FromStr for Days {
    type Err = String;

    fn from_str(text: &str) -> Result<Days, String> {
        let refuse = || format!("{text:?} is no day: write 2027-02-15, or 2026-11-23..2026-11-27 for several in a row");
        let day = |text: &str| text.trim().parse::<Date>().map_err(|_| refuse());
        let (from, to) = text.split_once("..").unwrap_or((text, text));
        let days = Days { from: day(from)?, to: day(to)? };
        if days.from <= days.to { Ok(days) } else { Err(format!("{text:?} ends before it begins")) }
    }
}

impl Serialize for Days {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Days { from, to } = self;
        serializer.serialize_str(&if from == to { from.to_string() } else { format!("{from}..{to}") })
    }
}

impl<'de> Deserialize<'de> for Days {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Days, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// A default of this program's own.
pub(super) fn known(text: &str) -> Cron {
    text.parse().expect("the built-in expressions are read by a test")
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or(text)
}

pub(super) fn default_zone() -> TimeZone {
    TimeZone::get("America/Los_Angeles").expect("the tz database is compiled in")
}

/// A time zone by its name in the tz database.
pub(super) mod zone {
    use super::*;

    pub fn serialize<S: Serializer>(zone: &TimeZone, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(zone.iana_name().unwrap_or("UTC"))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TimeZone, D::Error> {
        let name = String::deserialize(deserializer)?;
        TimeZone::get(&name).map_err(|_| {
            de::Error::custom(format!("time zone {name:?} is not known: write a name such as \"America/Los_Angeles\""))
        })
    }
}

/// A day, as a TOML date or as text.
pub(super) mod date {
    use super::*;

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Text(String),
        Toml(toml::value::Datetime),
    }

    pub fn serialize<S: Serializer>(date: &Option<Date>, serializer: S) -> Result<S::Ok, S::Error> {
        date.map(|date| date.to_string()).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Date>, D::Error> {
        let refuse = || de::Error::custom("a date is written as in 2026-09-01");
        let text = match Written::deserialize(deserializer).map_err(|_| refuse())? {
            Written::Text(text) => text,
            Written::Toml(datetime) => datetime.to_string(),
        };
        text.parse().map(Some).map_err(|_| refuse())
    }
}

/// Categories by name; a trailing `*` stands for every ending.
pub(super) mod category_list {
    use super::*;
    use crate::model::Category;

    pub fn serialize<S: Serializer>(list: &[Category], serializer: S) -> Result<S::Ok, S::Error> {
        list.serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Category>, D::Error> {
        let mut found = Vec::new();
        for name in Vec::<String>::deserialize(deserializer)? {
            for category in named(&name).map_err(de::Error::custom)? {
                if !found.contains(&category) {
                    found.push(category);
                }
            }
        }
        Ok(found)
    }

    fn named(name: &str) -> Result<Vec<Category>, String> {
        let fits = |category: &&Category| match name.strip_suffix('*') {
            Some(start) => category.as_str().starts_with(start),
            None => category.as_str() == name,
        };
        let found: Vec<Category> = Category::ALL.iter().filter(fits).copied().collect();
        if found.is_empty() {
            let known = Category::ALL.iter().map(|category| category.as_str());
            return Err(format!("category {name:?} is not known{}", super::super::read::nearest(name, known)));
        }
        Ok(found)
    }
}

/// The same, where leaving it out means something else than an empty list.
pub(super) mod categories {
    use super::*;
    use crate::model::Category;

    pub fn serialize<S: Serializer>(list: &Option<Vec<Category>>, serializer: S) -> Result<S::Ok, S::Error> {
        list.serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Category>>, D::Error> {
        category_list::deserialize(deserializer).map(Some)
    }
}
