//! The digest: once on each local day, at a local time, what is due and what is overdue.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    recurrence::{Start, to_instant},
    task::Priority,
};

/// Most tasks of a kind that a digest names; of the others it tells the number.
pub const LISTED: usize = 50;

/// Names the digest of a user on a day: [`id`].
const NAMESPACE: &str = "digest";

/// When a digest comes: at a time of the day, by the clock of a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Daily {
    /// The time of the day.
    pub at: NaiveTime,
    /// The zone.
    pub zone: Tz,
}

/// What is to be done about a digest now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// The local day whose digest has to be made; none when it is too early, or that day has had its own.
    pub day: Option<NaiveDate>,
    /// When to look again, after now.
    pub next: DateTime<Utc>,
}

impl Daily {
    /// When the digest of a local day comes. A time that the clocks skip is later by what they skip; of
    /// one that they show twice it is the first.
    pub fn instant(&self, day: NaiveDate) -> DateTime<Utc> {
        to_instant(&Start::At(day.and_time(self.at)), self.zone)
    }

    /// The local day of an instant.
    pub fn day(&self, at: DateTime<Utc>) -> NaiveDate {
        at.with_timezone(&self.zone).date_naive()
    }

    /// What to do at `now`, when `last` is the latest day that has had its digest, in whatever zone that
    /// was. A day that is over without one gets none.
    pub fn turn(&self, last: NaiveDate, now: DateTime<Utc>) -> Turn {
        let today = self.day(now);
        let due = last < today && self.instant(today) <= now;
        let served = if due { today } else { last };
        let mut day = following(served).max(today);
        // Where a whole day is skipped, its digest would come with the next one's.
        while self.instant(day) <= now && day < NaiveDate::MAX {
            day = following(day);
        }
        Turn {
            day: due.then_some(today),
            next: self.instant(day),
        }
    }

    /// The latest day that counts as served for one who asks for a digest at `now`: today, when its time
    /// is over or it has had one; else yesterday.
    pub fn begin(&self, last: Option<NaiveDate>, now: DateTime<Utc>) -> NaiveDate {
        let today = self.day(now);
        let served = if self.instant(today) <= now {
            today
        } else {
            today.checked_sub_days(Days::new(1)).unwrap_or(today)
        };
        last.map_or(served, |last| last.max(served))
    }
}

fn following(day: NaiveDate) -> NaiveDate {
    day.checked_add_days(Days::new(1)).unwrap_or(NaiveDate::MAX)
}

/// The id of the digest of a user on a local day, always the same: what makes it once, and what its
/// deliveries' idempotency keys are made from.
pub fn id(owner: Uuid, day: NaiveDate) -> Uuid {
    Uuid::new_v5(&owner, format!("{NAMESPACE}.{day}").as_bytes())
}

/// What a digest says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Digest {
    /// The local day.
    pub day: NaiveDate,
    /// Open tasks that are due on that day.
    pub due: Part,
    /// Open tasks that were due before it.
    pub overdue: Part,
}

/// One part of a digest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    /// How many there are.
    pub count: u64,
    /// At most [`LISTED`] of them: the first due first, of those overdue the latest first.
    pub tasks: Vec<Item>,
}

/// A task of a digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    /// The task.
    pub id: Uuid,
    /// Its title.
    pub title: String,
    /// How much it matters.
    pub priority: Priority,
    /// When it is due, by the clock of the user's zone: `09:00` today, `2026-11-20` before; absent for
    /// all day today.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
}

impl Digest {
    /// Nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.due.count == 0 && self.overdue.count == 0
    }

    /// In one line.
    pub fn title(&self) -> String {
        let due = self.due.count;
        match (due, self.overdue.count) {
            (_, 0) => format!("Today: {due} due"),
            (0, overdue) => format!("Today: {overdue} overdue"),
            (_, overdue) => format!("Today: {due} due, {overdue} overdue"),
        }
    }

    /// Its parts that have something to tell, with their headings.
    pub fn parts(&self) -> impl Iterator<Item = (&'static str, &Part)> {
        [("Due today", &self.due), ("Overdue", &self.overdue)]
            .into_iter()
            .filter(|(_, part)| part.count > 0)
    }
}

#[cfg(test)]
#[path = "digest_tests.rs"]
mod tests;
