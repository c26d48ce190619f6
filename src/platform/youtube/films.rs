//! Whether somebody wrote captions for the newest films: a list of the channel's own, kept as an item of kind `profile`. A film's own
//! version does not tell it, since captions come later and make no new version of the film.

use super::parse::parse_captions;
use super::{LOOKUP, Step, Walk, parse_playlist};
use crate::model::{Author, Content, Counts, Kind, Observation, Page};
use crate::platform::Failure;
use crate::platform::http::Http;

impl Walk {
    /// The ids of the newest films.
    pub(super) async fn films(&mut self, http: &Http) -> Result<Page, Failure> {
        let call = self
            .call("playlistItems", "newest videos")?
            .query("part", "snippet,contentDetails,status")
            .query("playlistId", &self.uploads)
            .query("maxResults", &LOOKUP.to_string());
        let exchange = http.send(&call).await?;
        let read = parse_playlist(&exchange);
        let ids: Vec<String> = read.found.into_iter().map(|entry| entry.video).collect();
        self.todo.extend((!ids.is_empty()).then_some(Step::Captions(ids)));
        Ok(read.page)
    }

    /// `id: true` for each film that has captions which somebody wrote, and `id: false` for the others.
    pub(super) async fn captions(&mut self, http: &Http, ids: &[String]) -> Result<Page, Failure> {
        let call =
            self.call("videos", "captions of videos")?.query("part", "contentDetails").query("id", &ids.join(","));
        let exchange = http.send(&call).await?;
        let read = parse_captions(&exchange);
        let mut facts: Vec<String> = read.found.into_iter().map(|(id, told)| format!("{id}: {told}")).collect();
        facts.sort();
        let mut page = read.page;
        page.observations.extend((!facts.is_empty()).then(|| list(&self.target.native_id, facts, exchange.body.len())));
        Ok(page)
    }
}

fn list(channel: &str, facts: Vec<String>, length: usize) -> Observation {
    Observation {
        native_id: format!("{channel}/profile/captions"),
        aliases: Vec::new(),
        kind: Kind::Profile,
        parent: None,
        root: None,
        author: Author { native_id: Some(channel.to_owned()), ..Author::default() },
        created_at: None,
        url: None,
        hidden: false,
        content: Content { parts: facts, ..Content::default() },
        counts: Counts::default(),
        raw: 0..length,
        superseded: false,
        in_part: false,
    }
}
