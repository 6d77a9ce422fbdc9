//! Recording what attempts came to: as many in one transaction as came while the last one was under way.

use std::time::Duration;

use chrono::Utc;
use store::{
    Store,
    deliveries::{self, Delivery, Outcome},
};
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// Most attempts of one transaction.
const BATCH: usize = 500;

/// Attempts that wait to be recorded; when there are more, senders wait.
const WAITING: usize = 4 * BATCH;

/// Pause after a transaction that failed.
const PAUSE: Duration = Duration::from_millis(500);

/// Takes what attempts came to.
pub(super) type Recorder = mpsc::Sender<(Delivery, Outcome)>;

/// Starts recording. It ends when every [`Recorder`] is gone and all is recorded; after `shutdown` what
/// cannot be recorded is left: it is sent again, under the same idempotency key.
pub(super) fn start(store: Store, shutdown: CancellationToken) -> (Recorder, JoinHandle<()>) {
    let (sender, mut incoming) = mpsc::channel(WAITING);
    let recording = tokio::spawn(async move {
        let mut batch = Vec::with_capacity(BATCH);
        while incoming.recv_many(&mut batch, BATCH).await > 0 {
            record(&store, &batch, &shutdown).await;
            batch.clear();
        }
    });
    (sender, recording)
}

async fn record(store: &Store, batch: &[(Delivery, Outcome)], shutdown: &CancellationToken) {
    while let Err(error) = write(store, batch).await {
        tracing::warn!(attempts = batch.len(), %error, "attempts could not be recorded");
        // What Postgres refuses, it refuses again: it must not keep the others from being recorded.
        if error.as_database_error().is_some() {
            for one in batch.chunks(1) {
                if let Err(error) = write(store, one).await {
                    let (delivery, _) = &one[0];
                    tracing::error!(reminder = %delivery.reminder_id, %error, "an attempt could not be recorded; it is made again");
                    let freed = free(store, delivery).await;
                    if let Err(error) = freed {
                        tracing::warn!(reminder = %delivery.reminder_id, %error, "a delivery stays ours until this process ends");
                    }
                }
            }
            return;
        }
        if shutdown.is_cancelled() {
            return;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn free(store: &Store, delivery: &Delivery) -> Result<(), sqlx::Error> {
    let Some(holder) = delivery.holder else {
        return Ok(());
    };
    let mut conn = store.acquire().await?;
    deliveries::release(&mut conn, holder, std::slice::from_ref(delivery)).await
}

async fn write(store: &Store, batch: &[(Delivery, Outcome)]) -> Result<(), sqlx::Error> {
    let mut transaction = store.begin().await?;
    deliveries::record_all(&mut transaction, batch, Utc::now()).await?;
    transaction.commit().await
}
