//! Webhooks, signed by the Standard Webhooks scheme.

use async_trait::async_trait;
use chrono::Utc;
use domain::{reminder::Channel, trace::TraceContext, webhook::Secret};
use reqwest::RequestBuilder;
use store::channels::StoredChannel;
use uuid::Uuid;

use super::{
    http::{Http, host_of, judge},
    sender::{Attempt, Blame, Message, Sender},
};

/// Posts webhooks.
pub struct Webhooks {
    http: Http,
    default_url: Option<String>,
    default_secret: Option<Secret>,
}

impl Webhooks {
    /// A client; `default_url` and `default_secret` serve reminders without a channel of their own.
    ///
    /// # Errors
    /// When the HTTP client cannot be made.
    pub fn new(
        default_url: Option<String>,
        default_secret: Option<Secret>,
        allow_private: bool,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            http: Http::new(allow_private)?,
            default_url,
            default_secret,
        })
    }

    /// Whether there is a webhook for reminders that name no channel.
    pub fn has_default(&self) -> bool {
        self.default_url.is_some()
    }

    fn url<'a>(
        &'a self,
        channel: &'a Channel,
        stored: Option<&'a StoredChannel>,
    ) -> Option<&'a str> {
        stored
            .map(|channel| channel.url.as_str())
            .or(channel.url())
            .or(self.default_url.as_deref())
    }

    /// Posts a reminder to `url`, signed with `secret`; absent: the stack's.
    async fn post(
        &self,
        url: &str,
        secret: Option<&str>,
        message: Message<'_>,
    ) -> Result<Attempt, Attempt> {
        let Message { id, reminder, .. } = message;
        let secret = match secret {
            Some(own) => Secret::parse(own).map_err(|error| Attempt::GiveUp(error.to_string()))?,
            None => self
                .default_secret
                .clone()
                .ok_or_else(|| Attempt::GiveUp("the stack has no signing secret".into()))?,
        };
        let url = self.http.check(url)?;
        let id = id.to_string();
        let timestamp = Utc::now().timestamp();
        // What is signed must be what is sent, byte for byte.
        let body = serde_json::to_vec(&serde_json::json!({
            "type": reminder.kind(),
            "timestamp": reminder.fired_at,
            "data": reminder,
        }))
        .map_err(|error| Attempt::retry(Blame::Nobody, error.to_string()))?;
        let signature = secret.sign(&id, timestamp, &body);
        let request = self
            .http
            .post(url)
            .header("content-type", "application/json")
            .header("webhook-id", &id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signature)
            .body(body);
        let request = match message.trace {
            Some(trace) => traced(request, trace),
            None => request,
        };
        Ok(judge(&self.http.send(request).await?))
    }
}

/// The same within a trace, as a span of its own: each attempt is one.
fn traced(request: RequestBuilder, trace: &TraceContext) -> RequestBuilder {
    let (_, span) = Uuid::new_v4().as_u64_pair();
    let trace = trace.child(span.to_be_bytes());
    let request = request.header("traceparent", trace.traceparent());
    match trace.tracestate() {
        Some(state) => request.header("tracestate", state),
        None => request,
    }
}

#[async_trait]
impl Sender for Webhooks {
    fn receiver(&self, channel: &Channel, stored: Option<&StoredChannel>) -> String {
        self.url(channel, stored)
            .map_or_else(|| "nowhere".into(), host_of)
    }

    async fn send(&self, message: Message<'_>) -> Attempt {
        let Some(url) = self.url(message.channel, message.stored) else {
            return Attempt::GiveUp("the stack has no webhook".into());
        };
        let secret = message.stored.map(|channel| channel.secret.as_str());
        self.post(url, secret, message)
            .await
            .unwrap_or_else(|over| over)
    }
}

#[cfg(test)]
mod tests {
    use domain::reminder::ReminderEvent;

    use super::*;
    use crate::notifications::addresses::NOT_PUBLIC;

    #[tokio::test]
    async fn a_private_address_is_refused_for_good() {
        let secret = Secret::parse(&Secret::text(&[1; 32])).unwrap();
        let webhooks = Webhooks::new(None, Some(secret), false).unwrap();
        let reminder = ReminderEvent {
            reminder_id: Uuid::nil(),
            occurrence: 0,
            generation: 1,
            task_id: None,
            priority: None,
            message: "m".into(),
            fire_at: Utc::now(),
            fired_at: None,
            lateness_ms: None,
            reason: None,
            channels: Vec::new(),
            digest: None,
        };
        let attempt = async |url: &str| {
            let channel = Channel::Webhook {
                url: Some(url.into()),
                id: None,
            };
            webhooks
                .send(Message {
                    channel: &channel,
                    stored: None,
                    id: Uuid::nil(),
                    reminder: &reminder,
                    wording: None,
                    trace: None,
                })
                .await
        };
        assert_eq!(
            attempt("http://127.0.0.1:1/").await,
            Attempt::GiveUp(NOT_PUBLIC.into())
        );
        // By name it fails in the resolver, and may work later.
        assert_eq!(
            attempt("http://localhost:1/").await,
            Attempt::retry(Blame::Receiver, NOT_PUBLIC)
        );
    }
}
