//! The interchange format of the contract: one item a line, out and in.

use std::collections::HashMap;

use anyhow::Result;
use serde_json::{Map, Value, json};

use crate::db::items::Shown;
use crate::db::items::read::Stored;
use crate::model::{Content, rfc3339};
use crate::seal::Hash;

/// An item as a line of the interchange format. `captures`: digests of the captures its versions rest on, by row id.
pub fn line(shown: &Shown, captures: &HashMap<i64, Hash>) -> Result<Value> {
    let document = &shown.document;
    let latest = shown.latest();
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
    put("parts", list(&latest.content.parts));
    put("links", json!(latest.content.links));
    put("media", media(&latest.content));
    put("counts", serde_json::to_value(shown.counts)?);
    put("versions", document.versions.iter().map(|kept| version(kept, captures)).collect());
    Ok(Value::Object(line))
}

fn version(kept: &Stored, captures: &HashMap<i64, Hash>) -> Value {
    let evidence: Vec<String> = std::iter::once(kept.capture)
        .filter(|_| kept.evidence.is_empty())
        .chain(kept.evidence.iter().copied())
        .filter_map(|capture| captures.get(&capture).map(hex::encode))
        .collect();
    let mut version = json!({
        "seq": kept.seq,
        "observed_at": rfc3339(kept.observed_at),
        "change": kept.change,
        "state": kept.state,
        "text": kept.content.text,
        "links": kept.content.links,
        "media": media(&kept.content),
        "cause": kept.cause,
        "evidence": evidence,
    });
    if !kept.content.parts.is_empty() {
        version["parts"] = json!(kept.content.parts);
    }
    version
}

fn media(content: &Content) -> Value {
    content.media.iter().map(|medium| serde_json::to_value(medium).unwrap_or_default()).collect()
}

fn list(texts: &[String]) -> Value {
    if texts.is_empty() { Value::Null } else { json!(texts) }
}
