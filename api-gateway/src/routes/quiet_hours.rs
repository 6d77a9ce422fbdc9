//! The hours in which the user wants no reminders.

use axum::{Json, http::StatusCode};
use domain::error::FieldErrors;
use runtime::auth;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    body::Body,
    error::{Error, Result},
    openapi::texts::TimeOfDay,
    state::Gateway,
    time_of_day,
};

/// From `start` to `end` by the clock of the user's zone; past midnight when `end` comes first.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct QuietHours {
    #[schema(value_type = TimeOfDay, inline)]
    start: String,
    #[schema(value_type = TimeOfDay, inline)]
    end: String,
}

/// Reads the quiet hours; `null` when there are none.
#[utoipa::path(
    get,
    path = "/v1/me/quiet-hours",
    operation_id = "getQuietHours",
    tag = "accounts",
    responses(
        (status = 200, body = Option<QuietHours>),
    )
)]
pub(super) async fn get(
    gateway: Gateway,
    auth::User(owner): auth::User,
) -> Result<Json<Option<QuietHours>>> {
    let mut conn = gateway.store.acquire().await?;
    let hours = store::quiet_hours::of_owners(&mut conn, &[owner]).await?;
    Ok(Json(hours.first().map(|hours| QuietHours {
        start: time_of_day::write(hours.starts),
        end: time_of_day::write(hours.ends),
    })))
}

/// Sets the quiet hours: reminders that fire in them are sent at their end, those of P1 tasks at once.
#[utoipa::path(
    put,
    path = "/v1/me/quiet-hours",
    operation_id = "setQuietHours",
    tag = "accounts",
    request_body = QuietHours,
    responses(
        (status = 204),
    )
)]
pub(super) async fn put(
    gateway: Gateway,
    auth::User(owner): auth::User,
    Body(hours): Body<QuietHours>,
) -> Result<StatusCode> {
    let mut errors = FieldErrors::default();
    let mut time = |field: &str, text: &str| {
        let time = time_of_day::read(text);
        if time.is_none() {
            errors.push(field, "must be a time of the day such as 22:00");
        }
        time
    };
    let times = time("start", &hours.start).zip(time("end", &hours.end));
    if times.is_some_and(|(start, end)| start == end) {
        errors.push("end", "must differ from start");
    }
    errors.into_result(())?;
    let mut tx = gateway.store.begin().await?;
    store::users::by_id_locked(&mut tx, owner)
        .await?
        .ok_or_else(Error::no_account)?;
    if let Some((start, end)) = times {
        store::quiet_hours::set(&mut tx, owner, start, end).await?;
    }
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends the quiet hours. What waits for their end still does.
#[utoipa::path(
    delete,
    path = "/v1/me/quiet-hours",
    operation_id = "deleteQuietHours",
    tag = "accounts",
    responses(
        (status = 204),
    )
)]
pub(super) async fn delete(gateway: Gateway, auth::User(owner): auth::User) -> Result<StatusCode> {
    let mut conn = gateway.store.acquire().await?;
    store::quiet_hours::clear(&mut conn, owner).await?;
    Ok(StatusCode::NO_CONTENT)
}
