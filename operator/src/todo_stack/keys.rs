//! The Secret `S-keys`: made once, never overwritten.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose};
use domain::web_push::VapidKey;

/// Its keys.
pub const KEYS: [&str; 5] = [
    "jwt-key",
    "internal-token",
    "dapr-app-token",
    "webhook-secret",
    VAPID,
];

/// The private key of Web Push.
pub const VAPID: &str = "vapid-key";

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
        assert_eq!(
            missing(Some(&some)),
            ["internal-token", "dapr-app-token", "webhook-secret", VAPID]
        );
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
