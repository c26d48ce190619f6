//! The interchange format of the contract: one item a line, out ([`line`]) and in ([`jsonl`]).

mod jsonl;
mod parse;

use std::collections::HashMap;

use anyhow::Result;
use serde_json::{Map, Value, json};

pub use jsonl::{Done, jsonl};
pub use parse::parse;

use crate::db::Conn;
use crate::db::items::read::{Stored, capture_digest, kept_media_of};
use crate::db::items::{Cited, Shown};
use crate::model::{Content, Counts, Media, rfc3339};
use crate::seal::Hash;

/// An item as a line of the interchange format. Absent means unknown.
pub fn line(conn: &Conn, shown: &Shown) -> Result<Value> {
    let document = &shown.document;
    let latest = shown.latest();
    let kept = kept_media_of(conn, document.item)?;
    let mut line = Map::new();
    let mut put = |name: &str, value: Value| {
        if !value.is_null() {
            line.insert(name.to_owned(), value);
        }
    };
    put("platform", document.platform.as_str().into());
    put("account", shown.account.as_str().into());
    put("native_id", document.native_id.as_str().into());
    put("kind", document.kind.as_str().into());
    put("parent_native_id", shown.parent.clone().into());
    put("root_native_id", shown.root.clone().into());
    put("url", shown.url.clone().into());
    let mut author = serde_json::to_value(&latest.author)?;
    author["role"] = document.role.as_str().into();
    put("author", author);
    put("created_at", document.created_at.map(rfc3339).into());
    put("first_seen_at", rfc3339(shown.first_seen_at).into());
    put("last_seen_at", rfc3339(shown.last_seen_at).into());
    put("state", document.state.as_str().into());
    put("text", latest.content.text.as_str().into());
    if !latest.content.parts.is_empty() {
        put("parts", json!(latest.content.parts));
    }
    put("links", json!(latest.content.links));
    put("media", media(&latest.content, &kept)?);
    if shown.counts != Counts::default() {
        put("counts", serde_json::to_value(shown.counts)?);
    }
    put("versions", document.versions.iter().map(|version| of_version(conn, version, &kept)).collect::<Result<_>>()?);
    Ok(Value::Object(line))
}

fn of_version(conn: &Conn, version: &Stored, kept: &HashMap<String, Hash>) -> Result<Value> {
    let own = [Cited::Capture(version.capture)];
    let cited = if version.evidence.is_empty() { &own[..] } else { &version.evidence };
    let evidence = cited
        .iter()
        .map(|cited| match cited {
            Cited::Capture(id) => Ok(hex::encode(capture_digest(conn, *id)?)),
            Cited::Digest(digest) => Ok(digest.clone()),
        })
        .collect::<Result<Vec<String>>>()?;
    let content = &version.content;
    let digests: Vec<String> = content.media.iter().filter_map(|medium| digest_of(medium, kept)).collect();
    let mut value = json!({
        "seq": version.seq,
        "observed_at": rfc3339(version.observed_at),
        "change": version.change,
        "state": version.state,
        "text": content.text,
        "links": content.links,
        "media": digests,
        "cause": version.cause,
        "evidence": evidence,
    });
    if !content.parts.is_empty() {
        value["parts"] = json!(content.parts);
    }
    if !content.media.is_empty() {
        // Beside the digests: what the content digest covers, so that an import makes the same content of it.
        value["attached"] = media(content, kept)?;
    }
    Ok(value)
}

fn digest_of(medium: &Media, kept: &HashMap<String, Hash>) -> Option<String> {
    medium.sha256.clone().or_else(|| kept.get(&medium.native_id).map(hex::encode))
}

fn media(content: &Content, kept: &HashMap<String, Hash>) -> Result<Value> {
    let with_digest = |medium: &Media| Media { sha256: digest_of(medium, kept), ..medium.clone() };
    Ok(serde_json::to_value(content.media.iter().map(with_digest).collect::<Vec<_>>())?)
}
