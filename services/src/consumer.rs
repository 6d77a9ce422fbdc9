//! Consuming events: what a consumer is, and the HTTP routes by which a Dapr sidecar calls it.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use domain::event::{Event, Topic};
use runtime::Problem;
use serde_json::json;
use sqlx::PgPool;
use subtle::ConstantTimeEq;

/// The database must answer the health check within this time; Dapr waits for half a second.
const HEALTH: Duration = Duration::from_millis(400);

/// Reacts to events. Each event comes at least once; [`store::inbox`] makes its effect happen once.
#[async_trait]
pub trait Consumer: Send + Sync + 'static {
    /// Name in the inbox, in metrics and of the consumer group.
    fn name(&self) -> &'static str;

    /// The topics that it reads.
    fn topics(&self) -> &'static [Topic];

    /// Deals with an event. Its effects are durable when this returns.
    ///
    /// # Errors
    /// When it could not now and should be tried again.
    async fn handle(&self, event: &Event) -> anyhow::Result<()>;
}

/// Hands an event to a consumer and counts the outcome.
///
/// # Errors
/// The consumer's.
pub async fn deliver(consumer: &dyn Consumer, event: &Event) -> anyhow::Result<()> {
    let outcome = consumer.handle(event).await;
    let result = if outcome.is_ok() { "ok" } else { "retry" };
    metrics::counter!("todostack_events_consumed_total",
        "consumer" => consumer.name(), "type" => event.kind.as_str(), "result" => result)
    .increment(1);
    if let Err(error) = &outcome {
        tracing::warn!(consumer = consumer.name(), event = %event.id, kind = event.kind.as_str(),
            error = format!("{error:#}"), "an event could not be dealt with; it comes again");
    }
    outcome
}

/// `POST /events/<topic>`: what a Subscription of Dapr is routed to.
///
/// A body that is no event of ours can never be dealt with: it is answered `DROP`, and Dapr moves it
/// to the dead-letter topic. Anything that may pass is answered 500, and Dapr tries again by its
/// Resiliency. Nothing is answered 404, which Dapr takes for "handled".
pub fn routes(consumer: Arc<dyn Consumer>) -> Router {
    Router::new()
        .route("/events/{topic}", post(receive))
        .with_state(consumer)
}

async fn receive(
    State(consumer): State<Arc<dyn Consumer>>,
    Path(topic): Path<String>,
    body: Bytes,
) -> Response {
    let event: Event = match serde_json::from_slice(&body) {
        Ok(event) => event,
        Err(error) => {
            tracing::error!(consumer = consumer.name(), topic, %error, "no event of ours: dropped to the dead letters");
            metrics::counter!("todostack_events_consumed_total",
                "consumer" => consumer.name(), "type" => "unknown", "result" => "drop")
            .increment(1);
            return Json(json!({"status": "DROP"})).into_response();
        }
    };
    match deliver(consumer.as_ref(), &event).await {
        Ok(()) => Json(json!({"status": "SUCCESS"})).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Everything that only our sidecar may call, behind its token, with `/healthz` beside it for Dapr's
/// app-health check: without its database a service can deal with nothing, and Dapr holds events and
/// alarms back until it can. Subscriptions are declared by the operator, so `/dapr/subscribe` has none.
pub fn for_sidecar(routes: Router, app_token: Option<&str>, pool: PgPool) -> Router {
    let token: Option<Arc<str>> = app_token.map(Into::into);
    let subscribe = get(async || Json(json!([])));
    routes
        .route("/dapr/subscribe", subscribe)
        .layer(middleware::from_fn_with_state(token, check_app_token))
        .route("/healthz", get(health).with_state(pool))
}

async fn health(State(pool): State<PgPool>) -> StatusCode {
    let answered = tokio::time::timeout(HEALTH, store::ping(&pool)).await;
    if matches!(answered, Ok(Ok(()))) {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    }
}

/// Dapr sends the app's token with each call
/// (<https://docs.dapr.io/operations/security/app-api-token/>).
async fn check_app_token(
    State(token): State<Option<Arc<str>>>,
    request: Request,
    next: Next,
) -> Response {
    if let Some(token) = token {
        let sent = request
            .headers()
            .get("dapr-api-token")
            .map_or(&[][..], |value| value.as_bytes());
        if !bool::from(sent.ct_eq(token.as_bytes())) {
            return Problem::unauthorized("only the Dapr sidecar of this pod may call this")
                .into_response();
        }
    }
    next.run(request).await
}
