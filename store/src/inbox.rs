//! Events that a consumer has dealt with: delivery is at least once, its effect is once.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

/// Notes that `consumer` deals with the event in this transaction. `false`: it has already.
///
/// # Errors
/// From the database.
pub async fn accept(
    conn: &mut PgConnection,
    consumer: &str,
    event: Uuid,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "insert into inbox (consumer, event_id) values ($1, $2) on conflict do nothing",
    )
    .bind(consumer)
    .bind(event)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Forgets what was received before `before`, at most `limit` rows; returns how many. Keep them for
/// longer than the broker keeps events.
///
/// # Errors
/// From the database.
pub async fn prune(pool: &PgPool, before: DateTime<Utc>, limit: i64) -> Result<u64, sqlx::Error> {
    let done = sqlx::query(
        "delete from inbox where ctid = any(array(
             select ctid from inbox where received_at < $1 limit $2))",
    )
    .bind(before)
    .bind(limit)
    .execute(pool)
    .await?;
    Ok(done.rows_affected())
}
