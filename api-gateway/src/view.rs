//! What requests and answers look like: the shapes of the OpenAPI document.

use axum::{
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};
use chrono::{DateTime, SubsecRound as _, Utc};
use domain::{
    position::Position,
    recurrence::SeriesSpec,
    reminder::{Channel, ChannelKind},
    task::{Due, Following, Priority, RemindAt, ReminderSpec, Task},
};
use runtime::Problem;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{channels::StoredChannel, tasks::TaskReminder, users::User};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    error::Error,
    highlights::Highlights,
    instant,
    openapi::texts::{LanguageName, TagName, Title},
};

/// What the owner of a task writes: the body of `POST /v1/tasks`, and what `PATCH` merges into.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct TaskInput {
    /// Makes a creation safe to repeat: the same id with the same content is answered with the
    /// task that is there already. Best a UUIDv7. It cannot be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<Uuid>,
    #[schema(value_type = Title, inline)]
    pub(crate) title: String,
    #[serde(default)]
    #[schema(max_length = 20_000)]
    pub(crate) description: String,
    /// P1 matters most; P4 when nothing is said.
    #[serde(default)]
    #[schema(value_type = PriorityName)]
    pub(crate) priority: Priority,
    /// At most 50.
    #[serde(default)]
    #[schema(value_type = Vec<TagName>, max_items = 50)]
    pub(crate) tags: Vec<String>,
    /// One of the user's projects that is not archived; absent: the inbox, or the project of `parent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) project: Option<Uuid>,
    /// The open task that it is a subtask of: at most 5 levels, and 200 open subtasks of one task at the
    /// top.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) parent: Option<Uuid>,
    /// When it is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) due: Option<DueInput>,
    /// The rule that makes the next instance once this one is completed. Needs `due`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Recurrence>)]
    pub(crate) recurrence: Option<Value>,
    #[serde(default)]
    #[schema(max_items = 20)]
    pub(crate) reminders: Vec<ReminderInput>,
}

/// When a task is due: `date` alone for all day, or `dateTime` with `timeZone`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct DueInput {
    /// `2026-11-30`, of a year from 1970 to 9998.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = "date")]
    pub(crate) date: Option<String>,
    /// Wall-clock time without an offset, `2026-11-30T09:00:00`, of a year from 1970 to 9998.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = "date-time-local")]
    pub(crate) date_time: Option<String>,
    /// IANA zone, such as `Europe/Berlin`; the owner's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = "time-zone")]
    pub(crate) time_zone: Option<String>,
}

/// A reminder: `at` an instant, or `beforeSeconds` before the task is due.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ReminderInput {
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = "date-time")]
    pub(crate) at: Option<String>,
    /// 0 for at the due time itself. An all-day task counts from 09:00 in its owner's zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 31_622_400)]
    pub(crate) before_seconds: Option<i64>,
    /// Where it goes; empty: the owner's default channels.
    #[serde(default)]
    #[schema(max_items = 10)]
    pub(crate) channels: Vec<ChannelRef>,
}

/// A channel that a reminder goes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ChannelRef {
    /// The kind of the channel.
    #[serde(rename = "type")]
    pub(crate) kind: ChannelType,
    /// A channel from `/v1/channels`; absent: the stack's own webhook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<Uuid>,
}

/// Kinds of channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum ChannelType {
    /// An HTTP POST, signed by the Standard Webhooks scheme.
    Webhook,
    /// An e-mail.
    Email,
    /// A message to a topic of an ntfy server.
    Ntfy,
    /// A message to an incoming webhook of Slack, or of a server that takes the same.
    Slack,
    /// A call of one of the output bindings of Dapr that the stack lists.
    Binding,
    /// A push to a browser (RFC 8030).
    WebPush,
}

impl From<ChannelType> for ChannelKind {
    fn from(kind: ChannelType) -> Self {
        match kind {
            ChannelType::Webhook => Self::Webhook,
            ChannelType::Email => Self::Email,
            ChannelType::Ntfy => Self::Ntfy,
            ChannelType::Slack => Self::Slack,
            ChannelType::Binding => Self::Binding,
            ChannelType::WebPush => Self::WebPush,
        }
    }
}

