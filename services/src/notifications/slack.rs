//! Messages to an incoming webhook of Slack (<https://api.slack.com/messaging/webhooks>), or of
//! Mattermost, Rocket.Chat and others that take the same.

use async_trait::async_trait;
use domain::reminder::Channel;
use reqwest::StatusCode;
use serde_json::json;
use store::channels::StoredChannel;

use super::{
    http::{Http, host_of, judge},
    sender::{Attempt, Message, Sender},
    templates,
};

/// Posts to incoming webhooks.
pub struct Slack {
    http: Http,
}

impl Slack {
    /// # Errors
    /// When the HTTP client cannot be made.
    pub fn new(allow_private: bool) -> anyhow::Result<Self> {
        Ok(Self {
            http: Http::new(allow_private)?,
        })
    }

    async fn post(&self, message: Message<'_>, stored: &StoredChannel) -> Result<Attempt, Attempt> {
        let url = self.http.check(stored.target())?;
        let words = templates::words(&message, None);
        let body = json!({"text": escaped(&words.text)}).to_string();
        let request = self
            .http
            .post(url)
            .header("content-type", "application/json")
            .header("Idempotency-Key", message.id.to_string())
            .body(body);
        let response = self.http.send(request).await?;
        let status = response.status();
        // `no_service`, `channel_not_found`: it was removed there.
        if status == StatusCode::NOT_FOUND {
            return Err(Attempt::GiveUp(format!("the receiver answered {status}")));
        }
        Ok(judge(&response))
    }
}

/// The three characters that mean something
/// (<https://api.slack.com/reference/surfaces/formatting#escaping>).
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[async_trait]
impl Sender for Slack {
    fn receiver(&self, _: &Channel, stored: Option<&StoredChannel>) -> String {
        stored.map_or_else(|| "nowhere".into(), |stored| host_of(&stored.url))
    }

    async fn send(&self, message: Message<'_>) -> Attempt {
        match message.stored {
            Some(stored) => self.post(message, stored).await.unwrap_or_else(|over| over),
            None => Attempt::GiveUp("there is no webhook".into()),
        }
    }
}
