//! What happens around every request: an id, a time limit, compression, one log line, one measurement.

use std::time::{Duration, Instant};

use axum::{
    extract::{MatchedPath, Request},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode},
    middleware::Next,
    response::{IntoResponse, Response},
};
use domain::trace::TraceContext;
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
pub(crate) async fn observe(mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = request_id(&request);
    if let Ok(value) = HeaderValue::from_str(&id) {
        // What it asks for in its turn is known by the same id.
        request.headers_mut().insert(REQUEST_ID, value);
    }
    let gzip = takes_gzip(request.headers());
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("unmatched", MatchedPath::as_str)
        .to_owned();

    let trace = trace_of(request.headers());
    let trace_id = trace.as_ref().map(|trace| trace.trace_id().to_owned());
    let span = tracing::info_span!("request", request_id = %id, trace_id);
    let work = store::trace::within(trace, next.run(request));
    let answer = tokio::time::timeout(TIMEOUT, work);
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
            trace_id,
            "request"
        );
    }
    response
}

/// The trace that the request is part of, gone on by a span for it; none when no header can be read.
fn trace_of(headers: &HeaderMap) -> Option<TraceContext> {
    let mut parents = headers.get_all("traceparent").iter();
    let parent = parents.next()?.to_str().ok()?;
    // Of two nobody can tell which is right.
    if parents.next().is_some() {
        return None;
    }
    let states = headers.get_all("tracestate").iter();
    let trace = TraceContext::of_headers(parent, states.filter_map(|state| state.to_str().ok()))?;
    let (_, span) = Uuid::new_v4().as_u64_pair();
    Some(trace.child(span.to_be_bytes()))
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
