//! Consuming events: what a consumer is, and the HTTP routes by which a Dapr sidecar calls it.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use domain::event::{Event, EventType, Topic};
use runtime::Problem;
use serde::{Deserialize, Serialize};
use serde_json::{json, value::RawValue};
use subtle::ConstantTimeEq;
use tokio::time::Instant;

/// While the database is away, events are held for so long before they are given back: less than the
/// sidecar waits for an answer (30 s, the stack's Resiliency).
const HELD: Duration = Duration::from_secs(15);

/// How often a held batch is tried.
const TRIED: Duration = Duration::from_millis(250);

/// Reacts to events. Each event comes at least once; [`store::inbox`] makes its effect happen once.
#[async_trait]
pub trait Consumer: Send + Sync + 'static {
    /// Name in the inbox, in metrics and of the consumer group.
    fn name(&self) -> &'static str;

    /// The topics that it reads.
    fn topics(&self) -> &'static [Topic];

    /// Deals with events, in this order, all of them or none. Their effects are durable when this
    /// returns.
    ///
    /// # Errors
    /// When it could not deal with all of them; [`deliver`] then finds out with which it can.
    async fn handle(&self, events: &[Event]) -> anyhow::Result<()>;
}

/// Hands events to a consumer and counts the outcomes. Whether each was dealt with, in their order.
///
/// A batch that fails is halved until the events that make it fail stand alone, so that they hold no
/// other back. While the database is away the batch is held, and goes on as soon as it is back.
pub async fn deliver(consumer: &dyn Consumer, events: &[Event]) -> Vec<bool> {
    let mut done = vec![false; events.len()];
    let mut parts: Vec<_> = std::iter::once(0..events.len()).collect();
    let held_until = Instant::now() + HELD;
    let mut given_back = false;
    while let Some(part) = parts.pop() {
        if part.is_empty() || given_back {
            continue;
        }
        match consumer.handle(&events[part.clone()]).await {
            Ok(()) => done[part].fill(true),
            Err(error) => {
                let away = is_away(&error);
                if away && Instant::now() < held_until {
                    parts.push(part);
                    tokio::time::sleep(TRIED).await;
                    continue;
                }
                given_back = away;
                if !away && part.len() > 1 {
                    let middle = part.start + part.len() / 2;
                    parts.extend([middle..part.end, part.start..middle]);
                    continue;
                }
                let event = &events[part.start];
                tracing::warn!(consumer = consumer.name(), event = %event.id,
                    kind = event.kind.as_str(), events = part.len(), error = format!("{error:#}"),
                    "could not be dealt with; it comes again");
            }
        }
    }
    for (event, done) in events.iter().zip(&done) {
        metrics::counter!("todostack_events_consumed_total",
            "consumer" => consumer.name(), "type" => event.kind.as_str(),
            "result" => if *done { "ok" } else { "retry" })
        .increment(1);
    }
    done
}

/// Whether an error says that the database cannot be reached, whatever is asked of it.
pub(crate) fn is_away(error: &anyhow::Error) -> bool {
    matches!(
        error.downcast_ref(),
        Some(sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed)
    )
}

/// `POST /events/<topic>`: what a Subscription of Dapr is routed to, one event or a batch of them
/// (<https://docs.dapr.io/developing-applications/building-blocks/pubsub/pubsub-bulk/>).
///
/// A body that is no event of ours can never be dealt with: it is answered `DROP`, and Dapr moves it
/// to the dead-letter topic. Anything that may pass is answered `RETRY`, or 500 for a single event, and
/// Dapr tries again by its Resiliency. Nothing is answered 404, which Dapr takes for "handled".
pub fn routes(consumer: Arc<dyn Consumer>) -> Router {
    Router::new()
        .route("/events/{topic}", post(receive))
        // Dapr holds a batch back by the number of its events, not by their size.
        .layer(DefaultBodyLimit::disable())
        .with_state(consumer)
}

