//! The recurrence service: when an instance of a series is completed, the next one appears.

use async_trait::async_trait;
use chrono::Utc;
use domain::{
    event::{Event, EventType, Topic},
    recurrence::{MAX_OPEN_INSTANCES, Occurrence, Series, SeriesSpec, Start, instance_id},
    task::{Due, RemindAt, Task},
};
use sqlx::PgConnection;
use store::{Store, inbox, tasks, users};
use uuid::Uuid;

use crate::consumer::Consumer;

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
        let mut completed: Vec<(Uuid, Task)> = Vec::new();
        for event in events {
            if event.kind == EventType::TaskCompleted {
                let task: Task = serde_json::from_value(event.data.clone())?;
                if task.recurrence.is_some() {
                    completed.push((event.id, task));
                }
            }
        }
        if completed.is_empty() {
            return Ok(());
        }
        let ids: Vec<Uuid> = completed.iter().map(|(id, _)| *id).collect();
        let mut transaction = self.store.begin().await?;
        let mut accepted = inbox::accept(&mut transaction, self.name(), &ids).await?;
        // Users are locked in the order of their ids: two batches never wait in a circle.
        completed.sort_by_key(|(_, task)| task.owner);
        for (id, task) in &completed {
            if accepted.remove(id) {
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
