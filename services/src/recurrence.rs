//! The recurrence service: when an instance of a series is completed, the next one appears.

mod next;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{
    event::{Event, EventType, Topic},
    task::Task,
};
use serde::Deserialize as _;
use store::{Store, inbox, tasks, users};
use uuid::Uuid;

use crate::consumer::Consumer;

/// Of events older than this the inbox may know nothing any more (the relay forgets after 14 days).
const REMEMBERED: chrono::Duration = chrono::Duration::days(13);

/// The service.
pub struct Recurrence {
    /// The store.
    pub store: Store,
}

#[async_trait]
impl Consumer for Recurrence {
    fn name(&self) -> &'static str {
        "recurrence"
    }

    fn topics(&self) -> &'static [Topic] {
        &[Topic::TaskEvents]
    }

    async fn handle(&self, events: &[Event]) -> anyhow::Result<()> {
        let remembered = Utc::now() - REMEMBERED;
        let (old, new): (Vec<_>, Vec<_>) = completions(events)?
            .into_iter()
            .partition(|completion| completion.at < remembered);
        self.rebuild_from(old).await?;
        self.continue_once(new).await
    }
}

/// A completed instance of a series.
struct Completion {
    event: Uuid,
    at: DateTime<Utc>,
    task: Task,
}

fn completions(events: &[Event]) -> serde_json::Result<Vec<Completion>> {
    let mut found = Vec::new();
    for event in events {
        if event.kind == EventType::TaskCompleted {
            let task: Task = Task::deserialize(&event.data)?;
            if task.recurrence.is_some() {
                found.push(Completion {
                    event: event.id,
                    at: event.time,
                    task,
                });
            }
        }
    }
    Ok(found)
}

impl Recurrence {
    /// Makes what is missing behind completions of any age, and nothing that was there before: the
    /// inbox is not asked. Only the last instance of a series, completed as the event says, is
    /// continued: where a later one is or was, deleted ones included, the series went on.
    ///
    /// # Errors
    /// From the database, or an event that is none of ours.
    pub async fn rebuild(&self, events: &[Event]) -> anyhow::Result<()> {
        self.rebuild_from(completions(events)?).await
    }

    async fn rebuild_from(&self, mut completed: Vec<Completion>) -> anyhow::Result<()> {
        if completed.is_empty() {
            return Ok(());
        }
        completed.sort_by_key(|completion| completion.task.owner);
        let mut transaction = self.store.begin().await?;
        for Completion { task, .. } in completed {
            let (Some(spec), Some(at)) = (&task.recurrence, task.completed_at) else {
                continue;
            };
            let series = task.series.unwrap_or(task.id);
            let first = || spec.start.to_string();
            let occurrence = task.occurrence.clone().unwrap_or_else(first);
            // The owner's row first: a write of the same series waits, or is seen.
            if users::by_id_locked(&mut transaction, task.owner)
                .await?
                .is_some()
                && tasks::is_last_of_series(&mut transaction, task.id, at, series, &occurrence)
                    .await?
            {
                tracing::info!(task = %task.id, "the next instance was missing");
                next::continue_all(&mut transaction, vec![task]).await?;
            }
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Continues each series once for each event.
    async fn continue_once(&self, completed: Vec<Completion>) -> anyhow::Result<()> {
        if completed.is_empty() {
            return Ok(());
        }
        let ids: Vec<Uuid> = completed
            .iter()
            .map(|completion| completion.event)
            .collect();
        let mut transaction = self.store.begin().await?;
        let mut accepted = inbox::accept(&mut transaction, self.name(), &ids).await?;
        let new = completed
            .into_iter()
            .filter(|completion| accepted.take(completion.event))
            .map(|completion| completion.task);
        next::continue_all(&mut transaction, new.collect()).await?;
        transaction.commit().await?;
        Ok(())
    }
}
