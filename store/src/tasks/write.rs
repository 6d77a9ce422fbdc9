//! Writing tasks.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use domain::{
    changes,
    event::{Actor, Event, EventType},
    task::{Task, due_at},
};
use serde_json::{Map, Value, json};
use sqlx::{FromRow, PgConnection, postgres::PgRow, types::Json};
use uuid::Uuid;

use super::{
    many::closed_all,
    row::{Edited, TaskRow, due_columns, tasks_of},
};
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
             occurrence = $14, reminders = $15, updated_at = $16, version = t.version + 1,
             project_id = $17, parent_id = $18, position = $19, following = $20
         from (select * from tasks
               where id = $1 and owner_id = $2 and version = $3 and deleted_at is null
               for update) as old
         where t.id = old.id
         returning t.*, old.title as old_title, old.description as old_description,
             old.priority as old_priority, old.tags as old_tags, old.due_date as old_due_date,
             old.due_local as old_due_local, old.due_zone as old_due_zone,
             old.due_at as old_due_at, old.recurrence as old_recurrence,
             old.series_id as old_series_id, old.occurrence as old_occurrence,
             old.reminders as old_reminders, old.project_id as old_project_id,
             old.parent_id as old_parent_id, old.position as old_position,
             old.following as old_following",
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
    .bind(task.project)
    .bind(task.parent)
    .bind(task.position.as_str())
    .bind(task.following.as_ref().map(Json))
    .fetch_optional(&mut *conn)
    .await?;
    let Some(Edited { before, after }) = row else {
        return Ok(None);
    };
    let changes = changes::between(&before, &after);
    let written = vec![(after, changes)];
    Ok(opened(conn, EventType::TaskUpdated, written, zone, now)
        .await?
        .pop())
}

/// Completes an open task with its open subtasks; none when there is no open task of that id.
///
/// # Errors
/// Whatever Postgres says.
pub async fn complete(
    conn: &mut PgConnection,
    owner: Uuid,
    id: Uuid,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<Task>> {
    // Rows are locked in the order of their ids, here and below: two writes never wait in a circle. What
    // another write closed meanwhile is passed over. By tasks_parent.
    let rows = sqlx::query(
        "with recursive below as (
             select id from tasks
             where id = $1 and owner_id = $2 and deleted_at is null and completed_at is null
             union
             select t.id from tasks t join below on t.parent_id = below.id
             where t.deleted_at is null and t.completed_at is null),
         locked as (select t.id from tasks t join below using (id) order by t.id for update of t)
         update tasks t set completed_at = $3, updated_at = $3, version = version + 1
         from locked where t.id = locked.id and t.deleted_at is null and t.completed_at is null
         returning t.*",
    )
    .bind(id)
    .bind(owner)
    .bind(now)
    .fetch_all(&mut *conn)
    .await?;
    closed(
        conn,
        EventType::TaskCompleted,
        &rows,
        id,
        "completedAt",
        now,
    )
    .await
}

/// Opens a completed task again, and the tasks that it is a subtask of; none when there is no completed task
/// of that id.
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
    let rows: Vec<Restored> = sqlx::query_as(
        "with recursive above as (
             select id, parent_id from tasks
             where id = $1 and owner_id = $2 and deleted_at is null and completed_at is not null
             union
             select t.id, t.parent_id from tasks t join above on t.id = above.parent_id
             where t.deleted_at is null and t.completed_at is not null),
         old as (select t.id, t.completed_at, t.parent_id
                 from tasks t join above using (id) order by t.id for update of t)
         update tasks t set completed_at = null, updated_at = $3, version = t.version + 1
         from old where t.id = old.id and t.completed_at is not null
         returning t.*, old.completed_at as since, old.parent_id as old_parent_id",
    )
    .bind(id)
    .bind(owner)
    .bind(now)
    .fetch_all(&mut *conn)
    .await?;
    restored(conn, "completedAt", rows, id, zone, now).await
}

