//! The append-only trail: every event once.
//!
//! It is partitioned by months of the events' time. An event has the same id and time however often it
//! comes, so that the key of both keeps it once. The audit service appends as a role of the database that
//! may do nothing else ([`begin`]); for a database user who may not make roles the table's triggers alone
//! refuse changes.

use std::{collections::BTreeSet, time::Duration};

use domain::event::{Event, EventType};
use serde::Serialize;
use sqlx::{
    FromRow, PgConnection, PgPool, Postgres, QueryBuilder, Row,
    postgres::PgRow,
    types::chrono::{DateTime, Utc},
};
use uuid::Uuid;

use crate::Store;

/// First key of the advisory locks that owners share; any number that nobody else in this database uses.
const LOCK_CLASS: i32 = 0x6175_6469;

/// Days for which the trail is kept at least, whatever is asked for.
pub const SHORTEST_RETENTION_DAYS: i32 = 30;

/// Type of the line that stays of an account: its receipt. No event stands behind it.
pub const ACCOUNT_DELETED: &str = "account.deleted";

/// Type of a line that tells of an alarm of a generation that is over: no event stands behind it.
pub const STALE: &str = "reminder.stale";

/// One line of the trail.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Its place in the trail.
    pub seq: i64,
    /// The event's id.
    pub event_id: Uuid,
    /// The event's type, such as `task.created`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The task, or the reminder.
    pub subject: String,
    /// Who caused it; none for events from before that was noted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<EntryActor>,
    /// When it happened.
    pub time: DateTime<Utc>,
    /// The event's data; of a task's write with `changes`.
    pub data: serde_json::Value,
}

/// Who caused an event, by the terms of CloudEvents' Auth Context extension.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EntryActor {
    /// `app_user` or `system`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The user's id, for an `app_user`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

impl FromRow<'_, PgRow> for Entry {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let actor: Option<String> = row.try_get("actor_type")?;
        let id = row.try_get("actor_id")?;
        Ok(Self {
            seq: row.try_get("seq")?,
            event_id: row.try_get("event_id")?,
            kind: row.try_get("type")?,
            subject: row.try_get("subject")?,
            actor: actor.map(|kind| EntryActor { kind, id }),
            time: row.try_get("time")?,
            data: row.try_get("data")?,
        })
    }
}

/// Gives the role that [`begin`] takes on its rights, and makes it where there is none. `None`: done;
/// otherwise why not.
///
/// # Errors
/// From the database.
pub async fn grant(pool: &PgPool) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar("select audit_grant()")
        .fetch_one(pool)
        .await
}

/// A transaction that may append to the trail and read it, and nothing else, as far as the database has a
/// role for that: see [`is_confined`].
///
/// # Errors
/// From the database.
pub async fn begin(store: &Store) -> Result<sqlx::Transaction<'static, Postgres>, sqlx::Error> {
    // One round trip. It writes no events: nobody is to be woken.
    store
        .pool()
        .begin_with("begin; select audit_assume()")
        .await
}

/// Whether a transaction of [`begin`] is held to its role; otherwise the triggers alone refuse changes of
/// the trail.
///
/// # Errors
/// From the database.
pub async fn is_confined(conn: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select current_user = audit_role()")
        .fetch_one(conn)
        .await
}

