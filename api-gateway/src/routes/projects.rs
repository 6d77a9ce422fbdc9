//! Projects: the lists that tasks are in.

pub(super) mod state;

use axum::{
    Json,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use domain::{
    error::FieldErrors,
    position::Position,
    project::{Project, color, limits},
};
use runtime::auth;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use store::{
    Owner,
    projects::{Archived, Refused, Tasks},
};
use utoipa::ToSchema;
use uuid::Uuid;

use super::tasks::{
    changed_meanwhile, etag, id_is_taken, not_modified, now, require_match, writer_alone,
};
use crate::{
    body::{Body, Document, decode},
    error::{Error, Result},
    input::line,
    openapi::parameters::{ArchivedOnes, TasksOfProject},
    openapi::texts::{Color, ProjectName},
    path::Id,
    query::Parameters,
    state::Gateway,
};

/// What the owner of a project writes: the body of `POST /v1/projects`, and what `PATCH` merges into.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ProjectInput {
    /// Makes a creation safe to repeat. Best a UUIDv7. It cannot be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<Uuid>,
    #[schema(value_type = ProjectName, inline)]
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Color>, inline)]
    color: Option<String>,
}

impl ProjectInput {
    fn check(self) -> std::result::Result<(String, Option<String>), FieldErrors> {
        let mut errors = FieldErrors::default();
        let name = line(&self.name, "name", limits::NAME, &mut errors);
        let read = self.color.as_deref().and_then(color);
        if self.color.is_some() && read.is_none() {
            errors.push("color", "must be a colour such as #db4035");
        }
        errors.into_result((name, read))
    }
}

/// A project.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProjectView {
    id: Uuid,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    color: Option<String>,
    /// Where it stands: compared as text, byte by byte. `POST /v1/projects/{id}/move` changes it.
    #[schema(value_type = String)]
    position: Position,
    #[serde(skip_serializing_if = "Option::is_none")]
    archived_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    /// One more with every write; also the `ETag`.
    version: i64,
}

impl From<Project> for ProjectView {
    fn from(project: Project) -> Self {
        Self {
            id: project.id,
            name: project.name,
            color: project.color,
            position: project.position,
            archived_at: project.archived_at,
            created_at: project.created_at,
            updated_at: project.updated_at,
            version: project.version,
        }
    }
}

/// The projects of a user, in their order: at most 500.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProjectList {
    items: Vec<ProjectView>,
}

/// A project with its version as `ETag`.
fn answer(status: StatusCode, project: Project) -> Response {
    let etag = [(header::ETAG, etag(project.version))];
    (status, etag, Json(ProjectView::from(project))).into_response()
}

fn refused(why: Refused) -> Error {
    match why {
        Refused::NameTaken => Error::field("name", "is the name of another of your projects"),
        Refused::TooMany => Error::new(
            StatusCode::CONFLICT,
            format!(
                "a user has at most {} projects; delete one first",
                limits::PROJECTS
            ),
        ),
        Refused::Changed => changed_meanwhile(),
    }
}

/// The project of a request that writes it.
async fn written(
    conn: &mut PgConnection,
    owner: Owner,
    id: Uuid,
    headers: &HeaderMap,
) -> Result<Project> {
    let project = store::projects::get(conn, owner, id)
        .await?
        .ok_or_else(|| Error::not_found("project"))?;
    require_match(headers, project.version)?;
    Ok(project)
}

/// Lists the projects.
#[utoipa::path(
    get,
    path = "/v1/projects",
    operation_id = "listProjects",
    tag = "projects",
    params(
        ("archived" = inline(Option<ArchivedOnes>), Query),
    ),
    responses(
        (status = 200, body = ProjectList),
    )
)]
pub(super) async fn list(
    gateway: Gateway,
    auth::User(user): auth::User,
    mut parameters: Parameters,
) -> Result<Json<ProjectList>> {
    let archived = parameters.word(
        "archived",
        &[
            ("false", Archived::No),
            ("true", Archived::Only),
            ("all", Archived::Too),
        ],
    );
    parameters.finish()?;
    let mut conn = gateway.store.acquire().await?;
    let projects = store::projects::list(&mut conn, Owner::of(user), archived).await?;
    let items = projects.into_iter().map(ProjectView::from).collect();
    Ok(Json(ProjectList { items }))
}

