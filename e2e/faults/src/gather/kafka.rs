//! What Kafka knows: every record of the stack's topics, from the first to the last.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use crate::{
    history::{Excuse, Record, Time},
    world::PREFIX,
};

/// Patience with the broker.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Deserialize)]
struct Event {
    id: Uuid,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    data: Value,
}

/// The records of `task-events` and `reminders`, and the reminders among the dead letters.
///
/// # Errors
/// When the broker does not answer.
pub fn read(brokers: &str) -> Result<(Vec<Record>, Vec<Excuse>)> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "faults-checker") // never committed to
        .set("enable.auto.commit", "false")
        .create()
        .context("a Kafka client")?;
    let mut records = Vec::new();
    let mut dead = Vec::new();
    for topic in ["task-events", "reminders"] {
        for (partition, offset, key, payload) in all(&consumer, &format!("{PREFIX}{topic}"))? {
            let event: Event = serde_json::from_slice(&payload)
                .with_context(|| format!("no event: {}", String::from_utf8_lossy(&payload)))?;
            records.push(Record {
                topic: topic.into(),
                partition,
                offset,
                key,
                event: event.id,
                version: event.data["version"].as_i64(),
                kind: event.kind,
            });
        }
    }
    for (.., payload) in all(&consumer, &format!("{PREFIX}dead-letters.notifications"))? {
        let Ok(event) = serde_json::from_slice::<Event>(&payload) else {
            continue;
        };
        let task = event.data["taskId"]
            .as_str()
            .and_then(|text| text.parse().ok());
        let at = event.data["fireAt"]
            .as_str()
            .and_then(|text| text.parse::<Time>().ok());
        if let (Some(task), Some(fire_at), "reminder.due") = (task, at, event.kind.as_str()) {
            dead.push(Excuse {
                task,
                fire_at,
                channel: None,
                reason: "it is among the dead letters".into(),
            });
        }
    }
    Ok((records, dead))
}

type Raw = (i32, i64, String, Vec<u8>);

fn all(consumer: &BaseConsumer, topic: &str) -> Result<Vec<Raw>> {
    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE)?;
    let mut found = Vec::new();
    for partition in metadata
        .topics()
        .iter()
        .flat_map(|topic| topic.partitions())
    {
        let (first, end) = consumer.fetch_watermarks(topic, partition.id(), PATIENCE)?;
        if first == end {
            continue;
        }
        let mut place = TopicPartitionList::new();
        place.add_partition_offset(topic, partition.id(), Offset::Offset(first))?;
        consumer.assign(&place)?;
        let start = Instant::now();
        let mut next = first;
        while next < end {
            ensure!(
                start.elapsed() < PATIENCE,
                "{topic} stops at {next} of {end}"
            );
            let Some(message) = consumer.poll(Duration::from_millis(100)) else {
                continue;
            };
            let message = message.with_context(|| format!("reading {topic}"))?;
            if message.partition() != partition.id() {
                continue;
            }
            next = message.offset() + 1;
            let key = String::from_utf8_lossy(message.key().unwrap_or_default()).into_owned();
            let payload = message.payload().unwrap_or_default().to_vec();
            found.push((message.partition(), message.offset(), key, payload));
        }
    }
    Ok(found)
}
