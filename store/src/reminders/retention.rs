//! Forgetting what is over.

use chrono::{DateTime, Utc};
use sqlx::PgPool;

/// Deletes reminders that were over before `before`, with their firings and deliveries, at most
/// `limit`; returns how many. Those of a `ReminderJob` stay for as long as their object does, which
/// would otherwise make them anew.
///
/// # Errors
/// From the database.
pub async fn prune(pool: &PgPool, before: DateTime<Utc>, limit: i64) -> Result<u64, sqlx::Error> {
    let done = sqlx::query(
        "delete from reminders where id = any(array(
             select id from reminders
             where finished_at < $1 and phase in ('Delivered', 'Failed', 'Missed', 'Cancelled')
                 and scheduled_generation is null
                 and (origin = 'api' or released_at is not null)
             order by finished_at limit $2))",
    )
    .bind(before)
    .bind(limit)
    .execute(pool)
    .await?;
    Ok(done.rows_affected())
}
