//! Keys of Web Push: the application server's own (VAPID, RFC 8292), and those of a browser's
//! subscription, for which messages are encrypted (RFC 8291).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use p256::{
    PublicKey, SecretKey,
    ecdsa::{Signature, SigningKey, signature::Signer},
    elliptic_curve::sec1::ToEncodedPoint,
};
use serde_json::json;

/// Bytes of a private key, and of a subscription's public key without compression.
const PRIVATE: usize = 32;
const PUBLIC: usize = 65;

/// Why a key could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Of the application server.
    #[error("a VAPID key is the base64url of the 32 bytes of a private key on P-256")]
    Vapid,
    /// `keys.p256dh` of a subscription.
    #[error("must be the base64url of the 65 bytes of a point on P-256")]
    P256dh,
    /// `keys.auth` of a subscription.
    #[error("must be the base64url of 16 bytes")]
    Auth,
}

/// Base64url as browsers write it, with or without padding.
fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()
}

/// The key by which push services know an application server. Its `Debug` form does not show it.
#[derive(Clone)]
pub struct VapidKey(SigningKey);

impl std::fmt::Debug for VapidKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "VapidKey({})", self.public())
    }
}

impl VapidKey {
    /// Reads the text form, which is also that of other Web Push libraries.
    ///
    /// # Errors
    /// [`KeyError::Vapid`] for anything but the base64url of a private key.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let bytes = decode(text.trim()).filter(|bytes| bytes.len() == PRIVATE);
        let key = bytes.and_then(|bytes| SecretKey::from_slice(&bytes).ok());
        key.map(|key| Self(key.into())).ok_or(KeyError::Vapid)
    }

    /// The text form of random bytes; `None` for the few that are no key: take others.
    pub fn text(random: &[u8; PRIVATE]) -> Option<String> {
        SecretKey::from_slice(random).ok()?;
        Some(URL_SAFE_NO_PAD.encode(random))
    }

    /// The public key, as `applicationServerKey` of a browser's `pushManager.subscribe`.
    pub fn public(&self) -> String {
        let point = self.0.verifying_key().to_encoded_point(false);
        URL_SAFE_NO_PAD.encode(point.as_bytes())
    }

    /// Value of an `Authorization` header (RFC 8292 §3) for the push service at `origin` (RFC 6454,
    /// `https://push.example.com`), good until `expires` (Unix seconds, at most a day ahead). `subject`
    /// is whom its operator may write to: `mailto:…` or `https://…`.
    pub fn authorization(&self, origin: &str, subject: &str, expires: i64) -> String {
        let header = json!({"typ": "JWT", "alg": "ES256"});
        let claims = json!({"aud": origin, "exp": expires, "sub": subject});
        let encode = |part: serde_json::Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let signed = format!("{}.{}", encode(header), encode(claims));
        let signature: Signature = self.0.sign(signed.as_bytes());
        let signature = URL_SAFE_NO_PAD.encode(signature.to_bytes());
        format!("vapid t={signed}.{signature}, k={}", self.public())
    }
}

/// What a browser's subscription is encrypted for. `auth` is a secret: `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct SubscriptionKeys {
    /// The browser's public key.
    pub p256dh: PublicKey,
    /// The secret that it shares with the application server.
    pub auth: [u8; 16],
}

impl std::fmt::Debug for SubscriptionKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SubscriptionKeys(…)")
    }
}

impl SubscriptionKeys {
    /// Reads `keys.p256dh` and `keys.auth` of a `PushSubscription`.
    ///
    /// # Errors
    /// The field that is wrong: [`KeyError::P256dh`] or [`KeyError::Auth`].
    pub fn parse(p256dh: &str, auth: &str) -> Result<Self, KeyError> {
        let point = decode(p256dh).filter(|bytes| bytes.len() == PUBLIC);
        let p256dh = point
            .and_then(|bytes| PublicKey::from_sec1_bytes(&bytes).ok())
            .ok_or(KeyError::P256dh)?;
        let auth = decode(auth).and_then(|bytes| bytes.try_into().ok());
        Ok(Self {
            p256dh,
            auth: auth.ok_or(KeyError::Auth)?,
        })
    }

