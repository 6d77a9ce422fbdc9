//! Which alarms should be set, and which are.

use std::ops::Range;

use chrono::{DateTime, Utc};
use domain::{
    event::EventType,
    reminder::{Alarm, Phase},
};
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use super::{Reminder, announce};

/// A reminder whose alarm is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct AlarmWork {
    id: Uuid,
    occurrence: i32,
    generation: i64,
    fire_at: DateTime<Utc>,
    phase: String,
    suspended: bool,
    scheduled_generation: Option<i64>,
    scheduled_occurrence: Option<i32>,
}

impl AlarmWork {
    /// The alarm to set and its time, when that comes before `until`.
    pub fn to_set(&self, until: DateTime<Utc>) -> Option<(Alarm, DateTime<Utc>)> {
        (self.wants_alarm()
            && self.scheduled_generation != Some(self.generation)
            && self.fire_at < until)
            .then(|| self.current())
    }

    /// The alarm to take away: of an earlier generation, or of a reminder that is over or held back.
    pub fn to_cancel(&self) -> Option<Alarm> {
        self.scheduled_generation
            .filter(|&set| !self.wants_alarm() || set != self.generation)
            .map(|set| Alarm {
                occurrence: self.scheduled_occurrence.unwrap_or(self.occurrence),
                ..self.alarm(set)
            })
    }

    /// Where it stands in the order of [`due_within`].
    pub fn place(&self) -> (DateTime<Utc>, Uuid) {
        (self.fire_at, self.id)
    }

    /// The alarm as it should be set, whether or not it is.
    pub fn current(&self) -> (Alarm, DateTime<Utc>) {
        (self.alarm(self.generation), self.fire_at)
    }

    fn wants_alarm(&self) -> bool {
        !self.suspended && self.phase.parse().is_ok_and(Phase::is_waiting)
    }

    fn alarm(&self, generation: i64) -> Alarm {
        Alarm {
            reminder: self.id,
            occurrence: self.occurrence,
            generation,
        }
    }
}

/// Key of the advisory lock of the sweep; any number that nobody else in this database uses.
const SWEEP_LOCK: i64 = 0x746F_646F_7377_6570;

/// Whether this session may sweep: no other one does. It may until it ends.
///
/// # Errors
/// From the database.
pub async fn try_lock_sweep(conn: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select pg_try_advisory_lock($1)")
        .bind(SWEEP_LOCK)
        .fetch_one(conn)
        .await
}

/// The columns of [`AlarmWork`]; the filter follows.
macro_rules! work {
    ($filter:literal) => {
        concat!(
            "select id, occurrence, generation, fire_at, phase, suspended, scheduled_generation,
                 scheduled_occurrence
             from reminders ",
            $filter
        )
    };
}

/// One reminder.
///
/// # Errors
/// From the database.
pub async fn work_of(conn: &mut PgConnection, id: Uuid) -> Result<Vec<AlarmWork>, sqlx::Error> {
    sqlx::query_as(work!("where id = $1"))
        .bind(id)
        .fetch_all(conn)
        .await
}

/// The reminders of tasks that fire before `until`, and those whose alarm is set.
///
/// # Errors
/// From the database.
pub async fn work_of_tasks(
    conn: &mut PgConnection,
    tasks: &[Uuid],
    until: DateTime<Utc>,
) -> Result<Vec<AlarmWork>, sqlx::Error> {
    sqlx::query_as(work!(
        "where task_id = any($1) and (fire_at < $2 or scheduled_generation is not null)"
    ))
    .bind(tasks)
    .bind(until)
    .fetch_all(conn)
    .await
}

