//! The project and the parent of a task that is written.

use axum::http::StatusCode;
use domain::task::{Task, limits};
use serde_json::Value;
use sqlx::PgConnection;
use store::{
    Owner,
    tasks::{Created, Misplaced, Place},
};
use uuid::Uuid;

use super::tasks::{id_is_taken, now, writer_alone};
use crate::{
    error::{Error, Result},
    input::Context,
    state::Gateway,
    view::TaskInput,
};

/// 422 for a place that a task may not stand in.
pub(super) fn misplaced(why: Misplaced) -> Error {
    match why {
        Misplaced::NoProject => Error::field(
            "project",
            "must be the id of one of your projects that is not archived",
        ),
        Misplaced::NoParent => Error::field("parent", "must be the id of one of your open tasks"),
        Misplaced::OtherProject => Error::field(
            "project",
            "a subtask is in the project of its parent; name that one, or leave it out",
        ),
        Misplaced::Circle => Error::field(
            "parent",
            "must not be the task itself or one of its subtasks",
        ),
        Misplaced::TooDeep => {
            let most = limits::LEVELS;
            Error::field(
                "parent",
                format!("would make more than {most} levels of tasks"),
            )
        }
        Misplaced::TooMany => {
            let most = limits::SUBTASKS;
            let why = format!("would have more than {most} open subtasks, all levels together");
            Error::field("parent", why)
        }
    }
}

/// Where a task of this id may stand when `wanted` is asked for.
pub(super) async fn checked(
    conn: &mut PgConnection,
    owner: Owner,
    task: Uuid,
    wanted: Place,
) -> Result<Place> {
    store::tasks::place(conn, owner, task, wanted)
        .await?
        .map_err(misplaced)
}

/// Where a merge patch puts a task. What it does not name follows: a new parent brings its project, and
/// out of another project a task leaves its parent.
pub(super) async fn patched(
    conn: &mut PgConnection,
    task: &Task,
    patch: &Value,
    input: &TaskInput,
) -> Result<Place> {
    let now_there = Place::of(task);
    let names = |field: &str| patch.get(field).is_some();
    let wanted = match (names("project"), names("parent")) {
        (true, false) if input.project == task.project => now_there,
        (true, false) => Place {
            project: input.project,
            parent: None,
        },
        (false, _) if input.parent.is_some() && input.parent != task.parent => Place {
            project: None,
            parent: input.parent,
        },
        _ => Place {
            project: input.project,
            parent: input.parent,
        },
    };
    if wanted == now_there {
        return Ok(now_there);
    }
    checked(conn, Owner::of(task.owner), task.id, wanted).await
}

/// Creates a subtask, whose limits depend on other tasks than itself.
pub(super) async fn create_subtask(
    gateway: &Gateway,
    owner: Uuid,
    id: Uuid,
    input: TaskInput,
    channels: &[(Uuid, String)],
) -> Result<(StatusCode, Task)> {
    let mut tx = gateway.store.begin().await?;
    let zone = writer_alone(&mut tx, owner).await?.zone();
    let mut content = input.check(&Context { zone, channels })?;
    if let Some(there) = store::tasks::get(&mut tx, owner, id).await? {
        // The project of its parent need not be said.
        content.project = content.project.or(there.project);
        if content.is_of(&there) {
            return Ok((StatusCode::OK, there));
        }
        return Err(id_is_taken());
    }
    let wanted = Place {
        project: content.project,
        parent: content.parent,
    };
    let place = checked(&mut tx, Owner::of(owner), id, wanted).await?;
    content.project = place.project;
    let now = now();
    let task = content.into_task(id, owner, zone, now);
    match store::tasks::create_in_zone(&mut tx, &task, zone, now).await? {
        Created::Task(task) => {
            tx.commit().await?;
            Ok((StatusCode::CREATED, *task))
        }
        // Somebody else's, or a deleted one.
        Created::Exists => Err(id_is_taken()),
        // An archived project keeps its tasks, but takes no new ones.
        Created::NoProject => Err(misplaced(Misplaced::NoProject)),
        Created::OwnerChanged => Err(Error::no_account()),
    }
}
