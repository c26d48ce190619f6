//! Signing in by the district's identity provider. What has to be remembered between the two visits lies sealed in a cookie of ten
//! minutes: nothing is kept here of sign-ins that strangers begin and nobody ends.

use anyhow::{Context as _, Result};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::super::{Error, Site, see};
use super::sign_in::After;
use super::{Client, cookie, digest, enter, home, local, stored_name};
use crate::db::Tx;
use crate::db::users::{self, Standing, User};
use crate::model::Timestamp;
use crate::model::people::{Rights, Role};
use crate::platform::oidc::Identity;

/// How long a person may take at the provider.
const PATIENCE: SignedDuration = SignedDuration::from_mins(10);

/// What a sealed cookie is sealed for.
const PURPOSE: &str = "oidc";

/// What has to be remembered until the browser comes back.
#[derive(Serialize, Deserialize)]
struct Waiting {
    state: String,
    nonce: String,
    verifier: String,
    next: String,
    begun_at: Timestamp,
}

/// Sends the browser to the provider.
pub async fn begin(State(site): State<Site>, Query(query): Query<After>) -> Result<Response, Error> {
    let provider = site.sign_in().provider.as_ref().ok_or(Error::NotFound)?;
    let begun = provider.begin().await.map_err(unavailable)?;
    let waiting = Waiting {
        state: begun.state,
        nonce: begun.nonce,
        verifier: begun.verifier,
        next: local(&query.next).to_owned(),
        begun_at: site.clock().now(),
    };
    let text = serde_json::to_vec(&waiting).context("what is remembered of a sign-in")?;
    let sealed = hex::encode(site.sign_in().vault.seal(PURPOSE, &text)?);
    let (name, secure) = cookie_name(&site);
    let set = format!("{name}={sealed}; Path=/; HttpOnly; SameSite=Lax; Max-Age={}{secure}", PATIENCE.as_secs());
    Ok(([(header::SET_COOKIE, set)], see(&begun.url)).into_response())
}

fn cookie_name(site: &Site) -> (&'static str, &'static str) {
    match site.config().web.public_url.starts_with("https://") {
        true => ("__Host-pagekeeper-oidc", "; Secure"),
        false => ("pagekeeper-oidc", ""),
    }
}

fn unavailable(error: anyhow::Error) -> Error {
    tracing::error!("a sign-in by the identity provider failed: {error:#}");
    let say = "The identity provider did not let you in. Try again; if it stays so, the log of pagekeeper says why, and IT can read it.";
    Error::Refused(StatusCode::BAD_GATEWAY, say.into())
}

/// How the browser comes back.
#[derive(Debug, Default, Deserialize)]
pub struct Back {
    #[serde(default)]
    code: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    error: String,
}

pub async fn back(
    State(site): State<Site>,
    client: Client,
    headers: HeaderMap,
    Query(back): Query<Back>,
) -> Result<Response, Error> {
    let provider = site.sign_in().provider.as_ref().ok_or(Error::NotFound)?;
    let now = site.clock().now();
    let waiting = waiting(&site, &headers, &back.state, now).ok_or_else(|| {
        let say = "This sign-in was not begun here, or more than ten minutes ago. Open pagekeeper and sign in again.";
        Error::Refused(StatusCode::FORBIDDEN, say.into())
    })?;
    if back.code.is_empty() {
        return Err(unavailable(anyhow::anyhow!("it answered {:?}", back.error.chars().take(60).collect::<String>())));
    }
    let identity = provider.finish(back.code, waiting.verifier, waiting.nonce, now).await.map_err(unavailable)?;
    let roles = roles(&site, &identity);
    let issuer = provider.issuer().to_owned();
    let entered = site.db().writer.write_async(move |tx| {
        let Some(user) = known(tx, &issuer, &identity, roles, now)? else { return Ok(None) };
        let rights = Rights::of(&user.standing.roles, user.standing.concerns);
        let may = user.disabled_at.is_none() && !user.standing.roles.is_empty();
        may.then(|| Ok((enter(tx, user.id, &client, now)?, rights, user.name))).transpose()
    });
    let Some((entered, rights, name)) = entered.await? else {
        let say = "You are known, and none of your groups has a role in pagekeeper. IT gives roles: [web.oidc] roles in the config.";
        return Err(Error::Refused(StatusCode::FORBIDDEN, say.into()));
    };
    tracing::info!(user = name, "signed in by the identity provider");
    let (name, secure) = cookie_name(&site);
    let done = format!("{name}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0{secure}");
    let to = if waiting.next == "/" { home(rights).to_owned() } else { waiting.next };
    Ok((entered.cookies(&site), AppendHeaders([(header::SET_COOKIE, done)]), see(&to)).into_response())
}

/// What this browser began, where the provider's answer belongs to it.
fn waiting(site: &Site, headers: &HeaderMap, state: &str, now: Timestamp) -> Option<Waiting> {
    let sealed = hex::decode(cookie(headers, cookie_name(site).0)?).ok()?;
    let waiting: Waiting = serde_json::from_slice(&site.sign_in().vault.unseal(PURPOSE, &sealed)?).ok()?;
    let is_same = digest("state", &waiting.state) == digest("state", state);
    (is_same && now.duration_since(waiting.begun_at) < PATIENCE).then_some(waiting)
}

/// The roles that the config gives to her groups.
fn roles(site: &Site, identity: &Identity) -> Vec<Role> {
    let given = identity.groups.iter().filter_map(|group| site.config().web.oidc.roles.get(group)).flatten().copied();
    given.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
}

/// The user whom the provider vouches for, made at her first sign-in. Her roles are those of her groups today; schools and concerns are an
/// administrator's to give.
fn known(tx: &Tx<'_>, issuer: &str, identity: &Identity, roles: Vec<Role>, now: Timestamp) -> Result<Option<User>> {
    let id = match users::by_subject(tx, issuer, &identity.subject)? {
        Some(user) => {
            users::change(tx, user.id, &Standing { roles, ..user.standing }, issuer, now)?;
            user.id
        }
        None if roles.is_empty() => return Ok(None),
        None => {
            let name = identity.name.as_deref().and_then(stored_name).unwrap_or_else(|| "user".to_owned());
            let shown = identity.display_name.clone().unwrap_or_else(|| name.clone());
            let display_name = shown.chars().filter(|c| !c.is_control()).take(80).collect();
            let standing = Standing { display_name, roles, ..Standing::default() };
            users::add_from(tx, (issuer, &identity.subject), &name, &standing, now)?
        }
    };
    users::by_id(tx, id)
}
