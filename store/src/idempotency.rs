//! Answers that are kept for requests that may come again, by the user's key
//! (draft-ietf-httpapi-idempotency-key-header).

use chrono::{DateTime, Duration, Utc};
use sqlx::{FromRow, PgConnection, PgPool, types::Json};
use uuid::Uuid;

/// For how long an answer is kept.
pub const KEPT: Duration = Duration::hours(24);

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// SHA-256 of the request.
    pub fingerprint: [u8; 32],
    /// HTTP status.
    pub status: u16,
    /// Names and values of the headers that are kept with it.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// What is known of a key.
#[derive(Debug, PartialEq, Eq)]
pub enum Claim {
    /// Nothing: it is the caller's until the transaction ends.
    New,
    /// Another transaction has claimed it.
    Running,
    /// It was answered.
    Answered(Answer),
    /// Its user is gone.
    NoUser,
}

#[derive(FromRow)]
struct Row {
    is_mine: bool,
    has_user: bool,
    fingerprint: Option<Vec<u8>>,
    status: Option<i16>,
    headers: Option<Json<Vec<(String, String)>>>,
    body: Option<Vec<u8>>,
}

/// Claims the `key` of a user for the transaction of `conn`. Whatever ends it, as a crash does, gives the key
/// free together with all that was written.
///
/// # Errors
/// Whatever Postgres says.
pub async fn claim(
    conn: &mut PgConnection,
    user: Uuid,
    key: &str,
    now: DateTime<Utc>,
) -> sqlx::Result<Claim> {
    // Of two keys with the same hash one waits for its next attempt.
    let row: Row = sqlx::query_as(
        "with claim as materialized (
             select pg_try_advisory_xact_lock(hashtextextended($1::text || $2, 0)) as is_mine)
         select is_mine, exists (select 1 from users where id = $1) as has_user,
             fingerprint, status, headers, body
         from claim left join idempotency_keys k
             on k.user_id = $1 and k.key = $2 and k.created_at > $3",
    )
    .bind(user)
    .bind(key)
    .bind(now - KEPT)
    .fetch_one(conn)
    .await?;
    Ok(match row {
        Row {
            fingerprint: Some(fingerprint),
            status: Some(status),
            headers: Some(Json(headers)),
            body: Some(body),
            ..
        } => Claim::Answered(Answer {
            // Whatever has another length is of no request.
            fingerprint: fingerprint.try_into().unwrap_or_default(),
            status: status.unsigned_abs(),
            headers,
            body,
        }),
        Row {
            has_user: false, ..
        } => Claim::NoUser,
        Row { is_mine: true, .. } => Claim::New,
        Row { is_mine: false, .. } => Claim::Running,
    })
}

/// Keeps the answer to the request of a claimed key. False, and the caller rolls back, when another was kept
/// while the key was claimed: its transaction ended between the look and the claim.
///
/// # Errors
/// Whatever Postgres says.
pub async fn keep(
    conn: &mut PgConnection,
    user: Uuid,
    key: &str,
    answer: &Answer,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let done = sqlx::query(
        "insert into idempotency_keys as k (user_id, key, fingerprint, status, headers, body, created_at)
         select id, $2, $3, $4, $5, $6, $7 from users where id = $1
         on conflict (user_id, key) do update
             set fingerprint = excluded.fingerprint, status = excluded.status,
                 headers = excluded.headers, body = excluded.body, created_at = excluded.created_at
             where k.created_at <= $8",
    )
    .bind(user)
    .bind(key)
    .bind(answer.fingerprint.as_slice())
    .bind(answer.status.cast_signed())
    .bind(Json(&answer.headers))
    .bind(&answer.body)
    .bind(now)
    .bind(now - KEPT)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Removes answers kept at `before` or earlier, at most `limit`; how many.
///
/// # Errors
/// Whatever Postgres says.
pub async fn prune(pool: &PgPool, before: DateTime<Utc>, limit: i64) -> sqlx::Result<u64> {
    let done = sqlx::query(
        "delete from idempotency_keys where ctid = any(array(
             select ctid from idempotency_keys where created_at <= $1
             order by created_at limit $2 for update skip locked))",
    )
    .bind(before)
    .bind(limit)
    .execute(pool)
    .await?;
    Ok(done.rows_affected())
}
