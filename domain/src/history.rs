//! What happened to a reminder, and why: its ledger, put together from what was recorded of it.

mod summary;

pub use summary::human;

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::reminder::Phase;

/// What is recorded of a reminder.
#[derive(Debug, Clone, PartialEq)]
pub struct Records {
    /// Its row.
    pub reminder: Row,
    /// Its firings.
    pub firings: Vec<Firing>,
    /// Their deliveries.
    pub deliveries: Vec<Delivery>,
    /// Its events as the trail has them, oldest first.
    pub trail: Vec<Told>,
    /// What happened to its task, oldest first.
    pub task: Vec<TaskTold>,
}

/// A reminder's row.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its id.
    pub id: Uuid,
    /// A `ReminderJob` asked for it.
    pub of_object: bool,
    /// Where it stands.
    pub phase: Phase,
    /// Its occurrence.
    pub occurrence: i32,
    /// Its generation.
    pub generation: i64,
    /// When it fires, or fired.
    pub fire_at: DateTime<Utc>,
    /// Held back.
    pub suspended: bool,
    /// When it was over.
    pub finished_at: Option<DateTime<Utc>>,
    /// Why it failed or was missed.
    pub reason: Option<String>,
}

/// A claimed firing.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Firing {
    /// Which.
    pub occurrence: i32,
    /// Of which generation.
    pub generation: i64,
    /// When.
    pub fired_at: DateTime<Utc>,
    /// How late, in milliseconds.
    pub lateness_ms: i64,
    /// `alarm` or `sweep`.
    pub path: String,
}

/// One channel's part in a firing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// Of which firing.
    #[serde(skip_serializing)]
    pub occurrence: i32,
    /// The channel's key, see [`crate::reminder::Channel::key`].
    pub channel: String,
    /// `Pending`, `Delivered` or `Failed`.
    pub state: String,
    /// Attempts so far.
    pub attempts: i32,
    /// Why the last attempt that failed did. Never holds a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// When the channel took it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<DateTime<Utc>>,
    /// While it is `Pending`: when it is tried next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_attempt_at: Option<DateTime<Utc>>,
}

/// An event about the reminder, as the trail has it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    /// Such as `reminder.scheduled`.
    #[serde(rename = "type")]
    pub kind: String,
    /// When it happened.
    pub time: DateTime<Utc>,
    /// The occurrence that it speaks of.
    pub occurrence: i32,
    /// The generation that it speaks of.
    pub generation: i64,
    /// When the reminder was to fire then.
    pub fire_at: DateTime<Utc>,
    /// Why.
    #[serde(default)]
    pub reason: Option<String>,
}

/// An event about the reminder's task.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct TaskTold {
    /// Such as `task.completed`.
    #[serde(rename = "type")]
    pub kind: String,
    /// When it happened.
    pub time: DateTime<Utc>,
}

/// The ledger of a reminder.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct History {
    /// The reminder.
    pub id: Uuid,
    /// Where it stands.
    pub phase: Phase,
    /// What became of it, in a sentence.
    pub summary: String,
    /// Each time that it was to fire, the first first; one more with each snooze.
    pub occurrences: Vec<Occurrence>,
    /// What was done to it and what it did, oldest first, as far as the trail has it: that follows
    /// within moments.
    pub events: Vec<Happening>,
}

/// One time that a reminder was to fire.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Occurrence {
    /// Its number, from 0.
    pub occurrence: i32,
    /// When it was to fire, after all edits.
    pub planned_at: DateTime<Utc>,
    /// The generations that are known: one more with each edit of its time.
    pub generations: Vec<i64>,
    /// When its alarm was set last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alarm_set_at: Option<DateTime<Utc>>,
    /// When it fired.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fired_at: Option<DateTime<Utc>>,
    /// How late that was, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lateness_ms: Option<i64>,
    /// What made it fire: `alarm`, or `sweep` when that was faster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Why it failed or was missed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Per channel.
    pub deliveries: Vec<Delivery>,
}

/// Something that happened to a reminder.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Happening {
    /// When.
    pub at: DateTime<Utc>,
    /// The event's type, such as `reminder.snoozed`; `reminder.stale` is an alarm that was set before
    /// an edit, rang, and did nothing.
    #[serde(rename = "type")]
    pub kind: String,
    /// The occurrence that it belongs to.
    pub occurrence: i32,
    /// The generation that it belongs to.
    pub generation: i64,
    /// When the reminder was to fire from then on.
    pub fire_at: DateTime<Utc>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