/// Makes the partitions of the months ahead, and drops those that ended longer ago than `retention`,
/// which is taken as [`SHORTEST_RETENTION_DAYS`] at least. How many it dropped.
///
/// # Errors
/// From the database.
pub async fn maintain(store: &Store, retention: Duration) -> Result<i32, sqlx::Error> {
    let days = i32::try_from(retention.as_secs() / 86_400).unwrap_or(i32::MAX);
    let mut transaction = begin(store).await?;
    let dropped = sqlx::query_scalar("select audit_maintain($1)")
        .bind(days.clamp(SHORTEST_RETENTION_DAYS, LONGEST_RETENTION_DAYS))
        .fetch_one(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(dropped)
}

/// A century: what Postgres can subtract from now.
const LONGEST_RETENTION_DAYS: i32 = 36_525;

/// Appends events in this order, in one statement; one that is there already stays as it is.
///
/// # Errors
/// From the database.
pub async fn append_all(conn: &mut PgConnection, events: &[Event]) -> Result<(), sqlx::Error> {
    if events.is_empty() {
        return Ok(());
    }
    let lines: Vec<(&Event, &str)> = events
        .iter()
        .map(|event| (event, event.kind.as_str()))
        .collect();
    let lines = of_living(conn, lines).await?;
    insert(conn, &lines).await
}

/// Appends that alarms rang for generations that are over, and so did nothing. One that rings once more
/// is there already, although it has another time.
///
/// # Errors
/// From the database.
pub async fn append_stale(conn: &mut PgConnection, events: &[Event]) -> Result<(), sqlx::Error> {
    if events.is_empty() {
        return Ok(());
    }
    let lines = events
        .iter()
        .map(|event| {
            debug_assert_eq!(event.kind, EventType::ReminderDue);
            (event, STALE)
        })
        .collect();
    let mut lines = of_living(conn, lines).await?;
    let ids: Vec<Uuid> = events.iter().map(|event| event.id).collect();
    let there: Vec<Uuid> =
        sqlx::query_scalar("select event_id from audit where event_id = any($1)")
            .bind(ids)
            .fetch_all(&mut *conn)
            .await?;
    lines.retain(|(event, _)| !there.contains(&event.id));
    insert(conn, &lines).await
}

/// The receipt of a deleted account, whose locks are taken: it belongs to nobody, and names the user only
/// by an id that nothing else has any more.
pub(crate) async fn append_receipt(
    conn: &mut PgConnection,
    id: Uuid,
    user: Uuid,
    data: serde_json::Value,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into audit (event_id, type, subject, time, data, actor_type, actor_id)
         values ($1, $2, $3, $4, $5, 'app_user', $3)",
    )
    .bind(id)
    .bind(ACCOUNT_DELETED)
    .bind(user.to_string())
    .bind(now)
    .bind(data)
    .execute(conn)
    .await
    .map(|_| ())
}

/// The lines but those of accounts that were deleted meanwhile: the broker keeps their events for some
/// days, and the trail is not to learn again what it had to forget.
async fn of_living<'a>(
    conn: &mut PgConnection,
    lines: Vec<(&'a Event, &'a str)>,
) -> Result<Vec<(&'a Event, &'a str)>, sqlx::Error> {
    let owners: BTreeSet<Option<Uuid>> = lines.iter().map(|(event, _)| event.owner).collect();
    lock_owners(conn, owners.iter().copied()).await?;
    // audit_subject; nearly always none.
    let gone: Vec<Uuid> = sqlx::query_scalar(
        "select subject::uuid from audit where subject = any($1::uuid[]::text[]) and type = $2",
    )
    .bind(owners.into_iter().flatten().collect::<Vec<Uuid>>())
    .bind(ACCOUNT_DELETED)
    .fetch_all(conn)
    .await?;
    if gone.is_empty() {
        return Ok(lines);
    }
    let lives = |event: &Event| event.owner.is_none_or(|owner| !gone.contains(&owner));
    Ok(lines
        .into_iter()
        .filter(|(event, _)| lives(event))
        .collect())
}

/// One after the other for each owner: `seq` is then the order of commits too, and who reads on from the
/// last line misses none. In ascending order, so that two batches never wait in a circle.
pub(crate) async fn lock_owners(
    conn: &mut PgConnection,
    owners: impl IntoIterator<Item = Option<Uuid>>,
) -> Result<(), sqlx::Error> {
    let buckets: BTreeSet<i32> = owners.into_iter().map(bucket).collect();
    let buckets: Vec<i32> = buckets.into_iter().collect();
    sqlx::query("select pg_advisory_xact_lock($1, b) from unnest($2::int[]) as b")
        .bind(LOCK_CLASS)
        .bind(buckets)
        .execute(conn)
        .await
        .map(|_| ())
}

