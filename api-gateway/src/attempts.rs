//! How often passwords may be tried and accounts made, over all gateways of the stack.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use chrono::{DateTime, Utc};
use sqlx::PgPool;
use store::attempts::{self, Limit, WINDOW};
use uuid::Uuid;

/// Wrong passwords for one account from one address.
const FOR_ACCOUNT_FROM_ADDRESS: i32 = 10;
/// Wrong passwords for one account from anywhere.
const FOR_ACCOUNT: i32 = 100;
/// E-mails that are asked for, for one account.
const MAILS: i32 = 10;
/// Wrong passwords and tokens, new accounts and e-mails from one address, which may be a proxy's.
const FROM_ADDRESS: i32 = 300;

/// Namespace of the hashes by which subjects are known.
const SUBJECTS: Uuid = Uuid::from_u128(0x7d0c_56a4_5b0e_4f5b_9d42_3c1f_8f0a_6e11);

/// The counters, in the database.
#[derive(Debug, Clone)]
pub(crate) struct Attempts {
    pool: PgPool,
    /// When expired counters were last removed, in seconds of the Unix epoch.
    pruned: Arc<AtomicI64>,
}

/// An attempt that was counted before its outcome is known, so that many at once cannot slip
/// through. It stays counted unless it is [`Attempt::succeeded`].
#[derive(Debug)]
pub(crate) struct Attempt {
    pool: PgPool,
    subjects: Vec<Uuid>,
}

/// Why an attempt is not made.
#[derive(Debug)]
pub(crate) enum Refused {
    /// There were too many; seconds after which the next one is allowed.
    TooMany(u64),
    /// They cannot be counted now.
    Database(sqlx::Error),
}

impl Attempts {
    /// Counters in this database.
    pub(crate) fn new(pool: PgPool) -> Self {
        Self {
            pool,
            pruned: Arc::default(),
        }
    }

    /// Counts a log-in.
    ///
    /// # Errors
    /// When there were too many.
    pub(crate) async fn log_in(
        &self,
        email: &str,
        from: Option<IpAddr>,
        now: DateTime<Utc>,
    ) -> Result<Attempt, Refused> {
        let email = email.to_lowercase();
        let limits = [
            limit(
                &format!("account from address {} {email}", name(from)),
                FOR_ACCOUNT_FROM_ADDRESS,
            ),
            limit(&format!("account {email}"), FOR_ACCOUNT),
            limit(&format!("address {}", name(from)), FROM_ADDRESS),
        ];
        self.count(&limits, now).await
    }

    /// Counts what is limited by address alone: a new account, or the token of an e-mail.
    ///
    /// # Errors
    /// When there were too many.
    pub(crate) async fn by_address(
        &self,
        from: Option<IpAddr>,
        now: DateTime<Utc>,
    ) -> Result<Attempt, Refused> {
        let limits = [limit(&format!("address {}", name(from)), FROM_ADDRESS)];
        self.count(&limits, now).await
    }

    /// Counts an e-mail to who has forgotten the password of this account, whether there is one or not.
    ///
    /// # Errors
    /// When there were too many.
    pub(crate) async fn password_reset(
        &self,
        email: &str,
        from: Option<IpAddr>,
        now: DateTime<Utc>,
    ) -> Result<Attempt, Refused> {
        let limits = [
            limit(&format!("mail {}", email.to_lowercase()), MAILS),
            limit(&format!("address {}", name(from)), FROM_ADDRESS),
        ];
        self.count(&limits, now).await
    }

    async fn count(&self, limits: &[Limit], now: DateTime<Utc>) -> Result<Attempt, Refused> {
        self.prune(now).await.map_err(Refused::Database)?;
        let wait = attempts::count(&self.pool, limits, now)
            .await
            .map_err(Refused::Database)?;
        if let Some(wait) = wait {
            // Rounded up: who waits as long as told is let in.
            let seconds = u64::try_from((wait.num_milliseconds() + 999) / 1000).unwrap_or(0);
            return Err(Refused::TooMany(seconds.max(1)));
        }
        Ok(Attempt {
            pool: self.pool.clone(),
            subjects: limits.iter().map(|limit| limit.subject).collect(),
        })
    }

