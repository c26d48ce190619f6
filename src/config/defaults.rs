//! What holds where a key is left out.

use super::*;

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            clauses: "policy.toml".into(),
            comment_expectations: vec!["expectations.en.txt".into()],
            approval_required: false,
            elections: None,
        }
    }
}

impl Default for Law {
    fn default() -> Law {
        Law {
            safety_basis: SafetyBasis::Off,
            basis_date: None,
            basis_reference: None,
            notice_date: None,
            recorded_by: None,
            public_categories: None,
            file: "law/california.toml".into(),
        }
    }
}

impl Default for Web {
    fn default() -> Web {
        Web { listen: SocketAddr::from(([127, 0, 0, 1], 8640)), public_url: String::new(), oidc: Oidc::default() }
    }
}

impl Default for Oidc {
    fn default() -> Oidc {
        Oidc {
            issuer: String::new(),
            client_id: String::new(),
            client_secret_file: PathBuf::new(),
            scopes: ["profile", "email"].map(str::to_owned).into(),
            group_claim: "groups".into(),
            roles: BTreeMap::new(),
        }
    }
}

impl Default for Weekly {
    fn default() -> Weekly {
        Weekly { cron: types::known("0 0 7 * * MON"), recipients: Vec::new() }
    }
}

impl Default for Alerts {
    fn default() -> Alerts {
        Alerts {
            recipients: Vec::new(),
            repeat_minutes: 20,
            escalate_after_minutes: 60,
            escalate_to: Vec::new(),
            fresh_days: 14,
        }
    }
}

impl Default for Jobs {
    fn default() -> Jobs {
        Jobs {
            harvest: types::known("0 */15 * * * *"),
            backfill: types::known("0 5 * * * *"),
            revisit: types::known("0 35 * * * *"),
            profile: types::known("0 10 4 * * *"),
            credentials: types::known("0 25 4 * * *"),
            audit: types::known("0 40 4 * * *"),
            verify: types::known("0 0 3 * * SUN"),
            alerts: types::known("0 * * * * *"),
            tickets: types::known("0 0 8 * * MON-FRI"),
        }
    }
}

impl Default for Audit {
    fn default() -> Audit {
        Audit {
            dormant_days: 180,
            overdue_days: 14,
            admins_at_least: 2,
            approved_admins: Vec::new(),
            approved_applications: Vec::new(),
            visitor_posts: None,
            profanity_filter: Vec::new(),
            age_gate: Vec::new(),
            expectations_url: None,
            site_base: None,
            site_list: None,
            page_words: Vec::new(),
            approvals: None,
            accessible_from: None,
            attest_every_days: 92,
            attest_from: None,
            look_every_days: 31,
            system_user: None,
            accepted_permissions: Vec::new(),
            settings: BTreeMap::new(),
            holidays: Vec::new(),
        }
    }
}

impl Default for Rules {
    fn default() -> Rules {
        Rules { dir: "rules".into(), roster_key_file: None }
    }
}

impl Default for Roster {
    fn default() -> Roster {
        Roster {
            first_name: "student.firstName".into(),
            last_name: "student.lastName".into(),
            nickname: None,
            release: None,
            released: ["y", "yes", "1", "true", "released"].map(str::to_owned).into(),
        }
    }
}

impl Default for MediaConfig {
    fn default() -> MediaConfig {
        let hosts =
            ["fbcdn.net", "cdninstagram.com", "twimg.com", "ytimg.com", "ggpht.com", "bsky.app", "bsky.network"];
        MediaConfig {
            fetch_from: FetchFrom::District,
            allowed_hosts: hosts.map(str::to_owned).into(),
            max_bytes: 256 * 1024 * 1024,
        }
    }
}

impl Default for PlatformConfig {
    fn default() -> PlatformConfig {
        PlatformConfig {
            enabled: true,
            api_base: String::new(),
            api_version: String::new(),
            requests_per_minute: 0,
            requests_per_day: None,
            token_file: None,
            tokens_dir: None,
            app_id: None,
            app_secret_file: None,
            acknowledged_by: None,
            acknowledged_on: None,
            plan: None,
            field_names: None,
            full_archive: None,
            api_key_file: None,
            units_per_day: None,
            directory_base: None,
        }
    }
}
