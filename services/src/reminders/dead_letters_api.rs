//! Dead letters over the internal HTTP interface, see [`domain::internal_api`].

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Query, State},
    routing::{get, post},
};
use domain::error::{FieldError, FieldErrors};
use runtime::Problem;
use serde::{Deserialize, Serialize};
use store::dead_letters::{self, DeadLetter};

use super::{
    Reminders,
    internal_api::{Body, failed},
};
use crate::consumer;

/// Letters of one answer, and ids of one request, at most.
const PAGE: i64 = 500;

/// The routes.
pub(super) fn router() -> Router<Arc<Reminders>> {
    Router::new()
        .route("/internal/v1/dead-letters", get(list))
        .route("/internal/v1/dead-letters/replay", post(replay))
}

#[derive(Deserialize)]
struct ListQuery {
    consumer: Option<String>,
    after: Option<String>,
    limit: Option<String>,
}

/// A page of the list.
#[derive(Serialize)]
struct Page {
    items: Vec<DeadLetter>,
    /// Pass this as `after`; absent: there were no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Replay {
    /// Of this consumer only.
    consumer: Option<String>,
    /// These only.
    ids: Option<Vec<i64>>,
}

#[derive(Serialize)]
struct Replayed {
    /// How many were marked.
    replaying: u64,
}

fn check_consumer(name: Option<&str>, errors: &mut FieldErrors) {
    if let Some(name) = name
        && !consumer::NAMES.contains(&name)
    {
        errors.push(
            "consumer",
            format!("must be one of {}", consumer::NAMES.join(", ")),
        );
    }
}

/// A whole number of a query.
fn number(
    field: &str,
    text: Option<&str>,
    absent: i64,
    allowed: std::ops::RangeInclusive<i64>,
) -> Result<i64, FieldError> {
    let Some(text) = text else { return Ok(absent) };
    text.parse()
        .ok()
        .filter(|number| allowed.contains(number))
        .ok_or_else(|| {
            let (low, high) = allowed.into_inner();
            FieldError::new(
                field,
                format!("must be a whole number from {low} to {high}"),
            )
        })
}

async fn list(
    State(service): State<Arc<Reminders>>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page>, Problem> {
    let mut errors = FieldErrors::default();
    check_consumer(query.consumer.as_deref(), &mut errors);
    let after = number("after", query.after.as_deref(), 0, 0..=i64::MAX);
    let limit = number("limit", query.limit.as_deref(), PAGE, 1..=PAGE);
    let (after, limit) = match (after, limit) {
        (Ok(after), Ok(limit)) => (after, limit),
        (after, limit) => {
            errors
                .0
                .extend([after.err(), limit.err()].into_iter().flatten());
            (0, 0)
        }
    };
    errors.into_result(())?;
    let mut connection = service.store.acquire().await.map_err(failed)?;
    let items = dead_letters::list(&mut connection, query.consumer.as_deref(), after, limit)
        .await
        .map_err(failed)?;
    let whole = items.len() as i64 == limit;
    let next = items.last().filter(|_| whole).map(|last| last.id);
    Ok(Json(Page { items, next }))
}

async fn replay(
    State(service): State<Arc<Reminders>>,
    Body(wanted): Body<Replay>,
) -> Result<Json<Replayed>, Problem> {
    let mut errors = FieldErrors::default();
    check_consumer(wanted.consumer.as_deref(), &mut errors);
    if wanted
        .ids
        .as_ref()
        .is_some_and(|ids| ids.len() > PAGE as usize)
    {
        errors.push("ids", format!("at most {PAGE} of them"));
    }
    errors.into_result(())?;
    let consumer = wanted.consumer.as_deref();
    let replaying = dead_letters::replay(&service.store, consumer, wanted.ids.as_deref())
        .await
        .map_err(failed)?;
    Ok(Json(Replayed { replaying }))
}
