//! One limit for all gateways of a stack.

use std::time::Duration;

use chrono::Utc;
use sqlx::PgPool;
use store::rate_limits;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::Buckets;
use crate::state::Gateway;

/// How often gateways hear of one another: for so long each counts by itself.
const EVERY: Duration = Duration::from_secs(1);

/// How often full buckets are removed from the database, in times of [`EVERY`].
const PRUNES: u64 = 60;

/// Makes the buckets of this gateway one with the others', until `shutdown`. A caller who goes from one to
/// the other gets a tenth of the limit from each before they hear of it, and what comes in a second.
pub async fn share_rate_limits(gateway: Gateway, shutdown: CancellationToken) {
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for round in 1_u64.. {
        tokio::select! {
            _ = every.tick() => {}
            () = shutdown.cancelled() => return,
        }
        let pool = gateway.store.pool();
        let mut outcome = exchange(&gateway.limiter.buckets, pool).await;
        if outcome.is_ok() && round % PRUNES == 0 {
            outcome = rate_limits::prune(pool).await.map(|_| ());
        }
        if let Err(error) = outcome {
            tracing::warn!(%error, "rate limits cannot be shared: each gateway counts by itself");
        }
    }
}

async fn exchange(buckets: &Buckets, pool: &PgPool) -> sqlx::Result<()> {
    let told = buckets.tell(Utc::now().timestamp_micros());
    if told.is_empty() {
        return Ok(());
    }
    match rate_limits::draw(pool, &told).await {
        Ok(missing) => {
            buckets.hear(&missing, Utc::now().timestamp_micros());
            Ok(())
        }
        Err(error) => {
            buckets.untell(&told);
            Err(error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[tokio::test]
    async fn two_gateways_share_a_limit() {
        let store = store::testing::database().await;
        let [a, b] = [Buckets::default(), Buckets::default()];
        let limit = "100/1000".parse().unwrap();
        let now = || Utc::now().timestamp_micros();
        let user = Uuid::now_v7();
        let take = |buckets: &Buckets, times: usize| {
            (0..times)
                .filter(|_| buckets.take(user, limit, now()).is_ok())
                .count()
        };
        assert_eq!(take(&a, 60), 60);
        exchange(&a, store.pool()).await.unwrap();
        assert_eq!(take(&b, 11), 11);
        exchange(&b, store.pool()).await.unwrap();
        // The 71 of both; a token comes in ten seconds.
        assert_eq!(take(&b, 40), 29);
        assert_eq!(rate_limits::prune(store.pool()).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn what_the_database_did_not_hear_it_hears_later() {
        let store = store::testing::database().await;
        let buckets = Buckets::default();
        let limit = "10/1000".parse().unwrap();
        let user = Uuid::now_v7();
        for _ in 0..5 {
            buckets
                .take(user, limit, Utc::now().timestamp_micros())
                .unwrap();
        }
        let closed = store.pool().clone();
        let elsewhere = store::testing::database().await;
        closed.close().await;
        exchange(&buckets, &closed).await.unwrap_err();
        exchange(&buckets, elsewhere.pool()).await.unwrap();
        let missing = rate_limits::draw(elsewhere.pool(), &[]).await.unwrap();
        assert!(missing.is_empty());
        let micros: i64 = sqlx::query_scalar(
            "select (extract(epoch from until - now()) * 1000000)::bigint from rate_limits",
        )
        .fetch_one(elsewhere.pool())
        .await
        .unwrap();
        assert!((490_000_000..=500_000_000).contains(&micros), "{micros}");
    }
}
