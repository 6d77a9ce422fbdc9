//! What happens when an alarm rings.

use chrono::{DateTime, Duration, Utc};
use chrono_tz::Tz;
use domain::{
    event::EventType,
    internal_api::TaskTemplate,
    reminder::{Alarm, CatchUp, Firing, Phase, Ringing, decide},
    task::{Due, Task},
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Reminder, event, firing_event_id};
use crate::{audit, outbox, tasks, users};

/// Which way a reminder came to fire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Path {
    /// Its alarm rang.
    Alarm,
    /// The sweep found it overdue.
    Sweep,
}

impl Path {
    /// As stored and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Alarm => "alarm",
            Self::Sweep => "sweep",
        }
    }
}

/// What ringing led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fired {
    /// This call claimed the firing, so late.
    Now {
        /// Never negative.
        late: Duration,
    },
    /// It is held back; it fires when that ends.
    Suspended,
    /// The alarm is of an earlier generation, or the reminder is over.
    Stale,
    /// Not due yet.
    Early,
    /// Late, and not its turn: the sweep fires it.
    Deferred,
    /// Too late by the catch-up policy.
    Missed,
    /// It could not do what it was made for; the reason is stored.
    Failed,
    /// There is no such reminder.
    Unknown,
}

/// Deals with an alarm: claims the firing once, whichever path comes first, and writes what follows
/// from it. `may_fire` is asked how late a firing may be now. Call it in a transaction.
///
/// # Errors
/// From the database.
pub async fn ring(
    conn: &mut PgConnection,
    alarm: &Alarm,
    path: Path,
    policy: CatchUp,
    may_fire: impl FnOnce(Duration) -> bool,
    now: DateTime<Utc>,
) -> Result<Fired, sqlx::Error> {
    // The lock makes the two paths take turns.
    let reminder: Option<Reminder> =
        sqlx::query_as("select * from reminders where id = $1 for update")
            .bind(alarm.reminder)
            .fetch_optional(&mut *conn)
            .await?;
    let Some(mut reminder) = reminder else {
        return Ok(Fired::Unknown);
    };
    if reminder.suspended && reminder.phase().is_waiting() {
        return Ok(Fired::Suspended);
    }
    let ringing = Ringing {
        phase: reminder.phase(),
        generation: reminder.generation,
        occurrence: reminder.occurrence,
        fire_at: reminder.fire_at,
    };
    let policy = CatchUp {
        window_seconds: reminder.deadline_seconds.unwrap_or(policy.window_seconds),
        ..policy
    };
    match decide(&ringing, alarm, now, policy) {
        Firing::Early => Ok(Fired::Early),
        Firing::Stale => {
            // One that rings again for what it has fired is of no interest to anybody.
            if alarm.generation < reminder.generation || alarm.occurrence < reminder.occurrence {
                record_stale(conn, &reminder, alarm, now).await?;
            }
            Ok(Fired::Stale)
        }
        Firing::Miss => {
            let late = (now - reminder.fire_at).num_seconds();
            let reason = format!("overdue by {late} s, more than the catch-up window allows");
            finish(conn, &reminder, Phase::Missed, reason, now).await?;
            Ok(Fired::Missed)
        }
        Firing::Fire { late } if !may_fire(late) => Ok(Fired::Deferred),
        Firing::Fire { late } => {
            sqlx::query(
                "insert into firings (reminder_id, occurrence, generation, fired_at, lateness_ms, path)
                 values ($1, $2, $3, $4, $5, $6)",
            )
            .bind(reminder.id)
            .bind(reminder.occurrence)
            .bind(reminder.generation)
            .bind(now)
            .bind(late.num_milliseconds())
            .bind(path.as_str())
            .execute(&mut *conn)
            .await?;
            if let Some(template) = reminder.task_template.take() {
                match create_task(conn, &template.0, now).await? {
                    Some((owner, task)) => {
                        reminder.owner_id = Some(owner);
                        reminder.task_id = Some(task);
                    }
                    None => {
                        let reason =
                            format!("there is no user {:?} to make the task for", template.owner);
                        finish(conn, &reminder, Phase::Failed, reason, now).await?;
                        return Ok(Fired::Failed);
                    }
                }
            }
            sqlx::query(
                "update reminders set phase = 'Fired', fired_at = $2, scheduled_generation = null,
                     owner_id = $3, task_id = $4
                 where id = $1",
            )
            .bind(reminder.id)
            .bind(now)
            .bind(reminder.owner_id)
            .bind(reminder.task_id)
            .execute(&mut *conn)
            .await?;
            reminder.fired_at = Some(now);
            let id = firing_event_id("due", reminder.id, reminder.occurrence);
            let due = event(
                id,
                EventType::ReminderDue,
                reminder.owner_id,
                &reminder.event_data(),
                now,
            );
            outbox::put(conn, &due).await?;
            Ok(Fired::Now { late })
        }
    }
}

