//! The district's identity provider (OpenID Connect): code flow with PKCE, state and nonce.
//!
//! It stands here because nothing else talks with anybody outside; it has a client of its own beside [`super::http::Http`], for what is
//! exchanged carries tokens, leaves no capture, and is metered by nobody.

use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreErrorResponseType, CoreGenderClaim, CoreJsonWebKey,
    CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreProviderMetadata, CoreResponseType,
    CoreRevocableToken, CoreRevocationErrorResponse, CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AccessTokenHash, AdditionalClaims, AsyncHttpClient, AuthenticationFlow, AuthorizationCode, ClientId, ClientSecret,
    CsrfToken, EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpRequest, HttpResponse,
    IdTokenFields, IssuerUrl, Nonce, OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope,
    StandardErrorResponse, StandardTokenResponse, TokenResponse as _, UserInfoClaims,
};
use serde::{Deserialize, Serialize};

use super::guard::{self, Guard};
use super::http::{HttpSettings, Trust, client};
use crate::config::{Oidc, read_secret};
use crate::model::Timestamp;

/// The longest answer, and the longest time for it.
const MOST_BYTES: usize = 1 << 20;
const DEADLINE: Duration = Duration::from_secs(15);

/// What the provider says beside the standard claims.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct More {
    #[serde(flatten)]
    claims: serde_json::Map<String, serde_json::Value>,
}

impl AdditionalClaims for More {}

type Fields = IdTokenFields<
    More,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;

type Client = openidconnect::Client<
    More,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    StandardTokenResponse<Fields, CoreTokenType>,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// An identity provider, as the config names it.
pub struct Provider {
    issuer: IssuerUrl,
    client_id: String,
    secret_file: PathBuf,
    scopes: Vec<String>,
    group_claim: String,
    redirect: RedirectUrl,
    http: Door,
}

/// A sign-in that was begun: where the browser goes, and what is to be remembered until it comes back.
#[derive(Debug, Clone)]
pub struct Begun {
    pub url: String,
    pub state: String,
    pub nonce: String,
    pub verifier: String,
}

/// Whom the provider vouches for. `subject` alone tells one person from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub subject: String,
    pub name: Option<String>,
    pub display_name: Option<String>,
    pub groups: Vec<String>,
}

impl Provider {
    /// `redirect` is our own address, to which the browser comes back.
    pub fn new(config: &Oidc, redirect: String) -> Result<Provider> {
        Ok(Provider {
            issuer: IssuerUrl::new(config.issuer.clone()).context("[web.oidc] issuer")?,
            client_id: config.client_id.clone(),
            secret_file: config.client_secret_file.clone(),
            scopes: config.scopes.clone(),
            group_claim: config.group_claim.clone(),
            redirect: RedirectUrl::new(redirect).context("the address to come back to")?,
            http: Door::new()?,
        })
    }

    pub fn issuer(&self) -> &str {
        self.issuer.as_str()
    }

    /// Asks the provider where its people sign in.
    pub async fn begin(&self) -> Result<Begun> {
        let client = self.client().await?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let flow = AuthenticationFlow::<CoreResponseType>::AuthorizationCode;
        let mut asked = client.authorize_url(flow, CsrfToken::new_random, Nonce::new_random);
        for scope in &self.scopes {
            asked = asked.add_scope(Scope::new(scope.clone()));
        }
        let (url, state, nonce) = asked.set_pkce_challenge(challenge).url();
        Ok(Begun {
            url: url.into(),
            state: state.secret().clone(),
            nonce: nonce.secret().clone(),
            verifier: verifier.secret().clone(),
        })
    }

