//! Moving, archiving and bringing back projects. Each may be sent again: what is so already stays so.

use axum::{
    http::{HeaderMap, StatusCode},
    response::Response,
};
use domain::project::Project;
use runtime::auth;
use store::Owner;
use uuid::Uuid;

use super::{
    super::{
        moves::ProjectMove,
        tasks::{now, writer_alone},
    },
    ProjectView, answer, refused, written,
};
use crate::{
    body::Body,
    error::{Error, Result},
    path::Id,
    state::Gateway,
};

/// Moves a project in the order of its owner's projects.
#[utoipa::path(
    post,
    path = "/v1/projects/{id}/move",
    operation_id = "moveProject",
    tag = "projects",
    params(
        ("id" = Uuid, Path),
        ("if-match" = Option<String>, Header, description = "The `ETag` of the version to be moved."),
    ),
    request_body = ProjectMove,
    responses(
        (status = 200, body = ProjectView, headers(("etag" = String))),
    )
)]
pub(crate) async fn move_to(
    gateway: Gateway,
    auth::User(user): auth::User,
    Id(id): Id,
    headers: HeaderMap,
    Body(wanted): Body<ProjectMove>,
) -> Result<Response> {
    let spot = wanted
        .spot()?
        .ok_or_else(|| Error::field("body", "must have one of before, after and to"))?;
    let owner = Owner::of(user);
    let mut tx = gateway.store.begin().await?;
    writer_alone(&mut tx, user).await?;
    let project = written(&mut tx, owner, id, &headers).await?;
    let moved = store::projects::move_to(&mut tx, owner, &project, spot, now())
        .await?
        .ok_or_else(|| {
            let field = wanted.neighbour();
            Error::field(field, "must be the id of another of your projects")
        })?;
    let project = moved.map_err(refused)?;
    tx.commit().await?;
    Ok(answer(StatusCode::OK, project))
}

/// Archives a project: it takes no new tasks, and is listed only when asked for. Its tasks stay as they
/// are.
#[utoipa::path(
    post,
    path = "/v1/projects/{id}/archive",
    operation_id = "archiveProject",
    tag = "projects",
    params(("id" = Uuid, Path)),
    responses(
        (status = 200, body = ProjectView, headers(("etag" = String))),
    )
)]
pub(crate) async fn archive(
    gateway: Gateway,
    auth::User(user): auth::User,
    Id(id): Id,
) -> Result<Response> {
    set_archived(&gateway, user, id, true).await
}

/// Brings an archived project back.
#[utoipa::path(
    post,
    path = "/v1/projects/{id}/unarchive",
    operation_id = "unarchiveProject",
    tag = "projects",
    params(("id" = Uuid, Path)),
    responses(
        (status = 200, body = ProjectView, headers(("etag" = String))),
        (status = 422, description = "Another project has its name by now; rename one of them."),
    )
)]
pub(crate) async fn unarchive(
    gateway: Gateway,
    auth::User(user): auth::User,
    Id(id): Id,
) -> Result<Response> {
    set_archived(&gateway, user, id, false).await
}

async fn set_archived(gateway: &Gateway, user: Uuid, id: Uuid, archived: bool) -> Result<Response> {
    let now = now();
    let mut tx = gateway.store.begin().await?;
    writer_alone(&mut tx, user).await?;
    let project = store::projects::get(&mut tx, Owner::of(user), id)
        .await?
        .ok_or_else(|| Error::not_found("project"))?;
    if project.archived_at.is_some() == archived {
        return Ok(answer(StatusCode::OK, project));
    }
    let changed = Project {
        archived_at: archived.then_some(now),
        ..project
    };
    let written = store::projects::update(&mut tx, &changed, now).await?;
    let project = written.map_err(refused)?;
    tx.commit().await?;
    Ok(answer(StatusCode::OK, project))
}
