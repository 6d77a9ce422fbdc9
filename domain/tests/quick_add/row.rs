//! What a line was read as, in one row: `title | due | recurrence | priority | tags | project |
//! reminders`, or `refused | place | why`. Empty cells at the end are left out.

use chrono::{DateTime, NaiveDateTime};
use chrono_tz::Tz;
use domain::{
    quick_add::{QuickAdd, QuickAddError, parse},
    recurrence::{Basis, RuleSpec, SeriesSpec},
    task::{Due, RemindAt},
};

use super::ZONE;

/// The cells of a line.
pub(super) fn cells(line: &str, now: DateTime<Tz>) -> Vec<String> {
    match parse(line, now) {
        Ok(task) => read(&task),
        Err(error) => refused(line, &error),
    }
}

/// The row of a line.
pub(super) fn row(line: &str, now: DateTime<Tz>) -> String {
    let mut cells = cells(line, now);
    while cells.last().is_some_and(String::is_empty) {
        cells.pop();
    }
    cells.join(" | ")
}

fn read(task: &QuickAdd) -> Vec<String> {
    let reminders: Vec<String> = task.reminders.iter().map(reminder).collect();
    vec![
        task.title.clone(),
        task.due.as_ref().map(due).unwrap_or_default(),
        task.recurrence.as_ref().map(rule).unwrap_or_default(),
        task.priority
            .map(|p| format!("P{}", p.number()))
            .unwrap_or_default(),
        task.tags.join(", "),
        task.project.clone().unwrap_or_default(),
        reminders.join(", "),
    ]
}

fn refused(line: &str, error: &QuickAddError) -> Vec<String> {
    let place = error.span.of(line).unwrap_or("(no place)");
    vec!["refused".into(), place.into(), error.to_string()]
}

fn due(due: &Due) -> String {
    match due {
        Due::On { date } => date.to_string(),
        Due::At {
            date_time,
            time_zone,
        } => {
            assert_eq!(*time_zone, ZONE);
            clock(*date_time)
        }
    }
}

fn clock(at: NaiveDateTime) -> String {
    at.format("%Y-%m-%d %H:%M").to_string()
}

fn rule(spec: &SeriesSpec) -> String {
    let RuleSpec::Rrule(rule) = &spec.rule else {
        panic!("quick add writes RRULE, not {:?}", spec.rule);
    };
    let basis = match spec.basis {
        Basis::DueDate => "",
        Basis::Completion => " from completion",
    };
    format!("{}{basis}", rule.trim_start_matches("FREQ="))
}

/// `-1d`, `-1h30m`, `-0`, or the local time.
fn reminder(reminder: &RemindAt) -> String {
    match reminder {
        RemindAt::At { at } => clock(at.with_timezone(&ZONE).naive_local()),
        RemindAt::Before { before_seconds: 0 } => "-0".into(),
        RemindAt::Before { before_seconds } => {
            let minutes = before_seconds / 60;
            let units = [
                (minutes / 1440, "d"),
                (minutes / 60 % 24, "h"),
                (minutes % 60, "m"),
            ];
            let words = units.iter().filter(|(n, _)| *n > 0);
            let words: String = words.map(|(n, unit)| format!("{n}{unit}")).collect();
            format!("-{words}")
        }
    }
}
