//! What happened in a run, as four witnesses tell it: the client's own log of requests and answers,
//! Postgres, Kafka, and the receiver of the webhooks. Plain values; none of them is the services'.

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

/// An instant of this machine's clock.
pub type Time = DateTime<Utc>;

/// Everything that the checker reads.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// Writes by the API's clients; those of one task are in the order in which they were made.
    pub writes: Vec<Write>,
    /// What the receiver of webhooks was sent.
    pub posts: Vec<Post>,
    /// Table `tasks`.
    pub tasks: Vec<TaskRow>,
    /// Table `firings`.
    pub firings: Vec<Firing>,
    /// Reminders and deliveries that gave up, and dead letters, each with its reason.
    pub excuses: Vec<Excuse>,
    /// Table `outbox`, without the notices for devices.
    pub outbox: Vec<OutboxRow>,
    /// Table `audit`.
    pub audit: Vec<AuditLine>,
    /// The topics `task-events` and `reminders`, each partition in its own order.
    pub records: Vec<Record>,
    /// What was broken, in order of time.
    pub faults: Vec<Fault>,
    /// When the witnesses were asked: what was not due long before may still come.
    pub until: Time,
}

/// What a write asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Kind {
    /// A new task.
    Create,
    /// A new title, other reminders.
    Edit,
    /// A reminder again at another time.
    Snooze,
    /// Done.
    Complete,
    /// Gone.
    Delete,
}

/// One write as its client made it: the same request until it was answered.
#[derive(Debug, Clone, Serialize)]
pub struct Write {
    /// The task.
    pub task: Uuid,
    /// What was asked.
    pub kind: Kind,
    /// The title from then on.
    pub title: String,
    /// The times at which the task is to remind from then on.
    pub reminders: Vec<Time>,
    /// Channels that its owner has: each reminder goes to each of them.
    pub channels: Vec<String>,
    /// When the first attempt was sent.
    pub sent: Time,
    /// When the write was acknowledged, with the version of the task that the answer named. `None`:
    /// never; it may have happened or not.
    pub acknowledged: Option<Time>,
    /// Version of the task, as the acknowledgement said; a deletion is answered without.
    pub version: Option<i64>,
    /// Attempts, the acknowledged one included.
    pub attempts: u32,
}

/// One webhook as it came in.
#[derive(Debug, Clone, Serialize)]
pub struct Post {
    /// When it was all there.
    pub received: Time,
    /// The channel that it came by.
    pub channel: String,
    /// Header `webhook-id`.
    pub webhook_id: String,
    /// The signature was that of the channel's secret.
    pub signed: bool,
    /// It was answered with a 2xx.
    pub taken: bool,
    /// `data.taskId`.
    pub task: Uuid,
    /// `data.reminderId`.
    pub reminder: Uuid,
    /// `data.occurrence`.
    pub occurrence: i32,
    /// `data.fireAt`.
    pub fire_at: Time,
}

/// A task at the end.
#[derive(Debug, Clone)]
pub struct TaskRow {
    /// Its id.
    pub id: Uuid,
    /// Its title.
    pub title: String,
    /// Its version.
    pub version: i64,
    /// It is completed.
    pub completed: bool,
    /// It is deleted.
    pub deleted: bool,
}

/// A claim.
#[derive(Debug, Clone)]
pub struct Firing {
    /// The reminder.
    pub reminder: Uuid,
    /// Its occurrence.
    pub occurrence: i32,
    /// When it was claimed, by the clock of the service.
    pub fired_at: Time,
}

/// Why a reminder did not reach a channel.
#[derive(Debug, Clone)]
pub struct Excuse {
    /// The task.
    pub task: Uuid,
    /// The reminder's time.
    pub fire_at: Time,
    /// The channel; `None`: all of them.
    pub channel: Option<String>,
    /// In words.
    pub reason: String,
}

/// An event on its way to Kafka.
#[derive(Debug, Clone)]
pub struct OutboxRow {
    /// The event.
    pub event: Uuid,
    /// Its type.
    pub kind: String,
    /// The broker took it.
    pub published: bool,
}

/// A line of the trail.
#[derive(Debug, Clone)]
pub struct AuditLine {
    /// The event.
    pub event: Uuid,
    /// Its type.
    pub kind: String,
    /// The task.
    pub subject: String,
    /// `data.version` of an event about a task.
    pub version: Option<i64>,
}

/// A record of Kafka.
#[derive(Debug, Clone)]
pub struct Record {
    /// Its topic, without prefix.
    pub topic: String,
    /// Its partition.
    pub partition: i32,
    /// Its place in the partition.
    pub offset: i64,
    /// Its key.
    pub key: String,
    /// The event's id.
    pub event: Uuid,
    /// The event's type.
    pub kind: String,
    /// `data.version` of an event about a task.
    pub version: Option<i64>,
}

/// What was done to a part.
#[derive(Debug, Clone)]
pub struct Fault {
    /// Such as `kill relay`.
    pub name: String,
    /// When it began.
    pub began: Time,
    /// When its turn was over and the next one's began.
    pub over: Time,
    /// The most by which a reminder of its turn may be late.
    pub limit: chrono::TimeDelta,
    /// By how much it may be early: other than zero only where a clock was stepped.
    pub early: chrono::TimeDelta,
}
