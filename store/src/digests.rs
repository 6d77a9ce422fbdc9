//! Digests: once on each local day of a user, what is due and overdue.
//!
//! A digest that has something to tell is a reminder that has fired: it is delivered, tried again, given
//! up, replayed and forgotten as any other.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use chrono_tz::Tz;
use domain::{
    digest::{self, Daily, Digest, Item, LISTED, Part},
    recurrence::{Start, to_instant},
    reminder::{Channel, ReminderEvent},
    task::Priority,
};
use sqlx::{FromRow, PgConnection, types::Json};
use uuid::Uuid;

/// What a user asked for.
#[derive(Debug, Clone, FromRow)]
pub struct Wanted {
    /// Whose it is.
    pub owner_id: Uuid,
    /// The local time at which it comes.
    pub at: NaiveTime,
    /// Where it goes; empty: the owner's default channels, or else the stack's webhook.
    pub channels: Json<Vec<Channel>>,
    /// The latest local day that has had its digest, or needs none.
    pub last_day: NaiveDate,
    /// When it is looked at again.
    pub next_at: DateTime<Utc>,
}

/// What a user asked for, if they did.
///
/// # Errors
/// Whatever Postgres says.
pub async fn get(conn: &mut PgConnection, owner: Uuid) -> sqlx::Result<Option<Wanted>> {
    sqlx::query_as("select * from digests where owner_id = $1")
        .bind(owner)
        .fetch_optional(conn)
        .await
}

/// Sets the digest of a user in this zone. Where its time is over for today, or today has had its own,
/// the first one comes tomorrow. Call it in a transaction that keeps the zone as it is.
///
/// # Errors
/// Whatever Postgres says.
pub async fn set(
    conn: &mut PgConnection,
    owner: Uuid,
    daily: Daily,
    channels: &[Channel],
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    let before = locked(conn, owner).await?;
    // One that is overdue still comes, unless its time is another.
    let same = before.as_ref().filter(|before| before.at == daily.at);
    let (last, next) = match same {
        Some(before) => (before.last_day, before.next_at),
        None => {
            let last = daily.begin(before.map(|before| before.last_day), now);
            (last, daily.turn(last, now).next)
        }
    };
    sqlx::query(
        "insert into digests (owner_id, at, channels, last_day, next_at) values ($1, $2, $3, $4, $5)
         on conflict (owner_id) do update
             set at = $2, channels = $3, last_day = $4, next_at = $5",
    )
    .bind(owner)
    .bind(daily.at)
    .bind(Json(channels))
    .bind(last)
    .bind(next)
    .execute(conn)
    .await
    .map(|_| ())
}

/// Ends the digest of a user.
///
/// # Errors
/// Whatever Postgres says.
pub async fn clear(conn: &mut PgConnection, owner: Uuid) -> sqlx::Result<()> {
    sqlx::query("delete from digests where owner_id = $1")
        .bind(owner)
        .execute(conn)
        .await
        .map(|_| ())
}

/// Moves the digest of a user to another zone; a day whose time is over there and that has had none has
/// it now. Call it in the transaction that changes the zone.
///
/// # Errors
/// Whatever Postgres says.
pub async fn rezone(
    conn: &mut PgConnection,
    owner: Uuid,
    zone: Tz,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    let Some(wanted) = locked(conn, owner).await? else {
        return Ok(());
    };
    let turn = Daily {
        at: wanted.at,
        zone,
    }
    .turn(wanted.last_day, now);
    let next = if turn.day.is_some() { now } else { turn.next };
    sqlx::query("update digests set next_at = $2 where owner_id = $1")
        .bind(owner)
        .bind(next)
        .execute(conn)
        .await
        .map(|_| ())
}

async fn locked(conn: &mut PgConnection, owner: Uuid) -> sqlx::Result<Option<Wanted>> {
    sqlx::query_as("select * from digests where owner_id = $1 for update")
        .bind(owner)
        .fetch_optional(conn)
        .await
}

/// One digest that has to be made.
struct Due {
    wanted: Wanted,
    zone: Tz,
    day: NaiveDate,
}

