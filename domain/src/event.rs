//! The events between services: CloudEvents 1.0 in structured JSON.
//!
//! `id` is the idempotency key of every consumer, `subject` the task (or, for a reminder that
//! belongs to no task, the reminder) and so the partition key: one task's events stay in order.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::trace::TraceContext;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EventType {
    /// A task came to be.
    #[serde(rename = "task.created")]
    TaskCreated,
    /// A field of a task changed.
    #[serde(rename = "task.updated")]
    TaskUpdated,
    /// A task was completed.
    #[serde(rename = "task.completed")]
    TaskCompleted,
    /// A task was deleted.
    #[serde(rename = "task.deleted")]
    TaskDeleted,
    /// A completed or deleted task is open again.
    #[serde(rename = "task.restored")]
    TaskRestored,
    /// A project came to be.
    #[serde(rename = "project.created")]
    ProjectCreated,
    /// A project was renamed, moved, archived or brought back.
    #[serde(rename = "project.updated")]
    ProjectUpdated,
    /// A project was deleted.
    #[serde(rename = "project.deleted")]
    ProjectDeleted,
    /// A reminder has, from now on, a time at which it will fire.
    #[serde(rename = "reminder.scheduled")]
    ReminderScheduled,
    /// A reminder is put off to another time.
    #[serde(rename = "reminder.snoozed")]
    ReminderSnoozed,
    /// A reminder fired; its channels are to be served.
    #[serde(rename = "reminder.due")]
    ReminderDue,
    /// Every channel of a reminder took it.
    #[serde(rename = "reminder.delivered")]
    ReminderDelivered,
    /// A channel of a reminder gave up.
    #[serde(rename = "reminder.failed")]
    ReminderFailed,
    /// A reminder will not fire any more.
    #[serde(rename = "reminder.cancelled")]
    ReminderCancelled,
}

impl EventType {
    /// The CloudEvents `type` attribute.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TaskCreated => "task.created",
            Self::TaskUpdated => "task.updated",
            Self::TaskCompleted => "task.completed",
            Self::TaskDeleted => "task.deleted",
            Self::TaskRestored => "task.restored",
            Self::ProjectCreated => "project.created",
            Self::ProjectUpdated => "project.updated",
            Self::ProjectDeleted => "project.deleted",
            Self::ReminderScheduled => "reminder.scheduled",
            Self::ReminderSnoozed => "reminder.snoozed",
            Self::ReminderDue => "reminder.due",
            Self::ReminderDelivered => "reminder.delivered",
            Self::ReminderFailed => "reminder.failed",
            Self::ReminderCancelled => "reminder.cancelled",
        }
    }

    /// The topic that carries the full event.
    pub fn topic(self) -> Topic {
        match self {
            Self::TaskCreated
            | Self::TaskUpdated
            | Self::TaskCompleted
            | Self::TaskDeleted
            | Self::TaskRestored
            | Self::ProjectCreated
            | Self::ProjectUpdated
            | Self::ProjectDeleted => Topic::TaskEvents,
            _ => Topic::Reminders,
        }
    }
}

/// The topics of a stack; beside them each consumer has one for its dead letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Topic {
    /// Facts about tasks and projects, with the whole of them: recurrence, reminders, audit read it.
    TaskEvents,
    /// Thin change notices for devices: sync reads it.
    TaskUpdates,
    /// Facts about reminders: notifications and audit read it.
    Reminders,
}

impl Topic {
    /// Every topic, in the order in which it is created.
    pub const ALL: [Self; 3] = [Self::TaskEvents, Self::TaskUpdates, Self::Reminders];

    /// Name without the stack's prefix.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TaskEvents => "task-events",
            Self::TaskUpdates => "task-updates",
            Self::Reminders => "reminders",
        }
    }
}

/// Name of a consumer's dead-letter topic without the stack's prefix.
pub fn dead_letter_topic(consumer: &str) -> String {
    format!("dead-letters.{consumer}")
}

/// Who caused an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Actor {
    /// A user.
    User(Uuid),
    /// The platform itself: recurrence, a `ReminderJob`, the alarm clock, a delivery.
    System,
}

