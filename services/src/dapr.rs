//! The sidecar: publishing in bulk and Jobs, over Dapr's HTTP interface (1.16).

use std::{collections::HashMap, time::Duration};

use anyhow::Context as _;
use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat, Utc};
use domain::event::{Event, Topic};
use futures::future::join_all;
use reqwest::{Client, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::transport::{Outgoing, Publisher, Refusal};

/// Longer than any call should take, shorter than people wait.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes of events in one bulk publish, at most, unless it is one event: the sidecar takes bodies of
/// 4 MB, and the broker's batches are smaller.
const PART: usize = 1 << 20;

/// Refused parts of one batch after which the broker is taken to be away: a batch of 500 with one bad
/// event is halved nine times.
const MOST_REFUSALS: u32 = 12;

/// Our sidecar.
#[derive(Clone)]
pub struct Sidecar {
    client: Client,
    base: String,
}

impl Sidecar {
    /// The sidecar at this port of the loopback interface.
    ///
    /// # Errors
    /// When the HTTP client cannot be made.
    pub fn new(port: u16) -> anyhow::Result<Self> {
        runtime::tls::install_provider();
        Ok(Self {
            client: Client::builder().timeout(TIMEOUT).no_proxy().build()?,
            base: format!("http://127.0.0.1:{port}"),
        })
    }

    fn job(&self, name: &str) -> String {
        format!("{}/v1.0-alpha1/jobs/{name}", self.base)
    }
}

/// Publishes through a pub/sub component.
pub struct DaprPublisher {
    /// The sidecar.
    pub sidecar: Sidecar,
    /// Name of the component.
    pub pubsub: String,
    /// What topic names begin with.
    pub prefix: String,
}

/// Answer of a bulk publish
/// (<https://docs.dapr.io/reference/api/pubsub_api/#publish-multiple-messages-to-a-given-topic>).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BulkAnswer {
    #[serde(default)]
    failed_entries: Vec<FailedEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FailedEntry {
    entry_id: String,
    #[serde(default)]
    error: String,
}

#[async_trait]
impl Publisher for DaprPublisher {
    async fn publish(&self, batch: &[Outgoing]) -> anyhow::Result<Vec<Result<(), Refusal>>> {
        let topics = Topic::ALL.map(|topic| {
            let entries: Vec<(usize, &Outgoing)> = batch
                .iter()
                .enumerate()
                .filter(|(_, entry)| entry.topic == topic)
                .collect();
            async move { self.publish_all(topic, &entries).await }
        });
        let mut outcome = vec![Err(Refusal::Transient); batch.len()];
        for (place, known) in join_all(topics).await.into_iter().flatten() {
            outcome[place] = known;
        }
        Ok(outcome)
    }
}

/// What became of the entry at a place.
type Known = (usize, Result<(), Refusal>);

impl DaprPublisher {
    /// Publishes in parts that the sidecar takes; what is known of the entries. A part that is refused
    /// as a whole is tried again in halves, so that one event that cannot be published keeps no other
    /// back.
    async fn publish_all(&self, topic: Topic, entries: &[(usize, &Outgoing)]) -> Vec<Known> {
        let mut known = Vec::with_capacity(entries.len());
        let mut parts = parts(entries);
        let mut refusals = 0;
        while let Some(part) = parts.pop() {
            let error = match self.publish_to(topic, part).await {
                Ok(outcome) => {
                    known.extend(outcome);
                    continue;
                }
                Err(error) => format!("{error:#}"),
            };
            tracing::warn!(
                topic = topic.as_str(),
                events = part.len(),
                error,
                "publish failed; it is tried again"
            );
            refusals += 1;
            // The broker, not an event: no need to ask for each of them.
            if refusals > MOST_REFUSALS {
                break;
            }
            if let [(place, _)] = part {
                known.push((*place, Err(refusal(error))));
            } else {
                let (left, right) = part.split_at(part.len() / 2);
                parts.extend([right, left]);
            }
        }
        known
    }

    /// What became of each entry of a part.
    ///
    /// # Errors
    /// When the broker took none of them.
    async fn publish_to(
        &self,
        topic: Topic,
        entries: &[(usize, &Outgoing)],
    ) -> anyhow::Result<Vec<Known>> {
        let body: Vec<BulkEntry<'_>> = entries
            .iter()
            .map(|(place, entry)| BulkEntry {
                entry_id: place.to_string(),
                event: &entry.event,
                content_type: "application/cloudevents+json",
                metadata: PartitionKey {
                    partition_key: &entry.event.subject,
                },
            })
            .collect();
        let url = format!(
            "{}/v1.0-alpha1/publish/bulk/{}/{}{}",
            self.sidecar.base,
            self.pubsub,
            self.prefix,
            topic.as_str()
        );
        let response = self.sidecar.client.post(url).json(&body).send().await?;
        let status = response.status();
        let failed = if status == StatusCode::NO_CONTENT {
            Vec::new()
        } else {
            let text = response.text().await?;
            // 500 with a list: those failed, the others are with the broker.
            serde_json::from_str(&text)
                .ok()
                .map(|answer: BulkAnswer| answer.failed_entries)
                .filter(|failed| !failed.is_empty())
                .with_context(|| format!("the sidecar answered {status}: {text}"))?
        };
        if let Some(first) = failed.first()
            && failed.len() >= entries.len()
        {
            anyhow::bail!("the broker took nothing: {}", first.error);
        }
        let mut refused: HashMap<String, String> = failed
            .into_iter()
            .map(|entry| (entry.entry_id, entry.error))
            .collect();
        Ok(entries
            .iter()
            .map(|(place, _)| match refused.remove(&place.to_string()) {
                None => (*place, Ok(())),
                Some(error) => {
                    tracing::warn!(topic = topic.as_str(), error, "the broker refused an event");
                    (*place, Err(refusal(error)))
                }
            })
            .collect())
    }
}

/// An entry of a bulk publish.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BulkEntry<'a> {
    entry_id: String,
    event: &'a Event,
    content_type: &'static str,
    metadata: PartitionKey<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PartitionKey<'a> {
    partition_key: &'a str,
}