/// Makes the digests whose time has come, the longest due first, at most `limit`: how many users were
/// looked at, and the firings that are to be delivered. Nobody else makes them; call it in the
/// transaction that notes their deliveries.
///
/// # Errors
/// From the database; then nothing of the transaction may be committed.
pub async fn fire(
    conn: &mut PgConnection,
    limit: i64,
    now: DateTime<Utc>,
) -> sqlx::Result<(usize, Vec<(Option<Uuid>, ReminderEvent)>)> {
    let wanted: Vec<Wanted> = sqlx::query_as(
        "select * from digests where next_at <= $1 order by next_at limit $2
         for update skip locked",
    )
    .bind(now)
    .bind(limit)
    .fetch_all(&mut *conn)
    .await?;
    if wanted.is_empty() {
        return Ok((0, Vec::new()));
    }
    let looked_at = wanted.len();
    let owners: Vec<Uuid> = wanted.iter().map(|wanted| wanted.owner_id).collect();
    // Only now: a zone is changed by whoever has the lock of the digest.
    let zones: Vec<(Uuid, String)> =
        sqlx::query_as("select id, time_zone from users where id = any($1)")
            .bind(&owners)
            .fetch_all(&mut *conn)
            .await?;
    let zones: HashMap<Uuid, Tz> = zones
        .into_iter()
        .map(|(id, name)| (id, name.parse().unwrap_or(Tz::UTC)))
        .collect();
    let (mut next, mut last, mut due) = (Vec::new(), Vec::new(), Vec::new());
    for wanted in wanted {
        let zone = zones.get(&wanted.owner_id).copied().unwrap_or(Tz::UTC);
        let at = wanted.at;
        let turn = Daily { at, zone }.turn(wanted.last_day, now);
        next.push(turn.next);
        last.push(turn.day.unwrap_or(wanted.last_day));
        due.extend(turn.day.map(|day| Due { wanted, zone, day }));
    }
    sqlx::query(
        "update digests d set next_at = n.next_at, last_day = n.last_day
         from unnest($1::uuid[], $2::timestamptz[], $3::date[]) as n (owner_id, next_at, last_day)
         where d.owner_id = n.owner_id",
    )
    .bind(owners)
    .bind(next)
    .bind(last)
    .execute(&mut *conn)
    .await?;
    let mut contents = contents(conn, &due).await?;
    let firings = due
        .iter()
        .filter_map(|due| {
            let owner = due.wanted.owner_id;
            let digest = contents.remove(&owner)?;
            (!digest.is_empty()).then(|| (Some(owner), firing(due, digest, now)))
        })
        .collect();
    Ok((looked_at, note(conn, firings, now).await?))
}

fn firing(due: &Due, digest: Digest, now: DateTime<Utc>) -> ReminderEvent {
    let Due { wanted, zone, day } = due;
    let (at, zone) = (wanted.at, *zone);
    let fire_at = Daily { at, zone }.instant(*day);
    ReminderEvent {
        reminder_id: digest::id(wanted.owner_id, *day),
        occurrence: 0,
        generation: 1,
        task_id: None,
        priority: None,
        message: digest.title(),
        fire_at,
        fired_at: Some(now),
        lateness_ms: Some((now - fire_at).num_milliseconds().max(0)),
        reason: None,
        channels: wanted.channels.0.clone(),
        digest: Some(digest),
    }
}

/// A task that is due before the end of its owner's day.
#[derive(FromRow)]
struct Task {
    owner_id: Uuid,
    id: Uuid,
    title: String,
    priority: i16,
    due_at: DateTime<Utc>,
    all_day: bool,
    overdue: bool,
}

