//! What every handler shares.

use std::{convert::Infallible, sync::Arc};

use axum::{
    extract::{FromRef, FromRequestParts},
    http::request::Parts,
};
use runtime::auth::Keys;
use serde::Deserialize;
use store::Store;
use tokio::sync::{Notify, Semaphore};

use crate::{
    attempts::Attempts,
    client::TrustedProxies,
    cors::Origins,
    oidc::Providers,
    passwords::Passwords,
    rate_limit::{RateLimiter, RateLimits},
    zones::Zones,
};

/// The gateway's parts; cheap to clone.
#[derive(Clone, Debug)]
pub struct Gateway {
    pub(crate) store: Store,
    pub(crate) keys: Keys,
    pub(crate) passwords: Passwords,
    pub(crate) attempts: Attempts,
    pub(crate) limiter: RateLimiter,
    pub(crate) zones: Zones,
    pub(crate) proxies: TrustedProxies,
    pub(crate) origins: Origins,
    pub(crate) oidc: Providers,
    pub(crate) public_url: Option<Arc<str>>,
    pub(crate) push_key: Option<Arc<str>>,
    /// There is an import to work on.
    pub(crate) imports: Arc<Notify>,
    /// Files that are read at a time.
    pub(crate) reading: Arc<Semaphore>,
    pub(crate) sign_up: SignUp,
    pub(crate) resets_passwords: bool,
}

/// Who may make an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum SignUp {
    /// Anybody.
    #[default]
    Open,
    /// Nobody: the stack keeps the users that it has.
    Closed,
}

impl Gateway {
    /// A gateway on a migrated database that signs its tokens with `keys`.
    ///
    /// # Errors
    /// When the password hasher cannot be set up.
    pub fn new(store: Store, keys: Keys) -> anyhow::Result<Self> {
        Ok(Self {
            attempts: Attempts::new(store.pool().clone()),
            store,
            keys,
            passwords: Passwords::new()?,
            limiter: RateLimiter::default(),
            zones: Zones::default(),
            proxies: TrustedProxies::default(),
            origins: Origins::default(),
            oidc: Providers::default(),
            public_url: None,
            push_key: None,
            imports: Arc::default(),
            reading: Arc::new(Semaphore::new(1)),
            sign_up: SignUp::default(),
            resets_passwords: false,
        })
    }

    /// The same on this store.
    pub(crate) fn on(&self, store: Store) -> Self {
        Self {
            store,
            ..self.clone()
        }
    }

    /// The same behind these proxies.
    #[must_use]
    pub fn behind(self, proxies: TrustedProxies) -> Self {
        Self { proxies, ..self }
    }

    /// The same for callers who may make so many requests; see [`share_rate_limits`].
    ///
    /// [`share_rate_limits`]: crate::share_rate_limits
    #[must_use]
    pub fn with_rate_limits(self, limits: RateLimits) -> Self {
        let limiter = RateLimiter::new(limits);
        Self { limiter, ..self }
    }

    /// The same for pages of these origins.
    #[must_use]
    pub fn open_to(self, origins: Origins) -> Self {
        Self { origins, ..self }
    }

    /// The same with log-ins at these issuers.
    #[must_use]
    pub fn with_oidc(self, oidc: Providers) -> Self {
        Self { oidc, ..self }
    }

    /// The same that users reach at this URL, such as `https://todo.example.com`; none: at any.
    #[must_use]
    pub fn reached_at(self, url: Option<String>) -> Self {
        let public_url = url.map(Arc::from);
        Self { public_url, ..self }
    }

    /// The same with Web Push: `key` is the stack's public one, as browsers subscribe with it.
    #[must_use]
    pub fn with_push(self, key: Option<String>) -> Self {
        let push_key = key.map(Arc::from);
        Self { push_key, ..self }
    }

    /// The same with or without new users.
    #[must_use]
    pub fn with_sign_up(self, sign_up: SignUp) -> Self {
        Self { sign_up, ..self }
    }

    /// The same with or without e-mails to who has forgotten the password.
    #[must_use]
    pub fn with_password_resets(self, resets_passwords: bool) -> Self {
        Self {
            resets_passwords,
            ..self
        }
    }
}

/// That of the request, whose store may be within a transaction (see [`idempotency`]); else that of all.
///
/// [`idempotency`]: crate::idempotency
impl FromRequestParts<Self> for Gateway {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, all: &Self) -> Result<Self, Infallible> {
        let its_own = parts.extensions.get().cloned();
        Ok(its_own.unwrap_or_else(|| all.clone()))
    }
}

impl FromRef<Gateway> for Keys {
    fn from_ref(gateway: &Gateway) -> Self {
        gateway.keys.clone()
    }
}
