//! What decides how series go on, for many completions at once.

use std::collections::{HashMap, HashSet};

use domain::position::Position;
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use crate::{
    Owner,
    tasks::{Place, position},
};

/// A series by its owner and id.
pub type Of = (Owner, Uuid);

/// Where an instance stands that is to be followed by another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// In which list.
    pub place: Place,
    /// Where in that list.
    pub position: Position,
}

/// Where these instances stand now: of each owner those that are to be followed by another, by their ids. Not
/// what was deleted, whose series was ended, or that is a subtask of what is done or deleted.
///
/// # Errors
/// Whatever Postgres says.
pub async fn going_on(
    conn: &mut PgConnection,
    instances: &[(Owner, Uuid)],
) -> sqlx::Result<HashMap<Uuid, Standing>> {
    let (owners, ids) = split(instances);
    let rows = sqlx::query(
        "select t.id, t.project_id, t.parent_id, t.position
         from unnest($1::uuid[], $2::uuid[]) as of (owner, id)
         join tasks t on t.id = of.id and t.owner_id = of.owner
         where t.deleted_at is null and t.recurrence is not null
             and (t.parent_id is null or exists (
                 select 1 from tasks p where p.id = t.parent_id and p.owner_id = t.owner_id
                     and p.deleted_at is null and p.completed_at is null))",
    )
    .bind(owners)
    .bind(ids)
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            let place = Place {
                project: row.try_get("project_id")?,
                parent: row.try_get("parent_id")?,
            };
            let position = position(row, "position")?;
            Ok((row.try_get("id")?, Standing { place, position }))
        })
        .collect()
}

/// How many instances of these series are open; of those that are missing here, none.
///
/// # Errors
/// Whatever Postgres says.
pub async fn open(
    conn: &mut PgConnection,
    series: &HashSet<Of>,
) -> sqlx::Result<HashMap<Of, usize>> {
    let (owners, ids) = split(series);
    // By tasks_series.
    let rows: Vec<(Uuid, Uuid, i64)> = sqlx::query_as(
        "select t.owner_id, t.series_id, count(*) from unnest($1::uuid[], $2::uuid[]) as of (owner, series)
         join tasks t on t.series_id = of.series and t.owner_id = of.owner
         where t.completed_at is null and t.deleted_at is null
         group by t.owner_id, t.series_id",
    )
    .bind(owners)
    .bind(ids)
    .fetch_all(conn)
    .await?;
    let read = |(owner, series, count)| {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        ((Owner::of(owner), series), count)
    };
    Ok(rows.into_iter().map(read).collect())
}

/// Which of these original times these series have instances for, deleted ones included.
///
/// # Errors
/// Whatever Postgres says.
pub async fn there(
    conn: &mut PgConnection,
    series: &HashSet<Of>,
    of: &[&str],
) -> sqlx::Result<HashSet<(Of, String)>> {
    let (owners, ids) = split(series);
    // By tasks_series.
    let rows: Vec<(Uuid, Uuid, String)> = sqlx::query_as(
        "select t.owner_id, t.series_id, t.occurrence from unnest($1::uuid[], $2::uuid[]) as of (owner, series)
         join tasks t on t.series_id = of.series and t.owner_id = of.owner
         where t.occurrence = any($3)",
    )
    .bind(owners)
    .bind(ids)
    .bind(of)
    .fetch_all(conn)
    .await?;
    let read = |(owner, series, occurrence)| ((Owner::of(owner), series), occurrence);
    Ok(rows.into_iter().map(read).collect())
}

/// As columns for `unnest`.
fn split<'a>(of: impl IntoIterator<Item = &'a (Owner, Uuid)>) -> (Vec<Uuid>, Vec<Uuid>) {
    of.into_iter().map(|(owner, id)| (owner.id(), *id)).unzip()
}
