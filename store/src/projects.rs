//! Projects. A write and its event are one transaction, on the caller's connection.

mod delete;
mod order;

use chrono::{DateTime, Utc};
use domain::{
    event::{Actor, Event, EventType},
    project::{Project, limits, name_key},
};
use sqlx::{FromRow, PgConnection, Row as _, postgres::PgRow};
use uuid::Uuid;

pub use delete::{Tasks, delete, empty_step};
pub use order::move_to;

use crate::{Owner, outbox, tasks::position};

/// [`Project`] read from its row.
pub(crate) struct ProjectRow(pub(crate) Project);

impl FromRow<'_, PgRow> for ProjectRow {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self(Project {
            id: row.try_get("id")?,
            owner: row.try_get("owner_id")?,
            name: row.try_get("name")?,
            color: row.try_get("color")?,
            position: position(row, "position")?,
            archived_at: row.try_get("archived_at")?,
            created_at: row.try_get("created_at")?,
            updated_at: row.try_get("updated_at")?,
            version: row.try_get("version")?,
        }))
    }
}

/// Why a project was not written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// Another one that is not archived has this name.
    NameTaken,
    /// Its owner has [`limits::PROJECTS`] of them.
    TooMany,
    /// There is another version by now, or none any more.
    Changed,
}

/// Which projects are listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Archived {
    /// Those that are not archived.
    #[default]
    No,
    /// Those that are.
    Only,
    /// Both.
    Too,
}

/// The projects of a user in their order: at most [`limits::PROJECTS`].
///
/// # Errors
/// Whatever Postgres says.
pub async fn list(
    conn: &mut PgConnection,
    owner: Owner,
    archived: Archived,
) -> sqlx::Result<Vec<Project>> {
    let wanted = match archived {
        Archived::No => Some(false),
        Archived::Only => Some(true),
        Archived::Too => None,
    };
    // By projects_owner.
    let rows: Vec<ProjectRow> = sqlx::query_as(
        "select * from projects
         where owner_id = $1 and ($2::bool is null or (archived_at is not null) = $2)
         order by position, id",
    )
    .bind(owner.id())
    .bind(wanted)
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// A project of a user.
///
/// # Errors
/// Whatever Postgres says.
pub async fn get(conn: &mut PgConnection, owner: Owner, id: Uuid) -> sqlx::Result<Option<Project>> {
    let row: Option<ProjectRow> =
        sqlx::query_as("select * from projects where id = $1 and owner_id = $2")
            .bind(id)
            .bind(owner.id())
            .fetch_optional(conn)
            .await?;
    Ok(row.map(|row| row.0))
}

/// The id of a user's project that is not archived, by its [`name_key`].
///
/// # Errors
/// Whatever Postgres says.
pub async fn by_name(
    conn: &mut PgConnection,
    owner: Owner,
    key: &str,
) -> sqlx::Result<Option<Uuid>> {
    // By projects_name.
    sqlx::query_scalar(
        "select id from projects where owner_id = $1 and name_key = $2 and archived_at is null",
    )
    .bind(owner.id())
    .bind(key)
    .fetch_optional(conn)
    .await
}

/// Makes a project, the last of its owner's, whose row the caller has for itself. `Ok(None)`: a project of
/// that id is there already.
///
/// # Errors
/// Whatever Postgres says.
pub async fn create(
    conn: &mut PgConnection,
    project: &Project,
) -> sqlx::Result<Result<Option<Project>, Refused>> {
    let owned: i64 = sqlx::query_scalar("select count(*) from projects where owner_id = $1")
        .bind(project.owner)
        .fetch_one(&mut *conn)
        .await?;
    if usize::try_from(owned).is_ok_and(|owned| owned >= limits::PROJECTS) {
        return Ok(Err(Refused::TooMany));
    }
    if name_is_taken(conn, project).await? {
        return Ok(Err(Refused::NameTaken));
    }
    let row: Option<ProjectRow> = sqlx::query_as(
        "insert into projects (id, owner_id, name, name_key, color, position, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $7) on conflict (id) do nothing returning *",
    )
    .bind(project.id)
    .bind(project.owner)
    .bind(&project.name)
    .bind(name_key(&project.name))
    .bind(&project.color)
    .bind(project.position.as_str())
    .bind(project.created_at)
    .fetch_optional(&mut *conn)
    .await?;
    let Some(ProjectRow(project)) = row else {
        return Ok(Ok(None));
    };
    announce(conn, EventType::ProjectCreated, &project).await?;
    Ok(Ok(Some(project)))
}

/// Writes a project, provided that the stored version is still `project.version`. The caller has its
/// owner's row for itself.
///
/// # Errors
/// Whatever Postgres says.
pub async fn update(
    conn: &mut PgConnection,
    project: &Project,
    now: DateTime<Utc>,
) -> sqlx::Result<Result<Project, Refused>> {
    if project.archived_at.is_none() && name_is_taken(conn, project).await? {
        return Ok(Err(Refused::NameTaken));
    }
    let row: Option<ProjectRow> = sqlx::query_as(
        "update projects set name = $4, name_key = $5, color = $6, position = $7, archived_at = $8,
             updated_at = $9, version = version + 1
         where id = $1 and owner_id = $2 and version = $3 returning *",
    )
    .bind(project.id)
    .bind(project.owner)
    .bind(project.version)
    .bind(&project.name)
    .bind(name_key(&project.name))
    .bind(&project.color)
    .bind(project.position.as_str())
    .bind(project.archived_at)
    .bind(now)
    .fetch_optional(&mut *conn)
    .await?;
    let Some(ProjectRow(project)) = row else {
        return Ok(Err(Refused::Changed));
    };
    announce(conn, EventType::ProjectUpdated, &project).await?;
    Ok(Ok(project))
}

/// Whether another project of the same owner that is not archived has its name; by projects_name.
async fn name_is_taken(conn: &mut PgConnection, project: &Project) -> sqlx::Result<bool> {
    sqlx::query_scalar(
        "select exists (select 1 from projects
             where owner_id = $1 and name_key = $2 and archived_at is null and id <> $3)",
    )
    .bind(project.owner)
    .bind(name_key(&project.name))
    .bind(project.id)
    .fetch_one(conn)
    .await
}

/// Puts the event of a write by the project's owner into the outbox.
async fn announce(conn: &mut PgConnection, kind: EventType, project: &Project) -> sqlx::Result<()> {
    let data = serde_json::to_value(project).map_err(|error| sqlx::Error::Encode(error.into()))?;
    let (subject, owner) = (project.id.to_string(), project.owner);
    let event = Event::new(
        Uuid::now_v7(),
        kind,
        subject,
        Some(owner),
        project.updated_at,
        data,
    );
    outbox::put(conn, &event.by(Actor::User(owner))).await
}
