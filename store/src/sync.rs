//! What changed since a moment, for devices that keep a copy of a user's tasks, projects and saved filters.
//!
//! The moment is a snapshot of Postgres: which transactions were committed when a device read. What it has
//! not seen is what a transaction wrote that was not among them. So nothing is missed, whatever the order
//! in which transactions began, wrote and committed; and what is committed is told at once, however long
//! another transaction stays open.

mod snapshot;

use std::ops::ControlFlow;

use chrono::{DateTime, Utc};
use domain::{project::Project, task::Task};
use futures::TryStreamExt as _;
use sqlx::{FromRow as _, PgConnection, Row as _, postgres::PgRow};
use uuid::Uuid;

pub use snapshot::Snapshot;

use crate::{
    Owner,
    projects::ProjectRow,
    saved_filters::{SavedFilter, SavedFilterRow},
    seen_on,
    tasks::TaskReader,
};

/// Days for which it is known what was deleted, and more: a device that was away for longer reads
/// everything. The migration that makes `tombstones` keeps them for 90.
pub const KEPT: chrono::Duration = chrono::Duration::days(60);

/// Earlier than any row, and within what Postgres holds: the first second of the year 1.
const BEGINNING: i64 = -62_135_596_800_000_000;

/// A moment of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// Names the server and the table. Snapshots of another one mean nothing here.
    pub server: String,
    /// What is committed.
    pub snapshot: Snapshot,
    /// By the server's clock.
    pub time: DateTime<Utc>,
}

impl Moment {
    /// Now. What is read afterwards on this connection holds all of it, and perhaps more.
    ///
    /// # Errors
    /// From the database.
    pub async fn now(conn: &mut PgConnection) -> sqlx::Result<Self> {
        let server = seen_on::identity(&mut *conn).await?;
        // A dump that is restored in place makes the table anew, with the old transactions in its rows.
        let (table, snapshot, time): (i64, String, DateTime<Utc>) = sqlx::query_as(
            "select 'tasks'::regclass::oid::bigint, pg_current_snapshot()::text, clock_timestamp()",
        )
        .fetch_one(conn)
        .await?;
        let snapshot = snapshot.parse::<Snapshot>().map_err(|why: &str| {
            sqlx::Error::Decode(format!("pg_current_snapshot() {why}").into())
        })?;
        Ok(Self {
            server: format!("{server}-{table}"),
            snapshot,
            time,
        })
    }
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Span {
    /// Everything that is there.
    Everything,
    /// What changed between two snapshots, as it is now.
    Between(Snapshot, Snapshot),
}

/// What a device is told, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Projects that are there.
    Projects,
    /// Projects that are not there any more.
    DeletedProjects,
    /// Tasks, deleted ones among them where changes are asked for.
    Tasks,
    /// Saved filters that are there.
    Filters,
    /// Saved filters that are not there any more.
    DeletedFilters,
}

impl Part {
    const ALL: [Self; 5] = [
        Self::Projects,
        Self::DeletedProjects,
        Self::Tasks,
        Self::Filters,
        Self::DeletedFilters,
    ];
}

/// Where a page ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// In which part.
    pub part: Part,
    /// The transaction of the change; of everything, the time of creation in microseconds.
    pub key: i64,
    /// The row.
    pub id: Uuid,
}

/// One row.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A project as it is now.
    Project(Project),
    /// A project is not there any more.
    ProjectDeleted(Uuid),
    /// A task as it is now.
    Task(Box<Task>),
    /// A task is not there any more.
    TaskDeleted(Uuid),
    /// A saved filter as it is now.
    Filter(Box<SavedFilter>),
    /// A saved filter is not there any more.
    FilterDeleted(Uuid),
}