/// What is due, by owner.
async fn contents(conn: &mut PgConnection, due: &[Due]) -> sqlx::Result<HashMap<Uuid, Digest>> {
    if due.is_empty() {
        return Ok(HashMap::new());
    }
    let begins = |day: NaiveDate, zone| to_instant(&Start::On(day), zone);
    let owners: Vec<Uuid> = due.iter().map(|due| due.wanted.owner_id).collect();
    let starts: Vec<DateTime<Utc>> = due.iter().map(|due| begins(due.day, due.zone)).collect();
    let ends: Vec<DateTime<Utc>> = due
        .iter()
        .map(|due| begins(due.day.succ_opt().unwrap_or(due.day), due.zone))
        .collect();
    // Both go by `tasks_owner_due`.
    let counts: Vec<(Uuid, i64, i64)> = sqlx::query_as(
        "select o.owner, count(*) filter (where t.due_at >= o.starts),
             count(*) filter (where t.due_at < o.starts)
         from unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[]) as o (owner, starts, ends)
         join tasks t on t.owner_id = o.owner and t.due_at < o.ends
             and t.deleted_at is null and t.completed_at is null
         group by o.owner",
    )
    .bind(&owners)
    .bind(&starts)
    .bind(&ends)
    .fetch_all(&mut *conn)
    .await?;
    let tasks: Vec<Task> = sqlx::query_as(
        "select o.owner as owner_id, t.*
         from unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[]) as o (owner, starts, ends)
         cross join lateral (
             (select id, title, priority, due_at, due_date is not null as all_day, false as overdue
              from tasks where owner_id = o.owner and deleted_at is null and completed_at is null
                  and due_at >= o.starts and due_at < o.ends
              order by due_at, id limit $4)
             union all
             (select id, title, priority, due_at, due_date is not null, true
              from tasks where owner_id = o.owner and deleted_at is null and completed_at is null
                  and due_at < o.starts
              order by due_at desc, id desc limit $4)) t",
    )
    .bind(&owners)
    .bind(&starts)
    .bind(&ends)
    .bind(i64::try_from(LISTED).unwrap_or(i64::MAX))
    .fetch_all(conn)
    .await?;
    let part = |count: i64| Part {
        count: u64::try_from(count).unwrap_or_default(),
        tasks: Vec::new(),
    };
    let of: HashMap<Uuid, (NaiveDate, Tz)> = due
        .iter()
        .map(|due| (due.wanted.owner_id, (due.day, due.zone)))
        .collect();
    let mut contents: HashMap<Uuid, Digest> = counts
        .into_iter()
        .filter_map(|(owner, due, overdue)| {
            let (day, _) = of.get(&owner)?;
            let digest = Digest {
                day: *day,
                due: part(due),
                overdue: part(overdue),
            };
            Some((owner, digest))
        })
        .collect();
    for task in tasks {
        let Some((_, zone)) = of.get(&task.owner_id) else {
            continue;
        };
        let local = task.due_at.with_timezone(zone);
        let when = match (task.overdue, task.all_day) {
            (true, _) => Some(local.date_naive().to_string()),
            (false, true) => None,
            (false, false) => Some(local.format("%H:%M").to_string()),
        };
        let item = Item {
            id: task.id,
            title: task.title,
            priority: Priority::from_number(task.priority),
            when,
        };
        if let Some(digest) = contents.get_mut(&task.owner_id) {
            let part = if task.overdue {
                &mut digest.overdue
            } else {
                &mut digest.due
            };
            part.tasks.push(item);
        }
    }
    Ok(contents)
}

/// Notes firings, each digest once; those that were not there.
async fn note(
    conn: &mut PgConnection,
    firings: Vec<(Option<Uuid>, ReminderEvent)>,
    now: DateTime<Utc>,
) -> sqlx::Result<Vec<(Option<Uuid>, ReminderEvent)>> {
    if firings.is_empty() {
        return Ok(firings);
    }
    let ids: Vec<Uuid> = firings.iter().map(|(_, due)| due.reminder_id).collect();
    let owners: Vec<Option<Uuid>> = firings.iter().map(|(owner, _)| *owner).collect();
    let messages: Vec<&str> = firings
        .iter()
        .map(|(_, due)| due.message.as_str())
        .collect();
    let channels: Vec<Json<&[Channel]>> = firings
        .iter()
        .map(|(_, due)| Json(due.channels.as_slice()))
        .collect();
    let times: Vec<DateTime<Utc>> = firings.iter().map(|(_, due)| due.fire_at).collect();
    let lateness: Vec<i64> = firings
        .iter()
        .map(|(_, due)| due.lateness_ms.unwrap_or_default())
        .collect();
    let new: Vec<Uuid> = sqlx::query_scalar(
        "with new as (
             insert into reminders (id, origin, owner_id, message, channels, fire_at, phase, fired_at)
             select f.id, 'api', f.owner, f.message, f.channels, f.at, 'Fired', $7
             from unnest($1::uuid[], $2::uuid[], $3::text[], $4::jsonb[], $5::timestamptz[])
                 as f (id, owner, message, channels, at)
             on conflict do nothing
             returning id, occurrence, generation),
         claimed as (
             insert into firings (reminder_id, occurrence, generation, fired_at, lateness_ms, path)
             select new.id, occurrence, generation, $7, f.late, 'sweep'
             from new join unnest($1::uuid[], $6::bigint[]) as f (id, late) on f.id = new.id)
         select id from new",
    )
    .bind(ids)
    .bind(owners)
    .bind(messages)
    .bind(channels)
    .bind(times)
    .bind(lateness)
    .bind(now)
    .fetch_all(conn)
    .await?;
    let new: HashSet<Uuid> = new.into_iter().collect();
    let is_new = |(_, due): &(Option<Uuid>, ReminderEvent)| new.contains(&due.reminder_id);
    Ok(firings.into_iter().filter(is_new).collect())
}
