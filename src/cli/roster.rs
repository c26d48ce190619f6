//! `roster`: which students may be shown.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Subcommand;

use super::{Exit, print, system_user};
use crate::app::App;

/// The release roster: which students may be shown. Names are kept as keyed hashes alone.
#[derive(Debug, Subcommand)]
pub enum Roster {
    /// Put the students of a CSV file in the place of the former roster, and compute the flags anew. Delete the file afterwards.
    Import {
        file: PathBuf,
        /// For whom; the system user by default.
        #[arg(long = "as", value_name = "NAME")]
        actor: Option<String>,
    },
    /// Destroy the roster and its key; its flags go.
    Forget {
        /// For whom; the system user by default.
        #[arg(long = "as", value_name = "NAME")]
        actor: Option<String>,
    },
    /// How many students are in force.
    Show,
}

impl Roster {
    pub fn run(self, app: &App) -> Result<Exit> {
        match self {
            Roster::Import { file, actor } => import(app, &file, &actor.unwrap_or_else(system_user)),
            Roster::Forget { actor } => forget(app, &actor.unwrap_or_else(system_user)),
            Roster::Show => show(app),
        }
    }
}

fn import(app: &App, file: &Path, actor: &str) -> Result<Exit> {
    let done = app.import_roster(file, actor, app.clock.now())?;
    app.follow(app.clock.now())?;
    for bad in &done.bad {
        eprintln!("{}:{bad}", file.display());
    }
    let facts = &done.facts;
    eprintln!(
        "{} students: {} released, {} withheld; {} rows of others, {} rows left out.{}",
        facts.students,
        facts.released,
        facts.withheld,
        done.others,
        done.bad.len(),
        if done.same { " This very roster was in force already." } else { "" }
    );
    if facts.released == 0 {
        eprintln!("Nobody is released: does [roster] released say what stands in the file?");
    }
    Ok(if done.bad.is_empty() { Exit::Done } else { Exit::Partly })
}

fn forget(app: &App, actor: &str) -> Result<Exit> {
    let had = app.forget_roster(actor, app.clock.now())?;
    app.follow(app.clock.now())?;
    eprintln!("{}", if had { "The roster and its key are destroyed." } else { "There is no roster." });
    Ok(Exit::Done)
}

fn show(app: &App) -> Result<Exit> {
    match app.roster_facts()? {
        Some(facts) => {
            print(format!("{} students: {} released, {} withheld.", facts.students, facts.released, facts.withheld))?
        }
        None => print("There is no roster.")?,
    }
    Ok(Exit::Done)
}
