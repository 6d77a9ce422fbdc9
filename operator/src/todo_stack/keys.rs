//! The Secret `S-keys`: made once, never overwritten but for the keys of access tokens, which rotate when
//! they are told to.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose};
use domain::web_push::VapidKey;

/// Its keys.
pub const KEYS: [&str; 7] = [
    JWT,
    JWT_NEXT,
    JWT_PREVIOUS,
    "internal-token",
    "dapr-app-token",
    "webhook-secret",
    VAPID,
];

/// The private key of Web Push.
pub const VAPID: &str = "vapid-key";

/// The key that signs access tokens.
pub const JWT: &str = "jwt-key";

/// The key that signs after the next rotation. Every process knows it before it signs, so that none refuses
/// a token of a process that was rolled before it.
pub const JWT_NEXT: &str = "jwt-key-next";

/// The key that signed before the last rotation; at first one that never did.
pub const JWT_PREVIOUS: &str = "jwt-key-previous";

/// The annotation of a TodoStack that asks for a rotation, by another value than before; in the Secret, the
/// value that was last obeyed.
pub const ROTATE_JWT: &str = "todostack.dev/rotate-jwt-key";
const ROTATED_JWT: &str = "jwt-key-rotation";

/// The rotation that a TodoStack's annotations ask for, unless it was done, or keys are missing, which are
/// made first.
pub fn asked_rotation<'a>(
    annotations: &'a BTreeMap<String, String>,
    secret: &BTreeMap<String, Vec<u8>>,
) -> Option<&'a str> {
    let asked = annotations.get(ROTATE_JWT)?;
    let done = secret.get(ROTATED_JWT).map(Vec::as_slice) == Some(asked.as_bytes());
    (!done && missing(Some(secret)).is_empty()).then_some(asked)
}

/// What that rotation makes of the Secret: `fresh` will sign after the next one.
pub fn rotate(
    asked: &str,
    secret: &BTreeMap<String, Vec<u8>>,
    fresh: String,
) -> BTreeMap<&'static str, Vec<u8>> {
    let value = |key: &str| secret.get(key).cloned().unwrap_or_default();
    BTreeMap::from([
        (JWT_PREVIOUS, value(JWT)),
        (JWT, value(JWT_NEXT)),
        (JWT_NEXT, fresh.into_bytes()),
        (ROTATED_JWT, asked.as_bytes().to_vec()),
    ])
}

/// Keys that a Secret lacks. One that has a value keeps it.
pub fn missing(secret: Option<&BTreeMap<String, Vec<u8>>>) -> Vec<&'static str> {
    KEYS.into_iter()
        .filter(|key| {
            secret
                .and_then(|data| data.get(*key))
                .is_none_or(Vec::is_empty)
        })
        .collect()
}

/// A fresh value for a key.
///
/// # Errors
/// When the system has no randomness to give.
pub fn generate(key: &str) -> Result<String, getrandom::Error> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes)?;
    if key == VAPID {
        return match VapidKey::text(&bytes) {
            Some(text) => Ok(text),
            // One in four thousand million is no key.
            None => generate(key),
        };
    }
    Ok(if key == "webhook-secret" {
        // As Standard Webhooks writes it.
        format!("whsec_{}", general_purpose::STANDARD.encode(bytes))
    } else {
        general_purpose::URL_SAFE_NO_PAD.encode(bytes)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lacks_is_made() {
        assert_eq!(missing(None), KEYS);
        let some = BTreeMap::from([
            ("jwt-key".to_owned(), b"x".to_vec()),
            ("webhook-secret".to_owned(), Vec::new()),
        ]);
        let lacks = [
            JWT_NEXT,
            JWT_PREVIOUS,
            "internal-token",
            "dapr-app-token",
            "webhook-secret",
            VAPID,
        ];
        assert_eq!(missing(Some(&some)), lacks);
    }

    #[test]
    fn a_rotation_is_done_once_for_each_value_and_drops_the_oldest_key() {
        let mut secret: BTreeMap<String, Vec<u8>> = KEYS
            .into_iter()
            .map(|key| (key.to_owned(), key.as_bytes().to_vec()))
            .collect();
        let annotated = |value: &str| BTreeMap::from([(ROTATE_JWT.to_owned(), value.to_owned())]);
        assert_eq!(asked_rotation(&BTreeMap::new(), &secret), None);
        assert_eq!(asked_rotation(&annotated("today"), &secret), Some("today"));
        let rotated = rotate("today", &secret, "fresh".into());
        assert_eq!(rotated[JWT_PREVIOUS], b"jwt-key");
        assert_eq!(rotated[JWT], b"jwt-key-next");
        assert_eq!(rotated[JWT_NEXT], b"fresh");
        secret.extend(rotated.into_iter().map(|(key, value)| (key.into(), value)));
        assert_eq!(asked_rotation(&annotated("today"), &secret), None);
        assert!(asked_rotation(&annotated("tomorrow"), &secret).is_some());
        assert_eq!(rotate("tomorrow", &secret, "x".into())[JWT], b"fresh");
        secret.remove(JWT_NEXT);
        assert_eq!(asked_rotation(&annotated("tomorrow"), &secret), None);
    }

    #[test]
    fn values_are_long_enough_and_never_the_same() {
        for key in KEYS {
            let value = generate(key).expect("randomness");
            assert!(value.len() >= 43, "{key}: HS256 wants 32 bytes");
            assert_ne!(value, generate(key).expect("randomness"));
        }
        VapidKey::parse(&generate(VAPID).expect("randomness")).expect("a key");
        let secret = generate("webhook-secret").expect("randomness");
        let encoded = secret.strip_prefix("whsec_").expect("prefix");
        assert_eq!(
            general_purpose::STANDARD
                .decode(encoded)
                .expect("base64")
                .len(),
            32
        );
    }
}
