//! What happens when an alarm rings.

use std::{collections::HashMap, ops::Range};

use chrono::{DateTime, Duration, Utc};
use chrono_tz::Tz;
use domain::{
    event::{Event, EventType},
    internal_api::TaskTemplate,
    reminder::{
        Alarm, CatchUp, CatchUpMode, Firing, Phase, ReminderEvent, Ringing, decide_in_series,
    },
    task::{Due, Task},
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Reminder, alarm, event, firing_event_id};
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
    Early {
        /// For so long.
        by: Duration,
    },
    /// Late, and not its turn: the sweep fires it, which keeps the catch-up rate.
    Deferred,
    /// Too late by the catch-up policy.
    Missed,
    /// It could not do what it was made for; the reason is stored.
    Failed,
    /// There is no such reminder.
    Unknown,
}

/// What a batch of rings leaves to be written.
#[derive(Default)]
struct Writes {
    fired: Vec<(Reminder, i64)>,
    over: Vec<(Reminder, Phase, String)>,
    stale: Vec<Event>,
}

/// Deals with alarms that ring: claims each firing once, whichever path comes first, and writes what
/// follows from it, for all of them in a few statements. Answers in the order of `alarms`. A firing
/// that is late by more than `at_once` is deferred.
///
/// # Errors
/// From the database; then nothing of the transaction may be committed.
pub async fn ring(
    conn: &mut PgConnection,
    alarms: &[Alarm],
    path: Path,
    policy: CatchUp,
    at_once: Duration,
    now: DateTime<Utc>,
) -> Result<Vec<Fired>, sqlx::Error> {
    let ids: Vec<Uuid> = alarms.iter().map(|alarm| alarm.reminder).collect();
    // The lock makes the two paths take turns; in the order of the ids, so that two batches never wait
    // in a circle.
    let rows: Vec<Reminder> =
        sqlx::query_as("select * from reminders where id = any($1) order by id for update")
            .bind(&ids)
            .fetch_all(&mut *conn)
            .await?;
    let mut reminders: HashMap<Uuid, Reminder> =
        rows.into_iter().map(|row| (row.id, row)).collect();
    let newest = newest_of_series(conn, &reminders, policy, now).await?;
    let mut writes = Writes::default();
    let mut outcomes = Vec::with_capacity(alarms.len());
    for alarm in alarms {
        let outcome = match reminders.get_mut(&alarm.reminder) {
            None => Fired::Unknown,
            Some(reminder) => {
                let newer = newest.get(&reminder.id).copied();
                let policy = reminder.policy(policy);
                ring_one(
                    conn,
                    reminder,
                    alarm,
                    policy,
                    newer,
                    at_once,
                    now,
                    &mut writes,
                )
                .await?
            }
        };
        outcomes.push(outcome);
    }
    writes.write(conn, path, now).await?;
    Ok(outcomes)
}

/// When the newest reminder is due that waits in the series of each of those for which it matters: they are
/// late, and of several such the newest alone fires. Only what is due by now counts.
async fn newest_of_series(
    conn: &mut PgConnection,
    reminders: &HashMap<Uuid, Reminder>,
    policy: CatchUp,
    now: DateTime<Utc>,
) -> Result<HashMap<Uuid, DateTime<Utc>>, sqlx::Error> {
    let asking: Vec<Uuid> = reminders
        .values()
        .filter(|reminder| {
            let policy = reminder.policy(policy);
            policy.mode == CatchUpMode::Latest
                && reminder.phase().is_waiting()
                && (now - reminder.fire_at).num_seconds() > policy.grace_seconds
        })
        .map(|reminder| reminder.id)
        .collect();
    if asking.is_empty() {
        return Ok(HashMap::new());
    }
    let found: Vec<(Uuid, DateTime<Utc>)> = sqlx::query_as(
        "select r.id, max(s.fire_at) from reminders r
         join reminders s on s.series = r.series
         where r.id = any($1) and s.phase in ('Pending', 'Scheduled') and not s.suspended
             and s.fire_at <= $2
         group by r.id
         union all
         select r.id, max(s.fire_at) from reminders r
         join tasks t on t.id = r.task_id
         join tasks o on o.series_id = t.series_id and o.owner_id = t.owner_id
         join reminders s on s.task_id = o.id
         where r.id = any($1) and r.series is null
             and s.phase in ('Pending', 'Scheduled') and not s.suspended and s.fire_at <= $2
         group by r.id",
    )
    .bind(asking)
    .bind(now)
    .fetch_all(conn)
    .await?;
    Ok(found.into_iter().collect())
}

