//! The daily look: what each token is now, renewed before it ends where the platform lets a program do that.

use std::fs;

use anyhow::Result;
use jiff::{SignedDuration, Timestamp};

use super::{Desk, application};
use crate::config::{Config, keep_secret};
use crate::db::accounts::Account;
use crate::db::credentials::{self, Seen};
use crate::db::{Db, Tx, accounts};
use crate::model::{Credential, Holder, Platform, Secret};
use crate::platform::http::Http;
use crate::platform::{Endpoint, Error, Target, tokens};

/// A token that ends sooner is renewed: early enough that a person has time where it cannot be.
const RENEW_BEFORE: SignedDuration = SignedDuration::from_hours(24 * 20);

/// Instagram Login does not tell when a token ends, so it is renewed so often.
const RENEW_EVERY: SignedDuration = SignedDuration::from_hours(24 * 7);

/// Looks at every token that can be looked at, renews what ends soon, keeps what was seen. Trouble with a platform or a file is
/// seen and said; only storage trouble is an error.
pub async fn watch(db: &Db, config: &Config, http: &Http, now: Timestamp) -> Result<()> {
    let (register, known) = db.read(|conn| Ok((accounts::all(conn)?, credentials::all(conn)?)))?;
    let desk = Desk { config, http, register: &register, now };
    for platform in Platform::ALL.iter().copied().filter(|platform| tokens::are_looked_into(*platform)) {
        if config.platform(platform).is_none() {
            continue;
        }
        for (account, slug) in watched(config, platform, &register, &known) {
            let before = known.iter().find(|seen| seen.platform == platform && seen.account == account);
            let before = before.map(|seen| seen.credential.clone()).unwrap_or_default();
            let Some(credential) = desk.renewed(platform, &slug, before).await? else { continue };
            db.writer.write_async(move |tx: &Tx<'_>| credentials::put(tx, platform, account, &credential, now)).await?;
        }
    }
    Ok(())
}

/// The credentials that there are: the platform's, and those of single accounts that a person brought. Page tokens that were
/// derived end with the one that they come from and are not among them.
fn watched(config: &Config, platform: Platform, register: &[Account], known: &[Seen]) -> Vec<(i64, String)> {
    let Some(section) = config.platform(platform) else { return Vec::new() };
    let is_there = |slug: &str| config.obtained_token_file(platform, slug).is_file();
    let has_shared = section.credential_file("").is_some() || is_there("");
    let mut found: Vec<(i64, String)> = has_shared.then(|| (0, String::new())).into_iter().collect();
    for account in register.iter().filter(|account| account.connector() == Some(platform)) {
        let slug = &account.row.slug;
        let is_own = section.credential_file(slug) != section.credential_file("");
        let is_known = known.iter().any(|seen| seen.platform == platform && seen.account == account.id);
        if is_own || (is_there(slug) && (is_known || !has_shared)) {
            found.push((account.id, slug.clone()));
        }
    }
    found
}

impl Desk<'_> {
    /// What a token is now, after it was renewed where that was due. `None`: the platform did not say, and what was seen before
    /// stands.
    async fn renewed(&self, platform: Platform, slug: &str, before: Credential) -> Result<Option<Credential>> {
        let who = format!("{} token", platform.title());
        let token = match self.config.credential(platform, slug) {
            Ok(Some(token)) => token,
            Ok(None) => return Ok(None),
            Err(error) => return Ok(Some(Credential { trouble: Some(format!("{who}: {error:#}")), ..before })),
        };
        let application = match application(self.config, platform) {
            Ok(application) => application,
            Err(error) => return Ok(Some(Credential { not_told: Some(format!("{who}: {error:#}")), ..before })),
        };
        let mut target = Target::unnamed(self.config, platform, Some(token))?;
        let endpoint = Endpoint::of(self.config, platform);
        let seen = match tokens::look_into(self.http, &target, application.as_ref(), &endpoint).await {
            Ok(seen) => seen,
            Err(Error::Transient { say } | Error::RateLimited { say, .. }) => {
                tracing::info!(platform = platform.as_str(), "a credential was not looked at: {say}");
                return Ok(None);
            }
            Err(error) => return Ok(Some(Credential { not_told: Some(error.to_string()), ..before })),
        };
        let mut credential = carried(seen, before, &target);
        if !self.is_due(&credential, &target) {
            return Ok(Some(credential));
        }
        let outcome = match (&application, credential.holder) {
            (Some(application), Some(holder @ (Holder::Person | Holder::SystemUser))) => {
                tokens::prolong(self.http, &target, holder, application, &endpoint).await
            }
            _ => Err(Error::Unauthorized {
                say: format!("{who}: the program cannot renew it without app_id and app_secret_file in the config"),
            }),
        };
        match outcome {
            Ok(renewed) => {
                self.keep(platform, slug, &renewed.token)?;
                target.token = Some(renewed.token.clone());
                let again = tokens::look_into(self.http, &target, application.as_ref(), &endpoint).await;
                let mut seen = match again {
                    Ok(again) => carried(again, credential, &target),
                    Err(_asked_again_tomorrow) => Credential { expires_at: None, ..credential },
                };
                let is_told = seen.expires_at.is_some() && !tokens::is_instagram_login(&renewed.token);
                seen.expires_at = if is_told { seen.expires_at } else { renewed.expires_at };
                (seen.renewed_at, seen.not_renewed) = (Some(self.now), None);
                credential = seen;
            }
            Err(error) => credential.not_renewed = Some(error.to_string()),
        }
        Ok(Some(credential))
    }

    fn is_due(&self, credential: &Credential, target: &Target) -> bool {
        if credential.trouble.is_some() {
            return false;
        }
        if target.token.as_ref().is_some_and(tokens::is_instagram_login) {
            return credential.renewed_at.is_none_or(|at| self.now.duration_since(at) >= RENEW_EVERY);
        }
        credential.expires_at.is_some_and(|ends| ends.duration_since(self.now) < RENEW_BEFORE)
    }

    /// What the program renews lies among its own secrets, and wins there as the younger.
    fn keep(&self, platform: Platform, slug: &str, token: &Secret) -> Result<()> {
        let file = self.config.obtained_token_file(platform, slug);
        keep_secret(&file, token)?;
        // Written within the same tick of the clock as what it takes the place of, it would not be younger.
        let newest = [self.config.platform(platform).and_then(|section| section.credential_file(slug))];
        let changed = |file: &std::path::Path| fs::metadata(file).and_then(|facts| facts.modified()).ok();
        if let Some(at) = newest.into_iter().flatten().filter_map(|file| changed(&file)).max()
            && changed(&file).is_some_and(|own| own <= at)
        {
            let later = at + std::time::Duration::from_millis(1);
            fs::File::options().write(true).open(&file).and_then(|file| file.set_modified(later))?;
        }
        Ok(())
    }
}

/// What the platform says now, with what it never says. Of a token of another kind nothing is carried on.
fn carried(seen: Credential, before: Credential, target: &Target) -> Credential {
    let is_login = target.token.as_ref().is_some_and(tokens::is_instagram_login);
    let is_same_kind = seen.scopes.is_none() == before.scopes.is_none();
    Credential {
        accounts: before.accounts,
        renewed_at: before.renewed_at.filter(|_| is_same_kind),
        expires_at: if is_login { before.expires_at.filter(|_| is_same_kind) } else { seen.expires_at },
        ..seen
    }
}
