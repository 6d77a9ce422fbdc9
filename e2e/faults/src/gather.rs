//! Reads what the witnesses know, by SQL and Kafka clients of its own.

mod kafka;
mod postgres;

use std::time::Duration;

use anyhow::Result;
use chrono::Utc;

pub use kafka::read;
pub use postgres::{execute, rows, settled};

use crate::{history::History, workload::Channel, world::World};

/// How long what is under way may take to end: a round of the sweep, and a lease.
pub const PATIENCE: Duration = Duration::from_secs(130);

/// Waits until nothing is under way, at most for `patience`; then reads everything.
///
/// # Errors
/// When Postgres or Kafka does not answer.
pub async fn gather(
    world: &World,
    channels: &[Channel],
    patience: Duration,
    history: &mut History,
) -> Result<()> {
    let end = tokio::time::Instant::now() + patience;
    while !settled(&world.database).await.unwrap_or(false) && tokio::time::Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    history.until = Utc::now();
    rows(&world.database, channels, history).await?;
    let brokers = world.brokers.clone();
    let (records, dead) = tokio::task::spawn_blocking(move || read(&brokers)).await??;
    history.records = records;
    history.excuses.extend(dead);
    Ok(())
}
