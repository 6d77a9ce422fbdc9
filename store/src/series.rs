//! Series: the instances that came of one recurring task.

mod next;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::{
    event::{Actor, EventType},
    task::Task,
};
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

pub use next::{Of, Standing, going_on, open, there};

use crate::{
    Owner,
    tasks::{Edit, edit_all, tasks_of},
};

/// A series that goes on.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Of its open instances the one that is due first.
    pub current: Task,
    /// How many instances it has.
    pub counts: Counts,
}

/// The instances of a series, but deleted ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromRow)]
pub struct Counts {
    /// The series.
    pub series: Uuid,
    /// Those that are open.
    pub open: i64,
    /// Those that are completed.
    pub completed: i64,
    /// When the last of these was.
    pub last_completed_at: Option<DateTime<Utc>>,
}

/// The series of a user that go on, by their ids: those behind `after`, at most `limit`.
///
/// # Errors
/// Whatever Postgres says.
pub async fn list(
    conn: &mut PgConnection,
    owner: Owner,
    after: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<Series>> {
    // By tasks_recurring.
    let rows = sqlx::query(
        "select distinct on (series_id) * from tasks
         where owner_id = $1 and recurrence is not null and completed_at is null
             and deleted_at is null and series_id > coalesce($2, '00000000-0000-0000-0000-000000000000')
         order by series_id, due_at, id limit $3",
    )
    .bind(owner.id())
    .bind(after)
    .bind(limit)
    .fetch_all(&mut *conn)
    .await?;
    let tasks = tasks_of(&rows)?;
    let ids: Vec<Uuid> = tasks.iter().filter_map(|task| task.series).collect();
    // By tasks_series.
    let counts: Vec<Counts> = sqlx::query_as(
        "select series_id as series, count(*) filter (where completed_at is null) as open,
             count(completed_at) as completed, max(completed_at) as last_completed_at
         from tasks
         where series_id = any($2) and owner_id = $1 and deleted_at is null
         group by series_id",
    )
    .bind(owner.id())
    .bind(ids)
    .fetch_all(conn)
    .await?;
    let counts: HashMap<Uuid, Counts> = counts.into_iter().map(|of| (of.series, of)).collect();
    Ok(tasks
        .into_iter()
        .filter_map(|current| {
            let counts = *counts.get(&current.series?)?;
            Some(Series { current, counts })
        })
        .collect())
}

/// Whether a user has, or had, a series of this id: deleted instances do not count.
///
/// # Errors
/// Whatever Postgres says.
pub async fn exists(conn: &mut PgConnection, owner: Owner, series: Uuid) -> sqlx::Result<bool> {
    // By tasks_series.
    sqlx::query_scalar(
        "select exists (select 1 from tasks
             where series_id = $1 and owner_id = $2 and deleted_at is null)",
    )
    .bind(series)
    .bind(owner.id())
    .fetch_one(conn)
    .await
}

/// A place among the completed instances of a series.
pub type Completion = (DateTime<Utc>, Uuid);

/// The completed instances of a series, the last first: those before `before`, at most `limit`.
///
/// # Errors
/// Whatever Postgres says.
pub async fn completions(
    conn: &mut PgConnection,
    owner: Owner,
    series: Uuid,
    before: Option<Completion>,
    limit: i64,
) -> sqlx::Result<Vec<Task>> {
    let (time, id) = before.unzip();
    // By tasks_series.
    let rows = sqlx::query(
        "select * from tasks
         where series_id = $1 and owner_id = $2 and deleted_at is null and completed_at is not null
             and (completed_at, id) < (coalesce($3, 'infinity'),
                                       coalesce($4, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
         order by completed_at desc, id desc limit $5",
    )
    .bind(series)
    .bind(owner.id())
    .bind(time)
    .bind(id)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    tasks_of(&rows)
}

/// Ends a series: its open instances recur no more, nor does the last one that was completed, whose next
/// one may be on its way. False when there is no such series. The caller has the owner's row for itself.
///
/// # Errors
/// Whatever Postgres says.
pub async fn end(
    conn: &mut PgConnection,
    owner: Owner,
    series: Uuid,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    if !exists(conn, owner, series).await? {
        return Ok(false);
    }
    // By tasks_series. Original times are local, in ISO 8601: their order is that of the text.
    let rows = sqlx::query(
        "select * from tasks
         where series_id = $1 and owner_id = $2 and deleted_at is null and recurrence is not null
             and (completed_at is null or occurrence collate \"C\" =
                  (select max(occurrence collate \"C\") from tasks where series_id = $1))
         order by id for update",
    )
    .bind(series)
    .bind(owner.id())
    .fetch_all(&mut *conn)
    .await?;
    let edits = tasks_of(&rows)?.into_iter().map(|task| {
        Edit::of(task, |task| {
            task.recurrence = None;
            task.following = None;
        })
    });
    let actor = Actor::User(owner.id());
    edit_all(conn, EventType::TaskUpdated, edits.collect(), actor, now).await?;
    Ok(true)
}

/// Which of these original times a series has instances for, deleted ones included.
///
/// # Errors
/// Whatever Postgres says.
pub async fn occurrences(
    conn: &mut PgConnection,
    owner: Owner,
    series: Uuid,
    of: &[String],
) -> sqlx::Result<Vec<String>> {
    // By tasks_series.
    sqlx::query_scalar(
        "select distinct occurrence from tasks
         where series_id = $1 and owner_id = $2 and occurrence = any($3)",
    )
    .bind(series)
    .bind(owner.id())
    .bind(of)
    .fetch_all(conn)
    .await
}
