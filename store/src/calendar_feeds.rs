//! Secret addresses at which the calendar of a user is read. A user has one at most: a new one takes the
//! place of the one before.

use chrono::{DateTime, Duration, Utc};
use domain::task::Task;
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use crate::{Owner, tasks::tasks_of};

/// Most tasks of a calendar: those that are due first.
pub const MOST: i64 = 2_000;

/// The last reading is written this often at most.
const TOUCH: Duration = Duration::hours(1);

/// The address of a user's calendar.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct CalendarFeed {
    /// Whose it is.
    pub user_id: Uuid,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last read, to within an hour; none: never.
    pub read_at: Option<DateTime<Utc>>,
}

/// Makes an address, by the SHA-256 of its secret, in the place of the one before. None: the user is gone.
///
/// # Errors
/// Whatever Postgres says.
pub async fn put(
    conn: &mut PgConnection,
    user: Uuid,
    hash: [u8; 32],
    now: DateTime<Utc>,
) -> sqlx::Result<Option<CalendarFeed>> {
    sqlx::query_as(
        "insert into calendar_feeds (user_id, hash, created_at)
         select id, $2, $3 from users where id = $1
         on conflict (user_id) do update
             set hash = excluded.hash, created_at = excluded.created_at, read_at = null
         returning *",
    )
    .bind(user)
    .bind(hash)
    .bind(now)
    .fetch_optional(conn)
    .await
}

/// The address of a user.
///
/// # Errors
/// Whatever Postgres says.
pub async fn get(conn: &mut PgConnection, user: Uuid) -> sqlx::Result<Option<CalendarFeed>> {
    sqlx::query_as("select * from calendar_feeds where user_id = $1")
        .bind(user)
        .fetch_optional(conn)
        .await
}

/// Takes the address of a user away; whether there was one.
///
/// # Errors
/// Whatever Postgres says.
pub async fn delete(conn: &mut PgConnection, user: Uuid) -> sqlx::Result<bool> {
    let done = sqlx::query("delete from calendar_feeds where user_id = $1")
        .bind(user)
        .execute(conn)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Whose calendar is read with a secret of this hash; notes that it is.
///
/// # Errors
/// Whatever Postgres says.
pub async fn read(
    conn: &mut PgConnection,
    hash: [u8; 32],
    now: DateTime<Utc>,
) -> sqlx::Result<Option<Uuid>> {
    let feed: Option<CalendarFeed> = sqlx::query_as("select * from calendar_feeds where hash = $1")
        .bind(hash)
        .fetch_optional(&mut *conn)
        .await?;
    let Some(feed) = feed else { return Ok(None) };
    if feed.read_at.is_none_or(|at| now - at >= TOUCH) {
        // Of many at once one writes.
        sqlx::query(
            "update calendar_feeds set read_at = $2
             where hash = $1 and (read_at is null or read_at <= $3)",
        )
        .bind(hash)
        .bind(now)
        .bind(now - TOUCH)
        .execute(conn)
        .await?;
    }
    Ok(Some(feed.user_id))
}

/// The open tasks of a calendar, at most [`MOST`], the earliest due first. By tasks_owner_due.
///
/// # Errors
/// Whatever Postgres says.
pub async fn tasks(conn: &mut PgConnection, owner: Owner) -> sqlx::Result<Vec<Task>> {
    let rows = sqlx::query(
        "select * from tasks
         where owner_id = $1 and due_at is not null and completed_at is null and deleted_at is null
         order by due_at, id limit $2",
    )
    .bind(owner.id())
    .bind(MOST)
    .fetch_all(conn)
    .await?;
    tasks_of(&rows)
}
