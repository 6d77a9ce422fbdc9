//! The append-only trail: every event once.

use domain::event::{Event, EventType};
use serde::Serialize;
use sqlx::{
    FromRow, PgConnection, PgPool,
    types::chrono::{DateTime, Utc},
};
use uuid::Uuid;

/// First key of the advisory locks of owners; any number that nobody else in this database uses.
const LOCK_CLASS: i32 = 0x6175_6469;

/// One line of the trail.
#[derive(Debug, Clone, PartialEq, Serialize, FromRow)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Its place in the trail.
    pub seq: i64,
    /// The event's id.
    pub event_id: Uuid,
    /// The event's type, such as `task.created`.
    #[sqlx(rename = "type")]
    #[serde(rename = "type")]
    pub kind: String,
    /// The task, or the reminder.
    pub subject: String,
    /// When it happened.
    pub time: DateTime<Utc>,
    /// The event's data.
    pub data: serde_json::Value,
}

/// Appends an event; one that is there already stays as it is.
///
/// # Errors
/// From the database.
pub async fn append(conn: &mut PgConnection, event: &Event) -> Result<(), sqlx::Error> {
    insert(conn, event, event.kind.as_str()).await
}

/// Appends that an alarm rang for a generation that is over, and so did nothing.
///
/// # Errors
/// From the database.
pub async fn append_stale(conn: &mut PgConnection, event: &Event) -> Result<(), sqlx::Error> {
    debug_assert_eq!(event.kind, EventType::ReminderDue);
    insert(conn, event, "reminder.stale").await
}

async fn insert(conn: &mut PgConnection, event: &Event, kind: &str) -> Result<(), sqlx::Error> {
    // One after the other for each owner: `seq` is then the order of commits too, and who reads on
    // from the last line misses none.
    sqlx::query(
        "with turn as materialized
             (select pg_advisory_xact_lock($7, hashtext(coalesce($4::text, ''))))
         insert into audit (event_id, type, subject, owner_id, time, data)
         select $1, $2, $3, $4, $5, $6 from turn on conflict (event_id) do nothing",
    )
    .bind(event.id)
    .bind(kind)
    .bind(&event.subject)
    .bind(event.owner)
    .bind(event.time)
    .bind(&event.data)
    .bind(LOCK_CLASS)
    .execute(conn)
    .await
    .map(|_| ())
}

/// A user's trail after `after`, oldest first.
///
/// # Errors
/// From the database.
pub async fn list(
    pool: &PgPool,
    owner: Uuid,
    after: i64,
    limit: i64,
) -> Result<Vec<Entry>, sqlx::Error> {
    sqlx::query_as(
        "select seq, event_id, type, subject, time, data from audit
         where owner_id = $1 and seq > $2 order by seq limit $3",
    )
    .bind(owner)
    .bind(after)
    .bind(limit)
    .fetch_all(pool)
    .await
}
