//! A task from the phrases that count, and the title from the rest.

use super::{
    Part, PartKind, QuickAdd,
    alerts::alert,
    day::When,
    ending::Ending,
    part::Offsets,
    phrases::{Found, Phrase},
    refusal::{Refusal, Refused},
    remind::Remind,
    schedule::{Schedule, schedule},
    title::title,
    words::Line,
    words_for,
};
use crate::task::{Due, limits};

/// Makes a task of a line.
///
/// # Errors
/// What cannot be accepted once all phrases are known.
pub(super) fn assemble(
    line: &Line<'_>,
    mut found: Vec<Found>,
    offsets: &Offsets,
) -> Result<QuickAdd, Refused> {
    let schedule = schedule(&found, line.now)?;
    if schedule.due.is_none() {
        // Of what is never due nothing can remind: `remind me to …` is how the title begins.
        found.retain(|found| !matches!(found.phrase, Phrase::Request | Phrase::Link));
    }
    let words: Vec<_> = found.iter().map(|found| found.words.clone()).collect();
    let title = title(line.text, &line.words, &words);
    check_title(&title.text, line)?;
    let mark = |bytes| Part {
        span: offsets.span(bytes),
        kind: PartKind::Mark,
        reading: String::new(),
    };
    let mut task = QuickAdd {
        title: title.text,
        project: None,
        tags: Vec::new(),
        priority: None,
        due: schedule.due,
        recurrence: None,
        reminders: Vec::new(),
        parts: title.marks.into_iter().map(mark).collect(),
    };
    for Found { phrase, words, .. } in found {
        let span = offsets.span(line.bytes(&words));
        let taken = task.take(phrase, &schedule, line);
        let (kind, reading) = taken.map_err(|refusal| Refused { words, refusal })?;
        task.parts.push(Part {
            span,
            kind,
            reading,
        });
    }
    task.parts.sort_unstable_by_key(|part| part.span.start);
    task.recurrence = schedule.recurrence.map(|(spec, _)| spec);
    Ok(task)
}

/// A title is there, and no longer than it may be.
fn check_title(title: &str, line: &Line<'_>) -> Result<(), Refused> {
    let refusal = match title.chars().count() {
        0 => Refusal::NoTitle,
        length if length > limits::TITLE => Refusal::TitleTooLong,
        _ => return Ok(()),
    };
    Err(Refused {
        words: 0..line.words.len(),
        refusal,
    })
}

impl QuickAdd {
    /// Takes over what a phrase says, and tells what it was read as.
    fn take(
        &mut self,
        phrase: Phrase,
        schedule: &Schedule,
        line: &Line<'_>,
    ) -> Result<(PartKind, String), Refusal> {
        Ok(match phrase {
            Phrase::Project(name) => {
                self.project = Some(name.clone());
                (PartKind::Project, name)
            }
            Phrase::Tag(name) => {
                self.tag(name.clone())?;
                (PartKind::Tag, name)
            }
            Phrase::Priority(priority) => {
                self.priority = Some(priority);
                (PartKind::Priority, format!("P{}", priority.number()))
            }
            Phrase::When(when) if when.day.is_some() => (PartKind::Date, day(&when, schedule)),
            Phrase::When(_) => (PartKind::Time, time(schedule)),
            Phrase::Repeat(_) => (PartKind::Recurrence, rule(schedule)),
            Phrase::Ending(ending) => (PartKind::Recurrence, end(ending)),
            Phrase::AfterCompletion => {
                let reading = "counted from the day of completion";
                (PartKind::Recurrence, reading.to_owned())
            }
            Phrase::Remind(list) => (PartKind::Reminder, self.remind(&list, schedule, line)?),
            Phrase::Request => {
                let list = [Remind::WhenDue];
                (PartKind::Reminder, self.remind(&list, schedule, line)?)
            }
            Phrase::Link => (PartKind::Mark, String::new()),
        })
    }

    fn tag(&mut self, name: String) -> Result<(), Refusal> {
        if !self.tags.contains(&name) {
            self.tags.push(name);
        }
        if self.tags.len() > limits::TAGS {
            return Err(Refusal::TooManyTags);
        }
        Ok(())
    }

    fn remind(
        &mut self,
        list: &[Remind],
        schedule: &Schedule,
        line: &Line<'_>,
    ) -> Result<String, Refusal> {
        let mut readings = Vec::new();
        for remind in list {
            let (when, reading) = alert(remind, schedule, line.now)?;
            if !self.reminders.contains(&when) {
                self.reminders.push(when);
            }
            readings.push(reading);
        }
        if self.reminders.len() > limits::REMINDERS {
            return Err(Refusal::TooManyReminders);
        }
        Ok(readings.join(", "))
    }
}

/// A phrase with a day; one that has a time too was read as when the task is due.
fn day(when: &When, schedule: &Schedule) -> String {
    let timed = when.part.is_some() || !when.times.is_empty();
    match (schedule.due, when.day) {
        (Some(Due::At { date_time, .. }), _) if timed => words_for::date_time(date_time),
        (_, Some(date)) => words_for::date(date),
        (_, None) => String::new(),
    }
}

fn time(schedule: &Schedule) -> String {
    let times: Vec<String> = schedule
        .times
        .iter()
        .map(|time| words_for::time(*time))
        .collect();
    times.join(", ")
}

fn rule(schedule: &Schedule) -> String {
    let rule = schedule.recurrence.as_ref();
    rule.map(|(_, words)| words.clone()).unwrap_or_default()
}

fn end(ending: Ending) -> String {
    match ending {
        Ending::Until(date) => format!("until {}", words_for::date(date)),
        Ending::Count(1) => "once".to_owned(),
        Ending::Count(count) => format!("{count} times"),
        Ending::For(length) => format!("for {}", words_for::length(length.seconds())),
    }
}
