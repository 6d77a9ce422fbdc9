//! The sync service: the changes of a user's tasks, to every device: `GET /v1/stream` as server-sent events
//! (WHATWG HTML §9.2), `GET /v1/ws` over a WebSocket (RFC 6455).
//!
//! The broker gives each event to one replica only; `NOTIFY` brings it to all of them.

mod hub;
mod message;
mod socket;
mod stream;

use std::{convert::Infallible, sync::Arc, time::Duration};

use async_trait::async_trait;
use axum::{Router, routing::get};
use domain::event::{Event, Topic};
use hub::Hub;
use runtime::auth::{Claims, Keys};
use sqlx::{PgPool, postgres::PgListener, types::Json};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use crate::consumer::Consumer;

/// The channel that replicas tell each other by.
const CHANNEL: &str = "todostack_sync";

/// Notices that are replayed to a device that comes back, at most.
const REPLAY: i64 = 1000;

/// The service.
#[derive(Clone)]
pub struct Sync {
    pool: PgPool,
    keys: Keys,
    hub: Arc<Hub>,
    shutdown: CancellationToken,
    /// The sockets that are open: their ends are told before the process is gone.
    sockets: TaskTracker,
}

impl Sync {
    /// A service whose streams end at `shutdown`.
    pub fn new(pool: PgPool, keys: Keys, shutdown: CancellationToken) -> Self {
        Self {
            pool,
            keys,
            hub: Arc::default(),
            shutdown,
            sockets: TaskTracker::new(),
        }
    }

    /// Brings what any replica consumed to the devices of this one, until `shutdown` and the end of their
    /// sockets.
    pub async fn listen(self) {
        while !self.shutdown.is_cancelled() {
            let outcome = tokio::select! {
                outcome = self.listen_once() => outcome,
                () = self.shutdown.cancelled() => break,
            };
            let Err(error) = outcome;
            tracing::warn!(%error, "the notices stopped; they are listened for again");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        self.sockets.close();
        self.sockets.wait().await;
    }

    async fn listen_once(&self) -> Result<Infallible, sqlx::Error> {
        let mut listener = PgListener::connect_with(&self.pool).await?;
        listener.listen(CHANNEL).await?;
        // What was said before we listened is lost: devices read anew.
        self.hub.tell_all_of_a_gap();
        loop {
            // `None`: the connection was lost, and notices may be.
            let Some(notification) = listener.try_recv().await? else {
                return Err(sqlx::Error::PoolClosed);
            };
            match serde_json::from_str::<Event>(notification.payload()) {
                Ok(event) => self.hub.tell(event),
                Err(error) => tracing::error!(%error, "a notice cannot be read"),
            }
        }
    }

    /// The routes for devices.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/v1/stream", get(stream::open))
            .route("/v1/ws", get(socket::open))
            .with_state(self.clone())
    }

    /// What an access token says that has not expired. To the second: a stream ends then, and one that was
    /// opened in the minute by which clocks may differ would end at once.
    fn claims(&self, token: &str) -> Option<Claims> {
        let claims = self.keys.verify(token)?;
        (!claims.left().is_zero()).then_some(claims)
    }

    /// What `user` missed since the notice `last`: nothing without one. `None`: that cannot be told.
    async fn missed(
        &self,
        user: Uuid,
        last: Option<Uuid>,
    ) -> Result<Option<Vec<Json<Event>>>, sqlx::Error> {
        let Some(last) = last else {
            return Ok(Some(Vec::new()));
        };
        let missed = store::outbox::notices_since(&self.pool, user, last, REPLAY).await?;
        Ok(missed.filter(|events| (events.len() as i64) < REPLAY))
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
