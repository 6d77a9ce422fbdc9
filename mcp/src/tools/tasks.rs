//! Making and reading tasks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    api::Api,
    refusal::Refusal,
    tool::{Effect, Tool},
    view::{Due, Priority, Recurrence, Reminder, ReminderState, Task, TaskId},
};

/// Makes a task of its fields.
pub(super) struct Add;

/// What the new task is.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NewTask {
    /// One line of 1 to 500 characters.
    #[schemars(length(min = 1, max = 500))]
    title: String,
    /// At most 20,000 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 20_000))]
    description: Option<String>,
    /// P4 when nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<Priority>,
    /// At most 50, of 1 to 64 characters each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    tags: Vec<String>,
    /// Id of a project (`list_projects`); absent: the inbox, or the project of `parent`.
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<Uuid>,
    /// Id of the open task that it is a subtask of.
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<Uuid>,
    /// When it is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    due: Option<Due>,
    /// How it recurs; needs `due`.
    #[serde(skip_serializing_if = "Option::is_none")]
    recurrence: Option<Recurrence>,
    /// At most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    reminders: Vec<Reminder>,
    /// A UUID of your own, best of version 7: called again with the same id and content, no second task is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Uuid>,
}

impl Tool for Add {
    const NAME: &'static str = "add_task";
    const TITLE: &'static str = "Add a task";
    const DESCRIPTION: &'static str = "Makes a task of its fields. For one line of plain English, such as \
        \"pay rent every month on the 1st at 9\", use quick_add.";
    const EFFECT: Effect = Effect::Adds;
    type Input = NewTask;
    type Output = Task;

    async fn call(api: &Api<'_>, input: NewTask) -> Result<Task, Refusal> {
        api.post("/v1/tasks", &input).await
    }
}

/// Reads a task.
pub(super) struct Get;

/// A task with what has become of its reminders.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct WholeTask {
    task: Task,
    /// One entry for each time that a reminder of it fired or is to fire, the earliest first.
    reminders: Vec<ReminderState>,
}

#[derive(Deserialize)]
struct States {
    items: Vec<ReminderState>,
}

impl Tool for Get {
    const NAME: &'static str = "get_task";
    const TITLE: &'static str = "Read a task";
    const DESCRIPTION: &'static str = "Reads all of one task, and what has become of its reminders, with the ids \
        that snooze_reminder and reminder_history take.";
    const EFFECT: Effect = Effect::Reads;
    type Input = TaskId;
    type Output = WholeTask;

    async fn call(api: &Api<'_>, TaskId { id }: TaskId) -> Result<WholeTask, Refusal> {
        read(api, id).await
    }
}

/// A task with what has become of its reminders.
///
/// # Errors
/// When it is not one of the caller's.
pub(crate) async fn read(api: &Api<'_>, id: Uuid) -> Result<WholeTask, Refusal> {
    let task = api.get(&format!("/v1/tasks/{id}"), &()).await?;
    whole(api, task).await
}

/// The same task with what has become of its reminders.
///
/// # Errors
/// When it is gone meanwhile.
pub(super) async fn whole(api: &Api<'_>, task: Task) -> Result<WholeTask, Refusal> {
    let path = format!("/v1/tasks/{}/reminders", task.id);
    let States { items } = api.get(&path, &()).await?;
    let reminders = items;
    Ok(WholeTask { task, reminders })
}
