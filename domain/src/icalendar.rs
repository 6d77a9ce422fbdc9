//! Tasks as an iCalendar object (RFC 5545), for programs that subscribe to a calendar.

mod lines;
mod repeat;
mod todos;
mod zone;

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use uuid::Uuid;

use self::{
    lines::{Lines, date, date_time, instant},
    repeat::Repeat,
};
use crate::{
    recurrence::Start,
    task::{Due, Priority, RemindAt, Task},
};

pub use self::todos::Todos;

/// What a task is shown as.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Shape {
    /// An event at the time that it is due, which every calendar shows.
    #[default]
    Event,
    /// A to-do, for programs that know them.
    ToDo,
}

impl Shape {
    fn component(self) -> &'static str {
        match self {
            Self::Event => "VEVENT",
            Self::ToDo => "VTODO",
        }
    }
}

/// How often a calendar asks again, as we would like it (RFC 7986 §5.7).
const REFRESH: &str = "PT15M";

/// The calendar of a user's open `tasks`; those without a due date are left out. `zone` is their owner's.
///
/// A recurring task has an RRULE where the rule and its exceptions can be said by one; otherwise its next
/// occurrences stand there one by one, at most [`LISTED`] and no further than a year from `now`. What counts
/// from its completion has no next occurrence yet.
///
/// [`LISTED`]: repeat::LISTED
pub fn calendar(tasks: &[Task], shape: Shape, zone: Tz, now: DateTime<Utc>) -> String {
    let mut entries = Lines::default();
    let mut zones: BTreeMap<&str, (Tz, NaiveDate)> = BTreeMap::new();
    for task in tasks {
        let Some(due) = &task.due else { continue };
        note_zone(&mut zones, due);
        let entry = Entry {
            task,
            due: Some(due),
            shape,
            extra: None,
        };
        match repeat::of(task, zone, now) {
            Repeat::Never => entry.write(&mut entries, None, None),
            Repeat::By(rule) => entry.write(&mut entries, None, Some(&rule)),
            Repeat::Listed(occurrences) => {
                entry.write(&mut entries, None, None);
                for occurrence in occurrences {
                    entry.write(&mut entries, Some(occurrence), None);
                }
            }
        }
    }
    let mut lines = Lines::default();
    head(&mut lines);
    lines.plain("METHOD", "PUBLISH");
    // RFC 7986 §5.1, and what calendars knew before it.
    lines.plain("NAME", "Tasks");
    lines.plain("X-WR-CALNAME", "Tasks");
    lines.with("REFRESH-INTERVAL", &[("VALUE", "DURATION")], REFRESH);
    lines.plain("X-PUBLISHED-TTL", REFRESH);
    for (zone, first) in zones.into_values() {
        zone::write(&mut lines, zone, first, now);
    }
    lines.append(entries);
    lines.end("VCALENDAR");
    lines.text
}

fn head(lines: &mut Lines) {
    lines.begin("VCALENDAR");
    lines.plain("VERSION", "2.0");
    lines.plain("PRODID", "-//todostack//gateway//EN");
    lines.plain("CALSCALE", "GREGORIAN");
}

/// Notes the zone of `due`, and the first day on which it is needed.
fn note_zone(zones: &mut BTreeMap<&str, (Tz, NaiveDate)>, due: &Due) {
    if let Due::At { time_zone, .. } = due {
        let first = zones
            .entry(time_zone.name())
            .or_insert((*time_zone, due.date()));
        first.1 = first.1.min(due.date());
    }
}

/// One task, to be written for each of its occurrences that stands by itself.
struct Entry<'a> {
    task: &'a Task,
    due: Option<&'a Due>,
    shape: Shape,
    /// What iCalendar does not say, as JSON.
    extra: Option<String>,
}

