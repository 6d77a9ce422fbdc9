//! Single tasks.

use axum::{
    Json,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, SubsecRound, Utc};
use domain::task::{Task, limits};
use runtime::auth;
use sqlx::PgConnection;
use store::{
    tasks::{Created, Misplaced},
    users::User,
};
use uuid::Uuid;

use super::{
    place,
    scope::{Scope, edit},
};
use crate::{
    body::{Body, Document, decode},
    error::{Error, Result},
    input::Context,
    openapi::parameters::EditScope,
    path::Id,
    query::Parameters,
    state::Gateway,
    view::{ReminderList, ReminderView, TaskInput, TaskView},
};

/// Now, as precisely as Postgres stores it, so that an answer equals what is read later.
pub(super) fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}

/// The user of a write. The zone cannot change before the transaction ends.
pub(super) async fn writer(conn: &mut PgConnection, id: Uuid) -> Result<User> {
    store::users::by_id_locked(conn, id)
        .await?
        .ok_or_else(Error::no_account)
}

/// As [`writer`], of a write that looks at other rows of the user's than the one it writes.
pub(super) async fn writer_alone(conn: &mut PgConnection, id: Uuid) -> Result<User> {
    store::users::by_id_alone(conn, id)
        .await?
        .ok_or_else(Error::no_account)
}

/// A task with its version as `ETag`: what is answered by whatever writes one.
pub(super) struct Written(pub(super) StatusCode, pub(super) Task);

impl IntoResponse for Written {
    fn into_response(self) -> Response {
        let Self(status, task) = self;
        let etag = etag(task.version);
        (status, [(header::ETAG, etag)], Json(TaskView::from(task))).into_response()
    }
}

/// The entity tag of a version.
pub(super) fn etag(version: i64) -> String {
    format!("\"{version}\"")
}

/// Whether a list of entity tags (RFC 9110 §13.1) names that of a version; none without the header.
fn names(headers: &HeaderMap, header: header::HeaderName, version: i64) -> Option<bool> {
    let values = headers.get_all(header);
    let mut values = values.iter().peekable();
    values.peek()?;
    let etag = etag(version);
    Some(values.filter_map(|value| value.to_str().ok()).any(|list| {
        list.split(',')
            .map(str::trim)
            .any(|tag| tag == "*" || tag == etag)
    }))
}

/// 304 where `If-None-Match` names the version (RFC 9110 §13.1.2): the client has it already.
pub(super) fn not_modified(headers: &HeaderMap, version: i64) -> Option<Response> {
    let known = names(headers, header::IF_NONE_MATCH, version) == Some(true);
    known.then(|| {
        let etag = [(header::ETAG, etag(version))];
        (StatusCode::NOT_MODIFIED, etag).into_response()
    })
}

/// 412 where `If-Match` asks for another version (RFC 9110 §13.1.1).
pub(super) fn require_match(headers: &HeaderMap, version: i64) -> Result<()> {
    if names(headers, header::IF_MATCH, version) == Some(false) {
        return Err(changed_meanwhile());
    }
    Ok(())
}

/// 412.
pub(super) fn changed_meanwhile() -> Error {
    Error::new(
        StatusCode::PRECONDITION_FAILED,
        "it has another version than If-Match asks for; read it again",
    )
}

/// The channels that `input` may name, with their URLs: those of its owner, and those that `before`
/// has already, even if they are gone by now: an edit of the title must not fail over it.
pub(super) async fn channels_for(
    conn: &mut PgConnection,
    owner: Uuid,
    before: Option<&Task>,
) -> Result<Vec<(Uuid, String)>> {
    let kept = before.iter().flat_map(|task| &task.reminders);
    let kept = kept.flat_map(|r| &r.channels).filter_map(|channel| {
        let url = channel.url().unwrap_or_default().to_owned();
        Some((channel.stored_id()?, url))
    });
    let own = store::channels::of_owner(conn, owner).await?;
    let own = own.into_iter().map(|channel| (channel.id, channel.url));
    Ok(kept.chain(own).collect())
}

pub(super) fn names_channels(input: &TaskInput) -> bool {
    input.reminders.iter().any(|r| !r.channels.is_empty())
}

