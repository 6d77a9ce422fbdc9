//! Reminders: set, put off, and what became of them.

mod history;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::tasks::{WholeTask, whole};
use crate::{
    api::{Api, is_outdated},
    refusal::Refusal,
    tool::{Effect, Tool},
    view::{Channel, Reminder, Task},
};

pub(super) use history::History;

/// How often a task is read anew that somebody else changes meanwhile.
const ATTEMPTS: usize = 3;

/// Adds a reminder to a task.
pub(super) struct Set;

/// The reminder, and of which task.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NewReminder {
    /// Id of the task.
    id: Uuid,
    /// When it fires (RFC 3339, such as 2026-11-30T09:00:00Z). Give either this or `beforeSeconds`.
    at: Option<String>,
    /// How long before the task is due: 0 for at the due time itself; an all-day task counts from 09:00.
    #[schemars(range(min = 0, max = 31_622_400))]
    before_seconds: Option<i64>,
    /// Where it goes; absent or empty: the user's default channels.
    #[serde(default)]
    #[schemars(length(max = 10))]
    channels: Vec<Channel>,
}

impl Tool for Set {
    const NAME: &'static str = "set_reminder";
    const TITLE: &'static str = "Set a reminder";
    const DESCRIPTION: &'static str = "Adds a reminder to a task, beside those that it has; one that is there \
        already is not added again. To take reminders away, write the list with update_task.";
    const EFFECT: Effect = Effect::Settles;
    type Input = NewReminder;
    type Output = WholeTask;

    async fn call(api: &Api<'_>, new: NewReminder) -> Result<WholeTask, Refusal> {
        let path = format!("/v1/tasks/{}", new.id);
        let reminder = Reminder {
            at: new.at,
            before_seconds: new.before_seconds,
            channels: new.channels,
        };
        let mut attempts = 1..=ATTEMPTS;
        loop {
            let task: Task = api.get(&path, &()).await?;
            let mut reminders = task.reminders;
            // The platform keeps one of those that are alike.
            reminders.push(reminder.clone());
            let place = format!("reminders[{}]", reminders.len() - 1);
            let patch = json!({ "reminders": reminders });
            attempts.next();
            match api.patch(&path, Some(task.version), &patch).await {
                Ok(task) => return whole(api, task).await,
                Err(refusal) if is_outdated(&refusal) && !attempts.is_empty() => {}
                Err(refusal) => return Err(refusal.without(&place)),
            }
        }
    }
}

/// Puts a reminder off.
pub(super) struct Snooze;

/// Which reminder, and for how long: exactly one of `minutes` and `until`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Delay {
    /// Id of the reminder, from `get_task`.
    id: Uuid,
    /// From now.
    #[schemars(range(min = 1, max = 527_040))]
    minutes: Option<i64>,
    /// RFC 3339; in the future and at most a year ahead.
    until: Option<String>,
}

/// A reminder that was put off.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Snoozed {
    id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    task_id: Option<Uuid>,
    /// When it fires now.
    fire_at: String,
    /// Pending, or Scheduled once its alarm is set.
    phase: String,
}

#[derive(Serialize)]
struct Until {
    #[serde(skip_serializing_if = "Option::is_none")]
    minutes: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
}

impl Tool for Snooze {
    const NAME: &'static str = "snooze_reminder";
    const TITLE: &'static str = "Snooze a reminder";
    const DESCRIPTION: &'static str = "Puts a reminder off, whether or not it has fired. Its task is due when it \
        was.";
    const EFFECT: Effect = Effect::Adds;
    type Input = Delay;
    type Output = Snoozed;

    async fn call(api: &Api<'_>, Delay { id, minutes, until }: Delay) -> Result<Snoozed, Refusal> {
        let until = Until { minutes, until };
        api.post(&format!("/v1/reminders/{id}/snooze"), &until)
            .await
    }
}
