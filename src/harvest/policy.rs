//! What stands behind a page's link to its expectations for comments, as part of its profile: once a day, on the district's own site alone.

use anyhow::Result;

use super::Run;
use crate::db::items::{self, Failed, Sealed};
use crate::db::{Tx, facts};
use crate::model::{Attempt, Author, Content, Counts, Exchange, Kind, Observation, Page};
use crate::platform::http::header;
use crate::platform::webpage::{self, Site};
use crate::text::{decode, html};

/// A page of words that is longer is none of expectations.
const MOST_LETTERS: usize = 200_000;

impl Run<'_> {
    /// Reads the page that the account links to and keeps it as an item of kind `profile` beside its settings: it is an observation, a
    /// version of it rests on its capture, and the audit that reads it has no need of the network. That it could not be read is no
    /// trouble of the account's.
    pub(super) async fn read_policy(&mut self) -> Result<()> {
        let id = self.account.id;
        let told = self.on.db.read(|conn| facts::profile(conn, id))?;
        let Some((address, page)) = told.and_then(|told| Some((self.policy_address(&told.content)?, told))) else {
            return Ok(());
        };
        match webpage::read(self.on.http, &address, &self.site()).await {
            Ok(exchange) => {
                let base = page.native_id.split("/profile").next().unwrap_or_default().to_owned();
                self.keep_policy(policy(base, address, exchange)).await
            }
            Err(failure) => {
                tracing::warn!(account = self.account.row.slug, "{}", failure.error);
                let say = failure.error.to_string();
                let Some(exchange) = failure.exchange else { return Ok(()) };
                self.now = self.now.max(exchange.at);
                let failed = [Failed::new(Attempt { exchange: *exchange, say })?];
                let sight = self.sight();
                self.on.db.writer.write_async(move |tx| items::store_attempts(tx, &sight, &failed)).await
            }
        }
    }

    async fn keep_policy(&mut self, page: Page) -> Result<()> {
        self.now = self.now.max(page.exchange.at);
        let sealed = Sealed::new(page)?;
        let sight = self.sight();
        let stored = self.on.db.writer.write_async(move |tx: &Tx<'_>| items::store(tx, &sight, &sealed)).await?;
        self.tally.add(&stored.tally);
        Ok(())
    }

    /// The district's own page of expectations first, then an address that sounds like one.
    fn rank(&self, address: &str) -> u8 {
        const SOUNDS: [&str; 9] =
            ["social", "comment", "comentario", "expect", "guideline", "polic", "conduct", "rules", "normas"];
        let bare = |url: &str| url.split("://").last().unwrap_or_default().trim_end_matches('/').to_lowercase();
        match self.on.config.audit.expectations_url.as_deref() {
            Some(official) if bare(official) == bare(address) => 0,
            _ if SOUNDS.iter().any(|word| address.to_lowercase().contains(word)) => 1,
            _ => 2,
        }
    }

    fn site(&self) -> Site<'_> {
        let config = self.on.config;
        Site { domains: &config.district.domains, base: config.audit.site_base.as_deref() }
    }

    /// The address that the register names, else of those that the page shows and that lie under the district's domains the likeliest.
    fn policy_address(&self, content: &Content) -> Option<String> {
        let site = self.site();
        let named = self.account.row.comment_policy_url.trim();
        let shown = content.texts().into_iter().flat_map(str::split_whitespace);
        let shown = shown.map(|word| word.trim_matches(|mark: char| !(mark.is_alphanumeric() || mark == '/')));
        let shown = shown.chain(content.links.iter().map(String::as_str));
        let is_own = |address: &&str| address.contains('.') && site.has(address);
        let named = Some(named).filter(is_own);
        named.or_else(|| shown.filter(is_own).min_by_key(|address| self.rank(address))).map(str::to_owned)
    }
}

/// The page as an item: its words, the address that was shown, and the status of the answer.
fn policy(base: String, address: String, exchange: Exchange) -> Page {
    let kind = header(&exchange, "content-type").unwrap_or_default().to_lowercase();
    let is_text = kind.is_empty() || kind.contains("html") || kind.starts_with("text/plain");
    let mut parts = vec![format!("address: {address}"), format!("status: {}", exchange.status)];
    let mut text = String::new();
    if exchange.status == 200 && is_text {
        let words = decode::page(&exchange.body, &kind);
        let words = if kind.starts_with("text/plain") { words.into_owned() } else { html::words(&words) };
        text = words.replace('\0', "\u{fffd}").chars().take(MOST_LETTERS).collect();
    } else if exchange.status == 200 {
        parts.push(format!("kind: {}", kind.split(';').next().unwrap_or_default()));
    }
    let seen = Observation {
        native_id: format!("{base}/profile/comment_policy"),
        aliases: Vec::new(),
        kind: Kind::Profile,
        parent: None,
        root: None,
        author: Author::default(),
        created_at: None,
        url: None,
        hidden: false,
        content: Content { text, parts, links: vec![address], media: Vec::new() },
        counts: Counts::default(),
        raw: 0..exchange.body.len(),
        superseded: false,
        in_part: false,
    };
    Page { exchange, observations: vec![seen], ..Page::default() }
}
