//! The reminders that a task's owner wrote.

use chrono::{DateTime, Duration, SubsecRound, Utc};
use chrono_tz::Tz;
use domain::{
    event::EventType,
    task::{ReminderSpec, Task},
};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::{Reminder, announce};

/// A reminder whose time passed longer ago than this when its task is written will not fire: its
/// owner has just seen the task. A shorter one is the time that writing took.
const TOO_LATE: Duration = Duration::seconds(60);

/// Makes the reminder rows of an open task what `task.reminders` says. A reminder is known by what
/// its owner wrote: one that is written as before keeps its row, and when its time moved it gets a
/// new generation, or a new occurrence if it fired already. Those written no more are cancelled.
///
/// # Errors
/// From the database.
pub async fn replace_for_task(
    conn: &mut PgConnection,
    task: &Task,
    zone: Tz,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let mut wanted: Vec<(Uuid, &ReminderSpec, DateTime<Utc>)> = task
        .reminders
        .iter()
        .filter_map(|spec| {
            // Postgres keeps microseconds: a finer time would differ from itself for ever.
            let at = spec.when.fire_at(task.due.as_ref(), zone)?.trunc_subsecs(6);
            Some((id_of(task.id, spec), spec, at))
        })
        .collect();
    wanted.sort_by_key(|(id, ..)| *id);
    wanted.dedup_by_key(|(id, ..)| *id);
    let keep: Vec<Uuid> = wanted.iter().map(|(id, ..)| *id).collect();
    let times: Vec<DateTime<Utc>> = wanted.iter().map(|(.., at)| *at).collect();
    let horizon = now - TOO_LATE;
    cancel_where(conn, task.id, (&keep, &times), horizon, now).await?;
    wanted.retain(|(.., at)| *at >= horizon);
    for (id, spec, at) in wanted {
        // One statement: the row is new; or its time moved, and then what is over begins again as
        // another occurrence; or only its words or channels changed, and its alarm stays; or nothing.
        sqlx::query(
            "insert into reminders as r (id, origin, owner_id, task_id, message, channels, fire_at)
             values ($1, 'api', $2, $3, $4, $5, $6)
             on conflict (id) do update set
                 message = excluded.message,
                 fire_at = excluded.fire_at,
                 occurrence = case when r.phase in ('Pending', 'Scheduled', 'Cancelled')
                              then r.occurrence else r.occurrence + 1 end,
                 generation = r.generation + case when r.fire_at <> excluded.fire_at
                              or r.phase = 'Cancelled' then 1 else 0 end,
                 phase = case when r.fire_at <> excluded.fire_at or r.phase = 'Cancelled'
                         then 'Pending' else r.phase end,
                 fired_at = null, finished_at = null, reason = null
             where r.fire_at <> excluded.fire_at or r.phase = 'Cancelled'
                or r.phase in ('Pending', 'Scheduled') and r.message <> excluded.message",
        )
        .bind(id)
        .bind(task.owner)
        .bind(task.id)
        .bind(&task.title)
        .bind(Json(&spec.channels))
        .bind(at)
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

/// Cancels the waiting reminders of a task that is completed or deleted.
///
/// # Errors
/// From the database.
pub async fn cancel_for_task(
    conn: &mut PgConnection,
    task: Uuid,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    cancel_where(conn, task, (&[], &[]), now, now).await
}

/// Cancels the waiting reminders of a task but those that are written still: a time before `horizon`
/// keeps a row only when it is the row's own, which then is overdue and has yet to fire.
async fn cancel_where(
    conn: &mut PgConnection,
    task: Uuid,
    (keep, times): (&[Uuid], &[DateTime<Utc>]),
    horizon: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let cancelled: Vec<Reminder> = sqlx::query_as(
        "update reminders r set phase = 'Cancelled', finished_at = $5
         where task_id = $1 and origin = 'api' and phase in ('Pending', 'Scheduled')
             and not exists (select 1 from unnest($2, $3) as kept (id, at)
                             where kept.id = r.id and (kept.at = r.fire_at or kept.at >= $4))
         returning *",
    )
    .bind(task)
    .bind(keep)
    .bind(times)
    .bind(horizon)
    .bind(now)
    .fetch_all(&mut *conn)
    .await?;
    for reminder in &cancelled {
        announce(conn, EventType::ReminderCancelled, reminder, now).await?;
    }
    Ok(())
}

/// Id of a reminder: its task and what its owner wrote.
fn id_of(task: Uuid, spec: &ReminderSpec) -> Uuid {
    let text = serde_json::to_vec(spec).expect("a reminder has only plain fields");
    Uuid::new_v5(&task, &text)
}