/// Deletes a task with its subtasks so that [`restore`] can bring them back; false when there is none, or
/// none of that `version` where one is given.
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
    // By tasks_parent.
    let rows = sqlx::query(
        "with recursive below as (
             select id from tasks
             where id = $1 and owner_id = $2 and deleted_at is null and version = coalesce($4, version)
             union
             select t.id from tasks t join below on t.parent_id = below.id where t.deleted_at is null),
         locked as (select t.id from tasks t join below using (id) order by t.id for update of t)
         update tasks t set deleted_at = $3, deleted_with = $1, updated_at = $3, version = version + 1
         from locked where t.id = locked.id and t.deleted_at is null
         returning t.*",
    )
    .bind(id)
    .bind(owner)
    .bind(now)
    .bind(version)
    .fetch_all(&mut *conn)
    .await?;
    let task = closed(conn, EventType::TaskDeleted, &rows, id, "deletedAt", now).await?;
    Ok(task.is_some())
}

/// Brings a deleted task back with the subtasks that were deleted with it; none when there is no deleted
/// task of that id. What it was a subtask of may be gone: then it comes to the top of its project.
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
    let rows: Vec<Restored> = sqlx::query_as(
        "with recursive below as (
             select id, deleted_with from tasks
             where id = $1 and owner_id = $2 and deleted_at is not null
             union
             select t.id, t.deleted_with from tasks t join below on t.parent_id = below.id
             where t.deleted_at is not null and t.deleted_with = below.deleted_with),
         old as (select t.id, t.deleted_at, t.parent_id
                 from tasks t join below using (id) order by t.id for update of t)
         update tasks t set deleted_at = null, deleted_with = null, updated_at = $3,
             version = t.version + 1,
             parent_id = case when t.id <> $1 or exists (
                 select 1 from tasks p where p.id = t.parent_id and p.deleted_at is null
                     and (p.completed_at is null or t.completed_at is not null))
                 then t.parent_id end
         from old where t.id = old.id and t.deleted_at is not null
         returning t.*, old.deleted_at as since, old.parent_id as old_parent_id",
    )
    .bind(id)
    .bind(owner)
    .bind(now)
    .fetch_all(&mut *conn)
    .await?;
    restored(conn, "deletedAt", rows, id, zone, now).await
}

/// A task that was completed or deleted, since when, and what it was a subtask of.
#[derive(FromRow)]
struct Restored {
    #[sqlx(flatten)]
    task: TaskRow,
    since: DateTime<Utc>,
    old_parent_id: Option<Uuid>,
}

/// What follows for tasks that are open again, of which the one of this id is returned.
async fn restored(
    conn: &mut PgConnection,
    field: &str,
    rows: Vec<Restored>,
    id: Uuid,
    zone: Tz,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<Task>> {
    let written = rows.into_iter().map(|row| {
        let TaskRow(task) = row.task;
        let mut changes = changes::of(field, json!(row.since), Value::Null);
        if task.parent != row.old_parent_id {
            changes.extend(changes::of(
                "parent",
                json!(row.old_parent_id),
                json!(task.parent),
            ));
        }
        (task, changes)
    });
    let tasks = opened(conn, EventType::TaskRestored, written.collect(), zone, now).await?;
    Ok(tasks.into_iter().find(|task| task.id == id))
}

/// What follows from a write by their owner that may have left tasks open: their reminders and their
/// events. A completed task keeps what its owner wrote, but nothing of it fires until it is reopened.
async fn opened(
    conn: &mut PgConnection,
    kind: EventType,
    written: Vec<(Task, Map<String, Value>)>,
    zone: Tz,
    now: DateTime<Utc>,
) -> sqlx::Result<Vec<Task>> {
    let mut tasks = Vec::with_capacity(written.len());
    let mut events = Vec::with_capacity(written.len());
    for (task, changes) in written {
        let event = changed(event_of(kind, &task, now)?, changes);
        events.push(event.by(Actor::User(task.owner)));
        tasks.push(task);
    }
    let open: Vec<Task> = tasks
        .iter()
        .filter(|task| task.completed_at.is_none())
        .cloned()
        .collect();
    if !open.is_empty() {
        reminders::replace_for_tasks(conn, &open, zone, now).await?;
    }
    outbox::put_all(conn, &events).await?;
    Ok(tasks)
}

/// What follows for tasks that were closed, of which the one of this id is returned.
async fn closed(
    conn: &mut PgConnection,
    kind: EventType,
    rows: &[PgRow],
    id: Uuid,
    field: &str,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<Task>> {
    let tasks = tasks_of(rows)?;
    if tasks.is_empty() {
        return Ok(None);
    }
    closed_all(conn, kind, &tasks, field, now).await?;
    Ok(tasks.into_iter().find(|task| task.id == id))
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
