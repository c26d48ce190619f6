//! One look at a credential: what the platform says it is, and what it gives of each account when asked.

use anyhow::Result;
use jiff::Timestamp;

use super::application;
use crate::config::{Config, PlatformConfig};
use crate::db::accounts::Account;
use crate::model::{AccountStatus, Credential, Found, Given, Holder, Platform, Secret};
use crate::platform::http::Http;
use crate::platform::{self, Endpoint, Reached, Target, permissions, tokens};
use crate::text::dates;

/// What a look stands on.
#[derive(Clone, Copy)]
pub struct Desk<'d> {
    pub config: &'d Config,
    pub http: &'d Http,
    pub register: &'d [Account],
    pub now: Timestamp,
}

/// How many accounts a credential is tried on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// The first that is kept: enough to know whether it is good for anything.
    First,
    All,
}

/// What a look found.
#[derive(Debug, Default)]
pub struct Looked {
    pub credential: Credential,
    /// What is to be said of the credential itself, a line each.
    pub say: Vec<String>,
    /// It is good, and every account that it was tried on can be read.
    pub reads: bool,
}

impl Desk<'_> {
    /// Looks at the platform's credential (an empty slug) or at one account's own. Errors are of the config alone.
    pub async fn look(&self, platform: Platform, slug: &str, token: Option<Secret>, depth: Depth) -> Result<Looked> {
        let target = Target::unnamed(self.config, platform, token)?;
        let endpoint = Endpoint::of(self.config, platform);
        let mut looked = Looked { credential: self.ask(&target, &endpoint).await?, ..Looked::default() };
        looked.say = self.words(platform, &looked.credential);
        if looked.credential.trouble.is_some() {
            return Ok(looked);
        }
        let reached = match tokens::are_looked_into(platform) {
            false => None,
            true => match platform::discover(self.http, &target, &endpoint).await {
                Ok(reached) => Some(reached),
                Err(failure) => {
                    looked.say.push(failure.error.to_string());
                    return Ok(looked);
                }
            },
        };
        if let Some(reached) = &reached {
            looked.say.push(format!("{} token: it reaches {}", platform.title(), names(reached)));
        }
        looked.credential.accounts = self.try_all(&target, &endpoint, slug, reached, depth, &looked.credential).await;
        looked.reads = looked.credential.accounts.iter().all(|given| given.reads);
        Ok(looked)
    }

    /// What the platform says of the credential, where it says anything. That it cannot be asked is said and is no trouble with it.
    async fn ask(&self, target: &Target, endpoint: &Endpoint) -> Result<Credential> {
        if target.token.is_none() {
            return Ok(Credential::default());
        }
        if !tokens::are_looked_into(target.platform) {
            return Ok(Credential { holder: Some(Holder::Application), ..Credential::default() });
        }
        let application = application(self.config, target.platform)?;
        let asked = tokens::look_into(self.http, target, application.as_ref(), endpoint).await;
        Ok(asked.unwrap_or_else(|error| Credential { not_told: Some(error.to_string()), ..Credential::default() }))
    }

    /// What is to be said of a credential before it is tried.
    fn words(&self, platform: Platform, credential: &Credential) -> Vec<String> {
        let who = format!("{} token", platform.title());
        if let Some(trouble) = &credential.trouble {
            return vec![trouble.clone()];
        }
        let mut say = Vec::new();
        if credential.holder.is_some() && tokens::are_looked_into(platform) {
            say.push(format!("{who}: {}, {}", credential.title(), self.end(credential)));
        }
        say.extend(credential.not_told.clone());
        let Some(scopes) = &credential.scopes else { return say };
        for needed in permissions::for_reading(platform) {
            if !scopes.iter().any(|scope| scope == needed.scope) {
                say.push(format!(
                    "{who}: {} is missing, without which it does not read {}",
                    needed.scope, needed.reads
                ));
            }
        }
        let accepted = &self.config.audit.accepted_permissions;
        for scope in scopes.iter().filter(|scope| permissions::could_write(scope) && !accepted.contains(scope)) {
            say.push(format!(
                "{who}: {scope} could change something and is not needed for reading: make the token without it, or list it in [audit] accepted_permissions"
            ));
        }
        say
    }

    fn end(&self, credential: &Credential) -> String {
        let day = |at| dates::day(at, self.now, &self.config.time_zone);
        match (credential.expires_at, credential.data_access_expires_at) {
            (Some(ends), Some(data)) if data < ends => {
                format!("ends on {}, and from {} on gives no data unless it is granted anew", day(ends), day(data))
            }
            (Some(ends), _) => format!("ends on {}", day(ends)),
            (None, Some(data)) => {
                format!("does not end, and from {} on gives no data unless it is granted anew", day(data))
            }
            (None, None) if credential.is_lasting => "does not end".to_owned(),
            (None, None) => "its end is not told".to_owned(),
        }
    }

    async fn try_all(
        &self,
        target: &Target,
        endpoint: &Endpoint,
        slug: &str,
        reached: Option<Vec<Reached>>,
        depth: Depth,
        credential: &Credential,
    ) -> Vec<Given> {
        let mut accounts = self.accounts(target.platform, slug, depth);
        // A page's own token is for that page: that it does not reach the others is no fault.
        if let (Some(Holder::Page), Some(reached)) = (credential.holder, &reached) {
            accounts.retain(|account| !slug.is_empty() || reached.iter().any(|page| is(page, account)));
        }
        let mut tried = Vec::new();
        if accounts.is_empty()
            && let Some(page) = reached.iter().flatten().next()
        {
            tried.push(self.try_one(target, endpoint, page.handle.clone(), Some(page)).await);
        }
        for account in accounts {
            let page = reached.iter().flatten().find(|page| is(page, account));
            if reached.is_some() && page.is_none() {
                let found = vec![Found::new("reach", Some(false), missing(account, credential))];
                tried.push(Given { account: account.row.slug.clone(), reads: false, found });
                continue;
            }
            let named = Target {
                native_id: account.row.native_id.clone(),
                handle: account.row.handle.clone(),
                ..target.clone()
            };
            tried.push(self.try_one(&named, endpoint, account.row.slug.clone(), page).await);
        }
        tried
    }

    async fn try_one(&self, target: &Target, endpoint: &Endpoint, account: String, page: Option<&Reached>) -> Given {
        let mut target = target.clone();
        if let Some(page) = page {
            target.native_id.clone_from(&page.native_id);
            target.handle.clone_from(&page.handle);
            target.token = page.token.clone().or(target.token);
        }
        let probed = platform::probe(self.http, &target, endpoint).await;
        Given { account, reads: probed.reads, found: probed.found }
    }

    /// The registered accounts that a credential is for.
    fn accounts(&self, platform: Platform, slug: &str, depth: Depth) -> Vec<&Account> {
        let section = self.config.platform(platform);
        let has_own = |account: &Account| {
            let file = |slug: &str| section.and_then(|section: &PlatformConfig| section.credential_file(slug));
            file(&account.row.slug) != file("")
        };
        let meant = |account: &&Account| {
            account.connector() == Some(platform)
                && match (slug, depth) {
                    ("", Depth::First) => account.status == AccountStatus::Active && !has_own(account),
                    ("", Depth::All) => account.status != AccountStatus::Retired && !has_own(account),
                    (slug, _) => account.row.slug == slug,
                }
        };
        let found = self.register.iter().filter(meant);
        if depth == Depth::First { found.take(1).collect() } else { found.collect() }
    }
}

