//! What Meta's tokens were granted, and the calls about tokens themselves: `debug_token`, the exchange, the refresh.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::district::{APP_ID, APP_SECRET};
use super::graph::Fault;
use super::ids;
use super::server::Ask;
use super::world::{Owner, State, Token, World};
use crate::model::{Platform, Timestamp};

/// What was granted with a token. The default is the system user's: everything that reading needs, on every page, without end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grant {
    pub issued_at: Option<Timestamp>,
    pub expires_at: Option<Timestamp>,
    pub data_access_expires_at: Option<Timestamp>,
    /// These permissions alone.
    pub scopes: Option<Vec<String>>,
    /// These pages alone, by native id.
    pub pages: Option<Vec<String>>,
    /// It is of another application than the district's.
    pub is_foreign: bool,
    /// The token that a page's own was derived from, where it was made for that.
    pub from: Option<String>,
}

impl Grant {
    pub fn may(&self, scope: &str) -> bool {
        self.scopes.as_ref().is_none_or(|scopes| scopes.iter().any(|one| one == scope))
    }

    pub fn has(&self, page: &str) -> bool {
        self.pages.as_ref().is_none_or(|pages| pages.iter().any(|one| one == page))
    }

    /// Whether it is the one that the district began with.
    pub(super) fn is_first(&self) -> bool {
        *self == Grant::default()
    }
}

/// What everybody is granted who is granted everything.
const SCOPES: [&str; 6] = [
    "pages_show_list",
    "pages_read_engagement",
    "pages_read_user_content",
    "business_management",
    "instagram_basic",
    "instagram_manage_comments",
];

const SIXTY_DAYS: i64 = 5_184_000;

impl World {
    /// A new token of Meta's for somebody, with what was granted.
    pub fn grant(&self, owner: Owner, grant: Grant) -> String {
        self.lock().grant("EAAGm", owner, grant)
    }

    /// A new token of *Instagram Login*, which is another kind.
    pub fn grant_login(&self, grant: Grant) -> String {
        self.lock().grant("IGAA", Owner::User, grant)
    }
}

impl State {
    fn grant(&mut self, prefix: &str, owner: Owner, grant: Grant) -> String {
        let token = ids::token(prefix, &format!("granted {} at {}", self.tokens.len(), self.now));
        let grant = Grant { issued_at: grant.issued_at.or(Some(self.now)), ..grant };
        // A page's own token may do what the one may that it is derived from.
        if grant.scopes.is_some() && owner.is_somebody() {
            let pages = self.accounts.iter().filter(|account| account.platform == Platform::Facebook);
            let pages: Vec<String> = pages.map(|page| page.id.clone()).filter(|page| grant.has(page)).collect();
            for page in pages {
                let derived = ids::token(prefix, &format!("{token} on {page}"));
                let own = Grant { from: Some(token.clone()), expires_at: None, ..grant.clone() };
                self.tokens.insert(derived, Token { owner: Owner::Page(page), dead: None, moderate: true, grant: own });
            }
        }
        self.tokens.insert(token.clone(), Token { owner, dead: None, moderate: true, grant });
        token
    }

    /// A page's own token as somebody's token gives it.
    pub(super) fn page_token_from(&self, page: &str, token: &str) -> Option<String> {
        let of_page =
            |one: &Token| one.owner == Owner::Page(page.to_owned()) && one.grant.from.as_deref() == Some(token);
        let derived = self.tokens.iter().find(|(_, one)| of_page(one)).map(|(value, _)| value.clone());
        derived.or_else(|| self.page_token(page))
    }
}

impl Token {
    /// Meta's subcode of error 190 where it is no good (any more).
    pub(super) fn death(&self, now: Timestamp) -> Option<u16> {
        self.dead.or_else(|| self.grant.expires_at.filter(|ends| *ends <= now).map(|_| 463))
    }
}

/// A token for one that lasts, or an application's own. Parameters may come in the address or, as is better, in a body.
pub(super) fn exchange(state: &mut State, ask: &Ask) -> Result<Value, Fault> {
    if ask.param("client_id") != Some(APP_ID) || ask.param("client_secret") != Some(APP_SECRET) {
        return Err(Fault::new(400, 101, "Error validating client secret."));
    }
    match ask.param("grant_type") {
        Some("client_credentials") => {
            Ok(json!({ "access_token": format!("{APP_ID}|{APP_SECRET}"), "token_type": "bearer" }))
        }
        Some("fb_exchange_token") => {
            let token = ask.param("fb_exchange_token").unwrap_or_default();
            let Some(entry) = state.tokens.get(token).cloned() else {
                return Err(Fault::new(400, 190, "Invalid OAuth access token - Cannot parse access token"));
            };
            if let Some(subcode) = entry.death(state.now) {
                return Err(Fault::dead(subcode));
            }
            if entry.grant.is_foreign {
                return Err(Fault::new(
                    400,
                    190,
                    "Error validating access token: the token belongs to another application",
                ));
            }
            match entry.owner {
                // A system user's without end stays what it is.
                Owner::SystemUser if entry.grant.expires_at.is_none() => {
                    Ok(json!({ "access_token": token, "token_type": "bearer" }))
                }
                Owner::SystemUser if ask.param("set_token_expires_in_60_days") != Some("true") => {
                    Ok(json!({ "access_token": token, "token_type": "bearer" }))
                }
                Owner::SystemUser | Owner::User => Ok(longer(state, "EAAGm", &entry)),
                _ => Err(Fault::new(400, 100, "(#100) The token cannot be exchanged")),
            }
        }
        _ => Err(Fault::new(400, 1, "Invalid grant_type")),
    }
}

