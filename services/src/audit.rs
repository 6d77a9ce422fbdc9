//! The audit service: every event into the append-only trail.

use async_trait::async_trait;
use domain::event::{Event, Topic};
use store::Store;

use crate::consumer::Consumer;

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
        // The trail's own key is the event's id: it needs no inbox.
        let mut transaction = self.store.pool().begin().await?;
        store::audit::append_all(&mut transaction, events).await?;
        transaction.commit().await?;
        Ok(())
    }
}
