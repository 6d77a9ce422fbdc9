//! Personal tokens of the API. One that is deleted is gone.

use chrono::{DateTime, Duration, Utc};
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

/// Most tokens of a user.
pub const MOST: i64 = 50;

/// The last use is written this often at most.
const TOUCH: Duration = Duration::seconds(60);

/// A token as its user sees it.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct ApiToken {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub user_id: Uuid,
    /// What its user calls it.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends; none: when it is deleted.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was last used, to within a minute; none: never.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// A token that is to be stored.
#[derive(Debug, Clone, Copy)]
pub struct NewApiToken<'a> {
    /// See [`ApiToken::name`].
    pub name: &'a str,
    /// SHA-256 of the token.
    pub hash: [u8; 32],
    /// See [`ApiToken::scopes`].
    pub scopes: &'a [&'a str],
    /// See [`ApiToken::expires_at`].
    pub expires_at: Option<DateTime<Utc>>,
}

/// Adds a token; none when the user has [`MOST`] already. Call it in a transaction.
///
/// # Errors
/// Whatever Postgres says.
pub async fn create(
    conn: &mut PgConnection,
    user: Uuid,
    new: NewApiToken<'_>,
) -> sqlx::Result<Option<ApiToken>> {
    // Two additions at once would both see a free place: one waits for the other.
    sqlx::query("select 1 from users where id = $1 for update")
        .bind(user)
        .execute(&mut *conn)
        .await?;
    sqlx::query_as(
        "insert into api_tokens (id, user_id, name, hash, scopes, expires_at)
         select $1, $2, $3, $4, $5, $6
         where (select count(*) from api_tokens where user_id = $2) < $7
         returning *",
    )
    .bind(Uuid::now_v7())
    .bind(user)
    .bind(new.name)
    .bind(new.hash)
    .bind(new.scopes)
    .bind(new.expires_at)
    .bind(MOST)
    .fetch_optional(conn)
    .await
}

/// The token of a hash, unless it is over, and notes its use.
///
/// # Errors
/// Whatever Postgres says.
pub async fn used(
    conn: &mut PgConnection,
    hash: [u8; 32],
    now: DateTime<Utc>,
) -> sqlx::Result<Option<ApiToken>> {
    let token: Option<ApiToken> = sqlx::query_as(
        "select * from api_tokens where hash = $1 and (expires_at is null or expires_at > $2)",
    )
    .bind(hash)
    .bind(now)
    .fetch_optional(&mut *conn)
    .await?;
    let stale = |at: DateTime<Utc>| now - at >= TOUCH;
    if let Some(token) = token.as_ref().filter(|t| t.last_used_at.is_none_or(stale)) {
        // Of many at once one writes.
        sqlx::query(
            "update api_tokens set last_used_at = $2
             where id = $1 and (last_used_at is null or last_used_at <= $3)",
        )
        .bind(token.id)
        .bind(now)
        .bind(now - TOUCH)
        .execute(conn)
        .await?;
    }
    Ok(token)
}

/// The tokens of a user, oldest first, at most [`MOST`].
///
/// # Errors
/// Whatever Postgres says.
pub async fn of_user(conn: &mut PgConnection, user: Uuid) -> sqlx::Result<Vec<ApiToken>> {
    sqlx::query_as("select * from api_tokens where user_id = $1 order by created_at, id")
        .bind(user)
        .fetch_all(conn)
        .await
}

/// Deletes a token of a user; false when there is none.
///
/// # Errors
/// Whatever Postgres says.
pub async fn delete(conn: &mut PgConnection, user: Uuid, id: Uuid) -> sqlx::Result<bool> {
    let done = sqlx::query("delete from api_tokens where id = $1 and user_id = $2")
        .bind(id)
        .bind(user)
        .execute(conn)
        .await?;
    Ok(done.rows_affected() > 0)
}
