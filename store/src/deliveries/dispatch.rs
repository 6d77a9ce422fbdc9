//! Who attempts a delivery.

use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::Delivery;

/// A process that has said nothing for this long is dead, in seconds; what it held is anybody's.
const DEAD_AFTER: f64 = 6.0;

/// Of what is taken at once, at most one in this many has been tried before, as long as there are
/// first attempts.
const AGAIN: i64 = 4;

/// Takes deliveries that are due and that nobody holds: first attempts before others, the longest due
/// first, none of the lanes `full`.
///
/// # Errors
/// From the database.
pub async fn take(
    pool: &PgPool,
    holder: Uuid,
    full: &[String],
    limit: i64,
) -> Result<Vec<Delivery>, sqlx::Error> {
    sqlx::query_as(
        "with first as (
             select reminder_id, occurrence, channel from deliveries
             where state = 'Pending' and holder is null and attempts = 0
                 and next_attempt_at <= now() and lane <> all($2)
             order by next_attempt_at limit $3 for update skip locked),
         again as (
             select reminder_id, occurrence, channel from deliveries
             where state = 'Pending' and holder is null and attempts > 0
                 and next_attempt_at <= now() and lane <> all($2)
             order by next_attempt_at
             limit greatest($4, $3 - (select count(*) from first)) for update skip locked)
         update deliveries d set holder = $1
         from (select * from first union all select * from again) as taken
         where (d.reminder_id, d.occurrence, d.channel)
             = (taken.reminder_id, taken.occurrence, taken.channel)
         returning d.*",
    )
    .bind(holder)
    .bind(full)
    .bind(limit)
    .bind((limit / AGAIN).max(1))
    .fetch_all(pool)
    .await
}

/// What a sign of life showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beat {
    /// This process was known; if not, what it held may be another's by now.
    pub known: bool,
    /// Deliveries of dead processes that are anybody's again.
    pub freed: u64,
}

/// Says that `holder` lives, and frees what the dead held. `thorough`: also what is held by a process
/// that nobody knows.
///
/// # Errors
/// From the database.
pub async fn beat(
    conn: &mut PgConnection,
    holder: Uuid,
    thorough: bool,
) -> Result<Beat, sqlx::Error> {
    let known = sqlx::query("update dispatchers set seen_at = now() where id = $1")
        .bind(holder)
        .execute(&mut *conn)
        .await?
        .rows_affected()
        > 0;
    if !known {
        // What it noted as its own while it was taken for dead, nobody else would free.
        free(&mut *conn, holder).await?;
        sqlx::query("insert into dispatchers (id) values ($1) on conflict do nothing")
            .bind(holder)
            .execute(&mut *conn)
            .await?;
    }
    let dead = sqlx::query(
        "delete from dispatchers where id <> $1 and seen_at < now() - make_interval(secs => $2)",
    )
    .bind(holder)
    .bind(DEAD_AFTER)
    .execute(&mut *conn)
    .await?
    .rows_affected();
    let mut freed = 0;
    if dead > 0 || thorough {
        freed = sqlx::query(
            "update deliveries d set holder = null
             where state = 'Pending' and holder is not null
                 and not exists (select 1 from dispatchers where id = d.holder)",
        )
        .execute(conn)
        .await?
        .rows_affected();
    }
    Ok(Beat { known, freed })
}

/// Lets go of deliveries that were not attempted.
///
/// # Errors
/// From the database.
pub async fn release(
    conn: &mut PgConnection,
    holder: Uuid,
    deliveries: &[Delivery],
) -> Result<(), sqlx::Error> {
    let (mut reminders, mut occurrences, mut channels) = (Vec::new(), Vec::new(), Vec::new());
    for delivery in deliveries {
        reminders.push(delivery.reminder_id);
        occurrences.push(delivery.occurrence);
        channels.push(delivery.channel.as_str());
    }
    sqlx::query(
        "update deliveries d set holder = null
         from unnest($2::uuid[], $3::int[], $4::text[]) as r (reminder_id, occurrence, channel)
         where (d.reminder_id, d.occurrence, d.channel)
                 = (r.reminder_id, r.occurrence, r.channel)
             and d.state = 'Pending' and d.holder = $1",
    )
    .bind(holder)
    .bind(reminders)
    .bind(occurrences)
    .bind(channels)
    .execute(conn)
    .await
    .map(|_| ())
}

/// Says that `holder` ends; what it still holds is anybody's.
///
/// # Errors
/// From the database.
pub async fn retire(conn: &mut PgConnection, holder: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query("delete from dispatchers where id = $1")
        .bind(holder)
        .execute(&mut *conn)
        .await?;
    free(conn, holder).await
}

async fn free(conn: &mut PgConnection, holder: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query("update deliveries set holder = null where state = 'Pending' and holder = $1")
        .bind(holder)
        .execute(conn)
        .await
        .map(|_| ())
}
