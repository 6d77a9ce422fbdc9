//! The sidecar: publishing in bulk and Jobs, over Dapr's HTTP interface (1.16).

use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat, Utc};
use domain::{event::Topic, reminder::Alarm};
use reqwest::{Client, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    alarm::AlarmClock,
    transport::{Outgoing, Publisher},
};

/// Longer than any call should take, shorter than people wait.
const TIMEOUT: Duration = Duration::from_secs(10);

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

    fn job(&self, alarm: &Alarm) -> String {
        format!("{}/v1.0-alpha1/jobs/{}", self.base, alarm.name())
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
    async fn publish(&self, batch: &[Outgoing]) -> anyhow::Result<Vec<bool>> {
        let mut taken = vec![false; batch.len()];
        for topic in Topic::ALL {
            let entries: Vec<(usize, &Outgoing)> = batch
                .iter()
                .enumerate()
                .filter(|(_, entry)| entry.topic == topic)
                .collect();
            if entries.is_empty() {
                continue;
            }
            match self.publish_to(topic, &entries).await {
                Ok(failed) => {
                    for (place, _) in entries {
                        taken[place] = !failed.contains(&place.to_string());
                    }
                }
                // Of the other topics something may be known: what is not known counts as not taken.
                Err(error) => tracing::warn!(
                    topic = topic.as_str(),
                    error = format!("{error:#}"),
                    "publish failed; it is tried again"
                ),
            }
        }
        Ok(taken)
    }
}

impl DaprPublisher {
    /// Places of the entries that the broker did not take.
    async fn publish_to(
        &self,
        topic: Topic,
        entries: &[(usize, &Outgoing)],
    ) -> anyhow::Result<Vec<String>> {
        let body: Vec<Value> = entries
            .iter()
            .map(|(place, entry)| {
                json!({
                    "entryId": place.to_string(),
                    "event": entry.event,
                    "contentType": "application/cloudevents+json",
                    "metadata": {"partitionKey": entry.event.subject},
                })
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
        if status == StatusCode::NO_CONTENT {
            return Ok(Vec::new());
        }
        let text = response.text().await?;
        // 500 with a list: those failed, the others are with the broker.
        let answer: BulkAnswer = serde_json::from_str(&text)
            .ok()
            .filter(|answer: &BulkAnswer| !answer.failed_entries.is_empty())
            .with_context(|| format!("the sidecar answered {status}: {text}"))?;
        for entry in &answer.failed_entries {
            tracing::warn!(
                topic = topic.as_str(),
                error = entry.error,
                "the broker refused an event; it is tried again"
            );
        }
        Ok(answer
            .failed_entries
            .into_iter()
            .map(|entry| entry.entry_id)
            .collect())
    }
}

/// Dapr Jobs as the alarm clock: one-shot jobs with an absolute due time.
#[async_trait]
impl AlarmClock for Sidecar {
    async fn set(&self, alarm: &Alarm, at: DateTime<Utc>) -> anyhow::Result<()> {
        let body = json!({
            "dueTime": at.to_rfc3339_opts(SecondsFormat::Nanos, true),
            "repeats": 1,
            "overwrite": true,
            // A job without data is accepted and never delivered (Dapr 1.16.0).
            "data": alarm,
            // The default gives up after 3 attempts and deletes the job.
            "failurePolicy": {"constant": {"interval": "5s"}},
        });
        let response = self.client.post(self.job(alarm)).json(&body).send().await?;
        accepted(response).await
    }

    async fn cancel(&self, alarm: &Alarm) -> anyhow::Result<()> {
        let response = self.client.delete(self.job(alarm)).send().await?;
        if is_missing(response.status()) {
            let text = response.text().await?;
            anyhow::ensure!(text.contains("not found"), "the sidecar answered: {text}");
            return Ok(());
        }
        accepted(response).await
    }

    async fn is_set(&self, alarm: &Alarm) -> anyhow::Result<bool> {
        let response = self.client.get(self.job(alarm)).send().await?;
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
