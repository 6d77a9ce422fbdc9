//! A row of `tasks` as [`Task`].

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use domain::{
    position::Position,
    recurrence::SeriesSpec,
    task::{Due, Following, Priority, ReminderSpec, Task},
};
use sqlx::{
    Column as _, FromRow, Postgres, Row as _, Type, error::BoxDynError, postgres::PgRow,
    types::Json,
};
use uuid::Uuid;

/// [`Task`] read from its row.
pub(crate) struct TaskRow(pub(crate) Task);

impl FromRow<'_, PgRow> for TaskRow {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Places::of(row)?.read(row).map(Self)
    }
}

/// The tasks of many rows of one query.
///
/// # Errors
/// When a column is missing or cannot be read.
pub(crate) fn tasks_of(rows: &[PgRow]) -> sqlx::Result<Vec<Task>> {
    let Some(first) = rows.first() else {
        return Ok(Vec::new());
    };
    let places = Places::of(first)?;
    rows.iter().map(|row| places.read(row)).collect()
}

/// Reads the tasks of one query's rows as they come.
#[derive(Default)]
pub(crate) struct TaskReader(Option<Places>);

impl TaskReader {
    /// The task of the next row.
    ///
    /// # Errors
    /// When a column is missing or cannot be read.
    pub(crate) fn read(&mut self, row: &PgRow) -> sqlx::Result<Task> {
        let places = match &self.0 {
            Some(places) => places,
            None => self.0.insert(Places::of(row)?),
        };
        places.read(row)
    }
}

/// Where each column stands in a row. Looked up, and its type checked, once for a query: not for each of
/// the thousand values of a page.
struct Places {
    id: usize,
    owner: usize,
    title: usize,
    description: usize,
    priority: usize,
    tags: usize,
    project: usize,
    parent: usize,
    position: usize,
    due_date: usize,
    due_local: usize,
    due_zone: usize,
    due_at: usize,
    recurrence: usize,
    series: usize,
    occurrence: usize,
    following: usize,
    reminders: usize,
    completed_at: usize,
    created_at: usize,
    updated_at: usize,
    version: usize,
}

impl Places {
    fn of(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: place::<Uuid>(row, "id")?,
            owner: place::<Uuid>(row, "owner_id")?,
            title: place::<String>(row, "title")?,
            description: place::<String>(row, "description")?,
            priority: place::<i16>(row, "priority")?,
            tags: place::<Vec<String>>(row, "tags")?,
            project: place::<Uuid>(row, "project_id")?,
            parent: place::<Uuid>(row, "parent_id")?,
            position: place::<&str>(row, "position")?,
            due_date: place::<NaiveDate>(row, "due_date")?,
            due_local: place::<NaiveDateTime>(row, "due_local")?,
            due_zone: place::<&str>(row, "due_zone")?,
            due_at: place::<DateTime<Utc>>(row, "due_at")?,
            recurrence: place::<Json<SeriesSpec>>(row, "recurrence")?,
            series: place::<Uuid>(row, "series_id")?,
            occurrence: place::<String>(row, "occurrence")?,
            following: place::<Json<Following>>(row, "following")?,
            reminders: place::<Json<Vec<ReminderSpec>>>(row, "reminders")?,
            completed_at: place::<DateTime<Utc>>(row, "completed_at")?,
            created_at: place::<DateTime<Utc>>(row, "created_at")?,
            updated_at: place::<DateTime<Utc>>(row, "updated_at")?,
            version: place::<i64>(row, "version")?,
        })
    }

    /// Reads another row of the same query. Unchecked: [`Places::of`] has seen the types.
    fn read(&self, row: &PgRow) -> sqlx::Result<Task> {
        Ok(Task {
            id: row.try_get_unchecked(self.id)?,
            owner: row.try_get_unchecked(self.owner)?,
            title: row.try_get_unchecked(self.title)?,
            description: row.try_get_unchecked(self.description)?,
            priority: Priority::from_number(row.try_get_unchecked(self.priority)?),
            tags: row.try_get_unchecked(self.tags)?,
            project: row.try_get_unchecked(self.project)?,
            parent: row.try_get_unchecked(self.parent)?,
            position: position(row, self.position)?,
            due: due(
                row.try_get_unchecked(self.due_date)?,
                row.try_get_unchecked(self.due_local)?,
                row.try_get_unchecked(self.due_zone)?,
            )?,
            due_at: row.try_get_unchecked(self.due_at)?,
            recurrence: row
                .try_get_unchecked::<Option<Json<SeriesSpec>>, _>(self.recurrence)?
                .map(|Json(spec)| spec),
            series: row.try_get_unchecked(self.series)?,
            occurrence: row.try_get_unchecked(self.occurrence)?,
            following: row
                .try_get_unchecked::<Option<Json<Following>>, _>(self.following)?
                .map(|Json(following)| following),
            reminders: row
                .try_get_unchecked::<Json<Vec<ReminderSpec>>, _>(self.reminders)?
                .0,
            completed_at: row.try_get_unchecked(self.completed_at)?,
            created_at: row.try_get_unchecked(self.created_at)?,
            updated_at: row.try_get_unchecked(self.updated_at)?,
            version: row.try_get_unchecked(self.version)?,
        })
    }
}

