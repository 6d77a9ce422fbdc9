//! An independent Kafka client: reads the stack's topics as anybody could.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use chrono::{DateTime, Utc};
use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
};
use serde_json::Value;

/// Patience with one request to the broker.
const PATIENCE: Duration = Duration::from_secs(10);

/// One record of a topic.
#[derive(Debug, Clone)]
pub struct Record {
    /// Its key: the event's subject.
    pub key: String,
    /// Its timestamp, set when it was produced.
    pub time: DateTime<Utc>,
    /// The CloudEvent.
    pub event: Value,
}

impl Record {
    /// A text attribute of the event.
    pub fn attribute(&self, name: &str) -> &str {
        self.event[name].as_str().unwrap_or_default()
    }
}

/// The broker.
#[derive(Debug, Clone)]
pub struct Kafka {
    brokers: String,
}

impl Kafka {
    /// A client of these brokers; nothing is connected yet.
    pub fn new(brokers: &str) -> Self {
        Self {
            brokers: brokers.into(),
        }
    }

    /// Every topic with its number of partitions.
    ///
    /// # Errors
    /// When no broker answers.
    pub async fn topics(&self) -> Result<BTreeMap<String, usize>> {
        self.blocking(|consumer| {
            let metadata = consumer.fetch_metadata(None, PATIENCE)?;
            let topics = metadata.topics().iter();
            Ok(topics
                .map(|t| (t.name().to_owned(), t.partitions().len()))
                .collect())
        })
        .await
    }

    /// Reads `topic` from `since` on, until `enough` says so of what was read, at most for `within`.
    ///
    /// # Errors
    /// When the time is up, saying what was read.
    pub async fn read(
        &self,
        topic: &str,
        since: DateTime<Utc>,
        within: Duration,
        enough: impl Fn(&[Record]) -> bool + Send + 'static,
    ) -> Result<Vec<Record>> {
        let topic = topic.to_owned();
        self.blocking(move |consumer| {
            assign(consumer, &topic, since)?;
            let start = Instant::now();
            let mut records = Vec::new();
            while !enough(&records) {
                if start.elapsed() > within {
                    let seen = records.iter().map(|r: &Record| {
                        format!("{} {}", r.attribute("type"), r.attribute("subject"))
                    });
                    let seen: Vec<_> = seen.collect();
                    bail!(
                        "topic {topic} brought in {} s only {seen:?}",
                        within.as_secs()
                    );
                }
                if let Some(message) = consumer.poll(Duration::from_millis(100)) {
                    records.push(record(&message.context("reading a topic")?)?);
                }
            }
            Ok(records)
        })
        .await
    }

    /// The first record of `topic` since then whose event has this type and mentions `id`.
    ///
    /// # Errors
    /// When there is none within the time.
    pub async fn event(
        &self,
        topic: &str,
        since: DateTime<Utc>,
        kind: &'static str,
        id: String,
        within: Duration,
    ) -> Result<Record> {
        let wanted =
            move |r: &Record| r.attribute("type") == kind && r.event.to_string().contains(&id);
        let last = wanted.clone();
        let enough = move |records: &[Record]| records.last().is_some_and(&last);
        let records = self.read(topic, since, within, enough).await?;
        let found = records.into_iter().find(wanted);
        found.with_context(|| format!("no {kind} in {topic}"))
    }

    /// librdkafka blocks; so does this, on a thread of its own.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&BaseConsumer) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let brokers = self.brokers.clone();
        tokio::task::spawn_blocking(move || {
            let consumer: BaseConsumer = ClientConfig::new()
                .set("bootstrap.servers", &brokers)
                .set("group.id", "todostack-e2e") // never committed to: partitions are assigned by hand
                .set("enable.auto.commit", "false")
                .set("topic.metadata.refresh.interval.ms", "1000")
                .create()
                .context("a Kafka client")?;
            work(&consumer).with_context(|| format!("Kafka at {brokers}"))
        })
        .await
        .context("the Kafka thread")?
    }
}

/// Puts the consumer on every partition, at the first record since then.
fn assign(consumer: &BaseConsumer, topic: &str, since: DateTime<Utc>) -> Result<()> {
    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE)?;
    let mut ends = BTreeMap::new();
    let mut wanted = TopicPartitionList::new();
    for partition in metadata
        .topics()
        .iter()
        .flat_map(|topic| topic.partitions())
    {
        let (_, end) = consumer.fetch_watermarks(topic, partition.id(), PATIENCE)?;
        ends.insert(partition.id(), end);
        let since = Offset::Offset(since.timestamp_millis());
        wanted.add_partition_offset(topic, partition.id(), since)?;
    }
    if ends.is_empty() {
        bail!("there is no topic {topic}");
    }
    let found = consumer.offsets_for_times(wanted, PATIENCE)?;
    let mut starts = TopicPartitionList::new();
    for element in found.elements() {
        // "At the end" would be looked up later, when a record may have come that it then leaves
        // out; the end as it was before the question is never too late.
        let start = match element.offset() {
            offset @ Offset::Offset(_) => offset,
            _ => Offset::Offset(ends.get(&element.partition()).copied().unwrap_or_default()),
        };
        starts.add_partition_offset(topic, element.partition(), start)?;
    }
    consumer.assign(&starts).context("assigning partitions")
}

fn record(message: &impl Message) -> Result<Record> {
    let payload = message.payload().unwrap_or_default();
    let time = message.timestamp().to_millis().unwrap_or_default();
    Ok(Record {
        key: String::from_utf8_lossy(message.key().unwrap_or_default()).into_owned(),
        time: DateTime::from_timestamp_millis(time).context("a record has a time")?,
        event: serde_json::from_slice(payload)
            .with_context(|| format!("not JSON: {}", String::from_utf8_lossy(payload)))?,
    })
}
