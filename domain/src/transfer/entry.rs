//! A task as it stands in a file.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    recurrence::SeriesSpec,
    task::{Due, Following, Priority, RemindAt, Task},
};

/// A project that tasks of a file belong to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProjectEntry {
    /// Its name.
    pub name: String,
    /// `#rrggbb`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub color: Option<String>,
    /// It takes no new tasks.
    #[serde(default)]
    pub archived: bool,
}

/// A task without its account. Its reminders name no channels: those belong to the account.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Entry {
    /// Names it among the tasks of the file, and of others: what comes again with the same is the same task.
    /// None: it has no name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// See [`Task::title`].
    pub title: String,
    /// See [`Task::description`].
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// See [`Task::priority`].
    #[serde(default)]
    pub priority: Priority,
    /// See [`Task::tags`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Which of the file's projects it belongs to, counted from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<usize>,
    /// The `id` of the task that it is a subtask of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// See [`Task::due`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Due>,
    /// See [`Task::recurrence`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recurrence: Option<SeriesSpec>,
    /// The `id` of the first task of its series.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<String>,
    /// See [`Task::occurrence`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurrence: Option<String>,
    /// See [`Task::following`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub following: Option<Followed>,
    /// When it reminds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reminders: Vec<RemindAt>,
    /// See [`Task::completed_at`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<DateTime<Utc>>,
    /// See [`Task::created_at`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<DateTime<Utc>>,
}

/// What the instances of a series say from the next one on; see [`Task::following`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Followed {
    /// See [`Task::title`].
    pub title: String,
    /// See [`Task::description`].
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// See [`Task::priority`].
    #[serde(default)]
    pub priority: Priority,
    /// See [`Task::tags`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// When they remind.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reminders: Vec<RemindAt>,
}

impl From<Following> for Followed {
    fn from(following: Following) -> Self {
        Self {
            title: following.title,
            description: following.description,
            priority: following.priority,
            tags: following.tags,
            reminders: following.reminders.iter().map(|spec| spec.when).collect(),
        }
    }
}

impl Entry {
    /// What a file says of a task, whose project has the number `project` in it.
    pub fn of(task: Task, project: Option<usize>) -> Self {
        Self {
            id: Some(task.id.to_string()),
            title: task.title,
            description: task.description,
            priority: task.priority,
            tags: task.tags,
            project,
            parent: task.parent.map(|id| id.to_string()),
            due: task.due,
            recurrence: task.recurrence,
            series: task.series.map(|id| id.to_string()),
            occurrence: task.occurrence,
            following: task.following.map(Followed::from),
            reminders: task.reminders.iter().map(|spec| spec.when).collect(),
            completed_at: task.completed_at,
            created_at: Some(task.created_at),
        }
    }
}
