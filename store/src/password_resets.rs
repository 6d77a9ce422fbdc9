//! Forgotten passwords: one row for each user who lately asked for another.

use chrono::{DateTime, Duration, Utc};
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

/// For how long a token is good.
pub const LIFETIME: Duration = Duration::minutes(30);

/// A user gets an e-mail this often at most, whoever asks.
const PAUSE: Duration = Duration::minutes(5);

/// Between two attempts to send it.
const AGAIN: Duration = Duration::minutes(1);

/// After this long it is not sent any more: nobody waits for it.
const PATIENCE: Duration = Duration::minutes(15);

/// Asks for an e-mail to the account of this address, if there is one. A token that was sent is good until
/// the next is.
///
/// # Errors
/// Whatever Postgres says.
pub async fn request(conn: &mut PgConnection, email: &str, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query(
        "insert into password_resets as p (user_id, requested_at, next_attempt_at)
         select id, $2, $2 from users where lower(email) = lower($1)
         on conflict (user_id) do update
             set requested_at = $2, next_attempt_at = $2
             where p.requested_at <= $3",
    )
    .bind(email)
    .bind(now)
    .bind(now - PAUSE)
    .execute(conn)
    .await
    .map(|_| ())
}

/// An e-mail that is to be sent.
#[derive(Clone, FromRow)]
pub struct Mail {
    /// Whose password it sets.
    pub user_id: Uuid,
    /// Where it goes.
    pub email: String,
}

/// Takes an e-mail that waits, and makes the token of `hash` the one that it brings; none when none waits.
/// It waits again in a minute unless it is [`done`]: by then another token takes the place of this one.
///
/// # Errors
/// Whatever Postgres says.
pub async fn take(
    conn: &mut PgConnection,
    hash: [u8; 32],
    now: DateTime<Utc>,
) -> sqlx::Result<Option<Mail>> {
    sqlx::query_as(
        "update password_resets p set next_attempt_at = $3, token_hash = $1, expires_at = $4
         from (select user_id from password_resets
               where next_attempt_at <= $2 and requested_at > $5
               order by next_attempt_at limit 1 for update skip locked) as next
              join users u on u.id = next.user_id
         where p.user_id = next.user_id
         returning u.id as user_id, u.email",
    )
    .bind(hash)
    .bind(now)
    .bind(now + AGAIN)
    .bind(now + LIFETIME)
    .bind(now - PATIENCE)
    .fetch_optional(conn)
    .await
}

/// Notes that the e-mail with the token of `hash` needs no other attempt.
///
/// # Errors
/// Whatever Postgres says.
pub async fn done(conn: &mut PgConnection, hash: [u8; 32]) -> sqlx::Result<()> {
    sqlx::query("update password_resets set next_attempt_at = null where token_hash = $1")
        .bind(hash)
        .execute(conn)
        .await
        .map(|_| ())
}

/// Whether the token of `hash` is good now.
///
/// # Errors
/// Whatever Postgres says.
pub async fn is_good(
    conn: &mut PgConnection,
    hash: [u8; 32],
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    sqlx::query_scalar(
        "select exists (select 1 from password_resets where token_hash = $1 and expires_at > $2)",
    )
    .bind(hash)
    .bind(now)
    .fetch_one(conn)
    .await
}

/// Uses the token of `hash` up: the password is the one of `password_hash` from now on, and every session
/// ends. False when the token is not good, any more. Call it in a transaction.
///
/// # Errors
/// Whatever Postgres says.
pub async fn complete(
    conn: &mut PgConnection,
    hash: [u8; 32],
    password_hash: &str,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let user: Option<Uuid> = sqlx::query_scalar(
        "delete from password_resets where token_hash = $1 and expires_at > $2 returning user_id",
    )
    .bind(hash)
    .bind(now)
    .fetch_optional(&mut *conn)
    .await?;
    let Some(user) = user else {
        return Ok(false);
    };
    sqlx::query("update users set password_hash = $2 where id = $1")
        .bind(user)
        .bind(password_hash)
        .execute(&mut *conn)
        .await?;
    // The link came by mail.
    crate::users::prove_email(conn, user, now).await?;
    crate::sessions::end_others(conn, user, None).await?;
    Ok(true)
}
