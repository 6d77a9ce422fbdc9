//! The filter language: what is read and how it is written, what is refused and where, what dates mean,
//! which tasks are meant, and what holds for every filter.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod dates;
mod errors;
mod laws;
mod matching;
mod page;
mod syntax;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use domain::{
    filter::{Filter, Resolved, TaskFacts},
    task::{Due, Task, due_at},
};
use uuid::Uuid;

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn parse(text: &str) -> Filter {
    Filter::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// A Wednesday, 12:00 in Berlin.
fn now() -> DateTime<Utc> {
    utc("2026-12-02T11:00:00Z")
}

fn resolve(text: &str) -> Resolved {
    parse(text).resolve(Tz::Europe__Berlin, now())
}

/// An open task of a user in Berlin.
fn task(title: &str) -> Task {
    Task::new(Uuid::nil(), Uuid::nil(), title, utc("2026-11-01T08:00:00Z"))
}

/// The same, due all day (`2026-12-01`) or at a local time (`2026-12-01T09:00:00`).
fn due(when: &str) -> Task {
    let mut task = task("due");
    let zone = Tz::Europe__Berlin;
    let due = match when.parse() {
        Ok(date) => Due::On { date },
        Err(_) => Due::At {
            date_time: when.parse().unwrap(),
            time_zone: zone,
        },
    };
    task.due_at = Some(due_at(&due, zone));
    task.due = Some(due);
    task
}

fn matches(filter: &str, task: &Task) -> bool {
    resolve(filter).matches(&TaskFacts::from(task))
}
