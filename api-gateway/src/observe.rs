//! What happens around every request: an id, a time limit, compression, one log line, one measurement.

use std::time::{Duration, Instant};

use axum::{
    extract::{MatchedPath, Request},
    http::{HeaderName, HeaderValue, StatusCode},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tracing::Instrument as _;
use uuid::Uuid;

use crate::{
    compress::{compressed, takes_gzip},
    error::Error,
};

/// The longest that a request may take.
const TIMEOUT: Duration = Duration::from_secs(20);

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Gives a request its id and its time limit, then logs and measures it. The log names the route
/// and not the query, which may hold what users wrote.
pub(crate) async fn observe(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = request_id(&request);
    let gzip = takes_gzip(request.headers());
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("unmatched", MatchedPath::as_str)
        .to_owned();

    let span = tracing::info_span!("request", request_id = %id);
    let answer = tokio::time::timeout(TIMEOUT, next.run(request));
    let response = match answer.instrument(span).await {
        Ok(response) => response,
        Err(_) => Error::new(
            StatusCode::SERVICE_UNAVAILABLE,
            format!("not done within {} s", TIMEOUT.as_secs()),
        )
        .into_response(),
    };

    let mut response = compressed(response, gzip).await;
    let took = started.elapsed();
    let status = response.status().as_u16();
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    // Methods beyond the standard ones are anybody's to invent: they share one label.
    let label = match method.as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS") => known,
        _ => "other",
    };
    metrics::histogram!(
        "todostack_http_request_duration_seconds",
        "method" => label.to_owned(),
        "route" => route.clone(),
        "status" => status.to_string(),
    )
    .record(took.as_secs_f64());
    if route != "/healthz" {
        tracing::info!(
            method = label,
            route,
            status,
            took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            request_id = %id,
            "request"
        );
    }
    response
}

/// The id that a proxy gave the request, when it is one that can be logged; or a new one.
fn request_id(request: &Request) -> String {
    request
        .headers()
        .get(REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .filter(|id| {
            (1..=64).contains(&id.len())
                && id
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        })
        .map_or_else(|| Uuid::new_v4().to_string(), str::to_owned)
}
