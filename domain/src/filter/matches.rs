//! Whether a task is meant.

use chrono::{DateTime, Utc};

use super::{Condition, DateField, Name, Resolved, Thing};
use crate::task::{Priority, Task};

/// What filters look at of a task.
#[derive(Debug, Clone, Copy)]
pub struct TaskFacts<'a> {
    /// Its title.
    pub title: &'a str,
    /// Its description.
    pub description: &'a str,
    /// Its priority.
    pub priority: Priority,
    /// The name of its project.
    pub project: Option<&'a str>,
    /// Its tags.
    pub tags: &'a [String],
    /// The instant at which it is due; for all day, the last second of that day in its owner's zone.
    pub due_at: Option<DateTime<Utc>>,
    /// When it came to be.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// When it was completed.
    pub completed_at: Option<DateTime<Utc>>,
    /// Whether it has a reminder.
    pub has_reminder: bool,
    /// Whether it has a rule that makes its next instance.
    pub is_recurring: bool,
    /// Whether it is a part of another task.
    pub is_subtask: bool,
}

impl<'a> From<&'a Task> for TaskFacts<'a> {
    /// What a task says itself: neither its project nor whether it is a part of another.
    fn from(task: &'a Task) -> Self {
        Self {
            title: &task.title,
            description: &task.description,
            priority: task.priority,
            project: None,
            tags: &task.tags,
            due_at: task.due_at,
            created_at: task.created_at,
            updated_at: task.updated_at,
            completed_at: task.completed_at,
            has_reminder: !task.reminders.is_empty(),
            is_recurring: task.recurrence.is_some(),
            is_subtask: false,
        }
    }
}

impl TaskFacts<'_> {
    fn has(&self, thing: Thing) -> bool {
        match thing {
            Thing::Project => self.project.is_some(),
            Thing::Tags => !self.tags.is_empty(),
            Thing::Reminder => self.has_reminder,
            Thing::Recurrence => self.is_recurring,
            Thing::Parent => self.is_subtask,
        }
    }

    fn date(&self, field: DateField) -> Option<DateTime<Utc>> {
        match field {
            DateField::Due => self.due_at,
            DateField::Created => Some(self.created_at),
            DateField::Updated => Some(self.updated_at),
            DateField::Completed => self.completed_at,
        }
    }
}

impl Resolved {
    /// Whether `task` is meant.
    pub fn matches(&self, task: &TaskFacts<'_>) -> bool {
        match self {
            Self::And(parts) => parts.iter().all(|part| part.matches(task)),
            Self::Or(parts) => parts.iter().any(|part| part.matches(task)),
            Self::Not(inner) => !inner.matches(task),
            Self::Condition(condition) => condition.matches(task),
        }
    }
}

impl Condition<DateTime<Utc>> {
    fn matches(&self, task: &TaskFacts<'_>) -> bool {
        match self {
            Self::Priority(priority) => task.priority == *priority,
            Self::Has(thing) => task.has(*thing),
            Self::Project(name) => task.project.is_some_and(|project| name.matches(project)),
            Self::Tag(name) => task.tags.iter().any(|tag| name.matches(tag)),
            Self::Date(field, range) => task.date(*field).is_some_and(|at| range.contains(at)),
            Self::Title(text) => contains(task.title, text),
            Self::Text(text) => contains(task.title, text) || contains(task.description, text),
        }
    }
}

impl Name {
    fn matches(&self, name: &str) -> bool {
        match self {
            Self::Is(wanted) => name == wanted,
            Self::StartsWith(beginning) => name.starts_with(beginning),
        }
    }
}

/// Whether `text` contains `part`, whatever the case of the letters.
fn contains(text: &str, part: &str) -> bool {
    small_letters(text).contains(&small_letters(part))
}

/// A text as it is compared: each character by itself in small letters, as Unicode has it.
pub fn small_letters(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}
