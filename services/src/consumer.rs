//! Consuming events: what a consumer is, and handing it a batch.

use std::time::Duration;

use async_trait::async_trait;
use domain::{
    event::{Event, Topic},
    trace::TraceContext,
};
use tokio::time::Instant;

/// While the database is away, events are held for so long before they are given back: less than the
/// sidecar waits for an answer (30 s, the stack's Resiliency).
const HELD: Duration = Duration::from_secs(15);

/// How often a held batch is tried.
const TRIED: Duration = Duration::from_millis(250);

/// Who has dead letters: the consumers by their names, and the relay for what the broker never took.
pub const NAMES: [&str; 6] = [
    "audit",
    "notifications",
    "recurrence",
    "reminders",
    "sync",
    store::dead_letters::RELAY,
];

/// Reacts to events. Each event comes at least once; [`store::inbox`] makes its effect happen once.
#[async_trait]
pub trait Consumer: Send + Sync + 'static {
    /// Name in the inbox, in metrics, of the consumer group and of the dead-letter topic.
    fn name(&self) -> &'static str;

    /// The topics that it reads.
    fn topics(&self) -> &'static [Topic];

    /// Deals with events, in this order, all of them or none. Their effects are durable when this
    /// returns.
    ///
    /// # Errors
    /// When it could not deal with all of them; [`deliver`] then finds out with which it can.
    async fn handle(&self, events: &[Event]) -> anyhow::Result<()>;
}

/// What came of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Its effects are durable.
    Done,
    /// It alone could not be dealt with, for this reason.
    Failed(String),
    /// The database is away: nothing is known of the event itself.
    GivenBack,
}

/// Hands events to a consumer and counts the outcomes. What came of each, in their order.
///
/// A batch that fails is halved until the events that make it fail stand alone, so that they hold no
/// other back. While the database is away the batch is held, and goes on as soon as it is back.
pub async fn deliver(consumer: &dyn Consumer, events: &[Event]) -> Vec<Outcome> {
    let mut outcomes = vec![Outcome::GivenBack; events.len()];
    let mut parts: Vec<_> = std::iter::once(0..events.len()).collect();
    let held_until = Instant::now() + HELD;
    let mut given_back = false;
    while let Some(part) = parts.pop() {
        if part.is_empty() || given_back {
            continue;
        }
        match consumer.handle(&events[part.clone()]).await {
            Ok(()) => outcomes[part].fill(Outcome::Done),
            Err(error) => {
                let away = is_away(&error);
                if away && Instant::now() < held_until {
                    parts.push(part);
                    tokio::time::sleep(TRIED).await;
                    continue;
                }
                given_back = away;
                if !away && part.len() > 1 {
                    let middle = part.start + part.len() / 2;
                    parts.extend([middle..part.end, part.start..middle]);
                    continue;
                }
                let event = &events[part.start];
                let reason = format!("{error:#}");
                let trace_id = event.trace.as_ref().map(TraceContext::trace_id);
                tracing::warn!(consumer = consumer.name(), event = %event.id, trace_id,
                    kind = event.kind.as_str(), events = part.len(), error = reason,
                    "could not be dealt with; it comes again");
                if !away {
                    outcomes[part.start] = Outcome::Failed(reason);
                }
            }
        }
    }
    for (event, outcome) in events.iter().zip(&outcomes) {
        metrics::counter!("todostack_events_consumed_total",
            "consumer" => consumer.name(), "type" => event.kind.as_str(),
            "result" => if *outcome == Outcome::Done { "ok" } else { "retry" })
        .increment(1);
    }
    outcomes
}

/// Whether an error says that the database cannot be reached, whatever is asked of it.
pub(crate) fn is_away(error: &anyhow::Error) -> bool {
    matches!(
        error.downcast_ref(),
        Some(sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed)
    )
}
