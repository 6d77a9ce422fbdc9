//! Deleting a project: first its tasks leave it, some at a time, then it goes.

use chrono::{DateTime, Utc};
use domain::event::{Actor, EventType};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{ProjectRow, announce};
use crate::{
    Owner,
    tasks::{Edit, delete_all, edit_all, tasks_of},
};

/// Tasks that one transaction takes out of a project, at most.
const STEP: i64 = 500;

/// What becomes of the tasks of a project that is deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tasks {
    /// They go to the inbox.
    #[default]
    Keep,
    /// They are deleted, and can be restored into the inbox.
    Delete,
}

/// Takes the next tasks out of a project; false when none are left. The caller has the owner's row for
/// itself.
///
/// # Errors
/// Whatever Postgres says.
pub async fn empty_step(
    conn: &mut PgConnection,
    owner: Owner,
    project: Uuid,
    tasks: Tasks,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    // By tasks_project.
    let rows = sqlx::query(
        "select * from tasks where project_id = $1 and owner_id = $2 and deleted_at is null
         order by id limit $3 for update",
    )
    .bind(project)
    .bind(owner.id())
    .bind(STEP)
    .fetch_all(&mut *conn)
    .await?;
    let rows = tasks_of(&rows)?;
    if rows.is_empty() {
        return Ok(false);
    }
    match tasks {
        Tasks::Keep => {
            let out = rows
                .into_iter()
                .map(|task| Edit::of(task, |task| task.project = None));
            edit_all(
                conn,
                EventType::TaskUpdated,
                out.collect(),
                Actor::User(owner.id()),
                now,
            )
            .await?;
        }
        Tasks::Delete => {
            let ids: Vec<Uuid> = rows.iter().map(|task| task.id).collect();
            // A task brings back its subtasks that were deleted with it.
            delete_all(conn, owner, &ids, project, now).await?;
        }
    }
    Ok(true)
}

/// Deletes a project whose tasks have left it. Those that were deleted before are restored into the inbox.
/// The caller has the owner's row for itself.
///
/// # Errors
/// Whatever Postgres says.
pub async fn delete(
    conn: &mut PgConnection,
    owner: Owner,
    id: Uuid,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    // Nobody sees them, so that no version and no event tells of it.
    sqlx::query(
        "update tasks set project_id = null
         where project_id = $1 and owner_id = $2 and deleted_at is not null",
    )
    .bind(id)
    .bind(owner.id())
    .execute(&mut *conn)
    .await?;
    let row: Option<ProjectRow> =
        sqlx::query_as("delete from projects where id = $1 and owner_id = $2 returning *")
            .bind(id)
            .bind(owner.id())
            .fetch_optional(&mut *conn)
            .await?;
    let Some(ProjectRow(mut project)) = row else {
        return Ok(false);
    };
    project.updated_at = now;
    project.version += 1;
    announce(conn, EventType::ProjectDeleted, &project).await?;
    Ok(true)
}
