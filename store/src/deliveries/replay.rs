//! Dead letters: deliveries that were given up, and beginning them anew.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

/// Most deliveries of one call.
const MOST: i64 = 10_000;

/// A delivery that was given up.
#[derive(Debug, Clone, FromRow)]
pub struct Failed {
    /// The reminder.
    pub reminder_id: Uuid,
    /// Its occurrence.
    pub occurrence: i32,
    /// Key of the channel.
    pub channel: String,
    /// Attempts since it was planned or last replayed.
    pub attempts: i32,
    /// Why it was given up. Holds no secret.
    pub last_error: Option<String>,
    /// When it was planned.
    pub created_at: DateTime<Utc>,
}

/// Deliveries that were given up, newest first: those of `owner`, or everybody's; at most `limit`.
///
/// # Errors
/// From the database.
pub async fn failed(
    conn: &mut PgConnection,
    owner: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Failed>, sqlx::Error> {
    sqlx::query_as(
        "select reminder_id, occurrence, channel, attempts, last_error, created_at
         from deliveries where state = 'Failed' and ($1::uuid is null or owner_id = $1)
         order by created_at desc, reminder_id, channel limit $2",
    )
    .bind(owner)
    .bind(limit)
    .fetch_all(conn)
    .await
}

/// Begins deliveries anew that were given up, under the same idempotency keys, with the whole table of
/// attempts before them: those of `owner`, or everybody's; of `reminder`, or of all. At most 10,000;
/// how many. A reminder that failed stands at `Fired` again. Call it in a transaction.
///
/// # Errors
/// From the database.
pub async fn replay(
    conn: &mut PgConnection,
    owner: Option<Uuid>,
    reminder: Option<Uuid>,
) -> Result<u64, sqlx::Error> {
    let chosen: Vec<(Uuid, i32)> = sqlx::query_as(
        "select reminder_id, occurrence from deliveries
         where state = 'Failed' and ($1::uuid is null or owner_id = $1)
             and ($2::uuid is null or reminder_id = $2)
         order by created_at limit $3",
    )
    .bind(owner)
    .bind(reminder)
    .bind(MOST)
    .fetch_all(&mut *conn)
    .await?;
    let (mut reminders, occurrences): (Vec<Uuid>, Vec<i32>) = chosen.into_iter().unzip();
    // The reminder first, as whoever records attempts does.
    sqlx::query(
        "with locked as (
             select r.id from reminders r
             join (select distinct * from unnest($1::uuid[], $2::int[]) as f (id, occurrence)) f
                 on r.id = f.id and r.occurrence = f.occurrence
             order by r.id for no key update of r)
         update reminders r set phase = 'Fired', finished_at = null, reason = null
         from locked where r.id = locked.id and r.phase = 'Failed'",
    )
    .bind(&reminders)
    .bind(&occurrences)
    .execute(&mut *conn)
    .await?;
    reminders.dedup();
    sqlx::query(
        "update deliveries set state = 'Pending', attempts = 0, replays = replays + 1,
             next_attempt_at = now(), began_at = now(), holder = null
         where state = 'Failed' and reminder_id = any($1) and ($2::uuid is null or owner_id = $2)",
    )
    .bind(&reminders)
    .bind(owner)
    .execute(conn)
    .await
    .map(|done| done.rows_affected())
}
