//! A to-do or an event as a task.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::{
    super::{Entry, Followed, ProjectEntry, quoted},
    content::Property,
    times::{Clock, Time, duration, time},
};
use crate::{
    recurrence::{Series, SeriesSpec, Start},
    task::{Due, Priority, RemindAt, due_at},
};

/// Seconds from the beginning of a day from which reminders of all-day tasks count.
const MORNING: i64 = 9 * 3600;

/// What iCalendar does not say of a task: the value of `X-TODOSTACK`, as JSON.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Extra {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) project: Option<ProjectEntry>,
    /// Of a time that is written in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) time_zone: Option<Tz>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) recurrence: Option<SeriesSpec>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) series: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) occurrence: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) following: Option<Followed>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) reminders: Vec<RemindAt>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) completed_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) created_at: Option<DateTime<Utc>>,
}

/// A component of a calendar.
#[derive(Debug)]
pub(super) struct Component {
    /// Of its BEGIN.
    pub(super) line: u32,
    is_event: bool,
    pub(super) properties: Vec<Property>,
    pub(super) alarms: Vec<Vec<Property>>,
}

/// A task, and what of the component is not taken.
pub(super) struct Read {
    pub(super) entry: Entry,
    pub(super) project: Option<ProjectEntry>,
    pub(super) notes: Vec<String>,
}

impl Component {
    pub(super) fn new(line: u32, is_event: bool) -> Self {
        Self {
            line,
            is_event,
            properties: Vec::new(),
            alarms: Vec::new(),
        }
    }

    fn get(&self, name: &str) -> Option<&Property> {
        self.properties.iter().find(|own| own.name == name)
    }

    fn text(&self, name: &str) -> String {
        self.get(name).map(Property::text).unwrap_or_default()
    }

    /// The task that it is.
    ///
    /// # Errors
    /// Why it is none.
    pub(super) fn entry(&self, clock: &Clock) -> Result<Read, String> {
        let status = self.text("STATUS").to_ascii_uppercase();
        if status == "CANCELLED" {
            return Err("is cancelled".into());
        }
        if self.get("RECURRENCE-ID").is_some() {
            return Err("is a single occurrence that differs from its series".into());
        }
        let mut notes = self.passed_over();
        let due = self.due(clock, &mut notes)?;
        let recurrence = match (&due, self.get("RRULE")) {
            (Some(due), Some(rule)) => Some(self.series(rule, due, clock)?),
            (None, Some(_)) => return Err("RRULE: there is no time that it counts from".into()),
            (_, None) => None,
        };
        let mut entry = Entry {
            id: self.get("UID").map(|id| name(&id.value)),
            title: one_line(&self.text("SUMMARY")),
            description: self.description(),
            priority: priority(&self.text("PRIORITY")),
            tags: self.tags(),
            parent: self.parent(),
            due,
            recurrence,
            completed_at: self.completed(&status, clock),
            created_at: self.get("CREATED").and_then(|at| clock.instant(at)),
            ..Entry::default()
        };
        for alarm in &self.alarms {
            match self.reminder(alarm, entry.due.as_ref(), clock) {
                Ok(reminder) if entry.reminders.contains(&reminder) => {}
                Ok(reminder) => entry.reminders.push(reminder),
                Err(why) => notes.push(why),
            }
        }
        if self.is_event {
            as_task(&mut entry, clock, &mut notes);
        }
        let project = self.overlay(&mut entry, &mut notes);
        entry.id = entry.id.filter(|id| !id.is_empty());
        Ok(Read {
            entry,
            project,
            notes,
        })
    }

    /// When a to-do is due; of an event when it begins.
    fn due(&self, clock: &Clock, notes: &mut Vec<String>) -> Result<Option<Due>, String> {
        let due = self.get("DUE").filter(|_| !self.is_event);
        let due = due.or_else(|| self.get("DTSTART"));
        due.map(|property| clock.due(property, notes)).transpose()
    }

    fn series(&self, rule: &Property, due: &Due, clock: &Clock) -> Result<SeriesSpec, String> {
        let (start, zone) = match *due {
            Due::On { date } => (Start::On(date), None),
            Due::At {
                date_time,
                time_zone,
            } => (Start::At(date_time), Some(time_zone)),
        };
        let mut spec = SeriesSpec::rrule(rule.value.trim(), start, zone);
        for property in &self.properties {
            match property.name.as_str() {
                "EXDATE" => spec.exclude.extend(clock.list(property, due)?),
                "RDATE" if property.parameter("VALUE") == Some("PERIOD") => {
                    return Err("RDATE: periods are not taken".into());
                }
                "RDATE" => spec.include.extend(clock.list(property, due)?),
                _ => {}
            }
        }
        Ok(spec)
    }

    fn description(&self) -> String {
        let mut text = self.text("DESCRIPTION");
        for (name, label) in [
            ("LOCATION", "Location"),
            ("URL", "URL"),
            ("COMMENT", "Comment"),
        ] {
            let more = self.text(name);
            if !more.trim().is_empty() {
                if !text.is_empty() {
                    text.push('\n');
                }
                text.push_str(&format!("{label}: {more}"));
            }
        }
        text
    }

    fn tags(&self) -> Vec<String> {
        let lists = self
            .properties
            .iter()
            .filter(|own| own.name == "CATEGORIES");
        let tags = lists.flat_map(Property::texts);
        let tags = tags.map(|tag| one_line(&tag));
        let mut tags: Vec<String> = tags.filter(|tag| !tag.is_empty()).collect();
        tags.sort_unstable();
        tags.dedup();
        tags
    }

