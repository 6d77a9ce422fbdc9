//! The stack's Postgres, read as an auditor would: what does the trail say?

use std::time::Duration;

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use sqlx::{PgPool, postgres::PgPoolOptions};
use uuid::Uuid;

/// A connection to the stack's database.
#[derive(Debug, Clone)]
pub struct Database(PgPool);

/// When a reminder passed each stage.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Stages {
    /// It was claimed.
    pub fired_at: DateTime<Utc>,
    /// Its event was written to the outbox.
    pub written_at: DateTime<Utc>,
    /// The relay noted that the broker has it.
    pub published_at: Option<DateTime<Utc>>,
    /// Its delivery was planned.
    pub planned_at: DateTime<Utc>,
    /// Its delivery was recorded.
    pub recorded_at: Option<DateTime<Utc>>,
}

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

    /// The name of the Dapr Job of a reminder's second.
    ///
    /// # Errors
    /// When Postgres does not answer or knows no such reminder.
    pub async fn job_name(&self, reminder: Uuid) -> Result<String> {
        let at: DateTime<Utc> = sqlx::query_scalar("select fire_at from reminders where id = $1")
            .bind(reminder)
            .fetch_one(&self.0)
            .await
            .context("reading a reminder")?;
        Ok(format!("s.{}", at.timestamp()))
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

    /// How many reminders due then the stack knows.
    ///
    /// # Errors
    /// When Postgres does not answer.
    pub async fn known(&self, due: DateTime<Utc>) -> Result<usize> {
        self.count("select count(*) from reminders where fire_at = $1", due)
            .await
    }

    /// How many of them have their alarms set.
    ///
    /// # Errors
    /// When Postgres does not answer.
    pub async fn armed(&self, due: DateTime<Utc>) -> Result<usize> {
        let armed = "select count(*) from reminders where fire_at = $1 and phase = 'Scheduled'";
        self.count(armed, due).await
    }

    async fn count(&self, query: &'static str, due: DateTime<Utc>) -> Result<usize> {
        let count: i64 = sqlx::query_scalar(query)
            .bind(due)
            .fetch_one(&self.0)
            .await
            .context("counting reminders")?;
        usize::try_from(count).context("a count")
    }

    /// When each delivered reminder due then passed each stage.
    ///
    /// # Errors
    /// When Postgres does not answer.
    pub async fn stages(&self, due: DateTime<Utc>) -> Result<Vec<Stages>> {
        sqlx::query_as(include_str!("../../../bench/sql/stages.sql"))
            .bind(due)
            .fetch_all(&self.0)
            .await
            .context("reading the stages")
    }
}
