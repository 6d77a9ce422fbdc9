//! One partition of one topic: its messages in order, a batch at a time, none before the one before it
//! is dealt with or dead.

use std::{sync::Arc, time::Duration};

use rdkafka::{Message as _, message::OwnedMessage};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::publisher::Sender;
use crate::{
    consumer::Outcome,
    intake::{Intake, Read},
    transport::Refusal,
};

/// Messages that are handed over at once, at most.
const BATCH: usize = 500;

/// How long an event that fails is tried again, as the stack's Resiliency has it for Dapr.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// The first pause; each is twice the one before.
    pub first: Duration,
    /// The longest pause.
    pub longest: Duration,
    /// All pauses together; then the event is a dead letter. Time in which the database is away does
    /// not count.
    pub total: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(200),
            longest: Duration::from_secs(5),
            total: Duration::from_secs(300),
        }
    }
}

/// What a partition's messages are dealt with by.
pub(super) struct Worker {
    pub(super) intake: Arc<Intake>,
    /// Topic without the stack's prefix; `None`: the consumer's dead-letter topic.
    pub(super) topic: Option<String>,
    /// Full name of the dead-letter topic.
    pub(super) dead_letters: String,
    pub(super) sender: Arc<Sender>,
    pub(super) patience: Patience,
    pub(super) shutdown: CancellationToken,
}

/// Messages up to an offset are dealt with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Progress {
    /// The next offset to read.
    pub(super) next: i64,
    /// How many messages that was.
    pub(super) messages: usize,
}

impl Worker {
    /// Deals with what comes, until there is no more or `shutdown`; `progress` tells what is done.
    pub(super) async fn run(
        self,
        mut messages: mpsc::UnboundedReceiver<OwnedMessage>,
        mut progress: impl FnMut(Progress) + Send,
    ) {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            let count = tokio::select! {
                biased;
                () = self.shutdown.cancelled() => return,
                count = messages.recv_many(&mut batch, BATCH) => count,
            };
            let Some(last) = batch.last() else { return };
            let next = last.offset() + 1;
            if !self.deal_with(std::mem::take(&mut batch)).await {
                return;
            }
            progress(Progress {
                next,
                messages: count,
            });
        }
    }

    /// `false`: the process stops before all are dealt with; they come again.
    async fn deal_with(&self, mut batch: Vec<OwnedMessage>) -> bool {
        let mut pause = self.patience.first;
        let mut paused = Duration::ZERO;
        loop {
            let outcomes = match &self.topic {
                Some(topic) => {
                    let read: Vec<Read> = batch
                        .iter()
                        .map(|message| {
                            self.intake
                                .read(topic, message.payload().unwrap_or_default())
                        })
                        .collect();
                    self.intake.take(read).await
                }
                None => vec![self.bury(&batch).await; batch.len()],
            };
            let mut failed = Vec::new();
            let mut held = false;
            let mut outcomes = outcomes.into_iter();
            batch.retain(|message| match outcomes.next() {
                Some(Outcome::Done) => false,
                Some(Outcome::Failed(_)) => {
                    failed.push(message.offset());
                    true
                }
                Some(Outcome::GivenBack) | None => {
                    held = true;
                    true
                }
            });
            if batch.is_empty() {
                return true;
            }
            if !failed.is_empty() && paused >= self.patience.total {
                if !self.give_up(&batch, &failed).await {
                    return false;
                }
                batch.retain(|message| !failed.contains(&message.offset()));
                if batch.is_empty() {
                    return true;
                }
            }
            if !self.sleep(pause).await {
                return false;
            }
            if !held {
                paused += pause;
            }
            pause = (pause * 2).min(self.patience.longest);
        }
    }

    /// Moves messages to the dead-letter topic. `false`: the process stops first.
    async fn give_up(&self, batch: &[OwnedMessage], failed: &[i64]) -> bool {
        for message in batch {
            if !failed.contains(&message.offset()) {
                continue;
            }
            let body = message.payload().unwrap_or_default();
            let key = message.key().unwrap_or_default();
            loop {
                match self.sender.send(&self.dead_letters, key, body).await {
                    Ok(()) => break,
                    // It lies in a topic already, so this cannot be; the list takes it all the same.
                    Err(Refusal::Permanent(_)) => {
                        if self.intake.bury(vec![body.to_vec()]).await.is_ok() {
                            break;
                        }
                    }
                    Err(Refusal::Transient) => {}
                }
                if !self.sleep(self.patience.longest).await {
                    return false;
                }
            }
        }
        true
    }

    /// Records dead letters.
    async fn bury(&self, batch: &[OwnedMessage]) -> Outcome {
        let bodies = batch
            .iter()
            .map(|message| message.payload().unwrap_or_default().to_vec());
        match self.intake.bury(bodies.collect()).await {
            Ok(()) => Outcome::Done,
            Err(error) => {
                tracing::warn!(consumer = self.intake.name(), %error,
                    "dead letters are not recorded yet; it is tried again");
                Outcome::GivenBack
            }
        }
    }

    /// `false`: the process stops.
    async fn sleep(&self, pause: Duration) -> bool {
        tokio::select! {
            () = tokio::time::sleep(pause) => true,
            () = self.shutdown.cancelled() => false,
        }
    }
}
