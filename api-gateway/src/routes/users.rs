//! Accounts and tokens.

use std::net::IpAddr;

use axum::{
    Json,
    http::{HeaderName, StatusCode, header},
    response::IntoResponse,
};
use chrono::Utc;
use chrono_tz::Tz;
use domain::error::FieldErrors;
use runtime::Problem;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::sessions::{self, Program, Tokens};
use crate::{
    attempts::Refused,
    body::Body,
    client::Client,
    error::{Error, Result},
    input::zone,
    openapi::texts::{Email, NewSecret, TimeZone},
    passwords::{self, PASSWORD_MOST},
    state::{Gateway, SignUp},
    view::UserView,
};

/// Most bytes of an e-mail address (RFC 5321 §4.5.3.1.3, less the angle brackets).
pub(super) const EMAIL_MOST: usize = 254;

/// What carries a secret is not kept by caches (RFC 6749 §5.1).
pub(super) const NO_STORE: [(HeaderName, &str); 1] = [(header::CACHE_CONTROL, "no-store")];

/// A new account.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewUser {
    #[schema(value_type = Email, inline)]
    email: String,
    #[schema(value_type = NewSecret, inline)]
    password: String,
    /// IANA zone in which this user's days begin and end; UTC when absent.
    #[serde(default)]
    #[schema(value_type = Option<TimeZone>, inline)]
    time_zone: Option<String>,
}

/// Who logs in.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Credentials {
    #[schema(max_length = 254)]
    email: String,
    #[schema(format = Password)]
    password: String,
}

/// A new account, logged in.
#[derive(Serialize, ToSchema)]
pub(crate) struct NewAccount {
    #[serde(flatten)]
    pub(super) user: UserView,
    #[serde(flatten)]
    pub(super) tokens: Tokens,
}

/// Makes an account, and logs in.
#[utoipa::path(
    post,
    path = "/v1/users",
    operation_id = "signUp",
    tag = "accounts",
    request_body = NewUser,
    security(()),
    responses(
        (status = 201, body = NewAccount),
        (status = 403, description = "The stack takes no new users."),
        (status = 409, description = "The e-mail address has an account."),
    )
)]
pub(super) async fn sign_up(
    gateway: Gateway,
    Client(from): Client,
    program: Program,
    Body(new): Body<NewUser>,
) -> Result<impl IntoResponse> {
    let account = make(&gateway, from, &program, new).await?;
    Ok((StatusCode::CREATED, NO_STORE, Json(account)))
}

/// Makes an account, and begins its first session.
pub(super) async fn make(
    gateway: &Gateway,
    from: Option<IpAddr>,
    program: &Program,
    new: NewUser,
) -> Result<NewAccount> {
    if gateway.sign_up == SignUp::Closed {
        let detail = "this stack takes no new users";
        return Err(Error::new(StatusCode::FORBIDDEN, detail));
    }
    let mut errors = FieldErrors::default();
    let email = new.email.trim();
    if !is_email(email) {
        errors.push("email", "must be an e-mail address");
    }
    passwords::check_new(&new.password, "password", &mut errors);
    let zone = match &new.time_zone {
        Some(name) => zone(name, "timeZone", &mut errors),
        None => Some(Tz::UTC),
    };
    errors.into_result(())?;
    gateway
        .attempts
        .by_address(from, Utc::now())
        .await
        .map_err(refused)?;
    let hash = gateway
        .passwords
        .hash(new.password)
        .await
        .map_err(Problem::internal)?;
    let mut tx = gateway.store.begin().await?;
    let user = store::users::create(&mut tx, email, &hash, zone.unwrap_or(Tz::UTC))
        .await?
        .ok_or_else(|| Error::new(StatusCode::CONFLICT, "this e-mail address has an account"))?;
    let tokens = sessions::begin(gateway, &mut tx, user.id, program).await?;
    tx.commit().await?;
    let user = UserView::from(user);
    Ok(NewAccount { user, tokens })
}

/// Exchanges an e-mail address and a password for an access token and a refresh token: begins a session.
#[utoipa::path(
    post,
    path = "/v1/login",
    operation_id = "logIn",
    tag = "accounts",
    request_body = Credentials,
    security(()),
    responses(
        (status = 200, body = Tokens),
        (status = 401, description = "The e-mail address or the password is wrong."),
    )
)]
pub(super) async fn log_in(
    gateway: Gateway,
    Client(from): Client,
    program: Program,
    Body(credentials): Body<Credentials>,
) -> Result<impl IntoResponse> {
    let tokens = check(&gateway, from, &program, credentials).await?;
    Ok((NO_STORE, Json(tokens)))
}

/// Begins a session of who knows the password.
pub(super) async fn check(
    gateway: &Gateway,
    from: Option<IpAddr>,
    program: &Program,
    credentials: Credentials,
) -> Result<Tokens> {
    let wrong = || {
        Error::from(Problem::unauthorized(
            "the e-mail address or the password is wrong",
        ))
    };
    let email = credentials.email.trim();
    // Nothing longer was ever stored, and nothing longer is kept as a counter.
    if email.len() > EMAIL_MOST || credentials.password.len() > PASSWORD_MOST {
        return Err(wrong());
    }
    let attempt = gateway
        .attempts
        .log_in(email, from, Utc::now())
        .await
        .map_err(refused)?;
    let user = {
        // Given back before the slow part, which would otherwise hold as many as it can get.
        let mut conn = gateway.store.acquire().await?;
        store::users::by_email(&mut conn, email).await?
    };
    let stored = user.as_ref().and_then(|user| user.password());
    let right = gateway
        .passwords
        .check(credentials.password, stored.map(str::to_owned))
        .await
        .map_err(Problem::internal)?;
    let user = user.filter(|_| right).ok_or_else(wrong)?;
    attempt.succeeded().await?;
    let mut tx = gateway.store.begin().await?;
    // Unless the password was changed, or the account deleted, while this one was checked.
    let now = store::users::by_id_locked(&mut tx, user.id).await?;
    now.filter(|now| now.password_hash == user.password_hash)
        .ok_or_else(wrong)?;
    let tokens = sessions::begin(gateway, &mut tx, user.id, program).await?;
    tx.commit().await?;
    Ok(tokens)
}

/// The answer to an attempt that is not made.
pub(super) fn refused(why: Refused) -> Error {
    match why {
        Refused::TooMany(seconds) => Error::too_many(seconds),
        Refused::Database(error) => error.into(),
    }
}

/// Something before an `@` and something behind it. Whether mail arrives, only mail can tell.
pub(super) fn is_email(text: &str) -> bool {
    text.len() <= EMAIL_MOST
        && !text.chars().any(|c| c.is_control() || c.is_whitespace())
        && text
            .rsplit_once('@')
            .is_some_and(|(local, host)| !local.is_empty() && !host.is_empty())
}
