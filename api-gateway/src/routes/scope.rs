//! Which instances of a series an edit holds for.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use domain::{
    error::FieldErrors,
    instances::{current, original_time},
    position::Position,
    task::{Following, Task},
};

use crate::{
    body::join,
    error::{Error, Result},
    input::Content,
    query::Parameters,
};

/// What of a series an edit holds for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Scope {
    /// This instance and all that follow; a due date for this one alone.
    #[default]
    Unsaid,
    /// This instance alone.
    This,
    /// This instance and all that follow, with its due date.
    Following,
}

impl Scope {
    /// The parameter `scope`.
    pub(super) fn read(parameters: &mut Parameters) -> Self {
        parameters.word(
            "scope",
            &[("this", Self::This), ("following", Self::Following)],
        )
    }
}

/// What an edit makes of a task.
pub(super) fn edit(
    task: &Task,
    mut content: Content,
    scope: Scope,
    zone: Tz,
    now: DateTime<Utc>,
) -> Result<Task> {
    let mut edited = task.clone();
    if scope != Scope::Unsaid {
        let Some(before) = &task.recurrence else {
            return Err(Error::parameter(
                "scope",
                "is for a task that recurs; this one does not",
            ));
        };
        if scope == Scope::This {
            let of_the_series = [
                ("recurrence", content.recurrence != task.recurrence),
                ("project", content.project != task.project),
                ("parent", content.parent != task.parent),
            ];
            let mut errors = FieldErrors::default();
            for (field, _) in of_the_series.into_iter().filter(|(_, changed)| *changed) {
                errors.push(field, "is that of all that follow, too; use another scope");
            }
            errors.into_result(())?;
        } else if let (Some(due), Some(spec)) = (&content.due, &content.recurrence)
            && content.due != task.due
        {
            let to = original_time(due, spec, zone);
            let moved = if spec == before {
                spec.moved(&current(task, spec), to, zone)
            } else {
                spec.clone().starting_at(to, zone)
            };
            content.recurrence = Some(moved.map_err(of_recurrence)?);
            edited.occurrence = Some(to.to_string());
        }
    }
    content.write_to(&mut edited, zone);
    if (edited.project, edited.parent) != (task.project, task.parent) {
        edited.position = Position::last(now, task.id);
    }
    let own = Following::of(task);
    edited.following = match (&task.following, scope) {
        (following, Scope::This) => Some(following.clone().unwrap_or(own)),
        (Some(following), _) => Some(following.clone().edited(&own, &Following::of(&edited))),
        (None, _) => None,
    };
    let alone =
        edited.recurrence.is_some() && edited.following.as_ref() != Some(&Following::of(&edited));
    edited.following = edited.following.filter(|_| alone);
    Ok(edited)
}

/// Errors of a series, with the fields as the request names them.
fn of_recurrence(mut errors: FieldErrors) -> FieldErrors {
    for error in &mut errors.0 {
        if error.field != "due" {
            error.field = join("recurrence", &error.field);
        }
    }
    errors
}
