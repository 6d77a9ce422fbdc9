//! Where a task may stand: in which project, under which task.

use domain::task::{Task, limits};
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use crate::Owner;

/// The list that a task stands in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Place {
    /// Its project; none: the inbox.
    pub project: Option<Uuid>,
    /// The task that it is a subtask of.
    pub parent: Option<Uuid>,
}

impl Place {
    /// Where a task stands.
    pub fn of(task: &Task) -> Self {
        Self {
            project: task.project,
            parent: task.parent,
        }
    }
}

/// Why a task may not stand in a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misplaced {
    /// The project is none of its owner's, or is archived.
    NoProject,
    /// The parent is none of its owner's open tasks.
    NoParent,
    /// The parent stands in another project.
    OtherProject,
    /// The parent is the task itself, or one of its subtasks.
    Circle,
    /// There would be more than [`limits::LEVELS`] levels.
    TooDeep,
    /// There would be more than [`limits::SUBTASKS`] open subtasks.
    TooMany,
}

/// What is above a task.
#[derive(FromRow)]
struct Above {
    /// From the parent up.
    ids: Vec<Uuid>,
    /// The parent's.
    project_id: Option<Uuid>,
    /// Whether the parent is open.
    open: bool,
}

/// What is below a task, the open ones.
#[derive(FromRow)]
struct Below {
    levels: i32,
    tasks: i64,
}

/// The place that `wanted` means for the task of this id, which need not be there yet: a subtask is in its
/// parent's project, which need not be said. The caller has the owner's row for itself, so that what is
/// found here stays so.
///
/// # Errors
/// Whatever Postgres says.
pub async fn place(
    conn: &mut PgConnection,
    owner: Owner,
    task: Uuid,
    wanted: Place,
) -> sqlx::Result<Result<Place, Misplaced>> {
    let Some(parent) = wanted.parent else {
        return Ok(match wanted.project {
            Some(project) if !takes(conn, owner, project, task).await? => Err(Misplaced::NoProject),
            _ => Ok(wanted),
        });
    };
    let above = above(conn, owner, parent).await?;
    let Some(above) = above.filter(|above| above.open) else {
        return Ok(Err(Misplaced::NoParent));
    };
    if wanted.project.is_some() && wanted.project != above.project_id {
        return Ok(Err(Misplaced::OtherProject));
    }
    if let Some(project) = above.project_id
        && !takes(conn, owner, project, task).await?
    {
        return Ok(Err(Misplaced::NoProject));
    }
    if parent == task || above.ids.contains(&task) {
        return Ok(Err(Misplaced::Circle));
    }
    let own = below(conn, owner, task).await?;
    let levels = above.ids.len() + 1 + usize::try_from(own.levels).unwrap_or(usize::MAX);
    if levels > limits::LEVELS {
        return Ok(Err(Misplaced::TooDeep));
    }
    // A parent is always found above itself.
    let top = above.ids.last().copied().unwrap_or(parent);
    let there = below(conn, owner, top).await?.tasks;
    // What moves within the same tree is counted twice: at the limit it is deleted from first.
    let more = there.saturating_add(own.tasks).saturating_add(1);
    if usize::try_from(more).is_ok_and(|more| more > limits::SUBTASKS) {
        return Ok(Err(Misplaced::TooMany));
    }
    Ok(Ok(Place {
        project: above.project_id,
        parent: Some(parent),
    }))
}

/// Where a task stands that others may be put under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Its project.
    pub project: Option<Uuid>,
    /// It is not completed.
    pub open: bool,
    /// Its level; at the top 1.
    pub level: usize,
    /// The task at the top.
    pub top: Uuid,
    /// Open subtasks of that, all levels together.
    pub subtasks: usize,
}

/// Where a task stands, unless it was deleted. The caller has the owner's row for itself.
///
/// # Errors
/// Whatever Postgres says.
pub async fn standing(
    conn: &mut PgConnection,
    owner: Owner,
    task: Uuid,
) -> sqlx::Result<Option<Standing>> {
    let Some(above) = above(conn, owner, task).await? else {
        return Ok(None);
    };
    // A task is always found above itself.
    let top = above.ids.last().copied().unwrap_or(task);
    let below = below(conn, owner, top).await?;
    Ok(Some(Standing {
        project: above.project_id,
        open: above.open,
        level: above.ids.len(),
        top,
        subtasks: usize::try_from(below.tasks).unwrap_or(usize::MAX),
    }))
}

/// Whether a task may be put into a project, or is in it already.
async fn takes(
    conn: &mut PgConnection,
    owner: Owner,
    project: Uuid,
    task: Uuid,
) -> sqlx::Result<bool> {
    sqlx::query_scalar(
        "select exists (select 1 from projects
             where id = $1 and owner_id = $2
                 and (archived_at is null
                      or exists (select 1 from tasks where id = $3 and project_id = $1)))",
    )
    .bind(project)
    .bind(owner.id())
    .bind(task)
    .fetch_one(conn)
    .await
}

async fn above(conn: &mut PgConnection, owner: Owner, parent: Uuid) -> sqlx::Result<Option<Above>> {
    sqlx::query_as(
        "with recursive above as (
             select id, parent_id, 1 as level from tasks where id = $1 and owner_id = $2
             union all
             select t.id, t.parent_id, level + 1 from tasks t
             join above on t.id = above.parent_id where level < 100)
         select array(select id from above order by level) as ids, project_id, completed_at is null as open
         from tasks where id = $1 and owner_id = $2 and deleted_at is null",
    )
    .bind(parent)
    .bind(owner.id())
    .fetch_optional(conn)
    .await
}

async fn below(conn: &mut PgConnection, owner: Owner, task: Uuid) -> sqlx::Result<Below> {
    // By tasks_parent.
    sqlx::query_as(
        "with recursive below as (
             select id, 1 as level from tasks
             where parent_id = $1 and owner_id = $2 and deleted_at is null and completed_at is null
             union all
             select t.id, level + 1 from tasks t join below on t.parent_id = below.id
             where t.deleted_at is null and t.completed_at is null and level < 100)
         select coalesce(max(level), 0) as levels, count(*) as tasks from below",
    )
    .bind(task)
    .bind(owner.id())
    .fetch_one(conn)
    .await
}
