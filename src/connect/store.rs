//! Where a credential that a person brought is kept.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::config::{Config, keep_secret};
use crate::model::{Platform, Secret};

/// Where systemd puts the credentials of a unit; nobody writes there.
const SYSTEMD: &str = "/run/credentials";

/// The file for the platform's credential (an empty slug) or one account's own: the one that the config names, else one of the
/// program's own.
pub fn place(config: &Config, platform: Platform, slug: &str) -> PathBuf {
    let section = config.platform(platform);
    let named = section.and_then(|section| match slug {
        "" => section.token_file.clone().or_else(|| section.api_key_file.clone()),
        slug => section.tokens_dir.as_ref().map(|dir| dir.join(slug)),
    });
    named.unwrap_or_else(|| config.obtained_token_file(platform, slug))
}

/// Keeps a credential; says where. Where the file that the config names is not ours to write it goes to the program's own, which
/// wins as the younger one.
pub fn store(config: &Config, platform: Platform, slug: &str, secret: &Secret) -> Result<PathBuf> {
    let file = place(config, platform, slug);
    if file.starts_with(SYSTEMD) {
        bail!(
            "the config takes this credential from systemd ({}): run the same with --print-credential and follow what it prints",
            file.display()
        );
    }
    let own = config.obtained_token_file(platform, slug);
    match keep_secret(&file, secret) {
        Err(_) if file != own => keep_secret(&own, secret).map(|()| own),
        kept => kept.map(|()| file),
    }
}

/// How the same is done with systemd's encrypted credentials: the secret goes from the clipboard to systemd and is in no output.
pub fn systemd_words(platform: Platform, config_file: &Path) -> Vec<String> {
    let name = format!("{}-token", platform.as_str());
    let key = if platform == Platform::Youtube { "api_key_file" } else { "token_file" };
    vec![
        "As root; paste the secret when asked:".to_owned(),
        format!(
            "  systemd-ask-password 'Secret:' | systemd-creds encrypt --name={name} - /etc/credstore.encrypted/{name}"
        ),
        "  systemctl edit pagekeeper".to_owned(),
        "    [Service]".to_owned(),
        format!("    LoadCredentialEncrypted={name}:/etc/credstore.encrypted/{name}"),
        format!("In {}, under [platform.{}]:", config_file.display(), platform.as_str()),
        format!("    {key} = \"{SYSTEMD}/pagekeeper.service/{name}\""),
        "  systemctl restart pagekeeper".to_owned(),
    ]
}
