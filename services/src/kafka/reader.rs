//! Reading a topic from its first message to what is its end now, beside all consumer groups.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use rdkafka::{
    Message as _, Offset, TopicPartitionList,
    consumer::{Consumer as _, StreamConsumer},
    error::KafkaError,
};

use super::{KafkaArgs, Logged};

/// Patience with the brokers.
const PATIENCE: Duration = Duration::from_secs(30);

/// Messages that are handed over at once, at most.
const BATCH: usize = 500;

/// Hands all messages of a topic to `handle`, partition by partition, in batches; how many they were.
///
/// # Errors
/// When the brokers cannot be reached or the topic is not there, or what `handle` says.
pub async fn read_all(
    kafka: &KafkaArgs,
    topic: &str,
    mut handle: impl AsyncFnMut(Vec<Vec<u8>>) -> anyhow::Result<()>,
) -> anyhow::Result<u64> {
    let consumer: Arc<StreamConsumer<Logged>> = Arc::new(
        kafka
            .config()?
            // librdkafka wants one; without a commit there is no such group at the broker.
            .set("group.id", "todostack-reader")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("enable.partition.eof", "true")
            .set("queued.max.messages.kbytes", "8192")
            .create_with_context(Logged)?,
    );
    let (asking, name) = (consumer.clone(), topic.to_owned());
    // librdkafka blocks.
    let ends = tokio::task::spawn_blocking(move || ends(&asking, &name))
        .await?
        .with_context(|| format!("topic {topic}"))?;
    let mut total = 0;
    for (partition, first, end) in ends {
        if first >= end {
            continue;
        }
        let mut place = TopicPartitionList::new();
        place.add_partition_offset(topic, partition, Offset::Offset(first))?;
        consumer.assign(&place)?;
        let mut batch = Vec::with_capacity(BATCH);
        let mut next = first;
        while next < end {
            let received = tokio::time::timeout(PATIENCE, consumer.recv())
                .await
                .with_context(|| format!("{topic}: nothing came behind offset {next} of {end}"))?;
            match received {
                // Left over from the partition before.
                Ok(message) if message.partition() != partition => continue,
                Ok(message) => {
                    next = message.offset() + 1;
                    batch.push(message.payload().unwrap_or_default().to_vec());
                    total += 1;
                }
                Err(KafkaError::PartitionEOF(at)) if at == partition => next = end,
                // Transient: librdkafka connects again by itself.
                Err(error) => {
                    tracing::warn!(topic, %error, "Kafka: nothing can be read now");
                    continue;
                }
            }
            if batch.len() == BATCH {
                handle(std::mem::take(&mut batch)).await?;
            }
        }
        if !batch.is_empty() {
            handle(batch).await?;
        }
    }
    Ok(total)
}

/// Of each partition the first offset and the one behind the last.
fn ends(consumer: &StreamConsumer<Logged>, topic: &str) -> anyhow::Result<Vec<(i32, i64, i64)>> {
    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE)?;
    let found = metadata.topics().iter().find(|found| found.name() == topic);
    let found = found.context("the brokers do not know it")?;
    anyhow::ensure!(
        found.error().is_none() && !found.partitions().is_empty(),
        "there is no such topic"
    );
    found
        .partitions()
        .iter()
        .map(|partition| {
            let (first, end) = consumer.fetch_watermarks(topic, partition.id(), PATIENCE)?;
            Ok((partition.id(), first, end))
        })
        .collect()
}
