//! Moving a user's all-day tasks after a change of zone, a step at a time: where a day ends and when
//! its reminders fire depend on the zone.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use domain::{
    changes,
    event::{Actor, Event, EventType},
    task::{Task, due_at},
};
use serde_json::json;
use sqlx::FromRow;
use uuid::Uuid;

use super::{
    row::TaskRow,
    write::{changed, event_of},
};
use crate::{Store, outbox, reminders};

/// Tasks that one transaction moves, at most.
const STEP: usize = 500;

#[derive(FromRow)]
struct Moving {
    id: Uuid,
    time_zone: String,
    rezone_after: Option<Uuid>,
}

/// Moves the next tasks of `owner`, or of whoever waits longest; false when there is nothing left to
/// move. What is created meanwhile is created in the new zone.
///
/// # Errors
/// Whatever Postgres says; what was moved before stays moved.
pub async fn rezone_step(
    store: &Store,
    owner: Option<Uuid>,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let mut tx = store.begin().await?;
    let moving: Option<Moving> = sqlx::query_as(
        "select id, time_zone, rezone_after from users
         where rezone_since is not null and ($1::uuid is null or id = $1)
         order by rezone_since limit 1 for no key update skip locked",
    )
    .bind(owner)
    .fetch_optional(&mut *tx)
    .await?;
    let Some(user) = moving else {
        return Ok(false);
    };
    let zone: Tz = user.time_zone.parse().unwrap_or(Tz::UTC);
    let rows: Vec<TaskRow> = sqlx::query_as(
        "select * from tasks
         where owner_id = $1 and id > $2 and due_date is not null
             and completed_at is null and deleted_at is null
         order by id limit $3 for update",
    )
    .bind(user.id)
    .bind(user.rezone_after.unwrap_or_default())
    .bind(STEP as i64)
    .fetch_all(&mut *tx)
    .await?;
    let last = rows.last().map(|row| row.0.id);
    let more = rows.len() == STEP;
    let mut moved: Vec<Task> = Vec::with_capacity(rows.len());
    let mut events: Vec<Event> = Vec::with_capacity(rows.len());
    for TaskRow(task) in rows {
        let before = task.due_at;
        let ends = task.due.as_ref().map(|due| due_at(due, zone));
        if ends == before {
            continue;
        }
        let task = Task {
            due_at: ends,
            updated_at: now,
            version: task.version + 1,
            ..task
        };
        let changes = changes::of("dueAt", json!(before), json!(ends));
        let event = changed(event_of(EventType::TaskUpdated, &task, now)?, changes);
        events.push(event.by(Actor::System));
        moved.push(task);
    }
    sqlx::query(
        "update tasks set due_at = rows.at, updated_at = $3, version = version + 1
         from unnest($1::uuid[], $2::timestamptz[]) as rows (task, at) where id = rows.task",
    )
    .bind(moved.iter().map(|task| task.id).collect::<Vec<_>>())
    .bind(moved.iter().map(|task| task.due_at).collect::<Vec<_>>())
    .bind(now)
    .execute(&mut *tx)
    .await?;
    // What its owner wrote is as before: where that is no reminder, none is to be cancelled.
    moved.retain(|task| !task.reminders.is_empty());
    if !moved.is_empty() {
        reminders::replace_for_tasks(&mut tx, &moved, zone, now).await?;
    }
    outbox::put_all(&mut tx, &events).await?;
    sqlx::query(
        "update users set rezone_after = coalesce($2, rezone_after),
             rezone_since = case when $3 then rezone_since end
         where id = $1",
    )
    .bind(user.id)
    .bind(last)
    .bind(more)
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    // Another user's turn may come after this one's.
    Ok(more || owner.is_none())
}
