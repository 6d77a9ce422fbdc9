//! Replaying dead letters to the consumers of this process, when somebody asks for it.

use std::{sync::Arc, time::Duration};

use sqlx::postgres::PgListener;
use store::{Store, dead_letters};
use tokio_util::sync::CancellationToken;

use crate::intake::Intake;

/// A notification may be lost with its connection, and the process that took a letter may die: look at
/// least this often.
const POLL: Duration = Duration::from_secs(30);

/// Pause before the database is tried again.
const AGAIN: Duration = Duration::from_secs(3);

/// Replays what is asked for, until `shutdown`.
pub async fn run(store: Store, intakes: Vec<Arc<Intake>>, shutdown: CancellationToken) {
    while !shutdown.is_cancelled() {
        let outcome = tokio::select! {
            outcome = session(&store, &intakes) => outcome,
            () = shutdown.cancelled() => return,
        };
        if let Err(error) = outcome {
            tracing::warn!(%error, "dead letters cannot be replayed now; it is tried again");
        }
        tokio::select! {
            () = tokio::time::sleep(AGAIN) => {}
            () = shutdown.cancelled() => {}
        }
    }
}

async fn session(store: &Store, intakes: &[Arc<Intake>]) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(store.pool()).await?;
    listener.listen(dead_letters::CHANNEL).await?;
    loop {
        for intake in intakes {
            intake.replay().await?;
        }
        if let Ok(notified) = tokio::time::timeout(POLL, listener.recv()).await {
            notified?;
        }
    }
}