/// Decides about one alarm, and notes in `writes` and in the row what follows. `policy` is the reminder's
/// own; `newer`: see [`newest_of_series`].
#[allow(
    clippy::too_many_arguments,
    reason = "one alarm, and what the whole batch shares"
)]
async fn ring_one(
    conn: &mut PgConnection,
    reminder: &mut Reminder,
    alarm: &Alarm,
    policy: CatchUp,
    newer: Option<DateTime<Utc>>,
    at_once: Duration,
    now: DateTime<Utc>,
    writes: &mut Writes,
) -> Result<Fired, sqlx::Error> {
    if reminder.suspended && reminder.phase().is_waiting() {
        return Ok(Fired::Suspended);
    }
    let ringing = Ringing {
        phase: reminder.phase(),
        generation: reminder.generation,
        occurrence: reminder.occurrence,
        fire_at: reminder.fire_at,
    };
    match decide_in_series(&ringing, alarm, now, policy, newer) {
        Firing::Early => Ok(Fired::Early {
            by: reminder.fire_at - now,
        }),
        Firing::Stale => {
            // One that rings again for what it has fired is of no interest to anybody.
            if alarm.generation < reminder.generation || alarm.occurrence < reminder.occurrence {
                writes.stale.push(stale(reminder, alarm, now));
            }
            Ok(Fired::Stale)
        }
        Firing::Miss => {
            let why = policy.lets_go(reminder.fire_at, now, newer);
            let reason = why.map_or_else(String::new, |why| why.to_string());
            writes.end(reminder, Phase::Missed, reason);
            Ok(Fired::Missed)
        }
        Firing::Fire { late } if late > at_once => Ok(Fired::Deferred),
        Firing::Fire { late } => {
            if let Some(template) = reminder.task_template.take() {
                match create_task(conn, &template.0, now).await? {
                    Some((owner, task)) => {
                        reminder.owner_id = Some(owner);
                        reminder.task_id = Some(task);
                    }
                    None => {
                        let reason =
                            format!("there is no user {:?} to make the task for", template.owner);
                        writes.end(reminder, Phase::Failed, reason);
                        return Ok(Fired::Failed);
                    }
                }
            }
            reminder.phase = Phase::Fired.as_str().into();
            reminder.fired_at = Some(now);
            writes
                .fired
                .push((reminder.clone(), late.num_milliseconds()));
            Ok(Fired::Now { late })
        }
    }
}

impl Writes {
    /// Ends a reminder that does not go to its channels.
    fn end(&mut self, reminder: &mut Reminder, phase: Phase, reason: String) {
        reminder.phase = phase.as_str().into();
        self.over.push((reminder.clone(), phase, reason));
    }

    async fn write(
        self,
        conn: &mut PgConnection,
        path: Path,
        now: DateTime<Utc>,
    ) -> Result<(), sqlx::Error> {
        let mut events = Vec::with_capacity(self.fired.len() + self.over.len());
        if !self.fired.is_empty() {
            claim(conn, &self.fired, path, now).await?;
            events.extend(self.fired.iter().map(|(reminder, _)| {
                event(
                    firing_event_id("due", reminder.id, reminder.occurrence),
                    EventType::ReminderDue,
                    reminder.owner_id,
                    &reminder.event_data(),
                    now,
                )
                .traced(reminder.trace())
            }));
        }
        if !self.over.is_empty() {
            finish(conn, &self.over, now).await?;
            events.extend(self.over.iter().map(|(reminder, _, reason)| {
                let mut data = reminder.event_data();
                data.reason = Some(reason.clone());
                event(
                    firing_event_id("failed", reminder.id, reminder.occurrence),
                    EventType::ReminderFailed,
                    reminder.owner_id,
                    &data,
                    now,
                )
                .traced(reminder.trace())
            }));
        }
        outbox::put_all(conn, &events).await?;
        audit::append_stale(conn, &self.stale).await
    }
}

/// Writes the claims: the key of `firings` lets no occurrence fire twice, whatever the rest does.
async fn claim(
    conn: &mut PgConnection,
    fired: &[(Reminder, i64)],
    path: Path,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let ids: Vec<Uuid> = fired.iter().map(|(reminder, _)| reminder.id).collect();
    sqlx::query(
        "insert into firings (reminder_id, occurrence, generation, fired_at, lateness_ms, path)
         select id, occurrence, generation, $5, late, $6
         from unnest($1::uuid[], $2::int[], $3::bigint[], $4::bigint[])
              as rows (id, occurrence, generation, late)",
    )
    .bind(&ids)
    .bind(column(fired, |(reminder, _)| reminder.occurrence))
    .bind(column(fired, |(reminder, _)| reminder.generation))
    .bind(column(fired, |(_, late)| *late))
    .bind(now)
    .bind(path.as_str())
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "update reminders r set phase = 'Fired', fired_at = $4, scheduled_generation = null,
             owner_id = rows.owner, task_id = rows.task
         from unnest($1::uuid[], $2::uuid[], $3::uuid[]) as rows (id, owner, task)
         where r.id = rows.id",
    )
    .bind(&ids)
    .bind(column(fired, |(reminder, _)| reminder.owner_id))
    .bind(column(fired, |(reminder, _)| reminder.task_id))
    .bind(now)
    .execute(conn)
    .await
    .map(|_| ())
}

