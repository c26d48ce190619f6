use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::*;
use crate::model::Platform;

const SHIPPED: &str = include_str!("../../config/pagekeeper.toml");
const SOURCE: &str = include_str!("../config.rs");

/// The least a config says, and `more`.
fn with(more: &str) -> Result<Config, Problems> {
    let text = format!("data_dir = \"/srv/archive\"\n[district]\nname = \"Mesa Vista USD\"\n{more}");
    Config::parse(&text, Path::new("/etc/pagekeeper"))
}

fn refusal(more: &str) -> String {
    with(more).expect_err("this config is to be refused").to_string()
}

/// The struct behind a section's header.
fn struct_of(section: &str) -> &'static str {
    match section {
        "" => "Config",
        "district" => "District",
        "policy" => "Policy",
        "law" => "Law",
        "concerns" => "Concerns",
        "ledger" => "Ledger",
        "web" => "Web",
        "web.oidc" => "Oidc",
        "mail" => "Mail",
        "weekly" => "Weekly",
        "alerts" => "Alerts",
        "jobs" => "Jobs",
        "audit" => "Audit",
        "rules" => "Rules",
        "roster" => "Roster",
        "media" => "MediaConfig",
        platform if platform.starts_with("platform.") => "PlatformConfig",
        other => panic!("no struct for [{other}]"),
    }
}

/// (struct, field) to doc comment; the struct's own comment under an empty field.
fn docs() -> BTreeMap<(String, String), String> {
    let (mut found, mut current, mut doc) = (BTreeMap::new(), String::new(), Vec::new());
    for line in SOURCE.lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("///") {
            doc.push(text.trim());
        } else if let Some(rest) = line.strip_prefix("pub struct ") {
            current = rest.trim_end_matches(" {").to_owned();
            found.insert((current.clone(), String::new()), std::mem::take(&mut doc).join(" "));
        } else if line == "}" {
            current.clear();
        } else if !line.starts_with("#[") {
            let field = line.strip_prefix("pub ").and_then(|rest| rest.split_once(": "));
            if let (Some((field, _)), false) = (field, current.is_empty()) {
                found.insert((current.clone(), field.to_owned()), doc.join(" "));
            }
            doc.clear();
        }
    }
    found
}

/// (section, key) to the comment above it in the shipped file; a section's own comment under an empty key.
fn comments() -> Vec<((String, String), String)> {
    let (mut found, mut section, mut comment) = (Vec::new(), String::new(), Vec::new());
    for line in SHIPPED.lines() {
        if let Some(text) = line.strip_prefix("# ") {
            comment.push(text.trim());
            continue;
        }
        if let Some(header) = line.strip_prefix('[') {
            section = header.trim_end_matches(']').to_owned();
            found.push(((section.clone(), String::new()), comment.join(" ")));
        } else if let Some((key, _)) = line.trim_start_matches('#').split_once(" = ") {
            found.push(((section.clone(), key.to_owned()), comment.join(" ")));
        }
        comment.clear();
    }
    found
}

#[test]
fn the_comment_in_the_shipped_file_is_the_doc_comment_on_the_field() {
    let (docs, mut told) = (docs(), BTreeSet::new());
    for ((section, key), comment) in comments() {
        let place = (struct_of(&section).to_owned(), key.clone());
        let doc = docs.get(&place).unwrap_or_else(|| panic!("[{section}] {key} is no field"));
        let again = !told.insert(place);
        if !(again && comment.is_empty()) {
            assert_eq!(&comment, doc, "[{section}] {key}");
        }
    }
    let sections = ["district", "policy", "law", "concerns", "ledger", "web", "mail", "weekly", "alerts", "jobs"];
    let more = ["web.oidc", "audit", "rules", "roster", "media", "platform.facebook"];
    for name in [""].iter().chain(&sections).chain(&more).map(|section| struct_of(section)) {
        for (place, _) in docs.range((name.to_owned(), "a".to_owned())..=(name.to_owned(), "~".to_owned())) {
            let own = ["data_dir", "time_zone"].contains(&place.1.as_str());
            let section = name == "Config" && !own || name == "Web" && place.1 == "oidc";
            assert!(section || told.contains(place), "{} {} is not in config/pagekeeper.toml", place.0, place.1);
        }
    }
}