impl From<ChannelKind> for ChannelType {
    fn from(kind: ChannelKind) -> Self {
        match kind {
            ChannelKind::Webhook => Self::Webhook,
            ChannelKind::Email => Self::Email,
            ChannelKind::Ntfy => Self::Ntfy,
            ChannelKind::Slack => Self::Slack,
            ChannelKind::Binding => Self::Binding,
            ChannelKind::WebPush => Self::WebPush,
        }
    }
}

/// How much a task matters; P1 matters most.
#[derive(ToSchema)]
#[schema(as = Priority)]
#[allow(
    dead_code,
    reason = "describes domain::task::Priority, which knows no OpenAPI"
)]
pub(crate) enum PriorityName {
    P1,
    P2,
    P3,
    P4,
}

/// A series: exactly one of `rrule`, `cron` and `preset`.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(
    dead_code,
    reason = "describes domain::recurrence::SeriesSpec, which knows no OpenAPI"
)]
pub(crate) struct Recurrence {
    /// RFC 5545 §3.3.10, such as `FREQ=WEEKLY;BYDAY=MO`.
    rrule: Option<String>,
    /// Five fields (minute, hour, day of month, month, day of week), or six with seconds first.
    cron: Option<String>,
    /// One of the common rules; see docs/recurrence.md.
    #[schema(value_type = Option<Object>)]
    preset: Option<Value>,
    /// Local date-time or date of the first occurrence; the task's due when absent.
    start: Option<String>,
    /// IANA zone; absent: that of `due`, or the owner's.
    time_zone: Option<String>,
    /// Local date-times or dates left out.
    exclude: Option<Vec<String>>,
    /// Local date-times or dates added.
    include: Option<Vec<String>>,
    /// Occurrences moved or cancelled.
    #[schema(value_type = Option<Vec<Object>>)]
    overrides: Option<Vec<Value>>,
    /// In a month that lacks the day: `skip` (default) or `lastDay`.
    month_end: Option<String>,
    /// What the next one counts from: `dueDate` (default) or `completion`.
    basis: Option<String>,
    /// Of those that passed meanwhile: `nextFuture` (default), `catchUp` or `each`.
    late: Option<String>,
}

/// A task.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TaskView {
    id: Uuid,
    title: String,
    description: String,
    #[schema(value_type = PriorityName)]
    priority: Priority,
    /// Sorted.
    tags: Vec<String>,
    /// Absent: the inbox.
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<Uuid>,
    /// The task that it is a subtask of.
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<Uuid>,
    /// Where it stands in the manual order: compared as text, byte by byte. `POST /v1/tasks/{id}/move`
    /// changes it.
    #[schema(value_type = String)]
    position: Position,
    #[serde(skip_serializing_if = "Option::is_none")]
    due: Option<DueInput>,
    /// The instant of `due`: all day means until the last second of that day for its owner.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "instant::serialize_option"
    )]
    due_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Recurrence>)]
    recurrence: Option<SeriesSpec>,
    /// Id of the first task of the series.
    #[serde(skip_serializing_if = "Option::is_none")]
    series: Option<Uuid>,
    /// Original local time of this instance in its series.
    #[serde(skip_serializing_if = "Option::is_none")]
    occurrence: Option<String>,
    /// What the next instance says, where this one was edited alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    following: Option<FollowingView>,
    reminders: Vec<ReminderInput>,
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "instant::serialize_option"
    )]
    completed_at: Option<DateTime<Utc>>,
    #[serde(serialize_with = "instant::serialize")]
    created_at: DateTime<Utc>,
    #[serde(serialize_with = "instant::serialize")]
    updated_at: DateTime<Utc>,
    /// One more with every write; also the `ETag`.
    version: i64,
    /// In a list with `q`: why it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) highlights: Option<Highlights>,
}

