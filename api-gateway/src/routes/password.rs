//! The password of an account.

use axum::http::StatusCode;
use chrono::Utc;
use domain::error::FieldErrors;
use runtime::Problem;
use serde::Deserialize;
use utoipa::ToSchema;

use super::users::refused;
use crate::{
    authorize::Session,
    body::Body,
    client::Client,
    error::{Error, Result},
    openapi::texts::NewSecret,
    passwords::{self, PASSWORD_MOST},
    state::Gateway,
};

/// A change of password.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PasswordChange {
    /// Absent: the account has none, for its user logs in at another issuer; then the log-in must be of the last
    /// five minutes.
    #[serde(default)]
    #[schema(format = Password)]
    current_password: Option<String>,
    #[schema(value_type = NewSecret, inline)]
    new_password: String,
}

/// Changes the password. Ends every session but this one; personal tokens stay.
#[utoipa::path(
    put,
    path = "/v1/me/password",
    operation_id = "changePassword",
    tag = "accounts",
    request_body = PasswordChange,
    responses(
        (status = 204),
        (status = 403, description = "The account has no password yet, and the log-in was longer than five minutes ago."),
    )
)]
pub(super) async fn put(
    gateway: Gateway,
    session: Session,
    Client(from): Client,
    Body(change): Body<PasswordChange>,
) -> Result<StatusCode> {
    let mut errors = FieldErrors::default();
    passwords::check_new(&change.new_password, "newPassword", &mut errors);
    errors.into_result(())?;
    let wrong = || Error::field("currentPassword", "is not the password of this account");
    let current = change.current_password;
    if current
        .as_ref()
        .is_some_and(|text| text.len() > PASSWORD_MOST)
    {
        return Err(wrong());
    }
    let user = {
        // Given back before the slow part.
        let mut conn = gateway.store.acquire().await?;
        store::users::by_id(&mut conn, session.user).await?
    };
    let user = user.ok_or_else(Error::no_account)?;
    let attempt = gateway
        .attempts
        .log_in(&user.email, from, Utc::now())
        .await
        .map_err(refused)?;
    let stored = user.password().map(str::to_owned);
    match (current, stored) {
        (None, None) => session.must_be_fresh("a first password is set")?,
        (None, Some(_)) => return Err(Error::field("currentPassword", "is missing")),
        (Some(current), stored) => {
            let right = gateway.passwords.check(current, stored).await;
            if !right.map_err(Problem::internal)? {
                return Err(wrong());
            }
        }
    }
    attempt.succeeded().await?;
    let hash = gateway.passwords.hash(change.new_password).await;
    let hash = hash.map_err(Problem::internal)?;
    let mut tx = gateway.store.begin().await?;
    if !store::users::set_password(&mut tx, user.id, &user.password_hash, &hash).await? {
        return Err(wrong());
    }
    store::sessions::end_others(&mut tx, user.id, Some(session.id)).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
