//! What Meta's tokens are, and how they are made to last. Each exchange here carries or returns a secret: none is captured, and
//! what the platform allows in a header or a body is in no address.

use serde::Deserialize;
use serde_json::Value;

use super::graph::{self, Refusal};
use super::http::{Auth, Call, Http};
use super::json::{Id, Text};
use super::{Endpoint, Error, Target};
use crate::model::{Credential, Holder, Platform, Secret, Timestamp};

/// The district's own application with Meta.
#[derive(Debug, Clone)]
pub struct Application {
    pub id: String,
    pub secret: Secret,
}

/// A credential that lasts longer than the one before.
#[derive(Debug, Clone)]
pub struct Renewed {
    pub token: Secret,
    pub expires_at: Option<Timestamp>,
}

/// Tokens of *Instagram API with Instagram Login* are of their own kind: no application looks into them, and they prolong themselves.
pub fn is_instagram_login(token: &Secret) -> bool {
    token.reveal().starts_with("IG")
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Looked {
    data: Data,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Data {
    app_id: Value,
    #[serde(rename = "type")]
    kind: String,
    application: String,
    expires_at: i64,
    data_access_expires_at: i64,
    is_valid: bool,
    scopes: Vec<String>,
    granular_scopes: Vec<Granular>,
    profile_id: Value,
    error: Option<Dead>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Granular {
    scope: String,
    target_ids: Option<Vec<Value>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Dead {
    code: i64,
    subcode: i64,
}

/// What the platform says of a token: whose it is, what it may do, until when. One that is dead is an answer too.
pub async fn look_into(
    http: &Http,
    target: &Target,
    application: Option<&Application>,
    endpoint: &Endpoint,
) -> Result<Credential, Error> {
    let who = format!("{} token", target.platform.title());
    let Some(token) = target.token.clone() else {
        return Err(Error::Unauthorized { say: format!("{who}: there is none") });
    };
    if is_instagram_login(&token) {
        return Ok(Credential { holder: Some(Holder::Person), ..Credential::default() });
    }
    let with = application.map_or_else(|| token.clone(), own_token);
    let call = call(endpoint, target, "debug_token", &format!("{who}: what it may do"))?
        .auth(Auth::Bearer(with))
        .proof(Some(("input_token", token)));
    let exchange = graph::send(http, &call).await.map_err(|failure| failure.error)?;
    if let Some(refusal) = graph::refusal(&exchange) {
        let error = graph::error(&refusal, &who);
        // Asked about itself, a dead token is refused as any call of its would be.
        if application.is_none() && refusal.code() == 190 {
            return Ok(Credential { trouble: Some(error.to_string()), ..Credential::default() });
        }
        return Err(refused(&refusal, error, application.is_some(), &who));
    }
    let looked: Looked = serde_json::from_slice(&exchange.body)
        .map_err(|_unreadable| Error::Unexpected { say: format!("{who}: what Meta says of it makes no sense") })?;
    let mut credential = credential(looked.data, &who);
    if credential.trouble.is_none() {
        credential.granted_by = name(http, target, endpoint).await.unwrap_or_default();
    }
    Ok(credential)
}

fn refused(refusal: &Refusal<'_>, error: Error, has_application: bool, who: &str) -> Error {
    match (refusal.code(), has_application) {
        (101 | 190, true) => Error::Unauthorized {
            say: format!(
                "{who}: Meta does not accept the application; compare app_id and app_secret_file with App settings › Basic"
            ),
        },
        (_, true) => error,
        (_, false) => Error::Unauthorized {
            say: format!(
                "{who}: cannot be looked into without the application; state app_id and app_secret_file in the config"
            ),
        },
    }
}

fn own_token(application: &Application) -> Secret {
    Secret::new(format!("{}|{}", application.id, application.secret.reveal()))
}

fn call(endpoint: &Endpoint, target: &Target, path: &str, what: &str) -> Result<Call, Error> {
    let segments: Vec<&str> = [endpoint.api_version.as_str()].into_iter().chain(path.split('/')).collect();
    let call = Call::get(&endpoint.api_base, &segments, what)?;
    Ok(call.meter(format!("{}:app", target.platform.as_str())).judge(graph::judge).secret())
}

fn credential(data: Data, who: &str) -> Credential {
    let at = |seconds: i64| (seconds > 0).then(|| Timestamp::from_second(seconds).ok()).flatten();
    let limited = data
        .granular_scopes
        .into_iter()
        .filter_map(|granular| Some((granular.scope, granular.target_ids?.iter().map(word).collect())));
    let trouble = (!data.is_valid).then(|| {
        let dead = data.error.unwrap_or(Dead { code: 190, subcode: 0 });
        if dead.code == 100 {
            return format!("{who}: it is of another application than app_id names; make one with that application, or correct app_id");
        }
        let id = |number: i64| Some(Id(number.to_string().into()));
        let refusal = Refusal { code: id(dead.code), error_subcode: id(dead.subcode), ..Refusal::default() };
        graph::error(&refusal, who).to_string()
    });
    Credential {
        holder: match data.kind.as_str() {
            "SYSTEM_USER" => Some(Holder::SystemUser),
            "USER" => Some(Holder::Person),
            "PAGE" => Some(Holder::Page),
            "APP" => Some(Holder::Application),
            _ => None,
        },
        application: data.application,
        application_id: word(&data.app_id),
        page: if data.kind == "PAGE" { word(&data.profile_id) } else { String::new() },
        is_lasting: data.is_valid && data.expires_at == 0,
        expires_at: at(data.expires_at),
        data_access_expires_at: at(data.data_access_expires_at),
        scopes: Some(data.scopes),
        limited: limited.collect(),
        trouble,
        ..Credential::default()
    }
}

fn word(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// The name of whom the token speaks for; nothing hangs on it.
async fn name(http: &Http, target: &Target, endpoint: &Endpoint) -> Option<String> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Me {
        name: String,
    }
    let call = graph::call(target, endpoint, &["me"], "who its token speaks for").ok()?.query("fields", "id,name");
    let body = graph::answered(http, &call.secret()).await.ok()?;
    serde_json::from_slice::<Me>(&body).ok().map(|me| me.name)
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Granted<'a> {
    #[serde(borrow)]
    access_token: Text<'a>,
    expires_in: Option<i64>,
}

/// A token that lasts about sixty days, for a person's (of an hour or of sixty days) or a system user's that has an end.
pub async fn prolong(
    http: &Http,
    target: &Target,
    holder: Holder,
    application: &Application,
    endpoint: &Endpoint,
) -> Result<Renewed, Error> {
    let who = format!("{} token", target.platform.title());
    let Some(token) = target.token.clone() else {
        return Err(Error::Unauthorized { say: format!("{who}: there is none") });
    };
    if is_instagram_login(&token) {
        return refresh(http, token, endpoint, &who).await;
    }
    let mut form = vec![
        ("grant_type", Secret::new("fb_exchange_token")),
        ("client_id", Secret::new(application.id.as_str())),
        ("client_secret", application.secret.clone()),
        ("fb_exchange_token", token),
    ];
    if holder == Holder::SystemUser {
        form.push(("set_token_expires_in_60_days", Secret::new("true")));
    }
    let call = call(endpoint, target, "oauth/access_token", &format!("{who}: one that lasts"))?.form(form);
    granted(http, &call, &who).await
}

/// Instagram Login: good from the token's second day on, and as long as it lives.
async fn refresh(http: &Http, token: Secret, endpoint: &Endpoint, who: &str) -> Result<Renewed, Error> {
    let call = Call::get(&endpoint.api_base, &["refresh_access_token"], format!("{who}: sixty days more"))?
        .query("grant_type", "ig_refresh_token")
        .proof(Some(("access_token", token)))
        .meter("instagram:app")
        .judge(graph::judge)
        .secret();
    granted(http, &call, who).await
}

async fn granted(http: &Http, call: &Call, who: &str) -> Result<Renewed, Error> {
    let exchange = graph::send(http, call).await.map_err(|failure| failure.error)?;
    if let Some(refusal) = graph::refusal(&exchange) {
        let error = graph::error(&refusal, who);
        return Err(if refusal.code() == 101 { refused(&refusal, error, true, who) } else { error });
    }
    let granted: Granted<'_> = serde_json::from_slice(&exchange.body).unwrap_or_default();
    let Some(token) = granted.access_token.as_deref().filter(|token| !token.is_empty()) else {
        return Err(Error::Unexpected { say: format!("{who}: Meta's answer has no token in it") });
    };
    let seconds = granted.expires_in.filter(|seconds| *seconds > 0);
    Ok(Renewed {
        token: Secret::new(token),
        expires_at: seconds.map(|seconds| super::http::later(exchange.at, seconds)),
    })
}

/// Whether a platform's tokens can be looked into and prolonged.
pub const fn are_looked_into(platform: Platform) -> bool {
    matches!(platform, Platform::Facebook | Platform::Instagram)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_debug_token_says_is_read() {
        let body = r#"{"data":{"app_id":"138483919580948","type":"USER","application":"Archive","expires_at":1352419328,
            "data_access_expires_at":1352419000,"is_valid":true,"scopes":["pages_show_list"],
            "granular_scopes":[{"scope":"pages_show_list","target_ids":["77",78]},{"scope":"email"}],"user_id":1207059}}"#;
        let looked: Looked = serde_json::from_str(body).unwrap();
        let credential = credential(looked.data, "t");
        assert_eq!((credential.holder, credential.trouble.as_deref()), (Some(Holder::Person), None));
        assert_eq!(credential.ends_at().map(Timestamp::as_second), Some(1_352_419_000));
        assert_eq!(
            (credential.may("pages_show_list", "78"), credential.may("pages_show_list", "79")),
            (Some(true), Some(false))
        );
        assert!(!credential.limited.contains_key("email"), "no list of targets means all");
    }

    #[test]
    fn a_dead_token_says_how_it_died() {
        let body = r#"{"data":{"app_id":1,"type":"USER","is_valid":false,"expires_at":1,"scopes":[],
            "error":{"code":190,"message":"m","subcode":460}}}"#;
        let looked: Looked = serde_json::from_str(body).unwrap();
        let trouble = credential(looked.data, "Facebook token").trouble.unwrap();
        assert!(trouble.contains("password"), "{trouble}");
    }
}
