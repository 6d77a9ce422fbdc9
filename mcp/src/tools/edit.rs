//! Changing tasks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{
    api::Api,
    refusal::Refusal,
    tool::{Effect, Tool},
    view::{Due, Priority, Recurrence, Reminder, Task, TaskId},
};

/// Changes a task.
pub(super) struct Update;

/// What is to be changed, and where.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Edit {
    /// Id of the task.
    id: Uuid,
    /// The fields that are to be others: one that is not named stays, null takes it away, lists are replaced
    /// whole.
    #[schemars(with = "Changes")]
    changes: Map<String, Value>,
    /// Of a series: `this` changes this instance alone; `following` this one and all that follow, its due
    /// included. Absent: this one and all that follow, but a due this one alone.
    scope: Option<Scope>,
    /// `version` of the task as it was read: it is not changed where somebody else was faster.
    version: Option<i64>,
}

/// Which instances of a series.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
enum Scope {
    This,
    Following,
}

/// The shape of a merge patch (RFC 7396), which the REST interface reads.
#[derive(JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
#[allow(dead_code, reason = "only its schema is needed")]
struct Changes {
    /// One line of 1 to 500 characters.
    title: Option<String>,
    /// At most 20,000 characters.
    description: Option<String>,
    priority: Option<Priority>,
    tags: Option<Vec<String>>,
    /// Id of a project; null: the inbox.
    project: Option<Uuid>,
    /// Id of the task that it is a subtask of; null: none.
    parent: Option<Uuid>,
    /// To change `date` to `dateTime`, set the other to null.
    due: Option<Due>,
    recurrence: Option<Recurrence>,
    reminders: Option<Vec<Reminder>>,
}

impl Tool for Update {
    const NAME: &'static str = "update_task";
    const TITLE: &'static str = "Change a task";
    const DESCRIPTION: &'static str = "Changes fields of a task. To complete it, use complete_task; to add a \
        reminder, set_reminder.";
    const EFFECT: Effect = Effect::Overwrites;
    type Input = Edit;
    type Output = Task;

    async fn call(api: &Api<'_>, edit: Edit) -> Result<Task, Refusal> {
        let query = match edit.scope {
            Some(Scope::This) => "?scope=this",
            Some(Scope::Following) => "?scope=following",
            None => "",
        };
        let uri = format!("/v1/tasks/{}{query}", edit.id);
        api.patch(&uri, edit.version, &edit.changes)
            .await
            .map_err(|refusal| refusal.within("changes"))
    }
}

/// Completes a task.
pub(super) struct Complete;

impl Tool for Complete {
    const NAME: &'static str = "complete_task";
    const TITLE: &'static str = "Complete a task";
    const DESCRIPTION: &'static str = "Completes a task with its open subtasks. Of a recurring one only this \
        instance: the next one comes by itself. reopen_task takes it back.";
    const EFFECT: Effect = Effect::Settles;
    type Input = TaskId;
    type Output = Task;

    async fn call(api: &Api<'_>, TaskId { id }: TaskId) -> Result<Task, Refusal> {
        api.act(&format!("/v1/tasks/{id}/complete")).await
    }
}

/// Opens a task again.
pub(super) struct Reopen;

impl Tool for Reopen {
    const NAME: &'static str = "reopen_task";
    const TITLE: &'static str = "Reopen a task";
    const DESCRIPTION: &'static str =
        "Opens a completed task again, and the tasks that it is a subtask of.";
    const EFFECT: Effect = Effect::Settles;
    type Input = TaskId;
    type Output = Task;

    async fn call(api: &Api<'_>, TaskId { id }: TaskId) -> Result<Task, Refusal> {
        api.act(&format!("/v1/tasks/{id}/reopen")).await
    }
}

/// Deletes a task.
pub(super) struct Delete;

/// Which task is to be deleted.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Deletion {
    /// Id of the task.
    id: Uuid,
    /// `version` of the task as it was read: it is not deleted where somebody else changed it.
    version: Option<i64>,
}

/// A task that was deleted.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Deleted {
    /// For `restore_task`.
    id: Uuid,
}

impl Tool for Delete {
    const NAME: &'static str = "delete_task";
    const TITLE: &'static str = "Delete a task";
    const DESCRIPTION: &'static str =
        "Deletes a task with its subtasks. restore_task brings them back.";
    const EFFECT: Effect = Effect::Overwrites;
    type Input = Deletion;
    type Output = Deleted;

    async fn call(api: &Api<'_>, Deletion { id, version }: Deletion) -> Result<Deleted, Refusal> {
        api.delete(&format!("/v1/tasks/{id}"), version).await?;
        Ok(Deleted { id })
    }
}

/// Brings a deleted task back.
pub(super) struct Restore;

impl Tool for Restore {
    const NAME: &'static str = "restore_task";
    const TITLE: &'static str = "Restore a task";
    const DESCRIPTION: &'static str =
        "Brings a deleted task back, with the subtasks that were deleted with it.";
    const EFFECT: Effect = Effect::Settles;
    type Input = TaskId;
    type Output = Task;

    async fn call(api: &Api<'_>, TaskId { id }: TaskId) -> Result<Task, Refusal> {
        api.act(&format!("/v1/tasks/{id}/restore")).await
    }
}
