//! Forgotten passwords.

use axum::{
    http::{HeaderName, StatusCode, header},
    response::{Html, IntoResponse},
};
use chrono::Utc;
use domain::{error::FieldErrors, secret_token};
use runtime::Problem;
use serde::Deserialize;
use store::password_resets;
use utoipa::ToSchema;

use super::users::{is_email, refused};
use crate::{
    body::Body,
    client::Client,
    error::{Error, Result},
    openapi::texts::{Email, NewSecret},
    passwords,
    state::Gateway,
};

/// Where the link of the e-mail leads. The token stands behind the `#`, which no server or proxy gets.
const PAGE: &str = include_str!("password_reset.html");

/// The page runs its own script, is framed by nobody, and tells nobody where it was opened from.
const PAGE_HEADERS: [(HeaderName, &str); 2] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'",
    ),
    (header::REFERRER_POLICY, "no-referrer"),
];

/// Who has forgotten the password.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Forgotten {
    #[schema(value_type = Email, inline)]
    email: String,
}

/// A new password.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewPassword {
    /// From the e-mail.
    #[schema(format = Password)]
    token: String,
    #[schema(value_type = NewSecret, inline)]
    new_password: String,
}

/// Asks for an e-mail with a link that sets a new password, within 30 minutes. The answer is the same
/// whether the address has an account or not. An account gets one e-mail in five minutes at most.
#[utoipa::path(
    post,
    path = "/v1/password-reset",
    operation_id = "requestPasswordReset",
    tag = "accounts",
    request_body = Forgotten,
    security(()),
    responses(
        (status = 202, description = "If the address has an account, an e-mail is on its way."),
        (status = 404, description = "The stack sends no e-mails."),
    )
)]
pub(super) async fn request(
    gateway: Gateway,
    Client(from): Client,
    Body(forgotten): Body<Forgotten>,
) -> Result<StatusCode> {
    if !gateway.resets_passwords {
        let detail = "this stack sends no e-mails: ask who runs it";
        return Err(Error::new(StatusCode::NOT_FOUND, detail));
    }
    let email = forgotten.email.trim().to_owned();
    if !is_email(&email) {
        return Err(Error::field("email", "must be an e-mail address"));
    }
    gateway
        .attempts
        .password_reset(&email, from, Utc::now())
        .await
        .map_err(refused)?;
    // Not waited for: a row that is written takes longer than none, and would tell who has an account.
    tokio::spawn(async move {
        let asked = async {
            let mut conn = gateway.store.acquire().await?;
            password_resets::request(&mut conn, &email, Utc::now()).await
        };
        if let Err(error) = asked.await {
            tracing::warn!(%error, "a forgotten password could not be noted; its user asks again");
        }
    });
    Ok(StatusCode::ACCEPTED)
}

/// Sets a new password by the token of the e-mail, which is good once. Ends every session; personal tokens
/// stay.
#[utoipa::path(
    post,
    path = "/v1/password-reset/confirm",
    operation_id = "confirmPasswordReset",
    tag = "accounts",
    request_body = NewPassword,
    security(()),
    responses(
        (status = 204),
    )
)]
pub(super) async fn confirm(
    gateway: Gateway,
    Client(from): Client,
    Body(new): Body<NewPassword>,
) -> Result<StatusCode> {
    let mut errors = FieldErrors::default();
    passwords::check_new(&new.new_password, "newPassword", &mut errors);
    errors.into_result(())?;
    let bad = || {
        let message =
            "is not good, any more: it is used once, within 30 minutes, and only the newest";
        Error::field("token", message)
    };
    let attempt = gateway
        .attempts
        .by_address(from, Utc::now())
        .await
        .map_err(refused)?;
    let token = secret_token::hash(&new.token);
    {
        // Before the slow part, which is not for everybody.
        let mut conn = gateway.store.acquire().await?;
        if !password_resets::is_good(&mut conn, token, Utc::now()).await? {
            return Err(bad());
        }
    }
    let hash = gateway.passwords.hash(new.new_password).await;
    let hash = hash.map_err(Problem::internal)?;
    let mut tx = gateway.store.begin().await?;
    if !password_resets::complete(&mut tx, token, &hash, Utc::now()).await? {
        return Err(bad());
    }
    tx.commit().await?;
    attempt.succeeded().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The page that the link of the e-mail opens.
#[utoipa::path(
    get,
    path = "/v1/password-reset",
    operation_id = "showPasswordReset",
    tag = "accounts",
    security(()),
    responses((status = 200, content_type = "text/html", body = String))
)]
pub(super) async fn page() -> impl IntoResponse {
    (PAGE_HEADERS, Html(PAGE))
}
