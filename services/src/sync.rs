//! The sync service: `GET /v1/stream`, the changes of a user's tasks as server-sent events
//! (WHATWG HTML §9.2), to every device.
//!
//! The broker gives each event to one replica only; `NOTIFY` brings it to all of them.

use std::{convert::Infallible, sync::Arc, time::Duration};

use async_trait::async_trait;
use axum::{
    Router,
    extract::{FromRef, State},
    http::HeaderMap,
    response::sse::{KeepAlive, Sse},
    routing::get,
};
use domain::event::{Event, Topic};
use futures::{Stream, StreamExt, stream};
use runtime::{
    Problem,
    auth::{Keys, User},
};
use sqlx::{PgPool, postgres::PgListener};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::consumer::Consumer;

/// The channel that replicas tell each other by.
const CHANNEL: &str = "todostack_sync";

/// Notices that a slow device may lag behind before it is told to read everything anew.
const BUFFER: usize = 1024;

/// Notices that are replayed to a device that comes back, at most.
const REPLAY: i64 = 1000;

/// The service.
#[derive(Clone)]
pub struct Sync {
    pool: PgPool,
    keys: Keys,
    /// `None`: something was missed, every device reads anew.
    notices: broadcast::Sender<Option<Arc<Event>>>,
    shutdown: CancellationToken,
}

impl FromRef<Sync> for Keys {
    fn from_ref(sync: &Sync) -> Self {
        sync.keys.clone()
    }
}

impl Sync {
    /// A service whose streams end at `shutdown`.
    pub fn new(pool: PgPool, keys: Keys, shutdown: CancellationToken) -> Self {
        Self {
            pool,
            keys,
            notices: broadcast::channel(BUFFER).0,
            shutdown,
        }
    }

    /// Brings what any replica consumed to the devices of this one, until `shutdown`.
    pub async fn listen(self) {
        while !self.shutdown.is_cancelled() {
            let outcome = tokio::select! {
                outcome = self.listen_once() => outcome,
                () = self.shutdown.cancelled() => return,
            };
            let Err(error) = outcome;
            tracing::warn!(%error, "the notices stopped; they are listened for again");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    async fn listen_once(&self) -> Result<Infallible, sqlx::Error> {
        let mut listener = PgListener::connect_with(&self.pool).await?;
        listener.listen(CHANNEL).await?;
        // What was said before we listened is lost: devices read anew. Without any there is nobody to
        // tell.
        let _ = self.notices.send(None);
        loop {
            // `None`: the connection was lost, and notices may be.
            let Some(notification) = listener.try_recv().await? else {
                return Err(sqlx::Error::PoolClosed);
            };
            match serde_json::from_str(notification.payload()) {
                // Nobody listens: no device is connected.
                Ok(event) => drop(self.notices.send(Some(Arc::new(event)))),
                Err(error) => tracing::error!(%error, "a notice cannot be read"),
            }
        }
    }

    /// The route for devices.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/v1/stream", get(open))
            .with_state(self.clone())
    }
}

#[async_trait]
impl Consumer for Sync {
    fn name(&self) -> &'static str {
        "sync"
    }

    fn topics(&self) -> &'static [Topic] {
        &[Topic::TaskUpdates]
    }

    async fn handle(&self, events: &[Event]) -> anyhow::Result<()> {
        // A notice is thin: far below the 8000 bytes that NOTIFY takes.
        let notices = events
            .iter()
            .map(serde_json::to_string)
            .collect::<Result<Vec<_>, _>>()?;
        sqlx::query("select pg_notify($1, notice) from unnest($2::text[]) as notice")
            .bind(CHANNEL)
            .bind(notices)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}

type Line = axum::response::sse::Event;

async fn open(
    State(sync): State<Sync>,
    User(user): User,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Line, Infallible>>>, Problem> {
    // Subscribed before what was missed is read: nothing falls between.
    let live = sync.notices.subscribe();
    let last: Option<Uuid> = headers
        .get("last-event-id")
        .and_then(|value| value.to_str().ok()?.parse().ok());
    let missed = match last {
        None => Vec::new(),
        Some(last) => match store::outbox::notices_since(&sync.pool, user, last, REPLAY).await {
            Ok(Some(events)) if (events.len() as i64) < REPLAY => {
                events.iter().map(|event| line(&event.0)).collect()
            }
            Ok(_) => vec![reset()],
            Err(error) => return Err(Problem::internal(error)),
        },
    };
    metrics::counter!("todostack_streams_opened_total").increment(1);
    let live = stream::unfold(live, move |mut live| async move {
        loop {
            match live.recv().await {
                Ok(Some(event)) if event.owner == Some(user) => return Some((line(&event), live)),
                Ok(Some(_)) => {}
                Ok(None) | Err(RecvError::Lagged(_)) => return Some((reset(), live)),
                Err(RecvError::Closed) => return None,
            }
        }
    });
    let stream = stream::iter(missed)
        .chain(live)
        .take_until(sync.shutdown.clone().cancelled_owned())
        .map(Ok);
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))))
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
