//! Where things lie, who is on, and the secrets, read again at each use.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Result, anyhow, bail};
use serde::Deserialize;

use super::read::Problems;
use super::{AlertRecipient, Config, District, Law, MediaConfig, PlatformConfig, SafetyBasis};
use crate::model::{Category, Platform, Secret};

impl Config {
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// The one database.
    pub fn database(&self) -> PathBuf {
        self.data_dir.join("pagekeeper.db")
    }

    /// Content-addressed media files.
    pub fn media_dir(&self) -> PathBuf {
        self.data_dir.join("media")
    }

    /// The search index; it can be rebuilt.
    pub fn index_dir(&self) -> PathBuf {
        self.data_dir.join("index")
    }

    /// What the program makes, obtains or renews: the signing key, tokens.
    pub fn secrets_dir(&self) -> PathBuf {
        self.data_dir.join("secrets")
    }

    /// Held by the one `serve`.
    pub fn serve_lock(&self) -> PathBuf {
        self.data_dir.join("serve.lock")
    }

    /// Held by whoever follows the ledger.
    pub fn follow_lock(&self) -> PathBuf {
        self.data_dir.join("follow.lock")
    }

    /// The address of a page of the web app, for mails.
    pub fn link(&self, path: &str) -> String {
        format!("{}{path}", self.web.public_url)
    }

    /// The right side of Message-IDs: the sender's domain.
    pub fn mail_domain(&self) -> &str {
        let from = self.mail.as_ref().map_or("", |mail| mail.from.as_str());
        let domain = from.rsplit_once('@').map_or("", |(_, domain)| domain.trim_end_matches(['>', ' ']));
        if domain.is_empty() { "pagekeeper.invalid" } else { domain }
    }

    /// The platform's section, when it has one and nothing keeps it off.
    pub fn platform(&self, platform: Platform) -> Option<&PlatformConfig> {
        self.why_off(platform.as_str()).is_none().then(|| self.platform.get(platform.as_str())).flatten()
    }

    /// Why accounts on `platform` are not kept, in words; `None` when they can be.
    pub fn why_off(&self, platform: &str) -> Option<String> {
        let title = crate::model::platform_title(platform);
        if platform.parse::<Platform>().is_err() {
            return Some(format!("pagekeeper has no connector for {title}"));
        }
        let Some(section) = self.platform.get(platform) else {
            return Some(format!("{title} is not set up: the config has no [platform.{platform}]"));
        };
        if !section.enabled {
            return Some(format!("{title} is switched off in the config"));
        }
        (platform == "x" && !section.acknowledged()).then(|| {
            "X is off until its terms are acknowledged (Government Use: a public body needs an Enterprise plan): set \
             acknowledged_by, acknowledged_on and plan in [platform.x]"
                .to_owned()
        })
    }

    /// Where a credential that the program obtained for an account lies; for the platform as a whole, `slug` is empty.
    pub fn obtained_token_file(&self, platform: Platform, slug: &str) -> PathBuf {
        let name = if slug.is_empty() { "platform" } else { slug };
        self.secrets_dir().join(platform.as_str()).join(format!("{name}.token"))
    }

    /// The credential for one account, read now: its own file in `tokens_dir`, else the platform's `token_file` or
    /// `api_key_file`; what the program obtained itself wins while it is the younger file: what it renewed for the platform over
    /// `token_file`, and what it derived for the account over both. `None`: none is configured.
    pub fn credential(&self, platform: Platform, slug: &str) -> Result<Option<Secret>> {
        let section = self.platform.get(platform.as_str());
        let configured = section.and_then(|section| section.credential_file(slug));
        let shares = section.is_none_or(|section| section.own_file(slug).is_none());
        let renewed = shares.then(|| self.obtained_token_file(platform, ""));
        let files = [configured, renewed, Some(self.obtained_token_file(platform, slug))];
        let mut youngest: Option<(PathBuf, Option<SystemTime>)> = None;
        for (place, file) in files.into_iter().enumerate().filter_map(|(place, file)| Some((place, file?))) {
            let changed = changed_at(&file);
            // What is configured and not there is an error, and not nothing.
            let counts = place == 0 || changed.is_some();
            if counts && youngest.as_ref().is_none_or(|(_, known)| changed > *known) {
                youngest = Some((file, changed));
            }
        }
        youngest.map(|(file, _)| read_secret(&file)).transpose()
    }

    /// The district's application with a platform, its secret read now: id and secret, where both are stated.
    pub fn application(&self, platform: Platform) -> Result<Option<(String, Secret)>> {
        let Some(section) = self.platform.get(platform.as_str()) else { return Ok(None) };
        Ok(section.app_id.clone().zip(section.app_secret()?))
    }
}

impl PlatformConfig {
    /// The file a person put the account's credential in.
    pub fn credential_file(&self, slug: &str) -> Option<PathBuf> {
        self.own_file(slug).or_else(|| self.token_file.clone()).or_else(|| self.api_key_file.clone())
    }

