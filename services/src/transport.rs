//! Publishing events.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use domain::event::{Event, Topic};

use crate::consumer::{Consumer, deliver};

/// An event on its way out.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// Topic without the stack's prefix.
    pub topic: Topic,
    /// The event; its subject is the partition key.
    pub event: Event,
}

/// Where the relay publishes to.
#[async_trait]
pub trait Publisher: Send + Sync + 'static {
    /// Publishes a batch that holds at most one event of a topic and subject. For each entry, in the
    /// same order: whether the broker has it.
    ///
    /// # Errors
    /// When nothing is known of any entry; all of them are tried again.
    async fn publish(&self, batch: &[Outgoing]) -> anyhow::Result<Vec<bool>>;
}

/// Hands events straight to the consumers of this process.
pub struct InProcess {
    consumers: Vec<Arc<dyn Consumer>>,
}

/// How often an event is offered to a consumer before it is given up, as a broker would move it to
/// the dead letters.
const ATTEMPTS: u32 = 5;

impl InProcess {
    /// A transport to these consumers.
    pub fn new(consumers: Vec<Arc<dyn Consumer>>) -> Self {
        Self { consumers }
    }
}

#[async_trait]
impl Publisher for InProcess {
    async fn publish(&self, batch: &[Outgoing]) -> anyhow::Result<Vec<bool>> {
        for Outgoing { topic, event } in batch {
            for consumer in &self.consumers {
                if !consumer.topics().contains(topic) {
                    continue;
                }
                let mut attempt = 1;
                while deliver(consumer.as_ref(), event).await.is_err() {
                    if attempt == ATTEMPTS {
                        tracing::error!(consumer = consumer.name(), event = %event.id, "given up");
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(100) * 2u32.pow(attempt)).await;
                    attempt += 1;
                }
            }
        }
        Ok(vec![true; batch.len()])
    }
}
