//! Calendars (RFC 5545): to-dos and events are read as tasks.
//!
//! By a reader of our own, for each line of the file is to be told by its number, and one that is broken must
//! not end the reading, nor be passed over without a word. Of the crates that read calendars (as of November
//! 2026, by their sources) `calcard` 0.3 knows no lines, and passes over what is broken or ends there;
//! `icalendar` 0.17 and `ezcal` 0.3 give up the file at the first broken line, the former by a parser that
//! calls itself for each level of the file; `ical` 0.11 tells the line of an error but not that of a property,
//! and cuts blanks off the ends of folded lines and colons off the beginnings of values; `ical-rs` 0.6 can be
//! asked for line after line, but is some weeks old and breaks its interface with most of its releases. Rules are
//! not read here: that is [`crate::recurrence`]'s. The tests hold this reader to `calcard`.

mod component;
mod content;
mod times;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

pub(crate) use self::component::Extra;
use self::{
    component::Component,
    content::{lines, property},
};
use super::{File, Unreadable, quoted};

/// What an entry is that comes of a component.
const TASKS: [&str; 2] = ["VTODO", "VEVENT"];

/// Reads a calendar of a user in `zone`, who sees it at `now`.
///
/// # Errors
/// Where it is none, or too long.
pub fn read(text: &str, zone: Tz, now: DateTime<Utc>) -> Result<File, Unreadable> {
    let mut file = File::default();
    let (components, zones) = components(text, &mut file)?;
    let clock = times::Clock { zone, zones, now };
    let mut projects = HashMap::new();
    for component in components {
        let line = component.line;
        match component.entry(&clock) {
            Ok(read) => {
                let mut entry = read.entry;
                let project = read.project;
                entry.project = project.map(|project| file.project(&mut projects, project));
                file.take(line, entry)?;
                for note in read.notes {
                    file.note(line, note);
                }
            }
            Err(why) => file.refuse(line, why),
        }
    }
    Ok(file)
}

/// The to-dos and events of a calendar, and the names of the zones that it describes.
fn components(
    text: &str,
    file: &mut File,
) -> Result<(Vec<Component>, HashMap<String, Tz>), Unreadable> {
    let lines = lines(text);
    let is_calendar = lines
        .first()
        .is_some_and(|(_, line)| line.trim_end().eq_ignore_ascii_case("BEGIN:VCALENDAR"));
    if !is_calendar {
        return Err(Unreadable(
            "is no calendar: it does not begin with BEGIN:VCALENDAR".into(),
        ));
    }
    let mut found: Vec<Component> = Vec::new();
    let mut zones = HashMap::new();
    // The components that the line stands in.
    let mut within: Vec<String> = Vec::new();
    let (mut open, mut id_of_zone) = (None::<Component>, String::new());
    let last = lines.last().map_or(0, |(number, _)| *number);
    for (number, line) in lines {
        let Some(read) = property(&line) else {
            file.note(
                number,
                format!("{} is no line of a calendar", quoted(&line)),
            );
            continue;
        };
        let kind = read.value.trim().to_ascii_uppercase();
        match read.name.as_str() {
            "BEGIN" => {
                if TASKS.contains(&kind.as_str()) {
                    let new = Component::new(number, kind == "VEVENT");
                    if let Some(cut) = open.replace(new) {
                        file.refuse(cut.line, "has no END before the next one begins");
                    }
                } else if kind == "VALARM"
                    && let Some(component) = &mut open
                {
                    component.alarms.push(Vec::new());
                } else if kind == "VJOURNAL" {
                    file.refuse(number, "a journal is no task");
                }
                // Deeper than this nothing stands that we read.
                if within.len() < 8 {
                    within.push(kind);
                }
            }
            "END" => {
                if let Some(place) = within.iter().rposition(|name| *name == kind) {
                    within.truncate(place);
                }
                if TASKS.contains(&kind.as_str())
                    && let Some(component) = open.take()
                {
                    found.push(component);
                    if found.len() > super::TASKS {
                        return Err(Unreadable(format!(
                            "holds more than {} tasks",
                            super::TASKS
                        )));
                    }
                }
            }
            _ => match (within.last().map(String::as_str), &mut open) {
                (Some("VALARM"), Some(component)) => {
                    if let Some(alarm) = component.alarms.last_mut() {
                        alarm.push(read);
                    }
                }
                (Some("VTODO" | "VEVENT"), Some(component)) => component.properties.push(read),
                (Some("VTIMEZONE"), None) if read.name == "TZID" => {
                    id_of_zone = read.value.trim().to_owned();
                }
                (Some("VTIMEZONE"), None) if read.name == "X-LIC-LOCATION" => {
                    if let Ok(zone) = read.value.trim().parse() {
                        zones.insert(id_of_zone.clone(), zone);
                    }
                }
                _ => {}
            },
        }
    }
    if let Some(cut) = open {
        file.refuse(cut.line, "has no END: the file is cut off");
    } else if !within.is_empty() {
        file.note(
            last,
            "has no END:VCALENDAR behind it: the file may be cut off",
        );
    }
    Ok((found, zones))
}
