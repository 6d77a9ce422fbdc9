//! A write among others, done by the very route that does it alone.

use axum::http::{HeaderMap, HeaderValue, header};
use runtime::auth;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    body::{Body, Document, decode},
    error::{Error, Result},
    openapi::{parameters::EditScope, patches::TaskPatch},
    path::Id,
    query::Parameters,
    routes::{
        moves::{self, TaskMove},
        series, state_changes,
        tasks::{self, Written},
    },
    state::Gateway,
    view::TaskInput,
};

/// A write of a task, as the route of its name takes it.
#[derive(Deserialize, ToSchema)]
#[serde(tag = "op", rename_all = "camelCase", deny_unknown_fields)]
pub(crate) enum Operation {
    /// `POST /v1/tasks`.
    #[serde(rename_all = "camelCase")]
    Create {
        /// Its body.
        #[schema(value_type = TaskInput)]
        task: Value,
    },
    /// `PATCH /v1/tasks/{id}`.
    #[serde(rename_all = "camelCase")]
    Patch {
        #[schema(value_type = Uuid)]
        id: String,
        /// Its body.
        #[schema(value_type = TaskPatch)]
        patch: Value,
        /// Its parameter.
        #[serde(default)]
        #[schema(value_type = Option<EditScope>, inline)]
        scope: Option<String>,
        /// Its header.
        #[serde(default)]
        #[schema(pattern = "^[ -~]*$")]
        if_match: Option<String>,
    },
    /// `DELETE /v1/tasks/{id}`.
    #[serde(rename_all = "camelCase")]
    Delete {
        #[schema(value_type = Uuid)]
        id: String,
        /// Its header.
        #[serde(default)]
        #[schema(pattern = "^[ -~]*$")]
        if_match: Option<String>,
    },
    /// `POST /v1/tasks/{id}/complete`.
    #[serde(rename_all = "camelCase")]
    Complete {
        #[schema(value_type = Uuid)]
        id: String,
    },
    /// `POST /v1/tasks/{id}/reopen`.
    #[serde(rename_all = "camelCase")]
    Reopen {
        #[schema(value_type = Uuid)]
        id: String,
    },
    /// `POST /v1/tasks/{id}/restore`.
    #[serde(rename_all = "camelCase")]
    Restore {
        #[schema(value_type = Uuid)]
        id: String,
    },
    /// `POST /v1/tasks/{id}/skip`.
    #[serde(rename_all = "camelCase")]
    Skip {
        #[schema(value_type = Uuid)]
        id: String,
        /// Its header.
        #[serde(default)]
        #[schema(pattern = "^[ -~]*$")]
        if_match: Option<String>,
    },
    /// `POST /v1/tasks/{id}/move`.
    #[serde(rename_all = "camelCase")]
    Move {
        #[schema(value_type = Uuid)]
        id: String,
        /// Its body.
        #[schema(value_type = TaskMove)]
        place: Value,
        /// Its header.
        #[serde(default)]
        #[schema(pattern = "^[ -~]*$")]
        if_match: Option<String>,
    },
}

impl Operation {
    /// # Errors
    /// The fields at fault.
    pub(super) fn read(operation: Value) -> Result<Self> {
        Ok(decode(operation, "")?)
    }

    /// Calls its route. None: the task is deleted.
    ///
    /// # Errors
    /// Why it was refused: its fields, and those of what it carries.
    pub(super) async fn call(self, gateway: &Gateway, owner: Uuid) -> Result<Option<Written>> {
        let (gateway, user) = (gateway.clone(), auth::User(owner));
        let written = match self {
            Self::Create { task } => {
                let input = input(task)?;
                let created = tasks::create(gateway, user, Body(input)).await;
                created.map_err(|error| error.within(TASK))?
            }
            Self::Patch {
                id,
                patch,
                scope,
                if_match,
            } => {
                let (id, headers) = (read_id(&id)?, headers(if_match)?);
                let parameters = Parameters::of(scope.map(|scope| ("scope", scope)));
                let patched =
                    tasks::patch(gateway, user, id, headers, parameters, Document(patch)).await;
                patched.map_err(|error| error.within("patch"))?
            }
            Self::Delete { id, if_match } => {
                let (id, headers) = (read_id(&id)?, headers(if_match)?);
                tasks::delete(gateway, user, id, headers).await?;
                return Ok(None);
            }
            Self::Complete { id } => state_changes::complete(gateway, user, read_id(&id)?).await?,
            Self::Reopen { id } => state_changes::reopen(gateway, user, read_id(&id)?).await?,
            Self::Restore { id } => state_changes::restore(gateway, user, read_id(&id)?).await?,
            Self::Skip { id, if_match } => {
                let (id, headers) = (read_id(&id)?, headers(if_match)?);
                series::skip(gateway, user, id, headers).await?
            }
            Self::Move {
                id,
                place,
                if_match,
            } => {
                let (id, headers) = (read_id(&id)?, headers(if_match)?);
                let place = decode(place, "place")?;
                let moved = moves::move_to(gateway, user, id, headers, Body(place)).await;
                moved.map_err(|error| error.within("place"))?
            }
        };
        Ok(Some(written))
    }
}

/// Where the body of a creation stands in its operation.
pub(super) const TASK: &str = "task";

/// The task that is to be created.
///
/// # Errors
/// The fields at fault.
pub(super) fn input(task: Value) -> Result<TaskInput> {
    Ok(decode(task, TASK)?)
}

fn read_id(id: &str) -> Result<Id> {
    let id = id.parse().map(Id);
    id.map_err(|_| Error::field("id", "must be a UUID"))
}

fn headers(if_match: Option<String>) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    if let Some(tags) = if_match {
        let value = HeaderValue::try_from(tags).ok();
        let value = value.filter(|value| value.to_str().is_ok());
        let value = value.ok_or_else(|| {
            let message =
                "must be visible ASCII characters and spaces, such as \"1\" in its quotes";
            Error::field("ifMatch", message)
        })?;
        headers.insert(header::IF_MATCH, value);
    }
    Ok(headers)
}