    /// Changes the code for tokens, and reads who it is once signature, issuer, audience, time, nonce and hashes are right.
    pub async fn finish(&self, code: String, verifier: String, nonce: String, now: Timestamp) -> Result<Identity> {
        let client = self.client().await?;
        let request =
            client.exchange_code(AuthorizationCode::new(code)).context("the provider has no token endpoint")?;
        let request = request.set_pkce_verifier(PkceCodeVerifier::new(verifier));
        let tokens = request.request_async(&self.http).await.map_err(|error| say("did not take the code", &error))?;
        let id = tokens.id_token().context("the identity provider gave no ID token")?;
        let moment = chrono::DateTime::from_timestamp_millis(now.as_millisecond()).context("a time of our age")?;
        let checker = client.id_token_verifier().set_time_fn(move || moment);
        let claims =
            id.claims(&checker, &Nonce::new(nonce)).map_err(|error| say("gave a token that is not right", &error))?;
        if let Some(told) = claims.access_token_hash() {
            let (algorithm, key) =
                (id.signing_alg().context("the ID token")?, id.signing_key(&checker).context("the ID token")?);
            let hash =
                AccessTokenHash::from_token(tokens.access_token(), algorithm, key).context("the access token")?;
            ensure!(hash == *told, "the identity provider's two tokens do not belong together");
        }
        let subject = claims.subject().clone();
        let mut found = Identity {
            subject: subject.to_string(),
            name: claims
                .preferred_username()
                .map(|name| name.to_string())
                .or(claims.email().map(|email| email.to_string())),
            display_name: claims.name().and_then(|name| name.get(None)).map(|name| name.to_string()),
            groups: self.groups(claims.additional_claims()),
        };
        if (found.name.is_none() || found.groups.is_empty())
            && let Ok(request) = client.user_info(tokens.access_token().clone(), Some(subject))
        {
            let told: UserInfoClaims<More, CoreGenderClaim> =
                request.request_async(&self.http).await.map_err(|error| say("did not tell of its user", &error))?;
            let name = told.preferred_username().map(|name| name.to_string());
            found.name = found.name.or(name).or(told.email().map(|email| email.to_string()));
            let display = told.name().and_then(|name| name.get(None)).map(|name| name.to_string());
            found.display_name = found.display_name.or(display);
            if found.groups.is_empty() {
                found.groups = self.groups(told.additional_claims());
            }
        }
        Ok(found)
    }

    /// The groups, whether the claim is a list or one word.
    fn groups(&self, more: &More) -> Vec<String> {
        let list = match more.claims.get(&self.group_claim) {
            Some(serde_json::Value::Array(list)) => list.clone(),
            Some(one) => vec![one.clone()],
            None => Vec::new(),
        };
        list.iter().filter_map(|group| group.as_str().map(str::to_owned)).collect()
    }

    /// What the provider says of itself, read now: its keys may have changed.
    async fn client(&self) -> Result<Client> {
        let told = CoreProviderMetadata::discover_async(self.issuer.clone(), &self.http).await;
        let told = told.map_err(|error| say("does not say where to sign in", &error))?;
        let secret = ClientSecret::new(read_secret(&self.secret_file)?.reveal().to_owned());
        let client = Client::from_provider_metadata(told, ClientId::new(self.client_id.clone()), Some(secret));
        Ok(client.set_redirect_uri(self.redirect.clone()))
    }
}

/// The whole chain in words: the outermost alone says little. It carries no token.
fn say(what: &str, error: &dyn std::error::Error) -> anyhow::Error {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        words = format!("{words}: {next}");
        cause = next.source();
    }
    anyhow!("the identity provider {what}: {words}")
}

/// The client: no redirects, a cap on size and time, https or loopback.
#[expect(clippy::disallowed_types, reason = "tokens leave no capture: this client is beside platform::http")]
struct Door(reqwest::Client);

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Unanswered(String);

impl Door {
    fn new() -> Result<Door> {
        // A second call is told that one stands already.
        let _already_installed = rustls::crypto::ring::default_provider().install_default();
        Ok(Door(client(&HttpSettings { deadline: DEADLINE, ..HttpSettings::default() }, Guard::Anything)?))
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, Unanswered> {
        let told = |error: reqwest::Error| Unanswered(error.without_url().to_string());
        let request = reqwest::Request::try_from(request).map_err(told)?;
        guard::check(request.url(), Trust::Configured).map_err(Unanswered)?;
        let read = async {
            let mut answer = self.0.execute(request).await.map_err(told)?;
            let mut body = Vec::new();
            while let Some(chunk) = answer.chunk().await.map_err(told)? {
                if body.len() + chunk.len() > MOST_BYTES {
                    return Err(Unanswered("the answer is larger than 1 MiB".into()));
                }
                body.extend_from_slice(&chunk);
            }
            let mut response = HttpResponse::new(body);
            *response.status_mut() = answer.status();
            *response.headers_mut() = answer.headers().clone();
            Ok(response)
        };
        let late = |_| Unanswered(format!("no answer within {} seconds", DEADLINE.as_secs()));
        tokio::time::timeout(DEADLINE, read).await.map_err(late)?
    }
}

impl<'c> AsyncHttpClient<'c> for Door {
    type Error = Unanswered;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Unanswered>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}
