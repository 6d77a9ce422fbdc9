//! Where a reminder goes, and what is sent.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A way to reach somebody.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "type")]
pub enum Channel {
    /// An HTTP POST signed by the Standard Webhooks scheme.
    Webhook {
        /// Where to post; absent: the stack's default webhook.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        url: Option<String>,
        /// The user's stored channel whose secret signs; absent: the stack's signing key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<Uuid>,
    },
}

impl Channel {
    /// Key of the channel within one firing: deliveries are recorded once for each.
    pub fn key(&self) -> String {
        match self {
            Self::Webhook { id: Some(id), .. } => format!("webhook:{id}"),
            Self::Webhook { url: Some(url), .. } => format!("webhook:{url}"),
            Self::Webhook { .. } => "webhook".into(),
        }
    }
}

/// `data` of every `reminder.*` event, and the body of a webhook.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReminderEvent {
    /// The reminder.
    pub reminder_id: Uuid,
    /// Its occurrence.
    pub occurrence: i32,
    /// Its generation.
    pub generation: i64,
    /// The task, when it belongs to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_id: Option<Uuid>,
    /// What to say.
    pub message: String,
    /// When it should fire.
    pub fire_at: DateTime<Utc>,
    /// When it was claimed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fired_at: Option<DateTime<Utc>>,
    /// `fired_at - fire_at` in milliseconds, never negative.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lateness_ms: Option<i64>,
    /// Why it failed, was missed or went stale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The channels to serve.
    #[serde(default)]
    pub channels: Vec<Channel>,
}
