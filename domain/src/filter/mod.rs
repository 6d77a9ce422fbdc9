//! Which tasks are meant: a small language, such as `(p1 | overdue) & #home & due < +3d`, and the
//! conditions it is made of.
//!
//! A [`Filter`] is read by [`Filter::parse`] or put together by its constructors, as query parameters
//! are, and says the same on every day. [`Filter::resolve`] makes it a [`Resolved`] one, which has
//! instants where the filter had `today` or `+3d`: the store turns that into SQL, and
//! [`Resolved::matches`] says in memory what the SQL must say.
//!
//! `docs/filters.md` has the grammar, the meaning of each condition and how dates are compared.

mod condition;
mod cursor;
mod display;
mod error;
mod matches;
mod moment;
mod parse;
mod words;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

pub use condition::{Condition, DateField, Name, Range, Thing};
pub use error::{FilterError, Span};
pub use matches::{TaskFacts, small_letters};
pub use moment::{Edge, Moment, Unit};

/// Limits on what is read as a filter, so that one which is made to hurt costs nothing.
pub mod limits {
    /// Characters of a filter, as it is written and in its canonical form.
    pub const CHARACTERS: usize = 1_000;
    /// Conditions of a filter.
    pub const CONDITIONS: usize = 100;
    /// Parentheses and `!` that stand within one another.
    pub const DEPTH: usize = 32;
}

/// Which tasks are meant. `T` is an end of a range of time: an [`Edge`] as its author means it, an
/// instant when it is [`Resolved`].
///
/// It serialises as its canonical text, which is what `to_string` gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter<T = Edge> {
    /// Every one of these; of none, [`Filter::ALL`]. Made by [`Filter::all_of`], so it never has a
    /// single part, or a part that is itself an `And`.
    #[non_exhaustive]
    And(Vec<Self>),
    /// At least one of these; of none, [`Filter::NOTHING`]. Made by [`Filter::any_of`], so it never has
    /// a single part, or a part that is itself an `Or`.
    #[non_exhaustive]
    Or(Vec<Self>),
    /// Not this. A condition is true or false of a task, never unknown: what is not due at all is also
    /// not due today.
    Not(Box<Self>),
    /// What is true of a task by itself.
    Condition(Condition<T>),
}

/// A filter for one owner at one time.
pub type Resolved = Filter<DateTime<Utc>>;

impl<T> Filter<T> {
    /// Every task.
    pub const ALL: Self = Self::And(Vec::new());

    /// No task.
    pub const NOTHING: Self = Self::Or(Vec::new());

    /// What all of `parts` mean.
    pub fn all_of(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut flat = Vec::new();
        for part in parts {
            match part {
                Self::And(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        if flat.len() == 1 {
            flat.remove(0)
        } else {
            Self::And(flat)
        }
    }

    /// What at least one of `parts` means.
    pub fn any_of(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut flat = Vec::new();
        for part in parts {
            match part {
                Self::Or(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        if flat.len() == 1 {
            flat.remove(0)
        } else {
            Self::Or(flat)
        }
    }

    /// The same filter with other ends of its ranges.
    pub fn map<U>(&self, edge: &impl Fn(&T) -> U) -> Filter<U> {
        let all = |parts: &[Self]| parts.iter().map(|part| part.map(edge)).collect();
        match self {
            Self::And(parts) => Filter::And(all(parts)),
            Self::Or(parts) => Filter::Or(all(parts)),
            Self::Not(inner) => !inner.map(edge),
            Self::Condition(condition) => Filter::Condition(condition.map(edge)),
        }
    }
}

impl<T> std::ops::Not for Filter<T> {
    type Output = Self;

    fn not(self) -> Self {
        Self::Not(Box::new(self))
    }
}

impl<T> From<Condition<T>> for Filter<T> {
    fn from(condition: Condition<T>) -> Self {
        Self::Condition(condition)
    }
}

impl Filter {
    /// `done`: what is completed.
    pub fn done() -> Self {
        Condition::Date(DateField::Completed, Range::ANY).into()
    }

    /// `open`: what is still to be done.
    pub fn open() -> Self {
        !Self::done()
    }

    /// `overdue`: what is open and was due before now. All day means until the end of the day.
    pub fn overdue() -> Self {
        Self::all_of(Self::parts_of_overdue())
    }

    fn parts_of_overdue() -> [Self; 2] {
        [Self::open(), Self::due(Range::before(Moment::Now))]
    }

    /// `today`: what is due today.
    pub fn today() -> Self {
        Self::due(Range::on(Moment::TODAY))
    }

    /// `week`: what is due today or on one of the six days after.
    pub fn week() -> Self {
        Self::due(Range::between(Moment::TODAY, Moment::In(6, Unit::Day)))
    }

    /// What is due within `range`.
    pub fn due(range: Range<Edge>) -> Self {
        Condition::Date(DateField::Due, range).into()
    }

    /// The filter for an owner in `zone` at `now`: nothing in it depends on either any more.
    pub fn resolve(&self, zone: Tz, now: DateTime<Utc>) -> Resolved {
        self.map(&|edge| edge.resolve(zone, now))
    }
}

impl Serialize for Filter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Filter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}
