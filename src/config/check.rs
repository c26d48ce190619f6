//! What a config may not say, though it can be read.

use std::net::IpAddr;
use std::path::{Component, Path, PathBuf};

use super::read::nearest;
use super::{Config, Mail, Oidc, PlatformConfig, SafetyBasis, Tls, Transport};
use crate::model::Platform;

/// Platforms that a register may name and no connector reads yet.
const WITHOUT_CONNECTOR: [&str; 8] =
    ["threads", "mastodon", "feed", "linkedin", "tiktok", "nextdoor", "pinterest", "vimeo"];

/// Every fault of `config`, each a sentence that names the key and what to do.
pub(super) fn problems(config: &Config) -> Vec<String> {
    let mut found = Vec::new();
    district(config, &mut found);
    law(config, &mut found);
    ledger(config, &mut found);
    web(config, &mut found);
    roster(config, &mut found);
    if let Some(mail) = &config.mail {
        check_mail(mail, &mut found);
    }
    addresses(config, &mut found);
    numbers(config, &mut found);
    for (name, section) in &config.platform {
        platform(name, section, &mut found);
    }
    found
}

fn district(config: &Config, found: &mut Vec<String>) {
    if config.data_dir.as_os_str().is_empty() {
        found.push("data_dir is empty: name a folder".into());
    }
    if config.district.name.trim().is_empty() {
        found.push("[district] name is empty: write the district's name".into());
    }
    if let Some(fault) = config.audit.site_base.as_deref().and_then(url_fault) {
        found.push(format!("[audit] site_base {fault}"));
    }
    for domain in &config.district.domains {
        if domain.contains("://") || domain.contains('/') || !domain.contains('.') {
            found.push(format!(
                "[district] domains has {domain:?}: write a bare domain, as in \"mesavista.example.org\""
            ));
        }
    }
}

/// The last two bases need their record; without it nobody could show on what ground comments were read by rules.
fn law(config: &Config, found: &mut Vec<String>) {
    let law = &config.law;
    if law.safety_basis == SafetyBasis::Off {
        return;
    }
    let text_missing = |text: &Option<String>| text.as_ref().is_none_or(|text| text.trim().is_empty());
    let missing: Vec<&str> = [
        ("basis_date", law.basis_date.is_none()),
        ("basis_reference", text_missing(&law.basis_reference)),
        ("notice_date", law.notice_date.is_none()),
        ("recorded_by", text_missing(&law.recorded_by)),
    ]
    .iter()
    .filter_map(|(key, missing)| missing.then_some(*key))
    .collect();
    if !missing.is_empty() {
        let list = missing.join(", ");
        found.push(format!("[law] safety_basis needs {list} too: state them, or set safety_basis = \"off\""));
    }
}

fn ledger(config: &Config, found: &mut Vec<String>) {
    if let Some(dir) = &config.ledger.checkpoint_dir
        && lies_in(dir, &config.data_dir)
    {
        found.push(format!(
            "[ledger] checkpoint_dir {} lies in data_dir: a rolled-back archive would take its own witness along; name a folder outside",
            dir.display()
        ));
    }
    let origin = &config.ledger.origin;
    if origin.contains(|c: char| c.is_whitespace() || c == '+') {
        found.push(format!("[ledger] origin {origin:?} has a space or a plus sign: leave them out"));
    }
}

fn roster(config: &Config, found: &mut Vec<String>) {
    let Some(file) = &config.rules.roster_key_file else { return };
    if lies_in(file, &config.data_dir) {
        found.push(format!(
            "[rules] roster_key_file {} lies in data_dir, beside the names that it keeps from being known: name a file outside",
            file.display()
        ));
    }
}

fn web(config: &Config, found: &mut Vec<String>) {
    let url = &config.web.public_url;
    if let Some(fault) = url_fault(url) {
        found.push(format!("[web] public_url {fault}"));
    }
    oidc(&config.web.oidc, found);
}

/// A provider that is named needs everything that is asked of it; without roles it would let nobody in.
fn oidc(oidc: &Oidc, found: &mut Vec<String>) {
    if oidc.issuer.is_empty() {
        return;
    }
    if let Some(fault) = url_fault(&oidc.issuer) {
        found.push(format!("[web.oidc] issuer {fault}"));
    }
    let missing = [
        ("client_id", oidc.client_id.is_empty()),
        ("client_secret_file", oidc.client_secret_file.as_os_str().is_empty()),
        ("roles", oidc.roles.values().all(Vec::is_empty)),
    ];
    for (key, _) in missing.iter().filter(|(_, missing)| *missing) {
        found.push(format!("[web.oidc] {key} is missing: issuer needs it"));
    }
    pasted("[web.oidc] client_secret_file", &oidc.client_secret_file, found);
}

fn check_mail(mail: &Mail, found: &mut Vec<String>) {
    let mut need = |missing: bool, key: &str, why: &str| {
        if missing {
            found.push(format!("[mail] {key} is missing: {why}"));
        }
    };
    need(!mail.from.contains('@'), "from", "write the sender's address");
    match mail.transport {
        Transport::File => need(mail.dir.is_none(), "dir", "transport \"file\" needs the folder to write to"),
        Transport::Smtp => {
            need(mail.host.is_empty(), "host", "transport \"smtp\" needs the mail server's name");
            need(mail.username.is_some() && mail.password_file.is_none(), "password_file", "username needs one");
            need(mail.password_file.is_some() && mail.username.is_none(), "username", "password_file needs one");
            if mail.tls == Tls::None && !host_is_loopback(&mail.host) {
                found.push(
                    "[mail] tls = \"none\" is for a server on this machine only: use \"required\" or \"starttls\""
                        .into(),
                );
            }
        }
    }
    if let Some(file) = &mail.password_file {
        pasted("[mail] password_file", file, found);
    }
}

