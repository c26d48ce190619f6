//! `connect`: from the first click at the platform to a credential that reads.

use std::io::{IsTerminal as _, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result};
use clap::Args;
use serde_json::json;

use super::{Exit, Usage, print, print_json};
use crate::app::App;
use crate::config::read_secret;
use crate::connect::{self, Depth, Desk, Looked};
use crate::db::accounts::{self, Account};
use crate::db::credentials;
use crate::model::{Credential, Holder, Platform, Secret};
use crate::platform::{Endpoint, Target, tokens};

#[derive(Debug, Args)]
pub struct Connect {
    /// facebook, instagram, x, youtube or bluesky.
    #[arg(value_parser = |word: &str| word.parse::<Platform>())]
    platform: Platform,
    /// The file with the token or key; - reads standard input. Without it a terminal asks, unseen. Never an argument of its own.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Store nothing; print how the secret is given to systemd's encrypted credentials.
    #[arg(long)]
    print_credential: bool,
    /// One JSON object a line: what the credential is, then what it gave of each account.
    #[arg(long)]
    json: bool,
}

/// A credential that was brought, and what it is for.
struct Brought {
    token: Option<Secret>,
    /// Empty: the whole platform.
    slug: String,
    account: i64,
}

impl Connect {
    pub async fn run(self, app: &App, config_file: &Path) -> Result<Exit> {
        let platform = self.platform;
        eprintln!("{}:", platform.title());
        connect::steps(platform).iter().for_each(|step| eprintln!("  {step}"));
        eprintln!();
        if let Some(why) = app.config.why_off(platform.as_str()) {
            return Err(Usage(format!("{why}; then run this again")).into());
        }
        let now = app.clock.now();
        let register = app.db.read(accounts::all)?;
        let desk = Desk { config: &app.config, http: &app.http, register: &register, now };
        let token = match platform {
            Platform::Bluesky => None,
            _ => Some(self.read()?),
        };
        let mut brought = Brought { token, slug: String::new(), account: 0 };
        let mut renewed_at = None;
        if tokens::are_looked_into(platform) {
            match self.made_to_last(app, &mut brought).await? {
                Lasting::No => return Ok(Exit::Failed),
                Lasting::Prolonged => renewed_at = Some(now),
                Lasting::AsItIs => {}
            }
        }
        let mut looked = desk.look(platform, "", brought.token.clone(), Depth::All).await?;
        looked.credential.renewed_at = renewed_at;
        self.say(&looked)?;
        if looked.credential.trouble.is_some() || !is_worth_keeping(platform, &looked) {
            eprintln!("Nothing was stored.");
            return Ok(Exit::Failed);
        }
        if looked.credential.holder == Some(Holder::Page) {
            self.for_its_page(&looked.credential, &register, &mut brought)?;
        }
        self.keep(app, config_file, &brought, &looked.credential)?;
        let (account, credential) = (brought.account, looked.credential);
        let is_untried =
            brought.token.is_some() && !tokens::are_looked_into(platform) && credential.accounts.is_empty();
        app.db.writer.write_async(move |tx| credentials::put(tx, platform, account, &credential, now)).await?;
        if is_untried {
            eprintln!(
                "It was tried on no account: the register has none to read there yet. Run this again once it has."
            );
        }
        Ok(if looked.reads && !is_untried { Exit::Done } else { Exit::Partly })
    }

