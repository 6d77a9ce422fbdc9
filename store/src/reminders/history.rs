//! The ledger of one reminder.

use chrono::{DateTime, Utc};
use domain::{
    history::{Delivery, Firing, History, Records, Row, TaskTold, Told},
    internal_api::Origin,
};
use sqlx::{FromRow, PgConnection, types::Json};
use uuid::Uuid;

use super::Reminder;

/// The newest rows of each kind that are read: more were not done by people.
const MOST: i64 = 1000;

#[derive(FromRow)]
struct Found {
    #[sqlx(flatten)]
    reminder: Reminder,
    reason: Option<String>,
    finished_at: Option<DateTime<Utc>>,
    firings: Json<Vec<Firing>>,
    deliveries: Json<Vec<Delivery>>,
    trail: Json<Vec<Told>>,
    task: Json<Vec<TaskTold>>,
}

/// What happened to a reminder, and why; none where there is no such reminder, or `owner` is given and
/// it is not theirs.
///
/// # Errors
/// From the database.
pub async fn history(
    conn: &mut PgConnection,
    owner: Option<Uuid>,
    id: Uuid,
) -> Result<Option<History>, sqlx::Error> {
    let found: Option<Found> = sqlx::query_as(QUERY)
        .bind(id)
        .bind(owner)
        .bind(MOST)
        .fetch_optional(conn)
        .await?;
    Ok(found.map(|found| History::from(Records::from(found))))
}

/// One statement: each part is found by the reminder's id in an index of its table, the trail's in
/// `audit_reminder` and the task's in `audit_subject`.
const QUERY: &str = "
    select r.*,
        coalesce((select jsonb_agg(jsonb_build_object(
                'occurrence', occurrence, 'generation', generation, 'firedAt', fired_at,
                'latenessMs', lateness_ms, 'path', path) order by occurrence)
            from (select * from firings where reminder_id = r.id
                  order by occurrence desc limit $3) f), '[]') as firings,
        coalesce((select jsonb_agg(jsonb_build_object(
                'occurrence', occurrence, 'channel', channel, 'state', state,
                'attempts', attempts, 'lastError', last_error, 'deliveredAt', delivered_at,
                'nextAttemptAt', case when state = 'Pending' then next_attempt_at end)
                order by occurrence, channel)
            from (select * from deliveries where reminder_id = r.id
                  order by occurrence desc, channel limit $3) d), '[]') as deliveries,
        coalesce((select jsonb_agg(jsonb_build_object(
                'type', type, 'time', time, 'occurrence', data->'occurrence',
                'generation', data->'generation', 'fireAt', data->'fireAt',
                'reason', data->'reason') order by time, seq)
            from (select * from audit where data->>'reminderId' = r.id::text
                  order by seq desc limit $3) a), '[]') as trail,
        coalesce((select jsonb_agg(jsonb_build_object('type', type, 'time', time)
                order by time, seq)
            from (select * from audit where subject = r.task_id::text and type like 'task.%'
                  order by seq desc limit $3) t), '[]') as task
    from reminders r where r.id = $1 and ($2::uuid is null or r.owner_id = $2)";

impl From<Found> for Records {
    fn from(found: Found) -> Self {
        let reminder = found.reminder;
        Self {
            reminder: Row {
                id: reminder.id,
                of_object: reminder.origin == Origin::Kubernetes.as_str(),
                phase: reminder.phase(),
                occurrence: reminder.occurrence,
                generation: reminder.generation,
                fire_at: reminder.fire_at,
                suspended: reminder.suspended,
                finished_at: found.finished_at,
                reason: found.reason,
            },
            firings: found.firings.0,
            deliveries: found.deliveries.0,
            trail: found.trail.0,
            task: found.task.0,
        }
    }
}
