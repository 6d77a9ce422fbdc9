//! Work on all tasks of a user that a request begins. What this process leaves undone, the sweep of the
//! reminders service goes on with.

use std::time::Duration;

use chrono::{SubsecRound, Utc};
use store::Store;
use uuid::Uuid;

/// How long an answer waits for it; the rest is done behind it.
const PATIENCE: Duration = Duration::from_secs(1);

/// Begins `work`, and waits for it a while: most users have few tasks, and see it done in the answer to their
/// next request.
pub(super) async fn begin(work: impl Future<Output = ()> + Send + 'static) {
    let work = tokio::spawn(work);
    let _ = tokio::time::timeout(PATIENCE, work).await;
}

/// Moves the user's all-day tasks into their new zone.
pub(super) async fn rezone(store: &Store, id: Uuid) {
    loop {
        let now = Utc::now().trunc_subsecs(6);
        match store::tasks::rezone_step(store, Some(id), now).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                tracing::warn!(%error, "a change of zone stopped half way; the sweep goes on with it");
                return;
            }
        }
    }
}

/// Writes the words by which the user's tasks are found.
pub(super) async fn reword(store: &Store, id: Uuid) {
    loop {
        match store::tasks::reword_step(store, Some(id)).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                tracing::warn!(%error, "writing words stopped half way; the sweep goes on with it");
                return;
            }
        }
    }
}
