//! A receiver of webhooks that remembers what it got and says so: the far end of every reminder in
//! the end-to-end test. It verifies nothing; the test does, with the stack's own secret.
//!
//! | call | what it does |
//! | --- | --- |
//! | `POST /` | records the delivery, answers 200; or 503 while failures were asked for |
//! | `GET /deliveries` | what was recorded, oldest first; `?contains=` keeps bodies with that text |
//! | `GET /count` | how many were recorded; `?contains=` as above |
//! | `POST /fail?times=N` | the next N posts answer 503 and are recorded as refused |
//! | `GET /healthz` | 200 |

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Query, State},
    http::{HeaderMap, StatusCode},
    routing::{get, post},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

/// Deliveries kept; the oldest make room.
const KEPT: usize = 30_000;
/// Connections held without an answer; the oldest make room.
const HANGING: usize = 500;
/// Largest body that is taken.
const BODY: usize = 64 * 1024;

/// One POST as it came in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// When, by the sink's clock.
    pub received_at: DateTime<Utc>,
    /// Header `webhook-id`.
    pub webhook_id: String,
    /// Header `webhook-timestamp`.
    pub webhook_timestamp: String,
    /// Header `webhook-signature`.
    pub webhook_signature: String,
    /// The body, byte for byte as far as it is UTF-8.
    pub body: String,
    /// It was answered 503 because that had been asked for.
    pub refused: bool,
}

/// What the sink remembers.
#[derive(Debug, Default)]
struct Memory {
    deliveries: VecDeque<Delivery>,
    failures_left: u32,
}

impl Memory {
    fn record(&mut self, headers: &HeaderMap, body: String, now: DateTime<Utc>) -> StatusCode {
        let header = |name: &str| {
            let value = headers.get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        let refused = self.failures_left > 0;
        self.failures_left = self.failures_left.saturating_sub(1);
        if self.deliveries.len() == KEPT {
            self.deliveries.pop_front();
        }
        self.deliveries.push_back(Delivery {
            received_at: now,
            webhook_id: header("webhook-id"),
            webhook_timestamp: header("webhook-timestamp"),
            webhook_signature: header("webhook-signature"),
            body,
            refused,
        });
        if refused {
            StatusCode::SERVICE_UNAVAILABLE
        } else {
            StatusCode::OK
        }
    }
}

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Memory>>);

impl Sink {
    /// Runs `act` on the memory, which stays whole even if a handler panicked.
    fn with<T>(&self, act: impl FnOnce(&mut Memory) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The sink's routes, with an empty memory.
pub fn router() -> Router {
    Router::new()
        .route("/", post(receive))
        .route("/deliveries", get(deliveries))
        .route("/count", get(count))
        .route("/fail", post(fail))
        .route("/healthz", get(|| async { "ok" }))
        .layer(DefaultBodyLimit::max(BODY))
        .with_state(Sink::default())
}

async fn receive(State(sink): State<Sink>, headers: HeaderMap, body: String) -> StatusCode {
    let now = Utc::now();
    sink.with(|memory| memory.record(&headers, body, now))
}

#[derive(Deserialize)]
struct Filter {
    contains: Option<String>,
}

impl Filter {
    fn takes(&self, delivery: &Delivery) -> bool {
        let part = self.contains.as_deref();
        part.is_none_or(|part| delivery.body.contains(part))
    }
}

async fn deliveries(State(sink): State<Sink>, Query(filter): Query<Filter>) -> Json<Vec<Delivery>> {
    let wanted = |delivery: &&Delivery| filter.takes(delivery);
    Json(sink.with(|memory| memory.deliveries.iter().filter(wanted).cloned().collect()))
}

async fn count(State(sink): State<Sink>, Query(filter): Query<Filter>) -> Json<usize> {
    let wanted = |delivery: &&Delivery| filter.takes(delivery);
    Json(sink.with(|memory| memory.deliveries.iter().filter(wanted).count()))
}

/// Takes connections and never answers: a receiver that hangs.
///
/// # Errors
/// When no more connections can be taken.
pub async fn hang(listener: TcpListener) -> std::io::Result<()> {
    let mut held = Vec::new();
    loop {
        held.push(listener.accept().await?);
        // Those closed at the other end are let go, in order, so that it never runs out of files.
        if held.len() > HANGING {
            held.remove(0);
        }
    }
}

#[derive(Deserialize)]
struct Failures {
    times: u32,
}

async fn fail(State(sink): State<Sink>, Query(failures): Query<Failures>) -> StatusCode {
    sink.with(|memory| memory.failures_left = failures.times);
    StatusCode::NO_CONTENT
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{body::Body, http::Request};
    use tower::ServiceExt;

    async fn status(router: &Router, method: &str, uri: &str, body: &'static str) -> StatusCode {
        let request = Request::builder().method(method).uri(uri);
        let request = request.header("webhook-id", "m1").body(Body::from(body));
        let answer = router.clone().oneshot(request.unwrap()).await;
        answer.unwrap().status()
    }

    async fn recorded(router: &Router, uri: &str) -> Vec<Delivery> {
        answer(router, uri).await
    }

    async fn counted(router: &Router, uri: &str) -> usize {
        answer(router, uri).await
    }

    async fn answer<T: serde::de::DeserializeOwned>(router: &Router, uri: &str) -> T {
        let request = Request::builder().uri(uri).body(Body::empty()).unwrap();
        let answer = router.clone().oneshot(request).await.unwrap();
        let body = axum::body::to_bytes(answer.into_body(), BODY)
            .await
            .unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    #[tokio::test]
    async fn it_remembers_what_it_took_and_what_it_refused() {
        let router = router();
        assert_eq!(
            status(&router, "POST", "/fail?times=1", "").await,
            StatusCode::NO_CONTENT
        );
        let first = status(&router, "POST", "/", "apples").await;
        assert_eq!(first, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(status(&router, "POST", "/", "pears").await, StatusCode::OK);

        let all = recorded(&router, "/deliveries").await;
        let seen: Vec<_> = all.iter().map(|d| (d.body.as_str(), d.refused)).collect();
        assert_eq!(seen, [("apples", true), ("pears", false)]);
        assert_eq!(all[0].webhook_id, "m1");

        let some = recorded(&router, "/deliveries?contains=pear").await;
        assert_eq!(some.len(), 1);
        assert_eq!(counted(&router, "/count").await, 2);
        assert_eq!(counted(&router, "/count?contains=pear").await, 1);
    }

    #[test]
    fn its_memory_is_bounded() {
        let mut memory = Memory::default();
        for n in 0..KEPT + 3 {
            memory.record(&HeaderMap::new(), n.to_string(), Utc::now());
        }
        assert_eq!(memory.deliveries.len(), KEPT);
        assert_eq!(memory.deliveries[0].body, "3");
    }
}
