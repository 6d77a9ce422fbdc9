//! Waiting for what must come to be, with an end and a reason.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// How often a probe is asked.
const PERIOD: Duration = Duration::from_millis(200);

/// Asks `probe` until it answers, at most for `within`. An `Err` of the probe means "not yet"; the
/// last one is the reason when the time is up.
///
/// # Errors
/// The probe's last error, when the time is up.
pub async fn eventually<T>(
    what: &str,
    within: Duration,
    mut probe: impl AsyncFnMut() -> Result<T>,
) -> Result<T> {
    let start = Instant::now();
    let mut reason = anyhow::anyhow!("it never answered");
    while start.elapsed() < within {
        // A probe that hangs is one that says "not yet".
        let left = within.saturating_sub(start.elapsed()).max(PERIOD);
        match tokio::time::timeout(left, probe()).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => reason = error,
            Err(_) => break,
        }
        tokio::time::sleep(PERIOD).await;
    }
    Err(reason).with_context(|| format!("waited {} s for {what}", within.as_secs()))
}
