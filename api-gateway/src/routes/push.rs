//! What a browser needs to subscribe to Web Push.

use axum::Json;
use runtime::auth;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    error::{Error, Result},
    state::Gateway,
};

/// The stack's public key.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PushKey {
    /// For `pushManager.subscribe`: base64url of a point on P-256 (RFC 8292 §4).
    application_server_key: String,
}

/// Reads the key that a browser subscribes with; then its subscription is a channel of type `webPush`.
#[utoipa::path(
    get,
    path = "/v1/push/key",
    operation_id = "getPushKey",
    tag = "channels",
    responses(
        (status = 200, body = PushKey),
        (status = 404, description = "The stack serves no Web Push."),
    )
)]
pub(super) async fn key(gateway: Gateway, auth::User(_): auth::User) -> Result<Json<PushKey>> {
    let key = gateway
        .push_key
        .ok_or_else(|| Error::not_found("push key"))?;
    Ok(Json(PushKey {
        application_server_key: key.to_string(),
    }))
}
