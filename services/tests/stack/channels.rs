//! Every kind of channel, from the planned delivery to a real receiver.

mod daprd;
mod email;
mod laws;
mod own;
mod password_reset;
mod push;
mod table;

use std::time::Duration;

use domain::event::Event;
use store::{Store, channels::StoredChannel};
use uuid::Uuid;

use crate::receivers::{Running, fired_to};

/// How a delivery stands.
#[derive(Debug, Clone, sqlx::FromRow)]
struct Row {
    reminder_id: Uuid,
    state: String,
    attempts: i32,
    idempotency_key: Uuid,
    last_error: Option<String>,
}

impl Row {
    fn error(&self) -> &str {
        self.last_error.as_deref().unwrap_or_default()
    }
}

/// The last delivery to a user.
async fn row(pool: &Store, channel: &StoredChannel) -> Option<Row> {
    sqlx::query_as(
        "select reminder_id, state, attempts, idempotency_key, last_error from deliveries
         where owner_id = $1 order by created_at desc limit 1",
    )
    .bind(channel.owner_id)
    .fetch_optional(pool.pool())
    .await
    .unwrap()
}

/// Waits until the last delivery to a user was attempted so often, at most 30 s.
async fn attempted(pool: &Store, channel: &StoredChannel, times: i32) -> Row {
    for _ in 0..1500 {
        if let Some(row) = row(pool, channel).await
            && row.attempts >= times
        {
            return row;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("in 30 s {channel:?} was not attempted {times} times");
}

/// Fires a reminder to `channel`; its events.
async fn fire(pool: &Store, running: &Running, channel: &StoredChannel) -> Vec<Event> {
    let events = fired_to(pool, Some(channel.owner_id), &channel.channel(), 1).await;
    running.handle(&events).await;
    events
}

/// Fires a reminder to `channel`; its delivery once it was attempted.
async fn attempt(pool: &Store, running: &Running, channel: &StoredChannel) -> Row {
    let before = row(pool, channel).await.map(|row| row.reminder_id);
    fire(pool, running, channel).await;
    let row = attempted(pool, channel, 1).await;
    assert_ne!(Some(row.reminder_id), before, "the delivery before");
    row
}

/// Lets the last delivery to a user be attempted now.
async fn hurry(pool: &Store, row: &Row) {
    sqlx::query("update deliveries set next_attempt_at = now() where reminder_id = $1")
        .bind(row.reminder_id)
        .execute(pool.pool())
        .await
        .unwrap();
}
