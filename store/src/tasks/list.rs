//! Listing tasks: filters, orders and keyset pages.

use chrono::{DateTime, Utc};
use domain::{
    position::Position as ManualPosition,
    task::{Priority, Task},
};
use sqlx::{PgConnection, Postgres, QueryBuilder};
use uuid::Uuid;

use super::row::tasks_of;

/// Whether completed tasks are listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Status {
    /// Only what is still to be done.
    #[default]
    Open,
    /// Only what is done.
    Completed,
    /// Both.
    All,
}

/// Which tasks of an owner are listed; deleted ones never are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// By completion.
    pub status: Status,
    /// One of these; empty: any.
    pub priorities: Vec<Priority>,
    /// Every one of these.
    pub tags: Vec<String>,
    /// Of this project; `Some(None)`: of the inbox.
    pub project: Option<Option<Uuid>>,
    /// Subtasks of this task; `Some(None)`: those that are no subtasks.
    pub parent: Option<Option<Uuid>>,
    /// Due earlier than this.
    pub due_before: Option<DateTime<Utc>>,
    /// Due at this or later.
    pub due_after: Option<DateTime<Utc>>,
}

/// What a list is sorted by; the id breaks ties.
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
}

/// A sort key and its direction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Order {
    /// The key.
    pub sort: Sort,
    /// Largest first.
    pub descending: bool,
}

/// The sort key of one task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// A creation time, or a due time.
    Time(DateTime<Utc>),
    /// A priority.
    Priority(Priority),
    /// A place in the manual order.
    Manual(ManualPosition),
    /// Sorted by due time, it has none.
    Undated,
}

/// The last task of a page: the next page starts behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// Its sort key.
    pub key: Key,
    /// Its id.
    pub id: Uuid,
}

/// One page of a list.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// The tasks, in order.
    pub tasks: Vec<Task>,
    /// Where the next page starts; none on the last page.
    pub next: Option<Position>,
}

impl Order {
    /// Where `task` stands in a list of this order.
    fn position(self, task: &Task) -> Position {
        let key = match self.sort {
            Sort::Created => Key::Time(task.created_at),
            Sort::Due => task.due_at.map_or(Key::Undated, Key::Time),
            Sort::Priority => Key::Priority(task.priority),
            Sort::Manual => Key::Manual(task.position.clone()),
        };
        Position { key, id: task.id }
    }
}

/// A stretch of a list that one index scan reads in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stretch {
    /// Tasks that have a sort key.
    Keyed,
    /// Tasks without a due time, sorted by due time.
    Undated,
}

/// One page of the tasks of `owner`, starting behind `after`.
///
/// # Errors
/// Whatever Postgres says.
pub async fn list(
    conn: &mut PgConnection,
    owner: Uuid,
    filter: &Filter,
    order: Order,
    after: Option<Position>,
    limit: u32,
) -> sqlx::Result<Page> {
    // One more than asked for tells whether there is a next page.
    let wanted = usize::try_from(limit)
        .unwrap_or(usize::MAX)
        .saturating_add(1);
    let mut tasks: Vec<Task> = Vec::new();
    // A row comparison is never true of null, and "or due_at is null" would keep Postgres from
    // reading the index from the cursor on: so dated and undated tasks are read one after another.
    let stretches: &[Stretch] = match (order.sort, after.as_ref().map(|position| &position.key)) {
        (Sort::Due, Some(Key::Undated)) => &[Stretch::Undated],
        (Sort::Due, _) => &[Stretch::Keyed, Stretch::Undated],
        _ => &[Stretch::Keyed],
    };
    for (number, &stretch) in stretches.iter().enumerate() {
        let missing = wanted - tasks.len();
        if missing == 0 {
            break;
        }
        let after = after.as_ref().filter(|_| number == 0);
        let mut query = select(owner, filter, order, stretch, after, missing);
        let rows = query.build().fetch_all(&mut *conn).await?;
        tasks.extend(tasks_of(&rows)?);
    }
    let next = if tasks.len() == wanted {
        tasks.pop();
        tasks.last().map(|task| order.position(task))
    } else {
        None
    };
    Ok(Page { tasks, next })
}

fn select(
    owner: Uuid,
    filter: &Filter,
    order: Order,
    stretch: Stretch,
    after: Option<&Position>,
    limit: usize,
) -> QueryBuilder<Postgres> {
    let mut query =
        QueryBuilder::new("select * from tasks where deleted_at is null and owner_id = ");
    query.push_bind(owner);
    match filter.status {
        Status::Open => {
            query.push(" and completed_at is null");
        }
        Status::Completed => {
            query.push(" and completed_at is not null");
        }
        Status::All => {}
    }
    if !filter.priorities.is_empty() {
        let numbers: Vec<i16> = filter.priorities.iter().map(|p| p.number()).collect();
        query
            .push(" and priority = any(")
            .push_bind(numbers)
            .push(")");
    }
    if !filter.tags.is_empty() {
        query.push(" and tags @> ").push_bind(filter.tags.clone());
    }
    for (column, wanted) in [("project_id", filter.project), ("parent_id", filter.parent)] {
        match wanted {
            Some(Some(id)) => {
                query.push(format_args!(" and {column} = ")).push_bind(id);
            }
            Some(None) => {
                query.push(format_args!(" and {column} is null"));
            }
            None => {}
        }
    }
    if let Some(before) = filter.due_before {
        query.push(" and due_at < ").push_bind(before);
    }
    if let Some(from) = filter.due_after {
        query.push(" and due_at >= ").push_bind(from);
    }
    let (column, keyed) = match (order.sort, stretch) {
        (Sort::Created, _) => ("created_at", true),
        (Sort::Priority, _) => ("priority", true),
        (Sort::Manual, _) => ("position", true),
        (Sort::Due, Stretch::Keyed) => {
            query.push(" and due_at is not null");
            ("due_at", true)
        }
        (Sort::Due, Stretch::Undated) => {
            query.push(" and due_at is null");
            ("due_at", false)
        }
    };
    let (beyond, direction) = if order.descending {
        ("<", "desc")
    } else {
        (">", "asc")
    };
    if let Some(Position { key, id }) = after {
        match key {
            Key::Time(time) => query
                .push(format_args!(" and ({column}, id) {beyond} ("))
                .push_bind(*time)
                .push(", ")
                .push_bind(*id)
                .push(")"),
            Key::Priority(priority) => query
                .push(format_args!(" and ({column}, id) {beyond} ("))
                .push_bind(priority.number())
                .push(", ")
                .push_bind(*id)
                .push(")"),
            Key::Manual(place) => query
                .push(format_args!(" and ({column}, id) {beyond} ("))
                .push_bind(place.as_str().to_owned())
                .push(", ")
                .push_bind(*id)
                .push(")"),
            Key::Undated => query.push(format_args!(" and id {beyond} ")).push_bind(*id),
        };
    }
    if keyed {
        query.push(format_args!(
            " order by {column} {direction}, id {direction} limit "
        ));
    } else {
        query.push(format_args!(" order by id {direction} limit "));
    }
    query.push_bind(i64::try_from(limit).unwrap_or(i64::MAX));
    query
}