impl Entry<'_> {
    /// Writes it; `at` another local time than the task's own.
    fn write(&self, lines: &mut Lines, at: Option<Start>, rule: Option<&repeat::Rule>) {
        let Task { id, title, .. } = self.task;
        let own = self.due.map(|due| match *due {
            Due::At { date_time, .. } => Start::At(date_time),
            Due::On { date } => Start::On(date),
        });
        lines.begin(self.shape.component());
        match at {
            None => lines.plain("UID", &format!("{id}@todostack")),
            Some(start) => {
                // As instances of a series get their ids.
                let id = Uuid::new_v5(id, start.to_string().as_bytes());
                lines.plain("UID", &format!("{id}@todostack"));
            }
        }
        lines.plain("DTSTAMP", &instant(self.task.updated_at));
        lines.plain("CREATED", &instant(self.task.created_at));
        lines.plain("LAST-MODIFIED", &instant(self.task.updated_at));
        lines.plain("SEQUENCE", &self.task.version.to_string());
        lines.text("SUMMARY", title);
        if !self.task.description.is_empty() {
            lines.text("DESCRIPTION", &self.task.description);
        }
        lines.texts("CATEGORIES", &self.task.tags);
        if let Some(priority) = priority(self.task.priority) {
            lines.plain("PRIORITY", priority);
        }
        if let Some(parent) = self.task.parent {
            lines.plain("RELATED-TO", &format!("{parent}@todostack"));
        }
        if let Some(start) = at.or(own) {
            self.times(lines, &start, rule.is_some());
        }
        self.status(lines);
        if let Some(rule) = rule {
            lines.plain("RRULE", &rule.text);
            for excluded in &rule.excluded {
                self.time(lines, "EXDATE", excluded);
            }
        }
        if let Some(extra) = &self.extra {
            lines.text("X-TODOSTACK", extra);
        }
        self.alarms(lines, at.is_none());
        lines.end(self.shape.component());
    }

    fn times(&self, lines: &mut Lines, start: &Start, repeats: bool) {
        match self.shape {
            // An event that takes no time leaves its owner free.
            Shape::Event => {
                self.time(lines, "DTSTART", start);
                lines.plain("TRANSP", "TRANSPARENT");
            }
            Shape::ToDo => {
                // A rule counts from DTSTART, which to-dos may do without otherwise.
                if repeats {
                    self.time(lines, "DTSTART", start);
                }
                self.time(lines, "DUE", start);
            }
        }
    }

    fn status(&self, lines: &mut Lines) {
        match (self.shape, self.task.completed_at) {
            (Shape::Event, _) => {}
            (Shape::ToDo, None) => lines.plain("STATUS", "NEEDS-ACTION"),
            (Shape::ToDo, Some(at)) => {
                lines.plain("STATUS", "COMPLETED");
                lines.plain("COMPLETED", &instant(at));
            }
        }
    }

    fn time(&self, lines: &mut Lines, name: &str, time: &Start) {
        match (time, self.due) {
            (Start::On(day), _) => lines.with(name, &[("VALUE", "DATE")], &date(*day)),
            (Start::At(at), Some(Due::At { time_zone, .. })) if is_utc(*time_zone) => {
                lines.plain(name, &format!("{}Z", date_time(*at)));
            }
            (Start::At(at), Some(Due::At { time_zone, .. })) => {
                lines.with(name, &[("TZID", time_zone.name())], &date_time(*at));
            }
            // A series with times has no instance that lasts all day.
            (Start::At(at), Some(Due::On { .. }) | None) => lines.plain(name, &date_time(*at)),
        }
    }

    /// Its reminders; those at an instant belong to the task's `own` time alone.
    fn alarms(&self, lines: &mut Lines, own: bool) {
        for reminder in &self.task.reminders {
            let trigger = match (reminder.when, self.due) {
                (RemindAt::At { at }, _) if own => (&[("VALUE", "DATE-TIME")][..], instant(at)),
                (RemindAt::At { .. }, _) => continue,
                (RemindAt::Before { .. }, None) => continue,
                (RemindAt::Before { before_seconds }, Some(due)) => {
                    // All day begins at midnight, and our reminders of it count from nine in the morning.
                    let from = match due {
                        Due::At { .. } => 0,
                        Due::On { .. } => 9 * 3600,
                    };
                    let related = match self.shape {
                        Shape::Event => &[][..],
                        Shape::ToDo => &[("RELATED", "END")][..],
                    };
                    (related, lines::duration(from - before_seconds))
                }
            };
            lines.begin("VALARM");
            lines.plain("ACTION", "DISPLAY");
            lines.text("DESCRIPTION", &self.task.title);
            lines.with("TRIGGER", trigger.0, &trigger.1);
            lines.end("VALARM");
        }
    }
}

fn is_utc(zone: Tz) -> bool {
    matches!(zone, Tz::UTC | Tz::Etc__UTC)
}

/// As RFC 5545 §3.8.1.9 has it: 1 the highest, 5 in the middle. What has none is left out.
fn priority(priority: Priority) -> Option<&'static str> {
    match priority {
        Priority::P1 => Some("1"),
        Priority::P2 => Some("3"),
        Priority::P3 => Some("5"),
        Priority::P4 => None,
    }
}

#[cfg(test)]
mod tests;