    /// The secret: from a file, from standard input, or typed where nobody sees it.
    fn read(&self) -> Result<Secret> {
        let text = match &self.token_file {
            Some(file) if file.as_os_str() != "-" => {
                let secret = read_secret(file).map_err(|e| Usage(format!("{e:#}")))?;
                if others_read(file) {
                    eprintln!(
                        "Others on this machine can read {}: delete it once the secret is stored.",
                        file.display()
                    );
                }
                return Ok(secret);
            }
            None if std::io::stdin().is_terminal() => typed(self.platform)?,
            _ => {
                let mut text = String::new();
                std::io::stdin().take(64 << 10).read_to_string(&mut text).context("could not read standard input")?;
                text
            }
        };
        let secret = text.trim();
        if secret.is_empty() || secret.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(Usage(
                "that is no token: bring it alone, on one line, with --token-file FILE or on standard input".into(),
            )
            .into());
        }
        Ok(Secret::new(secret))
    }

    /// A person's token becomes one of sixty days, a system user's that has an end gets its sixty days anew.
    async fn made_to_last(&self, app: &App, brought: &mut Brought) -> Result<Lasting> {
        let (platform, config) = (self.platform, &app.config);
        let application = connect::application(config, platform)?;
        let endpoint = Endpoint::of(config, platform);
        let target = Target::unnamed(config, platform, brought.token.clone())?;
        let seen = match tokens::look_into(&app.http, &target, application.as_ref(), &endpoint).await {
            Ok(seen) => seen,
            Err(error) => {
                eprintln!("{error}\nNothing was stored.");
                return Ok(Lasting::No);
            }
        };
        let is_login = brought.token.as_ref().is_some_and(tokens::is_instagram_login);
        let has_end = seen.expires_at.is_some() || is_login;
        let holder = match seen.holder {
            Some(holder @ (Holder::Person | Holder::SystemUser)) if seen.trouble.is_none() && has_end => holder,
            _ => return Ok(Lasting::AsItIs),
        };
        let Some(application) = application else {
            eprintln!(
                "{} token: it has an end, and without app_id and app_secret_file in [platform.{}] it cannot be made to last.\nNothing was stored.",
                platform.title(),
                platform.as_str()
            );
            return Ok(Lasting::No);
        };
        if self.print_credential {
            return Err(Usage(
                "a token with an end is renewed by the program and so kept by it: run this without --print-credential, or bring a system user's token without end".into(),
            )
            .into());
        }
        match tokens::prolong(&app.http, &target, holder, &application, &endpoint).await {
            Ok(renewed) => {
                brought.token = Some(renewed.token);
                Ok(Lasting::Prolonged)
            }
            // Instagram Login: one that is not a day old yet; the daily job asks again.
            Err(error) if is_login => {
                eprintln!("{error}");
                Ok(Lasting::AsItIs)
            }
            Err(error) => {
                eprintln!("{error}\nNothing was stored.");
                Ok(Lasting::No)
            }
        }
    }

    /// A page's own token is stored for its page alone.
    fn for_its_page(&self, credential: &Credential, register: &[Account], brought: &mut Brought) -> Result<()> {
        let tried = credential.accounts.first().map(|given| given.account.as_str()).unwrap_or_default();
        let own =
            register.iter().find(|account| account.connector() == Some(self.platform) && account.row.slug == tried);
        let Some(own) = own else {
            let say = format!(
                "the token is the page {}'s own, and that page is not in the register: add it first",
                credential.page
            );
            return Err(Usage(say).into());
        };
        (brought.slug, brought.account) = (own.row.slug.clone(), own.id);
        Ok(())
    }

    fn say(&self, looked: &Looked) -> Result<()> {
        let accounts = &looked.credential.accounts;
        if !self.json {
            looked.say.iter().try_for_each(print)?;
            return accounts.iter().flat_map(|given| &given.found).try_for_each(|found| print(&found.say));
        }
        let platform = self.platform.as_str();
        let credential = Credential { accounts: Vec::new(), ..looked.credential.clone() };
        print_json(
            &json!({ "platform": platform, "credential": credential, "ends_at": credential.ends_at(), "say": looked.say }),
        )?;
        for given in accounts {
            for found in &given.found {
                let (what, say) = (&found.what, &found.say);
                print_json(
                    &json!({ "platform": platform, "account": given.account, "what": what, "given": found.given, "say": say }),
                )?;
            }
        }
        Ok(())
    }

    fn keep(&self, app: &App, config_file: &Path, brought: &Brought, credential: &Credential) -> Result<()> {
        let Some(token) = &brought.token else { return Ok(()) };
        if self.print_credential {
            connect::systemd_words(self.platform, config_file).iter().for_each(|line| eprintln!("{line}"));
            return Ok(());
        }
        let file = connect::store(&app.config, self.platform, &brought.slug, token)?;
        let whose = if brought.slug.is_empty() { String::new() } else { format!(", for {} alone", brought.slug) };
        eprintln!("Stored in {}{whose}, readable by its owner only.", file.display());
        if credential.holder == Some(Holder::Person) {
            eprintln!(
                "It hangs on {}'s own login: it dies when that password changes or that person leaves. A system user's token would not.",
                if credential.granted_by.is_empty() { "a person" } else { &credential.granted_by }
            );
        }
        Ok(())
    }
}

fn others_read(file: &Path) -> bool {
    std::fs::metadata(file).is_ok_and(|facts| facts.is_file() && facts.mode() & 0o077 != 0)
}

enum Lasting {
    /// It was said why not.
    No,
    AsItIs,
    Prolonged,
}

/// A key or an application's token that reads none of the accounts it was tried on is a wrong one. Meta's may wait for its pages.
fn is_worth_keeping(platform: Platform, looked: &Looked) -> bool {
    let accounts = &looked.credential.accounts;
    tokens::are_looked_into(platform) || accounts.is_empty() || accounts.iter().any(|given| given.reads)
}

/// Asks on the terminal without an echo. The shell puts the echo back whatever ends the question, Ctrl-C too.
fn typed(platform: Platform) -> Result<String> {
    eprint!("{} token or key (it is not shown): ", platform.title());
    let script =
        "trap 'stty echo' EXIT; trap 'exit 1' INT TERM HUP; stty -echo; IFS= read -r secret; printf %s \"$secret\"";
    let done = std::process::Command::new("/bin/sh")
        .args(["-c", script])
        .stdin(Stdio::inherit())
        .stderr(Stdio::null())
        .output()
        .context("could not ask on the terminal; use --token-file FILE")?;
    eprintln!();
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}
