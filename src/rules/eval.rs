//! Measures matching on labeled lines: every rule on every role, without a database and without the gate of the law.

use std::io::{BufRead, Write};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::pass::{Engine, Gate, Hit, Subject};
use crate::model::{Kind, Role};

#[derive(Deserialize)]
struct Line {
    id: serde_json::Value,
    text: String,
    #[serde(default)]
    author_role: Option<Role>,
    #[serde(default)]
    platform: Option<String>,
    #[serde(default)]
    kind: Option<String>,
}

#[derive(Serialize)]
struct Judged<'h> {
    id: &'h serde_json::Value,
    flags: Vec<Flag<'h>>,
}

#[derive(Serialize)]
struct Flag<'h> {
    rule: &'h str,
    category: &'static str,
    severity: &'static str,
    /// Unicode code points of the text, from the first matched word to the last.
    start: usize,
    end: usize,
}

/// Reads lines `{"id","text","author_role"}` (also `platform`, `kind`) and writes one line of flags for each.
///
/// # Errors
/// A line that cannot be read, by its number, or a failed write.
pub fn eval(lines: impl BufRead, engine: &Engine, mut out: impl Write) -> anyhow::Result<()> {
    for (number, line) in lines.lines().enumerate() {
        let line = line.with_context(|| format!("reading line {}", number + 1))?;
        if line.trim().is_empty() {
            continue;
        }
        let line: Line =
            serde_json::from_str(&line).with_context(|| format!("line {} is not as expected", number + 1))?;
        let hits = judge(engine, &line);
        let flags = hits.iter().map(|hit| flag(hit, &line.text)).collect();
        serde_json::to_writer(&mut out, &Judged { id: &line.id, flags }).context("writing flags")?;
        out.write_all(b"\n").context("writing flags")?;
    }
    Ok(())
}

fn judge(engine: &Engine, line: &Line) -> Vec<Hit> {
    let subject = Subject {
        text: &line.text,
        parts: &[],
        links: &[],
        role: line.author_role.unwrap_or(Role::Unknown),
        platform: line.platform.as_deref().unwrap_or("facebook"),
        kind: line.kind.as_deref().and_then(|kind| kind.parse().ok()).unwrap_or(Kind::Comment),
        has_media: false,
        every_role: true,
    };
    let mut hits = engine.apply(&subject, &Gate::all());
    hits.retain(|hit| !hit.shadow);
    hits
}

fn flag<'h>(hit: &'h Hit, text: &str) -> Flag<'h> {
    Flag {
        rule: &hit.rule.id,
        category: hit.category.as_str(),
        severity: hit.severity.as_str(),
        start: code_points(text, hit.spans.first().map_or(0, |span| span.start)),
        end: code_points(text, hit.spans.last().map_or(0, |span| span.end)),
    }
}

/// A byte offset as a number of Unicode code points.
pub fn code_points(text: &str, at: usize) -> usize {
    text.get(..at).map_or(0, |head| head.chars().count())
}

#[cfg(test)]
mod tests {
    use super::super::pack::load;
    use super::*;
    use crate::text::detect::Allow;

    #[test]
    fn offsets_are_printed_in_code_points() {
        let pack = "[[rule]]\nid = \"p\"\ntitle = \"t\"\ncategory = \"pii_phone\"\nseverity = \"medium\"\nclause = { public = \"I.2\" }\n\
                    find = [[\"$phone\"]]\nmatch = [\"mi 760-555-0142\", \"760 555 0142\", \"7605550142\"]\nno_match = [\"a\", \"b\", \"c\"]\n";
        let packs = load(&[("p.toml".to_owned(), pack.to_owned())]).unwrap();
        let mut out = Vec::new();
        let line = "{\"id\":\"1\",\"text\":\"ñ😀 760-555-0142 ok\",\"author_role\":\"district\",\"label\":[]}\n\n";
        eval(line.as_bytes(), &Engine::new(&packs, &Allow::default()), &mut out).unwrap();
        let expected = "{\"id\":\"1\",\"flags\":[{\"rule\":\"p\",\"category\":\"pii_phone\",\"severity\":\"medium\",\"start\":3,\"end\":15}]}\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
        let error = eval("{}".as_bytes(), &Engine::new(&packs, &Allow::default()), Vec::new()).unwrap_err();
        assert!(error.to_string().contains("line 1"));
    }
}