/// Hands the rows of a page to `take`: at most `limit`, fewer when it breaks off. Where the page ended, unless
/// it was the last one.
///
/// # Errors
/// From the database.
pub async fn read(
    conn: &mut PgConnection,
    owner: Owner,
    span: &Span,
    after: Option<Place>,
    limit: u32,
    mut take: impl FnMut(Change) -> ControlFlow<()> + Send,
) -> sqlx::Result<Option<Place>> {
    let mut left = limit.max(1);
    let mut last = after;
    for part in Part::ALL {
        if after.is_some_and(|after| after.part > part) {
            continue;
        }
        let Some(query) = query(part, span) else {
            continue;
        };
        let (key, id) = match (after.filter(|after| after.part == part), span) {
            (Some(after), _) => (after.key, after.id),
            (None, Span::Everything) => (BEGINNING, Uuid::nil()),
            (None, Span::Between(since, _)) => (since.xmin() - 1, Uuid::max()),
        };
        let query = sqlx::query(query)
            .bind(owner.id())
            .bind(key)
            .bind(id)
            // One more tells whether there is another page.
            .bind(i64::from(left) + 1);
        let mut rows = match span {
            Span::Everything => query,
            Span::Between(since, until) => query.bind(until.xmax()).bind(since.to_string()),
        }
        .fetch(&mut *conn);
        let mut reader = Reader::default();
        while let Some(row) = rows.try_next().await? {
            if left == 0 {
                return Ok(last);
            }
            let key = row.try_get("place")?;
            let id = row.try_get("id")?;
            left -= 1;
            last = Some(Place { part, key, id });
            if take(reader.read(part, &row)?).is_break() {
                left = 0;
            }
        }
    }
    Ok(None)
}

/// Reads the rows of one query.
#[derive(Default)]
struct Reader {
    tasks: TaskReader,
}

impl Reader {
    fn read(&mut self, part: Part, row: &PgRow) -> sqlx::Result<Change> {
        Ok(match part {
            Part::Projects => Change::Project(ProjectRow::from_row(row)?.0),
            Part::DeletedProjects => Change::ProjectDeleted(row.try_get("id")?),
            Part::Tasks if row.try_get::<bool, _>("deleted")? => {
                Change::TaskDeleted(row.try_get("id")?)
            }
            Part::Tasks => Change::Task(Box::new(self.tasks.read(row)?)),
            Part::Filters => Change::Filter(Box::new(SavedFilterRow::from_row(row)?.0)),
            Part::DeletedFilters => Change::FilterDeleted(row.try_get("id")?),
        })
    }
}

/// What is there, in the order in which it came to be, which no write changes. What is written meanwhile is
/// told by the changes since.
macro_rules! everything {
    ($table:literal, $columns:literal) => {
        concat!(
            "select ",
            $columns,
            ", (extract(epoch from created_at) * 1000000)::bigint as place
             from ",
            $table,
            "
             and (created_at, id) > (timestamptz 'epoch' + $2 * interval '1 microsecond', $3)
             order by created_at, id limit $4"
        )
    };
}

/// What transactions wrote that the snapshot `$6` has not seen, and that began before `$5`.
macro_rules! changes {
    ($table:literal, $columns:literal) => {
        concat!(
            "select ",
            $columns,
            ", changed_tx as place
             from ",
            $table,
            "
             and (changed_tx, id) > ($2, $3)
             and changed_tx < $5
             and not pg_visible_in_snapshot(changed_tx::text::xid8, $6::text::pg_snapshot)
             order by changed_tx, id limit $4"
        )
    };
}

fn query(part: Part, span: &Span) -> Option<&'static str> {
    Some(match (span, part) {
        // By projects_owner, sorted.
        (Span::Everything, Part::Projects) => {
            everything!("projects where owner_id = $1", "*")
        }
        (Span::Everything, Part::DeletedProjects | Part::DeletedFilters) => return None,
        // By tasks_owner_created.
        (Span::Everything, Part::Tasks) => everything!(
            "tasks where owner_id = $1 and deleted_at is null",
            "*, false as deleted"
        ),
        // By saved_filters_owner, sorted.
        (Span::Everything, Part::Filters) => {
            everything!("saved_filters where owner_id = $1", "*")
        }
        (Span::Between(..), Part::Projects) => {
            changes!("projects where owner_id = $1", "*")
        }
        // By its primary key. A project may have come back under its id.
        (Span::Between(..), Part::DeletedProjects) => changes!(
            "tombstones t where owner_id = $1 and kind = 'project'
                 and not exists (select 1 from projects p where p.id = t.id)",
            "id"
        ),
        // By tasks_changed.
        (Span::Between(..), Part::Tasks) => changes!(
            "tasks where owner_id = $1",
            "*, deleted_at is not null as deleted"
        ),
        (Span::Between(..), Part::Filters) => {
            changes!("saved_filters where owner_id = $1", "*")
        }
        (Span::Between(..), Part::DeletedFilters) => changes!(
            "tombstones t where owner_id = $1 and kind = 'filter'
                 and not exists (select 1 from saved_filters f where f.id = t.id)",
            "id"
        ),
    })
}
