//! Completing, reopening and restoring tasks. Each may be sent again: what is so already stays so.

use axum::http::StatusCode;
use domain::task::Task;
use runtime::auth;
use store::Transaction;
use uuid::Uuid;

use super::tasks::{Written, now, writer};
use crate::{
    error::{Error, Result},
    path::Id,
    state::Gateway,
    view::TaskView,
};

/// Completes a task with its open subtasks. Of a recurring one only this instance: the next one comes by
/// itself, with its subtasks open again.
#[utoipa::path(
    post,
    path = "/v1/tasks/{id}/complete",
    operation_id = "completeTask",
    tag = "tasks",
    params(("id" = Uuid, Path)),
    responses(
        (status = 200, body = TaskView),
    )
)]
pub(super) async fn complete(
    gateway: Gateway,
    auth::User(owner): auth::User,
    Id(id): Id,
) -> Result<Written> {
    let mut tx = gateway.store.begin().await?;
    let changed = store::tasks::complete(&mut tx, owner, id, now()).await?;
    finish(tx, owner, id, changed).await
}

/// Opens a completed task again, and the tasks that it is a subtask of.
#[utoipa::path(
    post,
    path = "/v1/tasks/{id}/reopen",
    operation_id = "reopenTask",
    tag = "tasks",
    params(("id" = Uuid, Path)),
    responses(
        (status = 200, body = TaskView),
    )
)]
pub(super) async fn reopen(
    gateway: Gateway,
    auth::User(owner): auth::User,
    Id(id): Id,
) -> Result<Written> {
    let mut tx = gateway.store.begin().await?;
    let zone = writer(&mut tx, owner).await?.zone();
    let changed = store::tasks::reopen(&mut tx, owner, id, zone, now()).await?;
    finish(tx, owner, id, changed).await
}

/// Brings a deleted task back, with the subtasks that were deleted with it.
#[utoipa::path(
    post,
    path = "/v1/tasks/{id}/restore",
    operation_id = "restoreTask",
    tag = "tasks",
    params(("id" = Uuid, Path)),
    responses(
        (status = 200, body = TaskView),
    )
)]
pub(super) async fn restore(
    gateway: Gateway,
    auth::User(owner): auth::User,
    Id(id): Id,
) -> Result<Written> {
    let mut tx = gateway.store.begin().await?;
    let zone = writer(&mut tx, owner).await?.zone();
    let changed = store::tasks::restore(&mut tx, owner, id, zone, now()).await?;
    finish(tx, owner, id, changed).await
}

/// Answers with the task as it is now: one that was in this state before stays as it was.
async fn finish(
    mut tx: Transaction,
    owner: Uuid,
    id: Uuid,
    changed: Option<Task>,
) -> Result<Written> {
    let task = match changed {
        Some(task) => Some(task),
        None => store::tasks::get(&mut tx, owner, id).await?,
    };
    tx.commit().await?;
    task.map(|task| Written(StatusCode::OK, task))
        .ok_or_else(|| Error::not_found("task"))
}
