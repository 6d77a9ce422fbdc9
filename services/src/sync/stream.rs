//! `GET /v1/stream`: server-sent events.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::sse::{Event as Line, KeepAlive, Sse},
};
use domain::event::Event;
use futures::{Stream, StreamExt as _, stream};
use runtime::{Problem, auth};
use uuid::Uuid;

use super::{
    Sync,
    hub::{STREAMS, Told},
};

/// Opens a stream that ends when its access token expires.
///
/// # Errors
/// 401 without a token that is valid, 429 for one stream too many.
pub(super) async fn open(
    State(sync): State<Sync>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Line, Infallible>>>, Problem> {
    let claims = auth::bearer(&headers).and_then(|token| sync.claims(token));
    let claims = claims.ok_or_else(auth::no_token)?;
    // Subscribed before what was missed is read: nothing falls between.
    let live = sync.hub.subscribe(claims.sub).ok_or_else(too_many)?;
    let last: Option<Uuid> = headers
        .get("last-event-id")
        .and_then(|value| value.to_str().ok()?.parse().ok());
    let missed = sync.missed(claims.sub, last).await;
    let missed: Vec<Line> = match missed.map_err(Problem::internal)? {
        Some(events) => events.iter().map(|event| line(&event.0)).collect(),
        None => vec![reset()],
    };
    metrics::counter!("todostack_streams_opened_total", "kind" => "sse").increment(1);
    let live = stream::unfold(live, async |mut live| {
        let line = match live.next().await {
            Told::Change(event) => line(&event),
            Told::Gap { .. } => reset(),
        };
        Some((line, live))
    });
    let shutdown = sync.shutdown.clone();
    let end = async move {
        tokio::select! {
            () = tokio::time::sleep(claims.left()) => {}
            () = shutdown.cancelled() => {}
        }
    };
    let stream = stream::iter(missed).chain(live).take_until(end).map(Ok);
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))))
}

fn too_many() -> Problem {
    let detail = format!("you have {STREAMS} streams open here; close one first");
    Problem::new(StatusCode::TOO_MANY_REQUESTS, detail)
}

fn line(event: &Event) -> Line {
    Line::default()
        .id(event.id.to_string())
        .event(event.kind.as_str())
        .data(event.data.to_string())
}

/// Tells a device that it missed something: it reads everything anew.
fn reset() -> Line {
    Line::default().event("reset").data("{}")
}
