//! A task as its owner sees it.

use chrono::{DateTime, Duration, NaiveDate, NaiveDateTime, NaiveTime, Timelike, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    position::Position,
    recurrence::{SeriesSpec, Start, to_instant},
    reminder::Channel,
};

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
    /// Levels of subtasks, the task at the top included.
    pub const LEVELS: usize = 5;
    /// Open subtasks of a task at the top, those of all levels together.
    pub const SUBTASKS: usize = 200;
    /// Largest page of a list.
    pub const PAGE: u32 = 200;
    /// Seconds that a reminder may come before its task is due: 366 days.
    pub const BEFORE_SECONDS: i64 = 366 * 24 * 3600;
    /// Years that a date may lie in. One short of 9999, so that the instant has a four-digit year
    /// in every zone and every client can parse it.
    pub const YEARS: std::ops::RangeInclusive<i32> = 1970..=9998;
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

impl Due {
    /// The day it is due on, in its own zone.
    pub fn date(&self) -> NaiveDate {
        match self {
            Self::At { date_time, .. } => date_time.date(),
            Self::On { date } => *date,
        }
    }
}

/// Hour from which the reminders of an all-day task count, in its owner's zone.
const ALL_DAY_HOUR: u32 = 9;

/// The instant at which a local time happens in a zone (RFC 5545 §3.3.5): a time that the clock
/// skips is moved forward by the gap, of a time that happens twice the first is meant.
pub(crate) fn instant(local: NaiveDateTime, zone: Tz) -> DateTime<Utc> {
    // Nanosecond 1 would mean the second of two.
    let local = local.with_nanosecond(0).unwrap_or(local);
    to_instant(&Start::At(local), zone)
}

/// The instant at which something is due. All day means until the last second of that day in its
/// owner's zone, so that it is not overdue before the day is over.
pub fn due_at(due: &Due, owner_zone: Tz) -> DateTime<Utc> {
    match due {
        Due::At {
            date_time,
            time_zone,
        } => instant(*date_time, *time_zone),
        Due::On { date } => instant(date.and_time(LAST_SECOND), owner_zone),
    }
}

/// The last second of a day.
const LAST_SECOND: NaiveTime = match NaiveTime::from_hms_opt(23, 59, 59) {
    Some(time) => time,
    None => NaiveTime::MIN,
};

/// When the reminders of an all-day task count from.
pub(crate) const MORNING: NaiveTime = match NaiveTime::from_hms_opt(ALL_DAY_HOUR, 0, 0) {
    Some(time) => time,
    None => NaiveTime::MIN,
};

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

impl RemindAt {
    /// The instant at which it fires; none when it counts from a due date that is not there.
    pub fn fire_at(&self, due: Option<&Due>, owner_zone: Tz) -> Option<DateTime<Utc>> {
        match *self {
            Self::At { at } => Some(at),
            Self::Before { before_seconds } => {
                let from = match due? {
                    Due::At {
                        date_time,
                        time_zone,
                    } => instant(*date_time, *time_zone),
                    Due::On { date } => instant(date.and_time(MORNING), owner_zone),
                };
                from.checked_sub_signed(Duration::try_seconds(before_seconds)?)
            }
        }
    }
}

/// A reminder as its owner writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", try_from = "Fields")]
pub struct ReminderSpec {
    /// When it fires.
    #[serde(flatten)]
    pub when: RemindAt,
    /// Where it goes; empty: the owner's default channels.
    #[serde(default)]
    pub channels: Vec<Channel>,
}

/// The fields of a [`ReminderSpec`]: read at once, where `flatten` and `untagged` would keep a copy of each
/// value to try it, fifty times for a page of a list.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    at: Option<DateTime<Utc>>,
    before_seconds: Option<i64>,
    #[serde(default)]
    channels: Vec<Channel>,
}

impl TryFrom<Fields> for ReminderSpec {
    type Error = &'static str;

    fn try_from(fields: Fields) -> Result<Self, Self::Error> {
        let when = match (fields.at, fields.before_seconds) {
            (Some(at), _) => RemindAt::At { at },
            (None, Some(before_seconds)) => RemindAt::Before { before_seconds },
            (None, None) => return Err("a reminder has `at` or `beforeSeconds`"),
        };
        Ok(Self {
            when,
            channels: fields.channels,
        })
    }
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
    /// The project that it belongs to, which is its parent's; none: the inbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<Uuid>,
    /// The task that it is a subtask of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Uuid>,
    /// Where it stands among the tasks of its project and parent. Events from before there was any lack it.
    #[serde(default)]
    pub position: Position,
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
    /// What the next instance says, where this one was edited alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub following: Option<Following>,
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

/// What the instances of a series say from the next one on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Following {
    /// See [`Task::title`].
    pub title: String,
    /// See [`Task::description`].
    pub description: String,
    /// See [`Task::priority`].
    pub priority: Priority,
    /// See [`Task::tags`].
    pub tags: Vec<String>,
    /// See [`Task::reminders`].
    pub reminders: Vec<ReminderSpec>,
}

impl Following {
    /// What the instances after `task` say as long as it is not edited alone.
    pub fn of(task: &Task) -> Self {
        Self {
            title: task.title.clone(),
            description: task.description.clone(),
            priority: task.priority,
            tags: task.tags.clone(),
            reminders: task.reminders.clone(),
        }
    }