async fn insert(conn: &mut PgConnection, lines: &[(&Event, &str)]) -> Result<(), sqlx::Error> {
    if lines.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "insert into audit (event_id, type, subject, owner_id, time, data, actor_type, actor_id)
         select event_id, type, subject, owner_id, time, data, actor_type, actor_id
         from unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::timestamptz[], $6::jsonb[],
                     $7::text[], $8::text[])
              with ordinality
              as lines (event_id, type, subject, owner_id, time, data, actor_type, actor_id, place)
         order by place on conflict (event_id, time) do nothing",
    )
    .bind(lines.iter().map(|(event, _)| event.id).collect::<Vec<_>>())
    .bind(lines.iter().map(|(_, kind)| *kind).collect::<Vec<_>>())
    .bind(
        lines
            .iter()
            .map(|(event, _)| event.subject.as_str())
            .collect::<Vec<_>>(),
    )
    .bind(
        lines
            .iter()
            .map(|(event, _)| event.owner)
            .collect::<Vec<_>>(),
    )
    .bind(
        lines
            .iter()
            .map(|(event, _)| event.time)
            .collect::<Vec<_>>(),
    )
    .bind(
        lines
            .iter()
            .map(|(event, _)| &event.data)
            .collect::<Vec<_>>(),
    )
    .bind(
        lines
            .iter()
            .map(|(event, _)| event.authtype.as_deref())
            .collect::<Vec<_>>(),
    )
    .bind(
        lines
            .iter()
            .map(|(event, _)| event.authid.as_deref())
            .collect::<Vec<_>>(),
    )
    .execute(conn)
    .await
    .map(|_| ())
}

/// The lock that an owner shares with some others: a batch of many owners takes few locks.
fn bucket(owner: Option<Uuid>) -> i32 {
    i32::from(owner.map_or(0, |id| id.as_bytes()[15]) & 63)
}

/// What of a user's trail is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only what is about this task, or this reminder of no task.
    pub subject: Option<Uuid>,
    /// Only events of this type.
    pub kind: Option<String>,
    /// Only what happened at this instant or later.
    pub since: Option<DateTime<Utc>>,
    /// Only what happened before this instant.
    pub before: Option<DateTime<Utc>>,
    /// The newest first.
    pub descending: bool,
}

/// A user's trail beyond the place `cursor`, in the order in which it was written, at most `limit` lines.
///
/// # Errors
/// From the database.
pub async fn list(
    pool: &PgPool,
    owner: Uuid,
    filter: &Filter,
    cursor: Option<i64>,
    limit: i64,
) -> Result<Vec<Entry>, sqlx::Error> {
    select(owner, filter, cursor, limit)
        .build_query_as()
        .fetch_all(pool)
        .await
}

/// Only the conditions that are asked for, so that each has its index; the time also tells Postgres which
/// months it need not read.
fn select(owner: Uuid, filter: &Filter, cursor: Option<i64>, limit: i64) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new(
        "select seq, event_id, type, subject, actor_type, actor_id, time, data from audit
         where owner_id = ",
    );
    query.push_bind(owner);
    if let Some(subject) = filter.subject {
        query.push(" and subject = ").push_bind(subject.to_string());
    }
    if let Some(kind) = &filter.kind {
        query.push(" and type = ").push_bind(kind.clone());
    }
    if let Some(since) = filter.since {
        query.push(" and time >= ").push_bind(since);
    }
    if let Some(before) = filter.before {
        query.push(" and time < ").push_bind(before);
    }
    let (beyond, direction) = if filter.descending {
        ("<", "desc")
    } else {
        (">", "asc")
    };
    if let Some(seq) = cursor {
        query
            .push(format_args!(" and seq {beyond} "))
            .push_bind(seq);
    }
    query.push(format_args!(" order by seq {direction} limit "));
    query.push_bind(limit);
    query
}
