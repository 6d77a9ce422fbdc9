//! Why a line cannot become a task, and where.

use std::ops::Range;

use super::{MOST_CHARACTERS, Span};
use crate::task::limits;

/// A line that cannot become a task: the place at fault, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{refusal}")]
pub struct QuickAddError {
    /// Where.
    pub span: Span,
    /// Why.
    pub refusal: Refusal,
}

/// Why a line cannot become a task. Printed, it says what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is longer than a line may be.
    #[error("a line has at most {MOST_CHARACTERS} characters")]
    LineTooLong,
    /// It has more than one line, or other control characters.
    #[error("write one line without control characters")]
    ControlCharacter,
    /// Nothing is left for a title.
    #[error("no title is left: what is to be done?")]
    NoTitle,
    /// What is left is too long for a title.
    #[error("a title has at most {} characters", limits::TITLE)]
    TitleTooLong,
    /// A tag is too long.
    #[error("a tag has at most {} characters", limits::TAG)]
    TagTooLong,
    /// There are too many tags.
    #[error("a task has at most {} tags", limits::TAGS)]
    TooManyTags,
    /// There are too many reminders.
    #[error("a task has at most {} reminders", limits::REMINDERS)]
    TooManyReminders,
    /// From one time to another.
    #[error("a task is due at one time: write one end of this, or put it in quotes")]
    TimeRange,
    /// From one day to another.
    #[error(
        "a task is due on one day: write one end of this, `every` before it, or put it in quotes"
    )]
    DayRange,
    /// A day that no month or that year does not have.
    #[error("there is no {0}")]
    NoSuchDay(String),
    /// A time that no clock shows.
    #[error("there is no such time: write 1pm or 13:00, from 00:00 to 23:59")]
    NoSuchTime,
    /// The day before the month, with a slash.
    #[error("a date with slashes begins with the month: write {0}")]
    DayBeforeMonth(String),
    /// A weekday with a date that is on another.
    #[error("{0}")]
    OtherWeekday(String),
    /// Too early or too late for a task.
    #[error("a date lies in the years {} to {}", limits::YEARS.start(), limits::YEARS.end())]
    Year,
    /// A recurring task with times that one rule cannot have.
    #[error("the times of one task have the same minute, as 8:30 and 20:30: make two tasks")]
    UnevenTimes,
    /// A rule that ends before its first occurrence.
    #[error("this ends before it begins, on {0}")]
    EndsTooEarly(String),
    /// A rule that the recurrence engine does not take.
    #[error("this cannot repeat: {0}")]
    Rule(String),
    /// A reminder that counts from a due date where there is none.
    #[error("this reminder counts from a due date: say when the task is due")]
    NoDueDate,
    /// A reminder too long before its task is due.
    #[error("a reminder comes at most 366 days before its task is due")]
    ReminderTooEarly,
    /// A reminder of each occurrence that would come after it.
    #[error("a task that repeats is reminded of before it is due: write a time up to {0}")]
    ReminderAfterDue(String),
}

/// A refusal with its place in words.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) words: Range<usize>,
    pub(super) refusal: Refusal,
}

/// What a reader found: something, nothing, or what cannot be accepted.
pub(super) type Reading<T> = Result<Option<T>, Refused>;