/// Creates a project, the last in the order. Sent again with the same `id` and content it answers 200 with
/// the project that is there.
#[utoipa::path(
    post,
    path = "/v1/projects",
    operation_id = "createProject",
    tag = "projects",
    request_body = ProjectInput,
    responses(
        (status = 201, body = ProjectView, headers(("etag" = String))),
        (status = 200, description = "It was created by an earlier request.", body = ProjectView, headers(("etag" = String))),
        (status = 409, description = "The id is taken by a project of other content, or there are 500 projects."),
    )
)]
pub(super) async fn create(
    gateway: Gateway,
    auth::User(user): auth::User,
    Body(input): Body<ProjectInput>,
) -> Result<Response> {
    let id = input.id.unwrap_or_else(Uuid::now_v7);
    let (name, color) = input.check()?;
    let now = now();
    let mut tx = gateway.store.begin().await?;
    writer_alone(&mut tx, user).await?;
    if let Some(there) = store::projects::get(&mut tx, Owner::of(user), id).await? {
        if (&there.name, &there.color) == (&name, &color) {
            return Ok(answer(StatusCode::OK, there));
        }
        return Err(id_is_taken());
    }
    let project = Project {
        id,
        owner: user,
        name,
        color,
        position: Position::last(now, id),
        archived_at: None,
        created_at: now,
        updated_at: now,
        version: 1,
    };
    let made = store::projects::create(&mut tx, &project).await?;
    // Somebody else's.
    let project = made.map_err(refused)?.ok_or_else(id_is_taken)?;
    tx.commit().await?;
    Ok(answer(StatusCode::CREATED, project))
}

/// Reads a project.
#[utoipa::path(
    get,
    path = "/v1/projects/{id}",
    operation_id = "getProject",
    tag = "projects",
    params(
        ("id" = Uuid, Path),
        ("if-none-match" = Option<String>, Header, description = "An `ETag` that the client has."),
    ),
    responses(
        (status = 200, body = ProjectView, headers(("etag" = String))),
        (status = 304, description = "The client has it already."),
    )
)]
pub(super) async fn get(
    gateway: Gateway,
    auth::User(user): auth::User,
    Id(id): Id,
    headers: HeaderMap,
) -> Result<Response> {
    let mut conn = gateway.store.acquire().await?;
    let project = store::projects::get(&mut conn, Owner::of(user), id)
        .await?
        .ok_or_else(|| Error::not_found("project"))?;
    if let Some(known) = not_modified(&headers, project.version) {
        return Ok(known);
    }
    Ok(answer(StatusCode::OK, project))
}

/// Changes a project by a JSON merge patch (RFC 7396).
#[utoipa::path(
    patch,
    path = "/v1/projects/{id}",
    operation_id = "updateProject",
    tag = "projects",
    params(
        ("id" = Uuid, Path),
        ("if-match" = Option<String>, Header, description = "The `ETag` of the version to be changed."),
    ),
    request_body(content = ref("#/components/schemas/ProjectPatch"), content_type = "application/merge-patch+json"),
    responses(
        (status = 200, body = ProjectView, headers(("etag" = String))),
    )
)]
pub(super) async fn patch(
    gateway: Gateway,
    auth::User(user): auth::User,
    Id(id): Id,
    headers: HeaderMap,
    Document(patch): Document,
) -> Result<Response> {
    if !patch.is_object() {
        return Err(Error::field("body", "must be an object"));
    }
    let mut tx = gateway.store.begin().await?;
    writer_alone(&mut tx, user).await?;
    let project = written(&mut tx, Owner::of(user), id, &headers).await?;
    let mut merged = serde_json::json!({ "id": id, "name": project.name, "color": project.color });
    json_patch::merge(&mut merged, &patch);
    let input: ProjectInput = decode(merged, "")?;
    if input.id != Some(id) {
        return Err(Error::field("id", "cannot be changed"));
    }
    let (name, color) = input.check()?;
    let changed = Project {
        name,
        color,
        ..project.clone()
    };
    if changed == project {
        return Ok(answer(StatusCode::OK, project));
    }
    let written = store::projects::update(&mut tx, &changed, now()).await?;
    let project = written.map_err(refused)?;
    tx.commit().await?;
    Ok(answer(StatusCode::OK, project))
}

/// Deletes a project. With `tasks=keep` (default) its tasks go to the inbox, with `tasks=delete` they are
/// deleted; `POST /v1/projects/{id}/archive` is what can be undone. Of thousands of tasks some may have left
/// the project when this fails half way: sent again, it goes on.
#[utoipa::path(
    delete,
    path = "/v1/projects/{id}",
    operation_id = "deleteProject",
    tag = "projects",
    params(
        ("id" = Uuid, Path),
        ("tasks" = inline(Option<TasksOfProject>), Query),
        ("if-match" = Option<String>, Header, description = "The `ETag` of the version to be deleted."),
    ),
    responses(
        (status = 204),
    )
)]
pub(super) async fn delete(
    gateway: Gateway,
    auth::User(user): auth::User,
    Id(id): Id,
    headers: HeaderMap,
    mut parameters: Parameters,
) -> Result<StatusCode> {
    let tasks = parameters.word("tasks", &[("keep", Tasks::Keep), ("delete", Tasks::Delete)]);
    parameters.finish()?;
    let owner = Owner::of(user);
    loop {
        let mut tx = gateway.store.begin().await?;
        writer_alone(&mut tx, user).await?;
        written(&mut tx, owner, id, &headers).await?;
        let more = store::projects::empty_step(&mut tx, owner, id, tasks, now()).await?;
        if !more {
            store::projects::delete(&mut tx, owner, id, now()).await?;
        }
        tx.commit().await?;
        if !more {
            return Ok(StatusCode::NO_CONTENT);
        }
    }
}
