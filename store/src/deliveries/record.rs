//! Noting what attempts came to.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Delivery, Finished, Outcome, finish_all};

/// Records attempts, in a few statements however many they are; the last channel's decides the
/// reminder's phase. An attempt of a process that does not hold the delivery any more counts only
/// when it succeeded. Call it in a transaction.
///
/// # Errors
/// From the database.
pub async fn record_all(
    conn: &mut PgConnection,
    attempts: &[(Delivery, Outcome)],
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let mut rows = Rows::default();
    let mut firings: HashMap<(Uuid, i32), &Delivery> = HashMap::new();
    for (delivery, outcome) in attempts {
        rows.push(delivery, outcome, now);
        firings.insert((delivery.reminder_id, delivery.occurrence), delivery);
    }
    // The lock makes the channels of one reminder take turns, so that one of them is the last; all
    // lock in the order of ids, so that nobody waits in a circle.
    sqlx::query("select 1 from reminders where id = any($1) order by id for no key update")
        .bind(&rows.reminders)
        .execute(&mut *conn)
        .await?;
    sqlx::query(
        "update deliveries d set state = a.state, next_attempt_at = a.next, last_error = a.error,
             attempts = a.attempts, holder = null,
             delivered_at = case when a.state = 'Delivered' then $9 end
         from unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::timestamptz[], $6::text[],
             $7::int[], $8::uuid[])
             as a (reminder_id, occurrence, channel, state, next, error, attempts, holder)
         where (d.reminder_id, d.occurrence, d.channel)
                 = (a.reminder_id, a.occurrence, a.channel)
             and d.state = 'Pending'
             and (a.state = 'Delivered' or d.holder is not distinct from a.holder)",
    )
    .bind(rows.reminders)
    .bind(rows.occurrences)
    .bind(rows.channels)
    .bind(rows.states)
    .bind(rows.next)
    .bind(rows.errors)
    .bind(rows.attempts)
    .bind(rows.holders)
    .bind(now)
    .execute(&mut *conn)
    .await?;
    let (ids, occurrences): (Vec<Uuid>, Vec<i32>) = firings.keys().copied().unzip();
    let over: Vec<(Uuid, i32, Option<String>, i32)> = sqlx::query_as(
        "select f.id, f.occurrence,
                min(d.channel || ': ' || coalesce(d.last_error, ''))
                    filter (where d.state = 'Failed'),
                max(d.replays)
         from unnest($1::uuid[], $2::int[]) as f (id, occurrence)
         join deliveries d on d.reminder_id = f.id and d.occurrence = f.occurrence
         group by f.id, f.occurrence
         having count(*) filter (where d.state = 'Pending') = 0",
    )
    .bind(ids)
    .bind(occurrences)
    .fetch_all(&mut *conn)
    .await?;
    let finished: Vec<Finished<'_>> = over
        .into_iter()
        .filter_map(|(id, occurrence, reason, replays)| {
            let delivery = firings.get(&(id, occurrence))?;
            Some(Finished {
                owner: delivery.owner_id,
                due: &delivery.body,
                reason,
                replays,
            })
        })
        .collect();
    let done = finish_all(conn, &finished, now).await?;
    let others: Vec<Uuid> = firings
        .into_keys()
        .filter(|firing| !done.contains(firing))
        .map(|(id, _)| id)
        .collect();
    if others.is_empty() {
        return Ok(());
    }
    // Followers of a reminder are told of its deliveries, too: a write of its row does that, which those that
    // are over have had.
    sqlx::query("update reminders set updated_at = now() where id = any($1)")
        .bind(others)
        .execute(conn)
        .await
        .map(|_| ())
}

/// The columns of what is recorded.
#[derive(Default)]
struct Rows<'a> {
    reminders: Vec<Uuid>,
    occurrences: Vec<i32>,
    channels: Vec<&'a str>,
    states: Vec<&'static str>,
    next: Vec<DateTime<Utc>>,
    errors: Vec<Option<String>>,
    attempts: Vec<i32>,
    holders: Vec<Option<Uuid>>,
}

impl<'a> Rows<'a> {
    fn push(&mut self, delivery: &'a Delivery, outcome: &'a Outcome, now: DateTime<Utc>) {
        let (state, next, error) = match outcome {
            Outcome::Delivered => ("Delivered", now, None),
            Outcome::Retry { at, error } => ("Pending", *at, Some(error)),
            Outcome::Failed { error } => ("Failed", now, Some(error)),
        };
        self.reminders.push(delivery.reminder_id);
        self.occurrences.push(delivery.occurrence);
        self.channels.push(&delivery.channel);
        self.states.push(state);
        self.next.push(next);
        // A receiver's words may hold what Postgres' text cannot.
        self.errors
            .push(error.map(|error| error.replace('\0', " ")));
        self.attempts.push(delivery.attempts + 1);
        self.holders.push(delivery.holder);
    }
}
