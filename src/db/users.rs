//! Who may sign in. Every change of a user is a ledger entry; nothing of a password or a second factor is in one.

use anyhow::{Context as _, Result, ensure};
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use super::ledger::Log;
use super::{at, ms, row_id, sessions};
use crate::model::Timestamp;
use crate::model::people::Role;
use crate::seal::Hash;

/// A user as she stands. Secrets are read by themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub id: i64,
    pub name: String,
    pub standing: Standing,
    /// The identity provider she comes from; `None`: a local user.
    pub issuer: Option<String>,
    pub has_password: bool,
    pub disabled_at: Option<Timestamp>,
    pub added_at: Timestamp,
}

/// What of a user an administrator decides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    pub display_name: String,
    pub roles: Vec<Role>,
    /// None: the whole district.
    pub schools: Vec<String>,
    /// A reviewer who is named for concerns.
    pub concerns: bool,
}

/// What signing in is checked against.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    pub user: i64,
    pub password: Option<String>,
    pub totp: Option<Vec<u8>>,
    pub totp_step: i64,
}

const SELECT: &str =
    "SELECT id, name, display_name, roles, schools, concerns, issuer, password IS NOT NULL, disabled_at,
    added_at FROM users";

fn user(row: &Row<'_>) -> Result<User> {
    let (roles, schools): (String, String) = (row.get(3)?, row.get(4)?);
    Ok(User {
        id: row.get(0)?,
        name: row.get(1)?,
        standing: Standing {
            display_name: row.get(2)?,
            roles: serde_json::from_str(&roles).context("the roles of a user")?,
            schools: serde_json::from_str(&schools).context("the schools of a user")?,
            concerns: row.get(5)?,
        },
        issuer: row.get(6)?,
        has_password: row.get(7)?,
        disabled_at: row.get::<_, Option<i64>>(8)?.map(at),
        added_at: at(row.get(9)?),
    })
}

/// Everybody, by name.
pub fn all(conn: &Connection) -> Result<Vec<User>> {
    let mut statement = conn.prepare_cached(&format!("{SELECT} ORDER BY name"))?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(user(row)?);
    }
    Ok(found)
}

pub fn by_name(conn: &Connection, name: &str) -> Result<Option<User>> {
    let mut statement = conn.prepare_cached(&format!("{SELECT} WHERE name = ?1"))?;
    let mut rows = statement.query([name])?;
    rows.next()?.map(user).transpose()
}

pub fn by_id(conn: &Connection, id: i64) -> Result<Option<User>> {
    let mut statement = conn.prepare_cached(&format!("{SELECT} WHERE id = ?1"))?;
    let mut rows = statement.query([id])?;
    rows.next()?.map(user).transpose()
}

/// By what the identity provider calls her: its subject, never a name or an address that it may give to somebody else.
pub fn by_subject(conn: &Connection, issuer: &str, subject: &str) -> Result<Option<User>> {
    let mut statement = conn.prepare_cached(&format!("{SELECT} WHERE issuer = ?1 AND oidc_subject = ?2"))?;
    let mut rows = statement.query([issuer, subject])?;
    rows.next()?.map(user).transpose()
}

/// Adds a user who has no way in yet: `link` gives a local one hers.
pub fn add(tx: &Transaction<'_>, name: &str, standing: &Standing, actor: &str, now: Timestamp) -> Result<i64> {
    insert(tx, name, standing, None, actor, now)
}

/// Adds a user whom the identity provider vouches for. Where her name is taken she gets a number to it.
pub fn add_from(
    tx: &Transaction<'_>,
    (issuer, subject): (&str, &str),
    name: &str,
    standing: &Standing,
    now: Timestamp,
) -> Result<i64> {
    let (mut free, mut number) = (name.to_owned(), 1);
    while by_name(tx, &free)?.is_some() {
        number += 1;
        free = format!("{name}-{number}");
    }
    insert(tx, &free, standing, Some((issuer, subject)), issuer, now)
}

