//! Reading single tasks.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use domain::task::Task;
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use super::row::TaskRow;

/// A task of `owner` that is not deleted.
///
/// # Errors
/// Whatever Postgres says.
pub async fn get(conn: &mut PgConnection, owner: Uuid, id: Uuid) -> sqlx::Result<Option<Task>> {
    let row: Option<TaskRow> = sqlx::query_as(
        "select * from tasks where id = $1 and owner_id = $2 and deleted_at is null",
    )
    .bind(id)
    .bind(owner)
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| row.0))
}

/// Those of these tasks that [`get`] would find, by their ids.
///
/// # Errors
/// Whatever Postgres says.
pub async fn get_all(
    conn: &mut PgConnection,
    owner: Uuid,
    ids: &[Uuid],
) -> sqlx::Result<HashMap<Uuid, Task>> {
    let rows: Vec<TaskRow> = sqlx::query_as(
        "select * from tasks where id = any($1) and owner_id = $2 and deleted_at is null",
    )
    .bind(ids)
    .bind(owner)
    .fetch_all(conn)
    .await?;
    let by_id = |TaskRow(task): TaskRow| (task.id, task);
    Ok(rows.into_iter().map(by_id).collect())
}

/// As [`get`], and nobody else writes the task until the transaction ends.
///
/// # Errors
/// Whatever Postgres says.
pub async fn get_for_update(
    conn: &mut PgConnection,
    owner: Uuid,
    id: Uuid,
) -> sqlx::Result<Option<Task>> {
    let row: Option<TaskRow> = sqlx::query_as(
        "select * from tasks where id = $1 and owner_id = $2 and deleted_at is null for update",
    )
    .bind(id)
    .bind(owner)
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| row.0))
}

/// Whose task an id is, deleted ones included.
///
/// # Errors
/// Whatever Postgres says.
pub async fn owner_of(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<Uuid>> {
    sqlx::query_scalar("select owner_id from tasks where id = $1")
        .bind(id)
        .fetch_optional(conn)
        .await
}

/// What has become of a reminder of a task.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct TaskReminder {
    /// The reminder.
    pub id: Uuid,
    /// When it fires or should have fired.
    pub fire_at: DateTime<Utc>,
    /// [`domain::reminder::Phase`] by name.
    pub phase: String,
    /// When its firing was claimed.
    pub fired_at: Option<DateTime<Utc>>,
    /// When nothing more was to happen to it.
    pub finished_at: Option<DateTime<Utc>>,
}

/// The reminders of a task, earliest first, at most `limit`.
///
/// # Errors
/// Whatever Postgres says.
pub async fn reminders_of(
    conn: &mut PgConnection,
    task: Uuid,
    limit: i64,
) -> sqlx::Result<Vec<TaskReminder>> {
    sqlx::query_as(
        "select id, fire_at, phase, fired_at, finished_at from reminders
         where task_id = $1 order by fire_at, id limit $2",
    )
    .bind(task)
    .bind(limit)
    .fetch_all(conn)
    .await
}

/// Which of these ids are of tasks, deleted ones included.
///
/// # Errors
/// Whatever Postgres says.
pub async fn taken(conn: &mut PgConnection, ids: &[Uuid]) -> sqlx::Result<HashSet<Uuid>> {
    let taken: Vec<Uuid> = sqlx::query_scalar("select id from tasks where id = any($1)")
        .bind(ids)
        .fetch_all(conn)
        .await?;
    Ok(taken.into_iter().collect())
}

/// Whether a task is the last instance of its series and was completed at `completed_at`, so that what
/// follows it is missing: an instance with a later original time, deleted ones included, says that
/// the series went on.
///
/// # Errors
/// Whatever Postgres says.
pub async fn is_last_of_series(
    conn: &mut PgConnection,
    id: Uuid,
    completed_at: DateTime<Utc>,
    series: Uuid,
    occurrence: &str,
) -> sqlx::Result<bool> {
    // Original times are local, in ISO 8601: their order is that of the text.
    sqlx::query_scalar(
        "select exists (select 1 from tasks
                 where id = $1 and completed_at = $2 and deleted_at is null)
             and not exists (select 1 from tasks
                 where series_id = $3 and occurrence collate \"C\" > $4)",
    )
    .bind(id)
    .bind(completed_at)
    .bind(series)
    .bind(occurrence)
    .fetch_one(conn)
    .await
}
