//! Types that several resources use.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The stack of the same namespace that an object belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StackRef {
    /// Name of a TodoStack in this namespace.
    #[schemars(length(min = 1, max = 40))]
    pub name: String,
}

/// One key of a Secret in the same namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretKeyRef {
    /// Name of the Secret.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Key within it.
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
}

/// Which overdue reminders fire: `Skip`: none; `Latest`: of several of one RecurringSchedule, or of one recurring task, the newest; `All`: each. Up to two minutes late is on time. Absent: what the stack says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CatchUpPolicy {
    /// None: overdue by more than two minutes is missed.
    Skip,
    /// Of several of one series the newest; those before it are missed.
    #[default]
    Latest,
    /// Each.
    All,
}

impl CatchUpPolicy {
    /// As manifests and settings spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Skip => "Skip",
            Self::Latest => "Latest",
            Self::All => "All",
        }
    }
}

/// Where a reminder goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChannelSpec {
    /// Kind of channel.
    #[serde(rename = "type")]
    pub kind: ChannelType,
    /// Address to post to; absent: the stack's `spec.notifications.webhook.url`. Signed with the stack's key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2000), regex(pattern = "^https?://"))]
    pub url: Option<String>,
}

/// Kinds of channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ChannelType {
    /// An HTTP POST signed by the Standard Webhooks scheme.
    Webhook,
}

/// How much a task matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TaskPriority {
    /// Urgent.
    P1,
    /// High.
    P2,
    /// Medium.
    P3,
    /// Normal.
    #[default]
    P4,
}

/// A task that is created for its owner when the reminder fires.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskTemplate {
    /// E-mail address of a user of the stack.
    #[schemars(length(min = 3, max = 254), regex(pattern = "^[^@\\s]+@[^@\\s]+$"))]
    pub owner: String,
    /// One line.
    #[schemars(length(min = 1, max = 500))]
    pub title: String,
    /// How much it matters.
    #[serde(default)]
    pub priority: TaskPriority,
    /// Tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), inner(length(min = 1, max = 64)))]
    pub tags: Vec<String>,
    /// Due this many seconds after the occurrence.
    #[serde(default)]
    #[schemars(range(min = 0, max = 31_536_000))]
    pub due_offset_seconds: i64,
}
