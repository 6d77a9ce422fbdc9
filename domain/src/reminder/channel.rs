//! Where a reminder goes, and what is sent.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{digest::Digest, task::Priority};

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
    /// A user's stored e-mail address.
    Email {
        /// The stored channel.
        id: Uuid,
    },
    /// A user's stored ntfy topic.
    Ntfy {
        /// The stored channel.
        id: Uuid,
    },
    /// A user's stored Slack-compatible incoming webhook.
    Slack {
        /// The stored channel.
        id: Uuid,
    },
    /// An output binding of Dapr that a user stored.
    Binding {
        /// The stored channel.
        id: Uuid,
    },
    /// A browser's push subscription that a user stored.
    WebPush {
        /// The stored channel.
        id: Uuid,
    },
}

/// Kinds of channels, as events, the API and the database write them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ChannelKind {
    /// See [`Channel::Webhook`].
    Webhook,
    /// See [`Channel::Email`].
    Email,
    /// See [`Channel::Ntfy`].
    Ntfy,
    /// See [`Channel::Slack`].
    Slack,
    /// See [`Channel::Binding`].
    Binding,
    /// See [`Channel::WebPush`].
    WebPush,
}

impl ChannelKind {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::Webhook,
        Self::Email,
        Self::Ntfy,
        Self::Slack,
        Self::Binding,
        Self::WebPush,
    ];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Email => "email",
            Self::Ntfy => "ntfy",
            Self::Slack => "slack",
            Self::Binding => "binding",
            Self::WebPush => "webPush",
        }
    }

    /// The kind of this name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// A user's stored channel of this kind; `url` is a webhook's.
    pub fn stored(self, id: Uuid, url: Option<String>) -> Channel {
        match self {
            Self::Webhook => Channel::Webhook { url, id: Some(id) },
            Self::Email => Channel::Email { id },
            Self::Ntfy => Channel::Ntfy { id },
            Self::Slack => Channel::Slack { id },
            Self::Binding => Channel::Binding { id },
            Self::WebPush => Channel::WebPush { id },
        }
    }
}

impl Channel {
    /// Its kind.
    pub fn kind(&self) -> ChannelKind {
        match self {
            Self::Webhook { .. } => ChannelKind::Webhook,
            Self::Email { .. } => ChannelKind::Email,
            Self::Ntfy { .. } => ChannelKind::Ntfy,
            Self::Slack { .. } => ChannelKind::Slack,
            Self::Binding { .. } => ChannelKind::Binding,
            Self::WebPush { .. } => ChannelKind::WebPush,
        }
    }

    /// The user's stored channel that it stands for.
    pub fn stored_id(&self) -> Option<Uuid> {
        match self {
            Self::Webhook { id, .. } => *id,
            Self::Email { id }
            | Self::Ntfy { id }
            | Self::Slack { id }
            | Self::Binding { id }
            | Self::WebPush { id } => Some(*id),
        }
    }

    /// Where a webhook posts, when it says so itself.
    pub fn url(&self) -> Option<&str> {
        match self {
            Self::Webhook { url, .. } => url.as_deref(),
            _ => None,
        }
    }

    /// Key of the channel within one firing: deliveries are recorded once for each.
    pub fn key(&self) -> String {
        let kind = self.kind().as_str();
        match (self.stored_id(), self.url()) {
            (Some(id), _) => format!("{kind}:{id}"),
            (None, Some(url)) => format!("{kind}:{url}"),
            (None, None) => kind.into(),
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
    /// How much that task matters: known from when its deliveries are planned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
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
    /// What it tells when it is a digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
}

impl ReminderEvent {
    /// What receivers know it as: `type` of what they get.
    pub fn kind(&self) -> &'static str {
        match self.digest {
            None => "reminder.due",
            Some(_) => "digest.due",
        }
    }
}
