//! Signing of webhooks by the Standard Webhooks scheme
//! (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>):
//! headers `webhook-id`, `webhook-timestamp`, `webhook-signature: v1,<base64 HMAC-SHA256>` over
//! `id.timestamp.body`, with a secret written `whsec_<base64>`.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Prefix of the text form of a secret.
pub const SECRET_PREFIX: &str = "whsec_";

/// How old a signature may be, in seconds, before a receiver should refuse it.
pub const TOLERANCE_SECONDS: i64 = 300;

/// Why a signature was not accepted, or a secret could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The secret is not `whsec_` and base64 of 24 to 64 bytes.
    #[error("a webhook secret is `whsec_` followed by the base64 of 24 to 64 bytes")]
    BadSecret,
    /// The timestamp is too far from now.
    #[error("the timestamp is more than {TOLERANCE_SECONDS} s from now")]
    Expired,
    /// No signature in the header matches.
    #[error("no signature matches")]
    Mismatch,
}

/// A signing key. Its `Debug` form does not show it.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    /// Reads the text form.
    ///
    /// # Errors
    /// [`SignatureError::BadSecret`] for anything but `whsec_` and base64 of 24 to 64 bytes.
    pub fn parse(text: &str) -> Result<Self, SignatureError> {
        let key = text
            .trim()
            .strip_prefix(SECRET_PREFIX)
            .and_then(|rest| STANDARD.decode(rest).ok())
            .filter(|key| (24..=64).contains(&key.len()))
            .ok_or(SignatureError::BadSecret)?;
        Ok(Self(key))
    }

    /// The text form of the given random bytes (24 to 64 of them).
    pub fn text(random: &[u8]) -> String {
        format!("{SECRET_PREFIX}{}", STANDARD.encode(random))
    }

    fn mac(&self, id: &str, timestamp: i64, body: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0)
            .expect("HMAC takes a key of any length (RFC 2104)");
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        mac
    }

    /// Value of the `webhook-signature` header. `timestamp` is in Unix seconds.
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let tag = self.mac(id, timestamp, body).finalize().into_bytes();
        format!("v1,{}", STANDARD.encode(tag))
    }

    /// Checks a `webhook-signature` header, which may list several signatures. Constant time.
    ///
    /// # Errors
    /// [`SignatureError::Expired`] or [`SignatureError::Mismatch`].
    pub fn verify(
        &self,
        id: &str,
        timestamp: i64,
        body: &[u8],
        header: &str,
        now: i64,
    ) -> Result<(), SignatureError> {
        if (now - timestamp).abs() > TOLERANCE_SECONDS {
            return Err(SignatureError::Expired);
        }
        header
            .split_ascii_whitespace()
            .filter_map(|signature| STANDARD.decode(signature.strip_prefix("v1,")?).ok())
            .find(|tag| self.mac(id, timestamp, body).verify_slice(tag).is_ok())
            .map(|_| ())
            .ok_or(SignatureError::Mismatch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's reference libraries.
    #[test]
    fn the_reference_vector_signs_and_verifies() {
        let secret = Secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let (id, at) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330);
        let body = br#"{"test": 2432232314}"#;
        let header = secret.sign(id, at, body);
        assert_eq!(header, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_eq!(secret.verify(id, at, body, &header, at), Ok(()));
        assert_eq!(
            secret.verify(id, at, b"{}", &header, at),
            Err(SignatureError::Mismatch)
        );
        assert_eq!(
            secret.verify(id, at, body, &header, at + 301),
            Err(SignatureError::Expired)
        );
    }

    #[test]
    fn a_secret_is_never_printed() {
        let secret = Secret::parse(&Secret::text(&[7; 32])).unwrap();
        assert_eq!(format!("{secret:?}"), "Secret(…)");
        assert_eq!(
            Secret::parse("whsec_x").err(),
            Some(SignatureError::BadSecret)
        );
    }
}
