//! Personal tokens of the API.

use std::collections::BTreeSet;

use axum::{Json, http::StatusCode, response::IntoResponse};
use chrono::{DateTime, Duration, Utc};
use domain::{error::FieldErrors, secret_token};
use serde::{Deserialize, Serialize};
use store::api_tokens::{self, ApiToken, MOST, NewApiToken};
use utoipa::ToSchema;
use uuid::Uuid;

use super::users::NO_STORE;
use crate::{
    authorize::Session,
    body::Body,
    error::{Error, Result},
    input::line,
    openapi::texts::TokenName,
    path::Id,
    random,
    scopes::Scope,
    state::Gateway,
};

/// Most characters of a name.
const NAME_MOST: usize = 100;
/// Most days of a token that ends by itself.
const DAYS_MOST: i64 = 3650;

/// A new personal token.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewToken {
    // What it is for. (A comment of its own would be another schema beside the text's.)
    #[schema(value_type = TokenName, inline)]
    name: String,
    /// What it may do; at least one. One that is named twice counts once.
    #[schema(value_type = Vec<Scope>, min_items = 1)]
    scopes: BTreeSet<Scope>,
    /// Days after which it ends, 1 to 3650; absent: when it is deleted.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 3650)]
    expires_in_days: Option<i64>,
}

/// A personal token.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TokenView {
    id: Uuid,
    name: String,
    scopes: BTreeSet<Scope>,
    created_at: DateTime<Utc>,
    /// When it ends by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<DateTime<Utc>>,
    /// When it was last used, to within a minute; absent: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<DateTime<Utc>>,
    /// The token itself: shown once, when it is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

impl From<ApiToken> for TokenView {
    fn from(token: ApiToken) -> Self {
        let scopes = token.scopes.iter().filter_map(|name| Scope::of(name));
        Self {
            id: token.id,
            scopes: scopes.collect(),
            name: token.name,
            created_at: token.created_at,
            expires_at: token.expires_at,
            last_used_at: token.last_used_at,
            token: None,
        }
    }
}

/// The personal tokens of a user, oldest first; a user has at most 50.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TokenList {
    items: Vec<TokenView>,
}

/// Lists the user's personal tokens, without the tokens themselves.
#[utoipa::path(
    get,
    path = "/v1/tokens",
    operation_id = "listTokens",
    tag = "accounts",
    responses(
        (status = 200, body = TokenList),
    )
)]
pub(super) async fn list(gateway: Gateway, session: Session) -> Result<Json<TokenList>> {
    let mut conn = gateway.store.acquire().await?;
    let tokens = api_tokens::of_user(&mut conn, session.user).await?;
    let items = tokens.into_iter().map(TokenView::from).collect();
    Ok(Json(TokenList { items }))
}

/// Makes a personal token, for a program: it does not expire with a session. The answer alone holds it.
#[utoipa::path(
    post,
    path = "/v1/tokens",
    operation_id = "createToken",
    tag = "accounts",
    request_body = NewToken,
    responses(
        (status = 201, body = TokenView),
        (status = 409, description = "The user has as many tokens as a user may have."),
    )
)]
pub(super) async fn create(
    gateway: Gateway,
    session: Session,
    Body(new): Body<NewToken>,
) -> Result<impl IntoResponse> {
    let mut errors = FieldErrors::default();
    let name = line(&new.name, "name", NAME_MOST, &mut errors);
    if new.scopes.is_empty() {
        errors.push("scopes", "must name at least one");
    }
    let days = new.expires_in_days;
    if days.is_some_and(|days| !(1..=DAYS_MOST).contains(&days)) {
        errors.push("expiresInDays", format!("must be from 1 to {DAYS_MOST}"));
    }
    errors.into_result(())?;
    let text = secret_token::text(secret_token::PERSONAL, random::bytes()?);
    let scopes: Vec<&str> = new.scopes.iter().map(|scope| scope.as_str()).collect();
    let wanted = NewApiToken {
        name: &name,
        hash: secret_token::hash(&text),
        scopes: &scopes,
        expires_at: days.map(|days| Utc::now() + Duration::days(days)),
    };
    let mut tx = gateway.store.begin().await?;
    let made = api_tokens::create(&mut tx, session.user, wanted).await?;
    let made = made.ok_or_else(|| {
        let detail = format!("a user has at most {MOST} tokens; delete one first");
        Error::new(StatusCode::CONFLICT, detail)
    })?;
    tx.commit().await?;
    let answer = TokenView {
        token: Some(text),
        ..made.into()
    };
    Ok((StatusCode::CREATED, NO_STORE, Json(answer)))
}

/// Deletes a personal token: it is good for nothing from now on.
#[utoipa::path(
    delete,
    path = "/v1/tokens/{id}",
    operation_id = "deleteToken",
    tag = "accounts",
    params(("id" = Uuid, Path)),
    responses(
        (status = 204),
    )
)]
pub(super) async fn delete(gateway: Gateway, session: Session, Id(id): Id) -> Result<StatusCode> {
    let mut conn = gateway.store.acquire().await?;
    if api_tokens::delete(&mut conn, session.user, id).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Error::not_found("token"))
    }
}
