//! Refresh tokens: a session has one at a time, each use answers the one that follows it, and a token that
//! was used before ends its session, for one of the two who had it is a thief.
//!
//! A token is two random halves: one that all tokens of a session share, so that any of them, however old,
//! names its session and cannot be made up, and one of its own. Of both only hashes are stored.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Duration, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// What its text begins with, for scanners that look for secrets.
pub const PREFIX: &str = "tdr_";

/// For how long after its use a token is answered once more, with the same successor: an answer may have
/// been lost, and two tabs of a browser may ask at once. Longer than a request may take.
pub const GRACE: Duration = Duration::seconds(30);

/// Bytes of each half, and of a nonce.
pub const HALF: usize = 32;

/// SHA-256 of half a token. Of 256 random bits no slow hash is needed.
pub type Hash = [u8; HALF];

/// A refresh token. Its `Debug` form does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken {
    family: [u8; HALF],
    own: [u8; HALF],
}

impl std::fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RefreshToken(…)")
    }
}

impl RefreshToken {
    /// The first token of a session, from random bytes.
    pub fn first(family: [u8; HALF], own: [u8; HALF]) -> Self {
        Self { family, own }
    }

    /// Reads its text; none for what is no refresh token.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX)?).ok()?;
        let (family, own) = bytes.split_first_chunk()?;
        Some(Self {
            family: *family,
            own: own.try_into().ok()?,
        })
    }

    /// Its text.
    pub fn text(&self) -> String {
        let bytes = [self.family, self.own].concat();
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
    }

    /// By which its session is known.
    pub fn family_hash(&self) -> Hash {
        Sha256::digest(self.family).into()
    }

    /// By which it is told from the other tokens of its session.
    pub fn own_hash(&self) -> Hash {
        Sha256::digest(self.own).into()
    }

    /// The token that follows it. Of the same `nonce` it is the same, so that a lost answer can be given
    /// again although it is not stored; without this token the nonce is of no use, nor is this token
    /// without the nonce.
    #[must_use]
    pub fn successor(&self, nonce: &[u8; HALF]) -> Self {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.own).expect("HMAC takes a key of any length");
        mac.update(nonce);
        Self {
            family: self.family,
            own: mac.finalize().into_bytes().into(),
        }
    }
}

/// What is stored of the tokens of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// [`RefreshToken::own_hash`] of the token that was not used yet.
    pub current: Hash,
    /// The use before; none: there was none.
    pub last_use: Option<Use>,
}

/// A use of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// [`RefreshToken::own_hash`] of the token.
    pub of: Hash,
    /// What made its successor.
    pub nonce: [u8; HALF],
    /// When.
    pub at: DateTime<Utc>,
}

/// What a token of a session is good for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is used now: this follows it, by the given nonce.
    Next(RefreshToken),
    /// It was used a moment ago: this followed it.
    Again(RefreshToken),
    /// It was used before, by somebody: the session ends.
    Reused,
}

impl Chain {
    /// Judges a token of this session; `nonce` is random.
    pub fn judge(&self, token: &RefreshToken, nonce: &[u8; HALF], now: DateTime<Utc>) -> Verdict {
        let own = token.own_hash();
        if own == self.current {
            return Verdict::Next(token.successor(nonce));
        }
        match &self.last_use {
            Some(used) if used.of == own && now - used.at <= GRACE => {
                Verdict::Again(token.successor(&used.nonce))
            }
            _ => Verdict::Reused,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: [u8; HALF] = [3; HALF];

    fn first() -> RefreshToken {
        RefreshToken::first([1; HALF], [2; HALF])
    }

    /// A session whose first token was used at the epoch.
    fn used() -> Chain {
        Chain {
            current: first().successor(&NONCE).own_hash(),
            last_use: Some(Use {
                of: first().own_hash(),
                nonce: NONCE,
                at: DateTime::UNIX_EPOCH,
            }),
        }
    }

    #[test]
    fn a_token_is_read_from_its_text_and_nothing_else_is() {
        let text = first().text();
        assert_eq!(text.len(), PREFIX.len() + 86);
        assert_eq!(RefreshToken::parse(&text), Some(first()));
        for wrong in [
            "",
            PREFIX,
            &text[1..],
            &text[..text.len() - 2],
            &format!("{text}AA"),
        ] {
            assert_eq!(RefreshToken::parse(wrong), None, "{wrong}");
        }
        assert_eq!(format!("{:?}", first()), "RefreshToken(…)");
    }

    #[test]
    fn each_use_answers_another_token_of_the_same_session() {
        let chain = Chain {
            current: first().own_hash(),
            last_use: None,
        };
        let Verdict::Next(second) = chain.judge(&first(), &NONCE, DateTime::UNIX_EPOCH) else {
            panic!("it was not used before");
        };
        assert_eq!(second.family_hash(), first().family_hash());
        assert_ne!(second.own_hash(), first().own_hash());
        let now = DateTime::UNIX_EPOCH + Duration::days(1);
        let other = used().judge(&second, &[4; HALF], now);
        assert!(matches!(other, Verdict::Next(third) if third != second));
    }

    #[test]
    fn a_lost_answer_is_given_again_for_a_while_and_then_the_token_counts_as_stolen() {
        let at = |seconds| DateTime::UNIX_EPOCH + Duration::seconds(seconds);
        let again = Verdict::Again(first().successor(&NONCE));
        assert_eq!(used().judge(&first(), &[9; HALF], at(0)), again);
        assert_eq!(used().judge(&first(), &[9; HALF], at(30)), again);
        assert_eq!(used().judge(&first(), &[9; HALF], at(31)), Verdict::Reused);
        let older = RefreshToken::first([1; HALF], [7; HALF]);
        assert_eq!(used().judge(&older, &[9; HALF], at(0)), Verdict::Reused);
    }
}
