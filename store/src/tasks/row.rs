//! A row of `tasks` as [`Task`].

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use domain::{
    recurrence::SeriesSpec,
    task::{Due, Priority, ReminderSpec, Task},
};
use sqlx::{FromRow, Row, error::BoxDynError, postgres::PgRow, types::Json};
use uuid::Uuid;

/// [`Task`] read from its row.
pub(super) struct TaskRow(pub(super) Task);

impl FromRow<'_, PgRow> for TaskRow {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let due = due(
            row.try_get("due_date")?,
            row.try_get("due_local")?,
            row.try_get("due_zone")?,
        )?;
        Ok(Self(Task {
            id: row.try_get("id")?,
            owner: row.try_get("owner_id")?,
            title: row.try_get("title")?,
            description: row.try_get("description")?,
            priority: Priority::from_number(row.try_get("priority")?),
            tags: row.try_get("tags")?,
            due,
            due_at: row.try_get("due_at")?,
            recurrence: row
                .try_get::<Option<Json<SeriesSpec>>, _>("recurrence")?
                .map(|Json(spec)| spec),
            series: row.try_get::<Option<Uuid>, _>("series_id")?,
            occurrence: row.try_get("occurrence")?,
            reminders: row.try_get::<Json<Vec<ReminderSpec>>, _>("reminders")?.0,
            completed_at: row.try_get::<Option<DateTime<Utc>>, _>("completed_at")?,
            created_at: row.try_get("created_at")?,
            updated_at: row.try_get("updated_at")?,
            version: row.try_get("version")?,
        }))
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
    zone: Option<String>,
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
