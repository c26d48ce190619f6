//! One line, understood: pure. What is absent is unknown; what cannot be is an error that names the field.

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;

use crate::db::items::{Imported, ImportedVersion};
use crate::model::{Author, Cause, Change, Content, Counts, Kind, Media, Role, State, Timestamp};

#[derive(Deserialize)]
struct Line {
    platform: String,
    account: String,
    native_id: String,
    kind: Kind,
    parent_native_id: Option<String>,
    root_native_id: Option<String>,
    url: Option<String>,
    author: Option<Who>,
    created_at: Option<Timestamp>,
    first_seen_at: Option<Timestamp>,
    last_seen_at: Option<Timestamp>,
    state: Option<State>,
    text: Option<String>,
    #[serde(default)]
    parts: Vec<String>,
    #[serde(default)]
    links: Vec<String>,
    #[serde(default)]
    media: Vec<Attached>,
    #[serde(default)]
    counts: Counts,
    versions: Option<Vec<Version>>,
}

#[derive(Deserialize)]
struct Who {
    #[serde(flatten)]
    author: Author,
    role: Option<Role>,
}

#[derive(Deserialize)]
struct Version {
    observed_at: Timestamp,
    change: Change,
    state: State,
    text: Option<String>,
    #[serde(default)]
    parts: Vec<String>,
    #[serde(default)]
    links: Vec<String>,
    #[serde(default)]
    media: Vec<String>,
    attached: Option<Vec<Attached>>,
    cause: Option<Cause>,
    #[serde(default)]
    evidence: Vec<String>,
}

/// A medium; one without an id of the platform's is known by its digest, else by its address.
#[derive(Deserialize)]
struct Attached {
    native_id: Option<String>,
    url: Option<String>,
    mime: Option<String>,
    alt: Option<String>,
    sha256: Option<String>,
}

impl Attached {
    fn medium(self) -> Result<Media> {
        let name = self.native_id.or_else(|| self.sha256.clone()).or_else(|| self.url.clone());
        let native_id = name.context("a medium has none of native_id, sha256 and url")?;
        Ok(Media { native_id, url: None, mime: self.mime, alt: self.alt, expires_at: None, sha256: self.sha256 })
    }
}

/// Reads a line. `now` is when an item was seen for which the line says nothing of it. Also gives the slug of its account.
pub fn parse(line: &[u8], now: Timestamp) -> Result<(String, Imported)> {
    let line: Line = serde_json::from_slice(line).context("not an item")?;
    for (name, value) in [("platform", &line.platform), ("account", &line.account), ("native_id", &line.native_id)] {
        ensure!(!value.is_empty(), "{name} is empty");
    }
    ensure!(!line.platform.contains(':'), "platform has a colon in it");
    let media = line.media.into_iter().map(Attached::medium).collect::<Result<Vec<_>>>()?;
    let latest = Content { text: line.text.unwrap_or_default(), parts: line.parts, links: line.links, media };
    let first_seen_at = line.first_seen_at.or(line.last_seen_at).unwrap_or(now);
    let last_seen_at = line.last_seen_at.unwrap_or(first_seen_at);
    let versions = match line.versions {
        Some(versions) if versions.is_empty() => {
            bail!("versions is empty: leave it out where there is only what stands now")
        }
        Some(versions) => {
            versions.into_iter().map(|version| of_version(version, &latest)).collect::<Result<Vec<_>>>()?
        }
        None => vec![ImportedVersion {
            observed_at: last_seen_at,
            change: Change::Created,
            state: line.state.unwrap_or(State::Visible),
            cause: None,
            content: latest,
            evidence: vec![],
        }],
    };
    let in_order = versions.windows(2).all(|pair| pair[0].observed_at <= pair[1].observed_at);
    ensure!(in_order, "versions are not in order, oldest first");
    let (author, role) = line.author.map_or((Author::default(), None), |who| (who.author, who.role));
    let imported = Imported {
        platform: line.platform,
        native_id: line.native_id,
        kind: line.kind,
        parent: line.parent_native_id,
        root: line.root_native_id,
        url: line.url,
        author,
        role,
        created_at: line.created_at,
        first_seen_at,
        last_seen_at,
        counts: line.counts,
        versions,
    };
    Ok((line.account, imported))
}

fn of_version(version: Version, latest: &Content) -> Result<ImportedVersion> {
    let media = match version.attached {
        Some(attached) => attached.into_iter().map(Attached::medium).collect::<Result<Vec<_>>>()?,
        None => version.media.into_iter().map(|digest| by_digest(digest, latest)).collect(),
    };
    let content = Content { text: version.text.unwrap_or_default(), parts: version.parts, links: version.links, media };
    Ok(ImportedVersion {
        observed_at: version.observed_at,
        change: version.change,
        state: version.state,
        cause: version.cause,
        content,
        evidence: version.evidence,
    })
}

/// The medium of this digest as the item has it now, else the digest alone.
fn by_digest(digest: String, latest: &Content) -> Media {
    let known = latest.media.iter().find(|medium| medium.sha256.as_ref() == Some(&digest)).cloned();
    known.unwrap_or_else(|| Media { native_id: digest.clone(), sha256: Some(digest), ..Media::default() })
}
