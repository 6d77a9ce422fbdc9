//! What the webhook sink received, checked as a receiver should: by signature.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use chrono::{DateTime, Utc};
use domain::{reminder::ReminderEvent, webhook::Secret};
use kube::Client;
use serde::Deserialize;

use super::{
    Reach, eventually,
    reach::{Forward, Target},
    stack::NAMESPACE,
};
use crate::sink::Delivery;

/// A webhook whose signature was right.
#[derive(Debug, Clone)]
pub struct Received {
    /// When the sink had it.
    pub at: DateTime<Utc>,
    /// `webhook-id`: the idempotency key.
    pub id: String,
    /// The body.
    pub reminder: ReminderEvent,
}

impl Received {
    /// How long after its time it arrived.
    pub fn late(&self) -> chrono::TimeDelta {
        self.at - self.reminder.fire_at
    }
}

/// A webhook's body: the reminder itself, or an envelope with the reminder as `data`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Body {
    Envelope { data: ReminderEvent },
    Bare(ReminderEvent),
}

/// The sink's address within the cluster.
pub const SINK_URL: &str = "http://webhook-sink.default.svc.cluster.local:8080/";

/// A port of the sink that takes connections and never answers.
pub const HANGING_URL: &str = "http://webhook-sink.default.svc.cluster.local:8081/";

/// The sink in the cluster, and the secret that its senders sign with.
#[derive(Debug, Clone)]
pub struct Webhooks {
    forward: Arc<Forward>,
    http: reqwest::Client,
    secret: Secret,
}

impl Webhooks {
    /// Opens a way to the sink.
    ///
    /// # Errors
    /// When no local port is to be had.
    pub async fn open(client: Client, reach: Reach, secret: Secret) -> Result<Self> {
        let target = Target::Service {
            namespace: NAMESPACE.into(),
            name: "webhook-sink".into(),
            port: 8080,
        };
        Ok(Self {
            forward: Arc::new(Forward::reach(client, target, reach).await?),
            http: super::gateway::http()?,
            secret,
        })
    }

    /// The same sink, for senders that sign with another secret.
    pub fn signed_with(&self, secret: Secret) -> Self {
        Self {
            secret,
            ..self.clone()
        }
    }

    /// Everything whose body has this text in it, refused or not.
    ///
    /// # Errors
    /// When the sink does not answer.
    pub async fn deliveries(&self, contains: &str) -> Result<Vec<Delivery>> {
        let url = self.forward.url("/deliveries");
        let request = self.http.get(url).query(&[("contains", contains)]);
        let answer = request.send().await.context("asking the webhook sink")?;
        let answer = answer.error_for_status().context("the webhook sink")?;
        answer.json().await.context("the webhook sink's answer")
    }

    /// How many have this text in their body, refused or not.
    ///
    /// # Errors
    /// When the sink does not answer.
    pub async fn count(&self, contains: &str) -> Result<usize> {
        let url = self.forward.url("/count");
        let request = self.http.get(url).query(&[("contains", contains)]);
        let answer = request.send().await.context("asking the webhook sink")?;
        let answer = answer.error_for_status().context("the webhook sink")?;
        answer.json().await.context("the webhook sink's answer")
    }

    /// Those taken whose body has this text in it, whoever signed them.
    ///
    /// # Errors
    /// When the sink does not answer, or a body is no reminder.
    pub async fn arrivals(&self, contains: &str) -> Result<Vec<Received>> {
        let deliveries = self.deliveries(contains).await?;
        let taken = deliveries.iter().filter(|delivery| !delivery.refused);
        taken.map(read).collect()
    }

    /// Makes the sink refuse the next posts with 503.
    ///
    /// # Errors
    /// When the sink does not answer.
    pub async fn refuse(&self, times: u32) -> Result<()> {
        let url = self.forward.url("/fail");
        let request = self.http.post(url).query(&[("times", times)]);
        let answer = request.send().await.context("asking the webhook sink")?;
        answer.error_for_status().context("the webhook sink")?;
        Ok(())
    }

    /// Those taken whose body has this text in it, each with a valid signature.
    ///
    /// # Errors
    /// When one is not signed as it must be.
    pub async fn taken(&self, contains: &str) -> Result<Vec<Received>> {
        let deliveries = self.deliveries(contains).await?;
        let taken = deliveries.iter().filter(|delivery| !delivery.refused);
        taken.map(|delivery| self.verified(delivery)).collect()
    }

    /// The one that has this text in it, as soon as it is there.
    ///
    /// # Errors
    /// When the time is up, when there are several, or when its signature is wrong.
    pub async fn one(&self, contains: &str, within: Duration) -> Result<Received> {
        let what = format!("a webhook with {contains:?}");
        let mut received = eventually(&what, within, async || {
            let received = self.taken(contains).await?;
            ensure!(!received.is_empty(), "the sink has none with {contains:?}");
            Ok(received)
        })
        .await?;
        if received.len() > 1 {
            bail!(
                "{} webhooks with {contains:?}, not one: {received:#?}",
                received.len()
            );
        }
        received.pop().context("there is one")
    }

    /// Waits, then makes sure that exactly `count` came with this text, duplicates included.
    ///
    /// # Errors
    /// When there are more or fewer.
    pub async fn still(&self, count: usize, contains: &str, after: Duration) -> Result<()> {
        tokio::time::sleep(after).await;
        let received = self.taken(contains).await?;
        ensure!(
            received.len() == count,
            "{} webhooks with {contains:?}, not {count}: {received:#?}",
            received.len()
        );
        Ok(())
    }

    fn verified(&self, delivery: &Delivery) -> Result<Received> {
        let timestamp = delivery
            .webhook_timestamp
            .parse()
            .with_context(|| format!("webhook-timestamp {:?}", delivery.webhook_timestamp))?;
        self.secret
            .verify(
                &delivery.webhook_id,
                timestamp,
                delivery.body.as_bytes(),
                &delivery.webhook_signature,
                delivery.received_at.timestamp(),
            )
            .with_context(|| format!("the signature of {delivery:?}"))?;
        read(delivery)
    }
}

/// The reminder in a delivery.
fn read(delivery: &Delivery) -> Result<Received> {
    let body = serde_json::from_str(&delivery.body)
        .with_context(|| format!("a webhook's body: {}", delivery.body))?;
    let (Body::Envelope { data: reminder } | Body::Bare(reminder)) = body;
    Ok(Received {
        at: delivery.received_at,
        id: delivery.webhook_id.clone(),
        reminder,
    })
}