/// What Dapr posts: a batch of events, or one, whose fields are then not looked at here.
#[derive(Deserialize)]
struct Posted<'a> {
    #[serde(borrow)]
    entries: Option<Vec<Entry<'a>>>,
}

/// An event of a batch.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    entry_id: String,
    #[serde(borrow)]
    event: Option<&'a RawValue>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    entry_id: &'a str,
    status: &'static str,
}

async fn receive(
    State(consumer): State<Arc<dyn Consumer>>,
    Path(topic): Path<String>,
    body: Bytes,
) -> Response {
    let consumer = consumer.as_ref();
    if let Ok(Posted {
        entries: Some(entries),
    }) = serde_json::from_slice(&body)
    {
        return receive_batch(consumer, &topic, &entries).await;
    }
    match read(consumer, &topic, &body) {
        Ok(event) => match deliver(consumer, &[event]).await[..] {
            [true] => Json(json!({"status": SUCCESS})).into_response(),
            _ => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        },
        Err(status) => Json(json!({ "status": status })).into_response(),
    }
}

async fn receive_batch(consumer: &dyn Consumer, topic: &str, entries: &[Entry<'_>]) -> Response {
    let mut events = Vec::with_capacity(entries.len());
    let mut unread = Vec::with_capacity(entries.len());
    for entry in entries {
        let text = entry.event.map_or("", RawValue::get);
        match read(consumer, topic, text.as_bytes()) {
            Ok(event) => {
                events.push(event);
                unread.push(None);
            }
            Err(status) => unread.push(Some(status)),
        }
    }
    let mut done = deliver(consumer, &events).await.into_iter();
    let statuses: Vec<Answer<'_>> = entries
        .iter()
        .zip(unread)
        .map(|(entry, unread)| Answer {
            entry_id: &entry.entry_id,
            status: unread.unwrap_or_else(|| {
                if done.next() == Some(true) {
                    SUCCESS
                } else {
                    RETRY
                }
            }),
        })
        .collect();
    Json(json!({ "statuses": statuses })).into_response()
}

/// What is answered for an event
/// (<https://docs.dapr.io/reference/api/pubsub_api/#expected-http-response>).
const SUCCESS: &str = "SUCCESS";
const RETRY: &str = "RETRY";
const DROP: &str = "DROP";

/// What every CloudEvent says of itself.
#[derive(Deserialize)]
struct Head {
    specversion: String,
    #[serde(rename = "type")]
    kind: String,
}

/// Reads an event, or tells how to answer what is none for us: one of a type that a newer version
/// publishes is passed over and counted, anything else goes to the dead letters.
fn read(consumer: &dyn Consumer, topic: &str, text: &[u8]) -> Result<Event, &'static str> {
    serde_json::from_slice(text).map_err(|error| {
        let newer = serde_json::from_slice(text).is_ok_and(|head: Head| {
            head.specversion == "1.0"
                && (head.kind.starts_with("task.") || head.kind.starts_with("reminder."))
                && serde_json::from_value::<EventType>(head.kind.into()).is_err()
        });
        if newer {
            metrics::counter!("todostack_events_consumed_total",
                "consumer" => consumer.name(), "type" => "unknown", "result" => "passed over")
            .increment(1);
            return SUCCESS;
        }
        dropped(consumer, topic, &error);
        DROP
    })
}

fn dropped(consumer: &dyn Consumer, topic: &str, error: &serde_json::Error) {
    tracing::error!(consumer = consumer.name(), topic, %error, "no event of ours: dropped to the dead letters");
    metrics::counter!("todostack_events_consumed_total",
        "consumer" => consumer.name(), "type" => "unknown", "result" => "drop")
    .increment(1);
}

