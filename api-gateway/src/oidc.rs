//! Log-in at other issuers: OpenID Connect Core 1.0 by discovery, the code flow with PKCE (RFC 7636).
//!
//! What a log-in needs to remember between its beginning and its end ([`Begun`]) goes to the client, signed, and
//! comes back with the code: nothing is stored for who never comes back.

mod http;
mod settings;

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use openidconnect::{
    AccessToken, AuthType, AuthenticationFlow, AuthorizationCode, ClaimsVerificationError,
    CsrfToken, EndpointMaybeSet, EndpointNotSet, EndpointSet, Nonce, OAuth2TokenResponse,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope,
    SignatureVerificationError, SubjectIdentifier, TokenResponse,
    core::{
        CoreClient, CoreClientAuthMethod, CoreIdTokenClaims, CoreProviderMetadata,
        CoreResponseType, CoreTokenResponse, CoreUserInfoClaims,
    },
};
use serde::{Deserialize, Serialize};
use tokio::{sync::Mutex, time::Instant};

use crate::state::SignUp;
use http::Http;
pub(crate) use settings::ProviderSettings;

/// What an issuer says of itself is asked for again after this long.
const KNOWN_FOR: Duration = Duration::from_secs(3600);

/// An issuer whose keys do not fit is asked again this often at most.
const ASKED_EVERY: Duration = Duration::from_secs(60);

/// One that does not answer is asked again after this long: those who wait meanwhile do not wait one after the other.
const PAUSE: Duration = Duration::from_secs(5);

/// A client of an issuer whose endpoints are those that it named.
type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// The issuers at which users may log in; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Providers(Arc<[Provider]>);

impl Providers {
    /// Reads the issuers of a JSON array of `ProviderSettings`, and their client secrets from `variable`, which
    /// knows the environment.
    ///
    /// # Errors
    /// Names what cannot be read.
    pub fn parse(text: &str, variable: impl Fn(&str) -> Option<String>) -> anyhow::Result<Self> {
        let settings = settings::read(text, variable)?;
        let providers = settings.into_iter().map(Provider::new);
        Ok(Self(providers.collect::<anyhow::Result<_>>()?))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Provider> {
        self.0.iter()
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Provider> {
        self.iter().find(|provider| provider.settings.name == name)
    }
}

/// An issuer.
#[derive(Debug)]
pub(crate) struct Provider {
    pub(crate) settings: ProviderSettings,
    http: Http,
    known: Mutex<Known>,
}

/// What an issuer says of itself.
#[derive(Debug, Default)]
struct Known {
    said: Option<(Instant, Arc<CoreProviderMetadata>)>,
    /// When it last did not answer.
    silent: Option<Instant>,
}

/// A log-in that has begun. Its client may read it; that nobody writes one takes a signature.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Begun {
    pub(crate) provider: String,
    redirect_uri: RedirectUrl,
    state: CsrfToken,
    nonce: Nonce,
    verifier: PkceCodeVerifier,
}

impl Begun {
    /// Whether the answer with this `state` is one to this log-in (RFC 6749 §10.12).
    pub(crate) fn is_of(&self, state: &str) -> bool {
        self.state.secret() == state
    }
}

/// Who somebody is at an issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) issuer: String,
    pub(crate) subject: String,
    pub(crate) email: Option<String>,
    /// The issuer vouches that mail to the address reaches them.
    pub(crate) is_email_verified: bool,
}

/// Why a log-in does not go on.
#[derive(Debug)]
pub(crate) enum Failed {
    /// The issuer does not take the code: it was used, is too old, or is of another log-in.
    Code(String),
    /// The issuer cannot be reached, or answers what cannot be trusted.
    Issuer(anyhow::Error),
}

impl From<anyhow::Error> for Failed {
    fn from(error: anyhow::Error) -> Self {
        Self::Issuer(error)
    }
}

impl Provider {
    fn new(settings: ProviderSettings) -> anyhow::Result<Self> {
        Ok(Self {
            settings,
            http: Http::new()?,
            known: Mutex::default(),
        })
    }

    /// What it says of itself, from `ASKED_EVERY` ago or later when it is to be `fresh`.
    async fn metadata(&self, fresh: bool) -> anyhow::Result<Arc<CoreProviderMetadata>> {
        let mut known = self.known.lock().await;
        let lasts = if fresh { ASKED_EVERY } else { KNOWN_FOR };
        let is_recent = |at: Instant, lasts| at.elapsed() < lasts;
        let before = known.said.clone();
        if let Some((_, said)) = before.as_ref().filter(|(at, _)| is_recent(*at, lasts)) {
            return Ok(said.clone());
        }
        let error = if known.silent.is_some_and(|at| is_recent(at, PAUSE)) {
            anyhow::anyhow!("discovery failed a moment ago")
        } else {
            let issuer = self.settings.issuer.clone();
            match CoreProviderMetadata::discover_async(issuer, &self.http).await {
                Ok(said) => {
                    let said = Arc::new(said);
                    known.said = Some((Instant::now(), said.clone()));
                    known.silent = None;
                    return Ok(said);
                }
                Err(error) => {
                    known.silent = Some(Instant::now());
                    anyhow::Error::new(error).context("discovery")
                }
            }
        };
        let Some((_, said)) = before else {
            return Err(error);
        };
        tracing::warn!(
            error = format!("{error:#}"),
            issuer = self.settings.issuer.as_str(),
            "an issuer does not say how it is reached; what it said before still counts"
        );
        Ok(said)
    }

