//! Access tokens: JWT (RFC 7519) signed by HS256, with the user's id as `sub`, the session's as `sid`, and
//! the key's as `kid`.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{
    extract::{FromRef, FromRequestParts},
    http::{HeaderMap, header, request::Parts},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::Problem;

/// How long an access token is valid where nobody says otherwise: an ended session can read and write
/// tasks for this long at most.
pub const LIFETIME: Duration = Duration::from_secs(15 * 60);

/// Fewest bytes of a signing key (RFC 7518 §3.2).
pub const MIN_KEY_BYTES: usize = 32;

/// Bytes of the hash by which tokens name their key.
const KEY_ID_BYTES: usize = 9;

const ISSUER: &str = "todostack";

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The user.
    pub sub: Uuid,
    /// The session; absent: the token was made without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<Uuid>,
    /// Always `todostack`.
    pub iss: String,
    /// Issued at, Unix seconds.
    pub iat: u64,
    /// Valid until, Unix seconds.
    pub exp: u64,
}

impl Claims {
    /// For how long the token is valid from now on.
    pub fn left(&self) -> Duration {
        let until = UNIX_EPOCH + Duration::from_secs(self.exp);
        until.duration_since(SystemTime::now()).unwrap_or_default()
    }
}

/// Signs and checks access tokens.
#[derive(Clone)]
pub struct Keys {
    signing: Arc<EncodingKey>,
    header: Arc<Header>,
    /// Every key whose tokens are taken, by its id; the one that signs comes first.
    known: Arc<[(String, DecodingKey)]>,
    validation: Arc<Validation>,
    lifetime: Duration,
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
        Self::rotated(secret, &[])
    }

    /// Keys of which the secret `signing` signs, while tokens of the `others` are taken too: those of the
    /// key before it, and of the one that will sign next, which other processes may sign with already.
    ///
    /// # Errors
    /// When one is shorter than [`MIN_KEY_BYTES`].
    pub fn rotated(signing: &[u8], others: &[&[u8]]) -> anyhow::Result<Self> {
        let secrets = || std::iter::once(&signing).chain(others);
        anyhow::ensure!(
            secrets().all(|secret| secret.len() >= MIN_KEY_BYTES),
            "a JWT key must have at least {MIN_KEY_BYTES} bytes"
        );
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_required_spec_claims(&["exp", "sub", "iss"]);
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(key_id(signing));
        let known = secrets().map(|secret| (key_id(secret), DecodingKey::from_secret(secret)));
        Ok(Self {
            signing: Arc::new(EncodingKey::from_secret(signing)),
            header: Arc::new(header),
            known: known.collect(),
            validation: Arc::new(validation),
            lifetime: LIFETIME,
        })
    }

    /// The same, whose tokens are valid for `lifetime`.
    #[must_use]
    pub fn lasting(self, lifetime: Duration) -> Self {
        Self { lifetime, ..self }
    }

    /// For how long its tokens are valid.
    pub fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// A token for `user` in `session`, valid from now for [`Keys::lifetime`].
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn issue(&self, user: Uuid, session: Option<Uuid>) -> anyhow::Result<String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let claims = Claims {
            sub: user,
            sid: session,
            iss: ISSUER.into(),
            iat: now.as_secs(),
            exp: (now + self.lifetime).as_secs(),
        };
        Ok(jsonwebtoken::encode(&self.header, &claims, &self.signing)?)
    }

    /// What a valid token says.
    pub fn verify(&self, token: &str) -> Option<Claims> {
        self.decode(token, &self.validation)
    }
}

/// What is signed for another purpose than access.
#[derive(Serialize, Deserialize)]
struct Sealed<T> {
    /// Names the purpose: no access token has it.
    iss: String,
    exp: u64,
    of: T,
}

impl Keys {
    /// Signs `what`, which is to come back for the same `purpose` within `lifetime`: whoever holds it can read
    /// it, and not change it.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn seal<T: Serialize>(
        &self,
        purpose: &str,
        what: T,
        lifetime: Duration,
    ) -> anyhow::Result<String> {
        let until = SystemTime::now().duration_since(UNIX_EPOCH)? + lifetime;
        let sealed = Sealed {
            iss: sealed_issuer(purpose),
            exp: until.as_secs(),
            of: what,
        };
        Ok(jsonwebtoken::encode(&self.header, &sealed, &self.signing)?)
    }

    /// What [`Keys::seal`] has signed for this purpose; none when it is too old, or not ours.
    pub fn open<T: DeserializeOwned>(&self, purpose: &str, token: &str) -> Option<T> {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[sealed_issuer(purpose)]);
        validation.set_required_spec_claims(&["exp", "iss"]);
        validation.leeway = 0;
        // At its last second it is over, also to the clock of seconds that it is compared by.
        validation.reject_tokens_expiring_in_less_than = 1;
        self.decode::<Sealed<T>>(token, &validation)
            .map(|sealed| sealed.of)
    }

    fn decode<T: DeserializeOwned>(&self, token: &str, validation: &Validation) -> Option<T> {
        // Versions before key rotation named no key: theirs may be any.
        let named = jsonwebtoken::decode_header(token).ok()?.kid;
        self.known
            .iter()
            .filter(|(id, _)| named.as_ref().is_none_or(|named| named == id))
            .find_map(|(_, key)| jsonwebtoken::decode::<T>(token, key, validation).ok())
            .map(|data| data.claims)
    }
}

