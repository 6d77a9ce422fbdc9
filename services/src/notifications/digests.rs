//! Digests: what is due today, once on each local day of a user.

use std::{sync::Arc, time::Duration};

use chrono::Utc;
use store::{deliveries::Delivery, digests};
use tokio_util::sync::CancellationToken;

use super::Notifications;

/// How often it is looked which digests are due.
const LOOK: Duration = Duration::from_secs(1);

/// Users of one transaction.
const AT_ONCE: usize = 100;

impl Notifications {
    /// Makes digests as their time comes, until `shutdown`. Several processes may: each takes others.
    pub(super) async fn look_for_digests(self: Arc<Self>, shutdown: CancellationToken) {
        let mut again = false;
        while !shutdown.is_cancelled() {
            if !again {
                tokio::select! {
                    () = tokio::time::sleep(LOOK) => {}
                    () = shutdown.cancelled() => return,
                }
            }
            again = false;
            if !self.is_alive() {
                continue;
            }
            match self.make_digests().await {
                Ok((looked_at, held)) => {
                    again = looked_at == AT_ONCE;
                    self.enqueue(held);
                }
                Err(error) => tracing::warn!(%error, "cannot make the digests"),
            }
        }
    }

    /// Makes those that are due, in one transaction with their deliveries: how many users were looked at,
    /// and what this process is to attempt.
    async fn make_digests(&self) -> Result<(usize, Vec<Delivery>), sqlx::Error> {
        let mut transaction = self.store.begin().await?;
        let limit = i64::try_from(AT_ONCE).unwrap_or(i64::MAX);
        let (looked_at, new) = digests::fire(&mut transaction, limit, Utc::now()).await?;
        if looked_at == 0 {
            return Ok((0, Vec::new()));
        }
        if !new.is_empty() {
            tracing::info!(digests = new.len(), "made digests");
        }
        Ok((looked_at, self.plan_in(transaction, new).await?))
    }
}
