//! Noting where a firing goes.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use domain::{
    reminder::{Channel, ReminderEvent},
    task::Priority,
};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::{Delivery, Finished, finish_all};

/// Where one firing goes. With no target the reminder has failed.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Whose reminder it is.
    pub owner: Option<Uuid>,
    /// The firing.
    pub due: ReminderEvent,
    /// Its channels.
    pub targets: Vec<Target>,
}

/// One channel of a firing.
#[derive(Debug, Clone)]
pub struct Target {
    /// The channel.
    pub channel: Channel,
    /// See [`Delivery::lane`].
    pub lane: String,
    /// This process attempts it at once; otherwise it is [`super::take`]n.
    pub hold: bool,
    /// Not before this time; absent: now.
    pub not_before: Option<DateTime<Utc>>,
}

/// How much these tasks matter, of those that are there.
///
/// # Errors
/// From the database.
pub async fn priorities(
    conn: &mut PgConnection,
    tasks: &[Uuid],
) -> Result<HashMap<Uuid, Priority>, sqlx::Error> {
    if tasks.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(Uuid, i16)> =
        sqlx::query_as("select id, priority from tasks where id = any($1)")
            .bind(tasks)
            .fetch_all(conn)
            .await?;
    let read = |(id, number)| (id, Priority::from_number(number));
    Ok(rows.into_iter().map(read).collect())
}

/// Notes deliveries, each once, in a few statements however many they are; returns those that `holder`
/// is to attempt, once the transaction is committed.
///
/// # Errors
/// From the database.
pub async fn plan_all(
    conn: &mut PgConnection,
    plans: &[Plan],
    holder: Uuid,
    now: DateTime<Utc>,
) -> Result<Vec<Delivery>, sqlx::Error> {
    let mut rows = Rows::default();
    for plan in plans {
        for target in &plan.targets {
            rows.push(plan, target, holder, now);
        }
    }
    let mut held: Vec<Delivery> = Vec::new();
    if !rows.reminders.is_empty() {
        // The reminders are locked before anything is written, all in the order of their ids: whoever
        // serves the same firings without their events (`reminders::unserved`) holds them locked, and
        // would wait for what was written here while this waits for its locks.
        let noted: Vec<Delivery> = sqlx::query_as(
            "with alive as materialized (
                 select id from reminders where id = any($1) order by id for key share)
             insert into deliveries (reminder_id, occurrence, channel, target, body, owner_id,
                 idempotency_key, lane, holder, next_attempt_at, began_at)
             select n.*, n.next_attempt_at from unnest($1::uuid[], $2::int[], $3::text[], $4::jsonb[], $5::jsonb[],
                 $6::uuid[], $7::uuid[], $8::text[], $9::uuid[],
                 $10::timestamptz[])
                 as n (reminder_id, occurrence, channel, target, body, owner_id,
                       idempotency_key, lane, holder, next_attempt_at)
             join alive on alive.id = n.reminder_id
             order by n.reminder_id, n.occurrence, n.channel
             on conflict do nothing
             returning *",
        )
        .bind(rows.reminders)
        .bind(rows.occurrences)
        .bind(rows.channels)
        .bind(rows.targets)
        .bind(rows.bodies)
        .bind(rows.owners)
        .bind(rows.keys)
        .bind(rows.lanes)
        .bind(rows.holders)
        .bind(rows.times)
        .fetch_all(&mut *conn)
        .await?;
        held.extend(noted.into_iter().filter(|row| row.holder == Some(holder)));
    }
    let mut told = HashSet::new();
    let nowhere: Vec<Finished<'_>> = plans
        .iter()
        .filter(|plan| plan.targets.is_empty())
        .filter(|plan| told.insert((plan.due.reminder_id, plan.due.occurrence)))
        .map(|plan| Finished {
            owner: plan.owner,
            due: &plan.due,
            replays: 0,
            reason: Some(
                "it has no channel: its owner has none that works, and the stack has no webhook"
                    .into(),
            ),
        })
        .collect();
    finish_all(conn, &nowhere, now).await?;
    Ok(held)
}

/// The columns of what is noted.
#[derive(Default)]
struct Rows<'a> {
    reminders: Vec<Uuid>,
    occurrences: Vec<i32>,
    channels: Vec<String>,
    targets: Vec<Json<&'a Channel>>,
    bodies: Vec<Json<&'a ReminderEvent>>,
    owners: Vec<Option<Uuid>>,
    keys: Vec<Uuid>,
    lanes: Vec<&'a str>,
    holders: Vec<Option<Uuid>>,
    times: Vec<DateTime<Utc>>,
}

impl<'a> Rows<'a> {
    fn push(&mut self, plan: &'a Plan, target: &'a Target, holder: Uuid, now: DateTime<Utc>) {
        let due = &plan.due;
        let channel = target.channel.key();
        let key = format!("{}.{channel}", due.occurrence);
        self.reminders.push(due.reminder_id);
        self.occurrences.push(due.occurrence);
        self.channels.push(channel);
        self.targets.push(Json(&target.channel));
        self.bodies.push(Json(due));
        self.owners.push(plan.owner);
        self.keys
            .push(Uuid::new_v5(&due.reminder_id, key.as_bytes()));
        self.lanes.push(&target.lane);
        self.holders.push(target.hold.then_some(holder));
        self.times.push(target.not_before.unwrap_or(now));
    }
}
