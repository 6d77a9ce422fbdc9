//! What Postgres knows: its own SQL.

use std::collections::HashMap;

use anyhow::{Context, Result};
use sqlx::{Connection, PgConnection, Row, postgres::PgRow};
use uuid::Uuid;

use crate::{
    history::{AuditLine, Excuse, Firing, History, OutboxRow, TaskRow, Time},
    workload::Channel,
};

async fn connect(url: &str) -> Result<PgConnection> {
    PgConnection::connect(url)
        .await
        .context("connect to Postgres")
}

/// Whether nothing is under way: every due reminder fired and was served, every event was published
/// and is in the trail.
///
/// # Errors
/// When Postgres does not answer.
pub async fn settled(url: &str) -> Result<bool> {
    let mut connection = connect(url).await?;
    let under_way: bool = sqlx::query_scalar(
        "select exists (select 1 from reminders where phase in ('Pending', 'Scheduled', 'Fired')
                 and fire_at < now() + interval '30 seconds')
             or exists (select 1 from deliveries where state = 'Pending')
             or exists (select 1 from outbox where published_at is null)
             or exists (select 1 from outbox o where topic <> 'task-updates' and not exists
                 (select 1 from audit a where a.event_id = o.event_id))",
    )
    .fetch_one(&mut connection)
    .await?;
    Ok(!under_way)
}

/// Changes the database behind the services' back.
///
/// # Errors
/// When Postgres refuses.
pub async fn execute(url: &str, statements: &[&'static str]) -> Result<()> {
    let mut connection = connect(url).await?;
    for statement in statements {
        sqlx::query(*statement)
            .execute(&mut connection)
            .await
            .with_context(|| format!("the statement {statement}"))?;
    }
    Ok(())
}

/// Reads every table that the checker looks at.
///
/// # Errors
/// When Postgres does not answer, or not as expected.
pub async fn rows(url: &str, channels: &[Channel], history: &mut History) -> Result<()> {
    let mut connection = connect(url).await?;
    history.tasks = all(
        &mut connection,
        "select id, title, version, completed_at is not null as completed,
             deleted_at is not null as deleted from tasks",
        |row| {
            Ok(TaskRow {
                id: row.try_get("id")?,
                title: row.try_get("title")?,
                version: row.try_get("version")?,
                completed: row.try_get("completed")?,
                deleted: row.try_get("deleted")?,
            })
        },
    )
    .await?;
    history.firings = all(
        &mut connection,
        "select reminder_id, occurrence, fired_at from firings",
        |row| {
            Ok(Firing {
                reminder: row.try_get("reminder_id")?,
                occurrence: row.try_get("occurrence")?,
                fired_at: row.try_get("fired_at")?,
            })
        },
    )
    .await?;
    history.outbox = all(
        &mut connection,
        "select event_id, event->>'type' as type, published_at is not null as published
         from outbox where topic <> 'task-updates'",
        |row| {
            Ok(OutboxRow {
                event: row.try_get("event_id")?,
                kind: row.try_get("type")?,
                published: row.try_get("published")?,
            })
        },
    )
    .await?;
    history.audit = all(
        &mut connection,
        "select event_id, type, subject, (data->>'version')::bigint as version from audit",
        |row| {
            Ok(AuditLine {
                event: row.try_get("event_id")?,
                kind: row.try_get("type")?,
                subject: row.try_get("subject")?,
                version: row.try_get("version")?,
            })
        },
    )
    .await?;
    history.excuses = excuses(&mut connection, channels).await?;
    Ok(())
}

/// Deliveries that gave up, and reminders that were let go before there was a delivery.
async fn excuses(connection: &mut PgConnection, channels: &[Channel]) -> Result<Vec<Excuse>> {
    let names: HashMap<String, &str> = channels
        .iter()
        .map(|channel| (format!("webhook:{}", channel.id), channel.name.as_str()))
        .collect();
    type Found = (Uuid, Time, Option<String>, String);
    let found: Vec<Found> = all(
        connection,
        "select r.task_id, (d.body->>'fireAt')::timestamptz as fire_at, d.channel,
             coalesce(d.last_error, '') as reason
         from deliveries d join reminders r on r.id = d.reminder_id
         where d.state = 'Failed' and r.task_id is not null
         union all
         select r.task_id, r.fire_at, null, coalesce(r.reason, '') from reminders r
         where r.phase in ('Failed', 'Missed') and r.task_id is not null and not exists
             (select 1 from deliveries d where d.reminder_id = r.id)",
        |row| {
            Ok((
                row.try_get("task_id")?,
                row.try_get("fire_at")?,
                row.try_get("channel")?,
                row.try_get("reason")?,
            ))
        },
    )
    .await?;
    Ok(found
        .into_iter()
        .map(|(task, fire_at, channel, reason)| Excuse {
            task,
            fire_at,
            channel: channel.map(|key| {
                let name = names.get(&key).copied();
                name.unwrap_or(&key).to_owned()
            }),
            reason,
        })
        .collect())
}

async fn all<T>(
    connection: &mut PgConnection,
    query: &'static str,
    read: impl Fn(&PgRow) -> Result<T, sqlx::Error>,
) -> Result<Vec<T>> {
    let rows = sqlx::query(query).fetch_all(connection).await?;
    let read: Result<Vec<T>, sqlx::Error> = rows.iter().map(read).collect();
    read.with_context(|| format!("the answer to {query}"))
}