fn insert(
    tx: &Transaction<'_>,
    name: &str,
    standing: &Standing,
    from: Option<(&str, &str)>,
    actor: &str,
    now: Timestamp,
) -> Result<i64> {
    ensure!(by_name(tx, name)?.is_none(), "there is a user {name} already");
    let seq = state(tx, name, "added", Some((standing, from.map(|(issuer, _)| issuer))), actor, now)?;
    tx.execute(
        "INSERT INTO users (name, display_name, roles, schools, concerns, issuer, oidc_subject, added_at, seq)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            name,
            standing.display_name,
            serde_json::to_string(&standing.roles)?,
            serde_json::to_string(&standing.schools)?,
            standing.concerns,
            from.map(|(issuer, _)| issuer),
            from.map(|(_, subject)| subject),
            ms(now),
            row_id(seq),
        ],
    )?;
    Ok(tx.last_insert_rowid())
}

/// Changes what an administrator decides. Other rights begin with another sign-in: her sessions end. Says whether anything changed.
pub fn change(tx: &Transaction<'_>, id: i64, standing: &Standing, actor: &str, now: Timestamp) -> Result<bool> {
    let known = by_id(tx, id)?.context("the user is there")?;
    if known.standing == *standing {
        return Ok(false);
    }
    let seq = state(tx, &known.name, "changed", Some((standing, known.issuer.as_deref())), actor, now)?;
    tx.execute(
        "UPDATE users SET display_name = ?2, roles = ?3, schools = ?4, concerns = ?5, seq = ?6 WHERE id = ?1",
        params![
            id,
            standing.display_name,
            serde_json::to_string(&standing.roles)?,
            serde_json::to_string(&standing.schools)?,
            standing.concerns,
            row_id(seq),
        ],
    )?;
    let same = (&known.standing.roles, &known.standing.schools, known.standing.concerns)
        == (&standing.roles, &standing.schools, standing.concerns);
    if !same {
        sessions::end_all(tx, id, None)?;
    }
    Ok(true)
}

/// Shuts a user out, or lets her in again. Her name stays hers.
pub fn set_disabled(tx: &Transaction<'_>, id: i64, disabled: bool, actor: &str, now: Timestamp) -> Result<()> {
    let known = by_id(tx, id)?.context("the user is there")?;
    let word = if disabled { "disabled" } else { "enabled" };
    let seq = state(tx, &known.name, word, None, actor, now)?;
    let since = disabled.then(|| ms(now));
    tx.execute("UPDATE users SET disabled_at = ?2, seq = ?3 WHERE id = ?1", params![id, since, row_id(seq)])?;
    tx.execute("DELETE FROM sign_up_links WHERE user_id = ?1", [id])?;
    sessions::end_all(tx, id, None)
}

/// Ends every session of a user, because somebody asked for it.
pub fn sign_out(tx: &Transaction<'_>, id: i64, actor: &str, now: Timestamp) -> Result<()> {
    let known = by_id(tx, id)?.context("the user is there")?;
    state(tx, &known.name, "signed_out", None, actor, now)?;
    sessions::end_all(tx, id, None)
}

/// Gives a user a new one-time link; an earlier one is void, and what she signed in with until now stays until she uses it.
pub fn link(
    tx: &Transaction<'_>,
    id: i64,
    digest: Hash,
    expires: Timestamp,
    actor: &str,
    now: Timestamp,
) -> Result<()> {
    let known = by_id(tx, id)?.context("the user is there")?;
    state(tx, &known.name, "link", None, actor, now)?;
    tx.execute("DELETE FROM sign_up_links WHERE user_id = ?1", [id])?;
    tx.execute(
        "INSERT INTO sign_up_links (digest, user_id, expires_at) VALUES (?1, ?2, ?3)",
        params![digest, id, ms(expires)],
    )?;
    Ok(())
}

/// Whose link this is, while it may be used.
pub fn of_link(conn: &Connection, digest: &Hash, now: Timestamp) -> Result<Option<User>> {
    let mut statement = conn.prepare_cached(&format!(
        "{SELECT} WHERE disabled_at IS NULL AND id =
           (SELECT user_id FROM sign_up_links WHERE digest = ?1 AND expires_at > ?2)"
    ))?;
    let mut rows = statement.query(params![digest, ms(now)])?;
    rows.next()?.map(user).transpose()
}

