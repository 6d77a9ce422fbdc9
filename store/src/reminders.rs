//! Reminders: one row each, whoever made it. Their phases are those of [`domain::reminder`].
//!
//! A change of a reminder and its event are written on the caller's connection, in one transaction.

mod alarm;
mod follow;
mod history;
mod object;
mod of_task;
mod retention;
mod ring;
mod snooze;

use chrono::{DateTime, Utc};
use domain::{
    event::{Actor, Event, EventType},
    internal_api::TaskTemplate,
    reminder::{CatchUp, CatchUpMode, Channel, Phase, ReminderEvent},
    trace::TraceContext,
};
use sqlx::{FromRow, PgConnection, types::Json};
use uuid::Uuid;

pub use alarm::{
    AlarmWork, due_within, imminent, is_overdue, left_over, mark_armed, mark_disarmed, overdue,
    try_lock_sweep, unarmed, work_of, work_of_tasks,
};
pub use follow::{Cursor, changes, latest, lookup, upcoming, waiting_objects};
pub use history::history;
pub use object::{Put, cancel, get, put};
pub(crate) use of_task::{Wanted, insert_all};
pub use of_task::{cancel_for_tasks, replace_for_tasks};
pub use retention::prune;
pub use ring::{Fired, Path, catch_up, redeliver, ring, take_turn, unserved};
pub use snooze::{Snoozed, Whose, snooze};

use crate::outbox;

/// A stored reminder.
#[derive(Debug, Clone, FromRow)]
pub struct Reminder {
    /// Its id.
    pub id: Uuid,
    /// `api` or `kubernetes`.
    pub origin: String,
    /// `<namespace>/<name>` of its `ReminderJob`.
    pub object: Option<String>,
    /// Whose it is.
    pub owner_id: Option<Uuid>,
    /// The task that it belongs to.
    pub task_id: Option<Uuid>,
    /// A task that it creates when it fires.
    pub task_template: Option<Json<TaskTemplate>>,
    /// What it says.
    pub message: String,
    /// Where it goes; empty: its owner's default channels, or else the stack's webhook.
    pub channels: Json<Vec<Channel>>,
    /// When it fires.
    pub fire_at: DateTime<Utc>,
    /// Snoozed: when its owner, or its `ReminderJob`, wants it. An edit that leaves this time as it is
    /// leaves the snooze too.
    pub base_at: Option<DateTime<Utc>>,
    /// Overdue by more than this it is missed.
    pub deadline_seconds: Option<i64>,
    /// [`CatchUpMode`] by name; none: what the stack says.
    pub catch_up: Option<String>,
    /// Held back.
    pub suspended: bool,
    /// One more with each edit.
    pub generation: i64,
    /// One more with each snooze.
    pub occurrence: i32,
    /// [`Phase`] by name.
    pub phase: String,
    /// The generation whose alarm is set.
    pub scheduled_generation: Option<i64>,
    /// When its firing was claimed.
    pub fired_at: Option<DateTime<Utc>>,
    /// The trace of the write that wants it to fire when it does.
    pub trace: Option<Json<TraceContext>>,
}

impl Reminder {
    /// The phase. The table's check constraint keeps others out.
    pub fn phase(&self) -> Phase {
        self.phase.parse().unwrap_or(Phase::Failed)
    }

    /// The stack's policy with what the reminder says itself. The table's check constraint keeps other
    /// modes out.
    fn policy(&self, stack: CatchUp) -> CatchUp {
        let own = |name: &String| name.parse::<CatchUpMode>().ok();
        CatchUp {
            mode: self.catch_up.as_ref().and_then(own).unwrap_or(stack.mode),
            window_seconds: self.deadline_seconds.unwrap_or(stack.window_seconds),
            ..stack
        }
    }

    /// The trace of what caused it.
    fn trace(&self) -> Option<TraceContext> {
        self.trace.as_ref().map(|trace| trace.0.clone())
    }

    /// The data of an event about it as it is.
    fn event_data(&self) -> ReminderEvent {
        ReminderEvent {
            reminder_id: self.id,
            occurrence: self.occurrence,
            generation: self.generation,
            task_id: self.task_id,
            priority: None,
            message: self.message.clone(),
            fire_at: self.fire_at,
            fired_at: self.fired_at,
            lateness_ms: self
                .fired_at
                .map(|at| (at - self.fire_at).num_milliseconds().max(0)),
            reason: None,
            channels: self.channels.0.clone(),
            digest: None,
        }
    }
}

/// An event about a reminder, caused by the platform. `id` decides whether two of them are the same event.
pub(crate) fn event(
    id: Uuid,
    kind: EventType,
    owner: Option<Uuid>,
    data: &ReminderEvent,
    now: DateTime<Utc>,
) -> Event {
    // Of one task's events the order is kept, those about its reminders included.
    let subject = data.task_id.unwrap_or(data.reminder_id).to_string();
    let data = serde_json::to_value(data).expect("a reminder's event has only plain fields");
    Event::new(id, kind, subject, owner, now, data).by(Actor::System)
}

/// Id of what becomes of one firing: the same however often it is told.
pub(crate) fn firing_event_id(what: &str, reminder: Uuid, occurrence: i32) -> Uuid {
    Uuid::new_v5(&reminder, format!("{what}.{occurrence}").as_bytes())
}

/// Writes an event of this kind about each reminder as it is, caused by the platform.
async fn announce(
    conn: &mut PgConnection,
    kind: EventType,
    reminders: &[Reminder],
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    announce_by(conn, kind, reminders, |_| Actor::System, now).await
}

/// Writes an event of this kind about each reminder as it is, and who caused it.
async fn announce_by(
    conn: &mut PgConnection,
    kind: EventType,
    reminders: &[Reminder],
    actor: impl Fn(&Reminder) -> Actor,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let events: Vec<Event> = reminders
        .iter()
        .map(|reminder| {
            event(
                Uuid::now_v7(),
                kind,
                reminder.owner_id,
                &reminder.event_data(),
                now,
            )
            .by(actor(reminder))
            .traced(crate::trace::current().or_else(|| reminder.trace()))
        })
        .collect();
    outbox::put_all(conn, &events).await
}
