//! The stack's Postgres, read as an auditor would: what does the trail say?

use std::time::Duration;

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use sqlx::{PgPool, postgres::PgPoolOptions};
use uuid::Uuid;

/// A connection to the stack's database.
#[derive(Debug, Clone)]
pub struct Database(PgPool);

impl Database {
    /// A pool that connects when it is first used.
    ///
    /// # Errors
    /// When the URL is none.
    pub fn new(url: &str) -> Result<Self> {
        let pool = PgPoolOptions::new()
            .max_connections(2)
            .acquire_timeout(Duration::from_secs(10))
            .connect_lazy(url)
            .context("E2E_DATABASE_URL must be a URL such as postgres://user:password@host:5432/database")?;
        Ok(Self(pool))
    }

    /// Types of the events in the audit trail that are about `subject` (a task, or a reminder
    /// without a task), in the order in which they were recorded.
    ///
    /// # Errors
    /// When Postgres does not answer.
    pub async fn audited(&self, subject: &str) -> Result<Vec<String>> {
        sqlx::query_scalar("select type from audit where subject = $1 order by seq")
            .bind(subject)
            .fetch_all(&self.0)
            .await
            .context("reading the audit trail")
    }

    /// How often a reminder was claimed.
    ///
    /// # Errors
    /// When Postgres does not answer.
    pub async fn firings(&self, reminder: Uuid) -> Result<i64> {
        sqlx::query_scalar("select count(*) from firings where reminder_id = $1")
            .bind(reminder)
            .fetch_one(&self.0)
            .await
            .context("counting firings")
    }

    /// The phase of a reminder.
    ///
    /// # Errors
    /// When Postgres does not answer or knows no such reminder.
    pub async fn phase(&self, reminder: Uuid) -> Result<String> {
        sqlx::query_scalar("select phase from reminders where id = $1")
            .bind(reminder)
            .fetch_one(&self.0)
            .await
            .context("reading a reminder's phase")
    }

    /// The ids of a task's reminders.
    ///
    /// # Errors
    /// When Postgres does not answer.
    pub async fn reminders_of(&self, task: Uuid) -> Result<Vec<Uuid>> {
        sqlx::query_scalar("select id from reminders where task_id = $1 order by fire_at, id")
            .bind(task)
            .fetch_all(&self.0)
            .await
            .context("reading reminders")
    }

    /// The name of the Dapr Job that stands for a reminder now.
    ///
    /// # Errors
    /// When Postgres does not answer or knows no such reminder.
    pub async fn alarm_name(&self, reminder: Uuid) -> Result<String> {
        let (occurrence, generation): (i32, i64) =
            sqlx::query_as("select occurrence, generation from reminders where id = $1")
                .bind(reminder)
                .fetch_one(&self.0)
                .await
                .context("reading a reminder")?;
        Ok(format!("r.{reminder}.{occurrence}.{generation}"))
    }

    /// When each event of this type since then was committed (its row's clock, at most a few
    /// milliseconds before the commit), by event id.
    ///
    /// # Errors
    /// When Postgres does not answer.
    pub async fn committed(
        &self,
        kind: &str,
        since: DateTime<Utc>,
    ) -> Result<Vec<(Uuid, DateTime<Utc>)>> {
        sqlx::query_as(
            "select event_id, created_at from outbox where event->>'type' = $1 and created_at >= $2",
        )
        .bind(kind)
        .bind(since)
        .fetch_all(&self.0)
        .await
        .context("reading the outbox")
    }
}
