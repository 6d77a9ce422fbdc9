//! Personal tokens: `tds_` and 256 random bits, of which only a hash is stored.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

/// What one begins with, for scanners that look for secrets.
const PREFIX: &str = "tds_";

/// The text of a token of these random bytes.
pub(crate) fn text(random: [u8; 32]) -> String {
    format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(random))
}

/// Whether a bearer token is meant to be one.
pub(crate) fn is(token: &str) -> bool {
    token.starts_with(PREFIX)
}

/// What is stored of a token. Of 256 random bits no slow hash is needed.
pub(crate) fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}
