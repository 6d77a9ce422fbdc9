//! The audit service: every event into the append-only trail.

use async_trait::async_trait;
use domain::event::{Event, Topic};
use sqlx::PgPool;

use crate::consumer::Consumer;

/// The service.
pub struct Audit {
    /// The store.
    pub pool: PgPool,
}

#[async_trait]
impl Consumer for Audit {
    fn name(&self) -> &'static str {
        "audit"
    }

    fn topics(&self) -> &'static [Topic] {
        &[Topic::TaskEvents, Topic::Reminders]
    }

    async fn handle(&self, event: &Event) -> anyhow::Result<()> {
        // The trail's own key is the event's id: it needs no inbox.
        store::audit::append(&mut *self.pool.acquire().await?, event).await?;
        Ok(())
    }
}
