//! The audit service: every event into the append-only trail.

use std::time::Duration;

use async_trait::async_trait;
use domain::event::{Event, Topic};
use store::Store;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::consumer::Consumer;

/// How often the months of the trail are looked after.
const EACH: Duration = Duration::from_secs(3600);

/// The service.
pub struct Audit {
    /// The store.
    pub store: Store,
}

#[async_trait]
impl Consumer for Audit {
    fn name(&self) -> &'static str {
        "audit"
    }

    fn topics(&self) -> &'static [Topic] {
        &[Topic::TaskEvents, Topic::Reminders]
    }

    async fn handle(&self, events: &[Event]) -> anyhow::Result<()> {
        // The trail's own key is the event's id and time: it needs no inbox.
        let mut transaction = store::audit::begin(&self.store).await?;
        store::audit::append_all(&mut transaction, events).await?;
        transaction.commit().await?;
        Ok(())
    }
}

/// Looks after the months of the trail, now and each hour, until `shutdown`: makes those ahead and drops
/// those that ended longer ago than `retention`.
pub async fn maintain(store: Store, retention: Duration, shutdown: CancellationToken) {
    let mut hour = tokio::time::interval(EACH);
    hour.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = hour.tick() => {}
            () = shutdown.cancelled() => return,
        }
        match store::audit::maintain(&store, retention).await {
            Ok(0) => {}
            Ok(months) => tracing::info!(months, "dropped what is older than the trail is kept"),
            Err(error) => tracing::warn!(
                %error,
                "could not look after the months of the trail; tried again in an hour"
            ),
        }
    }
}
