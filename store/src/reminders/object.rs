//! The reminders that `ReminderJob`s ask for.

use chrono::{DateTime, SubsecRound, Utc};
use domain::{
    event::EventType,
    internal_api::{Origin, ReminderPut, ReminderView},
    reminder::CatchUpMode,
};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::{Reminder, announce, follow};

/// What a [`put`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// It is new, or changed so that its alarm must be set.
    Changed,
    /// It was so already.
    Unchanged,
    /// The id belongs to a reminder that a user made.
    NotYours,
}

/// Makes the reminder `id` what `wanted` says. Another time after it is over begins another
/// occurrence. The same again changes nothing.
///
/// # Errors
/// From the database.
pub async fn put(
    conn: &mut PgConnection,
    id: Uuid,
    wanted: &ReminderPut,
    now: DateTime<Utc>,
) -> Result<Put, sqlx::Error> {
    // Postgres keeps microseconds: a finer time would differ from itself for ever.
    let fire_at = wanted.fire_at.trunc_subsecs(6);
    let old: Option<Reminder> = sqlx::query_as("select * from reminders where id = $1 for update")
        .bind(id)
        .fetch_optional(&mut *conn)
        .await?;
    let Some(old) = old else {
        // The owner of the task is the reminder's: its own channels serve it.
        sqlx::query(
            "insert into reminders (id, origin, object, owner_id, task_id, task_template, message,
                 channels, fire_at, deadline_seconds, suspended, created_at, catch_up, series)
             values ($1, 'kubernetes', $2, (select owner_id from tasks where id = $3), $3, $4, $5,
                 $6, $7, $8, $9, $10, $11, $12)",
        )
        .bind(id)
        .bind(&wanted.object)
        .bind(wanted.task_id)
        .bind(wanted.task.as_ref().map(Json))
        .bind(&wanted.message)
        .bind(Json(&wanted.channels))
        .bind(fire_at)
        .bind(wanted.deadline_seconds)
        .bind(wanted.suspend)
        .bind(now)
        .bind(wanted.catch_up.map(CatchUpMode::as_str))
        .bind(wanted.series)
        .execute(conn)
        .await?;
        return Ok(Put::Changed);
    };
    if old.origin != Origin::Kubernetes.as_str() {
        return Ok(Put::NotYours);
    }
    // One that was snoozed keeps that time for as long as the same is asked for.
    let moved = old.base_at.unwrap_or(old.fire_at) != fire_at;
    let revived = old.phase().is_finished() && moved;
    let edited = old.phase().is_waiting()
        && (moved
            || old.suspended != wanted.suspend
            || old.deadline_seconds != wanted.deadline_seconds
            || old.catch_up.as_deref() != wanted.catch_up.map(CatchUpMode::as_str));
    if !revived && !edited {
        return Ok(Put::Unchanged);
    }
    sqlx::query(
        "update reminders set fire_at = case when $6 then $2 else fire_at end,
             base_at = case when $6 then null else base_at end,
             suspended = $3, deadline_seconds = $4, catch_up = $7,
             generation = generation + 1, occurrence = occurrence + $5, phase = 'Pending',
             fired_at = null, finished_at = null, reason = null
         where id = $1",
    )
    .bind(id)
    .bind(fire_at)
    .bind(wanted.suspend)
    .bind(wanted.deadline_seconds)
    .bind(i32::from(revived))
    .bind(moved)
    .bind(wanted.catch_up.map(CatchUpMode::as_str))
    .execute(conn)
    .await?;
    Ok(Put::Changed)
}

/// A reminder as it is now.
///
/// # Errors
/// From the database.
pub async fn get(conn: &mut PgConnection, id: Uuid) -> Result<Option<ReminderView>, sqlx::Error> {
    Ok(follow::lookup(conn, &[id]).await?.pop())
}

/// Cancels a reminder that a `ReminderJob` asked for; one that is over stays as it is. `false`:
/// there is no such reminder.
///
/// # Errors
/// From the database.
pub async fn cancel(
    conn: &mut PgConnection,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    // Its object is going: from now on nothing would make the row anew, and retention may delete it.
    sqlx::query(
        "update reminders set released_at = $2
         where id = $1 and origin = 'kubernetes' and released_at is null",
    )
    .bind(id)
    .bind(now)
    .execute(&mut *conn)
    .await?;
    let cancelled: Option<Reminder> = sqlx::query_as(
        "update reminders set phase = 'Cancelled', finished_at = $2
         where id = $1 and origin = 'kubernetes' and phase in ('Pending', 'Scheduled')
         returning *",
    )
    .bind(id)
    .bind(now)
    .fetch_optional(&mut *conn)
    .await?;
    if let Some(reminder) = cancelled {
        announce(conn, EventType::ReminderCancelled, &[reminder], now).await?;
        return Ok(true);
    }
    sqlx::query_scalar(
        "select exists (select 1 from reminders where id = $1 and origin = 'kubernetes')",
    )
    .bind(id)
    .fetch_one(conn)
    .await
}
