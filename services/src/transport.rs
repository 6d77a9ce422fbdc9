//! Publishing events.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use domain::event::{Event, Topic};

use crate::{consumer::Outcome, intake::Intake};

/// An event on its way out.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// Topic without the stack's prefix.
    pub topic: Topic,
    /// The event; its subject is the partition key.
    pub event: Event,
}

/// Why the broker did not take an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It may take it later: it is away, or a leader of a partition is.
    Transient,
    /// It never will, for this reason: the event is too large.
    Permanent(String),
}

/// Where the relay publishes to.
#[async_trait]
pub trait Publisher: Send + Sync + 'static {
    /// Publishes a batch that holds at most one event of a topic and subject. For each entry, in the
    /// same order: whether the broker has it.
    ///
    /// # Errors
    /// When nothing is known of any entry; all of them are tried again.
    async fn publish(&self, batch: &[Outgoing]) -> anyhow::Result<Vec<Result<(), Refusal>>>;
}

/// Hands events straight to the consumers of this process.
pub struct InProcess {
    consumers: Vec<Arc<Intake>>,
}

/// How often an event is offered to a consumer before it is a dead letter.
const ATTEMPTS: u32 = 5;

impl InProcess {
    /// A transport to these consumers.
    pub fn new(consumers: Vec<Arc<Intake>>) -> Self {
        Self { consumers }
    }
}

#[async_trait]
impl Publisher for InProcess {
    async fn publish(&self, batch: &[Outgoing]) -> anyhow::Result<Vec<Result<(), Refusal>>> {
        // A slow consumer delays the next batch, but none of the others in this one.
        let all = self.consumers.iter().map(|consumer| async move {
            for topic in consumer.topics() {
                let events: Vec<Event> = batch
                    .iter()
                    .filter(|outgoing| outgoing.topic == *topic)
                    .map(|outgoing| outgoing.event.clone())
                    .collect();
                offer(consumer, events).await?;
            }
            Ok(())
        });
        // An error: the whole batch comes again, and the inboxes know what was dealt with.
        let all: Vec<sqlx::Result<()>> = futures::future::join_all(all).await;
        all.into_iter().collect::<sqlx::Result<()>>()?;
        Ok(vec![Ok(()); batch.len()])
    }
}

/// Offers events to a consumer until it has dealt with them or they are dead letters.
async fn offer(consumer: &Intake, mut events: Vec<Event>) -> sqlx::Result<()> {
    for attempt in 1..=ATTEMPTS {
        if events.is_empty() {
            return Ok(());
        }
        let outcomes = consumer.deliver(&events).await;
        if outcomes.contains(&Outcome::GivenBack) {
            // Nothing is known of the events themselves: they come again with their batch.
            return Err(sqlx::Error::PoolTimedOut);
        }
        let mut outcomes = outcomes.into_iter();
        events.retain(|_| outcomes.next() != Some(Outcome::Done));
        if attempt < ATTEMPTS && !events.is_empty() {
            tokio::time::sleep(Duration::from_millis(100) * 2u32.pow(attempt)).await;
        }
    }
    if events.is_empty() {
        return Ok(());
    }
    consumer.give_up(&events).await
}