/// Creates a task. Sent again with the same `id` and content it answers 200 with the task that is
/// there.
#[utoipa::path(
    post,
    path = "/v1/tasks",
    operation_id = "createTask",
    tag = "tasks",
    request_body = TaskInput,
    responses(
        (status = 201, body = TaskView, headers(("etag" = String))),
        (status = 200, description = "It was created by an earlier request.", body = TaskView),
        (status = 409, description = "The id belongs to a task of other content."),
    )
)]
pub(super) async fn create(
    gateway: Gateway,
    auth::User(owner): auth::User,
    Body(input): Body<TaskInput>,
) -> Result<Written> {
    let (status, task) = created(&gateway, owner, input).await?;
    Ok(Written(status, task))
}

/// The task that `input` asks for: 201 and the new one, or 200 and that of an earlier request.
///
/// # Errors
/// What cannot be accepted.
pub(super) async fn created(
    gateway: &Gateway,
    owner: Uuid,
    input: TaskInput,
) -> Result<(StatusCode, Task)> {
    let id = input.id.unwrap_or_else(Uuid::now_v7);
    let channels = if names_channels(&input) {
        let mut conn = gateway.store.acquire().await?;
        let channels = channels_for(&mut conn, owner, None).await?;
        conn.release();
        channels
    } else {
        Vec::new()
    };
    if input.parent.is_some() {
        return place::create_subtask(gateway, owner, id, input, &channels).await;
    }
    let mut known = gateway.zones.of(owner);
    // The zone that is remembered may be an old one: the statement then writes nothing, and it is read.
    for _ in 0..ZONE_ATTEMPTS {
        let zone = match known.take() {
            Some(zone) => zone,
            None => {
                let mut conn = gateway.store.acquire().await?;
                let user = store::users::by_id(&mut conn, owner).await?;
                conn.release();
                let zone = user.ok_or_else(Error::no_account)?.zone();
                gateway.zones.remember(owner, zone);
                zone
            }
        };
        let context = Context {
            zone,
            channels: &channels,
        };
        let content = input.clone().check(&context)?;
        let now = now();
        let task = content.clone().into_task(id, owner, zone, now);
        let mut conn = gateway.store.acquire().await?;
        let created = store::tasks::create_in_zone(&mut conn, &task, zone, now).await?;
        conn.release();
        match created {
            Created::Task(task) => {
                gateway.store.wake();
                return Ok((StatusCode::CREATED, *task));
            }
            Created::Exists => {
                let mut conn = gateway.store.acquire().await?;
                let there = store::tasks::get(&mut conn, owner, id).await?;
                let there = there.filter(|task| content.is_of(task));
                let there = there.ok_or_else(id_is_taken)?;
                return Ok((StatusCode::OK, there));
            }
            Created::NoProject => return Err(place::misplaced(Misplaced::NoProject)),
            Created::OwnerChanged => {}
        }
    }
    Err(Error::new(
        StatusCode::CONFLICT,
        "the time zone of the account changes all the time; send the request again",
    ))
}

/// 409 for a creation under an id that is in use.
pub(super) fn id_is_taken() -> Error {
    Error::new(
        StatusCode::CONFLICT,
        "this id is taken by something of other content; send another id, or none",
    )
}

/// How often a task is written when its owner's zone turns out to be another one.
const ZONE_ATTEMPTS: usize = 3;

/// Reads a task.
#[utoipa::path(
    get,
    path = "/v1/tasks/{id}",
    operation_id = "getTask",
    tag = "tasks",
    params(
        ("id" = Uuid, Path),
        ("if-none-match" = Option<String>, Header, description = "An `ETag` that the client has."),
    ),
    responses(
        (status = 200, body = TaskView, headers(("etag" = String))),
        (status = 304, description = "The client has it already."),
    )
)]
pub(super) async fn get(
    gateway: Gateway,
    auth::User(owner): auth::User,
    Id(id): Id,
    headers: HeaderMap,
) -> Result<Response> {
    let mut conn = gateway.store.acquire().await?;
    let task = store::tasks::get(&mut conn, owner, id)
        .await?
        .ok_or_else(|| Error::not_found("task"))?;
    conn.release();
    if let Some(known) = not_modified(&headers, task.version) {
        return Ok(known);
    }
    Ok(Written(StatusCode::OK, task).into_response())
}

