//! Putting a reminder off: it fires again, or later, as another occurrence.

use chrono::{DateTime, SecondsFormat, Utc};
use domain::{
    event::{Actor, EventType},
    internal_api::{Origin, ReminderView},
    reminder::Phase,
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Reminder, event, follow};
use crate::outbox;

/// Who may put a reminder off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// The user to whom it belongs.
    User(Uuid),
    /// Who speaks for the `ReminderJob`s.
    Objects,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Snoozed {
    /// The reminder as it is now.
    Until(Box<ReminderView>),
    /// There is no such reminder of theirs.
    Unknown,
    /// Why it cannot be put off.
    Refused(&'static str),
}

/// Puts a reminder off until `until`, whether or not it has fired: that is another occurrence, and the
/// earlier one's firing and deliveries stay. Its alarm is set by whoever looks for reminders without
/// one. Until the same time once more changes nothing. Call it in a transaction.
///
/// # Errors
/// From the database.
pub async fn snooze(
    conn: &mut PgConnection,
    whose: Whose,
    id: Uuid,
    until: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Snoozed, sqlx::Error> {
    let found: Option<(Option<Uuid>, Option<Uuid>, String)> =
        sqlx::query_as("select task_id, owner_id, origin from reminders where id = $1")
            .bind(id)
            .fetch_optional(&mut *conn)
            .await?;
    let theirs = found.filter(|(_, owner, origin)| match whose {
        Whose::User(user) => *owner == Some(user),
        Whose::Objects => origin == Origin::Kubernetes.as_str(),
    });
    let Some((task, ..)) = theirs else {
        return Ok(Snoozed::Unknown);
    };
    // The task first, as its writers lock it before its reminders.
    let over: Option<&str> = sqlx::query_scalar(
        "select case when deleted_at is not null then 'deleted'
                     when completed_at is not null then 'completed' end
         from tasks where id = $1 for share",
    )
    .bind(task)
    .fetch_optional(&mut *conn)
    .await?
    .flatten()
    .map(|state: String| match state.as_str() {
        "deleted" => "its task is deleted; restore it first",
        _ => "its task is completed; reopen it first",
    });
    let reminder: Option<Reminder> =
        sqlx::query_as("select * from reminders where id = $1 for update")
            .bind(id)
            .fetch_optional(&mut *conn)
            .await?;
    let Some(old) = reminder else {
        return Ok(Snoozed::Unknown);
    };
    let refused = over.or(match old.phase() {
        Phase::Cancelled => Some("it is cancelled"),
        _ if old.suspended => Some("it is held back by its ReminderJob (spec.suspend)"),
        _ => None,
    });
    if let Some(why) = refused {
        return Ok(Snoozed::Refused(why));
    }
    if !(old.phase().is_waiting() && old.fire_at == until) {
        let new: Reminder = sqlx::query_as(
            "update reminders set base_at = coalesce(base_at, fire_at), fire_at = $2,
                 occurrence = occurrence + 1, generation = generation + 1, phase = 'Pending',
                 fired_at = null, finished_at = null, reason = null
             where id = $1 returning *",
        )
        .bind(id)
        .bind(until)
        .fetch_one(&mut *conn)
        .await?;
        let mut data = new.event_data();
        let written = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::AutoSi, true);
        data.reason = Some(match old.phase() {
            phase if phase.is_waiting() => {
                format!("it was to fire at {}", written(old.fire_at))
            }
            phase => format!("it was {} for {}", phase.as_str(), written(old.fire_at)),
        });
        let snoozed = event(
            Uuid::now_v7(),
            EventType::ReminderSnoozed,
            new.owner_id,
            &data,
            now,
        )
        .by(match whose {
            Whose::User(user) => Actor::User(user),
            Whose::Objects => Actor::System,
        });
        outbox::put(conn, &snoozed).await?;
    }
    let view = follow::lookup(conn, &[id]).await?.pop();
    Ok(view.map_or(Snoozed::Unknown, |view| Snoozed::Until(Box::new(view))))
}
