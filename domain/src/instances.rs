//! The instances of a series as tasks.

use chrono::{DateTime, Duration, Utc};
use chrono_tz::Tz;
use uuid::Uuid;

use crate::{
    error::FieldErrors,
    recurrence::{Occurrence, Series, SeriesSpec, Start, instance_id},
    task::{Due, Following, RemindAt, ReminderSpec, Task},
};

/// The local time of `due` on the clock of a series: the original time of an instance that is due then.
pub fn original_time(due: &Due, spec: &SeriesSpec, owner_zone: Tz) -> Start {
    let zone = spec.time_zone.unwrap_or(owner_zone);
    match *due {
        Due::On { date } => Start::On(date),
        Due::At {
            date_time,
            time_zone,
        } if time_zone == zone => Start::At(date_time),
        Due::At { .. } => {
            let at = crate::task::due_at(due, owner_zone);
            Start::At(at.with_timezone(&zone).naive_local())
        }
    }
}

/// The original time of an instance in its series.
pub fn current(task: &Task, spec: &SeriesSpec) -> Start {
    match task.occurrence.as_deref().map(str::parse::<Start>) {
        Some(Ok(original)) => original,
        _ => spec.start,
    }
}

/// The instances that follow one that was completed. Their ids come from the series and the occurrence,
/// so that two writers make the same row.
///
/// # Errors
/// When the rule cannot be compiled.
pub fn next_instances(task: &Task, user_zone: Tz) -> Result<Vec<Task>, FieldErrors> {
    match task.completed_at {
        Some(completed_at) => instances_after(task, completed_at, user_zone),
        None => Ok(Vec::new()),
    }
}

/// The instances that follow one, were it completed at `done`.
///
/// # Errors
/// When the rule cannot be compiled.
pub fn instances_after(
    task: &Task,
    done: DateTime<Utc>,
    user_zone: Tz,
) -> Result<Vec<Task>, FieldErrors> {
    let Some(spec) = &task.recurrence else {
        return Ok(Vec::new());
    };
    let compiled = Series::compile(spec, user_zone)?;
    let series = task.series.unwrap_or(task.id);
    Ok(compiled
        .next_on_completion(&current(task, spec), done)
        .iter()
        .map(|occurrence| instance(task, series, &compiled, occurrence))
        .collect())
}

fn instance(task: &Task, series: Uuid, compiled: &Series, occurrence: &Occurrence) -> Task {
    let due = match occurrence.local {
        Start::At(date_time) => Due::At {
            date_time,
            time_zone: compiled.zone(),
        },
        Start::On(date) => Due::On { date },
    };
    let Following {
        title,
        description,
        priority,
        tags,
        reminders,
    } = task
        .following
        .clone()
        .unwrap_or_else(|| Following::of(task));
    Task {
        id: instance_id(series, &occurrence.original),
        title,
        description,
        priority,
        tags,
        due: Some(due),
        recurrence: task.recurrence.as_ref().map(SeriesSpec::for_next_instance),
        series: Some(series),
        occurrence: Some(occurrence.original.to_string()),
        following: None,
        reminders: recurring(reminders),
        completed_at: None,
        ..task.clone()
    }
}

/// A fixed instant belonged to the instance that is done.
fn recurring(mut reminders: Vec<ReminderSpec>) -> Vec<ReminderSpec> {
    reminders.retain(|reminder| matches!(reminder.when, RemindAt::Before { .. }));
    reminders
}

/// The subtasks of an instance, all levels of them, for the next one: open again, due as many days later as
/// that is. Their ids come from those that they repeat. A rule of their own ended with the instance.
pub fn subtasks_for(done: &Task, next: &Task, subtasks: &[Task]) -> Vec<Task> {
    let days = match (&done.due, &next.due) {
        (Some(before), Some(after)) => after.date() - before.date(),
        _ => Duration::zero(),
    };
    let id = |of: Uuid| match of {
        of if of == done.id => next.id,
        of => Uuid::new_v5(&next.id, of.as_bytes()),
    };
    let again = |subtask: &Task| Task {
        id: id(subtask.id),
        parent: subtask.parent.map(id),
        project: next.project,
        due: subtask.due.map(|due| later(due, days)),
        recurrence: None,
        series: None,
        occurrence: None,
        following: None,
        reminders: recurring(subtask.reminders.clone()),
        completed_at: None,
        ..subtask.clone()
    };
    subtasks.iter().map(again).collect()
}

fn later(due: Due, by: Duration) -> Due {
    match due {
        // At the end of time it stays where it is.
        Due::On { date } => Due::On {
            date: date.checked_add_signed(by).unwrap_or(date),
        },
        Due::At {
            date_time,
            time_zone,
        } => Due::At {
            date_time: date_time.checked_add_signed(by).unwrap_or(date_time),
            time_zone,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn daily() -> Task {
        let start: Start = "2026-11-02".parse().unwrap();
        Task {
            due: Some(Due::On { date: start.date() }),
            recurrence: Some(SeriesSpec::rrule("FREQ=DAILY", start, None)),
            series: Some(Uuid::nil()),
            occurrence: Some(start.to_string()),
            ..Task::new(Uuid::nil(), Uuid::nil(), "Water", DateTime::UNIX_EPOCH)
        }
    }

    fn next(task: &Task) -> Task {
        let done = "2026-11-02T12:00:00Z".parse().unwrap();
        let mut next = instances_after(task, done, Tz::UTC).unwrap();
        assert_eq!(next.len(), 1);
        next.remove(0)
    }

    #[test]
    fn what_was_edited_alone_is_forgotten_by_the_next_instance() {
        let alone = Task {
            title: "Water, twice".into(),
            following: Some(Following::of(&daily())),
            ..daily()
        };
        let next = next(&alone);
        assert_eq!(next.title, "Water");
        assert_eq!(next.following, None);
        assert_eq!(next.occurrence.as_deref(), Some("2026-11-03"));
    }

    #[test]
    fn an_instance_stands_where_the_one_before_it_stood() {
        let somewhere = Task {
            project: Some(Uuid::from_u128(1)),
            parent: Some(Uuid::from_u128(2)),
            ..daily()
        };
        let next = next(&somewhere);
        assert_eq!(
            (next.project, next.parent, next.position),
            (somewhere.project, somewhere.parent, somewhere.position)
        );
    }

    #[test]
    fn subtasks_come_again_below_the_next_instance() {
        let done = daily();
        let next = next(&done);
        let step = |id, parent| Task {
            parent: Some(parent),
            due: done.due,
            completed_at: Some(DateTime::UNIX_EPOCH),
            ..Task::new(
                Uuid::from_u128(id),
                done.owner,
                "Step",
                DateTime::UNIX_EPOCH,
            )
        };
        let steps = [step(1, done.id), step(2, Uuid::from_u128(1))];
        let again = subtasks_for(&done, &next, &steps);
        assert_eq!(again[0].parent, Some(next.id));
        assert_eq!(again[1].parent, Some(again[0].id));
        assert!(again.iter().all(|step| step.completed_at.is_none()));
        assert!(again.iter().all(|step| step.due == next.due));
        assert_eq!(again, subtasks_for(&done, &next, &steps));
    }
}
