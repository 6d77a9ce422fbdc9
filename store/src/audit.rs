//! The append-only trail: every event once.

use domain::event::{Event, EventType};
use serde::Serialize;
use sqlx::{
    FromRow, PgConnection, PgPool,
    types::chrono::{DateTime, Utc},
};
use uuid::Uuid;

/// First key of the advisory locks that owners share; any number that nobody else in this database uses.
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

/// Appends events in this order, in one statement; one that is there already stays as it is.
///
/// # Errors
/// From the database.
pub async fn append_all(conn: &mut PgConnection, events: &[Event]) -> Result<(), sqlx::Error> {
    let lines: Vec<(&Event, &str)> = events
        .iter()
        .map(|event| (event, event.kind.as_str()))
        .collect();
    insert(conn, &lines).await
}

/// Appends that alarms rang for generations that are over, and so did nothing.
///
/// # Errors
/// From the database.
pub async fn append_stale(conn: &mut PgConnection, events: &[Event]) -> Result<(), sqlx::Error> {
    let lines: Vec<(&Event, &str)> = events
        .iter()
        .map(|event| {
            debug_assert_eq!(event.kind, EventType::ReminderDue);
            (event, "reminder.stale")
        })
        .collect();
    insert(conn, &lines).await
}

async fn insert(conn: &mut PgConnection, lines: &[(&Event, &str)]) -> Result<(), sqlx::Error> {
    if lines.is_empty() {
        return Ok(());
    }
    let mut owners: Vec<i32> = lines.iter().map(|(event, _)| bucket(event.owner)).collect();
    owners.sort_unstable();
    owners.dedup();
    // One after the other for each owner: `seq` is then the order of commits too, and who reads on
    // from the last line misses none. In ascending order, so that two batches never wait in a circle.
    sqlx::query("select pg_advisory_xact_lock($1, b) from unnest($2::int[]) as b")
        .bind(LOCK_CLASS)
        .bind(owners)
        .execute(&mut *conn)
        .await?;
    sqlx::query(
        "insert into audit (event_id, type, subject, owner_id, time, data)
         select event_id, type, subject, owner_id, time, data
         from unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::timestamptz[], $6::jsonb[])
              with ordinality as lines (event_id, type, subject, owner_id, time, data, place)
         order by place on conflict (event_id) do nothing",
    )
    .bind(lines.iter().map(|(event, _)| event.id).collect::<Vec<_>>())
    .bind(lines.iter().map(|(_, kind)| *kind).collect::<Vec<_>>())
    .bind(
        lines
            .iter()
            .map(|(event, _)| event.subject.as_str())
            .collect::<Vec<_>>(),
    )
    .bind(
        lines
            .iter()
            .map(|(event, _)| event.owner)
            .collect::<Vec<_>>(),
    )
    .bind(
        lines
            .iter()
            .map(|(event, _)| event.time)
            .collect::<Vec<_>>(),
    )
    .bind(
        lines
            .iter()
            .map(|(event, _)| &event.data)
            .collect::<Vec<_>>(),
    )
    .execute(conn)
    .await
    .map(|_| ())
}

/// The lock that an owner shares with some others: a batch of many owners takes few locks.
fn bucket(owner: Option<Uuid>) -> i32 {
    i32::from(owner.map_or(0, |id| id.as_bytes()[15]) & 63)
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
