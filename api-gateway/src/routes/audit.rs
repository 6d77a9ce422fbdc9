//! The user's own trail.

use axum::{Json, extract::State};
use runtime::auth;
use serde::Serialize;
use store::audit::Entry;
use utoipa::ToSchema;

use crate::{error::Result, query::Parameters, state::Gateway, view::ProblemView};

/// A page of the trail.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AuditPage {
    /// Oldest first: `seq`, `eventId`, `type`, `subject`, `time`, `data`.
    #[schema(value_type = Vec<Object>)]
    items: Vec<Entry>,
    /// Send it as `cursor` for what came after; also on the last page, to ask again later.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// Reads what happened to the user's tasks and reminders.
#[utoipa::path(
    get,
    path = "/v1/audit",
    tag = "audit",
    params(
        ("limit" = Option<u32>, Query, description = "1 to 200; 50 when absent"),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of an earlier page"),
    ),
    responses(
        (status = 200, body = AuditPage),
        (status = 401, body = ProblemView, content_type = "application/problem+json"),
        (status = 422, body = ProblemView, content_type = "application/problem+json"),
    )
)]
pub(super) async fn list(
    State(gateway): State<Gateway>,
    auth::User(owner): auth::User,
    mut parameters: Parameters,
) -> Result<Json<AuditPage>> {
    let limit = parameters.limit();
    let cursor = parameters.one("cursor");
    let after: i64 = match cursor.as_deref().map(str::parse) {
        None => 0,
        Some(Ok(seq)) if seq >= 0 => seq,
        Some(_) => {
            let message = "must be the nextCursor of an earlier page";
            parameters.errors.push("cursor", message);
            0
        }
    };
    parameters.finish()?;
    let items = store::audit::list(&gateway.store, owner, after, i64::from(limit)).await?;
    let next_cursor = items.last().map(|entry| entry.seq.to_string()).or(cursor);
    Ok(Json(AuditPage { items, next_cursor }))
}
