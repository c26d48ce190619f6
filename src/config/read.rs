//! From the file's text to a [`Config`]: every error names the place and what to do.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{Config, PlatformConfig, check};

/// What is wrong with a config file, one line each. The command line ends with exit code 2 on it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct Problems(pub Vec<String>);

impl Config {
    /// Reads the file at `path`. Errors that a person can mend in the file are [`Problems`].
    pub fn load(path: &Path) -> Result<Config> {
        let unread = |error| Problems(vec![format!("{}: the config cannot be read: {error}", path.display())]);
        let text = std::fs::read_to_string(path).map_err(unread)?;
        let base = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        Config::parse(&text, base).map_err(|problems| {
            let name = path.display();
            Problems(problems.0.into_iter().map(|line| format!("{name}: {line}")).collect()).into()
        })
    }

    /// Reads a config file's text; relative paths in it are taken from `base_dir`.
    pub fn parse(text: &str, base_dir: &Path) -> Result<Config, Problems> {
        let mut config: Config =
            toml::from_str(text).map_err(|error| Problems(vec![in_words(text, error.message(), error.span())]))?;
        config.absolute(base_dir);
        config.fill_in();
        let problems = check::problems(&config);
        if problems.is_empty() { Ok(config) } else { Err(Problems(problems)) }
    }

    /// Everything as it was understood, defaults and all. Secrets are not in it: a config knows only where they lie.
    pub fn understood(&self) -> String {
        toml::to_string(self).expect("the config came out of TOML and goes back into it")
    }

    fn absolute(&mut self, base: &Path) {
        let under = |path: &mut PathBuf| {
            if !path.as_os_str().is_empty() {
                *path = base.join(&*path);
            }
        };
        let maybe = |path: &mut Option<PathBuf>| {
            if let Some(path) = path {
                under(path);
            }
        };
        under(&mut self.data_dir);
        under(&mut self.policy.clauses);
        self.policy.comment_expectations.iter_mut().for_each(under);
        maybe(&mut self.policy.elections);
        under(&mut self.law.file);
        under(&mut self.web.oidc.client_secret_file);
        under(&mut self.ledger.signing_key_file);
        maybe(&mut self.ledger.checkpoint_dir);
        if let Some(mail) = &mut self.mail {
            maybe(&mut mail.password_file);
            maybe(&mut mail.ca_file);
            maybe(&mut mail.dir);
        }
        maybe(&mut self.audit.site_list);
        maybe(&mut self.audit.approvals);
        under(&mut self.rules.dir);
        maybe(&mut self.rules.roster_key_file);
        for platform in self.platform.values_mut() {
            maybe(&mut platform.token_file);
            maybe(&mut platform.tokens_dir);
            maybe(&mut platform.app_secret_file);
            maybe(&mut platform.api_key_file);
        }
    }

    /// Puts in the defaults that depend on other keys.
    fn fill_in(&mut self) {
        if self.ledger.signing_key_file.as_os_str().is_empty() {
            self.ledger.signing_key_file = self.secrets_dir().join("signing.key");
        }
        if self.ledger.origin.is_empty() {
            let domain = self.district.domains.first().map_or("pagekeeper.invalid", String::as_str);
            self.ledger.origin = format!("{domain}/pagekeeper");
        }
        if self.web.public_url.is_empty() {
            self.web.public_url = format!("http://{}", self.web.listen);
        }
        let bare = self.web.public_url.trim_end_matches('/').len();
        self.web.public_url.truncate(bare);
        if let Some(mail) = &mut self.mail
            && mail.port == 0
        {
            mail.port = match mail.tls {
                super::Tls::Required => 465,
                super::Tls::Starttls => 587,
                super::Tls::None => 25,
            };
        }
        for (name, platform) in &mut self.platform {
            fill_in_platform(name, platform);
        }
    }
}

fn fill_in_platform(name: &str, platform: &mut PlatformConfig) {
    let (base, version, per_minute) = match name {
        "facebook" | "instagram" => ("https://graph.facebook.com", "v26.0", 120),
        "threads" => ("https://graph.threads.net", "v1.0", 60),
        "x" => ("https://api.x.com", "2", 30),
        "youtube" => ("https://youtube.googleapis.com", "v3", 120),
        "bluesky" => ("https://public.api.bsky.app", "", 300),
        _ => ("", "", 60),
    };
    if platform.api_base.is_empty() {
        platform.api_base = base.to_owned();
    }
    let bare = platform.api_base.trim_end_matches('/').len();
    platform.api_base.truncate(bare);
    if platform.api_version.is_empty() {
        platform.api_version = version.to_owned();
    }
    if platform.requests_per_minute == 0 {
        platform.requests_per_minute = per_minute;
    }
    match name {
        "x" => {
            platform.field_names.get_or_insert_default();
            platform.full_archive.get_or_insert_default();
        }
        "youtube" => _ = platform.units_per_day.get_or_insert(10_000),
        "bluesky" => _ = platform.directory_base.get_or_insert_with(|| "https://plc.directory".into()),
        _ => {}
    }
}

/// A message of the TOML reader with its place, and the nearest known key where one was not known. The line itself is
/// not repeated: it may hold a secret somebody pasted in the wrong place.
pub(super) fn in_words(text: &str, message: &str, span: Option<std::ops::Range<usize>>) -> String {
    let start = span.map_or(0, |span| span.start).min(text.len());
    let line = text[..start].matches('\n').count() + 1;
    let begin = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let is_header = |line: &str| line.starts_with('[') && !line.contains(['"', ',']);
    let in_header = is_header(text[begin..].lines().next().unwrap_or_default().trim());
    let section = text[..begin].lines().rev().map(str::trim).find(|line| is_header(line)).filter(|_| !in_header);
    let place = match section {
        Some(section) => format!("line {line}, in {}", section.split('#').next().unwrap_or_default().trim()),
        None => format!("line {line}"),
    };
    let mut names = message.split('`').skip(1).step_by(2);
    let first = names.next().unwrap_or_default();
    if message.starts_with("unknown field") {
        return format!("{place}: there is no key {first:?} here{}", nearest(first, names));
    }
    if message.starts_with("unknown variant") {
        return format!("{place}: {first:?} is not a choice here{}", nearest(first, names));
    }
    if message.starts_with("missing field") {
        return format!("{place}: the key {first:?} is missing: add it");
    }
    format!("{place}: {}", message.replace('\n', "; "))
}

/// The end of a sentence about an unknown name: the nearest known one, or all there are.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.collect();
    let likeness = |other: &str| strsim::damerau_levenshtein(&name.to_lowercase(), other);
    match known.iter().map(|other| (likeness(other), *other)).min() {
        Some((distance, other)) if distance <= 2.max(other.len() / 2) => format!(": did you mean {other:?}?"),
        Some(_) => format!(": known are {}", known.join(", ")),
        None => ": nothing is known here".to_owned(),
    }
}
