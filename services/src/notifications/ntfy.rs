//! Messages to a topic of an ntfy server (<https://docs.ntfy.sh/publish/>).

use async_trait::async_trait;
use domain::reminder::Channel;
use store::channels::StoredChannel;

use super::{
    http::{Http, host_of, judge},
    sender::{Attempt, Message, Sender},
    templates,
};

/// Posts to ntfy servers.
pub struct Ntfy {
    http: Http,
    /// What a tap on the message opens.
    click: Option<String>,
}

impl Ntfy {
    /// `click` is what a tap on a message opens.
    ///
    /// # Errors
    /// When the HTTP client cannot be made.
    pub fn new(allow_private: bool, click: Option<String>) -> anyhow::Result<Self> {
        Ok(Self {
            http: Http::new(allow_private)?,
            click,
        })
    }

    async fn post(&self, message: Message<'_>, stored: &StoredChannel) -> Result<Attempt, Attempt> {
        let url = self.http.check(stored.target())?;
        let words = templates::words(&message, None);
        let (title, body) = match message.reminder.digest {
            None => ("Reminder", words.title),
            Some(_) => ("Digest", words.text),
        };
        let mut request = self
            .http
            .post(url)
            // Headers are ASCII; what the user wrote is the body.
            .header("Title", title)
            .header("Priority", "high")
            .header("Tags", "alarm_clock")
            .header("Idempotency-Key", message.id.to_string())
            .body(body);
        if let Some(click) = &self.click {
            request = request.header("Click", click);
        }
        if !stored.secret.is_empty() {
            request = request.bearer_auth(&stored.secret);
        }
        Ok(judge(&self.http.send(request).await?))
    }
}

#[async_trait]
impl Sender for Ntfy {
    fn receiver(&self, _: &Channel, stored: Option<&StoredChannel>) -> String {
        stored.map_or_else(|| "nowhere".into(), |stored| host_of(&stored.url))
    }

    async fn send(&self, message: Message<'_>) -> Attempt {
        match message.stored {
            Some(stored) => self.post(message, stored).await.unwrap_or_else(|over| over),
            None => Attempt::GiveUp("there is no topic".into()),
        }
    }
}