/// Tells again of firings before `before` that nobody serves, at most `limit`: their event was given up
/// by its consumer, or lost with the broker. The key of the deliveries keeps it once. How many.
///
/// # Errors
/// From the database.
pub async fn tell_again(
    conn: &mut PgConnection,
    before: DateTime<Utc>,
    limit: i64,
    now: DateTime<Utc>,
) -> Result<usize, sqlx::Error> {
    let unserved: Vec<Reminder> = sqlx::query_as(
        "select * from reminders r
         where phase = 'Fired' and fired_at < $1 and updated_at < $1 and not exists
             (select 1 from deliveries d
              where d.reminder_id = r.id and d.occurrence = r.occurrence)
         order by fired_at limit $2 for update skip locked",
    )
    .bind(before)
    .bind(limit)
    .fetch_all(&mut *conn)
    .await?;
    for reminder in &unserved {
        super::announce(conn, EventType::ReminderDue, reminder, now).await?;
    }
    // Not again before it had its time.
    let ids: Vec<Uuid> = unserved.iter().map(|reminder| reminder.id).collect();
    sqlx::query("update reminders set updated_at = now() where id = any($1)")
        .bind(ids)
        .execute(conn)
        .await?;
    Ok(unserved.len())
}

/// Ends a reminder that does not go to its channels.
async fn finish(
    conn: &mut PgConnection,
    reminder: &Reminder,
    phase: Phase,
    reason: String,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update reminders set phase = $2, reason = $3, finished_at = $4,
             scheduled_generation = null
         where id = $1",
    )
    .bind(reminder.id)
    .bind(phase.as_str())
    .bind(&reason)
    .bind(now)
    .execute(&mut *conn)
    .await?;
    let mut data = reminder.event_data();
    data.reason = Some(reason);
    let failed = event(
        firing_event_id("failed", reminder.id, reminder.occurrence),
        EventType::ReminderFailed,
        reminder.owner_id,
        &data,
        now,
    );
    outbox::put(conn, &failed).await
}

/// An alarm of an earlier generation leaves a line in the trail, and nothing else.
async fn record_stale(
    conn: &mut PgConnection,
    reminder: &Reminder,
    alarm: &Alarm,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let mut data = reminder.event_data();
    data.occurrence = alarm.occurrence;
    data.generation = alarm.generation;
    data.reason = Some(format!(
        "the reminder is {} at generation {}",
        reminder.phase, reminder.generation
    ));
    let id = Uuid::new_v5(&reminder.id, format!("stale.{}", alarm.name()).as_bytes());
    let stale = event(id, EventType::ReminderDue, reminder.owner_id, &data, now);
    audit::append_stale(conn, &stale).await
}

/// Makes the task of a template, once for each id. `None`: there is no such owner.
async fn create_task(
    conn: &mut PgConnection,
    template: &TaskTemplate,
    now: DateTime<Utc>,
) -> Result<Option<(Uuid, Uuid)>, sqlx::Error> {
    let Some(owner) = users::by_email(conn, &template.owner).await? else {
        return Ok(None);
    };
    let zone: Tz = template
        .time_zone
        .as_deref()
        .and_then(|name| name.parse().ok())
        .unwrap_or(Tz::UTC);
    let task = Task {
        priority: template.priority,
        tags: template.tags.clone(),
        due: template.due_at.map(|at| Due::At {
            date_time: at.with_timezone(&zone).naive_local(),
            time_zone: zone,
        }),
        due_at: template.due_at,
        ..Task::new(template.id, owner.id, &template.title, now)
    };
    tasks::create(conn, &task, owner.zone(), now).await?;
    Ok(Some((owner.id, template.id)))
}
