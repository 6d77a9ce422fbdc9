//! Sessions: a log-in and the refresh tokens that follow from it. One that ends is deleted.

use chrono::{DateTime, Duration, Utc};
use domain::refresh_token::{Chain, HALF, Hash, RefreshToken, Use};
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

/// A session ends when it was not used for this long.
pub const IDLE: Duration = Duration::days(30);

/// Most sessions of a user: the one that was used least recently makes room.
pub const MOST: i64 = 100;

/// A session as its user sees it.
#[derive(Debug, Clone, FromRow)]
pub struct Session {
    /// Its id, which access tokens name.
    pub id: Uuid,
    /// What the program that uses it calls itself.
    pub user_agent: String,
    /// The address that it was used from last, where it is known.
    pub address: Option<String>,
    /// When the user logged in.
    pub created_at: DateTime<Utc>,
    /// When it was last refreshed, or made.
    pub last_used_at: DateTime<Utc>,
    /// When it ends unless it is used.
    pub expires_at: DateTime<Utc>,
}

/// Who uses a session.
#[derive(Debug, Clone, Copy)]
pub struct Device<'a> {
    /// What the program calls itself; empty: it does not say.
    pub user_agent: &'a str,
    /// Where it calls from.
    pub address: Option<&'a str>,
}

/// Begins a session of `user`, whose first token is `token`; its id.
///
/// # Errors
/// Whatever Postgres says.
pub async fn create(
    conn: &mut PgConnection,
    user: Uuid,
    token: &RefreshToken,
    device: Device<'_>,
    now: DateTime<Utc>,
) -> sqlx::Result<Uuid> {
    sqlx::query(
        "delete from sessions where id in (
             (select id from sessions where user_id = $1 and expires_at <= $2)
             union all
             (select id from sessions where user_id = $1 order by last_used_at desc offset $3))",
    )
    .bind(user)
    .bind(now)
    .bind(MOST - 1)
    .execute(&mut *conn)
    .await?;
    sqlx::query_scalar(
        "insert into sessions (id, user_id, family_hash, token_hash, user_agent, address,
             created_at, last_used_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, $7, $8) returning id",
    )
    .bind(Uuid::now_v7())
    .bind(user)
    .bind(token.family_hash())
    .bind(token.own_hash())
    .bind(device.user_agent)
    .bind(device.address)
    .bind(now)
    .bind(now + IDLE)
    .fetch_one(conn)
    .await
}

/// A session that a refresh token names.
#[derive(Debug, Clone)]
pub struct Refreshing {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub user: Uuid,
    /// What is stored of its tokens.
    pub chain: Chain,
}

#[derive(FromRow)]
struct ChainRow {
    id: Uuid,
    user_id: Uuid,
    token_hash: Hash,
    used_hash: Option<Hash>,
    used_nonce: Option<[u8; HALF]>,
    last_used_at: DateTime<Utc>,
}

/// The session of a refresh token, kept from changing until the transaction ends; none when it has ended.
///
/// # Errors
/// Whatever Postgres says.
pub async fn of_token(
    conn: &mut PgConnection,
    token: &RefreshToken,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<Refreshing>> {
    let row: Option<ChainRow> = sqlx::query_as(
        "select * from sessions where family_hash = $1 and expires_at > $2 for update",
    )
    .bind(token.family_hash())
    .bind(now)
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Refreshing {
        id: row.id,
        user: row.user_id,
        chain: Chain {
            current: row.token_hash,
            last_use: row.used_hash.zip(row.used_nonce).map(|(of, nonce)| Use {
                of,
                nonce,
                at: row.last_used_at,
            }),
        },
    }))
}

/// Notes that the token of a session was used, by `used`, and `next` follows it.
///
/// # Errors
/// Whatever Postgres says.
pub async fn advance(
    conn: &mut PgConnection,
    id: Uuid,
    used: &Use,
    next: &RefreshToken,
    device: Device<'_>,
) -> sqlx::Result<()> {
    sqlx::query(
        "update sessions set token_hash = $2, used_hash = $3, used_nonce = $4, user_agent = $5,
             address = $6, last_used_at = $7, expires_at = $8
         where id = $1",
    )
    .bind(id)
    .bind(next.own_hash())
    .bind(used.of)
    .bind(used.nonce)
    .bind(device.user_agent)
    .bind(device.address)
    .bind(used.at)
    .bind(used.at + IDLE)
    .execute(conn)
    .await
    .map(|_| ())
}

/// The sessions of a user, the one used last first, at most [`MOST`].
///
/// # Errors
/// Whatever Postgres says.
pub async fn of_user(
    conn: &mut PgConnection,
    user: Uuid,
    now: DateTime<Utc>,
) -> sqlx::Result<Vec<Session>> {
    sqlx::query_as(
        "select * from sessions where user_id = $1 and expires_at > $2
         order by last_used_at desc, id limit $3",
    )
    .bind(user)
    .bind(now)
    .bind(MOST)
    .fetch_all(conn)
    .await
}

/// When the user of a session logged in; none when it has ended.
///
/// # Errors
/// Whatever Postgres says.
pub async fn since(
    conn: &mut PgConnection,
    user: Uuid,
    id: Uuid,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<DateTime<Utc>>> {
    sqlx::query_scalar(
        "select created_at from sessions where id = $1 and user_id = $2 and expires_at > $3",
    )
    .bind(id)
    .bind(user)
    .bind(now)
    .fetch_optional(conn)
    .await
}

/// Ends a session of a user; false when there is none.
///
/// # Errors
/// Whatever Postgres says.
pub async fn end(conn: &mut PgConnection, user: Uuid, id: Uuid) -> sqlx::Result<bool> {
    let done = sqlx::query("delete from sessions where id = $1 and user_id = $2")
        .bind(id)
        .bind(user)
        .execute(conn)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Ends the session that a refresh token names, if there is one.
///
/// # Errors
/// Whatever Postgres says.
pub async fn end_by_token(conn: &mut PgConnection, token: &RefreshToken) -> sqlx::Result<()> {
    sqlx::query("delete from sessions where family_hash = $1")
        .bind(token.family_hash())
        .execute(conn)
        .await
        .map(|_| ())
}

/// Ends all sessions of a user but `kept`.
///
/// # Errors
/// Whatever Postgres says.
pub async fn end_others(
    conn: &mut PgConnection,
    user: Uuid,
    kept: Option<Uuid>,
) -> sqlx::Result<()> {
    sqlx::query("delete from sessions where user_id = $1 and id is distinct from $2")
        .bind(user)
        .bind(kept)
        .execute(conn)
        .await
        .map(|_| ())
}
