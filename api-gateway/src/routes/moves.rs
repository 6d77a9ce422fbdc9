//! Moving tasks by hand.

use axum::http::{HeaderMap, StatusCode};
use runtime::auth;
use serde::{Deserialize, Deserializer};
use sqlx::PgConnection;
use store::{
    Owner,
    tasks::{Moved, Place, Spot},
};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    place,
    tasks::{Written, changed_meanwhile, now, require_match, writer_alone},
};
use crate::{
    body::Body,
    error::{Error, Result},
    path::Id,
    state::Gateway,
    view::TaskView,
};

/// Where something is put: exactly one of `before`, `after` and `to`.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ProjectMove {
    /// Before the project of this id.
    #[serde(default)]
    before: Option<Uuid>,
    /// Behind the project of this id.
    #[serde(default)]
    after: Option<Uuid>,
    /// To an end of the list.
    #[serde(default)]
    to: Option<End>,
}

/// An end of a list.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum End {
    First,
    Last,
}

impl ProjectMove {
    /// The field that names a neighbour.
    pub(super) fn neighbour(&self) -> &'static str {
        if self.after.is_some() {
            "after"
        } else {
            "before"
        }
    }

    /// The spot; none when nothing is said.
    pub(super) fn spot(&self) -> Result<Option<Spot<Uuid>>> {
        match (self.before, self.after, self.to) {
            (None, None, None) => Ok(None),
            (Some(id), None, None) => Ok(Some(Spot::Before(id))),
            (None, Some(id), None) => Ok(Some(Spot::After(id))),
            (None, None, Some(End::First)) => Ok(Some(Spot::First)),
            (None, None, Some(End::Last)) => Ok(Some(Spot::Last)),
            _ => Err(Error::field(
                "body",
                "must have one of before, after and to",
            )),
        }
    }
}

/// Where a task is put: one of `before` and `after`, which name its list, too; or to an end of a list.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct TaskMove {
    /// Before this task, into its project and under its parent.
    #[serde(default)]
    before: Option<Uuid>,
    /// Behind this task, into its project and under its parent.
    #[serde(default)]
    after: Option<Uuid>,
    /// To an end of the list; `last` when only `project` or `parent` is given.
    #[serde(default)]
    to: Option<End>,
    /// Into this project, or the inbox (null); absent: that of `parent`, or where it is.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Uuid>)]
    project: Option<Option<Uuid>>,
    /// Under this task, or under none (null); absent: where it is, or under none in another project.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Uuid>)]
    parent: Option<Option<Uuid>>,
}

/// Tells null from a field that is not there.
fn given<'de, D: Deserializer<'de>>(
    value: D,
) -> std::result::Result<Option<Option<Uuid>>, D::Error> {
    Option::deserialize(value).map(Some)
}

/// Moves a task in the manual order, and into another project or under another task. Its subtasks come
/// with it.
#[utoipa::path(
    post,
    path = "/v1/tasks/{id}/move",
    operation_id = "moveTask",
    tag = "tasks",
    params(
        ("id" = Uuid, Path),
        ("if-match" = Option<String>, Header, description = "The `ETag` of the version to be moved."),
    ),
    request_body = TaskMove,
    responses(
        (status = 200, body = TaskView, headers(("etag" = String))),
        (status = 409, description = "Tens of thousands of tasks were moved to this one spot."),
    )
)]
pub(super) async fn move_to(
    gateway: Gateway,
    auth::User(user): auth::User,
    Id(id): Id,
    headers: HeaderMap,
    Body(wanted): Body<TaskMove>,
) -> Result<Written> {
    let mut tx = gateway.store.begin().await?;
    let zone = writer_alone(&mut tx, user).await?.zone();
    let task = store::tasks::get_for_update(&mut tx, user, id)
        .await?
        .ok_or_else(|| Error::not_found("task"))?;
    require_match(&headers, task.version)?;
    let (place, spot) = target(&mut tx, &task, &wanted).await?;
    let place = if place == Place::of(&task) {
        place
    } else {
        place::checked(&mut tx, Owner::of(user), id, place).await?
    };
    match store::tasks::move_to(&mut tx, &task, place, spot, zone, now()).await? {
        Moved::To(task) => {
            tx.commit().await?;
            Ok(Written(StatusCode::OK, *task))
        }
        Moved::Changed => Err(changed_meanwhile()),
        Moved::NoRoom => Err(Error::new(
            StatusCode::CONFLICT,
            "there is no room left at this spot; move it to another, or its neighbours away from it",
        )),
    }
}

/// The list and the spot that a request means.
async fn target(
    conn: &mut PgConnection,
    task: &domain::task::Task,
    wanted: &TaskMove,
) -> Result<(Place, Spot<domain::position::Position>)> {
    let among = ProjectMove {
        before: wanted.before,
        after: wanted.after,
        to: wanted.to,
    };
    let spot = among.spot()?;
    if let Some(Spot::Before(neighbour) | Spot::After(neighbour)) = spot {
        let field = among.neighbour();
        if wanted.project.is_some() || wanted.parent.is_some() {
            let why = format!("names the project and the parent, too; leave them out, or {field}");
            return Err(Error::field(field, why));
        }
        let found = store::tasks::get(conn, task.owner, neighbour).await?;
        let found = found
            .filter(|found| found.id != task.id)
            .ok_or_else(|| Error::field(field, "must be the id of another of your tasks"))?;
        let place = Place::of(&found);
        return Ok(match spot {
            Some(Spot::Before(_)) => (place, Spot::Before(found.position)),
            _ => (place, Spot::After(found.position)),
        });
    }
    let place = match (wanted.project, wanted.parent) {
        (None, None) => Place::of(task),
        (project, Some(parent @ Some(_))) => Place {
            project: project.flatten(),
            parent,
        },
        (project, Some(None)) => Place {
            project: project.unwrap_or(task.project),
            parent: None,
        },
        (Some(project), None) if project == task.project => Place::of(task),
        (Some(project), None) => Place {
            project,
            parent: None,
        },
    };
    match spot {
        None if place == Place::of(task) => Err(Error::field(
            "body",
            "must have one of before, after and to",
        )),
        Some(Spot::First) => Ok((place, Spot::First)),
        _ => Ok((place, Spot::Last)),
    }
}
