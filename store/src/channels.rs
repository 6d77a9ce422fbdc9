//! The ways in which a user can be reached.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

/// A stored channel.
#[derive(Clone, FromRow)]
pub struct StoredChannel {
    /// Its id, by which reminders name it.
    pub id: Uuid,
    /// Whose it is.
    pub owner_id: Uuid,
    /// `webhook`.
    pub kind: String,
    /// Where to post.
    pub url: String,
    /// `whsec_…`: signs what is posted.
    pub secret: String,
    /// It serves reminders that name no channel.
    pub is_default: bool,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// Never prints the secret, nor the URL, which may hold one.
impl std::fmt::Debug for StoredChannel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredChannel")
            .field("id", &self.id)
            .field("owner_id", &self.owner_id)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// Adds a webhook; none when the owner has `most` channels already.
///
/// # Errors
/// Whatever Postgres says.
pub async fn create_webhook(
    conn: &mut PgConnection,
    owner: Uuid,
    url: &str,
    secret: &str,
    is_default: bool,
    most: i64,
) -> sqlx::Result<Option<StoredChannel>> {
    // Two additions at once would both see a free place: one waits for the other.
    sqlx::query("select 1 from users where id = $1 for update")
        .bind(owner)
        .execute(&mut *conn)
        .await?;
    sqlx::query_as(
        "insert into channels (id, owner_id, kind, url, secret, is_default)
         select $1, $2, 'webhook', $3, $4, $5
         where (select count(*) from channels where owner_id = $2) < $6
         returning *",
    )
    .bind(Uuid::now_v7())
    .bind(owner)
    .bind(url)
    .bind(secret)
    .bind(is_default)
    .bind(most)
    .fetch_optional(conn)
    .await
}

/// The channels of a user, oldest first.
///
/// # Errors
/// Whatever Postgres says.
pub async fn of_owner(conn: &mut PgConnection, owner: Uuid) -> sqlx::Result<Vec<StoredChannel>> {
    sqlx::query_as("select * from channels where owner_id = $1 order by created_at, id")
        .bind(owner)
        .fetch_all(conn)
        .await
}

/// The channels of several users, each user's oldest first.
///
/// # Errors
/// Whatever Postgres says.
pub async fn of_owners(
    conn: &mut PgConnection,
    owners: &[Uuid],
) -> sqlx::Result<Vec<StoredChannel>> {
    sqlx::query_as("select * from channels where owner_id = any($1) order by created_at, id")
        .bind(owners)
        .fetch_all(conn)
        .await
}

/// One channel of a user.
///
/// # Errors
/// Whatever Postgres says.
pub async fn get(
    conn: &mut PgConnection,
    owner: Uuid,
    id: Uuid,
) -> sqlx::Result<Option<StoredChannel>> {
    sqlx::query_as("select * from channels where owner_id = $1 and id = $2")
        .bind(owner)
        .bind(id)
        .fetch_optional(conn)
        .await
}

/// Removes a channel of a user; false when there is none.
///
/// # Errors
/// Whatever Postgres says.
pub async fn delete(conn: &mut PgConnection, owner: Uuid, id: Uuid) -> sqlx::Result<bool> {
    let done = sqlx::query("delete from channels where owner_id = $1 and id = $2")
        .bind(owner)
        .bind(id)
        .execute(conn)
        .await?;
    Ok(done.rows_affected() > 0)
}
