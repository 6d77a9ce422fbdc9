//! The reminders that a task's owner wrote.

use chrono::{DateTime, Duration, SubsecRound, Utc};
use chrono_tz::Tz;
use domain::{
    event::{Actor, EventType},
    reminder::Channel,
    task::{ReminderSpec, Task},
};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::{Reminder, announce_by};
use crate::trace;

/// A reminder whose time passed longer ago than this when its task is written will not fire: its
/// owner has just seen the task. A shorter one is the time that writing took.
const TOO_LATE: Duration = Duration::seconds(60);

/// The reminders that tasks ask for, as columns for `unnest`.
#[derive(Debug, Default)]
pub(crate) struct Wanted<'a> {
    pub(crate) ids: Vec<Uuid>,
    pub(crate) owners: Vec<Uuid>,
    pub(crate) tasks: Vec<Uuid>,
    pub(crate) messages: Vec<&'a str>,
    pub(crate) channels: Vec<Json<&'a [Channel]>>,
    pub(crate) times: Vec<DateTime<Utc>>,
}

impl<'a> Wanted<'a> {
    /// What tasks ask for, each with the zone of its owner: each reminder once, and only what comes
    /// at `from` or later.
    fn of(tasks: impl IntoIterator<Item = (&'a Task, Tz)>, from: Option<DateTime<Utc>>) -> Self {
        let mut all: Vec<(Uuid, &Task, &ReminderSpec, DateTime<Utc>)> = Vec::new();
        for (task, zone) in tasks {
            all.extend(task.reminders.iter().filter_map(|spec| {
                // Postgres keeps microseconds: a finer time would differ from itself for ever.
                let at = spec.when.fire_at(task.due.as_ref(), zone)?.trunc_subsecs(6);
                (from.is_none_or(|from| at >= from)).then(|| (id_of(task.id, spec), task, spec, at))
            }));
        }
        // Rows are locked in the order of their ids: two writes never wait in a circle.
        all.sort_by_key(|(id, ..)| *id);
        all.dedup_by_key(|(id, ..)| *id);
        let mut wanted = Self::default();
        for (id, task, spec, at) in all {
            wanted.ids.push(id);
            wanted.owners.push(task.owner);
            wanted.tasks.push(task.id);
            wanted.messages.push(&task.title);
            wanted.channels.push(Json(&spec.channels));
            wanted.times.push(at);
        }
        wanted
    }

    /// What a task that is about to be created asks for.
    pub(crate) fn of_new(task: &'a Task, zone: Tz, now: DateTime<Utc>) -> Self {
        Self::of_all_new([(task, zone)], now)
    }

    /// What tasks that are about to be created ask for, each with the zone of its owner.
    pub(crate) fn of_all_new(
        tasks: impl IntoIterator<Item = (&'a Task, Tz)>,
        now: DateTime<Utc>,
    ) -> Self {
        let open = tasks
            .into_iter()
            .filter(|(task, _)| task.completed_at.is_none());
        Self::of(open, Some(now - TOO_LATE))
    }

    /// Executes a statement that takes the columns as `$1` to `$6`, in their order; nothing for no rows.
    async fn write(
        self,
        conn: &mut PgConnection,
        statement: &'static str,
    ) -> Result<(), sqlx::Error> {
        if self.ids.is_empty() {
            return Ok(());
        }
        sqlx::query(statement)
            .bind(self.ids)
            .bind(self.owners)
            .bind(self.tasks)
            .bind(self.messages)
            .bind(self.channels)
            .bind(self.times)
            .bind(trace::current().map(Json))
            .execute(conn)
            .await
            .map(|_| ())
    }
}

/// Writes the rows of reminders that are not there yet.
///
/// # Errors
/// From the database.
pub(crate) async fn insert_all(
    conn: &mut PgConnection,
    wanted: Wanted<'_>,
) -> Result<(), sqlx::Error> {
    wanted
        .write(
            conn,
            "insert into reminders (id, origin, owner_id, task_id, message, channels, fire_at, trace)
             select id, 'api', owner, task, message, channels, at, $7
             from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::jsonb[], $6::timestamptz[])
                  as rows (id, owner, task, message, channels, at)",
        )
        .await
}

/// Makes the reminder rows of open tasks what their `reminders` say. A reminder is known by what its
/// owner wrote: one that is written as before keeps its row, and when its time moved it gets a new
/// generation, or a new occurrence if it fired already. A snooze stays while the time that its owner
/// wrote (`base_at`) does. Those written no more are cancelled. `zone` is that of the tasks' owner.
///
/// # Errors
/// From the database.
pub async fn replace_for_tasks(
    conn: &mut PgConnection,
    tasks: &[Task],
    zone: Tz,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let horizon = now - TOO_LATE;
    let ids: Vec<Uuid> = tasks.iter().map(|task| task.id).collect();
    let of_tasks = |from| Wanted::of(tasks.iter().map(|task| (task, zone)), from);
    cancel_where(conn, &ids, &of_tasks(None), horizon, now).await?;
    // One statement: a row is new; or its time moved, and then what is over begins again as another
    // occurrence; or only its words or channels changed, and its alarm stays; or nothing.
    of_tasks(Some(horizon))
        .write(
            conn,
            "insert into reminders as r
                 (id, origin, owner_id, task_id, message, channels, fire_at, trace)
             select id, 'api', owner, task, message, channels, at, $7
             from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::jsonb[], $6::timestamptz[])
                  as rows (id, owner, task, message, channels, at)
             order by id
             on conflict (id) do update set
                 message = excluded.message,
                 fire_at = case when coalesce(r.base_at, r.fire_at) <> excluded.fire_at
                                or r.phase = 'Cancelled' then excluded.fire_at else r.fire_at end,
                 base_at = case when coalesce(r.base_at, r.fire_at) <> excluded.fire_at
                                or r.phase = 'Cancelled' then null else r.base_at end,
                 occurrence = case when r.phase in ('Pending', 'Scheduled', 'Cancelled')
                              then r.occurrence else r.occurrence + 1 end,
                 generation = r.generation
                     + case when coalesce(r.base_at, r.fire_at) <> excluded.fire_at
                            or r.phase = 'Cancelled' then 1 else 0 end,
                 phase = case when coalesce(r.base_at, r.fire_at) <> excluded.fire_at
                              or r.phase = 'Cancelled' then 'Pending' else r.phase end,
                 fired_at = null, finished_at = null, reason = null, trace = excluded.trace
             where coalesce(r.base_at, r.fire_at) <> excluded.fire_at or r.phase = 'Cancelled'
                or r.phase in ('Pending', 'Scheduled') and r.message <> excluded.message",
        )
        .await
}

