//! `ReminderJob`: one reminder.

use chrono::{DateTime, Utc};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::shared::{CatchUpPolicy, ChannelSpec, StackRef, TaskTemplate};

/// One reminder of a stack: it fires once, at `fireAt`, on its channels.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "todostack.dev",
    version = "v1alpha1",
    kind = "ReminderJob",
    namespaced,
    derive = "PartialEq",
    status = "ReminderJobStatus",
    shortname = "rj",
    category = "todostacks-all",
    doc = "ReminderJob is one reminder of a TodoStack: it fires once, at spec.fireAt, on its channels.",
    selectable = ".spec.stackRef.name",
    printcolumn(json_path = ".spec.stackRef.name", name = "Stack", type_ = "string"),
    printcolumn(json_path = ".spec.fireAt", name = "Fire-At", type_ = "string"),
    printcolumn(json_path = ".status.phase", name = "Phase", type_ = "string"),
    printcolumn(
        json_path = ".status.latenessMs",
        name = "Lateness-Ms",
        type_ = "integer"
    ),
    printcolumn(
        json_path = ".spec.message",
        name = "Message",
        type_ = "string",
        priority = 1
    ),
    printcolumn(
        json_path = ".metadata.creationTimestamp",
        name = "Age",
        type_ = "date"
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.stackRef == oldSelf.stackRef").message("is immutable: delete the ReminderJob and make another").field_path(".stackRef"),
    validation = Rule::new("self.message == oldSelf.message").message("is immutable: delete the ReminderJob and make another").field_path(".message"),
    validation = Rule::new("has(self.taskRef) == has(oldSelf.taskRef) && (!has(self.taskRef) || self.taskRef == oldSelf.taskRef)").message("spec.taskRef is immutable: delete the ReminderJob and make another"),
    validation = Rule::new("has(self.taskTemplate) == has(oldSelf.taskTemplate) && (!has(self.taskTemplate) || self.taskTemplate == oldSelf.taskTemplate)").message("spec.taskTemplate is immutable: delete the ReminderJob and make another"),
    validation = Rule::new("has(self.channels) == has(oldSelf.channels) && (!has(self.channels) || self.channels == oldSelf.channels)").message("spec.channels is immutable: delete the ReminderJob and make another"),
    validation = Rule::new("!(has(self.taskRef) && has(self.taskTemplate))").message("give spec.taskRef or spec.taskTemplate, not both")
)]
pub struct ReminderJobSpec {
    /// The stack that fires it. Immutable.
    pub stack_ref: StackRef,
    /// When it fires, RFC 3339. May be changed until it has fired.
    pub fire_at: DateTime<Utc>,
    /// What it says. Immutable.
    #[schemars(length(min = 1, max = 2000))]
    pub message: String,
    /// The task that it belongs to. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_ref: Option<TaskRef>,
    /// A task that its firing creates. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_template: Option<OccurrenceTask>,
    /// Where it goes; none: the stack's default webhook. Immutable.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    pub channels: Vec<ChannelSpec>,
    /// Held back: it does not fire while this is true.
    #[serde(default)]
    pub suspend: bool,
    /// Later than this many seconds it is not fired but `Missed`; absent: the stack's catch-up window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 31_536_000))]
    pub deadline_seconds: Option<i64>,
    /// What becomes of it when it is overdue: `Skip`: it is missed; `Latest`: it fires unless a later one of its RecurringSchedule is overdue too; `All`: it fires. Absent: what the stack says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catch_up: Option<CatchUpPolicy>,
    /// Fires this many seconds after `fireAt`, and is on time then: the jitter of a RecurringSchedule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 86_400))]
    pub delay_seconds: Option<i64>,
    /// Deleted this many seconds after it has finished; absent: kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 31_536_000))]
    pub ttl_seconds_after_finished: Option<i64>,
}

/// A task of the stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskRef {
    /// Its UUID.
    #[schemars(regex(pattern = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"))]
    pub id: String,
}

/// A task template with its occurrence, so that several reminders of one occurrence make one task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OccurrenceTask {
    /// What to create.
    #[serde(flatten)]
    pub template: TaskTemplate,
    /// The occurrence that the task stands for; absent: `fireAt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurrence: Option<DateTime<Utc>>,
    /// IANA zone in which its due time is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub time_zone: Option<String>,
}

/// Where a reminder stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ReminderPhase {
    /// Not yet taken by the stack.
    Pending,
    /// Its alarm is set.
    Scheduled,
    /// Its time came; channels are being served.
    Fired,
    /// Every channel took it.
    Delivered,
    /// A channel gave up for good.
    Failed,
    /// Overdue beyond its deadline and let go.
    Missed,
    /// Withdrawn before it fired.
    Cancelled,
}

impl ReminderPhase {
    /// Nothing will happen to it any more.
    pub fn is_finished(self) -> bool {
        matches!(
            self,
            Self::Delivered | Self::Failed | Self::Missed | Self::Cancelled
        )
    }
}

/// What the operator observed of a reminder.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReminderJobStatus {
    /// Generation of the spec that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Where it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<ReminderPhase>,
    /// When the stack will fire it, or should have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fire_at: Option<DateTime<Utc>>,
    /// When it fired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fired_at: Option<DateTime<Utc>>,
    /// `firedAt - fireAt` in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lateness_ms: Option<i64>,
    /// Per channel.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deliveries: Vec<DeliveryStatus>,
    /// What happened to it, oldest first: the last ten things that the operator saw. The stack's ledger has all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<HistoryEntry>,
    /// `Ready`: the stack has taken it and it goes its way; false with a reason when it cannot.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

/// Something that happened to a reminder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HistoryEntry {
    /// When; for what the stack does not date, when the operator heard of it.
    pub at: DateTime<Utc>,
    /// `Scheduled`, `Snoozed`, `Suspended`, `Fired`, `Retrying`, `Delivered`, `Failed`, `Missed` or `Cancelled`.
    pub reason: String,
    /// The same with its particulars, such as how late it fired.
    pub message: String,
}

/// One channel's part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryStatus {
    /// The channel.
    pub channel: String,
    /// `Pending`, `Delivered` or `Failed`.
    pub state: String,
    /// Attempts so far.
    pub attempts: i32,
    /// When the channel took it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<DateTime<Utc>>,
    /// Why the last attempt failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}