    /// Both in one word, as they are stored: [`SubscriptionKeys::from_text`] reads it.
    pub fn text(&self) -> String {
        let point = self.p256dh.to_encoded_point(false);
        format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(point.as_bytes()),
            URL_SAFE_NO_PAD.encode(self.auth)
        )
    }

    /// Reads what [`SubscriptionKeys::text`] wrote.
    ///
    /// # Errors
    /// As [`SubscriptionKeys::parse`].
    pub fn from_text(text: &str) -> Result<Self, KeyError> {
        let (p256dh, auth) = text.split_once('.').ok_or(KeyError::P256dh)?;
        Self::parse(p256dh, auth)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use p256::ecdsa::{VerifyingKey, signature::Verifier};
    use serde_json::Value;

    /// The application server's keys of RFC 8291 §5.
    const PRIVATE_KEY: &str = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw";
    const PUBLIC_KEY: &str =
        "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8";
    /// And its subscription's.
    const P256DH: &str =
        "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
    const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";

    #[test]
    fn the_keys_of_the_rfc_belong_together() {
        let key = VapidKey::parse(PRIVATE_KEY).unwrap();
        assert_eq!(key.public(), PUBLIC_KEY);
        assert_eq!(format!("{key:?}"), format!("VapidKey({PUBLIC_KEY})"));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let zero = URL_SAFE_NO_PAD.encode([0; 32]);
        let beyond = URL_SAFE_NO_PAD.encode([0xff; 32]);
        for text in ["", "x", "!", &zero, &beyond, &PRIVATE_KEY[1..]] {
            assert_eq!(VapidKey::parse(text).err(), Some(KeyError::Vapid), "{text}");
        }
        assert_eq!(VapidKey::text(&[0; 32]), None);
        assert_eq!(VapidKey::text(&[0xff; 32]), None);
        let made = VapidKey::text(&[7; 32]).unwrap();
        VapidKey::parse(&made).unwrap();
    }

    #[test]
    fn a_token_says_for_whom_and_until_when_and_verifies() {
        let key = VapidKey::parse(PRIVATE_KEY).unwrap();
        let value = key.authorization("https://push.example", "mailto:a@b.example", 1_800_000_000);
        let rest = value.strip_prefix("vapid t=").unwrap();
        let (token, public) = rest.split_once(", k=").unwrap();
        assert_eq!(public, PUBLIC_KEY);
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let point = VerifyingKey::from_sec1_bytes(&decode(PUBLIC_KEY).unwrap()).unwrap();
        let signature = Signature::from_slice(&decode(signature).unwrap()).unwrap();
        point.verify(signed.as_bytes(), &signature).unwrap();
        let (header, claims) = signed.split_once('.').unwrap();
        let read = |part| -> Value { serde_json::from_slice(&decode(part).unwrap()).unwrap() };
        assert_eq!(read(header), json!({"typ": "JWT", "alg": "ES256"}));
        assert_eq!(
            read(claims),
            json!({"aud": "https://push.example", "sub": "mailto:a@b.example", "exp": 1_800_000_000})
        );
    }

    #[test]
    fn a_subscription_is_read_as_it_was_stored_and_never_printed() {
        let keys = SubscriptionKeys::parse(P256DH, AUTH).unwrap();
        assert_eq!(keys.text(), format!("{P256DH}.{AUTH}"));
        assert_eq!(SubscriptionKeys::from_text(&keys.text()), Ok(keys.clone()));
        assert_eq!(format!("{keys:?}"), "SubscriptionKeys(…)");
        let padded = format!("{AUTH}==");
        assert_eq!(SubscriptionKeys::parse(P256DH, &padded), Ok(keys));
        // A point that is not on the curve would give away our key.
        let off = URL_SAFE_NO_PAD.encode([4; 65]);
        for (p256dh, auth, wrong) in [
            (off.as_str(), AUTH, KeyError::P256dh),
            ("", AUTH, KeyError::P256dh),
            (P256DH, "", KeyError::Auth),
            (P256DH, "BTBZMqHH6r4Tts7J", KeyError::Auth),
        ] {
            assert_eq!(SubscriptionKeys::parse(p256dh, auth), Err(wrong));
        }
    }
}
