//! Access tokens: JWT (RFC 7519) signed by HS256, with the user's id as `sub`.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{
    extract::{FromRef, FromRequestParts},
    http::{header, request::Parts},
};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Problem;

/// How long an access token is valid.
pub const LIFETIME: Duration = Duration::from_secs(12 * 3600);

/// Fewest bytes of a signing key (RFC 7518 §3.2).
pub const MIN_KEY_BYTES: usize = 32;

const ISSUER: &str = "todostack";

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The user.
    pub sub: Uuid,
    /// Always `todostack`.
    pub iss: String,
    /// Issued at, Unix seconds.
    pub iat: u64,
    /// Valid until, Unix seconds.
    pub exp: u64,
}

/// Signs and checks access tokens.
#[derive(Clone)]
pub struct Keys(Arc<Inner>);

struct Inner {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(…)")
    }
}

impl Keys {
    /// Keys of one secret.
    ///
    /// # Errors
    /// When the secret is shorter than [`MIN_KEY_BYTES`].
    pub fn new(secret: &[u8]) -> anyhow::Result<Self> {
        anyhow::ensure!(
            secret.len() >= MIN_KEY_BYTES,
            "the JWT key must have at least {MIN_KEY_BYTES} bytes"
        );
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_required_spec_claims(&["exp", "sub", "iss"]);
        Ok(Self(Arc::new(Inner {
            encoding: EncodingKey::from_secret(secret),
            decoding: DecodingKey::from_secret(secret),
            validation,
        })))
    }

    /// A token for `user`, valid from now for [`LIFETIME`].
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn issue(&self, user: Uuid) -> anyhow::Result<String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let claims = Claims {
            sub: user,
            iss: ISSUER.into(),
            iat: now.as_secs(),
            exp: (now + LIFETIME).as_secs(),
        };
        Ok(jsonwebtoken::encode(
            &Header::new(Algorithm::HS256),
            &claims,
            &self.0.encoding,
        )?)
    }

    /// The user of a valid token.
    pub fn verify(&self, token: &str) -> Option<Uuid> {
        jsonwebtoken::decode::<Claims>(token, &self.0.decoding, &self.0.validation)
            .ok()
            .map(|data| data.claims.sub)
    }
}

/// The user who makes a request, by `Authorization: Bearer <token>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct User(pub Uuid);

impl<S> FromRequestParts<S> for User
where
    Keys: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        bearer(parts)
            .and_then(|token| Keys::from_ref(state).verify(token))
            .map(Self)
            .ok_or_else(|| {
                Problem::unauthorized(
                    "send `Authorization: Bearer <access token>` with a token from POST /v1/login that has not expired",
                )
            })
    }
}

/// The bearer token of a request (RFC 6750 §2.1).
pub fn bearer(parts: &Parts) -> Option<&str> {
    let value = parts.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_its_key_only() {
        let keys = Keys::new(&[1; 32]).unwrap();
        let user = Uuid::from_u128(7);
        let token = keys.issue(user).unwrap();
        assert_eq!(keys.verify(&token), Some(user));
        assert_eq!(Keys::new(&[2; 32]).unwrap().verify(&token), None);
        assert_eq!(keys.verify("x.y.z"), None);
    }

    #[test]
    fn an_unsigned_or_expired_token_is_refused() {
        let keys = Keys::new(&[1; 32]).unwrap();
        let expired = Claims {
            sub: Uuid::nil(),
            iss: ISSUER.into(),
            iat: 1,
            exp: 2,
        };
        let key = EncodingKey::from_secret(&[1; 32]);
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &expired, &key).unwrap();
        assert_eq!(keys.verify(&token), None);
        // {"alg":"none"}.{"sub":"0…","iss":"todostack","exp":9999999999}.
        assert_eq!(
            keys.verify("eyJhbGciOiJub25lIn0.eyJzdWIiOiIwMDAwMDAwMC0wMDAwLTAwMDAtMDAwMC0wMDAwMDAwMDAwMDAiLCJpc3MiOiJ0b2Rvc3RhY2siLCJleHAiOjk5OTk5OTk5OTl9."),
            None
        );
    }

    #[test]
    fn a_short_key_is_refused() {
        assert!(Keys::new(&[1; 31]).is_err());
    }
}
