//! Reminders that did not arrive: what became of them, and sending them again.

use axum::Json;
use chrono::{DateTime, Utc};
use runtime::auth;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{body::Body, error::Result, state::Gateway};

/// Most deliveries of an answer.
const MOST: i64 = 100;

/// A delivery that was given up.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FailedDelivery {
    /// The reminder.
    reminder: Uuid,
    /// 0, and one more for each snooze.
    occurrence: i32,
    /// Type and id of the channel.
    channel: String,
    attempts: i32,
    /// Why it was given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    created_at: DateTime<Utc>,
}

/// Deliveries that were given up, newest first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FailedDeliveries {
    /// At most 100.
    items: Vec<FailedDelivery>,
}

/// What to send again.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Replay {
    /// Only what belongs to this reminder; absent: everything that was given up.
    #[serde(default)]
    reminder: Option<Uuid>,
}

/// How much is sent again.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Replayed {
    /// Deliveries.
    replayed: u64,
}

/// Lists the user's deliveries that were given up.
#[utoipa::path(
    get,
    path = "/v1/deliveries/failed",
    operation_id = "listFailedDeliveries",
    tag = "channels",
    responses(
        (status = 200, body = FailedDeliveries),
    )
)]
pub(super) async fn failed(
    gateway: Gateway,
    auth::User(owner): auth::User,
) -> Result<Json<FailedDeliveries>> {
    let mut conn = gateway.store.acquire().await?;
    let failed = store::deliveries::failed(&mut conn, Some(owner), MOST).await?;
    let items = failed
        .into_iter()
        .map(|delivery| FailedDelivery {
            reminder: delivery.reminder_id,
            occurrence: delivery.occurrence,
            channel: delivery.channel,
            attempts: delivery.attempts,
            reason: delivery.last_error,
            created_at: delivery.created_at,
        })
        .collect();
    Ok(Json(FailedDeliveries { items }))
}

/// Sends again what was given up, under the same idempotency keys (`webhook-id`): a receiver that has
/// one already knows it.
#[utoipa::path(
    post,
    path = "/v1/deliveries/replay",
    operation_id = "replayDeliveries",
    tag = "channels",
    request_body = Replay,
    responses(
        (status = 200, body = Replayed),
    )
)]
pub(super) async fn replay(
    gateway: Gateway,
    auth::User(owner): auth::User,
    Body(what): Body<Replay>,
) -> Result<Json<Replayed>> {
    let mut tx = gateway.store.begin().await?;
    let replayed = store::deliveries::replay(&mut tx, Some(owner), what.reminder).await?;
    tx.commit().await?;
    Ok(Json(Replayed { replayed }))
}
