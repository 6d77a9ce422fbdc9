//! Filters that a user keeps by a name. They make no events: like settings, they concern nobody but devices,
//! which learn of them by [`crate::sync`].

use chrono::{DateTime, Utc};
use domain::filter::Filter;
use sqlx::{FromRow, PgConnection, Row as _, postgres::PgRow};
use uuid::Uuid;

use crate::{Owner, tasks::Sort};

/// Filters of a user, at most.
pub const MOST: usize = 100;

/// Characters of a name, at most.
pub const NAME: usize = 120;

/// A filter with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedFilter {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub owner: Uuid,
    /// One line. Several may have the same.
    pub name: String,
    /// Which tasks it means. It is stored as its canonical text.
    pub filter: Filter,
    /// What its tasks are sorted by, unless somebody asks for another order; never
    /// [`Sort::Relevance`].
    pub sort: Option<Sort>,
    /// Largest first.
    pub descending: Option<bool>,
    /// Its owner wants it close by.
    pub is_favorite: bool,
    /// When it came to be.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// One more with every write; the `ETag` of the REST interface.
    pub version: i64,
}

/// [`SavedFilter`] read from its row.
pub(crate) struct SavedFilterRow(pub(crate) SavedFilter);

impl FromRow<'_, PgRow> for SavedFilterRow {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let filter = Filter::parse(row.try_get("filter")?);
        let sort: Option<&str> = row.try_get("sort")?;
        let sort = sort.map(|name| {
            Sort::of(name).ok_or_else(|| sqlx::Error::Decode(format!("no sort {name}").into()))
        });
        Ok(Self(SavedFilter {
            id: row.try_get("id")?,
            owner: row.try_get("owner_id")?,
            name: row.try_get("name")?,
            filter: filter.map_err(|error| sqlx::Error::Decode(error.into()))?,
            sort: sort.transpose()?,
            descending: row.try_get("descending")?,
            is_favorite: row.try_get("is_favorite")?,
            created_at: row.try_get("created_at")?,
            updated_at: row.try_get("updated_at")?,
            version: row.try_get("version")?,
        }))
    }
}

/// What came of making one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Created {
    /// It is there now.
    Filter(Box<SavedFilter>),
    /// The id is in use.
    Exists,
    /// Its owner has [`MOST`] of them.
    TooMany,
}

/// The filters of a user, by name: at most [`MOST`].
///
/// # Errors
/// Whatever Postgres says.
pub async fn list(conn: &mut PgConnection, owner: Owner) -> sqlx::Result<Vec<SavedFilter>> {
    // By saved_filters_owner.
    let rows: Vec<SavedFilterRow> = sqlx::query_as(
        "select * from saved_filters where owner_id = $1 order by name collate title_order, id",
    )
    .bind(owner.id())
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// A filter of a user.
///
/// # Errors
/// Whatever Postgres says.
pub async fn get(
    conn: &mut PgConnection,
    owner: Owner,
    id: Uuid,
) -> sqlx::Result<Option<SavedFilter>> {
    let row: Option<SavedFilterRow> =
        sqlx::query_as("select * from saved_filters where id = $1 and owner_id = $2")
            .bind(id)
            .bind(owner.id())
            .fetch_optional(conn)
            .await?;
    Ok(row.map(|row| row.0))
}

/// Makes a filter. The caller has its owner's row for itself.
///
/// # Errors
/// Whatever Postgres says.
pub async fn create(conn: &mut PgConnection, filter: &SavedFilter) -> sqlx::Result<Created> {
    let owned: i64 = sqlx::query_scalar("select count(*) from saved_filters where owner_id = $1")
        .bind(filter.owner)
        .fetch_one(&mut *conn)
        .await?;
    if usize::try_from(owned).is_ok_and(|owned| owned >= MOST) {
        return Ok(Created::TooMany);
    }
    let row: Option<SavedFilterRow> = sqlx::query_as(
        "insert into saved_filters
             (id, owner_id, name, filter, sort, descending, is_favorite, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $8) on conflict (id) do nothing returning *",
    )
    .bind(filter.id)
    .bind(filter.owner)
    .bind(&filter.name)
    .bind(filter.filter.to_string())
    .bind(filter.sort.map(Sort::as_str))
    .bind(filter.descending)
    .bind(filter.is_favorite)
    .bind(filter.created_at)
    .fetch_optional(conn)
    .await?;
    Ok(row.map_or(Created::Exists, |row| Created::Filter(Box::new(row.0))))
}

/// Writes a filter; none where there is another version than `filter.version` by now, or none any more.
///
/// # Errors
/// Whatever Postgres says.
pub async fn update(
    conn: &mut PgConnection,
    filter: &SavedFilter,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<SavedFilter>> {
    let row: Option<SavedFilterRow> = sqlx::query_as(
        "update saved_filters set name = $4, filter = $5, sort = $6, descending = $7, is_favorite = $8,
             updated_at = $9, version = version + 1
         where id = $1 and owner_id = $2 and version = $3 returning *",
    )
    .bind(filter.id)
    .bind(filter.owner)
    .bind(filter.version)
    .bind(&filter.name)
    .bind(filter.filter.to_string())
    .bind(filter.sort.map(Sort::as_str))
    .bind(filter.descending)
    .bind(filter.is_favorite)
    .bind(now)
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| row.0))
}

/// Deletes a filter of this version, or does nothing and says false.
///
/// # Errors
/// Whatever Postgres says.
pub async fn delete(
    conn: &mut PgConnection,
    owner: Owner,
    id: Uuid,
    version: i64,
) -> sqlx::Result<bool> {
    let done =
        sqlx::query("delete from saved_filters where id = $1 and owner_id = $2 and version = $3")
            .bind(id)
            .bind(owner.id())
            .bind(version)
            .execute(conn)
            .await?;
    Ok(done.rows_affected() > 0)
}
