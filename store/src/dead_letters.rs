//! Dead letters: events that a consumer could not deal with, or that the broker never took.
//!
//! A consumer notes what fails while it is tried again (`retrying`); when the broker gives up, the
//! event becomes `dead`. A replay hands it to that one consumer again, and to no other: the row is
//! marked, the consumer's process takes it.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{FromRow, PgConnection, PgPool};
use uuid::Uuid;

use crate::Store;

/// Under this name the list has the events that the broker never took.
pub const RELAY: &str = "relay";

/// The channel on which consumers are told of a replay.
pub const CHANNEL: &str = "todostack_dead_letters";

/// Rows that one statement marks, at most.
const STEP: i64 = 5_000;

/// An event that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Its id.
    pub event_id: Uuid,
    /// Topic without the stack's prefix.
    pub topic: Option<String>,
    /// The event's type, where it can be told.
    pub kind: Option<String>,
    /// Task or reminder, where it can be told.
    pub subject: Option<String>,
    /// The event as it came.
    pub body: Option<String>,
    /// Why it failed, where that is known.
    pub reason: Option<String>,
}

/// A line of the list.
#[derive(Debug, Clone, PartialEq, Serialize, FromRow)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetter {
    /// Its place in the list, by which it is replayed.
    pub id: i64,
    /// Who could not deal with it; [`RELAY`]: the broker never took it.
    pub consumer: String,
    /// The event's id.
    pub event_id: Uuid,
    /// Topic without the stack's prefix.
    pub topic: Option<String>,
    /// The event's type.
    #[sqlx(rename = "type")]
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Task or reminder.
    pub subject: Option<String>,
    /// Why it failed last; absent: nobody knows.
    pub reason: Option<String>,
    /// `dead` or `replaying`.
    pub state: String,
    /// How often it failed.
    pub attempts: i32,
    /// When it failed first.
    pub first_seen_at: DateTime<Utc>,
    /// When it failed last.
    pub last_seen_at: DateTime<Utc>,
}

/// A letter that is to be replayed.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Replaying {
    /// Its place in the list.
    pub id: i64,
    /// The event as it came.
    pub body: String,
}

/// The columns of letters, for `unnest`; each event once, in the order of their ids, so that two
/// replicas with the same events wait for each other in one direction only.
const ROWS: &str = "
    select distinct on (event_id) event_id, topic, kind, subject, body, left(reason, 1000) as reason
    from unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
         as r (event_id, topic, kind, subject, body, reason) order by event_id";

/// Notes that `consumer` failed with these events, which come again.
///
/// # Errors
/// From the database.
pub async fn note(
    conn: &mut PgConnection,
    consumer: &str,
    letters: &[Letter],
) -> Result<(), sqlx::Error> {
    put(
        conn,
        consumer,
        letters,
        "'retrying'",
        "reason = excluded.reason, attempts = d.attempts + 1, last_seen_at = now()",
    )
    .await
    .map(|_| ())
}

/// Notes that these events come to `consumer` no more. How many of them are new among the dead: the
/// same letter twice is one.
///
/// # Errors
/// From the database.
pub async fn bury(
    conn: &mut PgConnection,
    consumer: &str,
    letters: &[Letter],
) -> Result<u64, sqlx::Error> {
    put(
        conn,
        consumer,
        letters,
        "'dead'",
        "state = 'dead', topic = excluded.topic, type = excluded.type, subject = excluded.subject,
         body = excluded.body, reason = coalesce(d.reason, excluded.reason), last_seen_at = now()
         where d.state = 'retrying'",
    )
    .await
}

async fn put(
    conn: &mut PgConnection,
    consumer: &str,
    letters: &[Letter],
    state: &'static str,
    otherwise: &'static str,
) -> Result<u64, sqlx::Error> {
    if letters.is_empty() {
        return Ok(0);
    }
    let column = |of: fn(&Letter) -> &Option<String>| -> Vec<Option<String>> {
        // Postgres keeps no NUL in a text.
        letters
            .iter()
            .map(|letter| {
                of(letter)
                    .as_ref()
                    .map(|text| text.replace('\0', "\u{fffd}"))
            })
            .collect()
    };
    // Both parts are constants of this module.
    let statement = sqlx::AssertSqlSafe(format!(
        "insert into dead_letters as d (consumer, event_id, topic, type, subject, body, reason, state)
         select $1, event_id, topic, kind, subject, body, reason, {state} from ({ROWS}) as letters
         on conflict (consumer, event_id) do update set {otherwise}"
    ));
    let done = sqlx::query(statement)
        .bind(consumer)
        .bind(
            letters
                .iter()
                .map(|letter| letter.event_id)
                .collect::<Vec<_>>(),
        )
        .bind(column(|letter| &letter.topic))
        .bind(column(|letter| &letter.kind))
        .bind(column(|letter| &letter.subject))
        .bind(column(|letter| &letter.body))
        .bind(column(|letter| &letter.reason))
        .execute(conn)
        .await?;
    Ok(done.rows_affected())
}

/// Forgets that `consumer` failed with these events: it has dealt with them.
///
/// # Errors
/// From the database.
pub async fn forget(
    conn: &mut PgConnection,
    consumer: &str,
    events: &[Uuid],
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "delete from dead_letters
         where consumer = $1 and event_id = any($2) and state = 'retrying'",
    )
    .bind(consumer)
    .bind(events)
    .execute(conn)
    .await
    .map(|_| ())
}

