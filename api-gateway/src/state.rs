//! What every handler shares.

use axum::extract::FromRef;
use runtime::auth::Keys;
use sqlx::PgPool;

use crate::{attempts::Attempts, passwords::Passwords};

/// The gateway's parts; cheap to clone.
#[derive(Clone, Debug)]
pub struct Gateway {
    pub(crate) pool: PgPool,
    pub(crate) keys: Keys,
    pub(crate) passwords: Passwords,
    pub(crate) attempts: Attempts,
}

impl Gateway {
    /// A gateway on a migrated database that signs its tokens with `keys`.
    ///
    /// # Errors
    /// When the password hasher cannot be set up.
    pub fn new(pool: PgPool, keys: Keys) -> anyhow::Result<Self> {
        Ok(Self {
            pool,
            keys,
            passwords: Passwords::new()?,
            attempts: Attempts::default(),
        })
    }
}

impl FromRef<Gateway> for Keys {
    fn from_ref(gateway: &Gateway) -> Self {
        gateway.keys.clone()
    }
}