/// Whether what is reached is this account.
pub(super) fn is(page: &Reached, account: &Account) -> bool {
    let row = &account.row;
    match row.native_id.is_empty() {
        true => page.handle.eq_ignore_ascii_case(&row.handle),
        false => page.native_id == row.native_id,
    }
}

/// Whose click is missing for an account that a token does not reach, and where.
fn missing(account: &Account, credential: &Credential) -> String {
    let row = &account.row;
    let owner = match (row.owner_name.as_str(), row.owner_email.as_str()) {
        ("", "") => "its owner, whom the register does not name,".to_owned(),
        (name, "") => format!("its owner, {name},"),
        ("", address) => format!("its owner ({address})"),
        (name, address) => format!("its owner, {name} ({address}),"),
    };
    let by = if credential.granted_by.is_empty() { "the person behind the token" } else { &credential.granted_by };
    let page = if account.connector() == Some(Platform::Instagram) {
        "the page that it is linked to (it must be a professional account, linked under Page settings › Linked accounts)"
    } else {
        "it"
    };
    let left_out = credential.limited.values().any(|pages| !pages.contains(&row.native_id));
    let what = match credential.holder {
        Some(Holder::SystemUser) => format!(
            "whoever runs the portfolio assigns {page} to the system user (Business settings › Users › System users › {by} › Assign assets › Pages); \
             where it is not listed there, Business settings › Accounts › Pages › Add › Request access, and {owner} accepts the request (Page settings › Page access)"
        ),
        Some(Holder::Person) if left_out => format!(
            "{by} left {page} out when granting access: grant it again (Facebook › Settings › Business integrations › View and edit) and tick it"
        ),
        Some(Holder::Page) => "the token is of another page".to_owned(),
        _ => format!("{owner} gives {by} a role on {page} (Page settings › Page access › Add new)"),
    };
    format!("{}: the token does not reach it; {what}", account.title())
}

fn names(reached: &[Reached]) -> String {
    let names: Vec<&str> = reached.iter().map(|page| page.name.as_str()).collect();
    match names.len() {
        0 => "no page: share the pages with it, and give it its permissions".into(),
        count => format!("{count}: {}", names.join(", ")),
    }
}
