//! What a credential was seen to be and to give. No secret is in it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Timestamp;

/// Whose login stands behind a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holder {
    /// Meta: a system user of a business portfolio, which is nobody's login.
    SystemUser,
    /// A person's own login.
    Person,
    /// Meta: one page. Whose login it was derived from is not told.
    Page,
    /// An application alone.
    Application,
}

impl Holder {
    pub const fn words(self) -> &'static str {
        match self {
            Holder::SystemUser => "a system user's",
            Holder::Person => "a person's",
            Holder::Page => "a page's own",
            Holder::Application => "an application's",
        }
    }
}

/// A credential as the platform described it when it was last asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Credential {
    pub holder: Option<Holder>,
    /// Who granted it, by the platform's name for them.
    pub granted_by: String,
    pub application: String,
    pub application_id: String,
    /// Meta: the page that a page's own token is for.
    pub page: String,
    /// Why it is no good, in words.
    pub trouble: Option<String>,
    pub expires_at: Option<Timestamp>,
    /// The platform says that it has no end.
    pub is_lasting: bool,
    /// Meta: until when the person's data may be read, unless she shows herself to the application again.
    pub data_access_expires_at: Option<Timestamp>,
    /// What it may do, by the platform's names; `None` where the platform does not tell.
    pub scopes: Option<Vec<String>>,
    /// Meta: the scopes that hold for some pages alone, with the ids of these.
    pub limited: BTreeMap<String, Vec<String>>,
    /// Why the platform did not say what it is, in words.
    pub not_told: Option<String>,
    pub renewed_at: Option<Timestamp>,
    /// Why the program could not renew it, in words.
    pub not_renewed: Option<String>,
    /// What it gave of each account when it was last tried.
    pub accounts: Vec<Given>,
}

impl Credential {
    /// When it stops reading, by whichever end comes first.
    pub fn ends_at(&self) -> Option<Timestamp> {
        [self.expires_at, self.data_access_expires_at].into_iter().flatten().min()
    }

    /// Whether a scope holds for this page (or account).
    pub fn may(&self, scope: &str, page: &str) -> Option<bool> {
        let has = self.scopes.as_ref()?.iter().any(|one| one == scope);
        let is_within = self.limited.get(scope).is_none_or(|pages| pages.iter().any(|one| one == page));
        Some(has && is_within)
    }

    /// What a person is to call it: *a system user's token (Pages archive)*.
    pub fn title(&self) -> String {
        let whose = self.holder.map_or("a", Holder::words);
        let by = if self.granted_by.is_empty() { String::new() } else { format!(" ({})", self.granted_by) };
        format!("{whose} token{by}")
    }
}

/// What a credential gave of one account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Given {
    pub account: String,
    /// Whether the account's own posts can be read, without which nothing is kept.
    pub reads: bool,
    pub found: Vec<Found>,
}

/// One thing that was asked for, and what came.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Found {
    /// `posts`, `comments`, `commenters_names`, `hidden_comments`, `settings` …
    pub what: String,
    /// `None`: what was looked at does not show it.
    pub given: Option<bool>,
    pub say: String,
}

impl Found {
    pub fn new(what: &str, given: Option<bool>, say: impl Into<String>) -> Found {
        Found { what: what.to_owned(), given, say: say.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_end_counts_and_a_scope_may_hold_for_some_pages_alone() {
        let at = |text: &str| Some(text.parse().unwrap());
        let mut credential = Credential {
            expires_at: at("2026-12-30T00:00:00Z"),
            data_access_expires_at: at("2026-12-20T00:00:00Z"),
            ..Credential::default()
        };
        assert_eq!(credential.ends_at(), credential.data_access_expires_at);
        assert_eq!(credential.may("pages_show_list", "1"), None, "where nothing is told nothing is known");
        credential.scopes = Some(vec!["pages_show_list".into()]);
        credential.limited.insert("pages_show_list".into(), vec!["2".into()]);
        assert_eq!(credential.may("pages_show_list", "1"), Some(false));
        assert_eq!(credential.may("pages_show_list", "2"), Some(true));
    }
}
