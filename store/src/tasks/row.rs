//! A row of `tasks` as [`Task`].

use chrono::{NaiveDate, NaiveDateTime};
use domain::{
    recurrence::SeriesSpec,
    task::{Due, Priority, ReminderSpec, Task},
};
use sqlx::{Column as _, FromRow, Row as _, error::BoxDynError, postgres::PgRow, types::Json};
use uuid::Uuid;

/// [`Task`] read from its row.
pub(super) struct TaskRow(pub(super) Task);

impl FromRow<'_, PgRow> for TaskRow {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Places::of(row)?.read(row).map(Self)
    }
}

/// The tasks of many rows of one query.
///
/// # Errors
/// When a column is missing or cannot be read.
pub(super) fn tasks_of(rows: &[PgRow]) -> sqlx::Result<Vec<Task>> {
    let Some(first) = rows.first() else {
        return Ok(Vec::new());
    };
    let places = Places::of(first)?;
    rows.iter().map(|row| places.read(row)).collect()
}

const COLUMNS: [&str; 18] = [
    "id",
    "owner_id",
    "title",
    "description",
    "priority",
    "tags",
    "due_date",
    "due_local",
    "due_zone",
    "due_at",
    "recurrence",
    "series_id",
    "occurrence",
    "reminders",
    "completed_at",
    "created_at",
    "updated_at",
    "version",
];

/// Where the [`COLUMNS`] stand in a row: looked up once for a query, not for each of the thousand values
/// of a page.
struct Places([usize; COLUMNS.len()]);

impl Places {
    fn of(row: &PgRow) -> sqlx::Result<Self> {
        let mut places = [0; COLUMNS.len()];
        for (place, name) in places.iter_mut().zip(COLUMNS) {
            *place = row.try_column(name)?.ordinal();
        }
        Ok(Self(places))
    }

    fn read(&self, row: &PgRow) -> sqlx::Result<Task> {
        let [
            id,
            owner_id,
            title,
            description,
            priority,
            tags,
            due_date,
            due_local,
            due_zone,
            due_at,
            recurrence,
            series_id,
            occurrence,
            reminders,
            completed_at,
            created_at,
            updated_at,
            version,
        ] = self.0;
        Ok(Task {
            id: row.try_get(id)?,
            owner: row.try_get(owner_id)?,
            title: row.try_get(title)?,
            description: row.try_get(description)?,
            priority: Priority::from_number(row.try_get(priority)?),
            tags: row.try_get(tags)?,
            due: due(
                row.try_get(due_date)?,
                row.try_get(due_local)?,
                row.try_get(due_zone)?,
            )?,
            due_at: row.try_get(due_at)?,
            recurrence: row
                .try_get::<Option<Json<SeriesSpec>>, _>(recurrence)?
                .map(|Json(spec)| spec),
            series: row.try_get(series_id)?,
            occurrence: row.try_get(occurrence)?,
            reminders: row.try_get::<Json<Vec<ReminderSpec>>, _>(reminders)?.0,
            completed_at: row.try_get(completed_at)?,
            created_at: row.try_get(created_at)?,
            updated_at: row.try_get(updated_at)?,
            version: row.try_get(version)?,
        })
    }
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
            due,
            due_at: row.try_get("old_due_at")?,
            recurrence: row
                .try_get::<Option<Json<SeriesSpec>>, _>("old_recurrence")?
                .map(|Json(spec)| spec),
            series: row.try_get::<Option<Uuid>, _>("old_series_id")?,
            occurrence: row.try_get("old_occurrence")?,
            reminders: row
                .try_get::<Json<Vec<ReminderSpec>>, _>("old_reminders")?
                .0,
            ..after.clone()
        };
        Ok(Self { before, after })
    }
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
