//! Which alarms should be set, and which are.

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
}

impl AlarmWork {
    /// The alarm to set and its time.
    pub fn to_set(&self) -> Option<(Alarm, DateTime<Utc>)> {
        (self.wants_alarm() && self.scheduled_generation != Some(self.generation))
            .then(|| (self.alarm(self.generation), self.fire_at))
    }

    /// The alarm to take away: of an earlier generation, or of a reminder that is over or held back.
    pub fn to_cancel(&self) -> Option<Alarm> {
        self.scheduled_generation
            .filter(|&set| !self.wants_alarm() || set != self.generation)
            .map(|set| self.alarm(set))
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

/// The columns of [`AlarmWork`]; the filter follows.
macro_rules! work {
    ($filter:literal) => {
        concat!(
            "select id, occurrence, generation, fire_at, phase, suspended, scheduled_generation
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

/// The reminders of a task.
///
/// # Errors
/// From the database.
pub async fn work_of_task(
    conn: &mut PgConnection,
    task: Uuid,
) -> Result<Vec<AlarmWork>, sqlx::Error> {
    sqlx::query_as(work!("where task_id = $1"))
        .bind(task)
        .fetch_all(conn)
        .await
}

/// Reminders whose alarm was not set, nearest first.
///
/// # Errors
/// From the database.
pub async fn unarmed(conn: &mut PgConnection, limit: i64) -> Result<Vec<AlarmWork>, sqlx::Error> {
    sqlx::query_as(work!(
        "where phase = 'Pending' and not suspended order by fire_at limit $1"
    ))
    .bind(limit)
    .fetch_all(conn)
    .await
}

/// Reminders that are over or held back and whose alarm was not taken away.
///
/// # Errors
/// From the database.
pub async fn left_over(conn: &mut PgConnection, limit: i64) -> Result<Vec<AlarmWork>, sqlx::Error> {
    sqlx::query_as(work!(
        "where scheduled_generation is not null
             and (suspended or phase not in ('Pending', 'Scheduled'))
         order by updated_at limit $1"
    ))
    .bind(limit)
    .fetch_all(conn)
    .await
}

/// Reminders that fire between `from` and `until` and whose alarm should be set.
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
        "where phase in ('Pending', 'Scheduled') and not suspended
             and fire_at >= $1 and fire_at < $2
         order by fire_at, id limit $3"
    ))
    .bind(from)
    .bind(until)
    .bind(limit)
    .fetch_all(conn)
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
    sqlx::query_as(work!(
        "where phase in ('Pending', 'Scheduled') and not suspended and fire_at < $1
         order by fire_at, id limit $2"
    ))
    .bind(before)
    .bind(limit)
    .fetch_all(conn)
    .await
}

/// Notes that the alarm is set, unless the reminder changed meanwhile.
///
/// # Errors
/// From the database.
pub async fn mark_armed(
    conn: &mut PgConnection,
    alarm: &Alarm,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let scheduled: Option<Reminder> = sqlx::query_as(
        "update reminders set phase = 'Scheduled', scheduled_generation = $2
         where id = $1 and generation = $2 and phase = 'Pending' returning *",
    )
    .bind(alarm.reminder)
    .bind(alarm.generation)
    .fetch_optional(&mut *conn)
    .await?;
    match scheduled {
        Some(reminder) => announce(conn, EventType::ReminderScheduled, &reminder, now).await,
        None => Ok(()),
    }
}

/// Notes that the alarm of a generation is gone.
///
/// # Errors
/// From the database.
pub async fn mark_disarmed(conn: &mut PgConnection, alarm: &Alarm) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update reminders set scheduled_generation = null
         where id = $1 and scheduled_generation = $2",
    )
    .bind(alarm.reminder)
    .bind(alarm.generation)
    .execute(conn)
    .await
    .map(|_| ())
}
