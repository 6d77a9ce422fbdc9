//! Sessions: what a log-in begins, refresh tokens go on with, and a log-out ends.

use std::convert::Infallible;

use axum::{
    Json,
    extract::FromRequestParts,
    http::{StatusCode, header, request::Parts},
    response::IntoResponse,
};
use chrono::{DateTime, Utc};
use domain::refresh_token::{RefreshToken, Use, Verdict};
use runtime::Problem;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use store::sessions::{self, Device, IDLE};
use utoipa::ToSchema;
use uuid::Uuid;

use super::users::NO_STORE;
use crate::{
    authorize,
    body::Body,
    client::Client,
    error::{Error, Result},
    path::Id,
    random,
    state::Gateway,
};

/// Most characters that are kept of what a program calls itself.
const USER_AGENT_MOST: usize = 200;

/// An access token, and the refresh token that gets the next one.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Tokens {
    /// Send it as `Authorization: Bearer …`.
    pub(super) access_token: String,
    /// Always `Bearer`.
    token_type: &'static str,
    /// Seconds for which the access token is valid.
    pub(super) expires_in: u64,
    /// Send it to `POST /v1/token/refresh`, once, for the next two.
    pub(super) refresh_token: String,
    /// Seconds for which the refresh token is valid.
    pub(super) refresh_expires_in: i64,
    /// The session that both belong to.
    pub(super) session_id: Uuid,
}

impl Tokens {
    fn new(gateway: &Gateway, user: Uuid, session: Uuid, next: &RefreshToken) -> Result<Self> {
        let access = gateway.keys.issue(user, Some(session));
        Ok(Self {
            access_token: access.map_err(Problem::internal)?,
            token_type: "Bearer",
            expires_in: gateway.keys.lifetime().as_secs(),
            refresh_token: next.text(),
            refresh_expires_in: IDLE.num_seconds(),
            session_id: session,
        })
    }
}

/// A refresh token.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RefreshInput {
    #[schema(format = Password)]
    refresh_token: String,
}

/// A session.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionView {
    id: Uuid,
    /// What the program that uses it calls itself.
    user_agent: String,
    /// The address that it was used from last, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    /// When the user logged in.
    created_at: DateTime<Utc>,
    /// When it was last refreshed, or made.
    last_used_at: DateTime<Utc>,
    /// When it ends unless it is used.
    expires_at: DateTime<Utc>,
    /// It is that of this request.
    current: bool,
}

/// The sessions of a user, the one used last first; a user has at most 100.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionList {
    items: Vec<SessionView>,
}

/// The program that makes a request.
pub(super) struct Program {
    user_agent: String,
    address: Option<String>,
}

impl Program {
    fn device(&self) -> Device<'_> {
        Device {
            user_agent: &self.user_agent,
            address: self.address.as_deref(),
        }
    }
}

impl FromRequestParts<Gateway> for Program {
    type Rejection = Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        gateway: &Gateway,
    ) -> std::result::Result<Self, Infallible> {
        let Client(address) = Client::from_request_parts(parts, gateway).await?;
        let agent = parts.headers.get(header::USER_AGENT);
        let agent = agent
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        Ok(Self {
            user_agent: agent.chars().take(USER_AGENT_MOST).collect(),
            address: address.map(|address| address.to_string()),
        })
    }
}

/// Begins a session.
pub(super) async fn begin(
    gateway: &Gateway,
    conn: &mut PgConnection,
    user: Uuid,
    program: &Program,
) -> Result<Tokens> {
    let token = RefreshToken::first(random::bytes()?, random::bytes()?);
    let session = sessions::create(conn, user, &token, program.device(), Utc::now()).await?;
    Tokens::new(gateway, user, session, &token)
}