/// Whether trying again can help. Only an event's size is known never to pass: by sarama's
/// `MaxMessageBytes`, Kafka's `MESSAGE_TOO_LARGE`, or the sidecar's own limit of a body.
fn refusal(error: String) -> Refusal {
    let text = error.to_lowercase();
    let size = ["too large", "larger than", "413"];
    if size.iter().any(|words| text.contains(words)) {
        Refusal::Permanent(error)
    } else {
        Refusal::Transient
    }
}

/// Cuts a batch into runs of at most [`PART`] bytes.
fn parts<'a, 'b>(entries: &'a [(usize, &'b Outgoing)]) -> Vec<&'a [(usize, &'b Outgoing)]> {
    let mut parts = Vec::new();
    let (mut begin, mut bytes) = (0, 0);
    for (index, (_, entry)) in entries.iter().enumerate() {
        let size = entry.event.data.to_string().len() + 512;
        if bytes + size > PART && index > begin {
            parts.push(&entries[begin..index]);
            (begin, bytes) = (index, 0);
        }
        bytes += size;
    }
    if begin < entries.len() {
        parts.push(&entries[begin..]);
    }
    parts
}

impl Sidecar {
    /// Sets a one-shot Job, or sets it again: `POST /job/<name>` comes at `due`, or at once where that has
    /// passed (<https://docs.dapr.io/reference/api/jobs_api/>).
    ///
    /// # Errors
    /// When the sidecar cannot be reached or refuses.
    pub async fn set_job(&self, name: &str, due: DateTime<Utc>) -> anyhow::Result<()> {
        let body = json!({
            "dueTime": due.to_rfc3339_opts(SecondsFormat::Nanos, true),
            "repeats": 1,
            "overwrite": true,
            // A job without data is accepted and never delivered (Dapr 1.16.0).
            "data": {"name": name},
            // The default gives up after 3 attempts and deletes the job.
            "failurePolicy": {"constant": {"interval": "5s"}},
        });
        let response = self.client.post(self.job(name)).json(&body).send().await?;
        accepted(response).await
    }

    /// Whether the scheduler has a Job of this name.
    ///
    /// # Errors
    /// When the sidecar cannot be reached, or answers neither way.
    pub async fn has_job(&self, name: &str) -> anyhow::Result<bool> {
        let response = self.client.get(self.job(name)).send().await?;
        let status = response.status();
        if status.is_success() {
            return Ok(true);
        }
        // Dapr 1.16 answers 500 for a job that is not there.
        let text = response.text().await?;
        anyhow::ensure!(
            is_missing(status) && text.contains("not found"),
            "the sidecar answered {status}: {text}"
        );
        Ok(false)
    }
}

fn is_missing(status: StatusCode) -> bool {
    status == StatusCode::NOT_FOUND || status == StatusCode::INTERNAL_SERVER_ERROR
}

async fn accepted(response: reqwest::Response) -> anyhow::Result<()> {
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let text = response.text().await.unwrap_or_default();
    anyhow::bail!("the sidecar answered {status}: {text}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::Utc;
    use domain::event::EventType;
    use uuid::Uuid;

    #[test]
    fn parts_are_small_and_lose_nothing() {
        let big = |bytes: usize| Outgoing {
            topic: Topic::TaskEvents,
            event: Event::new(
                Uuid::new_v4(),
                EventType::TaskCreated,
                "s",
                None,
                Utc::now(),
                json!({"description": "x".repeat(bytes)}),
            ),
        };
        let events: Vec<Outgoing> = [600_000, 600_000, 10, 2_000_000, 10].map(big).into();
        let entries: Vec<(usize, &Outgoing)> = events.iter().enumerate().collect();
        let sizes: Vec<usize> = parts(&entries).iter().map(|part| part.len()).collect();
        assert_eq!(sizes, [1, 2, 1, 1]);
        assert!(parts(&[]).is_empty());
    }
}
