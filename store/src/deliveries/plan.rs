//! Noting where a firing goes.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, SubsecRound, Utc};
use domain::{
    reminder::{Channel, ReminderEvent},
    task::Priority,
    trace::TraceContext,
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
    let now = now.trunc_subsecs(6); // what Postgres keeps
    let mut wanted: Vec<Delivery> = Vec::new();
    let mut keys: HashSet<(Uuid, i32, String)> = HashSet::new();
    for plan in plans {
        for target in &plan.targets {
            let delivery = delivery(plan, target, holder, now);
            // A firing may come twice in one batch, and may name a channel twice.
            if keys.insert(key(&delivery)) {
                wanted.push(delivery);
            }
        }
    }
    if !wanted.is_empty() {
        let mut rows = Rows::default();
        for delivery in &wanted {
            rows.push(delivery);
        }
        // The reminders are locked before anything is written, all in the order of their ids: whoever
        // serves the same firings without their events (`reminders::unserved`) holds them locked, and
        // would wait for what was written here while this waits for its locks.
        let noted: Vec<(Uuid, i32, String, Option<Json<TraceContext>>)> = sqlx::query_as(
            "with alive as materialized (
                 select id, trace from reminders where id = any($1) order by id for key share)
             insert into deliveries (reminder_id, occurrence, channel, target, body, owner_id,
                 idempotency_key, lane, holder, next_attempt_at, began_at, trace)
             select n.*, alive.trace from unnest($1::uuid[], $2::int[], $3::text[], $4::jsonb[], $5::jsonb[],
                 $6::uuid[], $7::uuid[], $8::text[], $9::uuid[],
                 $10::timestamptz[], $10::timestamptz[])
                 as n (reminder_id, occurrence, channel, target, body, owner_id,
                       idempotency_key, lane, holder, next_attempt_at, began_at)
             join alive on alive.id = n.reminder_id
             order by n.reminder_id, n.occurrence, n.channel
             on conflict do nothing
             returning reminder_id, occurrence, channel, trace",
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
        let mut noted: HashMap<(Uuid, i32, String), _> = noted
            .into_iter()
            .map(|(reminder, occurrence, channel, trace)| ((reminder, occurrence, channel), trace))
            .collect();
        wanted.retain_mut(|delivery| match noted.remove(&key(delivery)) {
            Some(trace) => {
                delivery.trace = trace;
                delivery.holder.is_some()
            }
            None => false,
        });
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
    Ok(wanted)
}

/// What makes a delivery one.
fn key(delivery: &Delivery) -> (Uuid, i32, String) {
    let channel = delivery.channel.clone();
    (delivery.reminder_id, delivery.occurrence, channel)
}

/// The delivery of a firing to one of its channels, before its first attempt.
fn delivery(plan: &Plan, target: &Target, holder: Uuid, now: DateTime<Utc>) -> Delivery {
    let due = &plan.due;
    let channel = target.channel.key();
    let key = format!("{}.{channel}", due.occurrence);
    Delivery {
        reminder_id: due.reminder_id,
        occurrence: due.occurrence,
        channel,
        target: Json(target.channel.clone()),
        body: Json(due.clone()),
        owner_id: plan.owner,
        idempotency_key: Uuid::new_v5(&due.reminder_id, key.as_bytes()),
        attempts: 0,
        lane: target.lane.clone(),
        holder: target.hold.then_some(holder),
        replays: 0,
        began_at: target.not_before.unwrap_or(now),
        // That of the reminder's row, when it is noted.
        trace: None,
    }
}

/// The columns of what is noted.
#[derive(Default)]
struct Rows<'a> {
    reminders: Vec<Uuid>,
    occurrences: Vec<i32>,
    channels: Vec<&'a str>,
    targets: Vec<&'a Json<Channel>>,
    bodies: Vec<&'a Json<ReminderEvent>>,
    owners: Vec<Option<Uuid>>,
    keys: Vec<Uuid>,
    lanes: Vec<&'a str>,
    holders: Vec<Option<Uuid>>,
    times: Vec<DateTime<Utc>>,
}

impl<'a> Rows<'a> {
    fn push(&mut self, delivery: &'a Delivery) {
        self.reminders.push(delivery.reminder_id);
        self.occurrences.push(delivery.occurrence);
        self.channels.push(&delivery.channel);
        self.targets.push(&delivery.target);
        self.bodies.push(&delivery.body);
        self.owners.push(delivery.owner_id);
        self.keys.push(delivery.idempotency_key);
        self.lanes.push(&delivery.lane);
        self.holders.push(delivery.holder);
        self.times.push(delivery.began_at);
    }
}
