//! The HTTP routes by which a Dapr sidecar hands over events.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use runtime::Problem;
use serde::{Deserialize, Serialize};
use serde_json::{json, value::RawValue};
use subtle::ConstantTimeEq;

use crate::{
    consumer::Outcome,
    intake::{Intake, Read},
};

/// `POST /events/<topic>`: what a Subscription of Dapr is routed to, one event or a batch of them
/// (<https://docs.dapr.io/developing-applications/building-blocks/pubsub/pubsub-bulk/>); and
/// `POST /dead-letters`: the same for the consumer's dead-letter topic.
///
/// A body that is no event of ours can never be dealt with: it is a dead letter at once, and answered
/// `SUCCESS`. Anything that may pass is answered `RETRY`, or 500 for a single event, and Dapr tries
/// again by its Resiliency. Nothing is answered 404, which Dapr takes for "handled".
pub fn routes(intake: Arc<Intake>) -> Router {
    Router::new()
        .route("/events/{topic}", post(receive))
        .route("/dead-letters", post(receive_dead))
        // Dapr holds a batch back by the number of its events, not by their size.
        .layer(DefaultBodyLimit::disable())
        .with_state(intake)
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

impl Entry<'_> {
    fn text(&self) -> &[u8] {
        self.event.map_or("", RawValue::get).as_bytes()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    entry_id: &'a str,
    status: &'static str,
}

/// What is answered for an event
/// (<https://docs.dapr.io/reference/api/pubsub_api/#expected-http-response>).
fn status(done: bool) -> &'static str {
    if done { "SUCCESS" } else { "RETRY" }
}

fn answer(entries: &[Entry<'_>], done: impl IntoIterator<Item = bool>) -> Response {
    let statuses: Vec<Answer<'_>> = entries
        .iter()
        .zip(done)
        .map(|(entry, done)| Answer {
            entry_id: &entry.entry_id,
            status: status(done),
        })
        .collect();
    Json(json!({ "statuses": statuses })).into_response()
}

fn answer_one(done: bool) -> Response {
    if done {
        Json(json!({ "status": status(true) })).into_response()
    } else {
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }
}

fn batch(body: &[u8]) -> Option<Vec<Entry<'_>>> {
    serde_json::from_slice(body)
        .ok()
        .and_then(|posted: Posted<'_>| posted.entries)
}

async fn receive(
    State(intake): State<Arc<Intake>>,
    Path(topic): Path<String>,
    body: Bytes,
) -> Response {
    match batch(&body) {
        Some(entries) => {
            let read = entries
                .iter()
                .map(|entry| intake.read(&topic, entry.text()));
            let outcomes = intake.take(read.collect::<Vec<Read>>()).await;
            answer(&entries, outcomes.iter().map(|of| *of == Outcome::Done))
        }
        None => {
            let outcomes = intake.take(vec![intake.read(&topic, &body)]).await;
            answer_one(outcomes == [Outcome::Done])
        }
    }
}

async fn receive_dead(State(intake): State<Arc<Intake>>, body: Bytes) -> Response {
    let entries = batch(&body);
    let bodies: Vec<Vec<u8>> = match &entries {
        Some(entries) => entries.iter().map(|entry| raw(entry.text())).collect(),
        None => vec![raw(&body)],
    };
    let buried = intake.bury(bodies).await;
    if let Err(error) = &buried {
        tracing::warn!(consumer = intake.name(), %error, "dead letters are not recorded yet; they come again");
    }
    match entries {
        Some(entries) => answer(&entries, entries.iter().map(|_| buried.is_ok())),
        None => answer_one(buried.is_ok()),
    }
}

/// The message as it lay in the dead-letter topic. That topic is subscribed to with `rawPayload`, for
/// it may hold what is no JSON: Dapr then posts base64, in a batch alone and else inside of a
/// CloudEvent of its own.
fn raw(posted: &[u8]) -> Vec<u8> {
    #[derive(Deserialize)]
    struct Wrapped {
        data_base64: String,
    }
    let encoded = serde_json::from_slice::<String>(posted)
        .or_else(|_| serde_json::from_slice(posted).map(|event: Wrapped| event.data_base64));
    encoded
        .ok()
        .and_then(|text| STANDARD.decode(text).ok())
        .unwrap_or_else(|| posted.to_vec())
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
