//! All tasks as a file of to-dos, which we read again: what iCalendar does not say stands beside it.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, SubsecRound as _, Utc};
use chrono_tz::Tz;

use super::{Entry, Shape, is_utc, lines::Lines, note_zone, repeat, zone};
use crate::{
    task::{Due, RemindAt, Task},
    transfer::{Entry as FileEntry, Extra, ProjectEntry},
};

/// A file that is written piece by piece.
#[derive(Debug, Default)]
pub struct Todos {
    zones: BTreeMap<&'static str, (Tz, NaiveDate)>,
}

impl Todos {
    /// Its beginning.
    pub fn head() -> String {
        let mut lines = Lines::default();
        super::head(&mut lines);
        lines.text
    }

    /// A task with its project. `zone` is its owner's.
    ///
    /// # Errors
    /// Never: what of it is JSON has text for keys.
    pub fn task(
        &mut self,
        task: &Task,
        project: Option<&ProjectEntry>,
        zone: Tz,
        now: DateTime<Utc>,
    ) -> serde_json::Result<String> {
        let mut lines = Lines::default();
        if let Some(due) = &task.due {
            note_zone(&mut self.zones, due);
        }
        let entry = Entry {
            task,
            due: task.due.as_ref(),
            shape: Shape::ToDo,
            extra: Some(visible(&serde_json::to_string(&extra(task, project))?)),
        };
        match repeat::of(task, zone, now) {
            // What no rule says stands in the extra alone: occurrences one by one would be tasks of their own.
            repeat::Repeat::By(rule) if task.completed_at.is_none() => {
                entry.write(&mut lines, None, Some(&rule));
            }
            _ => entry.write(&mut lines, None, None),
        }
        Ok(lines.text)
    }

    /// Its end.
    pub fn tail(self, now: DateTime<Utc>) -> String {
        let mut lines = Lines::default();
        for (zone, first) in self.zones.into_values() {
            zone::write(&mut lines, zone, first, now);
        }
        lines.end("VCALENDAR");
        lines.text
    }
}

/// What iCalendar does not say, or not to the letter.
fn extra(task: &Task, project: Option<&ProjectEntry>) -> Extra {
    let is_whole = |at: DateTime<Utc>| at.trunc_subsecs(0) == at;
    let entry = FileEntry::of(task.clone(), None);
    let is_plain = |letter: char| !letter.is_control() || letter == '\n' || letter == '\t';
    let lossy = entry.reminders.iter().any(|when| match when {
        RemindAt::At { at } => !is_whole(*at),
        RemindAt::Before { .. } => task.due.is_none(),
    });
    Extra {
        project: project.cloned(),
        time_zone: match task.due {
            Some(Due::At { time_zone, .. }) if is_utc(time_zone) && time_zone != Tz::UTC => {
                Some(time_zone)
            }
            _ => None,
        },
        description: (!entry.description.chars().all(is_plain)).then_some(entry.description),
        recurrence: entry.recurrence,
        series: entry.series,
        occurrence: entry.occurrence,
        following: entry.following,
        reminders: if lossy { entry.reminders } else { Vec::new() },
        completed_at: entry.completed_at.filter(|at| !is_whole(*at)),
        created_at: entry.created_at.filter(|at| !is_whole(*at)),
    }
}

/// JSON without the control characters that it may have in its texts: iCalendar has none.
fn visible(json: &str) -> String {
    let mut visible = String::with_capacity(json.len());
    for letter in json.chars() {
        if letter.is_control() {
            // The longest of them is U+009F.
            visible.push_str(&format!("\\u{:04x}", u32::from(letter)));
        } else {
            visible.push(letter);
        }
    }
    visible
}
