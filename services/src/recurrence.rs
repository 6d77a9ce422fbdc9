//! The recurrence service: when an instance of a series is completed, the next one appears.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{
    event::{Event, EventType, Topic},
    recurrence::{MAX_OPEN_INSTANCES, Occurrence, Series, SeriesSpec, Start, instance_id},
    task::{Due, RemindAt, Task},
};
use sqlx::PgConnection;
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
            let task: Task = serde_json::from_value(event.data.clone())?;
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
        for Completion { task, .. } in &completed {
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
                continue_series(&mut transaction, task).await?;
            }
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Continues each series once for each event.
    async fn continue_once(&self, mut completed: Vec<Completion>) -> anyhow::Result<()> {
        if completed.is_empty() {
            return Ok(());
        }
        let ids: Vec<Uuid> = completed
            .iter()
            .map(|completion| completion.event)
            .collect();
        let mut transaction = self.store.begin().await?;
        let mut accepted = inbox::accept(&mut transaction, self.name(), &ids).await?;
        // Users are locked in the order of their ids: two batches never wait in a circle.
        completed.sort_by_key(|completion| completion.task.owner);
        for Completion { event, task, .. } in &completed {
            if accepted.take(*event) {
                continue_series(&mut transaction, task).await?;
            }
        }
        transaction.commit().await?;
        Ok(())
    }
}

/// Makes what follows a completed instance of a series.
async fn continue_series(conn: &mut PgConnection, task: &Task) -> anyhow::Result<()> {
    let Some(user) = users::by_id_locked(conn, task.owner).await? else {
        return Ok(());
    };
    let now = Utc::now();
    let series = task.series.unwrap_or(task.id);
    let open = tasks::open_in_series(conn, task.owner, series).await?;
    let room = MAX_OPEN_INSTANCES.saturating_sub(usize::try_from(open)?);
    let instances = match next_instances(task, user.zone()) {
        Ok(instances) => instances,
        Err(error) => {
            // It was checked when it was written: a rule that a newer version refuses ends here.
            tracing::error!(task = %task.id, %error, "a stored rule cannot be read; the series ends");
            Vec::new()
        }
    };
    for instance in instances.into_iter().take(room) {
        tasks::create(conn, &instance, user.zone(), now).await?;
    }
    Ok(())
}

/// The instances that follow a completed one. Their ids come from the series and the occurrence, so
/// that two writers make the same row.
///
/// # Errors
/// When the rule cannot be compiled.
pub fn next_instances(
    task: &Task,
    user_zone: chrono_tz::Tz,
) -> Result<Vec<Task>, domain::error::FieldErrors> {
    let (Some(spec), Some(completed_at)) = (&task.recurrence, task.completed_at) else {
        return Ok(Vec::new());
    };
    let compiled = Series::compile(spec, user_zone)?;
    let current = match task.occurrence.as_deref().map(str::parse::<Start>) {
        Some(Ok(original)) => original,
        _ => spec.start,
    };
    let series = task.series.unwrap_or(task.id);
    Ok(compiled
        .next_on_completion(&current, completed_at)
        .iter()
        .map(|occurrence| instance(task, series, &compiled, occurrence))
        .collect())
}

fn instance(task: &Task, series: Uuid, compiled: &Series, occurrence: &Occurrence) -> Task {
    let due = match occurrence.local {
        Start::At(date_time) => Due::At {
            date_time,
            time_zone: compiled.zone(),
        },
        Start::On(date) => Due::On { date },
    };
    Task {
        id: instance_id(series, &occurrence.original),
        due: Some(due),
        recurrence: task.recurrence.as_ref().map(SeriesSpec::for_next_instance),
        series: Some(series),
        occurrence: Some(occurrence.original.to_string()),
        // A fixed instant belonged to the instance that is done.
        reminders: task
            .reminders
            .iter()
            .filter(|reminder| matches!(reminder.when, RemindAt::Before { .. }))
            .cloned()
            .collect(),
        completed_at: None,
        ..task.clone()
    }
}