/// Reminders that fire within `span` and whose alarm was not set, nearest first; not those that were
/// written after `settled`, for whoever wrote them is about to set it.
///
/// # Errors
/// From the database.
pub async fn unarmed(
    conn: &mut PgConnection,
    span: Range<DateTime<Utc>>,
    settled: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<AlarmWork>, sqlx::Error> {
    sqlx::query_as(work!(
        "where phase = 'Pending' and not suspended and fire_at >= $1 and fire_at < $2
             and updated_at <= $3
         order by fire_at, id limit $4"
    ))
    .bind(span.start)
    .bind(span.end)
    .bind(settled)
    .bind(limit)
    .fetch_all(conn)
    .await
}

/// Reminders whose alarm was not taken away: they are over, held back, or wait for another time since.
///
/// # Errors
/// From the database.
pub async fn left_over(conn: &mut PgConnection, limit: i64) -> Result<Vec<AlarmWork>, sqlx::Error> {
    sqlx::query_as(work!(
        "where scheduled_generation is not null
             and (suspended or phase <> 'Scheduled')
         order by updated_at limit $1"
    ))
    .bind(limit)
    .fetch_all(conn)
    .await
}

/// Reminders that fire between `from` and `until` and whose alarm was set.
///
/// # Errors
/// From the database.
pub async fn imminent(
    conn: &mut PgConnection,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<AlarmWork>, sqlx::Error> {
    sqlx::query_as(work!(
        "where phase = 'Scheduled' and not suspended and fire_at >= $1 and fire_at < $2
         order by fire_at, id limit $3"
    ))
    .bind(from)
    .bind(until)
    .bind(limit)
    .fetch_all(conn)
    .await
}

/// Reminders that wait and fire within `span`, in the order of their instants, a page behind `after`.
///
/// # Errors
/// From the database.
pub async fn due_within(
    conn: &mut PgConnection,
    span: Range<DateTime<Utc>>,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> Result<Vec<AlarmWork>, sqlx::Error> {
    let (at, id) = after.unwrap_or((span.start, Uuid::nil()));
    // Each phase is one stretch of the index, in order.
    sqlx::query_as(
        "select * from (
             (select id, occurrence, generation, fire_at, phase, suspended, scheduled_generation,
                  scheduled_occurrence
              from reminders where phase = 'Scheduled' and not suspended
                  and (fire_at, id) > ($1, $2) and fire_at < $3
              order by fire_at, id limit $4)
             union all
             (select id, occurrence, generation, fire_at, phase, suspended, scheduled_generation,
                  scheduled_occurrence
              from reminders where phase = 'Pending' and not suspended
                  and (fire_at, id) > ($1, $2) and fire_at < $3
              order by fire_at, id limit $4)) as both_phases
         order by fire_at, id limit $4",
    )
    .bind(at)
    .bind(id)
    .bind(span.end)
    .bind(limit)
    .fetch_all(conn)
    .await
}

/// Whether a reminder should have fired before `before`.
///
/// # Errors
/// From the database.
pub async fn is_overdue(
    conn: &mut PgConnection,
    before: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar(
        "select exists (select 1 from reminders
                        where phase = 'Scheduled' and not suspended and fire_at < $1)
             or exists (select 1 from reminders
                        where phase = 'Pending' and not suspended and fire_at < $1)",
    )
    .bind(before)
    .fetch_one(conn)
    .await
}

/// Reminders that should have fired before `before`, the oldest first.
///
/// # Errors
/// From the database.
pub async fn overdue(
    conn: &mut PgConnection,
    before: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<AlarmWork>, sqlx::Error> {
    // Each phase is one stretch of the index, in order.
    sqlx::query_as(
        "select * from (
             (select id, occurrence, generation, fire_at, phase, suspended, scheduled_generation,
                  scheduled_occurrence
              from reminders where phase = 'Scheduled' and not suspended and fire_at < $1
              order by fire_at, id limit $2)
             union all
             (select id, occurrence, generation, fire_at, phase, suspended, scheduled_generation,
                  scheduled_occurrence
              from reminders where phase = 'Pending' and not suspended and fire_at < $1
              order by fire_at, id limit $2)) as both_phases
         order by fire_at, id limit $2",
    )
    .bind(before)
    .bind(limit)
    .fetch_all(conn)
    .await
}

/// Notes that alarms are set, but for reminders that changed meanwhile.
///
/// # Errors
/// From the database.
pub async fn mark_armed(
    conn: &mut PgConnection,
    alarms: &[Alarm],
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let (ids, generations) = keys(alarms);
    let scheduled: Vec<Reminder> = sqlx::query_as(
        "with armed as (
             select r.id from reminders r
             join unnest($1::uuid[], $2::bigint[]) as a (id, generation)
                 on a.id = r.id and a.generation = r.generation
             where r.phase = 'Pending' order by r.id for update of r)
         update reminders r set phase = 'Scheduled', scheduled_generation = r.generation,
             scheduled_occurrence = r.occurrence
         from armed where armed.id = r.id returning r.*",
    )
    .bind(ids)
    .bind(generations)
    .fetch_all(&mut *conn)
    .await?;
    announce(conn, EventType::ReminderScheduled, &scheduled, now).await
}

/// Notes that the alarms of these generations are gone.
///
/// # Errors
/// From the database.
pub async fn mark_disarmed(conn: &mut PgConnection, alarms: &[Alarm]) -> Result<(), sqlx::Error> {
    let (ids, generations) = keys(alarms);
    sqlx::query(
        "with disarmed as (
             select r.id from reminders r
             join unnest($1::uuid[], $2::bigint[]) as a (id, generation)
                 on a.id = r.id and a.generation = r.scheduled_generation
             order by r.id for update of r)
         update reminders r set scheduled_generation = null from disarmed where disarmed.id = r.id",
    )
    .bind(ids)
    .bind(generations)
    .execute(conn)
    .await
    .map(|_| ())
}

fn keys(alarms: &[Alarm]) -> (Vec<Uuid>, Vec<i64>) {
    alarms
        .iter()
        .map(|alarm| (alarm.reminder, alarm.generation))
        .unzip()
}