fn sealed_issuer(purpose: &str) -> String {
    format!("{ISSUER}/{purpose}")
}

/// A hash of a key tells nothing about it that a token does not.
fn key_id(secret: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(&Sha256::digest(secret)[..KEY_ID_BYTES])
}

/// The user who makes a request: whom a layer before has found out, or by `Authorization: Bearer <token>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct User(pub Uuid);

impl<S> FromRequestParts<S> for User
where
    Keys: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        if let Some(user) = parts.extensions.get::<Self>() {
            return Ok(*user);
        }
        bearer(&parts.headers)
            .and_then(|token| Keys::from_ref(state).verify(token))
            .map(|claims| Self(claims.sub))
            .ok_or_else(no_token)
    }
}

/// 401 for a request without a valid access token.
pub fn no_token() -> Problem {
    Problem::unauthorized(
        "send `Authorization: Bearer <access token>` with a token from POST /v1/login or POST /v1/token/refresh that has not expired",
    )
}

/// The bearer token of a request (RFC 6750 §2.1).
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: Uuid = Uuid::from_u128(7);

    fn user(keys: &Keys, token: &str) -> Option<Uuid> {
        keys.verify(token).map(|claims| claims.sub)
    }

    #[test]
    fn a_token_is_good_for_its_key_only() {
        let keys = Keys::new(&[1; 32]).unwrap();
        let session = Uuid::from_u128(8);
        let token = keys.issue(USER, Some(session)).unwrap();
        let claims = keys.verify(&token).unwrap();
        assert_eq!((claims.sub, claims.sid), (USER, Some(session)));
        assert_eq!(claims.exp - claims.iat, LIFETIME.as_secs());
        assert_eq!(user(&Keys::new(&[2; 32]).unwrap(), &token), None);
        assert_eq!(user(&keys, "x.y.z"), None);
    }

    #[test]
    fn what_is_sealed_comes_back_for_its_purpose_only() {
        let keys = Keys::new(&[1; 32]).unwrap();
        let minute = Duration::from_secs(60);
        let sealed = keys.seal("oidc", "what", minute).unwrap();
        assert_eq!(keys.open("oidc", &sealed), Some("what".to_owned()));
        assert_eq!(keys.open::<String>("other", &sealed), None);
        assert_eq!(keys.verify(&sealed), None);
        let access = keys.issue(USER, None).unwrap();
        assert_eq!(keys.open::<String>("oidc", &access), None);
        let others = Keys::new(&[2; 32]).unwrap();
        assert_eq!(others.open::<String>("oidc", &sealed), None);
        let over = keys.seal("oidc", "what", Duration::ZERO).unwrap();
        assert_eq!(keys.open::<String>("oidc", &over), None);
    }

    #[test]
    fn a_rotation_refuses_nobody_whichever_process_signed() {
        let [first, second, third] = [[1; 32], [2; 32], [3; 32]];
        let before = Keys::rotated(&first, &[&second]).unwrap();
        let after = Keys::rotated(&second, &[&third, &first]).unwrap();
        for (signer, other) in [(&before, &after), (&after, &before)] {
            let token = signer.issue(USER, None).unwrap();
            assert_eq!(user(other, &token), Some(USER));
        }
        let later = Keys::rotated(&third, &[&[4; 32], &second]).unwrap();
        assert_eq!(user(&later, &before.issue(USER, None).unwrap()), None);
    }

    #[test]
    fn a_token_that_names_no_key_may_be_of_any_and_one_that_names_a_wrong_one_is_of_none() {
        let keys = Keys::rotated(&[2; 32], &[&[1; 32]]).unwrap();
        let claims = keys.verify(&keys.issue(USER, None).unwrap()).unwrap();
        let sign = |kid: Option<String>| {
            let header = Header {
                kid,
                ..Header::new(Algorithm::HS256)
            };
            let key = EncodingKey::from_secret(&[1; 32]);
            jsonwebtoken::encode(&header, &claims, &key).unwrap()
        };
        assert_eq!(user(&keys, &sign(None)), Some(USER));
        assert_eq!(user(&keys, &sign(Some(key_id(&[1; 32])))), Some(USER));
        assert_eq!(user(&keys, &sign(Some(key_id(&[2; 32])))), None);
        assert_eq!(user(&keys, &sign(Some("other".into()))), None);
    }

    #[test]
    fn an_unsigned_or_expired_token_is_refused() {
        let keys = Keys::new(&[1; 32]).unwrap();
        let expired = Claims {
            sub: Uuid::nil(),
            sid: None,
            iss: ISSUER.into(),
            iat: 1,
            exp: 2,
        };
        let key = EncodingKey::from_secret(&[1; 32]);
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &expired, &key).unwrap();
        assert_eq!(user(&keys, &token), None);
        // {"alg":"none"}.{"sub":"0…","iss":"todostack","exp":9999999999}.
        assert_eq!(
            user(
                &keys,
                "eyJhbGciOiJub25lIn0.eyJzdWIiOiIwMDAwMDAwMC0wMDAwLTAwMDAtMDAwMC0wMDAwMDAwMDAwMDAiLCJpc3MiOiJ0b2Rvc3RhY2siLCJleHAiOjk5OTk5OTk5OTl9."
            ),
            None
        );
    }

    #[test]
    fn a_short_key_is_refused() {
        assert!(Keys::new(&[1; 31]).is_err());
        assert!(Keys::rotated(&[1; 32], &[&[1; 31]]).is_err());
    }
}
