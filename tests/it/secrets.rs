//! Looks for secrets in everything an archive's folder holds.

use std::path::{Path, PathBuf};

use pagekeeper::db;
use pagekeeper::sandbox::{APP_SECRET, World, graph};

use crate::rig::Rig;

/// Every credential of a world, what is derived from it, and the name of the application's secret.
pub fn of(world: &World) -> Vec<String> {
    let tokens: Vec<String> = world.lock().tokens.keys().cloned().collect();
    let proofs: Vec<String> = tokens.iter().map(|token| graph::proof(token)).collect();
    tokens.into_iter().chain(proofs).chain([APP_SECRET.to_owned()]).collect()
}

/// Where a secret stands: in a file outside the folders for secrets, in a column of the database (packed bytes unpacked), or in
/// the log.
pub fn found(rig: &Rig, log: &str) -> Vec<String> {
    let secrets = of(rig.sandbox.world());
    assert!(secrets.len() > 6);
    let is_for_secrets =
        |file: &Path| file.components().any(|part| part.as_os_str() == "secrets" || part.as_os_str() == "credentials");
    let secrets: Vec<Vec<u8>> = secrets.into_iter().map(String::into_bytes).collect();
    places(rig, log, &secrets, &is_for_secrets)
}

/// Where one of some words stands, as above, but for files that may hold them.
pub fn places(rig: &Rig, log: &str, words: &[Vec<u8>], may: &dyn Fn(&Path) -> bool) -> Vec<String> {
    let holds = |bytes: &[u8]| words.iter().any(|word| contains(bytes, word));
    let mut found = Vec::new();
    for file in files(rig.folder.path()) {
        if !may(&file) && holds(&std::fs::read(&file).unwrap()) {
            found.push(file.display().to_string());
        }
    }
    rig.read(|conn| columns(conn, &holds, &mut found));
    if holds(log.as_bytes()) {
        found.push("the log".into());
    }
    found
}

fn columns(conn: &db::Conn, holds: &dyn Fn(&[u8]) -> bool, found: &mut Vec<String>) -> anyhow::Result<()> {
    use rusqlite::types::ValueRef;
    let mut tables =
        conn.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")?;
    let tables = tables.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    for table in tables {
        let mut statement = conn.prepare(&format!("SELECT * FROM {table}"))?;
        let count = statement.column_count();
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            for column in 0..count {
                let in_it = match row.get_ref(column)? {
                    ValueRef::Text(text) => holds(text),
                    ValueRef::Blob(blob) => {
                        let unpacked = zstd::stream::decode_all(blob).unwrap_or_default();
                        holds(blob) || holds(&unpacked)
                    }
                    _ => false,
                };
                if in_it {
                    found.push(format!("table {table}, column {column}"));
                }
            }
        }
    }
    Ok(())
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| *byte == word[0]) {
        if rest[at..].starts_with(word) {
            return true;
        }
        rest = &rest[at + 1..];
    }
    false
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}