/// Changes a task by a JSON merge patch (RFC 7396): a field that is not named stays, null takes it
/// away, lists are replaced whole. Of a series, what is written holds for this instance and all that
/// follow, but `due`, which moves this one alone; `scope` says it otherwise. A subtask that gets another
/// `project` and no `parent` is a subtask no more.
#[utoipa::path(
    patch,
    path = "/v1/tasks/{id}",
    operation_id = "updateTask",
    tag = "tasks",
    params(
        ("id" = Uuid, Path),
        ("scope" = inline(Option<EditScope>), Query, description = "Of a series: `this` changes this instance alone; `following` this one and all that follow, its `due` included"),
        ("if-match" = Option<String>, Header, description = "The `ETag` of the version to be changed."),
    ),
    request_body(content = ref("#/components/schemas/TaskPatch"), content_type = "application/merge-patch+json"),
    responses(
        (status = 200, body = TaskView, headers(("etag" = String))),
    )
)]
pub(super) async fn patch(
    gateway: Gateway,
    auth::User(owner): auth::User,
    Id(id): Id,
    headers: HeaderMap,
    mut parameters: Parameters,
    Document(patch): Document,
) -> Result<Written> {
    let scope = Scope::read(&mut parameters);
    parameters.finish()?;
    if !patch.is_object() {
        return Err(Error::field("body", "must be an object"));
    }
    let mut tx = gateway.store.begin().await?;
    let moves = ["project", "parent"]
        .iter()
        .any(|field| patch.get(field).is_some());
    let user = if moves {
        writer_alone(&mut tx, owner).await?
    } else {
        writer(&mut tx, owner).await?
    };
    let task = store::tasks::get_for_update(&mut tx, owner, id)
        .await?
        .ok_or_else(|| Error::not_found("task"))?;
    require_match(&headers, task.version)?;
    let mut merged = serde_json::to_value(TaskInput::of(&task))
        .map_err(|error| Error::from(runtime::Problem::internal(error)))?;
    json_patch::merge(&mut merged, &patch);
    let mut input: TaskInput = decode(merged, "")?;
    if input.id != Some(id) {
        return Err(Error::field("id", "cannot be changed"));
    }
    let zone = user.zone();
    let channels = if names_channels(&input) {
        channels_for(&mut tx, owner, Some(&task)).await?
    } else {
        Vec::new()
    };
    let context = Context {
        zone,
        channels: &channels,
    };
    if moves {
        let place = place::patched(&mut tx, &task, &patch, &input).await?;
        (input.project, input.parent) = (place.project, place.parent);
    }
    let content = input.check(&context)?;
    let now = now();
    let edited = edit(&task, content, scope, zone, now)?;
    if edited == task {
        return Ok(Written(StatusCode::OK, task));
    }
    // The row is locked since it was read, so its version is the one that was read.
    let task = store::tasks::put(&mut tx, &task, &edited, zone, now)
        .await?
        .ok_or_else(changed_meanwhile)?;
    tx.commit().await?;
    Ok(Written(StatusCode::OK, task))
}

/// Deletes a task with its subtasks; `POST /v1/tasks/{id}/restore` brings them back.
#[utoipa::path(
    delete,
    path = "/v1/tasks/{id}",
    operation_id = "deleteTask",
    tag = "tasks",
    params(
        ("id" = Uuid, Path),
        ("if-match" = Option<String>, Header, description = "The `ETag` of the version to be deleted."),
    ),
    responses(
        (status = 204),
    )
)]
pub(super) async fn delete(
    gateway: Gateway,
    auth::User(owner): auth::User,
    Id(id): Id,
    headers: HeaderMap,
) -> Result<StatusCode> {
    let mut tx = gateway.store.begin().await?;
    let task = store::tasks::get_for_update(&mut tx, owner, id)
        .await?
        .ok_or_else(|| Error::not_found("task"))?;
    require_match(&headers, task.version)?;
    store::tasks::delete(&mut tx, owner, id, Some(task.version), now()).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Tells what has become of the reminders of a task.
#[utoipa::path(
    get,
    path = "/v1/tasks/{id}/reminders",
    operation_id = "listTaskReminders",
    tag = "tasks",
    params(("id" = Uuid, Path)),
    responses(
        (status = 200, body = ReminderList),
    )
)]
pub(super) async fn reminders(
    gateway: Gateway,
    auth::User(owner): auth::User,
    Id(id): Id,
) -> Result<Json<ReminderList>> {
    let mut conn = gateway.store.acquire().await?;
    store::tasks::get(&mut conn, owner, id)
        .await?
        .ok_or_else(|| Error::not_found("task"))?;
    let reminders = store::tasks::reminders_of(&mut conn, id, i64::from(limits::PAGE)).await?;
    let items = reminders.into_iter().map(ReminderView::from).collect();
    Ok(Json(ReminderList { items }))
}
