//! Who the user is at other issuers (OpenID Connect).

use axum::{Json, http::StatusCode, response::IntoResponse};
use chrono::{DateTime, Utc};
use serde::Serialize;
use store::identities::{self, Identity, Removed};
use utoipa::ToSchema;
use uuid::Uuid;

use super::oidc::{self, Answer};
use crate::{
    authorize::Session,
    body::Body,
    client::Client,
    error::{Error, Result},
    path::Id,
    state::Gateway,
};

/// Who the user is at an issuer.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct IdentityView {
    id: Uuid,
    /// The issuer's URL.
    issuer: String,
    /// The user's address there, as the issuer told it last.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    /// When it was linked to the account.
    created_at: DateTime<Utc>,
    /// When it was last logged in by.
    last_used_at: DateTime<Utc>,
}

impl From<Identity> for IdentityView {
    fn from(identity: Identity) -> Self {
        Self {
            id: identity.id,
            issuer: identity.issuer,
            email: identity.email,
            created_at: identity.created_at,
            last_used_at: identity.last_used_at,
        }
    }
}

/// Who the user is at other issuers, oldest first; a user has at most 20 identities.
#[derive(Serialize, ToSchema)]
pub(crate) struct IdentityList {
    items: Vec<IdentityView>,
}

/// Lists the identities by which the user may log in.
#[utoipa::path(
    get,
    path = "/v1/me/identities",
    operation_id = "listIdentities",
    tag = "accounts",
    responses(
        (status = 200, body = IdentityList),
    )
)]
pub(super) async fn list(gateway: Gateway, session: Session) -> Result<Json<IdentityList>> {
    let mut conn = gateway.store.acquire().await?;
    let all = identities::of_user(&mut conn, session.user).await?;
    let items = all.into_iter().map(IdentityView::from).collect();
    Ok(Json(IdentityList { items }))
}

/// Links an identity to the account: what `POST /v1/oidc/sessions` takes, of a log-in that the user has made at the
/// issuer just now. From then on a log-in there is one here.
#[utoipa::path(
    post,
    path = "/v1/me/identities",
    operation_id = "linkIdentity",
    tag = "accounts",
    request_body = Answer,
    responses(
        (status = 201, body = IdentityView),
        (status = 409, description = "Another account has this identity, or the user has as many as a user may have."),
        (status = 502, description = "The issuer cannot be reached, or its answer cannot be trusted."),
    )
)]
pub(super) async fn link(
    gateway: Gateway,
    session: Session,
    Client(from): Client,
    Body(answer): Body<Answer>,
) -> Result<impl IntoResponse> {
    let (_, person) = oidc::finish(&gateway, from, answer).await?;
    let mut tx = gateway.store.begin().await?;
    let user = store::users::by_id_alone(&mut tx, session.user).await?;
    let user = user.ok_or_else(Error::no_account)?;
    let id = oidc::link(&mut tx, &user, &person).await?;
    let same = person.email.as_deref().map(str::to_lowercase);
    if person.is_email_verified && same == Some(user.email.to_lowercase()) {
        store::users::prove_email(&mut tx, user.id, Utc::now()).await?;
    }
    let all = identities::of_user(&mut tx, user.id).await?;
    tx.commit().await?;
    let linked = all.into_iter().find(|identity| identity.id == id);
    let linked = linked.ok_or_else(|| Error::not_found("identity"))?;
    Ok((StatusCode::CREATED, Json(IdentityView::from(linked))))
}

/// Takes an identity away from the account. Sessions go on.
#[utoipa::path(
    delete,
    path = "/v1/me/identities/{id}",
    operation_id = "unlinkIdentity",
    tag = "accounts",
    params(("id" = Uuid, Path)),
    responses(
        (status = 204),
        (status = 409, description = "The account has no password, and this is its only identity."),
    )
)]
pub(super) async fn delete(gateway: Gateway, session: Session, Id(id): Id) -> Result<StatusCode> {
    let mut tx = gateway.store.begin().await?;
    let removed = identities::remove(&mut tx, session.user, id).await?;
    tx.commit().await?;
    match removed {
        Removed::Done => Ok(StatusCode::NO_CONTENT),
        Removed::NotFound => Err(Error::not_found("identity")),
        Removed::Last => Err(Error::new(
            StatusCode::CONFLICT,
            "the account has no password: set one first, or nobody could log in any more",
        )),
    }
}
