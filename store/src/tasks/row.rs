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
        Ok(Self(Task {
            id: row.try_get("id")?,
            owner: row.try_get("owner_id")?,
            title: row.try_get("title")?,
            description: row.try_get("description")?,
            priority: Priority::from_number(row.try_get("priority")?),
            tags: row.try_get("tags")?,
            due: due(row)?,
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

fn due(row: &PgRow) -> sqlx::Result<Option<Due>> {
    let date: Option<NaiveDate> = row.try_get("due_date")?;
    let local: Option<NaiveDateTime> = row.try_get("due_local")?;
    let zone: Option<String> = row.try_get("due_zone")?;
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