/// Where a column stands that holds values of type `T`, or nothing.
fn place<T: Type<Postgres>>(row: &PgRow, name: &str) -> sqlx::Result<usize> {
    let column = row.try_column(name)?;
    if T::compatible(column.type_info()) {
        return Ok(column.ordinal());
    }
    Err(sqlx::Error::ColumnDecode {
        index: name.into(),
        source: format!("a column of type {}", column.type_info()).into(),
    })
}

/// A task after a write, and what its owner could edit of it as it was before: columns of these names with
/// `old_` before them.
pub(super) struct Edited {
    pub(super) before: Task,
    pub(super) after: Task,
}

impl FromRow<'_, PgRow> for Edited {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let TaskRow(after) = TaskRow::from_row(row)?;
        let due = due(
            row.try_get("old_due_date")?,
            row.try_get("old_due_local")?,
            row.try_get("old_due_zone")?,
        )?;
        let before = Task {
            title: row.try_get("old_title")?,
            description: row.try_get("old_description")?,
            priority: Priority::from_number(row.try_get("old_priority")?),
            tags: row.try_get("old_tags")?,
            project: row.try_get("old_project_id")?,
            parent: row.try_get("old_parent_id")?,
            position: position(row, "old_position")?,
            due,
            due_at: row.try_get("old_due_at")?,
            recurrence: row
                .try_get::<Option<Json<SeriesSpec>>, _>("old_recurrence")?
                .map(|Json(spec)| spec),
            series: row.try_get::<Option<Uuid>, _>("old_series_id")?,
            occurrence: row.try_get("old_occurrence")?,
            following: row
                .try_get::<Option<Json<Following>>, _>("old_following")?
                .map(|Json(following)| following),
            reminders: row
                .try_get::<Json<Vec<ReminderSpec>>, _>("old_reminders")?
                .0,
            ..after.clone()
        };
        Ok(Self { before, after })
    }
}

/// A position as it is stored.
pub(crate) fn position<C>(row: &PgRow, column: C) -> sqlx::Result<Position>
where
    C: sqlx::ColumnIndex<PgRow> + std::fmt::Debug + Copy,
{
    Position::parse(row.try_get(column)?).map_err(|why| sqlx::Error::ColumnDecode {
        index: format!("{column:?}"),
        source: BoxDynError::from(why),
    })
}

fn due(
    date: Option<NaiveDate>,
    local: Option<NaiveDateTime>,
    zone: Option<&str>,
) -> sqlx::Result<Option<Due>> {
    match (local, zone) {
        (Some(date_time), Some(zone)) => Ok(Some(Due::At {
            date_time,
            time_zone: zone.parse().map_err(|error| sqlx::Error::ColumnDecode {
                index: "due_zone".into(),
                source: BoxDynError::from(format!("{zone:?}: {error}")),
            })?,
        })),
        _ => Ok(date.map(|date| Due::On { date })),
    }
}

/// The columns that hold a due date: `(due_date, due_local, due_zone)`.
pub(super) fn due_columns(
    due: Option<&Due>,
) -> (
    Option<NaiveDate>,
    Option<NaiveDateTime>,
    Option<&'static str>,
) {
    match due {
        None => (None, None, None),
        Some(Due::On { date }) => (Some(*date), None, None),
        Some(Due::At {
            date_time,
            time_zone,
        }) => (None, Some(*date_time), Some(time_zone.name())),
    }
}
