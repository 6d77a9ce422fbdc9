//! The recurrence service: when an instance of a series is completed, the next one appears.

use async_trait::async_trait;
use chrono::Utc;
use domain::{
    event::{Event, EventType, Topic},
    recurrence::{MAX_OPEN_INSTANCES, Occurrence, Series, SeriesSpec, Start, instance_id},
    task::{Due, RemindAt, Task},
};
use sqlx::PgPool;
use store::{inbox, tasks, users};
use uuid::Uuid;

use crate::consumer::Consumer;

/// The service.
pub struct Recurrence {
    /// The store.
    pub pool: PgPool,
}

#[async_trait]
impl Consumer for Recurrence {
    fn name(&self) -> &'static str {
        "recurrence"
    }

    fn topics(&self) -> &'static [Topic] {
        &[Topic::TaskEvents]
    }

    async fn handle(&self, event: &Event) -> anyhow::Result<()> {
        if event.kind != EventType::TaskCompleted {
            return Ok(());
        }
        let task: Task = serde_json::from_value(event.data.clone())?;
        if task.recurrence.is_none() {
            return Ok(());
        }
        let mut transaction = self.pool.begin().await?;
        if !inbox::accept(&mut transaction, self.name(), event.id).await? {
            return Ok(());
        }
        let Some(user) = users::by_id_locked(&mut transaction, task.owner).await? else {
            return Ok(transaction.commit().await?);
        };
        let now = Utc::now();
        let series = task.series.unwrap_or(task.id);
        let open = tasks::open_in_series(&mut transaction, task.owner, series).await?;
        let room = MAX_OPEN_INSTANCES.saturating_sub(usize::try_from(open)?);
        let instances = match next_instances(&task, user.zone()) {
            Ok(instances) => instances,
            Err(error) => {
                // It was checked when it was written: a rule that a newer version refuses ends here.
                tracing::error!(task = %task.id, %error, "a stored rule cannot be read; the series ends");
                Vec::new()
            }
        };
        for instance in instances.into_iter().take(room) {
            tasks::create(&mut transaction, &instance, user.zone(), now).await?;
        }
        transaction.commit().await?;
        Ok(())
    }
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
