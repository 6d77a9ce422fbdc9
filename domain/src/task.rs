//! A task as its owner sees it.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{recurrence::SeriesSpec, reminder::Channel};

/// Limits on what one task may hold; each is answered with a 4xx naming the field.
pub mod limits {
    /// Characters in a title.
    pub const TITLE: usize = 500;
    /// Characters in a description.
    pub const DESCRIPTION: usize = 20_000;
    /// Tags of a task.
    pub const TAGS: usize = 50;
    /// Characters in a tag.
    pub const TAG: usize = 64;
    /// Reminders of a task.
    pub const REMINDERS: usize = 20;
    /// Characters of a recurrence rule.
    pub const RULE: usize = 2_000;
    /// Largest page of a list.
    pub const PAGE: u32 = 200;
    /// Bytes of a request body.
    pub const BODY: usize = 256 * 1024;
}

/// How much a task matters; P1 matters most.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub enum Priority {
    /// Urgent.
    P1,
    /// High.
    P2,
    /// Medium.
    P3,
    /// Normal: what a task has when nothing is said.
    #[default]
    P4,
}

impl Priority {
    /// 1 to 4, as stored.
    pub fn number(self) -> i16 {
        match self {
            Self::P1 => 1,
            Self::P2 => 2,
            Self::P3 => 3,
            Self::P4 => 4,
        }
    }

    /// The priority of a stored number; anything unknown is P4.
    pub fn from_number(number: i16) -> Self {
        match number {
            1 => Self::P1,
            2 => Self::P2,
            3 => Self::P3,
            _ => Self::P4,
        }
    }
}

/// When a task is due: a day, or a wall-clock time in a zone.
///
/// A day is never midnight UTC: it stays a date until somebody asks for an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Due {
    /// At a local time in a zone.
    At {
        /// Local wall-clock time, `2026-11-30T09:00:00`.
        #[serde(rename = "dateTime")]
        date_time: NaiveDateTime,
        /// IANA zone.
        #[serde(rename = "timeZone")]
        time_zone: Tz,
    },
    /// All day.
    On {
        /// `2026-11-30`.
        date: NaiveDate,
    },
}

/// When a reminder of a task fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RemindAt {
    /// At a fixed instant.
    At {
        /// RFC 3339.
        at: DateTime<Utc>,
    },
    /// Before the task is due; an all-day task counts from 09:00 in its owner's zone.
    Before {
        /// Seconds before the due time, 0 for at the time itself.
        #[serde(rename = "beforeSeconds")]
        before_seconds: i64,
    },
}

/// A reminder as its owner writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReminderSpec {
    /// When it fires.
    #[serde(flatten)]
    pub when: RemindAt,
    /// Where it goes; empty: the owner's default channels.
    #[serde(default)]
    pub channels: Vec<Channel>,
}

/// A task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    /// Its id. An instance of a series has a UUIDv5 of the series and its original occurrence.
    pub id: Uuid,
    /// Whose it is.
    pub owner: Uuid,
    /// One line.
    pub title: String,
    /// Anything more.
    #[serde(default)]
    pub description: String,
    /// How much it matters.
    #[serde(default)]
    pub priority: Priority,
    /// Sorted, without duplicates.
    #[serde(default)]
    pub tags: Vec<String>,
    /// When it is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Due>,
    /// The instant of `due`: an all-day task is due at the end of the day in its owner's zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<DateTime<Utc>>,
    /// The rule that makes the next instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recurrence: Option<SeriesSpec>,
    /// The series that this is an instance of: the id of its first task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<Uuid>,
    /// Original local time of this instance in its series (RECURRENCE-ID, RFC 5545 §3.8.4.4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurrence: Option<String>,
    /// Its reminders.
    #[serde(default)]
    pub reminders: Vec<ReminderSpec>,
    /// When it was completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<DateTime<Utc>>,
    /// When it came to be.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// One more with every write; the `ETag` of the REST interface.
    pub version: i64,
}