    /// The account's own file in `tokens_dir`, where there is one.
    fn own_file(&self, slug: &str) -> Option<PathBuf> {
        let own = self.tokens_dir.as_ref().map(|dir| dir.join(slug));
        own.filter(|file| !slug.is_empty() && file.is_file())
    }

    /// The app's secret, read now.
    pub fn app_secret(&self) -> Result<Option<Secret>> {
        self.app_secret_file.as_deref().map(read_secret).transpose()
    }

    /// X: all three facts of the acknowledgement are there.
    pub fn acknowledged(&self) -> bool {
        self.acknowledged_by.is_some() && self.acknowledged_on.is_some() && self.plan.is_some()
    }

    /// Whether `api_base` leads to this machine, as in `demo` and tests: then loopback media hosts are allowed too.
    pub fn on_loopback(&self) -> bool {
        super::is_loopback(&self.api_base)
    }
}

impl Law {
    /// Whether rules of this category run on public comments.
    pub fn runs_on_public(&self, category: Category) -> bool {
        let listed = self.public_categories.as_ref().map(|list| list.contains(&category));
        match self.safety_basis {
            SafetyBasis::Off => false,
            SafetyBasis::Adopted => listed.unwrap_or_else(|| is_safety(category)),
            SafetyBasis::Counsel => listed.unwrap_or(true),
        }
    }

    /// Whether any rule runs on a public comment at all.
    pub fn has_basis(&self) -> bool {
        self.safety_basis != SafetyBasis::Off
    }
}

/// The categories of safety and privacy that an adopted program covers unless it says otherwise.
fn is_safety(category: Category) -> bool {
    category.is_concern()
        || category.as_str().starts_with("pii_")
        || matches!(category, Category::HarassmentBullying | Category::HateDiscrimination | Category::PhishingMalware)
}

impl AlertRecipient {
    /// Whether this person is to get a flag of `category` on a page of `school`.
    pub fn wants(&self, school: &str, category: Category) -> bool {
        (self.schools.is_empty() || self.schools.iter().any(|own| own == school))
            && (self.categories.is_empty() || self.categories.contains(&category))
    }
}

impl MediaConfig {
    /// Whether media may be fetched from `host`.
    pub fn allows(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        self.allowed_hosts.iter().any(|allowed| {
            let allowed = allowed.trim_start_matches("*.").to_ascii_lowercase();
            host == allowed || host.strip_suffix(&allowed).is_some_and(|rest| rest.ends_with('.'))
        })
    }
}

/// What `rules eval --allow FILE` reads: the part of `[district]` that rules know.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Allow {
    pub official_numbers: Vec<String>,
    pub official_addresses: Vec<String>,
    pub domains: Vec<String>,
}

impl Allow {
    pub fn parse(text: &str) -> Result<Allow, Problems> {
        toml::from_str(text).map_err(|error| Problems(vec![super::read::in_words(text, error.message(), error.span())]))
    }
}

impl District {
    /// The name as subjects have room for it: *Mesa Vista USD*.
    pub fn short_name(&self) -> String {
        let long = [
            ("Union High School District", "UHSD"),
            ("Unified School District", "USD"),
            ("High School District", "HSD"),
            ("Elementary School District", "ESD"),
            ("School District", "SD"),
        ];
        let found = long.iter().find_map(|(long, short)| Some(format!("{}{short}", self.name.strip_suffix(long)?)));
        found.unwrap_or_else(|| self.name.clone())
    }

    pub fn allow(&self) -> Allow {
        Allow {
            official_numbers: self.official_numbers.clone(),
            official_addresses: self.official_addresses.clone(),
            domains: self.domains.clone(),
        }
    }
}

/// Reads a secret's file: one secret, white space around it dropped.
pub fn read_secret(file: &Path) -> Result<Secret> {
    // In words alone: an I/O error in the chain would pass for trouble with the archive, which ends the process.
    let text = std::fs::read_to_string(file)
        .map_err(|error| anyhow!("could not read the secret that lies in {}: {error}", file.display()))?;
    // Editors of Windows begin a file with a mark of their own.
    let secret = text.trim_start_matches('\u{feff}').trim();
    if secret.is_empty() {
        bail!("the secret's file {} is empty: put the secret in it", file.display());
    }
    if secret.contains(|c: char| c.is_control()) {
        bail!("the secret's file {} has more than one line: put the secret alone in it", file.display());
    }
    Ok(Secret::new(secret))
}

/// Writes a secret so that nobody else can read it, whole or not at all.
pub fn keep_secret(file: &Path, secret: &Secret) -> Result<()> {
    let say = |error: std::io::Error| anyhow!("could not keep a secret in {}: {error}", file.display());
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).map_err(say)?;
    }
    let temporary = file.with_extension("new");
    let _ = fs::remove_file(&temporary);
    let mut out = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary).map_err(say)?;
    out.write_all(secret.reveal().as_bytes()).and_then(|()| out.sync_all()).map_err(say)?;
    fs::rename(&temporary, file).map_err(say)
}

fn changed_at(file: &Path) -> Option<SystemTime> {
    std::fs::metadata(file).and_then(|facts| facts.modified()).ok()
}