impl From<Records> for History {
    fn from(records: Records) -> Self {
        let mut numbers: BTreeSet<i32> = records.firings.iter().map(|one| one.occurrence).collect();
        numbers.extend(records.deliveries.iter().map(|one| one.occurrence));
        numbers.extend(records.trail.iter().map(|one| one.occurrence));
        numbers.insert(records.reminder.occurrence);
        let occurrences: Vec<Occurrence> = numbers
            .into_iter()
            .filter_map(|number| occurrence(&records, number))
            .collect();
        let events: Vec<Happening> = records
            .trail
            .iter()
            .enumerate()
            .map(|(place, told)| Happening {
                at: told.time,
                kind: told.kind.clone(),
                occurrence: told.occurrence,
                generation: told.generation,
                fire_at: told.fire_at,
                cause: cause(&records, place),
            })
            .collect();
        let row = &records.reminder;
        Self {
            id: row.id,
            phase: row.phase,
            summary: summary::of(row, &occurrences, &events),
            occurrences,
            events,
        }
    }
}

fn occurrence(records: &Records, number: i32) -> Option<Occurrence> {
    let row = &records.reminder;
    let is_current = row.occurrence == number;
    let firing = records.firings.iter().find(|one| one.occurrence == number);
    let told = || records.trail.iter().filter(|one| one.occurrence == number);
    let mut generations: BTreeSet<i64> = told().map(|one| one.generation).collect();
    generations.extend(firing.map(|one| one.generation));
    generations.extend(is_current.then_some(row.generation));
    let planned_at = if is_current {
        row.fire_at
    } else {
        let newest = told()
            .filter(|one| one.kind != "reminder.stale")
            .max_by_key(|one| one.generation)
            .map(|one| one.fire_at);
        newest
            .or_else(|| firing.map(|one| one.fired_at - Duration::milliseconds(one.lateness_ms)))?
    };
    Some(Occurrence {
        occurrence: number,
        planned_at,
        generations: generations.into_iter().collect(),
        alarm_set_at: told()
            .filter(|one| one.kind == "reminder.scheduled")
            .map(|one| one.time)
            .max(),
        fired_at: firing.map(|one| one.fired_at),
        lateness_ms: firing.map(|one| one.lateness_ms),
        path: firing.map(|one| one.path.clone()),
        reason: if is_current {
            row.reason.clone()
        } else {
            told()
                .filter(|one| one.kind == "reminder.failed")
                .find_map(|one| one.reason.clone())
        },
        deliveries: records
            .deliveries
            .iter()
            .filter(|one| one.occurrence == number)
            .cloned()
            .collect(),
    })
}

/// Why the event at `place` in the trail happened.
fn cause(records: &Records, place: usize) -> Option<String> {
    let told = &records.trail[place];
    if told.reason.is_some() {
        return told.reason.clone();
    }
    let of_object = records.reminder.of_object;
    match told.kind.as_str() {
        "reminder.cancelled" => {
            // Written in one transaction, at one time.
            let with = records.task.iter().find(|one| one.time == told.time);
            Some(match with.map(|one| one.kind.as_str()) {
                Some("task.completed") => "its task was completed".into(),
                Some("task.deleted") => "its task was deleted".into(),
                Some(_) => "its task was written without it, or with a time that had passed".into(),
                None if of_object => "its ReminderJob was deleted".into(),
                None => return None,
            })
        }
        "reminder.scheduled" if told.generation > 1 => {
            let before = records.trail[..place].iter().rev();
            let mut of_this = before.filter(|one| one.kind != "reminder.stale");
            let last = of_this.next();
            if last.is_some_and(|one| {
                one.generation == told.generation && one.kind == "reminder.snoozed"
            }) {
                return Some("it was snoozed".into());
            }
            let since = last.map(|one| one.time);
            let task = records.task.iter().rev().find(|one| {
                one.time <= told.time
                    && since.is_none_or(|since| one.time >= since)
                    && one.kind != "task.created"
            });
            match task.map(|one| one.kind.as_str()) {
                Some("task.restored") => Some("its task is open again".into()),
                Some(_) => Some("its task was edited".into()),
                None if of_object => Some("its ReminderJob was edited".into()),
                None => None,
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
