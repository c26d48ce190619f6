//! `init` and `check-config`.

use std::path::Path;

use anyhow::Result;

use super::{Exit, print};
use crate::alert;
use crate::app::{App, roster};
use crate::audit::Standard;
use crate::config::{Config, PlatformConfig};
use crate::connect::{Depth, Desk};
use crate::db;
use crate::db::accounts;
use crate::mail::Mailer;
use crate::model::{Clock, Platform};
use crate::platform::http::{Http, HttpSettings};
use crate::platform::tokens;

/// Makes an archive.
pub fn init(config: &Config, file: &Path) -> Result<Exit> {
    App::init(config, Clock::System.now())?;
    eprintln!("Made an archive in {}.", config.data_dir().display());
    eprintln!("Next: pagekeeper --config {} accounts import FILE.csv", file.display());
    Ok(Exit::Done)
}

/// Prints the config as understood, then what would not work, then what each credential may read. Where all is well but a
/// credential, the rest can be worked with: that is done in part.
pub async fn check_config(config: &Config) -> Result<Exit> {
    print(config.understood())?;
    let (mut sound, mut reads) = (check_parts(config), true);
    let mut register = Vec::new();
    if config.database().exists() {
        let conn = db::open_for_reading(&config.database())?;
        register = accounts::all(&conn)?;
        if let Some(Err(error)) = roster::in_force(config, &conn)? {
            eprintln!("Roster: no item is checked against it: {error:#}");
            sound = false;
        }
    }
    let http = Http::new(HttpSettings::default(), Clock::System)?;
    let desk = Desk { config, http: &http, register: &register, now: Clock::System.now() };
    for platform in Platform::ALL.iter().copied() {
        let Some(section) = config.platform(platform) else {
            let why = config.why_off(platform.as_str()).unwrap_or_default();
            eprintln!("{}: not kept: {why}", platform.title());
            continue;
        };
        for (slug, name) in credentials(section, platform) {
            reads &= probe(&desk, platform, &slug, &name).await.unwrap_or_else(|error| {
                eprintln!("{name}: {error:#}");
                false
            });
        }
    }
    Ok(match (sound, reads) {
        (false, _) => Exit::Failed,
        (true, false) => Exit::Partly,
        (true, true) => Exit::Done,
    })
}

/// What needs no platform: the legal basis, the witness, mail, the audit's lists, packs. Whether all of it would work.
fn check_parts(config: &Config) -> bool {
    if !config.law.has_basis() {
        eprintln!("No legal basis is recorded ([law] safety_basis = \"off\"): no rule runs on a public comment.");
    }
    if config.ledger.checkpoint_dir.is_none() {
        eprintln!("No checkpoints are published: name a folder outside of data_dir in [ledger] checkpoint_dir.");
    }
    for live in [false, true] {
        if let Some(why) = alert::unheard(config, live) {
            eprintln!("Mail, {}: {why}", if live { "once live" } else { "before `go-live`" });
        }
    }
    let mut whole = true;
    if let Some(Err(error)) = config.mail.as_ref().map(mail_works) {
        eprintln!("Mail: {error:#}");
        whole = false;
    }
    if let Err(error) = Standard::load(config, Clock::System.now()) {
        eprintln!("Audit: no page is audited: {error:#}");
        whole = false;
    }
    match super::rules::loaded(config) {
        Ok(count) => eprintln!("Rules: {count} rules load, and every example holds."),
        Err(errors) => {
            errors.iter().for_each(|error| eprintln!("Rules: {error}"));
            whole = false;
        }
    }
    whole
}

fn mail_works(section: &crate::config::Mail) -> Result<()> {
    if let Mailer::Smtp(smtp) = Mailer::open(section)? {
        smtp.check()?;
    }
    Ok(())
}

/// Looks at a credential and tries it on one account: its own where it is one account's, else the first that is kept. Says what it
/// found; whether the credential was good for anything.
async fn probe(desk: &Desk<'_>, platform: Platform, slug: &str, name: &str) -> Result<bool> {
    let token = desk.config.credential(platform, slug)?;
    let looked = desk.look(platform, slug, token, Depth::First).await?;
    let accounts = &looked.credential.accounts;
    let said = looked.say.iter().chain(accounts.iter().flat_map(|given| &given.found).map(|found| &found.say));
    said.for_each(|line| eprintln!("{name}: {line}"));
    if accounts.is_empty() && looked.credential.trouble.is_none() && !tokens::are_looked_into(platform) {
        eprintln!("{name}: not tried yet: no account of it is in the register");
    }
    Ok(looked.reads)
}

/// The platform's own credential (an empty slug), where not each account has its own; then those of single accounts, each with its name for people.
fn credentials(section: &PlatformConfig, platform: Platform) -> Vec<(String, String)> {
    let mut found = Vec::new();
    if section.tokens_dir.is_none() || section.credential_file("").is_some() {
        found.push((String::new(), platform.title().to_owned()));
    }
    let files = section.tokens_dir.as_deref().and_then(|dir| std::fs::read_dir(dir).ok());
    for entry in files.into_iter().flatten().filter_map(Result::ok) {
        let slug = entry.file_name().to_string_lossy().into_owned();
        found.push((slug.clone(), format!("{} {slug}", platform.title())));
    }
    found.sort();
    found
}
