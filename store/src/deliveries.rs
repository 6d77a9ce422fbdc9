//! Deliveries: one row for each reminder, occurrence and channel, and its attempts.

use chrono::{DateTime, Utc};
use domain::{
    event::EventType,
    reminder::{Channel, ReminderEvent},
};
use sqlx::{FromRow, PgConnection, PgPool, types::Json};
use uuid::Uuid;

use crate::{
    outbox,
    reminders::{event, firing_event_id},
};

/// Due deliveries among which owners take turns.
const WINDOW: i64 = 10_000;

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
    /// Attempts, this one included.
    pub attempts: i32,
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

/// Notes that a firing goes to `channels`, each once. With no channel the reminder has failed.
///
/// # Errors
/// From the database.
pub async fn plan(
    conn: &mut PgConnection,
    owner: Option<Uuid>,
    due: &ReminderEvent,
    channels: &[Channel],
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    for channel in channels {
        let key = channel.key();
        let idempotency_key = Uuid::new_v5(
            &due.reminder_id,
            format!("{}.{key}", due.occurrence).as_bytes(),
        );
        sqlx::query(
            "insert into deliveries
                 (reminder_id, occurrence, channel, target, body, owner_id, idempotency_key)
             select $1, $2, $3, $4, $5, $6, $7 from reminders where id = $1
             on conflict do nothing",
        )
        .bind(due.reminder_id)
        .bind(due.occurrence)
        .bind(key)
        .bind(Json(channel))
        .bind(Json(due))
        .bind(owner)
        .bind(idempotency_key)
        .execute(&mut *conn)
        .await?;
    }
    if channels.is_empty() {
        let reason = "it has no channel: its owner has none, and the stack has no webhook";
        finish(conn, owner, due, Some(reason.into()), now).await?;
    }
    Ok(())
}

/// Takes deliveries that are due for this process, until `lease_until`: if the process dies they
/// are due again then. Owners take turns, so that one with many receivers that never answer does not
/// keep the others waiting.
///
/// # Errors
/// From the database.
pub async fn take(
    pool: &PgPool,
    lease_until: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<Delivery>, sqlx::Error> {
    sqlx::query_as(
        "with due as (
             select reminder_id, occurrence, channel, owner_id, next_attempt_at from deliveries
             where state = 'Pending' and next_attempt_at <= now()
             order by next_attempt_at limit $3),
         turns as (
             select *, row_number() over (partition by owner_id order by next_attempt_at) as turn
             from due)
         update deliveries set attempts = attempts + 1, next_attempt_at = $1
         where (reminder_id, occurrence, channel) in (
             select d.reminder_id, d.occurrence, d.channel
             from turns join deliveries d using (reminder_id, occurrence, channel)
             where d.state = 'Pending' and d.next_attempt_at <= now()
             order by turns.turn, turns.next_attempt_at limit $2
             for update of d skip locked)
         returning *",
    )
    .bind(lease_until)
    .bind(limit)
    .bind(WINDOW)
    .fetch_all(pool)
    .await
}

/// Records an attempt; the last channel's decides the reminder's phase.
///
/// # Errors
/// From the database.
pub async fn record(
    conn: &mut PgConnection,
    delivery: &Delivery,
    outcome: &Outcome,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let (state, next, error) = match outcome {
        Outcome::Delivered => ("Delivered", now, None),
        Outcome::Retry { at, error } => ("Pending", *at, Some(error)),
        Outcome::Failed { error } => ("Failed", now, Some(error)),
    };
    // The lock makes the channels of one reminder take turns, so that one of them is the last; the
    // update of the row tells followers of the attempt.
    sqlx::query("update reminders set updated_at = now() where id = $1")
        .bind(delivery.reminder_id)
        .execute(&mut *conn)
        .await?;
    sqlx::query(
        "update deliveries set state = $4, next_attempt_at = $5,
             last_error = coalesce($6, last_error),
             delivered_at = case when $4 = 'Delivered' then $7 end
         where reminder_id = $1 and occurrence = $2 and channel = $3 and state = 'Pending'",
    )
    .bind(delivery.reminder_id)
    .bind(delivery.occurrence)
    .bind(&delivery.channel)
    .bind(state)
    .bind(next)
    .bind(error)
    .bind(now)
    .execute(&mut *conn)
    .await?;
    let (waiting, failed): (i64, Option<String>) = sqlx::query_as(
        "select count(*) filter (where state = 'Pending'),
                min(channel || ': ' || coalesce(last_error, '')) filter (where state = 'Failed')
         from deliveries where reminder_id = $1 and occurrence = $2",
    )
    .bind(delivery.reminder_id)
    .bind(delivery.occurrence)
    .fetch_one(&mut *conn)
    .await?;
    if waiting == 0 {
        finish(conn, delivery.owner_id, &delivery.body, failed, now).await?;
    }
    Ok(())
}

/// Ends a firing: delivered, or failed for `reason`.
async fn finish(
    conn: &mut PgConnection,
    owner: Option<Uuid>,
    due: &ReminderEvent,
    reason: Option<String>,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let (phase, kind, name) = match reason {
        None => ("Delivered", EventType::ReminderDelivered, "delivered"),
        Some(_) => ("Failed", EventType::ReminderFailed, "failed"),
    };
    let done = sqlx::query(
        "update reminders set phase = $3, finished_at = $4, reason = $5
         where id = $1 and occurrence = $2 and phase = 'Fired'",
    )
    .bind(due.reminder_id)
    .bind(due.occurrence)
    .bind(phase)
    .bind(now)
    .bind(&reason)
    .execute(&mut *conn)
    .await?;
    if done.rows_affected() == 0 {
        // Snoozed or deleted meanwhile.
        return Ok(());
    }
    let data = ReminderEvent {
        reason,
        ..due.clone()
    };
    let id = firing_event_id(name, due.reminder_id, due.occurrence);
    outbox::put(conn, &event(id, kind, owner, &data, now)).await
}