/// Everything that only our sidecar may call, behind its token, with `/healthz` beside it for Dapr's
/// app-health check. It says that the process lives, not that its database does: a sidecar that takes
/// its app for dead ends the subscriptions, and Dapr 1.16 may take half a minute and more to begin them
/// again. Subscriptions are declared by the operator, so `/dapr/subscribe` has none.
pub fn for_sidecar(routes: Router, app_token: Option<&str>) -> Router {
    let token: Option<Arc<str>> = app_token.map(Into::into);
    let subscribe = get(async || Json(json!([])));
    routes
        .route("/dapr/subscribe", subscribe)
        .layer(middleware::from_fn_with_state(token, check_app_token))
        .route("/healthz", get(async || StatusCode::OK))
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

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use axum::body::{Body, to_bytes};
    use serde_json::Value;
    use tower::ServiceExt as _;
    use uuid::Uuid;

    use super::*;

    /// Fails with every batch that holds a `task.deleted`.
    #[derive(Default)]
    struct Touchy(Mutex<Vec<Uuid>>);

    #[async_trait]
    impl Consumer for Touchy {
        fn name(&self) -> &'static str {
            "touchy"
        }

        fn topics(&self) -> &'static [Topic] {
            &[Topic::TaskEvents]
        }

        async fn handle(&self, events: &[Event]) -> anyhow::Result<()> {
            anyhow::ensure!(
                events
                    .iter()
                    .all(|event| event.kind != EventType::TaskDeleted)
            );
            self.0
                .lock()
                .unwrap()
                .extend(events.iter().map(|event| event.id));
            Ok(())
        }
    }

    fn event(kind: EventType) -> Event {
        Event::new(
            Uuid::new_v4(),
            kind,
            "s",
            None,
            chrono::Utc::now(),
            json!({}),
        )
    }

    async fn post(consumer: Arc<Touchy>, body: Value) -> (StatusCode, Value) {
        let request = Request::post("/events/task-events")
            .body(Body::from(body.to_string()))
            .unwrap();
        let answer = routes(consumer).oneshot(request).await.unwrap();
        let status = answer.status();
        let body = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    #[tokio::test]
    async fn each_entry_of_a_batch_gets_its_own_answer_and_the_good_keep_their_order() {
        let consumer = Arc::new(Touchy::default());
        let events: Vec<Event> = (0..7)
            .map(|place| {
                event(if place == 4 {
                    EventType::TaskDeleted
                } else {
                    EventType::TaskCreated
                })
            })
            .collect();
        let mut entries: Vec<Value> = events
            .iter()
            .enumerate()
            .map(|(place, event)| json!({"entryId": place.to_string(), "event": event}))
            .collect();
        entries.push(json!({"entryId": "7", "event": {"what": "is this"}}));
        entries.push(json!({"entryId": "8"}));
        let mut newer = serde_json::to_value(&events[0]).unwrap();
        newer["type"] = "task.shared".into();
        entries.push(json!({"entryId": "9", "event": newer}));
        let (status, answer) = post(consumer.clone(), json!({"id": "b", "entries": entries})).await;
        assert_eq!(status, StatusCode::OK);
        let statuses: Vec<&str> = answer["statuses"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| entry["status"].as_str().unwrap())
            .collect();
        let expected = [
            "SUCCESS", "SUCCESS", "SUCCESS", "SUCCESS", "RETRY", "SUCCESS", "SUCCESS", "DROP",
            "DROP", "SUCCESS",
        ];
        assert_eq!(statuses, expected);
        let dealt_with: Vec<Uuid> = consumer.0.lock().unwrap().clone();
        let good: Vec<Uuid> = [0, 1, 2, 3, 5, 6].map(|place| events[place].id).into();
        assert_eq!(dealt_with, good);
    }

    #[tokio::test]
    async fn a_single_event_is_answered_as_ever() {
        let consumer = Arc::new(Touchy::default());
        let good = serde_json::to_value(event(EventType::TaskCreated)).unwrap();
        let (_, answer) = post(consumer.clone(), good).await;
        assert_eq!(answer["status"], "SUCCESS");
        let bad = serde_json::to_value(event(EventType::TaskDeleted)).unwrap();
        let (status, _) = post(consumer.clone(), bad).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        let (_, answer) = post(consumer, json!({"what": "is this"})).await;
        assert_eq!(answer["status"], "DROP");
    }
}
