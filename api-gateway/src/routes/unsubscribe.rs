//! What the link in an e-mail leads to (RFC 8058).

use axum::{
    extract::{Path, rejection::PathRejection},
    http::StatusCode,
    response::Html,
};
use uuid::Uuid;

use crate::{
    error::{Error, Result},
    state::Gateway,
};

/// What a person sees who follows the link. Only the button unsubscribes: programs follow links too.
const QUESTION: &str = "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\"><title>Unsubscribe</title><h1>No more reminders by e-mail?</h1><form method=post><input type=hidden name=List-Unsubscribe value=One-Click><button>Unsubscribe</button></form>";

const DONE: &str = "<!doctype html><html lang=en><meta charset=utf-8><title>Unsubscribed</title><h1>Unsubscribed</h1><p>This address gets no more reminders.</p>";

/// Asks whether to unsubscribe.
#[utoipa::path(
    get,
    path = "/v1/unsubscribe/{channel}/{token}",
    operation_id = "showUnsubscribe",
    tag = "channels",
    security(()),
    params(("channel" = String, Path), ("token" = String, Path)),
    responses((status = 200, content_type = "text/html", body = String))
)]
pub(super) async fn ask() -> Html<&'static str> {
    Html(QUESTION)
}

/// Unsubscribes: what a mail program posts to, or the button. The token is the authorization.
#[utoipa::path(
    post,
    path = "/v1/unsubscribe/{channel}/{token}",
    operation_id = "unsubscribe",
    tag = "channels",
    security(()),
    params(("channel" = String, Path), ("token" = String, Path)),
    responses(
        (status = 200, content_type = "text/html", body = String),
        (status = 403, description = "The link is not valid."),
    )
)]
pub(super) async fn unsubscribe(
    gateway: Gateway,
    path: std::result::Result<Path<(String, String)>, PathRejection>,
) -> Result<Html<&'static str>> {
    let unknown = || Error::new(StatusCode::FORBIDDEN, "this link is not valid");
    let Path((channel, token)) = path.map_err(|_| unknown())?;
    let channel: Uuid = channel.parse().map_err(|_| unknown())?;
    let mut tx = gateway.store.begin().await?;
    if !store::channels::unsubscribe(&mut tx, channel, &token).await? {
        return Err(unknown());
    }
    tx.commit().await?;
    Ok(Html(DONE))
}
