//! A series in words, with what the next change of clocks does to it.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{
    Basis, Series,
    calendar::{DAY, LAST, civil, reading},
    lowered::Lowered,
    subdaily::MOST_STEPS,
    words,
};

/// How far ahead a change of clocks is told of: those that come each year are found.
const AHEAD: i64 = 400 * DAY;

/// What the next change of clocks does to a series.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClockChange {
    /// When the clocks change.
    pub at: DateTime<Utc>,
    /// Seconds by which they go forward; negative: back.
    pub seconds: i64,
    /// In words, such as "clocks there go forward by 1 h on 28 March 2027: 02:30 does not exist that day, it
    /// comes at 03:30".
    pub text: String,
}

impl Series {
    /// The series in words, such as "every month on the last Friday at 09:00, Europe/Berlin;
    /// clocks there go forward by 1 h on 28 March 2027: it stays at the same time of day, 1 h
    /// earlier in UTC".
    pub fn describe(&self, now: DateTime<Utc>) -> String {
        let mut text = self.in_words();
        if let Some(change) = self.next_clock_change(now) {
            text += "; ";
            text += &change.text;
        }
        text
    }

    /// The series in words, such as "every month on the last Friday at 09:00, Europe/Berlin".
    pub fn in_words(&self) -> String {
        let spec = &self.spec;
        let mut text = self.rules_in_words();
        text += &format!(", {}", self.zone().name());
        if spec.time_zone.is_none() {
            text += " (the user's zone)";
        }
        if spec.basis == Basis::Completion {
            text += ", counted from the day of completion";
        }
        text
    }

    /// Its rules in words, such as "every month on the last Friday at 09:00".
    pub fn rules_in_words(&self) -> String {
        let (start, month_end) = (self.spec.start, self.spec.month_end);
        let rules: Vec<String> = self
            .rules()
            .map(|rule| words::rule(rule, start, month_end))
            .collect();
        rules.join(", or ")
    }

    /// What happens at the next change of clocks; nothing when none comes within 400 days while the series
    /// runs.
    pub fn next_clock_change(&self, now: DateTime<Utc>) -> Option<ClockChange> {
        if self.spec.start.is_all_day() {
            return None;
        }
        let now = now
            .timestamp()
            .min(LAST)
            .max(civil(self.spec.start.date_time()) - DAY);
        let (at, before, after) = self.zone.transition(now, now + AHEAD)?;
        self.from(at)?;
        Some(ClockChange {
            at: DateTime::from_timestamp(at, 0)?,
            seconds: after - before,
            text: self.at_change(at, before, after),
        })
    }

    /// What happens where the offset becomes `after`.
    fn at_change(&self, at: i64, before: i64, after: i64) -> String {
        let shift = after - before;
        let date = words::day(reading(at + before).date());
        let size = words::length(shift.abs());
        let direction = if shift > 0 { "forward" } else { "back" };
        let mut text = format!("clocks there go {direction} by {size} on {date}: ");
        if self.rules().any(|rule| rule.freq.is_finer_than_daily()) {
            text += "it goes on in absolute time, so that nothing is lost or repeated";
            return text;
        }
        let from = at + before.min(after);
        let to = at + before.max(after);
        let next = |rule: &Lowered| rule.next(from, &mut { MOST_STEPS });
        let hit = self.rules.iter().filter_map(next).min();
        if let Some(hit) = hit.filter(|hit| *hit < to) {
            let time = words::time(hit.rem_euclid(DAY));
            text += &if shift > 0 {
                let moved = words::time((hit + shift).rem_euclid(DAY));
                format!("{time} does not exist that day, it comes at {moved}")
            } else {
                format!("{time} comes twice that day, the first one counts")
            };
        } else {
            let shifted = if shift > 0 { "earlier" } else { "later" };
            text += &format!("it stays at the same time of day, {size} {shifted} in UTC");
        }
        text
    }
}
