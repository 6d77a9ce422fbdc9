//! The outbox: events written in the transaction of their cause, published by the relay.
//!
//! `seq` is handed out while the subject's row is locked by its writer, so that for one subject the
//! order of `seq` is the order of commits.

use std::borrow::Cow;

use chrono::{DateTime, Duration, Utc};
use domain::event::{Event, EventType, Topic};
use serde_json::json;
use sqlx::{FromRow, PgConnection, PgPool, types::Json};
use uuid::Uuid;

use crate::{dead_letters::RELAY, trace};

/// Number of shards; a subject belongs to one of them.
pub const SHARDS: i16 = 16;

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
    put_all(conn, std::slice::from_ref(event)).await
}

/// Writes events in this order, in one statement.
///
/// # Errors
/// From the database.
pub async fn put_all(conn: &mut PgConnection, events: &[Event]) -> Result<(), sqlx::Error> {
    let rows = Rows::of(events);
    if rows.ids.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "insert into outbox (event_id, topic, subject, shard, event)
         select id, topic, subject, (hashtext(subject) & 15)::smallint, event
         from unnest($1::uuid[], $2::text[], $3::text[], $4::jsonb[]) with ordinality
              as rows (id, topic, subject, event, place)
         order by place",
    )
    .bind(rows.ids)
    .bind(rows.topics)
    .bind(rows.subjects)
    .bind(rows.events)
    .execute(conn)
    .await
    .map(|_| ())
}

/// The columns of the rows that events become, for `unnest`.
#[derive(Default)]
pub(crate) struct Rows<'a> {
    pub(crate) ids: Vec<Uuid>,
    pub(crate) topics: Vec<&'static str>,
    pub(crate) subjects: Vec<&'a str>,
    pub(crate) events: Vec<Json<Cow<'a, Event>>>,
}

impl<'a> Rows<'a> {
    /// The events, each of a task followed by its notice for devices.
    pub(crate) fn of(events: &'a [Event]) -> Self {
        let mut rows = Self::default();
        let trace = trace::current();
        for event in events {
            let topic = event.kind.topic();
            let subject = &event.subject;
            let event = match (&event.trace, &trace) {
                (None, Some(trace)) => Cow::Owned(event.clone().traced(Some(trace.clone()))),
                _ => Cow::Borrowed(event),
            };
            let notice = (topic == Topic::TaskEvents).then(|| notice(&event));
            rows.push(topic, subject, event);
            if let Some(notice) = notice {
                rows.push(Topic::TaskUpdates, subject, Cow::Owned(notice));
            }
        }
        rows
    }

    fn push(&mut self, topic: Topic, subject: &'a str, event: Cow<'a, Event>) {
        self.ids.push(event.id);
        self.topics.push(topic.as_str());
        self.subjects.push(subject);
        self.events.push(Json(event));
    }
}

/// What a device is told of a change: which task or project, and its new version to compare with its own.
fn notice(event: &Event) -> Event {
    let of = match event.kind {
        EventType::ProjectCreated | EventType::ProjectUpdated | EventType::ProjectDeleted => {
            "projectId"
        }
        _ => "taskId",
    };
    Event {
        // The same cause gives the same notice, under an id of its own.
        id: Uuid::new_v5(&event.id, b"task-updates"),
        data: json!({
            of: event.subject,
            "version": event.data.get("version"),
        }),
        trace: event.trace.clone(),
        ..Event::new(
            event.id,
            event.kind,
            event.subject.clone(),
            event.owner,
            event.time,
            serde_json::Value::Null,
        )
    }
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

/// Refusals after which an event is a dead letter.
pub const ATTEMPTS: i16 = 5;

/// Notes that the broker refused events, each with its reason; those that it refused for the
/// [`ATTEMPTS`]th time become dead letters of the relay, so that they hold back nothing any more. How
/// many did.
///
/// # Errors
/// From the database.
pub async fn refused(
    conn: &mut PgConnection,
    refused: &[(i64, String)],
) -> Result<i64, sqlx::Error> {
    let (seqs, reasons): (Vec<i64>, Vec<String>) = refused
        .iter()
        .map(|(seq, reason)| (*seq, reason.replace('\0', "\u{fffd}")))
        .unzip();
    sqlx::query_scalar(
        "with refused as (
             select seq, left(reason, 1000) as reason
             from unnest($1::bigint[], $2::text[]) as r (seq, reason)),
         tried as (
             update outbox o set attempts = o.attempts + 1, last_error = r.reason
             from refused r where o.seq = r.seq and o.attempts + 1 < $3),
         gone as (
             delete from outbox o using refused r
             where o.seq = r.seq and o.attempts + 1 >= $3
             returning o.event_id, o.topic, o.subject, o.event, o.attempts + 1 as attempts,
                 o.created_at, r.reason),
         dead as (
             insert into dead_letters (consumer, event_id, topic, type, subject, body, reason, state,
                 attempts, first_seen_at)
             select $4, event_id, topic, event->>'type', subject, event::text, reason, 'dead',
                 attempts, created_at
             from gone
             on conflict (consumer, event_id) do update set reason = excluded.reason
             returning 1)
         select count(*) from dead",
    )
    .bind(seqs)
    .bind(reasons)
    .bind(ATTEMPTS)
    .bind(RELAY)
    .fetch_one(conn)
    .await
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

/// Deletes events published before `before`, at most `limit`, the lowest places first; returns how
/// many.
///
/// # Errors
/// From the database.
pub async fn prune(pool: &PgPool, before: DateTime<Utc>, limit: i64) -> Result<u64, sqlx::Error> {
    // What is written later has a higher place and was published later, give or take what waits: the
    // scan ends at the first stretch of rows that are too young, whatever the table holds.
    let done = sqlx::query(
        "delete from outbox where seq = any(array(
             select seq from (select seq, published_at from outbox order by seq limit $2) as lowest
             where published_at < $1))",
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
