//! The outbox: events written in the transaction of their cause, published by the relay.
//!
//! `seq` is handed out while the subject's row is locked by its writer, so that for one subject the
//! order of `seq` is the order of commits.

use chrono::{DateTime, Duration, Utc};
use domain::event::{Event, Topic};
use serde_json::json;
use sqlx::{FromRow, PgConnection, PgPool, types::Json};
use uuid::Uuid;

/// Number of shards; a subject belongs to one of them.
pub const SHARDS: i16 = 16;

/// The channel that `NOTIFY` tells the relay by.
pub const CHANNEL: &str = "todostack_outbox";

/// First key of the advisory locks of shards; any number that nobody else in this database uses.
const LOCK_CLASS: i32 = 0x746F_646F;

/// An event that waits to be published.
#[derive(Debug, FromRow)]
pub struct Waiting {
    /// Its place.
    pub seq: i64,
    /// Topic without the stack's prefix.
    pub topic: String,
    /// Partition key.
    pub subject: String,
    /// The event, its `source` still empty.
    pub event: Json<Event>,
    /// When it was written.
    pub created_at: DateTime<Utc>,
}

/// Writes one event; for a task also the thin notice for devices.
///
/// # Errors
/// From the database.
pub async fn put(conn: &mut PgConnection, event: &Event) -> Result<(), sqlx::Error> {
    let topic = event.kind.topic();
    insert(conn, topic, event).await?;
    if topic == Topic::TaskEvents {
        insert(conn, Topic::TaskUpdates, &notice(event)).await?;
    }
    Ok(())
}

/// What a device is told of a change: which task, and its new version to compare with its own.
fn notice(event: &Event) -> Event {
    let mut notice = event.clone();
    // The same cause gives the same notice, under an id of its own.
    notice.id = Uuid::new_v5(&event.id, b"task-updates");
    notice.data = json!({
        "taskId": event.subject,
        "version": event.data.get("version"),
    });
    notice
}

async fn insert(conn: &mut PgConnection, topic: Topic, event: &Event) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into outbox (event_id, topic, subject, shard, event)
         values ($1, $2, $3, (hashtext($3) & 15)::smallint, $4)",
    )
    .bind(event.id)
    .bind(topic.as_str())
    .bind(&event.subject)
    .bind(Json(event))
    .execute(conn)
    .await
    .map(|_| ())
}

/// Takes the shards that no other session holds, until the connection closes.
///
/// # Errors
/// From the database.
pub async fn lock_shards(conn: &mut PgConnection) -> Result<Vec<i16>, sqlx::Error> {
    sqlx::query_scalar(
        "select shard::smallint from generate_series(0, $2 - 1) as shard
         where pg_try_advisory_lock($1, shard)",
    )
    .bind(LOCK_CLASS)
    .bind(i32::from(SHARDS))
    .fetch_all(conn)
    .await
}

/// The oldest unpublished events of these shards, at most one for each topic and subject: a batch in
/// which one entry fails then cannot put a later event of the same task before it.
///
/// # Errors
/// From the database.
pub async fn next_batch(
    conn: &mut PgConnection,
    shards: &[i16],
    limit: i64,
) -> Result<Vec<Waiting>, sqlx::Error> {
    sqlx::query_as(
        "select distinct on (topic, subject) seq, topic, subject, event, created_at
         from (select * from outbox
               where shard = any($1) and published_at is null
               order by seq limit $2) as oldest
         order by topic, subject, seq",
    )
    .bind(shards)
    .bind(limit)
    .fetch_all(conn)
    .await
}

/// Marks events as taken by the broker.
///
/// # Errors
/// From the database.
pub async fn mark_published(conn: &mut PgConnection, seqs: &[i64]) -> Result<(), sqlx::Error> {
    sqlx::query("update outbox set published_at = now() where seq = any($1)")
        .bind(seqs)
        .execute(conn)
        .await
        .map(|_| ())
}

/// How many events wait, and since when the oldest does.
///
/// # Errors
/// From the database.
pub async fn backlog(pool: &PgPool) -> Result<(i64, Option<DateTime<Utc>>), sqlx::Error> {
    sqlx::query_as("select count(*), min(created_at) from outbox where published_at is null")
        .fetch_one(pool)
        .await
}

/// Deletes events published before `before`, at most `limit`; returns how many.
///
/// # Errors
/// From the database.
pub async fn prune(pool: &PgPool, before: DateTime<Utc>, limit: i64) -> Result<u64, sqlx::Error> {
    let done = sqlx::query(
        "delete from outbox where seq = any(array(
             select seq from outbox where published_at < $1 order by published_at limit $2))",
    )
    .bind(before)
    .bind(limit)
    .execute(pool)
    .await?;
    Ok(done.rows_affected())
}

/// A user's change notices since the event `last`, oldest first; `None` when that event is not known
/// any more, so that what came after it cannot be told.
///
/// The order in which events are written is not that in which they reach devices: it begins a minute
/// before `last`, and a device knows what it has seen by the task's version.
///
/// # Errors
/// From the database.
pub async fn notices_since(
    pool: &PgPool,
    owner: Uuid,
    last: Uuid,
    limit: i64,
) -> Result<Option<Vec<Json<Event>>>, sqlx::Error> {
    let written: Option<DateTime<Utc>> =
        sqlx::query_scalar("select created_at from outbox where event_id = $1")
            .bind(last)
            .fetch_optional(pool)
            .await?;
    let Some(written) = written else {
        return Ok(None);
    };
    sqlx::query_scalar(
        "select event from outbox
         where topic = 'task-updates' and event->>'owner' = $1 and created_at > $2
             and event_id <> $3
         order by created_at, seq limit $4",
    )
    .bind(owner.to_string())
    .bind(written - Duration::seconds(60))
    .bind(last)
    .bind(limit)
    .fetch_all(pool)
    .await
    .map(Some)
}
