//! The relay: outbox → pub/sub, in bulk, in order for each subject, nothing marked that the broker
//! did not acknowledge. Shards are claimed by advisory locks, so that a second replica takes over
//! when the first is gone.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use chrono::Utc;
use domain::event::Topic;
use sqlx::postgres::PgListener;
use store::{
    Store,
    dead_letters::{self, RELAY},
    idempotency,
    outbox::{self, Waiting},
};
use tokio::{sync::Notify, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::transport::{Outgoing, Publisher, Refusal};

/// Events of one batch, at most.
const BATCH: i64 = 1000;

/// A `NOTIFY` may be lost with its connection: look at least this often.
const POLL: Duration = Duration::from_secs(1);

/// Pause after a failure, doubled each time up to the second.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(3));

/// Rows that one statement deletes, at most.
const PRUNE: i64 = 10_000;

/// How long published events are kept, for devices that come back.
const KEEP: chrono::Duration = chrono::Duration::hours(24);

/// How long dead letters are kept, from when they failed last.
const KEEP_DEAD: chrono::Duration = chrono::Duration::days(30);

/// An event that failed and was not tried again for this long was dealt with by another process.
const RETRYING: chrono::Duration = chrono::Duration::hours(1);

/// How often shards are claimed anew, and old rows deleted.
const HOUSEKEEPING: Duration = Duration::from_secs(30);

/// The relay.
pub struct Relay {
    /// The store.
    pub store: Store,
    /// Where events go.
    pub publisher: Arc<dyn Publisher>,
    /// `source` of every event: `/todostack/<namespace>/<stack>`.
    pub source: String,
}

impl Relay {
    /// Runs until `shutdown`.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut pause = BACKOFF.0;
        while !shutdown.is_cancelled() {
            let outcome = tokio::select! {
                outcome = self.session(&mut pause, &shutdown) => outcome,
                () = shutdown.cancelled() => return,
            };
            if let Err(error) = outcome {
                tracing::warn!(
                    error = format!("{error:#}"),
                    "the relay lost its database; it connects again"
                );
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    () = shutdown.cancelled() => {}
                }
                pause = (pause * 2).min(BACKOFF.1);
            }
        }
    }

    /// Relays over one connection, which holds the locks of its shards.
    async fn session(
        &self,
        pause: &mut Duration,
        shutdown: &CancellationToken,
    ) -> anyhow::Result<()> {
        let mut listener = PgListener::connect_with(&self.store).await?;
        listener.listen(store::CHANNEL).await?;
        // Its own connection, closed with this session: the locks go with it.
        let mut connection = self.store.acquire().await?.detach();
        let mut shards = Vec::new();
        // Those whose gauge must go back to nothing.
        let mut consumers = BTreeSet::new();
        let mut housekeeping = tokio::time::interval(HOUSEKEEPING);
        housekeeping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let again = Notify::new();
        loop {
            tokio::select! {
                _ = housekeeping.tick() => {
                    for shard in outbox::lock_shards(&mut connection).await? {
                        // A session may take its own lock again; each is held once or more.
                        if !shards.contains(&shard) {
                            shards.push(shard);
                        }
                    }
                    metrics::gauge!("todostack_relay_shards").set(f64::from(u32::try_from(shards.len())?));
                    self.clean_up(&mut consumers).await?;
                }
                notified = tokio::time::timeout(POLL, listener.recv()) => {
                    if let Ok(notification) = notified {
                        notification.context("listen")?;
                    }
                }
                () = again.notified() => {}
                () = shutdown.cancelled() => return Ok(()),
            }
            // Housekeeping has its turn each second, also while the backlog is long.
            let turn = tokio::time::Instant::now() + POLL;
            while !shards.is_empty() && !shutdown.is_cancelled() {
                let batch = outbox::next_batch(&mut connection, &shards, BATCH).await?;
                if batch.is_empty() {
                    break;
                }
                if self.relay(&mut connection, batch).await? {
                    *pause = BACKOFF.0;
                } else {
                    tokio::select! {
                        () = tokio::time::sleep(*pause) => {}
                        () = shutdown.cancelled() => return Ok(()),
                    }
                    *pause = (*pause * 2).min(BACKOFF.1);
                    break;
                }
                if tokio::time::Instant::now() > turn {
                    // There may be more: no need to wait for the next notification.
                    again.notify_one();
                    break;
                }
            }
        }
    }

    /// Publishes a batch. `false`: the broker took nothing of it.
    async fn relay(
        &self,
        connection: &mut sqlx::PgConnection,
        batch: Vec<Waiting>,
    ) -> anyhow::Result<bool> {
        let mut rows = Vec::with_capacity(batch.len());
        let mut outgoing = Vec::with_capacity(batch.len());
        for waiting in batch {
            let topic = Topic::ALL
                .into_iter()
                .find(|topic| topic.as_str() == waiting.topic)
                .with_context(|| format!("the outbox names an unknown topic {}", waiting.topic))?;
            let mut event = waiting.event.0;
            event.source.clone_from(&self.source);
            rows.push((waiting.seq, waiting.created_at));
            outgoing.push(Outgoing { topic, event });
        }
        let outcome = match self.publisher.publish(&outgoing).await {
            Ok(outcome) => outcome,
            Err(error) => {
                tracing::warn!(
                    error = format!("{error:#}"),
                    "publish failed; it is tried again"
                );
                return Ok(false);
            }
        };
        let now = Utc::now();
        let mut published = Vec::with_capacity(rows.len());
        let mut refused = Vec::new();
        for ((seq, written), outcome) in rows.into_iter().zip(outcome) {
            match outcome {
                Ok(()) => {
                    published.push(seq);
                    let waited = (now - written).to_std().unwrap_or_default();
                    metrics::histogram!("todostack_outbox_delay_seconds")
                        .record(waited.as_secs_f64());
                }
                Err(Refusal::Permanent(reason)) => refused.push((seq, reason)),
                Err(Refusal::Transient) => {}
            }
        }
        outbox::mark_published(connection, &published).await?;
        if !refused.is_empty() {
            let dead = outbox::refused(connection, &refused).await?;
            if dead > 0 {
                tracing::error!(
                    events = dead,
                    reason = refused[0].1,
                    "dead letters: the broker never takes them; `todostack-services dlq list` names them"
                );
                metrics::counter!("todostack_dead_letters_total", "consumer" => RELAY)
                    .increment(dead.unsigned_abs());
            }
        }
        metrics::counter!("todostack_events_published_total").increment(published.len() as u64);
        Ok(!published.is_empty() || !refused.is_empty())
    }

    async fn clean_up(&self, consumers: &mut BTreeSet<String>) -> anyhow::Result<()> {
        let (waiting, oldest) = outbox::backlog(&self.store).await?;
        let age = oldest.map_or(0.0, |at| (Utc::now() - at).as_seconds_f64().max(0.0));
        #[allow(clippy::cast_precision_loss)] // a gauge
        metrics::gauge!("todostack_outbox_waiting").set(waiting as f64);
        metrics::gauge!("todostack_outbox_oldest_seconds").set(age);
        let before = Utc::now() - KEEP;
        while outbox::prune(&self.store, before, PRUNE).await? == PRUNE.unsigned_abs() {}
        // Longer than the broker keeps events by default (7 days).
        let before = Utc::now() - chrono::Duration::days(14);
        while store::inbox::prune(&self.store, before, PRUNE).await? == PRUNE.unsigned_abs() {}
        let before = Utc::now() - idempotency::KEPT;
        while idempotency::prune(&self.store, before, PRUNE).await? == PRUNE.unsigned_abs() {}
        let (dead, retrying) = (Utc::now() - KEEP_DEAD, Utc::now() - RETRYING);
        while dead_letters::prune(&self.store, dead, retrying, PRUNE).await? == PRUNE.unsigned_abs()
        {
        }
        let waiting: BTreeMap<String, i64> = dead_letters::waiting(&self.store)
            .await?
            .into_iter()
            .collect();
        consumers.extend(waiting.keys().cloned());
        for consumer in consumers.iter() {
            let count = waiting.get(consumer).copied().unwrap_or(0);
            #[allow(clippy::cast_precision_loss)] // a gauge
            metrics::gauge!("todostack_dead_letters_waiting", "consumer" => consumer.clone())
                .set(count as f64);
        }
        Ok(())
    }
}
