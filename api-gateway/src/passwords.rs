//! Passwords: argon2id, off the async threads, a few at a time.

use std::sync::Arc;

use anyhow::Context as _;
use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use domain::error::FieldErrors;
use runtime::allocator;
use tokio::sync::Semaphore;

/// Fewest characters of a password.
const PASSWORD_LEAST: usize = 10;
/// Most bytes of a password.
pub(crate) const PASSWORD_MOST: usize = 1024;

/// Says what is wrong with a new password, given in `field`.
pub(crate) fn check_new(password: &str, field: &str, errors: &mut FieldErrors) {
    if password.chars().count() < PASSWORD_LEAST {
        let message = format!("must have at least {PASSWORD_LEAST} characters");
        errors.push(field, message);
    } else if password.len() > PASSWORD_MOST {
        errors.push(field, format!("must have at most {PASSWORD_MOST} bytes"));
    }
}

/// Hashes and checks passwords; cheap to clone.
#[derive(Clone)]
pub(crate) struct Passwords {
    /// One hash takes 19 MiB and a core: this bounds both.
    permits: Arc<Semaphore>,
    /// Checked in place of an account that does not exist, so that both take as long.
    decoy: Arc<str>,
}

impl std::fmt::Debug for Passwords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Passwords(…)")
    }
}

impl Passwords {
    /// As many at a time as there are cores.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut nobody = [0; 32];
        getrandom::fill(&mut nobody).context("random bytes")?;
        Ok(Self {
            permits: Arc::new(Semaphore::new(cores)),
            decoy: hash(&nobody)?.into(),
        })
    }

    /// The PHC string of a password.
    ///
    /// # Errors
    /// When it cannot be computed.
    pub(crate) async fn hash(&self, password: String) -> anyhow::Result<String> {
        let permit = self.permits.clone().acquire_owned().await?;
        tokio::task::spawn_blocking(move || {
            let _permit = permit;
            hash(password.as_bytes())
        })
        .await?
    }

    /// Whether `password` is the one of the stored hash; without a hash it is not, after the same
    /// work.
    ///
    /// # Errors
    /// When it cannot be computed.
    pub(crate) async fn check(
        &self,
        password: String,
        stored: Option<String>,
    ) -> anyhow::Result<bool> {
        let decoy = self.decoy.clone();
        // The permit moves into the work: a caller that goes away does not free its place early.
        let permit = self.permits.clone().acquire_owned().await?;
        tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let text = stored.as_deref().unwrap_or(&decoy);
            let parsed = PasswordHash::new(text)
                .map_err(|error| anyhow::anyhow!("a stored password hash: {error}"))?;
            let right = Argon2::default()
                .verify_password(password.as_bytes(), &parsed)
                .is_ok();
            allocator::return_free_memory();
            Ok(right && stored.is_some())
        })
        .await?
    }
}

/// The PHC string of a password, for who makes an account without the interface.
///
/// # Errors
/// When it cannot be computed.
pub async fn hash_password(password: &str) -> anyhow::Result<String> {
    let password = password.to_owned();
    tokio::task::spawn_blocking(move || hash(password.as_bytes())).await?
}

fn hash(password: &[u8]) -> anyhow::Result<String> {
    let hash = Argon2::default().hash_password(password);
    allocator::return_free_memory();
    hash.map(|hash| hash.to_string())
        .map_err(|error| anyhow::anyhow!("hash a password: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_known_by_its_hash_and_no_other() {
        let passwords = Passwords::new().unwrap();
        let stored = passwords.hash("correct horse".into()).await.unwrap();
        assert!(stored.starts_with("$argon2id$"), "{stored}");
        assert!(!stored.contains("horse"));
        let right = passwords.check("correct horse".into(), Some(stored.clone()));
        assert!(right.await.unwrap());
        let wrong = passwords.check("correct hors".into(), Some(stored));
        assert!(!wrong.await.unwrap());
        assert!(!passwords.check("anything".into(), None).await.unwrap());
    }
}
