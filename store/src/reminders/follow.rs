//! Reading reminders as the operator sees them, and following their changes.

use chrono::{DateTime, Utc};
use domain::{
    internal_api::{DeliveryView, Origin, ReminderView},
    reminder::{HORIZON, Phase},
};
use sqlx::{FromRow, PgConnection, types::Json};
use uuid::Uuid;

use super::Reminder;
use crate::seen_on;

#[derive(FromRow)]
struct Row {
    #[sqlx(flatten)]
    reminder: Reminder,
    reason: Option<String>,
    lateness_ms: Option<i64>,
    deliveries: Json<Vec<DeliveryView>>,
    changed: String,
    created_at: DateTime<Utc>,
}

impl From<Row> for ReminderView {
    fn from(row: Row) -> Self {
        let far = row.reminder.fire_at - Utc::now() > HORIZON;
        let phase = match row.reminder.phase() {
            // It has all that it needs: its alarm is set when its time comes nearer.
            Phase::Pending if far && !row.reminder.suspended => Phase::Scheduled,
            phase => phase,
        };
        Self {
            id: row.reminder.id,
            origin: if row.reminder.origin == Origin::Api.as_str() {
                Origin::Api
            } else {
                Origin::Kubernetes
            },
            object: row.reminder.object,
            phase,
            message: row.reminder.message,
            task_id: row.reminder.task_id,
            fire_at: row.reminder.fire_at,
            base_at: row.reminder.base_at,
            fired_at: row.reminder.fired_at,
            lateness_ms: row.lateness_ms,
            reason: row.reason,
            generation: row.reminder.generation,
            channels: row.reminder.channels.0,
            deliveries: row.deliveries.0,
        }
    }
}

/// The columns of a [`Row`]; the filter follows.
macro_rules! rows {
    ($filter:literal) => {
        concat!(
            "select r.*, r.changed_tx::text as changed,
                 (select f.lateness_ms from firings f
                  where f.reminder_id = r.id and f.occurrence = r.occurrence) as lateness_ms,
                 coalesce((select jsonb_agg(jsonb_build_object(
                      'channel', d.channel, 'state', d.state, 'attempts', d.attempts,
                      'deliveredAt', d.delivered_at, 'lastError', d.last_error) order by d.channel)
                  from deliveries d
                  where d.reminder_id = r.id and d.occurrence = r.occurrence), '[]') as deliveries
             from reminders r ",
            $filter
        )
    };
}

/// Those of `ids` that exist.
///
/// # Errors
/// From the database.
pub async fn lookup(
    conn: &mut PgConnection,
    ids: &[Uuid],
) -> Result<Vec<ReminderView>, sqlx::Error> {
    let rows: Vec<Row> = sqlx::query_as(rows!("where r.id = any($1) order by r.id"))
        .bind(ids)
        .fetch_all(conn)
        .await?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// Reminders that users made and that fire before `until`, nearest first.
///
/// # Errors
/// From the database.
pub async fn upcoming(
    conn: &mut PgConnection,
    until: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<ReminderView>, sqlx::Error> {
    // Each phase is one stretch of the index, in order.
    let rows: Vec<Row> = sqlx::query_as(rows!(
        "where r.id in (
             (select id from reminders
              where phase = 'Scheduled' and origin = 'api' and fire_at < $1
              order by fire_at, id limit $2)
             union all
             (select id from reminders
              where phase = 'Pending' and origin = 'api' and fire_at < $1
              order by fire_at, id limit $2))
         order by r.fire_at, r.id limit $2"
    ))
    .bind(until)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// A place in the feed of changes: the server, the transaction of a change, and the reminder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    identity: String,
    transaction: String,
    reminder: Uuid,
}

impl Cursor {
    /// The end of the feed as it is now.
    ///
    /// # Errors
    /// From the database.
    pub async fn now(conn: &mut PgConnection) -> Result<Self, sqlx::Error> {
        let identity = seen_on::identity(&mut *conn).await?;
        let transaction =
            sqlx::query_scalar("select pg_snapshot_xmin(pg_current_snapshot())::text")
                .fetch_one(conn)
                .await?;
        Ok(Self {
            identity,
            transaction,
            reminder: Uuid::nil(),
        })
    }

    /// Whether it was made on the server that the data is on now. On another one transaction ids mean
    /// nothing: whoever follows must begin anew.
    ///
    /// # Errors
    /// From the database.
    pub async fn is_of_this_server(&self, conn: &mut PgConnection) -> Result<bool, sqlx::Error> {
        Ok(seen_on::identity(conn).await? == self.identity)
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}.{}.{}",
            self.identity, self.transaction, self.reminder
        )
    }
}

impl std::str::FromStr for Cursor {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "must be the `cursor` of an earlier answer, or absent";
        let mut parts = text.splitn(3, '.');
        let mut next = || parts.next().ok_or(WRONG);
        let (identity, transaction, reminder) = (next()?, next()?, next()?);
        transaction.parse::<u64>().map_err(|_| WRONG)?;
        Ok(Self {
            identity: identity.into(),
            transaction: transaction.into(),
            reminder: reminder.parse().map_err(|_| WRONG)?,
        })
    }
}

/// What changed after `after`, at most `limit` reminders, each once and as it is now.
///
/// Only changes that no running transaction can still precede are told: a follower misses none, and
/// a transaction that stays open holds the feed back.
///
/// # Errors
/// From the database.
pub async fn changes(
    conn: &mut PgConnection,
    after: &Cursor,
    limit: i64,
) -> Result<(Vec<ReminderView>, Cursor), sqlx::Error> {
    let rows: Vec<Row> = sqlx::query_as(rows!(
        "where (r.changed_tx, r.id) > ($1::text::xid8, $2)
             and r.changed_tx < pg_snapshot_xmin(pg_current_snapshot())
         order by r.changed_tx, r.id limit $3"
    ))
    .bind(&after.transaction)
    .bind(after.reminder)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    let cursor = rows.last().map_or_else(
        || after.clone(),
        |last| Cursor {
            identity: after.identity.clone(),
            transaction: last.changed.clone(),
            reminder: last.reminder.id,
        },
    );
    Ok((rows.into_iter().map(Into::into).collect(), cursor))
}

/// The waiting reminders that `ReminderJob`s ask for, nearest first.
///
/// # Errors
/// From the database.
pub async fn waiting_objects(
    conn: &mut PgConnection,
    limit: i64,
) -> Result<Vec<ReminderView>, sqlx::Error> {
    let rows: Vec<Row> = sqlx::query_as(rows!(
        "where r.phase in ('Pending', 'Scheduled') and r.origin = 'kubernetes'
         order by r.fire_at, r.id limit $1"
    ))
    .bind(limit)
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// The reminders that changed last, whoever made them, with the age of each.
///
/// # Errors
/// From the database.
pub async fn latest(
    conn: &mut PgConnection,
    limit: i64,
) -> Result<Vec<(ReminderView, DateTime<Utc>)>, sqlx::Error> {
    let rows: Vec<Row> = sqlx::query_as(rows!("order by r.changed_tx desc, r.id desc limit $1"))
        .bind(limit)
        .fetch_all(conn)
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let created = row.created_at;
            (row.into(), created)
        })
        .collect())
}
