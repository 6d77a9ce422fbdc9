//! To come.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::context::Context;

/// Runs until `shutdown`.
pub async fn run(_context: Arc<Context>, shutdown: CancellationToken) {
    shutdown.cancelled().await;
}
