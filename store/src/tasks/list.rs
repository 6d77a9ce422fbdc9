//! Listing tasks: which of them, in which order, by keyset pages.

mod filter;
mod order;
mod search;

use domain::{filter::Resolved, task::Task};
use sqlx::{PgConnection, Postgres, QueryBuilder};
use uuid::Uuid;

pub use order::{Key, Order, Position, Sort, TITLE_KEY};
pub use search::{COMPARED, RANKED, Search};

use super::row::tasks_of;
use crate::Owner;

/// Which tasks of an owner are listed; deleted ones never are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// Those that this means.
    pub filter: Resolved,
    /// Of this project; `Some(None)`: of the inbox.
    pub project: Option<Option<Uuid>>,
    /// Subtasks of this task; `Some(None)`: those that are no subtasks.
    pub parent: Option<Option<Uuid>>,
    /// Those that this finds.
    pub search: Option<Search>,
    /// Somebody wrote the filter: its statement has a shape of its own, and a connection that kept the plan
    /// of each would forget those that come again.
    pub is_one_of_many: bool,
}

impl Selection {
    /// Whether the plan of its statement is worth keeping. That of a search is not: words are rare or common.
    fn is_persistent(&self) -> bool {
        !self.is_one_of_many && self.search.is_none()
    }
}

/// One page of a list.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// The tasks, in order.
    pub tasks: Vec<Task>,
    /// Where the next page starts; none on the last page.
    pub next: Option<Position>,
}

/// Tasks that are counted at most.
pub const COUNTED: u32 = 10_000;

/// How many tasks a list has, all of its pages together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Total {
    /// At most [`COUNTED`].
    pub count: u32,
    /// There are no more than that.
    pub is_exact: bool,
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
    owner: Owner,
    selection: &Selection,
    order: Order,
    after: Option<Position>,
    limit: u32,
) -> sqlx::Result<Page> {
    if let (Sort::Relevance, Some(search)) = (order.sort, &selection.search) {
        return search::list(conn, owner, selection, search, order, after, limit).await;
    }
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
        let mut query = select("*", owner, selection);
        in_order(&mut query, order, stretch, after, missing);
        let query = query.build().persistent(selection.is_persistent());
        tasks.extend(tasks_of(&query.fetch_all(&mut *conn).await?)?);
    }
    let next = if tasks.len() == wanted {
        tasks.pop();
        tasks.last().map(|task| order.position(task))
    } else {
        None
    };
    Ok(Page { tasks, next })
}

/// How many tasks a list has.
///
/// # Errors
/// Whatever Postgres says.
pub async fn count(
    conn: &mut PgConnection,
    owner: Owner,
    selection: &Selection,
) -> sqlx::Result<Total> {
    let mut query = QueryBuilder::new("select count(*) from (");
    push_select(&mut query, "1", owner, selection);
    query
        .push(" limit ")
        .push_bind(i64::from(COUNTED) + 1)
        .push(") as counted");
    let found: i64 = query
        .build_query_scalar()
        .persistent(selection.is_persistent())
        .fetch_one(conn)
        .await?;
    let found = u32::try_from(found).unwrap_or(u32::MAX);
    Ok(Total {
        count: found.min(COUNTED),
        is_exact: found <= COUNTED,
    })
}

fn select(columns: &str, owner: Owner, selection: &Selection) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::default();
    push_select(&mut query, columns, owner, selection);
    query
}

fn push_select(
    query: &mut QueryBuilder<Postgres>,
    columns: &str,
    owner: Owner,
    selection: &Selection,
) {
    query.push(format_args!("select {columns} from tasks where "));
    push_conditions(query, owner, selection);
    if let Some(search) = &selection.search {
        search.narrow(query, owner, selection);
    }
}

/// All that is asked of tasks but what is searched for.
fn push_conditions(query: &mut QueryBuilder<Postgres>, owner: Owner, selection: &Selection) {
    query
        .push("deleted_at is null and owner_id = ")
        .push_bind(owner.id());
    filter::narrow(query, owner, &selection.filter);
    for (column, wanted) in [
        ("project_id", selection.project),
        ("parent_id", selection.parent),
    ] {
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
}

/// Writes from where on, in which order and how many.
fn in_order(
    query: &mut QueryBuilder<Postgres>,
    order: Order,
    stretch: Stretch,
    after: Option<&Position>,
    limit: usize,
) {
    let column = order.sort.column();
    match (order.sort, stretch) {
        (Sort::Due, Stretch::Keyed) => {
            query.push(" and due_at is not null");
        }
        (_, Stretch::Undated) => {
            query.push(" and due_at is null");
        }
        // By tasks_owner_completed.
        (Sort::Completed, _) => {
            query.push(" and completed_at is not null");
        }
        _ => {}
    }
    let (beyond, direction) = order.directions();
    if let Some(Position { key, id }) = after {
        if *key == Key::Undated {
            query.push(format_args!(" and id {beyond} ")).push_bind(*id);
        } else {
            query.push(format_args!(" and ({column}, id) {beyond} ("));
            key.bind(query);
            query.push(", ").push_bind(*id).push(")");
        }
    }
    query.push(match stretch {
        Stretch::Keyed => format!(" order by {column} {direction}, id {direction} limit "),
        Stretch::Undated => format!(" order by id {direction} limit "),
    });
    query.push_bind(i64::try_from(limit).unwrap_or(i64::MAX));
}
