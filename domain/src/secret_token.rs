//! Tokens that are stored as hashes: a prefix that says what they are for, and 256 random bits.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

/// Prefix of a user's personal token of the API, for scanners that look for secrets.
pub const PERSONAL: &str = "tds_";

/// Prefix of a token that sets a forgotten password.
pub const PASSWORD_RESET: &str = "tdp_";

/// Prefix of the secret in the address of a calendar.
pub const CALENDAR: &str = "tdc_";

/// The text of a token.
pub fn text(prefix: &str, random: [u8; 32]) -> String {
    format!("{prefix}{}", URL_SAFE_NO_PAD.encode(random))
}

/// What is stored of a token. Of 256 random bits no slow hash is needed.
pub fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_its_prefix_and_43_characters_that_need_no_escape() {
        let token = text(PERSONAL, [0xff; 32]);
        assert_eq!(token.len(), 47);
        assert!(
            token
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
        );
        assert_ne!(hash(&token), hash(&text(PASSWORD_RESET, [0xff; 32])));
    }
}