    fn client(&self, metadata: &CoreProviderMetadata, redirect: RedirectUrl) -> Client {
        let methods = metadata.token_endpoint_auth_methods_supported();
        // Where it says nothing it takes the first (Discovery 1.0, §3).
        let is_basic = methods
            .is_none_or(|methods| methods.contains(&CoreClientAuthMethod::ClientSecretBasic));
        CoreClient::from_provider_metadata(
            metadata.clone(),
            self.settings.client_id.clone(),
            self.settings.client_secret.clone(),
        )
        .set_auth_type(if is_basic {
            AuthType::BasicAuth
        } else {
            AuthType::RequestBody
        })
        .set_redirect_uri(redirect)
    }

    /// Begins a log-in: where the user's browser goes, and what is needed when it comes back.
    ///
    /// # Errors
    /// When the issuer does not say how it is reached.
    pub(crate) async fn begin(&self, redirect: RedirectUrl) -> anyhow::Result<(String, Begun)> {
        let metadata = self.metadata(false).await?;
        let client = self.client(&metadata, redirect.clone());
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let flow = AuthenticationFlow::<CoreResponseType>::AuthorizationCode;
        let (url, state, nonce) = client
            .authorize_url(flow, CsrfToken::new_random, Nonce::new_random)
            .add_scope(Scope::new("email".into()))
            .add_scopes(self.settings.scopes.iter().cloned())
            .set_pkce_challenge(challenge)
            .url();
        let begun = Begun {
            provider: self.settings.name.clone(),
            redirect_uri: redirect,
            state,
            nonce,
            verifier,
        };
        Ok((url.into(), begun))
    }

    /// Who has logged in.
    ///
    /// # Errors
    /// When the issuer does not take the code, cannot be reached, or answers what cannot be trusted.
    pub(crate) async fn finish(&self, begun: Begun, code: String) -> Result<Person, Failed> {
        let metadata = self.metadata(false).await?;
        let client = self.client(&metadata, begun.redirect_uri.clone());
        let tokens = self.exchange(&client, code, begun.verifier).await?;
        let claims = match claims(&client, &tokens, &begun.nonce) {
            // It may have new keys since.
            Err(error) if is_unknown_key(&error) => {
                let metadata = self.metadata(true).await?;
                let client = self.client(&metadata, begun.redirect_uri);
                claims(&client, &tokens, &begun.nonce)
            }
            claims => claims,
        };
        let claims = claims.context("its ID token")?;
        let mut email = claims.email().map(|email| email.to_string());
        let mut is_verified = claims.email_verified();
        if email.is_none() {
            let asked = self
                .user_info(&client, tokens.access_token(), claims.subject())
                .await?;
            if let Some(asked) = asked {
                email = asked.email().map(|email| email.to_string());
                is_verified = asked.email_verified();
            }
        }
        Ok(Person {
            issuer: claims.issuer().to_string(),
            subject: claims.subject().to_string(),
            email,
            is_email_verified: self.settings.trust_email || is_verified == Some(true),
        })
    }

    async fn exchange(
        &self,
        client: &Client,
        code: String,
        verifier: PkceCodeVerifier,
    ) -> Result<CoreTokenResponse, Failed> {
        let request = client
            .exchange_code(AuthorizationCode::new(code))
            .context("it names no token endpoint")?;
        let answer = request
            .set_pkce_verifier(verifier)
            .request_async(&self.http)
            .await;
        answer.map_err(|error| match error {
            RequestTokenError::ServerResponse(why) if is_of_the_code(why.error()) => {
                Failed::Code(why.error_description().cloned().unwrap_or_default())
            }
            error => Failed::Issuer(anyhow::Error::new(error).context("exchange of the code")),
        })
    }

    /// What its UserInfo endpoint says, where it has one (Core 1.0, §5.3): some issuers tell an address there only.
    async fn user_info(
        &self,
        client: &Client,
        token: &AccessToken,
        subject: &SubjectIdentifier,
    ) -> anyhow::Result<Option<CoreUserInfoClaims>> {
        if client.user_info_url().is_none() {
            return Ok(None);
        }
        let request = client.user_info(token.clone(), Some(subject.clone()))?;
        let claims = request.request_async(&self.http).await;
        claims.map(Some).context("its UserInfo endpoint")
    }

    /// Who may get an account by logging in here, where the rest of the stack says `otherwise`.
    pub(crate) fn sign_up(&self, otherwise: SignUp) -> SignUp {
        self.settings.sign_up.unwrap_or(otherwise)
    }
}

fn claims(
    client: &Client,
    tokens: &CoreTokenResponse,
    nonce: &Nonce,
) -> Result<CoreIdTokenClaims, ClaimsVerificationError> {
    let missing = || ClaimsVerificationError::Other("there is none".into());
    let token = tokens.id_token().ok_or_else(missing)?;
    token.claims(&client.id_token_verifier(), nonce).cloned()
}

fn is_unknown_key(error: &ClaimsVerificationError) -> bool {
    matches!(
        error,
        ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey)
    )
}

/// The client's own code is wrong (RFC 6749 §5.2), and nothing that the stack's administrator could mend.
fn is_of_the_code(error: &openidconnect::core::CoreErrorResponseType) -> bool {
    use openidconnect::core::CoreErrorResponseType as Type;
    matches!(error, Type::InvalidGrant | Type::InvalidRequest)
}