fn addresses(config: &Config, found: &mut Vec<String>) {
    let weekly = config.weekly.recipients.iter().map(|to| ("[weekly] recipients", &to.address));
    let alerts = config.alerts.recipients.iter().map(|to| ("[alerts] recipients", &to.address));
    let second = config.alerts.escalate_to.iter().map(|to| ("[alerts] escalate_to", to));
    let admin = config.mail.iter().flat_map(|mail| mail.administrator.iter()).map(|to| ("[mail] administrator", to));
    for (key, address) in weekly.chain(alerts).chain(second).chain(admin) {
        if !is_address(address) {
            found.push(format!("{key} has {address:?}: write an address, as in \"name@mesavista.example.org\""));
        }
    }
}

/// Good enough to catch a slip; the mail server has the last word.
fn is_address(text: &str) -> bool {
    let well = |part: &str| !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || "@<>,;\"".contains(c));
    text.split_once('@').is_some_and(|(name, host)| well(name) && well(host) && !host.ends_with('.'))
}

fn numbers(config: &Config, found: &mut Vec<String>) {
    let alerts = &config.alerts;
    for (key, value) in
        [("repeat_minutes", alerts.repeat_minutes), ("escalate_after_minutes", alerts.escalate_after_minutes)]
    {
        if value == 0 {
            found.push(format!("[alerts] {key} is 0: write at least 1"));
        }
    }
    if config.media.max_bytes == 0 {
        found.push("[media] max_bytes is 0: to fetch no media, set fetch_from = \"none\"".into());
    }
}

fn platform(name: &str, section: &PlatformConfig, found: &mut Vec<String>) {
    let known = Platform::ALL.iter().map(|platform| platform.as_str()).chain(WITHOUT_CONNECTOR);
    if !known.clone().any(|other| other == name) {
        found.push(format!("[platform.{name}]: no such platform is known{}", nearest(name, known)));
        return;
    }
    for (key, owners, is_set) in keys_of_one(section) {
        if is_set && !owners.contains(&name) {
            let owners: Vec<String> = owners.iter().map(|owner| format!("[platform.{owner}]")).collect();
            found.push(format!("[platform.{name}] {key} belongs to {}: take it out here", owners.join(" or ")));
        }
    }
    for (key, url) in [("api_base", Some(&section.api_base)), ("directory_base", section.directory_base.as_ref())] {
        if let Some(fault) = url.filter(|url| !url.is_empty()).and_then(|url| url_fault(url)) {
            found.push(format!("[platform.{name}] {key} {fault}"));
        }
    }
    let secrets = [
        ("token_file", &section.token_file),
        ("app_secret_file", &section.app_secret_file),
        ("api_key_file", &section.api_key_file),
    ];
    for (key, file) in secrets {
        if let Some(file) = file {
            pasted(&format!("[platform.{name}] {key}"), file, found);
        }
    }
}

type KeyOfOne = (&'static str, &'static [&'static str], bool);

/// Keys that mean something for some platforms only.
fn keys_of_one(section: &PlatformConfig) -> [KeyOfOne; 10] {
    const META: &[&str] = &["facebook", "instagram", "threads"];
    [
        ("app_id", META, section.app_id.is_some()),
        ("app_secret_file", META, section.app_secret_file.is_some()),
        ("acknowledged_by", &["x"], section.acknowledged_by.is_some()),
        ("acknowledged_on", &["x"], section.acknowledged_on.is_some()),
        ("plan", &["x"], section.plan.is_some()),
        ("field_names", &["x"], section.field_names.is_some()),
        ("full_archive", &["x"], section.full_archive.is_some()),
        ("api_key_file", &["youtube"], section.api_key_file.is_some()),
        ("units_per_day", &["youtube"], section.units_per_day.is_some()),
        ("directory_base", &["bluesky"], section.directory_base.is_some()),
    ]
}

/// What is wrong with a URL of our own, in words; `None` when nothing is.
fn url_fault(url: &str) -> Option<String> {
    let Some((scheme, rest)) = url.split_once("://") else {
        return Some(format!("{url:?} is no URL: write it as in \"https://host.example.org\""));
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Some("has a name or password in it: take it out".into());
    }
    match scheme {
        _ if authority.is_empty() => Some(format!("{url:?} names no host")),
        "https" => None,
        "http" if is_loopback(url) => None,
        "http" => Some(format!("{url:?} is plain http, which is for loopback addresses only: write https")),
        _ => Some(format!("{url:?} is neither https nor http")),
    }
}

/// Whether a URL leads to this very machine.
pub fn is_loopback(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(six) => six.split(']').next().unwrap_or_default(),
        None => authority.rsplit_once(':').map_or(authority, |(host, _)| host),
    };
    host_is_loopback(host)
}

fn host_is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A path that looks like the secret itself is not repeated in the error.
fn pasted(key: &str, file: &Path, found: &mut Vec<String>) {
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let begins = ["EAA", "AIza", "AAAAAAAA", "ya29."].iter().any(|start| name.starts_with(start));
    if (begins && name.len() > 30) || name.len() > 100 {
        found.push(format!(
            "{key} seems to hold the secret itself: put that in a file of its own and write the file's path"
        ));
    }
}

/// Whether `inner` is `outer` or lies in it, by the paths alone and by where links lead.
fn lies_in(inner: &Path, outer: &Path) -> bool {
    let real = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| plain(path));
    plain(inner).starts_with(plain(outer)) || real(inner).starts_with(real(outer))
}

/// A path without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(out.components().next_back(), Some(Component::Normal(_))) => _ = out.pop(),
            other => out.push(other),
        }
    }
    out
}
