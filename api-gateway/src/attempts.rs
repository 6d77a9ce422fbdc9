//! How often passwords may be tried and accounts made.
//!
//! Counted in this process only: with several gateways an attacker gets that many times the
//! attempts, which are still too few to guess a password of ten characters.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Attempts are counted over this long.
const WINDOW: Duration = Duration::from_secs(300);
/// Wrong passwords for one account from one address.
const FOR_ACCOUNT_FROM_ADDRESS: u32 = 10;
/// Wrong passwords for one account from anywhere.
const FOR_ACCOUNT: u32 = 100;
/// Wrong passwords and new accounts from one address, which may be a proxy's.
const FROM_ADDRESS: u32 = 300;
/// Counters kept at a time.
const MOST: usize = 100_000;

/// What attempts are counted by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Subject {
    AccountFromAddress(String, Option<IpAddr>),
    Account(String),
    Address(Option<IpAddr>),
}

#[derive(Debug)]
struct Counter {
    since: Instant,
    count: u32,
}

/// The counters.
#[derive(Debug, Clone, Default)]
pub(crate) struct Attempts(Arc<Mutex<HashMap<Subject, Counter>>>);

/// An attempt that was counted before its outcome is known, so that many at once cannot slip
/// through. It stays counted unless it is [`Attempt::succeeded`].
#[derive(Debug)]
pub(crate) struct Attempt {
    attempts: Attempts,
    subjects: Vec<Subject>,
}

/// Seconds after which the next attempt is allowed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooMany(pub(crate) u64);

impl Attempts {
    /// Counts a log-in.
    ///
    /// # Errors
    /// When there were too many.
    pub(crate) fn log_in(
        &self,
        email: &str,
        from: Option<IpAddr>,
        now: Instant,
    ) -> Result<Attempt, TooMany> {
        let email = email.to_lowercase();
        self.count(
            vec![
                (
                    Subject::AccountFromAddress(email.clone(), from),
                    FOR_ACCOUNT_FROM_ADDRESS,
                ),
                (Subject::Account(email), FOR_ACCOUNT),
                (Subject::Address(from), FROM_ADDRESS),
            ],
            now,
        )
    }

    /// Counts a new account.
    ///
    /// # Errors
    /// When there were too many.
    pub(crate) fn sign_up(&self, from: Option<IpAddr>, now: Instant) -> Result<Attempt, TooMany> {
        self.count(vec![(Subject::Address(from), FROM_ADDRESS)], now)
    }

    fn count(&self, subjects: Vec<(Subject, u32)>, now: Instant) -> Result<Attempt, TooMany> {
        let mut counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let over = |counter: &Counter| now.saturating_duration_since(counter.since) >= WINDOW;
        if counters.len() + subjects.len() > MOST {
            counters.retain(|_, counter| !over(counter));
            if counters.len() + subjects.len() > MOST {
                // Under a flood of made-up addresses, forgetting is better than running out of
                // memory: the flood itself is slowed by the hashing of passwords.
                counters.clear();
            }
        }
        for (subject, most) in &subjects {
            if let Some(counter) = counters.get(subject)
                && !over(counter)
                && counter.count >= *most
            {
                let left = WINDOW.saturating_sub(now.saturating_duration_since(counter.since));
                return Err(TooMany(left.as_secs().max(1)));
            }
        }
        let subjects: Vec<Subject> = subjects.into_iter().map(|(subject, _)| subject).collect();
        for subject in &subjects {
            let counter = counters.entry(subject.clone()).or_insert(Counter {
                since: now,
                count: 0,
            });
            if over(counter) {
                *counter = Counter {
                    since: now,
                    count: 0,
                };
            }
            counter.count += 1;
        }
        drop(counters);
        Ok(Attempt {
            attempts: self.clone(),
            subjects,
        })
    }
}

impl Attempt {
    /// Takes it back: only failures are held against anybody.
    pub(crate) fn succeeded(self) {
        let mut counters = self
            .attempts
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for subject in &self.subjects {
            if let Some(counter) = counters.get_mut(subject) {
                counter.count = counter.count.saturating_sub(1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST));

    #[test]
    fn the_eleventh_wrong_password_in_a_row_has_to_wait() {
        let attempts = Attempts::default();
        let now = Instant::now();
        for _ in 0..FOR_ACCOUNT_FROM_ADDRESS {
            attempts.log_in("a@example.com", HOME, now).unwrap();
        }
        let refused = attempts.log_in("A@example.com", HOME, now + Duration::from_secs(60));
        assert_eq!(refused.unwrap_err(), TooMany(240));
        attempts.log_in("b@example.com", HOME, now).unwrap();
        attempts.log_in("a@example.com", None, now).unwrap();
        attempts
            .log_in("a@example.com", HOME, now + WINDOW)
            .unwrap();
    }

    #[test]
    fn right_passwords_are_not_counted() {
        let attempts = Attempts::default();
        let now = Instant::now();
        for _ in 0..2 * FROM_ADDRESS {
            let attempt = attempts.log_in("a@example.com", HOME, now).unwrap();
            attempt.succeeded();
        }
    }

    #[test]
    fn an_account_is_guarded_against_many_addresses() {
        let attempts = Attempts::default();
        let now = Instant::now();
        for i in 0..FOR_ACCOUNT {
            let from = Some(IpAddr::from(i.to_be_bytes()));
            attempts.log_in("a@example.com", from, now).unwrap();
        }
        assert!(attempts.log_in("a@example.com", HOME, now).is_err());
    }

    #[test]
    fn new_accounts_from_one_address_are_limited() {
        let attempts = Attempts::default();
        let now = Instant::now();
        for _ in 0..FROM_ADDRESS {
            attempts.sign_up(HOME, now).unwrap();
        }
        assert!(attempts.sign_up(HOME, now).is_err());
    }
}
