//! What a filter asks of a task.

use chrono::{DateTime, Utc};

use super::moment::{Edge, Moment};
use crate::task::Priority;

/// One question about a task, to be answered with yes or no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition<T = Edge> {
    /// `p1`: it has this priority.
    Priority(Priority),
    /// `has reminder`: it has one of these.
    Has(Thing),
    /// `#home`: its project has this name.
    Project(Name),
    /// `@work`: one of its tags has this name.
    Tag(Name),
    /// `due < +3d`: it has this date, and the date lies in the range.
    Date(DateField, Range<T>),
    /// `title: rent`: its title contains this, whatever the case of the letters.
    Title(String),
    /// `text: rent`: its title or its description contains this, whatever the case of the letters.
    Text(String),
}

impl<T> Condition<T> {
    pub(super) fn map<U>(&self, edge: &impl Fn(&T) -> U) -> Condition<U> {
        match self {
            Self::Priority(priority) => Condition::Priority(*priority),
            Self::Has(thing) => Condition::Has(*thing),
            Self::Project(name) => Condition::Project(name.clone()),
            Self::Tag(name) => Condition::Tag(name.clone()),
            Self::Date(field, range) => Condition::Date(*field, range.map(edge)),
            Self::Title(text) => Condition::Title(text.clone()),
            Self::Text(text) => Condition::Text(text.clone()),
        }
    }
}

/// What a task may have or not; for a date of a task that is [`Range::ANY`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thing {
    /// A project that it belongs to.
    Project,
    /// At least one tag.
    Tags,
    /// At least one reminder.
    Reminder,
    /// A rule that makes its next instance.
    Recurrence,
    /// A task that it is a part of.
    Parent,
}

/// A time that a task may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateField {
    /// When it is due, as an instant: `Task::due_at`.
    Due,
    /// When it came to be.
    Created,
    /// When it last changed.
    Updated,
    /// When it was completed.
    Completed,
}

impl DateField {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Due, Self::Created, Self::Updated, Self::Completed];

    /// Its word in the language.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Completed => "completed",
        }
    }
}

/// Which names are meant. Names are compared as they are stored, the case of letters included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// `work`: this one.
    Is(String),
    /// `work*`: those that begin so.
    StartsWith(String),
}

/// From an end on, up to but not including the other. Without an end it is open on that side; open
/// on both it asks only whether there is such a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range<T = Edge> {
    /// The first instant in it.
    pub from: Option<T>,
    /// The first instant after it.
    pub to: Option<T>,
}

impl Range<Edge> {
    /// Any time.
    pub const ANY: Self = Self {
        from: None,
        to: None,
    };

    /// `< moment`: before it begins.
    pub fn before(moment: Moment) -> Self {
        Self {
            to: Some(Edge::Start(moment)),
            ..Self::ANY
        }
    }

    /// `<= moment`: before it is over.
    pub fn until(moment: Moment) -> Self {
        Self {
            to: Some(Edge::End(moment)),
            ..Self::ANY
        }
    }

    /// `>= moment`: when it has begun.
    pub fn since(moment: Moment) -> Self {
        Self {
            from: Some(Edge::Start(moment)),
            ..Self::ANY
        }
    }

    /// `> moment`: when it is over.
    pub fn after(moment: Moment) -> Self {
        Self {
            from: Some(Edge::End(moment)),
            ..Self::ANY
        }
    }

    /// `: moment`: within it.
    pub fn on(moment: Moment) -> Self {
        Self::between(moment, moment)
    }

    /// `: first..last`: within one of them or between them.
    pub fn between(first: Moment, last: Moment) -> Self {
        Self {
            from: Some(Edge::Start(first)),
            to: Some(Edge::End(last)),
        }
    }
}

impl<T> Range<T> {
    fn map<U>(&self, edge: &impl Fn(&T) -> U) -> Range<U> {
        Range {
            from: self.from.as_ref().map(edge),
            to: self.to.as_ref().map(edge),
        }
    }
}

impl Range<DateTime<Utc>> {
    pub(super) fn contains(&self, at: DateTime<Utc>) -> bool {
        self.from.is_none_or(|from| from <= at) && self.to.is_none_or(|to| at < to)
    }
}