impl From<Task> for TaskView {
    fn from(task: Task) -> Self {
        Self {
            id: task.id,
            due: task.due.as_ref().map(DueInput::from),
            reminders: task.reminders.iter().map(ReminderInput::from).collect(),
            title: task.title,
            description: task.description,
            priority: task.priority,
            tags: task.tags,
            project: task.project,
            parent: task.parent,
            position: task.position,
            following: task.following.map(FollowingView::from),
            due_at: task.due_at,
            recurrence: task.recurrence,
            series: task.series,
            occurrence: task.occurrence,
            completed_at: task.completed_at,
            created_at: task.created_at,
            updated_at: task.updated_at,
            version: task.version,
            highlights: None,
        }
    }
}

/// What the instances of a series say from the next one on.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct FollowingView {
    title: String,
    description: String,
    #[schema(value_type = PriorityName)]
    priority: Priority,
    tags: Vec<String>,
    reminders: Vec<ReminderInput>,
}

impl From<Following> for FollowingView {
    fn from(following: Following) -> Self {
        Self {
            reminders: following
                .reminders
                .iter()
                .map(ReminderInput::from)
                .collect(),
            title: following.title,
            description: following.description,
            priority: following.priority,
            tags: following.tags,
        }
    }
}

impl From<&Due> for DueInput {
    fn from(due: &Due) -> Self {
        match due {
            Due::At {
                date_time,
                time_zone,
            } => Self {
                date: None,
                // `Debug` is ISO 8601, and need not read a format first.
                date_time: Some(format!("{:?}", date_time.trunc_subsecs(0))),
                time_zone: Some(time_zone.name().to_owned()),
            },
            Due::On { date } => Self {
                date: Some(date.to_string()),
                ..Self::default()
            },
        }
    }
}

impl From<&ReminderSpec> for ReminderInput {
    fn from(spec: &ReminderSpec) -> Self {
        let (at, before_seconds) = match spec.when {
            RemindAt::At { at } => (Some(at), None),
            RemindAt::Before { before_seconds } => (None, Some(before_seconds)),
        };
        Self {
            at: at.map(|at| at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)),
            before_seconds,
            channels: spec.channels.iter().map(ChannelRef::from).collect(),
        }
    }
}

impl From<&Channel> for ChannelRef {
    fn from(channel: &Channel) -> Self {
        Self {
            kind: channel.kind().into(),
            id: channel.stored_id(),
        }
    }
}

/// Room for a task in JSON; one with a long description takes more.
const BYTES_OF_A_TASK: usize = 1024;

/// A page of tasks.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TaskPage {
    pub(crate) items: Vec<TaskView>,
    /// Send it as `cursor` for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_cursor: Option<String>,
    /// Tasks of all pages together, with `total=true`: at most 10,000 are counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) total: Option<u32>,
    /// Beside `total`: whether that is all of them, or there are more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) total_is_exact: Option<bool>,
    /// With `q`: whether no task has the words, and these have titles that resemble them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fuzzy: Option<bool>,
}

impl IntoResponse for TaskPage {
    fn into_response(self) -> Response {
        // With room for all of it: to grow step by step, as `axum::Json` does, moves a page eight times.
        let mut body = Vec::with_capacity(BYTES_OF_A_TASK * (self.items.len() + 1));
        match serde_json::to_writer(&mut body, &self) {
            Ok(()) => ([(CONTENT_TYPE, "application/json")], body).into_response(),
            Err(error) => Error::from(Problem::internal(error)).into_response(),
        }
    }
}

/// What has become of a reminder.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReminderView {
    id: Uuid,
    fire_at: DateTime<Utc>,
    /// Pending, Scheduled, Fired, Delivered, Failed, Missed or Cancelled.
    phase: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fired_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_at: Option<DateTime<Utc>>,
}

