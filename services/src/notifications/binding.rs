//! Output bindings of Dapr, called through our sidecar
//! (<https://docs.dapr.io/reference/api/bindings_api/>): whatever Dapr can write to is a channel.

use std::collections::BTreeSet;

use async_trait::async_trait;
use domain::reminder::Channel;
use serde_json::json;
use store::channels::StoredChannel;

use super::{
    http::{Http, judge},
    sender::{Attempt, Message, Sender},
    templates,
};

/// Calls output bindings.
pub struct Bindings {
    http: Http,
    sidecar: String,
    listed: BTreeSet<String>,
}

impl Bindings {
    /// `listed` are the bindings that users may name; `dapr_http_port` is that of our sidecar.
    ///
    /// # Errors
    /// When the HTTP client cannot be made.
    pub fn new(
        dapr_http_port: u16,
        listed: impl IntoIterator<Item = String>,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            // The sidecar is on the loopback address; where the binding leads the platform engineer decides.
            http: Http::new(true)?,
            sidecar: format!("http://127.0.0.1:{dapr_http_port}"),
            listed: listed.into_iter().collect(),
        })
    }

    async fn call(&self, message: Message<'_>, name: &str) -> Result<Attempt, Attempt> {
        // A name could be a path of the sidecar's API otherwise.
        if !self.listed.contains(name) {
            return Err(Attempt::GiveUp(format!(
                "the stack does not list the binding {name:?}; `spec.notifications.bindings` of the TodoStack does"
            )));
        }
        let url = self
            .http
            .check(&format!("{}/v1.0/bindings/{name}", self.sidecar))?;
        let words = templates::words(&message, None);
        let body = json!({
            "operation": "create",
            "data": {
                "type": message.reminder.kind(),
                "id": message.id,
                "title": words.title,
                "text": words.text,
                "data": message.reminder,
            },
        });
        let request = self
            .http
            .post(url)
            .header("content-type", "application/json")
            .body(body.to_string());
        Ok(judge(&self.http.send(request).await?))
    }
}

#[async_trait]
impl Sender for Bindings {
    fn receiver(&self, _: &Channel, stored: Option<&StoredChannel>) -> String {
        stored.map_or_else(|| "nowhere".into(), |stored| stored.url.clone())
    }

    async fn send(&self, message: Message<'_>) -> Attempt {
        match message.stored {
            Some(stored) => self
                .call(message, stored.target())
                .await
                .unwrap_or_else(|over| over),
            None => Attempt::GiveUp("there is no binding".into()),
        }
    }
}