    fn parent(&self) -> Option<String> {
        let mut all = self
            .properties
            .iter()
            .filter(|own| own.name == "RELATED-TO");
        let parent = all.find(|own| {
            own.parameter("RELTYPE")
                .is_none_or(|kind| kind.eq_ignore_ascii_case("PARENT"))
        });
        parent.map(|own| name(&own.value))
    }

    fn completed(&self, status: &str, clock: &Clock) -> Option<DateTime<Utc>> {
        let at = |name| self.get(name).and_then(|at| clock.instant(at));
        if self.is_event {
            return None;
        }
        match at("COMPLETED") {
            Some(completed) => Some(completed),
            None if status == "COMPLETED" => Some(at("LAST-MODIFIED").unwrap_or(clock.now)),
            None => None,
        }
    }

    fn reminder(
        &self,
        alarm: &[Property],
        due: Option<&Due>,
        clock: &Clock,
    ) -> Result<RemindAt, String> {
        let trigger = alarm.iter().find(|own| own.name == "TRIGGER");
        let trigger = trigger.ok_or("VALARM: there is no TRIGGER")?;
        let wrong = |why: &str| format!("TRIGGER: {} {why}", quoted(&trigger.value));
        if let Ok(Time::Utc(_)) = time(&trigger.value) {
            let at = clock.instant(trigger).ok_or_else(|| wrong("is no time"))?;
            return Ok(RemindAt::At { at });
        }
        let after = duration(&trigger.value).ok_or_else(|| wrong("is no duration and no time"))?;
        let is_of_end = trigger.parameter("RELATED") == Some("END");
        if self.is_event && is_of_end {
            return Err(wrong("counts from the end of the event, and is not taken"));
        }
        let from = match due.ok_or_else(|| wrong("counts from no time"))? {
            Due::On { .. } => MORNING,
            Due::At { .. } => 0,
        };
        // A to-do with both counts from its start, unless told otherwise.
        if !self.is_event
            && !is_of_end
            && let (Some(start), Some(end)) = (self.get("DTSTART"), self.get("DUE"))
            && clock.instant(start) != clock.instant(end)
        {
            return Err(wrong(
                "counts from the start of the to-do, and is not taken",
            ));
        }
        // Whoever checks the task says what is too long.
        match i64::saturating_sub(from, after) {
            before_seconds @ 0.. => Ok(RemindAt::Before { before_seconds }),
            _ => Err(wrong("comes after it is due, and is not taken")),
        }
    }

    /// What users may miss.
    fn passed_over(&self) -> Vec<String> {
        let mut missed: Vec<&str> = self.properties.iter().map(|own| &*own.name).collect();
        missed.retain(|name| ["ATTACH", "ATTENDEE", "CONTACT", "GEO", "RESOURCES"].contains(name));
        missed.sort_unstable();
        missed.dedup();
        let told = missed.iter().map(|name| format!("{name} is not taken"));
        told.collect()
    }

    /// Takes what we have written beside what iCalendar says.
    fn overlay(&self, entry: &mut Entry, notes: &mut Vec<String>) -> Option<ProjectEntry> {
        let own = self.get("X-TODOSTACK")?;
        let extra: Extra = match serde_json::from_str(&own.text()) {
            Ok(extra) => extra,
            Err(error) => {
                notes.push(format!("X-TODOSTACK: {error}"));
                return None;
            }
        };
        if let Some(description) = extra.description {
            entry.description = description;
        }
        if extra.recurrence.is_some() {
            entry.recurrence = extra.recurrence;
        }
        if !extra.reminders.is_empty() {
            entry.reminders = extra.reminders;
        }
        if let (Some(Due::At { time_zone, .. }), Some(zone)) = (&mut entry.due, extra.time_zone)
            && *time_zone == Tz::UTC
        {
            *time_zone = zone;
        }
        entry.series = extra.series;
        entry.occurrence = extra.occurrence;
        entry.following = extra.following;
        // Only to the microsecond: what another program has reopened is open.
        if entry.completed_at.is_some() {
            entry.completed_at = extra.completed_at.or(entry.completed_at);
        }
        entry.created_at = extra.created_at.or(entry.created_at);
        extra.project
    }
}

/// An event that is over is something done; one that recurs goes on from now.
fn as_task(entry: &mut Entry, clock: &Clock, notes: &mut Vec<String>) {
    let Some(due) = entry.due else {
        return;
    };
    let at = due_at(&due, clock.zone);
    if at >= clock.now {
        return;
    }
    let next = match &entry.recurrence {
        None => None,
        Some(spec) => match Series::compile(spec, clock.zone) {
            Ok(series) => {
                let next = series.upcoming(clock.now, 1).into_iter().next();
                next.map(|next| (next, series.zone()))
            }
            // Whoever checks the task says why.
            Err(_) => return,
        },
    };
    match next {
        Some((next, zone)) => {
            entry.due = Some(match next.local {
                Start::On(date) => Due::On { date },
                Start::At(date_time) => Due::At {
                    date_time,
                    time_zone: zone,
                },
            });
        }
        None => {
            if entry.recurrence.take().is_some() {
                notes.push(
                    "RRULE: none of its occurrences is still to come: it is taken as done".into(),
                );
            }
            entry.completed_at = Some(at);
        }
    }
}

/// What a task is named by, without what we write behind the ids of our own.
fn name(id: &str) -> String {
    let id = id.trim();
    id.strip_suffix("@todostack").unwrap_or(id).to_owned()
}

/// 1 is the highest, 5 in the middle, 9 the lowest, and 0 none (§3.8.1.9).
fn priority(text: &str) -> Priority {
    match text.trim() {
        "1" => Priority::P1,
        "2" | "3" | "4" => Priority::P2,
        "5" => Priority::P3,
        _ => Priority::P4,
    }
}

fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.lines().map(str::trim).collect();
    words.join(" ").trim().to_owned()
}
