//! What the sidecar calls when an alarm rings.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    routing::post,
};

use super::Reminders;
use crate::jobs;

/// `POST /job/<name>`: the Job of a second rings. `POST /sweep`: Dapr's cron binding.
///
/// Any answer but a 2xx or 404 makes Dapr call again in 5 s; so nothing here answers 404.
pub fn routes(service: Arc<Reminders>) -> Router {
    Router::new()
        .route("/job/{name}", post(on_job))
        .route("/sweep", post(on_sweep).options(async || StatusCode::OK))
        .with_state(service)
}

async fn on_job(State(service): State<Arc<Reminders>>, Path(name): Path<String>) -> StatusCode {
    let Some(second) = jobs::parse(&name) else {
        tracing::error!(name, "a job of this app-id that is not ours: acknowledged");
        return StatusCode::OK;
    };
    match service.on_second(second).await {
        Ok(true) => StatusCode::OK,
        Ok(false) => StatusCode::SERVICE_UNAVAILABLE,
        Err(error) => {
            tracing::warn!(%second, error = format!("{error:#}"), "could not fire everything; the job rings again");
            StatusCode::INTERNAL_SERVER_ERROR
        }
    }
}

async fn on_sweep(State(service): State<Arc<Reminders>>) -> StatusCode {
    // The binding's call has a time-out of its own: the round goes on without it.
    tokio::spawn(async move { service.sweep_logged().await });
    StatusCode::OK
}
