//! What every handler shares.

use axum::extract::FromRef;
use runtime::auth::Keys;
use store::Store;

use crate::{attempts::Attempts, client::TrustedProxies, passwords::Passwords, zones::Zones};

/// The gateway's parts; cheap to clone.
#[derive(Clone, Debug)]
pub struct Gateway {
    pub(crate) store: Store,
    pub(crate) keys: Keys,
    pub(crate) passwords: Passwords,
    pub(crate) attempts: Attempts,
    pub(crate) zones: Zones,
    pub(crate) proxies: TrustedProxies,
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
            zones: Zones::default(),
            proxies: TrustedProxies::default(),
        })
    }

    /// The same behind these proxies.
    #[must_use]
    pub fn behind(self, proxies: TrustedProxies) -> Self {
        Self { proxies, ..self }
    }
}

impl FromRef<Gateway> for Keys {
    fn from_ref(gateway: &Gateway) -> Self {
        gateway.keys.clone()
    }
}