impl From<TaskReminder> for ReminderView {
    fn from(reminder: TaskReminder) -> Self {
        Self {
            id: reminder.id,
            fire_at: reminder.fire_at,
            phase: reminder.phase,
            fired_at: reminder.fired_at,
            finished_at: reminder.finished_at,
        }
    }
}

/// The reminders of a task, earliest first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReminderList {
    pub(crate) items: Vec<ReminderView>,
}

/// An account.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserView {
    id: Uuid,
    email: String,
    time_zone: String,
    #[schema(value_type = LanguageName, inline)]
    language: &'static str,
    created_at: DateTime<Utc>,
}

impl From<User> for UserView {
    fn from(user: User) -> Self {
        Self {
            id: user.id,
            language: user.language().name(),
            email: user.email,
            time_zone: user.time_zone,
            created_at: user.created_at,
        }
    }
}

/// A channel of a user.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChannelView {
    id: Uuid,
    #[serde(rename = "type")]
    kind: ChannelType,
    /// Of webhook and ntfy: where to post. Of slack and webPush: its host, for the rest of it is a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    /// Of email: the address.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    /// Of binding: its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// It serves reminders that name no channel.
    is_default: bool,
    created_at: DateTime<Utc>,
    /// Since when it is not tried any more. A browser that subscribes again enables its channel; any other
    /// is deleted and made anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    disabled_at: Option<DateTime<Utc>>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    disabled_reason: Option<String>,
    /// Signs what is posted (Standard Webhooks). Shown once, when a webhook is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

impl ChannelView {
    /// With the signing secret of a webhook, which nobody is shown again.
    pub(crate) fn with_secret(channel: StoredChannel) -> Self {
        let secret = (channel.kind() == ChannelKind::Webhook).then(|| channel.secret.clone());
        Self {
            secret,
            ..Self::from(channel)
        }
    }
}

impl From<StoredChannel> for ChannelView {
    fn from(channel: StoredChannel) -> Self {
        let kind = channel.kind();
        let target = channel.target().to_owned();
        let (mut url, mut address, mut name) = (None, None, None);
        match kind {
            ChannelKind::Webhook | ChannelKind::Ntfy => url = Some(target),
            ChannelKind::Slack | ChannelKind::WebPush => url = Some(origin(&target)),
            ChannelKind::Email => address = Some(target),
            ChannelKind::Binding => name = Some(target),
        }
        Self {
            id: channel.id,
            kind: kind.into(),
            url,
            address,
            name,
            is_default: channel.is_default,
            created_at: channel.created_at,
            disabled_at: channel.disabled_at,
            disabled_reason: channel.disabled_reason,
            secret: None,
        }
    }
}

/// Scheme and host of a URL whose path nobody is shown again.
fn origin(url: &str) -> String {
    url::Url::parse(url).map_or_else(
        |_| String::new(),
        |url| format!("{}/…", url.origin().ascii_serialization()),
    )
}

/// The channels of a user, oldest first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChannelList {
    pub(crate) items: Vec<ChannelView>,
}

/// An error (RFC 9457).
#[derive(ToSchema)]
#[schema(as = Problem)]
#[allow(
    dead_code,
    reason = "describes runtime::Problem, which knows no OpenAPI"
)]
pub(crate) struct ProblemView {
    #[schema(rename = "type")]
    kind: String,
    title: String,
    status: u16,
    detail: Option<String>,
    /// What of the request is at fault.
    errors: Option<Vec<FieldProblem>>,
}

/// One thing of a request that cannot be accepted.
#[derive(ToSchema)]
#[schema(as = Fault)]
#[allow(
    dead_code,
    reason = "describes runtime::problem::Fault, which knows no OpenAPI"
)]
pub(crate) struct FieldProblem {
    /// What is wrong and what would be right.
    detail: String,
    /// Of the body: a JSON pointer as a URI fragment, such as `#/reminders/0/at`.
    pointer: Option<String>,
    /// Of the query, the path or the headers: the parameter's name.
    parameter: Option<String>,
    /// Either of them in the request's own spelling, such as `reminders[0].at`.
    field: String,
}
