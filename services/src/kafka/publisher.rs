//! Publishing: idempotent, acknowledged by all replicas in sync.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use futures::future::join_all;
use rdkafka::{
    ClientConfig,
    error::{KafkaError, RDKafkaErrorCode},
    message::{Header, OwnedHeaders},
    producer::{FutureProducer, FutureRecord, Producer as _},
};

use super::{KafkaArgs, Logged};
use crate::transport::{Outgoing, Publisher, Refusal};

/// How long the broker may take with an event, all attempts together.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Publishes to Kafka.
pub struct KafkaPublisher {
    sender: Sender,
    prefix: String,
}

impl KafkaPublisher {
    /// To these brokers, to topics that begin with `prefix`.
    ///
    /// # Errors
    /// When the settings cannot be used.
    pub fn new(kafka: &KafkaArgs, prefix: String) -> anyhow::Result<Self> {
        Ok(Self {
            sender: Sender::new(kafka)?,
            prefix,
        })
    }
}

#[async_trait]
impl Publisher for KafkaPublisher {
    async fn publish(&self, batch: &[Outgoing]) -> anyhow::Result<Vec<Result<(), Refusal>>> {
        let all = batch.iter().map(|outgoing| async move {
            let topic = format!("{}{}", self.prefix, outgoing.topic.as_str());
            let event = &outgoing.event;
            match serde_json::to_vec(event) {
                Ok(body) => {
                    self.sender
                        .send(&topic, event.subject.as_bytes(), &body)
                        .await
                }
                Err(error) => Err(Refusal::Permanent(error.to_string())),
            }
        });
        Ok(join_all(all).await)
    }
}

/// A producer that is made anew when it cannot go on.
pub(super) struct Sender {
    config: ClientConfig,
    producer: Mutex<FutureProducer<Logged>>,
}

impl Sender {
    pub(super) fn new(kafka: &KafkaArgs) -> anyhow::Result<Self> {
        let mut config = kafka.config()?;
        config
            .set("enable.idempotence", "true")
            .set("acks", "all")
            // The partition that Dapr's client (sarama) puts a subject into.
            .set("partitioner", "fnv1a")
            .set("message.timeout.ms", TIMEOUT.as_millis().to_string())
            // A batch is sent once it is complete; what comes alone waits for nobody that it would notice.
            .set("linger.ms", "2")
            .set("queue.buffering.max.kbytes", "16384");
        Ok(Self {
            producer: Mutex::new(config.create_with_context(Logged)?),
            config,
        })
    }

    fn producer(&self) -> FutureProducer<Logged> {
        // It is replaced as a whole.
        let mut producer = self.producer.lock().unwrap_or_else(PoisonError::into_inner);
        // An idempotent producer that cannot know any more what the broker has must not go on.
        if let Some((code, reason)) = producer.client().fatal_error() {
            tracing::warn!(%code, reason, "Kafka: a new producer");
            match self.config.create_with_context(Logged) {
                Ok(new) => *producer = new,
                Err(error) => tracing::error!(%error, "Kafka: no producer"),
            }
        }
        producer.clone()
    }

    /// Sends a message, and waits until the broker has it.
    pub(super) async fn send(&self, topic: &str, key: &[u8], body: &[u8]) -> Result<(), Refusal> {
        let producer = self.producer();
        let headers = OwnedHeaders::new().insert(Header {
            key: "content-type",
            value: Some("application/cloudevents+json"),
        });
        let record = FutureRecord::to(topic)
            .key(key)
            .payload(body)
            .headers(headers);
        let sent = producer.send_result(record).map_err(|(error, _)| error);
        let sent = match sent {
            Ok(delivery) => match delivery.await {
                Ok(delivered) => delivered.map(|_| ()).map_err(|(error, _)| error),
                Err(_) => return Err(Refusal::Transient),
            },
            Err(error) => Err(error),
        };
        sent.map_err(|error| {
            let refusal = refusal(&error);
            tracing::warn!(topic, %error, "Kafka did not take an event");
            refusal
        })
    }
}

/// Whether trying again can help: not when the message is too large, for us or for the broker.
fn refusal(error: &KafkaError) -> Refusal {
    match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::MessageSizeTooLarge | RDKafkaErrorCode::InvalidMessageSize) => {
            Refusal::Permanent(error.to_string())
        }
        _ => Refusal::Transient,
    }
}
