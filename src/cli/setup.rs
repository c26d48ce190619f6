//! `init` and `check-config`.

use std::path::Path;

use anyhow::Result;

use super::{Exit, print};
use crate::alert;
use crate::app::{App, roster};
use crate::audit::Standard;
use crate::config::{Config, PlatformConfig};
use crate::db;
use crate::db::accounts::{self, Account};
use crate::harvest::endpoint;
use crate::mail::Mailer;
use crate::model::{AccountStatus, Clock, Platform};
use crate::platform::http::{Http, HttpSettings};
use crate::platform::{self, Reached, Target};

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
    for platform in Platform::ALL.iter().copied() {
        let Some(section) = config.platform(platform) else {
            let why = config.why_off(platform.as_str()).unwrap_or_default();
            eprintln!("{}: not kept: {why}", platform.title());
            continue;
        };
        for (slug, name) in credentials(section, platform) {
            match target(config, section, platform, &slug) {
                Ok(target) => reads &= probe(config, &http, target, &slug, &name, &register).await,
                Err(error) => {
                    eprintln!("{name}: {error:#}");
                    reads = false;
                }
            }
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

fn target(config: &Config, section: &PlatformConfig, platform: Platform, slug: &str) -> Result<Target> {
    Ok(Target {
        platform,
        native_id: String::new(),
        handle: String::new(),
        token: config.credential(platform, slug)?,
        app_secret: section.app_secret()?,
        field_names: section.field_names.map_or_else(|| "tweet".to_owned(), |names| names.as_str().to_owned()),
        full_archive: section.full_archive == Some(true),
    })
}

/// Tries a credential on an account: its own where it is one account's, else the first that is registered, else (Meta) the first
/// that it reaches. Says what it found; whether the credential was good for anything.
async fn probe(config: &Config, http: &Http, mut target: Target, slug: &str, name: &str, register: &[Account]) -> bool {
    let endpoint = endpoint(config, target.platform);
    let registered = register.iter().find(|account| {
        account.connector() == Some(target.platform)
            && if slug.is_empty() { account.status == AccountStatus::Active } else { account.row.slug == slug }
    });
    let mut reached = Vec::new();
    if matches!(target.platform, Platform::Facebook | Platform::Instagram) {
        match platform::discover(http, &target, &endpoint).await {
            Ok(found) => reached = found,
            Err(failure) => {
                eprintln!("{name}: {}", failure.error);
                return false;
            }
        }
        eprintln!("{name}: the credential reaches {}", names(&reached));
    }
    let chosen = match registered {
        Some(account) => reached.iter().find(|page| page.native_id == account.row.native_id),
        None => reached.first(),
    };
    match (registered, chosen) {
        (_, Some(page)) => {
            target.native_id.clone_from(&page.native_id);
            target.handle.clone_from(&page.handle);
            target.token = page.token.clone().or(target.token);
        }
        (Some(account), None) => {
            target.native_id.clone_from(&account.row.native_id);
            target.handle.clone_from(&account.row.handle);
        }
        (None, None) => {
            eprintln!("{name}: not tried yet: no account of it is in the register");
            return true;
        }
    }
    let probed = platform::probe(http, &target, &endpoint).await;
    probed.said.iter().for_each(|line| eprintln!("{name}: {line}"));
    probed.reads
}

fn names(reached: &[Reached]) -> String {
    let names: Vec<&str> = reached.iter().map(|page| page.name.as_str()).collect();
    match names.len() {
        0 => "no page: share the pages with it, and give it its permissions".into(),
        count => format!("{count}: {}", names.join(", ")),
    }
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
