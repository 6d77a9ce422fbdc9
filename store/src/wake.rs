//! Waking the relay after commits.
//!
//! Postgres lets only one transaction of the whole server with a `NOTIFY` in it commit at a time
//! (`src/backend/commands/async.c`, `PreCommit_Notify`), until its commit is on the disk. So events are
//! written without one; afterwards a notification of its own tells of many commits at once. One that
//! is lost costs the relay's poll interval.

use std::time::Duration;

use sqlx::PgPool;
use tokio::sync::mpsc;

/// The channel that the relay listens on.
pub const CHANNEL: &str = "todostack_outbox";

/// Between two notifications of one process, at least: the first is sent at once, what follows closely
/// shares the next.
const INTERVAL: Duration = Duration::from_millis(3);

/// Alone in its transaction, which nobody waits for: it need not be on the disk.
const NOTIFY: &str = "begin; set local synchronous_commit = off; notify todostack_outbox; commit";

/// Tells the relay that there is something to publish.
#[derive(Clone, Debug)]
pub(crate) struct Wake(mpsc::Sender<()>);

impl Wake {
    /// Starts the task that notifies; it ends with the last clone.
    pub(crate) fn new(pool: PgPool) -> Self {
        let (sender, mut asked) = mpsc::channel(1);
        tokio::spawn(async move {
            while asked.recv().await.is_some() {
                if let Err(error) = sqlx::raw_sql(NOTIFY).execute(&pool).await {
                    // The relay looks by itself once its poll interval is over.
                    tracing::debug!(%error, "the relay was not woken");
                }
                tokio::time::sleep(INTERVAL).await;
            }
        });
        Self(sender)
    }

    /// Returns at once. While a notification is already asked for, that one tells of this commit too.
    pub(crate) fn wake(&self) {
        let _ = self.0.try_send(());
    }
}
