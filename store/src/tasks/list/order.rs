//! What lists are sorted by, and where a task stands in one.

use chrono::{DateTime, Utc};
use domain::{
    position::Position as ManualPosition,
    task::{Priority, Task},
};
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

/// What a list is sorted by; the id breaks ties. Each but the last has an index of `(owner_id, key, id)`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sort {
    /// By the time of creation.
    #[default]
    Created,
    /// By the due instant. Tasks without one come last in either direction.
    Due,
    /// By priority; P1 comes first when ascending.
    Priority,
    /// As their owner has put them.
    Manual,
    /// By the time of the last change.
    Updated,
    /// By the time of completion. Open tasks are not listed.
    Completed,
    /// By the first [`TITLE_KEY`] characters of the title, as a dictionary has them.
    Title,
    /// By how well it fits what is searched for; the best comes first when descending. Where nothing is
    /// searched for, one fits as well as another.
    Relevance,
}

/// Characters of a title that are compared: an entry of an index has its limits.
pub const TITLE_KEY: usize = 100;

/// A sort key and its direction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Order {
    /// The key.
    pub sort: Sort,
    /// Largest first.
    pub descending: bool,
}

/// The sort key of one task.
#[derive(Debug, Clone, PartialEq)]
pub enum Key {
    /// A time of creation, of the last change or of completion, or a due time.
    Time(DateTime<Utc>),
    /// A priority.
    Priority(Priority),
    /// A place in the manual order.
    Manual(ManualPosition),
    /// The beginning of a title: at most [`TITLE_KEY`] characters.
    Title(String),
    /// How well it fits what is searched for.
    Rank(f32),
    /// Sorted by due time, it has none.
    Undated,
}

/// The last task of a page: the next page starts behind it.
#[derive(Debug, Clone, PartialEq)]
pub struct Position {
    /// Its sort key.
    pub key: Key,
    /// Its id.
    pub id: Uuid,
}

impl Sort {
    /// Every one.
    pub const ALL: [Self; 8] = [
        Self::Created,
        Self::Due,
        Self::Priority,
        Self::Manual,
        Self::Updated,
        Self::Completed,
        Self::Title,
        Self::Relevance,
    ];

    /// Its name, as the REST interface and saved filters have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Due => "due",
            Self::Priority => "priority",
            Self::Manual => "manual",
            Self::Updated => "updated",
            Self::Completed => "completed",
            Self::Title => "title",
            Self::Relevance => "relevance",
        }
    }

    /// The one of this name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sort| sort.as_str() == name)
    }

    /// The key in SQL, as its index has it.
    pub(super) fn column(self) -> &'static str {
        match self {
            Self::Created => "created_at",
            Self::Due => "due_at",
            Self::Priority => "priority",
            Self::Manual => "position",
            Self::Updated => "updated_at",
            Self::Completed => "completed_at",
            Self::Title => "left(title, 100) collate title_order",
            Self::Relevance => "0::real",
        }
    }
}

impl Key {
    /// Writes the key as a bound value; of [`Key::Undated`] there is none.
    pub(super) fn bind(&self, query: &mut QueryBuilder<Postgres>) {
        match self {
            Self::Time(time) => query.push_bind(*time),
            Self::Priority(priority) => query.push_bind(priority.number()),
            Self::Manual(place) => query.push_bind(place.as_str().to_owned()),
            Self::Title(title) => query.push_bind(title.clone()),
            Self::Rank(rank) => query.push_bind(*rank),
            Self::Undated => query,
        };
    }
}

impl Order {
    /// The comparison with what comes later, and the direction, in SQL.
    pub(super) fn directions(self) -> (&'static str, &'static str) {
        if self.descending {
            ("<", "desc")
        } else {
            (">", "asc")
        }
    }

    /// Where `task` stands in a list of this order.
    pub(super) fn position(self, task: &Task) -> Position {
        let key = match self.sort {
            Sort::Created => Key::Time(task.created_at),
            Sort::Due => task.due_at.map_or(Key::Undated, Key::Time),
            Sort::Priority => Key::Priority(task.priority),
            Sort::Manual => Key::Manual(task.position.clone()),
            Sort::Updated => Key::Time(task.updated_at),
            // Only completed tasks are listed.
            Sort::Completed => Key::Time(task.completed_at.unwrap_or_default()),
            Sort::Title => Key::Title(task.title.chars().take(TITLE_KEY).collect()),
            Sort::Relevance => Key::Rank(0.0),
        };
        Position { key, id: task.id }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_compared_as_far_as_their_keys_go() {
        let call = format!("left(title, {TITLE_KEY})");
        assert!(Sort::Title.column().starts_with(&call));
    }
}
