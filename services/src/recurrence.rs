//! The recurrence service: when an instance of a series is completed, the next one appears.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{
    event::{Event, EventType, Topic},
    instances::{next_instances, subtasks_for},
    recurrence::MAX_OPEN_INSTANCES,
    task::{Task, limits},
};
use sqlx::PgConnection;
use store::{Owner, Store, inbox, series, tasks, users};
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

/// Makes what follows a completed instance of a series, where it stands now: nothing when it was deleted,
/// its series was ended, or the task that it is a subtask of is done, too.
async fn continue_series(conn: &mut PgConnection, completed: &Task) -> anyhow::Result<()> {
    let Some(user) = users::by_id_locked(conn, completed.owner).await? else {
        return Ok(());
    };
    let Some(now_there) = tasks::get(conn, completed.owner, completed.id).await? else {
        return Ok(());
    };
    if now_there.recurrence.is_none() || !parent_is_open(conn, &now_there).await? {
        return Ok(());
    }
    let task = Task {
        project: now_there.project,
        parent: now_there.parent,
        position: now_there.position,
        ..completed.clone()
    };
    let owner = Owner::of(task.owner);
    let now = Utc::now();
    let series = task.series.unwrap_or(task.id);
    let open = tasks::open_in_series(conn, task.owner, series).await?;
    let room = MAX_OPEN_INSTANCES.saturating_sub(usize::try_from(open)?);
    let instances = match next_instances(&task, user.zone()) {
        Ok(instances) => instances,
        Err(error) => {
            // It was checked when it was written: a rule that a newer version refuses ends here.
            tracing::error!(task = %task.id, %error, "a stored rule cannot be read; the series ends");
            Vec::new()
        }
    };
    let wanted: Vec<String> = instances
        .iter()
        .filter_map(|i| i.occurrence.clone())
        .collect();
    let there = series::occurrences(conn, owner, series, &wanted).await?;
    let missing = |instance: &Task| {
        let occurrence = instance.occurrence.as_ref();
        !occurrence.is_some_and(|occurrence| there.contains(occurrence))
    };
    let subtasks = tasks::below_for_update(conn, owner, task.id).await?;
    for mut instance in instances.into_iter().filter(missing).take(room) {
        if tasks::owner_of(conn, instance.id).await?.is_some() {
            // An instance of this id was moved to another occurrence: the one that it is made behind tells
            // a new one apart from it.
            instance.id = Uuid::new_v5(&task.id, instance.id.as_bytes());
        }
        let subtasks = subtasks_for(&task, &instance, &subtasks);
        if tasks::create(conn, &instance, user.zone(), now)
            .await?
            .is_some()
        {
            for subtask in parents_first(subtasks, instance.id) {
                tasks::create(conn, &subtask, user.zone(), now).await?;
            }
        }
    }
    Ok(())
}

/// Whether a task is no subtask, or one of a task that is open.
async fn parent_is_open(conn: &mut PgConnection, task: &Task) -> sqlx::Result<bool> {
    let Some(parent) = task.parent else {
        return Ok(true);
    };
    let parent = tasks::get(conn, task.owner, parent).await?;
    Ok(parent.is_some_and(|parent| parent.completed_at.is_none()))
}

/// The tasks below `top`, each behind the one that it is a subtask of; at most as many as a task may have.
fn parents_first(mut tasks: Vec<Task>, top: Uuid) -> Vec<Task> {
    let mut sorted: Vec<Task> = Vec::with_capacity(tasks.len());
    let mut above = vec![top];
    while !above.is_empty() {
        let (next, rest): (Vec<Task>, Vec<Task>) = tasks
            .into_iter()
            .partition(|task| task.parent.is_some_and(|parent| above.contains(&parent)));
        above = next.iter().map(|task| task.id).collect();
        sorted.extend(next);
        tasks = rest;
    }
    sorted.truncate(limits::SUBTASKS);
    sorted
}
