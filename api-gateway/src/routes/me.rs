//! The user's own account.

use std::time::Duration;

use axum::Json;
use chrono::{SubsecRound, Utc};
use domain::error::FieldErrors;
use runtime::auth;
use serde::Deserialize;
use store::Store;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    body::Body,
    error::{Error, Result},
    input::zone,
    openapi::texts::TimeZone,
    state::Gateway,
    view::UserView,
};

/// What of an account can be changed.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct UserPatch {
    /// IANA zone in which this user's days begin and end.
    #[serde(default)]
    #[schema(value_type = Option<TimeZone>, inline)]
    time_zone: Option<String>,
}

/// Reads the account.
#[utoipa::path(
    get,
    path = "/v1/me",
    operation_id = "getMe",
    tag = "accounts",
    responses(
        (status = 200, body = UserView),
    )
)]
pub(super) async fn get(gateway: Gateway, auth::User(id): auth::User) -> Result<Json<UserView>> {
    let mut conn = gateway.store.acquire().await?;
    let user = store::users::by_id(&mut conn, id)
        .await?
        .ok_or_else(Error::no_account)?;
    Ok(Json(user.into()))
}

/// Changes the account. With the zone move the ends of the user's all-day tasks and their reminders.
#[utoipa::path(
    patch,
    path = "/v1/me",
    operation_id = "updateMe",
    tag = "accounts",
    request_body = UserPatch,
    responses(
        (status = 200, body = UserView),
    )
)]
pub(super) async fn patch(
    gateway: Gateway,
    auth::User(id): auth::User,
    Body(patch): Body<UserPatch>,
) -> Result<Json<UserView>> {
    let mut errors = FieldErrors::default();
    let zone = patch
        .time_zone
        .as_deref()
        .and_then(|name| zone(name, "timeZone", &mut errors));
    errors.into_result(())?;
    let mut tx = gateway.store.begin().await?;
    let user = match zone {
        Some(zone) => store::users::set_time_zone(&mut tx, id, zone).await?,
        None => store::users::by_id(&mut tx, id).await?,
    };
    let user = user.ok_or_else(Error::no_account)?;
    if let Some(zone) = zone {
        store::digests::rezone(&mut tx, id, zone, Utc::now()).await?;
    }
    tx.commit().await?;
    if zone.is_some() {
        let moving = tokio::spawn(rezone(gateway.store, id));
        // Most have few tasks, and see them moved in the answer to their next request.
        let _ = tokio::time::timeout(PATIENCE, moving).await;
    }
    Ok(Json(user.into()))
}

/// How long an answer waits for tasks to move; the rest moves behind it.
const PATIENCE: Duration = Duration::from_secs(1);

/// Moves the user's all-day tasks. What this process leaves undone, the sweep of the reminders service
/// goes on with.
async fn rezone(store: Store, id: Uuid) {
    loop {
        let now = Utc::now().trunc_subsecs(6);
        match store::tasks::rezone_step(&store, Some(id), now).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                tracing::warn!(%error, "a change of zone stopped half way; the sweep goes on with it");
                return;
            }
        }
    }
}