    /// Removes what is over, once a window.
    async fn prune(&self, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
        let last = self.pruned.load(Ordering::Relaxed);
        if now.timestamp() - last < WINDOW.num_seconds()
            || self.pruned.swap(now.timestamp(), Ordering::Relaxed) != last
        {
            return Ok(());
        }
        attempts::prune(&mut *self.pool.acquire().await?, now)
            .await
            .map(|_| ())
    }
}

impl Attempt {
    /// Takes it back: only failures are held against anybody.
    ///
    /// # Errors
    /// From the database.
    pub(crate) async fn succeeded(self) -> Result<(), sqlx::Error> {
        attempts::take_back(&mut *self.pool.acquire().await?, &self.subjects).await
    }
}

fn limit(subject: &str, most: i32) -> Limit {
    Limit {
        subject: Uuid::new_v5(&SUBJECTS, subject.as_bytes()),
        most,
    }
}

fn name(from: Option<IpAddr>) -> String {
    from.map_or_else(|| "unknown".into(), |address| address.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::Duration;

    const HOME: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST));

    /// Two gateways on one database.
    async fn two() -> [Attempts; 2] {
        let pool = store::testing::database().await;
        [pool.pool(), pool.pool()].map(|pool| Attempts::new(pool.clone()))
    }

    #[tokio::test]
    async fn the_eleventh_wrong_password_in_a_row_has_to_wait_whichever_gateway_it_meets() {
        let gateways = two().await;
        let now = Utc::now();
        for i in 0..FOR_ACCOUNT_FROM_ADDRESS {
            let attempts = &gateways[i as usize % 2];
            attempts.log_in("a@example.com", HOME, now).await.unwrap();
        }
        let later = now + Duration::seconds(60);
        for attempts in &gateways {
            let refused = attempts.log_in("A@example.com", HOME, later).await;
            assert!(matches!(refused, Err(Refused::TooMany(240))), "{refused:?}");
        }
        let attempts = &gateways[0];
        attempts.log_in("b@example.com", HOME, now).await.unwrap();
        attempts.log_in("a@example.com", None, now).await.unwrap();
        let over = now + WINDOW;
        attempts.log_in("a@example.com", HOME, over).await.unwrap();
    }

    #[tokio::test]
    async fn many_at_once_do_not_slip_through() {
        let gateways = two().await;
        let now = Utc::now();
        let tries = (0..40).map(|i| {
            let attempts = gateways[i % 2].clone();
            tokio::spawn(async move { attempts.log_in("a@example.com", HOME, now).await.is_ok() })
        });
        let mut allowed = 0;
        for one in tries.collect::<Vec<_>>() {
            allowed += i32::from(one.await.unwrap());
        }
        assert_eq!(allowed, FOR_ACCOUNT_FROM_ADDRESS);
    }

    #[tokio::test]
    async fn what_is_refused_or_right_is_held_against_nobody() {
        let [attempts, _] = two().await;
        let now = Utc::now();
        for _ in 0..2 * FOR_ACCOUNT {
            // Ten are counted; the others do not lock the account for everybody else.
            let _ = attempts.log_in("a@example.com", HOME, now).await;
        }
        for _ in 0..2 * FOR_ACCOUNT {
            let attempt = attempts.log_in("a@example.com", None, now).await.unwrap();
            attempt.succeeded().await.unwrap();
        }
    }

    #[tokio::test]
    async fn an_account_is_guarded_against_many_addresses() {
        let [attempts, _] = two().await;
        let now = Utc::now();
        for i in 0..FOR_ACCOUNT {
            let from = Some(IpAddr::from(i.to_be_bytes()));
            attempts.log_in("a@example.com", from, now).await.unwrap();
        }
        let refused = attempts.log_in("a@example.com", HOME, now).await;
        assert!(matches!(refused, Err(Refused::TooMany(300))), "{refused:?}");
    }

    #[tokio::test]
    async fn new_accounts_from_one_address_are_limited_and_what_is_over_is_removed() {
        let [attempts, _] = two().await;
        let now = Utc::now();
        for _ in 0..FROM_ADDRESS {
            attempts.by_address(HOME, now).await.unwrap();
        }
        assert!(attempts.by_address(HOME, now).await.is_err());
        attempts.by_address(None, now + WINDOW).await.unwrap();
        let left: i64 = sqlx::query_scalar("select count(*) from attempts")
            .fetch_one(&attempts.pool)
            .await
            .unwrap();
        assert_eq!(left, 1);
    }
}