/// What a person sets by her link.
#[derive(Debug, Clone)]
pub struct Fresh {
    pub password: String,
    pub totp: Vec<u8>,
    pub totp_step: i64,
    pub recovery: Vec<Hash>,
}

/// Uses a link up: password, second factor and recovery codes are new, and every earlier session has ended. `None`: the link is void.
pub fn join(tx: &Transaction<'_>, digest: &Hash, fresh: &Fresh, now: Timestamp) -> Result<Option<User>> {
    let Some(user) = of_link(tx, digest, now)? else { return Ok(None) };
    state(tx, &user.name, "password", None, &user.name, now)?;
    tx.execute("DELETE FROM sign_up_links WHERE user_id = ?1", [user.id])?;
    tx.execute(
        "UPDATE users SET password = ?2, totp = ?3, totp_step = ?4 WHERE id = ?1",
        params![user.id, fresh.password, fresh.totp, fresh.totp_step],
    )?;
    tx.execute("DELETE FROM recovery_codes WHERE user_id = ?1", [user.id])?;
    for code in &fresh.recovery {
        tx.execute("INSERT INTO recovery_codes (digest, user_id) VALUES (?1, ?2)", params![code, user.id])?;
    }
    tx.execute("DELETE FROM browsers WHERE user_id = ?1", [user.id])?;
    sessions::end_all(tx, user.id, None)?;
    Ok(Some(user))
}

/// What a local user who is not disabled signs in with.
pub fn credentials(conn: &Connection, name: &str) -> Result<Option<Credentials>> {
    let mut statement =
        conn.prepare_cached("SELECT id, password, totp, totp_step FROM users WHERE name = ?1 AND disabled_at IS NULL")?;
    let read = |row: &Row<'_>| -> rusqlite::Result<Credentials> {
        Ok(Credentials { user: row.get(0)?, password: row.get(1)?, totp: row.get(2)?, totp_step: row.get(3)? })
    };
    Ok(statement.query_row([name], read).optional()?)
}

/// Takes the code of a half minute, once. `false`: it, or a later one, was taken before.
pub fn take_step(tx: &Transaction<'_>, id: i64, step: i64) -> Result<bool> {
    Ok(tx.execute("UPDATE users SET totp_step = ?2 WHERE id = ?1 AND totp_step < ?2", params![id, step])? == 1)
}

/// Takes a recovery code, once.
pub fn take_code(tx: &Transaction<'_>, id: i64, digest: &Hash) -> Result<bool> {
    Ok(tx.execute("DELETE FROM recovery_codes WHERE user_id = ?1 AND digest = ?2", params![id, digest])? == 1)
}

/// How many recovery codes are left.
pub fn codes_left(conn: &Connection, id: i64) -> Result<u64> {
    let count: i64 = conn
        .prepare_cached("SELECT count(*) FROM recovery_codes WHERE user_id = ?1")?
        .query_row([id], |row| row.get(0))?;
    Ok(super::seq(count))
}

/// She sets another password; her other sessions end.
pub fn set_password(tx: &Transaction<'_>, id: i64, password: &str, kept: &Hash, now: Timestamp) -> Result<()> {
    let known = by_id(tx, id)?.context("the user is there")?;
    state(tx, &known.name, "password", None, &known.name, now)?;
    tx.execute("UPDATE users SET password = ?2 WHERE id = ?1", params![id, password])?;
    sessions::end_all(tx, id, Some(kept))
}

fn state(
    tx: &Transaction<'_>,
    name: &str,
    word: &str,
    standing: Option<(&Standing, Option<&str>)>,
    actor: &str,
    now: Timestamp,
) -> Result<u64> {
    let mut fields = vec![("change", word.to_owned())];
    if let Some((standing, issuer)) = standing {
        fields.push(("display_name", standing.display_name.clone()));
        fields.push(("roles", serde_json::to_string(&standing.roles)?));
        fields.push(("schools", serde_json::to_string(&standing.schools)?));
        fields.push(("concerns", standing.concerns.to_string()));
        fields.push(("origin", issuer.unwrap_or("local").to_owned()));
    }
    Log::open(tx)?.record(now, "user", Some(name), Some(actor), &fields)
}
