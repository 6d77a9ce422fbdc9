//! Keeps the statements of a young database fast; see [`store::statistics`].

use std::time::Duration;

use store::{Store, statistics};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

/// How often tables are looked at: for so long a table may outgrow the plans of its statements.
const EVERY: Duration = Duration::from_secs(5);

/// The pause after a failure, which may have taken long.
const AFTER_FAILURE: Duration = Duration::from_secs(60);

/// Renews the statistics of tables that have outgrown theirs, until `shutdown`.
pub async fn renew_statistics(store: Store, shutdown: CancellationToken) {
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = every.tick() => {}
            () = shutdown.cancelled() => return,
        }
        match statistics::renew(&store).await {
            Ok(tables) if tables.is_empty() => {}
            Ok(tables) => tracing::info!(?tables, "statistics of tables that grew are renewed"),
            Err(error) => {
                tracing::warn!(%error, "the statistics of tables cannot be renewed");
                every.reset_after(AFTER_FAILURE);
            }
        }
    }
}
