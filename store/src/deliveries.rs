//! Deliveries: one row for each reminder, occurrence and channel, and its attempts.
//!
//! A process of the notifications service holds the rows that it attempts (`holder`) for as long as it
//! [`beat`]s; those of one that died are anybody's again.

mod dispatch;
mod plan;
mod record;
mod replay;

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use domain::{
    event::EventType,
    reminder::{Channel, ReminderEvent},
    trace::TraceContext,
};
use sqlx::{FromRow, PgConnection, types::Json};
use uuid::Uuid;

pub use dispatch::{Beat, beat, release, retire, take};
pub use plan::{Plan, Target, plan_all, priorities};
pub use record::record_all;
pub use replay::{Failed, failed, replay};

use crate::{
    outbox,
    reminders::{event, firing_event_id},
};

/// A delivery that this process attempts.
#[derive(Debug, Clone, FromRow)]
pub struct Delivery {
    /// The reminder.
    pub reminder_id: Uuid,
    /// Its occurrence.
    pub occurrence: i32,
    /// Key of the channel.
    pub channel: String,
    /// The channel.
    pub target: Json<Channel>,
    /// What to send.
    pub body: Json<ReminderEvent>,
    /// Whose reminder it is.
    pub owner_id: Option<Uuid>,
    /// Sent along, so that the receiver can recognise a repetition.
    pub idempotency_key: Uuid,
    /// Attempts that came to something.
    pub attempts: i32,
    /// `<owner, or ->/<receiver>`: what shares places and a circuit breaker.
    pub lane: String,
    /// The process that attempts it.
    pub holder: Option<Uuid>,
    /// How often it was given up and begun anew.
    pub replays: i32,
    /// When its first attempt could be made, since it was planned or last replayed.
    pub began_at: DateTime<Utc>,
    /// The trace of what caused it.
    pub trace: Option<Json<TraceContext>>,
}

/// What an attempt came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The channel took it.
    Delivered,
    /// Try again at this time.
    Retry {
        /// When.
        at: DateTime<Utc>,
        /// Why. Holds no secret.
        error: String,
    },
    /// It will not be tried again.
    Failed {
        /// Why. Holds no secret.
        error: String,
    },
}

/// A firing that is over: delivered, or failed for `reason`.
struct Finished<'a> {
    owner: Option<Uuid>,
    due: &'a ReminderEvent,
    reason: Option<String>,
    /// What comes after a replay is another event.
    replays: i32,
}

/// Ends firings, those that still stand at `Fired`, and tells of it. Which did.
async fn finish_all(
    conn: &mut PgConnection,
    finished: &[Finished<'_>],
    now: DateTime<Utc>,
) -> Result<HashSet<(Uuid, i32)>, sqlx::Error> {
    if finished.is_empty() {
        return Ok(HashSet::new());
    }
    let ids: Vec<Uuid> = finished.iter().map(|one| one.due.reminder_id).collect();
    let occurrences: Vec<i32> = finished.iter().map(|one| one.due.occurrence).collect();
    let reasons: Vec<Option<&str>> = finished.iter().map(|one| one.reason.as_deref()).collect();
    // Not those that were snoozed or deleted meanwhile.
    let done: Vec<(Uuid, i32)> = sqlx::query_as(
        "update reminders r set finished_at = $4, reason = f.reason,
             phase = case when f.reason is null then 'Delivered' else 'Failed' end
         from unnest($1::uuid[], $2::int[], $3::text[]) as f (id, occurrence, reason)
         where r.id = f.id and r.occurrence = f.occurrence and r.phase = 'Fired'
         returning r.id, r.occurrence",
    )
    .bind(ids)
    .bind(occurrences)
    .bind(reasons)
    .bind(now)
    .fetch_all(&mut *conn)
    .await?;
    let done: HashSet<(Uuid, i32)> = done.into_iter().collect();
    let mut events = Vec::with_capacity(done.len());
    for one in finished {
        if !done.contains(&(one.due.reminder_id, one.due.occurrence)) {
            continue;
        }
        let (kind, name) = match one.reason {
            None => (EventType::ReminderDelivered, "delivered"),
            Some(_) => (EventType::ReminderFailed, "failed"),
        };
        let data = ReminderEvent {
            reason: one.reason.clone(),
            ..one.due.clone()
        };
        let name = match one.replays {
            0 => name.to_owned(),
            replays => format!("{name}.replay{replays}"),
        };
        let id = firing_event_id(&name, one.due.reminder_id, one.due.occurrence);
        events.push(event(id, kind, one.owner, &data, now));
    }
    outbox::put_all(conn, &events).await?;
    Ok(done)
}
