//! Token buckets that all gateways draw from.
//!
//! A bucket is one instant, as in the generic cell rate algorithm (ITU-T I.371): that at which it is full
//! again. Each request moves it by the time that one token takes to come, so that gateways need not agree
//! on an order: what one drew and what another drew add up.

use sqlx::PgPool;
use uuid::Uuid;

/// Full buckets removed at a time.
const PRUNED: i64 = 10_000;

/// What was drawn from one bucket, or is missing in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drawn {
    /// Whose bucket.
    pub subject: Uuid,
    /// Microseconds that it takes to come again. A duration, so that clocks need not agree.
    pub micros: i64,
}

/// Draws from many buckets; answers with what is missing in each, by everybody's doing.
///
/// # Errors
/// Whatever Postgres says.
pub async fn draw(pool: &PgPool, drawn: &[Drawn]) -> sqlx::Result<Vec<Drawn>> {
    let (subjects, micros): (Vec<Uuid>, Vec<i64>) =
        drawn.iter().map(|one| (one.subject, one.micros)).unzip();
    // In the order of the subjects: gateways that draw at once do not wait in a circle.
    let missing: Vec<(Uuid, i64)> = sqlx::query_as(
        "insert into rate_limits as r (subject, until)
         select subject, now() + micros * interval '1 microsecond'
         from unnest($1, $2) as drawn (subject, micros) order by subject
         on conflict (subject) do update
             set until = greatest(r.until, now()) + (excluded.until - now())
         returning subject, (extract(epoch from until - now()) * 1000000)::bigint",
    )
    .bind(&subjects)
    .bind(&micros)
    .fetch_all(pool)
    .await?;
    let missing = missing.into_iter();
    Ok(missing
        .map(|(subject, micros)| Drawn { subject, micros })
        .collect())
}

/// Removes buckets that are full; how many.
///
/// # Errors
/// Whatever Postgres says.
pub async fn prune(pool: &PgPool) -> sqlx::Result<u64> {
    let done = sqlx::query(
        "delete from rate_limits where subject = any(array(
             select subject from rate_limits where until <= now()
             order by subject limit $1 for update skip locked))",
    )
    .bind(PRUNED)
    .execute(pool)
    .await?;
    Ok(done.rows_affected())
}