/// Exchanges a refresh token for an access token and the next refresh token. For 30 s the same token is
/// answered with the same successor, for an answer may be lost; after that, who sends a token that was used
/// ends its session.
#[utoipa::path(
    post,
    path = "/v1/token/refresh",
    operation_id = "refreshTokens",
    tag = "accounts",
    request_body = RefreshInput,
    security(()),
    responses(
        (status = 200, body = Tokens),
        (status = 401, description = "The session has ended."),
    )
)]
pub(super) async fn refresh(
    gateway: Gateway,
    program: Program,
    Body(input): Body<RefreshInput>,
) -> Result<impl IntoResponse> {
    let tokens = exchange(&gateway, &program, &input.refresh_token).await?;
    Ok((NO_STORE, Json(tokens)))
}

/// The next tokens of a session, for its refresh token.
pub(super) async fn exchange(gateway: &Gateway, program: &Program, token: &str) -> Result<Tokens> {
    let over = || {
        Error::from(Problem::unauthorized(
            "this refresh token is not valid any more; log in again",
        ))
    };
    let token = RefreshToken::parse(token).ok_or_else(over)?;
    let now = Utc::now();
    let nonce = random::bytes()?;
    let mut tx = gateway.store.begin().await?;
    let session = sessions::of_token(&mut tx, &token, now)
        .await?
        .ok_or_else(over)?;
    let next = match session.chain.judge(&token, &nonce, now) {
        Verdict::Next(next) => {
            let used = Use {
                of: token.own_hash(),
                nonce,
                at: now,
            };
            sessions::advance(&mut tx, session.id, &used, &next, program.device()).await?;
            next
        }
        Verdict::Again(next) => next,
        Verdict::Reused => {
            sessions::end(&mut tx, session.user, session.id).await?;
            tx.commit().await?;
            tracing::warn!(session = %session.id, "a refresh token came twice: its session is ended");
            metrics::counter!("todostack_refresh_tokens_reused_total").increment(1);
            return Err(over());
        }
    };
    tx.commit().await?;
    Tokens::new(gateway, session.user, session.id, &next)
}

/// Ends the session of a refresh token. Its access token is good until it expires.
#[utoipa::path(
    post,
    path = "/v1/logout",
    operation_id = "logOut",
    tag = "accounts",
    request_body = RefreshInput,
    security(()),
    responses(
        (status = 204, description = "There is no such session, any more."),
    )
)]
pub(super) async fn log_out(
    gateway: Gateway,
    Body(input): Body<RefreshInput>,
) -> Result<StatusCode> {
    end_of(&gateway, &input.refresh_token).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends the session of a refresh token, if there is one.
pub(super) async fn end_of(gateway: &Gateway, token: &str) -> Result<()> {
    if let Some(token) = RefreshToken::parse(token) {
        let mut conn = gateway.store.acquire().await?;
        sessions::end_by_token(&mut conn, &token).await?;
    }
    Ok(())
}

/// Lists the user's sessions.
#[utoipa::path(
    get,
    path = "/v1/sessions",
    operation_id = "listSessions",
    tag = "accounts",
    responses(
        (status = 200, body = SessionList),
    )
)]
pub(super) async fn list(gateway: Gateway, own: authorize::Session) -> Result<Json<SessionList>> {
    let mut conn = gateway.store.acquire().await?;
    let sessions = sessions::of_user(&mut conn, own.user, Utc::now()).await?;
    let view = |session: sessions::Session| SessionView {
        id: session.id,
        user_agent: session.user_agent,
        address: session.address,
        created_at: session.created_at,
        last_used_at: session.last_used_at,
        expires_at: session.expires_at,
        current: session.id == own.id,
    };
    let items = sessions.into_iter().map(view).collect();
    Ok(Json(SessionList { items }))
}

/// Ends a session, the own one too. Its access token is good until it expires.
#[utoipa::path(
    delete,
    path = "/v1/sessions/{id}",
    operation_id = "endSession",
    tag = "accounts",
    params(("id" = Uuid, Path)),
    responses(
        (status = 204),
    )
)]
pub(super) async fn end(
    gateway: Gateway,
    own: authorize::Session,
    Id(id): Id,
) -> Result<StatusCode> {
    let mut conn = gateway.store.acquire().await?;
    if sessions::end(&mut conn, own.user, id).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Error::not_found("session"))
    }
}