async fn finish(
    conn: &mut PgConnection,
    over: &[(Reminder, Phase, String)],
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update reminders r set phase = rows.phase, reason = rows.reason, finished_at = $4,
             scheduled_generation = null
         from unnest($1::uuid[], $2::text[], $3::text[]) as rows (id, phase, reason)
         where r.id = rows.id",
    )
    .bind(column(over, |(reminder, ..)| reminder.id))
    .bind(column(over, |(_, phase, _)| phase.as_str()))
    .bind(column(over, |(.., reason)| reason.clone()))
    .bind(now)
    .execute(conn)
    .await
    .map(|_| ())
}

/// One column of many rows, for `unnest`.
fn column<R, T>(rows: &[R], field: impl Fn(&R) -> T) -> Vec<T> {
    rows.iter().map(field).collect()
}

/// An alarm of an earlier generation leaves a line in the trail, and nothing else.
fn stale(reminder: &Reminder, alarm: &Alarm, now: DateTime<Utc>) -> Event {
    let mut data = reminder.event_data();
    data.occurrence = alarm.occurrence;
    data.generation = alarm.generation;
    data.reason = Some(format!(
        "the reminder is {} at generation {}",
        reminder.phase, reminder.generation
    ));
    let id = Uuid::new_v5(&reminder.id, format!("stale.{}", alarm.name()).as_bytes());
    event(id, EventType::ReminderDue, reminder.owner_id, &data, now)
}

/// Fires what should have fired before `before`, the oldest first: at most what the policy's rate
/// leaves of this second, for all replicas together. Which, and what each came to.
///
/// # Errors
/// From the database; then nothing of the transaction may be committed.
pub async fn catch_up(
    conn: &mut PgConnection,
    before: DateTime<Utc>,
    policy: CatchUp,
    now: DateTime<Utc>,
) -> Result<Vec<(Alarm, Fired)>, sqlx::Error> {
    let alarms = take_turn(conn, before, policy).await?;
    if alarms.is_empty() {
        return Ok(Vec::new());
    }
    let outcomes = ring(conn, &alarms, Path::Sweep, policy, Duration::MAX, now).await?;
    Ok(alarms.into_iter().zip(outcomes).collect())
}

/// The alarms of what should have fired before `before`, the oldest first: at most what the policy's rate
/// leaves of this second, for all replicas together, and counted as if they fired. Nobody else takes a
/// turn until the transaction ends.
///
/// # Errors
/// From the database.
pub async fn take_turn(
    conn: &mut PgConnection,
    before: DateTime<Utc>,
    policy: CatchUp,
) -> Result<Vec<Alarm>, sqlx::Error> {
    let (same_second, fired): (bool, i32) = sqlx::query_as(
        "select second = date_trunc('second', clock_timestamp()), fired from catch_up for update",
    )
    .fetch_one(&mut *conn)
    .await?;
    let used = if same_second { i64::from(fired) } else { 0 };
    let room = i64::from(policy.per_second.max(1)) - used;
    if room <= 0 {
        return Ok(Vec::new());
    }
    let overdue = alarm::overdue(conn, before, room).await?;
    if overdue.is_empty() {
        return Ok(Vec::new());
    }
    sqlx::query("update catch_up set second = date_trunc('second', clock_timestamp()), fired = $1")
        .bind(i32::try_from(used + overdue.len() as i64).unwrap_or(i32::MAX))
        .execute(conn)
        .await?;
    Ok(overdue.iter().map(|item| item.current().0).collect())
}

/// Firings within `span` that nobody serves yet, the oldest first, at most `limit`: whose they are, and
/// what their event says. Nobody else gets them until the transaction ends.
///
/// # Errors
/// From the database.
pub async fn unserved(
    conn: &mut PgConnection,
    span: Range<DateTime<Utc>>,
    limit: i64,
) -> Result<Vec<(Option<Uuid>, ReminderEvent)>, sqlx::Error> {
    let unserved: Vec<Reminder> = sqlx::query_as(
        "select * from reminders r
         where phase = 'Fired' and fired_at >= $1 and fired_at < $2 and not exists
             (select 1 from deliveries d
              where d.reminder_id = r.id and d.occurrence = r.occurrence)
         order by fired_at limit $3 for update skip locked",
    )
    .bind(span.start)
    .bind(span.end)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    Ok(column(&unserved, |reminder| {
        (reminder.owner_id, reminder.event_data())
    }))
}

/// Redelivers firings before `before` that nobody serves, at most `limit`: their event was given up by
/// its consumer, or lost with the broker. The key of the deliveries keeps it once. How many.
///
/// # Errors
/// From the database.
pub async fn redeliver(
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
    super::announce(conn, EventType::ReminderDue, &unserved, now).await?;
    // Not again before it had its time.
    sqlx::query("update reminders set updated_at = now() where id = any($1)")
        .bind(column(&unserved, |reminder| reminder.id))
        .execute(conn)
        .await?;
    Ok(unserved.len())
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