/// Cancels the waiting reminders of tasks that are completed or deleted.
///
/// # Errors
/// From the database.
pub async fn cancel_for_tasks(
    conn: &mut PgConnection,
    tasks: &[Uuid],
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    cancel_where(conn, tasks, &Wanted::default(), now, now).await
}

/// Cancels the waiting reminders of tasks but those that are written still: a time before `horizon`
/// keeps a row only when it is the row's own, which then is overdue and has yet to fire.
async fn cancel_where(
    conn: &mut PgConnection,
    tasks: &[Uuid],
    keep: &Wanted<'_>,
    horizon: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let cancelled: Vec<Reminder> = sqlx::query_as(
        "with gone as (
             select r.id from reminders r
             where task_id = any($1) and origin = 'api' and phase in ('Pending', 'Scheduled')
                 and not exists (
                     select 1 from unnest($2::uuid[], $3::timestamptz[]) as kept (id, at)
                     where kept.id = r.id
                         and (kept.at = coalesce(r.base_at, r.fire_at) or kept.at >= $4))
             order by r.id for update)
         update reminders r set phase = 'Cancelled', finished_at = $5
         from gone where gone.id = r.id
         returning r.*",
    )
    .bind(tasks)
    .bind(&keep.ids)
    .bind(&keep.times)
    .bind(horizon)
    .bind(now)
    .fetch_all(&mut *conn)
    .await?;
    // Only a write of the task's owner leads here.
    let owner = |reminder: &Reminder| reminder.owner_id.map_or(Actor::System, Actor::User);
    announce_by(conn, EventType::ReminderCancelled, &cancelled, owner, now).await
}

/// Id of a reminder: its task and what its owner wrote.
fn id_of(task: Uuid, spec: &ReminderSpec) -> Uuid {
    let text = serde_json::to_vec(spec).expect("a reminder has only plain fields");
    Uuid::new_v5(&task, &text)
}
