//! The list of elections: what is voted on and who stands, by name.

use serde::Deserialize;

/// The name of the file that lists elections.
pub const ELECTIONS: &str = "elections.toml";

pub fn is_list(name: &str) -> bool {
    name.rsplit('/').next() == Some(ELECTIONS)
}

/// The days of the elections that the files list.
pub fn elections(files: &[(String, String)]) -> Vec<jiff::civil::Date> {
    let lists = files.iter().filter(|(name, _)| is_list(name));
    let read = lists.filter_map(|(_, text)| toml::from_str::<Elections>(text).ok());
    let days = read.flat_map(|list| list.election).filter_map(|election| election.date.date);
    let civil = |day: toml::value::Date| {
        jiff::civil::Date::new(
            i16::try_from(day.year).ok()?,
            i8::try_from(day.month).ok()?,
            i8::try_from(day.day).ok()?,
        )
        .ok()
    };
    days.filter_map(civil).collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Elections {
    #[serde(default)]
    pub election: Vec<Election>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Election {
    date: toml::value::Datetime,
    #[serde(rename = "title")]
    _title: String,
    #[serde(default)]
    pub measures: Vec<Named>,
    #[serde(default)]
    pub candidates: Vec<Named>,
}

/// A measure or a candidate: the name, and what else people call it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named {
    pub name: String,
    #[serde(default)]
    pub also: Vec<String>,
}