/// The shipped file with the `#` taken away where `choose` says so.
fn uncommented(choose: impl Fn(&str) -> bool) -> String {
    let open = |line: &str| match line.strip_prefix('#') {
        Some(rest) if rest.contains(" = ") && !rest.starts_with(' ') && choose(rest) => rest.to_owned(),
        _ => line.to_owned(),
    };
    SHIPPED.lines().map(open).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_shipped_file_is_read_and_shows_the_defaults_as_they_are() {
    let base = Path::new("/etc/pagekeeper");
    let shipped = Config::parse(SHIPPED, base).unwrap();
    let spelled_out = Config::parse(&uncommented(|line| !line.ends_with("# example")), base).unwrap();
    assert_eq!(shipped.understood(), spelled_out.understood());
    Config::parse(&uncommented(|_| true), base).unwrap();
}

#[test]
fn a_provider_that_is_named_needs_all_that_it_takes() {
    let named = "[web.oidc]\nissuer = \"http://login.mesavista.example.org\"\n";
    let said = refusal(named);
    for words in ["plain http", "client_id is missing", "client_secret_file is missing", "roles is missing"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(refusal("[web.oidc]\nroles = { Staff = [\"boss\"] }\n").contains("boss"));
    assert!(with("").unwrap().web.oidc.issuer.is_empty());
}

#[test]
fn every_section_may_be_left_out_but_data_dir_and_district() {
    let config = with("").unwrap();
    assert_eq!(config.jobs.harvest.as_str(), "0 */15 * * * *");
    assert_eq!(config.rules.dir, Path::new("/etc/pagekeeper/rules"));
    assert_eq!(config.database(), Path::new("/srv/archive/pagekeeper.db"));
    assert!(config.mail.is_none());
    let none = Config::parse("data_dir = \"a\"", Path::new(".")).unwrap_err().to_string();
    assert!(none.contains("\"district\" is missing"), "{none}");
}

#[test]
fn what_was_understood_can_be_read_again_and_says_the_same() {
    let config = Config::parse(&uncommented(|_| true), Path::new("/etc/pagekeeper")).unwrap();
    let again = Config::parse(&config.understood(), Path::new("/elsewhere")).unwrap();
    assert_eq!(config.understood(), again.understood());
}

#[test]
fn an_unknown_key_is_refused_with_its_place_and_the_nearest_known_one() {
    let text = refusal("[jobs]\nharvset = \"0 0 * * * *\"\n");
    assert_eq!(text, "line 5, in [jobs]: there is no key \"harvset\" here: did you mean \"harvest\"?");
    let text = refusal("[weekley]\n");
    assert!(text.contains("line 4: there is no key \"weekley\" here: did you mean \"weekly\"?"), "{text}");
    let text = refusal("[platform.facebok]\n");
    assert!(text.contains("did you mean \"facebook\"?"), "{text}");
    let text = refusal("[mail]\nfrom = \"a@b.example\"\ntransport = \"flie\"\n");
    assert!(text.contains("\"flie\" is not a choice here: did you mean \"file\"?"), "{text}");
    let text = refusal("[alerts]\nrecipients = [{ address = \"a@b.example\", categories = [\"self_harn\"] }]\n");
    assert!(text.contains("category \"self_harn\" is not known: did you mean \"self_harm\"?"), "{text}");
}

#[test]
fn a_time_zone_that_is_not_known_is_refused() {
    let text = Config::parse("data_dir = \"a\"\ntime_zone = \"Pacific\"\n[district]\nname = \"x\"", Path::new("."));
    let text = text.unwrap_err().to_string();
    assert!(text.contains("line 2: time zone \"Pacific\" is not known: write a name such as"), "{text}");
}

#[test]
fn cron_expressions_have_six_fields_and_weekdays_by_name() {
    assert!(refusal("[weekly]\ncron = \"0 7 * * MON\"\n").contains("has 5 fields: write six"));
    assert!(refusal("[weekly]\ncron = \"0 0 7 * * 1\"\n").contains("weekday as a number"));
    assert!(refusal("[weekly]\ncron = \"0 0 7 * * MON 2027\"\n").contains("has 7 fields"));
    assert!(refusal("[weekly]\ncron = \"0 0 25 * * MON\"\n").contains("cannot be read"));
    assert!(refusal("[weekly]\ncron = \"\"\n").contains("write six fields"));
    assert_eq!(with("[weekly]\ncron = \"0 30 6 * * MON-FRI\"\n").unwrap().weekly.cron.as_str(), "0 30 6 * * MON-FRI");
}

#[test]
fn checkpoints_inside_the_data_directory_are_refused() {
    for dir in ["/srv/archive/checkpoints", "/srv/archive", "../../srv/x/../archive/c"] {
        let text = refusal(&format!("[ledger]\ncheckpoint_dir = \"{dir}\"\n"));
        assert!(text.contains("lies in data_dir"), "{dir}: {text}");
    }
    with("[ledger]\ncheckpoint_dir = \"/srv/archive-checkpoints\"\n").unwrap();
}

#[test]
fn a_roster_s_key_beside_its_hashes_is_refused() {
    let text = refusal("[rules]\nroster_key_file = \"/srv/archive/secrets/roster\"\n");
    assert!(text.contains("[rules] roster_key_file /srv/archive/secrets/roster lies in data_dir"), "{text}");
    with("[rules]\nroster_key_file = \"/etc/pagekeeper/roster/key\"\n").unwrap();
}

#[test]
fn plain_http_is_for_loopback_only() {
    for good in ["http://127.0.0.1:4000", "http://localhost:1/", "http://[::1]:80", "https://api.example.org"] {
        with(&format!("[platform.facebook]\napi_base = \"{good}\"\n")).unwrap();
    }
    for bad in ["http://10.0.0.1", "http://127.0.0.1.example.org", "http://localhost@evil.example", "ftp://x", "x"] {
        let text = refusal(&format!("[platform.facebook]\napi_base = \"{bad}\"\n"));
        assert!(text.contains("[platform.facebook] api_base"), "{bad}: {text}");
    }
    assert!(refusal("[web]\npublic_url = \"http://pages.example.org\"\n").contains("[web] public_url"));
    assert!(refusal("[platform.bluesky]\ndirectory_base = \"http://plc.example\"\n").contains("directory_base"));
}

#[test]
fn a_basis_for_rules_on_public_comments_needs_its_record() {
    let text = refusal("[law]\nsafety_basis = \"adopted\"\nbasis_date = 2026-09-08\n");
    assert!(text.contains("needs basis_reference, notice_date, recorded_by too"), "{text}");
    let record =
        "basis_date = 2026-09-08\nbasis_reference = \"7.2\"\nnotice_date = \"2026-08-10\"\nrecorded_by = \"D\"\n";
    let adopted = with(&format!("[law]\nsafety_basis = \"adopted\"\n{record}")).unwrap().law;
    assert_eq!(adopted.basis_date.unwrap().to_string(), "2026-09-08");
    let runs = |law: &Law| Category::ALL.iter().filter(|category| law.runs_on_public(**category)).count();
    assert_eq!(runs(&adopted), 11, "four concerns, harassment, hate, four of privacy, phishing");
    assert_eq!(runs(&with("").unwrap().law), 0);
    let counsel = with(&format!("[law]\nsafety_basis = \"counsel\"\n{record}")).unwrap().law;
    assert_eq!(runs(&counsel), Category::ALL.len());
    let listed = format!("[law]\nsafety_basis = \"counsel\"\npublic_categories = [\"pii_*\", \"obscenity\"]\n{record}");
    assert_eq!(runs(&with(&listed).unwrap().law), 5);
}

#[test]
fn x_stays_off_until_its_terms_are_acknowledged() {
    let off = with("[platform.x]\nacknowledged_by = \"Dana Whitfield\"\n").unwrap();
    assert!(off.platform(Platform::X).is_none());
    assert!(off.why_off("x").unwrap().contains("acknowledged_on"));
    let three = "acknowledged_by = \"D\"\nacknowledged_on = 2026-11-02\nplan = \"Enterprise\"\n";
    let on = with(&format!("[platform.x]\n{three}")).unwrap();
    assert_eq!(on.platform(Platform::X).unwrap().field_names, Some(FieldNames::Tweet));
    assert!(on.why_off("facebook").unwrap().contains("no [platform.facebook]"));
    assert!(on.why_off("tiktok").unwrap().contains("no connector"));
    let misplaced = refusal(&format!("[platform.youtube]\n{three}"));
    assert!(misplaced.contains("[platform.youtube] plan belongs to [platform.x]"), "{misplaced}");
}

#[test]
fn mail_says_what_it_lacks() {
    let text = refusal("[mail]\nusername = \"u\"\n");
    for needed in ["from is missing", "host is missing", "password_file is missing"] {
        assert!(text.contains(needed), "{needed}: {text}");
    }
    let text = refusal("[mail]\nfrom = \"a@b.example\"\nhost = \"mail.example.org\"\ntls = \"none\"\n");
    assert!(text.contains("tls = \"none\" is for a server on this machine only"), "{text}");
    let mail = with("[mail]\nfrom = \"a@b.example\"\nhost = \"mail.example.org\"\ntls = \"starttls\"\n").unwrap().mail;
    assert_eq!(mail.unwrap().port, 587);
    assert!(
        refusal("[weekly]\nrecipients = [{ address = \"nobody\" }]\n").contains("[weekly] recipients has \"nobody\"")
    );
}

#[test]
fn no_error_repeats_a_secret_that_was_pasted_into_the_file() {
    let secret = "EAAcanaryCANARYcanaryCANARYcanaryCANARYcanary";
    for more in [
        format!("[platform.facebook]\ntoken_file = \"{secret}\"\n"),
        format!("[platform.facebook]\ntoken = \"{secret}\"\n"),
        format!("[platform.facebook]\ntoken_file = {secret}\n"),
        format!("[platform.facebook]\napi_base = \"https://u:{secret}@graph.example\"\n"),
        format!("[mail]\npassword = \"{secret}\"\n"),
    ] {
        let text = refusal(&more);
        assert!(!text.contains("canary"), "{text}");
    }
}

#[test]
fn the_account_s_own_credential_wins_and_what_was_renewed_wins_while_younger() {
    let dir = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str, age: u64| {
        let file = dir.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, text).unwrap();
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(2_000_000_000 - age);
        std::fs::File::options().write(true).open(&file).unwrap().set_modified(at).unwrap();
    };
    let text = "data_dir = \"data\"\n[district]\nname = \"x\"\n[platform.facebook]\ntoken_file = \"all\"\ntokens_dir = \"own\"\n";
    let config = Config::parse(text, dir.path()).unwrap();
    let read = |slug: &str| config.credential(Platform::Facebook, slug).map(|s| s.map(|s| s.reveal().to_owned()));
    assert!(read("high").is_err(), "a configured file that is not there is an error");
    put("all", "platform\n", 100);
    assert_eq!(read("high").unwrap().unwrap(), "platform");
    put("own/high", "own", 90);
    assert_eq!(read("high").unwrap().unwrap(), "own");
    put("data/secrets/facebook/high.token", "renewed", 50);
    assert_eq!(read("high").unwrap().unwrap(), "renewed");
    put("own/high", "pasted anew", 10);
    assert_eq!(read("high").unwrap().unwrap(), "pasted anew");
    put("own/high", " \n", 5);
    assert!(format!("{:#}", read("high").unwrap_err()).contains("is empty: put the secret in it"));
    assert_eq!(config.credential(Platform::Bluesky, "high").unwrap(), None);
}

#[test]
fn media_hosts_stand_for_their_subdomains_and_for_nothing_else() {
    let media = MediaConfig::default();
    assert!(media.allows("scontent.xx.fbcdn.net") && media.allows("FBCDN.net"));
    assert!(!media.allows("evilfbcdn.net") && !media.allows("fbcdn.net.evil.example"));
}

#[test]
fn the_law_file_says_what_each_kind_of_concern_asks() {
    let law = LawFacts::parse(include_str!("../../config/law/california.toml")).unwrap();
    for category in Category::ALL.iter().filter(|category| category.is_concern()) {
        let duty = law.duty(*category).unwrap();
        assert_eq!(duty.words, category.words());
        assert!(!duty.cite.is_empty() && ["verified", "partly", "unverified"].contains(&duty.status.as_str()));
    }
    assert_eq!(law.duty(Category::ThreatViolence).unwrap().written_report_hours, None);
    assert_eq!(law.duty(Category::ChildAbuseDisclosure).unwrap().written_report_hours, Some(36));
    let config = Config::parse(&uncommented(|_| true), Path::new("/etc/pagekeeper")).unwrap();
    let numbers = law.duty(Category::SelfHarm).unwrap().numbers(&config.concerns);
    assert_eq!(numbers[0].1, "760-555-0152");
    assert_eq!(numbers[1].1, "988");
}

#[test]
fn the_example_expectations_say_what_a_page_s_expectations_must() {
    let text = include_str!("../../config/expectations.en.txt");
    for words in ["INVENTED EXAMPLE", "911", "988", "not watched around the clock"] {
        assert!(text.contains(words), "{words}");
    }
}