/// The dead letters behind `after`, at most `limit`, of one consumer or of all.
///
/// # Errors
/// From the database.
pub async fn list(
    conn: &mut PgConnection,
    consumer: Option<&str>,
    after: i64,
    limit: i64,
) -> Result<Vec<DeadLetter>, sqlx::Error> {
    sqlx::query_as(
        "select id, consumer, event_id, topic, type, subject, reason, state, attempts,
                first_seen_at, last_seen_at
         from dead_letters
         where state <> 'retrying' and ($1::text is null or consumer = $1) and id > $2
         order by id limit $3",
    )
    .bind(consumer)
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await
}

/// Asks for a replay of dead letters: of one consumer or of all, of these ids or of all. How many.
///
/// Those of the relay go back into the outbox, behind later events of their subject; the others are
/// marked, and their consumers' processes told.
///
/// # Errors
/// From the database; what was marked before stays marked.
pub async fn replay(
    store: &Store,
    consumer: Option<&str>,
    ids: Option<&[i64]>,
) -> Result<u64, sqlx::Error> {
    let mut total = 0;
    for statement in [MARK, PUT_BACK] {
        loop {
            let mut transaction = store.begin().await?;
            let count: i64 = sqlx::query_scalar(statement)
                .bind(consumer)
                .bind(ids)
                .bind(STEP)
                .fetch_one(&mut *transaction)
                .await?;
            transaction.commit().await?;
            total += count.unsigned_abs();
            if count < STEP {
                break;
            }
        }
    }
    if total > 0 {
        // After the commits, alone: see `wake`. One that is lost costs the consumers' poll interval.
        sqlx::query("select pg_notify($1, '')")
            .bind(CHANNEL)
            .execute(store.pool())
            .await?;
    }
    Ok(total)
}

/// Deletes dead letters of these ids, of one consumer or of all, for good: nobody deals with them any more. How
/// many; one that is to be replayed is not deleted.
///
/// # Errors
/// From the database.
pub async fn discard(
    conn: &mut PgConnection,
    consumer: Option<&str>,
    ids: &[i64],
) -> Result<u64, sqlx::Error> {
    let done = sqlx::query(
        "delete from dead_letters
         where id = any($1) and state = 'dead' and ($2::text is null or consumer = $2)",
    )
    .bind(ids)
    .bind(consumer)
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

const MARK: &str = "
    with marked as (
        update dead_letters set state = 'replaying'
        where id = any(array(
            select id from dead_letters
            where state = 'dead' and consumer <> 'relay'
                and ($1::text is null or consumer = $1) and ($2::bigint[] is null or id = any($2))
            order by id limit $3 for update))
        returning 1)
    select count(*) from marked";

const PUT_BACK: &str = "
    with back as (
        delete from dead_letters
        where id = any(array(
            select id from dead_letters
            where state = 'dead' and consumer = 'relay'
                and ($1::text is null or consumer = $1) and ($2::bigint[] is null or id = any($2))
            order by id limit $3 for update))
        returning id, event_id, topic, subject, body),
    put as (
        insert into outbox (event_id, topic, subject, shard, event)
        select event_id, topic, subject, (hashtext(subject) & 15)::smallint, body::jsonb
        from back order by id on conflict (event_id) do nothing)
    select count(*) from back";

/// Takes letters that are to be replayed to `consumer`, at most `limit`, until the transaction ends:
/// other replicas take others.
///
/// # Errors
/// From the database.
pub async fn take(
    conn: &mut PgConnection,
    consumer: &str,
    limit: i64,
) -> Result<Vec<Replaying>, sqlx::Error> {
    sqlx::query_as(
        "select id, body from dead_letters where consumer = $1 and state = 'replaying'
         order by id limit $2 for update skip locked",
    )
    .bind(consumer)
    .bind(limit)
    .fetch_all(conn)
    .await
}

/// Ends a replay: what was dealt with goes, what failed is dead again, each with its reason.
///
/// # Errors
/// From the database.
pub async fn settle(
    conn: &mut PgConnection,
    done: &[i64],
    failed: &[(i64, String)],
) -> Result<(), sqlx::Error> {
    sqlx::query("delete from dead_letters where id = any($1)")
        .bind(done)
        .execute(&mut *conn)
        .await?;
    let (ids, reasons): (Vec<i64>, Vec<String>) = failed
        .iter()
        .map(|(id, reason)| (*id, reason.replace('\0', "\u{fffd}")))
        .unzip();
    sqlx::query(
        "update dead_letters d set state = 'dead', reason = left(r.reason, 1000),
             attempts = attempts + 1, last_seen_at = now()
         from unnest($1::bigint[], $2::text[]) as r (id, reason) where d.id = r.id",
    )
    .bind(ids)
    .bind(reasons)
    .execute(conn)
    .await
    .map(|_| ())
}

/// How many dead letters each consumer has.
///
/// # Errors
/// From the database.
pub async fn waiting(pool: &PgPool) -> Result<Vec<(String, i64)>, sqlx::Error> {
    sqlx::query_as(
        "select consumer, count(*) from dead_letters where state <> 'retrying' group by consumer",
    )
    .fetch_all(pool)
    .await
}

/// Deletes what has been dead since before `dead`, and what is noted as retrying but has not been
/// tried since `retrying` (another process dealt with it), at most `limit`; returns how many. What
/// waits for a replay stays.
///
/// # Errors
/// From the database.
pub async fn prune(
    pool: &PgPool,
    dead: DateTime<Utc>,
    retrying: DateTime<Utc>,
    limit: i64,
) -> Result<u64, sqlx::Error> {
    let done = sqlx::query(
        "delete from dead_letters where id = any(array(
             select id from dead_letters
             where last_seen_at < $2 and (state = 'retrying' or state = 'dead' and last_seen_at < $1)
             order by last_seen_at limit $3))",
    )
    .bind(dead)
    .bind(retrying)
    .bind(limit)
    .execute(pool)
    .await?;
    Ok(done.rows_affected())
}
