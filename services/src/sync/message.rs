//! The messages of a socket: JSON, each in a text frame.

use axum::extract::ws::Message;
use chrono::{DateTime, Utc};
use domain::event::{Event, EventType};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// What a device asks for.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub(super) enum Asked {
    /// Shows an access token: the first one, or one that lasts longer.
    Auth {
        /// The token.
        token: String,
    },
    /// Asks for changes.
    Subscribe {
        /// The last change that the device knows: what came after it is told first.
        #[serde(default)]
        last_event_id: Option<Uuid>,
    },
    /// Asks whether the other end is there.
    Ping,
}

/// What a device is told.
#[derive(Debug, Serialize)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub(super) enum Said<'a> {
    /// The token is taken.
    Ready {
        /// The socket is closed then, unless another token is shown before.
        expires_at: DateTime<Utc>,
    },
    /// Changes are told from now on.
    Subscribed,
    /// Something changed.
    Change {
        /// Names the notice, to go on from it.
        id: Uuid,
        /// What happened.
        event: EventType,
        /// To what: `taskId` or `projectId`, and its `version`.
        data: &'a Value,
    },
    /// Changes were left out: read everything anew, or by `GET /v1/sync`.
    Gap,
    /// The answer to `ping`.
    Pong,
}

impl<'a> From<&'a Event> for Said<'a> {
    fn from(event: &'a Event) -> Self {
        Self::Change {
            id: event.id,
            event: event.kind,
            data: &event.data,
        }
    }
}

impl Said<'_> {
    /// As it is sent.
    ///
    /// # Errors
    /// Never: its keys are strings.
    pub(super) fn text(&self) -> serde_json::Result<Message> {
        serde_json::to_string(self).map(Message::text)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_asked_is_read() {
        let id = Uuid::from_u128(7);
        for (text, asked) in [
            (
                json!({ "type": "auth", "token": "x" }),
                Some(Asked::Auth { token: "x".into() }),
            ),
            (
                json!({ "type": "subscribe" }),
                Some(Asked::Subscribe {
                    last_event_id: None,
                }),
            ),
            (
                json!({ "type": "subscribe", "lastEventId": id }),
                Some(Asked::Subscribe {
                    last_event_id: Some(id),
                }),
            ),
            (json!({ "type": "ping" }), Some(Asked::Ping)),
            (json!({ "type": "auth" }), None),
            (json!({ "type": "other" }), None),
            (json!([]), None),
        ] {
            assert_eq!(serde_json::from_value(text.clone()).ok(), asked, "{text}");
        }
    }

    #[test]
    fn what_is_said_is_written() {
        let data = json!({ "taskId": "t", "version": 2 });
        let id = Uuid::nil();
        let said = Said::Change {
            id,
            event: EventType::TaskUpdated,
            data: &data,
        };
        assert_eq!(
            serde_json::to_value(said).unwrap(),
            json!({ "type": "change", "id": id, "event": "task.updated", "data": data })
        );
        let ready = Said::Ready {
            expires_at: DateTime::UNIX_EPOCH,
        };
        assert_eq!(
            serde_json::to_value(ready).unwrap(),
            json!({ "type": "ready", "expiresAt": "1970-01-01T00:00:00Z" })
        );
    }
}
