//! Events that a consumer has dealt with: delivery is at least once, its effect is once.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

/// The events of a batch that a consumer has not dealt with before, each until it is taken.
#[derive(Debug, Default)]
#[must_use = "the inbox takes these for dealt with"]
pub struct Accepted(HashSet<Uuid>);

impl Accepted {
    /// Whether the effect of this event is to happen now. Once: a batch may hold an event twice, since
    /// its publisher sends again what the broker took without an answer.
    pub fn take(&mut self, event: Uuid) -> bool {
        self.0.remove(&event)
    }
}

/// Notes that `consumer` deals with these events in this transaction.
///
/// # Errors
/// From the database.
pub async fn accept(
    conn: &mut PgConnection,
    consumer: &str,
    events: &[Uuid],
) -> Result<Accepted, sqlx::Error> {
    if events.is_empty() {
        return Ok(Accepted::default());
    }
    // In the order of their ids: two replicas that have the same events wait for each other in one
    // direction only.
    let accepted: Vec<Uuid> = sqlx::query_scalar(
        "insert into inbox (consumer, event_id)
         select $1, id from (select distinct unnest($2::uuid[]) as id) as events order by id
         on conflict do nothing returning event_id",
    )
    .bind(consumer)
    .bind(events)
    .fetch_all(conn)
    .await?;
    Ok(Accepted(accepted.into_iter().collect()))
}

/// Forgets what was received before `before`, at most `limit` rows; returns how many. Keep them for
/// longer than the broker keeps events. What lies among the consumer's dead letters is remembered: it
/// may be replayed, and may have been dealt with although nobody heard of it.
///
/// # Errors
/// From the database.
pub async fn prune(pool: &PgPool, before: DateTime<Utc>, limit: i64) -> Result<u64, sqlx::Error> {
    let done = sqlx::query(
        "delete from inbox where ctid = any(array(
             select ctid from inbox i where received_at < $1 and not exists (
                 select 1 from dead_letters d
                 where d.consumer = i.consumer and d.event_id = i.event_id)
             limit $2))",
    )
    .bind(before)
    .bind(limit)
    .execute(pool)
    .await?;
    Ok(done.rows_affected())
}
