//! `init` and `check-config`.

use std::path::Path;

use anyhow::Result;

use super::{Exit, print};
use crate::app::App;
use crate::config::{Config, PlatformConfig};
use crate::harvest::endpoint;
use crate::model::{Clock, Platform};
use crate::platform::http::{Http, HttpSettings};
use crate::platform::{self, Target};

/// Makes an archive.
pub fn init(config: &Config, file: &Path) -> Result<Exit> {
    App::init(config, Clock::System.now())?;
    eprintln!("Made an archive in {}.", config.data_dir().display());
    eprintln!("Next: pagekeeper --config {} accounts import FILE.csv", file.display());
    Ok(Exit::Done)
}

/// Prints the config as understood, then what each credential may read.
pub async fn check_config(config: &Config) -> Result<Exit> {
    print(config.understood())?;
    if !config.law.has_basis() {
        eprintln!("No legal basis is recorded ([law] safety_basis = \"off\"): no rule runs on a public comment.");
    }
    let http = Http::new(HttpSettings::default(), Clock::System)?;
    let mut whole = true;
    for platform in Platform::ALL.iter().copied() {
        let Some(section) = config.platform(platform) else {
            let why = config.why_off(platform.as_str()).unwrap_or_default();
            eprintln!("{}: not kept: {why}", platform.title());
            continue;
        };
        for (slug, name) in credentials(section, platform) {
            let token = match config.credential(platform, &slug) {
                Ok(token) => token,
                Err(error) => {
                    eprintln!("{name}: {error:#}");
                    whole = false;
                    continue;
                }
            };
            let target = Target {
                platform,
                native_id: String::new(),
                handle: String::new(),
                token,
                app_secret: section.app_secret()?,
                field_names: section.field_names.map_or_else(|| "tweet".to_owned(), |names| names.as_str().to_owned()),
            };
            for line in platform::probe(&http, &target, &endpoint(config, platform)).await {
                eprintln!("{name}: {line}");
            }
        }
    }
    Ok(if whole { Exit::Done } else { Exit::Failed })
}

/// The platform's own credential (an empty slug), then those of single accounts, each with its name for people.
fn credentials(section: &PlatformConfig, platform: Platform) -> Vec<(String, String)> {
    let mut found = vec![(String::new(), platform.title().to_owned())];
    let files = section.tokens_dir.as_deref().and_then(|dir| std::fs::read_dir(dir).ok());
    for entry in files.into_iter().flatten().filter_map(Result::ok) {
        let slug = entry.file_name().to_string_lossy().into_owned();
        found.push((slug.clone(), format!("{} {slug}", platform.title())));
    }
    found.sort();
    found
}
