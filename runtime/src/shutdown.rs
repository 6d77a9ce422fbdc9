//! Graceful shutdown: SIGTERM and Ctrl-C cancel a token that every loop and server waits on.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// How long a process may take to end its work after the signal; Kubernetes kills it after 30 s.
pub const GRACE: Duration = Duration::from_secs(20);

/// A token that SIGTERM or Ctrl-C cancels. A second signal ends the process at once.
///
/// # Errors
/// When the signals cannot be listened for.
pub fn token() -> std::io::Result<CancellationToken> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let token = CancellationToken::new();
    let cancelled = token.clone();
    tokio::spawn(async move {
        for exit in [false, true] {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if exit {
                std::process::exit(130);
            }
            tracing::info!("stopping");
            cancelled.cancel();
        }
    });
    Ok(token)
}
