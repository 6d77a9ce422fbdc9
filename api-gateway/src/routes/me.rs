//! The user's own account.

use axum::Json;
use chrono::Utc;
use domain::{error::FieldErrors, language::Language};
use runtime::auth;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    body::Body,
    error::{Error, Result},
    input::zone,
    openapi::texts::{LanguageName, TimeZone},
    routes::later,
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
    /// In which this user's tasks are searched; `simple` is no language.
    #[serde(default)]
    #[schema(value_type = Option<LanguageName>, inline)]
    language: Option<String>,
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

/// Changes the account. With the zone move the ends of the user's all-day tasks and their reminders; with the
/// language the tasks are found by other forms of their words.
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
    let language = patch
        .language
        .as_deref()
        .and_then(|name| language(name, &mut errors));
    errors.into_result(())?;
    let mut tx = gateway.store.begin().await?;
    if let Some(zone) = zone {
        store::users::set_time_zone(&mut tx, id, zone).await?;
        store::digests::rezone(&mut tx, id, zone, Utc::now()).await?;
    }
    if let Some(language) = language {
        store::users::set_language(&mut tx, id, language).await?;
    }
    let user = store::users::by_id(&mut tx, id).await?;
    let user = user.ok_or_else(Error::no_account)?;
    tx.commit().await?;
    // One after the other: each has the user's row for itself.
    later::begin(async move {
        if zone.is_some() {
            later::rezone(&gateway.store, id).await;
        }
        if language.is_some() {
            later::reword(&gateway.store, id).await;
        }
    })
    .await;
    Ok(Json(user.into()))
}

fn language(name: &str, errors: &mut FieldErrors) -> Option<Language> {
    let language = name.parse().ok();
    if language.is_none() {
        let known = Language::ALL.map(Language::name).join(", ");
        errors.push("language", format!("must be one of {known}"));
    }
    language
}
