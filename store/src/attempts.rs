//! How often something was tried lately, counted for all replicas together.

use chrono::{DateTime, Duration, Utc};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

/// Attempts are counted over this long, from the first.
pub const WINDOW: Duration = Duration::seconds(300);

/// Expired counters removed at a time.
const PRUNED: i64 = 10_000;

/// What attempts are counted by, and how many are allowed in a [`WINDOW`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Known by its hash: what people type where their address belongs may be a password.
    pub subject: Uuid,
    /// Most attempts.
    pub most: i32,
}

/// Counts an attempt for every subject, unless one of them has had too many: then for none, and the
/// answer is the time after which the next attempt is allowed.
///
/// One statement, whose row locks make attempts at once take turns: none slips through.
///
/// # Errors
/// From the database.
pub async fn count(
    pool: &PgPool,
    limits: &[Limit],
    now: DateTime<Utc>,
) -> Result<Option<Duration>, sqlx::Error> {
    let (subjects, most): (Vec<Uuid>, Vec<i32>) = limits
        .iter()
        .map(|limit| (limit.subject, limit.most))
        .unzip();
    let mut transaction = pool.begin().await?;
    // In the order of the subjects, as everywhere here: nobody waits in a circle.
    let since: Option<DateTime<Utc>> = sqlx::query_scalar(
        "with counted as (
             insert into attempts as a (subject, since, count)
             select subject, $3, 1 from unnest($1) as subject order by subject
             on conflict (subject) do update set
                 count = case when a.since <= $4 then 1 else a.count + 1 end,
                 since = case when a.since <= $4 then $3 else a.since end
             returning subject, since, count)
         select max(since) from counted
         join unnest($1, $2) as allowed (subject, most) using (subject) where count > most",
    )
    .bind(&subjects)
    .bind(&most)
    .bind(now)
    .bind(now - WINDOW)
    .fetch_one(&mut *transaction)
    .await?;
    match since {
        // Counted for none. Not left to the drop, which rolls back some time later: the counters
        // would stay locked beyond the answer.
        Some(since) => {
            transaction.rollback().await?;
            Ok(Some(since + WINDOW - now))
        }
        None => transaction.commit().await.map(|()| None),
    }
}

/// Takes one attempt back for every subject.
///
/// # Errors
/// From the database.
pub async fn take_back(conn: &mut PgConnection, subjects: &[Uuid]) -> Result<(), sqlx::Error> {
    sqlx::query(
        "with mine as materialized (
             select subject from attempts where subject = any($1) order by subject for update)
         update attempts a set count = greatest(a.count - 1, 0)
         from mine where a.subject = mine.subject",
    )
    .bind(subjects)
    .execute(conn)
    .await
    .map(|_| ())
}

/// Removes counters that are over; how many.
///
/// # Errors
/// From the database.
pub async fn prune(conn: &mut PgConnection, now: DateTime<Utc>) -> Result<u64, sqlx::Error> {
    let done = sqlx::query(
        "delete from attempts where subject = any(array(
             select subject from attempts where since <= $1
             order by subject limit $2 for update skip locked))",
    )
    .bind(now - WINDOW)
    .bind(PRUNED)
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}
