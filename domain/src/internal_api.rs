//! The internal HTTP interface of the `reminders` service, which the operator calls.
//!
//! All of it needs `Authorization: Bearer <internal token>`; errors are
//! `application/problem+json` (RFC 9457).
//!
//! | call | answer |
//! | --- | --- |
//! | `PUT /internal/v1/reminders/{id}` [`ReminderPut`] | 200 [`ReminderView`]; the same body twice changes nothing |
//! | `GET /internal/v1/reminders/{id}` | 200 [`ReminderView`], 404 |
//! | `DELETE /internal/v1/reminders/{id}` | 200 [`ReminderView`] (cancelled, its Dapr Job gone), 404 |
//! | `POST /internal/v1/reminders/{id}/snooze` [`Snooze`] | 200 [`ReminderView`]: put off, one that a `ReminderJob` asked for; 404, or 409 with the reason |
//! | `GET /internal/v1/reminders/{id}/history` | 200 [`History`](crate::history::History), 404 |
//! | `POST /internal/v1/reminders/lookup` [`Lookup`] | 200 [`ReminderList`] of those that exist |
//! | `GET /internal/v1/reminders/upcoming?horizonSeconds=&limit=` | 200 [`ReminderList`]: waiting reminders made through the API, nearest first |
//! | `GET /internal/v1/reminders/changes?after=&waitSeconds=&limit=` | 200 [`Changes`]: a long poll; `after` is the last answer's `cursor`, absent for "from now" |
//! | `GET /internal/v1/dead-letters?consumer=&after=&limit=` | 200 `{"items": […], "next": …}`, see docs/events.md; `after` is the last answer's `next` |
//! | `POST /internal/v1/dead-letters/replay` `{"consumer": …, "ids": […]}` | 200 `{"replaying": …}`: how many; without `ids` all of the consumer's, without either all |

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    reminder::{CatchUpMode, Channel, Phase},
    task::Priority,
};

/// Who made a reminder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// A user, through the gateway.
    Api,
    /// A `ReminderJob`.
    Kubernetes,
}

impl Origin {
    /// The stored name, and the value of the label `todostack.dev/origin`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Kubernetes => "kubernetes",
        }
    }
}

/// A task that the firing of a reminder creates (once for each `id`, however many reminders name it).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskTemplate {
    /// The task's id: UUIDv5 of the schedule's UID and the occurrence.
    pub id: Uuid,
    /// E-mail address of the owner, who must exist.
    pub owner: String,
    /// Title.
    pub title: String,
    /// Priority.
    #[serde(default)]
    pub priority: Priority,
    /// Tags.
    #[serde(default)]
    pub tags: Vec<String>,
    /// When it is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<DateTime<Utc>>,
    /// Zone in which the due time is shown; UTC when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
}

/// A reminder that a `ReminderJob` asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReminderPut {
    /// When it fires.
    pub fire_at: DateTime<Utc>,
    /// What to say.
    pub message: String,
    /// A task that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_id: Option<Uuid>,
    /// A task to create when it fires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskTemplate>,
    /// Where it goes; empty: the stack's default webhook.
    #[serde(default)]
    pub channels: Vec<Channel>,
    /// Held back: it keeps its time but does not fire until this is false again.
    #[serde(default)]
    pub suspend: bool,
    /// Overdue by more than this many seconds: `Missed`; absent: the stack's catch-up window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_seconds: Option<i64>,
    /// What becomes of it when it is overdue; absent: what the stack says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catch_up: Option<CatchUpMode>,
    /// The reminders among which [`CatchUpMode::Latest`] finds the newest: the uid of the
    /// `RecurringSchedule`. It cannot be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<Uuid>,
    /// `<namespace>/<name>` of the `ReminderJob`, for people who read the database.
    pub object: String,
}

/// For how long, or until when, a reminder is put off: exactly one of the two, see
/// [`crate::snooze::until`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Snooze {
    /// Minutes from now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minutes: Option<i64>,
    /// An instant (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// One channel's part in a reminder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryView {
    /// The channel's key, see [`Channel::key`].
    pub channel: String,
    /// `Pending`, `Delivered` or `Failed`.
    pub state: String,
    /// Attempts so far.
    pub attempts: i32,
    /// When the channel took it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<DateTime<Utc>>,
    /// Why the last attempt failed. Never holds a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}

/// A reminder as the data plane knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReminderView {
    /// Its id: for `kubernetes` the UID of the `ReminderJob`.
    pub id: Uuid,
    /// Who made it.
    pub origin: Origin,
    /// `<namespace>/<name>` of the `ReminderJob`, for `kubernetes`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// Where it stands.
    pub phase: Phase,
    /// What it says.
    pub message: String,
    /// The task that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_id: Option<Uuid>,
    /// When it fires.
    pub fire_at: DateTime<Utc>,
    /// Snoozed: when whoever made it wants it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_at: Option<DateTime<Utc>>,
    /// When it fired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fired_at: Option<DateTime<Utc>>,
    /// How late that was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lateness_ms: Option<i64>,
    /// Why it failed or was missed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Generation, one more with each edit.
    pub generation: i64,
    /// The channels it goes to.
    #[serde(default)]
    pub channels: Vec<Channel>,
    /// Per channel.
    #[serde(default)]
    pub deliveries: Vec<DeliveryView>,
}

impl ReminderView {
    /// When whoever made it wants it, snoozed or not.
    pub fn wanted_at(&self) -> DateTime<Utc> {
        self.base_at.unwrap_or(self.fire_at)
    }
}

/// Asks for many reminders at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lookup {
    /// At most 500.
    pub ids: Vec<Uuid>,
}

/// Several reminders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReminderList {
    /// They.
    pub items: Vec<ReminderView>,
}

/// What changed since a cursor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    /// Reminders as they are now, each once.
    pub items: Vec<ReminderView>,
    /// Pass this as `after`.
    pub cursor: String,
}
