//! Writing tasks.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use domain::{
    changes,
    event::{Actor, Event, EventType},
    task::{Task, due_at},
};
use serde_json::{Map, Value, json};
use sqlx::{FromRow, PgConnection, types::Json};
use uuid::Uuid;

use super::row::{Edited, TaskRow, due_columns};
use crate::{outbox, reminders};

/// Writes what its owner may edit, provided that the stored version is still `task.version`;
/// none when it is not. The answer carries the new version.
///
/// # Errors
/// Whatever Postgres says.
pub async fn update(
    conn: &mut PgConnection,
    task: &Task,
    zone: Tz,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<Task>> {
    let (due_date, due_local, due_zone) = due_columns(task.due.as_ref());
    let row: Option<Edited> = sqlx::query_as(
        "update tasks t set title = $4, description = $5, priority = $6, tags = $7, due_date = $8,
             due_local = $9, due_zone = $10, due_at = $11, recurrence = $12, series_id = $13,
             occurrence = $14, reminders = $15, updated_at = $16, version = t.version + 1
         from (select * from tasks
               where id = $1 and owner_id = $2 and version = $3 and deleted_at is null
               for update) as old
         where t.id = old.id
         returning t.*, old.title as old_title, old.description as old_description,
             old.priority as old_priority, old.tags as old_tags, old.due_date as old_due_date,
             old.due_local as old_due_local, old.due_zone as old_due_zone,
             old.due_at as old_due_at, old.recurrence as old_recurrence,
             old.series_id as old_series_id, old.occurrence as old_occurrence,
             old.reminders as old_reminders",
    )
    .bind(task.id)
    .bind(task.owner)
    .bind(task.version)
    .bind(&task.title)
    .bind(&task.description)
    .bind(task.priority.number())
    .bind(&task.tags)
    .bind(due_date)
    .bind(due_local)
    .bind(due_zone)
    .bind(task.due.as_ref().map(|due| due_at(due, zone)))
    .bind(task.recurrence.as_ref().map(Json))
    .bind(task.series)
    .bind(&task.occurrence)
    .bind(Json(&task.reminders))
    .bind(now)
    .fetch_optional(&mut *conn)
    .await?;
    let Some(Edited { before, after }) = row else {
        return Ok(None);
    };
    let changes = changes::between(&before, &after);
    opened(conn, EventType::TaskUpdated, after, changes, zone, now).await
}

/// Completes an open task; none when there is no open task of that id.
///
/// # Errors
/// Whatever Postgres says.
pub async fn complete(
    conn: &mut PgConnection,
    owner: Uuid,
    id: Uuid,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<Task>> {
    let row: Option<TaskRow> = sqlx::query_as(
        "update tasks set completed_at = $3, updated_at = $3, version = version + 1
         where id = $1 and owner_id = $2 and deleted_at is null and completed_at is null
         returning *",
    )
    .bind(id)
    .bind(owner)
    .bind(now)
    .fetch_optional(&mut *conn)
    .await?;
    let Some(TaskRow(task)) = row else {
        return Ok(None);
    };
    let changes = changes::of("completedAt", Value::Null, json!(task.completed_at));
    closed(conn, EventType::TaskCompleted, task, changes, now).await
}

/// Opens a completed task again; none when there is no completed task of that id.
///
/// # Errors
/// Whatever Postgres says.
pub async fn reopen(
    conn: &mut PgConnection,
    owner: Uuid,
    id: Uuid,
    zone: Tz,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<Task>> {
    let row: Option<Restored> = sqlx::query_as(
        "update tasks t set completed_at = null, updated_at = $3, version = t.version + 1
         from (select id, completed_at from tasks
               where id = $1 and owner_id = $2 and deleted_at is null and completed_at is not null
               for update) as old
         where t.id = old.id returning t.*, old.completed_at as since",
    )
    .bind(id)
    .bind(owner)
    .bind(now)
    .fetch_optional(&mut *conn)
    .await?;
    restored(conn, "completedAt", row, zone, now).await
}

/// Deletes a task so that [`restore`] can bring it back; false when there is none, or none of
/// that `version` where one is given.
///
/// # Errors
/// Whatever Postgres says.
pub async fn delete(
    conn: &mut PgConnection,
    owner: Uuid,
    id: Uuid,
    version: Option<i64>,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let row: Option<TaskRow> = sqlx::query_as(
        "update tasks set deleted_at = $3, updated_at = $3, version = version + 1
         where id = $1 and owner_id = $2 and deleted_at is null and version = coalesce($4, version)
         returning *",
    )
    .bind(id)
    .bind(owner)
    .bind(now)
    .bind(version)
    .fetch_optional(&mut *conn)
    .await?;
    let Some(TaskRow(task)) = row else {
        return Ok(false);
    };
    let changes = changes::of("deletedAt", Value::Null, json!(now));
    closed(conn, EventType::TaskDeleted, task, changes, now).await?;
    Ok(true)
}

/// Brings a deleted task back; none when there is no deleted task of that id.
///
/// # Errors
/// Whatever Postgres says.
pub async fn restore(
    conn: &mut PgConnection,
    owner: Uuid,
    id: Uuid,
    zone: Tz,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<Task>> {
    let row: Option<Restored> = sqlx::query_as(
        "update tasks t set deleted_at = null, updated_at = $3, version = t.version + 1
         from (select id, deleted_at from tasks
               where id = $1 and owner_id = $2 and deleted_at is not null for update) as old
         where t.id = old.id returning t.*, old.deleted_at as since",
    )
    .bind(id)
    .bind(owner)
    .bind(now)
    .fetch_optional(&mut *conn)
    .await?;
    restored(conn, "deletedAt", row, zone, now).await
}

/// A task that was completed or deleted, and since when.
#[derive(FromRow)]
struct Restored {
    #[sqlx(flatten)]
    task: TaskRow,
    since: DateTime<Utc>,
}

async fn restored(
    conn: &mut PgConnection,
    field: &str,
    written: Option<Restored>,
    zone: Tz,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<Task>> {
    let Some(Restored { task, since }) = written else {
        return Ok(None);
    };
    let changes = changes::of(field, json!(since), Value::Null);
    opened(conn, EventType::TaskRestored, task.0, changes, zone, now).await
}

/// What follows from a write that may have left a task open: its reminders and its event. A completed
/// task keeps what its owner wrote, but nothing of it fires until it is reopened.
async fn opened(
    conn: &mut PgConnection,
    kind: EventType,
    task: Task,
    changes: Map<String, Value>,
    zone: Tz,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<Task>> {
    if task.completed_at.is_none() {
        reminders::replace_for_tasks(conn, std::slice::from_ref(&task), zone, now).await?;
    }
    announce(conn, kind, &task, changes, now).await?;
    Ok(Some(task))
}

/// What follows from a write that has closed a task: its reminders end, and its event.
async fn closed(
    conn: &mut PgConnection,
    kind: EventType,
    task: Task,
    changes: Map<String, Value>,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<Task>> {
    reminders::cancel_for_task(conn, task.id, now).await?;
    announce(conn, kind, &task, changes, now).await?;
    Ok(Some(task))
}

/// Puts the event of a write by the task's owner into the outbox.
async fn announce(
    conn: &mut PgConnection,
    kind: EventType,
    task: &Task,
    changes: Map<String, Value>,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    let event = changed(event_of(kind, task, now)?, changes).by(Actor::User(task.owner));
    outbox::put(conn, &event).await
}

/// The event with what its write changed.
pub(super) fn changed(mut event: Event, changes: Map<String, Value>) -> Event {
    if let (Some(data), false) = (event.data.as_object_mut(), changes.is_empty()) {
        data.insert("changes".into(), changes.into());
    }
    event
}

/// The event of a write.
pub(super) fn event_of(kind: EventType, task: &Task, now: DateTime<Utc>) -> sqlx::Result<Event> {
    let data = serde_json::to_value(task).map_err(|error| sqlx::Error::Encode(error.into()))?;
    Ok(Event::new(
        Uuid::now_v7(),
        kind,
        task.id.to_string(),
        Some(task.owner),
        now,
        data,
    ))
}