/// One event in the CloudEvents 1.0 JSON format
/// (<https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md>).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Always `1.0`.
    pub specversion: String,
    /// Unique id: the idempotency key of every consumer.
    pub id: Uuid,
    /// `/todostack/<namespace>/<stack>`.
    pub source: String,
    /// What happened.
    #[serde(rename = "type")]
    pub kind: EventType,
    /// Task id, or project id, or reminder id where there is no task. The partition key.
    pub subject: String,
    /// When it happened.
    pub time: DateTime<Utc>,
    /// Always `application/json`.
    pub datacontenttype: String,
    /// Versioned schema of `data`.
    pub dataschema: String,
    /// The user whose data this is; absent for reminders made by a `ReminderJob` without an owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Uuid>,
    /// What kind of actor caused it: `app_user` or `system`, and what the Auth Context extension
    /// (<https://github.com/cloudevents/spec/blob/main/cloudevents/extensions/authcontext.md>) knows
    /// besides. Absent from events written before there was any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authtype: Option<String>,
    /// The user's id, for an `app_user`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authid: Option<String>,
    /// The trace that it belongs to, by the Distributed Tracing extension
    /// (<https://github.com/cloudevents/spec/blob/main/cloudevents/extensions/distributed-tracing.md>):
    /// `traceparent`, and `tracestate` where there is one. Absent where nobody began a trace.
    #[serde(flatten, default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceContext>,
    /// The task (`task.*`, see [`crate::task::Task`]), the project (`project.*`, see
    /// [`crate::project::Project`]) or the reminder
    /// (`reminder.*`, see [`crate::reminder::ReminderEvent`]). A task's write besides has `changes`: by
    /// field, `before` and `after` (null: none), see [`crate::changes`]. It came to v1 of the schema later;
    /// who does not know it passes over it.
    pub data: serde_json::Value,
}

impl Event {
    /// A new event. `source` is filled in by the relay, which knows the stack.
    pub fn new(
        id: Uuid,
        kind: EventType,
        subject: impl Into<String>,
        owner: Option<Uuid>,
        time: DateTime<Utc>,
        data: serde_json::Value,
    ) -> Self {
        Self {
            specversion: "1.0".into(),
            id,
            source: String::new(),
            kind,
            subject: subject.into(),
            time,
            datacontenttype: "application/json".into(),
            dataschema: format!("https://todostack.dev/schemas/{}/v1", kind.as_str()),
            owner,
            authtype: None,
            authid: None,
            trace: None,
            data,
        }
    }

    /// The same, of this trace.
    #[must_use]
    pub fn traced(mut self, trace: Option<TraceContext>) -> Self {
        self.trace = trace;
        self
    }

    /// The same, caused by `actor`.
    #[must_use]
    pub fn by(mut self, actor: Actor) -> Self {
        let (kind, id) = match actor {
            Actor::User(id) => ("app_user", Some(id.to_string())),
            Actor::System => ("system", None),
        };
        self.authtype = Some(kind.into());
        self.authid = id;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_actor_is_an_extension_of_cloud_events_that_old_events_lack() {
        let event = Event::new(
            Uuid::nil(),
            EventType::TaskCreated,
            "t",
            None,
            DateTime::UNIX_EPOCH,
            serde_json::Value::Null,
        );
        let old = serde_json::to_value(&event).expect("plain fields serialise");
        assert!(old.get("authtype").is_none() && old.get("authid").is_none());
        let read: Event = serde_json::from_value(old).expect("an old event is read");
        assert_eq!(read, event);
        let user = Uuid::from_u128(7);
        let by_user = serde_json::to_value(event.clone().by(Actor::User(user))).expect("as above");
        assert_eq!(by_user["authtype"], "app_user");
        assert_eq!(by_user["authid"], user.to_string());
        let by_system = serde_json::to_value(event.by(Actor::System)).expect("as above");
        assert_eq!(by_system["authtype"], "system");
        assert!(by_system.get("authid").is_none());
    }

    #[test]
    fn a_trace_is_two_attributes_that_others_lack() {
        let id = Uuid::nil();
        let (kind, data) = (EventType::TaskCreated, serde_json::json!({}));
        let event = Event::new(id, kind, "t", None, DateTime::UNIX_EPOCH, data);
        let plain = serde_json::to_value(&event).expect("plain fields serialise");
        assert!(plain.get("traceparent").is_none() && plain.get("trace").is_none());
        let read: Event = serde_json::from_value(plain).expect("an event without one is read");
        assert_eq!(read.trace, None);
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let traced = event.traced(TraceContext::of_headers(parent, ["a=1"]));
        let written = serde_json::to_value(&traced).expect("as above");
        assert_eq!(written["traceparent"], parent);
        assert_eq!(written["tracestate"], "a=1");
        let read: Event = serde_json::from_value(written).expect("it is read");
        assert_eq!(read, traced);
    }

    #[test]
    fn the_type_attribute_is_the_serialised_form() {
        for kind in [
            EventType::TaskCreated,
            EventType::TaskRestored,
            EventType::ProjectUpdated,
            EventType::ReminderSnoozed,
            EventType::ReminderDue,
            EventType::ReminderCancelled,
        ] {
            assert_eq!(
                serde_json::to_value(kind).expect("a unit variant serialises"),
                serde_json::json!(kind.as_str())
            );
        }
    }
}