    /// The same with what an edit of `task` to `edited` changed, which holds for all that follow.
    #[must_use]
    pub fn edited(mut self, task: &Self, edited: &Self) -> Self {
        fn take<T: Clone + PartialEq>(own: &mut T, before: &T, after: &T) {
            if before != after {
                own.clone_from(after);
            }
        }
        take(&mut self.title, &task.title, &edited.title);
        take(
            &mut self.description,
            &task.description,
            &edited.description,
        );
        take(&mut self.priority, &task.priority, &edited.priority);
        take(&mut self.tags, &task.tags, &edited.tags);
        take(&mut self.reminders, &task.reminders, &edited.reminders);
        self
    }
}

impl Task {
    /// An open task that says nothing but its title.
    pub fn new(id: Uuid, owner: Uuid, title: impl Into<String>, now: DateTime<Utc>) -> Self {
        Self {
            id,
            owner,
            title: title.into(),
            description: String::new(),
            priority: Priority::default(),
            tags: Vec::new(),
            project: None,
            parent: None,
            position: Position::last(now, id),
            due: None,
            due_at: None,
            recurrence: None,
            series: None,
            occurrence: None,
            following: None,
            reminders: Vec::new(),
            completed_at: None,
            created_at: now,
            updated_at: now,
            version: 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(text: &str) -> NaiveDateTime {
        text.parse().unwrap()
    }

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn at(text: &str, time_zone: Tz) -> Due {
        Due::At {
            date_time: local(text),
            time_zone,
        }
    }

    #[test]
    fn a_skipped_local_time_moves_forward_by_the_gap() {
        let zone = chrono_tz::Europe::Berlin;
        assert_eq!(
            due_at(&at("2026-03-29T02:30:00", zone), Tz::UTC),
            utc("2026-03-29T01:30:00Z") // 03:30 CEST
        );
        let zone = chrono_tz::America::Santiago;
        assert_eq!(
            due_at(&at("2026-09-06T00:00:00", zone), Tz::UTC),
            utc("2026-09-06T04:00:00Z") // 01:00 -03
        );
    }

    #[test]
    fn a_day_that_a_zone_skipped_is_the_day_after() {
        let zone = chrono_tz::Pacific::Apia;
        assert_eq!(
            instant(local("2011-12-30T12:00:00"), zone),
            instant(local("2011-12-31T12:00:00"), zone)
        );
    }

    #[test]
    fn of_a_local_time_that_happens_twice_the_first_is_meant() {
        let zone = chrono_tz::America::New_York;
        assert_eq!(
            due_at(&at("2026-11-01T01:30:00", zone), Tz::UTC),
            utc("2026-11-01T05:30:00Z")
        );
    }

    #[test]
    fn all_day_ends_with_the_day_in_the_owners_zone() {
        let due = Due::On {
            date: "2026-11-30".parse().unwrap(),
        };
        assert_eq!(
            due_at(&due, chrono_tz::Asia::Tokyo),
            utc("2026-11-30T14:59:59Z")
        );
        assert_eq!(
            due_at(&due, chrono_tz::America::Los_Angeles),
            utc("2026-12-01T07:59:59Z")
        );
    }

    #[test]
    fn an_all_day_reminder_counts_from_nine_in_the_owners_zone() {
        let due = Due::On {
            date: "2026-11-30".parse().unwrap(),
        };
        let hour_before = RemindAt::Before {
            before_seconds: 3600,
        };
        assert_eq!(
            hour_before.fire_at(Some(&due), chrono_tz::Asia::Tokyo),
            Some(utc("2026-11-29T23:00:00Z"))
        );
    }

    #[test]
    fn a_reminder_is_read_as_it_is_written() {
        for text in [
            r#"{"at":"2026-11-30T09:00:00Z","channels":[]}"#,
            r#"{"beforeSeconds":3600,"channels":[{"type":"webhook"}]}"#,
        ] {
            let spec: ReminderSpec = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&spec).unwrap(), text);
        }
        let neither = serde_json::from_str::<ReminderSpec>(r#"{"channels":[]}"#);
        assert!(neither.unwrap_err().to_string().contains("beforeSeconds"));
    }

    #[test]
    fn a_reminder_before_nothing_never_fires() {
        let before = RemindAt::Before { before_seconds: 0 };
        assert_eq!(before.fire_at(None, Tz::UTC), None);
        let due = at("2026-11-30T09:00:00", Tz::UTC);
        let absurd = RemindAt::Before {
            before_seconds: i64::MAX,
        };
        assert_eq!(absurd.fire_at(Some(&due), Tz::UTC), None);
    }

    #[test]
    fn the_furthest_dates_that_are_accepted_have_instants_of_four_digit_years() {
        use chrono::Datelike;
        for zone in [chrono_tz::Etc::GMTMinus14, chrono_tz::Etc::GMTPlus12] {
            for year in [*limits::YEARS.start(), *limits::YEARS.end()] {
                for local in [
                    format!("{year}-01-01T00:00:00"),
                    format!("{year}-12-31T23:59:59"),
                ] {
                    let found = due_at(&at(&local, zone), Tz::UTC).year();
                    assert!((1000..=9999).contains(&found), "{local} {zone}: {found}");
                }
            }
        }
    }
}
