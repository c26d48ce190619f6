//! `users`: who may sign in to the web pages, with what roles, and how they get in.

use std::collections::BTreeSet;

use anyhow::Result;
use clap::{Args, Subcommand};

use super::{Exit, Usage, print, print_json, system_user};
use crate::app::App;
use crate::db::users::{self, Standing, User};
use crate::model::Timestamp;
use crate::model::people::Role;
use crate::web::auth;

/// Who may sign in to the web pages. Roles: viewer, it-auditor, reviewer, records-officer, counsel, log-auditor, administrator; a person
/// may have several.
#[derive(Debug, Subcommand)]
pub enum Users {
    /// Add a user and print her one-time link: she sets her password and second factor there, within 24 hours. Example: pagekeeper users add
    /// priya.nair --role reviewer --school 'Ocotillo Middle School' --display-name 'Priya Nair'
    Add {
        /// What she signs in with, and what the record calls her: letters, digits and . - _ @ +
        name: String,
        #[command(flatten)]
        rights: Rights,
        /// For whom; the system user by default.
        #[arg(long = "as", value_name = "NAME")]
        actor: Option<String>,
    },
    /// Everybody who may sign in, or might.
    List {
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Change a user: what is named replaces what she had. Other rights end her sessions. Example: pagekeeper users set priya.nair --role
    /// reviewer --concerns yes
    Set {
        name: String,
        #[command(flatten)]
        rights: Rights,
        /// Her pages are those of the whole district again.
        #[arg(long, conflicts_with = "school")]
        all_schools: bool,
        /// For whom; the system user by default.
        #[arg(long = "as", value_name = "NAME")]
        actor: Option<String>,
    },
    /// Shut a user out at once, with her sessions and links. Her name stays hers.
    Disable {
        name: String,
        /// Let her in again.
        #[arg(long)]
        undo: bool,
        /// For whom; the system user by default.
        #[arg(long = "as", value_name = "NAME")]
        actor: Option<String>,
    },
    /// Print a new one-time link for a user who lost her password or her telephone. What she has stays good until she uses it.
    Reset {
        name: String,
        /// For whom; the system user by default.
        #[arg(long = "as", value_name = "NAME")]
        actor: Option<String>,
    },
    /// End every session of a user.
    SignOut {
        name: String,
        /// For whom; the system user by default.
        #[arg(long = "as", value_name = "NAME")]
        actor: Option<String>,
    },
}

/// What of a user an administrator decides.
#[derive(Debug, Args)]
pub struct Rights {
    /// What she is to the archive; again for another.
    #[arg(long, value_parser = parse_role)]
    role: Vec<Role>,
    /// A school whose pages alone she sees, as the register writes it; again for another. None: the whole district.
    #[arg(long)]
    school: Vec<String>,
    /// Whether a reviewer is named for concerns.
    #[arg(long, value_name = "yes|no", value_parser = parse_yes)]
    concerns: Option<bool>,
    /// Her name as colleagues know her.
    #[arg(long, value_name = "NAME")]
    display_name: Option<String>,
}

fn parse_role(word: &str) -> Result<Role, crate::model::UnknownWord> {
    word.replace('-', "_").parse()
}

fn parse_yes(word: &str) -> Result<bool, String> {
    match word {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err("write yes or no".into()),
    }
}

impl Users {
    pub fn run(self, app: &App) -> Result<Exit> {
        let now = app.clock.now();
        let by = |actor: Option<String>| actor.unwrap_or_else(system_user);
        match self {
            Users::Add { name, rights, actor } => add(app, &name, rights, by(actor), now)?,
            Users::List { json } => list(app, json)?,
            Users::Set { name, rights, all_schools, actor } => set(app, &name, rights, all_schools, by(actor), now)?,
            Users::Disable { name, undo, actor } => {
                let (user, actor) = (find(app, &name)?, by(actor));
                app.db.writer.write(move |tx| users::set_disabled(tx, user.id, !undo, &actor, now))?;
                print(if undo { "She may sign in again." } else { "She is shut out, and her sessions have ended." })?;
            }
            Users::Reset { name, actor } => {
                let user = find(app, &name)?;
                if user.issuer.is_some() {
                    return Err(
                        Usage(format!("{name} comes in by the identity provider, which keeps her password")).into()
                    );
                }
                link(app, &user, by(actor), now)?;
            }
            Users::SignOut { name, actor } => {
                let (user, actor) = (find(app, &name)?, by(actor));
                app.db.writer.write(move |tx| users::sign_out(tx, user.id, &actor, now))?;
                print("Her sessions have ended.")?;
            }
        }
        Ok(Exit::Done)
    }
}

fn find(app: &App, name: &str) -> Result<User> {
    let found = app.db.read(|conn| users::by_name(conn, &name.trim().to_lowercase()))?;
    found.ok_or_else(|| Usage(format!("there is no user {name}; `pagekeeper users list` shows them")).into())
}

fn add(app: &App, name: &str, rights: Rights, actor: String, now: Timestamp) -> Result<()> {
    let Some(name) = auth::stored_name(name) else {
        return Err(
            Usage(format!("{name:?} cannot be a name: letters, digits and . - _ @ + make one, 80 at most")).into()
        );
    };
    let mut standing = Standing { display_name: name.clone(), ..Standing::default() };
    rights.put(&mut standing);
    fit(app, &standing)?;
    if app.db.read(|conn| users::by_name(conn, &name))?.is_some() {
        return Err(Usage(format!(
            "there is a user {name} already; `users set` changes her, `users reset` makes a new link"
        ))
        .into());
    }
    let (who, by) = (name.clone(), actor.clone());
    app.db.writer.write(move |tx| users::add(tx, &who, &standing, &by, now))?;
    link(app, &find(app, &name)?, actor, now)
}

fn set(app: &App, name: &str, rights: Rights, all: bool, actor: String, now: Timestamp) -> Result<()> {
    let user = find(app, name)?;
    let mut standing = user.standing.clone();
    rights.put(&mut standing);
    if all {
        standing.schools.clear();
    }
    fit(app, &standing)?;
    let changed = app.db.writer.write(move |tx| users::change(tx, user.id, &standing, &actor, now))?;
    print(if changed { "Changed." } else { "Nothing to change." })
}

impl Rights {
    fn put(self, into: &mut Standing) {
        if !self.role.is_empty() {
            into.roles = self.role.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
        }
        if !self.school.is_empty() {
            into.schools = self.school;
        }
        into.concerns = self.concerns.unwrap_or(into.concerns);
        if let Some(name) = self.display_name {
            into.display_name = name;
        }
    }
}

/// Refuses what could only be a slip.
fn fit(app: &App, standing: &Standing) -> Result<()> {
    if standing.roles.is_empty() {
        let roles: Vec<String> = Role::ALL.iter().map(|role| role.as_str().replace('_', "-")).collect();
        return Err(Usage(format!("name a role with --role: {}", roles.join(", "))).into());
    }
    let name = &standing.display_name;
    if name.trim().is_empty() || name.chars().count() > 80 || name.chars().any(char::is_control) {
        return Err(Usage("write a display name of at most 80 letters".into()).into());
    }
    if standing.concerns && !standing.roles.contains(&Role::Reviewer) {
        return Err(Usage("only a reviewer is named for concerns: add --role reviewer".into()).into());
    }
    let known: BTreeSet<String> =
        app.db.read(crate::db::accounts::all)?.into_iter().map(|account| account.row.school).collect();
    match standing.schools.iter().find(|school| !known.contains(*school)) {
        Some(school) => {
            let known: Vec<&str> = known.iter().map(String::as_str).filter(|school| !school.is_empty()).collect();
            Err(Usage(format!("no page of the register is of {school:?}; it knows {}", known.join(", "))).into())
        }
        None => Ok(()),
    }
}

fn link(app: &App, user: &User, actor: String, now: Timestamp) -> Result<()> {
    let (link, digest, expires) = auth::new_link(&app.config, now)?;
    let id = user.id;
    app.db.writer.write(move |tx| users::link(tx, id, digest, expires, &actor, now))?;
    eprintln!("For {}, once, within 24 hours; hand it over so that nobody else reads it:", user.name);
    print(link)
}

fn list(app: &App, json: bool) -> Result<()> {
    for user in app.db.read(users::all)? {
        let roles: Vec<String> = user.standing.roles.iter().map(|role| role.as_str().replace('_', "-")).collect();
        let state = match (&user.issuer, user.disabled_at, user.has_password) {
            (_, Some(_), _) => "disabled",
            (Some(_), ..) => "by the identity provider",
            (None, None, true) => "password set",
            (None, None, false) => "has not used a link yet",
        };
        if json {
            print_json(&serde_json::json!({
                "name": user.name,
                "display_name": user.standing.display_name,
                "roles": roles,
                "schools": user.standing.schools,
                "concerns": user.standing.concerns,
                "issuer": user.issuer,
                "state": state,
            }))?;
            continue;
        }
        let schools =
            if user.standing.schools.is_empty() { "whole district".into() } else { user.standing.schools.join(", ") };
        let named = if user.standing.concerns { ", named for concerns" } else { "" };
        print(format!(
            "{}  {}  {}{named}  {schools}  {state}",
            user.name,
            user.standing.display_name,
            roles.join(", ")
        ))?;
    }
    Ok(())
}