/// Sixty days from now. How long data may be read hangs on the person and does not change.
fn longer(state: &mut State, prefix: &str, entry: &Token) -> Value {
    let expires_at = Some(state.now + SignedDuration::from_secs(SIXTY_DAYS));
    let grant = Grant { expires_at, issued_at: Some(state.now), ..entry.grant.clone() };
    let token = state.grant(prefix, entry.owner.clone(), grant);
    json!({ "access_token": token, "token_type": "bearer", "expires_in": SIXTY_DAYS })
}

/// Instagram Login: from the token's second day on.
pub(super) fn refresh(state: &mut State, ask: &Ask) -> Result<Value, Fault> {
    let token = ask.bearer().or_else(|| ask.param("access_token")).unwrap_or_default();
    let entry = state.tokens.get(token).filter(|_| token.starts_with("IG")).cloned();
    let Some(entry) = entry else {
        return Err(Fault::new(400, 190, "Invalid OAuth access token - Cannot parse access token"));
    };
    if ask.param("grant_type") != Some("ig_refresh_token") {
        return Err(Fault::new(400, 100, "Invalid grant_type"));
    }
    if let Some(subcode) = entry.death(state.now) {
        return Err(Fault::dead(subcode));
    }
    let age = entry.grant.issued_at.map(|at| state.now.duration_since(at));
    if age.is_some_and(|age| age < SignedDuration::from_hours(24)) {
        return Err(Fault::new(400, 100, "The token is too young to be refreshed"));
    }
    let mut answer = longer(state, "IGAA", &entry);
    answer["permissions"] = json!("instagram_business_basic,instagram_business_manage_comments");
    Ok(answer)
}

/// Tokens are looked into with the application's own token, or by themselves.
pub(super) fn debugger(state: &State, ask: &Ask) -> Result<(), Fault> {
    let with = ask.bearer().or_else(|| ask.param("access_token")).unwrap_or_default();
    if with.contains('|') && with != format!("{APP_ID}|{APP_SECRET}") {
        return Err(Fault::new(400, 190, "Invalid OAuth access token signature."));
    }
    if with.contains('|') {
        return Ok(());
    }
    match state.tokens.get(with) {
        None => Err(Fault::new(400, 190, "Invalid OAuth access token.")),
        Some(token) => token.death(state.now).map_or(Ok(()), |subcode| Err(Fault::dead(subcode))),
    }
}

/// What `debug_token` says about a token.
pub(super) fn debug(state: &State, token: &str) -> Value {
    let Some(entry) = state.tokens.get(token).filter(|_| !token.starts_with("IG")) else {
        return json!({ "data": { "error": { "code": 190, "message": "Invalid OAuth access token." }, "is_valid": false, "scopes": [] } });
    };
    if entry.grant.is_foreign {
        let message = "The App_id in the input_token did not match the Viewing App";
        return json!({ "data": { "error": { "code": 100, "message": message }, "is_valid": false, "scopes": [] } });
    }
    let (grant, death) = (&entry.grant, entry.death(state.now));
    let seconds = |at: Option<Timestamp>| at.map_or(0, Timestamp::as_second);
    let scopes: Vec<&str> = match &grant.scopes {
        Some(scopes) => scopes.iter().map(String::as_str).collect(),
        None => SCOPES.to_vec(),
    };
    let granular = scopes.iter().map(|scope| match &grant.pages {
        Some(pages) if scope.starts_with("pages_") => json!({ "scope": scope, "target_ids": pages }),
        _ => json!({ "scope": scope }),
    });
    let issued = grant.issued_at.unwrap_or(state.now - SignedDuration::from_hours(24 * 40));
    let mut data = json!({
        "app_id": APP_ID, "type": kind(&entry.owner), "application": "Mesa Vista Archive", "is_valid": death.is_none(),
        "data_access_expires_at": seconds(grant.data_access_expires_at), "expires_at": seconds(grant.expires_at),
        "issued_at": issued.as_second(), "granular_scopes": granular.collect::<Vec<_>>(), "scopes": scopes,
        "user_id": "122100000000000010",
    });
    if let Owner::Page(page) = &entry.owner {
        data["profile_id"] = json!(page);
    }
    if let Some(subcode) = death {
        let message = Fault::dead(subcode).message;
        data["error"] = json!({ "code": 190, "message": message, "subcode": subcode });
    }
    json!({ "data": data })
}

fn kind(owner: &Owner) -> &'static str {
    match owner {
        Owner::Page(_) => "PAGE",
        Owner::User => "USER",
        Owner::SystemUser => "SYSTEM_USER",
        Owner::App(_) => "APP",
    }
}
