//! Reminders of a task, once it is known when the task is due.

use chrono::{DateTime, Days, NaiveDateTime, NaiveTime};
use chrono_tz::Tz;

use super::{
    day::When,
    refusal::Refusal,
    remind::Remind,
    schedule::{Schedule, times},
    words_for,
};
use crate::{
    recurrence::{Start, to_instant},
    task::{Due, MORNING, RemindAt, limits},
};

/// A reminder of a task, with what it was read as.
pub(super) fn alert(
    remind: &Remind,
    schedule: &Schedule,
    now: DateTime<Tz>,
) -> Result<(RemindAt, String), Refusal> {
    let anchor = schedule.due.map(anchor);
    match remind {
        Remind::WhenDue => before(0, anchor).map(|when| (when, "when it is due".into())),
        Remind::Before(length) => {
            let seconds = length.seconds();
            let reading = format!("{} before", words_for::length(seconds));
            before(seconds, anchor).map(|when| (when, reading))
        }
        Remind::DaysBefore(days, when) => {
            let anchor = anchor.ok_or(Refusal::NoDueDate)?;
            let time = time(when);
            let day = anchor.date().checked_sub_days(Days::new((*days).into()));
            let local = day.ok_or(Refusal::ReminderTooEarly)?.and_time(time);
            let seconds = (anchor - local).num_seconds();
            let length = words_for::length(i64::from(*days) * 86_400);
            let reading = format!("{length} before at {}", words_for::time(time));
            before(seconds, Some(anchor)).map(|when| (when, reading))
        }
        Remind::At(at) => {
            let local = at.with_timezone(&now.timezone()).naive_local();
            Ok((RemindAt::At { at: *at }, words_for::date_time(local)))
        }
        Remind::On(when) => on(when, anchor, schedule.recurrence.is_some(), now),
    }
}

/// Where the reminders of a task count from.
fn anchor(due: Due) -> NaiveDateTime {
    match due {
        Due::At { date_time, .. } => date_time,
        Due::On { date } => date.and_time(MORNING),
    }
}

fn before(before_seconds: i64, anchor: Option<NaiveDateTime>) -> Result<RemindAt, Refusal> {
    if anchor.is_none() {
        return Err(Refusal::NoDueDate);
    }
    if before_seconds > limits::BEFORE_SECONDS {
        return Err(Refusal::ReminderTooEarly);
    }
    Ok(RemindAt::Before { before_seconds })
}

/// The time of a reminder; without one the hour from which all-day tasks are reminded of.
fn time(when: &When) -> NaiveTime {
    let times = times(when, false);
    times.first().map_or(MORNING, |(time, _)| *time)
}

/// A reminder at a time: on its day, or on the day on which the task is due, or the next such time.
/// That of a task that repeats comes with each of its occurrences, unless it has a day.
fn on(
    when: &When,
    anchor: Option<NaiveDateTime>,
    repeats: bool,
    now: DateTime<Tz>,
) -> Result<(RemindAt, String), Refusal> {
    let time = time(when);
    let local = match (when.day, anchor) {
        (Some(day), _) => day.and_time(time),
        (None, Some(anchor)) => {
            let local = anchor.date().and_time(time);
            if repeats {
                return each(anchor, local);
            }
            local
        }
        (None, None) => {
            let today = now.date_naive().and_time(time);
            let passed = u64::from(today <= now.naive_local());
            today
                .checked_add_days(Days::new(passed))
                .ok_or(Refusal::Year)?
        }
    };
    let at = to_instant(&Start::At(local), now.timezone());
    Ok((RemindAt::At { at }, words_for::date_time(local)))
}

/// A reminder of each occurrence, at a time of its day.
fn each(anchor: NaiveDateTime, local: NaiveDateTime) -> Result<(RemindAt, String), Refusal> {
    let seconds = (anchor - local).num_seconds();
    if seconds < 0 {
        return Err(Refusal::ReminderAfterDue(words_for::time(anchor.time())));
    }
    let reading = format!("at {} on its day", words_for::time(local.time()));
    before(seconds, Some(anchor)).map(|when| (when, reading))
}
